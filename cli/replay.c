/* The verb replay: a script of calls through the real engine on a virtual clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/push.h"
#include "base/decimal.h"
#include "cli/options.h"
#include "cli/script.h"
#include "cli/story.h"
#include "cli/verbs.h"
#include "history/history.h"
#include "venue/world.h"

enum { INVARIANTS_MAX = 32 };

const char rf_cli_replay_help[] =
    "usage: ringfence replay [options] [FILE|-]\n"
    "\n"
    "Runs a script of API calls, one JSON object a line, through the real engine on a virtual "
    "clock and prints one\n"
    "answer a line. Without FILE, or with -, the script comes from the standard input.\n"
    "\n"
    "  "
    "{\"t\":1700000000000,\"as\":\"alice\",\"method\":\"private/create-order\",\"params\":{...}}\n"
    "\n"
    "  t        virtual time in ms; without it time stands still\n"
    "  as       an account made by operator/create-account, or operator; absent for public "
    "methods\n"
    "  \"@12.x\"  in params stands for the field x of line 12's result\n"
    "  # ...    is a comment\n"
    "\n"
    "options:\n"
    "  --events           also print what subscribers are told\n"
    "  --story            print calls and answers for people to read\n"
    "  --check            check all invariants after every call, stop at the first that is broken\n"
    "  --digest           print sequence and digest of the state at the end\n"
    "  --snapshot-at N    at line N save the engine, load it into a fresh one and go on with that\n"
    "  --accounts N, --instruments N, --positions N, --orders N\n"
    "                     bounds of the engine (4096, 128, 65536, 65536)\n";

typedef struct replay_options {
    const char *path;
    bool events, story, check, digest;
    uint32_t snapshot_at;
    rf_limits limits;
} replay_options;

typedef struct replay {
    const replay_options *options;
    rf_script script;
    rf_story story;
    rf_world world;
    rf_history *history; /* in memory, written and asked on the spot */
    rf_bytes out;
    uint32_t *scratch;
    size_t scratch_size;
    int64_t time_ns;
    bool reloaded;
} replay;

/* ---- Options --------------------------------------------------------------------------------- */

static bool read_count(const char *option, const char *text, uint32_t *value)
{
    uint64_t number;
    if (rf_decimal_parse_id(text, strlen(text), &number) && number >= 1 && number <= INT32_MAX) {
        *value = (uint32_t)number;
        return true;
    }
    fprintf(stderr, "ringfence replay: --%s takes a whole number from 1 on, not \"%s\"\n", option,
            text);
    return false;
}

/* One option: a switch, or a number. */
typedef struct replay_option {
    const char *name;
    bool *flag;
    uint32_t *number;
} replay_option;

enum { OPTIONS = 9 };

static void list_options(replay_options *options, replay_option rows[OPTIONS])
{
    const replay_option all[OPTIONS] = {
        {"events", &options->events, NULL},
        {"story", &options->story, NULL},
        {"check", &options->check, NULL},
        {"digest", &options->digest, NULL},
        {"snapshot-at", NULL, &options->snapshot_at},
        {"accounts", NULL, &options->limits.accounts_max},
        {"instruments", NULL, &options->limits.instruments_max},
        {"positions", NULL, &options->limits.positions_max},
        {"orders", NULL, &options->limits.orders_max},
    };
    memcpy(rows, all, sizeof all);
}

static bool take_option(const replay_option *row, const char *value)
{
    if (row->number)
        return read_count(row->name, value, row->number);
    *row->flag = true;
    return true;
}

/* -1: go on. */
static int read_options(replay_options *options, int argc, char **argv)
{
    replay_option rows[OPTIONS];
    struct option known[OPTIONS + 2] = {[OPTIONS] = {"help", no_argument, NULL, 'h'}};
    const rf_verb verb = {"replay", rf_cli_replay_help, known};
    int number, status = -1;
    *options = (replay_options){.path = "-", .limits = rf_world_limits};
    list_options(options, rows);
    for (int i = 0; i < OPTIONS; i++)
        known[i] = (struct option){rows[i].name, rows[i].number ? required_argument : no_argument,
                                   NULL, i + 1};
    while ((number = rf_next_option(&verb, argc, argv, &status)) != -1) {
        if (!take_option(&rows[number - 1], optarg))
            return 2;
    }
    if (status < 0 && argc - optind > 1)
        return rf_wrong_usage(&verb, "one FILE only, not also ", argv[optind + 1]);
    if (optind < argc)
        options->path = argv[optind];
    return status;
}

/* ---- One line -------------------------------------------------------------------------------- */

static bool complain(replay *run, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "ringfence replay: %s:%u: %s\n", run->script.name, run->script.line, what);
    return false;
}

static rf_caller find_caller(replay *run)
{
    const char *as = run->script.as;
    if (!as)
        return (rf_caller){.door = RF_DOOR_PUBLIC};
    if (strcmp(as, "operator") == 0)
        return (rf_caller){.door = RF_DOOR_OPERATOR};
    int64_t account = rf_find_account(run->world.engine, as);
    if (account < 1)
        return (rf_caller){.door = RF_DOOR_PUBLIC};
    return (rf_caller){.door = RF_DOOR_PRIVATE, .account = (uint32_t)account};
}

/* Time that passes is the engine's business before the call is; the first line only sets the clock.
 */
static void advance(replay *run)
{
    if (run->script.time_ns == run->time_ns)
        return;
    run->time_ns = run->script.time_ns;
    if (rf_engine_seq(run->world.engine) > 0)
        rf_api_advance(run->world.api, run->time_ns);
}

static bool push_events(replay *run)
{
    size_t wanted = rf_push_scratch(run->world.events_count);
    if (wanted > run->scratch_size) {
        uint32_t *scratch = realloc(run->scratch, wanted * sizeof *scratch);
        if (!scratch)
            return complain(run, "out of memory");
        run->scratch = scratch;
        run->scratch_size = wanted;
    }
    rf_push_messages(run->world.api, run->time_ns, run->world.events, run->world.events_count,
                     run->scratch, &run->out);
    return true;
}

static bool check(replay *run)
{
    rf_invariant rows[INVARIANTS_MAX];
    size_t count = rf_engine_check(run->world.engine, rows, INVARIANTS_MAX);
    for (size_t i = 0; i < count && i < INVARIANTS_MAX; i++) {
        char text[96];
        if (rows[i].ok)
            continue;
        snprintf(text, sizeof text, "invariant %s is broken, residual %lld", rows[i].name,
                 (long long)rows[i].residual);
        return complain(run, text);
    }
    return true;
}

static bool reload(replay *run)
{
    const char *error;
    run->reloaded = true;
    return rf_world_reload(&run->world, &error) || complain(run, error);
}

static bool play_call(replay *run)
{
    rf_script *script = &run->script;
    char oid[16];
    rf_world *world = &run->world;
    world->events_count = 0;
    rf_bytes_clear(&run->out);
    advance(run);
    snprintf(oid, sizeof oid, "%u", script->line);
    rf_request request = {
        .caller = find_caller(run),
        .time_ns = run->time_ns,
        .id = script->line,
        .method = script->method,
        .oid = oid,
        .json = &script->json,
        .params = script->params,
    };
    rf_api_call(world->api, &request, &run->out);
    size_t answer = run->out.size;
    if (run->options->story)
        rf_story_call(&run->story, script, run->out.data, answer);
    rf_bytes_char(&run->out, '\n');
    if (run->options->events && !push_events(run))
        return false;
    if (run->out.full || world->out_of_memory)
        return complain(run, "out of memory");
    if (!run->options->story)
        fwrite(run->out.data, 1, run->out.size, stdout);
    if (!rf_script_remember(script, run->out.data, answer))
        return complain(run, "out of memory");
    if (run->options->check && !check(run))
        return false;
    if (run->options->snapshot_at && !run->reloaded && script->line >= run->options->snapshot_at)
        return reload(run);
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void print_digest(replay *run)
{
    rf_digest digest = rf_engine_digest(run->world.engine);
    printf("{\"seq\":%llu,\"digest\":\"%016llx%016llx\"}\n",
           (unsigned long long)rf_engine_seq(run->world.engine), (unsigned long long)digest.high,
           (unsigned long long)digest.low);
}

static bool play(replay *run)
{
    bool interactive =
        !run->script.wanted; /* from a pipe: whoever writes it may wait for each answer */
    for (;;) {
        switch (rf_script_next(&run->script)) {
        case RF_SCRIPT_CALL:
            if (!play_call(run))
                return false;
            if (interactive)
                fflush(stdout);
            break;
        case RF_SCRIPT_COMMENT:
            if (run->options->story)
                rf_story_comment(&run->story, run->script.text);
            break;
        case RF_SCRIPT_END:
            if (run->options->digest)
                print_digest(run);
            return true;
        case RF_SCRIPT_BAD:
            fflush(stdout);
            fprintf(stderr, "ringfence replay: %s\n", run->script.error);
            return false;
        }
    }
}

static bool open_history(replay *run)
{
    char error[256];
    run->history = rf_history_open(NULL, false, error);
    if (run->history && rf_history_attach(run->history, &run->world))
        return true;
    fprintf(stderr, "ringfence replay: %s\n", run->history ? "out of memory" : error);
    return false;
}

static void finish(replay *run)
{
    rf_history_close(run->history);
    rf_world_close(&run->world);
    rf_script_close(&run->script);
    rf_story_close(&run->story);
    free(run->out.data);
    free(run->scratch);
}

int rf_cli_replay(int argc, char **argv)
{
    replay_options options;
    replay run = {.options = &options};
    const int status = read_options(&options, argc, argv);
    if (status >= 0)
        return status;
    rf_bytes_init(&run.out, NULL, 0, rf_world_grow);
    bool good = rf_script_open(&run.script, options.path);
    if (!good)
        fprintf(stderr, "ringfence replay: %s\n", run.script.error);
    if (good && (!rf_world_open(&run.world, &options.limits, options.events) ||
                 !rf_story_open(&run.story))) {
        fprintf(stderr, "ringfence replay: cannot start an engine of this size\n");
        good = false;
    }
    good = good && open_history(&run) && play(&run);
    finish(&run);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ringfence replay: cannot write the answers\n");
        good = false;
    }
    return good ? 0 : 1;
}
