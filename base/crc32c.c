/* A table of 256 remainders, made on first use and always the same, or the instruction of SSE 4.2,
 * which the processor is asked for by CPUID. Two threads that ask at once find the same answer. */
#include "base/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t remainder_of(uint32_t byte)
{
    for (int bit = 0; bit < 8; bit++)
        byte = (byte >> 1) ^ (byte & 1 ? POLYNOMIAL : 0);
    return byte;
}

static const uint32_t *table(void)
{
    static uint32_t rows[256];
    static bool made;
    if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE)) {
        for (uint32_t byte = 0; byte < 256; byte++)
            __atomic_store_n(&rows[byte], remainder_of(byte), __ATOMIC_RELAXED);
        __atomic_store_n(&made, true, __ATOMIC_RELEASE);
    }
    return rows;
}

uint32_t rf_crc32c_by_table(uint32_t crc, const void *bytes, size_t size)
{
    const uint32_t *rows = table();
    const unsigned char *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = (crc >> 8) ^ rows[(crc ^ at[i]) & 255];
    return ~crc;
}

#if defined(__x86_64__)
static bool has_instruction(void)
{
    enum { UNKNOWN, NO, YES };
    static int known;
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == UNKNOWN) {
        uint32_t a = 1, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        answer = c >> 20 & 1 ? YES : NO;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == YES;
}

static uint32_t by_instruction(uint32_t crc, const unsigned char *at, size_t size)
{
    uint64_t wide = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        __builtin_memcpy(&word, at, 8);
        __asm__("crc32q %1, %0" : "+r"(wide) : "rm"(word));
    }
    uint32_t narrow = (uint32_t)wide;
    for (; size > 0; at++, size--)
        __asm__("crc32b %1, %0" : "+r"(narrow) : "rm"(*at));
    return ~narrow;
}
#endif

uint32_t rf_crc32c(uint32_t crc, const void *bytes, size_t size)
{
#if defined(__x86_64__)
    if (has_instruction())
        return by_instruction(crc, bytes, size);
#endif
    return rf_crc32c_by_table(crc, bytes, size);
}
