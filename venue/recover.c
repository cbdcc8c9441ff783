#include "venue/recover.h"

#include <stdio.h>
#include <string.h>

/* ---- The label: rules_version and the limits, 4 bytes each ---------------------------------------- */

static void put_u32(unsigned char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void rf_venue_label(const rf_limits *limits, unsigned char label[RF_VENUE_LABEL_SIZE])
{
    const uint32_t words[] = {
        RF_RULES_VERSION,        limits->accounts_max, limits->instruments_max,
        limits->positions_max,   limits->orders_max,   limits->recent_max,
        limits->withdrawals_max, limits->window_ticks, limits->watch_buckets};
    _Static_assert(sizeof words == RF_VENUE_LABEL_SIZE, "every limit is in the label");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        put_u32(label + 4 * i, words[i]);
}

bool rf_venue_limits(const rf_journal_head *head, rf_limits *limits, const char **why)
{
    const unsigned char *at = head->label;
    if (head->label_size != RF_VENUE_LABEL_SIZE) {
        *why = "the journal is not of a venue";
        return false;
    }
    if (get_u32(at) != RF_RULES_VERSION) {
        *why = "the journal is of another rules_version";
        return false;
    }
    *limits = (rf_limits){
        .accounts_max = get_u32(at + 4),
        .instruments_max = get_u32(at + 8),
        .positions_max = get_u32(at + 12),
        .orders_max = get_u32(at + 16),
        .recent_max = get_u32(at + 20),
        .withdrawals_max = get_u32(at + 24),
        .window_ticks = get_u32(at + 28),
        .watch_buckets = get_u32(at + 32),
    };
    return true;
}

/* ---- Recovery ------------------------------------------------------------------------------------ */

typedef struct recovering {
    rf_world *world;
    rf_recovery *recovery;
} recovering;

static bool load(void *context, rf_snap_read read, void *from)
{
    recovering *run = context;
    const char *ignored;
    return rf_world_load(run->world, read, from, &ignored);
}

static bool replay(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    recovering *run = context;
    if (run->recovery->records == 0) /* none: the books of the snapshot are right */
        rf_world_rest_books(run->world);
    if (!rf_world_replay(run->world, (rf_record_kind)kind, bytes, size)) {
        snprintf(run->recovery->error, sizeof run->recovery->error,
                 "record %llu of the journal is none of this version", (unsigned long long)seq);
        return false;
    }
    run->recovery->records++;
    return true;
}

static void warn_of_cut(rf_recovery *recovery)
{
    const rf_store_report *report = &recovery->journal;
    const size_t used = strlen(recovery->warning);
    if (report->cut_bytes > 0)
        snprintf(recovery->warning + used, sizeof recovery->warning - used,
                 "%s%s: a torn tail of %llu bytes was cut at byte %llu", used > 0 ? "; " : "",
                 report->cut_file, (unsigned long long)report->cut_bytes,
                 (unsigned long long)report->cut_offset);
}

rf_journal *rf_recover(rf_world *world, const rf_journal_options *options, uint64_t until,
                       rf_recovery *recovery)
{
    unsigned char label[RF_VENUE_LABEL_SIZE];
    rf_journal_options own = *options;
    *recovery = (rf_recovery){0};
    recovering run = {.world = world, .recovery = recovery};
    rf_venue_label(&world->limits, label);
    own.label = label;
    own.label_size = sizeof label;
    if (!rf_snapfile_load(own.disk, own.dir, until, &recovery->snapshot_seq, load, &run,
                          recovery->warning)) {
        memcpy(recovery->error, recovery->warning, sizeof recovery->error);
        return NULL;
    }
    world->record = recovery->snapshot_seq;
    rf_journal *journal =
        rf_journal_open(&own, recovery->snapshot_seq, replay, &run, &recovery->journal);
    if (journal && recovery->records > 0 && !rf_world_lay_books(world)) {
        rf_journal_close(journal);
        journal = NULL;
        snprintf(recovery->error, sizeof recovery->error, "out of memory");
    }
    if (!journal && recovery->error[0] == '\0')
        memcpy(recovery->error, recovery->journal.error, sizeof recovery->error);
    warn_of_cut(recovery);
    recovery->last_time_ns = rf_engine_time_ns(world->engine);
    return journal;
}

void rf_recovered(rf_world *world, int64_t time_ns)
{
    rf_api_advance(world->api, time_ns);
    const rf_command forget = {.kind = RF_COMMAND_FORGET_MARKS, .time_ns = time_ns};
    rf_result ignored;
    world->api->apply(world->api->apply_context, world->engine, &forget, &ignored);
}
