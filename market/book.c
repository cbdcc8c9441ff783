/* Books from events. An order adds its rest to its level when it opens; fills, amendments and the
 * end of the order take it off again. A level without orders goes. */
#include "base/check.h"
#include "market/state.h"

static bool better(rf_side side, int64_t a, int64_t b)
{
    return side == RF_BUY ? a > b : a < b;
}

/* The link that points at the level of this price, or at where it belongs. */
static uint32_t *find_link(rf_market *market, market_side *half, rf_side side, int64_t price)
{
    uint32_t *link = &half->best;
    while (*link && better(side, market->levels[*link].price, price))
        link = &market->levels[*link].next;
    return link;
}

static uint32_t take_level(rf_market *market)
{
    uint32_t level = market->levels_free;
    if (level) {
        market->levels_free = market->levels[level].next;
        return level;
    }
    /* Every level holds an order, and there are no more orders than levels. */
    RF_CHECK(market->levels_used < market->levels_max);
    return ++market->levels_used;
}

static void note_change(market_side *half, int64_t price)
{
    for (uint32_t i = half->changes_count; i > 0; i--)
        if (half->changes[i - 1] == price)
            return;
    if (half->changes_count == RF_MARKET_CHANGES)
        half->overflow = true;
    else
        half->changes[half->changes_count++] = price;
}

static void change_level(rf_market *market, const rf_event *event, int64_t price, int64_t qty,
                         int orders)
{
    market_instrument *instrument = &market->instruments[event->instrument];
    rf_side side = event->side == RF_BUY ? RF_BUY : RF_SELL;
    market_side *half = &instrument->sides[side];
    uint32_t *link = find_link(market, half, side, price);
    if (!*link || market->levels[*link].price != price) {
        uint32_t level = take_level(market);
        market->levels[level] = (market_level){.price = price, .next = *link};
        *link = level;
    }
    market_level *level = &market->levels[*link];
    level->qty += qty;
    level->orders += (uint32_t)orders;
    RF_CHECK(level->qty >= 0);
    if (level->orders == 0) {
        uint32_t gone = *link;
        *link = level->next;
        level->next = market->levels_free;
        market->levels_free = gone;
    }
    note_change(half, price);
    instrument->changed = true;
    instrument->update = event->seq;
    instrument->update_time_ns = event->time_ns;
}

void rf_market_book_event(rf_market *market, const rf_event *event)
{
    if (event->kind == RF_EVENT_ORDER_OPENED)
        change_level(market, event, event->price, event->leaves, 1);
    if (event->kind == RF_EVENT_FILL && event->code == 0)
        change_level(market, event, event->price, -event->qty, event->leaves == 0 ? -1 : 0);
    if (event->kind == RF_EVENT_ORDER_CLOSED && event->leaves > 0)
        change_level(market, event, event->price, -event->leaves, -1);
    if (event->kind == RF_EVENT_ORDER_AMENDED && event->qty > 0) {
        change_level(market, event, event->value, -event->qty, -1);
        if (event->leaves > 0)
            change_level(market, event, event->price, event->leaves, 1);
    }
}

size_t rf_market_book(const rf_market *market, uint32_t instrument, rf_side side, rf_level *levels,
                      size_t max)
{
    size_t count = 0;
    uint32_t at = market->instruments[instrument].sides[side].best;
    for (; at && count < max; at = market->levels[at].next, count++) {
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
        const market_level *level = &market->levels[*find_link(market, half, side, price)];
        bool there = level != market->levels && level->price == price;
        levels[count++] = (rf_level){
            .price = price, .qty = there ? level->qty : 0, .orders = there ? level->orders : 0};
    }
    half->changes_count = 0;
    half->overflow = false;
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
