/* API keys: made, revoked, listed, by operators and by accounts for themselves. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "server/registrar_state.h"

enum {
    KEY_LETTERS = 26,    /* 130 bits */
    SECRET_LETTERS = 52, /* 260 bits */
};

/* The texts of a parameter that takes one or an array of them. */
static uint32_t texts_count(const rf_json *json, uint32_t token)
{
    if (token == 0)
        return 0;
    return json->tokens[token].kind == RF_JSON_ARRAY ? json->tokens[token].count : 1;
}

static const char *text_at(const rf_json *json, uint32_t token, uint32_t n)
{
    bool array = json->tokens[token].kind == RF_JSON_ARRAY;
    return rf_json_text(json, array ? rf_json_element(json, token, n) : token);
}

static void read_scopes(rf_args *args, unsigned param, uint32_t absent, rf_api_key *key)
{
    uint32_t token = rf_arg(args, param);
    key->scopes = 0;
    for (uint32_t i = 0; i < texts_count(args->json, token); i++) {
        int choice = rf_choice("read|trade|withdraw", text_at(args->json, token, i));
        if (choice >= 0)
            key->scopes |= 1u << choice;
    }
    if (key->scopes == 0)
        key->scopes = absent;
}

static void read_addresses(rf_args *args, unsigned param, rf_api_key *key)
{
    uint32_t token = rf_arg(args, param), count = texts_count(args->json, token);
    bool good = count <= RF_KEY_ADDRESSES_MAX;
    for (uint32_t i = 0; i < count && good; i++) {
        const char *text = text_at(args->json, token, i);
        good = strlen(text) < RF_ADDRESS_TEXT_SIZE && rf_address_good(text);
        if (good)
            snprintf(key->addresses[i], RF_ADDRESS_TEXT_SIZE, "%s", text);
    }
    /* Money leaves for a list of places only, and at the word of a list of callers only. */
    if (!good || (count == 0 && (key->scopes & RF_SCOPE_WITHDRAW)))
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "ip_list");
    key->addresses_count = (uint8_t)(good ? count : 0);
}

static uint32_t count_keys(const rf_registry *registry, uint32_t account)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rf_registry_keys_count(registry); i++) {
        const rf_api_key *key = rf_registry_key_at(registry, i);
        count += key->account == account && !key->revoked;
    }
    return count;
}

/* 1 read, 2 trade, 4 withdraw: as the answer lists them. */
static void put_scopes(rf_bytes *out, uint32_t scopes)
{
    rf_put_open(out, "scopes", '[');
    if (scopes & RF_SCOPE_READ)
        rf_put_text(out, NULL, "read");
    if (scopes & RF_SCOPE_TRADE)
        rf_put_text(out, NULL, "trade");
    if (scopes & RF_SCOPE_WITHDRAW)
        rf_put_text(out, NULL, "withdraw");
    rf_put_close(out, ']');
}

static void put_key(rf_call *call, const rf_api_key *key, const char *secret)
{
    rf_bytes *out = call->out;
    rf_account_view account;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "api_key", key->key);
    if (secret)
        rf_put_text(out, "secret", secret);
    rf_put_text(out, "label", key->label);
    if (rf_view_account(call->engine, key->account, &account))
        rf_put_text(out, "account", account.label);
    rf_put_account(out, "account_id", key->account);
    put_scopes(out, key->scopes);
    rf_put_open(out, "ip_list", '[');
    for (unsigned i = 0; i < key->addresses_count; i++)
        rf_put_text(out, NULL, key->addresses[i]);
    rf_put_close(out, ']');
    rf_put_bool(out, "revoked", key->revoked);
    rf_put_ms(out, "create_time", key->create_time_ns);
    rf_put_close(out, '}');
}

/* The key and its secret are random; what is kept of the secret is sealed. */
static rf_error make_key(rf_registrar *registrar, rf_call *call, rf_api_key *key)
{
    char secret[SECRET_LETTERS + 1];
    if (count_keys(registrar->options.world->registry, key->account) >= RF_KEYS_PER_ACCOUNT_MAX)
        return RF_ERR_INVALID_REQUEST;
    key->create_time_ns = call->time_ns;
    rf_random_text(key->key, KEY_LETTERS);
    rf_random_text(secret, SECRET_LETTERS);
    key->sealed_size =
        (uint16_t)rf_vault_seal(registrar->options.vault, secret, SECRET_LETTERS, key->sealed);
    rf_record_key(rf_registrar_record(registrar), key);
    rf_error code = rf_registrar_keep(registrar);
    if (code == RF_ERR_OK)
        put_key(call, key, secret);
    sodium_memzero(secret, sizeof secret);
    return code;
}

rf_error rf_registrar_create_key(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    rf_api_key key = {0};
    int64_t account = rf_decode_account(call, args, RF_P_NEW_KEY_account);
    rf_service_text(args, RF_P_NEW_KEY_label, key.label, sizeof key.label, "");
    read_scopes(args, RF_P_NEW_KEY_scopes, RF_SCOPE_READ | RF_SCOPE_TRADE, &key);
    read_addresses(args, RF_P_NEW_KEY_ip_list, &key);
    if (account == 0) /* the insurance fund trades by itself */
        rf_args_refuse(args, RF_ERR_ACCOUNT_DOES_NOT_EXIST, "account");
    if (args->problem)
        return args->problem;
    key.account = (uint32_t)account;
    return make_key(registrar, call, &key);
}

/* A key makes no keys: whoever steals one must not be able to stay. */
rf_error rf_registrar_own_create_key(rf_registrar *registrar, rf_call *call)
{
    rf_args *args = &call->args;
    rf_api_key key = {.account = call->account};
    rf_service_text(args, RF_P_OWN_KEY_label, key.label, sizeof key.label, "");
    read_scopes(args, RF_P_OWN_KEY_scopes, RF_SCOPE_READ, &key);
    read_addresses(args, RF_P_OWN_KEY_ip_list, &key);
    if (args->problem)
        return args->problem;
    rf_error code = rf_registrar_second_factor(registrar, call, RF_P_OWN_KEY_totp);
    return code ? code : make_key(registrar, call, &key);
}

static rf_error revoke(rf_registrar *registrar, const rf_api_key *key)
{
    if (!key || key->revoked)
        return RF_ERR_NOT_FOUND;
    rf_record_revoke(rf_registrar_record(registrar), key->key);
    return rf_registrar_keep(registrar);
}

rf_error rf_registrar_revoke_key(rf_registrar *registrar, rf_call *call)
{
    const char *name = rf_arg_text(&call->args, RF_P_KEY_api_key, "");
    return revoke(registrar, rf_registry_key(registrar->options.world->registry, name));
}

rf_error rf_registrar_own_revoke_key(rf_registrar *registrar, rf_call *call)
{
    const char *name = rf_arg_text(&call->args, RF_P_KEY_api_key, "");
    const rf_api_key *key = rf_registry_key(registrar->options.world->registry, name);
    return revoke(registrar, key && key->account == call->account ? key : NULL);
}

/* account -1 = everybody's. */
static void put_keys(const rf_registrar *registrar, rf_call *call, int64_t account)
{
    const rf_registry *registry = registrar->options.world->registry;
    rf_put_open(call->out, NULL, '{');
    rf_put_open(call->out, "data", '[');
    for (uint32_t i = 0; i < rf_registry_keys_count(registry); i++) {
        const rf_api_key *key = rf_registry_key_at(registry, i);
        if (account < 0 || key->account == account)
            put_key(call, key, NULL);
    }
    rf_put_close(call->out, ']');
    rf_put_close(call->out, '}');
}

rf_error rf_registrar_list_keys(rf_registrar *registrar, rf_call *call)
{
    int64_t account = -1;
    if (rf_arg_given(&call->args, RF_P_KEYS_account))
        account = rf_decode_account(call, &call->args, RF_P_KEYS_account);
    if (call->args.problem)
        return call->args.problem;
    put_keys(registrar, call, account);
    return RF_ERR_OK;
}

rf_error rf_registrar_own_list_keys(rf_registrar *registrar, rf_call *call)
{
    put_keys(registrar, call, call->account);
    return RF_ERR_OK;
}
