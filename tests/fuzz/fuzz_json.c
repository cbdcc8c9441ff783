/* JSON: what is accepted stands whole inside the memory given, and is found again by its keys. */
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rf_json_token tokens[TOKENS];
    static char text[TEXT + TOKENS];
    rf_json json;
    if (size > TEXT)
        return 0;
    rf_json_init(&json, tokens, TOKENS, text, sizeof text);
    if (!rf_json_parse(&json, (const char *)data, size)) {
        MUST(json.error);
        return 0;
    }
    MUST(json.tokens_count > 0 && json.tokens[0].next == json.tokens_count);
    for (uint32_t token = 0; token < json.tokens_count; token++) {
        check_token(&json, token);
        if (json.tokens[token].kind == RF_JSON_OBJECT)
            check_members(&json, token);
    }
    return 0;
}
