/* ringfence: the verbs and their help. */
#include <stdio.h>
#include <string.h>

#include "cli/verbs.h"

#ifndef RF_VERSION
#define RF_VERSION "0.1.0"
#endif

typedef struct verb {
    const char *name, *purpose;
    int (*run)(int argc, char **argv);
} verb;

static const verb verbs[] = {
    {"serve", "runs the exchange: REST, WebSocket, operators' socket", rf_cli_serve},
    {"replay", "runs a script of API calls through the real engine and prints the answers",
     rf_cli_replay},
    {"simulate", "runs a population of accounts over a price history and reports what happened",
     rf_cli_simulate},
    {"call", "signs and sends one call to a server and prints the answer", rf_cli_call},
    {"verify", "re-runs a data directory's journal and checks every invariant and digest",
     rf_cli_verify},
    {"journal", "reads a journal, or cuts what is broken of it", rf_cli_journal},
    {"explain", "tells the story of an isolation or a liquidation from the journal",
     rf_cli_explain},
    {"bench", "measures the engine", rf_cli_bench},
    {"describe", "prints the API as its tables have it", rf_cli_describe},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

static const verb *find_verb(const char *name)
{
    for (int i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static void print_help(void)
{
    puts("usage: ringfence VERB [options]\n");
    for (int i = 0; i < VERBS; i++)
        printf("  %-10s %s\n", verbs[i].name, verbs[i].purpose);
    puts("\n  help VERB  tells more about one of them\n  --version  prints the version");
}

static int unknown(const char *what)
{
    const char *kind = what[0] == '-' ? "option" : "verb";
    fprintf(stderr, "ringfence: unknown %s \"%s\" (see ringfence help)\n", kind, what);
    return 2;
}

/* Each verb knows its own help. */
static int help(int argc, char **argv)
{
    char option[] = "--help";
    if (argc < 2) {
        print_help();
        return 0;
    }
    const verb *row = find_verb(argv[1]);
    if (!row || argc > 2)
        return unknown(argv[row ? 2 : 1]);
    char *arguments[] = {argv[1], option, NULL};
    return row->run(2, arguments);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("ringfence: a verb is missing (see ringfence help)\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        puts("ringfence " RF_VERSION);
        return 0;
    }
    const verb *row = find_verb(argv[1]);
    return row ? row->run(argc - 1, argv + 1) : unknown(argv[1]);
}
