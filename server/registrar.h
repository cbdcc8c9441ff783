/* The methods of RF_SERVICE_REGISTRY: keys, people, addresses, withdrawals, notices.
 *
 * Promise: a secret is shown once, in the answer that makes it. What these methods change is a
 * record of the registry; what they refuse leaves no record.
 *
 * May include: all of server, venue, api. */
#ifndef RF_SERVER_REGISTRAR_H
#define RF_SERVER_REGISTRAR_H

#include "server/audit.h"
#include "server/auth.h"
#include "server/vault.h"
#include "venue/world.h"

typedef struct rf_registrar_options {
    rf_world *world;
    const rf_vault *vault;
    rf_audit *audit;          /* may be NULL: operator/get-audit-log is empty */
    int64_t address_delay_ns; /* until a new withdrawal address is usable; 0 in the sandbox */
} rf_registrar_options;

typedef struct rf_registrar rf_registrar;
/* Puts itself into world->api->servers[RF_SERVICE_REGISTRY]. NULL: out of memory. */
rf_registrar *rf_registrar_open(const rf_registrar_options *options);
void rf_registrar_close(rf_registrar *registrar);

#endif
