/* The 128-bit digest: one short name for a whole state.
 *
 * Promise: the same bytes give the same digest on every machine and compiler; two streams of equal length that
 * differ inside one 8-byte word never share one, other differences collide with a chance of about 2^-128. It is
 * not cryptographic: who wants to forge a state can.
 *
 * May include: include/ringfence.h. */
#ifndef RF_ENGINE_DIGEST_H
#define RF_ENGINE_DIGEST_H

#include "include/ringfence.h"

typedef struct rf_hash {
    uint64_t a, b;
    uint64_t size; /* bytes so far */
} rf_hash;

void rf_hash_start(rf_hash *hash);
/* One block; its last word is padded with zeros and its size is mixed in, so blocks do not run together. */
void rf_hash_block(rf_hash *hash, const unsigned char *bytes, size_t size);
rf_digest rf_hash_finish(const rf_hash *hash);

#endif
