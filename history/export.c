/* private/x/export: a list's rows as CSV, one column for each of rows.def, with a line of names.
 * Numbers are written as the API writes them; the CSV is one text in the JSON answer, so that every
 * door can carry it. */
#include <stdlib.h>
#include <string.h>

#include "history/answer.h"
#include "venue/world.h"

typedef struct export_walk {
    history_answer *answer;
    const rf_table_info *table;
    rf_bytes csv;
} export_walk;

/* Quoted when it holds what would end a field; a formula of a spreadsheet is made harmless. */
static void put_text(rf_bytes *csv, const char *text)
{
    bool formula = *text && strchr("=+-@", *text);
    if (!formula && !strpbrk(text, ",\"\n\r")) {
        rf_bytes_text(csv, text);
        return;
    }
    rf_bytes_char(csv, '"');
    if (formula)
        rf_bytes_char(csv, '\'');
    for (; *text; text++) {
        if (*text == '"')
            rf_bytes_char(csv, '"');
        rf_bytes_char(csv, *text);
    }
    rf_bytes_char(csv, '"');
}

static void put_value(export_walk *walk, const rf_column *column, int64_t value,
                      const rf_row_instrument *instrument, bool money)
{
    rf_bytes *csv = &walk->csv;
    char name[RF_NAME_SIZE];
    if (column == &rf_columns[RF_C_ledger_type]) {
        put_text(csv, history_journal_name(value, name));
        return;
    }
    if (column == &rf_columns[RF_C_ledger_qty]) {
        rf_bytes_decimal(csv, value, money ? 8 : (unsigned)instrument->qty_decimals);
        return;
    }
    if (column == &rf_columns[RF_C_orders_isolated_margin] && value < 0)
        return; /* not given */
    switch (column->kind) {
    case RF_KIND_MONEY:
    case RF_KIND_RATE:
        rf_bytes_decimal(csv, value, 8);
        break;
    case RF_KIND_PRICE:
        rf_bytes_decimal(csv, value, (unsigned)instrument->price_decimals);
        break;
    case RF_KIND_QTY:
        rf_bytes_decimal(csv, value, (unsigned)instrument->qty_decimals);
        break;
    case RF_KIND_INSTRUMENT:
        put_text(csv, history_instrument(walk->answer, value)->name);
        break;
    case RF_KIND_CURRENCY:
        put_text(csv, history_currency(walk->answer, value));
        break;
    case RF_KIND_INT:
    case RF_KIND_ID:
    case RF_KIND_TIME:
    case RF_KIND_ACCOUNT:
    case RF_KIND_TEXT:
        rf_bytes_int(csv, value);
        break;
    }
}

static const rf_row_instrument *instrument_of(const export_walk *walk, const void *row)
{
    for (unsigned i = 0; i < walk->table->columns; i++) {
        const rf_column *column = &rf_columns[(unsigned)walk->table->first + i];
        if (column->kind == RF_KIND_INSTRUMENT)
            return history_instrument(walk->answer, history_integer(row, column));
    }
    return history_instrument(walk->answer, -1);
}

static void put_row(export_walk *walk, const void *row)
{
    const rf_row_instrument *instrument = instrument_of(walk, row);
    for (unsigned i = 0; i < walk->table->columns; i++) {
        const rf_column *column = &rf_columns[(unsigned)walk->table->first + i];
        if (i)
            rf_bytes_char(&walk->csv, ',');
        if (column->size)
            put_text(&walk->csv, (const char *)row + column->offset);
        else
            put_value(walk, column, history_integer(row, column), instrument,
                      instrument->instrument < 0);
    }
    rf_bytes_char(&walk->csv, '\n');
}

static void put_names(export_walk *walk)
{
    for (unsigned i = 0; i < walk->table->columns; i++) {
        if (i)
            rf_bytes_char(&walk->csv, ',');
        rf_bytes_text(&walk->csv, rf_columns[(unsigned)walk->table->first + i].name);
    }
    rf_bytes_char(&walk->csv, '\n');
}

static bool export_row(void *to, const void *row)
{
    export_walk *walk = to;
    bool shown;
    const bool on = history_row_counts(walk->answer, row, &shown);
    if (shown)
        put_row(walk, row);
    return on;
}

rf_error history_answer_export(history_answer *answer)
{
    export_walk walk = {.answer = answer, .table = &rf_tables[answer->job->query.table]};
    rf_bytes *out = answer->out;
    rf_bytes_init(&walk.csv, NULL, 0, rf_world_grow);
    put_names(&walk);
    bool good = history_find(answer, &answer->job->query, export_row, &walk) && !walk.csv.full;
    if (good) {
        rf_bytes_char(&walk.csv, 0);
        rf_put_open(out, NULL, '{');
        rf_put_int(out, "rows", answer->shown);
        rf_put_text(out, "csv", walk.csv.data);
        if (answer->more)
            rf_put_id(out, "next_cursor", (uint64_t)answer->last);
        rf_put_close(out, '}');
    }
    free(walk.csv.data);
    return good ? RF_ERR_OK : RF_ERR_SYSTEM_MAINTENANCE;
}
