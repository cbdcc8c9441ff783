/* Index prices from other exchanges' public tickers.
 *
 * Promise: a price is the digits that the exchange sent, exactly, or it is not taken: no double ever
 * holds it. What is not well formed, too large, too late, redirected or older than stale_ms is
 * refused and counted, and changes nothing. Prices enter as operator/set-index-price with the
 * source's name; median, outliers and staleness are the engine's. A source that fails is asked less
 * and less often, and not before it wants to be asked (Retry-After).
 *
 * The file has a section for each source:
 *
 *   [coinbase-btc]               the name of the source
 *   adapter = coinbase           binance, okx, coinbase or kraken
 *   symbol = BTC-USD             as that exchange calls it
 *   index_name = BTCUSD-INDEX
 *   url = https://...            default: the exchange's own
 *   interval_ms = 1000           between two questions, 100 to 3600000
 *   timeout_ms = 2000            for an answer, 100 to 60000
 *   stale_ms = 60000             age of an answer by the exchange's clock; 0 = any
 *
 * May include: base, api, server/metrics.h. libcurl, libuv and inih are seen by prices*.c only. */
#ifndef RF_SERVER_PRICES_H
#define RF_SERVER_PRICES_H

#include "api/call.h"

typedef struct rf_price_sources rf_price_sources;

typedef struct rf_price_options {
    const char *path; /* of the file */
    void *loop;       /* uv_loop_t */
    rf_api *api;      /* to look at indexes, and for operator/get-price-sources */
    /* rf_local_call with its doors as context. */
    rf_error (*call)(void *context, const rf_caller *caller, const char *method,
                     const char *params_json, rf_bytes *answer);
    void (*turn)(void *context);      /* after a price went in; may be NULL */
    int64_t (*now_ns)(void *context); /* wall clock */
    void *context;
} rf_price_options;

/* Can the file be read? False: `error` says why not, with the line. */
bool rf_price_sources_check(const char *path, char error[512]);
/* Reads the file, starts asking, and puts itself into api->servers[RF_SERVICE_PRICES]. NULL: `error`
 * says why, with the line. */
rf_price_sources *rf_price_sources_open(const rf_price_options *options, char error[512]);
/* Stops asking; the loop runs once more before rf_price_sources_free. */
void rf_price_sources_close(rf_price_sources *sources);
void rf_price_sources_free(rf_price_sources *sources); /* NULL is fine */

/* Appends its lines of /metrics. */
void rf_price_sources_print(const rf_price_sources *sources, rf_bytes *out);

#endif
