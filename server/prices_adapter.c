#include "server/prices_adapter.h"

#include <string.h>

#include "base/decimal.h"

static bool is_scalar(const rf_json_token *token)
{
    return token->kind == RF_JSON_STRING || token->kind == RF_JSON_NUMBER;
}

static const char *read_price(const rf_json *json, uint32_t token, int64_t *price_e8)
{
    if (token == 0 || !is_scalar(&json->tokens[token]) || json->tokens[token].text_size == 0)
        return "the answer has no price";
    const char *text = rf_json_text(json, token);
    if (rf_decimal_parse(text, json->tokens[token].text_size, 8, price_e8) != RF_DECIMAL_OK)
        return "the price is not a plain decimal of at most 8 decimals";
    return *price_e8 > 0 ? NULL : "the price is not above 0";
}

static bool is_text(const rf_json *json, uint32_t object, const char *key, const char *text)
{
    uint32_t token = rf_json_member(json, object, key);
    return token && rf_json_is(json, token, text);
}

/* {"symbol":"BTCUSDT","price":"60000.10000000"} */
static const char *read_binance(const rf_json *json, const char *symbol, rf_price_quote *quote)
{
    if (!is_text(json, 0, "symbol", symbol))
        return "the answer is about another symbol";
    return read_price(json, rf_json_member(json, 0, "price"), &quote->price_e8);
}

/* {"code":"0","data":[{"instId":"BTC-USDT","last":"60000.1","ts":"1597026383085"}]} */
static const char *read_okx(const rf_json *json, const char *symbol, rf_price_quote *quote)
{
    uint32_t data = rf_json_member(json, 0, "data");
    uint32_t row = data ? rf_json_element(json, data, 0) : 0;
    uint64_t time_ms;
    if (!is_text(json, 0, "code", "0"))
        return "the answer's code is not 0";
    if (row == 0)
        return "the answer has no data";
    if (!is_text(json, row, "instId", symbol))
        return "the answer is about another symbol";
    uint32_t time = rf_json_member(json, row, "ts");
    if (!time || !is_scalar(&json->tokens[time]) ||
        !rf_decimal_parse_id(rf_json_text(json, time), json->tokens[time].text_size, &time_ms) ||
        time_ms > INT64_MAX)
        return "the answer has no time";
    quote->time_ms = (int64_t)time_ms;
    return read_price(json, rf_json_member(json, row, "last"), &quote->price_e8);
}

static bool read_digits(const char **at, unsigned count, int64_t *value)
{
    *value = 0;
    for (; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* "2026-11-25T02:15:20.129Z": to the second, which is fine enough for an age. */
static bool read_date(const char *text, int64_t *time_ms)
{
    static const struct {
        unsigned digits;
        char end;
        int64_t least, most;
    } parts[] = {{4, '-', 1970, 9999}, {2, '-', 1, 12}, {2, 'T', 1, 31},
                 {2, ':', 0, 23},      {2, ':', 0, 59}, {2, '\0', 0, 60}};
    int64_t values[6];
    for (unsigned i = 0; i < 6; i++) {
        if (!read_digits(&text, parts[i].digits, &values[i]) || values[i] < parts[i].least ||
            values[i] > parts[i].most)
            return false;
        if (parts[i].end && *text++ != parts[i].end)
            return false;
    }
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (strcmp(text, "Z") != 0)
        return false;
    int64_t seconds = days_of(values[0], values[1], values[2]) * 86400 + values[3] * 3600 +
                      values[4] * 60 + values[5];
    *time_ms = seconds * 1000;
    return true;
}

/* {"price":"60000.10","time":"2026-11-25T02:15:20.129Z",...} */
static const char *read_coinbase(const rf_json *json, const char *symbol, rf_price_quote *quote)
{
    (void)symbol;
    uint32_t time = rf_json_member(json, 0, "time");
    if (!time || json->tokens[time].kind != RF_JSON_STRING ||
        !read_date(rf_json_text(json, time), &quote->time_ms))
        return "the answer has no time";
    return read_price(json, rf_json_member(json, 0, "price"), &quote->price_e8);
}

/* "EQuery:Unknown asset pair" is an error, "W..." a warning beside an answer. */
static bool has_errors(const rf_json *json, uint32_t list)
{
    for (uint32_t i = 0; i < json->tokens[list].count; i++) {
        uint32_t one = rf_json_element(json, list, i);
        if (json->tokens[one].kind != RF_JSON_STRING || rf_json_text(json, one)[0] != 'W')
            return true;
    }
    return false;
}

/* {"error":[],"result":{"XXBTZUSD":{"c":["60000.10000","0.01"],...}}}: the pair has another name in the
 * answer than in the question, so there must be exactly one. */
static const char *read_kraken(const rf_json *json, const char *symbol, rf_price_quote *quote)
{
    (void)symbol;
    uint32_t error = rf_json_member(json, 0, "error"), result = rf_json_member(json, 0, "result");
    if (!error || json->tokens[error].kind != RF_JSON_ARRAY || has_errors(json, error))
        return "the answer is an error";
    if (!result || json->tokens[result].kind != RF_JSON_OBJECT || json->tokens[result].count != 1)
        return "the answer is not about one pair";
    uint32_t close = rf_json_member(json, result + 1, "c");
    return read_price(json, close ? rf_json_element(json, close, 0) : 0, &quote->price_e8);
}

static const rf_price_adapter adapters[] = {
    {"binance", "https://api.binance.com", "/api/v3/ticker/price?symbol=", "", read_binance},
    {"okx", "https://www.okx.com", "/api/v5/market/ticker?instId=", "", read_okx},
    {"coinbase", "https://api.exchange.coinbase.com", "/products/", "/ticker", read_coinbase},
    {"kraken", "https://api.kraken.com", "/0/public/Ticker?pair=", "", read_kraken},
};

/* {"code":-1121,"msg":"Invalid symbol."}, {"code":"51001","msg":"...","data":[]},
 * {"message":"NotFound"}, {"error":["EQuery:Unknown asset pair"]} */
const char *rf_price_adapter_words(const rf_json *json)
{
    static const char *const keys[] = {"msg", "message", "error"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint32_t found = rf_json_member(json, 0, keys[i]);
        if (found && json->tokens[found].kind == RF_JSON_ARRAY)
            found = rf_json_element(json, found, 0);
        if (found && json->tokens[found].kind == RF_JSON_STRING && json->tokens[found].text_size)
            return rf_json_text(json, found);
    }
    return NULL;
}

const rf_price_adapter *rf_price_adapter_find(const char *name)
{
    for (size_t i = 0; i < sizeof adapters / sizeof *adapters; i++)
        if (strcmp(adapters[i].name, name) == 0)
            return &adapters[i];
    return NULL;
}
