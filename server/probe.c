/* The second listener: /metrics, /healthz, /readyz. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/door.h"
#include "server/held.h"

static int64_t resident_bytes(void)
{
    char text[128] = "";
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    bool good = fgets(text, sizeof text, file) && sscanf(text, "%*u %llu", &pages) == 1;
    fclose(file);
    return good ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}

static void put_gate(rf_bytes *out, const rf_gate *gate)
{
    const rf_gate_stats stats = rf_gate_statistics(gate);
    rf_metrics_value(out, "connections", "gauge", "Open connections.", stats.connections);
    rf_metrics_value(out, "websockets", "gauge", "Open WebSockets.", stats.websockets);
    rf_metrics_value(out, "queue_bytes", "gauge", "What connections make the server hold.",
                     (int64_t)rf_held_bytes());
    rf_metrics_value(out, "connections_accepted_total", "counter", "Connections accepted.",
                     (int64_t)stats.accepted);
    rf_metrics_value(out, "connections_refused_total", "counter",
                     "Connections refused at a ceiling.", (int64_t)stats.refused);
    rf_metrics_value(out, "connections_dropped_total", "counter",
                     "Connections dropped for not reading.", (int64_t)stats.dropped);
    rf_metrics_value(out, "bytes_in_total", "counter", "Bytes read.", (int64_t)stats.bytes_in);
    rf_metrics_value(out, "bytes_out_total", "counter", "Bytes written.", (int64_t)stats.bytes_out);
}

static void put_sequencer(rf_bytes *out, const rf_doors *doors)
{
    const rf_sequencer_stats stats = rf_sequencer_statistics(doors->parts.sequencer);
    int64_t age =
        stats.snapshot_time_ns ? (rf_clock_wall_ns() - stats.snapshot_time_ns) / 1000000000 : -1;
    rf_metrics_value(out, "journal_appended_seq", "gauge", "Newest record of the journal.",
                     (int64_t)stats.appended);
    rf_metrics_value(out, "journal_durable_seq", "gauge", "Newest record that is on disk.",
                     (int64_t)stats.durable);
    rf_metrics_value(out, "journal_written_bytes_total", "counter",
                     "Bytes written to the journal since the start.", (int64_t)stats.bytes_written);
    rf_metrics_value(out, "engine_seq", "gauge", "Commands that the engine has applied.",
                     (int64_t)rf_engine_seq(doors->world->engine));
    rf_metrics_value(out, "snapshot_seq", "gauge", "Record of the newest snapshot.",
                     (int64_t)stats.snapshot_seq);
    rf_metrics_value(out, "snapshot_age_seconds", "gauge",
                     "Since the newest snapshot was written, -1 = there is none.", age);
    rf_metrics_value(out, "snapshots_failed_total", "counter", "Snapshots that were not written.",
                     (int64_t)stats.snapshots_failed);
    rf_metrics_value(out, "invariant_checks_total", "counter", "Looks at all invariants.",
                     (int64_t)stats.checks);
    rf_metrics_value(out, "invariant_check_ns", "gauge", "What the last look took.",
                     stats.check_last_ns);
}

static void put_market(rf_bytes *out, const rf_doors *doors)
{
    rf_house_view house;
    rf_view_house(doors->world->engine, &house);
    rf_metrics_value(out, "insurance_fund_e8", "gauge", "Insurance fund in 1e-8 USD.",
                     house.insurance[0]);
    rf_metrics_value(out, "insurance_fund_equity_e8", "gauge",
                     "Insurance fund with its positions' profit in 1e-8 USD.", house.fund_equity);
}

static void put_labelled(rf_bytes *out, const char *name, const char *instrument, rf_wide value,
                         unsigned decimals)
{
    rf_bytes_text(out, "ringfence_");
    rf_bytes_text(out, name);
    rf_bytes_text(out, "{instrument=\"");
    rf_bytes_text(out, instrument); /* a name has neither quotes nor backslashes */
    rf_bytes_text(out, "\"} ");
    rf_bytes_decimal(out, value, decimals);
    rf_bytes_char(out, '\n');
}

/* One gauge over all instruments. */
static void put_instruments(rf_bytes *out, const rf_doors *doors, const char *name,
                            const char *help,
                            rf_wide (*value)(const rf_instrument_view *view, int64_t now_ns,
                                             unsigned *decimals))
{
    const rf_engine *engine = doors->world->engine;
    rf_metrics_head(out, name, "gauge", help);
    for (uint32_t i = 0; i < rf_instruments_count(engine); i++) {
        rf_instrument_view view;
        unsigned decimals = 0;
        if (!rf_view_instrument(engine, i, &view))
            continue;
        rf_wide number = value(&view, rf_sequencer_now(doors->parts.sequencer), &decimals);
        put_labelled(out, name, view.config.name, number, decimals);
    }
}

static rf_wide open_interest(const rf_instrument_view *view, int64_t now_ns, unsigned *decimals)
{
    (void)now_ns;
    *decimals = view->config.qty_decimals;
    return view->open_interest;
}

static rf_wide mark_price(const rf_instrument_view *view, int64_t now_ns, unsigned *decimals)
{
    (void)now_ns;
    *decimals = view->config.price_decimals;
    return view->mark;
}

static rf_wide mark_stale(const rf_instrument_view *view, int64_t now_ns, unsigned *decimals)
{
    (void)now_ns;
    (void)decimals;
    return view->mark == 0 || view->mark_stale;
}

static rf_wide index_age(const rf_instrument_view *view, int64_t now_ns, unsigned *decimals)
{
    *decimals = 9;
    return view->index_time_ns ? now_ns - view->index_time_ns : -1000000000;
}

static int64_t history_behind(const rf_doors *doors)
{
    uint64_t last = rf_sequencer_appended(doors->parts.sequencer);
    uint64_t written = rf_history_written(doors->parts.history);
    return last > written ? (int64_t)(last - written) : 0;
}

static void put_server(rf_bytes *out, const rf_doors *doors)
{
    uint64_t space_free = 0, space_total = 0;
    int error;
    char why[256];
    rf_disk_files.space(rf_disk_files.context, doors->parts.config->texts[RF_SETTING_data],
                        &space_free, &space_total, &error);
    rf_metrics_value(out, "disk_free_bytes", "gauge", "Space left for the data directory.",
                     (int64_t)space_free);
    rf_metrics_value(out, "history_rows_waiting", "gauge",
                     "Rows of the history that wait to be written.",
                     (int64_t)rf_history_behind(doors->parts.history));
    rf_metrics_value(out, "history_failed", "gauge", "1: the history cannot be written.",
                     rf_history_failed(doors->parts.history, why));
    rf_metrics_value(out, "history_behind_records", "gauge",
                     "Records of the journal that the history has not written.",
                     history_behind(doors));
    rf_metrics_value(out, "audit_lines", "gauge", "Lines of the audit log.",
                     (int64_t)rf_audit_lines(doors->parts.audit));
    rf_metrics_value(out, "answers_waiting", "gauge", "Answers that wait for the journal.",
                     (int64_t)(doors->waiting + doors->waiting_new));
    rf_metrics_value(out, "phase", "gauge", "0 warm, 1 cancel-only, 2 post-only, 3 open.",
                     doors->parts.phase->name);
}

static void send_metrics(rf_doors *doors, rf_ticket ticket)
{
    rf_bytes *out = &doors->out;
    rf_bytes_clear(out);
    rf_metrics_print(&doors->metrics, out);
    put_gate(out, doors->parts.gate);
    put_sequencer(out, doors);
    put_market(out, doors);
    if (doors->parts.prices)
        rf_price_sources_print(doors->parts.prices, out);
    put_instruments(out, doors, "open_interest", "Sum of the longs.", open_interest);
    put_instruments(out, doors, "mark_price", "Mark price, 0 = none.", mark_price);
    put_instruments(out, doors, "mark_stale", "1: no fresh mark, nothing is liquidated.",
                    mark_stale);
    put_instruments(out, doors, "index_age_seconds", "Since the last index price, -1 = never.",
                    index_age);
    put_server(out, doors);
    rf_metrics_value(out, "resident_bytes", "gauge", "Resident memory.", resident_bytes());
    rf_doors_send(doors, ticket, out->full ? 500 : 200, "text/plain; version=0.0.4", out->data,
                  out->size);
}

static void send_word(rf_doors *doors, rf_ticket ticket, int status, const char *word)
{
    rf_doors_send(doors, ticket, status, "text/plain", word, strlen(word));
}

/* Ready is who can be traded on: a balancer sends customers there. The word is the phase. */
static void send_ready(rf_doors *doors, rf_ticket ticket)
{
    char word[32];
    snprintf(word, sizeof word, "%s\n",
             doors->stopping ? "stopping" : rf_phase_text(doors->parts.phase));
    send_word(doors, ticket, doors->stopping ? 503 : 200, word);
}

void rf_probe_request(rf_doors *doors, rf_ticket ticket, const rf_http_request *request)
{
    if (strcmp(request->method, "GET") != 0)
        send_word(doors, ticket, 405, "only GET\n");
    else if (strcmp(request->path, "/metrics") == 0)
        send_metrics(doors, ticket);
    else if (strcmp(request->path, "/healthz") == 0)
        send_word(doors, ticket, 200, "ok\n");
    else if (strcmp(request->path, "/readyz") == 0)
        send_ready(doors, ticket);
    else
        send_word(doors, ticket, 404, "not found\n");
}
