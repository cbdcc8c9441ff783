/* WebSocket sessions: /exchange/v1/user and /exchange/v1/market. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/put.h"
#include "server/clock.h"
#include "server/door.h"

enum {
    USER_MESSAGES_PER_SECOND = 150,
    MARKET_MESSAGES_PER_SECOND = 100,
    CLOSE_NORMAL = 1000,
    CLOSE_RESTART = 1013,
};

struct rf_session {
    rf_session *next, *previous;
    rf_conn conn;
    rf_caller caller; /* PUBLIC until public/auth */
    bool market;
    /* Heartbeat: one at a time. */
    int64_t beat_id, beat_ns; /* of the last one */
    bool beat_open;
    /* Messages in this second of the clock. */
    int64_t second;
    unsigned messages;
};

/* ---- Life ------------------------------------------------------------------------------------ */

int rf_socket_upgrade(rf_doors *doors, rf_conn conn, const rf_http_request *request)
{
    bool market = strcmp(request->path, "/exchange/v1/market") == 0;
    if (rf_gate_tag(doors->gate, conn) != RF_LISTENER_API ||
        (!market && strcmp(request->path, "/exchange/v1/user") != 0))
        return 404;
    rf_session *session = doors->stopping ? NULL : calloc(1, sizeof *session);
    if (!session)
        return 503;
    session->conn = conn;
    session->market = market;
    session->caller = (rf_caller){.door = RF_DOOR_PUBLIC};
    session->beat_ns = rf_clock_monotonic_ns();
    session->next = doors->sessions;
    if (session->next)
        session->next->previous = session;
    doors->sessions = session;
    rf_gate_set_user(doors->gate, conn, session);
    return 101;
}

void rf_socket_closed(rf_doors *doors, rf_conn conn)
{
    rf_session *session = rf_gate_user(doors->gate, conn);
    if (!session)
        return;
    if (session->next)
        session->next->previous = session->previous;
    if (session->previous)
        session->previous->next = session->next;
    else
        doors->sessions = session->next;
    rf_gate_set_user(doors->gate, conn, NULL);
    free(session);
}

/* ---- Heartbeat ------------------------------------------------------------------------------- */

static void send_text(rf_doors *doors, rf_session *session, const rf_bytes *text)
{
    rf_frame *frame = rf_frame_new(text->data, text->size);
    if (!frame) {
        rf_gate_end(doors->gate, session->conn, 1011, "out of memory");
        return;
    }
    rf_gate_send(doors->gate, session->conn, frame, rf_local_seq(doors));
    rf_frame_drop(frame);
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
    session->beat_id = rf_sequencer_now(doors->sequencer) / 1000000;
    session->beat_open = true;
    put_done(&doors->out, session->beat_id, "public/heartbeat");
    send_text(doors, session, &doors->out);
}

void rf_socket_tick(rf_doors *doors)
{
    int64_t now = rf_clock_monotonic_ns();
    for (rf_session *session = doors->sessions, *next; session; session = next) {
        next = session->next; /* ending a connection may take the session away */
        int64_t age_ms = (now - session->beat_ns) / 1000000;
        if (session->beat_open && age_ms >= RF_HEARTBEAT_ANSWER_MS)
            rf_gate_end(doors->gate, session->conn, CLOSE_NORMAL, "no answer to the heartbeat");
        else if (!session->beat_open && age_ms >= RF_HEARTBEAT_MS)
            beat(doors, session, now);
    }
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* A calendar second's budget: a connection that opens late in one has the rest of it. */
static int64_t over_limit_ms(const rf_doors *doors, rf_session *session)
{
    int64_t factor = doors->config->numbers[RF_SETTING_rate_limits];
    int64_t now_ms = rf_clock_wall_ns() / 1000000;
    int64_t limit = session->market ? MARKET_MESSAGES_PER_SECOND : USER_MESSAGES_PER_SECOND;
    if (session->second != now_ms / 1000) {
        session->second = now_ms / 1000;
        session->messages = 0;
    }
    session->messages++;
    return factor == 0 || session->messages <= limit * factor ? 0 : 1000 - now_ms % 1000;
}

static void call_method(rf_doors *doors, rf_session *session, const rf_origin *origin,
                        const rf_envelope *envelope)
{
    rf_request request = {
        .caller = session->caller,
        .id = envelope->id,
        .method = envelope->method,
        .oid = envelope->id_text ? envelope->id_text : envelope->nonce,
        .json = &doors->json,
        .params = envelope->params,
        .connection = session,
    };
    rf_doors_call(doors, origin, &request);
}

static void take_heartbeat(rf_session *session, const rf_envelope *envelope)
{
    if (envelope->id == session->beat_id)
        session->beat_open = false;
}

static void take(rf_doors *doors, rf_session *session, const rf_origin *origin,
                 const rf_envelope *envelope)
{
    if (strcmp(envelope->method, "public/respond-heartbeat") == 0)
        take_heartbeat(session, envelope);
    else
        call_method(doors, session, origin, envelope);
}

void rf_socket_message(rf_doors *doors, rf_conn conn, const char *text, size_t size)
{
    rf_session *session = rf_gate_user(doors->gate, conn);
    rf_envelope envelope;
    const rf_origin origin = {
        .conn = conn, .original = text, .original_size = size, .start_ns = rf_clock_monotonic_ns()};
    if (!session)
        return;
    if (!rf_json_parse(&doors->json, text, size)) {
        rf_doors_refuse(doors, &origin, -1, NULL, RF_ERR_BAD_REQUEST, doors->json.error, 0);
        return;
    }
    rf_error code = rf_envelope_read(&doors->json, &envelope);
    int64_t wait_ms = over_limit_ms(doors, session);
    if (code == RF_ERR_OK && wait_ms > 0)
        code = RF_ERR_TOO_MANY_REQUESTS;
    if (code != RF_ERR_OK)
        rf_doors_refuse(doors, &origin, envelope.id, envelope.method, code, NULL, wait_ms);
    else
        take(doors, session, &origin, &envelope);
}
