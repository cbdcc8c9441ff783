/* A command as bytes: every kind there and back, and nothing else is a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/ringfence.h"

enum { ROUNDS = 200 };
#define ANY UINT64_MAX

typedef unsigned char frame[RF_COMMAND_BYTES_MAX];

static uint64_t seed = 1;

static uint64_t draw(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dULL;
}

/* At most max; the ends more often than chance would have them. */
static uint64_t draw_up_to(uint64_t max)
{
    const uint64_t kind = draw() % 4;
    if (kind == 0)
        return 0;
    if (kind == 1)
        return max;
    return max == UINT64_MAX ? draw() : draw() % (max + 1);
}

static void draw_text(char *text, size_t size)
{
    const size_t length = draw_up_to(size - 1);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(1 + draw() % 255);
}

static void draw_tiers(rf_instrument_config *config)
{
    config->tiers_count = (uint32_t)draw_up_to(RF_TIERS_MAX);
    for (uint32_t i = 0; i < config->tiers_count; i++)
        config->tiers[i] = (rf_tier){.notional_floor = (int64_t)draw(),
                                     .maintenance_rate = (int64_t)draw(),
                                     .max_leverage = (uint32_t)draw()};
}

#define SET_u8(field, max) field = (uint8_t)draw_up_to(max);
#define SET_u16(field, max) field = (uint16_t)draw_up_to(max);
#define SET_u32(field, max) field = (uint32_t)draw_up_to(max);
#define SET_i32(field, max) field = (int32_t)draw_up_to((uint64_t)(max) + 1) - 1;
#define SET_u64(field, max) field = draw_up_to(max);
#define SET_i64(field, max) field = (int64_t)draw_up_to(max);
#define SET_text(field, max) draw_text(field, max);
#define SET_tiers(field, max) draw_tiers(config);

static void draw_params(rf_order_params *order)
{
#define RF_ORDER_FIELD(type, name, max) SET_##type(order->name, max)
#include "engine/field.def"
}

static void draw_config(rf_instrument_config *config)
{
#define RF_CONFIG_FIELD(type, name, max) SET_##type(config->name, max)
#include "engine/field.def"
}

static void draw_list(rf_command *command, rf_command_room *room)
{
#define RF_LIST_FIELD(type, name, max) SET_##type(command->u.list.name, max)
#include "engine/field.def"
    if (command->kind != RF_COMMAND_PLACE_LIST)
        command->u.list.legs_count = 0;
    for (uint32_t i = 0; i < command->u.list.legs_count; i++)
        draw_params(&room->legs[i]);
    command->u.list.legs = command->u.list.legs_count != 0 ? room->legs : NULL;
}

static void draw_instrument(rf_command *command, rf_command_room *room)
{
#define RF_INSTRUMENT_FIELD(type, name, max) SET_##type(command->u.instrument.name, max)
#include "engine/field.def"
    if (command->kind != RF_COMMAND_CREATE_INSTRUMENT &&
        command->kind != RF_COMMAND_UPDATE_INSTRUMENT)
        return;
    draw_config(&room->config);
    command->u.instrument.config = &room->config;
}

static void draw_order(rf_command *command, rf_command_room *room)
{
    (void)room;
    draw_params(&command->u.order);
}

static void draw_change(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_CHANGE_FIELD(type, name, max) SET_##type(command->u.change.name, max)
#include "engine/field.def"
}

static void draw_isolation(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_ISOLATION_FIELD(type, name, max) SET_##type(command->u.isolation.name, max)
#include "engine/field.def"
}

static void draw_money(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_MONEY_FIELD(type, name, max) SET_##type(command->u.money.name, max)
#include "engine/field.def"
}

static void draw_account(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_ACCOUNT_FIELD(type, name, max) SET_##type(command->u.account.name, max)
#include "engine/field.def"
}

static void draw_index(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_INDEX_FIELD(type, name, max) SET_##type(command->u.index.name, max)
#include "engine/field.def"
}

static void draw_currency(rf_command *command, rf_command_room *room)
{
    (void)room;
#define RF_CURRENCY_FIELD(type, name, max) SET_##type(command->u.currency.name, max)
#include "engine/field.def"
}

/* Which group a kind has is said once more here. */
static void (*const draws[RF_COMMAND_KINDS])(rf_command *command, rf_command_room *room) = {
    [RF_COMMAND_CREATE_CURRENCY] = draw_currency,
    [RF_COMMAND_CREATE_INSTRUMENT] = draw_instrument,
    [RF_COMMAND_UPDATE_INSTRUMENT] = draw_instrument,
    [RF_COMMAND_SET_INSTRUMENT_STATE] = draw_instrument,
    [RF_COMMAND_CREATE_ACCOUNT] = draw_account,
    [RF_COMMAND_SUSPEND_ACCOUNT] = draw_account,
    [RF_COMMAND_SET_FEES] = draw_account,
    [RF_COMMAND_DEPOSIT] = draw_money,
    [RF_COMMAND_ADJUST] = draw_money,
    [RF_COMMAND_REQUEST_WITHDRAWAL] = draw_money,
    [RF_COMMAND_DECIDE_WITHDRAWAL] = draw_money,
    [RF_COMMAND_TRANSFER] = draw_money,
    [RF_COMMAND_FUND_INSURANCE] = draw_money,
    [RF_COMMAND_SET_INDEX_PRICE] = draw_index,
    [RF_COMMAND_SET_MARK_PRICE] = draw_instrument,
    [RF_COMMAND_CLEAR_MARK_PRICE] = draw_instrument,
    [RF_COMMAND_SET_FUNDING_RATE] = draw_instrument,
    [RF_COMMAND_SETTLE_FUNDING] = draw_instrument,
    [RF_COMMAND_SETTLE_SESSION] = draw_instrument,
    [RF_COMMAND_PLACE_ORDER] = draw_order,
    [RF_COMMAND_AMEND_ORDER] = draw_change,
    [RF_COMMAND_CANCEL_ORDER] = draw_change,
    [RF_COMMAND_CANCEL_ORDERS] = draw_change,
    [RF_COMMAND_PLACE_LIST] = draw_list,
    [RF_COMMAND_CANCEL_LIST] = draw_list,
    [RF_COMMAND_MOVE_MARGIN] = draw_isolation,
    [RF_COMMAND_SET_LEVERAGE] = draw_isolation,
    [RF_COMMAND_SET_ACCOUNT_LEVERAGE] = draw_account,
    [RF_COMMAND_SET_STP] = draw_account,
    [RF_COMMAND_SET_CANCEL_AFTER] = draw_account,
};

static void draw_command(rf_command_kind kind, rf_command *command, rf_command_room *room)
{
    memset(command, 0, sizeof *command);
    memset(room, 0, sizeof *room);
    command->kind = kind;
    command->time_ns = (int64_t)draw_up_to(INT64_MAX);
    if (draws[kind])
        draws[kind](command, room);
}

/* The pointers differ, what they point to does not. */
static void assert_same(const rf_command *a, const rf_command *b)
{
    rf_command x = *a, y = *b;
    if (x.kind == RF_COMMAND_PLACE_LIST && x.u.list.legs) {
        assert_memory_equal(x.u.list.legs, y.u.list.legs,
                            x.u.list.legs_count * sizeof *x.u.list.legs);
        x.u.list.legs = y.u.list.legs = NULL;
    }
    if ((x.kind == RF_COMMAND_CREATE_INSTRUMENT || x.kind == RF_COMMAND_UPDATE_INSTRUMENT) &&
        x.u.instrument.config) {
        assert_memory_equal(x.u.instrument.config, y.u.instrument.config,
                            sizeof *x.u.instrument.config);
        x.u.instrument.config = y.u.instrument.config = NULL;
    }
    assert_memory_equal(&x, &y, sizeof x);
}

static void test_every_kind_there_and_back(void **state)
{
    (void)state;
    size_t longest = 0;
    for (unsigned kind = 0; kind < RF_COMMAND_KINDS; kind++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            rf_command command, back;
            rf_command_room room, room_back;
            frame bytes, again;
            draw_command((rf_command_kind)kind, &command, &room);
            const size_t size = rf_command_encode(&command, bytes, sizeof bytes);
            assert_true(size >= 10);
            assert_true(rf_command_decode(bytes, size, &back, &room_back));
            assert_same(&command, &back);
            assert_int_equal(rf_command_encode(&back, again, sizeof again), size);
            assert_memory_equal(bytes, again, size);
            longest = size > longest ? size : longest;
        }
    assert_true(longest > RF_COMMAND_BYTES_MAX / 2);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < RF_COMMAND_KINDS; kind++) {
        rf_command command, back;
        rf_command_room room, room_back;
        frame bytes;
        draw_command((rf_command_kind)kind, &command, &room);
        const size_t size = rf_command_encode(&command, bytes, sizeof bytes);
        for (size_t cut = 0; cut < size; cut++) {
            assert_false(rf_command_decode(bytes, cut, &back, &room_back));
            assert_int_equal(rf_command_encode(&command, bytes, cut), 0);
        }
        bytes[size] = 0;
        assert_false(rf_command_decode(bytes, size + 1, &back, &room_back));
        assert_false(rf_command_decode(bytes, RF_COMMAND_BYTES_MAX, &back, &room_back));
        assert_false(rf_command_decode(bytes, RF_COMMAND_BYTES_MAX + 1, &back, &room_back));
    }
}

/* Whatever the bytes: what is accepted is what encode would have written. */
static void test_a_command_has_one_frame(void **state)
{
    (void)state;
    uint64_t accepted = 0;
    for (unsigned round = 0; round < 200 * ROUNDS; round++) {
        rf_command command, back;
        rf_command_room room, room_back;
        frame bytes, again;
        draw_command((rf_command_kind)(draw() % RF_COMMAND_KINDS), &command, &room);
        const size_t size = rf_command_encode(&command, bytes, sizeof bytes);
        bytes[draw() % size] ^= (unsigned char)(1u << draw() % 8);
        if (!rf_command_decode(bytes, size, &back, &room_back))
            continue;
        accepted++;
        assert_int_equal(rf_command_encode(&back, again, sizeof again), size);
        assert_memory_equal(bytes, again, size);
    }
    assert_true(accepted > 1000);
}

/* Every bound of field.def, both ways: encode refuses, and so does decode of bytes that say so. */
static void test_what_no_command_can_hold(void **state)
{
    (void)state;
    frame bytes;
    rf_command back;
    rf_command_room room = {0};
    rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = 5};
    assert_int_equal(rf_command_encode(&tick, bytes, sizeof bytes), 10);
    bytes[0] = 2; /* another version */
    assert_false(rf_command_decode(bytes, 10, &back, &room));
    bytes[0] = 1;
    assert_true(rf_command_decode(bytes, 10, &back, &room));
    bytes[1] = RF_COMMAND_KINDS;
    assert_false(rf_command_decode(bytes, 10, &back, &room));
    tick.kind = RF_COMMAND_KINDS;
    assert_int_equal(rf_command_encode(&tick, bytes, sizeof bytes), 0);

    rf_command order = {.kind = RF_COMMAND_PLACE_ORDER};
    const size_t size = rf_command_encode(&order, bytes, sizeof bytes);
    static const struct {
        size_t at;
        unsigned char value;
    } rows[] = {{17, 2}, {18, 2}, {19, 6}, {20, 3}, {21, 3}, {22, 4}, {23, 3}, {94, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        frame wrong;
        memcpy(wrong, bytes, size);
        assert_true(rf_command_decode(wrong, size, &back, &room));
        wrong[rows[i].at] = rows[i].value;
        assert_false(rf_command_decode(wrong, size, &back, &room));
        wrong[rows[i].at] = (unsigned char)(rows[i].value - 1);
        assert_true(rf_command_decode(wrong, size, &back, &room));
    }
    order.u.order.side = 2;
    assert_int_equal(rf_command_encode(&order, bytes, sizeof bytes), 0);
}

static void test_texts(void **state)
{
    (void)state;
    frame bytes;
    rf_command order = {.kind = RF_COMMAND_PLACE_ORDER}, back;
    rf_command_room room;
    memset(order.u.order.client_oid, 'x', RF_CLIENT_OID_SIZE); /* no NUL */
    assert_int_equal(rf_command_encode(&order, bytes, sizeof bytes), 0);
    order.u.order.client_oid[RF_CLIENT_OID_SIZE - 1] = '\0';
    const size_t size = rf_command_encode(&order, bytes, sizeof bytes);
    assert_true(size > 0 && rf_command_decode(bytes, size, &back, &room));
    assert_string_equal(back.u.order.client_oid, order.u.order.client_oid);
    bytes[size - 1] = 0; /* a NUL inside the text */
    assert_false(rf_command_decode(bytes, size, &back, &room));
    order.u.order.client_oid[3] = '\0'; /* something behind the NUL */
    assert_int_equal(rf_command_encode(&order, bytes, sizeof bytes), 0);
}

static void test_lists_and_configurations(void **state)
{
    (void)state;
    frame bytes;
    rf_order_params legs[4] = {{0}};
    rf_command list = {.kind = RF_COMMAND_PLACE_LIST}, back;
    rf_command_room room;
    list.u.list.legs_count = 3;
    assert_int_equal(rf_command_encode(&list, bytes, sizeof bytes), 0); /* no legs */
    list.u.list.legs = legs;
    assert_true(rf_command_encode(&list, bytes, sizeof bytes) > 0);
    list.u.list.legs_count = 4;
    assert_int_equal(rf_command_encode(&list, bytes, sizeof bytes), 0);
    list.kind = RF_COMMAND_CANCEL_LIST;
    list.u.list.legs_count = 1;
    assert_int_equal(rf_command_encode(&list, bytes, sizeof bytes), 0);

    rf_instrument_config config = {.tiers_count = RF_TIERS_MAX + 1};
    rf_command create = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    size_t size = rf_command_encode(&create, bytes, sizeof bytes);
    assert_true(
        rf_command_decode(bytes, size, &back, &room)); /* none given: refused by the engine */
    assert_null(back.u.instrument.config);
    create.u.instrument.config = &config;
    assert_int_equal(rf_command_encode(&create, bytes, sizeof bytes), 0);
    config.tiers_count = RF_TIERS_MAX;
    size = rf_command_encode(&create, bytes, sizeof bytes);
    assert_true(rf_command_decode(bytes, size, &back, &room));
    assert_int_equal(back.u.instrument.config->tiers_count, RF_TIERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_there_and_back),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_a_command_has_one_frame),
        cmocka_unit_test(test_what_no_command_can_hold),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_lists_and_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
