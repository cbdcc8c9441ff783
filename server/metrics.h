/* Counters of the server, for /metrics in the text form of Prometheus.
 *
 * May include: base, api, include/ringfence.h. */
#ifndef RF_SERVER_METRICS_H
#define RF_SERVER_METRICS_H

#include "api/method.h"
#include "base/bytes.h"
#include "include/ringfence.h"

enum {
    RF_ERROR_ROWS_MAX = 128,
    RF_BUCKETS = 28, /* upper bounds 1 us, 2 us, 4 us ... 67 s, and the rest */
};

typedef struct rf_histogram {
    uint64_t buckets[RF_BUCKETS];
    uint64_t count, sum_ns;
} rf_histogram;

/* How a liquidation ended; the row that is furthest down counts. */
typedef enum rf_outcome {
    RF_OUTCOME_RECOVERED,   /* margin was there again */
    RF_OUTCOME_CLOSED,      /* all of it in the book */
    RF_OUTCOME_TAKEN_OVER,  /* by the insurance fund, in part at least */
    RF_OUTCOME_DELEVERAGED, /* against others' positions, in part at least */
    RF_OUTCOMES,
} rf_outcome;

typedef struct rf_metrics {
    uint64_t calls[RF_M_COUNT][RF_ERROR_ROWS_MAX]; /* by method and row of errors.def */
    uint64_t refused[RF_ERROR_ROWS_MAX];           /* before a method was known */
    rf_histogram call_time, flush_time;
    uint64_t liquidations, outcomes[RF_OUTCOMES]; /* begun, and ended how */
} rf_metrics;

void rf_histogram_add(rf_histogram *histogram, int64_t ns);
void rf_metrics_count(rf_metrics *metrics, const rf_method *method, rf_error code);
/* Of any event: liquidations are counted. */
void rf_metrics_event(rf_metrics *metrics, const rf_event *event);
void rf_metrics_print(const rf_metrics *metrics, rf_bytes *out);
/* What stands above the values of a name. */
void rf_metrics_head(rf_bytes *out, const char *name, const char *kind, const char *help);
/* One value with its help. kind: "counter" or "gauge". */
void rf_metrics_value(rf_bytes *out, const char *name, const char *kind, const char *help,
                      int64_t value);

#endif
