/* The OpenAPI pair. Its form is what cdcx understands: `tags` from its own list, `summary` = the name
 * of the method, `parameters` of a GET in place, those of a POST as the object `params` of a request
 * that a $ref finds in the second file. Texts are quoted as in JSON, which YAML understands too. */
#include "api/describe.h"

#include <stdarg.h>
#include <string.h>

#include "api/put.h"

static const rf_entry entries[] = {
#define RF_CHAPTER(title, tag) {title, tag, NULL},
#define RF_METHOD(id, name, door, flags, params, handler, doc) {NULL, NULL, &rf_methods[RF_M_##id]},
#include "api/methods.def"
#undef RF_METHOD
};

static const char *const set_names[RF_SET_COUNT] = {
#define RF_PARAMS(set) #set,
#define RF_PARAM(set, name, type, need, bad, values, aliases, doc)
#include "api/params.def"
#undef RF_PARAMS
#undef RF_PARAM
};

const rf_entry *rf_entries(unsigned *count)
{
    *count = sizeof entries / sizeof *entries;
    return entries;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Texts up to a NULL, behind two blanks for each step of depth. */
static void line(rf_bytes *out, unsigned depth, ...)
{
    va_list texts;
    const char *text;
    for (unsigned i = 0; i < depth; i++)
        rf_bytes_text(out, "  ");
    va_start(texts, depth);
    while ((text = va_arg(texts, const char *)) != NULL)
        rf_bytes_text(out, text);
    va_end(texts);
    rf_bytes_char(out, '\n');
}

#define LINE(out, ...) line(out, __VA_ARGS__, (const char *)NULL)

static void quoted_line(rf_bytes *out, unsigned depth, const char *key, const char *text)
{
    for (unsigned i = 0; i < depth; i++)
        rf_bytes_text(out, "  ");
    rf_bytes_text(out, key);
    rf_bytes_text(out, ": \"");
    rf_put_escaped(out, text, strlen(text));
    rf_bytes_text(out, "\"\n");
}

static void head(rf_bytes *out, const char *what)
{
    LINE(out, 0, "openapi: 3.0.3");
    LINE(out, 0, "info:");
    LINE(out, 1, "title: Ringfence");
    LINE(out, 1, "version: v1");
    quoted_line(out, 1, "description", what);
}

/* ---- Types ----------------------------------------------------------------------------------- */

static const char *yaml_type(rf_param_type type)
{
    switch (type) {
    case RF_TYPE_TEXT:
    case RF_TYPE_NAME:
    case RF_TYPE_ID:
    case RF_TYPE_DECIMAL:
    case RF_TYPE_ENUM:
        return "string";
    case RF_TYPE_INT:
    case RF_TYPE_LEVERAGE:
    case RF_TYPE_TIME:
        return "integer";
    case RF_TYPE_BOOL:
        return "boolean";
    case RF_TYPE_ENUMS:
    case RF_TYPE_OBJECTS:
    case RF_TYPE_TEXTS:
        return "array";
    }
    return "string";
}

static void put_values(rf_bytes *out, unsigned depth, const char *values)
{
    LINE(out, depth, "enum:");
    while (*values) {
        size_t size = strcspn(values, "|");
        for (unsigned i = 0; i < depth; i++)
            rf_bytes_text(out, "  ");
        rf_bytes_text(out, "  - \"");
        rf_bytes_add(out, values, size);
        rf_bytes_text(out, "\"\n");
        values += size + (values[size] == '|');
    }
}

static void put_type(rf_bytes *out, unsigned depth, const rf_param *param)
{
    LINE(out, depth, "type: ", yaml_type(param->type));
    if (param->type == RF_TYPE_DECIMAL)
        LINE(out, depth, "format: decimal");
    if (param->type == RF_TYPE_TIME)
        LINE(out, depth, "format: int64");
    if (param->type == RF_TYPE_ENUM)
        put_values(out, depth, param->values);
    if (strcmp(yaml_type(param->type), "array") != 0)
        return;
    LINE(out, depth, "items:");
    LINE(out, depth + 1, "type: ", param->type == RF_TYPE_OBJECTS ? "object" : "string");
    if (param->type == RF_TYPE_ENUMS)
        put_values(out, depth + 1, param->values);
}

/* ---- The paths ------------------------------------------------------------------------------- */

static bool is_published(const rf_method *method)
{
    return method->door != RF_DOOR_OPERATOR && !(method->flags & RF_METHOD_CONNECTION);
}

static void put_query(rf_bytes *out, const rf_method *method)
{
    unsigned count;
    const rf_param *rows = &rf_params[rf_params_of(method->params, &count)];
    if (count > 0)
        LINE(out, 3, "parameters:");
    for (unsigned i = 0; i < count; i++) {
        LINE(out, 4, "- name: ", rows[i].name);
        LINE(out, 5, "in: query");
        LINE(out, 5, "required: ", rows[i].required ? "true" : "false");
        quoted_line(out, 5, "description", rows[i].doc);
        LINE(out, 5, "schema:");
        put_type(out, 6, &rows[i]);
    }
}

/* A component's name may hold no slash. */
static void put_component(rf_bytes *out, const char *prefix, const char *name)
{
    rf_bytes_text(out, prefix);
    for (; *name; name++)
        rf_bytes_char(out, *name == '/' ? '.' : *name);
}

static void put_reference(rf_bytes *out, unsigned depth, const char *prefix, const char *name)
{
    for (unsigned i = 0; i < depth; i++)
        rf_bytes_text(out, "  ");
    rf_bytes_text(out, "$ref: \"" RF_SCHEMA_FILE "#/components/schemas/");
    put_component(out, prefix, name);
    rf_bytes_text(out, "\"\n");
}

static void put_body(rf_bytes *out, const rf_method *method)
{
    LINE(out, 3, "requestBody:");
    LINE(out, 4, "required: true");
    LINE(out, 4, "content:");
    LINE(out, 5, "application/json:");
    LINE(out, 6, "schema:");
    put_reference(out, 7, "", method->name);
}

/* An extension of ours: readers pass over what begins with x-. */
static void put_quota(rf_bytes *out, const rf_method *method)
{
    rf_quota quota = rf_method_quota(method);
    rf_bytes_text(out, "      x-rate-limit: \"");
    rf_describe_quota(out, quota);
    rf_bytes_text(out, method->door == RF_DOOR_PUBLIC ? ", each address\"\n" : ", each key\"\n");
}

void rf_describe_quota(rf_bytes *out, rf_quota quota)
{
    rf_bytes_int(out, quota.calls);
    rf_bytes_text(out, " in ");
    rf_bytes_int(out, quota.period_ms);
    rf_bytes_text(out, " ms");
}

static void put_path(rf_bytes *out, const rf_method *method, const char *tag)
{
    bool is_public = method->door == RF_DOOR_PUBLIC;
    LINE(out, 1, "/", method->name, ":");
    LINE(out, 2, is_public ? "get:" : "post:");
    LINE(out, 3, "tags:");
    LINE(out, 4, "- ", tag);
    LINE(out, 3, "summary: ", method->name);
    quoted_line(out, 3, "description", method->doc);
    put_quota(out, method);
    if (is_public)
        put_query(out, method);
    else
        put_body(out, method);
    LINE(out, 3, "responses:");
    LINE(out, 4, "\"200\":");
    LINE(out, 5, "description: accepted when code is 0");
    LINE(out, 5, "content:");
    LINE(out, 6, "application/json:");
    LINE(out, 7, "schema:");
    if (rf_describe_has_result(method))
        put_reference(out, 8, "answer.", method->name);
    else
        put_reference(out, 8, "answer", "");
}

void rf_describe_openapi(rf_bytes *out)
{
    const char *tag = "";
    head(out, "The methods that plain HTTP serves.");
    LINE(out, 0, "servers:");
    LINE(out, 1, "- url: ../exchange/v1");
    LINE(out, 0, "paths:");
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        if (entries[i].tag)
            tag = entries[i].tag;
        else if (is_published(entries[i].method))
            put_path(out, entries[i].method, tag);
    }
}

/* ---- What they refer to ------------------------------------------------------------------------ */

static void put_set(rf_bytes *out, rf_param_set set)
{
    unsigned count;
    const rf_param *rows = &rf_params[rf_params_of(set, &count)];
    bool any = false;
    LINE(out, 2, "params.", set_names[set], ":");
    LINE(out, 3, "type: object");
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].required && !any)
            LINE(out, 3, "required:");
        if (rows[i].required)
            LINE(out, 4, "- ", rows[i].name);
        any |= rows[i].required;
    }
    LINE(out, 3, count > 0 ? "properties:" : "properties: {}");
    for (unsigned i = 0; i < count; i++) {
        LINE(out, 4, rows[i].name, ":");
        quoted_line(out, 5, "description", rows[i].doc);
        put_type(out, 5, &rows[i]);
    }
}

static void put_field(rf_bytes *out, const char *name, const char *type, const char *doc)
{
    LINE(out, 4, name, ":");
    LINE(out, 5, "type: ", type);
    quoted_line(out, 5, "description", doc);
}

static void put_request(rf_bytes *out, const rf_method *method)
{
    rf_bytes_text(out, "    ");
    put_component(out, "", method->name);
    rf_bytes_text(out, ":\n");
    LINE(out, 3, "type: object");
    LINE(out, 3, "required: [id, method, params, nonce, api_key, sig]");
    LINE(out, 3, "properties:");
    put_field(out, "id", "integer", "comes back in the answer");
    put_field(out, "method", "string", "the path behind /exchange/v1/");
    put_field(out, "nonce", "integer", "now, in ms");
    put_field(out, "api_key", "string", "the key");
    put_field(out, "sig", "string", "HMAC-SHA256 of method, id, api_key, parameters and nonce");
    LINE(out, 4, "params:");
    LINE(out, 5, "$ref: \"#/components/schemas/params.", set_names[method->params], "\"");
}

static void put_answer(rf_bytes *out)
{
    LINE(out, 2, "answer:");
    LINE(out, 3, "type: object");
    LINE(out, 3, "required: [id, method, code]");
    LINE(out, 3, "properties:");
    put_field(out, "id", "integer", "of the request, -1 if it had none");
    put_field(out, "method", "string", "of the request");
    put_field(out, "code", "integer", "0, or why it was refused");
    put_field(out, "message", "string", "the name of the code");
    LINE(out, 4, "result:"); /* an object or an array */
    quoted_line(out, 5, "description", "of an accepted request");
    put_field(out, "error_data", "object",
              "of a refusal: param, client_oid, required_margin, did_you_mean");
}

static void put_answer_of(rf_bytes *out, const rf_method *method)
{
    rf_bytes_text(out, "    ");
    put_component(out, "answer.", method->name);
    rf_bytes_text(out, ":\n");
    LINE(out, 3, "type: object");
    LINE(out, 3, "allOf:");
    LINE(out, 4, "- $ref: \"#/components/schemas/answer\"");
    LINE(out, 3, "properties:");
    LINE(out, 4, "result:");
    rf_describe_result(out, 5, method);
}

static bool is_used(rf_param_set set)
{
    for (unsigned i = 0; i < RF_M_COUNT; i++)
        if (rf_methods[i].params == set && rf_methods[i].door == RF_DOOR_PRIVATE &&
            is_published(&rf_methods[i]))
            return true;
    return false;
}

void rf_describe_schema(rf_bytes *out)
{
    head(out, "The parameters of the methods, and the answer.");
    LINE(out, 0, "paths: {}");
    LINE(out, 0, "components:");
    LINE(out, 1, "schemas:");
    put_answer(out);
    for (unsigned i = 0; i < RF_M_COUNT; i++)
        if (is_published(&rf_methods[i]) && rf_describe_has_result(&rf_methods[i]))
            put_answer_of(out, &rf_methods[i]);
    for (unsigned i = 0; i < RF_M_COUNT; i++)
        if (rf_methods[i].door == RF_DOOR_PRIVATE && is_published(&rf_methods[i]))
            put_request(out, &rf_methods[i]);
    for (rf_param_set set = 0; set < RF_SET_COUNT; set++)
        if (is_used(set))
            put_set(out, set);
}
