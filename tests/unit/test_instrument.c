/* Listing: what a configuration may not be, what an update may not change, the number range,
 * settling an instrument. */
#include "tests/unit/commands.h"

#include <stdio.h>

#include "engine/instrument.h"

typedef void (*edit)(rf_instrument_config *config);

#define EDIT(name, ...)                            \
    static void name(rf_instrument_config *config) \
    {                                              \
        __VA_ARGS__;                               \
    }

EDIT(no_name, config->name[0] = '\0')
EDIT(endless_name, memset(config->name, 'x', RF_NAME_SIZE))
EDIT(no_base, config->base[0] = '\0')
EDIT(nine_decimals, config->price_decimals = 5)
EDIT(many_decimals, config->price_decimals = 9; config->qty_decimals = 0)
EDIT(no_tick, config->price_tick = 0)
EDIT(negative_lot, config->qty_tick = -1)
EDIT(huge_tick, config->price_tick = 1LL << 61)
EDIT(tick_of_2000, config->price_tick = 20000)
EDIT(huge_lot, config->qty_tick = config->min_order_qty = 1LL << 61)
EDIT(no_leverage, config->max_leverage = 0)
EDIT(much_leverage, config->max_leverage = 1001)
EDIT(negative_umr, config->unit_margin_rate_e18 = -1)
EDIT(maker_above_taker, config->maker_fee_rate = config->taker_fee_rate + 1)
EDIT(rebate_above_taker, config->maker_fee_rate = -config->taker_fee_rate - 1)
EDIT(negative_taker, config->taker_fee_rate = -1; config->maker_fee_rate = -1)
EDIT(taker_above_bound, config->taker_fee_rate = RF_TRADING_FEE_MAX + 1)
EDIT(liquidation_above_bound, config->liquidation_fee_rate = RF_LIQUIDATION_FEE_MAX + 1)
EDIT(no_band, config->price_band = 0)
EDIT(negative_far_band, config->far_price_band = -1)
EDIT(negative_stale, config->mark_stale_ns = -1)
EDIT(off_lot_minimum, config->qty_tick = 10; config->min_order_qty = 15)
EDIT(cap_below_none, config->fund_position_cap = -2)
EDIT(negative_notional, config->min_notional = -1)
EDIT(cap_rate_above_one, config->funding_cap_rate = RF_E8 + 1)
EDIT(unknown_residual, config->residual = 2)
EDIT(unknown_modes, config->margin_modes = 3)
EDIT(unknown_settlement, config->settlement = 2)
EDIT(unknown_unwind, config->fund_unwind = 2)
EDIT(many_tiers, config->tiers_count = RF_TIERS_MAX + 1)

static void two_tiers(rf_instrument_config *config)
{
    config->tiers_count = 2;
    config->tiers[0] = (rf_tier){0, 500000, 100, 0};
    config->tiers[1] = (rf_tier){100000 * USD, 1000000, 50, 0};
}

EDIT(first_floor, two_tiers(config); config->tiers[0].notional_floor = 1)
EDIT(equal_floors, two_tiers(config); config->tiers[1].notional_floor = 0)
EDIT(falling_maintenance, two_tiers(config); config->tiers[1].maintenance_rate = 499999)
EDIT(rising_leverage, two_tiers(config); config->tiers[1].max_leverage = 101)
EDIT(broken_deduction, two_tiers(config); config->tiers[1].notional_floor += 1)
EDIT(no_maintenance, two_tiers(config); config->tiers[0].maintenance_rate = 0)
EDIT(much_maintenance, two_tiers(config); config->tiers[1].maintenance_rate = RF_E8 / 2 + 1)
EDIT(tiers_and_umr, two_tiers(config); config->unit_margin_rate_e18 = 1)
EDIT(maximum_below_minimum, config->max_order_qty = 5; config->min_order_qty = 6)

static const struct {
    edit apply;
    rf_error code;
} refusals[] = {
    {no_name, 40004},
    {endless_name, 40004},
    {no_base, 40004},
    {nine_decimals, 40004},
    {many_decimals, 40004},
    {no_tick, 40004},
    {negative_lot, 40004},
    {huge_tick, 40004},
    {tick_of_2000, 40004},
    {huge_lot, 40004},
    {no_leverage, 40004},
    {much_leverage, 40004},
    {negative_umr, 40004},
    {maker_above_taker, 40004},
    {rebate_above_taker, 40004},
    {negative_taker, 40004},
    {taker_above_bound, 40004},
    {liquidation_above_bound, 40004},
    {no_band, 40004},
    {negative_far_band, 40004},
    {negative_stale, 40004},
    {off_lot_minimum, 40004},
    {cap_below_none, 40004},
    {negative_notional, 40004},
    {cap_rate_above_one, 40004},
    {unknown_residual, 40004},
    {unknown_modes, 40004},
    {unknown_settlement, 40004},
    {unknown_unwind, 40004},
    {many_tiers, 40004},
    {first_floor, 40004},
    {equal_floors, 40004},
    {falling_maintenance, 40004},
    {rising_leverage, 40004},
    {broken_deduction, 40004},
    {no_maintenance, 40004},
    {much_maintenance, 40004},
    {tiers_and_umr, 40003},
    {maximum_below_minimum, 40003},
};

static void test_what_a_configuration_may_not_be(void **state)
{
    (void)state;
    rf_engine *engine = start_engine(4);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        rf_instrument_config config = fixture_config();
        refusals[i].apply(&config);
        const rf_error code = create_instrument(engine, &config);
        if (code != refusals[i].code)
            fail_msg("refusal %zu: %d instead of %d", i, (int)code, (int)refusals[i].code);
        assert_int_equal(rf_instruments_count(engine), 0);
        assert_int_equal(engine->indexes_count, 0);
    }
    rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    assert_int_equal(create_instrument(engine, &config),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT); /* the name is taken */
    free(engine);
}

static void test_defaults_and_derived(void **state)
{
    (void)state;
    rf_engine *engine = start_engine(4);
    rf_instrument_config config = fixture_config();
    config.index_name[0] = '\0';
    config.min_order_qty = 0;
    config.isolations_max = 0;
    two_tiers(&config);
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    const rf_instrument *instrument = &engine->instruments[0];
    assert_string_equal(instrument->config.index_name, "BTCUSD-INDEX");
    assert_int_equal(instrument->config.min_order_qty, 1);
    assert_int_equal(instrument->config.isolations_max, 100);
    assert_int_equal(instrument->k, 1000);
    assert_int_equal(instrument->tiers[0].deduction, 0);
    assert_int_equal(instrument->tiers[1].deduction, 500 * USD); /* 100,000 * (1 % - 0.5 %) */
    /* The largest quantity at the largest mark is the last that stays below 2^62. */
    const rf_wide unit = (rf_wide)instrument->mark_max * instrument->k;
    const rf_qty most = rf_instrument_qty_max(instrument);
    assert_true(unit * most < RF_AMOUNT_MAX && unit * (most + 1) >= RF_AMOUNT_MAX);
    assert_int_equal(set_mark(engine, 0, instrument->mark_max), RF_ERR_OK);
    assert_int_equal(set_mark(engine, 0, instrument->mark_max + 1), RF_ERR_INVALID_PRICE);
    assert_int_equal(mark_of(engine, 0), instrument->mark_max);
    free(engine);
}

static rf_error update(rf_engine *engine, const rf_instrument_config *config, bool dry_run)
{
    rf_command command = {.kind = RF_COMMAND_UPDATE_INSTRUMENT};
    command.u.instrument.config = config;
    command.u.instrument.dry_run = dry_run;
    return apply(engine, &command, 0).code;
}

EDIT(other_name, config->name[0] = 'X')
EDIT(other_base, config->base[0] = 'X')
EDIT(other_index, config->index_name[0] = 'X')
EDIT(other_price_decimals, config->price_decimals = 2)
EDIT(other_qty_decimals, config->qty_decimals = 3)
EDIT(other_tick, config->price_tick = 1)
EDIT(other_lot, config->qty_tick = config->min_order_qty = 10)

static void test_what_an_update_may_not_change(void **state)
{
    (void)state;
    static const edit edits[] = {other_name,         other_base, other_index, other_price_decimals,
                                 other_qty_decimals, other_tick, other_lot};
    rf_engine *engine = start_engine(4);
    rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        rf_instrument_config changed = fixture_config();
        edits[i](&changed);
        assert_int_equal(update(engine, &changed, false), RF_ERR_INVALID_REQUEST);
    }
    rf_instrument_config changed = fixture_config();
    changed.max_leverage = 20;
    assert_int_equal(update(engine, &changed, true), RF_ERR_OK);
    assert_int_equal(engine->instruments[0].margin.product_leverage, 50);
    assert_int_equal(update(engine, &changed, false), RF_ERR_OK);
    assert_int_equal(engine->instruments[0].margin.product_leverage, 20);
    free(engine);
}

/* Stricter maintenance liquidates at once whom it makes unhealthy, and only those. */
static void test_update_is_followed_by_a_look(void **state)
{
    (void)state;
    rf_engine *engine = start_engine(8);
    rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    const uint32_t maker = create_account(engine, 1000000 * USD),
                   user = create_account(engine, 20000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t high = trade(engine, maker, 0, user, 50, 0, 10000, 500000);
    const uint32_t other = create_account(engine, 20000 * USD);
    const uint64_t low = trade(engine, maker, 0, other, 10, 0, 10000, 500000);
    config.max_leverage = 10; /* MM 2,500 against W = 1,270 and 5,270 */
    assert_int_equal(update(engine, &config, false), RF_ERR_OK);
    rf_position_view view;
    assert_false(rf_view_isolation(engine, high, &view));
    assert_true(rf_view_isolation(engine, low, &view));
    assert_int_equal(view.qty, 10000);
    assert_invariants(engine);
    free(engine);
}

static void test_settled_closes_everything(void **state)
{
    (void)state;
    rf_engine *engine = start_engine(16);
    seen_events seen = {0};
    rf_engine_set_sink(engine, (rf_sink){see_event, &seen});
    rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    const uint32_t short_cross = create_account(engine, 100000 * USD);
    const uint32_t winner = create_account(engine, 20000 * USD),
                   loser = create_account(engine, 20000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t isolation = trade(engine, short_cross, 0, winner, 10, 0, 10000, 500000);
    const uint64_t thin = trade(engine, loser, 10, short_cross, 0, 0, 5000, 500000);
    assert_int_equal(thin, 0);
    assert_int_equal(limit_order(engine, winner, 0, RF_BUY, 100, 400000, 0).code, RF_ERR_OK);
    assert_int_equal(set_state(engine, 0, RF_STATE_SETTLED, -1), RF_ERR_INVALID_PRICE);
    /* The loser's short of 0.5 was entered with 2,645; at 60,000 it has lost 5,000: the fund
     * pays the rest. */
    assert_int_equal(set_state(engine, 0, RF_STATE_SETTLED, 600000), RF_ERR_OK);
    rf_position_view view;
    assert_false(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(rf_view_positions(engine, winner, &view, 1), 0);
    assert_int_equal(rf_view_positions(engine, loser, &view, 1), 0);
    assert_int_equal(rf_view_positions(engine, short_cross, &view, 1), 0);
    assert_int_equal(cash_of(engine, winner), 20000 * USD - 20 * USD + 10000 * USD);
    /* Maker fee 6.25 on 25,000; the isolation had 2,645 = 2,500 + 145 from main, everything of
     * it is gone. */
    assert_int_equal(cash_of(engine, loser), 20000 * USD - 2645 * USD);
    assert_int_equal(rf_view_clearing(engine, 0), 0);
    rf_house_view house;
    rf_view_house(engine, &house);
    assert_int_equal(house.insurance[0], -(5000 * USD - 2645 * USD + 625 * USD / 100));
    assert_int_equal(seen.last[RF_EVENT_POSITION_MOVED].code, 3);
    assert_invariants(engine);
    /* There is no way back, and nothing works any more but reading. */
    assert_int_equal(set_state(engine, 0, RF_STATE_OPEN, 0), RF_ERR_INSTRUMENT_EXPIRED);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_INSTRUMENT_EXPIRED);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_FUNDING, 0, 0, 1, true),
                     RF_ERR_INSTRUMENT_EXPIRED);
    free(engine);
}

/* More positions than one command visits: the work goes on with TICKs and ends the same. */
static void test_settled_with_many_positions(void **state)
{
    (void)state;
    enum { MANY = 3 * RF_STEP_BUDGET };
    rf_engine *engine = start_engine(MANY + 8);
    rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    const uint32_t maker = create_account(engine, 100000000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    uint32_t users[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        users[i] = create_account(engine, 1000 * USD);
        trade(engine, maker, 0, users[i], i % 2 ? 10 : 0, 0, 100, 500000);
    }
    rf_command command = {.kind = RF_COMMAND_SET_INSTRUMENT_STATE, .time_ns = START_NS};
    command.u.instrument.state = RF_STATE_SETTLED;
    command.u.instrument.price = 510000;
    rf_result result;
    rf_engine_apply(engine, &command, &result);
    uint32_t steps = 0;
    for (; rf_engine_pending(engine); steps++) {
        rf_command next = {.kind = RF_COMMAND_TICK, .time_ns = START_NS};
        rf_engine_apply(engine, &next, &result);
    }
    assert_in_range(steps, 2, 6);
    for (uint32_t i = 0; i < MANY; i++) /* 0.01 * 1,000 of profit, 0.2 of fee */
        assert_int_equal(cash_of(engine, users[i]), 1000 * USD + 10 * USD - USD / 5);
    assert_int_equal(rf_view_clearing(engine, 0), 0);
    assert_int_equal(engine->positions_used, 0);
    assert_invariants(engine);
    free(engine);
}

static void test_currencies(void **state)
{
    (void)state;
    rf_engine *engine = start_engine(4);
    rf_command command = {.kind = RF_COMMAND_CREATE_CURRENCY};
    command.u.currency.kind = RF_CURRENCY_COLLATERAL;
    command.u.currency.cap = -1;
    assert_int_equal(apply(engine, &command, START_NS).code,
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT); /* no name */
    memcpy(command.u.currency.name, "USDC", 5);
    assert_int_equal(apply(engine, &command, START_NS).code, RF_ERR_INVALID_CURRENCY); /* exists */
    memcpy(command.u.currency.name, "ETH", 4);
    command.u.currency.haircut = RF_E8 + 1;
    assert_int_equal(apply(engine, &command, START_NS).code, RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    command.u.currency.haircut = RF_E8 / 10;
    assert_int_equal(apply(engine, &command, START_NS).code, RF_ERR_OK);
    assert_int_equal(rf_find_index(engine, "ETHUSD-INDEX"), 0);
    memcpy(command.u.currency.name, "EUSD", 5);
    command.u.currency.kind = RF_CURRENCY_USD_STABLE;
    assert_int_equal(apply(engine, &command, START_NS).code,
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT); /* factor 0 */
    command.u.currency.factor = 99000000;
    assert_int_equal(apply(engine, &command, START_NS).code, RF_ERR_OK);
    assert_int_equal(rf_currencies_count(engine), 5);
    free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_configuration_may_not_be),
        cmocka_unit_test(test_defaults_and_derived),
        cmocka_unit_test(test_what_an_update_may_not_change),
        cmocka_unit_test(test_update_is_followed_by_a_look),
        cmocka_unit_test(test_settled_closes_everything),
        cmocka_unit_test(test_settled_with_many_positions),
        cmocka_unit_test(test_currencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
