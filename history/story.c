/* The story of an isolation or of a liquidation: what happened, with every number, and how the margin
 * rules (docs/margin.md) come to it, formula by formula with the values put in. One encoder for
 * `ringfence explain`, private/x/explain-liquidation and operator/explain. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "history/answer.h"

enum { EVENTS_MAX = 10000, SENTENCE_SIZE = 512 };

typedef struct story {
    history_answer *answer;
    const rf_row_instrument *instrument;
    rf_row_state *states;
    size_t states_count, states_max, next_state;
    rf_row_story *events;
    size_t events_count, events_max;
    bool out_of_memory;
} story;

/* ---- Collecting ------------------------------------------------------------------------------ */

static bool keep(story *told, void **list, size_t *count, size_t *max, const void *row, size_t size)
{
    if (*count == *max) {
        size_t wanted = *max ? 2 * *max : 64;
        void *grown = realloc(*list, wanted * size);
        if (!grown) {
            told->out_of_memory = true;
            return false;
        }
        *list = grown;
        *max = wanted;
    }
    memcpy((char *)*list + *count * size, row, size);
    ++*count;
    return true;
}

static bool keep_event(void *to, const void *row)
{
    story *told = to;
    return keep(told, (void **)&told->events, &told->events_count, &told->events_max, row,
                sizeof(rf_row_story));
}

static bool keep_state(void *to, const void *row)
{
    story *told = to;
    return keep(told, (void **)&told->states, &told->states_count, &told->states_max, row,
                sizeof(rf_row_state));
}

static bool find_events(story *told, rf_column_id column, int64_t id)
{
    const history_job *job = told->answer->job;
    rf_query query = {.table = RF_TABLE_story,
                      .order = RF_C_story_number,
                      .ascending = true,
                      .limit = EVENTS_MAX};
    rf_query_where(&query, column, RF_EQUAL, id);
    if (job->account)
        rf_query_where(&query, RF_C_story_account, RF_EQUAL, job->account);
    return history_find(told->answer, &query, keep_event, told) && !told->out_of_memory;
}

static bool find_states(story *told, int64_t isolation_id)
{
    rf_query query = {.table = RF_TABLE_state, .order = RF_C_state_number, .ascending = true};
    rf_query_where(&query, RF_C_state_isolation_id, RF_EQUAL, isolation_id);
    return history_find(told->answer, &query, keep_state, told) && !told->out_of_memory;
}

/* An isolation's whole story, also when it is asked for by its liquidation; a cross account's
 * liquidation alone. */
static bool collect(story *told)
{
    int64_t id = (int64_t)told->answer->job->id;
    if (!find_events(told, RF_C_story_isolation_id, id))
        return false;
    if (told->events_count == 0 && !find_events(told, RF_C_story_liquidation, id))
        return false;
    if (told->events_count == 0)
        return true;
    int64_t isolation_id = told->events[0].isolation_id;
    if (isolation_id == 0)
        return true;
    told->events_count = 0;
    return find_events(told, RF_C_story_isolation_id, isolation_id) &&
           find_states(told, isolation_id);
}

/* ---- Sentences ------------------------------------------------------------------------------- */

/* Without zeros at its end, but two decimals at least. */
static void say_short(rf_bytes *out, int64_t value)
{
    size_t start = out->size;
    rf_bytes_decimal(out, value, 8);
    size_t end = out->size;
    while (!out->full && end > start + 4 && out->data[end - 1] == '0' && out->data[end - 3] != '.')
        end--;
    if (!out->full)
        rf_bytes_cut(out, end);
}

static void say_operand(rf_bytes *out, int64_t value)
{
    if (value < 0)
        rf_bytes_char(out, '(');
    say_short(out, value);
    if (value < 0)
        rf_bytes_char(out, ')');
}

/* %m money, %v the same as part of a formula, %p price, %q quantity, %r rate, %i number, %s text. */
static void say(const story *told, rf_bytes *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    for (; *format; format++) {
        if (*format != '%') {
            rf_bytes_char(out, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            rf_bytes_text(out, va_arg(values, const char *));
            break;
        case 'i':
            rf_bytes_int(out, va_arg(values, int64_t));
            break;
        case 'p':
            rf_bytes_decimal(out, va_arg(values, int64_t),
                             (unsigned)told->instrument->price_decimals);
            break;
        case 'q':
            rf_bytes_decimal(out, va_arg(values, int64_t),
                             (unsigned)told->instrument->qty_decimals);
            break;
        case 'v':
            say_operand(out, va_arg(values, int64_t));
            break;
        default:
            say_short(out, va_arg(values, int64_t));
            break;
        }
    }
    va_end(values);
}

static void start_sentence(rf_bytes *sentence, char text[SENTENCE_SIZE])
{
    rf_bytes_init(sentence, text, SENTENCE_SIZE - 1, NULL);
}

static void put_sentence(rf_bytes *out, const char *key, rf_bytes *sentence)
{
    sentence->data[sentence->size] = 0;
    rf_put_text(out, key, sentence->data);
}

static int64_t size_of(int64_t value)
{
    return value < 0 ? -value : value;
}

static void say_money(const story *told, const rf_row_story *row, rf_bytes *out)
{
    bool pays = row->slot_from == RF_SLOT_ISOLATED ||
                (row->slot_from == RF_SLOT_MAIN && row->slot_to != RF_SLOT_ISOLATED);
    if (row->reason == RF_REASON_ISOLATED_TRANSFER)
        say(told, out,
            pays ? "%m USD went back from the isolation to the main account."
                 : "%m USD moved from the main account into the isolation.",
            row->amount);
    else if (row->reason == RF_REASON_FUNDING)
        say(told, out, pays ? "Funding: %m USD paid." : "Funding: %m USD received.", row->amount);
    else if (row->reason == RF_REASON_LIQUIDATION_FEE)
        say(told, out, "Liquidation fee: %m USD to the insurance fund.", row->amount);
    else if (row->reason == RF_REASON_INSURANCE)
        say(told, out, "All that was left, %m USD, went to the insurance fund.", row->amount);
    else if (row->reason == RF_REASON_UNCOVERED_LOSS)
        say(told, out, "The insurance fund paid %m USD, so that the balance is not below zero.",
            row->amount);
    else if (row->reason == RF_REASON_SOCIALIZED_LOSS)
        say(told, out, "Share of a socialised loss: %m USD.", row->amount);
    else
        say(told, out, "%m USD moved.", row->amount);
}

static void say_moved(const story *told, const rf_row_story *row, rf_bytes *out)
{
    int64_t qty = size_of(row->qty);
    if (row->code == 1 && row->price == 0)
        say(told, out,
            "%q that the book did not take moved to the insurance fund at its own cost, C = %m.",
            qty, row->amount);
    else if (row->code == 1)
        say(told, out,
            "%q that the book did not take moved to the insurance fund at %p; realised %m USD.",
            qty, row->price, row->realized);
    else if (row->code == 2)
        say(told, out,
            "%q were closed against the other side at %p (auto-deleveraging, no fee); realised %m "
            "USD.",
            qty, row->price, row->realized);
    else
        say(told, out, "%q were closed at the settlement price %p; realised %m USD.", qty,
            row->price, row->realized);
}

static void say_fill(const story *told, const rf_row_story *row, rf_bytes *out)
{
    say(told, out, "%s %q at %p as %s%s; realised %m USD, fee %m USD; cost C is now %m.",
        row->side == RF_BUY ? "Bought" : "Sold", row->qty, row->price,
        row->code ? "taker" : "maker",
        row->flags & RF_FLAG_LIQUIDATION ? " (liquidation order)" : "", row->realized, row->fee,
        row->amount);
}

static void say_event(const story *told, const rf_row_story *row, rf_bytes *out)
{
    const char *owner = row->isolation_id ? "isolation" : "cross account";
    if (row->kind == RF_EVENT_ISOLATION_OPENED)
        say(told, out, "The isolation was opened on %s with leverage %i.", told->instrument->name,
            row->value);
    if (row->kind == RF_EVENT_LEVERAGE_CHANGED)
        say(told, out, "Leverage changed from %i to %i.", row->qty, row->value);
    if (row->kind == RF_EVENT_LEDGER)
        say_money(told, row, out);
    if (row->kind == RF_EVENT_FILL)
        say_fill(told, row, out);
    if (row->kind == RF_EVENT_POSITION_SETTLED)
        say(told, out, "Session settlement: U of %m USD became cash; C is now q * mark = %m.",
            row->realized, row->amount);
    if (row->kind == RF_EVENT_LIQUIDATION_STARTED)
        say(told, out,
            "Liquidation of the %s started at mark %p: %s + U = %m USD is less than FR + MM = %m "
            "USD.",
            owner, row->price, row->isolation_id ? "W" : "collateral", row->amount, row->value);
    if (row->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        say(told, out, "The %s is healthy again; the liquidation stopped.", owner);
    if (row->kind == RF_EVENT_ORDER_PLACED)
        say(told, out,
            "Liquidation order: %s %q, immediate-or-cancel, not worse than the bankruptcy price "
            "%p.",
            row->side == RF_BUY ? "buy" : "sell", row->qty, row->price);
    if (row->kind == RF_EVENT_POSITION_MOVED)
        say_moved(told, row, out);
    if (row->kind == RF_EVENT_LIQUIDATION_ENDED)
        say(told, out,
            "Liquidation ended: %q closed in the book, %q taken over by the fund, %q deleveraged; "
            "the fund received %m USD, uncovered loss %m USD.",
            row->qty, row->value, row->leaves, row->amount, row->realized);
    if (row->kind == RF_EVENT_ISOLATION_CLOSED)
        say(told, out,
            "The isolation is over: %m USD were put in, %m USD came back, result %m USD.", row->fee,
            row->amount, row->amount - row->fee);
}

/* ---- Formulas -------------------------------------------------------------------------------- */

/* One line: name = formula = values = result. The sentence holds "values", then "result" behind a
 * NUL. */
static void put_formula(const story *told, const char *name, const char *formula, rf_bytes *values,
                        int64_t result, char kind)
{
    rf_bytes *out = told->answer->out;
    rf_put_open(out, NULL, '{');
    rf_put_text(out, "name", name);
    rf_put_text(out, "formula", formula);
    put_sentence(out, "values", values);
    rf_bytes_clear(values);
    if (kind == 'p' && result == 0)
        rf_put_text(out, "result", "none");
    else
        rf_put_decimal(out, "result", result,
                       kind == 'p' ? (unsigned)told->instrument->price_decimals : 8);
    rf_put_close(out, '}');
}

static int64_t notional_of(const story *told, const rf_row_state *row)
{
    return size_of(row->qty) * row->mark * told->instrument->k;
}

static void put_maintenance(const story *told, const rf_row_state *row, rf_bytes *values)
{
    int64_t notional = notional_of(told, row);
    if (row->tier_rate) {
        say(told, values, "%v * %r - %v", notional, row->tier_rate, row->tier_deduction);
        put_formula(told, "MM", "N * m - D, rounded up", values, row->maintenance_margin, 'm');
        return;
    }
    if (row->umr_e18 == 0) {
        say(told, values, "%v / (2 * %i)", notional, row->max_leverage);
        put_formula(told, "MM", "N / (2 * MPL), rounded up", values, row->maintenance_margin, 'm');
        return;
    }
    say(told, values, "max(%v / (2 * %i), %v * ", notional, row->max_leverage, notional);
    rf_bytes_decimal(values, row->umr_e18, 18);
    say(told, values, " * %q / 2)", size_of(row->qty));
    put_formula(told, "MM", "max(N / (2 * MPL), N * UMR * |q| / 2), rounded up, at most N / 2",
                values, row->maintenance_margin, 'm');
}

static void put_prices(const story *told, const rf_row_state *row, rf_bytes *values)
{
    int64_t notional = notional_of(told, row);
    int64_t m = row->tier_rate ? row->tier_rate
                : notional     ? (int64_t)rf_ratio_up(row->maintenance_margin, notional)
                               : 0;
    int64_t f = row->taker_rate + row->liquidation_rate;
    bool is_long = row->qty > 0;
    say(told, values,
        is_long ? "(%v - %v - %v) / (%q * (1 - %r - %r))" : "(%v + %v + %v) / (%q * (1 + %r + %r))",
        size_of(row->cost), row->wallet, row->tier_deduction, size_of(row->qty), m, f);
    put_formula(told, "liquidation price",
                is_long
                    ? "(C - W - D) / (q * (1 - m - f)): the first mark where W + U < FR + MM"
                    : "(|C| + W + D) / (|q| * (1 + m + f)): the first mark where W + U < FR + MM",
                values, row->liquidation_price, 'p');
    say(told, values, is_long ? "(%v - %v) / (%q * (1 - %r))" : "(%v + %v) / (%q * (1 + %r))",
        size_of(row->cost), row->wallet, size_of(row->qty), row->taker_rate);
    put_formula(told, "bankruptcy price",
                is_long ? "(C - W) / (q * (1 - taker)), up to a tick"
                        : "(|C| + W) / (|q| * (1 + taker)), down to a tick",
                values, row->bankruptcy_price, 'p');
}

static void put_value(const story *told, const rf_row_state *row, rf_bytes *values)
{
    say(told, values, "%q * %p", size_of(row->qty), row->mark);
    put_formula(told, "N", "|q| * mark", values, notional_of(told, row), 'm');
    say(told, values, "%q * %p - %v", row->qty, row->mark, row->cost);
    put_formula(told, "U", "q * mark - C", values, row->unrealized, 'm');
}

/* Section 9: why it was liquidated, and at which price it was sold. */
static void put_start(const story *told, const rf_row_state *row, rf_bytes *values)
{
    put_value(told, row, values);
    say(told, values, "%v + %v", row->wallet, row->unrealized);
    put_formula(told, "equity", "W + U", values, row->wallet + row->unrealized, 'm');
    say(told, values, "%v * (%r + %r)", notional_of(told, row), row->taker_rate,
        row->liquidation_rate);
    put_formula(told, "FR", "N * (taker + liq), rounded up", values, row->fee_reserve, 'm');
    put_maintenance(told, row, values);
    say(told, values, "%v + %v", row->fee_reserve, row->maintenance_margin);
    put_formula(told, "required", "FR + MM", values, row->fee_reserve + row->maintenance_margin,
                'm');
}

/* Sections 3 and 8: with its orders, as the account's owner sees it. */
static void put_after(const story *told, const rf_row_state *row, rf_bytes *values)
{
    put_value(told, row, values);
    say(told, values, "%v + %v - %v", row->wallet, row->unrealized, row->fee_reserve);
    put_formula(told, "MB", "W + U - FR", values, row->wallet + row->unrealized - row->fee_reserve,
                'm');
    say(told, values, "%v + %v - %v - %v - %v", row->wallet, row->unrealized, row->fee_reserve,
        row->opening_loss, row->initial_margin);
    put_formula(told, "A", "W + U - FR - OL - IM", values, row->available, 'm');
}

static void put_state_numbers(const story *told, const rf_row_state *row)
{
    rf_bytes *out = told->answer->out;
    unsigned price = (unsigned)told->instrument->price_decimals;
    rf_put_open(out, "numbers", '{');
    if (row->stage == 0)
        rf_put_id(out, "leverage", (uint64_t)row->leverage);
    rf_put_decimal(out, "mark_price", row->mark, price);
    rf_put_decimal(out, "quantity", row->qty, (unsigned)told->instrument->qty_decimals);
    rf_put_money(out, "cost", row->cost);
    rf_put_money(out, "isolated_cash_balance", row->wallet);
    rf_put_money(out, "unrealized_pnl", row->unrealized);
    rf_put_money(out, "fee_reserve", row->fee_reserve);
    rf_put_money(out, "maintenance_margin", row->maintenance_margin);
    if (row->stage == 0) {
        rf_put_money(out, "initial_margin", row->initial_margin);
        rf_put_money(out, "opening_loss", row->opening_loss);
        rf_put_money(out, "available_margin", row->available);
    }
    rf_put_close(out, '}');
}

static void put_state(const story *told, const rf_row_state *row)
{
    rf_bytes *out = told->answer->out;
    char text[SENTENCE_SIZE];
    rf_bytes values;
    start_sentence(&values, text);
    rf_put_open(out, NULL, '{');
    rf_put_ms(out, "t", row->time_ns);
    rf_put_text(out, "event", row->stage ? "NUMBERS_AT_LIQUIDATION" : "NUMBERS_AFTER");
    rf_put_text(out, "text",
                row->stage ? "What the margin rules say of the position, its orders cancelled:"
                           : "The isolation afterwards:");
    put_state_numbers(told, row);
    rf_put_open(out, "formulas", '[');
    if (row->qty != 0) {
        if (row->stage)
            put_start(told, row, &values);
        else
            put_after(told, row, &values);
        put_prices(told, row, &values);
    }
    rf_put_close(out, ']');
    rf_put_close(out, '}');
}

/* ---- Events ---------------------------------------------------------------------------------- */

static const char *event_name(int64_t kind)
{
    static const char *const names[RF_EVENT_KINDS] = {
#define RF_EVENT(name, doc) #name,
#include "engine/event.def"
#undef RF_EVENT
    };
    return kind >= 0 && kind < RF_EVENT_KINDS ? names[kind] : "";
}

static void put_event_numbers(const story *told, const rf_row_story *row)
{
    rf_bytes *out = told->answer->out;
    const rf_row_instrument *instrument = told->instrument;
    rf_put_open(out, "numbers", '{');
    if (row->order_id)
        rf_put_id(out, "order_id", (uint64_t)row->order_id);
    if (row->price)
        rf_put_decimal(out, "price", row->price, (unsigned)instrument->price_decimals);
    if (row->qty && row->kind != RF_EVENT_LEVERAGE_CHANGED)
        rf_put_decimal(out, "quantity", row->qty, (unsigned)instrument->qty_decimals);
    if (row->amount)
        rf_put_money(out, "amount", row->amount);
    if (row->realized)
        rf_put_money(out, "realized", row->realized);
    if (row->fee)
        rf_put_money(out, "fee", row->fee);
    if (row->kind == RF_EVENT_LIQUIDATION_STARTED)
        rf_put_money(out, "required", row->value);
    rf_put_close(out, '}');
}

static void put_event(story *told, const rf_row_story *row)
{
    rf_bytes *out = told->answer->out;
    char text[SENTENCE_SIZE];
    rf_bytes sentence;
    start_sentence(&sentence, text);
    told->instrument = history_instrument(told->answer, row->instrument);
    rf_put_open(out, NULL, '{');
    rf_put_ms(out, "t", row->time_ns);
    rf_put_text(out, "event", event_name(row->kind));
    say_event(told, row, &sentence);
    put_sentence(out, "text", &sentence);
    put_event_numbers(told, row);
    rf_put_close(out, '}');
}

static void put_states_before(story *told, int64_t number)
{
    while (told->next_state < told->states_count &&
           told->states[told->next_state].number < number) {
        const rf_row_state *row = &told->states[told->next_state++];
        told->instrument = history_instrument(told->answer, row->instrument);
        put_state(told, row);
    }
}

static void put_story(story *told)
{
    rf_bytes *out = told->answer->out;
    const rf_row_story *first = &told->events[0];
    told->instrument = history_instrument(told->answer, first->instrument);
    rf_put_open(out, NULL, '{');
    rf_put_account(out, "account_id", (uint32_t)first->account);
    if (first->isolation_id)
        rf_put_id(out, "isolation_id", (uint64_t)first->isolation_id);
    else
        rf_put_id(out, "liquidation_id", (uint64_t)first->liquidation);
    rf_put_text(out, "instrument_name", told->instrument->name);
    rf_put_bool(out, "complete", told->events_count < EVENTS_MAX);
    rf_put_open(out, "events", '[');
    for (size_t i = 0; i < told->events_count; i++) {
        put_states_before(told, told->events[i].number);
        put_event(told, &told->events[i]);
    }
    put_states_before(told, INT64_MAX);
    rf_put_close(out, ']');
    rf_put_close(out, '}');
}

rf_error history_answer_story(history_answer *answer)
{
    story told = {.answer = answer};
    bool good = collect(&told);
    if (good && told.events_count)
        put_story(&told);
    free(told.events);
    free(told.states);
    if (!good)
        return RF_ERR_SYSTEM_MAINTENANCE;
    return told.events_count ? RF_ERR_OK : RF_ERR_NOT_FOUND;
}
