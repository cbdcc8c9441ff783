/* Listing: currencies, instruments, their risk parameters and states.
 *
 * Promise: a configuration is checked whole before anything of it is used; what is not exact (a
 * tier deduction with a fraction of a unit, decimals that do not fit) is refused.
 *
 * May include: engine/state.h, engine/mark.h. */
#ifndef RF_ENGINE_INSTRUMENT_H
#define RF_ENGINE_INSTRUMENT_H

#include "engine/state.h"

/* No maintenance rate is above a half; with fees at most these, closing always leaves part of a
 * notional, so the formulas for liquidation and bankruptcy prices never divide by zero or less.
 * An account's own rates have the same bound. */
#define RF_TRADING_FEE_MAX (RF_E8 / 10)
#define RF_LIQUIDATION_FEE_MAX (RF_E8 / 4)

rf_error rf_currency_create(rf_engine *engine, const rf_command *command, rf_result *result);
/* The instrument of a command's group "instrument"; an error when there is none, or it is settled. */
rf_error rf_instrument_listed(rf_engine *engine, const rf_command *command,
                              rf_instrument **instrument);
rf_error rf_instrument_create(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_instrument_update(rf_engine *engine, const rf_command *command, rf_result *result);
/* SETTLED starts work that rf_schedule_step (funding.h) finishes: every order cancelled, every
 * position closed. */
rf_error rf_instrument_set_state(rf_engine *engine, const rf_command *command, rf_result *result);
/* Fills everything derived from config: tiers with deductions, margin parameters, mark_max. For
 * load too. False: the configuration cannot be used. */
bool rf_instrument_prepare(rf_instrument *instrument);
/* Start values of what is derived and not zero when empty (book, triggers, watches). For create
 * and load. */
void rf_instrument_start(rf_instrument *instrument);
/* 40003 or 40004 when the configuration is not usable, else 0. */
rf_error rf_instrument_check(const rf_instrument_config *config);
/* Both ways, position and open orders together: the largest quantity that admission has room for
 * at mark_max. */
rf_qty rf_instrument_qty_max(const rf_instrument *instrument);

#endif
