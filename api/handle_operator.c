/* What the operator changes: listings, states, accounts, money, prices. */
#include <string.h>

#include "api/handlers.h"
#include "api/put.h"

/* ---- Currencies and instruments -------------------------------------------------------------- */

static void copy_name(char name[RF_NAME_SIZE], const char *text)
{
    size_t size = strlen(text);
    memset(name, 0, RF_NAME_SIZE);
    memcpy(name, text, size < RF_NAME_SIZE ? size : RF_NAME_SIZE - 1);
}

rf_error rf_handle_create_currency(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_CREATE_CURRENCY};
    bool stable = rf_arg_choice(args, RF_P_NEW_CURRENCY_kind, 0) == 0;
    copy_name(command.u.currency.name, rf_arg_text(args, RF_P_NEW_CURRENCY_currency, ""));
    if (rf_find_currency(call->engine, command.u.currency.name) >= 0)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "currency");
    command.u.currency.kind = stable ? RF_CURRENCY_USD_STABLE : RF_CURRENCY_COLLATERAL;
    int64_t factor = rf_arg_within(args, RF_P_NEW_CURRENCY_factor, 8, RF_E8, 1, RF_E8);
    int64_t haircut = rf_arg_within(args, RF_P_NEW_CURRENCY_haircut, 8, 0, 0, RF_E8);
    int64_t cap = rf_arg_within(args, RF_P_NEW_CURRENCY_cap, 8, -1, 0, INT64_MAX);
    int64_t cap_usd = rf_arg_within(args, RF_P_NEW_CURRENCY_cap_usd, 8, -1, 0, INT64_MAX);
    if (stable && (rf_arg_given(args, RF_P_NEW_CURRENCY_haircut) ||
                   rf_arg_given(args, RF_P_NEW_CURRENCY_cap_usd)))
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "kind");
    if (!stable &&
        (rf_arg_given(args, RF_P_NEW_CURRENCY_factor) || rf_arg_given(args, RF_P_NEW_CURRENCY_cap)))
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "kind");
    command.u.currency.factor = stable ? factor : 0;
    command.u.currency.haircut = stable ? 0 : haircut;
    command.u.currency.cap = stable ? cap : cap_usd;
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

rf_error rf_handle_create_instrument(rf_call *call)
{
    rf_instrument_config config = {0};
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    rf_decode_config(call, RF_CONFIG_NEW, &config);
    if (rf_find_instrument(call->engine, config.name) >= 0)
        rf_args_refuse(&call->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "instrument_name");
    command.u.instrument.config = &config;
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

/* Who would be below maintenance: {"affected":N,"accounts":[{account, isolation_id?, shortfall}]}.
 */
static void put_impact(rf_call *call, uint32_t instrument, const rf_instrument_config *config)
{
    rf_impact *rows = call->api->impacts;
    size_t count = rf_view_impact(call->engine, instrument, config, rows, RF_IMPACTS_MAX);
    rf_put_open(call->out, NULL, '{');
    rf_put_int(call->out, "affected", (int64_t)count);
    rf_put_open(call->out, "accounts", '[');
    for (size_t i = 0; i < count && i < RF_IMPACTS_MAX; i++) {
        rf_account_view account;
        if (!rf_view_account(call->engine, rows[i].account, &account))
            continue;
        rf_put_open(call->out, NULL, '{');
        rf_put_text(call->out, "account", account.label);
        rf_put_account(call->out, "account_id", rows[i].account);
        if (rows[i].isolation_id)
            rf_put_id(call->out, "isolation_id", rows[i].isolation_id);
        rf_put_money(call->out, "shortfall", rows[i].shortfall);
        rf_put_close(call->out, '}');
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
}

rf_error rf_handle_update_instrument(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_UPDATE_INSTRUMENT};
    int instrument =
        rf_decode_instrument(call, args, RF_P_CHANGED_INSTRUMENT_instrument_name, &view);
    if (instrument < 0)
        return args->problem;
    rf_instrument_config config = view.config;
    rf_decode_config(call, RF_CONFIG_CHANGED, &config);
    if (args->problem)
        return args->problem;
    bool dry_run = rf_arg_bool(args, RF_P_CHANGED_INSTRUMENT_dry_run, false);
    command.u.instrument.config = &config;
    command.u.instrument.instrument = (uint32_t)instrument;
    command.u.instrument.dry_run = dry_run;
    rf_error code = rf_call_apply(call, &command);
    if (code == RF_ERR_OK && dry_run)
        put_impact(call, (uint32_t)instrument, &config);
    return code;
}

/* The commands about one instrument share how they name it. */
static bool start_instrument(rf_call *call, rf_command *command, unsigned param,
                             rf_instrument_view *view)
{
    int instrument = rf_decode_instrument(call, &call->args, param, view);
    command->u.instrument.instrument = (uint32_t)instrument;
    return instrument >= 0;
}

rf_error rf_handle_set_instrument_state(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SET_INSTRUMENT_STATE};
    if (!start_instrument(call, &command, RF_P_STATE_instrument_name, &view))
        return args->problem;
    command.u.instrument.state = (uint32_t)rf_arg_choice(args, RF_P_STATE_state, 0);
    command.u.instrument.price =
        rf_arg_positive(args, RF_P_STATE_settlement_price, view.config.price_decimals, 0);
    if (rf_arg_given(args, RF_P_STATE_settlement_price) &&
        command.u.instrument.state != RF_STATE_SETTLED)
        rf_args_refuse(args, RF_ERR_INVALID_REQUEST, "settlement_price");
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

/* ---- Accounts -------------------------------------------------------------------------------- */

rf_error rf_handle_create_account(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    const char *label = rf_arg_text(args, RF_P_NEW_ACCOUNT_account, "");
    copy_name(command.u.account.label, label);
    /* A script's "as" could not tell it from the operator. */
    if (strcmp(label, "operator") == 0 || rf_find_account(call->engine, label) >= 0)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "account");
    if (rf_arg_given(args, RF_P_NEW_ACCOUNT_master)) {
        int64_t master = rf_decode_account(call, args, RF_P_NEW_ACCOUNT_master);
        command.u.account.account = master < 0 ? 0 : (uint32_t)master;
    }
    if (args->problem)
        return args->problem;
    rf_error code = rf_call_apply(call, &command);
    if (code != RF_ERR_OK)
        return code;
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "account", label);
    rf_put_account(call->out, "account_id", (uint32_t)call->result.id);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_suspend_account(rf_call *call)
{
    rf_command command = {.kind = RF_COMMAND_SUSPEND_ACCOUNT};
    command.u.account.account =
        (uint32_t)rf_decode_account(call, &call->args, RF_P_SUSPEND_account);
    command.u.account.suspended = rf_arg_bool(&call->args, RF_P_SUSPEND_suspended, true);
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

rf_error rf_handle_set_fee_schedule(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_SET_FEES};
    bool maker = rf_arg_given(args, RF_P_FEES_maker_fee_rate),
         taker = rf_arg_given(args, RF_P_FEES_taker_fee_rate);
    command.u.account.account = (uint32_t)rf_decode_account(call, args, RF_P_FEES_account);
    command.u.account.maker_fee_rate =
        rf_arg_within(args, RF_P_FEES_maker_fee_rate, 8, 0, -RF_E8, RF_E8);
    command.u.account.taker_fee_rate =
        rf_arg_within(args, RF_P_FEES_taker_fee_rate, 8, 0, 0, RF_E8);
    command.u.account.fees_reset = !maker && !taker;
    if (maker != taker)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT,
                       maker ? "taker_fee_rate" : "maker_fee_rate");
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

/* ---- Money ----------------------------------------------------------------------------------- */

rf_error rf_handle_deposit(rf_call *call)
{
    rf_command command = {.kind = RF_COMMAND_DEPOSIT};
    command.u.money.account = (uint32_t)rf_decode_account(call, &call->args, RF_P_DEPOSIT_account);
    command.u.money.currency =
        (uint32_t)rf_decode_currency(call, &call->args, RF_P_DEPOSIT_currency);
    command.u.money.amount = rf_arg_positive(&call->args, RF_P_DEPOSIT_amount, 8, 0);
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

rf_error rf_handle_adjust(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_ADJUST};
    command.u.money.account = (uint32_t)rf_decode_account(call, args, RF_P_ADJUST_account);
    command.u.money.currency = (uint32_t)rf_decode_currency(call, args, RF_P_ADJUST_currency);
    command.u.money.amount = rf_arg_decimal(args, RF_P_ADJUST_amount, 8, 0);
    if (command.u.money.amount == 0)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "amount");
    /* A person says why; a script need not. */
    if (call->request->identity && !*rf_arg_text(args, RF_P_ADJUST_reason, ""))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "reason");
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

static rf_error decide_withdrawal(rf_call *call, bool approve)
{
    rf_command command = {.kind = RF_COMMAND_DECIDE_WITHDRAWAL};
    command.u.money.id = rf_arg_id(&call->args, RF_P_DECISION_id, 0);
    command.u.money.approve = approve;
    return rf_call_apply(call, &command);
}

rf_error rf_handle_approve_withdrawal(rf_call *call)
{
    return decide_withdrawal(call, true);
}

rf_error rf_handle_reject_withdrawal(rf_call *call)
{
    return decide_withdrawal(call, false);
}

rf_error rf_handle_fund_insurance(rf_call *call)
{
    rf_command command = {.kind = RF_COMMAND_FUND_INSURANCE};
    command.u.money.currency = (uint32_t)rf_decode_currency(call, &call->args, RF_P_FUND_currency);
    command.u.money.amount = rf_arg_positive(&call->args, RF_P_FUND_amount, 8, 0);
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

/* ---- Prices and settlement ------------------------------------------------------------------- */

/* Instruments and collateral have made every index that anybody follows. A name that is none of them is
 * mistyped, unless the call says that the index shall be new. */
static void refuse_index(rf_call *call, const char *name)
{
    unsigned least = RF_NAME_FAR;
    for (uint32_t i = 0; i < rf_instruments_count(call->engine); i++) {
        rf_instrument_view view;
        if (!rf_view_instrument(call->engine, i, &view))
            continue;
        unsigned away = rf_name_distance(name, view.config.index_name);
        if (away < least)
            copy_name(call->did_you_mean, view.config.index_name);
        least = away < least ? away : least;
    }
    rf_args_refuse(&call->args, RF_ERR_INVALID_INSTRUMENT, "index_name");
}

rf_error rf_handle_set_index_price(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SET_INDEX_PRICE};
    bool by_instrument = rf_arg_given(args, RF_P_INDEX_PRICE_instrument_name);
    const char *name = rf_arg_text(args, RF_P_INDEX_PRICE_index_name, "");
    if (by_instrument == rf_arg_given(args, RF_P_INDEX_PRICE_index_name))
        rf_args_refuse(args,
                       by_instrument ? RF_ERR_INVALID_REQUEST : RF_ERR_MISSING_OR_INVALID_ARGUMENT,
                       "index_name");
    if (by_instrument &&
        rf_decode_instrument(call, args, RF_P_INDEX_PRICE_instrument_name, &view) >= 0)
        name = view.config.index_name;
    command.u.index.price_e8 = rf_arg_positive(args, RF_P_INDEX_PRICE_price, 8, 0);
    int index = rf_find_index(call->engine, name);
    if (index < 0 && !args->problem && !rf_arg_bool(args, RF_P_INDEX_PRICE_create, false))
        refuse_index(call, name);
    if (args->problem)
        return args->problem;
    command.u.index.index = index < 0 ? UINT32_MAX : (uint32_t)index;
    copy_name(command.u.index.name, name);
    copy_name(command.u.index.source, rf_arg_text(args, RF_P_INDEX_PRICE_source, "operator"));
    return rf_call_apply(call, &command);
}

rf_error rf_handle_set_mark_price(rf_call *call)
{
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE};
    if (!start_instrument(call, &command, RF_P_MARK_instrument_name, &view))
        return call->args.problem;
    command.u.instrument.price =
        rf_arg_positive(&call->args, RF_P_MARK_price, view.config.price_decimals, 0);
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

rf_error rf_handle_clear_mark_price(rf_call *call)
{
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_CLEAR_MARK_PRICE};
    if (!start_instrument(call, &command, RF_P_INSTRUMENT_instrument_name, &view))
        return call->args.problem;
    return rf_call_apply(call, &command);
}

rf_error rf_handle_set_funding_rate(rf_call *call)
{
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SET_FUNDING_RATE};
    if (!start_instrument(call, &command, RF_P_FUNDING_instrument_name, &view))
        return call->args.problem;
    command.u.instrument.rate = rf_arg_within(&call->args, RF_P_FUNDING_rate, 8, 0, -RF_E8, RF_E8);
    command.u.instrument.rate_given = 1;
    return call->args.problem ? call->args.problem : rf_call_apply(call, &command);
}

rf_error rf_handle_settle_funding(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SETTLE_FUNDING};
    if (!start_instrument(call, &command, RF_P_SETTLE_instrument_name, &view))
        return args->problem;
    command.u.instrument.rate_given = rf_arg_given(args, RF_P_SETTLE_rate);
    command.u.instrument.rate = rf_arg_within(args, RF_P_SETTLE_rate, 8, 0, -RF_E8, RF_E8);
    if (!command.u.instrument.rate_given && view.config.settlement == RF_SETTLEMENT_MANUAL)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "rate");
    return args->problem ? args->problem : rf_call_apply(call, &command);
}

rf_error rf_handle_settle_session(rf_call *call)
{
    rf_instrument_view view;
    rf_command command = {.kind = RF_COMMAND_SETTLE_SESSION};
    if (!start_instrument(call, &command, RF_P_INSTRUMENT_instrument_name, &view))
        return call->args.problem;
    return rf_call_apply(call, &command);
}
