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

static void a_connection_has_at_most_400_subscriptions(void **state)
{
    fixture *f = *state;
    char channel[64];
    for (int mode = 0; mode < 2; mode++)
        for (int depth = 1; depth <= 200; depth++) {
            snprintf(channel, sizeof channel, "book.BTCUSD-PERP.%s%d", mode ? "0" : "", depth);
            subscribe(f, 1, MARKET, channel);
        }
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
    f->time_ns = START_NS + 39950 * MS;
    place(f, 1, "BUY", "50000", "0.2", "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    skip_all(2);
    f->time_ns += 10 * MS;
    place(f, 1, "BUY", "50000", "0.4", "");
    place(f, 2, "SELL", "50000", "0.4", "");
    f->time_ns = START_NS + 40010 * MS;
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

/* ---- User channels --------------------------------------------------------------------------- */

static void orders_answer_with_those_that_are_open(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "49000", "0.5", ",\"client_oid\":\"mine\"");
    place(f, 2, "BUY", "48000", "0.5", "");
    subscribe(f, 1, 1, "user.order");
    const char *first = next(1);
    static const char head[] =
        "{\"id\":7,\"method\":\"subscribe\",\"code\":0,\"result\":{"
        "\"subscription\":\"user.order\",\"channel\":\"user.order\",\"seq\":";
    assert_memory_equal(first, head, sizeof head - 1);
    expect(f, first, "result.data", "1");
    expect(f, first, "result.data.0.client_oid", "mine");
    subscribe(f, 1, 1, "user.order.BTCUSD-PERP");
    expect(f, next(1), "result.instrument_name", "BTCUSD-PERP");
    /* Two commands, two states: nothing is thinned. */
    place(f, 2, "SELL", "49000", "0.2", "");
    place(f, 2, "SELL", "49000", "0.3", "");
    flush(f);
    for (int i = 0; i < 4; i++) {
        const char *change = next(1);
        expect(f, change, "id", "-1");
        expect(f, change, "result.instrument_name", "BTCUSD-PERP");
        expect(f, change, "result.channel", "user.order");
        expect(f, change, "result.data.0.cumulative_quantity", i < 2 ? "0.2000" : "0.5000");
        expect(f, change, "result.data.0.status", i < 2 ? "ACTIVE" : "FILLED");
    }
    assert_null(next(1));
    assert_int_equal(gate.conns[1].barrier, f->barrier);
}

static void trigger_orders_have_a_channel_in_two_spellings(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "48000", "0.5", "");
    subscribe(f, 1, 1, "user.advance.order");
    subscribe(f, 2, 1, "user.advanced.order.BTCUSD-PERP");
    const char *first = next(1);
    expect(f, first, "result.subscription", "user.advance.order");
    expect(f, first, "result.data", "0");
    skip_all(2);
    place(f, 1, "BUY", "49000", "0.5", "");
    must(f, 1, "private/advanced/create-order",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"STOP_LIMIT\","
         "\"price\":\"51000\",\"ref_price\":\"51000\",\"quantity\":\"0.1\"}");
    flush(f);
    expect(f, next(1), "result.data.0.status", "PENDING");
    expect(f, next(2), "result.subscription", "user.advanced.order.BTCUSD-PERP");
    assert_int_equal(waiting(1) + waiting(2), 0);
}

/* Nobody hears of an instrument that he did not ask for; who asked for all hears of each apart. */
static void instruments_are_kept_apart(void **state)
{
    fixture *f = *state;
    must(f, 0, "operator/create-instrument",
         "{\"instrument_name\":\"ETHUSD-PERP\",\"base_ccy\":\"ETH\",\"quote_ccy\":\"USD\","
         "\"price_tick_size\":\"0.5\",\"qty_tick_size\":\"0.0001\",\"max_leverage\":\"50\","
         "\"maker_fee_rate\":\"0.0001\",\"taker_fee_rate\":\"0.0005\"}");
    must(f, 0, "operator/set-mark-price",
         "{\"instrument_name\":\"ETHUSD-PERP\",\"price\":\"2000\"}");
    subscribe(f, 1, MARKET, "trade.BTCUSD-PERP");
    subscribe(f, 1, MARKET, "settlement");
    subscribe(f, 2, 1, "user.order.BTCUSD-PERP");
    subscribe(f, 2, 1, "user.trade.BTCUSD-PERP");
    skip_all(1), skip_all(2);
    static const char order[] = "{\"instrument_name\":\"ETHUSD-PERP\",\"side\":\"%s\",\"type\":"
                                "\"LIMIT\",\"price\":\"2000\",\"quantity\":\"1\"}";
    char params[200];
    snprintf(params, sizeof params, order, "BUY");
    must(f, 1, "private/create-order", params);
    snprintf(params, sizeof params, order, "SELL");
    must(f, 2, "private/create-order", params);
    flush(f);
    assert_int_equal(waiting(1) + waiting(2), 0);
    subscribe(f, 2, 1, "user.order.ETHUSD-PERP");
    expect(f, next(2), "result.data", "0");
    must(f, 1, "private/create-order", params);
    must(f, 2, "private/create-order", params);
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"ETHUSD-PERP\"}");
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"BTCUSD-PERP\"}");
    flush(f);
    bool seen[2] = {false, false};
    for (const char *text; (text = next(1));) {
        bool ether = strcmp(field(f, text, "result.instrument_name"), "ETHUSD-PERP") == 0;
        bool settled = strcmp(field(f, text, "result.channel"), "settlement") == 0;
        expect(f, text, "result.data", "1");
        assert_true(settled || !ether);
        if (settled)
            expect(f, text, "result.data.0.v", ether ? "2000.0" : "50000.0");
        seen[ether] = seen[ether] || settled;
    }
    assert_true(seen[0] && seen[1]);
    expect(f, next(2), "result.subscription", "user.order.ETHUSD-PERP");
    for (const char *text; (text = next(2));)
        assert_null(strstr(text, "ETHUSD"));
}

static void trades_confirm_and_then_tell_each_fill(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.trade");
    const char *first = next(1);
    expect(f, first, "id", "7");
    expect(f, first, "result.data", "0");
    place(f, 1, "BUY", "50000", "0.3", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    expect(f, next(1), "result.data.0.traded_quantity", "0.1000");
    const char *second = next(1);
    expect(f, second, "result.data.0.traded_quantity", "0.2000");
    expect(f, second, "result.data.0.taker_side", "MAKER");
    expect(f, second, "result.channel", "user.trade");
    assert_null(next(1));
}

static void states_are_told_once_a_turn(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.balance");
    expect(f, next(1), "result.data.0.total_cash_balance", "100000.00000000");
    subscribe(f, 1, 1, "user.positions");
    expect(f, next(1), "result.data", "0");
    subscribe(f, 1, 1, "user.position_balance");
    expect(f, next(1), "result.data.0.balances.0.quantity", "100000.00000000");
    for (int i = 0; i < 3; i++) {
        place(f, 1, "BUY", "50000", "0.1", "");
        place(f, 2, "SELL", "50000", "0.1", "");
    }
    flush(f);
    expect(f, next(1), "result.channel", "user.balance");
    const char *positions = next(1);
    expect(f, positions, "result.channel", "user.positions");
    expect(f, positions, "result.data", "1");
    expect(f, positions, "result.data.0.quantity", "0.3000");
    const char *both = next(1);
    expect(f, both, "result.channel", "user.position_balance");
    expect(f, both, "result.data.0.positions.0.quantity", "0.3000");
    expect(f, both, "result.data.0.isolated_positions", "0");
    assert_null(next(1));
    place(f, 1, "BUY", "49000", "0.1", "");
    flush(f);
    expect(f, next(1), "result.channel", "user.balance"); /* what is available changed */
    assert_null(next(1));
}

static void a_closed_position_comes_once_more_with_zero(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.positions");
    subscribe(f, 2, 1, "user.position_balance");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 1, "BUY", "50000", "0.2", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    place(f, 2, "SELL", "50000", "0.3", "");
    flush(f);
    skip_all(1), skip_all(2);
    must(f, 1, "private/close-position",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"type\":\"LIMIT\",\"price\":\"50000\"}");
    place(f, 2, "BUY", "50000", "0.1", "");
    flush(f);
    const char *rows = next(1);
    expect(f, rows, "result.data", "2");
    expect(f, rows, "result.data.0.isolation_type", "ISOLATED_MARGIN");
    expect(f, rows, "result.data.0.quantity", "0.2000");
    expect(f, rows, "result.data.1.quantity", "0.0000");
    expect(f, rows, "result.data.1.isolation_id", "");
    char isolation[32];
    const char *both = next(2);
    expect(f, both, "result.data.0.positions.0.quantity", "0.0000");
    expect(f, both, "result.data.0.isolated_positions.0.positions.0.quantity", "0.2000");
    strcpy(isolation, field(f, both, "result.data.0.isolated_positions.0.isolation_id"));
    subscribe(f, 3, 1, "user.positions");
    expect(f, next(3), "result.data", "1"); /* a newcomer never saw it open */
    char params[200];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"BTCUSD-PERP\",\"type\":\"LIMIT\",\"price\":\"50000\","
             "\"isolation_id\":\"%s\"}",
             isolation);
    must(f, 1, "private/close-position", params);
    place(f, 2, "BUY", "50000", "0.2", "");
    flush(f);
    skip_all(3);
    while (waiting(1) > 1)
        next(1);
    rows = next(1);
    expect(f, rows, "result.data", "1");
    expect(f, rows, "result.data.0.quantity", "0.0000");
    expect(f, rows, "result.data.0.isolation_id", isolation);
    while (waiting(2) > 1)
        next(2);
    both = next(2);
    expect(f, both, "result.data.0.positions", "0");
    expect(f, both, "result.data.0.isolated_positions.0.isolation_id", isolation);
    expect(f, both, "result.data.0.isolated_positions.0.positions.0.quantity", "0.0000");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    expect(f, next(1), "result.data", "1"); /* told once */
}

static void risk_comes_every_two_seconds(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    subscribe(f, 1, 1, "user.account_risk");
    const char *risk = next(1);
    expect(f, risk, "result.account_id", "00000000-0000-4000-8000-000000000001");
    expect(f, risk, "result.data.0.total_borrow", "0.00000000");
    expect(f, risk, "result.data.0.positions.0.quantity", "0.1000");
    expect(f, risk, "result.data.0.balances.0.instrument_name", "USD");
    expect(f, risk, "result.data.0.isolated_positions", "0");
    beat(f, 1990);
    assert_int_equal(waiting(1), 0);
    beat(f, 10);
    beat(f, 10);
    assert_int_equal(waiting(1), 1);
}

static void must_rank(fixture *f, const char *rank)
{
    must(f, 1, "private/get-positions", "{}");
    char *answer = strdup(f->out.data);
    assert_non_null(answer);
    expect(f, answer, "result.data.0.adl_rank", rank);
    free(answer);
}

/* Finding the ranks walks over all positions: not for every push. */
static void ranks_may_be_a_second_old(void **state)
{
    fixture *f = *state;
    beat(f, 10);
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 3, "SELL", "50000", "0.1", "");
    set_mark(f, "50100");
    must_rank(f, "5");
    place(f, 2, "BUY", "50000", "1", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"50\"");
    place(f, 3, "SELL", "50000", "1", "");
    f->time_ns += 999 * MS;
    set_mark(f, "50100");
    must_rank(f, "5");
    f->time_ns += MS;
    set_mark(f, "50100");
    must_rank(f, "1");
}

static void the_ledger_is_told_to_both_sides(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.transactions");
    expect(f, next(1), "result.data", "0");
    must(f, 0, "operator/deposit",
         "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"5\"}");
    flush(f);
    const char *row = next(1);
    expect(f, row, "result.data.0.journal_type", "ONCHAIN_DEPOSIT");
    expect(f, row, "result.data.0.transaction_qty", "5.00000000");
    place(f, 1, "BUY", "50000", "0.2",
          ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\","
          "\"isolated_margin_amount\":\"1500\"");
    flush(f);
    row = next(1);
    expect(f, row, "result.data", "2");
    expect(f, row, "result.data.0.journal_type", "SUBACCOUNT_TX");
    expect(f, row, "result.data.0.sub_type", "ISOLATED_MARGIN_TRANSFER");
    expect(f, row, "result.data.0.transaction_qty", "-1500.00000000");
    expect(f, row, "result.data.0.isolation_id", "");
    expect(f, row, "result.data.1.transaction_qty", "1500.00000000");
    assert_string_not_equal(field(f, row, "result.data.1.isolation_id"), "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    row = next(1);
    expect(f, row, "result.data", "2");
    expect(f, row, "result.data.0.journal_type", "TRADING");
    expect(f, row, "result.data.0.transaction_cost", "10000.00000000");
    expect(f, row, "result.data.0.taker_side", "MAKER");
    expect(f, row, "result.data.1.journal_type", "TRADE_FEE");
    expect(f, row, "result.data.1.transaction_qty", "-1.00000000");
    assert_null(next(1));
    must(f, 0, "operator/create-account", "{\"account\":\"child\",\"master\":\"alice\"}");
    subscribe(f, 2, 4, "user.transactions");
    skip_all(2);
    must(f, 1, "private/create-subaccount-transfer",
         "{\"from\":\"00000000-0000-4000-8000-000000000001\",\"to\":"
         "\"00000000-0000-4000-8000-000000000004\",\"currency\":\"USD\",\"amount\":\"7\"}");
    flush(f);
    expect(f, next(1), "result.data.0.transaction_qty", "-7.00000000");
    expect(f, next(2), "result.data.0.transaction_qty", "7.00000000");
    assert_int_equal(waiting(1) + waiting(2), 0);
}

static void an_isolation_is_liquidated(fixture *f)
{
    place(f, 1, "BUY", "50000", "1", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    place(f, 2, "SELL", "50000", "1", "");
    flush(f);
}

static void margin_warns_once_for_each_crossing(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.x.margin");
    expect(f, next(1), "result.data", "0");
    an_isolation_is_liquidated(f);
    skip_all(1);
    static const struct {
        const char *mark;
        bool warns;
    } rows[] = {{"46500", false}, {"45580", true},  {"45620", false},
                {"45580", false}, {"45750", false}, {"45580", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_mark(f, rows[i].mark);
        beat(f, 1000);
        assert_int_equal(waiting(1), rows[i].warns);
        if (!rows[i].warns)
            continue;
        const char *warning = next(1);
        expect(f, warning, "result.data.0.kind", "WARNING");
        assert_string_not_equal(field(f, warning, "result.data.0.isolation_id"), "");
        expect(f, warning, "result.data.0.instrument_name", "BTCUSD-PERP");
        assert_int_equal(strncmp(field(f, warning, "result.data.0.margin_ratio"), "0.8", 3), 0);
    }
    beat(f, 1000);
    assert_int_equal(waiting(1), 0);
}

static void a_cross_account_is_warned_too(void **state)
{
    fixture *f = *state;
    new_account(f, "dave");
    subscribe(f, 1, 4, "user.x.margin");
    place(f, 4, "BUY", "50000", "20", ""); /* a million on a tenth of it */
    place(f, 2, "SELL", "50000", "10", "");
    place(f, 3, "SELL", "50000", "10", "");
    beat(f, 1000);
    skip_all(1);
    set_mark(f, "45800");
    beat(f, 1000);
    const char *warning = next(1);
    assert_non_null(warning);
    expect(f, warning, "result.data.0.kind", "WARNING");
    expect(f, warning, "result.data.0.isolation_id", "");
    assert_null(next(1));
}

static void a_liquidation_is_told_to_its_owner_and_the_market(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.x.margin");
    subscribe(f, 2, MARKET, "x.liquidations");
    subscribe(f, 3, MARKET, "x.liquidations.BTCUSD-PERP");
    expect(f, next(2), "result.subscription", "x.liquidations");
    an_isolation_is_liquidated(f);
    place(f, 2, "BUY", "45000", "0.6", "");
    flush(f);
    skip_all(1), skip_all(2), skip_all(3);
    set_mark(f, "45000");
    flush(f);
    const char *const kinds[] = {"LIQUIDATION_START", "LIQUIDATION_FILL"};
    for (size_t i = 0; i < 2; i++)
        expect(f, next(1), "result.data.0.kind", kinds[i]);
    bool ended = false;
    for (const char *text; (text = next(1));)
        ended = strcmp(field(f, text, "result.data.0.kind"), "LIQUIDATION_END") == 0 || ended;
    assert_true(ended);
    const char *all = next(2);
    expect(f, all, "result.instrument_name", "BTCUSD-PERP");
    expect(f, all, "result.data.0.kind", "START");
    expect(f, all, "result.data.0.q", "1.0000");
    expect(f, all, "result.data.1.kind", "FILL");
    expect(f, all, "result.data.1.q", "0.6000");
    assert_null(strstr(all, "account"));
    assert_null(strstr(all, "isolation_id"));
    expect(f, next(3), "result.subscription", "x.liquidations.BTCUSD-PERP");
}

/* ---- Coming back ----------------------------------------------------------------------------- */

static void since_seq_loses_and_doubles_nothing(void **state)
{
    fixture *f = *state;
    char seqs[40][32];
    subscribe(f, 1, 1, "user.order");
    subscribe(f, 2, 2, "user.order"); /* others' messages in between */
    strcpy(seqs[0], field(f, next(1), "result.seq"));
    for (int i = 1; i < 40; i++) {
        if (i == 20)
            rf_feed_forget(f->feed, 1); /* the rest is kept for who comes back */
        place(f, 1, "BUY", "49000", "0.1", "");
        place(f, 2, "BUY", "48000", "0.1", "");
        beat(f, 10);
        if (i < 20)
            strcpy(seqs[i], field(f, next(1), "result.seq"));
    }
    for (int from = 0; from < 20; from++) {
        char params[100];
        rf_conn conn = (rf_conn)(100 + from);
        snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}",
                 seqs[from]);
        assert_int_equal(ask(f, conn, 1, 1, params), RF_ERR_OK);
        next(conn);
        const char *first = next(conn);
        expect(f, first, "result.resumed", "true");
        expect(f, first, "result.seq", seqs[from]);
        expect(f, first, "result.data", "0");
        assert_int_equal(waiting(conn), 39 - from);
        for (int i = from + 1; i < 20; i++)
            expect(f, next(conn), "result.seq", seqs[i]);
    }
    place(f, 1, "BUY", "49000", "0.1", "");
    flush(f);
    for (int from = 0; from < 20; from++)
        assert_int_equal(waiting((rf_conn)(100 + from)), 20 + 1);
}

static void who_was_away_too_long_gets_a_snapshot(void **state)
{
    fixture *f = *state;
    char params[100];
    place(f, 1, "BUY", "49000", "0.1", "");
    assert_int_equal(ask(f, 1, 1, 1, "{\"channels\":[\"user.order\"],\"since_seq\":5}"), RF_ERR_OK);
    next(1);
    const char *first = next(1);
    expect(f, first, "result.resumed", "false");
    expect(f, first, "result.data", "1");
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}",
             field(f, first, "result.seq"));
    rf_feed_forget(f->feed, 1);
    beat(f, 299000);
    assert_int_equal(ask(f, 2, 1, 1, params), RF_ERR_OK);
    next(2);
    expect(f, next(2), "result.resumed", "true");
    rf_feed_forget(f->feed, 2);
    beat(f, 301000);
    assert_int_equal(ask(f, 3, 1, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "false");
    /* A state needs no resuming: it is told whole. */
    assert_int_equal(ask(f, 3, 1, 1, "{\"channels\":[\"user.balance\"],\"since_seq\":\"9\"}"),
                     RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.data.0.total_cash_balance", "100000.00000000");
}

/* Coming and going does not use up the places of those who are away. */
static void who_comes_back_lingers_no_more(void **state)
{
    fixture *f = *state;
    char params[100], seq[32];
    subscribe(f, 1, 2, "user.order");
    strcpy(seq, field(f, next(1), "result.seq"));
    rf_feed_forget(f->feed, 1);
    for (int i = 0; i < 17000; i++) {
        subscribe(f, 2, 1, "user.order");
        rf_feed_forget(f->feed, 2);
    }
    beat(f, 10);
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}", seq);
    assert_int_equal(ask(f, 3, 2, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "true");
}

static void the_ring_holds_65536_messages(void **state)
{
    fixture *f = *state;
    char params[100], seq[32];
    subscribe(f, 1, 1, "user.order");
    subscribe(f, 2, 2, "user.order");
    strcpy(seq, field(f, next(2), "result.seq"));
    place(f, 2, "BUY", "48000", "1", "");
    for (int i = 0; i < 65535; i++) {
        snprintf(params, sizeof params,
                 "{\"order_id\":\"1\",\"new_price\":\"48000\",\"new_quantity\":\"%d\"}", 2 + i % 2);
        must(f, 2, "private/amend-order", params);
        if (i % 1000 == 0)
            flush(f);
    }
    flush(f);
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}", seq);
    assert_int_equal(ask(f, 3, 2, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "true");
    assert_int_equal(waiting(3), 65536);
    must(f, 2, "private/amend-order",
         "{\"order_id\":\"1\",\"new_price\":\"48000\",\"new_quantity\":\"9\"}");
    flush(f);
    assert_int_equal(ask(f, 4, 2, 1, params), RF_ERR_OK);
    next(4);
    expect(f, next(4), "result.resumed", "false");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(answers_have_the_order_of_keys_that_clients_know),
        TEST(refusals_have_the_words_of_the_venue_and_change_nothing),
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
        TEST(orders_answer_with_those_that_are_open),
        TEST(trigger_orders_have_a_channel_in_two_spellings),
        TEST(instruments_are_kept_apart),
        TEST(trades_confirm_and_then_tell_each_fill),
        TEST(states_are_told_once_a_turn),
        TEST(a_closed_position_comes_once_more_with_zero),
        TEST(risk_comes_every_two_seconds),
        TEST(ranks_may_be_a_second_old),
        TEST(the_ledger_is_told_to_both_sides),
        TEST(margin_warns_once_for_each_crossing),
        TEST(a_cross_account_is_warned_too),
        TEST(a_liquidation_is_told_to_its_owner_and_the_market),
        TEST(since_seq_loses_and_doubles_nothing),
        TEST(who_was_away_too_long_gets_a_snapshot),
        TEST(who_comes_back_lingers_no_more),
        TEST(the_ring_holds_65536_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
