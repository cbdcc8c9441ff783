/* What a connection has yet to send: items in order, each with the journal's record that it waits for.
 *
 * Promise: nothing is handed out before its record is durable, and nothing overtakes what stands
 * before it - an answer that is not there yet holds back everything behind it. Bytes meant for one
 * connection are gathered in shared chunks, frames meant for many are held by reference; neither costs
 * an allocation a message.
 *
 * May include: base, server/held.h. Knows nothing of sockets. */
#ifndef RF_SERVER_OUTBOX_H
#define RF_SERVER_OUTBOX_H

#include <sys/uio.h>

#include "base/types.h"

/* Bytes that several may hold. */
typedef struct rf_frame {
    uint32_t holders, size, capacity;
    uint32_t queued; /* holders among the items of outboxes */
    char data[];
} rf_frame;

typedef struct rf_item {
    rf_frame *frame; /* NULL: an answer that is not there yet */
    uint32_t from, size;
    uint64_t barrier;
    uint64_t ticket; /* of an answer, else 0 */
    bool head_only;  /* the answer to a HEAD: no body */
} rf_item;

typedef struct rf_outbox {
    rf_item *items; /* a ring */
    uint32_t first, count, capacity;
    uint32_t sent;       /* bytes of the first item that are gone */
    uint32_t unanswered; /* items without a frame */
    rf_frame *open;      /* the chunk that is being filled */
    size_t cost;         /* bytes held back, with what it costs to hold them */
} rf_outbox;

enum { RF_ITEM_COST = sizeof(rf_item) };

rf_frame *rf_frame_alloc(size_t capacity); /* held once; NULL: out of memory */
void rf_frame_hold(rf_frame *frame);
void rf_frame_let_go(rf_frame *frame);

void rf_outbox_finish(rf_outbox *outbox); /* {0} initialises */
/* False, of these: out of memory. */
bool rf_outbox_add(rf_outbox *outbox, rf_frame *frame, uint64_t barrier);
bool rf_outbox_copy(rf_outbox *outbox, const char *head, size_t head_size, const char *body,
                    size_t body_size, uint64_t barrier);
bool rf_outbox_expect(rf_outbox *outbox, uint64_t ticket, bool head_only);
/* The item that waits for this answer; NULL: none does. */
rf_item *rf_outbox_find(rf_outbox *outbox, uint64_t ticket);
/* Where the bytes of its answer go; NULL: out of memory. */
char *rf_outbox_fill(rf_outbox *outbox, rf_item *item, size_t size, uint64_t barrier);
bool rf_outbox_is_last(const rf_outbox *outbox, const rf_item *item);
/* Forgets everything behind this item. */
void rf_outbox_cut(rf_outbox *outbox, const rf_item *item);

/* What may leave now, from the front. Returns the number of parts. */
int rf_outbox_gather(const rf_outbox *outbox, uint64_t durable_seq, struct iovec *parts, int max);
void rf_outbox_sent(rf_outbox *outbox, size_t size);

static inline bool rf_outbox_ready(const rf_outbox *outbox, uint64_t durable_seq)
{
    if (outbox->count == 0)
        return false;
    const rf_item *item = &outbox->items[outbox->first];
    return item->frame && item->barrier <= durable_seq;
}

#endif
