/* Asserts that stay on in production.
 *
 * Promise: what only our own bug can cause stops the program, with the place and - once an engine has
 * registered itself - its sequence and digest. What a user can cause is never checked here: that is an
 * error of engine/errors.def.
 *
 * May include: nothing. */
#ifndef RF_BASE_CHECK_H
#define RF_BASE_CHECK_H

/* Called once with the broken condition and must not return. The library's default traps at once; a
 * program sets its own to print the state's sequence and digest first. */
typedef void (*rf_check_hook)(const char *condition, const char *file, int line);

void rf_check_set_hook(rf_check_hook hook);
_Noreturn void rf_check_failed(const char *condition, const char *file, int line);

#define RF_CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : rf_check_failed(#condition, __FILE__, __LINE__))

#endif
