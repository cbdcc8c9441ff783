#include "base/decimal.h"

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

/* Takes the last digit off. A 128-bit division costs ten times a 64-bit one, and few values need
 * it. */
static char pop_digit(rf_uwide *rest)
{
    char digit;
    if (*rest <= UINT64_MAX) {
        uint64_t narrow = (uint64_t)*rest;
        digit = (char)('0' + (int)(narrow % 10));
        *rest = narrow / 10;
    } else {
        digit = (char)('0' + (int)(*rest % 10));
        *rest /= 10;
    }
    return digit;
}

size_t rf_decimal_print(char text[RF_DECIMAL_TEXT_MAX], rf_wide value, unsigned decimals)
{
    RF_CHECK(decimals <= RF_DECIMALS_MAX);
    char reversed[RF_DECIMAL_TEXT_MAX];
    size_t count = 0;
    rf_uwide rest = value < 0 ? -(rf_uwide)value : (rf_uwide)value;
    for (unsigned i = 0; i < decimals; i++)
        reversed[count++] = pop_digit(&rest);
    if (decimals > 0)
        reversed[count++] = '.';
    do {
        reversed[count++] = pop_digit(&rest);
    } while (rest > 0);
    size_t size = 0;
    if (value < 0)
        text[size++] = '-';
    while (count > 0)
        text[size++] = reversed[--count];
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
