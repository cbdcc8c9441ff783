/* A small random market for tests of the history: the same commands for the same seed, with
 * liquidations, takeovers, deleveraging, settlements, withdrawals and transfers among them.
 *
 * Promise: what it does next hangs on the seed and the state of the world only.
 *
 * May include: commands.h, venue/world.h. */
#ifndef RF_TESTS_HISTORY_MARKET_H
#define RF_TESTS_HISTORY_MARKET_H

#include "tests/unit/commands.h"

#include "api/json.h"
#include "venue/world.h"

enum { MARKET_ACCOUNTS = 8, MARKET_INSTRUMENTS = 2 };

typedef struct test_market {
    rf_world *world;
    fixture_random random;
    int64_t time_ns;
    rf_price marks[MARKET_INSTRUMENTS];
} test_market;

static const rf_limits market_limits = {.accounts_max = 16,
                                        .instruments_max = 4,
                                        .positions_max = 64,
                                        .orders_max = 4096,
                                        .recent_max = 512,
                                        .withdrawals_max = 64,
                                        .window_ticks = 4096,
                                        .watch_buckets = 4096};

static inline int64_t pick(test_market *market, int64_t count)
{
    return (int64_t)(fixture_next(&market->random) % (uint64_t)count);
}

static inline rf_result give(test_market *market, rf_command *command)
{
    rf_api *api = market->world->api;
    rf_result result = {0}, ignored;
    command->time_ns = market->time_ns;
    api->apply(api->apply_context, market->world->engine, command, &result);
    while (rf_engine_pending(market->world->engine)) {
        rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = market->time_ns};
        api->apply(api->apply_context, market->world->engine, &tick, &ignored);
    }
    return result;
}

static inline void give_mark(test_market *market, uint32_t instrument)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE};
    rf_price *mark = &market->marks[instrument];
    int64_t jump = pick(market, 12) == 0 ? 10 : 1;
    *mark += *mark * jump * (pick(market, 61) - 30) / 2000;
    *mark = rf_min(rf_max(*mark, 100000), 2000000);
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = *mark;
    give(market, &command);
}

static inline void give_deposit(test_market *market, uint32_t account, int64_t amount)
{
    rf_command command = {.kind = RF_COMMAND_DEPOSIT};
    command.u.money.account = account;
    command.u.money.currency = 1;
    command.u.money.amount = amount;
    give(market, &command);
}

/* The isolation of an account on an instrument; 0. */
static inline uint64_t isolation_on(test_market *market, uint32_t account, uint32_t instrument)
{
    rf_position_view rows[2 * MARKET_INSTRUMENTS];
    size_t count = rf_view_positions(market->world->engine, account, rows, 2 * MARKET_INSTRUMENTS);
    for (size_t i = 0; i < count; i++)
        if (rows[i].isolated && rows[i].instrument == instrument)
            return rows[i].isolation_id;
    return 0;
}

static inline void give_order(test_market *market, uint32_t account, uint32_t instrument)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    rf_order_params *order = &command.u.order;
    rf_price mark = market->marks[instrument];
    order->account = account;
    order->instrument = (uint16_t)instrument;
    order->side = (uint8_t)pick(market, 2);
    order->qty = 100 + pick(market, 20000);
    order->isolated_margin = -1;
    order->flags = RF_FLAG_OID_DEFAULTED;
    if (pick(market, 4) == 0) {
        order->type = RF_MARKET;
    } else {
        order->price = (mark + mark * (pick(market, 41) - 20) / 2000) / 5 * 5;
        order->time_in_force = (uint8_t)(pick(market, 6) == 0 ? RF_IOC : RF_GTC);
    }
    if (pick(market, 3)) {
        order->flags |= RF_FLAG_ISOLATED;
        order->isolation_id = isolation_on(market, account, instrument);
        order->leverage = order->isolation_id ? 0 : (uint32_t)(10 + pick(market, 41));
    } else if (pick(market, 10) == 0) {
        order->flags |= RF_FLAG_CLOSE | RF_FLAG_REDUCE_ONLY;
        order->qty = 0;
    }
    give(market, &command);
}

static inline void give_margin(test_market *market, uint32_t account, uint32_t instrument)
{
    rf_command command = {.kind = RF_COMMAND_MOVE_MARGIN};
    command.u.isolation.account = account;
    command.u.isolation.isolation_id = isolation_on(market, account, instrument);
    command.u.isolation.amount = (pick(market, 200) - 100) * USD;
    if (command.u.isolation.amount != 0)
        give(market, &command);
    command = (rf_command){.kind = RF_COMMAND_SET_LEVERAGE};
    command.u.isolation.account = account;
    command.u.isolation.isolation_id = isolation_on(market, account, instrument);
    command.u.isolation.leverage = (uint32_t)(5 + pick(market, 46));
    command.u.isolation.amount = -1;
    give(market, &command);
}

static inline void give_money(test_market *market, uint32_t account)
{
    rf_command command = {.kind = RF_COMMAND_REQUEST_WITHDRAWAL};
    command.u.money.account = account;
    command.u.money.currency = 1;
    command.u.money.amount = (1 + pick(market, 50)) * USD;
    rf_result result = give(market, &command);
    if (result.code == RF_ERR_OK && pick(market, 3)) {
        command = (rf_command){.kind = RF_COMMAND_DECIDE_WITHDRAWAL};
        command.u.money.id = result.id;
        command.u.money.approve = (uint32_t)pick(market, 2);
        give(market, &command);
    }
    command = (rf_command){.kind = RF_COMMAND_ADJUST};
    command.u.money.account = account;
    command.u.money.amount = (pick(market, 20) - 10) * USD + 1;
    give(market, &command);
}

static inline void give_house(test_market *market, uint32_t instrument)
{
    rf_command command = {.kind = RF_COMMAND_FUND_INSURANCE};
    command.u.money.currency = 1;
    command.u.money.amount = pick(market, 20) * USD + 1;
    give(market, &command);
    command = (rf_command){.kind = RF_COMMAND_SETTLE_FUNDING};
    command.u.instrument.instrument = instrument;
    command.u.instrument.rate = pick(market, 20001) - 10000;
    command.u.instrument.rate_given = 1;
    give(market, &command);
    command = (rf_command){.kind = RF_COMMAND_SETTLE_SESSION};
    command.u.instrument.instrument = instrument;
    give(market, &command);
}

static inline void start_market(test_market *market, rf_world *world, uint64_t seed)
{
    rf_instrument_config config = fixture_config();
    *market = (test_market){.world = world, .random = {seed}, .time_ns = START_NS};
    for (uint32_t i = 0; i < MARKET_INSTRUMENTS; i++) {
        rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
        config.name[0] = (char)('A' + i);
        config.settlement = RF_SETTLEMENT_HOURLY;
        config.fund_position_cap = 15000;
        config.funding_cap_rate = 1000000;
        config.price_band = 50000000;
        command.u.instrument.config = &config;
        assert_int_equal(give(market, &command).code, RF_ERR_OK);
        market->marks[i] = 500000;
    }
    for (uint32_t i = 1; i <= MARKET_ACCOUNTS; i++) {
        rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT};
        snprintf(command.u.account.label, RF_NAME_SIZE, "user%u", i);
        assert_int_equal(give(market, &command).code, RF_ERR_OK);
        give_deposit(market, i, 20000 * USD);
    }
    give_mark(market, 0);
    give_mark(market, 1);
}

/* One thing happens. */
static inline void go_on(test_market *market)
{
    uint32_t account = 1 + (uint32_t)pick(market, MARKET_ACCOUNTS);
    uint32_t instrument = (uint32_t)pick(market, MARKET_INSTRUMENTS);
    int64_t what = pick(market, 100);
    market->time_ns += pick(market, 4) * SECOND_NS;
    if (what < 70) {
        give_order(market, account, instrument);
    } else if (what < 82) {
        give_mark(market, instrument);
    } else if (what < 88) {
        give_margin(market, account, instrument);
    } else if (what < 91) {
        give_money(market, account);
    } else if (what < 93) {
        give_deposit(market, account, pick(market, 2000) * USD + 1);
    } else if (what < 94) {
        give_house(market, instrument);
    } else if (what < 96) {
        rf_command command = {.kind = RF_COMMAND_CANCEL_ORDERS};
        command.u.change.account = account;
        command.u.change.all = 2;
        command.u.change.instrument = -1;
        command.u.change.mode = -1;
        give(market, &command);
    } else {
        rf_command command = {.kind = RF_COMMAND_TICK};
        market->time_ns += pick(market, 900) * SECOND_NS;
        give(market, &command);
    }
}

/* A call as a script would make it; account 0: the operator. The answer with a NUL behind it. */
static inline rf_error ask(rf_world *world, uint32_t account, int64_t time_ns, const char *method,
                           const char *params, char *answer, size_t size)
{
    rf_json_token tokens[64];
    char text[1024], whole[1024];
    rf_json json;
    rf_bytes out;
    snprintf(whole, sizeof whole, "{\"params\":%s}", params);
    rf_bytes_init(&out, answer, size - 1, NULL);
    rf_json_init(&json, tokens, 64, text, sizeof text);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    const rf_request request = {
        .caller = {.door = account ? RF_DOOR_PRIVATE : RF_DOOR_OPERATOR, .account = account},
        .time_ns = time_ns,
        .id = 1,
        .oid = "1",
        .method = method,
        .json = &json,
        .params = rf_json_member(&json, 0, "params")};
    rf_error code = rf_api_call(world->api, &request, &out);
    assert_false(out.full);
    answer[out.size] = 0;
    return code;
}

#endif
