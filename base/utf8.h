/* Is it text?
 *
 * Promise: UTF-8 exactly as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF.
 *
 * May include: base/types.h. */
#ifndef RF_BASE_UTF8_H
#define RF_BASE_UTF8_H

#include "base/types.h"

bool rf_utf8_is_valid(const char *text, size_t size);

#endif
