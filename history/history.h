/* The history: orders, trades, ledger entries, balances by hour, liquidations, closed positions,
 * withdrawals, candles, in a database beside the engine.
 *
 * Promise: derived, never decisive. Everything in it comes from events and can be made anew from the
 * journal; the number of the last record that it holds (applied_seq) is written in the same
 * transaction. A question asked after a record was observed sees that record.
 *
 * The store behind it is one small interface (history/store.h), SQLite by default, in memory for
 * replay.
 *
 * May include: base, api, market, venue, history. sqlite3.h is seen by sqlite.c only. */
#ifndef RF_HISTORY_HISTORY_H
#define RF_HISTORY_HISTORY_H

#include "venue/world.h"

typedef struct rf_history rf_history;

/* path NULL: in memory. threaded: a worker of its own writes and answers, else everything happens in
 * the calls. NULL: `error` says why. */
rf_history *rf_history_open(const char *path, bool threaded, char error[256]);
/* Writes what is left, then closes. */
void rf_history_close(rf_history *history);
uint64_t rf_history_applied(const rf_history *history); /* as found when it was opened */

/* Watches the world from now on and answers the methods of RF_SERVICE_HISTORY. Records with a number
 * up to rf_history_applied are passed over. */
bool rf_history_attach(rf_history *history, rf_world *world);
/* The number of the record that is about to be applied (a journal's; replay counts by itself). */
void rf_history_record(rf_history *history, uint64_t seq);

/* A job (api/call.h) that has to wait its turn behind what was written: runs in the worker, then
 * `done` is called in the worker with the finished answer; the caller wakes its own loop. */
void rf_history_ask(rf_history *history, const rf_job *job, void (*done)(void *context),
                    void *context);
size_t rf_history_behind(const rf_history *history); /* events that wait to be written */

#endif
