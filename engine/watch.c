/* Why the keys are sound.
 *
 * Write P for an instrument's mark, N_s, FR_s, MM_s for margin.md section 3, R = FR + MM. All N
 * are made of terms that are constant or proportional to max(limit, P), with quantities that do
 * not hang on P. So R_s never falls when P rises and never rises when P falls, rounding included
 * (maintenance ascends from tier to tier and is continuous).
 *
 * Downward by x: R helps, only U can hurt: a long loses q*K*x ("down").
 * Upward by x ("up"): a buy side's R grows by what stands there, max(0, q)*K*x*(t + l + m), which a
 *   long's profit q*K*x exceeds. A sell side's R grows by at most (max(0, -q) + open sells)*K*x*
 *   (2t + l + m) and three units of rounding; U adds q*K*x. m is the marginal maintenance rate:
 *   max(1/2MPL, UMR*Q/2), at most 1/2, or the last tier's.
 *
 * An isolation with opening orders is watched on each side with the slack W + U - R_s of that
 * side. A cross account is healthy while collateral + sum of U >= sum of R + haircut/2. The
 * binding side's R is at most the larger of both, and that is taken for every position: which
 * side binds may change with the mark, the bound does not care. The slack is split over the
 * positions (and collaterals) by what each can lose per relative move, so every mark may reach
 * its key at the same time. A key is the first mark that the share does not cover, so it lies at
 * least one unit away from a healthy account's mark, and each hit moves it nearer: while the
 * price falls the position's own R falls along with it, so the slack left at a hit is about the
 * share (m + f) of the slack before, and the distance shrinks that fast.
 *
 * Keys of cross positions are laid at half the available margin while there is enough of it, so
 * that orders which use some of it, and fills, find keys that still hold. They hold when
 *
 *     available >= sum of the losses of U from here to the keys,
 *
 * because each side's FR + MM at the keys is at most the binding side's FR + IM of now, as long as
 * no key is farther up than mark * (1 + reach). For UMR, with c = 1 + reach, r = IM/N >= 1/MPL and
 * MM <= r*N/2: c*FR + c*r*N/2 <= FR + r*N follows from FR <= (2t + l)*N and
 * reach <= r / (2*(2t + l) + r). The fee of a flip's covered part is not in N; a long that is
 * covered gains more than that fee by the same move. For tiers MM(c*N) <= m*N + last m*(c-1)*N,
 * so reach <= (1/max leverage - m) / (2t + l + last m) over the tiers. */
#include "engine/watch.h"

#include "engine/cross.h"
#include "engine/mark.h"
#include "engine/position.h"
#include "engine/watch_index.h"

enum {
    ROUNDING = 8, /* more than all roundings of one position's two sides and of one collateral */
    DUST = 64,    /* |q| * K below which a unit of price may be worth less than the roundings */
};

/* ---- Rates ----------------------------------------------------------------------------------- */

rf_rate rf_watch_reach(const rf_margin_params *params)
{
    const rf_rate fees = 2 * params->taker + params->liquidation_fee;
    if (params->tiers_count == 0) {
        const rf_rate initial = RF_E8 / params->product_leverage;
        return initial * RF_E8 / (2 * fees + initial);
    }
    const rf_rate last = params->tiers[params->tiers_count - 1].maintenance;
    rf_rate spare = RF_E8;
    for (uint32_t i = 0; i < params->tiers_count; i++) {
        const int64_t leverage = rf_min(params->product_leverage, params->tiers[i].max_leverage);
        spare = rf_min(spare, RF_E8 / leverage - params->tiers[i].maintenance);
    }
    return spare <= 0 ? 0 : rf_min(RF_E8, spare * RF_E8 / (fees + last));
}

/* What maintenance grows by per notional, at most, e8, rounded up. */
static rf_rate maintenance_rate(const rf_margin_params *params, rf_qty qty)
{
    if (params->tiers_count != 0)
        return params->tiers[params->tiers_count - 1].maintenance;
    const rf_rate plain =
        (RF_E8 + 2 * params->product_leverage - 1) / (2 * params->product_leverage);
    if (params->umr_e18 == 0)
        return plain;
    const rf_uwide half =
        (rf_uwide)(uint64_t)params->umr_e18 * (uint64_t)qty / (uint64_t)params->qty_unit / 2;
    const rf_uwide half_e8 = half / 10000000000U + 1;
    return half_e8 >= RF_E8 / 2 ? RF_E8 / 2 : rf_max(plain, (rf_rate)half_e8);
}

/* a / b for a >= 0, b > 0: what fits 64 bits, nearly all of it, is divided there. */
static rf_wide quotient(rf_wide a, rf_wide b)
{
    if (a >> 64 == 0 && b >> 64 == 0)
        return (uint64_t)a / (uint64_t)b;
    return a / b;
}

/* Most that U - R can lose per unit of price, in each direction. */
typedef struct losses {
    rf_wide down, up;
} losses;

static losses losses_of(const rf_margin_params *params, const rf_position *position)
{
    const rf_wide profit = (rf_wide)position->q * params->k;
    const rf_qty sells = rf_max(0, -position->q) + position->open_qty[RF_SELL];
    const rf_rate rate =
        2 * params->taker + params->liquidation_fee + maintenance_rate(params, sells);
    const rf_wide scaled = (rf_wide)sells * params->k * rate + (RF_E8 - 1);
    const rf_wide growth = quotient(scaled, RF_E8);
    losses most;
    most.down = profit > 0 ? profit : 0;
    most.up = growth > profit ? growth - profit : 0;
    return most;
}

/* The first distance that the slack does not cover; far beyond any mark if nothing can be lost. */
static rf_price distance(rf_wide slack, rf_wide loss)
{
    if (loss <= 0)
        return RF_AMOUNT_MAX;
    const rf_wide covered = slack <= 0 ? 0 : quotient(slack, loss);
    return covered >= RF_AMOUNT_MAX ? RF_AMOUNT_MAX : (rf_price)covered + 1;
}

/* ---- Setting keys ---------------------------------------------------------------------------- */

static void set_keys(rf_engine *engine, rf_instrument *instrument, uint32_t position, rf_price down,
                     rf_price up)
{
    rf_watch_set(engine, instrument, RF_DOWN, position, down);
    rf_watch_set(engine, instrument, RF_UP, position, up);
}

/* What waits in the liquidation queue was judged by what it was: it has to be judged anew. */
static void leave_queue(rf_engine *engine, rf_position *record)
{
    if ((record->flags & RF_POSITION_QUEUED) == 0)
        return;
    record->flags &= (uint16_t)~RF_POSITION_QUEUED;
    engine->queue_void = 1;
}

void rf_watch_drop(rf_engine *engine, uint32_t position)
{
    leave_queue(engine, &engine->positions[position]);
    set_keys(engine, rf_instrument_of(engine, &engine->positions[position]), position, 0, 0);
}

/* Unhealthy now: keys on the mark and right above it, so that every mark from now on has passed
 * one of them, until somebody deals with it. The look after this step finds it. */
static void set_passed(rf_engine *engine, rf_instrument *instrument, uint32_t position)
{
    set_keys(engine, instrument, position, instrument->mark, instrument->mark + 1);
    rf_moved(engine, instrument);
}

/* ---- Isolations ------------------------------------------------------------------------------ */

/* No opening orders: the exact price. Beyond mark_max it lies in the last bucket and is never
 * passed. Of dust, a unit of price may be worth less than the roundings: there, health comes and
 * goes below the first unhealthy mark, which stays the key; only what is unhealthy now asks for
 * a look. */
static void watch_exactly(rf_engine *engine, rf_instrument *instrument, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if (record->q == 0) {
        if (record->wallet < 0)
            set_passed(engine, instrument, position);
        else
            set_keys(engine, instrument, position, 0, 0);
        return;
    }
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_price key = rf_liquidation_price(&params, record->q, record->cost, record->wallet);
    const rf_price down = record->q > 0 ? key : 0, up = record->q > 0 ? 0 : key;
    set_keys(engine, instrument, position, down, up);
    const bool passed = instrument->mark <= down || (up != 0 && instrument->mark >= up);
    const bool dust = (rf_wide)rf_size(record->q) * params.k < DUST;
    if (passed && (!dust || rf_isolation_unhealthy(engine, record)))
        rf_moved(engine, instrument);
}

static rf_wide slack_of_side(const rf_engine *engine, const rf_margin_params *params,
                             const rf_position *record, uint8_t side, rf_wide equity)
{
    rf_exposure exposure;
    rf_requirement requirement;
    rf_position_exposure(engine, record, side, engine->instruments[record->instrument].mark,
                         &exposure);
    rf_margin_side(params, rf_max(1, record->leverage), &exposure, &requirement);
    return equity - requirement.fr - requirement.mm;
}

static void watch_with_orders(rf_engine *engine, rf_instrument *instrument, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const rf_wide equity = (rf_wide)record->wallet + rf_position_unrealized(engine, record);
    const rf_wide buy = slack_of_side(engine, &params, record, RF_BUY, equity);
    const rf_wide sell = slack_of_side(engine, &params, record, RF_SELL, equity);
    if (buy < 0 || sell < 0) {
        set_passed(engine, instrument, position);
        return;
    }
    const losses most = losses_of(&params, record);
    const rf_wide buy_up = record->q < 0 ? -(rf_wide)record->q * params.k : 0;
    const rf_price down = distance(buy < sell ? buy : sell, most.down);
    rf_price up = rf_min(distance(sell - ROUNDING, most.up), distance(buy, buy_up));
    /* A long gains more than its buy side's R grows by, but for the roundings. */
    if (record->q > 0 && buy < ROUNDING)
        up = 1;
    const rf_price mark = instrument->mark;
    set_keys(engine, instrument, position, down < mark ? mark - down : 0,
             up <= instrument->mark_max - mark ? mark + up : 0);
}

void rf_watch_position(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    rf_instrument *instrument = rf_instrument_of(engine, record);
    leave_queue(engine, record);
    if (!rf_is_isolated(record))
        rf_watch_account(engine, record->account);
    else if (instrument->mark == 0)
        set_keys(engine, instrument, position, 0, 0);
    else if (record->opening_count == 0)
        watch_exactly(engine, instrument, position);
    else
        watch_with_orders(engine, instrument, position);
}

/* ---- Cross accounts: do the keys still hold? ------------------------------------------------- */

static int64_t units_of(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    return *rf_main(engine, account, currency);
}

/* What can be lost by this position before one of its keys is hit; -1: there is no key to rely
 * on. */
static rf_wide loss_to_keys(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[record->instrument];
    const rf_price mark = instrument->mark;
    const rf_price down = engine->nodes[RF_DOWN][position].key,
                   up = engine->nodes[RF_UP][position].key;
    if (mark <= down || (up != 0 && mark >= up))
        return -1; /* hit: it has to move on, even if nothing is left to lose */
    if (record->opening_count == 0 && record->q == 0)
        return 0;
    if (up == 0)
        return -1;
    if ((rf_wide)(up - mark) * RF_E8 > (rf_wide)mark * instrument->reach)
        return -1;
    const rf_wide per_price = (rf_wide)record->q * instrument->k;
    return (record->q > 0 ? per_price * (mark - down) : -per_price * (up - mark)) + ROUNDING;
}

/* What falling collaterals can take before they are looked at; -1: a debt in one, which rising
 * takes from. */
static rf_wide loss_to_watch_prices(const rf_engine *engine, uint32_t account)
{
    rf_wide loss = 0;
    for (uint32_t i = 1; i < engine->currencies_count; i++) {
        const rf_currency *currency = &engine->currencies[i];
        const int64_t units = units_of(engine, account, i);
        if (units == 0 || currency->kind != RF_CURRENCY_COLLATERAL)
            continue;
        if (units < 0)
            return -1;
        const int64_t fall = engine->indexes[currency->index].price_e8 - currency->watch_price;
        if (fall > 0)
            loss += (rf_wide)units * fall / RF_E8 + ROUNDING;
    }
    return loss;
}

/* The reach of an instrument is computed with its own rate. */
static bool pays_more(const rf_engine *engine, const rf_account *owner, uint32_t instrument)
{
    return (owner->flags & RF_ACCOUNT_OWN_FEES) != 0 &&
           owner->taker_rate > engine->instruments[instrument].config.taker_fee_rate;
}

static bool has_no_keys(const rf_position *record)
{
    return record->opening_count == 0 && record->q == 0;
}

/* What has to be available for all keys of the account to hold; -1: they do not, whatever there
 * is. Remembered until a mark moves, a fill changes q, or the account opens another position. */
static rf_wide floor_of(rf_engine *engine, uint32_t account)
{
    rf_account *owner = &engine->accounts[account];
    bool lasting = !owner->holds_collateral;
    rf_wide floor = 0;
    owner->floor_version = 0;
    owner->room = -1;
    uint32_t seat = owner->seats;
    for (; seat != RF_NONE; seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position == RF_NONE)
            continue;
        const rf_wide loss = loss_to_keys(engine, position);
        if (loss < 0 || pays_more(engine, owner, engine->seats[seat].instrument))
            return -1;
        floor += loss;
        lasting = lasting && !has_no_keys(&engine->positions[position]);
    }
    if (owner->holds_collateral) {
        const rf_wide loss = loss_to_watch_prices(engine, account);
        return loss < 0 ? -1 : floor + loss;
    }
    if (lasting && floor < RF_AMOUNT_MAX) {
        owner->net_floor = (rf_money)floor;
        owner->floor_version = engine->marks_version;
    }
    return floor;
}

/* ---- Cross accounts: new keys ---------------------------------------------------------------- */

/* How the slack is split: by what each part loses when prices move by the same fraction against
 * the account. */
typedef struct split {
    rf_wide slack;
    rf_wide weights; /* sum, after >> shift */
    uint32_t shift;  /* keeps slack * weight in 128 bits */
    uint32_t parts;
} split;

static rf_wide weight_of(const losses *most, rf_price mark)
{
    return (most->down > most->up ? most->down : most->up) * mark;
}

static rf_wide share_of(const split *all, rf_wide weight)
{
    if (all->parts <= 1)
        return all->slack;
    return all->weights == 0 ? 0 : all->slack * (weight >> all->shift) / all->weights;
}

/* FR + MM of the side where they are larger, and what binds: see the top. */
static rf_money required_at_most(const rf_engine *engine, const rf_position *record,
                                 const rf_margin_params *params)
{
    const rf_wide buy = -slack_of_side(engine, params, record, RF_BUY, 0);
    const rf_wide sell = -slack_of_side(engine, params, record, RF_SELL, 0);
    return rf_narrow(buy > sell ? buy : sell);
}

static bool is_watched(const rf_engine *engine, const rf_position *record)
{
    return (record->q != 0 || record->opening_count != 0) &&
           engine->instruments[record->instrument].mark != 0;
}

/* Next cross position of the account that can lose, from this seat on; the seat moves along.
 * RF_NONE: no more. */
static uint32_t next_watched(const rf_engine *engine, uint32_t *seat)
{
    for (; *seat != RF_NONE; *seat = engine->seats[*seat].account_next) {
        const uint32_t position = engine->seats[*seat].position[0];
        if (position != RF_NONE && is_watched(engine, &engine->positions[position])) {
            *seat = engine->seats[*seat].account_next;
            return position;
        }
    }
    return RF_NONE;
}

/* A positive holding loses with its index; its weight is what it is worth. */
static rf_wide collateral_weight(const rf_engine *engine, uint32_t account, uint32_t number)
{
    const rf_currency *currency = &engine->currencies[number];
    const int64_t units = units_of(engine, account, number);
    if (currency->kind != RF_CURRENCY_COLLATERAL || units <= 0)
        return 0;
    const rf_wide value = (rf_wide)units * engine->indexes[currency->index].price_e8 / RF_E8;
    return value >= RF_AMOUNT_MAX ? RF_AMOUNT_MAX : value;
}

/* Slack and weights of the whole account. */
static void measure(const rf_engine *engine, uint32_t account, const rf_cross *cross, split *all)
{
    rf_wide slack = (rf_wide)cross->collateral + cross->unrealized - (cross->haircut + 1) / 2,
            weights = 0;
    uint32_t parts = 0, seat = engine->accounts[account].seats;
    for (uint32_t position; (position = next_watched(engine, &seat)) != RF_NONE; parts++) {
        const rf_position *record = &engine->positions[position];
        rf_margin_params params;
        rf_position_params(engine, record, &params);
        const losses most = losses_of(&params, record);
        weights += weight_of(&most, engine->instruments[record->instrument].mark);
        slack -= (rf_wide)required_at_most(engine, record, &params) + ROUNDING;
    }
    for (uint32_t i = 1; i < engine->currencies_count && engine->accounts[account].holds_collateral;
         i++) {
        const rf_wide weight = collateral_weight(engine, account, i);
        weights += weight;
        parts += weight > 0;
        slack -= weight > 0 ? ROUNDING : 0;
    }
    uint32_t shift = 0;
    while (weights >> shift > RF_AMOUNT_MAX)
        shift++;
    *all = (split){.slack = slack > 0 ? slack : 0,
                   .weights = weights >> shift,
                   .shift = shift,
                   .parts = parts};
}

/* Keys at half the available margin leave room for orders; without much of it they go as far as
 * is safe. */
static void leave_room(split *all, rf_money available)
{
    if (available > all->slack / 4 && available / 2 < all->slack)
        all->slack = available / 2;
}

static void key_position(rf_engine *engine, uint32_t position, const split *all)
{
    const rf_position *record = &engine->positions[position];
    rf_instrument *instrument = rf_instrument_of(engine, record);
    const rf_price mark = instrument->mark;
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    const losses most = losses_of(&params, record);
    const rf_wide share = share_of(all, weight_of(&most, mark));
    /* Nothing is promised beyond half the reach, so that after a fall the upper key is still
     * within it. */
    const rf_price reach = (rf_price)quotient((rf_wide)mark * instrument->reach, 2 * RF_E8);
    const rf_price widest = reach > 0 ? reach : mark / 2;
    const rf_price down = rf_min(distance(share, most.down), mark / 2 + 1);
    const rf_price up = rf_min(distance(share, most.up), widest + 1);
    set_keys(engine, instrument, position, mark - rf_min(down, mark), mark + up);
}

static void key_collaterals(rf_engine *engine, uint32_t account, const split *all)
{
    for (uint32_t i = 1; i < engine->currencies_count; i++) {
        rf_currency *currency = &engine->currencies[i];
        const int64_t units = units_of(engine, account, i);
        if (currency->kind != RF_CURRENCY_COLLATERAL || units == 0)
            continue;
        if (units < 0) {
            currency->watch_price =
                INT64_MAX; /* a debt grows with the index: looked at every time */
            continue;
        }
        const int64_t price = engine->indexes[currency->index].price_e8;
        const rf_wide fall = share_of(all, collateral_weight(engine, account, i)) * RF_E8 / units;
        if (fall < price)
            currency->watch_price = rf_max(currency->watch_price, price - (int64_t)fall - 1);
    }
}

static void drop_account(rf_engine *engine, uint32_t account)
{
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position != RF_NONE && !is_watched(engine, &engine->positions[position]))
            rf_watch_drop(engine, position);
    }
}

/* True: the account is unhealthy now. */
static bool key_account(rf_engine *engine, uint32_t account)
{
    rf_cross cross;
    split all;
    rf_cross_assess(engine, account, &cross);
    const bool unhealthy = cross.margin_balance < cross.maintenance_margin;
    engine->accounts[account].floor_version = 0; /* counted for the keys that go now */
    drop_account(engine, account);
    measure(engine, account, &cross, &all);
    leave_room(&all, cross.available);
    uint32_t seat = engine->accounts[account].seats;
    for (uint32_t position; (position = next_watched(engine, &seat)) != RF_NONE;) {
        if (unhealthy)
            set_passed(engine, rf_instrument_of(engine, &engine->positions[position]), position);
        else
            key_position(engine, position, &all);
    }
    /* Without positions, orders and debts a falling index harms nobody. */
    const bool owes = all.parts > 0 && (engine->accounts[account].seats != RF_NONE ||
                                        units_of(engine, account, 0) < 0);
    if (engine->accounts[account].holds_collateral && (owes || unhealthy))
        key_collaterals(engine, account, &all);
    return unhealthy;
}

/* An account with one position and no keys yet is keyed by the lower bound of what it has available, which is a
 * lower bound of its slack, too: maintenance is less than initial margin. Half of it leaves room. False: it is not of
 * this kind. */
static bool key_simply(rf_engine *engine, uint32_t account, rf_money least)
{
    const rf_seat *seat = &engine->seats[engine->accounts[account].seats];
    const uint32_t position = seat->position[0];
    if (least <= 4 * ROUNDING || position == RF_NONE || seat->account_next != RF_NONE ||
        !is_watched(engine, &engine->positions[position]))
        return false;
    const split all = {.slack = least / 2 - ROUNDING, .parts = 1};
    key_position(engine, position, &all);
    return true;
}

static void note_room(const rf_engine *engine, rf_account *owner, rf_money least)
{
    if (owner->floor_version == engine->marks_version && least >= owner->net_floor)
        owner->room = least - owner->net_floor;
}

/* least: a lower bound of available; only where that proves nothing the exact one is computed. */
static void watch_account(rf_engine *engine, uint32_t account, rf_money least)
{
    if (account == RF_FUND)
        return;
    const rf_wide floor = floor_of(engine, account);
    if (floor < 0 ? !key_simply(engine, account, least)
                  : least < floor && rf_cross_available(engine, account) < floor)
        key_account(engine, account);
    note_room(engine, &engine->accounts[account], least);
}

void rf_watch_account_least(rf_engine *engine, uint32_t account, rf_money least)
{
    rf_account *owner = &engine->accounts[account];
    if (owner->floor_version == engine->marks_version && least >= owner->net_floor)
        note_room(engine, owner, least);
    else
        watch_account(engine, account, least);
}

void rf_watch_account(rf_engine *engine, uint32_t account)
{
    watch_account(engine, account, rf_cross_available_least(engine, account));
}

/* ---- Looking --------------------------------------------------------------------------------- */

uint32_t rf_watch_hits(rf_engine *engine, rf_instrument *instrument)
{
    const rf_price mark = instrument->mark;
    uint32_t count = 0;
    if (mark > instrument->watch[RF_DOWN].nearest && mark < instrument->watch[RF_UP].nearest)
        return 0;
    if (mark == 0)
        return 0;
    rf_watch_fit(engine, instrument);
    if (mark <= instrument->watch[RF_DOWN].nearest)
        count = rf_watch_gather(engine, instrument, RF_DOWN, count);
    if (mark >= instrument->watch[RF_UP].nearest)
        count = rf_watch_gather(engine, instrument, RF_UP, count);
    return count;
}

/* Holders are not kept in the order of their price: who holds how much of a collateral changes
 * with every deposit, its index is an input of minutes, and the watch price is hit only when
 * somebody is near. */
uint32_t rf_watch_collateral_hits(rf_engine *engine, uint32_t number)
{
    rf_currency *currency = &engine->currencies[number];
    if (currency->index == UINT32_MAX ||
        engine->indexes[currency->index].price_e8 > currency->watch_price)
        return 0;
    uint32_t count = 0;
    currency->watch_price = 0;
    for (uint32_t account = 1; account < engine->accounts_count; account++)
        if (engine->accounts[account].holds_collateral && units_of(engine, account, number) != 0 &&
            key_account(engine, account))
            engine->scratch[count++] = account;
    return count;
}

void rf_watch_rebuild(rf_engine *engine, rf_instrument *instrument)
{
    uint32_t position = instrument->positions_first;
    for (; position != RF_NONE; position = engine->positions[position].instrument_next)
        rf_watch_drop(engine, position);
    instrument->watch[RF_DOWN].nearest = 0;
    instrument->watch[RF_UP].nearest = INT64_MAX;
    position = instrument->positions_first;
    for (; position != RF_NONE; position = engine->positions[position].instrument_next)
        rf_watch_position(engine, position);
}

/* What keying an account will look at: its first position, and where the keys stand. */
static void fetch_keys(const rf_engine *engine, uint32_t account)
{
    const uint32_t position = engine->seats[engine->accounts[account].seats].position[0];
    __builtin_prefetch(&engine->positions[position], 0, 3);
    __builtin_prefetch((const char *)&engine->positions[position] + 64, 0, 3);
    __builtin_prefetch(&engine->nodes[RF_DOWN][position], 1, 3);
    __builtin_prefetch(&engine->nodes[RF_UP][position], 1, 3);
}

/* Accounts in their own order, which is that of their seats in memory; positions lie anywhere. */
static void watch_accounts(rf_engine *engine)
{
    enum { AHEAD = 8 };
    for (uint32_t account = RF_FUND + 1; account < engine->accounts_count; account++) {
        if (account + AHEAD < engine->accounts_count)
            fetch_keys(engine, account + AHEAD);
        const rf_account *record = &engine->accounts[account];
        if ((record->seats != RF_NONE || record->holds_collateral) &&
            !key_simply(engine, account, rf_cross_available_least(engine, account)))
            key_account(engine, account);
    }
}

void rf_watch_all(rf_engine *engine)
{
    watch_accounts(engine);
    for (uint32_t i = 0; i < engine->instruments_count; i++) {
        uint32_t position = engine->instruments[i].positions_first;
        for (; position != RF_NONE; position = engine->positions[position].instrument_next)
            if (rf_is_isolated(&engine->positions[position]))
                rf_watch_position(engine, position);
    }
}
