/* The liquidation index against brute force: random worlds, random walks of several marks and of
 * a collateral's index at the same time, with orders, fills and money coming and going in
 * between. Whoever is unhealthy has to be among the hits; an isolation without opening orders is
 * hit exactly when it is unhealthy. */
#include "tests/unit/engine_fixture.h"

#include <stdio.h>
#include <time.h>

#include "engine/cross.h"
#include "engine/mark.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/watch.h"

#define USD_OF_DOUBT 1000000000 /* what a lower bound of available may miss */

enum { INSTRUMENTS = 3, ACCOUNTS = 24, POSITIONS = 256, STEPS = 120 };

typedef struct world {
    rf_engine *engine;
    fixture_random random;
    uint32_t collateral; /* currency number */
    uint8_t *hit;        /* by position */
    uint8_t *hit_account;
} world;

static int64_t draw(world *w, int64_t low, int64_t high)
{
    return fixture_range(&w->random, low, high);
}

static rf_engine *make_engine(uint32_t positions, uint32_t accounts, uint32_t buckets)
{
    const rf_limits limits = {.accounts_max = accounts,
                              .instruments_max = 4,
                              .positions_max = positions,
                              .orders_max = 4096,
                              .recent_max = 16,
                              .withdrawals_max = 1,
                              .window_ticks = 4096,
                              .watch_buckets = buckets};
    rf_engine *engine = new_engine(&limits);
    engine->accounts_count = accounts;
    for (uint32_t i = 1; i < accounts; i++)
        engine->accounts[i].leverage = 100;
    engine->now_ns = engine->command_time_ns = 1700000000000000000;
    return engine;
}

static rf_instrument *add_instrument(rf_engine *engine, const rf_instrument_config *config,
                                     rf_price mark)
{
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    rf_result result = {0};
    rf_instrument_config named = *config;
    named.name[0] = (char)('A' + engine->instruments_count);
    command.u.instrument.config = &named;
    assert_int_equal(rf_instrument_create(engine, &command, &result), RF_ERR_OK);
    rf_instrument *instrument = &engine->instruments[result.id];
    instrument->mark = mark;
    return instrument;
}

/* Tiers, unit margin rates, fees, decimals: whatever a configuration may be. */
static void random_instrument(world *w)
{
    static const rf_tier tiers[3] = {
        {0, 500000, 100, 0}, {5000000000000, 1000000, 50, 0}, {100000000000000, 5000000, 10, 0}};
    rf_instrument_config config = fixture_config();
    config.price_decimals = (uint8_t)draw(w, 0, 4);
    config.qty_decimals = (uint8_t)draw(w, 0, 4);
    config.price_tick = draw(w, 1, 3);
    config.max_leverage = (uint32_t)draw(w, 5, 125);
    config.taker_fee_rate = draw(w, 0, 200000);
    config.maker_fee_rate = 0;
    config.liquidation_fee_rate = draw(w, 0, 1) ? 500000 : draw(w, 0, 5000000);
    const int64_t kind = draw(w, 0, 3);
    if (kind == 0) {
        config.tiers_count = 3;
        memcpy(config.tiers, tiers, sizeof tiers);
    } else if (kind == 1) {
        config.unit_margin_rate_e18 = draw(w, 1, 1000000000000000);
    }
    add_instrument(w->engine, &config, draw(w, 50, 2000000));
}

static void init_world(world *w, uint64_t seed)
{
    *w = (world){.random = {seed}};
    static const uint32_t buckets[] = {64, 256, 4096};
    w->engine = make_engine(POSITIONS, ACCOUNTS, buckets[draw(w, 0, 2)]);
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        random_instrument(w);
    rf_command command = {.kind = RF_COMMAND_CREATE_CURRENCY};
    rf_result result = {0};
    memcpy(command.u.currency.name, "ETH", 4);
    command.u.currency.kind = RF_CURRENCY_COLLATERAL;
    command.u.currency.cap = draw(w, 0, 1) ? -1 : draw(w, 0, 1000000000000);
    command.u.currency.haircut = draw(w, 0, 50000000);
    assert_int_equal(rf_currency_create(w->engine, &command, &result), RF_ERR_OK);
    w->collateral = (uint32_t)result.id;
    w->engine->indexes[w->engine->currencies[w->collateral].index].price_e8 =
        draw(w, 100000000, 300000000000);
    w->hit = calloc(POSITIONS + 1, 1);
    w->hit_account = calloc(ACCOUNTS, 1);
    assert_non_null(w->hit);
    assert_non_null(w->hit_account);
}

static void finish_world(world *w)
{
    free(w->hit);
    free(w->hit_account);
    free(w->engine);
}

/* A quantity worth up to so many USD at the mark, and not so large that sums leave the range. */
static rf_qty random_qty(world *w, const rf_instrument *instrument, int64_t usd)
{
    const rf_wide most = (rf_wide)usd * RF_E8 / ((rf_wide)instrument->mark * instrument->k);
    const int64_t high = most < 1 ? 1 : most > 1000000000 ? 1000000000 : (int64_t)most;
    return draw(w, 1, draw(w, 0, 9) == 0 ? 3 : high);
}

static rf_money *cash(world *w, uint32_t account, uint32_t currency)
{
    return rf_main(w->engine, account, currency);
}

static void add_order(world *w, uint32_t position)
{
    rf_engine *engine = w->engine;
    rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[record->instrument];
    if (record->orders_count >= 6)
        return;
    const uint32_t order = rf_order_take(engine);
    rf_order *hot = &engine->orders[order];
    hot->id = engine->next_order++;
    hot->position = position;
    hot->account = record->account;
    hot->instrument = record->instrument;
    hot->side = (uint8_t)draw(w, 0, 1);
    hot->state = RF_STATE_RESTING;
    hot->price = rf_max(1, instrument->mark * draw(w, 800, 1250) / 1000);
    hot->leaves = random_qty(w, instrument, 100000);
    if (draw(w, 0, 6) == 0)
        hot->flags = RF_FLAG_REDUCE_ONLY;
    rf_own_insert(engine, order);
}

static void remove_order(world *w, uint32_t position)
{
    rf_position *record = &w->engine->positions[position];
    const uint32_t order = record->orders[draw(w, 0, 1)];
    if (order == RF_NONE)
        return;
    rf_own_remove(w->engine, order);
    w->engine->orders[order].id = 0;
    rf_order_give_back(w->engine, order);
}

static rf_money required(world *w, uint32_t position)
{
    rf_assessment now;
    rf_position_assess(w->engine, &w->engine->positions[position], &now);
    return rf_max(0, now.health.fr + now.health.mm - now.unrealized);
}

/* Money that makes it healthy by little or by much. */
static rf_money random_margin(world *w, rf_money needed)
{
    return needed +
           draw(w, 0, 3) * (draw(w, 0, 2) == 0 ? draw(w, 0, 20) : draw(w, 0, rf_max(1, needed)));
}

static void make_healthy(world *w, uint32_t position)
{
    rf_position *record = &w->engine->positions[position];
    if (rf_is_isolated(record)) {
        record->wallet = random_margin(w, required(w, position));
        return;
    }
    rf_cross now;
    rf_cross_assess(w->engine, record->account, &now);
    const rf_money missing = now.maintenance_margin - now.margin_balance;
    if (missing > 0)
        *cash(w, record->account, 0) += random_margin(w, missing);
}

static void random_position(world *w)
{
    rf_engine *engine = w->engine;
    const uint32_t account = (uint32_t)draw(w, 1, ACCOUNTS - 1),
                   number = (uint32_t)draw(w, 0, INSTRUMENTS - 1);
    const bool isolated = draw(w, 0, 1) != 0;
    if (rf_position_find(engine, account, number, isolated) != RF_NONE)
        return;
    const uint32_t position =
        rf_position_open(engine, account, number, isolated, (uint32_t)draw(w, 1, 50));
    const rf_instrument *instrument = &engine->instruments[number];
    if (draw(w, 0, 4) != 0)
        rf_position_trade(engine, position, (uint8_t)draw(w, 0, 1),
                          random_qty(w, instrument, 100000),
                          rf_max(1, instrument->mark * draw(w, 950, 1050) / 1000));
    for (int64_t orders = draw(w, 0, 3); orders > 0; orders--)
        add_order(w, position);
    make_healthy(w, position);
    rf_watch_position(engine, position);
}

/* Collateral instead of USD, to where the account lives on what its index says. */
static void swap_into_collateral(world *w, uint32_t account)
{
    const int64_t units = draw(w, 0, 3) == 0 ? 0 : draw(w, 1, 5000000000);
    rf_money *usd = cash(w, account, 0), *held = cash(w, account, w->collateral);
    const int64_t price = w->engine->indexes[w->engine->currencies[w->collateral].index].price_e8;
    *usd -= (rf_money)((rf_wide)(units - *held) * price / RF_E8);
    *held = units;
    w->engine->accounts[account].holds_collateral = units != 0;
}

/* Something of the account changes, as by a fill, an order, a deposit; then the watch is told,
 * as the engine does. */
static void random_change(world *w)
{
    rf_engine *engine = w->engine;
    const uint32_t position = (uint32_t)draw(w, 1, engine->positions_fresh - 1);
    rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[record->instrument];
    const int64_t what = draw(w, 0, 5);
    if (what == 0)
        add_order(w, position);
    else if (what == 1)
        remove_order(w, position);
    else if (what == 2)
        rf_position_trade(engine, position, (uint8_t)draw(w, 0, 1),
                          random_qty(w, instrument, 50000), instrument->mark);
    else if (what == 3 && rf_is_isolated(record))
        record->wallet += draw(w, -100000000, 100000000);
    else if (what == 3)
        *cash(w, record->account, 0) += draw(w, -100000000, 1000000000);
    else if (what == 4 && !rf_is_isolated(record))
        swap_into_collateral(w, record->account);
    if (draw(w, 0, 2) != 0)
        make_healthy(w, position);
    const rf_money available =
        rf_is_isolated(record) ? 0 : rf_cross_available(engine, record->account);
    if (rf_is_isolated(record))
        rf_watch_position(engine, position);
    else if (what <= 1) /* an order: what was counted before may serve */
        rf_watch_account_least(engine, record->account, available - draw(w, 0, 1) * USD_OF_DOUBT);
    else
        rf_watch_account(engine, record->account);
}

/* As after a look. */
static void settle_moved(rf_engine *engine)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        engine->instruments[i].moved = 0;
    engine->moved_count = 0;
}

static void move_marks(world *w)
{
    for (uint32_t i = 0; i < INSTRUMENTS; i++) {
        rf_instrument *instrument = &w->engine->instruments[i];
        const int64_t width = draw(w, 0, 9) == 0 ? instrument->mark / 3
                              : draw(w, 0, 1)    ? instrument->mark / 200
                                                 : 2;
        instrument->mark =
            rf_max(1, rf_min(instrument->mark_max, instrument->mark + draw(w, -width, width)));
        rf_moved(w->engine, instrument);
        settle_moved(w->engine);
    }
    rf_index *index = &w->engine->indexes[w->engine->currencies[w->collateral].index];
    const int64_t width = draw(w, 0, 9) == 0 ? index->price_e8 / 3 : index->price_e8 / 300;
    index->price_e8 = rf_max(1, index->price_e8 + draw(w, -width, width));
}

static void gather_hits(world *w)
{
    memset(w->hit, 0, POSITIONS + 1);
    memset(w->hit_account, 0, ACCOUNTS);
    /* Collateral first: whom it finds unhealthy gets keys that the marks have passed, so both
     * ways find it. */
    uint32_t hits = rf_watch_collateral_hits(w->engine, w->collateral);
    for (uint32_t i = 0; i < hits; i++)
        w->hit_account[w->engine->scratch[i]] = 1;
    for (uint32_t number = 0; number < INSTRUMENTS; number++) {
        hits = rf_watch_hits(w->engine, &w->engine->instruments[number]);
        for (uint32_t i = 0; i < hits; i++) {
            const uint32_t position = w->engine->scratch[i];
            assert_int_equal(w->engine->positions[position].instrument, number);
            assert_int_equal(w->hit[position], 0);
            w->hit[position] = 1;
            if (!rf_is_isolated(&w->engine->positions[position]))
                w->hit_account[w->engine->positions[position].account] = 1;
        }
    }
}

static bool is_dust(const world *w, const rf_position *record)
{
    return rf_size(record->q) * w->engine->instruments[record->instrument].k < 64;
}

/* Counts what it saw, so that a test can tell that it tested something. */
typedef struct seen {
    uint64_t isolations, accounts, exact, false_hits;
} seen;

static void check_position(world *w, uint32_t position, seen *counts)
{
    const rf_position *record = &w->engine->positions[position];
    if (!rf_is_isolated(record)) {
        const bool unhealthy = rf_cross_unhealthy(w->engine, record->account);
        const bool watched = record->q != 0 || record->opening_count != 0;
        if (unhealthy && watched)
            assert_true(w->hit_account[record->account]);
        counts->accounts += unhealthy && watched;
        counts->false_hits += w->hit[position] && !unhealthy;
        return;
    }
    const bool unhealthy = rf_isolation_unhealthy(w->engine, record);
    if (unhealthy)
        assert_true(w->hit[position]);
    counts->isolations += unhealthy;
    if (record->opening_count != 0 || (is_dust(w, record) && !unhealthy))
        return;
    assert_int_equal(w->hit[position], unhealthy);
    counts->exact++;
}

/* As the engine does: healthy hits are keyed anew, the others get money (or stay passed, as in a
 * frozen market). */
static void deal_with_hits(world *w)
{
    for (uint32_t position = 1; position < w->engine->positions_fresh; position++) {
        const rf_position *record = &w->engine->positions[position];
        const bool isolated = rf_is_isolated(record);
        if (!w->hit[position] && (isolated || !w->hit_account[record->account]))
            continue;
        const bool unhealthy = isolated ? rf_isolation_unhealthy(w->engine, record)
                                        : rf_cross_unhealthy(w->engine, record->account);
        if (unhealthy && draw(w, 0, 3) == 0)
            continue;
        if (unhealthy)
            make_healthy(w, position);
        settle_moved(w->engine);
        rf_watch_position(w->engine, position);
        assert_int_equal(w->engine->instruments[record->instrument].moved, 0);
    }
}

static void check_step(world *w, seen *counts)
{
    settle_moved(w->engine);
    gather_hits(w);
    for (uint32_t position = 1; position < w->engine->positions_fresh; position++)
        check_position(w, position, counts);
    deal_with_hits(w);
}

static void run_world(uint64_t seed, seen *counts)
{
    world w;
    init_world(&w, seed);
    for (uint32_t i = 0; i < 120; i++)
        random_position(&w);
    for (uint32_t step = 0; step < STEPS; step++) {
        for (int64_t changes = draw(&w, 0, 6); changes > 0; changes--)
            random_change(&w);
        move_marks(&w);
        check_step(&w, counts);
        if (draw(&w, 0, 40) == 0)
            rf_watch_rebuild(w.engine, &w.engine->instruments[draw(&w, 0, INSTRUMENTS - 1)]);
    }
    finish_world(&w);
}

static void test_against_brute_force(void **state)
{
    (void)state;
    const char *given = getenv("RF_SEED"), *many = getenv("RF_WORLDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1,
                   count = many ? strtoull(many, NULL, 10) : 150;
    seen counts = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (given)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_world(seed, &counts);
    }
    fprintf(stderr,
            "unhealthy isolations %llu, accounts %llu; exact checks %llu; account hits without "
            "need %llu\n",
            (unsigned long long)counts.isolations, (unsigned long long)counts.accounts,
            (unsigned long long)counts.exact, (unsigned long long)counts.false_hits);
    assert_true(counts.isolations > 1000 && counts.accounts > 1000 && counts.exact > 10000);
}

/* One account of n instruments falls, one unit of price at a time, to its liquidation: how often
 * is it looked at? */
static uint32_t looks_until_unhealthy(uint32_t instruments, int64_t leverage, bool isolated)
{
    rf_engine *engine = make_engine(POSITIONS, 4, 4096);
    for (uint32_t i = 0; i < instruments; i++) {
        const rf_instrument_config config = fixture_config();
        rf_instrument *instrument = add_instrument(engine, &config, 500000);
        const uint32_t position = rf_position_open(engine, 1, i, isolated, (uint32_t)leverage);
        rf_position_trade(engine, position, RF_BUY, 10000, 500000);
        const uint32_t order = rf_order_take(engine);
        engine->orders[order] = (rf_order){.id = engine->next_order++,
                                           .price = 450000,
                                           .leaves = 100,
                                           .account = 1,
                                           .position = position,
                                           .instrument = (uint16_t)i,
                                           .state = RF_STATE_RESTING};
        rf_own_insert(engine, order);
        const rf_money margin = 5000000000000 / leverage + 30000000000;
        if (isolated)
            engine->positions[position].wallet = margin;
        else
            *rf_main(engine, 1, 0) += margin;
        assert_int_equal(instrument->number, i);
    }
    rf_watch_position(engine, 1);
    uint32_t looks = 0;
    while (isolated ? !rf_isolation_unhealthy(engine, &engine->positions[1])
                    : !rf_cross_unhealthy(engine, 1)) {
        bool hit = false;
        for (uint32_t i = 0; i < instruments; i++) {
            engine->instruments[i].mark--;
            hit |= rf_watch_hits(engine, &engine->instruments[i]) != 0;
        }
        looks += hit;
        if (hit)
            rf_watch_position(engine, 1);
    }
    free(engine);
    return looks;
}

static void test_hits_converge(void **state)
{
    (void)state;
    for (uint32_t instruments = 1; instruments <= 4; instruments++) {
        const uint32_t high = looks_until_unhealthy(instruments, 50, false);
        const uint32_t low = looks_until_unhealthy(instruments, 2, false);
        fprintf(stderr, "%u instruments: %u looks at leverage 50, %u at 2\n", instruments, high,
                low);
        assert_in_range(high, 1, 24);
        assert_in_range(low, 1, 24);
    }
    assert_in_range(looks_until_unhealthy(1, 10, true), 1, 8);
}

/* ---- Cases that random worlds seldom meet ---------------------------------------------------- */

static uint32_t flat_account(rf_engine *engine, rf_money usd)
{
    const rf_instrument_config config = fixture_config();
    add_instrument(engine, &config, 500000);
    *rf_main(engine, 1, 0) = usd;
    return rf_position_open(engine, 1, 0, false, 0);
}

static uint32_t put_order(rf_engine *engine, uint32_t position, rf_side side, rf_price price,
                          rf_qty qty)
{
    const uint32_t order = rf_order_take(engine);
    engine->orders[order] = (rf_order){.id = engine->next_order++,
                                       .price = price,
                                       .leaves = qty,
                                       .account = 1,
                                       .side = (uint8_t)side,
                                       .position = position,
                                       .instrument = engine->positions[position].instrument,
                                       .state = RF_STATE_RESTING};
    rf_own_insert(engine, order);
    return order;
}

static uint32_t rest_sell(rf_engine *engine, uint32_t position, rf_price price, rf_qty qty)
{
    const uint32_t order = put_order(engine, position, RF_SELL, price, qty);
    rf_watch_account(engine, 1);
    return order;
}

/* Keys laid high, a fall, then sells that use up everything: the old upper key is beyond what
 * initial margin covers. */
static void test_orders_after_a_fall(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 4, 4096);
    const uint32_t position = flat_account(engine, 100000000000);
    rf_instrument *instrument = &engine->instruments[0];
    rest_sell(engine, position, 500000, 1);
    const rf_price up = engine->nodes[RF_UP][position].key;
    instrument->mark = 260000;
    assert_int_equal(rf_watch_hits(engine, instrument), 0);
    const rf_money each =
        26000 * 100000000LL / 10000 / 50 + 26000 * 100000000LL / 10000 * 58 / 10000;
    rest_sell(engine, position, 260000, (rf_cross_available(engine, 1) - 1000000) / each);
    assert_in_range(rf_cross_available(engine, 1), 0, 100000000);
    while (!rf_cross_unhealthy(engine, 1)) {
        instrument->mark++;
        if (rf_watch_hits(engine, instrument) != 0)
            rf_watch_account(engine, 1);
    }
    assert_true(instrument->mark < up); /* or the old key would have been good enough */
    assert_int_equal(rf_watch_hits(engine, instrument), 1);
    free(engine);
}

/* Ten million coins for sale: what they need more as the mark rises does not fit 64 bits on the way. */
static void test_large_orders(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 4, 4096);
    const uint32_t position = flat_account(engine, 5000000000000000);
    rf_instrument *instrument = &engine->instruments[0];
    instrument->mark = 1000;
    rest_sell(engine, position, 1000, 100000000000);
    assert_false(rf_cross_unhealthy(engine, 1));
    while (!rf_cross_unhealthy(engine, 1)) {
        instrument->mark++;
        if (rf_watch_hits(engine, instrument) != 0)
            rf_watch_account(engine, 1);
    }
    assert_int_equal(rf_watch_hits(engine, instrument), 1);
    free(engine);
}

static void look_at_order(rf_engine *engine)
{
    rf_watch_account(engine, 1);
}

/* Keys laid as far as is safe, with little available; then orders are exchanged for others that
 * leave more available but need more of what they need for good. What was counted for the keys
 * before says nothing about these. */
static void test_what_was_counted_for_older_keys(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 4, 4096);
    const uint32_t position = flat_account(engine, 69300000000);
    rf_instrument_config dear = fixture_config();
    dear.taker_fee_rate = RF_TRADING_FEE_MAX;
    dear.liquidation_fee_rate = RF_LIQUIDATION_FEE_MAX;
    add_instrument(engine, &dear, 500000);
    const uint32_t other = rf_position_open(engine, 1, 1, false, 0);
    rf_instrument *instrument = &engine->instruments[0];
    const uint32_t tiny = put_order(engine, other, RF_BUY, 5, 1);
    rf_position_trade(engine, position, RF_BUY, 1000, 500000);
    const uint32_t first = put_order(engine, position, RF_BUY, 450000, 3840);
    rf_watch_account(engine, 1);
    look_at_order(engine); /* the keys hold, and what for is counted: half of 120 */
    assert_in_range(rf_cross_available(engine, 1), 11000000000, 13000000000);
    const uint32_t second = put_order(engine, position, RF_BUY, 450000, 600);
    look_at_order(engine);
    assert_in_range(rf_cross_available(engine, 1), 4000000000, 5900000000);
    rf_own_remove(engine, first);
    rf_own_remove(engine, second);
    rf_own_remove(engine, tiny);
    put_order(engine, other, RF_BUY, 500000, 200); /* 1,000: 450 of fees, 20 of margin */
    look_at_order(engine);
    assert_in_range(rf_cross_available(engine, 1), 8000000000, 11000000000);
    while (!rf_cross_unhealthy(engine, 1)) {
        instrument->mark--;
        if (rf_watch_hits(engine, instrument) != 0)
            rf_watch_account(engine, 1);
    }
    assert_int_equal(rf_watch_hits(engine, instrument), 1);
    free(engine);
}

/* Keys that a flat account left behind cost one look. */
static void test_keys_of_nothing_are_dropped(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 4, 4096);
    const uint32_t position = flat_account(engine, 100000000000);
    rf_instrument *instrument = &engine->instruments[0];
    const uint32_t order = rest_sell(engine, position, 500000, 1);
    rf_own_remove(engine, order);
    rf_watch_account(engine, 1);
    instrument->mark = engine->nodes[RF_UP][position].key;
    assert_true(instrument->mark > 500000);
    assert_int_equal(rf_watch_hits(engine, instrument), 1);
    rf_watch_account(engine, 1);
    assert_int_equal(rf_watch_hits(engine, instrument), 0);
    assert_int_equal(engine->nodes[RF_UP][position].key, 0);
    free(engine);
}

/* An account that lives on collateral: its orders use up what the index may fall. */
static void test_orders_against_collateral(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 4, 4096);
    const uint32_t position = flat_account(engine, 0);
    rf_command command = {.kind = RF_COMMAND_CREATE_CURRENCY};
    rf_result result = {0};
    memcpy(command.u.currency.name, "ETH", 4);
    command.u.currency.kind = RF_CURRENCY_COLLATERAL;
    command.u.currency.cap = -1;
    command.u.currency.haircut = 10000000;
    assert_int_equal(rf_currency_create(engine, &command, &result), RF_ERR_OK);
    rf_currency *currency = &engine->currencies[result.id];
    int64_t *index = &engine->indexes[currency->index].price_e8;
    *index = 200000000000;
    *rf_main(engine, 1, (uint32_t)result.id) = 100000000;
    engine->accounts[1].holds_collateral = 1;
    rest_sell(engine, position, 500000, 1);
    const int64_t early = currency->watch_price;
    rest_sell(engine, position, 500000,
              13800); /* 69,000: 1,380 of initial margin and 400.2 of fees, of 1,800 */
    assert_in_range(rf_cross_available(engine, 1), 1, 2000000000);
    while (!rf_cross_unhealthy(engine, 1)) {
        *index -= 100000000;
        const uint32_t hits = rf_watch_collateral_hits(engine, (uint32_t)result.id);
        assert_int_equal(hits, rf_cross_unhealthy(engine, 1));
    }
    assert_true(*index > early); /* or the first watch price would have been good enough */
    assert_int_equal(engine->scratch[0], 1);
    assert_int_equal(rf_watch_hits(engine, &engine->instruments[0]), 1);
    free(engine);
}

/* A unit of price worth as little as a unit of money: roundings decide, either way. */
static void test_dust(void **state)
{
    (void)state;
    uint32_t unhealthy = 0, jitter = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        world w = {.engine = make_engine(8, 4, 64), .random = {seed}};
        rf_instrument_config config = fixture_config();
        config.price_decimals = config.qty_decimals = 4;
        config.taker_fee_rate = draw(&w, 25000, RF_TRADING_FEE_MAX);
        config.liquidation_fee_rate = draw(&w, 0, RF_LIQUIDATION_FEE_MAX);
        config.max_leverage = (uint32_t)draw(&w, 1, 20);
        rf_instrument *instrument = add_instrument(w.engine, &config, draw(&w, 20, 3000));
        const uint32_t position = rf_position_open(w.engine, 1, 0, true, 1);
        rf_position *record = &w.engine->positions[position];
        rf_position_trade(w.engine, position, (uint8_t)draw(&w, 0, 1), draw(&w, 1, 12),
                          instrument->mark);
        if (seed % 2 == 0) {
            instrument->mark = rf_max(instrument->mark, 100);
            add_order(&w, position);
        }
        record->wallet = required(&w, position) + draw(&w, 0, 2);
        rf_watch_position(w.engine, position);
        bool before = false;
        for (uint32_t step = 0; step < 300; step++) {
            instrument->mark = rf_max(1, instrument->mark + draw(&w, -2, 2));
            const bool now = rf_isolation_unhealthy(w.engine, record);
            const uint32_t hits = rf_watch_hits(w.engine, instrument);
            if (now)
                assert_int_equal(hits, 1);
            unhealthy += now;
            jitter += now != before;
            before = now;
            instrument->moved = 0;
            if (hits != 0 && !now)
                rf_watch_position(w.engine, position);
            assert_int_equal(instrument->moved, 0);
        }
        free(w.engine);
    }
    assert_true(unhealthy > 1000 && jitter > 1000);
}

/* ---- Cost ------------------------------------------------------------------------------------ */

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Best of several runs of ticks that walk between the nearest keys of so many isolations, in ns
 * per 1,000 ticks. */
static int64_t tick_cost(uint32_t positions)
{
    rf_engine *engine = make_engine(positions, positions + 1, 4096);
    const rf_instrument_config config = fixture_config();
    rf_instrument *instrument = add_instrument(engine, &config, 500000);
    for (uint32_t i = 1; i <= positions; i++) {
        const uint32_t position = rf_position_open(engine, i, 0, true, 10);
        rf_position_trade(engine, position, (uint8_t)(i % 2), 10000, 500000);
        engine->positions[position].wallet = 500000000000 + i;
        rf_watch_position(engine, position);
    }
    int64_t best = INT64_MAX;
    for (uint32_t run = 0; run < 9; run++) {
        const int64_t start = now_ns();
        uint32_t hits = 0;
        for (uint32_t tick = 0; tick < 200000; tick++) {
            *(volatile rf_price *)&instrument->mark = 490000 + (tick * 7919) % 20000;
            hits += rf_watch_hits(engine, instrument);
        }
        assert_int_equal(hits, 0);
        best = rf_min(best, (now_ns() - start) / 200);
    }
    free(engine);
    return best;
}

static void test_tick_cost_is_independent_of_positions(void **state)
{
    (void)state;
    const int64_t few = tick_cost(10), many = tick_cost(100000);
    fprintf(stderr, "1,000 ticks without a hit: %lld ns with 10 positions, %lld ns with 100,000\n",
            (long long)few, (long long)many);
    /* Ten thousand times the positions: any scan at all would be far beyond this. */
    assert_true(many < 5 * few + 20000);
}

/* The bound that lies on a key which went away costs one look, not one for each tick. */
static void test_bound_is_tightened(void **state)
{
    (void)state;
    rf_engine *engine = make_engine(8, 8, 64);
    const rf_instrument_config config = fixture_config();
    rf_instrument *instrument = add_instrument(engine, &config, 500000);
    for (uint32_t i = 1; i <= 2; i++) {
        const uint32_t position = rf_position_open(engine, i, 0, true, 10);
        rf_position_trade(engine, position, RF_BUY, 10000, 500000);
        engine->positions[position].wallet = i * 200000000000;
        rf_watch_position(engine, position);
    }
    const rf_price near = engine->nodes[RF_DOWN][1].key, far = engine->nodes[RF_DOWN][2].key;
    assert_true(near > far && far > 0);
    assert_int_equal(instrument->watch[RF_DOWN].nearest, near);
    rf_watch_drop(engine, 1);
    assert_int_equal(instrument->watch[RF_DOWN].nearest, near);
    instrument->mark = near - 1;
    assert_int_equal(rf_watch_hits(engine, instrument), 0);
    assert_int_equal(instrument->watch[RF_DOWN].nearest, far);
    instrument->mark = far;
    assert_int_equal(rf_watch_hits(engine, instrument), 1);
    assert_int_equal(engine->scratch[0], 2);
    rf_watch_drop(engine, 2);
    assert_int_equal(rf_watch_hits(engine, instrument), 0);
    assert_int_equal(instrument->watch[RF_DOWN].nearest, 0);
    free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_brute_force),
        cmocka_unit_test(test_hits_converge),
        cmocka_unit_test(test_orders_after_a_fall),
        cmocka_unit_test(test_large_orders),
        cmocka_unit_test(test_what_was_counted_for_older_keys),
        cmocka_unit_test(test_keys_of_nothing_are_dropped),
        cmocka_unit_test(test_orders_against_collateral),
        cmocka_unit_test(test_dust),
        cmocka_unit_test(test_tick_cost_is_independent_of_positions),
        cmocka_unit_test(test_bound_is_tightened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
