/* An engine with its market feeds and dispatcher in one piece: what a verb that plays calls needs.
 *
 * May include: api, market, include/ringfence.h. */
#ifndef RF_CLI_WORLD_H
#define RF_CLI_WORLD_H

#include "api/call.h"

typedef struct rf_world {
    rf_limits limits;
    void *engine_memory, *market_memory;
    rf_engine *engine;
    rf_market *market;
    rf_api *api;
    rf_position_view *positions;
    /* Events of the call under way, when keep_events. */
    rf_event *events;
    size_t events_count, events_max;
    bool keep_events, out_of_memory;
} rf_world;

/* Modest bounds: untouched memory costs nothing. */
extern const rf_limits rf_world_limits;

/* False: the limits are out of range or memory ran out; nothing is left behind. */
bool rf_world_open(rf_world *world, const rf_limits *limits, bool keep_events);
void rf_world_close(rf_world *world);
/* Saves the engine, loads it into a fresh one and goes on with that. False: *error says why. */
bool rf_world_reload(rf_world *world, const char **error);

/* Room for rf_bytes that grow on the heap. */
bool rf_world_grow(rf_bytes *bytes, size_t capacity);

#endif
