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
 * (world->record) up to rf_history_applied are passed over. */
bool rf_history_attach(rf_history *history, rf_world *world);
/* The journal holds everything up to this record. From the first call on rows of later ones wait in
 * memory, so that no crash leaves a history that is ahead of its journal. Never called: nothing
 * waits. */
void rf_history_release(rf_history *history, uint64_t durable_seq);
/* Everything up to this record is in the database: what journal and snapshots may forget. */
uint64_t rf_history_written(const rf_history *history);

/* Calls `turn` in the worker once everything observed so far is written (unthreaded: now). That is
 * where a job of RF_SERVICE_HISTORY becomes its answer, by rf_api_job; the caller wakes its own
 * loop. */
void rf_history_ask(rf_history *history, void (*turn)(void *context), void *context);

size_t rf_history_behind(const rf_history *history); /* rows that wait to be written */
/* True: the database cannot be written, `error` says why. The venue goes on; questions are answered
 * 9010001. It tries again each second; once too much waits (RF_HISTORY_ROWS_MAX) it gives up until
 * the next start, which makes the missing rows from the journal. */
bool rf_history_failed(const rf_history *history, char error[256]);

enum {
    /* Rows in memory. Above the first the feeder waits for the worker to write some, a few
     * milliseconds at a time. */
    RF_HISTORY_ROWS_WAIT = 200000,
    RF_HISTORY_ROWS_MAX = 1000000,
};

#endif
