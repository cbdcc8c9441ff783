/* What the history asks of a database, as a table of functions, so that another one than SQLite can
 * take its place.
 *
 * Promise: rows of one begin .. commit appear together with the number of the record they end with,
 * or not at all. A row whose key is there is merged into it as rows.def says; of a table that is only
 * added to (its one key is `number`, nothing is merged) no number may come twice. One thread at a time.
 *
 * May include: base, history/rows.h. */
#ifndef RF_HISTORY_STORE_H
#define RF_HISTORY_STORE_H

#include "history/rows.h"

enum {
    RF_FILTERS_MAX = 8,
    RF_FILTER_TEXT_SIZE = 40,
    RF_SCHEMA_VERSION = 3, /* of the tables: another one is made anew from the journal */
};

typedef enum rf_compare { RF_EQUAL, RF_BELOW, RF_FROM, RF_ABOVE } rf_compare; /* = < >= > */

typedef struct rf_filter {
    rf_column_id column;
    rf_compare compare;
    int64_t value;
    char text[RF_FILTER_TEXT_SIZE]; /* of a text column, RF_EQUAL only */
} rf_filter;

typedef struct rf_query {
    rf_table table;
    rf_filter filters[RF_FILTERS_MAX];
    unsigned filters_count;
    rf_column_id order;
    bool ascending;
    uint32_t limit; /* 0 = all */
    uint32_t skip;  /* rows before the first, with a limit only */
} rf_query;

void rf_query_where(rf_query *query, rf_column_id column, rf_compare compare, int64_t value);

typedef struct rf_store rf_store;
struct rf_store {
    void *context;
    uint64_t applied; /* of the last commit, or as found when it was opened */
    bool (*begin)(rf_store *store, char error[256]);
    /* The row stays where it is until the transaction is over. */
    bool (*put)(rf_store *store, rf_table table, const void *row, char error[256]);
    bool (*commit)(rf_store *store, uint64_t applied, char error[256]);
    void (*rollback)(rf_store *store);
    /* Calls `each` with every row (valid during the call); false from it ends the walk. */
    bool (*find)(rf_store *store, const rf_query *query, bool (*each)(void *to, const void *row),
                 void *to, char error[256]);
    void (*close)(rf_store *store);
};

/* A file, or memory when path is NULL. A file of another schema version is emptied: it is derived.
 * False: `error` says why. */
bool rf_sqlite_open(rf_store *store, const char *path, char error[256]);

#endif
