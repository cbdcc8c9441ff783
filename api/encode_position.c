/* Positions, isolations and balances as the API shows them (cli.md section 4; api.md, POSITION and
 * BALANCE). */
#include "api/handlers.h"
#include "api/messages.h"
#include "api/put.h"

static void put_price(rf_bytes *out, const char *key, int64_t price,
                      const rf_instrument_config *config)
{
    if (price == 0)
        rf_put_text(out, key, "");
    else
        rf_put_decimal(out, key, price, config->price_decimals);
}

static void put_ratio(rf_bytes *out, const char *key, rf_wide numerator, rf_wide denominator)
{
    if (denominator <= 0)
        rf_put_text(out, key, "");
    else
        rf_put_money(out, key, rf_ratio_up(numerator, denominator));
}

static rf_wide magnitude(int64_t value)
{
    return value < 0 ? -(rf_wide)value : value;
}

static void put_size(rf_bytes *out, const rf_position_view *row, const rf_instrument_config *config)
{
    rf_put_decimal(out, "quantity", row->qty, config->qty_decimals);
    rf_put_money(out, "cost", row->cost);
    rf_put_money(out, "open_pos_cost", row->cost_user);
    rf_put_money(out, "open_position_pnl", row->unrealized_user);
    rf_put_money(out, "session_pnl", row->unrealized);
}

/* What get-positions and the isolated rows of user-balance both show. */
static void put_entry(rf_bytes *out, const rf_position_view *row,
                      const rf_instrument_config *config)
{
    put_size(out, row, config);
    rf_put_money(out, "average_price",
                 rf_average_price(magnitude(row->cost_user), (int64_t)magnitude(row->qty),
                                  config->qty_decimals));
    put_price(out, "mark_price", row->mark, config);
}

static void put_margin(rf_bytes *out, const rf_position_view *row,
                       const rf_instrument_config *config)
{
    rf_put_money(out, "initial_margin", row->initial_margin);
    rf_put_money(out, "maintenance_margin", row->maintenance_margin);
    rf_put_money(out, "fee_reserve", row->fee_reserve);
    put_price(out, "liquidation_price", row->liquidation_price, config);
    put_price(out, "bankruptcy_price", row->bankruptcy_price, config);
    if (row->adl_rank)
        rf_put_id(out, "adl_rank", row->adl_rank);
    else
        rf_put_text(out, "adl_rank", "");
    rf_put_bool(out, "is_liquidating", row->is_liquidating);
}

static void put_wallet(rf_bytes *out, const rf_position_view *row)
{
    rf_put_money(out, "isolated_cash_balance", row->wallet);
    rf_put_money(out, "isolated_margin_balance", row->margin_balance);
    rf_put_money(out, "opening_loss", row->opening_loss);
    rf_put_money(out, "available_margin", row->available);
    rf_put_money(out, "max_removable_margin", row->max_removable);
    rf_put_money(out, "required_topup_for_leverage",
                 row->available < 0 ? -(rf_wide)row->available : 0);
    put_ratio(out, "margin_ratio", row->health_required, (rf_wide)row->wallet + row->unrealized);
    rf_put_money(out, "max_loss", row->max_loss);
    rf_put_money(out, "position_limit", (rf_wide)row->margin_balance * row->leverage);
    rf_put_money(out, "used_position_limit", (rf_wide)row->initial_margin * row->leverage);
    rf_put_money(out, "total_session_realized_pnl", row->session_realized);
}

static void put_isolation_key(rf_bytes *out, const rf_position_view *row)
{
    rf_put_id(out, "isolation_id", row->isolation_id);
    rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
}

void rf_encode_position(rf_bytes *out, const char *key, const rf_engine *engine,
                        const rf_position_view *row)
{
    rf_instrument_view instrument;
    if (!rf_view_instrument(engine, row->instrument, &instrument))
        return;
    const rf_instrument_config *config = &instrument.config;
    rf_put_open(out, key, '{');
    rf_put_account(out, "account_id", row->account);
    rf_put_text(out, "instrument_name", config->name);
    rf_put_text(out, "type", "PERPETUAL_SWAP");
    put_entry(out, row, config);
    rf_put_ms(out, "update_timestamp_ms", row->update_time_ns);
    if (row->isolated)
        put_isolation_key(out, row);
    rf_put_money(out, "session_unrealized_pnl", row->unrealized);
    rf_put_money(out, "pos_initial_margin", row->position_im);
    rf_put_money(out, "pos_maintenance_margin", row->position_mm);
    rf_put_money(out, "market_value", row->qty < 0 ? -(rf_wide)row->value : row->value);
    rf_put_id(out, "target_leverage", row->leverage);
    rf_put_id(out, "leverage", row->leverage);
    if (row->isolated) {
        put_ratio(out, "effective_leverage", row->value, row->margin_balance);
        put_wallet(out, row);
    }
    put_margin(out, row, config);
    rf_put_close(out, '}');
}

void rf_encode_position_core(rf_bytes *out, const char *key, const rf_engine *engine,
                             const rf_position_view *row)
{
    rf_instrument_view instrument;
    if (!rf_view_instrument(engine, row->instrument, &instrument))
        return;
    rf_put_open(out, key, '{');
    rf_put_account(out, "account_id", row->account);
    rf_put_text(out, "instrument_name", instrument.config.name);
    rf_put_text(out, "type", "PERPETUAL_SWAP");
    put_size(out, row, &instrument.config);
    rf_put_ms(out, "update_timestamp_ms", row->update_time_ns);
    if (row->isolated)
        put_isolation_key(out, row);
    rf_put_close(out, '}');
}

static void put_cash_row(rf_bytes *out, const char *name, int64_t quantity, rf_wide value,
                         int64_t haircut, rf_wide collateral, int64_t withdrawable)
{
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", name);
    rf_put_money(out, "quantity", quantity);
    rf_put_money(out, "market_value", value);
    rf_put_bool(out, "collateral_eligible", true);
    rf_put_money(out, "haircut", haircut);
    rf_put_money(out, "collateral_amount", collateral);
    rf_put_money(out, "max_withdrawal_balance", withdrawable);
    rf_put_money(out, "reserved_qty", quantity > withdrawable ? quantity - withdrawable : 0);
    rf_put_close(out, '}');
}

/* list: what the key of the wallet's rows is; positions: the position follows as a row of its own. */
static void put_isolated_balance(rf_bytes *out, const rf_engine *engine,
                                 const rf_position_view *row, const char *list, bool positions)
{
    rf_instrument_view instrument;
    if (!rf_view_instrument(engine, row->instrument, &instrument))
        return;
    const rf_instrument_config *config = &instrument.config;
    rf_put_open(out, NULL, '{');
    put_isolation_key(out, row);
    rf_put_id(out, "leverage", row->leverage);
    rf_put_text(out, "instrument_name", config->name);
    put_entry(out, row, config);
    put_wallet(out, row);
    put_margin(out, row, config);
    rf_put_money(out, "total_available_balance", row->available > 0 ? row->available : 0);
    rf_put_money(out, "total_margin_balance", row->margin_balance);
    rf_put_money(out, "total_initial_margin", row->initial_margin);
    rf_put_money(out, "total_position_im", row->position_im);
    rf_put_money(out, "total_haircut", 0);
    rf_put_money(out, "total_maintenance_margin", row->maintenance_margin);
    rf_put_money(out, "total_position_cost", row->value);
    rf_put_money(out, "total_cash_balance", row->wallet);
    rf_put_money(out, "total_collateral_value", row->wallet);
    rf_put_money(out, "total_session_unrealized_pnl", row->unrealized);
    put_ratio(out, "total_effective_leverage", row->value, row->margin_balance);
    rf_put_money(out, "max_withdrawal_balance", row->max_removable);
    rf_put_open(out, list, '[');
    put_cash_row(out, "USD", row->wallet, row->wallet, 0, row->wallet, row->max_removable);
    rf_put_close(out, ']');
    if (positions) {
        rf_put_open(out, "positions", '[');
        if (row->qty != 0)
            rf_encode_position(out, NULL, engine, row);
        rf_put_close(out, ']');
    }
    rf_put_close(out, '}');
}

/* One row for USD, whatever members of the bundle came in, and one for each collateral that is
 * there. */
static void put_cash(rf_bytes *out, const char *key, const rf_engine *engine, uint32_t account,
                     const rf_account_view *view)
{
    rf_put_open(out, key, '[');
    put_cash_row(out, "USD", view->cash[0], view->cash[0], 0, view->cash[0],
                 rf_withdrawable(engine, account, 0));
    for (uint32_t i = 1; i < rf_currencies_count(engine); i++) {
        rf_currency_view currency;
        if (view->cash[i] == 0 || !rf_view_currency(engine, i, &currency))
            continue;
        rf_wide value = (rf_wide)view->cash[i] * currency.index_e8 / RF_E8;
        rf_wide counted = currency.cap >= 0 && value > currency.cap ? currency.cap : value;
        put_cash_row(out, currency.name, view->cash[i], value, currency.haircut,
                     counted * (RF_E8 - currency.haircut) / RF_E8,
                     rf_withdrawable(engine, account, i));
    }
    rf_put_close(out, ']');
}

static void put_totals(rf_bytes *out, const rf_account_view *view)
{
    rf_put_money(out, "total_available_balance", view->available);
    rf_put_money(out, "total_margin_balance", view->margin_balance);
    rf_put_money(out, "total_initial_margin", view->initial_margin);
    rf_put_money(out, "total_position_im", view->position_im);
    rf_put_money(out, "total_haircut", view->haircut);
    rf_put_money(out, "total_maintenance_margin", view->maintenance_margin);
    rf_put_money(out, "total_position_cost", view->position_value);
    rf_put_money(out, "total_cash_balance", view->cash[0]);
    rf_put_money(out, "total_collateral_value", view->collateral);
    rf_put_money(out, "total_session_unrealized_pnl", view->unrealized);
    rf_put_money(out, "total_session_realized_pnl", view->session_realized);
    rf_put_bool(out, "is_liquidating", view->is_liquidating);
    put_ratio(out, "total_effective_leverage", view->position_value, view->margin_balance);
    rf_put_money(out, "position_limit", (rf_wide)view->margin_balance * view->leverage);
    rf_put_money(out, "used_position_limit", (rf_wide)view->position_value + view->order_value);
    rf_put_money(out, "total_isolated_cash_balance", view->isolated_cash);
}

static void put_isolated_balances(rf_bytes *out, rf_api *api, uint32_t account, const char *list,
                                  bool positions)
{
    rf_put_open(out, "isolated_positions", '[');
    size_t count = rf_view_positions(api->engine, account, api->positions, api->positions_max);
    for (size_t i = 0; i < count && i < api->positions_max; i++)
        if (api->positions[i].isolated)
            put_isolated_balance(out, api->engine, &api->positions[i], list, positions);
    rf_put_close(out, ']');
}

void rf_encode_balance(rf_bytes *out, const char *key, rf_api *api, uint32_t account,
                       const char *uuid_key)
{
    rf_account_view view;
    if (!rf_view_account(api->engine, account, &view))
        return;
    rf_put_open(out, key, '{');
    if (uuid_key)
        rf_put_account(out, uuid_key, account);
    rf_put_text(out, "instrument_name", "USD");
    put_totals(out, &view);
    put_cash(out, "position_balances", api->engine, account, &view);
    put_isolated_balances(out, api, account, "position_balances", false);
    rf_put_close(out, '}');
}

void rf_encode_account_risk(rf_bytes *out, rf_api *api, uint32_t account)
{
    rf_account_view view;
    if (!rf_view_account(api->engine, account, &view))
        return;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", "USD");
    put_totals(out, &view);
    rf_put_money(out, "total_borrow", 0);
    put_ratio(out, "margin_score", (rf_wide)view.maintenance_margin + view.fee_reserve,
              (rf_wide)view.margin_balance + view.fee_reserve);
    put_cash(out, "balances", api->engine, account, &view);
    rf_put_open(out, "positions", '[');
    size_t count = rf_view_positions(api->engine, account, api->positions, api->positions_max);
    for (size_t i = 0; i < count && i < api->positions_max; i++)
        if (!api->positions[i].isolated && api->positions[i].qty != 0)
            rf_encode_position(out, NULL, api->engine, &api->positions[i]);
    rf_put_close(out, ']');
    put_isolated_balances(out, api, account, "balances", true);
    rf_put_close(out, '}');
}

void rf_encode_isolation_answer(rf_call *call, uint64_t isolation_id)
{
    rf_position_view row;
    rf_account_view account;
    rf_instrument_view instrument;
    rf_bytes *out = call->out;
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "isolation_id", isolation_id);
    if (rf_view_isolation(call->engine, isolation_id, &row) &&
        rf_view_instrument(call->engine, row.instrument, &instrument)) {
        rf_put_money(out, "isolated_cash_balance", row.wallet);
        rf_put_money(out, "isolated_margin_balance", row.margin_balance);
        rf_put_id(out, "leverage", row.leverage);
        put_price(out, "liquidation_price", row.liquidation_price, &instrument.config);
        rf_put_money(out, "max_removable_margin", row.max_removable);
    }
    if (rf_view_account(call->engine, call->account, &account)) {
        rf_put_money(out, "total_available_balance", account.available);
        rf_put_money(out, "main_available_balance", account.available);
    }
    rf_put_id(out, "journal_id", (uint64_t)call->journal_id);
    rf_put_close(out, '}');
}
