/* The doors of a server: REST, WebSocket, operators' socket, metrics. What comes in by the gate
 * becomes a call of api/call.h, and its answer goes back with the journal's record as its barrier.
 *
 * Promise: a request is answered or refused, never dropped. Every call goes through rf_doors_call or
 * rf_local_call, so that all see the same phase, the same limits and the same counters.
 *
 * This header is for the files of the doors (access.c, rest.c, socket.c, later.c, probe.c) and for
 * serve.c, which opens them.
 *
 * May include: all of server. */
#ifndef RF_SERVER_DOOR_H
#define RF_SERVER_DOOR_H

#include "history/history.h"
#include "server/audit.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/envelope.h"
#include "server/feed.h"
#include "server/gate.h"
#include "server/limits.h"
#include "server/local.h"
#include "server/login.h"
#include "server/metrics.h"
#include "server/pages.h"
#include "server/phase.h"
#include "server/prices.h"
#include "server/rate.h"
#include "server/sequencer.h"

/* Which listener a connection came by. */
typedef enum rf_listener {
    RF_LISTENER_API,
    RF_LISTENER_OPERATOR, /* Unix socket: the peer's user is who calls */
    RF_LISTENER_CONSOLE,  /* operators who log in */
    RF_LISTENER_METRICS,
} rf_listener;

typedef struct rf_session rf_session; /* a WebSocket: socket.c */
typedef struct rf_later rf_later;     /* answers that wait for the history: later.c */
typedef struct rf_prehash rf_prehash; /* calls that wait for a hash: prehash.c */

/* What the doors lead to; serve.c opens and closes all of it. */
typedef struct rf_doors_parts {
    uv_loop_t *loop;
    const rf_config *config;
    rf_sequencer *sequencer;
    rf_gate *gate;
    rf_feed *feed;
    rf_history *history;
    rf_auth *auth;
    rf_rates *rates;
    rf_login *login;
    rf_audit *audit;
    rf_pages *pages;
    rf_phase *phase;
    const rf_price_sources *prices; /* NULL: there are none */
} rf_doors_parts;

struct rf_doors {
    rf_doors_parts parts;
    rf_world *world;
    rf_metrics metrics;
    rf_later *later;
    rf_prehash *prehash;
    rf_session *sessions; /* a list */
    rf_session *calling;  /* whose message is being answered */
    uint64_t waiting;     /* answers that wait for the batch that is out */
    uint64_t waiting_new; /* those behind it */
    bool stopping, audit_failed;
    char demo[512]; /* a sandbox: what GET /auth/demo answers */
    /* Scratch of the call under way. */
    rf_json json;
    rf_bytes out, text, headers;
};

/* Who gets an answer. */
typedef struct rf_origin {
    rf_conn conn;
    rf_ticket ticket;     /* 0: a message of a WebSocket */
    const char *original; /* of a WebSocket: what came in */
    size_t original_size;
    int64_t start_ns; /* monotonic */
    rf_rate_answer rate;
} rf_origin;

/* NULL: out of memory. parts.gate is set by the caller once there is one, before any call. */
rf_doors *rf_doors_open(const rf_doors_parts *parts);
void rf_doors_close(rf_doors *doors); /* after the loop has run out */
rf_gate_handler rf_doors_handler(rf_doors *doors);
/* Once a second: heartbeats, the audit log to disk. False: it cannot be written, and what it should
 * hold has happened: the server must stop. */
bool rf_doors_tick(rf_doors *doors);
/* At the end of each turn of the loop: tells subscribers, hands the journal on. */
void rf_doors_turn(rf_doors *doors);
/* What the feed is told of the time. */
rf_moment rf_doors_now(const rf_doors *doors);
/* From the sequencer: a batch is durable; a batch was handed on. */
void rf_doors_durable(rf_doors *doors, uint64_t seq, int64_t flush_ns);
void rf_doors_taken(rf_doors *doors);
/* No new WebSockets; connections are closed after their answers. */
void rf_doors_stop(rf_doors *doors);
/* Answers that are not on their way yet. */
size_t rf_doors_pending(const rf_doors *doors);

/* ---- Between the files of the doors ---------------------------------------------------------- */

/* Runs a call and sends its answer, now or later. */
void rf_doors_call(rf_doors *doors, const rf_origin *origin, const rf_request *request);
/* Writes the call down, where the audit log wants it. */
void rf_doors_audit(rf_doors *doors, const rf_request *request, const rf_method *method,
                    rf_error code);
/* doors->out holds an answer. */
void rf_doors_answer(rf_doors *doors, const rf_origin *origin, const rf_method *method,
                     rf_error code, int64_t retry_after_ms);
/* Sends an answer that did not come out of a call. */
void rf_doors_refuse(rf_doors *doors, const rf_origin *origin, int64_t id, const char *method,
                     rf_error code, const char *words, int64_t retry_after_ms);
void rf_doors_refuse_as(rf_doors *doors, const rf_origin *origin, int64_t id, const char *method,
                        const rf_refusal *refusal);
/* Another content than an answer envelope, at once. */
void rf_doors_send(rf_doors *doors, rf_ticket ticket, int status, const char *content_type,
                   const char *body, size_t size);
/* Parses the text of an object into doors->json; its token, or 0. */
uint32_t rf_doors_params(rf_doors *doors, const char *params_json);

/* ---- Who calls (access.c) ---- */
typedef struct rf_access {
    rf_caller caller;
    rf_identity identity;
    rf_rate_answer rate;
} rf_access;

/* The client's address: the peer's, or the hop that a proxy of ours names. */
const char *rf_access_address(const rf_doors *doors, rf_conn conn, const rf_http_request *request,
                              char address[RF_ADDRESS_MAX]);
/* Of an HTTP request. envelope NULL: GET. */
rf_error rf_access_request(rf_doors *doors, rf_conn conn, const rf_http_request *request,
                           const rf_envelope *envelope, const rf_method *method, rf_access *access);
/* public/auth of a WebSocket. */
rf_error rf_access_sign_in(rf_doors *doors, const rf_envelope *envelope, const char *address,
                           rf_identity *identity);

/* ---- Answers for later (later.c) ---- */
rf_later *rf_later_open(rf_doors *doors); /* NULL: out of memory */
void rf_later_close(rf_later *later);
/* Hands the job to the history; answers when it is done. */
void rf_later_ask(rf_later *later, const rf_job *job, const rf_origin *origin,
                  const rf_request *request);
size_t rf_later_waiting(const rf_later *later);

/* ---- Passwords (prehash.c) ---- */
rf_prehash *rf_prehash_open(rf_doors *doors); /* NULL: out of memory */
/* Stops; done once the loop has run out. */
void rf_prehash_close(rf_prehash *prehash);
/* True: the call sets a password, and is made and answered when that is hashed; body is what the
 * request was read from. Answers of a connection keep their order (rf_ticket). */
bool rf_prehash_ask(rf_prehash *prehash, const rf_origin *origin, const rf_request *request,
                    const char *body, size_t size);
size_t rf_prehash_waiting(const rf_prehash *prehash);

/* ---- By listener ---- */
void rf_rest_request(rf_doors *doors, rf_conn conn, rf_ticket ticket,
                     const rf_http_request *request);
/* RF_SERVICE_SERVER: operator/get-status. */
rf_error rf_status_serve(rf_call *call);
void rf_probe_request(rf_doors *doors, rf_ticket ticket, const rf_http_request *request);
int rf_socket_upgrade(rf_doors *doors, rf_conn conn, const rf_http_request *request);
void rf_socket_message(rf_doors *doors, rf_conn conn, const char *text, size_t size);
void rf_socket_closed(rf_doors *doors, rf_conn conn);
void rf_socket_tick(rf_doors *doors);
rf_error rf_socket_serve(rf_call *call); /* RF_SERVICE_CONNECTION */
void rf_socket_event(rf_doors *doors, const rf_event *event);

#endif
