/* Rows on their way from the feeder to the store.
 *
 * Promise: what was added comes out in the same order. One thread at a time.
 *
 * May include: base, history/rows.h, history/store.h. */
#ifndef RF_HISTORY_BATCH_H
#define RF_HISTORY_BATCH_H

#include "history/store.h"

typedef struct rf_batch {
    unsigned char *bytes; /* a table's number, then its row, again and again */
    size_t size, capacity;
    size_t count;
    uint64_t record; /* everything up to this record is in it or was in one before */
    bool out_of_memory;
} rf_batch;

void rf_batch_add(rf_batch *batch, rf_table table, const void *row);
/* Puts every row into the store, inside a transaction of the caller. */
bool rf_batch_put(const rf_batch *batch, rf_store *store, char error[256]);
void rf_batch_free(rf_batch *batch);

#endif
