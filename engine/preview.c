/* private/x/preview-order and private/x/isolated-limits: admission's own steps, then undone. What they say is
 * what the next call would be answered. */
#include "engine/cross.h"
#include "engine/entry.h"
#include "engine/isolate.h"
#include "engine/mark.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trade.h"
#include "engine/view.h"

/* ---- The state afterwards ----------------------------------------------------------------------------- */

static bool rests(const rf_entry *entry)
{
    return !entry->market && entry->params->time_in_force == RF_GTC &&
           entry->plan.stop == RF_ERR_OK;
}

/* Puts the plan's outcome into the trial's records (or takes it back): q, C, C0, the rest of the order, and own
 * orders that self-trade prevention would cancel. Balances stay: what cash changes is added to the view. */
static void show_outcome(rf_engine *engine, const rf_entry *entry)
{
    rf_position *position = &engine->positions[entry->position];
    rf_order *order = &engine->orders[entry->order];
    rf_qty q = position->q;
    for (uint32_t i = 0; i < entry->plan.steps; i++) {
        const rf_plan_step *step = &engine->plan[i];
        if (step->cancel && engine->orders[step->maker].account == entry->account)
            rf_own_remove(engine, step->maker);
        else if (step->qty != 0)
            rf_trade(&q, &position->cost_user, entry->instrument->k, entry->side, step->qty,
                     engine->orders[step->maker].price);
    }
    position->q = entry->plan.q;
    position->cost = entry->plan.cost;
    if (entry->market)
        return;
    rf_own_remove(engine, entry->order);
    order->leaves -= entry->plan.filled;
    rf_own_insert(engine, entry->order);
}

static void hide_outcome(rf_engine *engine, const rf_entry *entry, const rf_position *before,
                         rf_qty leaves)
{
    rf_position *position = &engine->positions[entry->position];
    for (uint32_t i = 0; i < entry->plan.steps; i++)
        if (engine->plan[i].cancel &&
            engine->orders[engine->plan[i].maker].account == entry->account)
            rf_own_insert(engine, engine->plan[i].maker);
    position->q = before->q;
    position->cost = before->cost;
    position->cost_user = before->cost_user;
    if (entry->market)
        return;
    rf_own_remove(engine, entry->order);
    engine->orders[entry->order].leaves = leaves;
    rf_own_insert(engine, entry->order);
}

static void add_cash(const rf_engine *engine, const rf_entry *entry, rf_money cash, rf_money back,
                     rf_position_view *view)
{
    if (!entry->isolated)
        return;
    cash -= back;
    rf_margin_params params;
    rf_position_params(engine, &engine->positions[entry->position], &params);
    view->wallet += cash;
    view->margin_balance += cash;
    view->available += cash;
    view->max_removable = rf_max(0, rf_min(view->wallet, view->available));
    view->max_loss += entry->amount - back;
    view->liquidation_price = rf_liquidation_price(&params, view->qty, view->cost, view->wallet);
    view->bankruptcy_price =
        rf_max(0, rf_bankruptcy_price(&params, view->qty, view->cost, view->wallet));
}

/* What rule 4.5 would return now of an earmark, with so much cash on top of W. */
static rf_money returned(const rf_engine *engine, const rf_entry *entry, rf_money earmark,
                         rf_money cash)
{
    const rf_position *position = &engine->positions[entry->position];
    if (earmark == 0 || rf_liquidation_frozen(engine, entry->instrument))
        return 0;
    rf_assessment now;
    rf_position_assess(engine, position, &now);
    return rf_min(earmark, rf_max(0, rf_min(position->wallet + cash, now.available + cash)));
}

/* The order's earmark after its fills (section 5: scaled by what is left, down, fill by fill). */
static rf_money earmark_left(const rf_engine *engine, const rf_entry *entry)
{
    rf_money earmark = entry->amount;
    rf_qty leaves = entry->qty;
    for (uint32_t i = 0; i < entry->plan.steps; i++) {
        const rf_qty filled = engine->plan[i].qty;
        earmark = rf_muldiv_down(earmark, leaves - filled, leaves);
        leaves -= filled;
        if (leaves == 0)
            return 0;
    }
    return earmark;
}

static void drop_rest(rf_engine *engine, const rf_entry *entry)
{
    if (entry->market || rests(entry))
        return;
    rf_own_remove(engine, entry->order);
    engine->orders[entry->order].leaves = 0;
    rf_own_insert(engine, entry->order);
}

/* Money that goes back to main before the order is done: of own orders on the same isolation that
 * self-trade prevention cancels, then of a rest that does not rest, which is dropped here. */
static rf_money drop_and_return(rf_engine *engine, const rf_entry *entry, rf_money cash)
{
    rf_money back = 0;
    for (uint32_t i = 0; entry->isolated && i < entry->plan.steps; i++) {
        const rf_order *maker = &engine->orders[engine->plan[i].maker];
        if (engine->plan[i].cancel && maker->position == entry->position)
            back += returned(engine, entry, maker->earmark, cash - back);
    }
    drop_rest(engine, entry); /* before its money is looked at */
    if (!entry->isolated || entry->plan.filled == entry->qty || rests(entry))
        return back;
    return back + returned(engine, entry, earmark_left(engine, entry), cash - back);
}

static void describe(rf_engine *engine, const rf_entry *entry, rf_preview *preview)
{
    const rf_plan *plan = &entry->plan;
    const rf_position before = engine->positions[entry->position];
    const rf_qty leaves = engine->orders[entry->order].leaves;
    const rf_money cash = entry->amount + plan->cash;
    preview->filled_qty = plan->filled;
    preview->filled_value = plan->value;
    preview->worst_price = plan->worst;
    preview->fee = plan->fee;
    show_outcome(engine, entry);
    const rf_money back = drop_and_return(engine, entry, cash);
    rf_view_fill_position(engine, entry->position, &preview->after);
    add_cash(engine, entry, cash, back, &preview->after);
    hide_outcome(engine, entry, &before, leaves);
    preview->main_after =
        entry->isolated ? preview->main_before - entry->amount + back : plan->available;
    preview->max_loss = preview->after.max_loss;
}

/* ---- Trying ------------------------------------------------------------------------------------------- */

static void set_result(const rf_entry *entry, rf_result *result)
{
    result->filled_qty = entry->plan.filled;
    result->filled_value = entry->plan.value;
    if (result->code != RF_ERR_OK)
        return;
    result->status = entry->plan.filled == entry->qty ? RF_ORDER_FILLED
                     : rests(entry)                   ? RF_ORDER_ACTIVE
                                                      : RF_ORDER_CANCELED;
    result->reason = entry->plan.stop;
}

/* preview NULL: only the answer. */
static void try_order(rf_engine *engine, const rf_order_params *order, rf_result *result,
                      rf_preview *preview)
{
    rf_entry entry;
    *result = (rf_result){0};
    result->code = rf_entry_check(engine, order, false, &entry);
    if (result->code != RF_ERR_OK)
        return;
    if (entry.trigger) { /* reserves and trades nothing until it fires */
        result->code = rf_entry_check_counts(engine, &entry, 1);
        result->status = RF_ORDER_PENDING;
        return;
    }
    result->code = rf_entry_check_market(engine, &entry);
    if (result->code == RF_ERR_OK)
        result->code = rf_entry_begin(engine, &entry);
    else
        return;
    if (result->code != RF_ERR_OK)
        return;
    entry.plan.exact = true;
    result->code = rf_entry_judge(engine, &entry, result);
    result->isolation_id =
        entry.isolated && !entry.opened ? engine->positions[entry.position].id : 0;
    set_result(&entry, result);
    if (preview && result->code == RF_ERR_OK)
        describe(engine, &entry, preview);
    rf_entry_undo(engine, &entry);
}

/* Accepted with all of it: a market order that the money stops halfway does not count. */
static bool fits(rf_engine *engine, const rf_order_params *order, rf_qty qty)
{
    rf_order_params sized = *order;
    rf_result result;
    sized.qty = qty;
    sized.flags &= (uint16_t)~RF_FLAG_NOTIONAL;
    try_order(engine, &sized, &result, NULL);
    return result.code == RF_ERR_OK && (order->type != RF_MARKET || result.filled_qty == qty);
}

/* The least quantity in lots that no minimum forbids. */
static rf_qty smallest(const rf_engine *engine, const rf_order_params *order)
{
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    const rf_price price =
        order->type == RF_LIMIT && order->price > 0 ? order->price : instrument->mark;
    rf_qty qty = rf_max(instrument->config.min_order_qty, instrument->config.qty_tick);
    if (price > 0)
        qty = rf_max(qty, (rf_qty)rf_div_up(instrument->config.min_notional,
                                            (rf_wide)price * instrument->k));
    return (rf_qty)rf_div_up(qty, instrument->config.qty_tick) * instrument->config.qty_tick;
}

/* The largest quantity in lots that would be accepted with all else equal: doubled until refused, then halved. */
static rf_qty largest(rf_engine *engine, const rf_order_params *order)
{
    const rf_qty lot = engine->instruments[order->instrument].config.qty_tick;
    rf_qty low = smallest(engine, order), step = lot;
    if (!fits(engine, order, low))
        return 0;
    while (step < RF_AMOUNT_MAX / 4 && fits(engine, order, low + step)) {
        low += step;
        step *= 2;
    }
    for (; step >= lot; step = step / lot / 2 * lot)
        if (fits(engine, order, low + step))
            low += step;
    return low;
}

void rf_preview_order(rf_engine *engine, const rf_order_params *order, rf_preview *preview)
{
    const rf_sink sink = engine->sink;
    engine->sink = (rf_sink){0};
    *preview = (rf_preview){0};
    const bool known = order->account != RF_FUND && order->account < engine->accounts_count;
    if (known)
        preview->main_before = preview->main_after = rf_cross_available(engine, order->account);
    rf_result result;
    try_order(engine, order, &result, preview);
    preview->result = result;
    preview->required_margin = result.required_margin;
    const bool sizable = known && order->instrument < engine->instruments_count &&
                         order->type <= RF_MARKET && order->side <= RF_SELL;
    if (sizable)
        preview->max_order_qty = largest(engine, order);
    engine->sink = sink;
}

/* ---- Limits of an isolation ------------------------------------------------------------------------------ */

static rf_money available_at(const rf_engine *engine, const rf_position *record, uint32_t leverage)
{
    rf_assessment now;
    rf_position_assess_at(engine, record, engine->instruments[record->instrument].mark, leverage,
                          &now);
    return now.available;
}

/* A grows with L: the smallest that asks for nothing. */
static uint32_t smallest_leverage(const rf_engine *engine, const rf_position *record)
{
    uint32_t low = 1, high = record->leverage;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (available_at(engine, record, middle) >= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t largest_leverage(const rf_engine *engine, uint32_t position)
{
    uint32_t low = engine->positions[position].leverage, high = 1000;
    while (low < high) {
        const uint32_t middle = (low + high + 1) / 2;
        if (rf_isolate_check_leverage(engine, position, middle) == RF_ERR_OK)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* margin.md 6: W = C - D - P*q*(1 - m - f) for a long, with the roundings of the trigger itself: the W with which
 * the position is just healthy at P. */
static rf_wide wallet_for(const rf_margin_params *params, const rf_position *record,
                          rf_price target)
{
    const rf_qty size = rf_size(record->q);
    const rf_wide value = (rf_wide)size * target * params->k;
    if (value >= RF_AMOUNT_MAX)
        return RF_AMOUNT_MAX;
    const rf_exposure exposure = {.position = (rf_money)value, .qty = size};
    rf_requirement required;
    rf_margin_side(params, record->leverage, &exposure, &required);
    const rf_wide unrealized = (record->q < 0 ? -value : value) - record->cost;
    return (rf_wide)required.fr + required.mm - unrealized;
}

static void limits_for_price(const rf_engine *engine, uint32_t position, rf_price target,
                             rf_isolated_limits *limits)
{
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_wide wanted = wallet_for(&params, record, target);
    if (wanted >= RF_AMOUNT_MAX || wanted <= -RF_AMOUNT_MAX)
        return; /* no transfer reaches it */
    const rf_money wallet = (rf_money)wanted;
    limits->transfer = wallet - record->wallet;
    limits->transfer_possible = limits->transfer >= 0
                                    ? limits->transfer <= rf_cross_free_usd(engine, record->account)
                                    : -limits->transfer <= limits->max_removable;
    limits->liquidation_price_after =
        rf_liquidation_price(&params, record->q, record->cost, wallet);
}

bool rf_view_limits(const rf_engine *engine, uint32_t account, uint64_t isolation_id,
                    uint32_t leverage, int64_t liquidation_price, rf_isolated_limits *limits)
{
    const uint32_t position = rf_isolate_find(engine, account, isolation_id);
    *limits = (rf_isolated_limits){0};
    if (position == RF_NONE)
        return false;
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    limits->max_removable = rf_isolate_max_removable(engine, position);
    limits->min_leverage = smallest_leverage(engine, record);
    limits->max_leverage = largest_leverage(engine, position);
    if (leverage != 0 && leverage < record->leverage)
        limits->topup_needed = rf_max(0, -available_at(engine, record, leverage));
    limits->liquidation_price_after = rf_liquidation_price(&params, record->q, record->cost,
                                                           record->wallet + limits->topup_needed);
    if (liquidation_price > 0 && record->q != 0)
        limits_for_price(engine, position, liquidation_price, limits);
    return true;
}
