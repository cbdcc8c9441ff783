/* What a venue lets accounts do while it comes up after a restart, and while its disk fills.
 *
 *   WARM         until every instrument with positions or orders has a fresh mark, at most
 *                warm_seconds: risk can only be taken off (9010001)
 *   CANCEL_ONLY  cancel_only_seconds: users see prices and book, and take back what they regret (208)
 *   POST_ONLY    post_only_seconds: orders that rest (309 for others)
 *   OPEN
 *
 * An empty venue is open at once. Under reserve_percent of free disk space any phase refuses like
 * WARM. What takes risk off is the reserved lane of server/lane.h.
 *
 * May include: base, include/ringfence.h, server/config.h. */
#ifndef RF_SERVER_PHASE_H
#define RF_SERVER_PHASE_H

#include "include/ringfence.h"
#include "server/config.h"

typedef enum rf_phase_name {
    RF_PHASE_WARM,
    RF_PHASE_CANCEL_ONLY,
    RF_PHASE_POST_ONLY,
    RF_PHASE_OPEN,
} rf_phase_name;

typedef struct rf_phase {
    const rf_config *config;
    rf_phase_name name;
    int64_t since_ns; /* monotonic */
    bool disk_low;
} rf_phase;

void rf_phase_start(rf_phase *phase, const rf_config *config, const rf_engine *engine);
/* Once a second. */
void rf_phase_tick(rf_phase *phase, const rf_engine *engine);
/* A change that an account asks for. */
/* reserved: it takes risk off; rests: an order that says POST_ONLY. */
rf_error rf_phase_admits(const rf_phase *phase, bool reserved, bool rests);
/* Disk space is short, or is there again. */
void rf_phase_disk(rf_phase *phase, bool low);
const char *rf_phase_text(const rf_phase *phase);

#endif
