/* Liquidation: who is unhealthy, in what order, and how each is closed (margin.md sections 9 and
 * 10).
 *
 * Promise: an isolation's liquidation posts to nobody but itself, CLEARING, FEES, INSURANCE,
 * ROUNDING and its counterparties (I4). One step closes one isolation or sells one slice of one
 * cross account, so the work per command is bounded. Nothing of the queue is state: what is unhealthy
 * lies behind its watch key and is found again by the next collect. Isolations that a command had no
 * time for are kept all the same, as long as the next collect would find them and judge them alike.
 *
 * May include: engine/state.h, watch, position, cross, close, match, isolate, insurance,
 * deleverage, ledger, mark. */
#ifndef RF_ENGINE_LIQUIDATE_H
#define RF_ENGINE_LIQUIDATE_H

#include "engine/state.h"

/* Looks at every instrument with moved = 1 (clearing it): re-keys what is healthy, queues what
 * is not and may be liquidated now, riskiest first. Only when the queue before is done. True:
 * the queue is not empty. */
bool rf_liquidate_collect(rf_engine *engine);
/* Closes the next of the queue, or sells the next slice of the account in work.cross_account.
 * The entry is looked at again before anything is done to it. False: queue empty and no account
 * in work. After each step the caller runs rf_engine_look (engine.h) over what was touched. */
bool rf_liquidate_step(rf_engine *engine);
/* Notes a main account for the next collect whatever the keys say: the last position of an
 * account below zero is gone, and no key is left to find it by. */
void rf_liquidate_note(rf_engine *engine, uint32_t account);
/* The command has had its share of steps: the next collect, here or after a restart, finds the rest
 * again. work.cross_account stays. */
void rf_liquidate_suspend(rf_engine *engine);
/* Of the isolations that are kept: how many would not be queued just so by a collect that finds all
 * anew (I8). */
uint32_t rf_liquidate_kept_wrong(const rf_engine *engine);

/* liquidate_cross.c: section 10. start flags the account and cancels its orders; each slice
 * sells one. */
void rf_liquidate_cross_start(rf_engine *engine, uint32_t account);
void rf_liquidate_cross_slice(rf_engine *engine);
/* Has this main account a position with a quantity? */
bool rf_liquidate_holds(const rf_engine *engine, uint32_t account);
/* RECOVERED, or any event of which only kind and owner are filled yet. */
rf_event rf_liquidate_event(const rf_engine *engine, rf_event_kind kind, uint32_t position);

#endif
