/* The maker's quotes and the taker's orders.
 *
 * The maker keeps SANDBOX_LEVELS orders a side and moves them with the price: each call amends one of
 * them, or places it anew when it was filled. The more it holds, the lower it quotes, so that others
 * take it off its hands. The taker buys and sells at the market, and turns round when it holds much. */
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/decimal.h"
#include "server/sandbox_state.h"

enum {
    MILLION = 1000000,
    QUOTES = 2 * SANDBOX_LEVELS,
    SKEW = 800,        /* ppm that a full inventory moves the quotes by */
    FULL_UNITS = 4000, /* a full inventory, in units of notional */
    TAKER_UNITS = 60,  /* at which the taker turns round */
    AMENDS = 8,        /* of so many moves of a quote one is a cancel and a new order */
    REFILL_E8_MILLIONS = 10,
};

/* Distance from the price in ppm, and size in units of notional. */
static const struct {
    int64_t ppm, units;
} levels[SANDBOX_LEVELS] = {{40, 1},    {80, 2},    {130, 3},   {190, 4},  {260, 5},
                            {350, 6},   {460, 8},   {600, 10},  {800, 12}, {1100, 16},
                            {1600, 20}, {2400, 30}, {4000, 40}, {7000, 60}};

int64_t sandbox_lots(const sandbox_market *market, int64_t notional_e8)
{
    int64_t scale = 1;
    for (unsigned i = 0; i < market->listing->qty_decimals; i++)
        scale *= 10;
    return rf_max(rf_narrow((rf_wide)notional_e8 * scale / market->walk.price_e8), 1);
}

static int64_t size_of(rf_sandbox *sandbox, const sandbox_market *market, int64_t units)
{
    int64_t percent = 50 + rf_sandbox_below(&sandbox->random, 101);
    return sandbox_lots(market, market->listing->unit_notional_e8 * units / 100 * percent);
}

/* ---- The maker ------------------------------------------------------------------------------- */

/* In ticks, the bid down and the ask up: quotes never meet. */
static int64_t quote_ticks(const sandbox_market *market, rf_side side, unsigned level)
{
    rf_wide full = sandbox_lots(market, market->listing->unit_notional_e8) * (rf_wide)FULL_UNITS;
    rf_wide skew = -(rf_wide)SKEW * market->maker_qty / full;
    if (skew > SKEW || skew < -SKEW)
        skew = skew > 0 ? SKEW : -SKEW;
    rf_wide away = (rf_wide)levels[level].ppm * market->spread_percent / 100;
    rf_wide ppm = MILLION + skew + (side == RF_BUY ? -away : away);
    rf_wide tick = 1;
    for (unsigned i = market->listing->price_decimals; i < 8; i++)
        tick *= 10;
    rf_wide price = (rf_wide)market->walk.price_e8 * ppm / MILLION;
    rf_wide ticks = side == RF_BUY ? rf_div_down(price, tick) : rf_div_up(price, tick);
    return rf_max(rf_narrow(ticks), 1);
}

/* Money for whoever has none left: as an operator would, on the telephone. */
static void refill(rf_sandbox *sandbox, sandbox_role role, rf_error code)
{
    if (code == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE || code == RF_ERR_ACCOUNT_IS_IN_MARGIN_CALL)
        sandbox_operate(sandbox, "operator/deposit",
                        "{\"account\":\"%s\",\"currency\":\"USD\",\"amount\":\"%d000000\"}",
                        sandbox->people[role].account, REFILL_E8_MILLIONS);
}

static void place_quote(rf_sandbox *sandbox, sandbox_market *market, rf_side side, unsigned level)
{
    sandbox_quote *quote = &market->quotes[side][level];
    const sandbox_listing *listing = market->listing;
    rf_error code = sandbox_trade(
        sandbox, sandbox->people[SANDBOX_MAKER].number, "private/create-order",
        "{\"instrument_name\":\"%s\",\"side\":\"%s\",\"type\":\"LIMIT\",\"price\":\"%s\","
        "\"quantity\":\"%s\",\"exec_inst\":[\"POST_ONLY\"]}",
        listing->instrument, side == RF_BUY ? "BUY" : "SELL",
        sandbox_decimal(quote_ticks(market, side, level), listing->price_decimals).bytes,
        sandbox_decimal(size_of(sandbox, market, levels[level].units), listing->qty_decimals)
            .bytes);
    sandbox->stats.orders++;
    quote->order_id =
        code == RF_ERR_OK ? strtoull(sandbox_result(sandbox, "order_id"), NULL, 10) : 0;
    refill(sandbox, SANDBOX_MAKER, code);
}

static void cancel_quote(rf_sandbox *sandbox, sandbox_quote *quote)
{
    sandbox_trade(sandbox, sandbox->people[SANDBOX_MAKER].number, "private/cancel-order",
                  "{\"order_id\":\"%llu\"}", (unsigned long long)quote->order_id);
    quote->order_id = 0;
}

/* What was refused leaves the order as it was; one that is gone was filled. */
static void amend_quote(rf_sandbox *sandbox, sandbox_market *market, rf_side side, unsigned level)
{
    sandbox_quote *quote = &market->quotes[side][level];
    const sandbox_listing *listing = market->listing;
    rf_error code = sandbox_trade(
        sandbox, sandbox->people[SANDBOX_MAKER].number, "private/amend-order",
        "{\"order_id\":\"%llu\",\"new_price\":\"%s\",\"new_quantity\":\"%s\"}",
        (unsigned long long)quote->order_id,
        sandbox_decimal(quote_ticks(market, side, level), listing->price_decimals).bytes,
        sandbox_decimal(size_of(sandbox, market, levels[level].units), listing->qty_decimals)
            .bytes);
    sandbox->stats.orders++;
    if (code == RF_ERR_INVALID_ORDERID)
        quote->order_id = 0;
    else if (code == RF_ERR_INVALID_ORDERQTY) /* more of it is filled than is wanted now */
        cancel_quote(sandbox, quote);
    refill(sandbox, SANDBOX_MAKER, code);
}

/* When the price rises the asks have to step aside before the bids can follow, the nearest first. */
static void start_sweep(sandbox_market *market)
{
    market->rises = market->walk.price_e8 >= market->quoted_e8;
    market->quoted_e8 = market->walk.price_e8;
    market->sweep = 0;
}

static void requote(rf_sandbox *sandbox)
{
    sandbox_market *market = &sandbox->markets[sandbox->turn++ % SANDBOX_INSTRUMENTS];
    if (market->sweep == QUOTES)
        start_sweep(market);
    bool first = market->sweep < SANDBOX_LEVELS;
    rf_side side = market->rises == first ? RF_SELL : RF_BUY;
    unsigned level = market->sweep++ % SANDBOX_LEVELS;
    if (market->quotes[side][level].order_id == 0)
        place_quote(sandbox, market, side, level);
    else if (rf_sandbox_below(&sandbox->random, AMENDS) == 0)
        cancel_quote(sandbox, &market->quotes[side][level]);
    else
        amend_quote(sandbox, market, side, level);
}

void sandbox_quote_all(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++)
        for (unsigned level = 0; level < SANDBOX_LEVELS; level++) {
            place_quote(sandbox, &sandbox->markets[i], RF_BUY, level);
            place_quote(sandbox, &sandbox->markets[i], RF_SELL, level);
        }
}

/* A quantity of the answer in lots, 0 when there is none. */
static int64_t lots_of(const char *text, const sandbox_market *market)
{
    int64_t lots = 0;
    rf_decimal_parse(text, strlen(text), market->listing->qty_decimals, &lots);
    return lots;
}

void sandbox_look(rf_sandbox *sandbox)
{
    const rf_json *json = &sandbox->json;
    if (sandbox_trade(sandbox, sandbox->people[SANDBOX_MAKER].number, "private/get-positions",
                      "{}") != RF_ERR_OK)
        return;
    uint32_t data = rf_json_member(json, rf_json_member(json, 0, "result"), "data");
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++)
        sandbox->markets[i].maker_qty = 0;
    for (uint32_t i = 0; data && i < json->tokens[data].count; i++) {
        uint32_t row = rf_json_element(json, data, i);
        uint32_t name = rf_json_member(json, row, "instrument_name");
        uint32_t quantity = rf_json_member(json, row, "quantity");
        for (unsigned m = 0; name && quantity && m < SANDBOX_INSTRUMENTS; m++)
            if (rf_json_is(json, name, sandbox->markets[m].listing->instrument))
                sandbox->markets[m].maker_qty +=
                    lots_of(rf_json_text(json, quantity), &sandbox->markets[m]);
    }
}

/* ---- The taker ------------------------------------------------------------------------------- */

static void take(rf_sandbox *sandbox)
{
    sandbox_market *market =
        &sandbox->markets[rf_sandbox_below(&sandbox->random, SANDBOX_INSTRUMENTS)];
    int64_t much = sandbox_lots(market, market->listing->unit_notional_e8 * TAKER_UNITS);
    bool buys = rf_sandbox_below(&sandbox->random, 2) == 0;
    if (rf_abs(market->taker_qty) > much)
        buys = market->taker_qty < 0;
    /* Small ones are many, large ones few. */
    uint32_t rarity = rf_sandbox_below(&sandbox->random, 64);
    int64_t units = rarity == 0 ? 16 : rarity < 8 ? 4 : 1;
    rf_error code = sandbox_trade(
        sandbox, sandbox->people[SANDBOX_TAKER].number, "private/create-order",
        "{\"instrument_name\":\"%s\",\"side\":\"%s\",\"type\":\"MARKET\",\"quantity\":\"%s\"}",
        market->listing->instrument, buys ? "BUY" : "SELL",
        sandbox_decimal(size_of(sandbox, market, units), market->listing->qty_decimals).bytes);
    sandbox->stats.orders++;
    if (code == RF_ERR_OK) {
        int64_t filled = lots_of(sandbox_result(sandbox, "cumulative_quantity"), market);
        market->taker_qty += buys ? filled : -filled;
    }
    refill(sandbox, SANDBOX_TAKER, code);
}

void sandbox_flow(rf_sandbox *sandbox)
{
    uint32_t chance = rf_sandbox_below(&sandbox->random, 100);
    if (chance < 88)
        requote(sandbox);
    else if (chance < 97)
        take(sandbox);
    else
        sandbox_gamble(sandbox);
}
