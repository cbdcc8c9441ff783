/* The margin formulas: what a position and its orders require, where it is liquidated, where it is bankrupt.
 *
 * Promise: pure functions of their arguments, freestanding (int64_t and __int128 only, no libc, no state).
 * The engine, the preview, the simulator and the web page all call this one file, so no two of them can
 * disagree. Every candidate is rounded once, up, and never before a max() (docs/margin.md section 1).
 * Arguments are admitted amounts (below 2^62) with rates that an instrument was listed with (instrument.c).
 *
 * May include: base. */
#ifndef RF_ENGINE_MARGIN_H
#define RF_ENGINE_MARGIN_H

#include "base/types.h"

typedef struct rf_margin_tier {
    rf_money floor; /* notional from which the tier counts */
    rf_rate maintenance;
    rf_money deduction; /* D_i; makes maintenance continuous over the floors */
    int64_t max_leverage;
} rf_margin_tier;

/* What does not change from one position of an instrument to the next, and the user's own rate. */
typedef struct rf_margin_params {
    int64_t k;        /* 10^(8 - price_decimals - qty_decimals) */
    int64_t qty_unit; /* 10^qty_decimals */
    rf_price tick;
    rf_rate taker; /* the user's */
    rf_rate liquidation_fee;
    int64_t product_leverage; /* MPL */
    int64_t umr_e18;          /* UMR, 0 with tiers */
    const rf_margin_tier *tiers;
    uint32_t tiers_count;
} rf_margin_params;

/* One side of a position with its orders (section 3). */
typedef struct rf_exposure {
    rf_money position; /* max(0, s*q) * mark * K */
    rf_money orders;   /* uncovered quantity * px * K */
    rf_money covered;  /* covered quantity * px * K when the side would flip the position, else 0 */
    rf_money loss;     /* OL */
    rf_qty qty;        /* Q_s */
} rf_exposure;

typedef struct rf_requirement {
    rf_money notional; /* N_s */
    rf_money im, mm, fr, ol;
} rf_requirement;

/* |q| * mark * K, exact. */
static inline rf_money rf_notional(int64_t k, rf_qty qty, rf_price price)
{
    return qty * price * k;
}

/* What one side requires at leverage L (the isolation's, or the account's maximum for cross). */
void rf_margin_side(const rf_margin_params *params, int64_t leverage, const rf_exposure *exposure,
                    rf_requirement *requirement);
/* The same without maintenance, which the order path does not look at; mm is left alone. */
void rf_margin_side_initial(const rf_margin_params *params, int64_t leverage,
                            const rf_exposure *exposure, rf_requirement *requirement);
rf_money rf_margin_maintenance(const rf_margin_params *params, rf_money notional, rf_qty qty);
/* Largest leverage that the tier of this notional, and MPL, allow. */
int64_t rf_margin_leverage_max(const rf_margin_params *params, rf_money notional);
/* L * UMR * Q > 1: the leverage cannot be reached with this size (section 6). */
bool rf_margin_leverage_too_high(const rf_margin_params *params, int64_t leverage, rf_qty qty);
/* W + U < FR + MM for the position alone at this mark (section 8). */
bool rf_margin_unhealthy_at(const rf_margin_params *params, rf_qty q, rf_money cost,
                            rf_money wallet, rf_price mark);
/* The first mark, moving against the position, at which it is unhealthy with its orders cancelled; 0 = none. */
rf_price rf_liquidation_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                              rf_money wallet);
/* Price at which a close as taker uses up the wallet, on the tick, never worse than that; may be <= 0. */
rf_price rf_bankruptcy_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                             rf_money wallet);
/* The same without fee, in price units: where auto-deleveraging closes (section 9.6). */
rf_price rf_deleverage_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                             rf_money wallet);

#endif
