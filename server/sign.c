/* HMAC-SHA256 by OpenSSL's SHA-256 itself. Its EVP interface looks a call's way up through tables,
 * allocates and clears for each of the two hashes: more instructions than the hashing takes. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/sign.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* What the two hashes have become behind the key's block: a call goes on from copies of them. */
struct rf_signer {
    SHA256_CTX inner, outer;
};

static uint64_t operations;

uint64_t rf_sign_operations(void)
{
    return operations;
}

static void begin(SHA256_CTX *hash, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(hash);
    SHA256_Update(hash, block, sizeof block);
    sodium_memzero(block, sizeof block);
}

/* RFC 2104: a key that is longer than a block counts by its hash. */
rf_signer *rf_signer_open(const void *secret, size_t size)
{
    uint8_t key[SHA256_CBLOCK] = {0};
    rf_signer *signer = malloc(sizeof *signer);
    if (!signer)
        return NULL;
    if (size > sizeof key)
        SHA256(secret, size, key);
    else
        memcpy(key, secret, size);
    begin(&signer->inner, key, 0x36);
    begin(&signer->outer, key, 0x5c);
    sodium_memzero(key, sizeof key);
    return signer;
}

void rf_signer_close(rf_signer *signer)
{
    if (signer)
        sodium_memzero(signer, sizeof *signer);
    free(signer);
}

static void compute(const rf_signer *signer, const rf_bytes *payload,
                    uint8_t sum[RF_SIGNATURE_SIZE])
{
    SHA256_CTX hash = signer->inner;
    operations++;
    SHA256_Update(&hash, payload->data, payload->size);
    SHA256_Final(sum, &hash);
    hash = signer->outer;
    SHA256_Update(&hash, sum, RF_SIGNATURE_SIZE);
    SHA256_Final(sum, &hash);
}

/* ---- What is signed -------------------------------------------------------------------------- */

/* A container under way: its members in the order of their names, or its elements as they come. */
typedef struct level {
    uint32_t *sorted; /* tokens of an object's members; NULL: an array */
    uint32_t count, at;
    uint32_t token; /* the array's next element */
} level;

typedef struct walk {
    const rf_json *json;
    bool strip;
    rf_bytes *out;
    level levels[RF_SIGN_DEPTH_MAX];
    uint32_t depth;
    uint32_t sorted[RF_SIGN_DEPTH_MAX * RF_JSON_MEMBERS_MAX];
} walk;

static int compare_keys(const rf_json *json, uint32_t left, uint32_t right)
{
    const rf_json_token *a = &json->tokens[left], *b = &json->tokens[right];
    size_t size = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp(json->text + a->key, json->text + b->key, size);
    return order ? order : (int)a->key_size - (int)b->key_size;
}

/* Binary insertion: few comparisons even for names that a hostile hand arranged. */
static void sort_members(const rf_json *json, uint32_t object, uint32_t *sorted)
{
    uint32_t token = object + 1;
    for (uint32_t i = 0; i < json->tokens[object].count; i++, token = json->tokens[token].next) {
        uint32_t low = 0, high = i;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (compare_keys(json, sorted[middle], token) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        memmove(sorted + low + 1, sorted + low, (i - low) * sizeof *sorted);
        sorted[low] = token;
    }
}

static bool enter(walk *way, uint32_t token)
{
    if (way->depth == RF_SIGN_DEPTH_MAX)
        return false;
    level *top = &way->levels[way->depth];
    *top = (level){.count = way->json->tokens[token].count, .token = token + 1};
    if (way->json->tokens[token].kind == RF_JSON_OBJECT) {
        RF_CHECK(top->count <= RF_JSON_MEMBERS_MAX);
        top->sorted = way->sorted + way->depth * RF_JSON_MEMBERS_MAX;
        sort_members(way->json, token, top->sorted);
    }
    way->depth++;
    return true;
}

/* "0.0100" -> "0.01", "50.0" -> "50"; a number with an exponent stays as it is. */
static size_t stripped_size(const char *text, size_t size)
{
    if (!memchr(text, '.', size) || memchr(text, 'e', size) || memchr(text, 'E', size))
        return size;
    while (text[size - 1] == '0')
        size--;
    return text[size - 1] == '.' ? size - 1 : size;
}

static bool put_value(walk *way, uint32_t at)
{
    const rf_json_token *token = &way->json->tokens[at];
    const char *text = way->json->text + token->text;
    switch ((rf_json_kind)token->kind) {
    case RF_JSON_NULL:
        rf_bytes_add(way->out, "null", 4);
        return true;
    case RF_JSON_BOOL:
        rf_bytes_text(way->out, token->truth ? "true" : "false");
        return true;
    case RF_JSON_NUMBER:
        rf_bytes_add(way->out, text,
                     way->strip ? stripped_size(text, token->text_size) : token->text_size);
        return true;
    case RF_JSON_STRING:
        rf_bytes_add(way->out, text, token->text_size);
        return true;
    case RF_JSON_ARRAY:
    case RF_JSON_OBJECT:
        return enter(way, at);
    }
    return false;
}

/* The next child of the innermost container; 0 when it has no more. */
static uint32_t next_child(walk *way)
{
    level *top = &way->levels[way->depth - 1];
    if (top->at == top->count)
        return 0;
    uint32_t child = top->sorted ? top->sorted[top->at] : top->token;
    top->at++;
    top->token = way->json->tokens[child].next;
    return child;
}

static bool put_params(const rf_signed_call *call, bool strip, rf_bytes *out)
{
    walk way;
    way.json = call->json;
    way.strip = strip;
    way.out = out;
    way.depth = 0;
    if (!put_value(&way, call->params))
        return false;
    while (way.depth > 0) {
        bool named = way.levels[way.depth - 1].sorted != NULL;
        uint32_t child = next_child(&way);
        if (child == 0) {
            way.depth--;
            continue;
        }
        const rf_json_token *token = &call->json->tokens[child];
        if (named)
            rf_bytes_add(out, call->json->text + token->key, token->key_size);
        if (!put_value(&way, child))
            return false;
    }
    return true;
}

static void put_text(rf_bytes *out, const char *text)
{
    if (text)
        rf_bytes_text(out, text);
}

bool rf_sign_payload(const rf_signed_call *call, bool strip, rf_bytes *out)
{
    put_text(out, call->method);
    put_text(out, call->id);
    put_text(out, call->api_key);
    if (call->params && !put_params(call, strip, out))
        return false;
    put_text(out, call->nonce);
    return !out->full;
}

/* ---- Signing and checking -------------------------------------------------------------------- */

bool rf_sign(rf_signer *signer, const rf_signed_call *call, char text[RF_SIGNATURE_TEXT])
{
    static char memory[RF_PAYLOAD_MAX];
    uint8_t sum[RF_SIGNATURE_SIZE];
    rf_bytes payload;
    rf_bytes_init(&payload, memory, sizeof memory, NULL);
    if (!rf_sign_payload(call, false, &payload))
        return false;
    compute(signer, &payload, sum);
    sodium_bin2hex(text, RF_SIGNATURE_TEXT, sum, sizeof sum);
    return true;
}

/* Of a hexadecimal digit of either case: its value and one, 0 = it is none. */
static const uint8_t digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* 64 digits of either case; anything else answers false. What the caller sent is no secret: unlike the
 * comparison with our own sum, reading it may take as long as it takes. */
static bool read_signature(const char *text, uint8_t sum[RF_SIGNATURE_SIZE])
{
    bool good = true;
    memset(sum, 0, RF_SIGNATURE_SIZE);
    if (!text || strlen(text) != RF_SIGNATURE_TEXT - 1)
        return false;
    for (size_t i = 0; i < RF_SIGNATURE_SIZE; i++) {
        unsigned high = digits[(unsigned char)text[2 * i]];
        unsigned low = digits[(unsigned char)text[2 * i + 1]];
        good = good && high > 0 && low > 0;
        sum[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return good;
}

bool rf_sign_check(rf_signer *signer, const rf_signed_call *call, const char *text,
                   uint8_t signature[RF_SIGNATURE_SIZE])
{
    static char memory[RF_PAYLOAD_MAX];
    uint8_t given[RF_SIGNATURE_SIZE], sum[RF_SIGNATURE_SIZE];
    bool well_formed = read_signature(text, given), equal = false;
    size_t plain_size = 0;
    /* The second try is another payload only if a number got shorter: that depends on the call. */
    for (int strip = 0; strip < 2; strip++) {
        rf_bytes payload;
        rf_bytes_init(&payload, memory, sizeof memory, NULL);
        bool good = rf_sign_payload(call, strip == 1, &payload);
        if (!good || (strip == 1 && payload.size == plain_size))
            break;
        plain_size = payload.size;
        compute(signer, &payload, sum);
        equal = sodium_memcmp(sum, given, sizeof sum) == 0;
        if (equal)
            break;
    }
    memcpy(signature, given, RF_SIGNATURE_SIZE);
    return well_formed && equal;
}
