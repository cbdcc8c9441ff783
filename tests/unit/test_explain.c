/* ringfence explain, and the history out of a journal: a data directory is written by a world, then
 * read again. The isolation is the help page's: W 5270, C 50000, L 10, liquidated at 45429.6. */
#include "tests/unit/history_market.h"

#include <unistd.h>

#include "cli/verbs.h"
#include "history/state.h"
#include "venue/recover.h"

enum { SEGMENT = 1 << 16 };

typedef struct place {
    char dir[64];
    rf_world world;
    rf_journal *journal;
    rf_history *history;
    int64_t time_ns;
} place;

static rf_journal_options options_of(const place *at)
{
    return (rf_journal_options){.disk = &rf_disk_files, .dir = at->dir, .segment_size = SEGMENT};
}

static void append(void *context, rf_record_kind kind, const void *bytes, size_t size)
{
    place *at = context;
    rf_journal_append(at->journal, kind, bytes, size);
}

static void new_dir(place *at)
{
    *at = (place){.dir = "/tmp/explain-XXXXXX", .time_ns = START_NS};
    assert_non_null(mkdtemp(at->dir));
}

/* history: a file in the directory too. */
static void open_place(place *at, bool history)
{
    rf_recovery recovery;
    char path[128], error[256];
    uint64_t until = UINT64_MAX;
    const rf_journal_options options = options_of(at);
    snprintf(path, sizeof path, "%s/history.db", at->dir);
    assert_true(rf_world_open(&at->world, &market_limits, false));
    if (history) {
        at->history = rf_history_open(path, false, error);
        assert_non_null(at->history);
        until = rf_history_applied(at->history);
        assert_true(rf_history_attach(at->history, &at->world));
    }
    at->journal = rf_recover(&at->world, &options, until, &recovery);
    if (!at->journal)
        fail_msg("%s", recovery.error);
    at->world.log = (rf_log){append, at};
}

static void sync_journal(place *at)
{
    uint64_t durable;
    if (rf_journal_take(at->journal))
        assert_true(rf_journal_commit(at->journal, &durable));
}

static void close_place(place *at)
{
    sync_journal(at);
    rf_history_close(at->history);
    at->history = NULL;
    rf_journal_close(at->journal);
    rf_world_close(&at->world);
}

static void remove_dir(const place *at)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", at->dir);
    assert_int_equal(system(command), 0);
}

/* ---- The help page's isolation ------------------------------------------------------------------ */

static void call(place *at, const char *as, const char *method, const char *params)
{
    char answer[4096];
    int64_t account = rf_find_account(at->world.engine, as);
    if (ask(&at->world, account > 0 ? (uint32_t)account : 0, at->time_ns, method, params, answer,
            sizeof answer) != RF_ERR_OK)
        fail_msg("%s: %s", method, answer);
}

static void order(place *at, const char *as, const char *side, const char *price, const char *more)
{
    char params[512];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"%s\",\"type\":\"LIMIT\",\"price\":"
             "\"%s\",\"quantity\":\"1\"%s}",
             side, price, more);
    call(at, as, "private/create-order", params);
}

static void play_help_page(place *at)
{
    static const char instrument[] =
        "{\"instrument_name\":\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"price_tick_size\":\"0.5\","
        "\"qty_tick_size\":\"0.0001\",\"settlement\":\"MANUAL\"}";
    call(at, "", "operator/create-instrument", instrument);
    call(at, "", "operator/create-account", "{\"account\":\"alice\"}");
    call(at, "", "operator/create-account", "{\"account\":\"bob\"}");
    call(at, "", "operator/deposit",
         "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"20000\"}");
    call(at, "", "operator/deposit",
         "{\"account\":\"bob\",\"currency\":\"USDC\",\"amount\":\"1000000\"}");
    call(at, "", "operator/set-mark-price",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"50000\"}");
    order(at, "bob", "SELL", "50000", "");
    order(at, "alice", "BUY", "50000", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    order(at, "bob", "BUY", "45000", "");
    at->time_ns += 3600 * SECOND_NS;
    call(at, "", "operator/set-mark-price",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"45429.6\"}");
}

/* What the verb prints on standard output; its exit status. */
static int explain(const place *at, const char *id, bool json, char *text, size_t size)
{
    char path[128], verb[] = "explain", option[] = "--json", dir[64], number[32];
    char *arguments[5] = {verb};
    int count = 1;
    snprintf(path, sizeof path, "%s/out", at->dir);
    snprintf(dir, sizeof dir, "%s", at->dir);
    snprintf(number, sizeof number, "%s", id);
    if (json)
        arguments[count++] = option;
    arguments[count++] = dir;
    arguments[count++] = number;
    fflush(stdout);
    int saved = dup(1);
    assert_non_null(freopen(path, "w", stdout));
    extern int optind;
    optind = 1;
    int status = rf_cli_explain(count, arguments);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t got = fread(text, 1, size - 1, file);
    text[got] = 0;
    fclose(file);
    return status;
}

/* clang-format off */
static const char story[] =
    "Isolation 1 of account 00000000-0000-4000-8000-000000000001, BTCUSD-PERP.\n"
    "Times are UTC, money is USD. Names are those of docs/margin.md: m = MM / N, f = taker + liq,\n"
    "D = the tier's deduction.\n"
    "\n"
    "2023-11-14 22:13:20.000  The isolation was opened on BTCUSD-PERP with leverage 10.\n"
    "2023-11-14 22:13:20.000  5290.00 USD moved from the main account into the isolation.\n"
    "2023-11-14 22:13:20.000  Bought 1.0000 at 50000.0 as taker; realised 0.00 USD, fee 20.00 USD; cost C\n"
    "                         is now 50000.00.\n"
    "2023-11-14 22:13:20.000  The isolation afterwards:\n"
    "      N = |q| * mark = 1.0000 * 50000.0 = 50000.00\n"
    "      U = q * mark - C = 1.0000 * 50000.0 - 50000.00 = 0.00\n"
    "      MB = W + U - FR = 5270.00 + 0.00 - 270.00 = 5000.00\n"
    "      A = W + U - FR - OL - IM = 5270.00 + 0.00 - 270.00 - 0.00 - 5000.00 = 0.00\n"
    "      liquidation price = (C - W - D) / (q * (1 - m - f)): the first mark where W + U < FR + MM\n"
    "                        = (50000.00 - 5270.00 - 0.00) / (1.0000 * (1 - 0.01 - 0.0054))\n"
    "                        = 45429.6\n"
    "      bankruptcy price = (C - W) / (q * (1 - taker)), up to a tick\n"
    "                       = (50000.00 - 5270.00) / (1.0000 * (1 - 0.0004))\n"
    "                       = 44748.0\n"
    "2023-11-14 23:13:20.000  Liquidation of the isolation started at mark 45429.6: W + U = 699.60 USD is\n"
    "                         less than FR + MM = 699.61584 USD.\n"
    "2023-11-14 23:13:20.000  What the margin rules say of the position, its orders cancelled:\n"
    "      N = |q| * mark = 1.0000 * 45429.6 = 45429.60\n"
    "      U = q * mark - C = 1.0000 * 45429.6 - 50000.00 = -4570.40\n"
    "      equity = W + U = 5270.00 + (-4570.40) = 699.60\n"
    "      FR = N * (taker + liq), rounded up = 45429.60 * (0.0004 + 0.005) = 245.31984\n"
    "      MM = N / (2 * MPL), rounded up = 45429.60 / (2 * 50) = 454.296\n"
    "      required = FR + MM = 245.31984 + 454.296 = 699.61584\n"
    "      liquidation price = (C - W - D) / (q * (1 - m - f)): the first mark where W + U < FR + MM\n"
    "                        = (50000.00 - 5270.00 - 0.00) / (1.0000 * (1 - 0.01 - 0.0054))\n"
    "                        = 45429.6\n"
    "      bankruptcy price = (C - W) / (q * (1 - taker)), up to a tick\n"
    "                       = (50000.00 - 5270.00) / (1.0000 * (1 - 0.0004))\n"
    "                       = 44748.0\n"
    "2023-11-14 23:13:20.000  Liquidation order: sell 1.0000, immediate-or-cancel, not worse than the\n"
    "                         bankruptcy price 44748.0.\n"
    "2023-11-14 23:13:20.000  Sold 1.0000 at 45000.0 as taker (liquidation order); realised -5000.00 USD,\n"
    "                         fee 18.00 USD; cost C is now 0.00.\n"
    "2023-11-14 23:13:20.000  Liquidation fee: 225.00 USD to the insurance fund.\n"
    "2023-11-14 23:13:20.000  All that was left, 27.00 USD, went to the insurance fund.\n"
    "2023-11-14 23:13:20.000  Liquidation ended: 1.0000 closed in the book, 0.0000 taken over by the\n"
    "                         fund, 0.0000 deleveraged; the fund received 252.00 USD, uncovered loss 0.00\n"
    "                         USD.\n"
    "2023-11-14 23:13:20.000  The isolation is over: 5290.00 USD were put in, 0.00 USD came back, result\n"
    "                         -5290.00 USD.\n";
/* clang-format on */

static void the_help_page_is_told(void **state)
{
    (void)state;
    static char text[20000];
    place *at = calloc(1, sizeof *at);
    new_dir(at);
    open_place(at, false);
    play_help_page(at);
    close_place(at);
    assert_int_equal(explain(at, "1", false, text, sizeof text), 0);
    assert_string_equal(text, story);
    assert_int_equal(explain(at, "1", true, text, sizeof text), 0);
    assert_non_null(strstr(text, "\"event\":\"LIQUIDATION_ENDED\""));
    assert_int_equal(explain(at, "2", false, text, sizeof text), 1);
    assert_string_equal(text, "");

    remove_dir(at);
    free(at);
}

/* ---- A cross account, slice by slice ------------------------------------------------------------ */

static bool newest(void *to, const void *row)
{
    memcpy(to, row, sizeof(rf_row_liquidation));
    return false;
}

static void liquidation_of(place *at, bool isolated, rf_row_liquidation *row)
{
    char error[256];
    rf_query query = {.table = RF_TABLE_liquidation, .order = RF_C_liquidation_number};
    rf_query_where(&query, RF_C_liquidation_isolation_id, isolated ? RF_ABOVE : RF_EQUAL, 0);
    rf_query_where(&query, RF_C_liquidation_ended_ns, RF_ABOVE, 0);
    *row = (rf_row_liquidation){0};
    history_flush(at->history);
    assert_true(at->history->store.find(&at->history->store, &query, newest, row, error));
    assert_true(row->number > 0);
}

static void play_market(place *at, uint64_t seed, unsigned steps)
{
    test_market market;
    start_market(&market, &at->world, seed);
    for (unsigned i = 0; i < steps; i++) {
        go_on(&market);
        if (i % 100 == 0)
            sync_journal(at);
    }
}

/* Asked for by the liquidation's number: a main account's alone, an isolation's whole story. */
static void liquidations_are_found(void **state)
{
    (void)state;
    static char text[400000];
    char id[32];
    rf_row_liquidation cross, fenced;
    place *at = calloc(1, sizeof *at);
    new_dir(at);
    open_place(at, true);
    play_market(at, 21, 3000);
    liquidation_of(at, false, &cross);
    liquidation_of(at, true, &fenced);
    close_place(at);
    snprintf(id, sizeof id, "%lld", (long long)cross.number);
    assert_int_equal(explain(at, id, false, text, sizeof text), 0);
    assert_non_null(strstr(text, "Liquidation of the cross account started"));
    assert_memory_equal(text, "Liquidation ", 12);
    snprintf(id, sizeof id, "%lld", (long long)fenced.number);
    assert_int_equal(explain(at, id, false, text, sizeof text), 0);
    assert_memory_equal(text, "Isolation ", 10);
    assert_non_null(strstr(text, "The isolation was opened"));
    remove_dir(at);
    free(at);
}

/* ---- The history out of the journal ------------------------------------------------------------- */

static bool count_row(void *to, const void *row)
{
    (void)row;
    ++*(size_t *)to;
    return true;
}

static size_t count_rows(place *at)
{
    char error[256];
    size_t count = 0;
    history_flush(at->history);
    for (unsigned i = 0; i < RF_TABLES; i++) {
        rf_query query = {.table = (rf_table)i, .order = rf_tables[i].first};
        assert_true(at->history->store.find(&at->history->store, &query, count_row, &count, error));
    }
    return count;
}

static void remove_history(const place *at)
{
    char command[160];
    snprintf(command, sizeof command, "rm %s/history.db*", at->dir);
    assert_int_equal(system(command), 0);
}

static void save_snapshot(place *at)
{
    char error[256];
    assert_true(rf_snapfile_save(&rf_disk_files, at->dir, at->world.record,
                                 (bool (*)(void *, rf_snap_write, void *))rf_world_save, &at->world,
                                 error));
}

/* A history that is gone comes back from the journal, whatever snapshots there are; one that is
 * there is passed over. */
static void the_journal_makes_it_anew(void **state)
{
    (void)state;
    place *at = calloc(1, sizeof *at);
    char error[256];
    new_dir(at);
    open_place(at, true);
    play_market(at, 22, 500);
    save_snapshot(at);
    size_t rows = count_rows(at);
    uint64_t record = at->world.record;
    assert_true(rows > 1000);
    close_place(at);
    open_place(at, true); /* all is there */
    assert_int_equal(rf_history_applied(at->history), record);
    assert_int_equal(count_rows(at), rows);
    close_place(at);
    remove_history(at);
    open_place(at, true);
    assert_int_equal(at->world.record, record);
    assert_int_equal(count_rows(at), rows);
    assert_int_equal(rf_history_written(at->history), record);
    assert_false(rf_history_failed(at->history, error));
    close_place(at);
    remove_dir(at);
    free(at);
}

/* Where a withdrawal went and its txid are the registry's; the txid comes with a record of its own,
 * maybe after a restart. */
static void a_txid_comes_later(void **state)
{
    (void)state;
    place *at = calloc(1, sizeof *at);
    char answer[4096], record[RF_REGISTRY_RECORD_MAX];
    rf_bytes bytes;
    new_dir(at);
    open_place(at, true);
    call(at, "", "operator/create-account", "{\"account\":\"alice\"}");
    call(at, "", "operator/deposit",
         "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"20000\"}");
    rf_withdrawal_note note = {.account = 1,
                               .currency = 1,
                               .amount = 7 * USD,
                               .address = "somewhere",
                               .client_wid = "mine",
                               .create_time_ns = at->time_ns,
                               .update_time_ns = at->time_ns};
    rf_bytes_init(&bytes, record, sizeof record, NULL);
    rf_record_note(&bytes, &note);
    assert_true(rf_world_record(&at->world, record, bytes.size));
    rf_command command = {.kind = RF_COMMAND_REQUEST_WITHDRAWAL};
    command.u.money.account = 1;
    command.u.money.currency = 1;
    command.u.money.amount = 7 * USD;
    test_market market = {.world = &at->world, .time_ns = at->time_ns};
    rf_result result = give(&market, &command);
    assert_int_equal(result.code, RF_ERR_OK);
    close_place(at);
    open_place(at, true);
    rf_bytes_init(&bytes, record, sizeof record, NULL);
    rf_record_txid(&bytes, result.id, "0xabc");
    assert_true(rf_world_record(&at->world, record, bytes.size));
    assert_int_equal(ask(&at->world, 1, at->time_ns, "private/get-withdrawal-history", "{}", answer,
                         sizeof answer),
                     RF_ERR_OK);
    assert_non_null(strstr(answer, "\"client_wid\":\"mine\",\"address\":\"somewhere\""));
    assert_non_null(strstr(answer, "\"status\":\"0\",\"txid\":\"0xabc\""));
    close_place(at);
    remove_dir(at);
    free(at);
}

/* A hole is said, not hidden: nothing is written behind it, and questions are answered 9010001. */
static void a_hole_is_said(void **state)
{
    (void)state;
    place *at = calloc(1, sizeof *at);
    char error[256];
    new_dir(at);
    open_place(at, true);
    play_market(at, 23, 20);
    uint64_t record = at->world.record;
    history_flush(at->history);
    rf_history_close(at->history);
    at->history = rf_history_open(NULL, false, error);
    at->history->applied = at->history->written = record - 5;
    assert_true(rf_history_attach(at->history, &at->world));
    at->world.observers[0] = at->world.observers[--at->world.observers_count];
    at->time_ns = rf_engine_time_ns(at->world.engine);
    call(at, "", "operator/create-account", "{\"account\":\"late\"}");
    assert_true(rf_history_failed(at->history, error));
    assert_non_null(strstr(error, "are missing"));
    assert_int_equal(rf_history_written(at->history), record - 5);
    assert_int_equal(rf_history_behind(at->history), 0);
    close_place(at);
    remove_dir(at);
    free(at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_help_page_is_told),
        cmocka_unit_test(liquidations_are_found),
        cmocka_unit_test(the_journal_makes_it_anew),
        cmocka_unit_test(a_txid_comes_later),
        cmocka_unit_test(a_hole_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
