// The same order again, by clients that do not know whether their first one arrived.
// Parameters held here: ORDER.idempotent ORDER.request_id
import assert from 'node:assert'
import { test } from 'node:test'
import { Venue } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const buy = (more) => ({ instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '50000', quantity: '0.1', ...more })

test('idempotent: the first answer again with replayed, across a restart too; another order under the name is 204', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0'] })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    const once = buy({ client_oid: 'once', idempotent: true })
    const first = (await venue.post(alice, 'private/create-order', once)).result
    assert.equal(first.replayed, undefined)
    assert.deepEqual((await venue.post(alice, 'private/create-order', once)).result, { ...first, replayed: true })
    // Without the word, and under the name with another content: 204.
    await venue.post(alice, 'private/create-order', buy({ client_oid: 'once' }), 204)
    for (const other of [{ price: '49999' }, { quantity: '0.2' }, { side: 'SELL' }, { exec_inst: ['POST_ONLY'] },
      { time_in_force: 'IMMEDIATE_OR_CANCEL' }])
      await venue.post(alice, 'private/create-order', { ...once, ...other }, 204)
    // A request_id is a client_oid of this kind; a client_oid beside it is the name.
    const named = (await venue.post(alice, 'private/create-order', buy({ request_id: 'r1' }))).result
    assert.equal(named.client_oid, 'r1')
    assert.deepEqual((await venue.post(alice, 'private/create-order', buy({ request_id: 'r1' }))).result, { ...named, replayed: true })
    assert.equal((await venue.post(alice, 'private/create-order', buy({ request_id: 'r1', client_oid: 'c1' }))).result.client_oid, 'c1')
    // Another account's name is another name.
    assert.equal((await venue.post(bob, 'private/create-order', once)).result.replayed, undefined)
    // What has become of it since is in the answer.
    await venue.post(bob, 'private/create-order', { ...buy({ client_oid: 's' }), side: 'SELL', quantity: '0.4' })
    await venue.restart('SIGKILL')
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    const again = (await venue.post(alice, 'private/create-order', once)).result
    assert.equal(again.replayed, true)
    assert.equal(again.order_id, first.order_id)
    assert.equal(again.status, 'FILLED')
    assert.equal(again.cumulative_quantity, '0.1000')
  } finally { await venue.remove() }
})
