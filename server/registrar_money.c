/* Withdrawals: the list of addresses, who may ask, and what waits for a decision. */
#include <stdlib.h>
#include <string.h>

#include "server/registrar_state.h"

/* ---- Addresses ------------------------------------------------------------------------------- */

static uint32_t count_wallets(const rf_registry *registry, uint32_t account)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rf_registry_wallets_count(registry); i++)
        count += rf_registry_wallet_at(registry, i)->account == account;
    return count;
}

static void put_wallet(rf_call *call, const rf_wallet *wallet)
{
    rf_currency_view currency = {0};
    rf_view_currency(call->engine, wallet->currency, &currency);
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "currency", currency.name);
    rf_put_text(call->out, "address", wallet->address);
    rf_put_text(call->out, "address_tag", wallet->tag);
    rf_put_text(call->out, "network_id", wallet->network);
    rf_put_text(call->out, "label", wallet->label);
    rf_put_ms(call->out, "create_time", wallet->create_time_ns);
    rf_put_ms(call->out, "usable_time", wallet->usable_time_ns);
    rf_put_close(call->out, '}');
}

/* What a key may do to the list is what it may do to the money. */
static rf_error check_right(rf_registrar *registrar, rf_call *call, unsigned totp_param)
{
    const rf_identity *who = call->request->identity;
    if (who && !who->page && !who->addresses_listed)
        return RF_ERR_IP_ILLEGAL; /* a key of an earlier rule: withdrawing demands a list */
    return rf_registrar_second_factor(registrar, call, totp_param);
}

rf_error rf_registrar_add_address(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    const rf_registry *registry = registrar->options.world->registry;
    rf_wallet wallet = {.account = call->account, .create_time_ns = call->time_ns};
    wallet.usable_time_ns = call->time_ns + registrar->options.address_delay_ns;
    wallet.currency = (uint32_t)rf_decode_currency(call, args, RF_P_NEW_ADDRESS_currency);
    rf_service_text(args, RF_P_NEW_ADDRESS_address, wallet.address, sizeof wallet.address, "");
    rf_service_text(args, RF_P_NEW_ADDRESS_address_tag, wallet.tag, sizeof wallet.tag, "");
    rf_service_text(args, RF_P_NEW_ADDRESS_network_id, wallet.network, sizeof wallet.network,
                    rf_arg_text(args, RF_P_NEW_ADDRESS_currency, ""));
    rf_service_text(args, RF_P_NEW_ADDRESS_label, wallet.label, sizeof wallet.label, "");
    if (wallet.address[0] == '\0')
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "address");
    if (args->problem)
        return rf_decode_problem(call, args);
    if (rf_registry_wallet(registry, wallet.account, wallet.currency, wallet.address, wallet.tag) ||
        count_wallets(registry, wallet.account) >= RF_WALLETS_PER_ACCOUNT_MAX)
        return RF_ERR_INVALID_REQUEST;
    rf_error code = check_right(registrar, call, RF_P_NEW_ADDRESS_totp);
    if (code != RF_ERR_OK)
        return code;
    rf_record_wallet(rf_registrar_record(registrar), &wallet);
    code = rf_registrar_keep(registrar);
    if (code == RF_ERR_OK)
        put_wallet(call, &wallet);
    return code;
}

/* Another account's address is as absent as one that nobody has. */
rf_error rf_registrar_remove_address(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    uint32_t currency = (uint32_t)rf_decode_currency(call, args, RF_P_OLD_ADDRESS_currency);
    if (args->problem)
        return rf_decode_problem(call, args);
    const rf_wallet *wallet =
        rf_registry_wallet(registrar->options.world->registry, call->account, currency,
                           rf_arg_text(args, RF_P_OLD_ADDRESS_address, ""),
                           rf_arg_text(args, RF_P_OLD_ADDRESS_address_tag, ""));
    if (!wallet)
        return RF_ERR_NOT_FOUND;
    rf_record_wallet_removed(rf_registrar_record(registrar), wallet);
    return rf_registrar_keep(registrar);
}

rf_error rf_registrar_list_addresses(rf_registrar *registrar, rf_call *call)
{
    const rf_registry *registry = registrar->options.world->registry;
    int currency = -1;
    if (rf_arg_given(&call->args, RF_P_ADDRESSES_currency))
        currency = rf_decode_currency(call, &call->args, RF_P_ADDRESSES_currency);
    if (call->args.problem)
        return call->args.problem;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_registry_wallets_count(registry); i++) {
        const rf_wallet *wallet = rf_registry_wallet_at(registry, i);
        if (wallet->account == call->account &&
            (currency < 0 || wallet->currency == (uint32_t)currency))
            put_wallet(call, wallet);
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Withdrawals ----------------------------------------------------------------------------- */

/* Where the money may go is decided before the engine is asked whether there is any. */
rf_error rf_registrar_create_withdrawal(rf_registrar *registrar, rf_call *call)
{
    rf_withdrawal_note note = rf_service_withdrawal(call);
    if (call->args.problem)
        return rf_decode_problem(call, &call->args);
    const rf_wallet *wallet = rf_registry_wallet(registrar->options.world->registry, call->account,
                                                 note.currency, note.address, note.tag);
    if (!wallet || wallet->usable_time_ns > call->time_ns) {
        rf_args_refuse(&call->args, RF_ERR_USER_TIER_INVALID, "address");
        return RF_ERR_USER_TIER_INVALID;
    }
    rf_error code = check_right(registrar, call, RF_P_WITHDRAWAL_totp);
    return code ? code : rf_service_serve(registrar->options.world, call);
}

static void put_waiting(rf_call *call, const rf_withdrawal_view *view,
                        const rf_withdrawal_note *note)
{
    rf_currency_view currency = {0};
    rf_account_view account = {0};
    rf_view_currency(call->engine, view->currency, &currency);
    rf_view_account(call->engine, view->account, &account);
    rf_put_open(call->out, NULL, '{');
    rf_put_id(call->out, "id", view->id);
    rf_put_text(call->out, "account", account.label);
    rf_put_account(call->out, "account_id", view->account);
    rf_put_text(call->out, "currency", currency.name);
    rf_put_money(call->out, "amount", view->amount);
    rf_put_text(call->out, "address", note ? note->address : "");
    rf_put_text(call->out, "address_tag", note ? note->tag : "");
    rf_put_text(call->out, "network_id", note ? note->network : "");
    rf_put_text(call->out, "client_wid", note ? note->client_wid : "");
    rf_put_ms(call->out, "create_time", view->time_ns);
    rf_put_close(call->out, '}');
}

rf_error rf_registrar_get_withdrawals(rf_registrar *registrar, rf_call *call)
{
    const rf_world *world = registrar->options.world;
    size_t max = world->limits.withdrawals_max;
    rf_withdrawal_view *views = calloc(max, sizeof *views);
    if (!views)
        return RF_ERR_ERR_INTERNAL;
    size_t count = rf_view_withdrawals(call->engine, views, max);
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (size_t i = 0; i < count && i < max; i++)
        put_waiting(call, &views[i], rf_registry_note(world->registry, views[i].id));
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    free(views);
    return RF_ERR_OK;
}

rf_error rf_registrar_set_txid(rf_registrar *registrar, rf_call *call)
{
    char txid[RF_TXID_SIZE] = "";
    uint64_t id = rf_arg_id(&call->args, RF_P_TXID_id, 0);
    rf_service_text(&call->args, RF_P_TXID_txid, txid, sizeof txid, "");
    if (call->args.problem)
        return call->args.problem;
    if (!rf_registry_note(registrar->options.world->registry, id))
        return RF_ERR_NOT_FOUND;
    rf_record_txid(rf_registrar_record(registrar), id, txid);
    return rf_registrar_keep(registrar);
}

rf_error rf_registrar_set_withdrawal_limit(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    rf_day_limit limit = {0};
    if (rf_arg_given(args, RF_P_DAY_LIMIT_account))
        limit.account = (uint32_t)rf_decode_account(call, args, RF_P_DAY_LIMIT_account);
    limit.currency = (uint32_t)rf_decode_currency(call, args, RF_P_DAY_LIMIT_currency);
    limit.amount = rf_arg_within(args, RF_P_DAY_LIMIT_amount, 8, -1, 0, INT64_MAX);
    if (args->problem)
        return args->problem;
    rf_record_day_limit(rf_registrar_record(registrar), &limit);
    return rf_registrar_keep(registrar);
}
