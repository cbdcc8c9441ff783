/* Asking for cache lines ahead of need, inside the engine.
 *
 * Promise: changes nothing and reads only what is safe to read at any time; a wrong guess costs a line.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_PREFETCH_H
#define RF_ENGINE_PREFETCH_H

#include "engine/state.h"

/* One line. The statement that does nothing has an effect in the compiler's eyes: gcc 12 takes a function that only
 * prefetches for one without any, and leaves out the calls of it. */
static inline void rf_fetch(const void *address)
{
    __builtin_prefetch(address, 1, 3);
    __asm__ volatile("" : : "m"(*(const char *)address));
}

/* All that a fill of this resting order will touch; its own line has come already. */
void rf_prefetch_maker(const rf_engine *engine, const rf_order *maker);
/* What the orders that finish next will write over, and where the ids are filed that stand there now. */
void rf_prefetch_recents(const rf_engine *engine);
/* A position's own records. */
void rf_prefetch_position(const rf_engine *engine, uint32_t position);
/* What an isolation's end touches beside them; its own lines have come already. */
void rf_prefetch_end(const rf_engine *engine, uint32_t position);
/* The neighbours of a position's watch keys; the keys' own lines have come already. */
void rf_prefetch_keys(const rf_engine *engine, uint32_t position);

#endif
