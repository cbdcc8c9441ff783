/* A command as bytes, for journals, and back. All integers are little-endian; a text is its length in one byte and
 * so many bytes, none of them NUL.
 *
 *    0  1  RF_FRAME_VERSION
 *    1  1  kind (row of command.def)
 *    2  8  time_ns
 *   10     the fields of the kind's group in the order of field.def. CREATE_INSTRUMENT and UPDATE_INSTRUMENT: the
 *          instrument's fields, 1 byte that says whether a configuration follows, and it. PLACE_LIST: the list's
 *          fields and so many orders.
 *
 * One command has one frame: what is not written is zero in the command that comes back, and a frame with a
 * value that no command can have, or with a byte too few or too many, is none. */
#include <string.h>

#include "engine/snapshot.h"

enum { RF_FRAME_VERSION = 1, FRAME_HEAD = 10 };

#define ANY UINT64_MAX

static void want(rf_stream *stream, bool condition)
{
    rf_stream_want(stream, condition, "not a command");
}

/* One value each, both ways. The bound is checked both ways too, so that what was encoded can be decoded. */
static void x_u8(rf_stream *stream, uint8_t *value, uint64_t max)
{
    rf_x_u8(stream, value);
    want(stream, *value <= max);
}

static void x_u16(rf_stream *stream, uint16_t *value, uint64_t max)
{
    rf_x_u16(stream, value);
    want(stream, *value <= max);
}

static void x_u32(rf_stream *stream, uint32_t *value, uint64_t max)
{
    rf_x_u32(stream, value);
    want(stream, *value <= max);
}

static void x_i32(rf_stream *stream, int32_t *value, uint64_t max)
{
    rf_x_u32(stream, (uint32_t *)value);
    want(stream, *value >= -1 && *value <= (int64_t)max);
}

/* Up to the closing NUL; size when there is none, or something behind it: somebody could look at that. */
static uint8_t text_length(const char *text, uint8_t size)
{
    uint8_t length = 0;
    while (length < size && text[length] != '\0')
        length++;
    for (uint8_t i = length; i < size; i++)
        if (text[i] != '\0')
            return size;
    return length;
}

/* A text that is read is all NUL before. */
static void x_text(rf_stream *stream, char *text, uint8_t size)
{
    uint8_t length = stream->loading ? 0 : text_length(text, size);
    x_u8(stream, &length, size - 1u);
    if (stream->error)
        return;
    rf_x_text(stream, text, length);
    want(stream, memchr(text, '\0', length) == NULL);
}

static void x_tiers(rf_stream *stream, rf_instrument_config *config)
{
    want(stream, stream->loading || config->tiers_count <= RF_TIERS_MAX);
    if (!stream->error)
        rf_x_tiers(stream, config);
}

/* ---- Groups ----------------------------------------------------------------------------------------- */

/* From the types of field.def to the functions above. */
#define FIELD_u8(field, max) x_u8(stream, &(field), max);
#define FIELD_u16(field, max) x_u16(stream, &(field), max);
#define FIELD_u32(field, max) x_u32(stream, &(field), max);
#define FIELD_i32(field, max) x_i32(stream, &(field), max);
#define FIELD_u64(field, max) rf_x_u64(stream, &(field));
#define FIELD_i64(field, max) rf_x_i64(stream, &(field));
#define FIELD_text(field, max) x_text(stream, field, max);
#define FIELD_tiers(field, max) x_tiers(stream, config);

static void x_order(rf_stream *stream, rf_order_params *order)
{
#define RF_ORDER_FIELD(type, name, max) FIELD_##type(order->name, max)
#include "engine/field.def"
}

static void x_config(rf_stream *stream, rf_instrument_config *config)
{
#define RF_CONFIG_FIELD(type, name, max) FIELD_##type(config->name, max)
#include "engine/field.def"
}

static void x_change(rf_stream *stream, rf_command *command)
{
#define RF_CHANGE_FIELD(type, name, max) FIELD_##type(command->u.change.name, max)
#include "engine/field.def"
}

/* The legs of a decoded list go where the caller has room. */
static void x_list(rf_stream *stream, rf_command *command, rf_order_params *legs)
{
#define RF_LIST_FIELD(type, name, max) FIELD_##type(command->u.list.name, max)
#include "engine/field.def"
    if (command->kind != RF_COMMAND_PLACE_LIST)
        want(stream, command->u.list.legs_count == 0);
    want(stream, command->u.list.legs_count == 0 || legs);
    for (uint32_t i = 0; i < command->u.list.legs_count && !stream->error; i++) {
        if (stream->loading)
            legs[i] = (rf_order_params){0};
        x_order(stream, &legs[i]);
    }
    if (stream->loading)
        command->u.list.legs = command->u.list.legs_count != 0 ? legs : NULL;
}

static void x_isolation(rf_stream *stream, rf_command *command)
{
#define RF_ISOLATION_FIELD(type, name, max) FIELD_##type(command->u.isolation.name, max)
#include "engine/field.def"
}

static void x_money(rf_stream *stream, rf_command *command)
{
#define RF_MONEY_FIELD(type, name, max) FIELD_##type(command->u.money.name, max)
#include "engine/field.def"
}

static void x_account(rf_stream *stream, rf_command *command)
{
#define RF_ACCOUNT_FIELD(type, name, max) FIELD_##type(command->u.account.name, max)
#include "engine/field.def"
}

static void x_instrument(rf_stream *stream, rf_command *command, rf_instrument_config *config)
{
#define RF_INSTRUMENT_FIELD(type, name, max) FIELD_##type(command->u.instrument.name, max)
#include "engine/field.def"
    const bool has_config = command->kind == RF_COMMAND_CREATE_INSTRUMENT ||
                            command->kind == RF_COMMAND_UPDATE_INSTRUMENT;
    uint8_t given = config != NULL;
    if (!has_config)
        return;
    x_u8(stream, &given, 1);
    if (stream->loading)
        *config = (rf_instrument_config){0};
    if (given != 0 && !stream->error)
        x_config(stream, config);
    if (stream->loading)
        command->u.instrument.config = given != 0 ? config : NULL;
}

static void x_index(rf_stream *stream, rf_command *command)
{
#define RF_INDEX_FIELD(type, name, max) FIELD_##type(command->u.index.name, max)
#include "engine/field.def"
}

static void x_currency(rf_stream *stream, rf_command *command)
{
#define RF_CURRENCY_FIELD(type, name, max) FIELD_##type(command->u.currency.name, max)
#include "engine/field.def"
}

/* The group that a row of command.def names. */
#define GROUP_order x_order(stream, &command->u.order)
#define GROUP_change x_change(stream, command)
#define GROUP_list x_list(stream, command, legs)
#define GROUP_isolation x_isolation(stream, command)
#define GROUP_money x_money(stream, command)
#define GROUP_account x_account(stream, command)
#define GROUP_instrument x_instrument(stream, command, config)
#define GROUP_index x_index(stream, command)
#define GROUP_currency x_currency(stream, command)
#define GROUP_nothing (void)0

static void x_fields(rf_stream *stream, rf_command *command, rf_order_params *legs,
                     rf_instrument_config *config)
{
    switch (command->kind) {
#define RF_COMMAND(name, fields, doc) \
    case RF_COMMAND_##name:           \
        GROUP_##fields;               \
        break;
#include "engine/command.def"
#undef RF_COMMAND
    case RF_COMMAND_KINDS:
        break;
    }
}

/* ---- Frames ----------------------------------------------------------------------------------------- */

static void x_frame(rf_stream *stream, rf_command *command, rf_order_params *legs,
                    rf_instrument_config *config)
{
    uint8_t version = RF_FRAME_VERSION, kind = (uint8_t)command->kind;
    want(stream, stream->loading || (uint32_t)command->kind < RF_COMMAND_KINDS);
    x_u8(stream, &version, RF_FRAME_VERSION);
    x_u8(stream, &kind, RF_COMMAND_KINDS - 1);
    rf_x_i64(stream, &command->time_ns);
    want(stream, version == RF_FRAME_VERSION);
    if (stream->error)
        return;
    command->kind = (rf_command_kind)kind;
    x_fields(stream, command, legs, config);
}

static bool no_more(void *context, void *bytes, size_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return false;
}

size_t rf_command_encode(const rf_command *command, void *bytes, size_t size)
{
    /* The shared field lists take what they may fill; a stream that writes only reads it. */
    rf_command copy = *command;
    const bool is_list = command->kind == RF_COMMAND_PLACE_LIST;
    const bool has_config = command->kind == RF_COMMAND_CREATE_INSTRUMENT ||
                            command->kind == RF_COMMAND_UPDATE_INSTRUMENT;
    rf_stream stream;
    rf_stream_start(&stream, NULL, NULL, NULL);
    x_frame(&stream, &copy, is_list ? (rf_order_params *)command->u.list.legs : NULL,
            has_config ? (rf_instrument_config *)command->u.instrument.config : NULL);
    if (stream.error || stream.used > size)
        return 0;
    RF_CHECK(stream.used <= RF_COMMAND_BYTES_MAX);
    memcpy(bytes, stream.block, stream.used);
    return stream.used;
}

bool rf_command_decode(const void *bytes, size_t size, rf_command *command, rf_command_room *room)
{
    rf_stream stream;
    *command = (rf_command){0};
    if (size < FRAME_HEAD || size > RF_COMMAND_BYTES_MAX)
        return false;
    rf_stream_start(&stream, NULL, no_more, NULL);
    memcpy(stream.block, bytes, size);
    stream.limit = (uint32_t)size;
    x_frame(&stream, command, room->legs, &room->config);
    return !stream.error && stream.used == stream.limit;
}
