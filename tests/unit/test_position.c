/* Requirements against a direct evaluation of margin.md sections 3 and 10: every order looked
 * at, 128 bits, no sums kept. Then trades, transfers of positions, isolations by id, and what
 * may be withdrawn. */
#include "tests/unit/own_orders.h"

#include "engine/cross.h"
#include "engine/ledger.h"

/* ---- Section 3 as it is written -------------------------------------------------------------- */

typedef struct naive_side {
    rf_wide notional, position, orders, covered, loss, qty;
    rf_wide im, mm, fr;
} naive_side;

static rf_wide ceil_div(rf_wide a, rf_wide b)
{
    return (a + b - 1) / b;
}

static rf_wide larger(rf_wide a, rf_wide b)
{
    return a > b ? a : b;
}

static rf_wide smaller(rf_wide a, rf_wide b)
{
    return a < b ? a : b;
}

/* The side's opening orders, best price first, found by looking at every record of the pool. */
static uint32_t collect(const rf_engine *engine, uint32_t position, uint8_t side,
                        const rf_order **orders)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < engine->orders_fresh; i++) {
        const rf_order *order = &engine->orders[i];
        if (order->state == RF_STATE_FREE || order->position != position || order->side != side ||
            (order->flags & RF_FLAG_REDUCE_ONLY) != 0)
            continue;
        uint32_t place = count++;
        for (; place > 0; place--) {
            const rf_price before = orders[place - 1]->price;
            if (side == RF_BUY ? before >= order->price : before <= order->price)
                break;
            orders[place] = orders[place - 1];
        }
        orders[place] = order;
    }
    return count;
}

static void naive_exposure(const rf_engine *engine, uint32_t position, uint8_t side, rf_price mark,
                           naive_side *out)
{
    const rf_order *orders[OWN_ORDERS_MAX + 1];
    const rf_position *record = &engine->positions[position];
    const rf_wide k = engine->instruments[record->instrument].k;
    const uint32_t count = collect(engine, position, side, orders);
    const int sign = side == RF_BUY ? 1 : -1;
    rf_wide cover = larger(0, -sign * (rf_wide)record->q), covered_loss = 0;
    memset(out, 0, sizeof *out);
    out->qty = larger(0, sign * (rf_wide)record->q);
    out->position = out->qty * mark * k;
    for (uint32_t i = 0; i < count; i++) {
        const rf_wide px = side == RF_BUY ? orders[i]->price : larger(orders[i]->price, mark);
        const rf_wide loss = larger(0, sign * ((rf_wide)orders[i]->price - mark));
        const rf_wide covered = smaller(cover, orders[i]->leaves),
                      open = orders[i]->leaves - covered;
        cover -= covered;
        out->covered += covered * px * k;
        covered_loss += covered * loss * k;
        out->orders += open * px * k;
        out->loss += open * loss * k;
        out->qty += open;
    }
    if (out->orders != 0)
        out->loss += covered_loss; /* it flips */
    else
        out->covered = 0;
    out->notional = out->position + out->orders;
}

static const rf_tier *naive_tier(const rf_instrument_config *config, rf_wide notional)
{
    const rf_tier *tier = config->tiers;
    for (uint32_t i = 1; i < config->tiers_count; i++)
        if (notional >= config->tiers[i].notional_floor)
            tier = &config->tiers[i];
    return tier;
}

static rf_wide naive_deduction(const rf_instrument_config *config, const rf_tier *tier)
{
    rf_wide sum = 0;
    for (const rf_tier *step = config->tiers + 1; step <= tier; step++)
        sum += (rf_wide)step->notional_floor *
               (step->maintenance_rate - step[-1].maintenance_rate) / RF_E8;
    return sum;
}

static void naive_margin(const rf_engine *engine, uint32_t position, int64_t leverage,
                         naive_side *side)
{
    const rf_position *record = &engine->positions[position];
    const rf_instrument_config *config = &engine->instruments[record->instrument].config;
    const rf_account *account = &engine->accounts[record->account];
    const rf_wide taker =
        account->flags & RF_ACCOUNT_OWN_FEES ? account->taker_rate : config->taker_fee_rate;
    const rf_wide liquidation = config->liquidation_fee_rate, n = side->notional;
    side->fr = ceil_div(side->position * (taker + liquidation), RF_E8) +
               ceil_div(side->orders * (2 * taker + liquidation) + side->covered * taker, RF_E8);
    if (config->tiers_count != 0) {
        const rf_tier *tier = naive_tier(config, n);
        const rf_wide most = smaller(config->max_leverage, tier->max_leverage);
        side->im = smaller(n, larger(ceil_div(n, leverage), ceil_div(n, most)));
        side->mm = ceil_div(n * tier->maintenance_rate, RF_E8) - naive_deduction(config, tier);
        return;
    }
    rf_wide one = 1000000000000000000;
    for (uint32_t i = 0; i < config->qty_decimals; i++)
        one *= 10;
    const rf_wide by_size = n * config->unit_margin_rate_e18 * side->qty;
    side->im = smaller(n, larger(larger(ceil_div(n, leverage), ceil_div(n, config->max_leverage)),
                                 ceil_div(by_size, one)));
    side->mm = smaller(ceil_div(n, 2),
                       larger(ceil_div(n, 2 * config->max_leverage), ceil_div(by_size, 2 * one)));
}

typedef struct naive_assessment {
    naive_side sides[2];
    uint8_t binding, health;
    rf_wide unrealized, available, margin_balance;
} naive_assessment;

static void naive_assess(const rf_engine *engine, uint32_t position, rf_price mark,
                         int64_t leverage, naive_assessment *out)
{
    const rf_position *record = &engine->positions[position];
    const bool isolated = record->id != 0;
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        naive_exposure(engine, position, side, mark, &out->sides[side]);
        if (!isolated)
            out->sides[side].loss = 0;
        naive_margin(engine, position, leverage, &out->sides[side]);
    }
    const naive_side *buy = &out->sides[RF_BUY], *sell = &out->sides[RF_SELL];
    out->binding = sell->im + sell->fr + sell->loss > buy->im + buy->fr + buy->loss;
    out->health = sell->fr + sell->mm > buy->fr + buy->mm;
    out->unrealized =
        (rf_wide)record->q * mark * engine->instruments[record->instrument].k - record->cost;
    const naive_side *binding = &out->sides[out->binding];
    out->margin_balance = record->wallet + out->unrealized - binding->fr;
    out->available = out->margin_balance - binding->loss - binding->im;
}

/* ---- Random positions ------------------------------------------------------------------------ */

/* One in five is reduce-only; each has an earmark. */
static void add_any_order(rf_engine *engine, own_orders *own, uint32_t position,
                          fixture_random *random, rf_price mark)
{
    const uint16_t flags = fixture_range(random, 0, 4) == 0 ? RF_FLAG_REDUCE_ONLY : 0;
    add_order(engine, own, position, random, mark, flags);
    engine->orders[own->handles[own->count - 1]].earmark = fixture_range(random, 0, 1000000);
}

static void change_orders(rf_engine *engine, own_orders *own, uint32_t position,
                          fixture_random *random, rf_price mark)
{
    const int64_t kind = fixture_range(random, 0, 9);
    if (own->count < OWN_ORDERS_MAX && (own->count == 0 || kind < 5)) {
        add_any_order(engine, own, position, random, mark);
        return;
    }
    const uint32_t place = (uint32_t)fixture_range(random, 0, own->count - 1);
    if (kind < 8) {
        remove_order(engine, own, place);
        return;
    }
    rf_order *order = &engine->orders[own->handles[place]];
    if (kind == 8) {
        const rf_money before = engine->positions[position].open_notional[order->side];
        const rf_money added =
            rf_own_reprice(engine, own->handles[place],
                           rf_max(5, order->price + 5 * fixture_range(random, -1000, 1000)),
                           fixture_range(random, 1, 30000));
        assert_true(engine->positions[position].open_notional[order->side] == before + added);
        return;
    }
    const rf_qty before = order->leaves, by = fixture_range(random, 0, before);
    const rf_money earmark = order->earmark;
    rf_own_reduce(engine, own->handles[place], by);
    assert_true(order->leaves == before - by);
    assert_true(order->earmark == (rf_money)((rf_wide)earmark * (before - by) / before));
    if (order->leaves == 0)
        remove_order(engine, own, place);
}

/* q and C by hand: what trading does to them is another test's. */
static void set_quantity(rf_engine *engine, uint32_t position, fixture_random *random)
{
    rf_position *record = &engine->positions[position];
    const int64_t kind = fixture_range(random, 0, 5);
    record->q = kind == 0   ? 0
                : kind == 1 ? -record->open_qty[RF_BUY] /* the orders close it to the last lot */
                : kind == 2 ? record->open_qty[RF_SELL]
                            : fixture_range(random, -60000, 60000);
    record->cost =
        record->q * fixture_range(random, 1, 1000000) * engine->instruments[record->instrument].k;
}

static void check_side(const rf_requirement *is, const naive_side *should)
{
    assert_true(is->notional == should->notional);
    assert_true(is->im == should->im);
    assert_true(is->mm == should->mm);
    assert_true(is->fr == should->fr);
    assert_true(is->ol == should->loss);
}

static void check_position(const rf_engine *engine, uint32_t position, rf_price mark,
                           uint32_t leverage)
{
    const rf_position *record = &engine->positions[position];
    const bool isolated = record->id != 0;
    const uint32_t own = isolated ? record->leverage : engine->accounts[record->account].leverage;
    naive_assessment should;
    rf_assessment is;
    naive_assess(engine, position, mark, leverage != 0 ? leverage : own, &should);
    rf_position_assess_at(engine, record, mark, leverage, &is);
    assert_int_equal(is.binding_side, should.binding);
    check_side(&is.binding, &should.sides[should.binding]);
    check_side(&is.health, &should.sides[should.health]);
    assert_true(is.binding_qty == should.sides[should.binding].qty);
    assert_true(is.unrealized == should.unrealized);
    assert_true(is.margin_balance == should.margin_balance);
    assert_true(is.available == should.available);
    if (leverage == 0 && !isolated)
        assert_true(rf_position_cross_part(engine, record) == should.available);
    if (leverage == 0 && isolated) {
        const naive_side *health = &should.sides[should.health];
        const bool unhealthy = record->wallet + should.unrealized < health->fr + health->mm;
        assert_int_equal(rf_isolation_unhealthy(engine, record), unhealthy);
    }
}

/* The order sums of the position recounted, the own lists in their order. */
static void check_sums(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    uint32_t all = 0, opening = 0;
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        rf_wide qty = 0, notional = 0;
        uint32_t prev = RF_NONE;
        for (uint32_t i = record->orders[side]; i != RF_NONE; i = engine->orders[i].own_next) {
            const rf_order *order = &engine->orders[i];
            assert_int_equal(order->own_prev, prev);
            if (prev != RF_NONE)
                assert_true(side == RF_BUY ? engine->orders[prev].price >= order->price
                                           : engine->orders[prev].price <= order->price);
            prev = i;
            all++;
            if ((order->flags & RF_FLAG_REDUCE_ONLY) != 0)
                continue;
            opening++;
            qty += order->leaves;
            notional += (rf_wide)order->leaves * order->price * engine->instruments[0].k;
        }
        assert_true(record->open_qty[side] == qty && record->open_notional[side] == notional);
    }
    assert_int_equal(record->orders_count, all);
    assert_int_equal(record->opening_count, opening);
}

/* The cheap bound is one, and is there where one rate holds for all sizes. */
static void check_bound(const rf_engine *engine)
{
    const rf_money least = rf_cross_available_least(engine, 1),
                   exact = rf_cross_available(engine, 1);
    const rf_instrument_config *config = &engine->instruments[0].config;
    assert_true(least <= exact);
    if (config->tiers_count == 0 && config->unit_margin_rate_e18 == 0 &&
        engine->accounts[1].flags == 0)
        assert_true(least != INT64_MIN);
}

static void run_requirements(const rf_instrument_config *config, bool isolated, bool own_fees,
                             uint64_t seed)
{
    rf_engine *engine = fixture_engine();
    rf_instrument *instrument = &engine->instruments[0];
    fixture_random random = {seed};
    own_orders own = {0};
    instrument->config = *config;
    assert_true(rf_instrument_prepare(instrument));
    engine->accounts[1].leverage = 37;
    if (own_fees) {
        engine->accounts[1].flags = RF_ACCOUNT_OWN_FEES;
        engine->accounts[1].taker_rate = 12345;
    }
    const uint32_t position = rf_position_open(engine, 1, 0, isolated, isolated ? 7 : 0);
    if (isolated)
        rf_ledger_post(engine, rf_slot_main(1, 0), rf_slot_of_position(engine, position),
                       123456789012, RF_REASON_ISOLATED_TRANSFER, 0);
    rf_price mark = 500000;
    for (uint32_t step = 0; step < 60000; step++) {
        if (step % 8 == 0)
            set_quantity(engine, position, &random);
        if (step % 16 == 0)
            mark = fixture_range(&random, 100, 1000000);
        change_orders(engine, &own, position, &random, mark);
        instrument->mark = mark;
        if (step % 32 == 0)
            set_quantity(engine, position, &random);
        check_position(engine, position, mark, 0);
        check_position(engine, position, fixture_range(&random, 1, 1000000),
                       step % 3 == 0 ? 3 : 50);
        if (own.count > 0) {
            instrument->mark = engine->orders[own.handles[0]].price; /* the edge: limit = mark */
            check_position(engine, position, instrument->mark, 0);
        }
        check_sums(engine, position);
        check_bound(engine);
    }
    fixture_free(engine);
}

static rf_instrument_config config_with_tiers(void)
{
    rf_instrument_config config = fixture_config();
    const rf_tier tiers[] = {
        {0, 500000, 100, 0},
        {500000000000, 1000000, 40, 0},
        {20000000000000, 2500000, 20, 0},
        {100000000000000, 12500000, 4, 0},
    };
    memcpy(config.tiers, tiers, sizeof tiers);
    config.tiers_count = sizeof tiers / sizeof *tiers;
    return config;
}

static void requirement_of_isolations(void **state)
{
    (void)state;
    const rf_instrument_config plain = fixture_config(), tiers = config_with_tiers();
    rf_instrument_config umr = plain;
    umr.unit_margin_rate_e18 =
        20000000000000000; /* 0.02 per unit: above 1 at 50 units, and all sides of 1/L */
    run_requirements(&plain, true, false, 11);
    run_requirements(&umr, true, true, 12);
    run_requirements(&tiers, true, false, 13);
}

static void requirement_of_cross_positions(void **state)
{
    (void)state;
    const rf_instrument_config plain = fixture_config(), tiers = config_with_tiers();
    rf_instrument_config umr = plain;
    umr.unit_margin_rate_e18 = 20000000000000000;
    rf_instrument_config no_fee = plain;
    no_fee.liquidation_fee_rate = 0; /* the covered part's fee can pass the position's */
    run_requirements(&plain, false, false, 21);
    run_requirements(&no_fee, false, false, 24);
    run_requirements(&umr, false, true, 22);
    run_requirements(&tiers, false, true, 23);
}

static void nothing_is_required_without_a_mark(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    fixture_random random = {3};
    own_orders own = {0};
    const uint32_t position = rf_position_open(engine, 1, 0, true, 10);
    engine->positions[position].wallet = 77;
    add_any_order(engine, &own, position, &random, 500000);
    engine->instruments[0].mark = 0;
    rf_assessment now;
    rf_position_assess(engine, &engine->positions[position], &now);
    assert_true(now.binding.im == 0 && now.health.mm == 0 && now.unrealized == 0 &&
                now.available == 77);
    assert_false(rf_isolation_unhealthy(engine, &engine->positions[position]));
    fixture_free(engine);
}

/* ---- q, C and C0 ----------------------------------------------------------------------------- */

static rf_money floor_share(rf_money cost, rf_qty part, rf_qty whole)
{
    const rf_wide size = (rf_wide)(cost < 0 ? -cost : cost) * part / whole;
    return (rf_money)(cost < 0 ? -size : size);
}

static void trades_follow_section_1(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    fixture_random random = {31};
    const int64_t k = engine->instruments[0].k;
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    rf_position *record = &engine->positions[position];
    rf_qty q = 0;
    rf_money cost = 0, cost_user = 0;
    for (uint32_t step = 0; step < 200000; step++) {
        const uint8_t side = (uint8_t)fixture_range(&random, 0, 1);
        const int sign = side == RF_BUY ? 1 : -1;
        const rf_qty qty = fixture_range(&random, 0, 9) == 0 && q != 0
                               ? rf_abs(q)
                               : fixture_range(&random, 1, 997);
        const rf_price price = fixture_range(&random, 1, 1000000);
        const rf_qty closing = sign * q < 0 ? rf_min(qty, rf_abs(q)) : 0, opening = qty - closing;
        rf_money realized = 0;
        if (closing != 0) {
            const rf_money removed = floor_share(cost, closing, rf_abs(q));
            realized = -sign * closing * price * k - removed;
            cost -= removed;
            cost_user -= floor_share(cost_user, closing, rf_abs(q));
        }
        q += sign * qty;
        cost += sign * opening * price * k;
        cost_user += sign * opening * price * k;
        record->flags = 0;
        assert_true(rf_position_trade(engine, position, side, qty, price) == realized);
        assert_true(record->q == q && record->cost == cost && record->cost_user == cost_user);
        assert_int_equal((record->flags & RF_POSITION_CLOSED) != 0, q == 0);
        assert_true(engine->instruments[0].longs == rf_max(0, q));
        if (q == 0)
            assert_true(cost == 0 && cost_user == 0);
        if (step % 100 == 99) /* a session settlement: C moves to the mark, C0 does not */
            record->cost = cost = q * price * k;
    }
    fixture_free(engine);
}

/* What one gives the other takes: C less what was realised is always what the trades cost. */
static void moved_positions_keep_the_sum_of_costs(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    fixture_random random = {32};
    const uint32_t giver = rf_position_open(engine, 1, 0, false, 0);
    const uint32_t taker = rf_position_open(engine, 2, 0, false, 0);
    const rf_position *from = &engine->positions[giver], *to = &engine->positions[taker];
    rf_money realized = 0, paid = 0;
    uint32_t netted = 0;
    for (uint32_t step = 0; step < 100000; step++) {
        const uint8_t side = (uint8_t)fixture_range(&random, 0, 1);
        const rf_qty qty = fixture_range(&random, 1, 50);
        const rf_price price = fixture_range(&random, 1, 1000000);
        paid += (side == RF_BUY ? qty : -qty) * price * engine->instruments[0].k;
        realized += rf_position_trade(engine, giver, side, qty, price);
        if (from->q != 0) {
            const rf_qty part = fixture_range(&random, 1, rf_abs(from->q));
            const rf_qty moved = from->q < 0 ? -part : part;
            const rf_money share = rf_position_take_out(engine, giver, part);
            realized += rf_position_put_in(engine, taker, moved, share);
        }
        assert_true(from->cost + to->cost - realized == paid);
        assert_true(engine->instruments[0].longs == rf_max(0, from->q) + rf_max(0, to->q));
        if (to->q == 0) {
            netted++;
            assert_true(to->cost == 0 && to->cost_user == 0);
        }
    }
    assert_true(netted > 10);
    fixture_free(engine);
}

static void cost_share_floors_and_the_rest_stays(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    rf_position *record = &engine->positions[position];
    record->q = -3;
    record->cost = -100;
    record->cost_user = -10;
    assert_true(rf_position_take_out(engine, position, 1) == -33);
    assert_true(record->q == -2 && record->cost == -67 && record->cost_user == -7);
    assert_true(rf_position_put_in(engine, position, 1, 40) == 0);
    assert_true(record->q == -1 && record->cost == -27 && record->cost_user == -4);
    assert_true(rf_position_put_in(engine, position, 1, 20) == 7);
    assert_true(record->q == 0 && record->cost == 0 && record->cost_user == 0);
    assert_true(rf_position_put_in(engine, position, 2, 50) == 0);
    assert_true(rf_position_put_in(engine, position, -5, -125) == 0);
    assert_true(record->q == -3 && record->cost == -75 && record->cost_user == -75);
    fixture_free(engine);
}

/* ---- Life of positions ----------------------------------------------------------------------- */

static uint32_t closed_events;

static void count_closed(void *context, const rf_event *event)
{
    (void)context;
    closed_events += event->kind == RF_EVENT_ISOLATION_CLOSED;
}

static void isolations_are_found_by_id(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    rf_engine *engine = fixture_engine();
    fixture_random random = {41};
    uint64_t ids[FIXTURE_ACCOUNTS] = {0};
    uint32_t released = 0;
    engine->instruments[1] = engine->instruments[0];
    engine->next_isolation = 0xfffffff0; /* across the 32-bit border */
    closed_events = 0;
    rf_engine_set_sink(engine, (rf_sink){count_closed, NULL});
    for (uint32_t step = 0; step < ROUNDS; step++) {
        const uint32_t account = (uint32_t)fixture_range(&random, 1, FIXTURE_ACCOUNTS - 1);
        const uint32_t found = rf_position_find(engine, account, 0, true);
        assert_int_equal(rf_position_by_isolation(engine, ids[account]), found);
        if (found == RF_NONE) {
            ids[account] = engine->next_isolation;
            const uint32_t position = rf_position_open(engine, account, 0, true, 5);
            assert_true(engine->positions[position].id == ids[account]);
            if (step % 3 == 0)
                rf_position_touch(engine, position);
        } else {
            engine->positions[found].wallet = 1;
            rf_position_release_if_empty(engine, found);
            assert_int_equal(rf_position_find(engine, account, 0, true), found);
            engine->positions[found].wallet = 0;
            rf_position_release_if_empty(engine, found);
            assert_int_equal(rf_position_by_isolation(engine, ids[account]), RF_NONE);
            ids[account] = 0;
            released++;
        }
        assert_int_equal(engine->accounts[account].isolations_count, ids[account] != 0);
        for (uint32_t i = 0; i < engine->touched_count; i++)
            assert_true(engine->positions[engine->touched[i]].flags & RF_POSITION_TOUCHED);
    }
    assert_int_equal(closed_events, released);
    uint32_t linked = 0;
    uint64_t age = 0;
    for (uint32_t i = engine->instruments[0].positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        assert_true(engine->positions_cold[i].age > age);
        age = engine->positions_cold[i].age;
        linked++;
    }
    assert_int_equal(linked, engine->positions_used);
    fixture_free(engine);
}

static void pool_of_positions_ends(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    uint32_t made = 0;
    engine->limits.positions_max = 5;
    for (uint32_t account = 1; account < FIXTURE_ACCOUNTS && rf_position_room(engine);
         account++, made++)
        assert_int_not_equal(rf_position_open(engine, account, 0, false, 0), RF_NONE);
    assert_int_equal(made, 3); /* one record an instrument is kept for the fund */
    assert_int_not_equal(rf_position_open(engine, RF_FUND, 0, false, 0), RF_NONE);
    assert_int_not_equal(rf_position_open(engine, RF_FUND, 1, false, 0), RF_NONE);
    assert_int_equal(rf_position_open(engine, 7, 0, false, 0), RF_NONE);
    rf_position_release_if_empty(engine, rf_position_find(engine, RF_FUND, 0, false));
    rf_position_release_if_empty(engine, rf_position_find(engine, RF_FUND, 1, false));
    rf_position_release_if_empty(engine, rf_position_find(engine, 3, 0, false));
    assert_true(rf_position_room(engine));
    assert_int_not_equal(rf_position_open(engine, 7, 0, false, 0), RF_NONE);
    fixture_free(engine);
}

/* ---- Section 10 ------------------------------------------------------------------------------ */

enum { BTC = 3, ETH = 4 };

static rf_engine *cross_engine(void)
{
    rf_engine *engine = fixture_engine();
    rf_instrument *second = &engine->instruments[1];
    second->config = fixture_config();
    second->config.qty_decimals = 2;
    assert_true(rf_instrument_prepare(second));
    second->number = 1;
    engine->instruments_count = 2;
    engine->currencies_count = 5;
    engine->indexes_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        engine->currencies[BTC + i].kind = RF_CURRENCY_COLLATERAL;
        engine->currencies[BTC + i].index = i;
        engine->currencies[BTC + i].cap = -1;
        engine->currencies[BTC + i].haircut = 10000000;
    }
    return engine;
}

static void set_cash(rf_engine *engine, uint32_t currency, rf_money amount)
{
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, currency), rf_slot_main(1, currency),
                   amount - *rf_main(engine, 1, currency), RF_REASON_ADJUSTMENT, 0);
}

static rf_wide floor_div(rf_wide a, rf_wide b)
{
    return a / b - (a % b < 0);
}

static rf_wide naive_cross(const rf_engine *engine, const uint32_t *positions, rf_wide *health)
{
    rf_wide collateral = *rf_main((rf_engine *)engine, 1, 0), haircut = 0, available, mm = 0;
    for (uint32_t i = BTC; i <= ETH; i++) {
        const rf_currency *currency = &engine->currencies[i];
        const rf_wide units = *rf_main((rf_engine *)engine, 1, i);
        rf_wide value = floor_div(units * engine->indexes[currency->index].price_e8, RF_E8);
        if (currency->cap >= 0)
            value = smaller(value, currency->cap);
        collateral += value;
        if (value > 0)
            haircut += ceil_div(value * currency->haircut, RF_E8);
    }
    available = collateral - haircut;
    *health = collateral;
    for (uint32_t i = 0; i < 2; i++) {
        naive_assessment part;
        const uint16_t instrument = engine->positions[positions[i]].instrument;
        naive_assess(engine, positions[i], engine->instruments[instrument].mark,
                     engine->accounts[1].leverage, &part);
        available += part.available;
        *health += part.margin_balance;
        mm += part.sides[part.binding].mm;
    }
    *health -= mm + ceil_div(haircut, 2);
    return available;
}

static void shake_cross(rf_engine *engine, const uint32_t *positions, own_orders *own,
                        fixture_random *random)
{
    const uint32_t i = (uint32_t)fixture_range(random, 0, 1);
    rf_currency *currency = &engine->currencies[BTC + i];
    engine->instruments[i].mark = fixture_range(random, 1000, 1000000);
    if (fixture_range(random, 0, 1) == 0)
        set_quantity(engine, positions[i], random);
    change_orders(engine, &own[i], positions[i], random, engine->instruments[i].mark);
    set_cash(engine, 0, fixture_range(random, -2000000000000, 60000000000000));
    set_cash(engine, BTC + i, fixture_range(random, -3, 20) * fixture_range(random, 1, 100000007));
    engine->indexes[i].price_e8 = fixture_range(random, 1, 9000000000000);
    currency->haircut = fixture_range(random, 0, 50000000);
    currency->cap =
        fixture_range(random, 0, 1) == 0 ? -1 : fixture_range(random, 0, 20000000000000);
}

/* As much as it says may leave, and not a unit more. */
static void check_withdrawable(rf_engine *engine, uint32_t currency)
{
    const rf_money cash = *rf_main(engine, 1, currency),
                   most = rf_cross_withdrawable(engine, 1, currency);
    assert_true(most >= 0 && (most == 0 || most <= cash));
    if (most > 0) {
        set_cash(engine, currency, cash - most);
        assert_true(rf_cross_available(engine, 1) >= 0);
    }
    if (most < cash) {
        set_cash(engine, currency, cash - most - 1);
        assert_true(rf_cross_available(engine, 1) < 0);
    }
    set_cash(engine, currency, cash);
}

static void cross_account_as_section_10_says(void **state)
{
    (void)state;
    rf_engine *engine = cross_engine();
    fixture_random random = {51};
    own_orders own[2] = {{{0}, 0}, {{0}, 0}};
    const uint32_t positions[2] = {rf_position_open(engine, 1, 0, false, 0),
                                   rf_position_open(engine, 1, 1, false, 0)};
    const uint32_t isolated = rf_position_open(engine, 1, 0, true, 3);
    uint32_t possible = 0, unhealthy = 0;
    engine->positions[isolated].wallet = 1000000000000; /* never counts */
    engine->indexes[0].price_e8 = engine->indexes[1].price_e8 = RF_E8;
    engine->instruments[1].mark = 3000;
    for (uint32_t step = 0; step < 30000; step++) {
        shake_cross(engine, positions, own, &random);
        rf_wide health;
        const rf_wide available = naive_cross(engine, positions, &health);
        rf_cross cross;
        rf_cross_assess(engine, 1, &cross);
        assert_true(cross.available == available);
        assert_true(rf_cross_available(engine, 1) == available);
        assert_true(cross.margin_balance - cross.maintenance_margin == health);
        assert_int_equal(rf_cross_unhealthy(engine, 1), health < 0);
        unhealthy += health < 0;
        const rf_wide usd = larger(0, smaller(available, *rf_main(engine, 1, 0)));
        assert_true(rf_cross_free_usd(engine, 1) == usd &&
                    rf_cross_withdrawable(engine, 1, 0) == usd);
        if (available < 0)
            assert_true(rf_cross_withdrawable(engine, 1, BTC) == 0);
        else
            for (uint32_t i = 0; i <= ETH; i += i == 0 ? BTC : 1)
                check_withdrawable(engine, i);
        possible += available >= 0;
    }
    assert_true(possible > 1000 && unhealthy > 1000);
    fixture_free(engine);
}

static void nothing_leaves_while_frozen(void **state)
{
    (void)state;
    rf_engine *engine = cross_engine();
    set_cash(engine, 0, 500);
    assert_true(rf_cross_withdrawable(engine, 1, 0) == 500);
    const uint32_t position = rf_position_open(engine, 1, 1, false, 0);
    engine->instruments[1].mark = 1000;
    engine->positions[position].q = 1;
    engine->positions[position].cost = 1000 * engine->instruments[1].k;
    set_cash(engine, 0, 100000000000);
    assert_true(rf_cross_withdrawable(engine, 1, 0) > 0 && !rf_cross_frozen(engine, 1));
    engine->instruments[1].state = RF_STATE_HALTED;
    assert_true(rf_cross_withdrawable(engine, 1, 0) == 0 && rf_cross_frozen(engine, 1));
    engine->instruments[1].state = RF_STATE_OPEN;
    engine->instruments[1].config.mark_stale_ns = 1000;
    engine->instruments[1].mark_time_ns = 5;
    engine->now_ns = 1006;
    assert_true(rf_cross_withdrawable(engine, 1, 0) == 0 && rf_cross_frozen(engine, 1));
    engine->now_ns = 1005;
    assert_true(rf_cross_withdrawable(engine, 1, 0) > 0);
    engine->accounts[1].flags |= RF_ACCOUNT_LIQUIDATING;
    assert_true(rf_cross_withdrawable(engine, 1, 0) == 0);
    fixture_free(engine);
}

/* ceil(x * factor) USD is what a member of the bundle costs; no more of it than the venue holds. */
static void member_of_the_bundle(void **state)
{
    (void)state;
    rf_engine *engine = cross_engine();
    rf_currency *usdc = &engine->currencies[1];
    fixture_random random = {61};
    for (uint32_t step = 0; step < 10000; step++) {
        const rf_money cash = fixture_range(&random, 0, 1000000);
        set_cash(engine, 0, cash);
        usdc->factor = fixture_range(&random, 1, RF_E8);
        usdc->custody = INT64_MAX;
        const rf_wide units = rf_cross_withdrawable(engine, 1, 1);
        assert_true(ceil_div(units * usdc->factor, RF_E8) <= cash);
        assert_true(ceil_div((units + 1) * usdc->factor, RF_E8) > cash);
        usdc->custody = 10;
        assert_true(rf_cross_withdrawable(engine, 1, 1) == smaller(units, 10));
    }
    fixture_free(engine);
}

/* The fund's cash is the slot INSURANCE. */
static void the_fund_is_an_account(void **state)
{
    (void)state;
    rf_engine *engine = cross_engine();
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, 0), rf_slot_house(RF_SLOT_INSURANCE, 0),
                   5000000000, RF_REASON_FUND_INSURANCE, 0);
    const uint32_t position = rf_position_open(engine, RF_FUND, 0, false, 0);
    engine->instruments[0].mark = 100;
    assert_true(rf_position_put_in(engine, position, 10000, 900000000) == 0);
    rf_cross cross;
    rf_cross_assess(engine, RF_FUND, &cross);
    /* N = 10000 * 100 * 1000 = 1e9; U = 1e8; IM = N / 50; FR = N * 0.0054 */
    assert_true(cross.unrealized == 100000000 && cross.position_im == 20000000 &&
                cross.fee_reserve == 5400000);
    assert_true(cross.available == 5000000000 + 100000000 - 20000000 - 5400000);
    assert_true(rf_cross_available(engine, RF_FUND) == cross.available);
    assert_true(rf_cross_withdrawable(engine, RF_FUND, 0) == 0);
    fixture_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requirement_of_isolations),
        cmocka_unit_test(requirement_of_cross_positions),
        cmocka_unit_test(nothing_is_required_without_a_mark),
        cmocka_unit_test(trades_follow_section_1),
        cmocka_unit_test(moved_positions_keep_the_sum_of_costs),
        cmocka_unit_test(cost_share_floors_and_the_rest_stays),
        cmocka_unit_test(isolations_are_found_by_id),
        cmocka_unit_test(pool_of_positions_ends),
        cmocka_unit_test(cross_account_as_section_10_says),
        cmocka_unit_test(nothing_leaves_while_frozen),
        cmocka_unit_test(member_of_the_bundle),
        cmocka_unit_test(the_fund_is_an_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
