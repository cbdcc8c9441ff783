// S12, S13: what a running server has given up, what its refusals do not tell, and the unit that an operator starts it by.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, program } from './venue.mjs'

const EXPOSURE_MAX = 15 // of systemd-analyze, times ten

test('a running server starts no program, takes no rights and leaves no core', async () => {
  const venue = await Venue.start()
  try {
    const read = (name) => fs.readFileSync(`/proc/${venue.child.pid}/${name}`, 'utf8')
    const status = read('status')
    assert.match(status, /^NoNewPrivs:\t1$/m)
    assert.match(status, /^Seccomp:\t2$/m) // all threads of it, too:
    for (const task of fs.readdirSync(`/proc/${venue.child.pid}/task`)) assert.match(read(`task/${task}/status`), /^Seccomp:\t2$/m)
    assert.match(read('limits'), /^Max core file size +0 +0 /m)
    assert.doesNotMatch(venue.log, /event=harden/)
    // It works on: a snapshot by a child, a thread for a password, a log-in.
    await venue.list()
    await venue.customer('alice')
    await venue.operator('create-user', { name: 'alice', account: 'alice', password: 'correct horse' })
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
    assert.match(venue.log, /event=snapshot seq=/)
  } finally { await venue.remove() }
})

// What a listener says to these bytes, until it closes or has said nothing more for a while.
function say(where, bytes) {
  return new Promise((done, fail) => {
    const link = net.connect(where)
    let text = ''
    link.setTimeout(1500, () => link.destroy())
    link.on('data', (part) => { text += part.toString('latin1'); link.setTimeout(150) })
    link.on('close', () => done(text))
    link.on('error', (error) => error.code === 'ECONNRESET' ? done(text) : fail(error))
    link.write(bytes)
  })
}

test('S13: refusals and headers of every listener tell no version, library or path', async () => {
  const venue = await Venue.start({ args: ['--console', '127.0.0.1:0'] })
  try {
    const at = (url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })
    const listeners = [at(venue.where.url), at(venue.where.console_url), at(venue.where.metrics_url), { path: venue.where.operator_socket }]
    const post = (method, body, more = '') => `POST /exchange/v1/${method} HTTP/1.1\r\nHost: x\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
    const requests = ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /nothing/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n',
      'DELETE /exchange/v1/private/x HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /exchange/v1/public/get-nothing HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01\x02\x00', 'GARBAGE\r\n\r\n',
      `GET /${'a'.repeat(20000)} HTTP/1.1\r\n\r\n`, post('private/create-order', '{'), post('private/create-order', '{"id":1,"method":"private/create-order","params":{}}'),
      post('operator/get-nothing', '{"id":1,"method":"operator/get-nothing"}'), post('operator/deposit', '{"id":1,"method":"operator/deposit","params":{"account":"none"}}'),
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n', post('private/create-order', '', 'Transfer-Encoding: chunked\r\n'),
      'GET /exchange/v1/user HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 1\r\nSec-WebSocket-Key: x\r\n\r\n']
    const told = [/^server:/im, /^x-powered-by:/im, /\b0\.\d+\.\d+\b/, /llhttp|libuv|sqlite|openssl|libsodium|wslay|yajl/i, /\.c:\d/, new RegExp(venue.home.replaceAll('/', '\\/')), /\/(usr|home|work|root|etc)\//]
    let answered = 0
    for (const listener of listeners)
      for (const answer of await Promise.all(requests.map((bytes) => say(listener, bytes)))) {
        answered += answer.startsWith('HTTP/1.1 ')
        if (answer.startsWith('HTTP/1.1 200')) continue // the pages, the metrics
        for (const word of told) assert.doesNotMatch(answer, word)
      }
    assert.ok(answered > 40, `${answered} answers`)
  } finally { await venue.remove() }
})

test('the program checks its frames and copies, and its addresses are bound before it runs', () => {
  const read = (option) => spawnSync('readelf', ['-W', option, program], { encoding: 'utf8' }).stdout
  assert.match(read('-d'), /BIND_NOW|FLAGS_1.*NOW/)
  assert.match(read('-l'), /GNU_RELRO/)
  assert.match(read('-l'), /GNU_STACK.* RW /)
  assert.match(read('-h'), /Type:\s+DYN/) // loaded anywhere
  const symbols = read('-s')
  assert.match(symbols, /__stack_chk_fail/)
  assert.match(symbols, /__\w+_chk@/)
})

test('ops/ringfence.service: systemd understands it, and its exposure is at most 1.5', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).error) {
    console.log('SKIP ops/ringfence.service: systemd-analyze is not here')
    return t.skip('no systemd-analyze')
  }
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const unit = path.join(home, 'ringfence.service')
  try {
    const text = fs.readFileSync(new URL('../../ops/ringfence.service', import.meta.url), 'utf8')
    fs.writeFileSync(unit, text.replace('/usr/bin/ringfence', program))
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
    assert.equal(verified.status, 0, verified.stderr)
    assert.equal(verified.stderr, '') // unknown settings are told, and are no error
    const judged = spawnSync('systemd-analyze', ['security', '--no-pager', '--offline=yes', `--threshold=${EXPOSURE_MAX}`, unit], { encoding: 'utf8' })
    assert.equal(judged.status, 0, judged.stdout.split('\n').slice(-3).join('\n') + judged.stderr)
    // Its options are serve's own.
    const options = text.match(/^ExecStart=\S+ serve (.*)$/m)[1].match(/--[\w-]+/g)
    const help = spawnSync(program, ['serve', '--help'], { encoding: 'utf8' }).stdout
    for (const option of options) assert.ok(option === '--config' || help.includes(option), option)
  } finally { fs.rmSync(home, { recursive: true, force: true }) }
})
