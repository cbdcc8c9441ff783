// The same with nothing but Node: fetch and a signature.
//
//   RINGFENCE_API_KEY=... RINGFENCE_API_SECRET=... node examples/javascript/isolated-fetch.mjs
import { createHmac } from 'node:crypto';

const url = (process.env.RINGFENCE_URL ?? 'http://127.0.0.1:8080') + '/exchange/v1/';
const apiKey = process.env.RINGFENCE_API_KEY;
const secret = process.env.RINGFENCE_API_SECRET;
if (!apiKey || !secret) throw new Error('set RINGFENCE_API_KEY and RINGFENCE_API_SECRET: `ringfence serve --sandbox` prints them');

/** The parameters as one text: keys in alphabetical order, each before its value. */
const flatten = value => {
  if (Array.isArray(value)) return value.map(flatten).join('');
  if (value === null || typeof value !== 'object') return String(value);
  return Object.keys(value).sort().map(key => key + flatten(value[key])).join('');
};

let last = 0;

async function call(method, params = {}) {
  const nonce = (last = Math.max(Date.now(), last + 1)); // two calls in one millisecond are two calls
  const payload = method + nonce + apiKey + flatten(params) + nonce;
  const sig = createHmac('sha256', secret).update(payload).digest('hex');
  const response = await fetch(url + method, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: nonce, method, params, api_key: apiKey, nonce, sig }),
  });
  const answer = await response.json();
  if (answer.code === 0) return answer.result;
  console.error(`${method}: ${answer.code} ${answer.message} ${JSON.stringify(answer.error_data ?? {})}`);
  if (answer.code === 617) console.error('There is an isolated position on this market already: close it first, or give its isolation_id.');
  process.exit(1);
}

const symbol = 'BTCUSD-PERP';
const order = await call('private/create-order', {
  instrument_name: symbol, side: 'BUY', type: 'MARKET', quantity: '0.01', exec_inst: ['ISOLATED_MARGIN'], leverage: '10',
});
const id = order.isolation_id;
console.log(`isolation ${id}: ${order.status} ${order.cumulative_quantity} at ${order.avg_price}`);

const added = await call('private/create-isolated-margin-transfer', { isolation_id: id, direction: 'CREDIT', amount: '20' });
console.log(`added 20: margin ${added.isolated_margin_balance}, liquidation at ${added.liquidation_price}`);

for (let i = 0; i < 3; i++) {
  const [position] = (await call('private/get-positions', { isolation_id: id })).data;
  if (!position) break; // it was liquidated: all it could lose was what was put in
  console.log(`mark ${position.mark_price}, liquidation at ${position.liquidation_price}, margin ratio ${position.margin_ratio}`);
  await new Promise(resolve => setTimeout(resolve, 500));
}

await call('private/close-position', { instrument_name: symbol, type: 'MARKET', isolation_id: id });
console.log('closed');
