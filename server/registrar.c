#include "server/registrar.h"

#include <stdlib.h>

#include "server/registrar_state.h"

rf_bytes *rf_registrar_record(rf_registrar *registrar)
{
    rf_bytes_init(&registrar->record, registrar->record_memory, sizeof registrar->record_memory,
                  NULL);
    return &registrar->record;
}

rf_error rf_registrar_keep(rf_registrar *registrar)
{
    const rf_bytes *record = &registrar->record;
    bool good =
        !record->full && rf_world_record(registrar->options.world, record->data, record->size);
    return good ? RF_ERR_OK : RF_ERR_ERR_INTERNAL;
}

rf_error rf_registrar_second_factor(rf_registrar *registrar, rf_call *call, unsigned param)
{
    const rf_identity *who = call->request->identity;
    if (!who || !who->page)
        return RF_ERR_OK;
    const rf_user *user = rf_registry_user(registrar->options.world->registry, who->user);
    if (!user)
        return RF_ERR_UNAUTHORIZED;
    if (user->totp_size == 0 ||
        rf_totp_use(registrar->options.vault, user, rf_arg_text(&call->args, param, NULL),
                    call->time_ns / 1000000))
        return RF_ERR_OK;
    rf_args_refuse(&call->args, RF_ERR_UNAUTHORIZED, "totp");
    return RF_ERR_UNAUTHORIZED;
}

static rf_error serve(rf_call *call)
{
    static const struct {
        rf_method_id method;
        rf_registrar_serve serve;
    } rows[] = {
        {RF_M_CREATE_KEY, rf_registrar_create_key},
        {RF_M_REVOKE_KEY, rf_registrar_revoke_key},
        {RF_M_LIST_KEYS, rf_registrar_list_keys},
        {RF_M_OWN_CREATE_KEY, rf_registrar_own_create_key},
        {RF_M_OWN_REVOKE_KEY, rf_registrar_own_revoke_key},
        {RF_M_OWN_LIST_KEYS, rf_registrar_own_list_keys},
        {RF_M_CREATE_USER, rf_registrar_create_user},
        {RF_M_SET_PASSWORD, rf_registrar_set_password},
        {RF_M_ENABLE_TOTP, rf_registrar_enable_totp},
        {RF_M_LIST_USERS, rf_registrar_list_users},
        {RF_M_GET_AUDIT_LOG, rf_registrar_get_audit_log},
        {RF_M_ADD_ADDRESS, rf_registrar_add_address},
        {RF_M_REMOVE_ADDRESS, rf_registrar_remove_address},
        {RF_M_LIST_ADDRESSES, rf_registrar_list_addresses},
        {RF_M_CREATE_WITHDRAWAL, rf_registrar_create_withdrawal},
        {RF_M_GET_WITHDRAWALS, rf_registrar_get_withdrawals},
        {RF_M_SET_TXID, rf_registrar_set_txid},
        {RF_M_SET_WITHDRAWAL_LIMIT, rf_registrar_set_withdrawal_limit},
    };
    rf_registrar *registrar = call->api->servers[RF_SERVICE_REGISTRY].context;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].method == rf_method_number(call->method))
            return rows[i].serve(registrar, call);
    return rf_service_serve(registrar->options.world, call);
}

rf_registrar *rf_registrar_open(const rf_registrar_options *options)
{
    rf_registrar *registrar = calloc(1, sizeof *registrar);
    if (!registrar)
        return NULL;
    registrar->options = *options;
    options->world->api->servers[RF_SERVICE_REGISTRY] =
        (rf_server){.call = serve, .context = registrar};
    return registrar;
}

void rf_registrar_close(rf_registrar *registrar)
{
    free(registrar);
}
