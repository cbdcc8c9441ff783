/* The API described by the tables that drive it: an OpenAPI pair for programs (cdcx reads it at
 * /openapi/), a reference for people (docs/api.md).
 *
 * Promise: every row of methods.def, params.def, channels.def and engine/errors.def is in it, and
 * nothing else. The pair leaves out what plain HTTP does not serve to everybody: operators' methods
 * and those of one connection.
 *
 * May include: base, api/method.h. */
#ifndef RF_API_DESCRIBE_H
#define RF_API_DESCRIBE_H

#include "api/method.h"
#include "base/bytes.h"

/* The names under which the pair refers to itself. */
#define RF_OPENAPI_FILE "exchange-openapi.generated.yaml"
#define RF_SCHEMA_FILE "exchange-schema.generated.yaml"

void rf_describe_openapi(rf_bytes *out);   /* paths, YAML */
void rf_describe_schema(rf_bytes *out);    /* what the paths refer to, YAML */
void rf_describe_reference(rf_bytes *out); /* Markdown; a line "<!-- example METHOD -->" a method */

/* The schema of `result`; of methods that have one. */
bool rf_describe_has_result(const rf_method *method);
void rf_describe_result(rf_bytes *out, unsigned depth, const rf_method *method);

/* "15 in 100 ms". */
void rf_describe_quota(rf_bytes *out, rf_quota quota);

/* A row of methods.def, or the head of a chapter (method NULL). */
typedef struct rf_entry {
    const char *title, *tag;
    const rf_method *method;
} rf_entry;

/* The table with its chapters, in its order. */
const rf_entry *rf_entries(unsigned *count);

#endif
