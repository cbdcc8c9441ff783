/* The plain order: a cross LIMIT order, good-till-cancel or immediate-or-cancel, of an account and on an instrument
 * without special limits, that breaks no rule, meets none but plain makers, and that its owner surely has the money
 * for. Most orders are of this kind, and they are admitted here in a few steps and without a trial. Whatever is
 * accepted here rf_admit_order's general path accepts too, with the same answer and the same events; anything else,
 * whatever is wrong with it, is left to that path, with nothing done. */
#include "engine/admit.h"
#include "engine/book.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/entry.h"
#include "engine/mark.h"
#include "engine/match.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/prefetch.h"
#include "engine/watch.h"

typedef struct rf_plain {
    const rf_order_params *params;
    rf_instrument *instrument;
    uint32_t position;
    uint32_t steps; /* of engine->plan: the makers that it meets */
    rf_price best;  /* of these; 0: none */
    rf_money least; /* what is available afterwards at least; -1: its owner's room covers it */
} rf_plain;

/* What the parameters alone say. */
static bool is_plain_kind(const rf_order_params *params)
{
    const uint16_t flags = RF_FLAG_OID_DEFAULTED | RF_FLAG_POST_ONLY;
    const uint64_t special = params->type | params->isolation_id | params->attach_order_id |
                             params->attach_position | ((uint64_t)params->isolated_margin + 1);
    return special == 0 && (params->flags & ~flags) == 0 && params->side <= RF_SELL &&
           params->time_in_force <= RF_IOC && params->stp <= RF_STP_BOTH &&
           params->stp_scope <= RF_STP_SCOPE_ACCOUNT && params->leverage != UINT32_MAX;
}

static bool is_plain_account(const rf_engine *engine, const rf_order_params *params)
{
    if (params->account == RF_FUND || params->account >= engine->accounts_count)
        return false;
    const rf_account *owner = &engine->accounts[params->account];
    return owner->flags == 0 && owner->holds_collateral == 0 &&
           owner->orders_count < RF_ORDERS_PER_ACCOUNT &&
           (owner->stp_scope != RF_STP_SCOPE_FAMILY || params->stp_scope == RF_STP_SCOPE_ACCOUNT);
}

/* The owner's cross position, where there is one and nothing beside it that counts; RF_NONE. */
static uint32_t plain_position(const rf_engine *engine, const rf_order_params *params)
{
    const rf_seat *seat = &engine->seats[engine->accounts[params->account].seats];
    while (seat->instrument != params->instrument && seat->account_next != RF_NONE)
        seat = &engine->seats[seat->account_next];
    if (seat->instrument != params->instrument || seat->position[1] != RF_NONE)
        return RF_NONE;
    const rf_position *position = &engine->positions[seat->position[0]];
    const bool counts =
        position->triggers == RF_NONE && position->orders_count < RF_ORDERS_PER_INSTRUMENT;
    return counts ? seat->position[0] : RF_NONE;
}

static bool is_plain(rf_engine *engine, rf_plain *plain)
{
    const rf_order_params *params = plain->params;
    if (!is_plain_kind(params) || !is_plain_account(engine, params) ||
        params->instrument >= engine->instruments_count)
        return false;
    const rf_instrument *instrument = plain->instrument = &engine->instruments[params->instrument];
    plain->position = plain_position(engine, params);
    if (!rf_is_plain_instrument(instrument) ||
        instrument->config.margin_modes == RF_MODES_ISOLATED || plain->position == RF_NONE ||
        !rf_is_plain_size(instrument, &engine->positions[plain->position], params->qty, params->qty,
                          params->price))
        return false;
    /* The general path has one more on trial while it counts. */
    if (engine->orders_used + 3 > engine->limits.orders_max)
        return false;
    return (params->flags & RF_FLAG_OID_DEFAULTED) != 0 || params->client_oid[0] == '\0' ||
           !rf_order_oid_used(engine, params->account, params->client_oid);
}

/* Not its owner's, in no list and not reduce-only: it trades what it shows, and nothing follows from that. */
static bool is_plain_maker(const rf_engine *engine, const rf_plain *plain, uint32_t maker)
{
    const rf_order *resting = &engine->orders[maker];
    return resting->account != plain->params->account &&
           (resting->flags & RF_FLAG_REDUCE_ONLY) == 0 &&
           engine->orders_cold[maker].list == RF_NONE;
}

/* Plans what it trades. False: it meets a maker that is not plain, or the guard. */
static bool plan_fills(rf_engine *engine, rf_plain *plain)
{
    const rf_order_params *params = plain->params;
    const uint8_t side = rf_opposite(params->side);
    const rf_price best = rf_book_best_price(plain->instrument, side);
    if (!rf_reaches(params->side, best, params->price))
        return true;
    uint32_t maker = rf_book_best(engine, plain->instrument, side);
    rf_qty left = params->qty;
    rf_price worst = plain->best = best;
    for (;;) {
        const rf_order *resting = &engine->orders[maker];
        if (!is_plain_maker(engine, plain, maker))
            return false;
        const rf_qty qty = rf_min(left, resting->leaves);
        engine->plan[plain->steps++] = (rf_plan_step){.maker = maker, .qty = qty};
        left -= qty;
        worst = resting->price;
        rf_prefetch_maker(engine, resting);
        if (left == 0)
            break;
        maker = rf_book_next(engine, plain->instrument, maker);
        if (maker == RF_NONE ||
            !rf_reaches(params->side, engine->orders[maker].price, params->price))
            break;
    }
    return !rf_beyond_guard(plain->instrument, params->side, worst);
}

/* Some orders may only rest, and others only trade. */
static bool may_be_so(const rf_plain *plain)
{
    const bool post_only = (plain->params->flags & RF_FLAG_POST_ONLY) != 0;
    if (plain->params->time_in_force == RF_IOC)
        return plain->steps != 0 && !post_only;
    return plain->steps == 0 || !post_only;
}

static void rest(rf_engine *engine, uint32_t order, rf_result *result)
{
    engine->orders[order].state = RF_STATE_RESTING;
    rf_own_insert(engine, order);
    rf_book_insert(engine, order);
    result->status = RF_ORDER_ACTIVE;
}

/* Nothing to trade with. */
static void enter_book(rf_engine *engine, const rf_plain *plain, uint32_t order, rf_result *result)
{
    rest(engine, order, result);
    if (plain->least >= 0)
        rf_watch_account_least(engine, plain->params->account, plain->least);
    rf_close_emit_entered(engine, order);
}

static void trade(rf_engine *engine, const rf_plain *plain, uint32_t order, rf_result *result)
{
    rf_close_emit(engine, order, RF_EVENT_ORDER_PLACED, RF_ERR_OK);
    if (plain->least >= 0)
        rf_room_forget(engine, plain->params->account); /* it did not pay for this order */
    rf_match_commit(engine, order, plain->steps);
    result->filled_qty = engine->orders_cold[order].filled_qty;
    result->filled_value = engine->orders_cold[order].filled_value;
    if (engine->orders[order].leaves == 0) {
        result->status = RF_ORDER_FILLED;
        rf_close_filled(engine, order);
    } else if (plain->params->time_in_force == RF_GTC) {
        rest(engine, order, result);
        rf_close_emit(engine, order, RF_EVENT_ORDER_OPENED, RF_ERR_OK);
    } else {
        result->status = RF_ORDER_CANCELED;
        result->reason = RF_ERR_IMMEDIATE_OR_CANCEL;
        rf_close_unrested(engine, order, RF_ORDER_CANCELED, RF_ERR_IMMEDIATE_OR_CANCEL);
    }
}

bool rf_admit_plain(rf_engine *engine, const rf_order_params *params, rf_result *result)
{
    rf_plain plain = {.params = params};
    if (!is_plain(engine, &plain) || !plan_fills(engine, &plain) || !may_be_so(&plain) ||
        !rf_cross_affords_new(engine, params, &engine->positions[plain.position], plain.best,
                              plain.steps, &plain.least))
        return false;
    const uint32_t order = rf_order_make(engine, params, plain.position);
    result->order_id = engine->orders[order].id;
    if (plain.steps == 0)
        enter_book(engine, &plain, order, result);
    else
        trade(engine, &plain, order, result);
    return true;
}
