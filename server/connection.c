#define _GNU_SOURCE /* strings.h's and sys/socket.h's extensions */
#include "server/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "server/held.h"

enum { PARTS_MAX = 64 }; /* of one write */

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void init_links(connection *c)
{
    rf_link *links[] = {&c->all, &c->queue, &c->resumable, &c->doom, &c->deadline, &c->stall};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        rf_link_init(links[i]);
}

connection *rf_connection_open(rf_gate *gate, int fd, int tag)
{
    connection *c = calloc(1, sizeof *c);
    if (!c || gate->free_slots_count == 0 || !(c->http = rf_http_open()) ||
        uv_poll_init(gate->loop, &c->poll, fd) != 0) {
        rf_http_close(c ? c->http : NULL);
        free(c);
        return NULL;
    }
    uint16_t slot = gate->free_slots[--gate->free_slots_count];
    c->gate = gate;
    c->fd = fd;
    c->tag = tag;
    c->id = rf_gate_name(gate, slot);
    c->silent = true;
    c->peer_uid = -1;
    c->poll.data = c;
    init_links(c);
    gate->slots[slot] = c;
    gate->stats.connections++;
    rf_link_join(&gate->connections, &c->all);
    return c;
}

void rf_connection_doom(connection *c)
{
    if (c->doomed)
        return;
    c->doomed = true;
    rf_link_leave(&c->queue);
    rf_link_leave(&c->resumable);
    rf_link_leave(&c->deadline);
    rf_link_leave(&c->stall);
    rf_link_join(&c->gate->doomed, &c->doom);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rf_connection_reap(connection *c)
{
    rf_gate *gate = c->gate;
    RF_CHECK(c->doomed);
    rf_link_leave(&c->doom);
    gate->handler.closed(gate->handler.context, c->id);
    uint64_t slot = c->id & ((1u << SLOT_BITS) - 1);
    gate->slots[slot] = NULL;
    gate->free_slots[gate->free_slots_count++] = (uint16_t)slot;
    gate->stats.connections--;
    gate->stats.websockets -= c->http == NULL;
    rf_link_leave(&c->all);
    if (c->address)
        rf_addresses_leave(gate->addresses, c->address);
    rf_http_close(c->http);
    rf_websocket_finish(&c->websocket);
    rf_outbox_finish(&c->outbox);
    rf_held_less(c->held_size);
    free(c->held);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    close(c->fd);
    rf_gate_check_closed(gate);
}

void rf_connection_end(connection *c)
{
    c->input_over = true;
    c->ending = true;
    rf_connection_has_output(c); /* there may be none: then it ends now */
}

size_t rf_connection_weight(const connection *c)
{
    return c->outbox.cost + c->held_size +
           (c->http ? rf_http_memory(c->http) : c->websocket.text_capacity);
}

/* ---- What is polled for, and waited for ------------------------------------------------------ */

static bool lacks_room(const connection *c)
{
    return c->outbox.cost > c->gate->limits.queue_size_pause ||
           c->outbox.unanswered >= RF_PIPELINE_MAX;
}

static deadline_kind wanted_deadline(const connection *c)
{
    if (c->shut || c->gate->closing)
        return DEADLINE_LINGER;
    if (c->ending || c->paused)
        return DEADLINE_NONE; /* the client's reading is what counts: the stall's matter */
    if (!c->http)
        return rf_websocket_waits(&c->websocket) ? DEADLINE_MESSAGE : DEADLINE_NONE;
    switch (rf_http_where(c->http)) {
    case RF_HTTP_IN_HEAD:
        return DEADLINE_HEADER;
    case RF_HTTP_IN_BODY:
        return DEADLINE_BODY;
    case RF_HTTP_REST:
        break;
    }
    if (c->outbox.count > 0)
        return DEADLINE_NONE;
    return c->inputs == 0 ? DEADLINE_HEADER : DEADLINE_IDLE;
}

static uint32_t length_of(const rf_gate_limits *limits, deadline_kind kind)
{
    const uint32_t lengths[DEADLINE_KINDS] = {
        [DEADLINE_HEADER] = limits->header_ms, [DEADLINE_BODY] = limits->body_ms,
        [DEADLINE_IDLE] = limits->idle_ms,     [DEADLINE_MESSAGE] = limits->message_ms,
        [DEADLINE_LINGER] = limits->linger_ms,
    };
    return lengths[kind];
}

static void set_deadline(connection *c, deadline_kind kind)
{
    if (kind == c->deadline_kind && c->deadline_of == c->inputs)
        return; /* goes on from where it began */
    rf_gate *gate = c->gate;
    c->deadline_kind = kind;
    c->deadline_of = c->inputs;
    rf_link_leave(&c->deadline);
    if (kind == DEADLINE_NONE)
        return;
    c->deadline_at = uv_now(gate->loop) + length_of(&gate->limits, kind);
    rf_link_join(&gate->deadlines[kind], &c->deadline);
}

static void set_stall(connection *c)
{
    rf_link_leave(&c->stall);
    if (!c->blocked)
        return;
    c->stall_at = uv_now(c->gate->loop) + c->gate->limits.stall_ms;
    rf_link_join(&c->gate->stalls, &c->stall);
}

void rf_connection_watch(connection *c)
{
    if (c->doomed)
        return;
    bool reads = !c->eof && !c->paused && (!c->input_over || c->shut);
    int events = (reads ? UV_READABLE : 0) | (c->blocked ? UV_WRITABLE : 0);
    set_deadline(c, wanted_deadline(c));
    if (events == c->events)
        return;
    c->events = events;
    if (uv_poll_start(&c->poll, events, on_ready) != 0) /* with no events it stops */
        rf_connection_doom(c);
}

/* ---- Output ---------------------------------------------------------------------------------- */

void rf_connection_has_output(connection *c)
{
    if (!c->doomed && !c->blocked)
        rf_link_join(&c->gate->fresh, &c->queue);
}

/* All is said: closes our side, and waits for the client's. To close a socket with unread input would
 * reset the connection, and the client might never see the last answer. */
static void hang_up(connection *c)
{
    if (c->shut)
        return;
    c->shut = true;
    if (c->eof || shutdown(c->fd, SHUT_WR) != 0)
        rf_connection_doom(c);
}

static bool write_some(connection *c)
{
    rf_gate *gate = c->gate;
    struct iovec parts[PARTS_MAX];
    struct msghdr message = {.msg_iov = parts};
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    message.msg_iovlen = (size_t)rf_outbox_gather(&c->outbox, gate->durable_seq, parts, PARTS_MAX);
    if (message.msg_iovlen == 0)
        return false;
    /* Nearly always it is one part, which is cheaper to say. */
    ssize_t sent = message.msg_iovlen == 1 ? send(c->fd, parts[0].iov_base, parts[0].iov_len, flags)
                                           : sendmsg(c->fd, &message, flags);
    if (sent < 0 && errno == EINTR)
        return true;
    if (sent < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            rf_connection_doom(c);
        else if (!c->blocked) {
            c->blocked = true;
            set_stall(c);
        }
        return false;
    }
    gate->stats.bytes_out += (uint64_t)sent;
    rf_outbox_sent(&c->outbox, (size_t)sent);
    if (c->blocked) {
        c->blocked = false;
        set_stall(c);
    }
    return true;
}

void rf_connection_flush(connection *c)
{
    rf_link_leave(&c->queue);
    while (!c->doomed && write_some(c))
        continue;
    if (c->doomed)
        return;
    if (c->outbox.count == 0 && c->ending)
        hang_up(c);
    if (c->outbox.count > 0 && !c->blocked)
        rf_link_join(&c->gate->waiting, &c->queue);
    if (c->paused && !lacks_room(c) && !c->doomed)
        rf_link_join(&c->gate->resumable, &c->resumable);
    rf_connection_watch(c);
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

static void queue_frame(connection *c, unsigned opcode, const char *payload, size_t size)
{
    char head[RF_WEBSOCKET_HEAD_MAX];
    size_t head_size = rf_websocket_head(head, opcode, size);
    if (!rf_outbox_copy(&c->outbox, head, head_size, payload, size, 0))
        rf_connection_doom(c);
    rf_connection_has_output(c);
}

void rf_connection_end_websocket(connection *c, unsigned code, const char *reason)
{
    char payload[RF_WEBSOCKET_CONTROL_MAX];
    size_t reason_size = strlen(reason), most = sizeof payload - 2;
    if (reason_size > most)
        reason_size = most;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    memcpy(payload + 2, reason, reason_size);
    queue_frame(c, RF_WEBSOCKET_CLOSE, payload, 2 + reason_size);
    rf_connection_end(c);
}

static bool too_many_pings(connection *c)
{
    uint64_t second = uv_now(c->gate->loop) / 1000;
    if (second != c->ping_second) {
        c->ping_second = second;
        c->pings = 0;
    }
    return ++c->pings > c->gate->limits.pings_per_second;
}

static void take_text(connection *c, char *text, size_t size)
{
    rf_gate *gate = c->gate;
    char next = text[size];
    gate->stats.messages++;
    text[size] = '\0';
    gate->handler.message(gate->handler.context, c->id, text, size);
    text[size] = next;
}

static void take_event(connection *c, const rf_websocket_event *event)
{
    switch (event->kind) {
    case RF_WEBSOCKET_MORE:
        break;
    case RF_WEBSOCKET_GOT_TEXT:
        c->inputs++;
        take_text(c, event->text, event->size);
        break;
    case RF_WEBSOCKET_GOT_PING:
    case RF_WEBSOCKET_GOT_PONG:
        if (too_many_pings(c))
            rf_connection_end_websocket(c, RF_CLOSE_POLICY, "too many pings");
        else if (event->kind == RF_WEBSOCKET_GOT_PING)
            queue_frame(c, RF_WEBSOCKET_PONG, event->text, event->size);
        break;
    case RF_WEBSOCKET_GOT_CLOSE:
        rf_connection_end_websocket(c, event->code == RF_CLOSE_NONE ? RF_CLOSE_NORMAL : event->code,
                                    "");
        break;
    case RF_WEBSOCKET_BROKEN:
        rf_connection_end_websocket(c, event->code, "");
        break;
    }
}

static size_t feed_websocket(connection *c, char *bytes, size_t size)
{
    rf_websocket_event event;
    size_t used = rf_websocket_feed(&c->websocket, bytes, size, &event);
    take_event(c, &event);
    return used;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* An answer of the gate's own, behind those of the requests before. */
static void queue_refusal(connection *c, int status, const char *more_headers)
{
    char body[RF_HTTP_REFUSAL_MAX], head[RF_HTTP_HEAD_MAX + 128];
    rf_http_answer answer = {.status = status, .content_type = "application/json"};
    answer.body_size = rf_http_refusal(body, status);
    size_t size = rf_http_head(head, &answer, rf_gate_date(c->gate), c->input_over);
    memcpy(head + size, more_headers, strlen(more_headers));
    size += strlen(more_headers);
    memcpy(head + size, "\r\n", 2);
    if (!rf_outbox_copy(&c->outbox, head, size + 2, body, answer.body_size, 0))
        rf_connection_doom(c);
    rf_connection_has_output(c);
}

/* The protocol is lost: what follows cannot be read. */
static void refuse(connection *c, int status)
{
    c->input_over = true;
    queue_refusal(c, status, "");
    rf_connection_end(c);
}

static void queue_interim(connection *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!rf_outbox_copy(&c->outbox, text, sizeof text - 1, NULL, 0, 0))
        rf_connection_doom(c);
    rf_connection_has_output(c);
}

static bool is_served(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static void take_request(connection *c)
{
    rf_gate *gate = c->gate;
    rf_header headers[RF_HEADERS_MAX];
    rf_http_request request;
    bool keeps_alive = rf_http_keeps_alive(c->http);
    rf_http_take(c->http, headers, &request);
    c->inputs++;
    gate->stats.requests++;
    if (!keeps_alive)
        c->input_over = true;
    if (is_served(request.method)) {
        rf_ticket ticket = rf_gate_name(gate, c->id & ((1u << SLOT_BITS) - 1));
        if (!rf_outbox_expect(&c->outbox, ticket, strcmp(request.method, "HEAD") == 0))
            rf_connection_doom(c);
        else
            gate->handler.request(gate->handler.context, c->id, ticket, &request);
    } else {
        queue_refusal(c, 405, "Allow: GET, HEAD, POST\r\n");
    }
    if (!keeps_alive)
        rf_connection_end(c);
}

static void become_websocket(connection *c, const char *accept)
{
    static const char start[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    char head[sizeof start + RF_WEBSOCKET_ACCEPT_SIZE + 4];
    memcpy(head, start, sizeof start - 1);
    memcpy(head + sizeof start - 1, accept, RF_WEBSOCKET_ACCEPT_SIZE);
    memcpy(head + sizeof start - 1 + RF_WEBSOCKET_ACCEPT_SIZE, "\r\n\r\n", 4);
    size_t size = sizeof start - 1 + RF_WEBSOCKET_ACCEPT_SIZE + 4;
    if (!rf_outbox_copy(&c->outbox, head, size, NULL, 0, 0))
        rf_connection_doom(c);
    rf_http_close(c->http);
    c->http = NULL;
    c->gate->stats.websockets++;
    rf_connection_has_output(c);
}

/* A refused one goes on as HTTP. */
static void take_upgrade(connection *c)
{
    rf_gate *gate = c->gate;
    rf_header headers[RF_HEADERS_MAX];
    rf_http_request request;
    char accept[RF_WEBSOCKET_ACCEPT_SIZE + 1];
    rf_http_take(c->http, headers, &request);
    c->inputs++;
    const char *version = rf_http_header(&request, "sec-websocket-version");
    const char *key = rf_http_header(&request, "sec-websocket-key");
    if (!version || strcmp(version, "13") != 0)
        queue_refusal(c, 426, "Sec-WebSocket-Version: 13\r\n");
    else if (!key || !rf_websocket_accept(key, accept))
        queue_refusal(c, 400, "");
    else {
        int status = gate->handler.upgrade(gate->handler.context, c->id, &request);
        if (status == 101)
            become_websocket(c, accept);
        else
            queue_refusal(c, status, "");
    }
}

static size_t feed_http(connection *c, char *bytes, size_t size)
{
    size_t used = 0;
    switch (rf_http_feed(c->http, bytes, size, &used)) {
    case RF_HTTP_MORE:
        break;
    case RF_HTTP_CONTINUE:
        queue_interim(c);
        break;
    case RF_HTTP_REQUEST:
        take_request(c);
        rf_http_next(c->http);
        break;
    case RF_HTTP_UPGRADE:
        take_upgrade(c);
        if (c->http)
            rf_http_next(c->http);
        break;
    case RF_HTTP_REFUSED:
        refuse(c, rf_http_status(c->http));
        break;
    }
    return used;
}

/* ---- Input ----------------------------------------------------------------------------------- */

/* The rest of the input waits until answers have gone out. */
static void hold(connection *c, const char *bytes, size_t size)
{
    c->paused = true;
    if (size == 0)
        return;
    c->held = malloc(size + 1); /* room for a closing NUL */
    if (!c->held) {
        rf_connection_doom(c);
        return;
    }
    memcpy(c->held, bytes, size);
    c->held_size = size;
    rf_held_more(size);
}

static void take_input(connection *c, char *bytes, size_t size)
{
    size_t used = 0;
    while (!c->input_over && !c->doomed) {
        if (lacks_room(c)) {
            hold(c, bytes + used, size - used);
            break;
        }
        if (used == size)
            break;
        used += c->http ? feed_http(c, bytes + used, size - used)
                        : feed_websocket(c, bytes + used, size - used);
    }
}

void rf_connection_resume(connection *c)
{
    char *bytes = c->held;
    size_t size = c->held_size;
    rf_held_less(size);
    c->held = NULL;
    c->held_size = 0;
    c->paused = false;
    if (bytes)
        take_input(c, bytes, size);
    free(bytes);
    rf_connection_watch(c);
}

/* No more requests will come; those that came are answered. */
static void take_eof(connection *c)
{
    c->eof = true;
    if (c->shut)
        rf_connection_doom(c);
    else
        rf_connection_end(c);
}

static void read_some(connection *c)
{
    rf_gate *gate = c->gate;
    ssize_t got = recv(c->fd, gate->buffer, RF_READ_SIZE, 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            rf_connection_doom(c);
        return;
    }
    gate->stats.bytes_in += (uint64_t)got;
    if (got == 0)
        take_eof(c);
    else if (!c->shut) {
        c->silent = false;
        take_input(c, gate->buffer, (size_t)got);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    connection *c = poll->data;
    if (c->doomed)
        return;
    if (status != 0) { /* the other side reset it */
        rf_connection_doom(c);
        return;
    }
    if (events & UV_WRITABLE)
        rf_connection_flush(c);
    if ((events & UV_READABLE) && !c->doomed && (c->events & UV_READABLE))
        read_some(c);
    rf_connection_watch(c);
}

void rf_connection_is_late(connection *c)
{
    switch (c->deadline_kind) {
    case DEADLINE_HEADER:
    case DEADLINE_BODY:
        if (c->silent)
            rf_connection_doom(c);
        else
            refuse(c, 408);
        break;
    case DEADLINE_MESSAGE:
        rf_connection_end_websocket(c, RF_CLOSE_POLICY, "message took too long");
        break;
    case DEADLINE_NONE:
    case DEADLINE_IDLE:
    case DEADLINE_LINGER:
    case DEADLINE_KINDS:
        rf_connection_doom(c);
        break;
    }
    rf_connection_watch(c);
}
