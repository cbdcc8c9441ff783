/* Liquidations that take several commands. What a command had no time for is kept for the next one, as
 * far as it still holds; whoever loads a snapshot in between has nothing but the state, and has to do
 * the same in the same order. So two engines get the same commands, and one of them is saved and loaded
 * after each. Little worlds, so dense that what waits in the queue is traded with, ended and closed by
 * what comes before it. */
#include "tests/unit/commands.h"

enum { TRADERS = 60, INSTRUMENTS = 2, STEPS = 2, BANK = 1, ROUNDS = 60, WORLDS = 40 };

typedef struct tape {
    unsigned char bytes[1 << 19];
    size_t size, at;
} tape;

static bool write_tape(void *context, const void *bytes, size_t size)
{
    tape *to = context;
    assert_true(to->size + size <= sizeof to->bytes);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return true;
}

static bool read_tape(void *context, void *bytes, size_t size)
{
    tape *from = context;
    if (size > from->size - from->at)
        return false;
    memcpy(bytes, from->bytes + from->at, size);
    from->at += size;
    return true;
}

typedef struct twins {
    rf_engine *engines[2]; /* the second is saved and loaded after every command */
    uint64_t heard[2];     /* a hash of all events */
    uint32_t kept;         /* how often something was kept from command to command */
    fixture_random random;
} twins;

static void hear(void *context, const rf_event *event)
{
    uint64_t *heard = context;
    const int64_t words[] = {event->kind,        (int64_t)event->seq, event->time_ns,
                             event->account,     event->instrument,   (int64_t)event->order_id,
                             event->price,       event->qty,          event->amount,
                             event->fee,         event->realized,     event->leaves,
                             (int64_t)event->id, event->value,        (int64_t)event->isolation_id};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        *heard = (*heard ^ (uint64_t)words[i]) * 0x9e3779b97f4a7c15u + (*heard >> 29);
}

static rf_engine *open_engine(uint64_t *heard)
{
    rf_engine *engine = start_engine(TRADERS + 4);
    engine->liquidations_per_step = STEPS;
    rf_engine_set_sink(engine, (rf_sink){hear, heard});
    return engine;
}

static void reload(twins *pair)
{
    static tape snapshot;
    const char *error;
    snapshot.size = snapshot.at = 0;
    assert_true(rf_engine_save(pair->engines[1], write_tape, &snapshot));
    free(pair->engines[1]);
    pair->engines[1] = open_engine(&pair->heard[1]);
    assert_true(rf_engine_load(pair->engines[1], read_tape, &snapshot, &error));
}

static rf_result both_apply(twins *pair, const rf_command *command)
{
    rf_result results[2];
    for (uint32_t i = 0; i < 2; i++)
        rf_engine_apply(pair->engines[i], command, &results[i]);
    reload(pair);
    const rf_digest kept = rf_engine_digest(pair->engines[0]),
                    found = rf_engine_digest(pair->engines[1]);
    assert_int_equal(results[0].code, results[1].code);
    assert_true(kept.high == found.high && kept.low == found.low);
    assert_int_equal(pair->heard[0], pair->heard[1]);
    pair->kept += pair->engines[0]->queue_kept > STEPS;
    return results[0];
}

/* And all that it leaves; now and then so late that the marks have grown stale. */
static rf_result send(twins *pair, rf_command *command, bool late)
{
    command->time_ns = rf_max(START_NS, rf_engine_time_ns(pair->engines[0]));
    const rf_result result = both_apply(pair, command);
    rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command->time_ns};
    for (uint32_t i = 0; rf_engine_pending(pair->engines[0]); i++) {
        assert_true(i < 10000);
        assert_invariants(pair->engines[0]);
        if (late && fixture_range(&pair->random, 0, 5) == 0)
            tick.time_ns += 20 * SECOND_NS;
        both_apply(pair, &tick);
    }
    assert_invariants(pair->engines[0]);
    return result;
}

static void list(twins *pair, uint32_t number)
{
    rf_instrument_config config = fixture_config();
    snprintf(config.name, sizeof config.name, "C%uUSD-PERP", number);
    snprintf(config.base, sizeof config.base, "C%u", number);
    snprintf(config.index_name, sizeof config.index_name, "C%uUSD-INDEX", number);
    config.price_band = 90000000;
    config.mark_stale_ns = 60 * SECOND_NS;
    config.fund_position_cap = number == 0 ? 40 : 0;
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    command.u.instrument.config = &config;
    assert_int_equal(send(pair, &command, false).code, RF_ERR_OK);
}

static void move_mark(twins *pair, uint32_t instrument, rf_price price, bool late)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE};
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = price;
    send(pair, &command, late);
}

static void open_accounts(twins *pair)
{
    for (uint32_t i = BANK; i <= TRADERS; i++) {
        rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT};
        snprintf(command.u.account.label, RF_NAME_SIZE, "u%u", i);
        assert_int_equal(send(pair, &command, false).code, RF_ERR_OK);
        command = (rf_command){.kind = RF_COMMAND_DEPOSIT};
        command.u.money.account = i;
        command.u.money.currency = 1;
        command.u.money.amount =
            (i == BANK ? 100000000 : fixture_range(&pair->random, 10, 40)) * USD;
        assert_int_equal(send(pair, &command, false).code, RF_ERR_OK);
    }
}

static void place(twins *pair, uint32_t account, rf_price price, rf_side side)
{
    fixture_random *random = &pair->random;
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    rf_order_params *order = &command.u.order;
    const bool isolated = account != BANK && fixture_range(random, 0, 3) != 0;
    order->account = account;
    order->instrument = (uint16_t)fixture_range(random, 0, INSTRUMENTS - 1);
    order->side = (uint8_t)side;
    order->type = RF_LIMIT;
    order->qty = fixture_range(random, 1, account == BANK ? 50 : 40);
    order->price = price / 5 * 5;
    order->isolated_margin = -1;
    order->leverage = isolated ? (uint32_t)fixture_range(random, 20, 50) : 0;
    order->flags = (uint16_t)(RF_FLAG_OID_DEFAULTED | (isolated ? RF_FLAG_ISOLATED : 0));
    if (fixture_range(random, 0, 4) == 0)
        order->flags |= RF_FLAG_REDUCE_ONLY;
    send(pair, &command, false);
}

static uint32_t trader_of(twins *pair)
{
    return (uint32_t)fixture_range(&pair->random, BANK + 1, TRADERS);
}

/* Everybody trades around the mark; then one mark jumps, and the other. */
static void play(twins *pair)
{
    fixture_random *random = &pair->random;
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        list(pair, i);
    open_accounts(pair);
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        move_mark(pair, i, 500000, false);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const rf_side side = fixture_range(random, 0, 1) == 0 ? RF_BUY : RF_SELL;
        const int64_t away = fixture_range(random, -1000, 9000);
        place(pair, BANK, 500000, side == RF_BUY ? RF_SELL : RF_BUY);
        place(pair, trader_of(pair), 500000, side);
        for (uint32_t i = 0; i < 2; i++)
            place(pair, trader_of(pair), side == RF_BUY ? 500000 - away : 500000 + away, side);
    }
    const int64_t jump = fixture_range(random, 10000, 40000);
    const bool falls = fixture_range(random, 0, 1) == 0, late = fixture_range(random, 0, 1) == 0;
    for (uint32_t i = 0; i < 2 * INSTRUMENTS; i++)
        move_mark(pair, i % INSTRUMENTS,
                  500000 + (falls == (i < INSTRUMENTS) ? -jump : jump) + 7 * i, late);
}

static void test_kept_is_found_again(void **state)
{
    (void)state;
    uint32_t kept = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        twins pair = {.random = {seed}};
        for (uint32_t i = 0; i < 2; i++)
            pair.engines[i] = open_engine(&pair.heard[i]);
        play(&pair);
        kept += pair.kept;
        for (uint32_t i = 0; i < 2; i++)
            free(pair.engines[i]);
    }
    assert_true(kept > 100); /* else nothing was tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept_is_found_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
