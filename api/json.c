#include "api/json.h"

#include <string.h>

#include "api/plain.h"
#include "base/utf8.h"

void rf_json_init(rf_json *json, rf_json_token *tokens, uint32_t tokens_max, char *text,
                  uint32_t text_max)
{
    *json =
        (rf_json){.tokens = tokens, .tokens_max = tokens_max, .text = text, .text_max = text_max};
}

static const char not_json[] = "not JSON";

static bool refuse(rf_json *json, const char *error)
{
    json->error = error;
    return false;
}

/* Starts a token below the container that is open; NULL when a bound is reached. */
static rf_json_token *take_token(rf_json *json, rf_json_kind kind)
{
    if (json->tokens_count == json->tokens_max) {
        refuse(json, "too many values");
        return NULL;
    }
    rf_json_token *token = &json->tokens[json->tokens_count++];
    *token = (rf_json_token){.kind = (uint8_t)kind, .next = json->tokens_count};
    if (json->depth > 0) {
        uint32_t top = json->depth - 1;
        json->tokens[json->open[top].container].count++;
        if (json->open[top].has_key) {
            token->key = json->open[top].key;
            token->key_size = (uint16_t)json->open[top].key_size;
            json->open[top].has_key = false;
        }
    }
    return token;
}

/* A member of `object` with this name, among those parsed so far; 0 when there is none. */
static uint32_t find_member(const rf_json *json, uint32_t object, const char *key, size_t size)
{
    const rf_json_token *tokens = json->tokens;
    uint32_t at = object + 1;
    for (uint32_t i = 0; i < tokens[object].count; i++, at = tokens[at].next)
        if (tokens[at].key_size == size && memcmp(json->text + tokens[at].key, key, size) == 0)
            return at;
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reader {
    rf_json *json;
    const char *at, *end;
} reader;

/* The next byte that is not white space, 0 at the end: no JSON has a NUL outside of a string. */
static char peek(reader *in)
{
    const char *at = in->at;
    while (at < in->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    in->at = at;
    return at < in->end ? *at : 0;
}

static bool take(reader *in, char wanted)
{
    if (peek(in) != wanted)
        return refuse(in->json, not_json);
    in->at++;
    return true;
}

/* Keeps a run of bytes; the closing NUL is end_text's. */
static bool keep(rf_json *json, const char *bytes, size_t size)
{
    if (size + 1 > json->text_max - json->text_size)
        return refuse(json, "too long");
    memcpy(json->text + json->text_size, bytes, size);
    json->text_size += (uint32_t)size;
    return true;
}

static uint32_t end_text(rf_json *json, uint32_t offset)
{
    uint32_t size = json->text_size - offset;
    json->text[json->text_size++] = 0;
    return size;
}

/* Four hexadecimal digits, -1 = they are not. */
static int32_t read_hex(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i], letter = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value * 16 + (letter - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static size_t put_utf8(char out[4], int32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    static const int32_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(leads[size] | code);
    return size;
}

/* "u263a", or a pair of surrogates; half a pair is no character: '?' stands for it. */
static bool read_code(reader *in)
{
    char text[4];
    int32_t code = read_hex(in->at + 1, in->end);
    if (code < 0)
        return refuse(in->json, not_json);
    if (code == 0)
        return refuse(in->json, "a string contains NUL");
    in->at += 5;
    if (code >= 0xd800 && code < 0xe000) {
        bool pair = code < 0xdc00 && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u';
        int32_t low = pair ? read_hex(in->at + 2, in->end) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            in->at += 6;
        } else {
            code = '?';
        }
    }
    return keep(in->json, text, put_utf8(text, code));
}

/* What stands behind a backslash. */
static bool read_escape(reader *in)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (in->at == in->end)
        return refuse(in->json, not_json);
    if (*in->at == 'u')
        return read_code(in);
    const char *name = memchr(names, *in->at, sizeof names - 1);
    if (!name)
        return refuse(in->json, not_json);
    in->at++;
    return keep(in->json, meant + (name - names), 1);
}

/* From behind the opening quote to behind the closing one. The bytes are known to be UTF-8. */
static bool read_string(reader *in, uint32_t *offset, uint32_t *size)
{
    *offset = in->json->text_size;
    for (;;) {
        const char *from = in->at;
        in->at = rf_plain_end(from, in->end);
        if (!keep(in->json, from, (size_t)(in->at - from)))
            return false;
        if (in->at == in->end || (unsigned char)*in->at < ' ')
            return refuse(in->json, not_json);
        if (*in->at++ == '"')
            break;
        if (!read_escape(in))
            return false;
    }
    *size = end_text(in->json, *offset);
    return true;
}

static size_t skip_digits(reader *in)
{
    const char *at = in->at;
    while (at < in->end && *at >= '0' && *at <= '9')
        at++;
    size_t size = (size_t)(at - in->at);
    in->at = at;
    return size;
}

static bool skip(reader *in, char one, char other)
{
    bool there = in->at < in->end && (*in->at == one || *in->at == other);
    in->at += there;
    return there;
}

static bool skip_number(reader *in)
{
    skip(in, '-', '-');
    if (!skip(in, '0', '0') && skip_digits(in) == 0)
        return false;
    if (skip(in, '.', '.') && skip_digits(in) == 0)
        return false;
    if (!skip(in, 'e', 'E'))
        return true;
    skip(in, '+', '-');
    return skip_digits(in) > 0;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool put_text(rf_json *json, rf_json_kind kind, uint32_t offset, uint32_t size)
{
    rf_json_token *token = take_token(json, kind);
    if (!token)
        return false;
    token->text = offset;
    token->text_size = size;
    return true;
}

static bool number(reader *in)
{
    const char *from = in->at;
    uint32_t offset = in->json->text_size;
    if (!skip_number(in))
        return refuse(in->json, not_json);
    return keep(in->json, from, (size_t)(in->at - from)) &&
           put_text(in->json, RF_JSON_NUMBER, offset, end_text(in->json, offset));
}

static bool string(reader *in)
{
    uint32_t offset, size;
    in->at++;
    return read_string(in, &offset, &size) && put_text(in->json, RF_JSON_STRING, offset, size);
}

static bool word(reader *in, rf_json_kind kind, bool truth, const char *text, size_t size)
{
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, text, size) != 0)
        return refuse(in->json, not_json);
    in->at += size;
    rf_json_token *token = take_token(in->json, kind);
    if (token)
        token->truth = truth;
    return token != NULL;
}

static bool open_container(reader *in, rf_json_kind kind)
{
    rf_json *json = in->json;
    if (json->depth == RF_JSON_DEPTH_MAX)
        return refuse(json, "too deep");
    uint32_t container = json->tokens_count;
    if (!take_token(json, kind))
        return false;
    in->at++;
    json->open[json->depth].container = container;
    json->open[json->depth].has_key = false;
    json->depth++;
    return true;
}

static bool value(reader *in)
{
    switch (peek(in)) {
    case '"':
        return string(in);
    case '{':
        return open_container(in, RF_JSON_OBJECT);
    case '[':
        return open_container(in, RF_JSON_ARRAY);
    case 't':
        return word(in, RF_JSON_BOOL, true, "true", 4);
    case 'f':
        return word(in, RF_JSON_BOOL, false, "false", 5);
    case 'n':
        return word(in, RF_JSON_NULL, false, "null", 4);
    default:
        return number(in);
    }
}

/* ---- Containers ------------------------------------------------------------------------------ */

static bool key(reader *in, uint32_t object)
{
    rf_json *json = in->json;
    uint32_t top = json->depth - 1, offset, size;
    if (!take(in, '"') || !read_string(in, &offset, &size))
        return false;
    if (size > UINT16_MAX)
        return refuse(json, "a name is too long");
    if (json->tokens[object].count == RF_JSON_MEMBERS_MAX)
        return refuse(json, "too many members in one object");
    if (find_member(json, object, json->text + offset, size))
        return refuse(json, "a name appears twice in one object");
    json->open[top].key = offset;
    json->open[top].key_size = size;
    json->open[top].has_key = true;
    return true;
}

/* The next member or element of the innermost container, or its end. */
static bool step(reader *in)
{
    rf_json *json = in->json;
    uint32_t container = json->open[json->depth - 1].container;
    bool object = json->tokens[container].kind == RF_JSON_OBJECT;
    if (peek(in) == (object ? '}' : ']')) {
        in->at++;
        json->depth--;
        json->tokens[container].next = json->tokens_count;
        return true;
    }
    if (json->tokens[container].count > 0 && !take(in, ','))
        return false;
    return (!object || (key(in, container) && take(in, ':'))) && value(in);
}

bool rf_json_parse(rf_json *json, const char *bytes, size_t size)
{
    reader in = {.json = json, .at = bytes, .end = bytes + size};
    json->tokens_count = json->text_size = json->depth = 0;
    json->error = NULL;
    if (size > RF_JSON_TEXT_MAX)
        return refuse(json, "too long");
    if (!rf_utf8_is_valid(bytes, size))
        return refuse(json, "not UTF-8");
    if (!value(&in))
        return false;
    while (json->depth > 0)
        if (!step(&in))
            return false;
    peek(&in);
    return in.at == in.end || refuse(json, not_json);
}

uint32_t rf_json_member(const rf_json *json, uint32_t object, const char *key)
{
    if (json->tokens[object].kind != RF_JSON_OBJECT)
        return 0;
    return find_member(json, object, key, strlen(key));
}

uint32_t rf_json_element(const rf_json *json, uint32_t array, uint32_t position)
{
    if (json->tokens[array].kind != RF_JSON_ARRAY || position >= json->tokens[array].count)
        return 0;
    uint32_t at = array + 1;
    for (uint32_t i = 0; i < position; i++)
        at = json->tokens[at].next;
    return at;
}

bool rf_json_is(const rf_json *json, uint32_t token, const char *text)
{
    return json->tokens[token].kind == RF_JSON_STRING &&
           strcmp(rf_json_text(json, token), text) == 0;
}
