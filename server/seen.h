/* Which signatures have been seen: a set for each second of the nonces that are good now.
 *
 * A nonce is a part of what is signed, so the same signature has the same nonce and lies in the same
 * second. A second's set begins small and grows with what it holds: a quiet venue's stays in the
 * processor's caches, and a busy one's costs no more than it remembers.
 *
 * Promise: nothing is forgotten while its nonce is good (RF_NONCE_MS to either side of now), as long as
 * the clock is not set; a second holds RF_SEEN_MAX.
 *
 * May include: base. */
#ifndef RF_SERVER_SEEN_H
#define RF_SERVER_SEEN_H

#include "base/types.h"

enum {
    RF_NONCE_MS = 60000,
    RF_SEEN_MAX = 1 << 18, /* signatures of one second of nonces: three times what a server does */
};

typedef struct rf_seen rf_seen;

typedef enum rf_seen_answer { RF_SEEN_NEW, RF_SEEN_BEFORE, RF_SEEN_FULL } rf_seen_answer;

rf_seen *rf_seen_open(void); /* NULL: out of memory */
void rf_seen_close(rf_seen *seen);
/* Remembers a hash of the signature. `most`: as many as the second may have before this one. */
rf_seen_answer rf_seen_add(rf_seen *seen, uint64_t hash, int64_t nonce_ms, uint32_t most);

#endif
