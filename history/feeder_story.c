/* Isolations summed up, liquidations, and the story of both: every event with its numbers, and what
 * the margin rules make of them. */
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/check.h"
#include "engine/margin.h"
#include "history/feeder_state.h"

/* ---- Liquidations under way ------------------------------------------------------------------ */

feeder_liquidation *feeder_liquidation_of(rf_feeder *feeder, uint32_t account,
                                          uint64_t isolation_id)
{
    for (size_t i = 0; i < feeder->liquidations_count; i++) {
        feeder_liquidation *row = &feeder->liquidations[i];
        if (row->account == account && row->isolation_id == isolation_id)
            return row;
    }
    return NULL;
}

bool feeder_liquidation_add(rf_feeder *feeder, feeder_liquidation liquidation)
{
    if (!feeder_room(feeder, (void **)&feeder->liquidations, feeder->liquidations_count,
                     &feeder->liquidations_max, sizeof liquidation))
        return false;
    feeder->liquidations[feeder->liquidations_count++] = liquidation;
    return true;
}

static rf_row_liquidation liquidation_row(const feeder_liquidation *open)
{
    return (rf_row_liquidation){.number = open->number,
                                .account = open->account,
                                .instrument = open->instrument,
                                .isolation_id = (int64_t)open->isolation_id};
}

static int64_t k_of(const rf_feeder *feeder, uint32_t instrument)
{
    rf_instrument_view view;
    return rf_view_instrument(feeder->world->engine, instrument, &view) ? view.k : 0;
}

static void start_liquidation(rf_feeder *feeder, const rf_event *event, int64_t number)
{
    feeder_liquidation open = {.account = event->account,
                               .isolation_id = event->isolation_id,
                               .number = number,
                               .instrument = event->instrument};
    rf_row_liquidation row = liquidation_row(&open);
    row.time_ns = event->time_ns;
    row.mark = event->price;
    row.qty = event->qty;
    row.equity = event->amount;
    row.required = event->value;
    feeder_add(feeder, RF_TABLE_liquidation, &row);
    feeder_liquidation_add(feeder, open);
}

static void end_liquidation(rf_feeder *feeder, const rf_event *event, feeder_liquidation *open)
{
    rf_row_liquidation row = liquidation_row(open);
    row.ended_ns = event->time_ns;
    row.recovered = event->kind == RF_EVENT_LIQUIDATION_RECOVERED;
    feeder_add(feeder, RF_TABLE_liquidation, &row);
    *open = feeder->liquidations[--feeder->liquidations_count];
}

/* What an event adds to its liquidation. False: nothing. */
static bool add_up(rf_feeder *feeder, const rf_event *event, rf_row_liquidation *row)
{
    bool same = row->instrument == event->instrument;
    if (event->kind == RF_EVENT_ORDER_PLACED) {
        row->limit_price = same ? event->price : 0;
        return true;
    }
    if (event->kind == RF_EVENT_FILL && (event->flags & RF_FLAG_LIQUIDATION)) {
        row->closed_qty = same ? event->qty : 0;
        row->closed_value = event->qty * event->price * k_of(feeder, event->instrument);
        row->realized = event->realized;
        row->fees = event->fee;
        return true;
    }
    if (event->kind == RF_EVENT_POSITION_MOVED) {
        int64_t qty = event->qty < 0 ? -event->qty : event->qty;
        *(event->code == 2 ? &row->deleveraged : &row->taken_over) = same ? qty : 0;
        row->realized = event->realized;
        return true;
    }
    if (event->kind != RF_EVENT_LEDGER)
        return false;
    if (event->reason == RF_REASON_LIQUIDATION_FEE)
        row->liquidation_fee = event->amount;
    else if (event->reason == RF_REASON_INSURANCE)
        row->to_fund = event->amount;
    else if (event->reason == RF_REASON_UNCOVERED_LOSS)
        row->uncovered = event->amount;
    else
        return false;
    return true;
}

/* ---- Isolations summed up -------------------------------------------------------------------- */

static void touch(rf_feeder *feeder, uint64_t isolation_id)
{
    for (size_t i = feeder->touched_count; i-- > 0;)
        if (feeder->touched[i] == isolation_id)
            return;
    if (feeder_room(feeder, (void **)&feeder->touched, feeder->touched_count, &feeder->touched_max,
                    sizeof *feeder->touched))
        feeder->touched[feeder->touched_count++] = isolation_id;
}

static void sum_trade(rf_row_isolation *row, int64_t qty, int64_t value)
{
    *(qty > 0 ? &row->bought_qty : &row->sold_qty) = qty > 0 ? qty : -qty;
    *(qty > 0 ? &row->bought_value : &row->sold_value) = value > 0 ? value : -value;
}

static void sum_ledger(rf_row_isolation *row, const rf_event *event)
{
    feeder_user user;
    bool gives = feeder_user_of(event, true, &user) && user.isolated;
    if (event->reason == RF_REASON_FUNDING)
        row->funding = gives ? -event->amount : event->amount;
    if (event->reason == RF_REASON_LIQUIDATION_FEE)
        row->liquidation_fee = event->amount;
    if (event->reason == RF_REASON_INSURANCE)
        row->to_fund = event->amount;
    if (event->reason == RF_REASON_UNCOVERED_LOSS)
        row->uncovered = event->amount;
    if (event->reason == RF_REASON_SOCIALIZED_LOSS)
        row->socialized = event->amount;
}

static void sum_up(rf_feeder *feeder, const rf_event *event, rf_row_isolation *row)
{
    int64_t k = k_of(feeder, event->instrument);
    if (event->kind == RF_EVENT_ISOLATION_OPENED)
        row->opened_ns = event->time_ns;
    if (event->kind == RF_EVENT_ISOLATION_OPENED || event->kind == RF_EVENT_LEVERAGE_CHANGED)
        row->leverage = event->value;
    if (event->kind == RF_EVENT_FILL) {
        row->first_side = event->side == RF_BUY ? 1 : 2;
        row->way_out = RF_WAY_CLOSED;
        row->realized = event->realized;
        row->fees = event->fee;
        sum_trade(row, event->side == RF_BUY ? event->qty : -event->qty,
                  event->qty * event->price * k);
    }
    if (event->kind == RF_EVENT_POSITION_MOVED) {
        row->way_out = event->code == 3 ? RF_WAY_SETTLED : RF_WAY_DELEVERAGED;
        row->realized = event->realized;
        sum_trade(row, event->qty, event->price ? event->qty * event->price * k : event->amount);
    }
    if (event->kind == RF_EVENT_POSITION_SETTLED)
        row->realized = event->realized;
    if (event->kind == RF_EVENT_LEDGER)
        sum_ledger(row, event);
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED)
        row->way_out = RF_WAY_LIQUIDATED;
    if (event->kind == RF_EVENT_ISOLATION_CLOSED) {
        row->time_ns = event->time_ns;
        row->put_in = event->fee;
        row->taken_out = event->amount;
    }
}

/* The isolation that an event is about: for money that goes back to the main account it is the
 * giver. */
static uint64_t isolation_of(const rf_event *event)
{
    bool back = event->kind == RF_EVENT_LEDGER && event->slot_from == RF_SLOT_ISOLATED &&
                event->slot_to == RF_SLOT_MAIN;
    return back ? (uint64_t)event->value : event->isolation_id;
}

static bool sums(rf_event_kind kind)
{
    return kind == RF_EVENT_ISOLATION_OPENED || kind == RF_EVENT_ISOLATION_CLOSED ||
           kind == RF_EVENT_LEVERAGE_CHANGED || kind == RF_EVENT_FILL ||
           kind == RF_EVENT_POSITION_MOVED || kind == RF_EVENT_POSITION_SETTLED ||
           kind == RF_EVENT_LEDGER || kind == RF_EVENT_LIQUIDATION_ENDED;
}

static void feed_isolation(rf_feeder *feeder, const rf_event *event, uint64_t isolation_id,
                           int64_t number)
{
    rf_row_isolation row = {.isolation_id = (int64_t)isolation_id,
                            .account = event->account,
                            .instrument = event->instrument};
    sum_up(feeder, event, &row);
    if (event->kind == RF_EVENT_ISOLATION_CLOSED)
        row.number = number;
    if (sums((rf_event_kind)event->kind))
        feeder_add(feeder, RF_TABLE_isolation, &row);
    if (event->kind == RF_EVENT_FILL || event->kind == RF_EVENT_LEVERAGE_CHANGED ||
        (event->kind == RF_EVENT_LEDGER && event->reason == RF_REASON_ISOLATED_TRANSFER))
        touch(feeder, isolation_id);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

typedef struct parameters {
    rf_margin_params margin;
    rf_margin_tier tiers[RF_TIERS_MAX];
    rf_instrument_view instrument;
} parameters;

static void load_tiers(parameters *to)
{
    const rf_instrument_config *config = &to->instrument.config;
    rf_wide deduction = 0;
    for (uint32_t i = 0; i < config->tiers_count; i++) {
        const rf_tier *tier = &config->tiers[i];
        if (i > 0)
            deduction += (rf_wide)tier->notional_floor *
                         (tier->maintenance_rate - tier[-1].maintenance_rate) / RF_E8;
        to->tiers[i] = (rf_margin_tier){tier->notional_floor, tier->maintenance_rate,
                                        (rf_money)deduction, tier->max_leverage};
    }
}

static bool load_parameters(const rf_feeder *feeder, uint32_t instrument, uint32_t account,
                            parameters *to)
{
    const rf_engine *engine = feeder->world->engine;
    rf_account_view owner;
    if (!rf_view_instrument(engine, instrument, &to->instrument) ||
        !rf_view_account(engine, account, &owner))
        return false;
    const rf_instrument_config *config = &to->instrument.config;
    load_tiers(to);
    to->margin = (rf_margin_params){
        .k = to->instrument.k,
        .qty_unit = 1,
        .tick = config->price_tick,
        .taker = owner.own_fees ? owner.taker_fee_rate : config->taker_fee_rate,
        .liquidation_fee = config->liquidation_fee_rate,
        .product_leverage = config->max_leverage,
        .umr_e18 = config->unit_margin_rate_e18,
        .tiers = to->tiers,
        .tiers_count = config->tiers_count,
    };
    for (unsigned i = 0; i < config->qty_decimals; i++)
        to->margin.qty_unit *= 10;
    return true;
}

static void put_parameters(rf_row_state *row, const parameters *from, rf_money notional)
{
    row->taker_rate = from->margin.taker;
    row->liquidation_rate = from->margin.liquidation_fee;
    row->max_leverage = from->margin.product_leverage;
    row->umr_e18 = from->margin.umr_e18;
    for (uint32_t i = 0; i < from->margin.tiers_count; i++)
        if (notional >= from->tiers[i].floor) {
            row->tier_rate = from->tiers[i].maintenance;
            row->tier_deduction = from->tiers[i].deduction;
        }
}

/* What isolation wallets gained from an event. */
static int64_t wallet_change(const rf_event *event, uint64_t isolation_id)
{
    feeder_user user;
    int64_t change = 0;
    if (event->kind == RF_EVENT_LEDGER) {
        if (feeder_user_of(event, true, &user) && user.isolation_id == isolation_id)
            change -= event->amount;
        if (feeder_user_of(event, false, &user) && user.isolation_id == isolation_id)
            change += event->amount;
        return change;
    }
    if (event->isolation_id != isolation_id)
        return 0;
    if (event->kind == RF_EVENT_FILL)
        return event->realized - event->fee;
    return event->kind == RF_EVENT_POSITION_MOVED ? event->realized : 0;
}

/* W when the liquidation started: it ends with 0, so it was what went out since. False: it did not
 * end in this record, or ended healthy. */
static bool wallet_at_start(const rf_feeder *feeder, size_t at, int64_t *wallet)
{
    uint64_t isolation_id = feeder->events[at].isolation_id;
    int64_t gained = 0;
    for (size_t i = at + 1; i < feeder->events_count; i++) {
        const rf_event *event = &feeder->events[i];
        gained += wallet_change(event, isolation_id);
        if (event->isolation_id == isolation_id && event->kind == RF_EVENT_LIQUIDATION_ENDED) {
            *wallet = -gained;
            return true;
        }
    }
    return false;
}

/* The numbers that made it unhealthy, as section 8 has them: the position alone, without orders. */
static void add_start(rf_feeder *feeder, size_t at)
{
    const rf_event *event = &feeder->events[at];
    parameters params;
    int64_t wallet;
    if (!wallet_at_start(feeder, at, &wallet) ||
        !load_parameters(feeder, event->instrument, event->account, &params))
        return;
    int64_t size = event->qty < 0 ? -event->qty : event->qty;
    int64_t unrealized = event->amount - wallet;
    int64_t cost = event->qty * event->price * params.margin.k - unrealized;
    int64_t notional = rf_notional(params.margin.k, size, event->price);
    int64_t bankruptcy = size ? rf_bankruptcy_price(&params.margin, event->qty, cost, wallet) : 0;
    rf_row_state row = {
        .number = feeder_number(feeder),
        .time_ns = event->time_ns,
        .isolation_id = (int64_t)event->isolation_id,
        .account = event->account,
        .instrument = event->instrument,
        .stage = 1,
        .mark = event->price,
        .qty = event->qty,
        .cost = cost,
        .wallet = wallet,
        .unrealized = unrealized,
        .maintenance_margin = rf_margin_maintenance(&params.margin, notional, size),
        .fee_reserve = rf_rate_up(notional, params.margin.taker + params.margin.liquidation_fee),
        .liquidation_price =
            size ? rf_liquidation_price(&params.margin, event->qty, cost, wallet) : 0,
        .bankruptcy_price = bankruptcy > 0 ? bankruptcy : 0,
    };
    put_parameters(&row, &params, notional);
    feeder_add(feeder, RF_TABLE_state, &row);
}

static void add_state(rf_feeder *feeder, uint64_t isolation_id)
{
    rf_position_view view;
    parameters params;
    if (!rf_view_isolation(feeder->world->engine, isolation_id, &view) ||
        !load_parameters(feeder, view.instrument, view.account, &params))
        return; /* it ended in this record */
    rf_row_state row = {
        .number = feeder_number(feeder),
        .time_ns = rf_engine_time_ns(feeder->world->engine),
        .isolation_id = (int64_t)isolation_id,
        .account = view.account,
        .instrument = view.instrument,
        .leverage = view.leverage,
        .mark = view.mark,
        .qty = view.qty,
        .cost = view.cost,
        .wallet = view.wallet,
        .unrealized = view.unrealized,
        .initial_margin = view.initial_margin,
        .maintenance_margin = view.maintenance_margin,
        .fee_reserve = view.fee_reserve,
        .opening_loss = view.opening_loss,
        .available = view.available,
        .liquidation_price = view.liquidation_price,
        .bankruptcy_price = view.bankruptcy_price,
    };
    put_parameters(&row, &params, view.value);
    feeder_add(feeder, RF_TABLE_state, &row);
}

void feeder_story_done(rf_feeder *feeder)
{
    for (size_t i = 0; i < feeder->touched_count; i++)
        add_state(feeder, feeder->touched[i]);
    feeder->touched_count = 0;
}

/* ---- The story ------------------------------------------------------------------------------- */

static bool is_told(const rf_event *event)
{
    return event->kind == RF_EVENT_ORDER_PLACED || event->kind == RF_EVENT_LIQUIDATION_STARTED ||
           event->kind == RF_EVENT_LIQUIDATION_RECOVERED || sums((rf_event_kind)event->kind);
}

static void add_story(rf_feeder *feeder, const rf_event *event, uint64_t isolation_id,
                      int64_t number, int64_t liquidation)
{
    rf_row_story row = {
        .number = number,
        .time_ns = event->time_ns,
        .kind = event->kind,
        .account = event->account,
        .instrument = event->instrument,
        .isolation_id = (int64_t)isolation_id,
        .liquidation = liquidation,
        .order_id = (int64_t)event->order_id,
        .price = event->price,
        .qty = event->qty,
        .amount = event->amount,
        .fee = event->fee,
        .realized = event->realized,
        .leaves = event->leaves,
        .value = event->value,
        .code = event->code,
        .flags = event->flags,
        .side = event->side,
        .slot_from = event->slot_from,
        .slot_to = event->slot_to,
        .reason = event->reason,
    };
    feeder_add(feeder, RF_TABLE_story, &row);
}

/* Of a main account only its liquidation is told: its trades and fees in it, not its life beside. */
static bool belongs_to_cross(const rf_event *event)
{
    if (event->kind == RF_EVENT_FILL)
        return (event->flags & RF_FLAG_LIQUIDATION) != 0;
    if (event->kind == RF_EVENT_LEDGER)
        return event->reason == RF_REASON_LIQUIDATION_FEE ||
               event->reason == RF_REASON_UNCOVERED_LOSS;
    return event->kind != RF_EVENT_POSITION_SETTLED;
}

void feeder_story_event(rf_feeder *feeder, size_t at)
{
    const rf_event *event = &feeder->events[at];
    uint64_t isolation_id = isolation_of(event);
    if (!is_told(event) || event->account == 0)
        return;
    feeder_liquidation *open = feeder_liquidation_of(feeder, event->account, isolation_id);
    bool starts = event->kind == RF_EVENT_LIQUIDATION_STARTED;
    if (!isolation_id && !starts && (!open || !belongs_to_cross(event)))
        return;
    int64_t number = feeder_number(feeder);
    add_story(feeder, event, isolation_id, number, starts ? number : open ? open->number : 0);
    if (isolation_id)
        feed_isolation(feeder, event, isolation_id, number);
    if (starts) {
        start_liquidation(feeder, event, number);
        if (isolation_id)
            add_start(feeder, at);
        return;
    }
    rf_row_liquidation row = open ? liquidation_row(open) : (rf_row_liquidation){0};
    if (open && add_up(feeder, event, &row))
        feeder_add(feeder, RF_TABLE_liquidation, &row);
    if (open && (event->kind == RF_EVENT_LIQUIDATION_ENDED ||
                 event->kind == RF_EVENT_LIQUIDATION_RECOVERED))
        end_liquidation(feeder, event, open);
}
