// The envelope of REST and WebSocket, rule by rule (docs/api.md), and what HTTP itself refuses.
import assert from 'node:assert'
import { after, before, test } from 'node:test'
import { Venue, sign } from './venue.mjs'

let venue, alice

before(async () => {
  venue = await Venue.start({ args: ['--rate-limits', 'off'] })
  await venue.list()
  alice = await venue.customer('alice')
})
after(() => venue.remove())

const post = (path, text, headers = {}) => venue.raw({ path, method: 'POST', headers }, text)
const privately = (method, envelope) => post(`/exchange/v1/${method}`, JSON.stringify(envelope))

test('a public method answers GET with id -1 and POST with the id that was sent', async () => {
  const got = await venue.raw({ path: '/exchange/v1/public/get-book?instrument_name=BTCUSD-PERP&depth=5' })
  assert.equal(got.status, 200)
  assert.equal(got.body.id, -1)
  assert.equal(got.body.result.depth, 5)
  assert.match(got.headers['content-type'], /^application\/json/)
  const posted = await post('/exchange/v1/public/get-book', '{"id":"17","method":"public/get-book","params":{"instrument_name":"BTCUSD-PERP"}}')
  assert.strictEqual(posted.body.id, 17)
  const bare = await post('/exchange/v1/public/get-instruments', '{"method":"public/get-instruments"}')
  assert.strictEqual(bare.body.id, -1)
})

test('query strings are decoded, and what is no encoding is refused', async () => {
  const good = await venue.raw({ path: '/exchange/v1/public/get-book?instrument_name=%42TCUSD%2DPERP' })
  assert.equal(good.body.code, 0)
  for (const query of ['instrument_name=%4', 'instrument_name=%zz', 'instrument_name=%00', 'depth=1&depth=2']) {
    const bad = await venue.raw({ path: '/exchange/v1/public/get-book?' + query })
    assert.equal(bad.body.code, 40001, query)
    assert.ok(bad.body.error_data.reason, query)
    assert.equal(bad.status, 400)
  }
})

test('GET does not serve what is private, nor what is the operators\'', async () => {
  for (const method of ['private/user-balance', 'private/create-order', 'operator/get-house-balances', 'public/nothing', 'x']) {
    const answer = await venue.raw({ path: '/exchange/v1/' + method })
    assert.equal(answer.body.code, 40002, method)
    assert.equal(answer.status, 400)
  }
})

test('what is not JSON, or no object, is 40001', async () => {
  for (const text of ['', '{', '[]', '7', '{"id":1,"id":2}', '{"a":NaN}', '{"method":"\\u0000"}', '{"id":1}}']) {
    const answer = await post('/exchange/v1/private/user-balance', text)
    assert.equal(answer.body.code, 40001, text)
    assert.ok(answer.body.error_data.reason, text)
    assert.equal(answer.body.method, 'ERROR')
    assert.equal(answer.body.id, -1)
    assert.equal(answer.status, 400)
  }
})

test('method and path must be the same: 40003', async () => {
  for (const envelope of [{ id: 1, method: 'private/get-positions' }, { id: 1 }, { id: 1, method: 7 }]) {
    const answer = await privately('private/user-balance', envelope)
    assert.equal(answer.body.code, 40003, JSON.stringify(envelope))
    assert.deepEqual(answer.body.error_data, { param: 'method' }, JSON.stringify(envelope))
  }
  assert.equal((await privately('private/user-balance', {})).body.method, 'ERROR')
})

test('an id that is no number, or params that are no object, is 40004', async () => {
  for (const more of [{ id: 'x' }, { id: -1 }, { id: 1.5 }, { id: '9223372036854775808' }, { id: true }, { params: [] }, { params: 'x' }, { nonce: 'now' }]) {
    const answer = await privately('private/user-balance', { id: 1, method: 'private/user-balance', ...more })
    assert.equal(answer.body.code, 40004, JSON.stringify(more))
    assert.deepEqual(answer.body.error_data, { param: Object.keys(more)[0] }, JSON.stringify(more))
  }
  const largest = await post('/exchange/v1/public/get-instruments', '{"id":9223372036854775807,"method":"public/get-instruments"}')
  assert.match(largest.text, /^\{"id":9223372036854775807,/)
})

test('keys: unknown, missing, wrong signature 40101; old nonce 40102', async () => {
  const method = 'private/user-balance'
  const envelope = venue.envelope(alice, method)
  assert.equal((await privately(method, envelope)).body.code, 0)
  for (const wrong of [{ api_key: undefined }, { sig: undefined }, { sig: 'ab' }, { sig: '0'.repeat(64) }, { api_key: 'nobody' }]) {
    const answer = await privately(method, { ...envelope, ...wrong })
    assert.equal(answer.body.code, 40101, JSON.stringify(wrong))
    assert.equal(answer.status, 401)
  }
  const nonce = Date.now() - 61000
  const late = { id: 1, method, params: {}, api_key: alice.api_key, nonce, sig: sign(alice, method, 1, {}, nonce) }
  assert.equal((await privately(method, late)).body.code, 40102)
})

test('the same signature twice: a read may, a change may not (40006)', async () => {
  const read = venue.envelope(alice, 'private/user-balance')
  assert.equal((await privately('private/user-balance', read)).body.code, 0)
  assert.equal((await privately('private/user-balance', read)).body.code, 0)
  const change = venue.envelope(alice, 'private/cancel-all-orders')
  assert.equal((await privately('private/cancel-all-orders', change)).body.code, 0)
  assert.equal((await privately('private/cancel-all-orders', change)).body.code, 40006)
})

test('parameters are looked at before the key, as errors.def has it', async () => {
  const answer = await privately('private/create-order', { id: 3, method: 'private/create-order', params: {} })
  assert.equal(answer.body.code, 40004)
  assert.equal(answer.body.error_data.param, 'instrument_name')
})

test('id and nonce as strings, numbers as numbers: all signed as they were sent', async () => {
  const method = 'private/get-open-orders'
  const nonce = String(Date.now())
  const params = { instrument_name: 'BTCUSD-PERP', broker_id: 'CCXT' }
  const envelope = { id: '4711', method, params, api_key: alice.api_key, nonce, sig: sign(alice, method, '4711', params, nonce).toUpperCase() }
  const answer = await privately(method, envelope)
  assert.strictEqual(answer.body.code, 0)
  assert.strictEqual(answer.body.id, 4711)
})

test('a method name that is nearly one is answered with the one', async () => {
  const get = await venue.raw({ path: '/exchange/v1/public/get-boko' })
  assert.deepEqual([get.body.code, get.body.error_data], [40002, { did_you_mean: 'public/get-book' }])
  const posted = await post('/exchange/v1/private/user-balances', JSON.stringify(venue.envelope(alice, 'private/user-balances')))
  assert.deepEqual([posted.body.code, posted.body.error_data], [40002, { did_you_mean: 'private/user-balance' }])
  const far = await venue.raw({ path: '/exchange/v1/public/' + 'g'.repeat(2000) })
  assert.deepEqual([far.body.code, far.body.error_data], [40002, undefined])
})

test('other paths and other verbs are answered with a code too', async () => {
  for (const [path, method, status] of [['/nowhere', 'GET', 404], ['/exchange/v2/x', 'GET', 404], ['/exchange/v1/public/get-time', 'PUT', 405],
    ['/exchange/v1/public/get-time', 'DELETE', 405]]) {
    const answer = await venue.raw({ path, method })
    assert.equal(answer.status, status, path)
    assert.equal(answer.body.code, 40002)
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
  }
})

test('operators\' methods are served at their socket only, and unknown parameters are refused there', async () => {
  const outside = await post('/exchange/v1/operator/check-invariants', JSON.stringify(venue.envelope(alice, 'operator/check-invariants')))
  assert.equal(outside.body.code, 40002)
  await venue.operator('check-invariants')
  await venue.operator('create-account', { account: 'bob', colour: 'red' }, 40004)
})

test('every answer says the time and the record; private ones say the limit when there is one', async () => {
  const answer = await venue.raw({ path: '/exchange/v1/public/x/get-time' })
  assert.ok(Math.abs(Number(answer.headers['x-server-time']) - Date.now()) < 5000)
  assert.ok(Number(answer.headers['x-ringfence-seq']) > 0)
  assert.equal(answer.headers['x-ratelimit-limit'], undefined)
})

test('min_seq: what has not been reached is 40801', async () => {
  const seq = Number((await venue.raw({ path: '/exchange/v1/public/x/get-time' })).headers['x-ringfence-seq'])
  await venue.post(alice, 'private/user-balance', { min_seq: String(seq) })
  await venue.post(alice, 'private/user-balance', { min_seq: String(seq + 1000000) }, 40801)
})

test('a method of HTTP that is not served is told which are', async () => {
  const where = '/exchange/v1/public/x/get-time'
  for (const method of ['HEAD', 'OPTIONS']) {
    const answer = await venue.raw({ path: where, method })
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET, POST'], method)
  }
  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE']) {
    const answer = await venue.raw({ path: where, method })
    assert.deepEqual([answer.status, answer.headers.allow, answer.body.code], [405, 'GET, HEAD, POST', 40002], method)
  }
})

test('a connection serves many requests, and pipelined ones in order', async () => {
  const sockets = new Set()
  for (let i = 0; i < 20; i++) {
    const answer = await venue.raw({ path: '/exchange/v1/public/x/get-time' })
    assert.equal(answer.body.code, 0)
    sockets.add(answer.headers.connection)
  }
  assert.ok(![...sockets].includes('close'))
})

// ---- WebSocket ---------------------------------------------------------------------------------------------

test('WebSocket: 40101 before public/auth, every private method after it, id echoed, errors with the original', async () => {
  const socket = await venue.socket()
  const early = await socket.call('private/user-balance', {}, 40101)
  assert.equal(JSON.parse(early.original).method, 'private/user-balance')
  await socket.signIn({ ...alice, secret: 'wrong' }, 40101)
  await socket.signIn(alice)
  await socket.call('private/user-balance')
  await socket.call('private/get-positions')
  const refused = await socket.call('private/cancel-order', { order_id: '1' }, 316)
  assert.equal(JSON.parse(refused.original).params.order_id, '1')
  await socket.call('private/nothing', {}, 40002)
  socket.send('{"id":5')
  assert.equal((await socket.next()).code, 40001)
  socket.send('[1]')
  const list = await socket.next()
  assert.deepEqual([list.code, list.error_data], [40001, { reason: 'not an object' }])
  socket.send({ id: 6, method: 'public/x/get-time' })
  assert.equal((await socket.next((message) => message.id === 6)).code, 0)
  socket.close()
})

test('WebSocket: the market side knows nobody', async () => {
  const socket = await venue.socket('market')
  await socket.call('public/x/get-time')
  const id = 1
  socket.send({ id, method: 'public/auth', api_key: alice.api_key, nonce: Date.now(), sig: 'x' })
  assert.equal((await socket.next((message) => message.id === id)).code, 40002)
  await socket.call('private/user-balance', {}, 40101)
  socket.send({ method: 'subscribe', params: { channels: ['ticker.BTCUSD-PERP'] } })
  assert.equal((await socket.next((message) => message.method === 'subscribe')).id, -1)
  const bad = await socket.call('subscribe', { channels: ['nothing.BTCUSD-PERP'] }, 40004)
  assert.match(bad.message, /invalid channel/)
  for (const [params, words] of [[{}, 'channels is missing'], [{ channels: [] }, 'channels is missing'],
    [{ channels: 'ticker.BTCUSD-PERP' }, 'channels is an array of names'], [{ channels: [5] }, 'channels takes strings']])
    assert.equal((await socket.call('subscribe', params, 40004)).message, words)
  socket.close()
})

test('WebSocket: other paths are no endpoints', async () => {
  const { Socket } = await import('./venue.mjs')
  await assert.rejects(Socket.open(venue.port, '/exchange/v1/other'), /404/)
})
