/* Orders as the API shows them (api.md, ORDER), and the answer to placing one. */
#include <string.h>

#include "api/handlers.h"
#include "api/put.h"

#define NS_PER_DAY 86400000000000LL

static void put_exec_inst(rf_bytes *out, unsigned flags)
{
    rf_put_open(out, "exec_inst", '[');
    if (flags & RF_FLAG_POST_ONLY)
        rf_put_text(out, NULL, "POST_ONLY");
    if (flags & RF_FLAG_SMART_POST_ONLY)
        rf_put_text(out, NULL, "SMART_POST_ONLY");
    if (flags & RF_FLAG_REDUCE_ONLY)
        rf_put_text(out, NULL, "REDUCE_ONLY");
    if (flags & RF_FLAG_LIQUIDATION)
        rf_put_text(out, NULL, "LIQUIDATION");
    if (flags & RF_FLAG_ISOLATED)
        rf_put_text(out, NULL, "ISOLATED_MARGIN");
    rf_put_close(out, ']');
}

static void put_two_digits(rf_bytes *out, int64_t value)
{
    rf_bytes_char(out, (char)('0' + value / 10));
    rf_bytes_char(out, (char)('0' + value % 10));
}

/* "2021-02-17", from days since 1970: years counted from March put the leap day last. */
void rf_put_date(rf_bytes *out, const char *key, int64_t time_ns)
{
    int64_t z = time_ns / NS_PER_DAY + 719468;
    int64_t era = z / 146097, day_of_era = z % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * m + 2) / 5 + 1, month = m < 10 ? m + 3 : m - 9;
    char text[24];
    rf_bytes date;
    rf_bytes_init(&date, text, sizeof text - 1, NULL);
    rf_bytes_int(&date, year_of_era + era * 400 + (month <= 2));
    rf_bytes_char(&date, '-');
    put_two_digits(&date, month);
    rf_bytes_char(&date, '-');
    put_two_digits(&date, day);
    text[date.size] = 0;
    rf_put_text(out, key, text);
}

static void put_oid(rf_bytes *out, const char *key, const char oid[RF_CLIENT_OID_SIZE])
{
    char text[RF_CLIENT_OID_SIZE + 1];
    memcpy(text, oid, RF_CLIENT_OID_SIZE);
    text[RF_CLIENT_OID_SIZE] = 0;
    rf_put_text(out, key, text);
}

static void put_amounts(rf_bytes *out, const rf_order_view *order,
                        const rf_instrument_view *instrument)
{
    const rf_instrument_config *config = &instrument->config;
    const rf_order_params *params = &order->params;
    rf_wide value = params->price > 0 ? (rf_wide)params->qty * params->price * instrument->k
                                      : order->filled_value;
    rf_put_decimal(out, "quantity", params->qty, config->qty_decimals);
    rf_put_decimal(out, "limit_price", params->price, config->price_decimals);
    rf_put_money(out, "order_value", value);
    rf_put_money(out, "maker_fee_rate", order->maker_fee_rate);
    rf_put_money(out, "taker_fee_rate", order->taker_fee_rate);
    rf_put_money(out, "avg_price",
                 rf_average_price(order->filled_value, order->filled_qty, config->qty_decimals));
    rf_put_decimal(out, "cumulative_quantity", order->filled_qty, config->qty_decimals);
    rf_put_money(out, "cumulative_value", order->filled_value);
    rf_put_money(out, "cumulative_fee", order->fee);
}

static void put_trigger(rf_bytes *out, const rf_order_view *order,
                        const rf_instrument_config *config)
{
    static const char *const references[] = {"MARK_PRICE", "INDEX_PRICE", "LAST_PRICE"};
    if (order->params.type < RF_STOP_LOSS)
        return;
    rf_put_decimal(out, "ref_price", order->params.ref_price, config->price_decimals);
    rf_put_text(out, "ref_price_type", references[order->params.ref_price_type % 3]);
}

static void put_list(rf_bytes *out, const rf_order_view *order)
{
    static const char *const names[] = {"", "OCO", "OTO", "OTOCO"};
    if (order->list_id) {
        rf_put_id(out, "list_id", order->list_id);
        if (order->contingency != RF_LIST_NONE) /* the list may be over and forgotten */
            rf_put_text(out, "contingency_type", names[order->contingency % 4]);
        rf_put_id(out, "leg_id", order->leg);
    }
    if (order->params.attach_order_id)
        rf_put_id(out, "attach_order_id", order->params.attach_order_id);
    if (order->params.attach_position)
        rf_put_id(out, "attach_isolation_id", order->params.attach_isolation_id);
    if (order->params.leverage)
        rf_put_id(out, "leverage", order->params.leverage);
    if (order->params.isolated_margin >= 0)
        rf_put_money(out, "isolated_margin_amount", order->params.isolated_margin);
}

static void put_times(rf_bytes *out, const rf_order_view *order)
{
    rf_put_ms(out, "create_time", order->create_time_ns);
    rf_put_ms(out, "update_time", order->update_time_ns);
    rf_put_id(out, "create_time_ns", (uint64_t)order->create_time_ns);
}

static void put_order(rf_bytes *out, const rf_instrument_view *instrument,
                      const rf_order_view *order, bool advanced)
{
    static const char *const tifs[] = {"GOOD_TILL_CANCEL", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"};
    const rf_order_params *params = &order->params;
    rf_put_account(out, "account_id", params->account);
    rf_put_id(out, "order_id", order->order_id);
    put_oid(out, "client_oid", params->client_oid);
    rf_put_text(out, "order_type", rf_order_type_name(params->type));
    rf_put_text(out, "time_in_force", tifs[params->time_in_force % 3]);
    rf_put_text(out, "side", rf_side_name(params->side));
    put_exec_inst(out, params->flags);
    put_amounts(out, order, instrument);
    rf_put_text(out, "status", rf_order_status_name(order->status));
    if (order->reason)
        rf_put_int(out, "reason", (int64_t)order->reason);
    rf_put_account(out, "update_user_id", params->account);
    rf_put_date(out, "order_date", order->create_time_ns);
    rf_put_text(out, "instrument_name", instrument->config.name);
    rf_put_text(out, "fee_instrument_name", "USD");
    put_times(out, order);
    if (order->isolation_id) {
        rf_put_id(out, "isolation_id", order->isolation_id);
        rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    }
    put_trigger(out, order, &instrument->config);
    if (advanced)
        put_list(out, order);
}

void rf_encode_order_of(rf_bytes *out, const char *key, const rf_instrument_view *instrument,
                        const rf_order_view *order, bool advanced)
{
    rf_put_open(out, key, '{');
    put_order(out, instrument, order, advanced);
    rf_put_close(out, '}');
}

void rf_encode_order_update(rf_bytes *out, const rf_instrument_view *instrument,
                            const rf_order_view *order, bool advanced)
{
    rf_put_open(out, NULL, '{');
    put_order(out, instrument, order, advanced);
    rf_put_ms(out, "transaction_time", order->update_time_ns);
    rf_put_id(out, "transaction_time_ns", (uint64_t)order->update_time_ns);
    rf_put_close(out, '}');
}

void rf_encode_order(rf_bytes *out, const char *key, const rf_engine *engine,
                     const rf_order_view *order, bool advanced)
{
    rf_instrument_view instrument;
    if (rf_view_instrument(engine, order->params.instrument, &instrument))
        rf_encode_order_of(out, key, &instrument, order, advanced);
}

void rf_encode_order_answer(rf_call *call, const rf_order_params *order)
{
    const rf_result *result = &call->result;
    rf_instrument_view instrument;
    rf_bytes *out = call->out;
    put_oid(out, "client_oid", result->client_oid[0] ? result->client_oid : order->client_oid);
    rf_put_id(out, "order_id", result->order_id);
    if (result->isolation_id)
        rf_put_id(out, "isolation_id", result->isolation_id);
    rf_put_text(out, "status", rf_order_status_name(result->status));
    if (rf_view_instrument(call->engine, order->instrument, &instrument)) {
        unsigned decimals = instrument.config.qty_decimals;
        rf_put_decimal(out, "cumulative_quantity", result->filled_qty, decimals);
        rf_put_money(out, "avg_price",
                     rf_average_price(result->filled_value, result->filled_qty, decimals));
    }
    if (result->reason)
        rf_put_int(out, "reason", (int64_t)result->reason);
}
