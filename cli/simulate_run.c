#include "cli/simulate.h"

#include "base/arith.h"

#include <string.h>
#include <unistd.h>

enum {
    STEPS = 4,
    DAY_MS = 86400000,
    HOUR_MS = 3600000,
    INVARIANTS_MAX = 32,
};

/* ---- Progress: only where somebody looks ---------------------------------------------------------------- */

typedef struct progress {
    uint64_t total;
    int shown; /* percent */
    bool is_terminal;
} progress;

static void show_progress(const rf_simulate_world *world, progress *bar)
{
    static const char marks[] = "########################################";
    const int width = (int)sizeof marks - 1;
    const int percent = bar->total ? (int)(world->result->steps * 100 / bar->total) : 100;
    if (!bar->is_terminal || percent == bar->shown)
        return;
    bar->shown = percent;
    fprintf(stderr, "\r[%-*.*s] %3d %%  %u isolated positions liquidated", width,
            percent * width / 100, marks, percent,
            rf_simulate_liquidations(&world->result->isolated));
    if (percent == 100)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------- */

/* Money of the users as the events tell it, against the engine's own house accounts: together they are 0. */
static void check_conservation(rf_simulate_world *world)
{
    rf_house_view house;
    rf_view_house(world->engine, &house);
    rf_wide sum = world->users_total + house.world[0] + house.fees[0] + house.insurance[0] +
                  house.rounding[0] + house.withdrawals[0];
    for (uint32_t i = 0; i < world->options->markets_count; i++)
        sum += rf_view_clearing(world->engine, world->markets[i].instrument);
    const int64_t residual = rf_narrow(sum < 0 ? -sum : sum);
    world->result->conservation_residual = rf_max(world->result->conservation_residual, residual);
    world->result->residual_checks++;
}

static void check_invariants(rf_simulate_world *world)
{
    rf_invariant rows[INVARIANTS_MAX];
    const size_t count = rf_engine_check(world->engine, rows, INVARIANTS_MAX);
    for (size_t i = 0; i < count && i < INVARIANTS_MAX; i++)
        if (!rows[i].ok && world->result->broken[0] == '\0')
            snprintf(world->result->broken, sizeof world->result->broken, "%s", rows[i].name);
    world->result->invariant_checks++;
}

/* What the events say is what the engine says, and nobody without a cross position has less in the main account than
 * was left there. */
static void check_user(rf_simulate_world *world, uint32_t index)
{
    const rf_simulate_user *user = &world->users[index];
    const uint32_t number = world->first_user + index;
    rf_account_view account;
    if (!rf_view_account(world->engine, number, &account) ||
        account.isolated_cash != user->isolated)
        world->result->rebuilt_wrong++;
    const int64_t kept = user->deposited - user->put_in + user->back;
    const bool owes = user->isolated < 0 && account.isolations == 0;
    const bool taxed = !user->has_cross && world->mains[number] < kept;
    world->result->lost_more += owes || taxed;
    if (user->liquidated)
        world->result->rows[user->row].loss += user->put_in - user->back;
}

static void check_accounts(rf_simulate_world *world)
{
    rf_account_view account;
    for (uint32_t i = 1; i < world->accounts_count; i++)
        if (!rf_view_account(world->engine, i, &account) || account.cash[0] != world->mains[i])
            world->result->rebuilt_wrong++;
    for (uint32_t i = 0; i < world->options->accounts; i++)
        check_user(world, i);
}

/* ---- One step ------------------------------------------------------------------------------------------------------- */

static int64_t step_time(const rf_simulate_market *market)
{
    return market->prices.bars[market->bar].time_ms +
           market->prices.interval_ms * market->step / STEPS;
}

/* The market whose next step comes first. NULL: all histories are at their end. */
static rf_simulate_market *next_market(rf_simulate_world *world)
{
    rf_simulate_market *next = NULL;
    for (uint32_t i = 0; i < world->options->markets_count; i++) {
        rf_simulate_market *market = &world->markets[i];
        if (market->bar < market->prices.count && (!next || step_time(market) < step_time(next)))
            next = market;
    }
    return next;
}

/* Close before, low and high, close; low first when the bar fell. The open is left out: on some venues it is the close
 * before and can lie outside of the bar. */
static int64_t step_price(const rf_simulate_market *market)
{
    const rf_price_bar *bar = &market->prices.bars[market->bar];
    const bool fell = bar->close < bar[-1].close;
    const int64_t path[STEPS] = {bar[-1].close, fell ? bar->low : bar->high,
                                 fell ? bar->high : bar->low, bar->close};
    return path[market->step] / market->price_unit;
}

/* Lets time pass: hours that end are settled at the mark before. A hole of more than a day in the history is not lived
 * through; the engine's clock leaves out whole hours of it. */
static bool let_time_pass(rf_simulate_world *world, int64_t time_ms)
{
    rf_result result;
    rf_command tick = {.kind = RF_COMMAND_TICK};
    const int64_t passed = time_ms - world->now_ms;
    if (passed == 0)
        return true;
    if (passed > DAY_MS) {
        world->skipped_ms += passed / HOUR_MS * HOUR_MS;
        world->result->gaps++;
    }
    world->now_ms = time_ms;
    return rf_simulate_must(world, &tick, &result, "time cannot pass");
}

static void sample_fund(rf_simulate_world *world, rf_simulate_fund *sample)
{
    rf_house_view house;
    rf_view_house(world->engine, &house);
    world->fund_low = rf_min(world->fund_low, house.fund_equity);
    sample->low = world->fund_low;
    sample->end = house.fund_equity;
    if (house.fund_equity < world->result->fund_low) {
        world->result->fund_low = house.fund_equity;
        world->result->fund_low_ms = world->moment->time_ms;
    }
}

static rf_simulate_moment *moment_of(const rf_simulate_market *market)
{
    return &market->series->moments[market->bar - (market->prices.count - market->series->count)];
}

static void finish_bar(rf_simulate_world *world, rf_simulate_market *market)
{
    rf_simulate_result *result = world->result;
    check_conservation(world);
    result->fund[result->fund_count].time_ms = world->moment->time_ms;
    result->fund_count++;
    world->fund_low = INT64_MAX;
    if (result->fund_count % world->options->check_every == 0)
        check_invariants(world);
    market->step = 0;
    market->bar++;
}

static bool walk_step(rf_simulate_world *world, rf_simulate_market *market)
{
    rf_simulate_result *result = world->result;
    const rf_price_bar *bar = &market->prices.bars[market->bar];
    rf_simulate_fund *sample = &result->fund[result->fund_count];
    const int64_t price = step_price(market);
    if (bar->volume != RF_VOLUME_UNKNOWN)
        market->volume = bar->volume;
    world->moment = moment_of(market);
    if (!let_time_pass(world, step_time(market)) ||
        !rf_simulate_quote(world, market, price, market->volume) ||
        !rf_simulate_mark(world, market, price))
        return false;
    sample_fund(world, sample);
    result->end_ms = world->now_ms;
    result->steps++;
    if (++market->step == STEPS)
        finish_bar(world, market);
    return true;
}

/* ---- The run --------------------------------------------------------------------------------------------------------- */

/* The first bar is where the population entered; it has no steps of its own. */
static uint64_t start_run(rf_simulate_world *world)
{
    rf_simulate_result *result = world->result;
    rf_house_view house;
    uint64_t steps = 0;
    rf_view_house(world->engine, &house);
    result->fund_start = result->fund_low = house.fund_equity;
    result->fund_low_ms = result->start_ms;
    world->fund_low = INT64_MAX;
    for (uint32_t i = 0; i < world->options->markets_count; i++) {
        rf_simulate_market *market = &world->markets[i];
        const rf_wide volume = market->prices.bars[market->bar].volume;
        market->volume = volume == RF_VOLUME_UNKNOWN ? 0 : volume;
        result->fund[result->fund_count++] =
            (rf_simulate_fund){.time_ms = market->prices.bars[market->bar].time_ms,
                               .low = house.fund_equity,
                               .end = house.fund_equity};
        market->bar++;
        steps += (market->prices.count - market->bar) * STEPS;
    }
    check_conservation(world);
    check_invariants(world);
    return steps;
}

static void conclude(rf_simulate_world *world)
{
    rf_simulate_result *result = world->result;
    rf_house_view house;
    check_invariants(world);
    check_accounts(world);
    rf_view_house(world->engine, &house);
    result->fund_end = house.fund_equity;
    result->fund_cash = house.insurance[0];
    result->fees = house.fees[0];
    result->digest = rf_engine_digest(world->engine);
}

bool rf_simulate_run(rf_simulate_world *world)
{
    progress bar = {.shown = -1, .is_terminal = isatty(STDERR_FILENO) != 0};
    world->moment = moment_of(&world->markets[0]);
    if (!rf_simulate_populate(world))
        return false;
    bar.total = start_run(world);
    for (rf_simulate_market *market; (market = next_market(world)) != NULL;) {
        show_progress(world, &bar);
        if (!walk_step(world, market))
            return false;
    }
    show_progress(world, &bar);
    conclude(world);
    return true;
}
