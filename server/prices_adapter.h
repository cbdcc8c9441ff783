/* The forms in which exchanges tell a price.
 *
 * Promise: an adapter reads the digits and nothing else; a new exchange is a row and a function.
 *
 * May include: base, api/json.h. */
#ifndef RF_SERVER_PRICES_ADAPTER_H
#define RF_SERVER_PRICES_ADAPTER_H

#include "api/json.h"

typedef struct rf_price_quote {
    int64_t price_e8;
    int64_t time_ms; /* by the exchange's clock; 0 = it does not say */
} rf_price_quote;

typedef struct rf_price_adapter {
    const char *name, *url, *path; /* the symbol goes behind the path, and `rest` behind it */
    const char *rest;
    /* NULL, or what is wrong. */
    const char *(*read)(const rf_json *json, const char *symbol, rf_price_quote *quote);
} rf_price_adapter;

/* What the exchange itself says of its refusal; NULL: nothing. */
const char *rf_price_adapter_words(const rf_json *json);

/* NULL: no such adapter. */
const rf_price_adapter *rf_price_adapter_find(const char *name);

#endif
