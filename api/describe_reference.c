/* The reference for people: a chapter of methods, their parameters, the channels and the codes.
 * tests/reference.mjs puts real calls and answers where a line says "example". */
#include <string.h>

#include "api/describe.h"

typedef struct code_row {
    const char *name, *when;
    rf_error code;
    int http;
} code_row;

static const code_row codes[] = {
#define RF_ERROR(name_, code_, http_, when_) \
    {.name = #name_, .when = when_, .code = RF_ERR_##name_, .http = http_},
#include "engine/errors.def"
#undef RF_ERROR
};

static const struct {
    const char *pattern, *doc;
    bool user;
} channels[] = {
#define MARKET false
#define USER true
#define RF_CHANNEL(id, pattern, door, interval, doc) {pattern, doc, door},
#include "api/channels.def"
#undef RF_CHANNEL
#undef MARKET
#undef USER
};

static void text(rf_bytes *out, const char *words)
{
    rf_bytes_text(out, words);
}

/* ---- One parameter --------------------------------------------------------------------------- */

static const char *type_words(rf_param_type type)
{
    switch (type) {
    case RF_TYPE_TEXT:
        return "text";
    case RF_TYPE_NAME:
        return "name";
    case RF_TYPE_ID:
        return "id";
    case RF_TYPE_INT:
        return "integer";
    case RF_TYPE_DECIMAL:
        return "decimal";
    case RF_TYPE_LEVERAGE:
        return "leverage";
    case RF_TYPE_BOOL:
        return "boolean";
    case RF_TYPE_ENUM:
        return "";
    case RF_TYPE_ENUMS:
        return "any of ";
    case RF_TYPE_TIME:
        return "time";
    case RF_TYPE_OBJECTS:
        return "array of objects";
    case RF_TYPE_TEXTS:
        return "array of texts";
    }
    return "";
}

/* "A|B" as `A` `B`: a bare bar would end the cell of a table. */
static void choices(rf_bytes *out, const char *values)
{
    while (*values) {
        size_t size = strcspn(values, "|");
        rf_bytes_char(out, '`');
        rf_bytes_add(out, values, size);
        rf_bytes_char(out, '`');
        values += size + (values[size] == '|');
        if (*values)
            rf_bytes_char(out, ' ');
    }
}

static void parameter(rf_bytes *out, const rf_param *row)
{
    text(out, "| `");
    text(out, row->name);
    text(out, "` | ");
    text(out, type_words(row->type));
    if (row->values[0] && row->type == RF_TYPE_DECIMAL)
        text(out, " or ");
    choices(out, row->values);
    text(out, row->required ? " | required | " : " | | ");
    text(out, row->doc);
    if (row->aliases[0]) {
        text(out, "; also spelled ");
        choices(out, row->aliases);
    }
    text(out, " | ");
    rf_bytes_int(out, (int64_t)row->bad);
    text(out, " |\n");
}

/* ---- One method ------------------------------------------------------------------------------ */

static const char *door_words(const rf_method *method)
{
    if (method->flags & RF_METHOD_CONNECTION)
        return "User WebSocket only.";
    if (method->flags & RF_METHOD_SANDBOX)
        return "Operator, under `--sandbox` only.";
    switch (method->door) {
    case RF_DOOR_PUBLIC:
        return "`GET`, not signed.";
    case RF_DOOR_PRIVATE:
        return "`POST`, signed; or on the user WebSocket.";
    case RF_DOOR_OPERATOR:
        return "Operator.";
    }
    return "";
}

static void quota(rf_bytes *out, const rf_method *method)
{
    rf_quota limit = rf_method_quota(method);
    if (limit.calls == 0)
        return;
    text(out, " Rate: ");
    rf_describe_quota(out, limit);
    text(out, ".");
}

static void method_section(rf_bytes *out, const rf_method *method)
{
    unsigned count;
    const rf_param *rows = &rf_params[rf_params_of(method->params, &count)];
    text(out, "\n### ");
    text(out, method->name);
    text(out, "\n\n");
    text(out, method->doc);
    text(out, " ");
    text(out, door_words(method));
    text(out, method->flags & RF_METHOD_CHANGE ? " Changes state." : "");
    quota(out, method);
    text(out, "\n\n");
    text(out, count > 0 ? "| parameter | type | | | if malformed |\n|---|---|---|---|---|\n"
                        : "No parameters.\n");
    for (unsigned i = 0; i < count; i++)
        parameter(out, &rows[i]);
    text(out, "\n<!-- example ");
    text(out, method->name);
    text(out, " -->\n");
}

/* ---- The rest ---------------------------------------------------------------------------------- */

static void channels_section(rf_bytes *out, bool user)
{
    text(out, user ? "\nOn `/exchange/v1/user`, after `public/auth`:\n\n"
                   : "\nOn `/exchange/v1/market`:\n\n");
    text(out, "| channel | |\n|---|---|\n");
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        if (channels[i].user != user)
            continue;
        text(out, "| `");
        text(out, channels[i].pattern);
        text(out, "` | ");
        text(out, channels[i].doc);
        text(out, " |\n");
    }
}

static void codes_section(rf_bytes *out)
{
    text(out,
         "\n## Codes\n\nWhen a call breaks several rules it is answered the first of them in this "
         "order.\n\n| code | message | HTTP | when |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        text(out, "| ");
        rf_bytes_int(out, (int64_t)codes[i].code);
        text(out, " | ");
        text(out, codes[i].name);
        text(out, " | ");
        rf_bytes_int(out, codes[i].http);
        text(out, " | ");
        text(out, codes[i].when);
        text(out, " |\n");
    }
}

void rf_describe_reference(rf_bytes *out)
{
    unsigned count;
    const rf_entry *entries = rf_entries(&count);
    for (unsigned i = 0; i < count; i++) {
        if (entries[i].method) {
            method_section(out, entries[i].method);
            continue;
        }
        text(out, "\n## ");
        text(out, entries[i].title);
        text(out, "\n");
    }
    text(out, "\n## Channels\n");
    channels_section(out, false);
    channels_section(out, true);
    codes_section(out);
}
