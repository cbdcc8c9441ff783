#include "server/password.h"

#include <sodium.h>
#include <string.h>

enum { HASH_MEMORY = 19 * 1024 * 1024, HASH_PASSES = 2 };

_Static_assert(RF_PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash fits");

bool rf_password_hash(const char *password, char hash[RF_PASSWORD_HASH_SIZE])
{
    memset(hash, 0, RF_PASSWORD_HASH_SIZE);
    return crypto_pwhash_str_alg(hash, password, strlen(password), HASH_PASSES, HASH_MEMORY,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool rf_password_check(const char *hash, const char *password)
{
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}
