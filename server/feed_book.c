/* Books. All subscribers of an instrument and speed share what they know of its first 200 levels;
 * each depth is a prefix of it. What changes goes out as the difference of two prefixes, so a level
 * that leaves the window is deleted and one that enters it is told. */
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "server/feed_state.h"

static const int64_t speed_ns[FEED_MODES] = {
    [FEED_SNAPSHOTS] = FEED_BOOK_MS * NS_PER_MS,
    [FEED_DELTAS_10] = 10 * NS_PER_MS,
    [FEED_DELTAS_100] = 100 * NS_PER_MS,
};

static bool better(unsigned side, int64_t a, int64_t b)
{
    return side == RF_BUY ? a > b : a < b;
}

static size_t prefix(const feed_stream *stream, unsigned side, uint32_t depth)
{
    return stream->count[side] < depth ? stream->count[side] : depth;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void read_book(const rf_feed *feed, uint32_t instrument, feed_stream *stream)
{
    rf_book_stamp stamp = rf_market_book_stamp(feed->world->market, instrument);
    for (unsigned side = 0; side < 2; side++)
        stream->count[side] = rf_market_book(feed->world->market, instrument, (rf_side)side,
                                             stream->levels[side], FEED_DEPTH_MAX);
    stream->update = stamp.update;
    stream->time_ns = stamp.time_ns;
}

bool feed_open_stream(rf_feed *feed, feed_owner *owner, feed_channel *channel)
{
    feed_stream *stream = owner->streams[channel->name.mode];
    if (!stream) {
        stream = calloc(1, sizeof *stream);
        if (!stream)
            return false;
        stream->instrument = owner->number;
        feed_list_init(&stream->channels);
        read_book(feed, owner->number, stream);
        feed_link_append(&feed->streams[channel->name.mode], &stream->link);
        owner->streams[channel->name.mode] = stream;
    }
    feed_link_append(&stream->channels, &channel->sibling);
    channel->update = stream->update;
    return true;
}

/* ---- The difference of two prefixes ---------------------------------------------------------- */

static size_t difference(unsigned side, const rf_level *old, size_t old_count, const rf_level *new,
                         size_t new_count, rf_level *changes)
{
    size_t count = 0, i = 0, j = 0;
    while (i < old_count || j < new_count) {
        if (j == new_count || (i < old_count && better(side, old[i].price, new[j].price)))
            changes[count++] = (rf_level){.price = old[i++].price};
        else if (i == old_count || better(side, new[j].price, old[i].price))
            changes[count++] = new[j++];
        else {
            if (old[i].qty != new[j].qty || old[i].orders != new[j].orders)
                changes[count++] = new[j];
            i++, j++;
        }
    }
    return count;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static bool open_book(rf_feed *feed, const feed_channel *channel, feed_mode mode,
                      rf_instrument_view *view)
{
    if (!rf_view_instrument(feed->world->engine, channel->name.owner, view))
        return false;
    rf_bytes *out = feed_start(feed);
    rf_message_open(out, -1, view->config.name, channel->text,
                    feed_kind_text(RF_CHANNEL_BOOK, mode));
    rf_put_int(out, "depth", channel->name.depth);
    rf_message_data(out);
    rf_put_open(out, NULL, '{');
    return true;
}

static void close_book(rf_feed *feed, int64_t changed_ns, uint64_t update)
{
    rf_put_ms(&feed->out, "tt", changed_ns);
    rf_put_ms(&feed->out, "t", feed->time_ns);
    rf_put_int(&feed->out, "u", (int64_t)update);
}

static void put_snapshot(rf_feed *feed, const feed_channel *channel, const feed_stream *stream,
                         uint64_t update)
{
    rf_instrument_view view;
    if (!open_book(feed, channel, FEED_SNAPSHOTS, &view))
        return;
    static const char *const keys[] = {[RF_SELL] = "asks", [RF_BUY] = "bids"};
    static const unsigned order[] = {RF_SELL, RF_BUY};
    for (unsigned i = 0; i < 2; i++)
        rf_encode_levels(&feed->out, keys[order[i]], stream->levels[order[i]],
                         prefix(stream, order[i], channel->name.depth), &view.config);
    close_book(feed, stream->time_ns, update);
    rf_put_close(&feed->out, '}');
    rf_message_close(&feed->out, NULL);
}

static void send_changes(rf_feed *feed, feed_channel *channel, const feed_stream *stream,
                         rf_level changes[2][2 * FEED_DEPTH_MAX], const size_t count[2])
{
    rf_instrument_view view;
    if (!open_book(feed, channel, channel->name.mode, &view))
        return;
    rf_put_open(&feed->out, "update", '{');
    rf_encode_levels(&feed->out, "asks", changes[RF_SELL], count[RF_SELL], &view.config);
    rf_encode_levels(&feed->out, "bids", changes[RF_BUY], count[RF_BUY], &view.config);
    rf_put_close(&feed->out, '}');
    close_book(feed, stream->time_ns, stream->update);
    rf_put_int(&feed->out, "pu", (int64_t)channel->update);
    rf_put_close(&feed->out, '}');
    rf_message_close(&feed->out, NULL);
    channel->update = stream->update;
    feed_await(&feed->quiet, channel, feed->clock_ns + FEED_QUIET_MS * NS_PER_MS);
    feed_send(feed, channel, &feed->out);
}

static void tell_changes(rf_feed *feed, feed_channel *channel, const feed_stream *old,
                         const feed_stream *new)
{
    rf_level changes[2][2 * FEED_DEPTH_MAX];
    size_t count[2];
    feed->work++;
    for (unsigned side = 0; side < 2; side++)
        count[side] =
            difference(side, old->levels[side], prefix(old, side, channel->name.depth),
                       new->levels[side], prefix(new, side, channel->name.depth), changes[side]);
    if (count[0] + count[1] > 0)
        send_changes(feed, channel, new, changes, count);
}

void feed_refresh_stream(rf_feed *feed, feed_stream *stream)
{
    rf_book_stamp stamp = rf_market_book_stamp(feed->world->market, stream->instrument);
    if (stamp.update == stream->update)
        return;
    feed_stream old = *stream;
    read_book(feed, stream->instrument, stream);
    for (feed_channel *channel = NULL; (channel = feed_next_channel(&stream->channels, channel));)
        tell_changes(feed, channel, &old, stream);
}

/* ---- First messages, beats ------------------------------------------------------------------- */

static feed_stream *stream_of(const rf_feed *feed, const feed_channel *channel)
{
    return feed_find_owner(feed, FEED_INSTRUMENT, channel->name.owner)->streams[channel->name.mode];
}

static void put_whole_book(rf_feed *feed, const feed_channel *channel)
{
    feed_stream now;
    read_book(feed, channel->name.owner, &now);
    put_snapshot(feed, channel, &now, now.update);
}

/* Every member stands at the same sequence: before a new one is let in, the others are told what he
 * will find. */
void feed_freshen_book(rf_feed *feed, const feed_name *name)
{
    const feed_owner *owner = feed_find_owner(feed, name->scope, name->owner);
    if (owner && owner->streams[name->mode])
        feed_refresh_stream(feed, owner->streams[name->mode]);
}

void feed_begin_book(rf_feed *feed, feed_channel *channel)
{
    if (channel->name.mode == FEED_SNAPSHOTS) {
        if (!channel->timer.after)
            feed_await(&feed->snapshots, channel, feed->clock_ns + FEED_BOOK_MS * NS_PER_MS);
        put_whole_book(feed, channel);
        return;
    }
    if (!channel->timer.after)
        feed_await(&feed->quiet, channel, feed->clock_ns + FEED_QUIET_MS * NS_PER_MS);
    put_snapshot(feed, channel, stream_of(feed, channel), channel->update);
}

/* The first of a list when its time has come; lists are in the order of due_ns. */
static feed_channel *first_due(const rf_feed *feed, const feed_link *list)
{
    if (feed_list_empty(list))
        return NULL;
    feed_channel *channel = FEED_OF(feed_channel, timer, list->after);
    return channel->due_ns <= feed->clock_ns ? channel : NULL;
}

/* A beat does a bounded amount of work, so that many books with many depths make the books slower and
 * nothing else; who had his turn goes behind the others. */
static void beat_streams(rf_feed *feed, feed_mode mode)
{
    feed_link *list = &feed->streams[mode], *last = list->before, *link = NULL, *next = list->after;
    feed->work = 0;
    while (link != last && next != list && feed->work < FEED_WORK_MAX) {
        link = next;
        next = link->after;
        feed_stream *stream = FEED_OF(feed_stream, link, link);
        if (feed->clock_ns < stream->due_ns)
            continue;
        stream->due_ns = feed->clock_ns + speed_ns[mode];
        feed_refresh_stream(feed, stream);
        feed_link_remove(link);
        feed_link_append(list, link);
    }
}

static void beat_snapshots(rf_feed *feed)
{
    feed_channel *channel;
    feed->work = 0;
    while (feed->work++ < FEED_WORK_MAX && (channel = first_due(feed, &feed->snapshots))) {
        feed_await(&feed->snapshots, channel, feed->clock_ns + FEED_BOOK_MS * NS_PER_MS);
        put_whole_book(feed, channel);
        feed_send(feed, channel, &feed->out);
    }
}

static void beat_quiet(rf_feed *feed)
{
    static rf_level nothing[2][2 * FEED_DEPTH_MAX];
    static const size_t none[2];
    feed_channel *channel;
    while ((channel = first_due(feed, &feed->quiet)))
        send_changes(feed, channel, stream_of(feed, channel), nothing, none);
}

void feed_beat_books(rf_feed *feed)
{
    beat_streams(feed, FEED_DELTAS_10);
    beat_streams(feed, FEED_DELTAS_100);
    beat_snapshots(feed);
    beat_quiet(feed);
}
