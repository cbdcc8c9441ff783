// Overload (S3): with many answers waiting for the journal only what takes risk off is served. And what systemd is told.
import assert from 'node:assert'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, sleep, within } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const order = (more = {}) => ({ instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01', ...more })

test('overload: the reserved lane is served longer, others are answered 42901, then all are', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--overload-waiting', '5'] })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    for (let i = 0; i < 20; i++) await venue.post(alice, 'private/create-order', order({ client_oid: `rest${i}` }))
    const socket = await venue.socket()
    await socket.signIn(alice)
    // All in one packet, so that they are of one turn of the loop and none is durable before the last is read.
    const burst = async (calls) => {
      socket.link.cork()
      const ids = calls.map(([method, params]) => { const id = Venue.ids++; socket.send({ id, method, params }); return id })
      socket.link.uncork()
      const codes = []
      for (const id of ids) codes.push((await socket.next((message) => message.id === id)).code)
      return codes
    }
    const cancel = (i) => ['private/cancel-order', { client_oid: `rest${i}` }]
    const codes = await burst([
      ...Array.from({ length: 7 }, () => ['private/create-order', order()]),
      ...Array.from({ length: 9 }, (_, i) => cancel(i)),
      ['private/user-balance', {}]
    ])
    assert.deepEqual(codes.slice(0, 5), Array(5).fill(0))
    assert.deepEqual(codes.slice(5, 7), [42901, 42901])
    // The refused ones wait for the same batch: 7 are waiting, and 3 of the reserved lane fit below 10.
    assert.deepEqual(codes.slice(7, 10), [0, 0, 0])
    assert.deepEqual(codes.slice(10, 16), Array(6).fill(42901))
    assert.equal(codes[16], 0, 'reading goes on')
    // It is over as soon as the journal has caught up.
    assert.deepEqual(await burst([['private/create-order', order()], cancel(19)]), [0, 0])
    socket.close()
  } finally { await venue.remove() }
})

test('crowded: the memory of all connections together has a ceiling; what takes risk off is served, then the heaviest go', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--queue-memory', '1M'] })
  const held = async () => Number((await venue.metrics()).text.match(/^ringfence_queue_bytes (\S+)$/m)[1])
  const until = async (what, condition) => {
    for (const end = Date.now() + 20000; !(await condition()); await sleep(10)) assert.ok(Date.now() < end, what)
  }
  let gone = 0
  const hoards = []
  // A request whose body does not come to its end: 64 KiB each.
  const hoard = (count) => {
    for (let i = 0; i < count; i++) {
      const socket = net.connect(venue.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => gone++)
      socket.write(`POST /exchange/v1/private/create-order HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(50000)}`)
      hoards.push(socket)
    }
  }
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const socket = await venue.socket('market')
    await venue.post(alice, 'private/create-order', order({ client_oid: 'one' }))
    hoard(24)
    await until('24 hoards', async () => await held() > 1 << 20)
    await venue.post(alice, 'private/create-order', order(), 42901)
    await venue.post(alice, 'private/user-balance', {}, 42901) // reading waits too
    await venue.get('public/get-instruments', '', 42901)
    await socket.call('subscribe', { channels: [`book.${BTC}`] }, 42901)
    await venue.operator('get-status') // who can help
    await venue.post(alice, 'private/cancel-order', { client_oid: 'one' })
    assert.equal(gone, 0, 'nobody had to go yet')
    hoard(40)
    await until('some go', () => gone > 0)
    await until('all 64 were seen', async () => gone + Number((await venue.metrics()).text.match(/^ringfence_connections (\S+)$/m)[1]) >= 64)
    assert.ok(await held() <= 2 << 20, 'never above twice as much')
    for (const one of hoards) one.destroy()
    await until('all is let go', async () => await held() < 1 << 20)
    await venue.post(alice, 'private/create-order', order())
    await socket.call('subscribe', { channels: [`book.${BTC}`] })
    socket.close()
  } finally {
    for (const one of hoards) one.destroy()
    await venue.remove()
  }
})

test('systemd is told READY, WATCHDOG and STOPPING', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const where = path.join(home, 'notify')
  // Node has no datagram sockets of this family.
  const listener = spawn('setpriv', ['--pdeathsig', 'KILL', 'python3', '-uc', 'import socket, sys\n' +
    'ears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nears.bind(sys.argv[1])\nprint("bound")\n' +
    'while True: print(ears.recv(4096).decode())', where])
  let heard = ''
  let look = () => {}
  listener.stdout.on('data', (part) => { heard += part; look() })
  const hears = (word) => within(20000, `${word} in ${heard}`, new Promise((done) => {
    look = () => { if (heard.includes(word)) done() }
    look()
  }))
  let venue
  try {
    await hears('bound')
    venue = await Venue.start({ env: { NOTIFY_SOCKET: where, WATCHDOG_USEC: '2000000' } })
    await hears('READY=1')
    assert.ok(!heard.includes('STOPPING'))
    await hears('WATCHDOG=1')
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
    await hears('STOPPING=1')
  } finally {
    listener.kill('SIGKILL')
    await venue?.remove()
    fs.rmSync(home, { recursive: true, force: true })
  }
})
