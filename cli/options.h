/* How the verbs read their options: in one voice.
 *
 * Promise: what is mistyped is named, with where to read on, and ends the verb with exit status 2.
 *
 * May include: getopt.h. */
#ifndef RF_CLI_OPTIONS_H
#define RF_CLI_OPTIONS_H

#include <getopt.h>

typedef struct rf_verb {
    const char *name, *help;
    const struct option *options; /* one letter each, 'h' for --help */
} rf_verb;

/* Says "ringfence NAME: WHAT ARGUMENT (see ringfence help NAME)"; returns 2. */
int rf_wrong_usage(const rf_verb *verb, const char *what, const char *argument);

/* The letter of the next option, its value in optarg. -1 behind the last one: words begin at
 * argv[optind]. -1 also, and *status is the exit status, when the verb is over: help was asked for
 * and printed, or something is no option, which was said. */
int rf_next_option(const rf_verb *verb, int argc, char **argv, int *status);

#endif
