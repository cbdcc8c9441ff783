/* An engine with its market feeds, registry and dispatcher in one piece: what replay, verify,
 * explain and serve share.
 *
 * Promise: a world is a function of its records. A record is a command of the engine or a change of
 * the registry; the same records in the same order give the same world, whoever applies them. With
 * a log every record is handed to it before it is applied, so that a journal can make the world
 * anew.
 *
 * May include: base, api, market, include/ringfence.h, venue. */
#ifndef RF_VENUE_WORLD_H
#define RF_VENUE_WORLD_H

#include "api/call.h"
#include "venue/registry.h"

enum { RF_OBSERVERS_MAX = 8 };

/* Values are stored in journals: append, never renumber. */
typedef enum rf_record_kind {
    RF_RECORD_COMMAND = 1,  /* rf_command_encode */
    RF_RECORD_REGISTRY = 2, /* venue/registry.h */
} rf_record_kind;

/* Who watches. `event` comes in the middle of a command; `applied` when it is done, and the state
 * can be looked at. */
typedef struct rf_observer {
    void (*event)(void *context, const rf_event *event);                  /* may be NULL */
    void (*applied)(void *context, rf_record_kind kind, int64_t time_ns); /* may be NULL */
    void *context;
} rf_observer;

/* Where records go before they are applied. NULL function: nowhere. */
typedef struct rf_log {
    void (*append)(void *context, rf_record_kind kind, const void *bytes, size_t size);
    void *context;
} rf_log;

typedef struct rf_world {
    rf_limits limits;
    uint64_t seed;
    void *engine_memory, *market_memory;
    rf_engine *engine;
    rf_market *market;
    rf_api *api;
    rf_registry *registry;
    rf_position_view *positions;
    rf_log log;
    uint64_t record; /* number of the last record: they count up from what was loaded (rf_recover
                        sets it to its snapshot's) */
    rf_observer observers[RF_OBSERVERS_MAX];
    unsigned observers_count;
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

/* Freshly opened: makes the look-ups of texts from outside unforeseeable (rf_engine_seed,
 * rf_registry_seed). It stays with the world when another state is loaded. */
void rf_world_seed(rf_world *world, uint64_t seed);

void rf_world_observe(rf_world *world, rf_observer observer);

/* A change of the registry: to the log, then applied. False: the registry refused it (a bug or a
 * damaged journal). */
bool rf_world_record(rf_world *world, const void *bytes, size_t size);
/* A record that comes from a journal: applied without going to the log. False: not a record of this
 * version. */
bool rf_world_replay(rf_world *world, rf_record_kind kind, const void *bytes, size_t size);
/* The market's books are not followed from here on, until they are laid as the engine has them: what
 * a re-run of many records begins and ends with. False: out of memory. */
void rf_world_rest_books(rf_world *world);
bool rf_world_lay_books(rf_world *world);

/* Registry, market feeds and engine as one stream, and back into a world of the same limits, in the
 * place of what is there. False: *error says why, and the world is as it was. The memory that
 * engine, market and registry stand in is another one afterwards. */
bool rf_world_save(const rf_world *world, rf_write write, void *context);
bool rf_world_load(rf_world *world, rf_read read, void *context, const char **error);
/* Saves the world, loads it back and goes on with that. False: *error says why. */
bool rf_world_reload(rf_world *world, const char **error);

/* Room for rf_bytes that grow on the heap. */
bool rf_world_grow(rf_bytes *bytes, size_t capacity);

#endif
