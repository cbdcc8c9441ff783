/* Loading a snapshot: what it holds must be a state, and the one stream of that state. Wrong states write themselves
 * here with right checksums; what no state can write is forged in the bytes. Random forgeries: rf_sim --forge. */
#include "tests/unit/commands.h"

#include "engine/digest.h"
#include "engine/instrument.h"
#include "engine/position.h"
#include "tests/tape.h"

enum { ACCOUNTS = 200, FIRST = 1, SECOND = 2 };

/* Two orders a side for account 1, a trade between 2 and 3, an isolation of 4, stops of 2. */
static rf_engine *small_market(void)
{
    rf_engine *engine = start_engine(ACCOUNTS + 8);
    const rf_instrument_config config = fixture_config();
    assert_int_equal(create_instrument(engine, &config), RF_ERR_OK);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        create_account(engine, 1000000 * USD);
    assert_int_equal(set_mark(engine, 0, 500000), RF_ERR_OK);
    trade(engine, 3, 0, SECOND, 0, 0, 1000, 500000);
    trade(engine, 3, 0, 4, 10, 0, 1000, 500000);
    assert_int_equal(limit_order(engine, FIRST, 0, RF_BUY, 100, 499000, 0).code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, FIRST, 0, RF_BUY, 100, 498000, 0).code, RF_ERR_OK);
    assert_int_equal(limit_order(engine, FIRST, 0, RF_SELL, 100, 501000, 0).code, RF_ERR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        rf_command stop = {.kind = RF_COMMAND_PLACE_ORDER};
        stop.u.order = (rf_order_params){.account = SECOND,
                                         .side = RF_SELL,
                                         .type = RF_STOP_LOSS,
                                         .qty = 100,
                                         .ref_price = 400000 + i,
                                         .ref_price_type = RF_REF_MARK,
                                         .isolated_margin = -1,
                                         .flags = RF_FLAG_OID_DEFAULTED | RF_FLAG_REDUCE_ONLY};
        assert_int_equal(apply(engine, &stop, 0).code, RF_ERR_OK);
    }
    assert_invariants(engine);
    return engine;
}

static rf_position *position_of(rf_engine *engine, uint32_t account, bool isolated)
{
    const uint32_t position = rf_position_find(engine, account, 0, isolated);
    assert_int_not_equal(position, RF_NONE);
    return &engine->positions[position];
}

/* NULL: the stream is accepted. It is written again then, and must be the same. */
static const char *verdict(tape *saved)
{
    const char *error = NULL;
    rf_engine *loaded = start_engine(ACCOUNTS + 8);
    saved->at = 0;
    if (rf_engine_load(loaded, tape_read, saved, &error)) {
        tape again = {0};
        assert_true(rf_engine_save(loaded, tape_write, &again));
        assert_int_equal(again.size, saved->size);
        assert_memory_equal(again.bytes, saved->bytes, again.size);
        assert_invariants(loaded);
        error = NULL;
        free(again.bytes);
    }
    free(loaded);
    return error;
}

static void assert_refused(rf_engine *engine, const char *sentence)
{
    tape saved = {0};
    assert_true(rf_engine_save(engine, tape_write, &saved));
    const char *error = verdict(&saved);
    free(saved.bytes);
    free(engine);
    if (!error)
        fail_msg("accepted, where this was wrong: %s", sentence);
    assert_string_equal(error, sentence);
}

/* ---- States that are none ---------------------------------------------------------------------- */

static void accepts_what_is_right(void **state)
{
    (void)state;
    tape saved = {0};
    rf_engine *engine = small_market();
    assert_true(rf_engine_save(engine, tape_write, &saved));
    assert_null(verdict(&saved));
    free(saved.bytes);
    free(engine);
}

static void balances_add_up(void **state)
{
    (void)state;
    const char *sentence = "the balances of a currency do not add up to nothing";
    rf_engine *engine = small_market();
    (*rf_main(engine, FIRST, 0))++;
    assert_refused(engine, sentence);
    engine = small_market();
    engine->currencies[0].fees++;
    assert_refused(engine, sentence);
    engine = small_market();
    engine->currencies[1].world++;
    assert_refused(engine, sentence);
    engine = small_market();
    position_of(engine, 4, true)->wallet++;
    assert_refused(engine, sentence);
}

static void positions_add_up(void **state)
{
    (void)state;
    rf_engine *engine = small_market();
    position_of(engine, SECOND, false)->q++;
    assert_refused(engine, "what is long is not short elsewhere");
    engine = small_market();
    position_of(engine, SECOND, false)->cost++;
    assert_refused(engine, "positions do not add up to what they cost");
    engine = small_market();
    engine->instruments[0].clearing++;
    assert_refused(engine, "positions do not add up to what they cost");
}

/* One of two positions was closed at the settlement price, the rest waits for a TICK. */
static rf_engine *half_closed(void)
{
    rf_engine *engine = small_market();
    rf_position *closed = position_of(engine, SECOND, false);
    closed->q = closed->cost = closed->cost_user = 0;
    engine->instruments[0].state = RF_STATE_SETTLED;
    engine->instruments[0].settlement_price = 500000;
    engine->work.stage = RF_HOUR_CLOSE;
    return engine;
}

static void a_settlement_may_be_under_way(void **state)
{
    (void)state;
    tape saved = {0};
    rf_engine *engine = half_closed();
    assert_true(rf_engine_save(engine, tape_write, &saved));
    assert_null(verdict(&saved));
    free(saved.bytes);
    free(engine);
    engine = half_closed();
    engine->instruments[0].settlement_price++;
    assert_refused(engine, "positions do not add up to what they cost");
    engine = half_closed();
    engine->work.stage = RF_HOUR_IDLE;
    assert_refused(engine, "what is long is not short elsewhere");
}

static void a_position_is_one(void **state)
{
    (void)state;
    rf_engine *engine = small_market();
    position_of(engine, FIRST, false)->wallet = 1;
    (*rf_main(engine, FIRST, 0))--;
    assert_refused(engine, "a position is out of range");
    engine = small_market();
    position_of(engine, FIRST, false)->cost_user = 1;
    assert_refused(engine, "a position is out of range");
    engine = small_market();
    rf_position_open(engine, 5, 0, false, 0);
    assert_refused(engine, "nothing is left of a position");
    engine = small_market();
    rf_position_open(engine, 5, 0, true, 10);
    assert_refused(engine, "nothing is left of a position");
    engine = small_market();
    position_of(engine, 4, true)->flags = 0;
    assert_refused(engine, "a position is out of range");
}

/* The younger of two neighbours in a list first. */
static void swap_first_two(rf_engine *engine, uint32_t *head)
{
    const uint32_t first = *head, second = engine->orders[first].own_next;
    engine->orders[first].own_next = engine->orders[second].own_next;
    engine->orders[second].own_next = first;
    *head = second;
}

static void nothing_is_there_twice(void **state)
{
    (void)state;
    rf_engine *engine = small_market();
    const uint64_t id = trade(engine, 3, 0, 6, 10, 0, 1000, 500000);
    position_of(engine, 4, true)->id = id;
    assert_refused(engine, "a position has no place, or stands there twice");
    engine = small_market();
    const uint32_t *orders = position_of(engine, FIRST, false)->orders;
    engine->orders[orders[RF_SELL]].id = engine->orders[orders[RF_BUY]].id;
    assert_refused(engine, "an order stands there twice");
    engine = small_market(); /* an id of another account's order */
    engine->orders[position_of(engine, SECOND, false)->triggers].id =
        engine->orders[position_of(engine, FIRST, false)->orders[RF_SELL]].id;
    assert_refused(engine, "an order stands there twice");
    engine = small_market(); /* the id of an order that is still there */
    engine->recents[0].hot.id =
        engine->orders[position_of(engine, FIRST, false)->orders[RF_BUY]].id;
    assert_refused(engine, "an order stands there twice");
    engine = small_market();
    engine->positions_cold[engine->instruments[0].positions_first].age = 4;
    assert_refused(engine, "positions do not stand by age");
}

static void orders_stand_in_order(void **state)
{
    (void)state;
    const char *sentence = "a position's orders do not stand in their order";
    rf_engine *engine = small_market();
    swap_first_two(engine, &position_of(engine, FIRST, false)->orders[RF_BUY]);
    assert_refused(engine, sentence);
    engine = small_market();
    swap_first_two(engine, &position_of(engine, SECOND, false)->triggers);
    assert_refused(engine, sentence);
}

static void queues_hold_what_fits(void **state)
{
    (void)state;
    rf_engine *engine = small_market();
    /* The one that waits stands in the queue of the armed ones, the one that is armed does not. */
    const uint32_t first = position_of(engine, SECOND, false)->triggers;
    engine->orders[first].state = RF_STATE_WAITING;
    engine->orders[first].level_next = RF_NONE;
    assert_refused(engine, "a queue names an order that is not there");
}

static void a_currency_has_its_index(void **state)
{
    (void)state;
    rf_engine *engine = small_market();
    engine->currencies[1].kind = RF_CURRENCY_COLLATERAL;
    assert_refused(engine, "a currency names an index that is not there");
    engine = small_market();
    engine->instruments[0].index = UINT32_MAX;
    assert_refused(engine, "an instrument names an index that is not there");
}

/* Who owes USD against a coin and holds no position is found by the coin's index alone. */
static void debtors_are_watched(void **state)
{
    (void)state;
    enum { DEBTOR = 7 };
    tape saved = {0};
    const char *error = NULL;
    rf_engine *engine = small_market(), *loaded = start_engine(ACCOUNTS + 8);
    rf_command coin = {.kind = RF_COMMAND_CREATE_CURRENCY};
    memcpy(coin.u.currency.name, "BTC", sizeof "BTC");
    coin.u.currency.kind = RF_CURRENCY_COLLATERAL;
    coin.u.currency.factor = RF_E8;
    coin.u.currency.cap = -1;
    const rf_result made = apply(engine, &coin, 0);
    assert_int_equal(made.code, RF_ERR_OK);
    assert_int_equal(set_index(engine, "BTCUSD-INDEX", "", 5000000000000), RF_ERR_OK);
    const uint32_t number = engine->currencies_count - 1;
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = DEBTOR;
    deposit.u.money.currency = (uint16_t)number;
    deposit.u.money.amount = USD; /* one coin */
    assert_int_equal(apply(engine, &deposit, 0).code, RF_ERR_OK);
    const rf_money cash = *rf_main(engine, DEBTOR, 0);
    *rf_main(engine, DEBTOR, 0) = -40000 * USD;
    engine->currencies[0].world += cash + 40000 * USD;
    assert_true(rf_engine_save(engine, tape_write, &saved));
    if (!rf_engine_load(loaded, tape_read, &saved, &error))
        fail_msg("%s", error);
    assert_in_range(loaded->currencies[number].watch_price, 4000000000000, 5000000000000);
    free(saved.bytes);
    free(engine);
    free(loaded);
}

/* One field of one record at an edge, or one step beyond it. */
typedef enum record {
    OF_ENGINE,
    OF_CURRENCY,
    OF_INDEX,
    OF_INSTRUMENT,
    OF_ACCOUNT,
    OF_ORDER,
    OF_ORDER_COLD,
    OF_POSITION_COLD,
    OF_ISOLATION,
    OF_RECENT,
    OF_WITHDRAWAL,
} record;

typedef struct edge {
    record record;
    size_t at, size;
    int64_t value;
    const char *sentence; /* NULL: that is a state */
} edge;

static void *record_of(rf_engine *engine, record kind)
{
    rf_position *first = position_of(engine, FIRST, false);
    switch (kind) {
    case OF_ENGINE:
        return engine;
    case OF_CURRENCY:
        return &engine->currencies[1];
    case OF_INDEX:
        return &engine->indexes[engine->instruments[0].index];
    case OF_INSTRUMENT:
        return &engine->instruments[0];
    case OF_ACCOUNT:
        return &engine->accounts[9]; /* nothing happened to it */
    case OF_ORDER:
        return &engine->orders[first->orders[RF_SELL]];
    case OF_ORDER_COLD:
        return &engine->orders_cold[first->orders[RF_SELL]];
    case OF_POSITION_COLD:
        return &engine->positions_cold[first - engine->positions];
    case OF_ISOLATION:
        return position_of(engine, 4, true);
    case OF_RECENT:
        return &engine->recents[0];
    case OF_WITHDRAWAL:
        return &engine->withdrawals[0];
    }
    return NULL;
}

#define EDGE(record, type, field, value, sentence)                                  \
    {                                                                               \
        record, offsetof(type, field), sizeof((type *)NULL)->field, value, sentence \
    }

/* With a price of the index, and a withdrawal that waits. */
static rf_engine *fuller_market(void)
{
    rf_engine *engine = small_market();
    rf_command leave = {.kind = RF_COMMAND_REQUEST_WITHDRAWAL};
    leave.u.money.account = 10;
    leave.u.money.currency = 1;
    leave.u.money.amount = 100 * USD;
    assert_int_equal(apply(engine, &leave, 0).code, RF_ERR_OK);
    assert_int_equal(set_index(engine, "BTCUSD-INDEX", "a", 50000 * USD), RF_ERR_OK);
    return engine;
}

static const char counter[] = "a counter of the snapshot is out of range";
static const char work[] = "the unfinished work of the snapshot is out of range";
static const char currency[] = "a currency is out of range";
static const char house[] = "a house balance is out of range";
static const char of_index[] = "an index is out of range";
static const char venue[] = "an instrument's state is out of range";
static const char prices[] = "an instrument's prices are out of range";
static const char account[] = "an account is out of range";
static const char order[] = "an order is out of range";
static const char position[] = "a position is out of range";
static const char finished[] = "a finished order is out of range";
static const char leaving[] = "a withdrawal is out of range";
static const edge edges[] = {
    EDGE(OF_ENGINE, rf_engine, next_order, 0, counter),
    EDGE(OF_ENGINE, rf_engine, next_isolation, -1, counter),
    EDGE(OF_ENGINE, rf_engine, next_list, 0, counter),
    EDGE(OF_ENGINE, rf_engine, next_list, INT64_MAX, NULL),
    EDGE(OF_ENGINE, rf_engine, next_match, INT64_MIN, counter),
    EDGE(OF_ENGINE, rf_engine, next_withdrawal, 0, counter),
    EDGE(OF_ENGINE, rf_engine, next_age, -1, counter),
    EDGE(OF_ENGINE, rf_engine, work.stage, RF_HOUR_DONE + 1, work),
    EDGE(OF_ENGINE, rf_engine, work.instrument, 2, work),
    EDGE(OF_ENGINE, rf_engine, work.cross_account, ACCOUNTS + 1, work),
    EDGE(OF_ENGINE, rf_engine, work.aftermath, 2, work),
    EDGE(OF_ENGINE, rf_engine, work.marks, 2, work),
    EDGE(OF_ENGINE, rf_engine, look, 2, work),
    EDGE(OF_CURRENCY, rf_currency, kind, RF_CURRENCY_COLLATERAL + 1, currency),
    EDGE(OF_CURRENCY, rf_currency, factor, -1, currency),
    EDGE(OF_CURRENCY, rf_currency, haircut, -1, currency),
    EDGE(OF_CURRENCY, rf_currency, cap, -2, currency),
    EDGE(OF_CURRENCY, rf_currency, cap, RF_AMOUNT_MAX, currency),
    EDGE(OF_CURRENCY, rf_currency, cap, RF_AMOUNT_MAX - 1, NULL),
    EDGE(OF_CURRENCY, rf_currency, custody, -1, house),
    EDGE(OF_CURRENCY, rf_currency, custody, 0, NULL),
    EDGE(OF_CURRENCY, rf_currency, world, RF_AMOUNT_MAX, house),
    EDGE(OF_CURRENCY, rf_currency, withdrawals, -RF_AMOUNT_MAX, house),
    EDGE(OF_INDEX, rf_index, price_e8, -1, of_index),
    EDGE(OF_INDEX, rf_index, price_e8, 0, NULL),
    EDGE(OF_INDEX, rf_index, price_e8, RF_AMOUNT_MAX, of_index),
    EDGE(OF_INDEX, rf_index, sources_used, 2, of_index),
    EDGE(OF_INDEX, rf_index, sources[0].price_e8, 0, of_index),
    EDGE(OF_INDEX, rf_index, sources[0].price_e8, 1, NULL),
    EDGE(OF_INDEX, rf_index, sources[0].price_e8, RF_AMOUNT_MAX, of_index),
    EDGE(OF_INSTRUMENT, rf_instrument, state, RF_STATE_SETTLED + 1, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, state, RF_STATE_HALTED, NULL),
    EDGE(OF_INSTRUMENT, rf_instrument, mark_pinned, 2, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, rate_pinned, 2, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, rate_pinned, 1, NULL),
    EDGE(OF_INSTRUMENT, rf_instrument, config.residual, RF_RESIDUAL_RETURN + 1, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, config.residual, RF_RESIDUAL_RETURN, NULL),
    EDGE(OF_INSTRUMENT, rf_instrument, config.margin_modes, RF_MODES_ISOLATED + 1, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, config.margin_modes, RF_MODES_ISOLATED, NULL),
    EDGE(OF_INSTRUMENT, rf_instrument, config.settlement, RF_SETTLEMENT_MANUAL + 1, venue),
    EDGE(OF_INSTRUMENT, rf_instrument, config.settlement, RF_SETTLEMENT_MANUAL, NULL),
    EDGE(OF_INSTRUMENT, rf_instrument, mark, -1, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, clearing, RF_AMOUNT_MAX, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, settled_mark, -1, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, settled_mark, INT64_MAX, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, last_price, -1, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, last_price, RF_AMOUNT_MAX, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, basis_e8, -RF_AMOUNT_MAX, prices),
    EDGE(OF_INSTRUMENT, rf_instrument, basis_e8, 1 - RF_AMOUNT_MAX, NULL),
    EDGE(OF_ACCOUNT, rf_account, master, ACCOUNTS + 1, account),
    EDGE(OF_ACCOUNT, rf_account, master, 1, NULL),
    EDGE(OF_ACCOUNT, rf_account, stp, RF_STP_BOTH + 1, account),
    EDGE(OF_ACCOUNT, rf_account, stp, RF_STP_BOTH, NULL),
    EDGE(OF_ACCOUNT, rf_account, stp_scope, RF_STP_SCOPE_FAMILY + 1, account),
    EDGE(OF_ACCOUNT, rf_account, stp_scope, RF_STP_SCOPE_FAMILY, NULL),
    EDGE(OF_ACCOUNT, rf_account, leverage, 0, account),
    EDGE(OF_ACCOUNT, rf_account, leverage, 1, NULL),
    EDGE(OF_ACCOUNT, rf_account, leverage, 1000, NULL),
    EDGE(OF_ACCOUNT, rf_account, leverage, 1001, account),
    EDGE(OF_ACCOUNT, rf_account, cancel_after_ns, -1, account),
    EDGE(OF_ACCOUNT, rf_account, taker_rate, -1, account),
    EDGE(OF_ACCOUNT, rf_account, taker_rate, RF_TRADING_FEE_MAX, NULL),
    EDGE(OF_ACCOUNT, rf_account, taker_rate, RF_TRADING_FEE_MAX + 1, account),
    EDGE(OF_ACCOUNT, rf_account, maker_rate, -RF_TRADING_FEE_MAX, NULL),
    EDGE(OF_ACCOUNT, rf_account, maker_rate, -RF_TRADING_FEE_MAX - 1, account),
    EDGE(OF_ACCOUNT, rf_account, maker_rate, RF_TRADING_FEE_MAX, account),
    EDGE(OF_ACCOUNT, rf_account, withdrawing, RF_AMOUNT_MAX, account),
    EDGE(OF_ORDER, rf_order, id, 0, order),
    EDGE(OF_ORDER, rf_order, id, INT64_MAX, order),
    EDGE(OF_ORDER, rf_order, instrument, 1, order),
    EDGE(OF_ORDER, rf_order, type, RF_TAKE_PROFIT_LIMIT + 1, order),
    EDGE(OF_ORDER, rf_order, leaves, -1, order),
    EDGE(OF_ORDER, rf_order, earmark, RF_AMOUNT_MAX, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.side, RF_SELL + 1, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.type, RF_TAKE_PROFIT_LIMIT + 1, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.time_in_force, RF_FOK + 1, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.stp, RF_STP_BOTH + 1, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.stp, RF_STP_BOTH, NULL),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.stp_scope, RF_STP_SCOPE_FAMILY + 1, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, params.stp_scope, RF_STP_SCOPE_FAMILY, NULL),
    EDGE(OF_ORDER_COLD, rf_order_cold, filled_qty, RF_AMOUNT_MAX, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, filled_value, RF_AMOUNT_MAX, order),
    EDGE(OF_ORDER_COLD, rf_order_cold, status, RF_ORDER_EXPIRED + 1, order),
    EDGE(OF_POSITION_COLD, rf_position_cold, put_in, RF_AMOUNT_MAX, position),
    EDGE(OF_POSITION_COLD, rf_position_cold, taken_out, RF_AMOUNT_MAX, position),
    EDGE(OF_POSITION_COLD, rf_position_cold, session_profit, RF_AMOUNT_MAX, position),
    EDGE(OF_POSITION_COLD, rf_position_cold, flagged_qty, RF_AMOUNT_MAX, position),
    EDGE(OF_POSITION_COLD, rf_position_cold, age, 0, position),
    EDGE(OF_POSITION_COLD, rf_position_cold, age, INT64_MAX, position),
    EDGE(OF_ISOLATION, rf_position, leverage, 0, position),
    EDGE(OF_ISOLATION, rf_position, leverage, 1001, position),
    EDGE(OF_ISOLATION, rf_position, id, INT64_MAX, position),
    EDGE(OF_ISOLATION, rf_position, cost_user, RF_AMOUNT_MAX, position),
    EDGE(OF_RECENT, rf_recent, hot.id, INT64_MAX, finished),
    EDGE(OF_RECENT, rf_recent, cold.status, RF_ORDER_EXPIRED + 1, finished),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, id, INT64_MAX, leaving),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, account, ACCOUNTS + 1, leaving),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, currency, 3, leaving),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, currency, 2, NULL),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, amount, 0, leaving),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, amount, RF_AMOUNT_MAX, leaving),
    EDGE(OF_WITHDRAWAL, rf_withdrawal, debit, RF_AMOUNT_MAX, leaving),
};

static void fields_have_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        tape saved = {0};
        rf_engine *engine = fuller_market();
        rf_put_le((unsigned char *)record_of(engine, edges[i].record) + edges[i].at,
                  (uint64_t)edges[i].value, (unsigned)edges[i].size);
        assert_true(rf_engine_save(engine, tape_write, &saved));
        const char *error = verdict(&saved), *wanted = edges[i].sentence;
        if (!error != !wanted || (error && strcmp(error, wanted) != 0))
            fail_msg("edge %zu: %s, not %s", i, error ? error : "accepted",
                     wanted ? wanted : "accepted");
        free(saved.bytes);
        free(engine);
    }
}

/* What a snapshot keeps, it keeps whole: names too, which no digest compares with anything. */
static void names_come_back(void **state)
{
    (void)state;
    tape saved = {0};
    const char *error = NULL;
    rf_engine *engine = fuller_market(), *loaded = start_engine(ACCOUNTS + 8);
    assert_true(rf_engine_save(engine, tape_write, &saved));
    if (!rf_engine_load(loaded, tape_read, &saved, &error))
        fail_msg("%s", error);
    for (uint32_t i = 0; i < engine->indexes_count; i++)
        assert_memory_equal(&loaded->indexes[i], &engine->indexes[i], sizeof *engine->indexes);
    for (uint32_t i = 0; i < engine->currencies_count; i++)
        assert_string_equal(loaded->currencies[i].name, engine->currencies[i].name);
    assert_memory_equal(&loaded->instruments[0].config, &engine->instruments[0].config,
                        sizeof engine->instruments[0].config);
    for (uint32_t i = 1; i < engine->accounts_count; i++)
        assert_string_equal(loaded->accounts[i].label, engine->accounts[i].label);
    free(saved.bytes);
    free(engine);
    free(loaded);
}

/* ---- Bytes that no state writes ---------------------------------------------------------------- */

/* Where these bytes stand, the only place. */
static unsigned char *find(const tape *saved, const void *bytes, size_t size)
{
    unsigned char *found = NULL;
    for (size_t at = 64; at + size <= saved->size; at++)
        if (memcmp(saved->bytes + at, bytes, size) == 0) {
            assert_null(found);
            found = saved->bytes + at;
        }
    assert_non_null(found);
    return found;
}

static void assert_forged(rf_engine *engine, tape *saved, const char *sentence)
{
    tape_seal(saved);
    const char *error = verdict(saved);
    free(saved->bytes);
    free(engine);
    if (!error)
        fail_msg("accepted, where this was wrong: %s", sentence);
    assert_string_equal(error, sentence);
}

/* Blocks are as full as their fields allow: cut in two where a field ends, the stream says the same. */
static void blocks_are_full(void **state)
{
    (void)state;
    enum { FIRST_FIELD = 8 };
    tape saved = {0}, cut = {0};
    rf_engine *engine = small_market();
    assert_true(rf_engine_save(engine, tape_write, &saved));
    const uint32_t size = (uint32_t)rf_get_le(saved.bytes + 64, 4);
    unsigned char head[4] = {FIRST_FIELD}, digest[16] = {0}, rest[4];
    rf_put_le(rest, size - FIRST_FIELD, 4);
    tape_write(&cut, saved.bytes, 64);
    tape_write(&cut, head, 4);
    tape_write(&cut, saved.bytes + 68, FIRST_FIELD);
    tape_write(&cut, digest, 16);
    tape_write(&cut, rest, 4);
    tape_write(&cut, saved.bytes + 68 + FIRST_FIELD, saved.size - 68 - FIRST_FIELD);
    free(saved.bytes);
    assert_forged(engine, &cut, "a block of the snapshot ends too early");
}

static void flags_are_known(void **state)
{
    (void)state;
    enum { FLAGS_AT = RF_NAME_SIZE + 8 }; /* behind label, master and leverage */
    tape saved = {0};
    rf_engine *engine = small_market();
    assert_true(rf_engine_save(engine, tape_write, &saved));
    find(&saved, engine->accounts[5].label, RF_NAME_SIZE)[FLAGS_AT] |= RF_ACCOUNT_TOUCHED;
    assert_forged(engine, &saved, "a flag of the snapshot is none");
}

static void books_are_not_crossed(void **state)
{
    (void)state;
    tape saved = {0};
    unsigned char words[16];
    rf_engine *engine = small_market();
    const rf_order *best = &engine->orders[position_of(engine, FIRST, false)->orders[RF_BUY]];
    assert_true(rf_engine_save(engine, tape_write, &saved));
    rf_put_le(words, best->id, 8);
    rf_put_le(words + 8, (uint64_t)best->price, 8);
    rf_put_le(find(&saved, words, sizeof words) + 8, 501000, 8); /* where the sell stands */
    assert_forged(engine, &saved, "a book is crossed");
}

/* Account 2's stops wait for the fills of account 1's orders: pairs by the place of what waits. */
static rf_engine *with_attachments(tape *saved, unsigned char pairs[20])
{
    rf_engine *engine = small_market();
    const uint32_t first = position_of(engine, SECOND, false)->triggers;
    engine->orders_cold[first].attached_to = position_of(engine, FIRST, false)->orders[RF_BUY];
    engine->orders_cold[engine->orders[first].own_next].attached_to =
        position_of(engine, FIRST, false)->orders[RF_SELL];
    assert_true(rf_engine_save(engine, tape_write, saved));
    /* The stops are the first orders of the stream, account 1's the three behind them. */
    const uint32_t words[5] = {2, 1, 3, 2, 5};
    for (uint32_t i = 0; i < 5; i++)
        rf_put_le(pairs + 4 * i, words[i], 4);
    return engine;
}

static void attachments_stand_in_order(void **state)
{
    (void)state;
    const char *sentence = "an attachment names an order that is not there, or stands in no order";
    tape saved = {0};
    unsigned char pairs[20];
    rf_engine *engine = with_attachments(&saved, pairs);
    unsigned char *at = find(&saved, pairs, sizeof pairs);
    memcpy(at + 4, pairs + 12, 8);
    memcpy(at + 12, pairs + 4, 8);
    assert_forged(engine, &saved, sentence);
    saved = (tape){0};
    engine = with_attachments(&saved, pairs);
    rf_put_le(find(&saved, pairs, sizeof pairs) + 12, 4, 4); /* a resting order waits for nobody */
    assert_forged(engine, &saved, sentence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_is_right),    cmocka_unit_test(balances_add_up),
        cmocka_unit_test(positions_add_up),         cmocka_unit_test(a_position_is_one),
        cmocka_unit_test(orders_stand_in_order),    cmocka_unit_test(queues_hold_what_fits),
        cmocka_unit_test(a_currency_has_its_index), cmocka_unit_test(blocks_are_full),
        cmocka_unit_test(flags_are_known),          cmocka_unit_test(attachments_stand_in_order),
        cmocka_unit_test(books_are_not_crossed),    cmocka_unit_test(a_settlement_may_be_under_way),
        cmocka_unit_test(fields_have_bounds),       cmocka_unit_test(names_come_back),
        cmocka_unit_test(nothing_is_there_twice),   cmocka_unit_test(debtors_are_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
