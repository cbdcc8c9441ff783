/* The crowd: small accounts with one isolated position each, often at the largest leverage. Who is
 * liquidated opens another one. */
#include <stdlib.h>

#include "server/sandbox_state.h"

enum {
    CLOSES = 60,        /* of so many looks at a position one closes it */
    UNITS_MAX = 12,     /* of notional */
    REFILL_USD = 25000, /* for who has lost it all */
};

/* One that was left from before a restart. */
static void find_position(rf_sandbox *sandbox, sandbox_gambler *gambler)
{
    const rf_json *json = &sandbox->json;
    sandbox_trade(sandbox, gambler->account, "private/get-positions",
                  "{\"instrument_name\":\"%s\"}",
                  sandbox->markets[gambler->market].listing->instrument);
    uint32_t data = rf_json_member(json, rf_json_member(json, 0, "result"), "data");
    uint32_t row = data ? rf_json_element(json, data, 0) : 0;
    uint32_t id = row ? rf_json_member(json, row, "isolation_id") : 0;
    gambler->isolation_id = id ? strtoull(rf_json_text(json, id), NULL, 10) : 0;
}

static void open_position(rf_sandbox *sandbox, sandbox_gambler *gambler)
{
    gambler->market = rf_sandbox_below(&sandbox->random, SANDBOX_INSTRUMENTS);
    const sandbox_market *market = &sandbox->markets[gambler->market];
    const sandbox_listing *listing = market->listing;
    int64_t units = 1 + rf_sandbox_below(&sandbox->random, UNITS_MAX);
    uint32_t leverage = listing->max_leverage >> rf_sandbox_below(&sandbox->random, 3);
    rf_error code = sandbox_trade(
        sandbox, gambler->account, "private/create-order",
        "{\"instrument_name\":\"%s\",\"side\":\"%s\",\"type\":\"MARKET\",\"quantity\":\"%s\","
        "\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"%u\"}",
        listing->instrument, rf_sandbox_below(&sandbox->random, 2) ? "BUY" : "SELL",
        sandbox_decimal(sandbox_lots(market, listing->unit_notional_e8 * units),
                        listing->qty_decimals)
            .bytes,
        leverage);
    sandbox->stats.orders++;
    if (code == RF_ERR_OK)
        gambler->isolation_id = strtoull(sandbox_result(sandbox, "isolation_id"), NULL, 10);
    else if (code == RF_ERR_DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN)
        find_position(sandbox, gambler);
    else if (code == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
        sandbox_operate(sandbox, "operator/deposit",
                        "{\"account\":\"%s\",\"currency\":\"USD\",\"amount\":\"%d\"}",
                        gambler->label, REFILL_USD);
}

/* One that is gone was liquidated, or never held a quantity. */
static void look_at_position(rf_sandbox *sandbox, sandbox_gambler *gambler)
{
    const rf_json *json = &sandbox->json;
    rf_error code =
        sandbox_trade(sandbox, gambler->account, "private/get-positions",
                      "{\"isolation_id\":\"%llu\"}", (unsigned long long)gambler->isolation_id);
    uint32_t data = rf_json_member(json, rf_json_member(json, 0, "result"), "data");
    if (code != RF_ERR_OK || data == 0 || json->tokens[data].count == 0)
        gambler->isolation_id = 0;
}

static void close_position(rf_sandbox *sandbox, sandbox_gambler *gambler)
{
    sandbox_trade(sandbox, gambler->account, "private/close-position",
                  "{\"instrument_name\":\"%s\",\"type\":\"MARKET\",\"isolation_id\":\"%llu\"}",
                  sandbox->markets[gambler->market].listing->instrument,
                  (unsigned long long)gambler->isolation_id);
    sandbox->stats.orders++;
}

void sandbox_gamble(rf_sandbox *sandbox)
{
    sandbox_gambler *gambler = &sandbox->crowd[rf_sandbox_below(&sandbox->random, SANDBOX_CROWD)];
    if (gambler->isolation_id == 0)
        open_position(sandbox, gambler);
    else if (rf_sandbox_below(&sandbox->random, CLOSES) == 0)
        close_position(sandbox, gambler);
    else
        look_at_position(sandbox, gambler);
}
