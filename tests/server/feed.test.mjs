// The feed of a real server, through real sockets: books of many depths and speeds against get-book, coming back with
// since_seq, and what those who do not read do to the others.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep, Venue } from './venue.mjs';

const name = 'BTCUSD-PERP';
let venue, alice, bob;
let seed = 7;
const pick = count => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % count;

before(async () => {
  venue = await Venue.start({ args: ['--rate-limits', 'off'] });
  await venue.list(name);
  alice = await venue.customer('alice');
  bob = await venue.customer('bob');
});
after(() => venue.remove());

/** What channels say is kept apart from answers: in `heard`, and told to onMessage. */
async function connect(key) {
  const socket = await venue.socket(key ? 'user' : 'market');
  const take = socket.take.bind(socket);
  socket.heard = [];
  socket.take = message => {
    if (!message.result?.channel) return take(message);
    socket.heard.push(message);
    socket.onMessage?.(message);
  };
  if (key) await socket.signIn(key);
  return socket;
}

function ask(socket, method, params) {
  const id = Venue.ids++;
  socket.send({ id, method, params });
  return socket.next(message => message.id === id, 20000);
}

const must = async (socket, method, params) => (await socket.call(method, params)).result;

async function until(what, ms = 20000) {
  for (const end = Date.now() + ms; !what();) {
    assert.ok(Date.now() < end, `waited ${ms} ms for ${what}`);
    await sleep(5);
  }
}

const order = (side, price, quantity = '0.001') => ['private/create-order', { instrument_name: name, side, type: 'LIMIT', price, quantity }];

/** Believes what it is told, and nothing else. */
class Book {
  constructor(depth, mode, frequency) { Object.assign(this, { depth, mode, frequency, sides: { asks: new Map(), bids: new Map() }, snapshots: 0, updates: 0 }); }

  async join(socket) {
    this.socket = socket ?? await connect();
    const before = this.socket.onMessage;
    this.socket.onMessage = message => (message.result.depth === this.depth ? this.take(message.result) : before?.(message));
    await this.socket.call('subscribe', { channels: [`book.${name}.${this.depth}`], book_subscription_type: this.mode, book_update_frequency: this.frequency });
    return this;
  }

  take({ channel, depth, data: [data] }) {
    assert.equal(depth, this.depth);
    if (channel === 'book') {
      this.sides = { asks: new Map(), bids: new Map() };
      this.snapshots++;
    } else {
      assert.equal(data.pu, this.u, 'the chain has no gap');
      this.updates++;
    }
    this.u = data.u;
    for (const side of ['asks', 'bids'])
      for (const [price, quantity, orders] of (data.update ?? data)[side])
        if (Number(quantity) === 0) assert.ok(this.sides[side].delete(price));
        else this.sides[side].set(price, [price, quantity, orders]);
  }

  rows(side) {
    const sign = side === 'asks' ? 1 : -1;
    return [...this.sides[side].values()].sort((a, b) => sign * (Number(a[0]) - Number(b[0])));
  }

  async mustBeRight() {
    const { result: { data: [wanted] } } = await venue.get('public/get-book', `instrument_name=${name}&depth=${this.depth}`);
    for (const side of ['asks', 'bids']) assert.deepEqual(this.rows(side), wanted[side], `${side} of ${this.depth} ${this.mode} ${this.frequency}`);
  }
}

/** Orders around the price, some of which trade, some of which are cancelled; at most `parallel` on the way. */
async function trade(sockets, count, parallel = 64) {
  let left = count;
  const live = [];
  const one = async () => {
    while (left-- > 0) {
      const socket = sockets[pick(sockets.length)];
      if (live.length > 150 || (live.length > 0 && pick(4) === 0)) {
        const [owner, id] = live.splice(pick(live.length), 1)[0];
        await ask(owner, 'private/cancel-order', { order_id: id });
        continue;
      }
      const buy = pick(2) === 0, halves = pick(120) - 3;
      const answer = await ask(socket, ...order(buy ? 'BUY' : 'SELL', String(50000 + (buy ? -halves : halves) / 2), `0.00${10 + pick(89)}`));
      if (answer.result?.status === 'ACTIVE') live.push([socket, answer.result.order_id]);
    }
  };
  await Promise.all(Array.from({ length: parallel }, one));
}

test('books of every depth and speed are the book of the server', async () => {
  const traders = [await connect(alice), await connect(bob)];
  const books = [];
  for (const depth of [1, 5, 10, 50, 200])
    for (const [mode, frequency] of [['SNAPSHOT_AND_UPDATE', 10], ['SNAPSHOT_AND_UPDATE', 100], ['SNAPSHOT', 500]])
      books.push(new Book(depth, mode, frequency));
  for (const book of books.slice(0, 9)) await book.join();
  await trade(traders, 1500);
  for (const book of books.slice(9)) await book.join();
  for (let round = 0; round < 3; round++) {
    await trade(traders, 500);
    await sleep(700);
    for (const book of books) await book.mustBeRight();
  }
  for (const book of books) assert.ok(book.mode === 'SNAPSHOT' ? book.snapshots > 2 : book.snapshots === 1 && book.updates > 0);
  for (const socket of [...traders, ...books.map(book => book.socket)]) socket.close();
});

const matches = socket => socket.heard.filter(({ result }) => result.channel === 'trade').flatMap(({ result }) => result.data.map(row => row.m));

test('books that are not read begin anew when they are; trades are all there', async () => {
  const [trader, taker] = [await connect(alice), await connect(bob)];
  const fast = await new Book(200, 'SNAPSHOT_AND_UPDATE', 10).join();
  // Two hundred books on one connection: more than the kernel and the server hold for who does not read.
  const socket = await connect();
  const books = [];
  for (let depth = 1; depth <= 200; depth++) books.push(await new Book(depth, 'SNAPSHOT_AND_UPDATE', 10).join(socket));
  for (const one of [fast.socket, socket]) await one.call('subscribe', { channels: [`trade.${name}`] });
  await until(() => books.every(book => book.snapshots === 1));
  socket.link.pause();
  const rows = round => Array.from({ length: 10 }, (_, i) => order('BUY', String(50000 + (round % 20) * 5 - i / 2))[1]);
  for (let round = 0; round < 300; round++) {
    const list = await must(trader, 'private/create-order-list', { contingency_type: 'LIST', order_list: rows(round) });
    await must(taker, ...order('SELL', rows(round)[0].price, '0.0005'));
    await sleep(5);
    await must(trader, 'private/cancel-order-list', { contingency_type: 'LIST', order_list: list.map(row => ({ order_id: row.order_id })) });
    await sleep(5);
  }
  socket.link.resume();
  await until(() => books.every(book => book.u === fast.u));
  for (const book of [fast, ...books]) await book.mustBeRight();
  assert.equal(fast.snapshots, 1);
  assert.ok(books.some(book => book.snapshots > 1), 'they fell behind, and were told so by a snapshot');
  await until(() => matches(socket).length === matches(fast.socket).length);
  assert.deepEqual(matches(socket), matches(fast.socket));
  assert.ok(matches(socket).length >= 300);
  for (const one of [trader, taker, socket, fast.socket]) one.close();
});

const told = socket => socket.heard.filter(message => message.id === -1 && message.result.channel === 'user.order')
  .map(({ result: { seq, data: [row] } }) => [seq, row.order_id, row.status, row.cumulative_quantity]);

test('who comes back with since_seq has missed nothing and hears nothing twice', async () => {
  const trader = await connect(alice);
  const steady = await connect(alice);
  await steady.call('subscribe', { channels: ['user.order'] });
  let shaky = await connect(alice);
  await shaky.call('subscribe', { channels: ['user.order'] });
  const heard = [];
  let seq = shaky.heard[0]?.result.seq;
  const work = trade([trader], 4000, 16);
  for (let round = 0; round < 12; round++) {
    await sleep(20 + pick(60));
    shaky.close();
    const rows = told(shaky);
    heard.push(...rows);
    seq = rows.at(-1)?.[0] ?? seq;
    await sleep(pick(40));
    shaky = await connect(alice);
    await shaky.call('subscribe', { channels: ['user.order'], since_seq: seq });
    await until(() => shaky.heard.length > 0);
    assert.equal(shaky.heard[0].result.resumed, true);
    assert.deepEqual(shaky.heard[0].result.data, []);
  }
  await work;
  await sleep(200);
  heard.push(...told(shaky));
  assert.deepEqual(heard, told(steady));
  assert.ok(heard.length > 3000);
  for (const socket of [trader, steady, shaky]) socket.close();
});

test('what channels tell of trades and money is what the history answers', async () => {
  await venue.list('ETHUSD-PERP');
  const ether = (...row) => ({ ...order(...row)[1], instrument_name: 'ETHUSD-PERP' });
  const carol = await venue.customer('carol');
  const [maker, taker, ears] = [await connect(bob), await connect(carol), await connect(carol)];
  await ears.call('subscribe', { channels: ['user.trade', 'user.transactions'] });
  await must(maker, 'private/create-order', ether('BUY', '49000', '0.5'));
  const isolated = { exec_inst: ['ISOLATED_MARGIN'], leverage: '10', client_oid: 'fenced' };
  await must(taker, 'private/create-order', { ...ether('SELL', '49000', '0.1'), ...isolated });
  await must(taker, 'private/create-order', { ...ether('SELL', '49000', '0.4'), client_oid: 'crossed' });
  await must(maker, 'private/create-order', ether('SELL', '49500', '0.4'));
  await must(taker, 'private/create-order', ether('BUY', '49500', '0.4'));
  await sleep(100);
  const rows = channel => ears.heard.filter(message => message.result.channel === channel).flatMap(message => message.result.data);
  const answers = async method => (await venue.post(carol, method)).result.data;
  const trades = (await answers('private/get-trades')).map(({ match_count, match_index, ...row }) => row).reverse();
  assert.ok(trades.length === 3);
  assert.deepEqual(rows('user.trade'), trades);
  // Before she listened there was her deposit.
  const entries = (await answers('private/get-transactions')).map(({ journal_id, ...row }) => row).reverse().slice(1);
  assert.ok(entries.length > 6);
  assert.deepEqual(rows('user.transactions'), entries);
  assert.deepEqual(Object.keys(rows('user.trade')[0]), Object.keys(trades[0]));
  assert.deepEqual(Object.keys(rows('user.transactions')[0]), Object.keys(entries[0]));
  for (const socket of [maker, taker, ears]) socket.close();
});

/** Milliseconds from an order to its message on user.order: the better of two rounds. */
async function delays(trader, listener) {
  const rounds = [await delaysOf(trader, listener, 120), await delaysOf(trader, listener, 120)];
  return { p50: Math.min(...rounds.map(one => one.p50)), p99: Math.min(...rounds.map(one => one.p99)) };
}

async function delaysOf(trader, listener, count) {
  const took = [];
  for (let i = 0; i < count; i++) {
    const started = process.hrtime.bigint();
    const heard = new Promise(resolve => { listener.onMessage = resolve; });
    const { order_id } = await must(trader, ...order('BUY', '40000'));
    await heard;
    took.push(Number(process.hrtime.bigint() - started) / 1e6);
    const gone = new Promise(resolve => { listener.onMessage = resolve; });
    await must(trader, 'private/cancel-order', { order_id });
    await gone;
  }
  listener.onMessage = undefined;
  took.sort((a, b) => a - b);
  return { p50: took[count >> 1], p99: took[Math.floor(count * 0.99)] };
}

test('who does not read is dropped at the ceiling; the others notice little and hear all', async () => {
  const trader = await connect(bob);
  const listener = await connect(bob);
  await listener.call('subscribe', { channels: ['user.order'] });
  await until(() => listener.heard.length > 0);
  let lazy = [];
  let gone = 0;
  const stall = async () => {
    const socket = await connect(bob);
    await socket.call('subscribe', { channels: ['user.order', `user.order.${name}`, 'user.balance', 'user.positions', 'user.position_balance'] });
    socket.closed.then(() => { gone++; });
    socket.link.pause();
    lazy.push(socket);
  };
  // The promise is twice, of what it is without him before and after. Others use the machine too, so it is looked at
  // again when it was not kept: what the server does wrong it does each time.
  let alone, stalled, kept = false;
  const leave = async () => { for (const socket of lazy) socket.close(); lazy = []; await sleep(50); };
  for (let attempt = 0; attempt < 8 && !kept; attempt++) {
    const before = await delays(trader, listener);
    await stall();
    stalled = await delays(trader, listener);
    await leave();
    const after = await delays(trader, listener);
    alone = { p50: Math.max(before.p50, after.p50), p99: Math.max(before.p99, after.p99) };
    kept = stalled.p50 <= 2 * alone.p50 && stalled.p99 <= 2 * alone.p99;
  }
  gone = 0;
  while (lazy.length < 10) await stall();
  const before = listener.heard.length;
  const orders = 2500;
  let sent = 0;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (sent++ < orders) {
      const { order_id } = await must(trader, ...order('BUY', '40000'));
      await must(trader, 'private/cancel-order', { order_id });
    }
  }));
  await until(() => listener.heard.length >= before + 2 * orders);
  const seen = new Map();
  for (const { result: { data: [row] } } of listener.heard.slice(before)) seen.set(row.order_id, [...seen.get(row.order_id) ?? [], row.status]);
  assert.equal(seen.size, orders);
  for (const states of seen.values()) assert.deepEqual(states, ['ACTIVE', 'CANCELED']);
  for (const socket of lazy) socket.link.resume();
  await until(() => gone === lazy.length);
  console.log(`order to user.order: p50 ${alone.p50.toFixed(2)} ms, p99 ${alone.p99.toFixed(2)} ms; `
    + `beside one who does not read: p50 ${stalled.p50.toFixed(2)} ms, p99 ${stalled.p99.toFixed(2)} ms`);
  assert.ok(kept, 'one who does not read slows the others down');
  for (const socket of [trader, listener]) socket.close();
});
