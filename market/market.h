/* Market data derived from the engine's events: books with their changes, trades, tickers, candles,
 * valuations, the insurance fund's balance, liquidations.
 *
 * Promise: pure and bounded. It looks at events only, never at the engine, so it can be rebuilt
 * from a journal or loaded from a snapshot; the memory that init is given is all it ever uses, and what falls out of a ring
 * is gone.
 *
 * May include: base, include/ringfence.h. */
#ifndef RF_MARKET_MARKET_H
#define RF_MARKET_MARKET_H

#include "base/types.h"
#include "include/ringfence.h"

enum {
    RF_MARKET_TRADES = 1024,  /* kept per instrument */
    RF_MARKET_MINUTES = 1440, /* of ticker and valuations */
    RF_MARKET_BARS = 384,     /* kept per instrument and timeframe */
    RF_MARKET_HOURS = 768,    /* settled funding rates */
    RF_MARKET_LIQUIDATIONS = 1024,
    RF_MARKET_CHANGES = 256, /* book levels of an instrument changed since they were last taken */
};

typedef struct rf_market rf_market;

/* Bytes for this many instruments and book levels (at most as many as there can be resting orders).
 */
size_t rf_market_size(uint32_t instruments_max, uint32_t levels_max);
/* The memory must be zeroed, 16-byte aligned and of at least that size. */
rf_market *rf_market_init(void *memory, uint32_t instruments_max, uint32_t levels_max);
/* Once for each new instrument, before its first trade: k of rf_instrument_view. */
void rf_market_list(rf_market *market, uint32_t instrument, int64_t k);
/* Every event, in order. */
void rf_market_event(rf_market *market, const rf_event *event);

/* Everything but the changes that have not been taken, as a canonical stream; and back into freshly
 * initialised feeds that are at least as big. False: *error says why, and the feeds are unusable. */
bool rf_market_save(const rf_market *market, rf_write write, void *context);
bool rf_market_load(rf_market *market, rf_read read, void *context, const char **error);

/* ---- Book ------------------------------------------------------------------------------------ */
/* Best prices first, at most max; returns how many. */
size_t rf_market_book(const rf_market *market, uint32_t instrument, rf_side side, rf_level *levels,
                      size_t max);
/* The levels that changed since the last call, with what they hold now (qty 0: gone), best first.
 * Look at the stamp before, and take both sides. */
size_t rf_market_take_changes(rf_market *market, uint32_t instrument, rf_side side,
                              rf_level *levels, size_t max);
typedef struct rf_book_stamp {
    uint64_t update;   /* sequence of the last change */
    uint64_t previous; /* what update was when the changes were last taken, 0 = never */
    int64_t time_ns;   /* of the last change */
    bool changed;      /* since the last take */
    bool overflow;     /* more changed than is kept: send a snapshot */
} rf_book_stamp;
rf_book_stamp rf_market_book_stamp(const rf_market *market, uint32_t instrument);

/* While a journal is re-run nobody reads the books, and the engine has them, too. At rest they are
 * empty, and events only move their stamps; then each side is laid as the engine has it, best first,
 * before events are followed again. */
void rf_market_rest_books(rf_market *market);
void rf_market_lay_book(rf_market *market, uint32_t instrument, rf_side side,
                        const rf_level *levels, size_t count);
void rf_market_follow_books(rf_market *market);

/* ---- Trades, ticker, candles ----------------------------------------------------------------- */
typedef struct rf_trade {
    uint64_t match;
    int64_t time_ns, price, qty;
    rf_side side; /* of the taker */
} rf_trade;
/* Newest first, those with from <= time < until. */
size_t rf_market_trades(const rf_market *market, uint32_t instrument, int64_t from, int64_t until,
                        rf_trade *rows, size_t max);

/* From this time on no trade is missing: 0 = none ever fell out. */
int64_t rf_market_trades_since(const rf_market *market, uint32_t instrument);

typedef struct rf_ticker {
    bool traded;              /* in the last 24 hours; else all below is 0 */
    int64_t first, high, low; /* prices of the window */
    int64_t last;             /* of the last trade ever, 0 = none */
    rf_wide volume;           /* base */
    rf_wide value;            /* e8 USD */
} rf_ticker;
void rf_market_ticker(const rf_market *market, uint32_t instrument, int64_t now_ns,
                      rf_ticker *ticker);

typedef enum rf_timeframe {
    RF_BARS_1M,
    RF_BARS_5M,
    RF_BARS_15M,
    RF_BARS_30M,
    RF_BARS_1H,
    RF_BARS_2H,
    RF_BARS_4H,
    RF_BARS_6H,
    RF_BARS_12H,
    RF_BARS_1D,
    RF_BARS_7D,
    RF_BARS_14D,
    RF_BARS_MONTH,
    RF_TIMEFRAMES,
} rf_timeframe;
typedef struct rf_bar {
    int64_t open_ns;
    int64_t open, high, low, close;
    int64_t volume;
} rf_bar;
/* When the bar that contains this time opens; when the one behind it opens. */
int64_t rf_bar_open(rf_timeframe timeframe, int64_t time_ns);
int64_t rf_bar_next(rf_timeframe timeframe, int64_t open_ns);
/* The bars with from <= open < until, the last `max` of them, ascending; bars without a trade are
 * flat. None before the first trade that is kept. */
size_t rf_market_bars(const rf_market *market, uint32_t instrument, rf_timeframe timeframe,
                      int64_t from, int64_t until, rf_bar *rows, size_t max);

/* The same for bars that open then or later. */
int64_t rf_market_bars_since(const rf_market *market, uint32_t instrument, rf_timeframe timeframe);

/* ---- Valuations, fund, liquidations ---------------------------------------------------------- */
typedef enum rf_series {
    RF_SERIES_INDEX,
    RF_SERIES_MARK,
    RF_SERIES_FUNDING_HIST,
    RF_SERIES_FUNDING,
    RF_SERIES_ESTIMATE
} rf_series;
typedef struct rf_sample {
    int64_t time_ns, value;
} rf_sample;
/* Newest first. */
size_t rf_market_series(const rf_market *market, uint32_t instrument, rf_series series,
                        int64_t from, int64_t until, rf_sample *rows, size_t max);
int64_t rf_market_series_since(const rf_market *market, uint32_t instrument, rf_series series);
size_t rf_market_insurance(const rf_market *market, int64_t from, int64_t until, rf_sample *rows,
                           size_t max);

typedef struct rf_liquidation {
    int64_t started_ns, ended_ns; /* ended 0: under way */
    uint64_t isolation_id;
    uint32_t account;
    uint16_t instrument;
    bool recovered;
    int64_t mark, qty;                       /* at the start */
    int64_t equity, required;                /* W + U and FR + MM at the start */
    int64_t closed, taken_over, deleveraged; /* quantities */
    int64_t to_fund, uncovered;              /* e8 */
} rf_liquidation;
/* Newest first. */
size_t rf_market_liquidations(const rf_market *market, rf_liquidation *rows, size_t max);

#endif
