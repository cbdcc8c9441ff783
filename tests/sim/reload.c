/* Snapshots in the middle of a run: saved, loaded elsewhere, damaged, forged (R3, R5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A forger needs the function that the checksums are made with, and his judge all that a state is held to. */
#include "engine/digest.h"
#include "engine/invariant.h"
#include "tests/sim/sim.h"
#include "tests/tape.h"

static bool same_digest(rf_digest a, rf_digest b)
{
    return a.high == b.high && a.low == b.low;
}

static void save(const sim_run *sim, tape *to)
{
    to->size = to->at = 0;
    if (!rf_engine_save(sim->engine, tape_write, to))
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
    static tape stream;
    save(sim, &stream);
    fill_disk(sim, stream.size);
    rf_engine *loaded = sim_engine(sim, 1 - sim->current);
    const char *error = NULL;
    if (!rf_engine_load(loaded, tape_read, &stream, &error))
        sim_fail(sim, "a good snapshot is refused: %s", error);
    if (error || stream.at != stream.size)
        sim_fail(sim, "a good snapshot was not read to its end");
    if (!same_digest(rf_engine_digest(loaded), rf_engine_digest(sim->engine)))
        sim_fail(sim, "a loaded snapshot has another digest");
    sim->engine = loaded;
    sim->current = 1 - sim->current;
    sim->cover.loads++;
}

/* ---- Damage: what disks and wires do --------------------------------------------------------------------------- */

static void damage(sim_run *sim, tape *copy)
{
    const size_t place = sim_draw(&sim->spare) % copy->size;
    const size_t span = 1 + sim_draw(&sim->spare) % 512;
    const size_t end = place + span < copy->size ? place + span : copy->size;
    switch (sim_below(&sim->spare, 8)) {
    case 0: /* cut */
        copy->size = place;
        break;
    case 1: /* zeros */
        memset(copy->bytes + place, 0, end - place);
        break;
    case 2: /* garbage */
        for (size_t i = place; i < end; i++)
            copy->bytes[i] = (unsigned char)sim_draw(&sim->spare);
        break;
    case 3: /* something else of the same file */
        memmove(copy->bytes + place,
                copy->bytes + sim_draw(&sim->spare) % (copy->size - (end - place) + 1),
                end - place);
        break;
    case 4: /* a piece is missing */
        memmove(copy->bytes + place, copy->bytes + end, copy->size - end);
        copy->size -= end - place;
        break;
    default:
        copy->bytes[place] ^= (unsigned char)(1u << sim_below(&sim->spare, 8));
        break;
    }
}

/* Writes the copy into a fresh engine; NULL: it was accepted. */
static const char *try_load(sim_run *sim, tape *copy, rf_engine **engine)
{
    const char *error = NULL;
    copy->at = 0;
    *engine = sim_engine(sim, 1 - sim->current);
    if (rf_engine_load(*engine, tape_read, copy, &error))
        return NULL;
    if (!error)
        sim_fail(sim, "a snapshot is refused without a sentence");
    return error;
}

static void copy_of(sim_run *sim, const tape *stream, tape *copy)
{
    copy->size = copy->at = 0;
    if (!tape_write(copy, stream->bytes, stream->size))
        sim_fail(sim, "no memory");
}

void sim_damage(sim_run *sim, uint64_t times)
{
    static tape stream, copy;
    rf_engine *engine;
    save(sim, &stream);
    for (uint64_t i = 0; i < times; i++) {
        copy_of(sim, &stream, &copy);
        damage(sim, &copy);
        if (copy.size == stream.size && memcmp(copy.bytes, stream.bytes, copy.size) == 0)
            continue;
        if (!try_load(sim, &copy, &engine))
            sim_fail(sim, "a damaged snapshot was accepted");
        sim->cover.damages++;
    }
}

/* ---- Forgery: the fields are wrong, the checksums are right ------------------------------------------------------- */

/* Changes fields inside the blocks only. */
static void forge(sim_run *sim, tape *copy)
{
    static const uint64_t edges[] = {
        0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, 1ULL << 62, UINT32_MAX, 65535};
    const uint32_t changes = 1 + sim_below(&sim->spare, 3);
    for (uint32_t i = 0; i < changes; i++) {
        size_t at = 64;
        const size_t wanted = 64 + sim_draw(&sim->spare) % (copy->size - 64);
        while (at + 20 + (size_t)rf_get_le(copy->bytes + at, 4) <= wanted)
            at += 20 + (size_t)rf_get_le(copy->bytes + at, 4);
        const uint32_t size = (uint32_t)rf_get_le(copy->bytes + at, 4);
        if (size < 16)
            continue;
        const uint32_t width = 1u << sim_below(&sim->spare, 4);
        const uint64_t value =
            sim_chance(&sim->spare, 3) ? sim_draw(&sim->spare) : edges[sim_below(&sim->spare, 8)];
        memcpy(copy->bytes + at + 4 + sim_below(&sim->spare, size - width), &value, width);
    }
    tape_seal(copy);
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
    static tape stream, copy, again;
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
        if (!rf_engine_save(engine, tape_write, &again) || again.size != copy.size ||
            memcmp(again.bytes, copy.bytes, copy.size) != 0)
            sim_fail(sim, "a forged snapshot was accepted as something else");
        if (!is_consistent(engine))
            sim_fail(sim, "a forged snapshot was accepted and breaks an invariant");
    }
}
