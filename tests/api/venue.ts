// A server of one's own, and the three ways to talk to it: operator's socket, signed HTTP, WebSocket.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

export type Json = any;
export type Answer = { id: number; method: string; code: number; message?: string; result?: Json; error_data?: Json; original?: string; http: number; headers: http.IncomingHttpHeaders };
export type Account = { label: string; uuid: string; apiKey: string; secret: string };

const program = join(process.env.RINGFENCE_BUILD ?? 'build', 'ringfence');

/** P of docs/api.md. */
const flat = (v: Json): string =>
  Array.isArray(v) ? v.map(flat).join('')
    : v !== null && typeof v === 'object' ? Object.keys(v).sort().map(key => key + flat(v[key])).join('')
      : String(v);

export function sign(secret: string, method: string, id: Json, apiKey: string, params: Json, nonce: Json) {
  return createHmac('sha256', secret).update(method + id + apiKey + flat(params) + nonce).digest('hex');
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** One HTTP exchange. The body of the answer as it came. */
export function exchange(target: { url: string } | { socketPath: string }, path: string, body?: string | Buffer, options: http.RequestOptions = {}) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const where = 'url' in target ? (({ hostname, port }) => ({ hostname, port }))(new URL(target.url)) : { socketPath: target.socketPath };
    const request = http.request({
      ...where, path, method: body === undefined ? 'GET' : 'POST', agent: 'url' in target ? agent : undefined, ...options,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }), ...options.headers },
    }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', part => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on('error', reject).end(body);
  });
}

function answerOf({ status, headers, text }: { status: number; headers: http.IncomingHttpHeaders; text: string }): Answer {
  return { ...JSON.parse(text), http: status, headers };
}

export class Venue {
  process!: ChildProcess;
  url = '';
  operatorSocket = '';
  first: Json = {};
  log = '';
  readonly dir: string;

  constructor(readonly options: string[] = []) {
    this.dir = mkdtempSync(join(tmpdir(), 'ringfence-api-'));
  }

  static async start(...options: string[]) {
    const venue = new Venue(options);
    await venue.start();
    return venue;
  }

  /** Also again after stop(): the same data directory, and the same port. */
  async start() {
    const port = this.url ? new URL(this.url).port : '0';
    const args = ['serve', '--listen', `127.0.0.1:${port}`, '--data', join(this.dir, 'data'), ...this.options];
    const child = this.process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', () => child.kill('SIGKILL')); // a test that falls over leaves no server behind
    this.process.stderr!.setEncoding('utf8').on('data', text => { this.log += text; });
    const lines = createInterface({ input: this.process.stdout! });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      this.process.once('exit', code => reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${this.log.slice(-2000)}`)));
    });
    this.first = JSON.parse(line);
    this.url = this.first.url;
    this.operatorSocket = this.first.operator_socket;
  }

  /** The exit status. */
  async stop(signal: NodeJS.Signals = 'SIGTERM') {
    const ended = new Promise<number | null>(resolve => {
      if (this.process.exitCode !== null) resolve(this.process.exitCode);
      else this.process.once('exit', resolve);
    });
    this.process.kill(signal);
    const late = setTimeout(() => this.process.kill('SIGKILL'), 8000);
    const status = await ended;
    clearTimeout(late);
    return status;
  }

  async close() {
    const status = await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
    if (status !== 0) throw new Error(`the server ended with ${status}: ${this.log.slice(-2000)}`);
  }

  /** An operator's call; the answer whatever it is. */
  async ask(method: string, params: Json = {}) {
    const body = JSON.stringify({ id: 1, method, params });
    return answerOf(await exchange({ socketPath: this.operatorSocket }, '/exchange/v1/' + method, body));
  }

  /** An operator's call that must be accepted; its result. */
  async operator(method: string, params: Json = {}): Promise<Json> {
    const answer = await this.ask('operator/' + method, params);
    if (answer.code !== 0) throw new Error(`operator/${method} ${JSON.stringify(params)}: ${JSON.stringify({ ...answer, headers: undefined })}`);
    return answer.result;
  }

  async key(label: string, more: Json = {}) {
    return await this.operator('create-api-key', { account: label, scopes: ['read', 'trade', 'withdraw'], ip_list: ['127.0.0.1'], ...more });
  }

  async account(label: string, deposit?: string, more: Json = {}): Promise<Account> {
    const made = await this.operator('create-account', { account: label, ...more });
    if (deposit) await this.operator('deposit', { account: label, currency: 'USDC', amount: deposit });
    const { api_key: apiKey, secret } = await this.key(label);
    return { label, uuid: made.account_id, apiKey, secret };
  }

  async instrument(base: string, price: string, more: Json = {}) {
    const name = more.instrument_name ?? `${base}USD-PERP`;
    await this.operator('create-instrument', {
      instrument_name: name, base_ccy: base, quote_ccy: 'USD', price_tick_size: '0.5', qty_tick_size: '0.0001', max_leverage: '50', ...more,
    });
    await this.operator('set-mark-price', { instrument_name: name, price });
    return name;
  }

  client(account: { apiKey: string; secret: string }) {
    return new Client(this, account.apiKey, account.secret);
  }

  /** Market data. */
  async get(method: string, query: Record<string, string> = {}) {
    const text = new URLSearchParams(query).toString();
    return answerOf(await exchange({ url: this.url }, `/exchange/v1/${method}${text ? '?' + text : ''}`));
  }

  /** Any bytes to any path. */
  async post(path: string, body: string | Buffer, options: http.RequestOptions = {}) {
    return answerOf(await exchange({ url: this.url }, path, body, options));
  }
}

let lastNonce = 0;
export const nextNonce = () => (lastNonce = Math.max(Date.now(), lastNonce + 1));

/** Signed HTTP calls of one key. */
export class Client {
  constructor(readonly venue: Venue, readonly apiKey: string, readonly secret: string) {}

  /** The signed envelope; `change` may spoil it. */
  envelope(method: string, params: Json = {}, change: Json = {}) {
    const nonce = change.nonce ?? nextNonce();
    const id = change.id ?? nonce;
    return { id, method, params, api_key: this.apiKey, nonce, sig: sign(this.secret, method, id, this.apiKey, params, nonce), ...change };
  }

  async call(method: string, params: Json = {}, change: Json = {}) {
    return await this.venue.post('/exchange/v1/' + method, JSON.stringify(this.envelope(method, params, change)));
  }

  /** The result of a call that must be accepted. */
  async ok(method: string, params: Json = {}): Promise<Json> {
    const answer = await this.call(method, params);
    if (answer.code !== 0) throw new Error(`${method} ${JSON.stringify(params)}: ${JSON.stringify({ ...answer, headers: undefined })}`);
    return answer.result;
  }
}

/** A WebSocket, all messages kept. Answers heartbeats unless told not to. */
export class Socket {
  readonly messages: Json[] = [];
  closed?: number;
  answersHeartbeats = true;
  private waiting: Array<() => void> = [];
  private lastId = 1000;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString());
      this.messages.push(message);
      if (message.method === 'public/heartbeat' && this.answersHeartbeats) this.send({ id: message.id, method: 'public/respond-heartbeat' });
      this.wake();
    });
    socket.on('close', code => { this.closed = code; this.wake(); });
    socket.on('error', () => undefined);
  }

  static async open(venue: Venue, path: 'user' | 'market') {
    const socket = new WebSocket(`${venue.url.replace('http', 'ws')}/exchange/v1/${path}`);
    const self = new Socket(socket);
    await new Promise<void>((resolve, reject) => { socket.once('open', resolve).once('error', reject); });
    return self;
  }

  static async user(venue: Venue, account: { apiKey: string; secret: string }) {
    const self = await Socket.open(venue, 'user');
    const nonce = nextNonce();
    const answer = await self.ask({ id: nonce, method: 'public/auth', api_key: account.apiKey, nonce, sig: sign(account.secret, 'public/auth', nonce, account.apiKey, {}, nonce) });
    if (answer.code !== 0) throw new Error(`public/auth: ${JSON.stringify(answer)}`);
    return self;
  }

  private wake() {
    const all = this.waiting;
    this.waiting = [];
    for (const each of all) each();
  }

  send(message: Json) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first message from position `from` on that is wanted. */
  async find(wanted: (message: Json) => boolean, milliseconds = 5000, from = 0): Promise<Json> {
    const end = Date.now() + milliseconds;
    for (let at = from; ;) {
      for (; at < this.messages.length; at++) if (wanted(this.messages[at])) return this.messages[at];
      const left = end - Date.now();
      if (left <= 0 || (this.closed !== undefined && at >= this.messages.length)) {
        throw new Error(`no such message on the WebSocket; the last: ${JSON.stringify(this.messages.slice(-3)).slice(0, 1500)}`);
      }
      await new Promise<void>(resolve => { this.waiting.push(resolve); setTimeout(resolve, left); });
    }
  }

  async ask(message: Json): Promise<Json> {
    const id = message.id ?? ++this.lastId;
    const from = this.messages.length;
    this.send({ ...message, id });
    return await this.find(each => Number(each.id) === Number(id) && each.method !== 'public/heartbeat', 5000, from);
  }

  async call(method: string, params: Json = {}) {
    return await this.ask({ method, params });
  }

  async subscribe(channels: string[], more: Json = {}) {
    return await this.ask({ method: 'subscribe', params: { channels, ...more } });
  }

  close() {
    this.socket.terminate();
  }
}
