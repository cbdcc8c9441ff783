/* CRC-32C (Castagnoli), as iSCSI and ext4 use it: finds every error of up to 5 bits in a record of
 * the journal, every burst of 32, and others with a chance of 1 - 2^-32.
 *
 * Promise: the same value on every machine; where the processor has the instruction, it is used.
 *
 * May include: base/types.h. */
#ifndef RF_BASE_CRC32C_H
#define RF_BASE_CRC32C_H

#include "base/types.h"

/* Goes on from `crc`, which is 0 at first. */
uint32_t rf_crc32c(uint32_t crc, const void *bytes, size_t size);
/* Without the instruction, for machines that lack it; the same value. */
uint32_t rf_crc32c_by_table(uint32_t crc, const void *bytes, size_t size);

#endif
