/* Views: what the outside may see of the state, computed when it is asked for.
 *
 * Promise: reading changes nothing; a number or name that does not exist answers false, -1 or 0.
 *
 * May include: everything of the engine but engine.h. */
#ifndef RF_ENGINE_VIEW_H
#define RF_ENGINE_VIEW_H

#include "engine/state.h"

void rf_view_fill_position(const rf_engine *engine, uint32_t position, rf_position_view *view);
/* A live order by handle. */
void rf_view_fill_order(const rf_order *order, const rf_order_cold *cold, rf_order_view *view);

#endif
