#include "base/decimal.h"

#include <string.h>

#include "base/check.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Position of the point, or size. False when the text is not digits with at most one point between
 * them. */
static bool shape(const char *text, size_t size, size_t *point)
{
    *point = size;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' && *point == size && i > 0 && i + 1 < size)
            *point = i;
        else if (!is_digit(text[i]))
            return false;
    }
    return size > 0;
}

/* value * 10 + digit in the negative range, which is one larger than the positive one. */
static bool push_digit(int64_t *negative, char digit)
{
    return !__builtin_mul_overflow(*negative, 10, negative) &&
           !__builtin_sub_overflow(*negative, digit - '0', negative);
}

rf_decimal_status rf_decimal_parse(const char *text, size_t size, unsigned decimals, int64_t *value)
{
    RF_CHECK(decimals <= RF_DECIMALS_MAX);
    bool minus = size > 0 && text[0] == '-';
    if (minus) {
        text++;
        size--;
    }
    size_t point;
    if (!shape(text, size, &point))
        return RF_DECIMAL_MALFORMED;
    int64_t negative = 0;
    for (size_t i = 0; i < point; i++)
        if (!push_digit(&negative, text[i]))
            return RF_DECIMAL_TOO_LARGE;
    for (size_t i = 0; i < decimals; i++) {
        size_t at = point + 1 + i;
        if (!push_digit(&negative, at < size ? text[at] : '0'))
            return RF_DECIMAL_TOO_LARGE;
    }
    for (size_t at = point + 1 + decimals; at < size; at++)
        if (text[at] != '0')
            return RF_DECIMAL_TOO_FINE;
    if (negative == INT64_MIN)
        return RF_DECIMAL_TOO_LARGE;
    *value = minus ? negative : -negative;
    return RF_DECIMAL_OK;
}

bool rf_decimal_parse_id(const char *text, size_t size, uint64_t *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    }
    *value = number;
    return size > 0;
}

/* Two at a time: a division costs more than to look its two digits up. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* The digits of a number, at least `count` of them, in front of `end`. Returns where they begin. */
static char *put_digits(char *end, uint64_t value, unsigned count)
{
    char *at = end;
    for (; value >= 100; value /= 100) {
        at -= 2;
        at[0] = pairs[2 * (value % 100)];
        at[1] = pairs[2 * (value % 100) + 1];
    }
    for (; value > 0; value /= 10)
        *--at = (char)('0' + (int)(value % 10));
    while (at > end - count)
        *--at = '0';
    return at;
}

enum { DIGITS_NARROW = 19 };         /* a number of 64 bits has all values with so many digits */
#define NARROW 10000000000000000000u /* 10^19 */

/* The same for 128 bits, whose division costs ten times one of 64 bits; few values need it. */
static char *put_wide(char *end, rf_uwide value, unsigned count)
{
    for (; value > UINT64_MAX; value /= NARROW) {
        end = put_digits(end, (uint64_t)(value % NARROW), DIGITS_NARROW);
        count -= count < DIGITS_NARROW ? count : (unsigned)DIGITS_NARROW;
    }
    return put_digits(end, (uint64_t)value, count);
}

size_t rf_decimal_print(char text[RF_DECIMAL_TEXT_MAX], rf_wide value, unsigned decimals)
{
    RF_CHECK(decimals <= RF_DECIMALS_MAX);
    char digits[RF_DECIMAL_TEXT_MAX], *end = digits + sizeof digits;
    rf_uwide rest = value < 0 ? -(rf_uwide)value : (rf_uwide)value;
    const char *at = put_wide(end, rest, decimals + 1);
    size_t size = 0, whole = (size_t)(end - at) - decimals;
    if (value < 0)
        text[size++] = '-';
    memcpy(text + size, at, whole);
    size += whole;
    if (decimals > 0) {
        text[size++] = '.';
        memcpy(text + size, at + whole, decimals);
        size += decimals;
    }
    return size;
}

unsigned rf_decimal_places(const char *text, size_t size)
{
    size_t point = 0;
    while (point < size && text[point] != '.')
        point++;
    while (size > point + 1 && text[size - 1] == '0')
        size--;
    return size > point + 1 ? (unsigned)(size - point - 1) : 0;
}
