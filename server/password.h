/* Passwords: Argon2id, 19 MiB, t = 2 (SECURITY.md S6).
 *
 * Promise: what is kept of a password is its hash. Both take some 20 ms of a processor, so the loop's
 * thread leaves them to others: checking (server/login.c), and hashing before a call that sets a
 * password is made (server/prehash.c).
 *
 * May include: base, venue. libsodium is seen by password.c only. */
#ifndef RF_SERVER_PASSWORD_H
#define RF_SERVER_PASSWORD_H

#include "venue/registry.h"

enum { RF_PASSWORD_MIN = 8, RF_PASSWORD_MAX = 256 };

/* False: out of memory. */
bool rf_password_hash(const char *password, char hash[RF_PASSWORD_HASH_SIZE]);
bool rf_password_check(const char *hash, const char *password);

#endif
