/* One short story in which everything happens once, and what the engine tells of it: each kind of event is emitted,
 * with the fields that engine/event.def names. */
#include "base/types.h"
#include "include/ringfence.h"
#include "tests/unit/small.h"

enum { EVENTS_MAX = 4096, HOUR_S = 3600 };

static rf_engine *engine;
static rf_event events[EVENTS_MAX]; /* of the last call of apply, all its TICKs included */
static size_t events_count;
static int64_t now_ns;
static uint16_t btc;
static uint32_t alice, bob;

/* ---- The machinery ------------------------------------------------------------------------------------ */

static void on_event(void *context, const rf_event *event)
{
    (void)context;
    assert_true(events_count < EVENTS_MAX);
    events[events_count++] = *event;
}

static rf_result try(rf_command command)
{
    rf_result result;
    events_count = 0;
    command.time_ns = now_ns;
    rf_engine_apply(engine, &command, &result);
    const rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = now_ns};
    while (rf_engine_pending(engine)) {
        rf_result ignored;
        rf_engine_apply(engine, &tick, &ignored);
    }
    return result;
}

static rf_result apply(rf_command command)
{
    const rf_result result = try(command);
    if (result.code != RF_ERR_OK)
        print_error("refused: %s\n", rf_error_name(result.code));
    assert_int_equal(result.code, RF_ERR_OK);
    return result;
}

/* The n-th event (from 0) of a kind in what the last call told. */
static const rf_event *event_of(rf_event_kind kind, size_t n)
{
    for (size_t i = 0; i < events_count; i++)
        if (events[i].kind == kind && n-- == 0)
            return &events[i];
    print_error("event %d missing\n", (int)kind);
    fail();
    return NULL;
}

static const rf_event *only(rf_event_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < events_count; i++)
        count += events[i].kind == kind;
    if (count != 1)
        print_error("event %d: %zu of them\n", (int)kind, count);
    assert_int_equal(count, 1);
    return event_of(kind, 0);
}

static int64_t usd(int64_t dollars)
{
    return dollars * RF_E8;
}

/* ---- Commands in short ---------------------------------------------------------------------------------- */

static uint32_t open_account(const char *label, int64_t dollars)
{
    rf_command create = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    strncpy(create.u.account.label, label, sizeof create.u.account.label - 1);
    const uint32_t account = (uint32_t)apply(create).id;
    assert_int_equal(only(RF_EVENT_ACCOUNT_CREATED)->account, account);
    assert_int_equal(only(RF_EVENT_ACCOUNT_CREATED)->peer, 0);
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = account;
    deposit.u.money.currency = 1;
    deposit.u.money.amount = usd(dollars);
    apply(deposit);
    return account;
}

/* Prices with one decimal, quantities with four: dollars and hundredths of a BTC are whole. */
static rf_command order(uint32_t account, rf_side side, int64_t dollars, int64_t hundredths,
                        int flags)
{
    rf_command place = {.kind = RF_COMMAND_PLACE_ORDER};
    place.u.order.account = account;
    place.u.order.instrument = btc;
    place.u.order.side = (uint8_t)side;
    place.u.order.flags = (uint16_t)flags;
    place.u.order.price = dollars * 10;
    place.u.order.qty = hundredths * 100;
    place.u.order.isolated_margin = -1;
    return place;
}

static rf_command isolated(uint32_t account, rf_side side, int64_t dollars, int64_t hundredths,
                           uint32_t leverage)
{
    rf_command place = order(account, side, dollars, hundredths, RF_FLAG_ISOLATED);
    place.u.order.leverage = leverage;
    return place;
}

static rf_command instrument_command(rf_command_kind kind)
{
    rf_command command = {.kind = kind};
    command.u.instrument.instrument = btc;
    return command;
}

static void mark(int64_t dollars)
{
    rf_command set = instrument_command(RF_COMMAND_SET_MARK_PRICE);
    set.u.instrument.price = dollars * 10;
    apply(set);
}

static rf_command cancel(uint32_t account, uint64_t order_id)
{
    rf_command command = {.kind = RF_COMMAND_CANCEL_ORDER};
    command.u.change.account = account;
    command.u.change.order_id = order_id;
    command.u.change.instrument = -1;
    command.u.change.mode = -1;
    return command;
}

static int start(void **state)
{
    (void)state;
    const rf_limits limits = {.accounts_max = 16,
                              .instruments_max = 2,
                              .positions_max = 64,
                              .orders_max = 256,
                              .recent_max = 256,
                              .withdrawals_max = 16,
                              .window_ticks = 4096,
                              .watch_buckets = 4096};
    engine = new_engine(&limits);
    rf_engine_set_sink(engine, (rf_sink){on_event, NULL});
    now_ns = (int64_t)1700000000 * 1000000000;

    rf_instrument_config config = bitcoin_perp();
    config.maker_fee_rate = 25000;
    config.taker_fee_rate = 40000;
    config.liquidation_fee_rate = 500000;
    config.settlement = RF_SETTLEMENT_HOURLY;
    rf_command list = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    list.u.instrument.config = &config;
    btc = (uint16_t)apply(list).id;
    assert_int_equal(only(RF_EVENT_INSTRUMENT_CREATED)->instrument, btc);
    alice = open_account("alice", 100000);
    bob = open_account("bob", 1000000);
    mark(50000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(engine);
    return 0;
}

/* ---- The story ------------------------------------------------------------------------------------------- */

static void listings_and_accounts(void **state)
{
    (void)state;
    rf_command gold = {.kind = RF_COMMAND_CREATE_CURRENCY};
    strcpy(gold.u.currency.name, "GOLD");
    gold.u.currency.kind = RF_CURRENCY_COLLATERAL;
    gold.u.currency.cap = -1;
    const uint64_t number = apply(gold).id;
    assert_int_equal(only(RF_EVENT_CURRENCY_CREATED)->currency, number);
    assert_int_equal(only(RF_EVENT_CURRENCY_CREATED)->code, RF_CURRENCY_COLLATERAL);

    rf_command post_only = instrument_command(RF_COMMAND_SET_INSTRUMENT_STATE);
    post_only.u.instrument.state = RF_STATE_POST_ONLY;
    apply(post_only);
    assert_int_equal(only(RF_EVENT_INSTRUMENT_CHANGED)->code, RF_STATE_POST_ONLY);

    rf_command fees = {.kind = RF_COMMAND_SET_FEES};
    fees.u.account.account = alice;
    fees.u.account.maker_fee_rate = 10000;
    fees.u.account.taker_fee_rate = 20000;
    apply(fees);
    assert_int_equal(only(RF_EVENT_ACCOUNT_CHANGED)->account, alice);
}

static void money(void **state)
{
    (void)state;
    rf_command request = {.kind = RF_COMMAND_REQUEST_WITHDRAWAL};
    request.u.money.account = alice;
    request.u.money.currency = 1;
    request.u.money.amount = usd(500);
    const uint64_t id = apply(request).id;
    const rf_event *told = only(RF_EVENT_WITHDRAWAL_REQUESTED);
    assert_int_equal(told->id, id);
    assert_int_equal(told->amount, usd(500));
    assert_int_equal(told->value, usd(500));
    const rf_event *entry = only(RF_EVENT_LEDGER);
    assert_int_equal(entry->slot_from, RF_SLOT_MAIN);
    assert_int_equal(entry->slot_to, RF_SLOT_WITHDRAWALS);
    assert_int_equal(entry->account, alice);
    assert_int_equal(entry->amount, usd(500));
    assert_int_equal(entry->reason, RF_REASON_WITHDRAWAL);

    rf_command approve = {.kind = RF_COMMAND_DECIDE_WITHDRAWAL};
    approve.u.money.id = id;
    approve.u.money.approve = 1;
    apply(approve);
    assert_int_equal(only(RF_EVENT_WITHDRAWAL_DECIDED)->code, 1);
    assert_int_equal(only(RF_EVENT_LEDGER)->slot_to, RF_SLOT_WORLD);
}

/* A coin below par: the ledger is told in USD, the deposit in what came. */
static void deposits(void **state)
{
    (void)state;
    rf_command coin = {.kind = RF_COMMAND_CREATE_CURRENCY};
    strcpy(coin.u.currency.name, "HALF");
    coin.u.currency.kind = RF_CURRENCY_USD_STABLE;
    coin.u.currency.factor = 50000000;
    coin.u.currency.cap = -1;
    const uint64_t number = apply(coin).id;
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = alice;
    deposit.u.money.currency = (uint32_t)number;
    deposit.u.money.amount = usd(7);
    apply(deposit);
    const rf_event *told = only(RF_EVENT_DEPOSITED);
    assert_int_equal(told->account, alice);
    assert_int_equal(told->currency, number);
    assert_int_equal(told->amount, usd(7));
    assert_int_equal(told->value, usd(7) / 2);
    const rf_event *entry = only(RF_EVENT_LEDGER);
    assert_int_equal(entry->currency, 0);
    assert_int_equal(entry->amount, usd(7) / 2);
}

static void prices(void **state)
{
    (void)state;
    rf_command feed = {.kind = RF_COMMAND_SET_INDEX_PRICE};
    feed.u.index.index = (uint32_t)rf_find_index(engine, "BTCUSD-INDEX");
    feed.u.index.price_e8 = usd(50001);
    strcpy(feed.u.index.source, "venue");
    apply(feed);
    assert_int_equal(only(RF_EVENT_INDEX_PRICE)->price, usd(50001));
    assert_int_equal(only(RF_EVENT_INDEX_PRICE)->code, 1);
    mark(50002);
    assert_int_equal(only(RF_EVENT_MARK_PRICE)->price, 500020);
}

static void orders_and_fills(void **state)
{
    (void)state;
    const uint64_t bid = apply(order(bob, RF_BUY, 49000, 10, 0)).order_id;
    assert_int_equal(only(RF_EVENT_ORDER_PLACED)->order_id, bid);
    assert_int_equal(only(RF_EVENT_ORDER_PLACED)->qty, 1000);
    assert_int_equal(only(RF_EVENT_ORDER_OPENED)->price, 490000);
    assert_int_equal(only(RF_EVENT_ORDER_OPENED)->leaves, 1000);

    rf_command amend = cancel(bob, bid);
    amend.kind = RF_COMMAND_AMEND_ORDER;
    amend.u.change.price = 490000;
    amend.u.change.qty = 800;
    apply(amend);
    const rf_event *amended = only(RF_EVENT_ORDER_AMENDED);
    assert_int_equal(amended->leaves, 800);
    assert_int_equal(amended->qty, 1000);
    assert_int_equal(amended->code, 1); /* less quantity at the same price keeps its place */

    apply(cancel(bob, bid));
    assert_int_equal(only(RF_EVENT_ORDER_CLOSED)->value, RF_ORDER_CANCELED);
    assert_int_equal(only(RF_EVENT_ORDER_CLOSED)->leaves, 800);

    apply(order(bob, RF_SELL, 50000, 10, 0));
    apply(order(alice, RF_BUY, 50000, 10, 0));
    /* Both sides of one match: same id, the taker says so, fees of 0.04 % and 0.025 % on 5,000. */
    const rf_event *one = event_of(RF_EVENT_FILL, 0), *other = event_of(RF_EVENT_FILL, 1);
    assert_int_equal(one->id, other->id);
    const rf_event *taker = one->code == 1 ? one : other, *maker = one->code == 1 ? other : one;
    assert_int_equal(taker->account, alice);
    assert_int_equal(taker->peer, bob);
    assert_int_equal(taker->fee, usd(2));
    assert_int_equal(taker->amount, usd(5000));
    assert_int_equal(maker->account, bob);
    assert_int_equal(maker->fee, usd(5) / 4);
    assert_int_equal(maker->amount, -usd(5000));
}

static void triggers_and_lists(void **state)
{
    (void)state;
    rf_command stop_loss = order(alice, RF_SELL, 0, 10, 0);
    stop_loss.u.order.type = RF_STOP_LOSS;
    stop_loss.u.order.ref_price = 490000;
    const uint64_t id = apply(stop_loss).order_id;
    assert_int_equal(only(RF_EVENT_ORDER_ARMED)->order_id, id);
    assert_int_equal(only(RF_EVENT_ORDER_ARMED)->value, 490000);
    mark(49000);
    assert_int_equal(only(RF_EVENT_ORDER_TRIGGERED)->order_id, id);

    rf_order_params legs[2] = {order(bob, RF_BUY, 48000, 10, 0).u.order, stop_loss.u.order};
    legs[1].account = bob;
    legs[1].side = RF_BUY;
    legs[1].ref_price = 520000;
    rf_command oco = {.kind = RF_COMMAND_PLACE_LIST};
    oco.u.list.legs = legs;
    oco.u.list.legs_count = 2;
    oco.u.list.contingency = RF_LIST_OCO;
    oco.u.list.account = bob;
    const uint64_t list = apply(oco).list_id;
    assert_int_equal(only(RF_EVENT_LIST_CREATED)->id, list);
    assert_int_equal(only(RF_EVENT_LIST_CREATED)->code, RF_LIST_OCO);
    rf_command end = {.kind = RF_COMMAND_CANCEL_LIST};
    end.u.list.account = bob;
    end.u.list.list_id = list;
    apply(end);
    assert_int_equal(only(RF_EVENT_LIST_ENDED)->id, list);
}

static void isolation_from_first_to_last(void **state)
{
    (void)state;
    apply(order(bob, RF_SELL, 50000, 10, 0));
    const uint64_t id = apply(isolated(alice, RF_BUY, 50000, 10, 10)).isolation_id;
    assert_int_equal(only(RF_EVENT_ISOLATION_OPENED)->isolation_id, id);
    assert_int_equal(only(RF_EVENT_ISOLATION_OPENED)->value, 10);

    rf_command faster = {.kind = RF_COMMAND_SET_LEVERAGE};
    faster.u.isolation.account = alice;
    faster.u.isolation.isolation_id = id;
    faster.u.isolation.leverage = 20;
    apply(faster);
    assert_int_equal(only(RF_EVENT_LEVERAGE_CHANGED)->value, 20);
    assert_int_equal(only(RF_EVENT_LEVERAGE_CHANGED)->qty, 10);

    apply(order(bob, RF_BUY, 50000, 10, 0));
    rf_command close = order(alice, RF_SELL, 50000, 10, RF_FLAG_REDUCE_ONLY | RF_FLAG_ISOLATED);
    close.u.order.isolation_id = id;
    apply(close);
    /* In: 500 margin, 27 reserve, 2 fee of the order's own reserve; out: what two fees of 2 left. */
    const rf_event *closed = only(RF_EVENT_ISOLATION_CLOSED);
    assert_int_equal(closed->isolation_id, id);
    assert_int_equal(closed->fee, usd(529));
    assert_int_equal(closed->amount, usd(525));
    assert_int_equal(closed->realized, closed->amount);
}

static void settlements(void **state)
{
    (void)state;
    apply(order(bob, RF_SELL, 50000, 10, 0));
    apply(order(alice, RF_BUY, 50000, 10, 0));
    mark(51000);
    rf_command funding = instrument_command(RF_COMMAND_SETTLE_FUNDING);
    funding.u.instrument.rate = 10000;
    funding.u.instrument.rate_given = 1;
    apply(funding);
    assert_int_equal(only(RF_EVENT_FUNDING_SETTLED)->value, 10000);
    assert_int_equal(only(RF_EVENT_FUNDING_SETTLED)->price, 510000);

    apply(instrument_command(RF_COMMAND_SETTLE_SESSION));
    assert_int_equal(only(RF_EVENT_SESSION_SETTLED)->price, 510000);
    for (size_t i = 0; i < 2; i++) {
        const rf_event *settled = event_of(RF_EVENT_POSITION_SETTLED, i);
        const int64_t sign = settled->account == alice ? 1 : -1;
        assert_int_equal(settled->amount, sign * usd(5100));
        assert_int_equal(settled->realized, sign * usd(100));
    }

    /* Five hours on, the rate of a four-hour interval has been fixed. */
    now_ns += (int64_t)5 * HOUR_S * 1000000000;
    apply((rf_command){.kind = RF_COMMAND_TICK});
    assert_int_equal(event_of(RF_EVENT_FUNDING_RATE, 0)->instrument, btc);
}

static void liquidation_in_the_book_and_recovery(void **state)
{
    (void)state;
    apply(order(bob, RF_SELL, 50000, 10, 0));
    const uint64_t id = apply(isolated(alice, RF_BUY, 50000, 10, 50)).isolation_id;
    apply(order(bob, RF_BUY, 49500, 10, 0));
    mark(49200);
    const rf_event *started = only(RF_EVENT_LIQUIDATION_STARTED);
    assert_int_equal(started->isolation_id, id);
    assert_int_equal(started->price, 492000);
    assert_int_equal(started->qty, 1000);
    assert_true(started->amount < started->value);
    const rf_event *ended = only(RF_EVENT_LIQUIDATION_ENDED);
    assert_int_equal(ended->qty, 1000);
    assert_int_equal(ended->value, 0);
    assert_int_equal(ended->leaves, 0);
    assert_int_equal(ended->realized, 0);
    assert_true(ended->amount > 0);

    /* An isolation below maintenance only because of its own resting order. */
    mark(50000);
    apply(order(bob, RF_SELL, 50000, 10, 0));
    const uint64_t next = apply(isolated(alice, RF_BUY, 50000, 10, 10)).isolation_id;
    rf_command more = order(alice, RF_BUY, 49000, 100, RF_FLAG_ISOLATED);
    more.u.order.isolation_id = next;
    apply(more);
    mark(500);
    assert_int_equal(event_of(RF_EVENT_LIQUIDATION_STARTED, 0)->isolation_id, next);
    assert_int_equal(only(RF_EVENT_LIQUIDATION_RECOVERED)->isolation_id, next);
}

static void takeover_and_socialised_loss(void **state)
{
    (void)state;
    rf_command fund = {.kind = RF_COMMAND_FUND_INSURANCE};
    fund.u.money.currency = 1;
    fund.u.money.amount = usd(1000);
    apply(fund);
    apply(order(bob, RF_SELL, 50000, 10, 0));
    const uint64_t id = apply(isolated(alice, RF_BUY, 50000, 10, 50)).isolation_id;
    mark(49200); /* nobody buys: the fund takes it */
    const rf_event *moved = only(RF_EVENT_POSITION_MOVED);
    assert_int_equal(moved->isolation_id, id);
    assert_int_equal(moved->qty, -1000);
    assert_int_equal(moved->code, 1);
    assert_int_equal(moved->peer, 0);
    assert_int_equal(only(RF_EVENT_LIQUIDATION_ENDED)->value, 1000);

    /* The fund loses more than it has with that position; the next settlement's winners pay. */
    mark(30000);
    apply(instrument_command(RF_COMMAND_SETTLE_SESSION));
    const rf_event *shared = only(RF_EVENT_SOCIALIZED_LOSS);
    assert_true(shared->amount > 0);
    assert_in_range(shared->value - shared->amount, 0, 16);
}

/* ---- And what a driver of the engine gets wrong ----------------------------------------------------- */

static void bounds_and_time(void **state)
{
    (void)state;
    rf_command create = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    rf_result result;
    uint32_t opened = 3; /* the fund, alice, bob */
    do {
        create.u.account.label[0] = (char)('a' + opened);
        result = try(create);
        opened++;
    } while (result.code == RF_ERR_OK);
    assert_int_equal(result.code, RF_ERR_ERR_INTERNAL);
    assert_int_equal(opened, 17); /* the seventeenth does not fit */
    assert_int_equal(rf_accounts_count(engine), 16);

    now_ns -= 1;
    assert_int_equal(try((rf_command){.kind = RF_COMMAND_TICK}).code, RF_ERR_INVALID_DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listings_and_accounts, start, stop),
        cmocka_unit_test_setup_teardown(money, start, stop),
        cmocka_unit_test_setup_teardown(deposits, start, stop),
        cmocka_unit_test_setup_teardown(prices, start, stop),
        cmocka_unit_test_setup_teardown(orders_and_fills, start, stop),
        cmocka_unit_test_setup_teardown(triggers_and_lists, start, stop),
        cmocka_unit_test_setup_teardown(isolation_from_first_to_last, start, stop),
        cmocka_unit_test_setup_teardown(settlements, start, stop),
        cmocka_unit_test_setup_teardown(liquidation_in_the_book_and_recovery, start, stop),
        cmocka_unit_test_setup_teardown(takeover_and_socialised_loss, start, stop),
        cmocka_unit_test_setup_teardown(bounds_and_time, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
