/* Numbers in bytes, least significant first: journals, snapshots, digests.
 *
 * Promise: the same bytes on every machine, at any address. Spelled out by shifts, because compilers make
 * one move of that and a tangle of vectors of a loop.
 *
 * May include: base/types.h. */
#ifndef RF_BASE_LITTLE_ENDIAN_H
#define RF_BASE_LITTLE_ENDIAN_H

#include "base/types.h"

static inline uint32_t rf_load_le32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t rf_load_le64(const unsigned char *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

static inline void rf_store_le32(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
    at[2] = (unsigned char)(value >> 16);
    at[3] = (unsigned char)(value >> 24);
}

static inline void rf_store_le64(unsigned char *at, uint64_t value)
{
    rf_store_le32(at, (uint32_t)value);
    rf_store_le32(at + 4, (uint32_t)(value >> 32));
}

#endif
