#include "engine/liquidate.h"

#include "engine/close.h"
#include "engine/cross.h"
#include "engine/deleverage.h"
#include "engine/insurance.h"
#include "engine/isolate.h"
#include "engine/ledger.h"
#include "engine/mark.h"
#include "engine/match.h"
#include "engine/position.h"
#include "engine/prefetch.h"
#include "engine/watch.h"

/* ---- The queue: isolations before cross accounts, (MB - MM) / N ascending, then the older one */

/* floor(a / b * 2^20), cut off at both ends: it never says otherwise than the quotient itself. */
static int64_t rank_of(rf_wide a, rf_money b)
{
    enum { SCALE = 20 };
    const rf_wide small = (rf_wide)1 << (63 - SCALE);
    if (b == 0)
        return a < 0 ? INT64_MIN : INT64_MAX;
    const rf_wide scaled = a * ((rf_wide)1 << SCALE);
    if (a > -small && a < small) {
        const int64_t quotient = (int64_t)scaled / b;
        return quotient - (a < 0 && quotient * b != (int64_t)scaled);
    }
    const rf_wide quotient = rf_div_down(scaled, b);
    return quotient < INT64_MIN ? INT64_MIN : quotient > INT64_MAX ? INT64_MAX : (int64_t)quotient;
}

static bool before(const rf_queue_entry *a, const rf_queue_entry *b)
{
    if (a->cross != b->cross)
        return a->cross < b->cross;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    /* Both fit 64 bits, so the products fit 128. Without N only a debt is left: below everything
     * with N. */
    const rf_wide left = a->numerator * b->denominator, right = b->numerator * a->denominator;
    return left != right ? left < right : a->id < b->id;
}

static void sift(rf_queue_entry *entries, uint32_t root, uint32_t count)
{
    if (count == 0)
        return;
    const rf_queue_entry moved = entries[root];
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && before(&entries[child + 1], &entries[child]))
            child++;
        if (!before(&entries[child], &moved))
            break;
        entries[root] = entries[child];
    }
    entries[root] = moved;
}

/* A heap: a crash queues more than one command closes, and only what is taken has to be in
 * order. */
static void order(rf_queue_entry *entries, uint32_t count)
{
    for (uint32_t root = count / 2; root-- > 0;)
        sift(entries, root, count);
}

/* The first of the queue; the entries that are taken stand behind the heap, so that its end does
 * not move. */
static rf_queue_entry take_first(rf_engine *engine)
{
    const rf_queue_entry first = engine->queue[0];
    const uint32_t last = engine->queue_count - ++engine->queue_next;
    engine->queue[0] = engine->queue[last];
    engine->queue[last] = first;
    sift(engine->queue, 0, last);
    return first;
}

static rf_queue_entry entry_of(const rf_engine *engine, uint32_t position, const rf_assessment *now)
{
    const rf_position *record = &engine->positions[position];
    const rf_wide numerator = (rf_wide)now->margin_balance - now->binding.mm;
    return (rf_queue_entry){.numerator = numerator,
                            .denominator = now->binding.notional,
                            .rank = rank_of(numerator, now->binding.notional),
                            .id = record->id,
                            .handle = position,
                            .instrument = record->instrument};
}

static void queue_isolation(rf_engine *engine, uint32_t position, const rf_assessment *now)
{
    rf_position *record = &engine->positions[position];
    rf_instrument *instrument = rf_instrument_of(engine, record);
    record->flags |= RF_POSITION_QUEUED;
    instrument->queued++;
    instrument->queued_mark = instrument->mark;
    engine->queue[engine->queue_count++] = entry_of(engine, position, now);
}

/* N of an account is the sum over its cross positions, orders included. */
static rf_money account_notional(const rf_engine *engine, uint32_t account)
{
    rf_money sum = 0;
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        if (engine->seats[i].position[0] == RF_NONE)
            continue;
        rf_assessment now;
        rf_position_assess(engine, &engine->positions[engine->seats[i].position[0]], &now);
        sum = rf_saturate((rf_wide)sum + now.binding.notional);
    }
    return sum;
}

static void queue_account(rf_engine *engine, uint32_t account)
{
    rf_cross now;
    rf_cross_assess(engine, account, &now);
    const rf_wide numerator = (rf_wide)now.margin_balance - now.maintenance_margin;
    const rf_money notional = account_notional(engine, account);
    engine->accounts[account].flags |= RF_ACCOUNT_QUEUED;
    engine->queue[engine->queue_count++] = (rf_queue_entry){.numerator = numerator,
                                                            .denominator = notional,
                                                            .rank = rank_of(numerator, notional),
                                                            .id = account,
                                                            .handle = account,
                                                            .cross = 1};
}

/* ---- Kept from command to command ------------------------------------------------------------ */

/* The isolation of an entry; RF_NONE: it is gone, and somebody else may have its place. */
static uint32_t isolation_at(const rf_engine *engine, const rf_queue_entry *entry)
{
    return engine->positions[entry->handle].id == entry->id ? entry->handle : RF_NONE;
}

static bool is_void(const rf_engine *engine, const rf_queue_entry *entry)
{
    return isolation_at(engine, entry) == RF_NONE ||
           (engine->positions[entry->handle].flags & RF_POSITION_QUEUED) == 0;
}

/* Takes the void ones out of the first count entries; returns how many are left, a heap again. What
 * changed and is still unhealthy lies behind its key, and its instrument has moved. */
static uint32_t without_void(rf_engine *engine, uint32_t count)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_void(engine, &engine->queue[i]))
            engine->instruments[engine->queue[i].instrument].queued--;
        else
            engine->queue[left++] = engine->queue[i];
    }
    order(engine->queue, left);
    engine->queue_void = 0;
    return left;
}

/* Would all that is kept be found again, and judged alike? None of it has changed; all else hangs on
 * the marks, and on the time by which they are stale. */
static bool still_holds(const rf_engine *engine)
{
    if (engine->queue_void != 0 || engine->now_ns != engine->queue_time_ns)
        return false;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        if (instrument->queued != 0 && (instrument->mark != instrument->queued_mark ||
                                        rf_liquidation_frozen(engine, instrument)))
            return false;
    }
    return true;
}

static void forget_kept(rf_engine *engine)
{
    for (uint32_t i = 0; i < engine->queue_kept; i++) {
        const uint32_t position = isolation_at(engine, &engine->queue[i]);
        if (position != RF_NONE)
            engine->positions[position].flags &= (uint16_t)~RF_POSITION_QUEUED;
    }
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        engine->instruments[i].queued = engine->instruments[i].kept = 0;
    engine->queue_kept = engine->queue_void = 0;
}

static void resume(rf_engine *engine)
{
    if (engine->queue_kept == 0)
        engine->queue_void = 0;
    else if (!still_holds(engine))
        forget_kept(engine);
}

/* ---- Collecting ------------------------------------------------------------------------------ */

static void consider_isolation(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if ((record->flags & RF_POSITION_QUEUED) != 0)
        return;
    rf_assessment now;
    if (!rf_isolation_assess(engine, record, &now))
        rf_watch_position(engine, position);
    else if (!rf_liquidation_frozen(engine, rf_instrument_of(engine, record)))
        queue_isolation(engine, position, &now);
}

/* An account without positions and orders has nothing to sell: it counts only when it owes more
 * than it has. */
static bool can_be_helped(const rf_engine *engine, uint32_t account)
{
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next)
        if (engine->seats[i].position[0] != RF_NONE) {
            const rf_position *position = &engine->positions[engine->seats[i].position[0]];
            if (position->q != 0 || position->orders_count != 0)
                return true;
        }
    rf_cross now;
    rf_cross_assess(engine, account, &now);
    return now.collateral < 0 && *rf_main(engine, account, 0) < 0;
}

/* A frozen account must be found by whichever of its instruments thaws: each of its keys has to
 * lie passed. */
static bool is_found_everywhere(const rf_engine *engine, uint32_t account)
{
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const uint32_t position = engine->seats[i].position[0];
        if (position == RF_NONE || engine->positions[position].q == 0)
            continue;
        const rf_price mark = engine->instruments[engine->seats[i].instrument].mark;
        const rf_price up = engine->nodes[RF_UP][position].key;
        if (mark > engine->nodes[RF_DOWN][position].key && (up == 0 || mark < up))
            return false;
    }
    return true;
}

static void consider_account(rf_engine *engine, uint32_t account)
{
    const uint16_t flags = engine->accounts[account].flags;
    if (account == RF_FUND || (flags & (RF_ACCOUNT_QUEUED | RF_ACCOUNT_LIQUIDATING)) != 0)
        return;
    const bool unhealthy = rf_cross_unhealthy(engine, account),
               frozen = rf_cross_frozen(engine, account);
    if (unhealthy && !frozen && can_be_helped(engine, account))
        queue_account(engine, account);
    else if (!unhealthy || (frozen && !is_found_everywhere(engine, account)))
        rf_watch_account(engine, account);
}

/* Positions lie anywhere, and so do their accounts, whose rates an assessment asks for. */
static void fetch_hits(const rf_engine *engine, uint32_t at, uint32_t hits)
{
    enum { AHEAD = 12, OWNER_AHEAD = 6 };
    if (at + AHEAD < hits) {
        rf_fetch(&engine->positions[engine->scratch[at + AHEAD]]);
        rf_fetch(&engine->positions[engine->scratch[at + AHEAD]].account);
    }
    if (at + OWNER_AHEAD < hits)
        rf_fetch(
            &engine->accounts[engine->positions[engine->scratch[at + OWNER_AHEAD]].account].flags);
}

static void collect_instrument(rf_engine *engine, rf_instrument *instrument)
{
    const uint32_t hits = rf_watch_hits(engine, instrument);
    for (uint32_t i = 0; i < hits; i++) {
        fetch_hits(engine, i, hits);
        const uint32_t position = engine->scratch[i];
        if (rf_is_isolated(&engine->positions[position]))
            consider_isolation(engine, position);
        else
            consider_account(engine, engine->positions[position].account);
    }
}

/* Those that move while the others are looked at wait for the next collect: so each look ends. */
static void collect_moved(rf_engine *engine)
{
    const uint32_t count = engine->moved_count;
    for (uint32_t i = 0; i < count; i++)
        if (engine->instruments[engine->moved[i]].kept == 0)
            collect_instrument(engine, &engine->instruments[engine->moved[i]]);
    /* Only now: all of it was looked at, also what re-keying found behind a mark again. */
    for (uint32_t i = 0; i < count; i++)
        engine->instruments[engine->moved[i]].moved = engine->instruments[engine->moved[i]].kept =
            0;
    engine->moved_count -= count;
    for (uint32_t i = 0; i < engine->moved_count; i++)
        engine->moved[i] = engine->moved[count + i];
}

static void collect_collateral(rf_engine *engine)
{
    for (uint32_t currency = 1; currency < engine->currencies_count; currency++) {
        if (engine->currencies[currency].kind != RF_CURRENCY_COLLATERAL)
            continue;
        const uint32_t hits = rf_watch_collateral_hits(engine, currency);
        for (uint32_t i = 0; i < hits; i++)
            consider_account(engine, engine->scratch[i]);
    }
}

/* The notes stand behind the queue that is done; the new one grows from its start, or from the end of
 * what was kept, and cannot overtake them. */
static void collect_noted(rf_engine *engine)
{
    const rf_queue_entry *notes = &engine->queue[engine->queue_count];
    const uint32_t count = engine->queue_noted;
    engine->queue_count = engine->queue_kept;
    engine->queue_next = engine->queue_noted = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t account = notes[i].handle;
        engine->accounts[account].flags &= (uint16_t)~RF_ACCOUNT_QUEUED;
        consider_account(engine, account);
    }
}

/* Accounts are marked while the others are collected; isolations as long as they are in the queue. */
static void unmark(rf_engine *engine)
{
    for (uint32_t i = engine->queue_kept; i < engine->queue_count; i++)
        if (engine->queue[i].cross != 0)
            engine->accounts[engine->queue[i].handle].flags &= (uint16_t)~RF_ACCOUNT_QUEUED;
}

bool rf_liquidate_collect(rf_engine *engine)
{
    RF_CHECK(engine->queue_next == engine->queue_count);
    engine->look = 0;
    resume(engine);
    collect_noted(engine);
    collect_moved(engine);
    collect_collateral(engine);
    unmark(engine);
    if (engine->queue_count != engine->queue_kept)
        order(engine->queue, engine->queue_count);
    engine->queue_kept = 0;
    if (engine->queue_count ==
        0) /* the command before may have closed the last one with its last step */
        rf_deleverage_forget(engine);
    return engine->queue_count != 0;
}

void rf_liquidate_note(rf_engine *engine, uint32_t account)
{
    if (account == RF_FUND || (engine->accounts[account].flags & RF_ACCOUNT_QUEUED) != 0)
        return;
    engine->accounts[account].flags |= RF_ACCOUNT_QUEUED;
    engine->queue[engine->queue_count + engine->queue_noted++] =
        (rf_queue_entry){.handle = account, .cross = 1};
    engine->look = 1;
}

/* ---- One isolation (section 9) --------------------------------------------------------------- */

/* What became of it, for LIQUIDATION_ENDED. */
typedef struct rf_outcome {
    rf_qty sold, taken, deleveraged;
    rf_money fund;      /* what the fund received */
    rf_money uncovered; /* what it paid, or cannot carry */
} rf_outcome;

rf_event rf_liquidate_event(const rf_engine *engine, rf_event_kind kind, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.account = record->account;
    event.instrument = record->instrument;
    event.isolation_id = record->id;
    return event;
}

static void flag(rf_engine *engine, uint32_t position, const rf_assessment *now)
{
    rf_position *record = &engine->positions[position];
    record->flags |= RF_POSITION_LIQUIDATING;
    rf_event event = rf_liquidate_event(engine, RF_EVENT_LIQUIDATION_STARTED, position);
    event.price = rf_instrument_of(engine, record)->mark;
    event.amount = rf_add(record->wallet, now->unrealized);
    event.value = rf_add(now->health.fr, now->health.mm);
    event.qty = record->q;
    rf_emit(engine, &event);
}

static void unflag(rf_engine *engine, uint32_t position)
{
    engine->positions[position].flags &= (uint16_t)~RF_POSITION_LIQUIDATING;
    rf_position_touch(engine, position); /* the look sweeps a flat one and keys the other anew */
}

static rf_slot wallet_of(uint32_t position)
{
    return (rf_slot){RF_SLOT_ISOLATED, 0, position};
}

/* All of W goes to the fund; what it lacks the fund pays. */
static void give_wallet(rf_engine *engine, uint32_t position, rf_outcome *outcome)
{
    const rf_money wallet = rf_max(0, engine->positions[position].wallet);
    rf_ledger_post(engine, wallet_of(position), rf_slot_house(RF_SLOT_INSURANCE, 0), wallet,
                   RF_REASON_INSURANCE, 0);
    outcome->fund = rf_add(outcome->fund, wallet);
    outcome->uncovered =
        rf_add(outcome->uncovered, rf_fund_cover(engine, RF_SLOT_ISOLATED, position));
}

/* 9.4: all filled. "Any remaining balance after liquidation will be allocated to the insurance
 * fund." */
static void settle_sold(rf_engine *engine, uint32_t position, rf_money value, rf_outcome *outcome)
{
    const rf_position *record = &engine->positions[position];
    const rf_instrument_config *config = &rf_instrument_of(engine, record)->config;
    const rf_money fee =
        rf_min(rf_rate_up(value, config->liquidation_fee_rate), rf_max(0, record->wallet));
    rf_ledger_post(engine, wallet_of(position), rf_slot_house(RF_SLOT_INSURANCE, 0), fee,
                   RF_REASON_LIQUIDATION_FEE, 0);
    outcome->fund = rf_add(outcome->fund, fee);
    if (config->residual == RF_RESIDUAL_RETURN && record->wallet > 0)
        rf_isolate_transfer(engine, position, -record->wallet);
    give_wallet(engine, position, outcome);
}

/* 9.7: nobody is left. How much of the loss the fund cannot carry shows in its equity. */
static void force_on_fund(rf_engine *engine, uint32_t position, rf_outcome *outcome)
{
    const rf_money missing_before = rf_max(0, rf_sub(0, rf_fund_equity(engine)));
    outcome->taken = rf_size(engine->positions[position].q);
    rf_fund_take_over(engine, position, outcome->taken);
    give_wallet(engine, position, outcome);
    const rf_money missing = rf_max(0, rf_sub(0, rf_fund_equity(engine)));
    outcome->uncovered = rf_max(outcome->uncovered, rf_sub(missing, missing_before));
}

/* 9.6: at the exact bankruptcy price; nobody pays to be rid of a position. */
static void deleverage(rf_engine *engine, uint32_t position, rf_outcome *outcome)
{
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_price price =
        rf_max(0, rf_deleverage_price(&params, record->q, record->cost, record->wallet));
    outcome->deleveraged = rf_deleverage(engine, position, rf_size(record->q), price);
    if (record->q != 0)
        force_on_fund(engine, position, outcome);
    else
        give_wallet(engine, position, outcome);
}

/* 9.5: the rest moves to the fund with its exact C and W, if the fund may take it. */
static void give_rest(rf_engine *engine, uint32_t position, rf_outcome *outcome)
{
    const rf_position *record = &engine->positions[position];
    if (!rf_fund_may_take(engine, record->instrument, record->q, record->cost, record->wallet)) {
        deleverage(engine, position, outcome);
        return;
    }
    outcome->taken = rf_size(record->q);
    rf_fund_take_over(engine, position, outcome->taken);
    give_wallet(engine, position, outcome);
}

/* 9.3: the whole position to the market, not below the bankruptcy price. */
static void close_out(rf_engine *engine, uint32_t position, rf_outcome *outcome)
{
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_price limit = rf_bankruptcy_price(&params, record->q, record->cost, record->wallet);
    rf_money value;
    outcome->sold = rf_match_liquidation(engine, position, rf_size(record->q), limit, &value);
    if (record->q == 0)
        settle_sold(engine, position, value, outcome);
    else
        give_rest(engine, position, outcome);
}

static void end(rf_engine *engine, uint32_t position, const rf_outcome *outcome)
{
    RF_CHECK(engine->positions[position].q == 0 && engine->positions[position].wallet == 0);
    unflag(engine, position);
    rf_event event = rf_liquidate_event(engine, RF_EVENT_LIQUIDATION_ENDED, position);
    event.amount = outcome->fund;
    event.qty = outcome->sold;
    event.value = outcome->taken;
    event.leaves = outcome->deleveraged;
    event.realized = outcome->uncovered;
    rf_emit(engine, &event);
}

static void liquidate_isolation(rf_engine *engine, const rf_queue_entry *entry)
{
    const uint32_t position = isolation_at(engine, entry);
    engine->instruments[entry->instrument].queued--;
    if (position == RF_NONE)
        return;
    rf_position *record = &engine->positions[position];
    rf_assessment now;
    record->flags &= (uint16_t)~RF_POSITION_QUEUED;
    if (!rf_isolation_assess(engine, record, &now)) {
        rf_watch_position(engine, position);
        return;
    }
    if (rf_liquidation_frozen(engine, rf_instrument_of(engine, record)))
        return;
    const bool has_orders = record->orders_count != 0 || record->triggers != RF_NONE;
    flag(engine, position, &now);
    rf_close_all_orders(engine, position, RF_ERR_POSITION_IS_IN_LIQUIDATION, false);
    RF_CHECK(record->id == entry->id);
    if (has_orders && !rf_isolation_unhealthy(engine, record)) {
        unflag(engine, position);
        rf_event event = rf_liquidate_event(engine, RF_EVENT_LIQUIDATION_RECOVERED, position);
        rf_emit(engine, &event);
        return;
    }
    rf_outcome outcome = {0};
    if (record->q != 0)
        close_out(engine, position, &outcome);
    else
        give_wallet(engine, position, &outcome);
    end(engine, position, &outcome);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* The children of the heap's top are two of the next three, mostly. */
static void fetch_next(const rf_engine *engine)
{
    const uint32_t left = engine->queue_count - engine->queue_next;
    if (left > 0 && engine->queue[0].cross == 0)
        rf_prefetch_end(engine, engine->queue[0].handle);
    for (uint32_t i = 1; i < 3 && i < left; i++)
        if (engine->queue[i].cross == 0)
            rf_prefetch_position(engine, engine->queue[i].handle);
}

bool rf_liquidate_step(rf_engine *engine)
{
    if (engine->work.cross_account != 0) {
        rf_liquidate_cross_slice(engine);
    } else if (engine->queue_next < engine->queue_count) {
        const rf_queue_entry entry = take_first(engine);
        fetch_next(engine);
        if (entry.cross != 0)
            rf_liquidate_cross_start(engine, entry.handle);
        else
            liquidate_isolation(engine, &entry);
    } else {
        rf_deleverage_forget(
            engine); /* triggers, settlements and commands come before the next round */
        return false;
    }
    rf_deleverage_follow(engine);
    return true;
}

/* What lies behind a key is found by it. Who has no position left is not: he is settled now. */
static void suspend_account(rf_engine *engine, uint32_t account)
{
    engine->accounts[account].flags &= (uint16_t)~RF_ACCOUNT_QUEUED;
    if (!rf_liquidate_holds(engine, account))
        rf_liquidate_cross_start(engine, account);
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next)
        if (engine->seats[i].position[0] != RF_NONE)
            rf_moved(engine, &engine->instruments[engine->seats[i].instrument]);
}

/* Isolations to the front, accounts behind them; returns how many isolations. */
static uint32_t part(rf_queue_entry *entries, uint32_t count)
{
    uint32_t isolations = 0;
    for (uint32_t i = 0; i < count; i++) {
        const rf_queue_entry entry = entries[i];
        if (entry.cross != 0)
            continue;
        entries[i] = entries[isolations];
        entries[isolations++] = entry;
    }
    return isolations;
}

/* In the order of the queue, wherever they stand in the heap: what is settled here is told. */
static void suspend_accounts(rf_engine *engine, rf_queue_entry *entries, uint32_t count)
{
    order(entries, count);
    for (uint32_t left = count; left > 0; left--) {
        const uint32_t account = entries[0].handle;
        entries[0] = entries[left - 1];
        sift(entries, 0, left - 1);
        suspend_account(engine, account);
    }
}

/* What has changed since it was queued is not kept: the next collect looks for it. */
static void move_void(rf_engine *engine, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const rf_queue_entry *entry = &engine->queue[i];
        if (is_void(engine, entry) && isolation_at(engine, entry) != RF_NONE)
            rf_moved(engine, &engine->instruments[entry->instrument]);
    }
}

/* A state that is loaded holds no queue and finds all of it again: to it, these instruments have moved. */
static void move_kept(rf_engine *engine)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        rf_instrument *instrument = &engine->instruments[i];
        if (instrument->queued == 0 || instrument->moved != 0)
            continue;
        rf_moved(engine, instrument);
        instrument->kept = 1;
    }
}

static void keep(rf_engine *engine, uint32_t isolations, bool is_heap)
{
    if (engine->queue_void != 0) {
        move_void(engine, isolations);
        isolations = without_void(engine, isolations);
    } else if (!is_heap) {
        order(engine->queue, isolations);
    }
    engine->queue_kept = isolations;
    engine->queue_time_ns = engine->now_ns;
    move_kept(engine);
}

/* An account's risk hangs on more than is noted of it: it is found and judged anew by the next collect.
 * The deleveraging queue is kept, too: only a TICK comes between, and it goes on where this command
 * stopped. */
void rf_liquidate_suspend(rf_engine *engine)
{
    const uint32_t count = engine->queue_count - engine->queue_next;
    const uint32_t isolations = part(engine->queue, count);
    suspend_accounts(engine, &engine->queue[isolations], count - isolations);
    for (uint32_t i = 0; i < engine->queue_noted; i++)
        suspend_account(engine, engine->queue[engine->queue_count + i].handle);
    if (engine->queue_kept == 0) /* else nothing of it was taken yet */
        keep(engine, isolations, isolations == count);
    engine->queue_count = engine->queue_next = engine->queue_kept;
    engine->queue_noted = 0;
}

/* ---- For the invariants ---------------------------------------------------------------------- */

static bool is_same(const rf_queue_entry *a, const rf_queue_entry *b)
{
    return a->numerator == b->numerator && a->denominator == b->denominator && a->id == b->id &&
           a->handle == b->handle && a->instrument == b->instrument && a->cross == b->cross;
}

uint32_t rf_liquidate_kept_wrong(const rf_engine *engine)
{
    const uint32_t count = still_holds(engine) ? engine->queue_kept : 0;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++) {
        const rf_queue_entry *entry = &engine->queue[i];
        if (is_void(engine, entry))
            continue;
        rf_assessment now;
        wrong += !rf_isolation_assess(engine, &engine->positions[entry->handle], &now);
        const rf_queue_entry anew = entry_of(engine, entry->handle, &now);
        wrong += !is_same(entry, &anew) || (i > 0 && before(entry, &engine->queue[(i - 1) / 2]));
    }
    return wrong;
}
