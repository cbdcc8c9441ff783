/* Clients, channels and who is in which: found by hash, entered and left in O(1). */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/feed_state.h"

/* ---- Lists ----------------------------------------------------------------------------------- */

void feed_list_init(feed_link *list)
{
    list->before = list->after = list;
}

bool feed_list_empty(const feed_link *list)
{
    return list->after == list;
}

void feed_link_append(feed_link *list, feed_link *link)
{
    link->before = list->before;
    link->after = list;
    list->before->after = link;
    list->before = link;
}

void feed_link_remove(feed_link *link)
{
    if (!link->after)
        return;
    link->before->after = link->after;
    link->after->before = link->before;
    link->before = link->after = NULL;
}

feed_channel *feed_next_channel(const feed_link *list, const feed_channel *channel)
{
    feed_link *link = channel ? channel->sibling.after : list->after;
    return link == list ? NULL : FEED_OF(feed_channel, sibling, link);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

feed_node *feed_table_first(const feed_table *table, uint64_t hash)
{
    feed_node *node = table->size ? table->buckets[hash & (table->size - 1)] : NULL;
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

feed_node *feed_table_next(const feed_node *node)
{
    feed_node *next = node->next;
    while (next && next->hash != node->hash)
        next = next->next;
    return next;
}

static bool grow_table(feed_table *table)
{
    size_t size = table->size ? 2 * table->size : 64;
    feed_node **buckets = calloc(size, sizeof(feed_node *));
    if (!buckets)
        return false;
    for (size_t i = 0; i < table->size; i++)
        for (feed_node *node = table->buckets[i], *next; node; node = next) {
            feed_node **bucket = &buckets[node->hash & (size - 1)];
            next = node->next;
            node->next = *bucket;
            *bucket = node;
        }
    free(table->buckets);
    table->buckets = buckets;
    table->size = size;
    return true;
}

bool feed_table_add(feed_table *table, feed_node *node)
{
    if (table->count >= table->size && !grow_table(table))
        return false;
    feed_node **bucket = &table->buckets[node->hash & (table->size - 1)];
    node->next = *bucket;
    *bucket = node;
    table->count++;
    return true;
}

void feed_table_remove(feed_table *table, feed_node *node)
{
    feed_node **link = &table->buckets[node->hash & (table->size - 1)];
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

feed_node *feed_table_any(const feed_table *table)
{
    for (size_t i = 0; i < table->size; i++)
        if (table->buckets[i])
            return table->buckets[i];
    return NULL;
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 31;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
}

bool feed_seen_start(feed_seen *seen, size_t count)
{
    size_t wanted = 64;
    while (wanted < 4 * count)
        wanted *= 2;
    if (wanted > seen->size) {
        uint64_t *keys = realloc(seen->keys, wanted * sizeof *keys);
        if (!keys)
            return false;
        seen->keys = keys;
        seen->size = wanted;
    }
    memset(seen->keys, 0, seen->size * sizeof *seen->keys);
    return true;
}

bool feed_seen_first(feed_seen *seen, uint64_t key)
{
    size_t slot = (size_t)mix(key) & (seen->size - 1);
    for (; seen->keys[slot]; slot = (slot + 1) & (seen->size - 1))
        if (seen->keys[slot] == key)
            return false;
    seen->keys[slot] = key;
    return true;
}

/* ---- Owners ---------------------------------------------------------------------------------- */

static feed_owner **owner_place(const rf_feed *feed, feed_scope scope, uint32_t number)
{
    switch (scope) {
    case FEED_ALL:
        return (feed_owner **)&feed->all;
    case FEED_INSTRUMENT:
        return number < feed->instruments_max ? &feed->instruments[number] : NULL;
    case FEED_INDEX:
        return number < feed->indexes_max ? &feed->indexes[number] : NULL;
    case FEED_ACCOUNT:
        return number < feed->accounts_max ? &feed->accounts[number] : NULL;
    }
    return NULL;
}

feed_owner *feed_find_owner(const rf_feed *feed, feed_scope scope, uint32_t number)
{
    feed_owner **place = owner_place(feed, scope, number);
    return place ? *place : NULL;
}

static feed_owner *open_owner(rf_feed *feed, feed_scope scope, uint32_t number)
{
    feed_owner **place = owner_place(feed, scope, number);
    if (!place)
        return NULL;
    if (*place)
        return *place;
    feed_owner *owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->scope = scope;
    owner->number = number;
    for (unsigned kind = 0; kind < RF_CHANNELS; kind++)
        feed_list_init(&owner->lists[kind]);
    *place = owner;
    return owner;
}

static void close_owner(rf_feed *feed, feed_owner *owner)
{
    feed_link_remove(&owner->dirty_link);
    *owner_place(feed, owner->scope, owner->number) = NULL;
    free(owner);
}

/* ---- Clients --------------------------------------------------------------------------------- */

feed_client *feed_find_client(const rf_feed *feed, rf_conn conn)
{
    feed_node *node = feed_table_first(&feed->clients, mix(conn));
    while (node && FEED_OF(feed_client, node, node)->conn != conn)
        node = feed_table_next(node);
    return node ? FEED_OF(feed_client, node, node) : NULL;
}

static feed_client *open_client(rf_feed *feed, rf_conn conn)
{
    feed_client *client = feed_find_client(feed, conn);
    if (client)
        return client;
    client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->conn = conn;
    client->node.hash = mix(conn);
    if (feed_table_add(&feed->clients, &client->node))
        return client;
    free(client);
    return NULL;
}

int feed_find_slot(const feed_client *client, const char *text)
{
    for (uint32_t i = 0; client && i < client->count; i++)
        if (strcmp(client->slots[i].channel->text, text) == 0)
            return (int)i;
    return -1;
}

void feed_release_client(rf_feed *feed, feed_client *client)
{
    while (client->count > 0)
        feed_leave(feed, client, client->count - 1);
    feed_link_remove(&client->gone);
    feed_table_remove(&feed->clients, &client->node);
    free(client->slots);
    free(client);
}

/* ---- Channels -------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text, const feed_name *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    uint32_t account = name->scope == FEED_ACCOUNT ? name->owner : 0;
    return mix(hash ^ mix((uint64_t)account << 8 | (unsigned)name->mode));
}

static feed_channel *find_channel(const rf_feed *feed, const char *text, const feed_name *name)
{
    feed_node *node = feed_table_first(&feed->channels, hash_of(text, name));
    for (; node; node = feed_table_next(node)) {
        feed_channel *channel = FEED_OF(feed_channel, node, node);
        if (channel->name.mode == name->mode && channel->name.scope == name->scope &&
            channel->name.owner == name->owner && strcmp(channel->text, text) == 0)
            return channel;
    }
    return NULL;
}

static feed_channel *open_channel(rf_feed *feed, const char *text, const feed_name *name)
{
    size_t size = strlen(text) + 1;
    feed_owner *owner = open_owner(feed, name->scope, name->owner);
    feed_channel *channel = owner ? calloc(1, sizeof *channel + size) : NULL;
    if (!channel)
        return NULL;
    memcpy(channel->text, text, size);
    channel->node.hash = hash_of(text, name);
    channel->name = *name;
    channel->number = ++feed->channels_ever;
    channel->since_seq = ++feed->seq; /* who saw an earlier one may have missed what came then */
    if (!feed_table_add(&feed->channels, &channel->node)) {
        free(channel);
        return NULL;
    }
    bool deltas = name->kind == RF_CHANNEL_BOOK && name->mode != FEED_SNAPSHOTS;
    if (!deltas)
        feed_link_append(&owner->lists[name->kind], &channel->sibling);
    else if (!feed_open_stream(feed, owner, channel)) {
        feed_table_remove(&feed->channels, &channel->node);
        free(channel);
        return NULL;
    }
    owner->wanted |= 1u << name->kind;
    return channel;
}

/* Nothing is left at this owner: it goes too. */
static void tidy_owner(rf_feed *feed, feed_owner *owner)
{
    for (unsigned kind = 0; kind < RF_CHANNELS; kind++)
        if (feed_list_empty(&owner->lists[kind]))
            owner->wanted &= ~(1u << kind);
    for (unsigned mode = 0; mode < FEED_MODES; mode++) {
        feed_stream *stream = owner->streams[mode];
        if (stream && feed_list_empty(&stream->channels)) {
            feed_link_remove(&stream->link);
            free(stream);
            owner->streams[mode] = NULL;
        } else if (stream)
            owner->wanted |= FEED_BIT(BOOK);
    }
    if (owner->wanted == 0)
        close_owner(feed, owner);
}

void feed_release_channel(rf_feed *feed, feed_channel *channel)
{
    RF_CHECK(channel->count == 0 && channel->behind == 0);
    feed_owner *owner = feed_find_owner(feed, channel->name.scope, channel->name.owner);
    feed_link_remove(&channel->sibling);
    feed_link_remove(&channel->timer);
    feed_link_remove(&channel->lagging);
    feed_table_remove(&feed->channels, &channel->node);
    free(channel->members);
    free(channel->shown.rows);
    free(channel);
    tidy_owner(feed, owner);
}

/* ---- Joining and leaving --------------------------------------------------------------------- */

static bool make_room(void **rows, uint32_t count, uint32_t *max, size_t size)
{
    if (count < *max)
        return true;
    uint32_t wanted = *max ? 2 * *max : 4;
    void *more = realloc(*rows, wanted * size);
    if (!more)
        return false;
    *rows = more;
    *max = wanted;
    return true;
}

/* A user's channel whose subscribers come back is not lingering any more. */
static void wake(rf_feed *feed, feed_channel *channel)
{
    if (channel->count == 0 && feed_is_kept(channel->name.kind) && channel->timer.after) {
        feed_link_remove(&channel->timer);
        feed->lingering_count--;
    }
}

feed_channel *feed_join(rf_feed *feed, rf_conn conn, const char *text, const feed_name *name)
{
    feed_client *client = open_client(feed, conn);
    int slot = feed_find_slot(client, text);
    if (slot >= 0 && client->slots[slot].channel->name.mode != name->mode) {
        feed_leave(feed, client, (uint32_t)slot);
        slot = -1;
    }
    if (slot >= 0)
        return client->slots[slot].channel;
    feed_channel *channel = client ? find_channel(feed, text, name) : NULL;
    if (client && !channel)
        channel = open_channel(feed, text, name);
    if (!channel)
        return NULL;
    void *slots = client->slots, *members = channel->members;
    bool room = make_room(&slots, client->count, &client->max, sizeof *client->slots);
    room = make_room(&members, channel->count, &channel->max, sizeof *channel->members) && room;
    client->slots = slots;
    channel->members = members;
    if (!room)
        return NULL;
    wake(feed, channel);
    client->slots[client->count] = (feed_slot){.channel = channel, .at = channel->count};
    channel->members[channel->count++] = (feed_member){.client = client, .at = client->count++};
    return channel;
}

/* The messages of a user's channel are kept for a while for those who come back. */
static void linger(rf_feed *feed, feed_channel *channel)
{
    feed_link_remove(&channel->timer);
    channel->due_ns = feed->clock_ns + FEED_LINGER_MS * NS_PER_MS;
    feed_link_append(&feed->lingering, &channel->timer);
    feed->lingering_count++;
}

void feed_leave(rf_feed *feed, feed_client *client, uint32_t slot)
{
    feed_channel *channel = client->slots[slot].channel;
    uint32_t at = client->slots[slot].at;
    if (channel->members[at].behind)
        feed_caught_up(channel, &channel->members[at]);
    channel->members[at] = channel->members[--channel->count];
    if (at < channel->count)
        channel->members[at].client->slots[channel->members[at].at].at = at;
    client->slots[slot] = client->slots[--client->count];
    if (slot < client->count)
        client->slots[slot].channel->members[client->slots[slot].at].at = slot;
    if (channel->count > 0)
        return;
    if (feed_is_kept(channel->name.kind))
        linger(feed, channel);
    else
        feed_release_channel(feed, channel);
}

void feed_clear(rf_feed *feed)
{
    feed_node *node;
    while ((node = feed_table_any(&feed->clients)))
        feed_release_client(feed, FEED_OF(feed_client, node, node));
    while ((node = feed_table_any(&feed->channels)))
        feed_release_channel(feed, FEED_OF(feed_channel, node, node));
    free(feed->clients.buckets);
    free(feed->channels.buckets);
}
