#include "cli/simulate.h"
#include "prices/number.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

static const char help[] =
    "Usage: ringfence simulate --prices FILE [options]\n"
    "\n"
    "Runs a population of accounts through the engine over a price history and reports "
    "liquidations, insurance fund\n"
    "and deleveraging. Each account opens one isolated position at the close of the first bar; "
    "some also hold an\n"
    "opposite cross position of the same size. Every bar is walked in four steps: the close "
    "before, then low and high\n"
    "(low first when the bar fell), then its close. At each step a market maker renews its orders "
    "around the price,\n"
    "with depth from the bar's volume, and the mark price is set to it.\n"
    "\n"
    "  --prices [NAME=]FILE   price history; again for another instrument. CSV, plain, .gz or "
    ".zip: columns\n"
    "                         ts_open_ms,open,high,low,close,volume_base|volume_usd, or Binance's "
    "12-column klines\n"
    "  --from TIME            first bar: milliseconds, YYYY-MM-DD or YYYY-MM-DDTHH:MM (UTC)\n"
    "  --to TIME              end, which is not included; a date alone means the end of that day\n"
    "  --accounts N           accounts, each with one isolated position (10000)\n"
    "  --leverage L,L,...     leverages, dealt out in turn (2,3,5,10,20,25,50,100)\n"
    "  --long-share S         share of isolated positions that are long, 0 to 1 (0.7)\n"
    "  --cross-share S        share of accounts that also hold the opposite cross position (0.5)\n"
    "  --extra-margin S       each isolation adds a random part of its margin, up to this share "
    "(0)\n"
    "  --fund AMOUNT          insurance fund at the start, USD (100 for each account)\n"
    "  --maker-depth X        what a side of the book offers over a bar, as a multiple of its "
    "volume (1)\n"
    "  --max-leverage L       of the instruments (100, or the largest of --leverage)\n"
    "  --tiers F:M:L,...      maintenance by notional: floor in USD, rate, largest leverage\n"
    "  --seed N               of the population's random numbers (1)\n"
    "  --check-every N        bars between two full checks of the invariants (1440)\n"
    "  --json                 print one JSON object instead of tables\n"
    "  --html FILE            also write a report with plots, one self-contained file\n"
    "  --help\n"
    "\n"
    "Money is conserved and no liquidated isolation touches its main account: both are checked at "
    "every bar, and the\n"
    "exit status is 1 if that ever fails. The same options, files and seed give the same bytes.\n";

__attribute__((format(printf, 1, 2))) static bool wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ringfence simulate: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

/* ---- Values --------------------------------------------------------------------------------------------- */

static bool read_count(const char *option, const char *text, int64_t least, int64_t most,
                       int64_t *value)
{
    if (rf_number_integer(text, strlen(text), value) == RF_NUMBER_FINE && *value >= least &&
        *value <= most)
        return true;
    return wrong("--%s \"%s\" is not a whole number from %lld to %lld", option, text,
                 (long long)least, (long long)most);
}

static bool read_count32(const char *option, const char *text, int64_t least, int64_t most,
                         uint32_t *value)
{
    int64_t wide;
    if (!read_count(option, text, least, most, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

/* most: in whole units. */
static bool read_decimal(const char *option, const char *text, int64_t most, int64_t *value)
{
    if (rf_number_decimal64(text, strlen(text), value) == RF_NUMBER_FINE && *value <= most * RF_E8)
        return true;
    return wrong("--%s \"%s\" is not a decimal number from 0 to %lld with at most 8 decimals",
                 option, text, (long long)most);
}

static bool read_time(const char *option, const char *text, bool ends_day, int64_t *time_ms)
{
    bool is_date;
    if (!rf_number_time(text, time_ms, &is_date))
        return wrong("--%s \"%s\" is not milliseconds, YYYY-MM-DD or YYYY-MM-DDTHH:MM", option,
                     text);
    if (ends_day && is_date)
        *time_ms += 86400000;
    return true;
}

/* Copies the text up to the separator into part and moves on behind it. False when it is empty or too long. */
static bool next_part(const char **text, char separator, char *part, size_t size)
{
    const char *stop = strchr(*text, separator);
    size_t length = stop ? (size_t)(stop - *text) : strlen(*text);
    if (length == 0 || length >= size)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length + (stop != NULL);
    return !stop || **text != '\0'; /* nothing may be missing behind a separator */
}

static bool has_leverage(const rf_simulate_options *options, uint32_t leverage)
{
    for (uint32_t i = 0; i < options->leverages_count; i++)
        if (options->leverages[i] == leverage)
            return true;
    return false;
}

static bool read_leverages(rf_simulate_options *options, const char *text)
{
    const char *at = text;
    options->leverages_count = 0;
    do {
        char part[16];
        uint32_t leverage;
        if (!next_part(&at, ',', part, sizeof part))
            return wrong("--leverage \"%s\" is not a list such as 2,5,10", text);
        if (!read_count32("leverage", part, 1, 1000, &leverage))
            return false;
        if (has_leverage(options, leverage))
            return wrong("--leverage names %u twice", leverage);
        if (options->leverages_count == RF_SIMULATE_LEVERAGES_MAX)
            return wrong("--leverage names more than %d leverages", RF_SIMULATE_LEVERAGES_MAX);
        options->leverages[options->leverages_count++] = leverage;
    } while (*at);
    return true;
}

static bool read_tier(rf_simulate_options *options, const char *part)
{
    char floor[32], rate[32], leverage[32];
    rf_tier *tier = &options->tiers[options->tiers_count];
    if (!next_part(&part, ':', floor, sizeof floor) || !next_part(&part, ':', rate, sizeof rate) ||
        !next_part(&part, ':', leverage, sizeof leverage) || *part)
        return wrong("--tiers: a tier is FLOOR:RATE:LEVERAGE");
    if (!read_decimal("tiers", floor, 1000000000, &tier->notional_floor) ||
        !read_decimal("tiers", rate, 1, &tier->maintenance_rate) ||
        !read_count32("tiers", leverage, 1, 1000, &tier->max_leverage))
        return false;
    if (options->tiers_count == 0 ? tier->notional_floor != 0
                                  : tier->notional_floor <= tier[-1].notional_floor)
        return wrong("--tiers: floors start at 0 and ascend");
    options->tiers_count++;
    return true;
}

static bool read_tiers(rf_simulate_options *options, const char *text)
{
    options->tiers_count = 0;
    do {
        char part[96];
        if (options->tiers_count == RF_TIERS_MAX)
            return wrong("--tiers names more than %d tiers", RF_TIERS_MAX);
        if (!next_part(&text, ',', part, sizeof part))
            return wrong("--tiers is not a list such as 0:0.005:100,1000000:0.01:50");
        if (!read_tier(options, part))
            return false;
    } while (*text);
    return true;
}

/* NAME=FILE, or FILE alone. A path with a sign that no name has is a path. */
static bool read_prices(rf_simulate_options *options, const char *text)
{
    uint32_t market = options->markets_count;
    if (market == RF_SIMULATE_MARKETS_MAX)
        return wrong("more than %d --prices", RF_SIMULATE_MARKETS_MAX);
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '-' || text[length] == '_')
        length++;
    char *name = options->names[market];
    if (text[length] == '=' && length > 0) {
        if (length >= RF_NAME_SIZE - sizeof "-INDEX")
            return wrong("--prices: the name before \"=\" is too long");
        memcpy(name, text, length);
        name[length] = '\0';
        text += length + 1;
    } else {
        snprintf(name, RF_NAME_SIZE, market == 0 ? "PERP" : "PERP-%u", market + 1);
    }
    if (*text == '\0')
        return wrong("--prices names no file");
    for (uint32_t i = 0; i < market; i++)
        if (strcmp(options->names[i], name) == 0)
            return wrong("--prices names %s twice", name);
    options->paths[market] = text;
    options->markets_count++;
    return true;
}

/* ---- The table -------------------------------------------------------------------------------------------- */

typedef enum option_id {
    OPTION_PRICES = 256,
    OPTION_FROM,
    OPTION_TO,
    OPTION_ACCOUNTS,
    OPTION_LEVERAGE,
    OPTION_LONG_SHARE,
    OPTION_CROSS_SHARE,
    OPTION_EXTRA_MARGIN,
    OPTION_FUND,
    OPTION_MAKER_DEPTH,
    OPTION_MAX_LEVERAGE,
    OPTION_TIERS,
    OPTION_SEED,
    OPTION_CHECK_EVERY,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_HELP,
} option_id;

static const struct option table[] = {
    {"prices", required_argument, NULL, OPTION_PRICES},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"accounts", required_argument, NULL, OPTION_ACCOUNTS},
    {"leverage", required_argument, NULL, OPTION_LEVERAGE},
    {"long-share", required_argument, NULL, OPTION_LONG_SHARE},
    {"cross-share", required_argument, NULL, OPTION_CROSS_SHARE},
    {"extra-margin", required_argument, NULL, OPTION_EXTRA_MARGIN},
    {"fund", required_argument, NULL, OPTION_FUND},
    {"maker-depth", required_argument, NULL, OPTION_MAKER_DEPTH},
    {"max-leverage", required_argument, NULL, OPTION_MAX_LEVERAGE},
    {"tiers", required_argument, NULL, OPTION_TIERS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"check-every", required_argument, NULL, OPTION_CHECK_EVERY},
    {"json", no_argument, NULL, OPTION_JSON},
    {"html", required_argument, NULL, OPTION_HTML},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool read_option(rf_simulate_options *options, option_id id, const char *text)
{
    int64_t seed;
    switch (id) {
    case OPTION_PRICES:
        return read_prices(options, text);
    case OPTION_FROM:
        return read_time("from", text, false, &options->from_ms);
    case OPTION_TO:
        return read_time("to", text, true, &options->to_ms);
    case OPTION_ACCOUNTS:
        return read_count32("accounts", text, 1, RF_SIMULATE_ACCOUNTS_MAX, &options->accounts);
    case OPTION_LEVERAGE:
        return read_leverages(options, text);
    case OPTION_LONG_SHARE:
        return read_decimal("long-share", text, 1, &options->long_share);
    case OPTION_CROSS_SHARE:
        return read_decimal("cross-share", text, 1, &options->cross_share);
    case OPTION_EXTRA_MARGIN:
        return read_decimal("extra-margin", text, 100, &options->extra_margin);
    case OPTION_FUND:
        return read_decimal("fund", text, 1000000000, &options->fund);
    case OPTION_MAKER_DEPTH:
        return read_decimal("maker-depth", text, 1000, &options->maker_depth);
    case OPTION_MAX_LEVERAGE:
        return read_count32("max-leverage", text, 1, 1000, &options->max_leverage);
    case OPTION_TIERS:
        return read_tiers(options, text);
    case OPTION_SEED:
        if (!read_count("seed", text, 0, INT64_MAX, &seed))
            return false;
        options->seed = (uint64_t)seed;
        return true;
    case OPTION_CHECK_EVERY:
        return read_count32("check-every", text, 1, 1000000000, &options->check_every);
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_HTML:
        options->html = text;
        return *text != '\0' || wrong("--html names no file");
    case OPTION_HELP:
        break;
    }
    return true;
}

/* What depends on other options. */
static bool complete(rf_simulate_options *options)
{
    uint32_t largest = 0;
    if (options->markets_count == 0)
        return wrong("--prices FILE is missing (see ringfence help simulate)");
    if (options->from_ms >= options->to_ms)
        return wrong("--to does not come after --from");
    for (uint32_t i = 0; i < options->leverages_count; i++)
        largest = options->leverages[i] > largest ? options->leverages[i] : largest;
    if (options->max_leverage == 0)
        options->max_leverage = largest > 100 ? largest : 100;
    if (largest > options->max_leverage)
        return wrong("--leverage %u is above --max-leverage %u", largest, options->max_leverage);
    if (options->tiers_count > 0 && largest > options->tiers[0].max_leverage)
        return wrong("--leverage %u is above the first tier's %u", largest,
                     options->tiers[0].max_leverage);
    if (options->fund < 0)
        options->fund = (int64_t)options->accounts * 100 * RF_E8;
    return true;
}

static const rf_simulate_options defaults = {
    .to_ms = INT64_MAX,
    .accounts = 10000,
    .leverages = {2, 3, 5, 10, 20, 25, 50, 100},
    .leverages_count = 8,
    .long_share = 70000000,
    .cross_share = 50000000,
    .fund = -1,
    .maker_depth = RF_E8,
    .seed = 1,
    .check_every = 1440,
};

rf_simulate_parse rf_simulate_options_parse(rf_simulate_options *options, int argc, char **argv)
{
    int id;
    *options = defaults;
    optind = 0; /* from the start, also in a program that has parsed before */
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (id == ':' || id == '?') {
            wrong(id == ':' ? "%s needs a value"
                            : "unknown option %s (see ringfence help simulate)",
                  argv[optind - 1]);
            return RF_SIMULATE_WRONG;
        }
        if (id == OPTION_HELP) {
            fputs(help, stdout);
            return RF_SIMULATE_HELP;
        }
        if (!read_option(options, (option_id)id, optarg))
            return RF_SIMULATE_WRONG;
    }
    if (optind < argc) {
        wrong("unexpected \"%s\": a file is given with --prices", argv[optind]);
        return RF_SIMULATE_WRONG;
    }
    return complete(options) ? RF_SIMULATE_PARSED : RF_SIMULATE_WRONG;
}
