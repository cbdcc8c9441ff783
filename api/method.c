#include "api/method.h"

#include <string.h>

#include "api/handlers.h"

enum { REQUIRED = true, OPTIONAL = false };
enum { NEAR_MAX = 2, FAR = NEAR_MAX + 1, NEAR_NAME_MAX = 64 };
enum {
    READ = RF_METHOD_READ,
    CHANGE = RF_METHOD_CHANGE,
    ADVANCED = RF_METHOD_ADVANCED,
    EARLY = RF_METHOD_EARLY,
    MARKET = RF_METHOD_MARKET,
    HISTORY = RF_METHOD_HISTORY,
    REGISTRY = RF_METHOD_REGISTRY,
    CONNECTION = RF_METHOD_CONNECTION,
    SANDBOX = RF_METHOD_SANDBOX,
    PRICES = RF_METHOD_PRICES,
    SERVER = RF_METHOD_SERVER,
    QUICK = RF_METHOD_QUICK,
    LOOKUP = RF_METHOD_LOOKUP,
    SLOW = RF_METHOD_SLOW,
};

const rf_param rf_params[RF_P_COUNT] = {
#define RF_PARAMS(set)
#define RF_PARAM(set, param, type_, need, bad_, values_, aliases_, doc_) \
    [RF_P_##set##_##param] = {.name = #param,                            \
                              .values = values_,                         \
                              .aliases = aliases_,                       \
                              .doc = doc_,                               \
                              .type = RF_TYPE_##type_,                   \
                              .required = need,                          \
                              .bad = RF_ERR_##bad_},
#include "api/params.def"
#undef RF_PARAMS
#undef RF_PARAM
};

static const rf_param_id set_starts[RF_SET_COUNT + 1] = {
#define RF_PARAMS(set) RF_P_##set##_first,
#define RF_PARAM(set, name, type, need, bad, values, aliases, doc)
#include "api/params.def"
#undef RF_PARAMS
#undef RF_PARAM
    RF_P_COUNT,
};

const rf_method rf_methods[RF_M_COUNT] = {
#define RF_METHOD(id, name_, door_, flags_, params_, handler_, doc_) \
    [RF_M_##id] = {.name = name_,                                    \
                   .doc = doc_,                                      \
                   .door = RF_DOOR_##door_,                          \
                   .flags = flags_,                                  \
                   .params = RF_SET_##params_,                       \
                   .handler = rf_handle_##handler_},
#include "api/methods.def"
#undef RF_METHOD
};

static const rf_error error_rows[] = {
#define RF_ERROR(name, code, http, when) RF_ERR_##name,
#include "engine/errors.def"
#undef RF_ERROR
};

static const uint8_t name_sizes[RF_M_COUNT] = {
#define RF_METHOD(id, name, door, flags, params, handler, doc) [RF_M_##id] = sizeof name - 1,
#include "api/methods.def"
#undef RF_METHOD
};

/* A look at the sizes, many at a time, leaves a handful to compare; it is asked several times a
 * call. */
const rf_method *rf_method_find(const char *name)
{
    size_t size = strlen(name);
    const uint8_t *at = name_sizes, *end = name_sizes + RF_M_COUNT;
    if (size > UINT8_MAX)
        return NULL;
    for (; (at = memchr(at, (int)size, (size_t)(end - at))) != NULL; at++)
        if (memcmp(rf_methods[at - name_sizes].name, name, size) == 0)
            return &rf_methods[at - name_sizes];
    return NULL;
}

/* Letters to change, add or drop; more than NEAR_MAX is FAR, and found out after a few. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned row[NEAR_NAME_MAX + 1];
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned corner = row[0], best = i;
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned cost = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            cost = row[j] + 1 < cost ? row[j] + 1 : cost;
            row[j] = row[j - 1] + 1 < cost ? row[j - 1] + 1 : cost;
            best = row[j] < best ? row[j] : best;
        }
        if (best > NEAR_MAX)
            return FAR;
    }
    return row[b_size];
}

unsigned rf_name_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > b_size + NEAR_MAX || b_size > a_size + NEAR_MAX || a_size > NEAR_NAME_MAX ||
        b_size > NEAR_NAME_MAX)
        return FAR;
    unsigned away = distance(a, a_size, b, b_size);
    return away < FAR ? away : FAR;
}

const rf_method *rf_method_near(const char *name)
{
    size_t size = strlen(name);
    const rf_method *nearest = NULL;
    unsigned least = FAR;
    for (unsigned i = 0; i < RF_M_COUNT && size <= NEAR_NAME_MAX; i++) {
        size_t other = name_sizes[i];
        if (other > size + NEAR_MAX || size > other + NEAR_MAX || other > NEAR_NAME_MAX)
            continue;
        unsigned away = distance(name, size, rf_methods[i].name, other);
        if (away < least) {
            least = away;
            nearest = &rf_methods[i];
        }
    }
    return least > 0 && least <= NEAR_MAX ? nearest : NULL;
}

rf_quota rf_method_quota(const rf_method *method)
{
    if (method->flags & RF_METHOD_CONNECTION) /* counted with the messages of its connection */
        return (rf_quota){0, 0};
    switch (method->door) {
    case RF_DOOR_PUBLIC:
        return (rf_quota){100, 1000};
    case RF_DOOR_OPERATOR:
        return (rf_quota){0, 0};
    case RF_DOOR_PRIVATE:
        break;
    }
    if (method->flags & RF_METHOD_QUICK)
        return (rf_quota){15, 100};
    if (method->flags & RF_METHOD_LOOKUP)
        return (rf_quota){30, 100};
    if (method->flags & RF_METHOD_SLOW)
        return (rf_quota){1, 1000};
    return (rf_quota){3, 100};
}

rf_method_id rf_method_number(const rf_method *method)
{
    return (rf_method_id)(method - rf_methods);
}

rf_param_id rf_params_of(rf_param_set set, unsigned *count)
{
    *count = (unsigned)set_starts[set + 1] - (unsigned)set_starts[set];
    return set_starts[set];
}

int rf_choice(const char *values, const char *text)
{
    size_t size = strlen(text);
    int position = 0;
    while (*values) {
        const char *end = strchr(values, '|');
        size_t width = end ? (size_t)(end - values) : strlen(values);
        if (width == size && memcmp(values, text, size) == 0)
            return position;
        values += width + (end ? 1 : 0);
        position++;
    }
    return -1;
}

unsigned rf_error_row(rf_error code)
{
    unsigned row = 0;
    while (row < sizeof error_rows / sizeof *error_rows && error_rows[row] != code)
        row++;
    return row;
}
