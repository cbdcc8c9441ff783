/* base/decimal.h and base/bytes.h: exact or refused, never rounded, never out of bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/decimal.h"

static rf_decimal_status parse(const char *text, unsigned decimals, int64_t *value)
{
    return rf_decimal_parse(text, strlen(text), decimals, value);
}

static void reads_what_is_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned decimals;
        int64_t value;
    } rows[] = {
        {"0", 8, 0},
        {"1", 0, 1},
        {"12.5", 8, 1250000000},
        {"-12.5", 1, -125},
        {"0.0001", 4, 1},
        {"007", 0, 7},
        {"1.500", 1, 15},
        {"10.0", 0, 10},
        {"-0", 2, 0},
        {"-0.00", 0, 0},
        {"92233720368.54775807", 8, INT64_MAX},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775807", 0, -INT64_MAX},
        {"9.2", 18, 9200000000000000000},
        {"0.000000000000000001", 18, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 77;
        assert_int_equal(parse(rows[i].text, rows[i].decimals, &value), RF_DECIMAL_OK);
        assert_int_equal(value, rows[i].value);
    }
}

static void refuses_the_rest_and_leaves_the_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned decimals;
        rf_decimal_status status;
    } rows[] = {
        {"", 8, RF_DECIMAL_MALFORMED},
        {"-", 8, RF_DECIMAL_MALFORMED},
        {"+1", 8, RF_DECIMAL_MALFORMED},
        {".5", 8, RF_DECIMAL_MALFORMED},
        {"5.", 8, RF_DECIMAL_MALFORMED},
        {"1e5", 8, RF_DECIMAL_MALFORMED},
        {"1E-5", 8, RF_DECIMAL_MALFORMED},
        {"1.2.3", 8, RF_DECIMAL_MALFORMED},
        {"--1", 8, RF_DECIMAL_MALFORMED},
        {" 1", 8, RF_DECIMAL_MALFORMED},
        {"1 ", 8, RF_DECIMAL_MALFORMED},
        {"0x10", 8, RF_DECIMAL_MALFORMED},
        {"NaN", 8, RF_DECIMAL_MALFORMED},
        {"Infinity", 8, RF_DECIMAL_MALFORMED},
        {"1,000", 8, RF_DECIMAL_MALFORMED},
        {"0.000000001", 8, RF_DECIMAL_TOO_FINE},
        {"1.05", 1, RF_DECIMAL_TOO_FINE},
        {"10.5", 0, RF_DECIMAL_TOO_FINE},
        {"92233720368.54775808", 8, RF_DECIMAL_TOO_LARGE},
        {"-9223372036854775808", 0, RF_DECIMAL_TOO_LARGE},
        {"99999999999999999999999999", 0, RF_DECIMAL_TOO_LARGE},
        {"10", 18, RF_DECIMAL_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 77;
        assert_int_equal(parse(rows[i].text, rows[i].decimals, &value), rows[i].status);
        assert_int_equal(value, 77);
    }
}

static void reads_identifiers(void **state)
{
    (void)state;
    uint64_t id = 0;
    assert_true(rf_decimal_parse_id("18446744073709551615", 20, &id));
    assert_true(id == UINT64_MAX);
    assert_true(rf_decimal_parse_id("0", 1, &id));
    assert_true(id == 0);
    static const char *const bad[] = {"", "-1", "1.0", "18446744073709551616", "12a", " 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rf_decimal_parse_id(bad[i], strlen(bad[i]), &id));
}

static void check_print(rf_wide value, unsigned decimals, const char *expected)
{
    char text[RF_DECIMAL_TEXT_MAX + 1];
    text[rf_decimal_print(text, value, decimals)] = 0;
    assert_string_equal(text, expected);
}

static void prints_all_decimals(void **state)
{
    (void)state;
    check_print(0, 0, "0");
    check_print(0, 8, "0.00000000");
    check_print(5, 1, "0.5");
    check_print(-5, 8, "-0.00000005");
    check_print(1250000000, 8, "12.50000000");
    check_print(INT64_MIN, 0, "-9223372036854775808");
    check_print((rf_wide)INT64_MAX * 1000, 8, "92233720368547.75807000");
    rf_wide most = (rf_wide)(((rf_uwide)1 << 127) - 1);
    check_print(most, 0, "170141183460469231731687303715884105727");
    check_print(-most, 18, "-170141183460469231731.687303715884105727");
}

static void counts_places(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned places;
    } rows[] = {{"1", 0}, {"0.5", 1}, {"0.0100", 2}, {"10.000", 0}, {"0.00000001", 8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rf_decimal_places(rows[i].text, strlen(rows[i].text)), rows[i].places);
}

/* Every value in a range goes through text and back. */
static void text_and_back(void **state)
{
    (void)state;
    for (int64_t value = -120000; value <= 120000; value += 7) {
        for (unsigned decimals = 0; decimals <= 18; decimals += 3) {
            char text[RF_DECIMAL_TEXT_MAX];
            int64_t back = 0;
            size_t size = rf_decimal_print(text, value, decimals);
            assert_int_equal(rf_decimal_parse(text, size, decimals, &back), RF_DECIMAL_OK);
            assert_int_equal(back, value);
        }
    }
}

/* Against one digit at a time, at and around every power of ten and of two. */
static void prints_what_division_says(void **state)
{
    (void)state;
    rf_uwide power = 1;
    for (unsigned i = 0; i < 38 + 127; i++) {
        power = i < 38 ? (i ? power * 10 : 1) : (rf_uwide)1 << (i - 38);
        for (rf_uwide value = power - 1; value <= power + 1; value++) {
            for (unsigned decimals = 0; decimals <= RF_DECIMALS_MAX; decimals++) {
                char expected[RF_DECIMAL_TEXT_MAX], text[RF_DECIMAL_TEXT_MAX];
                size_t at = sizeof expected;
                rf_uwide rest = value;
                for (unsigned digit = 0; digit <= decimals || rest > 0; digit++, rest /= 10) {
                    if (digit > 0 && digit == decimals)
                        expected[--at] = '.';
                    expected[--at] = (char)('0' + (int)(rest % 10));
                }
                size_t size = rf_decimal_print(text, (rf_wide)value, decimals);
                assert_int_equal(size, sizeof expected - at);
                assert_memory_equal(text, expected + at, size);
            }
        }
    }
}

static void bytes_stop_at_their_end(void **state)
{
    (void)state;
    char memory[8] = "???????";
    rf_bytes bytes;
    rf_bytes_init(&bytes, memory, 5, NULL);
    rf_bytes_text(&bytes, "abc");
    rf_bytes_text(&bytes, "def");
    assert_true(bytes.full);
    rf_bytes_char(&bytes, 'x');
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(memory, "abc????", 7);
    rf_bytes_cut(&bytes, 1);
    assert_false(bytes.full);
    rf_bytes_hex(&bytes, 0xbeef, 4);
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(memory, "abeef??", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_exact),
        cmocka_unit_test(refuses_the_rest_and_leaves_the_value),
        cmocka_unit_test(reads_identifiers),
        cmocka_unit_test(prints_all_decimals),
        cmocka_unit_test(prints_what_division_says),
        cmocka_unit_test(counts_places),
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(bytes_stop_at_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
