/* Index and mark prices.
 *
 * Promise: the index is the median of fresh sources without outliers; the mark is the median of
 * index, index + decaying basis and book mid, clamped, or what the operator pinned
 * (market.md). Marks change only here, never inside matching; a changed mark sets
 * instrument->moved.
 *
 * May include: engine/state.h, engine/book.h. */
#ifndef RF_ENGINE_MARK_H
#define RF_ENGINE_MARK_H

#include "engine/state.h"

#define RF_FORGOTTEN_NS ((rf_time_ns)-1) /* in place of the time of an input */

/* Finds or makes an index by name; UINT32_MAX: no room. */
uint32_t rf_index_make(rf_engine *engine, const char *name);
/* One source's price: the index, then the marks of the instruments that follow it. 308: not
 * positive, or a mark that could come of it would be above an instrument's mark_max. */
rf_error rf_index_set(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_mark_pin(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_mark_clear(rf_engine *engine, const rf_command *command, rf_result *result);
/* Recomputes one instrument's mark from index and book at engine->now_ns. No new input: it does
 * not get younger. */
void rf_mark_update(rf_engine *engine, rf_instrument *instrument);
/* The mark follows its index from now on, as of the index's time. */
void rf_mark_follow(rf_engine *engine, rf_instrument *instrument);
/* Book mid in e8; the index if a side is empty; 0 = no index either. */
int64_t rf_mark_mid(const rf_engine *engine, const rf_instrument *instrument);
bool rf_mark_stale(const rf_engine *engine, const rf_instrument *instrument);
/* An index is as old as the instruments that follow it allow; one that nobody follows never is
 * too old. */
bool rf_index_stale(const rf_engine *engine, const rf_index *index);
/* After a restart: every mark and index is too old until its next input, whatever the clock and the
 * instrument's mark_stale_ns say. */
rf_error rf_mark_forget(rf_engine *engine, const rf_command *command, rf_result *result);
/* Opening orders, margin removal and liquidation stop when the mark is stale or the state says
 * so. */
bool rf_liquidation_frozen(const rf_engine *engine, const rf_instrument *instrument);

#endif
