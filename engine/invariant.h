/* The invariants of docs/invariants.md that the state alone can tell, as functions of it. Slow on purpose: they
 * recount what the engine keeps running.
 *
 * Promise: they change nothing and stop nothing: each row says how far off the state is, 0 = exact. I4 and I9
 * speak of what a command did, I10 to I12 compare with others: tests/sim and tests/model hold those.
 *
 * May include: everything of the engine but engine.h. */
#ifndef RF_ENGINE_INVARIANT_H
#define RF_ENGINE_INVARIANT_H

#include "engine/state.h"

/* Residuals; in money or quantity where there is one, else the number of places that are wrong. */
rf_wide rf_invariant_money(const rf_engine *engine);      /* I1 */
rf_wide rf_invariant_quantity(const rf_engine *engine);   /* I2 */
rf_wide rf_invariant_clearing(const rf_engine *engine);   /* I3 */
rf_wide rf_invariant_isolations(const rf_engine *engine); /* I5 */
rf_wide rf_invariant_fence(const rf_engine *engine);      /* I6 */
rf_wide rf_invariant_books(const rf_engine *engine);      /* I7 */
rf_wide rf_invariant_sums(const rf_engine *engine);       /* I8: orders and their sums */
rf_wide
rf_invariant_watches(const rf_engine *engine); /* I8: keys, and nobody unhealthy overlooked */

#endif
