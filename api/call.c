#include "api/call.h"

#include <string.h>

#include "api/handlers.h"
#include "api/put.h"
#include "base/check.h"

void rf_api_init(rf_api *api, rf_engine *engine, rf_market *market, rf_position_view *positions,
                 size_t positions_max)
{
    memset(api, 0, sizeof *api);
    api->engine = engine;
    api->market = market;
    api->positions = positions;
    api->positions_max = positions_max;
}

static void apply(rf_api *api, const rf_command *command, rf_result *result)
{
    if (api->apply)
        api->apply(api->apply_context, api->engine, command, result);
    else
        rf_engine_apply(api->engine, command, result);
}

static void finish_work(rf_api *api, int64_t time_ns)
{
    rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = time_ns};
    rf_result ignored;
    while (rf_engine_pending(api->engine)) {
        apply(api, &tick, &ignored);
        RF_CHECK(ignored.code == RF_ERR_OK);
    }
}

void rf_api_advance(rf_api *api, int64_t time_ns)
{
    rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = time_ns};
    rf_result ignored;
    apply(api, &tick, &ignored);
    finish_work(api, time_ns);
}

rf_error rf_call_apply(rf_call *call, rf_command *command)
{
    command->time_ns = call->time_ns;
    call->result = (rf_result){0};
    call->api->journal_id = 0;
    apply(call->api, command, &call->result);
    call->journal_id = call->api->journal_id;
    finish_work(call->api, call->time_ns);
    return call->result.code;
}

/* ---- The envelope ---------------------------------------------------------------------------- */

static void put_head(rf_bytes *out, const rf_request *request, rf_error code)
{
    rf_put_open(out, NULL, '{');
    rf_put_int(out, "id", request->id);
    rf_put_text(out, "method", request->method ? request->method : "ERROR");
    rf_put_int(out, "code", (int64_t)code);
}

/* 617 asks for the isolation_id of the isolation that is there: here it is. 0: not that case. */
static uint64_t isolation_in_the_way(const rf_call *call, rf_error code)
{
    if (code != RF_ERR_DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN ||
        call->method->params != RF_SET_ORDER)
        return 0;
    const rf_api *api = call->api;
    const char *name = rf_arg_text(&call->args, RF_P_ORDER_instrument_name, "");
    int instrument = rf_find_instrument(call->engine, name);
    size_t count =
        rf_view_positions(call->engine, call->account, api->positions, api->positions_max);
    for (size_t i = 0; i < count && i < api->positions_max; i++)
        if (api->positions[i].isolated && api->positions[i].instrument == instrument)
            return api->positions[i].isolation_id;
    return 0;
}

static void put_error_data(rf_bytes *out, rf_error code, const rf_call *call)
{
    const rf_args *args = &call->args;
    bool about = args->problem == code && args->problem_param;
    uint64_t isolation_id = isolation_in_the_way(call, code);
    if (!call->client_oid && !call->result.has_required_margin && !about && isolation_id == 0 &&
        !call->did_you_mean[0])
        return;
    rf_put_open(out, "error_data", '{');
    if (call->client_oid)
        rf_put_text(out, "client_oid", call->client_oid);
    if (call->result.has_required_margin)
        rf_put_money(out, "required_margin", call->result.required_margin);
    if (about)
        rf_put_text(out, "param", args->problem_param);
    if (about && call->problem_index >= 0)
        rf_put_int(out, "index", call->problem_index);
    if (isolation_id != 0)
        rf_put_id(out, "isolation_id", isolation_id);
    if (call->did_you_mean[0])
        rf_put_text(out, "did_you_mean", call->did_you_mean);
    rf_put_close(out, '}');
}

void rf_put_near_method(rf_bytes *out, const char *name)
{
    const rf_method *near = name ? rf_method_near(name) : NULL;
    if (!near)
        return;
    rf_put_open(out, "error_data", '{');
    rf_put_text(out, "did_you_mean", near->name);
    rf_put_close(out, '}');
}

static void put_refusal(rf_bytes *out, const rf_request *request, rf_error code,
                        const rf_call *call)
{
    put_head(out, request, code);
    rf_put_text(out, "message", rf_error_name(code));
    if (call)
        put_error_data(out, code, call);
    else
        rf_put_near_method(out, request->method);
    rf_put_close(out, '}');
}

/* A door serves the methods behind it; everybody may read the market. */
static const rf_method *find_method(const rf_request *request)
{
    const rf_method *method = request->row;
    if (!method && request->method)
        method = rf_method_find(request->method);
    if (!method)
        return NULL;
    bool operator_only = method->door == RF_DOOR_OPERATOR;
    bool is_operator = request->caller.door == RF_DOOR_OPERATOR;
    if (operator_only != is_operator && method->door != RF_DOOR_PUBLIC)
        return NULL;
    return method;
}

/* The service that a row's flags name; NULL: nobody is there. */
static rf_handler find_server(const rf_call *call)
{
    static const struct {
        unsigned flag;
        rf_service service;
    } rows[] = {
        {RF_METHOD_HISTORY, RF_SERVICE_HISTORY},       {RF_METHOD_REGISTRY, RF_SERVICE_REGISTRY},
        {RF_METHOD_CONNECTION, RF_SERVICE_CONNECTION}, {RF_METHOD_SANDBOX, RF_SERVICE_SANDBOX},
        {RF_METHOD_PRICES, RF_SERVICE_PRICES},         {RF_METHOD_SERVER, RF_SERVICE_SERVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (call->method->flags & rows[i].flag)
            return call->api->servers[rows[i].service].call;
    return NULL;
}

rf_error rf_handle_serve(rf_call *call)
{
    rf_handler server = find_server(call);
    return server ? server(call) : RF_ERR_METHOD_NOT_FOUND;
}

bool rf_call_has_history(const rf_call *call)
{
    return call->api->servers[RF_SERVICE_HISTORY].call != NULL;
}

rf_error rf_call_history(rf_call *call)
{
    return call->api->servers[RF_SERVICE_HISTORY].call(call);
}

static rf_error run(rf_call *call)
{
    const rf_request *request = call->request;
    bool strict = call->method->door == RF_DOOR_OPERATOR;
    bool missing_key =
        call->method->door == RF_DOOR_PRIVATE && request->caller.door == RF_DOOR_PUBLIC;
    rf_args_bind(&call->args, request->json, request->params, call->method->params, strict);
    /* A problem of a later row waits: the handler knows what could come before it. */
    if (call->args.problem && rf_error_row(call->args.problem) < rf_error_row(RF_ERR_UNAUTHORIZED))
        return call->args.problem;
    if (missing_key)
        return RF_ERR_UNAUTHORIZED;
    if (!call->api->market && (call->method->flags & RF_METHOD_MARKET))
        return RF_ERR_SYSTEM_MAINTENANCE;
    return call->method->handler(call);
}

rf_error rf_api_call(rf_api *api, const rf_request *request, rf_bytes *out)
{
    const rf_method *method = find_method(request);
    if (!method) {
        put_refusal(out, request, RF_ERR_METHOD_NOT_FOUND, NULL);
        return RF_ERR_METHOD_NOT_FOUND;
    }
    rf_call call = {
        .api = api,
        .engine = api->engine,
        .method = method,
        .request = request,
        .out = out,
        .account = request->caller.account,
        .time_ns = request->time_ns,
        .problem_index = -1,
    };
    size_t start = out->size;
    put_head(out, request, RF_ERR_OK);
    if (method->flags & RF_METHOD_EARLY)
        rf_put_text(out, "message", "NO_ERROR");
    size_t before = out->size;
    rf_bytes_text(out, ",\"result\":");
    size_t empty = out->size;
    rf_error code = run(&call);
    if (code == RF_ERR_OK && call.job.work) {
        rf_bytes_cut(out, start);
        if (!request->job)
            return rf_api_job(&call.job, request->id, method->name, out);
        *request->job = call.job;
        return RF_ERR_OK;
    }
    if (code != RF_ERR_OK) {
        rf_bytes_cut(out, start);
        put_refusal(out, request, code, &call);
        return code;
    }
    if (out->size == empty)
        rf_bytes_cut(out, before);
    rf_put_close(out, '}');
    return RF_ERR_OK;
}

rf_error rf_api_job(const rf_job *job, int64_t id, const char *method, rf_bytes *out)
{
    const rf_request request = {.id = id, .method = method};
    size_t start = out->size;
    put_head(out, &request, RF_ERR_OK);
    rf_bytes_text(out, ",\"result\":");
    rf_error code = job->run(job->work, out);
    job->drop(job->work);
    if (code != RF_ERR_OK) {
        rf_bytes_cut(out, start);
        put_refusal(out, &request, code, NULL);
        return code;
    }
    rf_put_close(out, '}');
    return RF_ERR_OK;
}
