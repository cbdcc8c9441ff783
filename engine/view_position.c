/* Views of positions: what they require, where they are liquidated, who would be hit by a change of rules. */
#include "engine/view.h"

#include "engine/cross.h"
#include "engine/deleverage.h"
#include "engine/instrument.h"
#include "engine/isolate.h"
#include "engine/ledger.h"
#include "engine/position.h"

/* Of the position alone, its orders left out. */
static void fill_alone(const rf_margin_params *params, const rf_position *position,
                       rf_position_view *view)
{
    const rf_exposure exposure = {.position = view->value, .qty = rf_size(position->q)};
    rf_requirement requirement;
    rf_margin_side(params, view->leverage, &exposure, &requirement);
    view->position_im = requirement.im;
    view->position_mm = requirement.mm;
}

static void fill_margin(const rf_engine *engine, const rf_position *position,
                        rf_position_view *view)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    rf_assessment assessment;
    rf_margin_params params;
    rf_position_assess(engine, position, &assessment);
    rf_position_params(engine, position, &params);
    view->unrealized = assessment.unrealized;
    view->margin_balance = assessment.margin_balance;
    view->initial_margin = assessment.binding.im;
    view->maintenance_margin = assessment.binding.mm;
    view->fee_reserve = assessment.binding.fr;
    view->opening_loss = assessment.binding.ol;
    view->value = rf_notional(instrument->k, rf_size(position->q), instrument->mark);
    view->unrealized_user = (position->q < 0 ? -view->value : view->value) - position->cost_user;
    if (rf_is_isolated(position)) {
        view->health_required = assessment.health.fr + assessment.health.mm;
        view->available = assessment.available;
        view->leverage = position->leverage;
    } else {
        const int64_t account_max = engine->accounts[position->account].leverage;
        const int64_t venue_max = rf_margin_leverage_max(&params, assessment.binding.notional);
        view->health_required = assessment.binding.fr + assessment.binding.mm;
        view->leverage = (uint32_t)rf_min(account_max == 0 ? venue_max : account_max, venue_max);
    }
    fill_alone(&params, position, view);
}

void rf_view_fill_position(const rf_engine *engine, uint32_t handle, rf_position_view *view)
{
    const rf_position *position = &engine->positions[handle];
    const rf_position_cold *cold = &engine->positions_cold[handle];
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    *view = (rf_position_view){
        .account = position->account,
        .instrument = position->instrument,
        .isolated = rf_is_isolated(position),
        .isolation_id = position->id,
        .leverage = position->leverage,
        .qty = position->q,
        .cost = position->cost,
        .cost_user = position->cost_user,
        .wallet = position->wallet,
        .mark = instrument->mark,
        .margin_balance = position->wallet,
        .last_settlement_value = cold->settled_value,
        .session_realized = rf_fence_realized(engine, cold),
        .orders = position->orders_count + cold->triggers_count,
        .update_time_ns = position->update_time_ns,
    };
    if (instrument->mark != 0)
        fill_margin(engine, position, view);
    if (!view->isolated) {
        view->is_liquidating =
            (engine->accounts[position->account].flags & RF_ACCOUNT_LIQUIDATING) != 0;
    } else {
        rf_margin_params params;
        rf_position_params(engine, position, &params);
        view->is_liquidating = (position->flags & RF_POSITION_LIQUIDATING) != 0;
        view->max_removable = rf_isolate_max_removable(engine, handle);
        view->liquidation_price =
            rf_liquidation_price(&params, position->q, position->cost, position->wallet);
        view->bankruptcy_price =
            rf_max(0, rf_bankruptcy_price(&params, position->q, position->cost, position->wallet));
        view->max_loss = cold->put_in - cold->taken_out;
    }
    if (position->q != 0 && instrument->mark != 0)
        view->adl_rank = rf_deleverage_rank(engine, handle);
}

bool rf_view_isolation(const rf_engine *engine, uint64_t isolation_id, rf_position_view *view)
{
    const uint32_t position =
        isolation_id == 0 ? RF_NONE : rf_position_by_isolation(engine, isolation_id);
    if (position == RF_NONE)
        return false;
    rf_view_fill_position(engine, position, view);
    return true;
}

/* A cursor is the handle of the position last seen under the low half of its age, so that one whose position
 * has gone meanwhile ends the walk instead of leading astray. */
static uint64_t cursor_of(const rf_engine *engine, uint32_t position)
{
    return engine->positions_cold[position].age << 32 | position;
}

uint64_t rf_next_position(const rf_engine *engine, uint32_t instrument, uint64_t cursor,
                          rf_position_view *view)
{
    if (instrument >= engine->instruments_count)
        return 0;
    uint32_t position = engine->instruments[instrument].positions_first;
    if (cursor != 0) {
        const uint32_t last = (uint32_t)cursor;
        if (last == RF_NONE || last >= engine->positions_fresh ||
            engine->positions[last].instrument != instrument || cursor_of(engine, last) != cursor)
            return 0;
        position = engine->positions[last].instrument_next;
    }
    if (position == RF_NONE)
        return 0;
    rf_view_fill_position(engine, position, view);
    return cursor_of(engine, position);
}

int64_t rf_adl_preview(const rf_engine *engine, uint32_t account, uint32_t instrument,
                       uint64_t isolation_id, uint32_t *rank)
{
    *rank = 0;
    if (account >= engine->accounts_count || instrument >= engine->instruments_count)
        return 0;
    const uint32_t position = isolation_id == 0
                                  ? rf_position_find(engine, account, instrument, false)
                                  : rf_isolate_find(engine, account, isolation_id);
    if (position == RF_NONE || engine->positions[position].instrument != instrument ||
        engine->positions[position].q == 0 || engine->instruments[instrument].mark == 0)
        return 0;
    *rank = rf_deleverage_rank(engine, position);
    return rf_deleverage_exposed(engine, position);
}

/* ---- Who would be below maintenance under another configuration ------------------------------------ */

typedef struct impact {
    const rf_engine *engine;
    const rf_instrument *changed; /* a copy with the new configuration */
    rf_impact *rows;
    size_t max, count;
} impact;

static void note(impact *found, uint32_t account, uint64_t isolation_id, rf_wide shortfall)
{
    if (shortfall <= 0)
        return;
    if (found->count < found->max)
        found->rows[found->count] = (rf_impact){
            .account = account, .isolation_id = isolation_id, .shortfall = rf_narrow(shortfall)};
    found->count++;
}

/* FR + MM of one side under the changed rules; *weight: what decides which side counts. */
static rf_money required_of_side(const impact *found, const rf_position *position, uint8_t side,
                                 rf_money *weight)
{
    const rf_account *account = &found->engine->accounts[position->account];
    rf_margin_params params = found->changed->margin;
    rf_exposure exposure;
    rf_requirement requirement;
    params.taker = (account->flags & RF_ACCOUNT_OWN_FEES) != 0
                       ? account->taker_rate
                       : found->changed->config.taker_fee_rate;
    rf_position_exposure(found->engine, position, side, found->changed->mark, &exposure);
    const bool isolated = rf_is_isolated(position);
    rf_margin_side(&params, isolated ? position->leverage : account->leverage, &exposure,
                   &requirement);
    *weight = requirement.fr + (isolated ? requirement.mm : requirement.im);
    return requirement.fr + requirement.mm;
}

static rf_money required(const impact *found, const rf_position *position)
{
    rf_money buy_weight, sell_weight;
    const rf_money buy = required_of_side(found, position, RF_BUY, &buy_weight);
    const rf_money sell = required_of_side(found, position, RF_SELL, &sell_weight);
    return buy_weight >= sell_weight ? buy : sell;
}

static void look_at_isolation(impact *found, const rf_position *position)
{
    const rf_money equity = position->wallet + rf_position_unrealized(found->engine, position);
    note(found, position->account, position->id, (rf_wide)required(found, position) - equity);
}

/* The account's other positions stay as they are: only this one's part is exchanged. */
static void look_at_cross(impact *found, const rf_position *position)
{
    rf_cross cross;
    rf_assessment now;
    rf_cross_assess(found->engine, position->account, &cross);
    rf_position_assess(found->engine, position, &now);
    const rf_wide others =
        (rf_wide)cross.fee_reserve + cross.maintenance_margin - now.binding.fr - now.binding.mm;
    note(found, position->account, 0,
         others + required(found, position) - cross.collateral - cross.unrealized);
}

size_t rf_view_impact(const rf_engine *engine, uint32_t instrument,
                      const rf_instrument_config *config, rf_impact *rows, size_t max)
{
    if (instrument >= engine->instruments_count || engine->instruments[instrument].mark == 0)
        return 0;
    rf_instrument changed = engine->instruments[instrument];
    changed.config = *config;
    if (!rf_instrument_prepare(&changed) || changed.k != engine->instruments[instrument].k)
        return 0;
    impact found = {.engine = engine, .changed = &changed, .rows = rows, .max = max};
    for (uint32_t i = changed.positions_first; i != RF_NONE;
         i = engine->positions[i].instrument_next) {
        const rf_position *position = &engine->positions[i];
        if (position->account == RF_FUND)
            continue;
        if (rf_is_isolated(position))
            look_at_isolation(&found, position);
        else
            look_at_cross(&found, position);
    }
    return found.count;
}
