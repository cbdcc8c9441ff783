/* The dispatcher: a method and its parameters in, an answer envelope out.
 *
 * Promise: every method of methods.def is served here and only here, whatever door it came through.
 * A call that is refused changed nothing. After a command the engine's unfinished work is ticked to
 * its end, so the next call never meets it.
 *
 * May include: base, api/json.h, market/market.h, include/ringfence.h. */
#ifndef RF_API_CALL_H
#define RF_API_CALL_H

#include "api/json.h"
#include "api/method.h"
#include "base/bytes.h"
#include "include/ringfence.h"
#include "market/market.h"

struct rf_identity;

enum {
    RF_ORDER_VIEWS_MAX = RF_ORDERS_PER_ACCOUNT,
    RF_IMPACTS_MAX = 256,
    RF_ROWS_MAX = 300, /* of one answer about the market */
};

/* Work of a call that goes on after it, perhaps on another thread: it owns what it needs. */
typedef struct rf_job {
    rf_error (*run)(void *work, rf_bytes *out); /* appends the value of "result", or says why not */
    void (*drop)(void *work);                   /* frees it, run or not */
    void *work;                                 /* NULL: there is none */
} rf_job;

/* Who serves the methods that are not the engine's; a row of methods.def with handler `serve` names
 * one by its flag. Without a server for it the method is answered 40002. The handler follows the
 * rules of api/handlers.h. */
typedef enum rf_service {
    RF_SERVICE_HISTORY,
    RF_SERVICE_REGISTRY,   /* keys, people, addresses */
    RF_SERVICE_CONNECTION, /* of the WebSocket that the call came in by */
    RF_SERVICE_SANDBOX,
    RF_SERVICE_PRICES, /* where index prices come from */
    RF_SERVICE_SERVER, /* the process itself */
    RF_SERVICES,
} rf_service;
typedef struct rf_server {
    rf_handler call; /* NULL: nobody */
    void *context;   /* the handler finds it in call->api->servers[] */
} rf_server;

/* How a command reaches the engine; NULL in rf_api: straight. A server puts its journal here. */
typedef void (*rf_apply)(void *context, rf_engine *engine, const rf_command *command,
                         rf_result *result);

/* What all calls share. Big: keep it in static or allocated memory. */
typedef struct rf_api {
    rf_engine *engine;
    rf_market *market;
    rf_apply apply;
    void *apply_context;
    rf_position_view *positions; /* scratch for one account: two per instrument */
    size_t positions_max;
    rf_order_view orders[RF_ORDER_VIEWS_MAX];
    rf_impact impacts[RF_IMPACTS_MAX];
    union {
        rf_trade trades[RF_ROWS_MAX];
        rf_bar bars[RF_ROWS_MAX];
        rf_sample samples[RF_ROWS_MAX];
        rf_liquidation liquidations[RF_ROWS_MAX];
        rf_level levels[RF_ROWS_MAX];
    } rows;
    rf_server servers[RF_SERVICES];
    /* Noted by the history: the journal_id of the first line about margin that the command under way
     * moved between main and an isolation. */
    int64_t journal_id;
} rf_api;

void rf_api_init(rf_api *api, rf_engine *engine, rf_market *market, rf_position_view *positions,
                 size_t positions_max);

typedef struct rf_caller {
    rf_door door; /* PRIVATE: `account` calls; OPERATOR; PUBLIC: nobody in particular */
    uint32_t account;
} rf_caller;

typedef struct rf_request {
    rf_caller caller;
    int64_t time_ns;    /* not before the engine's time */
    int64_t id;         /* echoed; -1 = none */
    const char *method; /* NULL = none */
    /* Its row, of who has looked it up already; NULL: nobody has. */
    const rf_method *row;
    const char *oid; /* what client_oid defaults to: the nonce or the id */
    const rf_json *json;
    uint32_t params;  /* token of the parameters, 0 = none */
    void *connection; /* of RF_SERVICE_CONNECTION; NULL = none */
    /* Who calls, as far as the door knows (server/auth.h); NULL: nobody in particular, a script. */
    const struct rf_identity *identity;
    rf_job *job; /* where work for later may be left; NULL: it is done at once */
    /* Of the password among the parameters, made beside the loop ("": it could not be); NULL: nobody
     * has made it. */
    const char *password_hash;
} rf_request;

/* Appends the answer envelope to out and returns its code. When request->job->work is set
 * afterwards, nothing was appended: rf_api_job makes the answer, once. */
rf_error rf_api_call(rf_api *api, const rf_request *request, rf_bytes *out);
/* Runs the job, appends the answer envelope and drops the job. Touches nothing else, so it may run on
 * any thread. */
rf_error rf_api_job(const rf_job *job, int64_t id, const char *method, rf_bytes *out);
/* "error_data" with the method that was meant, should the name be nearly one. */
void rf_put_near_method(rf_bytes *out, const char *name);

/* Moves the engine's time on and finishes what falls due until then. */
void rf_api_advance(rf_api *api, int64_t time_ns);

#endif
