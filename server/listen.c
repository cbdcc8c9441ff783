#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

static int fail(int fd, char error[256], const char *what, const char *why)
{
    snprintf(error, 256, "%s: %s", what, why);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int fail_errno(int fd, char error[256], const char *what)
{
    if (errno == EADDRINUSE)
        return fail(fd, error, what, "in use, by another server perhaps; port 0 is any free one");
    return fail(fd, error, what, strerror(errno));
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- In the file system ---------------------------------------------------------------------- */

static bool somebody_listens(const struct sockaddr_un *name)
{
    int fd = open_socket(AF_UNIX);
    bool answered = connect(fd, (const void *)name, sizeof *name) == 0 || errno == EAGAIN;
    if (fd >= 0)
        close(fd);
    return answered;
}

static bool refuse(char error[256], const char *what, const char *why)
{
    fail(-1, error, what, why);
    return false;
}

static bool name_socket(const char *path, struct sockaddr_un *name, char error[256])
{
    struct stat old;
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof name->sun_path)
        return refuse(error, path, "not a path of at most 107 bytes");
    memcpy(name->sun_path, path, strlen(path) + 1);
    if (lstat(path, &old) != 0)
        return true;
    if (!S_ISSOCK(old.st_mode))
        return refuse(error, path, "exists and is not a socket");
    return !somebody_listens(name) || refuse(error, path, "in use");
}

bool rf_listen_socket_good(const char *path, char error[256])
{
    struct sockaddr_un name;
    return name_socket(path, &name, error);
}

static int listen_unix(const char *path, char bound[128], char error[256])
{
    struct sockaddr_un name;
    if (!name_socket(path, &name, error))
        return -1;
    unlink(path); /* of one that is gone */
    int fd = open_socket(AF_UNIX);
    if (fd < 0)
        return fail_errno(fd, error, path);
    mode_t mask = umask(0177);
    int status = bind(fd, (const void *)&name, sizeof name);
    umask(mask);
    if (status != 0 || listen(fd, SOMAXCONN) != 0)
        return fail_errno(fd, error, path);
    snprintf(bound, 128, "unix:%s", path);
    return fd;
}

/* ---- On the network -------------------------------------------------------------------------- */

/* "127.0.0.1:8080", "localhost:0", "[::1]:8080". False: not such a text. */
static bool read_address(const char *text, struct sockaddr_storage *address, socklen_t *size)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (length == 0 || length >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > UINT16_MAX)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    memset(address, 0, sizeof *address);
    if (host[0] == '[' && host[length - 1] == ']') {
        struct sockaddr_in6 *six = (void *)address;
        host[length - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        *size = sizeof *six;
        return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1;
    }
    struct sockaddr_in *four = (void *)address;
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    *size = sizeof *four;
    const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    return inet_pton(AF_INET, number, &four->sin_addr) == 1;
}

rf_listen_reach rf_listen_reaches(const char *address)
{
    struct sockaddr_storage read;
    socklen_t size;
    if (!read_address(address, &read, &size))
        return RF_LISTEN_NOWHERE;
    const struct sockaddr_in *four = (const void *)&read;
    const struct sockaddr_in6 *six = (const void *)&read;
    bool loopback = read.ss_family == AF_INET ? ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
                                              : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    return loopback ? RF_LISTEN_LOOPBACK : RF_LISTEN_NETWORK;
}

static void write_address(const struct sockaddr_storage *address, char bound[128])
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(bound, 128, "[%s]:%u", host, ntohs(six->sin6_port));
        return;
    }
    const struct sockaddr_in *four = (const void *)address;
    inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
    snprintf(bound, 128, "%s:%u", host, ntohs(four->sin_port));
}

static int listen_network(const char *text, char bound[128], char error[256])
{
    struct sockaddr_storage address;
    socklen_t size;
    const int on = 1;
    if (!read_address(text, &address, &size))
        return fail(-1, error, text, "not an address (127.0.0.1:8080, [::1]:8080, unix:/path)");
    int fd = open_socket(address.ss_family);
    if (fd < 0)
        return fail_errno(fd, error, text);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (address.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, (const void *)&address, size) != 0 || listen(fd, SOMAXCONN) != 0)
        return fail_errno(fd, error, text);
    size = sizeof address;
    if (getsockname(fd, (void *)&address, &size) != 0)
        return fail_errno(fd, error, text);
    write_address(&address, bound);
    return fd;
}

int rf_listen_open(const char *address, char bound[128], char error[256])
{
    size_t prefix = strlen(unix_prefix);
    if (strncmp(address, unix_prefix, prefix) == 0)
        return listen_unix(address + prefix, bound, error);
    return listen_network(address, bound, error);
}

void rf_listen_close(int fd, const char *bound)
{
    size_t prefix = strlen(unix_prefix);
    if (strncmp(bound, unix_prefix, prefix) == 0)
        unlink(bound + prefix);
    close(fd);
}
