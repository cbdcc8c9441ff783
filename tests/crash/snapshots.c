/* Snapshot files: power fails while one is written over an older one. */
#include <stdio.h>
#include <string.h>

#include "tests/crash/crash.h"

typedef struct scene {
    fake_disk disk, after;
    uint64_t random, saving; /* the number being saved */
    uint64_t saved;          /* the newest that was reported */
    uint64_t points, old, fresh;
} scene;

/* The content of number n. */
static bool save(void *from, rf_snap_write write, void *context)
{
    uint64_t random = *(uint64_t *)from * 7 + 1;
    for (int i = 0; i < 60; i++) {
        const uint64_t word = i % 3 == 0 ? fake_draw(&random) : 5;
        if (!write(context, &word, sizeof word))
            return false;
    }
    return true;
}

static uint64_t loaded;

static bool load(void *to, rf_snap_read read, void *context)
{
    uint64_t words[60], more;
    for (int i = 0; i < 60; i++)
        if (!read(context, &words[i], sizeof words[i]))
            return false;
    if (read(context, &more, 1))
        return false;
    (void)to;
    loaded = words[0];
    return true;
}

static void look(scene *run, fake_disk *disk)
{
    char error[256];
    uint64_t seq;
    const rf_disk calls = fake_disk_of(disk);
    loaded = 0;
    if (!rf_snapfile_load(&calls, "d", UINT64_MAX, &seq, load, NULL, error) || error[0] != '\0')
        crash_fail("snapshot after a crash: %s", error);
    uint64_t random = seq * 7 + 1;
    if (seq != 0 && loaded != fake_draw(&random))
        crash_fail("snapshot %llu holds another one", (unsigned long long)seq);
    if (seq < run->saved || seq > run->saving)
        crash_fail("snapshot %llu came back, %llu was saved", (unsigned long long)seq,
                   (unsigned long long)run->saved);
    run->old += seq == run->saved;
    run->fresh += seq > run->saved;
    run->points++;
}

static void on_point(void *context, fake_point where)
{
    scene *run = context;
    (void)where;
    for (int i = 0; i < 8; i++) {
        fake_disk_crash(&run->disk, &run->after, &run->random);
        look(run, &run->after);
    }
}

void crash_snapshots(uint64_t points, uint64_t seed)
{
    static scene run;
    char error[256];
    fake_disk_start(&run.disk);
    run = (scene){.random = 2 * seed + 1};
    run.disk.on_point = on_point;
    run.disk.context = &run;
    const rf_disk calls = fake_disk_of(&run.disk);
    while (run.points < points) {
        run.saving++;
        if (!rf_snapfile_save(&calls, "d", run.saving, save, &run.saving, error))
            crash_fail("%s", error);
        run.saved = run.saving;
        on_point(&run, FAKE_SYNC);
        if (!rf_snapfile_prune(&calls, "d", 2, UINT64_MAX, error))
            crash_fail("%s", error);
    }
    printf("%llu crash points of snapshots: %llu times the older, %llu times the newer\n",
           (unsigned long long)run.points, (unsigned long long)run.old,
           (unsigned long long)run.fresh);
    if (run.old == 0 || run.fresh == 0)
        crash_fail("a row is zero");
}
