/* The queue between the loop and the database.
 *
 * The loop feeds rows under the mutex, about a microsecond a record. The worker seals them into
 * batches now and then (200 ms, 4,096 rows, or when a question is asked), and writes each batch in one
 * transaction once the journal holds its records. Questions run in the worker behind the batch that
 * they must see. */
#define _GNU_SOURCE

#include "history/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "history/state.h"

enum {
    BATCH_ROWS = 4096,
    QUIET_RECORDS = 1000,
    BATCH_MS = 200,
    IDLE_MS = 100,
    RETRY_MS = 1000,
    ROOM_MS = 50,
    NICE = 10,
};

/* ---- Time ------------------------------------------------------------------------------------ */

static struct timespec deadline(long ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static bool wait_until(pthread_cond_t *what, pthread_mutex_t *mutex, const struct timespec *until)
{
    return pthread_cond_timedwait(what, mutex, until) == 0;
}

/* ---- Sealing (the mutex is held) ------------------------------------------------------------- */

static void give_up(rf_history *history, const char *why)
{
    if (!history->gave_up && !history->error[0])
        snprintf(history->error, sizeof history->error, "%s", why);
    history->gave_up = true;
}

/* Records without rows are noted now and then, and at the end: else the next start would begin at
 * an old snapshot for nothing. */
static bool is_worth_a_batch(const rf_history *history)
{
    uint64_t quiet = history->record - history->batched;
    return rf_feeder_rows(history->feeder) > 0 || quiet >= QUIET_RECORDS ||
           (history->closing && quiet > 0);
}

static void seal(rf_history *history)
{
    uint64_t after = history->sealed_until;
    history->sealed_until = history->record;
    if (history->gave_up || history->record <= history->applied || !is_worth_a_batch(history))
        return;
    history_sealed *sealed = calloc(1, sizeof *sealed);
    if (!sealed) {
        give_up(history, "history: out of memory");
        return;
    }
    sealed->after = after;
    history->batched = history->record;
    rf_feeder_take(history->feeder, &sealed->batch);
    if (sealed->batch.out_of_memory)
        give_up(history, "history: out of memory");
    history->sealed_rows += sealed->batch.count;
    *history->last = sealed;
    history->last = &sealed->next;
}

/* The next batch that the journal has; NULL. It stays in the list until it is written. */
static history_sealed *next_released(const rf_history *history)
{
    history_sealed *first = history->first;
    return !history->gave_up && first && first->batch.record <= history->released ? first : NULL;
}

static void drop_first(rf_history *history)
{
    history_sealed *first = history->first;
    history->first = first->next;
    if (!history->first)
        history->last = &history->first;
    history->sealed_rows -= first->batch.count;
    rf_batch_free(&first->batch);
    free(first);
}

static bool put_batch(rf_store *store, const rf_batch *batch, char error[256])
{
    if (store->begin(store, error) && rf_batch_put(batch, store, error) &&
        store->commit(store, batch->record, error))
        return true;
    store->rollback(store);
    return false;
}

/* What will not be written any more is not kept either. */
static void drop_unwritten(rf_history *history)
{
    rf_batch batch = {0};
    if (!history->gave_up)
        return;
    while (history->first)
        drop_first(history);
    rf_feeder_take(history->feeder, &batch);
    rf_batch_free(&batch);
}

/* ---- The worker ------------------------------------------------------------------------------ */

/* Writes the first batch. False: it stays where it is. */
static bool write_first(rf_history *history)
{
    history_sealed *sealed = next_released(history);
    char error[256] = "";
    pthread_mutex_unlock(&history->mutex);
    bool good = put_batch(&history->store, &sealed->batch, error);
    pthread_mutex_lock(&history->mutex);
    if (!good && !history->gave_up)
        memcpy(history->error, error, sizeof error);
    if (!good)
        return false;
    history->written = sealed->batch.record;
    history->error[0] = 0;
    drop_first(history);
    pthread_cond_signal(&history->room);
    return true;
}

/* Whether everything that was observed up to a record is in the store, or will not be now. */
static bool has_come(const rf_history *history, uint64_t record)
{
    if (history->gave_up || history->error[0] || history->closing)
        return true;
    if (history->first)
        return history->first->after >= record;
    return history->sealed_until >= record || rf_feeder_rows(history->feeder) == 0;
}

static bool run_turns(rf_history *history)
{
    bool any = false;
    while (history->turns && has_come(history, history->turns->record)) {
        history_turn *turn = history->turns;
        history->turns = turn->next;
        if (!history->turns)
            history->turns_last = &history->turns;
        pthread_mutex_unlock(&history->mutex);
        turn->turn(turn->context);
        free(turn);
        pthread_mutex_lock(&history->mutex);
        any = true;
    }
    return any;
}

static void rest(rf_history *history)
{
    if (history->turns && history->sealed_until < history->turns->record)
        return; /* a question came while something was written */
    bool failed = next_released(history) != NULL;
    bool idle = !history->first && rf_feeder_rows(history->feeder) == 0;
    struct timespec until = deadline(failed ? RETRY_MS : idle ? IDLE_MS : BATCH_MS);
    wait_until(&history->work, &history->mutex, &until);
}

static void *work(void *context)
{
    rf_history *history = context;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    pthread_mutex_lock(&history->mutex);
    for (;;) {
        bool good = true, last = history->closing; /* what came before that is written */
        seal(history);
        while (good && next_released(history))
            good = write_first(history);
        drop_unwritten(history);
        run_turns(history);
        if (last)
            break;
        if (!history->closing)
            rest(history);
    }
    pthread_mutex_unlock(&history->mutex);
    return NULL;
}

/* ---- The loop's side ------------------------------------------------------------------------- */

static void on_event(void *context, const rf_event *event)
{
    rf_history *history = context;
    rf_feeder_event(history->feeder, event); /* only the loop touches a record's events */
}

static size_t rows_waiting(const rf_history *history)
{
    return history->sealed_rows + rf_feeder_rows(history->feeder);
}

/* Back-pressure: the worker can write, so it shall. What only the journal can let go is not waited
 * for: that is the loop's own business. */
static void wait_for_room(rf_history *history)
{
    struct timespec until = deadline(history->room_ms);
    while (rows_waiting(history) > history->rows_wait && !history->error[0] &&
           next_released(history))
        if (!wait_until(&history->room, &history->mutex, &until))
            break;
    if (rows_waiting(history) > history->rows_max)
        give_up(history, "history: more rows wait than memory shall hold");
}

/* A history that has begun must go on with the very next record: a snapshot that is newer than what
 * it has would leave a hole that nobody sees. */
static void look_for_gap(rf_history *history)
{
    uint64_t last = history->record > history->applied ? history->record : history->applied;
    if (last == 0 || history->world->record <= last + 1 || history->gave_up)
        return;
    snprintf(history->error, sizeof history->error,
             "history: records %llu to %llu are missing, no snapshot was old enough; without its "
             "file it begins anew",
             (unsigned long long)last + 1, (unsigned long long)history->world->record - 1);
    history->gave_up = true;
}

static void on_applied(void *context, rf_record_kind kind, int64_t time_ns)
{
    rf_history *history = context;
    (void)time_ns;
    pthread_mutex_lock(&history->mutex);
    look_for_gap(history);
    history->record = history->world->record;
    bool passed = history->record <= history->applied || history->gave_up;
    if (passed)
        rf_feeder_pass(history->feeder);
    else
        rf_feeder_applied(history->feeder, kind, history->record);
    bool many = rf_feeder_rows(history->feeder) >= BATCH_ROWS;
    if (history->threaded && many) {
        seal(history);
        pthread_cond_signal(&history->work);
    }
    /* The worker seals too, and less than a batch: what waits is looked at after each record. */
    if (history->threaded && (many || rows_waiting(history) > history->rows_wait))
        wait_for_room(history);
    pthread_mutex_unlock(&history->mutex);
    if (!history->threaded && many)
        history_flush(history);
}

void history_flush(rf_history *history)
{
    if (history->threaded)
        return;
    pthread_mutex_lock(&history->mutex);
    seal(history);
    while (next_released(history) && write_first(history))
        ;
    drop_unwritten(history);
    pthread_mutex_unlock(&history->mutex);
}

bool history_is_whole(rf_history *history)
{
    pthread_mutex_lock(&history->mutex);
    bool whole = !history->gave_up && !history->error[0];
    pthread_mutex_unlock(&history->mutex);
    return whole;
}

void rf_history_release(rf_history *history, uint64_t durable_seq)
{
    pthread_mutex_lock(&history->mutex);
    history->released = durable_seq;
    if (history->turns)
        pthread_cond_signal(&history->work);
    pthread_mutex_unlock(&history->mutex);
}

uint64_t rf_history_written(const rf_history *history)
{
    rf_history *own = (rf_history *)history;
    pthread_mutex_lock(&own->mutex);
    /* Records without rows are as good as written. */
    bool all = !own->gave_up && own->attached && !own->first && rf_feeder_rows(own->feeder) == 0;
    uint64_t written = all && own->record > own->written ? own->record : own->written;
    pthread_mutex_unlock(&own->mutex);
    return written;
}

void rf_history_ask(rf_history *history, void (*turn)(void *context), void *context)
{
    history_turn *waiting = history->running ? calloc(1, sizeof *waiting) : NULL;
    if (!waiting) { /* unthreaded, or out of memory: then it answers that it cannot */
        history_flush(history);
        turn(context);
        return;
    }
    *waiting = (history_turn){.turn = turn, .context = context, .record = history->record};
    pthread_mutex_lock(&history->mutex);
    *history->turns_last = waiting;
    history->turns_last = &waiting->next;
    pthread_cond_signal(&history->work);
    pthread_mutex_unlock(&history->mutex);
}

size_t rf_history_behind(const rf_history *history)
{
    rf_history *own = (rf_history *)history;
    pthread_mutex_lock(&own->mutex);
    size_t rows = own->sealed_rows + (own->attached ? rf_feeder_rows(own->feeder) : 0);
    pthread_mutex_unlock(&own->mutex);
    return rows;
}

bool rf_history_failed(const rf_history *history, char error[256])
{
    rf_history *own = (rf_history *)history;
    pthread_mutex_lock(&own->mutex);
    memcpy(error, own->error, sizeof own->error);
    bool failed = own->gave_up || own->error[0];
    pthread_mutex_unlock(&own->mutex);
    return failed;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool start_locks(rf_history *history)
{
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&history->mutex, NULL) != 0)
        return false;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&history->work, &monotonic);
    pthread_cond_init(&history->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return true;
}

rf_history *rf_history_open(const char *path, bool threaded, char error[256])
{
    rf_history *history = calloc(1, sizeof *history);
    if (!history || !start_locks(history)) {
        snprintf(error, 256, "history: out of memory");
        free(history);
        return NULL;
    }
    history->threaded = threaded;
    history->last = &history->first;
    history->turns_last = &history->turns;
    history->released = UINT64_MAX;
    history->rows_wait = RF_HISTORY_ROWS_WAIT;
    history->rows_max = RF_HISTORY_ROWS_MAX;
    history->room_ms = ROOM_MS;
    if (!rf_sqlite_open(&history->store, path, error)) {
        free(history);
        return NULL;
    }
    history->applied = history->written = history->batched = history->store.applied;
    return history;
}

bool rf_history_attach(rf_history *history, rf_world *world)
{
    RF_CHECK(!history->attached);
    history->feeder = rf_feeder_open(world, &history->store, history->error);
    if (!history->feeder)
        return false;
    history->error[0] = 0;
    history->world = world;
    history->attached = true;
    rf_world_observe(world, (rf_observer){on_event, on_applied, history});
    world->api->servers[RF_SERVICE_HISTORY] = (rf_server){history_serve, history};
    if (history->threaded)
        history->running = pthread_create(&history->thread, NULL, work, history) == 0;
    return history->running || !history->threaded;
}

void rf_history_close(rf_history *history)
{
    if (!history)
        return;
    if (history->running) {
        pthread_mutex_lock(&history->mutex);
        history->closing = true;
        pthread_cond_signal(&history->work);
        pthread_mutex_unlock(&history->mutex);
        pthread_join(history->thread, NULL);
    } else if (history->attached) {
        history->closing = true;
        history_flush(history);
    }
    while (history->first)
        drop_first(history);
    rf_feeder_close(history->feeder);
    history->store.close(&history->store);
    pthread_cond_destroy(&history->work);
    pthread_cond_destroy(&history->room);
    pthread_mutex_destroy(&history->mutex);
    free(history);
}

uint64_t rf_history_applied(const rf_history *history)
{
    return history->applied;
}
