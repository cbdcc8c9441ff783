/* The gate as a whole: its table of connections, its beat, and what the handler calls. */
#define _GNU_SOURCE /* gmtime_r */
#include "server/gate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "server/connection.h"
#include "server/held.h"

uint64_t rf_gate_name(rf_gate *gate, uint64_t slot)
{
    return ++gate->last_id << SLOT_BITS | slot;
}

static connection *in_slot(const rf_gate *gate, uint64_t name)
{
    uint64_t slot = name & ((1u << SLOT_BITS) - 1);
    return slot < RF_CONNECTIONS_MAX ? gate->slots[slot] : NULL;
}

connection *rf_gate_find(const rf_gate *gate, rf_conn conn)
{
    connection *c = in_slot(gate, conn);
    return c && c->id == conn ? c : NULL;
}

const char *rf_gate_date(rf_gate *gate)
{
    time_t now = time(NULL);
    if ((int64_t)now != gate->date_second) {
        struct tm utc;
        gate->date_second = (int64_t)now;
        if (!gmtime_r(&now, &utc) ||
            strftime(gate->date, sizeof gate->date, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
            gate->date[0] = '\0';
    }
    return gate->date;
}

/* ---- The beat -------------------------------------------------------------------------------- */

static void resume_held(rf_gate *gate)
{
    rf_link now;
    rf_link_init(&now);
    rf_link_take_all(&now, &gate->resumable);
    while (!rf_link_alone(&now)) {
        connection *c = RF_LINKED(now.next, connection, resumable);
        rf_link_leave(&c->resumable);
        rf_connection_resume(c);
    }
}

static void flush_list(rf_link *list)
{
    rf_link now;
    rf_link_init(&now);
    rf_link_take_all(&now, list);
    while (!rf_link_alone(&now))
        rf_connection_flush(RF_LINKED(now.next, connection, queue));
}

/* Writes and closes until there is nothing left to do: to close one may give others something to
 * send. */
static void settle(rf_gate *gate)
{
    while (!rf_link_alone(&gate->fresh) || !rf_link_alone(&gate->doomed)) {
        flush_list(&gate->fresh);
        while (!rf_link_alone(&gate->doomed))
            rf_connection_reap(RF_LINKED(gate->doomed.next, connection, doom));
    }
}

bool rf_gate_is_crowded(const rf_gate *gate)
{
    return rf_held_bytes() > gate->limits.queues_size;
}

/* NULL: nobody holds anything. */
static connection *find_heaviest(const rf_gate *gate)
{
    connection *chosen = NULL;
    size_t most = 0;
    for (rf_link *link = gate->connections.next; link != &gate->connections; link = link->next) {
        connection *c = RF_LINKED(link, connection, all);
        size_t weight = rf_connection_weight(c);
        bool outranks = chosen && c->blocked != chosen->blocked ? c->blocked : weight > most;
        if (weight == 0 || !outranks)
            continue;
        chosen = c;
        most = weight;
    }
    return chosen;
}

/* One that must go for the others' sake. False: there is none. */
static bool shed(rf_gate *gate)
{
    connection *c = rf_held_bytes() / 2 > gate->limits.queues_size ? find_heaviest(gate) : NULL;
    if (!c)
        return false;
    gate->stats.dropped++;
    rf_connection_doom(c);
    return true;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* that it is active is all: the loop does not sleep */
}

static void beat(rf_gate *gate)
{
    resume_held(gate);
    gate->handler.turn(gate->handler.context);
    settle(gate);
    while (shed(gate))
        settle(gate);
    if (gate->closing)
        return;
    if (rf_link_alone(&gate->resumable))
        uv_idle_stop(&gate->idle);
    else
        uv_idle_start(&gate->idle, on_idle);
}

static void on_prepare(uv_prepare_t *prepare)
{
    beat(prepare->data);
}

static void on_check(uv_check_t *check)
{
    beat(check->data);
}

static void on_tick(uv_timer_t *tick)
{
    rf_gate *gate = tick->data;
    uint64_t now = uv_now(gate->loop);
    for (int kind = DEADLINE_HEADER; kind < DEADLINE_KINDS; kind++) {
        rf_link *list = &gate->deadlines[kind];
        while (!rf_link_alone(list)) {
            connection *c = RF_LINKED(list->next, connection, deadline);
            if (c->deadline_at > now)
                break;
            rf_link_leave(&c->deadline);
            rf_connection_is_late(c);
        }
    }
    while (!rf_link_alone(&gate->stalls)) {
        connection *c = RF_LINKED(gate->stalls.next, connection, stall);
        if (c->stall_at > now)
            break;
        gate->stats.dropped++;
        rf_connection_doom(c);
    }
    rf_accept_resume(gate);
}

/* ---- Open and close -------------------------------------------------------------------------- */

rf_gate_limits rf_gate_limits_default(void)
{
    return (rf_gate_limits){
        .header_ms = RF_HEADER_MS,
        .body_ms = RF_BODY_MS,
        .idle_ms = RF_IDLE_MS,
        .message_ms = RF_MESSAGE_MS,
        .linger_ms = RF_LINGER_MS,
        .stall_ms = RF_STALL_MS,
        .tick_ms = RF_TICK_MS,
        .connections = RF_CONNECTIONS_MAX,
        .connections_per_address = RF_CONNECTIONS_PER_ADDRESS_MAX,
        .connections_of_loopback = RF_CONNECTIONS_MAX,
        .pings_per_second = RF_PINGS_PER_SECOND,
        .queue_size = RF_QUEUE_SIZE_MAX,
        .queue_size_pause = RF_QUEUE_SIZE_PAUSE,
        .queues_size = RF_QUEUES_SIZE_MAX,
    };
}

void rf_gate_set_limits(rf_gate *gate, const rf_gate_limits *limits)
{
    gate->limits = *limits;
    uv_timer_start(&gate->tick, on_tick, limits->tick_ms, limits->tick_ms);
}

static void init_lists(rf_gate *gate)
{
    rf_link *lists[] = {&gate->listeners, &gate->connections, &gate->fresh, &gate->waiting,
                        &gate->resumable, &gate->doomed,      &gate->stalls};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        rf_link_init(lists[i]);
    for (int kind = 0; kind < DEADLINE_KINDS; kind++)
        rf_link_init(&gate->deadlines[kind]);
}

rf_gate *rf_gate_open(void *loop, const rf_gate_handler *handler)
{
    rf_gate *gate = calloc(1, sizeof *gate);
    if (!gate || !(gate->addresses = rf_addresses_open())) {
        free(gate);
        return NULL;
    }
    gate->loop = loop;
    gate->handler = *handler;
    init_lists(gate);
    for (uint32_t slot = RF_CONNECTIONS_MAX; slot > 0; slot--)
        gate->free_slots[gate->free_slots_count++] = (uint16_t)(slot - 1);
    signal(SIGPIPE, SIG_IGN); /* a client that went away is an error of its write, nothing else */
    uv_timer_init(loop, &gate->tick);
    uv_prepare_init(loop, &gate->prepare);
    uv_check_init(loop, &gate->check);
    uv_idle_init(loop, &gate->idle);
    gate->tick.data = gate->prepare.data = gate->check.data = gate->idle.data = gate;
    uv_prepare_start(&gate->prepare, on_prepare);
    uv_check_start(&gate->check, on_check);
    const rf_gate_limits limits = rf_gate_limits_default();
    rf_gate_set_limits(gate, &limits);
    return gate;
}

static void on_own_closed(uv_handle_t *handle)
{
    rf_gate *gate = handle->data;
    if (--gate->own_handles > 0)
        return;
    rf_addresses_close(gate->addresses);
    free(gate);
}

void rf_gate_check_closed(rf_gate *gate)
{
    if (!gate->closing || gate->own_handles > 0 || !rf_link_alone(&gate->connections))
        return;
    uv_handle_t *own[] = {(uv_handle_t *)&gate->tick, (uv_handle_t *)&gate->prepare,
                          (uv_handle_t *)&gate->check, (uv_handle_t *)&gate->idle};
    gate->own_handles = sizeof own / sizeof *own;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        uv_close(own[i], on_own_closed);
}

/* One without a word to say goes at once, the others have RF_LINGER_MS. */
static void say_goodbye(connection *c)
{
    if (c->doomed)
        return;
    if (c->http && c->outbox.count == 0)
        rf_connection_doom(c);
    else if (!c->ending && !c->http)
        rf_connection_end_websocket(c, RF_CLOSE_TRY_LATER, "the server stops");
    else
        rf_connection_end(c);
    rf_connection_watch(c);
}

void rf_gate_close(rf_gate *gate)
{
    if (gate->closing)
        return;
    gate->closing = true;
    rf_gate_stop_listening(gate);
    for (rf_link *link = gate->connections.next; link != &gate->connections; link = link->next)
        say_goodbye(RF_LINKED(link, connection, all));
    uv_idle_stop(&gate->idle);
    rf_gate_check_closed(gate);
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* Head, further headers, an empty line and the body in one piece. False: out of memory. */
static bool fill(connection *c, rf_item *item, const rf_http_answer *answer, bool close,
                 uint64_t barrier)
{
    char head[RF_HTTP_HEAD_MAX];
    size_t head_size = rf_http_head(head, answer, rf_gate_date(c->gate), close);
    const char *more = answer->headers ? answer->headers : "";
    size_t more_size = strlen(more);
    size_t body_size = answer->content_type && !item->head_only ? answer->body_size : 0;
    char *at = rf_outbox_fill(&c->outbox, item, head_size + more_size + 2 + body_size, barrier);
    if (!at)
        return false;
    memcpy(at, head, head_size);
    memcpy(at + head_size, more, more_size);
    memcpy(at + head_size + more_size, "\r\n", 2);
    if (body_size > 0)
        memcpy(at + head_size + more_size + 2, answer->body, body_size);
    return true;
}

void rf_gate_answer(rf_gate *gate, rf_ticket ticket, const rf_http_answer *answer, uint64_t barrier)
{
    connection *c = in_slot(gate, ticket);
    rf_item *item = c && !c->doomed ? rf_outbox_find(&c->outbox, ticket) : NULL;
    if (!item)
        return;
    if (answer->close) {
        rf_outbox_cut(&c->outbox, item); /* nothing comes after the last one */
        c->input_over = c->ending = true;
    }
    bool last = c->input_over && rf_outbox_is_last(&c->outbox, item);
    if (fill(c, item, answer, last, barrier))
        rf_connection_has_output(c);
    else
        rf_connection_doom(c);
}

rf_frame *rf_frame_new(const char *text, size_t size)
{
    char head[RF_WEBSOCKET_HEAD_MAX];
    size_t head_size = rf_websocket_head(head, RF_WEBSOCKET_TEXT, size);
    rf_frame *frame = rf_frame_alloc(head_size + size);
    if (!frame)
        return NULL;
    memcpy(frame->data, head, head_size);
    memcpy(frame->data + head_size, text, size);
    frame->size = frame->capacity;
    return frame;
}

void rf_frame_drop(rf_frame *frame)
{
    rf_frame_let_go(frame);
}

/* A WebSocket that still takes messages; NULL: it is not that. */
static connection *find_open(const rf_gate *gate, rf_conn conn)
{
    connection *c = rf_gate_find(gate, conn);
    return c && !c->http && !c->ending && !c->doomed ? c : NULL;
}

/* A queue over its ceiling ends the connection: nothing in between is ever left out. */
static bool queued(connection *c, bool added)
{
    if (!added || c->outbox.cost > c->gate->limits.queue_size) {
        c->gate->stats.dropped++;
        rf_connection_doom(c);
        return false;
    }
    if (rf_link_alone(&c->queue))
        rf_connection_has_output(c);
    return true;
}

bool rf_gate_send(rf_gate *gate, rf_conn conn, rf_frame *frame, uint64_t barrier)
{
    connection *c = find_open(gate, conn);
    return c && queued(c, rf_outbox_add(&c->outbox, frame, barrier));
}

bool rf_gate_send_text(rf_gate *gate, rf_conn conn, const char *text, size_t size, uint64_t barrier)
{
    connection *c = find_open(gate, conn);
    if (!c)
        return false;
    char head[RF_WEBSOCKET_HEAD_MAX];
    size_t head_size = rf_websocket_head(head, RF_WEBSOCKET_TEXT, size);
    return queued(c, rf_outbox_copy(&c->outbox, head, head_size, text, size, barrier));
}

void rf_gate_end(rf_gate *gate, rf_conn conn, uint16_t code, const char *reason)
{
    connection *c = rf_gate_find(gate, conn);
    if (!c || c->doomed || c->ending)
        return;
    if (c->http)
        rf_connection_end(c);
    else
        rf_connection_end_websocket(c, code, reason ? reason : "");
}

void rf_gate_release(rf_gate *gate, uint64_t durable_seq)
{
    if (durable_seq <= gate->durable_seq)
        return;
    gate->durable_seq = durable_seq;
    flush_list(&gate->waiting);
}

/* ---- About a connection ---------------------------------------------------------------------- */

size_t rf_gate_backlog(const rf_gate *gate, rf_conn conn)
{
    const connection *c = rf_gate_find(gate, conn);
    return c && c->blocked ? c->outbox.cost : 0;
}

int rf_gate_tag(const rf_gate *gate, rf_conn conn)
{
    const connection *c = rf_gate_find(gate, conn);
    return c ? c->tag : -1;
}

const char *rf_gate_peer(const rf_gate *gate, rf_conn conn)
{
    const connection *c = rf_gate_find(gate, conn);
    return c ? c->peer : "";
}

int64_t rf_gate_peer_uid(const rf_gate *gate, rf_conn conn)
{
    const connection *c = rf_gate_find(gate, conn);
    return c ? c->peer_uid : -1;
}

void rf_gate_set_user(rf_gate *gate, rf_conn conn, void *user)
{
    connection *c = rf_gate_find(gate, conn);
    if (c)
        c->user = user;
}

void *rf_gate_user(const rf_gate *gate, rf_conn conn)
{
    const connection *c = rf_gate_find(gate, conn);
    return c ? c->user : NULL;
}

rf_gate_stats rf_gate_statistics(const rf_gate *gate)
{
    return gate->stats;
}
