/* The store in SQLite: one table for each of rows.def and `meta` with the number of the last record,
 * which is written in the transaction of its rows. WAL and synchronous NORMAL: after power loss the
 * database may lack its last transactions, never have half of one, and the journal makes them anew. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "history/store.h"

enum {
    SQL_SIZE = 8192,
    ROW_SIZE_MAX = 1024,
    ROWS_AT_ONCE = 8, /* of one INSERT: a third less work a row; more rows bring next to nothing */
    CACHE_KIB = 16384,
    CHECKPOINT_PAGES = 4096, /* 16 MiB: pages that change often are copied back once */
};

/* Rows of one table on their way. `several` is NULL for a table whose rows are merged: what two rows
 * of one INSERT would become is not for SQLite to guess. */
typedef struct inserter {
    sqlite3_stmt *one, *several;
    const void *rows[ROWS_AT_ONCE];
    unsigned waiting;
} inserter;

typedef struct database {
    sqlite3 *db;
    inserter inserters[RF_TABLES];
    sqlite3_stmt *begin, *commit, *applied;
    bool in_transaction;
} database;

static bool complain(database *base, const char *what, char error[256])
{
    snprintf(error, 256, "history: %s: %s", what,
             base->db ? sqlite3_errmsg(base->db) : "no memory");
    return false;
}

static bool execute(database *base, const char *sql, char error[256])
{
    return sqlite3_exec(base->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           complain(base, "cannot execute", error);
}

/* ---- Statements out of rows.def -------------------------------------------------------------- */

static const rf_column *column_of(const rf_table_info *table, unsigned i)
{
    return &rf_columns[(unsigned)table->first + i];
}

static void add_names(rf_bytes *sql, const rf_table_info *table, bool keys_only)
{
    bool first = true;
    for (unsigned i = 0; i < table->columns; i++) {
        const rf_column *column = column_of(table, i);
        if (keys_only && column->merge != RF_MERGE_KEY)
            continue;
        if (!first)
            rf_bytes_char(sql, ',');
        rf_bytes_text(sql, column->name);
        first = false;
    }
}

/* The column that alone is the key and a number: it is what SQLite keeps a table's rows in order by, and
 * every index has it at its end. NULL: there is none. */
static const rf_column *row_id_of(const rf_table_info *table)
{
    const rf_column *key = column_of(table, 0);
    bool alone = table->columns == 1 || column_of(table, 1)->merge != RF_MERGE_KEY;
    return alone && key->size == 0 ? key : NULL;
}

/* A row is put there once and stays as it is: its key is its number, which no other row has. */
static bool is_appended(const rf_table_info *table)
{
    if (!row_id_of(table) || strcmp(column_of(table, 0)->name, "number") != 0)
        return false;
    for (unsigned i = 1; i < table->columns; i++)
        if (column_of(table, i)->merge != RF_MERGE_SET)
            return false;
    return true;
}

static void sql_create(rf_bytes *sql, const rf_table_info *table)
{
    const rf_column *row_id = row_id_of(table);
    rf_bytes_text(sql, "CREATE TABLE ");
    rf_bytes_text(sql, table->name);
    rf_bytes_text(sql, " (");
    for (unsigned i = 0; i < table->columns; i++) {
        const rf_column *column = column_of(table, i);
        rf_bytes_text(sql, i ? "," : "");
        rf_bytes_text(sql, column->name);
        rf_bytes_text(sql, column->size ? " TEXT NOT NULL" : " INTEGER NOT NULL");
        rf_bytes_text(sql, column == row_id ? " PRIMARY KEY" : "");
    }
    if (!row_id) {
        rf_bytes_text(sql, ",PRIMARY KEY (");
        add_names(sql, table, true);
        rf_bytes_char(sql, ')');
    }
    rf_bytes_text(sql, row_id ? ")" : ") WITHOUT ROWID");
}

static void add_pair(rf_bytes *sql, const char *function, const char *name)
{
    rf_bytes_text(sql, function);
    rf_bytes_char(sql, '(');
    rf_bytes_text(sql, name);
    rf_bytes_text(sql, ",excluded.");
    rf_bytes_text(sql, name);
    rf_bytes_char(sql, ')');
}

/* IIF(wanted <> 0, wanted, other) */
static void add_unless_zero(rf_bytes *sql, const char *wanted, const char *other, const char *name)
{
    const char *parts[] = {"IIF(", wanted, name, "<>0,", wanted, name, ",", other, name, ")"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        rf_bytes_text(sql, parts[i]);
}

static void add_merge(rf_bytes *sql, const rf_column *column)
{
    switch (column->merge) {
    case RF_MERGE_KEY:
        break;
    case RF_MERGE_SET:
        rf_bytes_text(sql, "excluded.");
        rf_bytes_text(sql, column->name);
        break;
    case RF_MERGE_FIRST:
        add_unless_zero(sql, "", "excluded.", column->name);
        break;
    case RF_MERGE_LAST:
        add_unless_zero(sql, "excluded.", "", column->name);
        break;
    case RF_MERGE_ADD:
        rf_bytes_text(sql, column->name);
        rf_bytes_text(sql, "+excluded.");
        rf_bytes_text(sql, column->name);
        break;
    case RF_MERGE_MAX:
        add_pair(sql, "MAX", column->name);
        break;
    case RF_MERGE_MIN:
        add_pair(sql, "MIN", column->name);
        break;
    }
}

static void add_values(rf_bytes *sql, const rf_table_info *table, unsigned rows)
{
    rf_bytes_text(sql, " INTO ");
    rf_bytes_text(sql, table->name);
    rf_bytes_text(sql, " VALUES ");
    for (unsigned i = 0; i < rows * table->columns; i++) {
        if (i % table->columns == 0)
            rf_bytes_text(sql, i ? "),(" : "(");
        rf_bytes_text(sql, i % table->columns ? ",?" : "?");
    }
    rf_bytes_char(sql, ')');
}

/* A number that is there already is a mistake of ours: it undoes the transaction. With that said SQLite
 * needs no way back to before the one statement. */
static void sql_append(rf_bytes *sql, const rf_table_info *table, unsigned rows)
{
    rf_bytes_text(sql, "INSERT OR ROLLBACK");
    add_values(sql, table, rows);
}

static void sql_merge(rf_bytes *sql, const rf_table_info *table)
{
    const char *separator = "";
    rf_bytes_text(sql, "INSERT");
    add_values(sql, table, 1);
    rf_bytes_text(sql, " ON CONFLICT (");
    add_names(sql, table, true);
    rf_bytes_text(sql, ") DO UPDATE SET ");
    for (unsigned i = 0; i < table->columns; i++) {
        const rf_column *column = column_of(table, i);
        if (column->merge == RF_MERGE_KEY)
            continue;
        rf_bytes_text(sql, separator);
        rf_bytes_text(sql, column->name);
        rf_bytes_char(sql, '=');
        add_merge(sql, column);
        separator = ",";
    }
}

static const char *finish_sql(rf_bytes *sql)
{
    rf_bytes_char(sql, 0);
    RF_CHECK(!sql->full);
    return sql->data;
}

static bool prepare(database *base, const char *sql, sqlite3_stmt **statement, char error[256])
{
    return sqlite3_prepare_v3(base->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
               SQLITE_OK ||
           complain(base, "cannot prepare", error);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool step(database *base, sqlite3_stmt *statement, char error[256])
{
    int code = sqlite3_step(statement);
    bool good = code == SQLITE_DONE || code == SQLITE_ROW;
    if (!good)
        complain(base, "cannot write", error);
    sqlite3_reset(statement);
    return good;
}

static bool begin(rf_store *store, char error[256])
{
    database *base = store->context;
    base->in_transaction = step(base, base->begin, error);
    return base->in_transaction;
}

static void rollback(rf_store *store)
{
    database *base = store->context;
    if (base->in_transaction && !sqlite3_get_autocommit(base->db))
        sqlite3_exec(base->db, "ROLLBACK", NULL, NULL, NULL);
    base->in_transaction = false;
    for (unsigned i = 0; i < RF_TABLES; i++)
        base->inserters[i].waiting = 0;
}

/* The columns of a row are the statement's parameters from `at` on. */
static void bind_row(sqlite3_stmt *statement, int at, const rf_table_info *info, const void *row)
{
    for (unsigned i = 0; i < info->columns; i++) {
        const rf_column *column = column_of(info, i);
        const char *place = (const char *)row + column->offset;
        int64_t value;
        if (column->size) {
            sqlite3_bind_text(statement, at + (int)i, place, -1, SQLITE_STATIC);
            continue;
        }
        memcpy(&value, place, sizeof value);
        sqlite3_bind_int64(statement, at + (int)i, value);
    }
}

static bool put_one(database *base, rf_table table, const void *row, char error[256])
{
    sqlite3_stmt *statement = base->inserters[table].one;
    bind_row(statement, 1, &rf_tables[table], row);
    return step(base, statement, error);
}

static bool put(rf_store *store, rf_table table, const void *row, char error[256])
{
    database *base = store->context;
    inserter *into = &base->inserters[table];
    const rf_table_info *info = &rf_tables[table];
    if (!into->several)
        return put_one(base, table, row, error);
    into->rows[into->waiting++] = row;
    if (into->waiting < ROWS_AT_ONCE)
        return true;
    into->waiting = 0;
    for (unsigned i = 0; i < ROWS_AT_ONCE; i++)
        bind_row(into->several, (int)(1 + i * info->columns), info, into->rows[i]);
    return step(base, into->several, error);
}

static bool put_waiting(database *base, char error[256])
{
    for (unsigned table = 0; table < RF_TABLES; table++) {
        inserter *into = &base->inserters[table];
        for (unsigned i = 0; i < into->waiting; i++)
            if (!put_one(base, (rf_table)table, into->rows[i], error))
                return false;
        into->waiting = 0;
    }
    return true;
}

static bool commit(rf_store *store, uint64_t applied, char error[256])
{
    database *base = store->context;
    sqlite3_bind_int64(base->applied, 1, (int64_t)applied);
    if (!put_waiting(base, error) || !step(base, base->applied, error) ||
        !step(base, base->commit, error))
        return false;
    base->in_transaction = false;
    store->applied = applied;
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

void rf_query_where(rf_query *query, rf_column_id column, rf_compare compare, int64_t value)
{
    RF_CHECK(query->filters_count < RF_FILTERS_MAX);
    query->filters[query->filters_count++] =
        (rf_filter){.column = column, .compare = compare, .value = value};
}

static void sql_find(rf_bytes *sql, const rf_query *query)
{
    static const char *const operators[] = {"=?", "<?", ">=?", ">?"};
    rf_bytes_text(sql, "SELECT * FROM ");
    rf_bytes_text(sql, rf_tables[query->table].name);
    for (unsigned i = 0; i < query->filters_count; i++) {
        rf_bytes_text(sql, i ? " AND " : " WHERE ");
        rf_bytes_text(sql, rf_columns[query->filters[i].column].name);
        rf_bytes_text(sql, operators[query->filters[i].compare]);
    }
    rf_bytes_text(sql, " ORDER BY ");
    rf_bytes_text(sql, rf_columns[query->order].name);
    rf_bytes_text(sql, query->ascending ? " ASC" : " DESC");
    if (query->limit) {
        rf_bytes_text(sql, " LIMIT ");
        rf_bytes_id(sql, query->limit);
        rf_bytes_text(sql, " OFFSET ");
        rf_bytes_id(sql, query->skip);
    }
}

static void bind_filters(sqlite3_stmt *statement, const rf_query *query)
{
    for (unsigned i = 0; i < query->filters_count; i++) {
        const rf_filter *filter = &query->filters[i];
        if (rf_columns[filter->column].size)
            sqlite3_bind_text(statement, (int)i + 1, filter->text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, (int)i + 1, filter->value);
    }
}

static void read_row(sqlite3_stmt *statement, const rf_table_info *table, void *row)
{
    memset(row, 0, table->size);
    for (unsigned i = 0; i < table->columns; i++) {
        const rf_column *column = column_of(table, i);
        char *place = (char *)row + column->offset;
        int64_t value = sqlite3_column_int64(statement, (int)i);
        if (!column->size)
            memcpy(place, &value, sizeof value);
        else
            snprintf(place, column->size, "%s",
                     (const char *)sqlite3_column_text(statement, (int)i));
    }
}

static bool find(rf_store *store, const rf_query *query, bool (*each)(void *to, const void *row),
                 void *to, char error[256])
{
    database *base = store->context;
    const rf_table_info *table = &rf_tables[query->table];
    int64_t row[ROW_SIZE_MAX / sizeof(int64_t)];
    char text[1024];
    rf_bytes sql;
    sqlite3_stmt *statement;
    int code;
    rf_bytes_init(&sql, text, sizeof text, NULL);
    sql_find(&sql, query);
    RF_CHECK(table->size <= sizeof row);
    if (!prepare(base, finish_sql(&sql), &statement, error))
        return false;
    bind_filters(statement, query);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        read_row(statement, table, row);
        if (!each(to, row))
            break;
    }
    bool good = code == SQLITE_ROW || code == SQLITE_DONE;
    if (!good)
        complain(base, "cannot read", error);
    sqlite3_finalize(statement);
    return good;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int64_t read_number(database *base, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number = 0;
    if (sqlite3_prepare_v2(base->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static bool create_indexes(database *base, rf_bytes *sql, char error[256])
{
    for (size_t i = 0; i < rf_indexes_count; i++) {
        const char *name = rf_tables[rf_indexes[i].table].name;
        rf_bytes_clear(sql);
        rf_bytes_text(sql, "CREATE INDEX ");
        rf_bytes_text(sql, name);
        rf_bytes_text(sql, "_by_");
        rf_bytes_id(sql, i);
        rf_bytes_text(sql, " ON ");
        rf_bytes_text(sql, name);
        rf_bytes_text(sql, " (");
        rf_bytes_text(sql, rf_indexes[i].columns);
        rf_bytes_char(sql, ')');
        if (!execute(base, finish_sql(sql), error))
            return false;
    }
    return true;
}

/* In one transaction, so that a file has all of it or none. */
static bool create(database *base, rf_bytes *sql, char error[256])
{
    if (!execute(base, "BEGIN", error))
        return false;
    for (unsigned i = 0; i < RF_TABLES; i++) {
        rf_bytes_clear(sql);
        sql_create(sql, &rf_tables[i]);
        if (!execute(base, finish_sql(sql), error))
            return false;
    }
    char version[128];
    snprintf(version, sizeof version, "PRAGMA user_version=%d; COMMIT", RF_SCHEMA_VERSION);
    return create_indexes(base, sql, error) &&
           execute(base,
                   "CREATE TABLE meta (one INTEGER PRIMARY KEY, applied INTEGER NOT NULL);"
                   "INSERT INTO meta VALUES (1, 0)",
                   error) &&
           execute(base, version, error);
}

/* What another version wrote is derived: it goes, and the journal makes it anew. */
static bool empty(database *base, char error[256])
{
    sqlite3_db_config(base->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, 0);
    bool good = execute(base, "VACUUM", error);
    sqlite3_db_config(base->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, 0);
    return good;
}

static bool prepare_inserter(database *base, unsigned table, rf_bytes *sql, char error[256])
{
    const rf_table_info *info = &rf_tables[table];
    inserter *into = &base->inserters[table];
    rf_bytes_clear(sql);
    if (!is_appended(info)) {
        sql_merge(sql, info);
        return prepare(base, finish_sql(sql), &into->one, error);
    }
    sql_append(sql, info, 1);
    if (!prepare(base, finish_sql(sql), &into->one, error))
        return false;
    rf_bytes_clear(sql);
    sql_append(sql, info, ROWS_AT_ONCE);
    return prepare(base, finish_sql(sql), &into->several, error);
}

static bool prepare_all(database *base, rf_bytes *sql, char error[256])
{
    for (unsigned i = 0; i < RF_TABLES; i++)
        if (!prepare_inserter(base, i, sql, error))
            return false;
    return prepare(base, "BEGIN IMMEDIATE", &base->begin, error) &&
           prepare(base, "COMMIT", &base->commit, error) &&
           prepare(base, "UPDATE meta SET applied=?", &base->applied, error);
}

static bool tune(database *base, char error[256])
{
    char text[128];
    snprintf(text, sizeof text, "PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d", CACHE_KIB,
             CHECKPOINT_PAGES);
    /* Journal mode first: a VACUUM inside WAL keeps the file. */
    return execute(base, "PRAGMA journal_mode=WAL", error) &&
           execute(base, "PRAGMA synchronous=NORMAL", error) && execute(base, text, error);
}

static bool open_schema(database *base, char error[256])
{
    char text[SQL_SIZE];
    rf_bytes sql;
    rf_bytes_init(&sql, text, sizeof text, NULL);
    if (!tune(base, error))
        return false;
    int64_t version = read_number(base, "PRAGMA user_version");
    if (version != RF_SCHEMA_VERSION && version != 0 && !empty(base, error))
        return false;
    if (version != RF_SCHEMA_VERSION && !create(base, &sql, error))
        return false;
    return prepare_all(base, &sql, error);
}

static void close_base(rf_store *store)
{
    database *base = store->context;
    if (!base)
        return;
    for (unsigned i = 0; i < RF_TABLES; i++) {
        sqlite3_finalize(base->inserters[i].one);
        sqlite3_finalize(base->inserters[i].several);
    }
    sqlite3_finalize(base->begin);
    sqlite3_finalize(base->commit);
    sqlite3_finalize(base->applied);
    sqlite3_close(base->db);
    free(base);
    store->context = NULL;
}

/* It holds what everybody did: for the owner's eyes only. SQLite gives its other files the same mode. */
static void make_private(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file);
}

bool rf_sqlite_open(rf_store *store, const char *path, char error[256])
{
    database *base = calloc(1, sizeof *base);
    *store = (rf_store){.context = base,
                        .begin = begin,
                        .put = put,
                        .commit = commit,
                        .rollback = rollback,
                        .find = find,
                        .close = close_base};
    if (!base) {
        snprintf(error, 256, "history: out of memory");
        return false;
    }
    if (path)
        make_private(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    bool good = sqlite3_open_v2(path ? path : ":memory:", &base->db, flags, NULL) == SQLITE_OK ||
                complain(base, path ? path : "memory", error);
    if (good && open_schema(base, error)) {
        store->applied = (uint64_t)read_number(base, "SELECT applied FROM meta");
        return true;
    }
    close_base(store);
    return false;
}
