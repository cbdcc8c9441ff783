#define _GNU_SOURCE /* close_range */
#include "server/sequencer.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "server/clock.h"
#include "server/note.h"
#include "server/vault.h"

enum {
    CHECK_COMMANDS = 4096, /* between two looks at the invariants */
    INVARIANTS_MAX = 32,
};

struct rf_sequencer {
    rf_sequencer_options options;
    rf_sequencer_handler handler;
    rf_world world;
    rf_journal *journal;
    rf_sequencer_stats stats;
    int64_t shift_ns;
    int64_t last_time_ns; /* handed out */
    uint64_t commands;    /* since the invariants were looked at */
    pid_t snapshot_child; /* 0 = none */
    uint64_t snapshot_child_seq;
    bool halted, recovering;
    int lock; /* on the data directory, -1 = not held */

    /* The worker. `busy` belongs to the loop, `commit` to both: the semaphore and the async hand it
     * over. */
    uv_thread_t worker;
    uv_sem_t wake;
    uv_async_t done;
    bool worker_runs, busy;
    struct {
        bool batch, good;
        uint64_t durable;
        int64_t ns;
    } commit;
};

/* ---- The worker ------------------------------------------------------------------------------ */

static void work(void *context)
{
    rf_sequencer *sequencer = context;
    for (;;) {
        uv_sem_wait(&sequencer->wake);
        if (!sequencer->commit.batch)
            return; /* woken for nothing: it is over */
        sequencer->commit.batch = false;
        int64_t start = rf_clock_monotonic_ns();
        sequencer->commit.good = rf_journal_commit(sequencer->journal, &sequencer->commit.durable);
        sequencer->commit.ns = rf_clock_monotonic_ns() - start;
        uv_async_send(&sequencer->done);
    }
}

static void halt(rf_sequencer *sequencer, const char *why)
{
    if (sequencer->halted)
        return;
    sequencer->halted = true;
    sequencer->handler.failed(sequencer->handler.context, why);
}

static void count_flush(rf_sequencer *sequencer, int64_t ns)
{
    rf_sequencer_stats *stats = &sequencer->stats;
    stats->flushes++;
    stats->flush_ns += (uint64_t)ns;
    stats->flush_last_ns = ns;
    stats->flush_max_ns = ns > stats->flush_max_ns ? ns : stats->flush_max_ns;
}

static void release(rf_sequencer *sequencer, uint64_t durable, int64_t ns)
{
    sequencer->stats.durable = durable;
    count_flush(sequencer, ns);
    sequencer->handler.durable(sequencer->handler.context, durable, ns);
}

static bool take(rf_sequencer *sequencer)
{
    if (!rf_journal_take(sequencer->journal))
        return false;
    sequencer->handler.taken(sequencer->handler.context);
    return true;
}

static void hand_over(rf_sequencer *sequencer)
{
    if (sequencer->busy || sequencer->halted || !take(sequencer))
        return;
    sequencer->busy = true;
    sequencer->commit.batch = true;
    uv_sem_post(&sequencer->wake);
}

/* In this thread: for the moments in which nothing may be under way. */
static bool flush_now(rf_sequencer *sequencer)
{
    uint64_t durable;
    RF_CHECK(!sequencer->busy);
    if (sequencer->halted)
        return false;
    if (!take(sequencer))
        return true;
    int64_t start = rf_clock_monotonic_ns();
    if (!rf_journal_commit(sequencer->journal, &durable)) {
        halt(sequencer, rf_journal_error(sequencer->journal));
        return false;
    }
    release(sequencer, durable, rf_clock_monotonic_ns() - start);
    return true;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static bool save_world(void *from, rf_snap_write write, void *context)
{
    return rf_world_save(from, write, context);
}

static bool forget_journal(const rf_sequencer *sequencer, uint64_t needed, char error[256])
{
    const rf_sequencer_options *options = &sequencer->options;
    uint64_t *numbers;
    size_t count;
    if (options->journal_keep == 0)
        return true;
    if (!rf_snapfile_list(&rf_disk_files, options->data, &numbers, &count, error))
        return false;
    uint64_t seq = rf_snapfile_floor(numbers, count, options->journal_keep, needed);
    free(numbers);
    if (rf_journal_forget(sequencer->journal, seq))
        return true;
    snprintf(error, 256, "cannot remove old files of the journal");
    return false;
}

static bool save_snapshot(rf_sequencer *sequencer, uint64_t seq, uint64_t needed, char error[256])
{
    const rf_sequencer_options *options = &sequencer->options;
    return rf_snapfile_save(&rf_disk_files, options->data, seq, save_world, &sequencer->world,
                            error) &&
           rf_snapfile_prune(&rf_disk_files, options->data, options->snapshot_keep, needed,
                             error) &&
           forget_journal(sequencer, needed, error);
}

static uint64_t find_needed(const rf_sequencer *sequencer)
{
    return sequencer->handler.needed(sequencer->handler.context);
}

/* The child keeps nothing of the parent but its memory: a socket left open here would outlive the
 * server. */
static _Noreturn void run_child(rf_sequencer *sequencer, uint64_t seq, uint64_t needed)
{
    char error[256] = "";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_range(3, ~0U, 0);
    bool good = save_snapshot(sequencer, seq, needed, error);
    if (!good)
        RF_NOTE(RF_NOTE_ERROR, "snapshot_failed", RF_NOTE_TEXT("why", error),
                RF_NOTE_NUMBER("seq", seq));
    _exit(good ? 0 : 1);
}

/* Called with the worker idle. What the snapshot holds must be durable before it can appear. */
static void start_snapshot(rf_sequencer *sequencer)
{
    if (!flush_now(sequencer))
        return;
    uint64_t seq = rf_journal_last(sequencer->journal);
    uint64_t needed = find_needed(sequencer); /* a lock: not to be taken in the child */
    pid_t child = fork();
    if (child == 0)
        run_child(sequencer, seq, needed);
    sequencer->stats.snapshot_tried = seq;
    if (child < 0) {
        RF_NOTE(RF_NOTE_ERROR, "snapshot_failed", RF_NOTE_TEXT("why", "fork"));
        return;
    }
    sequencer->snapshot_child = child;
    sequencer->snapshot_child_seq = seq;
}

static void note_snapshot(rf_sequencer *sequencer, uint64_t seq)
{
    sequencer->stats.snapshot_seq = seq;
    sequencer->stats.snapshot_time_ns = rf_clock_wall_ns();
    RF_NOTE(RF_NOTE_INFO, "snapshot", RF_NOTE_NUMBER("seq", seq));
}

static void reap_child(rf_sequencer *sequencer, bool wait)
{
    int status;
    if (sequencer->snapshot_child == 0 ||
        waitpid(sequencer->snapshot_child, &status, wait ? 0 : WNOHANG) == 0)
        return;
    sequencer->snapshot_child = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        note_snapshot(sequencer, sequencer->snapshot_child_seq);
    else
        sequencer->stats.snapshots_failed++;
}

static bool wants_snapshot(const rf_sequencer *sequencer)
{
    return !sequencer->halted && sequencer->snapshot_child == 0 &&
           rf_journal_last(sequencer->journal) - sequencer->stats.snapshot_tried >=
               sequencer->options.snapshot_every;
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void on_done(uv_async_t *async)
{
    rf_sequencer *sequencer = async->data;
    if (!sequencer->busy)
        return;
    sequencer->busy = false;
    if (!sequencer->commit.good) {
        halt(sequencer, rf_journal_error(sequencer->journal));
        return;
    }
    release(sequencer, sequencer->commit.durable, sequencer->commit.ns);
    rf_sequencer_turn(sequencer);
}

void rf_sequencer_turn(rf_sequencer *sequencer)
{
    if (sequencer->busy || sequencer->halted)
        return;
    if (wants_snapshot(sequencer))
        start_snapshot(sequencer);
    hand_over(sequencer);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void append(void *context, rf_record_kind kind, const void *bytes, size_t size)
{
    rf_sequencer *sequencer = context;
    uint64_t seq = rf_journal_append(sequencer->journal, kind, bytes, size);
    sequencer->stats.appended = seq;
}

static void check_invariants(rf_sequencer *sequencer)
{
    rf_invariant rows[INVARIANTS_MAX];
    int64_t start = rf_clock_monotonic_ns();
    size_t count = rf_engine_check(sequencer->world.engine, rows, INVARIANTS_MAX);
    sequencer->stats.checks++;
    sequencer->stats.check_last_ns = rf_clock_monotonic_ns() - start;
    for (size_t i = 0; i < count && i < INVARIANTS_MAX; i++) {
        char why[96];
        if (rows[i].ok)
            continue;
        snprintf(why, sizeof why, "invariant %s is broken, residual %lld", rows[i].name,
                 (long long)rows[i].residual);
        halt(sequencer, why);
        return;
    }
}

static void on_applied(void *context, rf_record_kind kind, int64_t time_ns)
{
    rf_sequencer *sequencer = context;
    if (kind != RF_RECORD_COMMAND)
        return;
    sequencer->last_time_ns = time_ns > sequencer->last_time_ns ? time_ns : sequencer->last_time_ns;
    if (++sequencer->commands < CHECK_COMMANDS)
        return;
    sequencer->commands = 0;
    check_invariants(sequencer);
}

/* ---- Time ------------------------------------------------------------------------------------ */

int64_t rf_sequencer_now(const rf_sequencer *sequencer)
{
    int64_t now = rf_clock_wall_ns() + sequencer->shift_ns;
    return now > sequencer->last_time_ns ? now : sequencer->last_time_ns;
}

void rf_sequencer_shift(rf_sequencer *sequencer, int64_t ns)
{
    sequencer->shift_ns += ns;
}

void rf_sequencer_tick(rf_sequencer *sequencer)
{
    reap_child(sequencer, false);
    if (!sequencer->halted)
        rf_api_advance(sequencer->world.api, rf_sequencer_now(sequencer));
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* One server on a directory at a time; the lock goes with the process, however it ends. */
static int lock_directory(const char *dir, char error[512])
{
    int number = 0;
    int lock = rf_disk_lock(dir, &number);
    if (lock < 0)
        snprintf(error, 512, "cannot have %.300s for itself: %s", dir,
                 number == EWOULDBLOCK ? "another server is running on it" : strerror(number));
    return lock;
}

rf_sequencer *rf_sequencer_open(uv_loop_t *loop, const rf_sequencer_options *options,
                                const rf_sequencer_handler *handler, char error[512])
{
    rf_sequencer *sequencer = calloc(1, sizeof *sequencer);
    int lock = lock_directory(options->data, error);
    if (lock < 0) {
        free(sequencer);
        return NULL;
    }
    if (!sequencer || !rf_world_open(&sequencer->world, &options->limits, false)) {
        snprintf(error, 512, "cannot make an engine of this size");
        close(lock);
        free(sequencer);
        return NULL;
    }
    uint64_t seed;
    rf_random_bytes(&seed, sizeof seed);
    rf_world_seed(&sequencer->world, seed);
    sequencer->options = *options;
    sequencer->lock = lock;
    sequencer->handler = *handler;
    rf_world_observe(&sequencer->world, (rf_observer){.applied = on_applied, .context = sequencer});
    RF_CHECK(uv_async_init(loop, &sequencer->done, on_done) == 0);
    sequencer->done.data = sequencer;
    uv_unref((uv_handle_t *)&sequencer->done); /* it alone is no reason to go on */
    return sequencer;
}

/* Snapshots from before the journal's first record lead nowhere, and there is none for a history that
 * begins with record 1: it begins with the oldest that leads on. */
static uint64_t find_begin(const rf_journal_options *options)
{
    rf_journal_head head;
    rf_store_report report;
    uint64_t *numbers, begin = 0;
    size_t count;
    char error[256];
    if (!rf_journal_look(options, 0, &head, &report) || head.first_seq <= 1 ||
        !rf_snapfile_list(options->disk, options->dir, &numbers, &count, error))
        return 0;
    for (size_t i = count; i > 0 && numbers[i - 1] + 1 >= head.first_seq; i--)
        begin = numbers[i - 1];
    free(numbers);
    return begin;
}

/* When the file of a snapshot was written; 0: there is none. */
static int64_t find_snapshot_time(const char *dir, uint64_t seq)
{
    char path[1024];
    struct stat about;
    snprintf(path, sizeof path, "%s/snapshot-%020llu", dir, (unsigned long long)seq);
    return stat(path, &about) == 0 ? (int64_t)about.st_mtime * 1000000000 : 0;
}

/* A journal that begins gets a name that no other has. */
static void name_journal(rf_journal_options *options)
{
    rf_journal_head head;
    rf_store_report report;
    if (!rf_journal_look(options, 0, &head, &report))
        randombytes_buf(options->identity, sizeof options->identity);
}

bool rf_sequencer_recover(rf_sequencer *sequencer, uint64_t until, rf_recovery *recovery,
                          char error[512])
{
    rf_journal_options options = {
        .disk = &rf_disk_files,
        .dir = sequencer->options.data,
        .segment_size = sequencer->options.segment_size,
    };
    name_journal(&options);
    until = until > 0 ? until : find_begin(&options);
    sequencer->journal = rf_recover(&sequencer->world, &options, until, recovery);
    if (!sequencer->journal) {
        snprintf(error, 512, "%s", recovery->error);
        return false;
    }
    uint64_t last = rf_journal_last(sequencer->journal);
    sequencer->stats.appended = sequencer->stats.durable = last;
    sequencer->stats.snapshot_seq = recovery->snapshot_seq;
    sequencer->stats.snapshot_tried = recovery->snapshot_seq;
    sequencer->stats.snapshot_time_ns = find_snapshot_time(options.dir, recovery->snapshot_seq);
    sequencer->last_time_ns = recovery->last_time_ns;
    sequencer->world.log = (rf_log){.append = append, .context = sequencer};
    RF_CHECK(uv_sem_init(&sequencer->wake, 0) == 0);
    RF_CHECK(uv_thread_create(&sequencer->worker, work, sequencer) == 0);
    sequencer->worker_runs = true;
    if (last > 0)
        rf_recovered(&sequencer->world, recovery->last_time_ns);
    return true;
}

static void stop_worker(rf_sequencer *sequencer)
{
    if (!sequencer->worker_runs)
        return;
    uv_sem_post(&sequencer->wake); /* behind the batch under way */
    uv_thread_join(&sequencer->worker);
    sequencer->worker_runs = false;
}

bool rf_sequencer_close(rf_sequencer *sequencer, char error[512])
{
    char why[256] = "";
    bool good = !sequencer->halted;
    uint64_t seq = sequencer->stats.appended;
    stop_worker(sequencer);
    if (sequencer->busy)
        on_done(&sequencer->done);
    good = good && sequencer->journal && flush_now(sequencer);
    reap_child(sequencer, true);
    if (good && seq > sequencer->stats.snapshot_seq) {
        good = save_snapshot(sequencer, seq, find_needed(sequencer), why);
        if (good)
            note_snapshot(sequencer, seq);
    }
    snprintf(error, 512, "%s", why);
    if (sequencer->journal)
        rf_journal_close(sequencer->journal);
    sequencer->journal = NULL;
    if (sequencer->lock >= 0)
        close(sequencer->lock);
    uv_close((uv_handle_t *)&sequencer->done, NULL);
    return good;
}

void rf_sequencer_free(rf_sequencer *sequencer)
{
    rf_world_close(&sequencer->world);
    free(sequencer);
}

rf_world *rf_sequencer_world(rf_sequencer *sequencer)
{
    return &sequencer->world;
}

rf_sequencer_stats rf_sequencer_statistics(const rf_sequencer *sequencer)
{
    rf_sequencer_stats stats = sequencer->stats;
    stats.bytes_written = sequencer->journal ? rf_journal_written(sequencer->journal) : 0;
    return stats;
}

uint64_t rf_sequencer_appended(const rf_sequencer *sequencer)
{
    return sequencer->stats.appended;
}

uint64_t rf_sequencer_durable(const rf_sequencer *sequencer)
{
    return sequencer->stats.durable;
}
