/* Turns a sensible command into one that nobody should send: numbers at the edges, other people's identifiers,
 * enumerations that do not exist. Pointers stay good; what they point to does not. */
#include <string.h>

#include "tests/sim/sim.h"

static uint64_t edge(sim_run *sim)
{
    static const uint64_t edges[] = {
        0,
        1,
        2,
        UINT64_MAX,
        INT64_MAX,
        (uint64_t)INT64_MIN,
        1ULL << 62,
        1ULL << 61,
        (1ULL << 62) - 1,
        1ULL << 31,
        1ULL << 32,
        UINT32_MAX,
        INT32_MAX,
        UINT16_MAX,
        255,
        100000000ULL,
        99999999ULL,
        10000000000000000ULL,
    };
    const uint32_t count = sizeof edges / sizeof edges[0];
    switch (sim_below(&sim->random, 4)) {
    case 0:
        return sim_draw(&sim->random);
    case 1:
        return 0 - edges[sim_below(&sim->random, count)];
    default:
        return edges[sim_below(&sim->random, count)];
    }
}

/* Overwrites one aligned field of 1, 2, 4 or 8 bytes. */
static void spoil_bytes(sim_run *sim, void *bytes, size_t size)
{
    const uint32_t width = 1u << sim_below(&sim->random, 4);
    const uint64_t value = edge(sim);
    const uint32_t place = sim_below(&sim->random, (uint32_t)(size / width)) * width;
    memcpy((unsigned char *)bytes + place, &value, width);
}

static void spoil_order(sim_run *sim, rf_order_params *order)
{
    switch (sim_below(&sim->random, 14)) {
    case 12:
        order->time_in_force = (uint8_t)sim_below(&sim->random, 5);
        break;
    case 13:
        order->side = (uint8_t)sim_below(&sim->random, 4);
        order->type = (uint8_t)sim_below(&sim->random, 9);
        order->ref_price_type = (uint8_t)sim_below(&sim->random, 5);
        break;
    case 0:
        order->account = (uint32_t)edge(sim);
        break;
    case 1:
        order->instrument = (uint16_t)edge(sim);
        break;
    case 2:
        order->price = (int64_t)edge(sim);
        break;
    case 3:
        order->qty = (int64_t)edge(sim);
        break;
    case 4:
        order->ref_price = (int64_t)edge(sim);
        break;
    case 5:
        order->flags = (uint16_t)edge(sim);
        break;
    case 6:
        order->isolated_margin = (int64_t)edge(sim);
        break;
    case 7:
        order->isolation_id = edge(sim) % 1000;
        break;
    case 8:
        order->leverage = (uint32_t)edge(sim);
        break;
    case 9:
        order->notional = (int64_t)edge(sim);
        order->flags |= RF_FLAG_NOTIONAL;
        break;
    case 10:
        order->account =
            1 + sim_below(&sim->random, sim->mirror.accounts); /* somebody else's position */
        break;
    default:
        spoil_bytes(sim, order, sizeof *order);
        break;
    }
}

static void spoil_config(sim_run *sim, rf_command *command)
{
    if (sim_chance(&sim->random, 3)) {
        spoil_bytes(sim, &command->u.instrument.instrument, sizeof command->u.instrument - 8);
        return;
    }
    /* Not the names in most cases: numbers are what can hurt. */
    const size_t names =
        sim_chance(&sim->random, 6) ? 0 : offsetof(rf_instrument_config, price_decimals);
    spoil_bytes(sim, (unsigned char *)&sim->config + names, sizeof sim->config - names);
}

static void spoil_list(sim_run *sim, rf_command *command)
{
    switch (sim_below(&sim->random, 6)) {
    case 0:
        command->u.list.legs_count = (uint32_t)edge(sim);
        break;
    case 1:
        command->u.list.contingency = (uint32_t)edge(sim);
        break;
    case 2:
        command->u.list.account = (uint32_t)edge(sim);
        break;
    case 3:
        command->u.list.list_id = edge(sim);
        break;
    default:
        spoil_order(sim, &sim->legs[sim_below(&sim->random, RF_LIST_LEGS_MAX)]);
        break;
    }
}

/* Founders live for ever, and the fund is never rich: what a long run covers hangs on them. */
static void keep_alive(rf_command *command)
{
    if (command->kind == RF_COMMAND_FUND_INSURANCE && command->u.money.amount > 100 * SIM_E8)
        command->u.money.amount = -command->u.money.amount;
    if (command->kind == RF_COMMAND_SET_INSTRUMENT_STATE &&
        command->u.instrument.instrument < SIM_FOUNDERS &&
        command->u.instrument.state == RF_STATE_SETTLED)
        command->u.instrument.state = RF_STATE_HALTED;
}

static void spoil_change(sim_run *sim, rf_command *command)
{
    if (sim_chance(&sim->random, 4))
        command->u.change.account = 1 + sim_below(&sim->random, sim->mirror.accounts);
    else
        spoil_bytes(sim, &command->u.change,
                    offsetof(rf_command, u.change.new_client_oid) - offsetof(rf_command, u.change) +
                        8);
}

static void spoil_instrument(sim_run *sim, rf_command *command)
{
    if (command->kind == RF_COMMAND_CREATE_INSTRUMENT ||
        command->kind == RF_COMMAND_UPDATE_INSTRUMENT)
        spoil_config(sim, command);
    else
        spoil_bytes(sim, &command->u.instrument.instrument, sizeof command->u.instrument - 8);
}

/* The group that a row of command.def names. */
#define GROUP_order spoil_order(sim, &command->u.order)
#define GROUP_change spoil_change(sim, command)
#define GROUP_list spoil_list(sim, command)
#define GROUP_isolation spoil_bytes(sim, &command->u.isolation, sizeof command->u.isolation)
#define GROUP_money spoil_bytes(sim, &command->u.money, sizeof command->u.money)
#define GROUP_account spoil_bytes(sim, &command->u.account, sizeof command->u.account)
#define GROUP_instrument spoil_instrument(sim, command)
#define GROUP_index spoil_bytes(sim, &command->u.index, sizeof command->u.index)
#define GROUP_currency spoil_bytes(sim, &command->u.currency, sizeof command->u.currency)
#define GROUP_nothing (void)0

static void spoil_once(sim_run *sim, rf_command *command)
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

/* Another command of which nothing is filled in, or one of no kind. */
static void spoil_kind(sim_run *sim, rf_command *command)
{
    const uint32_t kind =
        sim_below(&sim->random, sim_chance(&sim->random, 4) ? 1000 : RF_COMMAND_KINDS);
    *command = (rf_command){.kind = (rf_command_kind)kind, .time_ns = command->time_ns};
    if (kind == RF_COMMAND_CREATE_INSTRUMENT || kind == RF_COMMAND_UPDATE_INSTRUMENT)
        command->u.instrument.config = sim_chance(&sim->random, 2) ? &sim->config : NULL;
    else if (kind == RF_COMMAND_PLACE_LIST)
        command->u.list.legs = sim_chance(&sim->random, 2) ? sim->legs : NULL;
}

void sim_spoil(sim_run *sim, rf_command *command)
{
    if (sim_chance(&sim->random, 100))
        spoil_kind(sim, command);
    if ((uint32_t)command->kind < RF_COMMAND_KINDS) {
        const uint32_t times = 1 + sim_below(&sim->random, 2);
        for (uint32_t i = 0; i < times; i++)
            spoil_once(sim, command);
    }
    keep_alive(command);
}
