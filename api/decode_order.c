/* Orders from parameters. The engine's ladder of refusals goes from row to row of
 * engine/errors.def, and so does the answer to an order that cannot even be read: the readable part
 * is shown to the engine's own admission, and whichever row comes first wins. */
#include <string.h>

#include "api/handlers.h"

static bool is_trigger(unsigned type)
{
    return type >= RF_STOP_LOSS;
}

static bool has_limit(unsigned type)
{
    return type == RF_LIMIT || type == RF_STOP_LIMIT || type == RF_TAKE_PROFIT_LIMIT;
}

static void decode_flags(rf_args *args, rf_order_params *order)
{
    static const uint16_t flags[] = {RF_FLAG_POST_ONLY, RF_FLAG_SMART_POST_ONLY,
                                     RF_FLAG_REDUCE_ONLY, RF_FLAG_ISOLATED, 0};
    const rf_json *json = args->json;
    uint32_t token = rf_arg(args, RF_P_ORDER_exec_inst);
    const char *values = rf_params[RF_P_ORDER_exec_inst].values;
    if (token && json->tokens[token].kind == RF_JSON_STRING)
        order->flags |= flags[rf_choice(values, rf_json_text(json, token))];
    for (uint32_t i = 0;
         token && json->tokens[token].kind == RF_JSON_ARRAY && i < json->tokens[token].count; i++)
        order->flags |=
            flags[rf_choice(values, rf_json_text(json, rf_json_element(json, token, i)))];
    if (rf_arg_bool(args, RF_P_ORDER_reduce_only, false))
        order->flags |= RF_FLAG_REDUCE_ONLY;
    if (rf_arg_bool(args, RF_P_ORDER_post_only, false))
        order->flags |= RF_FLAG_POST_ONLY;
    unsigned both = RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY;
    if ((order->flags & both) == both)
        rf_args_refuse(args, RF_ERR_INVALID_EXECINST, "exec_inst");
}

static void decode_prevention(rf_args *args, rf_order_params *order)
{
    static const uint8_t scopes[] = {RF_STP_SCOPE_FAMILY, RF_STP_SCOPE_ACCOUNT,
                                     RF_STP_SCOPE_DEFAULT};
    static const uint8_t kinds[] = {RF_STP_MAKER, RF_STP_TAKER, RF_STP_BOTH};
    int scope = rf_arg_choice(args, RF_P_ORDER_stp_scope, -1),
        kind = rf_arg_choice(args, RF_P_ORDER_stp_inst, -1);
    if (scope >= 0)
        order->stp_scope = scopes[scope];
    if (kind >= 0)
        order->stp = kinds[kind];
    order->stp_id = (uint16_t)rf_arg_int(args, RF_P_ORDER_stp_id, 0, 0, 32767);
}

/* A value that must be a positive multiple of a tick. */
static int64_t decode_ticks(rf_args *args, unsigned param, unsigned decimals, int64_t tick)
{
    int64_t value = rf_arg_positive(args, param, decimals, 0);
    if (value % tick != 0)
        rf_args_refuse(args, rf_params[param].bad, rf_params[param].name);
    return value;
}

static void decode_quantity(rf_args *args, rf_order_params *order,
                            const rf_instrument_config *config)
{
    bool by_notional = rf_arg_given(args, RF_P_ORDER_notional) && order->type == RF_MARKET &&
                       order->side == RF_BUY;
    bool by_quantity = rf_arg_given(args, RF_P_ORDER_quantity);
    if (by_quantity && by_notional)
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "notional");
    if (by_quantity)
        order->qty =
            decode_ticks(args, RF_P_ORDER_quantity, config->qty_decimals, config->qty_tick);
    else if (by_notional)
        order->notional = rf_arg_positive(args, RF_P_ORDER_notional, 8, 0);
    if (by_notional && !by_quantity)
        order->flags |= RF_FLAG_NOTIONAL;
}

static void decode_prices(rf_args *args, rf_order_params *order, const rf_instrument_config *config)
{
    if (has_limit(order->type))
        order->price =
            decode_ticks(args, RF_P_ORDER_price, config->price_decimals, config->price_tick);
    if (is_trigger(order->type))
        order->ref_price =
            decode_ticks(args, RF_P_ORDER_ref_price, config->price_decimals, config->price_tick);
}

/* What is no id is to the engine one that nobody has: without one it would say 617, "give its id". */
static void decode_isolation_id(rf_args *args, unsigned param, rf_order_params *order)
{
    if (!rf_arg_given(args, param))
        return;
    order->flags |= RF_FLAG_ISOLATED;
    order->isolation_id = rf_arg_id(args, param, 0);
    if (order->isolation_id != 0)
        return;
    rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, rf_params[param].name);
    order->isolation_id = UINT64_MAX;
}

static void decode_isolation(rf_args *args, rf_order_params *order)
{
    order->leverage = rf_arg_leverage(args, RF_P_ORDER_leverage);
    order->isolated_margin = rf_arg_positive(args, RF_P_ORDER_isolated_margin_amount, 8, -1);
    decode_isolation_id(args, RF_P_ORDER_isolation_id, order);
}

static void decode_attachment(rf_args *args, rf_order_params *order)
{
    bool to_order = rf_arg_given(args, RF_P_ORDER_attach_order_id);
    bool to_position = rf_arg_given(args, RF_P_ORDER_attach_isolation_id);
    order->attach_order_id = rf_arg_id(args, RF_P_ORDER_attach_order_id, 0);
    order->attach_isolation_id = rf_arg_id(args, RF_P_ORDER_attach_isolation_id, 0);
    order->attach_position = to_position;
    if (to_order && to_position)
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "attach_isolation_id");
    if (to_position && rf_arg_given(args, RF_P_ORDER_isolation_id))
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "attach_isolation_id");
    if (to_position && !(order->flags & RF_FLAG_REDUCE_ONLY))
        rf_args_refuse(args, RF_ERR_INVALID_EXECINST, "exec_inst");
    if ((to_order || to_position) && !is_trigger(order->type))
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "attach_order_id");
}

/* Presence that depends on the type. A trigger price that is not there is a bad trigger price
 * (229). */
static void check_presence(const rf_call *call, rf_args *args, const rf_order_params *order)
{
    bool trigger = is_trigger(order->type);
    bool notional = rf_arg_given(args, RF_P_ORDER_notional) && order->type == RF_MARKET &&
                    order->side == RF_BUY;
    if (args->problem && rf_arg(args, RF_P_ORDER_type) == 0)
        return; /* of an unknown type nothing more can be said */
    if (!rf_arg_given(args, RF_P_ORDER_quantity) && !notional)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "quantity");
    if (has_limit(order->type) && !rf_arg_given(args, RF_P_ORDER_price))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "price");
    if (trigger && !rf_arg_given(args, RF_P_ORDER_ref_price))
        rf_args_refuse(args, RF_ERR_INVALID_REF_PRICE, "ref_price");
    if (!trigger && rf_arg_given(args, RF_P_ORDER_ref_price))
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "ref_price");
    bool list = rf_method_number(call->method) >= RF_M_CREATE_OCO &&
                rf_method_number(call->method) <= RF_M_CREATE_OTOCO;
    if (!trigger && (call->method->flags & RF_METHOD_ADVANCED) && !list)
        rf_args_refuse(args, RF_ERR_INVALID_ORDTYPE, "type");
}

static void decode_oid(rf_call *call, rf_args *args, unsigned param, rf_order_params *order)
{
    rf_decode_oid(args, param, order->client_oid);
    if (rf_arg_given(args, param)) {
        call->client_oid = rf_arg_text(args, param, NULL);
        return;
    }
    call->client_oid = NULL;
    order->flags |= RF_FLAG_OID_DEFAULTED;
    const char *oid = call->request->oid ? call->request->oid : "";
    size_t size = strlen(oid);
    memcpy(order->client_oid, oid, size < 36 ? size : 36);
}

/* The first broken rule of an order that has a problem of form: the engine is asked about the rest
 * of it with values it refuses (0) or accepts in place of what cannot be read. */
static rf_error first_problem(rf_call *call, rf_args *args, const rf_order_params *order)
{
    if (rf_error_row(args->problem) < rf_error_row(RF_ERR_UNAUTHORIZED) ||
        args->problem == RF_ERR_INVALID_INSTRUMENT)
        return rf_decode_problem(call, args);
    rf_preview preview;
    rf_preview_order(call->engine, order, &preview);
    rf_error seen = preview.result.code;
    if (seen != RF_ERR_OK && rf_error_row(seen) < rf_error_row(args->problem)) {
        call->result = preview.result;
        return seen;
    }
    return args->problem;
}

rf_error rf_decode_order(rf_call *call, rf_args *args, rf_order_params *order)
{
    *order = (rf_order_params){.account = call->account, .isolated_margin = -1};
    rf_instrument_view view;
    memset(&view, 0, sizeof view);
    view.config.price_tick = view.config.qty_tick = 1;
    view.config.price_decimals = view.config.qty_decimals =
        8; /* of an unknown instrument: form only */
    int instrument = rf_decode_instrument(call, args, RF_P_ORDER_instrument_name, &view);
    order->instrument = (uint16_t)(instrument < 0 ? UINT16_MAX : instrument);
    order->side = (uint8_t)rf_arg_choice(args, RF_P_ORDER_side, RF_BUY);
    order->type = (uint8_t)rf_arg_choice(args, RF_P_ORDER_type, RF_LIMIT);
    order->time_in_force = (uint8_t)rf_arg_choice(args, RF_P_ORDER_time_in_force, RF_GTC);
    order->ref_price_type = (uint8_t)rf_arg_choice(args, RF_P_ORDER_ref_price_type, RF_REF_MARK);
    decode_flags(args, order);
    decode_prevention(args, order);
    check_presence(call, args, order);
    decode_quantity(args, order, &view.config);
    decode_prices(args, order, &view.config);
    decode_isolation(args, order);
    decode_attachment(args, order);
    decode_oid(call, args,
               rf_arg_given(args, RF_P_ORDER_client_oid) ||
                       !rf_arg_given(args, RF_P_ORDER_request_id)
                   ? RF_P_ORDER_client_oid
                   : RF_P_ORDER_request_id,
               order);
    return args->problem ? first_problem(call, args, order) : RF_ERR_OK;
}

rf_error rf_decode_close(rf_call *call, rf_order_params *order)
{
    rf_args *args = &call->args;
    *order = (rf_order_params){.account = call->account,
                               .isolated_margin = -1,
                               .flags = RF_FLAG_CLOSE | RF_FLAG_REDUCE_ONLY};
    rf_instrument_view view;
    memset(&view, 0, sizeof view);
    view.config.price_tick = view.config.qty_tick = 1;
    int instrument = rf_decode_instrument(call, args, RF_P_CLOSE_instrument_name, &view);
    order->instrument = (uint16_t)(instrument < 0 ? UINT16_MAX : instrument);
    order->type = (uint8_t)rf_arg_choice(args, RF_P_CLOSE_type, RF_LIMIT);
    order->qty =
        decode_ticks(args, RF_P_CLOSE_quantity, view.config.qty_decimals, view.config.qty_tick);
    if (order->type == RF_LIMIT) {
        if (!rf_arg_given(args, RF_P_CLOSE_price))
            rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "price");
        order->price = decode_ticks(args, RF_P_CLOSE_price, view.config.price_decimals,
                                    view.config.price_tick);
    }
    decode_isolation_id(args, RF_P_CLOSE_isolation_id, order);
    decode_oid(call, args, RF_P_CLOSE_client_oid, order);
    return args->problem ? first_problem(call, args, order) : RF_ERR_OK;
}
