/* Open addressing over handles: who carries this identifier?
 *
 * A slot holds a 32-bit reference and nothing else; the key stands in the record that it refers to.
 * References are kept in the order of their home slots (robin hood probing), so a search for what
 * is not there ends at the first record that is nearer to its home, and a removal moves back only
 * what stands away from home: no tombstones. Identifiers from a counter have a home at twice their
 * number: the run of the youngest ones leaves every second slot to older ones that still live
 * there, and stays in few cache lines.
 *
 * Promise: at most half full (layout.c), so probing ends. Derived state: nothing observable depends
 * on it.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_MAP_H
#define RF_ENGINE_MAP_H

#include "engine/state.h"

/* The home of what a reference stands for; the caller of map functions masks it. */
typedef uint32_t (*rf_map_home)(const rf_engine *engine, uint32_t reference);

static inline uint32_t rf_map_home_of_id(uint64_t id)
{
    return (uint32_t)(id << 1);
}

static inline void rf_map_insert(const rf_engine *engine, rf_map *map, uint32_t reference,
                                 rf_map_home home)
{
    uint32_t slot = home(engine, reference) & map->mask;
    for (uint32_t distance = 0; map->slots[slot] != 0; distance++) {
        const uint32_t other = map->slots[slot];
        const uint32_t other_distance = (slot - home(engine, other)) & map->mask;
        if (other_distance < distance) {
            map->slots[slot] = reference;
            reference = other;
            distance = other_distance;
        }
        slot = (slot + 1) & map->mask;
    }
    map->slots[slot] = reference;
}

/* The slot of a reference that is filed under this home. */
static inline uint32_t rf_map_slot_of(const rf_map *map, uint32_t home, uint32_t reference)
{
    uint32_t slot = home & map->mask;
    while (map->slots[slot] != reference) {
        RF_CHECK(map->slots[slot] != 0);
        slot = (slot + 1) & map->mask;
    }
    return slot;
}

/* Empties a slot; those behind it that are away from home move back by one. */
static inline void rf_map_remove_slot(const rf_engine *engine, rf_map *map, uint32_t slot,
                                      rf_map_home home)
{
    uint32_t next = (slot + 1) & map->mask;
    while (map->slots[next] != 0 && ((next - home(engine, map->slots[next])) & map->mask) != 0) {
        map->slots[slot] = map->slots[next];
        slot = next;
        next = (next + 1) & map->mask;
    }
    map->slots[slot] = 0;
}

#endif
