/* server/harden.h, in a child that gives up what a server does: what is refused then, in every thread, and what goes
 * on. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/harden.h"

/* What a child finds; its exit status is the line of the first thing that is not so. */
#define MUST(so)                                             \
    do {                                                     \
        if (!(so)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #so); \
            _exit(1);                                        \
        }                                                    \
    } while (0)
#define REFUSED(call) MUST((call) == -1 && errno == EPERM)

static void in_a_child(void (*body)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void must_refuse(void)
{
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(page != MAP_FAILED);
    REFUSED(execve("/bin/true", arguments, arguments + 1));
    REFUSED(mprotect(page, 4096, PROT_READ | PROT_EXEC));
    MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
         MAP_FAILED);
    REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0));
    REFUSED(unshare(CLONE_NEWUSER));
    REFUSED((int)syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
    REFUSED(setuid(0));
    REFUSED((int)syscall(SYS_bpf, 0, 0, 0));
    REFUSED((int)syscall(SYS_io_uring_setup, 1, 0));
    REFUSED((int)syscall(SYS_memfd_create, "x", 0));
    REFUSED((int)syscall(SYS_mount, 0, 0, 0, 0, 0));
    munmap(page, 4096);
}

static void *in_a_thread(void *ended)
{
    must_refuse();
    *(bool *)ended = true;
    return NULL;
}

/* Threads that were there before, and those that come later. */
static pthread_barrier_t barrier;
static void *wait_first(void *ended)
{
    pthread_barrier_wait(&barrier);
    return in_a_thread(ended);
}

static void serve_on(void)
{
    bool ended[2] = {false, false};
    pthread_t old, fresh;
    int status;
    MUST(pthread_barrier_init(&barrier, NULL, 2) == 0);
    MUST(pthread_create(&old, NULL, wait_first, &ended[0]) == 0);
    MUST(rf_harden_calls());
    MUST(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    must_refuse();
    pthread_barrier_wait(&barrier);
    MUST(pthread_create(&fresh, NULL, in_a_thread, &ended[1]) == 0);
    MUST(pthread_join(old, NULL) == 0 && pthread_join(fresh, NULL) == 0 && ended[0] && ended[1]);
    /* Files, sockets and the child that writes a snapshot. */
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC), link = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(file >= 0 && link >= 0 && write(file, "x", 1) == 1 && fsync(link) == -1);
    MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
         MAP_FAILED);
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    MUST(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
}

static void keep_secrets(void)
{
    struct rlimit core;
    rf_harden_memory();
    MUST(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    MUST(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static void what_is_given_up_is_refused_and_all_else_goes_on(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
    in_a_child(serve_on);
}

static void memory_is_nobody_elses(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip();
#endif
    in_a_child(keep_secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_up_is_refused_and_all_else_goes_on),
        cmocka_unit_test(memory_is_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
