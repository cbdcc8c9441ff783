/* How the number range is divided. A notional |q| * price * K has to stay below 2^62 units of
 * money (46 thousand million USD) at every mark that can come, so a larger mark leaves less room
 * for quantity. The split is made by the price tick, which the operator chooses to fit the
 * price: marks and limits go up to 2^25 ticks (33,554,432: 16.7 million USD at a tick of 0.5,
 * 335 thousand at 0.01), quantities up to what is left of 2^62. A market that trades at 100,000
 * ticks has a factor of 335 to rise and takes positions of up to 137 million USD. Both bounds
 * hang on what can never change while somebody has a position (decimals, ticks), so an update
 * cannot invalidate what was admitted.
 *
 * Admission keeps, per position, |q| + open buys + open sells <= rf_instrument_qty_max and
 * prices <= mark_max: then every N_s, every order sum and every U of margin.md section 3 fits,
 * and stays so whatever the mark does. */
#include "engine/instrument.h"

#include "engine/funding.h"
#include "engine/mark.h"
#include "engine/name.h"
#include "engine/watch.h"

enum {
    TICKS_MAX = 1 << 25,
    LOTS_MIN = 100, /* an instrument on which not even this many lots fit is refused */
    LEVERAGE_MAX = 1000,
    BAND_MAX = 100, /* times the mark */
};

/* ---- Names ----------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    if (name[0] == '\0')
        return false;
    for (uint32_t i = 0; i < RF_NAME_SIZE; i++)
        if (name[i] == '\0')
            return true;
    return false;
}

/* base + "USD-INDEX"; false: too long. */
static bool index_name_of(const char *base, char *name)
{
    static const char suffix[] = "USD-INDEX";
    uint32_t length = 0;
    while (base[length] != '\0')
        length++;
    if (length + sizeof suffix > RF_NAME_SIZE)
        return false;
    rf_name_copy(name, base);
    for (uint32_t i = 0; i < sizeof suffix; i++)
        name[length + i] = suffix[i];
    return true;
}

/* ---- The configuration ----------------------------------------------------------------------- */

static rf_price mark_max_of(const rf_instrument_config *config)
{
    return config->price_tick * TICKS_MAX;
}

static int64_t k_of(const rf_instrument_config *config)
{
    return rf_power_of_ten(8 - config->price_decimals - config->qty_decimals);
}

static bool numbers_ok(const rf_instrument_config *config)
{
    if (config->price_decimals > 8 || config->qty_decimals > 8 - config->price_decimals)
        return false;
    if (config->price_tick <= 0 || config->qty_tick <= 0)
        return false;
    /* Room for at least LOTS_MIN lots at the largest mark; the divisions cannot overflow. */
    const int64_t room = (RF_AMOUNT_MAX - 1) / TICKS_MAX / LOTS_MIN / k_of(config);
    /* A mark has to fit where prices have 8 decimals, too. */
    if (config->price_tick >
        (RF_AMOUNT_MAX - 1) / TICKS_MAX / rf_power_of_ten(8 - config->price_decimals))
        return false;
    return config->price_tick <= room && config->qty_tick <= room / config->price_tick;
}

static bool within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static bool rates_ok(const rf_instrument_config *config)
{
    return within(config->taker_fee_rate, 0, RF_TRADING_FEE_MAX) &&
           within(config->maker_fee_rate, -config->taker_fee_rate, config->taker_fee_rate) &&
           within(config->liquidation_fee_rate, 0, RF_LIQUIDATION_FEE_MAX) &&
           within(config->price_band, 1, BAND_MAX * RF_E8) &&
           within(config->far_price_band, 0, BAND_MAX * RF_E8) &&
           within(config->funding_cap_rate, 0, RF_E8) &&
           within(config->unit_margin_rate_e18, 0, INT64_MAX) &&
           within(config->max_leverage, 1, LEVERAGE_MAX);
}

static bool limits_ok(const rf_instrument_config *config)
{
    return config->mark_stale_ns >= 0 && within(config->max_order_qty, 0, RF_AMOUNT_MAX) &&
           within(config->min_order_qty, 0, RF_AMOUNT_MAX) &&
           config->min_order_qty % config->qty_tick == 0 &&
           within(config->max_position_qty, 0, RF_AMOUNT_MAX) &&
           within(config->fund_position_cap, -1, RF_AMOUNT_MAX) &&
           within(config->min_notional, 0, RF_AMOUNT_MAX) && config->fund_unwind <= 1 &&
           config->residual <= RF_RESIDUAL_RETURN && config->margin_modes <= RF_MODES_ISOLATED &&
           config->settlement <= RF_SETTLEMENT_MANUAL;
}

/* D_i = D_{i-1} + floor_i * (m_i - m_{i-1}), which has to be a whole number of units: a rounded
 * deduction would make maintenance jump at the tier's floor. */
static bool tier_deduction(const rf_tier *below, const rf_tier *tier, rf_money *deduction)
{
    const rf_wide step =
        (rf_wide)tier->notional_floor * (tier->maintenance_rate - below->maintenance_rate);
    const rf_wide sum = step / RF_E8 + *deduction;
    if (step % RF_E8 != 0 || sum > RF_AMOUNT_MAX)
        return false;
    *deduction = (rf_money)sum;
    return true;
}

static bool tiers_ok(const rf_instrument_config *config)
{
    rf_money deduction = 0;
    if (config->tiers_count > RF_TIERS_MAX)
        return false;
    for (uint32_t i = 0; i < config->tiers_count; i++) {
        const rf_tier *tier = &config->tiers[i], *below = i > 0 ? tier - 1 : tier;
        if (!within(tier->maintenance_rate, 1, RF_E8 / 2) ||
            !within(tier->max_leverage, 1, LEVERAGE_MAX))
            return false;
        if (i == 0 && tier->notional_floor != 0)
            return false;
        if (i > 0 &&
            (!within(tier->notional_floor, below->notional_floor + 1, RF_AMOUNT_MAX) ||
             tier->maintenance_rate < below->maintenance_rate ||
             tier->max_leverage > below->max_leverage || !tier_deduction(below, tier, &deduction)))
            return false;
    }
    return true;
}

rf_error rf_instrument_check(const rf_instrument_config *config)
{
    if (!is_name(config->name) || !is_name(config->base) || !is_name(config->index_name))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (!numbers_ok(config) || !rates_ok(config) || !limits_ok(config) || !tiers_ok(config))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (config->tiers_count != 0 && config->unit_margin_rate_e18 != 0)
        return RF_ERR_INVALID_REQUEST;
    if (config->max_order_qty != 0 && config->max_order_qty < config->min_order_qty)
        return RF_ERR_INVALID_REQUEST;
    return RF_ERR_OK;
}

/* The defaults that hang on other fields (cli.md 3), and names padded with zeros. False: a name
 * without an end. */
static bool complete(rf_instrument_config *config, const rf_instrument_config *given)
{
    if (!is_name(given->name) || !is_name(given->base) ||
        (given->index_name[0] != '\0' && !is_name(given->index_name)))
        return false;
    *config = *given;
    rf_name_copy(config->name, given->name);
    rf_name_copy(config->base, given->base);
    rf_name_copy(config->index_name, given->index_name);
    if (config->index_name[0] == '\0' && !index_name_of(config->base, config->index_name))
        config->index_name[0] = '\0';
    if (config->min_order_qty == 0)
        config->min_order_qty = config->qty_tick;
    if (config->isolations_max == 0)
        config->isolations_max = RF_ISOLATIONS_PER_ACCOUNT;
    for (uint32_t i = config->tiers_count; i < RF_TIERS_MAX; i++)
        config->tiers[i] = (rf_tier){0};
    return true;
}

static void prepare_tiers(rf_instrument *instrument)
{
    const rf_instrument_config *config = &instrument->config;
    rf_money deduction = 0;
    for (uint32_t i = 0; i < config->tiers_count; i++) {
        const rf_tier *tier = &config->tiers[i];
        if (i > 0)
            RF_CHECK(tier_deduction(tier - 1, tier, &deduction));
        instrument->tiers[i] = (rf_margin_tier){tier->notional_floor, tier->maintenance_rate,
                                                deduction, tier->max_leverage};
    }
}

/* UMR * Q <= 1 / MPL: the unit margin rate asks for no more than the leverage does, whatever that is. */
static rf_qty linear_max_of(const rf_margin_params *params)
{
    if (params->tiers_count != 0)
        return -1;
    if (params->umr_e18 == 0)
        return INT64_MAX;
    const rf_uwide one = (rf_uwide)1000000000000000000u * (uint64_t)params->qty_unit;
    const rf_uwide most = one / (uint64_t)params->product_leverage / (uint64_t)params->umr_e18;
    return most > INT64_MAX ? INT64_MAX : (rf_qty)most;
}

bool rf_instrument_prepare(rf_instrument *instrument)
{
    const rf_instrument_config *config = &instrument->config;
    if (rf_instrument_check(config) != RF_ERR_OK)
        return false;
    prepare_tiers(instrument);
    instrument->k = k_of(config);
    instrument->mark_max = mark_max_of(config);
    instrument->plain =
        config->far_price_band == 0 && config->max_position_qty == 0 && config->mark_stale_ns == 0;
    instrument->qty_max = rf_instrument_qty_max(instrument);
    instrument->margin = (rf_margin_params){
        .k = instrument->k,
        .qty_unit = rf_power_of_ten(config->qty_decimals),
        .tick = config->price_tick,
        .taker = config->taker_fee_rate,
        .liquidation_fee = config->liquidation_fee_rate,
        .product_leverage = config->max_leverage,
        .umr_e18 = config->unit_margin_rate_e18,
        .tiers = instrument->tiers,
        .tiers_count = config->tiers_count,
    };
    instrument->reach = rf_watch_reach(&instrument->margin);
    instrument->linear_max = linear_max_of(&instrument->margin);
    const uint64_t fees = (uint64_t)(2 * config->taker_fee_rate + config->liquidation_fee_rate);
    instrument->fees_e32 = ((fees << 32) + RF_E8 - 1) / RF_E8;
    return true;
}

void rf_instrument_start(rf_instrument *instrument)
{
    instrument->book.best[RF_BUY] = instrument->book.best[RF_SELL] = RF_NO_TICK;
    for (uint32_t ref = 0; ref < 3; ref++) {
        instrument->trigger_low[ref] = 0;
        instrument->trigger_high[ref] = INT64_MAX;
    }
    instrument->watch[RF_DOWN].nearest = 0;
    instrument->watch[RF_UP].nearest = INT64_MAX;
}

rf_qty rf_instrument_qty_max(const rf_instrument *instrument)
{
    return (RF_AMOUNT_MAX - 1) / instrument->mark_max / instrument->k;
}

/* ---- Creating -------------------------------------------------------------------------------- */

static void emit_instrument(rf_engine *engine, const rf_instrument *instrument, rf_event_kind kind)
{
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.instrument = instrument->number;
    event.code = instrument->state;
    event.price = instrument->settlement_price;
    rf_emit(engine, &event);
}

static bool instrument_exists(const rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->instruments_count; i++)
        if (rf_name_same(engine->instruments[i].config.name, name))
            return true;
    return false;
}

rf_error rf_instrument_create(rf_engine *engine, const rf_command *command, rf_result *result)
{
    rf_instrument_config config;
    if (!command->u.instrument.config || !complete(&config, command->u.instrument.config))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    const rf_error error = rf_instrument_check(&config);
    if (error != RF_ERR_OK)
        return error;
    if (instrument_exists(engine, config.name))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (engine->instruments_count >= engine->limits.instruments_max ||
        engine->instruments_count > UINT16_MAX)
        return RF_ERR_ERR_INTERNAL;
    const uint32_t index = rf_index_make(engine, config.index_name);
    if (index == UINT32_MAX)
        return RF_ERR_ERR_INTERNAL;
    rf_instrument *instrument = &engine->instruments[engine->instruments_count];
    instrument->config = config;
    instrument->number = (uint16_t)engine->instruments_count++;
    instrument->index = index;
    instrument->state = RF_STATE_OPEN;
    RF_CHECK(rf_instrument_prepare(instrument));
    rf_instrument_start(instrument);
    rf_funding_start(engine, instrument);
    result->id = instrument->number;
    emit_instrument(engine, instrument, RF_EVENT_INSTRUMENT_CREATED);
    rf_mark_follow(engine, instrument);
    return RF_ERR_OK;
}

rf_error rf_instrument_listed(rf_engine *engine, const rf_command *command,
                              rf_instrument **instrument)
{
    if (command->u.instrument.instrument >= engine->instruments_count)
        return RF_ERR_INVALID_INSTRUMENT;
    *instrument = &engine->instruments[command->u.instrument.instrument];
    return (*instrument)->state == RF_STATE_SETTLED ? RF_ERR_INSTRUMENT_EXPIRED : RF_ERR_OK;
}

/* ---- Updating -------------------------------------------------------------------------------- */

/* Stored prices, quantities and the division of the number range hang on these. */
static bool keeps_identity(const rf_instrument *instrument, const rf_instrument_config *config)
{
    const rf_instrument_config *old = &instrument->config;
    return rf_name_same(old->name, config->name) && rf_name_same(old->base, config->base) &&
           rf_name_same(old->index_name, config->index_name) &&
           old->price_decimals == config->price_decimals &&
           old->qty_decimals == config->qty_decimals && old->price_tick == config->price_tick &&
           old->qty_tick == config->qty_tick;
}

rf_error rf_instrument_update(rf_engine *engine, const rf_command *command, rf_result *result)
{
    rf_instrument_config config;
    if (command->u.instrument.instrument >= engine->instruments_count)
        return RF_ERR_INVALID_INSTRUMENT;
    rf_instrument *instrument = &engine->instruments[command->u.instrument.instrument];
    if (!command->u.instrument.config || !complete(&config, command->u.instrument.config))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    const rf_error error = rf_instrument_check(&config);
    if (error != RF_ERR_OK)
        return error;
    if (!keeps_identity(instrument, &config))
        return RF_ERR_INVALID_REQUEST;
    if (instrument->state == RF_STATE_SETTLED)
        return RF_ERR_INSTRUMENT_EXPIRED;
    result->id = instrument->number;
    if (command->u.instrument.dry_run)
        return RF_ERR_OK;
    instrument->config = config;
    RF_CHECK(rf_instrument_prepare(instrument));
    instrument->changes++;
    emit_instrument(engine, instrument, RF_EVENT_INSTRUMENT_CHANGED);
    /* Everybody's requirement may have changed. An operator's rare call may look at everybody. */
    rf_watch_rebuild(engine, instrument);
    rf_moved(engine, instrument);
    return RF_ERR_OK;
}

/* ---- States ---------------------------------------------------------------------------------- */

rf_error rf_instrument_set_state(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const uint32_t state = command->u.instrument.state;
    if (state > RF_STATE_SETTLED)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    rf_instrument *instrument;
    const rf_error error = rf_instrument_listed(engine, command, &instrument);
    if (error != RF_ERR_OK)
        return error;
    if (state == RF_STATE_SETTLED) {
        /* Without a price: at the mark. */
        const rf_price price =
            command->u.instrument.price != 0 ? command->u.instrument.price : instrument->mark;
        if (price <= 0 || price > instrument->mark_max ||
            !rf_settlement_fits(engine, instrument, price))
            return RF_ERR_INVALID_PRICE;
        instrument->settlement_price = price;
        rf_settlement_start(engine, instrument);
    }
    instrument->state = (uint8_t)state;
    result->id = instrument->number;
    emit_instrument(engine, instrument, RF_EVENT_INSTRUMENT_CHANGED);
    /* What was frozen may be due now. */
    rf_moved(engine, instrument);
    return RF_ERR_OK;
}

/* ---- Currencies ------------------------------------------------------------------------------ */

static bool currency_exists(const rf_engine *engine, const char *name)
{
    for (uint32_t i = 0; i < engine->currencies_count; i++)
        if (rf_name_same(engine->currencies[i].name, name))
            return true;
    return false;
}

rf_error rf_currency_create(rf_engine *engine, const rf_command *command, rf_result *result)
{
    char index_name[RF_NAME_SIZE];
    const uint32_t kind = command->u.currency.kind;
    const bool collateral = kind == RF_CURRENCY_COLLATERAL;
    if (!is_name(command->u.currency.name) || (kind != RF_CURRENCY_USD_STABLE && !collateral))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (!within(command->u.currency.cap, -1, RF_AMOUNT_MAX - 1))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (collateral ? !within(command->u.currency.haircut, 0, RF_E8)
                   : !within(command->u.currency.factor, 1, RF_E8))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (collateral && !index_name_of(command->u.currency.name, index_name))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (currency_exists(engine, command->u.currency.name))
        return RF_ERR_INVALID_CURRENCY;
    if (engine->currencies_count >= RF_CURRENCIES_MAX)
        return RF_ERR_ERR_INTERNAL;
    const uint32_t index = collateral ? rf_index_make(engine, index_name) : UINT32_MAX;
    if (collateral && index == UINT32_MAX)
        return RF_ERR_ERR_INTERNAL;
    rf_currency *currency = &engine->currencies[engine->currencies_count];
    rf_name_copy(currency->name, command->u.currency.name);
    currency->kind = (uint8_t)kind;
    currency->index = index;
    currency->factor = collateral ? 0 : command->u.currency.factor;
    currency->haircut = collateral ? command->u.currency.haircut : 0;
    currency->cap = command->u.currency.cap;
    result->id = engine->currencies_count++;
    rf_event event = {0};
    event.kind = RF_EVENT_CURRENCY_CREATED;
    event.currency = (uint8_t)result->id;
    event.code = kind;
    rf_emit(engine, &event);
    return RF_ERR_OK;
}
