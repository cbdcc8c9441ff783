/* Trades, the 24-hour ticker and candles. A trade is told once: by its taker's fill. */
#include "base/arith.h"
#include "market/state.h"

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_DAY (86400 * NS_PER_SECOND)

/* ---- Calendar -------------------------------------------------------------------------------- */

static const int64_t bar_minutes[RF_TIMEFRAMES] = {
    [RF_BARS_1M] = 1,    [RF_BARS_5M] = 5,    [RF_BARS_15M] = 15,   [RF_BARS_30M] = 30,
    [RF_BARS_1H] = 60,   [RF_BARS_2H] = 120,  [RF_BARS_4H] = 240,   [RF_BARS_6H] = 360,
    [RF_BARS_12H] = 720, [RF_BARS_1D] = 1440, [RF_BARS_7D] = 10080, [RF_BARS_14D] = 20160,
    [RF_BARS_MONTH] = 0,
};

/* Days since 1970: 1970-01-05, the first Monday, and 2019-10-28, from which 14-day bars count. */
enum { MONDAY = 4, FORTNIGHT = 18197 };

/* Days since 1970 of the first of a month counted from 1970-01 (proleptic Gregorian). */
static int64_t month_start(int64_t month)
{
    int64_t year = 1970 + month / 12, number = month % 12;
    /* March-based years put the leap day last. */
    int64_t y = number < 2 ? year - 1 : year, m = number < 2 ? number + 10 : number - 2;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719468;
}

static int64_t month_of(int64_t day)
{
    int64_t month = day / 31;
    while (month_start(month + 1) <= day)
        month++;
    return month;
}

int64_t rf_bar_open(rf_timeframe timeframe, int64_t time_ns)
{
    if (timeframe == RF_BARS_MONTH)
        return month_start(month_of(time_ns / NS_PER_DAY)) * NS_PER_DAY;
    int64_t length = bar_minutes[timeframe] * NS_PER_MINUTE;
    int64_t origin = timeframe == RF_BARS_7D    ? MONDAY * NS_PER_DAY
                     : timeframe == RF_BARS_14D ? FORTNIGHT * NS_PER_DAY
                                                : 0;
    return origin + (int64_t)rf_div_down(time_ns - origin, length) * length;
}

int64_t rf_bar_next(rf_timeframe timeframe, int64_t open_ns)
{
    if (timeframe == RF_BARS_MONTH)
        return month_start(month_of(open_ns / NS_PER_DAY) + 1) * NS_PER_DAY;
    return open_ns + bar_minutes[timeframe] * NS_PER_MINUTE;
}

/* ---- Taking a trade in ----------------------------------------------------------------------- */

static void add_to_minute(market_instrument *row, const rf_event *event)
{
    int64_t minute = event->time_ns / NS_PER_MINUTE + 1;
    market_minute *bucket = &row->minutes[minute % RF_MARKET_MINUTES];
    if (bucket->minute != minute)
        *bucket = (market_minute){
            .minute = minute, .first = event->price, .high = event->price, .low = event->price};
    bucket->high = rf_max(bucket->high, event->price);
    bucket->low = rf_min(bucket->low, event->price);
    bucket->volume += event->qty;
    bucket->value += (rf_wide)event->qty * event->price * row->k;
}

static void add_to_bar(market_instrument *row, rf_timeframe timeframe, const rf_event *event)
{
    int64_t open = rf_bar_open(timeframe, event->time_ns);
    uint64_t *count = &row->bars_count[timeframe];
    rf_bar *bars = row->bars[timeframe];
    if (*count == 0 || bars[(*count - 1) % RF_MARKET_BARS].open_ns != open) {
        bars[*count % RF_MARKET_BARS] = (rf_bar){
            .open_ns = open, .open = event->price, .high = event->price, .low = event->price};
        ++*count;
    }
    rf_bar *bar = &bars[(*count - 1) % RF_MARKET_BARS];
    bar->high = rf_max(bar->high, event->price);
    bar->low = rf_min(bar->low, event->price);
    bar->close = event->price;
    bar->volume += event->qty;
}

void rf_market_trade_event(rf_market *market, const rf_event *event)
{
    if (event->kind != RF_EVENT_FILL || event->code != 1)
        return;
    market_instrument *row = &market->instruments[event->instrument];
    row->trades[row->trades_count++ % RF_MARKET_TRADES] = (rf_trade){
        .match = event->id,
        .time_ns = event->time_ns,
        .price = event->price,
        .qty = event->qty,
        .side = event->side == RF_BUY ? RF_BUY : RF_SELL,
    };
    row->last_price = event->price;
    add_to_minute(row, event);
    for (unsigned timeframe = 0; timeframe < RF_TIMEFRAMES; timeframe++)
        add_to_bar(row, (rf_timeframe)timeframe, event);
}

/* ---- Reading --------------------------------------------------------------------------------- */

size_t rf_market_trades(const rf_market *market, uint32_t instrument, int64_t from, int64_t until,
                        rf_trade *rows, size_t max)
{
    const market_instrument *row = &market->instruments[instrument];
    uint64_t oldest =
        row->trades_count > RF_MARKET_TRADES ? row->trades_count - RF_MARKET_TRADES : 0;
    size_t count = 0;
    for (uint64_t at = row->trades_count; at > oldest && count < max; at--) {
        const rf_trade *trade = &row->trades[(at - 1) % RF_MARKET_TRADES];
        if (trade->time_ns < from)
            break;
        if (trade->time_ns < until)
            rows[count++] = *trade;
    }
    return count;
}

/* One that happened at the same moment as the oldest may be gone. */
int64_t rf_market_trades_since(const rf_market *market, uint32_t instrument)
{
    const market_instrument *row = &market->instruments[instrument];
    if (row->trades_count <= RF_MARKET_TRADES)
        return 0;
    return row->trades[row->trades_count % RF_MARKET_TRADES].time_ns + 1;
}

void rf_market_ticker(const rf_market *market, uint32_t instrument, int64_t now_ns,
                      rf_ticker *ticker)
{
    const market_instrument *row = &market->instruments[instrument];
    *ticker = (rf_ticker){.last = row->last_price};
    int64_t now = now_ns / NS_PER_MINUTE + 1;
    for (int64_t minute = now - RF_MARKET_MINUTES + 1; minute <= now; minute++) {
        if (minute <= 0)
            continue;
        const market_minute *bucket = &row->minutes[minute % RF_MARKET_MINUTES];
        if (bucket->minute != minute)
            continue;
        if (!ticker->traded) {
            ticker->traded = true;
            ticker->first = bucket->first;
            ticker->low = bucket->low;
        }
        ticker->high = rf_max(ticker->high, bucket->high);
        ticker->low = rf_min(ticker->low, bucket->low);
        ticker->volume += bucket->volume;
        ticker->value += bucket->value;
    }
}

/* The stored bar with the largest open <= open_ns, among those from *at down; NULL when none is
 * kept. */
static const rf_bar *bar_at(const market_instrument *row, rf_timeframe timeframe, int64_t open_ns,
                            uint64_t *at)
{
    uint64_t count = row->bars_count[timeframe];
    uint64_t oldest = count > RF_MARKET_BARS ? count - RF_MARKET_BARS : 0;
    while (*at > oldest && row->bars[timeframe][(*at - 1) % RF_MARKET_BARS].open_ns > open_ns)
        --*at;
    return *at > oldest ? &row->bars[timeframe][(*at - 1) % RF_MARKET_BARS] : NULL;
}

static int64_t bar_before(rf_timeframe timeframe, int64_t open_ns)
{
    return rf_bar_open(timeframe, open_ns - 1);
}

size_t rf_market_bars(const rf_market *market, uint32_t instrument, rf_timeframe timeframe,
                      int64_t from, int64_t until, rf_bar *rows, size_t max)
{
    const market_instrument *row = &market->instruments[instrument];
    uint64_t at = row->bars_count[timeframe];
    size_t count = 0;
    if (until <= 0)
        return 0;
    /* Backwards from the end, then turned round: the last `max` are wanted. */
    for (int64_t open = rf_bar_open(timeframe, until - 1); open >= from && count < max;
         open = bar_before(timeframe, open)) {
        const rf_bar *bar = bar_at(row, timeframe, open, &at);
        if (!bar)
            break;
        rows[count] = *bar;
        if (bar->open_ns != open)
            rows[count] = (rf_bar){.open_ns = open,
                                   .open = bar->close,
                                   .high = bar->close,
                                   .low = bar->close,
                                   .close = bar->close};
        count++;
        if (open == 0)
            break;
    }
    for (size_t i = 0; i < count / 2; i++) {
        rf_bar other = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = other;
    }
    return count;
}

int64_t rf_market_bars_since(const rf_market *market, uint32_t instrument, rf_timeframe timeframe)
{
    const market_instrument *row = &market->instruments[instrument];
    uint64_t count = row->bars_count[timeframe];
    return count > RF_MARKET_BARS ? row->bars[timeframe][count % RF_MARKET_BARS].open_ns : 0;
}
