/* What the operator looks at: the house, exposure, liquidations, one account, invariants, digest.
 */
#include "api/handlers.h"
#include "api/put.h"

enum { INVARIANTS_MAX = 32, ORDERS_SHOWN = RF_ORDER_VIEWS_MAX, NEAR_STEPS = 3 };

static void put_house(rf_bytes *out, const rf_house_view *house, uint32_t currency)
{
    rf_put_money(out, "WORLD", house->world[currency]);
    rf_put_money(out, "FEES", house->fees[currency]);
    rf_put_money(out, "INSURANCE", house->insurance[currency]);
    rf_put_money(out, "ROUNDING", house->rounding[currency]);
    rf_put_money(out, "WITHDRAWALS", house->withdrawals[currency]);
}

static bool has_money(const rf_house_view *house, uint32_t currency)
{
    return house->world[currency] || house->fees[currency] || house->insurance[currency] ||
           house->rounding[currency] || house->withdrawals[currency];
}

rf_error rf_handle_get_house_balances(rf_call *call)
{
    rf_house_view house;
    rf_bytes *out = call->out;
    rf_view_house(call->engine, &house);
    rf_put_open(out, NULL, '{');
    put_house(out, &house, 0);
    rf_put_open(out, "CLEARING", '{');
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++) {
        rf_instrument_view view;
        if (rf_view_instrument(call->engine, i, &view))
            rf_put_money(out, view.config.name, rf_view_clearing(call->engine, i));
    }
    rf_put_close(out, '}');
    rf_put_money(out, "fund_equity", house.fund_equity);
    rf_put_open(out, "currencies", '{');
    for (uint32_t i = 1; i < rf_currencies_count(call->engine); i++) {
        rf_currency_view view;
        if (!has_money(&house, i) || !rf_view_currency(call->engine, i, &view))
            continue;
        rf_put_open(out, view.name, '{');
        put_house(out, &house, i);
        rf_put_close(out, '}');
    }
    rf_put_close(out, '}');
    rf_put_close(out, '}');
    return RF_ERR_OK;
}

/* ---- Exposure -------------------------------------------------------------------------------- */

typedef struct exposure {
    int64_t longs, shorts, cross_longs, cross_shorts; /* quantities */
    int64_t fund;                                     /* taken over by the insurance fund, signed */
    uint32_t positions, isolations, liquidating;
    rf_wide value;
    rf_wide
        near[NEAR_STEPS]; /* value of isolations whose liquidation price is this near the mark */
} exposure;

static const int64_t near_percent[NEAR_STEPS] = {1, 2, 5};

/* A cross position has no liquidation price of its own and is not counted. */
static void add_near(exposure *sum, const rf_position_view *row)
{
    if (!row->isolated || row->liquidation_price == 0)
        return;
    rf_wide away = (rf_wide)row->mark - row->liquidation_price;
    away = away < 0 ? -away : away;
    for (int i = 0; i < NEAR_STEPS; i++)
        if (100 * away <= (rf_wide)near_percent[i] * row->mark)
            sum->near[i] += row->value;
}

static void add_exposure(exposure *sum, const rf_position_view *row)
{
    if (row->qty == 0)
        return;
    int64_t *side = row->qty > 0 ? &sum->longs : &sum->shorts;
    int64_t *cross = row->qty > 0 ? &sum->cross_longs : &sum->cross_shorts;
    int64_t qty = row->qty > 0 ? row->qty : -row->qty;
    *side += qty;
    if (!row->isolated)
        *cross += qty;
    if (row->account == 0)
        sum->fund += row->qty;
    sum->positions++;
    sum->isolations += row->isolated;
    sum->liquidating += row->is_liquidating;
    sum->value += row->value;
    add_near(sum, row);
}

static void put_exposure(rf_call *call, uint32_t instrument, const rf_instrument_view *view)
{
    exposure sum = {0};
    rf_position_view row;
    rf_bytes *out = call->out;
    unsigned decimals = view->config.qty_decimals;
    for (uint64_t cursor = rf_next_position(call->engine, instrument, 0, &row); cursor;
         cursor = rf_next_position(call->engine, instrument, cursor, &row))
        add_exposure(&sum, &row);
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", view->config.name);
    rf_put_text(out, "state", rf_instrument_state_name(view->state));
    rf_put_decimal(out, "mark_price", view->mark, view->config.price_decimals);
    rf_put_bool(out, "mark_stale", view->mark_stale);
    rf_put_bool(out, "mark_pinned", view->mark_pinned);
    rf_put_int(out, "mark_stale_ms", view->config.mark_stale_ns / 1000000);
    rf_put_money(out, "index_price", view->index_e8);
    rf_put_decimal(out, "open_interest", view->open_interest, decimals);
    rf_put_decimal(out, "long_quantity", sum.longs, decimals);
    rf_put_decimal(out, "short_quantity", sum.shorts, decimals);
    rf_put_decimal(out, "cross_long_quantity", sum.cross_longs, decimals);
    rf_put_decimal(out, "cross_short_quantity", sum.cross_shorts, decimals);
    rf_put_decimal(out, "fund_quantity", sum.fund, decimals);
    if (view->config.fund_position_cap < 0)
        rf_put_null(out, "fund_position_cap");
    else
        rf_put_decimal(out, "fund_position_cap", view->config.fund_position_cap, decimals);
    rf_put_int(out, "positions", sum.positions);
    rf_put_int(out, "isolations", sum.isolations);
    rf_put_int(out, "liquidating", sum.liquidating);
    rf_put_money(out, "position_value", sum.value);
    rf_put_money(out, "within_1_percent", sum.near[0]);
    rf_put_money(out, "within_2_percent", sum.near[1]);
    rf_put_money(out, "within_5_percent", sum.near[2]);
    rf_put_money(out, "funding_rate", view->funding_rate);
    rf_put_money(out, "estimated_funding_rate", view->estimated_rate);
    rf_put_close(out, '}');
}

rf_error rf_handle_get_exposure(rf_call *call)
{
    rf_instrument_view view;
    int only = rf_decode_instrument(call, &call->args, RF_P_EXPOSURE_instrument_name, &view);
    if (call->args.problem)
        return call->args.problem;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++)
        if ((only < 0 || i == (uint32_t)only) && rf_view_instrument(call->engine, i, &view))
            put_exposure(call, i, &view);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Liquidations ---------------------------------------------------------------------------- */

static void put_liquidation(rf_call *call, const rf_liquidation *row)
{
    rf_instrument_view view;
    rf_account_view account;
    rf_bytes *out = call->out;
    bool isolated = row->isolation_id != 0;
    if (!rf_view_account(call->engine, row->account, &account))
        return;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "account", account.label);
    rf_put_account(out, "account_id", row->account);
    rf_put_text(out, "kind", isolated ? "ISOLATED" : "CROSS");
    rf_put_ms(out, "start_time", row->started_ns);
    rf_put_text(out, "status",
                row->ended_ns == 0 ? "RUNNING"
                : row->recovered   ? "RECOVERED"
                                   : "DONE");
    if (isolated && rf_view_instrument(call->engine, row->instrument, &view)) {
        unsigned decimals = view.config.qty_decimals;
        rf_put_id(out, "isolation_id", row->isolation_id);
        rf_put_text(out, "instrument_name", view.config.name);
        rf_put_decimal(out, "mark_price", row->mark, view.config.price_decimals);
        rf_put_decimal(out, "quantity", row->qty, decimals);
        rf_put_decimal(out, "closed_quantity", row->closed, decimals);
        rf_put_decimal(out, "taken_over_quantity", row->taken_over, decimals);
        rf_put_decimal(out, "deleveraged_quantity", row->deleveraged, decimals);
    }
    rf_put_money(out, "equity", row->equity);
    rf_put_money(out, "required", row->required);
    rf_put_money(out, "to_insurance_fund", row->to_fund);
    rf_put_money(out, "uncovered_loss", row->uncovered);
    rf_put_close(out, '}');
}

rf_error rf_handle_get_liquidations(rf_call *call)
{
    int64_t max = rf_arg_int(&call->args, RF_P_LIQUIDATIONS_count, 100, 1, RF_ROWS_MAX);
    if (call->args.problem)
        return call->args.problem;
    rf_liquidation *rows = call->api->rows.liquidations;
    size_t count = rf_market_liquidations(call->api->market, rows, (size_t)max);
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count; i++)
        put_liquidation(call, &rows[i]);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- One account ----------------------------------------------------------------------------- */

static void put_withdrawals(rf_call *call, uint32_t account)
{
    rf_withdrawal_view rows[64];
    size_t count = rf_view_withdrawals(call->engine, rows, 64);
    rf_put_open(call->out, "withdrawals", '[');
    for (size_t i = 0; i < count && i < 64; i++) {
        rf_currency_view currency;
        if (rows[i].account != account ||
            !rf_view_currency(call->engine, rows[i].currency, &currency))
            continue;
        rf_put_open(call->out, NULL, '{');
        rf_put_id(call->out, "id", rows[i].id);
        rf_put_text(call->out, "currency", currency.name);
        rf_put_money(call->out, "amount", rows[i].amount);
        rf_put_ms(call->out, "create_time", rows[i].time_ns);
        rf_put_close(call->out, '}');
    }
    rf_put_close(call->out, ']');
}

rf_error rf_handle_get_account(rf_call *call)
{
    rf_api *api = call->api;
    rf_account_view view;
    int64_t account = rf_decode_account(call, &call->args, RF_P_ACCOUNT_account);
    if (call->args.problem || !rf_view_account(call->engine, (uint32_t)account, &view))
        return call->args.problem;
    uint32_t number = (uint32_t)account;
    rf_put_open(call->out, NULL, '{');
    rf_encode_account(call->out, "account", &view);
    rf_encode_balance(call->out, "balance", api, number, NULL);
    rf_put_open(call->out, "positions", '[');
    size_t count = rf_view_positions(call->engine, number, api->positions, api->positions_max);
    for (size_t i = 0; i < count && i < api->positions_max; i++)
        if (api->positions[i].qty != 0)
            rf_encode_position(call->out, NULL, call->engine, &api->positions[i]);
    rf_put_close(call->out, ']');
    rf_put_open(call->out, "open_orders", '[');
    count = rf_view_orders(call->engine, number, -1, api->orders, ORDERS_SHOWN);
    for (size_t i = 0; i < count && i < ORDERS_SHOWN; i++)
        rf_encode_order(call->out, NULL, call->engine, &api->orders[i], true);
    rf_put_close(call->out, ']');
    put_withdrawals(call, number);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Proof ----------------------------------------------------------------------------------- */

rf_error rf_handle_check_invariants(rf_call *call)
{
    rf_invariant rows[INVARIANTS_MAX];
    size_t count = rf_engine_check(call->engine, rows, INVARIANTS_MAX);
    bool good = true;
    for (size_t i = 0; i < count && i < INVARIANTS_MAX; i++)
        good = good && rows[i].ok;
    rf_put_open(call->out, NULL, '{');
    rf_put_bool(call->out, "ok", good);
    rf_put_open(call->out, "invariants", '[');
    for (size_t i = 0; i < count && i < INVARIANTS_MAX; i++) {
        rf_put_open(call->out, NULL, '{');
        rf_put_text(call->out, "name", rows[i].name);
        rf_put_decimal(call->out, "residual", rows[i].residual, 0);
        rf_put_bool(call->out, "ok", rows[i].ok);
        rf_put_close(call->out, '}');
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_state_digest(rf_call *call)
{
    rf_digest digest = rf_engine_digest(call->engine);
    char text[40];
    rf_bytes hex;
    rf_bytes_init(&hex, text, sizeof text, NULL);
    rf_bytes_hex(&hex, digest.high, 16);
    rf_bytes_hex(&hex, digest.low, 16);
    rf_bytes_char(&hex, 0);
    rf_put_open(call->out, NULL, '{');
    rf_put_int(call->out, "seq", (int64_t)rf_engine_seq(call->engine));
    rf_put_text(call->out, "digest", text);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}
