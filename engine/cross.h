/* The cross account: collateral, what all cross positions and orders require together, what is
 * available.
 *
 * Promise: margin.md section 10; isolated money never enters. Cost: the account's own seats and
 * currencies.
 *
 * May include: engine/state.h, engine/position.h. */
#ifndef RF_ENGINE_CROSS_H
#define RF_ENGINE_CROSS_H

#include "engine/state.h"

typedef struct rf_cross {
    rf_money collateral; /* value before haircut; negative balances in full */
    rf_money haircut;
    rf_money unrealized;
    rf_money fee_reserve, position_im, position_mm;
    rf_money margin_balance;     /* collateral + U - FR */
    rf_money initial_margin;     /* position_im + haircut */
    rf_money maintenance_margin; /* position_mm + ceil(haircut / 2) */
    rf_money available;          /* margin balance - initial margin */
    rf_wide equity; /* collateral - haircut + U: exact, where the sums above end at 2^62 */
} rf_cross;

void rf_cross_assess(const rf_engine *engine, uint32_t account, rf_cross *cross);
/* Only the last field, without maintenance: the order path. */
rf_money rf_cross_available(const rf_engine *engine, uint32_t account);
/* A lower bound of it from the running sums alone, in a few operations: what it proves need not
 * be computed exactly. INT64_MIN where a bound is not to be had so cheaply (tiers, a size that
 * UMR asks more for, own fees, other collateral). */
rf_money rf_cross_available_least(const rf_engine *engine, uint32_t account);
/* Whether a cross order that has just been put, or changed, in its position's own list surely leaves
 * available at 0 or more; then the account's keys are seen to as well. added: what the side's open
 * notional and quantity grew by, negative when they fell. False: not known, nothing was done.
 *
 * The account's room makes this O(1), whatever else the account has: what an order needs more is at
 * most its growth times one rate, so the room shrinks by that much and is found anew when it is
 * used up. Whatever else can take from available forgets the room: a change of the main balance, of
 * a quantity, of open orders, and every look at the account's watch keys. */
bool rf_cross_affords(rf_engine *engine, const rf_order *order, rf_money added_notional,
                      rf_qty added_qty);
/* Whether the account surely affords a plain limit order (admit_plain.c) that is not there yet, whatever trades of
 * it with so many makers, the best of them at this price (0: none). *least: what is available afterwards at least;
 * -1: the account's room covered the order, and the account's keys hold. */
bool rf_cross_affords_new(rf_engine *engine, const rf_order_params *params,
                          const rf_position *position, rf_price best, uint32_t makers,
                          rf_money *least);
/* What is left of its owner's room when a cross order's next lots have traded at this price; -1: not known. The keys
 * hold then: what they need grows by no more than the lots lose up to the farther one. A maker loses what its price is
 * worse than the mark, and its fee; of a taker that was admitted without a trial all that is paid for. */
rf_money rf_cross_room_after(rf_engine *engine, const rf_order *order, rf_qty qty, rf_price price,
                             rf_money fee);
/* Strictly: collateral + U < fee reserves + maintenance. */
bool rf_cross_unhealthy(const rf_engine *engine, uint32_t account);
/* Some cross position's mark is stale, or its instrument's state freezes liquidation. */
bool rf_cross_frozen(const rf_engine *engine, uint32_t account);
/* Units of this currency that may leave the main account now (withdrawal, sub-account transfer). */
rf_money rf_cross_withdrawable(const rf_engine *engine, uint32_t account, uint32_t currency);
/* What an isolation may be given: min(available, USD cash), not below 0. */
rf_money rf_cross_free_usd(const rf_engine *engine, uint32_t account);
/* amount <= that, without the exact sum where a bound proves it; nothing (or less) can always be given. */
bool rf_cross_can_give(const rf_engine *engine, uint32_t account, rf_money amount);

#endif
