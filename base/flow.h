/* Fields as little-endian bytes in blocks, both ways: for what stands in a snapshot beside the
 * engine's own stream.
 *
 * Promise: what is listed once is written and read alike; after the first thing that is wrong every
 * field reads as zero and `error` says what it was. Each block is its length in 4 bytes (1 to 4,096)
 * and so many bytes; a length of 0 ends the flow, so that another can follow in the same file. No
 * field straddles two blocks. There is no checksum: the file has one.
 *
 * May include: base/types.h. */
#ifndef RF_BASE_FLOW_H
#define RF_BASE_FLOW_H

#include "base/types.h"

enum { RF_FLOW_BLOCK = 4096 };

typedef bool (*rf_flow_write)(void *context, const void *bytes, size_t size);
typedef bool (*rf_flow_read)(void *context, void *bytes, size_t size);

typedef struct rf_flow {
    rf_flow_write write;
    rf_flow_read read; /* NULL: the flow goes out */
    void *context;
    const char *error; /* the first thing that was wrong, a static sentence */
    bool loading;
    uint32_t used, limit; /* of the block at hand */
    unsigned char block[RF_FLOW_BLOCK];
} rf_flow;

/* One of write and read is NULL. */
void rf_flow_start(rf_flow *flow, rf_flow_write write, rf_flow_read read, void *context);
/* Writes the rest and the end, or demands that the end is here. Answers whether all went well. */
bool rf_flow_finish(rf_flow *flow);
/* Notes the sentence unless one is noted already; answers whether all is well so far. */
bool rf_flow_want(rf_flow *flow, bool condition, const char *sentence);

/* Each writes the value or reads it, whichever way the flow goes. */
void rf_flow_u8(rf_flow *flow, uint8_t *value);
void rf_flow_u16(rf_flow *flow, uint16_t *value);
void rf_flow_u32(rf_flow *flow, uint32_t *value);
void rf_flow_u64(rf_flow *flow, uint64_t *value);
void rf_flow_i64(rf_flow *flow, int64_t *value);
void rf_flow_wide(rf_flow *flow, rf_wide *value);
void rf_flow_bool(rf_flow *flow, bool *value);
/* So many bytes as they are, at most RF_FLOW_BLOCK. */
void rf_flow_bytes(rf_flow *flow, void *bytes, uint32_t size);

#endif
