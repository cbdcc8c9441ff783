#include "cli/simulate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"

enum {
    ORDERS_PER_MARKET = 64, /* sixteen quotes, entries and what the fund unwinds, with room */
    HOUSE_CASH_USD =
        1000000000, /* of each account that stands on the other side, all markets together */
    CACHE_LINE = 64,
    TICKS = 1 << 25, /* the engine's largest mark */
    RISE = 8,
    HOUSE = RF_SIMULATE_MAKERS + RF_SIMULATE_ENTRIES,
};

bool rf_simulate_fail(rf_simulate_world *world, const char *format, ...)
{
    va_list arguments;
    if (world->error[0] == '\0') {
        va_start(arguments, format);
        vsnprintf(world->error, sizeof world->error, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---- Commands ---------------------------------------------------------------------------------------------- */

rf_error rf_simulate_apply(rf_simulate_world *world, rf_command *command, rf_result *result)
{
    command->time_ns = (world->now_ms - world->skipped_ms) * 1000000;
    rf_engine_apply(world->engine, command, result);
    world->result->commands++;
    while (rf_engine_pending(world->engine)) {
        const rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command->time_ns};
        rf_result ignored;
        rf_engine_apply(world->engine, &tick, &ignored);
        world->result->commands++;
    }
    return result->code;
}

bool rf_simulate_must(rf_simulate_world *world, rf_command *command, rf_result *result,
                      const char *what)
{
    rf_error code = rf_simulate_apply(world, command, result);
    return code == RF_ERR_OK ||
           rf_simulate_fail(world, "%s: the engine answers %s", what, rf_error_name(code));
}

/* ---- Histories ------------------------------------------------------------------------------------------------ */

static int64_t highest_price(const rf_prices *prices)
{
    int64_t highest = 0;
    for (size_t i = 0; i < prices->count; i++)
        highest = prices->bars[i].high > highest ? prices->bars[i].high : highest;
    return highest;
}

/* The engine takes marks up to 2^25 ticks, and positions the larger, the smaller that is: the finest tick that leaves
 * the price room to rise eightfold. A file that writes more decimals than that keeps them in its marks; orders are
 * then priced on a coarser tick. */
static void choose_price_units(rf_simulate_market *market)
{
    const rf_wide needed = (rf_wide)highest_price(&market->prices) * RISE;
    int decimals = 8;
    while (decimals > 0 && (rf_wide)TICKS * rf_power_of_ten(8 - decimals) < needed)
        decimals--;
    const int written = market->prices.decimals;
    market->price_decimals = decimals > written ? decimals : written;
    market->price_unit = rf_power_of_ten(8 - market->price_decimals);
    market->tick = rf_power_of_ten(market->price_decimals - decimals);
}

/* As few decimals as make one lot worth at most a dollar, but no more than the price leaves room for. */
static int qty_decimals_of(int64_t price, int room)
{
    int decimals = 0;
    for (; price > RF_E8 && decimals < room; price /= 10)
        decimals++;
    return decimals;
}

static bool read_history(rf_simulate_world *world, rf_simulate_market *market)
{
    const rf_simulate_options *options = world->options;
    rf_prices *prices = &market->prices;
    if (!rf_prices_read(prices, market->path))
        return rf_simulate_fail(world, "%s", prices->error);
    if (!rf_prices_window(prices, market->path, options->from_ms, options->to_ms))
        return rf_simulate_fail(world, "%s", prices->error);
    choose_price_units(market);
    market->qty_decimals = qty_decimals_of(prices->bars[0].close, 8 - market->price_decimals);
    market->qty_unit = rf_power_of_ten(8 - market->qty_decimals);
    market->k = rf_power_of_ten(8 - market->price_decimals - market->qty_decimals);
    return true;
}

static int64_t close_time(const rf_prices *prices, size_t bar)
{
    return prices->bars[bar].time_ms + prices->interval_ms * 3 / 4;
}

/* The population enters when every market has had its first close. What comes before that is left out. */
static bool find_entry(rf_simulate_world *world)
{
    rf_simulate_result *result = world->result;
    for (uint32_t i = 0; i < result->series_count; i++) {
        int64_t first = close_time(&world->markets[i].prices, 0);
        world->now_ms = first > world->now_ms ? first : world->now_ms;
    }
    for (uint32_t i = 0; i < result->series_count; i++) {
        rf_simulate_market *market = &world->markets[i];
        const rf_prices *prices = &market->prices;
        while (market->bar + 1 < prices->count &&
               close_time(prices, market->bar + 1) <= world->now_ms)
            market->bar++;
        if (market->bar + 1 == prices->count && result->series_count > 1)
            return rf_simulate_fail(world, "%s: ends before the other histories begin",
                                    market->path);
        const int64_t close = prices->bars[market->bar].close / market->price_unit;
        market->entry_price = close < market->tick ? close : close - close % market->tick;
        market->volume = 0;
    }
    result->start_ms = result->end_ms = world->now_ms;
    return true;
}

static bool open_series(rf_simulate_world *world, rf_simulate_market *market)
{
    const rf_prices *prices = &market->prices;
    rf_simulate_series *series = market->series;
    series->name = market->name;
    series->count = prices->count - market->bar;
    series->moments = calloc(series->count, sizeof *series->moments);
    if (!series->moments)
        return rf_simulate_fail(world, "out of memory");
    for (size_t i = 0; i < series->count; i++) {
        const rf_price_bar *bar = &prices->bars[market->bar + i];
        series->moments[i] = (rf_simulate_moment){
            .time_ms = bar->time_ms, .low = bar->low, .high = bar->high, .close = bar->close};
    }
    world->result->bars += series->count;
    return true;
}

static bool read_histories(rf_simulate_world *world)
{
    rf_simulate_result *result = world->result;
    const rf_simulate_options *options = world->options;
    for (uint32_t i = 0; i < options->markets_count; i++) {
        rf_simulate_market *market = &world->markets[i];
        market->name = options->names[i];
        market->path = options->paths[i];
        market->series = &result->series[i];
        if (!read_history(world, market))
            return false;
        result->series_count = i + 1;
    }
    if (!find_entry(world))
        return false;
    for (uint32_t i = 0; i < options->markets_count; i++)
        if (!open_series(world, &world->markets[i]))
            return false;
    result->fund = calloc(result->bars, sizeof *result->fund);
    return result->fund || rf_simulate_fail(world, "out of memory");
}

/* ---- The engine ------------------------------------------------------------------------------------------------- */

static bool start_engine(rf_simulate_world *world)
{
    const rf_simulate_options *options = world->options;
    const uint32_t markets = options->markets_count;
    world->accounts_count = 1 + HOUSE * markets + options->accounts;
    const rf_limits limits = {
        .accounts_max = world->accounts_count,
        .instruments_max = markets,
        .positions_max = 2 * options->accounts + 2 * HOUSE * markets + 64,
        .orders_max = ORDERS_PER_MARKET * markets + 1024,
        .recent_max = 1024,
        .withdrawals_max = 16,
        .window_ticks = 1 << 17,
        .watch_buckets = 1 << 16,
    };
    const size_t size = rf_engine_size(&limits);
    world->memory = size ? calloc(1, size + CACHE_LINE) : NULL;
    world->users = calloc(options->accounts, sizeof *world->users);
    world->mains = calloc(world->accounts_count, sizeof *world->mains);
    if (!world->memory || !world->users || !world->mains)
        return rf_simulate_fail(world, "not enough memory for %u accounts", options->accounts);
    const uintptr_t start =
        ((uintptr_t)world->memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);
    world->engine = rf_engine_init((void *)start, size, &limits);
    if (!world->engine)
        return rf_simulate_fail(world, "the engine does not start with these limits");
    rf_engine_set_sink(world->engine, rf_simulate_observer(world));
    return true;
}

static void configure(const rf_simulate_options *options, const rf_simulate_market *market,
                      rf_instrument_config *config)
{
    *config = (rf_instrument_config){
        .price_decimals = (uint8_t)market->price_decimals,
        .qty_decimals = (uint8_t)market->qty_decimals,
        .price_tick = market->tick,
        .qty_tick = 1,
        .max_leverage = options->max_leverage,
        .tiers_count = options->tiers_count,
        .maker_fee_rate = 25000,
        .taker_fee_rate = 40000,
        .liquidation_fee_rate = 500000,
        .price_band = 10000000,
        .min_order_qty = 1,
        .fund_position_cap = -1,
        .funding_cap_rate = 1000000,
        .isolations_max = 100,
        .fund_unwind = 1,
        .residual = RF_RESIDUAL_FUND,
        .margin_modes = RF_MODES_BOTH,
        .settlement = RF_SETTLEMENT_HOURLY,
    };
    memcpy(config->tiers, options->tiers, sizeof config->tiers);
    snprintf(config->name, sizeof config->name, "%s", market->name);
    snprintf(config->base, sizeof config->base, "%.16s", market->name);
    snprintf(config->index_name, sizeof config->index_name, "%.24s-INDEX", market->name);
}

static bool open_account(rf_simulate_world *world, const char *label, int64_t cash,
                         uint32_t *account)
{
    rf_result result;
    rf_command create = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    snprintf(create.u.account.label, sizeof create.u.account.label, "%s", label);
    if (!rf_simulate_must(world, &create, &result, "an account cannot be opened"))
        return false;
    *account = (uint32_t)result.id;
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = *account;
    deposit.u.money.to = *account;
    deposit.u.money.amount = cash;
    return cash == 0 || rf_simulate_must(world, &deposit, &result, "a deposit is refused");
}

/* Well-funded accounts that stand on the other side. */
static bool open_house(rf_simulate_world *world, const rf_simulate_market *market, const char *kind,
                       uint32_t *accounts, uint32_t count)
{
    const int64_t cash = HOUSE_CASH_USD * RF_E8 / world->options->markets_count;
    for (uint32_t i = 0; i < count; i++) {
        char label[RF_NAME_SIZE];
        snprintf(label, sizeof label, "%s-%u-%u", kind, market->instrument, i + 1);
        if (!open_account(world, label, cash, &accounts[i]))
            return false;
    }
    return true;
}

static bool open_market(rf_simulate_world *world, rf_simulate_market *market)
{
    rf_result result;
    rf_instrument_config config;
    configure(world->options, market, &config);
    rf_command create = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    create.u.instrument.config = &config;
    if (!rf_simulate_must(world, &create, &result, "the instrument cannot be listed"))
        return false;
    market->instrument = (uint16_t)result.id;
    market->index = (uint32_t)rf_find_index(world->engine, config.index_name);
    return open_house(world, market, "maker", market->makers, RF_SIMULATE_MAKERS) &&
           open_house(world, market, "entry", market->entries, RF_SIMULATE_ENTRIES) &&
           rf_simulate_mark(world, market, market->entry_price);
}

static bool endow_fund(rf_simulate_world *world)
{
    rf_result result;
    rf_command fund = {.kind = RF_COMMAND_FUND_INSURANCE};
    fund.u.money.amount = world->options->fund;
    return world->options->fund == 0 ||
           rf_simulate_must(world, &fund, &result, "the fund cannot be endowed");
}

static bool open_users(rf_simulate_world *world)
{
    world->first_user = world->accounts_count - world->options->accounts;
    for (uint32_t i = 0; i < world->options->accounts; i++) {
        char label[RF_NAME_SIZE];
        uint32_t account;
        snprintf(label, sizeof label, "u%07u", i + 1);
        if (!open_account(world, label, 0, &account))
            return false;
        if (account != world->first_user + i)
            return rf_simulate_fail(world, "account %u got the number %u", world->first_user + i,
                                    account);
    }
    return true;
}

bool rf_simulate_world_init(rf_simulate_world *world, const rf_simulate_options *options,
                            rf_simulate_result *result)
{
    *world = (rf_simulate_world){.options = options, .result = result};
    *result = (rf_simulate_result){.options = options, .rows_count = options->leverages_count};
    for (uint32_t i = 0; i < options->leverages_count; i++)
        result->rows[i].leverage = options->leverages[i];
    if (!read_histories(world) || !start_engine(world))
        return false;
    for (uint32_t i = 0; i < options->markets_count; i++)
        if (!open_market(world, &world->markets[i]))
            return false;
    return endow_fund(world) && open_users(world);
}

void rf_simulate_world_finish(rf_simulate_world *world)
{
    rf_simulate_result *result = world->result;
    for (uint32_t i = 0; i < RF_SIMULATE_MARKETS_MAX; i++) {
        rf_prices_finish(&world->markets[i].prices);
        free(result->series[i].moments);
    }
    free(result->fund);
    free(world->users);
    free(world->mains);
    free(world->memory);
}
