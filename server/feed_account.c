/* Channels of a user that tell a state: balance, positions, both in short, risk; and the warnings of
 * user.x.margin. Each is encoded at most once a flush, however often it changed. */
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "server/feed_state.h"

/* ---- What was shown -------------------------------------------------------------------------- */

static feed_shown *find_shown(const feed_shown_list *list, uint32_t instrument,
                              uint64_t isolation_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->rows[i].isolation_id == isolation_id && list->rows[i].instrument == instrument)
            return &list->rows[i];
    return NULL;
}

static bool add_shown(feed_shown_list *list, uint32_t instrument, uint64_t isolation_id,
                      uint32_t leverage)
{
    if (list->count == list->max) {
        size_t wanted = list->max ? 2 * list->max : 4;
        feed_shown *rows = realloc(list->rows, wanted * sizeof *rows);
        if (!rows)
            return false;
        list->rows = rows;
        list->max = wanted;
    }
    list->rows[list->count++] =
        (feed_shown){.isolation_id = isolation_id, .instrument = instrument, .leverage = leverage};
    return true;
}

/* ---- Positions ------------------------------------------------------------------------------- */

static size_t read_positions(const rf_feed *feed, uint32_t account)
{
    rf_api *api = feed->world->api;
    size_t count = rf_view_positions(api->engine, account, api->positions, api->positions_max);
    return count < api->positions_max ? count : api->positions_max;
}

static bool is_open(const rf_api *api, size_t count, const feed_shown *shown)
{
    for (size_t i = 0; i < count; i++)
        if (api->positions[i].qty != 0 && api->positions[i].instrument == shown->instrument &&
            api->positions[i].isolation_id == shown->isolation_id)
            return true;
    return false;
}

static rf_position_view closed_row(const feed_channel *channel, const feed_shown *shown,
                                   int64_t time_ns)
{
    return (rf_position_view){.account = channel->name.owner,
                              .instrument = (uint16_t)shown->instrument,
                              .isolated = shown->isolation_id != 0,
                              .isolation_id = shown->isolation_id,
                              .leverage = shown->leverage,
                              .update_time_ns = time_ns};
}

/* The rows that were open when it was told last and are not any more: once, with quantity 0. (Before
 * somebody comes the others are told, so a newcomer finds none.) */
static void put_closed(rf_feed *feed, feed_channel *channel, size_t count, bool isolated,
                       void (*put)(rf_feed *feed, const rf_position_view *row))
{
    for (size_t i = 0; i < channel->shown.count; i++) {
        const feed_shown *shown = &channel->shown.rows[i];
        if (is_open(feed->world->api, count, shown) || (shown->isolation_id != 0) != isolated)
            continue;
        rf_position_view row = closed_row(channel, shown, feed->time_ns);
        put(feed, &row);
    }
}

static void remember_open(rf_feed *feed, feed_channel *channel, size_t count)
{
    const rf_position_view *rows = feed->world->api->positions;
    channel->shown.count = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].qty != 0 &&
            !add_shown(&channel->shown, rows[i].instrument, rows[i].isolation_id, rows[i].leverage))
            feed->no_memory = true;
}

static void put_position(rf_feed *feed, const rf_position_view *row)
{
    rf_encode_position(&feed->out, NULL, feed->world->engine, row);
}

static void put_positions(rf_feed *feed, feed_channel *channel)
{
    size_t count = read_positions(feed, channel->name.owner);
    const rf_position_view *rows = feed->world->api->positions;
    for (size_t i = 0; i < count; i++)
        if (rows[i].qty != 0)
            put_position(feed, &rows[i]);
    put_closed(feed, channel, count, false, put_position);
    put_closed(feed, channel, count, true, put_position);
    remember_open(feed, channel, count);
}

/* ---- Both in short --------------------------------------------------------------------------- */

static void put_quantity(rf_bytes *out, const char *name, int64_t quantity, int64_t time_ns)
{
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "instrument_name", name);
    rf_put_money(out, "quantity", quantity);
    rf_put_ms(out, "update_timestamp_ms", time_ns);
    rf_put_close(out, '}');
}

static void put_quantities(rf_feed *feed, uint32_t account)
{
    const rf_engine *engine = feed->world->engine;
    rf_account_view view;
    rf_put_open(&feed->out, "balances", '[');
    for (uint32_t i = 0; rf_view_account(engine, account, &view) && i < rf_currencies_count(engine);
         i++) {
        rf_currency_view currency;
        if ((i == 0 || view.cash[i] != 0) && rf_view_currency(engine, i, &currency))
            put_quantity(&feed->out, currency.name, view.cash[i], feed->time_ns);
    }
    rf_put_close(&feed->out, ']');
}

static void put_core(rf_feed *feed, const rf_position_view *row)
{
    rf_encode_position_core(&feed->out, NULL, feed->world->engine, row);
}

static void put_isolated_core(rf_feed *feed, const rf_position_view *row)
{
    rf_bytes *out = &feed->out;
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "isolation_id", row->isolation_id);
    rf_put_id(out, "leverage", row->leverage);
    rf_put_text(out, "isolation_type", "ISOLATED_MARGIN");
    rf_put_open(out, "balances", '[');
    put_quantity(out, "USD", row->wallet, feed->time_ns);
    rf_put_close(out, ']');
    rf_put_open(out, "positions", '[');
    put_core(feed, row);
    rf_put_close(out, ']');
    rf_put_close(out, '}');
}

static void put_short(rf_feed *feed, feed_channel *channel)
{
    size_t count = read_positions(feed, channel->name.owner);
    const rf_position_view *rows = feed->world->api->positions;
    rf_put_open(&feed->out, NULL, '{');
    put_quantities(feed, channel->name.owner);
    rf_put_open(&feed->out, "positions", '[');
    for (size_t i = 0; i < count; i++)
        if (!rows[i].isolated && rows[i].qty != 0)
            put_core(feed, &rows[i]);
    put_closed(feed, channel, count, false, put_core);
    rf_put_close(&feed->out, ']');
    rf_put_open(&feed->out, "isolated_positions", '[');
    for (size_t i = 0; i < count; i++)
        if (rows[i].isolated && rows[i].qty != 0)
            put_isolated_core(feed, &rows[i]);
    put_closed(feed, channel, count, true, put_isolated_core);
    rf_put_close(&feed->out, ']');
    rf_put_close(&feed->out, '}');
    remember_open(feed, channel, count);
}

/* ---- States ---------------------------------------------------------------------------------- */

void feed_put_state(rf_feed *feed, feed_channel *channel)
{
    rf_api *api = feed->world->api;
    if (channel->name.kind == RF_CHANNEL_BALANCE)
        rf_encode_balance(&feed->out, NULL, api, channel->name.owner, NULL);
    if (channel->name.kind == RF_CHANNEL_POSITIONS)
        put_positions(feed, channel);
    if (channel->name.kind == RF_CHANNEL_POSITION_BALANCE)
        put_short(feed, channel);
    if (channel->name.kind == RF_CHANNEL_ACCOUNT_RISK)
        rf_encode_account_risk(&feed->out, api, channel->name.owner);
}

static void push_state(rf_feed *feed, feed_channel *channel)
{
    feed->seq++;
    feed_open_user(feed, channel, -1, NULL);
    rf_message_data(&feed->out);
    feed_put_state(feed, channel);
    rf_message_close(&feed->out, NULL);
    feed_push(feed, channel);
}

/* ---- Warnings -------------------------------------------------------------------------------- */

typedef struct feed_margin {
    uint32_t instrument;
    uint64_t isolation_id; /* 0: the cross account */
    rf_wide required, equity;
    int64_t liquidation_price;
} feed_margin;

static bool reaches(const feed_margin *margin, int percent)
{
    return margin->required > 0 && margin->required * 100 >= margin->equity * percent;
}

static void push_warning(rf_feed *feed, feed_channel *channel, const feed_margin *margin)
{
    rf_instrument_view view;
    rf_bytes *out = &feed->out;
    feed->seq++;
    feed_open_user(feed, channel, -1, NULL);
    rf_message_data(out);
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "kind", "WARNING");
    if (margin->isolation_id &&
        rf_view_instrument(feed->world->engine, margin->instrument, &view)) {
        rf_put_id(out, "isolation_id", margin->isolation_id);
        rf_put_text(out, "instrument_name", view.config.name);
        rf_put_decimal(out, "liquidation_price", margin->liquidation_price,
                       view.config.price_decimals);
    }
    if (margin->equity > 0)
        rf_put_money(out, "margin_ratio", rf_ratio_up(margin->required, margin->equity));
    else
        rf_put_text(out, "margin_ratio", "");
    rf_put_ms(out, "t", feed->time_ns);
    rf_put_close(out, '}');
    rf_message_close(out, NULL);
    feed_push(feed, channel);
}

/* Once for each crossing: only when it was calm in between may it warn again. */
static void judge(rf_feed *feed, feed_channel *channel, const feed_margin *margin)
{
    feed_shown *warned = find_shown(&channel->shown, margin->instrument, margin->isolation_id);
    if (warned && !reaches(margin, FEED_CALM_PERCENT))
        *warned = channel->shown.rows[--channel->shown.count];
    if (warned || !reaches(margin, FEED_WARN_PERCENT))
        return;
    push_warning(feed, channel, margin);
    if (!add_shown(&channel->shown, margin->instrument, margin->isolation_id, 0))
        feed->no_memory = true;
}

static void judge_account(rf_feed *feed, feed_channel *channel)
{
    rf_account_view view;
    size_t count = read_positions(feed, channel->name.owner);
    channel->marks_seen = feed->marks;
    for (size_t i = 0; i < count; i++) {
        const rf_position_view *row = &feed->world->api->positions[i];
        feed_margin margin = {.instrument = row->instrument,
                              .isolation_id = row->isolation_id,
                              .required = row->health_required,
                              .equity = (rf_wide)row->wallet + row->unrealized,
                              .liquidation_price = row->liquidation_price};
        if (row->isolated && row->qty != 0)
            judge(feed, channel, &margin);
    }
    if (!rf_view_account(feed->world->engine, channel->name.owner, &view))
        return;
    feed_margin cross = {.required = (rf_wide)view.maintenance_margin + view.fee_reserve,
                         .equity = (rf_wide)view.margin_balance + view.fee_reserve};
    judge(feed, channel, &cross);
}

/* ---- Turns and beats ------------------------------------------------------------------------- */

void feed_flush_account(rf_feed *feed, feed_owner *owner)
{
    static const rf_channel states[] = {RF_CHANNEL_BALANCE, RF_CHANNEL_POSITIONS,
                                        RF_CHANNEL_POSITION_BALANCE};
    feed_channel *channel;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        for (channel = NULL; (owner->dirty >> states[i] & 1) != 0 &&
                             (channel = feed_next_channel(&owner->lists[states[i]], channel));)
            push_state(feed, channel);
    for (channel = NULL; (owner->dirty & FEED_BIT(MARGIN)) != 0 &&
                         (channel = feed_next_channel(&owner->lists[RF_CHANNEL_MARGIN], channel));)
        judge_account(feed, channel);
}

static feed_channel *first_due(const rf_feed *feed, const feed_link *list)
{
    if (feed_list_empty(list))
        return NULL;
    feed_channel *channel = FEED_OF(feed_channel, timer, list->after);
    return channel->due_ns <= feed->clock_ns ? channel : NULL;
}

/* Accounts without a subscriber are not looked at when marks move. */
void feed_beat_accounts(rf_feed *feed)
{
    feed_channel *channel;
    while ((channel = first_due(feed, &feed->risks))) {
        feed_await(&feed->risks, channel,
                   feed->clock_ns + feed_interval_ns(RF_CHANNEL_ACCOUNT_RISK));
        push_state(feed, channel);
    }
    while ((channel = first_due(feed, &feed->watches))) {
        feed_await(&feed->watches, channel, feed->clock_ns + FEED_WATCH_MS * NS_PER_MS);
        if (channel->marks_seen != feed->marks)
            judge_account(feed, channel);
    }
    while ((channel = first_due(feed, &feed->lingering)) ||
           feed->lingering_count > FEED_LINGER_MAX) {
        if (!channel)
            channel = FEED_OF(feed_channel, timer, feed->lingering.after);
        feed->lingering_count--;
        feed_release_channel(feed, channel);
    }
}
