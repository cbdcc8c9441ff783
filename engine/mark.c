#include "engine/mark.h"

#include "engine/book.h"
#include "engine/funding.h"
#include "engine/instrument.h"
#include "engine/name.h"

enum {
    OUTLIER_PERCENT = 3,
    CLAMP_PERCENT = 1,
};

/* ---- The index ------------------------------------------------------------------------------- */

uint32_t rf_index_make(rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->indexes_count; i++)
        if (rf_name_same(engine->indexes[i].name, name))
            return i;
    if (name[0] == '\0' ||
        engine->indexes_count >= engine->limits.instruments_max + RF_CURRENCIES_MAX)
        return UINT32_MAX;
    rf_name_copy(engine->indexes[engine->indexes_count].name, name);
    return engine->indexes_count++;
}

/* The strictest limit among the instruments that follow it; 0 = never too old. */
static int64_t index_stale_ns(const rf_engine *engine, const rf_index *index)
{
    int64_t strictest = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        const int64_t limit = instrument->config.mark_stale_ns;
        if (limit != 0 && &engine->indexes[instrument->index] == index &&
            (strictest == 0 || limit < strictest))
            strictest = limit;
    }
    return strictest;
}

/* limit 0: never too old, unless it was forgotten. */
static bool is_stale(const rf_engine *engine, rf_time_ns time_ns, int64_t limit)
{
    return time_ns == RF_FORGOTTEN_NS || (limit != 0 && engine->now_ns - time_ns > limit);
}

bool rf_index_stale(const rf_engine *engine, const rf_index *index)
{
    return index->price_e8 == 0 || is_stale(engine, index->time_ns, index_stale_ns(engine, index));
}

/* The place of a source by its name, else a new one, else that of the oldest; an unnamed one is
 * the operator. */
static rf_index_source *source_of(rf_index *index, const char *given)
{
    const char *name = given[0] != '\0' ? given : "operator";
    rf_index_source *oldest = &index->sources[0];
    for (uint32_t i = 0; i < index->sources_count; i++) {
        rf_index_source *source = &index->sources[i];
        if (rf_name_same(source->name, name))
            return source;
        if (source->time_ns < oldest->time_ns)
            oldest = source;
    }
    rf_index_source *place = index->sources_count < RF_INDEX_SOURCES_MAX
                                 ? &index->sources[index->sources_count++]
                                 : oldest;
    rf_name_copy(place->name, name);
    return place;
}

static void sort_prices(int64_t *prices, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const int64_t price = prices[i];
        uint32_t place = i;
        for (; place > 0 && prices[place - 1] > price; place--)
            prices[place] = prices[place - 1];
        prices[place] = price;
    }
}

/* Of sorted prices; for an even count the mean of the middle two, floored. */
static int64_t median(const int64_t *prices, uint32_t count)
{
    const int64_t upper = prices[count / 2];
    if (count % 2 != 0)
        return upper;
    const int64_t lower = prices[count / 2 - 1];
    return lower + (upper - lower) / 2;
}

static bool is_outlier(int64_t price, int64_t middle)
{
    return (rf_wide)rf_abs(price - middle) * 100 > (rf_wide)middle * OUTLIER_PERCENT;
}

/* market.md, Index. False: the sources disagree so much that none is near the median. The
 * index then keeps its last price and grows old: nobody can say which of them is right. */
static bool recompute(const rf_engine *engine, rf_index *index)
{
    const int64_t limit = index_stale_ns(engine, index);
    int64_t prices[RF_INDEX_SOURCES_MAX];
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < index->sources_count; i++)
        if (!is_stale(engine, index->sources[i].time_ns, limit))
            prices[fresh++] = index->sources[i].price_e8;
    sort_prices(prices, fresh);
    const int64_t middle = median(prices, fresh);
    rf_time_ns youngest = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < index->sources_count; i++) {
        const rf_index_source *source = &index->sources[i];
        if (is_stale(engine, source->time_ns, limit) || is_outlier(source->price_e8, middle))
            continue;
        prices[used++] = source->price_e8;
        youngest = rf_max(youngest, source->time_ns);
    }
    index->sources_used = used;
    if (used == 0)
        return false;
    sort_prices(prices, used);
    index->price_e8 = median(prices, used);
    index->time_ns = youngest;
    return true;
}

/* A mark may be one per cent above its index. */
static bool fits_marks(const rf_engine *engine, uint32_t index, int64_t price_e8)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        const int64_t unit = rf_power_of_ten(8 - instrument->config.price_decimals);
        if (instrument->index == index && instrument->state != RF_STATE_SETTLED &&
            (rf_wide)price_e8 * (100 + CLAMP_PERCENT) / 100 / unit > instrument->mark_max)
            return false;
    }
    return true;
}

static void emit_index(rf_engine *engine, uint32_t index)
{
    rf_event event = {0};
    event.kind = RF_EVENT_INDEX_PRICE;
    event.id = index;
    event.price = engine->indexes[index].price_e8;
    event.code = engine->indexes[index].sources_used;
    rf_emit(engine, &event);
}

/* Holders of this collateral are looked at when it fell to where somebody may be short of
 * margin. */
static void note_collateral(rf_engine *engine, uint32_t index)
{
    for (uint32_t i = 0; i < engine->currencies_count; i++) {
        const rf_currency *currency = &engine->currencies[i];
        if (currency->kind == RF_CURRENCY_COLLATERAL && currency->index == index &&
            engine->indexes[index].price_e8 <= currency->watch_price)
            engine->look = 1;
    }
}

static void follow(rf_engine *engine, uint32_t index)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        rf_instrument *instrument = &engine->instruments[i];
        if (instrument->index == index && instrument->state != RF_STATE_SETTLED)
            rf_mark_follow(engine, instrument);
    }
    note_collateral(engine, index);
}

rf_error rf_index_set(rf_engine *engine, const rf_command *command, rf_result *result)
{
    uint32_t number = command->u.index.index;
    const int64_t price = command->u.index.price_e8;
    if (number != UINT32_MAX && number >= engine->indexes_count)
        return RF_ERR_INVALID_INSTRUMENT;
    if (number == UINT32_MAX && command->u.index.name[0] == '\0')
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (price <= 0 || price >= RF_AMOUNT_MAX)
        return RF_ERR_INVALID_PRICE;
    if (number == UINT32_MAX)
        number = rf_index_make(engine, command->u.index.name);
    if (number == UINT32_MAX)
        return RF_ERR_ERR_INTERNAL;
    if (!fits_marks(engine, number, price))
        return RF_ERR_INVALID_PRICE;
    rf_index *index = &engine->indexes[number];
    rf_index_source *source = source_of(index, command->u.index.source);
    source->price_e8 = price;
    source->time_ns = engine->now_ns;
    result->id = number;
    if (!recompute(engine, index))
        return RF_ERR_OK;
    emit_index(engine, number);
    follow(engine, number);
    return RF_ERR_OK;
}

/* ---- The mark -------------------------------------------------------------------------------- */

int64_t rf_mark_mid(const rf_engine *engine, const rf_instrument *instrument)
{
    const rf_price bid = rf_book_best_price(instrument, RF_BUY),
                   ask = rf_book_best_price(instrument, RF_SELL);
    if (bid == 0 || ask == 0)
        return engine->indexes[instrument->index].price_e8;
    const rf_wide sum =
        (rf_wide)(bid + ask) * rf_power_of_ten(8 - instrument->config.price_decimals);
    return rf_narrow(sum / 2);
}

static void emit_mark(rf_engine *engine, const rf_instrument *instrument)
{
    rf_event event = {0};
    event.kind = RF_EVENT_MARK_PRICE;
    event.instrument = instrument->number;
    event.price = instrument->mark;
    event.value = engine->indexes[instrument->index].price_e8;
    rf_emit(engine, &event);
}

static void set_mark(rf_engine *engine, rf_instrument *instrument, rf_price mark)
{
    if (mark == instrument->mark)
        return;
    RF_CHECK(mark > 0 && mark <= instrument->mark_max);
    instrument->mark = mark;
    emit_mark(engine, instrument);
    rf_moved(engine, instrument);
}

/* B += (M - I - B) * min(dt, 60 s) / 60 s, toward zero. */
static void update_basis(rf_engine *engine, rf_instrument *instrument, int64_t index_e8,
                         int64_t mid_e8)
{
    if (instrument->basis_time_ns != 0) {
        const rf_time_ns passed = rf_min(engine->now_ns - instrument->basis_time_ns, RF_MINUTE_NS);
        const rf_wide gap = (rf_wide)mid_e8 - index_e8 - instrument->basis_e8;
        instrument->basis_e8 = rf_narrow(instrument->basis_e8 + gap * passed / RF_MINUTE_NS);
    }
    instrument->basis_time_ns = engine->now_ns;
}

static int64_t median_of_three(int64_t a, int64_t b, int64_t c)
{
    return rf_max(rf_min(a, b), rf_min(rf_max(a, b), c));
}

/* median(I, I + B, M), clamped to a per cent around I, floored to the instrument's decimals. */
static rf_price computed_mark(const rf_instrument *instrument, int64_t index_e8, int64_t mid_e8)
{
    const int64_t middle =
        median_of_three(index_e8, rf_add(index_e8, instrument->basis_e8), mid_e8);
    const int64_t low = (int64_t)rf_div_up((rf_wide)index_e8 * (100 - CLAMP_PERCENT), 100);
    const int64_t high = (int64_t)rf_div_down((rf_wide)index_e8 * (100 + CLAMP_PERCENT), 100);
    return rf_max(low, rf_min(middle, high)) /
           rf_power_of_ten(8 - instrument->config.price_decimals);
}

void rf_mark_update(rf_engine *engine, rf_instrument *instrument)
{
    const int64_t index_e8 = engine->indexes[instrument->index].price_e8;
    if (index_e8 == 0 || instrument->state == RF_STATE_SETTLED)
        return;
    const int64_t mid_e8 = rf_mark_mid(engine, instrument);
    rf_funding_sample(engine, instrument);
    update_basis(engine, instrument, index_e8, mid_e8);
    if (instrument->mark_pinned)
        return;
    const rf_price mark = computed_mark(instrument, index_e8, mid_e8);
    /* An index far below one price unit has no mark; one that was set before the instrument
     * existed may be above what the instrument has room for. */
    if (mark > 0 && mark <= instrument->mark_max)
        set_mark(engine, instrument, mark);
}

void rf_mark_follow(rf_engine *engine, rf_instrument *instrument)
{
    const rf_index *index = &engine->indexes[instrument->index];
    if (index->price_e8 == 0)
        return;
    if (!instrument->mark_pinned)
        instrument->mark_time_ns = index->time_ns;
    rf_mark_update(engine, instrument);
    /* Also when the mark stayed: a fresh input thaws what a stale one froze, and index triggers
     * look at it. */
    rf_moved(engine, instrument);
}

rf_error rf_mark_pin(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    const rf_price price = command->u.instrument.price;
    if (price <= 0 || price > instrument->mark_max)
        return RF_ERR_INVALID_PRICE;
    instrument->mark_pinned = 1;
    instrument->mark_time_ns = engine->now_ns;
    set_mark(engine, instrument, price);
    rf_moved(engine, instrument);
    return RF_ERR_OK;
}

rf_error rf_mark_clear(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    instrument->mark_pinned = 0;
    rf_mark_follow(engine, instrument);
    return RF_ERR_OK;
}

bool rf_mark_stale(const rf_engine *engine, const rf_instrument *instrument)
{
    return is_stale(engine, instrument->mark_time_ns, instrument->config.mark_stale_ns);
}

rf_error rf_mark_forget(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)command;
    (void)result;
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        engine->instruments[i].mark_time_ns = RF_FORGOTTEN_NS;
    for (uint32_t i = 0; i < engine->indexes_count; i++) {
        rf_index *index = &engine->indexes[i];
        index->time_ns = RF_FORGOTTEN_NS;
        for (uint32_t source = 0; source < index->sources_count; source++)
            index->sources[source].time_ns = RF_FORGOTTEN_NS;
    }
    return RF_ERR_OK;
}

bool rf_liquidation_frozen(const rf_engine *engine, const rf_instrument *instrument)
{
    return instrument->mark == 0 ||
           (instrument->state != RF_STATE_OPEN && instrument->state != RF_STATE_REDUCE_ONLY) ||
           rf_mark_stale(engine, instrument);
}
