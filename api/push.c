#include "api/push.h"

#include <string.h>

#include "api/handlers.h"
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
    rf_bytes *out = push->out;
    rf_bytes_text(out, "{\"id\":-1,\"method\":\"subscribe\",\"code\":0,\"result\":{");
    if (instrument)
        rf_put_text(out, "instrument_name", instrument);
    rf_put_text(out, "subscription", subscription);
    rf_put_text(out, "channel", channel);
    rf_put_open(out, "data", '[');
}

static void close_message(pusher *push, uint32_t account)
{
    rf_account_view view;
    rf_put_close(push->out, ']');
    rf_put_close(push->out, '}');
    if (account && rf_view_account(push->api->engine, account, &view))
        rf_put_text(push->out, "as", view.label);
    rf_put_close(push->out, '}');
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

static bool is_order_event(const rf_event *event)
{
    return event->order_id && event->account &&
           (event->kind == RF_EVENT_ORDER_PLACED || event->kind == RF_EVENT_ORDER_OPENED ||
            event->kind == RF_EVENT_ORDER_ARMED || event->kind == RF_EVENT_ORDER_TRIGGERED ||
            event->kind == RF_EVENT_ORDER_AMENDED || event->kind == RF_EVENT_ORDER_CLOSED ||
            event->kind == RF_EVENT_FILL);
}

static void push_orders(pusher *push)
{
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        rf_order_view order;
        rf_instrument_view view;
        if (!is_order_event(event) || !is_first(push, order_key, i) ||
            !rf_view_order(push->api->engine, event->account, event->order_id, NULL, &order))
            continue;
        const char *name = rf_instrument_name(push->api->engine, event->instrument, &view);
        open_message(push, name, "user.order", "user.order");
        rf_encode_order(push->out, NULL, push->api->engine, &order, order.list_id != 0);
        close_message(push, event->account);
    }
}

/* Money that leaves has a minus here: "-1.02" was charged. */
static void put_user_trade(pusher *push, const rf_event *event, const rf_instrument_view *view)
{
    rf_bytes *out = push->out;
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", event->account);
    rf_put_text(out, "journal_type", "TRADING");
    rf_put_decimal(out, "traded_quantity", event->qty, view->config.qty_decimals);
    rf_put_decimal(out, "traded_price", event->price, view->config.price_decimals);
    rf_put_money(out, "fees", -(rf_wide)event->fee);
    rf_put_id(out, "order_id", event->order_id);
    rf_put_id(out, "trade_id", event->id * 2 + event->code);
    rf_put_id(out, "trade_match_id", event->id);
    rf_put_text(out, "taker_side", event->code ? "TAKER" : "MAKER");
    rf_put_text(out, "side", rf_side_name(event->side));
    rf_put_text(out, "instrument_name", view->config.name);
    rf_put_text(out, "fee_instrument_name", "USD");
    rf_put_money(out, "realized_pnl", event->realized);
    rf_put_ms(out, "create_time", event->time_ns);
    rf_put_id(out, "create_time_ns", (uint64_t)event->time_ns);
    rf_put_id(out, "transact_time_ns", (uint64_t)event->time_ns);
    if (event->isolation_id) {
        rf_put_id(out, "isolation_id", event->isolation_id);
        rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    }
    rf_put_close(out, '}');
}

static void push_user_trades(pusher *push)
{
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        rf_instrument_view view;
        if (event->kind != RF_EVENT_FILL || !event->account ||
            !rf_view_instrument(push->api->engine, event->instrument, &view))
            continue;
        open_message(push, view.config.name, "user.trade", "user.trade");
        put_user_trade(push, event, &view);
        close_message(push, event->account);
    }
}

/* Fills and settlements move realised profit and fees without a ledger event of their own. */
static bool moves_money(const rf_event *event)
{
    return event->account &&
           (event->kind == RF_EVENT_LEDGER || event->kind == RF_EVENT_FILL ||
            event->kind == RF_EVENT_POSITION_SETTLED || event->kind == RF_EVENT_POSITION_MOVED);
}

static void push_balances(pusher *push)
{
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        if (!moves_money(&push->events[i]) || !is_first(push, account_key, i))
            continue;
        open_message(push, NULL, "user.balance", "user.balance");
        rf_encode_balance(push->out, NULL, push->api, push->events[i].account, NULL);
        close_message(push, push->events[i].account);
    }
}

static bool changes_position(const rf_event *event)
{
    bool isolated_money = event->kind == RF_EVENT_LEDGER && event->isolation_id;
    return event->account &&
           (isolated_money || event->kind == RF_EVENT_FILL ||
            event->kind == RF_EVENT_ISOLATION_OPENED || event->kind == RF_EVENT_ISOLATION_CLOSED ||
            event->kind == RF_EVENT_LEVERAGE_CHANGED || event->kind == RF_EVENT_POSITION_SETTLED ||
            event->kind == RF_EVENT_POSITION_MOVED);
}

/* Always all rows: clients replace what they knew by each message. */
static void push_positions(pusher *push)
{
    rf_api *api = push->api;
    start_pass(push);
    for (size_t i = 0; i < push->count; i++) {
        if (!changes_position(&push->events[i]) || !is_first(push, account_key, i))
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

/* What an event means for the margin of its owner; NULL = nothing. */
static const char *margin_kind(const rf_event *event)
{
    if (!event->account)
        return NULL;
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        return "LIQUIDATION_START";
    if (event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        return "LIQUIDATION_RECOVERED";
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED)
        return "LIQUIDATION_END";
    if (event->kind == RF_EVENT_FILL && (event->flags & RF_FLAG_LIQUIDATION))
        return "LIQUIDATION_FILL";
    if (event->kind == RF_EVENT_POSITION_MOVED)
        return event->code == 2 ? "ADL" : "TAKEOVER";
    if (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_FUNDING)
        return "FUNDING";
    if (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_ISOLATED_TRANSFER)
        return "TOPUP";
    return NULL;
}

/* Signed as the owner sees it: what it pays is below 0; margin that moves into an isolation above
 * 0. */
static int64_t margin_amount(const rf_event *event)
{
    bool pays = event->slot_from == RF_SLOT_ISOLATED ||
                (event->slot_from == RF_SLOT_MAIN && event->slot_to != RF_SLOT_ISOLATED);
    return event->kind == RF_EVENT_LEDGER && pays ? -event->amount : event->amount;
}

static void put_margin_details(pusher *push, const rf_event *event, const rf_instrument_view *view)
{
    rf_bytes *out = push->out;
    const rf_instrument_config *config = &view->config;
    if (event->kind == RF_EVENT_LEDGER)
        rf_put_money(out, "amount", margin_amount(event));
    if (event->kind == RF_EVENT_FILL) {
        rf_put_decimal(out, "price", event->price, config->price_decimals);
        rf_put_decimal(out, "quantity", event->qty, config->qty_decimals);
        rf_put_money(out, "realized_pnl", event->realized);
        rf_put_money(out, "fee", event->fee);
    }
    if (event->kind == RF_EVENT_POSITION_MOVED) {
        rf_put_decimal(out, "quantity", event->qty, config->qty_decimals);
        rf_put_money(out, "realized_pnl", event->realized);
    }
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED) {
        rf_put_money(out, "equity", event->amount);
        rf_put_money(out, "required", event->value);
    }
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED) {
        rf_put_money(out, "to_insurance_fund", event->amount);
        rf_put_money(out, "uncovered_loss", event->realized);
    }
}

/* A cross account's liquidation is about all its instruments. */
static void push_margin(pusher *push)
{
    for (size_t i = 0; i < push->count; i++) {
        const rf_event *event = &push->events[i];
        const char *kind = margin_kind(event);
        rf_instrument_view view;
        if (!kind || !rf_view_instrument(push->api->engine, event->instrument, &view))
            continue;
        bool whole_account = event->isolation_id == 0 && strncmp(kind, "LIQUIDATION", 11) == 0 &&
                             event->kind != RF_EVENT_FILL;
        open_message(push, NULL, "user.x.margin", "user.x.margin");
        rf_put_open(push->out, NULL, '{');
        rf_put_text(push->out, "kind", kind);
        if (event->isolation_id)
            rf_put_id(push->out, "isolation_id", event->isolation_id);
        if (!whole_account)
            rf_put_text(push->out, "instrument_name", view.config.name);
        put_margin_details(push, event, &view);
        rf_put_ms(push->out, "t", event->time_ns);
        rf_put_close(push->out, '}');
        close_message(push, event->account);
    }
}

/* ---- Market channels ------------------------------------------------------------------------- */

static void put_changes(pusher *push, const char *key, rf_side side, const rf_instrument_view *view)
{
    rf_level *levels = push->api->rows.levels;
    size_t count =
        rf_market_take_changes(push->api->market, view->instrument, side, levels, CHANGES_SHOWN);
    rf_put_open(push->out, key, '[');
    for (size_t i = 0; i < count; i++) {
        rf_put_open(push->out, NULL, '[');
        rf_put_decimal(push->out, NULL, levels[i].price, view->config.price_decimals);
        rf_put_decimal(push->out, NULL, levels[i].qty, view->config.qty_decimals);
        rf_put_id(push->out, NULL, levels[i].orders);
        rf_put_close(push->out, ']');
    }
    rf_put_close(push->out, ']');
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
    rf_put_open(push->out, NULL, '{');
    rf_put_decimal(push->out, "v", is_rate ? last->value : last->price,
                   is_rate ? 8 : view->config.price_decimals);
    rf_put_ms(push->out, "t", last->time_ns);
    rf_put_close(push->out, '}');
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
