/* Reading a snapshot into an empty engine.
 *
 * Blocks are checked before their fields are looked at (snapshot.c), so damage ends in a sentence early. What is
 * read is checked all the same, once and where it stands: every count against a capacity, every reference against
 * what is there, every amount against the bounds that admission keeps, every order of things against the one that
 * is written; and sums run along, for what must add up (I1 to I3). Derived parts are rebuilt with the functions
 * that keep them in life, so they are right by construction. A stream that passes is therefore the one that the
 * loaded state would write, and no second pass over the state says more (docs/decisions/0018-what-loading-checks.md;
 * rf_sim --forge and the snapshot's fuzz target try to prove it wrong). */
#include "engine/snapshot.h"

#include "engine/account.h"
#include "engine/book.h"
#include "engine/instrument.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"
#include "engine/watch.h"

typedef struct loader {
    rf_engine *engine;
    rf_stream *stream;
    rf_engine *counters; /* as read; the engine's own run while records are made */
    uint32_t lists_count;
    uint32_t orders_count; /* orders read so far: the places that later sections name */
    uint32_t unplaced;     /* resting and armed orders that no queue has named yet */
    uint32_t attached;     /* the last order with an attachment */
    rf_wide
        money[RF_CURRENCIES_MAX]; /* all slots of a currency that were read: nothing, in the end */
    /* Of the instrument at hand: the youngest position so far, and sums over them. */
    uint64_t age;
    rf_wide open, cost;
} loader;

static bool want(loader *load, bool condition, const char *sentence)
{
    return rf_stream_want(load->stream, condition, sentence);
}

/* 0 to 1. */
static bool is_rate(rf_rate rate)
{
    return rate >= 0 && rate <= RF_E8;
}

static uint32_t get_u32(loader *load)
{
    uint32_t value = 0;
    rf_x_u32(load->stream, &value);
    return load->stream->error ? 0 : value;
}

/* A count that must not pass a capacity. */
static uint32_t get_count(loader *load, uint64_t max)
{
    const uint32_t count = get_u32(load);
    return want(load, count <= max, "the snapshot is too big for the limits") ? count : 0;
}

/* ---- Header and counters -------------------------------------------------------------------------- */

static const char *check_header(rf_read read, void *context)
{
    static const rf_limits none = {0};
    unsigned char header[RF_SNAPSHOT_HEADER], expected[RF_SNAPSHOT_HEADER];
    if (!read(context, header, sizeof header))
        return "the snapshot ends too early";
    rf_snapshot_header(expected, &none);
    for (uint32_t i = 0; i < 7; i++) {
        if (header[i] != expected[i])
            return "this is not a snapshot";
    }
    rf_limits limits;
    uint32_t *capacities[8] = {&limits.accounts_max,  &limits.instruments_max,
                               &limits.positions_max, &limits.orders_max,
                               &limits.recent_max,    &limits.withdrawals_max,
                               &limits.window_ticks,  &limits.watch_buckets};
    for (uint32_t i = 0; i < 8; i++)
        *capacities[i] = (uint32_t)rf_get_le(header + 16 + 4 * i, 4);
    rf_hash hash;
    rf_hash_start(&hash);
    rf_hash_block(&hash, header, 48);
    const rf_digest digest = rf_hash_finish(&hash);
    if (rf_get_le(header + 48, 8) != digest.low || rf_get_le(header + 56, 8) != digest.high)
        return "the header of the snapshot is damaged";
    rf_snapshot_header(expected, &limits);
    if (header[7] != expected[7] || rf_get_le(header + 12, 4) != RF_STREAM_BLOCK)
        return "the snapshot has another format";
    if (rf_get_le(header + 8, 4) != RF_RULES_VERSION)
        return "the snapshot was made by other rules";
    return NULL;
}

static bool is_identifier(uint64_t next)
{
    return next >= 1 && next <= (uint64_t)INT64_MAX;
}

static void read_counters(loader *load)
{
    rf_engine *read = load->counters;
    const rf_limits *limits = &load->engine->limits;
    rf_x_counters(load->stream, read);
    want(load,
         read->accounts_count >= 1 && read->accounts_count <= limits->accounts_max &&
             read->instruments_count <= limits->instruments_max &&
             read->currencies_count <= RF_CURRENCIES_MAX &&
             read->indexes_count <= limits->instruments_max + RF_CURRENCIES_MAX,
         "the snapshot is too big for the limits");
    want(load, read->currencies_count >= 1, "the snapshot has no currency");
    want(load,
         is_identifier(read->next_order) && is_identifier(read->next_isolation) &&
             is_identifier(read->next_list) && is_identifier(read->next_match) &&
             is_identifier(read->next_withdrawal) && is_identifier(read->next_age),
         "a counter of the snapshot is out of range");
    want(load,
         read->work.stage <= RF_HOUR_DONE && read->work.instrument <= read->instruments_count &&
             read->work.cross_account < read->accounts_count && read->work.aftermath <= 1 &&
             read->work.marks <= 1 && read->look <= 1,
         "the unfinished work of the snapshot is out of range");
    if (load->stream->error)
        return;
    load->engine->now_ns = read->now_ns;
    load->engine->command_time_ns = read->command_time_ns;
    load->engine->accounts_count = read->accounts_count;
    load->engine->instruments_count = read->instruments_count;
    load->engine->currencies_count = read->currencies_count;
    load->engine->indexes_count = read->indexes_count;
}

/* ---- The venue ------------------------------------------------------------------------------------ */

static void read_currency(loader *load, uint32_t number)
{
    rf_currency *currency = &load->engine->currencies[number];
    *currency = (rf_currency){0};
    rf_x_currency(load->stream, currency);
    want(load,
         currency->kind <= RF_CURRENCY_COLLATERAL && is_rate(currency->factor) &&
             is_rate(currency->haircut) && currency->cap >= -1 && rf_is_amount(currency->cap),
         "a currency is out of range");
    want(load,
         currency->index < load->engine->indexes_count ||
             (currency->index == UINT32_MAX && currency->kind != RF_CURRENCY_COLLATERAL),
         "a currency names an index that is not there");
    want(load,
         rf_is_amount(currency->world) && rf_is_amount(currency->withdrawals) &&
             currency->custody >= 0,
         "a house balance is out of range");
    load->money[number] += (rf_wide)currency->world + currency->fees + currency->insurance +
                           currency->rounding + currency->withdrawals;
}

static void read_index(loader *load, uint32_t number)
{
    rf_index *index = &load->engine->indexes[number];
    rf_x_index(load->stream, index);
    bool good = index->price_e8 >= 0 && rf_is_amount(index->price_e8) &&
                index->sources_used <= index->sources_count;
    for (uint32_t i = 0; i < index->sources_count && i < RF_INDEX_SOURCES_MAX; i++)
        good &= index->sources[i].price_e8 > 0 && rf_is_amount(index->sources[i].price_e8);
    want(load, good, "an index is out of range");
}

static void read_instrument(loader *load, uint32_t number)
{
    rf_instrument *instrument = &load->engine->instruments[number];
    rf_x_instrument(load->stream, instrument);
    instrument->number = (uint16_t)number;
    want(load,
         instrument->state <= RF_STATE_SETTLED && instrument->moved <= 1 &&
             instrument->mark_pinned <= 1 && instrument->rate_pinned <= 1 &&
             instrument->config.residual <= RF_RESIDUAL_RETURN &&
             instrument->config.margin_modes <= RF_MODES_ISOLATED &&
             instrument->config.settlement <= RF_SETTLEMENT_MANUAL,
         "an instrument's state is out of range");
    want(load, instrument->index < load->engine->indexes_count,
         "an instrument names an index that is not there");
    if (load->stream->error)
        return;
    if (!want(load, rf_instrument_prepare(instrument),
              "an instrument's configuration is not possible"))
        return;
    rf_instrument_start(instrument);
    want(load,
         instrument->mark >= 0 && instrument->mark <= instrument->mark_max &&
             rf_is_amount(instrument->clearing) && instrument->settled_mark >= 0 &&
             instrument->settled_mark <= instrument->mark_max && instrument->last_price >= 0 &&
             rf_is_amount(instrument->last_price) && rf_is_amount(instrument->basis_e8),
         "an instrument's prices are out of range");
    load->money[0] += instrument->clearing;
}

static void read_seats(loader *load, uint32_t account)
{
    const uint32_t count = get_count(load, load->engine->instruments_count);
    for (uint32_t i = 0; i < count && !load->stream->error; i++) {
        rf_seat read = {0};
        rf_x_seat(load->stream, &read);
        if (!want(load,
                  read.instrument < load->engine->instruments_count &&
                      !rf_seat_find(load->engine, account, read.instrument),
                  "an account has a place twice, or on no instrument"))
            return;
        rf_seat *seat = rf_seat_make(load->engine, account, read.instrument);
        if (!want(load, seat != NULL, "the snapshot is too big for the limits"))
            return;
        seat->last_leverage = read.last_leverage;
    }
}

static void read_account(loader *load, uint32_t number)
{
    rf_engine *engine = load->engine;
    rf_account *account = &engine->accounts[number];
    rf_x_account(load->stream, account);
    want(load,
         account->master < engine->accounts_count && account->stp <= RF_STP_BOTH &&
             account->stp_scope <= RF_STP_SCOPE_FAMILY && account->leverage >= 1 &&
             account->leverage <= 1000 && account->cancel_after_ns >= 0 &&
             account->taker_rate >= 0 && account->taker_rate <= RF_TRADING_FEE_MAX &&
             account->maker_rate >= -RF_TRADING_FEE_MAX &&
             account->maker_rate <= account->taker_rate &&
             rf_is_amount(account->session_realized) && rf_is_amount(account->withdrawing),
         "an account is out of range");
    for (uint32_t currency = 0; currency < engine->currencies_count; currency++) {
        rf_money *balance = rf_main(engine, number, currency);
        rf_x_i64(load->stream, balance);
        load->money[currency] += *balance;
        if (currency > 0 && *balance != 0)
            account->holds_collateral = 1;
    }
    if (account->cancel_after_ns != 0 &&
        (engine->next_deadline_ns == 0 || account->cancel_after_ns < engine->next_deadline_ns))
        engine->next_deadline_ns = account->cancel_after_ns;
    read_seats(load, number);
}

/* What has to be asked for ahead of need: a map has no order. */
enum { AHEAD = 8 };

static void read_accounts(loader *load)
{
    rf_engine *engine = load->engine;
    for (uint32_t i = 0; i < engine->accounts_count && !load->stream->error; i++)
        read_account(load, i);
    for (uint32_t i = RF_FUND + 1; i < engine->accounts_count && !load->stream->error; i++) {
        if (i + AHEAD < engine->accounts_count)
            rf_account_fetch_label(engine, i + AHEAD);
        rf_account_file(engine, i);
    }
}

static void read_lists(loader *load)
{
    rf_engine *engine = load->engine;
    load->lists_count = get_count(load, engine->limits.orders_max);
    for (uint32_t i = 1; i <= load->lists_count && !load->stream->error; i++) {
        rf_list *list = &engine->lists[i];
        rf_x_list(load->stream, list);
        want(load,
             list->id > engine->lists[i - 1].id && list->id < load->counters->next_list &&
                 list->account < engine->accounts_count &&
                 list->instrument < engine->instruments_count &&
                 list->contingency <= RF_LIST_OTOCO && list->legs_count <= RF_LIST_LEGS_MAX,
             "a list of orders is out of range");
        engine->lists_fresh = i + 1;
    }
}

/* ---- Positions and their orders ------------------------------------------------------------------- */

/* Lists were read in ascending order into the handles 1, 2, ... */
static uint32_t find_list(const loader *load, uint64_t id)
{
    uint32_t low = 1, high = load->lists_count + 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (load->engine->lists[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low <= load->lists_count && load->engine->lists[low].id == id ? low : RF_NONE;
}

static void join_list(loader *load, uint32_t order)
{
    rf_order_cold *cold = &load->engine->orders_cold[order];
    const uint32_t list = find_list(load, cold->list_id);
    if (!want(load, list != RF_NONE, "an order names a list that is not there"))
        return;
    rf_list *record = &load->engine->lists[list];
    if (!want(load,
              cold->leg >= 1 && cold->leg <= record->legs_count &&
                  record->legs[cold->leg - 1] == RF_NONE &&
                  cold->contingency == record->contingency,
              "an order has no place in its list"))
        return;
    record->legs[cold->leg - 1] = order;
    cold->list = list;
}

/* What holds for every order, live or finished. */
static bool is_order(const loader *load, const rf_order *order, const rf_order_cold *cold)
{
    const rf_order_params *params = &cold->params;
    return order->id >= 1 && order->id < load->counters->next_order &&
           order->account < load->engine->accounts_count &&
           order->instrument < load->engine->instruments_count && order->side <= RF_SELL &&
           order->type <= RF_TAKE_PROFIT_LIMIT && rf_is_amount(order->price) && order->price >= 0 &&
           rf_is_amount(order->leaves) && order->leaves >= 0 && rf_is_amount(order->earmark) &&
           params->side <= RF_SELL && params->type <= RF_TAKE_PROFIT_LIMIT &&
           params->time_in_force <= RF_FOK &&
           (params->ref_price_type <= RF_REF_LAST || order->type < RF_STOP_LOSS) &&
           params->stp <= RF_STP_BOTH && params->stp_scope <= RF_STP_SCOPE_FAMILY &&
           rf_is_amount(cold->filled_qty) && rf_is_amount(cold->filled_value) &&
           cold->status <= RF_ORDER_EXPIRED && cold->contingency <= RF_LIST_OTOCO;
}

/* A resting order's price is on the tick, and the sums over it stay below 2^62. */
static bool can_rest(const loader *load, const rf_order *order, const rf_position *position)
{
    const rf_instrument *instrument = &load->engine->instruments[order->instrument];
    const rf_wide notional = (rf_wide)order->leaves * order->price;
    return order->leaves > 0 && order->price > 0 &&
           order->price % instrument->config.price_tick == 0 &&
           notional < RF_AMOUNT_MAX / instrument->k &&
           notional * instrument->k < RF_AMOUNT_MAX - position->open_notional[order->side] &&
           order->leaves < RF_AMOUNT_MAX - position->open_qty[order->side];
}

static void read_order(loader *load, uint32_t position, bool resting)
{
    rf_engine *engine = load->engine;
    rf_order hot = {0};
    rf_order_cold cold = {0};
    uint8_t listed = 0;
    rf_x_order(load->stream, &hot, &cold);
    rf_x_u8(load->stream, &listed);
    const rf_position *owner = &engine->positions[position];
    if (!want(load, listed <= 1 && is_order(load, &hot, &cold), "an order is out of range") ||
        !want(load, hot.account == owner->account && hot.instrument == owner->instrument,
              "an order stands at another's position") ||
        !want(load,
              resting ? hot.state == RF_STATE_RESTING
                      : hot.state == RF_STATE_ARMED || hot.state == RF_STATE_WAITING,
              "an order's state does not fit its list"))
        return;
    const uint32_t handle = rf_order_take(engine);
    if (!want(load, handle != RF_NONE, "the snapshot is too big for the limits"))
        return;
    load->orders_count++;
    RF_CHECK(handle ==
             load->orders_count); /* a fresh pool counts up: a place in the stream is a handle */
    hot.position = position;
    engine->orders[handle] = hot;
    engine->orders_cold[handle] = cold;
    if (listed != 0)
        join_list(load, handle);
}

static bool is_position(const loader *load, const rf_position *position,
                        const rf_position_cold *cold, const rf_instrument *instrument)
{
    const rf_qty size = rf_size(rf_is_amount(position->q) ? position->q : 0);
    return rf_is_amount(position->q) && rf_is_amount(position->cost) &&
           rf_is_amount(position->cost_user) && rf_is_amount(position->wallet) &&
           rf_is_amount(cold->put_in) && rf_is_amount(cold->taken_out) &&
           rf_is_amount(cold->session_profit) && rf_is_amount(cold->flagged_qty) &&
           rf_is_amount(cold->session_realized) &&
           (rf_wide)size * rf_max(instrument->mark, 1) < RF_AMOUNT_MAX / instrument->k &&
           position->account < load->engine->accounts_count && cold->age >= 1 &&
           cold->age < load->counters->next_age &&
           (position->q != 0 || (position->cost == 0 && position->cost_user == 0)) &&
           (rf_is_isolated(position)
                ? position->id >= 1 && position->id < load->counters->next_isolation &&
                      position->leverage >= 1 && position->leverage <= 1000
                : position->id == 0 && position->wallet == 0);
}

/* With its orders; where they belong, they are filed in the next step. */
static void read_position(loader *load, uint32_t instrument)
{
    rf_engine *engine = load->engine;
    rf_position read = {0};
    rf_position_cold cold = {0};
    rf_x_position(load->stream, &read, &cold);
    read.instrument = (uint16_t)instrument;
    if (!want(load, is_position(load, &read, &cold, &engine->instruments[instrument]),
              "a position is out of range") ||
        !want(load, cold.age > load->age, "positions do not stand by age"))
        return;
    const uint32_t handle = rf_position_take(engine);
    if (!want(load, handle != RF_NONE, "the snapshot is too big for the limits"))
        return;
    load->age = cold.age;
    engine->positions[handle] = read;
    engine->positions_cold[handle] = cold;
    for (uint32_t list = 0; list < 3; list++) {
        const uint32_t count = get_count(load, engine->limits.orders_max);
        for (uint32_t i = 0; i < count && !load->stream->error; i++)
            read_order(load, handle, list < 2);
    }
}

/* ---- Filing: entering what was read where its account, instrument and id say ---------------------- */

static void file_position(loader *load, uint32_t handle)
{
    rf_engine *engine = load->engine;
    const rf_position *position = &engine->positions[handle];
    rf_instrument *instrument = rf_instrument_of(engine, position);
    const rf_seat *seat = rf_seat_find(engine, position->account, position->instrument);
    if (!want(load,
              seat && seat->position[rf_is_isolated(position)] == RF_NONE &&
                  rf_position_by_isolation(engine, position->id) == RF_NONE,
              "a position has no place, or stands there twice") ||
        !want(load, position->q < RF_AMOUNT_MAX - instrument->longs,
              "open interest is out of range"))
        return;
    RF_CHECK(rf_position_file(engine, handle)); /* its seat is there already */
    instrument->longs += rf_max(0, position->q);
    load->money[0] += position->wallet;
    load->open += position->q;
    load->cost += position->cost;
}

/* An armed order waits, and a resting one is on trial, until its queue names it. */
static void file_order(loader *load, uint32_t handle)
{
    rf_engine *engine = load->engine;
    rf_order *order = &engine->orders[handle];
    const uint8_t state = order->state;
    if (!want(load, !rf_order_id_used(engine, order->id), "an order stands there twice") ||
        !want(load,
              state != RF_STATE_RESTING ||
                  can_rest(load, order, &engine->positions[order->position]),
              "a resting order is out of range"))
        return;
    rf_order_file(engine, handle);
    if (state == RF_STATE_RESTING) {
        rf_own_insert(engine, handle);
        order->state = RF_STATE_TRIAL;
    } else {
        order->state = RF_STATE_WAITING;
        rf_armed_insert(engine, handle);
    }
    want(load, order->own_next == RF_NONE, "a position's orders do not stand in their order");
    load->unplaced += state != RF_STATE_WAITING;
    engine->scratch[handle] = state; /* for its queue to see */
}

/* A record that nothing is left in would have been given back (I5). */
static bool is_used(const rf_position *position)
{
    return position->q != 0 || position->opening_count != 0 ||
           (!rf_is_isolated(position) &&
            (position->orders_count != 0 || position->triggers != RF_NONE));
}

/* Accounts, their seats and the map of orders lie anywhere: asked for in rounds, as each tells where the next is. */
static void fetch_places(const rf_engine *engine, uint32_t position, uint32_t order)
{
    for (uint32_t i = position; i < engine->positions_fresh; i++)
        __builtin_prefetch(&engine->accounts[engine->positions[i].account], 1, 3);
    for (uint32_t i = order; i < engine->orders_fresh; i++)
        rf_order_fetch_slot(engine, engine->orders[i].id);
    for (uint32_t i = position; i < engine->positions_fresh; i++)
        __builtin_prefetch(&engine->seats[engine->accounts[engine->positions[i].account].seats], 1,
                           3);
}

/* The positions and orders from these on: the pools were empty and count up. */
static void file_batch(loader *load, uint32_t position, uint32_t order)
{
    const rf_engine *engine = load->engine;
    const rf_stream *stream = load->stream;
    fetch_places(engine, position, order);
    for (uint32_t i = position; i < engine->positions_fresh && !stream->error; i++)
        file_position(load, i);
    for (uint32_t i = order; i < engine->orders_fresh && !stream->error; i++)
        file_order(load, i);
    for (uint32_t i = position; i < engine->positions_fresh && !stream->error; i++)
        want(load, is_used(&engine->positions[i]), "nothing is left of a position");
}

/* I2 and I3. A settled instrument may be in the middle of closing its positions at the settlement price, one after
 * the other: what is still open counts at that price. */
static void check_sums(loader *load, const rf_instrument *instrument)
{
    const bool closing = instrument->state == RF_STATE_SETTLED && rf_engine_pending(load->counters);
    const rf_wide settled = closing ? load->open * instrument->settlement_price * instrument->k : 0;
    want(load, closing || load->open == 0, "what is long is not short elsewhere");
    want(load, instrument->clearing + load->cost == settled,
         "positions do not add up to what they cost");
}

static void read_positions(loader *load, uint32_t number)
{
    enum { BATCH = 32 };
    const rf_engine *engine = load->engine;
    const uint32_t count = get_count(load, engine->limits.positions_max);
    load->open = load->cost = 0;
    load->age = 0;
    for (uint32_t done = 0; done < count && !load->stream->error;) {
        const uint32_t position = engine->positions_fresh, order = engine->orders_fresh;
        for (uint32_t i = 0; i < BATCH && done < count && !load->stream->error; i++, done++)
            read_position(load, number);
        file_batch(load, position, order);
    }
    check_sums(load, &engine->instruments[number]);
}

static void read_cursor(loader *load)
{
    uint64_t age = 0;
    rf_x_u64(load->stream, &age);
    load->counters->work.position = RF_NONE;
    for (uint32_t i = 1; age != 0 && i < load->engine->positions_fresh; i++) {
        if (load->engine->positions_cold[i].age == age)
            load->counters->work.position = i;
    }
    want(load, age == 0 || load->counters->work.position != RF_NONE,
         "the unfinished work of the snapshot names no position");
}

/* ---- Queues --------------------------------------------------------------------------------------- */

/* The next order that a queue of resting, or armed, orders names; RF_NONE after an error. */
static uint32_t get_place(loader *load, uint32_t instrument, rf_order_state state)
{
    const uint32_t order = get_u32(load);
    const bool known = order >= 1 && order <= load->orders_count;
    const uint8_t unnamed = state == RF_STATE_RESTING ? RF_STATE_TRIAL : RF_STATE_WAITING;
    if (!want(load,
              known && load->engine->orders[order].instrument == instrument &&
                  load->engine->orders[order].state == unnamed &&
                  load->engine->scratch[order] == state,
              "a queue names an order that is not there"))
        return RF_NONE;
    return order;
}

static void read_side(loader *load, uint32_t instrument, uint8_t side)
{
    rf_engine *engine = load->engine;
    const uint32_t count = get_count(load, load->unplaced);
    rf_price last = 0;
    for (uint32_t i = 0; i < count && !load->stream->error; i++) {
        const uint32_t order = get_place(load, instrument, RF_STATE_RESTING);
        if (order == RF_NONE)
            return;
        rf_order *record = &engine->orders[order];
        if (!want(load,
                  record->side == side && (last == 0 || (side == RF_BUY ? record->price <= last
                                                                        : record->price >= last)),
                  "a book's orders do not stand best first"))
            return;
        last = record->price;
        record->state = RF_STATE_RESTING;
        rf_book_insert(engine, order);
        load->unplaced--;
    }
}

static void read_book(loader *load, uint32_t number)
{
    const rf_instrument *instrument = &load->engine->instruments[number];
    read_side(load, number, RF_BUY);
    read_side(load, number, RF_SELL);
    const rf_price bid = rf_book_best_price(instrument, RF_BUY),
                   ask = rf_book_best_price(instrument, RF_SELL);
    want(load, bid == 0 || ask == 0 || bid < ask, "a book is crossed");
}

static void read_armed(loader *load, uint32_t instrument)
{
    const uint32_t count = get_count(load, load->unplaced);
    for (uint32_t i = 0; i < count && !load->stream->error; i++) {
        const uint32_t order = get_place(load, instrument, RF_STATE_ARMED);
        if (order == RF_NONE)
            return;
        rf_trigger_arm(load->engine, order);
        load->unplaced--;
    }
}

static void read_attachments(loader *load)
{
    const uint32_t count = get_count(load, load->orders_count);
    for (uint32_t i = 0; i < count && !load->stream->error; i++) {
        const uint32_t order = get_u32(load), parent = get_u32(load);
        if (!want(load,
                  order > load->attached && order <= load->orders_count && parent >= 1 &&
                      parent <= load->orders_count &&
                      load->engine->scratch[order] != RF_STATE_RESTING,
                  "an attachment names an order that is not there, or stands in no order"))
            return;
        load->attached = order;
        load->engine->orders_cold[order].attached_to = parent;
    }
}

/* ---- Withdrawals and finished orders -------------------------------------------------------------- */

static void read_withdrawals(loader *load)
{
    rf_engine *engine = load->engine;
    const uint32_t count = get_count(load, engine->limits.withdrawals_max);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count && !load->stream->error; i++) {
        rf_withdrawal *withdrawal = &engine->withdrawals[i];
        rf_x_withdrawal(load->stream, withdrawal);
        want(load,
             withdrawal->id > last && withdrawal->id < load->counters->next_withdrawal &&
                 withdrawal->account < engine->accounts_count &&
                 withdrawal->currency < engine->currencies_count && withdrawal->amount > 0 &&
                 rf_is_amount(withdrawal->amount) && rf_is_amount(withdrawal->debit),
             "a withdrawal is out of range");
        last = withdrawal->id;
    }
    engine->withdrawals_used = count;
}

static void read_recents(loader *load)
{
    rf_engine *engine = load->engine;
    const uint64_t end = load->counters->recents_count;
    const uint32_t count = get_count(load, engine->limits.recent_max);
    if (!want(load, count <= end, "more orders are remembered than were finished"))
        return;
    for (uint64_t number = end - count; number < end && !load->stream->error; number++) {
        rf_recent recent = {0};
        rf_x_order(load->stream, &recent.hot, &recent.cold);
        if (!want(load, is_order(load, &recent.hot, &recent.cold),
                  "a finished order is out of range") ||
            !want(load, !rf_order_id_used(engine, recent.hot.id), "an order stands there twice"))
            return;
        *rf_recent_at(engine, number) = recent;
        engine->recents_count = number + 1;
        rf_recent_file(engine, number);
    }
}

/* ---- All of it ------------------------------------------------------------------------------------ */

static void read_state(loader *load)
{
    rf_engine *engine = load->engine;
    const rf_stream *stream = load->stream;
    read_counters(load);
    for (uint32_t i = 0; i < engine->currencies_count && !stream->error; i++)
        read_currency(load, i);
    for (uint32_t i = 0; i < engine->indexes_count && !stream->error; i++)
        read_index(load, i);
    for (uint32_t i = 0; i < engine->instruments_count && !stream->error; i++)
        read_instrument(load, i);
    read_accounts(load);
    read_lists(load);
    for (uint32_t i = 0; i < engine->instruments_count && !stream->error; i++)
        read_positions(load, i);
    for (uint32_t i = 0; i < engine->currencies_count; i++)
        want(load, load->money[i] == 0, "the balances of a currency do not add up to nothing");
    read_cursor(load);
    for (uint32_t i = 0; i < engine->instruments_count && !stream->error; i++) {
        read_book(load, i);
        read_armed(load, i);
    }
    want(load, load->unplaced == 0, "an order stands in no queue");
    read_attachments(load);
    read_withdrawals(load);
    read_recents(load);
    rf_stream_finish(load->stream);
}

/* Keys every position. That notes instruments and positions for a look that the saved state did not owe. */
static void rebuild_watches(rf_engine *engine)
{
    const uint8_t look = engine->look;
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        engine->instruments[i].unused = engine->instruments[i].moved; /* kept aside */
    rf_watch_all(engine);
    engine->moved_count = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const bool moved = engine->instruments[i].unused != 0;
        engine->instruments[i].moved = engine->instruments[i].unused = 0;
        if (moved)
            rf_moved(engine, &engine->instruments[i]);
    }
    for (uint32_t i = 0; i < engine->touched_count; i++)
        engine->positions[engine->touched[i]].flags &=
            (uint16_t) ~(RF_POSITION_TOUCHED | RF_POSITION_CLOSED);
    engine->touched_count = 0;
    engine->look = look;
}

static void take_counters(rf_engine *engine, const rf_engine *read)
{
    engine->seq = read->seq;
    engine->next_order = read->next_order;
    engine->next_isolation = read->next_isolation;
    engine->next_list = read->next_list;
    engine->next_match = read->next_match;
    engine->next_withdrawal = read->next_withdrawal;
    engine->next_age = read->next_age;
    engine->recents_count = read->recents_count;
    engine->work = read->work;
    engine->look = read->look;
}

bool rf_engine_load(rf_engine *engine, rf_read read, void *context, const char **error)
{
    *error = "the engine is not empty";
    if (engine->seq != 0 || engine->accounts_count > 1 || engine->instruments_count != 0 || !read)
        return false;
    *error = check_header(read, context);
    if (*error)
        return false;
    static const rf_sink quiet = {0};
    const rf_sink sink = engine->sink;
    rf_engine counters = {0};
    rf_stream stream;
    rf_stream_start(&stream, NULL, read, context);
    loader load = {.engine = engine, .stream = &stream, .counters = &counters};
    engine->sink = quiet;
    read_state(&load);
    if (!stream.error) {
        take_counters(engine, &counters);
        rebuild_watches(engine);
    }
    engine->sink = sink;
    *error = stream.error;
    return !stream.error;
}
