#include "engine/watch_index.h"

#include "engine/prefetch.h"

/* ---- The bitmap ------------------------------------------------------------------------------ */

/* Bit b of depth 0 is bucket b; bit w of depth d + 1 says that word w of depth d is not 0. */

static void set_bit(rf_watch *watch, uint32_t bucket)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        uint64_t *word = &watch->bits[depth][bucket >> 6];
        const uint64_t old = *word;
        *word = old | (uint64_t)1 << (bucket & 63);
        if (old != 0)
            return;
        bucket >>= 6;
    }
}

static void clear_bit(rf_watch *watch, uint32_t bucket)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        uint64_t *word = &watch->bits[depth][bucket >> 6];
        *word &= ~((uint64_t)1 << (bucket & 63));
        if (*word != 0)
            return;
        bucket >>= 6;
    }
}

static uint32_t lowest_bit(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word);
}

static uint32_t highest_bit(uint64_t word)
{
    return 63 - (uint32_t)__builtin_clzll(word);
}

/* From a word that is not 0 down to the bucket at its lowest, or highest, end. */
static uint32_t descend(const rf_watch *watch, uint32_t depth, uint32_t index, bool highest)
{
    for (;; depth--) {
        const uint64_t word = watch->bits[depth][index];
        index = index << 6 | (highest ? highest_bit(word) : lowest_bit(word));
        if (depth == 0)
            return index;
    }
}

/* The next used bucket beyond this one, downward or upward; UINT32_MAX: none. */
static uint32_t next_bucket(const rf_watch *watch, uint32_t bucket, bool upward)
{
    for (uint32_t depth = 0; depth < RF_BITMAP_DEPTH; depth++) {
        const uint32_t bit = bucket & 63, index = bucket >> 6;
        const uint64_t below = ((uint64_t)1 << bit) - 1;
        const uint64_t rest = watch->bits[depth][index] & (upward ? ~below << 1 : below);
        if (rest != 0) {
            const uint32_t found = index << 6 | (upward ? lowest_bit(rest) : highest_bit(rest));
            return depth == 0 ? found : descend(watch, depth - 1, found, !upward);
        }
        bucket = index;
    }
    return UINT32_MAX;
}

static bool is_empty(const rf_watch *watch)
{
    return watch->bits[RF_BITMAP_DEPTH - 1][0] == 0;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static uint32_t bucket_of(const rf_watch *watch, rf_price key)
{
    const rf_price bucket = key >> watch->shift;
    return bucket >= (rf_price)watch->buckets ? watch->buckets - 1 : (uint32_t)bucket;
}

static void link(rf_engine *engine, rf_watch *watch, enum rf_direction direction, uint32_t position)
{
    rf_watch_node *nodes = engine->nodes[direction];
    const uint32_t bucket = bucket_of(watch, nodes[position].key);
    const uint32_t first = watch->heads[bucket];
    nodes[position].prev = RF_NONE;
    nodes[position].next = first;
    watch->heads[bucket] = position;
    if (first != RF_NONE)
        nodes[first].prev = position;
    else
        set_bit(watch, bucket);
}

static void unlink(rf_engine *engine, rf_watch *watch, enum rf_direction direction,
                   uint32_t position)
{
    rf_watch_node *nodes = engine->nodes[direction];
    const rf_watch_node node = nodes[position];
    const uint32_t bucket = bucket_of(watch, node.key);
    if (node.next != RF_NONE)
        nodes[node.next].prev = node.prev;
    if (node.prev != RF_NONE) {
        nodes[node.prev].next = node.next;
        return;
    }
    watch->heads[bucket] = node.next;
    if (node.next == RF_NONE)
        clear_bit(watch, bucket);
}

/* Buckets so fine that the mark stands between a quarter and a half of the range. */
static uint32_t wanted_shift(const rf_watch *watch, rf_price mark)
{
    uint32_t shift = 0;
    while ((mark * 2) >> shift >= (rf_price)watch->buckets)
        shift++;
    return shift;
}

void rf_watch_set(rf_engine *engine, rf_instrument *instrument, enum rf_direction direction,
                  uint32_t position, rf_price key)
{
    rf_watch *watch = &instrument->watch[direction];
    rf_watch_node *node = &engine->nodes[direction][position];
    if (node->key == key)
        return;
    if (node->key != 0)
        unlink(engine, watch, direction, position);
    node->key = key;
    if (key == 0)
        return;
    if (is_empty(watch))
        watch->shift = wanted_shift(watch, instrument->mark);
    link(engine, watch, direction, position);
    watch->nearest =
        direction == RF_DOWN ? rf_max(watch->nearest, key) : rf_min(watch->nearest, key);
}

static bool passed(enum rf_direction direction, rf_price mark, rf_price key)
{
    return direction == RF_DOWN ? mark <= key : mark >= key;
}

static uint32_t first_bucket(const rf_watch *watch, enum rf_direction direction)
{
    return is_empty(watch) ? UINT32_MAX
                           : descend(watch, RF_BITMAP_DEPTH - 1, 0, direction == RF_DOWN);
}

/* Keys that were the nearest have gone since the bound was set: it falls back to the nearest
 * that is left. */
static void tighten(const rf_engine *engine, rf_watch *watch, enum rf_direction direction)
{
    rf_price nearest = direction == RF_DOWN ? 0 : INT64_MAX;
    const uint32_t bucket = first_bucket(watch, direction);
    uint32_t position = bucket == UINT32_MAX ? RF_NONE : watch->heads[bucket];
    for (; position != RF_NONE; position = engine->nodes[direction][position].next) {
        const rf_price key = engine->nodes[direction][position].key;
        nearest = direction == RF_DOWN ? rf_max(nearest, key) : rf_min(nearest, key);
    }
    watch->nearest = nearest;
}

uint32_t rf_watch_gather(rf_engine *engine, rf_instrument *instrument, enum rf_direction direction,
                         uint32_t count)
{
    enum { AHEAD = 8 }; /* buckets of which the first node is asked for */
    rf_watch *watch = &instrument->watch[direction];
    const rf_watch_node *nodes = engine->nodes[direction];
    const rf_price mark = instrument->mark;
    const uint32_t last = bucket_of(watch, mark), before = count;
    uint32_t bucket = first_bucket(watch, direction);
    while (bucket != UINT32_MAX && (direction == RF_DOWN ? bucket >= last : bucket <= last)) {
        const uint32_t ahead = direction == RF_DOWN ? bucket - AHEAD : bucket + AHEAD;
        if (ahead < watch->buckets)
            rf_fetch(&nodes[watch->heads[ahead]]);
        for (uint32_t position = watch->heads[bucket]; position != RF_NONE;
             position = nodes[position].next)
            if (passed(direction, mark, nodes[position].key))
                engine->scratch[count++] = position;
        bucket = next_bucket(watch, bucket, direction == RF_UP);
    }
    if (count == before)
        tighten(engine, watch, direction);
    return count;
}

/* ---- The range ------------------------------------------------------------------------------- */

static void lay_anew(rf_engine *engine, rf_instrument *instrument, enum rf_direction direction,
                     uint32_t shift)
{
    rf_watch *watch = &instrument->watch[direction];
    uint32_t position = instrument->positions_first;
    for (; position != RF_NONE; position = engine->positions[position].instrument_next)
        if (engine->nodes[direction][position].key != 0)
            unlink(engine, watch, direction, position);
    RF_CHECK(is_empty(watch));
    watch->shift = shift;
    position = instrument->positions_first;
    for (; position != RF_NONE; position = engine->positions[position].instrument_next)
        if (engine->nodes[direction][position].key != 0)
            link(engine, watch, direction, position);
}

void rf_watch_fit(rf_engine *engine, rf_instrument *instrument)
{
    for (uint32_t i = 0; i < 2; i++) {
        const enum rf_direction direction = i == 0 ? RF_DOWN : RF_UP;
        const rf_watch *watch = &instrument->watch[direction];
        const rf_price bucket = instrument->mark >> watch->shift;
        const bool too_coarse = watch->shift > 0 && bucket < (rf_price)(watch->buckets / 8);
        if (bucket < (rf_price)(watch->buckets / 4 * 3) && !too_coarse)
            continue;
        const uint32_t shift = wanted_shift(watch, instrument->mark);
        if (shift != watch->shift)
            lay_anew(engine, instrument, direction, shift);
    }
}
