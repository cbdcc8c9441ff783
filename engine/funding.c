/* The way to a time, cut into steps (engine->work is the place where it stands):
 *
 *   IDLE --hour--> MARK ---> FUNDING ---> SETTLEMENT ---> SOCIALIZE ---> DONE ---> IDLE ...
 *
 *   MARK        the marks of the hour are set; liquidations run before the next stage
 *   FUNDING     instruments that settle by themselves, in the order of their creation
 *   SETTLEMENT  the same, those whose mark is fresh
 *   SOCIALIZE   positions with a profit of this hour, if the fund is below zero
 *   DONE        rates of the next interval; liquidations run before the next hour
 *
 * When no hour is left, all marks are updated once at the command's own time. An operator's
 * settlement enters at FUNDING or SETTLEMENT for one instrument; a SETTLED instrument enters at
 * CLOSE. FUNDING, SETTLEMENT and SOCIALIZE visit positions; the cursor is the next position to
 * visit, and stands at nobody between two stages. */
#include "engine/funding.h"

#include "engine/close.h"
#include "engine/cross.h"
#include "engine/instrument.h"
#include "engine/insurance.h"
#include "engine/ledger.h"
#include "engine/mark.h"
#include "engine/position.h"
#include "engine/watch.h"

#define INTERVAL_NS (4 * RF_HOUR_NS)
#define PREMIUM_MAX (10000 * RF_E8)

enum {
    INTEREST = 5000, /* e8 per four hours */
    INTEREST_CLAMP = 50000,
};

/* Whose work it is (work.step). */
enum {
    OF_HOUR,        /* every instrument that settles by itself */
    OF_ONE,         /* work.instrument alone */
    OF_ONE_AT_RATE, /* the same, at the operator's rate */
};

/* ---- Rates ----------------------------------------------------------------------------------- */

static rf_rate clamp(rf_rate value, rf_rate bound)
{
    return rf_max(-bound, rf_min(value, bound));
}

/* P = (M - I) / I in e8, floored; 0 without an index. */
static rf_rate premium(const rf_engine *engine, const rf_instrument *instrument)
{
    const int64_t index_e8 = engine->indexes[instrument->index].price_e8;
    if (index_e8 == 0)
        return 0;
    const rf_wide gap = (rf_wide)rf_mark_mid(engine, instrument) - index_e8;
    const rf_wide ratio = rf_div_down(gap * RF_E8, index_e8);
    /* A book far away from a tiny index; every cap on rates is far below. */
    if (ratio > PREMIUM_MAX)
        return PREMIUM_MAX;
    return ratio < -PREMIUM_MAX ? -PREMIUM_MAX : (rf_rate)ratio;
}

static rf_rate four_hour_rate(rf_rate average)
{
    return average + clamp(INTEREST - average, INTEREST_CLAMP);
}

void rf_funding_start(rf_engine *engine, rf_instrument *instrument)
{
    instrument->funding_rate = four_hour_rate(0);
    instrument->premium_start_ns = 0; /* nothing sampled yet */
    instrument->premium_time_ns = engine->now_ns;
}

void rf_funding_sample(rf_engine *engine, rf_instrument *instrument)
{
    if (instrument->premium_start_ns == 0)
        instrument->premium_start_ns = engine->now_ns;
    else
        instrument->premium_sum +=
            (rf_wide)instrument->premium_now * (engine->now_ns - instrument->premium_time_ns);
    instrument->premium_time_ns = engine->now_ns;
    instrument->premium_now = premium(engine, instrument);
}

rf_rate rf_funding_hourly(const rf_instrument *instrument)
{
    const rf_rate rate =
        instrument->rate_pinned ? instrument->pinned_rate : instrument->funding_rate / 4;
    return clamp(rate, instrument->config.funding_cap_rate);
}

/* The premium averaged over the running interval up to now, toward zero. */
static rf_rate average_premium(const rf_engine *engine, const rf_instrument *instrument)
{
    const rf_time_ns passed = engine->now_ns - instrument->premium_start_ns;
    if (instrument->premium_start_ns == 0 || passed <= 0)
        return instrument->premium_now;
    const rf_time_ns since = engine->now_ns - instrument->premium_time_ns;
    return (rf_rate)((instrument->premium_sum + (rf_wide)instrument->premium_now * since) / passed);
}

rf_rate rf_funding_estimate(const rf_engine *engine, const rf_instrument *instrument)
{
    const rf_rate rate = four_hour_rate(average_premium(engine, instrument)) / 4;
    return clamp(rate, instrument->config.funding_cap_rate);
}

static void emit_rate(rf_engine *engine, const rf_instrument *instrument)
{
    rf_event event = {0};
    event.kind = RF_EVENT_FUNDING_RATE;
    event.instrument = instrument->number;
    event.value = rf_funding_hourly(instrument);
    event.amount = rf_funding_estimate(engine, instrument);
    rf_emit(engine, &event);
}

/* Fixes the rate of the next four hours and starts the next interval. */
static void roll_interval(rf_engine *engine, rf_instrument *instrument)
{
    instrument->funding_rate = four_hour_rate(average_premium(engine, instrument));
    instrument->premium_sum = 0;
    instrument->premium_start_ns = instrument->premium_time_ns = engine->now_ns;
    emit_rate(engine, instrument);
}

/* ---- One position ---------------------------------------------------------------------------- */

/* What is paid rounds up, what is received rounds down. Everybody pays to and receives from
 * ROUNDING, so the remainder is there at the end and the ledger balances at every step. */
static void fund_position(rf_engine *engine, uint32_t position, rf_rate rate)
{
    const rf_position *record = &engine->positions[position];
    if (record->q == 0 || rate == 0)
        return;
    const rf_instrument *instrument = rf_instrument_of(engine, record);
    const rf_money notional = rf_notional(instrument->k, rf_size(record->q), instrument->mark);
    const rf_rate size = rf_abs(rate);
    const bool pays = (record->q > 0) == (rate > 0);
    rf_ledger_post_funding(engine, position,
                           pays ? -rf_rate_up(notional, size) : rf_rate_down(notional, size));
    rf_position_touch(engine, position);
}

static void emit_settled(rf_engine *engine, const rf_position *record, rf_money realized)
{
    rf_event event = {0};
    event.kind = RF_EVENT_POSITION_SETTLED;
    event.account = record->account;
    event.instrument = record->instrument;
    event.isolation_id = record->id;
    event.amount = record->cost;
    event.realized = realized;
    rf_emit(engine, &event);
}

/* W += U; C = q * mark * K. W + U, and so health and every watch key, stay what they were:
 * nobody is touched. A profit or loss for which W has no room stays U until the next settlement. */
static void settle_position(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    rf_position_cold *cold = &engine->positions_cold[position];
    const rf_instrument *instrument = rf_instrument_of(engine, record);
    const rf_money value = rf_mul(rf_mul(record->q, instrument->mark), instrument->k);
    const rf_money profit = rf_sub(value, record->cost);
    const rf_slot own = rf_slot_of_position(engine, position);
    cold->session_profit = 0;
    if (!rf_ledger_has_room(engine, own, profit))
        return;
    rf_ledger_post_quiet(engine, rf_slot_clearing(instrument->number), own, profit);
    record->cost = value;
    cold->settled_value = value;
    cold->session_profit = profit;
    if (profit == 0)
        return;
    record->update_time_ns = engine->now_ns;
    emit_settled(engine, record, profit);
    /* Nobody's sum gets near this bound; should it, shares come out too large and are capped by
     * the profits. */
    if (profit > 0 && record->account != RF_FUND &&
        __builtin_add_overflow(engine->work.profit_sum, profit, &engine->work.profit_sum))
        engine->work.profit_sum = INT64_MAX;
}

/* margin.md 11: ceil(loss * profit / sum of profits), at most the profit. */
static void socialize_position(rf_engine *engine, uint32_t position)
{
    rf_work *work = &engine->work;
    const rf_money profit = engine->positions_cold[position].session_profit;
    if (profit <= 0 || engine->positions[position].account == RF_FUND)
        return;
    const rf_money share = rf_min(rf_muldiv_up(work->loss, profit, work->profit_sum), profit);
    rf_ledger_post(engine, rf_slot_of_position(engine, position),
                   rf_slot_house(RF_SLOT_INSURANCE, 0), share, RF_REASON_SOCIALIZED_LOSS, 0);
    work->collected = rf_add(work->collected, share);
    rf_position_touch(engine, position);
}

/* ---- Instruments and stages ------------------------------------------------------------------ */

/* The rate that the operator gave with settle-funding lies here until it is settled. */
static rf_rate *given_rate(rf_work *work)
{
    return &work->given_rate;
}

static rf_rate rate_at_work(rf_engine *engine, const rf_instrument *instrument)
{
    if (engine->work.step != OF_ONE_AT_RATE)
        return rf_funding_hourly(instrument);
    return clamp(*given_rate(&engine->work), instrument->config.funding_cap_rate);
}

/* Does the instrument take part in this stage? The same answer all through the hour: nothing
 * that it hangs on changes between funding and the end of the socialised loss. */
static bool takes_part(const rf_engine *engine, uint32_t number)
{
    const rf_instrument *instrument = &engine->instruments[number];
    if (engine->work.step != OF_HOUR)
        return number == engine->work.instrument;
    if (instrument->state == RF_STATE_SETTLED || instrument->mark == 0 ||
        instrument->config.settlement != RF_SETTLEMENT_HOURLY)
        return false;
    return engine->work.stage == RF_HOUR_FUNDING || !rf_mark_stale(engine, instrument);
}

static void emit_instrument(rf_engine *engine, const rf_instrument *instrument, rf_event_kind kind,
                            int64_t value)
{
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.instrument = instrument->number;
    event.price = instrument->mark;
    event.value = value;
    rf_emit(engine, &event);
}

static void finish_instrument(rf_engine *engine, rf_instrument *instrument)
{
    if (engine->work.stage == RF_HOUR_FUNDING) {
        emit_instrument(engine, instrument, RF_EVENT_FUNDING_SETTLED,
                        rate_at_work(engine, instrument));
        if (instrument->rate_pinned && engine->work.step != OF_ONE_AT_RATE) {
            instrument->rate_pinned = 0; /* for that settlement only */
            emit_rate(engine, instrument);
        }
    } else if (engine->work.stage == RF_HOUR_SETTLEMENT) {
        instrument->settled_mark = instrument->mark;
        emit_instrument(engine, instrument, RF_EVENT_SESSION_SETTLED, 0);
    }
    instrument->changes++;
}

static void visit(rf_engine *engine, uint32_t position, rf_rate rate)
{
    if (engine->work.stage == RF_HOUR_FUNDING)
        fund_position(engine, position, rate);
    else if (engine->work.stage == RF_HOUR_SETTLEMENT)
        settle_position(engine, position);
    else
        socialize_position(engine, position);
}

/* From the cursor to the instrument's last position. False: the budget ended before. */
static bool visit_positions(rf_engine *engine, rf_instrument *instrument, uint32_t *budget)
{
    rf_work *work = &engine->work;
    const rf_rate rate = work->stage == RF_HOUR_FUNDING ? rate_at_work(engine, instrument) : 0;
    for (; work->position != RF_NONE;
         work->position = engine->positions[work->position].instrument_next) {
        if (*budget == 0)
            return false;
        --*budget;
        visit(engine, work->position, rate);
    }
    return true;
}

/* All instruments of this stage. A stage that stopped stands at a position; otherwise an
 * instrument begins. */
static bool visit_instruments(rf_engine *engine, uint32_t *budget)
{
    rf_work *work = &engine->work;
    while (work->instrument < engine->instruments_count) {
        rf_instrument *instrument = &engine->instruments[work->instrument];
        if (takes_part(engine, work->instrument)) {
            if (work->position == RF_NONE)
                work->position = instrument->positions_first;
            if (!visit_positions(engine, instrument, budget))
                return false;
            finish_instrument(engine, instrument);
        }
        if (work->step != OF_HOUR)
            return true;
        work->instrument++;
    }
    return true;
}

static void enter(rf_engine *engine, rf_hour_stage stage)
{
    engine->work.stage = (uint32_t)stage;
    engine->session += stage == RF_HOUR_SETTLEMENT;
    engine->work.position = RF_NONE;
    if (engine->work.step == OF_HOUR)
        engine->work.instrument = 0;
}

/* After the settlements: what INSURANCE is below zero is the loss of this hour, if anybody won. */
static void enter_socialize(rf_engine *engine)
{
    rf_work *work = &engine->work;
    const rf_money insurance = rf_ledger_balance(engine, rf_slot_house(RF_SLOT_INSURANCE, 0));
    work->collected = 0;
    work->loss = insurance < 0 ? -insurance : 0;
    enter(engine, work->loss > 0 && work->profit_sum > 0 ? RF_HOUR_SOCIALIZE : RF_HOUR_DONE);
}

static void finish_socialize(rf_engine *engine)
{
    rf_event event = {0};
    event.kind = RF_EVENT_SOCIALIZED_LOSS;
    event.amount = engine->work.loss;
    event.value = engine->work.collected;
    rf_emit(engine, &event);
    enter(engine, RF_HOUR_DONE);
}

static void finish_work(rf_engine *engine)
{
    rf_work *work = &engine->work;
    if (work->step == OF_HOUR) {
        for (uint32_t i = 0; i < engine->instruments_count && work->next_hour_ns % INTERVAL_NS == 0;
             i++)
            if (engine->instruments[i].state != RF_STATE_SETTLED)
                roll_interval(engine, &engine->instruments[i]);
        work->next_hour_ns += RF_HOUR_NS;
    }
    work->stage = RF_HOUR_IDLE;
    work->step = OF_HOUR;
    work->instrument = 0;
    work->position = RF_NONE;
    *given_rate(work) = work->loss = work->profit_sum = work->collected = 0;
}

/* ---- Closing an instrument ------------------------------------------------------------------- */

static bool is_empty(const rf_position *record)
{
    return record->q == 0 && record->orders_count == 0 && record->triggers == RF_NONE;
}

/* A cross account with nothing left whose balance is below zero: nobody will liquidate it any
 * more. */
static void cover_account(rf_engine *engine, uint32_t account)
{
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position != RF_NONE && !is_empty(&engine->positions[position]))
            return;
    }
    if (account != RF_FUND)
        rf_fund_cover_account(engine, account);
}

bool rf_settlement_fits(const rf_engine *engine, const rf_instrument *instrument, rf_price price)
{
    rf_wide lost = 0;
    for (uint32_t i = instrument->positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        const rf_position *record = &engine->positions[i];
        const rf_money value = rf_mul(rf_mul(record->q, price), instrument->k);
        const rf_money realized = rf_sub(value, record->cost);
        if (!rf_ledger_has_room(engine, rf_slot_of_position(engine, i), realized))
            return false;
        lost += realized < 0 ? -(rf_wide)realized : 0;
    }
    const rf_slot insurance = rf_slot_house(RF_SLOT_INSURANCE, 0);
    return rf_is_amount(rf_ledger_balance(engine, insurance) - lost);
}

/* The position gives up q and C against the settlement price; the event is POSITION_MOVED with
 * code 3, to nobody. */
static void settle_out(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = rf_instrument_of(engine, record);
    const rf_qty q = record->q;
    const rf_money value = rf_mul(rf_mul(q, instrument->settlement_price), instrument->k);
    const rf_money cost = rf_position_take_out(engine, position, rf_size(q));
    const rf_money realized = rf_sub(value, cost);
    const rf_slot own = rf_slot_of_position(engine, position);
    rf_ledger_post_quiet(engine, rf_slot_clearing(instrument->number), own, realized);
    rf_session_realize(engine, own, realized);
    rf_event event = {0};
    event.kind = RF_EVENT_POSITION_MOVED;
    event.account = record->account;
    event.instrument = record->instrument;
    event.isolation_id = record->id;
    event.qty = -q;
    event.price = instrument->settlement_price;
    event.amount = cost;
    event.realized = realized;
    event.code = 3;
    rf_emit(engine, &event);
}

/* Touched first: the record then lives until the look after this step, which sweeps and releases
 * it. */
static void close_position(rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    rf_position_touch(engine, position);
    rf_close_all_orders(engine, position, RF_ERR_INSTRUMENT_EXPIRED, false);
    if (record->q != 0)
        settle_out(engine, position);
    if (!rf_is_isolated(record))
        cover_account(engine, record->account);
    else if (record->wallet < 0)
        rf_fund_cover(engine, RF_SLOT_ISOLATED, position);
}

/* What was closed is gone after the look, so each step starts at the oldest that is left. */
static bool close_positions(rf_engine *engine, uint32_t *budget)
{
    uint32_t position = engine->instruments[engine->work.instrument].positions_first;
    for (; position != RF_NONE; position = engine->positions[position].instrument_next) {
        if (*budget == 0)
            return false;
        --*budget;
        close_position(engine, position);
    }
    return true;
}

void rf_settlement_start(rf_engine *engine, const rf_instrument *instrument)
{
    RF_CHECK(engine->work.stage == RF_HOUR_IDLE);
    engine->work.step = OF_ONE;
    engine->work.instrument = instrument->number;
    enter(engine, RF_HOUR_CLOSE);
}

/* ---- The schedule ---------------------------------------------------------------------------- */

static void update_marks(rf_engine *engine, rf_time_ns time_ns)
{
    engine->now_ns = time_ns;
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        rf_mark_update(engine, &engine->instruments[i]);
}

void rf_schedule_first(rf_engine *engine)
{
    if (engine->work.next_hour_ns == 0)
        engine->work.next_hour_ns = (engine->command_time_ns / RF_HOUR_NS + 1) * RF_HOUR_NS;
}

static bool in_hour(const rf_work *work)
{
    return work->stage != RF_HOUR_IDLE && work->step == OF_HOUR;
}

void rf_schedule_start(rf_engine *engine)
{
    rf_work *work = &engine->work;
    rf_schedule_first(engine);
    work->target_ns = rf_max(work->target_ns, engine->command_time_ns);
    /* Time has to pass for it: a second TICK at the same time does not look at the book again. */
    work->marks = work->marks | engine->time_passed;
    if (in_hour(work))
        engine->now_ns = work->next_hour_ns;
}

/* Nothing at work: the next hour, or the last update of all marks. */
static bool start_next(rf_engine *engine)
{
    rf_work *work = &engine->work;
    if (work->target_ns != 0 && work->next_hour_ns <= work->target_ns) {
        update_marks(engine, work->next_hour_ns);
        work->profit_sum = 0;
        enter(engine, RF_HOUR_MARK);
        return false;
    }
    /* A jump that ends on an hour has had its update there. */
    if (work->marks && work->next_hour_ns - RF_HOUR_NS != work->target_ns)
        update_marks(engine, work->target_ns);
    engine->now_ns = work->target_ns != 0 ? work->target_ns : engine->now_ns;
    work->marks = 0;
    work->target_ns = 0;
    return true;
}

/* As much of the stages as the budget allows. An operator's funding is not followed by a
 * settlement. */
static void run_stages(rf_engine *engine, uint32_t *budget)
{
    rf_work *work = &engine->work;
    if (work->stage == RF_HOUR_MARK)
        enter(engine, RF_HOUR_FUNDING);
    if (work->stage == RF_HOUR_FUNDING) {
        if (!visit_instruments(engine, budget))
            return;
        enter(engine, work->step == OF_HOUR ? RF_HOUR_SETTLEMENT : RF_HOUR_DONE);
    }
    if (work->stage == RF_HOUR_SETTLEMENT) {
        if (!visit_instruments(engine, budget))
            return;
        enter_socialize(engine);
    }
    if (work->stage == RF_HOUR_SOCIALIZE) {
        if (!visit_instruments(engine, budget))
            return;
        finish_socialize(engine);
    }
    if (work->stage == RF_HOUR_CLOSE) {
        if (!close_positions(engine, budget))
            return;
        enter(engine, RF_HOUR_DONE);
    }
    RF_CHECK(work->stage == RF_HOUR_DONE);
    finish_work(engine);
}

bool rf_schedule_step(rf_engine *engine)
{
    uint32_t budget = RF_STEP_BUDGET;
    if (engine->work.stage == RF_HOUR_IDLE)
        return start_next(engine);
    if (in_hour(&engine->work))
        engine->now_ns = engine->work.next_hour_ns;
    run_stages(engine, &budget);
    return !rf_schedule_pending(engine);
}

/* ---- The operator's calls -------------------------------------------------------------------- */

/* Any rate: what settles is clamped by the cap; this only keeps the number printable and its
 * size safe. */
static bool is_rate(rf_rate rate)
{
    return rate >= -RF_AMOUNT_MAX && rate <= RF_AMOUNT_MAX;
}

static void start_one(rf_engine *engine, const rf_instrument *instrument, rf_hour_stage stage)
{
    RF_CHECK(engine->work.stage == RF_HOUR_IDLE);
    engine->work.step = OF_ONE;
    engine->work.instrument = instrument->number;
    engine->work.profit_sum = 0;
    enter(engine, stage);
}

rf_error rf_funding_pin(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    if (!is_rate(command->u.instrument.rate))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    instrument->rate_pinned = 1;
    instrument->pinned_rate = command->u.instrument.rate;
    emit_rate(engine, instrument);
    return RF_ERR_OK;
}

rf_error rf_funding_settle_now(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    const bool given = command->u.instrument.rate_given != 0;
    if (!given && instrument->config.settlement == RF_SETTLEMENT_MANUAL)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (given && !is_rate(command->u.instrument.rate))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (instrument->mark == 0)
        return RF_ERR_OK; /* nobody has a position yet */
    start_one(engine, instrument, RF_HOUR_FUNDING);
    if (given) {
        engine->work.step = OF_ONE_AT_RATE;
        *given_rate(&engine->work) = command->u.instrument.rate;
    }
    return RF_ERR_OK;
}

rf_error rf_session_settle_now(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    /* "A stale mark skips session settlement (U is kept)", as at the hour. */
    if (instrument->mark != 0 && !rf_mark_stale(engine, instrument))
        start_one(engine, instrument, RF_HOUR_SETTLEMENT);
    return RF_ERR_OK;
}
