/* R4. A writer appends, commits and forgets for ever. In the middle of every call that changes the disk,
 * and after every acknowledgement, power fails some times, each time on a copy: what is recovered from
 * the copy must hold everything acknowledged and nothing that was not sent, and must go on. Now and then
 * the writer goes on with such a copy, so that the disk is full of what earlier lives left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/crash.h"

enum { CRASHES_PER_POINT = 6, ACKNOWLEDGED = FAKE_POINTS };

typedef struct writer {
    fake_disk disk, after;
    rf_disk calls; /* of disk */
    crash_sent sent;
    uint32_t kept;   /* batches since something was forgotten */
    uint64_t oldest; /* everything below it may have been forgotten */
    uint64_t random, points, wanted;
    rf_journal *journal;
    bool adopt;                   /* the copy that was made last */
    uint64_t acked;               /* when it was made */
    uint64_t at[FAKE_POINTS + 1]; /* crashes by place */
    uint64_t cut, recovered_more, lives, files, gone_on;
} writer;

static const char *const point_names[FAKE_POINTS + 1] = {
    "create", "write", "reserve", "truncate", "sync", "rename", "remove", "sync dir", "acked"};
static const char *const fate_names[FAKE_FATES] = {"kept",    "lost",     "torn",
                                                   "garbled", "recycled", "duplicated"};

/* Two more records on the copy, and once more from the beginning. */
static void go_on(writer *run, const rf_journal_options *options, rf_journal *journal,
                  uint64_t last)
{
    crash_sent sent = run->sent;
    rf_store_report report;
    const uint32_t kept[2] = {sent.seeds[last + 1], sent.seeds[last + 2]};
    sent.last = last;
    crash_append(journal, &sent, &run->random);
    crash_append(journal, &sent, &run->random);
    if (!crash_commit(journal, &sent))
        crash_fail("cannot go on after a crash: %s", rf_journal_error(journal));
    rf_journal_close(journal);
    crash_visit visit = {.sent = &sent};
    if (!rf_journal_read(options, RF_JOURNAL_OLDEST, crash_see, &visit, &report) || visit.wrong ||
        visit.last != last + 2 || report.cut_bytes != 0)
        crash_fail("what went on after a crash is not there: %s", report.error);
    memcpy(run->sent.seeds + last + 1, kept, sizeof kept);
    run->gone_on++;
}

static void crash_once(writer *run, unsigned where)
{
    rf_store_report report;
    crash_visit visit = {.sent = &run->sent};
    const uint64_t seed = run->random;
    fake_disk_crash(&run->disk, &run->after, &run->random);
    if (fake_below(&run->random, 512) == 0) {
        run->adopt = true;
        run->acked = run->sent.acked;
        return;
    }
    const rf_disk calls = fake_disk_of(&run->after);
    const rf_journal_options options = crash_options(&calls);
    const uint64_t after = run->oldest > 0 ? run->oldest - 1 : 0;
    rf_journal *journal = rf_journal_open(&options, after, crash_see, &visit, &report);
    if (!journal)
        crash_fail("crash in %s, seed %llu: %s", point_names[where], (unsigned long long)seed,
                   report.error);
    const uint64_t last = rf_journal_last(journal);
    if (visit.wrong || last < run->sent.acked || last > run->sent.last ||
        (visit.last != 0 && (visit.last != last || visit.first != after + 1)))
        crash_fail("crash in %s, seed %llu: %llu acknowledged, %llu recovered, %llu sent%s",
                   point_names[where], (unsigned long long)seed,
                   (unsigned long long)run->sent.acked, (unsigned long long)last,
                   (unsigned long long)run->sent.last, visit.wrong ? ", one is wrong" : "");
    run->at[where]++;
    run->points++;
    run->cut += report.cut_bytes > 0;
    run->recovered_more += last > run->sent.acked;
    if (fake_below(&run->random, 16) == 0)
        go_on(run, &options, journal, last);
    else
        rf_journal_close(journal);
}

static void crash_here(writer *run, unsigned where)
{
    for (int i = 0; i < CRASHES_PER_POINT && !run->adopt && run->points < run->wanted; i++)
        crash_once(run, where);
}

static void on_point(void *context, fake_point where)
{
    crash_here(context, where);
}

static void open_journal(writer *run)
{
    rf_store_report report;
    const rf_journal_options options = crash_options(&run->calls);
    run->journal = rf_journal_open(&options, RF_JOURNAL_OLDEST, NULL, NULL, &report);
    if (!run->journal)
        crash_fail("cannot open: %s", report.error);
}

/* The life after the crash. While it recovers, power can fail again. */
static void adopt(writer *run)
{
    while (run->adopt) {
        const fake_disk *old = &run->disk;
        memcpy(run->after.fates, old->fates, sizeof old->fates);
        run->after.names_lost = old->names_lost;
        run->after.on_point = old->on_point;
        run->after.context = old->context;
        run->disk = run->after;
        run->adopt = false;
        run->sent.acked = run->acked;
        run->lives++;
        rf_journal_close(run->journal);
        open_journal(run);
    }
    run->sent.last = run->sent.acked = rf_journal_last(run->journal);
}

/* As a venue does behind a snapshot. */
static void forget(writer *run)
{
    run->kept = 0;
    if (run->sent.acked < 60)
        return;
    run->oldest = run->sent.acked - 20;
    if (!rf_journal_forget(run->journal, run->oldest - 1))
        crash_fail("cannot forget");
}

static void live(writer *run)
{
    while (run->points < run->wanted) {
        if (run->sent.last + 100 > RECORDS_MAX)
            crash_fail("more records than there is room for");
        const uint32_t count = 1 + fake_below(&run->random, fake_below(&run->random, 8) ? 4 : 30);
        for (uint32_t i = 0; i < count; i++)
            crash_append(run->journal, &run->sent, &run->random);
        if (!crash_commit(run->journal, &run->sent))
            crash_fail("%s", rf_journal_error(run->journal));
        if (!run->adopt)
            crash_here(run, ACKNOWLEDGED);
        if (!run->adopt && (++run->kept > 20 || fake_below(&run->random, 16) == 0))
            forget(run);
        if (run->adopt)
            adopt(run);
    }
}

static bool print_row(const char *what, const char *name, uint64_t count)
{
    printf("  %-10s %-12s %10llu\n", what, name, (unsigned long long)count);
    return count > 0;
}

void crash_points(uint64_t points, uint64_t seed)
{
    writer *run = calloc(1, sizeof *run);
    uint32_t *seeds = calloc(RECORDS_MAX, sizeof *seeds);
    if (!run || !seeds)
        crash_fail("no memory");
    run->sent.seeds = seeds;
    run->random = seed * 2 + 1;
    run->wanted = points;
    fake_disk_start(&run->disk);
    run->calls = fake_disk_of(&run->disk);
    open_journal(run);
    run->disk.on_point = on_point;
    run->disk.context = run;
    live(run);
    bool good = true;
    printf("%llu crash points, %llu records\n", (unsigned long long)run->points,
           (unsigned long long)run->sent.last);
    for (unsigned i = 0; i <= FAKE_POINTS; i++)
        if (i != FAKE_TRUNCATE) /* a new file of the journal is empty already */
            good &= print_row("in", point_names[i], run->at[i]);
    for (unsigned i = 0; i < FAKE_FATES; i++)
        good &= print_row("sectors", fate_names[i], run->disk.fates[i]);
    good &= print_row("names", "lost", run->disk.names_lost);
    good &= print_row("tails", "cut", run->cut);
    good &= print_row("recovered", "unanswered", run->recovered_more);
    good &= print_row("went on", "and reread", run->gone_on);
    good &= print_row("lives", "adopted", run->lives);
    rf_journal_close(run->journal);
    free(seeds);
    free(run);
    if (!good)
        crash_fail("a row is zero");
}
