/* Two lanes over little-endian 64-bit words:
 *
 *     a = rotate(a xor word, 29) * P1        start: a = P3
 *     b = rotate((b + word) * P2, 31)        start: b = P4
 *
 * Each step is a bijection of the lane for a given word, and of the word for a given lane: a difference that
 * came in through one word can never be undone by equal words that follow. Every block ends with its size as
 * one more word. The finish mixes each lane with the total size and then with the other lane, and is a
 * bijection of the pair (a, b) again. */
#include "engine/digest.h"

#include "base/little_endian.h"
#include "engine/snapshot.h"

#define P1 0x9e3779b185ebca87ULL
#define P2 0xc2b2ae3d27d4eb4fULL
#define P3 0x165667b19e3779f9ULL
#define P4 0x85ebca77c2b2ae63ULL

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void mix(rf_hash *hash, uint64_t word)
{
    hash->a = rotate(hash->a ^ word, 29) * P1;
    hash->b = rotate((hash->b + word) * P2, 31);
}

void rf_hash_start(rf_hash *hash)
{
    *hash = (rf_hash){.a = P3, .b = P4};
}

void rf_hash_block(rf_hash *hash, const unsigned char *bytes, size_t size)
{
    rf_hash lanes = *hash;
    size_t i = 0;
    for (; i + 8 <= size; i += 8)
        mix(&lanes, rf_load_le64(bytes + i));
    uint64_t rest = 0;
    for (unsigned shift = 0; i < size; i++, shift += 8)
        rest |= (uint64_t)bytes[i] << shift;
    if (size % 8 != 0)
        mix(&lanes, rest);
    mix(&lanes, size);
    lanes.size += size;
    *hash = lanes;
}

/* A bijection of 64 bits in which every bit of the input reaches every bit of the output. */
static uint64_t spread(uint64_t value)
{
    value ^= value >> 33;
    value *= P2;
    value ^= value >> 29;
    value *= P3;
    return value ^ value >> 32;
}

rf_digest rf_hash_finish(const rf_hash *hash)
{
    const uint64_t high = spread(hash->a ^ hash->size * P4);
    const uint64_t low = spread(hash->b + rotate(high, 17));
    return (rf_digest){spread(high + low), low};
}

rf_digest rf_engine_digest(const rf_engine *engine)
{
    rf_stream stream;
    rf_stream_start(&stream, NULL, NULL, NULL);
    rf_snapshot_write(engine, &stream);
    return rf_hash_finish(&stream.hash);
}
