// The sandbox on a running server: what `serve --sandbox` prints works, its market lives and can be steered, it goes
// with its directory; and without it the same binary is an empty venue.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { Venue, exchange, program, sleep, start } from './venue.mjs'

const run = promisify(execFile)
const names = ['BTCUSD-PERP', 'ETHUSD-PERP', 'SOLUSD-PERP']

// `ringfence call`: {code, answer, said}.
async function call(args, env = {}) {
  try {
    const { stdout, stderr } = await run(program, ['call', ...args], { env: { ...process.env, ...env } })
    return { code: 0, answer: JSON.parse(stdout), said: stderr }
  } catch (error) {
    let answer
    try { answer = JSON.parse(error.stdout) } catch { answer = undefined }
    return { code: error.code, answer, said: error.stderr }
  }
}

async function ticker(venue, name) {
  return (await venue.get('public/get-tickers', `instrument_name=${name}`)).result.data[0]
}

async function until(what, seconds = 10) {
  for (let i = 0; i < seconds * 20; i++) {
    const value = await what()
    if (value) return value
    await sleep(50)
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

test('a sandbox', async (t) => {
  const venue = await Venue.start({ args: ['--sandbox', '--rate', '400', '--rate-limits', 'off'] })
  const keys = Object.fromEntries(venue.where.accounts.map((row) => [row.account, row]))
  try {
    await t.test('has four accounts with keys and passwords', () => {
      assert.deepEqual(Object.keys(keys), ['trader', 'trader2', 'maker', 'taker'])
      for (const row of Object.values(keys)) assert.ok(row.api_key && row.secret && row.password.length >= 8)
    })
    await t.test('has three markets with depth from the first moment', async () => {
      for (const name of names) {
        const book = (await venue.get('public/get-book', `instrument_name=${name}&depth=10`)).result.data[0]
        assert.ok(book.bids.length >= 8 && book.asks.length >= 8, name)
        assert.ok(Number(book.bids[0][0]) < Number(book.asks[0][0]), name)
      }
    })
    await t.test('trades, and prices move', async () => {
      const before = await ticker(venue, 'BTCUSD-PERP')
      await until(async () => {
        const now = await ticker(venue, 'BTCUSD-PERP')
        return Number(now.v) > Number(before.v ?? 0) && (now.b !== before.b || now.a !== before.a)
      })
    })
    await t.test('gives a trader what he needs: an order, isolated', async () => {
      const order = await venue.post(keys.trader, 'private/create-order', { instrument_name: 'BTCUSD-PERP', side: 'BUY',
        type: 'MARKET', quantity: '0.5', exec_inst: ['ISOLATED_MARGIN'], leverage: '100' })
      assert.equal(order.result.status, 'FILLED')
    })
    await t.test('lets a password log in', async () => {
      const body = JSON.stringify({ name: 'trader', password: keys.trader.password })
      const answer = await exchange({ host: '127.0.0.1', port: venue.port, path: '/auth/login', method: 'POST',
        headers: { 'content-type': 'application/json', origin: `http://127.0.0.1:${venue.port}` } }, body)
      assert.equal(answer.status, 200, answer.text)
    })
    await t.test('crashes when it is told to, and the fence holds', async () => {
      const before = (await venue.post(keys.trader, 'private/user-balance')).result.data[0].total_cash_balance
      await venue.operator('sandbox-crash', { instrument_name: 'BTCUSD-PERP', fraction: '0.04', seconds: 2 })
      await until(async () => (await venue.post(keys.trader, 'private/get-positions')).result.data.length === 0)
      const after = (await venue.post(keys.trader, 'private/user-balance')).result.data[0].total_cash_balance
      assert.equal(after, before)
      assert.ok((await venue.operator('get-liquidations')).result.data.length > 0)
      assert.ok((await venue.operator('check-invariants')).result.ok)
    })
    await t.test('widens its quotes', async () => {
      await venue.operator('sandbox-spread', { instrument_name: 'ETHUSD-PERP', factor: '100' })
      await until(async () => {
        const now = await ticker(venue, 'ETHUSD-PERP')
        return now.b && now.k && Number(now.k) - Number(now.b) > 0.004 * Number(now.b)
      })
    })
    await t.test('loses its feed, and gets it back', async () => {
      const quantity = '0.1'
      const order = { instrument_name: 'SOLUSD-PERP', side: 'BUY', type: 'MARKET', quantity }
      await venue.operator('sandbox-feed', { instrument_name: 'SOLUSD-PERP', state: 'OFF' })
      await venue.operator('sandbox-clock', { forward_ms: 15000 })
      await until(async () => (await venue.raw({ path: '/exchange/v1/private/create-order', method: 'POST' },
        JSON.stringify(venue.envelope(keys.trader2, 'private/create-order', order)))).body.code === 222)
      await venue.operator('sandbox-feed', { state: 'ON' })
      await until(async () => (await venue.raw({ path: '/exchange/v1/private/create-order', method: 'POST' },
        JSON.stringify(venue.envelope(keys.trader2, 'private/create-order', order)))).body.code === 0)
    })
    await t.test('its clock jumps an hour, and funding is settled', async () => {
      await venue.post(keys.trader2, 'private/create-order', { instrument_name: 'BTCUSD-PERP', side: 'BUY', type: 'MARKET', quantity: '0.01' })
      const before = (await venue.get('public/x/get-time')).result.server_ms
      const answer = await venue.operator('sandbox-clock', { forward_ms: 3600000 })
      assert.ok(answer.result.time_ms >= before + 3600000)
      await until(async () => (await venue.get('public/get-valuations',
        'instrument_name=BTCUSD-PERP&valuation_type=funding_hist')).result.data.length > 0)
    })
    await t.test('its clock stands still', async () => {
      await venue.operator('sandbox-clock', { paused: true })
      await sleep(200)
      const first = (await venue.get('public/x/get-time')).result.server_ms
      await sleep(500)
      const second = (await venue.get('public/x/get-time')).result.server_ms
      assert.ok(second - first < 250, `${second - first} ms went by`)
      await venue.operator('sandbox-clock', { paused: false })
    })
    await t.test('its faucets run', async () => {
      const cash = async () => Number((await venue.post(keys.trader, 'private/user-balance')).result.data[0].total_cash_balance)
      const before = await cash()
      await venue.post(keys.trader, 'private/x/faucet')
      await venue.operator('sandbox-faucet', { account: 'trader', amount: '5' })
      assert.equal(await cash(), before + 10005)
    })
    await t.test('`ringfence call` signs, reads files, and says what is wrong', async () => {
      const url = ['--url', venue.where.url]
      const env = { RINGFENCE_API_KEY: keys.trader.api_key, RINGFENCE_API_SECRET: keys.trader.secret }
      assert.equal((await call(['public/get-tickers', '{"instrument_name":"BTCUSD-PERP"}', ...url])).answer.result.data.length, 1)
      assert.equal((await call(['private/user-balance', ...url], env)).code, 0)
      const refused = await call(['private/get-order-detail', '{"order_id":"999999999"}', ...url], env)
      assert.deepEqual([refused.code, refused.answer.code], [1, 40401])
      const wrong = await call(['private/user-balance', ...url], { ...env, RINGFENCE_API_SECRET: 'x' })
      assert.deepEqual([wrong.code, wrong.answer.code], [1, 40101])
      assert.equal((await call(['operator/check-invariants', '--socket', venue.where.operator_socket])).answer.result.ok, true)
      assert.equal((await call(['operator/check-invariants', ...url])).code, 2)
      assert.equal((await call(['private/user-balance', ...url])).code, 2)
      assert.equal((await call(['public/get-tickers', '{"a":', ...url])).code, 2)
      assert.equal((await call(['public/get-tickers', '[1]', ...url])).code, 2)
      const file = path.join(venue.home, 'key')
      fs.writeFileSync(file, `[ringfence]\napi_key = ${keys.trader.api_key}\napi_secret = ${keys.trader.secret}\n`, { mode: 0o644 })
      assert.match((await call(['private/user-balance', ...url, '--credentials', file])).said, /others may read it/)
      fs.chmodSync(file, 0o600)
      assert.equal((await call(['private/user-balance', ...url, '--credentials', file])).code, 0)
      fs.writeFileSync(file, JSON.stringify(keys.trader))
      assert.equal((await call(['private/user-balance', ...url, '--credentials', file])).code, 0)
      fs.writeFileSync(file, 'api_key = a\n')
      assert.match((await call(['private/user-balance', ...url, '--credentials', file])).said, /missing/)
      const nobody = await call(['public/get-tickers', '--url', 'http://127.0.0.1:1'])
      assert.deepEqual([nobody.code, /no answer/.test(nobody.said)], [1, true])
    })
    await t.test('goes on after a restart, with new keys', async () => {
      const old = keys.trader
      await venue.restart()
      const fresh = venue.where.accounts[0]
      assert.notEqual(fresh.secret, old.secret)
      await venue.post(old, 'private/user-balance', {}, 40101)
      await venue.post(fresh, 'private/user-balance')
      assert.ok((await venue.operator('check-invariants')).result.ok)
    })
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
  } finally { await venue.remove() }
})

test('a sandbox without --data leaves nothing behind, and its guide works', async () => {
  const child = start(['serve', '--sandbox', '--listen', '127.0.0.1:0', '--log-level', 'error'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = '', guide = ''
  child.stdout.on('data', (part) => { out += part })
  child.stderr.on('data', (part) => { guide += part })
  await until(() => guide.includes('Ctrl-C'))
  const where = JSON.parse(out)
  const dir = path.dirname(where.operator_socket)
  assert.ok(fs.existsSync(dir))
  // Each command of the guide as it stands, in one shell.
  const commands = guide.split('\n').filter((line) => /^ {2}(curl|export|build\/ringfence)/.test(line)).map((line) => line.trim())
  assert.equal(commands.length, 8)
  const explain = commands.pop()
  const said = await run('sh', ['-ec', commands.join('\necho\n').replaceAll('build/ringfence', program)])
  assert.equal((said.stdout.match(/"code":0/g) ?? []).length, 6, said.stdout)
  const id = said.stdout.match(/"isolation_id":"(\d+)"/)[1]
  const story = await run('sh', ['-ec', explain.replace('build/ringfence', program).replace('ISOLATION_ID', id)])
  assert.match(story.stdout, /BTCUSD-PERP/)
  const ended = new Promise((done) => child.on('exit', (code) => done(code)))
  child.kill('SIGINT')
  assert.equal(await ended, 0)
  assert.ok(!fs.existsSync(dir) && !fs.existsSync(dir + '.key'))
})

test('a sandbox replays a price file', async () => {
  const csv = path.join(fs.mkdtempSync('/tmp/ringfence-prices-'), 'sol.csv')
  fs.writeFileSync(csv, 'time,open,high,low,close,volume\n' + Array.from({ length: 60 }, (_, i) =>
    `${1700000000000 + i * 60000},${500 + i},${501 + i},${499 + i},${500.5 + i},1`).join('\n') + '\n')
  const venue = await Venue.start({ args: ['--sandbox', '--prices', `SOLUSD-PERP=${csv}`, '--speed', '60'] })
  try {
    const index = async () => Number((await venue.get('public/get-valuations',
      'instrument_name=SOLUSD-INDEX&valuation_type=index_price')).result.data[0].v)
    assert.ok(Math.abs(await index() - 500) < 20)
    await until(async () => await index() > 502)
  } finally {
    await venue.remove()
    fs.rmSync(path.dirname(csv), { recursive: true })
  }
})

test('without --sandbox it is an empty venue, which an operator fills by calls', async () => {
  const home = fs.mkdtempSync('/tmp/ringfence-')
  fs.writeFileSync(path.join(home, 'ringfence.ini'), '[server]\nlog_level = warning\n\n[engine]\naccounts = 100\n')
  const venue = await Venue.start({ home, args: ['--config', path.join(home, 'ringfence.ini')] })
  try {
    assert.equal(venue.where.accounts, undefined)
    assert.equal((await venue.get('public/get-instruments')).result.data.length, 0)
    await venue.operator('sandbox-crash', { fraction: '0.1' }, 40002)
    await venue.operator('create-instrument', { instrument_name: 'XRPUSD-PERP', base_ccy: 'XRP', price_tick_size: '0.0001', qty_tick_size: '1' })
    await venue.operator('set-index-price', { instrument_name: 'XRPUSD-PERP', price: '2' })
    const keys = []
    for (const account of ['alice', 'bob']) {
      await venue.operator('create-account', { account })
      await venue.operator('deposit', { account, currency: 'USD', amount: '1000' })
      keys.push((await venue.operator('create-api-key', { account, scopes: ['read', 'trade'] })).result)
    }
    const order = { instrument_name: 'XRPUSD-PERP', type: 'LIMIT', price: '2', quantity: '100' }
    await venue.post(keys[0], 'private/create-order', { ...order, side: 'BUY' })
    const taken = await venue.post(keys[1], 'private/create-order', { ...order, side: 'SELL' })
    assert.equal(taken.result.status, 'FILLED')
    await venue.post(keys[0], 'private/x/faucet', {}, 40002)
    await sleep(300)
    assert.equal((await venue.get('public/get-trades', 'instrument_name=XRPUSD-PERP')).result.data.length, 1)
  } finally { await venue.remove() }
})
