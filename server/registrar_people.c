/* Who may log in, and what is in the audit log. */
#include <sodium.h>
#include <string.h>

#include "server/registrar_state.h"

/* Its hash was made beside the loop, or is made here: where a call comes from inside. */
static bool good_password(rf_call *call, unsigned param, char hash[RF_PASSWORD_HASH_SIZE])
{
    rf_args *args = &call->args;
    const char *made = call->request->password_hash;
    const char *password = rf_arg_text(args, param, "");
    size_t size = strlen(password);
    if (size < RF_PASSWORD_MIN || size > RF_PASSWORD_MAX)
        return rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "password");
    if (args->problem) /* the work is for what is good otherwise */
        return false;
    if (made)
        memcpy(hash, made, RF_PASSWORD_HASH_SIZE);
    bool good = made ? made[0] != '\0' : rf_password_hash(password, hash);
    return good || rf_args_refuse(args, RF_ERR_ERR_INTERNAL, NULL);
}

/* RFC 4648, capitals, as applications for codes want it: 20 bytes are 32 letters. */
static void encode_base32(const uint8_t secret[RF_TOTP_SECRET_SIZE], char text[33])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0, bits = 0, at = 0;
    for (unsigned i = 0; i < RF_TOTP_SECRET_SIZE; i++) {
        held = held << 8 | secret[i];
        for (bits += 8; bits >= 5; bits -= 5)
            text[at++] = alphabet[held >> (bits - 5) & 31];
    }
    text[at] = '\0';
}

static void make_totp(const rf_registrar *registrar, rf_user *user, char text[33])
{
    uint8_t secret[RF_TOTP_SECRET_SIZE];
    rf_random_bytes(secret, sizeof secret);
    user->totp_size =
        (uint16_t)rf_vault_seal(registrar->options.vault, secret, sizeof secret, user->totp);
    encode_base32(secret, text);
    sodium_memzero(secret, sizeof secret);
}

static rf_error keep_user(rf_registrar *registrar, const rf_user *user)
{
    rf_record_user(rf_registrar_record(registrar), user);
    return rf_registrar_keep(registrar);
}

static const char *role_name(unsigned role)
{
    static const char *const names[] = {"NONE", "TRADER", "VIEWER", "SUPPORT", "RISK", "ADMIN"};
    return names[role];
}

/* totp NULL: its secret is not shown. */
static void put_user(rf_call *call, const rf_user *user, const char *totp)
{
    rf_account_view account;
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "name", user->name);
    rf_put_text(call->out, "role", role_name(user->role));
    if (user->account > 0 && rf_view_account(call->engine, user->account, &account))
        rf_put_text(call->out, "account", account.label);
    rf_put_bool(call->out, "totp", user->totp_size > 0);
    if (totp)
        rf_put_text(call->out, "totp_secret", totp);
    rf_put_ms(call->out, "create_time", user->create_time_ns);
    rf_put_close(call->out, '}');
}

rf_error rf_registrar_create_user(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    rf_user user = {.create_time_ns = call->time_ns};
    char totp[33] = "";
    user.role = (uint8_t)(RF_ROLE_TRADER + rf_arg_choice(args, RF_P_NEW_USER_role, 0));
    rf_service_text(args, RF_P_NEW_USER_name, user.name, sizeof user.name, "");
    bool taken = rf_registry_user(registrar->options.world->registry, user.name) != NULL;
    if (taken || user.name[0] == '\0')
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "name");
    bool has_account = rf_arg_given(args, RF_P_NEW_USER_account);
    if (has_account != (user.role == RF_ROLE_TRADER))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "account");
    else if (has_account)
        user.account = (uint32_t)rf_decode_account(call, args, RF_P_NEW_USER_account);
    if (!good_password(call, RF_P_NEW_USER_password, user.password_hash))
        return args->problem;
    bool with_totp = rf_arg_bool(args, RF_P_NEW_USER_totp, false);
    if (with_totp)
        make_totp(registrar, &user, totp);
    rf_error code = keep_user(registrar, &user);
    if (code == RF_ERR_OK)
        put_user(call, &user, with_totp ? totp : NULL);
    sodium_memzero(totp, sizeof totp);
    return code;
}

/* A copy to be changed and recorded anew. */
static bool find_user(const rf_registrar *registrar, rf_call *call, unsigned param, rf_user *user)
{
    const char *name = rf_arg_text(&call->args, param, "");
    const rf_user *found = rf_registry_user(registrar->options.world->registry, name);
    if (found)
        *user = *found;
    return found != NULL;
}

rf_error rf_registrar_set_password(rf_registrar *registrar, rf_call *call)
{
    rf_user user;
    if (!find_user(registrar, call, RF_P_PASSWORD_name, &user))
        return RF_ERR_NOT_FOUND;
    if (!good_password(call, RF_P_PASSWORD_password, user.password_hash))
        return call->args.problem;
    return keep_user(registrar, &user);
}

rf_error rf_registrar_enable_totp(rf_registrar *registrar, rf_call *call)
{
    rf_user user;
    char totp[33] = "";
    if (!find_user(registrar, call, RF_P_TOTP_name, &user))
        return RF_ERR_NOT_FOUND;
    bool enabled = rf_arg_bool(&call->args, RF_P_TOTP_enabled, true);
    user.totp_size = 0;
    memset(user.totp, 0, sizeof user.totp);
    if (enabled)
        make_totp(registrar, &user, totp);
    rf_error code = keep_user(registrar, &user);
    if (code == RF_ERR_OK)
        put_user(call, &user, enabled ? totp : NULL);
    sodium_memzero(totp, sizeof totp);
    return code;
}

rf_error rf_registrar_list_users(rf_registrar *registrar, rf_call *call)
{
    const rf_registry *registry = registrar->options.world->registry;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_registry_users_count(registry); i++)
        put_user(call, rf_registry_user_at(registry, i), NULL);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

rf_error rf_registrar_get_audit_log(rf_registrar *registrar, rf_call *call)
{
    int64_t count = rf_arg_int(&call->args, RF_P_AUDIT_count, 100, 1, 500);
    if (call->args.problem)
        return call->args.problem;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    if (registrar->options.audit)
        rf_audit_latest(registrar->options.audit, (unsigned)count, call->out);
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}
