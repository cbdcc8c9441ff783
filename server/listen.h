/* Listening sockets from the text of an address.
 *
 * Promise: a socket of the file system is open to its owner only from the first moment, and takes the
 * place of one that nobody listens at, never of one in use.
 *
 * May include: base. */
#ifndef RF_SERVER_LISTEN_H
#define RF_SERVER_LISTEN_H

#include "base/types.h"

typedef enum rf_listen_reach {
    RF_LISTEN_NOWHERE, /* not an address and a port */
    RF_LISTEN_LOOPBACK,
    RF_LISTEN_NETWORK,
} rf_listen_reach;

/* Who could connect to such an address of the network. */
rf_listen_reach rf_listen_reaches(const char *address);
/* Could a server listen at this path of the file system, as far as what stands there tells? False:
 * `error` says why not. */
bool rf_listen_socket_good(const char *path, char error[256]);
/* The address as server/gate.h says. -1: `error` says why. */
int rf_listen_open(const char *address, char bound[128], char error[256]);
/* Removes the file of a Unix socket; `bound` is what rf_listen_open gave. */
void rf_listen_close(int fd, const char *bound);

#endif
