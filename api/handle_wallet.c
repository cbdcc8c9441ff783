/* Wallet: addresses of deposits, networks. Withdrawals are the venue's (venue/service.c). */
#include "api/handlers.h"
#include "api/put.h"

/* The venue's custody is the operator's; deposits are booked by account. */
rf_error rf_handle_get_deposit_address(rf_call *call)
{
    if (rf_decode_currency(call, &call->args, RF_P_CURRENCY_currency) < 0)
        return call->args.problem;
    const char *currency = rf_arg_text(&call->args, RF_P_CURRENCY_currency, "");
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "deposit_address_list", '[');
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "currency", currency);
    rf_put_int(call->out, "create_time", 0);
    rf_put_id(call->out, "id", call->account);
    rf_put_account(call->out, "address", call->account);
    rf_put_text(call->out, "status", "1");
    rf_put_text(call->out, "network", currency);
    rf_put_close(call->out, '}');
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static void put_network(rf_bytes *out, const char *name)
{
    rf_put_open(out, name, '{');
    rf_put_text(out, "full_name", name);
    rf_put_text(out, "default_network", name);
    rf_put_open(out, "network_list", '[');
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "network_id", name);
    rf_put_money(out, "withdrawal_fee", 0);
    rf_put_bool(out, "withdraw_enabled", true);
    rf_put_decimal(out, "min_withdrawal_amount", 1, 8);
    rf_put_bool(out, "deposit_enabled", true);
    rf_put_int(out, "confirmation_required", 0);
    rf_put_close(out, '}');
    rf_put_close(out, ']');
    rf_put_close(out, '}');
}

rf_error rf_handle_get_currency_networks(rf_call *call)
{
    rf_put_open(call->out, NULL, '{');
    rf_put_ms(call->out, "update_time", call->time_ns);
    rf_put_open(call->out, "currency_map", '{');
    for (uint32_t i = 0; i < rf_currencies_count(call->engine); i++) {
        rf_currency_view view;
        if (rf_view_currency(call->engine, i, &view))
            put_network(call->out, view.name);
    }
    rf_put_close(call->out, '}');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}
