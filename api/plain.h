/* What stands for itself in a string of JSON: all but quotes, backslashes and control characters. Both the
 * reader and the writer skip over it, eight bytes at a time.
 *
 * May include: base. */
#ifndef RF_API_PLAIN_H
#define RF_API_PLAIN_H

#include "base/little_endian.h"

static inline bool rf_plain_is(char c)
{
    return (unsigned char)c >= ' ' && c != '"' && c != '\\';
}

/* Of eight bytes: in the high bit of each whether it is a quote, a backslash or a control character. The
 * first one that is marked is one; behind it a borrow may have marked others. */
static inline uint64_t rf_plain_marks(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
            ((eight - ones * ' ') & ~eight)) &
           high;
}

/* The end of what stands for itself in a string. */
static inline const char *rf_plain_end(const char *at, const char *end)
{
    for (; end - at >= (ptrdiff_t)sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t marks = rf_plain_marks(rf_load_le64((const unsigned char *)at));
        if (marks)
            return at + __builtin_ctzll(marks) / 8;
    }
    while (at < end && rf_plain_is(*at))
        at++;
    return at;
}

#endif
