/* What is around a call on the wire: id, method, params, api_key, sig, nonce (docs/api.md).
 *
 * Promise: id and nonce may be numbers or strings of digits and are kept as the digits that came;
 * whatever is wrong with an envelope has one code, the smallest row of engine/errors.def.
 *
 * May include: base, api. */
#ifndef RF_SERVER_ENVELOPE_H
#define RF_SERVER_ENVELOPE_H

#include "api/json.h"
#include "base/bytes.h"
#include "include/ringfence.h"

typedef struct rf_envelope {
    int64_t id;                /* -1 = none */
    const char *id_text;       /* its digits, NULL = none */
    const char *method;        /* NULL = none */
    uint32_t params;           /* token of an object, 0 = none */
    const char *api_key, *sig; /* NULL = none */
    const char *nonce;         /* digits, NULL = none */
    const char *problem;       /* the field that is refused, NULL = none */
    const char *words;         /* why it is no envelope at all, NULL = it is one */
} rf_envelope;

/* What an answer that refuses says. */
typedef struct rf_refusal {
    rf_error code;
    const char *words;      /* NULL = the code's own name */
    const char *param;      /* what is at fault; NULL = not said */
    int64_t retry_after_ms; /* 0 = not said */
} rf_refusal;

/* Everything points into json. Fields that are good are set whatever the answer. */
rf_error rf_envelope_read(const rf_json *json, rf_envelope *envelope);

/* A query string as the text of an object: every value a string. False: a %-sequence that is none, or
 * no room. */
bool rf_envelope_query(const char *query, rf_bytes *text);

void rf_envelope_refuse(rf_bytes *out, int64_t id, const char *method, const rf_refusal *refusal);
/* Adds "original" to an answer that is whole. */
void rf_envelope_quote(rf_bytes *out, const char *original, size_t size);

#endif
