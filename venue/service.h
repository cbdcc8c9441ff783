/* The methods of RF_SERVICE_REGISTRY that a world answers by itself, a script's too: notices,
 * withdrawals. What needs keys and people is served by the server in front of it
 * (server/registrar.h), which hands these on.
 *
 * May include: api, venue. */
#ifndef RF_VENUE_SERVICE_H
#define RF_VENUE_SERVICE_H

#include "api/handlers.h"
#include "venue/world.h"

/* As rf_server's call: the context is the world. */
rf_error rf_service_call(rf_call *call);
/* 40002 for methods that are not served here. */
rf_error rf_service_serve(rf_world *world, rf_call *call);

/* The note of a create-withdrawal; problems go to call->args. */
rf_withdrawal_note rf_service_withdrawal(rf_call *call);
/* A parameter into a field of `size` bytes; longer ones are a problem (40004). */
void rf_service_text(rf_args *args, unsigned param, char *to, size_t size, const char *absent);

#endif
