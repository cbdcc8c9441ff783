// What only a WebSocket can do: batches, cancel on disconnect, heartbeats, its limits.
// Parameters held here: DISCONNECT.scope BATCH.instrument_name BATCH.cancels BATCH.creates
import assert from 'node:assert'
import { after, before, test } from 'node:test'
import { Venue, sleep } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const buy = (price, more = {}) => ({ instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: String(price), quantity: '0.01', ...more })
let venue, alice, bob

before(async () => {
  venue = await Venue.start()
  await venue.list()
  alice = await venue.customer('alice')
  bob = await venue.customer('bob')
})
after(() => venue.remove())

// The limit of this method is 3 in 100 ms.
const openOrders = async (key) => {
  await sleep(40)
  return (await venue.post(key, 'private/get-open-orders')).result.data.map((order) => order.client_oid).sort()
}

test('private/batch-order-request cancels and creates, each by itself', async () => {
  const socket = await venue.socket()
  await socket.signIn(alice)
  await socket.call('private/create-order', buy(40000, { client_oid: 'one' }))
  const answer = await socket.call('private/batch-order-request', { instrument_name: BTC,
    cancels: [{ client_oid: 'one' }, { client_oid: 'unknown' }], creates: [buy(40001, { client_oid: 'two' }), buy(-1), buy(40002, { client_oid: 'three' })] })
  assert.deepEqual(answer.result.cancels.map((item) => item.code), [0, 316])
  assert.deepEqual(answer.result.creates.map((item) => item.code), [0, 308, 0])
  assert.deepEqual(await openOrders(alice), ['three', 'two'])
  const many = Array.from({ length: 11 }, () => buy(40000))
  await socket.call('private/batch-order-request', { creates: many }, 40004)
  await socket.call('private/batch-order-request', { cancels: Array.from({ length: 11 }, () => ({ order_id: '1' })) }, 40004)
  assert.deepEqual((await socket.call('private/batch-order-request', {})).result, { cancels: [], creates: [] })
  await venue.post(alice, 'private/batch-order-request', {}, 40002)
  await socket.call('private/cancel-all-orders')
  socket.close()
})

test('private/set-cancel-on-disconnect: what came in by the connection goes with it, and nothing else', async () => {
  await venue.post(bob, 'private/create-order', buy(40000, { client_oid: 'rest' }))
  const other = await venue.socket()
  await other.signIn(bob)
  await other.call('private/create-order', buy(40001, { client_oid: 'other' }))
  const socket = await venue.socket()
  await socket.signIn(bob)
  assert.equal((await socket.call('private/get-cancel-on-disconnect')).result.scope, 'NONE')
  await socket.call('private/create-order', buy(40002, { client_oid: 'before' }))
  await socket.call('private/set-cancel-on-disconnect', { scope: 'NOTHING' }, 40004)
  assert.equal((await socket.call('private/set-cancel-on-disconnect', { scope: 'CONNECTION' })).result.scope, 'CONNECTION')
  assert.equal((await socket.call('private/get-cancel-on-disconnect')).result.scope, 'CONNECTION')
  await socket.call('private/create-order', buy(40003, { client_oid: 'after' }))
  await socket.call('private/advanced/create-order', { instrument_name: BTC, side: 'BUY', type: 'STOP_LIMIT', ref_price: '60000', price: '60000',
    quantity: '0.01', client_oid: 'trigger' })
  assert.deepEqual(await openOrders(bob), ['after', 'before', 'other', 'rest'])
  socket.close()
  for (let i = 0; i < 50 && (await openOrders(bob)).length > 2; i++) await sleep(20)
  assert.deepEqual(await openOrders(bob), ['other', 'rest'])
  assert.deepEqual((await venue.post(bob, 'private/advanced/get-open-orders')).result.data, [])
  await venue.post(bob, 'private/set-cancel-on-disconnect', {}, 40002)
  await venue.post(bob, 'private/get-cancel-on-disconnect', {}, 40002)
  await venue.post(bob, 'private/cancel-all-orders')
  other.close()
})

test('a user channel that is unsubscribed cancels too', async () => {
  const socket = await venue.socket()
  await socket.signIn(bob)
  await socket.call('private/set-cancel-on-disconnect', { scope: 'CONNECTION' })
  await socket.call('subscribe', { channels: ['user.balance'] })
  await socket.call('private/create-order', buy(40000, { client_oid: 'mine' }))
  await socket.call('unsubscribe', { channels: ['user.balance'] })
  assert.deepEqual(await openOrders(bob), [])
  socket.close()
})

test('what is unsubscribed must be a channel; what was not subscribed cancels nothing', async () => {
  const socket = await venue.socket()
  await socket.signIn(bob)
  await socket.call('private/set-cancel-on-disconnect', { scope: 'CONNECTION' })
  await socket.call('subscribe', { channels: ['user.balance'] })
  await socket.call('private/create-order', buy(40000, { client_oid: 'stays' }))
  await socket.call('unsubscribe', { channels: ['user.order', 'user.trade.BTCUSD-PERP'] })
  const typo = await socket.call('unsubscribe', { channels: ['user.balance', 'user.ballance'] }, 40004)
  assert.equal(typo.message, 'invalid channel {user.ballance}')
  assert.deepEqual(await openOrders(bob), ['stays'])
  await socket.call('unsubscribe', { channels: ['user.balance'] })
  assert.deepEqual(await openOrders(bob), [])
  socket.close()
})

test('a channel that is named twice in one message is one subscription with one first message', async () => {
  const socket = await venue.socket()
  await socket.signIn(bob)
  const data = (message) => message.result?.channel === 'user.balance'
  await socket.call('subscribe', { channels: ['user.balance', 'user.balance', 'user.balance'] })
  await socket.next(data)
  await socket.call('private/get-fee-rate')
  assert.equal(socket.messages.filter(data).length, 0)
  await socket.call('subscribe', { channels: ['user.balance'] }) // again is legal, and tells all again
  await socket.next(data)
  await socket.call('unsubscribe', { channels: ['user.balance', 'user.balance'] })
  socket.close()
})

test('a connection has its limit a second: 42901 with the time to wait, and it goes on', async () => {
  const socket = await venue.socket('market')
  for (let i = 0; i < 250; i++) socket.send({ id: i, method: 'public/x/get-time' })
  let refused
  for (let i = 0; i < 250; i++) {
    const answer = await socket.next()
    if (answer.code === 42901) refused = answer
    else assert.equal(answer.code, 0)
  }
  assert.ok(refused, 'nothing was refused')
  assert.ok(refused.error_data.retry_after_ms > 0 && refused.error_data.retry_after_ms <= 1000)
  await sleep(refused.error_data.retry_after_ms + 20)
  await socket.call('public/x/get-time')
  socket.close()
})

test('REST has its limits too: 42901 with Retry-After', async () => {
  let refused
  for (let i = 0; i < 10 && !refused; i++) {
    const answer = await venue.raw({ path: '/exchange/v1/private/get-fee-rate', method: 'POST' }, JSON.stringify(venue.envelope(alice, 'private/get-fee-rate')))
    if (answer.status === 429) refused = answer
    else assert.equal(answer.headers['x-ratelimit-limit'], '3')
  }
  assert.equal(refused.body.code, 42901)
  assert.equal(refused.body.message, 'TOO_MANY_REQUESTS')
  assert.ok(refused.body.error_data.retry_after_ms > 0)
  assert.equal(refused.headers['retry-after'], '1')
  assert.equal(refused.headers['x-ratelimit-remaining'], '0')
})
