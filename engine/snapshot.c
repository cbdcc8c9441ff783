/* The stream, byte by byte. All integers are little-endian; signed ones are two's complement; text fields have
 * their full size and are padded with NUL. There is no padding between fields and no handle anywhere.
 *
 *   header, 64 bytes
 *        0   8  magic "RFSTATE1"; the last character is the format's version
 *        8   4  rules_version (RF_RULES_VERSION)
 *       12   4  size of a block (8,192): bound of every length below
 *       16  32  capacities, 4 bytes each: accounts_max, instruments_max, positions_max, orders_max, recent_max,
 *               withdrawals_max, window_ticks, watch_buckets
 *       48  16  digest (low, high) of bytes 0 to 47 as one block
 *
 *   body, any number of blocks
 *        0   4  length n, 1 to 8,192
 *        4   n  fields; no field straddles two blocks
 *      4+n  16  digest (low, high) of the body up to here
 *
 *   end, 20 bytes
 *        0   4  0
 *        4  16  digest (low, high) of the whole body: the digest of the state
 *
 * The capacities are not part of the body: a state has one digest, wherever it lives. A reader looks at a block
 * only after its digest was right, so nothing that was damaged on its way is ever interpreted.
 *
 * The body's fields in order. "n x" is a count of 4 bytes and then the records; their fields are listed in
 * snapshot_fields.c, which both directions share.
 *
 *   counters        sequence, times, next identifiers, counts, unfinished work
 *   currencies      as many as counted; then indexes, then instruments, in the order of creation
 *   accounts        in the order of creation, each: fields, a balance of 8 bytes per currency,
 *                   n x seat (an account's place on an instrument, oldest first)
 *   n x list        by list id
 *   per instrument  n x position, oldest first, each: fields, its buy orders, its sell orders (n x each, in the
 *                   position's own order, best price first), its armed and waiting orders (n x), and in each
 *                   order 1 byte that says whether its list still knows it
 *   cursor          8 bytes: age of the position that unfinished work visits next, 0 none
 *   per instrument  the resting buys, then sells, best price first and in the order of their queue at a price
 *                   (n x 4 bytes each): inserting them in this order at the end of their levels rebuilds the
 *                   queues. Then the armed orders in the order of the list of triggers. An order is named by
 *                   its place in this stream: 1 is the first order of the first position.
 *   n x attachment  places of an order and of the order whose fill arms it
 *   n x withdrawal  by id
 *   n x remembered  the finished orders of the ring, oldest first, to the last one counted
 */
#include "engine/snapshot.h"

#include "engine/book.h"
#include "engine/ledger.h"
#include "engine/order.h"
#include "engine/sort.h"

/* ---- Blocks --------------------------------------------------------------------------------------- */

static void put_digest(unsigned char *bytes, rf_digest digest)
{
    rf_put_le(bytes, digest.low, 8);
    rf_put_le(bytes + 8, digest.high, 8);
}

static bool is_digest(const unsigned char *bytes, rf_digest digest)
{
    return rf_get_le(bytes, 8) == digest.low && rf_get_le(bytes + 8, 8) == digest.high;
}

void rf_snapshot_header(unsigned char *header, const rf_limits *limits)
{
    static const unsigned char magic[8] = {'R', 'F', 'S', 'T', 'A', 'T', 'E', '1'};
    const uint32_t capacities[8] = {limits->accounts_max,  limits->instruments_max,
                                    limits->positions_max, limits->orders_max,
                                    limits->recent_max,    limits->withdrawals_max,
                                    limits->window_ticks,  limits->watch_buckets};
    for (uint32_t i = 0; i < 8; i++)
        header[i] = magic[i];
    rf_put_le(header + 8, RF_RULES_VERSION, 4);
    rf_put_le(header + 12, RF_STREAM_BLOCK, 4);
    for (uint32_t i = 0; i < 8; i++)
        rf_put_le(header + 16 + 4 * i, capacities[i], 4);
    rf_hash hash;
    rf_hash_start(&hash);
    rf_hash_block(&hash, header, 48);
    put_digest(header + 48, rf_hash_finish(&hash));
}

void rf_stream_start(rf_stream *stream, rf_write write, rf_read read, void *context)
{
    stream->write = write;
    stream->read = read;
    stream->context = context;
    stream->error = NULL;
    stream->loading = read != NULL;
    stream->used = 0;
    stream->limit = stream->loading ? 0 : RF_STREAM_BLOCK;
    rf_hash_start(&stream->hash);
}

static void send(rf_stream *stream, const void *bytes, size_t size)
{
    if (stream->write && !stream->error && !stream->write(stream->context, bytes, size))
        stream->error = "the snapshot could not be written";
}

static void receive(rf_stream *stream, void *bytes, size_t size)
{
    if (!stream->error && !stream->read(stream->context, bytes, size))
        stream->error = "the snapshot ends too early";
}

static void flush(rf_stream *stream)
{
    unsigned char word[4], digest[16];
    if (stream->used == 0)
        return;
    rf_hash_block(&stream->hash, stream->block, stream->used);
    if (stream->write) {
        rf_put_le(word, stream->used, 4);
        put_digest(digest, rf_hash_finish(&stream->hash));
        send(stream, word, sizeof word);
        send(stream, stream->block, stream->used);
        send(stream, digest, sizeof digest);
    }
    stream->used = 0;
}

/* Reads the next block whole and checks it before anybody looks at it. */
static void refill(rf_stream *stream)
{
    unsigned char word[4], digest[16];
    rf_stream_want(stream, stream->used == stream->limit,
                   "a field of the snapshot straddles blocks");
    receive(stream, word, sizeof word);
    const uint32_t size = stream->error ? 0 : (uint32_t)rf_get_le(word, 4);
    rf_stream_want(stream, size >= 1 && size <= RF_STREAM_BLOCK,
                   "a block of the snapshot has no such size");
    if (stream->error)
        return;
    receive(stream, stream->block, size);
    receive(stream, digest, sizeof digest);
    if (stream->error)
        return;
    rf_hash_block(&stream->hash, stream->block, size);
    rf_stream_want(stream, is_digest(digest, rf_hash_finish(&stream->hash)),
                   "a block of the snapshot is damaged");
    stream->used = 0;
    stream->limit = size;
}

unsigned char *rf_stream_next_block(rf_stream *stream, uint32_t size)
{
    RF_CHECK(size <= RF_STREAM_BLOCK);
    if (!stream->loading) {
        flush(stream);
    } else {
        /* Only what has no room begins a new block: one state has one stream. */
        rf_stream_want(stream, stream->limit == 0 || stream->limit + size > RF_STREAM_BLOCK,
                       "a block of the snapshot ends too early");
        if (!stream->error)
            refill(stream);
        rf_stream_want(stream, size <= stream->limit, "a field of the snapshot straddles blocks");
        if (stream->error) {
            /* Zeros from here on: no loop that counts what it reads runs long on them. */
            for (uint32_t i = 0; i < size; i++)
                stream->block[i] = 0;
            stream->used = stream->limit = 0;
            return stream->block;
        }
    }
    stream->used = size;
    return stream->block;
}

void rf_stream_finish(rf_stream *stream)
{
    unsigned char mark[20] = {0};
    if (!stream->loading) {
        flush(stream);
        put_digest(mark + 4, rf_hash_finish(&stream->hash));
        send(stream, mark, sizeof mark);
        return;
    }
    rf_stream_want(stream, stream->used == stream->limit, "the snapshot holds more than the state");
    receive(stream, mark, sizeof mark);
    rf_stream_want(stream,
                   rf_get_le(mark, 4) == 0 && is_digest(mark + 4, rf_hash_finish(&stream->hash)),
                   "the end of the snapshot is damaged");
}

void rf_x_wide(rf_stream *stream, rf_wide *value)
{
    uint64_t low = (uint64_t)*value, high = (uint64_t)((rf_uwide)*value >> 64);
    rf_x_u64(stream, &low);
    rf_x_u64(stream, &high);
    *value = (rf_wide)((rf_uwide)high << 64 | low);
}

/* ---- Writing -------------------------------------------------------------------------------------- */

static void put_u32(rf_stream *stream, uint32_t value)
{
    rf_x_u32(stream, &value);
}

static uint32_t next_own(const rf_engine *engine, uint32_t order)
{
    return engine->orders[order].own_next;
}

static uint32_t next_level(const rf_engine *engine, uint32_t order)
{
    return engine->orders[order].level_next;
}

typedef uint32_t (*next_order)(const rf_engine *engine, uint32_t order);

static uint32_t length(const rf_engine *engine, uint32_t first, next_order next)
{
    uint32_t count = 0;
    for (uint32_t order = first; order != RF_NONE; order = next(engine, order))
        count++;
    return count;
}

static void write_accounts(rf_engine *engine, rf_stream *stream)
{
    for (uint32_t i = 0; i < engine->accounts_count; i++) {
        rf_session_realize(engine, rf_slot_main(i, 0), 0); /* what an older session left is 0 */
        rf_x_account(stream, &engine->accounts[i]);
        for (uint32_t currency = 0; currency < engine->currencies_count; currency++)
            rf_x_i64(stream, rf_main(engine, i, currency));
        uint32_t count = 0;
        for (uint32_t seat = engine->accounts[i].seats; seat != RF_NONE;
             seat = engine->seats[seat].account_next)
            count++;
        put_u32(stream, count);
        for (uint32_t seat = engine->accounts[i].seats; seat != RF_NONE;
             seat = engine->seats[seat].account_next)
            rf_x_seat(stream, &engine->seats[seat]);
    }
}

static void write_lists(rf_engine *engine, rf_stream *stream)
{
    uint32_t count = 0;
    for (uint32_t list = 1; list < engine->lists_fresh; list++) {
        if (engine->lists[list].id != 0)
            engine->scratch[count++] = list;
    }
    rf_sort_handles((rf_sort_pool){engine->lists, sizeof *engine->lists}, engine->scratch, count);
    put_u32(stream, count);
    for (uint32_t i = 0; i < count; i++)
        rf_x_list(stream, &engine->lists[engine->scratch[i]]);
}

/* Notes each order's place in the stream in scratch[handle] for the sections that name orders. */
static void write_own_orders(rf_engine *engine, rf_stream *stream, uint32_t first, uint32_t *place)
{
    put_u32(stream, length(engine, first, next_own));
    for (uint32_t order = first; order != RF_NONE; order = next_own(engine, order)) {
        uint8_t listed = engine->orders_cold[order].list != RF_NONE;
        engine->scratch[order] = ++*place;
        rf_x_order(stream, &engine->orders[order], &engine->orders_cold[order]);
        rf_x_u8(stream, &listed);
    }
}

static void write_positions(rf_engine *engine, rf_stream *stream, const rf_instrument *instrument,
                            uint32_t *place)
{
    uint32_t count = 0;
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next)
        count++;
    put_u32(stream, count);
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        rf_session_realize(engine, (rf_slot){RF_SLOT_ISOLATED, 0, i}, 0); /* as for accounts */
        rf_x_position(stream, &engine->positions[i], &engine->positions_cold[i]);
        write_own_orders(engine, stream, engine->positions[i].orders[RF_BUY], place);
        write_own_orders(engine, stream, engine->positions[i].orders[RF_SELL], place);
        write_own_orders(engine, stream, engine->positions[i].triggers, place);
    }
}

static void write_queues(rf_engine *engine, rf_stream *stream, const rf_instrument *instrument)
{
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        put_u32(stream, instrument->book.orders[side]);
        for (uint32_t order = rf_book_best(engine, instrument, side); order != RF_NONE;
             order = rf_book_next(engine, instrument, order))
            put_u32(stream, engine->scratch[order]);
    }
    put_u32(stream, length(engine, instrument->triggers_first, next_level));
    for (uint32_t order = instrument->triggers_first; order != RF_NONE;
         order = next_level(engine, order))
        put_u32(stream, engine->scratch[order]);
}

/* With a stream: writes the pairs of one list; without: counts them. */
static uint32_t write_attachments_of(rf_engine *engine, rf_stream *stream, uint32_t first)
{
    uint32_t count = 0;
    for (uint32_t order = first; order != RF_NONE; order = next_own(engine, order)) {
        const uint32_t parent = engine->orders_cold[order].attached_to;
        if (parent == RF_NONE)
            continue;
        count++;
        if (stream) {
            put_u32(stream, engine->scratch[order]);
            put_u32(stream, engine->scratch[parent]);
        }
    }
    return count;
}

/* Only armed and waiting orders are attached to anything. */
static uint32_t write_attachments(rf_engine *engine, rf_stream *stream)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t position = engine->instruments[i].positions_first;
        for (; position != RF_NONE; position = engine->positions[position].instrument_next)
            count += write_attachments_of(engine, stream, engine->positions[position].triggers);
    }
    return count;
}

/* The withdrawal with the smallest id above this one; NULL. Few wait at a time. */
static rf_withdrawal *withdrawal_after(rf_engine *engine, uint64_t id)
{
    rf_withdrawal *found = NULL;
    for (uint32_t i = 0; i < engine->limits.withdrawals_max; i++) {
        rf_withdrawal *withdrawal = &engine->withdrawals[i];
        if (withdrawal->id > id && (!found || withdrawal->id < found->id))
            found = withdrawal;
    }
    return found;
}

static void write_withdrawals(rf_engine *engine, rf_stream *stream)
{
    put_u32(stream, engine->withdrawals_used);
    if (engine->withdrawals_used == 0)
        return;
    for (rf_withdrawal *next = withdrawal_after(engine, 0); next;
         next = withdrawal_after(engine, next->id))
        rf_x_withdrawal(stream, next);
}

/* A ring that grew since an older snapshot has empty places before its oldest entry: they are not written. */
static void write_recents(rf_engine *engine, rf_stream *stream)
{
    const uint64_t end = engine->recents_count, size = engine->limits.recent_max;
    uint64_t number = end > size ? end - size : 0;
    while (number < end && rf_recent_at(engine, number)->hot.id == 0)
        number++;
    put_u32(stream, (uint32_t)(end - number));
    for (; number < end; number++)
        rf_x_order(stream, &rf_recent_at(engine, number)->hot, &rf_recent_at(engine, number)->cold);
}

void rf_snapshot_write(const rf_engine *state, rf_stream *stream)
{
    /* The shared field lists take what they may fill; a stream that writes only reads it. */
    rf_engine *engine = (rf_engine *)state;
    RF_CHECK(!stream->loading);
    rf_x_counters(stream, engine);
    for (uint32_t i = 0; i < engine->currencies_count; i++)
        rf_x_currency(stream, &engine->currencies[i]);
    for (uint32_t i = 0; i < engine->indexes_count; i++)
        rf_x_index(stream, &engine->indexes[i]);
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        rf_x_instrument(stream, &engine->instruments[i]);
    write_accounts(engine, stream);
    write_lists(engine, stream);
    uint32_t place = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        write_positions(engine, stream, &engine->instruments[i], &place);
    const uint32_t cursor = engine->work.position;
    uint64_t age = cursor == RF_NONE ? 0 : engine->positions_cold[cursor].age;
    rf_x_u64(stream, &age);
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        write_queues(engine, stream, &engine->instruments[i]);
    put_u32(stream, write_attachments(engine, NULL));
    write_attachments(engine, stream);
    write_withdrawals(engine, stream);
    write_recents(engine, stream);
    flush(stream); /* so that stream->hash covers everything, for the digest */
}

bool rf_engine_save(const rf_engine *engine, rf_write write, void *context)
{
    unsigned char header[RF_SNAPSHOT_HEADER];
    rf_stream stream;
    rf_stream_start(&stream, write, NULL, context);
    rf_snapshot_header(header, &engine->limits);
    send(&stream, header, sizeof header);
    rf_snapshot_write(engine, &stream);
    rf_stream_finish(&stream);
    return !stream.error;
}
