#include "engine/list.h"

#include "engine/order.h"
#include "engine/trigger.h"

static void emit(rf_engine *engine, const rf_list *list, rf_event_kind kind)
{
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.account = list->account;
    event.instrument = list->instrument;
    event.id = list->id;
    event.code = list->contingency;
    rf_emit(engine, &event);
}

uint32_t rf_list_create(rf_engine *engine, uint32_t account, uint32_t instrument,
                        rf_contingency contingency, bool linked)
{
    uint32_t handle = engine->lists_free;
    if (handle != RF_NONE)
        engine->lists_free = engine->lists[handle].free_next;
    else if (engine->lists_fresh <= engine->limits.orders_max)
        handle = engine->lists_fresh++;
    else
        return RF_NONE;
    rf_list *list = &engine->lists[handle];
    *list = (rf_list){0};
    list->id = engine->next_list++;
    list->account = account;
    list->instrument = (uint16_t)instrument;
    list->contingency = (uint8_t)contingency;
    list->linked = linked;
    emit(engine, list, RF_EVENT_LIST_CREATED);
    return handle;
}

/* The newest leg knows its list by name, for as long as the order is remembered. */
static void name_list(const rf_list *list, rf_order_cold *cold)
{
    cold->list_id = list->id;
    cold->contingency = list->contingency;
    cold->leg = list->legs_count;
}

bool rf_list_add(rf_engine *engine, uint32_t list, uint32_t order)
{
    rf_list *record = &engine->lists[list];
    if (record->legs_count == RF_LIST_LEGS_MAX)
        return false;
    record->legs[record->legs_count++] = order;
    engine->orders_cold[order].list = list;
    name_list(record, &engine->orders_cold[order]);
    return true;
}

void rf_list_add_finished(rf_engine *engine, uint32_t list, uint64_t order_id)
{
    rf_list *record = &engine->lists[list];
    rf_recent *recent = rf_order_find_recent(engine, record->account, order_id, "");
    record->legs_count++;
    if (recent) /* the ring may have forgotten it already */
        name_list(record, &recent->cold);
}

static bool is_primary(const rf_list *list, const rf_order_cold *cold)
{
    return list->contingency != RF_LIST_OCO && cold->leg == 1;
}

/* Legs that cancel each other: both of an OCO, the two behind the primary of a linked OTOCO. */
static bool one_cancels_other(const rf_list *list)
{
    return list->contingency == RF_LIST_OCO || list->linked != 0;
}

uint32_t rf_list_filled(rf_engine *engine, uint32_t order, uint32_t doomed[RF_LIST_LEGS_MAX])
{
    const rf_order_cold *cold = &engine->orders_cold[order];
    if (cold->list == RF_NONE)
        return 0;
    const rf_list *list = &engine->lists[cold->list];
    if (!one_cancels_other(list) || is_primary(list, cold))
        return 0;
    uint32_t count = 0;
    for (uint32_t i = list->contingency == RF_LIST_OCO ? 0 : 1; i < list->legs_count; i++)
        if (list->legs[i] != RF_NONE && list->legs[i] != order)
            doomed[count++] = list->legs[i];
    return count;
}

static uint32_t release_waiting(rf_engine *engine, rf_list *list, bool filled,
                                uint32_t doomed[RF_LIST_LEGS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < list->legs_count; i++) {
        const uint32_t leg = list->legs[i];
        if (leg == RF_NONE || engine->orders[leg].state != RF_STATE_WAITING)
            continue;
        if (filled)
            rf_trigger_arm(engine, leg);
        else
            doomed[count++] = leg;
    }
    return count;
}

static bool is_empty(const rf_list *list)
{
    for (uint32_t i = 0; i < list->legs_count; i++)
        if (list->legs[i] != RF_NONE)
            return false;
    return true;
}

uint32_t rf_list_leave(rf_engine *engine, uint32_t order, bool filled,
                       uint32_t doomed[RF_LIST_LEGS_MAX])
{
    rf_order_cold *cold = &engine->orders_cold[order];
    if (cold->list == RF_NONE)
        return 0;
    const uint32_t handle = cold->list;
    rf_list *list = &engine->lists[handle];
    uint32_t count = filled ? rf_list_filled(engine, order, doomed) : 0;
    if (is_primary(list, cold))
        count += release_waiting(engine, list, filled, doomed);
    list->legs[cold->leg - 1] = RF_NONE;
    cold->list = RF_NONE;
    if (is_empty(list)) {
        emit(engine, list, RF_EVENT_LIST_ENDED);
        *list = (rf_list){0};
        list->free_next = engine->lists_free;
        engine->lists_free = handle;
    }
    return count;
}

uint32_t rf_list_find(const rf_engine *engine, uint32_t account, uint64_t list_id)
{
    for (uint32_t i = 1; i < engine->lists_fresh; i++)
        if (engine->lists[i].id == list_id && list_id != 0 && engine->lists[i].account == account)
            return i;
    return RF_NONE;
}
