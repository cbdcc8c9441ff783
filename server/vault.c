#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC, fsync */
#include "server/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

struct rf_vault {
    uint8_t key[crypto_secretbox_KEYBYTES];
};

_Static_assert(RF_VAULT_OVERHEAD == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES,
               "what sealing adds");

static bool say(char error[256], const char *path, const char *what)
{
    snprintf(error, 256, "%s: %s", path, what);
    return false;
}

static bool write_key(int file, const uint8_t *key, size_t size)
{
    return write(file, key, size) == (ssize_t)size && fsync(file) == 0;
}

/* Made under its own name with O_EXCL: two servers that start at once do not get two keys. */
static bool create_key(rf_vault *vault, const char *path, char error[256])
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return say(error, path, strerror(errno));
    randombytes_buf(vault->key, sizeof vault->key);
    bool good = write_key(file, vault->key, sizeof vault->key);
    if (close(file) != 0 || !good) {
        unlink(path);
        return say(error, path, "the key could not be written");
    }
    return true;
}

static bool read_key(rf_vault *vault, const char *path, char error[256])
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? create_key(vault, path, error) : say(error, path, strerror(errno));
    struct stat about;
    uint8_t more;
    bool whole = fstat(file, &about) == 0 &&
                 read(file, vault->key, sizeof vault->key) == (ssize_t)sizeof vault->key &&
                 read(file, &more, 1) == 0;
    close(file);
    if (!whole)
        return say(error, path, "not a key: 32 bytes are expected");
    if (about.st_mode & 077)
        return say(error, path, "others may read this key: chmod 600");
    return true;
}

rf_vault *rf_vault_open(const char *path, char error[256])
{
    *error = '\0';
    if (sodium_init() < 0) {
        say(error, "libsodium", "does not start");
        return NULL;
    }
    rf_vault *vault = sodium_malloc(sizeof *vault); /* locked, guarded, not in a core dump */
    if (!vault) {
        say(error, "key", "out of memory that can be locked");
        return NULL;
    }
    if (!path)
        randombytes_buf(vault->key, sizeof vault->key);
    else if (!read_key(vault, path, error)) {
        sodium_free(vault);
        return NULL;
    }
    sodium_mprotect_readonly(vault);
    return vault;
}

void rf_vault_close(rf_vault *vault)
{
    sodium_free(vault);
}

size_t rf_vault_seal(const rf_vault *vault, const void *bytes, size_t size, void *sealed)
{
    uint8_t *to = sealed;
    randombytes_buf(to, crypto_secretbox_NONCEBYTES);
    int failed =
        crypto_secretbox_easy(to + crypto_secretbox_NONCEBYTES, bytes, size, to, vault->key);
    RF_CHECK(failed == 0);
    return size + RF_VAULT_OVERHEAD;
}

bool rf_vault_unseal(const rf_vault *vault, const void *sealed, size_t size, void *bytes)
{
    const uint8_t *from = sealed;
    return size >= RF_VAULT_OVERHEAD &&
           crypto_secretbox_open_easy(bytes, from + crypto_secretbox_NONCEBYTES,
                                      size - crypto_secretbox_NONCEBYTES, from, vault->key) == 0;
}

void rf_random_bytes(void *bytes, size_t size)
{
    randombytes_buf(bytes, size);
}

void rf_random_text(char *text, size_t letters)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    randombytes_buf(text, letters);
    for (size_t i = 0; i < letters; i++)
        text[i] = alphabet[(uint8_t)text[i] & 31];
    text[letters] = '\0';
}
