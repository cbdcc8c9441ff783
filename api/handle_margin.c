/* Isolated margin: transfers, leverage, limits, deleveraging rank, positions. */
#include "api/handlers.h"
#include "api/put.h"

static uint64_t decode_isolation(rf_args *args, unsigned param)
{
    uint64_t isolation_id = rf_arg_id(args, param, 0);
    if (isolation_id == 0)
        rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, "isolation_id");
    return isolation_id;
}

/* Shows the isolation afterwards. */
static rf_error apply_to_isolation(rf_call *call, rf_command *command)
{
    if (call->args.problem)
        return rf_decode_problem(call, &call->args);
    rf_error code = rf_call_apply(call, command);
    if (code == RF_ERR_OK)
        rf_encode_isolation_answer(call, command->u.isolation.isolation_id);
    return code;
}

rf_error rf_handle_margin_transfer(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_MOVE_MARGIN};
    command.u.isolation.account = call->account;
    command.u.isolation.isolation_id = decode_isolation(args, RF_P_MARGIN_isolation_id);
    int direction = rf_arg_choice(args, RF_P_MARGIN_direction, 0);
    int64_t amount = rf_arg_positive(args, RF_P_MARGIN_amount, 8, 0);
    bool out = direction == 1 || direction == 3; /* DEBIT, OUT */
    command.u.isolation.amount = out ? -amount : amount;
    return apply_to_isolation(call, &command);
}

rf_error rf_handle_isolated_leverage(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_SET_LEVERAGE};
    command.u.isolation.account = call->account;
    command.u.isolation.isolation_id = decode_isolation(args, RF_P_ISOLATED_LEVERAGE_isolation_id);
    command.u.isolation.leverage = rf_arg_leverage(args, RF_P_ISOLATED_LEVERAGE_leverage);
    uint32_t add = rf_arg(args, RF_P_ISOLATED_LEVERAGE_add_margin);
    if (add && rf_json_is(args->json, add, "AUTO"))
        command.u.isolation.amount = -1;
    else
        command.u.isolation.amount = rf_arg_positive(args, RF_P_ISOLATED_LEVERAGE_add_margin, 8, 0);
    return apply_to_isolation(call, &command);
}

static void put_limits(rf_call *call, const rf_isolated_limits *limits, uint64_t isolation_id,
                       int64_t target, unsigned decimals)
{
    rf_bytes *out = call->out;
    rf_put_open(out, NULL, '{');
    rf_put_id(out, "isolation_id", isolation_id);
    rf_put_money(out, "max_removable", limits->max_removable);
    rf_put_money(out, "max_removable_margin", limits->max_removable);
    rf_put_int(out, "min_leverage", limits->min_leverage);
    rf_put_int(out, "max_leverage", limits->max_leverage);
    rf_put_money(out, "topup_needed", target ? limits->transfer : limits->topup_needed);
    if (target)
        rf_put_bool(out, "transfer_possible", limits->transfer_possible);
    if (limits->liquidation_price_after == 0)
        rf_put_text(out, "liquidation_price_after", "");
    else
        rf_put_decimal(out, "liquidation_price_after", limits->liquidation_price_after, decimals);
    rf_put_close(out, '}');
}

/* With a target liquidation price topup_needed may be negative: so much is to be removed. */
rf_error rf_handle_isolated_limits(rf_call *call)
{
    rf_args *args = &call->args;
    rf_position_view row;
    rf_instrument_view instrument;
    uint64_t isolation_id = decode_isolation(args, RF_P_LIMITS_isolation_id);
    bool found = !args->problem && rf_view_isolation(call->engine, isolation_id, &row) &&
                 row.account == call->account &&
                 rf_view_instrument(call->engine, row.instrument, &instrument);
    if (!found)
        return args->problem ? args->problem : RF_ERR_INVALID_ISOLATION_ID;
    unsigned decimals = instrument.config.price_decimals;
    uint32_t leverage = rf_arg_leverage(args, RF_P_LIMITS_leverage);
    int64_t target = rf_arg_positive(args, RF_P_LIMITS_liquidation_price, decimals, 0);
    if (leverage && target)
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "liquidation_price");
    rf_isolated_limits limits;
    bool known = rf_view_limits(call->engine, call->account, isolation_id, 0, 0, &limits);
    if (!known)
        return RF_ERR_INVALID_ISOLATION_ID;
    if (leverage > limits.max_leverage)
        rf_args_refuse(args, RF_ERR_INVALID_LEVERAGE, "leverage");
    if (args->problem)
        return args->problem;
    rf_view_limits(call->engine, call->account, isolation_id, leverage, target, &limits);
    put_limits(call, &limits, isolation_id, target, decimals);
    return RF_ERR_OK;
}

/* The caller's positions that hold a quantity, filtered by the parameters of set POSITIONS. */
static rf_error each_position(rf_call *call,
                              void (*put)(rf_call *call, const rf_position_view *row))
{
    rf_args *args = &call->args;
    rf_api *api = call->api;
    rf_instrument_view view;
    int instrument = rf_decode_instrument(call, args, RF_P_POSITIONS_instrument_name, &view);
    uint64_t isolation_id = rf_arg_id(args, RF_P_POSITIONS_isolation_id, 0);
    if (rf_arg_given(args, RF_P_POSITIONS_isolation_id) && isolation_id == 0)
        rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, "isolation_id");
    if (args->problem)
        return args->problem;
    size_t count =
        rf_view_positions(call->engine, call->account, api->positions, api->positions_max);
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count && i < api->positions_max; i++) {
        const rf_position_view *row = &api->positions[i];
        bool wanted = row->qty != 0 && (instrument < 0 || row->instrument == instrument) &&
                      (isolation_id == 0 || row->isolation_id == isolation_id);
        if (wanted)
            put(call, row);
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static void put_position(rf_call *call, const rf_position_view *row)
{
    rf_encode_position(call->out, NULL, call->engine, row);
}

rf_error rf_handle_get_positions(rf_call *call)
{
    return each_position(call, put_position);
}

static void put_adl(rf_call *call, const rf_position_view *row)
{
    rf_instrument_view view;
    uint32_t rank = 0;
    const char *name = rf_instrument_name(call->engine, row->instrument, &view);
    int64_t qty =
        rf_adl_preview(call->engine, row->account, row->instrument, row->isolation_id, &rank);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name", name);
    if (row->isolated)
        rf_put_id(call->out, "isolation_id", row->isolation_id);
    rf_put_decimal(call->out, "quantity", row->qty, view.config.qty_decimals);
    if (rank != 0)
        rf_put_id(call->out, "adl_rank", rank);
    else
        rf_put_text(call->out, "adl_rank", "");
    rf_put_decimal(call->out, "deleveraged_quantity", qty, view.config.qty_decimals);
    rf_put_close(call->out, '}');
}

rf_error rf_handle_adl_preview(rf_call *call)
{
    return each_position(call, put_adl);
}

rf_error rf_handle_set_cancel_after(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_SET_CANCEL_AFTER};
    command.u.account.account = call->account;
    /* A day is more than any client sleeps. */
    command.u.account.timeout_ns =
        rf_arg_int(args, RF_P_CANCEL_AFTER_timeout_ms, 0, 0, 86400000) * 1000000;
    command.u.account.include_reduce_only =
        rf_arg_bool(args, RF_P_CANCEL_AFTER_include_reduce_only, false);
    if (args->problem)
        return rf_decode_problem(call, args);
    return rf_call_apply(call, &command);
}
