// Whatever door one looks through, it is the same state: after a random run by ccxt, HTTP and WebSocket, what accounts
// see is what the operator sees, the house's books add up to nothing, and a book put together from changes is the book.
import ccxt from 'ccxt';
import { check, finish, same, section } from './check';
import { Socket, Venue, type Account, type Json } from './venue';

const seed = Number(process.env.SEED ?? 7);
let state = seed >>> 0 || 1;
/** A whole number below n (xorshift32). */
function draw(n: number) {
  state ^= state << 13; state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5; state >>>= 0;
  return state % n;
}
const pick = <T>(list: readonly T[]) => list[draw(list.length)]!;

const venue = await Venue.start('--rate-limits', 'off');
const symbols = [await venue.instrument('BTC', '50000'), await venue.instrument('ETH', '3000', { price_tick_size: '0.01', qty_tick_size: '0.001' })];
const price: Record<string, number> = { [symbols[0]!]: 50000, [symbols[1]!]: 3000 };
await venue.operator('fund-insurance', { currency: 'USD', amount: '50000' });
const accounts: Account[] = [];
for (let i = 0; i < 6; i++) accounts.push(await venue.account(`user${i}`, i < 4 ? '20000' : '500000'));
const http = venue.url;
const ws = http.replace('http', 'ws');
const clients = accounts.map(account => venue.client(account));
const unified: any[] = accounts.slice(0, 2).map(account => new (ccxt as any).pro.cryptocom({
  apiKey: account.apiKey, secret: account.secret, enableRateLimit: false, options: { defaultType: 'swap' },
  urls: { api: { base: http, v1: http + '/exchange/v1', ws: { public: ws + '/exchange/v1/market', private: ws + '/exchange/v1/user' } } },
}));
for (const each of unified) await each.loadMarkets();
const sockets = await Promise.all(accounts.map(account => Socket.user(venue, account)));

// ---- Who keeps a book from changes ---------------------------------------------------------------------

type Side = Map<string, [string, string]>;
class Rebuilt {
  bids: Side = new Map();
  asks: Side = new Map();
  u = -1;
  snapshots = 0;
  changes = 0;
  gaps = 0;
  from = 0;

  constructor(readonly socket: Socket, readonly symbol: string, readonly depth: number, readonly changesMin: number) {}

  take(message: Json) {
    const result = message.result;
    if (message.method !== 'subscribe' || result?.instrument_name !== this.symbol || !String(result.channel).startsWith('book')) return;
    const data = result.data[0];
    if (result.channel === 'book') {
      this.bids.clear();
      this.asks.clear();
      this.snapshots++;
    } else {
      if (data.pu !== this.u) this.gaps++;
      this.changes++;
    }
    const update = result.channel === 'book' ? data : data.update;
    for (const [side, levels] of [[this.bids, update.bids], [this.asks, update.asks]] as Array<[Side, Json]>) {
      for (const [p, q, n] of levels) {
        if (Number(q) === 0) side.delete(p);
        else side.set(p, [q, n]);
      }
    }
    this.u = data.u;
  }

  catchUp() {
    for (; this.from < this.socket.messages.length; this.from++) this.take(this.socket.messages[this.from]);
  }

  levels() {
    const rows = (side: Side, sign: number) => [...side].map(([p, [q, n]]) => [p, q, n]).sort((a, b) => sign * (Number(a[0]) - Number(b[0])));
    return { bids: rows(this.bids, -1), asks: rows(this.asks, 1) };
  }
}

const market = await Promise.all([1, 2, 3].map(() => Socket.open(venue, 'market')));
const books: Rebuilt[] = [];
for (const [i, frequency] of [[0, 10], [1, 100]] as const) {
  for (const symbol of symbols) {
    const depth = i === 0 ? 50 : 10;
    await market[i]!.subscribe([`book.${symbol}.${depth}`], { book_subscription_type: 'SNAPSHOT_AND_UPDATE', book_update_frequency: frequency });
    books.push(new Rebuilt(market[i]!, symbol, depth, frequency === 10 ? 30 : 5));
  }
}
// One that reads nothing for a while, then all at once.
await market[2]!.subscribe([`book.${symbols[0]}.50`], { book_subscription_type: 'SNAPSHOT_AND_UPDATE', book_update_frequency: 10 });
books.push(new Rebuilt(market[2]!, symbols[0]!, 50, 30));

// ---- The run -------------------------------------------------------------------------------------------

const tick: Record<string, number> = { [symbols[0]!]: 0.5, [symbols[1]!]: 0.01 };
const near = (symbol: string) => {
  const t = tick[symbol]!;
  return (Math.round((price[symbol]! * (1 + (draw(81) - 40) / 4000)) / t) * t).toFixed(t < 0.1 ? 2 : 1);
};
const lots = (symbol: string) => (symbol === symbols[0] ? (1 + draw(50)) / 1000 : (1 + draw(50)) / 100).toFixed(3);
const counts: Record<string, number> = {};
const isolations: Array<Record<string, string>> = accounts.map(() => ({}));

async function act(who: number) {
  const symbol = pick(symbols);
  const side = pick(['BUY', 'SELL']);
  const call = async (method: string, params: Json) => {
    const answer = draw(2) ? await clients[who]!.call(method, params) : await sockets[who]!.call(method, params);
    const kind = `${method.split('/').at(-1)} ${answer.code === 0 ? 'ok' : 'refused'}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (answer.code === 0 && answer.result?.isolation_id) isolations[who]![symbol] = answer.result.isolation_id;
    if ([613, 201].includes(answer.code)) delete isolations[who]![symbol];
    return answer;
  };
  const isolated = draw(3) === 0;
  const known = isolations[who]![symbol];
  const margin = isolated ? (known ? { isolation_id: known } : { exec_inst: ['ISOLATED_MARGIN'], leverage: pick(['5', '10', '25', '50']) }) : {};
  switch (draw(10)) {
    case 0: case 1: case 2: case 3:
      return void await call('private/create-order', { instrument_name: symbol, side, type: 'LIMIT', price: near(symbol), quantity: lots(symbol), ...margin });
    case 4: case 5:
      return void await call('private/create-order', { instrument_name: symbol, side, type: 'MARKET', quantity: lots(symbol), ...margin });
    case 6:
      return void await call('private/cancel-all-orders', draw(3) ? { instrument_name: symbol } : {});
    case 7:
      if (known) await call('private/create-isolated-margin-transfer', { isolation_id: known, direction: pick(['CREDIT', 'DEBIT']), amount: String(1 + draw(100)) });
      return;
    case 8:
      return void await call('private/close-position', { instrument_name: symbol, type: 'MARKET', ...(known && draw(2) ? { isolation_id: known } : {}) });
    default: {
      const ex = unified[who];
      if (!ex) return;
      const name = symbol === symbols[0] ? 'BTC/USD:USD' : 'ETH/USD:USD';
      const done = await ex.createOrder(name, 'limit', side.toLowerCase(), Number(lots(symbol)), Number(near(symbol))).then(() => 'ok', () => 'refused');
      counts[`ccxt ${done}`] = (counts[`ccxt ${done}`] ?? 0) + 1;
    }
  }
}

await section('the run', async () => {
  const rounds = 400;
  for (let round = 0; round < rounds; round++) {
    if (round === 150) market[2]!.socket.pause();
    if (round === 300) market[2]!.socket.resume();
    await Promise.all(accounts.map((_, who) => act(who)));
    if (round % 10 === 9) {
      const symbol = pick(symbols);
      price[symbol] = price[symbol]! * (1 + (draw(61) - 30) / 1000);
      await venue.operator('set-mark-price', { instrument_name: symbol, price: near(symbol) });
    }
  }
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`);
  for (const kind of ['create-order ok', 'create-order refused', 'cancel-all-orders ok', 'close-position ok', 'create-isolated-margin-transfer ok', 'ccxt ok']) {
    check((counts[kind] ?? 0) > 0, `the run had ${kind}`);
  }
  const liquidated = (await venue.operator('get-liquidations', {})).data.length;
  console.log(`${liquidated} liquidations`);
});

// ---- The same through every door ---------------------------------------------------------------------------

await section('accounts', async () => {
  for (const [i, account] of accounts.entries()) {
    const seen = await venue.operator('get-account', { account: account.label });
    const [balance] = (await clients[i]!.ok('private/user-balance')).data;
    const positions = (await clients[i]!.ok('private/get-positions')).data;
    const orders = (await clients[i]!.ok('private/get-open-orders')).data;
    same(balance, seen.balance, `${account.label}: balance by HTTP and by the operator`);
    same(positions, seen.positions, `${account.label}: positions by HTTP and by the operator`);
    same(orders.map((o: Json) => o.order_id), seen.open_orders.map((o: Json) => o.order_id), `${account.label}: open orders by HTTP and by the operator`);
    // The operator's are with what belongs to lists and triggers besides.
    const common = orders.map((o: Json, n: number) => Object.fromEntries(Object.keys(o).map(key => [key, seen.open_orders[n]?.[key]])));
    same(orders, common, `${account.label}: the orders field by field`);
    const socket = sockets[i]!;
    same((await socket.call('private/user-balance')).result.data[0], balance, `${account.label}: balance by WebSocket`);
    same((await socket.call('private/get-positions')).result.data, positions, `${account.label}: positions by WebSocket`);
  }
  for (const ex of unified) {
    const [balance] = (await ex.v1PrivatePostPrivateUserBalance({})).result.data;
    same((await ex.fetchBalance()).USD.total, Number(balance.position_balances[0].quantity), 'balance by ccxt');
  }
});

await section('the books add up', async () => {
  const verdict = await venue.operator('check-invariants');
  same(verdict.ok, true, 'all invariants hold');
  const house = await venue.operator('get-house-balances');
  const e8 = (text: string) => BigInt(Math.sign(Number(text)) < 0 || text.startsWith('-') ? -1 : 1) * BigInt(text.replace('-', '').replace('.', ''));
  let sum = 0n;
  for (const key of ['WORLD', 'FEES', 'INSURANCE', 'ROUNDING', 'WITHDRAWALS']) sum += e8(house[key]);
  for (const value of Object.values<string>(house.CLEARING)) sum += e8(value);
  for (const client of clients) {
    const [balance] = (await client.ok('private/user-balance')).data;
    sum += e8(balance.total_cash_balance) + e8(balance.total_isolated_cash_balance);
  }
  same(String(sum), '0', 'house and accounts together are nothing');
});

await section('the book from its changes', async () => {
  await new Promise(resolve => setTimeout(resolve, 300)); // longer than the slowest beat
  for (const book of books) {
    book.catchUp();
    const [wanted] = (await venue.get('public/get-book', { instrument_name: book.symbol, depth: String(book.depth) })).result.data;
    same(book.levels(), { bids: wanted.bids, asks: wanted.asks }, `${book.symbol} ${book.depth}: ${book.snapshots} snapshots and ${book.changes} changes`);
    same(book.gaps, 0, `${book.symbol}: pu is the u before it, always`);
    check(book.changes >= book.changesMin, `${book.symbol}: there were changes`, book.changes);
  }
});

for (const socket of [...sockets, ...market]) socket.close();
for (const ex of unified) await ex.close();
await venue.close();
finish('views', 50);
