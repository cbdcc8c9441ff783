/* server/registrar.h, server/audit.h: every method about keys, people, addresses and withdrawals, in a
 * world without a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/password.h"
#include "server/registrar.h"
#include "server/sign.h"
#include "server/totp.h"

#define HOUR_NS 3600000000000LL

static rf_world world;
static rf_vault *vault;
static rf_auth *auth;
static rf_registrar *registrar;
static rf_json json;
static rf_json_token tokens[RF_JSON_TOKENS_MAX];
static char text[RF_JSON_TEXT_MAX], answer_memory[1 << 20];
static int64_t now_ns;

static const rf_limits limits = {
    .accounts_max = 16,
    .instruments_max = 4,
    .positions_max = 16,
    .orders_max = 16,
    .recent_max = 16,
    .withdrawals_max = 4,
    .window_ticks = 4096,
    .watch_buckets = 4096,
};

/* The code; the answer's text stays in answer_memory. */
static rf_error call(const rf_caller *caller, const rf_identity *who, const char *method,
                     const char *params)
{
    char whole[8192];
    rf_bytes out;
    snprintf(whole, sizeof whole, "{\"params\":%s}", params);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    const rf_request request = {
        .caller = *caller,
        .time_ns = now_ns,
        .id = 1,
        .method = method,
        .json = &json,
        .params = rf_json_member(&json, 0, "params"),
        .identity = who,
    };
    rf_bytes_init(&out, answer_memory, sizeof answer_memory - 1, NULL);
    rf_error code = rf_api_call(world.api, &request, &out);
    answer_memory[out.size] = '\0';
    return code;
}

static rf_error operate(const char *method, const char *params)
{
    return call(&(rf_caller){.door = RF_DOOR_OPERATOR}, NULL, method, params);
}

/* As the account with this number, by a key that is bound to addresses. */
static rf_error ask(uint32_t account, const char *method, const char *params)
{
    rf_identity who = {.account = account, .addresses_listed = true, .api_key = "k"};
    return call(&(rf_caller){.door = RF_DOOR_PRIVATE, .account = account}, &who, method, params);
}

/* As somebody who logged in. */
static rf_error browse(uint32_t account, const char *user, const char *method, const char *params)
{
    rf_identity who = {.account = account, .page = true};
    snprintf(who.user, sizeof who.user, "%s", user);
    return call(&(rf_caller){.door = RF_DOOR_PRIVATE, .account = account}, &who, method, params);
}

static void shows(const char *expected)
{
    if (!strstr(answer_memory, expected))
        fail_msg("no %s in %s", expected, answer_memory);
}

static void hides(const char *unexpected)
{
    if (strstr(answer_memory, unexpected))
        fail_msg("%s in %s", unexpected, answer_memory);
}

/* A text member of the answer, by the first place where its name stands. */
static void take(const char *name, char *to, size_t size)
{
    char start[64];
    snprintf(start, sizeof start, "\"%s\":\"", name);
    const char *at = strstr(answer_memory, start);
    assert_non_null(at);
    at += strlen(start);
    size_t length = strcspn(at, "\"");
    assert_true(length < size);
    memcpy(to, at, length);
    to[length] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    char error[256];
    now_ns = 1700000000000000000LL;
    vault = rf_vault_open(NULL, error);
    assert_true(rf_world_open(&world, &limits, false));
    registrar = rf_registrar_open(
        &(rf_registrar_options){.world = &world, .vault = vault, .address_delay_ns = 24 * HOUR_NS});
    auth = rf_auth_open(world.registry, vault, 0);
    assert_non_null(registrar);
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    assert_int_equal(operate("operator/create-account", "{\"account\":\"alice\"}"), 0);
    assert_int_equal(operate("operator/create-account", "{\"account\":\"bob\"}"), 0);
    assert_int_equal(operate("operator/deposit",
                             "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"1000\"}"),
                     0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rf_auth_close(auth);
    rf_registrar_close(registrar);
    rf_world_close(&world);
    rf_vault_close(vault);
    return 0;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static rf_error sign_with(const char *key, const char *secret, rf_identity *identity)
{
    static int64_t nonce = 1700000000000;
    char digits[32], signature[RF_SIGNATURE_TEXT];
    snprintf(digits, sizeof digits, "%lld", (long long)nonce++);
    rf_credentials given = {
        .call = {.method = "private/user-balance",
                 .id = "1",
                 .api_key = key,
                 .nonce = digits,
                 .json = &json},
        .sig = signature,
        .address = "10.0.0.1",
        .method = rf_method_find("private/user-balance"),
        .time_ns = 1700000000000000000LL,
    };
    rf_signer *signer = rf_signer_open(secret, strlen(secret));
    assert_true(rf_sign(signer, &given.call, signature));
    rf_signer_close(signer);
    return rf_auth_check(auth, &given, identity);
}

/* NEW_KEY.account NEW_KEY.label NEW_KEY.scopes NEW_KEY.ip_list KEYS.account KEY.api_key */
static void operators_make_keys(void **state)
{
    (void)state;
    char key[64], secret[64], params[256];
    rf_identity identity;
    assert_int_equal(operate("operator/create-api-key",
                             "{\"account\":\"alice\",\"label\":\"desk\",\"scopes\":[\"read\","
                             "\"withdraw\"],\"ip_list\":[\"10.0.0.0/8\",\"::1\"]}"),
                     0);
    shows("\"account\":\"alice\"");
    shows("\"label\":\"desk\"");
    shows("\"scopes\":[\"read\",\"withdraw\"]");
    shows("\"ip_list\":[\"10.0.0.0/8\",\"::1\"]");
    take("api_key", key, sizeof key);
    take("secret", secret, sizeof secret);
    assert_int_equal(sign_with(key, secret, &identity), 0);
    assert_int_equal(identity.account, 1);
    assert_int_equal(identity.scopes, RF_SCOPE_READ | RF_SCOPE_WITHDRAW);
    assert_true(identity.addresses_listed);
    assert_int_equal(sign_with(key, "another", &identity), RF_ERR_UNAUTHORIZED);
    assert_int_equal(operate("operator/create-api-key", "{\"account\":\"bob\"}"), 0);
    shows("\"scopes\":[\"read\",\"trade\"],\"ip_list\":[]");
    /* The secret was shown once. */
    assert_int_equal(operate("operator/list-api-keys", "{}"), 0);
    shows(key);
    shows("\"account\":\"bob\"");
    hides("\"secret\"");
    hides(secret);
    assert_int_equal(operate("operator/list-api-keys", "{\"account\":\"bob\"}"), 0);
    hides(key);
    snprintf(params, sizeof params, "{\"api_key\":\"%s\"}", key);
    assert_int_equal(operate("operator/revoke-api-key", params), 0);
    assert_int_equal(operate("operator/revoke-api-key", params), RF_ERR_NOT_FOUND);
    assert_int_equal(sign_with(key, secret, &identity), RF_ERR_UNAUTHORIZED);
    assert_int_equal(operate("operator/list-api-keys", "{}"), 0);
    shows("\"revoked\":true");
}

static void keys_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        rf_error code;
    } rows[] = {
        {"{}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"account\":\"nobody\"}", RF_ERR_ACCOUNT_DOES_NOT_EXIST},
        {"{\"account\":\"alice\",\"scopes\":[\"fly\"]}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"account\":\"alice\",\"scopes\":[\"withdraw\"]}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"account\":\"alice\",\"ip_list\":[\"ten\"]}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"account\":\"alice\",\"ip_list\":[1]}", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"account\":\"alice\",\"ip_list\":[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\","
         "\"1.1.1.5\",\"1.1.1.6\",\"1.1.1.7\",\"1.1.1.8\",\"1.1.1.9\"]}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(operate("operator/create-api-key", rows[i].params), rows[i].code);
    assert_int_equal(rf_registry_keys_count(world.registry), 0);
}

/* OWN_KEY.label OWN_KEY.scopes OWN_KEY.ip_list OWN_KEY.totp */
static void people_make_their_own_keys(void **state)
{
    (void)state;
    char key[64], params[256];
    assert_int_equal(operate("operator/create-user", "{\"name\":\"alice\",\"account\":\"alice\","
                                                     "\"password\":\"correct horse\"}"),
                     0);
    assert_int_equal(browse(1, "alice", "private/x/create-api-key",
                            "{\"label\":\"mine\",\"scopes\":\"trade\",\"ip_list\":[\"10.0.0.1\"]}"),
                     0);
    shows("\"label\":\"mine\"");
    shows("\"scopes\":[\"trade\"],\"ip_list\":[\"10.0.0.1\"]");
    take("api_key", key, sizeof key);
    assert_int_equal(browse(1, "alice", "private/x/list-api-keys", "{}"), 0);
    shows(key);
    snprintf(params, sizeof params, "{\"api_key\":\"%s\"}", key);
    /* Another account's key is as absent as no key. */
    assert_int_equal(browse(2, "bob", "private/x/revoke-api-key", params), RF_ERR_NOT_FOUND);
    assert_int_equal(browse(2, "bob", "private/x/revoke-api-key", "{\"api_key\":\"none\"}"),
                     RF_ERR_NOT_FOUND);
    assert_int_equal(browse(2, "bob", "private/x/list-api-keys", "{}"), 0);
    hides(key);
    assert_int_equal(browse(1, "alice", "private/x/revoke-api-key", params), 0);
    /* A key cannot make keys. */
    rf_identity by_key = {.account = 1, .scopes = 7, .api_key = "k"};
    assert_int_equal(rf_auth_permit(auth, &by_key, rf_method_find("private/x/create-api-key")),
                     RF_ERR_UNAUTHORIZED);
}

/* ---- People ---------------------------------------------------------------------------------- */

/* NEW_USER.name NEW_USER.role NEW_USER.account NEW_USER.password NEW_USER.totp
 * PASSWORD.name PASSWORD.password TOTP.name TOTP.enabled */
static void operators_keep_users(void **state)
{
    (void)state;
    assert_int_equal(operate("operator/create-user",
                             "{\"name\":\"risk\",\"role\":\"RISK\","
                             "\"password\":\"correct horse\",\"totp\":true}"),
                     0);
    shows("\"role\":\"RISK\"");
    shows("\"totp\":true,\"totp_secret\":\"");
    assert_int_equal(operate("operator/list-users", "{}"), 0);
    shows("\"name\":\"risk\"");
    hides("totp_secret");
    hides("argon2");
    char before[RF_PASSWORD_HASH_SIZE];
    memcpy(before, rf_registry_user(world.registry, "risk")->password_hash, sizeof before);
    assert_int_equal(
        operate("operator/set-password", "{\"name\":\"risk\",\"password\":\"battery staple\"}"), 0);
    const rf_user *user = rf_registry_user(world.registry, "risk");
    assert_string_not_equal(user->password_hash, before);
    assert_int_equal(user->version, 1); /* sessions of before are over */
    assert_true(rf_password_check(user->password_hash, "battery staple"));
    assert_false(rf_password_check(user->password_hash, "correct horse"));
    assert_true(strncmp(user->password_hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0);
    assert_int_equal(operate("operator/enable-totp", "{\"name\":\"risk\",\"enabled\":false}"), 0);
    assert_int_equal(rf_registry_user(world.registry, "risk")->totp_size, 0);
    assert_int_equal(operate("operator/enable-totp", "{\"name\":\"risk\"}"), 0);
    shows("totp_secret");
    assert_int_equal(operate("operator/enable-totp", "{\"name\":\"none\"}"), RF_ERR_NOT_FOUND);
    assert_int_equal(
        operate("operator/set-password", "{\"name\":\"none\",\"password\":\"battery staple\"}"),
        RF_ERR_NOT_FOUND);
    assert_int_equal(operate("operator/set-password", "{\"name\":\"risk\",\"password\":\"short\"}"),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
}

static void users_are_checked(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"name\":\"a\",\"password\":\"correct horse\"}", /* a trader of no account */
        "{\"name\":\"a\",\"role\":\"ADMIN\",\"account\":\"alice\",\"password\":\"correct horse\"}",
        "{\"name\":\"a\",\"role\":\"ADMIN\",\"password\":\"seven..\"}",
        "{\"name\":\"\",\"role\":\"ADMIN\",\"password\":\"correct horse\"}",
        "{\"name\":\"a\",\"role\":\"KING\",\"password\":\"correct horse\"}",
        "{\"name\":\"a\",\"role\":\"ADMIN\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(operate("operator/create-user", rows[i]),
                         RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    const char *good = "{\"name\":\"a\",\"role\":\"ADMIN\",\"password\":\"correct horse\"}";
    assert_int_equal(operate("operator/create-user", good), 0);
    assert_int_equal(operate("operator/create-user", good), RF_ERR_MISSING_OR_INVALID_ARGUMENT);
}

/* ---- One-time passwords ---------------------------------------------------------------------- */

static void codes_are_those_of_the_rfc(void **state)
{
    (void)state;
    /* RFC 6238, appendix B, the last six digits of its eight. */
    const uint8_t *secret = (const uint8_t *)"12345678901234567890";
    static const struct {
        uint64_t time_s;
        const char *code;
    } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char code[7];
        uint64_t step = 0;
        rf_totp_code(secret, 20, rows[i].time_s / 30, code);
        assert_string_equal(code, rows[i].code);
        int64_t time_ms = (int64_t)rows[i].time_s * 1000;
        assert_true(rf_totp_check(secret, 20, code, time_ms, &step));
        assert_int_equal(step, rows[i].time_s / 30);
        assert_true(rf_totp_check(secret, 20, code, time_ms + 30000, &step));
        assert_false(rf_totp_check(secret, 20, code, time_ms + 90000, &step));
    }
    uint64_t step;
    assert_false(rf_totp_check(secret, 20, "28708", 59000, &step));
    assert_false(rf_totp_check(secret, 20, NULL, 59000, &step));
}

static void decode_base32(const char *letters, uint8_t secret[20])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0, bits = 0, at = 0;
    for (; *letters; letters++) {
        held = held << 5 | (unsigned)(strchr(alphabet, *letters) - alphabet);
        bits += 5;
        if (bits >= 8)
            secret[at++] = (uint8_t)(held >> (bits -= 8));
    }
    assert_int_equal(at, 20);
}

/* A code is good once. */
static void a_second_factor_is_demanded(void **state)
{
    (void)state;
    char letters[40], code[7], params[128];
    uint8_t secret[20];
    assert_int_equal(operate("operator/create-user",
                             "{\"name\":\"careful\",\"account\":\"alice\",\"password\":"
                             "\"correct horse\",\"totp\":true}"),
                     0);
    take("totp_secret", letters, sizeof letters);
    decode_base32(letters, secret);
    assert_int_equal(browse(1, "careful", "private/x/create-api-key", "{}"), RF_ERR_UNAUTHORIZED);
    shows("\"param\":\"totp\"");
    rf_totp_code(secret, 20, (uint64_t)(now_ns / 30000000000), code);
    snprintf(params, sizeof params, "{\"totp\":\"%s\"}", code);
    assert_int_equal(browse(1, "careful", "private/x/create-api-key", params), 0);
    assert_int_equal(browse(1, "careful", "private/x/create-api-key", params), RF_ERR_UNAUTHORIZED);
}

/* ---- Withdrawals ----------------------------------------------------------------------------- */

#define WITHDRAW "{\"currency\":\"USDC\",\"amount\":\"100\",\"address\":\"addr\""

/* NEW_ADDRESS.currency NEW_ADDRESS.address NEW_ADDRESS.address_tag NEW_ADDRESS.network_id
 * NEW_ADDRESS.label NEW_ADDRESS.totp ADDRESSES.currency OLD_ADDRESS.currency OLD_ADDRESS.address
 * OLD_ADDRESS.address_tag */
static void money_leaves_for_listed_addresses(void **state)
{
    (void)state;
    const char *address = "{\"currency\":\"USDC\",\"address\":\"addr\",\"label\":\"cold\","
                          "\"network_id\":\"ETH\"}";
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_USER_TIER_INVALID);
    shows("\"param\":\"address\"");
    assert_int_equal(ask(1, "private/x/add-withdrawal-address", address), 0);
    shows("\"label\":\"cold\"");
    shows("\"network_id\":\"ETH\"");
    shows("\"usable_time\":1700086400000");
    assert_int_equal(ask(1, "private/x/add-withdrawal-address", address), RF_ERR_INVALID_REQUEST);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_USER_TIER_INVALID);
    now_ns += 24 * HOUR_NS - 1;
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_USER_TIER_INVALID);
    now_ns += 1;
    assert_int_equal(ask(2, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_USER_TIER_INVALID);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW ",\"address_tag\":\"7\"}"),
                     RF_ERR_USER_TIER_INVALID);
    assert_int_equal(ask(1, "private/create-withdrawal",
                         WITHDRAW ",\"client_wid\":\"w1\",\"network_id\":\"ETH\"}"),
                     0);
    shows("\"id\":\"1\",\"amount\":\"100.00000000\",\"fee\":\"0.00000000\",\"symbol\":\"USDC\"");
    shows("\"address\":\"addr\",\"client_wid\":\"w1\"");
    assert_int_equal(ask(1, "private/x/list-withdrawal-addresses", "{\"currency\":\"USDC\"}"), 0);
    shows("\"address\":\"addr\"");
    assert_int_equal(ask(1, "private/x/list-withdrawal-addresses", "{\"currency\":\"USDT\"}"), 0);
    hides("addr\"");
    assert_int_equal(ask(2, "private/x/list-withdrawal-addresses", "{}"), 0);
    hides("\"addr\"");
    const char *gone = "{\"currency\":\"USDC\",\"address\":\"addr\",\"address_tag\":\"\"}";
    assert_int_equal(ask(2, "private/x/remove-withdrawal-address", gone), RF_ERR_NOT_FOUND);
    assert_int_equal(ask(1, "private/x/remove-withdrawal-address", gone), 0);
    assert_int_equal(ask(1, "private/x/remove-withdrawal-address", gone), RF_ERR_NOT_FOUND);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_USER_TIER_INVALID);
}

static void add_usable_address(const char *params)
{
    assert_int_equal(ask(1, "private/x/add-withdrawal-address", params), 0);
    now_ns += 24 * HOUR_NS;
}

/* WITHDRAWAL.totp; a key without a list of addresses withdraws nothing, whatever its scopes. */
static void withdrawing_demands_a_bound_key(void **state)
{
    (void)state;
    rf_identity unbound = {.account = 1, .api_key = "k", .scopes = 7};
    const rf_caller caller = {.door = RF_DOOR_PRIVATE, .account = 1};
    add_usable_address("{\"currency\":\"USDC\",\"address\":\"addr\"}");
    assert_int_equal(call(&caller, &unbound, "private/create-withdrawal", WITHDRAW "}"),
                     RF_ERR_IP_ILLEGAL);
    assert_int_equal(operate("operator/create-user",
                             "{\"name\":\"wary\",\"account\":\"alice\",\"password\":"
                             "\"correct horse\",\"totp\":true}"),
                     0);
    assert_int_equal(
        browse(1, "wary", "private/create-withdrawal", WITHDRAW ",\"totp\":\"000000\"}"),
        RF_ERR_UNAUTHORIZED);
    assert_int_equal(browse(1, "wary", "private/x/add-withdrawal-address",
                            "{\"currency\":\"USDC\",\"address\":\"other\"}"),
                     RF_ERR_UNAUTHORIZED);
}

/* DAY_LIMIT.account DAY_LIMIT.currency DAY_LIMIT.amount */
static void a_day_has_a_limit(void **state)
{
    (void)state;
    add_usable_address("{\"currency\":\"USDC\",\"address\":\"addr\"}");
    assert_int_equal(
        operate("operator/set-withdrawal-limit", "{\"currency\":\"USDC\",\"amount\":\"50\"}"), 0);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_MAX_AMOUNT_VIOLATED);
    assert_int_equal(operate("operator/set-withdrawal-limit",
                             "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"100\"}"),
                     0);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), 0);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), RF_ERR_MAX_AMOUNT_VIOLATED);
    assert_int_equal(operate("operator/reject-withdrawal", "{\"id\":\"1\"}"), 0);
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), 0);
    now_ns += 24 * HOUR_NS + 1;
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW "}"), 0);
    assert_int_equal(
        operate("operator/set-withdrawal-limit", "{\"account\":\"alice\",\"currency\":\"USDC\"}"),
        0);
    assert_int_equal(rf_registry_day_limit(world.registry, 1, 1), 50 * 100000000LL);
}

/* TXID.id TXID.txid */
static void operators_see_what_waits(void **state)
{
    (void)state;
    add_usable_address("{\"currency\":\"USDC\",\"address\":\"addr\"}");
    assert_int_equal(ask(1, "private/create-withdrawal", WITHDRAW ",\"client_wid\":\"w\"}"), 0);
    assert_int_equal(operate("operator/get-withdrawals", "{}"), 0);
    shows("\"id\":\"1\",\"account\":\"alice\"");
    shows("\"amount\":\"100.00000000\",\"address\":\"addr\"");
    shows("\"client_wid\":\"w\"");
    assert_int_equal(operate("operator/approve-withdrawal", "{\"id\":\"1\"}"), 0);
    assert_int_equal(operate("operator/get-withdrawals", "{}"), 0);
    shows("\"data\":[]");
    assert_int_equal(operate("operator/set-withdrawal-txid", "{\"id\":\"1\",\"txid\":\"0xabc\"}"),
                     0);
    const rf_withdrawal_note *note = rf_registry_note(world.registry, 1);
    assert_string_equal(note->txid, "0xabc");
    assert_int_equal(note->status, RF_WITHDRAWAL_COMPLETED);
    assert_int_equal(operate("operator/set-withdrawal-txid", "{\"id\":\"2\",\"txid\":\"0xabc\"}"),
                     RF_ERR_NOT_FOUND);
}

static void adjusting_needs_a_reason(void **state)
{
    (void)state;
    rf_identity admin = {.role = RF_ROLE_ADMIN, .user = "uid:0"};
    const rf_caller caller = {.door = RF_DOOR_OPERATOR};
    assert_int_equal(call(&caller, &admin, "operator/adjust",
                          "{\"account\":\"bob\",\"currency\":\"USDC\",\"amount\":\"1\"}"),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_int_equal(
        call(&caller, &admin, "operator/adjust",
             "{\"account\":\"bob\",\"currency\":\"USDC\",\"amount\":\"1\",\"reason\":\"gift\"}"),
        0);
}

/* ---- The audit log --------------------------------------------------------------------------- */

static char path[64];

static bool write_line(rf_audit *audit, const char *params, rf_error code)
{
    char whole[1024];
    rf_identity who = {.user = "uid:7", .address = "unix"};
    snprintf(whole, sizeof whole, "{\"params\":%s}", params);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    const rf_audit_line line = {
        .time_ns = 1700000000123000000LL,
        .who = &who,
        .what = "operator/create-user",
        .json = &json,
        .params = rf_json_member(&json, 0, "params"),
        .code = code,
        .seq = 17,
    };
    return rf_audit_write(audit, &line);
}

static rf_audit *open_log(char error[256])
{
    rf_audit *audit = rf_audit_open(path, error);
    assert_non_null(audit);
    return audit;
}

static int set_up_log(void **state)
{
    char error[256];
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    snprintf(path, sizeof path, "/tmp/rf-audit-%d", (int)getpid());
    unlink(path);
    rf_audit *audit = open_log(error);
    assert_true(write_line(
        audit, "{\"name\":\"a\",\"password\":\"hunter2\",\"n\":[1.50,{\"x\":null}]}", 0));
    assert_true(
        write_line(audit, "{\"name\":\"b\\\"\",\"nested\":{\"secret\":[\"s3\"],\"y\":true}}", 401));
    rf_audit_close(audit);
    audit = open_log(error); /* and goes on */
    assert_true(write_line(audit, "{}", 0));
    *state = audit;
    return 0;
}

static int tear_down_log(void **state)
{
    rf_audit_close(*state);
    unlink(path);
    return 0;
}

static size_t read_log(char *to, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t read = fread(to, 1, size - 1, file);
    to[read] = '\0';
    fclose(file);
    return read;
}

static void write_log(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void lines_are_bound_to_each_other(void **state)
{
    (void)state;
    rf_audit_report report;
    assert_true(rf_audit_verify(path, &report));
    assert_int_equal(report.lines, 3);
    read_log(answer_memory, sizeof answer_memory);
    shows("{\"n\":1,\"time\":1700000000123,\"who\":\"uid:7\",\"from\":\"unix\",\"what\":"
          "\"operator/create-user\",\"params\":{\"name\":\"a\",\"password\":\"(cut out)\",\"n\":"
          "[\"1.50\",{\"x\":null}]},\"code\":0,\"seq\":17,\"prev\":\"0000");
    shows("{\"name\":\"b\\\"\",\"nested\":{\"secret\":\"(cut out)\",\"y\":true}},\"code\":401");
    hides("hunter2");
    hides("s3");
    shows(report.head);
}

/* AUDIT.count: the newest first. */
static void the_newest_lines_are_shown(void **state)
{
    char memory[4096];
    rf_bytes out;
    rf_bytes_init(&out, memory, sizeof memory - 1, NULL);
    rf_audit_latest(*state, 2, &out);
    memory[out.size] = '\0';
    assert_true(strncmp(memory, "{\"n\":3,", 7) == 0);
    assert_non_null(strstr(memory, "},{\"n\":2,"));
    assert_null(strstr(memory, "\"n\":1,"));
}

static void operators_read_the_log(void **state)
{
    registrar = NULL;
    char error[256];
    vault = rf_vault_open(NULL, error);
    assert_true(rf_world_open(&world, &limits, false));
    registrar = rf_registrar_open(
        &(rf_registrar_options){.world = &world, .vault = vault, .audit = *state});
    assert_int_equal(operate("operator/get-audit-log", "{\"count\":1}"), 0);
    shows("\"data\":[{\"n\":3,");
    hides("\"n\":2,");
    assert_int_equal(operate("operator/get-audit-log", "{\"count\":0}"),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    rf_registrar_close(registrar);
    rf_world_close(&world);
    rf_vault_close(vault);
}

/* Every byte of it matters; so does every line. */
static void damage_is_found(void **state)
{
    (void)state;
    static char whole[8192], damaged[8192];
    rf_audit_report report;
    char error[256];
    size_t size = read_log(whole, sizeof whole);
    for (size_t at = 0; at < size; at++) {
        memcpy(damaged, whole, size);
        damaged[at] ^= 1;
        write_log(damaged, size);
        if (rf_audit_verify(path, &report))
            fail_msg("byte %zu", at);
        assert_string_not_equal(report.error, "");
    }
    const char *second = strchr(whole, '\n') + 1, *third = strchr(second, '\n') + 1;
    write_log(second, size - (size_t)(second - whole)); /* the first is gone */
    assert_false(rf_audit_verify(path, &report));
    memcpy(damaged, whole, (size_t)(second - whole));
    memcpy(damaged + (second - whole), third, size - (size_t)(third - whole));
    write_log(damaged, size - (size_t)(third - second)); /* the one between is gone */
    assert_false(rf_audit_verify(path, &report));
    assert_null(rf_audit_open(path, error)); /* and nobody goes on with it */
    /* A line of another log in the same place is good in itself, and bound to something else. */
    write_log(whole, (size_t)(second - whole));
    rf_audit *other = open_log(error);
    assert_true(write_line(other, "{}", 0));
    rf_audit_close(other);
    size_t spliced = read_log(damaged, sizeof damaged);
    memcpy(damaged + spliced, third, size - (size_t)(third - whole));
    write_log(damaged, spliced + size - (size_t)(third - whole));
    assert_false(rf_audit_verify(path, &report));
    assert_non_null(strstr(report.error, "not bound"));
    write_log(whole, size - 5); /* torn by a crash: cut off, and said */
    assert_false(rf_audit_verify(path, &report));
    rf_audit *audit = open_log(error);
    assert_non_null(strstr(error, "torn"));
    rf_audit_close(audit);
    assert_true(rf_audit_verify(path, &report));
    assert_int_equal(report.lines, 2);
    unlink(path);
    assert_true(rf_audit_verify(path, &report)); /* no log yet is a good log */
    assert_int_equal(report.lines, 0);
}

static void what_is_written_down(void **state)
{
    (void)state;
    assert_true(rf_audit_wants(rf_method_find("operator/adjust")));
    assert_true(rf_audit_wants(rf_method_find("private/create-withdrawal")));
    assert_true(rf_audit_wants(rf_method_find("private/x/create-api-key")));
    assert_true(rf_audit_wants(rf_method_find("private/x/add-withdrawal-address")));
    assert_false(rf_audit_wants(rf_method_find("operator/get-exposure")));
    assert_false(rf_audit_wants(rf_method_find("private/create-order")));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, set_up_log, tear_down_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(operators_make_keys),
        IN_WORLD(keys_are_checked),
        IN_WORLD(people_make_their_own_keys),
        IN_WORLD(operators_keep_users),
        IN_WORLD(users_are_checked),
        cmocka_unit_test(codes_are_those_of_the_rfc),
        IN_WORLD(a_second_factor_is_demanded),
        IN_WORLD(money_leaves_for_listed_addresses),
        IN_WORLD(withdrawing_demands_a_bound_key),
        IN_WORLD(a_day_has_a_limit),
        IN_WORLD(operators_see_what_waits),
        IN_WORLD(adjusting_needs_a_reason),
        WITH_LOG(lines_are_bound_to_each_other),
        WITH_LOG(the_newest_lines_are_shown),
        WITH_LOG(operators_read_the_log),
        WITH_LOG(damage_is_found),
        cmocka_unit_test(what_is_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
