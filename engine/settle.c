#include "engine/settle.h"

#include "engine/book.h"
#include "engine/cross.h"
#include "engine/insurance.h"
#include "engine/ledger.h"
#include "engine/match.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/prefetch.h"
#include "engine/trade.h"

rf_money rf_fee(rf_money notional, rf_rate rate)
{
    return rate >= 0 ? rf_rate_up(notional, rate) : -rf_rate_down(notional, -rate);
}

rf_money rf_settle_taker_cash(const rf_engine *engine, const rf_position *position, uint8_t side,
                              rf_qty qty, rf_price price)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    rf_qty q = position->q;
    rf_money cost = position->cost;
    const rf_money realized = rf_trade(&q, &cost, instrument->k, side, qty, price);
    const rf_money value = rf_notional(instrument->k, qty, price);
    return realized - rf_fee(value, rf_taker_rate(engine, position->account, instrument));
}

/* The part of both sides' FILL events that is the same. */
static void start_fill(rf_event *event, const rf_order *maker, uint64_t match, rf_qty qty)
{
    *event = (rf_event){0};
    event->kind = RF_EVENT_FILL;
    event->instrument = maker->instrument;
    event->price = maker->price;
    event->qty = qty;
    event->id = match;
}

static void emit_fill(rf_engine *engine, rf_event *event, const rf_order *order)
{
    const rf_position *position = &engine->positions[order->position];
    event->account = order->account;
    event->order_id = order->id;
    event->isolation_id = position->id;
    event->amount = position->cost;
    event->leaves = order->leaves;
    event->value = position->cost_user;
    event->flags = order->flags;
    event->side = order->side;
    event->type = order->type;
    rf_emit(engine, event);
}

/* A look is needed when the account's keys may not hold, and for what the fill may have made idle or empty; while a
 * deleveraging queue is kept, it follows what is touched. */
static void note_fill(rf_engine *engine, const rf_order *order, rf_money room)
{
    const rf_position *position = &engine->positions[order->position];
    engine->accounts[order->account].room = room; /* which the trade forgot */
    if (room >= 0 && position->q != 0 && position->orders_count == position->opening_count &&
        position->triggers == RF_NONE && engine->adl_mark == 0)
        return;
    rf_position_touch(engine, order->position);
    rf_prefetch_keys(engine, order->position);
}

/* fill: price and quantity; value: their notional. Fee, realised profit and the rest of the side are added to it. */
static void settle_side(rf_engine *engine, rf_event *fill, uint32_t handle, rf_money value,
                        rf_rate rate)
{
    const rf_order *order = &engine->orders[handle];
    rf_order_cold *cold = &engine->orders_cold[handle];
    fill->fee = rf_fee(value, rate);
    const rf_money room =
        rf_is_isolated(&engine->positions[order->position])
            ? -1
            : rf_cross_room_after(engine, order, fill->qty, fill->price, fill->fee);
    fill->realized =
        rf_position_trade(engine, order->position, order->side, fill->qty, fill->price);
    rf_ledger_post_fill(engine, order->position, fill->realized, fill->fee);
    cold->filled_qty += fill->qty;
    cold->filled_value = rf_add(cold->filled_value, value);
    cold->fee += fill->fee;
    cold->update_time_ns = engine->now_ns;
    note_fill(engine, order, room);
    emit_fill(engine, fill, order);
}

/* Quantity leaves the order first, so that events and sums tell what is left. An order without any leaves the book and
 * its position's list. */
static void take_from_maker(rf_engine *engine, uint32_t maker, rf_qty qty)
{
    rf_order *order = &engine->orders[maker];
    if (order->leaves != qty) {
        rf_book_reduce(engine, maker, qty);
        rf_own_reduce(engine, maker, qty);
        return;
    }
    rf_book_remove(engine, maker);
    rf_own_remove(engine, maker);
    order->leaves = order->earmark = 0;
}

static void take_from_taker(rf_engine *engine, uint32_t taker, rf_qty qty)
{
    rf_order *order = &engine->orders[taker];
    if (rf_order_owned(order)) {
        rf_own_reduce(engine, taker, qty);
        return;
    }
    if (order->earmark != 0)
        order->earmark = rf_muldiv_down(order->earmark, order->leaves - qty, order->leaves);
    order->leaves -= qty;
}

/* A resting order's fill is always honoured; what it leaves below zero the fund pays (section 4.4). */
static void honour_maker(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if (rf_is_isolated(record) && record->q == 0 && record->wallet < 0)
        rf_fund_cover(engine, RF_SLOT_ISOLATED, position);
}

void rf_settle_match(rf_engine *engine, uint32_t maker, uint32_t taker, rf_qty qty)
{
    const rf_order *resting = &engine->orders[maker];
    const rf_order *incoming = &engine->orders[taker];
    rf_instrument *instrument = &engine->instruments[resting->instrument];
    const rf_price price = resting->price;
    RF_CHECK(qty > 0 && qty <= resting->leaves && qty <= incoming->leaves &&
             resting->side != incoming->side);
    const rf_money value = rf_notional(instrument->k, qty, price);
    rf_event fill;
    start_fill(&fill, resting, engine->next_match++, qty);
    take_from_maker(engine, maker, qty);
    take_from_taker(engine, taker, qty);
    fill.peer = incoming->account;
    settle_side(engine, &fill, maker, value, rf_maker_rate(engine, resting->account, instrument));
    fill.peer = resting->account;
    fill.code = 1; /* the taker's */
    settle_side(engine, &fill, taker, value, rf_taker_rate(engine, incoming->account, instrument));
    honour_maker(engine, resting->position);
    instrument->last_price = price;
    instrument->changes++;
}
