/* The insurance fund: account 0, whose cash is the slot INSURANCE and whose positions are
 * ordinary cross ones.
 *
 * Promise: margin.md section 11. It takes a position over only when it can carry it and the cap
 * allows; it is never liquidated; what it pays for others is UNCOVERED_LOSS; INSURANCE may go
 * below zero and is made good at the next session settlement.
 *
 * May include: engine/state.h, ledger, position, cross, admit, book, close, mark. */
#ifndef RF_ENGINE_INSURANCE_H
#define RF_ENGINE_INSURANCE_H

#include "engine/state.h"

/* INSURANCE + U of its positions at mark. */
rf_money rf_fund_equity(const rf_engine *engine);
/* May it take q (signed) of this instrument over, with cost C and, from an isolation, the
 * wallet? */
bool rf_fund_may_take(const rf_engine *engine, uint32_t instrument, rf_qty q, rf_money cost,
                      rf_money wallet);
/* Moves qty of the position with its exact share of C to the fund and emits POSITION_MOVED (code
 * 1). Money that goes along is the caller's to post. */
void rf_fund_take_over(rf_engine *engine, uint32_t position, rf_qty qty);
/* The same at a price: the giver realises the difference to its C, the fund's cost is qty at
 * that price. */
void rf_fund_take_at(rf_engine *engine, uint32_t position, rf_qty qty, rf_price price);
/* Brings a slot that is below zero to zero, as UNCOVERED_LOSS; returns what it cost (>= 0). */
rf_money rf_fund_cover(rf_engine *engine, uint8_t slot_kind, uint32_t owner);
/* The same for a main account without positions: its USD rises until its collateral value is not
 * below zero. What other collateral still covers is the account's own debt, not the fund's. */
rf_money rf_fund_cover_account(rf_engine *engine, uint32_t account);
/* fund_unwind: at a TICK, replaces the fund's order on each instrument that asks for it. */
void rf_fund_unwind(rf_engine *engine);

#endif
