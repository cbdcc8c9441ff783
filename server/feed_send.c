/* Out to the members of a channel: each message is encoded once. What a slow member of a
 * channel of states misses is made good by a first message when it can take one; events are sent to
 * everybody, for a first message could not tell what was missed. */
#include "server/feed_state.h"

rf_bytes *feed_start(rf_feed *feed)
{
    rf_bytes_clear(&feed->out);
    return &feed->out;
}

/* A message that cannot be made would be a gap that nobody hears of: they have to come again. */
static void give_up(rf_feed *feed, feed_channel *channel)
{
    feed->sending = true;
    for (uint32_t i = channel->count; i > 0; i--)
        rf_gate_end(feed->gate, channel->members[i - 1].client->conn, 1013, "out of memory");
    feed->sending = false;
}

static void fall_behind(rf_feed *feed, feed_channel *channel, feed_member *member)
{
    member->behind = true;
    if (channel->behind++ == 0)
        feed_link_append(&feed->lagging, &channel->lagging);
}

void feed_caught_up(feed_channel *channel, feed_member *member)
{
    member->behind = false;
    if (--channel->behind == 0)
        feed_link_remove(&channel->lagging);
}

static void send_to(rf_feed *feed, feed_channel *channel, feed_member *member, rf_frame *frame)
{
    rf_conn conn = member->client->conn;
    if (member->behind)
        return;
    if (feed_is_thinned(channel->name.kind) &&
        rf_gate_backlog(feed->gate, conn) > RF_QUEUE_SIZE_SLOW)
        fall_behind(feed, channel, member);
    else
        rf_gate_send(feed->gate, conn, frame, feed->barrier);
}

void feed_send_frame(rf_feed *feed, feed_channel *channel, rf_frame *frame)
{
    bool outer = feed->sending;
    feed->sending = true; /* a connection that is dropped now leaves later (rf_feed_forget) */
    for (uint32_t i = channel->count; i > 0; i--)
        send_to(feed, channel, &channel->members[i - 1], frame);
    feed->sending = outer;
}

void feed_send(rf_feed *feed, feed_channel *channel, const rf_bytes *text)
{
    rf_frame *frame = text->full ? NULL : rf_frame_new(text->data, text->size);
    channel->sent_ns = feed->clock_ns;
    if (!frame) {
        give_up(feed, channel);
        return;
    }
    feed_send_frame(feed, channel, frame);
    rf_frame_drop(frame);
}

void feed_send_one(rf_feed *feed, rf_conn conn, const rf_bytes *text)
{
    rf_frame *frame = text->full ? NULL : rf_frame_new(text->data, text->size);
    if (!frame) {
        rf_gate_end(feed->gate, conn, 1013, "out of memory");
        return;
    }
    bool outer = feed->sending;
    feed->sending = true;
    rf_gate_send(feed->gate, conn, frame, feed->barrier);
    feed->sending = outer;
    rf_frame_drop(frame);
}

/* Only once half of what was too much is gone: else it would fall behind with the next message. */
static void catch_up(rf_feed *feed, feed_channel *channel)
{
    bool made = false;
    for (uint32_t i = channel->count; i > 0 && channel->behind > 0; i--) {
        feed_member *member = &channel->members[i - 1];
        rf_conn conn = member->client->conn;
        if (!member->behind || rf_gate_backlog(feed->gate, conn) > RF_QUEUE_SIZE_SLOW / 2)
            continue;
        if (!made)
            feed_begin_market(feed, channel);
        made = true;
        feed_caught_up(channel, member);
        feed_send_one(feed, conn, &feed->out);
    }
}

void feed_catch_up(rf_feed *feed)
{
    for (feed_link *link = feed->lagging.after, *next; link != &feed->lagging; link = next) {
        next = link->after;
        catch_up(feed, FEED_OF(feed_channel, lagging, link));
    }
}
