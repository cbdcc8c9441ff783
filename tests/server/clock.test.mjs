// R9: a real server whose wall clock jumps an hour on and back, stands still, and is behind after a restart: its time
// never goes back, each hour's funding is settled once, and nobody is shut out or left without news meanwhile.
// The clock is tests/server/machine.c, loaded before the server.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Machine } from './machine.mjs'
import { Venue, sleep } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const HOUR = 3600000
// Limits are on: whoever is told to wait waits that long, and then it goes. Nothing has a limit of more than a second.
async function ask(venue, key, method, params) {
  for (let waited = 0; ; ) {
    const answer = await venue.post(key, method, params, null)
    if (answer.code === 0) return answer.result
    assert.equal(answer.code, 42901, JSON.stringify(answer))
    waited += answer.error_data.retry_after_ms
    assert.ok(waited < 5000, `${method}: shut out for ${waited} ms`)
    await sleep(answer.error_data.retry_after_ms)
  }
}

async function funded(venue, key) {
  const params = { journal_type: 'FUNDING', start_time: '1', end_time: '9000000000000' }
  return (await ask(venue, key, 'private/get-transactions', params)).data.map((row) => row.event_timestamp_ms)
}

// The history is written beside the loop: what it has after a while is what it has.
async function settled(venue, key, count) {
  for (let i = 0; i < 100 && (await funded(venue, key)).length < count; i++) await sleep(50)
  const hours = await funded(venue, key)
  assert.equal(hours.length, count, `funding at ${hours}`)
  assert.equal(new Set(hours).size, count)
  return hours
}

// The account trades, hears of it, and the venue's time did not go back.
async function lives(venue, key, socket, state) {
  const order = { instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '49000', quantity: '0.01' }
  const bids = (message) => message.result?.channel?.startsWith('book') && message.result.data?.length > 0
  socket.messages.length = 0
  const { order_id } = await ask(venue, key, 'private/create-order', order)
  await socket.next(bids)
  for (let i = 0; i < 5; i++) await ask(venue, key, 'private/get-open-orders') // more than the limit has at once
  const made = (await ask(venue, key, 'private/get-open-orders')).data
  const time = Number(made.find((row) => row.order_id === order_id).create_time)
  assert.ok(time >= state.time, `${time} is before ${state.time}`)
  state.time = time
  await ask(venue, key, 'private/cancel-order', { order_id })
  for (let i = 0; i < 3; i++) await socket.call('public/get-book', { instrument_name: BTC, depth: 1 })
}

test('R9: the wall clock jumps on, back, stands still, and is behind after a restart', { timeout: 120000 }, async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  // Five minutes before an hour, so that a jump of an hour passes exactly one.
  const clock = new Machine(home, HOUR - 300000 - Date.now() % HOUR)
  const { env } = clock
  const venue = await Venue.start({ home, env, args: ['--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0'] })
  const listen = async () => {
    const socket = await venue.socket('market')
    await socket.call('subscribe', { channels: [`book.${BTC}.10`], book_subscription_type: 'SNAPSHOT_AND_UPDATE', book_update_frequency: 10 })
    return socket
  }
  try {
    assert.ok(Math.abs((await venue.get('public/x/get-time')).result.server_ms - Date.now()) < 60000)
    await venue.list(BTC, { mark_stale_ms: '0' })
    const alice = await venue.customer('alice')
    const bob = await venue.customer('bob')
    await venue.post(alice, 'private/create-order', { instrument_name: BTC, side: 'SELL', type: 'LIMIT', price: '50000', quantity: '1' })
    await venue.post(bob, 'private/create-order', { instrument_name: BTC, side: 'BUY', type: 'LIMIT', price: '50000', quantity: '1' })
    const state = { time: 0 }
    let socket = await listen()
    await lives(venue, bob, socket, state)
    await settled(venue, bob, 0)

    clock.jump(HOUR) // one hour's end lies between
    await sleep(2200)
    const first = await settled(venue, bob, 1)
    await lives(venue, bob, socket, state)

    clock.jump(-2 * HOUR) // before the start of the server
    await lives(venue, bob, socket, state)
    clock.jump(HOUR)
    await lives(venue, bob, socket, state)
    await sleep(2200)
    await lives(venue, bob, socket, state)
    clock.stop()
    for (let i = 0; i < 3; i++) { await lives(venue, bob, socket, state); await sleep(500) }
    assert.deepEqual(await settled(venue, bob, 1), first)

    // The hour that was passed already is passed again, and is not settled again; the next one is.
    clock.jump(HOUR)
    await sleep(2200)
    assert.deepEqual(await settled(venue, bob, 1), first)
    clock.jump(HOUR)
    await sleep(2200)
    await settled(venue, bob, 2)
    await lives(venue, bob, socket, state)

    // A restart with a clock that is two hours behind, then right again and three hours on.
    await venue.stop('SIGKILL')
    clock.jump(-2 * HOUR)
    await venue.run(env)
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    socket = await listen()
    await lives(venue, bob, socket, state)
    await settled(venue, bob, 2)
    clock.jump(5 * HOUR)
    await sleep(2200)
    const all = await settled(venue, bob, 5)
    assert.deepEqual(all.map((at) => Math.floor(at / HOUR)).sort(), [0, 1, 2, 3, 4].map((i) => Math.floor(first[0] / HOUR) + i))
    await lives(venue, bob, socket, state)
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})
