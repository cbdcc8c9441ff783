/* Snapshots in the middle of a run: saved, loaded elsewhere, damaged, forged (R3, R5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A forger needs the function that the checksums are made with, and his judge all that a state is held to. */
#include "engine/digest.h"
#include "engine/invariant.h"
#include "tests/sim/sim.h"

typedef struct bytes {
    unsigned char *data;
    size_t size, room, place;
} bytes;

static bool write_bytes(void *context, const void *data, size_t size)
{
    bytes *to = context;
    if (to->size + size > to->room) {
        const size_t room = 2 * (to->size + size);
        unsigned char *grown = realloc(to->data, room);
        if (!grown)
            return false;
        to->data = grown;
        to->room = room;
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return true;
}

static bool read_bytes(void *context, void *data, size_t size)
{
    bytes *from = context;
    if (size > from->size - from->place)
        return false;
    memcpy(data, from->data + from->place, size);
    from->place += size;
    return true;
}

static bool same_digest(rf_digest a, rf_digest b)
{
    return a.high == b.high && a.low == b.low;
}

static void save(const sim_run *sim, bytes *to)
{
    to->size = to->place = 0;
    if (!rf_engine_save(sim->engine, write_bytes, to))
        sim_fail(sim, "the state cannot be saved");
}

/* A full disk in the middle of a snapshot must be noticed. */
static bool write_until_full(void *context, const void *data, size_t size)
{
    size_t *room = context;
    (void)data;
    if (size > *room)
        return false;
    *room -= size;
    return true;
}

static void fill_disk(sim_run *sim, size_t size)
{
    size_t room = sim_draw(&sim->spare) % size;
    if (rf_engine_save(sim->engine, write_until_full, &room))
        sim_fail(sim, "a snapshot that found no room says it was written");
}

void sim_reload(sim_run *sim)
{
    static bytes stream;
    save(sim, &stream);
    fill_disk(sim, stream.size);
    rf_engine *loaded = sim_engine(sim, 1 - sim->current);
    const char *error = NULL;
    if (!rf_engine_load(loaded, read_bytes, &stream, &error))
        sim_fail(sim, "a good snapshot is refused: %s", error);
    if (error || stream.place != stream.size)
        sim_fail(sim, "a good snapshot was not read to its end");
    if (!same_digest(rf_engine_digest(loaded), rf_engine_digest(sim->engine)))
        sim_fail(sim, "a loaded snapshot has another digest");
    sim->engine = loaded;
    sim->current = 1 - sim->current;
    sim->cover.loads++;
}

/* ---- Damage: what disks and wires do --------------------------------------------------------------------------- */

static void damage(sim_run *sim, bytes *copy)
{
    const size_t place = sim_draw(&sim->spare) % copy->size;
    const size_t span = 1 + sim_draw(&sim->spare) % 512;
    const size_t end = place + span < copy->size ? place + span : copy->size;
    switch (sim_below(&sim->spare, 8)) {
    case 0: /* cut */
        copy->size = place;
        break;
    case 1: /* zeros */
        memset(copy->data + place, 0, end - place);
        break;
    case 2: /* garbage */
        for (size_t i = place; i < end; i++)
            copy->data[i] = (unsigned char)sim_draw(&sim->spare);
        break;
    case 3: /* something else of the same file */
        memmove(copy->data + place,
                copy->data + sim_draw(&sim->spare) % (copy->size - (end - place) + 1), end - place);
        break;
    case 4: /* a piece is missing */
        memmove(copy->data + place, copy->data + end, copy->size - end);
        copy->size -= end - place;
        break;
    default:
        copy->data[place] ^= (unsigned char)(1u << sim_below(&sim->spare, 8));
        break;
    }
}

/* Writes the copy into a fresh engine; NULL: it was accepted. */
static const char *try_load(sim_run *sim, bytes *copy, rf_engine **engine)
{
    const char *error = NULL;
    copy->place = 0;
    *engine = sim_engine(sim, 1 - sim->current);
    if (rf_engine_load(*engine, read_bytes, copy, &error))
        return NULL;
    if (!error)
        sim_fail(sim, "a snapshot is refused without a sentence");
    return error;
}

static void copy_of(sim_run *sim, const bytes *stream, bytes *copy)
{
    copy->size = copy->place = 0;
    if (!write_bytes(copy, stream->data, stream->size))
        sim_fail(sim, "no memory");
}

void sim_damage(sim_run *sim, uint64_t times)
{
    static bytes stream, copy;
    rf_engine *engine;
    save(sim, &stream);
    for (uint64_t i = 0; i < times; i++) {
        copy_of(sim, &stream, &copy);
        damage(sim, &copy);
        if (copy.size == stream.size && memcmp(copy.data, stream.data, copy.size) == 0)
            continue;
        if (!try_load(sim, &copy, &engine))
            sim_fail(sim, "a damaged snapshot was accepted");
        sim->cover.damages++;
    }
}

/* ---- Forgery: the fields are wrong, the checksums are right ------------------------------------------------------- */

static uint32_t word_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_digest(unsigned char *at, rf_digest digest)
{
    for (uint32_t i = 0; i < 8; i++) {
        at[i] = (unsigned char)(digest.low >> (8 * i));
        at[8 + i] = (unsigned char)(digest.high >> (8 * i));
    }
}

/* Makes every block's digest fit what stands in it. Returns where the end mark stands. */
static void seal(bytes *copy)
{
    rf_hash hash;
    size_t at = 64;
    rf_hash_start(&hash);
    while (at + 20 <= copy->size) {
        const uint32_t size = word_at(copy->data + at);
        if (size != 0)
            rf_hash_block(&hash, copy->data + at + 4, size);
        put_digest(copy->data + at + 4 + size, rf_hash_finish(&hash));
        at += 20 + size;
    }
}

/* Changes fields inside the blocks only. */
static void forge(sim_run *sim, bytes *copy)
{
    static const uint64_t edges[] = {
        0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, 1ULL << 62, UINT32_MAX, 65535};
    const uint32_t changes = 1 + sim_below(&sim->spare, 3);
    for (uint32_t i = 0; i < changes; i++) {
        size_t at = 64;
        const size_t wanted = 64 + sim_draw(&sim->spare) % (copy->size - 64);
        while (at + 20 + word_at(copy->data + at) <= wanted)
            at += 20 + word_at(copy->data + at);
        const uint32_t size = word_at(copy->data + at);
        if (size < 16)
            continue;
        const uint32_t width = 1u << sim_below(&sim->spare, 4);
        const uint64_t value =
            sim_chance(&sim->spare, 3) ? sim_draw(&sim->spare) : edges[sim_below(&sim->spare, 8)];
        memcpy(copy->data + at + 4 + sim_below(&sim->spare, size - width), &value, width);
    }
    seal(copy);
}

/* What a snapshot is held to while it is read; who is healthy, only the next look tells. */
static bool is_consistent(const rf_engine *engine)
{
    return rf_invariant_money(engine) == 0 && rf_invariant_quantity(engine) == 0 &&
           rf_invariant_clearing(engine) == 0 && rf_invariant_isolations(engine) == 0 &&
           rf_invariant_books(engine) == 0 && rf_invariant_sums(engine) == 0;
}

void sim_forge(sim_run *sim, uint64_t times)
{
    static bytes stream, copy, again;
    rf_engine *engine;
    save(sim, &stream);
    for (uint64_t i = 0; i < times; i++) {
        copy_of(sim, &stream, &copy);
        forge(sim, &copy);
        sim->cover.forged++;
        if (try_load(sim, &copy, &engine))
            continue;
        /* Accepted: then it is a state like any other, and says of itself what was read. */
        again.size = 0;
        if (!rf_engine_save(engine, write_bytes, &again) || again.size != copy.size ||
            memcmp(again.data, copy.data, copy.size) != 0)
            sim_fail(sim, "a forged snapshot was accepted as something else");
        if (!is_consistent(engine))
            sim_fail(sim, "a forged snapshot was accepted and breaks an invariant");
    }
}
