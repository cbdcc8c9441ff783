/* The venue as an operator would set it up: by calls, each of which is left out when a data directory
 * from before has it already. */
#include <stdio.h>
#include <string.h>

#include "server/sandbox_state.h"
#include "server/vault.h"

#define KEY_LABEL "sandbox"
#define USD(n) ((n)*RF_E8)

/* Everything that venues agree on but the tiers; a mark that nobody feeds is stale after ten seconds. */
#define COMMON                                                                                   \
    "\"maker_fee_rate\":\"0.0001\",\"taker_fee_rate\":\"0.0004\",\"price_band\":\"0.05\","       \
    "\"far_price_band\":\"0.5\",\"mark_stale_ms\":10000,\"min_notional\":\"1\",\"fund_unwind\":" \
    "\"ON\""

const sandbox_listing sandbox_listings[SANDBOX_INSTRUMENTS] = {
    {.instrument = "BTCUSD-PERP",
     .base = "BTC",
     .index = "BTCUSD-INDEX",
     .price_e8 = USD(60000),
     .sigma = 100000,
     .price_decimals = 1,
     .qty_decimals = 4,
     .max_leverage = 100,
     .unit_notional_e8 = USD(2000),
     .config = COMMON
     ",\"max_order_quantity\":\"200\",\"tiers\":["
     "{\"notional_floor\":\"0\",\"maintenance_rate\":\"0.004\",\"max_leverage\":\"100\"},"
     "{\"notional_floor\":\"250000\",\"maintenance_rate\":\"0.005\",\"max_leverage\":\"75\"},"
     "{\"notional_floor\":\"1000000\",\"maintenance_rate\":\"0.01\",\"max_leverage\":\"50\"},"
     "{\"notional_floor\":\"10000000\",\"maintenance_rate\":\"0.025\",\"max_leverage\":\"20\"},"
     "{\"notional_floor\":\"50000000\",\"maintenance_rate\":\"0.05\",\"max_leverage\":\"10\"}]"},
    {.instrument = "ETHUSD-PERP",
     .base = "ETH",
     .index = "ETHUSD-INDEX",
     .price_e8 = USD(3000),
     .sigma = 130000,
     .price_decimals = 2,
     .qty_decimals = 3,
     .max_leverage = 50,
     .unit_notional_e8 = USD(1500),
     .config = COMMON
     ",\"max_order_quantity\":\"4000\",\"tiers\":["
     "{\"notional_floor\":\"0\",\"maintenance_rate\":\"0.008\",\"max_leverage\":\"50\"},"
     "{\"notional_floor\":\"500000\",\"maintenance_rate\":\"0.0125\",\"max_leverage\":\"40\"},"
     "{\"notional_floor\":\"5000000\",\"maintenance_rate\":\"0.025\",\"max_leverage\":\"20\"},"
     "{\"notional_floor\":\"25000000\",\"maintenance_rate\":\"0.05\",\"max_leverage\":\"10\"}]"},
    {.instrument = "SOLUSD-PERP",
     .base = "SOL",
     .index = "SOLUSD-INDEX",
     .price_e8 = USD(150),
     .sigma = 220000,
     .price_decimals = 3,
     .qty_decimals = 2,
     .max_leverage = 25,
     .unit_notional_e8 = USD(600),
     .config = COMMON
     ",\"max_order_quantity\":\"20000\",\"fund_position_cap\":\"5000\",\"tiers\":["
     "{\"notional_floor\":\"0\",\"maintenance_rate\":\"0.02\",\"max_leverage\":\"25\"},"
     "{\"notional_floor\":\"50000\",\"maintenance_rate\":\"0.025\",\"max_leverage\":\"20\"},"
     "{\"notional_floor\":\"250000\",\"maintenance_rate\":\"0.05\",\"max_leverage\":\"10\"},"
     "{\"notional_floor\":\"1000000\",\"maintenance_rate\":\"0.125\",\"max_leverage\":\"4\"},"
     "{\"notional_floor\":\"3000000\",\"maintenance_rate\":\"0.25\",\"max_leverage\":\"2\"}]"},
};

static const struct {
    const char *name, *params;
} currencies[] = {
    {"USDC", "\"kind\":\"USD_STABLE\",\"factor\":\"1\""},
    {"USDT", "\"kind\":\"USD_STABLE\",\"factor\":\"1\""},
    {"BTC", "\"kind\":\"COLLATERAL\",\"haircut\":\"0.1\""},
    {"ETH", "\"kind\":\"COLLATERAL\",\"haircut\":\"0.15\""},
};

static const struct {
    const char *account;
    int usd;
} people[SANDBOX_PEOPLE] = {
    [SANDBOX_TRADER] = {"trader", 100000},
    [SANDBOX_TRADER2] = {"trader2", 50000},
    [SANDBOX_MAKER] = {"maker", 50000000},
    [SANDBOX_TAKER] = {"taker", 10000000},
};

enum {
    FUND_USD = 250000,
    CROWD_USD = 50000,
    PASSWORD_LETTERS = 16,
};

static bool must(rf_sandbox *sandbox, const char *what, const char *whom, rf_error code)
{
    if (code == RF_ERR_OK)
        return true;
    snprintf(sandbox->error, 512, "sandbox: %s of %s was answered %d %s", what, whom, (int)code,
             rf_error_name(code));
    return false;
}

static bool list_currencies(rf_sandbox *sandbox)
{
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++) {
        const char *name = currencies[i].name;
        if (rf_find_currency(sandbox->options.world->engine, name) < 0 &&
            !must(sandbox, "the listing", name,
                  sandbox_operate(sandbox, "operator/create-currency", "{\"currency\":\"%s\",%s}",
                                  name, currencies[i].params)))
            return false;
    }
    return true;
}

static bool list_instrument(rf_sandbox *sandbox, const sandbox_market *market)
{
    const sandbox_listing *listing = market->listing;
    if (rf_find_instrument(sandbox->options.world->engine, listing->instrument) >= 0)
        return true;
    rf_error code = sandbox_operate(
        sandbox, "operator/create-instrument",
        "{\"instrument_name\":\"%s\",\"base_ccy\":\"%s\",\"quote_ccy\":\"USD\","
        "\"price_tick_size\":\"%s\",\"qty_tick_size\":\"%s\",\"max_leverage\":%u,"
        "\"index_name\":\"%s\",%s}",
        listing->instrument, listing->base, sandbox_decimal(1, listing->price_decimals).bytes,
        sandbox_decimal(1, listing->qty_decimals).bytes, listing->max_leverage, listing->index,
        listing->config);
    return must(sandbox, "the listing", listing->instrument, code);
}

static bool open_account(rf_sandbox *sandbox, const char *label, int usd, uint32_t *number)
{
    const rf_engine *engine = sandbox->options.world->engine;
    if (rf_find_account(engine, label) < 0 &&
        (!must(
             sandbox, "the account", label,
             sandbox_operate(sandbox, "operator/create-account", "{\"account\":\"%s\"}", label)) ||
         !must(sandbox, "the deposit", label,
               sandbox_operate(sandbox, "operator/deposit",
                               "{\"account\":\"%s\",\"currency\":\"USD\",\"amount\":\"%d\"}", label,
                               usd))))
        return false;
    *number = (uint32_t)rf_find_account(engine, label);
    return true;
}

/* Only the hash of a password and the seal of a secret are kept, so those of an earlier run are no use:
 * new ones take their place. */
static void revoke_old_keys(rf_sandbox *sandbox)
{
    const rf_registry *registry = sandbox->options.world->registry;
    uint32_t count = rf_registry_keys_count(registry);
    for (uint32_t i = 0; i < count; i++) {
        const rf_api_key *key = rf_registry_key_at(registry, i);
        if (!key->revoked && strcmp(key->label, KEY_LABEL) == 0)
            sandbox_operate(sandbox, "operator/revoke-api-key", "{\"api_key\":\"%s\"}", key->key);
    }
}

static rf_error set_password(rf_sandbox *sandbox, const sandbox_person *person)
{
    if (rf_registry_user(sandbox->options.world->registry, person->account))
        return sandbox_operate(sandbox, "operator/set-password",
                               "{\"name\":\"%s\",\"password\":\"%s\"}", person->account,
                               person->password);
    return sandbox_operate(sandbox, "operator/create-user",
                           "{\"name\":\"%s\",\"account\":\"%s\",\"password\":\"%s\"}",
                           person->account, person->account, person->password);
}

static bool give_keys(rf_sandbox *sandbox, sandbox_person *person)
{
    rf_random_text(person->password, PASSWORD_LETTERS);
    if (!must(sandbox, "the API key", person->account,
              sandbox_operate(sandbox, "operator/create-api-key",
                              "{\"account\":\"%s\",\"scopes\":[\"read\",\"trade\",\"withdraw\"],"
                              "\"ip_list\":[\"127.0.0.1\",\"::1\"],"
                              "\"label\":\"" KEY_LABEL "\"}",
                              person->account)))
        return false;
    snprintf(person->api_key, sizeof person->api_key, "%s", sandbox_result(sandbox, "api_key"));
    snprintf(person->secret, sizeof person->secret, "%s", sandbox_result(sandbox, "secret"));
    return must(sandbox, "the password", person->account, set_password(sandbox, person));
}

/* Whoever quoted before a restart does not know its orders any more. */
static bool open_person(rf_sandbox *sandbox, unsigned role)
{
    sandbox_person *person = &sandbox->people[role];
    snprintf(person->account, sizeof person->account, "%s", people[role].account);
    if (!open_account(sandbox, person->account, people[role].usd, &person->number) ||
        !give_keys(sandbox, person))
        return false;
    if (role == SANDBOX_MAKER)
        sandbox_trade(sandbox, person->number, "private/cancel-all-orders", "{}");
    return true;
}

static bool open_crowd(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_CROWD; i++) {
        sandbox_gambler *gambler = &sandbox->crowd[i];
        snprintf(gambler->label, sizeof gambler->label, "crowd-%02u", i + 1);
        if (!open_account(sandbox, gambler->label, CROWD_USD, &gambler->account))
            return false;
    }
    return true;
}

static bool fund(rf_sandbox *sandbox)
{
    rf_house_view house;
    rf_view_house(sandbox->options.world->engine, &house);
    return house.insurance[0] != 0 ||
           must(sandbox, "the insurance fund", "USD",
                sandbox_operate(sandbox, "operator/fund-insurance",
                                "{\"currency\":\"USD\",\"amount\":\"%d\"}", FUND_USD));
}

bool sandbox_set_up(rf_sandbox *sandbox)
{
    if (!list_currencies(sandbox))
        return false;
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++)
        if (!list_instrument(sandbox, &sandbox->markets[i]))
            return false;
    if (!fund(sandbox))
        return false;
    revoke_old_keys(sandbox);
    for (unsigned i = 0; i < SANDBOX_PEOPLE; i++)
        if (!open_person(sandbox, i))
            return false;
    return open_crowd(sandbox);
}
