// Index prices from exchanges' tickers, which this test plays: their forms, and everything that can be wrong with an
// answer; operator/get-price-sources tells of it. Nothing is asked of the world outside.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { Venue, exchange, sleep } from './venue.mjs'

const forms = {
  binance: (price) => JSON.stringify({ symbol: 'BTCUSDT', price }),
  okx: (price, ms = Date.now()) => JSON.stringify({ code: '0', msg: '', data: [{ instType: 'SPOT', instId: 'BTC-USDT', last: price, ts: String(ms) }] }),
  coinbase: (price, ms = Date.now()) => JSON.stringify({ trade_id: 1, price, size: '0.1', time: new Date(ms).toISOString(), bid: '1', ask: '2', volume: '3' }),
  kraken: (price) => JSON.stringify({ error: [], result: { XXBTZUSD: { a: ['1', '1', '1.0'], c: [price, '0.1'], v: ['1', '2'] } } })
}
const symbols = { binance: 'BTCUSDT', okx: 'BTC-USDT', coinbase: 'BTC-USD', kraken: 'XBTUSD' }
const paths = { binance: '/api/v3/ticker/price?symbol=BTCUSDT', okx: '/api/v5/market/ticker?instId=BTC-USDT',
  coinbase: '/products/BTC-USD/ticker', kraken: '/0/public/Ticker?pair=XBTUSD' }

// A server for all four: answers[name](request, response) says what happens next.
function exchanges() {
  const answers = {}
  const asked = {}
  const server = http.createServer((request, response) => {
    const name = Object.keys(paths).find((key) => request.url === paths[key])
    asked[name] = (asked[name] ?? 0) + 1
    if (!name || !answers[name]) { response.statusCode = 404; response.end(); return }
    answers[name](request, response)
  })
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done({ server, answers, asked, url: `http://127.0.0.1:${server.address().port}` })))
}

const say = (text) => (_, response) => response.end(text)

async function until(what, seconds = 8) {
  for (let i = 0; i < seconds * 40; i++) {
    const value = await what()
    if (value) return value
    await sleep(25)
  }
  throw new Error(`not within ${seconds} s: ${what}`)
}

test('price sources', async (t) => {
  const play = await exchanges()
  t.after(() => { play.server.closeAllConnections?.(); play.server.close() })
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const file = path.join(home, 'prices.ini')
  fs.writeFileSync(file, Object.keys(forms).map((name) =>
    `[${name}-btc]\nadapter = ${name}\nsymbol = ${symbols[name]}\nindex_name = BTCUSD-INDEX\nurl = ${play.url}\ninterval_ms = 100\ntimeout_ms = 300\n`).join('\n'))
  for (const name in forms) play.answers[name] = say(forms[name]('60000.25'))
  const venue = await Venue.start({ home, args: ['--price-sources', file] })
  const sources = async () => Object.fromEntries((await venue.operator('get-price-sources')).result.data.map((row) => [row.adapter, row]))
  const index = async () => {
    const row = (await venue.get('public/get-valuations', 'instrument_name=BTCUSD-INDEX&valuation_type=index_price')).result.data[0]
    return row && Number(row.v)
  }
  try {
    await venue.operator('create-instrument', { instrument_name: 'BTCUSD-PERP', base_ccy: 'BTC', price_tick_size: '0.1', qty_tick_size: '0.001' })

    await t.test('each exchange\'s form is read to the digit', async () => {
      for (const name in forms) play.answers[name] = say(forms[name]('60000.12345678'))
      await until(async () => Object.values(await sources()).every((row) => row.price === '60000.12345678'))
      for (const row of Object.values(await sources())) {
        assert.equal(row.last_error, '')
        assert.ok(row.age_ms < 1000 && row.taken > 0)
      }
    })
    await t.test('the median counts, and an outlier does not', async () => {
      const prices = { binance: '60001', okx: '60003', coinbase: '60005', kraken: '99000' }
      for (const name in forms) play.answers[name] = say(forms[name](prices[name]))
      await until(async () => await index() === 60003)
      const rows = await sources()
      assert.ok(Number(rows.kraken.deviation) > 0.6 && Math.abs(Number(rows.binance.deviation)) < 0.001)
      play.answers.kraken = say(forms.kraken('60003'))
      await until(async () => Number((await sources()).kraken.deviation) === 0)
    })

    const good = { binance: '60003', okx: '60003', coinbase: '60003', kraken: '60003' }
    for (const name in forms) play.answers[name] = say(forms[name](good[name]))
    await until(async () => Object.values(await sources()).every((row) => row.price === '60003.00000000'))
    const faults = {
      'HTTP 500': ['binance', (_, response) => { response.statusCode = 500; response.end('no') }],
      'not JSON': ['okx', say('<html>')],
      'has no price': ['coinbase', say(JSON.stringify({ time: new Date().toISOString() }))],
      'is an error': ['kraken', say('{"error":["EGeneral:Temporary lockout"]}')],
      'not a plain decimal': ['binance', say(forms.binance('6e4'))],
      'not above 0': ['kraken', say(forms.kraken('0'))],
      'another symbol': ['okx', say(forms.okx('60003').replace('BTC-USDT', 'ETH-USDT'))],
      'has no time': ['coinbase', say('{"price":"60003"}')],
      stale: ['okx', say(forms.okx('60003', Date.now() - 3600000))],
      'price is stale': ['coinbase', say(forms.coinbase('60003', Date.now() - 3600000))],
      redirection: ['kraken', (_, response) => { response.writeHead(302, { location: play.url + paths.binance }); response.end() }],
      'too long': ['binance', say('{"symbol":"BTCUSDT","price":"60003","x":"' + 'a'.repeat(200000) + '"}')],
      'imeout': ['okx', () => {}],
      'code is not 0': ['okx', say('{"code":"50011","msg":"Too Many Requests","data":[]}')],
      'one pair': ['kraken', say('{"error":[],"result":{"A":{"c":["1"]},"B":{"c":["1"]}}}')],
      'HTTP 404': ['coinbase', null]
    }
    for (const [words, [name, answer]] of Object.entries(faults))
      await t.test(`refused: ${name}, ${words}`, async () => {
        const before = (await sources())[name]
        play.answers[name] = answer
        const row = await until(async () => { const now = (await sources())[name]; return now.last_error.includes(words) && now })
        assert.ok(row.failed > before.failed)
        assert.equal(row.price, '60003.00000000') // the last good one stays
        play.answers[name] = say(forms[name](good[name]))
        // A number has one form only: JSON's own numbers are read digit for digit too.
        if (name === 'binance') play.answers[name] = say('{"symbol":"BTCUSDT","price":60003.00}')
        await until(async () => (await sources())[name].last_error === '')
      })
    await t.test('a connection that breaks is one failure', async () => {
      play.answers.kraken = (request) => request.socket.destroy()
      await until(async () => (await sources()).kraken.last_error !== '')
      play.answers.kraken = say(forms.kraken('60003'))
      await until(async () => (await sources()).kraken.last_error === '')
    })
    await t.test('429 with Retry-After is obeyed', async () => {
      play.answers.binance = (_, response) => { response.writeHead(429, { 'retry-after': '2' }); response.end() }
      await until(async () => (await sources()).binance.last_error === 'HTTP 429')
      const before = play.asked.binance
      await sleep(1200)
      assert.equal(play.asked.binance, before)
      play.answers.binance = say(forms.binance('60003'))
      await until(async () => (await sources()).binance.last_error === '')
    })
    await t.test('a source that fails is asked less and less often', async () => {
      play.answers.okx = say('{}')
      const before = play.asked.okx
      await sleep(1500)
      assert.ok(play.asked.okx - before <= 5, `${play.asked.okx - before} questions`)
    })
    await t.test('their health is in the metrics', async () => {
      const url = new URL(venue.where.metrics_url)
      const { text } = await exchange({ host: '127.0.0.1', port: url.port, path: '/metrics' })
      assert.match(text, /ringfence_price_source_failed_total\{source="okx-btc"\} [1-9]/)
      assert.match(text, /ringfence_price_source_age_seconds\{source="kraken-btc"\} \d/)
      assert.match(text, /ringfence_price_source_deviation\{source="kraken-btc"\} 0\.0/)
    })
    assert.deepEqual(await venue.stop(), { code: 0, signal: null })
  } finally {
    await venue.remove()
  }
})

test('a file that is wrong is refused with the place', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const file = path.join(home, 'prices.ini')
  const whole = '[a]\nadapter = binance\nsymbol = BTCUSDT\nindex_name = BTCUSD-INDEX\n'
  const texts = {
    [whole.replace('binance', 'nobody')]: /\[a\] adapter: not a value/,
    [whole + 'colour = red\n']: /\[a\] colour: no such setting/,
    [whole + 'interval_ms = 5\n']: /interval_ms: not a value/,
    [whole + 'url = ftp://x\n']: /url: not a value/,
    [whole.replace('symbol = BTCUSDT', 'symbol = a&b=c')]: /symbol: not a value/,
    '[a]\nadapter = okx\n': /missing/,
    'nonsense\n': /line 1|not/
  }
  for (const [text, words] of Object.entries(texts)) {
    fs.writeFileSync(file, text)
    await assert.rejects(Venue.start({ home, args: ['--price-sources', file] }), words)
  }
  await assert.rejects(Venue.start({ home, args: ['--price-sources', file + '.none'] }), /No such file/)
  fs.rmSync(home, { recursive: true })
})
