#include "engine/insurance.h"

#include "engine/admit.h"
#include "engine/book.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/ledger.h"
#include "engine/mark.h"
#include "engine/position.h"

/* ---- What it owns and what it can carry ------------------------------------------------------ */

/* Users' positions are bounded at admission; the fund adds theirs up, so its bound is looked at
 * here. */
static bool fits(const rf_instrument *instrument, rf_qty q)
{
    return (rf_wide)rf_size(q) * instrument->mark_max * instrument->k < RF_AMOUNT_MAX;
}

/* Section 3's MM of a quantity at the mark, without a fee reserve. */
static rf_money maintenance(const rf_instrument *instrument, rf_qty q)
{
    RF_CHECK(fits(instrument, q));
    const rf_qty size = rf_size(q);
    return rf_margin_maintenance(&instrument->margin,
                                 rf_notional(instrument->k, size, instrument->mark), size);
}

/* The fund's position of a seat; NULL: none. */
static const rf_position *seated(const rf_engine *engine, const rf_seat *seat)
{
    return seat->position[0] == RF_NONE ? NULL : &engine->positions[seat->position[0]];
}

rf_money rf_fund_equity(const rf_engine *engine)
{
    rf_wide equity = rf_ledger_balance(engine, rf_slot_house(RF_SLOT_INSURANCE, 0));
    for (uint32_t i = engine->accounts[RF_FUND].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const rf_position *position = seated(engine, &engine->seats[i]);
        if (position)
            equity += rf_position_unrealized(engine, position);
    }
    return rf_saturate(equity);
}

/* Maintenance of all its positions with after as the quantity on one instrument. */
static rf_wide maintenance_with(const rf_engine *engine, const rf_instrument *instrument,
                                rf_qty after)
{
    rf_wide sum = maintenance(instrument, after);
    for (uint32_t i = engine->accounts[RF_FUND].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const rf_position *position = seated(engine, &engine->seats[i]);
        if (position && position->instrument != instrument->number)
            sum += maintenance(&engine->instruments[position->instrument], position->q);
    }
    return sum;
}

static bool has_room(const rf_engine *engine, uint32_t instrument)
{
    return rf_position_find(engine, RF_FUND, instrument, false) != RF_NONE ||
           (rf_position_room(engine) && (rf_seat_find(engine, RF_FUND, instrument) ||
                                         engine->seats_used < rf_seats_max(&engine->limits)));
}

static rf_qty held(const rf_engine *engine, uint32_t instrument)
{
    const uint32_t position = rf_position_find(engine, RF_FUND, instrument, false);
    return position == RF_NONE ? 0 : engine->positions[position].q;
}

bool rf_fund_may_take(const rf_engine *engine, uint32_t instrument, rf_qty q, rf_money cost,
                      rf_money wallet)
{
    const rf_instrument *market = &engine->instruments[instrument];
    const rf_qty after = rf_add(held(engine, instrument), q);
    if (!has_room(engine, instrument) || !fits(market, after))
        return false;
    if (market->config.fund_position_cap >= 0 && rf_size(after) > market->config.fund_position_cap)
        return false;
    const rf_wide equity =
        (rf_wide)rf_fund_equity(engine) + wallet + (rf_wide)q * market->mark * market->k - cost;
    return equity >= maintenance_with(engine, market, after);
}

/* ---- Taking over ----------------------------------------------------------------------------- */

static uint32_t fund_position(rf_engine *engine, uint32_t instrument)
{
    const uint32_t found = rf_position_find(engine, RF_FUND, instrument, false);
    if (found != RF_NONE)
        return found;
    const uint32_t opened = rf_position_open(engine, RF_FUND, instrument, false, 0);
    RF_CHECK(opened != RF_NONE);
    return opened;
}

/* What a giver loses of its position: qty signed like the position, its share of C, what it
 * realised. */
typedef struct rf_gift {
    rf_qty q;
    rf_money share, realized;
    rf_price price; /* 0: at its own cost */
} rf_gift;

static void emit_moved(rf_engine *engine, uint32_t position, const rf_gift *gift)
{
    const rf_position *giver = &engine->positions[position];
    rf_event event = {0};
    event.kind = RF_EVENT_POSITION_MOVED;
    event.instrument = giver->instrument;
    event.account = giver->account;
    event.isolation_id = giver->id;
    event.price = gift->price;
    event.qty = -gift->q;
    event.amount = gift->share;
    event.realized = gift->realized;
    event.value = giver->cost_user;
    event.code = 1;
    event.peer = RF_FUND;
    rf_emit(engine, &event);
}

/* CLEARING follows the sum of C (I3): what the giver's C falls by more than the fund's rises was
 * realised. */
static void move_to_fund(rf_engine *engine, uint32_t position, const rf_gift *gift)
{
    const uint32_t instrument = engine->positions[position].instrument;
    const uint32_t fund = fund_position(engine, instrument);
    const rf_slot giver = rf_slot_of_position(engine, position);
    rf_ledger_post_quiet(engine, rf_slot_clearing(instrument), giver, gift->realized);
    rf_session_realize(engine, giver, gift->realized);
    const rf_money gained =
        rf_position_put_in(engine, fund, gift->q, rf_add(gift->share, gift->realized));
    emit_moved(engine, position, gift);
    rf_ledger_post(engine, rf_slot_clearing(instrument), rf_slot_house(RF_SLOT_INSURANCE, 0),
                   gained, RF_REASON_REALIZED_PNL, 0);
    rf_position_touch(engine, position);
    rf_position_touch(engine, fund);
}

void rf_fund_take_over(rf_engine *engine, uint32_t position, rf_qty qty)
{
    const rf_qty q = engine->positions[position].q < 0 ? -qty : qty;
    const rf_gift gift = {q, rf_position_take_out(engine, position, qty), 0, 0};
    move_to_fund(engine, position, &gift);
}

void rf_fund_take_at(rf_engine *engine, uint32_t position, rf_qty qty, rf_price price)
{
    const rf_position *giver = &engine->positions[position];
    const int64_t k = engine->instruments[giver->instrument].k;
    const rf_qty q = giver->q < 0 ? -qty : qty;
    const rf_money cost = rf_narrow((rf_wide)q * price * k);
    const rf_money share = rf_position_take_out(engine, position, qty);
    const rf_gift gift = {q, share, rf_sub(cost, share), price};
    move_to_fund(engine, position, &gift);
}

/* ---- Paying for others ----------------------------------------------------------------------- */

rf_money rf_fund_cover(rf_engine *engine, uint8_t slot_kind, uint32_t owner)
{
    const rf_slot slot = {slot_kind, 0, owner};
    const rf_money missing = rf_max(0, rf_sub(0, rf_ledger_balance(engine, slot)));
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_INSURANCE, 0), slot, missing,
                   RF_REASON_UNCOVERED_LOSS, 0);
    return missing;
}

rf_money rf_fund_cover_account(rf_engine *engine, uint32_t account)
{
    rf_cross cross;
    rf_cross_assess(engine, account, &cross);
    const rf_slot slot = rf_slot_main(account, 0);
    const rf_money owed =
        rf_min(rf_sub(0, rf_ledger_balance(engine, slot)), rf_sub(0, cross.collateral));
    const rf_money missing = rf_max(0, owed);
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_INSURANCE, 0), slot, missing,
                   RF_REASON_UNCOVERED_LOSS, 0);
    return missing;
}

/* ---- Unwinding ------------------------------------------------------------------------------- */

static bool takes_orders(const rf_instrument *instrument)
{
    switch ((rf_instrument_state)instrument->state) {
    case RF_STATE_OPEN:
    case RF_STATE_POST_ONLY:
    case RF_STATE_REDUCE_ONLY:
        return true;
    case RF_STATE_CANCEL_ONLY:
    case RF_STATE_HALTED:
    case RF_STATE_SETTLED:
        return false;
    }
    return false;
}

/* Best price of a side without the fund's own order: it would step inside itself at every TICK.
 * 0 = empty. */
static rf_price best_of_others(const rf_engine *engine, const rf_instrument *instrument,
                               uint8_t side)
{
    uint32_t order = rf_book_best(engine, instrument, side);
    while (order != RF_NONE && engine->orders[order].account == RF_FUND)
        order = rf_book_next(engine, instrument, order);
    return order == RF_NONE ? 0 : engine->orders[order].price;
}

/* The mark on the tick, away from the other side of the book. */
static rf_price mark_on_tick(const rf_instrument *instrument, uint8_t side)
{
    const rf_price tick = instrument->config.price_tick, down = instrument->mark / tick * tick;
    return side == RF_SELL && down != instrument->mark ? down + tick : down;
}

/* One tick inside its side of the book, never reaching the other one; a side without orders of
 * others: at the mark, while that is fresh. 0 = no price. */
static rf_price unwind_price(const rf_engine *engine, const rf_instrument *instrument, uint8_t side)
{
    const rf_price tick = instrument->config.price_tick;
    const rf_price near = best_of_others(engine, instrument, side);
    const rf_price far = best_of_others(engine, instrument, rf_opposite(side));
    if (near == 0 && rf_mark_stale(engine, instrument))
        return 0;
    const rf_price wanted =
        near == 0 ? mark_on_tick(instrument, side) : near + rf_sign(side) * tick;
    if (far == 0)
        return rf_max(0, wanted);
    return rf_max(0, side == RF_SELL ? rf_max(wanted, far + tick) : rf_min(wanted, far - tick));
}

static bool stands_already(const rf_engine *engine, const rf_position *position, uint8_t side,
                           rf_price price)
{
    const uint32_t order = position->orders[side];
    return position->orders_count == 1 && order != RF_NONE &&
           engine->orders[order].price == price &&
           engine->orders[order].leaves == rf_size(position->q);
}

static void unwind(rf_engine *engine, const rf_instrument *instrument)
{
    const uint32_t handle = rf_position_find(engine, RF_FUND, instrument->number, false);
    if (handle == RF_NONE || !takes_orders(instrument))
        return;
    const rf_position *position = &engine->positions[handle];
    const uint8_t side = rf_opposite(rf_position_side(position));
    const bool wanted = instrument->config.fund_unwind && position->q != 0 && instrument->mark != 0;
    const rf_price price = wanted ? unwind_price(engine, instrument, side) : 0;
    if (price != 0 && stands_already(engine, position, side, price))
        return;
    rf_position_touch(
        engine, handle); /* the record stays until the look, also when nothing is left in it */
    if (position->orders_count != 0)
        rf_close_all_orders(engine, handle, RF_ERR_OK, false);
    if (price != 0)
        rf_admit_fund_order(engine, handle, side, price, rf_size(position->q));
}

void rf_fund_unwind(rf_engine *engine)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        unwind(engine, &engine->instruments[i]);
}
