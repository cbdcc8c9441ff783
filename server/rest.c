/* REST: GET and POST at /exchange/v1/{method}, for clients and, at the operators' socket, for
 * operators. */
#include <stdio.h>
#include <string.h>

#include "api/describe.h"
#include "server/clock.h"
#include "server/door.h"

static const char prefix[] = "/exchange/v1/";

enum { PREFIX_SIZE = sizeof prefix - 1, QUERY_SIZE = 16384 };

/* What HTTP itself refuses still has a body with a code: clients look there. */
static void refuse_http(rf_doors *doors, rf_ticket ticket, int status, rf_error code,
                        const char *words)
{
    rf_bytes_clear(&doors->out);
    rf_envelope_refuse(&doors->out, -1, NULL, &(rf_refusal){.code = code, .words = words});
    rf_metrics_count(&doors->metrics, NULL, code);
    const rf_http_answer sent = {.status = status,
                                 .content_type = "application/json",
                                 .headers = status == 405 ? "Allow: GET, POST\r\n" : NULL,
                                 .body = doors->out.data,
                                 .body_size = doors->out.size};
    rf_gate_answer(doors->parts.gate, ticket, &sent, 0);
}

/* A caller who is not let in still learns first what is wrong with his parameters: that is the order
 * of engine/errors.def. */
static void refuse_caller(rf_doors *doors, const rf_origin *origin, const rf_request *request,
                          const rf_method *method, rf_error code)
{
    rf_request unknown = *request;
    unknown.caller = (rf_caller){.door = RF_DOOR_PUBLIC};
    if (method->door == RF_DOOR_PRIVATE && code != RF_ERR_TOO_MANY_REQUESTS) {
        rf_bytes_clear(&doors->out);
        rf_error found = rf_api_call(doors->world->api, &unknown, &doors->out);
        if (found != RF_ERR_UNAUTHORIZED) {
            rf_doors_answer(doors, origin, method, found, 0);
            return;
        }
    }
    rf_doors_refuse(doors, origin, request->id, request->method, code, NULL,
                    origin->rate.retry_after_ms);
}

static void call_as(rf_doors *doors, rf_origin *origin, rf_request *request,
                    const rf_method *method, const rf_envelope *envelope,
                    const rf_http_request *http)
{
    rf_access access;
    rf_error code = rf_access_request(doors, origin->conn, http, envelope, method, &access);
    origin->rate = access.rate;
    request->caller = access.caller;
    request->identity = &access.identity;
    if (code == RF_ERR_OK) {
        if (!rf_prehash_ask(doors->prehash, origin, request, http->body, http->body_size))
            rf_doors_call(doors, origin, request);
        return;
    }
    if (access.identity.user[0]) /* somebody we know reached for what is not his */
        rf_doors_audit(doors, request, method, code);
    refuse_caller(doors, origin, request, method, code);
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void get(rf_doors *doors, rf_origin *origin, const rf_method *method,
                const rf_http_request *http)
{
    char memory[QUERY_SIZE];
    rf_bytes query;
    if (method->door != RF_DOOR_PUBLIC) {
        rf_doors_refuse(doors, origin, -1, method->name, RF_ERR_METHOD_NOT_FOUND, NULL, 0);
        return;
    }
    rf_bytes_init(&query, memory, sizeof memory - 1, NULL);
    bool good = rf_envelope_query(http->query, &query);
    memory[query.size] = '\0';
    rf_request request = {.id = -1, .method = method->name, .row = method, .json = &doors->json};
    request.params = good ? rf_doors_params(doors, memory) : 0;
    if (request.params == 0)
        rf_doors_refuse(doors, origin, -1, method->name, RF_ERR_BAD_REQUEST,
                        good ? doors->json.error : "not a query", 0);
    else
        call_as(doors, origin, &request, method, NULL, http);
}

/* ---- POST ------------------------------------------------------------------------------------ */

static void post(rf_doors *doors, rf_origin *origin, const rf_method *method,
                 const rf_http_request *http)
{
    rf_envelope envelope;
    if (!rf_json_parse(&doors->json, http->body, http->body_size)) {
        rf_doors_refuse(doors, origin, -1, NULL, RF_ERR_BAD_REQUEST, doors->json.error, 0);
        return;
    }
    rf_error code = rf_envelope_read(&doors->json, &envelope);
    if (code != RF_ERR_BAD_REQUEST && !method)
        code = RF_ERR_METHOD_NOT_FOUND;
    else if (code != RF_ERR_BAD_REQUEST &&
             (!envelope.method || strcmp(envelope.method, method->name) != 0)) {
        code = RF_ERR_INVALID_REQUEST;
        envelope.problem = "method";
    }
    if (code != RF_ERR_OK) {
        rf_doors_refuse_as(
            doors, origin, envelope.id, envelope.method,
            &(rf_refusal){.code = code, .words = envelope.words, .param = envelope.problem});
        return;
    }
    rf_request request = {
        .id = envelope.id,
        .method = method->name,
        .row = method,
        .oid = envelope.nonce ? envelope.nonce : envelope.id_text,
        .json = &doors->json,
        .params = envelope.params,
    };
    call_as(doors, origin, &request, method, &envelope, http);
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static const char openapi_files[] = RF_OPENAPI_FILE "\n" RF_SCHEMA_FILE "\n";

static void send_description(rf_doors *doors, rf_ticket ticket, void (*write)(rf_bytes *out))
{
    rf_bytes_clear(&doors->out);
    write(&doors->out);
    rf_doors_send(doors, ticket, 200, "application/yaml", doors->out.data, doors->out.size);
}

/* Who may come in without being known: the people of a sandbox, nobody elsewhere. */
static void send_demo(rf_doors *doors, rf_ticket ticket)
{
    rf_bytes_clear(&doors->out);
    rf_bytes_text(&doors->out, "{\"id\":-1,\"method\":\"auth/demo\",\"code\":0,\"result\":");
    rf_bytes_text(&doors->out, doors->demo[0] ? doors->demo : "{\"accounts\":[]}");
    rf_bytes_char(&doors->out, '}');
    rf_doors_send(doors, ticket, 200, "application/json", doors->out.data, doors->out.size);
}

/* Everything that is not the API: log-in, the API's description, the pages. */
static void other(rf_doors *doors, rf_conn conn, rf_ticket ticket, const rf_http_request *request)
{
    char memory[RF_ADDRESS_MAX];
    const rf_doors_parts *parts = &doors->parts;
    int listener = rf_gate_tag(parts->gate, conn);
    bool console = listener == RF_LISTENER_CONSOLE;
    if (strcmp(request->path, "/auth/demo") == 0 && listener == RF_LISTENER_API)
        send_demo(doors, ticket);
    else if (strncmp(request->path, "/auth/", 6) == 0 && listener != RF_LISTENER_OPERATOR)
        rf_login_request(parts->login, ticket, request,
                         rf_access_address(doors, conn, request, memory), console);
    else if (strcmp(request->path, "/openapi/") == 0)
        rf_doors_send(doors, ticket, 200, "text/plain", openapi_files, sizeof openapi_files - 1);
    else if (strcmp(request->path, "/openapi/" RF_OPENAPI_FILE) == 0)
        send_description(doors, ticket, rf_describe_openapi);
    else if (strcmp(request->path, "/openapi/" RF_SCHEMA_FILE) == 0)
        send_description(doors, ticket, rf_describe_schema);
    else if (listener == RF_LISTENER_OPERATOR ||
             !rf_pages_answer(parts->pages, parts->gate, ticket,
                              console ? RF_PAGE_CONSOLE : RF_PAGE_TRADE, request))
        refuse_http(doors, ticket, 404, RF_ERR_METHOD_NOT_FOUND, NULL);
}

void rf_rest_request(rf_doors *doors, rf_conn conn, rf_ticket ticket,
                     const rf_http_request *request)
{
    rf_origin origin = {.conn = conn, .ticket = ticket, .start_ns = rf_clock_monotonic_ns()};
    bool is_get = strcmp(request->method, "GET") == 0;
    if (strncmp(request->path, prefix, PREFIX_SIZE) != 0) {
        other(doors, conn, ticket, request);
        return;
    }
    if (!is_get && strcmp(request->method, "POST") != 0) {
        refuse_http(doors, ticket, 405, RF_ERR_METHOD_NOT_FOUND, NULL);
        return;
    }
    const char *name = request->path + PREFIX_SIZE;
    const rf_method *method = rf_method_find(name);
    if (!is_get)
        post(doors, &origin, method, request);
    else if (method)
        get(doors, &origin, method, request);
    else
        rf_doors_refuse(doors, &origin, -1, name, RF_ERR_METHOD_NOT_FOUND, NULL, 0);
}
