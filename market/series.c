/* Valuations by the minute, settled funding rates, the insurance fund's balance, liquidations. */
#include "market/state.h"

#define NS_PER_MINUTE 60000000000LL

static void sample_valuation(market_instrument *row, int64_t time_ns)
{
    int64_t minute = time_ns / NS_PER_MINUTE + 1;
    market_valuation *last =
        &row->valuations[(row->valuations_count + RF_MARKET_MINUTES - 1) % RF_MARKET_MINUTES];
    if (row->valuations_count == 0 || last->minute != minute)
        last = &row->valuations[row->valuations_count++ % RF_MARKET_MINUTES];
    *last = (market_valuation){.minute = minute,
                               .index_e8 = row->index_e8,
                               .mark = row->mark,
                               .rate = row->rate,
                               .estimate = row->estimate};
}

/* The fund is account 0: its fills and settlements say what they did to INSURANCE, all else is in
 * the ledger. */
static int64_t insurance_change(const rf_event *event)
{
    bool own = event->account == 0;
    if (event->kind == RF_EVENT_FILL && own)
        return event->realized - event->fee;
    if ((event->kind == RF_EVENT_POSITION_SETTLED || event->kind == RF_EVENT_POSITION_MOVED) && own)
        return event->realized;
    if (event->kind != RF_EVENT_LEDGER || event->currency != 0)
        return 0;
    int64_t in = event->slot_to == RF_SLOT_INSURANCE ? event->amount : 0;
    int64_t out = event->slot_from == RF_SLOT_INSURANCE ? event->amount : 0;
    return in - out;
}

static void move_insurance(rf_market *market, const rf_event *event)
{
    int64_t change = insurance_change(event);
    if (change == 0)
        return;
    market->insurance += change;
    rf_sample *last = &market->insurance_rows[(market->insurance_count + RF_MARKET_MINUTES - 1) %
                                              RF_MARKET_MINUTES];
    if (market->insurance_count == 0 ||
        last->time_ns / NS_PER_MINUTE != event->time_ns / NS_PER_MINUTE)
        last = &market->insurance_rows[market->insurance_count++ % RF_MARKET_MINUTES];
    *last = (rf_sample){.time_ns = event->time_ns, .value = market->insurance};
}

static void start_liquidation(rf_market *market, const rf_event *event)
{
    market->liquidations[market->liquidations_count++ % RF_MARKET_LIQUIDATIONS] = (rf_liquidation){
        .started_ns = event->time_ns,
        .account = event->account,
        .instrument = event->instrument,
        .isolation_id = event->isolation_id,
        .mark = event->price,
        .qty = event->qty,
        .equity = event->amount,
        .required = event->value,
    };
}

/* The youngest liquidation of this owner that is not over; NULL when it fell out of the ring. */
static rf_liquidation *find_open(rf_market *market, const rf_event *event)
{
    uint64_t count = market->liquidations_count;
    uint64_t oldest = count > RF_MARKET_LIQUIDATIONS ? count - RF_MARKET_LIQUIDATIONS : 0;
    for (; count > oldest; count--) {
        rf_liquidation *row = &market->liquidations[(count - 1) % RF_MARKET_LIQUIDATIONS];
        if (row->account == event->account && row->isolation_id == event->isolation_id &&
            row->ended_ns == 0)
            return row;
    }
    return NULL;
}

static void end_liquidation(rf_market *market, const rf_event *event)
{
    rf_liquidation *row = find_open(market, event);
    if (!row)
        return;
    row->ended_ns = event->time_ns;
    if (event->kind == RF_EVENT_LIQUIDATION_RECOVERED) {
        row->recovered = true;
        return;
    }
    row->closed = event->qty;
    row->taken_over = event->value;
    row->deleveraged = event->leaves;
    row->to_fund = event->amount;
    row->uncovered = event->realized;
}

static void note_rates(market_instrument *row, const rf_event *event)
{
    if (event->kind == RF_EVENT_MARK_PRICE) {
        row->mark = event->price;
        row->index_e8 = event->value;
        sample_valuation(row, event->time_ns);
    }
    if (event->kind == RF_EVENT_FUNDING_RATE) {
        row->rate = event->value;
        row->estimate = event->amount;
        sample_valuation(row, event->time_ns);
    }
    if (event->kind == RF_EVENT_FUNDING_SETTLED)
        row->rates[row->rates_count++ % RF_MARKET_HOURS] =
            (rf_sample){.time_ns = event->time_ns, .value = event->value};
}

void rf_market_series_event(rf_market *market, const rf_event *event)
{
    if (event->instrument < market->instruments_max)
        note_rates(&market->instruments[event->instrument], event);
    move_insurance(market, event);
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        start_liquidation(market, event);
    if (event->kind == RF_EVENT_LIQUIDATION_ENDED || event->kind == RF_EVENT_LIQUIDATION_RECOVERED)
        end_liquidation(market, event);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static size_t newest_samples(const rf_sample *ring, uint64_t size, uint64_t total, int64_t from,
                             int64_t until, rf_sample *rows, size_t max)
{
    uint64_t oldest = total > size ? total - size : 0;
    size_t count = 0;
    for (; total > oldest && count < max; total--) {
        const rf_sample *sample = &ring[(total - 1) % size];
        if (sample->time_ns >= from && sample->time_ns < until)
            rows[count++] = *sample;
    }
    return count;
}

static int64_t valuation(const market_valuation *row, rf_series series)
{
    switch (series) {
    case RF_SERIES_INDEX:
        return row->index_e8;
    case RF_SERIES_MARK:
        return row->mark;
    case RF_SERIES_FUNDING:
        return row->rate;
    case RF_SERIES_ESTIMATE:
        return row->estimate;
    case RF_SERIES_FUNDING_HIST:
        break;
    }
    return 0;
}

size_t rf_market_series(const rf_market *market, uint32_t instrument, rf_series series,
                        int64_t from, int64_t until, rf_sample *rows, size_t max)
{
    const market_instrument *row = &market->instruments[instrument];
    if (series == RF_SERIES_FUNDING_HIST)
        return newest_samples(row->rates, RF_MARKET_HOURS, row->rates_count, from, until, rows,
                              max);
    uint64_t total = row->valuations_count;
    uint64_t oldest = total > RF_MARKET_MINUTES ? total - RF_MARKET_MINUTES : 0;
    size_t count = 0;
    for (; total > oldest && count < max; total--) {
        const market_valuation *sample = &row->valuations[(total - 1) % RF_MARKET_MINUTES];
        int64_t time_ns = (sample->minute - 1) * NS_PER_MINUTE;
        if (time_ns >= from && time_ns < until)
            rows[count++] = (rf_sample){.time_ns = time_ns, .value = valuation(sample, series)};
    }
    return count;
}

int64_t rf_market_series_since(const rf_market *market, uint32_t instrument, rf_series series)
{
    const market_instrument *row = &market->instruments[instrument];
    if (series == RF_SERIES_FUNDING_HIST)
        return row->rates_count > RF_MARKET_HOURS
                   ? row->rates[row->rates_count % RF_MARKET_HOURS].time_ns + 1
                   : 0;
    if (row->valuations_count <= RF_MARKET_MINUTES)
        return 0;
    return (row->valuations[row->valuations_count % RF_MARKET_MINUTES].minute - 1) * NS_PER_MINUTE;
}

size_t rf_market_insurance(const rf_market *market, int64_t from, int64_t until, rf_sample *rows,
                           size_t max)
{
    return newest_samples(market->insurance_rows, RF_MARKET_MINUTES, market->insurance_count, from,
                          until, rows, max);
}

size_t rf_market_liquidations(const rf_market *market, rf_liquidation *rows, size_t max)
{
    uint64_t total = market->liquidations_count;
    uint64_t oldest = total > RF_MARKET_LIQUIDATIONS ? total - RF_MARKET_LIQUIDATIONS : 0;
    size_t count = 0;
    for (; total > oldest && count < max; total--)
        rows[count++] = market->liquidations[(total - 1) % RF_MARKET_LIQUIDATIONS];
    return count;
}
