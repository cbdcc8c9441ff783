/* The arena: one block of the caller's memory, carved once. The same walk computes the size (with memory
 * NULL) and sets the pointers, so the two cannot disagree. Everything starts zeroed, which is the empty
 * state of every structure; what needs another start value gets it in rf_engine_init (engine.c). */
#include "engine/engine.h"

typedef struct rf_arena {
    unsigned char *memory; /* NULL: only counting */
    size_t used;
} rf_arena;

/* Every array starts on a cache line. */
static void *carve(rf_arena *arena, size_t count, size_t size)
{
    const size_t start = (arena->used + 63) & ~(size_t)63;
    arena->used = start + count * size;
    return arena->memory ? arena->memory + start : NULL;
}

static uint32_t power_of_two_above(uint64_t count)
{
    uint64_t size = 64;
    while (size < count)
        size *= 2;
    return (uint32_t)size;
}

/* At most half full: probing stays short. */
static void carve_map(rf_arena *arena, rf_map *map, uint64_t entries)
{
    const uint32_t size = power_of_two_above(2 * entries);
    map->slots = carve(arena, size, sizeof *map->slots);
    map->mask = size - 1;
}

/* Depth 0 has one bit a cell, each further depth one bit a word of the depth before. */
static void carve_bitmap(rf_arena *arena, uint64_t *bits[RF_BITMAP_DEPTH], uint32_t cells)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        cells = (cells + 63) / 64;
        bits[depth] = carve(arena, cells, sizeof *bits[depth]);
    }
}

static void carve_instrument(rf_arena *arena, rf_instrument *instrument, const rf_limits *limits)
{
    rf_instrument scratch = {0};
    if (!instrument)
        instrument = &scratch;
    instrument->book.levels = carve(arena, limits->window_ticks, sizeof *instrument->book.levels);
    for (uint32_t side = 0; side < 2; side++)
        carve_bitmap(arena, instrument->book.bits[side], limits->window_ticks);
    for (uint32_t direction = 0; direction < 2; direction++) {
        rf_watch *watch = &instrument->watch[direction];
        watch->heads = carve(arena, limits->watch_buckets, sizeof *watch->heads);
        watch->buckets = limits->watch_buckets;
        carve_bitmap(arena, watch->bits, limits->watch_buckets);
    }
}

size_t rf_engine_layout(rf_engine *engine, const rf_limits *limits, unsigned char *memory)
{
    rf_engine counted = {0};
    if (!engine)
        engine = &counted;
    rf_arena arena = {memory, sizeof *engine};
    const size_t orders = (size_t)limits->orders_max + 1,
                 positions = (size_t)limits->positions_max + 1;
    engine->accounts = carve(&arena, limits->accounts_max, sizeof *engine->accounts);
    engine->balances =
        carve(&arena, (size_t)limits->accounts_max * RF_CURRENCIES_MAX, sizeof *engine->balances);
    engine->instruments = carve(&arena, limits->instruments_max, sizeof *engine->instruments);
    engine->indexes =
        carve(&arena, (size_t)limits->instruments_max + RF_CURRENCIES_MAX, sizeof *engine->indexes);
    engine->orders = carve(&arena, orders, sizeof *engine->orders);
    engine->orders_cold = carve(&arena, orders, sizeof *engine->orders_cold);
    engine->positions = carve(&arena, positions, sizeof *engine->positions);
    engine->positions_cold = carve(&arena, positions, sizeof *engine->positions_cold);
    for (uint32_t direction = 0; direction < 2; direction++)
        engine->nodes[direction] = carve(&arena, positions, sizeof *engine->nodes[direction]);
    engine->seats = carve(&arena, (size_t)rf_seats_max(limits) + 1, sizeof *engine->seats);
    engine->far_levels = carve(&arena, orders, sizeof *engine->far_levels);
    engine->lists = carve(&arena, orders, sizeof *engine->lists);
    engine->recents = carve(&arena, limits->recent_max, sizeof *engine->recents);
    engine->withdrawals = carve(&arena, limits->withdrawals_max, sizeof *engine->withdrawals);
    carve_map(&arena, &engine->order_ids, (uint64_t)limits->orders_max + limits->recent_max);
    carve_map(&arena, &engine->client_oids, (uint64_t)limits->orders_max + limits->recent_max);
    carve_map(&arena, &engine->isolation_ids, limits->positions_max);
    carve_map(&arena, &engine->labels, limits->accounts_max);
    engine->touched = carve(&arena, positions, sizeof *engine->touched);
    engine->scratch =
        carve(&arena, positions + orders + limits->accounts_max, sizeof *engine->scratch);
    engine->queue = carve(&arena, positions + limits->accounts_max, sizeof *engine->queue);
    engine->moved = carve(&arena, limits->instruments_max, sizeof *engine->moved);
    engine->plan = carve(&arena, orders, sizeof *engine->plan);
    engine->adl_heap = carve(&arena, positions, sizeof *engine->adl_heap);
    engine->adl_score = carve(&arena, positions, sizeof *engine->adl_score);
    for (uint32_t i = 0; i < limits->instruments_max; i++)
        carve_instrument(&arena, memory ? &engine->instruments[i] : NULL, limits);
    return arena.used;
}
