/* What a venue knows beside its engine: API keys, people who log in, withdrawal addresses and
 * notes, limits, notices.
 *
 * Promise: it changes by records only (rf_world_record), which are journaled like commands, and by
 * the engine's events (rf_registry_event), so a restart or a replica knows the same. Secrets come in
 * sealed; nothing here can open them. A record that breaks a bound or names what is not there is
 * refused and changes nothing.
 * What is looked up is borrowed and valid until the next record.
 *
 * May include: base, include/ringfence.h. */
#ifndef RF_VENUE_REGISTRY_H
#define RF_VENUE_REGISTRY_H

#include "base/bytes.h"
#include "include/ringfence.h"

enum {
    RF_KEY_SIZE = 40,     /* an api_key's text with its NUL */
    RF_SEALED_SIZE = 128, /* a secret behind libsodium's secretbox: nonce, tag, text */
    RF_KEY_ADDRESSES_MAX = 8,
    RF_ADDRESS_TEXT_SIZE = 64,
    RF_USER_SIZE = 64,
    RF_PASSWORD_HASH_SIZE = 128, /* Argon2id, as libsodium prints it */
    RF_WALLET_SIZE = 128,        /* a withdrawal address */
    RF_TAG_SIZE = 64,
    RF_WID_SIZE = 64,
    RF_TXID_SIZE = 128,
    RF_NOTICE_TITLE_SIZE = 128,
    RF_NOTICE_TEXT_SIZE = 1024,
    /* Bounds; a record above them is refused. */
    RF_KEYS_MAX = 65536,           /* revoked ones too */
    RF_KEYS_PER_ACCOUNT_MAX = 100, /* not revoked; the methods see to it */
    RF_USERS_MAX = 65536,
    RF_WALLETS_MAX = 16384,
    RF_WALLETS_PER_ACCOUNT_MAX = 64,  /* the methods see to it */
    RF_WITHDRAWALS_NOTED_MAX = 65536, /* the oldest decided one is forgotten (the history has it) */
    RF_DAY_LIMITS_MAX = 4096,
    RF_NOTICES_MAX = 64, /* the oldest is forgotten */
    RF_REGISTRY_RECORD_MAX = 4096,
};

enum rf_scope { RF_SCOPE_READ = 1 << 0, RF_SCOPE_TRADE = 1 << 1, RF_SCOPE_WITHDRAW = 1 << 2 };

typedef enum rf_role {
    RF_ROLE_NONE,
    RF_ROLE_TRADER, /* logs in to an account's page */
    RF_ROLE_VIEWER,
    RF_ROLE_SUPPORT,
    RF_ROLE_RISK,
    RF_ROLE_ADMIN,
} rf_role;

/* The order of the members is that of the stream (venue/registry_fields.c). */
typedef struct rf_api_key {
    char key[RF_KEY_SIZE];
    char label[RF_NAME_SIZE];
    uint32_t account;
    uint32_t scopes; /* rf_scope */
    bool revoked;
    uint8_t addresses_count;                                    /* 0: from anywhere */
    char addresses[RF_KEY_ADDRESSES_MAX][RF_ADDRESS_TEXT_SIZE]; /* IP or CIDR */
    uint16_t sealed_size;
    uint8_t sealed[RF_SEALED_SIZE];
    int64_t create_time_ns;
} rf_api_key;

typedef struct rf_user {
    char name[RF_USER_SIZE];
    uint8_t role;     /* rf_role */
    uint32_t account; /* of a TRADER */
    char password_hash[RF_PASSWORD_HASH_SIZE];
    uint16_t totp_size; /* 0: no one-time passwords */
    uint8_t totp[RF_SEALED_SIZE];
    uint32_t version; /* grows with every change: sessions of an older one are over */
    int64_t create_time_ns;
} rf_user;

/* An address that an account may withdraw to. */
typedef struct rf_wallet {
    uint32_t account, currency;
    char address[RF_WALLET_SIZE], tag[RF_TAG_SIZE], network[RF_NAME_SIZE], label[RF_NAME_SIZE];
    int64_t create_time_ns, usable_time_ns;
} rf_wallet;

typedef enum rf_withdrawal_status {
    RF_WITHDRAWAL_PENDING = 0,
    RF_WITHDRAWAL_PROCESSING = 1,
    RF_WITHDRAWAL_REJECTED = 2,
    RF_WITHDRAWAL_PAYING = 3,
    RF_WITHDRAWAL_FAILED = 4,
    RF_WITHDRAWAL_COMPLETED = 5,
    RF_WITHDRAWAL_CANCELLED = 6,
} rf_withdrawal_status;

/* What the engine's withdrawal is about. The record comes before the command, without an id; the
 * engine's event gives it its id, and its status afterwards. */
typedef struct rf_withdrawal_note {
    uint64_t id;
    uint32_t account, currency;
    int64_t amount; /* units, e8 */
    char address[RF_WALLET_SIZE], tag[RF_TAG_SIZE], network[RF_NAME_SIZE];
    char client_wid[RF_WID_SIZE], txid[RF_TXID_SIZE];
    uint8_t status; /* rf_withdrawal_status */
    int64_t create_time_ns, update_time_ns;
} rf_withdrawal_note;

/* At most this in 24 hours. account 0: whoever has no row of his own. */
typedef struct rf_day_limit {
    uint32_t account, currency;
    int64_t amount; /* units, e8 */
} rf_day_limit;

typedef struct rf_notice {
    uint64_t id; /* 1, 2, ... */
    int64_t time_ns;
    char title[RF_NOTICE_TITLE_SIZE], content[RF_NOTICE_TEXT_SIZE];
    char category[RF_NAME_SIZE], product_type[RF_NAME_SIZE], instrument[RF_NAME_SIZE];
} rf_notice;

typedef struct rf_registry rf_registry;

rf_registry *rf_registry_open(void); /* NULL: out of memory */
void rf_registry_close(rf_registry *registry);
/* Before anything is in it: makes the places of names in its tables unforeseeable. Nothing that can
 * be seen depends on it. */
void rf_registry_seed(rf_registry *registry, uint64_t seed);
/* Would rf_registry_apply take it? Makes room for it; changes nothing that can be seen. */
bool rf_registry_accepts(rf_registry *registry, const void *bytes, size_t size);
/* False: not a record of this version, or it does not fit; nothing changed. */
bool rf_registry_apply(rf_registry *registry, const void *bytes, size_t size);
/* Withdrawals get their ids and their ends from the engine. */
void rf_registry_event(rf_registry *registry, const rf_event *event);
bool rf_registry_save(const rf_registry *registry, rf_write write, void *context);
/* Into a freshly opened one. False: *error is a static sentence. */
bool rf_registry_load(rf_registry *registry, rf_read read, void *context, const char **error);

/* ---- Records: each appends one to out, to be handed to rf_world_record -------------------------- */
void rf_record_key(rf_bytes *out, const rf_api_key *key);
void rf_record_revoke(rf_bytes *out, const char *api_key);
void rf_record_user(rf_bytes *out, const rf_user *user); /* a new one, or a changed one: by name */
void rf_record_wallet(rf_bytes *out, const rf_wallet *wallet);
void rf_record_wallet_removed(rf_bytes *out,
                              const rf_wallet *wallet); /* account, currency, address, tag */
void rf_record_note(rf_bytes *out, const rf_withdrawal_note *note); /* before the command */
void rf_record_txid(rf_bytes *out, uint64_t withdrawal, const char *txid);
void rf_record_day_limit(rf_bytes *out, const rf_day_limit *limit); /* amount -1: no row any more */
void rf_record_notice(rf_bytes *out, const rf_notice *notice);      /* apply gives it its id */

/* ---- Looking (NULL, 0: no such thing) -------------------------------------------------------------- */
const rf_api_key *rf_registry_key(const rf_registry *registry, const char *api_key);
/* Its number from 0, which stays: keys are never removed. */
uint32_t rf_registry_key_number(const rf_registry *registry, const rf_api_key *key);
uint32_t rf_registry_keys_count(const rf_registry *registry);
const rf_api_key *rf_registry_key_at(const rf_registry *registry, uint32_t number);

const rf_user *rf_registry_user(const rf_registry *registry, const char *name);
uint32_t rf_registry_users_count(const rf_registry *registry);
const rf_user *rf_registry_user_at(const rf_registry *registry, uint32_t number);

/* tag "" = without one. */
const rf_wallet *rf_registry_wallet(const rf_registry *registry, uint32_t account,
                                    uint32_t currency, const char *address, const char *tag);
uint32_t rf_registry_wallets_count(const rf_registry *registry); /* of everybody */
const rf_wallet *rf_registry_wallet_at(const rf_registry *registry, uint32_t number);

/* By the engine's id. */
const rf_withdrawal_note *rf_registry_note(const rf_registry *registry, uint64_t withdrawal);
/* Asked for since then and not rejected, units e8. */
int64_t rf_registry_withdrawn(const rf_registry *registry, uint32_t account, uint32_t currency,
                              int64_t since_ns);
/* -1: no limit. */
int64_t rf_registry_day_limit(const rf_registry *registry, uint32_t account, uint32_t currency);

uint64_t rf_registry_notices_count(const rf_registry *registry); /* ever */
/* 0 = the newest one; NULL when it is forgotten. */
const rf_notice *rf_registry_notice(const rf_registry *registry, uint64_t ago);

#endif
