/* ringfence simulate: what would this population have done over that price history? */
#include "cli/simulate.h"

#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_FINE = 0, STATUS_DATA = 1, STATUS_USAGE = 2 };

static int complain(const char *message)
{
    fprintf(stderr, "ringfence simulate: %s\n", message);
    return STATUS_DATA;
}

/* Opened before the run: a path that cannot be written should not be found out minutes later. */
static bool open_report(const rf_simulate_options *options, FILE **file)
{
    *file = options->html ? fopen(options->html, "wb") : NULL;
    if (!options->html || *file)
        return true;
    fprintf(stderr, "ringfence simulate: %s: %s\n", options->html, strerror(errno));
    return false;
}

static bool write_report(FILE *file, const rf_simulate_result *result)
{
    if (!file)
        return true;
    rf_report_write(file, result);
    const bool fine = ferror(file) == 0;
    return fclose(file) == 0 && fine;
}

static int publish(const rf_simulate_result *result, FILE *report)
{
    if (result->options->json)
        rf_simulate_print_json(stdout, result);
    else
        rf_simulate_print_tables(stdout, result);
    const bool printed = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (!write_report(report, result))
        return complain("the report cannot be written");
    if (!printed)
        return complain("the output cannot be written");
    return rf_simulate_sound(result) ? STATUS_FINE : complain("a check failed: see the output");
}

static int simulate(rf_simulate_world *world, rf_simulate_result *result,
                    const rf_simulate_options *options)
{
    FILE *report = NULL;
    if (!rf_simulate_world_init(world, options, result))
        return complain(world->error);
    if (!open_report(options, &report))
        return STATUS_DATA;
    if (rf_simulate_run(world))
        return publish(result, report);
    if (report)
        fclose(report);
    return complain(world->error);
}

int rf_cli_simulate(int argc, char **argv)
{
    rf_simulate_options options;
    switch (rf_simulate_options_parse(&options, argc, argv)) {
    case RF_SIMULATE_HELP:
        return STATUS_FINE;
    case RF_SIMULATE_WRONG:
        return STATUS_USAGE;
    case RF_SIMULATE_PARSED:
        break;
    }
    rf_simulate_world *world = calloc(1, sizeof *world);
    rf_simulate_result *result = calloc(1, sizeof *result);
    int status = STATUS_DATA;
    if (world && result) {
        status = simulate(world, result, &options);
        rf_simulate_world_finish(world);
    } else {
        complain("out of memory");
    }
    free(result);
    free(world);
    return status;
}
