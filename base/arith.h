/* Checked integer arithmetic with the rounding in the name.
 *
 * Promise: no function here wraps. add and sub stop the program on overflow (admission keeps every
 * amount below 2^62, so only a bug gets there); the mul-div family has a 128-bit intermediate and says
 * which way it rounds. "down" is toward minus infinity, "up" toward plus infinity.
 *
 * May include: base/types.h, base/check.h. */
#ifndef RF_BASE_ARITH_H
#define RF_BASE_ARITH_H

#include "base/check.h"
#include "base/types.h"

static inline int64_t rf_add(int64_t a, int64_t b)
{
    int64_t sum;
    RF_CHECK(!__builtin_add_overflow(a, b, &sum));
    return sum;
}

static inline int64_t rf_sub(int64_t a, int64_t b)
{
    int64_t difference;
    RF_CHECK(!__builtin_sub_overflow(a, b, &difference));
    return difference;
}

static inline int64_t rf_mul(int64_t a, int64_t b)
{
    int64_t product;
    RF_CHECK(!__builtin_mul_overflow(a, b, &product));
    return product;
}

static inline int64_t rf_narrow(rf_wide value)
{
    RF_CHECK(value >= INT64_MIN && value <= INT64_MAX);
    return (int64_t)value;
}

/* What the ledger has room for: below 2^62 either way. */
static inline bool rf_is_amount(rf_wide value)
{
    return value > -RF_AMOUNT_MAX && value < RF_AMOUNT_MAX;
}

/* exponent: 0 to 8, the most decimals that anything has. */
static inline int64_t rf_power_of_ten(int exponent)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    return powers[exponent];
}

/* Within one below 2^62 either way. For sums over what an account has on all its instruments: each term
 * is below 2^62, and nothing bounds their number. No account can tell 46 billion USD from more. */
static inline int64_t rf_saturate(rf_wide value)
{
    if (value >= RF_AMOUNT_MAX)
        return RF_AMOUNT_MAX - 1;
    return value <= -RF_AMOUNT_MAX ? 1 - RF_AMOUNT_MAX : (int64_t)value;
}

/* The same of two amounts' sum or difference, which 64 bits hold. */
static inline int64_t rf_clamp(int64_t value)
{
    if (value >= RF_AMOUNT_MAX)
        return RF_AMOUNT_MAX - 1;
    return value <= -RF_AMOUNT_MAX ? 1 - RF_AMOUNT_MAX : value;
}

static inline int64_t rf_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t rf_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t rf_abs(int64_t a)
{
    RF_CHECK(a != INT64_MIN);
    return a < 0 ? -a : a;
}

/* floor(a / b) and ceil(a / b) for b > 0. C truncates toward zero, which is neither for a < 0. */
static inline rf_wide rf_div_down(rf_wide a, rf_wide b)
{
    rf_wide quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

static inline rf_wide rf_div_up(rf_wide a, rf_wide b)
{
    rf_wide quotient = a / b;
    return a % b > 0 ? quotient + 1 : quotient;
}

/* The same for amounts that are known not to be negative and fit 64 bits: the hot path's division. */
static inline int64_t rf_div_up64(int64_t a, int64_t b)
{
    return (int64_t)(((uint64_t)a + (uint64_t)b - 1) / (uint64_t)b);
}

/* a * b / c with 0 <= a, 0 <= b, c > 0, rounded as named; the result must fit 63 bits. */
static inline int64_t rf_muldiv_up(int64_t a, int64_t b, int64_t c)
{
    rf_uwide product = (rf_uwide)(uint64_t)a * (uint64_t)b + (uint64_t)c - 1;
    if ((uint64_t)(product >> 64) == 0)
        return rf_narrow((rf_wide)((uint64_t)product / (uint64_t)c));
    return rf_narrow((rf_wide)(product / (uint64_t)c));
}

static inline int64_t rf_muldiv_down(int64_t a, int64_t b, int64_t c)
{
    rf_uwide product = (rf_uwide)(uint64_t)a * (uint64_t)b;
    if ((uint64_t)(product >> 64) == 0)
        return rf_narrow((rf_wide)((uint64_t)product / (uint64_t)c));
    return rf_narrow((rf_wide)(product / (uint64_t)c));
}

/* amount * rate, the rate in e8: what is paid rounds up, what is received rounds down. */
static inline int64_t rf_rate_up(int64_t amount, rf_rate rate)
{
    return rf_muldiv_up(amount, rate, RF_E8);
}

static inline int64_t rf_rate_down(int64_t amount, rf_rate rate)
{
    return rf_muldiv_down(amount, rate, RF_E8);
}

#endif
