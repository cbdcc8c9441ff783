#include "server/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "server/clock.h"
#include "server/lane.h"
#include "server/note.h"

enum {
    HEADERS_SIZE = 512,
    OVERLOAD_MS = 100, /* until a call that was refused for the load may be tried again */
};

/* ---- Answers --------------------------------------------------------------------------------- */

static void put_header(rf_bytes *headers, const char *name, uint64_t value)
{
    rf_bytes_text(headers, name);
    rf_bytes_text(headers, ": ");
    rf_bytes_id(headers, value);
    rf_bytes_text(headers, "\r\n");
}

/* Of the method's limit: how much there is, what is left, when it is whole again. */
static void put_rate(rf_bytes *headers, const rf_rate_answer *rate)
{
    if (rate->limit == 0)
        return;
    put_header(headers, "X-RateLimit-Limit", rate->limit);
    put_header(headers, "X-RateLimit-Remaining", rate->remaining);
    put_header(headers, "X-RateLimit-Reset", (uint64_t)rate->reset_ms);
}

static void answer_http(rf_doors *doors, const rf_origin *origin, rf_error code,
                        int64_t retry_after_ms)
{
    rf_bytes *headers = &doors->headers;
    rf_bytes_clear(headers);
    put_header(headers, "X-Server-Time",
               (uint64_t)(rf_sequencer_now(doors->parts.sequencer) / 1000000));
    put_header(headers, "X-Ringfence-Seq", rf_local_seq(doors));
    put_rate(headers, &origin->rate);
    if (retry_after_ms > 0)
        put_header(headers, "Retry-After", (uint64_t)((retry_after_ms + 999) / 1000));
    rf_bytes_char(headers, '\0');
    rf_http_answer sent = {
        .status = rf_error_http(code),
        .content_type = "application/json",
        .headers = headers->data,
        .body = doors->out.data,
        .body_size = doors->out.size,
        .close = doors->stopping,
    };
    rf_gate_answer(doors->parts.gate, origin->ticket, &sent, rf_local_seq(doors));
}

static void answer_message(rf_doors *doors, const rf_origin *origin, rf_error code)
{
    if (code != RF_ERR_OK)
        rf_envelope_quote(&doors->out, origin->original, origin->original_size);
    rf_gate_send_text(doors->parts.gate, origin->conn, doors->out.data, doors->out.size,
                      rf_local_seq(doors));
}

void rf_doors_answer(rf_doors *doors, const rf_origin *origin, const rf_method *method,
                     rf_error code, int64_t retry_after_ms)
{
    if (rf_local_seq(doors) > rf_sequencer_durable(doors->parts.sequencer))
        doors->waiting_new++;
    rf_metrics_count(&doors->metrics, method, code);
    rf_histogram_add(&doors->metrics.call_time, rf_clock_monotonic_ns() - origin->start_ns);
    if (origin->ticket)
        answer_http(doors, origin, code, retry_after_ms);
    else
        answer_message(doors, origin, code);
}

void rf_doors_refuse(rf_doors *doors, const rf_origin *origin, int64_t id, const char *method,
                     rf_error code, const char *words, int64_t retry_after_ms)
{
    const rf_refusal refusal = {.code = code, .words = words, .retry_after_ms = retry_after_ms};
    rf_doors_refuse_as(doors, origin, id, method, &refusal);
}

void rf_doors_refuse_as(rf_doors *doors, const rf_origin *origin, int64_t id, const char *method,
                        const rf_refusal *refusal)
{
    rf_bytes_clear(&doors->out);
    rf_envelope_refuse(&doors->out, id, method, refusal);
    rf_doors_answer(doors, origin, method ? rf_method_find(method) : NULL, refusal->code,
                    refusal->retry_after_ms);
}

void rf_doors_send(rf_doors *doors, rf_ticket ticket, int status, const char *content_type,
                   const char *body, size_t size)
{
    rf_http_answer sent = {
        .status = status, .content_type = content_type, .body = body, .body_size = size};
    rf_gate_answer(doors->parts.gate, ticket, &sent, 0);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* A single server has nothing to wait for: what it has not reached, nobody was answered. */
static bool is_reached(const rf_doors *doors, const rf_request *request)
{
    uint32_t token =
        request->params ? rf_json_member(request->json, request->params, "min_seq") : 0;
    uint64_t seq;
    return !token || request->json->tokens[token].kind > RF_JSON_STRING ||
           !rf_decimal_parse_id(rf_json_text(request->json, token),
                                request->json->tokens[token].text_size, &seq) ||
           seq <= rf_local_seq(doors);
}

/* The operators' door stays open: they are who can help. */
static bool is_crowded_out(const rf_doors *doors, const rf_request *request,
                           const rf_method *method)
{
    return request->caller.door != RF_DOOR_OPERATOR && rf_gate_is_crowded(doors->parts.gate) &&
           !(method && rf_lane_reserved(method, request->json, request->params));
}

/* What stands before every call of an account: may it be served at all now? */
static rf_error admit(rf_doors *doors, const rf_request *request, const rf_method *method)
{
    if (is_crowded_out(doors, request, method))
        return RF_ERR_TOO_MANY_REQUESTS;
    if (!method || request->caller.door != RF_DOOR_PRIVATE)
        return RF_ERR_OK;
    if (!is_reached(doors, request))
        return RF_ERR_REQUEST_TIMEOUT;
    if (!(method->flags & RF_METHOD_CHANGE))
        return RF_ERR_OK;
    const uint64_t waiting = doors->waiting + doors->waiting_new;
    const uint64_t most = (uint64_t)doors->parts.config->numbers[RF_SETTING_overload_waiting];
    /* Nearly always anything is served, and what kind of call it is need not be found out. */
    if (rf_rate_admits(false, waiting, most) &&
        rf_phase_admits(doors->parts.phase, false, false) == RF_ERR_OK)
        return RF_ERR_OK;
    bool reserved = rf_lane_reserved(method, request->json, request->params);
    if (!rf_rate_admits(reserved, waiting, most))
        return RF_ERR_TOO_MANY_REQUESTS;
    return rf_phase_admits(doors->parts.phase, reserved,
                           rf_lane_rests(method, request->json, request->params));
}

void rf_doors_audit(rf_doors *doors, const rf_request *request, const rf_method *method,
                    rf_error code)
{
    if (!doors->parts.audit || !method || !request->identity || !rf_audit_wants(method))
        return;
    const rf_audit_line line = {
        .time_ns = rf_clock_wall_ns(),
        .who = request->identity,
        .what = method->name,
        .json = request->json,
        .params = request->params,
        .code = code,
        .seq = rf_local_seq(doors),
    };
    if (!rf_audit_write(doors->parts.audit, &line))
        doors->audit_failed = true; /* rf_doors_tick stops the server */
}

static rf_error call(rf_doors *doors, const rf_request *request, const rf_method *method,
                     rf_bytes *out)
{
    rf_error code = admit(doors, request, method);
    if (code == RF_ERR_OK)
        code = rf_api_call(doors->world->api, request, out);
    else
        rf_envelope_refuse(
            out, request->id, request->method,
            &(rf_refusal){.code = code,
                          .retry_after_ms = code == RF_ERR_TOO_MANY_REQUESTS ? OVERLOAD_MS : 0});
    rf_doors_audit(doors, request, method, code);
    return code;
}

void rf_doors_call(rf_doors *doors, const rf_origin *origin, const rf_request *request)
{
    rf_job job = {0};
    rf_request timed = *request;
    const rf_method *method = request->row ? request->row : rf_method_find(request->method);
    timed.time_ns = rf_sequencer_now(doors->parts.sequencer);
    timed.job = &job;
    rf_bytes_clear(&doors->out);
    rf_error code = call(doors, &timed, method, &doors->out);
    if (job.work)
        rf_later_ask(doors->later, &job, origin, &timed);
    else
        rf_doors_answer(doors, origin, method, code,
                        code == RF_ERR_TOO_MANY_REQUESTS ? OVERLOAD_MS : 0);
}

/* The root of a text is nobody's parameter: it becomes a member. */
uint32_t rf_doors_params(rf_doors *doors, const char *params_json)
{
    rf_bytes *text = &doors->text;
    rf_bytes_clear(text);
    rf_bytes_text(text, "{\"params\":");
    rf_bytes_text(text, params_json);
    rf_bytes_char(text, '}');
    if (text->full || !rf_json_parse(&doors->json, text->data, text->size))
        return 0;
    uint32_t params = rf_json_member(&doors->json, 0, "params");
    return doors->json.tokens[params].kind == RF_JSON_OBJECT ? params : 0;
}

/* ---- Local calls ----------------------------------------------------------------------------- */

uint64_t rf_local_seq(const rf_doors *doors)
{
    return rf_sequencer_appended(doors->parts.sequencer);
}

rf_error rf_local_call(rf_doors *doors, const rf_caller *caller, const char *method,
                       const char *params_json, rf_bytes *answer_out)
{
    uint32_t params = rf_doors_params(doors, params_json ? params_json : "{}");
    if (params == 0) {
        rf_envelope_refuse(answer_out, -1, method, &(rf_refusal){.code = RF_ERR_BAD_REQUEST});
        return RF_ERR_BAD_REQUEST;
    }
    const rf_method *known = rf_method_find(method);
    if (known && (known->flags & RF_METHOD_HISTORY)) {
        rf_envelope_refuse(answer_out, -1, method, &(rf_refusal){.code = RF_ERR_METHOD_NOT_FOUND});
        return RF_ERR_METHOD_NOT_FOUND;
    }
    rf_request request = {
        .caller = *caller,
        .time_ns = rf_sequencer_now(doors->parts.sequencer),
        .id = -1,
        .method = method,
        .row = known,
        .json = &doors->json,
        .params = params,
    };
    rf_error code = call(doors, &request, known, answer_out);
    rf_metrics_count(&doors->metrics, known, code);
    return code;
}

/* ---- From the gate --------------------------------------------------------------------------- */

static void on_opened(void *context, rf_conn conn)
{
    (void)context; /* a connection is nobody until it asks for something */
    (void)conn;
}

static void on_request(void *context, rf_conn conn, rf_ticket ticket,
                       const rf_http_request *request)
{
    rf_doors *doors = context;
    if (rf_gate_tag(doors->parts.gate, conn) == RF_LISTENER_METRICS)
        rf_probe_request(doors, ticket, request);
    else
        rf_rest_request(doors, conn, ticket, request);
}

static int on_upgrade(void *context, rf_conn conn, const rf_http_request *request)
{
    return rf_socket_upgrade(context, conn, request);
}

static void on_message(void *context, rf_conn conn, const char *text, size_t size)
{
    rf_socket_message(context, conn, text, size);
}

static void on_closed(void *context, rf_conn conn)
{
    rf_socket_closed(context, conn);
}

static void on_turn(void *context)
{
    rf_doors_turn(context);
}

static void on_event(void *context, const rf_event *event)
{
    rf_doors *doors = context;
    rf_metrics_event(&doors->metrics, event);
    rf_socket_event(doors, event);
}

rf_moment rf_doors_now(const rf_doors *doors)
{
    return (rf_moment){.time_ns = rf_sequencer_now(doors->parts.sequencer),
                       .clock_ns = rf_clock_monotonic_ns(),
                       .barrier = rf_local_seq(doors)};
}

void rf_doors_turn(rf_doors *doors)
{
    rf_feed_flush(doors->parts.feed, rf_doors_now(doors));
    rf_sequencer_turn(doors->parts.sequencer);
}

void rf_doors_taken(rf_doors *doors)
{
    doors->waiting += doors->waiting_new;
    doors->waiting_new = 0;
}

void rf_doors_durable(rf_doors *doors, uint64_t seq, int64_t flush_ns)
{
    rf_histogram_add(&doors->metrics.flush_time, flush_ns);
    doors->waiting = 0;
    rf_gate_release(doors->parts.gate, seq);
}

rf_gate_handler rf_doors_handler(rf_doors *doors)
{
    return (rf_gate_handler){
        .context = doors,
        .opened = on_opened,
        .request = on_request,
        .upgrade = on_upgrade,
        .message = on_message,
        .closed = on_closed,
        .turn = on_turn,
    };
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool open_scratch(rf_doors *doors)
{
    rf_json_token *tokens = malloc(RF_JSON_TOKENS_MAX * sizeof *tokens);
    char *text = malloc(RF_JSON_TEXT_MAX);
    char *headers = malloc(HEADERS_SIZE);
    rf_json_init(&doors->json, tokens, RF_JSON_TOKENS_MAX, text, RF_JSON_TEXT_MAX);
    rf_bytes_init(&doors->out, NULL, 0, rf_world_grow);
    rf_bytes_init(&doors->text, NULL, 0, rf_world_grow);
    rf_bytes_init(&doors->headers, headers, HEADERS_SIZE, NULL);
    return tokens && text && headers;
}

rf_doors *rf_doors_open(const rf_doors_parts *parts)
{
    rf_doors *doors = calloc(1, sizeof *doors);
    if (!doors)
        return NULL;
    doors->parts = *parts;
    doors->world = rf_sequencer_world(parts->sequencer);
    if (!open_scratch(doors) || !(doors->prehash = rf_prehash_open(doors)) ||
        !(doors->later = rf_later_open(doors))) {
        rf_doors_close(doors);
        return NULL;
    }
    doors->world->api->servers[RF_SERVICE_CONNECTION] = (rf_server){.call = rf_socket_serve};
    doors->world->api->servers[RF_SERVICE_SERVER] = (rf_server){rf_status_serve, doors};
    rf_world_observe(doors->world, (rf_observer){.event = on_event, .context = doors});
    return doors;
}

void rf_doors_close(rf_doors *doors)
{
    free(doors->json.tokens);
    free(doors->json.text);
    free(doors->out.data);
    free(doors->text.data);
    free(doors->headers.data);
    free(doors);
}

bool rf_doors_tick(rf_doors *doors)
{
    rf_socket_tick(doors);
    return !doors->audit_failed && (!doors->parts.audit || rf_audit_flush(doors->parts.audit));
}

void rf_doors_stop(rf_doors *doors)
{
    doors->stopping = true;
}

size_t rf_doors_pending(const rf_doors *doors)
{
    return rf_later_waiting(doors->later) + rf_prehash_waiting(doors->prehash);
}
