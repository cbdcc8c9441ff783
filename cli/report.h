/* The HTML report of a simulation: one file, inline SVG, no script and nothing from elsewhere.
 *
 * Promise: readable in light and dark, on paper and on a phone; the same result gives the same bytes. Plots are drawn
 * with integers, so no machine rounds them differently.
 *
 * May include: cli/simulate_result.h, prices/number.h. */
#ifndef RF_CLI_REPORT_H
#define RF_CLI_REPORT_H

#include "cli/simulate_result.h"

#include <stdio.h>

/* Writes the page. Errors are the stream's: ask ferror. */
void rf_report_write(FILE *out, const rf_simulate_result *result);

/* ---- report_plot.c ------------------------------------------------------------------------------------------- */

/* Price and liquidations of one instrument. */
void rf_report_plot_price(FILE *out, const rf_simulate_series *series);
/* The insurance fund's equity. */
void rf_report_plot_fund(FILE *out, const rf_simulate_result *result);
/* Loss and what was put in, a bar for each leverage. */
void rf_report_plot_losses(FILE *out, const rf_simulate_result *result);

/* Dollars in few characters: "$1.25 M", "$9,160". text holds RF_NUMBER_TEXT_SIZE. */
char *rf_report_short_usd(char *text, int64_t amount);

#endif
