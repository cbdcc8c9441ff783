/* Beyond what memory keeps: public trades, candles and valuations that have left the rings of market/,
 * and orders that the engine has forgotten, out of the history. And the document of its tables. */
#include "tests/unit/history_market.h"

#include "history/state.h"
#include "market/state.h"

#define MINUTE_NS (60 * SECOND_NS)
#define BEGIN_NS 1700006400000000000LL /* 2023-11-15 00:00:00 UTC */

enum { MINUTES = 1800, BUYER = 1, SELLER = 2 };

typedef struct stage {
    rf_world world;
    rf_history *history;
    test_market market;
    char answer[100000];
} stage;

static stage *open_stage(void)
{
    char error[256];
    stage *at = calloc(1, sizeof *at);
    assert_true(rf_world_open(&at->world, &market_limits, false));
    at->history = rf_history_open(NULL, false, error);
    assert_true(rf_history_attach(at->history, &at->world));
    start_market(&at->market, &at->world, 1);
    give_deposit(&at->market, BUYER, 100000000 * USD);
    give_deposit(&at->market, SELLER, 100000000 * USD);
    return at;
}

static void close_stage(stage *at)
{
    rf_history_close(at->history);
    rf_world_close(&at->world);
    free(at);
}

static void give_mark_at(stage *at, rf_price price)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE};
    command.u.instrument.price = price;
    assert_int_equal(give(&at->market, &command).code, RF_ERR_OK);
}

static uint64_t give_limit(stage *at, uint32_t account, rf_side side, rf_price price, rf_qty qty)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    command.u.order = (rf_order_params){.account = account,
                                        .side = (uint8_t)side,
                                        .price = price,
                                        .qty = qty,
                                        .isolated_margin = -1,
                                        .flags = RF_FLAG_OID_DEFAULTED};
    rf_result result = give(&at->market, &command);
    assert_int_equal(result.code, RF_ERR_OK);
    return result.order_id;
}

static void deal(stage *at, rf_price price, rf_qty qty)
{
    give_limit(at, SELLER, RF_SELL, price, qty);
    give_limit(at, BUYER, RF_BUY, price, qty);
}

/* What happens in a minute: in three of four two trades, the mark follows. */
static rf_price price_of(int64_t minute)
{
    return 500000 + minute * 37 % 91 * 5;
}

static bool is_quiet(int64_t minute)
{
    return minute % 4 == 3;
}

static void play_minutes(stage *at)
{
    for (int64_t minute = 0; minute < MINUTES; minute++) {
        at->market.time_ns = BEGIN_NS + minute * MINUTE_NS;
        give_mark_at(at, price_of(minute) + 1);
        if (is_quiet(minute))
            continue;
        deal(at, price_of(minute), 10 + minute % 7);
        deal(at, price_of(minute) + 5, 1);
    }
}

static const char *public_call(stage *at, const char *method, const char *params)
{
    rf_error code =
        ask(&at->world, 0, at->market.time_ns, method, params, at->answer, sizeof at->answer);
    if (code != RF_ERR_OK)
        fail_msg("%s", at->answer);
    return at->answer;
}

/* The number behind the n-th occurrence of a key. */
static const char *nth(const char *text, const char *key, unsigned n)
{
    for (text = strstr(text, key); text && n > 0; n--)
        text = strstr(text + 1, key);
    assert_non_null(text);
    return text + strlen(key);
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    for (text = strstr(text, what); text; text = strstr(text + 1, what))
        found++;
    return found;
}

static void assert_price(const char *text, rf_price price)
{
    char wanted[32];
    int size =
        snprintf(wanted, sizeof wanted, "%lld.%lld", (long long)price / 10, (long long)price % 10);
    if (strncmp(text, wanted, (size_t)size) != 0)
        fail_msg("%.20s is not %s", text, wanted);
}

/* The first hundred minutes had 150 trades and left the ring of 1,024 long ago. */
static void old_trades(stage *at)
{
    char params[256];
    snprintf(
        params, sizeof params,
        "{\"instrument_name\":\"ATCUSD-PERP\",\"count\":150,\"start_ts\":%lld,\"end_ts\":%lld}",
        (long long)BEGIN_NS, (long long)(BEGIN_NS + 100 * MINUTE_NS));
    const char *text = public_call(at, "public/get-trades", params);
    assert_int_equal(count(text, "\"d\":"), 150);
    assert_price(nth(text, "\"p\":\"", 0), price_of(98) + 5);
    assert_price(nth(text, "\"p\":\"", 1), price_of(98));
    assert_price(nth(text, "\"p\":\"", 149), price_of(0));
    assert_int_equal(atoll(nth(text, "\"d\":\"", 149)), 1);
    assert_memory_equal(nth(text, "\"s\":\"", 0), "BUY", 3);
}

/* Minute bars [from, until) of the stored time: high is the second trade's price, a quiet minute flat
 * at the close before. */
static void minute_bars(stage *at, int64_t from, int64_t until)
{
    char params[256];
    snprintf(
        params, sizeof params,
        "{\"instrument_name\":\"ATCUSD-PERP\",\"count\":300,\"start_ts\":%lld,\"end_ts\":%lld}",
        (long long)(BEGIN_NS + from * MINUTE_NS), (long long)(BEGIN_NS + until * MINUTE_NS));
    const char *text = public_call(at, "public/get-candlestick", params);
    assert_int_equal(count(text, "\"o\":"), until - from);
    for (int64_t minute = from; minute < until; minute++) {
        unsigned n = (unsigned)(minute - from);
        int64_t traded = is_quiet(minute) ? minute - 1 : minute;
        rf_price close = price_of(traded) + 5;
        assert_price(nth(text, "\"o\":\"", n), is_quiet(minute) ? close : price_of(minute));
        assert_price(nth(text, "\"h\":\"", n), close);
        assert_price(nth(text, "\"l\":\"", n), is_quiet(minute) ? close : price_of(minute));
        assert_price(nth(text, "\"c\":\"", n), close);
        char volume[32];
        snprintf(volume, sizeof volume, "0.%04lld\"",
                 (long long)(is_quiet(minute) ? 0 : 11 + minute % 7));
        assert_memory_equal(nth(text, "\"v\":\"", n), volume, strlen(volume));
        assert_int_equal(atoll(nth(text, "\"t\":", n)), BEGIN_NS / 1000000 + minute * 60000);
    }
}

/* Behind the ring's 1,440 minutes only the last of each hour is kept. */
static void old_marks(stage *at)
{
    char params[256];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"ATCUSD-PERP\",\"valuation_type\":\"mark_price\",\"count\":300,"
             "\"start_ts\":%lld,\"end_ts\":%lld}",
             (long long)BEGIN_NS, (long long)(BEGIN_NS + 400 * MINUTE_NS));
    const char *text = public_call(at, "public/get-valuations", params);
    /* The ring reaches back to minute 360: 40 minutes of it, and the ends of six hours. */
    assert_int_equal(count(text, "\"v\":"), 46);
    assert_price(nth(text, "\"v\":\"", 0), price_of(399) + 1);
    assert_price(nth(text, "\"v\":\"", 39), price_of(360) + 1);
    for (unsigned hour = 0; hour < 6; hour++) {
        assert_price(nth(text, "\"v\":\"", 45 - hour), price_of(hour * 60 + 59) + 1);
        assert_int_equal(atoll(nth(text, "\"t\":", 45 - hour)),
                         BEGIN_NS / 1000000 + (hour * 60 + 59) * 60000);
    }
}

static void the_market_reaches_back(void **state)
{
    (void)state;
    stage *at = open_stage();
    play_minutes(at);
    old_trades(at);
    minute_bars(at, 40, 340);
    minute_bars(at, MINUTES - 290, MINUTES); /* the ring's own, held to the same */
    minute_bars(at, MINUTES - 500, MINUTES - 300);
    old_marks(at);
    close_stage(at);
}

/* As if all bars had left the rings. */
static void forget_bars(stage *at)
{
    market_instrument *row = &at->world.market->instruments[0];
    for (unsigned timeframe = 0; timeframe < RF_TIMEFRAMES; timeframe++) {
        row->bars_count[timeframe] = RF_MARKET_BARS + 1;
        for (unsigned i = 0; i < RF_MARKET_BARS; i++)
            row->bars[timeframe][i].open_ns = INT64_MAX;
    }
}

static void ask_for_bars(stage *at, const char *timeframe, char *text)
{
    char params[128];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"ATCUSD-PERP\",\"timeframe\":\"%s\",\"count\":300}", timeframe);
    strcpy(text, public_call(at, "public/get-candlestick", params));
}

/* Of every length the history's bars are the very ones that memory had. */
static void stored_bars_are_the_same(void **state)
{
    (void)state;
    static const char *const names[RF_TIMEFRAMES] = {"1m", "5m",  "15m", "30m", "1h",  "2h", "4h",
                                                     "6h", "12h", "1D",  "7D",  "14D", "1M"};
    static char kept[RF_TIMEFRAMES][50000], stored[50000];
    stage *at = open_stage();
    play_minutes(at);
    for (unsigned i = 0; i < RF_TIMEFRAMES; i++)
        ask_for_bars(at, names[i], kept[i]);
    forget_bars(at);
    for (unsigned i = 0; i < RF_TIMEFRAMES; i++) {
        ask_for_bars(at, names[i], stored);
        assert_true(count(stored, "\"o\":") > 0);
        assert_string_equal(stored, kept[i]);
    }
    close_stage(at);
}

/* 768 settled rates are kept in memory. */
static void old_funding_rates(void **state)
{
    (void)state;
    stage *at = open_stage();
    char params[256];
    for (int64_t i = 0; i < 900; i++) {
        at->market.time_ns = BEGIN_NS + i * MINUTE_NS;
        rf_command command = {.kind = RF_COMMAND_SETTLE_FUNDING};
        command.u.instrument.rate = i;
        command.u.instrument.rate_given = 1;
        assert_int_equal(give(&at->market, &command).code, RF_ERR_OK);
    }
    snprintf(
        params, sizeof params,
        "{\"instrument_name\":\"ATCUSD-PERP\",\"valuation_type\":\"funding_hist\",\"count\":10,"
        "\"end_ts\":%lld}",
        (long long)(BEGIN_NS + 50 * MINUTE_NS - 1));
    const char *text = public_call(at, "public/get-valuations", params);
    assert_int_equal(count(text, "\"v\":"), 10);
    assert_memory_equal(nth(text, "\"v\":\"", 0), "0.00000049", 10);
    close_stage(at);
}

/* The engine remembers the last 512 finished orders; the history all of them. */
static void old_orders_are_found(void **state)
{
    (void)state;
    stage *at = open_stage();
    char params[128], first[4096];
    uint64_t order_id = give_limit(at, BUYER, RF_BUY, 400000, 3);
    rf_command cancel = {.kind = RF_COMMAND_CANCEL_ORDER};
    cancel.u.change.account = BUYER;
    cancel.u.change.order_id = order_id;
    give(&at->market, &cancel);
    snprintf(params, sizeof params, "{\"order_id\":\"%llu\"}", (unsigned long long)order_id);
    assert_int_equal(ask(&at->world, BUYER, at->market.time_ns, "private/get-order-detail", params,
                         first, sizeof first),
                     RF_ERR_OK);
    for (unsigned i = 0; i < 300; i++)
        deal(at, 500000, 1);
    rf_order_view view;
    assert_false(rf_view_order(at->world.engine, BUYER, order_id, NULL, &view));
    assert_int_equal(ask(&at->world, BUYER, at->market.time_ns, "private/get-order-detail", params,
                         at->answer, sizeof at->answer),
                     RF_ERR_OK);
    assert_string_equal(at->answer, first);
    assert_int_equal(ask(&at->world, BUYER, at->market.time_ns, "private/advanced/get-order-detail",
                         params, at->answer, sizeof at->answer),
                     RF_ERR_OK);
    /* A foreign order is like none. */
    assert_int_equal(ask(&at->world, SELLER, at->market.time_ns, "private/get-order-detail", params,
                         at->answer, sizeof at->answer),
                     RF_ERR_NOT_FOUND);
    assert_int_equal(ask(&at->world, BUYER, at->market.time_ns, "private/get-order-detail",
                         "{\"client_oid\":\"nobody\"}", at->answer, sizeof at->answer),
                     RF_ERR_NOT_FOUND);
    close_stage(at);
}

/* ---- The document ----------------------------------------------------------------------------- */

/* docs/history.md has each table and column as rows.def has them. */
static void the_document_is_right(void **state)
{
    (void)state;
    static const char *const kinds[] = {"INT", "ID",      "TIME",       "MONEY",    "RATE", "PRICE",
                                        "QTY", "ACCOUNT", "INSTRUMENT", "CURRENCY", "text"};
    static const char *const merges[] = {"KEY", "SET", "FIRST", "LAST", "ADD", "MAX", "MIN"};
    static char text[100000];
    FILE *file = fopen("../docs/history.md", "r");
    file = file ? file : fopen("docs/history.md", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    for (unsigned i = 0; i < RF_TABLES; i++) {
        char wanted[300];
        const rf_table_info *table = &rf_tables[i];
        snprintf(wanted, sizeof wanted, "\n### %s\n", table->name);
        const char *at = strstr(text, wanted);
        if (!at)
            fail_msg("no chapter about %s", table->name);
        for (unsigned c = 0; c < table->columns; c++) {
            const rf_column *column = &rf_columns[(unsigned)table->first + c];
            snprintf(wanted, sizeof wanted, "\n| %s | %s | %s | %s |\n", column->name,
                     kinds[column->kind], merges[column->merge], column->doc);
            const char *next = strstr(at, wanted);
            if (!next)
                fail_msg("docs/history.md, %s: not there or not in order:%s", table->name, wanted);
            at = next;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_market_reaches_back), cmocka_unit_test(stored_bars_are_the_same),
        cmocka_unit_test(old_funding_rates),       cmocka_unit_test(old_orders_are_found),
        cmocka_unit_test(the_document_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
