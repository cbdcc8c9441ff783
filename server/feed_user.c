/* Channels of a user that tell events: orders, trades, entries of the ledger, margin. They are
 * encoded when the command that caused them is done, so that each says the state that it left. */
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "server/feed_state.h"

static const uint32_t kept_bits = FEED_BIT(ORDER) | FEED_BIT(ADVANCED_ORDER) |
                                  FEED_BIT(USER_TRADE) | FEED_BIT(TRANSACTIONS) | FEED_BIT(MARGIN);

bool feed_keep_event(rf_feed *feed, feed_events *events, const rf_event *event)
{
    (void)feed;
    if (events->count == events->max) {
        size_t wanted = events->max ? 2 * events->max : 256;
        rf_event *rows = realloc(events->rows, wanted * sizeof *rows);
        if (!rows)
            return false;
        events->rows = rows;
        events->max = wanted;
    }
    events->rows[events->count++] = *event;
    return true;
}

/* ---- What an event means --------------------------------------------------------------------- */

static uint32_t states_changed(const rf_event *event)
{
    uint32_t bits = 0;
    /* An order takes from what is available before it fills. */
    if (rf_event_tells_balance(event) || rf_event_tells_order(event))
        bits |= FEED_BIT(BALANCE);
    if (rf_event_tells_positions(event))
        bits |= FEED_BIT(POSITIONS);
    if (rf_event_tells_balance(event) || rf_event_tells_positions(event))
        bits |= FEED_BIT(POSITION_BALANCE) | FEED_BIT(MARGIN);
    return bits;
}

static bool note_for(rf_feed *feed, uint32_t account, const rf_event *event)
{
    feed_owner *owner = feed_find_owner(feed, FEED_ACCOUNT, account);
    if (!owner)
        return false;
    uint32_t bits = states_changed(event) & owner->wanted;
    if (bits && !owner->dirty)
        feed_link_append(&feed->dirty, &owner->dirty_link);
    owner->dirty |= bits;
    return (owner->wanted & kept_bits) != 0;
}

/* Between two users the event's account is the receiver, its peer the giver. */
static bool has_two_users(const rf_event *event)
{
    bool from = event->slot_from == RF_SLOT_MAIN || event->slot_from == RF_SLOT_ISOLATED;
    bool to = event->slot_to == RF_SLOT_MAIN || event->slot_to == RF_SLOT_ISOLATED;
    return event->kind == RF_EVENT_LEDGER && from && to;
}

void feed_user_event(rf_feed *feed, const rf_event *event)
{
    if (event->account == 0)
        return;
    bool noted = note_for(feed, event->account, event);
    if (has_two_users(event) && event->peer != event->account)
        noted = note_for(feed, event->peer, event) || noted;
    if (noted && !feed_keep_event(feed, &feed->user_events, event))
        feed->no_memory = true;
}

/* ---- Messages -------------------------------------------------------------------------------- */

void feed_open_user(rf_feed *feed, const feed_channel *channel, int64_t id, const char *instrument)
{
    rf_bytes *out = feed_start(feed);
    rf_message_open(out, id, instrument, channel->text, feed_user_text(channel));
    rf_put_int(out, "seq", (int64_t)feed->seq);
    if (channel->name.kind == RF_CHANNEL_ACCOUNT_RISK)
        rf_put_account(out, "account_id", channel->name.owner);
}

static void open_event(rf_feed *feed, const feed_channel *channel, const char *instrument)
{
    feed->seq++;
    feed_open_user(feed, channel, -1, instrument);
    rf_message_data(&feed->out);
}

static void close_event(rf_feed *feed, feed_channel *channel)
{
    rf_message_close(&feed->out, NULL);
    feed_push(feed, channel);
}

/* The next channel of an account and kind that wants to hear of this instrument. */
static feed_channel *next_of(const rf_feed *feed, uint32_t account, rf_channel kind, int instrument,
                             feed_channel *channel)
{
    const feed_owner *owner = feed_find_owner(feed, FEED_ACCOUNT, account);
    if (!owner || !(owner->wanted >> kind & 1))
        return NULL;
    while ((channel = feed_next_channel(&owner->lists[kind], channel)))
        if (channel->name.instrument < 0 || channel->name.instrument == instrument)
            return channel;
    return NULL;
}

static bool is_advanced(const rf_order_view *order)
{
    return order->list_id != 0 || order->params.type >= RF_STOP_LOSS;
}

static void push_order(rf_feed *feed, rf_channel kind, const rf_event *event,
                       const rf_order_view *order, const rf_instrument_view *view)
{
    feed_channel *channel = NULL;
    while ((channel = next_of(feed, event->account, kind, event->instrument, channel))) {
        open_event(feed, channel, view->config.name);
        rf_encode_order_update(&feed->out, view, order,
                               kind == RF_CHANNEL_ADVANCED_ORDER || order->list_id != 0);
        close_event(feed, channel);
    }
}

static void push_orders(rf_feed *feed, const rf_event *event)
{
    const rf_engine *engine = feed->world->engine;
    const feed_owner *owner = feed_find_owner(feed, FEED_ACCOUNT, event->account);
    rf_order_view order;
    rf_instrument_view view;
    if (!owner || !(owner->wanted & (FEED_BIT(ORDER) | FEED_BIT(ADVANCED_ORDER))) ||
        !rf_event_tells_order(event) || !feed_seen_first(&feed->seen, event->order_id) ||
        !rf_view_order(engine, event->account, event->order_id, NULL, &order) ||
        !rf_view_instrument(engine, event->instrument, &view))
        return;
    push_order(feed, RF_CHANNEL_ORDER, event, &order, &view);
    if (is_advanced(&order))
        push_order(feed, RF_CHANNEL_ADVANCED_ORDER, event, &order, &view);
}

static void push_trades(rf_feed *feed, const rf_event *event)
{
    feed_channel *channel = NULL;
    rf_instrument_view view;
    char oid[RF_CLIENT_OID_SIZE + 1];
    if (event->kind != RF_EVENT_FILL ||
        !rf_view_instrument(feed->world->engine, event->instrument, &view))
        return;
    while ((channel =
                next_of(feed, event->account, RF_CHANNEL_USER_TRADE, event->instrument, channel))) {
        open_event(feed, channel, view.config.name);
        rf_event_oid(feed->world->engine, event, oid);
        rf_encode_user_trade(&feed->out, event, &view.config, oid);
        close_event(feed, channel);
    }
}

static void push_transactions_of(rf_feed *feed, uint32_t account, const rf_event *event)
{
    feed_channel *channel = next_of(feed, account, RF_CHANNEL_TRANSACTIONS, -1, NULL);
    if (!channel)
        return;
    uint64_t before = feed->seq;
    open_event(feed, channel, NULL);
    size_t empty = feed->out.size;
    rf_encode_transactions(&feed->out, feed->world->engine, account, event);
    if (feed->out.size > empty)
        close_event(feed, channel);
    else
        feed->seq = before;
}

static void push_transactions(rf_feed *feed, const rf_event *event)
{
    push_transactions_of(feed, event->account, event);
    if (has_two_users(event) && event->peer != event->account)
        push_transactions_of(feed, event->peer, event);
}

static void push_margin(rf_feed *feed, const rf_event *event)
{
    const char *kind = rf_event_margin_kind(event);
    feed_channel *channel =
        kind ? next_of(feed, event->account, RF_CHANNEL_MARGIN, -1, NULL) : NULL;
    rf_instrument_view view;
    if (!channel || !rf_view_instrument(feed->world->engine, event->instrument, &view))
        return;
    open_event(feed, channel, NULL);
    rf_encode_margin_event(&feed->out, event, kind, &view.config);
    close_event(feed, channel);
}

void feed_user_applied(rf_feed *feed)
{
    static void (*const passes[])(rf_feed *, const rf_event *) = {push_orders, push_trades,
                                                                  push_transactions, push_margin};
    feed_events *events = &feed->user_events;
    if (events->count == 0)
        return;
    if (!feed_seen_start(&feed->seen, events->count)) {
        feed->no_memory = true;
        events->count = 0;
        return;
    }
    for (size_t pass = 0; pass < sizeof passes / sizeof *passes; pass++)
        for (size_t i = 0; i < events->count; i++)
            passes[pass](feed, &events->rows[i]);
    events->count = 0;
}

/* ---- First messages -------------------------------------------------------------------------- */

static void put_open_orders(rf_feed *feed, const feed_channel *channel)
{
    rf_api *api = feed->world->api;
    bool advanced = channel->name.kind == RF_CHANNEL_ADVANCED_ORDER;
    size_t count = rf_view_orders(api->engine, channel->name.owner, channel->name.instrument,
                                  api->orders, RF_ORDER_VIEWS_MAX);
    for (size_t i = 0; i < count && i < RF_ORDER_VIEWS_MAX; i++)
        if (!advanced || is_advanced(&api->orders[i]))
            rf_encode_order(&feed->out, NULL, api->engine, &api->orders[i],
                            advanced || api->orders[i].list_id != 0);
}

/* Orders and trades answer the subscription's id. A client that asked to resume is told whether it
 * can; if so, what it missed follows, each with its own sequence. */
void feed_begin_user(rf_feed *feed, feed_channel *channel, int64_t id, const bool *resumed,
                     uint64_t since_seq)
{
    rf_channel kind = channel->name.kind;
    bool answers = kind == RF_CHANNEL_ORDER || kind == RF_CHANNEL_ADVANCED_ORDER ||
                   kind == RF_CHANNEL_USER_TRADE;
    rf_instrument_view view;
    bool one = channel->name.instrument >= 0 &&
               rf_view_instrument(feed->world->engine, (uint32_t)channel->name.instrument, &view);
    uint64_t now = feed->seq;
    if (resumed && *resumed)
        feed->seq = since_seq;
    feed_open_user(feed, channel, answers ? id : -1, one ? view.config.name : NULL);
    feed->seq = now;
    if (resumed)
        rf_put_bool(&feed->out, "resumed", *resumed);
    rf_message_data(&feed->out);
    if (!feed_is_kept(kind))
        feed_put_state(feed, channel);
    else if (kind != RF_CHANNEL_USER_TRADE && answers && !(resumed && *resumed))
        put_open_orders(feed, channel);
    rf_message_close(&feed->out, NULL);
    if (kind == RF_CHANNEL_MARGIN && !channel->timer.after)
        feed_await(&feed->watches, channel, feed->clock_ns + FEED_WATCH_MS * NS_PER_MS);
    if (kind == RF_CHANNEL_ACCOUNT_RISK && !channel->timer.after)
        feed_await(&feed->risks, channel, feed->clock_ns + feed_interval_ns(kind));
}
