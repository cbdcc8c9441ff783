/* WebSocket sessions: /exchange/v1/user and /exchange/v1/market. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/put.h"
#include "server/clock.h"
#include "server/door.h"

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_POLICY = 1008,
    CLOSE_ERROR = 1011,
    ORDERS_MAX = 4096, /* noted for cancel on disconnect before the finished ones are dropped */
};

static const char heartbeat_answer[] = "public/respond-heartbeat";

struct rf_session {
    rf_session *next, *previous;
    rf_conn conn;
    rf_caller caller;     /* PUBLIC until public/auth */
    rf_identity identity; /* once it is not */
    char address[RF_ADDRESS_MAX];
    bool market;
    /* Heartbeat: one at a time. */
    int64_t beat_id, beat_ns; /* of the last one */
    bool beat_open;
    rf_rate_second budget;
    /* set-cancel-on-disconnect: the orders that came in by this connection. */
    bool cancels;
    uint64_t *orders;
    size_t orders_count, orders_max;
};

/* ---- Cancel on disconnect -------------------------------------------------------------------- */

/* Forgets the orders that are finished. */
static void drop_finished(rf_doors *doors, rf_session *session)
{
    size_t kept = 0;
    for (size_t i = 0; i < session->orders_count; i++) {
        rf_order_view view;
        if (rf_view_order(doors->world->engine, session->caller.account, session->orders[i], NULL,
                          &view) &&
            (view.status == RF_ORDER_ACTIVE || view.status == RF_ORDER_PENDING))
            session->orders[kept++] = session->orders[i];
    }
    session->orders_count = kept;
}

static bool keep_order(rf_doors *doors, rf_session *session, uint64_t order_id)
{
    if (session->orders_count == ORDERS_MAX)
        drop_finished(doors, session);
    if (session->orders_count == session->orders_max) {
        size_t wanted = session->orders_max ? 2 * session->orders_max : 64;
        uint64_t *orders = realloc(session->orders, wanted * sizeof *orders);
        if (!orders)
            return false;
        session->orders = orders;
        session->orders_max = wanted;
    }
    session->orders[session->orders_count++] = order_id;
    return true;
}

/* What an order leaves open in the middle of a message came in by that message's connection. */
void rf_socket_event(rf_doors *doors, const rf_event *event)
{
    rf_session *session = doors->calling;
    if (!session || event->account != session->caller.account ||
        (event->kind != RF_EVENT_ORDER_OPENED && event->kind != RF_EVENT_ORDER_ARMED))
        return;
    if (!keep_order(doors, session, event->order_id))
        rf_gate_end(doors->parts.gate, session->conn, CLOSE_ERROR, "out of memory");
}

static void cancel_orders(rf_doors *doors, rf_session *session)
{
    drop_finished(doors, session);
    for (size_t i = 0; i < session->orders_count; i++) {
        char params[64];
        rf_bytes answer;
        rf_bytes_init(&answer, NULL, 0, rf_world_grow);
        snprintf(params, sizeof params, "{\"order_id\":\"%llu\"}",
                 (unsigned long long)session->orders[i]);
        rf_local_call(doors, &session->caller, "private/cancel-order", params, &answer);
        free(answer.data);
    }
    session->orders_count = 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int rf_socket_upgrade(rf_doors *doors, rf_conn conn, const rf_http_request *request)
{
    bool market = strcmp(request->path, "/exchange/v1/market") == 0;
    if (rf_gate_tag(doors->parts.gate, conn) != RF_LISTENER_API ||
        (!market && strcmp(request->path, "/exchange/v1/user") != 0))
        return 404;
    rf_session *session = doors->stopping ? NULL : calloc(1, sizeof *session);
    if (!session)
        return 503;
    session->conn = conn;
    session->market = market;
    session->caller = (rf_caller){.door = RF_DOOR_PUBLIC};
    session->beat_ns = rf_clock_monotonic_ns();
    char memory[RF_ADDRESS_MAX];
    snprintf(session->address, sizeof session->address, "%s",
             rf_access_address(doors, conn, request, memory));
    /* A page that is logged in needs no public/auth. A page of another origin gets nothing. */
    rf_error code = market ? RF_ERR_UNAUTHORIZED
                           : rf_login_identify(doors->parts.login, request, session->address, false,
                                               true, &session->identity);
    if (code == RF_ERR_USER_TIER_INVALID) {
        free(session);
        return 403;
    }
    if (code == RF_ERR_OK)
        session->caller =
            (rf_caller){.door = RF_DOOR_PRIVATE, .account = session->identity.account};
    session->next = doors->sessions;
    if (session->next)
        session->next->previous = session;
    doors->sessions = session;
    rf_gate_set_user(doors->parts.gate, conn, session);
    return 101;
}

void rf_socket_closed(rf_doors *doors, rf_conn conn)
{
    rf_session *session = rf_gate_user(doors->parts.gate, conn);
    if (!session)
        return;
    if (session->next)
        session->next->previous = session->previous;
    if (session->previous)
        session->previous->next = session->next;
    else
        doors->sessions = session->next;
    rf_gate_set_user(doors->parts.gate, conn, NULL);
    rf_feed_forget(doors->parts.feed, conn);
    if (session->cancels)
        cancel_orders(doors, session);
    free(session->orders);
    free(session);
}

/* ---- Heartbeat ------------------------------------------------------------------------------- */

static void send_text(rf_doors *doors, rf_session *session, const rf_bytes *text)
{
    rf_gate_send_text(doors->parts.gate, session->conn, text->data, text->size,
                      rf_local_seq(doors));
}

static void put_done(rf_bytes *out, int64_t id, const char *method)
{
    rf_bytes_clear(out);
    rf_put_open(out, NULL, '{');
    rf_put_int(out, "id", id);
    rf_put_text(out, "method", method);
    rf_put_int(out, "code", 0);
    rf_put_close(out, '}');
}

static void beat(rf_doors *doors, rf_session *session, int64_t now)
{
    session->beat_ns = now;
    session->beat_id = rf_sequencer_now(doors->parts.sequencer) / 1000000;
    session->beat_open = true;
    put_done(&doors->out, session->beat_id, "public/heartbeat");
    send_text(doors, session, &doors->out);
}

/* Whoever signed in may have been shown out since: the key revoked, the session over. */
static bool is_welcome(rf_doors *doors, const rf_session *session, bool used)
{
    if (session->caller.door != RF_DOOR_PRIVATE)
        return true;
    return session->identity.page ? rf_login_alive(doors->parts.login, &session->identity, used)
                                  : rf_auth_known(doors->parts.auth, &session->identity);
}

void rf_socket_tick(rf_doors *doors)
{
    int64_t now = rf_clock_monotonic_ns();
    for (rf_session *session = doors->sessions, *next; session; session = next) {
        next = session->next; /* ending a connection may take the session away */
        int64_t age_ms = (now - session->beat_ns) / 1000000;
        if (!is_welcome(doors, session, false))
            rf_gate_end(doors->parts.gate, session->conn, CLOSE_POLICY, "signed out");
        else if (session->beat_open && age_ms >= RF_HEARTBEAT_ANSWER_MS)
            rf_gate_end(doors->parts.gate, session->conn, CLOSE_NORMAL,
                        "no answer to the heartbeat");
        else if (!session->beat_open && age_ms >= RF_HEARTBEAT_MS)
            beat(doors, session, now);
    }
}

/* RF_SERVICE_CONNECTION: a call that came in by no WebSocket finds nobody here. */
rf_error rf_socket_serve(rf_call *call)
{
    rf_session *session = call->request->connection;
    if (!session)
        return RF_ERR_METHOD_NOT_FOUND;
    if (call->method == &rf_methods[RF_M_SET_DISCONNECT])
        session->cancels = true;
    rf_put_open(call->out, NULL, '{');
    rf_put_text(call->out, "scope", session->cancels ? "CONNECTION" : "NONE");
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

/* ---- Methods of a session -------------------------------------------------------------------- */

static void refuse(rf_doors *doors, const rf_origin *origin, const rf_envelope *envelope,
                   rf_error code, const char *words)
{
    rf_doors_refuse(doors, origin, envelope->id, envelope->method, code, words, 0);
}

static void confirm(rf_doors *doors, rf_session *session, const rf_envelope *envelope)
{
    put_done(&doors->out, envelope->id, envelope->method);
    send_text(doors, session, &doors->out);
}

static void sign_in(rf_doors *doors, rf_session *session, const rf_origin *origin,
                    const rf_envelope *envelope)
{
    rf_identity identity;
    if (session->market) {
        refuse(doors, origin, envelope, RF_ERR_METHOD_NOT_FOUND, NULL);
        return;
    }
    rf_error code = rf_access_sign_in(doors, envelope, session->address, &identity);
    if (code != RF_ERR_OK) {
        refuse(doors, origin, envelope, code, NULL);
        return;
    }
    session->identity = identity;
    session->caller = (rf_caller){.door = RF_DOOR_PRIVATE, .account = identity.account};
    confirm(doors, session, envelope);
}

static void respond(rf_doors *doors, rf_session *session, const rf_origin *origin,
                    const rf_envelope *envelope)
{
    const rf_refusal stranger = {.code = RF_ERR_MISSING_OR_INVALID_ARGUMENT, .param = "id"};
    if (envelope->id == session->beat_id)
        session->beat_open = false;
    else
        rf_doors_refuse_as(doors, origin, envelope->id, envelope->method, &stranger);
}

/* A key without `read` hears nothing of its account. */
static rf_subscriber subscriber_of(const rf_session *session)
{
    bool reads = (session->identity.scopes & RF_SCOPE_READ) != 0;
    return (rf_subscriber){.conn = session->conn,
                           .market = session->market,
                           .account = reads ? session->caller.account : 0};
}

static void subscribe(rf_doors *doors, rf_session *session, const rf_origin *origin,
                      const rf_envelope *envelope)
{
    char problem[160] = "";
    const rf_subscriber subscriber = subscriber_of(session);
    if (rf_gate_is_crowded(doors->parts.gate)) { /* it would only add to it */
        refuse(doors, origin, envelope, RF_ERR_TOO_MANY_REQUESTS, problem);
        return;
    }
    rf_error code = rf_feed_subscribe(doors->parts.feed, &subscriber, &doors->json,
                                      envelope->params, envelope->id, rf_doors_now(doors), problem);
    if (code != RF_ERR_OK)
        refuse(doors, origin, envelope, code, problem);
}

static void unsubscribe(rf_doors *doors, rf_session *session, const rf_origin *origin,
                        const rf_envelope *envelope)
{
    char problem[160] = "";
    const rf_subscriber subscriber = subscriber_of(session);
    uint32_t before = rf_feed_subscriptions(doors->parts.feed, session->conn);
    rf_error code =
        rf_feed_unsubscribe(doors->parts.feed, &subscriber, &doors->json, envelope->params,
                            envelope->id, rf_local_seq(doors), problem);
    if (code != RF_ERR_OK)
        refuse(doors, origin, envelope, code, problem);
    else if (session->cancels && !session->market &&
             rf_feed_subscriptions(doors->parts.feed, session->conn) < before)
        cancel_orders(doors, session);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void call_method(rf_doors *doors, rf_session *session, const rf_origin *origin,
                        const rf_envelope *envelope)
{
    const rf_method *method = rf_method_find(envelope->method);
    bool known = session->caller.door == RF_DOOR_PRIVATE;
    rf_error code =
        method && known ? rf_auth_permit(doors->parts.auth, &session->identity, method) : RF_ERR_OK;
    if (code != RF_ERR_OK) {
        refuse(doors, origin, envelope, code, NULL);
        return;
    }
    rf_request request = {
        .caller = session->caller,
        .id = envelope->id,
        .method = envelope->method,
        .row = method,
        .oid = envelope->id_text ? envelope->id_text : envelope->nonce,
        .json = &doors->json,
        .params = envelope->params,
        .connection = session,
        .identity = known ? &session->identity : NULL,
    };
    doors->calling = session;
    rf_doors_call(doors, origin, &request);
    doors->calling = NULL;
}

static void take(rf_doors *doors, rf_session *session, const rf_origin *origin,
                 const rf_envelope *envelope)
{
    static const struct {
        const char *method;
        void (*run)(rf_doors *doors, rf_session *session, const rf_origin *origin,
                    const rf_envelope *envelope);
    } rows[] = {
        {"public/auth", sign_in},
        {heartbeat_answer, respond},
        {"subscribe", subscribe},
        {"unsubscribe", unsubscribe},
    };
    if (!is_welcome(doors, session, true)) {
        refuse(doors, origin, envelope, RF_ERR_UNAUTHORIZED, NULL);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].method, envelope->method) == 0) {
            rows[i].run(doors, session, origin, envelope);
            return;
        }
    }
    call_method(doors, session, origin, envelope);
}

void rf_socket_message(rf_doors *doors, rf_conn conn, const char *text, size_t size)
{
    rf_session *session = rf_gate_user(doors->parts.gate, conn);
    rf_envelope envelope;
    const rf_origin origin = {
        .conn = conn, .original = text, .original_size = size, .start_ns = rf_clock_monotonic_ns()};
    if (!session)
        return;
    rf_rate_answer rate =
        rf_rate_message(doors->parts.rates, &session->budget, session->market, origin.start_ns);
    if (!rf_json_parse(&doors->json, text, size)) {
        rf_doors_refuse(doors, &origin, -1, NULL, RF_ERR_BAD_REQUEST, doors->json.error, 0);
        return;
    }
    rf_error code = rf_envelope_read(&doors->json, &envelope);
    /* Who is too quick is there all the same. */
    if (code == RF_ERR_OK && !rate.allowed && strcmp(envelope.method, heartbeat_answer) != 0)
        code = RF_ERR_TOO_MANY_REQUESTS;
    if (code != RF_ERR_OK)
        rf_doors_refuse_as(doors, &origin, envelope.id, envelope.method,
                           &(rf_refusal){.code = code,
                                         .words = envelope.words,
                                         .param = envelope.problem,
                                         .retry_after_ms = rate.retry_after_ms});
    else
        take(doors, session, &origin, &envelope);
}
