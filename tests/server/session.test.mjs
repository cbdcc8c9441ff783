// S6, S10: log-in of pages and operators, their sessions, one-time passwords, and what the audit log keeps of it.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Machine } from './machine.mjs'
import { Venue, exchange, program, sleep, tell } from './venue.mjs'

let venue, origin, console_, consoleOrigin

before(async () => {
  venue = await Venue.start({ args: ['--rate-limits', 'off', '--address-delay-hours', '0', '--console', '127.0.0.1:0'] })
  origin = venue.where.url
  consoleOrigin = venue.where.console_url
  console_ = new URL(consoleOrigin)
  await venue.list()
  await venue.customer('alice')
  await venue.operator('create-user', { name: 'alice', account: 'alice', password: 'correct horse' })
})
after(() => venue.remove())

// One request to the API's listener, or to the console's.
function ask(where, method, text, headers = {}) {
  const url = new URL(where.startsWith('http') ? where : origin + where)
  return exchange({ host: url.hostname, port: url.port, path: url.pathname, method, headers }, text)
}

function logIn(name, password, more = {}, at = origin) {
  return ask(`${at}/auth/login`, 'POST', JSON.stringify({ name, password, ...more }), { origin: at })
}

const cookieOf = (answer) => answer.headers['set-cookie'][0].split(';')[0]

function call(cookie, method, params = {}, headers = { origin }) {
  const text = JSON.stringify({ id: 1, method, params })
  return ask(`/exchange/v1/${method}`, 'POST', text, { cookie, ...headers })
}

// What the server says to a WebSocket's handshake; closed: waits until the server closes it.
function handshake(headers, closed = false, opened = () => {}) {
  return new Promise((done, fail) => {
    const link = net.connect(venue.port, '127.0.0.1')
    const lines = Object.entries({ host: `127.0.0.1:${venue.port}`, upgrade: 'websocket', connection: 'Upgrade',
      'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64'), ...headers })
    link.write('GET /exchange/v1/user HTTP/1.1\r\n' + lines.map(([name, value]) => `${name}: ${value}\r\n`).join('') + '\r\n')
    link.once('data', (part) => { if (!closed) { done(Number(part.toString().split(' ')[1])); link.destroy() } })
    link.once('data', opened)
    if (closed) { link.on('data', (part) => { if (part[0] === 0x88) done(part.readUInt16BE(2)) }) }
    link.on('error', fail)
  })
}

test('a right password opens a session; its cookie is for this site\'s own pages only', async () => {
  const answer = await logIn('alice', 'correct horse')
  assert.equal(answer.status, 200)
  assert.equal(answer.body.code, 0)
  assert.equal(answer.body.result.name, 'alice')
  assert.equal(answer.body.result.role, 'TRADER')
  const [line] = answer.headers['set-cookie']
  assert.match(line, /^ringfence=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  const cookie = cookieOf(answer)
  const session = await ask('/auth/session', 'GET', undefined, { cookie })
  assert.equal(session.body.result.name, 'alice')
  assert.equal(session.body.result.totp, false)
  assert.ok(session.body.result.expires_at > Date.now())
  assert.equal((await call(cookie, 'private/user-balance')).body.code, 0)
  const order = { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01' }
  assert.equal((await call(cookie, 'private/create-order', order)).body.code, 0)
  // Not the operators' methods, and not the operators' door.
  assert.equal((await call(cookie, 'operator/get-exposure')).body.code, 40002)
  const elsewhere = cookie.replace('ringfence=', 'ringfence-console=')
  assert.equal((await ask(`${consoleOrigin}/auth/session`, 'GET', undefined, { cookie: elsewhere })).body.code, 40101)
  // Who knows his password is not counted.
  for (let i = 0; i < 7; i++) assert.equal((await logIn('alice', 'correct horse')).body.code, 0)
})

test('a cookie without this site\'s Origin does nothing', async () => {
  const cookie = cookieOf(await logIn('alice', 'correct horse'))
  for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }, { origin: origin + '.evil.example' },
    { origin: origin.replace('http:', 'https:') }]) {
    const answer = await call(cookie, 'private/cancel-all-orders', {}, headers)
    assert.equal(answer.body.code, 40104, JSON.stringify(headers))
    assert.equal((await ask('/auth/logout', 'POST', '', { cookie, ...headers })).body.code, 40104)
  }
  assert.equal((await ask('/auth/login', 'POST', '{"name":"alice","password":"correct horse"}', { origin: 'https://evil.example' })).body.code, 40104)
  assert.equal((await call(cookie, 'private/user-balance')).body.code, 0) // it is still there
})

test('a WebSocket with a cookie wants the Origin too, and needs no signature then', async () => {
  const cookie = cookieOf(await logIn('alice', 'correct horse'))
  assert.equal(await handshake({ cookie, origin }), 101)
  assert.notEqual(await handshake({ cookie, origin: 'https://evil.example' }), 101)
  assert.notEqual(await handshake({ cookie }), 101)
  assert.equal(await handshake({}), 101) // a client that will sign
})

test('no cookie, a wrong one, or a torn one: 40101', async () => {
  const cookie = cookieOf(await logIn('alice', 'correct horse'))
  for (const wrong of ['', 'ringfence=', 'ringfence=' + '0'.repeat(64), cookie.slice(0, -1), cookie + '0', cookie.replace('=', 'x='),
    cookie.slice(0, -1) + (cookie.endsWith('0') ? '1' : '0')]) {
    assert.equal((await call(wrong, 'private/user-balance')).body.code, 40101, wrong)
  }
  assert.equal((await call(`theme=dark; ${cookie}; x=y`, 'private/user-balance')).body.code, 0)
})

test('log-out, another password and a restart end a session', async () => {
  const first = cookieOf(await logIn('alice', 'correct horse'))
  const answer = await ask('/auth/logout', 'POST', '', { cookie: first, origin })
  assert.match(answer.headers['set-cookie'][0], /^ringfence=; .*Max-Age=0$/)
  assert.equal((await call(first, 'private/user-balance')).body.code, 40101)
  const second = cookieOf(await logIn('alice', 'correct horse'))
  let ending
  await new Promise((opened) => { ending = handshake({ cookie: second, origin }, true, opened) })
  await venue.operator('set-password', { name: 'alice', password: 'battery staple' })
  assert.equal((await call(second, 'private/user-balance')).body.code, 40101)
  assert.equal(await ending, 1008) // who only listens is shown out as well
  assert.equal((await logIn('alice', 'correct horse')).body.code, 40101)
  await venue.operator('set-password', { name: 'alice', password: 'correct horse' })
  assert.equal((await logIn('alice', 'correct horse')).body.code, 0)
})

test('what is no log-in is refused before it costs anything', async () => {
  for (const text of ['', '{', '[]', '{}', '{"name":"alice"}', '{"name":"","password":"x"}', '{"name":7,"password":{}}',
    JSON.stringify({ name: 'alice', password: 'x'.repeat(300) }), JSON.stringify({ name: 'a'.repeat(100), password: 'x' })]) {
    assert.equal((await ask('/auth/login', 'POST', text, { origin })).body.code, 40001, text)
  }
  for (const [method, where] of [['GET', '/auth/login'], ['POST', '/auth/session'], ['GET', '/auth/else'], ['PUT', '/auth/login']]) {
    assert.notEqual((await ask(where, method, '')).body.code, 0, where)
  }
})

// RFC 6238 with Node's own HMAC.
function totp(secret, now = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 30000)))
  const sum = createHmac('sha1', key).update(counter).digest()
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0')
}

test('one-time passwords: at log-in, for keys, for withdrawals; each code once', async () => {
  const made = await venue.operator('create-user', { name: 'careful', account: 'alice', password: 'correct horse', totp: true })
  const secret = made.result.totp_secret
  const without = await logIn('careful', 'correct horse')
  assert.equal(without.body.code, 40101)
  assert.equal(without.body.error_data.param, 'totp')
  assert.equal((await logIn('careful', 'wrong')).body.error_data, undefined) // who has not the password is told nothing
  const now = Date.now()
  const answer = await logIn('careful', 'correct horse', { totp: totp(secret, now) })
  assert.equal(answer.body.code, 0)
  assert.equal((await logIn('careful', 'correct horse', { totp: totp(secret, now) })).body.code, 40101)
  const cookie = cookieOf(answer)
  assert.equal((await call(cookie, 'private/x/create-api-key')).body.code, 40101)
  assert.equal((await call(cookie, 'private/x/create-api-key', { totp: totp(secret, now) })).body.code, 40101)
  const key = await call(cookie, 'private/x/create-api-key', { totp: totp(secret, now + 30000), label: 'desk' })
  assert.equal(key.body.code, 0)
  assert.equal(key.body.result.secret.length, 52)
  const address = { currency: 'USD', address: 'wallet' }
  assert.equal((await call(cookie, 'private/x/add-withdrawal-address', address)).body.code, 40101)
  const added = await call(cookie, 'private/x/add-withdrawal-address', { ...address, totp: totp(secret, now - 30000) })
  assert.equal(added.body.code, 0)
  assert.equal((await call(cookie, 'private/create-withdrawal', { ...address, amount: '5' })).body.code, 40101)
})

test('a withdrawal: asked for on the page, seen, paid and noted by operators', async () => {
  const cookie = cookieOf(await logIn('alice', 'correct horse'))
  const wanted = { currency: 'USD', address: 'alices', network_id: 'SEPA' }
  const refused = await call(cookie, 'private/create-withdrawal', { ...wanted, amount: '5' })
  assert.equal(refused.body.code, 40104)
  await call(cookie, 'private/x/add-withdrawal-address', wanted)
  const asked = await call(cookie, 'private/create-withdrawal', { ...wanted, amount: 5, client_wid: 'w-1' })
  assert.equal(asked.body.code, 0)
  const { id, ...rest } = asked.body.result
  assert.deepEqual({ ...rest, create_time: 0 }, { amount: '5.00000000', fee: '0.00000000', symbol: 'USD', currency: 'USD',
    address: 'alices', client_wid: 'w-1', create_time: 0, network_id: 'SEPA' })
  const waiting = await venue.operator('get-withdrawals')
  assert.equal(waiting.result.data[0].id, id)
  assert.equal(waiting.result.data[0].address, 'alices')
  await venue.operator('approve-withdrawal', { id })
  await venue.operator('set-withdrawal-txid', { id, txid: '0xabc' })
  assert.equal((await venue.operator('get-withdrawals')).result.data.length, 0)
  await venue.operator('set-withdrawal-limit', { account: 'alice', currency: 'USD', amount: '8' })
  assert.equal((await call(cookie, 'private/create-withdrawal', { ...wanted, amount: '5' })).body.code, 30024)
  assert.equal((await call(cookie, 'private/create-withdrawal', { ...wanted, amount: '3' })).body.code, 0)
})

// Several calls in one write on the operators' socket; the answers in the order in which they come.
function pipeline(calls) {
  return new Promise((done, fail) => {
    const link = net.connect(venue.where.operator_socket)
    let text = ''
    link.on('error', fail)
    link.on('data', (part) => {
      text += part
      const answers = [...text.matchAll(/\r\n\r\n(\{.*?\})(?=HTTP|$)/gs)].map((match) => match[1])
      if (answers.length < calls.length) return
      try { done(answers.map((one) => JSON.parse(one))) } catch { return }
      link.destroy()
    })
    link.write(calls.map(([name, params], id) => {
      const body = JSON.stringify({ id, method: `operator/${name}`, params })
      return `POST /exchange/v1/operator/${name} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }).join(''))
  })
}

test('setting passwords holds nobody up, keeps its order, and is refused in the words of any call', async () => {
  const user = (name, password) => ['create-user', { name, role: 'VIEWER', password }]
  const calls = [user('ann', 'the first one'), ['set-password', { name: 'ann', password: 'the second one' }], user('ann', 'the third one'),
    user('bea', 'short'), ['get-status', {}], user('cid', 'another one'), ['set-password', { name: 'nobody', password: 'whatever it is' }],
    user('dan', 'the last one of all')]
  let ended = false
  const all = pipeline(calls).then((answers) => { ended = true; return answers })
  // What others ask meanwhile is answered meanwhile: not all of the passwords are hashed yet.
  const names = new Set()
  while (!ended) {
    const { result } = await venue.operator('list-users')
    names.add(result.data.filter((row) => ['ann', 'cid', 'dan'].includes(row.name)).length)
  }
  assert.ok([...names].some((n) => n > 0 && n < 3), `saw ${[...names]} of them`)
  const answers = await all
  assert.deepEqual(answers.map((one) => one.id), [0, 1, 2, 3, 4, 5, 6, 7])
  assert.deepEqual(answers.map((one) => one.code), [0, 0, 40004, 40004, 0, 0, 40401, 0])
  assert.equal(answers[2].error_data.param, 'name')
  assert.equal(answers[3].error_data.param, 'password')
  assert.equal((await logIn('ann', 'the second one', {}, consoleOrigin)).body.code, 0)
  // The log says of each what came of it.
  const { result } = await venue.operator('get-audit-log', { count: 100 })
  const lines = result.data.filter((line) => ['operator/create-user', 'operator/set-password'].includes(line.what)).slice(0, 7)
  assert.deepEqual(lines.map((line) => line.code).sort(), [0, 0, 0, 0, 40004, 40004, 40401])
  // More at once than wait are told to come back.
  const many = await pipeline(Array.from({ length: 12 }, (_, i) => ['set-password', { name: 'dan', password: `password ${i}` }]))
  const codes = many.map((one) => one.code)
  assert.deepEqual(codes, codes.map((_, i) => i < 8 ? 0 : 42901))
  assert.equal((await logIn('dan', 'password 7', {}, consoleOrigin)).body.code, 0)
})

test('operators log in at the console, and each role has its methods', async () => {
  const cookies = {}
  for (const role of ['VIEWER', 'SUPPORT', 'RISK', 'ADMIN']) {
    await venue.operator('create-user', { name: role.toLowerCase(), role, password: 'correct horse' })
    const answer = await logIn(role.toLowerCase(), 'correct horse', {}, consoleOrigin)
    assert.equal(answer.body.code, 0, role)
    cookies[role] = cookieOf(answer)
    assert.match(cookies[role], /^ringfence-console=/)
  }
  // A trader has no business there, nor an operator here.
  assert.equal((await logIn('alice', 'correct horse', {}, consoleOrigin)).body.code, 40101)
  assert.equal((await logIn('viewer', 'correct horse')).body.code, 40101)
  const operate = (role, method, params) => ask(`${consoleOrigin}/exchange/v1/operator/${method}`, 'POST',
    JSON.stringify({ id: 1, method: `operator/${method}`, params }), { cookie: cookies[role] ?? '', origin: consoleOrigin })
  const rows = [
    ['get-exposure', {}, 'VIEWER'],
    ['list-users', {}, 'SUPPORT'],
    ['announce', { title: 'hello' }, 'SUPPORT'],
    ['set-mark-price', { instrument_name: 'BTCUSD-PERP', price: '50000' }, 'RISK'],
    ['get-audit-log', {}, 'RISK'],
    ['deposit', { account: 'alice', currency: 'USD', amount: '1' }, 'ADMIN'],
    ['create-api-key', { account: 'alice' }, 'ADMIN'],
  ]
  const ladder = ['NOBODY', 'VIEWER', 'SUPPORT', 'RISK', 'ADMIN']
  for (const [method, params, least] of rows) {
    for (const role of ladder) {
      const code = (await operate(role, method, params)).body.code
      const wanted = role === 'NOBODY' ? 40101 : ladder.indexOf(role) >= ladder.indexOf(least) ? 0 : 40104
      assert.equal(code, wanted, `${method} by ${role}`)
    }
  }
  const { result } = await venue.operator('get-audit-log')
  assert.ok(result.data.some((line) => line.who === 'viewer' && line.what === 'operator/deposit' && line.code === 40104))
})

test('an adjustment by hand says why: 40004', async () => {
  const params = { account: 'alice', currency: 'USD', amount: '1' }
  await venue.operator('adjust', params, 40004)
  await venue.operator('adjust', { ...params, reason: 'goodwill' })
})

test('five tries in 15 minutes, by name and by address', async () => {
  const fresh = await Venue.start({ args: ['--rate-limits', 'off'] })
  try {
    const url = fresh.where.url
    await fresh.operator('create-account', { account: 'bob' })
    for (const name of ['bob', 'carol']) await fresh.operator('create-user', { name, account: 'bob', password: 'correct horse' })
    const answers = []
    for (let i = 0; i < 7; i++) answers.push((await logIn('bob', `wrong ${i}`, {}, url)).body.code)
    assert.deepEqual(answers, [40101, 40101, 40101, 40101, 40101, 42901, 42901])
    const locked = await logIn('bob', 'correct horse', {}, url)
    assert.equal(locked.status, 429)
    assert.ok(Number(locked.headers['retry-after']) > 800)
    assert.equal((await logIn('carol', 'correct horse', {}, url)).body.code, 42901) // the address is out of tries as well
  } finally {
    await fresh.remove()
  }
})

test('a session ends after half an hour without a request, and twelve hours after log-in whatever happens; tries come back', { timeout: 120000 }, async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  let minutes = 0
  // Connections that were kept are hung up on, as idle ones are.
  const pass = async (more) => { minutes += more; machine.pass(more * 60000); await sleep(300) }
  const fresh = await Venue.start({ home, env: machine.env, args: ['--rate-limits', 'off'] })
  try {
    const url = fresh.where.url
    await fresh.operator('create-account', { account: 'bob' })
    await fresh.operator('create-user', { name: 'bob', account: 'bob', password: 'correct horse' })
    const balance = async (cookie) => (await ask(`${url}/exchange/v1/private/user-balance`, 'POST',
      '{"id":1,"method":"private/user-balance","params":{}}', { cookie, origin: url })).body.code
    const first = await logIn('bob', 'correct horse', {}, url)
    assert.ok(Math.abs(first.body.result.expires_at - Date.now() - 12 * 3600000) < 60000)
    assert.match(first.headers['set-cookie'][0], /; Max-Age=43200$/)
    for (let i = 0; i < 24; i++) {
      await pass(29)
      assert.equal(await balance(cookieOf(first)), 0, `${minutes} minutes`)
    }
    await pass(25) // 721 minutes after log-in, 25 after the last request
    assert.equal(await balance(cookieOf(first)), 40101)
    const second = cookieOf(await logIn('bob', 'correct horse', {}, url))
    await pass(31)
    assert.equal(await balance(second), 40101)
    for (let i = 0; i < 5; i++) assert.equal((await logIn('bob', 'wrong', {}, url)).body.code, 40101)
    assert.equal((await logIn('bob', 'correct horse', {}, url)).body.code, 42901)
    await pass(15)
    assert.equal((await logIn('bob', 'correct horse', {}, url)).body.code, 0)
  } finally { await fresh.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})

test('behind a proxy that speaks TLS cookies are Secure, and the last hop is the client', async () => {
  const behind = await Venue.start({ args: ['--rate-limits', 'off', '--behind-proxy', '127.0.0.1'] })
  try {
    await behind.operator('create-account', { account: 'bob' })
    await behind.operator('create-user', { name: 'bob', account: 'bob', password: 'correct horse' })
    const host = 'exchange.example'
    const from = (hop, headers) => exchange({ host: '127.0.0.1', port: behind.port, path: '/auth/login', method: 'POST',
      headers: { host, 'x-forwarded-for': `198.51.100.9, ${hop}`, ...headers } }, '{"name":"bob","password":"correct horse"}')
    const answer = await from('192.0.2.7', { origin: `https://${host}` })
    assert.equal(answer.body.code, 0)
    assert.match(answer.headers['set-cookie'][0], /^__Host-ringfence=[0-9a-f]{64}; Path=\/; Secure; HttpOnly; SameSite=Strict; /)
    assert.equal((await from('192.0.2.7', { origin: `http://${host}` })).body.code, 40104)
    const log = await behind.operator('get-audit-log')
    assert.equal(log.result.data.find((line) => line.what === 'auth/login').from, '192.0.2.7')
  } finally {
    await behind.remove()
  }
})

test('the audit log: who, what, from where; no secrets; bound by hashes that verify checks', async () => {
  const log = await venue.operator('get-audit-log', { count: 500 })
  const lines = log.result.data
  const whats = new Set(lines.map((line) => line.what))
  for (const what of ['operator/create-user', 'operator/adjust', 'operator/approve-withdrawal', 'auth/login', 'auth/logout',
    'private/create-withdrawal', 'private/x/create-api-key', 'private/x/add-withdrawal-address']) {
    assert.ok(whats.has(what), what)
  }
  const adjust = lines.find((line) => line.what === 'operator/adjust' && line.code === 0)
  assert.equal(adjust.who, `uid:${process.getuid()}`)
  assert.equal(adjust.from, 'unix')
  assert.equal(adjust.params.reason, 'goodwill')
  assert.ok(adjust.seq > 0)
  const failed = lines.find((line) => line.what === 'auth/login' && line.code === 40101)
  assert.equal(failed.from, '127.0.0.1')
  await venue.stop()
  const file = path.join(venue.data, 'audit.log')
  const text = fs.readFileSync(file, 'utf8')
  for (const secret of ['correct horse', 'battery staple']) assert.ok(!text.includes(secret), secret)
  const good = JSON.parse(tell(['verify', '--json', venue.data]))
  assert.equal(good.ok, true)
  assert.equal(good.audit_lines, text.trimEnd().split('\n').length)
  fs.writeFileSync(file, text.replace('goodwill', 'badwill!'))
  const bad = spawnSync(program, ['verify', venue.data], { timeout: 60000 })
  assert.equal(bad.status, 1)
  assert.match(bad.stderr.toString(), /audit\.log, line \d+: was changed/)
  fs.writeFileSync(file, text)
})
