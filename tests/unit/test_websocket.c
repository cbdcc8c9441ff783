/* WebSocket frames: what RFC 6455 forbids is found, in whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "server/limits.h"
#include "server/websocket.h"

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d}; /* of the standard's own example */

/* Appends a masked frame; `first` is its first byte, `form` the bytes of its length (0, 2, 8). */
static size_t frame(char *out, unsigned first, unsigned form, const char *payload, size_t size)
{
    size_t at = 0;
    out[at++] = (char)first;
    out[at++] = (char)(0x80 | (form == 0 ? size : form == 2 ? 126 : 127));
    for (unsigned i = 0; i < form; i++)
        out[at++] = (char)((uint64_t)size >> (8 * (form - 1 - i)));
    memcpy(out + at, key, 4);
    at += 4;
    for (size_t i = 0; i < size; i++)
        out[at++] = (char)(payload[i] ^ (char)key[i % 4]);
    return at;
}

/* The events of some bytes, as text: T<text> P<ping> O<pong> C<code> B<code>; fed `step` bytes a time. */
static const char *events(const char *bytes, size_t size, size_t step)
{
    static char told[4096];
    char copy[4096];
    rf_websocket websocket = {0};
    rf_websocket_event event = {0};
    size_t length = 0;
    told[0] = '\0';
    for (size_t at = 0; at < size && event.kind != RF_WEBSOCKET_BROKEN;) {
        size_t part = size - at < step ? size - at : step, used = 0;
        memcpy(copy, bytes + at, part);
        at += part;
        while (used < part && event.kind != RF_WEBSOCKET_BROKEN) {
            used += rf_websocket_feed(&websocket, copy + used, part - used, &event);
            assert_true(used <= part);
            if (event.kind == RF_WEBSOCKET_MORE)
                continue;
            char kind = "?TPOCB"[event.kind];
            if (kind == 'C' || kind == 'B')
                length += (size_t)sprintf(told + length, "%c%u ", kind, event.code);
            else
                length +=
                    (size_t)sprintf(told + length, "%c%.*s ", kind, (int)event.size, event.text);
        }
    }
    rf_websocket_finish(&websocket);
    return told;
}

static void expect(const char *bytes, size_t size, const char *told)
{
    assert_string_equal(events(bytes, size, 4096), told);
    assert_string_equal(events(bytes, size, 1), told);
    assert_string_equal(events(bytes, size, 3), told);
}

static void one(unsigned first, unsigned form, const char *payload, size_t size, const char *told)
{
    char bytes[512];
    expect(bytes, frame(bytes, first, form, payload, size), told);
}

static void texts(void **state)
{
    char bytes[2048];
    size_t size = 0;
    (void)state;
    one(0x81, 0, "Hello", 5, "THello ");
    one(0x81, 0, "", 0, "T ");
    size += frame(bytes + size, 0x01, 0, "Hel", 3);
    size += frame(bytes + size, 0x89, 0, "pp", 2); /* control frames may come between */
    size += frame(bytes + size, 0x00, 0, "", 0);
    size += frame(bytes + size, 0x80, 0, "lo", 2);
    size += frame(bytes + size, 0x8A, 0, "", 0);
    size += frame(bytes + size, 0x81, 0, "next", 4);
    size += frame(bytes + size, 0x88, 0,
                  "\x03\xe8"
                  "bye",
                  5);
    expect(bytes, size, "Ppp THello O Tnext C1000 ");
}

static void breaches(void **state)
{
    (void)state;
    one(0xC1, 0, "x", 1, "B1002 "); /* a reserved bit: compression was not agreed on */
    one(0x83, 0, "x", 1, "B1002 "); /* reserved opcodes */
    one(0x8B, 0, "x", 1, "B1002 ");
    one(0x82, 0, "x", 1, "B1003 "); /* binary */
    one(0x80, 0, "x", 1, "B1002 "); /* goes on with nothing */
    one(0x09, 0, "x", 1, "B1002 "); /* a control frame in pieces */
    one(0x89, 2, "x", 1, "B1002 "); /* a long one */
    one(0x81, 2, "x", 1, "B1002 "); /* more bytes of length than needed */
    one(0x81, 8, "x", 1, "B1002 ");
    one(0x88, 0, "\x03", 1, "B1002 ");
    one(0x88, 0, "\x03\xed", 2, "B1002 "); /* 1005 is never sent */
    one(0x88, 0, "\x03\xe8\xff", 3, "B1007 ");
    one(0x88, 0, "", 0, "C1005 ");
    expect("\x81\x05Hello", 7, "B1002 "); /* not masked */
    char bytes[64];
    size_t size = frame(bytes, 0x01, 0, "a", 1);
    size += frame(bytes + size, 0x81, 0, "b", 1); /* a new one inside another */
    expect(bytes, size, "B1002 ");
}

static void sizes(void **state)
{
    static char payload[RF_MESSAGE_SIZE_MAX + 1], bytes[RF_MESSAGE_SIZE_MAX + 64];
    rf_websocket websocket = {0};
    rf_websocket_event event;
    (void)state;
    memset(payload, 'x', sizeof payload);
    size_t size = frame(bytes, 0x81, 8, payload, RF_MESSAGE_SIZE_MAX);
    assert_int_equal(rf_websocket_feed(&websocket, bytes, size, &event), size);
    assert_int_equal(event.size, RF_MESSAGE_SIZE_MAX);
    size = frame(bytes, 0x81, 8, payload, RF_MESSAGE_SIZE_MAX + 1);
    /* Known from the head alone. */
    assert_int_equal(rf_websocket_feed(&websocket, bytes, 14, &event), 14);
    assert_int_equal(event.code, 1009);
    rf_websocket_finish(&websocket);
    size = frame(bytes, 0x01, 2, payload, 60000);
    rf_websocket_feed(&websocket, bytes, size, &event);
    assert_int_equal(event.kind, RF_WEBSOCKET_MORE);
    assert_true(rf_websocket_waits(&websocket));
    size = frame(bytes, 0x80, 2, payload, RF_MESSAGE_SIZE_MAX + 1 - 60000);
    rf_websocket_feed(&websocket, bytes, size, &event);
    assert_int_equal(event.code, 1009); /* the pieces count together */
    rf_websocket_finish(&websocket);
}

static void utf8(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"", true},
        {"plain ascii of more than eight bytes", true},
        {"κόσμε and more, beyond a word", true},
        {"\xEF\xBF\xBF", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\xED\x9F\xBF", true},
        {"\xC0\x80", false}, /* overlong */
        {"\xE0\x9F\xBF", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\x80", false},
        {"abcdefgh\xC3", false}, /* ends too early */
        {"\xE2\x82", false},
        {"\xE2\x28\xA1", false},
        {"\xFE", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t size = strlen(rows[i].text);
        assert_int_equal(rf_utf8_is_valid(rows[i].text, size), rows[i].valid);
        char told[64];
        sprintf(told, "T%s ", rows[i].text);
        one(0x81, 0, rows[i].text, size, rows[i].valid ? told : "B1007 ");
    }
}

static void handshake(void **state)
{
    char accept[RF_WEBSOCKET_ACCEPT_SIZE + 1];
    (void)state;
    assert_true(rf_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(rf_websocket_accept("", accept));
    assert_false(rf_websocket_accept("dGhlIHNhbXBsZSBub25jZQ=", accept));
    assert_false(rf_websocket_accept("dGhlIHNhbXBsZSBub25jZXh5", accept)); /* 18 bytes, not 16 */
    assert_false(rf_websocket_accept("dGhlIHNhbXBsZSBub25j!Q==", accept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(breaches),  cmocka_unit_test(sizes),
        cmocka_unit_test(utf8),  cmocka_unit_test(handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
