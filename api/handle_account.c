/* Accounts: balances, families, fees, settings. */
#include "api/handlers.h"
#include "api/put.h"

rf_error rf_handle_user_balance(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    rf_encode_balance(call->out, NULL, call->api, call->account, NULL);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

void rf_encode_account(rf_bytes *out, const char *key, const rf_account_view *view)
{
    rf_put_open(out, key, '{');
    rf_put_account(out, "uuid", view->account);
    rf_put_text(out, "hierarchy", view->master ? "SUB_ACCOUNT" : "MASTER");
    rf_put_account(out, "master_account_uuid", view->master ? view->master : view->account);
    rf_put_account(out, "margin_account_uuid", view->account);
    rf_put_text(out, "label", view->label);
    rf_put_bool(out, "enabled", true);
    rf_put_bool(out, "tradable", !view->suspended);
    rf_put_text(out, "name", view->label);
    rf_put_text(out, "email", "");
    rf_put_text(out, "mobile_number", "");
    rf_put_text(out, "country_code", "");
    rf_put_text(out, "address", "");
    rf_put_text(out, "margin_access", "DEFAULT");
    rf_put_text(out, "derivatives_access", "DEFAULT");
    rf_put_ms(out, "create_time", view->create_time_ns);
    rf_put_ms(out, "update_time", view->create_time_ns);
    rf_put_bool(out, "two_fa_enabled", false);
    rf_put_text(out, "kyc_level", "");
    rf_put_bool(out, "suspended", view->suspended);
    rf_put_bool(out, "terminated", false);
    rf_put_close(out, '}');
}

static uint32_t master_of(const rf_account_view *view)
{
    return view->master ? view->master : view->account;
}

static void put_subs(rf_call *call, uint32_t master, int64_t first, int64_t count)
{
    int64_t seen = 0;
    for (uint32_t i = 1; i < rf_accounts_count(call->engine); i++) {
        rf_account_view view;
        if (!rf_view_account(call->engine, i, &view) || view.master != master)
            continue;
        if (seen >= first && seen < first + count)
            rf_encode_account(call->out, NULL, &view);
        seen++;
    }
}

rf_error rf_handle_get_accounts(rf_call *call)
{
    rf_args *args = &call->args;
    rf_account_view self, master;
    int64_t size = rf_arg_int(args, RF_P_PAGE_page_size, 20, 1, 200);
    int64_t page = rf_arg_int(args, RF_P_PAGE_page, 0, 0, 1000000);
    if (args->problem)
        return args->problem;
    if (!rf_view_account(call->engine, call->account, &self) ||
        !rf_view_account(call->engine, master_of(&self), &master))
        return RF_ERR_ERR_INTERNAL;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "this_account", '{');
    rf_put_account(call->out, "uuid", self.account);
    rf_put_text(call->out, "hierarchy", self.master ? "SUB_ACCOUNT" : "MASTER");
    rf_put_close(call->out, '}');
    rf_encode_account(call->out, "master_account", &master);
    rf_put_open(call->out, "sub_account_list", '[');
    put_subs(call, master.account, page * size, size);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_subaccount_balances(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 1; i < rf_accounts_count(call->engine); i++) {
        rf_account_view view;
        if (rf_view_account(call->engine, i, &view) && view.master == call->account)
            rf_encode_balance(call->out, NULL, call->api, i, "account");
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static uint32_t family_of(const rf_engine *engine, uint32_t account)
{
    rf_account_view view;
    return rf_view_account(engine, account, &view) && view.master != 0 ? view.master : account;
}

/* Another family's account is refused as one that does not exist, in every word of the answer. */
static uint32_t decode_family_member(rf_call *call, unsigned param)
{
    int64_t account = rf_decode_account_id(call->engine, rf_arg_text(&call->args, param, ""));
    if (account >= 0 &&
        family_of(call->engine, (uint32_t)account) != family_of(call->engine, call->account))
        account = -1;
    if (account < 0)
        rf_args_refuse(&call->args, RF_ERR_ACCOUNT_DOES_NOT_EXIST, rf_params[param].name);
    return account < 0 ? 0 : (uint32_t)account;
}

rf_error rf_handle_create_subaccount_transfer(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_TRANSFER};
    command.u.money.caller = call->account;
    command.u.money.account = decode_family_member(call, RF_P_TRANSFER_from);
    command.u.money.to = decode_family_member(call, RF_P_TRANSFER_to);
    command.u.money.currency = (uint32_t)rf_decode_currency(call, args, RF_P_TRANSFER_currency);
    command.u.money.amount = rf_arg_positive(args, RF_P_TRANSFER_amount, 8, 0);
    if (args->problem)
        return rf_decode_problem(call, args);
    return rf_call_apply(call, &command);
}

/* ---- Fees ------------------------------------------------------------------------------------ */

/* A rate of e8 is a ten-thousandth as many basis points. */
static void put_bps(rf_bytes *out, const char *key, int64_t rate)
{
    rf_put_decimal(out, key, rate, 4);
}

/* The account's own rates, or the instrument's. */
static void find_rates(rf_call *call, const rf_instrument_config *config, int64_t *maker,
                       int64_t *taker)
{
    rf_account_view view;
    *maker = config->maker_fee_rate;
    *taker = config->taker_fee_rate;
    if (rf_view_account(call->engine, call->account, &view) && view.own_fees) {
        *maker = view.maker_fee_rate;
        *taker = view.taker_fee_rate;
    }
}

/* Without rates of its own the account pays each instrument's; the first one's stand for all. */
rf_error rf_handle_get_fee_rate(rf_call *call)
{
    rf_instrument_view first;
    rf_instrument_config standard = {.maker_fee_rate = 25000, .taker_fee_rate = 40000};
    if (rf_view_instrument(call->engine, 0, &first))
        standard = first.config;
    int64_t maker, taker;
    find_rates(call, &standard, &maker, &taker);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "spot_tier", "1");
    rf_put_text(call->out, "deriv_tier", "1");
    put_bps(call->out, "effective_spot_maker_rate_bps", maker);
    put_bps(call->out, "effective_spot_taker_rate_bps", taker);
    put_bps(call->out, "effective_deriv_maker_rate_bps", maker);
    put_bps(call->out, "effective_deriv_taker_rate_bps", taker);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_instrument_fee_rate(rf_call *call)
{
    rf_instrument_view view;
    if (rf_decode_instrument(call, &call->args, RF_P_INSTRUMENT_instrument_name, &view) < 0)
        return call->args.problem;
    int64_t maker, taker;
    find_rates(call, &view.config, &maker, &taker);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "instrument_name", view.config.name);
    put_bps(call->out, "effective_maker_rate_bps", maker);
    put_bps(call->out, "effective_taker_rate_bps", taker);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_handle_get_fee_credits(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "fee_credits", '[');
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Settings -------------------------------------------------------------------------------- */

rf_error rf_handle_get_account_settings(rf_call *call)
{
    rf_account_view view;
    if (!rf_view_account(call->engine, call->account, &view))
        return RF_ERR_ERR_INTERNAL;
    static const char *const kinds[] = {"M", "M", "T", "B"};
    rf_put_open(call->out, NULL, '[');
    rf_put_open(call->out, NULL, '{');
    rf_put_int(call->out, "leverage", view.leverage);
    rf_put_int(call->out, "stp_id", view.stp_id);
    rf_put_text(call->out, "stp_scope", view.stp_scope == RF_STP_SCOPE_FAMILY ? "M" : "S");
    rf_put_text(call->out, "stp_inst", kinds[view.stp & 3]);
    rf_put_close(call->out, '}');
    rf_put_close(call->out, ']');
    return RF_ERR_OK;
}

static rf_error set_leverage(rf_call *call, uint32_t leverage)
{
    rf_command command = {.kind = RF_COMMAND_SET_ACCOUNT_LEVERAGE};
    command.u.account.account = call->account;
    command.u.account.leverage = leverage;
    return rf_call_apply(call, &command);
}

static void decode_prevention(rf_args *args, rf_command *command, int scope)
{
    static const uint8_t scopes[] = {RF_STP_SCOPE_FAMILY, RF_STP_SCOPE_ACCOUNT,
                                     RF_STP_SCOPE_DEFAULT};
    static const uint8_t kinds[] = {RF_STP_MAKER, RF_STP_TAKER, RF_STP_BOTH};
    int kind = rf_arg_choice(args, RF_P_SETTINGS_stp_inst, -1);
    bool reset = scope == 2;
    if (scope >= 0 && !reset && kind < 0)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "stp_inst");
    if (scope < 0 && kind >= 0)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "stp_scope");
    command->u.account.stp_scope = scope >= 0 ? scopes[scope] : RF_STP_SCOPE_DEFAULT;
    command->u.account.stp = kind >= 0 && !reset ? kinds[kind] : RF_STP_DEFAULT;
    command->u.account.stp_id = (uint16_t)rf_arg_int(args, RF_P_SETTINGS_stp_id, 0, 0, 32767);
}

/* Two commands: the one that can be refused for its value goes first, so that a refusal changes
 * nothing. */
rf_error rf_handle_change_account_settings(rf_call *call)
{
    rf_args *args = &call->args;
    rf_command command = {.kind = RF_COMMAND_SET_STP};
    command.u.account.account = call->account;
    int scope = rf_arg_choice(args, RF_P_SETTINGS_stp_scope, -1);
    decode_prevention(args, &command, scope);
    uint32_t leverage = rf_arg_leverage(args, RF_P_SETTINGS_leverage);
    if (scope < 0 && leverage == 0 && !rf_arg_given(args, RF_P_SETTINGS_leverage))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "stp_scope");
    if (args->problem)
        return rf_decode_problem(call, args);
    rf_error code = leverage ? set_leverage(call, leverage) : RF_ERR_OK;
    if (code == RF_ERR_OK && scope >= 0)
        code = rf_call_apply(call, &command);
    return code;
}

rf_error rf_handle_change_account_leverage(rf_call *call)
{
    rf_args *args = &call->args;
    const char *id = rf_arg_text(args, RF_P_LEVERAGE_account_id, NULL);
    if (id && rf_decode_account_id(call->engine, id) != (int64_t)call->account)
        rf_args_refuse(args, RF_ERR_ACCOUNTS_DO_NOT_MATCH, "account_id");
    if (args->problem)
        return rf_decode_problem(call, args);
    return set_leverage(call, rf_arg_leverage(args, RF_P_LEVERAGE_leverage));
}
