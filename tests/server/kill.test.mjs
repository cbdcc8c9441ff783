// R6: kill -9 of the server under load, and now and then once more while it starts again, on a disk that is slow at
// random. What was acknowledged is contained in what came back, that in what was sent, and nothing is there twice.
// KILLS=20 by default; more by `make crash` (KILLS=500), SEED repeats a run.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Machine } from './machine.mjs'
import { Venue, sleep, start, tell } from './venue.mjs'

const KILLS = Number(process.env.KILLS ?? 20)
const TRADERS = 6
const BTC = 'BTCUSD-PERP'

// Random numbers that a failure can be repeated with.
function generator(seed) {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 4294967296 * below)
  }
}

// One client: places, amends and cancels until the server is gone. orders: client_oid -> {acknowledged, cancelled, asked}.
async function trade(venue, trader, random, alive) {
  while (alive()) {
    const open = [...trader.orders].filter(([, order]) => order.acknowledged && !order.asked)
    const cancel = open.length > 150 || (open.length > 0 && random(3) === 0)
    try {
      if (cancel) {
        const [oid, order] = open[random(open.length)]
        order.asked = true
        await venue.post(trader.key, 'private/cancel-order', { client_oid: oid })
        order.cancelled = true
      } else {
        const oid = `${trader.key.account}-${trader.next++}`
        const order = { price: 40000 + random(8000) }
        trader.orders.set(oid, order)
        const answer = await venue.post(trader.key, 'private/create-order', { instrument_name: BTC, side: 'BUY', type: 'LIMIT',
          price: String(order.price), quantity: '0.0010', client_oid: oid })
        order.acknowledged = answer.result.order_id
      }
    } catch (error) {
      if (/code \d+ was wanted/.test(error.message)) throw error
      return // the connection broke: it was killed
    }
  }
}

async function deposit(venue, money, alive) {
  while (alive()) {
    money.sent++
    try {
      await venue.operator('deposit', { account: 'saver', currency: 'USD', amount: '1' })
      money.acknowledged++
    } catch (error) {
      if (/code \d+ was wanted/.test(error.message)) throw error
      return
    }
  }
}

// Takes from the maker's deep book and gives back. Each answer tells what it traded: position is what was acknowledged,
// and at most the one call more that was under way.
async function take(venue, taker, random, alive) {
  while (alive()) {
    const lots = 1 + random(9)
    const signed = taker.position > 300 || (taker.position > -300 && random(2) === 0) ? -lots : lots
    taker.asked = signed
    try {
      const { result } = await venue.post(taker.key, 'private/create-order', { instrument_name: BTC, side: signed > 0 ? 'BUY' : 'SELL', type: 'MARKET',
        quantity: (lots / 10000).toFixed(4), client_oid: `k${taker.next++}` })
      taker.position += signed
      taker.asked = 0
      taker.orders.push(result.order_id)
    } catch (error) {
      if (/code \d+ was wanted/.test(error.message)) throw error
      return
    }
  }
}

const signedLots = (row) => Math.round(Number(row.quantity) * 10000)

async function settle(venue, taker) {
  const [row] = (await venue.post(taker.key, 'private/get-positions')).result.data
  const found = row ? signedLots(row) : 0
  assert.ok(found === taker.position || found === taker.position + taker.asked, `${taker.key.account}: ${found} lots, ${taker.position} were acknowledged, ${taker.asked} asked`)
  taker.position = found
  taker.asked = 0
}

// The history tells each fill once, and they add up to the position.
async function audit(venue, taker) {
  const seen = new Map()
  let cursor
  do {
    const { result } = await venue.post(taker.key, 'private/get-trades', { limit: '100', ...(cursor && { cursor }) })
    for (const row of result.data) {
      assert.ok(!seen.has(row.trade_id), `trade ${row.trade_id} is there twice`)
      seen.set(row.trade_id, row)
    }
    cursor = result.next_cursor
  } while (cursor)
  const rows = [...seen.values()]
  const lots = rows.reduce((sum, row) => sum + Math.round(Number(row.traded_quantity) * 10000) * (row.side === 'BUY' ? 1 : -1), 0)
  assert.equal(lots, taker.position)
  const filled = new Set(rows.map((row) => row.order_id))
  for (const id of taker.orders) assert.ok(filled.has(id), `the fill of order ${id} was acknowledged and is not in the history`)
  return rows.length
}

async function compare(venue, trader) {
  const open = (await venue.post(trader.key, 'private/get-open-orders')).result.data
  const there = new Map(open.map((order) => [order.client_oid, order]))
  for (const oid of there.keys()) assert.ok(trader.orders.has(oid), `${oid} was never sent`)
  for (const [oid, order] of trader.orders) {
    const found = there.get(oid)
    if (order.cancelled) assert.equal(found, undefined, `${oid}: its cancellation was acknowledged`)
    else if (order.acknowledged && !order.asked) {
      assert.ok(found, `${oid} was acknowledged and is gone`)
      assert.equal(found.order_id, order.acknowledged)
      assert.equal(Number(found.limit_price), order.price)
    }
    // What nobody was told may have happened or not: from now on it is known.
    if (found) { order.acknowledged = found.order_id; order.asked = false } else order.asked = order.cancelled = true
  }
}

test(`kill -9 under load, ${KILLS} times`, { timeout: Math.max(600000, KILLS * 5000) }, async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1000000)
  const random = generator(seed)
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const machine = new Machine(home)
  const venue = await Venue.start({ home, env: machine.env, args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0',
    '--post-only-seconds', '0', '--snapshot-every', '1000', '--segment-size', '1M'] })
  try {
    await venue.list()
    await venue.operator('create-account', { account: 'saver' })
    const money = { sent: 0, acknowledged: 0 }
    const traders = []
    for (let i = 0; i < TRADERS; i++) traders.push({ key: await venue.customer(`t${i}`), orders: new Map(), next: 0 })
    const maker = await venue.customer('maker', '100000000')
    for (const [side, price] of [['BUY', '50000'], ['SELL', '50001']])
      await venue.post(maker, 'private/create-order', { instrument_name: BTC, side, type: 'LIMIT', price, quantity: '500' })
    const takers = []
    for (let i = 0; i < 2; i++) takers.push({ key: await venue.customer(`k${i}`), position: 0, asked: 0, next: 0, orders: [] })
    let acknowledged = 0, again = 0, slow = 0
    for (let kill = 0; kill < KILLS; kill++) {
      let alive = true
      machine.disk(random(3) === 0 ? (slow++, random(40)) : 0)
      const work = [...traders.map((trader) => trade(venue, trader, random, () => alive)), deposit(venue, money, () => alive),
        ...takers.map((taker) => take(venue, taker, random, () => alive))]
      await sleep(100 + random(300))
      await venue.stop('SIGKILL')
      alive = false
      await Promise.all(work)
      machine.disk(0)
      if (random(3) === 0) { // while it starts, at whatever it does then
        const child = start(['serve', '--listen', '127.0.0.1:0', '--data', venue.data, ...venue.args], { stdio: 'ignore', env: { ...process.env, ...machine.env } })
        const gone = new Promise((done) => child.on('exit', done))
        await sleep(random(120))
        child.kill('SIGKILL')
        await gone
        again++
      }
      await venue.run(machine.env)
      await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
      for (const trader of traders) await compare(venue, trader)
      for (const taker of takers) await settle(venue, taker)
      const cash = Number((await venue.operator('get-account', { account: 'saver' })).result.balance.total_cash_balance)
      assert.ok(cash >= money.acknowledged && cash <= money.sent, `seed ${seed}: ${money.acknowledged} <= ${cash} <= ${money.sent}`)
      money.sent = money.acknowledged = cash
      assert.equal((await venue.operator('check-invariants')).result.ok, true)
    }
    for (const trader of traders) acknowledged += trader.next
    let fills = 0
    for (const taker of takers) fills += await audit(venue, taker)
    const end = await venue.stop()
    assert.equal(end.code, 0, venue.log)
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
    console.log(`# ${KILLS} kills, ${again} more while it started, ${slow} on a slow disk, ${acknowledged} orders, ${fills} fills, ${money.acknowledged} deposits, seed ${seed}`)
    assert.ok(fills > KILLS * 5, 'there were hardly any fills')
    assert.ok(acknowledged > KILLS * 20, 'there was hardly any load')
  } catch (error) {
    error.message = `seed ${seed}: ${error.message}`
    throw error
  } finally { await venue.remove(); fs.rmSync(home, { recursive: true, force: true }) }
})
