/* A whole history as text, and two of them held against each other.
 *
 * May include: history, venue, cmocka. */
#ifndef RF_TESTS_HISTORY_DUMP_H
#define RF_TESTS_HISTORY_DUMP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "history/rows.h"
#include "history/store.h"
#include "venue/world.h"

typedef struct dump {
    rf_bytes text;
    const rf_table_info *table;
    size_t rows;
} dump;

static inline bool dump_row(void *to, const void *row)
{
    dump *into = to;
    into->rows++;
    for (unsigned i = 0; i < into->table->columns; i++) {
        const rf_column *column = &rf_columns[(unsigned)into->table->first + i];
        const char *place = (const char *)row + column->offset;
        int64_t value;
        memcpy(&value, place, sizeof value);
        rf_bytes_char(&into->text, i ? ',' : '\n');
        if (column->size)
            rf_bytes_text(&into->text, place);
        else
            rf_bytes_int(&into->text, value);
    }
    return true;
}

static inline void dump_store(rf_store *store, dump *into)
{
    char error[256];
    *into = (dump){0};
    rf_bytes_init(&into->text, NULL, 0, rf_world_grow);
    for (unsigned i = 0; i < RF_TABLES; i++) {
        into->table = &rf_tables[i];
        rf_query query = {.table = (rf_table)i, .order = into->table->first, .ascending = true};
        rf_bytes_text(&into->text, into->table->name);
        assert_true(store->find(store, &query, dump_row, into, error));
    }
    rf_bytes_char(&into->text, 0);
    assert_false(into->text.full);
}

static inline void assert_same(const dump *a, const dump *b)
{
    size_t at = 0;
    while (at < a->text.size && at < b->text.size && a->text.data[at] == b->text.data[at])
        at++;
    size_t from = at > 150 ? at - 150 : 0;
    if (at < a->text.size || at < b->text.size)
        fail_msg("differ at %zu:\n%.300s\n-- and --\n%.300s", at, a->text.data + from,
                 b->text.data + from);
}

#endif
