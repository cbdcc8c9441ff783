// A server for one test, and clients that need nothing but Node: signed REST, the operators' socket, WebSocket.
import { execFileSync, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

export const program = process.env.RINGFENCE ?? new URL('../../build/ringfence', import.meta.url).pathname
// What this process starts ends with it, however it ends: the kernel sees to that.
export const start = (args, options) => spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], options)
/** What the program says to these arguments. */
export const tell = (args) => execFileSync(program, args, { encoding: 'utf8', timeout: 60000, killSignal: 'SIGKILL' })
const START_MS = 60000 // under sanitizers on a busy machine a start may take a while
const STOP_MS = 60000

/** The promise, or a failure that says what did not happen. */
export function within(ms, what, promise) {
  let timer
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`not within ${ms} ms: ${what}`)), ms) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

// What a call is signed over: names sorted, raw digits (the tests send no numbers that JSON would print otherwise).
function flat(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.map(flat).join('')
  if (typeof value === 'object') return Object.keys(value).sort().map((key) => key + flat(value[key])).join('')
  return String(value)
}

export function sign(key, method, id, params, nonce) {
  const payload = method + id + key.api_key + (params === undefined ? '' : flat(params)) + nonce
  return createHmac('sha256', key.secret).update(payload).digest('hex')
}

// One HTTP exchange: {status, headers, body (parsed), text}.
export function exchange(options, text) {
  return new Promise((done, fail) => {
    const request = http.request({ timeout: 10000, ...options }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('error', fail)
      answer.on('end', () => {
        const whole = Buffer.concat(parts).toString()
        let body
        try { body = JSON.parse(whole) } catch { body = undefined }
        done({ status: answer.statusCode, headers: answer.headers, body, text: whole })
      })
    })
    request.on('error', fail)
    request.on('timeout', () => request.destroy(new Error('no answer in 10 s')))
    request.end(text)
  })
}

export class Venue {
  // options: args (further options of serve), data (a directory that is there already), keep (leave it behind).
  static async start(options = {}) {
    const venue = new Venue()
    venue.args = options.args ?? []
    venue.home = options.home ?? fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-'))
    venue.data = path.join(venue.home, 'data')
    try {
      await venue.run(options.env)
    } catch (error) {
      if (!options.home) fs.rmSync(venue.home, { recursive: true, force: true })
      throw error
    }
    return venue
  }

  async run(env) {
    const fixed = ['serve', '--listen', '127.0.0.1:0', '--metrics-listen', '127.0.0.1:0', '--data', this.data]
    this.log = ''
    this.child = start([...fixed, ...this.args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.child.stderr.on('data', (part) => { this.log += part })
    this.ended = new Promise((done) => this.child.on('exit', (code, signal) => done({ code, signal })))
    let line = ''
    const said = new Promise((done, fail) => {
      this.child.stdout.on('data', (part) => { line += part; if (line.includes('\n')) done() })
      this.child.on('error', fail)
      this.ended.then((end) => fail(new Error(`it ended: ${JSON.stringify(end)}\n${this.log}`)))
    })
    await within(START_MS, 'the server starts', said).catch((error) => { this.child.kill('SIGKILL'); throw error })
    this.where = JSON.parse(line)
    const url = new URL(this.where.url)
    this.port = Number(url.port)
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal)
    const end = await within(STOP_MS, `it ends after ${signal}\n${this.log}`, this.ended)
      .catch((error) => { this.child.kill('SIGKILL'); throw error })
    this.agent.destroy()
    return end
  }

  async restart(signal = 'SIGTERM') {
    await this.stop(signal)
    await this.run()
  }

  async remove() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.stop('SIGKILL')
    fs.rmSync(this.home, { recursive: true, force: true })
  }

  // ---- Calls: the envelope that came back; code 0 is demanded unless told otherwise (null: any) ----

  raw(options, text) {
    return exchange({ host: '127.0.0.1', port: this.port, agent: this.agent, ...options }, text)
  }

  async operator(method, params = {}, wanted = 0) {
    const name = `operator/${method}`
    const answer = await exchange({ socketPath: this.where.operator_socket, path: `/exchange/v1/${name}`, method: 'POST' },
      JSON.stringify({ id: 1, method: name, params }))
    return expectCode(answer.body, wanted, name)
  }

  async get(method, query = '', wanted = 0) {
    const answer = await this.raw({ path: `/exchange/v1/${method}${query ? '?' + query : ''}` })
    return expectCode(answer.body, wanted, method)
  }

  envelope(key, method, params = {}, extra = {}) {
    const id = Venue.ids++
    const nonce = Date.now()
    return { id, method, params, api_key: key.api_key, nonce, sig: sign(key, method, id, params, nonce), ...extra }
  }

  async post(key, method, params = {}, wanted = 0) {
    const answer = await this.raw({ path: `/exchange/v1/${method}`, method: 'POST', headers: { 'content-type': 'application/json' } },
      JSON.stringify(this.envelope(key, method, params)))
    return expectCode(answer.body, wanted, method)
  }

  metrics(page = '/metrics') {
    const url = new URL(this.where.metrics_url)
    return exchange({ host: url.hostname, port: url.port, path: page })
  }

  // ---- A market to trade on ----

  async list(instrument = 'BTCUSD-PERP', more = {}) {
    await this.operator('create-instrument', { instrument_name: instrument, base_ccy: instrument.slice(0, 3), quote_ccy: 'USD',
      price_tick_size: '0.5', qty_tick_size: '0.0001', ...more })
    await this.operator('set-mark-price', { instrument_name: instrument, price: '50000' })
  }

  // An account with money and a key.
  async customer(name, amount = '1000000') {
    await this.operator('create-account', { account: name })
    await this.operator('deposit', { account: name, currency: 'USD', amount })
    const made = await this.operator('create-api-key', { account: name, scopes: ['read', 'trade'] })
    return { account: name, api_key: made.result.api_key, secret: made.result.secret }
  }

  socket(side = 'user') {
    return Socket.open(this.port, `/exchange/v1/${side}`)
  }
}
Venue.ids = 1

function expectCode(body, wanted, what) {
  if (wanted !== null && body?.code !== wanted) throw new Error(`${what}: code ${wanted} was wanted, not ${JSON.stringify(body)}`)
  return body
}

// ---- WebSocket (RFC 6455), just enough of it -----------------------------------------------------------------

export class Socket {
  static open(port, where) {
    return new Promise((done, fail) => {
      const socket = new Socket()
      socket.link = net.connect(port, '127.0.0.1')
      socket.link.on('error', fail)
      socket.link.on('close', () => socket.gone({ code: socket.code ?? 1006 }))
      socket.link.write(`GET ${where} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`)
      let head = Buffer.alloc(0)
      const first = (part) => {
        head = Buffer.concat([head, part])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        socket.link.off('data', first)
        if (!head.toString().startsWith('HTTP/1.1 101')) return fail(new Error(head.toString().split('\r\n')[0]))
        socket.link.on('data', (more) => socket.read(more))
        done(socket)
        socket.read(head.subarray(end + 4))
      }
      socket.link.on('data', first)
    })
  }

  constructor() {
    this.rest = Buffer.alloc(0)
    this.messages = [] // not yet asked for
    this.waiting = []  // {match, done}
    this.closed = new Promise((done) => { this.gone = done })
    this.beats = true  // answer heartbeats
  }

  read(part) {
    this.rest = Buffer.concat([this.rest, part])
    for (;;) {
      if (this.rest.length < 2) return
      let size = this.rest[1] & 127
      let at = 2
      if (size === 126) { if (this.rest.length < 4) return; size = this.rest.readUInt16BE(2); at = 4 }
      else if (size === 127) { if (this.rest.length < 10) return; size = Number(this.rest.readBigUInt64BE(2)); at = 10 }
      if (this.rest.length < at + size) return
      const kind = this.rest[0] & 15
      const body = this.rest.subarray(at, at + size)
      this.rest = this.rest.subarray(at + size)
      if (kind === 1) this.take(JSON.parse(body.toString()))
      else if (kind === 8) { this.code = body.length >= 2 ? body.readUInt16BE(0) : 1005; this.frame(8, body); this.link.end() }
      else if (kind === 9) this.frame(10, body)
    }
  }

  take(message) {
    if (message.method === 'public/heartbeat' && this.beats) this.send({ id: message.id, method: 'public/respond-heartbeat' })
    const at = this.waiting.findIndex((one) => one.match(message))
    if (at < 0) return this.messages.push(message)
    this.waiting.splice(at, 1)[0].done(message)
  }

  frame(kind, body) {
    const mask = randomBytes(4)
    const head = body.length < 126 ? Buffer.from([0x80 | kind, 0x80 | body.length])
      : Buffer.from([0x80 | kind, 0x80 | 126, body.length >> 8, body.length & 255])
    const masked = Buffer.from(body)
    for (let i = 0; i < masked.length; i++) masked[i] ^= mask[i & 3]
    this.link.write(Buffer.concat([head, mask, masked]))
  }

  send(message) {
    this.frame(1, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
  }

  // The next message that fits, of those that came already too.
  next(match = () => true, ms = 5000) {
    const at = this.messages.findIndex(match)
    if (at >= 0) return Promise.resolve(this.messages.splice(at, 1)[0])
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error('no such message came')), ms)
      this.waiting.push({ match, done: (message) => { clearTimeout(timer); done(message) } })
    })
  }

  async call(method, params = {}, wanted = 0) {
    const id = Venue.ids++
    this.send({ id, method, params })
    return expectCode(await this.next((message) => message.id === id), wanted, method)
  }

  async signIn(key, wanted = 0) {
    const id = Venue.ids++
    const nonce = Date.now()
    this.send({ id, method: 'public/auth', api_key: key.api_key, nonce, sig: sign(key, 'public/auth', id, undefined, nonce) })
    return expectCode(await this.next((message) => message.id === id), wanted, 'public/auth')
  }

  close() {
    this.link.destroy()
  }
}
