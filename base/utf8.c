#include "base/utf8.h"

#include <string.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the sequence that begins here, 0 = none does. `left` is at least 1. */
static size_t sequence(const unsigned char *at, size_t left)
{
    unsigned char first = at[0], least = 0x80, most = 0xBF;
    size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size == 0 || size > left)
        return 0;
    /* The second byte is where overlong forms, surrogates and too large values show. */
    if (first == 0xE0)
        least = 0xA0;
    else if (first == 0xED)
        most = 0x9F;
    else if (first == 0xF0)
        least = 0x90;
    else if (first == 0xF4)
        most = 0x8F;
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!is_tail(at[i]))
            return 0;
    return size;
}

bool rf_utf8_is_valid(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        while (size - at >= sizeof eight) { /* nearly all of what comes is ASCII */
            memcpy(&eight, bytes + at, sizeof eight);
            if (eight & 0x8080808080808080u)
                break;
            at += sizeof eight;
        }
        if (at == size)
            break;
        size_t step = bytes[at] < 0x80 ? 1 : sequence(bytes + at, size - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}
