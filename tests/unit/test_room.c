/* An account's room (engine/cross.h): what it affords is there when all is counted, whatever happens in between. */
#include "tests/unit/own_orders.h"
#include "tests/unit/small.h"

#include "engine/cross.h"
#include "engine/ledger.h"

enum { ORDERS_MAX = 8 };

static void set_quantity(rf_engine *engine, uint32_t position, fixture_random *random)
{
    rf_position *record = &engine->positions[position];
    const int64_t kind = fixture_range(random, 0, 3);
    record->q = kind == 0   ? -record->open_qty[RF_BUY] /* the orders close it to the last lot */
                : kind == 1 ? record->open_qty[RF_SELL]
                            : fixture_range(random, -60000, 60000);
}

/* One order more, or another price and size of one that is there: what rf_cross_affords says. */
static bool try_order(rf_engine *engine, own_orders *own, uint32_t position, fixture_random *random)
{
    const rf_price mark = engine->instruments[0].mark;
    if (own->count < ORDERS_MAX) {
        add_order(engine, own, position, random, mark, 0);
        const rf_order *order = &engine->orders[own->handles[own->count - 1]];
        const int64_t k = engine->instruments[0].k;
        if (rf_cross_affords(engine, order, order->leaves * order->price * k, order->leaves))
            return true;
        remove_order(engine, own, own->count - 1);
        return false;
    }
    const uint32_t handle = own->handles[fixture_range(random, 0, own->count - 1)];
    const rf_order *order = &engine->orders[handle];
    const rf_price price = order->price;
    const rf_qty leaves = order->leaves;
    const rf_price wanted = rf_max(5, price + 5 * fixture_range(random, -400, 400));
    const rf_qty qty = fixture_range(random, 0, 2) ? leaves : fixture_range(random, 1, 30000);
    const rf_money added = rf_own_reprice(engine, handle, wanted, qty);
    const bool affords = rf_cross_affords(engine, order, added, qty - leaves);
    if (!affords)
        rf_own_reprice(engine, handle, price, leaves);
    return affords;
}

/* Another world: a mark, a quantity, a leverage, and so much cash that the orders need it, or hardly. */
static void renew(rf_engine *engine, uint32_t position, fixture_random *random)
{
    rf_instrument *instrument = &engine->instruments[0];
    rf_position *record = &engine->positions[position];
    instrument->mark = 5 * fixture_range(random, 90000, 110000);
    rf_moved(engine, instrument);
    set_quantity(engine, position, random);
    record->cost = record->q * instrument->mark * instrument->k;
    engine->accounts[1].leverage = (uint32_t)fixture_range(random, 1, 100);
    rf_ledger_post_quiet(engine, (rf_slot){RF_SLOT_WORLD, 0, 0}, rf_slot_main(1, 0),
                         fixture_range(random, 0, 400000000000) -
                             rf_cross_available_least(engine, 1));
}

/* Each of these takes from available, and nothing else tells the account. */
static void disturb(rf_engine *engine, uint32_t position, fixture_random *random)
{
    const rf_slot main = rf_slot_main(1, 0), world = {RF_SLOT_WORLD, 0, 0};
    rf_instrument *instrument = &engine->instruments[0];
    switch (fixture_range(random, 0, 3)) {
    case 0:
        rf_ledger_post_quiet(engine, main, world, fixture_range(random, 1, 100000000000));
        break;
    case 1:
        rf_ledger_post_quiet(engine, world, main, -fixture_range(random, 1, 100000000000));
        break;
    case 2:
        rf_position_trade(engine, position, (uint8_t)fixture_range(random, 0, 1),
                          fixture_range(random, 1, 20000), instrument->mark);
        break;
    default:
        instrument->mark += 5 * fixture_range(random, -2000, 2000);
        rf_moved(engine, instrument);
    }
}

/* What is afforded is there when all is counted, and what the room promises beside it. */
static void room_is_there(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    rf_account *owner = &engine->accounts[1];
    fixture_random random = {41};
    own_orders own = {0};
    uint32_t afforded = 0, roomy = 0;
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    for (uint32_t step = 0; step < 100000; step++) {
        if (step % 64 == 0)
            renew(engine, position, &random);
        else if (step % 16 == 0)
            disturb(engine, position, &random);
        const bool known = owner->room >= 0;
        if (try_order(engine, &own, position, &random)) {
            assert_true(rf_cross_available(engine, 1) >= 0);
            afforded++;
            roomy += known;
        }
        if (owner->floor_version == engine->marks_version && owner->room >= 0)
            assert_true(rf_cross_available(engine, 1) >= owner->room + owner->net_floor);
        if (own.count > 0 && fixture_range(&random, 0, 40) == 0)
            remove_order(engine, &own, (uint32_t)fixture_range(&random, 0, own.count - 1));
    }
    assert_true(afforded > 10000 && afforded < 90000 && roomy > 5000);
    fixture_free(engine);
}

/* A sell below the mark is margined at the mark: what the money would be good for at the limit it is not good for. */
static void room_of_sells_below_the_mark(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    own_orders own = {0};
    fixture_random random = {43};
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    rf_ledger_post_quiet(engine, (rf_slot){RF_SLOT_WORLD, 0, 0}, rf_slot_main(1, 0), 200000000000);
    add_order(engine, &own, position, &random, 500000, 0);
    rf_own_remove(engine, own.handles[0]);
    rf_order *order = &engine->orders[own.handles[0]];
    *order = (rf_order){.account = 1,
                        .position = position,
                        .price = 100000,
                        .leaves = 1,
                        .side = RF_SELL,
                        .state = RF_STATE_TRIAL};
    rf_own_insert(engine, own.handles[0]);
    assert_true(rf_cross_affords(engine, order, 100000 * engine->instruments[0].k, 1));
    assert_true(rf_cross_affords(engine, order, 0, 0)); /* the keys are laid: there is room */
    assert_true(engine->accounts[1].room > 0);
    const rf_qty qty = 40000; /* at the mark 200,000 USD: 5,160 of margin where 2,000 are */
    const rf_money added = rf_own_reprice(engine, own.handles[0], 100000, qty);
    assert_true(rf_cross_available(engine, 1) < 0);
    assert_false(rf_cross_affords(engine, order, added, qty - 1));
    fixture_free(engine);
}

/* So much of an order trades at this price, and what is left of it rests. Returns the order. */
static uint32_t fill_some(rf_engine *engine, uint32_t position, const rf_order_params *params,
                          rf_price price, rf_qty qty)
{
    const rf_instrument *instrument = &engine->instruments[0];
    const rf_slot main = rf_slot_main(1, 0), fees = rf_slot_house(RF_SLOT_FEES, 0);
    const rf_money realized = rf_position_trade(engine, position, params->side, qty, price);
    rf_ledger_post_quiet(engine, rf_slot_clearing(0), main, realized);
    rf_ledger_post_quiet(
        engine, main, fees,
        rf_rate_up(qty * price * instrument->k, instrument->config.taker_fee_rate));
    const uint32_t order = rf_order_take(engine);
    engine->orders[order] = (rf_order){.price = params->price,
                                       .leaves = params->qty - qty,
                                       .account = 1,
                                       .position = position,
                                       .side = params->side,
                                       .state = RF_STATE_TRIAL};
    rf_own_insert(engine, order);
    return order;
}

/* Whatever trades of an order, at its limit or at the best price: what was promised to be left is left. */
static void takers_take_no_more(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    fixture_random random = {53};
    uint32_t afforded = 0;
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    for (uint32_t step = 0; step < 20000; step++) {
        if (step % 8 == 0)
            renew(engine, position, &random);
        engine->accounts[1].room = -1;
        rf_order_params params = {.account = 1, .side = (uint8_t)fixture_range(&random, 0, 1)};
        params.price = engine->instruments[0].mark + 5 * fixture_range(&random, -15000, 15000);
        params.qty = fixture_range(&random, 1, 2000);
        const rf_price better = 5 * fixture_range(&random, 0, 4000);
        const rf_price best = params.price + (params.side == RF_BUY ? -better : better);
        rf_money least;
        if (!rf_cross_affords_new(engine, &params, &engine->positions[position], best, 1, &least))
            continue;
        afforded++;
        const uint32_t rest =
            fill_some(engine, position, &params, fixture_range(&random, 0, 1) ? params.price : best,
                      fixture_range(&random, 1, params.qty));
        assert_true(rf_cross_available_least(engine, 1) >= least);
        rf_own_remove(engine, rest);
        rf_order_give_back(engine, rest);
    }
    assert_true(afforded > 2000 && afforded < 19000);
    fixture_free(engine);
}

/* ---- Twins ----------------------------------------------------------------------------------- */

enum { TWIN_USERS = 8, TWIN_INSTRUMENTS = 4, TWIN_COMMANDS = 400000 };

static const rf_limits twin_limits = {.accounts_max = TWIN_USERS + 2,
                                      .instruments_max = TWIN_INSTRUMENTS,
                                      .positions_max = 64,
                                      .orders_max = 1024,
                                      .recent_max = 64,
                                      .withdrawals_max = 4,
                                      .window_ticks = 4096,
                                      .watch_buckets = 256};

/* One with the short cuts, one that reckons everything exactly. */
typedef struct twins {
    rf_engine *quick, *exact;
    uint64_t quick_events, exact_events; /* hashes of all that the sinks saw */
    fixture_random random;
    rf_price mark;
    uint32_t accepted[RF_COMMAND_KINDS], poor;
} twins;

static void take_event(void *context, const rf_event *event)
{
    uint64_t *hash = context;
    uint64_t words[sizeof *event / sizeof(uint64_t)];
    memcpy(words, event, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        *hash = (*hash ^ words[i]) * 0x9e3779b97f4a7c15u + 1;
}

static rf_error apply(twins *both, rf_command *command)
{
    rf_result quick, exact;
    command->time_ns = 1700000000000000000;
    rf_engine_apply(both->quick, command, &quick);
    rf_engine_apply(both->exact, command, &exact);
    for (uint32_t i = 0; i < both->exact->instruments_count; i++) {
        both->exact->instruments[i].plain = false;
        both->exact->instruments[i].linear_max = -1;
    }
    assert_memory_equal(&quick, &exact, sizeof quick);
    assert_true(both->quick_events == both->exact_events);
    both->accepted[command->kind] += quick.code == RF_ERR_OK;
    both->poor += quick.code == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    assert_true(rf_engine_pending(both->quick) == rf_engine_pending(both->exact));
    return quick.code;
}

static void run_to_end(twins *both)
{
    rf_command tick = {.kind = RF_COMMAND_TICK};
    while (rf_engine_pending(both->quick))
        apply(both, &tick);
}

static int64_t among(twins *both, int64_t low, int64_t high)
{
    return fixture_range(&both->random, low, high);
}

static void set_mark(twins *both, uint32_t instrument)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE};
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = both->mark;
    apply(both, &command);
}

/* The first instrument is of the common kind; the second refuses prices far away, the third's mark can grow stale and
 * the fourth asks more of larger positions, which are not. */
static void found(twins *both)
{
    rf_engine_set_sink(both->quick, (rf_sink){take_event, &both->quick_events});
    rf_engine_set_sink(both->exact, (rf_sink){take_event, &both->exact_events});
    for (uint32_t i = 0; i < TWIN_INSTRUMENTS; i++) {
        rf_instrument_config config = fixture_config();
        config.name[0] = config.base[0] = config.index_name[0] = (char)('A' + i);
        config.far_price_band = i == 1 ? 90000000 : 0;
        config.mark_stale_ns = i == 2 ? RF_HOUR_NS : 0;
        config.unit_margin_rate_e18 = i == 3 ? 5000000000000000 : 0;
        config.settlement = RF_SETTLEMENT_MANUAL;
        rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
        command.u.instrument.config = &config;
        assert_int_equal(apply(both, &command), RF_ERR_OK);
        set_mark(both, i);
    }
    for (uint32_t i = 1; i <= TWIN_USERS; i++) {
        rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT};
        command.u.account.label[0] = (char)('a' + i);
        command.u.account.account = i == 5 || i == 6; /* a family */
        assert_int_equal(apply(both, &command), RF_ERR_OK);
        command = (rf_command){.kind = RF_COMMAND_DEPOSIT};
        command.u.money.account = i;
        command.u.money.currency = 1;
        command.u.money.amount = i <= 2 ? 100000000000000 : 300000000000;
        assert_int_equal(apply(both, &command), RF_ERR_OK);
    }
}

/* Whatever else an order can ask for, and what makes it wrong. */
static void draw_special(twins *both, rf_order_params *order)
{
    switch (among(both, 0, 8)) {
    case 0: /* an id of its own, that another may have */
        order->flags &= (uint16_t)~RF_FLAG_OID_DEFAULTED;
        order->client_oid[0] = (char)('a' + among(both, 0, 25));
        order->client_oid[1] = (char)('a' + among(both, 0, 9));
        break;
    case 1:
        order->stp = (uint8_t)among(both, RF_STP_DEFAULT, RF_STP_BOTH + 1);
        break;
    case 2:
        order->stp_scope = (uint8_t)among(both, RF_STP_SCOPE_DEFAULT, RF_STP_SCOPE_FAMILY + 1);
        break;
    case 3: /* of two users; the others' orders stay as plain as can be */
        order->account = (uint32_t)among(both, TWIN_USERS - 1, TWIN_USERS);
        order->flags |= RF_FLAG_ISOLATED;
        order->leverage = (uint32_t)among(both, 2, 60);
        break;
    case 4:
        order->account = (uint32_t)among(both, TWIN_USERS - 2, TWIN_USERS);
        order->type = (uint8_t)among(both, RF_LIMIT, RF_TAKE_PROFIT_LIMIT + 1);
        order->ref_price = both->mark + 5 * among(both, -500, 500);
        break;
    case 5:
        order->time_in_force = (uint8_t)among(both, RF_FOK, RF_FOK + 1);
        break;
    case 6:
        order->leverage = among(both, 0, 1) ? UINT32_MAX : (uint32_t)among(both, 1, 90);
        break;
    case 7: /* off the grid, beyond what is possible, or nothing */
        order->price += among(both, -1, 1);
        order->qty *= among(both, -1, 2);
        order->account = (uint32_t)among(both, 0, TWIN_USERS + 1);
        break;
    default:
        order->isolated_margin = among(both, -2, 3) * 100000000;
        order->attach_position = (uint8_t)among(both, 0, 1);
        order->attach_order_id = (uint64_t)rf_max(0, among(both, -50, 50));
    }
}

static void draw_order(twins *both, rf_command *command)
{
    rf_order_params *order = &command->u.order;
    command->kind = RF_COMMAND_PLACE_ORDER;
    order->account = (uint32_t)among(both, 1, TWIN_USERS);
    order->instrument = (uint16_t)rf_max(0, among(both, -5, TWIN_INSTRUMENTS - 1));
    order->side = (uint8_t)among(both, 0, 1);
    order->time_in_force = among(both, 0, 9) == 0 ? RF_IOC : RF_GTC;
    order->flags = RF_FLAG_OID_DEFAULTED;
    if (among(both, 0, 9) == 0)
        order->flags |= among(both, 0, 1) ? RF_FLAG_REDUCE_ONLY : RF_FLAG_POST_ONLY;
    int64_t away = 5 * among(both, among(both, 0, 9) == 0 ? -4000 : -40, 400);
    if (among(both, 0, 49) == 0) /* nearly anywhere, beyond the guard too */
        away = 5 * among(both, -15000, 15000);
    order->price = both->mark + (order->side == RF_BUY ? -away : away);
    order->qty = among(both, 1, among(both, 0, 9) == 0 ? 60000 : 4000);
    order->isolated_margin = -1;
    if (among(both, 0, 7) == 0)
        draw_special(both, order);
}

/* An order that is open, most of the time. */
static void draw_change(twins *both, rf_command *command)
{
    const rf_order *order = &both->quick->orders[0];
    for (uint32_t tries = 0; order->id == 0 && tries < 32; tries++)
        order = &both->quick->orders[among(both, 1, both->quick->orders_fresh)];
    command->kind = among(both, 0, 5) == 0 ? RF_COMMAND_CANCEL_ORDER : RF_COMMAND_AMEND_ORDER;
    command->u.change.order_id = order->id;
    command->u.change.account = order->account;
    command->u.change.price = order->price + 5 * among(both, -30, 30);
    command->u.change.qty = among(both, 0, 1) ? order->leaves : among(both, 1, 20000);
}

static void draw_account(twins *both, rf_command *command)
{
    const int64_t kind = among(both, 0, 8);
    command->u.account.account = (uint32_t)among(both, 3, TWIN_USERS);
    if (kind > 5) { /* triggers, or what stands beside an isolation */
        command->kind = RF_COMMAND_CANCEL_ORDERS;
        command->u.change.account = (uint32_t)among(both, 1, TWIN_USERS);
        command->u.change.all = kind == 8 ? 2 : 1;
        command->u.change.instrument = -1;
        command->u.change.mode = kind == 8 ? 1 : -1;
    } else if (kind == 5) {
        command->kind = RF_COMMAND_SET_STP;
        command->u.account.stp = (uint8_t)among(both, RF_STP_DEFAULT, RF_STP_BOTH);
        command->u.account.stp_scope = (uint8_t)rf_max(0, among(both, -4, RF_STP_SCOPE_FAMILY));
    } else if (kind == 3) {
        command->kind = RF_COMMAND_SUSPEND_ACCOUNT;
        command->u.account.suspended = among(both, 0, 3) == 0;
    } else if (kind == 4) {
        command->kind = RF_COMMAND_SET_INSTRUMENT_STATE;
        command->u.instrument.instrument = (uint32_t)among(both, 0, TWIN_INSTRUMENTS - 1);
        command->u.instrument.state =
            among(both, 0, 2) != 0 ? RF_STATE_OPEN : (uint32_t)among(both, 0, RF_STATE_HALTED);
    } else if (kind == 0) {
        command->kind = RF_COMMAND_SET_ACCOUNT_LEVERAGE;
        command->u.account.leverage = (uint32_t)among(both, 10, 100);
    } else if (kind == 1) {
        command->kind = RF_COMMAND_SET_FEES;
        command->u.account.fees_reset = among(both, 0, 3) != 0;
        command->u.account.taker_fee_rate = among(both, 0, 90000);
    } else {
        command->kind = RF_COMMAND_ADJUST;
        command->u.money =
            (__typeof__(command->u.money)){.account = (uint32_t)among(both, 3, TWIN_USERS),
                                           .amount = among(both, -20000000000, 20000000000)};
    }
}

static void step_twins(twins *both)
{
    rf_command command = {0};
    const int64_t kind = among(both, 0, 99);
    if (kind == 0) {
        both->mark = rf_max(100000, both->mark + 5 * among(both, -300, 300));
        set_mark(both, (uint32_t)among(both, 0, TWIN_INSTRUMENTS - 1));
        run_to_end(both);
        return;
    }
    if (kind < 40)
        draw_order(both, &command);
    else if (kind < 96)
        draw_change(both, &command);
    else
        draw_account(both, &command);
    apply(both, &command);
    run_to_end(both);
}

/* Commands of all kinds to look ahead at, with whatever numbers: looking changes nothing and stays within bounds. */
static void look_ahead(twins *both)
{
    rf_command ahead[32] = {0};
    for (uint32_t i = 0; i < 32; i++) {
        ahead[i].kind = (rf_command_kind)among(both, 0, RF_COMMAND_KINDS - 1);
        if (among(both, 0, 3) != 0)
            ahead[i].kind =
                (rf_command_kind)among(both, RF_COMMAND_PLACE_ORDER, RF_COMMAND_CANCEL_ORDER);
        ahead[i].u.order.account = (uint32_t)among(both, 0, TWIN_USERS + 5);
        ahead[i].u.change.order_id = (uint64_t)among(both, -5, 100000);
        ahead[i].u.change.price = among(both, INT64_MIN / 2, INT64_MAX / 2);
    }
    rf_engine_prefetch(both->quick, ahead, (uint32_t)among(both, 0, 32));
}

/* Answers, state and invariants are the same with short cuts and without. */
static void twins_answer_alike(void **state)
{
    (void)state;
    twins both = {.quick = new_engine(&twin_limits),
                  .exact = new_engine(&twin_limits),
                  .random = {47},
                  .mark = 500000};
    uint32_t roomy = 0;
    found(&both);
    for (uint32_t step = 0; step < TWIN_COMMANDS; step++) {
        step_twins(&both);
        if (step % 16 == 0)
            look_ahead(&both);
        rf_invariant rows[32];
        const size_t count = step % 4 != 0 ? 0 : rf_engine_check(both.quick, rows, 32);
        for (size_t i = 0; i < count; i++)
            assert_true(rows[i].ok);
        for (uint32_t i = 1; i <= TWIN_USERS; i++)
            roomy += both.quick->accounts[i].room > 0;
        const rf_digest quick = step % 64 != 0 ? (rf_digest){0} : rf_engine_digest(both.quick),
                        exact = step % 64 != 0 ? (rf_digest){0} : rf_engine_digest(both.exact);
        assert_true(quick.high == exact.high && quick.low == exact.low);
    }
    assert_true(both.accepted[RF_COMMAND_PLACE_ORDER] > 50000 &&
                both.accepted[RF_COMMAND_AMEND_ORDER] > 90000 && both.poor > 10000 &&
                roomy > 500000);
    free(both.quick);
    free(both.exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_there),
        cmocka_unit_test(room_of_sells_below_the_mark),
        cmocka_unit_test(takers_take_no_more),
        cmocka_unit_test(twins_answer_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
