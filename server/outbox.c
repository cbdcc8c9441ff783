#include "server/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/held.h"

/* A connection that has nothing to send gets a small chunk, one that is busy gets large ones. */
enum { CHUNK_SIZE_FIRST = 1024 - sizeof(rf_frame), CHUNK_SIZE = 16 * 1024, ITEMS_FIRST = 8 };

rf_frame *rf_frame_alloc(size_t capacity)
{
    if (capacity > UINT32_MAX / 2)
        return NULL;
    rf_frame *frame = malloc(sizeof *frame + capacity);
    if (frame)
        *frame = (rf_frame){.holders = 1, .capacity = (uint32_t)capacity};
    return frame;
}

void rf_frame_hold(rf_frame *frame)
{
    frame->holders++;
}

void rf_frame_let_go(rf_frame *frame)
{
    RF_CHECK(frame->holders > 0);
    if (--frame->holders == 0)
        free(frame);
}

static rf_item *item_at(const rf_outbox *outbox, uint32_t position)
{
    return &outbox->items[(outbox->first + position) & (outbox->capacity - 1)];
}

/* A frame counts while it stands in an outbox, however many it stands in. */
static void enter_queue(rf_frame *frame)
{
    if (frame->queued++ == 0)
        rf_held_more(sizeof *frame + frame->capacity);
}

static void leave_queue(rf_frame *frame)
{
    if (--frame->queued == 0)
        rf_held_less(sizeof *frame + frame->capacity);
    rf_frame_let_go(frame);
}

static void release(rf_outbox *outbox, rf_item *item)
{
    outbox->cost -= item->size + (size_t)RF_ITEM_COST;
    if (item->frame)
        leave_queue(item->frame);
    else
        outbox->unanswered--;
}

static void free_items(rf_outbox *outbox)
{
    rf_held_less(outbox->capacity * sizeof *outbox->items);
    free(outbox->items);
    outbox->items = NULL;
    outbox->capacity = 0;
}

void rf_outbox_finish(rf_outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->count; i++)
        release(outbox, item_at(outbox, i));
    if (outbox->open)
        rf_frame_let_go(outbox->open);
    free_items(outbox);
    *outbox = (rf_outbox){0};
}

static bool grow(rf_outbox *outbox)
{
    uint32_t capacity = outbox->capacity ? outbox->capacity * 2 : ITEMS_FIRST;
    rf_item *items = malloc(capacity * sizeof *items);
    if (!items)
        return false;
    for (uint32_t i = 0; i < outbox->count; i++)
        items[i] = *item_at(outbox, i);
    free_items(outbox);
    rf_held_more(capacity * sizeof *items);
    outbox->items = items;
    outbox->first = 0;
    outbox->capacity = capacity;
    return true;
}

/* A new last item, or NULL. Takes over a hold on its frame. */
static rf_item *append(rf_outbox *outbox, const rf_item *item)
{
    if (outbox->count == outbox->capacity && !grow(outbox))
        return NULL;
    rf_item *place = item_at(outbox, outbox->count++);
    *place = *item;
    if (place->frame)
        enter_queue(place->frame);
    outbox->cost += item->size + (size_t)RF_ITEM_COST;
    return place;
}

bool rf_outbox_add(rf_outbox *outbox, rf_frame *frame, uint64_t barrier)
{
    if (!append(outbox, &(rf_item){.frame = frame, .size = frame->size, .barrier = barrier}))
        return false;
    rf_frame_hold(frame);
    return true;
}

/* The chunk that still has room for so much, or a new one. */
static rf_frame *chunk_for(rf_outbox *outbox, size_t size, bool busy)
{
    rf_frame *open = outbox->open;
    if (open && open->holders == 1)
        open->size = 0; /* nobody reads what it held */
    if (open && size <= open->capacity - open->size)
        return open;
    size_t capacity = busy ? (size_t)CHUNK_SIZE : (size_t)CHUNK_SIZE_FIRST;
    rf_frame *chunk = rf_frame_alloc(size > capacity ? size : capacity);
    if (!chunk)
        return NULL;
    if (open)
        rf_frame_let_go(open);
    return outbox->open = chunk;
}

bool rf_outbox_copy(rf_outbox *outbox, const char *head, size_t head_size, const char *body,
                    size_t body_size, uint64_t barrier)
{
    size_t size = head_size + body_size;
    rf_frame *chunk = chunk_for(outbox, size, outbox->count > 0);
    if (!chunk)
        return false;
    uint32_t from = chunk->size;
    rf_item *last = outbox->count > 0 ? item_at(outbox, outbox->count - 1) : NULL;
    if (last && last->frame == chunk && last->barrier == barrier &&
        last->from + last->size == from) {
        last->size += (uint32_t)size;
        outbox->cost += size;
    } else {
        rf_item item = {.frame = chunk, .from = from, .size = (uint32_t)size, .barrier = barrier};
        if (!append(outbox, &item))
            return false;
        rf_frame_hold(chunk);
    }
    memcpy(chunk->data + from, head, head_size);
    if (body_size > 0)
        memcpy(chunk->data + from + head_size, body, body_size);
    chunk->size = from + (uint32_t)size;
    return true;
}

bool rf_outbox_expect(rf_outbox *outbox, uint64_t ticket, bool head_only)
{
    if (!append(outbox, &(rf_item){.ticket = ticket, .head_only = head_only}))
        return false;
    outbox->unanswered++;
    return true;
}

rf_item *rf_outbox_find(rf_outbox *outbox, uint64_t ticket)
{
    uint32_t left = outbox->unanswered;
    for (uint32_t i = 0; i < outbox->count && left > 0; i++) {
        rf_item *item = item_at(outbox, i);
        if (item->frame)
            continue;
        if (item->ticket == ticket)
            return item;
        left--;
    }
    return NULL;
}

char *rf_outbox_fill(rf_outbox *outbox, rf_item *item, size_t size, uint64_t barrier)
{
    RF_CHECK(!item->frame && item->size == 0);
    rf_frame *chunk = chunk_for(outbox, size, outbox->count > 1);
    if (!chunk)
        return NULL;
    item->frame = chunk;
    item->from = chunk->size;
    item->size = (uint32_t)size;
    item->barrier = barrier;
    chunk->size += (uint32_t)size;
    rf_frame_hold(chunk);
    enter_queue(chunk);
    outbox->cost += size;
    outbox->unanswered--;
    return chunk->data + item->from;
}

bool rf_outbox_is_last(const rf_outbox *outbox, const rf_item *item)
{
    return item_at(outbox, outbox->count - 1) == item;
}

void rf_outbox_cut(rf_outbox *outbox, const rf_item *item)
{
    while (!rf_outbox_is_last(outbox, item))
        release(outbox, item_at(outbox, --outbox->count));
}

int rf_outbox_gather(const rf_outbox *outbox, uint64_t durable_seq, struct iovec *parts, int max)
{
    int count = 0;
    uint32_t skip = outbox->sent;
    for (uint32_t i = 0; i < outbox->count; i++, skip = 0) {
        const rf_item *item = item_at(outbox, i);
        if (!item->frame || item->barrier > durable_seq)
            break;
        char *from = item->frame->data + item->from + skip;
        size_t size = item->size - skip;
        struct iovec *last = count > 0 ? &parts[count - 1] : NULL;
        if (last && (char *)last->iov_base + last->iov_len == from) {
            last->iov_len += size; /* the next bytes of the same chunk */
            continue;
        }
        if (count == max)
            break;
        parts[count++] = (struct iovec){.iov_base = from, .iov_len = size};
    }
    return count;
}

/* What a burst needed is given back; the memory of an ordinary connection stays. */
static void rest(rf_outbox *outbox)
{
    if (outbox->open && outbox->open->capacity > CHUNK_SIZE_FIRST) {
        rf_frame_let_go(outbox->open);
        outbox->open = NULL;
    }
    if (outbox->capacity > 64)
        free_items(outbox);
    outbox->first = 0;
}

void rf_outbox_sent(rf_outbox *outbox, size_t size)
{
    while (size > 0) {
        RF_CHECK(outbox->count > 0);
        rf_item *item = item_at(outbox, 0);
        size_t left = item->size - outbox->sent;
        if (size < left) {
            outbox->sent += (uint32_t)size;
            return;
        }
        size -= left;
        release(outbox, item);
        outbox->sent = 0;
        outbox->first = (outbox->first + 1) & (outbox->capacity - 1);
        outbox->count--;
    }
    if (outbox->count == 0)
        rest(outbox);
}
