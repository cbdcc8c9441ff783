/* A world out of a data directory: the newest good snapshot, then the journal behind it.
 *
 * Promise: acknowledged is contained in recovered, and recovered in what was sent. After rf_recovered
 * every mark is stale until its next input, whatever the instrument's mark_stale_ms says.
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

/* The files of a venue carry its rules and limits as their label. */
enum { RF_VENUE_LABEL_SIZE = 36 };
void rf_venue_label(const rf_limits *limits, unsigned char label[RF_VENUE_LABEL_SIZE]);
/* The limits in the head of a journal's file; false: it is of other rules, *why says so. */
bool rf_venue_limits(const rf_journal_head *head, rf_limits *limits, const char **why);

/* world is freshly opened, its observers set: they see what is applied behind the snapshot. `until`:
 * use no snapshot newer than this record (a history that is behind asks for it); UINT64_MAX = newest.
 * world->record is the number of the last record afterwards, and right for the observers on the way.
 * Records of other rules or limits are not applied: those before a change of limits must be behind a
 * snapshot. NULL: see recovery->error. The journal is open for writing. */
rf_journal *rf_recover(rf_world *world, const rf_journal_options *options, uint64_t until,
                       rf_recovery *recovery);
/* Once world->log leads to the journal: finishes what was under way when the venue stopped, and
 * forgets every mark until its next input. Both are records like any other. */
void rf_recovered(rf_world *world, int64_t time_ns);

#endif
