/* market/: feeds made from events alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "market/market.h"

#define MINUTE 60000000000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum { INSTRUMENTS = 2, LEVELS = 400 };

static int open_market(void **state)
{
    *state = calloc(1, rf_market_size(INSTRUMENTS, LEVELS));
    rf_market *market = rf_market_init(*state, INSTRUMENTS, LEVELS);
    rf_market_list(market, 0, 1000);
    return 0;
}

static int close_market(void **state)
{
    free(*state);
    return 0;
}

static uint64_t sequence;

static void order_event(rf_market *market, rf_event_kind kind, rf_side side, int64_t price,
                        int64_t leaves)
{
    rf_event event = {.kind = (uint16_t)kind,
                      .side = (uint8_t)side,
                      .price = price,
                      .leaves = leaves,
                      .account = 1,
                      .seq = ++sequence,
                      .time_ns = DAY};
    rf_market_event(market, &event);
}

static void fill(rf_market *market, int64_t time_ns, rf_side taker, int64_t price, int64_t qty)
{
    rf_event event = {.kind = RF_EVENT_FILL,
                      .side = (uint8_t)taker,
                      .price = price,
                      .qty = qty,
                      .code = 1,
                      .account = 1,
                      .id = ++sequence,
                      .time_ns = time_ns};
    rf_market_event(market, &event);
}

static void books_add_up(void **state)
{
    rf_market *market = *state;
    rf_level levels[8];
    order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 100, 5);
    order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 101, 7);
    order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 100, 3);
    order_event(market, RF_EVENT_ORDER_OPENED, RF_SELL, 105, 2);
    assert_int_equal(rf_market_book(market, 0, RF_BUY, levels, 8), 2);
    assert_int_equal(levels[0].price, 101);
    assert_int_equal(levels[1].qty, 8);
    assert_int_equal(levels[1].orders, 2);
    /* A maker's fill, part and whole; the end of an order that rested; one that never did. */
    rf_event maker = {
        .kind = RF_EVENT_FILL, .side = RF_BUY, .price = 101, .qty = 4, .leaves = 3, .account = 1};
    rf_market_event(market, &maker);
    maker.qty = 3, maker.leaves = 0;
    rf_market_event(market, &maker);
    order_event(market, RF_EVENT_ORDER_CLOSED, RF_BUY, 101, 0);
    order_event(market, RF_EVENT_ORDER_CLOSED, RF_BUY, 100, 5);
    assert_int_equal(rf_market_book(market, 0, RF_BUY, levels, 8), 1);
    assert_int_equal(levels[0].qty, 3);
    assert_int_equal(levels[0].orders, 1);
    rf_event amended = {.kind = RF_EVENT_ORDER_AMENDED,
                        .side = RF_BUY,
                        .price = 99,
                        .leaves = 2,
                        .value = 100,
                        .qty = 3,
                        .account = 1};
    rf_market_event(market, &amended);
    assert_int_equal(rf_market_book(market, 0, RF_BUY, levels, 8), 1);
    assert_int_equal(levels[0].price, 99);
    assert_int_equal(levels[0].qty, 2);
    assert_int_equal(rf_market_book(market, 1, RF_BUY, levels, 8), 0);
}

/* Told to stand at its new price, it trades there, in part or whole, and what is left may go. */
static void amended_orders_trade(void **state)
{
    rf_market *market = *state;
    rf_level level;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        rf_event event = {.kind = RF_EVENT_ORDER_AMENDED,
                          .seq = seq,
                          .order_id = 7,
                          .side = RF_BUY,
                          .price = 101,
                          .leaves = 5,
                          .value = 100,
                          .qty = 3};
        order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 100, 3);
        rf_market_event(market, &event);
        event = (rf_event){.kind = RF_EVENT_FILL, .code = 1, .seq = seq, .order_id = 7};
        event.side = RF_BUY;
        event.price = 99; /* the maker's */
        event.qty = seq == 1 ? 2 : 5;
        event.leaves = seq == 1 ? 3 : 0;
        if (seq < 3)
            rf_market_event(market, &event);
        assert_int_equal(rf_market_book(market, 0, RF_BUY, &level, 1), 1);
        assert_int_equal(level.qty, seq == 1 ? 3 : seq == 2 ? 0 : 5);
        event.kind = RF_EVENT_ORDER_CLOSED; /* rested since, filled, cancelled before it rested */
        event.price = 101;
        event.leaves = seq == 1 ? 3 : 0;
        event.seq += seq == 1 ? 10 : 0;
        rf_market_event(market, &event);
        assert_int_equal(rf_market_book(market, 0, RF_BUY, &level, 1), 0);
    }
}

static void changes_chain(void **state)
{
    rf_market *market = *state;
    rf_level levels[RF_MARKET_CHANGES];
    order_event(market, RF_EVENT_ORDER_OPENED, RF_SELL, 105, 2);
    order_event(market, RF_EVENT_ORDER_OPENED, RF_SELL, 104, 1);
    order_event(market, RF_EVENT_ORDER_CLOSED, RF_SELL, 105, 2);
    rf_book_stamp stamp = rf_market_book_stamp(market, 0);
    assert_true(stamp.changed);
    assert_true(stamp.previous == 0);
    assert_int_equal(rf_market_take_changes(market, 0, RF_BUY, levels, RF_MARKET_CHANGES), 0);
    assert_int_equal(rf_market_take_changes(market, 0, RF_SELL, levels, RF_MARKET_CHANGES), 2);
    assert_int_equal(levels[0].price, 104);
    assert_int_equal(levels[0].qty, 1);
    assert_int_equal(levels[1].qty, 0);
    assert_false(rf_market_book_stamp(market, 0).changed);
    order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 90, 1);
    assert_true(rf_market_book_stamp(market, 0).previous == stamp.update);
    for (int i = 0; i <= RF_MARKET_CHANGES; i++)
        order_event(market, RF_EVENT_ORDER_OPENED, RF_BUY, 1 + i, 1);
    assert_true(rf_market_book_stamp(market, 0).overflow);
}

static void ticker_forgets_after_a_day(void **state)
{
    rf_market *market = *state;
    rf_ticker ticker;
    rf_market_ticker(market, 0, 5 * DAY, &ticker);
    assert_false(ticker.traded);
    fill(market, 5 * DAY, RF_BUY, 100, 3);
    fill(market, 5 * DAY + HOUR, RF_SELL, 90, 2);
    fill(market, 5 * DAY + 2 * HOUR, RF_BUY, 120, 1);
    rf_market_ticker(market, 0, 5 * DAY + 3 * HOUR, &ticker);
    assert_int_equal(ticker.first, 100);
    assert_int_equal(ticker.high, 120);
    assert_int_equal(ticker.low, 90);
    assert_int_equal(ticker.last, 120);
    assert_int_equal((int64_t)ticker.volume, 6);
    assert_int_equal((int64_t)ticker.value, (300 + 180 + 120) * 1000);
    rf_market_ticker(market, 0, 6 * DAY + 30 * MINUTE, &ticker);
    assert_int_equal(ticker.first, 90);
    assert_int_equal((int64_t)ticker.volume, 3);
    rf_market_ticker(market, 0, 8 * DAY, &ticker);
    assert_false(ticker.traded);
    assert_int_equal(ticker.last, 120);
}

static void trades_newest_first(void **state)
{
    rf_market *market = *state;
    rf_trade rows[8];
    for (int i = 0; i < RF_MARKET_TRADES + 10; i++)
        fill(market, DAY + i, i % 2 ? RF_BUY : RF_SELL, 100 + i, 1);
    assert_int_equal(rf_market_trades(market, 0, 0, INT64_MAX, rows, 3), 3);
    assert_int_equal(rows[0].price, 100 + RF_MARKET_TRADES + 9);
    assert_int_equal(rows[0].side, RF_BUY);
    assert_int_equal(rows[1].side, RF_SELL);
    assert_int_equal(rf_market_trades(market, 0, DAY + 20, DAY + 23, rows, 8), 3);
    assert_int_equal(rows[2].price, 120);
    assert_int_equal(rf_market_trades(market, 0, 0, DAY + 10, rows, 8),
                     0); /* fell out of the ring */
}

static void bars_open_when_the_calendar_says(void **state)
{
    (void)state;
    static const struct {
        rf_timeframe timeframe;
        int64_t time, open, next;
    } rows[] = {
        /* 2023-11-14 22:13:20 */
        {RF_BARS_1M, 1700000000, 1699999980, 1700000040},
        {RF_BARS_4H, 1700000000, 1699992000, 1700006400},
        {RF_BARS_1D, 1700000000, 1699920000, 1700006400},
        {RF_BARS_7D, 1700000000, 1699833600, 1700438400},  /* Monday 2023-11-13 */
        {RF_BARS_14D, 1572220800, 1572220800, 1573430400}, /* 2019-10-28 */
        {RF_BARS_14D, 1572220799, 1571011200, 1572220800},
        {RF_BARS_MONTH, 1700000000, 1698796800, 1701388800}, /* 2023-11-01 to 12-01 */
        {RF_BARS_MONTH, 1709251199, 1706745600, 1709251200}, /* leap: 2024-02-29 23:59:59 */
        {RF_BARS_MONTH, 1704067200, 1704067200, 1706745600}, /* 2024-01-01 */
        {RF_BARS_MONTH, 0, 0, 2678400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t open = rf_bar_open(rows[i].timeframe, rows[i].time * 1000000000);
        assert_int_equal(open, rows[i].open * 1000000000);
        assert_int_equal(rf_bar_next(rows[i].timeframe, open), rows[i].next * 1000000000);
    }
}

static void bars_without_trades_are_flat(void **state)
{
    rf_market *market = *state;
    rf_bar rows[16];
    assert_int_equal(rf_market_bars(market, 0, RF_BARS_1M, 0, 2 * DAY, rows, 16), 0);
    fill(market, DAY + 5, RF_BUY, 100, 3);
    fill(market, DAY + 7, RF_BUY, 110, 1);
    fill(market, DAY + 9, RF_BUY, 105, 1);
    fill(market, DAY + 3 * MINUTE, RF_BUY, 90, 2);
    size_t count = rf_market_bars(market, 0, RF_BARS_1M, 0, DAY + 5 * MINUTE, rows, 16);
    assert_int_equal(count, 5);
    assert_int_equal(rows[0].open_ns, DAY);
    assert_int_equal(rows[0].open, 100);
    assert_int_equal(rows[0].high, 110);
    assert_int_equal(rows[0].low, 100);
    assert_int_equal(rows[0].close, 105);
    assert_int_equal(rows[0].volume, 5);
    assert_int_equal(rows[2].open, 105);
    assert_int_equal(rows[2].volume, 0);
    assert_int_equal(rows[3].open, 90);
    assert_int_equal(rows[4].close, 90);
    assert_int_equal(rf_market_bars(market, 0, RF_BARS_1M, DAY + MINUTE, DAY + 5 * MINUTE, rows, 2),
                     2);
    assert_int_equal(rows[0].open_ns, DAY + 3 * MINUTE);
    assert_int_equal(rf_market_bars(market, 0, RF_BARS_MONTH, 0, DAY + 5 * MINUTE, rows, 16), 1);
    assert_int_equal(rows[0].volume, 7);
}

static void fund_and_valuations(void **state)
{
    rf_market *market = *state;
    rf_sample rows[4];
    rf_event paid = {.kind = RF_EVENT_LEDGER,
                     .slot_from = RF_SLOT_WORLD,
                     .slot_to = RF_SLOT_INSURANCE,
                     .amount = 50,
                     .time_ns = DAY};
    rf_market_event(market, &paid);
    rf_event lost = {.kind = RF_EVENT_FILL,
                     .realized = -20,
                     .fee = 3,
                     .price = 7,
                     .qty = 1,
                     .leaves = 1,
                     .time_ns = DAY + MINUTE};
    lost.code = 1;
    rf_market_event(market, &lost);
    assert_int_equal(rf_market_insurance(market, 0, INT64_MAX, rows, 4), 2);
    assert_int_equal(rows[0].value, 27);
    assert_int_equal(rows[1].value, 50);
    rf_event mark = {
        .kind = RF_EVENT_MARK_PRICE, .price = 500, .value = 499, .time_ns = DAY + 2 * MINUTE + 5};
    rf_market_event(market, &mark);
    mark.price = 501;
    rf_market_event(market, &mark);
    assert_int_equal(rf_market_series(market, 0, RF_SERIES_MARK, 0, INT64_MAX, rows, 4), 1);
    assert_int_equal(rows[0].value, 501);
    assert_int_equal(rows[0].time_ns, DAY + 2 * MINUTE);
    rf_event settled = {.kind = RF_EVENT_FUNDING_SETTLED, .value = 12, .time_ns = 2 * DAY};
    rf_market_event(market, &settled);
    assert_int_equal(rf_market_series(market, 0, RF_SERIES_FUNDING_HIST, 0, INT64_MAX, rows, 4), 1);
    assert_int_equal(rows[0].value, 12);
}

static void liquidations_are_told_whole(void **state)
{
    rf_market *market = *state;
    rf_liquidation rows[4];
    rf_event start = {.kind = RF_EVENT_LIQUIDATION_STARTED,
                      .account = 3,
                      .isolation_id = 9,
                      .price = 100,
                      .qty = 5,
                      .amount = 40,
                      .value = 41,
                      .time_ns = DAY};
    rf_market_event(market, &start);
    start.isolation_id = 10;
    rf_market_event(market, &start);
    rf_event end = {.kind = RF_EVENT_LIQUIDATION_ENDED,
                    .account = 3,
                    .isolation_id = 9,
                    .qty = 3,
                    .value = 2,
                    .amount = 6,
                    .time_ns = DAY + 1};
    rf_market_event(market, &end);
    rf_event recovered = {.kind = RF_EVENT_LIQUIDATION_RECOVERED,
                          .account = 3,
                          .isolation_id = 10,
                          .time_ns = DAY + 2};
    rf_market_event(market, &recovered);
    assert_int_equal(rf_market_liquidations(market, rows, 4), 2);
    assert_true(rows[0].recovered);
    assert_int_equal(rows[1].isolation_id, 9);
    assert_int_equal(rows[1].closed, 3);
    assert_int_equal(rows[1].taken_over, 2);
    assert_int_equal(rows[1].to_fund, 6);
    assert_int_equal(rows[1].ended_ns, DAY + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_market, close_market)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(books_add_up),
        TEST(amended_orders_trade),
        TEST(changes_chain),
        TEST(ticker_forgets_after_a_day),
        TEST(trades_newest_first),
        TEST(bars_open_when_the_calendar_says),
        TEST(bars_without_trades_are_flat),
        TEST(fund_and_valuations),
        TEST(liquidations_are_told_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
