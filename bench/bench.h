/* What all benchmarks share: a world with one perpetual, recorded commands, timing, and rows.
 *
 * Promise: a benchmark drives rf_engine_apply with events on. Its commands are recorded first, on an engine of its
 * own, so that nothing but the engine is timed; they depend on the seed alone. Each row is the median of the runs.
 *
 * May include: base, include/ringfence.h, C headers. */
#ifndef RF_BENCH_H
#define RF_BENCH_H

#include "include/ringfence.h"

#include <stdio.h>

typedef struct rf_bench_options {
    bool json;
    uint32_t runs;
    uint64_t commands;               /* 0: the benchmark's own number */
    const char *script;              /* write the commands of W2-S as a replay script here */
    bool quick;                      /* small sizes: the test run's way through all of it */
    uint32_t window;                 /* calls under way at the server; 0: the benchmark's own */
    uint32_t rate, seconds, clients; /* of the soak; 0: its own */
    const char *only;                /* part of the server's; NULL: all */
    const char *under;               /* the server is run under this program; NULL: by itself */
} rf_bench_options;

/* One recorded command, small enough that a stream of millions fits the memory of a small machine. */
typedef struct rf_bench_command {
    uint8_t kind; /* rf_command_kind */
    uint8_t side, tif, flags;
    uint32_t account;
    int32_t leverage;
    int64_t price, qty; /* MOVE_MARGIN: qty is the amount in e8 */
    uint64_t id;        /* order, or isolation */
} rf_bench_command;

enum { RF_BENCH_ISOLATED = 1, RF_BENCH_REDUCE_ONLY = 2 };

typedef struct rf_bench_stream {
    rf_bench_command *commands;
    uint64_t count;
} rf_bench_stream;

typedef struct rf_bench_setup {
    rf_limits limits;
    uint32_t users, instruments;
    int64_t cash; /* e8 USD each */
    int64_t mark; /* price units */
    int64_t band; /* e8 */
    uint32_t max_leverage;
    const char *base;
} rf_bench_setup;

#define RF_BENCH_TIME_MS 1700000000000LL /* time stands still in a benchmark */

typedef struct rf_bench_world {
    rf_engine *engine;
    const rf_bench_setup *setup;
    void *memory;
    size_t size;
    uint64_t events, event_hash; /* what the sink saw */
} rf_bench_world;

/* Price 2 decimals (tick 0.01), quantity 4 decimals (lot 0.0001). The process ends when memory is short. */
void rf_bench_open(rf_bench_world *world, const rf_bench_setup *setup);
/* The commands that open it, one after the other. */
typedef void (*rf_bench_apply)(void *context, const rf_command *command);
void rf_bench_found(const rf_bench_setup *setup, rf_bench_apply apply, void *context);
void rf_bench_close(rf_bench_world *world);
/* number: of the command in its stream; a new order's client_oid is made of it, as a client would. */
void rf_bench_expand(const rf_bench_command *small, uint64_t number, rf_command *command);
/* The commands of a stream from at on, expanded, and behind them those that wait already, as in a queue that never runs
 * dry: the prefetch may look at all that are known. False: there are none left. */
enum { RF_BENCH_BATCH = 512, RF_BENCH_KNOWN = 512 + 32 };
typedef struct rf_bench_batch {
    rf_command commands[RF_BENCH_KNOWN];
    uint32_t count, known;
} rf_bench_batch;
bool rf_bench_next(const rf_bench_world *world, const rf_bench_stream *stream, uint64_t at,
                   rf_bench_batch *batch);
/* Applies the stream, with prefetch where the world does not fit the caches. Returns the nanoseconds of that alone: the
 * commands are expanded some hundred at a time between the measured stretches. */
int64_t rf_bench_play(rf_bench_world *world, const rf_bench_stream *stream, bool prefetch);
/* What a stream came to, as a comment: how many commands, what was refused, the digest. */
void rf_bench_digest(const rf_bench_options *options, const char *work, const rf_bench_world *world,
                     uint64_t refused, uint64_t count);
/* The line of a replay script that command number has after the lines that open the world. */
uint64_t rf_bench_line(const rf_bench_world *world, uint64_t number);

uint64_t rf_bench_random(uint64_t *state);
uint32_t rf_bench_below(uint64_t *state, uint32_t bound);
int64_t rf_bench_now_ns(void);
int rf_bench_compare(const void *a, const void *b); /* int64_t, for qsort */

/* values are sorted by it. */
void rf_bench_row(const rf_bench_options *options, const char *work, const char *metric,
                  const char *unit, int64_t *values, uint32_t count);
/* One value with extra JSON members (",\"n\":1000") and the same for people. */
void rf_bench_row_of(const rf_bench_options *options, const char *work, const char *metric,
                     const char *unit, const char *members, int64_t *values, uint32_t count);
/* Nanoseconds, shown in seconds. */
void rf_bench_seconds_row(const rf_bench_options *options, const char *work, const char *metric,
                          const char *members, int64_t *values, uint32_t count);
/* Nanoseconds, shown in microseconds with three digits behind the point. */
void rf_bench_us_row(const rf_bench_options *options, const char *work, const char *metric,
                     const char *members, int64_t *values, uint32_t count);
void rf_bench_header(const rf_bench_options *options);

/* instructions:u of this thread where the kernel counts them, what rf_bench_play does not measure left out; false: it
 * does not. */
bool rf_bench_count_start(void);
int64_t rf_bench_count_stop(void);

void rf_bench_book(const rf_bench_options *options);     /* W1 */
void rf_bench_margin(const rf_bench_options *options);   /* W2 S, L, M and service times */
void rf_bench_mark(const rf_bench_options *options);     /* W4 */
void rf_bench_memory(const rf_bench_options *options);   /* W5 */
void rf_bench_recovery(const rf_bench_options *options); /* W7 */
void rf_bench_server(const rf_bench_options *options); /* W3, W6, W8; the process ends on failure */
/* The sandbox under load, watched. False: a promise was broken; the words are on stderr. */
bool rf_bench_soak(const rf_bench_options *options);
/* Writes W2-S as a replay script and prints the digest that `ringfence replay --digest` of it must print. */
bool rf_bench_script(const rf_bench_options *options, const rf_limits *limits);
/* The recorded stream of a W2 variant, 'S', 'L' or 'M'. The caller frees commands. */
rf_bench_stream rf_bench_margin_stream(char variant, uint64_t count, rf_bench_setup *setup,
                                       uint64_t *refused);

#endif
