/* OCO, OTO and OTOCO: every leg is looked at before the first is placed, so a refused list leaves no trace. */
#include "engine/admit.h"
#include "engine/close.h"
#include "engine/entry.h"
#include "engine/list.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"

static bool is_stop(const rf_order_params *leg)
{
    return leg->type == RF_STOP_LOSS || leg->type == RF_STOP_LIMIT;
}

static bool is_take_profit(const rf_order_params *leg)
{
    return leg->type == RF_TAKE_PROFIT || leg->type == RF_TAKE_PROFIT_LIMIT;
}

static bool shape_ok(const rf_order_params *legs, uint32_t count, uint32_t contingency)
{
    const bool primary =
        legs[0].type == RF_LIMIT || (contingency != RF_LIST_OCO && legs[0].type == RF_MARKET);
    if (!primary)
        return false;
    if (contingency == RF_LIST_OTOCO)
        return count == 3 && is_stop(&legs[1]) && is_take_profit(&legs[2]);
    return count == 2 && (is_stop(&legs[1]) || is_take_profit(&legs[1]));
}

/* One account, one instrument, and legs that stand against the primary where they wait for it. */
static rf_error check_together(const rf_command *command)
{
    const rf_order_params *legs = command->u.list.legs;
    const uint32_t count = command->u.list.legs_count;
    if (count < 2 || count > RF_LIST_LEGS_MAX || command->u.list.contingency < RF_LIST_OCO ||
        command->u.list.contingency > RF_LIST_OTOCO)
        return RF_ERR_INVALID_REQUEST;
    for (uint32_t i = 0; i < count; i++)
        if (legs[i].account != command->u.list.account ||
            legs[i].instrument != legs[0].instrument || legs[i].attach_order_id != 0 ||
            legs[i].attach_position != 0)
            return RF_ERR_INVALID_REQUEST;
    return shape_ok(legs, count, command->u.list.contingency) ? RF_ERR_OK : RF_ERR_INVALID_REQUEST;
}

/* The leg as it will stand: on the primary's isolation if that is isolated. */
static rf_order_params leg_params(const rf_order_params *primary, const rf_order_params *leg,
                                  bool oco)
{
    rf_order_params params = *leg;
    if (!oco && (primary->flags & RF_FLAG_ISOLATED) != 0)
        params.flags |= RF_FLAG_ISOLATED;
    if (params.isolation_id == 0)
        params.isolation_id = primary->isolation_id;
    if ((params.flags & RF_FLAG_ISOLATED) != 0 || params.isolation_id != 0)
        params.leverage = 0; /* the isolation's own */
    params.isolated_margin = -1;
    return params;
}

/* A waiting leg of an isolation that the primary will open cannot be found yet: everything else is looked at. */
static rf_error check_leg(rf_engine *engine, const rf_order_params *params, bool oco)
{
    rf_entry entry;
    const rf_error code = rf_entry_check(engine, params, !oco, &entry);
    const bool opens = !oco && params->isolation_id == 0 && (params->flags & RF_FLAG_ISOLATED) != 0;
    if (opens && (code == RF_ERR_DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN ||
                  code == RF_ERR_EXCEEDS_ISOLATED_POSITION_LIMIT))
        return RF_ERR_OK; /* the primary answers for these */
    return code;
}

static rf_error check_legs(rf_engine *engine, const rf_command *command,
                           const rf_order_params *legs)
{
    const bool oco = command->u.list.contingency == RF_LIST_OCO;
    rf_entry primary;
    rf_error code = rf_entry_check(engine, &legs[0], false, &primary);
    for (uint32_t i = 1; i < command->u.list.legs_count && code == RF_ERR_OK; i++)
        code = check_leg(engine, &legs[i], oco);
    for (uint32_t i = 0; i < command->u.list.legs_count && code == RF_ERR_OK; i++)
        for (uint32_t j = 0; j < i; j++)
            if (legs[i].client_oid[0] != 0 && (legs[i].flags & RF_FLAG_OID_DEFAULTED) == 0 &&
                __builtin_memcmp(legs[i].client_oid, legs[j].client_oid,
                                 sizeof legs[i].client_oid) == 0)
                code = RF_ERR_DUPLICATE_CLORDID;
    return code == RF_ERR_OK ? rf_entry_check_counts(engine, &primary, command->u.list.legs_count)
                             : code;
}

static uint32_t place_leg(rf_engine *engine, const rf_order_params *params, uint32_t position,
                          rf_order_state state)
{
    const uint32_t handle = rf_order_take(engine);
    RF_CHECK(handle != RF_NONE); /* counted before */
    rf_order *order = &engine->orders[handle];
    rf_order_cold *cold = &engine->orders_cold[handle];
    const rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[params->instrument];
    order->price =
        params->type == RF_STOP_LOSS || params->type == RF_TAKE_PROFIT ? 0 : params->price;
    order->leaves = params->qty;
    order->account = params->account;
    order->position = position;
    order->instrument = params->instrument;
    order->flags = params->flags & (uint16_t) ~(RF_FLAG_NOTIONAL | RF_FLAG_PREVIEW);
    order->side = params->side;
    order->type = params->type;
    cold->params = *params;
    cold->params.price = order->price;
    cold->params.flags = order->flags;
    cold->params.isolation_id = record->id;
    cold->isolation_id = record->id;
    cold->taker_rate = rf_taker_rate(engine, params->account, instrument);
    cold->maker_rate = rf_maker_rate(engine, params->account, instrument);
    rf_order_register(engine, handle);
    order->state = (uint8_t)state;
    cold->status = RF_ORDER_PENDING;
    rf_armed_insert(engine, handle);
    return handle;
}

/* What became of the primary decides about the legs at once: filled arms them, cancelled ends them. */
static void settle_legs(rf_engine *engine, const uint32_t *legs, uint32_t count,
                        rf_order_status primary)
{
    for (uint32_t i = 0; i < count; i++) {
        if (primary == RF_ORDER_FILLED)
            rf_trigger_arm(engine, legs[i]);
        else if (primary != RF_ORDER_ACTIVE)
            rf_close_order(engine, legs[i], RF_ERR_OK, true);
    }
}

/* An OCO whose limit leg traded at once (one fill cancels the other), or an OTO's legs. */
static void join(rf_engine *engine, const rf_command *command, const rf_order_params *legs,
                 rf_result *result)
{
    const bool oco = command->u.list.contingency == RF_LIST_OCO;
    const uint32_t list =
        rf_list_create(engine, command->u.list.account, legs[0].instrument,
                       (rf_contingency)command->u.list.contingency, command->u.list.linked != 0);
    RF_CHECK(list != RF_NONE);
    result->list_id = engine->lists[list].id;
    const uint32_t primary = rf_order_find(engine, command->u.list.account, result->order_id, "");
    const uint32_t position =
        result->isolation_id != 0
            ? rf_position_by_isolation(engine, result->isolation_id)
            : rf_position_find(engine, command->u.list.account, legs[0].instrument, false);
    if (primary != RF_NONE)
        rf_list_add(engine, list, primary);
    else
        rf_list_add_finished(engine, list, result->order_id);
    uint32_t handles[RF_LIST_LEGS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 1; i < command->u.list.legs_count; i++) {
        const uint32_t leg = place_leg(engine, &legs[i], position, RF_STATE_WAITING);
        rf_list_add(engine, list, leg);
        result->leg_ids[i] = engine->orders[leg].id;
        rf_close_emit(engine, leg, RF_EVENT_ORDER_ARMED, RF_ERR_OK);
        handles[count++] = leg;
    }
    if (!oco)
        settle_legs(engine, handles, count, result->status);
    else if (result->filled_qty != 0)
        rf_close_order(engine, handles[0], RF_ERR_OK, true);
    else
        rf_trigger_arm(engine, handles[0]);
}

rf_error rf_admit_list(rf_engine *engine, const rf_command *command, rf_result *result)
{
    rf_error code = check_together(command);
    if (code != RF_ERR_OK)
        return code;
    rf_order_params legs[RF_LIST_LEGS_MAX];
    const bool oco = command->u.list.contingency == RF_LIST_OCO;
    legs[0] = command->u.list.legs[0];
    for (uint32_t i = 1; i < command->u.list.legs_count; i++)
        legs[i] = leg_params(&legs[0], &command->u.list.legs[i], oco);
    code = check_legs(engine, command, legs);
    if (code == RF_ERR_OK)
        code = rf_admit_order(engine, &legs[0], result);
    if (code != RF_ERR_OK)
        return code;
    result->legs_count = command->u.list.legs_count;
    result->leg_ids[0] = result->order_id;
    join(engine, command, legs, result);
    return RF_ERR_OK;
}
