/* rf_sim: drives the engine with random commands and checks everything after each of them. See sim.h. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The only way to say which command broke an assert of the engine. */
#include "base/check.h"
#include "tests/sim/sim.h"

typedef struct sim_options {
    uint64_t commands, seed, check_every, digest_every, snapshot_every, rebuild_every, damage,
        forge, trace, steps;
    const char *journal;
    bool hash, quiet, partial;
} sim_options;

static const sim_run *running;

void sim_fail(const sim_run *sim, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "rf_sim: seed %llu, command %llu: ", (unsigned long long)sim->seed,
            (unsigned long long)sim->number);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static void on_check(const char *condition, const char *file, int line)
{
    sim_fail(running, "%s:%d: %s does not hold", file, line, condition);
}

void sim_check(const sim_run *sim)
{
    rf_invariant rows[16];
    const size_t count = rf_engine_check(sim->engine, rows, 16);
    if (count == 0 || count > 16)
        sim_fail(sim, "rf_engine_check has %zu rows", count);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].ok)
            sim_fail(sim, "%s does not hold: residual %lld", rows[i].name,
                     (long long)rows[i].residual);
    }
}

static bool is_due(uint64_t number, uint64_t every)
{
    return every != 0 && number % every == 0;
}

static void run(sim_run *sim, const sim_options *options)
{
    for (sim->number = 1; sim->number <= options->commands; sim->number++) {
        rf_command command = sim_command(sim);
        if (sim_chance(&sim->random, 2))
            sim_spoil(sim, &command);
        sim_apply(sim, &command);
        if (is_due(sim->number, options->check_every))
            sim_check(sim);
        if (is_due(sim->number, options->rebuild_every))
            mirror_compare(sim);
        if (is_due(sim->number, options->snapshot_every) && sim->journal)
            sim_journal_snapshot(sim);
        else if (is_due(sim->number, options->snapshot_every))
            sim_reload(sim);
        if (is_due(sim->number, options->digest_every)) {
            const rf_digest digest = rf_engine_digest(sim->engine);
            printf("%llu %016llx%016llx\n", (unsigned long long)sim->number,
                   (unsigned long long)digest.high, (unsigned long long)digest.low);
        }
    }
    sim->number = options->commands;
}

static void end(sim_run *sim, const sim_options *options)
{
    sim_check(sim);
    mirror_compare(sim);
    if (options->damage != 0)
        sim_damage(sim, options->damage);
    if (options->forge != 0)
        sim_forge(sim, options->forge);
    if (sim->journal)
        sim_journal_close(sim);
    if (options->hash) {
        const rf_digest digest = rf_engine_digest(sim->engine);
        printf("digest %016llx%016llx answers %016llx events %016llx\n",
               (unsigned long long)digest.high, (unsigned long long)digest.low,
               (unsigned long long)sim->answers, (unsigned long long)sim->events);
    }
}

static const char usage[] =
    "rf_sim [OPTION ...]: random commands, half of them hostile, against the engine\n"
    "  --commands N        how many (100000)\n"
    "  --seed N            which ones (1)\n"
    "  --check-every N     invariants after every N-th command (1; 0 = only at the end)\n"
    "  --rebuild [N]       compares the state rebuilt from events after every N-th command (100)\n"
    "  --snapshot-every N  saves, loads into another engine and goes on there\n"
    "  --digest-every N    prints the digest\n"
    "  --steps N           so few liquidations a command, the invariants after each of them; with\n"
    "                      --snapshot-every also a snapshot after each\n"
    "  --damage N          at the end: N damaged snapshots, all of which must be refused\n"
    "  --forge N           at the end: N snapshots with wrong fields and right checksums\n"
    "  --journal DIR       through a journal in this empty directory, and back from it at the "
    "end;\n"
    "                      --snapshot-every then writes snapshots there\n"
    "  --hash              prints the final digest and hashes of all answers and events\n"
    "  --trace N           prints commands, answers and events from the N-th command on\n"
    "  --quiet             no tables\n"
    "  --partial           a row of the tables that must not be empty may be (short runs)\n";

static uint64_t number_of(const char *text)
{
    char *end_of_number;
    const unsigned long long number = strtoull(text, &end_of_number, 10);
    if (*text < '0' || *text > '9' || *end_of_number != '\0') {
        fprintf(stderr, "rf_sim: not a number: %s\n", text);
        exit(2);
    }
    return number;
}

/* One option: a number, a switch or a text. */
typedef struct sim_option {
    const char *name;
    uint64_t *number;
    bool *flag;
    const char **text;
} sim_option;

enum { OPTIONS = 14, REBUILD = 3 };

/* --rebuild alone is every 100. */
static void take_option(const sim_option *option, const char *value)
{
    if (option->number)
        *option->number = value ? number_of(value) : 100;
    else if (option->flag)
        *option->flag = true;
    else
        *option->text = value;
}

static sim_options read_options(int count, char **words)
{
    sim_options options = {.commands = 100000, .seed = 1, .check_every = 1};
    const sim_option rows[OPTIONS] = {
        {"commands", .number = &options.commands},
        {"seed", .number = &options.seed},
        {"check-every", .number = &options.check_every},
        {"rebuild", .number = &options.rebuild_every},
        {"snapshot-every", .number = &options.snapshot_every},
        {"digest-every", .number = &options.digest_every},
        {"damage", .number = &options.damage},
        {"forge", .number = &options.forge},
        {"trace", .number = &options.trace},
        {"steps", .number = &options.steps},
        {"hash", .flag = &options.hash},
        {"quiet", .flag = &options.quiet},
        {"partial", .flag = &options.partial},
        {"journal", .text = &options.journal},
    };
    struct option known[OPTIONS + 1] = {{0}};
    int number;
    for (int i = 0; i < OPTIONS; i++)
        known[i] = (struct option){rows[i].name, rows[i].flag ? no_argument : required_argument,
                                   NULL, i + 1};
    known[REBUILD].has_arg = optional_argument;
    while ((number = getopt_long(count, words, "", known, NULL)) != -1) {
        if (number == '?') {
            fputs(usage, stderr);
            exit(2);
        }
        take_option(&rows[number - 1], optarg);
    }
    if (optind != count) {
        fputs(usage, stderr);
        exit(2);
    }
    return options;
}

int main(int count, char **words)
{
    const sim_options options = read_options(count, words);
    sim_run *sim = calloc(1, sizeof *sim);
    if (!sim)
        return 2;
    running = sim;
    if (options.journal)
        sim->journal = sim_journal_open(sim, options.journal);
    rf_check_set_hook(on_check);
    sim->seed = options.seed;
    sim->trace_from = options.trace;
    sim->steps = (uint32_t)options.steps;
    sim->reload_pending = options.steps != 0 && options.snapshot_every != 0 && !options.journal;
    sim->size = (rf_engine_size(&sim_limits) + 63) / 64 * 64;
    for (uint32_t i = 0; i < 2; i++) {
        sim->memory[i] = sim->size != 0 ? aligned_alloc(64, sim->size) : NULL;
        if (!sim->memory[i])
            sim_fail(sim, "no memory, or rf_engine_size refuses the limits");
    }
    sim_random_start(&sim->random, options.seed);
    sim_random_start(&sim->spare, ~options.seed);
    sim->engine = sim_engine(sim, 0);
    sim_found(sim);
    run(sim, &options);
    end(sim, &options);
    if (!options.quiet)
        cover_print(sim);
    const uint32_t empty = options.partial ? 0 : cover_missing(sim);
    printf("%llu commands, seed %llu: %s\n", (unsigned long long)options.commands,
           (unsigned long long)options.seed, empty == 0 ? "all well" : "some rows are empty");
    free(sim->memory[0]);
    free(sim->memory[1]);
    free(sim);
    return empty == 0 ? 0 : 1;
}
