/* What the registry holds, and its records' fields. Private to registry*.c.
 *
 * May include: base, venue/registry.h. */
#ifndef RF_VENUE_REGISTRY_STATE_H
#define RF_VENUE_REGISTRY_STATE_H

#include "base/flow.h"
#include "venue/registry.h"

/* Things in the order in which they came. */
typedef struct rf_rows {
    void *items;
    uint32_t count, max;
} rf_rows;

/* Place of a name: numbers of rows plus 1 by hash, at most half full; 0 = empty. */
typedef struct rf_names {
    uint32_t *slots;
    uint32_t mask;
} rf_names;

struct rf_registry {
    uint64_t seed;
    rf_rows keys, users, wallets, notes, day_limits, notices;
    uint64_t notices_count; /* ever */
    rf_names key_names, user_names;
    /* The note that the next withdrawal of this account gets; account 0: there is none. */
    rf_withdrawal_note coming;
};

/* Values are stored in journals: append, never renumber. */
typedef enum rf_registry_kind {
    RF_REGISTRY_KEY = 1,
    RF_REGISTRY_REVOKE = 2,
    RF_REGISTRY_USER = 3,
    RF_REGISTRY_WALLET = 4,
    RF_REGISTRY_WALLET_REMOVED = 5,
    RF_REGISTRY_NOTE = 6,
    RF_REGISTRY_TXID = 7,
    RF_REGISTRY_DAY_LIMIT = 8,
    RF_REGISTRY_NOTICE = 9,
} rf_registry_kind;

/* A record: version (1 byte), kind (1 byte), then the fields of one of these. A note of kind TXID
 * has its id and txid only. */
typedef struct rf_record {
    uint8_t version, kind;
    union {
        rf_api_key key; /* REVOKE: its name only */
        rf_user user;
        rf_wallet wallet;
        rf_withdrawal_note note;
        rf_day_limit day_limit;
        rf_notice notice;
    } u;
} rf_record;

enum { RF_REGISTRY_VERSION = 1 };

/* Each writes the fields or reads them; what is read is good in itself: texts end, numbers are in
 * their range (registry_fields.c). */
void rf_x_key(rf_flow *flow, rf_api_key *key);
void rf_x_user(rf_flow *flow, rf_user *user);
void rf_x_wallet(rf_flow *flow, rf_wallet *wallet);
void rf_x_note(rf_flow *flow, rf_withdrawal_note *note);
void rf_x_day_limit(rf_flow *flow, rf_day_limit *limit);
void rf_x_notice(rf_flow *flow, rf_notice *notice);
void rf_x_record(rf_flow *flow, rf_record *record);

/* False: not a record of this version. */
bool rf_record_read(const void *bytes, size_t size, rf_record *record);

#endif
