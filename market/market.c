#include "market/state.h"

static size_t padded(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

size_t rf_market_size(uint32_t instruments_max, uint32_t levels_max)
{
    return padded(sizeof(rf_market)) + padded(sizeof(market_instrument) * instruments_max) +
           sizeof(market_level) * ((size_t)levels_max + 1);
}

rf_market *rf_market_init(void *memory, uint32_t instruments_max, uint32_t levels_max)
{
    unsigned char *bytes = memory;
    rf_market *market = memory;
    market->instruments_max = instruments_max;
    market->levels_max = levels_max;
    bytes += padded(sizeof(rf_market));
    market->instruments = (market_instrument *)(void *)bytes;
    bytes += padded(sizeof(market_instrument) * instruments_max);
    market->levels = (market_level *)(void *)bytes;
    return market;
}

void rf_market_list(rf_market *market, uint32_t instrument, int64_t k)
{
    if (instrument < market->instruments_max)
        market->instruments[instrument].k = k;
}

void rf_market_event(rf_market *market, const rf_event *event)
{
    rf_market_series_event(market, event);
    if (event->instrument >= market->instruments_max)
        return;
    rf_market_book_event(market, event);
    rf_market_trade_event(market, event);
}
