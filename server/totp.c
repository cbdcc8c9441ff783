#include "server/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { USED_MAX = 1024 };

void rf_totp_code(const uint8_t *secret, size_t size, uint64_t step, char code[7])
{
    uint8_t counter[8], sum[EVP_MAX_MD_SIZE];
    unsigned sum_size = 0;
    for (int i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> (8 * (7 - i)));
    const uint8_t *done =
        HMAC(EVP_sha1(), secret, (int)size, counter, sizeof counter, sum, &sum_size);
    RF_CHECK(done && sum_size == 20);
    unsigned offset = sum[19] & 15;
    uint32_t word = (uint32_t)(sum[offset] & 0x7f) << 24 | (uint32_t)sum[offset + 1] << 16 |
                    (uint32_t)sum[offset + 2] << 8 | sum[offset + 3];
    snprintf(code, 7, "%06u", word % 1000000);
}

bool rf_totp_check(const uint8_t *secret, size_t size, const char *code, int64_t time_ms,
                   uint64_t *step)
{
    uint64_t now = (uint64_t)time_ms / RF_TOTP_STEP_MS;
    bool found = false;
    if (!code || strlen(code) != 6)
        return false;
    for (uint64_t at = now - 1; at <= now + 1; at++) {
        char wanted[7];
        rf_totp_code(secret, size, at, wanted);
        if (sodium_memcmp(wanted, code, 6) == 0) {
            *step = at;
            found = true;
        }
    }
    return found;
}

/* Codes that were used, by user and step. They are good for a minute and a half; who could use a
 * thousand others meanwhile has a thousand users. */
static struct {
    char user[RF_USER_SIZE];
    uint64_t step;
} used[USED_MAX];
static size_t used_next;

static bool use_once(const char *user, uint64_t step)
{
    for (size_t i = 0; i < USED_MAX; i++)
        if (used[i].step == step && strcmp(used[i].user, user) == 0)
            return false;
    snprintf(used[used_next].user, sizeof used[used_next].user, "%s", user);
    used[used_next].step = step;
    used_next = (used_next + 1) % USED_MAX;
    return true;
}

bool rf_totp_use(const rf_vault *vault, const rf_user *user, const char *code, int64_t time_ms)
{
    uint8_t secret[RF_SEALED_SIZE];
    uint64_t step = 0;
    if (!rf_vault_unseal(vault, user->totp, user->totp_size, secret))
        return false;
    bool good =
        rf_totp_check(secret, (size_t)user->totp_size - RF_VAULT_OVERHEAD, code, time_ms, &step);
    sodium_memzero(secret, sizeof secret);
    return good && use_once(user->name, step);
}
