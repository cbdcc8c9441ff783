/* Listening and letting in. */
#define _GNU_SOURCE /* accept4, struct ucred */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/connection.h"
#include "server/listen.h"

static void on_incoming(uv_poll_t *poll, int status, int events);

/* ---- Who it is ------------------------------------------------------------------------------- */

static void learn_peer(connection *c, const struct sockaddr *address)
{
    const int on = 1;
    if (address->sa_family == AF_UNIX) {
        struct ucred peer;
        socklen_t size = sizeof peer;
        memcpy(c->peer, "unix", sizeof "unix");
        if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
            c->peer_uid = (int64_t)peer.uid;
        return;
    }
    uv_ip_name(address, c->peer, sizeof c->peer);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- Letting in ------------------------------------------------------------------------------ */

/* Too many: says so as far as the socket takes it at once. */
static void turn_away(rf_gate *gate, int fd, int status)
{
    char text[RF_HTTP_HEAD_MAX + 2 + RF_HTTP_REFUSAL_MAX], body[RF_HTTP_REFUSAL_MAX];
    rf_http_answer answer = {.status = status, .content_type = "application/json"};
    answer.body_size = rf_http_refusal(body, status);
    size_t size = rf_http_head(text, &answer, rf_gate_date(gate), true);
    memcpy(text + size, "\r\n", 2);
    memcpy(text + size + 2, body, answer.body_size);
    gate->stats.refused++;
    if (send(fd, text, size + 2 + answer.body_size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        shutdown(fd, SHUT_WR);
    close(fd);
}

static void let_in(listener *at, int fd, const struct sockaddr *address)
{
    rf_gate *gate = at->gate;
    const rf_gate_limits *limits = &gate->limits;
    uint32_t place = 0;
    if (gate->stats.connections >= limits->connections) {
        turn_away(gate, fd, 503);
        return;
    }
    if (address->sa_family != AF_UNIX) {
        uint32_t max = rf_address_is_loopback(address) ? limits->connections_of_loopback
                                                       : limits->connections_per_address;
        place = rf_addresses_join(gate->addresses, rf_address_key(address), max);
        if (!place) {
            turn_away(gate, fd, 429);
            return;
        }
    }
    connection *c = rf_connection_open(gate, fd, at->tag);
    if (!c) {
        if (place)
            rf_addresses_leave(gate->addresses, place);
        turn_away(gate, fd, 503);
        return;
    }
    c->address = place;
    learn_peer(c, address);
    gate->stats.accepted++;
    gate->handler.opened(gate->handler.context, c->id);
    rf_connection_watch(c);
}

/* Errors that say something of one connection, not of us. */
static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ECONNRESET;
}

/* Out of descriptors, or of memory: to try again at once would be to spin, for the socket stays
 * readable. The next tick tries. */
static void pause_listener(listener *at)
{
    at->paused = true;
    uv_poll_stop(&at->poll);
}

static void on_incoming(uv_poll_t *poll, int status, int events)
{
    listener *at = poll->data;
    (void)events;
    if (status != 0) {
        pause_listener(at);
        return;
    }
    for (int i = 0; i < RF_ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(at->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            let_in(at, fd, (const struct sockaddr *)&address);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (!is_passing(errno)) {
            pause_listener(at);
            return;
        }
    }
}

void rf_accept_resume(rf_gate *gate)
{
    for (rf_link *link = gate->listeners.next; link != &gate->listeners; link = link->next) {
        listener *at = RF_LINKED(link, listener, all);
        if (at->paused && uv_poll_start(&at->poll, UV_READABLE, on_incoming) == 0)
            at->paused = false;
    }
}

/* ---- Listening ------------------------------------------------------------------------------- */

bool rf_gate_listen(rf_gate *gate, const char *address, int tag, char bound[128], char error[256])
{
    listener *at = calloc(1, sizeof *at);
    int fd = at ? rf_listen_open(address, at->bound, error) : -1;
    if (fd < 0 || uv_poll_init(gate->loop, &at->poll, fd) != 0) {
        if (!at || fd >= 0)
            memcpy(error, "out of memory", sizeof "out of memory");
        if (fd >= 0)
            rf_listen_close(fd, at->bound);
        free(at);
        return false;
    }
    at->gate = gate;
    at->fd = fd;
    at->tag = tag;
    at->poll.data = at;
    rf_link_init(&at->all);
    rf_link_join(&gate->listeners, &at->all);
    memcpy(bound, at->bound, sizeof at->bound);
    at->paused = uv_poll_start(&at->poll, UV_READABLE, on_incoming) != 0; /* the tick tries again */
    return true;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rf_gate_stop_listening(rf_gate *gate)
{
    while (!rf_link_alone(&gate->listeners)) {
        listener *at = RF_LINKED(gate->listeners.next, listener, all);
        rf_link_leave(&at->all);
        uv_close((uv_handle_t *)&at->poll, on_listener_closed);
        rf_listen_close(at->fd, at->bound);
    }
}
