/* An append-only run of bytes: where answers, pushes and files are written.
 *
 * Promise: no append writes outside the memory; when it does not fit and cannot grow, the run is
 * marked `full`, everything appended afterwards is dropped, and what was there before stays whole.
 *
 * What is appended to most is inline: an answer is made of a hundred small pieces.
 *
 * May include: base/types.h, string.h. */
#ifndef RF_BASE_BYTES_H
#define RF_BASE_BYTES_H

#include <string.h>

#include "base/types.h"

typedef struct rf_bytes rf_bytes;
/* Makes room for at least `capacity` bytes, keeping the content: sets data and capacity. False: no.
 */
typedef bool (*rf_bytes_grow)(rf_bytes *bytes, size_t capacity);

struct rf_bytes {
    char *data;
    size_t size, capacity;
    rf_bytes_grow grow; /* NULL: the memory is all there is */
    bool full;
};

/* A run in the caller's memory; with grow, data may be NULL and capacity 0 at first. */
void rf_bytes_init(rf_bytes *bytes, char *data, size_t capacity, rf_bytes_grow grow);
void rf_bytes_clear(rf_bytes *bytes);
/* Back to an earlier size, which also forgets `full`. */
void rf_bytes_cut(rf_bytes *bytes, size_t size);

/* Where `size` more bytes go, which count as written; NULL: there is no room for them. */
char *rf_bytes_room(rf_bytes *bytes, size_t size);

static inline void rf_bytes_add(rf_bytes *bytes, const void *data, size_t size)
{
    char *place;
    if (size == 0)
        return;
    if (bytes->full || size > bytes->capacity - bytes->size) {
        place = rf_bytes_room(bytes, size);
    } else {
        place = bytes->data + bytes->size;
        bytes->size += size;
    }
    if (place)
        memcpy(place, data, size);
}

static inline void rf_bytes_char(rf_bytes *bytes, char c)
{
    rf_bytes_add(bytes, &c, 1);
}

static inline void rf_bytes_text(rf_bytes *bytes, const char *text)
{
    rf_bytes_add(bytes, text, strlen(text));
}

void rf_bytes_id(rf_bytes *bytes, uint64_t value); /* digits */
void rf_bytes_int(rf_bytes *bytes, int64_t value);
/* Of either case; -1 when it is none. */
static inline int rf_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void rf_bytes_hex(rf_bytes *bytes, uint64_t value, unsigned digits); /* lower case, leading zeros */
void rf_bytes_decimal(rf_bytes *bytes, rf_wide value, unsigned decimals);

#endif
