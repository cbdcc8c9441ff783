/* Methods that place, change and cancel orders. */
#include <string.h>

#include "api/handlers.h"
#include "api/put.h"
#include "base/decimal.h"

enum { LIST_MAX = 10 };

static rf_error place(rf_call *call, const rf_order_params *order)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    command.u.order = *order;
    return rf_call_apply(call, &command);
}

static rf_error place_and_answer(rf_call *call, const rf_order_params *order)
{
    rf_error code = place(call, order);
    if (code != RF_ERR_OK)
        return code;
    rf_put_open(call->out, NULL, '{');
    rf_encode_order_answer(call, order);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- The same order again -------------------------------------------------------------------- */

static bool wants_replay(const rf_call *call)
{
    return rf_arg_bool(&call->args, RF_P_ORDER_idempotent, false) ||
           rf_arg_given(&call->args, RF_P_ORDER_request_id);
}

/* A price that SMART_POST_ONLY moved is not held against the order; one that was amended is. */
static bool is_same_order(const rf_order_params *one, const rf_order_params *other)
{
    enum {
        ASKED = RF_FLAG_POST_ONLY | RF_FLAG_SMART_POST_ONLY | RF_FLAG_REDUCE_ONLY | RF_FLAG_ISOLATED
    };
    bool same_price = one->price == other->price || (one->flags & RF_FLAG_SMART_POST_ONLY) != 0;
    return one->instrument == other->instrument && one->side == other->side &&
           one->type == other->type && one->time_in_force == other->time_in_force &&
           one->qty == other->qty && one->ref_price == other->ref_price && same_price &&
           ((one->flags ^ other->flags) & ASKED) == 0;
}

/* The first answer, with what has become of the order since. */
static bool replay(rf_call *call, const rf_order_params *order)
{
    rf_order_view first;
    if ((order->flags & RF_FLAG_OID_DEFAULTED) ||
        !rf_view_order(call->engine, call->account, 0, order->client_oid, &first) ||
        !is_same_order(order, &first.params))
        return false;
    call->result = (rf_result){
        .order_id = first.order_id,
        .isolation_id = first.isolation_id,
        .status = first.status,
        .reason = first.reason,
        .filled_qty = first.filled_qty,
        .filled_value = first.filled_value,
    };
    rf_put_open(call->out, NULL, '{');
    rf_encode_order_answer(call, order);
    rf_put_bool(call->out, "replayed", true);
    rf_put_close(call->out, '}');
    return true;
}

rf_error rf_handle_create_order(rf_call *call)
{
    rf_order_params order;
    rf_error code = rf_decode_order(call, &call->args, &order);
    if (code != RF_ERR_OK)
        return code;
    if (wants_replay(call) && replay(call, &order))
        return RF_ERR_OK;
    return place_and_answer(call, &order);
}

rf_error rf_handle_close_position(rf_call *call)
{
    rf_order_params order;
    rf_error code = rf_decode_close(call, &order);
    return code != RF_ERR_OK ? code : place_and_answer(call, &order);
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* Which order is meant: order_id wins over a client_oid; one of them must be there. */
static void decode_key(rf_args *args, unsigned id, unsigned oid, rf_error unknown,
                       rf_command *command)
{
    command->u.change.order_id = rf_arg_id(args, id, 0);
    rf_decode_oid(args, oid, command->u.change.client_oid);
    if (!rf_arg_given(args, id) && !rf_arg_given(args, oid))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, rf_params[id].name);
    /* No order has the id 0, and in the command it would mean "by client_oid". */
    if (rf_arg(args, id) && command->u.change.order_id == 0)
        rf_args_refuse(args, unknown, rf_params[id].name);
}

/* The configuration that counts the order's prices; of an unknown order only the form can be
 * checked, and the engine answers that it is unknown. */
static bool order_config(rf_call *call, const rf_command *command, rf_instrument_config *config)
{
    rf_order_view order;
    rf_instrument_view instrument;
    bool found = rf_view_order(call->engine, call->account, command->u.change.order_id,
                               command->u.change.client_oid, &order) &&
                 rf_view_instrument(call->engine, order.params.instrument, &instrument);
    if (found)
        *config = instrument.config;
    else
        *config = (rf_instrument_config){.price_decimals = 8, .qty_decimals = 8};
    return found;
}

static rf_error change(rf_call *call, rf_command *command)
{
    if (call->args.problem)
        return rf_decode_problem(call, &call->args);
    rf_error code = rf_call_apply(call, command);
    if (code != RF_ERR_OK)
        return code;
    char oid[RF_CLIENT_OID_SIZE + 1] = {0};
    const char *known = command->u.change.new_client_oid[0] ? command->u.change.new_client_oid
                                                            : command->u.change.client_oid;
    memcpy(oid, call->result.client_oid[0] ? call->result.client_oid : known, RF_CLIENT_OID_SIZE);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "client_oid", oid);
    rf_put_id(call->out, "order_id",
              call->result.order_id ? call->result.order_id : command->u.change.order_id);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_amend_order(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_AMEND_ORDER};
    command.u.change.account = call->account;
    decode_key(args, RF_P_AMEND_order_id, RF_P_AMEND_orig_client_oid, RF_ERR_INVALID_ORDERID,
               &command);
    rf_decode_oid(args, RF_P_AMEND_client_oid, command.u.change.new_client_oid);
    rf_instrument_config config;
    bool found = order_config(call, &command, &config);
    int64_t price = rf_arg_positive(args, RF_P_AMEND_new_price, config.price_decimals, 0);
    int64_t qty = rf_arg_positive(args, RF_P_AMEND_new_quantity, config.qty_decimals, 0);
    command.u.change.price = found ? price : 1;
    command.u.change.qty = found ? qty : 1;
    return change(call, &command);
}

rf_error rf_handle_amend_trigger(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_AMEND_ORDER};
    command.u.change.account = call->account;
    command.u.change.triggers_only = 1;
    decode_key(args, RF_P_AMEND_TRIGGER_order_id, RF_P_AMEND_TRIGGER_client_oid,
               RF_ERR_INVALID_ORDERID, &command);
    rf_instrument_config config;
    bool found = order_config(call, &command, &config);
    int64_t price =
        rf_arg_within(args, RF_P_AMEND_TRIGGER_new_price, config.price_decimals, 0, 0, INT64_MAX);
    int64_t qty = rf_arg_positive(args, RF_P_AMEND_TRIGGER_new_quantity, config.qty_decimals, 0);
    int64_t ref_price =
        rf_arg_positive(args, RF_P_AMEND_TRIGGER_new_ref_price, config.price_decimals, 0);
    command.u.change.price = found ? price : 1;
    command.u.change.qty = found ? qty : 1;
    command.u.change.ref_price = found ? ref_price : 0;
    return change(call, &command);
}

rf_error rf_handle_cancel_order(rf_call *call)
{
    rf_command command = {.kind = RF_COMMAND_CANCEL_ORDER};
    command.u.change.account = call->account;
    command.u.change.triggers_only = (call->method->flags & RF_METHOD_ADVANCED) != 0;
    decode_key(&call->args, RF_P_ORDER_KEY_order_id, RF_P_ORDER_KEY_client_oid,
               RF_ERR_NO_ACTIVE_ORDER, &command);
    return change(call, &command);
}

/* Of the instrument that is named, if one is. */
static bool is_own_isolation(const rf_call *call, uint64_t isolation_id, int instrument)
{
    rf_position_view row;
    return isolation_id != 0 && rf_view_isolation(call->engine, isolation_id, &row) &&
           row.account == call->account && (instrument < 0 || row.instrument == instrument);
}

rf_error rf_handle_cancel_all_orders(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_CANCEL_ORDERS};
    command.u.change.account = call->account;
    command.u.change.instrument =
        rf_decode_instrument(call, args, RF_P_CANCEL_ALL_instrument_name, &view);
    command.u.change.all = (uint32_t)rf_arg_choice(args, RF_P_CANCEL_ALL_type, 2);
    command.u.change.mode = rf_arg_choice(args, RF_P_CANCEL_ALL_position_type, -1);
    command.u.change.isolation_id = rf_arg_id(args, RF_P_CANCEL_ALL_isolation_id, 0);
    if (rf_arg_given(args, RF_P_CANCEL_ALL_isolation_id) &&
        !is_own_isolation(call, command.u.change.isolation_id, command.u.change.instrument))
        rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, "isolation_id");
    bool by_type = rf_arg_given(args, RF_P_CANCEL_ALL_type) && command.u.change.all != 2;
    if (command.u.change.mode >= 0 && by_type)
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "position_type");
    if (command.u.change.mode >= 0 && !rf_arg_given(args, RF_P_CANCEL_ALL_instrument_name))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "instrument_name");
    if (args->problem)
        return rf_decode_problem(call, args);
    return rf_call_apply(call, &command);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A plain order stays one when a trigger is attached to it, although the engine keeps the two as a
 * list. */
static bool has_attachment(const rf_order_view *orders, size_t count, uint64_t order_id)
{
    for (size_t i = 0; i < count; i++)
        if (orders[i].params.attach_order_id == order_id)
            return true;
    return false;
}

/* The plain methods show what rests, the advanced ones what waits and what belongs to a list. */
static bool is_shown(const rf_order_view *orders, size_t count, size_t at, bool advanced)
{
    const rf_order_view *order = &orders[at];
    bool waits = order->status == RF_ORDER_PENDING;
    if (!advanced || waits)
        return advanced == waits;
    return order->list_id != 0 && !has_attachment(orders, count, order->order_id);
}

rf_error rf_handle_get_open_orders(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    int instrument = rf_decode_instrument(call, args, RF_P_OPEN_ORDERS_instrument_name, &view);
    uint64_t isolation_id = rf_arg_id(args, RF_P_OPEN_ORDERS_isolation_id, 0);
    if (rf_arg_given(args, RF_P_OPEN_ORDERS_isolation_id) && isolation_id == 0)
        rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, "isolation_id");
    if (args->problem)
        return args->problem;
    bool advanced = (call->method->flags & RF_METHOD_ADVANCED) != 0;
    rf_order_view *orders = call->api->orders;
    size_t count =
        rf_view_orders(call->engine, call->account, instrument, orders, RF_ORDER_VIEWS_MAX);
    count = count < RF_ORDER_VIEWS_MAX ? count : RF_ORDER_VIEWS_MAX;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count; i++)
        if (is_shown(orders, count, i, advanced) &&
            (isolation_id == 0 || orders[i].isolation_id == isolation_id))
            rf_encode_order(call->out, NULL, call->engine, &orders[i], advanced);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_order_detail(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command key = {0};
    rf_order_view order;
    decode_key(args, RF_P_ORDER_KEY_order_id, RF_P_ORDER_KEY_client_oid, RF_ERR_NOT_FOUND, &key);
    /* Whatever is no order's id finds no order. */
    if (args->problem == RF_ERR_INVALID_ORDERID)
        return RF_ERR_NOT_FOUND;
    if (args->problem)
        return args->problem;
    if (!rf_view_order(call->engine, call->account, key.u.change.order_id, key.u.change.client_oid,
                       &order))
        return rf_call_has_history(call) ? rf_call_history(call) : RF_ERR_NOT_FOUND;
    rf_encode_order(call->out, NULL, call->engine, &order,
                    (call->method->flags & RF_METHOD_ADVANCED) != 0);
    return RF_ERR_OK;
}

rf_error rf_handle_get_list_detail(rf_call *call)
{
    const rf_json *json = call->args.json;
    uint32_t token = rf_arg(&call->args, RF_P_LISTS_list_id_list);
    rf_order_view *orders = call->api->orders;
    if (json->tokens[token].count > LIST_MAX) {
        rf_args_refuse(&call->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "list_id_list");
        return call->args.problem;
    }
    size_t count = rf_view_orders(call->engine, call->account, -1, orders, RF_ORDER_VIEWS_MAX);
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < json->tokens[token].count; i++) {
        uint32_t element = rf_json_element(json, token, i);
        uint64_t list_id = 0;
        bool scalar = json->tokens[element].kind == RF_JSON_STRING ||
                      json->tokens[element].kind == RF_JSON_NUMBER;
        if (!scalar ||
            !rf_decimal_parse_id(rf_json_text(json, element), json->tokens[element].text_size,
                                 &list_id) ||
            list_id == 0)
            return rf_args_refuse(&call->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "list_id_list"),
                   call->args.problem;
        bool found = false;
        for (size_t at = 0; at < count && at < RF_ORDER_VIEWS_MAX; at++) {
            if (orders[at].list_id != list_id)
                continue;
            rf_encode_order(call->out, NULL, call->engine, &orders[at], true);
            found = true;
        }
        if (!found)
            return RF_ERR_NOT_FOUND;
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static uint32_t list_of(rf_call *call, unsigned param, uint32_t *count)
{
    uint32_t token = rf_arg(&call->args, param);
    *count = call->args.json->tokens[token].count;
    return token;
}

static void put_item_code(rf_call *call, const rf_args *args, uint32_t index, rf_error code)
{
    rf_put_int(call->out, "index", index);
    rf_put_int(call->out, "code", (int64_t)code);
    if (code == RF_ERR_OK)
        return;
    rf_put_text(call->out, "message", rf_error_name(code));
    if (args->problem == code && args->problem_param)
        rf_put_text(call->out, "param", args->problem_param);
}

static void create_item(rf_call *call, uint32_t token, uint32_t index)
{
    rf_args args;
    rf_order_params order;
    call->result = (rf_result){0};
    rf_args_bind(&args, call->args.json, token, RF_SET_ORDER, false);
    rf_error code = args.problem;
    if (code == RF_ERR_OK || rf_error_row(code) > rf_error_row(RF_ERR_UNAUTHORIZED))
        code = rf_decode_order(call, &args, &order);
    if (code == RF_ERR_OK)
        code = place(call, &order);
    rf_put_open(call->out, NULL, '{');
    put_item_code(call, &args, index, code);
    if (code == RF_ERR_OK)
        rf_encode_order_answer(call, &order);
    else if (call->client_oid)
        rf_put_text(call->out, "client_oid", call->client_oid);
    if (code != RF_ERR_OK && call->result.has_required_margin)
        rf_put_money(call->out, "required_margin", call->result.required_margin);
    rf_put_close(call->out, '}');
}

static void cancel_item(rf_call *call, uint32_t token, uint32_t index)
{
    rf_args args;
    rf_command command = {.kind = RF_COMMAND_CANCEL_ORDER};
    command.u.change.account = call->account;
    command.u.change.triggers_only = (call->method->flags & RF_METHOD_ADVANCED) != 0;
    rf_args_bind(&args, call->args.json, token, RF_SET_ORDER_KEY, false);
    decode_key(&args, RF_P_ORDER_KEY_order_id, RF_P_ORDER_KEY_client_oid, RF_ERR_NO_ACTIVE_ORDER,
               &command);
    rf_error code = args.problem ? rf_decode_problem(call, &args) : rf_call_apply(call, &command);
    rf_put_open(call->out, NULL, '{');
    put_item_code(call, &args, index, code);
    rf_put_close(call->out, '}');
}

static bool is_short(rf_call *call, unsigned param)
{
    uint32_t count = 0;
    if (rf_arg(&call->args, param))
        list_of(call, param, &count);
    return count <= LIST_MAX ||
           rf_args_refuse(&call->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, rf_params[param].name);
}

static void put_items(rf_call *call, const char *key, unsigned param,
                      void (*item)(rf_call *call, uint32_t token, uint32_t index))
{
    uint32_t count = 0;
    uint32_t list = rf_arg(&call->args, param) ? list_of(call, param, &count) : 0;
    rf_put_open(call->out, key, '[');
    for (uint32_t i = 0; i < count; i++)
        item(call, rf_json_element(call->args.json, list, i), i);
    rf_put_close(call->out, ']');
    call->client_oid = NULL;
}

static rf_error each_item(rf_call *call,
                          void (*item)(rf_call *call, uint32_t token, uint32_t index))
{
    if (!is_short(call, RF_P_ORDER_LIST_order_list))
        return call->args.problem;
    put_items(call, NULL, RF_P_ORDER_LIST_order_list, item);
    return RF_ERR_OK;
}

rf_error rf_handle_batch_orders(rf_call *call)
{
    if (!call->request->connection)
        return RF_ERR_METHOD_NOT_FOUND;
    if (!is_short(call, RF_P_BATCH_cancels) || !is_short(call, RF_P_BATCH_creates))
        return call->args.problem;
    rf_put_open(call->out, NULL, '{');
    put_items(call, "cancels", RF_P_BATCH_cancels, cancel_item);
    put_items(call, "creates", RF_P_BATCH_creates, create_item);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_create_order_list(rf_call *call)
{
    return each_item(call, create_item);
}

rf_error rf_handle_cancel_order_list(rf_call *call)
{
    return each_item(call, cancel_item);
}

/* ---- OCO, OTO, OTOCO ------------------------------------------------------------------------- */

static void decode_leg(rf_call *call, uint32_t token, rf_order_params *leg)
{
    rf_args args;
    rf_args_bind(&args, call->args.json, token, RF_SET_ORDER, false);
    if (args.problem && rf_error_row(args.problem) < rf_error_row(RF_ERR_UNAUTHORIZED)) {
        rf_args_refuse(&call->args, args.problem, args.problem_param);
        return;
    }
    rf_error code = rf_decode_order(call, &args, leg);
    call->client_oid = NULL;
    call->result = (rf_result){0};
    if (code != RF_ERR_OK) /* with the parameter's name, if it is one */
        rf_args_refuse(&call->args, code, args.problem == code ? args.problem_param : NULL);
}

static rf_error create_contingent(rf_call *call, rf_contingency contingency, uint32_t wanted)
{
    rf_order_params legs[RF_LIST_LEGS_MAX];
    uint32_t count;
    uint32_t list = list_of(call, RF_P_CONTINGENT_order_list, &count);
    if (count != wanted) {
        rf_args_refuse(&call->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "order_list");
        return call->args.problem;
    }
    /* The first broken rule of all legs is the list's. */
    for (uint32_t i = 0; i < count; i++) {
        rf_error before = call->args.problem;
        decode_leg(call, rf_json_element(call->args.json, list, i), &legs[i]);
        if (call->args.problem != before)
            call->problem_index = (int)i;
    }
    if (call->args.problem)
        return call->args.problem;
    rf_command command = {.kind = RF_COMMAND_PLACE_LIST};
    command.u.list.account = call->account;
    command.u.list.legs = legs;
    command.u.list.legs_count = count;
    command.u.list.contingency = (uint32_t)contingency;
    command.u.list.linked = rf_arg_bool(&call->args, RF_P_CONTINGENT_linked, false);
    rf_error code = rf_call_apply(call, &command);
    if (code == RF_ERR_INVALID_REQUEST) /* kinds, instruments or places that make no such list */
        rf_args_refuse(&call->args, code, "order_list");
    if (code != RF_ERR_OK)
        return code;
    rf_put_open(call->out, NULL, '{');
    rf_put_id(call->out, "list_id", call->result.list_id);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_create_oco(rf_call *call)
{
    return create_contingent(call, RF_LIST_OCO, 2);
}

rf_error rf_handle_create_oto(rf_call *call)
{
    return create_contingent(call, RF_LIST_OTO, 2);
}

rf_error rf_handle_create_otoco(rf_call *call)
{
    return create_contingent(call, RF_LIST_OTOCO, 3);
}

/* A list of another kind is none that this method knows. */
rf_error rf_handle_cancel_list(rf_call *call)
{
    static const rf_contingency kinds[] = {RF_LIST_OCO, RF_LIST_OTO, RF_LIST_OTOCO};
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_CANCEL_LIST};
    command.u.list.account = call->account;
    command.u.list.list_id = rf_arg_id(args, RF_P_LIST_KEY_list_id, 0);
    unsigned method = rf_method_number(call->method) - RF_M_CANCEL_OCO;
    if (!args->problem &&
        rf_view_list(call->engine, call->account, command.u.list.list_id) != kinds[method])
        rf_args_refuse(args, RF_ERR_INVALID_ORDERID, "list_id");
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

/* ---- Preview --------------------------------------------------------------------------------- */

static void put_price_text(rf_bytes *out, const char *key, int64_t price, unsigned decimals)
{
    if (price == 0)
        rf_put_text(out, key, "");
    else
        rf_put_decimal(out, key, price, decimals);
}

static void put_preview_position(rf_bytes *out, const rf_position_view *after,
                                 const rf_instrument_config *config)
{
    rf_wide cost = after->cost_user < 0 ? -(rf_wide)after->cost_user : after->cost_user;
    int64_t qty = after->qty < 0 ? -after->qty : after->qty;
    rf_put_open(out, "position_after", '{');
    rf_put_decimal(out, "quantity", after->qty, config->qty_decimals);
    rf_put_money(out, "avg_price", rf_average_price(cost, qty, config->qty_decimals));
    rf_put_id(out, "leverage", after->leverage);
    rf_put_close(out, '}');
    put_price_text(out, "est_liquidation_price", after->liquidation_price, config->price_decimals);
    put_price_text(out, "est_bankruptcy_price", after->bankruptcy_price, config->price_decimals);
    put_price_text(out, "liquidation_price", after->liquidation_price, config->price_decimals);
    put_price_text(out, "bankruptcy_price", after->bankruptcy_price, config->price_decimals);
    rf_put_money(out, "initial_margin", after->initial_margin);
    rf_put_money(out, "maintenance_margin", after->maintenance_margin);
    rf_put_money(out, "fee_reserve", after->fee_reserve);
}

static void put_preview(rf_bytes *out, const rf_preview *preview,
                        const rf_instrument_config *config)
{
    rf_error code = preview->result.code;
    rf_put_open(out, NULL, '{');
    rf_put_bool(out, "accepted", code == RF_ERR_OK);
    rf_put_int(out, "code", (int64_t)code);
    rf_put_text(out, "message", rf_error_name(code));
    rf_put_open(out, "fill", '{');
    rf_put_money(
        out, "avg_price",
        rf_average_price(preview->filled_value, preview->filled_qty, config->qty_decimals));
    rf_put_decimal(out, "quantity", preview->filled_qty, config->qty_decimals);
    put_price_text(out, "worst_price", preview->worst_price, config->price_decimals);
    rf_put_close(out, '}');
    rf_put_money(out, "fee", preview->fee);
    rf_put_money(out, "required_margin", preview->required_margin);
    rf_put_open(out, "margin_source", '{');
    rf_put_money(out, "main_before", preview->main_before);
    rf_put_money(out, "main_after", preview->main_after);
    rf_put_close(out, '}');
    if (preview->result.isolation_id)
        rf_put_id(out, "isolation_id", preview->result.isolation_id);
    put_preview_position(out, &preview->after, config);
    rf_put_money(out, "max_loss", preview->max_loss);
    rf_put_decimal(out, "max_order_quantity", preview->max_order_qty, config->qty_decimals);
    rf_put_close(out, '}');
}

/* An order that cannot be read as one is refused like create-order would; everything else is an
 * answer. */
rf_error rf_handle_preview_order(rf_call *call)
{
    rf_order_params order;
    rf_instrument_view instrument;
    rf_preview preview;
    rf_error code = rf_decode_order(call, &call->args, &order);
    if (code != RF_ERR_OK)
        return code;
    if (!rf_view_instrument(call->engine, order.instrument, &instrument))
        return RF_ERR_INVALID_INSTRUMENT;
    rf_preview_order(call->engine, &order, &preview);
    put_preview(call->out, &preview, &instrument.config);
    return RF_ERR_OK;
}
