// Every code of engine/errors.def, once, over HTTP or WebSocket, with its HTTP status and its name. The engine's own
// codes come from the scenarios: each is run through the server, call by call, and answered the code that it expects.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, finish, same, section } from './check';
import { Client, nextNonce, Socket, Venue, type Account, type Answer, type Json } from './venue';

const source = process.env.RINGFENCE_SOURCE ?? '.';
const table = [...readFileSync(join(source, 'engine/errors.def'), 'utf8').matchAll(/^RF_ERROR\((\w+), (\d+), (\d+),/gm)]
  .map(([, name, code, http]) => ({ name: name!, code: Number(code), http: Number(http) }));
const row = new Map(table.map(each => [each.code, each]));

/** Rows that no call can bring about from outside. */
const notProvoked: Record<string, string> = {
  INVALID_MARGIN_CALC: 'amounts that leave the number range are refused earlier, by 308 and 213; the guard is for our own mistakes',
  ERR_INTERNAL: 'needs a bound of the installation to be reached, or a bug; tests/sim counts it',
  REQUEST_TIMEOUT: 'the engine answers on the loop that asks it; a replica in front of it would answer so',
};

const venue = await Venue.start('--rate-limits', 'off', '--accounts', '1024', '--instruments', '256', '--address-delay-hours', '0');
const seen = new Set<number>();

/** HTTP status and message must be those of the table. */
function note(answer: Answer, what: string) {
  const known = row.get(answer.code);
  if (!known) return check(false, `${what}: code ${answer.code} is not in the table`);
  if (answer.code !== 0 && answer.message !== known.name) check(false, `${what}: message ${answer.message} instead of ${known.name}`);
  if (answer.http !== undefined && answer.http !== known.http) check(false, `${what}: HTTP ${answer.http} instead of ${known.http}`);
  seen.add(answer.code);
}

// ---- Scenarios ---------------------------------------------------------------------------------------

type Step = { line: number; text: string; want?: number; any: boolean };

function readScenario(path: string): Step[] {
  const steps: Step[] = [];
  let any = false;
  readFileSync(path, 'utf8').split('\n').forEach((text, index) => {
    const last = steps.at(-1);
    if (text.startsWith('{')) {
      steps.push({ line: index + 1, text, any });
      any = false;
    } else if (text.startsWith('#?')) {
      any = true;
    } else if (last && /^#[=!] /.test(text)) {
      const code = JSON.parse(text.slice(3)).code;
      if (typeof code === 'number') last.want = code;
    }
  });
  return steps;
}

/** Names of accounts, currencies and instruments are this run's own, so that scenarios share a server. */
function renamer(number: number) {
  const own = (name: string) => `${name.slice(0, 8)}${number}`;
  const labels = new Map<string, string>();
  const value = (v: Json, key = ''): Json => {
    if (Array.isArray(v)) return v.map(each => value(each, key));
    if (v !== null && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, each]) => [k, value(each, k)]));
    if (typeof v !== 'string') return v;
    if (['account', 'master', 'as'].includes(key) && v !== 'operator') return labels.get(v) ?? labels.set(v, own(v)).get(v)!;
    if (['instrument_name', 'index_name', 'base_ccy', 'currency'].includes(key) && !/^USD[CT]?$/.test(v)) return v.replace(/^(?!USD)[A-Z]+?(?=USD|$)/, name => own(name));
    return v;
  };
  return value;
}

let number = 0;
async function runScenario(path: string) {
  const rename = renamer(++number);
  const accounts = new Map<string, Account>();
  const results = new Map<number, Json>();
  const resolve = (v: Json): Json => {
    if (Array.isArray(v)) return v.map(resolve);
    if (v !== null && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, each]) => [k, resolve(each)]));
    const match = typeof v === 'string' ? /^@(\d+)\.(.+)$/.exec(v) : null;
    return match ? match[2]!.split('.').reduce((node: Json, key) => node?.[key], results.get(Number(match[1]))) : v;
  };
  for (const step of readScenario(path)) {
    const { as, method, params: given } = JSON.parse(step.text);
    const params = resolve(rename(given ?? {}));
    let answer: Answer;
    // Scripts have no list of addresses that may be withdrawn to; a server does.
    if (method === 'private/create-withdrawal' && params.address) {
      await venue.client(accounts.get(as)!).call('private/x/add-withdrawal-address', { currency: params.currency, address: params.address });
    }
    if (as === 'operator') answer = await venue.ask(method, params);
    else if (as) answer = await venue.client(accounts.get(as)!).call(method, params);
    else answer = await venue.post('/exchange/v1/' + method, JSON.stringify({ id: 1, method, params }));
    results.set(step.line, answer.result);
    if (method === 'operator/create-account' && answer.code === 0) {
      const key = await venue.key(params.account);
      accounts.set(given.account, { label: params.account, uuid: answer.result.account_id, apiKey: key.api_key, secret: key.secret });
    }
    const where = `${path.slice(source.length + 1)}:${step.line} ${method}`;
    const want = step.want ?? (step.any ? answer.code : 0);
    if (answer.code !== want) throw new Error(`${where}: ${JSON.stringify({ ...answer, headers: undefined })} instead of ${want}`);
    note(answer, where);
  }
}

/** code -> the shortest scenario that expects it in one answer and stands on one time. */
function recipes() {
  const root = join(source, 'tests/scenario');
  const found = new Map<number, string>();
  const files = ['errors', 'methods', 'market', 'orders', 'rules', 'help', 'liquidation']
    .flatMap(folder => readdirSync(join(root, folder)).filter(name => name.endsWith('.jsonl')).map(name => join(root, folder, name)))
    .map(path => ({ path, text: readFileSync(path, 'utf8') }))
    .filter(({ text }) => (text.match(/"t":/g)?.length ?? 0) <= 1 && !text.includes('#exit') && !/"code":40101|get-insurance"|get-house/.test(text))
    .sort((a, b) => a.text.length - b.text.length);
  for (const { path } of files) {
    for (const step of readScenario(path)) if (step.want && !found.has(step.want)) found.set(step.want, path);
  }
  return found;
}

await section('codes of the engine', async () => {
  const found = recipes();
  for (const path of new Set(found.values())) await runScenario(path);
  for (const [code] of found) check(seen.has(code), `code ${code} by its scenario`);
});

// ---- The server's own --------------------------------------------------------------------------------

const limited = await Venue.start();
const carol = await venue.account('carol', '1000');
const dora = await limited.account('dora', '1000');
await venue.instrument('SRV', '100');
const client = venue.client(carol);
const order = { instrument_name: 'SRVUSD-PERP', side: 'BUY', type: 'LIMIT', price: '99', quantity: '1' };

const own: Record<string, () => Promise<Answer>> = {
  OK: () => client.call('private/user-balance'),
  BAD_REQUEST: () => venue.post('/exchange/v1/private/user-balance', '{"id":1,'),
  METHOD_NOT_FOUND: () => client.call('private/no-such-method'),
  INVALID_REQUEST: () => client.venue.post('/exchange/v1/private/get-positions', JSON.stringify(client.envelope('private/user-balance'))),
  MISSING_OR_INVALID_ARGUMENT: () => venue.get('public/get-book'),
  INVALID_DATE: () => venue.get('public/get-trades', { instrument_name: 'SRVUSD-PERP', start_ts: '1700000000001', end_ts: '1700000000000' }),
  DUPLICATE_REQUEST: async () => {
    const body = JSON.stringify(client.envelope('private/create-order', order));
    same((await venue.post('/exchange/v1/private/create-order', body)).code, 0, 'the first of two equal requests');
    return await venue.post('/exchange/v1/private/create-order', body);
  },
  EXCEED_MAX_SUBSCRIPTIONS: async () => {
    const socket = await Socket.open(venue, 'market');
    const channels = [...Array(200).keys()].flatMap(n => [`book.SRVUSD-PERP.${n + 1}`, `book.${names[n % names.length]}.${n + 1}`]);
    same(new Set(channels).size, 400, '400 channels');
    for (let i = 0; i < 400; i += 100) same((await socket.subscribe(channels.slice(i, i + 100))).code, 0, `channels ${i} to ${i + 99}`);
    const answer = await socket.subscribe(['ticker.SRVUSD-PERP']);
    socket.close();
    return answer;
  },
  NOT_FOUND: () => client.call('private/get-order-detail', { order_id: '987654321' }),
  TOO_MANY_REQUESTS: async () => {
    const calls = await Promise.all([...Array(20).keys()].map(() => limited.client(dora).call('private/user-balance')));
    const refused = calls.find(answer => answer.code !== 0) ?? calls[0]!;
    check(Number(refused.headers['retry-after']) >= 1, 'Retry-After', refused.headers);
    check(refused.error_data?.retry_after_ms > 0, 'error_data.retry_after_ms', refused.error_data);
    return refused;
  },
  UNAUTHORIZED: () => new Client(venue, carol.apiKey, 'wrong').call('private/user-balance'),
  INVALID_NONCE: () => client.call('private/user-balance', {}, { nonce: nextNonce() - 70000 }),
  IP_ILLEGAL: async () => {
    const key = await venue.key('carol', { ip_list: ['10.1.2.3'] });
    return await new Client(venue, key.api_key, key.secret).call('private/user-balance');
  },
  USER_TIER_INVALID: async () => {
    const key = await venue.key('carol', { scopes: ['read', 'trade'] });
    return await new Client(venue, key.api_key, key.secret).call('private/create-withdrawal', { currency: 'USDC', amount: '1', address: 'x' });
  },
  USER_NO_DERIV_ACCESS: async () => {
    const key = await venue.key('carol', { scopes: ['read'] });
    return await new Client(venue, key.api_key, key.secret).call('private/create-order', order);
  },
  // Liquidations are finished before the next call is answered, so this one is seen as the reason of a cancelled order.
  POSITION_IS_IN_LIQUIDATION: async () => {
    const lev = await venue.instrument('LEV', '50000');
    await venue.client(await venue.account('lev-maker', '20000')).ok('private/create-order', { instrument_name: lev, side: 'SELL', type: 'LIMIT', price: '50000', quantity: '0.1' });
    const loser = venue.client(await venue.account('lev-loser', '20000'));
    const { isolation_id } = await loser.ok('private/create-order', { instrument_name: lev, side: 'BUY', type: 'MARKET', quantity: '0.1', exec_inst: ['ISOLATED_MARGIN'], leverage: '50' });
    const { order_id } = await loser.ok('private/create-order', { instrument_name: lev, side: 'SELL', type: 'LIMIT', price: '55000', quantity: '0.1', isolation_id, exec_inst: ['REDUCE_ONLY'] });
    await venue.operator('set-mark-price', { instrument_name: lev, price: '49000' });
    const detail = await loser.ok('private/get-order-detail', { order_id });
    same(detail.status, 'CANCELED', 'an order of a liquidated isolation');
    return { id: 0, method: '', code: detail.reason, message: 'POSITION_IS_IN_LIQUIDATION', http: row.get(311)!.http, headers: {} };
  },
  STALE_MARK_PRICE: async () => {
    await venue.instrument('OLD', '100', { mark_stale_ms: 1 });
    await new Promise(resolve => setTimeout(resolve, 20));
    return await client.call('private/create-order', { ...order, instrument_name: 'OLDUSD-PERP' });
  },
};
const names: string[] = (await venue.get('public/get-instruments')).result.data.map((each: Json) => each.symbol).filter((name: string) => name !== 'SRVUSD-PERP');

await section('codes of the server', async () => {
  for (const [name, provoke] of Object.entries(own)) {
    const wanted = table.find(each => each.name === name);
    const answer = await provoke().catch(error => ({ code: -1, message: String(error) }) as Answer);
    check(wanted && answer.code === wanted.code, name, { code: answer.code, message: answer.message, http: answer.http });
    if (wanted && answer.code === wanted.code) note(answer, name);
  }
});

await section('a restart opens step by step', async () => {
  const old = await limited.instrument('OLD', '100');
  const trader = limited.client(dora);
  const resting = await trader.ok('private/create-order', { ...order, instrument_name: old });
  const socket = await Socket.user(limited, dora);
  same(await limited.stop(), 0, 'exit status');
  same(socket.closed, 1013, 'close code');
  await limited.start();
  const refused = await trader.call('private/create-order', { ...order, instrument_name: old });
  same(refused.code, 9010001, 'no order before there is a fresh price');
  note(refused, 'warming up');
  same((await trader.call('private/user-balance')).code, 0, 'reading goes on');
  same((await trader.call('private/cancel-order', { order_id: resting.order_id })).code, 0, 'so does cancelling');
});

await section('the table', async () => {
  for (const each of table) {
    const reason = notProvoked[each.name];
    check(seen.has(each.code) !== (reason !== undefined), `${each.name} ${each.code} ${reason ? 'was provoked, so it is no exception' : 'was never answered'}`);
  }
  console.log(`${table.length} rows: ${seen.size} provoked, ${Object.keys(notProvoked).length} not: ${Object.keys(notProvoked).join(', ')}`);
});

await limited.close();
await venue.close();
finish('codes', 120);
