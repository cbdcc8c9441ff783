/* Lines of replay scripts: read to the end, or refused with a sentence. Each call is given an answer, so that
 * references have something to point to. */
#include <string.h>

#include "cli/script.h"
#include "tests/fuzz/fuzz.h"

static void read_all(rf_script *script)
{
    static const char answer[] =
        "{\"id\":1,\"method\":\"m\",\"code\":0,\"result\":{\"x\":\"12.5\",\"list\":[1,2]}}";
    for (;;) {
        switch (rf_script_next(script)) {
        case RF_SCRIPT_CALL:
            MUST(!script->params || script->params < script->json.tokens_count);
            MUST(rf_script_remember(script, answer, sizeof answer - 1));
            break;
        case RF_SCRIPT_COMMENT:
            break;
        case RF_SCRIPT_BAD:
            MUST(script->error[0] != '\0');
            return;
        case RF_SCRIPT_END:
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rf_script script;
    if (size == 0)
        return 0;
    MUST(rf_script_open(&script, "/dev/null"));
    fclose(script.file);
    script.file = fmemopen((void *)(uintptr_t)data, size, "r");
    MUST(script.file);
    read_all(&script);
    rf_script_close(&script);
    return 0;
}
