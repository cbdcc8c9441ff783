/* Short ways to give an engine commands and to look at what it answers, for tests that go
 * through rf_engine_apply.
 *
 * Promise: every command's code is checked by whoever sends it (do_* return it or demand OK).
 *
 * May include: engine_fixture.h, the public header. */
#ifndef RF_TESTS_COMMANDS_H
#define RF_TESTS_COMMANDS_H

#include "tests/unit/engine_fixture.h"
#include "tests/unit/small.h"

#include <stdio.h>

/* 2023-11-14 22:13:20 UTC: 46 min 40 s before 23:00; the four-hour interval ends at 00:00. */
#define START_NS 1700000000000000000LL
#define USD 100000000LL
#define SECOND_NS 1000000000LL

/* Events by kind, and the last of each kind. */
typedef struct seen_events {
    uint32_t count[RF_EVENT_KINDS];
    rf_event last[RF_EVENT_KINDS];
} seen_events;

static inline void see_event(void *context, const rf_event *event)
{
    seen_events *seen = context;
    seen->count[event->kind]++;
    seen->last[event->kind] = *event;
}

static inline rf_engine *start_engine(uint32_t accounts)
{
    const rf_limits limits = {.accounts_max = accounts,
                              .instruments_max = 4,
                              .positions_max = 2 * accounts,
                              .orders_max = 4096,
                              .recent_max = 512,
                              .withdrawals_max = 4,
                              .window_ticks = 4096,
                              .watch_buckets = 4096};
    return new_engine(&limits);
}

static inline rf_result apply(rf_engine *engine, rf_command *command, int64_t time_ns)
{
    rf_result result;
    command->time_ns = rf_max(time_ns, rf_engine_time_ns(engine));
    rf_engine_apply(engine, command, &result);
    while (rf_engine_pending(engine)) {
        rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command->time_ns};
        rf_result ignored;
        rf_engine_apply(engine, &tick, &ignored);
    }
    return result;
}

/* Time passes; every command after it carries this time. */
static inline void tick(rf_engine *engine, int64_t time_ns)
{
    rf_command command = {.kind = RF_COMMAND_TICK};
    assert_int_equal(apply(engine, &command, time_ns).code, RF_ERR_OK);
}

static inline void forget_marks(rf_engine *engine)
{
    rf_command command = {.kind = RF_COMMAND_FORGET_MARKS};
    assert_int_equal(apply(engine, &command, 0).code, RF_ERR_OK);
}

static inline rf_error set_index(rf_engine *engine, const char *name, const char *source,
                                 int64_t price_e8)
{
    rf_command command = {.kind = RF_COMMAND_SET_INDEX_PRICE};
    command.u.index.index = UINT32_MAX;
    command.u.index.price_e8 = price_e8;
    strncpy(command.u.index.name, name, RF_NAME_SIZE - 1);
    strncpy(command.u.index.source, source, RF_NAME_SIZE - 1);
    return apply(engine, &command, 0).code;
}

static inline rf_error of_instrument(rf_engine *engine, rf_command_kind kind, uint32_t instrument,
                                     int64_t price, int64_t rate, bool rate_given)
{
    rf_command command = {.kind = kind};
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = price;
    command.u.instrument.rate = rate;
    command.u.instrument.rate_given = rate_given;
    return apply(engine, &command, 0).code;
}

static inline rf_error set_mark(rf_engine *engine, uint32_t instrument, rf_price price)
{
    return of_instrument(engine, RF_COMMAND_SET_MARK_PRICE, instrument, price, 0, false);
}

static inline rf_error set_state(rf_engine *engine, uint32_t instrument, rf_instrument_state state,
                                 rf_price price)
{
    rf_command command = {.kind = RF_COMMAND_SET_INSTRUMENT_STATE};
    command.u.instrument.instrument = instrument;
    command.u.instrument.state = state;
    command.u.instrument.price = price;
    return apply(engine, &command, 0).code;
}

static inline rf_error create_instrument(rf_engine *engine, const rf_instrument_config *config)
{
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    command.u.instrument.config = config;
    return apply(engine, &command, START_NS).code;
}

static inline uint32_t create_account(rf_engine *engine, rf_money usd)
{
    rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    snprintf(command.u.account.label, RF_NAME_SIZE, "user%u", rf_accounts_count(engine));
    const rf_result result = apply(engine, &command, START_NS);
    assert_int_equal(result.code, RF_ERR_OK);
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = (uint32_t)result.id;
    deposit.u.money.currency = 1;
    deposit.u.money.amount = usd;
    if (usd > 0)
        assert_int_equal(apply(engine, &deposit, START_NS).code, RF_ERR_OK);
    return (uint32_t)result.id;
}

/* A limit order; isolated with leverage, or cross with leverage 0. */
static inline rf_result limit_order(rf_engine *engine, uint32_t account, uint32_t instrument,
                                    rf_side side, rf_qty qty, rf_price price, uint32_t leverage)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    rf_order_params *order = &command.u.order;
    order->account = account;
    order->instrument = (uint16_t)instrument;
    order->side = (uint8_t)side;
    order->type = RF_LIMIT;
    order->qty = qty;
    order->price = price;
    order->isolated_margin = -1;
    order->leverage = leverage;
    order->flags = (uint16_t)(RF_FLAG_OID_DEFAULTED | (leverage != 0 ? RF_FLAG_ISOLATED : 0));
    return apply(engine, &command, 0);
}

/* The seller rests, the buyer takes. Returns the buyer's isolation_id (0 if cross). */
static inline uint64_t trade(rf_engine *engine, uint32_t seller, uint32_t sell_leverage,
                             uint32_t buyer, uint32_t buy_leverage, uint32_t instrument, rf_qty qty,
                             rf_price price)
{
    assert_int_equal(
        limit_order(engine, seller, instrument, RF_SELL, qty, price, sell_leverage).code,
        RF_ERR_OK);
    const rf_result result =
        limit_order(engine, buyer, instrument, RF_BUY, qty, price, buy_leverage);
    assert_int_equal(result.code, RF_ERR_OK);
    assert_int_equal(result.filled_qty, qty);
    return result.isolation_id;
}

static inline rf_money cash_of(const rf_engine *engine, uint32_t account)
{
    rf_account_view view;
    assert_true(rf_view_account(engine, account, &view));
    return view.cash[0];
}

static inline rf_money wallet_of(const rf_engine *engine, uint64_t isolation_id)
{
    rf_position_view view;
    assert_true(rf_view_isolation(engine, isolation_id, &view));
    return view.wallet;
}

static inline rf_price mark_of(const rf_engine *engine, uint32_t instrument)
{
    rf_instrument_view view;
    assert_true(rf_view_instrument(engine, instrument, &view));
    return view.mark;
}

static inline void assert_invariants(const rf_engine *engine)
{
    rf_invariant rows[16];
    const size_t count = rf_engine_check(engine, rows, 16);
    assert_true(count > 0 && count <= 16);
    for (size_t i = 0; i < count; i++)
        if (!rows[i].ok)
            fail_msg("%s: %lld", rows[i].name, (long long)rows[i].residual);
}

#endif
