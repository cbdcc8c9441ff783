// Index prices from exchanges' tickers, which this test plays: their forms, and everything that can be wrong with an
// answer; operator/get-price-sources tells of it. Nothing is asked of the world outside.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { Venue, exchange, sleep } from './venue.mjs'

// The answers as the exchanges document them, whole.
const forms = {
  binance: (price) => JSON.stringify({ symbol: 'BTCUSDT', price }),
  okx: (price, ms = Date.now()) => JSON.stringify({ code: '0', msg: '', data: [{ instType: 'SPOT', instId: 'BTC-USDT', last: price, lastSz: '0.044378',
    askPx: '60000.3', askSz: '4.2', bidPx: '60000.2', bidSz: '6.050058', open24h: '59000.1', high24h: '61000', low24h: '58000.9',
    volCcy24h: '11788.887619', vol24h: '167493.829229', ts: String(ms), sodUtc0: '59000.1', sodUtc8: '59100.2' }] }),
  coinbase: (price, ms = Date.now()) => JSON.stringify({ ask: '60000.3', bid: '60000.2', volume: '1903.0375', trade_id: 843439, price,
    size: '0.08029769', time: new Date(ms).toISOString().replace('Z', '523Z'), rfq_volume: '12.5' }),
  kraken: (price, error = []) => JSON.stringify({ error, result: { XXBTZUSD: { a: ['60000.30000', '1', '1.000'], b: ['60000.20000', '2', '2.000'],
    c: [price, '0.04408910'], v: ['4147.94474901', '8896.96086304'], p: ['59456.22239', '59568.63032'], t: [3907, 10056], l: ['58000.90000', '58000.90000'],
    h: ['61000.00000', '61000.00000'], o: '59000.10000' } } })
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
    const status = (code, text, headers = {}) => (_, response) => { response.writeHead(code, headers); response.end(text) }
    const faults = {
      binance: {
        'HTTP 500': status(500, 'no'), 'HTTP 400: Invalid symbol.': status(400, '{"code":-1121,"msg":"Invalid symbol."}'),
        'HTTP 403': status(403, '<html>WAF</html>'), 'HTTP 418: Way too much request weight used': status(418, '{"code":-1003,"msg":"Way too much request weight used"}'),
        'HTTP 451: Service unavailable': status(451, '{"code":0,"msg":"Service unavailable from a restricted location"}'),
        'not a plain decimal': say(forms.binance('6e4')), 'too long': say(`{"symbol":"BTCUSDT","price":"60003","x":"${'a'.repeat(200000)}"}`),
        'another symbol': say('[{"symbol":"BTCUSDT","price":"60003"}]'), 'has no price': say('{"symbol":"BTCUSDT","price":null}'),
        'not above 0': say(forms.binance('-60003')), 'not JSON': say('{"symbol":"BTCUSDT","price":"60003.0'), 'partial file': (_, response) => {
          response.writeHead(200, { 'content-length': 100 }); response.write('{"symbol":"BTCUSDT","price":"60003"}'); setTimeout(() => response.destroy(), 20) }
      },
      okx: {
        'HTTP 429: Too Many Requests': status(429, '{"msg":"Too Many Requests","code":"50011"}'), 'not JSON': say('<html>'),
        "code is not 0: Instrument ID doesn't exist": say('{"code":"51001","data":[],"msg":"Instrument ID doesn\'t exist"}'),
        'has no data': say('{"code":"0","msg":"","data":[]}'), 'another symbol': say(forms.okx('60003').replace('BTC-USDT', 'ETH-USDT')),
        'has no price': say(forms.okx('')), 'price is stale': say(forms.okx('60003', Date.now() - 3600000)), 'ahead of ours': say(forms.okx('60003', Date.now() + 3600000)),
        'has no time': say('{"code":"0","msg":"","data":[{"instId":"BTC-USDT","last":"60003","ts":true}]}'), 'imeout': () => {},
        'not a plain decimal': say(forms.okx('99999999999999999999')), 'code is not 0': say('{"code":0,"data":[]}')
      },
      coinbase: {
        'HTTP 404: NotFound': status(404, '{"message":"NotFound"}'), 'has no price': say(`{"time":"${new Date().toISOString()}"}`),
        'has no time': say('{"price":"60003"}'), 'no time': say(forms.coinbase('60003').replace(/"time":"[^"]*"/, '"time":"2026-13-25T02:15:20.129Z"')),
        'answer has no time': say('[]'), 'price is stale': say(forms.coinbase('60003', Date.now() - 3600000)), 'ahead of ours': say(forms.coinbase('60003', Date.now() + 3600000)),
        'not a plain decimal': say(forms.coinbase('6000.123456789')), 'not above 0': say(forms.coinbase('0.00')), 'HTTP 503': status(503, ''),
        'Timeout was reached': (_, response) => { const drip = setInterval(() => response.write(' '), 50); response.on('close', () => clearInterval(drip)) }
      },
      kraken: {
        'is an error: EGeneral:Too many requests': say('{"error":["EGeneral:Too many requests"]}'), 'is an error: EQuery:Unknown asset pair': say('{"error":["EQuery:Unknown asset pair"]}'),
        'is an error: EService:Unavailable': say(forms.kraken('60003', ['WDatabase:Slow', 'EService:Unavailable']).replace('WDatabase:Slow', 'EService:Unavailable')),
        'not above 0': say(forms.kraken('0')), 'one pair': say('{"error":[],"result":{"A":{"c":["1"]},"B":{"c":["1"]}}}'), 'about one pair': say('{"error":[],"result":[]}'),
        'has no price': say(forms.kraken('60003').replace(/"c":\[[^\]]*\]/, '"c":[]')), 'answer has no price': say(forms.kraken('60003').replace(/"c":\[[^\]]*\]/, '"c":"60003"')),
        'answer is an error': say('{"error":null,"result":{}}'), redirection: status(302, '', { location: play.url + paths.binance }), 'HTTP 520': status(520, 'x'),
        'not JSON': status(200, '')
      }
    }
    // What each may say wrongly, one after the other; the four side by side.
    const suffer = async (name) => {
      for (const [words, answer] of Object.entries(faults[name])) {
        const before = (await sources())[name]
        play.answers[name] = answer
        const row = await until(async () => { const now = (await sources())[name]; return now.last_error.includes(words) && now })
          .catch(async () => assert.fail(`${name}: ${words}, not ${(await sources())[name].last_error}`))
        assert.ok(row.failed > before.failed)
        assert.equal(row.price, '60003.00000000') // the last good one stays
        play.answers[name] = say(forms[name](good[name]))
        // A number has one form only: JSON's own numbers are read digit for digit too.
        if (name === 'binance') play.answers[name] = say('{"symbol":"BTCUSDT","price":60003.00}')
        await until(async () => (await sources())[name].last_error === '')
      }
    }
    const ends = Object.keys(faults).map((name) => [name, suffer(name).then(() => null, (error) => error)])
    for (const [name, end] of ends)
      await t.test(`refused, each in its words: ${name}`, async () => { const error = await end; if (error) throw error })
    await t.test('a warning beside an answer is no error', async () => {
      const before = (await sources()).kraken.taken
      play.answers.kraken = say(forms.kraken('60003', ['WGeneral:Something is slow']))
      await until(async () => (await sources()).kraken.taken > before + 2)
      assert.equal((await sources()).kraken.last_error, '')
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

// Of nobody that anybody trusts: made for this test, for 127.0.0.1.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIvO8dhLaBUZ3WW+h
wPNN5DEUeR6wZLe4qj3eHnGYmYehRANCAARq7NJBi9Gvh2Y67xzdm4UM21faqrXP
oIYevtEeJ/ZWUqnYqrJDgqbloP/kQaskXNoOAmiDllTGHeZ7E/6ultYL
-----END PRIVATE KEY-----
`
const cert = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUfEyxiQFoVz2FqDHkHEu3sbBehkowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNTA5NTkzNloYDzIxMjYxMTAx
MDk1OTM2WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARq7NJBi9Gvh2Y67xzdm4UM21faqrXPoIYevtEeJ/ZWUqnYqrJDgqbl
oP/kQaskXNoOAmiDllTGHeZ7E/6ultYLo2QwYjAdBgNVHQ4EFgQUGUZ7ydQ6pIp/
HdYdk7u4V5SoPlMwHwYDVR0jBBgwFoAUGUZ7ydQ6pIp/HdYdk7u4V5SoPlMwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCiCoactZLfU8yN2QjGWWfd4TV6cWBAnldVsE02PNehnAIhAMvHMpk7nTGHPiHX
oKLr1lg7vxqdEXKH1njvgHhvchse
-----END CERTIFICATE-----
`

test('an exchange whose certificate nobody vouches for is not asked', async (t) => {
  let asked = 0
  const server = https.createServer({ key, cert }, (_, response) => { asked++; response.end(forms.binance('60000')) })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
  const file = path.join(home, 'prices.ini')
  fs.writeFileSync(file, `[a]\nadapter = binance\nsymbol = BTCUSDT\nindex_name = BTCUSD-INDEX\nurl = https://127.0.0.1:${server.address().port}\ninterval_ms = 100\n`)
  const venue = await Venue.start({ home, args: ['--price-sources', file] })
  try {
    const row = await until(async () => { const [one] = (await venue.operator('get-price-sources')).result.data; return one.failed > 1 && one })
    assert.match(row.last_error, /SSL|certificate/)
    assert.equal(row.taken, 0)
    assert.equal(asked, 0)
  } finally {
    await venue.remove()
    fs.rmSync(home, { recursive: true, force: true })
  }
})
