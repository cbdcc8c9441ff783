#include "cli/credentials.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/json.h"

enum { FILE_SIZE_MAX = 16384, TOKENS_MAX = 64 };

static bool keep(char *to, size_t size, const char *value)
{
    int length = snprintf(to, size, "%s", value);
    return length > 0 && length < (int)size;
}

/* Other names than these may be in a file: it may serve other programs too. */
static bool take(rf_key_pair *credentials, const char *name, const char *value)
{
    if (strcmp(name, "api_key") == 0)
        return keep(credentials->api_key, sizeof credentials->api_key, value);
    if (strcmp(name, "api_secret") == 0 || strcmp(name, "secret") == 0)
        return keep(credentials->secret, sizeof credentials->secret, value);
    return true;
}

static int on_line(void *context, const char *section, const char *name, const char *value)
{
    (void)section;
    return take(context, name, value);
}

static bool take_json(rf_key_pair *credentials, const char *bytes, size_t size)
{
    static rf_json_token tokens[TOKENS_MAX];
    static char text[FILE_SIZE_MAX + TOKENS_MAX];
    rf_json json;
    rf_json_init(&json, tokens, TOKENS_MAX, text, sizeof text);
    if (!rf_json_parse(&json, bytes, size) || json.tokens[0].kind != RF_JSON_OBJECT)
        return false;
    for (uint32_t i = 0, token = 1; i < json.tokens[0].count; i++, token = json.tokens[token].next)
        if (json.tokens[token].kind == RF_JSON_STRING &&
            !take(credentials, rf_json_key(&json, token), rf_json_text(&json, token)))
            return false;
    return true;
}

/* Opened first and looked at then: what is read is what was looked at. */
static FILE *open_private(const char *path, char *error, size_t error_size)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) != 0) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "%s: not a file", path);
    } else if ((status.st_mode & 077) != 0) {
        snprintf(error, error_size, "%s: others may read it (chmod 600 %s)", path, path);
    } else {
        return file;
    }
    if (file)
        fclose(file);
    return NULL;
}

static bool read_file(rf_key_pair *credentials, const char *path, char *error, size_t error_size)
{
    static char bytes[FILE_SIZE_MAX + 1];
    FILE *file = open_private(path, error, error_size);
    if (!file)
        return false;
    size_t size = fread(bytes, 1, FILE_SIZE_MAX, file);
    fclose(file);
    bytes[size] = '\0';
    bool json = bytes[strspn(bytes, " \t\r\n")] == '{';
    bool good = json ? take_json(credentials, bytes, size)
                     : ini_parse_string(bytes, on_line, credentials) == 0;
    if (!good)
        snprintf(error, error_size, "%s: not lines \"name = value\" and not one JSON object", path);
    else if (!credentials->api_key[0] || !credentials->secret[0])
        snprintf(error, error_size, "%s: api_key or api_secret is missing", path);
    return good && credentials->api_key[0] && credentials->secret[0];
}

bool rf_key_pair_read(rf_key_pair *credentials, const char *path, char *error, size_t error_size)
{
    *credentials = (rf_key_pair){0};
    if (path)
        return read_file(credentials, path, error, error_size);
    const char *key = getenv("RINGFENCE_API_KEY"), *secret = getenv("RINGFENCE_API_SECRET");
    if (key && secret && keep(credentials->api_key, sizeof credentials->api_key, key) &&
        keep(credentials->secret, sizeof credentials->secret, secret))
        return true;
    snprintf(
        error, error_size,
        "a private method is signed: set RINGFENCE_API_KEY and RINGFENCE_API_SECRET, or name a "
        "file with --credentials");
    return false;
}
