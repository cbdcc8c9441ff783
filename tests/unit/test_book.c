/* The book against the plainest one there is: an array of orders, searched from end to end. */
#include "tests/unit/engine_fixture.h"

#include "engine/book.h"
#include "engine/order.h"

enum { OPERATIONS = 1000000, FULL_CHECK_EVERY = 4096, LIVE_USUAL = 600, LIVE_MAX = 4000 };

typedef struct naive_order {
    uint32_t handle;
    uint64_t sequence; /* arrival */
    int64_t tick;
    rf_qty qty;
    uint8_t side;
} naive_order;

typedef struct naive_book {
    rf_engine *engine;
    naive_order orders[LIVE_MAX];
    uint32_t count;
    uint64_t sequence;
} naive_book;

static rf_instrument *instrument_of(const naive_book *venue)
{
    return &venue->engine->instruments[0];
}

static void add(naive_book *venue, uint8_t side, int64_t tick, rf_qty qty)
{
    const uint32_t handle = rf_order_take(venue->engine);
    assert_int_not_equal(handle, RF_NONE);
    rf_order *order = &venue->engine->orders[handle];
    order->price = tick * instrument_of(venue)->config.price_tick;
    order->leaves = qty;
    order->side = side;
    rf_book_insert(venue->engine, handle);
    venue->orders[venue->count++] = (naive_order){handle, venue->sequence++, tick, qty, side};
}

static void drop(naive_book *venue, uint32_t place)
{
    rf_book_remove(venue->engine, venue->orders[place].handle);
    rf_order_give_back(venue->engine, venue->orders[place].handle);
    venue->orders[place] = venue->orders[--venue->count];
}

static void reduce(naive_book *venue, uint32_t place, rf_qty by)
{
    rf_book_reduce(venue->engine, venue->orders[place].handle, by);
    venue->engine->orders[venue->orders[place].handle].leaves -= by;
    venue->orders[place].qty -= by;
}

/* Another price, another quantity, or both; less at the same price keeps its place. */
static void move(naive_book *venue, uint32_t place, int64_t tick, rf_qty qty)
{
    naive_order *naive = &venue->orders[place];
    rf_order *order = &venue->engine->orders[naive->handle];
    const rf_price old_price = order->price;
    const rf_qty old_leaves = order->leaves;
    order->price = tick * instrument_of(venue)->config.price_tick;
    order->leaves = qty;
    rf_book_move(venue->engine, naive->handle, old_price, old_leaves);
    if (tick != naive->tick || qty >= naive->qty)
        naive->sequence = venue->sequence++;
    naive->tick = tick;
    naive->qty = qty;
}

static bool goes_before(const naive_order *a, const naive_order *b)
{
    if (a->tick != b->tick)
        return a->side == RF_BUY ? a->tick > b->tick : a->tick < b->tick;
    return a->sequence < b->sequence;
}

/* The first of the side; NULL. */
static const naive_order *naive_best(const naive_book *venue, uint8_t side)
{
    const naive_order *best = NULL;
    for (uint32_t i = 0; i < venue->count; i++)
        if (venue->orders[i].side == side && (!best || goes_before(&venue->orders[i], best)))
            best = &venue->orders[i];
    return best;
}

static void check_best(const naive_book *venue)
{
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        const naive_order *best = naive_best(venue, side);
        const int64_t tick = instrument_of(venue)->config.price_tick;
        assert_int_equal(rf_book_best(venue->engine, instrument_of(venue), side),
                         best ? best->handle : RF_NONE);
        assert_true(rf_book_best_price(instrument_of(venue), side) ==
                    (best ? best->tick * tick : 0));
    }
}

static int compare(const void *a, const void *b)
{
    return goes_before(a, b) ? -1 : 1;
}

/* Every order in its queue, every level's sums, cut off at any number of levels. */
static void check_side(const naive_book *venue, uint8_t side)
{
    static naive_order sorted[LIVE_MAX];
    static rf_level levels[LIVE_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < venue->count; i++)
        if (venue->orders[i].side == side)
            sorted[count++] = venue->orders[i];
    qsort(sorted, count, sizeof *sorted, compare);
    uint32_t handle = rf_book_best(venue->engine, instrument_of(venue), side);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(handle, sorted[i].handle);
        handle = rf_book_next(venue->engine, instrument_of(venue), handle);
    }
    assert_int_equal(handle, RF_NONE);
    const size_t found =
        rf_book_levels(venue->engine, instrument_of(venue), side, levels, LIVE_MAX);
    size_t level = 0;
    for (uint32_t i = 0; i < count; level++) {
        const int64_t tick = sorted[i].tick;
        rf_qty qty = 0;
        uint32_t orders = 0;
        for (; i < count && sorted[i].tick == tick; i++, orders++)
            qty += sorted[i].qty;
        assert_true(level < found &&
                    levels[level].price == tick * instrument_of(venue)->config.price_tick);
        assert_true(levels[level].qty == qty && levels[level].orders == orders);
    }
    assert_int_equal(level, found);
    const size_t half = found / 2;
    assert_int_equal(rf_book_levels(venue->engine, instrument_of(venue), side, levels, half), half);
}

/* What the window's bitmaps say about its levels, word by word and depth by depth. */
static void check_bits(const naive_book *venue)
{
    const rf_book *book = &instrument_of(venue)->book;
    for (uint32_t cell = 0; cell < FIXTURE_WINDOW; cell++) {
        const bool bid = book->bits[RF_BUY][0][cell / 64] >> cell % 64 & 1;
        const bool ask = book->bits[RF_SELL][0][cell / 64] >> cell % 64 & 1;
        assert_false(bid && ask);
        assert_int_equal(bid || ask, book->levels[cell].count != 0);
    }
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++)
        for (uint32_t word = 0; word < FIXTURE_WINDOW / 64; word++)
            assert_int_equal(book->bits[side][1][word / 64] >> word % 64 & 1,
                             book->bits[side][0][word] != 0);
}

/* A tick of the side that does not cross: usually near the market, sometimes far out on either
 * side of it. */
static int64_t some_tick(const naive_book *venue, fixture_random *random, uint8_t side,
                         int64_t market)
{
    const int64_t reach = fixture_range(random, 0, 9);
    const int64_t away = reach < 6   ? fixture_range(random, 0, 40)
                         : reach < 9 ? fixture_range(random, 0, 3000)
                                     : fixture_range(random, 0, 60000);
    int64_t tick = side == RF_BUY ? market - away : market + away;
    const naive_order *other = naive_best(venue, rf_opposite(side));
    if (other && side == RF_BUY && tick >= other->tick)
        tick = other->tick - 1;
    if (other && side == RF_SELL && tick <= other->tick)
        tick = other->tick + 1;
    return tick;
}

static void operate(naive_book *venue, fixture_random *random, int64_t market)
{
    const int64_t kind = fixture_range(random, 0, 99);
    if (venue->count == 0 || (kind < 48 && venue->count < LIVE_USUAL)) {
        const uint8_t side = (uint8_t)fixture_range(random, 0, 1);
        const int64_t tick = some_tick(venue, random, side, market);
        if (tick > 0)
            add(venue, side, tick, fixture_range(random, 1, 1000));
        return;
    }
    uint32_t place = (uint32_t)fixture_range(random, 0, venue->count - 1);
    if (kind < 56 && venue->orders[place].qty > 1) {
        reduce(venue, place, fixture_range(random, 1, venue->orders[place].qty - 1));
        return;
    }
    /* Takers take the best: the side's best level empties often. */
    const naive_order *best = naive_best(venue, (uint8_t)fixture_range(random, 0, 1));
    if (kind % 2 == 1 && best)
        place = (uint32_t)(best - venue->orders);
    if (kind < 76) {
        const naive_order *order = &venue->orders[place];
        const int64_t tick =
            kind % 5 == 0 ? order->tick : some_tick(venue, random, order->side, market);
        if (tick > 0)
            move(venue, place, tick, fixture_range(random, 1, 1000));
        return;
    }
    drop(venue, place);
}

/* The market drifts, jumps by up to ten windows, and empties now and then. */
static int64_t drift(naive_book *venue, fixture_random *random, int64_t market)
{
    const int64_t kind = fixture_range(random, 0, 9999);
    if (kind < 5)
        market = fixture_range(random, 100, 10 * FIXTURE_WINDOW);
    else
        market = rf_max(100, market + fixture_range(random, -3, 3));
    if (kind == 9999)
        while (venue->count > 0)
            drop(venue, venue->count - 1);
    return market;
}

static void run_against_naive(rf_price price_tick, uint32_t operations)
{
    static naive_book venue;
    memset(&venue, 0, sizeof venue);
    venue.engine = fixture_engine();
    instrument_of(&venue)->config.price_tick = price_tick;
    fixture_random random = {(uint64_t)price_tick};
    int64_t market = 3 * FIXTURE_WINDOW;
    for (uint32_t step = 0; step < operations; step++) {
        market = drift(&venue, &random, market);
        operate(&venue, &random, market);
        check_best(&venue);
        if (step % FULL_CHECK_EVERY == 0) {
            check_side(&venue, RF_BUY);
            check_side(&venue, RF_SELL);
            check_bits(&venue);
        }
    }
    while (venue.count > 0)
        drop(&venue, (uint32_t)fixture_range(&random, 0, venue.count - 1));
    check_best(&venue);
    check_bits(&venue);
    assert_int_equal(venue.engine->orders_used, 0);
    assert_true(instrument_of(&venue)->book.best[RF_BUY] == RF_NO_TICK);
    fixture_free(venue.engine);
}

static void a_million_operations(void **state)
{
    (void)state;
    run_against_naive(5, OPERATIONS);
}

static void ticks_of_all_kinds(void **state)
{
    (void)state;
    const rf_price ticks[] = {1, 2, 3, 50, 64, 1000, 12500};
    for (uint32_t i = 0; i < sizeof ticks / sizeof *ticks; i++)
        run_against_naive(ticks[i], 20000);
}

/* One order placed and taken back; was the window moved for it? */
static uint32_t touch_price(naive_book *venue, int64_t tick)
{
    const int64_t before = instrument_of(venue)->book.base;
    const uint32_t place = venue->count;
    add(venue, RF_BUY, tick, 1);
    check_best(venue);
    drop(venue, place);
    check_best(venue);
    return instrument_of(venue)->book.base != before;
}

/* The best price jumps between two places that no one window can hold: a move takes 300 levels
 * along, a jump a step or two. */
static void jumping_prices_do_not_thrash(void **state)
{
    (void)state;
    enum { LEVELS = 300, JUMPS = 20000 };
    static naive_book venue;
    memset(&venue, 0, sizeof venue);
    venue.engine = fixture_engine();
    for (int64_t i = 0; i < LEVELS; i++)
        add(&venue, RF_BUY, 20000 - i, 1);
    uint32_t moves = 0;
    for (uint32_t jump = 0; jump < JUMPS; jump++) {
        moves += touch_price(&venue, 20000 + 4 * FIXTURE_WINDOW);
        moves += touch_price(&venue, 20001);
    }
    assert_true(moves > 0 && moves <= 4 * JUMPS / LEVELS + 2);
    check_side(&venue, RF_BUY);
    fixture_free(venue.engine);
}

/* Thousands of far levels, in the order that makes the list longest to walk: strides bound the
 * steps. */
static void long_far_lists(void **state)
{
    (void)state;
    enum { LEVELS = 3900, ROUNDS = 20000 };
    static naive_book venue;
    memset(&venue, 0, sizeof venue);
    venue.engine = fixture_engine();
    rf_book *book = &instrument_of(&venue)->book;
    fixture_random random = {91};
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        const int64_t sign = side == RF_BUY ? -1 : 1;
        add(&venue, side, 1000000 + sign, 1);
        book->debt_max = UINT32_MAX; /* the window stays: all that follows is far */
        for (int64_t i = 0; i < LEVELS; i++)
            add(&venue, side, 1000000 + sign * (100000 - 10 * i), 1);
        uint32_t most = 0;
        for (uint32_t round = 0; round < ROUNDS; round++) {
            const uint32_t place = (uint32_t)fixture_range(&random, 1, venue.count - 1);
            book->debt = 0;
            drop(&venue, place);
            add(&venue, side, 1000000 + sign * fixture_range(&random, 50000, 100000), 1);
            if (round > 100)
                most = book->debt > most ? book->debt : most;
            if (round % 1000 == 0)
                check_side(&venue, side);
        }
        assert_true(book->debt > 0 && most <= 2 * (4 * LEVELS / 64 + 3 * 64));
        while (venue.count > 0)
            drop(&venue, (uint32_t)fixture_range(&random, 0, venue.count - 1));
        assert_true(book->far[side] == RF_NONE && book->far_express[side] == RF_NONE);
    }
    fixture_free(venue.engine);
}

/* After a market that moved away for good the hot operations are inside the window again. */
static void window_follows_the_market(void **state)
{
    (void)state;
    static naive_book venue;
    memset(&venue, 0, sizeof venue);
    venue.engine = fixture_engine();
    const rf_book *book = &instrument_of(&venue)->book;
    for (int64_t i = 0; i < 100; i++) {
        add(&venue, RF_BUY, 5000 - i, 1);
        add(&venue, RF_SELL, 5001 + i, 1);
    }
    for (int64_t market = 5000; market < 9 * FIXTURE_WINDOW; market++) {
        while (naive_best(&venue, RF_SELL) && naive_best(&venue, RF_SELL)->tick <= market)
            drop(&venue, (uint32_t)(naive_best(&venue, RF_SELL) - venue.orders));
        add(&venue, RF_SELL, market + 50, 1);
        add(&venue, RF_BUY, market, 1);
        drop(&venue, (uint32_t)(naive_best(&venue, RF_BUY) - venue.orders));
    }
    const naive_order *ask = naive_best(&venue, RF_SELL);
    assert_true(ask->tick >= book->base && ask->tick < book->base + FIXTURE_WINDOW);
    check_side(&venue, RF_BUY);
    check_side(&venue, RF_SELL);
    check_bits(&venue);
    fixture_free(venue.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_operations),         cmocka_unit_test(ticks_of_all_kinds),
        cmocka_unit_test(jumping_prices_do_not_thrash), cmocka_unit_test(long_far_lists),
        cmocka_unit_test(window_follows_the_market),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
