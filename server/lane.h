/* What a call does to risk, read from its parameters before it is made: the reserved lane of an overload
 * (server/rate.h), of a restart and of a full disk (server/phase.h).
 *
 * Promise: a call that is said to take risk off, or to rest only, does so in the handlers' reading too:
 * a proper name wins over its alias, and of a list every order counts.
 *
 * May include: base, api. */
#ifndef RF_SERVER_LANE_H
#define RF_SERVER_LANE_H

#include "api/json.h"
#include "api/method.h"

/* Takes risk off or keeps a position alive: cancels, reduce-only orders, closing, adding margin, the
 * countdown cancel. params as in rf_request. */
bool rf_lane_reserved(const rf_method *method, const rf_json *json, uint32_t params);
/* Places nothing but orders that say POST_ONLY. */
bool rf_lane_rests(const rf_method *method, const rf_json *json, uint32_t params);

#endif
