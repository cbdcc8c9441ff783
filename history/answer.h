/* From rows to answers: what the jobs of history_serve do in the worker. Private to history/.
 *
 * May include: api, history/state.h. */
#ifndef RF_HISTORY_ANSWER_H
#define RF_HISTORY_ANSWER_H

#include "api/handlers.h"
#include "api/put.h"
#include "history/state.h"

typedef struct history_job history_job;

/* A job at work: where it writes, and what instruments and currencies are called. */
typedef struct history_answer {
    const history_job *job;
    rf_store *store;
    rf_bytes *out;
    rf_row_instrument *instruments;
    size_t instruments_count, instruments_max;
    rf_row_currency *currencies;
    size_t currencies_count, currencies_max;
    uint32_t shown; /* rows so far */
    int64_t last;   /* number of the last of them */
    bool more;      /* there are further ones */
    char error[256];
} history_answer;

/* How a table is shown. */
typedef struct history_shape {
    rf_table table;
    rf_column_id number;                                      /* what it is ordered and paged by */
    bool (*accepts)(const history_job *job, const void *row); /* NULL: all */
    void (*encode)(history_answer *answer, const void *row);
} history_shape;

struct history_job {
    rf_history *history;
    rf_error (*answer)(history_answer *answer);
    rf_query query;
    const history_shape *shape;
    uint32_t limit;
    bool advanced;       /* orders with their lists */
    int64_t from, until; /* bars, balances, valuations */
    int64_t step_ns;     /* balances */
    uint32_t instrument;
    rf_timeframe timeframe;
    rf_series series;
    char name[RF_NAME_SIZE];
    rf_sample *samples; /* valuations: what the ring has, owned */
    size_t samples_count;
    uint64_t id;      /* stories */
    uint32_t account; /* results; stories: whose, 0 = anybody's */
};

/* Leaves the job with the call; it is copied. */
rf_error history_leave(rf_call *call, const history_job *job);

/* {"data":[...],"next_cursor":"..."} of job->shape. */
rf_error history_answer_list(history_answer *answer);
rf_error history_answer_results(history_answer *answer); /* open positions of job->account */
rf_error history_answer_order(history_answer *answer);   /* one order or 40401 */
rf_error history_answer_balances(history_answer *answer);
rf_error history_answer_transfers(history_answer *answer);
rf_error history_answer_trades(history_answer *answer);
rf_error history_answer_bars(history_answer *answer);
rf_error history_answer_series(history_answer *answer);
rf_error history_answer_export(history_answer *answer);
rf_error history_answer_story(history_answer *answer);

extern const history_shape history_orders, history_trades, history_ledger, history_positions,
    history_liquidations, history_insurance, history_deposits, history_withdrawals;

const char *history_sub_type_name(int64_t sub_type);
const char *history_way_out_name(int64_t way_out);
const char *history_insurance_kind_name(int64_t kind);
const char *history_journal_name(int64_t type, char name[RF_NAME_SIZE]);

/* Never NULL: an unknown one has no name and no decimals. */
const rf_row_instrument *history_instrument(const history_answer *answer, int64_t instrument);
const char *history_currency(const history_answer *answer, int64_t currency);
int64_t history_integer(const void *row, const rf_column *column);
/* A row of a page: whether it is shown, and (the return) whether to go on. Counts it. */
bool history_row_counts(history_answer *answer, const void *row, bool *shown);
/* Runs a query; false: answer->error says why. */
bool history_find(history_answer *answer, const rf_query *query,
                  bool (*each)(void *to, const void *row), void *to);

#endif
