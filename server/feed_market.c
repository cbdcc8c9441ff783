/* Market channels but the books: tickers, trades, candles, values, liquidations. */
#include <string.h>

#include "api/put.h"
#include "server/feed_state.h"

/* ---- What an event means --------------------------------------------------------------------- */

static uint32_t bits_of_fill(const rf_event *event)
{
    uint32_t bits = FEED_BIT(TICKER);
    if (event->code == 1)
        bits |= FEED_BIT(TRADE) | FEED_BIT(CANDLE);
    if (event->flags & RF_FLAG_LIQUIDATION)
        bits |= FEED_BIT(LIQUIDATIONS);
    return bits;
}

static uint32_t bits_of(const rf_event *event)
{
    if (event->kind == RF_EVENT_FILL)
        return bits_of_fill(event);
    if (event->kind == RF_EVENT_ORDER_OPENED || event->kind == RF_EVENT_ORDER_AMENDED ||
        event->kind == RF_EVENT_ORDER_CLOSED)
        return FEED_BIT(TICKER);
    if (event->kind == RF_EVENT_MARK_PRICE)
        return FEED_BIT(MARK) | FEED_BIT(ESTIMATE);
    if (event->kind == RF_EVENT_FUNDING_RATE)
        return FEED_BIT(FUNDING) | FEED_BIT(ESTIMATE);
    if (event->kind == RF_EVENT_SESSION_SETTLED)
        return FEED_BIT(SETTLEMENT);
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED ||
        event->kind == RF_EVENT_LIQUIDATION_RECOVERED ||
        event->kind == RF_EVENT_LIQUIDATION_ENDED || event->kind == RF_EVENT_POSITION_MOVED)
        return FEED_BIT(LIQUIDATIONS);
    return 0;
}

static void make_dirty(rf_feed *feed, feed_owner *owner, uint32_t bits)
{
    if (!owner->dirty)
        feed_link_append(&feed->dirty, &owner->dirty_link);
    owner->dirty |= bits;
}

static void index_event(rf_feed *feed, const rf_event *event)
{
    feed_owner *owner = feed_find_owner(feed, FEED_INDEX, (uint32_t)event->id);
    if (!owner)
        return;
    owner->value = event->price;
    owner->time_ns = event->time_ns;
    make_dirty(feed, owner, FEED_BIT(INDEX));
}

void feed_market_event(rf_feed *feed, const rf_event *event)
{
    if (event->kind == RF_EVENT_INDEX_PRICE) {
        index_event(feed, event);
        return;
    }
    feed->marks += event->kind == RF_EVENT_MARK_PRICE;
    feed_owner *owner = feed_find_owner(feed, FEED_INSTRUMENT, event->instrument);
    if (!owner && !feed->all)
        return;
    uint32_t bits = bits_of(event);
    uint32_t own = owner ? bits & owner->wanted : 0;
    uint32_t all = feed->all ? bits & feed->all->wanted : 0;
    const uint32_t told_each = FEED_BIT(TRADE) | FEED_BIT(SETTLEMENT) | FEED_BIT(LIQUIDATIONS);
    if (((own | all) & told_each) && !feed_keep_event(feed, &feed->market_events, event))
        feed->no_memory = true;
    if (own)
        make_dirty(feed, owner, own);
    if (all)
        make_dirty(feed, feed->all, all);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void open_market(rf_feed *feed, const feed_channel *channel, const char *instrument,
                        const char *subscription)
{
    rf_bytes *out = feed_start(feed);
    rf_message_open(out, -1, instrument, subscription,
                    feed_kind_text(channel->name.kind, FEED_SNAPSHOTS));
    if (channel->name.kind == RF_CHANNEL_CANDLE)
        rf_put_text(out, "interval", rf_timeframe_name(channel->name.timeframe));
    rf_message_data(out);
}

static void put_ticker(rf_feed *feed, const rf_instrument_view *view)
{
    rf_call call = {
        .api = feed->world->api, .engine = feed->world->engine, .time_ns = feed->time_ns};
    rf_encode_ticker(&call, &feed->out, view);
}

/* What one newcomer is told, the others have yet to hear. */
static bool is_news(const feed_channel *channel, bool first)
{
    return !first || channel->count == 1;
}

/* From the bar that was told last: it may have got its last trade since. */
static void put_bars(rf_feed *feed, feed_channel *channel, const rf_instrument_view *view,
                     bool first)
{
    rf_bar *bars = feed->world->api->rows.bars;
    size_t count =
        rf_market_bars(feed->world->market, view->instrument, channel->name.timeframe,
                       first ? 0 : channel->bar_ns, feed->time_ns + 1, bars, RF_ROWS_MAX);
    for (size_t i = 0; i < count; i++)
        rf_encode_bar(&feed->out, &bars[i], &view->config);
    if (count > 0 && is_news(channel, first))
        channel->bar_ns = bars[count - 1].open_ns;
}

static void put_last_trades(rf_feed *feed, const rf_instrument_view *view)
{
    rf_trade *trades = feed->world->api->rows.trades;
    size_t count = rf_market_trades(feed->world->market, view->instrument, 0, INT64_MAX, trades,
                                    FEED_TRADES_FIRST);
    while (count > 0)
        rf_encode_trade(&feed->out, &trades[--count], &view->config);
}

/* ---- Values ---------------------------------------------------------------------------------- */

typedef struct feed_value {
    int64_t value, time_ns;
    unsigned decimals;
    bool known;
} feed_value;

/* An index is asked of what follows it. */
static feed_value index_value(const rf_feed *feed, const feed_owner *owner)
{
    feed_value found = {.value = owner->value, .time_ns = owner->time_ns, .decimals = 8};
    rf_instrument_view view;
    for (uint32_t i = 0; found.value == 0 && i < rf_instruments_count(feed->world->engine); i++)
        if (rf_view_instrument(feed->world->engine, i, &view) && view.index == owner->number) {
            found.value = view.index_e8;
            found.time_ns = view.index_time_ns;
        }
    found.known = found.value != 0;
    return found;
}

static feed_value value_of(const rf_feed *feed, const feed_channel *channel,
                           const rf_instrument_view *view)
{
    const feed_owner *owner = feed_find_owner(feed, channel->name.scope, channel->name.owner);
    const unsigned price_decimals = view->config.price_decimals;
    if (channel->name.kind == RF_CHANNEL_INDEX)
        return index_value(feed, owner);
    if (channel->name.kind == RF_CHANNEL_MARK)
        return (feed_value){view->mark, view->mark_time_ns, price_decimals, view->mark != 0};
    if (channel->name.kind == RF_CHANNEL_FUNDING)
        return (feed_value){view->funding_rate, feed->time_ns, 8, true};
    if (channel->name.kind == RF_CHANNEL_ESTIMATE)
        return (feed_value){view->estimated_rate, feed->time_ns, 8, true};
    return (feed_value){0};
}

/* ---- Liquidations ---------------------------------------------------------------------------- */

static const char *liquidation_kind(const rf_event *event)
{
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        return "START";
    if (event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        return "RECOVERED";
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED)
        return "END";
    if (event->kind == RF_EVENT_FILL)
        return "FILL";
    if (event->code == 2)
        return "ADL";
    return event->code == 1 ? "TAKEOVER" : NULL;
}

/* A market is told of sizes and prices, not of who it was. */
static void put_liquidation(rf_bytes *out, const rf_event *event, const char *kind,
                            const rf_instrument_config *config)
{
    bool sized = event->kind == RF_EVENT_LIQUIDATION_STARTED || event->kind == RF_EVENT_FILL ||
                 event->kind == RF_EVENT_POSITION_MOVED;
    bool priced = event->price != 0 && sized;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "kind", kind);
    rf_put_text(out, "i", config->name);
    rf_put_bool(out, "isolated", event->isolation_id != 0);
    if (event->kind == RF_EVENT_FILL)
        rf_put_text(out, "s", rf_side_name(event->side));
    if (sized)
        rf_put_decimal(out, "q", event->qty, config->qty_decimals);
    if (priced)
        rf_put_decimal(out, "p", event->price, config->price_decimals);
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED) {
        rf_put_money(out, "to_insurance_fund", event->amount);
        rf_put_money(out, "uncovered_loss", event->realized);
    }
    rf_put_ms(out, "t", event->time_ns);
    rf_put_close(out, '}');
}

/* ---- Changes --------------------------------------------------------------------------------- */

static bool is_told(const rf_event *event, rf_channel kind)
{
    if (kind == RF_CHANNEL_TRADE)
        return event->kind == RF_EVENT_FILL && event->code == 1;
    if (kind == RF_CHANNEL_SETTLEMENT)
        return event->kind == RF_EVENT_SESSION_SETTLED;
    return (bits_of(event) & FEED_BIT(LIQUIDATIONS)) && liquidation_kind(event);
}

static void put_told(rf_bytes *out, rf_channel kind, const rf_event *event,
                     const rf_instrument_config *config)
{
    if (kind == RF_CHANNEL_SETTLEMENT)
        rf_encode_value(out, event->price, config->price_decimals, event->time_ns);
    else if (kind == RF_CHANNEL_LIQUIDATIONS)
        put_liquidation(out, event, liquidation_kind(event), config);
    else
        rf_encode_trade(out,
                        &(rf_trade){.match = event->id,
                                    .time_ns = event->time_ns,
                                    .price = event->price,
                                    .qty = event->qty,
                                    .side = event->side == RF_BUY ? RF_BUY : RF_SELL},
                        config);
}

/* The events of one instrument since the last flush as one message, from the event at `from` on. */
static void send_told(rf_feed *feed, feed_channel *channel, uint32_t instrument, size_t from)
{
    rf_instrument_view view;
    rf_channel kind = channel->name.kind;
    if (!rf_view_instrument(feed->world->engine, instrument, &view))
        return;
    char text[2 * RF_NAME_SIZE] = "settlement.";
    bool explicit = kind == RF_CHANNEL_SETTLEMENT && channel->name.scope == FEED_ALL;
    if (explicit)
        strcat(text, view.config.name);
    open_market(feed, channel, view.config.name, explicit ? text : channel->text);
    for (size_t i = from; i < feed->market_events.count; i++) {
        const rf_event *event = &feed->market_events.rows[i];
        if (event->instrument == instrument && is_told(event, kind))
            put_told(&feed->out, kind, event, &view.config);
    }
    rf_message_close(&feed->out, NULL);
    feed_send(feed, channel, &feed->out);
}

static void send_each_told(rf_feed *feed, feed_channel *channel)
{
    if (channel->name.scope == FEED_INSTRUMENT) {
        send_told(feed, channel, channel->name.owner, 0);
        return;
    }
    if (!feed_seen_start(&feed->seen, feed->market_events.count))
        feed->no_memory = true;
    for (size_t i = 0; !feed->no_memory && i < feed->market_events.count; i++) {
        const rf_event *event = &feed->market_events.rows[i];
        if (is_told(event, channel->name.kind) &&
            feed_seen_first(&feed->seen, event->instrument + 1u))
            send_told(feed, channel, event->instrument, i);
    }
}

/* A value that is what it was is not told again. False: there is nothing to tell. */
static bool put_change(rf_feed *feed, feed_channel *channel, bool first)
{
    rf_instrument_view view = {0};
    bool index = channel->name.kind == RF_CHANNEL_INDEX;
    if (!index && !rf_view_instrument(feed->world->engine, channel->name.owner, &view))
        return false;
    const char *name = index ? channel->text + sizeof "index." - 1 : view.config.name;
    if (channel->name.kind == RF_CHANNEL_TICKER || channel->name.kind == RF_CHANNEL_CANDLE) {
        open_market(feed, channel, name, channel->text);
        if (channel->name.kind == RF_CHANNEL_TICKER)
            put_ticker(feed, &view);
        else
            put_bars(feed, channel, &view, first);
    } else {
        feed_value now = value_of(feed, channel, &view);
        if (!first && channel->told && channel->value == now.value)
            return false;
        open_market(feed, channel, name, channel->text);
        if (now.known)
            rf_encode_value(&feed->out, now.value, now.decimals, now.time_ns);
        if (is_news(channel, first)) {
            channel->told = now.known;
            channel->value = now.value;
        }
    }
    rf_message_close(&feed->out, NULL);
    return true;
}

static void send_change(rf_feed *feed, feed_channel *channel)
{
    if (put_change(feed, channel, false))
        feed_send(feed, channel, &feed->out);
}

static void changed(rf_feed *feed, feed_channel *channel)
{
    int64_t interval_ns = feed_interval_ns(channel->name.kind);
    if (interval_ns == 0)
        send_each_told(feed, channel);
    else if (!channel->waiting && feed->clock_ns - channel->sent_ns >= interval_ns)
        send_change(feed, channel);
    else if (!channel->waiting) {
        channel->waiting = true;
        feed_await(&feed->waiting, channel, channel->sent_ns + interval_ns);
    }
}

void feed_flush_market(rf_feed *feed, feed_owner *owner)
{
    for (unsigned kind = 0; kind < RF_CHANNELS; kind++)
        for (feed_channel *channel = NULL;
             (owner->dirty >> kind & 1) != 0 &&
             (channel = feed_next_channel(&owner->lists[kind], channel));)
            changed(feed, channel);
}

void feed_flush_waiting(rf_feed *feed)
{
    for (feed_link *link = feed->waiting.after, *next; link != &feed->waiting; link = next) {
        feed_channel *channel = FEED_OF(feed_channel, timer, link);
        next = link->after;
        if (channel->due_ns > feed->clock_ns)
            continue;
        feed_link_remove(&channel->timer);
        channel->waiting = false;
        send_change(feed, channel);
    }
}

/* ---- First messages -------------------------------------------------------------------------- */

static void begin_told(rf_feed *feed, feed_channel *channel)
{
    rf_instrument_view view = {0};
    bool one = channel->name.scope == FEED_INSTRUMENT &&
               rf_view_instrument(feed->world->engine, channel->name.owner, &view);
    open_market(feed, channel, one ? view.config.name : NULL, channel->text);
    if (channel->name.kind == RF_CHANNEL_TRADE && one)
        put_last_trades(feed, &view);
    rf_message_close(&feed->out, NULL);
}

void feed_begin_market(rf_feed *feed, feed_channel *channel)
{
    if (channel->name.kind == RF_CHANNEL_BOOK)
        feed_begin_book(feed, channel);
    else if (feed_interval_ns(channel->name.kind) == 0)
        begin_told(feed, channel);
    else
        put_change(feed, channel, true);
}
