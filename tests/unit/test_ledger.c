/* The ledger: every move is between two slots, every currency adds up to nothing, events tell
 * who moved what. */
#include "tests/unit/engine_fixture.h"

#include "engine/ledger.h"

static rf_event seen[4];
static uint32_t seen_count;

static void note(void *context, const rf_event *event)
{
    (void)context;
    if (seen_count < 4)
        seen[seen_count] = *event;
    seen_count++;
}

/* Positions by hand: 1 is account 2's isolation number 7, 2 the fund's, 3 account 3's cross
 * position. */
static rf_engine *ledger_engine(void)
{
    rf_engine *engine = fixture_engine();
    engine->positions[1] = (rf_position){.account = 2, .id = 7, .flags = RF_POSITION_ISOLATED};
    engine->positions[2] = (rf_position){.account = RF_FUND};
    engine->positions[3] = (rf_position){.account = 3};
    engine->currencies_count = 4;
    seen_count = 0;
    rf_engine_set_sink(engine, (rf_sink){note, NULL});
    return engine;
}

static rf_wide sum_of(const rf_engine *engine, uint8_t currency)
{
    const rf_currency *slots = &engine->currencies[currency];
    rf_wide sum = (rf_wide)slots->world + slots->fees + slots->insurance + slots->rounding +
                  slots->withdrawals;
    for (uint32_t account = 0; account < FIXTURE_ACCOUNTS; account++)
        sum += *rf_main(engine, account, currency);
    if (currency == 0)
        sum += (rf_wide)engine->positions[1].wallet + engine->instruments[0].clearing;
    return sum;
}

static void slot_of_a_position(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    const rf_slot isolated = rf_slot_of_position(engine, 1);
    assert_int_equal(isolated.kind, RF_SLOT_ISOLATED);
    assert_int_equal(isolated.owner, 1);
    assert_int_equal(rf_slot_of_position(engine, 2).kind, RF_SLOT_INSURANCE);
    const rf_slot cross = rf_slot_of_position(engine, 3);
    assert_int_equal(cross.kind, RF_SLOT_MAIN);
    assert_int_equal(cross.owner, 3);
    fixture_free(engine);
}

static void each_slot_takes_and_gives(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    const rf_slot slots[] = {
        rf_slot_house(RF_SLOT_WORLD, 0),       rf_slot_main(1, 0),
        rf_slot_of_position(engine, 1),        rf_slot_house(RF_SLOT_FEES, 0),
        rf_slot_house(RF_SLOT_INSURANCE, 0),   rf_slot_house(RF_SLOT_ROUNDING, 0),
        rf_slot_house(RF_SLOT_WITHDRAWALS, 0), rf_slot_clearing(0),
    };
    const uint32_t count = sizeof slots / sizeof *slots;
    rf_money expected[sizeof slots / sizeof *slots] = {0};
    fixture_random random = {1};
    for (uint32_t step = 0; step < 100000; step++) {
        const uint32_t from = (uint32_t)fixture_range(&random, 0, count - 1);
        const uint32_t to = (uint32_t)fixture_range(&random, 0, count - 1);
        const rf_money amount = fixture_range(&random, -1000000000000, 1000000000000);
        if (from == to)
            continue;
        if ((step & 1) != 0)
            rf_ledger_post(engine, slots[from], slots[to], amount, RF_REASON_ADJUSTMENT, 0);
        else
            rf_ledger_post_quiet(engine, slots[from], slots[to], amount);
        expected[from] -= amount;
        expected[to] += amount;
        assert_true(rf_ledger_balance(engine, slots[from]) == expected[from]);
        assert_true(rf_ledger_balance(engine, slots[to]) == expected[to]);
    }
    assert_true(sum_of(engine, 0) == 0);
    assert_true(engine->positions[1].wallet == expected[2]);
    assert_true(engine->instruments[0].clearing == expected[7]);
    assert_int_equal(engine->positions[3].wallet, 0);
    assert_true(*rf_main(engine, 2, 0) == 0);
    fixture_free(engine);
}

static void quiet_moves_and_nothing_have_no_event(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    rf_ledger_post_quiet(engine, rf_slot_main(1, 0), rf_slot_main(2, 0), 5);
    rf_ledger_post(engine, rf_slot_main(1, 0), rf_slot_main(2, 0), 0, RF_REASON_ADJUSTMENT, 0);
    assert_int_equal(seen_count, 0);
    assert_true(*rf_main(engine, 1, 0) == -5 && *rf_main(engine, 2, 0) == 5);
    fixture_free(engine);
}

static void event_of_one_user(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    rf_ledger_post(engine, rf_slot_clearing(0), rf_slot_main(3, 0), 250, RF_REASON_REALIZED_PNL,
                   44);
    assert_int_equal(seen_count, 1);
    assert_int_equal(seen[0].kind, RF_EVENT_LEDGER);
    assert_int_equal(seen[0].account, 3);
    assert_true(seen[0].isolation_id == 0 && seen[0].value == 0);
    assert_int_equal(seen[0].slot_from, RF_SLOT_CLEARING);
    assert_int_equal(seen[0].slot_to, RF_SLOT_MAIN);
    assert_true(seen[0].amount == 250 && seen[0].order_id == 44);
    assert_int_equal(seen[0].reason, RF_REASON_REALIZED_PNL);
    fixture_free(engine);
}

/* What is negative is told as a positive move the other way. */
static void event_of_a_negative_amount(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_FEES, 0), rf_slot_of_position(engine, 1), -9,
                   RF_REASON_FEE, 0);
    assert_int_equal(seen[0].slot_from, RF_SLOT_ISOLATED);
    assert_int_equal(seen[0].slot_to, RF_SLOT_FEES);
    assert_true(seen[0].amount == 9 && seen[0].isolation_id == 7);
    assert_int_equal(seen[0].account, 2);
    assert_true(engine->positions[1].wallet == -9 && engine->currencies[0].fees == 9);
    fixture_free(engine);
}

static void event_between_users(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    const rf_slot fence = rf_slot_of_position(engine, 1);
    rf_ledger_post(engine, rf_slot_main(2, 0), fence, 100, RF_REASON_ISOLATED_TRANSFER, 0);
    rf_ledger_post(engine, fence, rf_slot_main(2, 0), 60, RF_REASON_ISOLATED_TRANSFER, 0);
    rf_ledger_post(engine, rf_slot_main(2, 0), rf_slot_main(5, 0), 1, RF_REASON_SUBACCOUNT, 0);
    assert_int_equal(seen_count, 3);
    assert_true(seen[0].isolation_id == 7 && seen[0].value == 0);
    assert_true(seen[1].isolation_id == 0 && seen[1].value == 7);
    assert_int_equal(seen[2].account, 5);
    assert_int_equal(seen[2].peer, 2);
    fixture_free(engine);
}

static void other_currencies_are_noted(void **state)
{
    (void)state;
    rf_engine *engine = ledger_engine();
    const rf_slot world = rf_slot_house(RF_SLOT_WORLD, 3);
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, 0), rf_slot_main(1, 0), 10,
                   RF_REASON_DEPOSIT, 0);
    assert_int_equal(engine->accounts[1].holds_collateral, 0);
    rf_ledger_post(engine, world, rf_slot_main(1, 3), 10, RF_REASON_DEPOSIT, 0);
    assert_int_equal(engine->accounts[1].holds_collateral, 1);
    rf_ledger_post(engine, rf_slot_main(1, 3), rf_slot_main(4, 3), 10, RF_REASON_SUBACCOUNT, 0);
    assert_int_equal(engine->accounts[1].holds_collateral, 0);
    assert_int_equal(engine->accounts[4].holds_collateral, 1);
    assert_int_equal(seen[2].currency, 3);
    assert_true(sum_of(engine, 3) == 0 && sum_of(engine, 0) == 0);
    fixture_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slot_of_a_position),
        cmocka_unit_test(each_slot_takes_and_gives),
        cmocka_unit_test(quiet_moves_and_nothing_have_no_event),
        cmocka_unit_test(event_of_one_user),
        cmocka_unit_test(event_of_a_negative_amount),
        cmocka_unit_test(event_between_users),
        cmocka_unit_test(other_currencies_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
