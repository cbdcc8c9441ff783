/* Funding, session settlement, socialised loss and the hour boundaries that cause them.
 *
 * Promise: margin.md section 7 and 11; money is conserved to the last unit, the remainder goes
 * to ROUNDING. All of it is resumable: rf_schedule_step does a bounded piece of work and says
 * whether it is finished.
 *
 * May include: engine/state.h, engine/ledger.h, engine/mark.h, engine/position.h,
 * engine/watch.h. */
#ifndef RF_ENGINE_FUNDING_H
#define RF_ENGINE_FUNDING_H

#include "engine/state.h"

/* A new instrument's first rate and the start of its premium. */
void rf_funding_start(rf_engine *engine, rf_instrument *instrument);
/* Adds the time since the last sample at the premium of then, and takes the premium of now;
 * called before the mark changes. */
void rf_funding_sample(rf_engine *engine, rf_instrument *instrument);
/* Rate per hour that settles next. */
rf_rate rf_funding_hourly(const rf_instrument *instrument);
/* Rate per hour of the next four-hour interval if the running one ended now. */
rf_rate rf_funding_estimate(const rf_engine *engine, const rf_instrument *instrument);
rf_error rf_funding_pin(rf_engine *engine, const rf_command *command, rf_result *result);
/* Operator's calls: start the work for one instrument now; rf_schedule_step finishes it. */
rf_error rf_funding_settle_now(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_session_settle_now(rf_engine *engine, const rf_command *command, rf_result *result);
/* Is there room in every balance for what this price gives and takes, and in the fund for what
 * the losers may not have? Looks at every position: an operator's rare call. */
bool rf_settlement_fits(const rf_engine *engine, const rf_instrument *instrument, rf_price price);
/* The instrument has just been given its settlement price: starts closing every order and
 * position at it. */
void rf_settlement_start(rf_engine *engine, const rf_instrument *instrument);

/* First command: which hour boundary is the next one. Later calls do nothing. */
void rf_schedule_first(rf_engine *engine);
/* TICK: starts the way to engine->command_time_ns (hours between, then one mark update of
 * everything). Harmless while an earlier one is not finished. */
void rf_schedule_start(rf_engine *engine);
/* One bounded step of it. True: nothing of the schedule is left (also when there was nothing).
 * Moves engine->now_ns to the boundary at work, and to the command's time at the end.
 *
 * What the caller does after each step: rf_engine_look always; then, unless rf_schedule_busy,
 * liquidations and triggers to their end; then, unless the step was the last or busy, the next
 * step. A busy schedule stopped at its bound in the middle of funding and settlement, between
 * which nothing else may happen: it goes on with the next TICK. */
bool rf_schedule_step(rf_engine *engine);
static inline bool rf_schedule_busy(const rf_engine *engine)
{
    return engine->work.position != RF_NONE || engine->work.stage == RF_HOUR_CLOSE;
}

/* Something of the schedule is left (for rf_engine_pending). */
static inline bool rf_schedule_pending(const rf_engine *engine)
{
    return engine->work.stage != RF_HOUR_IDLE || engine->work.target_ns != 0;
}

#endif
