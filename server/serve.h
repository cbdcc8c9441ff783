/* The server as a whole: what `ringfence serve` runs.
 *
 * May include: server/config.h. */
#ifndef RF_SERVER_SERVE_H
#define RF_SERVER_SERVE_H

#include "server/config.h"

/* Runs until SIGTERM or SIGINT. The answer is the exit status: 0 after a graceful stop, 1 when it
 * could not start or had to halt. */
int rf_serve(const rf_config *config);

#endif
