#include "server/metrics.h"

#include "base/check.h"

void rf_histogram_add(rf_histogram *histogram, int64_t ns)
{
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    unsigned bucket = 0;
    while (bucket < RF_BUCKETS - 1 && us >= (uint64_t)1 << bucket)
        bucket++;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_ns += ns > 0 ? (uint64_t)ns : 0;
}

void rf_metrics_count(rf_metrics *metrics, const rf_method *method, rf_error code)
{
    unsigned row = rf_error_row(code);
    RF_CHECK(row < RF_ERROR_ROWS_MAX);
    if (method)
        metrics->calls[rf_method_number(method)][row]++;
    else
        metrics->refused[row]++;
}

static rf_outcome outcome_of(const rf_event *event)
{
    if (event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        return RF_OUTCOME_RECOVERED;
    if (event->leaves > 0)
        return RF_OUTCOME_DELEVERAGED;
    return event->value > 0 ? RF_OUTCOME_TAKEN_OVER : RF_OUTCOME_CLOSED;
}

void rf_metrics_event(rf_metrics *metrics, const rf_event *event)
{
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        metrics->liquidations++;
    else if (event->kind == RF_EVENT_LIQUIDATION_ENDED ||
             event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        metrics->outcomes[outcome_of(event)]++;
}

/* ---- Text ------------------------------------------------------------------------------------ */

void rf_metrics_head(rf_bytes *out, const char *name, const char *kind, const char *help)
{
    rf_bytes_text(out, "# HELP ringfence_");
    rf_bytes_text(out, name);
    rf_bytes_char(out, ' ');
    rf_bytes_text(out, help);
    rf_bytes_text(out, "\n# TYPE ringfence_");
    rf_bytes_text(out, name);
    rf_bytes_char(out, ' ');
    rf_bytes_text(out, kind);
    rf_bytes_char(out, '\n');
}

static void put_name(rf_bytes *out, const char *name, const char *suffix)
{
    rf_bytes_text(out, "ringfence_");
    rf_bytes_text(out, name);
    rf_bytes_text(out, suffix);
}

void rf_metrics_value(rf_bytes *out, const char *name, const char *kind, const char *help,
                      int64_t value)
{
    rf_metrics_head(out, name, kind, help);
    put_name(out, name, " ");
    rf_bytes_int(out, value);
    rf_bytes_char(out, '\n');
}

static void put_histogram(rf_bytes *out, const char *name, const char *help,
                          const rf_histogram *histogram)
{
    uint64_t below = 0;
    rf_metrics_head(out, name, "histogram", help);
    for (unsigned i = 0; i < RF_BUCKETS; i++) {
        below += histogram->buckets[i];
        put_name(out, name, "_bucket{le=\"");
        if (i == RF_BUCKETS - 1)
            rf_bytes_text(out, "+Inf");
        else
            rf_bytes_decimal(out, (rf_wide)1 << i, 6);
        rf_bytes_text(out, "\"} ");
        rf_bytes_id(out, below);
        rf_bytes_char(out, '\n');
    }
    put_name(out, name, "_sum ");
    rf_bytes_decimal(out, (rf_wide)histogram->sum_ns, 9);
    rf_bytes_char(out, '\n');
    put_name(out, name, "_count ");
    rf_bytes_id(out, histogram->count);
    rf_bytes_char(out, '\n');
}

static void put_call(rf_bytes *out, const char *method, rf_error code, uint64_t count)
{
    if (count == 0)
        return;
    rf_bytes_text(out, "ringfence_calls_total{method=\"");
    rf_bytes_text(out, method);
    rf_bytes_text(out, "\",code=\"");
    rf_bytes_int(out, (int64_t)code);
    rf_bytes_text(out, "\"} ");
    rf_bytes_id(out, count);
    rf_bytes_char(out, '\n');
}

static void put_calls(rf_bytes *out, const char *method, const uint64_t *counts)
{
#define RF_ERROR(name, code, http, when) \
    put_call(out, method, RF_ERR_##name, counts[rf_error_row(RF_ERR_##name)]);
#include "engine/errors.def"
#undef RF_ERROR
}

static void put_liquidations(rf_bytes *out, const rf_metrics *metrics)
{
    static const char *const names[RF_OUTCOMES] = {"recovered", "closed", "taken_over",
                                                   "deleveraged"};
    rf_metrics_value(out, "liquidations_started_total", "counter", "Liquidations begun.",
                     (int64_t)metrics->liquidations);
    rf_metrics_head(out, "liquidations_total", "counter", "Liquidations ended, by outcome.");
    for (unsigned i = 0; i < RF_OUTCOMES; i++) {
        rf_bytes_text(out, "ringfence_liquidations_total{outcome=\"");
        rf_bytes_text(out, names[i]);
        rf_bytes_text(out, "\"} ");
        rf_bytes_id(out, metrics->outcomes[i]);
        rf_bytes_char(out, '\n');
    }
}

void rf_metrics_print(const rf_metrics *metrics, rf_bytes *out)
{
    rf_metrics_head(out, "calls_total", "counter", "Calls by method and code of the answer.");
    put_calls(out, "none", metrics->refused);
    for (int i = 0; i < RF_M_COUNT; i++)
        put_calls(out, rf_methods[i].name, metrics->calls[i]);
    put_histogram(out, "call_seconds", "From a request read to its answer made.",
                  &metrics->call_time);
    put_histogram(out, "flush_seconds", "Writing and flushing a batch of the journal.",
                  &metrics->flush_time);
    put_liquidations(out, metrics);
}
