/* rf_crash: crashes, damage and faults under the store. See crash.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/crash/crash.h"

void crash_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "rf_crash: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static void on_check(const char *condition, const char *file, int line)
{
    crash_fail("%s:%d: %s does not hold", file, line, condition);
}

int main(int count, char **words)
{
    const uint64_t points = count > 1 ? strtoull(words[1], NULL, 10) : 100000;
    const uint64_t seed = count > 2 ? strtoull(words[2], NULL, 10) : 1;
    if (points == 0 || count > 3) {
        fputs("rf_crash [POINTS [SEED]]: crash points of the journal (100000, 1), then snapshots, "
              "damage, faults\n",
              stderr);
        return 2;
    }
    rf_check_set_hook(on_check);
    crash_points(points, seed);
    crash_snapshots(points / 20 + 1, seed);
    crash_damage(seed);
    crash_faults(seed);
    return 0;
}
