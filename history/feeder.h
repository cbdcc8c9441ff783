/* Turns what the engine tells into rows of the history.
 *
 * Promise: a function of the records: the same records give the same rows with the same numbers,
 * however they are cut into batches and wherever the feeder was started anew. Events are kept while
 * a command runs and looked at when it is done (`applied`), never in its middle.
 *
 * May include: base, api/method.h, engine/margin.h, venue/world.h, history/batch.h. */
#ifndef RF_HISTORY_FEEDER_H
#define RF_HISTORY_FEEDER_H

#include "history/batch.h"
#include "venue/world.h"

/* In the order of params.def, TRANSACTIONS journal_type. */
typedef enum rf_journal_type {
    RF_JOURNAL_TRADING,
    RF_JOURNAL_TRADE_FEE,
    RF_JOURNAL_ONCHAIN_WITHDRAWAL,
    RF_JOURNAL_ONCHAIN_DEPOSIT,
    RF_JOURNAL_FUNDING,
    RF_JOURNAL_REALIZED_PNL,
    RF_JOURNAL_INSURANCE_FUND,
    RF_JOURNAL_SOCIALIZED_LOSS,
    RF_JOURNAL_LIQUIDATION_FEE,
    RF_JOURNAL_SESSION_RESET,
    RF_JOURNAL_ADJUSTMENT,
    RF_JOURNAL_SESSION_SETTLE,
    RF_JOURNAL_UNCOVERED_LOSS,
    RF_JOURNAL_ADMIN_ADJUSTMENT,
    RF_JOURNAL_DELIST,
    RF_JOURNAL_SETTLEMENT_FEE,
    RF_JOURNAL_AUTO_CONVERSION,
    RF_JOURNAL_MANUAL_CONVERSION,
    RF_JOURNAL_SUBACCOUNT_TX,
    RF_JOURNAL_FIAT_WITHDRAWAL_CANCEL,
    RF_JOURNAL_MARGIN_TRADE_INTEREST,
} rf_journal_type;

/* Stored: append, never renumber. */
typedef enum rf_sub_type {
    RF_SUB_NONE,
    RF_SUB_ISOLATED_MARGIN_TRANSFER,
    RF_SUB_TAKEN_OVER,
    RF_SUB_DELEVERAGED,
    RF_SUB_SETTLEMENT_PRICE,
    RF_SUB_WITHDRAWAL_REJECTED,
    RF_SUB_TYPES,
} rf_sub_type;

typedef enum rf_way_out {
    RF_WAY_NONE,
    RF_WAY_CLOSED,
    RF_WAY_DELEVERAGED,
    RF_WAY_SETTLED,
    RF_WAY_LIQUIDATED,
    RF_WAYS_OUT,
} rf_way_out;

typedef struct rf_feeder rf_feeder;

/* `applied`: records up to it are in the store already; liquidations that it has open go on. NULL:
 * out of memory, or the store cannot be read. */
rf_feeder *rf_feeder_open(rf_world *world, rf_store *store, char error[256]);
void rf_feeder_close(rf_feeder *feeder);

void rf_feeder_event(rf_feeder *feeder, const rf_event *event);
/* The record is applied. Its number must be above that of the one before. */
void rf_feeder_applied(rf_feeder *feeder, rf_record_kind kind, uint64_t record);
void rf_feeder_pass(rf_feeder *feeder);         /* the record is in the store already: no rows */
size_t rf_feeder_rows(const rf_feeder *feeder); /* that wait to be taken */
/* Moves everything so far into an empty batch. */
void rf_feeder_take(rf_feeder *feeder, rf_batch *batch);

#endif
