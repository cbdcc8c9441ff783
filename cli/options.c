/* One loop over getopt_long for all verbs. */
#include "cli/options.h"

#include <stdio.h>

int rf_wrong_usage(const rf_verb *verb, const char *what, const char *argument)
{
    fprintf(stderr, "ringfence %s: %s%s (see ringfence help %s)\n", verb->name, what, argument,
            verb->name);
    return 2;
}

int rf_next_option(const rf_verb *verb, int argc, char **argv, int *status)
{
    opterr = 0;
    const int choice = getopt_long(argc, argv, ":", verb->options, NULL);
    if (choice == ':')
        *status = rf_wrong_usage(verb, "a value is missing: ", argv[optind - 1]);
    else if (choice == '?')
        *status = rf_wrong_usage(verb, "unknown option ", argv[optind - 1]);
    else if (choice == 'h')
        *status = fputs(verb->help, stdout) < 0;
    else
        return choice;
    return -1;
}
