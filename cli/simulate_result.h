/* What a simulation was asked and what came out of it: plain data for tables, JSON and the HTML report.
 *
 * Promise: all money, prices and shares are integers of 1e-8; nothing here refers to the engine or to a clock of this
 * machine, so that the same options give the same bytes.
 *
 * May include: base/types.h, include/ringfence.h, prices/prices.h. */
#ifndef RF_CLI_SIMULATE_RESULT_H
#define RF_CLI_SIMULATE_RESULT_H

#include "base/types.h"
#include "include/ringfence.h"
#include "prices/prices.h"

enum {
    RF_SIMULATE_MARKETS_MAX = 16,
    RF_SIMULATE_LEVERAGES_MAX = 32,
    RF_SIMULATE_ACCOUNTS_MAX = 2000000,
};

typedef struct rf_simulate_options {
    const char *paths[RF_SIMULATE_MARKETS_MAX];
    char names[RF_SIMULATE_MARKETS_MAX][RF_NAME_SIZE];
    uint32_t markets_count;
    int64_t from_ms, to_ms; /* bars that open in [from, to) */
    uint32_t accounts;
    uint32_t leverages[RF_SIMULATE_LEVERAGES_MAX];
    uint32_t leverages_count;
    int64_t long_share, cross_share; /* e8, 0 to 1 */
    int64_t extra_margin; /* e8: each isolation adds a random part, up to this share of N / L */
    int64_t fund;         /* e8 USD */
    int64_t maker_depth;  /* e8: multiple of the bar's volume that is offered on each side */
    uint32_t max_leverage;
    rf_tier tiers[RF_TIERS_MAX];
    uint32_t tiers_count;
    uint64_t seed;
    uint32_t check_every; /* bars between two full checks of the invariants */
    bool json;
    const char *html; /* path, NULL = none */
} rf_simulate_options;

/* How the liquidations of one kind of position ended. Each is counted once, under the worst that happened to it. */
typedef struct rf_simulate_outcomes {
    uint32_t closed_in_book; /* all of it sold or bought in the market */
    uint32_t taken_over;     /* the insurance fund took some of it */
    uint32_t deleveraged;    /* some of it was closed against profitable traders */
    uint32_t
        recovered; /* healthy again: an isolation without its orders, a cross account sold down; not a
                                liquidation here */
} rf_simulate_outcomes;

/* All isolations of one leverage. */
typedef struct rf_simulate_row {
    uint32_t leverage;
    uint32_t positions;
    rf_simulate_outcomes outcomes;
    int64_t put_in;            /* everything that users moved into these isolations */
    int64_t loss;              /* of the liquidated ones: put in minus taken out */
    int64_t first_ms, last_ms; /* bars of the first and last liquidation, 0 = none */
} rf_simulate_row;

/* One bar of one market, for the plots. */
typedef struct rf_simulate_moment {
    int64_t time_ms;
    int64_t low, high, close;
    rf_simulate_outcomes isolations;
    uint32_t crosses; /* cross liquidations that started */
} rf_simulate_moment;

typedef struct rf_simulate_fund {
    int64_t time_ms;
    int64_t low, end; /* equity: cash and unrealised profit of what it took over */
} rf_simulate_fund;

typedef struct rf_simulate_series {
    const char *name;
    rf_simulate_moment *moments;
    size_t count;
} rf_simulate_series;

typedef struct rf_simulate_result {
    const rf_simulate_options *options;
    uint32_t isolations, crosses;
    uint64_t bars, steps, commands, events;
    uint64_t gaps;            /* holes of more than a day in the history, passed over */
    int64_t start_ms, end_ms; /* the entry, the last step */
    rf_simulate_row rows[RF_SIMULATE_LEVERAGES_MAX];
    uint32_t rows_count;
    rf_simulate_outcomes isolated, cross;
    uint64_t counterparties; /* profitable positions that deleveraging reduced */
    int64_t fund_start, fund_low, fund_end;
    int64_t fund_low_ms;
    int64_t fund_cash;  /* INSURANCE at the end */
    int64_t uncovered;  /* losses that the fund paid out */
    int64_t socialized; /* what profitable traders gave up for the fund */
    int64_t
        largest_shortfall; /* most that one isolation stood below zero when its liquidation began */
    int64_t fees;
    /* checks */
    int64_t conservation_residual; /* largest of any bar, 0 = money was conserved */
    uint64_t residual_checks, invariant_checks;
    char broken[8]; /* first invariant that did not hold, "" = none */
    uint32_t
        main_touched; /* main accounts debited or credited by a liquidation of their own isolation */
    uint32_t lost_more;     /* users who lost more than they put in */
    uint32_t rebuilt_wrong; /* accounts whose balance differs from the one rebuilt from events */
    uint64_t quotes_refused;
    rf_digest digest;
    /* series */
    rf_simulate_series series[RF_SIMULATE_MARKETS_MAX];
    uint32_t series_count;
    rf_simulate_fund *fund;
    size_t fund_count;
} rf_simulate_result;

static inline uint32_t rf_simulate_liquidations(const rf_simulate_outcomes *outcomes)
{
    return outcomes->closed_in_book + outcomes->taken_over + outcomes->deleveraged;
}

static inline bool rf_simulate_sound(const rf_simulate_result *result)
{
    return result->conservation_residual == 0 && result->main_touched == 0 &&
           result->lost_more == 0 && result->rebuilt_wrong == 0 && result->broken[0] == '\0';
}

#endif
