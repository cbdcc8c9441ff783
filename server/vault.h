/* The server's own key: secrets are sealed with it before they enter the registry, and opened with
 * it where they are used.
 *
 * Promise: the key is in a file outside the data directory and in memory that is neither swapped
 * nor dumped; whoever copies the data directory alone can open nothing.
 *
 * May include: base. libsodium is seen by vault.c only. */
#ifndef RF_SERVER_VAULT_H
#define RF_SERVER_VAULT_H

#include "base/types.h"

enum {
    RF_VAULT_OVERHEAD = 40, /* bytes that sealing adds: nonce and tag */
};

typedef struct rf_vault rf_vault;

/* path: a file of 32 bytes, made with mode 0600 when it is missing, refused when others may read
 * it. NULL: a random key that lives as long as the process (sandbox). NULL: `error` says why. */
rf_vault *rf_vault_open(const char *path, char error[256]);
void rf_vault_close(rf_vault *vault); /* NULL is fine */

/* sealed needs size + RF_VAULT_OVERHEAD bytes; answers how many. */
size_t rf_vault_seal(const rf_vault *vault, const void *bytes, size_t size, void *sealed);
/* bytes needs size - RF_VAULT_OVERHEAD bytes. False: sealed by another key, or damaged. */
bool rf_vault_unseal(const rf_vault *vault, const void *sealed, size_t size, void *bytes);

void rf_random_bytes(void *bytes, size_t size);
/* Random letters and digits of RFC 4648's base32 in lower case, with a closing NUL; 5 bits each. */
void rf_random_text(char *text, size_t letters);

#endif
