/* The queue is a binary heap of position handles, each with its score beside it; a position's
 * cold record says where it stands. adl_mark = 0: there is no queue. */
#include "engine/deleverage.h"

#include "engine/cross.h"
#include "engine/insurance.h"
#include "engine/ledger.h"
#include "engine/position.h"

/* ---- The score ------------------------------------------------------------------------------- */

/* A bound that a score of two 90-bit factors could pass only for a profit of 2,000 times the
 * cost at an equity of one unit; above it the tie rules decide. */
#define SCORE_MAX ((rf_wide)1 << 126)

/* W + U, or the whole account's collateral value + U. Nothing and less counts as one unit. */
static rf_money equity_of(const rf_engine *engine, const rf_position *position, rf_money unrealized)
{
    if (rf_is_isolated(position))
        return rf_max(1, rf_saturate((rf_wide)position->wallet + unrealized));
    rf_cross cross;
    rf_cross_assess(engine, position->account, &cross);
    return rf_max(1, rf_saturate((rf_wide)cross.collateral + cross.unrealized));
}

/* pnl_e8 * lev_e8 in profit, floor(pnl_e8 * 1e8 / lev_e8) in loss; a leverage below one unit of
 * e8 divides as one. */
static rf_wide combine(rf_wide pnl_e8, rf_wide lev_e8)
{
    if (pnl_e8 <= 0)
        return rf_div_down(pnl_e8 * RF_E8, lev_e8 > 0 ? lev_e8 : 1);
    return lev_e8 > SCORE_MAX / pnl_e8 ? SCORE_MAX : pnl_e8 * lev_e8;
}

static rf_wide score_of(const rf_engine *engine, uint32_t handle)
{
    const rf_position *position = &engine->positions[handle];
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    const rf_money unrealized = rf_position_unrealized(engine, position);
    const rf_money notional = rf_notional(instrument->k, rf_size(position->q), instrument->mark);
    const rf_money cost = rf_max(1, rf_abs(position->cost));
    const rf_wide pnl_e8 = rf_div_down((rf_wide)unrealized * RF_E8, cost);
    const rf_wide lev_e8 = (rf_wide)notional * RF_E8 / equity_of(engine, position, unrealized);
    return combine(pnl_e8, lev_e8);
}

typedef struct rf_place {
    rf_wide score;
    uint32_t position;
} rf_place;

/* Highest score first; ties: older account first, cross before isolated. */
static bool before(const rf_engine *engine, const rf_place *a, const rf_place *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    const rf_position *left = &engine->positions[a->position],
                      *right = &engine->positions[b->position];
    if (left->account != right->account)
        return left->account < right->account;
    return !rf_is_isolated(left) && rf_is_isolated(right);
}

/* Stands in the queue of this side at all, whoever asks. */
static bool stands(const rf_engine *engine, uint32_t handle, uint32_t instrument, uint8_t side)
{
    const rf_position *position = &engine->positions[handle];
    return position->instrument == instrument && position->account != RF_FUND &&
           (side == RF_BUY ? position->q > 0 : position->q < 0);
}

static bool unhealthy(const rf_engine *engine, const rf_position *position)
{
    if (rf_is_isolated(position))
        return (position->flags & RF_POSITION_LIQUIDATING) != 0 ||
               rf_isolation_unhealthy(engine, position);
    return (engine->accounts[position->account].flags & RF_ACCOUNT_LIQUIDATING) != 0 ||
           rf_cross_unhealthy(engine, position->account);
}

/* ---- The heap -------------------------------------------------------------------------------- */

static rf_place at(const rf_engine *engine, uint32_t slot)
{
    return (rf_place){engine->adl_score[slot], engine->adl_heap[slot]};
}

static void put(rf_engine *engine, uint32_t slot, const rf_place *place)
{
    engine->adl_score[slot] = place->score;
    engine->adl_heap[slot] = place->position;
    engine->positions_cold[place->position].adl_place = slot;
}

static bool find(const rf_engine *engine, uint32_t handle, uint32_t *slot)
{
    *slot = engine->positions_cold[handle].adl_place;
    return *slot < engine->adl_count && engine->adl_heap[*slot] == handle;
}

static void sift_down(rf_engine *engine, uint32_t slot)
{
    const rf_place moved = at(engine, slot);
    for (uint32_t child; (child = 2 * slot + 1) < engine->adl_count; slot = child) {
        rf_place best = at(engine, child);
        if (child + 1 < engine->adl_count) {
            const rf_place right = at(engine, child + 1);
            if (before(engine, &right, &best)) {
                best = right;
                child++;
            }
        }
        if (!before(engine, &best, &moved))
            break;
        put(engine, slot, &best);
    }
    put(engine, slot, &moved);
}

static void sift_up(rf_engine *engine, uint32_t slot)
{
    const rf_place moved = at(engine, slot);
    while (slot > 0) {
        const uint32_t parent = (slot - 1) / 2;
        const rf_place above = at(engine, parent);
        if (!before(engine, &moved, &above))
            break;
        put(engine, slot, &above);
        slot = parent;
    }
    put(engine, slot, &moved);
}

/* After the record at this slot got another score. */
static void settle_down(rf_engine *engine, uint32_t slot)
{
    const uint32_t handle = engine->adl_heap[slot];
    sift_up(engine, slot);
    sift_down(engine, engine->positions_cold[handle].adl_place);
}

static void insert(rf_engine *engine, uint32_t handle)
{
    const rf_place place = {score_of(engine, handle), handle};
    put(engine, engine->adl_count++, &place);
    sift_up(engine, engine->adl_count - 1);
}

static void take_away(rf_engine *engine, uint32_t slot)
{
    const rf_place last = at(engine, --engine->adl_count);
    if (slot == engine->adl_count)
        return;
    put(engine, slot, &last);
    settle_down(engine, slot);
}

/* ---- The queue ------------------------------------------------------------------------------- */

void rf_deleverage_forget(rf_engine *engine)
{
    engine->adl_count = 0;
    engine->adl_mark = 0;
}

static void make_queue(rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    engine->adl_instrument = instrument->number;
    engine->adl_side = side;
    engine->adl_mark = instrument->mark;
    engine->adl_count = 0;
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        if (!stands(engine, i, instrument->number, side))
            continue;
        const rf_place place = {score_of(engine, i), i};
        put(engine, engine->adl_count++, &place);
    }
    for (uint32_t slot = engine->adl_count / 2; slot-- > 0;)
        sift_down(engine, slot);
}

static void follow(rf_engine *engine, uint32_t handle)
{
    uint32_t slot;
    const bool here = stands(engine, handle, engine->adl_instrument, (uint8_t)engine->adl_side);
    const bool queued = find(engine, handle, &slot);
    if (here && !queued) {
        insert(engine, handle);
    } else if (here) {
        engine->adl_score[slot] = score_of(engine, handle);
        settle_down(engine, slot);
    } else if (queued) {
        take_away(engine, slot);
    }
}

/* A cross position that changed somewhere changes the equity of its account's position here. */
void rf_deleverage_follow(rf_engine *engine)
{
    if (engine->adl_mark == 0)
        return;
    for (uint32_t i = 0; i < engine->touched_count; i++) {
        const uint32_t touched = engine->touched[i];
        const rf_position *position = &engine->positions[touched];
        if (position->instrument == engine->adl_instrument)
            follow(engine, touched);
        if (rf_is_isolated(position) || position->instrument == engine->adl_instrument)
            continue;
        const uint32_t here =
            rf_position_find(engine, position->account, engine->adl_instrument, false);
        if (here != RF_NONE)
            follow(engine, here);
    }
}

static void open_queue(rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    if (engine->adl_mark == instrument->mark && engine->adl_instrument == instrument->number &&
        engine->adl_side == side)
        rf_deleverage_follow(engine);
    else
        make_queue(engine, instrument, side);
}

/* The first of the queue, scored as it is now. RF_NONE: nobody is left. Scores of the others can
 * only be too high, so the one that keeps the first place with its true score is the highest. */
static uint32_t first_in_line(rf_engine *engine)
{
    while (engine->adl_count > 0) {
        const uint32_t handle = engine->adl_heap[0];
        const rf_wide score = score_of(engine, handle);
        if (score == engine->adl_score[0])
            return handle;
        engine->adl_score[0] = score;
        sift_down(engine, 0);
    }
    return RF_NONE;
}

/* ---- One pass -------------------------------------------------------------------------------- */

typedef struct rf_exchange {
    uint32_t position, peer; /* who moves; account of the other side */
    uint8_t side;
    rf_qty qty;
    rf_price price;
} rf_exchange;

static void emit_moved(rf_engine *engine, const rf_exchange *exchange, rf_money cost_moved,
                       rf_money realized)
{
    const rf_position *position = &engine->positions[exchange->position];
    rf_event event = {0};
    event.kind = RF_EVENT_POSITION_MOVED;
    event.instrument = position->instrument;
    event.account = position->account;
    event.isolation_id = position->id;
    event.price = exchange->price;
    event.qty = rf_sign(exchange->side) * exchange->qty;
    event.amount = cost_moved;
    event.realized = realized;
    event.value = position->cost_user;
    event.code = 2;
    event.peer = exchange->peer;
    rf_emit(engine, &event);
}

static void close_side(rf_engine *engine, const rf_exchange *exchange)
{
    const rf_position *position = &engine->positions[exchange->position];
    const rf_money cost = position->cost;
    const rf_money realized = rf_position_trade(engine, exchange->position, exchange->side,
                                                exchange->qty, exchange->price);
    const rf_slot slot = rf_slot_of_position(engine, exchange->position);
    rf_ledger_post_quiet(engine, rf_slot_clearing(position->instrument), slot, realized);
    rf_session_realize(engine, slot, realized);
    rf_position_touch(engine, exchange->position);
    emit_moved(engine, exchange, rf_sub(cost, position->cost), realized);
}

/* An isolation that gave everything up and is below zero: the price was worse than what it had. */
static void honour(rf_engine *engine, uint32_t handle)
{
    const rf_position *position = &engine->positions[handle];
    if (rf_is_isolated(position) && position->q == 0 && position->wallet < 0)
        rf_fund_cover(engine, RF_SLOT_ISOLATED, handle);
}

static void close_against(rf_engine *engine, uint32_t position, uint32_t other, rf_qty qty,
                          rf_price price)
{
    const uint8_t side = rf_position_side(&engine->positions[other]);
    const uint32_t account = engine->positions[position].account,
                   peer = engine->positions[other].account;
    const rf_exchange closed = {position, peer, side, qty, price};
    const rf_exchange gave = {other, account, rf_opposite(side), qty, price};
    close_side(engine, &closed);
    close_side(engine, &gave);
    honour(engine, other);
}

/* Out of this pass. An unhealthy position does not get better without being touched, which puts
 * it back (rf_deleverage_follow), but a sweep of one of its isolations may heal a main account
 * unnoticed. */
static bool only_for_now(const rf_engine *engine, const rf_position *position, uint32_t account)
{
    return position->account == account ||
           (!rf_is_isolated(position) && engine->accounts[position->account].isolations_count != 0);
}

rf_qty rf_deleverage(rf_engine *engine, uint32_t position, rf_qty qty, rf_price price)
{
    const uint32_t account = engine->positions[position].account;
    const uint8_t side = rf_opposite(rf_position_side(&engine->positions[position]));
    RF_CHECK(qty > 0 && qty <= rf_size(engine->positions[position].q));
    open_queue(engine, rf_instrument_of(engine, &engine->positions[position]), side);
    rf_qty left = qty;
    uint32_t aside = 0, other;
    while (left > 0 && (other = first_in_line(engine)) != RF_NONE) {
        const rf_position *record = &engine->positions[other];
        const bool skipped = record->account == account || unhealthy(engine, record);
        if (skipped && only_for_now(engine, record, account))
            engine->scratch[aside++] = other;
        const rf_qty given = skipped ? 0 : rf_min(left, rf_size(record->q));
        if (given != 0)
            close_against(engine, position, other, given, price);
        left -= given;
        if (skipped || record->q == 0)
            take_away(engine, 0);
    }
    while (aside > 0)
        insert(engine, engine->scratch[--aside]);
    return qty - left;
}

/* ---- Rank ------------------------------------------------------------------------------------ */

/* The same order as in the queue, in the same buffers, but nobody's place is kept: all of them
 * come out at once. */
static void swap_down(rf_engine *engine, uint32_t slot, uint32_t count)
{
    const rf_place moved = at(engine, slot);
    for (uint32_t child; (child = 2 * slot + 1) < count; slot = child) {
        rf_place best = at(engine, child);
        if (child + 1 < count) {
            const rf_place right = at(engine, child + 1);
            if (before(engine, &right, &best)) {
                best = right;
                child++;
            }
        }
        if (!before(engine, &best, &moved))
            break;
        engine->adl_score[slot] = best.score;
        engine->adl_heap[slot] = best.position;
    }
    engine->adl_score[slot] = moved.score;
    engine->adl_heap[slot] = moved.position;
}

/* Everybody who can be deleveraged at all, as a heap. Returns how many; *total: their quantity. */
static uint32_t line_up(rf_engine *engine, const rf_instrument *instrument, uint8_t side,
                        rf_wide *total)
{
    uint32_t count = 0;
    *total = 0;
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        if (!stands(engine, i, instrument->number, side) ||
            unhealthy(engine, &engine->positions[i]))
            continue;
        engine->adl_score[count] = score_of(engine, i);
        engine->adl_heap[count++] = i;
        *total += rf_size(engine->positions[i].q);
    }
    for (uint32_t slot = count / 2; slot-- > 0;)
        swap_down(engine, slot, count);
    return count;
}

/* A fifth begins with the first position that has at least so much of the quantity before it. */
static void find_cuts(rf_engine *engine, rf_instrument *instrument, uint8_t side)
{
    rf_deleverage_forget(engine); /* its buffers are used */
    rf_wide total, ahead = 0;
    uint32_t count = line_up(engine, instrument, side, &total), cuts = 0;
    for (; count > 0 && cuts < 4; count--) {
        const rf_position *first = &engine->positions[engine->adl_heap[0]];
        for (; cuts < 4 && 5 * ahead >= (cuts + 1) * total; cuts++)
            instrument->adl_cuts[side][cuts] =
                (rf_adl_cut){engine->adl_score[0], first->account, rf_is_isolated(first)};
        ahead += rf_size(first->q);
        engine->adl_score[0] = engine->adl_score[count - 1];
        engine->adl_heap[0] = engine->adl_heap[count - 1];
        swap_down(engine, 0, count - 1);
    }
    instrument->adl_cuts_count[side] = cuts;
    instrument->adl_cuts_seq[side] = engine->seq;
    instrument->adl_cuts_time_ns[side] = engine->now_ns;
    instrument->adl_cuts_orders[side] = engine->orders_used;
}

static bool before_cut(const rf_place *place, const rf_position *position, const rf_adl_cut *cut)
{
    if (place->score != cut->score)
        return place->score > cut->score;
    if (position->account != cut->account)
        return position->account < cut->account;
    return rf_is_isolated(position) < cut->isolated;
}

/* Whoever reads often says how old they may be; the others get those of this very state. */
static bool cuts_hold(const rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    if (instrument->adl_cuts_seq[side] == 0)
        return false;
    if (engine->adl_rank_age_ns > 0)
        return engine->now_ns - instrument->adl_cuts_time_ns[side] < engine->adl_rank_age_ns;
    return instrument->adl_cuts_seq[side] == engine->seq &&
           instrument->adl_cuts_orders[side] == engine->orders_used;
}

/* The caller reads; the cuts are derived and belong to nobody's answer but this one. */
uint32_t rf_deleverage_rank(const rf_engine *engine, uint32_t position)
{
    const rf_position *own = &engine->positions[position];
    const uint8_t side = rf_position_side(own);
    rf_instrument *instrument = &engine->instruments[own->instrument];
    if (instrument->mark == 0 || !stands(engine, position, own->instrument, side) ||
        unhealthy(engine, own))
        return 0;
    if (!cuts_hold(engine, instrument, side))
        find_cuts((rf_engine *)engine, instrument, side);
    const rf_place place = {score_of(engine, position), position};
    uint32_t rank = 5;
    for (uint32_t i = 0; i < instrument->adl_cuts_count[side]; i++)
        rank -= !before_cut(&place, own, &instrument->adl_cuts[side][i]);
    return rank;
}

/* ---- Exposure -------------------------------------------------------------------------------- */

/* Quantity of the position's side that stands before it; that of one account left out. False: it
 * is skipped itself. */
static bool ahead_of(const rf_engine *engine, uint32_t position, uint32_t without, rf_wide *ahead)
{
    const rf_position *own = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[own->instrument];
    const uint8_t side = rf_position_side(own);
    *ahead = 0;
    if (instrument->mark == 0 || !stands(engine, position, own->instrument, side) ||
        unhealthy(engine, own))
        return false;
    const rf_place place = {score_of(engine, position), position};
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        const rf_position *other = &engine->positions[i];
        if (!stands(engine, i, own->instrument, side) || other->account == without)
            continue;
        const rf_place theirs = {score_of(engine, i), i};
        if (before(engine, &theirs, &place) && !unhealthy(engine, other))
            *ahead += rf_size(other->q);
    }
    return true;
}

/* Largest quantity on the other side that stands at a loss; ties as in the queue. */
static uint32_t largest_loser(const rf_engine *engine, const rf_position *own)
{
    const rf_instrument *instrument = &engine->instruments[own->instrument];
    const uint8_t side = rf_opposite(rf_position_side(own));
    rf_place largest = {0, RF_NONE};
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        const rf_position *other = &engine->positions[i];
        if (!stands(engine, i, own->instrument, side) || other->account == own->account ||
            rf_position_unrealized(engine, other) >= 0)
            continue;
        const rf_place place = {rf_size(other->q), i};
        if (largest.position == RF_NONE || before(engine, &place, &largest))
            largest = place;
    }
    return largest.position;
}

rf_qty rf_deleverage_exposed(const rf_engine *engine, uint32_t position)
{
    const rf_position *own = &engine->positions[position];
    const uint32_t loser = own->q == 0 ? RF_NONE : largest_loser(engine, own);
    rf_wide ahead;
    if (loser == RF_NONE || !ahead_of(engine, position, engine->positions[loser].account, &ahead))
        return 0;
    const rf_wide reach = rf_size(engine->positions[loser].q) - ahead;
    return reach <= 0 ? 0 : rf_min(rf_narrow(reach), rf_size(own->q));
}
