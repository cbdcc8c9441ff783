/* SipHash-2-4 of short texts: places in tables whose keys come from outside.
 *
 * Promise: who does not know the seed cannot choose texts that fall on one place.
 *
 * May include: base/types.h, C's string. */
#ifndef RF_BASE_HASH_H
#define RF_BASE_HASH_H

#include <string.h>

#include "base/types.h"

static inline uint64_t rf_rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void rf_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rf_rotate(v[1], 13) ^ v[0];
    v[3] = rf_rotate(v[3], 16) ^ v[2];
    v[0] = rf_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rf_rotate(v[1], 17) ^ v[2];
    v[3] = rf_rotate(v[3], 21) ^ v[0];
    v[2] = rf_rotate(v[2], 32);
}

static inline void rf_sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rf_sip_round(v);
    rf_sip_round(v);
    v[0] ^= word;
}

static inline uint64_t rf_hash_text(const char *text, size_t size, uint64_t seed)
{
    /* The seed is both halves of the key: a secret of 64 bits is what there is to guess. */
    uint64_t v[4] = {seed ^ 0x736f6d6570736575u, seed ^ 0x646f72616e646f6du,
                     seed ^ 0x6c7967656e657261u, seed ^ 0x7465646279746573u};
    uint64_t word = 0;
    size_t whole = size - size % 8;
    for (size_t i = 0; i < whole; i += 8) {
        memcpy(&word, text + i, 8);
        rf_sip_word(v, word);
    }
    word = (uint64_t)size << 56;
    for (size_t i = whole; i < size; i++)
        word |= (uint64_t)(unsigned char)text[i] << (8 * (i - whole));
    rf_sip_word(v, word);
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        rf_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
