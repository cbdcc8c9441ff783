/* Calls that set a password: one of libuv's threads hashes it, then the call is made on the loop as it came,
 * so there is one way of making records. One after the other, in the order in which they came. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/door.h"

enum { WAITING_MAX = 8, WAIT_MS = 1000 };

typedef struct held held;
struct held {
    held *next;
    rf_prehash *prehash;
    uv_work_t work;
    rf_origin origin;
    rf_caller caller;
    rf_identity identity;
    const rf_method *method;
    char password[RF_PASSWORD_MAX + 1];
    char hash[RF_PASSWORD_HASH_SIZE]; /* "" = there was no memory for it */
    size_t size;
    char body[]; /* as it came */
};

struct rf_prehash {
    rf_doors *doors;
    held *first, **last; /* the first is being hashed */
    size_t waiting;
    bool closing;
};

static void drop(held *call)
{
    sodium_memzero(call, sizeof *call + call->size); /* the body has the password too */
    free(call);
}

/* ---- The call, at last ----------------------------------------------------------------------- */

static void make(rf_doors *doors, held *call)
{
    rf_envelope envelope;
    bool read = rf_json_parse(&doors->json, call->body, call->size) &&
                rf_envelope_read(&doors->json, &envelope) == RF_ERR_OK;
    RF_CHECK(read); /* it was read before */
    rf_request request = {
        .caller = call->caller,
        .id = envelope.id,
        .method = call->method->name,
        .row = call->method,
        .oid = envelope.nonce ? envelope.nonce : envelope.id_text,
        .json = &doors->json,
        .params = envelope.params,
        .identity = &call->identity,
        .password_hash = call->hash,
    };
    rf_doors_call(doors, &call->origin, &request);
    rf_doors_turn(doors);
}

/* ---- The queue ------------------------------------------------------------------------------- */

static void on_work(uv_work_t *work)
{
    held *call = work->data;
    if (!rf_password_hash(call->password, call->hash))
        call->hash[0] = '\0';
}

static void on_done(uv_work_t *work, int status);

static void start_first(rf_prehash *prehash)
{
    held *call = prehash->first;
    call->work.data = call;
    if (uv_queue_work(prehash->doors->parts.loop, &call->work, on_work, on_done) != 0)
        on_done(&call->work, UV_ENOMEM);
}

static void on_done(uv_work_t *work, int status)
{
    held *call = work->data;
    rf_prehash *prehash = call->prehash;
    (void)status; /* not done at all: the hash is still empty */
    prehash->first = call->next;
    prehash->last = call->next ? prehash->last : &prehash->first;
    prehash->waiting--;
    if (!prehash->closing)
        make(prehash->doors, call);
    drop(call);
    if (prehash->first)
        start_first(prehash);
    else if (prehash->closing)
        free(prehash);
}

/* ---- Doors ----------------------------------------------------------------------------------- */

/* The password that a call sets, as far as it may be one at all. */
static const char *password_of(const rf_request *request)
{
    rf_method_id number = rf_method_number(request->row);
    if ((number != RF_M_CREATE_USER && number != RF_M_SET_PASSWORD) || request->params == 0)
        return NULL;
    uint32_t token = rf_json_member(request->json, request->params, "password");
    const rf_json_token *found = &request->json->tokens[token];
    bool fits = token != 0 && found->kind == RF_JSON_STRING &&
                found->text_size >= RF_PASSWORD_MIN && found->text_size <= RF_PASSWORD_MAX;
    return fits ? rf_json_text(request->json, token) : NULL;
}

bool rf_prehash_ask(rf_prehash *prehash, const rf_origin *origin, const rf_request *request,
                    const char *body, size_t size)
{
    const char *password = password_of(request);
    if (!password)
        return false;
    held *call = prehash->waiting < WAITING_MAX ? calloc(1, sizeof *call + size) : NULL;
    if (!call) {
        rf_doors_refuse(prehash->doors, origin, request->id, request->method,
                        RF_ERR_TOO_MANY_REQUESTS, NULL, WAIT_MS);
        return true;
    }
    *call = (held){.prehash = prehash,
                   .origin = *origin,
                   .caller = request->caller,
                   .identity = *request->identity,
                   .method = request->row,
                   .size = size};
    memcpy(call->password, password, strlen(password));
    memcpy(call->body, body, size);
    *prehash->last = call;
    prehash->last = &call->next;
    if (prehash->waiting++ == 0)
        start_first(prehash);
    return true;
}

size_t rf_prehash_waiting(const rf_prehash *prehash)
{
    return prehash->waiting;
}

rf_prehash *rf_prehash_open(rf_doors *doors)
{
    rf_prehash *prehash = calloc(1, sizeof *prehash);
    if (!prehash)
        return NULL;
    prehash->doors = doors;
    prehash->last = &prehash->first;
    return prehash;
}

/* The last password that is being hashed frees it. */
void rf_prehash_close(rf_prehash *prehash)
{
    prehash->closing = true;
    if (!prehash->first)
        free(prehash);
}
