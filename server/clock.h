/* The two clocks of the operating system, in ns.
 *
 * May include: nothing of ours. */
#ifndef RF_SERVER_CLOCK_H
#define RF_SERVER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t rf_clock_read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Never goes back: for durations and deadlines. */
static inline int64_t rf_clock_monotonic_ns(void)
{
    return rf_clock_read_ns(CLOCK_MONOTONIC);
}

/* Since 1970, as the machine believes. */
static inline int64_t rf_clock_wall_ns(void)
{
    return rf_clock_read_ns(CLOCK_REALTIME);
}

#endif
