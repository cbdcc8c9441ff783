/* Command frames: what is decoded is encoded as the very same bytes. */
#include <string.h>

#include "include/ringfence.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rf_command command;
    rf_command_room room;
    unsigned char again[RF_COMMAND_BYTES_MAX];
    if (!rf_command_decode(data, size, &command, &room))
        return 0;
    MUST(rf_command_encode(&command, again, sizeof again) == size);
    MUST(memcmp(again, data, size) == 0);
    return 0;
}
