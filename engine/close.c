#include "engine/close.h"

#include "engine/book.h"
#include "engine/isolate.h"
#include "engine/list.h"
#include "engine/match.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"

static inline void describe(const rf_engine *engine, uint32_t order, rf_event_kind kind,
                            rf_error code, rf_event *event)
{
    const rf_order *hot = &engine->orders[order];
    const rf_order_cold *cold = &engine->orders_cold[order];
    *event = (rf_event){.kind = (uint16_t)kind,
                        .instrument = hot->instrument,
                        .account = hot->account,
                        .order_id = hot->id,
                        .isolation_id = cold->isolation_id,
                        .price = hot->price,
                        .qty = hot->leaves,
                        .leaves = hot->leaves,
                        .id = cold->list_id,
                        .value = cold->params.ref_price,
                        .code = (uint32_t)code,
                        .flags = hot->flags,
                        .side = hot->side,
                        .type = hot->type};
}

void rf_close_emit(rf_engine *engine, uint32_t order, rf_event_kind kind, rf_error code)
{
    rf_event event;
    describe(engine, order, kind, code, &event);
    rf_emit(engine, &event);
}

void rf_close_emit_entered(rf_engine *engine, uint32_t order)
{
    rf_event event;
    describe(engine, order, RF_EVENT_ORDER_PLACED, RF_ERR_OK, &event);
    rf_emit(engine, &event);
    event.kind = RF_EVENT_ORDER_OPENED;
    rf_emit(engine, &event);
}

static void emit_closed(rf_engine *engine, uint32_t order, rf_qty left_book, rf_order_status status,
                        rf_error reason)
{
    if (!engine->sink.event)
        return;
    const rf_order *hot = &engine->orders[order];
    rf_event event = {.kind = RF_EVENT_ORDER_CLOSED,
                      .instrument = hot->instrument,
                      .account = hot->account,
                      .order_id = hot->id,
                      .isolation_id = engine->orders_cold[order].isolation_id,
                      .price = hot->price,
                      .leaves = left_book,
                      .value = status,
                      .code = (uint32_t)reason,
                      .flags = hot->flags,
                      .side = hot->side,
                      .type = hot->type};
    rf_emit(engine, &event);
}

/* Out of every list. Returns the quantity that leaves the book with it. */
static rf_qty detach(rf_engine *engine, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    const rf_qty leaves = hot->leaves;
    RF_CHECK(hot->state != RF_STATE_FREE);
    switch ((rf_order_state)hot->state) {
    case RF_STATE_RESTING:
        if (leaves == 0)
            return 0; /* its last fill took it out */
        rf_book_remove(engine, order);
        rf_own_remove(engine, order);
        return leaves;
    case RF_STATE_TRIAL:
        if (rf_order_owned(hot))
            rf_own_remove(engine, order);
        return 0;
    case RF_STATE_ARMED:
        rf_trigger_disarm(engine, order);
        rf_armed_remove(engine, order);
        return 0;
    case RF_STATE_WAITING:
        rf_armed_remove(engine, order);
        return 0;
    case RF_STATE_TAKING:
        hot->state = RF_STATE_TRIAL; /* remembered like one that was tried */
        return 0;
    case RF_STATE_FREE: /* looked at above */
        break;
    }
    return 0;
}

/* margin.md 4.5: a cancelled order's earmark goes back as far as margin may leave. What a flat isolation
 * without opening orders has goes back whole, at the look after this step (rf_close_sweep). */
void rf_close_give_back(rf_engine *engine, uint32_t position, rf_money earmark)
{
    const rf_position *record = &engine->positions[position];
    if (!rf_is_isolated(record))
        return;
    rf_position_touch(engine, position);
    if (earmark == 0 || (record->q == 0 && record->opening_count == 0))
        return;
    const rf_money back = rf_min(earmark, rf_isolate_max_removable(engine, position));
    if (back > 0)
        rf_isolate_transfer(engine, position, -back);
}

/* Ends one order without looking at its list. */
static void end_one(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason,
                    bool return_earmark)
{
    const uint32_t position = engine->orders[order].position;
    const rf_position *record = &engine->positions[position];
    const rf_money earmark = engine->orders[order].earmark;
    const rf_qty left = detach(engine, order);
    emit_closed(engine, order, left, status, reason);
    rf_order_finish(engine, order, status, reason);
    if (rf_is_isolated(record)) {
        rf_position_touch(engine, position);
        if (return_earmark)
            rf_close_give_back(engine, position, earmark);
    } else if (record->q == 0 && (record->flags & RF_POSITION_TOUCHED) == 0) {
        /* A touched record is released by the look after this step. */
        rf_position_release_if_empty(engine, position);
    }
}

/* The doomed are in no list any more when they end: they doom nobody. */
static void end_doomed(rf_engine *engine, const uint32_t *doomed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t none[RF_LIST_LEGS_MAX];
        rf_list_leave(engine, doomed[i], false, none);
        end_one(engine, doomed[i], RF_ORDER_CANCELED, RF_ERR_OK, true);
    }
}

static void end(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason,
                bool return_earmark)
{
    uint32_t doomed[RF_LIST_LEGS_MAX], count = 0;
    if (engine->orders_cold[order].list != RF_NONE)
        count = rf_list_leave(engine, order, status == RF_ORDER_FILLED, doomed);
    end_one(engine, order, status, reason, return_earmark);
    if (count != 0)
        end_doomed(engine, doomed, count);
}

void rf_close_order(rf_engine *engine, uint32_t order, rf_error reason, bool give_back_earmark)
{
    end(engine, order, RF_ORDER_CANCELED, reason, give_back_earmark);
}

void rf_close_filled(rf_engine *engine, uint32_t order)
{
    RF_CHECK(engine->orders[order].leaves == 0);
    end(engine, order, RF_ORDER_FILLED, RF_ERR_OK, false);
}

void rf_close_partly_filled(rf_engine *engine, uint32_t order)
{
    if (engine->orders_cold[order].list == RF_NONE)
        return;
    uint32_t doomed[RF_LIST_LEGS_MAX];
    const uint32_t count = rf_list_filled(engine, order, doomed);
    end_doomed(engine, doomed, count);
}

void rf_close_unrested(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason)
{
    if (engine->orders_cold[order].filled_qty > 0)
        rf_close_partly_filled(engine, order);
    end(engine, order, status, reason, true);
}

/* The first order of the position that is still open, resting ones first; RF_NONE. */
static uint32_t any_order(const rf_position *position)
{
    if (position->orders[RF_BUY] != RF_NONE)
        return position->orders[RF_BUY];
    if (position->orders[RF_SELL] != RF_NONE)
        return position->orders[RF_SELL];
    return position->triggers;
}

void rf_close_all_orders(rf_engine *engine, uint32_t position, rf_error reason,
                         bool give_back_earmarks)
{
    /* The record stays while it is worked on: an isolation always does, a cross one while it has a position. */
    const rf_position *record = &engine->positions[position];
    for (uint32_t order = any_order(record); order != RF_NONE; order = any_order(record))
        rf_close_order(engine, order, reason, give_back_earmarks);
}

static bool is_idle(const rf_engine *engine, const rf_position *position, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    if (rf_reducible(position, hot->side) > 0)
        return false;
    const bool trigger = hot->state == RF_STATE_ARMED || hot->state == RF_STATE_WAITING;
    if (trigger)
        return hot->state == RF_STATE_ARMED &&
               engine->orders_cold[order].params.attach_position != 0;
    return (hot->flags & RF_FLAG_REDUCE_ONLY) != 0;
}

static uint32_t next_idle(const rf_engine *engine, const rf_position *position)
{
    const uint32_t heads[3] = {position->orders[RF_BUY], position->orders[RF_SELL],
                               position->triggers};
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t order = heads[i]; order != RF_NONE; order = engine->orders[order].own_next)
            if (is_idle(engine, position, order))
                return order;
    return RF_NONE;
}

void rf_close_idle(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if (record->orders_count == record->opening_count && record->triggers == RF_NONE)
        return;
    for (uint32_t order = next_idle(engine, record); order != RF_NONE;
         order = next_idle(engine, record))
        rf_close_order(engine, order, RF_ERR_REDUCE_ONLY_REJECTED, true);
}

/* Flat with opening orders: what they do not require goes back (section 5). */
static void sweep_down(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    rf_assessment now;
    rf_position_assess(engine, record, &now);
    const rf_money excess = rf_min(record->wallet, now.available);
    if (excess > 0)
        rf_isolate_transfer(engine, position, -excess);
}

void rf_close_sweep(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    const bool closed = (record->flags & RF_POSITION_CLOSED) != 0;
    record->flags &= (uint16_t)~RF_POSITION_CLOSED;
    if (record->q != 0 || (record->flags & RF_POSITION_LIQUIDATING) != 0)
        return;
    if (record->opening_count != 0) {
        if (closed)
            sweep_down(engine, position);
        return;
    }
    rf_close_all_orders(engine, position, RF_ERR_REDUCE_ONLY_REJECTED, false);
    RF_CHECK(record->wallet >= 0); /* a main account never pays for an isolation (margin.md 2) */
    if (record->wallet != 0)
        rf_isolate_transfer(engine, position, -record->wallet);
    rf_position_release_if_empty(engine, position);
}
