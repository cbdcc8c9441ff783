/* R7 and R8 for the store: the n-th call to the disk fails, for every n until a session makes fewer; or
 * everything that needs room fails from the n-th call on. Afterwards the disk is well again: a restart
 * has everything that was acknowledged, and goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/crash.h"

enum { BATCHES = 40 };

typedef struct session {
    fake_disk disk;
    rf_disk calls;
    crash_sent sent;
    uint64_t random;
    uint64_t failed_open, halted, failed_snapshots, passed;
} session;

static bool save(void *from, rf_snap_write write, void *context)
{
    return write(context, from, 8);
}

static bool load(void *to, rf_snap_read read, void *context)
{
    return read(context, to, 8);
}

/* A halted journal stays halted, whatever the disk does. */
static void check_halted(session *run, rf_journal *journal)
{
    uint64_t durable;
    run->disk.fails_at = 0;
    if (rf_journal_error(journal)[0] == '\0')
        crash_fail("a failed commit has no error");
    crash_append(journal, &run->sent, &run->random);
    if (rf_journal_take(journal))
        crash_fail("a halted journal takes");
    if (rf_journal_commit(journal, &durable) || durable != run->sent.acked)
        crash_fail("a halted journal commits");
}

static void write_all(session *run, rf_journal *journal)
{
    char error[256];
    for (int i = 0; i < BATCHES; i++) {
        for (uint32_t count = 1 + fake_below(&run->random, 5); count > 0; count--)
            crash_append(journal, &run->sent, &run->random);
        if (!crash_commit(journal, &run->sent)) {
            run->halted++;
            check_halted(run, journal);
            return;
        }
        if (i % 16 == 15)
            run->failed_snapshots +=
                !rf_snapfile_save(&run->calls, "d", run->sent.acked, save, &run->sent.acked, error);
    }
    run->passed++;
}

/* Everything acknowledged, and on. */
static void restart(session *run, uint64_t n)
{
    rf_store_report report;
    char error[256];
    uint64_t snapshot, content = 0;
    crash_visit visit = {.sent = &run->sent};
    const rf_journal_options options = crash_options(&run->calls);
    run->disk.fails_at = 0;
    run->disk.full = false;
    rf_journal *journal = rf_journal_open(&options, 0, crash_see, &visit, &report);
    if (!journal || visit.wrong || visit.last < run->sent.acked || visit.last > run->sent.last)
        crash_fail("call %llu failed, afterwards: %s", (unsigned long long)n, report.error);
    if (!rf_snapfile_load(&run->calls, "d", UINT64_MAX, &snapshot, load, &content, error) ||
        error[0] != '\0' || content != snapshot || snapshot > visit.last)
        crash_fail("call %llu failed, snapshot %llu afterwards: %s", (unsigned long long)n,
                   (unsigned long long)snapshot, error);
    run->sent.last = visit.last;
    crash_append(journal, &run->sent, &run->random);
    if (!crash_commit(journal, &run->sent))
        crash_fail("call %llu failed, cannot go on: %s", (unsigned long long)n,
                   rf_journal_error(journal));
    rf_journal_close(journal);
}

/* False: the session made fewer calls. */
static bool fail_at(session *run, uint64_t n, int error, bool full)
{
    rf_store_report report;
    fake_disk_start(&run->disk);
    run->sent.last = run->sent.acked = 0;
    run->random = 2 * n + 1;
    run->disk.fails_at = n;
    run->disk.fails_with = error;
    run->disk.full = full;
    const rf_journal_options options = crash_options(&run->calls);
    rf_journal *journal = rf_journal_open(&options, 0, NULL, NULL, &report);
    if (journal) {
        write_all(run, journal);
    } else {
        run->failed_open++;
        if (!strstr(report.error, strerror(error)))
            crash_fail("call %llu failed without a word: %s", (unsigned long long)n, report.error);
    }
    rf_journal_close(journal);
    const bool reached = run->disk.calls >= n;
    restart(run, n);
    return reached;
}

static void fail_all(session *run, int error, bool full, const char *what)
{
    uint64_t n = 1;
    run->failed_open = run->halted = run->failed_snapshots = run->passed = 0;
    while (fail_at(run, n, error, full))
        n++;
    printf("%llu calls, %s: %llu refused to open, %llu halted, %llu snapshots failed, %llu went "
           "through\n",
           (unsigned long long)n - 1, what, (unsigned long long)run->failed_open,
           (unsigned long long)run->halted, (unsigned long long)run->failed_snapshots,
           (unsigned long long)run->passed);
    if (n < 100 || run->halted == 0 || run->failed_snapshots == 0)
        crash_fail("a row is zero");
}

void crash_faults(uint64_t seed)
{
    static session run;
    static uint32_t seeds[1024];
    (void)seed;
    run.sent.seeds = seeds;
    run.calls = fake_disk_of(&run.disk);
    fail_all(&run, EIO, false, "one fails with EIO");
    fail_all(&run, ENOSPC, false, "one fails with ENOSPC");
    fail_all(&run, ENOSPC, true, "the disk is full from then on");
}
