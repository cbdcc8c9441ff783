#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "history/feeder_state.h"

#define NS_PER_MINUTE 60000000000LL

static const int64_t lengths_minutes[FEEDER_LENGTHS] = {1, 60, 1440};

/* ---- Rows ------------------------------------------------------------------------------------ */

int64_t feeder_number(rf_feeder *feeder)
{
    RF_CHECK(feeder->place < 1u << RF_ROW_PLACES);
    return rf_row_number(feeder->record, feeder->place++);
}

void feeder_add(rf_feeder *feeder, rf_table table, const void *row)
{
    rf_batch_add(&feeder->batch, table, row);
}

bool feeder_room(rf_feeder *feeder, void **list, size_t count, size_t *max, size_t size)
{
    if (count < *max)
        return true;
    size_t wanted = *max ? 2 * *max : 64;
    void *grown = realloc(*list, wanted * size);
    if (!grown) {
        feeder->out_of_memory = true;
        return false;
    }
    *list = grown;
    *max = wanted;
    return true;
}

void feeder_order_oid(const rf_feeder *feeder, const rf_event *event, char oid[RF_CLIENT_OID_SIZE])
{
    rf_order_view view;
    memset(oid, 0, RF_CLIENT_OID_SIZE);
    if (event->order_id &&
        rf_view_order(feeder->world->engine, event->account, event->order_id, NULL, &view))
        memcpy(oid, view.params.client_oid, RF_CLIENT_OID_SIZE - 1);
}

/* ---- Instruments and currencies -------------------------------------------------------------- */

static void add_instrument(rf_feeder *feeder, const rf_event *event)
{
    rf_instrument_view view;
    if (!rf_view_instrument(feeder->world->engine, event->instrument, &view))
        return;
    rf_row_instrument row = {.instrument = event->instrument,
                             .price_decimals = view.config.price_decimals,
                             .qty_decimals = view.config.qty_decimals,
                             .k = view.k};
    memcpy(row.name, view.config.name, sizeof row.name);
    feeder_add(feeder, RF_TABLE_instrument, &row);
}

/* The first three exist without an event. */
static void add_currencies(rf_feeder *feeder)
{
    rf_currency_view view;
    while (rf_view_currency(feeder->world->engine, feeder->currencies, &view)) {
        rf_row_currency row = {.currency = feeder->currencies++};
        memcpy(row.name, view.name, sizeof row.name);
        feeder_add(feeder, RF_TABLE_currency, &row);
    }
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* An order that the engine has forgotten within its own record: what the event says of it. */
static rf_order_view order_of_event(const rf_event *event)
{
    rf_order_view view = {.order_id = event->order_id,
                          .isolation_id = event->isolation_id,
                          .status = (rf_order_status)event->value,
                          .reason = (rf_error)event->code,
                          .create_time_ns = event->time_ns};
    view.params.account = event->account;
    view.params.instrument = event->instrument;
    view.params.flags = event->flags;
    view.params.side = event->side;
    view.params.type = event->type;
    view.params.price = event->price;
    view.params.qty = event->leaves;
    view.params.isolated_margin = -1;
    return view;
}

static void add_order(rf_feeder *feeder, size_t at)
{
    const rf_event *event = &feeder->events[at];
    rf_order_view view;
    if (!rf_view_order(feeder->world->engine, event->account, event->order_id, NULL, &view))
        view = order_of_event(event);
    const rf_order_params *params = &view.params;
    rf_row_orders row = {
        .number = feeder_number(feeder),
        .time_ns = event->time_ns,
        .account = event->account,
        .instrument = event->instrument,
        .order_id = (int64_t)event->order_id,
        .isolation_id = (int64_t)view.isolation_id,
        .side = params->side,
        .type = params->type,
        .time_in_force = params->time_in_force,
        .flags = params->flags,
        .status = view.status,
        .reason = view.reason,
        .price = params->price,
        .qty = params->qty,
        .filled_qty = view.filled_qty,
        .filled_value = view.filled_value,
        .fee = view.fee,
        .maker_fee_rate = view.maker_fee_rate,
        .taker_fee_rate = view.taker_fee_rate,
        .ref_price = params->ref_price,
        .ref_price_type = params->ref_price_type,
        .leverage = params->leverage,
        .isolated_margin = params->isolated_margin,
        .list_id = (int64_t)view.list_id,
        .contingency = view.contingency,
        .leg = view.leg,
        .attach_order_id = (int64_t)params->attach_order_id,
        .attach_position = params->attach_position,
        .attach_isolation_id = (int64_t)params->attach_isolation_id,
        .create_time_ns = view.create_time_ns,
    };
    memcpy(row.client_oid, params->client_oid, sizeof row.client_oid - 1);
    feeder_add(feeder, RF_TABLE_orders, &row);
}

/* ---- Trades ---------------------------------------------------------------------------------- */

static const rf_event *next_taker_fill(const rf_feeder *feeder, size_t *at)
{
    while (*at < feeder->events_count) {
        const rf_event *event = &feeder->events[(*at)++];
        if (event->kind == RF_EVENT_FILL && event->code == 1)
            return event;
    }
    return NULL;
}

static int64_t count_run(const rf_feeder *feeder, size_t at, uint64_t order_id)
{
    int64_t count = 0;
    for (const rf_event *taker = next_taker_fill(feeder, &at); taker && taker->order_id == order_id;
         taker = next_taker_fill(feeder, &at))
        count++;
    return count;
}

/* A trade's maker is told first, its taker right behind. */
static void follow_run(rf_feeder *feeder, size_t at)
{
    feeder_run *run = &feeder->run;
    size_t ahead = at;
    if (feeder->events[at].id == run->match_id)
        return;
    const rf_event *taker = next_taker_fill(feeder, &ahead);
    RF_CHECK(taker && taker->id == feeder->events[at].id);
    run->match_id = taker->id;
    run->index++;
    if (run->order_id == taker->order_id)
        return;
    run->order_id = taker->order_id;
    run->index = 0;
    run->count = count_run(feeder, at, taker->order_id);
}

static void add_trade(rf_feeder *feeder, size_t at)
{
    const rf_event *event = &feeder->events[at];
    const feeder_liquidation *liquidation =
        event->flags & RF_FLAG_LIQUIDATION
            ? feeder_liquidation_of(feeder, event->account, event->isolation_id)
            : NULL;
    follow_run(feeder, at);
    rf_row_trade row = {
        .number = feeder_number(feeder),
        .time_ns = event->time_ns,
        .account = event->account,
        .instrument = event->instrument,
        .order_id = (int64_t)event->order_id,
        .isolation_id = (int64_t)event->isolation_id,
        .match_id = (int64_t)event->id,
        .taker = event->code,
        .side = event->side,
        .price = event->price,
        .qty = event->qty,
        .fee = event->fee,
        .realized = event->realized,
        .match_count = feeder->run.count,
        .match_index = feeder->run.index,
        .liquidation = liquidation ? liquidation->number : 0,
    };
    feeder_order_oid(feeder, event, row.client_oid);
    feeder_add(feeder, RF_TABLE_trade, &row);
}

/* ---- Candles, prices ------------------------------------------------------------------------- */

static void flush_candle(rf_feeder *feeder, rf_row_candle *candle)
{
    if (candle->volume)
        feeder_add(feeder, RF_TABLE_candle, candle);
    candle->volume = 0;
}

static void add_to_candle(rf_feeder *feeder, const rf_event *event, int64_t minutes,
                          rf_row_candle *candle)
{
    int64_t open_ns = event->time_ns - event->time_ns % (minutes * NS_PER_MINUTE);
    if (candle->open_ns != open_ns)
        flush_candle(feeder, candle);
    if (candle->volume == 0)
        *candle = (rf_row_candle){.instrument = event->instrument,
                                  .minutes = minutes,
                                  .open_ns = open_ns,
                                  .open = event->price,
                                  .high = event->price,
                                  .low = event->price};
    candle->high = event->price > candle->high ? event->price : candle->high;
    candle->low = event->price < candle->low ? event->price : candle->low;
    candle->close = event->price;
    candle->volume += event->qty;
}

static void flush_valuation(rf_feeder *feeder, feeder_market *market)
{
    if (market->valuation.mark)
        feeder_add(feeder, RF_TABLE_valuation, &market->valuation);
    market->valuation.mark = 0;
}

static void flush_rate(rf_feeder *feeder, feeder_market *market)
{
    if (market->has_rate)
        feeder_add(feeder, RF_TABLE_rate, &market->rate);
    market->has_rate = false;
}

static void add_mark(rf_feeder *feeder, const rf_event *event)
{
    feeder_market *market = &feeder->markets[event->instrument];
    int64_t hour_ns = feeder_hour(event->time_ns);
    if (market->valuation.hour_ns != hour_ns)
        flush_valuation(feeder, market);
    market->valuation = (rf_row_valuation){.instrument = event->instrument,
                                           .hour_ns = hour_ns,
                                           .index_e8 = event->value,
                                           .mark = event->price};
}

static void add_rate(rf_feeder *feeder, const rf_event *event)
{
    feeder_market *market = &feeder->markets[event->instrument];
    int64_t hour_ns = feeder_hour(event->time_ns);
    if (market->rate.hour_ns != hour_ns)
        flush_rate(feeder, market);
    market->rate = (rf_row_rate){.instrument = event->instrument,
                                 .hour_ns = hour_ns,
                                 .rate = event->value,
                                 .estimate = event->amount};
    market->has_rate = true;
}

static void add_funding(rf_feeder *feeder, const rf_event *event)
{
    rf_row_funding row = {.number = feeder_number(feeder),
                          .time_ns = event->time_ns,
                          .instrument = event->instrument,
                          .rate = event->value,
                          .mark = event->price};
    feeder_add(feeder, RF_TABLE_funding, &row);
}

static void flush_markets(rf_feeder *feeder)
{
    for (uint32_t i = 0; i < feeder->world->limits.instruments_max; i++) {
        feeder_market *market = &feeder->markets[i];
        for (unsigned length = 0; length < FEEDER_LENGTHS; length++)
            flush_candle(feeder, &market->candles[length]);
        flush_valuation(feeder, market);
        flush_rate(feeder, market);
    }
}

/* ---- Balances -------------------------------------------------------------------------------- */

static void flush_cash(rf_feeder *feeder, uint32_t account)
{
    const feeder_cash *cash = &feeder->cash[account];
    rf_row_balance row = {.account = account,
                          .hour_ns = cash->hour_ns,
                          .cash = cash->cash,
                          .isolated = cash->isolated};
    feeder_add(feeder, RF_TABLE_balance, &row);
}

/* A change in a later hour closes the hour before with what stood there. */
void feeder_cash_moved(rf_feeder *feeder, const rf_event *event, uint32_t account, bool isolated,
                       int64_t amount)
{
    feeder_cash *cash = &feeder->cash[account];
    int64_t hour_ns = feeder_hour(event->time_ns);
    if (account == 0)
        return;
    if (cash->listed && cash->known && cash->hour_ns != hour_ns)
        flush_cash(feeder, account);
    if (!cash->listed)
        feeder->dirty[feeder->dirty_count++] = account;
    cash->listed = true;
    cash->hour_ns = hour_ns;
    *(isolated ? &cash->isolated : &cash->cash) += amount;
}

/* An account that is met for the first time since the start: what it has now that the command is
 * done. */
static void learn_cash(rf_feeder *feeder)
{
    for (uint32_t i = feeder->dirty_count; i-- > 0;) {
        feeder_cash *cash = &feeder->cash[feeder->dirty[i]];
        rf_account_view view;
        if (cash->known || !rf_view_account(feeder->world->engine, feeder->dirty[i], &view))
            continue;
        cash->known = true;
        cash->cash = view.cash[0];
        cash->isolated = view.isolated_cash;
    }
}

static void flush_balances(rf_feeder *feeder)
{
    for (uint32_t i = 0; i < feeder->dirty_count; i++) {
        flush_cash(feeder, feeder->dirty[i]);
        feeder->cash[feeder->dirty[i]].listed = false;
    }
    feeder->dirty_count = 0;
}

/* ---- A record -------------------------------------------------------------------------------- */

static void feed_event(rf_feeder *feeder, size_t at)
{
    const rf_event *event = &feeder->events[at];
    feeder_market *market = &feeder->markets[event->instrument];
    if (event->kind == RF_EVENT_INSTRUMENT_CREATED || event->kind == RF_EVENT_INSTRUMENT_CHANGED)
        add_instrument(feeder, event);
    if (event->kind == RF_EVENT_ORDER_CLOSED)
        add_order(feeder, at);
    if (event->kind == RF_EVENT_MARK_PRICE)
        add_mark(feeder, event);
    if (event->kind == RF_EVENT_FUNDING_RATE)
        add_rate(feeder, event);
    if (event->kind == RF_EVENT_FUNDING_SETTLED)
        add_funding(feeder, event);
    feeder_holding_event(feeder, event);
    feeder_story_event(feeder, at);
    if (event->kind == RF_EVENT_FILL) {
        add_trade(feeder, at);
        for (unsigned length = 0; length < FEEDER_LENGTHS && event->code == 1; length++)
            add_to_candle(feeder, event, lengths_minutes[length], &market->candles[length]);
    }
    feeder_money_event(feeder, event);
}

/* What the history keeps nothing of is not even kept for the moment. */
static bool is_wanted(const rf_event *event)
{
    switch ((rf_event_kind)event->kind) {
    case RF_EVENT_INSTRUMENT_CREATED:
    case RF_EVENT_INSTRUMENT_CHANGED:
    case RF_EVENT_ORDER_CLOSED:
    case RF_EVENT_FILL:
    case RF_EVENT_ISOLATION_OPENED:
    case RF_EVENT_ISOLATION_CLOSED:
    case RF_EVENT_LEVERAGE_CHANGED:
    case RF_EVENT_LEDGER:
    case RF_EVENT_MARK_PRICE:
    case RF_EVENT_FUNDING_SETTLED:
    case RF_EVENT_FUNDING_RATE:
    case RF_EVENT_POSITION_SETTLED:
    case RF_EVENT_LIQUIDATION_STARTED:
    case RF_EVENT_LIQUIDATION_RECOVERED:
    case RF_EVENT_LIQUIDATION_ENDED:
    case RF_EVENT_POSITION_MOVED:
    case RF_EVENT_WITHDRAWAL_REQUESTED:
    case RF_EVENT_WITHDRAWAL_DECIDED:
    case RF_EVENT_DEPOSITED:
        return true;
    case RF_EVENT_ORDER_PLACED:
        return (event->flags & RF_FLAG_LIQUIDATION) != 0;
    case RF_EVENT_CURRENCY_CREATED:
    case RF_EVENT_ACCOUNT_CREATED:
    case RF_EVENT_ACCOUNT_CHANGED:
    case RF_EVENT_ORDER_OPENED:
    case RF_EVENT_ORDER_ARMED:
    case RF_EVENT_ORDER_TRIGGERED:
    case RF_EVENT_ORDER_AMENDED:
    case RF_EVENT_INDEX_PRICE:
    case RF_EVENT_SESSION_SETTLED:
    case RF_EVENT_LIST_CREATED:
    case RF_EVENT_LIST_ENDED:
    case RF_EVENT_SOCIALIZED_LOSS:
    case RF_EVENT_KINDS:
        return false;
    }
    return false;
}

void rf_feeder_event(rf_feeder *feeder, const rf_event *event)
{
    if (is_wanted(event) && feeder_room(feeder, (void **)&feeder->events, feeder->events_count,
                                        &feeder->events_max, sizeof *event))
        feeder->events[feeder->events_count++] = *event;
}

void rf_feeder_applied(rf_feeder *feeder, rf_record_kind kind, uint64_t record)
{
    RF_CHECK(record > feeder->record);
    feeder->record = record;
    feeder->place = 0;
    feeder->run = (feeder_run){0};
    if (feeder->events_count || feeder->currencies == 0)
        add_currencies(feeder);
    for (size_t i = 0; i < feeder->events_count; i++)
        feed_event(feeder, i);
    if (kind == RF_RECORD_REGISTRY)
        feeder_notes_changed(feeder);
    if (feeder->events_count) {
        feeder_money_done(feeder);
        feeder_holding_done(feeder);
        feeder_story_done(feeder);
        learn_cash(feeder);
    }
    feeder->events_count = 0;
}

void rf_feeder_pass(rf_feeder *feeder)
{
    feeder->events_count = 0;
}

size_t rf_feeder_rows(const rf_feeder *feeder)
{
    return feeder->batch.count + feeder->dirty_count + feeder->changed.count;
}

void rf_feeder_take(rf_feeder *feeder, rf_batch *batch)
{
    flush_markets(feeder);
    flush_balances(feeder);
    feeder_holding_flush(feeder);
    feeder->batch.record = feeder->record;
    feeder->batch.out_of_memory |= feeder->out_of_memory;
    rf_batch given = feeder->batch;
    batch->size = batch->count = 0;
    feeder->batch = *batch; /* its memory is used again */
    *batch = given;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool take_open(void *to, const void *row)
{
    const rf_row_liquidation *liquidation = row;
    return feeder_liquidation_add(
        to, (feeder_liquidation){.account = (uint32_t)liquidation->account,
                                 .isolation_id = (uint64_t)liquidation->isolation_id,
                                 .number = liquidation->number,
                                 .instrument = liquidation->instrument});
}

rf_feeder *rf_feeder_open(rf_world *world, rf_store *store, char error[256])
{
    static const char no_memory[] = "history: out of memory";
    rf_feeder *feeder = calloc(1, sizeof *feeder);
    rf_query open = {.table = RF_TABLE_liquidation, .order = RF_C_liquidation_number};
    rf_query_where(&open, RF_C_liquidation_ended_ns, RF_EQUAL, 0);
    open.ascending = true;
    memcpy(error, no_memory, sizeof no_memory);
    if (!feeder)
        return NULL;
    feeder->world = world;
    feeder->record = store->applied;
    feeder_name_types(feeder);
    feeder->markets = calloc(world->limits.instruments_max, sizeof *feeder->markets);
    feeder->cash = calloc(world->limits.accounts_max, sizeof *feeder->cash);
    feeder->dirty = calloc(world->limits.accounts_max, sizeof *feeder->dirty);
    feeder->withdrawals = calloc(FEEDER_WITHDRAWALS, sizeof *feeder->withdrawals);
    feeder->holdings_of = calloc(world->limits.accounts_max, sizeof *feeder->holdings_of);
    feeder->views = calloc(2 * (size_t)world->limits.instruments_max, sizeof *feeder->views);
    if (feeder->markets && feeder->cash && feeder->dirty && feeder->withdrawals &&
        feeder->holdings_of && feeder->views && feeder_load_withdrawals(feeder, store, error) &&
        feeder_load_holdings(feeder, store, error) &&
        store->find(store, &open, take_open, feeder, error) && !feeder->out_of_memory)
        return feeder;
    rf_feeder_close(feeder);
    return NULL;
}

void rf_feeder_close(rf_feeder *feeder)
{
    if (!feeder)
        return;
    rf_batch_free(&feeder->batch);
    free(feeder->events);
    free(feeder->markets);
    free(feeder->cash);
    free(feeder->dirty);
    free(feeder->liquidations);
    free(feeder->withdrawals);
    free(feeder->holdings);
    free(feeder->holdings_of);
    free(feeder->changed.places);
    free(feeder->met.places);
    free(feeder->views);
    free(feeder->insurance);
    free(feeder->touched);
    free(feeder);
}
