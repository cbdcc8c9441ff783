/* The simulator's own parts: options, the world that a run lives in, its clock and its outputs.
 *
 * Promise: the engine is driven through rf_engine_apply alone, as clients and an operator would; what is reported
 * is taken from events and views. No clock, no float and no libc random number: the same options and files give the
 * same commands.
 *
 * May include: prices/prices.h, cli/simulate_result.h, include/ringfence.h. */
#ifndef RF_CLI_SIMULATE_H
#define RF_CLI_SIMULATE_H

#include "cli/simulate_result.h"
#include "prices/prices.h"

#include <stdio.h>

/* The verb: argv[0] is "simulate". Returns the exit status. */
int rf_cli_simulate(int argc, char **argv);

/* ---- simulate_options.c ------------------------------------------------------------------------------ */

typedef enum rf_simulate_parse {
    RF_SIMULATE_PARSED,
    RF_SIMULATE_HELP,  /* the help was asked for and printed */
    RF_SIMULATE_WRONG, /* one line was written to stderr */
} rf_simulate_parse;

rf_simulate_parse rf_simulate_options_parse(rf_simulate_options *options, int argc, char **argv);

/* ---- The world ------------------------------------------------------------------------------------------ */

enum {
    RF_SIMULATE_MAKERS =
        4, /* accounts that quote a market; the engine bounds what one position may hold */
    RF_SIMULATE_ENTRIES = 16, /* accounts that take the other side of the entries */
};

/* One --prices: an instrument, its history and the accounts that quote it. */
typedef struct rf_simulate_market {
    rf_prices prices;
    const char *name, *path;
    uint16_t instrument;
    uint32_t index;
    int price_decimals, qty_decimals;
    int64_t price_unit, qty_unit; /* 1e-8 in one unit of price and of quantity */
    int64_t tick;                 /* in price units */
    int64_t k;
    int64_t entry_price; /* in price units, on the tick */
    uint32_t makers[RF_SIMULATE_MAKERS], entries[RF_SIMULATE_ENTRIES];
    rf_wide volume; /* last known one */
    size_t bar;     /* cursor */
    int step;
    rf_simulate_series *series;
} rf_simulate_market;

/* One account of the population. Money is what the events say that it has. */
typedef struct rf_simulate_user {
    uint64_t isolation_id;
    int64_t isolated;     /* W */
    int64_t put_in, back; /* moved from main to the isolation, and back */
    int64_t qty;          /* of the isolation at entry, in lots, > 0 */
    int64_t deposited;
    int64_t extra; /* margin to add after the entry */
    uint8_t market, row, side;
    bool has_cross;
    bool liquidated;
    uint8_t unused[3];
} rf_simulate_user;

typedef struct rf_simulate_world {
    const rf_simulate_options *options;
    rf_simulate_result *result;
    void *memory;
    rf_engine *engine;
    rf_simulate_market markets[RF_SIMULATE_MARKETS_MAX];
    rf_simulate_user *users;
    uint32_t first_user; /* account number of users[0] */
    int64_t *mains;      /* USD of every main account, by account number, rebuilt from events */
    uint32_t accounts_count;
    rf_wide users_total;  /* sum of mains and of every isolation's W */
    uint32_t liquidating; /* account whose isolation is being liquidated right now, 0 = none */
    uint32_t cross;       /* account whose cross position is being liquidated, or was last */
    uint32_t cross_moved; /* 1: some of it went to the fund, 2: some was deleveraged, 3: both */
    bool second_of_pair;  /* of deleveraging, which moves two positions at once */
    bool touched_now;     /* its main account was touched meanwhile */
    int64_t fund_low;     /* lowest equity of the bar that is being walked */
    rf_simulate_moment *moment; /* bar that is being walked */
    int64_t now_ms, skipped_ms; /* time of the history; what the engine's clock is behind it */
    uint64_t random[4];
    char error[RF_PRICES_ERROR_SIZE]; /* "" = fine so far; the first failure stays */
} rf_simulate_world;

/* ---- simulate_world.c: engine, instruments and accounts ---------------------------------------------------- */

/* Reads the histories and opens every instrument and account. False: world->error. Finish it in either case. */
bool rf_simulate_world_init(rf_simulate_world *world, const rf_simulate_options *options,
                            rf_simulate_result *result);
void rf_simulate_world_finish(rf_simulate_world *world);
/* Applies one command at now_ms and the TICKs that it leaves to do. */
rf_error rf_simulate_apply(rf_simulate_world *world, rf_command *command, rf_result *result);
/* The same where a refusal ends the run, with a sentence that says what could not be done. */
bool rf_simulate_must(rf_simulate_world *world, rf_command *command, rf_result *result,
                      const char *what);
bool rf_simulate_fail(rf_simulate_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- simulate_population.c: who holds what at the start ------------------------------------------------------ */

bool rf_simulate_populate(rf_simulate_world *world);

/* ---- simulate_market.c: quotes and marks --------------------------------------------------------------------- */

/* A limit order without anything special about it. */
void rf_simulate_order(rf_command *command, uint32_t account, const rf_simulate_market *market,
                       rf_side side, int64_t price, int64_t qty);
/* Replaces the maker's orders by new ones around the price. */
bool rf_simulate_quote(rf_simulate_world *world, rf_simulate_market *market, int64_t price,
                       rf_wide volume);
/* Index and mark. */
bool rf_simulate_mark(rf_simulate_world *world, rf_simulate_market *market, int64_t price);

/* ---- simulate_run.c: the walk through the bars, and the checks ------------------------------------------------ */

bool rf_simulate_run(rf_simulate_world *world);

/* ---- simulate_observer.c: what the events say ------------------------------------------------------------------ */

rf_sink rf_simulate_observer(rf_simulate_world *world);

/* ---- simulate_print.c ------------------------------------------------------------------------------------------ */

void rf_simulate_print_tables(FILE *out, const rf_simulate_result *result);
void rf_simulate_print_json(FILE *out, const rf_simulate_result *result);

#endif
