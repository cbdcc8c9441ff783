/* What the rings of market/ do not reach back to: trades, candles, valuations of older times. */
#include <stdlib.h>
#include <string.h>

#include "history/answer.h"

#define NS_PER_HOUR 3600000000000LL
#define NS_PER_MINUTE 60000000000LL

static void config_of(const rf_row_instrument *row, rf_instrument_config *config)
{
    *config = (rf_instrument_config){.price_decimals = (uint8_t)row->price_decimals,
                                     .qty_decimals = (uint8_t)row->qty_decimals};
    memcpy(config->name, row->name, sizeof row->name);
}

/* ---- Trades ---------------------------------------------------------------------------------- */

static bool put_trade(void *to, const void *from)
{
    history_answer *answer = to;
    const rf_row_trade *row = from;
    rf_instrument_config config;
    rf_trade trade = {.match = (uint64_t)row->match_id,
                      .time_ns = row->time_ns,
                      .price = row->price,
                      .qty = row->qty,
                      .side = (rf_side)row->side};
    config_of(history_instrument(answer, row->instrument), &config);
    rf_encode_trade(answer->out, &trade, &config);
    return true;
}

rf_error history_answer_trades(history_answer *answer)
{
    rf_put_open(answer->out, NULL, '{');
    rf_put_open(answer->out, "data", '[');
    if (!history_find(answer, &answer->job->query, put_trade, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}

/* ---- Candles --------------------------------------------------------------------------------- */

/* Newest first; a bar is made of the stored ones that open inside it, and where nothing traded it is
 * flat at the close of the bar before. */
typedef struct bar_walk {
    const history_job *job;
    rf_bar rows[RF_ROWS_MAX];
    uint32_t count;
    int64_t next;   /* start of the bar that is to be shown next */
    rf_bar current; /* the one that is being put together; open 0: none */
} bar_walk;

static bool has_room(const bar_walk *walk)
{
    return walk->count < walk->job->limit && walk->next >= walk->job->from;
}

static void show_bar(bar_walk *walk, const rf_bar *bar)
{
    if (!has_room(walk))
        return;
    walk->rows[walk->count] = *bar;
    walk->rows[walk->count++].open_ns = walk->next;
    walk->next = rf_bar_open(walk->job->timeframe, walk->next - 1);
}

static void start_bar(bar_walk *walk, const rf_row_candle *row, int64_t open_ns)
{
    const rf_bar flat = {
        .open = row->close, .high = row->close, .low = row->close, .close = row->close};
    while (walk->next > open_ns && has_room(walk))
        show_bar(walk, &flat);
    walk->current =
        (rf_bar){.open_ns = open_ns, .high = row->high, .low = row->low, .close = row->close};
}

static void end_bar(bar_walk *walk)
{
    if (walk->current.open && walk->current.open_ns == walk->next)
        show_bar(walk, &walk->current);
    walk->current.open = 0;
}

static bool add_candle(void *to, const void *from)
{
    bar_walk *walk = to;
    const rf_row_candle *row = from;
    int64_t open_ns = rf_bar_open(walk->job->timeframe, row->open_ns);
    if (walk->current.open && walk->current.open_ns != open_ns)
        end_bar(walk);
    if (!has_room(walk))
        return false;
    if (!walk->current.open)
        start_bar(walk, row, open_ns);
    rf_bar *bar = &walk->current;
    bar->open = row->open;
    bar->high = row->high > bar->high ? row->high : bar->high;
    bar->low = row->low < bar->low ? row->low : bar->low;
    bar->volume += row->volume;
    return true;
}

rf_error history_answer_bars(history_answer *answer)
{
    const history_job *job = answer->job;
    rf_instrument_config config;
    bar_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return RF_ERR_ERR_INTERNAL;
    walk->job = job;
    walk->next = rf_bar_open(job->timeframe, job->until - 1);
    bool good = history_find(answer, &job->query, add_candle, walk);
    end_bar(walk);
    config_of(history_instrument(answer, job->instrument), &config);
    rf_put_open(answer->out, NULL, '{');
    rf_put_text(answer->out, "instrument_name", config.name);
    rf_put_text(answer->out, "interval", rf_timeframe_name(job->timeframe));
    rf_put_open(answer->out, "data", '[');
    for (uint32_t i = walk->count; i-- > 0;)
        rf_encode_bar(answer->out, &walk->rows[i], &config);
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    free(walk);
    return good ? RF_ERR_OK : RF_ERR_SYSTEM_MAINTENANCE;
}

/* ---- Valuations ------------------------------------------------------------------------------ */

static void put_sample(history_answer *answer, int64_t time_ns, int64_t value)
{
    const rf_row_instrument *instrument = history_instrument(answer, answer->job->instrument);
    bool price = answer->job->series == RF_SERIES_MARK;
    rf_put_open(answer->out, NULL, '{');
    rf_put_decimal(answer->out, "v", value, price ? (unsigned)instrument->price_decimals : 8);
    rf_put_ms(answer->out, "t", time_ns);
    rf_put_close(answer->out, '}');
    answer->shown++;
}

/* An hour's row stands for its last minute. */
static bool in_reach(const history_job *job, int64_t time_ns)
{
    return time_ns < job->until && time_ns >= job->from;
}

static bool put_valuation(void *to, const void *from)
{
    history_answer *answer = to;
    const rf_row_valuation *row = from;
    int64_t time_ns = row->hour_ns + NS_PER_HOUR - NS_PER_MINUTE;
    if (in_reach(answer->job, time_ns))
        put_sample(answer, time_ns,
                   answer->job->series == RF_SERIES_MARK ? row->mark : row->index_e8);
    return answer->shown < answer->job->limit;
}

static bool put_rate(void *to, const void *from)
{
    history_answer *answer = to;
    const rf_row_rate *row = from;
    int64_t time_ns = row->hour_ns + NS_PER_HOUR - NS_PER_MINUTE;
    if (in_reach(answer->job, time_ns))
        put_sample(answer, time_ns,
                   answer->job->series == RF_SERIES_FUNDING ? row->rate : row->estimate);
    return answer->shown < answer->job->limit;
}

static bool put_funding(void *to, const void *from)
{
    const rf_row_funding *row = from;
    put_sample(to, row->time_ns, row->rate);
    return true;
}

rf_error history_answer_series(history_answer *answer)
{
    const history_job *job = answer->job;
    bool (*each)(void *, const void *) = job->query.table == RF_TABLE_funding     ? put_funding
                                         : job->query.table == RF_TABLE_valuation ? put_valuation
                                                                                  : put_rate;
    rf_put_open(answer->out, NULL, '{');
    rf_put_text(answer->out, "instrument_name", job->name);
    rf_put_open(answer->out, "data", '[');
    for (size_t i = 0; i < job->samples_count; i++)
        put_sample(answer, job->samples[i].time_ns, job->samples[i].value);
    if (!history_find(answer, &job->query, each, answer))
        return RF_ERR_SYSTEM_MAINTENANCE;
    rf_put_close(answer->out, ']');
    rf_put_close(answer->out, '}');
    return RF_ERR_OK;
}
