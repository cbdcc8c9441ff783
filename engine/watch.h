/* The liquidation index: which mark is the first that could make somebody unhealthy.
 *
 * Promise: a mark that passes no key costs one comparison a direction, whatever the number of
 * positions. The key of an isolation without opening orders is its exact liquidation price; with
 * opening orders, and for cross positions, it is a conservative bound, looked at again and
 * re-keyed when it is hit (I8). What is healthy now stays healthy while no mark passes a key and
 * no collateral's index falls to its watch price, however many of them move at the same time.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_WATCH_H
#define RF_ENGINE_WATCH_H

#include "engine/state.h"

/* (Re)computes the keys of one position; for a cross position, of its whole account. A key that
 * the mark has passed already calls rf_moved, so that the look after this step finds it. */
void rf_watch_position(rf_engine *engine, uint32_t position);
/* Whatever changed of the account: cash, orders, positions, rates. Cheap when the keys still
 * hold. */
void rf_watch_account(rf_engine *engine, uint32_t account);
/* The same after a change of open orders alone, for a caller who has the lower bound of the account's
 * available margin already (rf_cross_available_least): what was counted before may serve. */
void rf_watch_account_least(rf_engine *engine, uint32_t account, rf_money least);
void rf_watch_drop(rf_engine *engine, uint32_t position);
/* Handles of all positions whose key the instrument's mark has passed, into engine->scratch. */
uint32_t rf_watch_hits(rf_engine *engine, rf_instrument *instrument);
/* Unhealthy accounts (numbers) among the holders of a collateral whose index fell to its watch
 * price, into engine->scratch; the others are keyed anew. */
uint32_t rf_watch_collateral_hits(rf_engine *engine, uint32_t currency);
/* Clears both watches and keys every position again, when risk parameters changed. */
void rf_watch_rebuild(rf_engine *engine, rf_instrument *instrument);
/* Keys everything in an engine that was just loaded, where nothing has a key yet. */
void rf_watch_all(rf_engine *engine);
/* How far the mark may rise, as a fraction of itself (e8), before maintenance can be more than
 * initial margin is now. */
rf_rate rf_watch_reach(const rf_margin_params *params);

#endif
