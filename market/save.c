/* The feeds as a stream and back (base/flow.h):
 *
 *   magic "RFMARKT1", whose last character is the format's version; then insurance, its samples, the
 *   liquidations, how many instruments are listed (4 bytes), and each of them: numbers, trades,
 *   minutes, valuations, funding rates, bars by timeframe, buy levels, sell levels.
 *
 * A ring is how many entries it ever had (8 bytes) and those that are still there, oldest first. Of a
 * book what is there, but not what somebody has yet to be told: who listens after a restart begins
 * with a snapshot. */
#include <string.h>

#include "base/flow.h"
#include "market/state.h"

/* What is saved is only read. */
typedef void (*save_entry)(rf_flow *flow, void *entry);

static void x_sample(rf_flow *flow, void *entry)
{
    rf_sample *sample = entry;
    rf_flow_i64(flow, &sample->time_ns);
    rf_flow_i64(flow, &sample->value);
}

static void x_trade(rf_flow *flow, void *entry)
{
    rf_trade *trade = entry;
    uint8_t side = (uint8_t)trade->side;
    rf_flow_u64(flow, &trade->match);
    rf_flow_i64(flow, &trade->time_ns);
    rf_flow_i64(flow, &trade->price);
    rf_flow_i64(flow, &trade->qty);
    rf_flow_u8(flow, &side);
    rf_flow_want(flow, side <= RF_SELL, "a trade has no such side");
    trade->side = side == RF_BUY ? RF_BUY : RF_SELL;
}

static void x_bar(rf_flow *flow, void *entry)
{
    rf_bar *bar = entry;
    rf_flow_i64(flow, &bar->open_ns);
    rf_flow_i64(flow, &bar->open);
    rf_flow_i64(flow, &bar->high);
    rf_flow_i64(flow, &bar->low);
    rf_flow_i64(flow, &bar->close);
    rf_flow_i64(flow, &bar->volume);
}

static void x_valuation(rf_flow *flow, void *entry)
{
    market_valuation *row = entry;
    rf_flow_i64(flow, &row->minute);
    rf_flow_i64(flow, &row->index_e8);
    rf_flow_i64(flow, &row->mark);
    rf_flow_i64(flow, &row->rate);
    rf_flow_i64(flow, &row->estimate);
}

static void x_liquidation(rf_flow *flow, void *entry)
{
    rf_liquidation *row = entry;
    rf_flow_i64(flow, &row->started_ns);
    rf_flow_i64(flow, &row->ended_ns);
    rf_flow_u64(flow, &row->isolation_id);
    rf_flow_u32(flow, &row->account);
    rf_flow_u16(flow, &row->instrument);
    rf_flow_bool(flow, &row->recovered);
    rf_flow_i64(flow, &row->mark);
    rf_flow_i64(flow, &row->qty);
    rf_flow_i64(flow, &row->equity);
    rf_flow_i64(flow, &row->required);
    rf_flow_i64(flow, &row->closed);
    rf_flow_i64(flow, &row->taken_over);
    rf_flow_i64(flow, &row->deleveraged);
    rf_flow_i64(flow, &row->to_fund);
    rf_flow_i64(flow, &row->uncovered);
}

static void x_ring(rf_flow *flow, uint64_t *count, void *entries, size_t size, uint64_t max,
                   save_entry each)
{
    unsigned char *bytes = entries;
    rf_flow_u64(flow, count);
    uint64_t at = *count > max ? *count - max : 0;
    for (; at < *count && !flow->error; at++)
        each(flow, bytes + size * (at % max));
}

/* A minute lies where its number says. */
static void x_minutes(rf_flow *flow, market_instrument *row)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RF_MARKET_MINUTES && !flow->loading; i++)
        count += row->minutes[i].minute != 0;
    rf_flow_u32(flow, &count);
    rf_flow_want(flow, count <= RF_MARKET_MINUTES, "there are too many minutes");
    for (uint32_t i = 0, at = 0; i < count && !flow->error; i++, at++) {
        market_minute minute = {0};
        while (!flow->loading && row->minutes[at].minute == 0)
            at++;
        if (!flow->loading)
            minute = row->minutes[at];
        rf_flow_i64(flow, &minute.minute);
        rf_flow_i64(flow, &minute.first);
        rf_flow_i64(flow, &minute.high);
        rf_flow_i64(flow, &minute.low);
        rf_flow_i64(flow, &minute.volume);
        rf_flow_wide(flow, &minute.value);
        if (rf_flow_want(flow, minute.minute > 0, "a minute has no number"))
            row->minutes[minute.minute % RF_MARKET_MINUTES] = minute;
    }
}

static uint32_t count_levels(const rf_market *market, uint32_t level)
{
    uint32_t count = 0;
    for (; level; level = market->levels[level].next[0])
        count++;
    return count;
}

/* The best level first. */
static void x_side(rf_flow *flow, rf_market *market, market_side *half, rf_side side)
{
    uint32_t count = flow->loading ? 0 : count_levels(market, half->best[0]);
    uint32_t at = half->best[0];
    market_lay lay;
    rf_market_lay_start(half, &lay);
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_level level = {0};
        if (!flow->loading) {
            const market_level *saved = &market->levels[at];
            level = (rf_level){.price = saved->price, .qty = saved->qty, .orders = saved->orders};
            at = saved->next[0];
        }
        rf_flow_i64(flow, &level.price);
        rf_flow_i64(flow, &level.qty);
        rf_flow_u32(flow, &level.orders);
        rf_flow_want(flow, level.qty > 0 && level.orders > 0, "a level is empty");
        if (flow->loading && !flow->error)
            rf_flow_want(flow, rf_market_lay_level(market, &lay, side, &level),
                         "levels do not stand best first, or there are too many");
    }
}

static void x_numbers(rf_flow *flow, market_instrument *row)
{
    rf_flow_i64(flow, &row->k);
    rf_flow_u64(flow, &row->update);
    rf_flow_i64(flow, &row->update_time_ns);
    rf_flow_i64(flow, &row->last_price);
    rf_flow_i64(flow, &row->index_e8);
    rf_flow_i64(flow, &row->mark);
    rf_flow_i64(flow, &row->rate);
    rf_flow_i64(flow, &row->estimate);
}

static void x_instrument(rf_flow *flow, rf_market *market, market_instrument *row)
{
    x_numbers(flow, row);
    x_ring(flow, &row->trades_count, row->trades, sizeof *row->trades, RF_MARKET_TRADES, x_trade);
    x_minutes(flow, row);
    x_ring(flow, &row->valuations_count, row->valuations, sizeof *row->valuations,
           RF_MARKET_MINUTES, x_valuation);
    x_ring(flow, &row->rates_count, row->rates, sizeof *row->rates, RF_MARKET_HOURS, x_sample);
    for (unsigned i = 0; i < RF_TIMEFRAMES; i++)
        x_ring(flow, &row->bars_count[i], row->bars[i], sizeof *row->bars[i], RF_MARKET_BARS,
               x_bar);
    x_side(flow, market, &row->sides[RF_BUY], RF_BUY);
    x_side(flow, market, &row->sides[RF_SELL], RF_SELL);
    if (flow->loading)
        row->published = row->update;
}

static uint32_t count_instruments(const rf_market *market)
{
    uint32_t count = market->instruments_max;
    while (count > 0 && market->instruments[count - 1].k == 0)
        count--;
    return count;
}

static bool x_market(rf_flow *flow, rf_market *market)
{
    static const char version[8] = {'R', 'F', 'M', 'A', 'R', 'K', 'T', '1'};
    char magic[8];
    memcpy(magic, version, sizeof magic);
    rf_flow_bytes(flow, magic, sizeof magic);
    if (!rf_flow_want(flow, memcmp(magic, version, sizeof magic) == 0,
                      "the market data is of another version"))
        return false;
    rf_flow_i64(flow, &market->insurance);
    x_ring(flow, &market->insurance_count, market->insurance_rows, sizeof *market->insurance_rows,
           RF_MARKET_MINUTES, x_sample);
    x_ring(flow, &market->liquidations_count, market->liquidations, sizeof *market->liquidations,
           RF_MARKET_LIQUIDATIONS, x_liquidation);
    uint32_t count = count_instruments(market);
    rf_flow_u32(flow, &count);
    rf_flow_want(flow, count <= market->instruments_max, "there are too many instruments");
    for (uint32_t i = 0; i < count && !flow->error; i++)
        x_instrument(flow, market, &market->instruments[i]);
    return rf_flow_finish(flow);
}

bool rf_market_save(const rf_market *market, rf_write write, void *context)
{
    rf_flow flow;
    rf_flow_start(&flow, write, NULL, context);
    /* The shared field lists take what they may fill; a flow that goes out only reads it. */
    return x_market(&flow, (rf_market *)market);
}

bool rf_market_load(rf_market *market, rf_read read, void *context, const char **error)
{
    rf_flow flow;
    rf_flow_start(&flow, NULL, read, context);
    const bool good = x_market(&flow, market);
    *error = flow.error;
    return good;
}
