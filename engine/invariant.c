/* Money, quantities and isolations: I1 to I3, I5, I6, and the list of all rows. */
#include "engine/invariant.h"

#include "engine/cross.h"
#include "engine/isolate.h"
#include "engine/position.h"

static rf_wide magnitude(rf_wide value)
{
    return value < 0 ? -value : value;
}

/* I1: per currency, all slots together are nothing. */
rf_wide rf_invariant_money(const rf_engine *engine)
{
    rf_wide residual = 0;
    for (uint32_t c = 0; c < engine->currencies_count; c++) {
        const rf_currency *currency = &engine->currencies[c];
        rf_wide sum = (rf_wide)currency->world + currency->fees + currency->insurance +
                      currency->rounding + currency->withdrawals;
        for (uint32_t account = 0; account < engine->accounts_count; account++)
            sum += *rf_main(engine, account, c);
        for (uint32_t i = 0; c == 0 && i < engine->instruments_count; i++) {
            const rf_instrument *instrument = &engine->instruments[i];
            sum += instrument->clearing;
            for (uint32_t p = instrument->positions_first; p != RF_NONE;
                 p = engine->positions[p].instrument_next)
                sum += engine->positions[p].wallet;
        }
        residual += magnitude(sum);
    }
    return residual;
}

/* In the middle of closing its positions at the settlement price, one after the other. */
static bool is_closing(const rf_engine *engine, const rf_instrument *instrument)
{
    return instrument->state == RF_STATE_SETTLED && rf_engine_pending(engine);
}

/* I2: what is long somewhere is short elsewhere; open interest is the sum of longs. */
rf_wide rf_invariant_quantity(const rf_engine *engine)
{
    rf_wide residual = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        rf_wide sum = 0, longs = 0;
        for (uint32_t p = instrument->positions_first; p != RF_NONE;
             p = engine->positions[p].instrument_next) {
            sum += engine->positions[p].q;
            longs += engine->positions[p].q > 0 ? engine->positions[p].q : 0;
        }
        if (!is_closing(engine, instrument))
            residual += magnitude(sum);
        residual += magnitude(longs - instrument->longs);
    }
    return residual;
}

/* I3: CLEARING + sum of C = 0; while positions are closed at the settlement price, what is still open at that
 * price. A flat position has no cost. */
rf_wide rf_invariant_clearing(const rf_engine *engine)
{
    rf_wide residual = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        const rf_instrument *instrument = &engine->instruments[i];
        rf_wide sum = instrument->clearing, open = 0;
        for (uint32_t p = instrument->positions_first; p != RF_NONE;
             p = engine->positions[p].instrument_next) {
            const rf_position *position = &engine->positions[p];
            sum += position->cost;
            open += position->q;
            if (position->q == 0)
                residual += magnitude(position->cost) + magnitude(position->cost_user);
        }
        if (is_closing(engine, instrument))
            sum -= open * instrument->settlement_price * instrument->k;
        residual += magnitude(sum);
    }
    return residual;
}

/* A record that nothing is left in should have been given back, and its money with it. */
static rf_wide left_over(const rf_position *position)
{
    if (position->q != 0 || position->opening_count != 0)
        return 0;
    if (rf_is_isolated(position))
        return 1 + magnitude(position->wallet);
    return position->orders_count == 0 && position->triggers == RF_NONE;
}

/* I5: one isolation per account and instrument, in its seat; its slot is 0 once position and orders are gone. */
rf_wide rf_invariant_isolations(const rf_engine *engine)
{
    rf_wide residual = 0;
    uint32_t isolations = 0;
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t p = engine->instruments[i].positions_first;
        for (; p != RF_NONE; p = engine->positions[p].instrument_next) {
            const rf_position *position = &engine->positions[p];
            const rf_seat *seat = rf_seat_find(engine, position->account, i);
            const bool isolated = rf_is_isolated(position);
            residual += position->instrument != i || !seat || seat->position[isolated] != p;
            residual += isolated != (position->id != 0) || (!isolated && position->wallet != 0);
            residual += isolated && rf_position_by_isolation(engine, position->id) != p;
            residual += left_over(position);
            isolations += isolated;
        }
    }
    for (uint32_t account = 0; account < engine->accounts_count; account++)
        isolations -= engine->accounts[account].isolations_count;
    return residual + (isolations != 0);
}

/* I6, as far as a state can tell: what may leave is never more than is there, and never isolated money. */
rf_wide rf_invariant_fence(const rf_engine *engine)
{
    rf_wide residual = 0;
    for (uint32_t account = RF_FUND + 1; account < engine->accounts_count; account++) {
        rf_cross cross;
        rf_cross_assess(engine, account, &cross);
        residual += magnitude((rf_wide)cross.available - rf_cross_available(engine, account));
        const rf_money cash = rf_max(0, engine->accounts[account].usd);
        const rf_money withdrawable = rf_cross_withdrawable(engine, account, 0);
        residual += withdrawable < 0 || withdrawable > cash;
        residual += withdrawable > rf_max(0, cross.available);
        residual += rf_cross_free_usd(engine, account) > cash;
    }
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t p = engine->instruments[i].positions_first;
        for (; p != RF_NONE; p = engine->positions[p].instrument_next) {
            const rf_position *position = &engine->positions[p];
            if (rf_is_isolated(position)) {
                const rf_money removable = rf_isolate_max_removable(engine, p);
                residual += removable < 0 || removable > rf_max(0, position->wallet);
            }
        }
    }
    return residual;
}

typedef struct row {
    const char *name;
    rf_wide (*residual)(const rf_engine *engine);
} row;

static rf_wide sums_and_watches(const rf_engine *engine)
{
    return rf_invariant_sums(engine) + rf_invariant_watches(engine);
}

static const row rows_of_state[] = {
    {"I1", rf_invariant_money},      {"I2", rf_invariant_quantity}, {"I3", rf_invariant_clearing},
    {"I5", rf_invariant_isolations}, {"I6", rf_invariant_fence},    {"I7", rf_invariant_books},
    {"I8", sums_and_watches},
};

size_t rf_engine_check(const rf_engine *engine, rf_invariant *rows, size_t count)
{
    const size_t all = sizeof rows_of_state / sizeof rows_of_state[0];
    for (size_t i = 0; i < all && i < count; i++) {
        const rf_wide residual = rows_of_state[i].residual(engine);
        rows[i].name = rows_of_state[i].name;
        rows[i].ok = residual == 0;
        rows[i].residual = residual > INT64_MAX ? INT64_MAX : (int64_t)residual;
    }
    return all;
}
