/* What the parts of the feeder share. Private to history/feeder*.c.
 *
 * May include: history/feeder.h. */
#ifndef RF_HISTORY_FEEDER_STATE_H
#define RF_HISTORY_FEEDER_STATE_H

#include "history/feeder.h"

enum {
    FEEDER_LENGTHS = 3, /* of candles */
    FEEDER_REASONS = RF_REASON_FUND_INSURANCE + 1,
};

/* What an instrument's trades and prices add up to since the last batch. */
typedef struct feeder_market {
    rf_row_candle candles[FEEDER_LENGTHS]; /* volume 0: none */
    rf_row_valuation valuation;            /* mark 0: none */
    rf_row_rate rate;
    bool has_rate;
} feeder_market;

typedef struct feeder_cash {
    int64_t cash, isolated;
    int64_t hour_ns;    /* of the last change that is not in a row yet */
    bool known, listed; /* listed: in `dirty` */
} feeder_cash;

typedef struct feeder_liquidation {
    uint32_t account;
    uint64_t isolation_id;
    int64_t number, instrument;
} feeder_liquidation;

/* A payment's txid comes later, in a record of the registry's. */
enum { FEEDER_WITHDRAWALS = 1024 };
typedef struct feeder_withdrawal {
    uint64_t id;
    char txid[RF_TXID_SIZE]; /* as the row has it */
} feeder_withdrawal;

/* A cross position and its sums that are in no row yet. */
typedef struct feeder_holding {
    rf_row_holding row;
    int64_t qty;      /* when `known` */
    int64_t last;     /* row of its last change */
    uint32_t next;    /* of the same account, or free; 0 = none */
    bool known;       /* the engine was asked */
    bool listed, met; /* in `changed`, in `met` */
} feeder_holding;

typedef struct feeder_places {
    uint32_t *places;
    size_t count, max;
} feeder_places;

/* Trades of one taker's order in one record. */
typedef struct feeder_run {
    uint64_t order_id, match_id;
    int64_t count, index;
} feeder_run;

struct rf_feeder {
    rf_world *world;
    rf_event *events; /* of the record under way */
    size_t events_count, events_max;
    uint64_t record;
    uint32_t place;
    rf_batch batch;
    rf_journal_type types[FEEDER_REASONS]; /* of a LEDGER event, by its rf_reason */
    feeder_run run;
    feeder_market *markets; /* by instrument */
    feeder_cash *cash;      /* by account */
    uint32_t *dirty;        /* accounts with a change that is not in a row yet */
    uint32_t dirty_count;
    uint32_t currencies;              /* that have a row */
    feeder_liquidation *liquidations; /* under way */
    size_t liquidations_count, liquidations_max;
    feeder_holding *holdings; /* open ones, and those over that wait for their row; from 1 */
    size_t holdings_count, holdings_max;
    uint32_t *holdings_of; /* the first of each account */
    uint32_t holdings_free;
    feeder_places changed;          /* holdings with sums that are in no row yet */
    rf_position_view *views;        /* room for an account's positions */
    feeder_withdrawal *withdrawals; /* a ring of the newest */
    uint64_t withdrawals_count;
    /* Of the record under way: */
    rf_row_insurance *insurance;
    size_t insurance_count, insurance_max;
    uint64_t *touched; /* isolations whose numbers changed */
    size_t touched_count, touched_max;
    feeder_places met; /* holdings that changed */
    bool out_of_memory;
};

int64_t feeder_number(rf_feeder *feeder);
void feeder_add(rf_feeder *feeder, rf_table table, const void *row);
/* Room for one more element of `size` bytes in a list; false: out of memory, noted. */
bool feeder_room(rf_feeder *feeder, void **list, size_t count, size_t *max, size_t size);
void feeder_cash_moved(rf_feeder *feeder, const rf_event *event, uint32_t account, bool isolated,
                       int64_t amount);
void feeder_order_oid(const rf_feeder *feeder, const rf_event *event, char oid[RF_CLIENT_OID_SIZE]);

/* A ledger event's user on one side: false when that side is the house's. */
typedef struct feeder_user {
    uint32_t account;
    uint64_t isolation_id;
    bool isolated;
} feeder_user;
bool feeder_user_of(const rf_event *event, bool giver, feeder_user *user);
static inline int64_t feeder_hour(int64_t time_ns)
{
    return time_ns - time_ns % 3600000000000LL;
}

/* feeder_money.c: lines of the ledger, transfers, the insurance fund. */
/* Once, before the first event. */
void feeder_name_types(rf_feeder *feeder);
void feeder_money_event(rf_feeder *feeder, const rf_event *event);
void feeder_money_done(rf_feeder *feeder);
void feeder_notes_changed(rf_feeder *feeder);
bool feeder_load_withdrawals(rf_feeder *feeder, rf_store *store, char error[256]);
/* feeder_holding.c: cross positions summed up. */
/* Before the other rows of the event. */
void feeder_holding_event(rf_feeder *feeder, const rf_event *event);
void feeder_holding_done(rf_feeder *feeder);
/* Before the batch is taken. */
void feeder_holding_flush(rf_feeder *feeder);
/* After a restart: those that the store has open. */
bool feeder_load_holdings(rf_feeder *feeder, rf_store *store, char error[256]);
/* feeder_story.c: isolations, liquidations, their story and numbers. */
void feeder_story_event(rf_feeder *feeder, size_t at);
void feeder_story_done(rf_feeder *feeder);
/* The liquidation under way that an event belongs to; NULL. */
feeder_liquidation *feeder_liquidation_of(rf_feeder *feeder, uint32_t account,
                                          uint64_t isolation_id);
bool feeder_liquidation_add(rf_feeder *feeder, feeder_liquidation liquidation);

#endif
