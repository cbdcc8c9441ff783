/* Plain decimal numbers as text, to and from integers.
 *
 * Promise: nothing is rounded and nothing is guessed. Text that is not exactly representable with
 * the decimals asked for is refused with the reason; printing always writes all the decimals
 * ("12.50000000").
 *
 * May include: base/types.h. */
#ifndef RF_BASE_DECIMAL_H
#define RF_BASE_DECIMAL_H

#include "base/types.h"

enum {
    RF_DECIMALS_MAX = 18, /* of a 64-bit value */
    RF_DECIMAL_TEXT_MAX =
        48 /* bytes that rf_decimal_print may write: 39 digits, sign, point, "0." */
};

typedef enum rf_decimal_status {
    RF_DECIMAL_OK,
    RF_DECIMAL_MALFORMED, /* empty, an exponent, a stray sign or byte, a point without digits on
                             both sides */
    RF_DECIMAL_TOO_FINE,  /* a digit other than 0 behind the last decimal */
    RF_DECIMAL_TOO_LARGE, /* does not fit 63 bits */
} rf_decimal_status;

/* Reads text such as "-12.5" as value = -12.5 * 10^decimals. Zeros behind the last decimal are
 * fine, a leading "+" is not. On anything but OK value is left alone. */
rf_decimal_status rf_decimal_parse(const char *text, size_t size, unsigned decimals,
                                   int64_t *value);

/* A whole number from 0 to 2^64 - 1, digits only: identifiers. False: not that. */
bool rf_decimal_parse_id(const char *text, size_t size, uint64_t *value);

/* Writes value / 10^decimals without a closing NUL and returns the number of bytes. */
size_t rf_decimal_print(char text[RF_DECIMAL_TEXT_MAX], rf_wide value, unsigned decimals);

/* How many decimals a text shows, trailing zeros left out: "0.0100" has 2. The text must be one
 * that rf_decimal_parse accepts. */
unsigned rf_decimal_places(const char *text, size_t size);

#endif
