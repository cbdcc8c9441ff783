/* JSON in: one text becomes a flat array of tokens whose numbers keep their raw digits.
 *
 * Promise: bounded memory (the caller's), bounded depth, no recursion. Refused, each with a
 * sentence: text that is not JSON or not UTF-8, more than one value, a key twice in one object, a
 * NUL inside a string, too deep, too many members, too many tokens. No number is ever turned into a
 * float.
 *
 * May include: base. */
#ifndef RF_API_JSON_H
#define RF_API_JSON_H

#include "base/types.h"

enum {
    RF_JSON_DEPTH_MAX = 16,
    RF_JSON_MEMBERS_MAX = 256, /* of one object */
    RF_JSON_TOKENS_MAX = 8192,
    RF_JSON_TEXT_MAX = 1 << 18, /* bytes of one text */
};

typedef enum rf_json_kind {
    RF_JSON_NULL,
    RF_JSON_BOOL,
    RF_JSON_NUMBER,
    RF_JSON_STRING,
    RF_JSON_ARRAY,
    RF_JSON_OBJECT,
} rf_json_kind;

/* Token 0 is the root. The children of a container follow it; `next` is the token behind the whole
 * value. */
typedef struct rf_json_token {
    uint8_t kind;  /* rf_json_kind */
    uint8_t truth; /* of a BOOL */
    uint16_t key_size;
    uint32_t key;  /* of an object's member: offset of its name in text */
    uint32_t text; /* STRING unescaped, NUMBER raw, both with a closing NUL */
    uint32_t text_size;
    uint32_t count; /* ARRAY, OBJECT: children */
    uint32_t next;
} rf_json_token;

typedef struct rf_json {
    rf_json_token *tokens;
    char *text;
    uint32_t tokens_count, tokens_max;
    uint32_t text_size, text_max;
    const char *error; /* a static sentence after a refusal */
    struct {
        uint32_t container, key, key_size;
        bool has_key;
    } open[RF_JSON_DEPTH_MAX]; /* while parsing */
    uint32_t depth;
} rf_json;

/* tokens and text are the caller's: text needs as many bytes as the longest input and one for each
 * token. */
void rf_json_init(rf_json *json, rf_json_token *tokens, uint32_t tokens_max, char *text,
                  uint32_t text_max);
/* False: refused, see error. What an earlier parse gave is overwritten either way. */
bool rf_json_parse(rf_json *json, const char *bytes, size_t size);

static inline const char *rf_json_text(const rf_json *json, uint32_t token)
{
    return json->text + json->tokens[token].text;
}

static inline const char *rf_json_key(const rf_json *json, uint32_t token)
{
    return json->text + json->tokens[token].key;
}

/* The member of an object; 0 (the root is nobody's member) when there is none or it is not an
 * object. */
uint32_t rf_json_member(const rf_json *json, uint32_t object, const char *key);
/* Element of an array by position, 0 when there is none. */
uint32_t rf_json_element(const rf_json *json, uint32_t array, uint32_t position);
/* True when the token is a string of exactly this text. */
bool rf_json_is(const rf_json *json, uint32_t token, const char *text);

#endif
