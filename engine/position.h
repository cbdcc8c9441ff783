/* Positions: cross positions and isolations, their order sums and what they require.
 *
 * Promise: the running sums of open orders always equal a recount (I8); an exposure is computed
 * from them in a few steps, walking only those own orders that are covered by the position or lie
 * beyond the mark.
 *
 * May include: engine/state.h, engine/margin.h. */
#ifndef RF_ENGINE_POSITION_H
#define RF_ENGINE_POSITION_H

#include "engine/state.h"

/* What a position and its orders require at its instrument's mark (margin.md section 3). Without
 * a mark everything is 0. For cross, L is the account's maximum leverage and there is no opening
 * loss. */
typedef struct rf_assessment {
    rf_money unrealized;    /* U */
    rf_requirement binding; /* side with the largest IM + FR + OL; its MM too */
    rf_requirement health;  /* side with the largest FR + MM (isolations) */
    uint8_t binding_side;
    rf_qty binding_qty;      /* Q of the binding side */
    rf_money margin_balance; /* W + U - FR; cross: U - FR */
    rf_money available;      /* A; cross: this position's part of available */
} rf_assessment;

uint32_t rf_position_find(const rf_engine *engine, uint32_t account, uint32_t instrument,
                          bool isolated);
/* Makes an empty one, with the next isolation_id if isolated; account->isolations_count follows,
 * no event. RF_NONE: no room (rf_position_room first). */
uint32_t rf_position_open(rf_engine *engine, uint32_t account, uint32_t instrument, bool isolated,
                          uint32_t leverage);
/* Room for one more of a user: one record an instrument is kept for the fund, which may have to take over. */
bool rf_position_room(const rf_engine *engine);
/* Gives the record back when nothing is left in it; RF_NONE-safe. Isolations: also emits
 * ISOLATION_CLOSED. Drops its watches and takes it off the list of touched positions, so nobody
 * meets the handle again. */
void rf_position_release_if_empty(rf_engine *engine, uint32_t position);
uint32_t rf_position_by_isolation(const rf_engine *engine, uint64_t isolation_id);
rf_seat *rf_seat_find(const rf_engine *engine, uint32_t account, uint32_t instrument);
/* Finds or makes the account's seat; NULL: no room. */
rf_seat *rf_seat_make(rf_engine *engine, uint32_t account, uint32_t instrument);
/* Takes back the youngest seat, which this account has just been given: a trial leaves no trace. */
void rf_seat_undo(rf_engine *engine, uint32_t account);

/* For load. A free record, zeroed; RF_NONE: pool full. */
uint32_t rf_position_take(rf_engine *engine);
/* For load: enters a record with account, instrument, flags, id and age at the end of its
 * instrument's list, in its seat, and an isolation under its id; account->isolations_count
 * follows. False: no room for the seat. */
bool rf_position_file(rf_engine *engine, uint32_t position);

/* The instrument's margin parameters with the taker rate of this position's account. */
void rf_position_params(const rf_engine *engine, const rf_position *position,
                        rf_margin_params *params);
static inline bool rf_own_fees(const rf_engine *engine, uint32_t account)
{
    return (engine->accounts[account].flags & RF_ACCOUNT_OWN_FEES) != 0;
}

static inline rf_rate rf_taker_rate(const rf_engine *engine, uint32_t account,
                                    const rf_instrument *instrument)
{
    return rf_own_fees(engine, account) ? engine->accounts[account].taker_rate
                                        : instrument->config.taker_fee_rate;
}

static inline rf_rate rf_maker_rate(const rf_engine *engine, uint32_t account,
                                    const rf_instrument *instrument)
{
    return rf_own_fees(engine, account) ? engine->accounts[account].maker_rate
                                        : instrument->config.maker_fee_rate;
}

/* One side at this mark, which is not 0. Cross positions have no opening loss. */
void rf_position_exposure(const rf_engine *engine, const rf_position *position, uint8_t side,
                          rf_price mark, rf_exposure *exposure);
/* U - FR - IM of a cross position at its mark, and nothing else: the order path. */
rf_money rf_position_cross_part(const rf_engine *engine, const rf_position *position);
/* At the given mark with leverage L (0 = the position's own). */
void rf_position_assess_at(const rf_engine *engine, const rf_position *position, rf_price mark,
                           uint32_t leverage, rf_assessment *assessment);
/* At the instrument's mark. */
void rf_position_assess(const rf_engine *engine, const rf_position *position,
                        rf_assessment *assessment);
rf_money rf_position_unrealized(const rf_engine *engine, const rf_position *position);
/* W + U < FR + MM, or flat with W < 0 (isolations). */
/* The same for who needs the assessment too. */
bool rf_isolation_assess(const rf_engine *engine, const rf_position *position,
                         rf_assessment *assessment);
bool rf_isolation_unhealthy(const rf_engine *engine, const rf_position *position);

/* The next three change q. Open interest, the update time and instrument->changes follow; a
 * position that came to 0 carries RF_POSITION_CLOSED. No money moves.
 *
 * By a trade: changes q, C, C0 and returns the realised profit, which the caller posts. */
rf_money rf_position_trade(rf_engine *engine, uint32_t position, uint8_t side, rf_qty qty,
                           rf_price price);
/* Takes |dq| of q with its exact share of C and C0 out (section 1: floor, the rest stays).
 * Returns the share of C, signed like C. */
rf_money rf_position_take_out(rf_engine *engine, uint32_t position, rf_qty qty);
/* Adds q and C (signed). Against an opposite q it nets; what C is left at q = 0 is returned as
 * realised profit (-C), which the caller posts from CLEARING; otherwise 0. C0 follows as a trade
 * at that cost would. */
rf_money rf_position_put_in(rf_engine *engine, uint32_t position, rf_qty q, rf_money cost);
/* Notes the position for the look at the end of this step: sweep, watch keys, health. */
static inline void rf_position_touch(rf_engine *engine, uint32_t position)
{
    rf_position *record = &engine->positions[position];
    if ((record->flags & RF_POSITION_TOUCHED) != 0)
        return;
    record->flags |= RF_POSITION_TOUCHED;
    RF_CHECK(engine->touched_count <= engine->limits.positions_max);
    engine->touched[engine->touched_count++] = position;
}

#endif
