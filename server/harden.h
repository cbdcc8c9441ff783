/* What a running server gives up (SECURITY.md, S12).
 *
 * Promise: what is given up is never needed again; a kernel that cannot take it is no reason not to serve.
 *
 * May include: nothing of ours. */
#ifndef RF_SERVER_HARDEN_H
#define RF_SERVER_HARDEN_H

#include <stdbool.h>

/* Before any secret is read: no core dump, and nobody of the same user looks into the memory. */
void rf_harden_memory(void);
/* Once everything is open, for all threads and whatever they start: no other program, no new rights, no
 * mount, no module, no debugger, no code that was written. Such a call fails with EPERM. False: this
 * kernel or build has no such filter. */
bool rf_harden_calls(void);

#endif
