/* What the parts of `bench server` share: the server, and the rows of a part.
 *
 * Promise: every row says how long the disk's flush took and how loaded the machine was when its part
 * began, and what a call cost the server, the server's loop and the client: who is the bottleneck can
 * be seen.
 *
 * May include: bench/bench.h, bench/load.h. */
#ifndef RF_BENCH_SERVER_H
#define RF_BENCH_SERVER_H

#include "bench/bench.h"
#include "bench/load.h"

enum { RF_SERVED_RUNS_MAX = 31, RF_SERVED_TIMES_MAX = 4000000, RF_SERVED_MEMBERS = 320 };

typedef struct rf_served {
    const rf_bench_options *options;
    rf_load_server server;
    int64_t flush_us; /* when the part began */
    double machine;   /* its load then */
} rf_served;

/* One part's runs, each value of one call. */
typedef struct rf_served_figures {
    int64_t rate[RF_SERVED_RUNS_MAX]; /* a second */
    int64_t p50_us[RF_SERVED_RUNS_MAX], p99_us[RF_SERVED_RUNS_MAX];
    int64_t server_ns[RF_SERVED_RUNS_MAX], loop_ns[RF_SERVED_RUNS_MAX],
        client_ns[RF_SERVED_RUNS_MAX];
    uint32_t runs;
    uint64_t refused;
} rf_served_figures;

void rf_served_begin(rf_served *self); /* a part: looks at the disk and the machine */
/* A run that began at `since` and made `calls` calls, whose times the load has. */
void rf_served_run(rf_served *self, rf_load *load, const rf_load_usage *since, uint64_t calls,
                   rf_served_figures *figures);
/* Rows of a second's calls, whose metric `rate` names, and of their times; and of what a call cost.
 * members: JSON, ",\"clients\":8". */
void rf_served_print_times(const rf_served *self, const char *work, const char *rate,
                           const char *members, rf_served_figures *figures);
void rf_served_print_costs(const rf_served *self, const char *members, rf_served_figures *figures);

/* ---- Orders (server.c) ---- */
/* Signs all connections in, for a part of its own: no two parts give an order the same name. */
void rf_served_sign_in(rf_served *self, rf_load *load);
/* Even calls of a connection place an order that rests, odd ones cancel it. */
void rf_served_say_order(rf_load_conn *conn, int64_t due_ns);
/* Answered calls of all connections; the process ends when one is gone. */
uint64_t rf_served_answered(const rf_load *load, uint64_t *refused);
/* Nothing that is under way may reach into the next run. */
void rf_served_drain(rf_load *load);

/* ---- Parts with files of their own ---- */
void rf_served_rest(rf_served *self, uint32_t clients); /* W8 */
void rf_served_fan_out(rf_served *self);                /* W8 */

#endif
