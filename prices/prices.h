/* Price histories: reads an exchange's public kline file into bars.
 *
 * Promise: a number of the file becomes an integer of 1e-8 exactly or the file is refused; nothing
 * is rounded and no double exists here. What is wrong is said in one line with file, line, column
 * and the column's name. Formats, told apart by content: plain, gzip or zip CSV; with a header
 * (time, open, high, low, close, one volume, anything else) or Binance's twelve columns without
 * one; open times in milli- or microseconds.
 *
 * May include: base/types.h, prices/number.h, zlib, libzip. */
#ifndef RF_PRICES_H
#define RF_PRICES_H

#include "base/types.h"

enum { RF_PRICES_ERROR_SIZE = 512 };

#define RF_VOLUME_UNKNOWN (-1)

/* One bar, labelled by its open time. Prices and volume are 1e-8. */
typedef struct rf_price_bar {
    rf_wide volume; /* RF_VOLUME_UNKNOWN: the field was empty or the file has no such column */
    int64_t time_ms;
    int64_t open, high, low, close;
} rf_price_bar;

typedef struct rf_prices {
    rf_price_bar *bars; /* by time, strictly ascending; at least one */
    size_t count;
    int64_t interval_ms;  /* smallest distance of two bars; one minute for a single bar */
    int decimals;         /* as many as it takes to write every price of the file */
    bool volume_is_quote; /* the volume counts quote currency, else base */
    char error[RF_PRICES_ERROR_SIZE];
} rf_prices;

/* Reads a file. False: prices->error says why, and there is nothing to finish. */
bool rf_prices_read(rf_prices *prices, const char *path);
/* The same from memory; name stands in messages. The bytes may be packed. */
bool rf_prices_parse(rf_prices *prices, const char *name, const unsigned char *bytes, size_t size);
/* Keeps the bars that open in [from_ms, to_ms). False, with an error, when none is left. */
bool rf_prices_window(rf_prices *prices, const char *name, int64_t from_ms, int64_t to_ms);
void rf_prices_finish(rf_prices *prices);

/* ---- bytes.c: the bytes behind a path, unpacked
 * ------------------------------------------- */

typedef struct rf_prices_bytes {
    unsigned char *bytes; /* size of them and a NUL */
    size_t size;
} rf_prices_bytes;

/* Both write one line into error and return false on failure; the caller frees bytes->bytes. */
bool rf_prices_load(rf_prices_bytes *out, const char *path, char *error, size_t error_size);
bool rf_prices_unpack(rf_prices_bytes *out, const char *name, const unsigned char *bytes,
                      size_t size, char *error, size_t error_size);

#endif
