/* Admission: every rule between an order's arrival and its place in the book.
 *
 * Promise: the ladder of refusals is that of engine/errors.def; a refused order leaves no trace and uses up no
 * identifier; acceptance, transfer, fills and the resting rest are one transaction (margin.md section 4).
 *
 * May include: everything of the engine but engine.h. */
#ifndef RF_ENGINE_ADMIT_H
#define RF_ENGINE_ADMIT_H

#include "engine/state.h"

rf_error rf_admit_order(rf_engine *engine, const rf_order_params *order, rf_result *result);
/* The same for the common kind of order (admit_plain.c). False: not surely of that kind; nothing was done. */
bool rf_admit_plain(rf_engine *engine, const rf_order_params *order, rf_result *result);
rf_error rf_admit_amend(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_admit_list(rf_engine *engine, const rf_command *command, rf_result *result);
/* A trigger that fired: becomes a market or limit order, or REJECTED with its reason. */
void rf_admit_triggered(rf_engine *engine, uint32_t order);
/* The insurance fund's own resting order (fund_unwind): reduce-only, post-only, on its cross position; no id
 * is used when nothing can rest. */
void rf_admit_fund_order(rf_engine *engine, uint32_t position, uint8_t side, rf_price price,
                         rf_qty qty);

rf_error rf_cancel_order(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_cancel_orders(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_cancel_list(rf_engine *engine, const rf_command *command, rf_result *result);

#endif
