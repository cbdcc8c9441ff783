// The description that the server gives of itself is enough to use it: as the client cdcx does, this test knows no
// method by heart. It reads the pair, makes commands of it, and calls every one that reads.
import { parse } from 'yaml';
import { check, finish, same, section } from './check';
import { exchange, Venue, type Answer, type Json } from './venue';

const venue = await Venue.start('--rate-limits', 'off');
const symbol = await venue.instrument('BTC', '50000');
const alice = await venue.account('alice', '20000');
const bob = await venue.account('bob', '100000');
const client = venue.client(alice);
await venue.client(bob).ok('private/create-order', { instrument_name: symbol, side: 'SELL', type: 'LIMIT', price: '50000', quantity: '1' });
await client.ok('private/create-order', { instrument_name: symbol, side: 'BUY', type: 'MARKET', quantity: '0.1', exec_inst: ['ISOLATED_MARGIN'], leverage: '10' });
const resting = await client.ok('private/create-order', { instrument_name: symbol, side: 'BUY', type: 'LIMIT', price: '49000', quantity: '0.1' });
const isolation = (await client.ok('private/get-positions')).data[0].isolation_id;
const list = await client.ok('private/advanced/create-oco', { order_list: [
  { instrument_name: symbol, side: 'BUY', type: 'LIMIT', price: '48000', quantity: '0.1' },
  { instrument_name: symbol, side: 'BUY', type: 'STOP_LOSS', ref_price: '52000', quantity: '0.1' },
] });

// What cdcx sorts commands by.
const groups: Record<string, string> = {
  'Reference and Market Data': 'market', 'Account Balance and Positions': 'account', Trading: 'trade',
  'Advanced Order Management': 'advanced', 'Crypto Wallet': 'wallet', 'Transaction History': 'history',
};
type Param = { name: string; type: string; required: boolean; values: string[]; items?: Json };
type Command = { method: string; http: string; group: string; params: Param[]; result: Json };

const read = async (name: string) => {
  const { status, headers, text } = await exchange({ url: venue.url }, '/openapi/' + name);
  same(status, 200, name);
  check(String(headers['content-type']).includes('yaml'), `${name}: content type`, headers['content-type']);
  return text;
};
same((await exchange({ url: venue.url }, '/openapi/')).text, 'exchange-openapi.generated.yaml\nexchange-schema.generated.yaml\n', 'the list of the pair');
// Joined and parted again by a line between them, as cdcx caches the two.
const paths: Json = parse(await read('exchange-openapi.generated.yaml'));
const schemas: Json = parse(await read('exchange-schema.generated.yaml'));

/** Through $ref, which points into the second file. */
function follow(node: Json): Json {
  if (typeof node?.$ref !== 'string') return node;
  const target = node.$ref.split('#/')[1].split('/').reduce((at: Json, key: string) => at?.[key], schemas);
  check(target, `${node.$ref} is there`);
  return follow(target);
}

function param(name: string, schema: Json, required: boolean): Param {
  return { name, type: schema.type, required, values: schema.enum ?? schema.items?.enum ?? [], items: schema.items };
}

const commands: Command[] = [];
for (const [path, methods] of Object.entries<Json>(paths.paths)) {
  for (const [http, operation] of Object.entries<Json>(methods)) {
    const group = groups[operation.tags[0]];
    check(group, `${path}: a tag that is known`, operation.tags);
    same(operation.summary, path.slice(1), `${path}: its summary is its name`);
    let params: Param[] = (operation.parameters ?? []).map((p: Json) => param(p.name, p.schema, p.required));
    if (operation.requestBody) {
      const request = follow(operation.requestBody.content['application/json'].schema);
      const all = follow(request.properties.params);
      params = Object.entries<Json>(all.properties).map(([name, schema]) => param(name, schema, all.required?.includes(name) ?? false));
    }
    const answer = follow(operation.responses['200'].content['application/json'].schema);
    commands.push({ method: operation.summary, http, group: group!, params, result: answer.properties.result });
  }
}

await section('the pair', async () => {
  check(commands.length >= 60, 'commands', commands.length);
  same(commands.filter(c => c.method.startsWith('operator/')).length, 0, 'nothing of operators');
  check(commands.some(c => c.method === 'private/x/preview-order'), 'our own methods are in it');
  same(commands.filter(c => c.http !== (c.method.startsWith('public/') ? 'get' : 'post')), [], 'public is GET, private is POST');
  // A command is the method without its verb and its folder; two of one name in a group would hide each other.
  const names = commands.map(c => `${c.group} ${c.method.replace(/^(private\/advanced|private|public)\//, '').replace(/^(get|create|change-account|change)-/, '')}`);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  same(twice, [], 'no two commands of one name');
});

/** What in an answer is of another kind than its description says, or that it does not know. */
function differences(value: Json, schema: Json, at = 'result'): string[] {
  if (value === null || schema.type === undefined) return [];
  const kind = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (kind !== schema.type) return [`${at}: ${kind}, not ${schema.type}`];
  if (kind === 'array') return (value as Json[]).flatMap(v => differences(v, schema.items, at + '[]'));
  if (kind !== 'object') return [];
  return Object.entries<Json>(value).flatMap(([key, v]) =>
    schema.properties[key] ? differences(v, schema.properties[key], `${at}.${key}`) : [`${at}.${key}: not described`]);
}

// ---- Every method that reads -------------------------------------------------------------------------

/** What a person would type. */
const values: Record<string, Json> = {
  instrument_name: symbol, order_id: resting.order_id, isolation_id: isolation, leverage: '20', currency: 'USDC', side: 'BUY',
  type: 'MARKET', quantity: '0.01', list_id_list: [list.list_id], list_id: list.list_id,
};
const one: Record<string, Json> = {
  'public/get-insurance': { instrument_name: 'USD' },
  'public/get-expired-settlement-price': { instrument_type: 'FUTURE' },
};
const reads = commands.filter(c => /\/(get-|list-|user-balance|preview-|isolated-limits|adl-preview)/.test(c.method));

function argue(command: Command) {
  const params: Json = { ...one[command.method] };
  for (const p of command.params) {
    if (params[p.name] !== undefined) continue;
    if (p.values.length > 0 && p.required && !p.values.includes(values[p.name])) params[p.name] = p.type === 'array' ? [p.values[0]] : p.values[0];
    else if (p.required || ['order_id', 'quantity'].includes(p.name)) params[p.name] = values[p.name];
  }
  if (command.params.some(p => p.name === 'end_time')) delete params.order_id;
  return params;
}

await section('every method that reads', async () => {
  for (const command of reads) {
    const params = argue(command);
    const missing = command.params.filter(p => p.required && params[p.name] === undefined).map(p => p.name);
    if (missing.length > 0) check(false, `${command.method}: this test has no value for ${missing}`);
    const answer: Answer = command.http === 'get' ? await venue.get(command.method, params) : await client.call(command.method, params);
    check(answer.code === 0, command.method, { params, code: answer.code, message: answer.message, error_data: answer.error_data });
    if (answer.code === 0) check(answer.result !== undefined && typeof answer.code === 'number', `${command.method}: a result`);
    if (answer.code === 0) same([...new Set(differences(answer.result, command.result))], [], `${command.method}: as described`);
  }
});

await section('required is required', async () => {
  for (const command of commands) {
    const needed = command.params.filter(p => p.required);
    if (needed.length === 0) continue;
    const answer = command.http === 'get' ? await venue.get(command.method) : await client.call(command.method, {});
    same(answer.code, 40004, `${command.method} without ${needed.map(p => p.name)}`);
  }
});

await section('values outside an enumeration', async () => {
  for (const command of commands.filter(c => c.http === 'get')) {
    for (const p of command.params.filter(each => each.values.length > 0)) {
      const answer = await venue.get(command.method, { ...argue(command), [p.name]: 'nonsense' });
      same([answer.code, answer.error_data?.param], [40004, p.name], `${command.method} ${p.name}`);
    }
  }
});

await venue.close();
finish('openapi', 200);
