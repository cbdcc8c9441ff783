/* A price that moves by itself: volatility comes in clusters, trends come and go, and now and then it
 * jumps. Or one that follows a file.
 *
 * Promise: a function of its seed and its steps, in integers alone. The price stays positive and
 * within a factor of four of its anchor.
 *
 * May include: base, prices/prices.h. */
#ifndef RF_SERVER_SANDBOX_PRICE_H
#define RF_SERVER_SANDBOX_PRICE_H

#include "base/types.h"
#include "prices/prices.h"

enum { RF_SANDBOX_STEP_MS = 250 };

typedef struct rf_walk {
    uint64_t random;
    int64_t price_e8, anchor_e8;
    int64_t base_sigma, sigma; /* of a step, in 1e-9 of the price */
    int64_t drift, drift_steps;
    int64_t slide_e8, slide_steps; /* what sandbox-crash asked for: so much a step, so many steps */
    const rf_prices *prices;       /* NULL: a random walk */
    int64_t replay_ms;             /* of the file, since its first bar */
} rf_walk;

/* sigma: of a step, in 1e-9 of the price. */
void rf_walk_start(rf_walk *walk, uint64_t seed, int64_t price_e8, int64_t sigma);
/* Follows a file from its first bar on; behind its last one the walk goes on at random. */
void rf_walk_follow(rf_walk *walk, const rf_prices *prices);
void rf_walk_step(rf_walk *walk);
/* Moves the price by this fraction (e8, signed) over so many steps, beside its own ways. */
void rf_walk_slide(rf_walk *walk, int64_t fraction_e8, int64_t steps);

/* The generator of all of the sandbox. */
uint64_t rf_sandbox_random(uint64_t *state);
uint32_t rf_sandbox_below(uint64_t *state, uint32_t bound); /* 0 .. bound - 1 */

#endif
