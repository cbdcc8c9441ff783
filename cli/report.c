#include "cli/report.h"

#include "cli/number_text.h"

#include <string.h>

/* Three hues that stay apart for colour-blind eyes too; every use of them has words beside it. */
static const char style[] =
    ":root{--paper:#fbfbf9;--card:#fff;--ink:#1d2126;--soft:#626a73;--line:#e3e5e8;--price:#3b4654;"
    "--band:#c9d2dc;"
    "--book:#2f74c0;--fund:#d98a00;--adl:#c2372e;--equity:#1b7f5c;--area:#dcefe7;--good:#1b7f5c;--"
    "bad:#c2372e}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e8eaed;--soft:#9aa3ad;"
    "--line:#2e343b;"
    "--price:#c6d0db;--band:#3a4550;--book:#6aa9ee;--fund:#eab04a;--adl:#f0776c;--equity:#55c79b;--"
    "area:#1d3a30;"
    "--good:#55c79b;--bad:#f0776c}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 "
    "system-ui,-apple-system,\"Segoe UI\",sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:40px 20px 64px}\n"
    "h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}\n"
    "h2{font-size:18px;margin:0 0 4px}\n"
    "p{margin:0 0 12px;max-width:84ch}\n"
    ".soft,.lead{color:var(--soft)}.soft{font-size:14px}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px "
    "22px;margin:20px 0}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:"
    "24px 0}\n"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px "
    "16px}\n"
    ".tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}\n"
    ".tile span{color:var(--soft);font-size:13px}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}\n"
    "th{color:var(--soft);font-weight:500;text-align:right;border-bottom:1px solid "
    "var(--line);padding:6px 7px;"
    "white-space:nowrap}\n"
    "td{text-align:right;padding:6px 7px;border-bottom:1px solid var(--line);white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left}tr:last-child td{border-bottom:0}\n"
    "tr.sum td{font-weight:600}\n"
    ".good{color:var(--good)}.bad{color:var(--bad);font-weight:600}\n"
    "svg{display:block;width:100%;height:auto;margin-top:10px}\n"
    ".grid{stroke:var(--line);fill:none}.zero{stroke:var(--soft);fill:none}\n"
    ".note{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}"
    ".tick,.note,.name{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}.name{"
    "fill:var(--ink);font-size:13px}\n"
    ".band{fill:var(--band);stroke:var(--band);stroke-width:1}\n"
    ".price,.equity{fill:none;stroke-width:1.5;stroke-linejoin:round}.price{stroke:var(--price)}."
    "equity{stroke:var(--equity)}\n"
    ".area{fill:var(--area)}.low{fill:var(--card);stroke:var(--equity);stroke-width:2}\n"
    ".book{fill:var(--book)}.fund{fill:var(--fund)}.adl{fill:var(--adl)}.put{fill:var(--band)}."
    "lost{fill:var(--adl)}\n"
    ".key{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 6px 0 "
    "14px}.key:first-child{margin-left:0}\n"
    ".key.book{background:var(--book)}.key.fund{background:var(--fund)}.key.adl,.key.lost{"
    "background:var(--adl)}"
    ".key.put{background:var(--band)}\n"
    "code{font-family:ui-monospace,\"SFMono-Regular\",Menlo,monospace;font-size:13px;overflow-wrap:"
    "anywhere}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:8px 0 "
    "0;font-size:14px}\n"
    "dt{color:var(--soft)}dd{margin:0}\n"
    "@media print{body{background:#fff}section,.tile{break-inside:avoid}}\n";

static rf_number_text short_usd(int64_t amount)
{
    rf_number_text text;
    rf_report_short_usd(text.bytes, amount);
    return text;
}

static rf_number_text when(int64_t time_ms)
{
    return rf_text_time(time_ms, "&ndash;");
}

static int64_t part_of(uint64_t part, uint64_t whole)
{
    return whole ? (int64_t)((rf_wide)part * RF_E8 / whole) : 0;
}

/* The file's name without its folder, safe inside HTML. */
static void put_file_name(FILE *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    for (const char *at = slash ? slash + 1 : path; *at; at++) {
        if (*at == '<' || *at == '>' || *at == '&' || *at == '"' || (unsigned char)*at < ' ')
            fprintf(out, "&#%d;", (unsigned char)*at);
        else
            fputc(*at, out);
    }
}

static int64_t total_loss(const rf_simulate_result *result)
{
    int64_t loss = 0;
    for (uint32_t i = 0; i < result->rows_count; i++)
        loss += result->rows[i].loss;
    return loss;
}

/* ---- Parts of the page ----------------------------------------------------------------------------------------- */

static void put_head(FILE *out, const rf_simulate_result *result)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Ringfence: "
          "simulation</title>\n<style>\n",
          out);
    fputs(style, out);
    fputs("</style>\n</head>\n<body>\n<main>\n<h1>Isolated positions through a price "
          "history</h1>\n<p "
          "class=\"lead\">",
          out);
    fprintf(out, "%s isolated positions", rf_text_count(result->isolations).bytes);
    if (result->crosses)
        fprintf(out, " and %s opposite cross positions", rf_text_count(result->crosses).bytes);
    fprintf(out, ", from %s to %s UTC, through %s bars of ", when(result->start_ms).bytes,
            when(result->end_ms).bytes, rf_text_count(result->bars).bytes);
    for (uint32_t i = 0; i < result->series_count; i++) {
        fprintf(out, "%s%s (", i ? ", " : "", result->series[i].name);
        put_file_name(out, result->options->paths[i]);
        fputc(')', out);
    }
    fputs(".</p>\n", out);
}

static void put_tile(FILE *out, const char *value, const char *words)
{
    fprintf(out, "<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", value, words);
}

static void put_tiles(FILE *out, const rf_simulate_result *result)
{
    const uint32_t liquidated = rf_simulate_liquidations(&result->isolated);
    char words[160];
    fputs("<div class=\"tiles\">\n", out);
    snprintf(words, sizeof words, "isolated positions liquidated, %s of all",
             rf_text_percent(part_of(liquidated, result->isolations)).bytes);
    put_tile(out, rf_text_count(liquidated).bytes, words);
    put_tile(out, short_usd(total_loss(result)).bytes, "lost in them, all of it put in before");
    snprintf(words, sizeof words, "lowest equity of the fund, from %s",
             short_usd(result->fund_start).bytes);
    put_tile(out, short_usd(result->fund_low).bytes, words);
    put_tile(out, short_usd(result->largest_shortfall).bytes, "largest shortfall of one position");
    put_tile(out, rf_text_count(result->main_touched).bytes,
             "main accounts touched by the liquidation of an isolation");
    fputs("</div>\n", out);
}

static void put_price(FILE *out, const rf_simulate_series *series)
{
    fprintf(out, "<section>\n<h2>%s: price and liquidations</h2>\n", series->name);
    fputs("<p class=\"soft\">Line: closes. Band: lowest to highest. Below: isolated positions "
          "liquidated, by how they "
          "ended.</p>\n<div class=\"soft\"><span class=\"key book\"></span>closed in the book<span "
          "class=\"key fund\"></span>"
          "taken over by the fund<span class=\"key adl\"></span>deleveraged</div>\n",
          out);
    rf_report_plot_price(out, series);
    fputs("</section>\n", out);
}

static void put_fund(FILE *out, const rf_simulate_result *result)
{
    fputs("<section>\n<h2>Insurance fund</h2>\n<p class=\"soft\">Equity: its cash and the "
          "unrealised profit of the positions "
          "that it took over.</p>\n",
          out);
    rf_report_plot_fund(out, result);
    fprintf(out,
            "<dl><dt>start</dt><dd>%s USD</dd><dt>lowest</dt><dd>%s USD, %s</dd><dt>end</dt><dd>%s "
            "USD, of it cash "
            "%s</dd><dt>uncovered losses</dt><dd>%s USD</dd><dt>socialized losses</dt><dd>%s "
            "USD</dd></dl>\n</section>\n",
            rf_text_usd(result->fund_start).bytes, rf_text_usd(result->fund_low).bytes,
            when(result->fund_low_ms).bytes, rf_text_usd(result->fund_end).bytes,
            rf_text_usd(result->fund_cash).bytes, rf_text_usd(result->uncovered).bytes,
            rf_text_usd(result->socialized).bytes);
}

static void put_cells(FILE *out, uint64_t positions, const rf_simulate_outcomes *outcomes)
{
    const uint32_t liquidated = rf_simulate_liquidations(outcomes);
    fprintf(out, "<td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
            rf_text_count(positions).bytes, rf_text_count(liquidated).bytes,
            rf_text_percent(part_of(liquidated, positions)).bytes,
            rf_text_count(outcomes->closed_in_book).bytes,
            rf_text_count(outcomes->taken_over).bytes, rf_text_count(outcomes->deleveraged).bytes,
            rf_text_count(outcomes->recovered).bytes);
}

static void put_table(FILE *out, const rf_simulate_result *result)
{
    fputs("<div "
          "class=\"scroll\"><table>\n<tr><th>leverage</th><th>positions</th><th>liquidated</"
          "th><th>share</th>"
          "<th>in the book</th><th>to the fund</th><th>deleveraged</th><th>recovered</th><th>loss, "
          "USD</th><th>first</th>"
          "<th>last</th></tr>\n",
          out);
    for (uint32_t i = 0; i < result->rows_count; i++) {
        const rf_simulate_row *row = &result->rows[i];
        fprintf(out, "<tr><td>%ux</td>", row->leverage);
        put_cells(out, row->positions, &row->outcomes);
        fprintf(out, "<td>%s</td><td>%s</td><td>%s</td></tr>\n", rf_text_usd(row->loss).bytes,
                when(row->first_ms).bytes, when(row->last_ms).bytes);
    }
    fputs("<tr class=\"sum\"><td>all isolated</td>", out);
    put_cells(out, result->isolations, &result->isolated);
    fprintf(out, "<td>%s</td><td></td><td></td></tr>\n", rf_text_usd(total_loss(result)).bytes);
    if (result->crosses) {
        fputs("<tr><td>all cross</td>", out);
        put_cells(out, result->crosses, &result->cross);
        fputs("<td></td><td></td><td></td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

static void put_losses(FILE *out, const rf_simulate_result *result)
{
    fputs("<section>\n<h2>Loss by leverage</h2>\n<p class=\"soft\">What the liquidated isolations "
          "lost, of everything that "
          "was put into isolations of that leverage.</p>\n<div class=\"soft\"><span class=\"key "
          "lost\"></span>lost in "
          "liquidations<span class=\"key put\"></span>put in</div>\n",
          out);
    rf_report_plot_losses(out, result);
    put_table(out, result);
    fputs("</section>\n", out);
}

static void put_check(FILE *out, const char *name, bool fine, const char *words)
{
    fprintf(out, "<dt>%s</dt><dd class=\"%s\">%s</dd>\n", name, fine ? "good" : "bad", words);
}

static void put_checks(FILE *out, const rf_simulate_result *result)
{
    char words[160];
    rf_number_text residual;
    fputs("<section>\n<h2>Checks</h2>\n<dl>\n", out);
    rf_number_format(residual.bytes, result->conservation_residual, 8);
    snprintf(words, sizeof words, "%s USD, the largest of %s bars", residual.bytes,
             rf_text_count(result->residual_checks).bytes);
    put_check(out, "conservation residual", result->conservation_residual == 0, words);
    put_check(out, "main accounts touched by an isolation's liquidation", result->main_touched == 0,
              rf_text_count(result->main_touched).bytes);
    put_check(out, "users who lost more than they put in", result->lost_more == 0,
              rf_text_count(result->lost_more).bytes);
    put_check(out, "balances that the events rebuild wrongly", result->rebuilt_wrong == 0,
              rf_text_count(result->rebuilt_wrong).bytes);
    snprintf(words, sizeof words, "%s%s, %s full checks",
             result->broken[0] ? "broken: " : "all hold", result->broken,
             rf_text_count(result->invariant_checks).bytes);
    put_check(out, "invariants", result->broken[0] == '\0', words);
    fprintf(out, "<dt>digest</dt><dd><code>%016llx%016llx</code></dd>\n</dl>\n</section>\n",
            (unsigned long long)result->digest.high, (unsigned long long)result->digest.low);
}

static void put_method(FILE *out, const rf_simulate_result *result)
{
    const rf_simulate_options *options = result->options;
    rf_number_text depth;
    rf_number_format(depth.bytes, options->maker_depth, 2);
    fputs("<section>\n<h2>How it was run</h2>\n"
          "<p>Every account opens one isolated position at the close of the first bar; some also "
          "hold the opposite cross "
          "position of the same size. Each bar is walked in four steps: the close before, then low "
          "and high (low first when "
          "the bar fell), then its close. At each step a market maker renews its orders around the "
          "price, with depth from the "
          "bar's volume, and the mark price is set to it; liquidations then find their way through "
          "the book, to the "
          "fund or to deleveraging by the engine's own rules. Funding and sessions are settled "
          "each hour.</p>\n"
          "<p class=\"soft\">What it leaves out: the price path is given, so liquidations do not "
          "move it; nobody adds "
          "margin or closes; a bar says nothing about the order of trades inside it.</p>\n<dl>\n",
          out);
    fprintf(out, "<dt>long share</dt><dd>%s</dd><dt>cross share</dt><dd>%s</dd>",
            rf_text_percent(options->long_share).bytes,
            rf_text_percent(options->cross_share).bytes);
    fprintf(out,
            "<dt>extra margin</dt><dd>up to %s</dd><dt>maker depth</dt><dd>%s times the bar's "
            "volume a side</dd>",
            rf_text_percent(options->extra_margin).bytes, depth.bytes);
    fprintf(out, "<dt>largest leverage</dt><dd>%ux</dd><dt>seed</dt><dd>%llu</dd>",
            options->max_leverage, (unsigned long long)options->seed);
    fprintf(out, "<dt>commands, events</dt><dd>%s, %s</dd></dl>\n</section>\n",
            rf_text_count(result->commands).bytes, rf_text_count(result->events).bytes);
}

void rf_report_write(FILE *out, const rf_simulate_result *result)
{
    put_head(out, result);
    put_tiles(out, result);
    for (uint32_t i = 0; i < result->series_count; i++)
        put_price(out, &result->series[i]);
    put_fund(out, result);
    put_losses(out, result);
    put_checks(out, result);
    put_method(out, result);
    fputs("</main>\n</body>\n</html>\n", out);
}
