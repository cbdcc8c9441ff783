/* How many connections an address has.
 *
 * Promise: constant work a connection, memory for as many addresses as there may be connections. An
 * IPv6 network of 64 bits, which is what one customer is given, counts as one address.
 *
 * May include: base, server/limits.h. */
#ifndef RF_SERVER_ADDRESS_H
#define RF_SERVER_ADDRESS_H

#include <sys/socket.h>

#include "base/types.h"

typedef struct rf_addresses rf_addresses;

rf_addresses *rf_addresses_open(void); /* NULL: out of memory */
void rf_addresses_close(rf_addresses *addresses);
/* One connection more; returns the place for rf_addresses_leave, 0: the address has `max` already,
 * or there is no place. */
uint32_t rf_addresses_join(rf_addresses *addresses, uint64_t key, uint32_t max);
void rf_addresses_leave(rf_addresses *addresses, uint32_t place);

/* What an address counts as. */
uint64_t rf_address_key(const struct sockaddr *address);
bool rf_address_is_loopback(const struct sockaddr *address);

#endif
