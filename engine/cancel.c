/* Cancelling by the user's hand. It is always allowed: suspended, halted, stale or liquidating. */
#include "engine/admit.h"
#include "engine/close.h"
#include "engine/list.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/watch.h"

static bool is_trigger_state(const rf_order *order)
{
    return order->state == RF_STATE_ARMED || order->state == RF_STATE_WAITING;
}

/* What the advanced methods know: what waits, and the orders of lists. */
static bool is_advanced(const rf_engine *engine, uint32_t order)
{
    return is_trigger_state(&engine->orders[order]) || engine->orders_cold[order].list != RF_NONE;
}

static bool known_account(const rf_engine *engine, uint32_t account)
{
    return account != RF_FUND && account < engine->accounts_count;
}

/* A cancelled order frees margin: the account's bounds only become safer, so nothing has to be keyed anew. */
rf_error rf_cancel_order(rf_engine *engine, const rf_command *command, rf_result *result)
{
    if (!known_account(engine, command->u.change.account))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    const uint32_t order = rf_order_find(engine, command->u.change.account,
                                         command->u.change.order_id, command->u.change.client_oid);
    if (order == RF_NONE || (command->u.change.triggers_only && !is_advanced(engine, order)))
        return RF_ERR_NO_ACTIVE_ORDER;
    result->order_id = engine->orders[order].id;
    result->isolation_id = engine->orders_cold[order].isolation_id;
    result->status = RF_ORDER_CANCELED;
    __builtin_memcpy(result->client_oid, engine->orders_cold[order].params.client_oid,
                     sizeof result->client_oid);
    rf_close_order(engine, order, RF_ERR_OK, true);
    return RF_ERR_OK;
}

static uint32_t collect_list(rf_engine *engine, uint32_t head, uint32_t count)
{
    for (uint32_t order = head; order != RF_NONE; order = engine->orders[order].own_next)
        engine->scratch[count++] = order;
    return count;
}

static uint32_t collect_position(rf_engine *engine, uint32_t position, uint32_t kinds,
                                 uint32_t count)
{
    const rf_position *record = &engine->positions[position];
    if (kinds != 1) {
        count = collect_list(engine, record->orders[RF_BUY], count);
        count = collect_list(engine, record->orders[RF_SELL], count);
    }
    return kinds != 0 ? collect_list(engine, record->triggers, count) : count;
}

static bool wanted(const rf_command *command, const rf_seat *seat, uint32_t mode,
                   uint64_t isolation_id)
{
    const int32_t instrument = command->u.change.instrument;
    if (instrument >= 0 && seat->instrument != (uint32_t)instrument)
        return false;
    if (command->u.change.mode >= 0 && mode != (uint32_t)command->u.change.mode)
        return false;
    return command->u.change.isolation_id == 0 || command->u.change.isolation_id == isolation_id;
}

rf_error rf_cancel_orders(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const uint32_t account = command->u.change.account;
    if (!known_account(engine, account) || command->u.change.all > 2)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (command->u.change.instrument >= (int32_t)engine->instruments_count)
        return RF_ERR_INVALID_INSTRUMENT;
    uint32_t count = 0;
    for (uint32_t at = engine->accounts[account].seats; at != RF_NONE;
         at = engine->seats[at].account_next) {
        const rf_seat *seat = &engine->seats[at];
        for (uint32_t mode = 0; mode < 2; mode++) {
            const uint32_t position = seat->position[mode];
            if (position != RF_NONE && wanted(command, seat, mode, engine->positions[position].id))
                count = collect_position(engine, position, command->u.change.all, count);
        }
    }
    /* One order's end can end another of the list: that one is free by then. */
    for (uint32_t i = 0; i < count; i++)
        if (engine->orders[engine->scratch[i]].state != RF_STATE_FREE) {
            rf_close_order(engine, engine->scratch[i], RF_ERR_OK, true);
            result->legs_count++;
        }
    return RF_ERR_OK;
}

rf_error rf_cancel_list(rf_engine *engine, const rf_command *command, rf_result *result)
{
    if (!known_account(engine, command->u.list.account))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    const uint32_t list = rf_list_find(engine, command->u.list.account, command->u.list.list_id);
    if (list == RF_NONE)
        return RF_ERR_INVALID_ORDERID;
    uint32_t legs[RF_LIST_LEGS_MAX];
    __builtin_memcpy(legs, engine->lists[list].legs, sizeof legs);
    result->list_id = command->u.list.list_id;
    for (uint32_t i = 0; i < RF_LIST_LEGS_MAX; i++)
        if (legs[i] != RF_NONE && engine->orders[legs[i]].state != RF_STATE_FREE)
            rf_close_order(engine, legs[i], RF_ERR_OK, true);
    return RF_ERR_OK;
}
