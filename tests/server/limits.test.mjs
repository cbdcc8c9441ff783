// How often who may call: every method's class (docs/api.md, "Rate"), each key, method and address for itself, batches as
// one call, the setting that multiplies; and what else has a ceiling.
import assert from 'node:assert'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { Venue, sleep } from './venue.mjs'

const source = new URL('../..', import.meta.url).pathname
const text = execFileSync('cc', ['-E', '-P', '-xc', '-I', source, '-DRF_CHAPTER(title,tag)=',
  '-DRF_METHOD(id,name,door,flags,set,handler,doc)=@ROW name door flags', source + 'api/methods.def'], { encoding: 'utf8' })
const methods = text.split('@ROW ').slice(1).map((row) => {
  const [, name, door, flags] = row.match(/^"([^"]*)" (\w+) (.*)/)
  return { name, door, flags }
})

// What the venue's own page says; everything else private is 3 in 100 ms.
const SPECIAL = { 'private/create-order': 15, 'private/cancel-order': 15, 'private/cancel-all-orders': 15, 'private/get-order-detail': 30,
  'private/get-trades': 1, 'private/get-order-history': 1 }

const post = (venue, key, method, params = {}, headers = {}) =>
  venue.raw({ path: `/exchange/v1/${method}`, method: 'POST', headers }, JSON.stringify(venue.envelope(key, method, params)))

// Asks until it is refused; how often it was served.
async function exhaust(ask, most) {
  const calls = []
  for (let i = 0; i < most; i++) calls.push(ask())
  const answers = await Promise.all(calls)
  for (const { status, body, headers } of answers.filter((one) => one.body.code === 42901)) {
    assert.equal(status, 429)
    assert.equal(body.message, 'TOO_MANY_REQUESTS')
    assert.ok(body.error_data.retry_after_ms > 0)
    assert.equal(headers['retry-after'], String(Math.ceil(body.error_data.retry_after_ms / 1000)))
    assert.equal(headers['x-ratelimit-remaining'], '0')
  }
  return answers.filter((one) => one.body.code !== 42901).length
}

test('every method has the class that the venue\'s own page gives it, and says so in its headers', async () => {
  const venue = await Venue.start()
  try {
    await venue.list()
    await venue.operator('create-account', { account: 'alice' })
    const alice = (await venue.operator('create-api-key', { account: 'alice', scopes: ['read', 'trade', 'withdraw'], ip_list: ['127.0.0.1'] })).result
    for (const { name, door, flags } of methods) {
      // Keys are made by somebody who logged in: a key has no right to, and rights are looked at before limits.
      if (door === 'OPERATOR' || name.endsWith('-api-key')) continue
      const answer = door === 'PUBLIC' ? await venue.raw({ path: `/exchange/v1/${name}` }) : await post(venue, alice, name)
      const limit = flags.includes('CONNECTION') ? undefined : door === 'PUBLIC' ? '100' : String(SPECIAL[name] ?? 3)
      assert.equal(answer.headers['x-ratelimit-limit'], limit, name)
      if (limit) assert.equal(answer.headers['x-ratelimit-remaining'], String(limit - 1), name)
    }
  } finally { await venue.remove() }
})

test('each key, each method and each address has calls of its own; a list of orders is one call', async () => {
  const venue = await Venue.start({ args: ['--behind-proxy', '127.0.0.1'] })
  try {
    await venue.list()
    const [alice, bob] = [await venue.customer('alice'), await venue.customer('bob')]
    const second = (await venue.operator('create-api-key', { account: 'alice', scopes: ['read', 'trade'] })).result
    const history = (key) => () => post(venue, key, 'private/get-order-history')
    assert.equal(await exhaust(history(alice), 5), 1)
    assert.equal((await post(venue, alice, 'private/get-trades')).body.code, 0) // another method
    assert.equal((await post(venue, bob, 'private/get-order-history')).body.code, 0) // another account
    assert.equal((await post(venue, second, 'private/get-order-history')).body.code, 0) // another key of the same
    const refused = (await post(venue, alice, 'private/get-order-history')).body
    await sleep(refused.error_data.retry_after_ms + 20)
    assert.equal((await post(venue, alice, 'private/get-order-history')).body.code, 0)
    const order = { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.001' }
    const list = await post(venue, alice, 'private/create-order-list', { order_list: Array(10).fill(order) })
    assert.deepEqual(list.body.result.map((one) => one.code), Array(10).fill(0))
    assert.equal(list.headers['x-ratelimit-remaining'], '2')
    // A public method: 100 a second of one address, whatever the others do. A client may say where it comes from only through our proxy.
    const time = (hop) => () => venue.raw({ path: '/exchange/v1/public/x/get-time', headers: { 'x-forwarded-for': hop } })
    const served = await exhaust(time('192.0.2.1'), 160)
    assert.ok(served >= 100 && served < 160, `${served} served`)
    assert.equal((await time('192.0.2.2')()).body.code, 0)
    assert.equal((await venue.raw({ path: '/exchange/v1/public/get-instruments', headers: { 'x-forwarded-for': '192.0.2.1' } })).body.code, 0)
  } finally { await venue.remove() }
})

test('rate_limits multiplies them all; refusals of another kind are counted too', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', '4'] })
  try {
    const alice = await venue.customer('alice')
    const answer = await post(venue, alice, 'private/get-order-detail')
    assert.deepEqual([answer.body.code, answer.headers['x-ratelimit-limit'], answer.headers['x-ratelimit-remaining']], [40004, '120', '119'])
    assert.equal(await exhaust(() => post(venue, alice, 'private/get-order-history'), 8), 4)
    // Somebody who is not let in uses up nobody's calls.
    const stranger = { api_key: alice.api_key, secret: 'wrong' }
    for (let i = 0; i < 8; i++) assert.equal((await post(venue, stranger, 'private/get-trades')).body.code, 40101)
    assert.equal((await post(venue, alice, 'private/get-trades')).headers['x-ratelimit-remaining'], '3')
  } finally { await venue.remove() }
})

test('a WebSocket: 150 messages of a second on the user side, 100 on the market side, each connection for itself', async () => {
  const venue = await Venue.start()
  try {
    for (const [side, limit] of [['user', 150], ['market', 100]]) {
      const [one, other] = [await venue.socket(side), await venue.socket(side)]
      for (let i = 0; i < 2 * limit + 60; i++) one.send({ id: i, method: 'public/x/get-time' })
      let served = 0
      for (let i = 0; i < 2 * limit + 60; i++) served += (await one.next()).code === 0
      // The messages may fall into two seconds, not into three.
      assert.ok(served >= limit && served <= 2 * limit, `${side}: ${served} served`)
      await other.call('public/x/get-time')
      one.close()
      other.close()
    }
  } finally { await venue.remove() }
})

test('withdrawals that wait for a decision: no more than there is room for, then 42901 until some are decided', async () => {
  const venue = await Venue.start({ args: ['--rate-limits', 'off', '--withdrawals', '2', '--address-delay-hours', '0'] })
  try {
    await venue.operator('create-account', { account: 'alice' })
    await venue.operator('deposit', { account: 'alice', currency: 'USDC', amount: '100' })
    const key = (await venue.operator('create-api-key', { account: 'alice', scopes: ['read', 'withdraw'], ip_list: ['127.0.0.1'] })).result
    const where = { currency: 'USDC', address: 'alices' }
    const cash = async () => (await venue.post(key, 'private/user-balance')).result.data[0].position_balances[0].quantity
    const statuses = async () => (await venue.post(key, 'private/get-withdrawal-history')).result.withdrawal_list.map((row) => row.status)
    await venue.post(key, 'private/x/add-withdrawal-address', where)
    const ids = []
    for (const amount of ['10', '20']) ids.push((await venue.post(key, 'private/create-withdrawal', { ...where, amount })).result.id)
    assert.equal(await cash(), '70.00000000')
    await venue.post(key, 'private/create-withdrawal', { ...where, amount: '1' }, 42901)
    assert.equal(await cash(), '70.00000000')
    assert.deepEqual(await statuses(), ['0', '0'])
    await venue.operator('reject-withdrawal', { id: ids[1] })
    assert.equal(await cash(), '90.00000000')
    await venue.post(key, 'private/create-withdrawal', { ...where, amount: '1' })
    assert.deepEqual(await statuses(), ['0', '2', '0'])
    await venue.post(key, 'private/create-withdrawal', { ...where, amount: '90' }, 30024)
  } finally { await venue.remove() }
})
