/* Parameters that many methods share: instruments, currencies, accounts, client names. */
#include <string.h>

#include "api/handlers.h"

int rf_decode_instrument(rf_call *call, rf_args *args, unsigned param, rf_instrument_view *view)
{
    const char *name = rf_arg_text(args, param, NULL);
    if (!name)
        return -1;
    int instrument = rf_find_instrument(call->engine, name);
    if (instrument < 0 || !rf_view_instrument(call->engine, (uint32_t)instrument, view)) {
        rf_args_refuse(args, RF_ERR_INVALID_INSTRUMENT, rf_params[param].name);
        return -1;
    }
    return instrument;
}

int rf_decode_currency(rf_call *call, rf_args *args, unsigned param)
{
    const char *name = rf_arg_text(args, param, "");
    int currency = rf_find_currency(call->engine, name);
    if (currency < 0)
        rf_args_refuse(args, RF_ERR_INVALID_CURRENCY, rf_params[param].name);
    return currency;
}

int64_t rf_decode_account_id(const rf_engine *engine, const char *text)
{
    static const char head[] = "00000000-0000-4000-8000-";
    if (strlen(text) != 36 || memcmp(text, head, sizeof head - 1) != 0)
        return -1;
    int64_t account = 0;
    for (const char *c = text + sizeof head - 1; *c; c++) {
        int digit = rf_hex_digit(*c);
        if (digit < 0)
            return -1;
        account = account * 16 + digit;
    }
    return account >= 1 && account < (int64_t)rf_accounts_count(engine) ? account : -1;
}

int64_t rf_decode_account(rf_call *call, rf_args *args, unsigned param)
{
    const char *text = rf_arg_text(args, param, NULL);
    if (!text)
        return -1;
    int64_t account = rf_find_account(call->engine, text);
    if (account < 0)
        account = rf_decode_account_id(call->engine, text);
    if (account < 0)
        rf_args_refuse(args, RF_ERR_ACCOUNT_DOES_NOT_EXIST, rf_params[param].name);
    return account;
}

/* Printable, because it goes back out in answers and logs; UTF-8 above ASCII is the client's
 * business. */
void rf_decode_oid(rf_args *args, unsigned param, char oid[RF_CLIENT_OID_SIZE])
{
    const char *text = rf_arg_text(args, param, NULL);
    if (!text)
        return;
    size_t size = strlen(text);
    bool good = size >= 1 && size <= 36;
    for (size_t i = 0; good && i < size; i++)
        good = (unsigned char)text[i] >= ' ' && text[i] != 127;
    if (!good) {
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, rf_params[param].name);
        return;
    }
    memcpy(oid, text, size);
}

rf_error rf_decode_problem(rf_call *call, const rf_args *args)
{
    if (args->problem == RF_ERR_OK || call->method->door != RF_DOOR_PRIVATE ||
        !(call->method->flags & RF_METHOD_CHANGE))
        return args->problem;
    rf_account_view view;
    if (rf_error_row(args->problem) > rf_error_row(RF_ERR_ACCOUNT_IS_SUSPENDED) &&
        rf_view_account(call->engine, call->account, &view) && view.suspended)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    return args->problem;
}
