// What is kept on disk and what is let go: snapshots, the journal behind them (journal_keep), a history that is gone or
// behind, and a disk that is full to the last byte.
import assert from 'node:assert'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Machine } from './machine.mjs'
import { Venue, sleep, tell, within } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const quick = ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0']
const small = [...quick, '--snapshot-every', '1000', '--segment-size', '1M', '--snapshot-keep', '2']

const numbers = (venue, prefix) => fs.readdirSync(venue.data).filter((name) => new RegExp(`^${prefix}-\\d+$`).test(name))
  .map((name) => Number(name.slice(prefix.length + 1))).sort((a, b) => a - b)
const value = async (venue, name) => Number((await venue.metrics()).text.match(new RegExp(`^ringfence_${name} (\\S+)$`, 'm'))[1])

// Orders that rest and go: two records and a row of the history each.
async function fill(venue, key, count) {
  let left = count
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (left-- > 0) {
      const placed = await venue.post(key, 'private/create-order', { instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01' })
      await venue.post(key, 'private/cancel-order', { order_id: placed.result.order_id })
    }
  }))
}

async function until(what, ms = 20000) {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const got = await what()
    if (got) return got
    assert.ok(Date.now() < end, `waited ${ms} ms for ${what}`)
  }
}

async function ordersOf(venue, key) {
  const ids = new Set()
  let cursor
  do {
    const { result } = await venue.post(key, 'private/get-order-history', { start_time: '1', limit: '100', ...(cursor && { cursor }) })
    for (const row of result.data) ids.add(row.order_id)
    cursor = result.next_cursor
  } while (cursor)
  return ids.size
}

test('all of the journal is kept, unless journal_keep says how much', async () => {
  const venue = await Venue.start({ args: small })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    await fill(venue, alice, 4000)
    await until(() => numbers(venue, 'journal').length > 1 && numbers(venue, 'snapshot').length === 2)
    assert.equal(numbers(venue, 'journal')[0], 1)
    await venue.stop()
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)

    venue.args = [...small, '--journal-keep', '2']
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await fill(venue, alice, 2500)
    await until(() => numbers(venue, 'journal')[0] > 1)
    const before = await venue.operator('get-account', { account: 'alice' })
    await venue.stop('SIGKILL')
    // Each snapshot that is left leads on: the journal holds the record behind the oldest one.
    assert.ok(numbers(venue, 'journal')[0] <= numbers(venue, 'snapshot')[0] + 1)
    await venue.run()
    const after = await venue.operator('get-account', { account: 'alice' })
    assert.deepEqual(after.result.balance, before.result.balance)
    assert.equal(await ordersOf(venue, alice), 6500)
    await venue.stop()
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)

    // A history that is gone begins where the journal does now.
    for (const name of fs.readdirSync(venue.data)) if (name.startsWith('history.db')) fs.rmSync(path.join(venue.data, name))
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await fill(venue, alice, 10)
    const left = await ordersOf(venue, alice)
    assert.ok(left >= 10 && left < 6510, `${left}`)
    assert.equal(await value(venue, 'history_failed'), 0)
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
  } finally { await venue.remove() }
})

test('a history that cannot write keeps what it needs, and is whole after a restart', async () => {
  const venue = await Venue.start({ args: [...small, '--journal-keep', '1'] })
  let holder
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    await fill(venue, alice, 600)
    await until(async () => (await value(venue, 'history_behind_records')) === 0)
    // Somebody holds the database's lock.
    holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'python3', '-c', 'import sqlite3, sys, time\n' +
      'base = sqlite3.connect(sys.argv[1], timeout=10)\nbase.execute("BEGIN IMMEDIATE")\nprint("held", flush=True)\ntime.sleep(600)',
    path.join(venue.data, 'history.db')])
    await within(20000, 'the lock is held', new Promise((done) => holder.stdout.once('data', done)))
    const held = await value(venue, 'journal_durable_seq')
    await fill(venue, alice, 3000)
    await until(async () => (await value(venue, 'history_failed')) === 1)
    assert.ok(await value(venue, 'history_behind_records') > 5000)
    assert.ok(await value(venue, 'history_rows_waiting') > 0)
    await until(() => numbers(venue, 'snapshot').at(-1) > held + 4000)
    // Newer snapshots are kept as always, and the one that the history goes on from, with the journal behind it.
    assert.equal(numbers(venue, 'snapshot').length, 3)
    assert.ok(numbers(venue, 'snapshot')[0] <= held)
    assert.ok(numbers(venue, 'journal')[0] <= held)
    await venue.stop('SIGKILL')
    holder.kill('SIGKILL')
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    assert.equal(await ordersOf(venue, alice), 3600)
    await until(async () => (await value(venue, 'history_behind_records')) === 0)
    assert.equal(await value(venue, 'history_failed'), 0)
    // It has caught up: now the journal may go.
    await fill(venue, alice, 1500)
    await until(() => numbers(venue, 'journal')[0] > held)
  } finally {
    holder?.kill('SIGKILL')
    await venue.remove()
  }
})

test('R8: on a disk that is full the server stops cleanly, and goes on once there is space', async (t) => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'none', home], { stdio: 'pipe' })
  } catch (error) {
    fs.rmdirSync(home)
    console.log('SKIP a full disk: a file system of its own cannot be mounted here (needs root)')
    return t.skip('no mount')
  }
  const venue = await Venue.start({ home, args: [...quick, '--snapshot-every', '100000', '--segment-size', '1M', '--orders', '1024', '--positions', '1024',
    '--recent-orders', '1024', '--reserve-percent', '0'] }).catch((error) => { execFileSync('umount', ['-l', home]); throw error })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    await fill(venue, alice, 20)
    await venue.post(alice, 'private/create-order', { instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01', client_oid: 'kept' })
    const before = await venue.operator('get-account', { account: 'alice' })
    const ballast = path.join(home, 'ballast')
    const free = fs.statfsSync(home)
    fs.writeFileSync(ballast, Buffer.alloc(free.bavail * free.bsize - (8 << 20)))
    const end = await within(20000, 'it stops', venue.ended)
    assert.deepEqual(end, { code: 1, signal: null })
    assert.match(venue.log, /event=disk_full/)
    assert.match(venue.log, /the disk is full/)
    // To the last byte: it does not start, and says so, and nothing is spoilt by that.
    const rest = fs.statfsSync(home)
    fs.writeFileSync(path.join(home, 'more'), Buffer.alloc(rest.bavail * rest.bsize))
    await assert.rejects(venue.run().then(() => within(20000, 'it stops', venue.ended)).then((how) => { throw new Error(`it ended: ${how.code}`) }), /it ended/)
    fs.rmSync(ballast)
    fs.rmSync(path.join(home, 'more'))
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    assert.deepEqual((await venue.operator('get-account', { account: 'alice' })).result.balance, before.result.balance)
    assert.deepEqual((await venue.post(alice, 'private/get-open-orders')).result.data.map((row) => row.client_oid), ['kept'])
    await fill(venue, alice, 5)
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
  } finally {
    if (venue.child.exitCode === null && venue.child.signalCode === null) await venue.stop('SIGKILL')
    execFileSync('umount', ['-l', home])
    fs.rmdirSync(home)
  }
})

// ---- A disk that is slow, then one that fails --------------------------------------------------------------------

const order = (price, more = {}) => ({ instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: String(price), quantity: '0.01', ...more })

test('a slow disk: nothing is told before it is kept, what waits shares a flush, and a kill loses nothing that was told', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  const venue = await Venue.start({ home, args: quick, env: machine.env })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    const told = await venue.socket('market')
    await told.call('subscribe', { channels: [`trade.${BTC}`] })
    await venue.post(alice, 'private/create-order', order(50000, { side: 'SELL', quantity: '1' }))
    machine.disk(700)
    const start = performance.now()
    const after = async (what) => { await what; return performance.now() - start }
    const [taken, heard, read] = await Promise.all([
      after(venue.post(bob, 'private/create-order', order(50000))),
      after(told.next((message) => message.result?.channel === 'trade' && message.result.data.length === 1)),
      // Later than the order, so it sees it: what it shows may not be lost any more.
      sleep(100).then(() => after(venue.get('public/get-book', `instrument_name=${BTC}&depth=1`)))
    ])
    for (const [what, ms] of Object.entries({ taken, heard, read })) assert.ok(ms >= 650, `${what} after ${ms} ms`)
    // Sixty at once are some flushes, not sixty.
    const begun = performance.now()
    await Promise.all(Array.from({ length: 60 }, (_, i) => venue.post(alice, 'private/create-order', order(40000 + i, { client_oid: `a${i}` }))))
    assert.ok(performance.now() - begun < 15 * 700, `60 orders took ${performance.now() - begun} ms`)
    // Some of these are on the disk when it is killed, some are not; whoever was told is right.
    const asked = Array.from({ length: 30 }, (_, i) => venue.post(bob, 'private/create-order', order(41000 + i, { client_oid: `b${i}` }))
      .then(() => `b${i}`, () => null))
    await Promise.race(asked)
    await venue.stop('SIGKILL')
    const acknowledged = (await Promise.all(asked)).filter(Boolean)
    assert.ok(acknowledged.length > 0)
    machine.disk(0)
    await venue.run(machine.env)
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    const open = (await venue.post(bob, 'private/get-open-orders')).result.data.map((row) => row.client_oid)
    for (const oid of acknowledged) assert.ok(open.includes(oid), `${oid} was acknowledged and is gone`)
    assert.equal(new Set(open).size, open.length)
    assert.equal((await venue.post(alice, 'private/get-open-orders')).result.data.length, 61)
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})

test('a flush that fails halts the server before anybody is answered, and is not tried again', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  const venue = await Venue.start({ home, args: quick, env: machine.env })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    await venue.post(alice, 'private/create-order', order(40000, { client_oid: 'kept' }))
    machine.disk(0, 'EIO')
    const asked = [1, 2, 3].map((i) => venue.post(alice, 'private/create-order', order(40000 + i, { client_oid: `lost${i}` })).then(() => 'told', () => 'gone'))
    const end = await within(20000, 'it halts', venue.ended)
    assert.deepEqual(end, { code: 1, signal: null })
    assert.match(venue.log, /event=halted/)
    assert.deepEqual(await Promise.all(asked), ['gone', 'gone', 'gone'])
    assert.ok(!/event=snapshot /.test(venue.log)) // of a state that may be lost
    machine.disk(0)
    await venue.run(machine.env)
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    const open = (await venue.post(alice, 'private/get-open-orders')).result.data.map((row) => row.client_oid)
    assert.ok(open.includes('kept'))
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})
