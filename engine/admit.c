/* Admission's second half: the order is tried on the real state, judged, and either undone or carried out. */
#include "engine/admit.h"

#include "engine/book.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/entry.h"
#include "engine/isolate.h"
#include "engine/list.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"
#include "engine/watch.h"

/* ---- Trial ---------------------------------------------------------------------------------------- */

static rf_error open_position(rf_engine *engine, rf_entry *entry)
{
    if (entry->position != RF_NONE)
        return RF_ERR_OK;
    entry->saved_isolation = engine->next_isolation;
    entry->saved_age = engine->next_age;
    entry->saved_seats = engine->seats_used;
    if (!rf_position_room(engine) ||
        !rf_seat_make(engine, entry->account, entry->instrument->number))
        return RF_ERR_ERR_INTERNAL;
    entry->position = rf_position_open(engine, entry->account, entry->instrument->number,
                                       entry->isolated, entry->leverage);
    RF_CHECK(entry->position != RF_NONE);
    entry->opened = true;
    engine->accounts[entry->account].floor_version = 0; /* another position: not counted yet */
    return RF_ERR_OK;
}

static void fill_record(rf_engine *engine, const rf_entry *entry)
{
    rf_order *order = &engine->orders[entry->order];
    rf_order_cold *cold = &engine->orders_cold[entry->order];
    const rf_position *position = &engine->positions[entry->position];
    order->price = entry->price;
    order->leaves = entry->qty;
    order->earmark = 0;
    order->account = entry->account;
    order->position = entry->position;
    order->instrument = entry->instrument->number;
    order->flags = entry->params->flags & (uint16_t) ~(RF_FLAG_NOTIONAL | RF_FLAG_PREVIEW);
    if (entry->reduce_only)
        order->flags |= RF_FLAG_REDUCE_ONLY;
    if (entry->isolated)
        order->flags |= RF_FLAG_ISOLATED;
    order->side = entry->side;
    order->type = entry->params->type;
    cold->params = *entry->params;
    cold->params.flags = order->flags;
    cold->params.side = entry->side;
    cold->params.qty = entry->qty;
    cold->params.price = entry->price;
    cold->params.isolation_id = position->id;
    cold->params.leverage = entry->isolated ? position->leverage : 0;
    cold->isolation_id = position->id;
    cold->taker_rate = rf_taker_rate(engine, entry->account, entry->instrument);
    cold->maker_rate = rf_maker_rate(engine, entry->account, entry->instrument);
}

rf_error rf_entry_begin(rf_engine *engine, rf_entry *entry)
{
    const rf_error code = open_position(engine, entry);
    if (code != RF_ERR_OK)
        return code;
    /* A market order's cross available is compared with what it was before; a limit order's is found if needed. */
    if (entry->market && !entry->isolated)
        entry->before = rf_cross_available(engine, entry->account);
    if (entry->order != RF_NONE) /* a trigger that fired has its record */
        return RF_ERR_OK;
    entry->order = rf_order_take(engine);
    if (entry->order == RF_NONE) {
        rf_entry_undo(engine, entry);
        return RF_ERR_ERR_INTERNAL;
    }
    fill_record(engine, entry);
    if (!entry->market)
        rf_own_insert(engine, entry->order);
    return RF_ERR_OK;
}

/* A new isolation that is undone never was: no event, no identifier. */
static void discard_position(rf_engine *engine, rf_entry *entry)
{
    const rf_sink sink = engine->sink;
    engine->sink = (rf_sink){0};
    rf_position_release_if_empty(engine, entry->position);
    engine->sink = sink;
    engine->next_isolation = entry->saved_isolation;
    engine->next_age = entry->saved_age;
    if (engine->seats_used != entry->saved_seats)
        rf_seat_undo(engine, entry->account);
    entry->position = RF_NONE;
}

void rf_entry_undo(rf_engine *engine, rf_entry *entry)
{
    if (entry->order != RF_NONE) {
        if (rf_order_owned(&engine->orders[entry->order]))
            rf_own_remove(engine, entry->order);
        rf_order_give_back(engine, entry->order);
        entry->order = RF_NONE;
    }
    if (entry->opened)
        discard_position(engine, entry);
}

/* ---- Judgement ------------------------------------------------------------------------------------ */

/* What the book alone refuses: 312 313 315 224 606 43004 43003. */
static rf_error judge_book(const rf_engine *engine, const rf_entry *entry)
{
    const rf_plan *plan = &entry->plan;
    const rf_instrument *instrument = entry->instrument;
    const uint8_t tif = entry->params->time_in_force;
    if (!entry->market && plan->saw_beyond)
        return entry->side == RF_BUY ? RF_ERR_ORDER_PRICE_GREATER_THAN_LIMITUPPRICE
                                     : RF_ERR_ORDER_PRICE_LESS_THAN_LIMITDOWNPRICE;
    const rf_rate far = instrument->config.far_price_band;
    if (!entry->market && far != 0 &&
        (rf_wide)rf_abs(entry->price - instrument->mark) * RF_E8 > (rf_wide)instrument->mark * far)
        return RF_ERR_FAR_AWAY_LIMIT_PRICE;
    if (entry->market && rf_book_best(engine, instrument, rf_opposite(entry->side)) == RF_NONE)
        return RF_ERR_REJ_BY_MATCHING_ENGINE;
    if (entry->market && plan->reach == 0 && plan->saw_beyond)
        return RF_ERR_EXCEED_ALLOWED_SLIPPAGE;
    if (!entry->market && tif == RF_IOC && plan->reach == 0)
        return RF_ERR_IMMEDIATE_OR_CANCEL;
    if (tif == RF_FOK && plan->reach < entry->qty)
        return RF_ERR_FILL_OR_KILL;
    return RF_ERR_OK;
}

/* 319: the position with everything of this side that could still fill. */
static rf_error judge_size(const rf_engine *engine, const rf_entry *entry)
{
    if (entry->reduce_only)
        return RF_ERR_OK;
    const rf_position *position = &engine->positions[entry->position];
    const rf_instrument *instrument = entry->instrument;
    const rf_qty here = entry->market ? entry->qty : 0; /* a limit order is in open_qty already */
    const rf_qty reach =
        rf_sign(entry->side) * position->q + position->open_qty[entry->side] + here;
    if (instrument->config.max_position_qty != 0 && reach > instrument->config.max_position_qty &&
        entry->adds_uncovered)
        return RF_ERR_EXCEEDS_MAX_POSITION_SIZE;
    const rf_qty all = rf_size(position->q) + position->open_qty[0] + position->open_qty[1] + here;
    return all > instrument->qty_max ? RF_ERR_EXCEEDS_MAX_POSITION_SIZE : RF_ERR_OK;
}

static rf_error refuse_margin(rf_result *result, rf_money required)
{
    result->required_margin = required;
    result->has_required_margin = 1;
    return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
}

/* "Check that your main account has enough available margin." */
static rf_error judge_transfer(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    if (entry->market) {
        const bool whole = entry->params->time_in_force == RF_FOK;
        if ((entry->plan.filled == 0 || whole) &&
            entry->plan.stop == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
            return refuse_margin(result, entry->plan.refused_transfer);
        entry->transfer = entry->plan.transfer;
    }
    entry->amount = entry->given != -1 ? entry->given : entry->transfer;
    result->required_margin = entry->transfer;
    if (entry->amount < entry->transfer)
        return refuse_margin(result, entry->transfer);
    if (!rf_cross_can_give(engine, entry->account, entry->amount - entry->give))
        return refuse_margin(result, entry->transfer);
    return RF_ERR_OK;
}

/* Available of the main account as it was before this limit order came (or before its amendment). */
static rf_money available_before(rf_engine *engine, rf_entry *entry)
{
    if (entry->market)
        return entry->before;
    rf_order *order = &engine->orders[entry->order];
    const rf_price price = order->price;
    const rf_qty leaves = order->leaves;
    rf_own_remove(engine, entry->order);
    if (entry->old_leaves != 0) {
        order->price = entry->old_price;
        order->leaves = entry->old_leaves;
        rf_own_insert(engine, entry->order);
    }
    entry->before = rf_cross_available(engine, entry->account);
    if (entry->old_leaves != 0)
        rf_own_remove(engine, entry->order);
    order->price = price;
    order->leaves = leaves;
    rf_own_insert(engine, entry->order);
    return entry->before;
}

/* margin.md 4.10. */
static rf_error judge_available(rf_engine *engine, rf_entry *entry)
{
    if (!entry->adds_uncovered || entry->plan.available >= 0)
        return RF_ERR_OK;
    if (entry->market && entry->plan.filled == 0 && entry->plan.stop == RF_ERR_OK)
        return RF_ERR_OK; /* nothing to pay for: refused for another reason */
    const rf_money before = available_before(engine, entry);
    if (entry->plan.available >= before &&
        entry->plan.stop != RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
        return RF_ERR_OK;
    return before < 0 ? RF_ERR_ACCOUNT_IS_IN_MARGIN_CALL : RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
}

static rf_error judge_money(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    if (entry->isolated)
        return judge_transfer(engine, entry, result);
    const rf_plan *plan = &entry->plan;
    if (plan->stop == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE && plan->filled == 0)
        return entry->before < 0 ? RF_ERR_ACCOUNT_IS_IN_MARGIN_CALL
                                 : RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    if (entry->market) /* each match was looked at on the way */
        return RF_ERR_OK;
    return judge_available(engine, entry);
}

/* Fills that a margin rule stopped: 304, 43012, and whatever leaves a fill-or-kill order short. */
static rf_error judge_stop(const rf_entry *entry)
{
    const rf_plan *plan = &entry->plan;
    if (entry->params->time_in_force == RF_FOK && plan->filled < entry->qty)
        return plan->stop != RF_ERR_OK ? plan->stop : RF_ERR_FILL_OR_KILL;
    if (plan->filled != 0)
        return RF_ERR_OK;
    if (plan->stop == RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION)
        return plan->stop;
    if (plan->stop == RF_ERR_SELF_TRADE_PREVENTION && plan->steps == 0)
        return plan->stop;
    if (entry->market && plan->reach == 0 && plan->stop == RF_ERR_OK)
        return RF_ERR_SELF_TRADE_PREVENTION; /* nothing in the book but its owner's orders */
    return RF_ERR_OK;
}

static bool rest_rests(const rf_entry *entry)
{
    return !entry->market && entry->params->time_in_force == RF_GTC &&
           entry->plan.stop == RF_ERR_OK;
}

/* 310: what would rest on the position's own side, strictly beyond its liquidation price. */
static rf_error judge_rest(const rf_engine *engine, const rf_entry *entry)
{
    const rf_plan *plan = &entry->plan;
    if (!entry->isolated || entry->reduce_only || !rest_rests(entry) || plan->filled == entry->qty)
        return RF_ERR_OK;
    if (plan->q == 0 || (plan->q > 0) != (entry->side == RF_BUY))
        return RF_ERR_OK;
    const rf_position *position = &engine->positions[entry->position];
    rf_margin_params params;
    rf_position_params(engine, position, &params);
    const rf_money wallet = position->wallet + entry->amount - entry->give + plan->cash;
    const rf_price limit = rf_liquidation_price(&params, plan->q, plan->cost, wallet);
    if (limit == 0)
        return RF_ERR_OK;
    const bool beyond = entry->side == RF_BUY ? entry->price < limit : entry->price > limit;
    return beyond ? RF_ERR_ORDER_PRICE_BEYOND_LIQUIDATION_PRICE : RF_ERR_OK;
}

/* T of a limit order: what A lacks with the whole order in place (section 4.2). */
static void find_transfer(rf_engine *engine, rf_entry *entry)
{
    if (!entry->isolated || entry->market || !entry->adds_uncovered)
        return;
    rf_assessment now;
    rf_position_assess(engine, &engine->positions[entry->position], &now);
    entry->transfer = rf_max(0, -(now.available - entry->give));
}

/* A cross limit order that only rests, on an account and instrument without special limits: the common case. */
static bool is_quiet(const rf_engine *engine, const rf_entry *entry)
{
    const rf_instrument_config *config = &entry->instrument->config;
    return !entry->isolated && !entry->market && !entry->reduce_only && !entry->plan.exact &&
           entry->params->time_in_force == RF_GTC && config->far_price_band == 0 &&
           config->max_position_qty == 0 && !rf_entry_takes(entry) &&
           engine->accounts[entry->account].flags == 0;
}

/* The order stands in its own list with all of its quantity. */
static bool affords(rf_engine *engine, rf_entry *entry)
{
    const int64_t k = entry->instrument->k;
    const rf_money before = rf_notional(k, entry->old_leaves, entry->old_price);
    entry->afforded = rf_cross_affords(engine, &engine->orders[entry->order],
                                       rf_notional(k, entry->qty, entry->price) - before,
                                       entry->qty - entry->old_leaves);
    return entry->afforded;
}

/* A plan for an isolation's order that meets nobody: its position stays what it is. */
static void plan_nothing(const rf_engine *engine, rf_entry *entry)
{
    const rf_position *position = &engine->positions[entry->position];
    entry->plan = (rf_plan){.exact = entry->plan.exact, .q = position->q, .cost = position->cost};
}

static void plan(rf_engine *engine, rf_entry *entry)
{
    const bool pays = entry->isolated && entry->market; /* as it trades */
    const rf_money free_usd = pays ? rf_cross_free_usd(engine, entry->account) + entry->give : 0;
    const rf_money brings = rf_max(entry->given, entry->transfer);
    rf_match_plan(engine, entry->order, free_usd, brings - entry->give, entry->before,
                  &entry->plan);
}

rf_error rf_entry_judge(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    if (is_quiet(engine, entry) && judge_size(engine, entry) == RF_ERR_OK) {
        /* Nothing to trade with: where the money is surely there, no rule is left to break but 318. */
        const rf_error counts = entry->old_leaves == 0 && !entry->trigger
                                    ? rf_entry_check_counts(engine, entry, 1)
                                    : RF_ERR_OK;
        if (counts == RF_ERR_OK && affords(engine, entry))
            return RF_ERR_OK;
    }
    /* Before anything multiplies: a size out of the number range never gets to the margin formulas. */
    const rf_error size = judge_size(engine, entry);
    if (size == RF_ERR_OK)
        find_transfer(engine, entry);
    if (entry->isolated && !entry->market && !rf_entry_takes(entry))
        plan_nothing(engine, entry);
    else
        plan(engine, entry);
    if (!entry->isolated && !entry->market &&
        entry->plan.stop == RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION)
        entry->plan.available = rf_match_available_whole(engine, entry->order);
    rf_error code = judge_book(engine, entry);
    if (code == RF_ERR_OK)
        code = size;
    if (code == RF_ERR_OK && entry->old_leaves == 0 && (entry->trigger == false))
        code = rf_entry_check_counts(engine, entry, 1);
    if (code == RF_ERR_OK)
        code = judge_money(engine, entry, result);
    if (code == RF_ERR_OK)
        code = judge_stop(entry);
    if (code == RF_ERR_OK)
        code = judge_rest(engine, entry);
    return code;
}

/* ---- Carrying out --------------------------------------------------------------------------------- */

/* Why the rest of an order that does not rest is cancelled. */
static rf_error rest_reason(const rf_engine *engine, const rf_entry *entry)
{
    if (entry->plan.stop != RF_ERR_OK)
        return entry->plan.stop;
    if (entry->reduce_only && rf_reducible(&engine->positions[entry->position], entry->side) == 0)
        return RF_ERR_REDUCE_ONLY_REJECTED;
    if (entry->market)
        return entry->plan.saw_beyond ? RF_ERR_EXCEED_ALLOWED_SLIPPAGE
                                      : RF_ERR_REJ_BY_MATCHING_ENGINE;
    return RF_ERR_IMMEDIATE_OR_CANCEL;
}

static void rest(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    rf_order *order = &engine->orders[entry->order];
    order->state = RF_STATE_RESTING;
    rf_book_insert(engine, entry->order);
    if (entry->old_leaves == 0)
        rf_close_emit(engine, entry->order, RF_EVENT_ORDER_OPENED, RF_ERR_OK);
    result->status = RF_ORDER_ACTIVE;
    if (entry->plan.filled != 0)
        rf_close_partly_filled(engine, entry->order);
}

static void finish(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    const rf_order *order = &engine->orders[entry->order];
    const bool idle =
        entry->reduce_only && rf_reducible(&engine->positions[entry->position], entry->side) == 0;
    if (order->leaves == 0) {
        result->status = RF_ORDER_FILLED;
        rf_close_filled(engine, entry->order);
    } else if (rest_rests(entry) && !idle) {
        rest(engine, entry, result);
    } else {
        result->status = RF_ORDER_CANCELED;
        result->reason = rest_reason(engine, entry);
        rf_close_unrested(engine, entry->order, RF_ORDER_CANCELED, result->reason);
    }
}

/* After a cross order without fills only the account's bounds need a look; a fill touched the position. */
static void note_risk(rf_engine *engine, const rf_entry *entry)
{
    if (entry->isolated)
        rf_position_touch(engine, entry->position);
    else if (entry->plan.steps == 0 && !entry->afforded)
        rf_watch_account(engine, entry->account);
}

void rf_entry_execute(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    const uint32_t handle = entry->order;
    if (entry->plan.steps != 0) /* keeps the record while its owner's other orders are cancelled */
        rf_position_touch(engine, entry->position);
    if (entry->amount - entry->give != 0)
        rf_isolate_transfer(engine, entry->position, entry->amount - entry->give);
    engine->orders[handle].earmark = entry->amount;
    rf_match_commit(engine, handle, entry->plan.steps);
    const rf_order_cold *cold = &engine->orders_cold[handle];
    result->order_id = engine->orders[handle].id;
    result->isolation_id = cold->isolation_id;
    result->filled_qty = cold->filled_qty;
    result->filled_value = cold->filled_value;
    note_risk(engine, entry);
    finish(engine, entry, result);
}

static void emit_isolation_opened(rf_engine *engine, const rf_entry *entry)
{
    const rf_position *position = &engine->positions[entry->position];
    rf_event event = {0};
    event.kind = RF_EVENT_ISOLATION_OPENED;
    event.instrument = position->instrument;
    event.account = position->account;
    event.isolation_id = position->id;
    event.value = position->leverage;
    rf_emit(engine, &event);
}

void rf_entry_accept(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    if (entry->opened && entry->isolated) {
        engine->seats[engine->positions_cold[entry->position].seat].last_leverage = entry->leverage;
        emit_isolation_opened(engine, entry);
    }
    rf_order_register(engine, entry->order);
    rf_close_emit(engine, entry->order, RF_EVENT_ORDER_PLACED, RF_ERR_OK);
    rf_entry_execute(engine, entry, result);
}

/* ---- Orders --------------------------------------------------------------------------------------- */

static rf_error place(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    rf_error code = rf_entry_check_market(engine, entry);
    if (code == RF_ERR_OK)
        code = rf_entry_begin(engine, entry);
    if (code != RF_ERR_OK)
        return code;
    code = rf_entry_judge(engine, entry, result);
    if (code == RF_ERR_OK)
        rf_entry_accept(engine, entry, result);
    else
        rf_entry_undo(engine, entry);
    return code;
}

/* A trigger order takes its place beside its position; nothing is reserved (section 4.6). */
static uint32_t arm(rf_engine *engine, rf_entry *entry, rf_order_state state)
{
    entry->order = rf_order_take(engine);
    RF_CHECK(entry->order != RF_NONE); /* counted before */
    fill_record(engine, entry);
    rf_order_register(engine, entry->order);
    engine->orders[entry->order].state = (uint8_t)state;
    engine->orders_cold[entry->order].status = RF_ORDER_PENDING;
    rf_armed_insert(engine, entry->order);
    if (state == RF_STATE_ARMED)
        rf_trigger_arm(engine, entry->order);
    return entry->order;
}

/* An order attached to another waits in a list behind it: the same as an OTO whose primary rests already. */
static rf_error attach(rf_engine *engine, rf_entry *entry, uint32_t *list)
{
    const uint32_t parent =
        rf_order_find(engine, entry->account, entry->params->attach_order_id, "");
    const rf_order *order = &engine->orders[parent];
    if (order->state != RF_STATE_RESTING || order->instrument != entry->instrument->number ||
        order->side == entry->side)
        return RF_ERR_INVALID_ORDSTATUS;
    *list = engine->orders_cold[parent].list;
    if (*list != RF_NONE) {
        const rf_list *record = &engine->lists[*list];
        const bool open = record->legs[0] == parent && record->contingency != RF_LIST_OCO &&
                          record->legs_count < RF_LIST_LEGS_MAX;
        return open ? RF_ERR_OK : RF_ERR_INVALID_ORDSTATUS;
    }
    *list = rf_list_create(engine, entry->account, entry->instrument->number, RF_LIST_OTO, false);
    RF_CHECK(*list != RF_NONE);
    rf_list_add(engine, *list, parent);
    return RF_ERR_OK;
}

static rf_error place_trigger(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    uint32_t list = RF_NONE;
    rf_error code = entry->instrument->mark == 0 ? RF_ERR_NO_MARK_PRICE : RF_ERR_OK;
    if (code == RF_ERR_OK && entry->isolated && entry->position == RF_NONE)
        code = RF_ERR_REDUCE_ONLY_REJECTED;
    if (code == RF_ERR_OK)
        code = rf_entry_check_counts(engine, entry, 1);
    if (code == RF_ERR_OK)
        code = open_position(engine, entry);
    if (code == RF_ERR_OK && entry->params->attach_order_id != 0)
        code = attach(engine, entry, &list);
    if (code != RF_ERR_OK) {
        if (entry->opened)
            discard_position(engine, entry);
        return code;
    }
    const uint32_t order = arm(engine, entry, list != RF_NONE ? RF_STATE_WAITING : RF_STATE_ARMED);
    if (list != RF_NONE)
        rf_list_add(engine, list, order);
    rf_close_emit(engine, order, RF_EVENT_ORDER_ARMED, RF_ERR_OK);
    result->order_id = engine->orders[order].id;
    result->isolation_id = engine->orders_cold[order].isolation_id;
    result->status = RF_ORDER_PENDING;
    return RF_ERR_OK;
}

/* Kept apart from the plain order's way, which needs none of its frame. */
static __attribute__((noinline)) rf_error admit(rf_engine *engine, const rf_order_params *order,
                                                rf_result *result)
{
    rf_entry entry;
    const rf_error code = rf_entry_check(engine, order, false, &entry);
    if (code != RF_ERR_OK)
        return code;
    if (order->attach_position != 0 && !entry.reduce_only)
        return RF_ERR_INVALID_REQUEST;
    return entry.trigger ? place_trigger(engine, &entry, result) : place(engine, &entry, result);
}

rf_error rf_admit_order(rf_engine *engine, const rf_order_params *order, rf_result *result)
{
    __builtin_memcpy(result->client_oid, order->client_oid, sizeof result->client_oid);
    if (rf_admit_plain(engine, order, result))
        return RF_ERR_OK;
    return admit(engine, order, result);
}

/* ---- Triggers that fire ----------------------------------------------------------------------------- */

/* The record becomes an order on trial: no longer in the lists of triggers, in its own list if it has a limit. */
static void wake(rf_engine *engine, rf_entry *entry, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    rf_trigger_disarm(engine, order);
    rf_armed_remove(engine, order);
    hot->state = RF_STATE_TRIAL;
    engine->orders_cold[order].triggered = 1;
    engine->orders_cold[order].status = RF_ORDER_ACTIVE;
    entry->order = order;
    entry->instrument = &engine->instruments[hot->instrument];
    entry->account = hot->account;
    entry->position = hot->position;
    entry->isolated = rf_is_isolated(&engine->positions[hot->position]);
    entry->reduce_only = (hot->flags & RF_FLAG_REDUCE_ONLY) != 0;
    entry->trigger = true;
    entry->market = hot->price == 0;
    entry->side = hot->side;
    entry->qty = hot->leaves;
    entry->price = hot->price;
    entry->given = -1;
    entry->params = &engine->orders_cold[order].params;
}

static rf_error judge_triggered(rf_engine *engine, rf_entry *entry, rf_result *result)
{
    const bool suspended = (engine->accounts[entry->account].flags & RF_ACCOUNT_SUSPENDED) != 0;
    rf_error code = suspended ? RF_ERR_ACCOUNT_IS_SUSPENDED : RF_ERR_OK;
    if (code == RF_ERR_OK)
        code = rf_entry_check_market(engine, entry);
    if (!entry
             ->market) { /* refused or not: an order on trial with a limit stands in its own list */
        engine->orders[entry->order].price = entry->price;
        engine->orders_cold[entry->order].params.price = entry->price;
        rf_own_insert(engine, entry->order);
    }
    if (code == RF_ERR_OK && !entry->isolated && entry->market)
        entry->before = rf_cross_available(engine, entry->account);
    if (code == RF_ERR_OK)
        code = rf_entry_judge(engine, entry, result);
    return code;
}

void rf_admit_triggered(rf_engine *engine, uint32_t order)
{
    rf_entry entry = {0};
    rf_result result = {0};
    rf_close_emit(engine, order, RF_EVENT_ORDER_TRIGGERED, RF_ERR_OK);
    wake(engine, &entry, order);
    const rf_error code = judge_triggered(engine, &entry, &result);
    if (code == RF_ERR_OK)
        rf_entry_execute(engine, &entry, &result);
    else
        rf_close_unrested(engine, order, RF_ORDER_REJECTED, code);
}

void rf_admit_fund_order(rf_engine *engine, uint32_t position, uint8_t side, rf_price price,
                         rf_qty qty)
{
    const rf_position *record = &engine->positions[position];
    const rf_order_params params = {
        .account = RF_FUND,
        .instrument = record->instrument,
        .flags = RF_FLAG_POST_ONLY | RF_FLAG_REDUCE_ONLY | RF_FLAG_OID_DEFAULTED,
        .side = side,
        .price = price,
        .qty = qty,
        .isolated_margin = -1,
    };
    rf_entry entry = {.params = &params,
                      .instrument = &engine->instruments[record->instrument],
                      .account = RF_FUND,
                      .position = position,
                      .reduce_only = true,
                      .side = side,
                      .qty = qty,
                      .price = price};
    if (rf_entry_takes(&entry) || engine->orders_used + 2 > engine->limits.orders_max)
        return;
    entry.order = rf_order_take(engine);
    fill_record(engine, &entry);
    rf_own_insert(engine, entry.order);
    rf_order_register(engine, entry.order);
    rf_close_emit(engine, entry.order, RF_EVENT_ORDER_PLACED, RF_ERR_OK);
    rf_result result = {0};
    rest(engine, &entry, &result);
}
