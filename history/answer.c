/* Rows of an account's own history as the API shows them. */
#include "history/answer.h"

#include <stdlib.h>
#include <string.h>

/* ---- Names ----------------------------------------------------------------------------------- */

const rf_row_instrument *history_instrument(const history_answer *answer, int64_t instrument)
{
    static const rf_row_instrument none = {.instrument = -1};
    for (size_t i = 0; i < answer->instruments_count; i++)
        if (answer->instruments[i].instrument == instrument)
            return &answer->instruments[i];
    return &none;
}

const char *history_currency(const history_answer *answer, int64_t currency)
{
    for (size_t i = 0; i < answer->currencies_count; i++)
        if (answer->currencies[i].currency == currency)
            return answer->currencies[i].name;
    return "";
}

const char *history_sub_type_name(int64_t sub_type)
{
    static const char *const names[RF_SUB_TYPES] = {
        "",
        "ISOLATED_MARGIN_TRANSFER",
        "TAKEN_OVER",
        "DELEVERAGED",
        "SETTLEMENT_PRICE",
        "WITHDRAWAL_REJECTED",
    };
    return sub_type >= 0 && sub_type < RF_SUB_TYPES ? names[sub_type] : "";
}

const char *history_way_out_name(int64_t way_out)
{
    static const char *const names[RF_WAYS_OUT] = {"CANCELED", "CLOSED", "AUTO_DELEVERAGED",
                                                   "SETTLED", "LIQUIDATED"};
    return way_out >= 0 && way_out < RF_WAYS_OUT ? names[way_out] : "";
}

const char *history_insurance_kind_name(int64_t kind)
{
    static const char *const names[] = {
        [RF_REASON_DEPOSIT] = "DEPOSIT",
        [RF_REASON_WITHDRAWAL] = "WITHDRAWAL",
        [RF_REASON_ADJUSTMENT] = "ADJUSTMENT",
        [RF_REASON_SUBACCOUNT] = "TRANSFER",
        [RF_REASON_ISOLATED_TRANSFER] = "TRANSFER",
        [RF_REASON_REALIZED_PNL] = "REALIZED_PNL",
        [RF_REASON_FEE] = "FEE",
        [RF_REASON_LIQUIDATION_FEE] = "LIQUIDATION_FEE",
        [RF_REASON_INSURANCE] = "LIQUIDATION_REMAINDER",
        [RF_REASON_UNCOVERED_LOSS] = "UNCOVERED_LOSS",
        [RF_REASON_FUNDING] = "FUNDING",
        [RF_REASON_SESSION_SETTLE] = "SESSION_SETTLE",
        [RF_REASON_SOCIALIZED_LOSS] = "SOCIALIZED_LOSS",
        [RF_REASON_FUND_INSURANCE] = "PAID_IN",
    };
    return kind >= 0 && kind < (int64_t)(sizeof names / sizeof *names) ? names[kind] : "";
}

/* The choice of that number among "A|B|C". */
const char *history_journal_name(int64_t type, char name[RF_NAME_SIZE])
{
    const char *at = rf_params[RF_P_LEDGER_journal_type].values;
    for (; type > 0 && strchr(at, '|'); type--)
        at = strchr(at, '|') + 1;
    size_t size = strcspn(at, "|");
    size = size < RF_NAME_SIZE ? size : RF_NAME_SIZE - 1;
    memcpy(name, at, size);
    name[size] = 0;
    return name;
}

/* ---- Shared pieces --------------------------------------------------------------------------- */

static void put_isolation(rf_bytes *out, int64_t isolation_id)
{
    if (!isolation_id)
        return;
    rf_put_id(out, "isolation_id", (uint64_t)isolation_id);
    rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
}

static const char *taker_name(int64_t taker)
{
    return taker < 0 ? "" : taker ? "TAKER" : "MAKER";
}

static uint64_t trade_id(int64_t match_id, int64_t taker)
{
    return match_id ? (uint64_t)match_id * 2 + (uint64_t)taker : 0;
}

static void put_average(rf_bytes *out, const char *key, int64_t value, int64_t qty,
                        const rf_row_instrument *instrument)
{
    rf_put_money(out, key, rf_average_price(value, qty, (unsigned)instrument->qty_decimals));
}

static void put_price(rf_bytes *out, const char *key, int64_t price,
                      const rf_row_instrument *instrument)
{
    if (price)
        rf_put_decimal(out, key, price, (unsigned)instrument->price_decimals);
    else
        rf_put_text(out, key, "");
}

/* ---- Orders ---------------------------------------------------------------------------------- */

static void view_order(const rf_row_orders *row, rf_order_view *view)
{
    *view = (rf_order_view){
        .order_id = (uint64_t)row->order_id,
        .isolation_id = (uint64_t)row->isolation_id,
        .list_id = (uint64_t)row->list_id,
        .contingency = (rf_contingency)row->contingency,
        .leg = (uint32_t)row->leg,
        .status = (rf_order_status)row->status,
        .reason = (rf_error)row->reason,
        .filled_qty = row->filled_qty,
        .filled_value = row->filled_value,
        .fee = row->fee,
        .maker_fee_rate = row->maker_fee_rate,
        .taker_fee_rate = row->taker_fee_rate,
        .create_time_ns = row->create_time_ns,
        .update_time_ns = row->time_ns,
    };
    rf_order_params *params = &view->params;
    params->account = (uint32_t)row->account;
    params->instrument = (uint16_t)row->instrument;
    params->flags = (uint16_t)row->flags;
    params->side = (uint8_t)row->side;
    params->type = (uint8_t)row->type;
    params->time_in_force = (uint8_t)row->time_in_force;
    params->ref_price_type = (uint8_t)row->ref_price_type;
    params->leverage = (uint32_t)row->leverage;
    params->price = row->price;
    params->qty = row->qty;
    params->ref_price = row->ref_price;
    params->isolated_margin = row->isolated_margin;
    params->attach_order_id = (uint64_t)row->attach_order_id;
    params->attach_position = (uint8_t)row->attach_position;
    params->attach_isolation_id = (uint64_t)row->attach_isolation_id;
    memcpy(params->client_oid, row->client_oid, sizeof row->client_oid);
}

static void put_order(history_answer *answer, const char *key, const rf_row_orders *row)
{
    const rf_row_instrument *named = history_instrument(answer, row->instrument);
    rf_instrument_view instrument = {.k = named->k};
    rf_order_view view;
    instrument.config.price_decimals = (uint8_t)named->price_decimals;
    instrument.config.qty_decimals = (uint8_t)named->qty_decimals;
    memcpy(instrument.config.name, named->name, sizeof named->name);
    view_order(row, &view);
    rf_encode_order_of(answer->out, key, &instrument, &view, answer->job->advanced);
}

static void encode_order(history_answer *answer, const void *row)
{
    put_order(answer, NULL, row);
}

/* The advanced method shows triggers and the orders of lists, the plain one all. */
static bool accepts_order(const history_job *job, const void *row)
{
    const rf_row_orders *order = row;
    return !job->advanced || order->type >= RF_STOP_LOSS || order->list_id != 0;
}

const history_shape history_orders = {RF_TABLE_orders, RF_C_orders_number, accepts_order,
                                      encode_order};

static bool take_order(void *to, const void *row)
{
    history_answer *answer = to;
    answer->shown++;
    put_order(answer, NULL, row);
    return false;
}

rf_error history_answer_order(history_answer *answer)
{
    if (!history_find(answer, &answer->job->query, take_order, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    return answer->shown ? RF_ERR_OK : RF_ERR_NOT_FOUND;
}

/* ---- Trades ---------------------------------------------------------------------------------- */

static void encode_trade(history_answer *answer, const void *from)
{
    const rf_row_trade *row = from;
    const rf_row_instrument *instrument = history_instrument(answer, row->instrument);
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", (uint32_t)row->account);
    rf_put_date(out, "event_date", row->time_ns);
    rf_put_text(out, "journal_type", "TRADING");
    rf_put_decimal(out, "traded_quantity", row->qty, (unsigned)instrument->qty_decimals);
    rf_put_decimal(out, "traded_price", row->price, (unsigned)instrument->price_decimals);
    rf_put_money(out, "fees", -(rf_wide)row->fee);
    rf_put_money(out, "fee_credits", 0);
    rf_put_id(out, "order_id", (uint64_t)row->order_id);
    rf_put_id(out, "trade_id", trade_id(row->match_id, row->taker));
    rf_put_id(out, "trade_match_id", (uint64_t)row->match_id);
    rf_put_text(out, "client_oid", row->client_oid);
    rf_put_text(out, "taker_side", taker_name(row->taker));
    rf_put_text(out, "side", rf_side_name((unsigned)row->side));
    rf_put_text(out, "instrument_name", instrument->name);
    rf_put_text(out, "fee_instrument_name", "USD");
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_ms(out, "create_time", row->time_ns);
    rf_put_id(out, "create_time_ns", (uint64_t)row->time_ns);
    rf_put_id(out, "transaction_time", (uint64_t)row->time_ns);
    rf_put_id(out, "transact_time_ns", (uint64_t)row->time_ns);
    rf_put_id(out, "match_count", (uint64_t)row->match_count);
    if (!row->taker)
        rf_put_id(out, "match_index", (uint64_t)row->match_index);
    put_isolation(out, row->isolation_id);
    rf_put_close(out, '}');
}

const history_shape history_trades = {RF_TABLE_trade, RF_C_trade_number, NULL, encode_trade};

/* ---- Ledger ---------------------------------------------------------------------------------- */

static void encode_line(history_answer *answer, const void *from)
{
    const rf_row_ledger *row = from;
    const rf_row_instrument *instrument = history_instrument(answer, row->instrument);
    bool money = row->instrument < 0;
    char type[RF_NAME_SIZE];
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", (uint32_t)row->account);
    rf_put_date(out, "event_date", row->time_ns);
    rf_put_text(out, "journal_type", history_journal_name(row->type, type));
    if (row->sub_type)
        rf_put_text(out, "sub_type", history_sub_type_name(row->sub_type));
    rf_put_id(out, "journal_id", (uint64_t)row->number);
    rf_put_decimal(out, "transaction_qty", row->qty,
                   money ? 8 : (unsigned)instrument->qty_decimals);
    rf_put_money(out, "transaction_cost", row->cost);
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_id(out, "order_id", (uint64_t)row->order_id);
    rf_put_id(out, "trade_id", trade_id(row->match_id, row->taker));
    rf_put_id(out, "trade_match_id", (uint64_t)row->match_id);
    rf_put_ms(out, "event_timestamp_ms", row->time_ns);
    rf_put_id(out, "event_timestamp_ns", (uint64_t)row->time_ns);
    rf_put_text(out, "client_oid", row->client_oid);
    rf_put_text(out, "taker_side", taker_name(row->taker));
    rf_put_text(out, "side", row->side < 0 ? "" : rf_side_name((unsigned)row->side));
    rf_put_text(out, "instrument_name",
                money ? history_currency(answer, row->currency) : instrument->name);
    if (row->position_instrument >= 0)
        rf_put_text(out, "position_instrument_name",
                    history_instrument(answer, row->position_instrument)->name);
    put_isolation(out, row->isolation_id);
    rf_put_close(out, '}');
}

const history_shape history_ledger = {RF_TABLE_ledger, RF_C_ledger_number, NULL, encode_line};

/* ---- Closed isolations ----------------------------------------------------------------------- */

static void encode_position(history_answer *answer, const void *from)
{
    const rf_row_isolation *row = from;
    const rf_row_instrument *instrument = history_instrument(answer, row->instrument);
    bool was_long = row->first_side == 1;
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", (uint32_t)row->account);
    rf_put_id(out, "isolation_id", (uint64_t)row->isolation_id);
    rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    rf_put_text(out, "instrument_name", instrument->name);
    rf_put_text(out, "side", was_long ? "BUY" : "SELL");
    rf_put_id(out, "leverage", (uint64_t)row->leverage);
    rf_put_decimal(out, "quantity", was_long ? row->bought_qty : row->sold_qty,
                   (unsigned)instrument->qty_decimals);
    put_average(out, "entry_price", was_long ? row->bought_value : row->sold_value,
                was_long ? row->bought_qty : row->sold_qty, instrument);
    put_average(out, "exit_price", was_long ? row->sold_value : row->bought_value,
                was_long ? row->sold_qty : row->bought_qty, instrument);
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_money(out, "fees", -(rf_wide)row->fees);
    rf_put_money(out, "funding", row->funding);
    rf_put_money(out, "liquidation_fee", -(rf_wide)row->liquidation_fee);
    rf_put_money(out, "to_insurance_fund", -(rf_wide)row->to_fund);
    rf_put_money(out, "uncovered_loss", row->uncovered);
    rf_put_money(out, "socialized_loss", -(rf_wide)row->socialized);
    rf_put_money(out, "margin_put_in", row->put_in);
    rf_put_money(out, "margin_taken_out", row->taken_out);
    rf_put_money(out, "net_pnl", (rf_wide)row->taken_out - row->put_in);
    rf_put_text(out, "how_closed", history_way_out_name(row->way_out));
    rf_put_ms(out, "open_time", row->opened_ns);
    rf_put_ms(out, "close_time", row->time_ns);
    rf_put_close(out, '}');
}

/* An isolation whose orders never filled was no position. */
static bool accepts_position(const history_job *job, const void *row)
{
    (void)job;
    return ((const rf_row_isolation *)row)->first_side != 0;
}

const history_shape history_positions = {RF_TABLE_isolation, RF_C_isolation_number,
                                         accepts_position, encode_position};

/* The part of its sums that is known while it is open: margin in and out is told at the end. */
static void put_result(history_answer *answer, const rf_row_holding *sums, int64_t isolation_id)
{
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    put_isolation(out, isolation_id);
    rf_put_text(out, "instrument_name", history_instrument(answer, sums->instrument)->name);
    rf_put_money(out, "realized_pnl", sums->realized);
    rf_put_money(out, "fees", -(rf_wide)sums->fees);
    rf_put_money(out, "funding", sums->funding);
    rf_put_ms(out, "open_time", sums->opened_ns);
    rf_put_close(out, '}');
}

static bool isolated_result(void *to, const void *from)
{
    const rf_row_isolation *row = from;
    rf_row_holding sums = {.instrument = row->instrument,
                           .opened_ns = row->opened_ns,
                           .realized = row->realized,
                           .fees = row->fees,
                           .funding = row->funding};
    if (accepts_position(NULL, row))
        put_result(to, &sums, row->isolation_id);
    return true;
}

static bool cross_result(void *to, const void *from)
{
    put_result(to, from, 0);
    return true;
}

/* An account has few of both open: they fit one answer. */
rf_error history_answer_results(history_answer *answer)
{
    rf_query isolated = {.table = RF_TABLE_isolation, .order = RF_C_isolation_isolation_id},
             cross = {.table = RF_TABLE_holding, .order = RF_C_holding_opened};
    rf_query_where(&isolated, RF_C_isolation_account, RF_EQUAL, answer->job->account);
    rf_query_where(&isolated, RF_C_isolation_number, RF_EQUAL, 0);
    rf_query_where(&cross, RF_C_holding_account, RF_EQUAL, answer->job->account);
    rf_query_where(&cross, RF_C_holding_number, RF_EQUAL, 0);
    rf_put_open(answer->out, NULL, '{');
    rf_put_open(answer->out, "data", '[');
    if (!history_find(answer, &isolated, isolated_result, answer) ||
        !history_find(answer, &cross, cross_result, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}

/* ---- Liquidations ---------------------------------------------------------------------------- */

static bool put_liquidation_fill(void *to, const void *from)
{
    history_answer *answer = to;
    const rf_row_trade *row = from;
    const rf_row_instrument *instrument = history_instrument(answer, row->instrument);
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", instrument->name);
    rf_put_id(out, "order_id", (uint64_t)row->order_id);
    rf_put_id(out, "trade_id", trade_id(row->match_id, row->taker));
    rf_put_text(out, "side", rf_side_name((unsigned)row->side));
    rf_put_decimal(out, "price", row->price, (unsigned)instrument->price_decimals);
    rf_put_decimal(out, "quantity", row->qty, (unsigned)instrument->qty_decimals);
    rf_put_money(out, "fees", -(rf_wide)row->fee);
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_ms(out, "t", row->time_ns);
    rf_put_close(out, '}');
    return true;
}

static void put_liquidation_fills(history_answer *answer, const rf_row_liquidation *row)
{
    rf_query fills = {.table = RF_TABLE_trade, .order = RF_C_trade_number, .ascending = true};
    rf_query_where(&fills, RF_C_trade_account, RF_EQUAL, row->account);
    rf_query_where(&fills, RF_C_trade_liquidation, RF_EQUAL, row->number);
    rf_query_where(&fills, RF_C_trade_number, RF_ABOVE, row->number);
    rf_put_open(answer->out, "fills", '[');
    history_find(answer, &fills, put_liquidation_fill, answer);
    rf_put_close(answer->out, ']');
}

static void encode_liquidation(history_answer *answer, const void *from)
{
    const rf_row_liquidation *row = from;
    const rf_row_instrument *instrument = history_instrument(answer, row->instrument);
    unsigned decimals = (unsigned)instrument->qty_decimals;
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", (uint32_t)row->account);
    rf_put_id(out, "liquidation_id", (uint64_t)row->number);
    rf_put_text(out, "position_type", row->isolation_id ? "ISOLATED_MARGIN" : "CROSS_MARGIN");
    put_isolation(out, row->isolation_id);
    rf_put_text(out, "instrument_name", instrument->name);
    rf_put_text(out, "status", !row->ended_ns ? "RUNNING" : row->recovered ? "RECOVERED" : "ENDED");
    put_price(out, "mark_price", row->mark, instrument);
    rf_put_decimal(out, "quantity", row->qty, decimals);
    rf_put_money(out, "equity", row->equity);
    rf_put_money(out, "required", row->required);
    put_price(out, "bankruptcy_price", row->limit_price, instrument);
    rf_put_decimal(out, "closed_quantity", row->closed_qty, decimals);
    rf_put_money(out, "closed_value", row->closed_value);
    rf_put_decimal(out, "taken_over_quantity", row->taken_over, decimals);
    rf_put_decimal(out, "deleveraged_quantity", row->deleveraged, decimals);
    rf_put_money(out, "realized_pnl", row->realized);
    rf_put_money(out, "fees", -(rf_wide)row->fees);
    rf_put_money(out, "liquidation_fee", -(rf_wide)row->liquidation_fee);
    rf_put_money(out, "to_insurance_fund", -(rf_wide)row->to_fund);
    rf_put_money(out, "uncovered_loss", row->uncovered);
    rf_put_ms(out, "start_time", row->time_ns);
    if (row->ended_ns)
        rf_put_ms(out, "end_time", row->ended_ns);
    put_liquidation_fills(answer, row);
    rf_put_close(out, '}');
}

const history_shape history_liquidations = {RF_TABLE_liquidation, RF_C_liquidation_number, NULL,
                                            encode_liquidation};

/* ---- The insurance fund ---------------------------------------------------------------------- */

static void encode_insurance(history_answer *answer, const void *from)
{
    const rf_row_insurance *row = from;
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "event_id", (uint64_t)row->number);
    rf_put_text(out, "kind", history_insurance_kind_name(row->kind));
    if (row->instrument >= 0)
        rf_put_text(out, "instrument_name", history_instrument(answer, row->instrument)->name);
    rf_put_money(out, "amount", row->amount);
    rf_put_money(out, "balance", row->balance);
    rf_put_ms(out, "t", row->time_ns);
    rf_put_close(out, '}');
}

const history_shape history_insurance = {RF_TABLE_insurance, RF_C_insurance_number, NULL,
                                         encode_insurance};

/* ---- Pages ----------------------------------------------------------------------------------- */

int64_t history_integer(const void *row, const rf_column *column)
{
    int64_t number;
    memcpy(&number, (const char *)row + column->offset, sizeof number);
    return number;
}

bool history_row_counts(history_answer *answer, const void *row, bool *shown)
{
    const history_job *job = answer->job;
    *shown = false;
    if (job->shape->accepts && !job->shape->accepts(job, row))
        return true;
    if (answer->shown == job->limit) {
        answer->more = true;
        return false;
    }
    answer->shown++;
    answer->last = history_integer(row, &rf_columns[job->shape->number]);
    *shown = true;
    return true;
}

static bool list_row(void *to, const void *row)
{
    history_answer *answer = to;
    bool shown;
    const bool on = history_row_counts(answer, row, &shown);
    if (shown)
        answer->job->shape->encode(answer, row);
    return on;
}

rf_error history_answer_list(history_answer *answer)
{
    rf_put_open(answer->out, NULL, '{');
    rf_put_open(answer->out, "data", '[');
    if (!history_find(answer, &answer->job->query, list_row, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    if (answer->more)
        rf_put_id(answer->out, "next_cursor", (uint64_t)answer->last);
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}

/* ---- Deposits and withdrawals ---------------------------------------------------------------- */

static void encode_transfer(history_answer *answer, const void *from)
{
    const rf_row_transfer *row = from;
    rf_bytes *out = answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "id", (uint64_t)row->id);
    rf_put_text(out, "currency", history_currency(answer, row->currency));
    rf_put_money(out, "amount", row->amount);
    rf_put_money(out, "fee", 0);
    /* A client tells a withdrawal by its client_wid. */
    if (row->kind)
        rf_put_text(out, "client_wid", row->client_wid);
    /* Deposits come to the account's own address (private/get-deposit-address). */
    if (row->kind)
        rf_put_text(out, "address", row->address);
    else
        rf_put_account(out, "address", (uint32_t)row->account);
    if (row->address_tag[0])
        rf_put_text(out, "address_tag", row->address_tag);
    char status[] = {(char)('0' + row->status % 10), 0};
    rf_put_text(out, "status", status);
    rf_put_text(out, "txid", row->txid);
    if (row->network[0])
        rf_put_text(out, "network_id", row->network);
    else
        rf_put_text(out, "network_id", history_currency(answer, row->currency));
    rf_put_ms(out, "create_time", row->time_ns);
    rf_put_ms(out, "update_time", row->update_time_ns);
    rf_put_close(out, '}');
}

const history_shape history_deposits = {RF_TABLE_transfer, RF_C_transfer_number, NULL,
                                        encode_transfer};
const history_shape history_withdrawals = {RF_TABLE_transfer, RF_C_transfer_number, NULL,
                                           encode_transfer};

rf_error history_answer_transfers(history_answer *answer)
{
    bool withdrawals = answer->job->shape == &history_withdrawals;
    rf_put_open(answer->out, NULL, '{');
    rf_put_open(answer->out, withdrawals ? "withdrawal_list" : "deposit_list", '[');
    if (!history_find(answer, &answer->job->query, list_row, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}

/* ---- Balances by hour ------------------------------------------------------------------------ */

/* Backwards over the ends of the hours (days): what stood there is in the newest row of an earlier
 * hour. */
typedef struct balance_walk {
    history_answer *answer;
    int64_t next; /* the end that is to be shown next */
} balance_walk;

static bool show_balance(void *to, const void *from)
{
    balance_walk *walk = to;
    history_answer *answer = walk->answer;
    const rf_row_balance *row = from;
    while (answer->shown < answer->job->limit && walk->next > row->hour_ns) {
        rf_put_open(answer->out, NULL, '{');
        rf_put_ms(answer->out, "t", walk->next);
        rf_put_money(answer->out, "c", row->cash);
        rf_put_money(answer->out, "i", row->isolated);
        rf_put_close(answer->out, '}');
        answer->shown++;
        walk->next -= answer->job->step_ns;
    }
    return answer->shown < answer->job->limit;
}

rf_error history_answer_balances(history_answer *answer)
{
    balance_walk walk = {answer, answer->job->until};
    rf_put_open(answer->out, NULL, '{');
    rf_put_text(answer->out, "instrument_name", "USD");
    rf_put_open(answer->out, "data", '[');
    if (!history_find(answer, &answer->job->query, show_balance, &walk))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}
