/* Orders: the pool of hot and cold records, the identifier maps, each position's own sorted list.
 *
 * Promise: an order is in exactly the lists that its state says; the own lists and the running sums
 * of the position change together. A finished order is remembered in the ring of recents. Own lists
 * stand best price first, then by id (an order without an id comes last); lists of triggers stand
 * by id: their order can be rebuilt from the orders alone.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_ORDER_H
#define RF_ENGINE_ORDER_H

#include "engine/state.h"

/* Takes a free record, hot and cold zeroed (state TRIAL, no id yet); RF_NONE: pool full. */
uint32_t rf_order_take(rf_engine *engine);
/* Takes a record for a cross order that is accepted, fills it and registers it; the caller knows that there is
 * one. It is in no list yet (state TAKING). */
uint32_t rf_order_make(rf_engine *engine, const rf_order_params *params, uint32_t position);
/* Gives back a record that never got an id. */
void rf_order_give_back(rf_engine *engine, uint32_t order);
/* Gives the order the next id and files it under id and client_oid; account->orders_count
 * follows. */
void rf_order_register(rf_engine *engine, uint32_t order);
/* Ends a registered order that is in no list any more: status, reason and time go with it to the
 * ring; account->orders_count follows. */
void rf_order_finish(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason);
/* A live order of the account by id, or by client_oid when id is 0; RF_NONE. */
uint32_t rf_order_find(const rf_engine *engine, uint32_t account, uint64_t id,
                       const char *client_oid);
/* The same among the finished ones; NULL. */
rf_recent *rf_order_find_recent(const rf_engine *engine, uint32_t account, uint64_t id,
                                const char *client_oid);
/* A client_oid that was defaulted is neither looked for nor found. */
/* The live order that most likely has this id, without a look at it; RF_NONE: none in sight. For prefetching. */
void rf_order_fetch_slot(const rf_engine *engine, uint64_t id);
uint32_t rf_order_guess(const rf_engine *engine, uint64_t id);
/* Live or finished, of whatever account: an id is given once. */
bool rf_order_id_used(const rf_engine *engine, uint64_t id);
bool rf_order_oid_used(const rf_engine *engine, uint32_t account, const char *client_oid);
/* Files the order under another client_oid (amend), which must be unused. */
void rf_order_rename(rf_engine *engine, uint32_t order, const char *client_oid);

/* The position's own list and sums. What an order more takes from the account's room is the caller's to see to
 * (rf_cross_affords, rf_watch_account). */
void rf_own_insert(rf_engine *engine, uint32_t order);
void rf_own_remove(rf_engine *engine, uint32_t order);
/* Lowers leaves, sums and earmark (scaled, floor) of an order in its own list. */
void rf_own_reduce(rf_engine *engine, uint32_t order, rf_qty by);
/* Gives an order in its own list another price and leaves; it moves only past neighbours. Returns what
 * the side's open notional grew by. */
rf_money rf_own_reprice(rf_engine *engine, uint32_t order, rf_price price, rf_qty leaves);
/* The position's list of armed and waiting orders; the cold record's triggers_count follows. */
void rf_armed_insert(rf_engine *engine, uint32_t order);
void rf_armed_remove(rf_engine *engine, uint32_t order);

/* For load: files a record that has its id already, account->orders_count follows; and a
 * remembered one. */
void rf_order_file(rf_engine *engine, uint32_t order);
void rf_recent_file(rf_engine *engine, uint64_t number);

static inline rf_recent *rf_recent_at(const rf_engine *engine, uint64_t number)
{
    return &engine->recents[number % engine->limits.recent_max];
}

#endif
