/* The loop around the engine: one command in, its dispatch, and then what it has set in motion.
 *
 *   command -> handler -> look -> [ liquidations, look ]* -> one trigger -> look -> ... until nothing moves
 *
 * A TICK also carries the schedule (hour boundaries, mark updates) one step at a time, with the same aftermath
 * between two steps. Where a bound is reached the rest waits for the next TICK. */
#include "engine/engine.h"

#include "engine/account.h"
#include "engine/admit.h"
#include "engine/close.h"
#include "engine/funding.h"
#include "engine/instrument.h"
#include "engine/insurance.h"
#include "engine/isolate.h"
#include "engine/liquidate.h"
#include "engine/mark.h"
#include "engine/position.h"
#include "engine/trigger.h"
#include "engine/watch.h"

enum { SCHEDULE_STEPS = 64 }; /* of one TICK */

/* ---- Life ------------------------------------------------------------------------------------------- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool limits_ok(const rf_limits *limits)
{
    return limits->accounts_max >= 2 && limits->accounts_max <= 1u << 26 &&
           limits->instruments_max >= 1 && limits->instruments_max <= 4096 &&
           limits->positions_max > limits->instruments_max && limits->positions_max <= 1u << 26 &&
           limits->orders_max >= 8 && limits->orders_max <= 1u << 26 && limits->recent_max >= 1 &&
           limits->recent_max <= 1u << 26 && limits->withdrawals_max >= 1 &&
           limits->withdrawals_max <= 1u << 20 && is_power_of_two(limits->window_ticks) &&
           limits->window_ticks >= 4096 && limits->window_ticks <= 1u << 22 &&
           is_power_of_two(limits->watch_buckets) && limits->watch_buckets >= 64 &&
           limits->watch_buckets <= 1u << 22;
}

size_t rf_engine_size(const rf_limits *limits)
{
    return limits_ok(limits) ? rf_engine_layout(NULL, limits, NULL) : 0;
}

static void add_currency(rf_engine *engine, const char *name, rf_currency_kind kind)
{
    rf_currency *currency = &engine->currencies[engine->currencies_count++];
    for (uint32_t i = 0; name[i] != '\0'; i++)
        currency->name[i] = name[i];
    currency->kind = (uint8_t)kind;
    currency->index = UINT32_MAX;
    currency->factor = RF_E8;
    currency->cap = -1;
}

rf_engine *rf_engine_init(void *memory, size_t size, const rf_limits *limits)
{
    const size_t needed = rf_engine_size(limits);
    if (needed == 0 || size < needed)
        return NULL;
    rf_engine *engine = memory;
    engine->limits = *limits;
    rf_engine_layout(engine, limits, memory);
    engine->next_order = engine->next_isolation = engine->next_list = 1;
    engine->marks_version = 1;
    engine->liquidations_per_step = RF_LIQUIDATIONS_PER_STEP;
    engine->next_match = engine->next_withdrawal = engine->next_age = 1;
    engine->orders_fresh = engine->positions_fresh = engine->lists_fresh = engine->far_fresh = 1;
    engine->accounts_count = 1; /* the insurance fund */
    engine->accounts[RF_FUND].leverage = 100;
    add_currency(engine, "USD", RF_CURRENCY_USD);
    add_currency(engine, "USDC", RF_CURRENCY_USD_STABLE);
    add_currency(engine, "USDT", RF_CURRENCY_USD_STABLE);
    return engine;
}

void rf_engine_set_sink(rf_engine *engine, rf_sink sink)
{
    engine->sink = sink;
}

void rf_engine_seed(rf_engine *engine, uint64_t seed)
{
    RF_CHECK(engine->seq == 0 && engine->orders_used == 0);
    engine->oid_seed = seed;
}

void rf_engine_set_rank_age(rf_engine *engine, int64_t age_ns)
{
    engine->adl_rank_age_ns = age_ns;
}

uint64_t rf_engine_seq(const rf_engine *engine)
{
    return engine->seq;
}

int64_t rf_engine_time_ns(const rf_engine *engine)
{
    return engine->command_time_ns;
}

bool rf_engine_pending(const rf_engine *engine)
{
    return rf_schedule_pending(engine) || engine->work.aftermath != 0;
}

/* ---- Dispatch --------------------------------------------------------------------------------------- */

static rf_error tick(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)command;
    (void)result;
    if (rf_engine_pending(engine))
        return RF_ERR_OK; /* what is unfinished comes first */
    rf_account_run_deadlines(engine);
    rf_schedule_start(engine);
    return RF_ERR_OK;
}

static rf_error place_order(rf_engine *engine, const rf_command *command, rf_result *result)
{
    return rf_admit_order(engine, &command->u.order, result);
}

typedef rf_error (*rf_handler)(rf_engine *engine, const rf_command *command, rf_result *result);

static const rf_handler handlers[RF_COMMAND_KINDS] = {
    [RF_COMMAND_TICK] = tick,
    [RF_COMMAND_CREATE_CURRENCY] = rf_currency_create,
    [RF_COMMAND_CREATE_INSTRUMENT] = rf_instrument_create,
    [RF_COMMAND_UPDATE_INSTRUMENT] = rf_instrument_update,
    [RF_COMMAND_SET_INSTRUMENT_STATE] = rf_instrument_set_state,
    [RF_COMMAND_CREATE_ACCOUNT] = rf_account_create,
    [RF_COMMAND_SUSPEND_ACCOUNT] = rf_account_suspend,
    [RF_COMMAND_SET_FEES] = rf_account_set_fees,
    [RF_COMMAND_DEPOSIT] = rf_money_deposit,
    [RF_COMMAND_ADJUST] = rf_money_adjust,
    [RF_COMMAND_REQUEST_WITHDRAWAL] = rf_money_request_withdrawal,
    [RF_COMMAND_DECIDE_WITHDRAWAL] = rf_money_decide_withdrawal,
    [RF_COMMAND_TRANSFER] = rf_money_transfer,
    [RF_COMMAND_FUND_INSURANCE] = rf_money_fund_insurance,
    [RF_COMMAND_SET_INDEX_PRICE] = rf_index_set,
    [RF_COMMAND_FORGET_MARKS] = rf_mark_forget,
    [RF_COMMAND_SET_MARK_PRICE] = rf_mark_pin,
    [RF_COMMAND_CLEAR_MARK_PRICE] = rf_mark_clear,
    [RF_COMMAND_SET_FUNDING_RATE] = rf_funding_pin,
    [RF_COMMAND_SETTLE_FUNDING] = rf_funding_settle_now,
    [RF_COMMAND_SETTLE_SESSION] = rf_session_settle_now,
    [RF_COMMAND_PLACE_ORDER] = place_order,
    [RF_COMMAND_AMEND_ORDER] = rf_admit_amend,
    [RF_COMMAND_CANCEL_ORDER] = rf_cancel_order,
    [RF_COMMAND_CANCEL_ORDERS] = rf_cancel_orders,
    [RF_COMMAND_PLACE_LIST] = rf_admit_list,
    [RF_COMMAND_CANCEL_LIST] = rf_cancel_list,
    [RF_COMMAND_MOVE_MARGIN] = rf_isolate_move_margin,
    [RF_COMMAND_SET_LEVERAGE] = rf_isolate_set_leverage,
    [RF_COMMAND_SET_ACCOUNT_LEVERAGE] = rf_account_set_leverage,
    [RF_COMMAND_SET_STP] = rf_account_set_stp,
    [RF_COMMAND_SET_CANCEL_AFTER] = rf_account_set_cancel_after,
};

static rf_error dispatch(rf_engine *engine, const rf_command *command, rf_result *result)
{
    if ((uint32_t)command->kind >= RF_COMMAND_KINDS)
        return RF_ERR_METHOD_NOT_FOUND;
    return handlers[command->kind](engine, command, result);
}

/* ---- Aftermath -------------------------------------------------------------------------------------- */

/* True: the record is gone. What an account without positions owes is the fund's to pay (section 10.4). */
static bool look_at_cross(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    const uint32_t account = record->account;
    record->flags &= (uint16_t)~RF_POSITION_CLOSED;
    if (record->q == 0 && account != RF_FUND && *rf_main(engine, account, 0) < 0)
        rf_liquidate_note(engine, account);
    if (record->q != 0 || record->orders_count != 0 || record->triggers != RF_NONE)
        return false;
    rf_position_release_if_empty(engine, position);
    rf_watch_account(engine, account);
    return true;
}

static void look_at(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    rf_close_idle(engine, position);
    record->flags &= (uint16_t)~RF_POSITION_TOUCHED;
    if (rf_is_isolated(record)) {
        const uint64_t id = record->id;
        rf_close_sweep(engine, position);
        if (record->id != id)
            return;                                      /* the isolation ended */
        record->flags &= (uint16_t)~RF_POSITION_TOUCHED; /* by what was swept */
    } else if (look_at_cross(engine, position)) {
        return;
    }
    rf_watch_position(engine, position);
}

void rf_engine_look(rf_engine *engine)
{
    /* What a look touches again is appended and looked at too. */
    for (uint32_t i = 0; i < engine->touched_count; i++)
        if ((engine->positions[engine->touched[i]].flags & RF_POSITION_TOUCHED) != 0)
            look_at(engine, engine->touched[i]);
    engine->touched_count = 0;
}

/* The rest waits for a TICK: the queue is dropped and found again behind the watches' keys. */
static bool postpone(rf_engine *engine)
{
    rf_liquidate_suspend(engine);
    rf_engine_look(engine);
    engine->look = 1;
    engine->work.aftermath = 1;
    return false;
}

static bool liquidate_all(rf_engine *engine, uint32_t *budget)
{
    while (engine->work.cross_account != RF_NONE ||
           (engine->look && rf_liquidate_collect(engine))) {
        while (rf_liquidate_step(engine)) {
            rf_engine_look(engine);
            if (--*budget == 0)
                return postpone(engine);
        }
        rf_engine_look(engine);
    }
    return true;
}

/* True: nothing moves any more. */
static bool aftermath(rf_engine *engine, uint32_t *liquidations)
{
    uint32_t triggers = RF_TRIGGERS_PER_STEP;
    rf_engine_look(engine);
    for (;;) {
        if (!liquidate_all(engine, liquidations))
            return false;
        if (!rf_trigger_step(engine))
            break;
        rf_engine_look(engine);
        if (--triggers == 0)
            return postpone(engine);
    }
    engine->work.aftermath = 0;
    return true;
}

/* Funding and settlement of an hour belong together: a schedule that stopped between them is busy, and nothing
 * else happens before it goes on. */
static void run_schedule(rf_engine *engine, uint32_t *liquidations)
{
    for (uint32_t i = 0; i < SCHEDULE_STEPS && rf_schedule_pending(engine); i++) {
        rf_schedule_step(engine);
        rf_engine_look(engine);
        if (rf_schedule_busy(engine) || !aftermath(engine, liquidations))
            return;
    }
}

/* The fund's unwinding orders follow the market: at TICKs and with the marks of instruments that unwind. */
static bool moves_marks(const rf_engine *engine, const rf_command *command)
{
    if (command->kind > RF_COMMAND_CLEAR_MARK_PRICE)
        return false; /* whatever users ask for comes behind */
    if (command->kind == RF_COMMAND_TICK || command->kind == RF_COMMAND_SET_INDEX_PRICE)
        return true;
    return (command->kind == RF_COMMAND_SET_MARK_PRICE ||
            command->kind == RF_COMMAND_CLEAR_MARK_PRICE) &&
           command->u.instrument.instrument < engine->instruments_count &&
           engine->instruments[command->u.instrument.instrument].config.fund_unwind != 0;
}

/* Most commands touch nothing that anybody has to look at. */
static bool nothing_to_do(const rf_engine *engine)
{
    const uint32_t noted = engine->touched_count | engine->look | engine->armed_count |
                           engine->work.cross_account | engine->work.aftermath;
    return noted == 0 && !rf_schedule_pending(engine);
}

/* Apart from rf_engine_apply, which most commands leave without it. */
static __attribute__((noinline)) void follow_up(rf_engine *engine, bool was_busy,
                                                const rf_command *command)
{
    uint32_t liquidations = engine->liquidations_per_step;
    if (!was_busy && !aftermath(engine, &liquidations))
        return;
    run_schedule(engine, &liquidations);
    if (moves_marks(engine, command) && !rf_engine_pending(engine)) {
        rf_fund_unwind(engine);
        rf_engine_look(engine);
    }
}

void rf_engine_apply(rf_engine *engine, const rf_command *command, rf_result *result)
{
    *result = (rf_result){0};
    engine->seq++;
    const bool was_pending = rf_engine_pending(engine),
               was_busy = was_pending && rf_schedule_busy(engine);
    if (command->time_ns < engine->command_time_ns) {
        result->code = RF_ERR_INVALID_DATE;
        return;
    }
    if (was_pending && command->kind != RF_COMMAND_TICK) {
        result->code = RF_ERR_ERR_INTERNAL;
        return;
    }
    engine->time_passed = command->time_ns > engine->command_time_ns;
    engine->command_time_ns = command->time_ns;
    if (!rf_schedule_pending(engine))
        engine->now_ns = command->time_ns;
    rf_schedule_first(engine);
    result->code = dispatch(engine, command, result);
    if (!nothing_to_do(engine) || moves_marks(engine, command))
        follow_up(engine, was_busy, command);
}
