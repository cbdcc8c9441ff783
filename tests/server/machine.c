/* A wall clock and a disk that a test sets: loaded before a server (LD_PRELOAD), it does what the file of
 * RINGFENCE_TEST_MACHINE says in eight int64: what is added to the machine's clock (CLOCK_REALTIME); when it is
 * not 0, the time at which that clock stands still; how long a flush takes longer; when it is not 0,
 * the error that a flush ends with; a seed; one in how many writes and renames, and one in how many
 * calls of the network, fails; and how far CLOCK_MONOTONIC is ahead of the machine's.
 *
 * May include: nothing of ours. */
#define _GNU_SOURCE /* RTLD_NEXT, syscall */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

typedef struct setting {
    int64_t add_ns, still_ns, flush_ns, flush_error, seed, disk_one_in, net_one_in, ahead_ns;
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
    const volatile setting *set = find_setting();
    bool monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE;
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int status = wall ? 0 : (int)syscall(SYS_clock_gettime, clock, now);
    if (!wall && !(monotonic && set && status == 0))
        return status;
    int64_t ns = wall ? wall_ns() : (int64_t)now->tv_sec * NS_PER_S + now->tv_nsec + set->ahead_ns;
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

/* ---- Faults ---------------------------------------------------------------------------------- */

/* Whether this call is one of them, and a number to choose its kind by. */
static bool strikes(bool disk, unsigned *kind)
{
    static atomic_ullong calls;
    const volatile setting *set = find_setting();
    int64_t one_in = !set ? 0 : disk ? set->disk_one_in : set->net_one_in;
    if (one_in <= 0)
        return false;
    uint64_t x = (uint64_t)set->seed * 0x9e3779b97f4a7c15u + atomic_fetch_add(&calls, 1);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    *kind = (unsigned)(x >> 40);
    return x % (uint64_t)one_in == 0;
}

static int fails(int error)
{
    errno = error;
    return -1;
}

/* With offsets of 64 bits, as everybody here has them, its name is pwrite64. */
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    unsigned kind;
    if (strikes(true, &kind)) {
        if (kind % 3 < 2 || size < 2)
            return fails(kind % 3 ? EIO : ENOSPC);
        size /= 2;
    }
    return syscall(SYS_pwrite64, file, bytes, size, offset);
}

int rename(const char *from, const char *to)
{
    unsigned kind;
    if (strikes(true, &kind))
        return fails(EIO);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int accept4(int file, __SOCKADDR_ARG address, socklen_t *restrict size, int flags)
{
    unsigned kind;
    if (strikes(false, &kind))
        return fails(kind % 2 ? ECONNABORTED : EMFILE);
    return (int)syscall(SYS_accept4, file, address.__sockaddr__, size, flags);
}

ssize_t recv(int file, void *bytes, size_t size, int flags)
{
    unsigned kind;
    if (strikes(false, &kind)) {
        if (kind % 4 == 0)
            return fails(ECONNRESET);
        size = size > 8 ? 1 + kind % 8 : size;
    }
    return syscall(SYS_recvfrom, file, bytes, size, flags, NULL, NULL);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags)
{
    unsigned kind;
    struct msghdr shorter = *message;
    struct iovec first;
    if (strikes(false, &kind)) {
        if (kind % 4 == 0 || message->msg_iovlen == 0)
            return fails(kind % 8 ? EPIPE : ECONNRESET);
        first = message->msg_iov[0];
        first.iov_len = first.iov_len > 1 ? first.iov_len / 2 : first.iov_len;
        shorter.msg_iov = &first;
        shorter.msg_iovlen = 1;
    }
    return syscall(SYS_sendmsg, file, &shorter, flags);
}
