/* Entries of the ledger as an account is told of them: rows of get-transactions (api.md 2.6) made from
 * one event. */
#include "api/handlers.h"
#include "api/messages.h"
#include "api/put.h"

/* One row: money of a currency, or a position's change when there is an instrument in it. */
typedef struct ledger_row {
    const char *type, *sub_type, *thing;
    const char *about; /* the instrument whose position the money belongs to, if it does */
    rf_wide qty, cost, realized;
    unsigned decimals;
    uint64_t isolation_id;
    bool traded;
    char oid[RF_CLIENT_OID_SIZE + 1]; /* of what traded */
} ledger_row;

static void put_row(rf_bytes *out, uint32_t account, const rf_event *event, const ledger_row *row)
{
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", account);
    rf_put_date(out, "event_date", event->time_ns);
    rf_put_text(out, "journal_type", row->type);
    if (row->sub_type)
        rf_put_text(out, "sub_type", row->sub_type);
    rf_put_decimal(out, "transaction_qty", row->qty, row->decimals);
    rf_put_money(out, "transaction_cost", row->cost);
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_id(out, "order_id", event->order_id);
    rf_put_id(out, "trade_id", row->traded ? event->id * 2 + event->code : 0);
    rf_put_id(out, "trade_match_id", row->traded ? event->id : 0);
    rf_put_ms(out, "event_timestamp_ms", event->time_ns);
    rf_put_id(out, "event_timestamp_ns", (uint64_t)event->time_ns);
    rf_put_text(out, "client_oid", row->oid);
    rf_put_text(out, "taker_side", !row->traded ? "" : event->code ? "TAKER" : "MAKER");
    rf_put_text(out, "side", row->traded ? rf_side_name(event->side) : "");
    rf_put_text(out, "instrument_name", row->thing);
    if (row->about)
        rf_put_text(out, "position_instrument_name", row->about);
    if (row->isolation_id) {
        rf_put_id(out, "isolation_id", row->isolation_id);
        rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    }
    rf_put_close(out, '}');
}

static ledger_row money_row(const char *type, rf_wide amount, uint64_t isolation_id,
                            const char *about)
{
    return (ledger_row){.type = type,
                        .thing = "USD",
                        .about = about,
                        .qty = amount,
                        .cost = amount,
                        .decimals = 8,
                        .isolation_id = isolation_id};
}

/* A line that moved nothing is not a line. */
static void put_money_row(rf_bytes *out, uint32_t account, const rf_event *event, ledger_row row)
{
    if (row.qty != 0)
        put_row(out, account, event, &row);
}

static void put_fill(rf_bytes *out, const rf_engine *engine, const rf_event *event,
                     const rf_instrument_view *view)
{
    rf_wide qty = event->side == RF_BUY ? event->qty : -(rf_wide)event->qty;
    ledger_row trade = {.type = "TRADING",
                        .thing = view->config.name,
                        .qty = qty,
                        .cost = qty * event->price * view->k,
                        .realized = event->realized,
                        .decimals = view->config.qty_decimals,
                        .isolation_id = event->isolation_id,
                        .traded = true};
    ledger_row profit =
        money_row("REALIZED_PNL", event->realized, event->isolation_id, view->config.name);
    ledger_row fee =
        money_row("TRADE_FEE", -(rf_wide)event->fee, event->isolation_id, view->config.name);
    profit.traded = fee.traded = true;
    rf_event_oid(engine, event, trade.oid);
    rf_event_oid(engine, event, profit.oid);
    rf_event_oid(engine, event, fee.oid);
    put_row(out, event->account, event, &trade);
    put_money_row(out, event->account, event, profit);
    put_money_row(out, event->account, event, fee);
}

/* A position that left its owner without a trade of his. */
static void put_moved(rf_bytes *out, const rf_event *event, const rf_instrument_view *view)
{
    static const char *const types[] = {"TRADING", "INSURANCE_FUND", "SOCIALIZED_LOSS", "DELIST"};
    static const char *const sub_types[] = {NULL, "TAKEN_OVER", "DELEVERAGED", "SETTLEMENT_PRICE"};
    ledger_row moved = {
        .type = types[event->code & 3],
        .sub_type = sub_types[event->code & 3],
        .thing = view->config.name,
        .qty = event->qty,
        .cost =
            event->price ? (rf_wide)event->qty * event->price * view->k : -(rf_wide)event->amount,
        .realized = event->realized,
        .decimals = view->config.qty_decimals,
        .isolation_id = event->isolation_id,
    };
    ledger_row profit =
        money_row("REALIZED_PNL", event->realized, event->isolation_id, view->config.name);
    profit.sub_type = moved.sub_type;
    put_row(out, event->account, event, &moved);
    put_money_row(out, event->account, event, profit);
}

const char *rf_journal_type_name(unsigned reason)
{
    static const char *const types[] = {
        [RF_REASON_DEPOSIT] = "ONCHAIN_DEPOSIT",
        [RF_REASON_WITHDRAWAL] = "ONCHAIN_WITHDRAWAL",
        [RF_REASON_ADJUSTMENT] = "ADMIN_ADJUSTMENT",
        [RF_REASON_SUBACCOUNT] = "SUBACCOUNT_TX",
        [RF_REASON_ISOLATED_TRANSFER] = "SUBACCOUNT_TX",
        [RF_REASON_REALIZED_PNL] = "REALIZED_PNL",
        [RF_REASON_FEE] = "TRADE_FEE",
        [RF_REASON_LIQUIDATION_FEE] = "LIQUIDATION_FEE",
        [RF_REASON_INSURANCE] = "INSURANCE_FUND",
        [RF_REASON_UNCOVERED_LOSS] = "UNCOVERED_LOSS",
        [RF_REASON_FUNDING] = "FUNDING",
        [RF_REASON_SESSION_SETTLE] = "SESSION_SETTLE",
        [RF_REASON_SOCIALIZED_LOSS] = "SOCIALIZED_LOSS",
        [RF_REASON_FUND_INSURANCE] = "INSURANCE_FUND",
    };
    return reason < sizeof types / sizeof *types ? types[reason] : NULL;
}

static bool is_user(unsigned slot)
{
    return slot == RF_SLOT_MAIN || slot == RF_SLOT_ISOLATED;
}

bool rf_ledger_is_of_position(const rf_event *event)
{
    return event->kind != RF_EVENT_LEDGER || event->isolation_id != 0 ||
           event->slot_from == RF_SLOT_CLEARING || event->slot_to == RF_SLOT_CLEARING ||
           event->slot_from == RF_SLOT_ISOLATED || event->reason == RF_REASON_FUNDING;
}

/* Between two users the receiver is the event's account, the giver its peer and value. */
static void put_side(rf_bytes *out, const rf_engine *engine, uint32_t account,
                     const rf_event *event, bool giver, const char *about)
{
    unsigned slot = giver ? event->slot_from : event->slot_to;
    bool two = is_user(event->slot_from) && is_user(event->slot_to);
    uint32_t owner = two && giver ? event->peer : event->account;
    uint64_t isolation_id = two && giver ? (uint64_t)event->value : event->isolation_id;
    rf_currency_view currency;
    if (!is_user(slot) || owner != account || !rf_view_currency(engine, event->currency, &currency))
        return;
    rf_wide amount = giver ? -(rf_wide)event->amount : event->amount;
    ledger_row row = money_row(rf_journal_type_name(event->reason), amount,
                               slot == RF_SLOT_ISOLATED ? isolation_id : 0, about);
    row.thing = currency.name;
    row.cost = event->currency == 0 ? amount : 0;
    if (event->reason == RF_REASON_ISOLATED_TRANSFER)
        row.sub_type = "ISOLATED_MARGIN_TRANSFER";
    if (event->reason == RF_REASON_WITHDRAWAL && !giver)
        row.sub_type = "WITHDRAWAL_REJECTED";
    put_money_row(out, account, event, row);
}

void rf_encode_transactions(rf_bytes *out, const rf_engine *engine, uint32_t account,
                            const rf_event *event)
{
    rf_instrument_view view;
    bool known =
        rf_ledger_is_of_position(event) && rf_view_instrument(engine, event->instrument, &view);
    const char *about = known ? view.config.name : NULL;
    if (event->kind == RF_EVENT_LEDGER) {
        put_side(out, engine, account, event, true, about);
        put_side(out, engine, account, event, false, about);
    } else if (event->kind == RF_EVENT_POSITION_SETTLED) {
        ledger_row settled =
            money_row("SESSION_SETTLE", event->realized, event->isolation_id, about);
        settled.realized = event->realized;
        put_money_row(out, account, event, settled);
    } else if (event->kind == RF_EVENT_FILL && known)
        put_fill(out, engine, event, &view);
    else if (event->kind == RF_EVENT_POSITION_MOVED && known)
        put_moved(out, event, &view);
}
