/* api/json.h and api/put.h: raw numbers, bounds, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json.h"
#include "api/put.h"

static rf_json_token tokens[RF_JSON_TOKENS_MAX];
static char text[RF_JSON_TEXT_MAX + RF_JSON_TOKENS_MAX];
static rf_json json;

static bool parse(const char *input)
{
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    return rf_json_parse(&json, input, strlen(input));
}

static void keeps_raw_numbers(void **state)
{
    (void)state;
    assert_true(parse("{\"a\":1e-7,\"b\":0.10,\"c\":12345678901234567890123,\"d\":-0}"));
    assert_int_equal(json.tokens[0].count, 4);
    assert_string_equal(rf_json_text(&json, rf_json_member(&json, 0, "a")), "1e-7");
    assert_string_equal(rf_json_text(&json, rf_json_member(&json, 0, "b")), "0.10");
    assert_string_equal(rf_json_text(&json, rf_json_member(&json, 0, "c")),
                        "12345678901234567890123");
    assert_string_equal(rf_json_text(&json, rf_json_member(&json, 0, "d")), "-0");
    assert_int_equal(rf_json_member(&json, 0, "e"), 0);
}

static void walks_trees(void **state)
{
    (void)state;
    assert_true(parse(" {\"x\":[[1,2],{\"y\":\"\\u0041\\n\\\"\"},true,null],\"z\":false} "));
    uint32_t x = rf_json_member(&json, 0, "x");
    assert_int_equal(json.tokens[x].count, 4);
    uint32_t inner = rf_json_element(&json, x, 0);
    assert_int_equal(json.tokens[inner].kind, RF_JSON_ARRAY);
    assert_string_equal(rf_json_text(&json, rf_json_element(&json, inner, 1)), "2");
    uint32_t object = rf_json_element(&json, x, 1);
    assert_true(rf_json_is(&json, rf_json_member(&json, object, "y"), "A\n\""));
    assert_int_equal(json.tokens[rf_json_element(&json, x, 2)].truth, 1);
    assert_int_equal(json.tokens[rf_json_element(&json, x, 3)].kind, RF_JSON_NULL);
    assert_int_equal(rf_json_element(&json, x, 4), 0);
    assert_int_equal(json.tokens[rf_json_member(&json, 0, "z")].truth, 0);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}{}",
        "{\"a\":1,}",
        "{a:1}",
        "[01]",
        "{\"a\":NaN}",
        "'x'",
        "{\"a\":1,\"a\":2}",
        "{\"o\":{\"k\":1,\"l\":2,\"k\":3}}",
        "[\"\\u0000\"]",
        "{\"a\\u0000\":1}",
        "[\"\xff\xfe\"]",
        "[\"\xc3\"]",
        "[\"\xc0\x80\"]",     /* overlong */
        "[\"\xed\xa0\x80\"]", /* a surrogate */
        "[1] x",
        "[\"a\nb\"]",
        "// c\n[]",
        "[+1]",
        "[.5]",
        "[1.]",
        "nul",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "[1}",
        "[-]",
        "[1e]",
        "[1e+]",
        "[\"\\u12g4\"]",
        "[\"\\x\"]",
        "[\"abcdefgh\001\"]",
        "[\"abcdefgh",
        "\v[]",
        "[]]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(bad[i]))
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(json.error);
    }
    /* The same name in two objects is fine. */
    assert_true(parse("[{\"a\":1},{\"a\":1,\"b\":{\"a\":2}}]"));
}

static void unescapes(void **state)
{
    (void)state;
    assert_true(parse("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u00e9\\u20AC\\ud83d\\ude00\","
                      "\"\\ud83dx\\ude00\",\"\\ud83d\\ud83d\\ude00\"]"));
    assert_string_equal(rf_json_text(&json, 1), "\"\\/\b\f\n\r\t");
    assert_string_equal(rf_json_text(&json, 2), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(rf_json_text(&json, 3), "?x?"); /* half a pair is no character */
    assert_string_equal(rf_json_text(&json, 4), "?\xf0\x9f\x98\x80");
}

static void nested(char *input, int depth)
{
    memset(input, '[', (size_t)depth);
    memset(input + depth, ']', (size_t)depth);
    input[2 * depth] = 0;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static char input[200001];
    nested(input, RF_JSON_DEPTH_MAX);
    assert_true(parse(input));
    nested(input, RF_JSON_DEPTH_MAX + 1);
    assert_false(parse(input));
    assert_string_equal(json.error, "too deep");
    nested(input, 100000);
    assert_false(parse(input));
}

static void width_is_bounded(void **state)
{
    (void)state;
    static char input[RF_JSON_TEXT_MAX + 64];
    size_t size = 0;
    input[size++] = '[';
    for (int i = 0; i < RF_JSON_TOKENS_MAX; i++) {
        input[size++] = '0';
        input[size++] = ',';
    }
    input[size - 1] = ']';
    input[size] = 0;
    assert_false(parse(input));
    assert_string_equal(json.error, "too many values");
    memset(input, ' ', RF_JSON_TEXT_MAX + 1);
    input[RF_JSON_TEXT_MAX + 1] = 0;
    assert_false(parse(input));
    assert_string_equal(json.error, "too long");
}

static void members_are_bounded(void **state)
{
    (void)state;
    static char input[RF_JSON_MEMBERS_MAX * 12 + 32];
    for (int extra = 0; extra < 2; extra++) {
        char *at = input;
        *at++ = '{';
        for (int i = 0; i < RF_JSON_MEMBERS_MAX + extra; i++) {
            memcpy(at, "\"k000\":1,", 9);
            at[2] = (char)('0' + i / 100);
            at[3] = (char)('0' + i / 10 % 10);
            at[4] = (char)('0' + i % 10);
            at += 9;
        }
        at[-1] = '}';
        *at = 0;
        assert_int_equal(parse(input), extra == 0);
    }
}

/* Cutting or changing single bytes never does more than refuse or accept. */
static void survives_damage(void **state)
{
    (void)state;
    static const char good[] =
        "{\"id\":1,\"params\":{\"a\":[\"x\\u00e9\",1.50,{\"b\":null}],\"c\":true}}";
    char input[sizeof good];
    for (size_t at = 0; at < sizeof good - 1; at++) {
        memcpy(input, good, sizeof good);
        input[at] = 0;
        assert_false(parse(input));
        for (int byte = 1; byte < 256; byte += 5) {
            memcpy(input, good, sizeof good);
            input[at] = (char)byte;
            if (parse(input))
                assert_true(json.tokens[0].next == json.tokens_count);
        }
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    char memory[256];
    rf_bytes out;
    rf_bytes_init(&out, memory, sizeof memory, NULL);
    rf_put_open(&out, NULL, '{');
    rf_put_int(&out, "n", -3);
    rf_put_text(&out, "t", "a\"\\\n[");
    rf_put_open(&out, "a", '[');
    rf_put_id(&out, NULL, UINT64_MAX);
    rf_put_money(&out, NULL, 1);
    rf_put_open(&out, NULL, '{');
    rf_put_close(&out, '}');
    rf_put_null(&out, NULL);
    rf_put_close(&out, ']');
    rf_put_bool(&out, "b", true);
    rf_put_close(&out, '}');
    rf_bytes_char(&out, 0);
    assert_false(out.full);
    assert_string_equal(memory, "{\"n\":-3,\"t\":\"a\\\"\\\\\\u000a[\",\"a\":["
                                "\"18446744073709551615\",\"0.00000001\",{},null],\"b\":true}");
    assert_true(parse(memory));
    assert_true(rf_json_is(&json, rf_json_member(&json, 0, "t"), "a\"\\\n["));
}

/* A special character at every place of texts of every length up to three words: the reader and the
 * writer look at eight bytes at a time. */
static void finds_what_is_special(void **state)
{
    (void)state;
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    static const char special[] = {'"', '\\', 1, 0x1f, ' ', '!', '#', '[', ']', 0x7f};
    for (size_t size = 1; size <= 24; size++) {
        for (size_t i = 0; i < size * sizeof special; i++) {
            char plain[32], memory[256];
            rf_bytes out;
            memset(plain, 'a' + (int)size, size);
            plain[i / sizeof special] = special[i % sizeof special];
            rf_bytes_init(&out, memory, sizeof memory, NULL);
            rf_bytes_char(&out, '"');
            rf_put_escaped(&out, plain, size);
            rf_bytes_char(&out, '"');
            assert_true(rf_json_parse(&json, memory, out.size));
            assert_int_equal(json.tokens[0].text_size, size);
            assert_memory_equal(rf_json_text(&json, 0), plain, size);
            char c = special[i % sizeof special];
            bool escaped = c == '"' || c == '\\' || c < ' ';
            assert_int_equal(out.size, size + 2 + (escaped ? c < ' ' ? 5 : 1 : 0));
            if (c == '\\' || !escaped)
                continue;
            /* As it is, it ends the text or has no place in it. */
            memory[0] = '"';
            memcpy(memory + 1, plain, size);
            memory[size + 1] = '"';
            assert_false(rf_json_parse(&json, memory, size + 2));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_raw_numbers),
        cmocka_unit_test(walks_trees),
        cmocka_unit_test(refuses),
        cmocka_unit_test(unescapes),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(width_is_bounded),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(finds_what_is_special),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
