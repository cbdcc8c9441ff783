/* Liquidation of a main account, slice by slice (margin.md section 10). Between two slices
 * everything needed to go on stands in the state: work.cross_account, the account's flag and the
 * flagged quantities of its positions. */
#include "engine/liquidate.h"

#include "engine/close.h"
#include "engine/cross.h"
#include "engine/deleverage.h"
#include "engine/insurance.h"
#include "engine/ledger.h"
#include "engine/match.h"
#include "engine/position.h"
#include "engine/watch.h"

/* The account's next cross position from this seat on that has a quantity; RF_NONE: no more.
 * *seat moves past it. */
static uint32_t next_held(const rf_engine *engine, uint32_t *seat)
{
    while (*seat != RF_NONE) {
        const rf_seat *record = &engine->seats[*seat];
        *seat = record->account_next;
        if (record->position[0] != RF_NONE && engine->positions[record->position[0]].q != 0)
            return record->position[0];
    }
    return RF_NONE;
}

bool rf_liquidate_holds(const rf_engine *engine, uint32_t account)
{
    uint32_t seat = engine->accounts[account].seats;
    return next_held(engine, &seat) != RF_NONE;
}

static rf_money notional_of(const rf_engine *engine, const rf_position *position)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    return rf_notional(instrument->k, rf_size(position->q), instrument->mark);
}

static rf_money maintenance_of(const rf_engine *engine, const rf_position *position)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    return rf_margin_maintenance(&instrument->margin, notional_of(engine, position),
                                 rf_size(position->q));
}

/* ---- Which position is next ------------------------------------------------------------------ */

static bool larger(const rf_engine *engine, uint32_t candidate, uint32_t best)
{
    if (best == RF_NONE)
        return true;
    const rf_position *a = &engine->positions[candidate], *b = &engine->positions[best];
    const rf_money ours = maintenance_of(engine, a), theirs = maintenance_of(engine, b);
    return ours != theirs ? ours > theirs : a->instrument < b->instrument;
}

/* 10.2: by maintenance margin, largest first, ties: older instrument; one that was begun is sold
 * to its end. */
static uint32_t position_to_sell(const rf_engine *engine, uint32_t account)
{
    uint32_t seat = engine->accounts[account].seats, largest = RF_NONE;
    for (uint32_t i; (i = next_held(engine, &seat)) != RF_NONE;) {
        if (rf_size(engine->positions[i].q) < engine->positions_cold[i].flagged_qty)
            return i;
        if (larger(engine, i, largest))
            largest = i;
    }
    return largest;
}

/* ---- Flag, recover, end ---------------------------------------------------------------------- */

/* Events of an account name the position that is sold first; without one only the account. */
static rf_event account_event(const rf_engine *engine, rf_event_kind kind, uint32_t account)
{
    const uint32_t position = position_to_sell(engine, account);
    if (position != RF_NONE)
        return rf_liquidate_event(engine, kind, position);
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.account = account;
    return event;
}

static void flag(rf_engine *engine, uint32_t account)
{
    rf_cross now;
    rf_cross_assess(engine, account, &now);
    engine->accounts[account].flags |= RF_ACCOUNT_LIQUIDATING;
    uint32_t seat = engine->accounts[account].seats;
    for (uint32_t i; (i = next_held(engine, &seat)) != RF_NONE;)
        engine->positions_cold[i].flagged_qty = rf_size(engine->positions[i].q);
    const uint32_t first = position_to_sell(engine, account);
    rf_event event = account_event(engine, RF_EVENT_LIQUIDATION_STARTED, account);
    event.amount = rf_add(now.collateral, now.unrealized);
    event.value = rf_add(now.fee_reserve, now.maintenance_margin);
    if (first != RF_NONE) {
        event.price = engine->instruments[event.instrument].mark;
        event.qty = engine->positions[first].q;
    }
    rf_emit(engine, &event);
}

/* The look keys what is left anew. Another account may be in work: who has nothing to sell is settled
 * between two of its slices (rf_liquidate_suspend). */
static void unflag(rf_engine *engine, uint32_t account)
{
    engine->accounts[account].flags &= (uint16_t)~RF_ACCOUNT_LIQUIDATING;
    if (engine->work.cross_account == account)
        engine->work.cross_account = 0;
    uint32_t seat = engine->accounts[account].seats;
    for (uint32_t i; (i = next_held(engine, &seat)) != RF_NONE;)
        rf_position_touch(engine, i);
}

static void recover(rf_engine *engine, uint32_t account)
{
    rf_event event = account_event(engine, RF_EVENT_LIQUIDATION_RECOVERED, account);
    unflag(engine, account);
    rf_emit(engine, &event);
}

/* No position is left: a negative balance is the fund's to pay. last: LIQUIDATION_ENDED of the
 * account with what became of its last slice; the slices before it are told by their FILL and
 * POSITION_MOVED events. */
static void end(rf_engine *engine, uint32_t account, rf_event *last)
{
    last->realized = rf_fund_cover_account(engine, account);
    unflag(engine, account);
    rf_watch_account(engine, account);
    rf_emit(engine, last);
}

static void cancel_orders(rf_engine *engine, uint32_t account)
{
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next)
        if (engine->seats[i].position[0] != RF_NONE)
            rf_close_all_orders(engine, engine->seats[i].position[0],
                                RF_ERR_POSITION_IS_IN_LIQUIDATION, false);
}

void rf_liquidate_cross_start(rf_engine *engine, uint32_t account)
{
    if (!rf_cross_unhealthy(engine, account)) {
        rf_watch_account(engine, account);
        return;
    }
    if (rf_cross_frozen(engine, account))
        return;
    flag(engine, account);
    cancel_orders(engine, account);
    if (!rf_cross_unhealthy(engine, account)) {
        recover(engine, account);
    } else if (rf_liquidate_holds(engine, account)) {
        engine->work.cross_account = account;
    } else {
        rf_event event = account_event(engine, RF_EVENT_LIQUIDATION_ENDED, account);
        end(engine, account, &event);
    }
}

/* ---- One slice ------------------------------------------------------------------------------- */

typedef struct rf_slice {
    uint32_t position;
    rf_qty q, qty;  /* the position before; how much of it is sold now */
    rf_money value; /* q at the mark, signed */
    rf_money share; /* E_i */
} rf_slice;

/* E_i = floor(E * MM_i / sum(MM)). Where nothing has maintenance (a tier of rate 0) the
 * notionals share. */
static rf_money share_of(const rf_engine *engine, uint32_t account, uint32_t position)
{
    rf_cross now;
    rf_cross_assess(engine, account, &now);
    rf_wide maintenance = 0, notional = 0;
    uint32_t seat = engine->accounts[account].seats;
    for (uint32_t i; (i = next_held(engine, &seat)) != RF_NONE;) {
        maintenance += maintenance_of(engine, &engine->positions[i]);
        notional += notional_of(engine, &engine->positions[i]);
    }
    const rf_position *record = &engine->positions[position];
    const bool plain = maintenance != 0;
    const rf_money part = plain ? maintenance_of(engine, record) : notional_of(engine, record);
    return rf_saturate(rf_div_down(now.equity * part, plain ? maintenance : notional));
}

/* A quarter of the size when flagged, rounded up to a lot, at most what is left. */
static rf_qty slice_qty(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const rf_qty lot = engine->instruments[record->instrument].config.qty_tick;
    const rf_qty quarter =
        rf_narrow(rf_div_up(engine->positions_cold[position].flagged_qty, 4 * lot) * lot);
    return rf_min(quarter, rf_size(record->q));
}

static rf_slice cut(const rf_engine *engine, uint32_t account)
{
    const uint32_t position = position_to_sell(engine, account);
    RF_CHECK(position != RF_NONE);
    const rf_position *record = &engine->positions[position];
    const rf_money notional = notional_of(engine, record);
    return (rf_slice){position, record->q, slice_qty(engine, position),
                      record->q < 0 ? -notional : notional, share_of(engine, account, position)};
}

/* Cash and U of the position: what a fill changes of the account's equity. */
static rf_money equity_with(const rf_engine *engine, const rf_slice *slice)
{
    const rf_position *record = &engine->positions[slice->position];
    return rf_add(rf_ledger_balance(engine, rf_slot_main(record->account, 0)),
                  rf_position_unrealized(engine, record));
}

/* Sells into the book and takes the liquidation fee, at most what the fills left of their part
 * of the share. told: what became of the slice, as LIQUIDATION_ENDED has it. */
static void sell(rf_engine *engine, const rf_slice *slice, rf_event *told)
{
    const rf_position *record = &engine->positions[slice->position];
    const rf_instrument *instrument = &engine->instruments[record->instrument];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_money equity = equity_with(engine, slice);
    rf_money value = 0;
    const rf_qty sold = rf_match_liquidation(
        engine, slice->position, slice->qty,
        rf_bankruptcy_price(&params, slice->q, slice->value, slice->share), &value);
    const rf_wide part = rf_div_down((rf_wide)slice->share * sold, rf_size(slice->q));
    const rf_money left = rf_narrow(part + equity_with(engine, slice) - equity);
    const rf_money fee =
        rf_min(rf_rate_up(value, instrument->config.liquidation_fee_rate), rf_max(0, left));
    rf_ledger_post(engine, rf_slot_main(record->account, 0), rf_slot_house(RF_SLOT_INSURANCE, 0),
                   fee, RF_REASON_LIQUIDATION_FEE, 0);
    told->qty = sold;
    told->amount = fee;
}

/* What the book did not take: to the fund, else to the other side, else to the fund whatever its
 * equity. */
static void give_rest(rf_engine *engine, const rf_slice *slice, rf_event *told)
{
    rf_qty rest = slice->qty - told->qty;
    const rf_position *record = &engine->positions[slice->position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_price price =
        rf_max(0, rf_deleverage_price(&params, slice->q, slice->value, slice->share));
    const rf_qty moved = record->q < 0 ? -rest : rest;
    const rf_money cost = rf_narrow((rf_wide)moved * price * params.k);
    if (!rf_fund_may_take(engine, record->instrument, moved, cost, 0))
        told->leaves = rf_deleverage(engine, slice->position, rest, price);
    rest -= told->leaves;
    if (rest != 0)
        rf_fund_take_at(engine, slice->position, rest, price);
    told->value = rest;
}

static bool healthy_by_a_tenth(const rf_engine *engine, uint32_t account)
{
    rf_cross now;
    rf_cross_assess(engine, account, &now);
    return (rf_wide)10 * now.margin_balance >= (rf_wide)11 * now.maintenance_margin;
}

void rf_liquidate_cross_slice(rf_engine *engine)
{
    const uint32_t account = engine->work.cross_account;
    /* A restart can find the feed stale in the middle: nothing is sold then, and whoever is
     * still unhealthy when the mark is back is found by his keys and flagged again. */
    if (rf_cross_frozen(engine, account)) {
        recover(engine, account);
        return;
    }
    const rf_slice slice = cut(engine, account);
    rf_event told = rf_liquidate_event(engine, RF_EVENT_LIQUIDATION_ENDED, slice.position);
    sell(engine, &slice, &told);
    if (told.qty < slice.qty)
        give_rest(engine, &slice, &told);
    rf_position_touch(engine, slice.position);
    if (!rf_liquidate_holds(engine, account))
        end(engine, account, &told);
    else if (healthy_by_a_tenth(engine, account))
        recover(engine, account);
}
