#include "api/messages.h"

#include <string.h>

#include "api/handlers.h"
#include "api/put.h"

/* ---- Frame ----------------------------------------------------------------------------------- */

void rf_message_open(rf_bytes *out, int64_t id, const char *instrument, const char *subscription,
                     const char *channel)
{
    rf_bytes_text(out, "{\"id\":");
    rf_bytes_int(out, id);
    rf_bytes_text(out, ",\"method\":\"subscribe\",\"code\":0,\"result\":{");
    if (instrument)
        rf_put_text(out, "instrument_name", instrument);
    rf_put_text(out, "subscription", subscription);
    rf_put_text(out, "channel", channel);
}

void rf_message_data(rf_bytes *out)
{
    rf_put_open(out, "data", '[');
}

void rf_message_close(rf_bytes *out, const char *label)
{
    rf_put_close(out, ']');
    rf_put_close(out, '}');
    if (label)
        rf_put_text(out, "as", label);
    rf_put_close(out, '}');
}

/* ---- Which events concern what --------------------------------------------------------------- */

bool rf_event_tells_order(const rf_event *event)
{
    return event->order_id && event->account &&
           (event->kind == RF_EVENT_ORDER_PLACED || event->kind == RF_EVENT_ORDER_OPENED ||
            event->kind == RF_EVENT_ORDER_ARMED || event->kind == RF_EVENT_ORDER_TRIGGERED ||
            event->kind == RF_EVENT_ORDER_AMENDED || event->kind == RF_EVENT_ORDER_CLOSED ||
            event->kind == RF_EVENT_FILL);
}

bool rf_event_tells_balance(const rf_event *event)
{
    return event->account &&
           (event->kind == RF_EVENT_LEDGER || event->kind == RF_EVENT_FILL ||
            event->kind == RF_EVENT_POSITION_SETTLED || event->kind == RF_EVENT_POSITION_MOVED);
}

bool rf_event_tells_positions(const rf_event *event)
{
    bool isolated_money = event->kind == RF_EVENT_LEDGER && event->isolation_id;
    return event->account &&
           (isolated_money || event->kind == RF_EVENT_FILL ||
            event->kind == RF_EVENT_ISOLATION_OPENED || event->kind == RF_EVENT_ISOLATION_CLOSED ||
            event->kind == RF_EVENT_LEVERAGE_CHANGED || event->kind == RF_EVENT_POSITION_SETTLED ||
            event->kind == RF_EVENT_POSITION_MOVED);
}

const char *rf_event_margin_kind(const rf_event *event)
{
    if (!event->account)
        return NULL;
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        return "LIQUIDATION_START";
    if (event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        return "LIQUIDATION_RECOVERED";
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED)
        return "LIQUIDATION_END";
    if (event->kind == RF_EVENT_FILL && (event->flags & RF_FLAG_LIQUIDATION))
        return "LIQUIDATION_FILL";
    if (event->kind == RF_EVENT_POSITION_MOVED)
        return event->code == 2 ? "ADL" : "TAKEOVER";
    if (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_FUNDING)
        return "FUNDING";
    if (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_ISOLATED_TRANSFER)
        return "TOPUP";
    return NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

void rf_event_oid(const rf_engine *engine, const rf_event *event, char oid[RF_CLIENT_OID_SIZE + 1])
{
    rf_order_view order;
    memset(oid, 0, RF_CLIENT_OID_SIZE + 1);
    if (event->order_id && rf_view_order(engine, event->account, event->order_id, NULL, &order))
        memcpy(oid, order.params.client_oid, RF_CLIENT_OID_SIZE);
}

void rf_encode_user_trade(rf_bytes *out, const rf_event *fill, const rf_instrument_config *config,
                          const char *oid)
{
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", fill->account);
    rf_put_date(out, "event_date", fill->time_ns);
    rf_put_text(out, "journal_type", "TRADING");
    rf_put_decimal(out, "traded_quantity", fill->qty, config->qty_decimals);
    rf_put_decimal(out, "traded_price", fill->price, config->price_decimals);
    rf_put_money(out, "fees", -(rf_wide)fill->fee);
    rf_put_money(out, "fee_credits", 0);
    rf_put_id(out, "order_id", fill->order_id);
    rf_put_id(out, "trade_id", fill->id * 2 + fill->code);
    rf_put_id(out, "trade_match_id", fill->id);
    rf_put_text(out, "client_oid", oid);
    rf_put_text(out, "taker_side", fill->code ? "TAKER" : "MAKER");
    rf_put_text(out, "side", rf_side_name(fill->side));
    rf_put_text(out, "instrument_name", config->name);
    rf_put_text(out, "fee_instrument_name", "USD");
    rf_put_money(out, "realized_pnl", fill->realized);
    rf_put_ms(out, "create_time", fill->time_ns);
    rf_put_id(out, "create_time_ns", (uint64_t)fill->time_ns);
    rf_put_id(out, "transaction_time", (uint64_t)fill->time_ns);
    rf_put_id(out, "transact_time_ns", (uint64_t)fill->time_ns);
    if (fill->isolation_id) {
        rf_put_id(out, "isolation_id", fill->isolation_id);
        rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    }
    rf_put_close(out, '}');
}

/* Signed as the owner sees it: what it pays is below 0; margin that moves into an isolation above
 * 0. */
static int64_t margin_amount(const rf_event *event)
{
    bool pays = event->slot_from == RF_SLOT_ISOLATED ||
                (event->slot_from == RF_SLOT_MAIN && event->slot_to != RF_SLOT_ISOLATED);
    return event->kind == RF_EVENT_LEDGER && pays ? -event->amount : event->amount;
}

static void put_margin_details(rf_bytes *out, const rf_event *event,
                               const rf_instrument_config *config)
{
    if (event->kind == RF_EVENT_LEDGER)
        rf_put_money(out, "amount", margin_amount(event));
    if (event->kind == RF_EVENT_FILL) {
        rf_put_decimal(out, "price", event->price, config->price_decimals);
        rf_put_decimal(out, "quantity", event->qty, config->qty_decimals);
        rf_put_money(out, "realized_pnl", event->realized);
        rf_put_money(out, "fee", event->fee);
    }
    if (event->kind == RF_EVENT_POSITION_MOVED) {
        rf_put_decimal(out, "quantity", event->qty, config->qty_decimals);
        rf_put_money(out, "realized_pnl", event->realized);
    }
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED) {
        rf_put_money(out, "equity", event->amount);
        rf_put_money(out, "required", event->value);
        if (event->amount > 0)
            rf_put_money(out, "margin_ratio", rf_ratio_up(event->value, event->amount));
        else
            rf_put_text(out, "margin_ratio", "");
    }
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED) {
        rf_put_money(out, "to_insurance_fund", event->amount);
        rf_put_money(out, "uncovered_loss", event->realized);
    }
}

/* A cross account's liquidation is about all its instruments. */
void rf_encode_margin_event(rf_bytes *out, const rf_event *event, const char *kind,
                            const rf_instrument_config *config)
{
    bool whole_account = event->isolation_id == 0 && strncmp(kind, "LIQUIDATION", 11) == 0 &&
                         event->kind != RF_EVENT_FILL;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "kind", kind);
    if (event->isolation_id)
        rf_put_id(out, "isolation_id", event->isolation_id);
    if (!whole_account)
        rf_put_text(out, "instrument_name", config->name);
    put_margin_details(out, event, config);
    rf_put_ms(out, "t", event->time_ns);
    rf_put_close(out, '}');
}

void rf_encode_value(rf_bytes *out, int64_t value, unsigned decimals, int64_t time_ns)
{
    rf_put_open(out, NULL, '{');
    rf_put_decimal(out, "v", value, decimals);
    rf_put_ms(out, "t", time_ns);
    rf_put_close(out, '}');
}

void rf_encode_levels(rf_bytes *out, const char *key, const rf_level *levels, size_t count,
                      const rf_instrument_config *config)
{
    rf_put_open(out, key, '[');
    for (size_t i = 0; i < count; i++) {
        rf_put_open(out, NULL, '[');
        rf_put_decimal(out, NULL, levels[i].price, config->price_decimals);
        rf_put_decimal(out, NULL, levels[i].qty, config->qty_decimals);
        rf_put_id(out, NULL, levels[i].orders);
        rf_put_close(out, ']');
    }
    rf_put_close(out, ']');
}
