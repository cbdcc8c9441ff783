/* The sequencer by itself: its time under clocks that jump (docs/reliability.md, R9), and what it lets go of
 * snapshots and journal. */
#include "server/sequencer.h"

#include <time.h>

#include "tests/unit/small.h"
#include "tests/unit/temporary.h"

#define HOUR_NS 3600000000000LL
#define USD 100000000LL

static const rf_limits limits = SMALL_LIMITS;

typedef struct venue {
    char dir[64];
    uv_loop_t loop;
    uv_timer_t alive; /* the sequencer alone is no reason for the loop to go on */
    rf_sequencer *sequencer;
    rf_recovery recovery;
    uint64_t needed;
    int64_t last_ns;
    unsigned fundings;
} venue;

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static void on_taken(void *context)
{
    (void)context;
}

static void on_durable(void *context, uint64_t seq, int64_t flush_ns)
{
    (void)context;
    (void)seq;
    (void)flush_ns;
}

static void on_failed(void *context, const char *why)
{
    (void)context;
    fail_msg("%s", why);
}

static uint64_t on_needed(void *context)
{
    return ((venue *)context)->needed;
}

static void on_event(void *context, const rf_event *event)
{
    venue *self = context;
    self->fundings += event->kind == RF_EVENT_FUNDING_SETTLED;
}

static void on_applied(void *context, rf_record_kind kind, int64_t time_ns)
{
    venue *self = context;
    assert_int_equal(kind, RF_RECORD_COMMAND);
    assert_true(time_ns >= self->last_ns); /* of every command */
    self->last_ns = time_ns;
}

static bool open_venue(venue *self, unsigned journal_keep, uint64_t until)
{
    char error[512];
    self->last_ns = 0; /* what is replayed comes again */
    const rf_sequencer_options options = {.data = self->dir,
                                          .segment_size = 8192,
                                          .snapshot_every = 40,
                                          .snapshot_keep = 2,
                                          .journal_keep = journal_keep,
                                          .limits = limits};
    const rf_sequencer_handler handler = {self, on_taken, on_durable, on_failed, on_needed};
    assert_int_equal(uv_loop_init(&self->loop), 0);
    assert_int_equal(uv_timer_init(&self->loop, &self->alive), 0);
    uv_timer_start(&self->alive, on_alive, 1000, 1000);
    self->sequencer = rf_sequencer_open(&self->loop, &options, &handler, error);
    assert_non_null(self->sequencer);
    rf_world_observe(rf_sequencer_world(self->sequencer),
                     (rf_observer){on_event, on_applied, self});
    return rf_sequencer_recover(self->sequencer, until, &self->recovery, error);
}

static void close_venue(venue *self)
{
    char error[512];
    uv_close((uv_handle_t *)&self->alive, NULL);
    rf_sequencer_close(self->sequencer, error);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    rf_sequencer_free(self->sequencer);
    assert_int_equal(uv_loop_close(&self->loop), 0);
}

static void apply(venue *self, rf_command command)
{
    rf_world *world = rf_sequencer_world(self->sequencer);
    rf_result result;
    command.time_ns = rf_sequencer_now(self->sequencer);
    world->api->apply(world->api->apply_context, world->engine, &command, &result);
    assert_int_equal(result.code, RF_ERR_OK);
}

static void found(venue *self)
{
    const rf_instrument_config config = bitcoin_perp();
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    command.u.instrument.config = &config;
    apply(self, command);
    command = (rf_command){.kind = RF_COMMAND_CREATE_ACCOUNT};
    strcpy(command.u.account.label, "alice");
    apply(self, command);
    command = (rf_command){.kind = RF_COMMAND_SET_MARK_PRICE};
    command.u.instrument.price = 500000;
    apply(self, command);
}

static void deposit(venue *self)
{
    rf_command command = {.kind = RF_COMMAND_DEPOSIT};
    command.u.money.account = 1;
    command.u.money.currency = 1;
    command.u.money.amount = USD;
    apply(self, command);
}

/* ---- R9 -------------------------------------------------------------------------------------------- */

/* Whatever the clock does, the funding of each hour that commands have passed is settled once. */
static void each_hour_is_settled_once(void **state)
{
    (void)state;
    venue self = {.needed = UINT64_MAX};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 0, 0));
    found(&self);
    const int64_t begin_ns = self.last_ns;
    /* Forth and back by an hour, by many, to where it stands still, and on; sums of more than a day. */
    static const int64_t jumps[] = {
        HOUR_NS,      -HOUR_NS,          0,           HOUR_NS,       HOUR_NS,     -2 * HOUR_NS,
        HOUR_NS / 2,  HOUR_NS,           5 * HOUR_NS, -10 * HOUR_NS, 0,           HOUR_NS,
        20 * HOUR_NS, HOUR_NS - 1000000, 1000000,     -30 * HOUR_NS, HOUR_NS / 3, 40 * HOUR_NS,
    };
    for (unsigned i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        int64_t before_ns = self.last_ns;
        rf_sequencer_shift(self.sequencer, jumps[i]);
        for (unsigned n = 0; n < 3; n++) {
            rf_sequencer_tick(self.sequencer);
            deposit(&self);
        }
        assert_true(self.last_ns >= before_ns);
        assert_int_equal(self.fundings, self.last_ns / HOUR_NS - begin_ns / HOUR_NS);
    }
    assert_true(self.fundings > 20);
    close_venue(&self);
    temporary_remove(self.dir);
}

/* A clock that was set back stands still, for commands, until it is caught up with; a restart with a
 * clock that is behind the journal does too. */
static void time_stands_still_rather_than_go_back(void **state)
{
    (void)state;
    venue self = {.needed = UINT64_MAX};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 0, 0));
    found(&self);
    rf_sequencer_shift(self.sequencer, HOUR_NS);
    deposit(&self);
    const int64_t latest_ns = self.last_ns;
    rf_sequencer_shift(self.sequencer, -HOUR_NS);
    deposit(&self);
    assert_int_equal(self.last_ns, latest_ns);
    assert_int_equal(rf_sequencer_now(self.sequencer), latest_ns);
    close_venue(&self);
    assert_true(open_venue(&self, 0, UINT64_MAX)); /* its clock is an hour behind again */
    assert_int_equal(self.recovery.last_time_ns, latest_ns);
    self.fundings = 0;
    rf_sequencer_tick(self.sequencer);
    deposit(&self);
    assert_int_equal(self.last_ns, latest_ns);
    assert_int_equal(self.fundings, 0);
    close_venue(&self);
    temporary_remove(self.dir);
}

/* ---- What is let go ----------------------------------------------------------------------------------- */

/* Numbers of the files with this prefix: how many, the smallest, the largest. */
typedef struct numbers {
    unsigned count;
    uint64_t first, last;
} numbers;

static numbers list(const venue *self, const char *prefix)
{
    numbers found_ones = {0};
    DIR *stream = opendir(self->dir);
    for (struct dirent *entry; (entry = readdir(stream));) {
        size_t size = strlen(prefix);
        char *end;
        if (strncmp(entry->d_name, prefix, size) != 0)
            continue;
        uint64_t number = strtoull(entry->d_name + size, &end, 10);
        if (end == entry->d_name + size || *end)
            continue; /* .new, .spare */
        found_ones.first =
            found_ones.count == 0 || number < found_ones.first ? number : found_ones.first;
        found_ones.last = number > found_ones.last ? number : found_ones.last;
        found_ones.count++;
    }
    closedir(stream);
    return found_ones;
}

/* So many records, each with its batch, and the snapshots that fall due, one after the other. */
static void go_on(venue *self, unsigned records)
{
    for (unsigned i = 0; i < records; i++) {
        uint64_t seq = rf_sequencer_statistics(self->sequencer).appended + 1;
        deposit(self);
        rf_sequencer_turn(self->sequencer);
        while (rf_sequencer_statistics(self->sequencer).durable < seq) {
            uv_run(&self->loop, UV_RUN_NOWAIT);
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        }
        rf_sequencer_stats stats = rf_sequencer_statistics(self->sequencer);
        while (stats.snapshot_seq < stats.snapshot_tried) { /* its child is at work */
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            rf_sequencer_tick(self->sequencer);
            assert_int_equal(stats.snapshots_failed, 0);
            stats = rf_sequencer_statistics(self->sequencer);
        }
    }
}

static void the_journal_is_kept_whole(void **state)
{
    (void)state;
    venue self = {.needed = UINT64_MAX};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 0, 0));
    found(&self);
    go_on(&self, 400);
    assert_int_equal(list(&self, "snapshot-").count, 2);
    assert_int_equal(list(&self, "journal-").first, 1);
    assert_true(rf_sequencer_statistics(self.sequencer).bytes_written > 400 * 16);
    close_venue(&self);
    temporary_remove(self.dir);
}

static void the_journal_reaches_back_to_the_snapshots(void **state)
{
    (void)state;
    venue self = {.needed = UINT64_MAX};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 2, 0));
    found(&self);
    go_on(&self, 400);
    numbers snapshots = list(&self, "snapshot-"), files = list(&self, "journal-");
    assert_int_equal(snapshots.count, 2);
    assert_in_range(files.first, 2, snapshots.first + 1);
    uint64_t last = rf_sequencer_statistics(self.sequencer).appended;
    close_venue(&self);
    /* From the older one too, and, for who begins anew, from where it begins now. */
    snapshots = list(&self, "snapshot-");
    assert_true(open_venue(&self, 2, snapshots.first));
    assert_int_equal(self.recovery.snapshot_seq, snapshots.first);
    assert_int_equal(self.recovery.journal.last_seq, last);
    close_venue(&self);
    snapshots = list(&self, "snapshot-");
    assert_true(open_venue(&self, 2, 0));
    assert_int_equal(self.recovery.snapshot_seq, snapshots.first);
    close_venue(&self);
    temporary_remove(self.dir);
}

static void what_is_needed_stays(void **state)
{
    (void)state;
    venue self = {.needed = UINT64_MAX};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 1, 0));
    found(&self);
    go_on(&self, 200);
    self.needed = rf_sequencer_statistics(self.sequencer).appended;
    const uint64_t snapshot = list(&self, "snapshot-").last;
    assert_true(snapshot <= self.needed);
    go_on(&self, 400);
    numbers snapshots = list(&self, "snapshot-"), files = list(&self, "journal-");
    assert_int_equal(snapshots.count, 3); /* the newest two, and the one */
    assert_in_range(snapshots.first, snapshot, self.needed);
    assert_true(files.first <= snapshots.first + 1);
    /* A history that has the first 'needed' is made up for. */
    uint64_t last = rf_sequencer_statistics(self.sequencer).appended;
    close_venue(&self);
    assert_true(open_venue(&self, 1, self.needed));
    assert_in_range(self.recovery.snapshot_seq, snapshots.first, self.needed);
    assert_int_equal(self.recovery.journal.last_seq, last);
    /* And once it has all, the rest goes. */
    self.needed = UINT64_MAX;
    go_on(&self, 200);
    assert_int_equal(list(&self, "snapshot-").count, 2);
    assert_true(list(&self, "journal-").first > snapshot + 1);
    close_venue(&self);
    temporary_remove(self.dir);
}

/* No snapshot is old enough: the journal is needed from its first record on. */
static void without_a_snapshot_all_records_stay(void **state)
{
    (void)state;
    venue self = {.needed = 0};
    temporary_make(self.dir);
    assert_true(open_venue(&self, 1, 0));
    found(&self);
    go_on(&self, 300);
    assert_int_equal(list(&self, "snapshot-").count, 2);
    assert_int_equal(list(&self, "journal-").first, 1);
    close_venue(&self);
    assert_int_equal(list(&self, "journal-").first, 1);
    temporary_remove(self.dir);
}

static void the_floor(void **state)
{
    (void)state;
    const uint64_t numbers_there[] = {10, 20, 30, 40};
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 1, UINT64_MAX), 40);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 3, UINT64_MAX), 20);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 4, UINT64_MAX), 10);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 5, UINT64_MAX), 0);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 1, 40), 40);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 1, 39), 30);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 3, 39), 20);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 3, 10), 10);
    assert_int_equal(rf_snapfile_floor(numbers_there, 4, 1, 9), 0);
    assert_int_equal(rf_snapfile_floor(numbers_there, 0, 1, 9), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hour_is_settled_once),
        cmocka_unit_test(time_stands_still_rather_than_go_back),
        cmocka_unit_test(the_journal_is_kept_whole),
        cmocka_unit_test(the_journal_reaches_back_to_the_snapshots),
        cmocka_unit_test(what_is_needed_stays),
        cmocka_unit_test(without_a_snapshot_all_records_stay),
        cmocka_unit_test(the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
