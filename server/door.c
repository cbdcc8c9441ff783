#include "server/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/note.h"

enum { HEADERS_SIZE = 512 };

/* ---- Answers --------------------------------------------------------------------------------- */

static void put_header(rf_bytes *headers, const char *name, uint64_t value)
{
    rf_bytes_text(headers, name);
    rf_bytes_text(headers, ": ");
    rf_bytes_id(headers, value);
    rf_bytes_text(headers, "\r\n");
}

static void answer_http(rf_doors *doors, const rf_origin *origin, rf_error code,
                        int64_t retry_after_ms)
{
    rf_bytes *headers = &doors->headers;
    rf_bytes_clear(headers);
    put_header(headers, "X-Server-Time", (uint64_t)(rf_sequencer_now(doors->sequencer) / 1000000));
    put_header(headers, "X-Ringfence-Seq", rf_local_seq(doors));
    if (retry_after_ms > 0)
        put_header(headers, "Retry-After", (uint64_t)((retry_after_ms + 999) / 1000));
    rf_bytes_char(headers, '\0');
    rf_http_answer answer = {
        .status = rf_error_http(code),
        .content_type = "application/json",
        .headers = headers->data,
        .body = doors->out.data,
        .body_size = doors->out.size,
        .close = doors->stopping,
    };
    rf_gate_answer(doors->gate, origin->ticket, &answer, rf_local_seq(doors));
}

static void answer_message(rf_doors *doors, const rf_origin *origin, rf_error code)
{
    if (code != RF_ERR_OK)
        rf_envelope_quote(&doors->out, origin->original, origin->original_size);
    rf_frame *frame = rf_frame_new(doors->out.data, doors->out.size);
    if (!frame) {
        rf_gate_end(doors->gate, origin->conn, 1011, "out of memory");
        return;
    }
    rf_gate_send(doors->gate, origin->conn, frame, rf_local_seq(doors));
    rf_frame_drop(frame);
}

/* doors->out holds the answer. */
static void answer(rf_doors *doors, const rf_origin *origin, const rf_method *method, rf_error code,
                   int64_t retry_after_ms)
{
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
    rf_bytes_clear(&doors->out);
    rf_envelope_refuse(&doors->out, id, method, code, words, retry_after_ms);
    answer(doors, origin, method ? rf_method_find(method) : NULL, code, retry_after_ms);
}

void rf_doors_send(rf_doors *doors, rf_ticket ticket, int status, const char *content_type,
                   const char *body, size_t size)
{
    rf_http_answer sent = {
        .status = status, .content_type = content_type, .body = body, .body_size = size};
    rf_gate_answer(doors->gate, ticket, &sent, 0);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static rf_error call(rf_doors *doors, const rf_request *request, rf_bytes *out)
{
    return rf_api_call(doors->world->api, request, out);
}

void rf_doors_call(rf_doors *doors, const rf_origin *origin, const rf_request *request)
{
    rf_request timed = *request;
    timed.time_ns = rf_sequencer_now(doors->sequencer);
    rf_bytes_clear(&doors->out);
    rf_error code = call(doors, &timed, &doors->out);
    answer(doors, origin, rf_method_find(request->method), code, 0);
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
    return rf_sequencer_statistics(doors->sequencer).appended;
}

rf_error rf_local_call(rf_doors *doors, const rf_caller *caller, const char *method,
                       const char *params_json, rf_bytes *answer_out)
{
    uint32_t params = rf_doors_params(doors, params_json ? params_json : "{}");
    if (params == 0) {
        rf_envelope_refuse(answer_out, -1, method, RF_ERR_BAD_REQUEST, NULL, 0);
        return RF_ERR_BAD_REQUEST;
    }
    rf_request request = {
        .caller = *caller,
        .time_ns = rf_sequencer_now(doors->sequencer),
        .id = -1,
        .method = method,
        .json = &doors->json,
        .params = params,
    };
    rf_error code = call(doors, &request, answer_out);
    rf_metrics_count(&doors->metrics, rf_method_find(method), code);
    return code;
}

/* ---- From the gate --------------------------------------------------------------------------- */

static void on_request(void *context, rf_conn conn, rf_ticket ticket,
                       const rf_http_request *request)
{
    rf_doors *doors = context;
    if (rf_gate_tag(doors->gate, conn) == RF_LISTENER_METRICS)
        rf_metrics_request(doors, ticket, request);
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
    rf_doors *doors = context;
    rf_sequencer_turn(doors->sequencer);
}

rf_gate_handler rf_doors_handler(rf_doors *doors)
{
    return (rf_gate_handler){
        .context = doors,
        .request = on_request,
        .upgrade = on_upgrade,
        .message = on_message,
        .closed = on_closed,
        .turn = on_turn,
    };
}

/* ---- Life ------------------------------------------------------------------------------------ */

rf_doors *rf_doors_open(const rf_config *config, rf_sequencer *sequencer)
{
    rf_doors *doors = calloc(1, sizeof *doors);
    rf_json_token *tokens = malloc(RF_JSON_TOKENS_MAX * sizeof *tokens);
    char *text = malloc(RF_JSON_TEXT_MAX);
    char *headers = malloc(HEADERS_SIZE);
    if (!doors || !tokens || !text || !headers) {
        free(doors);
        free(tokens);
        free(text);
        free(headers);
        return NULL;
    }
    doors->config = config;
    doors->sequencer = sequencer;
    doors->world = rf_sequencer_world(sequencer);
    rf_json_init(&doors->json, tokens, RF_JSON_TOKENS_MAX, text, RF_JSON_TEXT_MAX);
    rf_bytes_init(&doors->out, NULL, 0, rf_world_grow);
    rf_bytes_init(&doors->text, NULL, 0, rf_world_grow);
    rf_bytes_init(&doors->headers, headers, HEADERS_SIZE, NULL);
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

void rf_doors_tick(rf_doors *doors)
{
    rf_socket_tick(doors);
}

void rf_doors_stop(rf_doors *doors)
{
    doors->stopping = true;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool is_proxy(const rf_doors *doors, const char *address)
{
    char proxy[64];
    for (unsigned i = 0; rf_config_item(doors->config, RF_SETTING_behind_proxy, i, proxy, 64); i++)
        if (strcmp(proxy, address) == 0)
            return true;
    return false;
}

const char *rf_doors_address(const rf_doors *doors, rf_conn conn, const rf_http_request *request,
                             char address[64])
{
    const char *peer = rf_gate_peer(doors->gate, conn);
    const char *hops = rf_http_header(request, "x-forwarded-for");
    if (!hops || !is_proxy(doors, peer))
        return peer;
    const char *last = strrchr(hops, ',');
    last = last ? last + 1 : hops;
    last += strspn(last, " \t");
    size_t size = strcspn(last, " \t");
    if (size == 0 || size >= 64)
        return peer;
    memcpy(address, last, size);
    address[size] = '\0';
    return address;
}
