/* Look-ups by name, and views of the venue: currencies, instruments, house accounts, books. */
#include "engine/view.h"

#include "engine/book.h"
#include "engine/funding.h"
#include "engine/insurance.h"
#include "engine/mark.h"
#include "engine/name.h"

/* ---- Look-ups ------------------------------------------------------------------------------------- */

int rf_find_instrument(const rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        if (rf_name_same(engine->instruments[i].config.name, name))
            return (int)i;
    }
    return -1;
}

int rf_find_currency(const rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->currencies_count; i++) {
        if (rf_name_same(engine->currencies[i].name, name))
            return (int)i;
    }
    return -1;
}

int rf_find_index(const rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->indexes_count; i++) {
        if (rf_name_same(engine->indexes[i].name, name))
            return (int)i;
    }
    return -1;
}

uint32_t rf_instruments_count(const rf_engine *engine)
{
    return engine->instruments_count;
}

uint32_t rf_currencies_count(const rf_engine *engine)
{
    return engine->currencies_count;
}

uint32_t rf_accounts_count(const rf_engine *engine)
{
    return engine->accounts_count;
}

/* ---- Currencies, instruments, house --------------------------------------------------------------- */

bool rf_view_currency(const rf_engine *engine, uint32_t currency, rf_currency_view *view)
{
    if (currency >= engine->currencies_count)
        return false;
    const rf_currency *record = &engine->currencies[currency];
    *view = (rf_currency_view){
        .kind = (rf_currency_kind)record->kind,
        .factor = record->factor,
        .cap = record->cap,
        .haircut = record->haircut,
        .custody = record->custody,
    };
    rf_name_copy(view->name, record->name);
    if (record->kind == RF_CURRENCY_COLLATERAL && record->index < engine->indexes_count) {
        const rf_index *index = &engine->indexes[record->index];
        view->index_e8 = index->price_e8;
        view->index_stale = rf_index_stale(engine, index);
    }
    return true;
}

bool rf_view_instrument(const rf_engine *engine, uint32_t number, rf_instrument_view *view)
{
    if (number >= engine->instruments_count)
        return false;
    const rf_instrument *instrument = &engine->instruments[number];
    *view = (rf_instrument_view){
        .config = instrument->config,
        .instrument = instrument->number,
        .state = (rf_instrument_state)instrument->state,
        .index = instrument->index,
        .k = instrument->k,
        .mark = instrument->mark,
        .mark_time_ns = rf_max(instrument->mark_time_ns, 0),
        .mark_pinned = instrument->mark_pinned != 0,
        .mark_stale = instrument->mark != 0 && rf_mark_stale(engine, instrument),
        .last_price = instrument->last_price,
        .best_bid = rf_book_best_price(instrument, RF_BUY),
        .best_ask = rf_book_best_price(instrument, RF_SELL),
        .open_interest = instrument->longs,
        .funding_rate = rf_funding_hourly(instrument),
        .estimated_rate = rf_funding_estimate(engine, instrument),
        .settlement_price = instrument->settlement_price,
    };
    if (instrument->index < engine->indexes_count) {
        view->index_e8 = engine->indexes[instrument->index].price_e8;
        view->index_time_ns = rf_max(engine->indexes[instrument->index].time_ns, 0);
    }
    return true;
}

void rf_view_house(const rf_engine *engine, rf_house_view *view)
{
    *view = (rf_house_view){.fund_equity = rf_fund_equity(engine)};
    for (uint32_t i = 0; i < engine->currencies_count; i++) {
        const rf_currency *currency = &engine->currencies[i];
        view->world[i] = currency->world;
        view->fees[i] = currency->fees;
        view->insurance[i] = currency->insurance;
        view->rounding[i] = currency->rounding;
        view->withdrawals[i] = currency->withdrawals;
    }
}

int64_t rf_view_clearing(const rf_engine *engine, uint32_t instrument)
{
    return instrument < engine->instruments_count ? engine->instruments[instrument].clearing : 0;
}

size_t rf_view_book(const rf_engine *engine, uint32_t instrument, rf_side side, rf_level *levels,
                    size_t max)
{
    if (instrument >= engine->instruments_count || (side != RF_BUY && side != RF_SELL))
        return 0;
    return rf_book_levels(engine, &engine->instruments[instrument], (uint8_t)side, levels, max);
}

/* The waiting withdrawal with the smallest id above this one; NULL. */
static const rf_withdrawal *withdrawal_after(const rf_engine *engine, uint64_t id)
{
    const rf_withdrawal *found = NULL;
    for (uint32_t i = 0; i < engine->limits.withdrawals_max; i++) {
        const rf_withdrawal *withdrawal = &engine->withdrawals[i];
        if (withdrawal->id > id && (!found || withdrawal->id < found->id))
            found = withdrawal;
    }
    return found;
}

size_t rf_view_withdrawals(const rf_engine *engine, rf_withdrawal_view *views, size_t max)
{
    uint64_t last = 0;
    for (size_t i = 0; i < max && i < engine->withdrawals_used; i++) {
        const rf_withdrawal *withdrawal = withdrawal_after(engine, last);
        RF_CHECK(withdrawal != NULL);
        views[i] =
            (rf_withdrawal_view){withdrawal->id,     withdrawal->account, withdrawal->currency,
                                 withdrawal->amount, withdrawal->debit,   withdrawal->time_ns};
        last = withdrawal->id;
    }
    return engine->withdrawals_used;
}
