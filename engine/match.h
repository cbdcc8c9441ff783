/* Matching: an incoming order walks the other side of the book, price first, then time.
 *
 * Promise: a walk is planned on the state as it is and changes nothing that is kept; commit does exactly what
 * was planned. Whoever plans decides, from the plan, whether the order is accepted.
 *
 * May include: engine/state.h, engine/book.h, engine/settle.h, engine/position.h, engine/cross.h. */
#ifndef RF_ENGINE_MATCH_H
#define RF_ENGINE_MATCH_H

#include "engine/state.h"

/* What a plan found. Its steps are engine->plan[0..steps). */
typedef struct rf_plan {
    uint32_t steps;
    rf_qty filled;
    rf_qty reach;      /* what the book alone would fill, margin rules left out */
    rf_money value;    /* e8: sum of quantity times price times K */
    rf_money fee;      /* e8, the taker's */
    rf_price worst;    /* last price taken */
    rf_error stop;     /* why it ended before the order or the book did: 304, 306, 43012, 1110; 0 */
    bool saw_any;      /* the opposite side had an order within the limit */
    bool saw_beyond;   /* the next order to take lies beyond the price guard */
    rf_money transfer; /* isolated MARKET: T after the walk */
    rf_money refused_transfer; /* T of the first match that could not be afforded */
    /* the taker's position afterwards */
    rf_qty q;
    rf_money cost;
    rf_money cash;      /* realised profit less fees: what W or main USD gains */
    rf_money available; /* cross: the account's, with the rest of a good-till-cancel order resting;
                           a lower bound that is not below 0 does, unless exact */
    bool exact;         /* set by who plans */
} rf_plan;

/* Plans an order that stands in its position's own list at its limit (a market order in none). free_usd: what
 * main may give to the isolation of a market order; transfer: the money that comes along (a limit order's T, or
 * the amount given). before: the main account's available before a cross order. */
void rf_match_plan(rf_engine *engine, uint32_t taker, rf_money free_usd, rf_money transfer,
                   rf_money before, rf_plan *plan);
/* What would be available after a cross limit order whose fills nothing but the book stops: 306 comes before 304. */
rf_money rf_match_available_whole(rf_engine *engine, uint32_t taker);
/* An order of this quantity would leave the position with more uncovered quantity than it has (section 4.2). */
bool rf_adds_uncovered(const rf_position *position, uint8_t side, rf_qty qty);
/* Quantity that an order of this side can take off the position. */
rf_qty rf_reducible(const rf_position *position, uint8_t side);
/* In its position's own list: resting, or a limit order on trial. */
bool rf_order_owned(const rf_order *order);
/* Does so many steps of engine->plan. The order keeps what is left as leaves. */
void rf_match_commit(rf_engine *engine, uint32_t taker, uint32_t steps);
/* A taker of this side may not reach this price: it lies beyond the mark and the price band. */
bool rf_beyond_guard(const rf_instrument *instrument, uint8_t side, rf_price price);

/* A reduce-only immediate-or-cancel order with exec_inst LIQUIDATION (sections 9.3, 10.2): takes one order id,
 * passes over orders of the same account and of the fund, knows no guard and no self-trade prevention, ends
 * FILLED or CANCELED. Returns the quantity filled; *value: its notional. A limit <= 0 means: any price for a
 * sell, nothing for a buy. */
rf_qty rf_match_liquidation(rf_engine *engine, uint32_t position, rf_qty qty, rf_price limit,
                            rf_money *value);

#endif
