/* The doors of a server: REST, WebSocket, operators' socket, metrics. What comes in by the gate
 * becomes a call of api/call.h, and its answer goes back with the journal's record as its barrier.
 *
 * Promise: a request is answered or refused, never dropped. Every call goes through rf_doors_call,
 * whatever door it came by, so that all see the same phase, the same limits and the same counters.
 *
 * This header is for the files of the doors (rest.c, socket.c, operator.c, local.c, metrics.c) and for
 * serve.c, which opens them.
 *
 * May include: all of server. */
#ifndef RF_SERVER_DOOR_H
#define RF_SERVER_DOOR_H

#include "server/config.h"
#include "server/envelope.h"
#include "server/gate.h"
#include "server/limits.h"
#include "server/local.h"
#include "server/metrics.h"
#include "server/sequencer.h"

/* Which listener a connection came by. */
typedef enum rf_listener { RF_LISTENER_API, RF_LISTENER_OPERATOR, RF_LISTENER_METRICS } rf_listener;

typedef struct rf_session rf_session; /* a WebSocket: socket.c */

struct rf_doors {
    const rf_config *config;
    rf_sequencer *sequencer;
    rf_world *world;
    rf_gate *gate;
    rf_metrics metrics;
    rf_session *sessions; /* a list */
    bool stopping;
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
} rf_origin;

/* NULL: out of memory. The gate is made with rf_doors_handler and set before anything is called. */
rf_doors *rf_doors_open(const rf_config *config, rf_sequencer *sequencer);
void rf_doors_close(rf_doors *doors);
rf_gate_handler rf_doors_handler(rf_doors *doors);
/* Once a second: heartbeats. */
void rf_doors_tick(rf_doors *doors);
/* Graceful stop: WebSockets are closed with 1013, new requests are refused 9010001. */
void rf_doors_stop(rf_doors *doors);

/* ---- Between the files of the doors ---------------------------------------------------------- */

/* Runs a call and sends its answer. Used by rest.c, socket.c, operator.c. */
void rf_doors_call(rf_doors *doors, const rf_origin *origin, const rf_request *request);
/* Parses the text of an object into doors->json; its token, or 0. */
uint32_t rf_doors_params(rf_doors *doors, const char *params_json);
/* Sends an answer that did not come out of a call. */
void rf_doors_refuse(rf_doors *doors, const rf_origin *origin, int64_t id, const char *method,
                     rf_error code, const char *words, int64_t retry_after_ms);
/* Another content than an answer envelope, at once. */
void rf_doors_send(rf_doors *doors, rf_ticket ticket, int status, const char *content_type,
                   const char *body, size_t size);
/* The client's address: the peer's, or the hop that a proxy of ours names. */
const char *rf_doors_address(const rf_doors *doors, rf_conn conn, const rf_http_request *request,
                             char address[64]);

void rf_rest_request(rf_doors *doors, rf_conn conn, rf_ticket ticket,
                     const rf_http_request *request);
void rf_metrics_request(rf_doors *doors, rf_ticket ticket, const rf_http_request *request);
int rf_socket_upgrade(rf_doors *doors, rf_conn conn, const rf_http_request *request);
void rf_socket_message(rf_doors *doors, rf_conn conn, const char *text, size_t size);
void rf_socket_closed(rf_doors *doors, rf_conn conn);
void rf_socket_tick(rf_doors *doors);

#endif
