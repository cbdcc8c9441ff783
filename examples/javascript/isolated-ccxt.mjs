// The life of an isolated position, with ccxt and the class in clients/.
//
//   npm install --no-save ccxt@4.5.84        in the folder above this one
//   RINGFENCE_API_KEY=... RINGFENCE_API_SECRET=... node examples/javascript/isolated-ccxt.mjs
import { Ringfence } from '../../clients/ringfence-ccxt.mjs';

if (!process.env.RINGFENCE_API_KEY || !process.env.RINGFENCE_API_SECRET)
  throw new Error('set RINGFENCE_API_KEY and RINGFENCE_API_SECRET: `ringfence serve --sandbox` prints them');

const symbol = 'BTC/USD:USD';
const exchange = new Ringfence({
  url: process.env.RINGFENCE_URL ?? 'http://127.0.0.1:8080',
  apiKey: process.env.RINGFENCE_API_KEY,
  secret: process.env.RINGFENCE_API_SECRET,
});

function show(what, p) {
  console.log(`${what}: ${p.side} ${p.contracts} at ${p.entryPrice}, ${p.leverage}x, margin ${p.collateral.toFixed(2)}, ` +
    `profit ${p.unrealizedPnl.toFixed(2)}, liquidation at ${p.liquidationPrice ?? 'no price'}`);
}

try {
  await exchange.loadMarkets();
  await exchange.setMarginMode('isolated', symbol);
  if (await exchange.fetchIsolation(symbol)) throw new Error(`there is an isolated position on ${symbol} already: close it first`);
  await exchange.setLeverage(10, symbol);

  const preview = await exchange.previewOrder(symbol, 'market', 'buy', 0.01);
  console.log(`an order of 0.01 would need ${preview.required_margin} and could lose ${preview.max_loss}`);

  const order = await exchange.createOrder(symbol, 'market', 'buy', 0.01);
  console.log(`isolation ${order.info.isolation_id}, order ${order.id}`);
  show('opened', await exchange.fetchPosition(symbol));

  await exchange.addMargin(symbol, 20);
  show('with 20 more', await exchange.fetchPosition(symbol));

  // All positions whenever one changes; here the first three messages, at most three seconds.
  for (let i = 0; i < 3; i++) {
    const change = exchange.watchPositions([symbol]);
    const rows = await Promise.race([change, new Promise(resolve => setTimeout(resolve, 1000, []))]);
    for (const p of rows) if (p.contracts > 0) show('watching', p);
  }

  const { max_removable: most } = await exchange.isolatedLimits(symbol);
  if (Number(most) > 0) {
    await exchange.reduceMargin(symbol, Number(most));
    show(`without ${most}`, await exchange.fetchPosition(symbol));
  }

  await exchange.closePosition(symbol);
  console.log('closed; what was left went back to the main account');
} finally {
  await exchange.close();
}
