/* Decimal text and dates to integers and back, for the command line and for price files.
 *
 * Promise: exact or refused. No sign, exponent, space or grouping is accepted; more decimals than
 * eight are refused unless they are zeros.
 *
 * May include: base/types.h, base/decimal.h. */
#ifndef RF_PRICES_NUMBER_H
#define RF_PRICES_NUMBER_H

#include "base/types.h"

typedef enum rf_number_fault {
    RF_NUMBER_FINE,
    RF_NUMBER_EMPTY,
    RF_NUMBER_MALFORMED,
    RF_NUMBER_TOO_PRECISE,
    RF_NUMBER_TOO_LARGE,
} rf_number_fault;

enum { RF_NUMBER_TEXT_SIZE = 64, RF_TIME_TEXT_SIZE = 24 };

/* A decimal in 1e-8: up to 9.2e10 with eight decimals, up to 9.2e18 with none. */
rf_number_fault rf_number_decimal(const char *text, size_t size, rf_wide *value);
/* The same when it has to fit 63 bits. */
rf_number_fault rf_number_decimal64(const char *text, size_t size, int64_t *value);
rf_number_fault rf_number_integer(const char *text, size_t size, int64_t *value);
/* The sentence's end: "is not a decimal number". */
const char *rf_number_fault_text(rf_number_fault fault);

/* Milliseconds, or a UTC date YYYY-MM-DD with an optional THH:MM. *is_date: no time of day was
 * given. */
bool rf_number_time(const char *text, int64_t *time_ms, bool *is_date);

/* Writes value/1e8 with all eight decimals, or with as many of them as asked (cut toward zero).
 * Both return text, which holds RF_NUMBER_TEXT_SIZE. */
char *rf_number_format(char *text, rf_wide value_e8, int decimals);
/* The same with a comma between thousands, for people. */
char *rf_number_format_grouped(char *text, rf_wide value_e8, int decimals);
/* "2020-03-12 10:42", UTC; text holds RF_TIME_TEXT_SIZE. */
char *rf_number_format_time(char *text, int64_t time_ms);

#endif
