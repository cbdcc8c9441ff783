#include "base/check.h"

static rf_check_hook check_hook;

void rf_check_set_hook(rf_check_hook hook)
{
    check_hook = hook;
}

_Noreturn void rf_check_failed(const char *condition, const char *file, int line)
{
    if (check_hook)
        check_hook(condition, file, line);
    /* A hook that returns would let a broken state answer somebody. */
    __builtin_trap();
}
