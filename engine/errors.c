/* Names and HTTP statuses of the error codes, straight from the table. */
#include "include/ringfence.h"

const char *rf_error_name(rf_error code)
{
    switch (code) {
#define RF_ERROR(name, number, http, when) \
    case RF_ERR_##name:                    \
        return #name;
#include "engine/errors.def"
#undef RF_ERROR
    }
    return "UNKNOWN"; /* a number that no row has, for example out of a file of later rules */
}

int rf_error_http(rf_error code)
{
    switch (code) {
#define RF_ERROR(name, number, http, when) \
    case RF_ERR_##name:                    \
        return http;
#include "engine/errors.def"
#undef RF_ERROR
    }
    return 500;
}
