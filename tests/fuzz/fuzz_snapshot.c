/* Snapshots: a good one is edited as the input says, its checksums are made right again, and it is loaded. It
 * is refused with a sentence, or it is a state: then it is saved as what was loaded.
 *
 * An edit is nine bytes: where (4 bytes, modulo the size), how (1), and a value (4, put as 1, 2, 4 or 8 bytes
 * with its sign, or cut here). */
#include <string.h>

#include "include/ringfence.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tape.h"
#include "venue/world.h"

enum { EDIT_SIZE = 9, EDITS_MAX = 16 };

static const rf_limits limits = {
    .accounts_max = 8,
    .instruments_max = 2,
    .positions_max = 16,
    .orders_max = 32,
    .recent_max = 32,
    .withdrawals_max = 4,
    .window_ticks = 4096,
    .watch_buckets = 64,
};

static rf_engine *fresh_engine(void)
{
    static void *memory;
    size_t size = rf_engine_size(&limits);
    MUST(size > 0);
    if (!memory)
        memory = aligned_alloc(64, (size + 63) / 64 * 64);
    MUST(memory);
    memset(memory, 0, size);
    return rf_engine_init(memory, size, &limits);
}

/* ---- A small market to begin with ------------------------------------------------------------ */

static const struct {
    const char *as, *method, *params; /* as NULL: the operator */
} calls[] = {
    {NULL, "operator/create-instrument",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"quote_ccy\":\"USD\",\"price_tick_"
     "size\":\"0.5\","
     "\"qty_tick_size\":\"0.0001\",\"max_leverage\":\"50\",\"maker_fee_rate\":\"0.00025\",\"taker_"
     "fee_rate\":\"0.0004\","
     "\"liquidation_fee_rate\":\"0.005\",\"settlement\":\"MANUAL\"}"},
    {NULL, "operator/create-account", "{\"account\":\"alice\"}"},
    {NULL, "operator/create-account", "{\"account\":\"bob\"}"},
    {NULL, "operator/deposit",
     "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"100000\"}"},
    {NULL, "operator/deposit", "{\"account\":\"bob\",\"currency\":\"USDC\",\"amount\":\"100000\"}"},
    {NULL, "operator/set-mark-price", "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"50000\"}"},
    {"alice", "private/create-order",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\",\"price\":\"50000\","
     "\"quantity\":\"0.02\","
     "\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\",\"isolated_margin_amount\":\"150\"}"},
    {"bob", "private/create-order",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"SELL\",\"type\":\"LIMIT\",\"price\":"
     "\"50000\",\"quantity\":\"0.01\"}"},
    {"bob", "private/create-order",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"SELL\",\"type\":\"LIMIT\",\"price\":"
     "\"50100\",\"quantity\":\"0.03\"}"},
    {"alice", "private/advanced/create-order",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"SELL\",\"type\":\"STOP_LOSS\",\"ref_price\":"
     "\"40000\",\"quantity\":\"0.01\"}"},
};

static void call(rf_world *world, size_t row)
{
    static rf_json_token tokens[256];
    static char text[4096], input[2048];
    rf_json json;
    rf_bytes out;
    const char *as = calls[row].as;
    rf_json_init(&json, tokens, 256, text, sizeof text);
    int size = snprintf(input, sizeof input, "[%s]", calls[row].params);
    MUST(rf_json_parse(&json, input, (size_t)size));
    rf_bytes_init(&out, NULL, 0, rf_world_grow);
    const rf_request request = {
        .caller = {.door = as ? RF_DOOR_PRIVATE : RF_DOOR_OPERATOR,
                   .account = as ? (uint32_t)rf_find_account(world->engine, as) : 0},
        .time_ns = 1700000000000000000 + (int64_t)row,
        .id = (int64_t)row,
        .method = calls[row].method,
        .oid = calls[row].method,
        .json = &json,
        .params = 1,
    };
    rf_error code = rf_api_call(world->api, &request, &out);
    if (code != RF_ERR_OK)
        fprintf(stderr, "%.*s\n", (int)out.size, out.data);
    MUST(code == RF_ERR_OK);
    free(out.data);
}

static void make_base(tape *base)
{
    rf_world world;
    MUST(rf_world_open(&world, &limits, false));
    for (size_t row = 0; row < sizeof calls / sizeof *calls; row++)
        call(&world, row);
    MUST(rf_engine_save(world.engine, tape_write, base));
    rf_world_close(&world);
}

/* ---- Forgery --------------------------------------------------------------------------------- */

static void edit(tape *stream, const uint8_t *edit_bytes)
{
    size_t at = rf_get_le(edit_bytes, 4) % stream->size, width = (size_t)1 << (edit_bytes[4] & 3);
    int64_t value = (int32_t)rf_get_le(edit_bytes + 5, 4);
    if ((edit_bytes[4] & 0x3c) == 0x3c)
        stream->size = at + 1;
    else if (width <= stream->size - at)
        rf_put_le(stream->bytes + at, (uint64_t)value, (unsigned)width);
}

static void check_state(rf_engine *engine, const tape *loaded)
{
    static tape saved;
    saved.size = saved.at = 0;
    MUST(rf_engine_save(engine, tape_write, &saved));
    MUST(saved.size == loaded->size && memcmp(saved.bytes, loaded->bytes, saved.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tape base, stream;
    const char *error = NULL;
    if (base.size == 0)
        make_base(&base);
    stream.size = stream.at = 0;
    tape_write(&stream, base.bytes, base.size);
    for (size_t i = 0; i < EDITS_MAX && (i + 1) * EDIT_SIZE <= size; i++)
        edit(&stream, data + i * EDIT_SIZE);
    tape_seal(&stream);
    rf_engine *engine = fresh_engine();
    if (rf_engine_load(engine, tape_read, &stream, &error))
        check_state(engine, &stream);
    else
        MUST(error);
    return 0;
}
