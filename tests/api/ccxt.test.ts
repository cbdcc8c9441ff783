// ccxt as npm has it, through its unified methods: REST first, then WebSocket.
import ccxt from 'ccxt';
import { check, finish, near, same, section, soon, throws } from './check';
import { Socket, Venue, type Account, type Json } from './venue';

const S = 'BTC/USD:USD';
const E = 'ETH/USD:USD';
const TRADING_ERRORS = { InvalidOrder: ccxt.InvalidOrder, InsufficientFunds: ccxt.InsufficientFunds };

/** Price and amount of each level, without what else ccxt has in it. */
const pairs = (levels: any) => [...levels].slice(0, 10).map((level: any) => [level[0], level[1]]);

/** As docs/api.md and clients/README.md say. */
function exchangeAt(venue: Venue, account?: Account, more: Json = {}): any {
  const http = venue.url;
  const ws = http.replace('http', 'ws');
  return new (ccxt as any).pro.cryptocom({
    ...(account ? { apiKey: account.apiKey, secret: account.secret } : {}),
    enableRateLimit: false,
    options: { defaultType: 'swap', ...more.options },
    urls: { api: { base: http, v1: http + '/exchange/v1', ws: { public: ws + '/exchange/v1/market', private: ws + '/exchange/v1/user' } } },
  });
}

const venue = await Venue.start('--rate-limits', 'off', '--warm-seconds', '0', '--cancel-only-seconds', '0', '--post-only-seconds', '0', '--address-delay-hours', '0');
await venue.instrument('BTC', '50000');
await venue.instrument('ETH', '3000', { price_tick_size: '0.01', qty_tick_size: '0.001', max_leverage: '20' });
await venue.operator('set-index-price', { index_name: 'BTCUSD-INDEX', price: '50000' });
await venue.operator('fund-insurance', { currency: 'USD', amount: '10000' });
const alice = await venue.account('alice', '20000');
const bob = await venue.account('bob', '1000000');
const sub = await venue.account('alice-sub', undefined, { master: 'alice' });

const ex = exchangeAt(venue, alice);
const maker = exchangeAt(venue, bob);
const open: any[] = [ex, maker];
await ex.loadHttpProxyAgent();
await maker.loadHttpProxyAgent();
await maker.loadMarkets();
await maker.createOrder(S, 'limit', 'sell', 2, 50010);
await maker.createOrder(S, 'limit', 'sell', 3, 50020);
await maker.createOrder(S, 'limit', 'buy', 2, 49990);
await maker.createOrder(S, 'limit', 'buy', 3, 49980);
await maker.createOrder(E, 'limit', 'sell', 10, 3001);
await maker.createOrder(E, 'limit', 'buy', 10, 2999);

await section('markets', async () => {
  const markets = await ex.loadMarkets();
  const m = markets[S];
  same(Object.keys(markets).sort(), [S, E], 'both perpetuals and nothing else');
  same([m.id, m.base, m.quote, m.settle, m.type], ['BTCUSD-PERP', 'BTC', 'USD', 'USD', 'swap'], 'names of the market');
  same([m.swap, m.linear, m.active, m.contractSize], [true, true, true, 1], 'kind of market');
  same([m.precision.price, m.precision.amount], [0.5, 0.0001], 'ticks');
  same(m.limits.leverage.max, 50, 'largest leverage');
  check(ex.currencies.USD && ex.currencies.USDC, 'currencies of the wallet', Object.keys(ex.currencies));
  same(ex.priceToPrecision(S, 50000.3), '50000.5', 'prices are rounded to ticks by the client');
});

await section('tickers, book, trades, candles', async () => {
  const taken = await maker.createOrder(E, 'market', 'buy', 0.5).catch((error: Error) => error);
  check(taken instanceof Error, 'one does not trade with oneself');
  const bought = await ex.createOrder(E, 'market', 'buy', 1);
  await ex.createOrder(E, 'market', 'sell', 1);
  check(bought.id, 'an order has an id');
  const ticker = await ex.fetchTicker(E);
  same([ticker.symbol, ticker.bid, ticker.ask], [E, 2999, 3001], 'best prices');
  same([ticker.last, ticker.baseVolume, ticker.quoteVolume], [2999, 2, 6000], 'last trade and volume');
  same([ticker.high, ticker.low], [3001, 2999], 'range of the day');
  const all = await ex.fetchTickers();
  same(Object.keys(all).sort(), [S, E], 'all tickers');
  same([all[S].last, all[S].bid], [undefined, 49990], 'a market without trades has no last price');
  const book = await ex.fetchOrderBook(S);
  same([pairs(book.bids), pairs(book.asks)], [[[49990, 2], [49980, 3]], [[50010, 2], [50020, 3]]], 'book');
  check(book.timestamp > 1e12, 'time of the book');
  const top = await ex.fetchOrderBook(S, 1);
  same([pairs(top.bids), pairs(top.asks)], [[[49990, 2]], [[50010, 2]]], 'book of one level');
  const trades = await ex.fetchTrades(E);
  same(trades.map((t: any) => [t.side, t.price, t.amount]), [['buy', 3001, 1], ['sell', 2999, 1]], 'trades, oldest first');
  const since = await ex.fetchTrades(E, trades[1].timestamp, 1);
  same(since.length, 1, 'trades from a time on');
  const bars = await ex.fetchOHLCV(E, '1m');
  same(bars.at(-1).slice(1, 5), [3001, 3001, 2999, 2999], 'the bar of this minute');
  same(bars.at(-1)[5], 2, 'its volume');
  same(bars.at(-1)[0] % 60000, 0, 'it begins with the minute');
  check((await ex.fetchOHLCV(E, '1h', Date.now() - 3600000, 5)).length >= 1, 'bars from a time on');
  for (const timeframe of ['5m', '4h', '6h', '1d', '1w', '1M']) {
    check((await ex.fetchOHLCV(E, timeframe, undefined, 2)).length >= 1, `bars of ${timeframe}`);
  }
});

await section('funding', async () => {
  await venue.operator('set-funding-rate', { instrument_name: 'BTCUSD-PERP', rate: '0.0001' });
  await venue.operator('settle-funding', { instrument_name: 'BTCUSD-PERP' });
  const history = await ex.fetchFundingRateHistory(S);
  same(history.map((row: any) => row.fundingRate), [0.0001], 'rates that were settled');
  const rate = await ex.fetchFundingRate(S);
  check(typeof rate.fundingRate === 'number' && rate.timestamp > 1e12, 'the rate that is estimated', rate);
});

await section('balance and account', async () => {
  const balance = await ex.fetchBalance();
  near(balance.USD.total, 20000 - 1 * 3001 * 0.0004 - 1 * 2999 * 0.0004 - 2, 'money after a round trip and its fees');
  near(balance.USD.free + balance.USD.used, balance.USD.total, 'free and used are the total');
  const accounts = await ex.fetchAccounts();
  same(accounts.map((a: any) => a.id).sort(), [alice.uuid, sub.uuid].sort(), 'accounts of the family');
  const fee = await ex.fetchTradingFee(S);
  same([fee.maker, fee.taker], [0.00025, 0.0004], 'fees of a market');
  const fees = await ex.fetchTradingFees();
  same([fees[S].maker, fees[E].taker], [0.00025, 0.0004], 'fees of all markets');
  same(await ex.fetchSettlementHistory(S, undefined, undefined, { type: 'future' }), [], 'no futures that expire');
  await ex.v1PrivatePostPrivateCreateSubaccountTransfer({ from: alice.uuid, to: sub.uuid, currency: 'USD', amount: '100' });
  const subs = await ex.v1PrivatePostPrivateGetSubaccountBalances({});
  same(Number(subs.result.data[0].total_cash_balance), 100, 'transfer to a sub-account');
  await ex.v1PrivatePostPrivateCreateSubaccountTransfer({ from: sub.uuid, to: alice.uuid, currency: 'USD', amount: '100' });
  await ex.v1PrivatePostPrivateChangeAccountLeverage({ account_id: alice.uuid, leverage: '25' });
  const settings = await ex.fetch2('private/get-account-settings', ['v1', 'private'], 'POST', {});
  same(Number(settings.result[0].leverage), 25, 'leverage of the account');
  await ex.fetch2('private/change-account-settings', ['v1', 'private'], 'POST', { leverage: 50 });
});

await section('orders', async () => {
  const market = await ex.createOrder(S, 'market', 'buy', 0.1, undefined, { client_oid: 'm-1' });
  same(market.clientOrderId, 'm-1', 'own name of an order');
  const detail = await ex.fetchOrder(market.id);
  same([detail.status, detail.filled, detail.average, detail.type, detail.side], ['closed', 0.1, 50010, 'market', 'buy'], 'a market order is filled');
  near(detail.cost, 5001, 'its cost');
  near(detail.fee.cost, 5001 * 0.0004, 'its fee');
  const limit = await ex.createOrder(S, 'limit', 'buy', 0.2, 49000);
  const opened = await ex.fetchOpenOrders(S);
  same(opened.map((o: any) => [o.id, o.status, o.price, o.amount, o.remaining, o.timeInForce]), [[limit.id, 'open', 49000, 0.2, 0.2, 'GTC']], 'open orders');
  const edited = await ex.editOrder(limit.id, S, 'limit', 'buy', 0.3, 49100);
  same(edited.id, limit.id, 'an edited order keeps its id');
  const after = await ex.fetchOrder(limit.id);
  same([after.price, after.amount], [49100, 0.3], 'price and amount after the edit');
  same((await ex.cancelOrder(limit.id)).id, limit.id, 'cancel');
  same((await ex.fetchOrder(limit.id)).status, 'canceled', 'status after the cancel');
  const post = await ex.createOrder(S, 'limit', 'buy', 0.1, 49000, { postOnly: true });
  same((await ex.fetchOrder(post.id)).postOnly, true, 'post-only');
  await throws(() => ex.createOrder(S, 'limit', 'buy', 0.1, 50010, { postOnly: true }), TRADING_ERRORS.InvalidOrder, 43005, 'post-only that would take');
  await throws(() => ex.createOrder(S, 'limit', 'buy', 0.1, 49000, { timeInForce: 'IOC' }), TRADING_ERRORS.InvalidOrder, 43004, 'immediate-or-cancel without a match');
  await throws(() => ex.createOrder(S, 'limit', 'buy', 9, 50020, { timeInForce: 'FOK' }), TRADING_ERRORS.InvalidOrder, 43003, 'fill-or-kill that is too large');
  const some = await ex.createOrder(S, 'limit', 'buy', 0.1, 50010, { timeInForce: 'IOC' });
  same((await ex.fetchOrder(some.id)).filled, 0.1, 'immediate-or-cancel with a match');
  const whole = await ex.createOrder(S, 'limit', 'buy', 0.1, 50010, { timeInForce: 'FOK' });
  same((await ex.fetchOrder(whole.id)).status, 'closed', 'fill-or-kill with a match');
  const reduced = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { reduceOnly: true });
  check((await ex.fetchOrder(reduced.id)).info.exec_inst.includes('REDUCE_ONLY'), 'reduceOnly is not ignored');
  const many = await ex.createOrders([
    { symbol: S, type: 'limit', side: 'buy', amount: 0.1, price: 48000 },
    { symbol: S, type: 'limit', side: 'buy', amount: 0.1, price: 48100 },
    { symbol: S, type: 'limit', side: 'buy', amount: 100, price: 48100 },
  ]);
  same(many.map((o: any) => o.status), ['open', 'open', 'rejected'], 'the third of three orders is too large');
  same((await ex.cancelOrders([many[0].id, many[1].id], S)).length, 2, 'cancel of two');
  await ex.createOrder(S, 'limit', 'buy', 0.1, 48000);
  await ex.cancelAllOrders(S);
  same((await ex.fetchOpenOrders(S)).length, 0, 'nothing is open after cancelAllOrders');
});

await section('stops', async () => {
  const stop = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { stopLossPrice: 45000 });
  const profit = await ex.createOrder(S, 'market', 'sell', 0.1, undefined, { takeProfitPrice: 60000 });
  const limit = await ex.createOrder(S, 'limit', 'buy', 0.1, 56000, { triggerPrice: 55000 });
  const waiting = await ex.fetch2('private/advanced/get-open-orders', ['v1', 'private'], 'POST', {});
  same(waiting.result.data.map((o: any) => [o.order_id, o.order_type, o.status]).sort(), [
    [stop.id, 'STOP_LOSS', 'PENDING'], [profit.id, 'TAKE_PROFIT', 'PENDING'], [limit.id, 'STOP_LIMIT', 'PENDING'],
  ].sort(), 'three triggers wait');
  await venue.operator('set-mark-price', { instrument_name: 'BTCUSD-PERP', price: '55500' });
  same((await ex.fetchOrder(limit.id)).status, 'closed', 'the rise fires the stop-limit, which finds asks below its limit');
  await venue.operator('set-mark-price', { instrument_name: 'BTCUSD-PERP', price: '50000' });
  await ex.cancelOrder(profit.id);
  await ex.cancelAllOrders(S);
  same((await ex.fetchOrder(stop.id)).status, 'canceled', 'cancelAllOrders takes triggers too');
});

await section('lists of orders', async () => {
  const leg = (side: string, type: string, price: Json) => ({ instrument_name: 'BTCUSD-PERP', side, type, quantity: '0.1', ...price });
  const otoco = await ex.fetch2('private/advanced/create-otoco', ['v1', 'private'], 'POST', { order_list: [
    leg('BUY', 'LIMIT', { price: '48000' }), leg('SELL', 'STOP_LOSS', { ref_price: '45000' }), leg('SELL', 'TAKE_PROFIT', { ref_price: '60000' }),
  ] });
  check(otoco.result.list_id, 'OTOCO has a list');
  const legs = await ex.fetch2('private/advanced/get-order-list-detail', ['v1', 'private'], 'POST', { list_id_list: [otoco.result.list_id] });
  same(legs.result.data.length, 3, 'three orders of the list');
  await ex.fetch2('private/advanced/cancel-otoco', ['v1', 'private'], 'POST', { list_id: otoco.result.list_id });
  same((await ex.fetchOpenOrders(S)).length, 0, 'the list is gone');
});

await section('history', async () => {
  const orders = await ex.fetchOrders(S, Date.now() - 3600000, 100);
  check(orders.length >= 8, 'finished orders', orders.length);
  check(orders.every((o: any) => ['closed', 'canceled', 'rejected', 'expired'].includes(o.status)), 'and only finished ones');
  const closed = await ex.fetchClosedOrders(S);
  check(closed.length >= 4 && closed.every((o: any) => o.status === 'closed'), 'closed orders');
  const trades = await ex.fetchMyTrades(S);
  check(trades.length >= 5, 'own trades', trades.length);
  same([trades[0].side, trades[0].price, trades[0].amount, trades[0].takerOrMaker], ['buy', 50010, 0.1, 'taker'], 'the first one');
  near(trades[0].fee.cost, 5001 * 0.0004, 'its fee is a cost');
  const ledger = await ex.fetchLedger();
  const kinds = new Set(ledger.map((row: any) => row.info.journal_type));
  check(kinds.has('TRADE_FEE') && kinds.has('SUBACCOUNT_TX'), 'the ledger has fees and transfers', [...kinds]);
});

await section('positions', async () => {
  const rows = await ex.fetchPositions([S]);
  same(rows.map((p: any) => [p.symbol, p.side, p.contracts]), [[S, 'long', 0.3]], 'a long position');
  const one = await ex.fetchPosition(S);
  near(one.unrealizedPnl, Number(one.info.open_position_pnl), 'its profit');
  await ex.closePosition(S, undefined, { quantity: '0.1' });
  near((await ex.fetchPosition(S)).contracts, 0.2, 'a part is closed');
  await ex.closePosition(S);
  same(await ex.fetchPositions([S]), [], 'all is closed');
  await throws(() => ex.closePosition(S), ccxt.ExchangeError, 201, 'nothing to close');
});

await section('isolated margin', async () => {
  const before = (await ex.fetchBalance()).USD.total;
  const order = await ex.createOrder(S, 'market', 'buy', 0.1, undefined, { exec_inst: ['ISOLATED_MARGIN'], leverage: '10' });
  const id = order.info.isolation_id;
  check(id, 'the answer names the isolation', order.info);
  const row = (await ex.fetchPositions([S]))[0].info;
  same([row.isolation_id, row.isolation_type, row.leverage], [id, 'ISOLATED_MARGIN', '10'], 'an isolated position');
  const cash = Number(row.isolated_cash_balance);
  near((await ex.fetchBalance()).USD.total + cash + 5001 * 0.0004, before, 'its margin left the main account');
  await throws(() => ex.createOrder(S, 'market', 'buy', 0.1, undefined, { exec_inst: ['ISOLATED_MARGIN'] }), ccxt.ExchangeError, 617, 'a second isolation on one market');
  const credit = await ex.v1PrivatePostPrivateCreateIsolatedMarginTransfer({ isolation_id: id, direction: 'CREDIT', amount: '50' });
  near(Number(credit.result.isolated_cash_balance), cash + 50, 'adding margin');
  check(Number(credit.result.liquidation_price) < Number(row.liquidation_price), 'adding margin moves the liquidation price away');
  const debit = await ex.v1PrivatePostPrivateCreateIsolatedMarginTransfer({ isolation_id: id, direction: 'DEBIT', amount: '40' });
  near(Number(debit.result.isolated_cash_balance), cash + 10, 'removing margin');
  await throws(() => ex.v1PrivatePostPrivateCreateIsolatedMarginTransfer({ isolation_id: id, direction: 'DEBIT', amount: '5000' }), TRADING_ERRORS.InsufficientFunds, 306, 'removing too much');
  const raised = await ex.v1PrivatePostPrivateChangeIsolatedMarginLeverage({ isolation_id: id, leverage: '20' });
  same(raised.result.leverage, '20', 'raising leverage');
  await throws(() => ex.v1PrivatePostPrivateChangeIsolatedMarginLeverage({ isolation_id: id, leverage: '2' }), TRADING_ERRORS.InsufficientFunds, 306, 'lowering leverage without money');
  const cross = await ex.createOrder(S, 'market', 'sell', 0.05);
  same(cross.info.isolation_id, undefined, 'a cross order beside it');
  const both = await ex.fetchPositions([S]);
  same(both.map((p: any) => [p.side, p.contracts, p.info.isolation_id]), [['short', 0.05, undefined], ['long', 0.1, id]], 'cross and isolated on one market');
  await ex.closePosition(S, undefined, { isolation_id: id });
  await ex.closePosition(S);
  same(await ex.fetchPositions([S]), [], 'both are closed');
  const balance = await ex.v1PrivatePostPrivateUserBalance({});
  same(balance.result.data[0].isolated_positions, [], 'the isolation is gone');
});

await section('wallet', async () => {
  const address = '0x2f81b0c7a1f2a5b1d7c1f5a7e0b9a1d4c3e2f1a0';
  await ex.fetch2('private/x/add-withdrawal-address', ['v1', 'private'], 'POST', { currency: 'USDC', address });
  const deposit = await ex.fetchDepositAddress('USDC');
  check(deposit.address, 'an address to deposit to');
  const asked = await ex.withdraw('USDC', 25, address, undefined, { client_wid: 'w-1' });
  same([asked.amount, asked.address, asked.currency], [25, address, 'USDC'], 'a withdrawal is asked for');
  const pending = await ex.fetchWithdrawals('USDC');
  same(pending.map((w: any) => [w.id, w.amount, w.status, w.type]), [[asked.id, 25, 'pending', 'withdrawal']], 'it waits for the operator');
  await venue.operator('approve-withdrawal', { id: asked.id });
  same((await ex.fetchWithdrawals('USDC'))[0].status, 'ok', 'it is paid');
  const deposits = await ex.fetchDeposits();
  same(deposits.map((d: any) => [d.amount, d.status, d.type]), [[20000, 'ok', 'deposit']], 'deposits');
  same((await ex.fetchDeposits('USDC')).map((d: any) => [d.currency, d.amount]), [['USDC', 20000]], 'in the coin that came');
  await throws(() => ex.withdraw('USDC', 1e6, address), ccxt.InvalidOrder, 30024, 'more than there is');
});

await section('refusals by class', async () => {
  await throws(() => ex.fetchOrder('999999'), ccxt.OrderNotFound, 40401, 'an order that is not there');
  await throws(() => ex.createOrder(S, 'limit', 'buy', 100, 49000), ccxt.InsufficientFunds, 306, 'too little money');
  await throws(() => ex.cancelOrder('999999'), ccxt.ExchangeError, 316, 'cancel of nothing');
  await throws(() => ex.v1PublicGetPublicGetBook({}), ccxt.BadRequest, 40004, 'a parameter is missing');
  await throws(() => ex.v1PublicGetPublicGetBook({ instrument_name: 'NOPE' }), ccxt.ExchangeError, 209, 'no such market');
  const stranger = exchangeAt(venue, { ...alice, secret: 'wrong' });
  await throws(() => stranger.fetchBalance(), ccxt.AuthenticationError, 40101, 'a wrong secret');
  const late = exchangeAt(venue, alice);
  late.nonce = () => Date.now() - 120000;
  await throws(() => late.fetchBalance(), ccxt.InvalidNonce, 40102, 'a clock that is two minutes slow');
});

// ---- WebSocket --------------------------------------------------------------------------------------

const trade = async () => { await maker.createOrder(S, 'limit', 'sell', 0.01, 50005); await ex.createOrder(S, 'market', 'buy', 0.01); };

await section('watch the book, with snapshots', async () => {
  const snapshots = { bookSubscriptionType: 'SNAPSHOT' };
  const book = await soon(ex.watchOrderBook(S, 10, snapshots), 'watchOrderBook');
  const rest = await ex.fetchOrderBook(S, 10);
  same([pairs(book.bids), pairs(book.asks)], [pairs(rest.bids), pairs(rest.asks)], 'the same as by REST');
  const order = await maker.createOrder(S, 'limit', 'buy', 1, 49991);
  for (let i = 0; i < 5 && (await soon(ex.watchOrderBook(S, 10, snapshots), 'the next snapshot') ).bids[0][0] !== 49991; i++);
  same(pairs(ex.orderbooks[S].bids)[0], [49991, 1], 'a snapshot half a second later');
  await maker.cancelOrder(order.id);
});

await section('watch the book, with changes', async () => {
  const deltas = exchangeAt(venue);
  open.push(deltas);
  await deltas.loadHttpProxyAgent();
  const more = { bookSubscriptionType: 'SNAPSHOT_AND_UPDATE', bookUpdateFrequency: 10 };
  await soon(deltas.watchOrderBook(S, 10, more), 'watchOrderBook');
  for (let i = 0; i < 20; i++) {
    await maker.createOrder(S, 'limit', 'buy', 0.1 + i / 100, 49900 + i);
    if (i % 3 === 0) await maker.cancelAllOrders(E);
  }
  for (let i = 0; i < 50 && deltas.orderbooks[S].bids.length < 10; i++) await soon(deltas.watchOrderBook(S, 10, more), 'a change');
  await new Promise(resolve => setTimeout(resolve, 150));
  const rest = await ex.fetchOrderBook(S, 10);
  same(pairs(deltas.orderbooks[S].bids), pairs(rest.bids), 'bids after twenty changes');
  same(pairs(deltas.orderbooks[S].asks), pairs(rest.asks), 'asks after twenty changes');
  check(deltas.orderbooks[S].nonce > 0, 'it has a sequence');
});

await section('watch the market', async () => {
  const ticker = soon(ex.watchTicker(S), 'watchTicker');
  const trades = soon(ex.watchTrades(S), 'watchTrades');
  const bars = soon(ex.watchOHLCV(S, '1m'), 'watchOHLCV');
  await trade();
  check(Number((await ticker).bid) > 49000, 'ticker');
  check((await trades).length > 0, 'trades');
  check((await bars).length > 0, 'bars');
  const next = soon(ex.watchTrades(S), 'the next trade');
  await trade();
  const last = (await next).at(-1);
  same([last.price, last.amount, last.side], [50005, 0.01, 'buy'], 'the trade that was just made');
  const both = await soon(ex.watchTickers([S, E]), 'watchTickers');
  check(Object.keys(both as object).length >= 1, 'tickers of two markets');
  const best = await soon(ex.watchBidsAsks([S]), 'watchBidsAsks');
  check(best[S].bidVolume > 0, 'best prices with their sizes', best);
  check(await soon(ex.unWatchTrades(S), 'unWatchTrades'), 'unsubscribe is answered');
});

await section('watch the account', async () => {
  const balance = await soon(ex.watchBalance(), 'watchBalance');
  near(balance.USD.total, (await ex.fetchBalance()).USD.total, 'balance');
  const orders = soon(ex.watchOrders(S), 'watchOrders');
  const mine = soon(ex.watchMyTrades(S), 'watchMyTrades');
  await ex.watchPositions().catch((error: Error) => check(false, 'watchPositions', error.message));
  const positions = soon(ex.watchPositions(), 'watchPositions');
  await new Promise(resolve => setTimeout(resolve, 100)); // the subscriptions are on their way
  await trade();
  const order = (await orders).at(-1);
  same([order.symbol, order.status, order.filled], [S, 'closed', 0.01], 'the order when it is filled');
  const fill = (await mine).at(-1);
  same([fill.symbol, fill.price, fill.amount], [S, 50005, 0.01], 'the fill');
  same((await positions).map((p: any) => [p.symbol, p.side]), [[S, 'long']], 'the position');
  const changed = soon(ex.watchBalance(), 'the next balance');
  await trade();
  near((await changed).USD.total, (await ex.fetchBalance()).USD.total, 'the balance after a trade');
});

await section('orders by WebSocket', async () => {
  const again = () => { delete ex.clients[ex.urls.api.ws.private].subscriptions[true as any]; }; // ccxt sends only the first one
  const order = await soon(ex.createOrderWs(S, 'limit', 'buy', 0.1, 48000), 'createOrderWs');
  check(order.id, 'an order by WebSocket');
  again();
  const edited = await soon(ex.editOrderWs(order.id, S, 'limit', 'buy', 0.1, 48500), 'editOrderWs');
  same(edited.id, order.id, 'edited');
  again();
  same((await soon(ex.cancelOrderWs(order.id, S), 'cancelOrderWs')).id, order.id, 'cancelled');
  again();
  await ex.createOrder(S, 'limit', 'buy', 0.1, 48000);
  await soon(ex.cancelAllOrdersWs(S), 'cancelAllOrdersWs');
  same((await ex.fetchOpenOrders(S)).length, 0, 'all cancelled');
  again();
  await throws(() => soon(ex.createOrderWs(S, 'limit', 'buy', 100, 48000), 'a refusal'), ccxt.InsufficientFunds, 306, 'a refusal by WebSocket');
  await ex.closePosition(S);
});

await section('reconnect', async () => {
  const url = ex.urls.api.ws.public;
  ex.clients[url].connection.terminate();
  await new Promise(resolve => setTimeout(resolve, 50));
  const book = await soon(ex.watchOrderBook(S, 10).catch(() => ex.watchOrderBook(S, 10)), 'watchOrderBook after the connection broke');
  check((book ).bids.length > 0, 'ccxt connects again');
  const raw = await Socket.user(venue, alice);
  const restarted = soon(ex.watchOrderBook(S, 10).catch((error: Error) => error), 'the end of the connection', 10000);
  for (let i = 0; i < 3; i++) await Promise.race([restarted, new Promise(resolve => setTimeout(resolve, 20))]);
  const balance = (await ex.fetchBalance()).USD.total;
  same(await venue.stop(), 0, 'the server stops in order');
  same(raw.closed, 1013, 'it closes WebSockets with "try again later"');
  await venue.start();
  near((await ex.fetchBalance()).USD.total, balance, 'the balance is the same after a restart');
  const after = await soon(ex.watchOrderBook(S, 10).catch(() => ex.watchOrderBook(S, 10)), 'watchOrderBook after a restart', 10000);
  check((after ).bids.length > 0, 'ccxt connects to the restarted server');
  await soon(ex.watchBalance().catch(() => ex.watchBalance()), 'watchBalance after a restart', 10000);
  check(true, 'and signs in again');
});

for (const each of open) await each.close().catch(() => undefined);
await venue.close();
finish('ccxt', 130);
