// The order book from its changes, with ccxt as it comes from npm. No key is needed.
//
//   npm install --no-save ccxt@4.5.84
//   node examples/javascript/watch-book.mjs
import ccxt from 'ccxt';
import { urls } from '../../clients/ringfence-ccxt.mjs';

const exchange = new ccxt.pro.cryptocom({
  options: { defaultType: 'swap' },
  urls: urls(process.env.RINGFENCE_URL ?? 'http://127.0.0.1:8080'),
});
await exchange.loadHttpProxyAgent(); // ccxt wants this for addresses without TLS

const end = Date.now() + 3000;
while (Date.now() < end) {
  const change = exchange.watchOrderBook('BTC/USD:USD', 10, { bookSubscriptionType: 'SNAPSHOT_AND_UPDATE', bookUpdateFrequency: 10 });
  const book = await Promise.race([change, new Promise(resolve => setTimeout(resolve, end - Date.now()))]);
  if (!book) break;
  const [[bid, bids] = [], [ask, asks] = []] = [book.bids[0], book.asks[0]];
  console.log(`book ${book.nonce}: ${bids} wanted at ${bid}, ${asks} offered at ${ask}`);
}
await exchange.close();
