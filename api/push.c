#include "api/push.h"

#include <string.h>

#include "api/handlers.h"
#include "api/messages.h"
#include "api/put.h"
#include "base/check.h"

enum { CHANGES_SHOWN = RF_MARKET_CHANGES };

typedef struct pusher {
    rf_api *api;
    int64_t time_ns;
    const rf_event *events;
    size_t count;
    uint32_t *seen; /* open addressing: number of the event that a key was first met with, plus 1 */
    size_t mask;
    rf_bytes *out;
} pusher;

size_t rf_push_scratch(size_t events_count)
{
    size_t size = 64;
    while (size < 4 * events_count)
        size *= 2;
    return size;
}

/* ---- Telling each thing once ----------------------------------------------------------------- */

typedef uint64_t (*key_of)(const pusher *push, const rf_event *event);

/* True the first time this key comes in this pass. */
static bool is_first(pusher *push, key_of key, size_t at)
{
    uint64_t wanted = key(push, &push->events[at]);
    size_t slot = (size_t)((wanted * 0x9e3779b97f4a7c15u) >> 20) & push->mask;
    while (push->seen[slot]) {
        if (key(push, &push->events[push->seen[slot] - 1]) == wanted)
            return false;
        slot = (slot + 1) & push->mask;
    }
    push->seen[slot] = (uint32_t)at + 1;
    return true;
}

static void start_pass(pusher *push)
{
    memset(push->seen, 0, (push->mask + 1) * sizeof *push->seen);
}

static uint64_t order_key(const pusher *push, const rf_event *event)
{
    (void)push;
    return event->order_id;
}

static uint64_t account_key(const pusher *push, const rf_event *event)
{
    (void)push;
    return event->account;
}

static uint64_t instrument_key(const pusher *push, const rf_event *event)
{
    (void)push;
    return event->instrument;
}

/* ---- The frame of a message ------------------------------------------------------------------ */

static void open_message(pusher *push, const char *instrument, const char *subscription,
                         const char *channel)
{
    rf_message_open(push->out, -1, instrument, subscription, channel);
    rf_message_data(push->out);
}

static void close_message(pusher *push, uint32_t account)
{
    rf_account_view view;
    bool named = account && rf_view_account(push->api->engine, account, &view);
    rf_message_close(push->out, named ? view.label : NULL);
    rf_bytes_char(push->out, '\n');
}

/* A message on "ticker.", say, and the name. */
static void open_channel(pusher *push, const char *kind, const rf_instrument_view *view,
                         const char *channel)
{
    char text[2 * RF_NAME_SIZE];
    rf_bytes subscription;
    rf_bytes_init(&subscription, text, sizeof text - 1, NULL);
    rf_bytes_text(&subscription, kind);
    rf_bytes_char(&subscription, '.');
    rf_bytes_text(&subscription, view->config.name);
    text[subscription.size] = 0;
    open_message(push, view->config.name, text, channel);
}

/* ---- User channels --------------------------------------------------------------------------- */

static void push_orders(pusher *push)
{
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        rf_order_view order;
        rf_instrument_view view;
        if (!rf_event_tells_order(event) || !is_first(push, order_key, i) ||
            !rf_view_order(push->api->engine, event->account, event->order_id, NULL, &order))
            continue;
        const char *name = rf_instrument_name(push->api->engine, event->instrument, &view);
        open_message(push, name, "user.order", "user.order");
        rf_encode_order_update(push->out, &view, &order, order.list_id != 0);
        close_message(push, event->account);
    }
}

static void push_user_trades(pusher *push)
{
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        rf_instrument_view view;
        char oid[RF_CLIENT_OID_SIZE + 1];
        if (event->kind != RF_EVENT_FILL || !event->account ||
            !rf_view_instrument(push->api->engine, event->instrument, &view))
            continue;
        open_message(push, view.config.name, "user.trade", "user.trade");
        rf_event_oid(push->api->engine, event, oid);
        rf_encode_user_trade(push->out, event, &view.config, oid);
        close_message(push, event->account);
    }
}

static void push_balances(pusher *push)
{
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        if (!rf_event_tells_balance(&push->events[i]) || !is_first(push, account_key, i))
            continue;
        open_message(push, NULL, "user.balance", "user.balance");
        rf_encode_balance(push->out, NULL, push->api, push->events[i].account, NULL);
        close_message(push, push->events[i].account);
    }
}

/* Always all rows: clients replace what they knew by each message. */
static void push_positions(pusher *push)
{
    rf_api *api = push->api;
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        if (!rf_event_tells_positions(&push->events[i]) || !is_first(push, account_key, i))
            continue;
        size_t rows = rf_view_positions(api->engine, push->events[i].account, api->positions,
                                        api->positions_max);
        open_message(push, NULL, "user.positions", "user.positions");
        for (size_t at = 0; at < rows && at < api->positions_max; at++)
            if (api->positions[at].qty != 0)
                rf_encode_position(push->out, NULL, api->engine, &api->positions[at]);
        close_message(push, push->events[i].account);
    }
}

static void push_margin(pusher *push)
{
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        const char *kind = rf_event_margin_kind(event);
        rf_instrument_view view;
        if (!kind || !rf_view_instrument(push->api->engine, event->instrument, &view))
            continue;
        open_message(push, NULL, "user.x.margin", "user.x.margin");
        rf_encode_margin_event(push->out, event, kind, &view.config);
        close_message(push, event->account);
    }
}

/* ---- Market channels ------------------------------------------------------------------------- */

static void put_changes(pusher *push, const char *key, rf_side side, const rf_instrument_view *view)
{
    rf_level *levels = push->api->rows.levels;
    size_t count =
        rf_market_take_changes(push->api->market, view->instrument, side, levels, CHANGES_SHOWN);
    rf_encode_levels(push->out, key, levels, count, &view->config);
}

static void push_book(pusher *push, const rf_instrument_view *view)
{
    rf_book_stamp stamp = rf_market_book_stamp(push->api->market, view->instrument);
    if (!stamp.changed)
        return;
    open_channel(push, "book", view, "book.update");
    rf_put_open(push->out, NULL, '{');
    rf_put_open(push->out, "update", '{');
    put_changes(push, "asks", RF_SELL, view);
    put_changes(push, "bids", RF_BUY, view);
    rf_put_close(push->out, '}');
    rf_put_ms(push->out, "tt", stamp.time_ns);
    rf_put_ms(push->out, "t", push->time_ns);
    rf_put_int(push->out, "u", (int64_t)stamp.update);
    rf_put_int(push->out, "pu", (int64_t)stamp.previous);
    rf_put_close(push->out, '}');
    close_message(push, 0);
}

static bool push_trades(pusher *push, const rf_instrument_view *view)
{
    bool any = false;
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        if (event->kind != RF_EVENT_FILL || event->code != 1 ||
            event->instrument != view->instrument)
            continue;
        if (!any)
            open_channel(push, "trade", view, "trade");
        any = true;
        rf_trade trade = {.match = event->id,
                          .time_ns = event->time_ns,
                          .price = event->price,
                          .qty = event->qty,
                          .side = event->side == RF_BUY ? RF_BUY : RF_SELL};
        rf_encode_trade(push->out, &trade, &view->config);
    }
    if (any)
        close_message(push, 0);
    return any;
}

static void push_ticker(pusher *push, const rf_instrument_view *view)
{
    rf_call call = {.api = push->api, .engine = push->api->engine, .time_ns = push->time_ns};
    open_channel(push, "ticker", view, "ticker");
    rf_encode_ticker(&call, push->out, view);
    close_message(push, 0);
}

/* The newest event of a kind about this instrument, as {v, t}. */
static void push_value(pusher *push, const rf_instrument_view *view, rf_event_kind kind,
                       const char *channel)
{
    const rf_event *last = NULL;
    for (size_t i = 0; i < push->count; i++)
        if (push->events[i].kind == kind && push->events[i].instrument == view->instrument)
            last = &push->events[i];
    if (!last)
        return;
    bool is_rate = kind == RF_EVENT_FUNDING_RATE;
    open_channel(push, channel, view, channel);
    rf_encode_value(push->out, is_rate ? last->value : last->price,
                    is_rate ? 8 : view->config.price_decimals, last->time_ns);
    close_message(push, 0);
}

static bool concerns_market(const rf_event *event)
{
    return event->kind == RF_EVENT_ORDER_OPENED || event->kind == RF_EVENT_ORDER_AMENDED ||
           event->kind == RF_EVENT_ORDER_CLOSED || event->kind == RF_EVENT_FILL ||
           event->kind == RF_EVENT_MARK_PRICE || event->kind == RF_EVENT_FUNDING_RATE ||
           event->kind == RF_EVENT_SESSION_SETTLED;
}

static void push_market(pusher *push)
{
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        rf_instrument_view view;
        if (!concerns_market(&push->events[i]) || !is_first(push, instrument_key, i) ||
            !rf_view_instrument(push->api->engine, push->events[i].instrument, &view))
            continue;
        bool book = rf_market_book_stamp(push->api->market, view.instrument).changed;
        push_book(push, &view);
        bool traded = push_trades(push, &view);
        if (book || traded)
            push_ticker(push, &view);
        push_value(push, &view, RF_EVENT_MARK_PRICE, "mark");
        push_value(push, &view, RF_EVENT_FUNDING_RATE, "funding");
        push_value(push, &view, RF_EVENT_SESSION_SETTLED, "settlement");
    }
}

void rf_push_messages(rf_api *api, int64_t time_ns, const rf_event *events, size_t count,
                      uint32_t *scratch, rf_bytes *out)
{
    pusher push = {
        .api = api,
        .time_ns = time_ns,
        .events = events,
        .count = count,
        .seen = scratch,
        .mask = rf_push_scratch(count) - 1,
        .out = out,
    };
    if (count == 0)
        return;
    push_orders(&push);
    push_user_trades(&push);
    push_balances(&push);
    push_positions(&push);
    push_margin(&push);
    if (api->market)
        push_market(&push);
}
