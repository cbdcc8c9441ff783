// What a restart keeps, and how it opens again: after a graceful stop, and after kill -9.
import assert from 'node:assert'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Venue, tell } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const limit = (side, price, quantity, more = {}) => ({ instrument_name: BTC, side, type: 'LIMIT', price: String(price), quantity: String(quantity), ...more })
const open = ['--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0', '--rate-limits', 'off']

// Everything that an account and the public can see, without what a clock writes.
async function look(venue, keys) {
  const seen = {}
  for (const key of keys) {
    for (const method of ['private/user-balance', 'private/get-positions', 'private/get-open-orders', 'private/get-account-settings'])
      seen[`${key.account} ${method}`] = (await venue.post(key, method)).result
  }
  const book = (await venue.get('public/get-book', `instrument_name=${BTC}&depth=50`)).result
  seen.book = { bids: book.data[0].bids, asks: book.data[0].asks }
  seen.trades = (await venue.get('public/get-trades', `instrument_name=${BTC}&count=150`)).result
  seen.house = (await venue.operator('get-house-balances')).result
  return seen
}

async function fill(venue) {
  await venue.list(BTC, { fund_unwind: 'ON' })
  const alice = await venue.customer('alice')
  const bob = await venue.customer('bob')
  for (let i = 0; i < 10; i++) await venue.post(alice, 'private/create-order', limit('SELL', 50010 + i, '0.1', { client_oid: `a${i}` }))
  await venue.post(bob, 'private/create-order', limit('BUY', 50012, '0.25', { client_oid: 'b1' }))
  await venue.post(bob, 'private/create-order', limit('BUY', 50013, '0.05', { exec_inst: ['ISOLATED_MARGIN'], leverage: '10', client_oid: 'b2' }))
  await venue.post(bob, 'private/create-order', limit('BUY', 49000, '0.1', { client_oid: 'b3' }))
  const cancelled = await venue.post(bob, 'private/create-order', limit('BUY', 48000, '0.1', { client_oid: 'gone' }))
  await venue.post(bob, 'private/cancel-order', { order_id: cancelled.result.order_id })
  return { alice, bob, cancelled: cancelled.result.order_id }
}

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`${signal}: balances, orders, book, keys and client_oids are there again; cancelled stays cancelled`, async () => {
    const venue = await Venue.start({ args: open })
    try {
      const { alice, bob, cancelled } = await fill(venue)
      const before = await look(venue, [alice, bob])
      await venue.restart(signal)
      // A mark is stale until its next input; what is seen depends on it.
      await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
      assert.deepEqual(await look(venue, [alice, bob]), before)
      const detail = (await venue.post(bob, 'private/get-order-detail', { order_id: cancelled })).result
      assert.equal(detail.status, 'CANCELED')
      await venue.post(bob, 'private/cancel-order', { order_id: cancelled }, 316)
      for (const oid of ['a0', 'a9']) await venue.post(alice, 'private/create-order', limit('SELL', 51000, '0.1', { client_oid: oid }), 204)
      await venue.post(bob, 'private/create-order', limit('BUY', 47000, '0.1', { client_oid: 'gone' }), 204)
      // Stopped properly it starts from its last snapshot and applies nothing.
      assert.match(venue.log, signal === 'SIGTERM' ? /event=recovered snapshot_seq=\d\d+ records=0 / : /event=recovered snapshot_seq=0 records=\d\d+ /)
      assert.equal((await venue.operator('check-invariants')).result.ok, true)
      const end = await venue.stop()
      assert.deepEqual(end, { code: 0, signal: null })
      const verified = JSON.parse(tell(['verify', '--json', venue.data]))
      assert.equal(verified.ok, true)
    } finally { await venue.remove() }
  })
}

test('a second server on the same directory is refused', async () => {
  const venue = await Venue.start()
  try {
    await assert.rejects(Venue.start({ home: venue.home }), /another server is running on it/)
    await venue.get('public/x/get-time')
  } finally { await venue.remove() }
})

test('a graceful stop finishes answers, closes WebSockets with 1013 and leaves status 0', async () => {
  const venue = await Venue.start({ args: open })
  try {
    const { bob } = await fill(venue)
    const socket = await venue.socket()
    await socket.signIn(bob)
    const answers = Promise.all(Array.from({ length: 50 }, (_, i) =>
      venue.post(bob, 'private/create-order', limit('BUY', 40000 + i, '0.01'))))
    await answers
    const end = venue.stop('SIGINT')
    assert.deepEqual((await socket.closed).code, 1013)
    assert.deepEqual(await end, { code: 0, signal: null })
    assert.match(venue.log, /event=stopping signal=2/)
    assert.match(venue.log, /event=snapshot seq=/)
    assert.ok(!fs.readdirSync(venue.data).some((name) => name.includes('tmp')), 'a temporary file was left')
    await venue.run()
    assert.equal((await venue.post(bob, 'private/get-open-orders')).result.data.length, 51)
  } finally { await venue.remove() }
})

test('damage in the middle of the journal stops the start and names file and offset', async () => {
  const venue = await Venue.start({ args: open })
  try {
    await fill(venue)
    await venue.stop('SIGKILL')
    const name = fs.readdirSync(venue.data).find((one) => one.startsWith('journal-'))
    const file = fs.openSync(path.join(venue.data, name), 'r+')
    const byte = Buffer.alloc(1)
    fs.readSync(file, byte, 0, 1, 5000)
    byte[0] ^= 1
    fs.writeSync(file, byte, 0, 1, 5000)
    fs.closeSync(file)
    await assert.rejects(venue.run(), new RegExp(`${name}.*\\d`))
  } finally { await venue.remove() }
})
