/* An engine in memory of its own with one instrument and a few accounts, for tests of single
 * modules.
 *
 * Promise: what a module needs of the state is there, set by hand; no command is applied.
 *
 * May include: engine, small.h. */
#ifndef RF_TESTS_ENGINE_FIXTURE_H
#define RF_TESTS_ENGINE_FIXTURE_H

#include "tests/unit/small.h"

#include "engine/instrument.h"
#include "engine/state.h"

enum { FIXTURE_ACCOUNTS = 8, FIXTURE_ORDERS = 4096, FIXTURE_RECENTS = 512, FIXTURE_WINDOW = 4096 };

static inline rf_instrument_config fixture_config(void)
{
    rf_instrument_config config = {0};
    memcpy(config.name, "BTCUSD-PERP", sizeof "BTCUSD-PERP");
    memcpy(config.base, "BTC", sizeof "BTC");
    memcpy(config.index_name, "BTCUSD-INDEX", sizeof "BTCUSD-INDEX");
    config.price_decimals = 1;
    config.qty_decimals = 4;
    config.price_tick = 5;
    config.qty_tick = config.min_order_qty = 1;
    config.max_leverage = 50;
    config.maker_fee_rate = 25000;
    config.taker_fee_rate = 40000;
    config.liquidation_fee_rate = 500000;
    config.price_band = 10000000;
    config.fund_position_cap = -1;
    config.isolations_max = 100;
    return config;
}

static inline rf_engine *fixture_engine(void)
{
    const rf_limits limits = {
        .accounts_max = FIXTURE_ACCOUNTS,
        .instruments_max = 2,
        .positions_max = 256,
        .orders_max = FIXTURE_ORDERS,
        .recent_max = FIXTURE_RECENTS,
        .withdrawals_max = 4,
        .window_ticks = FIXTURE_WINDOW,
        .watch_buckets = 4096,
    };
    rf_engine *engine = new_engine(&limits);
    for (uint32_t i = 1; i < FIXTURE_ACCOUNTS; i++)
        engine->accounts[i].leverage = 100;
    engine->accounts_count = FIXTURE_ACCOUNTS;
    rf_instrument *instrument = &engine->instruments[0];
    instrument->config = fixture_config();
    assert_true(rf_instrument_prepare(instrument));
    rf_instrument_start(instrument);
    instrument->mark = 500000;
    engine->instruments_count = 1;
    return engine;
}

static inline void fixture_free(rf_engine *engine)
{
    free(engine);
}

/* The same numbers in every run. */
typedef struct fixture_random {
    uint64_t state;
} fixture_random;

static inline uint64_t fixture_next(fixture_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random->state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

/* From low to high, both included. */
static inline int64_t fixture_range(fixture_random *random, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t above = span == UINT64_MAX ? fixture_next(random) : fixture_next(random) % (span + 1);
    return (int64_t)((uint64_t)low + above);
}

#endif
