/* Bytes that grow: what a state writes itself to and is read from again, and the forger's means to make the checksums
 * of changed ones right.
 *
 * May include: engine/digest.h, engine/snapshot.h. */
#ifndef RF_TESTS_TAPE_H
#define RF_TESTS_TAPE_H

#include <stdlib.h>
#include <string.h>

#include "engine/digest.h"
#include "engine/snapshot.h"

typedef struct tape {
    unsigned char *bytes;
    size_t size, at, room; /* `at`: what is read next */
} tape;

static inline bool tape_write(void *context, const void *bytes, size_t size)
{
    tape *to = context;
    if (size > to->room - to->size) {
        to->room = 2 * (to->size + size);
        to->bytes = realloc(to->bytes, to->room);
        if (!to->bytes)
            abort();
    }
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return true;
}

static inline bool tape_read(void *context, void *bytes, size_t size)
{
    tape *from = context;
    if (size > from->size - from->at)
        return false;
    memcpy(bytes, from->bytes + from->at, size);
    from->at += size;
    return true;
}

/* A snapshot's blocks are a length, their bytes and the digest so far (engine/snapshot.c): makes the digests fit. */
static inline void tape_seal(tape *saved)
{
    rf_hash hash;
    rf_hash_start(&hash);
    for (size_t at = 64; at + 20 <= saved->size;) {
        const size_t size = (size_t)rf_get_le(saved->bytes + at, 4);
        if (size > saved->size - at - 20)
            return;
        if (size != 0)
            rf_hash_block(&hash, saved->bytes + at + 4, (uint32_t)size);
        const rf_digest digest = rf_hash_finish(&hash);
        rf_put_le(saved->bytes + at + 4 + size, digest.low, 8);
        rf_put_le(saved->bytes + at + 12 + size, digest.high, 8);
        at += 20 + size;
    }
}

#endif
