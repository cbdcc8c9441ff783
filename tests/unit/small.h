/* A small venue's measures, the perpetual that most stories trade, and an engine in memory of its own.
 *
 * May include: the public header, C's stdlib, cmocka. */
#ifndef RF_TESTS_SMALL_H
#define RF_TESTS_SMALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "include/ringfence.h"

#define SMALL_LIMITS                                                                      \
    {                                                                                     \
        .accounts_max = 16, .instruments_max = 4, .positions_max = 64, .orders_max = 64,  \
        .recent_max = 64, .withdrawals_max = 8, .window_ticks = 4096, .watch_buckets = 64 \
    }

/* Free of fees: those who count them set them. */
static inline rf_instrument_config bitcoin_perp(void)
{
    return (rf_instrument_config){.name = "BTCUSD-PERP",
                                  .base = "BTC",
                                  .index_name = "BTCUSD-INDEX",
                                  .price_decimals = 1,
                                  .qty_decimals = 4,
                                  .price_tick = 1,
                                  .qty_tick = 1,
                                  .max_leverage = 50,
                                  .price_band = 10000000,
                                  .min_order_qty = 1,
                                  .fund_position_cap = -1,
                                  .funding_cap_rate = 1000000,
                                  .isolations_max = RF_ISOLATIONS_PER_ACCOUNT};
}

/* The caller frees it. */
static inline rf_engine *new_engine(const rf_limits *limits)
{
    const size_t size = (rf_engine_size(limits) + 63) & ~(size_t)63;
    assert_true(size > 0);
    void *memory = aligned_alloc(64, size);
    assert_non_null(memory);
    memset(memory, 0, size);
    rf_engine *engine = rf_engine_init(memory, size, limits);
    assert_non_null(engine);
    return engine;
}

#endif
