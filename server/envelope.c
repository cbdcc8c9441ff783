#include "server/envelope.h"

#include <string.h>

#include "api/call.h"
#include "api/put.h"
#include "base/decimal.h"

typedef enum envelope_field {
    FIELD_METHOD,
    FIELD_API_KEY,
    FIELD_SIG,
    FIELD_ID,
    FIELD_PARAMS,
    FIELD_NONCE,
    FIELDS,
} envelope_field;

static const struct {
    const char *name;
    size_t size;
} fields[FIELDS] = {{"method", 6}, {"api_key", 7}, {"sig", 3},
                    {"id", 2},     {"params", 6},  {"nonce", 5}};

/* The root's members in one walk: every call is read so. tokens: 0 = it is not there. */
static void find_fields(const rf_json *json, uint32_t tokens[FIELDS])
{
    uint32_t token = 1;
    memset(tokens, 0, FIELDS * sizeof *tokens);
    for (uint32_t i = 0; i < json->tokens[0].count; i++, token = json->tokens[token].next)
        for (int field = 0; field < FIELDS; field++)
            if (json->tokens[token].key_size == fields[field].size &&
                memcmp(rf_json_key(json, token), fields[field].name, fields[field].size) == 0)
                tokens[field] = token;
}

static const char *read_text(const rf_json *json, uint32_t token)
{
    return token && json->tokens[token].kind == RF_JSON_STRING ? rf_json_text(json, token) : NULL;
}

/* Digits of a number or of a string; NULL when it is not there. False: it is something else. */
static bool read_digits(const rf_json *json, uint32_t token, const char **digits, int64_t *value)
{
    const rf_json_token *row = &json->tokens[token];
    uint64_t number;
    if (!token || row->kind == RF_JSON_NULL)
        return true;
    if ((row->kind != RF_JSON_NUMBER && row->kind != RF_JSON_STRING) ||
        !rf_decimal_parse_id(rf_json_text(json, token), row->text_size, &number) ||
        number > INT64_MAX)
        return false;
    *digits = rf_json_text(json, token);
    *value = (int64_t)number;
    return true;
}

static bool read_params(const rf_json *json, uint32_t token, uint32_t *params)
{
    if (!token || json->tokens[token].kind == RF_JSON_NULL)
        return true;
    if (json->tokens[token].kind != RF_JSON_OBJECT)
        return false;
    *params = token;
    return true;
}

/* Every field is read, whatever is wrong with the others. */
static void note(rf_envelope *envelope, bool good, envelope_field field)
{
    if (!good && !envelope->problem)
        envelope->problem = fields[field].name;
}

rf_error rf_envelope_read(const rf_json *json, rf_envelope *envelope)
{
    uint32_t at[FIELDS];
    int64_t ignored;
    *envelope = (rf_envelope){.id = -1};
    if (json->tokens[0].kind != RF_JSON_OBJECT) {
        envelope->words = "not an object";
        return RF_ERR_BAD_REQUEST;
    }
    find_fields(json, at);
    envelope->method = read_text(json, at[FIELD_METHOD]);
    envelope->api_key = read_text(json, at[FIELD_API_KEY]);
    envelope->sig = read_text(json, at[FIELD_SIG]);
    note(envelope, envelope->method, FIELD_METHOD);
    note(envelope, read_digits(json, at[FIELD_ID], &envelope->id_text, &envelope->id), FIELD_ID);
    note(envelope, read_params(json, at[FIELD_PARAMS], &envelope->params), FIELD_PARAMS);
    note(envelope, read_digits(json, at[FIELD_NONCE], &envelope->nonce, &ignored), FIELD_NONCE);
    if (!envelope->method)
        return RF_ERR_INVALID_REQUEST;
    return envelope->problem ? RF_ERR_MISSING_OR_INVALID_ARGUMENT : RF_ERR_OK;
}

/* ---- Query strings --------------------------------------------------------------------------- */

/* Up to one of the two ends, into a JSON string. */
static bool add_decoded(rf_bytes *text, const char **at, const char *ends)
{
    rf_bytes_char(text, '"');
    while (**at && !strchr(ends, **at)) {
        char c = *(*at)++;
        if (c == '%') {
            int high = rf_hex_digit((*at)[0]);
            int low = high < 0 ? -1 : rf_hex_digit((*at)[1]);
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            *at += 2;
        } else if (c == '+') {
            c = ' ';
        }
        rf_put_escaped(text, &c, 1);
    }
    rf_bytes_char(text, '"');
    return true;
}

bool rf_envelope_query(const char *query, rf_bytes *text)
{
    rf_bytes_char(text, '{');
    for (const char *at = query; *at;) {
        if (*at == '&') {
            at++;
            continue;
        }
        if (text->data[text->size - 1] != '{')
            rf_bytes_char(text, ',');
        if (!add_decoded(text, &at, "=&"))
            return false;
        rf_bytes_char(text, ':');
        if (*at == '=')
            at++;
        if (!add_decoded(text, &at, "&"))
            return false;
    }
    rf_bytes_char(text, '}');
    return !text->full;
}

/* ---- Refusals -------------------------------------------------------------------------------- */

void rf_envelope_refuse(rf_bytes *out, int64_t id, const char *method, const rf_refusal *refusal)
{
    const char *words = refusal->words;
    rf_error code = refusal->code;
    rf_put_open(out, NULL, '{');
    rf_put_int(out, "id", id);
    rf_put_text(out, "method", method ? method : "ERROR");
    rf_put_int(out, "code", (int64_t)code);
    /* Only to a subscription the venue answers in words. */
    bool malformed = code == RF_ERR_BAD_REQUEST && words && words[0];
    rf_put_text(out, "message", words && words[0] && !malformed ? words : rf_error_name(code));
    bool data = malformed || refusal->param || refusal->retry_after_ms > 0;
    if (data)
        rf_put_open(out, "error_data", '{');
    if (malformed)
        rf_put_text(out, "reason", words);
    if (refusal->param)
        rf_put_text(out, "param", refusal->param);
    if (refusal->retry_after_ms > 0)
        rf_put_int(out, "retry_after_ms", refusal->retry_after_ms);
    if (data)
        rf_put_close(out, '}');
    if (code == RF_ERR_METHOD_NOT_FOUND)
        rf_put_near_method(out, method);
    rf_put_close(out, '}');
}

void rf_envelope_quote(rf_bytes *out, const char *original, size_t size)
{
    rf_bytes_cut(out, out->size - 1);
    rf_bytes_text(out, ",\"original\":\"");
    rf_put_escaped(out, original, size);
    rf_bytes_text(out, "\"}");
}
