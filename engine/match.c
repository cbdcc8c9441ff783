/* A plan walks the other side of the book and keeps its own account of what the taker's position would become:
 * q and C are changed in place and put back at the end, cash is added up beside them (W and main USD enter
 * every rule linearly). Own makers that self-trade prevention would cancel leave their position's list for the
 * time of the walk. Nothing of it can be seen afterwards. */
#include "engine/match.h"

#include "engine/book.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/prefetch.h"
#include "engine/settle.h"
#include "engine/trade.h"

typedef struct rf_walk {
    rf_engine *engine;
    const rf_instrument *instrument;
    uint32_t taker;
    rf_order *order;
    rf_position *position;
    rf_plan *plan;
    rf_stp stp;
    rf_stp_scope stp_scope;
    rf_qty left; /* what the book alone would leave of the order */
    uint32_t
        counted; /* steps looked at: beyond plan->steps those that a margin rule keeps from being made */
    rf_qty q_before;
    rf_money cost_before;
    rf_money free_usd, transfer, available_before;
    rf_qty coverable; /* market: quantity that closes before anything of it is uncovered */
    bool isolated, market, stopped;
    bool whole;         /* leave 304 out */
    uint32_t steps_max; /* the walk ends after so many; 0 = no such end */
    bool paid;          /* market: T is known, matches are not asked for money any more */
} rf_walk;

bool rf_order_owned(const rf_order *order)
{
    if (order->state == RF_STATE_RESTING)
        return true;
    return order->state == RF_STATE_TRIAL && order->price != 0 &&
           (order->flags & RF_FLAG_LIQUIDATION) == 0;
}

rf_qty rf_reducible(const rf_position *position, uint8_t side)
{
    const bool closes = side == RF_BUY ? position->q < 0 : position->q > 0;
    return closes ? rf_size(position->q) : 0;
}

bool rf_adds_uncovered(const rf_position *position, uint8_t side, rf_qty qty)
{
    return position->open_qty[side] + qty > rf_reducible(position, side);
}

static bool crosses(const rf_order *taker, rf_price maker_price)
{
    if (taker->price == 0)
        return true;
    return !rf_is_better(taker->side, maker_price, taker->price);
}

/* mark * (1 +- band), exact. */
bool rf_beyond_guard(const rf_instrument *instrument, uint8_t side, rf_price price)
{
    const rf_wide scaled = (rf_wide)price * RF_E8;
    const rf_wide band = instrument->config.price_band;
    return side == RF_BUY ? scaled > (rf_wide)instrument->mark * (RF_E8 + band)
                          : scaled < (rf_wide)instrument->mark * (RF_E8 - band);
}

static uint32_t family_of(const rf_engine *engine, uint32_t account)
{
    const uint32_t master = engine->accounts[account].master;
    return master != 0 ? master : account;
}

static bool same_owner(const rf_walk *walk, uint32_t maker_account)
{
    if (maker_account == walk->order->account)
        return true;
    return walk->stp_scope == RF_STP_SCOPE_FAMILY &&
           family_of(walk->engine, maker_account) == family_of(walk->engine, walk->order->account);
}

/* What earlier steps of the plan already take off a reduce-only maker's position. */
static rf_qty planned_of(const rf_walk *walk, uint32_t position)
{
    rf_qty sum = 0;
    for (uint32_t i = 0; i < walk->counted; i++) {
        const rf_plan_step *step = &walk->engine->plan[i];
        if (walk->engine->orders[step->maker].position == position)
            sum += step->qty;
    }
    return sum;
}

static rf_qty maker_capacity(const rf_walk *walk, uint32_t maker)
{
    const rf_order *order = &walk->engine->orders[maker];
    if ((order->flags & RF_FLAG_REDUCE_ONLY) == 0)
        return order->leaves;
    const rf_position *position = &walk->engine->positions[order->position];
    return rf_min(order->leaves, rf_max(0, rf_reducible(position, order->side) -
                                               planned_of(walk, order->position)));
}

/* Two legs of a one-cancels-the-other can both rest after the stop fired: only the first may trade. */
static bool sibling_planned(const rf_walk *walk, uint32_t maker)
{
    const uint32_t list = walk->engine->orders_cold[maker].list;
    if (list == RF_NONE || (walk->engine->lists[list].contingency != RF_LIST_OCO &&
                            walk->engine->lists[list].linked == 0))
        return false;
    for (uint32_t i = 0; i < walk->counted; i++)
        if (walk->engine->plan[i].qty != 0 &&
            walk->engine->orders_cold[walk->engine->plan[i].maker].list == list)
            return true;
    return false;
}

static void add_step(rf_walk *walk, uint32_t maker, rf_qty qty, bool cancel)
{
    walk->engine->plan[walk->counted++] = (rf_plan_step){maker, cancel, qty};
    walk->plan->steps = walk->counted;
    if (cancel && walk->engine->orders[maker].account == walk->order->account)
        rf_own_remove(walk->engine, maker);
}

/* The order's own quantity counts as resting until it trades. */
static void trial_reduce(rf_walk *walk, rf_qty by)
{
    walk->order->leaves -= by;
    if (walk->market || (walk->order->flags & RF_FLAG_REDUCE_ONLY) != 0)
        return;
    walk->position->open_qty[walk->order->side] -= by;
    walk->position->open_notional[walk->order->side] -=
        rf_notional(walk->instrument->k, by, walk->order->price);
}

static void trial_fill(rf_walk *walk, rf_qty qty, rf_price price)
{
    const rf_money value = rf_notional(walk->instrument->k, qty, price);
    walk->plan->cash +=
        rf_settle_taker_cash(walk->engine, walk->position, walk->order->side, qty, price);
    rf_trade(&walk->position->q, &walk->position->cost, walk->instrument->k, walk->order->side, qty,
             price);
    walk->plan->filled += qty;
    walk->plan->value = rf_add(walk->plan->value, value);
    walk->plan->fee +=
        rf_fee(value, rf_taker_rate(walk->engine, walk->order->account, walk->instrument));
    trial_reduce(walk, qty);
}

/* T of a market order after the fills so far: 0 while what has matched adds no uncovered quantity (section 4.2: closing
 * never needs money; docs/decisions/0005). */
static rf_money market_transfer(const rf_walk *walk, const rf_assessment *now)
{
    if ((walk->order->flags & RF_FLAG_REDUCE_ONLY) != 0 || walk->plan->filled <= walk->coverable)
        return 0;
    return rf_max(0, -(now->available + walk->plan->cash));
}

/* Why the state that a match would leave is not allowed; 0 = it is. */
static rf_error judge_isolated(rf_walk *walk)
{
    rf_assessment now;
    rf_position_assess(walk->engine, walk->position, &now);
    rf_money transfer = walk->transfer;
    if (walk->market && !walk->paid) {
        const rf_money needed = market_transfer(walk, &now);
        if (needed > walk->free_usd) {
            walk->plan->refused_transfer = needed;
            return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
        }
        walk->plan->transfer = needed;
        transfer = rf_max(transfer, needed);
    }
    if (walk->whole)
        return RF_ERR_OK;
    const rf_money wallet = walk->position->wallet + walk->plan->cash + transfer;
    if (walk->position->q == 0 && wallet < 0)
        return RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION;
    if (wallet + now.unrealized < now.health.fr + now.health.mm)
        return RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION;
    return RF_ERR_OK;
}

/* A lower bound of available with everything done so far; below 0 it says nothing. What is available covers
 * maintenance, too: where the bound is to be had, maintenance is at most half of initial margin. */
static rf_wide available_least(const rf_walk *walk)
{
    return (rf_wide)rf_cross_available_least(walk->engine, walk->order->account) + walk->plan->cash;
}

static rf_error judge_cross(rf_walk *walk, bool reduces)
{
    rf_cross now;
    if (available_least(walk) >= 0)
        return RF_ERR_OK;
    rf_cross_assess(walk->engine, walk->order->account, &now);
    const rf_money available = now.available + walk->plan->cash;
    if (walk->market && !reduces && available < 0 && available < walk->available_before)
        return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    if (!walk->whole && now.margin_balance + walk->plan->cash < now.maintenance_margin)
        return RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION;
    return RF_ERR_OK;
}

/* Tries one match on the trial state; takes it back when a margin rule forbids it. */
static void try_match(rf_walk *walk, uint32_t maker, rf_qty qty, rf_price price)
{
    const rf_plan plan = *walk->plan;
    const rf_qty q = walk->position->q;
    const rf_money cost = walk->position->cost;
    const bool reduces = rf_reducible(walk->position, walk->order->side) >= qty;
    trial_fill(walk, qty, price);
    const rf_error code = walk->isolated ? judge_isolated(walk) : judge_cross(walk, reduces);
    if (code == RF_ERR_OK) {
        walk->plan->worst = price;
        add_step(walk, maker, qty, false);
        return;
    }
    const rf_money refused = walk->plan->refused_transfer;
    trial_reduce(walk, -qty);
    walk->position->q = q;
    walk->position->cost = cost;
    *walk->plan = plan;
    walk->plan->refused_transfer = refused;
    walk->plan->stop = code;
    walk->stopped = true;
}

/* One maker. False: the walk is over. */
static bool visit(rf_walk *walk, uint32_t maker)
{
    const rf_order *resting = &walk->engine->orders[maker];
    if (walk->steps_max != 0 && walk->counted == walk->steps_max)
        return false;
    walk->plan->saw_any = true;
    if (rf_beyond_guard(walk->instrument, walk->order->side, resting->price)) {
        walk->plan->saw_beyond = true;
        return false;
    }
    if (same_owner(walk, resting->account)) {
        if (!walk->stopped && walk->stp != RF_STP_TAKER)
            add_step(walk, maker, 0, true);
        if (walk->stp == RF_STP_MAKER)
            return true;
        if (!walk->stopped)
            walk->plan->stop = RF_ERR_SELF_TRADE_PREVENTION;
        return false;
    }
    const rf_qty qty = rf_min(walk->left, maker_capacity(walk, maker));
    if (sibling_planned(walk, maker))
        return true;
    if (qty == 0) {
        if (!walk->stopped)
            add_step(walk, maker, 0, true);
        return true;
    }
    walk->left -= qty;
    walk->plan->reach += qty;
    if (!walk->stopped)
        try_match(walk, maker, qty, resting->price);
    if (walk->stopped) /* the book would go on */
        walk->engine->plan[walk->counted++] = (rf_plan_step){maker, 0, qty};
    return walk->left > 0;
}

static void start(rf_walk *walk, rf_engine *engine, uint32_t taker, rf_plan *plan)
{
    *plan = (rf_plan){.exact = plan->exact};
    rf_order *order = &engine->orders[taker];
    const rf_order_params *params = &engine->orders_cold[taker].params;
    const rf_account *account = &engine->accounts[order->account];
    walk->engine = engine;
    walk->instrument = &engine->instruments[order->instrument];
    walk->taker = taker;
    walk->order = order;
    walk->position = &engine->positions[order->position];
    walk->plan = plan;
    walk->stp = params->stp != RF_STP_DEFAULT    ? params->stp
                : account->stp != RF_STP_DEFAULT ? account->stp
                                                 : RF_STP_MAKER;
    walk->stp_scope =
        params->stp_scope != RF_STP_SCOPE_DEFAULT ? params->stp_scope : account->stp_scope;
    walk->isolated = rf_is_isolated(walk->position);
    walk->market = order->price == 0;
    walk->q_before = walk->position->q;
    walk->cost_before = walk->position->cost;
    walk->coverable = rf_max(0, rf_reducible(walk->position, order->side) -
                                    walk->position->open_qty[order->side]);
    walk->left = order->leaves;
    if ((order->flags & RF_FLAG_REDUCE_ONLY) != 0)
        walk->left = rf_min(walk->left, rf_reducible(walk->position, order->side));
}

static void put_back(rf_walk *walk)
{
    walk->position->q = walk->q_before;
    walk->position->cost = walk->cost_before;
    trial_reduce(walk, -walk->plan->filled);
    for (uint32_t i = 0; i < walk->plan->steps; i++) {
        const rf_plan_step *step = &walk->engine->plan[i];
        if (step->cancel && walk->engine->orders[step->maker].account == walk->order->account)
            rf_own_insert(walk->engine, step->maker);
    }
}

/* Available of the main account with everything done; the rest of an order that will not rest is left out. */
static void assess_after(rf_walk *walk)
{
    const rf_qty rest = walk->order->leaves;
    /* "The unfilled rest of a LIMIT counts as resting" (4.10), also where a rule stops it: 306 comes before 304 and
     * 43012. One that does not rest is judged whole if it was stopped before its first fill. */
    const bool rests =
        !walk->market && (walk->engine->orders_cold[walk->taker].params.time_in_force == RF_GTC ||
                          (walk->plan->stop != RF_ERR_OK && walk->plan->filled == 0));
    if (!rests)
        trial_reduce(walk, rest);
    const rf_wide least = walk->plan->exact ? -1 : available_least(walk);
    walk->plan->available =
        least >= 0 ? rf_saturate(least)
                   : rf_cross_available(walk->engine, walk->order->account) + walk->plan->cash;
    if (!rests)
        trial_reduce(walk, -rest);
}

static void run(rf_walk *walk)
{
    const rf_engine *engine = walk->engine;
    const uint8_t side = rf_opposite(walk->order->side);
    uint32_t maker = walk->left > 0 ? rf_book_best(engine, walk->instrument, side) : RF_NONE;
    while (maker != RF_NONE && crosses(walk->order, engine->orders[maker].price)) {
        const uint32_t next = rf_book_next(engine, walk->instrument, maker);
        rf_fetch(&engine->orders[next]);
        rf_prefetch_maker(engine, &engine->orders[maker]);
        if (!visit(walk, maker))
            break;
        maker = next;
    }
    walk->plan->q = walk->position->q;
    walk->plan->cost = walk->position->cost;
    if (!walk->isolated)
        assess_after(walk);
    put_back(walk);
}

/* An isolated market order is walked twice: first for the matches that can be paid for and T of the last of them, then,
 * with that money in the isolation from the start (acceptance and transfer are one), for what rule 4 leaves of them. */
static void plan_paid(rf_walk *walk)
{
    const rf_walk fresh = *walk;
    walk->whole = true;
    run(walk);
    const rf_plan money = *walk->plan;
    if (money.filled == 0)
        return;
    *walk = fresh;
    *walk->plan = (rf_plan){0};
    walk->paid = true;
    walk->transfer = rf_max(walk->transfer, money.transfer);
    if (money.stop == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
        walk->steps_max = money.steps;
    run(walk);
    walk->plan->transfer = money.transfer;
    walk->plan->refused_transfer = money.refused_transfer;
    walk->plan->reach = money.reach;
    walk->plan->saw_beyond = money.saw_beyond;
    if (walk->plan->stop == RF_ERR_OK)
        walk->plan->stop = money.stop;
}

void rf_match_plan(rf_engine *engine, uint32_t taker, rf_money free_usd, rf_money transfer,
                   rf_money before, rf_plan *plan)
{
    rf_walk walk = {0};
    start(&walk, engine, taker, plan);
    walk.free_usd = free_usd;
    walk.transfer = transfer;
    walk.available_before = before;
    if (walk.isolated && walk.market)
        plan_paid(&walk);
    else
        run(&walk);
}

rf_money rf_match_available_whole(rf_engine *engine, uint32_t taker)
{
    rf_walk walk = {0};
    rf_plan plan = {.exact = true};
    start(&walk, engine, taker, &plan);
    walk.whole = true;
    run(&walk);
    return plan.available;
}

/* A maker's end by its own fill, or because nothing is left for it to reduce. */
static void finish_maker(rf_engine *engine, uint32_t maker)
{
    const rf_order *order = &engine->orders[maker];
    if (order->leaves == 0) {
        rf_close_filled(engine, maker);
        return;
    }
    rf_close_partly_filled(engine, maker);
    if ((order->flags & RF_FLAG_REDUCE_ONLY) != 0 &&
        rf_reducible(&engine->positions[order->position], order->side) == 0)
        rf_close_order(engine, maker, RF_ERR_REDUCE_ONLY_REJECTED, true);
}

enum { EARMARK_LEFT = 2 }; /* of a plan step that is done: maker is the position, qty the earmark */

/* Its earmark goes back when all fills are made: the plan counted on the money that is in the isolation. */
static void cancel_maker(rf_engine *engine, rf_plan_step *step)
{
    const uint32_t order = step->maker;
    const rf_order *maker = &engine->orders[order];
    const uint32_t position = maker->position;
    const rf_money earmark = maker->earmark;
    const bool idle = (maker->flags & RF_FLAG_REDUCE_ONLY) != 0 &&
                      rf_reducible(&engine->positions[position], maker->side) == 0;
    rf_close_order(engine, order, idle ? RF_ERR_REDUCE_ONLY_REJECTED : RF_ERR_SELF_TRADE_PREVENTION,
                   false);
    *step = (rf_plan_step){position, earmark != 0 ? EARMARK_LEFT : 0, earmark};
}

void rf_match_commit(rf_engine *engine, uint32_t taker, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        const rf_plan_step step = engine->plan[i];
        const rf_order *maker = &engine->orders[step.maker];
        if (maker->state != RF_STATE_RESTING)
            continue; /* an earlier step's list consequence cancelled it */
        if (step.cancel) {
            cancel_maker(engine, &engine->plan[i]);
            continue;
        }
        rf_settle_match(engine, step.maker, taker, step.qty);
        finish_maker(engine, step.maker);
    }
    for (uint32_t i = 0; i < steps; i++)
        if (engine->plan[i].cancel == EARMARK_LEFT)
            rf_close_give_back(engine, engine->plan[i].maker, engine->plan[i].qty);
}

/* ---- Liquidation orders --------------------------------------------------------------------------- */

static uint32_t liquidation_order(rf_engine *engine, uint32_t position, rf_qty qty, rf_price limit)
{
    const rf_position *record = &engine->positions[position];
    const uint32_t handle = rf_order_take(engine);
    RF_CHECK(handle != RF_NONE); /* admission keeps one record free for this */
    rf_order *order = &engine->orders[handle];
    rf_order_params *params = &engine->orders_cold[handle].params;
    params->account = record->account;
    params->instrument = record->instrument;
    params->flags = RF_FLAG_REDUCE_ONLY | RF_FLAG_LIQUIDATION | RF_FLAG_OID_DEFAULTED |
                    (rf_is_isolated(record) ? RF_FLAG_ISOLATED : 0);
    params->side = rf_opposite(rf_position_side(record));
    params->type = RF_LIMIT;
    params->time_in_force = RF_IOC;
    params->price = limit > 0 ? limit : 0;
    params->qty = qty;
    order->price = params->price;
    order->leaves = qty;
    order->account = record->account;
    order->position = position;
    order->instrument = record->instrument;
    order->flags = params->flags;
    order->side = params->side;
    order->type = RF_LIMIT;
    engine->orders_cold[handle].isolation_id = record->id;
    rf_order_register(engine, handle);
    rf_close_emit(engine, handle, RF_EVENT_ORDER_PLACED, RF_ERR_OK);
    return handle;
}

static bool passed_over(const rf_order *maker, uint32_t account)
{
    return maker->account == account || maker->account == RF_FUND;
}

static void liquidation_walk(rf_engine *engine, uint32_t taker, rf_price limit)
{
    const rf_order *order = &engine->orders[taker];
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    if (limit <= 0 && order->side == RF_BUY)
        return;
    uint32_t maker = rf_book_best(engine, instrument, rf_opposite(order->side));
    while (maker != RF_NONE && order->leaves > 0 && crosses(order, engine->orders[maker].price)) {
        const rf_order *resting = &engine->orders[maker];
        const uint32_t next = rf_book_next(engine, instrument, maker);
        if (!passed_over(resting, order->account)) {
            rf_qty qty = rf_min(order->leaves, resting->leaves);
            if ((resting->flags & RF_FLAG_REDUCE_ONLY) != 0)
                qty =
                    rf_min(qty, rf_reducible(&engine->positions[resting->position], resting->side));
            if (qty > 0) {
                rf_settle_match(engine, maker, taker, qty);
                finish_maker(engine, maker);
            } else {
                rf_close_order(engine, maker, RF_ERR_REDUCE_ONLY_REJECTED, true);
            }
        }
        /* A list's consequence may have taken the next order away: then the walk starts again. */
        const bool valid = next == RF_NONE || engine->orders[next].state == RF_STATE_RESTING;
        maker = valid ? next : rf_book_best(engine, instrument, rf_opposite(order->side));
    }
}

rf_qty rf_match_liquidation(rf_engine *engine, uint32_t position, rf_qty qty, rf_price limit,
                            rf_money *value)
{
    const uint32_t taker = liquidation_order(engine, position, qty, limit);
    liquidation_walk(engine, taker, limit);
    const rf_qty filled = qty - engine->orders[taker].leaves;
    *value = engine->orders_cold[taker].filled_value;
    if (filled == qty)
        rf_close_filled(engine, taker);
    else
        rf_close_unrested(engine, taker, RF_ORDER_CANCELED, RF_ERR_IMMEDIATE_OR_CANCEL);
    return filled;
}
