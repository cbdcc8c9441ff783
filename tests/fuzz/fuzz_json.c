/* JSON: what is accepted stands whole inside the memory given, and is found again by its keys. yajl - a
 * library of other authors - accepts the same texts and finds the same values. */
#include <string.h>
#include <yajl/yajl_parse.h>

#include "api/json.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

enum { TOKENS = 512, TEXT = 1 << 16 };

static void check_token(const rf_json *json, uint32_t token)
{
    const rf_json_token *row = &json->tokens[token];
    MUST(row->next > token && row->next <= json->tokens_count);
    if (row->kind == RF_JSON_STRING || row->kind == RF_JSON_NUMBER) {
        MUST(row->text + row->text_size < json->text_size);
        MUST(strlen(rf_json_text(json, token)) == row->text_size);
        MUST(rf_utf8_is_valid(rf_json_text(json, token), row->text_size));
    }
}

static void check_members(const rf_json *json, uint32_t object)
{
    uint32_t count = 0;
    for (uint32_t at = object + 1; at < json->tokens[object].next; at = json->tokens[at].next) {
        count++;
        MUST(rf_json_member(json, object, rf_json_key(json, at)) == at);
    }
    MUST(count == json->tokens[object].count);
}

/* ---- The same through yajl ------------------------------------------------------------------- */

typedef struct judge {
    const rf_json *json;
    uint32_t token; /* the next value that must be found */
    bool key;       /* the name of it has been found */
    bool surrogates;
} judge;

static const rf_json_token *next_token(judge *self, rf_json_kind kind)
{
    MUST(self->token < self->json->tokens_count);
    const rf_json_token *token = &self->json->tokens[self->token++];
    MUST(token->kind == kind);
    self->key = false;
    return token;
}

/* What half a surrogate pair becomes is not agreed on. */
static void same(const judge *self, const char *ours, size_t size, const void *theirs,
                 size_t length)
{
    MUST(self->surrogates || (size == length && memcmp(ours, theirs, size) == 0));
}

static int on_null(void *context)
{
    next_token(context, RF_JSON_NULL);
    return 1;
}

static int on_bool(void *context, int truth)
{
    MUST(next_token(context, RF_JSON_BOOL)->truth == (truth != 0));
    return 1;
}

static int on_number(void *context, const char *text, size_t size)
{
    judge *self = context;
    const rf_json_token *token = next_token(self, RF_JSON_NUMBER);
    same(self, self->json->text + token->text, token->text_size, text, size);
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t size)
{
    judge *self = context;
    const rf_json_token *token = next_token(self, RF_JSON_STRING);
    same(self, self->json->text + token->text, token->text_size, text, size);
    return 1;
}

static int on_object(void *context)
{
    next_token(context, RF_JSON_OBJECT);
    return 1;
}

static int on_array(void *context)
{
    next_token(context, RF_JSON_ARRAY);
    return 1;
}

static int on_key(void *context, const unsigned char *text, size_t size)
{
    judge *self = context;
    MUST(self->token < self->json->tokens_count && !self->key);
    const rf_json_token *token = &self->json->tokens[self->token];
    same(self, self->json->text + token->key, token->key_size, text, size);
    self->key = true;
    return 1;
}

static int on_end(void *context)
{
    (void)context;
    return 1;
}

static bool accepts(const yajl_callbacks *callbacks, void *context, const uint8_t *data,
                    size_t size)
{
    yajl_handle handle = yajl_alloc(callbacks, NULL, context);
    bool good = yajl_parse(handle, data, size) == yajl_status_ok &&
                yajl_complete_parse(handle) == yajl_status_ok;
    yajl_free(handle);
    return good;
}

/* Vertical tabs and form feeds are white space to yajl, not to RFC 8259. */
static bool strange_space(const uint8_t *data, size_t size)
{
    return memchr(data, '\v', size) || memchr(data, '\f', size);
}

static bool names_surrogate(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 3 < size; i++)
        if (data[i] == '\\' && data[i + 1] == 'u' && (data[i + 2] | 0x20) == 'd')
            return true;
    return false;
}

static void check_accepted(const rf_json *json, const uint8_t *data, size_t size)
{
    static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_bool,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_array,
        .yajl_end_array = on_end,
    };
    judge self = {.json = json, .surrogates = names_surrogate(data, size)};
    MUST(accepts(&callbacks, &self, data, size) && self.token == json->tokens_count);
}

static void check_refused(const rf_json *json, const uint8_t *data, size_t size)
{
    MUST(json->error);
    /* yajl overlooks a token that is cut off behind the value. */
    bool behind = json->depth == 0 && json->tokens_count > 0;
    if (strcmp(json->error, "not JSON") == 0 && !behind && !strange_space(data, size))
        MUST(!accepts(NULL, NULL, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rf_json_token tokens[TOKENS];
    static char text[TEXT + TOKENS];
    rf_json json;
    if (size > TEXT)
        return 0;
    rf_json_init(&json, tokens, TOKENS, text, sizeof text);
    if (!rf_json_parse(&json, (const char *)data, size)) {
        check_refused(&json, data, size);
        return 0;
    }
    MUST(json.tokens_count > 0 && json.tokens[0].next == json.tokens_count);
    for (uint32_t token = 0; token < json.tokens_count; token++) {
        check_token(&json, token);
        if (json.tokens[token].kind == RF_JSON_OBJECT)
            check_members(&json, token);
    }
    check_accepted(&json, data, size);
    return 0;
}
