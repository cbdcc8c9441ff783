/* Price files: what is read, what is refused, and with which words. */
#include "prices/number.h"
#include "prices/prices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* One bar: "open_time,open,high,low,close,volume" and 1700000000000,10,12.5,9,11,7. */
static const unsigned char packed_gzip[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x2f, 0x48, 0xcd, 0x8b,
    0x2f, 0xc9, 0xcc, 0x4d, 0xd5, 0xc9, 0x07, 0xb2, 0x74, 0x32, 0x32, 0xd3, 0x33, 0x74, 0x72,
    0xf2, 0xcb, 0x75, 0x92, 0x73, 0xf2, 0x8b, 0x53, 0x75, 0xca, 0xf2, 0x73, 0x4a, 0x73, 0x53,
    0xb9, 0x0c, 0xcd, 0x0d, 0x10, 0x40, 0xc7, 0x10, 0x88, 0x8c, 0xf4, 0x4c, 0x75, 0x2c, 0x75,
    0x0c, 0x0d, 0x75, 0xcc, 0xb9, 0x00, 0xba, 0x18, 0x41, 0xd8, 0x42, 0x00, 0x00, 0x00,
};

static const unsigned char packed_zip[] = {
    0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0xba,
    0x18, 0x41, 0xd8, 0x42, 0x00, 0x00, 0x00, 0x42, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00,
    0x62, 0x61, 0x72, 0x73, 0x2e, 0x63, 0x73, 0x76, 0x6f, 0x70, 0x65, 0x6e, 0x5f, 0x74, 0x69,
    0x6d, 0x65, 0x2c, 0x6f, 0x70, 0x65, 0x6e, 0x2c, 0x68, 0x69, 0x67, 0x68, 0x2c, 0x6c, 0x6f,
    0x77, 0x2c, 0x63, 0x6c, 0x6f, 0x73, 0x65, 0x2c, 0x76, 0x6f, 0x6c, 0x75, 0x6d, 0x65, 0x0a,
    0x31, 0x37, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x2c, 0x31,
    0x30, 0x2c, 0x31, 0x32, 0x2e, 0x35, 0x2c, 0x39, 0x2c, 0x31, 0x31, 0x2c, 0x37, 0x0a, 0x50,
    0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00,
    0xba, 0x18, 0x41, 0xd8, 0x42, 0x00, 0x00, 0x00, 0x42, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x62, 0x61, 0x72, 0x73, 0x2e, 0x63, 0x73, 0x76, 0x50, 0x4b, 0x05, 0x06, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x01, 0x00, 0x36, 0x00, 0x00, 0x00, 0x68, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static const unsigned char packed_two[] = {
    0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x43, 0xbe,
    0xb7, 0xe8, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x61, 0x2e,
    0x63, 0x73, 0x76, 0x61, 0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x21, 0x00, 0xf9, 0xef, 0xbe, 0x71, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05, 0x00,
    0x00, 0x00, 0x62, 0x2e, 0x63, 0x73, 0x76, 0x62, 0x50, 0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0x43, 0xbe, 0xb7, 0xe8, 0x01, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x61, 0x2e, 0x63, 0x73, 0x76, 0x50, 0x4b, 0x01, 0x02, 0x14,
    0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21, 0x00, 0xf9, 0xef, 0xbe, 0x71, 0x01,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x80, 0x01, 0x24, 0x00, 0x00, 0x00, 0x62, 0x2e, 0x63, 0x73, 0x76, 0x50, 0x4b,
    0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x66, 0x00, 0x00, 0x00, 0x48, 0x00,
    0x00, 0x00, 0x00, 0x00,
};

static bool parse(rf_prices *prices, const char *text)
{
    return rf_prices_parse(prices, "p.csv", (const unsigned char *)text, strlen(text));
}

static void refused(const char *text, const char *message)
{
    rf_prices prices;
    assert_false(parse(&prices, text));
    assert_string_equal(prices.error, message);
    assert_null(prices.bars);
}

/* ---- Numbers ------------------------------------------------------------------------------------
 */

static void decimal_is(const char *text, rf_wide want)
{
    rf_wide value;
    assert_int_equal(rf_number_decimal(text, strlen(text), &value), RF_NUMBER_FINE);
    assert_true(value == want);
}

static void decimal_faults(const char *text, rf_number_fault want)
{
    rf_wide value;
    assert_int_equal(rf_number_decimal(text, strlen(text), &value), want);
}

static void test_decimals_are_exact_or_refused(void **state)
{
    (void)state;
    decimal_is("0", 0);
    decimal_is("9158.5", 915850000000);
    decimal_is("0.00000001", 1);
    decimal_is("46222.010000000000", 4622201000000);
    decimal_is("123456789012345678", (rf_wide)123456789012345678 * RF_E8);
    decimal_faults("", RF_NUMBER_EMPTY);
    decimal_faults("-1", RF_NUMBER_MALFORMED);
    decimal_faults("+1", RF_NUMBER_MALFORMED);
    decimal_faults("1e5", RF_NUMBER_MALFORMED);
    decimal_faults("1.", RF_NUMBER_MALFORMED);
    decimal_faults(".5", RF_NUMBER_MALFORMED);
    decimal_faults("1.2.3", RF_NUMBER_MALFORMED);
    decimal_faults("nan", RF_NUMBER_MALFORMED);
    decimal_faults("0.000000001", RF_NUMBER_TOO_PRECISE);
    decimal_faults("99999999999.00000000000000000000000001", RF_NUMBER_TOO_PRECISE);
    decimal_faults("99999999999999999999999999999999999999", RF_NUMBER_TOO_LARGE);
    int64_t narrow;
    assert_int_equal(rf_number_decimal64("92233720369", 11, &narrow), RF_NUMBER_TOO_LARGE);
    assert_int_equal(rf_number_decimal64("92233720368", 11, &narrow), RF_NUMBER_FINE);
}

static void time_is(const char *text, int64_t want, bool want_date)
{
    int64_t time_ms;
    bool is_date;
    assert_true(rf_number_time(text, &time_ms, &is_date));
    assert_int_equal(time_ms, want);
    assert_int_equal(is_date, want_date);
}

static void test_times(void **state)
{
    int64_t time_ms;
    bool is_date;
    static const char *const wrong[] = {
        "",           "2020-02-30", "2020-13-01",       "2020-3-07",       "2020-03-07T",
        "1969-12-31", "x",          "2020-03-07T24:00", "2020-03-07T1:00", "-5"};
    (void)state;
    time_is("1583539200000", 1583539200000, false);
    time_is("2020-03-07", 1583539200000, true);
    time_is("2020-03-12T10:42", 1584009720000, false);
    time_is("2020-02-29", 1582934400000, true);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(rf_number_time(wrong[i], &time_ms, &is_date));
}

static void test_written_numbers(void **state)
{
    char text[RF_NUMBER_TEXT_SIZE];
    (void)state;
    assert_string_equal(rf_number_format(text, 123456789012, 8), "1234.56789012");
    assert_string_equal(rf_number_format(text, -1, 8), "-0.00000001");
    assert_string_equal(rf_number_format(text, -1, 2), "0.00");
    assert_string_equal(rf_number_format_grouped(text, 123456789012 * 1000, 2), "1,234,567.89");
    assert_string_equal(rf_number_format_grouped(text, -100000 * RF_E8, 0), "-100,000");
    assert_string_equal(rf_number_format_grouped(text, 999 * RF_E8, 2), "999.00");
    assert_string_equal(rf_number_format_time(text, 1584009720000), "2020-03-12 10:42");
}

/* ---- Formats
 * -------------------------------------------------------------------------------------- */

static void test_header_in_any_order(void **state)
{
    rf_prices prices;
    (void)state;
    assert_true(parse(&prices, "\xef\xbb\xbf"
                               "close,ts_open_ms,Low, high,open,volume_usd,trades,vwap\r\n"
                               "9160,1583539200000,9158.5,9160.5,9158.5,2835978,,\r\n"
                               "9160.5,1583539260000,9160,9160.5,9170,,192,9160.8648\r\n\r\n"));
    assert_int_equal(prices.count, 2);
    assert_int_equal(prices.interval_ms, 60000);
    assert_int_equal(prices.decimals, 1);
    assert_true(prices.volume_is_quote);
    assert_int_equal(prices.bars[0].time_ms, 1583539200000);
    assert_int_equal(prices.bars[0].open, 915850000000);
    assert_int_equal(prices.bars[0].high, 916050000000);
    assert_int_equal(prices.bars[0].low, 915850000000);
    assert_int_equal(prices.bars[0].close, 916000000000);
    assert_true(prices.bars[0].volume == (rf_wide)2835978 * RF_E8);
    assert_true(prices.bars[1].volume == RF_VOLUME_UNKNOWN);
    assert_int_equal(prices.bars[1].open,
                     917000000000); /* outside [low, high]: some venues do that */
    rf_prices_finish(&prices);
}

static void test_klines_without_header(void **state)
{
    rf_prices prices;
    (void)state;
    /* Microseconds, as Binance's files of 2025 have them, and no newline at the end. */
    assert_true(parse(
        &prices,
        "1735689600000000,0.0123,0.0125,0.0120,0.0124,5000000000000,1735689659999999,61,9,1,2,0\n"
        "1735689660000000,0.0124,0.0124,0.0124,0.0124,0,1735689719999999,0,0,0,0,0"));
    assert_int_equal(prices.count, 2);
    assert_int_equal(prices.bars[0].time_ms, 1735689600000);
    assert_int_equal(prices.bars[1].time_ms, 1735689660000);
    assert_int_equal(prices.bars[0].high, 1250000);
    assert_int_equal(prices.decimals, 4);
    assert_false(prices.volume_is_quote);
    assert_true(prices.bars[0].volume == (rf_wide)5000000000000 * RF_E8);
    rf_prices_finish(&prices);
}

static void one_bar(const unsigned char *bytes, size_t size)
{
    rf_prices prices;
    assert_true(rf_prices_parse(&prices, "packed", bytes, size));
    assert_int_equal(prices.count, 1);
    assert_int_equal(prices.bars[0].high, 1250000000);
    assert_int_equal(prices.interval_ms, 60000);
    rf_prices_finish(&prices);
}

static void test_packed(void **state)
{
    rf_prices prices;
    unsigned char twice[2 * sizeof packed_gzip];
    (void)state;
    one_bar(packed_gzip, sizeof packed_gzip);
    one_bar(packed_zip, sizeof packed_zip);
    assert_false(rf_prices_parse(&prices, "p", packed_two, sizeof packed_two));
    assert_string_equal(prices.error, "p: a zip of prices holds exactly one file");
    /* Two gzip members are one text: the header comes a second time and is no row. */
    memcpy(twice, packed_gzip, sizeof packed_gzip);
    memcpy(twice + sizeof packed_gzip, packed_gzip, sizeof packed_gzip);
    assert_false(rf_prices_parse(&prices, "p", twice, sizeof twice));
    assert_string_equal(prices.error,
                        "p: line 3, column 1: open time \"open_time\" is not a plain number");
}

/* Every shortened or flipped package is refused or reads as the same bar; nothing crashes. */
static void damage(const unsigned char *bytes, size_t size)
{
    rf_prices prices;
    for (size_t cut = 1; cut < size; cut++) {
        assert_false(rf_prices_parse(&prices, "p", bytes, cut));
        assert_true(prices.error[0] != '\0');
    }
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    for (size_t at = 0; at < size; at++) {
        memcpy(copy, bytes, size);
        copy[at] ^= 0x55;
        if (rf_prices_parse(&prices, "p", copy, size)) {
            assert_int_equal(prices.count, 1);
            assert_int_equal(prices.bars[0].high, 1250000000);
            rf_prices_finish(&prices);
        }
    }
    free(copy);
}

static void test_damaged_packages(void **state)
{
    (void)state;
    damage(packed_gzip, sizeof packed_gzip);
    damage(packed_zip, sizeof packed_zip);
}

/* ---- Refusals
 * --------------------------------------------------------------------------------------- */

#define HEADER "ts_open_ms,open,high,low,close,volume_base\n"

static void test_malformed(void **state)
{
    (void)state;
    refused("", "p.csv: line 1, column 1: the file is empty");
    refused("\n\n", "p.csv: line 1, column 1: the file is empty");
    refused(HEADER, "p.csv: line 1, column 1: the file has a header and no bar");
    refused("a,b\n1,2\n",
            "p.csv: line 1, column 1: the header names no open time column (first column: \"a\")");
    refused("ts,open,high,low,volume\n",
            "p.csv: line 1, column 1: the header names no close column (first column: \"ts\")");
    refused("ts,open,high,low,close,High\n",
            "p.csv: line 1, column 6: a second high column \"High\"");
    refused("1700000000000,1,1\n", "p.csv: line 1, column 1: \"1700000000000\" is neither a header "
                                   "nor the first of 12 kline columns");
    refused(HEADER "1700000000000,1,1,1,1\n", "p.csv: line 2, column 6: 5 columns where 6 belong");
    refused(HEADER "1700000000000,1,1,1,1,1,1\n",
            "p.csv: line 2, column 7: 7 columns where 6 belong");
    refused(HEADER "17000x,1,1,1,1,1\n",
            "p.csv: line 2, column 1: open time \"17000x\" is not a plain number");
    refused(HEADER "1700000000,1,1,1,1,1\n",
            "p.csv: line 2, column 1: open time is neither in milli- nor in microseconds");
    refused(HEADER "1700000000000,1,1,1,1,1\n1700000000000,1,1,1,1,1\n",
            "p.csv: line 3, column 1: open time does not come after the line before");
    refused(HEADER "1700000000000,1,,1,1,1\n", "p.csv: line 2, column 3: high \"\" is empty");
    refused(HEADER "1700000000000,1,1,1,1e3,1\n",
            "p.csv: line 2, column 5: close \"1e3\" is not a plain number");
    refused(HEADER "1700000000000,1,1,-1,1,1\n",
            "p.csv: line 2, column 4: low \"-1\" is not a plain number");
    refused(HEADER "1700000000000,1,1,1,1.000000001,1\n",
            "p.csv: line 2, column 5: close \"1.000000001\" has more than 8 decimals");
    refused(HEADER "1700000000000,1,100000000000,1,1,1\n",
            "p.csv: line 2, column 3: high \"100000000000\" is too large");
    refused(HEADER "1700000000000,1,1,0,1,1\n", "p.csv: line 2, column 4: low is 0");
    refused(HEADER "1700000000000,1,1,2,1,1\n", "p.csv: line 2, column 4: low is above high");
    refused(HEADER "1700000000000,1,3,2,1,1\n", "p.csv: line 2, column 5: close is below low");
    refused(HEADER "1700000000000,1,3,2,4,1\n", "p.csv: line 2, column 5: close is above high");
    refused(HEADER "1700000000000,1,1,1,1,x\n",
            "p.csv: line 2, column 6: volume \"x\" is not a plain number");
    refused(HEADER "1700000000000,\"1\",1,1,1,\x01\xff",
            "p.csv: line 2, column 2: open \"\"1\"\" is not a plain number");
    refused(HEADER "1700000000000,1,1,1,1,\x01\xff",
            "p.csv: line 2, column 6: volume \"??\" is not a plain number");
}

static void test_many_columns(void **state)
{
    char text[1024] = "ts,open,high,low,close";
    (void)state;
    for (int i = 0; i < 70; i++)
        strcat(text, ",x");
    refused(text, "p.csv: line 1, column 65: more than 64 columns");
}

static void test_missing_file(void **state)
{
    rf_prices prices;
    (void)state;
    assert_false(rf_prices_read(&prices, "no/such/file.csv"));
    assert_string_equal(prices.error, "no/such/file.csv: No such file or directory");
    assert_false(rf_prices_read(&prices, "."));
    assert_string_equal(prices.error, ".: Is a directory");
}

static void test_window(void **state)
{
    rf_prices prices;
    (void)state;
    assert_true(
        parse(&prices, HEADER
              "1700000000000,1,1,1,1,1\n1700000060000,2,2,2,2,2\n1700000120000,3,3,3,3,3\n"));
    assert_true(rf_prices_window(&prices, "p", 1700000060000, 1700000120000));
    assert_int_equal(prices.count, 1);
    assert_int_equal(prices.bars[0].close, 200000000);
    assert_false(rf_prices_window(&prices, "p", 0, 1700000060000));
    assert_string_equal(prices.error, "p: no bar between --from and --to");
    rf_prices_finish(&prices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_exact_or_refused),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_written_numbers),
        cmocka_unit_test(test_header_in_any_order),
        cmocka_unit_test(test_klines_without_header),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_damaged_packages),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
