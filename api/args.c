#include "api/args.h"

#include <string.h>

#include "base/check.h"
#include "base/decimal.h"

bool rf_args_refuse(rf_args *args, rf_error code, const char *param)
{
    if (args->problem == RF_ERR_OK || rf_error_row(code) < rf_error_row(args->problem)) {
        args->problem = code;
        args->problem_param = param;
    }
    return false;
}

static bool is_scalar_text(const rf_json_token *token)
{
    return token->kind == RF_JSON_STRING || token->kind == RF_JSON_NUMBER;
}

static bool is_id(const rf_json *json, uint32_t token)
{
    uint64_t id;
    return is_scalar_text(&json->tokens[token]) &&
           rf_decimal_parse_id(rf_json_text(json, token), json->tokens[token].text_size, &id);
}

static bool parse_scaled(const rf_json *json, uint32_t token, unsigned decimals, int64_t *value)
{
    return is_scalar_text(&json->tokens[token]) &&
           rf_decimal_parse(rf_json_text(json, token), json->tokens[token].text_size, decimals,
                            value) == RF_DECIMAL_OK;
}

static bool is_bool(const rf_json *json, uint32_t token)
{
    return json->tokens[token].kind == RF_JSON_BOOL || rf_json_is(json, token, "true") ||
           rf_json_is(json, token, "false");
}

/* Names go into fixed fields and into lines of text: printable ASCII without blanks or quotes. */
static bool is_name(const rf_json *json, uint32_t token)
{
    const rf_json_token *row = &json->tokens[token];
    if (row->kind != RF_JSON_STRING || row->text_size == 0 || row->text_size >= RF_NAME_SIZE)
        return false;
    for (const char *c = rf_json_text(json, token); *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    return true;
}

static bool is_choice(const rf_json *json, uint32_t token, const char *values)
{
    return json->tokens[token].kind == RF_JSON_STRING &&
           rf_choice(values, rf_json_text(json, token)) >= 0;
}

static bool are_choices(const rf_json *json, uint32_t token, const char *values)
{
    if (json->tokens[token].kind != RF_JSON_ARRAY)
        return is_choice(json, token, values);
    for (uint32_t i = 0; i < json->tokens[token].count; i++)
        if (!is_choice(json, rf_json_element(json, token, i), values))
            return false;
    return true;
}

static bool are_of_kind(const rf_json *json, uint32_t token, rf_json_kind kind)
{
    if (json->tokens[token].kind != RF_JSON_ARRAY || json->tokens[token].count == 0)
        return false;
    for (uint32_t i = 0; i < json->tokens[token].count; i++)
        if (json->tokens[rf_json_element(json, token, i)].kind != (uint8_t)kind)
            return false;
    return true;
}

static bool is_of_type(const rf_json *json, uint32_t token, const rf_param *param)
{
    int64_t ignored;
    switch (param->type) {
    case RF_TYPE_TEXT:
        return json->tokens[token].kind == RF_JSON_STRING;
    case RF_TYPE_NAME:
        return is_name(json, token);
    case RF_TYPE_ID:
        return is_id(json, token);
    case RF_TYPE_INT:
    case RF_TYPE_TIME:
        return parse_scaled(json, token, 0, &ignored);
    case RF_TYPE_DECIMAL:
        return is_scalar_text(&json->tokens[token]);
    case RF_TYPE_LEVERAGE:
        return true; /* rf_arg_leverage says how wrong it is: the engine answers in its own place */
    case RF_TYPE_BOOL:
        return is_bool(json, token);
    case RF_TYPE_ENUM:
        return is_choice(json, token, param->values);
    case RF_TYPE_ENUMS:
        return are_choices(json, token, param->values);
    case RF_TYPE_OBJECTS:
        return are_of_kind(json, token, RF_JSON_OBJECT);
    case RF_TYPE_TEXTS:
        return json->tokens[token].kind == RF_JSON_ARRAY && json->tokens[token].count > 0;
    }
    return false;
}

static int find_param(const rf_args *args, const char *key)
{
    for (unsigned i = 0; i < args->count; i++)
        if (strcmp(rf_params[(unsigned)args->first + i].name, key) == 0)
            return (int)i;
    for (unsigned i = 0; i < args->count; i++)
        if (rf_choice(rf_params[(unsigned)args->first + i].aliases, key) >= 0)
            return (int)i;
    return -1;
}

/* The proper name wins over an alias when both are there. */
static void bind_member(rf_args *args, uint32_t token, bool strict)
{
    const char *key = rf_json_key(args->json, token);
    int position = find_param(args, key);
    if (position < 0) {
        if (strict)
            rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, key);
        return;
    }
    bool proper = strcmp(rf_params[(unsigned)args->first + (unsigned)position].name, key) == 0;
    if (args->json->tokens[token].kind != RF_JSON_NULL && (proper || args->tokens[position] == 0))
        args->tokens[position] = token;
}

void rf_args_bind(rf_args *args, const rf_json *json, uint32_t object, rf_param_set set,
                  bool strict)
{
    args->json = json;
    args->problem = RF_ERR_OK;
    args->problem_param = NULL;
    args->malformed = 0;
    args->first = rf_params_of(set, &args->count);
    RF_CHECK(args->count <= RF_ARGS_MAX);
    memset(args->tokens, 0, sizeof args->tokens);
    if (object) {
        uint32_t at = object + 1;
        for (uint32_t i = 0; i < json->tokens[object].count; i++, at = json->tokens[at].next)
            bind_member(args, at, strict);
    }
    for (unsigned i = 0; i < args->count; i++) {
        const rf_param *param = &rf_params[(unsigned)args->first + i];
        if (args->tokens[i] == 0) {
            if (param->required)
                rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, param->name);
        } else if (!is_of_type(json, args->tokens[i], param)) {
            rf_args_refuse(args, param->bad, param->name);
            args->tokens[i] = 0;
            args->malformed |= (uint64_t)1 << i;
        }
    }
}

const char *rf_arg_text(const rf_args *args, unsigned param, const char *absent)
{
    uint32_t token = rf_arg(args, param);
    return token ? rf_json_text(args->json, token) : absent;
}

int rf_arg_choice(const rf_args *args, unsigned param, int absent)
{
    uint32_t token = rf_arg(args, param);
    return token ? rf_choice(rf_params[param].values, rf_json_text(args->json, token)) : absent;
}

bool rf_arg_bool(const rf_args *args, unsigned param, bool absent)
{
    uint32_t token = rf_arg(args, param);
    if (!token)
        return absent;
    return args->json->tokens[token].kind == RF_JSON_BOOL ? args->json->tokens[token].truth
                                                          : rf_json_is(args->json, token, "true");
}

uint64_t rf_arg_id(const rf_args *args, unsigned param, uint64_t absent)
{
    uint32_t token = rf_arg(args, param);
    uint64_t id = absent;
    if (token)
        rf_decimal_parse_id(rf_json_text(args->json, token), args->json->tokens[token].text_size,
                            &id);
    return id;
}

int64_t rf_arg_int(rf_args *args, unsigned param, int64_t absent, int64_t low, int64_t high)
{
    return rf_arg_within(args, param, 0, absent, low, high);
}

/* Clients send seconds, milli-, micro- or nanoseconds; the size tells which. */
int64_t rf_arg_time_ns(const rf_args *args, unsigned param, int64_t absent)
{
    uint32_t token = rf_arg(args, param);
    int64_t value;
    if (!token || !parse_scaled(args->json, token, 0, &value))
        return absent;
    static const struct {
        int64_t below, factor;
    } units[] = {
        {100000000000, 1000000000}, {100000000000000, 1000000}, {100000000000000000, 1000}};
    for (unsigned i = 0; i < 3; i++)
        if (value < units[i].below)
            return value < 0 ? 0 : value * units[i].factor;
    return value;
}

int64_t rf_arg_decimal(rf_args *args, unsigned param, unsigned decimals, int64_t absent)
{
    uint32_t token = rf_arg(args, param);
    int64_t value = absent;
    if (token && !parse_scaled(args->json, token, decimals, &value))
        rf_args_refuse(args, rf_params[param].bad, rf_params[param].name);
    return value;
}

int64_t rf_arg_positive(rf_args *args, unsigned param, unsigned decimals, int64_t absent)
{
    return rf_arg_within(args, param, decimals, absent, 1, INT64_MAX);
}

int64_t rf_arg_within(rf_args *args, unsigned param, unsigned decimals, int64_t absent, int64_t low,
                      int64_t high)
{
    int64_t value = absent;
    uint32_t token = rf_arg(args, param);
    if (!token)
        return absent;
    if (!parse_scaled(args->json, token, decimals, &value) || value < low || value > high) {
        rf_args_refuse(args, rf_params[param].bad, rf_params[param].name);
        return absent;
    }
    return value;
}

uint32_t rf_arg_leverage(const rf_args *args, unsigned param)
{
    uint32_t token = rf_arg(args, param);
    int64_t value;
    if (!token)
        return 0;
    bool whole = parse_scaled(args->json, token, 0, &value);
    return whole && value >= 1 && value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}
