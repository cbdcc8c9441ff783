/* The number types of the engine, and nothing else.
 *
 * Promise: every quantity of money, price and size in the product is one of these integers; no float
 * exists on any path. The name says the unit; docs/decisions/0003-plain-integers.md says why they are
 * typedefs and not one-field structs.
 *
 * May include: C's stdint, stddef, stdbool. */
#ifndef RF_BASE_TYPES_H
#define RF_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t rf_money;   /* 1e-8 of a currency unit ("e8") */
typedef int64_t rf_price;   /* 10^-price_decimals of the quote currency, per instrument */
typedef int64_t rf_qty;     /* 10^-qty_decimals of the base currency, per instrument */
typedef int64_t rf_rate;    /* 1e-8 (1 % = 1,000,000) */
typedef int64_t rf_time_ns; /* nanoseconds since 1970-01-01 UTC */

__extension__ typedef __int128 rf_wide;
__extension__ typedef unsigned __int128 rf_uwide;

enum { RF_NONE = 0 }; /* handle of nothing: slot 0 of every pool stays unused */

#define RF_E8 100000000LL
#define RF_AMOUNT_MAX \
    ((int64_t)1 << 62) /* exclusive bound of every admitted amount (decisions: Numbers) */

#endif
