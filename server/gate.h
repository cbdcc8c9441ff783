/* The gate: listeners, connections, HTTP and WebSocket on one libuv loop. It moves bytes and knows
 * nothing of what they mean.
 *
 * Promise: a slow, broken or hostile client harms only itself. Every limit is a constant of
 * server/limits.h. Nothing leaves before its barrier: each answer and message carries the number of
 * the journal's record that it depends on, and waits until rf_gate_release has let that number out.
 * Answers of one connection go out in the order of its requests, messages in the order of sending.
 * Handlers are called on the loop's thread only; what they are given is borrowed for the call.
 *
 * Names of connections and requests are numbers that are never used twice: one that is gone is
 * ignored everywhere.
 *
 * May include: base, server/limits.h. llhttp is seen by http.c only. */
#ifndef RF_SERVER_GATE_H
#define RF_SERVER_GATE_H

#include "base/types.h"

typedef struct rf_gate rf_gate;
typedef uint64_t rf_conn;   /* a connection, 0 = none */
typedef uint64_t rf_ticket; /* a request that waits for its answer */

typedef struct rf_header {
    const char *name, *value; /* the name in lower case */
} rf_header;

typedef struct rf_http_request {
    const char *method, *path, *query; /* query without its '?', "" = none */
    const rf_header *headers;
    size_t headers_count;
    const char *body; /* with a NUL behind it */
    size_t body_size;
} rf_http_request;

/* NULL: not there. The name in lower case. */
const char *rf_http_header(const rf_http_request *request, const char *name);

typedef struct rf_http_answer {
    int status;
    const char *content_type; /* NULL: no body */
    const char *headers;      /* further lines, each "Name: value\r\n"; NULL = none */
    const char *body;
    size_t body_size;
    bool close; /* the connection, after it */
} rf_http_answer;

typedef struct rf_gate_handler {
    void *context;
    void (*opened)(void *context, rf_conn conn);
    void (*request)(void *context, rf_conn conn, rf_ticket ticket, const rf_http_request *request);
    /* A GET that wants to become a WebSocket: 101 accepts, any other status refuses. */
    int (*upgrade)(void *context, rf_conn conn, const rf_http_request *request);
    /* One whole text message, valid UTF-8, a NUL behind it. */
    void (*message)(void *context, rf_conn conn, const char *text, size_t size);
    void (*closed)(void *context, rf_conn conn);
    /* After all input of a turn of the loop, and once more before the loop sleeps: the time to hand
     * the journal on. */
    void (*turn)(void *context);
} rf_gate_handler;

/* NULL: out of memory. `loop` is a uv_loop_t. */
rf_gate *rf_gate_open(void *loop, const rf_gate_handler *handler);
/* Stops listening, closes every connection (WebSockets with 1013); done once the loop has run out.
 * Until then the handler hears of what is closed. */
void rf_gate_close(rf_gate *gate);

/* What a gate allows: server/limits.h, unless told otherwise before it listens. */
typedef struct rf_gate_limits {
    uint32_t header_ms, body_ms, idle_ms, message_ms, linger_ms, stall_ms, tick_ms;
    uint32_t connections, connections_per_address;
    uint32_t connections_of_loopback; /* where an owner or a proxy sits */
    uint32_t pings_per_second;
    size_t queue_size, queue_size_pause;
    size_t queues_size; /* of all together; server/held.h counts */
} rf_gate_limits;
rf_gate_limits rf_gate_limits_default(void);
void rf_gate_set_limits(rf_gate *gate, const rf_gate_limits *limits);

/* "127.0.0.1:8080", "[::1]:0" or "unix:/path" (mode 0600, an old socket is replaced). tag: what
 * rf_gate_tag says of its connections. The text of the address with its real port goes to bound.
 * False: `error` says why. */
bool rf_gate_listen(rf_gate *gate, const char *address, int tag, char bound[128], char error[256]);
/* No new connections from now on. */
void rf_gate_stop_listening(rf_gate *gate);

/* ---- Out ------------------------------------------------------------------------------------- */
void rf_gate_answer(rf_gate *gate, rf_ticket ticket, const rf_http_answer *answer,
                    uint64_t barrier);

/* A text message encoded once, for any number of connections. */
typedef struct rf_frame rf_frame;
rf_frame *rf_frame_new(const char *text, size_t size); /* held once; NULL: out of memory */
void rf_frame_drop(rf_frame *frame);
/* False: this connection is gone, or going - because its queue went over the ceiling, for one. */
bool rf_gate_send(rf_gate *gate, rf_conn conn, rf_frame *frame, uint64_t barrier);
/* The same for a text that only this connection gets: no frame is made. */
bool rf_gate_send_text(rf_gate *gate, rf_conn conn, const char *text, size_t size,
                       uint64_t barrier);
/* Ends it when what is queued has gone out. code and reason are for a WebSocket. */
void rf_gate_end(rf_gate *gate, rf_conn conn, uint16_t code, const char *reason);
/* Everything up to this record is durable. Not from inside the handler's calls but turn. */
void rf_gate_release(rf_gate *gate, uint64_t durable_seq);

/* Connections make the server hold more than queues_size: who need not be served now should not be. From
 * twice as much on those are closed that take no bytes, the heaviest first, then the heaviest of all. */
bool rf_gate_is_crowded(const rf_gate *gate);

/* ---- About a connection ---------------------------------------------------------------------- */
/* Bytes that the client has left unread: 0 while its socket takes all it is given. What waits for the
 * journal alone is not the client's doing. */
size_t rf_gate_backlog(const rf_gate *gate, rf_conn conn);
int rf_gate_tag(const rf_gate *gate, rf_conn conn);          /* of its listener; -1 = gone */
const char *rf_gate_peer(const rf_gate *gate, rf_conn conn); /* its address, "unix" */
int64_t rf_gate_peer_uid(const rf_gate *gate, rf_conn conn); /* of a Unix socket's peer, else -1 */
void rf_gate_set_user(rf_gate *gate, rf_conn conn,
                      void *user); /* the handler's own, NULL at first */
void *rf_gate_user(const rf_gate *gate, rf_conn conn);

typedef struct rf_gate_stats {
    uint64_t accepted, refused, dropped, requests, messages, bytes_in, bytes_out;
    uint32_t connections, websockets;
} rf_gate_stats;
rf_gate_stats rf_gate_statistics(const rf_gate *gate);

#endif
