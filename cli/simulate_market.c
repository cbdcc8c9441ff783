#include "cli/simulate.h"

#include "base/arith.h"

/* Distance of each pair of quotes from the price, in hundredths of a percent. */
static const int64_t distances[] = {1, 2, 4, 8, 15, 30, 60, 100};

enum {
    LEVELS = sizeof distances / sizeof distances[0],
    STEPS = 4,                /* quotes of one bar share its volume */
    SIDE_MAX_USD = 100000000, /* no side of a book offers more than this at once */
};

void rf_simulate_order(rf_command *command, uint32_t account, const rf_simulate_market *market,
                       rf_side side, int64_t price, int64_t qty)
{
    *command = (rf_command){.kind = RF_COMMAND_PLACE_ORDER};
    rf_order_params *order = &command->u.order;
    order->account = account;
    order->instrument = market->instrument;
    order->flags = RF_FLAG_OID_DEFAULTED;
    order->side = (uint8_t)side;
    order->type = RF_LIMIT;
    order->price = price;
    order->qty = qty;
    order->isolated_margin = -1;
}

/* What one side offers at this step, in lots: its part of the bar's volume times the depth that was asked for. */
static int64_t side_lots(const rf_simulate_world *world, const rf_simulate_market *market,
                         int64_t price, rf_wide volume)
{
    const rf_wide value_of_lot = (rf_wide)price * market->k; /* 1e-8 dollars */
    const rf_wide one_lot = market->prices.volume_is_quote ? value_of_lot : market->qty_unit;
    const rf_wide lots_max = (rf_wide)SIDE_MAX_USD * RF_E8 / value_of_lot;
    if (volume / one_lot > INT64_MAX)
        return rf_narrow(lots_max);
    const rf_wide lots = volume / one_lot * world->options->maker_depth / RF_E8 / STEPS;
    return rf_narrow(lots < lots_max ? lots : lots_max);
}

/* Buys are priced down to the tick and sells up, and both at least one tick away from the price. */
static int64_t quote_price(const rf_simulate_market *market, rf_side side, int64_t price, int level)
{
    const rf_wide distance = (rf_wide)price * distances[level];
    const int64_t away = rf_max(rf_narrow(rf_div_up(distance, 10000)), market->tick);
    if (side == RF_BUY)
        return rf_narrow(rf_div_down(price - away, market->tick) * market->tick);
    return rf_narrow(rf_div_up(price + away, market->tick) * market->tick);
}

/* A quote that the engine does not take is counted and left out: the book is thinner then, as it would be. */
static void place_quote(rf_simulate_world *world, const rf_simulate_market *market, uint32_t maker,
                        rf_side side, int64_t price, int64_t qty)
{
    rf_command command;
    rf_result result;
    if (price <= 0 || qty == 0)
        return;
    rf_simulate_order(&command, maker, market, side, price, qty);
    if (rf_simulate_apply(world, &command, &result) != RF_ERR_OK)
        world->result->quotes_refused++;
}

static bool cancel_quotes(rf_simulate_world *world, const rf_simulate_market *market)
{
    rf_result result;
    for (uint32_t i = 0; i < RF_SIMULATE_MAKERS; i++) {
        rf_command cancel = {.kind = RF_COMMAND_CANCEL_ORDERS};
        cancel.u.change.account = market->makers[i];
        cancel.u.change.all = 2;
        cancel.u.change.instrument = market->instrument;
        cancel.u.change.mode = -1;
        if (!rf_simulate_must(world, &cancel, &result, "the maker's orders cannot be cancelled"))
            return false;
    }
    return true;
}

bool rf_simulate_quote(rf_simulate_world *world, rf_simulate_market *market, int64_t price,
                       rf_wide volume)
{
    const int64_t lots = side_lots(world, market, price, volume);
    if (!cancel_quotes(world, market))
        return false;
    for (int level = 0; level < LEVELS; level++) {
        const int64_t qty = lots / LEVELS + (level == 0 ? lots % LEVELS : 0);
        const uint32_t maker = market->makers[level % RF_SIMULATE_MAKERS];
        place_quote(world, market, maker, RF_BUY, quote_price(market, RF_BUY, price, level), qty);
        place_quote(world, market, maker, RF_SELL, quote_price(market, RF_SELL, price, level), qty);
    }
    return true;
}

/* The mark is pinned to the bar's price: that is the one price which the history has, and what risk should see. The
 * index is given too, so that funding is settled by its usual rule (without a premium: the base rate). */
bool rf_simulate_mark(rf_simulate_world *world, rf_simulate_market *market, int64_t price)
{
    rf_result result;
    rf_command index = {.kind = RF_COMMAND_SET_INDEX_PRICE};
    index.u.index.index = market->index;
    index.u.index.price_e8 = price * market->price_unit;
    rf_command mark = {.kind = RF_COMMAND_SET_MARK_PRICE};
    mark.u.instrument.instrument = market->instrument;
    mark.u.instrument.price = price;
    return rf_simulate_must(world, &index, &result, "the index price is refused") &&
           rf_simulate_must(world, &mark, &result, "the mark price is refused");
}
