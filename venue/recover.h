/* A world out of a data directory: the newest good snapshot, then the journal behind it.
 *
 * Promise: acknowledged is contained in recovered. After it every mark is stale until its next input
 * (rf_mark_forget), whatever the instrument's mark_stale_ms says.
 *
 * May include: base, store, venue. */
#ifndef RF_VENUE_RECOVER_H
#define RF_VENUE_RECOVER_H

#include "store/journal.h"
#include "store/snapfile.h"
#include "venue/world.h"

typedef struct rf_recovery {
    rf_store_report journal;
    uint64_t snapshot_seq; /* 0 = from the first record */
    uint64_t records;      /* applied behind it */
    int64_t last_time_ns;  /* of the last command */
    char warning[256];     /* a damaged snapshot that was passed over, a tail that was cut */
    char error[256];
} rf_recovery;

/* world is freshly opened, its observers set: they see what is applied behind the snapshot. `until`:
 * use no snapshot newer than this record (a history that is behind asks for it); UINT64_MAX = newest.
 * world->record is the number of the last record afterwards, and right for the observers on the way.
 * NULL: see recovery->error. The journal is open for writing. */
rf_journal *rf_recover(rf_world *world, const rf_journal_options *options, uint64_t until,
                       rf_recovery *recovery);

#endif
