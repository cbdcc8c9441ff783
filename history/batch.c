#include "history/batch.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(rf_batch *batch, size_t size)
{
    size_t wanted = batch->capacity ? batch->capacity : 1 << 14;
    if (batch->size + size <= batch->capacity)
        return true;
    while (wanted < batch->size + size)
        wanted *= 2;
    unsigned char *bytes = realloc(batch->bytes, wanted);
    if (!bytes) {
        batch->out_of_memory = true;
        return false;
    }
    batch->bytes = bytes;
    batch->capacity = wanted;
    return true;
}

void rf_batch_add(rf_batch *batch, rf_table table, const void *row)
{
    const uint64_t head = (uint64_t)table;
    const size_t size = rf_tables[table].size;
    if (!make_room(batch, sizeof head + size))
        return;
    memcpy(batch->bytes + batch->size, &head, sizeof head);
    memcpy(batch->bytes + batch->size + sizeof head, row, size);
    batch->size += sizeof head + size;
    batch->count++;
}

bool rf_batch_put(const rf_batch *batch, rf_store *store, char error[256])
{
    for (size_t at = 0; at < batch->size;) {
        uint64_t head;
        memcpy(&head, batch->bytes + at, sizeof head);
        at += sizeof head;
        if (!store->put(store, (rf_table)head, batch->bytes + at, error))
            return false;
        at += rf_tables[head].size;
    }
    return true;
}

void rf_batch_free(rf_batch *batch)
{
    free(batch->bytes);
    *batch = (rf_batch){0};
}
