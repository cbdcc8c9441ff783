#include "engine/position.h"

#include "engine/map.h"
#include "engine/trade.h"
#include "engine/watch.h"

/* ---- Seats ----------------------------------------------------------------------------------- */

rf_seat *rf_seat_find(const rf_engine *engine, uint32_t account, uint32_t instrument)
{
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next)
        if (engine->seats[seat].instrument == instrument)
            return &engine->seats[seat];
    return NULL;
}

rf_seat *rf_seat_make(rf_engine *engine, uint32_t account, uint32_t instrument)
{
    rf_seat *found = rf_seat_find(engine, account, instrument);
    if (found)
        return found;
    if (engine->seats_used >= rf_seats_max(&engine->limits))
        return NULL;
    const uint32_t seat = ++engine->seats_used;
    rf_account *owner = &engine->accounts[account];
    engine->seats[seat] = (rf_seat){.account = account, .instrument = (uint16_t)instrument};
    if (owner->seats_last != RF_NONE)
        engine->seats[owner->seats_last].account_next = seat;
    else
        owner->seats = seat;
    owner->seats_last = seat;
    return &engine->seats[seat];
}

uint32_t rf_position_find(const rf_engine *engine, uint32_t account, uint32_t instrument,
                          bool isolated)
{
    const rf_seat *seat = rf_seat_find(engine, account, instrument);
    return seat ? seat->position[isolated] : RF_NONE;
}

void rf_seat_undo(rf_engine *engine, uint32_t account)
{
    rf_account *owner = &engine->accounts[account];
    const uint32_t youngest = engine->seats_used--;
    RF_CHECK(owner->seats_last == youngest && engine->seats[youngest].position[0] == RF_NONE &&
             engine->seats[youngest].position[1] == RF_NONE);
    uint32_t before = RF_NONE;
    for (uint32_t seat = owner->seats; seat != youngest; seat = engine->seats[seat].account_next)
        before = seat;
    if (before == RF_NONE)
        owner->seats = RF_NONE;
    else
        engine->seats[before].account_next = RF_NONE;
    owner->seats_last = before;
    engine->seats[youngest] = (rf_seat){0};
}

/* ---- Isolations by id ------------------------------------------------------------------------ */

static uint32_t home_by_isolation(const rf_engine *engine, uint32_t position)
{
    return rf_map_home_of_id(engine->positions[position].id);
}

static uint32_t *slot_of_isolation(const rf_engine *engine, uint64_t isolation_id)
{
    const rf_map *map = &engine->isolation_ids;
    uint32_t slot = rf_map_home_of_id(isolation_id) & map->mask;
    for (uint32_t distance = 0; map->slots[slot] != RF_NONE; distance++) {
        const uint64_t other = engine->positions[map->slots[slot]].id;
        if (other == isolation_id)
            return &map->slots[slot];
        if (((slot - rf_map_home_of_id(other)) & map->mask) < distance)
            return NULL;
        slot = (slot + 1) & map->mask;
    }
    return NULL;
}

uint32_t rf_position_by_isolation(const rf_engine *engine, uint64_t isolation_id)
{
    if (isolation_id == 0)
        return RF_NONE;
    const uint32_t *slot = slot_of_isolation(engine, isolation_id);
    return slot ? *slot : RF_NONE;
}

/* ---- Life of a record ------------------------------------------------------------------------ */

bool rf_position_room(const rf_engine *engine)
{
    return engine->positions_used + engine->limits.instruments_max < engine->limits.positions_max;
}

uint32_t rf_position_take(rf_engine *engine)
{
    uint32_t position = engine->positions_free;
    if (position != RF_NONE)
        engine->positions_free = engine->positions[position].instrument_next;
    else if (engine->positions_fresh <= engine->limits.positions_max)
        position = engine->positions_fresh++;
    else
        return RF_NONE;
    engine->positions[position] = (rf_position){0};
    engine->positions_cold[position] = (rf_position_cold){0};
    engine->positions_used++;
    return position;
}

/* A free record is all zeros but for the link. */
static void give_back(rf_engine *engine, uint32_t position)
{
    engine->positions[position] = (rf_position){.instrument_next = engine->positions_free};
    engine->positions_cold[position] = (rf_position_cold){0};
    engine->positions_free = position;
    engine->positions_used--;
}

static void link_last(rf_engine *engine, rf_instrument *instrument, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    record->instrument_prev = instrument->positions_last;
    record->instrument_next = RF_NONE;
    if (instrument->positions_last != RF_NONE)
        engine->positions[instrument->positions_last].instrument_next = position;
    else
        instrument->positions_first = position;
    instrument->positions_last = position;
}

static void unlink(rf_engine *engine, rf_instrument *instrument, const rf_position *record)
{
    if (record->instrument_prev != RF_NONE)
        engine->positions[record->instrument_prev].instrument_next = record->instrument_next;
    else
        instrument->positions_first = record->instrument_next;
    if (record->instrument_next != RF_NONE)
        engine->positions[record->instrument_next].instrument_prev = record->instrument_prev;
    else
        instrument->positions_last = record->instrument_prev;
}

bool rf_position_file(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    rf_seat *seat = rf_seat_make(engine, record->account, record->instrument);
    if (!seat)
        return false;
    const bool isolated = rf_is_isolated(record);
    RF_CHECK(seat->position[isolated] == RF_NONE && isolated == (record->id != 0));
    seat->position[isolated] = position;
    engine->positions_cold[position].seat = (uint32_t)(seat - engine->seats);
    link_last(engine, rf_instrument_of(engine, record), position);
    if (isolated) {
        rf_map_insert(engine, &engine->isolation_ids, position, home_by_isolation);
        engine->accounts[record->account].isolations_count++;
    }
    return true;
}

uint32_t rf_position_open(rf_engine *engine, uint32_t account, uint32_t instrument, bool isolated,
                          uint32_t leverage)
{
    rf_seat *seat = rf_seat_make(engine, account, instrument);
    if (!seat)
        return RF_NONE;
    const uint32_t position = rf_position_take(engine);
    if (position == RF_NONE)
        return RF_NONE;
    rf_position *record = &engine->positions[position];
    rf_position_cold *cold = &engine->positions_cold[position];
    record->account = account;
    record->instrument = (uint16_t)instrument;
    record->leverage = leverage;
    cold->age = engine->next_age++;
    cold->create_time_ns = record->update_time_ns = engine->now_ns;
    if (isolated) {
        record->flags = RF_POSITION_ISOLATED;
        record->id = engine->next_isolation++;
    }
    RF_CHECK(rf_position_file(engine, position));
    return position;
}

/* Whoever still waits for the look at this record finds it gone; the youngest notes are the
 * likeliest. */
static void untouch(rf_engine *engine, uint32_t position)
{
    if ((engine->positions[position].flags & RF_POSITION_TOUCHED) == 0)
        return;
    uint32_t place = engine->touched_count;
    while (place > 0 && engine->touched[place - 1] != position)
        place--;
    RF_CHECK(place > 0);
    engine->touched[place - 1] = engine->touched[--engine->touched_count];
}

/* Takes a record out of everything that knows it. */
static void remove_record(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const bool isolated = rf_is_isolated(record);
    rf_instrument *instrument = rf_instrument_of(engine, record);
    untouch(engine, position);
    rf_watch_drop(engine, position);
    if (isolated) {
        const uint32_t *slot = slot_of_isolation(engine, record->id);
        RF_CHECK(slot);
        rf_map_remove_slot(engine, &engine->isolation_ids,
                           (uint32_t)(slot - engine->isolation_ids.slots), home_by_isolation);
        engine->accounts[record->account].isolations_count--;
    }
    engine->seats[engine->positions_cold[position].seat].position[isolated] = RF_NONE;
    unlink(engine, instrument, record);
    instrument->changes++;
    give_back(engine, position);
}

static bool is_empty(const rf_position *record)
{
    return record->q == 0 && record->wallet == 0 && record->orders[RF_BUY] == RF_NONE &&
           record->orders[RF_SELL] == RF_NONE && record->triggers == RF_NONE;
}

void rf_position_release_if_empty(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if (position == RF_NONE || !is_empty(record))
        return;
    const rf_position_cold *cold = &engine->positions_cold[position];
    RF_CHECK(cold->age != 0 && record->cost == 0 && record->cost_user == 0);
    if (rf_is_isolated(record) && engine->sink.event) {
        rf_event event = {0};
        event.kind = RF_EVENT_ISOLATION_CLOSED;
        event.account = record->account;
        event.instrument = record->instrument;
        event.isolation_id = record->id;
        event.amount = cold->taken_out;
        event.fee = cold->put_in;
        event.realized = cold->taken_out;
        rf_emit(engine, &event);
    }
    remove_record(engine, position);
}

/* ---- Rates and parameters -------------------------------------------------------------------- */

void rf_position_params(const rf_engine *engine, const rf_position *position,
                        rf_margin_params *params)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    *params = instrument->margin;
    params->taker = rf_taker_rate(engine, position->account, instrument);
}

/* The instrument's own parameters where they hold, else a copy with the account's rate. */
static const rf_margin_params *params_of(const rf_engine *engine, const rf_position *position,
                                         rf_margin_params *own)
{
    if (!rf_own_fees(engine, position->account))
        return &engine->instruments[position->instrument].margin;
    rf_position_params(engine, position, own);
    return own;
}

/* L of an isolation; the account's maximum for cross, or the product's when it has none (the
 * fund). */
static int64_t leverage_of(const rf_engine *engine, const rf_position *position,
                           const rf_margin_params *params)
{
    const uint32_t leverage = rf_is_isolated(position)
                                  ? position->leverage
                                  : engine->accounts[position->account].leverage;
    return leverage != 0 ? leverage : params->product_leverage;
}

/* ---- What is required ------------------------------------------------------------------------ */

/* Quantity and notional of a side's orders that the position covers, and what its orders lose
 * against the mark. Only the own orders at the head of the list matter: those that are covered
 * or lie beyond the mark. */
typedef struct head_sums {
    rf_money covered; /* at px */
    rf_money loss;
} head_sums;

static head_sums sum_head(const rf_engine *engine, const rf_position *position, uint8_t side,
                          rf_price mark, rf_qty cover)
{
    const int64_t k = engine->instruments[position->instrument].k;
    head_sums sums = {0, 0};
    uint32_t next = position->orders[side];
    while (next != RF_NONE) {
        const rf_order *order = &engine->orders[next];
        const rf_price beyond =
            rf_max(0, side == RF_BUY ? order->price - mark : mark - order->price);
        if (cover == 0 && beyond == 0)
            break;
        next = order->own_next;
        if ((order->flags & RF_FLAG_REDUCE_ONLY) != 0)
            continue;
        const rf_price px = side == RF_BUY ? order->price : rf_max(order->price, mark);
        const rf_qty covered = rf_min(cover, order->leaves);
        sums.covered += rf_notional(k, covered, px);
        sums.loss += rf_notional(k, order->leaves, beyond);
        cover -= covered;
    }
    return sums;
}

/* In one piece with its callers: the order path computes it for every command. */
static inline __attribute__((always_inline)) void expose(const rf_engine *engine,
                                                         const rf_position *position, uint8_t side,
                                                         rf_price mark, int64_t k, bool isolated,
                                                         rf_exposure *exposure)
{
    const rf_qty signed_qty = side == RF_BUY ? position->q : -position->q;
    const rf_qty standing = rf_max(0, signed_qty), cover = rf_max(0, -signed_qty);
    *exposure = (rf_exposure){.position = rf_notional(k, standing, mark), .qty = standing};
    const rf_qty uncovered = position->open_qty[side] - cover;
    if (uncovered <= 0)
        return; /* nothing rests here, or it only closes */
    exposure->qty += uncovered;
    exposure->orders = position->open_notional[side];
    if (cover == 0 && side == RF_BUY && !isolated)
        return; /* px is the limit, and a cross position has no opening loss */
    const head_sums head = sum_head(engine, position, side, mark, cover);
    /* A sell below the mark is margined at the mark: its loss is what its notional lacks. */
    exposure->orders += (side == RF_SELL ? head.loss : 0) - head.covered;
    exposure->covered = head.covered;
    exposure->loss = isolated ? head.loss : 0;
}

void rf_position_exposure(const rf_engine *engine, const rf_position *position, uint8_t side,
                          rf_price mark, rf_exposure *exposure)
{
    expose(engine, position, side, mark, engine->instruments[position->instrument].k,
           rf_is_isolated(position), exposure);
}

static rf_money unrealized_at(const rf_instrument *instrument, const rf_position *position,
                              rf_price mark)
{
    return rf_sub(rf_notional(instrument->k, position->q, mark), position->cost);
}

static rf_money initial_sum(const rf_requirement *requirement)
{
    return requirement->im + requirement->fr + requirement->ol;
}

static rf_money health_sum(const rf_requirement *requirement)
{
    return requirement->fr + requirement->mm;
}

void rf_position_assess_at(const rf_engine *engine, const rf_position *position, rf_price mark,
                           uint32_t leverage, rf_assessment *assessment)
{
    *assessment =
        (rf_assessment){.margin_balance = position->wallet, .available = position->wallet};
    if (mark == 0)
        return;
    rf_margin_params own;
    const rf_margin_params *params = params_of(engine, position, &own);
    const int64_t max = leverage != 0 ? leverage : leverage_of(engine, position, params);
    rf_exposure exposures[2];
    rf_requirement sides[2];
    for (uint8_t side = RF_BUY; side <= RF_SELL; side++) {
        rf_position_exposure(engine, position, side, mark, &exposures[side]);
        rf_margin_side(params, max, &exposures[side], &sides[side]);
    }
    const uint8_t binding =
        initial_sum(&sides[RF_SELL]) > initial_sum(&sides[RF_BUY]) ? RF_SELL : RF_BUY;
    const uint8_t health =
        health_sum(&sides[RF_SELL]) > health_sum(&sides[RF_BUY]) ? RF_SELL : RF_BUY;
    assessment->unrealized =
        unrealized_at(&engine->instruments[position->instrument], position, mark);
    assessment->binding = sides[binding];
    assessment->health = sides[health];
    assessment->binding_side = binding;
    assessment->binding_qty = exposures[binding].qty;
    assessment->margin_balance = position->wallet + assessment->unrealized - sides[binding].fr;
    assessment->available = assessment->margin_balance - sides[binding].ol - sides[binding].im;
}

void rf_position_assess(const rf_engine *engine, const rf_position *position,
                        rf_assessment *assessment)
{
    rf_position_assess_at(engine, position, engine->instruments[position->instrument].mark, 0,
                          assessment);
}

rf_money rf_position_unrealized(const rf_engine *engine, const rf_position *position)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    return instrument->mark == 0 ? 0 : unrealized_at(instrument, position, instrument->mark);
}

bool rf_isolation_assess(const rf_engine *engine, const rf_position *position,
                         rf_assessment *assessment)
{
    rf_position_assess(engine, position, assessment);
    return (position->q == 0 && position->wallet < 0) ||
           position->wallet + assessment->unrealized < health_sum(&assessment->health);
}

bool rf_isolation_unhealthy(const rf_engine *engine, const rf_position *position)
{
    rf_assessment now;
    return rf_isolation_assess(engine, position, &now);
}

/* Rates do not fall with size (tiers too), so no side requires more than one that is larger in
 * everything. */
static bool contains(const rf_exposure *a, const rf_exposure *b)
{
    return a->position >= b->position && a->orders >= b->orders && a->covered >= b->covered &&
           a->qty >= b->qty;
}

static rf_money initial_of(const rf_margin_params *params, int64_t leverage,
                           const rf_exposure *exposure)
{
    rf_requirement requirement;
    rf_margin_side_initial(params, leverage, exposure, &requirement);
    return requirement.im + requirement.fr;
}

/* The larger side's IM + FR of a cross position, without computing a side that cannot be the
 * larger. */
static rf_money cross_initial(const rf_engine *engine, const rf_position *position,
                              const rf_instrument *instrument)
{
    const bool buys = position->q > 0 || position->open_qty[RF_BUY] != 0;
    const bool sells = position->q < 0 || position->open_qty[RF_SELL] != 0;
    rf_margin_params own;
    const rf_margin_params *params = params_of(engine, position, &own);
    const int64_t leverage = leverage_of(engine, position, params);
    rf_exposure buy, sell;
    if (buys)
        expose(engine, position, RF_BUY, instrument->mark, instrument->k, false, &buy);
    if (sells)
        expose(engine, position, RF_SELL, instrument->mark, instrument->k, false, &sell);
    if (!sells)
        return buys ? initial_of(params, leverage, &buy) : 0;
    if (!buys || contains(&sell, &buy))
        return initial_of(params, leverage, &sell);
    if (contains(&buy, &sell))
        return initial_of(params, leverage, &buy);
    return rf_max(initial_of(params, leverage, &buy), initial_of(params, leverage, &sell));
}

rf_money rf_position_cross_part(const rf_engine *engine, const rf_position *position)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    if (instrument->mark == 0)
        return 0;
    return unrealized_at(instrument, position, instrument->mark) -
           cross_initial(engine, position, instrument);
}

/* ---- Changing q ------------------------------------------------------------------------------ */

/* What follows every change of q; before: q before it. */
static void note_change(rf_engine *engine, uint32_t position, rf_qty before)
{
    rf_position *record = &engine->positions[position];
    rf_instrument *instrument = rf_instrument_of(engine, record);
    instrument->longs += rf_max(0, record->q) - rf_max(0, before);
    instrument->changes++;
    rf_room_forget(engine, record->account);
    record->update_time_ns = engine->now_ns;
    if (record->q == 0)
        record->flags |= RF_POSITION_CLOSED;
}

rf_money rf_position_trade(rf_engine *engine, uint32_t position, uint8_t side, rf_qty qty,
                           rf_price price)
{
    rf_position *record = &engine->positions[position];
    const int64_t k = engine->instruments[record->instrument].k;
    const rf_qty before = record->q;
    RF_CHECK(qty > 0);
    /* C and C0 part at a session settlement only; until then one reckoning does for both. */
    const bool same = record->cost_user == record->cost;
    rf_qty q = before;
    if (!same)
        rf_trade(&q, &record->cost_user, k, side, qty, price);
    const rf_money realized = rf_trade(&record->q, &record->cost, k, side, qty, price);
    if (same)
        record->cost_user = record->cost;
    note_change(engine, position, before);
    return realized;
}

rf_money rf_position_take_out(rf_engine *engine, uint32_t position, rf_qty qty)
{
    rf_position *record = &engine->positions[position];
    const rf_qty before = record->q;
    RF_CHECK(qty > 0 && qty <= rf_size(before));
    const rf_money removed = rf_cost_share(record->cost, before, qty);
    record->cost -= removed;
    record->cost_user -= rf_cost_share(record->cost_user, before, qty);
    record->q -= before < 0 ? -qty : qty;
    note_change(engine, position, before);
    return removed;
}

/* C0 after q at this cost joined: it adds up on the same side; on the other the closed shares
 * leave it. */
static rf_money user_cost_after(const rf_position *record, rf_qty q, rf_money cost)
{
    const bool nets = (record->q < 0 && q > 0) || (record->q > 0 && q < 0);
    if (!nets)
        return record->cost_user + cost;
    const rf_qty closing = rf_min(rf_size(record->q), rf_size(q));
    const rf_money left = record->cost_user - rf_cost_share(record->cost_user, record->q, closing);
    return left + cost - rf_cost_share(cost, q, closing);
}

rf_money rf_position_put_in(rf_engine *engine, uint32_t position, rf_qty q, rf_money cost)
{
    rf_position *record = &engine->positions[position];
    const rf_qty before = record->q;
    RF_CHECK(q != 0);
    record->cost_user = user_cost_after(record, q, cost);
    record->q = rf_add(record->q, q);
    record->cost = rf_add(record->cost, cost);
    rf_money realized = 0;
    if (record->q == 0) {
        realized = -record->cost;
        record->cost = 0;
    }
    note_change(engine, position, before);
    return realized;
}
