/* What the files of the registrar share. Private to registrar*.c.
 *
 * May include: all of server, venue, api. */
#ifndef RF_SERVER_REGISTRAR_STATE_H
#define RF_SERVER_REGISTRAR_STATE_H

#include "api/handlers.h"
#include "api/put.h"
#include "server/password.h"
#include "server/registrar.h"
#include "server/totp.h"
#include "venue/service.h"

struct rf_registrar {
    rf_registrar_options options;
    char record_memory[RF_REGISTRY_RECORD_MAX];
    rf_bytes record;
};

/* An empty record to be written, then kept. False: the registry is full. */
rf_bytes *rf_registrar_record(rf_registrar *registrar);
rf_error rf_registrar_keep(rf_registrar *registrar);
/* Somebody who logged in gives a code where he has to (40101, error_data names totp). A key is not
 * asked. */
rf_error rf_registrar_second_factor(rf_registrar *registrar, rf_call *call, unsigned param);

typedef rf_error (*rf_registrar_serve)(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_create_key(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_revoke_key(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_list_keys(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_own_create_key(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_own_revoke_key(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_own_list_keys(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_create_user(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_set_password(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_enable_totp(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_list_users(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_get_audit_log(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_add_address(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_remove_address(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_list_addresses(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_create_withdrawal(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_get_withdrawals(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_set_txid(rf_registrar *registrar, rf_call *call);
rf_error rf_registrar_set_withdrawal_limit(rf_registrar *registrar, rf_call *call);

#endif
