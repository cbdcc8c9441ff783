/* The parameters of one call (or of one order in a list), bound to the rows of a set.
 *
 * Promise: everything that is wrong is looked at, and the answer is the smallest row of
 * engine/errors.def among it, whatever order the parameters came in.
 *
 * May include: base, api/json.h, api/method.h. */
#ifndef RF_API_ARGS_H
#define RF_API_ARGS_H

#include "api/json.h"
#include "api/method.h"

enum { RF_ARGS_MAX = 40 };

typedef struct rf_args {
    const rf_json *json;
    rf_param_id first;
    unsigned count;
    uint32_t tokens[RF_ARGS_MAX]; /* 0 = absent (or null), or not of its type */
    uint64_t malformed;           /* a bit for each that is not of its type */
    rf_error problem;             /* 0 = none so far */
    const char *problem_param;    /* what the problem is about; NULL = nothing in particular */
} rf_args;

/* Binds an object's members; `object` 0 binds nothing (all absent). Checks presence, kinds and
 * choices. strict: an unknown member is a problem (40004). */
void rf_args_bind(rf_args *args, const rf_json *json, uint32_t object, rf_param_set set,
                  bool strict);

/* Notes a problem; the smallest row stays. Always false. */
bool rf_args_refuse(rf_args *args, rf_error code, const char *param);

static inline uint32_t rf_arg(const rf_args *args, unsigned param)
{
    return args->tokens[param - (unsigned)args->first];
}

/* True for a malformed one too: it is not absent. */
static inline bool rf_arg_given(const rf_args *args, unsigned param)
{
    return rf_arg(args, param) != 0 ||
           (args->malformed >> (param - (unsigned)args->first) & 1) != 0;
}

/* The getters answer `absent` for a parameter that is not there or not well formed. */
const char *rf_arg_text(const rf_args *args, unsigned param, const char *absent);
int rf_arg_choice(const rf_args *args, unsigned param, int absent);
bool rf_arg_bool(const rf_args *args, unsigned param, bool absent);
uint64_t rf_arg_id(const rf_args *args, unsigned param, uint64_t absent);
int64_t rf_arg_int(rf_args *args, unsigned param, int64_t absent, int64_t low, int64_t high);
int64_t rf_arg_time_ns(const rf_args *args, unsigned param, int64_t absent);
/* Scaled by 10^decimals. A value that is not representable is a problem (the row's `bad`). */
int64_t rf_arg_decimal(rf_args *args, unsigned param, unsigned decimals, int64_t absent);
/* The same, and above 0 unless absent. */
int64_t rf_arg_positive(rf_args *args, unsigned param, unsigned decimals, int64_t absent);
/* The same, and from low to high unless absent. */
int64_t rf_arg_within(rf_args *args, unsigned param, unsigned decimals, int64_t absent, int64_t low,
                      int64_t high);
/* 0 when absent, UINT32_MAX when it is not a whole number from 1 on: "10.0" is 10, "10.5" is
 * malformed. */
uint32_t rf_arg_leverage(const rf_args *args, unsigned param);

#endif
