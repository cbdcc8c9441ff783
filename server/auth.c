#define _GNU_SOURCE /* strnlen */
#include "server/auth.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/seen.h"

enum {
    MS = 1000000,
    SIGNERS = 1024, /* keys whose secret is at hand; others are unsealed when they call */
    SEEN_RESERVED = RF_SEEN_MAX / 8,
};

typedef struct slot {
    uint32_t number; /* of the key */
    rf_signer *signer;
} slot;

struct rf_auth {
    const rf_registry *registry;
    const rf_vault *vault;
    rf_signer *nobody; /* does the work for keys that do not exist */
    slot signers[SIGNERS];
    rf_seen *seen;
    int64_t since_ms; /* by the wall clock */
    int64_t open_ns;  /* monotonic */
    uint8_t secret[crypto_shorthash_KEYBYTES];
};

rf_auth *rf_auth_open(const rf_registry *registry, const rf_vault *vault, int64_t since_ns)
{
    rf_auth *auth = sodium_init() < 0 ? NULL : calloc(1, sizeof *auth);
    if (!auth)
        return NULL;
    auth->registry = registry;
    auth->vault = vault;
    auth->since_ms = since_ns / MS;
    auth->open_ns = rf_clock_monotonic_ns();
    randombytes_buf(auth->secret, sizeof auth->secret);
    auth->nobody = rf_signer_open(auth->secret, sizeof auth->secret);
    auth->seen = rf_seen_open();
    if (!auth->nobody || !auth->seen) {
        rf_signer_close(auth->nobody);
        rf_seen_close(auth->seen);
        free(auth);
        return NULL;
    }
    return auth;
}

void rf_auth_close(rf_auth *auth)
{
    rf_signer_close(auth->nobody);
    for (size_t i = 0; i < SIGNERS; i++)
        rf_signer_close(auth->signers[i].signer);
    rf_seen_close(auth->seen);
    sodium_memzero(auth, sizeof *auth);
    free(auth);
}

/* ---- The signature --------------------------------------------------------------------------- */

static rf_signer *unseal_signer(const rf_auth *auth, const rf_api_key *key)
{
    uint8_t secret[RF_SEALED_SIZE];
    if (!rf_vault_unseal(auth->vault, key->sealed, key->sealed_size, secret))
        return NULL;
    rf_signer *signer = rf_signer_open(secret, (size_t)key->sealed_size - RF_VAULT_OVERHEAD);
    sodium_memzero(secret, sizeof secret);
    return signer;
}

/* Kept ready in the key's place; whoever was there goes. NULL: sealed by another server's key. */
static rf_signer *signer_of(rf_auth *auth, const rf_api_key *key)
{
    uint32_t number = rf_registry_key_number(auth->registry, key);
    slot *place = &auth->signers[number % SIGNERS];
    if (!place->signer || place->number != number) {
        rf_signer_close(place->signer);
        *place = (slot){.number = number, .signer = unseal_signer(auth, key)};
    }
    return place->signer;
}

/* NULL: no key, or the signature is wrong. Both do the same work. */
static const rf_api_key *check_signature(rf_auth *auth, const rf_credentials *given,
                                         uint8_t signature[RF_SIGNATURE_SIZE])
{
    const char *name = given->call.api_key;
    const rf_api_key *key = name ? rf_registry_key(auth->registry, name) : NULL;
    rf_signer *signer = key && !key->revoked ? signer_of(auth, key) : NULL;
    bool good = rf_sign_check(signer ? signer : auth->nobody, &given->call, given->sig, signature);
    return signer && good ? key : NULL;
}

/* ---- Nonce and repetition -------------------------------------------------------------------- */

/* Milliseconds, -1 = not a number. */
static int64_t read_nonce(const char *text)
{
    int64_t value = 0;
    size_t size = text ? strlen(text) : 0;
    if (size == 0 || size > 15)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool nonce_in_window(int64_t nonce_ms, int64_t time_ns)
{
    int64_t off_ms = nonce_ms - time_ns / MS;
    return nonce_ms >= 0 && off_ms <= RF_NONCE_MS && off_ms >= -RF_NONCE_MS;
}

/* Was it signed before this process began to remember, and could have been good then? A nonce much
 * older is one of a wall clock that was set back: nobody is shut out by that, nor when the clock gets
 * here again, which the one that cannot be set tells. */
static bool is_from_before(const rf_auth *auth, int64_t nonce_ms)
{
    return nonce_ms < auth->since_ms && auth->since_ms - nonce_ms <= 2 * RF_NONCE_MS &&
           rf_clock_monotonic_ns() - auth->open_ns < 2LL * RF_NONCE_MS * MS;
}

static rf_error remember(rf_auth *auth, const uint8_t signature[RF_SIGNATURE_SIZE],
                         int64_t nonce_ms, bool reserved)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, signature, RF_SIGNATURE_SIZE, auth->secret);
    switch (rf_seen_add(auth->seen, hash, nonce_ms, RF_SEEN_MAX - (reserved ? 0 : SEEN_RESERVED))) {
    case RF_SEEN_NEW:
        return RF_ERR_OK;
    case RF_SEEN_BEFORE:
        return RF_ERR_DUPLICATE_REQUEST;
    case RF_SEEN_FULL:
        return RF_ERR_TOO_MANY_REQUESTS;
    }
    return RF_ERR_ERR_INTERNAL;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

typedef struct address {
    uint8_t bytes[16];
    unsigned bits; /* that count */
} address;

/* IPv4 becomes ::ffff:a.b.c.d, so that both kinds compare as one. */
static bool read_address(const char *text, address *out)
{
    char plain[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    if (size >= sizeof plain)
        return false;
    memcpy(plain, text, size);
    plain[size] = '\0';
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool four = inet_pton(AF_INET, plain, out->bytes + 12) == 1;
    if (four)
        memcpy(out->bytes, mapped, sizeof mapped);
    else if (inet_pton(AF_INET6, plain, out->bytes) != 1)
        return false;
    out->bits = 128;
    if (text[size] == '\0')
        return true;
    int64_t bits = read_nonce(text + size + 1);
    if (bits < 0 || bits > (four ? 32 : 128))
        return false;
    out->bits = (unsigned)bits + (four ? 96 : 0);
    return true;
}

bool rf_address_good(const char *rule)
{
    address parsed;
    return read_address(rule, &parsed);
}

bool rf_address_matches(const char *rule, const char *text)
{
    address network, peer;
    if (!read_address(rule, &network) || !read_address(text, &peer) || peer.bits != 128)
        return false;
    unsigned whole = network.bits / 8, rest = network.bits % 8;
    if (memcmp(network.bytes, peer.bytes, whole) != 0)
        return false;
    return rest == 0 || (network.bytes[whole] ^ peer.bytes[whole]) >> (8 - rest) == 0;
}

static bool address_listed(const rf_api_key *key, const char *from)
{
    for (unsigned i = 0; i < key->addresses_count; i++)
        if (rf_address_matches(key->addresses[i], from))
            return true;
    return key->addresses_count == 0;
}

/* ---- Scopes and roles ------------------------------------------------------------------------ */

/* What of a key each private method needs. Methods that are not named here need READ or TRADE, by
 * their flag. 0: no key may call it, only somebody who logged in. */
static uint32_t scope_of(const rf_method *method)
{
    static const struct {
        rf_method_id method;
        uint32_t scope;
    } rows[] = {
        {RF_M_CREATE_WITHDRAWAL, RF_SCOPE_WITHDRAW},
        {RF_M_ADD_ADDRESS, RF_SCOPE_WITHDRAW},
        {RF_M_REMOVE_ADDRESS, RF_SCOPE_WITHDRAW},
        {RF_M_OWN_CREATE_KEY, 0},
        {RF_M_OWN_REVOKE_KEY, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].method == rf_method_number(method))
            return rows[i].scope;
    return method->flags & RF_METHOD_CHANGE ? RF_SCOPE_TRADE : RF_SCOPE_READ;
}

rf_role rf_auth_role(const rf_method *method)
{
    static const struct {
        rf_method_id method;
        rf_role role;
    } rows[] = {
        {RF_M_SUSPEND_ACCOUNT, RF_ROLE_SUPPORT},   {RF_M_ANNOUNCE, RF_ROLE_SUPPORT},
        {RF_M_REJECT_WITHDRAWAL, RF_ROLE_SUPPORT}, {RF_M_SET_INSTRUMENT_STATE, RF_ROLE_RISK},
        {RF_M_UPDATE_INSTRUMENT, RF_ROLE_RISK},    {RF_M_SET_INDEX_PRICE, RF_ROLE_RISK},
        {RF_M_SET_MARK_PRICE, RF_ROLE_RISK},       {RF_M_CLEAR_MARK_PRICE, RF_ROLE_RISK},
        {RF_M_SET_FUNDING_RATE, RF_ROLE_RISK},     {RF_M_SETTLE_FUNDING, RF_ROLE_RISK},
        {RF_M_SETTLE_SESSION, RF_ROLE_RISK},       {RF_M_APPROVE_WITHDRAWAL, RF_ROLE_RISK},
        {RF_M_SET_FEE_SCHEDULE, RF_ROLE_RISK},     {RF_M_REVOKE_KEY, RF_ROLE_SUPPORT},
        {RF_M_LIST_KEYS, RF_ROLE_SUPPORT},         {RF_M_LIST_USERS, RF_ROLE_SUPPORT},
        {RF_M_GET_AUDIT_LOG, RF_ROLE_RISK},        {RF_M_SET_TXID, RF_ROLE_RISK},
        {RF_M_SET_WITHDRAWAL_LIMIT, RF_ROLE_RISK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].method == rf_method_number(method))
            return rows[i].role;
    return method->flags & RF_METHOD_CHANGE ? RF_ROLE_ADMIN : RF_ROLE_VIEWER;
}

rf_identity rf_auth_peer(int64_t uid)
{
    rf_identity peer = {.address = "unix"};
    if (uid >= 0 && uid == (int64_t)geteuid())
        peer.role = RF_ROLE_ADMIN;
    if (uid >= 0)
        snprintf(peer.user, sizeof peer.user, "uid:%lld", (long long)uid);
    return peer;
}

static rf_error check_scope(uint32_t scopes, bool page, const rf_method *method)
{
    uint32_t needed = scope_of(method);
    if (needed == 0)
        return page ? RF_ERR_OK : RF_ERR_USER_TIER_INVALID;
    if (scopes & needed)
        return RF_ERR_OK;
    return needed == RF_SCOPE_TRADE ? RF_ERR_USER_NO_DERIV_ACCESS : RF_ERR_USER_TIER_INVALID;
}

bool rf_auth_known(const rf_auth *auth, const rf_identity *identity)
{
    if (identity->api_key[0] == '\0')
        return true;
    const rf_api_key *key = rf_registry_key(auth->registry, identity->api_key);
    return key && !key->revoked;
}

rf_error rf_auth_permit(const rf_auth *auth, const rf_identity *identity, const rf_method *method)
{
    if (method->door == RF_DOOR_PUBLIC)
        return RF_ERR_OK;
    if (method->door == RF_DOOR_OPERATOR)
        return identity->role >= rf_auth_role(method) ? RF_ERR_OK : RF_ERR_USER_TIER_INVALID;
    if (identity->account == 0)
        return RF_ERR_UNAUTHORIZED;
    if (!identity->page && identity->api_key[0] == '\0')
        return RF_ERR_UNAUTHORIZED;
    if (!rf_auth_known(auth, identity))
        return RF_ERR_UNAUTHORIZED;
    return check_scope(identity->scopes, identity->page, method);
}

/* ---- The whole ladder ------------------------------------------------------------------------ */

static void put_identity(const rf_api_key *key, const char *from, rf_identity *identity)
{
    *identity = (rf_identity){
        .account = key->account,
        .scopes = key->scopes,
        .addresses_listed = key->addresses_count > 0,
    };
    memcpy(identity->api_key, key->key, sizeof identity->api_key);
    memcpy(identity->address, from, strnlen(from, sizeof identity->address - 1));
}

rf_error rf_auth_check(rf_auth *auth, const rf_credentials *given, rf_identity *identity)
{
    uint8_t signature[RF_SIGNATURE_SIZE];
    *identity = (rf_identity){0};
    const rf_api_key *key = check_signature(auth, given, signature);
    if (!key)
        return RF_ERR_UNAUTHORIZED;
    int64_t nonce_ms = read_nonce(given->call.nonce);
    if (!nonce_in_window(nonce_ms, given->time_ns))
        return RF_ERR_INVALID_NONCE;
    const rf_method *method = given->method;
    if (method && (method->flags & RF_METHOD_CHANGE)) {
        if (is_from_before(auth, nonce_ms))
            return RF_ERR_INVALID_NONCE;
        rf_error code = remember(auth, signature, nonce_ms, given->reserved);
        if (code != RF_ERR_OK)
            return code;
    }
    if (!address_listed(key, given->address))
        return RF_ERR_IP_ILLEGAL;
    rf_error code = method ? check_scope(key->scopes, false, method) : RF_ERR_OK;
    if (code == RF_ERR_OK)
        put_identity(key, given->address, identity);
    return code;
}
