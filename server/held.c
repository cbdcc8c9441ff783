#include "server/held.h"

#include "base/check.h"

static size_t held;

void rf_held_more(size_t bytes)
{
    held += bytes;
}

void rf_held_less(size_t bytes)
{
    RF_CHECK(bytes <= held);
    held -= bytes;
}

size_t rf_held_bytes(void)
{
    return held;
}
