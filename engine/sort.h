/* Sorting handles by the identifier of their records.
 *
 * Promise: in place, no recursion, n log n whatever the order was.
 *
 * May include: C headers. */
#ifndef RF_ENGINE_SORT_H
#define RF_ENGINE_SORT_H

#include <stddef.h>
#include <stdint.h>

/* The records of a pool; each starts with its uint64_t identifier. */
typedef struct rf_sort_pool {
    const void *records;
    size_t size;
} rf_sort_pool;

static inline uint64_t rf_sort_id(rf_sort_pool pool, uint32_t handle)
{
    return *(const uint64_t *)(const void *)((const unsigned char *)pool.records +
                                             handle * pool.size);
}

static inline void rf_sort_sift(rf_sort_pool pool, uint32_t *handles, size_t root, size_t count)
{
    const uint32_t moved = handles[root];
    const uint64_t id = rf_sort_id(pool, moved);
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count &&
            rf_sort_id(pool, handles[child + 1]) > rf_sort_id(pool, handles[child]))
            child++;
        if (rf_sort_id(pool, handles[child]) <= id)
            break;
        handles[root] = handles[child];
    }
    handles[root] = moved;
}

/* Ascending. */
static inline void rf_sort_handles(rf_sort_pool pool, uint32_t *handles, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        rf_sort_sift(pool, handles, root, count);
    for (size_t last = count; last-- > 1;) {
        const uint32_t largest = handles[0];
        handles[0] = handles[last];
        handles[last] = largest;
        rf_sort_sift(pool, handles, 0, last);
    }
}

#endif
