/* Auto-deleveraging: who gives up profit when neither the book nor the fund can close a
 * position.
 *
 * Promise: margin.md section 11: highest score first, older accounts first, cross before
 * isolated; nobody flips; own, the fund's and unhealthy positions are skipped; no fees.
 *
 * The queue of one side of one instrument is made once and kept for the liquidations that follow
 * at the same mark (market.md): what a step changes is put in its new place when the step is
 * over, and whoever comes first is scored again before giving anything up. A score that fell
 * meanwhile is found that way, one that rose cannot have been missed.
 *
 * May include: engine/state.h, position, cross, ledger, insurance. */
#ifndef RF_ENGINE_DELEVERAGE_H
#define RF_ENGINE_DELEVERAGE_H

#include "engine/state.h"

/* Closes up to qty of the position against the queue of the other side at price (any price unit,
 * no tick). Realised profits are posted on both sides (to W, main, or INSURANCE). Emits two
 * POSITION_MOVED (code 2) for each counterparty: the position's and the counterparty's. Returns
 * the quantity closed. */
rf_qty rf_deleverage(rf_engine *engine, uint32_t position, rf_qty qty, rf_price price);
/* Puts what this step has touched in its place in the queue; call before the look empties the
 * list. */
void rf_deleverage_follow(rf_engine *engine);
/* The queue is not used any more: something may change that rf_deleverage_follow is not told. */
void rf_deleverage_forget(rf_engine *engine);
/* 1..5, 5 = first in line; 0 for a flat position or one that is skipped. Where the fifths begin
 * is found once for all reads between two commands. */
uint32_t rf_deleverage_rank(const rf_engine *engine, uint32_t position);
/* What this position would lose if the largest losing position of the other side were
 * deleveraged now. */
rf_qty rf_deleverage_exposed(const rf_engine *engine, uint32_t position);

#endif
