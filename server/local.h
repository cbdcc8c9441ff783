/* Calls made inside the process: by the sandbox's makers and takers, by the console.
 *
 * Promise: a caller here is an ordinary one behind its authentication. The call goes the way of all
 * others - table of methods, phase of the venue, journal - and what it changed is durable and pushed
 * like anybody's; only the answer is there at once, and must not leave the process before the
 * journal's record (rf_local_seq) is durable.
 *
 * On the loop's thread only, and never from inside a handler, an observer or another local call.
 *
 * May include: base, api. */
#ifndef RF_SERVER_LOCAL_H
#define RF_SERVER_LOCAL_H

#include "api/call.h"

typedef struct rf_doors rf_doors; /* all doors of a server: server/door.h */

/* params_json: the text of an object; NULL = {}. Appends the answer envelope (id -1) and returns its
 * code. Methods of the history are answered 40002 here: they wait for a thread of their own. */
rf_error rf_local_call(rf_doors *doors, const rf_caller *caller, const char *method,
                       const char *params_json, rf_bytes *answer);
/* The newest record of the journal: what an answer that was just made depends on. */
uint64_t rf_local_seq(const rf_doors *doors);

#endif
