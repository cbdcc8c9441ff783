/* A frame on the wire, RFC 6455 section 5.2, numbers in network order:
 *
 *   byte 0   FIN 1 | RSV 3 | opcode 4
 *   byte 1   MASK 1 | length 7      126: two bytes of length follow, 127: eight
 *            masking key, 4 bytes   (from a client always, from a server never)
 *            payload, byte i xor key[i mod 4] */
#include "server/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "server/held.h"
#include "server/limits.h"

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0F, MASK = 0x80, LENGTH = 0x7F, KEY_SIZE = 4 };

/* Memory that an ordinary message needs stays with the connection. */
enum { TEXT_KEPT_MAX = 4096 };

void rf_websocket_finish(rf_websocket *websocket)
{
    rf_held_less(websocket->text_capacity);
    free(websocket->text);
    *websocket = (rf_websocket){0};
}

bool rf_websocket_waits(const rf_websocket *websocket)
{
    return websocket->head_size > 0 || websocket->in_message;
}

static size_t broken(rf_websocket_event *event, uint16_t code, size_t used)
{
    *event = (rf_websocket_event){.kind = RF_WEBSOCKET_BROKEN, .code = code};
    return used;
}

/* ---- The head -------------------------------------------------------------------------------- */

static bool is_control(unsigned opcode)
{
    return (opcode & 8) != 0;
}

/* Bytes of the whole head, as far as its first two say. */
static size_t head_size_of(const uint8_t *head)
{
    unsigned length = head[1] & LENGTH;
    return 2 + (length == 126 ? 2u : length == 127 ? 8u : 0u) + KEY_SIZE;
}

static uint64_t length_of(const uint8_t *head)
{
    unsigned length = head[1] & LENGTH, bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    uint64_t value = bytes == 0 ? length : 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | head[2 + i];
    return value;
}

static bool is_shortest(const uint8_t *head, uint64_t length)
{
    unsigned form = head[1] & LENGTH;
    return form < 126 || (form == 126 ? length > 125 : length > UINT16_MAX);
}

/* What is wrong with the first two bytes of a frame; 0 = nothing. */
static uint16_t judge_start(const rf_websocket *websocket, const uint8_t *head)
{
    unsigned opcode = head[0] & OPCODE;
    if ((head[0] & RESERVED) || !(head[1] & MASK))
        return RF_CLOSE_PROTOCOL; /* no extension was agreed on, and clients must mask */
    if (is_control(opcode)) {
        bool known = opcode <= RF_WEBSOCKET_PONG;
        bool whole = (head[0] & FIN) && (head[1] & LENGTH) <= RF_WEBSOCKET_CONTROL_MAX;
        return known && whole ? 0 : RF_CLOSE_PROTOCOL;
    }
    if (opcode > RF_WEBSOCKET_BINARY || (opcode == 0) != websocket->in_message)
        return RF_CLOSE_PROTOCOL;
    return opcode == RF_WEBSOCKET_BINARY ? RF_CLOSE_UNSUPPORTED : 0;
}

static uint16_t judge_length(const rf_websocket *websocket, const uint8_t *head, uint64_t length)
{
    if (!is_shortest(head, length) || length > INT64_MAX)
        return RF_CLOSE_PROTOCOL;
    size_t before = is_control(head[0] & OPCODE) ? 0 : websocket->text_size;
    return length > RF_MESSAGE_SIZE_MAX - before ? RF_CLOSE_TOO_LARGE : 0;
}

/* ---- The payload ----------------------------------------------------------------------------- */

/* Takes the mask off in place; `at` is the position of the first byte in its payload. */
static void unmask(char *bytes, size_t size, const uint8_t *key, uint64_t at)
{
    uint8_t eight[8];
    for (size_t i = 0; i < sizeof eight; i++)
        eight[i] = key[(at + i) % KEY_SIZE];
    uint64_t mask, word;
    memcpy(&mask, eight, sizeof mask);
    size_t i = 0;
    for (; i + sizeof word <= size; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= mask;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < size; i++)
        bytes[i] = (char)(bytes[i] ^ (char)eight[i % KEY_SIZE]);
}

static bool keep_text(rf_websocket *websocket, const char *bytes, size_t size)
{
    size_t needed = websocket->text_size + size + 1;
    if (needed > websocket->text_capacity) {
        size_t capacity = websocket->text_capacity ? websocket->text_capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        char *text = realloc(websocket->text, capacity);
        if (!text)
            return false;
        rf_held_more(capacity - websocket->text_capacity);
        websocket->text = text;
        websocket->text_capacity = capacity;
    }
    memcpy(websocket->text + websocket->text_size, bytes, size);
    websocket->text_size += size;
    return true;
}

static void forget_text(rf_websocket *websocket)
{
    if (websocket->text_capacity > TEXT_KEPT_MAX) {
        rf_held_less(websocket->text_capacity);
        free(websocket->text);
        websocket->text = NULL;
        websocket->text_capacity = 0;
    }
    websocket->text_size = 0;
}

bool rf_websocket_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static size_t got_close(rf_websocket_event *event, const char *payload, size_t size, size_t used)
{
    unsigned code = RF_CLOSE_NONE;
    if (size >= 2)
        code = (unsigned)(uint8_t)payload[0] << 8 | (uint8_t)payload[1];
    if (size == 1 || (size >= 2 && !rf_websocket_code_is_valid(code)))
        return broken(event, RF_CLOSE_PROTOCOL, used);
    if (size > 2 && !rf_utf8_is_valid(payload + 2, size - 2))
        return broken(event, RF_CLOSE_NOT_TEXT, used);
    *event = (rf_websocket_event){.kind = RF_WEBSOCKET_GOT_CLOSE, .code = (uint16_t)code};
    return used;
}

static size_t got_control(rf_websocket *websocket, rf_websocket_event *event, size_t used)
{
    char *payload = (char *)websocket->control;
    size_t size = websocket->control_size;
    unsigned opcode = websocket->head[0] & OPCODE;
    websocket->control_size = 0;
    if (opcode == RF_WEBSOCKET_CLOSE)
        return got_close(event, payload, size, used);
    *event = (rf_websocket_event){
        .kind = opcode == RF_WEBSOCKET_PING ? RF_WEBSOCKET_GOT_PING : RF_WEBSOCKET_GOT_PONG,
        .text = payload,
        .size = size,
    };
    return used;
}

static size_t got_text(rf_websocket_event *event, char *text, size_t size, size_t used)
{
    if (!rf_utf8_is_valid(text, size))
        return broken(event, RF_CLOSE_NOT_TEXT, used);
    *event = (rf_websocket_event){.kind = RF_WEBSOCKET_GOT_TEXT, .text = text, .size = size};
    return used;
}

/* The frame is complete. */
static size_t end_frame(rf_websocket *websocket, rf_websocket_event *event, size_t used)
{
    uint8_t first = websocket->head[0];
    websocket->head_size = 0;
    websocket->in_payload = false;
    if (is_control(first & OPCODE))
        return got_control(websocket, event, used);
    websocket->in_message = !(first & FIN);
    event->kind = RF_WEBSOCKET_MORE;
    if (websocket->in_message)
        return used;
    if (!websocket->text && !keep_text(websocket, "", 0)) /* a text of no bytes */
        return broken(event, RF_CLOSE_INTERNAL, used);
    return got_text(event, websocket->text, websocket->text_size, used);
}

/* ---- Feeding --------------------------------------------------------------------------------- */

/* The ordinary case: a text in one frame, all of it here. 0: it is not that. */
static size_t feed_whole(rf_websocket *websocket, char *bytes, size_t size,
                         rf_websocket_event *event)
{
    const uint8_t *head = (const uint8_t *)bytes;
    if (websocket->in_message || size < 2 + KEY_SIZE || head[0] != (FIN | RF_WEBSOCKET_TEXT) ||
        !(head[1] & MASK))
        return 0;
    size_t head_size = head_size_of(head);
    if (size < head_size)
        return 0;
    uint64_t length = length_of(head);
    if (length > RF_MESSAGE_SIZE_MAX || length > size - head_size || !is_shortest(head, length))
        return 0;
    char *text = bytes + head_size;
    unmask(text, length, head + head_size - KEY_SIZE, 0);
    return got_text(event, text, length, head_size + length);
}

/* Collects the head; returns the bytes taken. The event is set when it is a bad one. */
static size_t feed_head(rf_websocket *websocket, const char *bytes, size_t size,
                        rf_websocket_event *event)
{
    size_t used = 0;
    while (used < size) {
        websocket->head[websocket->head_size++] = (uint8_t)bytes[used++];
        uint16_t code = websocket->head_size == 2 ? judge_start(websocket, websocket->head) : 0;
        if (code)
            return broken(event, code, used);
        if (websocket->head_size < 2 || websocket->head_size < head_size_of(websocket->head))
            continue;
        uint64_t length = length_of(websocket->head);
        code = judge_length(websocket, websocket->head, length);
        if (code)
            return broken(event, code, used);
        websocket->in_payload = true;
        websocket->at = 0;
        websocket->left = length;
        break;
    }
    return used;
}

static bool keep_payload(rf_websocket *websocket, char *bytes, size_t size)
{
    unmask(bytes, size, websocket->head + websocket->head_size - KEY_SIZE, websocket->at);
    websocket->at += size;
    websocket->left -= size;
    if (!is_control(websocket->head[0] & OPCODE))
        return keep_text(websocket, bytes, size);
    memcpy(websocket->control + websocket->control_size, bytes, size);
    websocket->control_size = (uint8_t)(websocket->control_size + size);
    return true;
}

size_t rf_websocket_feed(rf_websocket *websocket, char *bytes, size_t size,
                         rf_websocket_event *event)
{
    size_t used = 0;
    *event = (rf_websocket_event){.kind = RF_WEBSOCKET_MORE};
    if (!rf_websocket_waits(websocket) && websocket->text_size > 0)
        forget_text(websocket); /* handed out by the call before */
    if (websocket->head_size == 0 && (used = feed_whole(websocket, bytes, size, event)) > 0)
        return used;
    while (used < size && event->kind == RF_WEBSOCKET_MORE) {
        if (!websocket->in_payload)
            used += feed_head(websocket, bytes + used, size - used, event);
        if (!websocket->in_payload || event->kind != RF_WEBSOCKET_MORE)
            break;
        size_t part = size - used < websocket->left ? size - used : (size_t)websocket->left;
        if (!keep_payload(websocket, bytes + used, part))
            return broken(event, RF_CLOSE_INTERNAL, used);
        used += part;
        if (websocket->left > 0)
            break;
        used = end_frame(websocket, event, used);
    }
    return used;
}

/* ---- Writing --------------------------------------------------------------------------------- */

size_t rf_websocket_head(char head[RF_WEBSOCKET_HEAD_MAX], unsigned opcode, size_t size)
{
    head[0] = (char)(FIN | opcode);
    unsigned bytes = size < 126 ? 0 : size <= UINT16_MAX ? 2 : 8;
    head[1] = (char)(bytes == 0 ? size : bytes == 2 ? 126 : 127);
    for (unsigned i = 0; i < bytes; i++)
        head[2 + i] = (char)(size >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

bool rf_websocket_accept(const char *key, char accept[RF_WEBSOCKET_ACCEPT_SIZE + 1])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
    enum { KEY_TEXT_SIZE = 24 };                                        /* 16 bytes in base64 */
    unsigned char text[KEY_TEXT_SIZE + sizeof magic], hash[SHA_DIGEST_LENGTH];
    if (strlen(key) != KEY_TEXT_SIZE ||
        EVP_DecodeBlock(text, (const unsigned char *)key, KEY_TEXT_SIZE) != 18 ||
        strcmp(key + KEY_TEXT_SIZE - 2, "==") != 0)
        return false;
    memcpy(text, key, KEY_TEXT_SIZE);
    memcpy(text + KEY_TEXT_SIZE, magic, sizeof magic);
    SHA1(text, KEY_TEXT_SIZE + sizeof magic - 1, hash);
    EVP_EncodeBlock((unsigned char *)accept, hash, SHA_DIGEST_LENGTH);
    return true;
}
