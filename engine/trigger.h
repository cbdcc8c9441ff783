/* Trigger orders: stop and take-profit by mark, last or index price (market.md, Triggers).
 *
 * Promise: looked at after each command and its liquidations, nearest first, one at a time; an instrument whose
 * prices passed no bound costs two comparisons.
 *
 * May include: engine/state.h, engine/admit.h, engine/mark.h, engine/order.h. */
#ifndef RF_ENGINE_TRIGGER_H
#define RF_ENGINE_TRIGGER_H

#include "engine/state.h"

/* Fires when the reference is <= ref_price (true) or >= (false): api.md 2.5. */
bool rf_trigger_downward(uint8_t side, uint8_t type);
/* The reference price of this instrument in price units; 0 = none yet. Index: floored to price_decimals. */
rf_price rf_trigger_reference(const rf_engine *engine, const rf_instrument *instrument,
                              uint8_t ref_price_type);
/* True now: such an order would fire at once (229). */
bool rf_trigger_already(const rf_engine *engine, const rf_order_params *order);
/* Arms an order that has its id: state ARMED, into the instrument's list of triggers. (Its position's list is
 * rf_armed_insert's business, for waiting legs too.) For load too. */
void rf_trigger_arm(rf_engine *engine, uint32_t order);
void rf_trigger_disarm(rf_engine *engine, uint32_t order);
/* Fires the nearest due trigger of any instrument; false: none is due. */
bool rf_trigger_step(rf_engine *engine);

#endif
