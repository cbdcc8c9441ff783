/* The buckets below the liquidation index: keys of one instrument and direction, found by
 * bitmap.
 *
 * Promise: a key is in the bucket of its price (the last bucket takes all beyond the range), so
 * buckets are in the order of keys; "nearest" never lets a key be passed unseen. Knows nothing
 * of margin.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_WATCH_INDEX_H
#define RF_ENGINE_WATCH_INDEX_H

#include "engine/state.h"

/* Files the position under the key, in place of its old one; 0 = under none. */
void rf_watch_set(rf_engine *engine, rf_instrument *instrument, enum rf_direction direction,
                  uint32_t position, rf_price key);
/* Appends to engine->scratch from count on what the mark has passed; returns the new count. */
uint32_t rf_watch_gather(rf_engine *engine, rf_instrument *instrument, enum rf_direction direction,
                         uint32_t count);
/* Lays the buckets anew when the mark has left the part of the range where they are fine enough. */
void rf_watch_fit(rf_engine *engine, rf_instrument *instrument);

#endif
