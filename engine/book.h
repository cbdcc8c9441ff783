/* The order book of one instrument: price levels with first-in-first-out queues.
 *
 * Promise: best price, insert and remove are a few bit operations inside the window of ticks around
 * the market; levels far outside are kept in sorted lists and move in when the window follows the
 * market. A level's quantity and count are always the sums over its orders (I7). Where the window
 * lies changes no answer.
 *
 * Prices are multiples of the instrument's price_tick, which must not change while orders rest.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_BOOK_H
#define RF_ENGINE_BOOK_H

#include "engine/state.h"

void rf_book_insert(rf_engine *engine, uint32_t order); /* at the end of its level */
/* With the leaves that the level counts for it, so before they are lowered elsewhere. */
void rf_book_remove(rf_engine *engine, uint32_t order);
/* The order has been given its price and leaves (its level still counts the old ones): to the end of
 * its new level, or, at the same price with less quantity, where it stands. */
void rf_book_move(rf_engine *engine, uint32_t order, rf_price old_price, rf_qty old_leaves);
/* Less quantity at the same place: of the level only, the order's leaves are rf_own_reduce's. */
void rf_book_reduce(rf_engine *engine, uint32_t order, rf_qty by);
/* First order of the best level; RF_NONE: side empty. */
uint32_t rf_book_best(const rf_engine *engine, const rf_instrument *instrument, uint8_t side);
/* The order after this one: same level, then the next worse level. */
uint32_t rf_book_next(const rf_engine *engine, const rf_instrument *instrument, uint32_t order);
/* Price of the best level, 0 = side empty. */
rf_price rf_book_best_price(const rf_instrument *instrument, uint8_t side);
/* Levels, best first; returns how many were written. */
size_t rf_book_levels(const rf_engine *engine, const rf_instrument *instrument, uint8_t side,
                      rf_level *levels, size_t max);

/* For prefetching, at any price: asks for the cache line of its level; the last order there, and the first order of
 * the best level, as far as the window says (RF_NONE: none in sight). */
void rf_book_fetch(const rf_engine *engine, const rf_instrument *instrument, rf_price price);
uint32_t rf_book_guess_last(const rf_engine *engine, const rf_instrument *instrument,
                            rf_price price);
uint32_t rf_book_guess_best(const rf_engine *engine, const rf_instrument *instrument, uint8_t side);

#endif
