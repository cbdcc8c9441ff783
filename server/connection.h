/* One connection of the gate, and the gate as its connections see it. Private to gate.c,
 * connection.c and accept.c.
 *
 * May include: base, server/gate.h and the gate's parts. */
#ifndef RF_SERVER_CONNECTION_H
#define RF_SERVER_CONNECTION_H

#include <uv.h>

#include "server/address.h"
#include "server/gate.h"
#include "server/http.h"
#include "server/limits.h"
#include "server/link.h"
#include "server/outbox.h"
#include "server/websocket.h"

/* What a connection may be late with. Each has one length of time, so its list is in order of time. */
typedef enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_HEADER,
    DEADLINE_BODY,
    DEADLINE_IDLE,
    DEADLINE_MESSAGE,
    DEADLINE_LINGER,
    DEADLINE_KINDS,
} deadline_kind;

typedef struct connection {
    uv_poll_t poll;
    rf_gate *gate;
    rf_conn id;
    int fd, tag;
    int events;    /* what is polled for */
    rf_http *http; /* NULL: it is a WebSocket */
    rf_websocket websocket;
    rf_outbox outbox;
    char *held; /* input that waits until there is room for its answers */
    size_t held_size;

    bool silent;     /* nothing has come yet */
    bool eof;        /* the client sends no more */
    bool input_over; /* nothing more is read as a request or message */
    bool ending;     /* closes once the outbox is empty */
    bool shut;       /* our side is closed; what still comes is thrown away */
    bool blocked;    /* the socket takes no more for now */
    bool paused;     /* not read from, for want of room */
    bool doomed;     /* will be closed in this turn */

    rf_link all, queue, resumable, doom, deadline, stall;
    deadline_kind deadline_kind;
    uint64_t deadline_at, deadline_of; /* loop time; the count of inputs when it began */
    uint64_t stall_at;
    uint64_t inputs; /* requests and messages read */

    uint64_t ping_second;
    uint32_t pings;
    uint32_t address; /* its place among the addresses, 0 = not counted */
    int64_t peer_uid;
    char peer[48];
    void *user;
} connection;

typedef struct listener {
    uv_poll_t poll;
    rf_gate *gate;
    rf_link all;
    int fd, tag;
    bool paused; /* out of descriptors, until the next tick */
    char bound[128];
} listener;

struct rf_gate {
    uv_loop_t *loop;
    rf_gate_handler handler;
    rf_gate_limits limits;
    rf_gate_stats stats;
    uv_timer_t tick;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* runs while input is held that could be read now */
    uint32_t own_handles;
    bool closing;

    uint64_t durable_seq;
    uint64_t last_id; /* of connections and requests */
    rf_addresses *addresses;
    rf_link listeners, connections;
    rf_link fresh;   /* connections with output that has not been looked at */
    rf_link waiting; /* whose next output waits for the journal, or for an answer */
    rf_link resumable, doomed;
    rf_link deadlines[DEADLINE_KINDS], stalls;
    connection *slots[RF_CONNECTIONS_MAX];
    uint16_t free_slots[RF_CONNECTIONS_MAX];
    uint32_t free_slots_count;

    int64_t date_second;
    char date[32];
    char buffer[RF_READ_SIZE + 1]; /* one byte for a closing NUL */
};

enum { SLOT_BITS = 16 };
_Static_assert(RF_CONNECTIONS_MAX <= 1 << SLOT_BITS, "a slot must fit its bits of the name");

/* ---- gate.c ---------------------------------------------------------------------------------- */
/* A name for a connection in this slot, or for one of its requests. */
uint64_t rf_gate_name(rf_gate *gate, uint64_t slot);
connection *rf_gate_find(const rf_gate *gate, rf_conn conn);
const char *rf_gate_date(rf_gate *gate);
/* Once the last connection is gone: closes what the gate itself has open. */
void rf_gate_check_closed(rf_gate *gate);

/* ---- connection.c ---------------------------------------------------------------------------- */
/* Takes over the descriptor. NULL: no room or no memory, nothing was taken. */
connection *rf_connection_open(rf_gate *gate, int fd, int tag);
void rf_connection_doom(connection *c);
void rf_connection_reap(connection *c); /* a doomed one */
void rf_connection_resume(connection *c);
void rf_connection_flush(connection *c);
void rf_connection_has_output(connection *c);
/* Closes it when what is queued has gone out. */
void rf_connection_end(connection *c);
void rf_connection_end_websocket(connection *c, unsigned code, const char *reason);
void rf_connection_is_late(connection *c);
/* What it makes the server hold, in bytes; what others wait for too is all of it here. */
size_t rf_connection_weight(const connection *c);
/* Polls for, and waits for, what its state asks for. */
void rf_connection_watch(connection *c);

/* ---- accept.c -------------------------------------------------------------------------------- */
void rf_accept_resume(rf_gate *gate); /* listeners that were out of descriptors */

#endif
