#include "server/lane.h"

enum { EXEC_INST_MAX = 16, ORDERS_MAX = 16 }; /* elements that are looked at */

typedef bool (*lane_test)(const rf_json *json, uint32_t order);

/* ---- One order ------------------------------------------------------------------------------- */

static bool has_instruction(const rf_json *json, uint32_t order, const char *name)
{
    uint32_t list = rf_json_member(json, order, "exec_inst");
    if (!list)
        return false;
    if (rf_json_is(json, list, name))
        return true;
    for (uint32_t i = 0; i < json->tokens[list].count && i < EXEC_INST_MAX; i++)
        if (rf_json_is(json, rf_json_element(json, list, i), name))
            return true;
    return false;
}

static bool has_flag(const rf_json *json, uint32_t order, const char *name, const char *alias)
{
    uint32_t token = rf_json_member(json, order, name);
    if (!token || json->tokens[token].kind == RF_JSON_NULL)
        token = rf_json_member(json, order, alias);
    return token && ((json->tokens[token].kind == RF_JSON_BOOL && json->tokens[token].truth) ||
                     rf_json_is(json, token, "true"));
}

static bool reduces(const rf_json *json, uint32_t order)
{
    return has_instruction(json, order, "REDUCE_ONLY") ||
           has_flag(json, order, "reduce_only", "reduceOnly");
}

static bool rests(const rf_json *json, uint32_t order)
{
    return has_instruction(json, order, "POST_ONLY") ||
           has_flag(json, order, "post_only", "postOnly");
}

/* ---- The orders of a call -------------------------------------------------------------------- */

static bool each(const rf_json *json, uint32_t params, const char *name, lane_test test)
{
    uint32_t list = rf_json_member(json, params, name);
    if (!list || json->tokens[list].kind != RF_JSON_ARRAY)
        return true; /* places nothing */
    for (uint32_t i = 0; i < json->tokens[list].count; i++) {
        uint32_t order = rf_json_element(json, list, i);
        if (i >= ORDERS_MAX || json->tokens[order].kind != RF_JSON_OBJECT || !test(json, order))
            return false;
    }
    return true;
}

/* Of a call that places orders and does nothing else to risk. */
static bool every_order(rf_method_id number, const rf_json *json, uint32_t params, lane_test test)
{
    if (number == RF_M_CREATE_ORDER || number == RF_M_ADVANCED_CREATE)
        return test(json, params);
    if (number == RF_M_CREATE_ORDER_LIST || number == RF_M_ADVANCED_LIST)
        return each(json, params, "order_list", test);
    return number == RF_M_BATCH && each(json, params, "creates", test);
}

static bool adds_margin(const rf_json *json, uint32_t params)
{
    uint32_t direction = rf_json_member(json, params, "direction");
    return direction &&
           (rf_json_is(json, direction, "CREDIT") || rf_json_is(json, direction, "IN"));
}

/* ---- Doors ----------------------------------------------------------------------------------- */

bool rf_lane_reserved(const rf_method *method, const rf_json *json, uint32_t params)
{
    static const rf_method_id always[] = {
        RF_M_CANCEL_ORDER,         RF_M_CANCEL_ALL_ORDERS, RF_M_CANCEL_ORDER_LIST,
        RF_M_CLOSE_POSITION,       RF_M_ADVANCED_CANCEL,   RF_M_ADVANCED_CANCEL_ALL,
        RF_M_ADVANCED_CANCEL_LIST, RF_M_CANCEL_OCO,        RF_M_CANCEL_OTO,
        RF_M_CANCEL_OTOCO,         RF_M_SET_CANCEL_AFTER,
    };
    rf_method_id number = rf_method_number(method);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (always[i] == number)
            return true;
    if (params == 0)
        return false;
    return every_order(number, json, params, reduces) ||
           (number == RF_M_MARGIN_TRANSFER && adds_margin(json, params));
}

bool rf_lane_rests(const rf_method *method, const rf_json *json, uint32_t params)
{
    return params != 0 && every_order(rf_method_number(method), json, params, rests);
}
