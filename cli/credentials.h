/* Key and secret for signed calls, from a file or from the environment.
 *
 * Promise: a file that others may read is refused; a secret never appears in a message.
 *
 * May include: base/types.h. inih is seen by credentials.c only. */
#ifndef RF_CLI_CREDENTIALS_H
#define RF_CLI_CREDENTIALS_H

#include "base/types.h"

typedef struct rf_key_pair {
    char api_key[128], secret[256];
} rf_key_pair;

/* path NULL: the variables RINGFENCE_API_KEY and RINGFENCE_API_SECRET. False: `error` says why. */
bool rf_key_pair_read(rf_key_pair *credentials, const char *path, char *error, size_t error_size);

#endif
