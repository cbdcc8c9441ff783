/* operator/get-status: how far the one server of this venue is, from the command to the disk. */
#include "api/handlers.h"
#include "api/put.h"
#include "server/door.h"

static void put_journal(rf_bytes *out, const rf_sequencer_stats *stats)
{
    rf_put_open(out, "journal", '{');
    rf_put_int(out, "appended_seq", (int64_t)stats->appended);
    rf_put_int(out, "durable_seq", (int64_t)stats->durable);
    rf_put_int(out, "written_bytes", (int64_t)stats->bytes_written);
    rf_put_int(out, "last_flush_us", stats->flush_last_ns / 1000);
    rf_put_close(out, '}');
}

static void put_snapshot(rf_bytes *out, const rf_sequencer_stats *stats)
{
    rf_put_open(out, "snapshot", '{');
    rf_put_int(out, "seq", (int64_t)stats->snapshot_seq);
    if (stats->snapshot_time_ns)
        rf_put_ms(out, "time", stats->snapshot_time_ns);
    rf_put_int(out, "failed", (int64_t)stats->snapshots_failed);
    rf_put_close(out, '}');
}

static void put_history(rf_bytes *out, const rf_history *history)
{
    char why[256];
    bool failed = rf_history_failed(history, why);
    rf_put_open(out, "history", '{');
    rf_put_int(out, "written_seq", (int64_t)rf_history_written(history));
    rf_put_int(out, "rows_waiting", (int64_t)rf_history_behind(history));
    rf_put_text(out, "error", failed ? why : "");
    rf_put_close(out, '}');
}

/* One server takes all commands and nobody follows it: that is what a role and an empty list say. */
rf_error rf_status_serve(rf_call *call)
{
    const rf_doors *doors = call->api->servers[RF_SERVICE_SERVER].context;
    const rf_sequencer_stats stats = rf_sequencer_statistics(doors->parts.sequencer);
    rf_bytes *out = call->out;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "role", "PRIMARY");
    rf_put_open(out, "replicas", '[');
    rf_put_close(out, ']');
    rf_put_text(out, "phase", rf_phase_text(doors->parts.phase));
    rf_put_int(out, "applied_seq", (int64_t)doors->world->record);
    rf_put_int(out, "engine_seq", (int64_t)rf_engine_seq(doors->world->engine));
    put_journal(out, &stats);
    put_snapshot(out, &stats);
    put_history(out, doors->parts.history);
    rf_put_close(out, '}');
    return RF_ERR_OK;
}
