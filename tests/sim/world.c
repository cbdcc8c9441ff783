/* The little venue of the simulation: what is listed, who trades, and the door that every command goes through. */
#include <string.h>

/* A command closes 1,024 at most, more than live in this venue: fewer are a number in the state. */
#include "engine/state.h"
#include "tests/sim/sim.h"

const rf_limits sim_limits = {
    .accounts_max = SIM_ACCOUNTS,
    .instruments_max = SIM_INSTRUMENTS,
    .positions_max = 160,
    .orders_max = 600,
    .recent_max = 128,
    .withdrawals_max = 6,
    .window_ticks = 4096,
    .watch_buckets = 64,
};

rf_engine *sim_engine(sim_run *sim, uint32_t half)
{
    memset(sim->memory[half], 0, sim->size);
    rf_engine *engine = rf_engine_init(sim->memory[half], sim->size, &sim_limits);
    if (!engine)
        sim_fail(sim, "rf_engine_init gives no engine");
    /* The two halves never share a seed: that their digests are equal says that it cannot be seen. */
    rf_engine_seed(engine, 0x5eed000000000001u * (uint64_t)half);
    if (sim->steps != 0)
        engine->liquidations_per_step = sim->steps;
    return engine;
}

/* ---- The door ---------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) {
        word = word << 8 | at[i];
        if (i % 8 == 7 || i + 1 == size) {
            hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
            hash ^= hash >> 29;
            word = 0;
        }
    }
    return hash;
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
    hash = (hash ^ (uint64_t)number) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 29;
}

/* Field by field: padding is nobody's promise. */
static uint64_t mix_answer(uint64_t hash, const rf_result *result)
{
    hash = mix_number(hash, (int64_t)result->code);
    hash = mix_number(hash, (int64_t)result->reason);
    hash = mix_number(hash, (int64_t)result->order_id);
    hash = mix_number(hash, (int64_t)result->isolation_id);
    hash = mix_number(hash, (int64_t)result->list_id);
    hash = mix_number(hash, (int64_t)result->id);
    hash = mix_number(hash, (int64_t)result->status);
    hash = mix_number(hash, result->filled_qty);
    hash = mix_number(hash, result->filled_value);
    hash = mix_number(hash, result->has_required_margin ? result->required_margin : -1);
    for (uint32_t i = 0; i < result->legs_count && i < RF_LIST_LEGS_MAX; i++)
        hash = mix_number(hash, (int64_t)result->leg_ids[i]);
    return mix(hash, result->client_oid, RF_CLIENT_OID_SIZE);
}

/* Without seq: how many TICKs unfinished work was cut into shows in nothing else. */
static uint64_t mix_event(uint64_t hash, const rf_event *event)
{
    const int64_t fields[] = {
        event->kind,
        event->instrument,
        event->account,
        event->price,
        (int64_t)event->order_id,
        event->qty,
        event->time_ns,
        (int64_t)event->isolation_id,
        event->amount,
        event->fee,
        event->realized,
        event->leaves,
        (int64_t)event->id,
        event->value,
        event->code,
        event->flags,
        event->side,
        event->type,
        event->slot_from,
        event->slot_to,
        event->peer,
        event->currency,
        event->reason,
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        hash = mix_number(hash, fields[i]);
    return hash;
}

static bool is_traced(const sim_run *sim)
{
    return sim->trace_from != 0 && sim->number >= sim->trace_from;
}

static void on_event(void *context, const rf_event *event)
{
    sim_run *sim = context;
    sim->events = mix_event(sim->events, event);
    if (is_traced(sim))
        trace_event(event);
    cover_event(sim, event);
    mirror_event(sim, event);
}

static void finish_pending(sim_run *sim)
{
    rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = sim->time_ns};
    uint32_t ticks = 0;
    while (rf_engine_pending(sim->engine)) {
        rf_result result = {0};
        if (sim->journal)
            sim_journal_write(sim, &tick);
        rf_engine_apply(sim->engine, &tick, &result);
        sim->answers = mix_answer(sim->answers, &result);
        sim->cover.ticks_pending++;
        if (sim->steps != 0)
            sim_check(sim);
        if (sim->reload_pending && rf_engine_pending(sim->engine)) {
            sim_reload(sim);
            rf_engine_set_sink(sim->engine, (rf_sink){on_event, sim});
        }
        if (++ticks > 100000)
            sim_fail(sim, "work is pending for ever");
    }
}

rf_result sim_apply(sim_run *sim, const rf_command *command)
{
    rf_result result;
    if (sim->journal && !sim_journal_write(sim, command))
        return (rf_result){.code = RF_ERR_INVALID_REQUEST};
    memset(&result, 0xa5, sizeof result); /* what the engine does not fill shows */
    rf_engine_set_sink(sim->engine, (rf_sink){on_event, sim});
    if (is_traced(sim))
        trace_command(sim, command);
    rf_engine_apply(sim->engine, command, &result);
    if (is_traced(sim))
        trace_result(&result);
    sim->answers = mix_answer(sim->answers, &result);
    cover_command(sim, command, &result);
    finish_pending(sim);
    if (sim->mirror.liquidating)
        sim_fail(sim, "the liquidation of isolation %llu has no end",
                 (unsigned long long)sim->mirror.victim_isolation);
    return result;
}

/* ---- Founding ---------------------------------------------------------------------------------------- */

static void must(sim_run *sim, const rf_command *command)
{
    const rf_result result = sim_apply(sim, command);
    if (result.code != RF_ERR_OK)
        sim_fail(sim, "the venue cannot be founded: command %u is answered %s",
                 (unsigned)command->kind, rf_error_name(result.code));
}

static rf_command at_now(const sim_run *sim, rf_command_kind kind)
{
    return (rf_command){.kind = kind, .time_ns = sim->time_ns};
}

static void found_currency(sim_run *sim, const char *name, rf_currency_kind kind, int64_t factor,
                           int64_t cap, int64_t haircut)
{
    rf_command command = at_now(sim, RF_COMMAND_CREATE_CURRENCY);
    strncpy(command.u.currency.name, name, RF_NAME_SIZE - 1);
    command.u.currency.kind = kind;
    command.u.currency.factor = factor;
    command.u.currency.cap = cap;
    command.u.currency.haircut = haircut;
    must(sim, &command);
}

static rf_instrument_config base_config(const char *base, uint8_t price_decimals,
                                        uint8_t qty_decimals)
{
    rf_instrument_config config = {
        .price_decimals = price_decimals,
        .qty_decimals = qty_decimals,
        .price_tick = 1,
        .qty_tick = 1,
        .max_leverage = 50,
        .maker_fee_rate = 25000,
        .taker_fee_rate = 40000,
        .liquidation_fee_rate = 500000,
        .price_band = 10000000,
        .fund_position_cap = -1,
        .funding_cap_rate = 1000000,
        .isolations_max = 100,
        .min_order_qty = 1,
    };
    strncpy(config.base, base, RF_NAME_SIZE - 1);
    strncpy(config.name, base, RF_NAME_SIZE - 6);
    strcat(config.name, "-PERP");
    strncpy(config.index_name, base, RF_NAME_SIZE - 10);
    strcat(config.index_name, "USD-INDEX");
    return config;
}

static void found_instruments(sim_run *sim)
{
    rf_instrument_config *btc = &sim->configs[0], *eth = &sim->configs[1], *sol = &sim->configs[2];
    rf_instrument_config *xrp = &sim->configs[3];
    /* A unit margin rate; the fund unwinds; a rebate for makers; prices far apart in ticks. */
    *btc = base_config("BTC", 1, 4);
    btc->price_tick = 5;
    btc->max_leverage = 100;
    btc->unit_margin_rate_e18 = 4000000000000000LL;
    btc->maker_fee_rate = -5000;
    btc->fund_unwind = 1;
    btc->isolations_max = 2;
    /* Tiers; the residual returns; marks grow stale; the fund may carry little; far prices are refused. */
    *eth = base_config("ETH", 2, 3);
    eth->tiers_count = 3;
    eth->tiers[0] = (rf_tier){0, 1000000, 50, 0};
    eth->tiers[1] = (rf_tier){20000 * SIM_E8, 2000000, 25, 0};
    eth->tiers[2] = (rf_tier){100000 * SIM_E8, 5000000, 10, 0};
    eth->residual = RF_RESIDUAL_RETURN;
    eth->mark_stale_ns = 120 * SIM_SECOND_NS;
    eth->fund_position_cap = 2000;
    eth->far_price_band = 30000000;
    eth->max_order_qty = 100000;
    /* Isolated margin only; whatever the book does not take is deleveraged. */
    *sol = base_config("SOL", 3, 2);
    sol->margin_modes = RF_MODES_ISOLATED;
    sol->fund_position_cap = 0;
    sol->max_position_qty = 200000;
    /* Cross margin only, settled by hand. */
    *xrp = base_config("XRP", 4, 0);
    xrp->margin_modes = RF_MODES_CROSS;
    xrp->settlement = RF_SETTLEMENT_MANUAL;
    xrp->min_notional = 5 * SIM_E8;
    xrp->max_leverage = 20;
    xrp->fund_position_cap = 500;
    for (uint32_t i = 0; i < SIM_FOUNDERS; i++) {
        rf_command command = at_now(sim, RF_COMMAND_CREATE_INSTRUMENT);
        command.u.instrument.config = &sim->configs[i];
        must(sim, &command);
    }
}

static void found_marks(sim_run *sim)
{
    static const int64_t prices_e8[SIM_FOUNDERS] = {50000 * SIM_E8, 3000 * SIM_E8, 150 * SIM_E8,
                                                    60000000};
    for (uint32_t i = 0; i < SIM_FOUNDERS; i++) {
        rf_command command = at_now(sim, RF_COMMAND_SET_INDEX_PRICE);
        rf_instrument_view view;
        if (!rf_view_instrument(sim->engine, i, &view))
            sim_fail(sim, "instrument %u is not there", i);
        sim->bases_e8[i] = prices_e8[i];
        sim->indexes[i] = view.index;
        command.u.index.index = view.index;
        command.u.index.price_e8 = prices_e8[i];
        must(sim, &command);
    }
}

static void found_accounts(sim_run *sim)
{
    static const uint32_t masters[12] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3};
    for (uint32_t i = 0; i < 12; i++) {
        rf_command command = at_now(sim, RF_COMMAND_CREATE_ACCOUNT);
        command.u.account.account = masters[i];
        command.u.account.label[0] = (char)('a' + (char)i);
        must(sim, &command);
        command = at_now(sim, RF_COMMAND_DEPOSIT);
        command.u.money.account = i + 1;
        command.u.money.currency = i % 3;
        command.u.money.amount = (i < 2 ? 5000000 : 20000) * SIM_E8;
        must(sim, &command);
    }
}

void sim_found(sim_run *sim)
{
    sim->time_ns = 1700000000LL * SIM_SECOND_NS;
    found_currency(sim, "BTC", RF_CURRENCY_COLLATERAL, 0, 500000 * SIM_E8, 10000000);
    found_currency(sim, "ETH", RF_CURRENCY_COLLATERAL, 0, -1, 20000000);
    found_currency(sim, "EURC", RF_CURRENCY_USD_STABLE, 90000000, 2000000 * SIM_E8, 0);
    found_instruments(sim);
    found_marks(sim);
    found_accounts(sim);
    rf_command command = at_now(sim, RF_COMMAND_FUND_INSURANCE);
    command.u.money.amount = 3000 * SIM_E8;
    must(sim, &command);
}
