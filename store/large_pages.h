/* Pages of two megabytes for what is touched from end to end, or everywhere at random.
 *
 * Promise: advice; where it is not taken nothing else changes.
 *
 * May include: C and system headers. */
#ifndef RF_STORE_LARGE_PAGES_H
#define RF_STORE_LARGE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* For memory from malloc or calloc that nobody has touched yet. */
static inline void rf_large_pages(void *memory, size_t size)
{
    const size_t page = 4096, skipped = (page - (uintptr_t)memory % page) % page;
    if (size > skipped)
        (void)madvise((unsigned char *)memory + skipped, (size - skipped) / page * page,
                      MADV_HUGEPAGE);
}

#endif
