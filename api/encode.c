/* Names and numbers that all answers share. */
#include "api/handlers.h"
#include "api/put.h"
#include "base/check.h"
#include "base/types.h"

const char *rf_instrument_name(const rf_engine *engine, uint32_t instrument,
                               rf_instrument_view *view)
{
    return rf_view_instrument(engine, instrument, view) ? view->config.name : "";
}

/* A UUID made from the account's number: version 4 and variant bits as clients expect them. */
void rf_put_account(rf_bytes *out, const char *key, uint32_t account)
{
    char text[40];
    rf_bytes bytes;
    rf_bytes_init(&bytes, text, sizeof text, NULL);
    rf_bytes_text(&bytes, "00000000-0000-4000-8000-");
    rf_bytes_hex(&bytes, account, 12);
    rf_bytes_char(&bytes, 0);
    rf_put_text(out, key, text);
}

void rf_put_ms(rf_bytes *out, const char *key, int64_t time_ns)
{
    rf_put_int(out, key, time_ns / 1000000);
}

rf_wide rf_average_price(rf_wide value, int64_t qty, unsigned qty_decimals)
{
    if (qty == 0)
        return 0;
    for (unsigned i = 0; i < qty_decimals; i++)
        value *= 10;
    return value / qty;
}

rf_wide rf_ratio_up(rf_wide numerator, rf_wide denominator)
{
    RF_CHECK(denominator > 0);
    rf_wide scaled = numerator * RF_E8;
    rf_wide quotient = scaled / denominator;
    return scaled % denominator > 0 ? quotient + 1 : quotient;
}

const char *rf_side_name(unsigned side)
{
    return side == RF_BUY ? "BUY" : "SELL";
}

const char *rf_order_type_name(unsigned type)
{
    static const char *const names[] = {"LIMIT",      "MARKET",      "STOP_LOSS",
                                        "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"};
    RF_CHECK(type < sizeof names / sizeof *names);
    return names[type];
}

const char *rf_order_status_name(unsigned status)
{
    static const char *const names[] = {"ACTIVE",   "PENDING",  "FILLED",
                                        "CANCELED", "REJECTED", "EXPIRED"};
    RF_CHECK(status < sizeof names / sizeof *names);
    return names[status];
}

const char *rf_instrument_state_name(unsigned state)
{
    static const char *const names[] = {"OPEN",        "POST_ONLY", "REDUCE_ONLY",
                                        "CANCEL_ONLY", "HALTED",    "SETTLED"};
    RF_CHECK(state < sizeof names / sizeof *names);
    return names[state];
}
