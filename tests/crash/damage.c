/* R5. Files at rest: every bit of them flipped, every sector replaced by garbage or another sector. What
 * was in the last batch may look like a torn tail, which is reported, and its last sector full of zeros
 * like a batch that was never written; all else is damage, and nothing wrong is ever handed out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/segment.h"
#include "tests/crash/crash.h"

typedef struct rest {
    fake_disk disk;
    rf_disk calls;
    crash_sent sent;
    uint64_t whole; /* records before the last batch */
    uint64_t found, cut, silent;
    bool zeros; /* are what the sector is replaced by */
} rest;

static bool save(void *from, rf_snap_write write, void *context)
{
    uint64_t random = *(uint64_t *)from;
    for (int i = 0; i < 100; i++) {
        const uint64_t word = fake_draw(&random) & 0xff;
        if (!write(context, &word, sizeof word))
            return false;
    }
    return true;
}

static bool load(void *to, rf_snap_read read, void *context)
{
    uint64_t word, *count = to;
    for (*count = 0; *count < 100; ++*count)
        if (!read(context, &word, sizeof word))
            return false;
    return true;
}

static void prepare(rest *run, uint64_t seed)
{
    rf_store_report report;
    char error[256];
    uint64_t random = 2 * seed + 1;
    fake_disk_start(&run->disk);
    run->calls = fake_disk_of(&run->disk);
    const rf_journal_options options = crash_options(&run->calls);
    rf_journal *journal = rf_journal_open(&options, 0, NULL, NULL, &report);
    if (!journal)
        crash_fail("%s", report.error);
    while (run->sent.last < 90) {
        run->whole = run->sent.last;
        for (uint32_t i = 1 + fake_below(&random, 8); i > 0; i--)
            crash_append(journal, &run->sent, &random);
        if (!crash_commit(journal, &run->sent))
            crash_fail("%s", rf_journal_error(journal));
    }
    rf_journal_close(journal);
    if (!rf_snapfile_save(&run->calls, "d", 50, save, &random, error))
        crash_fail("%s", error);
}

static void read_journal(rest *run, const char *what, size_t at)
{
    rf_store_report report;
    crash_visit visit = {.sent = &run->sent};
    const rf_journal_options options = crash_options(&run->calls);
    const bool good = rf_journal_read(&options, RF_JOURNAL_OLDEST, crash_see, &visit, &report);
    if (visit.wrong)
        crash_fail("%s %zu: a record that was never sent", what, at);
    if (good && report.cut_bytes == 0 && !run->zeros)
        crash_fail("%s %zu: not found", what, at);
    if (good && visit.last < run->whole)
        crash_fail("%s %zu: flushed records were cut", what, at);
    run->silent += good && report.cut_bytes == 0;
    run->cut += good && report.cut_bytes > 0;
    run->found += !good;
}

static void read_snapshot(rest *run, const char *what, size_t at)
{
    char error[256];
    uint64_t seq, count;
    if (!rf_snapfile_load(&run->calls, "d", UINT64_MAX, &seq, load, &count, error))
        crash_fail("%s", error);
    if (seq != 0 || error[0] == '\0')
        crash_fail("%s %zu of the snapshot: not found", what, at);
    run->found++;
}

typedef void (*reading)(rest *run, const char *what, size_t at);

static uint64_t damage_file(rest *run, fake_file *file, reading read, uint64_t *random)
{
    uint64_t tries = 0;
    for (size_t bit = 0; bit < 8u * file->size; bit++, tries++) {
        file->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        read(run, "bit", bit);
        file->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t sector = 0; (sector + 1) * FAKE_SECTOR <= file->size; sector++)
        for (int kind = 0; kind < 40; kind++) {
            unsigned char kept[FAKE_SECTOR], *at = file->data + sector * FAKE_SECTOR;
            const size_t other = fake_below(random, file->size / FAKE_SECTOR) * FAKE_SECTOR;
            memcpy(kept, at, FAKE_SECTOR);
            for (size_t i = 0; i < FAKE_SECTOR; i++)
                at[i] = (unsigned char)(kind == 0 ? 0 : fake_draw(random) >> 33);
            if (kind % 4 == 1)
                memcpy(at, file->data + other, FAKE_SECTOR);
            run->zeros = rf_skip_zeros(at, 0, FAKE_SECTOR) == FAKE_SECTOR;
            if (memcmp(kept, at, FAKE_SECTOR) != 0) {
                read(run, "sector", sector);
                tries++;
            }
            memcpy(at, kept, FAKE_SECTOR);
            run->zeros = false;
        }
    return tries;
}

void crash_damage(uint64_t seed)
{
    static rest run;
    static uint32_t seeds[256];
    uint64_t random = 2 * seed + 1, tries = 0;
    run.sent.seeds = seeds;
    prepare(&run, seed);
    for (int i = 0; i < FAKE_FILES_MAX; i++) {
        const char *name = run.disk.names[i].text;
        if (strncmp(name, "journal-", 8) == 0)
            tries += damage_file(&run, fake_disk_find(&run.disk, name), read_journal, &random);
        if (strncmp(name, "snapshot-", 9) == 0)
            tries += damage_file(&run, fake_disk_find(&run.disk, name), read_snapshot, &random);
    }
    printf("%llu damages of journal and snapshot: %llu refused, %llu cut as a torn tail, %llu like "
           "never written\n",
           (unsigned long long)tries, (unsigned long long)run.found, (unsigned long long)run.cut,
           (unsigned long long)run.silent);
    if (run.found == 0 || run.cut == 0 || tries < 100000)
        crash_fail("too few");
}
