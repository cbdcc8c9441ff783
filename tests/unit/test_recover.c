/* A world out of its directory: snapshots and what is behind them, and what a restart must not lose. */
#include "venue/recover.h"

#include "tests/unit/small.h"
#include "tests/unit/temporary.h"

#define START_NS 1700000000000000000LL
#define USD 100000000LL

static char dir[64];
static const rf_limits limits = SMALL_LIMITS;

typedef struct venue {
    rf_world world;
    rf_journal *journal;
    rf_recovery recovery;
    uint64_t events, applied;
} venue;

static void on_event(void *context, const rf_event *event)
{
    (void)event;
    ((venue *)context)->events++;
}

static void on_applied(void *context, rf_record_kind kind, int64_t time_ns)
{
    venue *run = context;
    assert_int_equal(kind, RF_RECORD_COMMAND);
    assert_true(time_ns >= START_NS);
    run->applied++;
}

static void append(void *context, rf_record_kind kind, const void *bytes, size_t size)
{
    venue *run = context;
    assert_int_equal(rf_journal_append(run->journal, kind, bytes, size), run->world.record + 1);
}

static bool start_with(venue *run, const rf_limits *of, uint64_t until)
{
    *run = (venue){0};
    const rf_journal_options options = {
        .disk = &rf_disk_files, .dir = dir, .segment_size = 8192, .identity = {1, 1}};
    assert_true(rf_world_open(&run->world, of, false));
    rf_world_observe(&run->world,
                     (rf_observer){.event = on_event, .applied = on_applied, .context = run});
    run->journal = rf_recover(&run->world, &options, until, &run->recovery);
    run->world.log = (rf_log){.append = append, .context = run};
    return run->journal != NULL;
}

static void start(venue *run)
{
    if (!start_with(run, &limits, UINT64_MAX))
        fail_msg("%s", run->recovery.error);
}

static void commit(venue *run)
{
    uint64_t durable;
    if (rf_journal_take(run->journal))
        assert_true(rf_journal_commit(run->journal, &durable));
}

static void stop(venue *run)
{
    if (run->journal)
        commit(run);
    rf_journal_close(run->journal);
    rf_world_close(&run->world);
}

static rf_error apply(venue *run, rf_command *command, int64_t seconds)
{
    rf_result result;
    command->time_ns = START_NS + seconds * 1000000000;
    run->world.api->apply(run->world.api->apply_context, run->world.engine, command, &result);
    return result.code;
}

static bool save(void *from, rf_snap_write write, void *context)
{
    return rf_world_save(from, write, context);
}

static void snapshot(venue *run)
{
    char error[256];
    commit(run);
    assert_true(rf_snapfile_save(&rf_disk_files, dir, run->world.record, save, &run->world, error));
}

static void order(venue *run, uint32_t account, rf_side side, int64_t price, int64_t qty,
                  int64_t seconds)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    command.u.order = (rf_order_params){.account = account,
                                        .side = (uint8_t)side,
                                        .price = price,
                                        .qty = qty,
                                        .isolated_margin = -1,
                                        .flags = RF_FLAG_OID_DEFAULTED};
    assert_int_equal(apply(run, &command, seconds), RF_ERR_OK);
}

/* An instrument, two accounts with money, a mark, a trade and a resting order: 8 records. */
static void found(venue *run)
{
    const rf_instrument_config config = bitcoin_perp();
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    command.u.instrument.config = &config;
    assert_int_equal(apply(run, &command, 0), RF_ERR_OK);
    for (uint32_t account = 1; account <= 2; account++) {
        command = (rf_command){.kind = RF_COMMAND_CREATE_ACCOUNT};
        snprintf(command.u.account.label, RF_NAME_SIZE, "a%u", account);
        assert_int_equal(apply(run, &command, 0), RF_ERR_OK);
        command = (rf_command){.kind = RF_COMMAND_DEPOSIT};
        command.u.money.account = account;
        command.u.money.currency = 1;
        command.u.money.amount = 100000 * USD;
        assert_int_equal(apply(run, &command, 0), RF_ERR_OK);
    }
    command = (rf_command){.kind = RF_COMMAND_SET_MARK_PRICE};
    command.u.instrument.price = 500000;
    assert_int_equal(apply(run, &command, 1), RF_ERR_OK);
    order(run, 1, RF_SELL, 500000, 2000, 2);
    order(run, 2, RF_BUY, 500000, 500, 70);
}

static rf_digest digest_of(const venue *run)
{
    return rf_engine_digest(run->world.engine);
}

static void assert_digest(const venue *run, rf_digest wanted)
{
    const rf_digest digest = digest_of(run);
    assert_int_equal(digest.high, wanted.high);
    assert_int_equal(digest.low, wanted.low);
}

static int set_up(void **state)
{
    (void)state;
    temporary_make(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temporary_remove(dir);
    return 0;
}

/* From the first record, and from a snapshot: the same state, tickers, candles and books among it. */
static void test_the_same_world_comes_back(void **state)
{
    (void)state;
    venue run;
    start(&run);
    assert_int_equal(run.recovery.journal.last_seq, 0);
    found(&run);
    const uint64_t events = run.events;
    const rf_digest digest = digest_of(&run);
    snapshot(&run);
    stop(&run);

    assert_true(start_with(&run, &limits, 0));
    assert_int_equal(run.recovery.records, 8);
    assert_int_equal(run.applied, 8);
    assert_int_equal(run.events, events);
    assert_int_equal(run.world.record, 8);
    assert_int_equal(run.recovery.last_time_ns, START_NS + 70 * 1000000000LL);
    assert_digest(&run, digest);
    stop(&run);

    start(&run);
    assert_int_equal(run.recovery.snapshot_seq, 8);
    assert_int_equal(run.recovery.records + run.events, 0);
    assert_int_equal(run.world.record, 8);
    assert_digest(&run, digest);
    rf_ticker ticker;
    rf_bar bar;
    rf_level level;
    rf_trade trade;
    rf_market_ticker(run.world.market, 0, START_NS + 80 * 1000000000LL, &ticker);
    assert_true(ticker.traded && ticker.last == 500000 && ticker.volume == 500);
    assert_int_equal(
        rf_market_bars(run.world.market, 0, RF_BARS_1M, 0, START_NS + 80 * 1000000000LL, &bar, 1),
        1);
    assert_int_equal(bar.volume, 500);
    assert_int_equal(rf_market_trades(run.world.market, 0, 0, INT64_MAX, &trade, 1), 1);
    assert_int_equal(rf_market_book(run.world.market, 0, RF_SELL, &level, 1), 1);
    assert_true(level.price == 500000 && level.qty == 1500 && level.orders == 1);
    order(&run, 2, RF_BUY, 500000, 1500, 80); /* the feeds go on from there */
    assert_int_equal(rf_market_book(run.world.market, 0, RF_SELL, &level, 1), 0);
    stop(&run);
}

/* ---- Books, which a re-run lays at its end ---------------------------------------------------- */

static bool add_bytes(void *context, const void *bytes, size_t size)
{
    rf_bytes_add(context, bytes, size);
    return !((rf_bytes *)context)->full;
}

/* All that a snapshot would hold: engine, registry, and the feeds with every level of their books. */
static rf_bytes bytes_of(const venue *run)
{
    rf_bytes bytes;
    rf_bytes_init(&bytes, NULL, 0, rf_world_grow);
    assert_true(rf_world_save(&run->world, add_bytes, &bytes));
    return bytes;
}

static void assert_bytes(const venue *run, const rf_bytes *wanted)
{
    rf_bytes bytes = bytes_of(run);
    assert_int_equal(bytes.size, wanted->size);
    assert_memory_equal(bytes.data, wanted->data, bytes.size);
    free(bytes.data);
}

/* Orders that rest, trade, move and go, on both sides of the price. */
static void trade_at_random(venue *run, uint32_t count)
{
    uint64_t random = 7, orders = 0;
    for (uint32_t i = 0; i < count; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const int64_t price = 499990 + (int64_t)(random >> 40) % 20;
        const uint32_t account = 1 + (uint32_t)(random >> 33) % 2;
        rf_command command = {.kind = RF_COMMAND_CANCEL_ORDER};
        command.u.change.account = account;
        command.u.change.order_id = 1 + (random >> 20) % (orders + 3);
        if (random >> 60 < 6)
            command.kind = RF_COMMAND_AMEND_ORDER;
        command.u.change.price = price;
        command.u.change.qty = 1 + (int64_t)(random >> 50) % 9;
        if (random >> 60 < 10 || orders < 20) {
            apply(run, &command, 70); /* most are somebody else's, or gone */
            order(run, account, (random >> 17 & 1) == 0 ? RF_BUY : RF_SELL, price,
                  1 + (int64_t)(random >> 30) % 5, 70);
            orders++;
        } else {
            command.u.change.account = (uint32_t)(1 + i % 2);
            apply(run, &command, 70);
        }
    }
}

static void assert_stamp(const venue *run, rf_book_stamp wanted)
{
    const rf_book_stamp stamp = rf_market_book_stamp(run->world.market, 0);
    assert_true(stamp.update == wanted.update && stamp.time_ns == wanted.time_ns);
    assert_true(stamp.changed && stamp.overflow);
}

static void test_books_come_back(void **state)
{
    (void)state;
    venue run;
    start(&run);
    found(&run);
    trade_at_random(&run, 300);
    snapshot(&run);
    trade_at_random(&run, 100);
    rf_level levels[8];
    assert_true(rf_market_book(run.world.market, 0, RF_BUY, levels, 8) > 3);
    assert_true(rf_market_book(run.world.market, 0, RF_SELL, levels, 8) > 3);
    rf_bytes wanted = bytes_of(&run);
    const rf_book_stamp stamp = rf_market_book_stamp(run.world.market, 0);
    const uint64_t records = run.world.record;
    stop(&run);
    for (uint64_t until = 0; until < 2; until++) { /* from the first record; behind the snapshot */
        assert_true(start_with(&run, &limits, until == 0 ? 0 : UINT64_MAX));
        assert_int_equal(run.recovery.snapshot_seq == 0, until == 0);
        assert_int_equal(run.world.record, records);
        assert_bytes(&run, &wanted);
        assert_stamp(&run, stamp);
        stop(&run);
    }
    /* And they go on from there. */
    start(&run);
    trade_at_random(&run, 50);
    free(wanted.data);
    wanted = bytes_of(&run);
    stop(&run);
    assert_true(start_with(&run, &limits, 0));
    assert_bytes(&run, &wanted);
    free(wanted.data);
    stop(&run);
}

static bool is_stale(const venue *run)
{
    rf_instrument_view view;
    assert_true(rf_view_instrument(run->world.engine, 0, &view));
    return view.mark_stale;
}

/* mark_stale_ns is 0: even so. And whoever replays the journal comes to the same state. */
static void test_every_mark_is_stale_after_a_restart(void **state)
{
    (void)state;
    venue run;
    start(&run);
    found(&run);
    assert_false(is_stale(&run));
    stop(&run);
    start(&run);
    rf_recovered(&run.world, run.recovery.last_time_ns);
    assert_true(is_stale(&run));
    assert_int_equal(run.world.record, 10); /* a TICK and FORGET_MARKS */
    const rf_digest digest = digest_of(&run);
    stop(&run);
    start(&run);
    assert_int_equal(run.recovery.records, 10);
    assert_true(is_stale(&run));
    assert_digest(&run, digest);
    rf_command mark = {.kind = RF_COMMAND_SET_MARK_PRICE};
    mark.u.instrument.price = 500000;
    assert_int_equal(apply(&run, &mark, 90), RF_ERR_OK);
    assert_false(is_stale(&run));
    stop(&run);
}

static void break_newest_snapshot(uint64_t seq)
{
    char name[64];
    size_t size;
    snprintf(name, sizeof name, "snapshot-%020llu", (unsigned long long)seq);
    unsigned char *bytes = temporary_read(dir, name, &size);
    bytes[size / 2] ^= 4;
    temporary_write(dir, name, bytes, size);
    free(bytes);
}

static void test_a_damaged_snapshot_is_passed_over(void **state)
{
    (void)state;
    venue run;
    start(&run);
    found(&run);
    snapshot(&run);
    order(&run, 1, RF_SELL, 500100, 10, 80);
    snapshot(&run);
    const rf_digest digest = digest_of(&run);
    stop(&run);
    break_newest_snapshot(9);
    start(&run);
    assert_int_equal(run.recovery.snapshot_seq, 8);
    assert_non_null(strstr(run.recovery.warning, "it is damaged"));
    assert_int_equal(run.recovery.records, 1);
    assert_digest(&run, digest);
    stop(&run);
    break_newest_snapshot(8);
    start(&run);
    assert_int_equal(run.recovery.snapshot_seq, 0);
    assert_digest(&run, digest);
    stop(&run);
}

/* A snapshot of a record that the journal lost, and other limits. */
static void test_what_does_not_start(void **state)
{
    (void)state;
    venue run;
    rf_limits other = limits;
    other.orders_max *= 2;
    start(&run);
    found(&run);
    stop(&run);
    assert_false(start_with(&run, &other, UINT64_MAX));
    assert_non_null(strstr(run.recovery.error, "other rules or limits"));
    stop(&run);
    start(&run);
    snapshot(&run);
    stop(&run);
    /* Behind a snapshot other limits may count. */
    assert_true(start_with(&run, &other, UINT64_MAX));
    assert_int_equal(run.recovery.snapshot_seq, 8);
    order(&run, 1, RF_SELL, 500100, 10, 80);
    snapshot(&run);
    stop(&run);
    assert_true(start_with(&run, &other, UINT64_MAX));
    stop(&run);
    char path[128];
    snprintf(path, sizeof path, "%s/journal-%020llu", dir, 9ULL);
    assert_int_equal(unlink(path), 0);
    assert_false(start_with(&run, &other, UINT64_MAX));
    assert_non_null(strstr(run.recovery.error, "ends with record 8"));
    stop(&run);
}

static void test_a_record_of_nobody(void **state)
{
    (void)state;
    venue run;
    start(&run);
    found(&run);
    rf_journal_append(run.journal, 7, "what", 4);
    stop(&run);
    assert_false(start_with(&run, &limits, UINT64_MAX));
    assert_non_null(strstr(run.recovery.error, "record 9 of the journal"));
    stop(&run);
}

/* A load that fails leaves the world as it was; a reload changes nothing. */
static bool read_nothing(void *context, void *bytes, size_t size)
{
    (void)context;
    memset(bytes, 0, size);
    return true;
}

static void test_load_is_all_or_nothing(void **state)
{
    (void)state;
    venue run;
    const char *error = NULL;
    start(&run);
    found(&run);
    const rf_digest digest = digest_of(&run);
    assert_false(rf_world_load(&run.world, read_nothing, NULL, &error));
    assert_non_null(error);
    assert_digest(&run, digest);
    assert_true(rf_world_reload(&run.world, &error));
    assert_digest(&run, digest);
    const uint64_t events = run.events;
    order(&run, 1, RF_SELL, 500100, 10, 80);
    assert_true(run.events > events); /* who watched still does */
    stop(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_world_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_books_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_mark_is_stale_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_snapshot_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_of_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_load_is_all_or_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
