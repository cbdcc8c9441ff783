/* ringfence bench: the benchmarks of the engine (docs/performance.md says what each one does). */
#include "cli/options.h"
#include "cli/verbs.h"

#include "bench/bench.h"
#include "venue/world.h"

#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "usage: ringfence bench engine|book|margin|mark|memory|recovery|server|all [--json] "
    "[--runs N] "
    "[--commands N] [--quick]\n"
    "  book    W1  orders under five price paths\n"
    "  margin  W2  margin-checked orders: S (1,000 users), L (500,000), M (isolated "
    "ones among them)\n"
    "  mark    W4  mark ticks over up to 1,000,000 isolated positions, with and "
    "without liquidations\n"
    "  memory  W5  bytes per object\n"
    "  engine  everything above\n"
    "  recovery  W7  from the journal and from a snapshot, under TMPDIR\n"
    "  server  W3, W6, W8  a server of its own on this disk: durable orders a second over "
    "WebSocket\n"
    "          and REST, latency at fixed rates, fan-out\n"
    "  all     everything above\n"
    "  --runs N      repeat each measurement (5); the median is the value\n"
    "  --commands N  length of the streams\n"
    "  --quick       small sizes, to see that it runs\n"
    "  --window N    server: calls under way of all clients together (1024)\n"
    "  --only PART   server: socket, rate, rest or fan-out alone\n"
    "  --under WORDS server: run it under this program (`valgrind --tool=callgrind`)\n"
    "  --json        one object a row\n"
    "usage: ringfence bench soak [--seconds N] [--rate N] [--clients N]\n"
    "  the sandbox with so many WebSocket clients, watched: memory, drops, the tape "
    "against the history,\n"
    "  invariants, and the journal re-run at the end (60 s, 20000 calls/s, 200)\n"
    "usage: ringfence bench --script FILE [--commands N]\n"
    "  writes W2-S as a replay script and prints the digest that `ringfence replay "
    "--digest FILE` ends with\n";

static bool run(const char *what, const rf_bench_options *options)
{
    const bool whole = strcmp(what, "all") == 0, all = whole || strcmp(what, "engine") == 0;
    const bool recovery = whole || strcmp(what, "recovery") == 0;
    const bool server = whole || strcmp(what, "server") == 0;
    const bool book = all || strcmp(what, "book") == 0, margin = all || strcmp(what, "margin") == 0;
    const bool mark = all || strcmp(what, "mark") == 0, memory = all || strcmp(what, "memory") == 0;
    if (!book && !margin && !mark && !memory && !recovery && !server)
        return false;
    rf_bench_header(options);
    if (margin)
        rf_bench_margin(options);
    if (book)
        rf_bench_book(options);
    if (mark)
        rf_bench_mark(options);
    if (memory)
        rf_bench_memory(options);
    if (recovery)
        rf_bench_recovery(options);
    if (server)
        rf_bench_server(options);
    return true;
}

static bool number(const char *text, uint64_t max, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value >= 1 && *value <= max;
}

static bool is_part(const char *text)
{
    static const char *const parts[] = {"socket", "rate", "rest", "fan-out"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i], text) == 0)
            return true;
    return false;
}

int rf_cli_bench(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"commands", required_argument, NULL, 'c'},
                                          {"quick", no_argument, NULL, 'q'},
                                          {"window", required_argument, NULL, 'w'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"rate", required_argument, NULL, 'R'},
                                          {"clients", required_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"script", required_argument, NULL, 's'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"under", required_argument, NULL, 'u'},
                                          {NULL, 0, NULL, 0}};
    static const rf_verb verb = {"bench", help_text, longs};
    rf_bench_options options = {.runs = 5};
    uint64_t value = 0;
    int option, status = -1;
    while ((option = rf_next_option(&verb, argc, argv, &status)) != -1) {
        if (option == 'j')
            options.json = true;
        else if (option == 's')
            options.script = optarg;
        else if (option == 'o' && is_part(optarg))
            options.only = optarg;
        else if (option == 'u')
            options.under = optarg;
        else if (option == 'q')
            options.quick = true;
        else if (option == 'r' && number(optarg, 31, &value))
            options.runs = (uint32_t)value;
        else if (option == 'w' && number(optarg, 1000000, &value))
            options.window = (uint32_t)value;
        else if (option == 't' && number(optarg, 7200, &value))
            options.seconds = (uint32_t)value;
        else if (option == 'R' && number(optarg, 100000, &value))
            options.rate = (uint32_t)value;
        else if (option == 'n' && number(optarg, 10000, &value))
            options.clients = (uint32_t)value;
        else if (option == 'c' && number(optarg, 100000000, &value))
            options.commands = value;
        else
            return rf_wrong_usage(
                &verb, option == 'o' ? "not a part of the server's: " : "a number out of range: ",
                argv[optind - 1]);
    }
    if (status >= 0)
        return status;
    if (optind == argc && options.script)
        return rf_bench_script(&options, &rf_world_limits) ? 0 : 1;
    if (optind + 1 == argc && strcmp(argv[optind], "soak") == 0)
        return rf_bench_soak(&options) ? 0 : 1;
    if (optind + 1 == argc && run(argv[optind], &options))
        return 0;
    return rf_wrong_usage(&verb, optind < argc ? "unknown: " : "what to measure is missing",
                          optind < argc ? argv[optind + 1 < argc ? optind + 1 : optind] : "");
}
