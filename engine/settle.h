/* One match becomes two changed positions, two postings of profit and two fees.
 *
 * Promise: margin.md section 5. Realised profit and fee go to W (isolation), INSURANCE (the fund) or main USD;
 * earmarks, open quantities and the order records follow; positions that have to be looked at are touched. Money only moves
 * between the two sides, CLEARING and FEES, and INSURANCE for a maker's flat isolation below zero (4.4).
 *
 * May include: engine/state.h, engine/ledger.h, engine/order.h, engine/position.h. */
#ifndef RF_ENGINE_SETTLE_H
#define RF_ENGINE_SETTLE_H

#include "engine/state.h"

/* Trades qty between a resting order and an incoming one at the resting order's price. The maker leaves the
 * book when nothing is left of it (status FILLED). Emits two FILL events. */
void rf_settle_match(rf_engine *engine, uint32_t maker, uint32_t taker, rf_qty qty);
/* What the taker's side of such a trade would do to cash: realised - fee, with q and C as they are now. */
rf_money rf_settle_taker_cash(const rf_engine *engine, const rf_position *position, uint8_t side,
                              rf_qty qty, rf_price price);
/* ceil of a fee, floor of a rebate. */
rf_money rf_fee(rf_money notional, rf_rate rate);

#endif
