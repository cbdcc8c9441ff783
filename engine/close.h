/* How positions and orders end: cancelling, sweeping an isolation, moving a position to another owner.
 *
 * Promise: each of these leaves every list, sum, watch and balance consistent by itself.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_CLOSE_H
#define RF_ENGINE_CLOSE_H

#include "engine/state.h"

/* Takes a resting, armed or waiting order out of everything and finishes it as CANCELED with this reason; what
 * its list makes of that follows at once (list.h). Money of isolations returns by rule 4.5 when give_back (in
 * liquidation it stays in W). */
void rf_close_order(rf_engine *engine, uint32_t order, rf_error reason, bool give_back);
/* What rule 4.5 returns of a cancelled order's earmark. */
void rf_close_give_back(rf_engine *engine, uint32_t position, rf_money earmark);
/* The order has no leaves: out of its list, FILLED. */
void rf_close_filled(rf_engine *engine, uint32_t order);
/* A resting order was filled in part: what its list makes of that. */
void rf_close_partly_filled(rf_engine *engine, uint32_t order);
/* Ends a registered order that is in no book (a rest that does not rest, a trigger that was refused). */
void rf_close_unrested(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason);
/* All orders and triggers of one position. */
void rf_close_all_orders(rf_engine *engine, uint32_t position, rf_error reason, bool give_back);
/* Reduce-only orders, and triggers attached to the position, that have nothing left to reduce. */
void rf_close_idle(rf_engine *engine, uint32_t position);
/* After fills, cancels and settlements of an isolation: closed to zero -> W to main, leftovers cancelled, the
 * isolation ends; flat with opening orders -> sweep down to what they require (section 5). */
void rf_close_sweep(rf_engine *engine, uint32_t position);
/* An event about an order: PLACED, OPENED, ARMED, TRIGGERED, CLOSED (code: its reason). */
void rf_close_emit(rf_engine *engine, uint32_t order, rf_event_kind kind, rf_error code);
/* PLACED, and OPENED at once. */
void rf_close_emit_entered(rf_engine *engine, uint32_t order);

#endif
