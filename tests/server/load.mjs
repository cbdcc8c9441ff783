// Customers who load a server that is killed, cut off or failed under them, and what must be there afterwards: what was
// acknowledged is contained in what came back, that in what was sent, and nothing is there twice.
import assert from 'node:assert'
import net from 'node:net'
import { sleep } from './venue.mjs'

const BTC = 'BTCUSD-PERP'
const TRADERS = 6
const TAKERS = 2

// Random numbers that a failure can be repeated with.
export function generator(seed) {
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
      await sleep(5) // the connection broke: nobody knows what came of that call
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
      await sleep(5)
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

// Who begins a request and does not end it, or sends what is none.
async function disturb(venue, random, alive) {
  const text = 'POST /exchange/v1/private/create-order HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n{"id":1,"method":"private/create-order","params":{'
  while (alive()) {
    const link = net.connect(venue.port, '127.0.0.1')
    link.on('error', () => {})
    link.write(random(4) === 0 ? Buffer.from(Array.from({ length: 60 }, () => random(256))) : text.slice(0, 1 + random(text.length)))
    await sleep(random(30))
    link.destroy()
  }
}

export class Load {
  static async prepare(venue) {
    const load = new Load()
    await venue.list()
    await venue.operator('create-account', { account: 'saver' })
    load.money = { sent: 0, acknowledged: 0 }
    load.traders = []
    for (let i = 0; i < TRADERS; i++) load.traders.push({ key: await venue.customer(`t${i}`), orders: new Map(), next: 0 })
    const maker = await venue.customer('maker', '100000000')
    for (const [side, price] of [['BUY', '50000'], ['SELL', '50001']])
      await venue.post(maker, 'private/create-order', { instrument_name: BTC, side, type: 'LIMIT', price, quantity: '500' })
    load.takers = []
    for (let i = 0; i < TAKERS; i++) load.takers.push({ key: await venue.customer(`k${i}`), position: 0, asked: 0, next: 0, orders: [] })
    return load
  }

  /** Goes on until `end` has come to its end. */
  async run(venue, random, end, rude = 0) {
    let going = true
    const alive = () => going
    const work = [...this.traders.map((trader) => trade(venue, trader, random, alive)), deposit(venue, this.money, alive),
      ...this.takers.map((taker) => take(venue, taker, random, alive)), ...Array.from({ length: rude }, () => disturb(venue, random, alive))]
    try { await end() } finally { going = false }
    await Promise.all(work)
  }

  async check(venue) {
    await venue.operator('set-mark-price', { instrument_name: BTC, price: '50000' })
    for (const trader of this.traders) await compare(venue, trader)
    for (const taker of this.takers) await settle(venue, taker)
    const { money } = this
    const cash = Number((await venue.operator('get-account', { account: 'saver' })).result.balance.total_cash_balance)
    assert.ok(cash >= money.acknowledged && cash <= money.sent, `${money.acknowledged} <= ${cash} <= ${money.sent}`)
    money.sent = money.acknowledged = cash
    assert.equal((await venue.operator('check-invariants')).result.ok, true)
  }

  /** {orders, fills, deposits} in all, once the history has been looked through. */
  async sum(venue) {
    let orders = 0, fills = 0
    for (const trader of this.traders) orders += trader.next
    for (const taker of this.takers) fills += await audit(venue, taker)
    return { orders, fills, deposits: this.money.acknowledged }
  }
}
