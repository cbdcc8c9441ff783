/* Reads price CSV. One pass over the bytes: a line is cut into fields, the fields that matter are
 * read where the header says they stand.
 *
 *     ts_open_ms,open,high,low,close,volume_usd,...        a header: any order, unknown columns are
 * passed over 1583539200000,9158.5,9160.5,9158.5,9160,2835978,...
 *
 *     1583539200000,9158.5,9160.5,9158.5,9160,309.6,1583539259999,2835978.1,2040,150,1373980,0
 *                                                          no header: Binance's twelve columns in
 * their order */
#include "prices/prices.h"

#include "prices/number.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    COLUMNS_MAX = 64,
    KLINE_COLUMNS = 12,
    SHOWN_MAX = 24, /* bytes of a wrong field that a message repeats */
};

typedef enum column {
    COLUMN_TIME,
    COLUMN_OPEN,
    COLUMN_HIGH,
    COLUMN_LOW,
    COLUMN_CLOSE,
    COLUMN_VOLUME,
    COLUMN_QUOTE_VOLUME,
    COLUMNS,
} column;

static const char *const column_names[COLUMNS] = {"open time", "open",   "high",        "low",
                                                  "close",     "volume", "quote volume"};

/* What exchanges and converters call them. */
static const struct {
    const char *name;
    column column;
} aliases[] = {
    {"ts_open_ms", COLUMN_TIME},
    {"ts_open_us", COLUMN_TIME},
    {"open_time", COLUMN_TIME},
    {"timestamp", COLUMN_TIME},
    {"time", COLUMN_TIME},
    {"ts_ms", COLUMN_TIME},
    {"ts", COLUMN_TIME},
    {"open", COLUMN_OPEN},
    {"high", COLUMN_HIGH},
    {"low", COLUMN_LOW},
    {"close", COLUMN_CLOSE},
    {"volume_base", COLUMN_VOLUME},
    {"volume", COLUMN_VOLUME},
    {"vol", COLUMN_VOLUME},
    {"volume_usd", COLUMN_QUOTE_VOLUME},
    {"quote_volume", COLUMN_QUOTE_VOLUME},
    {"volume_quote", COLUMN_QUOTE_VOLUME},
    {"quote_asset_volume", COLUMN_QUOTE_VOLUME},
};

typedef struct field {
    const char *text;
    size_t size;
} field;

typedef struct reader {
    rf_prices *prices;
    const char *name;
    const char *at, *end;
    size_t line; /* of the fields, from 1 */
    field fields[COLUMNS_MAX];
    size_t fields_count;
    size_t width;          /* fields that every line must have */
    int place[COLUMNS];    /* index of each column, -1 = not there */
    size_t room;           /* bars allocated */
    int64_t trailing_unit; /* largest power of ten (at most 1e8) that divides every price */
} reader;

__attribute__((format(printf, 3, 4))) static bool fail_at(reader *r, size_t place,
                                                          const char *format, ...)
{
    rf_prices *prices = r->prices;
    va_list arguments;
    int used = snprintf(prices->error, sizeof prices->error,
                        "%.256s: line %zu, column %zu: ", r->name, r->line, place + 1);
    va_start(arguments, format);
    vsnprintf(prices->error + used, sizeof prices->error - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* The field as a message may show it: short and printable. */
static const char *shown(const field *f, char *text)
{
    size_t size = f->size < SHOWN_MAX ? f->size : SHOWN_MAX;
    for (size_t i = 0; i < size; i++)
        text[i] = f->text[i] >= ' ' && f->text[i] <= '~' ? f->text[i] : '?';
    strcpy(text + size, f->size > SHOWN_MAX ? "..." : "");
    return text;
}

static bool fail_field(reader *r, column which, rf_number_fault fault)
{
    char text[SHOWN_MAX + 4];
    size_t place = (size_t)r->place[which];
    return fail_at(r, place, "%s \"%s\" %s", column_names[which], shown(&r->fields[place], text),
                   rf_number_fault_text(fault));
}

/* ---- Lines and fields
 * -------------------------------------------------------------------------------- */

static void add_field(reader *r, const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    if (r->fields_count < COLUMNS_MAX)
        r->fields[r->fields_count] = (field){from, (size_t)(to - from)};
    r->fields_count++;
}

/* Cuts the next line that is not empty into fields. False at the end of the file. */
static bool next_line(reader *r)
{
    while (r->at < r->end) {
        const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
        const char *stop = newline ? newline : r->end;
        const char *from = r->at;
        r->at = newline ? newline + 1 : r->end;
        r->line++;
        if (stop > from && stop[-1] == '\r')
            stop--;
        if (stop == from)
            continue;
        r->fields_count = 0;
        for (const char *comma; (comma = memchr(from, ',', (size_t)(stop - from))) != NULL;
             from = comma + 1)
            add_field(r, from, comma);
        add_field(r, from, stop);
        return true;
    }
    return false;
}

/* ---- Header
 * ------------------------------------------------------------------------------------------ */

static bool is_header(const reader *r)
{
    const field *first = &r->fields[0];
    return first->size > 0 && (first->text[0] < '0' || first->text[0] > '9');
}

static int column_of(const field *f)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strlen(aliases[i].name) == f->size &&
            strncasecmp(aliases[i].name, f->text, f->size) == 0)
            return (int)aliases[i].column;
    return -1;
}

static bool read_header(reader *r)
{
    char text[SHOWN_MAX + 4];
    for (size_t i = 0; i < r->fields_count; i++) {
        int which = column_of(&r->fields[i]);
        if (which < 0)
            continue;
        if (r->place[which] >= 0)
            return fail_at(r, i, "a second %s column \"%s\"", column_names[which],
                           shown(&r->fields[i], text));
        r->place[which] = (int)i;
    }
    for (int which = COLUMN_TIME; which <= COLUMN_CLOSE; which++)
        if (r->place[which] < 0)
            return fail_at(r, 0, "the header names no %s column (first column: \"%s\")",
                           column_names[which], shown(&r->fields[0], text));
    return true;
}

static bool use_kline_columns(reader *r)
{
    static const int places[COLUMNS] = {0, 1, 2, 3, 4, 5, 7};
    char text[SHOWN_MAX + 4];
    if (r->fields_count != KLINE_COLUMNS)
        return fail_at(r, 0, "\"%s\" is neither a header nor the first of %d kline columns",
                       shown(&r->fields[0], text), KLINE_COLUMNS);
    memcpy(r->place, places, sizeof places);
    return true;
}

/* Learns the columns from the first line. *consumed: it was a header. */
static bool learn_columns(reader *r, bool *consumed)
{
    for (int which = 0; which < COLUMNS; which++)
        r->place[which] = -1;
    if (r->fields_count > COLUMNS_MAX)
        return fail_at(r, COLUMNS_MAX, "more than %d columns", COLUMNS_MAX);
    r->width = r->fields_count;
    *consumed = is_header(r);
    if (!(*consumed ? read_header(r) : use_kline_columns(r)))
        return false;
    r->prices->volume_is_quote = r->place[COLUMN_VOLUME] < 0 && r->place[COLUMN_QUOTE_VOLUME] >= 0;
    return true;
}

/* ---- Rows
 * -------------------------------------------------------------------------------------------- */

static bool read_price(reader *r, column which, int64_t *price)
{
    const field *f = &r->fields[r->place[which]];
    rf_number_fault fault = rf_number_decimal64(f->text, f->size, price);
    if (fault != RF_NUMBER_FINE)
        return fail_field(r, which, fault);
    if (*price == 0)
        return fail_at(r, (size_t)r->place[which], "%s is 0", column_names[which]);
    while (*price % r->trailing_unit != 0)
        r->trailing_unit /= 10;
    return true;
}

/* Milliseconds have 12 or 13 digits in this and the last age, microseconds 15 or 16: the size
 * tells. */
static bool read_time(reader *r, int64_t *time_ms)
{
    const field *f = &r->fields[r->place[COLUMN_TIME]];
    rf_number_fault fault = rf_number_integer(f->text, f->size, time_ms);
    if (fault != RF_NUMBER_FINE)
        return fail_field(r, COLUMN_TIME, fault);
    if (*time_ms >= 100000000000000LL)
        *time_ms /= 1000;
    if (*time_ms < 100000000000LL || *time_ms >= 9000000000000LL)
        return fail_at(r, (size_t)r->place[COLUMN_TIME],
                       "open time is neither in milli- nor in microseconds");
    const rf_prices *prices = r->prices;
    if (prices->count > 0 && *time_ms <= prices->bars[prices->count - 1].time_ms)
        return fail_at(r, (size_t)r->place[COLUMN_TIME],
                       "open time does not come after the line before");
    return true;
}

static bool read_volume(reader *r, rf_wide *volume)
{
    column which = r->prices->volume_is_quote ? COLUMN_QUOTE_VOLUME : COLUMN_VOLUME;
    *volume = RF_VOLUME_UNKNOWN;
    if (r->place[which] < 0)
        return true;
    const field *f = &r->fields[r->place[which]];
    if (f->size == 0)
        return true;
    rf_number_fault fault = rf_number_decimal(f->text, f->size, volume);
    return fault == RF_NUMBER_FINE || fail_field(r, which, fault);
}

/* The open may lie outside [low, high]: some venues print the close before. */
static bool check_shape(reader *r, const rf_price_bar *bar)
{
    if (bar->low > bar->high)
        return fail_at(r, (size_t)r->place[COLUMN_LOW], "low is above high");
    if (bar->close < bar->low)
        return fail_at(r, (size_t)r->place[COLUMN_CLOSE], "close is below low");
    if (bar->close > bar->high)
        return fail_at(r, (size_t)r->place[COLUMN_CLOSE], "close is above high");
    return true;
}

static bool add_bar(reader *r, const rf_price_bar *bar)
{
    rf_prices *prices = r->prices;
    if (prices->count == r->room) {
        size_t room = r->room * 2 + 4096;
        rf_price_bar *bars = realloc(prices->bars, room * sizeof *bars);
        if (!bars)
            return fail_at(r, 0, "out of memory");
        prices->bars = bars;
        r->room = room;
    }
    prices->bars[prices->count++] = *bar;
    return true;
}

static bool read_row(reader *r)
{
    rf_price_bar bar;
    if (r->fields_count != r->width)
        return fail_at(r, r->fields_count < r->width ? r->fields_count : r->width,
                       "%zu columns where %zu belong", r->fields_count, r->width);
    return read_time(r, &bar.time_ms) && read_price(r, COLUMN_OPEN, &bar.open) &&
           read_price(r, COLUMN_HIGH, &bar.high) && read_price(r, COLUMN_LOW, &bar.low) &&
           read_price(r, COLUMN_CLOSE, &bar.close) && read_volume(r, &bar.volume) &&
           check_shape(r, &bar) && add_bar(r, &bar);
}

static bool read_all(reader *r)
{
    bool consumed = false;
    if (!next_line(r)) {
        r->line = 1;
        return fail_at(r, 0, "the file is empty");
    }
    if (!learn_columns(r, &consumed))
        return false;
    if (!consumed && !read_row(r))
        return false;
    while (next_line(r))
        if (!read_row(r))
            return false;
    return r->prices->count > 0 || fail_at(r, 0, "the file has a header and no bar");
}

/* ---- Whole files
 * -------------------------------------------------------------------------------------- */

static void measure(rf_prices *prices, int64_t trailing_unit)
{
    int64_t interval = INT64_MAX;
    for (size_t i = 1; i < prices->count; i++) {
        int64_t distance = prices->bars[i].time_ms - prices->bars[i - 1].time_ms;
        interval = distance < interval ? distance : interval;
    }
    prices->interval_ms = prices->count > 1 ? interval : 60000;
    prices->decimals = 0;
    for (int64_t unit = trailing_unit; unit < RF_E8; unit *= 10)
        prices->decimals++;
}

static bool parse_text(rf_prices *prices, const char *name, const unsigned char *bytes, size_t size)
{
    reader r = {.prices = prices, .name = name, .trailing_unit = RF_E8};
    size_t mark =
        size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
    r.at = (const char *)bytes + mark;
    r.end = (const char *)bytes + size;
    if (read_all(&r)) {
        measure(prices, r.trailing_unit);
        return true;
    }
    rf_prices_finish(prices);
    return false;
}

bool rf_prices_parse(rf_prices *prices, const char *name, const unsigned char *bytes, size_t size)
{
    rf_prices_bytes text;
    *prices = (rf_prices){0};
    if (!rf_prices_unpack(&text, name, bytes, size, prices->error, sizeof prices->error))
        return false;
    bool fine = parse_text(prices, name, text.bytes, text.size);
    free(text.bytes);
    return fine;
}

bool rf_prices_read(rf_prices *prices, const char *path)
{
    rf_prices_bytes text;
    *prices = (rf_prices){0};
    if (!rf_prices_load(&text, path, prices->error, sizeof prices->error))
        return false;
    bool fine = parse_text(prices, path, text.bytes, text.size);
    free(text.bytes);
    return fine;
}

bool rf_prices_window(rf_prices *prices, const char *name, int64_t from_ms, int64_t to_ms)
{
    size_t first = 0, last = prices->count;
    while (first < last && prices->bars[first].time_ms < from_ms)
        first++;
    while (last > first && prices->bars[last - 1].time_ms >= to_ms)
        last--;
    if (first == last) {
        snprintf(prices->error, sizeof prices->error, "%.256s: no bar between --from and --to",
                 name);
        return false;
    }
    memmove(prices->bars, prices->bars + first, (last - first) * sizeof *prices->bars);
    prices->count = last - first;
    return true;
}

/* Keeps the error, which outlives the bars. */
void rf_prices_finish(rf_prices *prices)
{
    free(prices->bars);
    prices->bars = NULL;
    prices->count = 0;
}
