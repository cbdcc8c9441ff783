/* Draws the next command: what a trader or an operator might well send, most of which is accepted. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim.h"

/* ---- Random numbers ---------------------------------------------------------------------------------- */

void sim_random_start(sim_random *random, uint64_t seed)
{
    /* Neighbouring seeds must not give neighbouring runs. */
    random->state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
    for (uint32_t i = 0; i < 8; i++)
        sim_draw(random);
}

uint64_t sim_draw(sim_random *random)
{
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * 0x2545f4914f6cdd1dULL;
}

uint32_t sim_below(sim_random *random, uint32_t below)
{
    return (uint32_t)((sim_draw(random) >> 32) * below >> 32);
}

int64_t sim_between(sim_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(sim_draw(random) % (uint64_t)(high - low + 1));
}

bool sim_chance(sim_random *random, uint32_t in)
{
    return sim_below(random, in) == 0;
}

/* ---- Small choices ------------------------------------------------------------------------------------ */

static uint32_t below(sim_run *sim, uint32_t bound)
{
    return sim_below(&sim->random, bound);
}

static bool chance(sim_run *sim, uint32_t in)
{
    return sim_chance(&sim->random, in);
}

static int64_t between(sim_run *sim, int64_t low, int64_t high)
{
    return sim_between(&sim->random, low, high);
}

/* Accounts 1 and 2 make markets. */
static uint32_t some_account(sim_run *sim)
{
    if (chance(sim, 4))
        return 1 + below(sim, 2);
    return 1 + below(sim, sim->mirror.accounts - 1);
}

static uint32_t some_instrument(sim_run *sim)
{
    return below(sim, chance(sim, 8) ? sim->mirror.instruments : SIM_FOUNDERS);
}

static int64_t power_of_ten(uint32_t exponent)
{
    int64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static int64_t unit_of(const sim_run *sim, uint32_t instrument)
{
    const rf_instrument_config *config = &sim->configs[instrument];
    return power_of_ten(8u - config->price_decimals - config->qty_decimals);
}

/* The mark, or what it will be around once there is one. */
static int64_t price_around(const sim_run *sim, uint32_t instrument)
{
    const int64_t mark = sim->mirror.marks[instrument];
    if (mark != 0)
        return mark;
    return sim->bases_e8[instrument] / power_of_ten(8u - sim->configs[instrument].price_decimals);
}

/* The price moved by so many millionths, on the tick. */
static int64_t moved_price(sim_run *sim, uint32_t instrument, int64_t millionths)
{
    const int64_t price = price_around(sim, instrument), tick = sim->configs[instrument].price_tick;
    const int64_t moved = price + price / 1000 * millionths / 1000;
    return moved / tick * tick > 0 ? moved / tick * tick : tick;
}

/* Lots worth about so many dollars. */
static int64_t lots_for(const sim_run *sim, uint32_t instrument, int64_t dollars)
{
    const int64_t lot_e8 = price_around(sim, instrument) * unit_of(sim, instrument);
    const int64_t lots = dollars * SIM_E8 / (lot_e8 > 0 ? lot_e8 : 1);
    return lots > 0 ? lots : 1;
}

/* Small ones are frequent, large ones not rare. */
static int64_t some_dollars(sim_run *sim)
{
    static const int64_t sizes[] = {30, 100, 300, 1000, 1000, 3000, 3000, 10000, 30000};
    return sizes[below(sim, sizeof sizes / sizeof sizes[0])] * between(sim, 5, 20) / 10;
}

static uint64_t known(sim_run *sim, const uint64_t *ids, uint32_t seen, uint32_t *place)
{
    *place = below(sim, SIM_KNOWN);
    if (seen == 0)
        return 0;
    if (seen < SIM_KNOWN)
        *place = below(sim, seen);
    return ids[*place];
}

/* An open order, its owner's in most cases; NULL: none. */
static const mirror_order *some_order(sim_run *sim)
{
    if (sim->mirror.orders_count == 0)
        return NULL;
    for (uint32_t tries = 0; tries < 64; tries++) {
        const mirror_order *order = &sim->mirror.orders[below(sim, SIM_ORDERS)];
        if (order->id != 0)
            return order;
    }
    return NULL;
}

/* An isolation that exists; NULL: none was found. */
static const mirror_position *some_isolation(sim_run *sim, uint32_t *account, uint32_t *instrument)
{
    for (uint32_t tries = 0; tries < 32; tries++) {
        *account = some_account(sim);
        *instrument = some_instrument(sim);
        const mirror_position *isolation = &sim->mirror.positions[*account][*instrument][1];
        if (isolation->exists)
            return isolation;
    }
    return NULL;
}

static void fresh_oid(sim_run *sim, char *oid)
{
    snprintf(oid, RF_CLIENT_OID_SIZE, "n%llu", (unsigned long long)sim->number);
}

/* ---- Orders -------------------------------------------------------------------------------------------- */

static void draw_oid(sim_run *sim, rf_order_params *order)
{
    if (!chance(sim, 3)) {
        order->flags |= RF_FLAG_OID_DEFAULTED;
        fresh_oid(sim, order->client_oid);
        return;
    }
    if (sim->oids_seen != 0 && chance(sim, 12)) {
        const uint32_t place = below(sim, sim->oids_seen < SIM_KNOWN ? sim->oids_seen : SIM_KNOWN);
        memcpy(order->client_oid, sim->known_oids[place], RF_CLIENT_OID_SIZE);
        return;
    }
    fresh_oid(sim, order->client_oid);
    const uint32_t place = sim->oids_seen++ % SIM_KNOWN;
    memcpy(sim->known_oids[place], order->client_oid, RF_CLIENT_OID_SIZE);
    sim->known_oid_owner[place] = order->account;
}

static void draw_margin_mode(sim_run *sim, rf_order_params *order)
{
    const uint8_t modes = sim->configs[order->instrument].margin_modes;
    const mirror_position *isolation = &sim->mirror.positions[order->account][order->instrument][1];
    order->isolated_margin = -1;
    if (chance(sim, 64) ? chance(sim, 2)
                        : modes == RF_MODES_CROSS || (modes == RF_MODES_BOTH && chance(sim, 2)))
        return;
    order->flags |= RF_FLAG_ISOLATED;
    if (isolation->exists && !chance(sim, 32)) {
        order->isolation_id = isolation->isolation_id;
        if (chance(sim, 32))
            order->leverage = 1 + below(sim, 60);
    } else if (!chance(sim, 8)) {
        order->leverage = 1 + below(sim, sim->configs[order->instrument].max_leverage);
    }
    if (chance(sim, 6))
        order->isolated_margin = some_dollars(sim) * SIM_E8;
}

static void draw_price(sim_run *sim, rf_order_params *order)
{
    const int64_t toward = order->side == RF_BUY ? -1 : 1;
    int64_t away = between(sim, 0, 12000);
    if (chance(sim, 3))
        away = -between(sim, 0, 8000);
    else if (chance(sim, 40))
        away = between(sim, -200000, 400000);
    order->price = moved_price(sim, order->instrument, toward * away);
}

static void draw_flags(sim_run *sim, rf_order_params *order)
{
    const mirror_position *position =
        &sim->mirror
             .positions[order->account][order->instrument][(order->flags & RF_FLAG_ISOLATED) != 0];
    const uint32_t what = below(sim, 100);
    if (what < 8)
        order->flags |= RF_FLAG_POST_ONLY;
    else if (what < 12)
        order->flags |= RF_FLAG_SMART_POST_ONLY;
    else if (what < 24 && (position->q != 0 || chance(sim, 3))) {
        order->flags |= RF_FLAG_REDUCE_ONLY;
        order->side = position->q > 0 ? RF_SELL : RF_BUY;
    } else if (what < 30 && (position->q != 0 || chance(sim, 3))) {
        order->flags |= RF_FLAG_CLOSE | RF_FLAG_REDUCE_ONLY;
        order->side = position->q > 0 ? RF_SELL : RF_BUY;
        if (chance(sim, 2))
            order->qty = 0;
    } else if (what < 36 && position->q != 0) {
        /* Out of it and through to the other side. */
        order->side = position->q > 0 ? RF_SELL : RF_BUY;
        order->qty = (position->q < 0 ? -position->q : position->q) + order->qty;
    }
    const bool post = (order->flags & (RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY)) != 0;
    if (order->type == RF_LIMIT && (!post || chance(sim, 16)) && chance(sim, 5))
        order->time_in_force = (uint8_t)(1 + below(sim, 2));
}

static void draw_trigger(sim_run *sim, rf_order_params *order)
{
    order->type = (uint8_t)(RF_STOP_LOSS + below(sim, 4));
    const bool stop = order->type == RF_STOP_LOSS || order->type == RF_STOP_LIMIT;
    const bool downward = (order->side == RF_SELL) == stop;
    const int64_t away = chance(sim, 16) ? -between(sim, 0, 5000) : between(sim, 500, 40000);
    order->ref_price = moved_price(sim, order->instrument, downward ? -away : away);
    order->ref_price_type = (uint8_t)below(sim, 3);
    if (order->type == RF_STOP_LIMIT || order->type == RF_TAKE_PROFIT_LIMIT)
        draw_price(sim, order);
    else
        order->price = 0;
    if ((order->flags & RF_FLAG_ISOLATED) != 0 && !chance(sim, 10))
        order->flags |= RF_FLAG_REDUCE_ONLY;
    if (chance(sim, 8)) {
        order->attach_position = 1;
        order->attach_isolation_id = order->isolation_id;
    } else if (chance(sim, 12)) {
        const mirror_order *parent = some_order(sim);
        order->attach_order_id = parent ? parent->id : 1;
    }
}

static void draw_order(sim_run *sim, rf_order_params *order)
{
    *order = (rf_order_params){.account = some_account(sim),
                               .instrument = (uint16_t)some_instrument(sim)};
    order->side = (uint8_t)below(sim, 2);
    order->qty = lots_for(sim, order->instrument, some_dollars(sim));
    draw_oid(sim, order);
    draw_margin_mode(sim, order);
    const uint32_t what = below(sim, 100);
    order->type = what < 64 ? RF_LIMIT : RF_MARKET;
    draw_flags(sim, order);
    if (what >= 85)
        draw_trigger(sim, order);
    else if (order->type == RF_LIMIT)
        draw_price(sim, order);
    else if (order->side == RF_BUY && order->flags == 0 && chance(sim, 4)) {
        order->flags |= RF_FLAG_NOTIONAL;
        order->notional = some_dollars(sim) * SIM_E8;
        order->qty = 0;
    }
    if (chance(sim, 10)) {
        order->stp = (uint8_t)below(sim, 4);
        order->stp_scope = (uint8_t)below(sim, 3);
        order->stp_id = (uint16_t)below(sim, 3);
    }
}

static void command_order(sim_run *sim, rf_command *command)
{
    command->kind = RF_COMMAND_PLACE_ORDER;
    draw_order(sim, &command->u.order);
}

/* One account fills its lists, and the pools, with little orders that nobody takes. */
static void command_burst(sim_run *sim, rf_command *command)
{
    rf_order_params *order = &command->u.order;
    command_order(sim, command);
    sim->burst--;
    *order = (rf_order_params){
        .account = sim->burst_account, .isolated_margin = -1, .flags = RF_FLAG_POST_ONLY};
    order->flags |= RF_FLAG_OID_DEFAULTED;
    order->side = (uint8_t)below(sim, 2);
    order->qty = 1 + below(sim, 3);
    order->price =
        moved_price(sim, 0, between(sim, 100000, 300000) * (order->side == RF_BUY ? -1 : 1));
    fresh_oid(sim, order->client_oid);
}

static void command_amend(sim_run *sim, rf_command *command)
{
    command->kind = RF_COMMAND_AMEND_ORDER;
    const mirror_order *order = some_order(sim);
    if (!order)
        return;
    command->u.change.account = order->account;
    command->u.change.order_id = order->id;
    command->u.change.instrument = order->instrument;
    command->u.change.price =
        chance(sim, 3) ? order->price
                       : moved_price(sim, order->instrument, between(sim, -12000, 12000));
    command->u.change.qty = order->leaves * between(sim, 20, 200) / 100;
    if (chance(sim, 3))
        command->u.change.qty = order->leaves;
    if (!order->rests && order->type >= RF_STOP_LOSS) {
        command->u.change.triggers_only = (uint8_t)below(sim, 2);
        command->u.change.ref_price =
            moved_price(sim, order->instrument, between(sim, -30000, 30000));
    }
    if (chance(sim, 8))
        fresh_oid(sim, command->u.change.new_client_oid);
}

static void command_cancel(sim_run *sim, rf_command *command)
{
    command->kind = RF_COMMAND_CANCEL_ORDER;
    const mirror_order *order = some_order(sim);
    if (sim->oids_seen != 0 && chance(sim, 5)) {
        const uint32_t place = below(sim, sim->oids_seen < SIM_KNOWN ? sim->oids_seen : SIM_KNOWN);
        command->u.change.account = sim->known_oid_owner[place];
        memcpy(command->u.change.client_oid, sim->known_oids[place], RF_CLIENT_OID_SIZE);
        return;
    }
    command->u.change.account = order ? order->account : 1;
    command->u.change.order_id = order ? order->id : 1;
    if (chance(sim, 20)) {
        uint32_t place;
        command->u.change.order_id = known(sim, sim->known_orders, sim->orders_seen, &place);
        command->u.change.account = sim->known_order_owner[place];
    }
}

static void command_cancel_all(sim_run *sim, rf_command *command)
{
    command->kind = RF_COMMAND_CANCEL_ORDERS;
    command->u.change.account = some_account(sim);
    command->u.change.instrument = chance(sim, 2) ? -1 : (int32_t)some_instrument(sim);
    command->u.change.mode = (int32_t)below(sim, 3) - 1;
    command->u.change.all = below(sim, 3);
    if (chance(sim, 5)) {
        uint32_t account, instrument;
        const mirror_position *isolation = some_isolation(sim, &account, &instrument);
        if (isolation) {
            command->u.change.account = account;
            command->u.change.isolation_id = isolation->isolation_id;
        }
    }
}

/* A primary that is a limit order, and legs behind it that close what it opened. */
static void command_list(sim_run *sim, rf_command *command)
{
    command->kind = RF_COMMAND_PLACE_LIST;
    const uint32_t contingency = 1 + below(sim, 3);
    const uint32_t legs = contingency == RF_LIST_OTOCO ? 3 : 2;
    rf_order_params *first = &sim->legs[0];
    draw_order(sim, first);
    first->flags &= RF_FLAG_ISOLATED | RF_FLAG_OID_DEFAULTED;
    first->type = RF_LIMIT;
    first->time_in_force = RF_GTC;
    draw_price(sim, first);
    for (uint32_t i = 1; i < legs; i++) {
        rf_order_params *leg = &sim->legs[i];
        *leg = *first;
        snprintf(leg->client_oid, RF_CLIENT_OID_SIZE, "n%llu-%u", (unsigned long long)sim->number,
                 i);
        leg->flags = (uint16_t)((first->flags & RF_FLAG_ISOLATED) | RF_FLAG_OID_DEFAULTED);
        if (contingency != RF_LIST_OCO)
            leg->side = (uint8_t)(1 - first->side);
        draw_trigger(sim, leg);
        leg->flags |= RF_FLAG_REDUCE_ONLY;
        if (contingency == RF_LIST_OCO && !chance(sim, 4))
            leg->flags = (uint16_t)(leg->flags & ~RF_FLAG_REDUCE_ONLY);
        leg->attach_order_id = 0;
        leg->attach_position = 0;
        leg->isolated_margin = -1;
        leg->leverage = 0;
    }
    command->u.list.legs = sim->legs;
    command->u.list.legs_count = legs;
    command->u.list.contingency = contingency;
    command->u.list.account = first->account;
    command->u.list.linked = below(sim, 2);
}

static void command_cancel_list(sim_run *sim, rf_command *command)
{
    uint32_t place;
    command->kind = RF_COMMAND_CANCEL_LIST;
    command->u.list.list_id = known(sim, sim->known_lists, sim->lists_seen, &place);
    command->u.list.account = sim->lists_seen ? sim->known_list_owner[place] : 1;
}

/* ---- Isolations and money --------------------------------------------------------------------------------- */

static void command_margin(sim_run *sim, rf_command *command)
{
    uint32_t account = 1, instrument = 0;
    const mirror_position *isolation = some_isolation(sim, &account, &instrument);
    command->kind = RF_COMMAND_MOVE_MARGIN;
    command->u.isolation.account = account;
    command->u.isolation.isolation_id = isolation ? isolation->isolation_id : 1;
    command->u.isolation.amount = some_dollars(sim) * SIM_E8 / 10;
    if (isolation && chance(sim, 2))
        command->u.isolation.amount =
            -(isolation->wallet > 100 ? isolation->wallet : 100) / between(sim, 1, 20);
}

static void command_leverage(sim_run *sim, rf_command *command)
{
    uint32_t account = 1, instrument = 0;
    const mirror_position *isolation = some_isolation(sim, &account, &instrument);
    command->kind = RF_COMMAND_SET_LEVERAGE;
    command->u.isolation.account = account;
    command->u.isolation.isolation_id = isolation ? isolation->isolation_id : 1;
    command->u.isolation.leverage = 1 + below(sim, sim->configs[instrument].max_leverage);
    if (chance(sim, 3))
        command->u.isolation.amount = chance(sim, 2) ? -1 : some_dollars(sim) * SIM_E8;
}

static void command_money(sim_run *sim, rf_command *command)
{
    static const rf_command_kind kinds[] = {
        RF_COMMAND_DEPOSIT,           RF_COMMAND_DEPOSIT,       RF_COMMAND_ADJUST,
        RF_COMMAND_TRANSFER,          RF_COMMAND_TRANSFER,      RF_COMMAND_REQUEST_WITHDRAWAL,
        RF_COMMAND_DECIDE_WITHDRAWAL, RF_COMMAND_FUND_INSURANCE};
    uint32_t place;
    command->kind = kinds[below(sim, sizeof kinds / sizeof kinds[0])];
    command->u.money.account = some_account(sim);
    command->u.money.currency = chance(sim, 2) ? 0 : below(sim, 6);
    command->u.money.amount = some_dollars(sim) * SIM_E8;
    if (command->u.money.currency == 3 || command->u.money.currency == 4)
        command->u.money.amount /= 3000; /* coins */
    if (command->kind == RF_COMMAND_FUND_INSURANCE)
        command->u.money.amount /= 1000; /* it should be short of money now and then */
    if (command->kind == RF_COMMAND_ADJUST && chance(sim, 2))
        command->u.money.amount = -command->u.money.amount;
    if (command->kind == RF_COMMAND_DECIDE_WITHDRAWAL) {
        command->u.money.id = known(sim, sim->known_withdrawals, sim->withdrawals_seen, &place);
        command->u.money.approve = below(sim, 2);
    }
    if (command->kind == RF_COMMAND_TRANSFER) {
        static const uint32_t families[][2] = {{1, 9}, {1, 10}, {2, 11}, {3, 12}, {9, 10}};
        const uint32_t *family = families[below(sim, 5)];
        const bool back = chance(sim, 2);
        command->u.money.account = family[back];
        command->u.money.to = family[!back];
        command->u.money.caller = chance(sim, 2) ? family[0] : command->u.money.account;
        if (chance(sim, 20))
            command->u.money.to = some_account(sim);
    }
}

/* Brings an account back to a size at which the market stays alive. */
static bool command_tame(sim_run *sim, rf_command *command)
{
    const uint32_t account = 1 + below(sim, sim->mirror.accounts - 1);
    const int64_t cash = sim->mirror.main[account][0];
    const int64_t wanted = (account <= 2 ? 5000000 : 3000 * (int64_t)account) * SIM_E8;
    if (cash > wanted / 4 && cash < wanted * 4)
        return false;
    command->kind = RF_COMMAND_ADJUST;
    command->u.money.account = account;
    command->u.money.amount = wanted - cash;
    return true;
}

/* ---- Prices, time and the operator -------------------------------------------------------------------------- */

/* Wanders, jumps now and then, and is pulled back when it has gone far. */
static int64_t next_price_e8(sim_run *sim, uint32_t instrument)
{
    const int64_t unit = power_of_ten(8u - sim->configs[instrument].price_decimals);
    const int64_t price_e8 = price_around(sim, instrument) * unit, base = sim->bases_e8[instrument];
    const uint32_t what = below(sim, 100);
    int64_t millionths = between(sim, -3000, 3000);
    if ((price_e8 > base * 3 || price_e8 < base / 3) && chance(sim, 2))
        return base; /* somebody hostile was here */
    if (what >= 97)
        millionths = between(sim, -90000, 90000);
    else if (what >= 85)
        millionths = between(sim, -20000, 20000);
    if (price_e8 > base / 2 * 3)
        millionths -= 10000;
    if (price_e8 < base / 3 * 2)
        millionths += 10000;
    const int64_t next = price_e8 + price_e8 / 1000 * millionths / 1000;
    return next > unit ? next : base;
}

static void command_price(sim_run *sim, rf_command *command)
{
    const uint32_t instrument = some_instrument(sim), what = below(sim, 16);
    const int64_t price_e8 = next_price_e8(sim, instrument);
    if (what == 0) {
        command->kind = RF_COMMAND_CLEAR_MARK_PRICE;
        command->u.instrument.instrument = instrument;
    } else if (what < 8) {
        command->kind = RF_COMMAND_SET_MARK_PRICE;
        command->u.instrument.instrument = instrument;
        command->u.instrument.price =
            price_e8 / power_of_ten(8u - sim->configs[instrument].price_decimals);
    } else {
        command->kind = RF_COMMAND_SET_INDEX_PRICE;
        command->u.index.index = sim->indexes[instrument];
        command->u.index.price_e8 = price_e8;
        if (chance(sim, 8))
            snprintf(command->u.index.source, RF_NAME_SIZE, "s%u", (unsigned)below(sim, 3));
    }
}

static void command_settings(sim_run *sim, rf_command *command)
{
    command->u.account.account = some_account(sim);
    switch (below(sim, 6)) {
    case 0:
        command->kind = RF_COMMAND_SET_STP;
        command->u.account.stp = (uint8_t)below(sim, 4);
        command->u.account.stp_scope = (uint8_t)below(sim, 3);
        command->u.account.stp_id = (uint16_t)below(sim, 3);
        break;
    case 1:
        command->kind = RF_COMMAND_SET_ACCOUNT_LEVERAGE;
        command->u.account.leverage = 1 + below(sim, 100);
        break;
    case 2:
        command->kind = RF_COMMAND_SET_FEES;
        command->u.account.taker_fee_rate = between(sim, 0, 100000);
        command->u.account.maker_fee_rate =
            command->u.account.taker_fee_rate - between(sim, 0, 50000);
        command->u.account.fees_reset = below(sim, 2);
        break;
    case 3:
        command->kind = RF_COMMAND_SET_CANCEL_AFTER;
        command->u.account.timeout_ns = chance(sim, 3) ? 0 : between(sim, 1, 600) * SIM_SECOND_NS;
        command->u.account.include_reduce_only = below(sim, 2);
        break;
    default:
        command->kind = RF_COMMAND_SUSPEND_ACCOUNT;
        command->u.account.suspended = chance(sim, 8);
        break;
    }
}

static void command_new_instrument(sim_run *sim, rf_command *command)
{
    const uint32_t number = sim->mirror.instruments;
    command->kind = RF_COMMAND_CREATE_INSTRUMENT;
    if (number < SIM_INSTRUMENTS) {
        sim->configs[number] = sim->configs[below(sim, SIM_FOUNDERS)];
        snprintf(sim->configs[number].name, RF_NAME_SIZE, "X%u-PERP", number);
        snprintf(sim->configs[number].base, RF_NAME_SIZE, "X%u", number);
        snprintf(sim->configs[number].index_name, RF_NAME_SIZE, "X%uUSD-INDEX", number);
        sim->bases_e8[number] = between(sim, 1, 5000) * SIM_E8;
        sim->config = sim->configs[number];
    } else {
        sim->config = sim->configs[0];
    }
    command->u.instrument.config = &sim->config;
}

static void command_operator(sim_run *sim, rf_command *command)
{
    const uint32_t instrument = some_instrument(sim), what = below(sim, 32);
    command->u.instrument.instrument = instrument;
    if (what < 10) {
        command->kind = RF_COMMAND_SET_INSTRUMENT_STATE;
        command->u.instrument.state = chance(sim, 3) ? below(sim, RF_STATE_SETTLED) : RF_STATE_OPEN;
        if (instrument >= SIM_FOUNDERS && chance(sim, 24)) {
            command->u.instrument.state = RF_STATE_SETTLED;
            command->u.instrument.price = moved_price(sim, instrument, between(sim, -5000, 5000));
        }
    } else if (what < 16) {
        command->kind = RF_COMMAND_UPDATE_INSTRUMENT;
        sim->config = sim->configs[instrument];
        sim->config.liquidation_fee_rate += between(sim, -1000, 1000);
        sim->config.price_band += between(sim, -1000, 1000);
        command->u.instrument.dry_run = chance(sim, 4);
        command->u.instrument.config = &sim->config;
    } else if (what < 20) {
        command->kind = RF_COMMAND_SET_FUNDING_RATE;
        command->u.instrument.rate = between(sim, -20000, 20000);
    } else if (what < 24) {
        command->kind = RF_COMMAND_SETTLE_FUNDING;
        command->u.instrument.rate = between(sim, -20000, 20000);
        command->u.instrument.rate_given = !chance(sim, 3);
    } else if (what < 28) {
        command->kind = RF_COMMAND_SETTLE_SESSION;
    } else if (what < 30) {
        command_new_instrument(sim, command);
    } else if (what == 30) {
        command->kind = RF_COMMAND_CREATE_ACCOUNT;
        command->u.account.account = below(sim, 4);
        snprintf(command->u.account.label, RF_NAME_SIZE, "x%llu", (unsigned long long)sim->number);
    } else {
        command->kind = RF_COMMAND_CREATE_CURRENCY;
        snprintf(command->u.currency.name, RF_NAME_SIZE, "BTC");
        command->u.currency.kind = RF_CURRENCY_COLLATERAL;
        command->u.currency.cap = -1;
    }
}

/* Mostly it stands still or creeps; now and then it jumps, over hours too. */
static void pass_time(sim_run *sim)
{
    const uint32_t what = below(sim, 1000);
    if (what < 500)
        return;
    if (what < 900)
        sim->time_ns += between(sim, 1, SIM_SECOND_NS);
    else if (what < 990)
        sim->time_ns += between(sim, 1, 30) * SIM_SECOND_NS;
    else if (what < 998)
        sim->time_ns += between(sim, 60, 300) * SIM_SECOND_NS;
    else
        sim->time_ns += between(sim, 1, chance(sim, 20) ? 200 * 3600 : 2 * 3600) * SIM_SECOND_NS;
}

rf_command sim_command(sim_run *sim)
{
    pass_time(sim);
    rf_command command = {.kind = RF_COMMAND_TICK, .time_ns = sim->time_ns};
    const uint32_t what = below(sim, 1000);
    if (sim->burst == 0 && chance(sim, 20000)) {
        sim->burst = 600;
        sim->burst_account = 1 + below(sim, 2);
    }
    if (sim->burst != 0 && what < 800)
        command_burst(sim, &command);
    else if (what < 430)
        command_order(sim, &command);
    else if (what < 510)
        command_amend(sim, &command);
    else if (what < 590)
        command_cancel(sim, &command);
    else if (what < 600)
        command_cancel_all(sim, &command);
    else if (what < 640)
        command_list(sim, &command);
    else if (what < 650)
        command_cancel_list(sim, &command);
    else if (what < 710)
        command_margin(sim, &command);
    else if (what < 750)
        command_leverage(sim, &command);
    else if (what < 790)
        command_money(sim, &command);
    else if (what < 890)
        command_price(sim, &command);
    else if (what < 905)
        command_settings(sim, &command);
    else if (what < 920)
        command_operator(sim, &command);
    else if (what < 950 && command_tame(sim, &command))
        return command;
    else if (what == 950)
        command.kind = RF_COMMAND_FORGET_MARKS;
    return command;
}
