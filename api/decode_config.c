/* Instrument configurations from parameters: new ones over defaults, changes over what rules. */
#include <string.h>

#include "api/handlers.h"
#include "base/decimal.h"

#define RATE_ONE 100000000LL /* 100 % in e8 */

/* create- and update-instrument share the names and the order of their rows, so a row of the one is
 * a row of the other at the same distance. */
_Static_assert(RF_P_NEW_INSTRUMENT_index_name - RF_P_NEW_INSTRUMENT_first ==
                   RF_P_CHANGED_INSTRUMENT_index_name - RF_P_CHANGED_INSTRUMENT_first,
               "the two sets begin alike");

typedef struct config_reader {
    rf_args *args;
    unsigned shift;
} config_reader;

#define ROW(reader, name) ((unsigned)RF_P_NEW_INSTRUMENT_##name + (reader)->shift)

static void refuse(config_reader *reader, const char *param)
{
    rf_args_refuse(reader->args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, param);
}

/* A tick as written: its value in units of its own last decimal, and how many decimals it shows. */
static void read_tick(config_reader *reader, unsigned param, uint8_t *decimals, int64_t *tick)
{
    uint32_t token = rf_arg(reader->args, param);
    if (!token)
        return;
    const char *text = rf_json_text(reader->args->json, token);
    size_t size = strlen(text);
    int64_t value;
    unsigned places = 0;
    bool good = rf_decimal_parse(text, size, 8, &value) == RF_DECIMAL_OK && value > 0;
    if (good) {
        places = rf_decimal_places(text, size);
        good = rf_decimal_parse(text, size, places, &value) == RF_DECIMAL_OK;
    }
    if (!good) {
        refuse(reader, rf_params[param].name);
        return;
    }
    *decimals = (uint8_t)places;
    *tick = value;
}

static void read_rate(config_reader *reader, unsigned param, int64_t *rate, int64_t low,
                      int64_t high)
{
    *rate = rf_arg_within(reader->args, param, 8, *rate, low, high);
}

static void read_name(config_reader *reader, unsigned param, char name[RF_NAME_SIZE])
{
    const char *text = rf_arg_text(reader->args, param, NULL);
    if (!text)
        return;
    memset(name, 0, RF_NAME_SIZE);
    memcpy(name, text, strlen(text));
}

static void read_leverage(config_reader *reader, unsigned param, uint32_t *leverage)
{
    if (!rf_arg_given(reader->args, param))
        return;
    *leverage = rf_arg_leverage(reader->args, param);
    if (*leverage < 1 || *leverage > 1000)
        refuse(reader, rf_params[param].name);
}

static void read_choice(config_reader *reader, unsigned param, uint8_t *value)
{
    *value = (uint8_t)rf_arg_choice(reader->args, param, *value);
}

static void read_tier(config_reader *reader, uint32_t token, rf_tier *tier)
{
    rf_args args;
    config_reader row = {.args = &args, .shift = 0};
    rf_args_bind(&args, reader->args->json, token, RF_SET_TIER, true);
    tier->notional_floor = rf_arg_within(&args, RF_P_TIER_notional_floor, 8, 0, 0, INT64_MAX);
    tier->maintenance_rate = rf_arg_within(&args, RF_P_TIER_maintenance_rate, 8, 0, 0, RATE_ONE);
    read_leverage(&row, RF_P_TIER_max_leverage, &tier->max_leverage);
    if (args.problem)
        refuse(reader, "tiers");
}

static void read_tiers(config_reader *reader, rf_instrument_config *config)
{
    uint32_t token = rf_arg(reader->args, ROW(reader, tiers));
    if (!token)
        return;
    uint32_t count = reader->args->json->tokens[token].count;
    if (count > RF_TIERS_MAX) {
        refuse(reader, "tiers");
        return;
    }
    config->tiers_count = count;
    memset(config->tiers, 0, sizeof config->tiers);
    for (uint32_t i = 0; i < count; i++) {
        rf_tier *tier = &config->tiers[i];
        read_tier(reader, rf_json_element(reader->args->json, token, i), tier);
        bool ascending = i == 0 ? tier->notional_floor == 0
                                : tier->notional_floor > tier[-1].notional_floor &&
                                      tier->maintenance_rate >= tier[-1].maintenance_rate &&
                                      tier->max_leverage <= tier[-1].max_leverage;
        if (!ascending)
            refuse(reader, "tiers");
    }
}

static void read_fees(config_reader *reader, rf_instrument_config *config)
{
    read_rate(reader, ROW(reader, maker_fee_rate), &config->maker_fee_rate, -RATE_ONE, RATE_ONE);
    read_rate(reader, ROW(reader, taker_fee_rate), &config->taker_fee_rate, 0, RATE_ONE);
    read_rate(reader, ROW(reader, liquidation_fee_rate), &config->liquidation_fee_rate, 0,
              RATE_ONE);
    /* Otherwise a trade would pay out more than it brings in. */
    if (config->maker_fee_rate > config->taker_fee_rate ||
        config->maker_fee_rate < -config->taker_fee_rate)
        refuse(reader, "maker_fee_rate");
}

static void read_limits(config_reader *reader, rf_instrument_config *config)
{
    rf_args *args = reader->args;
    unsigned qd = config->qty_decimals;
    config->max_order_qty = rf_arg_within(args, ROW(reader, max_order_quantity), qd,
                                          config->max_order_qty, 0, INT64_MAX);
    config->min_order_qty = rf_arg_within(args, ROW(reader, min_order_quantity), qd,
                                          config->min_order_qty, 0, INT64_MAX);
    config->max_position_qty = rf_arg_within(args, ROW(reader, max_position_quantity), qd,
                                             config->max_position_qty, 0, INT64_MAX);
    config->fund_position_cap = rf_arg_within(args, ROW(reader, fund_position_cap), qd,
                                              config->fund_position_cap, 0, INT64_MAX);
    config->min_notional =
        rf_arg_within(args, ROW(reader, min_notional), 8, config->min_notional, 0, INT64_MAX);
    config->isolations_max = (uint32_t)rf_arg_int(args, ROW(reader, isolations_max),
                                                  config->isolations_max, 0, UINT32_MAX);
    int64_t stale_ms = rf_arg_int(args, ROW(reader, mark_stale_ms), config->mark_stale_ns / 1000000,
                                  0, INT64_MAX / 1000000);
    config->mark_stale_ns = stale_ms * 1000000;
}

static void read_modes(config_reader *reader, rf_instrument_config *config)
{
    read_choice(reader, ROW(reader, fund_unwind), &config->fund_unwind);
    read_choice(reader, ROW(reader, residual), &config->residual);
    read_choice(reader, ROW(reader, margin_modes), &config->margin_modes);
    read_choice(reader, ROW(reader, settlement), &config->settlement);
}

static void set_defaults(rf_instrument_config *config)
{
    *config = (rf_instrument_config){
        .max_leverage = 50,
        .maker_fee_rate = 25000,
        .taker_fee_rate = 40000,
        .liquidation_fee_rate = 500000,
        .price_band = RATE_ONE / 10,
        .fund_position_cap = -1,
        .funding_cap_rate = RATE_ONE / 100,
        .isolations_max = RF_ISOLATIONS_PER_ACCOUNT,
    };
}

/* base_ccy + "USD-INDEX" where no index is named. */
static void name_index(config_reader *reader, rf_instrument_config *config)
{
    static const char tail[] = "USD-INDEX";
    size_t size = strlen(config->base);
    if (config->index_name[0])
        return;
    if (size + sizeof tail > RF_NAME_SIZE) {
        refuse(reader, "index_name");
        return;
    }
    memcpy(config->index_name, config->base, size);
    memcpy(config->index_name + size, tail, sizeof tail);
}

/* What positions, orders and marks of an instrument are counted in stays as it was listed. */
static void keep_identity(config_reader *reader, const rf_instrument_config *a,
                          const rf_instrument_config *b)
{
    const char *changed = NULL;
    if (a->price_decimals != b->price_decimals || a->price_tick != b->price_tick)
        changed = "price_tick_size";
    else if (a->qty_decimals != b->qty_decimals || a->qty_tick != b->qty_tick)
        changed = "qty_tick_size";
    else if (strcmp(a->base, b->base) != 0)
        changed = "base_ccy";
    else if (strcmp(a->index_name, b->index_name) != 0)
        changed = "index_name";
    if (changed)
        rf_args_refuse(reader->args, RF_ERR_INVALID_REQUEST, changed);
}

void rf_decode_config(rf_call *call, rf_config_set set, rf_instrument_config *config)
{
    config_reader reader = {.args = &call->args};
    const rf_instrument_config before = *config;
    if (set == RF_CONFIG_CHANGED)
        reader.shift = RF_P_CHANGED_INSTRUMENT_first - RF_P_NEW_INSTRUMENT_first;
    else
        set_defaults(config);
    read_name(&reader, ROW(&reader, instrument_name), config->name);
    read_name(&reader, ROW(&reader, base_ccy), config->base);
    read_tick(&reader, ROW(&reader, price_tick_size), &config->price_decimals, &config->price_tick);
    read_tick(&reader, ROW(&reader, qty_tick_size), &config->qty_decimals, &config->qty_tick);
    if (config->price_decimals + config->qty_decimals > 8)
        refuse(&reader, "price_tick_size");
    if (set == RF_CONFIG_NEW)
        config->min_order_qty = config->qty_tick;
    read_leverage(&reader, ROW(&reader, max_leverage), &config->max_leverage);
    config->unit_margin_rate_e18 = rf_arg_within(reader.args, ROW(&reader, unit_margin_rate), 18,
                                                 config->unit_margin_rate_e18, 0, INT64_MAX);
    read_tiers(&reader, config);
    read_fees(&reader, config);
    read_rate(&reader, ROW(&reader, price_band), &config->price_band, 1, RATE_ONE);
    read_rate(&reader, ROW(&reader, far_price_band), &config->far_price_band, 0, 100 * RATE_ONE);
    read_rate(&reader, ROW(&reader, funding_cap_rate), &config->funding_cap_rate, 0, RATE_ONE);
    read_limits(&reader, config);
    read_modes(&reader, config);
    read_name(&reader, ROW(&reader, index_name), config->index_name);
    name_index(&reader, config);
    if (set == RF_CONFIG_CHANGED)
        keep_identity(&reader, &before, config);
}
