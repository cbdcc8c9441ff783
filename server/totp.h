/* One-time passwords (RFC 6238: HMAC-SHA1, 30 s, 6 digits), for log-in, withdrawals and keys.
 *
 * Promise: a code is good once, whatever it was used for; compared in constant time.
 *
 * May include: base, venue, server/vault.h. OpenSSL is seen by totp.c only. */
#ifndef RF_SERVER_TOTP_H
#define RF_SERVER_TOTP_H

#include "server/vault.h"
#include "venue/registry.h"

enum { RF_TOTP_SECRET_SIZE = 20, RF_TOTP_STEP_MS = 30000 };

/* The code of a step (unix time / 30 s) as 6 digits with a NUL. */
void rf_totp_code(const uint8_t *secret, size_t size, uint64_t step, char code[7]);
/* True when code is that of now, or of the step before or after; *step is which. */
bool rf_totp_check(const uint8_t *secret, size_t size, const char *code, int64_t time_ms,
                   uint64_t *step);
/* The code of a user who has one-time passwords, not used before. code NULL = not given. */
bool rf_totp_use(const rf_vault *vault, const rf_user *user, const char *code, int64_t time_ms);

#endif
