/* JSON out: members and elements appended straight from integers, compact, in the order of the
 * calls.
 *
 * Promise: commas are never a caller's business: a value goes behind what is there with a comma
 * unless it is the first of its container. Money has 8 decimals, identifiers of 64 bits are
 * strings.
 *
 * May include: base. */
#ifndef RF_API_PUT_H
#define RF_API_PUT_H

#include "base/bytes.h"

/* A key of NULL makes an array's element. */
void rf_put_open(rf_bytes *out, const char *key, char bracket);     /* '{' or '[' */
void rf_put_close(rf_bytes *out, char bracket);                     /* '}' or ']' */
void rf_put_text(rf_bytes *out, const char *key, const char *text); /* escaped */
void rf_put_decimal(rf_bytes *out, const char *key, rf_wide value,
                    unsigned decimals);                           /* a string */
void rf_put_money(rf_bytes *out, const char *key, rf_wide value); /* 8 decimals */
void rf_put_id(rf_bytes *out, const char *key, uint64_t id);      /* a string of digits */
void rf_put_int(rf_bytes *out, const char *key, int64_t value);   /* a number */
void rf_put_bool(rf_bytes *out, const char *key, bool value);
void rf_put_null(rf_bytes *out, const char *key);
/* Escapes text as the inside of a JSON string. */
void rf_put_escaped(rf_bytes *out, const char *text, size_t size);

#endif
