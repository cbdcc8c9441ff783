/* The tables of methods and parameters as data (methods.def, params.def).
 *
 * Promise: what is not in these tables is not served by any door.
 *
 * May include: base, include/ringfence.h. */
#ifndef RF_API_METHOD_H
#define RF_API_METHOD_H

#include "base/types.h"
#include "include/ringfence.h"

typedef enum rf_door { RF_DOOR_PUBLIC, RF_DOOR_PRIVATE, RF_DOOR_OPERATOR } rf_door;

enum rf_method_flag {
    RF_METHOD_READ = 1 << 0,
    RF_METHOD_CHANGE = 1 << 1,
    RF_METHOD_ADVANCED = 1 << 2,
    RF_METHOD_EARLY = 1 << 3,  /* a success carries "message":"NO_ERROR" */
    RF_METHOD_MARKET = 1 << 4, /* answered from the market feeds */
    /* Handler `serve`: whose business it is (rf_service). */
    RF_METHOD_HISTORY = 1 << 5,
    RF_METHOD_REGISTRY = 1 << 6,
    RF_METHOD_CONNECTION = 1 << 7,
    RF_METHOD_SANDBOX = 1 << 8,
    RF_METHOD_PRICES = 1 << 9,
    RF_METHOD_SERVER = 1 << 10,
    /* How often (rf_method_quota). */
    RF_METHOD_QUICK = 1 << 11,
    RF_METHOD_LOOKUP = 1 << 12,
    RF_METHOD_SLOW = 1 << 13,
};

typedef enum rf_param_type {
    RF_TYPE_TEXT,
    RF_TYPE_NAME,
    RF_TYPE_ID,
    RF_TYPE_INT,
    RF_TYPE_DECIMAL,
    RF_TYPE_LEVERAGE,
    RF_TYPE_BOOL,
    RF_TYPE_ENUM,
    RF_TYPE_ENUMS,
    RF_TYPE_TIME,
    RF_TYPE_OBJECTS,
    RF_TYPE_TEXTS,
} rf_param_type;

/* RF_P_ORDER_price is the number of a row of params.def; the rows of a set are consecutive. */
typedef enum rf_param_id {
#define RF_PARAMS(set) RF_P_##set##_first, RF_P_##set##_before = RF_P_##set##_first - 1,
#define RF_PARAM(set, name, type, need, bad, values, aliases, doc) RF_P_##set##_##name,
#include "api/params.def"
#undef RF_PARAMS
#undef RF_PARAM
    RF_P_COUNT
} rf_param_id;

typedef enum rf_param_set {
#define RF_PARAMS(set) RF_SET_##set,
#define RF_PARAM(set, name, type, need, bad, values, aliases, doc)
#include "api/params.def"
#undef RF_PARAMS
#undef RF_PARAM
    RF_SET_COUNT
} rf_param_set;

typedef struct rf_param {
    const char *name, *values, *aliases, *doc;
    rf_param_type type;
    bool required;
    rf_error bad;
} rf_param;

typedef enum rf_method_id {
#define RF_METHOD(id, name, door, flags, params, handler, doc) RF_M_##id,
#include "api/methods.def"
#undef RF_METHOD
    RF_M_COUNT
} rf_method_id;

typedef struct rf_call rf_call;
typedef rf_error (*rf_handler)(rf_call *call);

typedef struct rf_method {
    const char *name, *doc;
    rf_door door;
    unsigned flags;
    rf_param_set params;
    rf_handler handler;
} rf_method;

extern const rf_param rf_params[RF_P_COUNT];
extern const rf_method rf_methods[RF_M_COUNT];

/* NULL: no such method. */
const rf_method *rf_method_find(const char *name);

/* Of a name that is none: the method that one or two letters make of it, NULL if there is none. */
const rf_method *rf_method_near(const char *name);
/* Letters that tell two names apart: to change, add or drop; more than two are RF_NAME_FAR. */
enum { RF_NAME_FAR = 3 };
unsigned rf_name_distance(const char *a, const char *b);

/* Calls in a period: of one key, of a public method those of one address. calls 0: none is
 * counted (operators; what only a WebSocket serves, whose messages are counted). */
typedef struct rf_quota {
    uint32_t calls, period_ms;
} rf_quota;
rf_quota rf_method_quota(const rf_method *method);
rf_method_id rf_method_number(const rf_method *method);
/* The rows of a set: its first one and how many. */
rf_param_id rf_params_of(rf_param_set set, unsigned *count);

/* Position of text among "A|B|C", or -1. */
int rf_choice(const char *values, const char *text);

/* Rows of engine/errors.def: the smaller one is answered when a call breaks several rules. */
unsigned rf_error_row(rf_error code);

#endif
