/* The verb describe: prints what the tables say of the API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/describe.h"
#include "cli/verbs.h"
#include "venue/world.h"

static const char help[] =
    "usage: ringfence describe openapi|schema|reference\n"
    "\n"
    "Prints the API as its tables have it.\n"
    "\n"
    "  openapi    paths as YAML; a server has it as /openapi/" RF_OPENAPI_FILE "\n"
    "  schema     what the paths refer to; /openapi/" RF_SCHEMA_FILE "\n"
    "  reference  Markdown; make docs adds examples and writes docs/api.md\n";

static int print(void (*describe)(rf_bytes *out))
{
    rf_bytes out;
    rf_bytes_init(&out, NULL, 0, rf_world_grow);
    describe(&out);
    bool good = !out.full && fwrite(out.data, 1, out.size, stdout) == out.size;
    free(out.data);
    return good ? 0 : 1;
}

int rf_cli_describe(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*describe)(rf_bytes *out);
    } parts[] = {
        {"openapi", rf_describe_openapi},
        {"schema", rf_describe_schema},
        {"reference", rf_describe_reference},
    };
    const char *wanted = argc > 1 ? argv[1] : "";
    if (strcmp(wanted, "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].name, wanted) == 0)
            return print(parts[i].describe);
    fprintf(stderr, "ringfence describe: openapi, schema or reference, not %s%s%s\n",
            argc > 1 ? "\"" : "nothing", argc > 2 ? argv[2] : wanted, argc > 1 ? "\"" : "");
    return 2;
}
