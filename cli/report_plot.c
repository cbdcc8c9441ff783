/* Plots as SVG. A plot is 960 units wide; times run along the bars (a hole in the history takes no room), values up. */
#include "cli/report.h"
#include "prices/number.h"

#include "base/arith.h"

#include <string.h>

enum {
    WIDTH = 960,
    LEFT = 76, /* room for the labels of values */
    RIGHT = 12,
    TOP = 12,
    BOTTOM = 26, /* room for the labels of times */
    INNER = WIDTH - LEFT - RIGHT,
    COLUMNS = 436,  /* bars are gathered into at most this many columns of two units */
    FINE = 10,      /* coordinates are written in tenths */
    LABEL_GAP = 92, /* least distance of two labels of times */
};

/* Values from low to high are drawn from the bottom up to the top of a pane. */
typedef struct scale {
    int64_t low, high, step; /* step: between two grid lines */
    int top, height;
} scale;

/* ---- Numbers ------------------------------------------------------------------------------------------------------ */

static char *trimmed(char *text, rf_wide value, const char *unit)
{
    rf_number_format_grouped(text, value, 2);
    size_t size = strlen(text);
    while (text[size - 1] == '0')
        size--;
    size -= text[size - 1] == '.';
    strcpy(text + size, unit);
    return text;
}

char *rf_report_short_usd(char *text, int64_t amount)
{
    char digits[RF_NUMBER_TEXT_SIZE];
    const int64_t size = rf_abs(amount) / RF_E8;
    if (size >= 1000000000)
        trimmed(digits, rf_abs(amount) / 1000000000, " B");
    else if (size >= 1000000)
        trimmed(digits, rf_abs(amount) / 1000000, " M");
    else if (size >= 100000)
        trimmed(digits, rf_abs(amount) / 1000, " k");
    else
        trimmed(digits, rf_abs(amount), "");
    snprintf(text, RF_NUMBER_TEXT_SIZE, "%s$%.40s", amount < 0 ? "-" : "", digits);
    return text;
}

/* Prices as the market writes them; small ones need all their decimals. */
static char *short_price(char *text, int64_t price)
{
    rf_number_format_grouped(text, price, price >= 10 * RF_E8 ? 2 : 8);
    size_t size = strlen(text);
    while (text[size - 1] == '0')
        size--;
    size -= text[size - 1] == '.';
    text[size] = '\0';
    return text;
}

/* ---- Scales --------------------------------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that about five lines cross the pane. */
static int64_t nice_step(int64_t span)
{
    static const int64_t factors[] = {1, 2, 5};
    for (int64_t power = 1; power <= span; power *= 10)
        for (int i = 0; i < 3; i++)
            if (span / (power * factors[i]) <= 5)
                return power * factors[i];
    return 1;
}

/* Widened to whole steps. */
static scale make_scale(int64_t low, int64_t high, int top, int height)
{
    scale s = {.top = top, .height = height, .step = nice_step(rf_max(high - low, 1))};
    s.low = rf_narrow(rf_div_down(low, s.step) * s.step);
    s.high = rf_narrow(rf_div_up(high, s.step) * s.step);
    if (s.low == s.high)
        s.high += s.step;
    return s;
}

/* In tenths of a unit. */
static int y_of(const scale *s, int64_t value)
{
    const rf_wide above = (rf_wide)(value - s->low) * s->height * FINE / (s->high - s->low);
    return (s->top + s->height) * FINE - (int)above;
}

static int x_of(size_t index, size_t count)
{
    return LEFT * FINE + (int)(index * INNER * FINE / (count > 1 ? count - 1 : 1));
}

/* Writes tenths as a decimal. */
static void put_tenths(FILE *out, int tenths)
{
    fprintf(out, tenths % FINE ? "%d.%d" : "%d", tenths / FINE, tenths % FINE);
}

static void put_point(FILE *out, int x, int y)
{
    put_tenths(out, x);
    fputc(',', out);
    put_tenths(out, y);
    fputc(' ', out);
}

/* ---- Frame ---------------------------------------------------------------------------------------------------------- */

static void open_plot(FILE *out, int height, const char *label)
{
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, height,
            label);
}

static void close_plot(FILE *out)
{
    fputs("</svg>\n", out);
}

static void draw_values(FILE *out, const scale *s, char *(*format)(char *, int64_t))
{
    for (int64_t value = s->low; value <= s->high; value += s->step) {
        char text[RF_NUMBER_TEXT_SIZE];
        const int y = y_of(s, value) / FINE;
        fprintf(out, "<path class=\"%s\" d=\"M%d %dH%d\"/>", value == 0 ? "zero" : "grid", LEFT, y,
                WIDTH - RIGHT);
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
                LEFT - 8, y + 4, format(text, value));
    }
}

typedef int64_t (*time_at)(const void *series, size_t index);

/* A label where a new hour, day or month begins; which of them depends on how much room there is. */
static void draw_times(FILE *out, const void *series, size_t count, time_at at, int y)
{
    static const int64_t steps_ms[] = {300000,    900000,    3600000,    10800000,
                                       21600000,  43200000,  86400000,   172800000,
                                       432000000, 864000000, 2592000000, 31536000000};
    size_t which = 0;
    int last = -LABEL_GAP * FINE;
    const int64_t span = (int64_t)count * (count > 1 ? at(series, 1) - at(series, 0) : 60000);
    while (which + 1 < sizeof steps_ms / sizeof steps_ms[0] &&
           span / steps_ms[which] > INNER / LABEL_GAP)
        which++;
    for (size_t i = 1; i < count; i++) {
        const int64_t time = at(series, i), step = steps_ms[which];
        const int x = x_of(i, count);
        if (time / step == at(series, i - 1) / step || x - last < LABEL_GAP * FINE ||
            x > (WIDTH - RIGHT - 40) * FINE)
            continue;
        char text[RF_TIME_TEXT_SIZE];
        rf_number_format_time(text, time / step * step);
        fprintf(out,
                "<path class=\"grid\" d=\"M%d %dv5\"/><text class=\"tick\" x=\"%d\" y=\"%d\" "
                "text-anchor=\"middle\">%.*s</text>\n",
                x / FINE, y, x / FINE, y + 18, step >= 86400000 ? 10 : 11,
                step >= 86400000 ? text : text + 5);
        last = x;
    }
}

/* ---- Price and liquidations -------------------------------------------------------------------------------------------- */

typedef struct column {
    int64_t time_ms, low, high, close;
    rf_simulate_outcomes outcomes;
} column;

typedef struct columns {
    column items[COLUMNS];
    size_t count;
} columns;

static void add_to_column(column *c, const rf_simulate_moment *moment)
{
    if (c->time_ms == 0)
        *c = (column){.time_ms = moment->time_ms, .low = moment->low, .high = moment->high};
    c->low = rf_min(c->low, moment->low);
    c->high = rf_max(c->high, moment->high);
    c->close = moment->close;
    c->outcomes.closed_in_book += moment->isolations.closed_in_book;
    c->outcomes.taken_over += moment->isolations.taken_over;
    c->outcomes.deleveraged += moment->isolations.deleveraged;
}

static void gather(columns *all, const rf_simulate_series *series)
{
    memset(all, 0, sizeof *all);
    all->count = series->count < COLUMNS ? series->count : COLUMNS;
    for (size_t i = 0; i < series->count; i++)
        add_to_column(&all->items[i * all->count / series->count], &series->moments[i]);
}

static int64_t column_time(const void *series, size_t index)
{
    return ((const columns *)series)->items[index].time_ms;
}

static void draw_price(FILE *out, const columns *all, const scale *s)
{
    fputs("<polygon class=\"band\" points=\"", out);
    for (size_t i = 0; i < all->count; i++)
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].high));
    for (size_t i = all->count; i-- > 0;)
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].low));
    fputs("\"/>\n<polyline class=\"price\" points=\"", out);
    for (size_t i = 0; i < all->count; i++)
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].close));
    fputs("\"/>\n", out);
}

static int draw_part(FILE *out, const char *kind, const scale *s, int x, int base, uint32_t count)
{
    if (count == 0)
        return base;
    int height = (int)((int64_t)count * s->height * FINE / s->high);
    height = height < FINE ? FINE : height; /* a single liquidation among thousands stays visible */
    fprintf(out, "<rect class=\"%s\" width=\"2\" x=\"", kind);
    put_tenths(out, x - FINE);
    fputs("\" y=\"", out);
    put_tenths(out, base - height);
    fputs("\" height=\"", out);
    put_tenths(out, height);
    fputs("\"/>", out);
    return base - height;
}

static void draw_liquidations(FILE *out, const columns *all, const scale *s)
{
    for (size_t i = 0; i < all->count; i++) {
        const column *c = &all->items[i];
        const uint32_t sum = rf_simulate_liquidations(&c->outcomes);
        if (sum == 0)
            continue;
        char time[RF_TIME_TEXT_SIZE], price[RF_NUMBER_TEXT_SIZE];
        const int x = x_of(i, all->count);
        fprintf(out,
                "<g><title>%s: %u liquidated, price down to %s. In the book %u, to the fund %u, "
                "deleveraged %u"
                "</title>",
                rf_number_format_time(time, c->time_ms), sum, short_price(price, c->low),
                c->outcomes.closed_in_book, c->outcomes.taken_over, c->outcomes.deleveraged);
        int base = (s->top + s->height) * FINE;
        base = draw_part(out, "book", s, x, base, c->outcomes.closed_in_book);
        base = draw_part(out, "fund", s, x, base, c->outcomes.taken_over);
        draw_part(out, "adl", s, x, base, c->outcomes.deleveraged);
        fputs("</g>\n", out);
    }
}

static char *plain_count(char *text, int64_t count)
{
    return rf_number_format_grouped(text, (rf_wide)count * RF_E8, 0);
}

void rf_report_plot_price(FILE *out, const rf_simulate_series *series)
{
    enum { PRICE = 240, GAP = 30, COUNTS = 110, HEIGHT = TOP + PRICE + GAP + COUNTS + BOTTOM };
    columns all;
    char label[128];
    int64_t low = INT64_MAX, high = 0, most = 1;
    gather(&all, series);
    for (size_t i = 0; i < all.count; i++) {
        low = rf_min(low, all.items[i].low);
        high = rf_max(high, all.items[i].high);
        most = rf_max(most, rf_simulate_liquidations(&all.items[i].outcomes));
    }
    const scale price = make_scale(low, high, TOP, PRICE);
    const scale counts = make_scale(0, most, TOP + PRICE + GAP, COUNTS);
    snprintf(label, sizeof label,
             "Price of %s, and below it the number of isolated positions liquidated", series->name);
    open_plot(out, HEIGHT, label);
    draw_values(out, &price, short_price);
    draw_values(out, &counts, plain_count);
    draw_times(out, &all, all.count, column_time, TOP + PRICE + GAP + COUNTS);
    draw_price(out, &all, &price);
    draw_liquidations(out, &all, &counts);
    close_plot(out);
}

/* ---- Fund ----------------------------------------------------------------------------------------------------------------- */

typedef struct fund_columns {
    rf_simulate_fund items[COLUMNS];
    size_t count, lowest;
} fund_columns;

static void gather_fund(fund_columns *all, const rf_simulate_result *result)
{
    memset(all, 0, sizeof *all);
    all->count = result->fund_count < COLUMNS ? result->fund_count : COLUMNS;
    for (size_t i = 0; i < result->fund_count; i++) {
        const rf_simulate_fund *one = &result->fund[i];
        rf_simulate_fund *c = &all->items[i * all->count / result->fund_count];
        if (c->time_ms == 0)
            *c = *one;
        c->low = rf_min(c->low, one->low);
        c->end = one->end;
    }
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].low < all->items[all->lowest].low)
            all->lowest = i;
}

static int64_t fund_time(const void *series, size_t index)
{
    return ((const fund_columns *)series)->items[index].time_ms;
}

static void draw_fund(FILE *out, const fund_columns *all, const scale *s)
{
    const int base = y_of(s, rf_max(s->low, rf_min(s->high, 0)));
    fputs("<polygon class=\"area\" points=\"", out);
    put_point(out, x_of(0, all->count), base);
    for (size_t i = 0; i < all->count; i++)
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].low));
    put_point(out, x_of(all->count - 1, all->count), base);
    fputs("\"/>\n<polyline class=\"equity\" points=\"", out);
    for (size_t i = 0; i < all->count; i++) {
        /* Down to the lowest of the column and up again: no dip is hidden. */
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].low));
        put_point(out, x_of(i, all->count), y_of(s, all->items[i].end));
    }
    fputs("\"/>\n", out);
}

static void draw_lowest(FILE *out, const fund_columns *all, const scale *s,
                        const rf_simulate_result *result)
{
    char amount[RF_NUMBER_TEXT_SIZE], time[RF_TIME_TEXT_SIZE];
    const int x = x_of(all->lowest, all->count), y = y_of(s, all->items[all->lowest].low);
    const bool on_right = x > (LEFT + INNER / 2) * FINE;
    fputs("<circle class=\"low\" r=\"4\" cx=\"", out);
    put_tenths(out, x);
    fputs("\" cy=\"", out);
    put_tenths(out, y);
    fprintf(out,
            "\"/><text class=\"note\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">lowest: %s, %s</text>\n",
            x / FINE + (on_right ? -10 : 10), y / FINE - 8, on_right ? "end" : "start",
            rf_report_short_usd(amount, result->fund_low),
            rf_number_format_time(time, result->fund_low_ms));
}

void rf_report_plot_fund(FILE *out, const rf_simulate_result *result)
{
    enum { PANE = 230, HEIGHT = TOP + PANE + BOTTOM };
    fund_columns all;
    int64_t low = INT64_MAX, high = INT64_MIN;
    gather_fund(&all, result);
    for (size_t i = 0; i < all.count; i++) {
        low = rf_min(low, all.items[i].low);
        high = rf_max(high, rf_max(all.items[i].low, all.items[i].end));
    }
    /* From zero on, unless the fund hardly moved: then what it did would not be seen. */
    if (low < high - high / 4)
        low = rf_min(low, 0);
    const scale s = make_scale(low, high, TOP, PANE);
    open_plot(out, HEIGHT, "Equity of the insurance fund over time");
    draw_values(out, &s, rf_report_short_usd);
    draw_times(out, &all, all.count, fund_time, TOP + PANE);
    draw_fund(out, &all, &s);
    draw_lowest(out, &all, &s, result);
    close_plot(out);
}

/* ---- Losses --------------------------------------------------------------------------------------------------------------- */

/* A bar of what was put in, and inside it what was lost. */
static void draw_loss(FILE *out, const rf_simulate_row *row, int64_t most, int y)
{
    enum { ROW = 30, ROOM = INNER - 330 };
    char loss[RF_NUMBER_TEXT_SIZE], put_in[RF_NUMBER_TEXT_SIZE];
    char liquidated[RF_NUMBER_TEXT_SIZE], positions[RF_NUMBER_TEXT_SIZE];
    const int whole = (int)((rf_wide)row->put_in * ROOM / most);
    const int lost = (int)((rf_wide)rf_max(row->loss, 0) * ROOM / most);
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%ux</text>", LEFT - 8,
            y + ROW / 2 + 4, row->leverage);
    fprintf(out, "<rect class=\"put\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", LEFT, y + 5,
            whole, ROW - 10);
    fprintf(out, "<rect class=\"lost\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", LEFT, y + 5,
            lost, ROW - 10);
    fprintf(out, "<text class=\"note\" x=\"%d\" y=\"%d\">%s of %s, %s of %s liquidated</text>\n",
            LEFT + whole + 8, y + ROW / 2 + 4, rf_report_short_usd(loss, row->loss),
            rf_report_short_usd(put_in, row->put_in),
            plain_count(liquidated, rf_simulate_liquidations(&row->outcomes)),
            plain_count(positions, row->positions));
}

void rf_report_plot_losses(FILE *out, const rf_simulate_result *result)
{
    enum { ROW = 30 };
    int64_t most = 1;
    for (uint32_t i = 0; i < result->rows_count; i++)
        most = rf_max(most, rf_max(result->rows[i].put_in, result->rows[i].loss));
    open_plot(out, TOP + ROW * (int)result->rows_count + 8,
              "Loss of liquidated isolated positions by leverage");
    for (uint32_t i = 0; i < result->rows_count; i++)
        draw_loss(out, &result->rows[i], most, TOP + ROW * (int)i);
    close_plot(out);
}
