/* server/feed*.c: what subscribers are told, on a gate that writes it down. */
#include "tests/unit/feed_fixture.h"

/* ---- Subscribing ----------------------------------------------------------------------------- */

static void answers_have_the_order_of_keys_that_clients_know(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "49000", "0.5", "");
    assert_int_equal(ask(f, 1, (uint32_t)MARKET, -1, "{\"channels\":[\"book.BTCUSD-PERP.10\"]}"),
                     RF_ERR_OK);
    assert_string_equal(next(1), "{\"id\":-1,\"method\":\"subscribe\",\"code\":0}");
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"id\":-1,\"method\":\"subscribe\",\"code\":0,\"result\":{\"instrument_name\":"
             "\"BTCUSD-PERP\",\"subscription\":\"book.BTCUSD-PERP.10\",\"channel\":\"book\","
             "\"depth\":10,\"data\":[{\"asks\":[],\"bids\":[[\"49000.0\",\"0.5000\",\"1\"]],"
             "\"tt\":1700000000000,\"t\":1700000000000,\"u\":%u}]}}",
             (unsigned)rf_engine_seq(f->world.engine));
    assert_string_equal(next(1), wanted);
    assert_null(next(1));
}

static void refusals_have_the_words_of_the_venue_and_change_nothing(void **state)
{
    fixture *f = *state;
    static const struct {
        int account;
        const char *params, *problem;
        rf_error code;
    } rows[] = {
        {MARKET, "{}", "channels is missing", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[]}", "channels is missing", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[5]}", "channels takes strings",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"ticker.BTCUSD-PERP\",\"ticker.X\"]}",
         "invalid channel {ticker.X}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"book.BTCUSD-PERP.201\"]}",
         "invalid channel {book.BTCUSD-PERP.201}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"book.BTCUSD-PERP.0\"]}", "invalid channel {book.BTCUSD-PERP.0}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"book.BTCUSD-PERP.07\"]}",
         "invalid channel {book.BTCUSD-PERP.07}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"candlestick.3m.BTCUSD-PERP\"]}",
         "invalid channel {candlestick.3m.BTCUSD-PERP}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"ticker\"]}", "invalid channel {ticker}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"user.order\"]}", "invalid channel {user.order}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {1, "{\"channels\":[\"trade.BTCUSD-PERP\"]}", "invalid channel {trade.BTCUSD-PERP}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {1, "{\"channels\":[\"user.orders\"]}", "invalid channel {user.orders}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {1, "{\"channels\":[\"user.balance.BTCUSD-PERP\"]}",
         "invalid channel {user.balance.BTCUSD-PERP}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {1, "{\"channels\":[\"user.order.\"]}", "invalid channel {user.order.}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {0, "{\"channels\":[\"user.order\"]}", "UNAUTHORIZED", RF_ERR_UNAUTHORIZED},
        {MARKET,
         "{\"channels\":[\"book.BTCUSD-PERP\"],\"book_subscription_type\":"
         "\"SNAPSHOT_AND_UPDATE\",\"book_update_frequency\":500}",
         "SNAPSHOT comes every 500 ms, SNAPSHOT_AND_UPDATE every 10 or 100",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {MARKET, "{\"channels\":[\"book.BTCUSD-PERP\"],\"book_subscription_type\":\"DELTA\"}",
         "SNAPSHOT comes every 500 ms, SNAPSHOT_AND_UPDATE every 10 or 100",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {1, "{\"channels\":[\"user.order\"],\"since_seq\":\"x\"}",
         "since_seq is a seq of an earlier message", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask(f, 1, (uint32_t)rows[i].account, 1, rows[i].params), rows[i].code);
        assert_string_equal(f->problem, rows[i].problem);
        assert_int_equal(waiting(1), 0);
    }
    place(f, 1, "BUY", "49000", "0.5", "");
    beat(f, 1000);
    assert_int_equal(waiting(1), 0);
}

static void new_instrument(fixture *f, const char *name)
{
    char params[300];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"%s\",\"base_ccy\":\"%.3s\",\"quote_ccy\":\"USD\","
             "\"price_tick_size\":\"0.5\",\"qty_tick_size\":\"0.0001\",\"max_leverage\":\"50\"}",
             name, name);
    must(f, 0, "operator/create-instrument", params);
    snprintf(params, sizeof params, "{\"instrument_name\":\"%s\",\"price\":\"50000\"}", name);
    must(f, 0, "operator/set-mark-price", params);
}

static void subscribe_all_depths(fixture *f, rf_conn conn, const char *name, int every_ms)
{
    char params[200];
    for (int depth = 1; depth <= 200; depth++) {
        snprintf(params, sizeof params,
                 "{\"channels\":[\"book.%s.%d\"],\"book_subscription_type\":\"%s\","
                 "\"book_update_frequency\":%d}",
                 name, depth, every_ms == 500 ? "SNAPSHOT" : "SNAPSHOT_AND_UPDATE", every_ms);
        assert_int_equal(ask(f, conn, (uint32_t)MARKET, 1, params), RF_ERR_OK);
    }
}

static void bid(fixture *f, const char *name)
{
    char params[200];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"%s\",\"side\":\"BUY\",\"type\":\"LIMIT\",\"price\":"
             "\"49000\",\"quantity\":\"0.01\"}",
             name);
    must(f, 1, "private/create-order", params);
}

/* Many books of many depths: each beat tells so many, and all have their turn. */
static void a_beat_is_bounded(void **state)
{
    fixture *f = *state;
    static const char *const names[] = {"BTCUSD-PERP", "ETHUSD-PERP", "SOLUSD-PERP", "XRPUSD-PERP"};
    static const int speeds[] = {10, 100, 500};
    for (rf_conn i = 1; i < 4; i++)
        new_instrument(f, names[i]);
    for (rf_conn conn = 0; conn < 12; conn++)
        subscribe_all_depths(f, 1 + conn, names[conn % 4], speeds[conn / 4]);
    for (rf_conn conn = 1; conn <= 12; conn++)
        skip_all(conn);
    set_time(f, f->time_ns + 500 * MS);
    size_t told = 0;
    for (int beats = 0; beats < 4; beats++) {
        for (size_t i = 0; i < 4; i++)
            bid(f, names[i]);
        beat(f, 100);
        size_t all = 0;
        for (rf_conn conn = 1; conn <= 12; conn++)
            all += waiting(conn);
        assert_true(all > told && all - told <= 3 * 600);
        told = all;
    }
    for (rf_conn conn = 1; conn <= 12; conn++)
        assert_true(waiting(conn) >= 200);
}

static void a_connection_has_at_most_400_subscriptions(void **state)
{
    fixture *f = *state;
    new_instrument(f, "ETHUSD-PERP");
    subscribe_all_depths(f, 1, "BTCUSD-PERP", 500);
    subscribe_all_depths(f, 1, "ETHUSD-PERP", 500);
    unsubscribe(f, 1, MARKET, "book.BTCUSD-PERP.9");
    assert_int_equal(ask(f, 1, (uint32_t)MARKET, 1,
                         "{\"channels\":[\"book.BTCUSD-PERP.9\",\"book.BTCUSD-PERP.9\"]}"),
                     RF_ERR_OK); /* twice is one */
    skip_all(1);
    assert_int_equal(ask(f, 1, (uint32_t)MARKET, 1, "{\"channels\":[\"ticker.BTCUSD-PERP\"]}"),
                     RF_ERR_EXCEED_MAX_SUBSCRIPTIONS);
    assert_int_equal(waiting(1), 0);
    subscribe(f, 1, MARKET, "book.BTCUSD-PERP.7"); /* again is no more */
    unsubscribe(f, 1, MARKET, "book.BTCUSD-PERP.7");
    subscribe(f, 2, MARKET, "book.BTCUSD-PERP.7"); /* everybody has his own 400 */
    skip_all(1);
    subscribe(f, 1, MARKET, "ticker.BTCUSD-PERP");
}

static void who_left_is_told_nothing(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "ticker.BTCUSD-PERP");
    subscribe(f, 1, MARKET, "trade.BTCUSD-PERP");
    subscribe(f, 2, MARKET, "ticker.BTCUSD-PERP");
    subscribe(f, 3, 1, "user.order");
    skip_all(1), skip_all(2), skip_all(3);
    unsubscribe(f, 1, MARKET, "ticker.BTCUSD-PERP");
    assert_string_equal(next(1), "{\"id\":8,\"method\":\"unsubscribe\",\"code\":0}");
    rf_feed_forget(f->feed, 2);
    rf_feed_forget(f->feed, 2);
    rf_feed_forget(f->feed, 77);
    unsubscribe(f, 3, 1, "user.order");
    unsubscribe(f, 3, 1, "user.order");
    skip_all(3);
    place(f, 1, "BUY", "50000", "0.5", "");
    beat(f, 1000);
    assert_int_equal(waiting(1) + waiting(2) + waiting(3), 0);
    place(f, 2, "SELL", "50000", "0.5", "");
    flush(f);
    expect(f, next(1), "result.channel", "trade");
    assert_int_equal(waiting(1) + waiting(2) + waiting(3), 0);
}

/* Coming and going in any order: who is in hears it once, who is not does not. */
static void members_are_never_mixed_up(void **state)
{
    enum { PEOPLE = 12, PLACES = 10 };
    fixture *f = *state;
    bool in[PEOPLE + 1][PLACES + 1] = {{false}};
    uint32_t seed = 1;
    for (int step = 0; step < 3000; step++) {
        char channel[64];
        seed = seed * 1664525u + 1013904223u;
        rf_conn conn = 1 + (seed >> 8) % PEOPLE;
        uint32_t depth = 1 + (seed >> 16) % PLACES;
        bool leaves = seed >> 28 == 0;
        snprintf(channel, sizeof channel, "book.BTCUSD-PERP.%u", depth);
        if (leaves) {
            rf_feed_forget(f->feed, conn);
            memset(in[conn], 0, sizeof in[conn]);
        } else if (in[conn][depth])
            unsubscribe(f, conn, MARKET, channel);
        else
            subscribe(f, conn, MARKET, channel);
        if (!leaves)
            in[conn][depth] = !in[conn][depth];
        if (step % 10 != 0)
            continue;
        for (conn = 1; conn <= PEOPLE; conn++)
            skip_all(conn);
        beat(f, 500);
        for (conn = 1; conn <= PEOPLE; conn++) {
            int count[PLACES + 1] = {0};
            for (const char *text; (text = next(conn));)
                count[atoi(field(f, text, "result.depth"))]++;
            for (uint32_t at = 1; at <= PLACES; at++)
                assert_int_equal(count[at], in[conn][at]);
        }
    }
}

/* Nobody subscribed: nothing is encoded. */
static void what_nobody_wants_is_not_made(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "funding.BTCUSD-PERP");
    size_t before = gate.frames_ever;
    for (int i = 0; i < 20; i++) {
        place(f, 1, "BUY", "50000", "0.1", "");
        place(f, 2, "SELL", "50000", "0.1", "");
        beat(f, 20);
    }
    assert_int_equal(gate.frames_ever, before);
}

static void five_thousand_share_one_message(void **state)
{
    fixture *f = *state;
    for (rf_conn conn = 1; conn <= 5000; conn++)
        subscribe(f, conn, MARKET, "trade.BTCUSD-PERP");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    size_t before = gate.frames_ever;
    flush(f);
    assert_int_equal(gate.frames_ever, before + 1);
    for (rf_conn conn = 1; conn <= 5000; conn++)
        assert_int_equal(waiting(conn), 2);
    for (rf_conn conn = 1; conn <= 5000; conn += 2)
        rf_feed_forget(f->feed, conn);
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    for (rf_conn conn = 1; conn <= 5000; conn++)
        assert_int_equal(waiting(conn), conn % 2 ? 2 : 3);
}

/* A gate may close a connection in the middle of a message to all. */
static void a_connection_that_breaks_takes_nobody_with_it(void **state)
{
    fixture *f = *state;
    for (rf_conn conn = 1; conn <= 5; conn++)
        subscribe(f, conn, MARKET, "trade.BTCUSD-PERP");
    gate.conns[2].breaks = gate.conns[5].breaks = gate.conns[1].breaks = true;
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    assert_int_equal(waiting(3), 2);
    assert_int_equal(waiting(4), 2);
    gate.conns[3].breaks = gate.conns[4].breaks = true;
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    size_t made = gate.frames_ever;
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    assert_int_equal(gate.frames_ever, made);
}

/* ---- Market channels ------------------------------------------------------------------------- */

static void tickers_come_at_once_and_then_every_100_ms(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "ticker.BTCUSD-PERP");
    const char *first = next(1);
    expect(f, first, "result.instrument_name", "BTCUSD-PERP");
    expect(f, first, "result.subscription", "ticker.BTCUSD-PERP");
    expect(f, first, "result.channel", "ticker");
    expect(f, first, "result.data.0.i", "BTCUSD-PERP");
    expect(f, first, "result.data.0.bs", "0.0000");
    place(f, 1, "BUY", "49000", "0.5", "");
    flush(f);
    expect(f, next(1), "result.data.0.b", "49000.0");
    for (int i = 0; i < 9; i++) {
        place(f, 1, "BUY", "49000", "0.5", "");
        beat(f, 10);
        assert_int_equal(waiting(1), 0);
    }
    beat(f, 10);
    expect(f, next(1), "result.data.0.bs", "5.0000");
    beat(f, 1000);
    assert_int_equal(waiting(1), 0);
}

static void trades_begin_with_the_last_fifty_oldest_first(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "trade.BTCUSD-PERP");
    expect(f, next(1), "result.data", "0");
    char quantity[16];
    for (int i = 1; i <= 60; i++) {
        snprintf(quantity, sizeof quantity, "0.00%02d", i);
        place(f, 1, "BUY", "50000", quantity, "");
        place(f, 2, "SELL", "50000", quantity, "");
        if (i == 2) {
            flush(f);
            const char *live = next(1);
            expect(f, live, "result.channel", "trade");
            expect(f, live, "result.data", "2");
            expect(f, live, "result.data.0.q", "0.0001");
            expect(f, live, "result.data.1.s", "SELL");
            assert_null(next(1));
        }
    }
    subscribe(f, 2, MARKET, "trade.BTCUSD-PERP");
    const char *first = next(2);
    expect(f, first, "result.data", "50");
    expect(f, first, "result.data.0.q", "0.0011");
    expect(f, first, "result.data.49.q", "0.0060");
    flush(f);
    assert_int_equal(waiting(2), 0); /* they were in the first message */
    expect(f, next(1), "result.data", "58");
}

static void candles_echo_their_spelling_and_finish_a_bar(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "candlestick.M1.BTCUSD-PERP");
    subscribe(f, 1, MARKET, "candlestick.1D.BTCUSD-PERP");
    skip_all(1);
    subscribe(f, 2, MARKET, "candlestick.1m.BTCUSD-PERP");
    const char *first = next(2);
    expect(f, first, "result.interval", "1m");
    expect(f, first, "result.data", "0");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    const char *old = next(1), *day = next(1);
    if (strstr(old, "1D")) {
        const char *other = old;
        old = day, day = other;
    }
    expect(f, old, "result.subscription", "candlestick.M1.BTCUSD-PERP");
    expect(f, old, "result.channel", "candlestick");
    expect(f, old, "result.interval", "1m");
    expect(f, old, "result.data.0.v", "0.1000");
    expect(f, day, "result.subscription", "candlestick.1D.BTCUSD-PERP");
    expect(f, day, "result.interval", "1D");
    skip_all(2);
    /* A trade just before the minute ends, one in the next before the channel may speak again. */
    set_time(f, START_NS + 39950 * MS);
    place(f, 1, "BUY", "50000", "0.2", "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    skip_all(2);
    set_time(f, f->time_ns + 10 * MS);
    place(f, 1, "BUY", "50000", "0.4", "");
    place(f, 2, "SELL", "50000", "0.4", "");
    set_time(f, START_NS + 40010 * MS);
    place(f, 1, "BUY", "50000", "0.8", "");
    place(f, 2, "SELL", "50000", "0.8", "");
    beat(f, 100);
    const char *both = next(2);
    expect(f, both, "result.data", "2");
    expect(f, both, "result.data.0.v", "0.7000");
    expect(f, both, "result.data.1.v", "0.8000");
    subscribe(f, 3, MARKET, "candlestick.5m.BTCUSD-PERP");
    expect(f, next(3), "result.data", "1");
}

static void values_come_when_they_change(void **state)
{
    fixture *f = *state;
    static const char *const channels[] = {"index.BTCUSD-INDEX", "mark.BTCUSD-PERP",
                                           "funding.BTCUSD-PERP", "estimatedfunding.BTCUSD-PERP",
                                           "settlement.BTCUSD-PERP"};
    static const char *const firsts[] = {"50000.00000000", "50000.0", "0.00001250", "", ""};
    for (size_t i = 0; i < 5; i++) {
        subscribe(f, 10 + i, MARKET, channels[i]);
        const char *first = next(10 + i);
        expect(f, first, "result.subscription", channels[i]);
        if (*firsts[i])
            expect(f, first, "result.data.0.v", firsts[i]);
    }
    beat(f, 100);
    set_mark(f, "50001");
    set_mark(f, "50002");
    flush(f);
    const char *mark = next(11);
    expect(f, mark, "result.data.0.v", "50002.0");
    expect(f, mark, "result.channel", "mark");
    set_mark(f, "50003");
    beat(f, 40);
    assert_int_equal(waiting(11), 0);
    subscribe(f, 30, MARKET, "mark.BTCUSD-PERP");
    expect(f, next(30), "result.data.0.v", "50003.0");
    beat(f, 10);
    expect(f, next(11), "result.data.0.v", "50003.0"); /* though a newcomer knew it already */
    skip_all(30);
    set_mark(f, "50003");
    beat(f, 100);
    assert_int_equal(waiting(11), 0); /* it is what it was */
    must(f, 0, "operator/set-index-price", "{\"index_name\":\"BTCUSD-INDEX\",\"price\":\"50100\"}");
    beat(f, 100);
    expect(f, next(10), "result.data.0.v", "50100.00000000");
    must(f, 0, "operator/set-funding-rate",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"rate\":\"0.0001\"}");
    beat(f, 100);
    expect(f, next(12), "result.data.0.v", "0.00010000");
    subscribe(f, 31, MARKET, "settlement");
    const char *all = next(31);
    expect(f, all, "result.subscription", "settlement");
    expect(f, all, "result.data", "0");
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"BTCUSD-PERP\"}");
    flush(f);
    const char *settled = next(31);
    expect(f, settled, "result.instrument_name", "BTCUSD-PERP");
    expect(f, settled, "result.subscription", "settlement.BTCUSD-PERP");
    expect(f, settled, "result.channel", "settlement");
    expect(f, settled, "result.data.0.v", "50003.0");
    expect(f, next(14), "result.data.0.v", "50003.0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(answers_have_the_order_of_keys_that_clients_know),
        TEST(refusals_have_the_words_of_the_venue_and_change_nothing),
        TEST(a_beat_is_bounded),
        TEST(a_connection_has_at_most_400_subscriptions),
        TEST(who_left_is_told_nothing),
        TEST(members_are_never_mixed_up),
        TEST(what_nobody_wants_is_not_made),
        TEST(five_thousand_share_one_message),
        TEST(a_connection_that_breaks_takes_nobody_with_it),
        TEST(tickers_come_at_once_and_then_every_100_ms),
        TEST(trades_begin_with_the_last_fifty_oldest_first),
        TEST(candles_echo_their_spelling_and_finish_a_bar),
        TEST(values_come_when_they_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
