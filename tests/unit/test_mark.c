/* Index and mark prices: market.md "Mark price", "Index", "Numbers", "States". */
#include "tests/unit/commands.h"

#include "engine/mark.h"

#define INDEX "BTCUSD-INDEX"

static rf_engine *with_instrument(int64_t stale_ns)
{
    rf_engine *engine = start_engine(16);
    rf_instrument_config config = fixture_config();
    config.mark_stale_ns = stale_ns;
    config.settlement = RF_SETTLEMENT_MANUAL;
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    return engine;
}

static int64_t index_of(const rf_engine *engine)
{
    rf_instrument_view view;
    assert_true(rf_view_instrument(engine, 0, &view));
    return view.index_e8;
}

static void test_index_of_several_sources(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(10 * SECOND_NS);
    assert_int_equal(set_index(engine, INDEX, "a", 50000 * USD), RF_ERR_OK);
    assert_int_equal(index_of(engine), 50000 * USD);
    assert_int_equal(set_index(engine, INDEX, "b", 50000 * USD + 1), RF_ERR_OK);
    assert_int_equal(index_of(engine), 50000 * USD); /* the mean of an even count is floored */
    assert_int_equal(set_index(engine, INDEX, "c", 50100 * USD), RF_ERR_OK);
    assert_int_equal(index_of(engine), 50000 * USD + 1);
    assert_int_equal(set_index(engine, INDEX, "c", 60000 * USD), RF_ERR_OK);
    assert_int_equal(index_of(engine), 50000 * USD); /* an outlier of the median 50000.00000001 */
    /* Exactly 3 % off counts, a unit more does not. */
    assert_int_equal(set_index(engine, INDEX, "b", 50000 * USD), RF_ERR_OK);
    assert_int_equal(set_index(engine, INDEX, "c", 51500 * USD), RF_ERR_OK);
    assert_int_equal(engine->indexes[0].sources_used, 3);
    assert_int_equal(set_index(engine, INDEX, "c", 51500 * USD + 1), RF_ERR_OK);
    assert_int_equal(engine->indexes[0].sources_used, 2);
    /* Sources older than the limit are dropped: 11 s later only the new one is fresh. */
    tick(engine, START_NS + 11 * SECOND_NS);
    assert_int_equal(set_index(engine, INDEX, "c", 70000 * USD), RF_ERR_OK);
    assert_int_equal(index_of(engine), 70000 * USD);
    assert_int_equal(engine->indexes[0].sources_used, 1);
    free(engine);
}

/* The median is of the prices, whatever the order in which the sources came. */
static void test_median_of_any_order(void **state)
{
    (void)state;
    static const int64_t orders[][3] = {{100, 102, 101}, {102, 100, 101}, {101, 100, 102},
                                        {101, 102, 100}, {100, 101, 102}, {102, 101, 100}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        rf_engine *engine = with_instrument(0);
        assert_int_equal(set_index(engine, INDEX, "a", 500 * orders[i][0] * USD), RF_ERR_OK);
        assert_int_equal(set_index(engine, INDEX, "b", 500 * orders[i][1] * USD), RF_ERR_OK);
        assert_int_equal(set_index(engine, INDEX, "c", 500 * orders[i][2] * USD), RF_ERR_OK);
        assert_int_equal(index_of(engine), 500 * 101 * USD);
        free(engine);
    }
}

/* Two sources that are far apart: nobody is near the median. The index stays and grows old. */
static void test_sources_that_disagree(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(10 * SECOND_NS);
    assert_int_equal(set_index(engine, INDEX, "a", 50000 * USD), RF_ERR_OK);
    tick(engine, START_NS + 5 * SECOND_NS);
    assert_int_equal(set_index(engine, INDEX, "b", 60000 * USD), RF_ERR_OK);
    assert_int_equal(index_of(engine), 50000 * USD);
    assert_int_equal(engine->indexes[0].time_ns, START_NS);
    tick(engine, START_NS + 11 * SECOND_NS);
    assert_true(rf_index_stale(engine, &engine->indexes[0]));
    assert_true(rf_mark_stale(engine, &engine->instruments[0]));
    free(engine);
}

static void test_ninth_source_takes_the_place_of_the_oldest(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    for (int64_t i = 0; i < RF_INDEX_SOURCES_MAX + 1; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        tick(engine, START_NS + i * SECOND_NS);
        assert_int_equal(set_index(engine, INDEX, name, (50000 + i) * USD), RF_ERR_OK);
    }
    assert_int_equal(engine->indexes[0].sources_count, RF_INDEX_SOURCES_MAX);
    assert_string_equal(engine->indexes[0].sources[0].name, "i");
    assert_int_equal(index_of(engine), 50004 * USD + USD / 2); /* 50001 .. 50008 */
    free(engine);
    engine = with_instrument(0); /* all of one moment: the first that came */
    for (int64_t i = 0; i < RF_INDEX_SOURCES_MAX + 1; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        assert_int_equal(set_index(engine, INDEX, name, (50000 + i) * USD), RF_ERR_OK);
    }
    assert_string_equal(engine->indexes[0].sources[0].name, "i");
    assert_string_equal(engine->indexes[0].sources[1].name, "b");
    free(engine);
}

static void test_index_refusals(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    const rf_price most = engine->instruments[0].mark_max; /* in tenths of a USD */
    assert_int_equal(set_index(engine, INDEX, "", 0), RF_ERR_INVALID_PRICE);
    assert_int_equal(set_index(engine, INDEX, "", -1), RF_ERR_INVALID_PRICE);
    assert_int_equal(set_index(engine, "", "", USD), RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    /* The mark may be a per cent above the index. */
    const int64_t highest = (most * (USD / 10) + USD / 10 - 1) * 100 / 101;
    assert_int_equal(set_index(engine, INDEX, "", highest + 101), RF_ERR_INVALID_PRICE);
    assert_int_equal(index_of(engine), 0);
    assert_int_equal(set_index(engine, INDEX, "", highest), RF_ERR_OK);
    assert_int_equal(set_index(engine, "NOBODY-INDEX", "", INT64_MAX), RF_ERR_INVALID_PRICE);
    assert_int_equal(set_index(engine, "NOBODY-INDEX", "", RF_AMOUNT_MAX - 1),
                     RF_ERR_OK); /* nobody follows it */
    rf_command command = {.kind = RF_COMMAND_SET_INDEX_PRICE};
    command.u.index.index = 7;
    command.u.index.price_e8 = 1;
    assert_int_equal(apply(engine, &command, 0).code, RF_ERR_INVALID_INSTRUMENT);
    free(engine);
}

static void quote(rf_engine *engine, uint32_t account, rf_price bid, rf_price ask)
{
    assert_int_equal(limit_order(engine, account, 0, RF_BUY, 1000, bid, 0).code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, account, 0, RF_SELL, 1000, ask, 0).code, RF_ERR_OK);
}

/* median(I, I + B, M); B moves by (M - I - B) * min(dt, 60 s) / 60 s. */
static void test_basis(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD), RF_ERR_OK);
    quote(engine, maker, 501000, 503000);
    assert_int_equal(mark_of(engine, 0), 500000); /* never inside matching */
    tick(engine, START_NS + 15 * SECOND_NS);
    assert_int_equal(mark_of(engine, 0), 500500); /* B = 200 * 15/60 */
    tick(engine, START_NS + 30 * SECOND_NS);
    assert_int_equal(mark_of(engine, 0), 500875); /* B = 50 + 150/4 */
    /* At the same time nothing moves; an index input moves I alone. */
    tick(engine, START_NS + 30 * SECOND_NS);
    assert_int_equal(mark_of(engine, 0), 500875);
    assert_int_equal(set_index(engine, INDEX, "", 50010 * USD), RF_ERR_OK);
    assert_int_equal(mark_of(engine, 0), 500975);
    tick(engine, START_NS + 600 * SECOND_NS);
    assert_int_equal(mark_of(engine, 0), 502000); /* B = M - I */
    free(engine);
}

static void test_clamp_and_floor(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD + 19999999), RF_ERR_OK);
    assert_int_equal(mark_of(engine, 0), 500001); /* 50000.19999999 */
    quote(engine, maker, 508000, 509000);
    tick(engine, START_NS + 60 * SECOND_NS);
    assert_int_equal(mark_of(engine, 0), 505002); /* 50000.19999999 * 1.01 = 50500.2019... */
    rf_command cancel = {.kind = RF_COMMAND_CANCEL_ORDERS};
    cancel.u.change.account = maker;
    cancel.u.change.all = 2;
    cancel.u.change.instrument = cancel.u.change.mode = -1;
    assert_int_equal(apply(engine, &cancel, 0).code, RF_ERR_OK);
    quote(engine, maker, 490000, 492000);
    for (int64_t minute = 2; minute < 20; minute++)
        tick(engine, START_NS + minute * RF_MINUTE_NS);
    assert_int_equal(mark_of(engine, 0), 495001); /* 49500.1979... */
    free(engine);
}

static void test_pin_and_clear(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(10 * SECOND_NS);
    seen_events seen = {0};
    rf_engine_set_sink(engine, (rf_sink){see_event, &seen});
    rf_instrument *instrument = &engine->instruments[0];
    assert_int_equal(set_mark(engine, 0, 0), RF_ERR_INVALID_PRICE);
    assert_int_equal(set_mark(engine, 1, 500000), RF_ERR_INVALID_INSTRUMENT);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    assert_int_equal(seen.count[RF_EVENT_MARK_PRICE], 1);
    assert_int_equal(set_index(engine, INDEX, "", 52000 * USD), RF_ERR_OK);
    assert_int_equal(mark_of(engine, 0), 500000);
    /* A pinned mark ages, an index input does not refresh it. */
    tick(engine, START_NS + 10 * SECOND_NS);
    assert_false(rf_mark_stale(engine, instrument));
    tick(engine, START_NS + 10 * SECOND_NS + 1);
    assert_int_equal(set_index(engine, INDEX, "", 52000 * USD), RF_ERR_OK);
    assert_true(rf_mark_stale(engine, instrument));
    assert_true(rf_liquidation_frozen(engine, instrument));
    assert_int_equal(of_instrument(engine, RF_COMMAND_CLEAR_MARK_PRICE, 0, 0, 0, false), RF_ERR_OK);
    assert_int_equal(mark_of(engine, 0), 520000);
    assert_int_equal(seen.last[RF_EVENT_MARK_PRICE].price, 520000);
    assert_false(rf_mark_stale(engine, instrument));
    free(engine);
}

/* TICKs compute marks but are no inputs: a mark is as old as its index. */
static void test_ticks_do_not_refresh(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(10 * SECOND_NS);
    rf_instrument *instrument = &engine->instruments[0];
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD), RF_ERR_OK);
    for (int64_t second = 1; second <= 10; second++) {
        tick(engine, START_NS + second * SECOND_NS);
        assert_false(rf_mark_stale(engine, instrument));
    }
    tick(engine, START_NS + 11 * SECOND_NS);
    assert_true(rf_mark_stale(engine, instrument));
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD), RF_ERR_OK);
    assert_false(rf_mark_stale(engine, instrument));
    /* After a restart everything is too old until its next input, even at the same time. */
    forget_marks(engine);
    assert_true(rf_mark_stale(engine, instrument));
    assert_true(rf_index_stale(engine, &engine->indexes[0]));
    tick(engine, START_NS + 12 * SECOND_NS);
    assert_true(rf_mark_stale(engine, instrument));
    assert_int_equal(set_index(engine, INDEX, "", 50000 * USD), RF_ERR_OK);
    assert_false(rf_mark_stale(engine, instrument));
    free(engine);
}

/* Without a limit too: of two sources only the one that spoke since then counts. */
static void test_a_restart_makes_every_mark_stale(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    rf_instrument *instrument = &engine->instruments[0];
    rf_instrument_view view;
    assert_int_equal(set_index(engine, INDEX, "a", 50000 * USD), RF_ERR_OK);
    assert_int_equal(set_index(engine, INDEX, "b", 50200 * USD), RF_ERR_OK);
    assert_int_equal(engine->indexes[0].price_e8, 50100 * USD);
    assert_false(rf_mark_stale(engine, instrument));
    forget_marks(engine);
    assert_true(rf_mark_stale(engine, instrument));
    assert_true(rf_liquidation_frozen(engine, instrument));
    assert_true(rf_index_stale(engine, &engine->indexes[0]));
    assert_true(rf_view_instrument(engine, 0, &view));
    assert_true(view.mark_stale && view.mark_time_ns == 0 && view.index_time_ns == 0);
    tick(engine, START_NS + SECOND_NS);
    assert_true(rf_mark_stale(engine, instrument));
    assert_int_equal(set_index(engine, INDEX, "b", 50300 * USD), RF_ERR_OK);
    assert_int_equal(engine->indexes[0].price_e8, 50300 * USD);
    assert_false(rf_mark_stale(engine, instrument));
    assert_false(rf_index_stale(engine, &engine->indexes[0]));
    /* A pinned mark was somebody's word before the restart. */
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    forget_marks(engine);
    assert_true(rf_mark_stale(engine, instrument));
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    assert_false(rf_mark_stale(engine, instrument));
    free(engine);
}

/* Neither a plain order nor a plain amendment knows a way around it, whatever mark_stale_ms says. */
static void test_a_forgotten_mark_opens_nothing(void **state)
{
    (void)state;
    rf_engine *engine = with_instrument(0);
    const uint32_t maker = create_account(engine, 1000000 * USD);
    const uint32_t taker = create_account(engine, 1000000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    trade(engine, maker, 0, taker, 0, 0, 100, 500000);
    const rf_result resting = limit_order(engine, taker, 0, RF_BUY, 10, 490000, 0);
    assert_int_equal(resting.code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, maker, 0, RF_SELL, 10, 510000, 0).code, RF_ERR_OK);
    rf_command amend = {.kind = RF_COMMAND_AMEND_ORDER};
    amend.u.change.account = taker;
    amend.u.change.order_id = resting.order_id;
    amend.u.change.price = 490000;
    amend.u.change.qty = 20;
    forget_marks(engine);
    assert_int_equal(limit_order(engine, taker, 0, RF_BUY, 10, 490000, 0).code,
                     RF_ERR_STALE_MARK_PRICE);
    assert_int_equal(limit_order(engine, taker, 0, RF_BUY, 10, 510000, 0).code,
                     RF_ERR_STALE_MARK_PRICE);
    assert_int_equal(apply(engine, &amend, 0).code, RF_ERR_STALE_MARK_PRICE);
    assert_int_equal(limit_order(engine, taker, 0, RF_SELL, 10, 510000, 0).code, RF_ERR_OK);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    assert_int_equal(apply(engine, &amend, 0).code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, taker, 0, RF_BUY, 10, 490000, 0).code, RF_ERR_OK);
    assert_invariants(engine);
    free(engine);
}

static void test_states_that_freeze(void **state)
{
    (void)state;
    static const struct {
        rf_instrument_state state;
        bool frozen;
    } rows[] = {{RF_STATE_POST_ONLY, true},
                {RF_STATE_REDUCE_ONLY, false},
                {RF_STATE_CANCEL_ONLY, true},
                {RF_STATE_HALTED, true},
                {RF_STATE_OPEN, false}};
    rf_engine *engine = with_instrument(0);
    const uint32_t maker = create_account(engine, 1000000 * USD),
                   user = create_account(engine, 20000 * USD);
    assert_true(rf_liquidation_frozen(engine, &engine->instruments[0])); /* no mark yet */
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    const uint64_t isolation = trade(engine, maker, 0, user, 10, 0, 10000, 500000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(set_state(engine, 0, rows[i].state, 0), RF_ERR_OK);
        assert_int_equal(rf_liquidation_frozen(engine, &engine->instruments[0]), rows[i].frozen);
    }
    /* What became due while it was frozen is found when the state lets it. */
    rf_position_view view;
    assert_int_equal(set_state(engine, 0, RF_STATE_HALTED, 0), RF_ERR_OK);
    assert_int_equal(set_mark(engine, 0, 454296), RF_ERR_OK);
    assert_int_equal(set_mark(engine, 0, 454295), RF_ERR_OK);
    assert_true(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(set_state(engine, 0, RF_STATE_REDUCE_ONLY, 0), RF_ERR_OK);
    assert_false(rf_view_isolation(engine, isolation, &view));
    assert_int_equal(set_state(engine, 0, (rf_instrument_state)6, 0),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_invariants(engine);
    free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_of_several_sources),
        cmocka_unit_test(test_median_of_any_order),
        cmocka_unit_test(test_sources_that_disagree),
        cmocka_unit_test(test_ninth_source_takes_the_place_of_the_oldest),
        cmocka_unit_test(test_index_refusals),
        cmocka_unit_test(test_basis),
        cmocka_unit_test(test_clamp_and_floor),
        cmocka_unit_test(test_pin_and_clear),
        cmocka_unit_test(test_ticks_do_not_refresh),
        cmocka_unit_test(test_a_restart_makes_every_mark_stale),
        cmocka_unit_test(test_a_forgotten_mark_opens_nothing),
        cmocka_unit_test(test_states_that_freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
