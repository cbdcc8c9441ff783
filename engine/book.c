/* A tick t inside [base, base + window_ticks) has its level at levels[t & (window_ticks - 1)]: the
 * window is a ring, so it moves by moving base, and only the levels of the two strips that it
 * leaves and enters are touched. Every level outside stands in the far list of its side, best
 * first; that can be on either end of the window. An express lane over the far list links some of
 * its levels: a walk that took long leaves a stop at every FAR_STRIDEth level behind it, so that a
 * list grown long is walked by strides.
 *
 * Steps in far lists are counted as debt. When the debt exceeds what the last move of the window
 * cost, and the market is not in the middle half of the window, the window moves there: moving
 * is paid by what it saves, and prices that jump back and forth cannot make it thrash. */
#include "engine/book.h"

#include "engine/prefetch.h"

enum { DEBT_MIN = 64, FAR_STRIDE = 64 };

/* ---- Bitmap over the ring -------------------------------------------------------------------- */

static void bits_set(uint64_t *const bits[RF_BITMAP_DEPTH], uint64_t cell)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        uint64_t *word = &bits[depth][cell >> 6];
        const uint64_t before = *word;
        *word = before | (uint64_t)1 << (cell & 63);
        if (before != 0)
            return; /* the words above know */
        cell >>= 6;
    }
}

static void bits_clear(uint64_t *const bits[RF_BITMAP_DEPTH], uint64_t cell)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        uint64_t *word = &bits[depth][cell >> 6];
        *word &= ~((uint64_t)1 << (cell & 63));
        if (*word != 0)
            return;
        cell >>= 6;
    }
}

/* The nearest cell at or below; -1: none. */
static int64_t bits_down(uint64_t *const bits[RF_BITMAP_DEPTH], uint64_t cell)
{
    uint64_t found = bits[0][cell >> 6] & (~(uint64_t)0 >> (63 - (cell & 63)));
    uint32_t depth = 0;
    while (found == 0) {
        if (++depth == RF_BITMAP_DEPTH)
            return -1;
        cell >>= 6;
        found = bits[depth][cell >> 6] & (((uint64_t)1 << (cell & 63)) - 1);
    }
    cell = (cell & ~(uint64_t)63) | (uint64_t)(63 - __builtin_clzll(found));
    while (depth > 0)
        cell = cell << 6 | (uint64_t)(63 - __builtin_clzll(bits[--depth][cell]));
    return (int64_t)cell;
}

/* The nearest cell at or above; -1: none. */
static int64_t bits_up(uint64_t *const bits[RF_BITMAP_DEPTH], uint64_t cell)
{
    uint64_t found = bits[0][cell >> 6] & (~(uint64_t)0 << (cell & 63));
    uint32_t depth = 0;
    while (found == 0) {
        if (++depth == RF_BITMAP_DEPTH)
            return -1;
        cell >>= 6;
        found = bits[depth][cell >> 6] & (~(uint64_t)0 << (cell & 63) << 1);
    }
    cell = (cell & ~(uint64_t)63) | (uint64_t)__builtin_ctzll(found);
    while (depth > 0)
        cell = cell << 6 | (uint64_t)__builtin_ctzll(bits[--depth][cell]);
    return (int64_t)cell;
}

/* ---- Ticks and levels ------------------------------------------------------------------------ */

/* A price is a whole number of ticks, so dividing is multiplying by the inverse of the tick's
 * odd part. */
static int64_t tick_of(const rf_book *book, rf_price price)
{
    return (int64_t)(((uint64_t)price >> book->tick_shift) * book->tick_inverse);
}

static void prepare_tick(rf_book *book, rf_price tick)
{
    RF_CHECK(tick > 0 && book->orders[RF_BUY] + book->orders[RF_SELL] == 0);
    book->tick = tick;
    book->tick_shift = (uint32_t)__builtin_ctzll((uint64_t)tick);
    const uint64_t odd = (uint64_t)tick >> book->tick_shift;
    uint64_t inverse = odd; /* right in 3 bits; each step doubles them */
    for (uint32_t i = 0; i < 5; i++)
        inverse *= 2 - odd * inverse;
    book->tick_inverse = inverse;
}

static uint64_t ring_mask(const rf_engine *engine)
{
    return (uint64_t)engine->limits.window_ticks - 1;
}

static bool in_window(const rf_engine *engine, const rf_book *book, int64_t tick)
{
    return (uint64_t)(tick - book->base) <= ring_mask(engine);
}

static rf_book_level *window_level(const rf_engine *engine, const rf_book *book, int64_t tick)
{
    return &book->levels[(uint64_t)tick & ring_mask(engine)];
}

static int64_t worse_by_one(uint8_t side, int64_t tick)
{
    return tick - rf_sign(side);
}

/* The best level of the window at this tick or worse, which may lie outside; RF_NO_TICK: none. A
 * search that runs over the ring's seam can come back to levels that are better: they lie beyond
 * the window's end. */
static int64_t window_from(const rf_engine *engine, const rf_book *book, uint8_t side, int64_t tick)
{
    const uint64_t mask = ring_mask(engine);
    const int64_t low = book->base, high = low + (int64_t)mask;
    if (side == RF_BUY) {
        tick = rf_min(tick, high);
        if (tick < low)
            return RF_NO_TICK;
        int64_t cell = bits_down(book->bits[side], (uint64_t)tick & mask);
        if (cell < 0)
            cell = bits_down(book->bits[side], mask);
        const int64_t found = tick - (int64_t)(((uint64_t)tick - (uint64_t)cell) & mask);
        return cell < 0 || found < low ? RF_NO_TICK : found;
    }
    tick = rf_max(tick, low);
    if (tick > high)
        return RF_NO_TICK;
    int64_t cell = bits_up(book->bits[side], (uint64_t)tick & mask);
    if (cell < 0)
        cell = bits_up(book->bits[side], 0);
    const int64_t found = tick + (int64_t)(((uint64_t)cell - (uint64_t)tick) & mask);
    return cell < 0 || found > high ? RF_NO_TICK : found;
}

/* ---- Far levels ------------------------------------------------------------------------------ */

#define EXPRESS \
    (1u << 31) /* in far_next: this level is a stop; the next one is in the other bits */

/* A place in a far list: between the last level better than a tick and the first at it or worse. */
typedef struct far_place {
    uint32_t stop; /* last stop of the express lane before it */
    uint32_t prev, next;
    uint32_t steps;  /* taken to get here */
    uint32_t walked; /* of these, along the list */
} far_place;

static uint32_t stop_after(const rf_engine *engine, const rf_book *book, uint8_t side,
                           uint32_t stop)
{
    return stop == RF_NONE ? book->far_express[side]
                           : engine->far_levels[stop].level.far_next & ~EXPRESS;
}

static void set_stop_after(rf_engine *engine, rf_book *book, uint8_t side, uint32_t stop,
                           uint32_t next)
{
    if (stop == RF_NONE)
        book->far_express[side] = next;
    else
        engine->far_levels[stop].level.far_next = EXPRESS | next;
}

static bool far_better(const rf_engine *engine, uint8_t side, uint32_t far, int64_t tick)
{
    return far != RF_NONE && rf_is_better(side, engine->far_levels[far].tick, tick);
}

/* Goes on to this tick, which is not better than where the place is. */
static void far_advance(const rf_engine *engine, const rf_book *book, uint8_t side, int64_t tick,
                        far_place *place)
{
    uint32_t stop = stop_after(engine, book, side, place->stop);
    for (; far_better(engine, side, stop, tick); stop = stop_after(engine, book, side, stop)) {
        place->stop = stop;
        place->steps++;
    }
    if (place->stop != RF_NONE &&
        (place->prev == RF_NONE ||
         far_better(engine, side, place->prev, engine->far_levels[place->stop].tick))) {
        place->prev = place->stop;
        place->next = engine->far_levels[place->stop].next;
        place->walked = 0;
    }
    for (; far_better(engine, side, place->next, tick);
         place->next = engine->far_levels[place->next].next) {
        place->prev = place->next;
        place->walked++;
        place->steps++;
    }
}

static far_place far_seek(const rf_engine *engine, const rf_book *book, uint8_t side, int64_t tick)
{
    far_place place = {.next = book->far[side], .steps = 1};
    far_advance(engine, book, side, tick, &place);
    return place;
}

/* The same for who may change the book: a long walk along the list puts up stops. */
static far_place far_seek_and_mark(rf_engine *engine, rf_book *book, uint8_t side, int64_t tick)
{
    far_place place = far_seek(engine, book, side, tick);
    if (place.walked < 2 * FAR_STRIDE)
        return place;
    uint32_t walked = 0;
    uint32_t far = place.stop == RF_NONE ? book->far[side] : engine->far_levels[place.stop].next;
    for (; far != place.next; far = engine->far_levels[far].next) {
        if (++walked % FAR_STRIDE != 0)
            continue;
        const uint32_t next = stop_after(engine, book, side, place.stop);
        set_stop_after(engine, book, side, place.stop, far);
        engine->far_levels[far].level.far_next = EXPRESS | next;
        place.stop = far;
    }
    return place;
}

/* A new level at the place, which becomes the one before. */
static rf_book_level *far_add(rf_engine *engine, rf_book *book, uint8_t side, int64_t tick,
                              far_place *place)
{
    uint32_t far = engine->far_free;
    if (far != RF_NONE)
        engine->far_free = engine->far_levels[far].next;
    else
        far = engine->far_fresh++;
    RF_CHECK(far != RF_NONE && far <= engine->limits.orders_max); /* each has an order */
    engine->far_levels[far] =
        (rf_far_level){.tick = tick, .prev = place->prev, .next = place->next};
    if (place->prev != RF_NONE)
        engine->far_levels[place->prev].next = far;
    else
        book->far[side] = far;
    if (place->next != RF_NONE)
        engine->far_levels[place->next].prev = far;
    place->prev = far;
    return &engine->far_levels[far].level;
}

/* Drops the level after the place, which stays where it is. */
static void far_drop(rf_engine *engine, rf_book *book, uint8_t side, far_place *place)
{
    const uint32_t far = place->next;
    rf_far_level *level = &engine->far_levels[far];
    if (level->level.far_next != 0) {
        RF_CHECK(stop_after(engine, book, side, place->stop) == far);
        set_stop_after(engine, book, side, place->stop, level->level.far_next & ~EXPRESS);
    }
    place->next = level->next;
    if (place->prev != RF_NONE)
        engine->far_levels[place->prev].next = level->next;
    else
        book->far[side] = level->next;
    if (level->next != RF_NONE)
        engine->far_levels[level->next].prev = place->prev;
    level->next = engine->far_free;
    engine->far_free = far;
}

/* The far level of a tick where orders rest. */
static uint32_t far_at(const rf_engine *engine, const rf_book *book, uint8_t side, int64_t tick)
{
    const far_place place = far_seek(engine, book, side, tick);
    RF_CHECK(place.next != RF_NONE && engine->far_levels[place.next].tick == tick);
    return place.next;
}

static rf_book_level *level_at(const rf_engine *engine, const rf_book *book, uint8_t side,
                               int64_t tick)
{
    if (in_window(engine, book, tick))
        return window_level(engine, book, tick);
    return &engine->far_levels[far_at(engine, book, side, tick)].level;
}

/* The best level at this tick or worse, wherever it stands; RF_NO_TICK: none. */
static int64_t best_from(const rf_engine *engine, const rf_book *book, uint8_t side, int64_t tick)
{
    const int64_t near = window_from(engine, book, side, tick);
    if (book->far[side] == RF_NONE)
        return near;
    const uint32_t found = far_seek(engine, book, side, tick).next;
    if (found == RF_NONE)
        return near;
    const int64_t far = engine->far_levels[found].tick;
    return near == RF_NO_TICK || rf_is_better(side, far, near) ? far : near;
}

/* ---- Moving the window ----------------------------------------------------------------------- */

static void move_level(rf_book_level *from, rf_book_level *to)
{
    to->qty = from->qty;
    to->first = from->first;
    to->last = from->last;
    to->count = from->count;
    *from = (rf_book_level){0};
}

/* Takes the window's levels from low to high, best first, into the far list. Returns how many. */
static uint32_t move_out(rf_engine *engine, rf_book *book, uint8_t side, int64_t low, int64_t high)
{
    uint32_t moved = 0;
    far_place place = {.next = book->far[side]};
    int64_t tick = window_from(engine, book, side, side == RF_BUY ? high : low);
    for (; tick != RF_NO_TICK && tick >= low && tick <= high; moved++) {
        far_advance(engine, book, side, tick, &place);
        move_level(window_level(engine, book, tick), far_add(engine, book, side, tick, &place));
        bits_clear(book->bits[side], (uint64_t)tick & ring_mask(engine));
        tick = window_from(engine, book, side, worse_by_one(side, tick));
    }
    return moved;
}

/* Takes the far levels that lie in the window now out of the list. Returns how many. */
static uint32_t move_in(rf_engine *engine, rf_book *book, uint8_t side)
{
    uint32_t moved = 0;
    const int64_t first = side == RF_BUY ? book->base + (int64_t)ring_mask(engine) : book->base;
    far_place place = far_seek(engine, book, side, first);
    for (; place.next != RF_NONE; moved++) {
        const rf_far_level *level = &engine->far_levels[place.next];
        const int64_t tick = level->tick;
        if (!in_window(engine, book, tick))
            break;
        rf_book_level moving = level->level;
        far_drop(engine, book, side, &place);
        move_level(&moving, window_level(engine, book, tick));
        bits_set(book->bits[side], (uint64_t)tick & ring_mask(engine));
    }
    return moved;
}

static uint32_t move_window(rf_engine *engine, rf_book *book, int64_t base)
{
    const int64_t last = (int64_t)ring_mask(engine), old = book->base;
    uint32_t moved = 0;
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        if (base > old)
            moved += move_out(engine, book, side, old, base - 1);
        else
            moved += move_out(engine, book, side, base + last + 1, old + last);
    }
    book->base = base;
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++)
        moved += move_in(engine, book, side);
    return moved;
}

/* Between the best prices where one window can hold both, else around the tick that asks. */
static int64_t market_of(const rf_engine *engine, const rf_book *book, int64_t tick)
{
    if (book->orders[RF_BUY] == 0 || book->orders[RF_SELL] == 0)
        return book->best[book->orders[RF_BUY] == 0 ? RF_SELL : RF_BUY];
    const int64_t spread = book->best[RF_SELL] - book->best[RF_BUY];
    return spread <= (int64_t)(ring_mask(engine) / 2) ? book->best[RF_BUY] + spread / 2 : tick;
}

/* Counts steps that a window in a better place would have saved; moves it when they are enough. */
static void add_debt(rf_engine *engine, rf_book *book, uint32_t steps, int64_t tick)
{
    book->debt += steps;
    if (book->debt <= book->debt_max || book->orders[RF_BUY] + book->orders[RF_SELL] == 0)
        return;
    const int64_t window = (int64_t)engine->limits.window_ticks;
    const int64_t base = rf_max(0, market_of(engine, book, tick) - window / 2);
    book->debt = 0;
    if (base - book->base < window / 4 && book->base - base < window / 4)
        return;
    book->debt_max = (uint32_t)rf_max(DEBT_MIN, move_window(engine, book, base));
}

/* ---- Orders ---------------------------------------------------------------------------------- */

static void append(rf_engine *engine, rf_book_level *level, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    uint32_t *before =
        level->last != RF_NONE ? &engine->orders[level->last].level_next : &level->first;
    hot->level_prev = level->last;
    hot->level_next = RF_NONE;
    *before = order;
    level->last = order;
    level->count++;
    level->qty = rf_add(level->qty, hot->leaves);
}

/* leaves: what the level counts for it. */
static void take_off(rf_engine *engine, rf_book_level *level, uint32_t order, rf_qty leaves)
{
    rf_order *hot = &engine->orders[order];
    const uint32_t prev = hot->level_prev, next = hot->level_next;
    uint32_t *before = prev != RF_NONE ? &engine->orders[prev].level_next : &level->first;
    uint32_t *after = next != RF_NONE ? &engine->orders[next].level_prev : &level->last;
    *before = next;
    *after = prev;
    hot->level_prev = hot->level_next = RF_NONE;
    level->count--;
    level->qty = rf_sub(level->qty, leaves);
}

static uint32_t insert_far(rf_engine *engine, rf_book *book, uint8_t side, int64_t tick,
                           uint32_t order)
{
    far_place place = far_seek_and_mark(engine, book, side, tick);
    const bool found = place.next != RF_NONE && engine->far_levels[place.next].tick == tick;
    rf_book_level *level =
        found ? &engine->far_levels[place.next].level : far_add(engine, book, side, tick, &place);
    append(engine, level, order);
    return place.steps;
}

/* The window of an empty book lies wherever its first order wants it. */
static bool lies_near(const rf_engine *engine, rf_book *book, int64_t tick)
{
    if (in_window(engine, book, tick))
        return true;
    if (book->orders[RF_BUY] + book->orders[RF_SELL] != 0)
        return false;
    book->base = rf_max(0, tick - (int64_t)(engine->limits.window_ticks / 2));
    return true;
}

void rf_book_insert(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_instrument *instrument = &engine->instruments[hot->instrument];
    rf_book *book = &instrument->book;
    const uint8_t side = hot->side;
    if (__builtin_expect(book->tick != instrument->config.price_tick, 0))
        prepare_tick(book, instrument->config.price_tick);
    const int64_t tick = tick_of(book, hot->price);
    RF_CHECK(tick > 0 && rf_mul(tick, book->tick) == hot->price);
    const bool near = lies_near(engine, book, tick);
    if (book->orders[side] == 0 || rf_is_better(side, tick, book->best[side]))
        book->best[side] = tick;
    book->orders[side]++;
    if (near) {
        rf_book_level *level = window_level(engine, book, tick);
        if (level->count == 0)
            bits_set(book->bits[side], (uint64_t)tick & ring_mask(engine));
        append(engine, level, order);
    } else {
        add_debt(engine, book, insert_far(engine, book, side, tick, order), tick);
    }
}

/* The level that this order was the last of is gone. */
static void next_best(rf_engine *engine, rf_book *book, uint8_t side, int64_t tick)
{
    if (tick != book->best[side])
        return;
    book->best[side] = book->orders[side] == 0 ? RF_NO_TICK : best_from(engine, book, side, tick);
}

static void remove_far(rf_engine *engine, rf_book *book, uint8_t side, int64_t tick, uint32_t order,
                       rf_qty leaves)
{
    far_place place = far_seek_and_mark(engine, book, side, tick);
    RF_CHECK(place.next != RF_NONE && engine->far_levels[place.next].tick == tick);
    rf_book_level *level = &engine->far_levels[place.next].level;
    take_off(engine, level, order, leaves);
    if (level->count == 0) {
        far_drop(engine, book, side, &place);
        next_best(engine, book, side, tick);
    }
    add_debt(engine, book, place.steps, tick);
}

static void remove_at(rf_engine *engine, rf_book *book, uint8_t side, rf_price price,
                      uint32_t order, rf_qty leaves)
{
    const int64_t tick = tick_of(book, price);
    book->orders[side]--;
    if (!in_window(engine, book, tick)) {
        remove_far(engine, book, side, tick, order, leaves);
        return;
    }
    rf_book_level *level = window_level(engine, book, tick);
    take_off(engine, level, order, leaves);
    if (level->count != 0)
        return;
    bits_clear(book->bits[side], (uint64_t)tick & ring_mask(engine));
    next_best(engine, book, side, tick);
}

void rf_book_remove(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_book *book = &engine->instruments[hot->instrument].book;
    remove_at(engine, book, hot->side, hot->price, order, hot->leaves);
}

/* Both ticks are in the window. The new level is there before the old one goes: where that was the
 * best, the new one is most often the next best, and found at once. */
static void move_near(rf_engine *engine, rf_book *book, uint32_t order, int64_t from, int64_t to,
                      rf_qty old_leaves)
{
    const uint8_t side = engine->orders[order].side;
    const uint64_t mask = ring_mask(engine), old_cell = (uint64_t)from & mask,
                   new_cell = (uint64_t)to & mask;
    rf_book_level *old = &book->levels[old_cell], *new = &book->levels[new_cell];
    take_off(engine, old, order, old_leaves);
    if (new->count == 0)
        bits_set(book->bits[side], new_cell);
    append(engine, new, order);
    if (rf_is_better(side, to, book->best[side]))
        book->best[side] = to;
    if (old->count != 0)
        return;
    bits_clear(book->bits[side], old_cell);
    next_best(engine, book, side, from);
}

void rf_book_move(rf_engine *engine, uint32_t order, rf_price old_price, rf_qty old_leaves)
{
    const rf_order *hot = &engine->orders[order];
    rf_book *book = &engine->instruments[hot->instrument].book;
    const int64_t from = tick_of(book, old_price), to = tick_of(book, hot->price);
    RF_CHECK(to > 0 && to * book->tick == hot->price);
    if (from == to && hot->leaves < old_leaves) {
        rf_book_level *level = level_at(engine, book, hot->side, to);
        level->qty = rf_sub(level->qty, old_leaves - hot->leaves);
    } else if (in_window(engine, book, from) && in_window(engine, book, to)) {
        move_near(engine, book, order, from, to, old_leaves);
    } else {
        remove_at(engine, book, hot->side, old_price, order, old_leaves);
        rf_book_insert(engine, order);
    }
}

void rf_book_reduce(rf_engine *engine, uint32_t order, rf_qty by)
{
    const rf_order *hot = &engine->orders[order];
    const rf_book *book = &engine->instruments[hot->instrument].book;
    rf_book_level *level = level_at(engine, book, hot->side, tick_of(book, hot->price));
    level->qty = rf_sub(level->qty, by);
}

/* ---- Reading --------------------------------------------------------------------------------- */

uint32_t rf_book_best(const rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    const rf_book *book = &instrument->book;
    return book->orders[side] == 0 ? RF_NONE
                                   : level_at(engine, book, side, book->best[side])->first;
}

uint32_t rf_book_next(const rf_engine *engine, const rf_instrument *instrument, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    if (hot->level_next != RF_NONE)
        return hot->level_next;
    const rf_book *book = &instrument->book;
    const int64_t tick =
        best_from(engine, book, hot->side, worse_by_one(hot->side, tick_of(book, hot->price)));
    return tick == RF_NO_TICK ? RF_NONE : level_at(engine, book, hot->side, tick)->first;
}

rf_price rf_book_best_price(const rf_instrument *instrument, uint8_t side)
{
    const rf_book *book = &instrument->book;
    return book->orders[side] == 0 ? 0 : book->best[side] * book->tick;
}

size_t rf_book_levels(const rf_engine *engine, const rf_instrument *instrument, uint8_t side,
                      rf_level *levels, size_t max)
{
    const rf_book *book = &instrument->book;
    size_t count = 0;
    uint32_t far = book->far[side];
    int64_t near =
        book->orders[side] == 0 ? RF_NO_TICK : window_from(engine, book, side, book->best[side]);
    while (count < max && (far != RF_NONE || near != RF_NO_TICK)) {
        const bool from_far =
            far != RF_NONE &&
            (near == RF_NO_TICK || rf_is_better(side, engine->far_levels[far].tick, near));
        const int64_t tick = from_far ? engine->far_levels[far].tick : near;
        const rf_book_level *level =
            from_far ? &engine->far_levels[far].level : window_level(engine, book, near);
        levels[count++] =
            (rf_level){.price = tick * book->tick, .qty = level->qty, .orders = level->count};
        if (from_far)
            far = engine->far_levels[far].next;
        else
            near = window_from(engine, book, side, worse_by_one(side, near));
    }
    return count;
}

/* ---- Prefetching ----------------------------------------------------------------------------- */

void rf_book_fetch(const rf_engine *engine, const rf_instrument *instrument, rf_price price)
{
    const rf_book *book = &instrument->book;
    rf_fetch(window_level(engine, book, tick_of(book, price)));
}

uint32_t rf_book_guess_last(const rf_engine *engine, const rf_instrument *instrument,
                            rf_price price)
{
    const rf_book *book = &instrument->book;
    return window_level(engine, book, tick_of(book, price))->last;
}

uint32_t rf_book_guess_best(const rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    const rf_book *book = &instrument->book;
    return book->orders[side] == 0 ? RF_NONE : window_level(engine, book, book->best[side])->first;
}
