/* The feed: from events to what has changed, and out once a turn. Subscriptions come and go here. */
#include "server/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "base/check.h"
#include "base/decimal.h"
#include "server/feed_state.h"

/* ---- Life ------------------------------------------------------------------------------------ */

static void on_event(void *context, const rf_event *event)
{
    rf_feed *feed = context;
    if (feed->channels.count == 0)
        return;
    feed_market_event(feed, event);
    feed_user_event(feed, event);
}

static void on_applied(void *context, rf_record_kind kind, int64_t time_ns)
{
    (void)kind;
    (void)time_ns;
    feed_user_applied(context);
}

static void init_lists(rf_feed *feed)
{
    feed_link *lists[] = {&feed->dirty,     &feed->waiting,   &feed->lagging,
                          &feed->snapshots, &feed->quiet,     &feed->risks,
                          &feed->watches,   &feed->lingering, &feed->gone};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        feed_list_init(lists[i]);
    for (unsigned mode = 0; mode < FEED_MODES; mode++)
        feed_list_init(&feed->streams[mode]);
}

rf_feed *rf_feed_open(rf_world *world, rf_gate *gate)
{
    rf_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->world = world;
    feed->gate = gate;
    feed->instruments_max = world->limits.instruments_max;
    feed->indexes_max = world->limits.instruments_max + RF_CURRENCIES_MAX;
    feed->accounts_max = world->limits.accounts_max;
    feed->instruments = calloc(feed->instruments_max, sizeof *feed->instruments);
    feed->indexes = calloc(feed->indexes_max, sizeof *feed->indexes);
    feed->accounts = calloc(feed->accounts_max, sizeof *feed->accounts);
    init_lists(feed);
    rf_bytes_init(&feed->out, NULL, 0, rf_world_grow);
    if (!feed->instruments || !feed->indexes || !feed->accounts) {
        rf_feed_close(feed);
        return NULL;
    }
    rf_world_observe(world, (rf_observer){on_event, on_applied, feed});
    return feed;
}

void rf_feed_close(rf_feed *feed)
{
    feed_ring_clear(feed);
    feed_clear(feed);
    free(feed->instruments);
    free(feed->indexes);
    free(feed->accounts);
    free(feed->user_events.rows);
    free(feed->market_events.rows);
    free(feed->seen.keys);
    free(feed->out.data);
    free(feed);
}

/* ---- Turns ----------------------------------------------------------------------------------- */

void feed_await(feed_link *list, feed_channel *channel, int64_t due_ns)
{
    feed_link_remove(&channel->timer);
    channel->due_ns = due_ns;
    feed_link_append(list, &channel->timer);
}

static void release_gone(rf_feed *feed)
{
    while (!feed_list_empty(&feed->gone))
        feed_release_client(feed, FEED_OF(feed_client, gone, feed->gone.after));
}

/* The sequence of user messages begins above what any earlier run of the server can have used: it
 * starts at the clock, with room for two million messages a second ever since. */
static void start(rf_feed *feed, rf_moment now)
{
    feed->time_ns = now.time_ns;
    feed->clock_ns = now.clock_ns;
    feed->barrier = now.barrier;
    if (feed->seq == 0)
        feed->seq = (uint64_t)(now.time_ns / NS_PER_MS) << 11;
}

static void flush(rf_feed *feed)
{
    while (!feed_list_empty(&feed->dirty)) {
        feed_owner *owner = FEED_OF(feed_owner, dirty_link, feed->dirty.after);
        feed_link_remove(&owner->dirty_link);
        if (owner->scope == FEED_ACCOUNT)
            feed_flush_account(feed, owner);
        else
            feed_flush_market(feed, owner);
        owner->dirty = 0;
    }
    feed->market_events.count = 0;
    feed_send_pending(feed);
}

void rf_feed_flush(rf_feed *feed, rf_moment now)
{
    start(feed, now);
    flush(feed);
    release_gone(feed);
}

/* Ranks of deleveraging are read with every push of positions: they may be a second old. Said again
 * and again, because a recovery may put a fresh engine in the old one's place. */
#define RANK_AGE_NS 1000000000LL

void rf_feed_beat(rf_feed *feed, rf_moment now)
{
    rf_engine_set_rank_age(feed->world->engine, RANK_AGE_NS);
    start(feed, now);
    flush(feed);
    feed_beat_books(feed);
    feed_flush_waiting(feed);
    feed_beat_accounts(feed);
    feed_send_pending(feed);
    feed_catch_up(feed);
    release_gone(feed);
}

void rf_feed_forget(rf_feed *feed, rf_conn conn)
{
    feed_client *client = feed_find_client(feed, conn);
    if (!client)
        return;
    if (!feed->sending)
        feed_release_client(feed, client);
    else if (!client->gone.after)
        feed_link_append(&feed->gone, &client->gone);
}

/* ---- Requests -------------------------------------------------------------------------------- */

typedef struct feed_request {
    const rf_json *json;
    uint32_t channels; /* token */
    feed_mode mode;
    bool resumes;
    uint64_t since_seq;
} feed_request;

static rf_error refuse(char problem[160], rf_error code, const char *before, const char *what,
                       const char *behind)
{
    snprintf(problem, 160, "%s%.100s%s", before, what, behind);
    return code;
}

/* A number may come as a string. */
static uint32_t option(const feed_request *request, uint32_t params, const char *name,
                       const char *camel)
{
    uint32_t token = rf_json_member(request->json, params, name);
    if (!token && camel)
        token = rf_json_member(request->json, params, camel);
    bool scalar = token && (request->json->tokens[token].kind == RF_JSON_STRING ||
                            request->json->tokens[token].kind == RF_JSON_NUMBER);
    return scalar ? token : 0;
}

/* ccxt writes its bookUpdateFrequency over bookSubscriptionType: a number there is the frequency,
 * and says which type. */
static bool read_mode(feed_request *request, uint32_t type, uint32_t frequency)
{
    const rf_json *json = request->json;
    bool mistaken = type && !frequency && json->tokens[type].kind == RF_JSON_NUMBER;
    if (mistaken)
        frequency = type;
    int speed = frequency ? rf_choice("10|100|500", rf_json_text(json, frequency)) : 0;
    int kind = type ? rf_choice("SNAPSHOT|SNAPSHOT_AND_UPDATE", rf_json_text(json, type)) : 0;
    if (mistaken)
        kind = speed != 2;
    request->mode = kind == 0 ? FEED_SNAPSHOTS : speed == 1 ? FEED_DELTAS_100 : FEED_DELTAS_10;
    return kind >= 0 && speed >= 0 && !(kind == 1 && speed == 2);
}

static rf_error read_request(feed_request *request, const rf_json *json, uint32_t params,
                             char problem[160])
{
    *request = (feed_request){.json = json, .channels = rf_json_member(json, params, "channels")};
    const rf_json_token *channels = &json->tokens[request->channels];
    if (!request->channels || channels->kind != RF_JSON_ARRAY || channels->count == 0)
        return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "channels",
                      channels->kind == RF_JSON_ARRAY || !request->channels
                          ? " is missing"
                          : " is an array of names",
                      "");
    for (uint32_t i = 0; i < channels->count; i++) {
        uint32_t token = rf_json_element(json, request->channels, i);
        if (json->tokens[token].kind != RF_JSON_STRING)
            return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "channels", " takes strings",
                          "");
    }
    if (!read_mode(request,
                   option(request, params, "book_subscription_type", "bookSubscriptionType"),
                   option(request, params, "book_update_frequency", "bookUpdateFrequency")))
        return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT,
                      "SNAPSHOT comes every 500 ms, SNAPSHOT_AND_UPDATE every 10 or 100", "", "");
    uint32_t since = option(request, params, "since_seq", "sinceSeq");
    request->resumes = since != 0;
    if (since && !rf_decimal_parse_id(rf_json_text(json, since), json->tokens[since].text_size,
                                      &request->since_seq))
        return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "since_seq",
                      " is a seq of an earlier message", "");
    return RF_ERR_OK;
}

static const char *channel_at(const feed_request *request, uint32_t position)
{
    return rf_json_text(request->json, rf_json_element(request->json, request->channels, position));
}

static bool came_before(const feed_request *request, uint32_t position)
{
    for (uint32_t i = 0; i < position; i++)
        if (strcmp(channel_at(request, i), channel_at(request, position)) == 0)
            return true;
    return false;
}

/* All of them are good, or nothing happens. */
static rf_error check_channels(const rf_feed *feed, const rf_subscriber *subscriber,
                               const feed_request *request, char problem[160])
{
    const feed_client *client = feed_find_client(feed, subscriber->conn);
    uint32_t count = client ? client->count : 0;
    uint32_t asked = request->json->tokens[request->channels].count;
    for (uint32_t i = 0; i < asked; i++) {
        const char *text = channel_at(request, i);
        feed_name name;
        if (!feed_parse_name(feed, subscriber, text, request->mode, &name))
            return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "invalid channel {", text,
                          "}");
        if (!subscriber->market && subscriber->account == 0)
            return refuse(problem, RF_ERR_UNAUTHORIZED, "UNAUTHORIZED", "", "");
        if (count <= RF_SUBSCRIPTIONS_MAX && feed_find_slot(client, text) < 0 &&
            !came_before(request, i))
            count++;
    }
    if (count > RF_SUBSCRIPTIONS_MAX)
        return refuse(problem, RF_ERR_EXCEED_MAX_SUBSCRIPTIONS, "EXCEED_MAX_SUBSCRIPTIONS", "", "");
    return RF_ERR_OK;
}

static void acknowledge(rf_feed *feed, rf_conn conn, int64_t id, const char *method)
{
    rf_bytes *out = feed_start(feed);
    rf_put_open(out, NULL, '{');
    rf_put_int(out, "id", id);
    rf_put_text(out, "method", method);
    rf_put_int(out, "code", 0);
    rf_put_close(out, '}');
    feed_send_one(feed, conn, out);
}

/* ---- Subscribe ------------------------------------------------------------------------------- */

static void subscribe_market(rf_feed *feed, rf_conn conn, feed_channel *channel)
{
    feed_client *client = feed_find_client(feed, conn);
    feed_slot *slot = &client->slots[feed_find_slot(client, channel->text)];
    feed_begin_market(feed, channel);
    if (channel->members[slot->at].behind)
        feed_caught_up(channel, &channel->members[slot->at]);
    feed_send_one(feed, conn, &feed->out);
}

static void subscribe_user(rf_feed *feed, rf_conn conn, feed_channel *channel,
                           const feed_request *request, int64_t id)
{
    bool resumed = request->resumes && feed_resumes(feed, channel, request->since_seq);
    feed_begin_user(feed, channel, id, request->resumes ? &resumed : NULL, request->since_seq);
    feed_send_one(feed, conn, &feed->out);
    if (resumed)
        feed_resume(feed, channel, request->since_seq, conn);
}

static void subscribe_each(rf_feed *feed, const rf_subscriber *subscriber,
                           const feed_request *request, int64_t id)
{
    uint32_t asked = request->json->tokens[request->channels].count;
    for (uint32_t i = 0; i < asked; i++) {
        const char *text = channel_at(request, i);
        feed_name name;
        /* A name that is there twice is one subscription and one answer. */
        if (came_before(request, i) ||
            !feed_parse_name(feed, subscriber, text, request->mode, &name))
            continue;
        feed_freshen_book(feed, &name);
        feed_channel *channel = feed_join(feed, subscriber->conn, text, &name);
        if (!channel) {
            rf_gate_end(feed->gate, subscriber->conn, 1013, "out of memory");
            return;
        }
        if (feed_is_user(name.kind))
            subscribe_user(feed, subscriber->conn, channel, request, id);
        else
            subscribe_market(feed, subscriber->conn, channel);
    }
}

rf_error rf_feed_subscribe(rf_feed *feed, const rf_subscriber *subscriber, const rf_json *json,
                           uint32_t params, int64_t id, rf_moment now, char problem[160])
{
    feed_request request;
    rf_error code = read_request(&request, json, params, problem);
    if (code == RF_ERR_OK)
        code = check_channels(feed, subscriber, &request, problem);
    if (code != RF_ERR_OK)
        return code;
    /* What happened before belongs to those who were here before. */
    start(feed, now);
    flush(feed);
    acknowledge(feed, subscriber->conn, id, "subscribe");
    subscribe_each(feed, subscriber, &request, id);
    release_gone(feed);
    return RF_ERR_OK;
}

rf_error rf_feed_unsubscribe(rf_feed *feed, const rf_subscriber *subscriber, const rf_json *json,
                             uint32_t params, int64_t id, uint64_t barrier, char problem[160])
{
    feed_request request;
    rf_error code = read_request(&request, json, params, problem);
    if (code != RF_ERR_OK)
        return code;
    for (uint32_t i = 0; i < json->tokens[request.channels].count; i++) {
        feed_name name;
        if (!feed_parse_name(feed, subscriber, channel_at(&request, i), request.mode, &name))
            return refuse(problem, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "invalid channel {",
                          channel_at(&request, i), "}");
    }
    feed->barrier = barrier;
    feed_client *client = feed_find_client(feed, subscriber->conn);
    for (uint32_t i = 0; client && i < json->tokens[request.channels].count; i++) {
        int slot = feed_find_slot(client, channel_at(&request, i));
        if (slot >= 0)
            feed_leave(feed, client, (uint32_t)slot);
    }
    acknowledge(feed, subscriber->conn, id, "unsubscribe");
    release_gone(feed);
    return RF_ERR_OK;
}

uint32_t rf_feed_subscriptions(const rf_feed *feed, rf_conn conn)
{
    const feed_client *client = feed_find_client(feed, conn);
    return client ? client->count : 0;
}
