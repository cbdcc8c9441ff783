#include "cli/number_text.h"
#include "cli/simulate.h"

#include <string.h>

static rf_number_text exact(rf_wide amount)
{
    rf_number_text text;
    rf_number_format(text.bytes, amount, 8);
    return text;
}

static rf_number_text when(int64_t time_ms)
{
    return rf_text_time(time_ms, "-");
}

static rf_number_text percent(uint64_t part, uint64_t whole)
{
    return whole ? rf_text_percent((rf_wide)part * RF_E8 / whole) : (rf_number_text){"-"};
}

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

static void print_head(FILE *out, const rf_simulate_result *result)
{
    fprintf(out, "%s isolated positions and %s opposite cross positions, %s to %s UTC, %s bars\n",
            rf_text_count(result->isolations).bytes, rf_text_count(result->crosses).bytes,
            when(result->start_ms).bytes, when(result->end_ms).bytes,
            rf_text_count(result->bars).bytes);
    for (uint32_t i = 0; i < result->series_count; i++) {
        const rf_simulate_series *series = &result->series[i];
        int64_t low = INT64_MAX, high = 0;
        for (size_t bar = 0; bar < series->count; bar++) {
            low = series->moments[bar].low < low ? series->moments[bar].low : low;
            high = series->moments[bar].high > high ? series->moments[bar].high : high;
        }
        fprintf(out, "%s: entry at %s, low %s, high %s, last %s\n", series->name,
                rf_text_usd(series->moments[0].close).bytes, rf_text_usd(low).bytes,
                rf_text_usd(high).bytes,
                rf_text_usd(series->moments[series->count - 1].close).bytes);
    }
    if (result->gaps > 0)
        fprintf(out, "%s holes of more than a day in the history were passed over\n",
                rf_text_count(result->gaps).bytes);
}

static void print_row(FILE *out, const char *name, uint64_t positions,
                      const rf_simulate_outcomes *outcomes)
{
    const uint32_t liquidated = rf_simulate_liquidations(outcomes);
    fprintf(out, "%-9s %9s %10s %8s %9s %9s %9s %9s", name, rf_text_count(positions).bytes,
            rf_text_count(liquidated).bytes, percent(liquidated, positions).bytes,
            rf_text_count(outcomes->closed_in_book).bytes,
            rf_text_count(outcomes->taken_over).bytes, rf_text_count(outcomes->deleveraged).bytes,
            rf_text_count(outcomes->recovered).bytes);
}

static void print_leverages(FILE *out, const rf_simulate_result *result)
{
    int64_t loss = 0;
    fputs("\nIsolated positions\n", out);
    fprintf(out, "%-9s %9s %10s %8s %9s %9s %9s %9s %16s  %-16s  %s\n", "leverage", "positions",
            "liquidated", "share", "in book", "to fund", "delevered", "recovered", "loss, USD",
            "first", "last");
    for (uint32_t i = 0; i < result->rows_count; i++) {
        const rf_simulate_row *row = &result->rows[i];
        char name[16];
        snprintf(name, sizeof name, "%ux", row->leverage);
        print_row(out, name, row->positions, &row->outcomes);
        fprintf(out, " %16s  %-16s  %s\n", rf_text_usd(row->loss).bytes, when(row->first_ms).bytes,
                when(row->last_ms).bytes);
        loss += row->loss;
    }
    print_row(out, "all", result->isolations, &result->isolated);
    fprintf(out, " %16s\n", rf_text_usd(loss).bytes);
    if (result->crosses > 0) {
        fputs("\nCross positions\n", out);
        fprintf(out, "%-9s %9s %10s %8s %9s %9s %9s %9s\n", "", "positions", "liquidated", "share",
                "in book", "to fund", "delevered", "recovered");
        print_row(out, "opposite", result->crosses, &result->cross);
        fputc('\n', out);
    }
}

static void print_fund(FILE *out, const rf_simulate_result *result)
{
    fputs("\nInsurance fund, USD\n", out);
    fprintf(out, "  at the start        %18s\n", rf_text_usd(result->fund_start).bytes);
    fprintf(out, "  lowest              %18s  %s\n", rf_text_usd(result->fund_low).bytes,
            when(result->fund_low_ms).bytes);
    fprintf(out, "  at the end          %18s  of it cash %s\n", rf_text_usd(result->fund_end).bytes,
            rf_text_usd(result->fund_cash).bytes);
    fprintf(out, "  uncovered losses    %18s\n", rf_text_usd(result->uncovered).bytes);
    fprintf(out, "  socialized losses   %18s\n", rf_text_usd(result->socialized).bytes);
    fprintf(out, "  largest shortfall   %18s  of one isolation, when its liquidation began\n",
            rf_text_usd(result->largest_shortfall).bytes);
    fprintf(out, "  deleveraged         %18s  times a profitable position was reduced\n",
            rf_text_count(result->counterparties).bytes);
}

static void print_checks(FILE *out, const rf_simulate_result *result)
{
    fputs("\nChecks\n", out);
    fprintf(out, "  conservation residual                 %s  (largest of %s bars)\n",
            exact(result->conservation_residual).bytes,
            rf_text_count(result->residual_checks).bytes);
    fprintf(out, "  main accounts touched by isolation    %s\n",
            rf_text_count(result->main_touched).bytes);
    fprintf(out, "  users who lost more than they put in  %s\n",
            rf_text_count(result->lost_more).bytes);
    fprintf(out, "  balances that events rebuild wrongly  %s\n",
            rf_text_count(result->rebuilt_wrong).bytes);
    fprintf(out, "  invariants                            %s%s  (%s full checks)\n",
            result->broken[0] ? "BROKEN: " : "hold", result->broken,
            rf_text_count(result->invariant_checks).bytes);
    if (result->quotes_refused)
        fprintf(out, "  maker's quotes refused                %s\n",
                rf_text_count(result->quotes_refused).bytes);
    fprintf(out, "  commands, events                      %s, %s\n",
            rf_text_count(result->commands).bytes, rf_text_count(result->events).bytes);
    fprintf(out, "  digest                                %016llx%016llx\n",
            (unsigned long long)result->digest.high, (unsigned long long)result->digest.low);
}

void rf_simulate_print_tables(FILE *out, const rf_simulate_result *result)
{
    print_head(out, result);
    print_leverages(out, result);
    print_fund(out, result);
    print_checks(out, result);
}

/* ---- JSON: counts are numbers, money is a decimal string with all eight decimals --------------------------------- */

static void print_count(FILE *out, const char *name, uint64_t number)
{
    fprintf(out, "\"%s\":%llu,", name, (unsigned long long)number);
}

static void print_money(FILE *out, const char *name, int64_t amount)
{
    fprintf(out, "\"%s\":\"%s\",", name, exact(amount).bytes);
}

static void print_outcomes(FILE *out, const rf_simulate_outcomes *outcomes)
{
    print_count(out, "closed_in_book", outcomes->closed_in_book);
    print_count(out, "taken_over", outcomes->taken_over);
    print_count(out, "deleveraged", outcomes->deleveraged);
    print_count(out, "recovered", outcomes->recovered);
}

static void print_rows(FILE *out, const rf_simulate_result *result)
{
    fputs("\"by_leverage\":[", out);
    for (uint32_t i = 0; i < result->rows_count; i++) {
        const rf_simulate_row *row = &result->rows[i];
        fputs(i ? ",{" : "{", out);
        print_count(out, "leverage", row->leverage);
        print_count(out, "positions", row->positions);
        print_count(out, "liquidated", rf_simulate_liquidations(&row->outcomes));
        print_money(out, "loss", row->loss);
        print_money(out, "put_in", row->put_in);
        print_outcomes(out, &row->outcomes);
        print_count(out, "first_ms", (uint64_t)row->first_ms);
        fprintf(out, "\"last_ms\":%lld}", (long long)row->last_ms);
    }
    fputs("],", out);
}

static void print_markets(FILE *out, const rf_simulate_result *result)
{
    fputs("\"instruments\":[", out);
    for (uint32_t i = 0; i < result->series_count; i++) {
        const rf_simulate_series *series = &result->series[i];
        fprintf(out, "%s{\"instrument_name\":\"%s\",\"bars\":%zu,", i ? "," : "", series->name,
                series->count);
        print_money(out, "entry_price", series->moments[0].close);
        fprintf(out, "\"last_price\":\"%s\"}",
                exact(series->moments[series->count - 1].close).bytes);
    }
    fputs("],", out);
}

/* The residual is a number, exact: 0, or dollars with eight decimals. */
static void print_soundness(FILE *out, const rf_simulate_result *result)
{
    fprintf(out, "\"conservation_residual\":%s,",
            result->conservation_residual ? exact(result->conservation_residual).bytes : "0");
    print_count(out, "main_touched_by_isolation", result->main_touched);
    print_count(out, "lost_more_than_put_in", result->lost_more);
    print_count(out, "rebuilt_wrong", result->rebuilt_wrong);
    fprintf(out, "\"invariants_ok\":%s,", result->broken[0] ? "false" : "true");
    print_count(out, "residual_checks", result->residual_checks);
    print_count(out, "invariant_checks", result->invariant_checks);
}

void rf_simulate_print_json(FILE *out, const rf_simulate_result *result)
{
    fputc('{', out);
    print_count(out, "accounts", result->options->accounts);
    print_count(out, "isolations", result->isolations);
    print_count(out, "crosses", result->crosses);
    print_count(out, "bars", result->bars);
    print_count(out, "liquidations", rf_simulate_liquidations(&result->isolated));
    print_outcomes(out, &result->isolated);
    print_money(out, "fund_start", result->fund_start);
    print_money(out, "fund_low", result->fund_low);
    print_money(out, "fund_end", result->fund_end);
    print_money(out, "largest_shortfall", result->largest_shortfall);
    print_soundness(out, result);
    print_rows(out, result);
    fputs("\"cross\":{", out);
    print_count(out, "liquidations", rf_simulate_liquidations(&result->cross));
    print_outcomes(out, &result->cross);
    fprintf(out, "\"positions\":%u},", result->crosses);
    print_money(out, "fund_cash_end", result->fund_cash);
    print_count(out, "fund_low_ms", (uint64_t)result->fund_low_ms);
    print_money(out, "uncovered_loss", result->uncovered);
    print_money(out, "socialized_loss", result->socialized);
    print_money(out, "fees", result->fees);
    print_count(out, "counterparties_deleveraged", result->counterparties);
    print_markets(out, result);
    print_count(out, "start_ms", (uint64_t)result->start_ms);
    print_count(out, "end_ms", (uint64_t)result->end_ms);
    print_count(out, "gaps", result->gaps);
    print_count(out, "quotes_refused", result->quotes_refused);
    print_count(out, "commands", result->commands);
    print_count(out, "events", result->events);
    print_count(out, "seed", result->options->seed);
    fprintf(out, "\"digest\":\"%016llx%016llx\"}\n", (unsigned long long)result->digest.high,
            (unsigned long long)result->digest.low);
}
