/* What a refused command leaves: nothing. And what the wire never lets through, but who embeds the engine can send. */
#include "tests/unit/commands.h"

static rf_engine *with_market(uint32_t accounts)
{
    rf_engine *engine = start_engine(accounts);
    const rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    for (uint32_t i = 1; i < accounts; i++)
        create_account(engine, 10000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    return engine;
}

static rf_error place(rf_engine *engine, rf_order_params params)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER, .u.order = params};
    return apply(engine, &command, 0).code;
}

static const rf_order_params plain = {.account = 1,
                                      .qty = 100,
                                      .price = 490000,
                                      .isolated_margin = -1,
                                      .flags = RF_FLAG_OID_DEFAULTED};

/* An isolation that an order would have opened is gone with the refusal, and so is the account's place on the
 * instrument: or else a few thousand refusals would use up all there are. */
static void refused_isolations_leave_nothing(void **state)
{
    (void)state;
    enum { ACCOUNTS = 200 };
    rf_engine *engine = with_market(ACCOUNTS);
    const uint32_t seats = engine->seats_used;
    for (uint32_t account = 1; account < ACCOUNTS; account++) {
        rf_order_params params = plain;
        params.account = account;
        params.flags |= RF_FLAG_ISOLATED;
        params.time_in_force = RF_IOC;
        const uint64_t order = engine->next_order, isolation = engine->next_isolation;
        assert_int_equal(place(engine, params), RF_ERR_IMMEDIATE_OR_CANCEL);
        assert_int_equal(engine->next_order, order);
        assert_int_equal(engine->next_isolation, isolation);
    }
    assert_int_equal(engine->seats_used, seats);
    assert_int_equal(engine->positions_used, 0);
    assert_int_equal(engine->orders_used, 0);
    assert_invariants(engine);
    free(engine);
}

static void amounts_that_are_none(void **state)
{
    (void)state;
    rf_engine *engine = with_market(4);
    rf_order_params params = plain;
    params.flags |= RF_FLAG_ISOLATED;
    const rf_money wrong[] = {0, -2, RF_AMOUNT_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        params.isolated_margin = wrong[i];
        assert_int_equal(place(engine, params), RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    }
    params.isolated_margin = 2000 * USD;
    assert_int_equal(place(engine, params), RF_ERR_OK);
    free(engine);
}

/* The first number that is nobody's, for each command that names an instrument; then a settled one. */
static void instruments_that_are_none(void **state)
{
    (void)state;
    static const rf_command_kind kinds[] = {RF_COMMAND_SET_MARK_PRICE, RF_COMMAND_CLEAR_MARK_PRICE,
                                            RF_COMMAND_SET_FUNDING_RATE, RF_COMMAND_SETTLE_FUNDING,
                                            RF_COMMAND_SETTLE_SESSION};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    rf_engine *engine = with_market(4);
    const rf_instrument_config config = fixture_config();
    rf_command update = {.kind = RF_COMMAND_UPDATE_INSTRUMENT};
    update.u.instrument.instrument = 1;
    update.u.instrument.config = &config;
    for (size_t i = 0; i < KINDS; i++)
        assert_int_equal(of_instrument(engine, kinds[i], 1, 500000, 100, true),
                         RF_ERR_INVALID_INSTRUMENT);
    assert_int_equal(set_state(engine, 1, RF_STATE_HALTED, 0), RF_ERR_INVALID_INSTRUMENT);
    assert_int_equal(apply(engine, &update, 0).code, RF_ERR_INVALID_INSTRUMENT);
    rf_order_params params = plain;
    params.instrument = 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_INSTRUMENT);
    assert_int_equal(set_state(engine, 0, RF_STATE_SETTLED, 500000), RF_ERR_OK);
    for (size_t i = 0; i < KINDS; i++)
        assert_int_equal(of_instrument(engine, kinds[i], 0, 500000, 100, true),
                         RF_ERR_INSTRUMENT_EXPIRED);
    assert_int_equal(set_state(engine, 0, RF_STATE_OPEN, 0), RF_ERR_INSTRUMENT_EXPIRED);
    update.u.instrument.instrument = 0;
    assert_int_equal(apply(engine, &update, 0).code, RF_ERR_INSTRUMENT_EXPIRED);
    assert_int_equal(place(engine, plain), RF_ERR_INSTRUMENT_NOT_TRADABLE);
    free(engine);
}

/* Each enumeration one beyond its last name. */
static void words_that_are_none(void **state)
{
    (void)state;
    rf_engine *engine = with_market(4);
    rf_order_params params = plain;
    params.side = RF_SELL + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_SIDE);
    params = plain;
    params.type = RF_TAKE_PROFIT_LIMIT + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_ORDTYPE);
    params = plain;
    params.time_in_force = RF_FOK + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_TIF);
    params = plain;
    params.type = RF_STOP_LOSS;
    params.ref_price = 480000;
    params.ref_price_type = RF_REF_LAST + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_REF_PRICE_TYPE);
    params = plain;
    params.stp = RF_STP_BOTH + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_EXECINST);
    params = plain;
    params.stp_scope = RF_STP_SCOPE_FAMILY + 1;
    assert_int_equal(place(engine, params), RF_ERR_INVALID_EXECINST);
    params = plain;
    params.account = 4;
    assert_int_not_equal(place(engine, params), RF_ERR_OK);
    params = plain;
    params.account = RF_FUND;
    assert_int_not_equal(place(engine, params), RF_ERR_OK);
    free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_isolations_leave_nothing),
        cmocka_unit_test(amounts_that_are_none),
        cmocka_unit_test(instruments_that_are_none),
        cmocka_unit_test(words_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
