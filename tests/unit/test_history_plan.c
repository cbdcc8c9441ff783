/* How SQLite finds what the history is asked: by an index, in the order of the answer. The plan does not
 * hang on how many rows there are, so a small market shows what a year of trading would do. */
#include "tests/unit/history_market.h"

#include <sqlite3.h>

#include "history/state.h"

enum { STATEMENTS_MAX = 64, STATEMENT_SIZE = 512, STEPS = 400 };

/* ---- What is asked ----------------------------------------------------------------------------- */

static char statements[STATEMENTS_MAX][STATEMENT_SIZE]; /* each once */
static unsigned statements_count;
static sqlite3 *database;

static void keep(const char *sql)
{
    for (unsigned i = 0; i < statements_count; i++)
        if (strcmp(statements[i], sql) == 0)
            return;
    assert_true(statements_count < STATEMENTS_MAX && strlen(sql) < STATEMENT_SIZE);
    memcpy(statements[statements_count++], sql, strlen(sql) + 1);
}

static int on_statement(unsigned kind, void *context, void *statement, void *text)
{
    const char *sql = sqlite3_sql(statement);
    (void)kind, (void)context, (void)text;
    if (strncmp(sql, "SELECT * FROM", 13) == 0)
        keep(sql);
    return 0;
}

static int on_open(sqlite3 *opened, char **error, const struct sqlite3_api_routines *routines)
{
    (void)error, (void)routines;
    database = opened;
    return sqlite3_trace_v2(opened, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* ---- Plans ------------------------------------------------------------------------------------- */

static void read_plan(const char *sql, char *plan, size_t size)
{
    char explain[STATEMENT_SIZE + 32];
    sqlite3_stmt *statement;
    size_t at = 0;
    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(database, explain, -1, &statement, NULL), SQLITE_OK);
    plan[0] = 0;
    while (sqlite3_step(statement) == SQLITE_ROW && at < size)
        at += (size_t)snprintf(plan + at, size - at, "%s\n", sqlite3_column_text(statement, 3));
    sqlite3_finalize(statement);
}

/* A filter that few rows pass must be what the rows are found by. */
static bool is_missed(const char *sql, const char *plan, const char *filter)
{
    return strstr(sql, filter) && !strstr(plan, filter);
}

static void check_plan(const char *sql)
{
    char plan[1024];
    read_plan(sql, plan, sizeof plan);
    bool found = strstr(plan, "SEARCH") || !strstr(sql, " WHERE ");
    bool by_id = strstr(plan, "order_id=?") || strstr(plan, "isolation_id=?") ||
                 strstr(plan, "liquidation=?");
    bool missed = !by_id && is_missed(sql, plan, "account=?");
    missed |= !strstr(sql, "account=?") && is_missed(sql, plan, "instrument=?");
    missed |= is_missed(sql, plan, "client_oid=?") || is_missed(sql, plan, "order_id=?");
    missed |= is_missed(sql, plan, "taker=?") || is_missed(sql, plan, "minutes=?");
    if (!found || missed || strstr(plan, "TEMP B-TREE"))
        fail_msg("%s\nis answered by\n%s", sql, plan);
}

/* ---- Questions --------------------------------------------------------------------------------- */

static const struct {
    uint32_t account;
    const char *method, *params;
} questions[] = {
    {1, "private/get-order-history", "{}"},
    {1, "private/get-order-history", "{\"instrument_name\":\"ATCUSD-PERP\"}"},
    {1, "private/get-order-history", "{\"cursor\":\"99999999\"}"},
    {1, "private/advanced/get-order-history", "{}"},
    {1, "private/get-trades", "{}"},
    {1, "private/get-trades", "{\"cursor\":\"99999999\",\"instrument_name\":\"ATCUSD-PERP\"}"},
    {1, "private/get-transactions", "{}"},
    {1, "private/get-transactions", "{\"journal_type\":\"TRADING\"}"},
    {1, "private/user-balance-history", "{}"},
    {1, "private/get-deposit-history", "{}"},
    {1, "private/get-withdrawal-history", "{\"status\":5,\"currency\":\"USD\"}"},
    {1, "private/x/get-closed-positions", "{}"},
    {1, "private/x/get-position-results", "{}"},
    {1, "private/x/get-liquidations", "{}"},
    {1, "private/x/export", "{\"what\":\"TRADES\"}"},
    {1, "private/x/export", "{\"what\":\"ORDERS\"}"},
    {1, "private/x/export", "{\"what\":\"TRANSACTIONS\"}"},
    {1, "private/get-order-detail", "{\"order_id\":\"999999\"}"},
    {1, "private/get-order-detail", "{\"client_oid\":\"no-such-order\"}"},
    {1, "private/x/explain-liquidation", "{\"id\":\"1\"}"},
    {0, "public/x/get-insurance-events", "{}"},
};

static bool was_asked(const char *table)
{
    char start[64];
    snprintf(start, sizeof start, "SELECT * FROM %s ", table);
    for (unsigned i = 0; i < statements_count; i++)
        if (strncmp(statements[i], start, strlen(start)) == 0)
            return true;
    return false;
}

static bool pass(void *to, const void *row)
{
    (void)to, (void)row;
    return false;
}

/* Of the market, once its rings no longer reach back (serve_trades, serve_bars, query_series). */
static void ask_for_old_times(rf_store *store)
{
    char error[256];
    rf_query trades = {.table = RF_TABLE_trade, .order = RF_C_trade_number, .limit = 25},
             bars = {.table = RF_TABLE_candle, .order = RF_C_candle_open_ns},
             rates = {.table = RF_TABLE_funding, .order = RF_C_funding_number, .limit = 25};
    rf_query_where(&trades, RF_C_trade_instrument, RF_EQUAL, 0);
    rf_query_where(&trades, RF_C_trade_taker, RF_EQUAL, 1);
    rf_query_where(&trades, RF_C_trade_time_ns, RF_FROM, 1);
    rf_query_where(&trades, RF_C_trade_time_ns, RF_BELOW, 2);
    rf_query_where(&bars, RF_C_candle_instrument, RF_EQUAL, 0);
    rf_query_where(&bars, RF_C_candle_minutes, RF_EQUAL, 60);
    rf_query_where(&bars, RF_C_candle_open_ns, RF_BELOW, 2);
    rf_query_where(&rates, RF_C_funding_instrument, RF_EQUAL, 0);
    rf_query_where(&rates, RF_C_funding_time_ns, RF_FROM, 1);
    assert_true(store->find(store, &trades, pass, NULL, error));
    assert_true(store->find(store, &bars, pass, NULL, error));
    assert_true(store->find(store, &rates, pass, NULL, error));
}

static bool is_answered(rf_error code)
{
    return code == RF_ERR_OK || code == RF_ERR_NOT_FOUND;
}

static void questions_use_their_indexes(void **state)
{
    (void)state;
    static char answer[1 << 20];
    static const char *const tables[] = {"orders",    "trade",    "ledger",      "balance",
                                         "isolation", "holding",  "insurance",   "story",
                                         "candle",    "transfer", "liquidation", "funding"};
    rf_world world;
    test_market market;
    char error[256];
    assert_true(rf_world_open(&world, &market_limits, false));
    rf_history *history = rf_history_open(NULL, false, error);
    assert_true(rf_history_attach(history, &world));
    start_market(&market, &world, 5);
    for (unsigned i = 0; i < STEPS; i++)
        go_on(&market);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (!is_answered(ask(&world, questions[i].account, market.time_ns, questions[i].method,
                             questions[i].params, answer, sizeof answer)))
            fail_msg("%s: %.300s", questions[i].method, answer);
    ask_for_old_times(&history->store);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!was_asked(tables[i]))
            fail_msg("nothing was asked of %s", tables[i]);
    for (unsigned i = 0; i < statements_count; i++)
        check_plan(statements[i]);
    rf_history_close(history);
    rf_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(questions_use_their_indexes)};
    sqlite3_auto_extension((void (*)(void))on_open);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
