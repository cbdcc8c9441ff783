#include "prices/number.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

enum { DECIMALS = 8 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read with just the decimals that are there, so that large volumes without any still fit 64 bits.
 */
rf_number_fault rf_number_decimal(const char *text, size_t size, rf_wide *value)
{
    int64_t digits = 0;
    *value = 0;
    if (size == 0)
        return RF_NUMBER_EMPTY;
    if (!is_digit(text[0]))
        return RF_NUMBER_MALFORMED;
    unsigned places = DECIMALS;
    rf_decimal_status status = rf_decimal_parse(text, size, places, &digits);
    if (status == RF_DECIMAL_TOO_LARGE) {
        places = rf_decimal_places(text, size);
        if (places > DECIMALS)
            return RF_NUMBER_TOO_PRECISE;
        status = rf_decimal_parse(text, size, places, &digits);
    }
    switch (status) {
    case RF_DECIMAL_OK:
        break;
    case RF_DECIMAL_MALFORMED:
        return RF_NUMBER_MALFORMED;
    case RF_DECIMAL_TOO_FINE:
        return RF_NUMBER_TOO_PRECISE;
    case RF_DECIMAL_TOO_LARGE:
        return RF_NUMBER_TOO_LARGE;
    }
    rf_wide scaled = digits;
    for (; places < DECIMALS; places++)
        scaled *= 10;
    *value = scaled;
    return RF_NUMBER_FINE;
}

rf_number_fault rf_number_decimal64(const char *text, size_t size, int64_t *value)
{
    rf_wide wide;
    rf_number_fault fault = rf_number_decimal(text, size, &wide);
    *value = 0;
    if (fault != RF_NUMBER_FINE)
        return fault;
    if (wide > INT64_MAX)
        return RF_NUMBER_TOO_LARGE;
    *value = (int64_t)wide;
    return RF_NUMBER_FINE;
}

rf_number_fault rf_number_integer(const char *text, size_t size, int64_t *value)
{
    uint64_t id = 0;
    *value = 0;
    if (size == 0)
        return RF_NUMBER_EMPTY;
    for (size_t at = 0; at < size; at++)
        if (!is_digit(text[at]))
            return RF_NUMBER_MALFORMED;
    if (!rf_decimal_parse_id(text, size, &id) || id > INT64_MAX)
        return RF_NUMBER_TOO_LARGE;
    *value = (int64_t)id;
    return RF_NUMBER_FINE;
}

const char *rf_number_fault_text(rf_number_fault fault)
{
    switch (fault) {
    case RF_NUMBER_FINE:
        return "is fine";
    case RF_NUMBER_EMPTY:
        return "is empty";
    case RF_NUMBER_MALFORMED:
        return "is not a plain number";
    case RF_NUMBER_TOO_PRECISE:
        return "has more than 8 decimals";
    case RF_NUMBER_TOO_LARGE:
        return "is too large";
    }
    return "is unknown";
}

/* ---- Dates
 * ------------------------------------------------------------------------------------------ */

/* Days since 1970-01-01 of a date of the Gregorian calendar, by counting in years that start in
 * March. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * march_month + 2) / 5 + 1;
    *month = march_month + (march_month < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

/* Reads exactly `digits` digits and the sign that must follow; '\0' stands for the end. */
static bool read_field(const char **text, int digits, char after, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit((*text)[i]))
            return false;
        *value = *value * 10 + ((*text)[i] - '0');
    }
    *text += digits;
    if (**text != after)
        return false;
    *text += after != '\0';
    return true;
}

static bool read_date(const char *text, int64_t *time_ms, bool *is_date)
{
    int64_t year, month, day, hour = 0, minute = 0, back_year, back_month, back_day;
    *is_date = strchr(text, 'T') == NULL;
    if (!read_field(&text, 4, '-', &year) || !read_field(&text, 2, '-', &month) ||
        !read_field(&text, 2, *is_date ? '\0' : 'T', &day))
        return false;
    if (!*is_date && (!read_field(&text, 2, ':', &hour) || !read_field(&text, 2, '\0', &minute)))
        return false;
    if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59)
        return false;
    int64_t days = days_of_date(year, month, day);
    date_of_days(days, &back_year, &back_month, &back_day);
    *time_ms = ((days * 24 + hour) * 60 + minute) * 60000;
    return back_year == year && back_month == month && back_day == day; /* no 30th of February */
}

bool rf_number_time(const char *text, int64_t *time_ms, bool *is_date)
{
    *is_date = false;
    if (strchr(text, '-'))
        return read_date(text, time_ms, is_date);
    return rf_number_integer(text, strlen(text), time_ms) == RF_NUMBER_FINE &&
           *time_ms < 100000000000000LL;
}

/* ---- Writing
 * ---------------------------------------------------------------------------------------- */

static rf_wide cut(rf_wide value, int decimals)
{
    for (int i = decimals; i < DECIMALS; i++)
        value /= 10; /* toward zero */
    return value;
}

char *rf_number_format(char *text, rf_wide value_e8, int decimals)
{
    text[rf_decimal_print(text, cut(value_e8, decimals), (unsigned)decimals)] = '\0';
    return text;
}

char *rf_number_format_grouped(char *text, rf_wide value_e8, int decimals)
{
    char plain[RF_DECIMAL_TEXT_MAX];
    size_t size = rf_decimal_print(plain, cut(value_e8, decimals), (unsigned)decimals);
    size_t whole = size - (decimals > 0 ? (size_t)decimals + 1 : 0);
    char *to = text;
    for (size_t i = 0; i < size; i++) {
        bool after_digit = i > 0 && is_digit(plain[i - 1]);
        if (i < whole && after_digit && (whole - i) % 3 == 0)
            *to++ = ',';
        *to++ = plain[i];
    }
    *to = '\0';
    return text;
}

char *rf_number_format_time(char *text, int64_t time_ms)
{
    int64_t minutes = time_ms / 60000, year, month, day;
    date_of_days(minutes / 1440, &year, &month, &day);
    snprintf(text, RF_TIME_TEXT_SIZE, "%04d-%02d-%02d %02d:%02d", (int)(year % 10000),
             (int)(month % 100), (int)(day % 100), (int)(minutes / 60 % 24), (int)(minutes % 60));
    return text;
}
