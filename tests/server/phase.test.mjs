// How a venue opens again after a restart, what each phase lets through, and what a full disk does.
import assert from 'node:assert'
import { test } from 'node:test'
import { Venue, sleep } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const order = (side, price, more = {}) => ({ instrument_name: BTC, side, type: 'LIMIT', price: String(price), quantity: '0.1', ...more })
const POST = { exec_inst: ['POST_ONLY'] }

async function until(venue, word) {
  for (let i = 0; i < 150; i++) {
    if ((await venue.metrics('/readyz')).text === word + '\n') return
    await sleep(50)
  }
  throw new Error(`no phase ${word}: ${venue.log}`)
}

// Reading, taking risk off and adding margin go on in every phase.
async function always(venue, key, oid) {
  await venue.post(key, 'private/user-balance')
  await venue.post(key, 'private/cancel-order', { client_oid: oid })
}

test('warm, cancel-only, post-only, open', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--warm-seconds', '60', '--cancel-only-seconds', '2', '--post-only-seconds', '2'] })
  try {
    assert.equal((await venue.metrics('/readyz')).text, 'open\n') // empty: at once
    await venue.list(BTC, { mark_stale_ms: '60000' })
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    for (const oid of ['a1', 'a2', 'a3', 'a4']) await venue.post(alice, 'private/create-order', order('SELL', 50100, { client_oid: oid }))
    await venue.post(bob, 'private/create-order', order('BUY', 50100))
    await venue.restart('SIGKILL')
    assert.equal((await venue.metrics('/readyz')).text, 'warm\n')
    await venue.post(bob, 'private/create-order', order('BUY', 49000), 9010001)
    await venue.post(bob, 'private/create-order', order('BUY', 49000, POST), 9010001)
    await always(venue, alice, 'a2')
    // The price comes in.
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await until(venue, 'cancel-only')
    await venue.post(bob, 'private/create-order', order('BUY', 49000, POST), 208)
    await always(venue, alice, 'a3')
    await until(venue, 'post-only')
    await venue.post(bob, 'private/create-order', order('BUY', 49000), 309)
    await venue.post(bob, 'private/create-order', order('BUY', 49000, POST))
    await venue.post(bob, 'private/create-order', order('BUY', 51000, POST), 43005)
    await until(venue, 'open')
    await venue.post(bob, 'private/create-order', order('BUY', 50100))
    assert.match(venue.log, /name=warm[^]*name=cancel-only[^]*name=post-only[^]*name=open/)
  } finally { await venue.remove() }
})

test('a restart with a stale feed liquidates nobody, until the price comes', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0'] })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    await venue.post(alice, 'private/create-order', order('SELL', 50000))
    await venue.post(bob, 'private/create-order', order('BUY', 50000, { exec_inst: ['ISOLATED_MARGIN'], leverage: '10' }))
    await venue.restart('SIGKILL')
    await sleep(1500) // a TICK or two
    assert.equal((await venue.post(bob, 'private/get-positions')).result.data.length, 1)
    assert.equal((await venue.operator('get-liquidations')).result.data.length, 0)
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '30000' })
    assert.equal((await venue.operator('get-liquidations')).result.data.length, 1)
    const counted = (await venue.metrics()).text
    assert.match(counted, /^ringfence_liquidations_started_total 1$/m)
    const ended = [...counted.matchAll(/^ringfence_liquidations_total\{outcome="(\w+)"\} (\d+)$/gm)]
    assert.deepEqual(ended.map((row) => row[1]), ['recovered', 'closed', 'taken_over', 'deleveraged'])
    assert.equal(ended.reduce((sum, row) => sum + Number(row[2]), 0), 1)
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
  } finally { await venue.remove() }
})

// docs/operations.md, Restart: what the phases hold back is what accounts ask for, not what they had arranged before.
test('while it is warm no trigger fires; with the first fresh mark it does, in cancel-only too', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--warm-seconds', '60', '--cancel-only-seconds', '60', '--post-only-seconds', '0'] })
  try {
    await venue.list(BTC, { mark_stale_ms: '60000' })
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    await venue.post(alice, 'private/create-order', order('SELL', 50200))
    await venue.post(bob, 'private/advanced/create-order', { instrument_name: BTC, side: 'BUY', type: 'STOP_LOSS', quantity: '0.1', ref_price: '50100' })
    await venue.restart('SIGKILL')
    await sleep(1500) // a TICK or two
    assert.equal((await venue.metrics('/readyz')).text, 'warm\n')
    assert.equal((await venue.post(bob, 'private/advanced/get-open-orders')).result.data.length, 1)
    assert.equal((await venue.post(bob, 'private/get-positions')).result.data.length, 0)
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50150' })
    assert.equal((await venue.post(bob, 'private/advanced/get-open-orders')).result.data.length, 0)
    assert.equal((await venue.post(bob, 'private/get-positions')).result.data.length, 1)
    await until(venue, 'cancel-only')
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
  } finally { await venue.remove() }
})

// Whoever asks in another way, or says of a call what its orders do not say, gets no further.
test('no way leads around a phase: lists, batches, amendments, pairs, aliases, WebSocket; a pinned mark is stale too', async () => {
  const args = (warm, post) => ['--rate-limits', 'off', '--warm-seconds', warm, '--cancel-only-seconds', '0', '--post-only-seconds', post]
  const venue = await Venue.start({ args: args('0', '60') })
  try {
    await venue.list(BTC)
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    await venue.post(alice, 'private/create-order', { ...order('SELL', 50100), quantity: '5' })
    for (const oid of ['b1', 'b2']) await venue.post(bob, 'private/create-order', order('BUY', 49000, { client_oid: oid }))
    const taker = { ...order('BUY', 50100), quantity: '0.5' }
    const said = { exec_inst: ['POST_ONLY', 'REDUCE_ONLY'], post_only: true, reduce_only: true } // of the call, not of its orders
    const leg = (more) => ({ ...taker, ...more })
    const stop = { instrument_name: BTC, side: 'SELL', type: 'STOP_LOSS', quantity: '0.1', ref_price: '40000' }
    const around = [
      ['private/create-order', { ...taker, reduce_only: false, reduceOnly: true }],
      ['private/create-order', { ...taker, post_only: false, postOnly: true }],
      ['private/create-order', { instrument_name: BTC, side: 'BUY', type: 'MARKET', quantity: '0.5' }],
      ['private/amend-order', { client_oid: 'b1', new_price: '50100', new_quantity: '0.5', ...said }],
      ['private/create-order-list', { contingency_type: 'LIST', order_list: [leg(), leg()], ...said }],
      ['private/create-order-list', { contingency_type: 'LIST', order_list: [leg(POST), leg()], ...said }],
      ['private/advanced/create-order-list', { contingency_type: 'LIST', order_list: [leg()], ...said }],
      ['private/advanced/create-oto', { order_list: [leg(), stop], ...said }],
      ['private/advanced/create-oco', { order_list: [leg(), stop], ...said }],
      ['private/create-isolated-margin-transfer', { isolation_id: '1', direction: 'DEBIT', amount: '1', ...said }]
    ]
    for (const [seconds, phase, code] of [[args('0', '60'), 'post-only', 309], [args('60', '0'), 'warm', 9010001]]) {
      venue.args = seconds
      await venue.restart('SIGKILL')
      assert.equal((await venue.metrics('/readyz')).text, phase + '\n')
      const socket = await venue.socket()
      await socket.signIn(bob)
      for (const [method, params] of around) {
        await venue.post(bob, method, params, code)
        await socket.call(method, params, code)
      }
      const batch = (params, wanted) => socket.call('private/batch-order-request', params, wanted)
      await batch({ creates: [leg()], ...said }, code)
      await batch({ cancels: [{ client_oid: 'b2' }], creates: [leg(POST), leg()], ...said }, code)
      // A batch that only cancels is a cancel.
      const gone = await batch({ cancels: [{ client_oid: phase === 'warm' ? 'b1' : 'b2' }] }, 0)
      assert.equal(gone.result.cancels[0].code, 0)
      const resting = await venue.post(bob, 'private/create-order-list', { contingency_type: 'LIST', order_list: [order('BUY', 48000, POST)] },
        phase === 'warm' ? code : 0)
      // Through the door, and there the engine has its say: every mark is stale, the pinned one of list() too.
      if (phase === 'post-only') assert.equal(resting.result[0].code, 222)
      socket.close()
    }
    assert.deepEqual((await venue.post(bob, 'private/get-positions')).result.data, [])
    assert.equal((await venue.post(alice, 'private/get-open-orders')).result.data[0].cumulative_quantity, '0.0000')
    // An index is no input of a mark that was pinned: its operator says it again, or lets go.
    await venue.operator('set-index-price', { instrument_name: BTC, price: '50000' })
    assert.equal((await venue.metrics('/readyz')).text, 'warm\n')
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await until(venue, 'open')
    await venue.post(bob, 'private/create-order', taker)
  } finally { await venue.remove() }
})

test('a halt still lets users cancel, before and after a restart', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off'] })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    for (const oid of ['one', 'two']) await venue.post(alice, 'private/create-order', order('SELL', 50100, { client_oid: oid }))
    await venue.operator('set-instrument-state', { instrument_name: BTC, state: 'HALTED' })
    await venue.post(alice, 'private/create-order', order('SELL', 50100), 208)
    await venue.post(alice, 'private/cancel-order', { client_oid: 'one' })
    await venue.restart('SIGKILL')
    await venue.post(alice, 'private/cancel-order', { client_oid: 'two' })
    assert.deepEqual((await venue.post(alice, 'private/get-open-orders')).result.data, [])
  } finally { await venue.remove() }
})

test('R8: with little disk space left new orders are refused; cancelling, closing and reducing go on', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off'] })
  try {
    await venue.list()
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    for (const oid of ['a1', 'a2', 'a3']) await venue.post(alice, 'private/create-order', order('SELL', 50000, { client_oid: oid }))
    await venue.post(bob, 'private/create-order', order('BUY', 50000))
    await venue.post(alice, 'private/create-order', order('BUY', 49900, { client_oid: 'bid', quantity: '0.3' }))
    await venue.stop()
    // No disk is ever free to the last byte.
    venue.args = ['--rate-limits', 'off', '--reserve-percent', '100', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0']
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await until(venue, 'disk-low')
    await venue.post(alice, 'private/create-order', order('SELL', 50200), 9010001)
    await venue.post(alice, 'private/amend-order', { client_oid: 'a2', new_price: '50300', new_quantity: '0.2' }, 9010001)
    await venue.post(alice, 'private/cancel-order', { client_oid: 'a2' })
    await venue.post(bob, 'private/create-order', { ...order('SELL', 49900, { exec_inst: ['REDUCE_ONLY'] }), quantity: '0.05' })
    await venue.post(bob, 'private/close-position', { instrument_name: BTC, type: 'MARKET' })
    assert.deepEqual((await venue.post(bob, 'private/get-positions')).result.data, [])
    await venue.stop()
    venue.args = ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0']
    await venue.run()
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    await venue.post(alice, 'private/create-order', order('SELL', 50200))
  } finally { await venue.remove() }
})
