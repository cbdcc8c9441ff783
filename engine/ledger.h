/* The ledger: the only place where money moves.
 *
 * Promise: every move is a double entry between two slots of one currency, checked for overflow;
 * nothing else in the engine assigns a balance. The sum of all slots of a currency is 0, always
 * (I1).
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_LEDGER_H
#define RF_ENGINE_LEDGER_H

#include "engine/state.h"

typedef struct rf_slot {
    uint8_t kind;     /* rf_slot_kind */
    uint8_t currency; /* 0 = USD */
    uint32_t owner;   /* MAIN: account; ISOLATED: position handle; CLEARING: instrument */
} rf_slot;

static inline rf_slot rf_slot_house(rf_slot_kind kind, uint32_t currency)
{
    return (rf_slot){(uint8_t)kind, (uint8_t)currency, 0};
}

static inline rf_slot rf_slot_main(uint32_t account, uint32_t currency)
{
    return (rf_slot){RF_SLOT_MAIN, (uint8_t)currency, account};
}

static inline rf_slot rf_slot_clearing(uint32_t instrument)
{
    return (rf_slot){RF_SLOT_CLEARING, 0, instrument};
}

/* Where a position's profit, loss and fees go: W for an isolation, INSURANCE for the fund, else
 * main USD. */
rf_slot rf_slot_of_position(const rf_engine *engine, uint32_t position);

/* Moves amount from one slot to the other and emits LEDGER. A negative amount moves the other
 * way; 0 is nothing. order_id: the cause, or 0. */
void rf_ledger_post(rf_engine *engine, rf_slot from, rf_slot to, rf_money amount, rf_reason reason,
                    uint64_t order_id);
/* Funding that a position receives, negative: pays, from and to ROUNDING. The event names its
 * instrument, which the main account of a cross position does not. */
void rf_ledger_post_funding(rf_engine *engine, uint32_t position, rf_money amount);
/* rf_ledger_post without an event, for moves that a FILL, POSITION_SETTLED or POSITION_MOVED event
 * carries. */
void rf_ledger_post_quiet(rf_engine *engine, rf_slot from, rf_slot to, rf_money amount);
/* What a fill carries, quietly: realised profit from CLEARING to the position's slot, the fee from there to FEES.
 * That the account's room is forgotten is the trade's business (rf_position_trade). */
void rf_ledger_post_fill(rf_engine *engine, uint32_t position, rf_money realized, rf_money fee);
rf_money rf_ledger_balance(const rf_engine *engine, rf_slot slot);
/* Would the slot stay below 2^62 units either way? */
bool rf_ledger_has_room(const rf_engine *engine, rf_slot slot, rf_money amount);

/* What a main account's positions realised since the last session settlement; fees are a sum of
 * their own, as in total_cash_balance. Counted beside the ledger, for people to see; a new session
 * touches no account. */
static inline rf_money rf_session_realized(const rf_engine *engine, const rf_account *account)
{
    return account->session == engine->session ? account->session_realized : 0;
}

/* The same of an isolation. */
static inline rf_money rf_fence_realized(const rf_engine *engine, const rf_position_cold *cold)
{
    return cold->session == engine->session ? cold->session_realized : 0;
}

/* Adds to it. Slots that are nobody's count nothing. */
static inline void rf_session_realize(rf_engine *engine, rf_slot slot, rf_money amount)
{
    if (slot.kind == RF_SLOT_MAIN) {
        rf_account *account = &engine->accounts[slot.owner];
        account->session_realized = rf_clamp(rf_session_realized(engine, account) + amount);
        account->session = engine->session;
    } else if (slot.kind == RF_SLOT_ISOLATED) {
        rf_position_cold *cold = &engine->positions_cold[slot.owner];
        cold->session_realized = rf_clamp(rf_fence_realized(engine, cold) + amount);
        cold->session = engine->session;
    }
}

#endif
