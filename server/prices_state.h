/* What the files of the price sources share.
 *
 * May include: all of server, curl, uv. */
#ifndef RF_SERVER_PRICES_STATE_H
#define RF_SERVER_PRICES_STATE_H

#include <curl/curl.h>
#include <uv.h>

#include "server/prices.h"
#include "server/prices_adapter.h"

enum {
    PRICES_MAX = 64,
    PRICES_BODY_MAX = 64 * 1024,
    PRICES_ERROR_SIZE = 96,
    PRICES_URL_SIZE = 512,
};

typedef struct price_source {
    rf_price_sources *all;
    char name[RF_NAME_SIZE], symbol[RF_NAME_SIZE], index_name[RF_NAME_SIZE];
    char url[PRICES_URL_SIZE];
    char base_url[PRICES_URL_SIZE / 2];
    const rf_price_adapter *adapter;
    int64_t interval_ms, timeout_ms, stale_ms;
    /* Asking. */
    CURL *curl;
    bool busy;
    uint64_t next_ms;  /* of uv_now: the next question */
    unsigned failures; /* in a row */
    rf_bytes body;
    /* What came of it. */
    uint64_t asked, taken, failed;
    int64_t price_e8, price_ns;    /* of the last good answer */
    char error[PRICES_ERROR_SIZE]; /* "" since the last good answer */
} price_source;

struct rf_price_sources {
    rf_price_options options;
    price_source sources[PRICES_MAX];
    unsigned count;
    CURLM *multi;
    uv_timer_t *beat, *timeout;
    rf_bytes answer;
    rf_json json;
    rf_json_token tokens[4096];
    char text[PRICES_BODY_MAX + 4096];
    /* While the file is read. */
    char *error;
};

/* prices_config.c: fills sources from the file. */
bool prices_read_config(rf_price_sources *sources);
/* prices_serve.c: operator/get-price-sources. */
rf_error prices_serve(rf_call *call);

#endif
