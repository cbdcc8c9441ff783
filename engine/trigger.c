#include "engine/trigger.h"

#include "engine/admit.h"
#include "engine/mark.h"

bool rf_trigger_downward(uint8_t side, uint8_t type)
{
    const bool stop = type == RF_STOP_LOSS || type == RF_STOP_LIMIT;
    return side == RF_SELL ? stop : !stop;
}

static rf_price index_in_price_units(const rf_engine *engine, const rf_instrument *instrument)
{
    int64_t price = engine->indexes[instrument->index].price_e8;
    for (uint32_t i = instrument->config.price_decimals; i < 8; i++)
        price /= 10;
    return price;
}

rf_price rf_trigger_reference(const rf_engine *engine, const rf_instrument *instrument,
                              uint8_t ref_price_type)
{
    RF_CHECK(ref_price_type <= RF_REF_LAST);
    switch ((rf_price_ref)ref_price_type) {
    case RF_REF_MARK:
        return instrument->mark;
    case RF_REF_INDEX:
        return index_in_price_units(engine, instrument);
    case RF_REF_LAST:
        return instrument->last_price;
    }
    return 0;
}

static bool is_due(rf_price reference, rf_price ref_price, bool downward)
{
    if (reference == 0)
        return false;
    return downward ? reference <= ref_price : reference >= ref_price;
}

bool rf_trigger_already(const rf_engine *engine, const rf_order_params *order)
{
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    return is_due(rf_trigger_reference(engine, instrument, order->ref_price_type), order->ref_price,
                  rf_trigger_downward(order->side, order->type));
}

/* trigger_low: the highest price at which a downward one fires; trigger_high: the lowest for an upward one. */
static void widen_bounds(rf_instrument *instrument, const rf_order_params *params)
{
    const uint8_t reference = params->ref_price_type;
    if (rf_trigger_downward(params->side, params->type))
        instrument->trigger_low[reference] =
            rf_max(instrument->trigger_low[reference], params->ref_price);
    else if (instrument->trigger_high[reference] == 0 ||
             params->ref_price < instrument->trigger_high[reference])
        instrument->trigger_high[reference] = params->ref_price;
}

void rf_trigger_arm(rf_engine *engine, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    rf_instrument *instrument = &engine->instruments[hot->instrument];
    hot->state = RF_STATE_ARMED;
    hot->level_next = RF_NONE;
    hot->level_prev = instrument->triggers_last;
    if (instrument->triggers_last != RF_NONE)
        engine->orders[instrument->triggers_last].level_next = order;
    else
        instrument->triggers_first = order;
    instrument->triggers_last = order;
    engine->armed_count++;
    widen_bounds(instrument, &engine->orders_cold[order].params);
}

void rf_trigger_disarm(rf_engine *engine, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    rf_instrument *instrument = &engine->instruments[hot->instrument];
    if (hot->level_prev != RF_NONE)
        engine->orders[hot->level_prev].level_next = hot->level_next;
    else
        instrument->triggers_first = hot->level_next;
    if (hot->level_next != RF_NONE)
        engine->orders[hot->level_next].level_prev = hot->level_prev;
    else
        instrument->triggers_last = hot->level_prev;
    hot->level_prev = hot->level_next = RF_NONE;
    engine->armed_count--;
}

static bool passed_bound(const rf_engine *engine, const rf_instrument *instrument)
{
    for (uint8_t reference = 0; reference < 3; reference++) {
        const rf_price price = rf_trigger_reference(engine, instrument, reference);
        if (price == 0)
            continue;
        if (price <= instrument->trigger_low[reference] ||
            (instrument->trigger_high[reference] != 0 &&
             price >= instrument->trigger_high[reference]))
            return true;
    }
    return false;
}

/* Mark triggers do not fire on a stale mark, and none fires where no order is taken. */
static bool may_fire(const rf_engine *engine, const rf_instrument *instrument,
                     const rf_order_params *params)
{
    return params->ref_price_type != RF_REF_MARK || !rf_mark_stale(engine, instrument);
}

static bool takes_orders(const rf_instrument *instrument)
{
    return instrument->state == RF_STATE_OPEN || instrument->state == RF_STATE_POST_ONLY ||
           instrument->state == RF_STATE_REDUCE_ONLY;
}

/* The due one nearest to its reference, then the older; the bounds are counted anew on the way. */
static uint32_t nearest_due(rf_engine *engine, rf_instrument *instrument)
{
    uint32_t best = RF_NONE;
    rf_price best_distance = 0;
    for (uint32_t i = 0; i < 3; i++)
        instrument->trigger_low[i] = instrument->trigger_high[i] = 0;
    for (uint32_t order = instrument->triggers_first; order != RF_NONE;
         order = engine->orders[order].level_next) {
        const rf_order_params *params = &engine->orders_cold[order].params;
        widen_bounds(instrument, params);
        const rf_price reference = rf_trigger_reference(engine, instrument, params->ref_price_type);
        if (!is_due(reference, params->ref_price,
                    rf_trigger_downward(params->side, params->type)) ||
            !may_fire(engine, instrument, params))
            continue;
        const rf_price distance = rf_abs(reference - params->ref_price);
        if (best == RF_NONE || distance < best_distance ||
            (distance == best_distance && engine->orders[order].id < engine->orders[best].id)) {
            best = order;
            best_distance = distance;
        }
    }
    return best;
}

bool rf_trigger_step(rf_engine *engine)
{
    for (uint32_t i = 0; engine->armed_count != 0 && i < engine->instruments_count; i++) {
        rf_instrument *instrument = &engine->instruments[i];
        if (instrument->triggers_first == RF_NONE || !takes_orders(instrument) ||
            !passed_bound(engine, instrument))
            continue;
        const uint32_t due = nearest_due(engine, instrument);
        if (due != RF_NONE) {
            rf_admit_triggered(engine, due);
            return true;
        }
    }
    return false;
}
