/* Market data. */
#include <string.h>

#include "api/handlers.h"
#include "api/messages.h"
#include "api/put.h"

#define NS_PER_DAY 86400000000000LL

static void put_price_or_null(rf_bytes *out, const char *key, int64_t price, unsigned decimals)
{
    if (price == 0)
        rf_put_null(out, key);
    else
        rf_put_decimal(out, key, price, decimals);
}

static void put_instrument(rf_bytes *out, const rf_instrument_view *view)
{
    const rf_instrument_config *config = &view->config;
    bool tradable = view->state == RF_STATE_OPEN || view->state == RF_STATE_POST_ONLY ||
                    view->state == RF_STATE_REDUCE_ONLY;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "symbol", config->name);
    rf_put_text(out, "inst_type", "PERPETUAL_SWAP");
    rf_put_text(out, "display_name", config->name);
    rf_put_text(out, "base_ccy", config->base);
    rf_put_text(out, "quote_ccy", "USD");
    rf_put_int(out, "quote_decimals", config->price_decimals);
    rf_put_int(out, "quantity_decimals", config->qty_decimals);
    rf_put_decimal(out, "price_tick_size", config->price_tick, config->price_decimals);
    rf_put_decimal(out, "qty_tick_size", config->qty_tick, config->qty_decimals);
    rf_put_id(out, "max_leverage", config->max_leverage);
    rf_put_bool(out, "tradable", tradable);
    rf_put_int(out, "expiry_timestamp_ms", 0);
    rf_put_text(out, "underlying_symbol", config->index_name);
    rf_put_text(out, "contract_size", "1");
    rf_put_bool(out, "margin_buy_enabled", false);
    rf_put_bool(out, "margin_sell_enabled", false);
    rf_put_bool(out, "beta_product", false);
    rf_put_text(out, "product_type", "DIGITAL_CURRENCIES");
    rf_put_text(out, "state", rf_instrument_state_name(view->state));
    rf_put_close(out, '}');
}

rf_error rf_handle_get_instruments(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++) {
        rf_instrument_view view;
        if (rf_view_instrument(call->engine, i, &view))
            put_instrument(call->out, &view);
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Book ------------------------------------------------------------------------------------ */

static void put_side(rf_call *call, const char *key, int instrument, rf_side side,
                     const rf_instrument_config *config, size_t depth)
{
    rf_level *levels = call->api->rows.levels;
    size_t count = rf_view_book(call->engine, (uint32_t)instrument, side, levels, depth);
    rf_encode_levels(call->out, key, levels, count < depth ? count : depth, config);
}

rf_error rf_handle_get_book(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    int64_t depth = rf_arg_int(args, RF_P_BOOK_depth, 50, 1, 200);
    int instrument = rf_decode_instrument(call, args, RF_P_BOOK_instrument_name, &view);
    if (args->problem)
        return args->problem;
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name", view.config.name);
    rf_put_int(call->out, "depth", depth);
    rf_put_open(call->out, "data", '[');
    rf_put_open(call->out, NULL, '{');
    put_side(call, "bids", instrument, RF_BUY, &view.config, (size_t)depth);
    put_side(call, "asks", instrument, RF_SELL, &view.config, (size_t)depth);
    rf_put_ms(call->out, "t", call->time_ns);
    if (call->api->market)
        rf_put_int(call->out, "u",
                   (int64_t)rf_market_book_stamp(call->api->market, (uint32_t)instrument).update);
    rf_put_close(call->out, '}');
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Ticker, trades, candles ----------------------------------------------------------------- */

static void put_ticker_quotes(rf_bytes *out, rf_call *call, const rf_instrument_view *view)
{
    const rf_instrument_config *config = &view->config;
    rf_level bid = {0}, ask = {0};
    rf_view_book(call->engine, view->instrument, RF_BUY, &bid, 1);
    rf_view_book(call->engine, view->instrument, RF_SELL, &ask, 1);
    put_price_or_null(out, "b", bid.price, config->price_decimals);
    rf_put_decimal(out, "bs", bid.qty, config->qty_decimals);
    put_price_or_null(out, "k", ask.price, config->price_decimals);
    rf_put_decimal(out, "ks", ask.qty, config->qty_decimals);
}

void rf_encode_ticker(rf_call *call, rf_bytes *out, const rf_instrument_view *view)
{
    const rf_instrument_config *config = &view->config;
    rf_ticker ticker;
    rf_market_ticker(call->api->market, view->instrument, call->time_ns, &ticker);
    rf_put_open(out, NULL, '{');
    put_price_or_null(out, "h", ticker.high, config->price_decimals);
    put_price_or_null(out, "l", ticker.low, config->price_decimals);
    put_price_or_null(out, "a", ticker.last, config->price_decimals);
    if (ticker.traded)
        rf_put_money(out, "c", (rf_wide)(ticker.last - ticker.first) * RF_E8 / ticker.first);
    else
        rf_put_null(out, "c");
    put_ticker_quotes(out, call, view);
    rf_put_text(out, "i", config->name);
    rf_put_decimal(out, "v", ticker.volume, config->qty_decimals);
    rf_put_money(out, "vv", ticker.value);
    rf_put_decimal(out, "oi", view->open_interest, config->qty_decimals);
    rf_put_ms(out, "t", call->time_ns);
    rf_put_close(out, '}');
}

rf_error rf_handle_get_tickers(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    int only = rf_decode_instrument(call, args, RF_P_TICKERS_instrument_name, &view);
    if (args->problem)
        return args->problem;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++)
        if ((only < 0 || i == (uint32_t)only) && rf_view_instrument(call->engine, i, &view))
            rf_encode_ticker(call, call->out, &view);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* A range of time: [start, end), default [end - span, now]. 40005 when it ends before it starts. */
static void decode_range(rf_call *call, unsigned start, unsigned end, int64_t span, int64_t *from,
                         int64_t *until)
{
    *until = rf_arg_time_ns(&call->args, end, call->time_ns + 1);
    *from = rf_arg_time_ns(&call->args, start, *until > span ? *until - span : 0);
    if (*until < *from)
        rf_args_refuse(&call->args, RF_ERR_INVALID_DATE, rf_params[end].name);
}

void rf_encode_trade(rf_bytes *out, const rf_trade *trade, const rf_instrument_config *config)
{
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "d", trade->match);
    rf_put_ms(out, "t", trade->time_ns);
    rf_put_id(out, "tn", (uint64_t)trade->time_ns);
    rf_put_decimal(out, "q", trade->qty, config->qty_decimals);
    rf_put_decimal(out, "p", trade->price, config->price_decimals);
    rf_put_text(out, "s", rf_side_name(trade->side));
    rf_put_text(out, "i", config->name);
    rf_put_id(out, "m", trade->match);
    rf_put_close(out, '}');
}

rf_error rf_handle_get_trades(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    int64_t from, until;
    int64_t max = rf_arg_int(args, RF_P_TRADES_count, 25, 1, 150);
    decode_range(call, RF_P_TRADES_start_ts, RF_P_TRADES_end_ts, NS_PER_DAY, &from, &until);
    if (until - from > 7 * NS_PER_DAY)
        rf_args_refuse(args, RF_ERR_INVALID_DATE, "start_ts");
    int instrument = rf_decode_instrument(call, args, RF_P_TRADES_instrument_name, &view);
    if (args->problem)
        return args->problem;
    rf_trade *rows = call->api->rows.trades;
    size_t count =
        rf_market_trades(call->api->market, (uint32_t)instrument, from, until, rows, (size_t)max);
    int64_t since = rf_market_trades_since(call->api->market, (uint32_t)instrument);
    if (count < (size_t)max && from < since && rf_call_has_history(call))
        return rf_call_history(call);
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count; i++)
        rf_encode_trade(call->out, &rows[i], &view.config);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* The names of params.def in its order: the canonical ones, then the legacy ones for the same
 * lengths. */
static rf_timeframe timeframe_of(int choice)
{
    static const uint8_t legacy[] = {RF_BARS_1M,  RF_BARS_5M, RF_BARS_15M, RF_BARS_30M,
                                     RF_BARS_1H,  RF_BARS_2H, RF_BARS_4H,  RF_BARS_6H,
                                     RF_BARS_12H, RF_BARS_1D, RF_BARS_1D};
    return choice < RF_TIMEFRAMES ? (rf_timeframe)choice
                                  : (rf_timeframe)legacy[choice - RF_TIMEFRAMES];
}

const char *rf_timeframe_name(rf_timeframe timeframe)
{
    static const char *const names[RF_TIMEFRAMES] = {"1m", "5m",  "15m", "30m", "1h",  "2h", "4h",
                                                     "6h", "12h", "1D",  "7D",  "14D", "1M"};
    return names[timeframe];
}

int rf_timeframe_find(const char *name)
{
    int choice = rf_choice(rf_params[RF_P_CANDLES_timeframe].values, name);
    return choice < 0 ? -1 : (int)timeframe_of(choice);
}

void rf_encode_bar(rf_bytes *out, const rf_bar *bar, const rf_instrument_config *config)
{
    rf_put_open(out, NULL, '{');
    rf_put_decimal(out, "o", bar->open, config->price_decimals);
    rf_put_decimal(out, "h", bar->high, config->price_decimals);
    rf_put_decimal(out, "l", bar->low, config->price_decimals);
    rf_put_decimal(out, "c", bar->close, config->price_decimals);
    rf_put_decimal(out, "v", bar->volume, config->qty_decimals);
    rf_put_ms(out, "t", bar->open_ns);
    rf_put_close(out, '}');
}

rf_error rf_handle_get_candlestick(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_timeframe timeframe = timeframe_of(rf_arg_choice(args, RF_P_CANDLES_timeframe, 0));
    int64_t max = rf_arg_int(args, RF_P_CANDLES_count, 25, 1, RF_ROWS_MAX);
    int64_t until = rf_arg_time_ns(args, RF_P_CANDLES_end_ts, call->time_ns + 1);
    int64_t from = rf_arg_time_ns(args, RF_P_CANDLES_start_ts, 0);
    if (until < from)
        rf_args_refuse(args, RF_ERR_INVALID_DATE, "end_ts");
    int instrument = rf_decode_instrument(call, args, RF_P_CANDLES_instrument_name, &view);
    if (args->problem)
        return args->problem;
    rf_bar *rows = call->api->rows.bars;
    /* A bar that opens after now is not there, however far the range reaches. */
    int64_t end = until > call->time_ns + 1 ? call->time_ns + 1 : until;
    size_t count = rf_market_bars(call->api->market, (uint32_t)instrument, timeframe, from, end,
                                  rows, (size_t)max);
    int64_t since = rf_market_bars_since(call->api->market, (uint32_t)instrument, timeframe);
    if (count < (size_t)max && from < since && rf_call_has_history(call))
        return rf_call_history(call);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name", view.config.name);
    rf_put_text(call->out, "interval", rf_timeframe_name(timeframe));
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count; i++)
        rf_encode_bar(call->out, &rows[i], &view.config);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Valuations, fund ------------------------------------------------------------------------ */

static void put_samples(rf_bytes *out, const rf_sample *rows, size_t count, unsigned decimals)
{
    rf_put_open(out, "data", '[');
    for (size_t i = 0; i < count; i++) {
        rf_put_open(out, NULL, '{');
        rf_put_decimal(out, "v", rows[i].value, decimals);
        rf_put_ms(out, "t", rows[i].time_ns);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

/* An index is valued through the first instrument that follows it. */
static int find_valued(rf_call *call, const char *name, rf_instrument_view *view)
{
    int instrument = rf_find_instrument(call->engine, name);
    if (instrument >= 0)
        return rf_view_instrument(call->engine, (uint32_t)instrument, view) ? instrument : -1;
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++)
        if (rf_view_instrument(call->engine, i, view) && strcmp(view->config.index_name, name) == 0)
            return (int)i;
    return -1;
}

int rf_decode_series(rf_call *call, rf_series *series, int64_t *from, int64_t *until)
{
    static const rf_series order[] = {RF_SERIES_INDEX, RF_SERIES_MARK, RF_SERIES_FUNDING_HIST,
                                      RF_SERIES_FUNDING, RF_SERIES_ESTIMATE};
    rf_args *args = &call->args;
    rf_instrument_view view;
    *series = order[rf_arg_choice(args, RF_P_VALUATIONS_valuation_type, 0)];
    int64_t span = *series == RF_SERIES_FUNDING_HIST ? 30 * NS_PER_DAY : NS_PER_DAY;
    decode_range(call, RF_P_VALUATIONS_start_ts, RF_P_VALUATIONS_end_ts, span, from, until);
    const char *name = rf_arg_text(args, RF_P_VALUATIONS_instrument_name, "");
    int instrument = find_valued(call, name, &view);
    if (instrument < 0)
        rf_args_refuse(args, RF_ERR_INVALID_INSTRUMENT, "instrument_name");
    return instrument;
}

rf_error rf_handle_get_valuations(rf_call *call)
{
    rf_args *args = &call->args;
    const rf_market *market = call->api->market;
    rf_instrument_view view;
    rf_series series;
    int64_t from, until;
    int64_t max = rf_arg_int(args, RF_P_VALUATIONS_count, 25, 1, RF_ROWS_MAX);
    int instrument = rf_decode_series(call, &series, &from, &until);
    if (args->problem)
        return args->problem;
    rf_view_instrument(call->engine, (uint32_t)instrument, &view);
    rf_sample *rows = call->api->rows.samples;
    size_t count =
        rf_market_series(market, (uint32_t)instrument, series, from, until, rows, (size_t)max);
    if (count < (size_t)max &&
        from < rf_market_series_since(market, (uint32_t)instrument, series) &&
        rf_call_has_history(call))
        return rf_call_history(call);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name",
                rf_arg_text(args, RF_P_VALUATIONS_instrument_name, ""));
    put_samples(call->out, rows, count, series == RF_SERIES_MARK ? view.config.price_decimals : 8);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_insurance(rf_call *call)
{
    rf_args *args = &call->args;
    int64_t from, until;
    int64_t max = rf_arg_int(args, RF_P_INSURANCE_count, 25, 1, RF_ROWS_MAX);
    decode_range(call, RF_P_INSURANCE_start_ts, RF_P_INSURANCE_end_ts, NS_PER_DAY, &from, &until);
    if (args->problem)
        return args->problem;
    rf_sample *rows = call->api->rows.samples;
    size_t count = rf_market_insurance(call->api->market, from, until, rows, (size_t)max);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name", "USD");
    put_samples(call->out, rows, count, 8);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_expired(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Risk parameters ------------------------------------------------------------------------- */

static void put_limit(rf_bytes *out, const char *key, int64_t qty, unsigned decimals, bool none)
{
    if (none)
        rf_put_text(out, key, "-1");
    else
        rf_put_decimal(out, key, qty, decimals);
}

/* What the base currency counts for as collateral; one that is not listed counts for nothing. */
static void put_collateral(rf_bytes *out, const rf_engine *engine, const char *base)
{
    rf_currency_view currency = {.haircut = RF_E8, .cap = 0};
    int found = rf_find_currency(engine, base);
    if (found >= 0)
        rf_view_currency(engine, (uint32_t)found, &currency);
    rf_put_money(out, "minimum_haircut", currency.haircut);
    if (currency.cap < 0)
        rf_put_text(out, "collateral_cap_notional", "-1");
    else
        rf_put_money(out, "collateral_cap_notional", currency.cap);
}

static void put_base_currency(rf_bytes *out, const rf_engine *engine,
                              const rf_instrument_config *config)
{
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", config->base);
    rf_put_decimal(out, "unit_margin_rate", config->unit_margin_rate_e18, 18);
    rf_put_text(out, "max_product_leverage_for_spot", "1");
    rf_put_id(out, "max_product_leverage_for_perps", config->max_leverage);
    rf_put_text(out, "max_product_leverage_for_futures", "-1");
    put_collateral(out, engine, config->base);
    rf_put_text(out, "max_short_sell_limit", "0");
    put_limit(out, "order_limit", config->max_order_qty, config->qty_decimals,
              config->max_order_qty == 0);
    rf_put_text(out, "max_order_notional_usd", "-1");
    rf_put_money(out, "min_order_notional_usd", config->min_notional);
    put_limit(out, "long_pos_limit_perps", config->max_position_qty, config->qty_decimals,
              config->max_position_qty == 0);
    put_limit(out, "short_pos_limit_perps", config->max_position_qty, config->qty_decimals,
              config->max_position_qty == 0);
    rf_put_text(out, "long_pos_limit_futures", "-1");
    rf_put_text(out, "short_pos_limit_futures", "-1");
    rf_put_text(out, "daily_notional_limit", "-1");
    rf_put_close(out, '}');
}

/* A tier reaches up to the next one's floor; the last one has no end. */
static void put_tiers(rf_bytes *out, const rf_instrument_config *config)
{
    rf_put_open(out, "tiers", '[');
    for (uint32_t i = 0; i < config->tiers_count; i++) {
        const rf_tier *tier = &config->tiers[i];
        uint32_t leverage =
            tier->max_leverage < config->max_leverage ? tier->max_leverage : config->max_leverage;
        rf_put_open(out, NULL, '{');
        rf_put_money(out, "min_notional", tier->notional_floor);
        if (i + 1 < config->tiers_count)
            rf_put_money(out, "max_notional", tier[1].notional_floor);
        else
            rf_put_text(out, "max_notional", "-1");
        rf_put_money(out, "imr", rf_ratio_up(1, leverage));
        rf_put_money(out, "mmr", tier->maintenance_rate);
        rf_put_id(out, "max_leverage", leverage);
        rf_put_close(out, '}');
    }
    rf_put_close(out, ']');
}

static void put_instrument_risk(rf_bytes *out, const rf_engine *engine,
                                const rf_instrument_config *config)
{
    (void)engine;
    static const char *const modes[] = {"BOTH", "CROSS", "ISOLATED"};
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "symbol", config->name);
    rf_put_id(out, "max_leverage", config->max_leverage);
    rf_put_decimal(out, "unit_margin_rate", config->unit_margin_rate_e18, 18);
    put_tiers(out, config);
    rf_put_money(out, "maker_fee_rate", config->maker_fee_rate);
    rf_put_money(out, "taker_fee_rate", config->taker_fee_rate);
    rf_put_money(out, "liquidation_fee_rate", config->liquidation_fee_rate);
    rf_put_money(out, "funding_cap_rate", config->funding_cap_rate);
    rf_put_money(out, "price_band", config->price_band);
    rf_put_money(out, "far_price_band", config->far_price_band);
    rf_put_decimal(out, "min_order_quantity", config->min_order_qty, config->qty_decimals);
    put_limit(out, "max_order_quantity", config->max_order_qty, config->qty_decimals,
              config->max_order_qty == 0);
    put_limit(out, "max_position_quantity", config->max_position_qty, config->qty_decimals,
              config->max_position_qty == 0);
    rf_put_money(out, "min_notional", config->min_notional);
    rf_put_text(out, "margin_modes", modes[config->margin_modes % 3]);
    rf_put_text(out, "settlement",
                config->settlement == RF_SETTLEMENT_MANUAL ? "MANUAL" : "HOURLY");
    rf_put_close(out, '}');
}

static void put_each_config(rf_call *call, const char *key,
                            void (*put)(rf_bytes *out, const rf_engine *engine,
                                        const rf_instrument_config *config))
{
    rf_put_open(call->out, key, '[');
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++) {
        rf_instrument_view view;
        if (rf_view_instrument(call->engine, i, &view))
            put(call->out, call->engine, &view.config);
    }
    rf_put_close(call->out, ']');
}

rf_error rf_handle_get_risk_parameters(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "default_max_product_leverage_for_spot", "1");
    rf_put_text(call->out, "default_max_product_leverage_for_perps", "50");
    rf_put_text(call->out, "default_max_product_leverage_for_futures", "50");
    rf_put_text(call->out, "default_umr_multiplier_for_spot", "1");
    rf_put_text(call->out, "default_umr_multiplier_for_perps", "1");
    rf_put_text(call->out, "default_umr_multiplier_for_futures", "1");
    rf_put_text(call->out, "default_long_pos_limit_perps", "-1");
    rf_put_text(call->out, "default_short_pos_limit_perps", "-1");
    rf_put_text(call->out, "default_long_pos_limit_futures", "-1");
    rf_put_text(call->out, "default_short_pos_limit_futures", "-1");
    rf_put_text(call->out, "default_unit_margin_rate", "0");
    rf_put_text(call->out, "default_collateral_cap", "-1");
    rf_put_ms(call->out, "update_timestamp_ms", call->time_ns);
    put_each_config(call, "base_currency_config", put_base_currency);
    put_each_config(call, "instrument_config", put_instrument_risk);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Time ------------------------------------------------------------------------------------ */

rf_error rf_handle_get_time(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_ms(call->out, "server_ms", call->time_ns);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}
