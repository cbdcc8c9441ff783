// The class that is shipped: clients/ringfence-ccxt.mjs.
import ccxt from 'ccxt';
// @ts-ignore: plain JavaScript, found beside this file when it runs
import { codeOf, Ringfence, urls } from '../../clients/ringfence-ccxt.mjs';
import { check, finish, near, same, section, soon, throws } from './check';
import { Venue, type Account } from './venue';

const S = 'BTC/USD:USD';
const E = 'ETH/USD:USD';
const venue = await Venue.start('--rate-limits', 'off');
await venue.instrument('BTC', '50000');
await venue.instrument('ETH', '3000', { price_tick_size: '0.01', qty_tick_size: '0.001' });
const alice = await venue.account('alice', '20000');
const bob = await venue.account('bob', '1000000');
const at = (account: Account, more = {}): any =>
  new Ringfence({ apiKey: account.apiKey, secret: account.secret, url: venue.url, enableRateLimit: false, ...more });
const ex = at(alice);
const maker = at(bob);
await maker.loadMarkets();
for (const [side, price] of [['sell', 50010], ['sell', 50020], ['buy', 49990], ['buy', 49980]] as const) {
  await maker.createOrder(S, 'limit', side, 5, price);
}
await maker.createOrder(E, 'limit', 'sell', 100, 3001);
await maker.createOrder(E, 'limit', 'buy', 100, 2999);

await section('where and who', async () => {
  same(urls('http://h:1/').api.ws.private, 'ws://h:1/exchange/v1/user', 'addresses from one');
  same([ex.id, ex.name, ex.has.setLeverage, ex.has.addMargin], ['ringfence', 'Ringfence', true, true], 'what it says of itself');
  await ex.loadMarkets();
  check(ex.markets[S], 'markets');
  same(codeOf(new Error('x {"code":306,"message":"Y"}')), 306, 'the code of a refusal');
  same(codeOf(new Error('x')), 0, 'no code, no number');
});

await section('an isolated position', async () => {
  await ex.setMarginMode('isolated', S);
  same((await ex.fetchMarginMode(S)).marginMode, 'isolated', 'setMarginMode');
  same((await ex.fetchMarginMode(E)).marginMode, 'cross', 'of this market only');
  await ex.setLeverage(10, S);
  same((await ex.fetchLeverage(S)).longLeverage, 10, 'leverage of the next isolation');
  const preview = await ex.previewOrder(S, 'market', 'buy', 0.1);
  same([preview.accepted, preview.fill.quantity], [true, '0.1000'], 'previewOrder');
  const order = await ex.createOrder(S, 'market', 'buy', 0.1, undefined, { clientOrderId: 'mine-1' });
  same(order.clientOrderId, 'mine-1', 'clientOrderId is not dropped');
  const p = await ex.fetchPosition(S);
  same([p.id, p.marginMode, p.leverage, p.side, p.contracts], [order.info.isolation_id, 'isolated', 10, 'long', 0.1], 'position');
  same([p.entryPrice, p.markPrice, p.notional], [50010, 50000, 5000], 'prices');
  near(p.collateral, Number(p.info.isolated_margin_balance), 'collateral');
  near(p.liquidationPrice, Number(preview.est_liquidation_price), 'the liquidation price is what the preview said');
  check(p.initialMargin > p.maintenanceMargin && p.maintenanceMargin > 0, 'margins', [p.initialMargin, p.maintenanceMargin]);
  near(p.initialMarginPercentage, 0.1, 'initial margin is a tenth');
  check(p.marginRatio > 0 && p.marginRatio < 1, 'margin ratio', p.marginRatio);
  const more = await ex.createOrder(S, 'market', 'buy', 0.1);
  same(more.info.isolation_id, p.id, 'the next order goes into the same isolation');
  near((await ex.fetchPosition(S)).contracts, 0.2, 'which grows');
});

await section('margin and leverage', async () => {
  const before = await ex.fetchPosition(S);
  const added = await ex.addMargin(S, 100);
  same([added.type, added.amount, added.code, added.status, added.symbol], ['add', 100, 'USD', 'ok', S], 'addMargin');
  near(added.total, before.collateral + 100, 'total after adding');
  check((await ex.fetchPosition(S)).liquidationPrice < before.liquidationPrice, 'the liquidation price moves away');
  const removed = await ex.reduceMargin(S, 60.5);
  same([removed.type, removed.amount], ['reduce', 60.5], 'reduceMargin');
  near(removed.total, before.collateral + 39.5, 'total after removing');
  await throws(() => ex.reduceMargin(S, 100000), ccxt.InsufficientFunds, 306, 'too much');
  const limits = await ex.isolatedLimits(S, { leverage: '20' });
  check(Number(limits.max_removable) > 0, 'isolatedLimits', limits);
  await ex.setLeverage(20, S);
  same((await ex.fetchPosition(S)).leverage, 20, 'setLeverage up');
  await ex.reduceMargin(S, Number((await ex.isolatedLimits(S)).max_removable));
  await throws(() => ex.setLeverage(5, S), ccxt.InsufficientFunds, 306, 'setLeverage down without money');
  await ex.setLeverage(5, S, { add_margin: 'AUTO' });
  same([(await ex.fetchPosition(S)).leverage, (await ex.fetchLeverage(S)).longLeverage], [5, 5], 'setLeverage down with what it needs');
  await ex.setLeverage(30, undefined, { marginMode: 'cross' });
  same((await ex.fetchLeverage(E)).longLeverage, 30, 'leverage of the account');
  await ex.setLeverage(50, undefined, { marginMode: 'cross' });
});

await section('cross beside isolated', async () => {
  await ex.createOrder(S, 'market', 'buy', 0.05, undefined, { marginMode: 'cross' });
  const rows = await ex.fetchPositions([S]);
  same(rows.map((p: any) => [p.marginMode, p.side, p.contracts]), [['cross', 'long', 0.05], ['isolated', 'long', 0.2]], 'two rows of one side');
  check(rows[0].id !== rows[1].id, 'with ids of their own');
  same((await ex.fetchPosition(S, { marginMode: 'cross' })).contracts, 0.05, 'fetchPosition by margin mode');
  same((await ex.fetchPositions([S, E], { marginMode: 'isolated' })).length, 1, 'fetchPositions of several markets by margin mode');
  const watched = await soon(ex.watchPositions([S]), 'watchPositions');
  same(watched.map((p: any) => [p.marginMode, p.contracts]).sort(), [['cross', 0.05], ['isolated', 0.2]], 'watchPositions has both');
  const next = soon(ex.watchPositions([S]), 'the next positions');
  await ex.closePosition(S, undefined, { marginMode: 'cross' });
  const after = await next;
  same(after.filter((p: any) => p.contracts > 0).map((p: any) => p.marginMode), ['isolated'], 'and says when one is closed');
  near(watched.find((p: any) => p.marginMode === 'isolated').liquidationPrice, (await ex.fetchPosition(S)).liquidationPrice, 'liquidation price by WebSocket');
});

await section('orders', async () => {
  await throws(() => ex.createOrder(E, 'market', 'sell', 0.1, undefined, { reduceOnly: true }), ccxt.ExchangeError, 1110, 'reduceOnly without a position');
  await throws(() => ex.createOrder(E, 'limit', 'buy', 0.1, 3001, { postOnly: true }), ccxt.InvalidOrder, 43005, 'postOnly that would take');
  const both = await ex.createOrder(S, 'limit', 'sell', 0.1, 51000, { postOnly: true, reduceOnly: true });
  same((await ex.fetchOrder(both.id)).info.exec_inst.sort(), ['ISOLATED_MARGIN', 'POST_ONLY', 'REDUCE_ONLY'], 'all instructions together');
  await ex.cancelOrder(both.id);
  const stop = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { triggerPrice: 47000, triggerDirection: 'descending', reduceOnly: true });
  same((await ex.fetchOrder(stop.id)).info.order_type, 'STOP_LOSS', 'a sell that waits for a fall is a stop');
  const profit = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { triggerPrice: 55000, triggerDirection: 'ascending', reduceOnly: true });
  same((await ex.fetchOrder(profit.id)).info.order_type, 'TAKE_PROFIT', 'a sell that waits for a rise takes profit');
  await ex.cancelAllOrders(S);
  const list = await ex.createOrders([
    { symbol: S, type: 'limit', side: 'buy', amount: 0.01, price: 48000 },
    { symbol: E, type: 'market', side: 'buy', amount: 0.1 },
  ]);
  same(list.length, 2, 'createOrders');
  check(list[0].info.isolation_id && !list[1].info.isolation_id, 'each with the margin mode of its market', list.map((o: any) => o.info));
  await ex.cancelAllOrders();
  await ex.closePosition(E);
  const [one, two] = await soon(Promise.all([
    ex.createOrderWs(S, 'limit', 'buy', 0.01, 48000), ex.createOrderWs(S, 'limit', 'buy', 0.01, 48100),
  ]), 'two orders at once on one WebSocket');
  check(one.id && two.id && one.id !== two.id, 'two orders by WebSocket');
  await soon(ex.cancelOrderWs(one.id, S), 'cancelOrderWs');
  await ex.cancelAllOrders();
});

await section('the end of an isolation', async () => {
  const cash = (await ex.fetchBalance()).USD.total;
  await ex.closePosition(S, undefined, { quantity: '0.05', clientOrderId: 'part' });
  near((await ex.fetchPosition(S)).contracts, 0.15, 'a part is closed');
  await ex.closePosition(S);
  same(await ex.fetchPosition(S), undefined, 'no position any more');
  check((await ex.fetchBalance()).USD.total > cash, 'the money is back');
  await throws(() => ex.addMargin(S, 1), ccxt.ExchangeError, 0, 'addMargin to nothing');
  const again = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { leverage: 25, isolatedMarginAmount: 400 });
  const p = await ex.fetchPosition(S);
  same([p.id, p.leverage, p.side], [again.info.isolation_id, 25, 'short'], 'a new isolation, although the old one was remembered');
  near(Number(p.info.isolated_cash_balance), 400 - 4999 * 0.0004, 'with the margin that was asked for');
  await ex.closePosition(S);
  const other = at(alice, { options: { defaultMarginMode: 'isolated' } });
  await other.loadMarkets();
  same(other.marginModeOf(E), 'isolated', 'defaultMarginMode of the configuration');
  const first = await ex.createOrder(S, 'limit', 'buy', 0.01, 48000);
  const second = await other.createOrder(S, 'limit', 'buy', 0.01, 48000);
  same(second.info.isolation_id, first.info.isolation_id, 'an isolation that somebody else opened is found');
  await other.cancelAllOrders();
  await throws(() => ex.setMarginMode('portfolio', S), ccxt.BadRequest, 0, 'no such margin mode');
});

await section('the rest is ccxt', async () => {
  same(Object.keys(await ex.fetchTickers()).sort(), [S, E], 'tickers');
  check((await ex.fetchMyTrades(S)).length > 0, 'own trades');
  check((await soon(ex.watchOrderBook(S, 5), 'watchOrderBook')).bids.length > 0, 'watchOrderBook');
  check((await soon(ex.watchBalance(), 'watchBalance')).USD.total > 0, 'watchBalance');
});

await ex.close();
await maker.close();
await venue.close();
finish('clients/ringfence-ccxt.mjs', 58);
