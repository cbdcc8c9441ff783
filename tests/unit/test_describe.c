/* api/describe.h: nothing of the tables is missing, what refers to something finds it, and operators' methods are not
 * shown to everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/describe.h"

static char openapi[1 << 18], schema[1 << 18], reference[1 << 18];

static void write_all(char *memory, void (*describe)(rf_bytes *out))
{
    rf_bytes out;
    rf_bytes_init(&out, memory, (1 << 18) - 1, NULL);
    describe(&out);
    assert_false(out.full);
    memory[out.size] = '\0';
}

static int prepare(void **state)
{
    (void)state;
    write_all(openapi, rf_describe_openapi);
    write_all(schema, rf_describe_schema);
    write_all(reference, rf_describe_reference);
    return 0;
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        found++;
    return found;
}

static bool is_published(const rf_method *method)
{
    return method->door != RF_DOOR_OPERATOR && !(method->flags & RF_METHOD_CONNECTION);
}

static void every_method_once(void **state)
{
    (void)state;
    char line[256];
    for (unsigned i = 0; i < RF_M_COUNT; i++) {
        const rf_method *method = &rf_methods[i];
        snprintf(line, sizeof line, "\n  /%s:\n    %s:\n", method->name,
                 method->door == RF_DOOR_PUBLIC ? "get" : "post");
        assert_int_equal(count(openapi, line), is_published(method));
        snprintf(line, sizeof line, "\n      summary: %s\n      description: \"%s\"\n",
                 method->name, method->doc);
        assert_int_equal(count(openapi, line), is_published(method));
        char limit[64];
        rf_quota quota = rf_method_quota(method);
        snprintf(limit, sizeof limit, "%u in %u ms", quota.calls, quota.period_ms);
        snprintf(
            line, sizeof line,
            "      summary: %s\n      description: \"%s\"\n      x-rate-limit: \"%s, each %s\"\n",
            method->name, method->doc, limit, method->door == RF_DOOR_PUBLIC ? "address" : "key");
        assert_int_equal(count(openapi, line), is_published(method));
        snprintf(line, sizeof line, "\n### %s\n\n%s ", method->name, method->doc);
        assert_int_equal(count(reference, line), 1);
    }
    assert_int_equal(count(openapi, "/operator/"), 0);
}

static void results(void **state)
{
    (void)state;
    unsigned described = 0;
    for (unsigned i = 0; i < RF_M_COUNT; i++)
        described += is_published(&rf_methods[i]) && rf_describe_has_result(&rf_methods[i]);
    assert_int_equal(count(schema, "        - $ref: \"#/components/schemas/answer\"\n"), described);
    assert_true(described > 50);
    assert_non_null(strstr(schema, "\n    answer.private.advanced.create-oco:\n"
                                   "      type: object\n"
                                   "      allOf:\n"
                                   "        - $ref: \"#/components/schemas/answer\"\n"
                                   "      properties:\n"
                                   "        result:\n"
                                   "          type: object\n"
                                   "          properties:\n"
                                   "            \"list_id\":\n"
                                   "              type: string\n"));
    /* A list in a list, and what follows it. */
    assert_non_null(strstr(schema, "                  \"bids\":\n"
                                   "                    type: array\n"
                                   "                    items:\n"
                                   "                      type: array\n"
                                   "                      items:\n"
                                   "                        type: string\n"));
    assert_int_equal(count(openapi, "#/components/schemas/answer."), described);
}

/* cdcx offers nothing under a tag that it does not know. */
static void tags_that_clients_know(void **state)
{
    (void)state;
    static const char *const tags[] = {
        "Reference and Market Data",
        "Account Balance and Positions",
        "Trading",
        "Advanced Order Management",
        "Crypto Wallet",
        "Transaction History",
    };
    unsigned known = 0;
    char line[128];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        snprintf(line, sizeof line, "      tags:\n        - %s\n", tags[i]);
        known += count(openapi, line);
    }
    assert_int_equal(known, count(openapi, "      tags:\n"));
    assert_int_equal(known, count(openapi, "      summary: "));
}

static void references_find_their_schema(void **state)
{
    (void)state;
    static const char mark[] = "#/components/schemas/";
    static const char *const texts[] = {openapi, schema};
    unsigned found = 0;
    for (size_t i = 0; i < 2; i++)
        for (const char *at = texts[i]; (at = strstr(at, mark)) != NULL; found++) {
            char line[256];
            at += sizeof mark - 1;
            snprintf(line, sizeof line, "\n    %.*s:\n      type: object\n", (int)strcspn(at, "\""),
                     at);
            assert_int_equal(count(schema, line), 1);
        }
    assert_true(found > 100);
}

static void every_parameter(void **state)
{
    (void)state;
    char line[512];
    for (unsigned i = 0; i < RF_M_COUNT; i++) {
        const rf_method *method = &rf_methods[i];
        unsigned rows;
        const rf_param *params = &rf_params[rf_params_of(method->params, &rows)];
        for (unsigned p = 0; p < rows; p++) {
            const rf_param *param = &params[p];
            if (is_published(method)) {
                snprintf(line, sizeof line, "description: \"%s\"\n", param->doc);
                assert_true(count(method->door == RF_DOOR_PUBLIC ? openapi : schema, line) > 0);
            }
            snprintf(line, sizeof line, "| `%s` | ", param->name);
            assert_true(count(reference, line) > 0);
        }
    }
    assert_non_null(strstr(schema, "    params.BOOK:") ? NULL
                                                       : schema); /* a GET's stands in place */
    assert_non_null(strstr(schema, "    params.MARGIN:\n"
                                   "      type: object\n"
                                   "      required:\n"
                                   "        - isolation_id\n"
                                   "        - direction\n"
                                   "        - amount\n"
                                   "      properties:\n"
                                   "        isolation_id:\n"
                                   "          description: \"isolation\"\n"
                                   "          type: string\n"
                                   "        direction:\n"));
    assert_non_null(strstr(schema, "          type: array\n"
                                   "          items:\n"
                                   "            type: string\n"
                                   "            enum:\n"
                                   "              - \"POST_ONLY\"\n"));
    assert_non_null(strstr(reference,
                           "| `client_oid` | text | | the caller's own name, up to 36 bytes; "
                           "also spelled `clientOrderId` | 40004 |\n"));
}

static void every_code_and_channel(void **state)
{
    (void)state;
    static const rf_error codes[] = {
#define RF_ERROR(name, code, http, when) RF_ERR_##name,
#include "engine/errors.def"
#undef RF_ERROR
    };
    char line[256];
    const char *last = reference;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        snprintf(line, sizeof line, "\n| %d | %s | %d | ", (int)codes[i], rf_error_name(codes[i]),
                 rf_error_http(codes[i]));
        const char *at = strstr(reference, line);
        assert_non_null(at);
        assert_true(at > last); /* the order is the order of precedence */
        last = at;
    }
    assert_non_null(strstr(reference, "\n| `user.order[.{inst}]` | "));
    assert_non_null(strstr(reference, "\n| `book.{inst}[.{depth}]` | "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_once),      cmocka_unit_test(results),
        cmocka_unit_test(tags_that_clients_know), cmocka_unit_test(references_find_their_schema),
        cmocka_unit_test(every_parameter),        cmocka_unit_test(every_code_and_channel),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
