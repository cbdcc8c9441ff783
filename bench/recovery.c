/* W7: how long a venue needs to come back: from its journal, and from a snapshot. The commands are W2-S's (and
 * W2-L's for the snapshot), written through a world's log as a server does it; a recovery is everything from no
 * world to one that answers, with the files in the page cache. */
#define _GNU_SOURCE /* mkdtemp */
#include "bench/bench.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/types.h"
#include "venue/recover.h"

enum { BATCH = 4096, SEGMENT_SIZE = 64 << 20 };

typedef struct venue {
    char dir[64];
    rf_world world;
    rf_journal *journal;
    uint32_t waiting;
    uint64_t records;
} venue;

static void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static rf_journal_options options_of(const venue *run)
{
    return (rf_journal_options){
        .disk = &rf_disk_files, .dir = run->dir, .segment_size = SEGMENT_SIZE};
}

static void commit(venue *run)
{
    uint64_t durable;
    run->waiting = 0;
    if (rf_journal_take(run->journal) && !rf_journal_commit(run->journal, &durable))
        die(rf_journal_error(run->journal));
}

static void append(void *context, rf_record_kind kind, const void *bytes, size_t size)
{
    venue *run = context;
    run->records = rf_journal_append(run->journal, kind, bytes, size);
    if (++run->waiting == BATCH)
        commit(run);
}

static void apply(void *context, const rf_command *command)
{
    venue *run = context;
    rf_result result;
    run->world.api->apply(run->world.api->apply_context, run->world.engine, command, &result);
}

/* The founding and the stream through a journal in a fresh directory. */
static void write_venue(venue *run, const rf_bench_setup *setup, const rf_bench_stream *stream)
{
    rf_recovery recovery;
    const char *parent = getenv("TMPDIR");
    *run = (venue){0};
    snprintf(run->dir, sizeof run->dir, "%.40s/rf-bench-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(run->dir) || !rf_world_open(&run->world, &setup->limits, false))
        die("no directory or no memory for a venue");
    const rf_journal_options options = options_of(run);
    run->journal = rf_recover(&run->world, &options, UINT64_MAX, &recovery);
    if (!run->journal)
        die(recovery.error);
    run->world.log = (rf_log){.append = append, .context = run};
    rf_bench_found(setup, apply, run);
    for (uint64_t i = 0; i < stream->count; i++) {
        rf_command command;
        rf_bench_expand(&stream->commands[i], i + 1, &command);
        apply(run, &command);
    }
    commit(run);
    rf_journal_close(run->journal);
}

static void remove_venue(venue *run)
{
    DIR *dir = opendir(run->dir);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", run->dir, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(run->dir);
    rf_world_close(&run->world);
}

static bool save(void *from, rf_snap_write write, void *context)
{
    return rf_world_save(from, write, context);
}

/* The same state again; nanoseconds. until 0: from the first record. */
static int64_t recover(const venue *run, uint64_t until)
{
    rf_world world;
    rf_recovery recovery;
    const rf_journal_options options = options_of(run);
    const int64_t start = rf_bench_now_ns();
    if (!rf_world_open(&world, &run->world.limits, false))
        die("no memory for a world");
    rf_journal *journal = rf_recover(&world, &options, until, &recovery);
    const int64_t ns = rf_bench_now_ns() - start;
    if (!journal || (until == 0) != (recovery.snapshot_seq == 0))
        die(recovery.error[0] ? recovery.error : "recovered from somewhere else");
    const rf_digest live = rf_engine_digest(run->world.engine),
                    back = rf_engine_digest(world.engine);
    if (live.high != back.high || live.low != back.low)
        die("another state came back");
    rf_journal_close(journal);
    rf_world_close(&world);
    return ns;
}

/* What a snapshot holds one by one. */
static uint64_t count_objects(const rf_engine *engine)
{
    const uint32_t accounts = rf_accounts_count(engine);
    uint64_t count = accounts;
    for (uint32_t i = 0; i < accounts; i++)
        count += rf_view_positions(engine, i, NULL, 0) + rf_view_orders(engine, i, -1, NULL, 0);
    return count;
}

static void measure(const rf_bench_options *options, char variant, uint64_t commands, bool snapshot)
{
    rf_bench_setup setup;
    uint64_t refused;
    rf_bench_stream stream = rf_bench_margin_stream(variant, commands, &setup, &refused);
    char members[96], error[256];
    int64_t times[32];
    venue run;
    write_venue(&run, &setup, &stream);
    free(stream.commands);
    uint64_t per = run.records;
    snprintf(members, sizeof members, ",\"records\":%llu", (unsigned long long)per);
    if (snapshot) {
        per = count_objects(run.world.engine);
        snprintf(members, sizeof members, ",\"objects\":%llu", (unsigned long long)per);
        if (!rf_snapfile_save(&rf_disk_files, run.dir, run.records, save, &run.world, error))
            die(error);
    }
    const uint32_t runs = options->runs < 32 ? options->runs : 32;
    for (uint32_t i = 0; i < runs; i++)
        times[i] =
            (int64_t)((rf_wide)recover(&run, snapshot ? UINT64_MAX : 0) * 1000000 / (rf_wide)per);
    rf_bench_seconds_row(options, "W7",
                         snapshot ? "snapshot_seconds_per_million_objects" : "seconds_per_million",
                         members, times, runs);
    remove_venue(&run);
}

void rf_bench_recovery(const rf_bench_options *options)
{
    const uint64_t commands = options->commands != 0 ? options->commands
                              : options->quick       ? 20000
                                                     : 1000000;
    measure(options, 'S', commands, false);
    measure(options, options->quick ? 'S' : 'L', options->quick ? commands : 300000, true);
}
