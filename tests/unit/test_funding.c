/* Funding, session settlement and socialised loss: margin.md 7 and 11, market.md "Funding",
 * "Settlement". */
#include "tests/unit/commands.h"

#include "engine/funding.h"
#include "engine/mark.h"
#include "tests/tape.h"

#define INDEX "BTCUSD-INDEX"
#define HOUR_23 1700002800000000000LL /* 23:00 */
#define MIDNIGHT (HOUR_23 + RF_HOUR_NS)

static rf_instrument_config hourly_config(void)
{
    rf_instrument_config config = fixture_config();
    config.settlement = RF_SETTLEMENT_HOURLY;
    config.funding_cap_rate = 1000000;
    return config;
}

static rf_engine *with_instrument(const rf_instrument_config *config)
{
    rf_engine *engine = start_engine(32);
    assert_int_equal(create_instrument(engine, config), RF_ERR_OK);
    return engine;
}

static rf_rate hourly(const rf_engine *engine)
{
    return rf_funding_hourly(&engine->instruments[0]);
}

static void quote(rf_engine *engine, uint32_t account, rf_price bid, rf_price ask)
{
    assert_int_equal(limit_order(engine, account, 0, RF_BUY, 1000, bid, 0).code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, account, 0, RF_SELL, 1000, ask, 0).code, RF_ERR_OK);
}

/* Premium weighted by time over four hours; the rate is fixed at the interval's end and settles
 * in the next one. */
static void test_rate_of_an_interval(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD), RF_ERR_OK);
    assert_int_equal(hourly(engine), 1250); /* interest alone: clamp(5,000 - 0) / 4 */
    /* Sampled at 22:13:20 (0 until then) and from 23:00 on: M = 50,100 is a premium of 0.2 % =
     * 200,000. */
    tick(engine, HOUR_23 - RF_MINUTE_NS);
    quote(engine, maker, 500500, 501500);
    tick(engine, HOUR_23);
    assert_int_equal(engine->instruments[0].premium_now, 200000);
    assert_int_equal(hourly(engine), 1250);
    tick(engine, MIDNIGHT);
    /* 3,600 s of 6,400 s since the listing: avg = 112,500; + clamp(5,000 - 112,500, 50,000) =
     * 62,500; / 4. */
    assert_int_equal(engine->instruments[0].funding_rate, 62500);
    assert_int_equal(hourly(engine), 15625);
    /* The next interval has the premium all along: 150,000 / 4. It is in force from 04:00 on. */
    assert_int_equal(rf_funding_estimate(engine, &engine->instruments[0]), 37500);
    tick(engine, MIDNIGHT + 4 * RF_HOUR_NS - 1);
    assert_int_equal(hourly(engine), 15625);
    tick(engine, MIDNIGHT + 4 * RF_HOUR_NS);
    assert_int_equal(hourly(engine), 37500);
    free(engine);
}

static void test_rate_is_capped_and_rounds_toward_zero(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    rf_instrument *instrument = &engine->instruments[0];
    instrument->funding_rate = -7;
    assert_int_equal(hourly(engine), -1);
    instrument->funding_rate = 7;
    assert_int_equal(hourly(engine), 1);
    instrument->funding_rate = 4000004;
    assert_int_equal(hourly(engine), 1000000);
    instrument->funding_rate = -4000004;
    assert_int_equal(hourly(engine), -1000000);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SET_FUNDING_RATE, 0, 0, 5, true), RF_ERR_OK);
    assert_int_equal(hourly(engine), 5);
    free(engine);
}

/* A book a hundred million times above the index: the premium is bounded, the rate capped. */
static void test_premium_of_a_tiny_index(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    quote(engine, maker, 500500, 501500);
    assert_int_equal(set_index(engine, INDEX, "", 1), RF_ERR_OK);
    assert_int_equal(engine->instruments[0].premium_now, 10000 * RF_E8);
    assert_int_equal(rf_funding_estimate(engine, &engine->instruments[0]), config.funding_cap_rate);
    tick(engine, MIDNIGHT);
    assert_int_equal(hourly(engine), config.funding_cap_rate);
    free(engine);
}

/* Three longs of different sizes against one short: each pays ceil, the short gets the floor,
 * ROUNDING the rest. */
static void test_nothing_is_lost(void **state)
{
    (void)state;
    rf_instrument_config config = hourly_config();
    config.settlement = RF_SETTLEMENT_MANUAL;
    rf_engine *engine = with_instrument(&config);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    uint64_t isolations[3];
    rf_money wallets[3];
    assert_int_equal(set_mark(engine, 0, 500001), RF_ERR_OK);
    const rf_qty sizes[3] = {1, 3, 7};
    for (size_t i = 0; i < 3; i++) {
        const uint32_t user = create_account(engine, 20000 * USD);
        isolations[i] = trade(engine, maker, 0, user, 10, 0, sizes[i], 500000);
        wallets[i] = wallet_of(engine, isolations[i]);
    }
    const rf_money maker_cash = cash_of(engine, maker);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_FUNDING, 0, 0, 0, false),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_FUNDING, 0, 0, 333, true), RF_ERR_OK);
    /* N = qty * 500,001,000; * 0.00000333 = 1665.00333, 4995.00999, 11655.02331; the short:
     * 18315.03663 */
    assert_int_equal(wallets[0] - wallet_of(engine, isolations[0]), 1666);
    assert_int_equal(wallets[1] - wallet_of(engine, isolations[1]), 4996);
    assert_int_equal(wallets[2] - wallet_of(engine, isolations[2]), 11656);
    assert_int_equal(cash_of(engine, maker) - maker_cash, 18315);
    rf_house_view house;
    rf_view_house(engine, &house);
    assert_int_equal(house.rounding[0], 3);
    assert_invariants(engine);
    free(engine);
}

/* Pinned rates count once; operator's calls do not use up what is pinned for the hour. */
static void test_pin_is_for_the_next_settlement(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SET_FUNDING_RATE, 0, 0, 900, true),
                     RF_ERR_OK);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_FUNDING, 0, 0, 7, true), RF_ERR_OK);
    assert_int_equal(hourly(engine), 900);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_FUNDING, 0, 0, 0, false), RF_ERR_OK);
    assert_int_equal(hourly(engine), 1250);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SET_FUNDING_RATE, 0, 0, -900, true),
                     RF_ERR_OK);
    tick(engine, HOUR_23);
    assert_int_equal(hourly(engine), 1250);
    free(engine);
}

/* At the hour: mark, liquidations, funding, settlement, liquidations, socialised loss in
 * between. */
static void test_settlement_at_the_hour(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    seen_events seen = {0};
    rf_engine_set_sink(engine, (rf_sink){see_event, &seen});
    const uint32_t maker = create_account(engine, 1000000 * USD),
                   user = create_account(engine, 20000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t isolation = trade(engine, maker, 0, user, 10, 0, 10000, 500000);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SET_FUNDING_RATE, 0, 0, 100000, true),
                     RF_ERR_OK);
    assert_int_equal(set_mark(engine, 0, 510000), RF_ERR_OK);
    const rf_money cash = cash_of(engine, maker);
    /* Over two hours in one jump: funding at 0.1 % and then at 1,250 e8 (0.00125 %). */
    tick(engine, HOUR_23 + RF_HOUR_NS);
    assert_int_equal(seen.count[RF_EVENT_FUNDING_SETTLED], 2);
    assert_int_equal(seen.count[RF_EVENT_SESSION_SETTLED], 2);
    assert_int_equal(seen.last[RF_EVENT_FUNDING_SETTLED].time_ns, MIDNIGHT);
    assert_int_equal(seen.last[RF_EVENT_FUNDING_SETTLED].value, 1250);
    assert_int_equal(seen.count[RF_EVENT_POSITION_SETTLED],
                     2); /* the second time there was nothing to settle */
    const rf_money paid = 51 * USD + 6375 * USD / 10000;
    assert_int_equal(wallet_of(engine, isolation), 5270 * USD + 1000 * USD - paid);
    assert_int_equal(cash_of(engine, maker) - cash, paid - 1000 * USD);
    rf_position_view view;
    assert_true(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(view.cost, 51000 * USD);
    assert_int_equal(view.cost_user, 50000 * USD);
    assert_int_equal(view.last_settlement_value, 51000 * USD);
    assert_int_equal(rf_engine_time_ns(engine), MIDNIGHT);
    assert_invariants(engine);
    free(engine);
}

static void test_stale_mark_keeps_the_session(void **state)
{
    (void)state;
    rf_instrument_config config = hourly_config();
    config.mark_stale_ns = 10 * SECOND_NS;
    rf_engine *engine = with_instrument(&config);
    const uint32_t maker = create_account(engine, 1000000 * USD),
                   user = create_account(engine, 20000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t isolation = trade(engine, maker, 0, user, 10, 0, 10000, 500000);
    assert_int_equal(set_mark(engine, 0, 510000), RF_ERR_OK);
    tick(engine, HOUR_23);
    rf_position_view view;
    assert_true(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(view.cost, 50000 * USD);
    assert_int_equal(view.wallet, 5270 * USD - 6375 * USD / 10000); /* funding uses the last mark */
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_SESSION, 0, 0, 0, false), RF_ERR_OK);
    assert_true(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(view.cost, 50000 * USD);
    assert_int_equal(set_mark(engine, 0, 510000), RF_ERR_OK);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_SESSION, 0, 0, 0, false), RF_ERR_OK);
    assert_true(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(view.cost, 51000 * USD);
    free(engine);
}

/* One hour over two instruments: the loss is shared over the profits of both, each share rounded
 * up, the surplus stays with the fund; the fund's own profit is no share. */
static void test_loss_is_shared_over_all_instruments(void **state)
{
    (void)state;
    rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    config.name[0] = 'E';
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    const uint32_t first = create_account(engine, 100000 * USD),
                   second = create_account(engine, 100000 * USD);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(set_mark(engine, i, 500000), RF_ERR_OK);
        assert_int_equal(of_instrument(engine, RF_COMMAND_SET_FUNDING_RATE, i, 0, 0, true),
                         RF_ERR_OK);
    }
    const uint64_t isolation = trade(engine, maker, 0, first, 10, 0, 10000, 500000);
    trade(engine, maker, 0, second, 0, 1, 20000, 500000);
    engine->currencies[0].insurance = -532 * USD;
    engine->currencies[0].world += 532 * USD;
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(set_mark(engine, i, 510000), RF_ERR_OK);
    const rf_money cash = cash_of(engine, second);
    tick(engine, HOUR_23);
    /* ceil(532 * 1,000 / 3,000) and ceil(532 * 2,000 / 3,000) */
    assert_int_equal(wallet_of(engine, isolation), 5270 * USD + 1000 * USD - 17733333334);
    assert_int_equal(cash_of(engine, second) - cash, 2000 * USD - 35466666667);
    rf_house_view house;
    rf_view_house(engine, &house);
    assert_int_equal(house.insurance[0], 1);
    assert_invariants(engine);
    free(engine);
}

/* A loss above all profits takes them whole and stays for the next hour. */
static void test_share_is_capped_by_the_profit(void **state)
{
    (void)state;
    const rf_instrument_config config = hourly_config();
    rf_engine *engine = with_instrument(&config);
    const uint32_t maker = create_account(engine, 1000000 * USD),
                   user = create_account(engine, 100000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t isolation = trade(engine, maker, 0, user, 10, 0, 10000, 500000);
    engine->currencies[0].insurance = -1500 * USD;
    engine->currencies[0].world += 1500 * USD;
    assert_int_equal(set_mark(engine, 0, 510000), RF_ERR_OK);
    assert_int_equal(of_instrument(engine, RF_COMMAND_SETTLE_SESSION, 0, 0, 0, false), RF_ERR_OK);
    assert_int_equal(wallet_of(engine, isolation), 5270 * USD);
    rf_house_view house;
    rf_view_house(engine, &house);
    assert_int_equal(house.insurance[0], -500 * USD);
    assert_invariants(engine);
    free(engine);
}

/* ---- Bounded steps --------------------------------------------------------------------------- */

enum { MANY = RF_STEP_BUDGET + 1000 };

typedef struct crowd {
    rf_engine *engine;
    uint32_t maker;
} crowd;

/* Isolations and cross accounts, some of which the funding of the hour makes unhealthy. */
static crowd make_crowd(void)
{
    const rf_instrument_config config = hourly_config();
    crowd made = {start_engine(MANY + 8), 0};
    assert_int_equal(create_instrument(made.engine, &config), RF_ERR_OK);
    made.maker = create_account(made.engine, 100000000 * USD);
    assert_int_equal(set_mark(made.engine, 0, 500000), RF_ERR_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        const uint32_t user = create_account(made.engine, (i % 3 == 0 ? 100 : 1000) * USD);
        trade(made.engine, made.maker, 0, user,
              i % 3 == 0   ? 0
              : i % 3 == 1 ? 50
                           : 10,
              0, 100, 500000);
    }
    assert_int_equal(set_mark(made.engine, 0, 495000), RF_ERR_OK);
    assert_int_equal(of_instrument(made.engine, RF_COMMAND_SET_FUNDING_RATE, 0, 0, 400000, true),
                     RF_ERR_OK);
    return made;
}

/* Saves in the middle of the work and goes on in another engine. */
static rf_engine *reload(rf_engine *engine)
{
    tape saved = {0};
    const char *error = NULL;
    assert_true(rf_engine_save(engine, tape_write, &saved));
    free(engine);
    rf_engine *loaded = start_engine(MANY + 8);
    if (!rf_engine_load(loaded, tape_read, &saved, &error))
        fail_msg("%s", error);
    free(saved.bytes);
    return loaded;
}

static rf_engine *run_hour(rf_engine *engine, bool restart, uint32_t *steps)
{
    rf_command next = {.kind = RF_COMMAND_TICK, .time_ns = HOUR_23};
    rf_result result;
    *steps = 0;
    do {
        rf_engine_apply(engine, &next, &result);
        if (restart)
            engine = reload(engine);
        ++*steps;
    } while (rf_engine_pending(engine));
    return engine;
}

/* An hour over more positions than one command visits ends in the same state, whether the
 * process was restarted between its steps or not, and refuses other commands meanwhile. */
static void test_hour_in_steps(void **state)
{
    (void)state;
    crowd whole = make_crowd(), cut = make_crowd();
    uint32_t steps, steps_cut;
    whole.engine = run_hour(whole.engine, false, &steps);
    cut.engine = run_hour(cut.engine, true, &steps_cut);
    assert_in_range(steps, 3, 64);
    assert_int_equal(steps, steps_cut);
    const rf_digest a = rf_engine_digest(whole.engine), b = rf_engine_digest(cut.engine);
    assert_int_equal(a.high, b.high);
    assert_int_equal(a.low, b.low);
    /* Those with 50 times leverage had 127 - 50 of loss - 19.8 of funding: W + U below FR + MM. */
    rf_account_view view;
    assert_true(rf_view_account(whole.engine, whole.maker + 2, &view));
    assert_int_equal(view.isolations, 0);
    assert_true(rf_view_account(whole.engine, whole.maker + 3, &view));
    assert_int_equal(view.isolations, 1);
    assert_invariants(whole.engine);
    free(whole.engine);
    free(cut.engine);
}

static void test_commands_wait_for_the_hour(void **state)
{
    (void)state;
    crowd made = make_crowd();
    rf_command next = {.kind = RF_COMMAND_TICK, .time_ns = HOUR_23};
    rf_result result;
    rf_engine_apply(made.engine, &next, &result);
    assert_true(rf_engine_pending(made.engine));
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT, .time_ns = HOUR_23};
    deposit.u.money.account = made.maker;
    deposit.u.money.currency = 1;
    deposit.u.money.amount = USD;
    const rf_money cash = cash_of(made.engine, made.maker);
    rf_engine_apply(made.engine, &deposit, &result);
    assert_int_equal(result.code, RF_ERR_ERR_INTERNAL);
    assert_int_equal(cash_of(made.engine, made.maker), cash);
    free(made.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_of_an_interval),
        cmocka_unit_test(test_rate_is_capped_and_rounds_toward_zero),
        cmocka_unit_test(test_premium_of_a_tiny_index),
        cmocka_unit_test(test_nothing_is_lost),
        cmocka_unit_test(test_pin_is_for_the_next_settlement),
        cmocka_unit_test(test_settlement_at_the_hour),
        cmocka_unit_test(test_stale_mark_keeps_the_session),
        cmocka_unit_test(test_loss_is_shared_over_all_instruments),
        cmocka_unit_test(test_share_is_capped_by_the_profit),
        cmocka_unit_test(test_hour_in_steps),
        cmocka_unit_test(test_commands_wait_for_the_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
