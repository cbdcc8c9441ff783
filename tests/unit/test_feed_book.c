/* The book over the WebSocket: whatever happens, each subscriber's book is the real one. */
#include "tests/unit/feed_fixture.h"

enum { DEPTH_MAX = 200, SUBSCRIBERS = 18 };

/* A client that believes only what it was told. */
typedef struct client {
    rf_conn conn;
    uint32_t depth;
    bool deltas;
    int every_ms;
    bool has_book;
    uint64_t update;
    uint32_t count[2];
    rf_level levels[2][2 * DEPTH_MAX];
    uint32_t snapshots, changes, quiet;
} client;

static int64_t number(fixture *f, uint32_t token, unsigned decimals)
{
    int64_t value = 0;
    bool point = false;
    for (const char *c = rf_json_text(&f->json, token); *c; c++) {
        if (*c == '.')
            point = true;
        else if (!point || decimals > 0) {
            value = 10 * value + (*c - '0');
            decimals -= point;
        }
    }
    assert_true(decimals == 0 || !point);
    return value;
}

static bool comes_before(rf_side side, int64_t a, int64_t b)
{
    return side == RF_BUY ? a > b : a < b;
}

static void set_level(client *c, rf_side side, rf_level level)
{
    rf_level *levels = c->levels[side];
    uint32_t at = 0;
    while (at < c->count[side] && comes_before(side, levels[at].price, level.price))
        at++;
    bool there = at < c->count[side] && levels[at].price == level.price;
    if (level.qty == 0) {
        assert_true(there); /* only what was told can be taken back */
        memmove(&levels[at], &levels[at + 1], (c->count[side] - at - 1) * sizeof *levels);
        c->count[side]--;
        return;
    }
    if (!there) {
        assert_true(c->count[side] < 2 * DEPTH_MAX);
        memmove(&levels[at + 1], &levels[at], (c->count[side] - at) * sizeof *levels);
        c->count[side]++;
    }
    levels[at] = level;
}

static void take_levels(fixture *f, client *c, uint32_t object, const char *key, rf_side side)
{
    uint32_t rows = rf_json_member(&f->json, object, key);
    assert_true(rows != 0);
    for (uint32_t i = 0; i < f->json.tokens[rows].count; i++) {
        uint32_t row = rf_json_element(&f->json, rows, i);
        rf_level level = {.price = number(f, rf_json_element(&f->json, row, 0), 1),
                          .qty = number(f, rf_json_element(&f->json, row, 1), 4),
                          .orders = (uint32_t)number(f, rf_json_element(&f->json, row, 2), 0)};
        set_level(c, side, level);
    }
}

static void take_message(fixture *f, client *c, const char *text)
{
    uint32_t message = parse(f, text);
    uint32_t result = rf_json_member(&f->json, message, "result");
    if (!result)
        return; /* the acknowledgement */
    uint32_t data = rf_json_element(&f->json, rf_json_member(&f->json, result, "data"), 0);
    uint64_t update = (uint64_t)number(f, rf_json_member(&f->json, data, "u"), 0);
    assert_int_equal(number(f, rf_json_member(&f->json, result, "depth"), 0), c->depth);
    if (rf_json_is(&f->json, rf_json_member(&f->json, result, "channel"), "book")) {
        c->count[0] = c->count[1] = 0;
        c->snapshots++;
        c->has_book = true;
    } else {
        assert_true(c->deltas && c->has_book);
        uint64_t previous = (uint64_t)number(f, rf_json_member(&f->json, data, "pu"), 0);
        assert_int_equal(previous, c->update);
        data = rf_json_member(&f->json, data, "update");
        c->changes++;
    }
    assert_true(update >= c->update);
    c->update = update;
    take_levels(f, c, data, "asks", RF_SELL);
    take_levels(f, c, data, "bids", RF_BUY);
}

static void take_all(fixture *f, client *c)
{
    for (const char *text; (text = next(c->conn));)
        take_message(f, c, text);
}

static void must_be_the_book(fixture *f, const client *c)
{
    rf_level levels[DEPTH_MAX];
    for (unsigned side = 0; side < 2; side++) {
        size_t count = rf_view_book(f->world.engine, 0, (rf_side)side, levels, c->depth);
        count = count < c->depth ? count : c->depth;
        assert_int_equal(c->count[side], count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(c->levels[side][i].price, levels[i].price);
            assert_int_equal(c->levels[side][i].qty, levels[i].qty);
            assert_int_equal(c->levels[side][i].orders, levels[i].orders);
        }
    }
}

static void join(fixture *f, client *c)
{
    char params[200];
    snprintf(params, sizeof params,
             "{\"channels\":[\"book.BTCUSD-PERP.%u\"],\"%s\":\"%s\",\"%s\":%d}", c->depth,
             c->conn % 2 ? "book_subscription_type" : "bookSubscriptionType",
             c->deltas ? "SNAPSHOT_AND_UPDATE" : "SNAPSHOT",
             c->conn % 2 ? "book_update_frequency" : "bookUpdateFrequency", c->every_ms);
    if (c->conn % 3 == 0) /* as ccxt says it */
        snprintf(params, sizeof params,
                 "{\"channels\":[\"book.BTCUSD-PERP.%u\"],\"bookSubscriptionType\":%d}", c->depth,
                 c->every_ms);
    assert_int_equal(ask(f, c->conn, (uint32_t)MARKET, -1, params), RF_ERR_OK);
}

/* ---- Random commands ------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;
static uint32_t pick(uint32_t count)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 32) % count);
}

/* Some hundred orders around the price: levels come and go at the end of every window. */
static void random_command(fixture *f)
{
    char params[300];
    uint32_t account = 1 + pick(3), kind = pick(1000);
    if (kind < 700) {
        bool buy = pick(2) == 0;
        int halves = 100000 + (buy ? 3 - (int)pick(120) : (int)pick(120) - 3);
        snprintf(params, sizeof params,
                 "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"%s\",\"type\":\"LIMIT\","
                 "\"price\":\"%d.%d\",\"quantity\":\"0.00%02u\"}",
                 buy ? "BUY" : "SELL", halves / 2, halves % 2 * 5, 1 + pick(99));
        call(f, account, "private/create-order", params);
    } else if (kind < 800) {
        rf_order_view orders[200];
        size_t count = rf_view_orders(f->world.engine, account, -1, orders, 200);
        if (count == 0)
            return;
        snprintf(params, sizeof params, "{\"order_id\":\"%llu\"}",
                 (unsigned long long)orders[pick((uint32_t)count)].order_id);
        call(f, account, "private/cancel-order", params);
    } else if (kind < 999) {
        snprintf(params, sizeof params,
                 "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"%s\",\"type\":\"MARKET\","
                 "\"quantity\":\"0.00%02u\"}",
                 pick(2) ? "BUY" : "SELL", 1 + pick(99));
        call(f, account, "private/create-order", params);
    } else
        call(f, account, "private/cancel-all-orders", "{\"instrument_name\":\"BTCUSD-PERP\"}");
}

static void set_up(client clients[SUBSCRIBERS])
{
    static const uint32_t depths[] = {1, 3, 10, 50, 150, 200};
    static const int speeds[] = {10, 100, 500};
    for (uint32_t i = 0; i < SUBSCRIBERS; i++)
        clients[i] = (client){.conn = i + 1,
                              .depth = depths[i % 6],
                              .every_ms = speeds[i / 6],
                              .deltas = speeds[i / 6] != 500};
}

static void every_subscriber_has_the_book(void **state)
{
    fixture *f = *state;
    client *clients = calloc(SUBSCRIBERS, sizeof *clients);
    assert_non_null(clients);
    set_up(clients);
    uint32_t joined = 0;
    size_t deepest = 0;
    rf_level levels[DEPTH_MAX];
    for (int step = 0; step < 10000; step++) {
        random_command(f);
        if (step % 7 == 0)
            flush(f);
        if (joined < SUBSCRIBERS && step % 50 == 49)
            join(f, &clients[joined++]);
        if (step % 977 == 0 && joined == SUBSCRIBERS) /* again: a new snapshot */
            join(f, &clients[pick(SUBSCRIBERS)]);
        beat(f, 10);
        for (uint32_t i = 0; i < joined; i++) {
            take_all(f, &clients[i]);
            if (clients[i].every_ms == 10)
                must_be_the_book(f, &clients[i]);
        }
        if (step % 100 != 99)
            continue;
        beat(f, 500); /* everybody's time has come */
        size_t depth = rf_view_book(f->world.engine, 0, RF_BUY, levels, DEPTH_MAX);
        deepest = depth > deepest ? depth : deepest;
        for (uint32_t i = 0; i < joined; i++) {
            take_all(f, &clients[i]);
            must_be_the_book(f, &clients[i]);
        }
    }
    for (uint32_t i = 0; i < SUBSCRIBERS; i++) {
        assert_true(clients[i].snapshots > 0);
        assert_true(!clients[i].deltas || clients[i].changes > 100);
        assert_true(clients[i].deltas ? clients[i].snapshots < 20 : clients[i].snapshots > 100);
    }
    assert_true(deepest > 60); /* windows had an end that levels could pass */
    free(clients);
}

/* What it cannot take is withheld; a snapshot makes it good, and the chain never has a gap. */
static void a_slow_subscriber_gets_a_snapshot_and_no_gap(void **state)
{
    fixture *f = *state;
    client slow = {.conn = 1, .depth = 10, .every_ms = 10, .deltas = true};
    client fast = {.conn = 2, .depth = 10, .every_ms = 10, .deltas = true};
    join(f, &slow);
    join(f, &fast);
    for (int round = 0; round < 50; round++) {
        bool heavy = round % 2 == 1;
        gate.conns[1].backlog = heavy ? RF_QUEUE_SIZE_SLOW + 1 : RF_QUEUE_SIZE_SLOW;
        uint32_t before = slow.snapshots;
        for (int step = 0; step < 20; step++) {
            random_command(f);
            beat(f, 10);
            take_all(f, &fast);
            must_be_the_book(f, &fast);
            if (heavy)
                continue;
            take_all(f, &slow);
            must_be_the_book(f, &slow);
        }
        if (!heavy)
            continue;
        take_all(f, &slow); /* what was sent before is still whole */
        assert_int_equal(slow.snapshots, before);
        gate.conns[1].backlog = RF_QUEUE_SIZE_SLOW / 2 + 1;
        for (int step = 0; step < 5; step++) { /* not slow any more, but not caught up either */
            random_command(f);
            beat(f, 10);
        }
        assert_int_equal(waiting(1), 0);
        gate.conns[1].backlog = RF_QUEUE_SIZE_SLOW / 2;
        beat(f, 10);
        take_all(f, &slow);
        must_be_the_book(f, &slow);
        assert_int_equal(slow.snapshots, before + 1);
    }
    assert_int_equal(fast.snapshots, 1);
}

static void make_trade(fixture *f)
{
    place(f, 2, "BUY", "50000", "0.1", "");
    place(f, 3, "SELL", "50000", "0.1", "");
    beat(f, 100);
}

static void liquidate(fixture *f)
{
    place(f, 3, "BUY", "45000", "2", "");
    place(f, 1, "BUY", "50000", "0.2", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    place(f, 2, "SELL", "50000", "0.2", "");
    set_mark(f, "45400");
    beat(f, 100);
}

/* Slow ones of other states begin anew too; a channel of events withholds nothing from anybody. */
static void slow_is_only_for_states(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, MARKET, "ticker.BTCUSD-PERP");
    subscribe(f, 2, 2, "user.order");
    subscribe(f, 3, MARKET, "trade.BTCUSD-PERP");
    subscribe(f, 4, MARKET, "settlement");
    subscribe(f, 5, MARKET, "x.liquidations.BTCUSD-PERP");
    for (rf_conn conn = 1; conn <= 5; conn++) {
        skip_all(conn);
        gate.conns[conn].backlog = RF_QUEUE_SIZE_SLOW + 1;
    }
    for (int i = 0; i < 60; i++) /* more than a newcomer is shown */
        make_trade(f);
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"BTCUSD-PERP\"}");
    liquidate(f);
    assert_int_equal(waiting(1), 0);
    assert_int_equal(waiting(2), 121);
    assert_int_equal(waiting(3), 61);
    assert_int_equal(waiting(4), 1);
    assert_int_equal(waiting(5), 1);
    gate.conns[1].backlog = 0;
    beat(f, 10);
    expect(f, next(1), "result.data", "1");
    assert_int_equal(waiting(1), 0);
    gate.conns[1].backlog = RF_QUEUE_SIZE_SLOW + 1;
    make_trade(f);
    rf_feed_forget(f->feed, 1); /* while it is behind */
    beat(f, 10);
    assert_int_equal(waiting(1), 0);
}

static void a_quiet_book_says_so_every_five_seconds(void **state)
{
    fixture *f = *state;
    client c = {.conn = 1, .depth = 10, .every_ms = 100, .deltas = true};
    place(f, 1, "BUY", "49000", "0.1", "");
    join(f, &c);
    take_all(f, &c);
    beat(f, 4990);
    assert_int_equal(waiting(1), 0);
    beat(f, 10);
    const char *empty = next(1);
    assert_non_null(strstr(empty, "\"data\":[{\"update\":{\"asks\":[],\"bids\":[]},\"tt\":"));
    take_message(f, &c, empty);
    place(f, 1, "BUY", "49000", "0.1", "");
    beat(f, 100);
    const char *change = next(1);
    expect(f, change, "result.channel", "book.update");
    take_message(f, &c, change);
    must_be_the_book(f, &c);
    beat(f, 4990);
    assert_int_equal(waiting(1), 0);
    beat(f, 10);
    assert_int_equal(waiting(1), 1);
}

static void snapshots_come_every_500_ms_changed_or_not(void **state)
{
    fixture *f = *state;
    client c = {.conn = 1, .depth = 10, .every_ms = 500};
    join(f, &c);
    take_all(f, &c);
    for (int i = 0; i < 200; i++)
        beat(f, 10);
    assert_int_equal(waiting(1), 4);
}

/* A newcomer does not wait for the others' beat, and they do not miss what he was told. */
static void a_newcomer_sees_the_book_of_now(void **state)
{
    fixture *f = *state;
    client old = {.conn = 1, .depth = 10, .every_ms = 100, .deltas = true};
    client young = {.conn = 2, .depth = 10, .every_ms = 100, .deltas = true};
    join(f, &old);
    place(f, 1, "BUY", "49000", "0.1", "");
    join(f, &young);
    assert_int_equal(waiting(2), 2); /* the acknowledgement and the book, nothing before it */
    take_all(f, &young);
    must_be_the_book(f, &young);
    beat(f, 100);
    take_all(f, &old);
    must_be_the_book(f, &old);
}

/* Quantity and number of orders are both part of a level. */
static void a_level_changes_with_its_orders(void **state)
{
    fixture *f = *state;
    client c = {.conn = 1, .depth = 10, .every_ms = 10, .deltas = true};
    place(f, 1, "BUY", "49000", "0.2", "");
    join(f, &c);
    place(f, 1, "BUY", "49000", "0.1", "");
    must(f, 1, "private/cancel-order", "{\"order_id\":\"1\"}");
    place(f, 1, "BUY", "49000", "0.1", "");
    beat(f, 10);
    take_all(f, &c);
    must_be_the_book(f, &c);
}

/* The same connection may change its mind: it is told in the new manner only. */
static void the_manner_can_be_changed(void **state)
{
    fixture *f = *state;
    client c = {.conn = 1, .depth = 10, .every_ms = 500};
    join(f, &c);
    c.deltas = true, c.every_ms = 10;
    join(f, &c);
    take_all(f, &c);
    assert_int_equal(c.snapshots, 2);
    place(f, 1, "BUY", "49000", "0.1", "");
    for (int i = 0; i < 100; i++)
        beat(f, 10);
    assert_int_equal(waiting(1), 1);
    take_all(f, &c);
    must_be_the_book(f, &c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(every_subscriber_has_the_book),
        TEST(a_slow_subscriber_gets_a_snapshot_and_no_gap),
        TEST(slow_is_only_for_states),
        TEST(a_quiet_book_says_so_every_five_seconds),
        TEST(snapshots_come_every_500_ms_changed_or_not),
        TEST(a_newcomer_sees_the_book_of_now),
        TEST(a_level_changes_with_its_orders),
        TEST(the_manner_can_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
