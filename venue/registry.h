/* What a venue knows beside its engine: API keys, people who log in, withdrawal addresses and
 * notes, notices.
 *
 * Promise: it changes by records only (rf_world_record), which are journaled like commands, so a
 * restart or a replica knows the same. Secrets come in sealed; nothing here can open them.
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

typedef struct rf_api_key {
    char key[RF_KEY_SIZE];
    uint32_t account;
    uint32_t scopes; /* rf_scope */
    bool revoked;
    uint8_t addresses_count;                                    /* 0: from anywhere */
    char addresses[RF_KEY_ADDRESSES_MAX][RF_ADDRESS_TEXT_SIZE]; /* IP or CIDR */
    uint16_t sealed_size;
    uint8_t sealed[RF_SEALED_SIZE];
    int64_t create_time_ns;
} rf_api_key;

typedef struct rf_registry rf_registry;

rf_registry *rf_registry_open(void); /* NULL: out of memory */
void rf_registry_close(rf_registry *registry);
/* False: not a record of this version; nothing changed. */
bool rf_registry_apply(rf_registry *registry, const void *bytes, size_t size);
bool rf_registry_save(const rf_registry *registry, rf_write write, void *context);
bool rf_registry_load(rf_registry *registry, rf_read read, void *context, const char **error);

/* NULL: no such key. */
const rf_api_key *rf_registry_key(const rf_registry *registry, const char *api_key);

#endif
