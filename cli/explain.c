/* The verb explain: the story of one isolation or one liquidation, from a data directory's journal.
 *
 * The journal is only read. Its records go through a world whose history is kept in memory, and the
 * story is what operator/explain says of it: the same encoder as on the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/put.h"
#include "base/decimal.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "history/history.h"
#include "venue/recover.h"

enum { COLUMNS = 100, INDENT = 25, FORMULA_INDENT = 6, SEGMENT_SIZE = 1 << 16 };

static const char help[] =
    "usage: ringfence explain [--json] DIR ID\n"
    "\n"
    "Tells the story of an isolation (its isolation_id) or of a liquidation (its liquidation_id) "
    "from the "
    "journal in the\n"
    "data directory DIR: every event with its numbers, and the formulas of docs/margin.md with the "
    "values put in.\n"
    "The server may be running: nothing is written.\n"
    "\n"
    "options:\n"
    "  --json   print the result of operator/explain instead\n";

typedef struct explanation {
    const char *dir;
    uint64_t id;
    bool json;
    rf_world world;
    rf_history *history;
    rf_bytes out;
    uint64_t visited;
    char error[256];
} explanation;

static bool complain(explanation *run, const char *what)
{
    snprintf(run->error, sizeof run->error, "%s", what);
    return false;
}

/* ---- The journal into a world ---------------------------------------------------------------- */

static bool apply(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    explanation *run = context;
    run->visited++;
    if (rf_world_replay(&run->world, (rf_record_kind)kind, bytes, size))
        return true;
    snprintf(run->error, sizeof run->error, "record %llu of the journal is none of this version",
             (unsigned long long)seq);
    return false;
}

static void close_world(explanation *run)
{
    rf_history_close(run->history);
    run->history = NULL;
    rf_world_close(&run->world);
}

static bool open_world(explanation *run, const rf_limits *limits)
{
    if (!rf_world_open(&run->world, limits, false))
        return complain(run, "cannot make an engine of this size");
    run->history = rf_history_open(NULL, false, run->error);
    return run->history && rf_history_attach(run->history, &run->world);
}

static bool load(void *context, rf_snap_read read, void *from)
{
    explanation *run = context;
    const char *ignored;
    return rf_world_load(&run->world, read, from, &ignored);
}

/* From a snapshot, or from the first record (0). False with nothing visited: not from there. */
static bool play_from(explanation *run, const rf_limits *limits, rf_journal_options *options,
                      uint64_t start, rf_store_report *report)
{
    uint64_t found = 0;
    run->visited = 0;
    run->error[0] = 0;
    if (!open_world(run, limits))
        return false;
    if (start &&
        (!rf_snapfile_load(options->disk, run->dir, start, &found, load, run, run->error) ||
         found != start))
        return false;
    run->world.record = start;
    if (!rf_journal_read(options, start, apply, run, report) && !run->error[0])
        complain(run, report->error);
    return !run->error[0];
}

/* The oldest snapshot that leads to the journal's oldest record; 0: there is none. */
static uint64_t oldest_start(explanation *run, const rf_disk *disk, uint64_t first_seq)
{
    uint64_t best = 0, found = 0, until = UINT64_MAX;
    char ignored[256];
    while (rf_snapfile_load(disk, run->dir, until, &found, load, run, ignored) && found &&
           found + 1 >= first_seq) {
        best = found;
        until = found - 1;
    }
    return best;
}

/* The longest story is wanted: from the first record, else from the oldest snapshot that works. */
static bool play(explanation *run)
{
    rf_journal_options options = {
        .disk = &rf_disk_files, .dir = run->dir, .segment_size = SEGMENT_SIZE};
    rf_store_report report = {0};
    rf_journal_head head;
    rf_limits limits;
    const char *why;
    if (!rf_journal_look(&options, UINT64_MAX, &head, &report))
        return complain(run, report.error);
    if (!rf_venue_limits(&head, &limits, &why))
        return complain(run, why);
    options.label = head.label;
    options.label_size = head.label_size;
    if (play_from(run, &limits, &options, 0, &report))
        return true;
    uint64_t start = run->visited ? 0 : oldest_start(run, options.disk, report.first_seq);
    if (start == 0)
        return false;
    close_world(run);
    return play_from(run, &limits, &options, start, &report);
}

/* ---- The question ---------------------------------------------------------------------------- */

static rf_error ask(explanation *run)
{
    char text[64], room[128];
    rf_json_token tokens[8];
    rf_json json;
    snprintf(text, sizeof text, "{\"params\":{\"id\":\"%llu\"}}", (unsigned long long)run->id);
    rf_json_init(&json, tokens, 8, room, sizeof room);
    if (!rf_json_parse(&json, text, strlen(text)))
        return RF_ERR_BAD_REQUEST;
    const rf_request request = {.caller = {.door = RF_DOOR_OPERATOR},
                                .time_ns = rf_engine_time_ns(run->world.engine),
                                .id = -1,
                                .method = "operator/explain",
                                .json = &json,
                                .params = rf_json_member(&json, 0, "params")};
    return rf_api_call(run->world.api, &request, &run->out);
}

/* ---- For people ------------------------------------------------------------------------------ */

static const char *text_of(const rf_json *json, uint32_t object, const char *key)
{
    uint32_t token = rf_json_member(json, object, key);
    return token ? rf_json_text(json, token) : "";
}

static void print_time(const rf_json *json, uint32_t event)
{
    long long ms = strtoll(text_of(json, event, "t"), NULL, 10);
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    printf("%s.%03lld  ", text, ms % 1000);
}

/* Words, in lines of at most COLUMNS that begin at INDENT. */
static void print_wrapped(const char *text)
{
    size_t column = INDENT;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (column > INDENT && column + 1 + size > COLUMNS) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)size, text);
        column += size;
        text += size + (text[size] == ' ');
    }
    putchar('\n');
}

/* How much of a decimal is worth reading: two decimals, or up to the last that is not 0. */
static int short_of(const char *decimal)
{
    const char *dot = strchr(decimal, '.');
    int size = (int)strlen(decimal);
    while (dot && decimal + size > dot + 3 && decimal[size - 1] == '0')
        size--;
    return size;
}

/* On one line when it fits, else one line for each step. */
static void print_formula(const rf_json *json, uint32_t token)
{
    const char *name = text_of(json, token, "name"), *formula = text_of(json, token, "formula");
    const char *values = text_of(json, token, "values"), *result = text_of(json, token, "result");
    size_t size = strlen(name) + strlen(formula) + strlen(values) + strlen(result) + 9;
    int step = FORMULA_INDENT + (int)strlen(name) + 1, shown = short_of(result);
    printf("%*s%s = %s", FORMULA_INDENT, "", name, formula);
    if (FORMULA_INDENT + size <= COLUMNS)
        printf(" = %s = %.*s\n", values, shown, result);
    else
        printf("\n%*s= %s\n%*s= %.*s\n", step, "", values, step, "", shown, result);
}

static void print_event(const rf_json *json, uint32_t event)
{
    uint32_t formulas = rf_json_member(json, event, "formulas");
    print_time(json, event);
    print_wrapped(text_of(json, event, "text"));
    for (uint32_t i = 0; formulas && i < json->tokens[formulas].count; i++)
        print_formula(json, rf_json_element(json, formulas, i));
}

static void print_story(const rf_json *json)
{
    uint32_t result = rf_json_member(json, 0, "result");
    uint32_t events = rf_json_member(json, result, "events");
    bool isolated = *text_of(json, result, "isolation_id");
    printf("%s %s of account %s, %s.\n", isolated ? "Isolation" : "Liquidation",
           text_of(json, result, isolated ? "isolation_id" : "liquidation_id"),
           text_of(json, result, "account_id"), text_of(json, result, "instrument_name"));
    puts("Times are UTC, money is USD. Names are those of docs/margin.md: m = MM / N, f = taker + "
         "liq,\nD = the tier's deduction.\n");
    uint32_t at = events + 1;
    for (uint32_t i = 0; i < json->tokens[events].count; i++, at = json->tokens[at].next)
        print_event(json, at);
}

static bool print_for_people(explanation *run)
{
    size_t tokens_max = run->out.size / 4 + 64;
    rf_json json;
    rf_json_token *tokens = calloc(tokens_max, sizeof *tokens);
    char *text = calloc(1, run->out.size + tokens_max);
    bool good = tokens && text;
    if (good) {
        rf_json_init(&json, tokens, (uint32_t)tokens_max, text,
                     (uint32_t)(run->out.size + tokens_max));
        good = rf_json_parse(&json, run->out.data, run->out.size);
    }
    if (good)
        print_story(&json);
    free(tokens);
    free(text);
    return good || complain(run, "the story is too long to print; try --json");
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool explain(explanation *run)
{
    rf_bytes_init(&run->out, NULL, 0, rf_world_grow);
    if (!play(run))
        return false;
    rf_error code = ask(run);
    if (code == RF_ERR_NOT_FOUND)
        return complain(run, "no isolation and no liquidation has this number");
    if (code != RF_ERR_OK || run->out.full)
        return complain(run, rf_error_name(code));
    if (!run->json)
        return print_for_people(run);
    printf("%.*s\n", (int)run->out.size, run->out.data);
    return true;
}

int rf_cli_explain(int argc, char **argv)
{
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static const rf_verb verb = {"explain", help, known};
    explanation run = {0};
    int status = -1;
    while (rf_next_option(&verb, argc, argv, &status) == 'j')
        run.json = true;
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return rf_wrong_usage(&verb, "it takes DIR and ID", "");
    run.dir = argv[optind];
    if (!rf_decimal_parse_id(argv[optind + 1], strlen(argv[optind + 1]), &run.id))
        return rf_wrong_usage(&verb, "ID is a number, not ", argv[optind + 1]);
    bool good = explain(&run);
    if (!good)
        fprintf(stderr, "ringfence explain: %s\n", run.error);
    close_world(&run);
    free(run.out.data);
    return good ? 0 : 1;
}
