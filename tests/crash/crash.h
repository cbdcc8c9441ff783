/* What a crash, a flipped bit and a failing call may do to a journal and its snapshots: nothing that
 * was acknowledged is lost, nothing that was never sent comes back, nothing damaged is handed out.
 *
 * May include: store, tests/crash. */
#ifndef RF_TESTS_CRASH_H
#define RF_TESTS_CRASH_H

#include "store/journal.h"
#include "store/snapfile.h"
#include "tests/crash/fake_disk.h"

/* Prints where it is and what is wrong, and ends the program with status 1. */
_Noreturn void crash_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- A run of records (records.c) ---------------------------------------------------------------- */

enum { RECORDS_MAX = 1 << 25, RECORD_SIZE = 600 };

/* Of every record the seed of its content, by number: lives after a crash go on with other ones. */
typedef struct crash_sent {
    uint32_t *seeds; /* RECORDS_MAX */
    uint64_t last;   /* sent */
    uint64_t acked;
} crash_sent;

size_t crash_record(uint64_t seq, uint32_t seed, unsigned char bytes[RECORD_SIZE]);
/* Is this what was sent? */
bool crash_is_record(const crash_sent *sent, uint64_t seq, unsigned kind, const void *bytes,
                     size_t size);
/* A new record. */
void crash_append(rf_journal *journal, crash_sent *sent, uint64_t *random);
/* Visits as rf_journal_visit with a crash_visit as context. */
typedef struct crash_visit {
    const crash_sent *sent;
    uint64_t first, last;
    bool wrong;
} crash_visit;
bool crash_see(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size);
rf_journal_options crash_options(const rf_disk *disk);
/* All that was appended; false: halted. */
bool crash_commit(rf_journal *journal, crash_sent *sent);

/* ---- The tests ----------------------------------------------------------------------------------- */

/* R4: so many crash points. */
void crash_points(uint64_t points, uint64_t seed);
/* R4 for snapshot files. */
void crash_snapshots(uint64_t points, uint64_t seed);
/* R5: every bit of small files, and garbage sectors. */
void crash_damage(uint64_t seed);
/* R7, R8: the n-th call fails, and every one from the n-th on that needs room. */
void crash_faults(uint64_t seed);

#endif
