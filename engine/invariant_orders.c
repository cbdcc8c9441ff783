/* Orders: I7 (books, levels, pools) and I8 (running sums, the liquidation index). */
#include "engine/invariant.h"

#include "engine/book.h"
#include "engine/cross.h"
#include "engine/liquidate.h"
#include "engine/mark.h"
#include "engine/order.h"
#include "engine/position.h"

static rf_wide magnitude(rf_wide value)
{
    return value < 0 ? -value : value;
}

/* ---- I7: books ------------------------------------------------------------------------------------ */

/* A walk over one side, level by level. */
typedef struct walk {
    const rf_engine *engine;
    const rf_instrument *instrument;
    uint8_t side;
    uint32_t far; /* next far level that the walk should meet */
    int64_t tick; /* of the level at hand; RF_NO_TICK: none yet */
    rf_qty qty;   /* of the level's orders so far */
    uint32_t count;
    const rf_book_level *level;
} walk;

/* 1 when the level that the walk leaves does not equal the sum of its orders. */
static rf_wide leave_level(const walk *at)
{
    return at->level && (at->level->qty != at->qty || at->level->count != at->count);
}

static rf_wide enter_level(walk *at, int64_t tick)
{
    const rf_engine *engine = at->engine;
    const rf_book *book = &at->instrument->book;
    const uint64_t mask = (uint64_t)engine->limits.window_ticks - 1;
    rf_wide wrong = leave_level(at);
    if (at->tick == RF_NO_TICK)
        wrong += tick != book->best[at->side];
    else
        wrong += at->side == RF_BUY ? tick >= at->tick : tick <= at->tick;
    at->tick = tick;
    at->qty = 0;
    at->count = 0;
    if ((uint64_t)(tick - book->base) <= mask) {
        at->level = &book->levels[(uint64_t)tick & mask];
    } else {
        const bool expected = at->far != RF_NONE && engine->far_levels[at->far].tick == tick;
        at->level = expected ? &engine->far_levels[at->far].level : NULL;
        at->far = expected ? engine->far_levels[at->far].next : at->far;
        wrong += !expected;
    }
    return wrong;
}

static rf_wide side_residual(const rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    const rf_book *book = &instrument->book;
    walk at = {engine, instrument, side, book->far[side], RF_NO_TICK, 0, 0, NULL};
    rf_wide wrong = 0;
    uint32_t count = 0;
    uint32_t order = rf_book_best(engine, instrument, side);
    for (; order != RF_NONE && count <= engine->limits.orders_max;
         order = rf_book_next(engine, instrument, order)) {
        const rf_order *hot = &engine->orders[order];
        const int64_t tick = hot->price / instrument->config.price_tick;
        if (tick != at.tick)
            wrong += enter_level(&at, tick);
        wrong += hot->state != RF_STATE_RESTING || hot->side != side || hot->leaves <= 0 ||
                 hot->instrument != instrument->number;
        at.qty += hot->leaves;
        at.count++;
        count++;
    }
    return wrong + leave_level(&at) + (at.far != RF_NONE) +
           magnitude((rf_wide)count - book->orders[side]);
}

static rf_wide book_residual(const rf_engine *engine, const rf_instrument *instrument)
{
    const rf_price bid = rf_book_best_price(instrument, RF_BUY);
    const rf_price ask = rf_book_best_price(instrument, RF_SELL);
    const rf_wide crossed = bid != 0 && ask != 0 && bid >= ask;
    return crossed + side_residual(engine, instrument, RF_BUY) +
           side_residual(engine, instrument, RF_SELL);
}

/* ---- I7: pools: used + free = capacity ------------------------------------------------------------- */

static rf_wide orders_pool(const rf_engine *engine)
{
    rf_wide wrong = 0;
    uint32_t spare = engine->limits.orders_max + 1 - engine->orders_fresh;
    for (uint32_t i = engine->orders_free; i != RF_NONE && spare <= engine->limits.orders_max;
         i = engine->orders[i].level_next) {
        wrong += engine->orders[i].state != RF_STATE_FREE;
        spare++;
    }
    return wrong + magnitude((rf_wide)spare + engine->orders_used - engine->limits.orders_max);
}

static rf_wide positions_pool(const rf_engine *engine)
{
    uint32_t spare = engine->limits.positions_max + 1 - engine->positions_fresh;
    for (uint32_t i = engine->positions_free; i != RF_NONE && spare <= engine->limits.positions_max;
         i = engine->positions[i].instrument_next)
        spare++;
    rf_wide live = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t p = engine->instruments[i].positions_first;
        for (; p != RF_NONE; p = engine->positions[p].instrument_next)
            live++;
    }
    return magnitude(live - engine->positions_used) +
           magnitude((rf_wide)spare + engine->positions_used - engine->limits.positions_max);
}

static rf_wide far_pool(const rf_engine *engine)
{
    rf_wide count = (rf_wide)engine->limits.orders_max + 1 - engine->far_fresh;
    for (uint32_t i = engine->far_free; i != RF_NONE; i = engine->far_levels[i].next)
        count++;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t far = engine->instruments[i].book.far[side];
            for (; far != RF_NONE; far = engine->far_levels[far].next)
                count++;
        }
    }
    return magnitude(count - engine->limits.orders_max);
}

/* Every leg knows its list and its place; what is free has no id. */
static rf_wide lists_pool(const rf_engine *engine)
{
    rf_wide wrong = 0;
    uint32_t live = 0, spare = 0;
    for (uint32_t i = 1; i < engine->lists_fresh; i++) {
        const rf_list *list = &engine->lists[i];
        live += list->id != 0;
        for (uint32_t leg = 0; leg < RF_LIST_LEGS_MAX; leg++) {
            const uint32_t order = list->legs[leg];
            if (order != RF_NONE)
                wrong += engine->orders_cold[order].list != i ||
                         engine->orders_cold[order].leg != leg + 1 ||
                         engine->orders_cold[order].list_id != list->id ||
                         engine->orders[order].state == RF_STATE_FREE;
        }
    }
    for (uint32_t i = engine->lists_free; i != RF_NONE && spare < engine->lists_fresh;
         i = engine->lists[i].free_next)
        spare++;
    return wrong + magnitude((rf_wide)live + spare + 1 - engine->lists_fresh);
}

rf_wide rf_invariant_books(const rf_engine *engine)
{
    rf_wide wrong = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        wrong += book_residual(engine, &engine->instruments[i]);
    return wrong + orders_pool(engine) + positions_pool(engine) + far_pool(engine) +
           lists_pool(engine);
}

/* ---- I8: sums ------------------------------------------------------------------------------------- */

/* What the orders of one position add up to. */
typedef struct recount {
    rf_wide wrong;
    rf_wide qty[2], notional[2];
    uint32_t orders, opening, triggers, armed;
} recount;

static void recount_order(const rf_engine *engine, uint32_t handle, uint32_t position,
                          uint32_t prev, recount *sum)
{
    const rf_order *order = &engine->orders[handle];
    const rf_position *owner = &engine->positions[position];
    sum->wrong += order->position != position || order->own_prev != prev ||
                  order->account != owner->account || order->instrument != owner->instrument;
    sum->wrong += rf_order_find(engine, order->account, order->id, NULL) != handle;
}

static void recount_side(const rf_engine *engine, uint32_t position, uint8_t side, recount *sum)
{
    const int64_t k = engine->instruments[engine->positions[position].instrument].k;
    uint32_t prev = RF_NONE;
    for (uint32_t i = engine->positions[position].orders[side]; i != RF_NONE;
         i = engine->orders[i].own_next) {
        const rf_order *order = &engine->orders[i];
        recount_order(engine, i, position, prev, sum);
        sum->wrong += order->state != RF_STATE_RESTING || order->side != side;
        if (prev != RF_NONE) {
            const rf_price before = engine->orders[prev].price;
            sum->wrong += side == RF_BUY ? before < order->price : before > order->price;
            sum->wrong += before == order->price && engine->orders[prev].id > order->id;
        }
        sum->orders++;
        if ((order->flags & RF_FLAG_REDUCE_ONLY) == 0) {
            sum->opening++;
            sum->qty[side] += order->leaves;
            sum->notional[side] += (rf_wide)order->leaves * order->price * k;
        }
        prev = i;
    }
}

static void recount_triggers(const rf_engine *engine, uint32_t position, recount *sum)
{
    uint32_t prev = RF_NONE;
    for (uint32_t i = engine->positions[position].triggers; i != RF_NONE;
         i = engine->orders[i].own_next) {
        const rf_order *order = &engine->orders[i];
        recount_order(engine, i, position, prev, sum);
        sum->wrong += order->state != RF_STATE_ARMED && order->state != RF_STATE_WAITING;
        sum->triggers++;
        sum->armed += order->state == RF_STATE_ARMED;
        prev = i;
    }
}

static void recount_position(const rf_engine *engine, uint32_t handle, recount *sum)
{
    const rf_position *position = &engine->positions[handle];
    *sum = (recount){0};
    recount_side(engine, handle, RF_BUY, sum);
    recount_side(engine, handle, RF_SELL, sum);
    recount_triggers(engine, handle, sum);
    for (uint32_t side = 0; side < 2; side++) {
        sum->wrong += magnitude(sum->qty[side] - position->open_qty[side]);
        sum->wrong += magnitude(sum->notional[side] - position->open_notional[side]);
    }
    sum->wrong += sum->orders != position->orders_count ||
                  sum->opening != position->opening_count ||
                  sum->triggers != engine->positions_cold[handle].triggers_count;
}

static rf_wide account_orders(const rf_engine *engine, uint32_t account)
{
    rf_wide orders = 0, isolations = 0;
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        for (uint32_t isolated = 0; isolated < 2; isolated++) {
            const uint32_t position = engine->seats[i].position[isolated];
            if (position == RF_NONE)
                continue;
            orders += engine->positions[position].orders_count +
                      engine->positions_cold[position].triggers_count;
            isolations += isolated;
        }
    }
    return magnitude(orders - engine->accounts[account].orders_count) +
           magnitude(isolations - engine->accounts[account].isolations_count);
}

static rf_wide armed_of(const rf_engine *engine, const rf_instrument *instrument, rf_wide *wrong)
{
    rf_wide armed = 0;
    for (uint32_t i = instrument->triggers_first; i != RF_NONE; i = engine->orders[i].level_next) {
        *wrong += engine->orders[i].state != RF_STATE_ARMED ||
                  engine->orders[i].instrument != instrument->number;
        armed++;
    }
    return armed;
}

rf_wide rf_invariant_sums(const rf_engine *engine)
{
    rf_wide wrong = 0, orders = 0, armed = 0, listed = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        rf_wide resting = 0;
        for (uint32_t p = instrument->positions_first; p != RF_NONE;
             p = engine->positions[p].instrument_next) {
            recount sum;
            recount_position(engine, p, &sum);
            wrong += sum.wrong;
            resting += sum.orders;
            orders += sum.orders + sum.triggers;
            armed += sum.armed;
        }
        wrong +=
            magnitude(resting - instrument->book.orders[RF_BUY] - instrument->book.orders[RF_SELL]);
        listed += armed_of(engine, instrument, &wrong);
    }
    for (uint32_t account = 0; account < engine->accounts_count; account++)
        wrong += account_orders(engine, account);
    return wrong + magnitude(orders - engine->orders_used) + magnitude(armed - listed) +
           magnitude(armed - engine->armed_count);
}

/* ---- I8: watches ---------------------------------------------------------------------------------- */

/* An isolation without opening orders is watched at the mark that liquidates it, exactly. */
static rf_wide isolation_watch(const rf_engine *engine, uint32_t handle)
{
    const rf_position *position = &engine->positions[handle];
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    if (instrument->mark == 0)
        return 0;
    rf_wide wrong = 0;
    /* While liquidations are under way he waits in the queue, or his instrument is looked at again. */
    const bool awaited = rf_engine_pending(engine) &&
                         (instrument->kept == 0 || (position->flags & RF_POSITION_QUEUED) != 0);
    if (!awaited && !rf_liquidation_frozen(engine, instrument))
        wrong += rf_isolation_unhealthy(engine, position);
    if (position->q == 0 || position->opening_count != 0)
        return wrong;
    rf_margin_params params;
    rf_position_params(engine, position, &params);
    const rf_price expected =
        rf_liquidation_price(&params, position->q, position->cost, position->wallet);
    return wrong + (engine->nodes[position->q > 0 ? RF_DOWN : RF_UP][handle].key != expected);
}

/* A liquidation finds something to cancel or to sell. What is owed beside that is covered by collateral. */
static bool has_cross_risk(const rf_engine *engine, uint32_t account)
{
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const uint32_t position = engine->seats[i].position[0];
        if (position != RF_NONE &&
            (engine->positions[position].q != 0 || engine->positions[position].opening_count != 0))
            return true;
    }
    return false;
}

/* What the account's cross positions lose before the mark is at one of their watch keys. */
static rf_wide loss_to_keys(const rf_engine *engine, uint32_t account)
{
    rf_wide loss = 0;
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const uint32_t handle = engine->seats[i].position[0];
        const rf_position *position = &engine->positions[handle];
        const rf_instrument *instrument = &engine->instruments[engine->seats[i].instrument];
        if (handle == RF_NONE || position->q == 0)
            continue;
        const rf_price key = engine->nodes[position->q > 0 ? RF_DOWN : RF_UP][handle].key;
        loss += (rf_wide)position->q * instrument->k * (instrument->mark - key);
    }
    return loss;
}

/* What an account's room promises is there, beyond what its watch keys need. */
static rf_wide account_room(const rf_engine *engine, uint32_t account)
{
    const rf_account *owner = &engine->accounts[account];
    if (owner->floor_version != engine->marks_version || owner->room < 0)
        return 0;
    const rf_wide promised = (rf_wide)owner->room + owner->net_floor;
    return owner->net_floor < loss_to_keys(engine, account) ||
           rf_cross_available(engine, account) < promised;
}

/* A cross account's keys are bounds: what counts is that nobody who may be liquidated was overlooked. */
static rf_wide account_watch(const rf_engine *engine, uint32_t account)
{
    if (rf_engine_pending(engine) || !has_cross_risk(engine, account))
        return 0;
    return rf_cross_unhealthy(engine, account) && !rf_cross_frozen(engine, account);
}

rf_wide rf_invariant_watches(const rf_engine *engine)
{
    rf_wide wrong = rf_liquidate_kept_wrong(engine);
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t p = engine->instruments[i].positions_first;
        for (; p != RF_NONE; p = engine->positions[p].instrument_next) {
            if (rf_is_isolated(&engine->positions[p]))
                wrong += isolation_watch(engine, p);
        }
    }
    for (uint32_t account = RF_FUND + 1; account < engine->accounts_count; account++)
        wrong += account_watch(engine, account) + account_room(engine, account);
    return wrong;
}
