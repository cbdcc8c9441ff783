/* server/auth.h, server/rate.h, server/vault.h: who is let in, in which order refusals come, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/auth.h"
#include "server/lane.h"
#include "server/rate.h"

#define NOW_MS 1700000000000LL
#define MS 1000000LL

static rf_json_token tokens[RF_JSON_TOKENS_MAX];
static char text[RF_JSON_TEXT_MAX];
static rf_json json;
static rf_registry *registry;
static rf_vault *vault;
static rf_auth *auth;

static void add_key(const char *name, const char *secret, uint32_t scopes, const char *address)
{
    char memory[RF_REGISTRY_RECORD_MAX];
    rf_bytes record;
    rf_api_key key = {.account = 7, .scopes = scopes};
    snprintf(key.key, sizeof key.key, "%s", name);
    if (address) {
        key.addresses_count = 1;
        snprintf(key.addresses[0], sizeof key.addresses[0], "%s", address);
    }
    key.sealed_size = (uint16_t)rf_vault_seal(vault, secret, strlen(secret), key.sealed);
    rf_bytes_init(&record, memory, sizeof memory, NULL);
    rf_record_key(&record, &key);
    assert_true(rf_registry_apply(registry, record.data, record.size));
}

static void revoke_key(const char *name)
{
    char memory[256];
    rf_bytes record;
    rf_bytes_init(&record, memory, sizeof memory, NULL);
    rf_record_revoke(&record, name);
    assert_true(rf_registry_apply(registry, record.data, record.size));
}

static int set_up(void **state)
{
    (void)state;
    char error[256];
    vault = rf_vault_open(NULL, error);
    registry = rf_registry_open();
    assert_non_null(vault);
    add_key("all", "secret", RF_SCOPE_READ | RF_SCOPE_TRADE | RF_SCOPE_WITHDRAW, NULL);
    add_key("reader", "secret2", RF_SCOPE_READ, NULL);
    add_key("office", "secret3", RF_SCOPE_READ | RF_SCOPE_TRADE, "10.1.0.0/16");
    auth = rf_auth_open(registry, vault, (NOW_MS - 30000) * MS);
    assert_non_null(auth);
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rf_auth_close(auth);
    rf_registry_close(registry);
    rf_vault_close(vault);
    return 0;
}

/* What a test varies. */
typedef struct attempt {
    const char *key, *secret, *method, *nonce, *address;
    const char *signature; /* NULL: the right one for secret */
    bool no_nonce;
} attempt;

static rf_error call(attempt a, rf_identity *identity)
{
    char signature[RF_SIGNATURE_TEXT];
    rf_credentials given = {
        .call = {.method = a.method,
                 .id = "1",
                 .api_key = a.key,
                 .nonce = a.nonce ? a.nonce : "1700000000000",
                 .json = &json},
        .address = a.address ? a.address : "192.0.2.1",
        .method = rf_method_find(a.method),
        .time_ns = NOW_MS * MS,
    };
    if (a.no_nonce)
        given.call.nonce = NULL;
    rf_signer *signer = rf_signer_open(a.secret, strlen(a.secret));
    assert_true(rf_sign(signer, &given.call, signature));
    rf_signer_close(signer);
    given.sig = a.signature ? a.signature : signature;
    return rf_auth_check(auth, &given, identity);
}

static void expect(attempt a, rf_error code)
{
    rf_identity identity;
    rf_error answer = call(a, &identity);
    if (answer != code)
        fail_msg("key %s, method %s: %d, expected %d", a.key ? a.key : "none", a.method, answer,
                 code);
    assert_int_equal(identity.account, code == RF_ERR_OK ? 7 : 0);
}

#define READ "private/user-balance"
#define TRADE "private/create-order"

static void lets_good_calls_in(void **state)
{
    (void)state;
    rf_identity identity;
    assert_int_equal(call((attempt){.key = "all", .secret = "secret", .method = READ}, &identity),
                     RF_ERR_OK);
    assert_string_equal(identity.api_key, "all");
    assert_string_equal(identity.address, "192.0.2.1");
    assert_int_equal(identity.scopes, 7);
    assert_false(identity.addresses_listed);
    assert_false(identity.page);
    expect((attempt){.key = "all", .secret = "secret", .method = TRADE}, RF_ERR_OK);
    expect((attempt){.key = "all", .secret = "secret", .method = "public/auth"}, RF_ERR_OK);
    expect((attempt){.key = "office", .secret = "secret3", .method = READ, .address = "10.1.2.3"},
           RF_ERR_OK);
}

static void refuses_in_the_documented_order(void **state)
{
    (void)state;
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    /* Wrong in everything: the key comes first, then the signature, then the nonce. */
    expect((attempt){.key = "none", .secret = "x", .method = TRADE, .nonce = "1"},
           RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = NULL, .secret = "secret", .method = READ}, RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = "all", .secret = "x", .method = TRADE, .nonce = "1"},
           RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = "all", .secret = "secret2", .method = READ}, RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = "all", .secret = "secret", .method = READ, .signature = ""},
           RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = "all", .secret = "secret", .method = READ, .signature = zeros},
           RF_ERR_UNAUTHORIZED);
    expect((attempt){.key = "all", .secret = "secret", .method = READ, .signature = zeros + 1},
           RF_ERR_UNAUTHORIZED);
    /* A stale nonce from an address that is not listed, without the scope. */
    expect((attempt){.key = "office", .secret = "secret3", .method = TRADE, .nonce = "1"},
           RF_ERR_INVALID_NONCE);
    expect((attempt){.key = "office", .secret = "secret3", .method = "private/create-withdrawal"},
           RF_ERR_IP_ILLEGAL);
    expect((attempt){.key = "office",
                     .secret = "secret3",
                     .method = "private/create-withdrawal",
                     .address = "10.1.0.9"},
           RF_ERR_DUPLICATE_REQUEST); /* the signature was good the first time */
    expect((attempt){.key = "office",
                     .secret = "secret3",
                     .method = "private/create-withdrawal",
                     .nonce = "1700000000001",
                     .address = "10.1.0.9"},
           RF_ERR_USER_TIER_INVALID);
    expect((attempt){.key = "reader", .secret = "secret2", .method = TRADE},
           RF_ERR_USER_NO_DERIV_ACCESS);
    expect((attempt){.key = "reader", .secret = "secret2", .method = "private/create-withdrawal"},
           RF_ERR_USER_TIER_INVALID);
}

static void nonces_have_a_window(void **state)
{
    (void)state;
    static const struct {
        const char *nonce;
        rf_error code;
    } rows[] = {
        {"1699999940000", RF_ERR_OK},
        {"1699999939999", RF_ERR_INVALID_NONCE},
        {"1700000060000", RF_ERR_OK},
        {"1700000060001", RF_ERR_INVALID_NONCE},
        {"", RF_ERR_INVALID_NONCE},
        {"-1700000000000", RF_ERR_INVALID_NONCE},
        {"1700000000000.0", RF_ERR_INVALID_NONCE},
        {"99999999999999999999", RF_ERR_INVALID_NONCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect((attempt){.key = "all", .secret = "secret", .method = READ, .nonce = rows[i].nonce},
               rows[i].code);
    expect((attempt){.key = "all", .secret = "secret", .method = READ, .no_nonce = true},
           RF_ERR_INVALID_NONCE);
}

static void changes_are_signed_once(void **state)
{
    (void)state;
    attempt order = {.key = "all", .secret = "secret", .method = TRADE};
    attempt read = {.key = "all", .secret = "secret", .method = READ};
    expect(order, RF_ERR_OK);
    expect(order, RF_ERR_DUPLICATE_REQUEST);
    expect(read, RF_ERR_OK);
    expect(read, RF_ERR_OK);
    order.nonce = "1699999990000"; /* another minute of nonces */
    expect(order, RF_ERR_OK);
    expect(order, RF_ERR_DUPLICATE_REQUEST);
    order.nonce = NULL;
    expect(order, RF_ERR_DUPLICATE_REQUEST); /* the first one is still known */
    /* Signed before this process: another may have done it. Reading may be repeated. */
    order.nonce = read.nonce = "1699999969999";
    expect(order, RF_ERR_INVALID_NONCE);
    expect(read, RF_ERR_OK);
    order.nonce = "1699999970000";
    expect(order, RF_ERR_OK);
}

static void a_second_holds_so_many_signatures(void **state)
{
    (void)state;
    /* The reserved eighth is left to whoever reduces risk. */
    rf_identity identity;
    char id[16], nonce[32], signature[RF_SIGNATURE_TEXT];
    rf_signer *signer = rf_signer_open("secret", 6);
    unsigned accepted = 0;
    rf_credentials given = {
        .call = {.method = TRADE, .api_key = "all", .json = &json, .nonce = nonce},
        .sig = signature,
        .address = "192.0.2.1",
        .method = rf_method_find(TRADE),
        .time_ns = NOW_MS * MS,
    };
    snprintf(nonce, sizeof nonce, "%lld", NOW_MS);
    for (unsigned i = 0; i < RF_SEEN_MAX; i++) {
        snprintf(id, sizeof id, "%u", i);
        given.call.id = id;
        assert_true(rf_sign(signer, &given.call, signature));
        rf_error code = rf_auth_check(auth, &given, &identity);
        if (code != RF_ERR_OK) {
            assert_int_equal(code, RF_ERR_TOO_MANY_REQUESTS);
            break;
        }
        accepted++;
    }
    assert_int_equal(accepted, RF_SEEN_MAX - RF_SEEN_MAX / 8);
    assert_int_equal(rf_auth_check(auth, &given, &identity), RF_ERR_TOO_MANY_REQUESTS);
    given.reserved = true;
    assert_int_equal(rf_auth_check(auth, &given, &identity), RF_ERR_OK);
    assert_int_equal(rf_auth_check(auth, &given, &identity), RF_ERR_DUPLICATE_REQUEST);
    /* The next second has room, and so has one that comes to stand in this one's place. */
    given.reserved = false;
    snprintf(nonce, sizeof nonce, "%lld", NOW_MS + 1000);
    assert_true(rf_sign(signer, &given.call, signature));
    assert_int_equal(rf_auth_check(auth, &given, &identity), RF_ERR_OK);
    given.time_ns += 128000 * MS;
    snprintf(nonce, sizeof nonce, "%lld", NOW_MS + 128000);
    assert_true(rf_sign(signer, &given.call, signature));
    assert_int_equal(rf_auth_check(auth, &given, &identity), RF_ERR_OK);
    rf_signer_close(signer);
}

/* Whatever second of the window a nonce lies in: once, and known for as long as it is good. */
static void every_second_remembers(void **state)
{
    (void)state;
    rf_identity identity;
    char nonce[32], signature[RF_SIGNATURE_TEXT];
    rf_signer *signer = rf_signer_open("secret", 6);
    rf_credentials given = {
        .call = {.method = TRADE, .api_key = "all", .json = &json, .id = "1", .nonce = nonce},
        .sig = signature,
        .address = "192.0.2.1",
        .method = rf_method_find(TRADE),
    };
    const int64_t begin_ms = NOW_MS + 200000, step_ms = 900;
    for (int64_t later_ms = 0; later_ms <= RF_NONCE_MS; later_ms += RF_NONCE_MS / 4) {
        given.time_ns = (begin_ms + later_ms) * MS;
        for (int64_t off_ms = -RF_NONCE_MS; off_ms <= RF_NONCE_MS; off_ms += step_ms) {
            snprintf(nonce, sizeof nonce, "%lld", (long long)(begin_ms + off_ms));
            bool good = off_ms >= later_ms - RF_NONCE_MS;
            assert_true(rf_sign(signer, &given.call, signature));
            rf_error wanted = !good           ? RF_ERR_INVALID_NONCE
                              : later_ms == 0 ? RF_ERR_OK
                                              : RF_ERR_DUPLICATE_REQUEST;
            assert_int_equal(rf_auth_check(auth, &given, &identity), wanted);
        }
    }
    rf_signer_close(signer);
}

static void revoked_keys_are_unknown(void **state)
{
    (void)state;
    rf_identity identity;
    attempt read = {.key = "all", .secret = "secret", .method = READ};
    assert_int_equal(call(read, &identity), RF_ERR_OK);
    assert_int_equal(rf_auth_permit(auth, &identity, rf_method_find(TRADE)), RF_ERR_OK);
    revoke_key("all");
    expect(read, RF_ERR_UNAUTHORIZED);
    assert_int_equal(rf_auth_permit(auth, &identity, rf_method_find(TRADE)), RF_ERR_UNAUTHORIZED);
    assert_int_equal(rf_auth_permit(auth, &identity, rf_method_find("public/get-book")), RF_ERR_OK);
}

static uint64_t work_of(attempt a)
{
    rf_identity identity;
    uint64_t before = rf_sign_operations();
    call(a, &identity);
    return rf_sign_operations() - before - 1; /* one was the test's own */
}

/* S1: counted, not timed. */
static void an_unknown_key_costs_the_same(void **state)
{
    (void)state;
    attempt good = {.key = "all", .secret = "secret", .method = READ};
    attempt unknown = {.key = "nobody", .secret = "secret", .method = READ};
    attempt wrong = {.key = "all", .secret = "other", .method = READ};
    attempt malformed = {.key = "all", .secret = "secret", .method = READ, .signature = "zz"};
    assert_int_equal(work_of(good), 1);
    assert_int_equal(work_of(unknown), 1);
    assert_int_equal(work_of(wrong), 1);
    assert_int_equal(work_of(malformed), 1);
    revoke_key("all");
    assert_int_equal(work_of(good), 1);
}

static void another_servers_secrets_open_nothing(void **state)
{
    (void)state;
    char error[256];
    rf_vault *mine = vault;
    vault = rf_vault_open(NULL, error);
    add_key("moved", "secret", RF_SCOPE_READ, NULL);
    rf_vault_close(vault);
    vault = mine;
    expect((attempt){.key = "moved", .secret = "secret", .method = READ}, RF_ERR_UNAUTHORIZED);
}

static void addresses_match(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *address;
        bool match;
    } rows[] = {
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.4", false},
        {"10.1.2.3", "::ffff:10.1.2.3", true},
        {"10.1.0.0/16", "10.1.255.255", true},
        {"10.1.0.0/16", "10.2.0.0", false},
        {"10.1.0.0/17", "10.1.128.0", false},
        {"10.1.0.0/17", "10.1.127.255", true},
        {"0.0.0.0/0", "255.1.1.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/32", "2001:db8:1::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"::/0", "10.0.0.1", true},
        {"10.0.0.0/33", "10.0.0.0", false},
        {"10.0.0.0/", "10.0.0.0", false},
        {"ten", "10.0.0.0", false},
        {"10.0.0.0/8", "10.0.0.0/8", false},
        {"10.0.0.0/8", "unix", false},
        {"10.0.0.0/8", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rf_address_matches(rows[i].rule, rows[i].address) != rows[i].match)
            fail_msg("%s, %s", rows[i].rule, rows[i].address);
    assert_true(rf_address_good("2001:db8::/32"));
    assert_false(rf_address_good("10.0.0"));
    assert_false(rf_address_good(""));
}

static void roles_are_a_ladder(void **state)
{
    (void)state;
    rf_identity viewer = {.role = RF_ROLE_VIEWER}, risk = {.role = RF_ROLE_RISK};
    rf_identity trader = {.role = RF_ROLE_TRADER, .account = 7, .page = true, .scopes = 3};
    const rf_method *look = rf_method_find("operator/get-exposure");
    const rf_method *pin = rf_method_find("operator/set-mark-price");
    const rf_method *pay = rf_method_find("operator/deposit");
    assert_int_equal(rf_auth_permit(auth, &viewer, look), RF_ERR_OK);
    assert_int_equal(rf_auth_permit(auth, &viewer, pin), RF_ERR_USER_TIER_INVALID);
    assert_int_equal(rf_auth_permit(auth, &risk, pin), RF_ERR_OK);
    assert_int_equal(rf_auth_permit(auth, &risk, pay), RF_ERR_USER_TIER_INVALID);
    assert_int_equal(rf_auth_permit(auth, &trader, look), RF_ERR_USER_TIER_INVALID);
    assert_int_equal(rf_auth_permit(auth, &trader, rf_method_find(TRADE)), RF_ERR_OK);
    assert_int_equal(rf_auth_permit(auth, &viewer, rf_method_find(TRADE)), RF_ERR_UNAUTHORIZED);
    rf_identity own = rf_auth_peer((int64_t)geteuid());
    rf_identity other = rf_auth_peer((int64_t)geteuid() + 1);
    assert_int_equal(rf_auth_permit(auth, &own, pay), RF_ERR_OK);
    assert_int_equal(rf_auth_permit(auth, &other, look), RF_ERR_USER_TIER_INVALID);
}

/* ---- The vault ------------------------------------------------------------------------------- */

static void the_key_is_a_private_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/rf-vault-XXXXXX", path[64], error[256];
    uint8_t sealed[64], opened[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/key", dir);
    rf_vault *first = rf_vault_open(path, error);
    assert_non_null(first);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(about.st_size, 32);
    size_t size = rf_vault_seal(first, "hello", 5, sealed);
    assert_int_equal(size, 5 + RF_VAULT_OVERHEAD);
    rf_vault_close(first);
    rf_vault *again = rf_vault_open(path, error);
    assert_non_null(again);
    assert_true(rf_vault_unseal(again, sealed, size, opened));
    assert_memory_equal(opened, "hello", 5);
    sealed[size - 1] ^= 1;
    assert_false(rf_vault_unseal(again, sealed, size, opened));
    assert_false(rf_vault_unseal(again, sealed, 3, opened));
    rf_vault_close(again);
    chmod(path, 0640);
    assert_null(rf_vault_open(path, error));
    assert_non_null(strstr(error, "chmod 600"));
    chmod(path, 0600);
    assert_int_equal(truncate(path, 31), 0);
    assert_null(rf_vault_open(path, error));
    unlink(path);
    rmdir(dir);
    assert_null(rf_vault_open(path, error));
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static unsigned burst(rf_rates *rates, const char *who, const char *method, int64_t now_ns)
{
    unsigned count = 0;
    while (rf_rate_method(rates, who, rf_method_find(method), now_ns).allowed)
        count++;
    return count;
}

static void buckets_hold_what_the_table_says(void **state)
{
    (void)state;
    rf_rates *rates = rf_rate_open(1);
    int64_t now_ns = NOW_MS * MS;
    assert_int_equal(burst(rates, "a", "private/create-order", now_ns), 15);
    assert_int_equal(burst(rates, "a", "private/cancel-order", now_ns), 15);
    assert_int_equal(burst(rates, "a", "private/cancel-all-orders", now_ns), 15);
    assert_int_equal(burst(rates, "a", "private/get-order-detail", now_ns), 30);
    assert_int_equal(burst(rates, "a", "private/get-trades", now_ns), 1);
    assert_int_equal(burst(rates, "a", "private/get-trades", now_ns + 999 * MS), 0);
    assert_int_equal(burst(rates, "a", "private/get-order-history", now_ns), 1);
    assert_int_equal(burst(rates, "a", READ, now_ns), 3);
    assert_int_equal(burst(rates, "b", READ, now_ns), 3); /* each key has its own */
    rf_rate_answer answer = rf_rate_method(rates, "a", rf_method_find(READ), now_ns);
    assert_false(answer.allowed);
    assert_int_equal(answer.limit, 3);
    assert_int_equal(answer.remaining, 0);
    assert_int_equal(answer.reset_ms, 100);
    assert_int_equal(answer.retry_after_ms, 34);
    /* A third of the time brings back one of three; all of it brings back three. */
    assert_int_equal(burst(rates, "a", READ, now_ns + 34 * MS), 1);
    assert_int_equal(burst(rates, "a", READ, now_ns + 500 * MS), 3);
    answer = rf_rate_method(rates, "c", rf_method_find(READ), now_ns);
    assert_int_equal(answer.remaining, 2);
    rf_rate_close(rates);
}

static void limits_can_be_multiplied_or_off(void **state)
{
    (void)state;
    int64_t now_ns = NOW_MS * MS;
    rf_rates *rates = rf_rate_open(10);
    assert_int_equal(burst(rates, "a", READ, now_ns), 30);
    rf_rate_close(rates);
    rates = rf_rate_open(0);
    for (int i = 0; i < 1000; i++) {
        rf_rate_answer answer = rf_rate_method(rates, "a", rf_method_find(READ), now_ns);
        assert_true(answer.allowed);
        assert_int_equal(answer.limit, 0);
    }
    rf_rate_close(rates);
}

static void public_calls_count_by_address(void **state)
{
    (void)state;
    rf_rates *rates = rf_rate_open(1);
    const rf_method *book = rf_method_find("public/get-book");
    const rf_method *tickers = rf_method_find("public/get-tickers");
    unsigned count = 0;
    while (rf_rate_method(rates, "192.0.2.1", book, NOW_MS * MS).allowed)
        count++;
    assert_int_equal(count, 100);
    assert_true(rf_rate_method(rates, "192.0.2.2", book, NOW_MS * MS).allowed);
    assert_true(rf_rate_method(rates, "192.0.2.1", tickers, NOW_MS * MS).allowed);
    rf_rate_close(rates);
}

/* More busy callers than there is room for: someone's bucket is forgotten, nobody is refused. */
static void memory_is_bounded_in_favour_of_callers(void **state)
{
    (void)state;
    rf_rates *rates = rf_rate_open(1);
    for (unsigned i = 0; i < 2 * RF_RATE_BUCKETS; i++) {
        char who[24];
        snprintf(who, sizeof who, "caller %u", i);
        assert_true(rf_rate_method(rates, who, rf_method_find(READ), NOW_MS * MS).allowed);
    }
    rf_rate_close(rates);
}

static void sockets_count_by_calendar_second(void **state)
{
    (void)state;
    rf_rates *rates = rf_rate_open(1);
    rf_rate_second user = {0}, market = {0};
    int64_t late_ns = NOW_MS * MS + 999 * MS;
    unsigned count = 0;
    while (rf_rate_message(rates, &user, false, late_ns).allowed)
        count++;
    assert_int_equal(count, RF_RATE_USER_SOCKET);
    assert_int_equal(rf_rate_message(rates, &user, false, late_ns).retry_after_ms, 1);
    assert_true(rf_rate_message(rates, &user, false, late_ns + MS).allowed); /* the next second */
    for (count = 0; rf_rate_message(rates, &market, true, late_ns).allowed;)
        count++;
    assert_int_equal(count, RF_RATE_MARKET_SOCKET);
    rf_rate_close(rates);
}

static bool reserved(const char *method, const char *params)
{
    char whole[512];
    snprintf(whole, sizeof whole, "{\"p\":%s}", params);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    return rf_lane_reserved(rf_method_find(method), &json, rf_json_member(&json, 0, "p"));
}

static bool rests(const char *method, const char *params)
{
    char whole[512];
    snprintf(whole, sizeof whole, "{\"p\":%s}", params);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    return rf_lane_rests(rf_method_find(method), &json, rf_json_member(&json, 0, "p"));
}

#define POST "{\"exec_inst\":[\"POST_ONLY\"]}"
#define REDUCE "{\"exec_inst\":[\"REDUCE_ONLY\"]}"

/* What is not the order's own says nothing of it, and one order of a list is not all of them. */
static void the_lanes_have_no_second_reading(void **state)
{
    (void)state;
    assert_false(reserved("private/create-order", "{\"reduce_only\":false,\"reduceOnly\":true}"));
    assert_true(reserved("private/create-order", "{\"reduce_only\":null,\"reduceOnly\":true}"));
    assert_true(reserved("private/create-order", "{\"reduce_only\":true,\"reduceOnly\":false}"));
    assert_true(rests("private/create-order", POST));
    assert_true(rests("private/create-order", "{\"postOnly\":\"true\"}"));
    assert_false(rests("private/create-order", "{\"post_only\":false,\"postOnly\":true}"));
    assert_false(rests("private/create-order", "{\"exec_inst\":[\"SMART_POST_ONLY\"]}"));
    static const char *const others[] = {"private/amend-order", "private/advanced/create-oco",
                                         "private/create-withdrawal", "private/batch-order-request",
                                         "private/create-order-list"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        static const char both[] =
            "{\"exec_inst\":[\"POST_ONLY\",\"REDUCE_ONLY\"],\"creates\":[{}],"
            "\"order_list\":[{}]}";
        assert_false(rests(others[i], both));
        assert_false(reserved(others[i], both));
    }
    assert_true(rests("private/create-order-list", "{\"order_list\":[" POST "," POST "]}"));
    assert_false(rests("private/create-order-list", "{\"order_list\":[" POST "," REDUCE "]}"));
    assert_true(reserved("private/create-order-list", "{\"order_list\":[" REDUCE "," REDUCE "]}"));
    assert_false(reserved("private/create-order-list", "{\"order_list\":[" POST "," REDUCE "]}"));
    assert_true(reserved("private/batch-order-request", "{\"cancels\":[{\"order_id\":1}]}"));
    assert_true(reserved("private/batch-order-request", "{\"creates\":[" REDUCE "]}"));
    assert_false(reserved("private/batch-order-request", "{\"creates\":[" REDUCE ",{}]}"));
    assert_true(rests("private/batch-order-request", "{\"creates\":[" POST "]}"));
}

static void the_reserved_lane_takes_risk_off(void **state)
{
    (void)state;
    assert_true(reserved("private/cancel-order", "{}"));
    assert_true(reserved("private/cancel-all-orders", "{}"));
    assert_true(reserved("private/close-position", "{}"));
    assert_true(reserved("private/advanced/cancel-otoco", "{}"));
    assert_true(reserved("private/x/set-cancel-after", "{}"));
    assert_false(reserved("private/create-order", "{\"side\":\"BUY\"}"));
    assert_false(reserved("private/create-order", "{\"exec_inst\":[\"POST_ONLY\"]}"));
    assert_false(reserved("private/create-order", "{\"reduce_only\":false}"));
    assert_true(
        reserved("private/create-order", "{\"exec_inst\":[\"POST_ONLY\",\"REDUCE_ONLY\"]}"));
    assert_true(reserved("private/create-order", "{\"exec_inst\":\"REDUCE_ONLY\"}"));
    assert_true(reserved("private/create-order", "{\"reduceOnly\":true}"));
    assert_true(reserved("private/advanced/create-order", "{\"reduce_only\":\"true\"}"));
    assert_true(reserved("private/create-isolated-margin-transfer", "{\"direction\":\"CREDIT\"}"));
    assert_true(reserved("private/create-isolated-margin-transfer", "{\"direction\":\"IN\"}"));
    assert_false(reserved("private/create-isolated-margin-transfer", "{\"direction\":\"DEBIT\"}"));
    assert_false(reserved("private/user-balance", "{}"));
    assert_true(rf_rate_admits(false, 99, 100));
    assert_false(rf_rate_admits(false, 100, 100));
    assert_true(rf_rate_admits(true, 100, 100));
    assert_false(rf_rate_admits(true, 200, 100));
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(lets_good_calls_in),
        WITH_KEYS(refuses_in_the_documented_order),
        WITH_KEYS(nonces_have_a_window),
        WITH_KEYS(changes_are_signed_once),
        WITH_KEYS(a_second_holds_so_many_signatures),
        WITH_KEYS(every_second_remembers),
        WITH_KEYS(revoked_keys_are_unknown),
        WITH_KEYS(an_unknown_key_costs_the_same),
        WITH_KEYS(another_servers_secrets_open_nothing),
        WITH_KEYS(roles_are_a_ladder),
        WITH_KEYS(the_reserved_lane_takes_risk_off),
        WITH_KEYS(the_lanes_have_no_second_reading),
        cmocka_unit_test(addresses_match),
        cmocka_unit_test(the_key_is_a_private_file),
        cmocka_unit_test(buckets_hold_what_the_table_says),
        cmocka_unit_test(limits_can_be_multiplied_or_off),
        cmocka_unit_test(public_calls_count_by_address),
        cmocka_unit_test(memory_is_bounded_in_favour_of_callers),
        cmocka_unit_test(sockets_count_by_calendar_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
