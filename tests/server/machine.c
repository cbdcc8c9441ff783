/* A wall clock and a disk that a test sets: loaded before a server (LD_PRELOAD), it does what the file of
 * RINGFENCE_TEST_MACHINE says in four int64: what is added to the machine's clock (CLOCK_REALTIME); when it is
 * not 0, the time at which that clock stands still; how long a flush takes longer; and, when it is
 * not 0, the error that a flush ends with. All other clocks are the machine's.
 *
 * May include: nothing of ours. */
#define _GNU_SOURCE /* RTLD_NEXT, syscall */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

typedef struct setting {
    int64_t add_ns, still_ns, flush_ns, flush_error;
} setting;

static const volatile setting *find_setting(void)
{
    static const volatile setting *found;
    const char *path = found ? NULL : getenv("RINGFENCE_TEST_MACHINE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return found;
    void *memory = mmap(NULL, sizeof *found, PROT_READ, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED)
        found = memory;
    close(file);
    return found;
}

static int64_t wall_ns(void)
{
    struct timespec real;
    const volatile setting *set = find_setting();
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
    int64_t now_ns = (int64_t)real.tv_sec * NS_PER_S + real.tv_nsec;
    if (!set)
        return now_ns;
    return set->still_ns ? set->still_ns : now_ns + set->add_ns;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, now);
    int64_t ns = wall_ns();
    *now = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int64_t ns = wall_ns();
    (void)zone;
    *now = (struct timeval){.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / 1000};
    return 0;
}

time_t time(time_t *now)
{
    time_t seconds = (time_t)(wall_ns() / NS_PER_S);
    if (now)
        *now = seconds;
    return seconds;
}

static int flush(long call, int file)
{
    const volatile setting *set = find_setting();
    if (set && set->flush_ns > 0)
        usleep((useconds_t)(set->flush_ns / 1000));
    if (set && set->flush_error != 0) {
        errno = (int)set->flush_error;
        return -1;
    }
    return (int)syscall(call, file);
}

int fdatasync(int file)
{
    return flush(SYS_fdatasync, file);
}

int fsync(int file)
{
    return flush(SYS_fsync, file);
}
