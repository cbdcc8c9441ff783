/* Passwords: Argon2id, 19 MiB, t = 2 (SECURITY.md S6).
 *
 * Promise: what is kept of a password is its hash. Both take some 20 ms of a processor, so the loop's
 * thread leaves checking to others (server/login.c): anybody may try one. Hashing is done where it is
 * asked for: only operators set passwords, a few a day at their own door, and the record that follows
 * takes its place in the journal then and there. A job beside the loop would save those 20 ms and cost
 * a second way of making records.
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
