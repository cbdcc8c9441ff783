#define _GNU_SOURCE /* accept4 */
#include "tests/gate/faults.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static struct {
    const char *call;
    unsigned long left; /* calls until it strikes, 0 = never */
    int error;          /* 0: short */
    bool struck;
} fault;

static const char *const calls[] = {"accept4", "recv", "sendmsg"};

static const struct {
    const char *name;
    int error;
} kinds[] = {
    {"short", 0},       {"EIO", EIO},       {"EINTR", EINTR}, {"ECONNRESET", ECONNRESET},
    {"EAGAIN", EAGAIN}, {"EMFILE", EMFILE}, {"EPIPE", EPIPE}, {"ENOBUFS", ENOBUFS},
};

bool faults_arm(const char *call, unsigned long n, const char *kind)
{
    fault.left = 0;
    fault.struck = false;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t j = 0; j < sizeof kinds / sizeof *kinds; j++)
            if (strcmp(calls[i], call) == 0 && strcmp(kinds[j].name, kind) == 0) {
                fault.call = calls[i];
                fault.error = kinds[j].error;
                fault.left = n;
                return true;
            }
    return false;
}

bool faults_struck(void)
{
    return fault.struck;
}

static bool strikes(const char *call)
{
    if (fault.left == 0 || strcmp(fault.call, call) != 0 || --fault.left > 0)
        return false;
    fault.struck = true;
    errno = fault.error;
    return true;
}

int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return strikes("accept4") ? -1 : __real_accept4(fd, address, size, flags);
}

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    if (!strikes("recv"))
        return __real_recv(fd, bytes, size, flags);
    return fault.error ? -1 : __real_recv(fd, bytes, 1, flags);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!strikes("sendmsg"))
        return __real_sendmsg(fd, message, flags);
    if (fault.error)
        return -1;
    struct iovec one = {.iov_base = message->msg_iov->iov_base, .iov_len = 1};
    const struct msghdr little = {.msg_iov = &one, .msg_iovlen = 1};
    return __real_sendmsg(fd, &little, flags);
}

/* What is said in one part is a fault of "sendmsg" too. */
ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    if (!strikes("sendmsg"))
        return __real_send(fd, bytes, size, flags);
    return fault.error ? -1 : __real_send(fd, bytes, 1, flags);
}
