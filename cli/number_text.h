/* Numbers as people read them, as values that can stand in the arguments of a printf: .bytes is the text.
 *
 * May include: prices/number.h. */
#ifndef RF_CLI_NUMBER_TEXT_H
#define RF_CLI_NUMBER_TEXT_H

#include <string.h>

#include "prices/number.h"

typedef struct rf_number_text {
    char bytes[RF_NUMBER_TEXT_SIZE];
} rf_number_text;

/* Dollars and cents with thousands apart, cut toward zero. JSON has all decimals. */
static inline rf_number_text rf_text_usd(int64_t amount)
{
    rf_number_text text;
    rf_number_format_grouped(text.bytes, amount, 2);
    return text;
}

static inline rf_number_text rf_text_count(uint64_t number)
{
    rf_number_text text;
    rf_number_format_grouped(text.bytes, (rf_wide)number * RF_E8, 0);
    return text;
}

/* `none` when there is no time: 0. */
static inline rf_number_text rf_text_time(int64_t time_ms, const char *none)
{
    rf_number_text text = {""};
    if (time_ms)
        rf_number_format_time(text.bytes, time_ms);
    else
        strcpy(text.bytes, none);
    return text;
}

/* A share in e8 as a percentage. */
static inline rf_number_text rf_text_percent(rf_wide share)
{
    rf_number_text text;
    rf_number_format(text.bytes, share * 100, 1);
    strcat(text.bytes, " %");
    return text;
}

#endif
