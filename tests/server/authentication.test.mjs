// R12: who is let in, and what a stranger's identifiers tell. The list of methods comes from the program's own table, so
// a method that is new is asked too, and a parameter that is new must be put into one of the two lists below.
import assert from 'node:assert'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Venue, program, sign, tell } from './venue.mjs'

let venue, alice, bob, foreign

before(async () => {
  venue = await Venue.start({ args: ['--rate-limits', 'off', '--address-delay-hours', '0'] })
  await venue.list()
  alice = await venue.customer('alice')
  bob = await venue.customer('bob')
  foreign = await furnish(bob)
  await furnish(alice)
})
after(() => venue.remove())

async function key(account, more = {}) {
  const made = await venue.operator('create-api-key', { account, ...more })
  return { account, api_key: made.result.api_key, secret: made.result.secret }
}

// Something of every kind that has an identifier. The identifiers of the account.
async function furnish(who) {
  const order = { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'LIMIT', price: '40000', quantity: '0.01' }
  const name = who.account
  const resting = await venue.post(who, 'private/create-order', { ...order, client_oid: `${name}-1` })
  const isolated = await venue.post(who, 'private/create-order', { ...order, exec_inst: ['ISOLATED_MARGIN'], leverage: '10' })
  const stop = await venue.post(who, 'private/advanced/create-order',
    { ...order, type: 'STOP_LIMIT', side: 'SELL', ref_price: '30000', client_oid: `${name}-2` })
  const list = await venue.post(who, 'private/advanced/create-oto', { order_list: [
    order, { ...order, side: 'SELL', type: 'STOP_LIMIT', price: '30000', ref_price: '31000' }] })
  const sub = await venue.operator('create-account', { account: `${name}-sub`, master: name })
  const payer = await key(name, { scopes: ['read', 'withdraw'], ip_list: ['127.0.0.1'] })
  await venue.post(payer, 'private/x/add-withdrawal-address', { currency: 'USD', address: `${name}-wallet` })
  return {
    order_id: resting.result.order_id, client_oid: `${name}-1`, stop_id: stop.result.order_id,
    isolation_id: isolated.result.isolation_id, list_id: list.result.list_id,
    account_id: sub.result.account_id, api_key: payer.api_key, address: `${name}-wallet`,
  }
}

// ---- Keys and signatures -------------------------------------------------------------------------------------

async function send(method, envelope) {
  const answer = await venue.raw({ path: `/exchange/v1/${method}`, method: 'POST' }, JSON.stringify(envelope))
  return answer
}

const READ = 'private/user-balance'
const TRADE = 'private/cancel-all-orders'

// Two calls of one millisecond differ by their ids.
function signed(who, method, params = {}, nonce = Date.now()) {
  const id = Venue.ids++
  return { id, method, params, api_key: who.api_key, nonce, sig: sign(who, method, id, params, nonce) }
}

test('what is wrong with a key or a signature is 40101, and says nothing more', async () => {
  const stranger = { api_key: 'nobody', secret: bob.secret }
  const good = signed(alice, READ)
  const other = signed({ api_key: alice.api_key, secret: bob.secret }, READ)
  const rows = {
    unknown: signed(stranger, READ),
    'of another key': other,
    missing: { ...good, sig: undefined },
    empty: { ...good, sig: '' },
    truncated: { ...good, sig: good.sig.slice(0, 62) },
    longer: { ...good, sig: good.sig + '00' },
    'one digit off': { ...good, sig: (good.sig[0] === '0' ? '1' : '0') + good.sig.slice(1) },
    'no key': { ...good, api_key: undefined },
    'other params': { ...good, params: { a: 1 } },
    'other id': { ...good, id: good.id + 1 },
    'other nonce': { ...good, nonce: good.nonce + 1 },
    'not a number': { ...good, sig: 'z'.repeat(64) },
  }
  for (const [what, envelope] of Object.entries(rows)) {
    const answer = await send(READ, envelope)
    assert.equal(answer.body.code, 40101, what)
    assert.equal(answer.status, 401, what)
    assert.deepEqual(Object.keys(answer.body).sort(), ['code', 'id', 'message', 'method'], what)
  }
  assert.equal((await send(READ, { ...good, sig: good.sig.toUpperCase() })).body.code, 0)
})

test('headers name neither a version nor a path', async () => {
  for (const [method, text] of [['GET', undefined], ['POST', '{'], ['DELETE', '']]) {
    const answer = await venue.raw({ path: '/exchange/v1/public/get-instruments', method }, text)
    const head = JSON.stringify(answer.headers)
    assert.ok(!/server":|powered|ringfence\/|\d+\.\d+\.\d+|\/tmp|\/home/i.test(head), head)
  }
})

test('a nonce is good for 60 s either way: 40102', async () => {
  for (const [off, code] of [[-62000, 40102], [62000, 40102], [-55000, 0], [55000, 0]]) {
    assert.equal((await send(READ, signed(alice, READ, {}, Date.now() + off))).body.code, code, String(off))
  }
})

test('a call that changes something is signed once: 40006; one that reads may repeat', async () => {
  const params = { instrument_name: 'BTCUSD-PERP', type: 'TRIGGER', isolation_id: '99999999' }
  const change = signed(bob, TRADE, params)
  const first = await send(TRADE, change)
  assert.notEqual(first.body.code, 40006)
  assert.equal((await send(TRADE, change)).body.code, 40006)
  assert.equal((await send(TRADE, { ...change, sig: change.sig.toUpperCase() })).body.code, 40006)
  const read = signed(alice, READ)
  assert.equal((await send(READ, read)).body.code, 0)
  assert.equal((await send(READ, read)).body.code, 0)
})

test('scopes, addresses and revocation', async () => {
  const reader = await key('alice', { scopes: ['read'] })
  const away = await key('alice', { scopes: ['read', 'trade'], ip_list: ['192.0.2.0/24'] })
  const gone = await key('alice')
  assert.equal((await send(READ, signed(reader, READ))).body.code, 0)
  assert.equal((await send(TRADE, signed(reader, TRADE))).body.code, 411)
  assert.equal((await send(READ, signed(away, READ))).body.code, 40103)
  const withdrawal = { currency: 'USD', amount: '1', address: 'alice-wallet' }
  assert.equal((await send('private/create-withdrawal', signed(alice, 'private/create-withdrawal', withdrawal))).body.code, 40104)
  assert.equal((await send('private/x/create-api-key', signed(alice, 'private/x/create-api-key'))).body.code, 40104)
  assert.equal((await send(READ, signed(gone, READ))).body.code, 0)
  const socket = await venue.socket()
  await socket.signIn(gone)
  await socket.call('subscribe', { channels: ['user.balance'] })
  await venue.operator('revoke-api-key', { api_key: gone.api_key })
  assert.equal((await send(READ, signed(gone, READ))).body.code, 40101)
  await socket.call(READ, {}, 40101)
  assert.equal((await socket.closed).code, 1008) // and what is open is closed
})

test('a WebSocket is nobody\'s before public/auth, and its key\'s scopes hold there too', async () => {
  const reader = await key('alice', { scopes: ['read'] })
  const socket = await venue.socket()
  await socket.call(READ, {}, 40101)
  await socket.signIn({ api_key: alice.api_key, secret: bob.secret }, 40101)
  await socket.call(READ, {}, 40101)
  await socket.signIn(reader)
  await socket.call(READ)
  await socket.call(TRADE, {}, 411)
  socket.close()
  const trader = await key('alice', { scopes: ['trade'] })
  const deaf = await venue.socket()
  await deaf.signIn(trader)
  await deaf.call('subscribe', { channels: ['user.balance'] }, 40101)
  deaf.close()
})

// ---- Foreign identifiers (S5) --------------------------------------------------------------------------------

// What stands for a thing of the account: a value that is bob's, and one that is nobody's.
const identifiers = {
  isolation_id: () => [foreign.isolation_id, '987654321'],
  order_id: () => [foreign.order_id, '987654321'],
  orig_client_oid: () => [foreign.client_oid, 'nobodys-1'],
  client_oid: () => [foreign.client_oid, 'nobodys-1'],
  list_id: () => [foreign.list_id, '987654321'],
  list_id_list: () => [[foreign.list_id], ['987654321']],
  attach_order_id: () => [foreign.order_id, '987654321'],
  attach_isolation_id: () => [foreign.isolation_id, '987654321'],
  account_id: () => [foreign.account_id, '00000000-0000-4000-8000-000000ffffff'],
  from: () => [foreign.account_id, '00000000-0000-4000-8000-000000ffffff'],
  to: () => [foreign.account_id, '00000000-0000-4000-8000-000000ffffff'],
  api_key: () => [foreign.api_key, 'nobodys'],
  address: () => [foreign.address, 'nobodys'],
  id: () => [foreign.isolation_id, '987654321'],
}
// What names nothing of anybody's, with a value where a method demands one.
const innocent = {
  idempotent: true, request_id: 'r',
  add_margin: null, address_tag: null, amount: '1', client_wid: null, contingency_type: null, currency: 'USD', cursor: null,
  direction: 'CREDIT', end_time: null, end_ts: null, exec_inst: null, fee_instrument_name: null, include_reduce_only: null,
  instrument_name: 'BTCUSD-PERP', ip_list: null, isolated_margin_amount: null, journal_type: null, label: null, leverage: '5',
  limit: null, linked: null, liquidation_price: null, network_id: null, new_price: '40000', new_quantity: '0.02',
  new_ref_price: null, notional: null, page: null, page_size: null, position_type: null, post_only: null, price: '40000',
  quantity: '0.01', reduce_only: null, ref_price: null, ref_price_type: null, scopes: null, side: 'BUY', spot_margin: null,
  start_time: null, start_ts: null, status: null, stp_id: null, stp_inst: null, stp_scope: null, time_in_force: null,
  timeframe: null, timeout_ms: '0', totp: null, type: 'LIMIT', what: 'orders', trigger_price: null, order_list: null,
  cancels: null, creates: null, scope: 'CONNECTION', reason: null, min_seq: null,
}

// {method: {param: required}} of the private methods.
function table() {
  const methods = {}
  let at
  for (const line of tell(['describe', 'reference']).toString().split('\n')) {
    const head = line.match(/^### (\S+)/)
    if (head) at = head[1].startsWith('private/') ? (methods[head[1]] = {}) : undefined
    const row = line.match(/^\| `(\w+)` \| [^|]* \| (\w*)/)
    if (row && at) at[row[1]] = row[2] === 'required'
  }
  return methods
}

// Lists of orders: one that makes orders takes whole ones, one that cancels takes their names.
const lists = {
  'private/cancel-order-list': (named) => [named], 'private/advanced/cancel-order-list': (named) => [named],
}

function fill(method, params, given) {
  const call = {}
  for (const [name, required] of Object.entries(params)) {
    if (name in given || !required) continue
    if (name in identifiers) call[name] = identifiers[name]()[1]
    else if (name === 'order_list') continue
    else call[name] = innocent[name]
  }
  return { ...call, ...given }
}

// What may differ: the identifiers that were asked for, and what numbers the call itself made.
function leveled(body, value) {
  const text = JSON.stringify({ ...body, id: 0 }).replaceAll(JSON.stringify(value).replace(/^\[|\]$/g, ''), '"X"')
  return text.replace(/"(order_id|create_time|create_time_ns|update_time|usable_time|journal_id|list_id)":("[^"]*"|\d+)/g, '"$1":0')
    .replace(/"server_ms":\d+/g, '')
}

async function state(who) {
  const shown = []
  for (const method of ['private/user-balance', 'private/get-positions', 'private/get-open-orders',
    'private/advanced/get-open-orders', 'private/get-account-settings', 'private/x/list-withdrawal-addresses',
    'private/x/list-api-keys']) {
    shown.push((await venue.post(who, method)).result)
  }
  return JSON.stringify(shown)
}

test('every parameter of a private method is an identifier or is none: the lists of this test are whole', () => {
  const seen = new Set()
  for (const params of Object.values(table())) Object.keys(params).forEach((name) => seen.add(name))
  for (const name of seen) {
    assert.ok(name in identifiers !== name in innocent, `${name}: put it into identifiers or innocent`)
  }
  assert.ok(Object.keys(table()).length > 50)
})

test('a foreign identifier answers exactly like one that nobody has, on every private method', async () => {
  const everything = await key('alice', { scopes: ['read', 'trade', 'withdraw'], ip_list: ['127.0.0.1'] })
  const before = await state(bob)
  let asked = 0
  for (const [method, params] of Object.entries(table())) {
    const probes = []
    for (const name of Object.keys(params).filter((one) => one in identifiers)) {
      const [theirs, nobodys] = identifiers[name]()
      probes.push([{ [name]: theirs }, { [name]: nobodys }, theirs, nobodys])
    }
    if (method in lists) {
      for (const name of ['order_id', 'client_oid']) {
        const [theirs, nobodys] = identifiers[name]()
        const of = (value) => ({ order_list: lists[method]({ instrument_name: 'BTCUSD-PERP', [name]: value }) })
        probes.push([of(theirs), of(nobodys), theirs, nobodys])
      }
    }
    for (const [first, second, theirs, nobodys] of probes) {
      const a = (await send(method, signed(everything, method, fill(method, params, first)))).body
      const b = (await send(method, signed(everything, method, fill(method, params, second)))).body
      const what = `${method} ${Object.keys(first)}`
      assert.equal(leveled(a, theirs), leveled(b, nobodys), what)
      asked++
    }
  }
  assert.ok(asked > 40, `${asked} questions`)
  assert.equal(await state(bob), before)
})

// ---- What a copy of the data directory tells -------------------------------------------------------------------

test('secrets are nowhere in the data directory, and the key that seals them is not in it', async () => {
  const files = fs.readdirSync(venue.data).map((name) => path.join(venue.data, name)).filter((name) => fs.statSync(name).isFile())
  const bytes = Buffer.concat(files.map((name) => fs.readFileSync(name)))
  assert.ok(bytes.includes(alice.api_key)) // it is there, but
  assert.ok(!bytes.includes(alice.secret))
  const keyFile = venue.data + '.key'
  assert.equal(fs.statSync(keyFile).mode & 0o777, 0o600)
  assert.ok(!bytes.includes(fs.readFileSync(keyFile)))
})

test('what was signed before a restart is not done again after it', async () => {
  const change = signed(bob, 'private/cancel-all-orders')
  assert.equal((await send('private/cancel-all-orders', change)).body.code, 0)
  await venue.restart('SIGKILL')
  assert.equal((await send('private/cancel-all-orders', change)).body.code, 40102)
  assert.equal((await send('private/cancel-all-orders', signed(bob, 'private/cancel-all-orders'))).body.code, 0)
})

test('keys and addresses survive kill -9; without the sealing key no signature is good', async () => {
  await venue.restart('SIGKILL')
  assert.equal((await send(READ, signed(alice, READ))).body.code, 0)
  const payer = await key('alice', { scopes: ['read', 'withdraw'], ip_list: ['127.0.0.1'] })
  const listed = await venue.post(payer, 'private/x/list-withdrawal-addresses')
  assert.equal(listed.result.data[0].address, 'alice-wallet')
  await venue.stop()
  fs.renameSync(venue.data + '.key', venue.data + '.gone')
  await venue.run()
  assert.equal((await send(READ, signed(alice, READ))).body.code, 40101)
  await venue.stop()
  fs.renameSync(venue.data + '.gone', venue.data + '.key')
  await venue.run()
  assert.equal((await send(READ, signed(alice, READ))).body.code, 0)
})
