/* Auto-deleveraging against a model that is as plain as can be: no heap, no cache, every score
 * computed anew for every step. Populations are made through the public API, so that the
 * positions are ones the engine can have; the engine's own deleverage.h is called from there. */
#include "tests/unit/small.h"

#include "engine/cross.h"
#include "engine/deleverage.h"
#include "engine/engine.h"
#include "engine/insurance.h"
#include "engine/ledger.h"
#include "engine/match.h"
#include "engine/position.h"
#include "tests/tape.h"

enum {
    TRADERS = 40,
    BANK = 1, /* the account that takes the other side of everybody */
    MOVES_MAX = 4096,
    USD = 100000000,
};

/* ---- A market -------------------------------------------------------------------------------- */

typedef struct market {
    rf_engine *engine;
    uint64_t random;
    rf_event moves[MOVES_MAX]; /* POSITION_MOVED of counterparties */
    uint32_t moves_count;
    uint32_t victim; /* account whose own moves are left out */
} market;

static uint64_t next_random(market *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

static int64_t pick(market *m, int64_t low, int64_t high)
{
    return low + (int64_t)(next_random(m) % (uint64_t)(high - low + 1));
}

static void see(void *context, const rf_event *event)
{
    market *m = context;
    if (event->kind != RF_EVENT_POSITION_MOVED || event->code != 2 || event->account == m->victim)
        return;
    assert_true(m->moves_count < MOVES_MAX);
    m->moves[m->moves_count++] = *event;
}

static rf_result apply(market *m, const rf_command *command)
{
    rf_result result;
    rf_engine_apply(m->engine, command, &result);
    while (rf_engine_pending(m->engine)) {
        const rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command->time_ns};
        rf_result ignored;
        rf_engine_apply(m->engine, &tick, &ignored);
    }
    return result;
}

static void must(market *m, const rf_command *command)
{
    const rf_result result = apply(m, command);
    assert_int_equal(result.code, RF_ERR_OK);
}

static rf_command command_of(rf_command_kind kind)
{
    rf_command command;
    memset(&command, 0, sizeof command);
    command.kind = kind;
    command.time_ns = 1700000000000000000LL;
    return command;
}

static void deposit(market *m, uint32_t account, int64_t amount)
{
    rf_command command = command_of(RF_COMMAND_DEPOSIT);
    command.u.money.account = account;
    command.u.money.currency = (uint32_t)rf_find_currency(m->engine, "USDC");
    command.u.money.amount = amount;
    must(m, &command);
}

static void set_mark_of(market *m, uint32_t instrument, int64_t price)
{
    rf_command command = command_of(RF_COMMAND_SET_MARK_PRICE);
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = price;
    must(m, &command);
}

static void set_mark(market *m, int64_t price)
{
    set_mark_of(m, 0, price);
}

static void open_account(market *m, const char *label)
{
    rf_command command = command_of(RF_COMMAND_CREATE_ACCOUNT);
    strcpy(command.u.account.label, label);
    must(m, &command);
}

/* price_decimals 1, tick 0.5; qty_decimals 4: K = 1,000. */
static void create_instrument(market *m, const char *base, int64_t fund_cap)
{
    rf_instrument_config config;
    memset(&config, 0, sizeof config);
    strcpy(config.base, base);
    strcat(strcpy(config.name, base), "USD-PERP");
    strcat(strcpy(config.index_name, base), "USD-INDEX");
    config.price_decimals = 1;
    config.qty_decimals = 4;
    config.price_tick = 5;
    config.qty_tick = 1;
    config.max_leverage = 50;
    config.maker_fee_rate = 25000;
    config.taker_fee_rate = 40000;
    config.liquidation_fee_rate = 500000;
    config.price_band = 10000000;
    config.min_order_qty = 1;
    config.fund_position_cap = fund_cap;
    config.funding_cap_rate = 1000000;
    config.isolations_max = 100;
    config.settlement = RF_SETTLEMENT_MANUAL;
    rf_command command = command_of(RF_COMMAND_CREATE_INSTRUMENT);
    command.u.instrument.config = &config;
    must(m, &command);
}

static void open_engine(market *m, uint32_t accounts_max)
{
    const rf_limits limits = {.accounts_max = accounts_max,
                              .instruments_max = 2,
                              .positions_max = 4 * accounts_max,
                              .orders_max = 512,
                              .recent_max = 512,
                              .withdrawals_max = 16,
                              .window_ticks = 4096,
                              .watch_buckets = 4096};
    memset(m, 0, sizeof *m);
    m->engine = new_engine(&limits);
    rf_engine_set_sink(m->engine, (rf_sink){see, m});
}

static void open_market_of(market *m, uint64_t seed, int64_t fund_cap, uint32_t traders)
{
    open_engine(m, traders + 24);
    m->random = seed * 0x9e3779b97f4a7c15ULL + 1;
    create_instrument(m, "BTC", fund_cap);
    create_instrument(m, "ETH", fund_cap);
    open_account(m, "bank");
    deposit(m, BANK, 1000000000LL * USD);
    for (uint32_t i = 0; i < traders; i++) {
        const char label[] = {'t', (char)('a' + i / 26), (char)('a' + i % 26), '\0'};
        open_account(m, label);
    }
}

static void open_market(market *m, uint64_t seed, int64_t fund_cap)
{
    open_market_of(m, seed, fund_cap, TRADERS);
}

static void close_market(market *m)
{
    free(m->engine);
}

static rf_result order_on(market *m, uint16_t instrument, uint32_t account, rf_side side,
                          int64_t price, int64_t qty, uint32_t leverage)
{
    rf_command command = command_of(RF_COMMAND_PLACE_ORDER);
    rf_order_params *params = &command.u.order;
    params->account = account;
    params->instrument = instrument;
    params->side = (uint8_t)side;
    params->type = RF_LIMIT;
    params->price = price;
    params->qty = qty;
    params->leverage = leverage;
    params->isolated_margin = -1;
    params->flags = (uint16_t)(RF_FLAG_OID_DEFAULTED | (leverage != 0 ? RF_FLAG_ISOLATED : 0));
    return apply(m, &command);
}

/* The account opens against the bank; leverage 0 = cross. Not everybody can afford it. */
static void take_on(market *m, uint16_t instrument, uint32_t account, rf_side side, int64_t price,
                    int64_t qty, uint32_t leverage)
{
    const rf_result made =
        order_on(m, instrument, BANK, side == RF_BUY ? RF_SELL : RF_BUY, price, qty, 0);
    assert_int_equal(made.code, RF_ERR_OK);
    order_on(m, instrument, account, side, price, qty, leverage);
    rf_command cancel = command_of(RF_COMMAND_CANCEL_ORDERS);
    cancel.u.change.account = BANK;
    cancel.u.change.instrument = -1;
    cancel.u.change.mode = -1;
    cancel.u.change.all = 2;
    must(m, &cancel);
}

static void take(market *m, uint32_t account, rf_side side, int64_t price, int64_t qty,
                 uint32_t leverage)
{
    take_on(m, 0, account, side, price, qty, leverage);
}

/* Traders with cross positions on two instruments, isolations and both, entered at marks from
 * 45,000 to 55,000. The fund takes whoever does not survive the way there. */
static void populate(market *m)
{
    set_mark_of(m, 1, 20000);
    for (uint32_t i = 0; i < TRADERS; i++) {
        const uint32_t account = BANK + 1 + i;
        deposit(m, account, pick(m, 500, 40000) * USD);
        const int64_t mark = pick(m, 450000, 550000) / 5 * 5;
        set_mark(m, mark);
        if (pick(m, 0, 2) != 0)
            take(m, account, (rf_side)pick(m, 0, 1), mark, pick(m, 1, 9000),
                 (uint32_t)pick(m, 2, 50));
        if (pick(m, 0, 2) != 0)
            take(m, account, (rf_side)pick(m, 0, 1), mark, pick(m, 1, 5000), 0);
        if (pick(m, 0, 1) != 0)
            take_on(m, 1, account, (rf_side)pick(m, 0, 1), 20000, pick(m, 1, 100000), 0);
    }
    set_mark_of(m, 1, pick(m, 19000, 21000) / 5 * 5);
}

/* Traders offer on both sides of the mark: the makers of liquidation orders. */
static void quote(market *m)
{
    const int64_t mark = m->engine->instruments[0].mark;
    for (uint32_t i = 0; i < TRADERS; i++) {
        const int64_t away = pick(m, 5, 20000);
        order_on(m, 0, BANK + 1 + i, RF_BUY, (mark - away) / 5 * 5, pick(m, 1, 3000), 0);
        order_on(m, 0, BANK + 1 + i, RF_SELL, (mark + away) / 5 * 5 + 5, pick(m, 1, 3000), 0);
    }
}

static void fund(market *m, int64_t amount)
{
    rf_command command = command_of(RF_COMMAND_FUND_INSURANCE);
    command.u.money.currency = (uint32_t)rf_find_currency(m->engine, "USDC");
    command.u.money.amount = amount;
    must(m, &command);
}

/* ---- The model ------------------------------------------------------------------------------- */

static rf_wide floor_div(rf_wide a, rf_wide b)
{
    const rf_wide q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

static rf_wide model_score(const market *m, const rf_position_view *view)
{
    int64_t equity = view->wallet + view->unrealized;
    if (!view->isolated) {
        rf_account_view account;
        assert_true(rf_view_account(m->engine, view->account, &account));
        equity = account.collateral + account.unrealized;
    }
    const int64_t cost = view->cost < 0 ? -view->cost : view->cost;
    const rf_wide pnl = floor_div((rf_wide)view->unrealized * 100000000, cost);
    const rf_wide lev = (rf_wide)view->value * 100000000 / (equity > 0 ? equity : 1);
    return view->unrealized > 0 ? pnl * lev : floor_div(pnl * 100000000, lev > 0 ? lev : 1);
}

static bool model_healthy(const market *m, const rf_position_view *view)
{
    if (view->isolated)
        return view->wallet + view->unrealized >= view->health_required;
    rf_account_view account;
    assert_true(rf_view_account(m->engine, view->account, &account));
    return account.margin_balance >= account.maintenance_margin;
}

static bool model_before(rf_wide a, const rf_position_view *left, rf_wide b,
                         const rf_position_view *right)
{
    if (a != b)
        return a > b;
    if (left->account != right->account)
        return left->account < right->account;
    return !left->isolated && right->isolated;
}

/* Everybody on this side who may be deleveraged for an account (0: for nobody in particular). */
static uint32_t model_side(const market *m, bool longs, uint32_t without, rf_position_view *views)
{
    uint32_t count = 0;
    rf_position_view view;
    for (uint64_t at = 0; (at = rf_next_position(m->engine, 0, at, &view)) != 0;)
        if (view.qty != 0 && (view.qty > 0) == longs && view.account != 0 &&
            (without == 0 || view.account != without) && model_healthy(m, &view))
            views[count++] = view;
    return count;
}

static bool model_first(const market *m, bool longs, uint32_t without, rf_position_view *first)
{
    rf_position_view views[256];
    const uint32_t count = model_side(m, longs, without, views);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 ||
            model_before(model_score(m, &views[i]), &views[i], model_score(m, first), first))
            *first = views[i];
    return count > 0;
}

static void check_conserved(const market *m)
{
    rf_invariant rows[16];
    const size_t count = rf_engine_check(m->engine, rows, 16);
    assert_true(count > 0 && count <= 16);
    for (size_t i = 0; i < count; i++)
        assert_true(rows[i].ok);
}

static uint32_t any_victim(market *m, bool longs)
{
    rf_position_view views[256];
    const uint32_t count = model_side(m, longs, BANK, views);
    if (count == 0)
        return RF_NONE;
    const rf_position_view *view = &views[next_random(m) % count];
    return view->isolated ? rf_position_by_isolation(m->engine, view->isolation_id)
                          : rf_position_find(m->engine, view->account, 0, false);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* One step of rf_deleverage for a need that the first in line can meet alone. */
static void check_step(market *m, uint32_t victim, uint32_t *moves, uint32_t *isolated)
{
    const rf_position *record = &m->engine->positions[victim];
    const bool longs = record->q > 0;
    const int64_t mark = m->engine->instruments[0].mark;
    m->victim = record->account;
    m->moves_count = 0;
    rf_position_view first;
    const bool found = model_first(m, !longs, m->victim, &first);
    const rf_qty need = rf_min(rf_size(record->q), found ? pick(m, 1, rf_size(first.qty)) : 1);
    const rf_qty given = rf_deleverage(m->engine, victim, need, mark + pick(m, -20000, 20000));
    assert_int_equal(given, found ? need : 0);
    assert_int_equal(m->moves_count, found);
    if (!found)
        return;
    assert_int_equal(m->moves[0].account, first.account);
    assert_int_equal(m->moves[0].isolation_id, first.isolation_id);
    assert_int_equal(m->moves[0].qty, first.qty > 0 ? -need : need);
    ++*moves;
    *isolated += first.isolated;
}

/* The engine must name whom the model names, while the queue is kept from step to step and what
 * happens between (fills of liquidation orders, sweeps) moves everybody up and down in it. mark:
 * 0, or one that is set by hand, so that nobody is liquidated and the unhealthy have to be
 * skipped. */
static void compare_steps(market *m, bool by_hand, uint32_t *moves, uint32_t *isolated)
{
    const int64_t mark = pick(m, 460000, 540000) / 5 * 5;
    if (by_hand)
        m->engine->instruments[0].mark = mark;
    else
        set_mark(m, mark);
    quote(m);
    rf_deleverage_forget(m->engine);
    if (by_hand)
        m->engine->instruments[0].mark = mark + pick(m, -40000, 40000);
    for (int step = 0; step < 60; step++) {
        const uint32_t victim =
            any_victim(m, pick(m, 0, 3) != 0); /* mostly the same side: the queue is kept */
        if (victim == RF_NONE)
            continue;
        rf_money value;
        const rf_qty size = rf_size(m->engine->positions[victim].q);
        const int64_t limit =
            m->engine->positions[victim].q > 0 ? 1 : m->engine->instruments[0].mark_max;
        if (pick(m, 0, 2) == 0)
            rf_match_liquidation(m->engine, victim, pick(m, 1, size), limit, &value);
        if (m->engine->positions[victim].q != 0)
            check_step(m, victim, moves, isolated);
        rf_deleverage_follow(m->engine);
        rf_engine_look(m->engine);
        if (!by_hand)
            check_conserved(m);
    }
}

static void the_first_in_line_is_the_models(void **state)
{
    (void)state;
    for (int by_hand = 0; by_hand <= 1; by_hand++) {
        uint32_t moves = 0, isolated = 0;
        for (uint64_t seed = 1; seed <= 30; seed++) {
            market m;
            open_market(&m, seed, -1);
            fund(&m, 100000000LL * USD);
            populate(&m);
            compare_steps(&m, by_hand != 0, &moves, &isolated);
            close_market(&m);
        }
        assert_true(moves > 1000 && isolated > 100 && moves - isolated > 100);
    }
}

/* A need larger than one holds is taken from several, each for what it has, in the model's
 * order. */
static void each_gives_at_most_what_it_has(void **state)
{
    (void)state;
    uint32_t passes = 0;
    for (uint64_t seed = 100; seed < 130; seed++) {
        market m;
        open_market(&m, seed, -1);
        fund(&m, 100000000LL * USD);
        populate(&m);
        const uint32_t bank = rf_position_find(m.engine, BANK, 0, false);
        if (bank != RF_NONE && m.engine->positions[bank].q != 0) {
            const bool longs =
                m.engine->positions[bank].q < 0; /* those who stand against the bank */
            rf_position_view views[256];
            const uint32_t count = model_side(&m, longs, BANK, views);
            for (uint32_t i = 1; i < count; i++) /* by the model's order */
                for (uint32_t j = i; j > 0; j--) {
                    const rf_position_view view = views[j];
                    if (!model_before(model_score(&m, &view), &view, model_score(&m, &views[j - 1]),
                                      &views[j - 1]))
                        break;
                    views[j] = views[j - 1];
                    views[j - 1] = view;
                }
            m.victim = BANK;
            m.moves_count = 0;
            const rf_qty need = rf_size(m.engine->positions[bank].q);
            const rf_qty given = rf_deleverage(m.engine, bank, need, m.engine->instruments[0].mark);
            rf_qty left = need;
            for (uint32_t i = 0; i < m.moves_count; i++) {
                assert_int_equal(m.moves[i].account, views[i].account);
                assert_int_equal(m.moves[i].isolation_id, views[i].isolation_id);
                const rf_qty gave = rf_min(left, rf_size(views[i].qty));
                assert_int_equal(rf_size(m.moves[i].qty), gave);
                left -= gave;
            }
            assert_int_equal(given, need - left);
            assert_true(left == 0 || m.moves_count == count);
            passes += m.moves_count > 2;
            rf_engine_look(m.engine);
            check_conserved(&m);
        }
        close_market(&m);
    }
    assert_true(passes > 5);
}

static void the_rank_is_the_fifth_by_quantity(void **state)
{
    (void)state;
    uint32_t seen[6] = {0};
    for (uint64_t seed = 200; seed < 220; seed++) {
        market m;
        open_market(&m, seed, -1);
        populate(&m);
        for (int longs = 0; longs <= 1; longs++) {
            rf_position_view views[256];
            const uint32_t count = model_side(&m, longs != 0, 0, views);
            for (uint32_t i = 0; i < count; i++) {
                int64_t ahead = 0, total = 0;
                const rf_wide score = model_score(&m, &views[i]);
                for (uint32_t j = 0; j < count; j++) {
                    const int64_t size = rf_size(views[j].qty);
                    total += size;
                    if (model_before(model_score(&m, &views[j]), &views[j], score, &views[i]))
                        ahead += size;
                }
                const uint32_t fifth = 5 - (uint32_t)(5 * ahead / total);
                assert_int_equal(views[i].adl_rank, fifth);
                seen[fifth]++;
            }
        }
        close_market(&m);
    }
    for (uint32_t rank = 1; rank <= 5; rank++)
        assert_true(seen[rank] > 0);
    assert_int_equal(seen[0], 0);
}

/* A server reads ranks with every push: it lives with cut-offs of the last second. */
static void cut_offs_may_be_a_second_old(void **state)
{
    (void)state;
    market m;
    rf_position_view views[256];
    open_market(&m, 200, -1);
    populate(&m);
    model_side(&m, true, 0, views);
    const uint64_t *found = m.engine->instruments[0].adl_cuts_seq;
    const uint64_t first = found[RF_BUY];
    assert_true(first > 0);
    rf_engine_set_rank_age(m.engine, 1000000000);
    rf_command tick = command_of(RF_COMMAND_TICK);
    rf_result result;
    for (int64_t age = 0; age < 1000000000; age += 499999999) {
        tick.time_ns = m.engine->now_ns + (age > 0 ? 499999999 : 0);
        rf_engine_apply(m.engine, &tick, &result);
        model_side(&m, true, 0, views);
        assert_int_equal(found[RF_BUY], first);
    }
    tick.time_ns = m.engine->now_ns + 2;
    rf_engine_apply(m.engine, &tick, &result);
    model_side(&m, true, 0, views);
    assert_int_equal(found[RF_BUY], m.engine->seq);
    rf_engine_set_rank_age(m.engine, 0);
    rf_engine_apply(m.engine, &tick, &result);
    model_side(&m, true, 0, views);
    assert_int_equal(found[RF_BUY], m.engine->seq);
    close_market(&m);
}

static rf_qty exposed(const market *m, uint32_t account)
{
    return rf_deleverage_exposed(m->engine, rf_position_find(m->engine, account, 0, false));
}

/* The bank is long 3 at a loss; two shorts in profit stand against it. */
static void the_preview_tells_what_would_be_lost(void **state)
{
    (void)state;
    market m;
    open_market(&m, 1, -1);
    for (uint32_t account = 2; account <= 4; account++)
        deposit(&m, account, (account == 2 ? 20000LL : 200000LL) * USD);
    set_mark(&m, 500000);
    take(&m, 2, RF_SELL, 500000, 10000, 0); /* 1 BTC with little behind it: first in line */
    take(&m, 3, RF_SELL, 500000, 40000, 0); /* 4 BTC with much */
    set_mark(&m, 490000);
    assert_int_equal(exposed(&m, 2), 10000);
    assert_int_equal(exposed(&m, 3), 40000); /* the bank has 5: all of it */
    take(&m, 4, RF_BUY, 490000, 20000, 0);   /* the bank keeps 3 */
    set_mark(&m, 489000);
    assert_int_equal(exposed(&m, 2), 10000);
    assert_int_equal(exposed(&m, 3), 20000);
    assert_int_equal(exposed(&m, 4), 0); /* nobody on the other side loses */
    close_market(&m);
}

/* Two long losers of one size: the older account is the one in need, though its position is the
 * younger. Its own short then stands aside, and the bank's comes first. */
static void equal_losers_are_taken_as_in_the_queue(void **state)
{
    (void)state;
    market m;
    open_market(&m, 1, -1);
    deposit(&m, 3, 200000LL * USD);
    deposit(&m, 4, 200000LL * USD);
    set_mark(&m, 500000);
    take(&m, 4, RF_BUY, 500000, 10000, 0);
    take(&m, 3, RF_BUY, 500000, 10000, 0);
    take(&m, 3, RF_SELL, 500000, 10000, 10);
    set_mark(&m, 490000);
    assert_int_equal(exposed(&m, BANK), 10000);
    close_market(&m);
}

/* The rule's number, from the scores down: |U| and the leverage of an isolation of known wallet. */
static void a_loser_with_more_leverage_comes_first_among_losers(void **state)
{
    (void)state;
    market m;
    open_market(&m, 1, -1);
    deposit(&m, 2, 100000LL * USD);
    deposit(&m, 3, 100000LL * USD);
    set_mark(&m, 500000);
    take(&m, 2, RF_BUY, 500000, 10000, 2);
    take(&m, 3, RF_BUY, 500000, 10000, 20);
    set_mark(&m, 495000); /* both lose the same; -pnl / leverage is the smaller loss at 20 */
    rf_position_view first;
    assert_true(model_first(&m, true, BANK, &first));
    assert_int_equal(first.account, 3);
    m.victim = BANK;
    const uint32_t bank = rf_position_find(m.engine, BANK, 0, false);
    assert_int_equal(rf_deleverage(m.engine, bank, 10000, 495000), 10000);
    assert_int_equal(m.moves_count, 1);
    assert_int_equal(m.moves[0].account, 3);
    rf_engine_look(m.engine);
    rf_position_view gone;
    assert_false(rf_view_isolation(m.engine, m.moves[0].isolation_id, &gone)); /* swept */
    close_market(&m);
}

/* Equal scores: the account that was opened first, however young its position. */
static void the_older_account_wins_a_tie(void **state)
{
    (void)state;
    market m;
    open_market(&m, 1, -1);
    set_mark(&m, 500000);
    for (uint32_t account = 9; account >= 2; account--) {
        deposit(&m, account, 100000LL * USD);
        take(&m, account, RF_SELL, 500000, 1000, 10);
    }
    set_mark(&m, 490000);
    const uint32_t bank = rf_position_find(m.engine, BANK, 0, false);
    m.victim = BANK;
    assert_int_equal(rf_deleverage(m.engine, bank, 8000, 490000), 8000);
    assert_int_equal(m.moves_count, 8);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(m.moves[i].account, 2 + i);
    rf_account_view bank_view;
    assert_true(rf_view_account(m.engine, BANK, &bank_view));
    /* 0.8 BTC bought at 50,000, given up at 49,000; the maker's fee is no result of a position. */
    assert_int_equal(bank_view.session_realized, -800LL * USD);
    rf_engine_look(m.engine);
    check_conserved(&m);
    close_market(&m);
}

/* The price is worse for the other side than what it has: its isolation ends at zero, the fund
 * pays. */
static void a_counterparty_below_zero_is_covered(void **state)
{
    (void)state;
    market m;
    open_market(&m, 1, -1);
    deposit(&m, 2, 100000LL * USD);
    set_mark(&m, 500000);
    take(&m, 2, RF_SELL, 500000, 10000, 50);
    rf_position_view view;
    rf_house_view before, after;
    assert_true(rf_view_isolation(m.engine, 1, &view));
    rf_view_house(m.engine, &before);
    const uint32_t bank = rf_position_find(m.engine, BANK, 0, false);
    m.victim = BANK;
    assert_int_equal(rf_deleverage(m.engine, bank, 10000, 600000), 10000);
    rf_engine_look(m.engine);
    rf_view_house(m.engine, &after);
    const int64_t loss = 10000LL * (600000 - 500000) * 1000;
    assert_int_equal(before.insurance[0] - after.insurance[0], loss - view.wallet);
    assert_false(rf_view_isolation(m.engine, 1, &view));
    check_conserved(&m);
    close_market(&m);
}

/* With a cap of zero the fund takes nothing and the whole crash goes through the queue; with a
 * small or no cap it takes a part, at cost and at a price. */
static void crashes_conserve_everything(void **state)
{
    (void)state;
    uint32_t deleveraged = 0;
    for (uint64_t seed = 300; seed < 342; seed++) {
        market m;
        const int64_t caps[3] = {0, 3000, -1};
        open_market(&m, seed, caps[seed % 3]);
        m.victim = UINT32_MAX;
        fund(&m, 100LL * USD);
        populate(&m);
        if (seed % 2 != 0)
            quote(&m);
        for (int i = 0; i < 8; i++) {
            m.moves_count = 0;
            set_mark(&m, pick(&m, 300000, 700000) / 5 * 5);
            deleveraged += m.moves_count;
            check_conserved(&m);
            rf_position_view view;
            for (uint64_t at = 0; (at = rf_next_position(m.engine, 0, at, &view)) != 0;)
                assert_true(view.account == 0 || model_healthy(&m, &view));
        }
        close_market(&m);
    }
    assert_true(deleveraged > 100);
}

/* ---- A restart in the middle ----------------------------------------------------------------- */

static void reload(const market *m, market *copy, uint32_t accounts_max)
{
    tape bytes = {0};
    const char *error = NULL;
    open_engine(copy, accounts_max);
    assert_true(rf_engine_save(m->engine, tape_write, &bytes));
    assert_true(rf_engine_load(copy->engine, tape_read, &bytes, &error));
    free(bytes.bytes);
}

static void tick(market *m)
{
    const rf_command command = command_of(RF_COMMAND_TICK);
    rf_result result;
    rf_engine_apply(m->engine, &command, &result);
    assert_int_equal(result.code, RF_ERR_OK);
}

/* Longs that a crash makes unhealthy, isolated and cross, more of them than one command closes. */
static void crowd(market *m, uint32_t traders)
{
    set_mark(m, 500000);
    for (uint32_t i = 0; i < traders; i++) {
        const uint32_t account = BANK + 1 + i;
        deposit(m, account, (1000 + (int64_t)(i % 97)) * USD);
        take(m, account, i % 3 == 2 ? RF_SELL : RF_BUY, 500000, 1000 + pick(m, 0, 900),
             i % 2 == 0 ? 0 : (uint32_t)pick(m, 10, 50));
    }
}

/* Every snapshot between two commands of a long liquidation goes on as the engine does that was
 * not restarted. */
static void a_restart_in_the_middle_continues(void **state)
{
    (void)state;
    enum { CROWD = 2600 };
    uint32_t restarts = 0, slices = 0;
    for (int64_t cap = -1; cap <= 0; cap++) {
        market m;
        open_market_of(&m, 7, cap, CROWD);
        crowd(&m, CROWD);
        m.victim = UINT32_MAX;
        rf_command crash = command_of(RF_COMMAND_SET_MARK_PRICE);
        crash.u.instrument.price = 440000;
        rf_result result;
        rf_engine_apply(m.engine, &crash, &result);
        assert_int_equal(result.code, RF_ERR_OK);
        while (rf_engine_pending(m.engine)) {
            market copy;
            reload(&m, &copy, CROWD + 24);
            restarts++;
            slices += m.engine->work.cross_account != 0;
            m.moves_count = 0;
            tick(&m);
            tick(&copy);
            const rf_digest here = rf_engine_digest(m.engine),
                            there = rf_engine_digest(copy.engine);
            assert_true(here.high == there.high && here.low == there.low);
            close_market(&copy);
        }
        check_conserved(&m);
        close_market(&m);
    }
    assert_true(restarts > 3 && slices > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_in_line_is_the_models),
        cmocka_unit_test(each_gives_at_most_what_it_has),
        cmocka_unit_test(the_rank_is_the_fifth_by_quantity),
        cmocka_unit_test(cut_offs_may_be_a_second_old),
        cmocka_unit_test(the_preview_tells_what_would_be_lost),
        cmocka_unit_test(equal_losers_are_taken_as_in_the_queue),
        cmocka_unit_test(a_loser_with_more_leverage_comes_first_among_losers),
        cmocka_unit_test(the_older_account_wins_a_tie),
        cmocka_unit_test(a_counterparty_below_zero_is_covered),
        cmocka_unit_test(crashes_conserve_everything),
        cmocka_unit_test(a_restart_in_the_middle_continues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
