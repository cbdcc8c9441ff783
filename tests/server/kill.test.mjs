// R6: kill -9 of the server under load. What was acknowledged is contained in what came back, and that in what was sent.
// KILLS=20 by default; more by `KILLS=1000 node --test tests/server/kill.test.mjs`.
import assert from 'node:assert'
import { test } from 'node:test'
import { Venue, sleep, tell } from './venue.mjs'

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

test(`kill -9 under load, ${KILLS} times`, { timeout: 600000 }, async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1000000)
  const random = generator(seed)
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0',
    '--snapshot-every', '1000', '--segment-size', '1M'] })
  try {
    await venue.list()
    await venue.operator('create-account', { account: 'saver' })
    const money = { sent: 0, acknowledged: 0 }
    const traders = []
    for (let i = 0; i < TRADERS; i++) traders.push({ key: await venue.customer(`t${i}`), orders: new Map(), next: 0 })
    let acknowledged = 0
    for (let kill = 0; kill < KILLS; kill++) {
      let alive = true
      const work = [...traders.map((trader) => trade(venue, trader, random, () => alive)), deposit(venue, money, () => alive)]
      await sleep(100 + random(300))
      await venue.stop('SIGKILL')
      alive = false
      await Promise.all(work)
      await venue.run()
      await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
      for (const trader of traders) await compare(venue, trader)
      const cash = Number((await venue.operator('get-account', { account: 'saver' })).result.balance.total_cash_balance)
      assert.ok(cash >= money.acknowledged && cash <= money.sent, `seed ${seed}: ${money.acknowledged} <= ${cash} <= ${money.sent}`)
      money.sent = money.acknowledged = cash
      assert.equal((await venue.operator('check-invariants')).result.ok, true)
    }
    for (const trader of traders) acknowledged += trader.next
    const end = await venue.stop()
    assert.equal(end.code, 0, venue.log)
    assert.equal(JSON.parse(tell(['verify', '--json', venue.data])).ok, true)
    console.log(`# ${KILLS} kills, ${acknowledged} orders, ${money.acknowledged} deposits, seed ${seed}`)
    assert.ok(acknowledged > KILLS * 20, 'there was hardly any load')
  } catch (error) {
    error.message = `seed ${seed}: ${error.message}`
    throw error
  } finally { await venue.remove() }
})
