/* Messages of users on their way out, and the last 65,536 of them for those who come back with
 * since_seq. */
#include <stdlib.h>

#include "server/feed_state.h"

void feed_push(rf_feed *feed, feed_channel *channel)
{
    if (feed->pending_count == feed->pending_max) {
        size_t wanted = feed->pending_max ? 2 * feed->pending_max : 64;
        feed_message *more = realloc(feed->pending, wanted * sizeof *more);
        if (!more) {
            feed->no_memory = true;
            return;
        }
        feed->pending = more;
        feed->pending_max = wanted;
    }
    rf_frame *frame = feed->out.full ? NULL : rf_frame_new(feed->out.data, feed->out.size);
    if (!frame) {
        feed->no_memory = true;
        return;
    }
    feed->pending[feed->pending_count++] = (feed_message){
        .channel = channel, .frame = frame, .seq = feed->seq, .size = feed->out.size};
}

/* ---- The ring -------------------------------------------------------------------------------- */

static void drop_oldest(feed_ring *ring)
{
    feed_kept *row = &ring->rows[ring->first++ % FEED_RING];
    ring->lost_seq = row->seq;
    ring->bytes -= row->size;
    rf_frame_drop(row->frame);
}

static void keep(rf_feed *feed, const feed_message *message)
{
    feed_ring *ring = &feed->ring;
    if (!ring->rows)
        ring->rows = calloc(FEED_RING, sizeof *ring->rows);
    if (!ring->rows) {
        ring->lost_seq = message->seq;
        rf_frame_drop(message->frame);
        return;
    }
    while (ring->next - ring->first >= FEED_RING ||
           (ring->next > ring->first && ring->bytes + message->size > FEED_RING_BYTES))
        drop_oldest(ring);
    ring->rows[ring->next++ % FEED_RING] = (feed_kept){.seq = message->seq,
                                                       .channel = message->channel->number,
                                                       .frame = message->frame,
                                                       .size = message->size};
    ring->bytes += message->size;
}

/* A message that could not be made or kept is a gap in somebody's channel: everybody has to come
 * again, and nobody resumes over it. */
static void end_everybody(rf_feed *feed)
{
    feed->no_memory = false;
    feed->ring.lost_seq = feed->seq;
    feed->sending = true;
    for (size_t i = 0; i < feed->clients.size; i++)
        for (feed_node *node = feed->clients.buckets[i]; node; node = node->next)
            rf_gate_end(feed->gate, FEED_OF(feed_client, node, node)->conn, 1013, "out of memory");
    feed->sending = false;
}

void feed_send_pending(rf_feed *feed)
{
    for (size_t i = 0; i < feed->pending_count; i++) {
        feed_message *message = &feed->pending[i];
        message->channel->sent_ns = feed->clock_ns;
        feed_send_frame(feed, message->channel, message->frame);
        if (feed_is_kept(message->channel->name.kind))
            keep(feed, message);
        else
            rf_frame_drop(message->frame);
    }
    feed->pending_count = 0;
    if (feed->no_memory)
        end_everybody(feed);
}

bool feed_resumes(const rf_feed *feed, const feed_channel *channel, uint64_t since_seq)
{
    return feed_is_kept(channel->name.kind) && since_seq >= channel->since_seq &&
           since_seq >= feed->ring.lost_seq && since_seq <= feed->seq;
}

/* The first row behind this sequence. */
static uint64_t find_row(const feed_ring *ring, uint64_t since_seq)
{
    uint64_t low = ring->first, high = ring->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ring->rows[middle % FEED_RING].seq <= since_seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void feed_resume(rf_feed *feed, const feed_channel *channel, uint64_t since_seq, rf_conn conn)
{
    const feed_ring *ring = &feed->ring;
    bool outer = feed->sending;
    feed->sending = true;
    for (uint64_t at = find_row(ring, since_seq); at < ring->next; at++)
        if (ring->rows[at % FEED_RING].channel == channel->number)
            rf_gate_send(feed->gate, conn, ring->rows[at % FEED_RING].frame, feed->barrier);
    feed->sending = outer;
}

void feed_ring_clear(rf_feed *feed)
{
    for (size_t i = 0; i < feed->pending_count; i++)
        rf_frame_drop(feed->pending[i].frame);
    while (feed->ring.next > feed->ring.first)
        drop_oldest(&feed->ring);
    free(feed->pending);
    free(feed->ring.rows);
}
