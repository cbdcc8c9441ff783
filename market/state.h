/* What the market feeds remember. Private to market/.
 *
 * May include: market/market.h. */
#ifndef RF_MARKET_STATE_H
#define RF_MARKET_STATE_H

#include "market/market.h"

/* A book level; levels of all instruments share one pool. A side is a skip list, best first: all
 * levels hang in lane 0, about a quarter of a lane's levels in the lane above, too. */
enum { MARKET_LANES = 6, MARKET_CHANGE_SLOTS = 2 * RF_MARKET_CHANGES };
typedef struct market_level {
    int64_t price, qty;
    uint32_t orders;
    uint32_t next[MARKET_LANES]; /* 0 = last; lane 0 of a free one: the next free one */
} market_level;

typedef struct market_side {
    uint32_t best[MARKET_LANES];
    uint32_t changes_count;
    bool overflow;
    int64_t changes[RF_MARKET_CHANGES]; /* prices */
    /* Where a price stands among them, plus 1: a hash table, as every event asks. 0 = free. */
    uint16_t change_slots[MARKET_CHANGE_SLOTS];
} market_side;

typedef struct market_minute {
    int64_t minute; /* since 1970, plus 1: 0 = never used */
    int64_t first, high, low;
    int64_t volume;
    rf_wide value;
} market_minute;

typedef struct market_valuation {
    int64_t minute; /* plus 1 */
    int64_t index_e8, mark, rate, estimate;
} market_valuation;

typedef struct market_instrument {
    int64_t k;
    market_side sides[2];
    uint64_t update, published;
    int64_t update_time_ns;
    bool changed;
    int64_t last_price;
    uint64_t trades_count; /* ever */
    uint64_t rates_count;
    uint64_t valuations_count;
    int64_t index_e8, mark, rate, estimate;
    rf_trade trades[RF_MARKET_TRADES];
    market_minute minutes[RF_MARKET_MINUTES];
    market_valuation valuations[RF_MARKET_MINUTES];
    rf_sample rates[RF_MARKET_HOURS];
    uint64_t bars_count[RF_TIMEFRAMES];
    rf_bar bars[RF_TIMEFRAMES][RF_MARKET_BARS];
} market_instrument;

/* The order that the command at hand has amended, as the book shows it. */
typedef struct market_amended {
    uint64_t seq, order; /* 0 = none */
    int64_t price, qty;
} market_amended;

struct rf_market {
    uint32_t instruments_max, levels_max;
    market_instrument *instruments;
    market_level *levels; /* 1..levels_max */
    uint32_t levels_used, levels_free;
    bool resting; /* the books are not followed */
    market_amended amended;
    int64_t insurance;
    uint64_t insurance_count;
    rf_sample insurance_rows[RF_MARKET_MINUTES];
    uint64_t liquidations_count;
    rf_liquidation liquidations[RF_MARKET_LIQUIDATIONS];
};

/* Levels that come best first, into an empty side: each is hung behind the last. */
typedef struct market_lay {
    market_side *half;
    uint32_t *ends[MARKET_LANES];
    int64_t last; /* price of the last one */
    bool any;
} market_lay;

void rf_market_lay_start(market_side *half, market_lay *lay);
/* False: it is not behind the last one, or there is no room. */
bool rf_market_lay_level(rf_market *market, market_lay *lay, rf_side side, const rf_level *given);
void rf_market_book_event(rf_market *market, const rf_event *event);
void rf_market_trade_event(rf_market *market, const rf_event *event);
void rf_market_series_event(rf_market *market, const rf_event *event);

#endif
