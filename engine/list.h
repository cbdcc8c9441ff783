/* Orders that depend on each other: OCO, OTO, OTOCO, and orders attached to an order.
 *
 * Promise: one fill of an OCO leg (of a linked OTOCO leg) dooms the other; the legs of an OTO or OTOCO wait until
 * its primary is wholly filled and die with it when it ends otherwise. The list itself cancels nothing: it names
 * the doomed, close.c ends them.
 *
 * May include: engine/state.h, engine/order.h, engine/trigger.h. */
#ifndef RF_ENGINE_LIST_H
#define RF_ENGINE_LIST_H

#include "engine/state.h"

/* Makes a list with the next id. RF_NONE: no room. Emits LIST_CREATED. */
uint32_t rf_list_create(rf_engine *engine, uint32_t account, uint32_t instrument,
                        rf_contingency contingency, bool linked);
/* Adds a registered order as the next leg; false: the list is full. The primary of an OTO is its first leg. */
bool rf_list_add(rf_engine *engine, uint32_t list, uint32_t order);
/* The primary that was filled or ended before its list was there: its place stays empty, but the order
 * says where it belongs. */
void rf_list_add_finished(rf_engine *engine, uint32_t list, uint64_t order_id);
/* The order was filled, in part or wholly. Returns how many orders are doomed by it. */
uint32_t rf_list_filled(rf_engine *engine, uint32_t order, uint32_t doomed[RF_LIST_LEGS_MAX]);
/* The order ends: it leaves its list, waiting legs are armed (filled) or doomed. The last leg ends the list. */
uint32_t rf_list_leave(rf_engine *engine, uint32_t order, bool filled,
                       uint32_t doomed[RF_LIST_LEGS_MAX]);
/* A live list of this account; RF_NONE. */
uint32_t rf_list_find(const rf_engine *engine, uint32_t account, uint64_t list_id);

#endif
