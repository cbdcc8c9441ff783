/* Snapshots: the state as a canonical stream of bytes, and back.
 *
 * Promise: equal states give equal streams; a stream that was cut, changed, or made by other rules is refused with
 * a sentence. The format is drawn at the top of snapshot.c.
 *
 * May include: engine/state.h and the modules that rebuild derived parts. */
#ifndef RF_ENGINE_SNAPSHOT_H
#define RF_ENGINE_SNAPSHOT_H

#include <string.h>

#include "base/little_endian.h"
#include "engine/digest.h"
#include "engine/state.h"

enum { RF_STREAM_BLOCK = 8192 };

/* One direction of the stream. Which one is the caller's choice at the start, so that every record's fields are
 * listed once (snapshot_fields.c) and what is written is what is read. */
typedef struct rf_stream {
    rf_write write; /* NULL: bytes are only hashed */
    rf_read read;
    void *context;
    const char *error; /* the first thing that was wrong, a static sentence */
    rf_hash hash;      /* over the body up to the last whole block */
    bool loading;
    uint32_t used, limit; /* of the block at hand */
    unsigned char block[RF_STREAM_BLOCK];
} rf_stream;

void rf_stream_start(rf_stream *stream, rf_write write, rf_read read, void *context);
/* Writes what is left of the body and the closing mark; or demands that nothing is left and the mark follows. */
void rf_stream_finish(rf_stream *stream);
/* Room for, or the next, size bytes (at most RF_STREAM_BLOCK). After an error: zeros. */
unsigned char *rf_stream_next_block(rf_stream *stream, uint32_t size);

/* Notes the sentence unless one is noted already; answers whether all is well so far. */
static inline bool rf_stream_want(rf_stream *stream, bool condition, const char *sentence)
{
    if (!condition && !stream->error)
        stream->error = sentence;
    return !stream->error;
}

static inline unsigned char *rf_stream_bytes(rf_stream *stream, uint32_t size)
{
    if (size > stream->limit - stream->used)
        return rf_stream_next_block(stream, size);
    unsigned char *bytes = stream->block + stream->used;
    stream->used += size;
    return bytes;
}

/* Each of these writes the value or reads it, whichever way the stream goes. */
static inline void rf_x_u8(rf_stream *stream, uint8_t *value)
{
    unsigned char *bytes = rf_stream_bytes(stream, 1);
    if (stream->loading)
        *value = bytes[0];
    else
        bytes[0] = *value;
}

static inline void rf_x_u16(rf_stream *stream, uint16_t *value)
{
    unsigned char *bytes = rf_stream_bytes(stream, 2);
    if (stream->loading) {
        *value = (uint16_t)(bytes[0] | bytes[1] << 8);
    } else {
        bytes[0] = (unsigned char)*value;
        bytes[1] = (unsigned char)(*value >> 8);
    }
}

static inline void rf_put_le(unsigned char *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t rf_get_le(const unsigned char *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static inline void rf_x_u32(rf_stream *stream, uint32_t *value)
{
    unsigned char *bytes = rf_stream_bytes(stream, 4);
    if (stream->loading)
        *value = rf_load_le32(bytes);
    else
        rf_store_le32(bytes, *value);
}

static inline void rf_x_u64(rf_stream *stream, uint64_t *value)
{
    unsigned char *bytes = rf_stream_bytes(stream, 8);
    if (stream->loading)
        *value = rf_load_le64(bytes);
    else
        rf_store_le64(bytes, *value);
}

static inline void rf_x_i64(rf_stream *stream, int64_t *value)
{
    rf_x_u64(stream, (uint64_t *)value);
}

/* All of its bytes, padding too. */
static inline void rf_x_text(rf_stream *stream, char *text, uint32_t size)
{
    unsigned char *bytes = rf_stream_bytes(stream, size);
    if (stream->loading)
        memcpy(text, bytes, size);
    else
        memcpy(bytes, text, size);
}

void rf_x_wide(rf_stream *stream, rf_wide *value);

/* The fields of each record, without handles (snapshot_fields.c). */
void rf_x_counters(rf_stream *stream, rf_engine *engine);
void rf_x_currency(rf_stream *stream, rf_currency *currency);
void rf_x_index(rf_stream *stream, rf_index *index);
void rf_x_instrument(rf_stream *stream, rf_instrument *instrument);
void rf_x_account(rf_stream *stream, rf_account *account);
void rf_x_tiers(rf_stream *stream, rf_instrument_config *config);
void rf_x_seat(rf_stream *stream, rf_seat *seat);
void rf_x_list(rf_stream *stream, rf_list *list);
void rf_x_position(rf_stream *stream, rf_position *position, rf_position_cold *cold);
void rf_x_order(rf_stream *stream, rf_order *order, rf_order_cold *cold);
void rf_x_withdrawal(rf_stream *stream, rf_withdrawal *withdrawal);

/* The body of the stream: writing never changes the state. */
void rf_snapshot_write(const rf_engine *engine, rf_stream *stream);
/* The fixed header in front of the body. */
enum { RF_SNAPSHOT_HEADER = 64 };
void rf_snapshot_header(unsigned char *header, const rf_limits *limits);

#endif
