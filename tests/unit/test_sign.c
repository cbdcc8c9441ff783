/* server/sign.h: the vectors of docs/api.md, both clients' ways with numbers, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/sign.h"

static rf_json_token tokens[RF_JSON_TOKENS_MAX];
static char text[RF_JSON_TEXT_MAX + RF_JSON_TOKENS_MAX];
static rf_json json;

/* The call of a method whose params are this text; NULL: none. */
static rf_signed_call call_of(const char *method, const char *params)
{
    static char whole[RF_JSON_TEXT_MAX];
    rf_signed_call call = {
        .method = method,
        .id = "1700000000000",
        .api_key = "ringfence-test-key",
        .nonce = "1700000000000",
        .json = &json,
    };
    if (!params)
        return call;
    whole[0] = '\0';
    strcat(strcat(strcat(whole, "{\"p\":"), params), "}");
    rf_json_init(&json, tokens, RF_JSON_TOKENS_MAX, text, sizeof text);
    assert_true(rf_json_parse(&json, whole, strlen(whole)));
    call.params = rf_json_member(&json, 0, "p");
    return call;
}

static rf_signer *open_signer(const char *secret)
{
    rf_signer *signer = rf_signer_open(secret, strlen(secret));
    assert_non_null(signer);
    return signer;
}

static bool check(const char *secret, const rf_signed_call *call, const char *signature)
{
    uint8_t bytes[RF_SIGNATURE_SIZE];
    rf_signer *signer = open_signer(secret);
    bool good = rf_sign_check(signer, call, signature, bytes);
    /* The key stays in the signer: the second answer is the first one. */
    assert_int_equal(rf_sign_check(signer, call, signature, bytes), good);
    rf_signer_close(signer);
    return good;
}

typedef struct vector {
    const char *method, *params, *signature;
} vector;

static const vector vectors[] = {
    {"private/create-order",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\",\"price\":\"50000."
     "5\","
     "\"quantity\":\"0.0100\",\"exec_inst\":[\"POST_ONLY\",\"ISOLATED_MARGIN\"],\"time_in_force\":"
     "\"GOOD_TILL_CANCEL\",\"leverage\":\"10\",\"isolated_margin_amount\":\"60\",\"client_oid\":"
     "\"c1\"}",
     "eadbfffc9a408ad771db029d896d1ab63929fa1df2d572f917c34c2758725f25"},
    {"private/user-balance", "{}",
     "aff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa6513"},
    {"private/create-order-list",
     "{\"contingency_type\":\"LIST\",\"order_list\":[{\"instrument_name\":\"BTCUSD-PERP\",\"side\":"
     "\"BUY\",\"type\":\"LIMIT\",\"price\":\"1\",\"quantity\":\"2\",\"exec_inst\":[\"POST_ONLY\"]},"
     "{\"side\":\"SELL\",\"instrument_name\":\"ETHUSD-PERP\",\"type\":\"MARKET\",\"quantity\":"
     "\"3\"}]}",
     "48ea403802514f15d4f635e88fdef0b520987c7c3c4c693b88180c23e72c7a33"},
    {"private/get-trades",
     "{\"instrument_name\":\"BTCUSD-PERP\",\"start_time\":1619089031996,\"limit\":20,\"flag\":true,"
     "\"tiny\":1e-7}",
     "f38312ffdea071fd229bc0f745d61293b53d1dfde33ee79e81bd3976706c7f6d"},
    {"public/auth", NULL, "328abd117b511a50045afe1bf315bef2c6595eed73b58a68f8306d945a494146"},
};

static void agrees_with_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char signature[RF_SIGNATURE_TEXT];
        rf_signed_call call = call_of(vectors[i].method, vectors[i].params);
        rf_signer *signer = open_signer("ringfence-test-secret");
        assert_true(rf_sign(signer, &call, signature));
        assert_string_equal(signature, vectors[i].signature);
        rf_signer_close(signer);
        assert_true(check("ringfence-test-secret", &call, vectors[i].signature));
        assert_false(check("ringfence-test-secres", &call, vectors[i].signature));
    }
}

/* RFC 4231, and keys on both sides of a block's length: what is signed is the method alone. */
static void agrees_with_the_rfc(void **state)
{
    (void)state;
    static const struct {
        int fill;
        size_t size;
        const char *message, *signature;
    } rows[] = {
        {0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {0x61, 64, "m", "cd11329ff173063b748ca80406312ca140e95e65d03ba7fa546fdaab1aac03f1"},
        {0x61, 65, "m", "5d5f27064dc43c62a01463f9866c581d865b2ddcbb928b616b43a5f0e71f5de5"},
        {0x61, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[256], signature[RF_SIGNATURE_TEXT];
        const rf_signed_call call = {.method = rows[i].message, .json = &json};
        memset(key, rows[i].fill, sizeof key);
        rf_signer *signer = rf_signer_open(key, rows[i].size);
        assert_non_null(signer);
        for (int again = 0; again < 2; again++) {
            assert_true(rf_sign(signer, &call, signature));
            assert_string_equal(signature, rows[i].signature);
        }
        rf_signer_close(signer);
    }
}

static void agrees_with_the_documents_sample(void **state)
{
    (void)state;
    rf_signed_call call = call_of("private/get-order-detail", "{\"order_id\":\"53287421324\"}");
    call.id = "11";
    call.api_key = "token";
    call.nonce = "1587846358253";
    assert_true(check("secretKey", &call,
                      "02ef0a52c9428e5d3dcc5dd24d534ca39ef73f35acd3f6945f139a2364ef67a9"));
}

static void accepts_either_case_and_nothing_else(void **state)
{
    (void)state;
    rf_signed_call call = call_of("private/user-balance", "{}");
    const char *secret = "ringfence-test-secret";
    assert_true(
        check(secret, &call, "AFF87E680721D6F955A2CB7DC8A47890F2BBEA1D80D369EC41EE11ECDBFA6513"));
    static const char *const wrong[] = {
        "",
        "aff87e",
        "aff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa651",   /* a digit less */
        "aff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa65130", /* a digit more */
        "aff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa6514",
        "bff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa6513",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "gff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa6513",
        "aff87e680721d6f955a2cb7dc8a47890f2bbea1d80d369ec41ee11ecdbfa65 3",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(check(secret, &call, wrong[i]));
    assert_false(check(secret, &call, NULL));
}

static void assert_payload(const char *params, bool strip, const char *expected)
{
    char memory[4096];
    rf_bytes out;
    rf_signed_call call = call_of("m", params);
    call.id = call.api_key = call.nonce = "|";
    rf_bytes_init(&out, memory, sizeof memory - 1, NULL);
    assert_true(rf_sign_payload(&call, strip, &out));
    memory[out.size] = '\0';
    assert_string_equal(memory, expected);
}

static void signs_what_was_sent(void **state)
{
    (void)state;
    assert_payload("{}", false, "m|||");
    assert_payload("{\"b\":1,\"a\":2,\"ab\":3,\"B\":4}", false, "m||B4a2ab3b1|");
    assert_payload("{\"a\":null,\"c\":false,\"b\":[[],{},[1,[2]]]}", false, "m||anullb12cfalse|");
    assert_payload("{\"a\":\"\\u0041\\n\\u00e9\"}", false, "m||aA\n\xc3\xa9|");
    assert_payload("{\"o\":{\"z\":1,\"y\":{\"x\":[3,1,2]}}}", false, "m||oyx312z1|");
    assert_payload("{\"a\":10.50,\"b\":5.000,\"c\":1e-7,\"d\":1.50e3,\"e\":100,\"f\":-0.10}", false,
                   "m||a10.50b5.000c1e-7d1.50e3e100f-0.10|");
    assert_payload("{\"a\":10.50,\"b\":5.000,\"c\":1e-7,\"d\":1.50e3,\"e\":100,\"f\":-0.10}", true,
                   "m||a10.5b5c1e-7d1.50e3e100f-0.1|");
    assert_payload("{\"a\":\"0.100\"}", true, "m||a0.100|"); /* a string is not a number */
}

/* A client that signs 0.1 for the 0.100 that it sends is let in, at the price of a second HMAC. */
static void accepts_stripped_numbers(void **state)
{
    (void)state;
    char signature[RF_SIGNATURE_TEXT];
    rf_signer *signer = open_signer("s");
    rf_signed_call call = call_of("private/x", "{\"amount\":0.1}");
    assert_true(rf_sign(signer, &call, signature));
    call = call_of("private/x", "{\"amount\":0.100}");
    assert_true(check("s", &call, signature));
    call = call_of("private/x", "{\"amount\":0.2}");
    assert_false(check("s", &call, signature));
    rf_signer_close(signer);
}

static void refuses_depth_and_length(void **state)
{
    (void)state;
    char signature[RF_SIGNATURE_TEXT];
    rf_signer *signer = open_signer("s");
    rf_signed_call call = call_of("m", "{\"a\":[[[[[[[1]]]]]]]}");
    assert_true(rf_sign(signer, &call, signature)); /* 8 deep */
    call = call_of("m", "{\"a\":[[[[[[[[1]]]]]]]]}");
    assert_false(rf_sign(signer, &call, signature));
    char *longer = malloc(RF_JSON_TEXT_MAX);
    assert_non_null(longer);
    memset(longer, 'x', RF_PAYLOAD_MAX + 10);
    memcpy(longer, "{\"a\":\"", 6);
    memcpy(longer + RF_PAYLOAD_MAX + 10, "\"}", 3);
    call = call_of("m", longer);
    assert_false(rf_sign(signer, &call, signature));
    free(longer);
    rf_signer_close(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_vectors),
        cmocka_unit_test(agrees_with_the_rfc),
        cmocka_unit_test(agrees_with_the_documents_sample),
        cmocka_unit_test(accepts_either_case_and_nothing_else),
        cmocka_unit_test(signs_what_was_sent),
        cmocka_unit_test(accepts_stripped_numbers),
        cmocka_unit_test(refuses_depth_and_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
