/* The verb serve: the exchange. */
#include <stdio.h>

#include "cli/verbs.h"
#include "server/config.h"
#include "server/serve.h"

int rf_cli_serve(int argc, char **argv)
{
    rf_config config;
    char error[512];
    int status = 0;
    switch (rf_config_read(&config, argc, argv, error)) {
    case RF_CONFIG_GOOD:
        status = rf_serve(&config);
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
