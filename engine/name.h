/* Names of instruments, currencies, indexes and accounts: at most RF_NAME_SIZE - 1 bytes, then NULs to the end.
 *
 * Promise: equal names are equal bytes, in memory and in a snapshot.
 *
 * May include: include/ringfence.h. */
#ifndef RF_ENGINE_NAME_H
#define RF_ENGINE_NAME_H

#include "include/ringfence.h"

/* stored: one of the engine's, so it ends; name: anybody's, of any length. */
static inline bool rf_name_same(const char *stored, const char *name)
{
    for (uint32_t i = 0; i < RF_NAME_SIZE; i++) {
        if (stored[i] != name[i])
            return false;
        if (stored[i] == '\0')
            return true;
    }
    return false;
}

/* Copies up to the NUL and zeroes the rest. */
static inline void rf_name_copy(char to[RF_NAME_SIZE], const char *from)
{
    uint32_t i = 0;
    for (; i + 1 < RF_NAME_SIZE && from[i] != '\0'; i++)
        to[i] = from[i];
    for (; i < RF_NAME_SIZE; i++)
        to[i] = '\0';
}

#endif
