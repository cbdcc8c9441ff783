#include "api/json.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/check.h"
#include "base/utf8.h"

void rf_json_init(rf_json *json, rf_json_token *tokens, uint32_t tokens_max, char *text,
                  uint32_t text_max)
{
    *json =
        (rf_json){.tokens = tokens, .tokens_max = tokens_max, .text = text, .text_max = text_max};
}

static int refuse(rf_json *json, const char *error)
{
    json->error = error;
    return 0;
}

/* Copies text and a closing NUL; false when there is a NUL in it or no room. */
static bool keep_text(rf_json *json, const char *bytes, size_t size, uint32_t *offset)
{
    if (memchr(bytes, 0, size))
        return refuse(json, "a string contains NUL");
    if (size + 1 > json->text_max - json->text_size)
        return refuse(json, "too long");
    *offset = json->text_size;
    memcpy(json->text + json->text_size, bytes, size);
    json->text_size += (uint32_t)size;
    json->text[json->text_size++] = 0;
    return true;
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

static int on_null(void *context)
{
    return take_token(context, RF_JSON_NULL) != NULL;
}

static int on_bool(void *context, int truth)
{
    rf_json_token *token = take_token(context, RF_JSON_BOOL);
    if (token)
        token->truth = truth != 0;
    return token != NULL;
}

static int text_token(rf_json *json, rf_json_kind kind, const char *bytes, size_t size)
{
    uint32_t offset;
    if (!keep_text(json, bytes, size, &offset))
        return 0;
    rf_json_token *token = take_token(json, kind);
    if (!token)
        return 0;
    token->text = offset;
    token->text_size = (uint32_t)size;
    return 1;
}

static int on_number(void *context, const char *bytes, size_t size)
{
    return text_token(context, RF_JSON_NUMBER, bytes, size);
}

static int on_string(void *context, const unsigned char *bytes, size_t size)
{
    return text_token(context, RF_JSON_STRING, (const char *)bytes, size);
}

static int open_container(rf_json *json, rf_json_kind kind)
{
    if (json->depth == RF_JSON_DEPTH_MAX)
        return refuse(json, "too deep");
    uint32_t container = json->tokens_count;
    if (!take_token(json, kind))
        return 0;
    json->open[json->depth].container = container;
    json->open[json->depth].has_key = false;
    json->depth++;
    return 1;
}

static int close_container(rf_json *json)
{
    RF_CHECK(json->depth > 0);
    json->depth--;
    json->tokens[json->open[json->depth].container].next = json->tokens_count;
    return 1;
}

static int on_object(void *context)
{
    return open_container(context, RF_JSON_OBJECT);
}

static int on_array(void *context)
{
    return open_container(context, RF_JSON_ARRAY);
}

static int on_end(void *context)
{
    return close_container(context);
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

static int on_key(void *context, const unsigned char *bytes, size_t size)
{
    rf_json *json = context;
    uint32_t top = json->depth - 1;
    uint32_t object = json->open[top].container;
    if (size > UINT16_MAX)
        return refuse(json, "a name is too long");
    if (json->tokens[object].count == RF_JSON_MEMBERS_MAX)
        return refuse(json, "too many members in one object");
    if (find_member(json, object, (const char *)bytes, size))
        return refuse(json, "a name appears twice in one object");
    if (!keep_text(json, (const char *)bytes, size, &json->open[top].key))
        return 0;
    json->open[top].key_size = (uint32_t)size;
    json->open[top].has_key = true;
    return 1;
}

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

/* ---- Memory of the parser -------------------------------------------------------------------- */

/* yajl allocates half a dozen pieces a text and frees them at its end. A stack of them costs a tenth of
 * what the heap does; what does not fit goes to the heap. */
typedef struct scratch {
    size_t used;
    max_align_t memory[6 * 1024 / sizeof(max_align_t)];
} scratch;

/* The size of a piece, in front of it. */
typedef union piece {
    size_t size;
    max_align_t alignment;
} piece;

static bool is_scratch(const scratch *from, const piece *at)
{
    const char *start = (const char *)from->memory;
    return (const char *)at >= start && (const char *)at < start + sizeof from->memory;
}

static void *take_memory(void *context, size_t size)
{
    scratch *from = context;
    size_t total = sizeof(piece) + (size + sizeof(piece) - 1) / sizeof(piece) * sizeof(piece);
    piece *at;
    if (total <= sizeof from->memory - from->used) {
        at = (piece *)(void *)((char *)from->memory + from->used);
        from->used += total;
    } else {
        at = malloc(total);
    }
    if (!at)
        return NULL;
    at->size = size;
    return at + 1;
}

static void give_memory(void *context, void *memory)
{
    piece *at = memory ? (piece *)memory - 1 : NULL;
    if (at && !is_scratch(context, at))
        free(at);
}

static void *resize_memory(void *context, void *memory, size_t size)
{
    void *larger = take_memory(context, size);
    if (larger && memory) {
        size_t kept = ((piece *)memory - 1)->size;
        memcpy(larger, memory, kept < size ? kept : size);
        give_memory(context, memory);
    }
    return larger;
}

bool rf_json_parse(rf_json *json, const char *bytes, size_t size)
{
    scratch memory;
    memory.used = 0;
    yajl_alloc_funcs functions = {take_memory, resize_memory, give_memory, &memory};
    json->tokens_count = json->text_size = json->depth = 0;
    json->error = NULL;
    if (size > RF_JSON_TEXT_MAX)
        return refuse(json, "too long");
    if (!rf_utf8_is_valid(bytes, size)) /* yajl lets overlong forms and surrogates pass */
        return refuse(json, "not UTF-8");
    yajl_handle handle = yajl_alloc(&callbacks, &functions, json);
    if (!handle)
        return refuse(json, "out of memory");
    yajl_status status = yajl_parse(handle, (const unsigned char *)bytes, size);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(handle);
    yajl_free(handle);
    if (status != yajl_status_ok && !json->error)
        json->error = "not JSON";
    return status == yajl_status_ok;
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
