/* REST: GET and POST at /exchange/v1/{method}, for clients and, at the operators' socket, for
 * operators. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/door.h"

static const char prefix[] = "/exchange/v1/";

enum { PREFIX_SIZE = sizeof prefix - 1, QUERY_SIZE = 16384 };

/* What HTTP itself refuses still has a body with a code: clients look there. */
static void refuse_http(rf_doors *doors, rf_ticket ticket, int status, rf_error code,
                        const char *words)
{
    rf_bytes_clear(&doors->out);
    rf_envelope_refuse(&doors->out, -1, NULL, code, words, 0);
    rf_metrics_count(&doors->metrics, NULL, code);
    rf_doors_send(doors, ticket, status, "application/json", doors->out.data, doors->out.size);
}

/* ---- Who calls ------------------------------------------------------------------------------- */

static rf_error find_operator(const rf_doors *doors, rf_conn conn, rf_caller *caller)
{
    *caller = (rf_caller){.door = RF_DOOR_OPERATOR};
    return rf_gate_peer_uid(doors->gate, conn) == (int64_t)geteuid() ? RF_ERR_OK
                                                                     : RF_ERR_USER_TIER_INVALID;
}

static rf_error find_caller(rf_doors *doors, rf_conn conn, const rf_method *method,
                            rf_caller *caller)
{
    if (rf_gate_tag(doors->gate, conn) == RF_LISTENER_OPERATOR)
        return find_operator(doors, conn, caller);
    *caller = (rf_caller){.door = RF_DOOR_PUBLIC};
    return method->door == RF_DOOR_PUBLIC ? RF_ERR_OK : RF_ERR_UNAUTHORIZED;
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void get(rf_doors *doors, const rf_origin *origin, const rf_method *method,
                const rf_http_request *request)
{
    char memory[QUERY_SIZE];
    rf_bytes query;
    if (method->door != RF_DOOR_PUBLIC) {
        rf_doors_refuse(doors, origin, -1, method->name, RF_ERR_METHOD_NOT_FOUND, NULL, 0);
        return;
    }
    rf_bytes_init(&query, memory, sizeof memory - 1, NULL);
    bool good = rf_envelope_query(request->query, &query);
    memory[query.size] = '\0';
    uint32_t params = good ? rf_doors_params(doors, memory) : 0;
    if (params == 0) {
        rf_doors_refuse(doors, origin, -1, method->name, RF_ERR_BAD_REQUEST, NULL, 0);
        return;
    }
    rf_request call = {
        .caller = {.door = RF_DOOR_PUBLIC},
        .id = -1,
        .method = method->name,
        .json = &doors->json,
        .params = params,
    };
    rf_doors_call(doors, origin, &call);
}

/* ---- POST ------------------------------------------------------------------------------------ */

static void post(rf_doors *doors, const rf_origin *origin, const rf_method *method,
                 const rf_http_request *request)
{
    rf_envelope envelope;
    rf_caller caller;
    if (!rf_json_parse(&doors->json, request->body, request->body_size)) {
        rf_doors_refuse(doors, origin, -1, NULL, RF_ERR_BAD_REQUEST, doors->json.error, 0);
        return;
    }
    rf_error code = rf_envelope_read(&doors->json, &envelope);
    if (code == RF_ERR_BAD_REQUEST) {
        rf_doors_refuse(doors, origin, -1, NULL, code, "not an object", 0);
        return;
    }
    if (!method)
        code = RF_ERR_METHOD_NOT_FOUND;
    else if (!envelope.method || strcmp(envelope.method, method->name) != 0)
        code = RF_ERR_INVALID_REQUEST;
    if (code == RF_ERR_OK)
        code = find_caller(doors, origin->conn, method, &caller);
    if (code != RF_ERR_OK) {
        rf_doors_refuse(doors, origin, envelope.id, envelope.method, code, NULL, 0);
        return;
    }
    rf_request call = {
        .caller = caller,
        .id = envelope.id,
        .method = method->name,
        .oid = envelope.nonce ? envelope.nonce : envelope.id_text,
        .json = &doors->json,
        .params = envelope.params,
    };
    rf_doors_call(doors, origin, &call);
}

void rf_rest_request(rf_doors *doors, rf_conn conn, rf_ticket ticket,
                     const rf_http_request *request)
{
    const rf_origin origin = {.conn = conn, .ticket = ticket, .start_ns = rf_clock_monotonic_ns()};
    bool is_get = strcmp(request->method, "GET") == 0;
    if (strncmp(request->path, prefix, PREFIX_SIZE) != 0) {
        refuse_http(doors, ticket, 404, RF_ERR_METHOD_NOT_FOUND, NULL);
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
