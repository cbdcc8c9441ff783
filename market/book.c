/* Books from events. An order adds its rest to its level when it opens; fills, amendments and the
 * end of the order take it off again. A level without orders goes. */
#include <string.h>

#include "base/check.h"
#include "market/state.h"

static bool better(rf_side side, int64_t a, int64_t b)
{
    return side == RF_BUY ? a > b : a < b;
}

/* Where a price is or belongs: in each lane the link that points at it or behind its place. */
typedef struct place {
    uint32_t *links[MARKET_LANES];
} place;

static uint32_t find(rf_market *market, market_side *half, rf_side side, int64_t price, place *at)
{
    uint32_t before = 0; /* the level that the links belong to; 0 = the side itself */
    for (int lane = MARKET_LANES - 1; lane >= 0; lane--) {
        uint32_t *link = before ? &market->levels[before].next[lane] : &half->best[lane];
        while (*link && better(side, market->levels[*link].price, price)) {
            before = *link;
            link = &market->levels[before].next[lane];
        }
        at->links[lane] = link;
    }
    const uint32_t level = *at->links[0];
    return level && market->levels[level].price == price ? level : 0;
}

static uint64_t hash_of(int64_t price)
{
    uint64_t hash = (uint64_t)price * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 32;
}

/* How many lanes a price is in: always the same, and as if drawn. */
static int lanes_of(int64_t price)
{
    uint64_t hash = hash_of(price);
    int lanes = 1;
    for (; lanes < MARKET_LANES && (hash & 3) == 0; hash >>= 2)
        lanes++;
    return lanes;
}

static uint32_t take_level(rf_market *market)
{
    uint32_t level = market->levels_free;
    if (level) {
        market->levels_free = market->levels[level].next[0];
        return level;
    }
    return market->levels_used < market->levels_max ? ++market->levels_used : 0;
}

static uint32_t insert(rf_market *market, const place *at, int64_t price)
{
    const uint32_t level = take_level(market);
    /* Every level holds an order, and there are no more orders than levels. */
    RF_CHECK(level);
    market->levels[level] = (market_level){.price = price};
    for (int lane = lanes_of(price) - 1; lane >= 0; lane--) {
        market->levels[level].next[lane] = *at->links[lane];
        *at->links[lane] = level;
    }
    return level;
}

static void remove_level(rf_market *market, const place *at, uint32_t level)
{
    for (int lane = 0; lane < MARKET_LANES; lane++)
        if (*at->links[lane] == level)
            *at->links[lane] = market->levels[level].next[lane];
    market->levels[level].next[0] = market->levels_free;
    market->levels_free = level;
}

void rf_market_lay_start(market_side *half, market_lay *lay)
{
    *lay = (market_lay){.half = half};
    for (int lane = 0; lane < MARKET_LANES; lane++)
        lay->ends[lane] = &half->best[lane];
}

bool rf_market_lay_level(rf_market *market, market_lay *lay, rf_side side, const rf_level *given)
{
    if ((lay->any && !better(side, lay->last, given->price)) ||
        market->levels_used == market->levels_max)
        return false;
    const uint32_t number = ++market->levels_used;
    market_level *level = &market->levels[number];
    *level = (market_level){.price = given->price, .qty = given->qty, .orders = given->orders};
    for (int lane = lanes_of(given->price) - 1; lane >= 0; lane--) {
        *lay->ends[lane] = number;
        lay->ends[lane] = &level->next[lane];
    }
    lay->any = true;
    lay->last = given->price;
    return true;
}

void rf_market_rest_books(rf_market *market)
{
    market->resting = true;
    market->levels_used = market->levels_free = 0;
    for (uint32_t i = 0; i < market->instruments_max; i++)
        for (unsigned side = 0; side < 2; side++)
            memset(market->instruments[i].sides[side].best, 0,
                   sizeof market->instruments[i].sides[side].best);
}

void rf_market_lay_book(rf_market *market, uint32_t instrument, rf_side side,
                        const rf_level *levels, size_t count)
{
    market_lay lay;
    rf_market_lay_start(&market->instruments[instrument].sides[side], &lay);
    for (size_t i = 0; i < count; i++)
        RF_CHECK(rf_market_lay_level(market, &lay, side, &levels[i]));
}

void rf_market_follow_books(rf_market *market)
{
    market->resting = false;
}

/* Where a price stands in the table of changes, or would. */
static uint16_t *change_slot(market_side *half, int64_t price)
{
    size_t at = hash_of(price) % MARKET_CHANGE_SLOTS;
    while (half->change_slots[at] && half->changes[half->change_slots[at] - 1] != price)
        at = (at + 1) % MARKET_CHANGE_SLOTS;
    return &half->change_slots[at];
}

/* Once there were too many, all are told by a snapshot: nothing more to remember. */
static void note_change(market_side *half, int64_t price)
{
    if (half->overflow)
        return;
    uint16_t *slot = change_slot(half, price);
    if (*slot)
        return;
    if (half->changes_count == RF_MARKET_CHANGES) {
        half->overflow = true;
        return;
    }
    half->changes[half->changes_count++] = price;
    *slot = (uint16_t)half->changes_count;
}

static void forget_changes(market_side *half)
{
    if (half->changes_count > 0)
        memset(half->change_slots, 0, sizeof half->change_slots);
    half->changes_count = 0;
    half->overflow = false;
}

static void move_level(rf_market *market, market_side *half, rf_side side, int64_t price,
                       int64_t qty, int orders)
{
    place at;
    uint32_t number = find(market, half, side, price, &at);
    if (!number)
        number = insert(market, &at, price);
    market_level *level = &market->levels[number];
    level->qty += qty;
    level->orders += (uint32_t)orders;
    RF_CHECK(level->qty >= 0);
    if (level->orders == 0)
        remove_level(market, &at, number);
    note_change(half, price);
}

static void change_level(rf_market *market, const rf_event *event, int64_t price, int64_t qty,
                         int orders)
{
    market_instrument *instrument = &market->instruments[event->instrument];
    rf_side side = event->side == RF_BUY ? RF_BUY : RF_SELL;
    if (market->resting)
        instrument->sides[side].overflow = true; /* who wants to know is told all */
    else
        move_level(market, &instrument->sides[side], side, price, qty, orders);
    instrument->changed = true;
    instrument->update = event->seq;
    instrument->update_time_ns = event->time_ns;
}

/* An order that was amended leaves its level for another, and is told to stand there before it is seen
 * whether it trades at once. */
static void amend(rf_market *market, const rf_event *event)
{
    market->amended = (market_amended){0};
    change_level(market, event, event->value, -event->qty, -1);
    if (event->leaves == 0)
        return;
    change_level(market, event, event->price, event->leaves, 1);
    market->amended = (market_amended){
        .seq = event->seq, .order = event->order_id, .price = event->price, .qty = event->leaves};
}

/* What the same command does to the order that it has amended. */
static void trade_amended(rf_market *market, const rf_event *event)
{
    change_level(market, event, market->amended.price, -event->qty, 0);
    market->amended.qty -= event->qty;
}

static void close_amended(rf_market *market, const rf_event *event)
{
    change_level(market, event, market->amended.price, -market->amended.qty, -1);
    market->amended = (market_amended){0};
}

void rf_market_book_event(rf_market *market, const rf_event *event)
{
    const bool amended = market->amended.order != 0 && market->amended.seq == event->seq &&
                         market->amended.order == event->order_id;
    if (event->kind == RF_EVENT_ORDER_OPENED)
        change_level(market, event, event->price, event->leaves, 1);
    if (event->kind == RF_EVENT_FILL && amended)
        trade_amended(market, event);
    else if (event->kind == RF_EVENT_FILL && event->code == 0)
        change_level(market, event, event->price, -event->qty, event->leaves == 0 ? -1 : 0);
    if (event->kind == RF_EVENT_ORDER_CLOSED && amended)
        close_amended(market, event);
    else if (event->kind == RF_EVENT_ORDER_CLOSED && event->leaves > 0)
        change_level(market, event, event->price, -event->leaves, -1);
    if (event->kind == RF_EVENT_ORDER_AMENDED && event->qty > 0)
        amend(market, event);
}

size_t rf_market_book(const rf_market *market, uint32_t instrument, rf_side side, rf_level *levels,
                      size_t max)
{
    size_t count = 0;
    uint32_t at = market->instruments[instrument].sides[side].best[0];
    for (; at && count < max; at = market->levels[at].next[0], count++) {
        const market_level *level = &market->levels[at];
        levels[count] =
            (rf_level){.price = level->price, .qty = level->qty, .orders = level->orders};
    }
    return count;
}

static void sort_prices(int64_t *prices, uint32_t count, rf_side side)
{
    for (uint32_t i = 1; i < count; i++) {
        int64_t price = prices[i];
        uint32_t at = i;
        for (; at > 0 && better(side, price, prices[at - 1]); at--)
            prices[at] = prices[at - 1];
        prices[at] = price;
    }
}

size_t rf_market_take_changes(rf_market *market, uint32_t instrument, rf_side side,
                              rf_level *levels, size_t max)
{
    market_instrument *row = &market->instruments[instrument];
    market_side *half = &row->sides[side];
    sort_prices(half->changes, half->changes_count, side);
    size_t count = 0;
    for (uint32_t i = 0; i < half->changes_count && count < max; i++) {
        int64_t price = half->changes[i];
        place at;
        const uint32_t there = find(market, half, side, price, &at);
        const market_level *level = &market->levels[there];
        levels[count++] = (rf_level){
            .price = price, .qty = there ? level->qty : 0, .orders = there ? level->orders : 0};
    }
    forget_changes(half);
    row->changed = row->sides[!side].changes_count > 0 || row->sides[!side].overflow;
    if (!row->changed)
        row->published = row->update;
    return count;
}

rf_book_stamp rf_market_book_stamp(const rf_market *market, uint32_t instrument)
{
    const market_instrument *row = &market->instruments[instrument];
    return (rf_book_stamp){
        .update = row->update,
        .previous = row->published,
        .time_ns = row->update_time_ns,
        .changed = row->changed,
        .overflow = row->sides[0].overflow || row->sides[1].overflow,
    };
}
