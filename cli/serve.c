/* The verb serve: the exchange. */
#define _GNU_SOURCE /* nftw */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "server/config.h"
#include "server/serve.h"

/* ---- A directory for a sandbox that nobody wants to keep ------------------------------------- */

static bool make_directory(rf_config *config)
{
    const char *base = getenv("TMPDIR");
    char path[256];
    int size = snprintf(path, sizeof path, "%s/ringfence-sandbox-XXXXXX", base ? base : "/tmp");
    if (size >= (int)sizeof path || !mkdtemp(path)) {
        fprintf(stderr, "ringfence serve: %s: %s\n", path, strerror(errno));
        return false;
    }
    free(config->texts[RF_SETTING_data]);
    config->texts[RF_SETTING_data] = strdup(path);
    return config->texts[RF_SETTING_data] != NULL;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/* The key of its secrets lies beside it. */
static void remove_directory(const char *path)
{
    char key[300];
    snprintf(key, sizeof key, "%s.key", path);
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    unlink(key);
}

static int serve(rf_config *config)
{
    bool fresh = config->numbers[RF_SETTING_sandbox] && config->texts[RF_SETTING_data][0] == '\0';
    if (fresh && !make_directory(config))
        return 1;
    int status = rf_serve(config);
    if (fresh)
        remove_directory(config->texts[RF_SETTING_data]);
    return status;
}

int rf_cli_serve(int argc, char **argv)
{
    rf_config config;
    char error[512];
    int status = 0;
    switch (rf_config_read(&config, argc, argv, error)) {
    case RF_CONFIG_GOOD:
        status = serve(&config);
        break;
    case RF_CONFIG_HELP:
        break;
    case RF_CONFIG_REFUSED:
        fprintf(stderr, "ringfence serve: %s\n", error);
        status = 2;
        break;
    }
    rf_config_close(&config);
    return status;
}
