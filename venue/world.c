#include "venue/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/large_pages.h"
#include "venue/service.h"

const rf_limits rf_world_limits = {
    .accounts_max = 4096,
    .instruments_max = 128,
    .positions_max = 65536,
    .orders_max = 65536,
    .recent_max = 65536,
    .withdrawals_max = 1024,
    .window_ticks = 16384,
    .watch_buckets = 4096,
};

bool rf_world_grow(rf_bytes *bytes, size_t capacity)
{
    size_t wanted = bytes->capacity > 0 ? bytes->capacity : 4096;
    while (wanted < capacity)
        wanted *= 2;
    char *data = realloc(bytes->data, wanted);
    if (!data)
        return false;
    bytes->data = data;
    bytes->capacity = wanted;
    return true;
}

static void keep_event(rf_world *world, const rf_event *event)
{
    if (world->events_count == world->events_max) {
        size_t wanted = world->events_max ? 2 * world->events_max : 1024;
        rf_event *events = realloc(world->events, wanted * sizeof *events);
        if (!events) {
            world->out_of_memory = true;
            return;
        }
        world->events = events;
        world->events_max = wanted;
    }
    world->events[world->events_count++] = *event;
}

static void on_event(void *context, const rf_event *event)
{
    rf_world *world = context;
    if (event->kind == RF_EVENT_INSTRUMENT_CREATED) {
        rf_instrument_view view;
        if (rf_view_instrument(world->engine, event->instrument, &view))
            rf_market_list(world->market, event->instrument, view.k);
    }
    rf_market_event(world->market, event);
    rf_registry_event(world->registry, event);
    if (world->keep_events)
        keep_event(world, event);
    for (unsigned i = 0; i < world->observers_count; i++)
        if (world->observers[i].event)
            world->observers[i].event(world->observers[i].context, event);
}

void rf_world_observe(rf_world *world, rf_observer observer)
{
    RF_CHECK(world->observers_count < RF_OBSERVERS_MAX);
    world->observers[world->observers_count++] = observer;
}

static void tell_applied(rf_world *world, rf_record_kind kind, int64_t time_ns)
{
    world->record++;
    for (unsigned i = 0; i < world->observers_count; i++)
        if (world->observers[i].applied)
            world->observers[i].applied(world->observers[i].context, kind, time_ns);
}

/* To the log first: what cannot be logged has no place in the world either. */
static void apply_command(void *context, rf_engine *engine, const rf_command *command,
                          rf_result *result)
{
    rf_world *world = context;
    if (world->log.append) {
        unsigned char bytes[RF_COMMAND_BYTES_MAX];
        size_t size = rf_command_encode(command, bytes, sizeof bytes);
        RF_CHECK(size > 0);
        world->log.append(world->log.context, RF_RECORD_COMMAND, bytes, size);
    }
    rf_engine_apply(engine, command, result);
    tell_applied(world, RF_RECORD_COMMAND, command->time_ns);
}

static bool apply_registry(rf_world *world, const void *bytes, size_t size)
{
    if (!rf_registry_apply(world->registry, bytes, size))
        return false;
    tell_applied(world, RF_RECORD_REGISTRY, rf_engine_time_ns(world->engine));
    return true;
}

/* Asked first: a record that is refused has no place in the journal. */
bool rf_world_record(rf_world *world, const void *bytes, size_t size)
{
    if (!rf_registry_accepts(world->registry, bytes, size))
        return false;
    if (world->log.append)
        world->log.append(world->log.context, RF_RECORD_REGISTRY, bytes, size);
    return apply_registry(world, bytes, size);
}

bool rf_world_replay(rf_world *world, rf_record_kind kind, const void *bytes, size_t size)
{
    if (kind == RF_RECORD_REGISTRY)
        return apply_registry(world, bytes, size);
    rf_command command;
    rf_command_room room;
    rf_result ignored;
    if (kind != RF_RECORD_COMMAND || !rf_command_decode(bytes, size, &command, &room))
        return false;
    rf_engine_apply(world->engine, &command, &ignored);
    tell_applied(world, RF_RECORD_COMMAND, command.time_ns);
    return true;
}

/* ---- Books while a journal is re-run -------------------------------------------------------- */

void rf_world_rest_books(rf_world *world)
{
    rf_market_rest_books(world->market);
}

bool rf_world_lay_books(rf_world *world)
{
    const size_t max = world->limits.orders_max;
    rf_level *levels = malloc(max * sizeof *levels); /* as much of it as is used is touched */
    if (!levels)
        return false;
    for (uint32_t i = 0; i < rf_instruments_count(world->engine); i++)
        for (unsigned side = RF_BUY; side <= RF_SELL; side++) {
            const size_t count = rf_view_book(world->engine, i, (rf_side)side, levels, max);
            rf_market_lay_book(world->market, i, (rf_side)side, levels, count);
        }
    free(levels);
    rf_market_follow_books(world->market);
    return true;
}

/* ---- When something is broken --------------------------------------------------------------- */

static const rf_engine *running; /* for the last words only */

/* Says what broke and where in the sequence, then check.c stops the program. The digest reads the
 * state that is broken: should that fail too, the second call ends at once. */
static void last_words(const char *condition, const char *file, int line)
{
    static bool spoken;
    if (spoken)
        return;
    spoken = true;
    fflush(stdout);
    fprintf(stderr, "ringfence: broken: %s (%s:%d)\n", condition, file, line);
    if (!running)
        return;
    fprintf(stderr, "  sequence %llu\n", (unsigned long long)rf_engine_seq(running));
    rf_digest digest = rf_engine_digest(running);
    fprintf(stderr, "  digest %016llx%016llx\n", (unsigned long long)digest.high,
            (unsigned long long)digest.low);
}

/* Zeroed memory, NULL: none. calloc's pages are not there until they are touched. Records lie far apart in it,
 * so it is asked for in pages of two megabytes: fewer of them are looked up, and fewer come one by one. */
static void *take_memory(size_t size)
{
    void *memory = calloc(1, size);
    if (memory)
        rf_large_pages(memory, size);
    return memory;
}

/* An engine of these limits in fresh zeroed memory; NULL. aligned_alloc and memset would touch all of it: the
 * alignment is made by hand. */
static rf_engine *open_engine(rf_world *world, void **memory)
{
    size_t size = rf_engine_size(&world->limits);
    *memory = size ? take_memory(size + 64) : NULL;
    if (!*memory)
        return NULL;
    uintptr_t start = ((uintptr_t)*memory + 63) & ~(uintptr_t)63;
    return rf_engine_init((void *)start, size, &world->limits);
}

bool rf_world_open(rf_world *world, const rf_limits *limits, bool keep_events)
{
    *world = (rf_world){.limits = *limits, .keep_events = keep_events};
    world->engine = open_engine(world, &world->engine_memory);
    world->market_memory = take_memory(rf_market_size(limits->instruments_max, limits->orders_max));
    world->api = calloc(1, sizeof *world->api);
    world->registry = rf_registry_open();
    size_t positions_max = 2 * (size_t)limits->instruments_max;
    world->positions = calloc(positions_max, sizeof *world->positions);
    if (!world->engine || !world->market_memory || !world->api || !world->positions ||
        !world->registry) {
        rf_world_close(world);
        return false;
    }
    world->market =
        rf_market_init(world->market_memory, limits->instruments_max, limits->orders_max);
    rf_api_init(world->api, world->engine, world->market, world->positions, positions_max);
    world->api->apply = apply_command;
    world->api->apply_context = world;
    world->api->servers[RF_SERVICE_REGISTRY] =
        (rf_server){.call = rf_service_call, .context = world};
    rf_engine_set_sink(world->engine, (rf_sink){.event = on_event, .context = world});
    running = world->engine;
    rf_check_set_hook(last_words);
    return true;
}

void rf_world_seed(rf_world *world, uint64_t seed)
{
    world->seed = seed;
    rf_engine_seed(world->engine, seed);
    rf_registry_seed(world->registry, seed);
}

void rf_world_close(rf_world *world)
{
    if (running == world->engine)
        running = NULL;
    rf_registry_close(world->registry);
    free(world->engine_memory);
    free(world->market_memory);
    free(world->api);
    free(world->positions);
    free(world->events);
    *world = (rf_world){0};
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

bool rf_world_save(const rf_world *world, rf_write write, void *context)
{
    return rf_registry_save(world->registry, write, context) &&
           rf_market_save(world->market, write, context) &&
           rf_engine_save(world->engine, write, context);
}

/* Who holds the dispatcher or watches goes on doing so: only what a snapshot holds is exchanged. */
static void exchange(rf_world *world, rf_world *fresh)
{
    rf_world old = *world;
    world->engine_memory = fresh->engine_memory;
    world->market_memory = fresh->market_memory;
    world->engine = world->api->engine = fresh->engine;
    world->market = world->api->market = fresh->market;
    world->registry = fresh->registry;
    fresh->engine_memory = old.engine_memory;
    fresh->market_memory = old.market_memory;
    fresh->engine = old.engine;
    fresh->market = old.market;
    fresh->registry = old.registry;
    rf_engine_set_sink(world->engine, (rf_sink){.event = on_event, .context = world});
}

bool rf_world_load(rf_world *world, rf_read read, void *context, const char **error)
{
    rf_world fresh;
    *error = "out of memory";
    bool good = rf_world_open(&fresh, &world->limits, false);
    if (good) {
        rf_world_seed(&fresh, world->seed);
        good = rf_registry_load(fresh.registry, read, context, error) &&
               rf_market_load(fresh.market, read, context, error) &&
               rf_engine_load(fresh.engine, read, context, error);
        if (good)
            exchange(world, &fresh);
        rf_world_close(&fresh);
    }
    running = world->engine;
    return good;
}

typedef struct tape {
    rf_bytes bytes;
    size_t at;
} tape;

static bool write_tape(void *context, const void *bytes, size_t size)
{
    tape *to = context;
    rf_bytes_add(&to->bytes, bytes, size);
    return !to->bytes.full;
}

static bool read_tape(void *context, void *bytes, size_t size)
{
    tape *from = context;
    if (size > from->bytes.size - from->at)
        return false;
    memcpy(bytes, from->bytes.data + from->at, size);
    from->at += size;
    return true;
}

/* It writes itself as the same bytes again. */
static bool is_same(const rf_world *world, const tape *snapshot, const char **error)
{
    tape again = {0};
    rf_bytes_init(&again.bytes, NULL, 0, rf_world_grow);
    *error = "out of memory";
    bool good = rf_world_save(world, write_tape, &again);
    if (good) {
        *error = "the snapshot changed on its way";
        good = again.bytes.size == snapshot->bytes.size &&
               memcmp(again.bytes.data, snapshot->bytes.data, again.bytes.size) == 0;
    }
    free(again.bytes.data);
    return good;
}

bool rf_world_reload(rf_world *world, const char **error)
{
    tape snapshot = {0};
    rf_bytes_init(&snapshot.bytes, NULL, 0, rf_world_grow);
    *error = "out of memory";
    bool good = rf_world_save(world, write_tape, &snapshot) &&
                rf_world_load(world, read_tape, &snapshot, error) &&
                is_same(world, &snapshot, error);
    free(snapshot.bytes.data);
    return good;
}
