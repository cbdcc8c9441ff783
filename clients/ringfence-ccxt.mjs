// ringfence-ccxt.mjs: ccxt's cryptocom (REST and WebSocket) with isolated margin. For ccxt 4.5.84, Node 18 and newer.
//
//   import { Ringfence } from './ringfence-ccxt.mjs';
//   const exchange = new Ringfence({ apiKey, secret, url: 'http://127.0.0.1:8080' });
//   await exchange.setMarginMode('isolated', 'BTC/USD:USD');
//   await exchange.setLeverage(10, 'BTC/USD:USD');
//   await exchange.createOrder('BTC/USD:USD', 'market', 'buy', 0.1);
//   await exchange.addMargin('BTC/USD:USD', 100);
//
// Everything that ccxt's own class does works as before. What differs:
//   - createOrder and createOrderWs understand marginMode, leverage, isolatedMarginAmount, reduceOnly, postOnly,
//     clientOrderId and triggerDirection in params. Orders without a marginMode use the one of setMarginMode, else cross.
//   - setMarginMode, setLeverage, addMargin, reduceMargin, previewOrder, isolatedLimits are here.
//   - Positions have all their fields; a cross and an isolated one on the same symbol are two rows, told apart by id.
//   - Several *Ws calls work on one connection.
//
// An account has at most one isolation per symbol, so a symbol is enough to name it.
import ccxt from 'ccxt';

const { ArgumentsRequired, BadRequest, ExchangeError, NotSupported } = ccxt;
const ISOLATED = 'isolated';
const CROSS = 'cross';

/** Where a server is, as ccxt wants to hear it. @param {string} url "http://127.0.0.1:8080" */
export function urls(url) {
  const base = url.replace(/\/+$/, '');
  const ws = base.replace(/^http/, 'ws');
  return {
    api: {
      base,
      v1: base + '/exchange/v1',
      ws: { public: ws + '/exchange/v1/market', private: ws + '/exchange/v1/user' },
    },
  };
}

/** The code of a refusal that ccxt turned into an exception, or 0. @param {any} error */
export function codeOf(error) {
  const match = /"code":(\d+)/.exec(String(error?.message ?? ''));
  return match ? Number(match[1]) : 0;
}

export class Ringfence extends ccxt.pro.cryptocom {
  /** @param {any} [config] as ccxt's, and url: where the server is */
  constructor({ url = undefined, ...config } = {}) {
    const place = url === undefined ? {} : { urls: urls(url) };
    super({ ...config, ...place, options: { defaultType: 'swap', ...config.options } });
  }

  describe() {
    return this.deepExtend(super.describe(), {
      id: 'ringfence',
      name: 'Ringfence',
      has: {
        addMargin: true,
        fetchLeverage: true,
        fetchMarginMode: true,
        reduceMargin: true,
        setLeverage: true,
        setMarginMode: true,
      },
      api: {
        v1: {
          public: { get: { 'public/x/get-time': 1 } },
          private: {
            post: {
              'private/change-isolated-margin-leverage': 10 / 3,
              'private/create-isolated-margin-transfer': 10 / 3,
              'private/get-account-settings': 10 / 3,
              'private/x/adl-preview': 10 / 3,
              'private/x/get-closed-positions': 10 / 3,
              'private/x/get-position-results': 10 / 3,
              'private/x/isolated-limits': 10 / 3,
              'private/x/preview-order': 10 / 3,
              'private/x/set-cancel-after': 10 / 3,
            },
          },
        },
      },
      options: {
        // defaultMarginMode: 'cross' or 'isolated', in the configuration or by setMarginMode
        marginModes: {}, // by symbol: setMarginMode
        leverages: {}, // by symbol: setLeverage before there is an isolation
        isolations: {}, // by symbol: the isolation_id that was seen last
      },
    });
  }

  // A ws:// address needs an agent that ccxt loads only when asked to.
  async loadMarkets(reload = false, params = {}) {
    if (this.urls.api.ws.private.startsWith('ws://')) await this.loadHttpProxyAgent();
    return await super.loadMarkets(reload, params);
  }

  // ---- Isolations --------------------------------------------------------------------------------

  /** @param {string} symbol @param {any} params */
  marginModeOf(symbol, params = {}) {
    const mode = params.marginMode ?? this.options.marginModes[symbol] ?? this.options.defaultMarginMode ?? CROSS;
    if (mode !== ISOLATED && mode !== CROSS) {
      throw new BadRequest(`${this.id} marginMode is 'isolated' or 'cross', not '${mode}'`);
    }
    return mode;
  }

  noteIsolation(symbol, isolationId) {
    if (isolationId === undefined) delete this.options.isolations[symbol];
    else this.options.isolations[symbol] = isolationId;
  }

  /** The row of user-balance, or undefined when there is no isolation on the symbol. @param {string} symbol */
  async fetchIsolation(symbol) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const response = await this.v1PrivatePostPrivateUserBalance({});
    const rows = response.result.data[0].isolated_positions ?? [];
    const row = rows.find(each => each.instrument_name === market.id);
    this.noteIsolation(market.symbol, row?.isolation_id);
    return row;
  }

  /** @param {string} symbol @param {any} params isolation_id, if it is known */
  async isolationId(symbol, params = {}) {
    const known = params.isolation_id ?? (await this.fetchIsolation(symbol))?.isolation_id;
    if (known === undefined) throw new ExchangeError(`${this.id} there is no isolated position or order on ${symbol}`);
    return known;
  }

  // ---- Margin mode and leverage --------------------------------------------------------------------

  /** Which margin new orders on the symbol use: the choice is made per order, so nothing is sent.
   * @param {string} marginMode @param {string} [symbol] all of them when absent */
  async setMarginMode(marginMode, symbol = undefined, params = {}) {
    await this.loadMarkets();
    const mode = this.marginModeOf('', { marginMode });
    if (symbol === undefined) {
      this.options.defaultMarginMode = mode;
      this.options.marginModes = {};
    } else {
      this.options.marginModes[this.market(symbol).symbol] = mode;
    }
    return { marginMode: mode, symbol };
  }

  async fetchMarginMode(symbol, params = {}) {
    await this.loadMarkets();
    return { info: {}, symbol: this.market(symbol).symbol, marginMode: this.marginModeOf(this.market(symbol).symbol, params) };
  }

  /** Isolated: of the isolation on the symbol, or of the next one when there is none. Lowering it may need money:
   * params.add_margin 'AUTO' moves what is lacking. Cross: of the account.
   * @param {number} leverage @param {string} [symbol] */
  async setLeverage(leverage, symbol = undefined, params = {}) {
    await this.loadMarkets();
    const market = symbol === undefined ? undefined : this.market(symbol);
    const mode = this.marginModeOf(market?.symbol, params);
    const { marginMode, ...rest } = params;
    if (mode === CROSS) return await this.v1PrivatePostPrivateChangeAccountLeverage({ leverage: String(leverage), ...rest });
    if (market === undefined) throw new ArgumentsRequired(`${this.id} setLeverage() of an isolation needs a symbol`);
    const id = rest.isolation_id ?? (await this.fetchIsolation(market.symbol))?.isolation_id;
    this.options.leverages[market.symbol] = leverage;
    if (id === undefined) return { info: {}, symbol: market.symbol, leverage };
    return await this.v1PrivatePostPrivateChangeIsolatedMarginLeverage({ ...rest, isolation_id: id, leverage: String(leverage) });
  }

  async fetchLeverage(symbol, params = {}) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const mode = this.marginModeOf(market.symbol, params);
    const info = mode === ISOLATED ? await this.fetchIsolation(market.symbol)
      : (await this.v1PrivatePostPrivateGetAccountSettings({})).result[0];
    const leverage = info === undefined ? this.options.leverages[market.symbol] : this.safeNumber(info, 'leverage');
    return { info: info ?? {}, symbol: market.symbol, marginMode: mode, longLeverage: leverage, shortLeverage: leverage };
  }

  // ---- Margin ------------------------------------------------------------------------------------

  /** From the main account into the isolation. @param {string} symbol @param {number} amount USD */
  async addMargin(symbol, amount, params = {}) {
    return await this.moveMargin(symbol, amount, 'CREDIT', params);
  }

  /** From the isolation back to the main account. @param {string} symbol @param {number} amount USD */
  async reduceMargin(symbol, amount, params = {}) {
    return await this.moveMargin(symbol, amount, 'DEBIT', params);
  }

  async moveMargin(symbol, amount, direction, params) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const request = {
      isolation_id: await this.isolationId(market.symbol, params),
      direction,
      amount: this.numberToString(amount),
    };
    const response = await this.v1PrivatePostPrivateCreateIsolatedMarginTransfer({ ...params, ...request });
    const now = this.milliseconds();
    return {
      info: response,
      symbol: market.symbol,
      type: direction === 'CREDIT' ? 'add' : 'reduce',
      marginMode: ISOLATED,
      amount: Number(request.amount),
      total: this.safeNumber(response.result, 'isolated_margin_balance'),
      code: 'USD',
      status: 'ok',
      timestamp: now,
      datetime: this.iso8601(now),
    };
  }

  /** What may leave, and what another leverage or liquidation price would take; params: leverage or liquidation_price. */
  async isolatedLimits(symbol, params = {}) {
    await this.loadMarkets();
    const id = await this.isolationId(symbol, params);
    return (await this.v1PrivatePostPrivateXIsolatedLimits({ ...params, isolation_id: id })).result;
  }

  // ---- Orders ------------------------------------------------------------------------------------

  // ccxt refuses 'isolated' here; createOrderRequest has dealt with it.
  customHandleMarginModeAndParams(methodName, params = {}) {
    return [undefined, this.omit(params, ['margin', 'marginMode'])];
  }

  /** ccxt decides between stop and take-profit by comparing prices of the order with each other, which a market order
   * has none of. triggerDirection says it: 'ascending' waits for a rise, 'descending' for a fall. */
  triggerParams(type, side, { triggerDirection, triggerPrice, stopPrice, ...params }) {
    const price = triggerPrice ?? stopPrice;
    if (triggerDirection === undefined) return { ...params, ...(price === undefined ? {} : { triggerPrice: price }) };
    if (price === undefined) throw new ArgumentsRequired(`${this.id} triggerDirection needs a triggerPrice`);
    const rises = triggerDirection === 'ascending' || triggerDirection === 'above';
    const stop = rises === (side.toLowerCase() === 'buy');
    return { ...params, [stop ? 'stopLossPrice' : 'takeProfitPrice']: price };
  }

  createOrderRequest(symbol, type, side, amount, price = undefined, params = {}) {
    const unified = this.market(symbol).symbol;
    const {
      marginMode, reduceOnly, reduce_only: reduceOnlyToo, postOnly, clientOrderId, leverage, isolatedMarginAmount,
      exec_inst: instructions = [], isolation_id: isolationId, ...rest
    } = this.triggerParams(type, side, params);
    const given = new Set(Array.isArray(instructions) ? instructions : [instructions]);
    const isolated = isolationId !== undefined || given.has('ISOLATED_MARGIN') ||
      this.marginModeOf(unified, params) === ISOLATED;
    if (reduceOnly || reduceOnlyToo) given.add('REDUCE_ONLY');
    if (postOnly || rest.timeInForce === 'PO') given.add('POST_ONLY');
    if (isolated) given.add('ISOLATED_MARGIN');
    const request = super.createOrderRequest(symbol, type, side, amount, price, rest);
    if (given.size > 0) request.exec_inst = [...given];
    if (clientOrderId !== undefined) request.client_oid = clientOrderId;
    if (!isolated) return request;
    const known = isolationId ?? this.options.isolations[unified];
    if (known !== undefined) request.isolation_id = known;
    else request.leverage = leverage ?? this.options.leverages[unified];
    if (known !== undefined && leverage !== undefined) request.leverage = leverage;
    if (request.leverage === undefined) delete request.leverage;
    else request.leverage = String(request.leverage);
    if (isolatedMarginAmount !== undefined) request.isolated_margin_amount = this.numberToString(isolatedMarginAmount);
    return request;
  }

  /** Sends an order. Whether there is an isolation already is remembered from answers; the server says so when it is
   * not so any more, and a refused order left no trace: it is sent once more, as it should have been. */
  async sendOrder(send, symbol, params) {
    const unified = this.market(symbol).symbol;
    let order;
    try {
      order = await send();
    } catch (error) {
      const code = codeOf(error);
      if (params.isolation_id !== undefined || (code !== 613 && code !== 617)) throw error;
      if (code === 613) this.noteIsolation(unified, undefined);
      else await this.fetchIsolation(unified);
      order = await send();
    }
    const id = this.safeString(order.info, 'isolation_id');
    if (id !== undefined) this.noteIsolation(unified, id);
    return order;
  }

  async createOrder(symbol, type, side, amount, price = undefined, params = {}) {
    await this.loadMarkets();
    return await this.sendOrder(() => super.createOrder(symbol, type, side, amount, price, params), symbol, params);
  }

  async createOrderWs(symbol, type, side, amount, price = undefined, params = {}) {
    await this.loadMarkets();
    return await this.sendOrder(() => super.createOrderWs(symbol, type, side, amount, price, params), symbol, params);
  }

  // What createOrders makes its requests by. ccxt's wants money instead of an amount for market buys; here it is an
  // amount in both.
  createAdvancedOrderRequest(symbol, type, side, amount, price = undefined, params = {}) {
    return this.createOrderRequest(symbol, type, side, amount, price, params);
  }

  async createOrders(orders, params = {}) {
    await this.loadMarkets();
    const isolated = orders.filter(order => this.marginModeOf(this.market(order.symbol).symbol, order.params) === ISOLATED);
    for (const symbol of new Set(isolated.map(order => order.symbol))) await this.fetchIsolation(symbol);
    return await super.createOrders(orders, params);
  }

  /** What an order would do, without doing it: fill, margin, liquidation price, most it can lose. */
  async previewOrder(symbol, type, side, amount, price = undefined, params = {}) {
    await this.loadMarkets();
    if (this.marginModeOf(this.market(symbol).symbol, params) === ISOLATED) await this.fetchIsolation(symbol);
    const request = this.createOrderRequest(symbol, type, side, amount, price, params);
    return (await this.v1PrivatePostPrivateXPreviewOrder(request)).result;
  }

  /** params.marginMode 'isolated', or setMarginMode: the isolated position, else the cross one; params.quantity: a part. */
  async closePosition(symbol, side = undefined, params = {}) {
    await this.loadMarkets();
    const { marginMode, clientOrderId, ...rest } = params;
    const unified = this.market(symbol).symbol;
    if (clientOrderId !== undefined) rest.client_oid = clientOrderId;
    if (rest.isolation_id === undefined && this.marginModeOf(unified, params) === ISOLATED) {
      rest.isolation_id = await this.isolationId(unified);
    }
    return await super.closePosition(symbol, side, rest);
  }

  // ---- Positions ---------------------------------------------------------------------------------

  parsePosition(position, market = undefined) {
    const parsed = super.parsePosition(position, market);
    const isolated = position.isolation_id !== undefined;
    const quantity = Math.abs(Number(position.quantity));
    const value = this.safeNumber(position, 'market_value');
    const number = key => (position[key] === undefined || position[key] === '' ? undefined : Number(position[key]));
    const initial = number(isolated ? 'initial_margin' : 'pos_initial_margin');
    const maintenance = number(isolated ? 'maintenance_margin' : 'pos_maintenance_margin');
    const collateral = isolated ? number('isolated_margin_balance') : undefined;
    const share = part => (part === undefined || !value ? undefined : part / Math.abs(value));
    return {
      ...parsed,
      id: isolated ? position.isolation_id : position.instrument_name,
      side: quantity === 0 ? undefined : parsed.side,
      marginMode: isolated ? ISOLATED : CROSS,
      leverage: number(isolated ? 'leverage' : 'target_leverage'),
      entryPrice: number('average_price'),
      markPrice: number('mark_price'),
      notional: value === undefined ? undefined : Math.abs(value),
      collateral,
      initialMargin: initial,
      maintenanceMargin: maintenance,
      initialMarginPercentage: share(initial),
      maintenanceMarginPercentage: share(maintenance),
      liquidationPrice: number('liquidation_price'),
      marginRatio: number('margin_ratio'),
      percentage: initial ? (100 * (parsed.unrealizedPnl ?? 0)) / initial : undefined,
    };
  }

  /** Any number of symbols; params.marginMode 'isolated' or 'cross' keeps those. */
  async fetchPositions(symbols = undefined, params = {}) {
    const { marginMode, ...rest } = params;
    const one = symbols?.length === 1 ? symbols : undefined;
    const rows = await super.fetchPositions(one, rest);
    const wanted = symbols === undefined ? undefined : new Set(this.marketSymbols(symbols));
    return rows.filter(row => (wanted === undefined || wanted.has(row.symbol)) &&
      (marginMode === undefined || row.marginMode === marginMode));
  }

  /** The cross position, or the isolated one by marginMode; undefined when there is none. */
  async fetchPosition(symbol, params = {}) {
    await this.loadMarkets();
    const marginMode = this.marginModeOf(this.market(symbol).symbol, params);
    return (await this.fetchPositions([symbol], { ...params, marginMode }))[0];
  }

  // ---- WebSocket -----------------------------------------------------------------------------------

  // ccxt gives all requests of a connection one name and sends the first of a name only.
  async watchPrivateRequest(nonce, params = {}) {
    await this.authenticate();
    const hash = nonce.toString();
    const request = this.extend({ id: nonce, nonce }, params);
    const client = this.client(this.urls.api.ws.private);
    try {
      return await this.watch(this.urls.api.ws.private, hash, request, hash);
    } finally {
      delete client.subscriptions[hash];
    }
  }

  nonce() {
    // Two requests in one millisecond must not have one name.
    this.lastNonce = Math.max(this.milliseconds(), (this.lastNonce ?? 0) + 1);
    return this.lastNonce;
  }

  /** All open positions, cross and isolated, whenever one changes; one that was closed comes once more with contracts 0. */
  async watchPositions(symbols = undefined, since = undefined, limit = undefined, params = {}) {
    await this.loadMarkets();
    const wanted = symbols === undefined ? undefined : new Set(this.marketSymbols(symbols));
    for (;;) {
      const rows = await this.watchPrivateSubscribe('user.positions', params);
      const chosen = rows.filter(row => wanted === undefined || wanted.has(row.symbol));
      if (wanted === undefined || chosen.length > 0) return chosen;
    }
  }

  handleSubscribe(client, message) {
    if (message.result?.channel !== 'user.positions') return super.handleSubscribe(client, message);
    const rows = message.result.data.map(row => this.parsePosition(row));
    this.positions = rows.filter(row => row.contracts > 0);
    for (const row of rows) {
      if (row.marginMode === ISOLATED) this.noteIsolation(row.symbol, row.contracts > 0 ? row.id : undefined);
    }
    client.resolve(rows, 'user.positions');
    return undefined;
  }

  async unWatchPositions() {
    throw new NotSupported(`${this.id} unWatchPositions() is not there: close the connection`);
  }
}

export default Ringfence;
