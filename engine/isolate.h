/* Isolated margin by the user's hand: adding, removing, leverage (margin.md section 6).
 *
 * Promise: the only ways for money between a main account and an isolation, beside order placement and the
 * sweep. Whatever rf_isolate_* answers as possible is accepted if it is the next command.
 *
 * May include: engine/state.h, engine/ledger.h, engine/position.h, engine/cross.h. */
#ifndef RF_ENGINE_ISOLATE_H
#define RF_ENGINE_ISOLATE_H

#include "engine/state.h"

rf_error rf_isolate_move_margin(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_isolate_set_leverage(rf_engine *engine, const rf_command *command, rf_result *result);
/* The caller's isolation by id; RF_NONE: unknown or another account's. */
uint32_t rf_isolate_find(const rf_engine *engine, uint32_t account, uint64_t isolation_id);
/* 226: out of range, or upward to what this size cannot have (section 6). */
rf_error rf_isolate_check_leverage(const rf_engine *engine, uint32_t position, uint32_t leverage);
/* max(0, min(W, A)), 0 while margin may not leave (liquidation, stale mark, state). */
rf_money rf_isolate_max_removable(const rf_engine *engine, uint32_t position);
/* Main to isolation (amount > 0) or back (< 0): ledger and what was put in or taken out. */
void rf_isolate_transfer(rf_engine *engine, uint32_t position, rf_money amount);

#endif
