/* Rows of the history's tables as structs, and the tables as data (rows.def).
 *
 * Promise: a struct of integers (int64_t) and texts, in the order of rows.def; `rf_columns` says
 * where each stands, so that stores and exports need no code of their own for a table.
 *
 * May include: base, include/ringfence.h, venue/registry.h (sizes of texts). */
#ifndef RF_HISTORY_ROWS_H
#define RF_HISTORY_ROWS_H

#include "base/types.h"
#include "include/ringfence.h"
#include "venue/registry.h"

#define RF_TABLE(table, doc) typedef struct rf_row_##table {
#define RF_INT(table, column, kind, merge, doc) int64_t column;
#define RF_TEXT(table, column, size, doc) char column[size];
#define RF_TABLE_END(table) \
    }                       \
    rf_row_##table;
#define RF_INDEX(table, columns)
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX

typedef enum rf_table {
#define RF_TABLE(table, doc) RF_TABLE_##table,
#define RF_INT(table, column, kind, merge, doc)
#define RF_TEXT(table, column, size, doc)
#define RF_TABLE_END(table)
#define RF_INDEX(table, columns)
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX
    RF_TABLES
} rf_table;

/* RF_C_orders_account is the place of a column in rf_columns. */
typedef enum rf_column_id {
#define RF_TABLE(table, doc) RF_C_##table##_first, RF_C_##table##_before = RF_C_##table##_first - 1,
#define RF_INT(table, column, kind, merge, doc) RF_C_##table##_##column,
#define RF_TEXT(table, column, size, doc) RF_C_##table##_##column,
#define RF_TABLE_END(table)
#define RF_INDEX(table, columns)
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX
    RF_COLUMNS
} rf_column_id;

typedef enum rf_column_kind {
    RF_KIND_INT,
    RF_KIND_ID,
    RF_KIND_TIME,
    RF_KIND_MONEY,
    RF_KIND_RATE,
    RF_KIND_PRICE,
    RF_KIND_QTY,
    RF_KIND_ACCOUNT,
    RF_KIND_INSTRUMENT,
    RF_KIND_CURRENCY,
    RF_KIND_TEXT,
} rf_column_kind;

typedef enum rf_merge {
    RF_MERGE_KEY,
    RF_MERGE_SET,
    RF_MERGE_FIRST,
    RF_MERGE_LAST,
    RF_MERGE_ADD,
    RF_MERGE_MAX,
    RF_MERGE_MIN,
} rf_merge;

typedef struct rf_column {
    const char *name, *doc;
    uint16_t offset, size; /* size of a text, 0 = an integer */
    rf_column_kind kind;
    rf_merge merge;
} rf_column;

typedef struct rf_table_info {
    const char *name, *doc;
    rf_column_id first;
    unsigned columns;
    size_t size;
} rf_table_info;

typedef struct rf_index_info {
    rf_table table;
    const char *columns;
} rf_index_info;

extern const rf_column rf_columns[RF_COLUMNS];
extern const rf_table_info rf_tables[RF_TABLES];
extern const rf_index_info rf_indexes[];
extern const size_t rf_indexes_count;

enum { RF_ROW_PLACES = 20 }; /* bits of a row's number below the record's */

static inline int64_t rf_row_number(uint64_t record, uint32_t place)
{
    return (int64_t)(record << RF_ROW_PLACES | place);
}

#endif
