#include "engine/cross.h"

#include "engine/mark.h"
#include "engine/position.h"
#include "engine/watch.h"

/* ---- Collateral ------------------------------------------------------------------------------ */

/* The fund's money is the slot INSURANCE; its account holds nothing. */
static rf_money cash_of(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    if (account == RF_FUND)
        return engine->currencies[currency].insurance;
    return *rf_main(engine, account, currency);
}

static int64_t index_price_of(const rf_engine *engine, const rf_currency *currency)
{
    return currency->index == UINT32_MAX ? 0 : engine->indexes[currency->index].price_e8;
}

/* USD that so many units of a collateral count for before the haircut: down, so a debt rounds
 * up. A debt counts whole, a holding up to the cap. */
static rf_money collateral_value(const rf_engine *engine, const rf_currency *currency,
                                 int64_t units)
{
    const rf_wide value = rf_div_down((rf_wide)units * index_price_of(engine, currency), RF_E8);
    if (units > 0 && currency->cap >= 0 && value > currency->cap)
        return currency->cap;
    return rf_saturate(value);
}

static rf_money haircut_of(const rf_currency *currency, rf_money value)
{
    return value <= 0 ? 0 : rf_rate_up(value, currency->haircut);
}

/* Adds what the account holds beside USD. */
static void add_collateral(const rf_engine *engine, uint32_t account, rf_money *collateral,
                           rf_money *haircut)
{
    for (uint32_t i = 1; i < engine->currencies_count; i++) {
        const rf_currency *currency = &engine->currencies[i];
        const int64_t units = cash_of(engine, account, i);
        if (units == 0 || currency->kind != RF_CURRENCY_COLLATERAL)
            continue;
        const rf_money value = collateral_value(engine, currency, units);
        *collateral = rf_saturate((rf_wide)*collateral + value);
        *haircut = rf_saturate((rf_wide)*haircut + haircut_of(currency, value));
    }
}

static bool holds_collateral(const rf_engine *engine, uint32_t account)
{
    return account == RF_FUND || engine->accounts[account].holds_collateral != 0;
}

/* ---- The account ----------------------------------------------------------------------------- */

/* Sums that only the end brings back into the number range: a profit here and a loss there may pass it. */
typedef struct sums {
    rf_wide unrealized, fee_reserve, im, mm;
} sums;

static sums positions_of(const rf_engine *engine, uint32_t account)
{
    sums all = {0};
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position == RF_NONE)
            continue;
        rf_assessment part;
        rf_position_assess(engine, &engine->positions[position], &part);
        all.unrealized += part.unrealized;
        all.fee_reserve += part.binding.fr;
        all.im += part.binding.im;
        all.mm += part.binding.mm;
    }
    return all;
}

void rf_cross_assess(const rf_engine *engine, uint32_t account, rf_cross *cross)
{
    *cross = (rf_cross){.collateral = cash_of(engine, account, 0)};
    if (holds_collateral(engine, account))
        add_collateral(engine, account, &cross->collateral, &cross->haircut);
    const sums all = positions_of(engine, account);
    const rf_wide balance = cross->collateral + all.unrealized - all.fee_reserve;
    const rf_wide initial = all.im + cross->haircut;
    cross->unrealized = rf_saturate(all.unrealized);
    cross->fee_reserve = rf_saturate(all.fee_reserve);
    cross->position_im = rf_saturate(all.im);
    cross->position_mm = rf_saturate(all.mm);
    cross->margin_balance = rf_saturate(balance);
    cross->initial_margin = rf_saturate(initial);
    cross->maintenance_margin = rf_saturate(all.mm + rf_div_up64(cross->haircut, 2));
    cross->available = rf_saturate(balance - initial);
    cross->equity = (rf_wide)cross->collateral - cross->haircut + all.unrealized;
}

rf_money rf_cross_available(const rf_engine *engine, uint32_t account)
{
    rf_money cash = cash_of(engine, account, 0), haircut = 0;
    if (holds_collateral(engine, account))
        add_collateral(engine, account, &cash, &haircut);
    rf_wide available = (rf_wide)cash - haircut;
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position != RF_NONE)
            available += rf_position_cross_part(engine, &engine->positions[position]);
    }
    return rf_saturate(available);
}

/* What one unit of notional requires at most, initial margin and fees, in 2^-32. */
static uint64_t rate_of(const rf_account *owner, const rf_instrument *instrument)
{
    const uint32_t leverage = owner->leverage < instrument->config.max_leverage
                                  ? owner->leverage
                                  : instrument->config.max_leverage;
    return (uint64_t)(UINT32_MAX / leverage) + 1 + instrument->fees_e32;
}

static rf_money times_e32(rf_money notional, uint64_t rate)
{
    return (rf_money)(((rf_uwide)(uint64_t)notional * rate) >> 32);
}

enum { ROUNDINGS = 4 }; /* of margin and both fee reserves up, and of the rate's product down */

/* An upper bound of what a position and its orders require, with one rate for all sizes. No
 * side's N is above the position's notional plus its orders at their limits; sells count at
 * max(limit, mark) <= limit + mark. Covered orders are counted as if they were not: their taker
 * fee is in the rate. -1: no bound. */
static rf_money required_at_most(const rf_account *owner, const rf_instrument *instrument,
                                 const rf_position *position, rf_money standing)
{
    const rf_money at_mark =
        rf_notional(instrument->k, position->open_qty[RF_SELL], instrument->mark);
    const rf_money most_of_all = position->open_notional[RF_BUY] |
                                 position->open_notional[RF_SELL] | at_mark | rf_size(standing);
    /* Each term is below 2^62 (qty_max, mark_max); sums are looked at before they can leave the
     * number range. */
    if (rf_position_reach(position) > instrument->linear_max || most_of_all >= RF_AMOUNT_MAX / 4)
        return -1;
    const rf_money buys = rf_max(0, standing) + position->open_notional[RF_BUY];
    const rf_money sells = rf_max(0, -standing) + position->open_notional[RF_SELL] + at_mark;
    return times_e32(rf_max(buys, sells), rate_of(owner, instrument)) + ROUNDINGS;
}

rf_money rf_cross_available_least(const rf_engine *engine, uint32_t account)
{
    const rf_account *owner = &engine->accounts[account];
    if (account == RF_FUND || owner->holds_collateral || (owner->flags & RF_ACCOUNT_OWN_FEES) != 0)
        return INT64_MIN;
    rf_wide least = owner->usd;
    for (uint32_t seat = owner->seats; seat != RF_NONE; seat = engine->seats[seat].account_next) {
        const uint32_t handle = engine->seats[seat].position[0];
        if (handle == RF_NONE)
            continue;
        const rf_position *position = &engine->positions[handle];
        const rf_instrument *instrument = &engine->instruments[position->instrument];
        const rf_money standing = rf_notional(instrument->k, position->q, instrument->mark);
        const rf_money required = required_at_most(owner, instrument, position, standing);
        if (required < 0)
            return INT64_MIN;
        least += (rf_wide)standing - position->cost - required;
    }
    return rf_saturate(least);
}

/* What an order's growth takes from available at most: a sell counts at its limit and at the mark. */
static rf_money taken_at_most(const rf_account *owner, const rf_instrument *instrument,
                              uint8_t side, rf_money notional, rf_qty qty)
{
    const rf_money at_mark = side * rf_max(0, rf_notional(instrument->k, qty, instrument->mark));
    const rf_money grown = notional + at_mark; /* a buy has none: RF_BUY is 0 */
    return grown <= 0 ? 0 : times_e32(grown, rate_of(owner, instrument)) + 1;
}

bool rf_cross_affords(rf_engine *engine, const rf_order *order, rf_money added_notional,
                      rf_qty added_qty)
{
    rf_account *owner = &engine->accounts[order->account];
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    if (owner->floor_version == engine->marks_version && owner->room >= 0 &&
        rf_position_reach(&engine->positions[order->position]) <= instrument->linear_max) {
        const rf_money taken =
            taken_at_most(owner, instrument, order->side, added_notional, added_qty);
        if (taken <= owner->room) {
            owner->room -= taken;
            return true;
        }
    }
    const rf_money least = rf_cross_available_least(engine, order->account);
    if (least < 0)
        return false;
    rf_watch_account_least(engine, order->account, least);
    return true;
}

/* The same for an order that trades. Each lot counts at the mark or rests at its limit, loses at most what the limit
 * is worse than the mark, and costs the taker's fee at no more than the worst of these prices. */
static rf_money taken_by_taker(const rf_account *owner, const rf_instrument *instrument,
                               const rf_order_params *params, rf_price best, uint32_t makers)
{
    const rf_price highest = rf_max(instrument->mark, rf_max(params->price, best));
    const rf_money notional = rf_notional(instrument->k, params->qty, highest);
    const rf_money lost = rf_notional(instrument->k, params->qty,
                                      rf_max(params->price, instrument->mark) -
                                          rf_min(params->price, instrument->mark));
    if (notional >= RF_AMOUNT_MAX / 4)
        return RF_AMOUNT_MAX;
    const rf_money grown = notional + params->side * notional;
    return times_e32(grown, rate_of(owner, instrument)) +
           times_e32(notional, instrument->fees_e32) + lost + makers + ROUNDINGS;
}

bool rf_cross_affords_new(rf_engine *engine, const rf_order_params *params,
                          const rf_position *position, rf_price best, uint32_t makers,
                          rf_money *least)
{
    rf_account *owner = &engine->accounts[params->account];
    const rf_instrument *instrument = &engine->instruments[params->instrument];
    if (rf_position_reach(position) + params->qty > instrument->linear_max)
        return false;
    const rf_money taken =
        makers == 0
            ? taken_at_most(owner, instrument, params->side,
                            rf_notional(instrument->k, params->qty, params->price), params->qty)
            : taken_by_taker(owner, instrument, params, best, makers);
    if (owner->floor_version == engine->marks_version && taken <= owner->room) {
        owner->room -= taken;
        *least = -1;
        return true;
    }
    const rf_money before = rf_cross_available_least(engine, params->account);
    *least = before - rf_min(before, taken); /* there may be no bound */
    return before >= taken;
}

/* Of a resting order: against its limit, the lots now count at the mark, and a notional requires no more than two of it
 * (leverage 1, and the fees). */
static rf_money taken_by_maker(const rf_instrument *instrument, rf_qty qty, rf_price price,
                               rf_money fee)
{
    const rf_money lost = rf_notional(instrument->k, qty, rf_abs(price - instrument->mark));
    return lost + rf_min(2 * lost, RF_AMOUNT_MAX) + rf_max(0, fee) + 1;
}

rf_money rf_cross_room_after(rf_engine *engine, const rf_order *order, rf_qty qty, rf_price price,
                             rf_money fee)
{
    rf_account *owner = &engine->accounts[order->account];
    if (owner->room < 0 || owner->floor_version != engine->marks_version ||
        order->state == RF_STATE_TRIAL)
        return -1;
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    const rf_price down = engine->nodes[RF_DOWN][order->position].key,
                   up = engine->nodes[RF_UP][order->position].key;
    if (up == 0 ||
        rf_position_reach(&engine->positions[order->position]) + qty > instrument->linear_max)
        return -1;
    const rf_money grown =
        rf_notional(instrument->k, qty, rf_max(instrument->mark - down, up - instrument->mark));
    const rf_money taken =
        order->state == RF_STATE_RESTING ? taken_by_maker(instrument, qty, price, fee) : 0;
    if (grown > owner->room || taken > owner->room - grown)
        return -1;
    owner->net_floor += grown;
    return owner->room - grown - taken;
}

bool rf_cross_unhealthy(const rf_engine *engine, uint32_t account)
{
    rf_cross cross;
    rf_cross_assess(engine, account, &cross);
    return cross.margin_balance < cross.maintenance_margin;
}

bool rf_cross_frozen(const rf_engine *engine, uint32_t account)
{
    uint32_t seat = engine->accounts[account].seats;
    for (; seat != RF_NONE; seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position == RF_NONE || engine->positions[position].q == 0)
            continue;
        if (rf_liquidation_frozen(engine, &engine->instruments[engine->seats[seat].instrument]))
            return true;
    }
    return false;
}

/* ---- What may leave -------------------------------------------------------------------------- */

rf_money rf_cross_free_usd(const rf_engine *engine, uint32_t account)
{
    return rf_max(0, rf_min(rf_cross_available(engine, account), cash_of(engine, account, 0)));
}

bool rf_cross_can_give(const rf_engine *engine, uint32_t account, rf_money amount)
{
    if (amount <= 0)
        return true;
    if (amount > cash_of(engine, account, 0))
        return false;
    return rf_cross_available_least(engine, account) >= amount ||
           rf_cross_available(engine, account) >= amount;
}

/* A member of the bundle: so many units that their debit, rounded up, stays within the free USD. */
static int64_t stable_withdrawable(const rf_engine *engine, uint32_t account,
                                   const rf_currency *currency)
{
    if (currency->factor <= 0)
        return 0;
    const rf_money free_usd = rf_cross_free_usd(engine, account);
    return rf_max(0, rf_min(rf_muldiv_down(free_usd, RF_E8, currency->factor), currency->custody));
}

/* What so many units add to available. */
static rf_money net_value(const rf_engine *engine, const rf_currency *currency, int64_t units)
{
    const rf_money value = collateral_value(engine, currency, units);
    return value - haircut_of(currency, value);
}

/* The fewest units whose net value is at least this: it grows with the units, so halving finds
 * them. */
static int64_t units_worth(const rf_engine *engine, const rf_currency *currency, int64_t most,
                           rf_money worth)
{
    int64_t low = 0, high = most;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (net_value(engine, currency, middle) >= worth)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int64_t collateral_withdrawable(const rf_engine *engine, uint32_t account, uint32_t number)
{
    const rf_currency *currency = &engine->currencies[number];
    const int64_t units = cash_of(engine, account, number);
    const rf_money available = rf_cross_available(engine, account);
    if (units <= 0 || available < 0 || currency->index == UINT32_MAX)
        return 0;
    if (rf_index_stale(engine, &engine->indexes[currency->index]))
        return 0;
    return units - units_worth(engine, currency, units,
                               rf_sub(net_value(engine, currency, units), available));
}

rf_money rf_cross_withdrawable(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    if (account == RF_FUND || currency >= engine->currencies_count)
        return 0;
    if ((engine->accounts[account].flags & RF_ACCOUNT_LIQUIDATING) != 0 ||
        rf_cross_frozen(engine, account))
        return 0;
    switch ((rf_currency_kind)engine->currencies[currency].kind) {
    case RF_CURRENCY_USD:
        return rf_cross_free_usd(engine, account);
    case RF_CURRENCY_USD_STABLE:
        return stable_withdrawable(engine, account, &engine->currencies[currency]);
    case RF_CURRENCY_COLLATERAL:
        return collateral_withdrawable(engine, account, currency);
    }
    return 0;
}
