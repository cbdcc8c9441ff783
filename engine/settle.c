#include "engine/settle.h"

#include "engine/book.h"
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

typedef struct rf_match_side {
    uint32_t order;
    uint32_t peer; /* account of the other side */
    uint64_t match;
    rf_qty qty;
    rf_price price;
    rf_rate rate;
    bool taker;
} rf_match_side;

static void emit_fill(rf_engine *engine, const rf_match_side *match, rf_money realized,
                      rf_money fee)
{
    const rf_order *order = &engine->orders[match->order];
    const rf_position *position = &engine->positions[order->position];
    rf_event event = {0};
    event.kind = RF_EVENT_FILL;
    event.instrument = order->instrument;
    event.account = order->account;
    event.order_id = order->id;
    event.isolation_id = position->id;
    event.price = match->price;
    event.qty = match->qty;
    event.amount = position->cost;
    event.fee = fee;
    event.realized = realized;
    event.leaves = order->leaves;
    event.id = match->match;
    event.value = position->cost_user;
    event.code = match->taker;
    event.flags = order->flags;
    event.side = order->side;
    event.type = order->type;
    event.peer = match->peer;
    rf_emit(engine, &event);
}

static void settle_side(rf_engine *engine, const rf_match_side *match)
{
    const rf_order *order = &engine->orders[match->order];
    rf_order_cold *cold = &engine->orders_cold[match->order];
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    const rf_money value = rf_notional(instrument->k, match->qty, match->price);
    const rf_money realized =
        rf_position_trade(engine, order->position, order->side, match->qty, match->price);
    const rf_money fee = rf_fee(value, match->rate);
    const rf_slot slot = rf_slot_of_position(engine, order->position);
    rf_ledger_post_quiet(engine, rf_slot_clearing(order->instrument), slot, realized);
    rf_ledger_post_quiet(engine, slot, rf_slot_house(RF_SLOT_FEES, 0), fee);
    rf_session_realize(engine, slot, realized - fee);
    cold->filled_qty += match->qty;
    cold->filled_value = rf_add(cold->filled_value, value);
    cold->fee += fee;
    cold->update_time_ns = engine->now_ns;
    rf_position_touch(engine, order->position);
    rf_prefetch_keys(engine, order->position);
    emit_fill(engine, match, realized, fee);
}

/* Quantity leaves the order first, so that events and sums tell what is left. */
static void take_from_maker(rf_engine *engine, uint32_t maker, rf_qty qty)
{
    if (engine->orders[maker].leaves == qty)
        rf_book_remove(engine, maker);
    else
        rf_book_reduce(engine, maker, qty);
    rf_own_reduce(engine, maker, qty);
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
    const uint64_t match = engine->next_match++;
    take_from_maker(engine, maker, qty);
    take_from_taker(engine, taker, qty);
    const rf_match_side maker_side = {maker, incoming->account,
                                      match, qty,
                                      price, rf_maker_rate(engine, resting->account, instrument),
                                      false};
    const rf_match_side taker_side = {taker, resting->account,
                                      match, qty,
                                      price, rf_taker_rate(engine, incoming->account, instrument),
                                      true};
    settle_side(engine, &maker_side);
    settle_side(engine, &taker_side);
    honour_maker(engine, resting->position);
    instrument->last_price = price;
    instrument->changes++;
}
