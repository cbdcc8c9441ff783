#include "cli/simulate.h"

#include "base/arith.h"

/* ---- Random numbers: xoshiro256**, seeded by splitmix64 (both public domain, Blackman and Vigna) -------------- */

static uint64_t rotate(uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}

static void seed_random(rf_simulate_world *world)
{
    uint64_t state = world->options->seed;
    for (int i = 0; i < 4; i++) {
        state += 0x9e3779b97f4a7c15u;
        uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
        world->random[i] = mixed ^ (mixed >> 31);
    }
}

static uint64_t next_random(rf_simulate_world *world)
{
    uint64_t *s = world->random;
    const uint64_t value = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return value;
}

/* 0 to bound - 1. The bias is below 2^-30 for every bound used here. */
static int64_t random_below(rf_simulate_world *world, int64_t bound)
{
    return (int64_t)(((rf_uwide)next_random(world) * (uint64_t)bound) >> 64);
}

/* ---- Who is who ---------------------------------------------------------------------------------------------- */

/* Picks exactly `left` of the `remaining` ones, each with the same chance, one after the other. */
static bool pick(rf_simulate_world *world, uint32_t *left, uint32_t remaining)
{
    const bool picked = random_below(world, remaining) < *left;
    *left -= picked;
    return picked;
}

static uint32_t share_of(uint32_t count, int64_t share)
{
    return (uint32_t)(((int64_t)count * share + RF_E8 / 2) / RF_E8);
}

/* Between 100 and 12,800 dollars, each doubling as likely as the next. */
static int64_t random_size(rf_simulate_world *world)
{
    const int64_t base = 100 * RF_E8 << random_below(world, 7);
    return base + random_below(world, base);
}

/* Isolation: its initial margin, reserves and some more. Main: a fifth to all of the size, so that a cross position of
 * the same size stands at an effective leverage of one to five. */
static int64_t endowment(rf_simulate_world *world, const rf_simulate_user *user, int64_t value)
{
    const int64_t margin = value / world->result->rows[user->row].leverage + 1;
    const int64_t reserves = value / 50 + 100;
    const int64_t main_money = value / 5 + random_below(world, value * 4 / 5 + 1);
    return margin + user->extra + reserves + main_money;
}

static bool deposit(rf_simulate_world *world, uint32_t index, int64_t amount)
{
    rf_result result;
    rf_command command = {.kind = RF_COMMAND_DEPOSIT};
    command.u.money.account = command.u.money.to = world->first_user + index;
    command.u.money.amount = amount;
    world->users[index].deposited += amount;
    return rf_simulate_must(world, &command, &result, "a deposit is refused");
}

static bool cast_users(rf_simulate_world *world)
{
    const rf_simulate_options *options = world->options;
    const uint32_t count = options->accounts;
    uint32_t longs = share_of(count, options->long_share),
             crosses = share_of(count, options->cross_share);
    for (uint32_t i = 0; i < count; i++) {
        rf_simulate_user *user = &world->users[i];
        const rf_simulate_market *market = &world->markets[i % options->markets_count];
        user->market = (uint8_t)(i % options->markets_count);
        user->row = (uint8_t)(i / options->markets_count % options->leverages_count);
        user->side = pick(world, &longs, count - i) ? RF_BUY : RF_SELL;
        user->has_cross = pick(world, &crosses, count - i);
        user->qty = rf_max(random_size(world) / (market->entry_price * market->k), 1);
        const int64_t value = user->qty * market->entry_price * market->k;
        const int64_t margin = value / world->result->rows[user->row].leverage;
        const int64_t part = random_below(world, RF_E8 + 1);
        user->extra = rf_rate_down(rf_rate_down(margin, options->extra_margin), part);
        world->result->rows[user->row].positions++;
        world->result->crosses += user->has_cross;
        if (!deposit(world, i, endowment(world, user, value)))
            return false;
    }
    world->result->isolations = count;
    return true;
}

/* ---- Entries ---------------------------------------------------------------------------------------------------- */

static uint8_t opposite(uint8_t side)
{
    return side == RF_BUY ? RF_SELL : RF_BUY;
}

/* What all entries of this side on this market add up to. */
static int64_t entries_qty(const rf_simulate_world *world, uint32_t market, uint8_t side)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < world->options->accounts; i++) {
        const rf_simulate_user *user = &world->users[i];
        const bool counts = user->market == market && (user->side == side || user->has_cross);
        sum = counts ? rf_add(sum, user->qty) : sum;
    }
    return sum;
}

/* Takes the entry maker's offer. What the first try lacks (a tier can ask for more than N / L) is deposited. */
static bool enter(rf_simulate_world *world, uint32_t index, uint8_t side, bool isolated,
                  rf_result *result)
{
    const rf_simulate_user *user = &world->users[index];
    const rf_simulate_market *market = &world->markets[user->market];
    rf_command command;
    for (int attempt = 0;; attempt++) {
        rf_simulate_order(&command, world->first_user + index, market, (rf_side)side,
                          market->entry_price, user->qty);
        command.u.order.time_in_force = RF_IOC;
        if (isolated) {
            command.u.order.flags |= RF_FLAG_ISOLATED;
            command.u.order.leverage = world->result->rows[user->row].leverage;
        }
        const rf_error code = rf_simulate_apply(world, &command, result);
        if (code == RF_ERR_OK && result->filled_qty == user->qty)
            return true;
        if (code != RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE || attempt > 0)
            return rf_simulate_fail(world, "account %u cannot enter at leverage %u: %s",
                                    world->first_user + index,
                                    world->result->rows[user->row].leverage, rf_error_name(code));
        const int64_t missing =
            result->has_required_margin ? result->required_margin : user->deposited;
        if (!deposit(world, index, missing))
            return false;
    }
}

static bool add_extra(rf_simulate_world *world, uint32_t index)
{
    rf_result result;
    rf_command command = {.kind = RF_COMMAND_MOVE_MARGIN};
    command.u.isolation.account = world->first_user + index;
    command.u.isolation.isolation_id = world->users[index].isolation_id;
    command.u.isolation.amount = world->users[index].extra;
    return world->users[index].extra == 0 ||
           rf_simulate_must(world, &command, &result, "margin cannot be added");
}

static bool enter_isolated(rf_simulate_world *world, uint32_t index)
{
    rf_result result;
    rf_simulate_user *user = &world->users[index];
    if (!enter(world, index, user->side, true, &result))
        return false;
    user->isolation_id = result.isolation_id;
    return add_extra(world, index);
}

/* The other side of all entries, dealt out among several accounts because the engine bounds a single position. */
static bool offer_entries(rf_simulate_world *world, const rf_simulate_market *market, uint8_t side,
                          int64_t qty)
{
    rf_command offer;
    rf_result result;
    for (uint32_t i = 0; i < RF_SIMULATE_ENTRIES; i++) {
        const int64_t part = qty / RF_SIMULATE_ENTRIES + (i < qty % RF_SIMULATE_ENTRIES);
        if (part == 0)
            continue;
        rf_simulate_order(&offer, market->entries[i], market, (rf_side)side, market->entry_price,
                          part);
        if (!rf_simulate_must(world, &offer, &result, "the other side of the entries is refused"))
            return false;
    }
    return true;
}

/* Everybody who buys at the entry price, or everybody who sells. */
static bool enter_side(rf_simulate_world *world, uint32_t market, uint8_t side)
{
    rf_result result;
    const int64_t qty = entries_qty(world, market, side);
    if (!offer_entries(world, &world->markets[market], opposite(side), qty))
        return false;
    for (uint32_t i = 0; i < world->options->accounts; i++) {
        const rf_simulate_user *user = &world->users[i];
        if (user->market != market)
            continue;
        if (user->side == side && !enter_isolated(world, i))
            return false;
        if (user->side != side && user->has_cross && !enter(world, i, side, false, &result))
            return false;
    }
    return true;
}

bool rf_simulate_populate(rf_simulate_world *world)
{
    seed_random(world);
    if (!cast_users(world))
        return false;
    for (uint32_t market = 0; market < world->options->markets_count; market++)
        if (!enter_side(world, market, RF_BUY) || !enter_side(world, market, RF_SELL))
            return false;
    return true;
}
