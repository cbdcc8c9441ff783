#include "base/flow.h"

#include <string.h>

#include "base/check.h"

void rf_flow_start(rf_flow *flow, rf_flow_write write, rf_flow_read read, void *context)
{
    flow->write = write;
    flow->read = read;
    flow->context = context;
    flow->error = NULL;
    flow->loading = read != NULL;
    flow->used = 0;
    flow->limit = flow->loading ? 0 : RF_FLOW_BLOCK;
}

bool rf_flow_want(rf_flow *flow, bool condition, const char *sentence)
{
    if (!condition && !flow->error)
        flow->error = sentence;
    return !flow->error;
}

static void put_length(rf_flow *flow, uint32_t length)
{
    const unsigned char word[4] = {(unsigned char)length, (unsigned char)(length >> 8),
                                   (unsigned char)(length >> 16), (unsigned char)(length >> 24)};
    if (!flow->error)
        rf_flow_want(flow, flow->write(flow->context, word, sizeof word), "it cannot be written");
}

static void flush(rf_flow *flow)
{
    if (flow->used == 0)
        return;
    put_length(flow, flow->used);
    if (!flow->error)
        rf_flow_want(flow, flow->write(flow->context, flow->block, flow->used),
                     "it cannot be written");
    flow->used = 0;
}

static uint32_t get_length(rf_flow *flow)
{
    unsigned char word[4] = {0};
    if (!rf_flow_want(flow, flow->read(flow->context, word, sizeof word), "it ends too early"))
        return 0;
    return (uint32_t)word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 |
           (uint32_t)word[3] << 24;
}

static void refill(rf_flow *flow)
{
    rf_flow_want(flow, flow->used == flow->limit, "a field straddles two blocks");
    const uint32_t length = flow->error ? 0 : get_length(flow);
    if (!rf_flow_want(flow, length >= 1 && length <= RF_FLOW_BLOCK, "a block has no such length") ||
        !rf_flow_want(flow, flow->read(flow->context, flow->block, length), "it ends too early"))
        return;
    flow->used = 0;
    flow->limit = length;
}

bool rf_flow_finish(rf_flow *flow)
{
    if (!flow->loading) {
        flush(flow);
        put_length(flow, 0);
        return !flow->error;
    }
    return rf_flow_want(flow, flow->used == flow->limit, "it holds more than it should") &&
           rf_flow_want(flow, get_length(flow) == 0, "it holds more than it should");
}

/* Room for, or the next, so many bytes. After an error: zeros. */
static unsigned char *take(rf_flow *flow, uint32_t size)
{
    RF_CHECK(size <= RF_FLOW_BLOCK);
    if (size > flow->limit - flow->used) {
        if (!flow->loading)
            flush(flow);
        else if (!flow->error)
            refill(flow);
        rf_flow_want(flow, size <= flow->limit - flow->used, "a field straddles two blocks");
    }
    if (flow->loading && flow->error) {
        memset(flow->block, 0, size);
        flow->used = flow->limit = 0;
        return flow->block;
    }
    unsigned char *bytes = flow->block + flow->used;
    flow->used += size;
    return bytes;
}

/* Little-endian by shifts: compilers make one move of it where the machine allows. */
static uint64_t number(rf_flow *flow, uint64_t value, uint32_t size)
{
    unsigned char *bytes = take(flow, size);
    if (!flow->loading) {
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(value >> (8 * i));
        return value;
    }
    value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

void rf_flow_u8(rf_flow *flow, uint8_t *value)
{
    *value = (uint8_t)number(flow, *value, 1);
}

void rf_flow_u16(rf_flow *flow, uint16_t *value)
{
    *value = (uint16_t)number(flow, *value, 2);
}

void rf_flow_u32(rf_flow *flow, uint32_t *value)
{
    *value = (uint32_t)number(flow, *value, 4);
}

void rf_flow_u64(rf_flow *flow, uint64_t *value)
{
    *value = number(flow, *value, 8);
}

void rf_flow_i64(rf_flow *flow, int64_t *value)
{
    *value = (int64_t)number(flow, (uint64_t)*value, 8);
}

void rf_flow_wide(rf_flow *flow, rf_wide *value)
{
    const uint64_t low = number(flow, (uint64_t)*value, 8);
    const uint64_t high = number(flow, (uint64_t)((rf_uwide)*value >> 64), 8);
    *value = (rf_wide)((rf_uwide)high << 64 | low);
}

void rf_flow_bool(rf_flow *flow, bool *value)
{
    const uint64_t byte = number(flow, *value, 1);
    rf_flow_want(flow, byte <= 1, "a flag is neither 0 nor 1");
    *value = byte == 1;
}

void rf_flow_bytes(rf_flow *flow, void *bytes, uint32_t size)
{
    unsigned char *place = take(flow, size);
    if (flow->loading)
        memcpy(bytes, place, size);
    else
        memcpy(place, bytes, size);
}
