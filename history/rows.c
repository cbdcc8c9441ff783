#include "history/rows.h"

#include <stddef.h>

const rf_column rf_columns[RF_COLUMNS] = {
#define RF_TABLE(table, doc)
#define RF_INT(table, column, kind, merge, doc) \
    {#column, doc, offsetof(rf_row_##table, column), 0, RF_KIND_##kind, RF_MERGE_##merge},
#define RF_TEXT(table, column, size, doc) \
    {#column, doc, offsetof(rf_row_##table, column), size, RF_KIND_TEXT, RF_MERGE_SET},
#define RF_TABLE_END(table)
#define RF_INDEX(table, columns)
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX
};

const rf_table_info rf_tables[RF_TABLES] = {
#define RF_TABLE(table, doc) \
    {                        \
#table, doc, RF_C_##table##_first,
#define RF_INT(table, column, kind, merge, doc) 1 +
#define RF_TEXT(table, column, size, doc) 1 +
#define RF_TABLE_END(table)   \
    0, sizeof(rf_row_##table) \
    }                         \
    ,
#define RF_INDEX(table, columns)
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX
};

const rf_index_info rf_indexes[] = {
#define RF_TABLE(table, doc)
#define RF_INT(table, column, kind, merge, doc)
#define RF_TEXT(table, column, size, doc)
#define RF_TABLE_END(table)
#define RF_INDEX(table, columns) {RF_TABLE_##table, columns},
#include "history/rows.def"
#undef RF_TABLE
#undef RF_INT
#undef RF_TEXT
#undef RF_TABLE_END
#undef RF_INDEX
};
const size_t rf_indexes_count = sizeof rf_indexes / sizeof *rf_indexes;
