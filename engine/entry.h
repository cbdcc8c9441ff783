/* One order on its way in: what admission has found out about it so far.
 *
 * Promise: between rf_entry_begin and rf_entry_undo (or rf_entry_accept) the order stands in its position's own
 * list on trial; undo leaves the state as it was, identifiers included. The preview uses the same steps, so it
 * cannot differ from admission.
 *
 * May include: engine/state.h, engine/mark.h, engine/match.h. */
#ifndef RF_ENGINE_ENTRY_H
#define RF_ENGINE_ENTRY_H

#include "engine/mark.h"
#include "engine/match.h"
#include "engine/state.h"

typedef struct rf_entry {
    const rf_order_params *params;
    rf_instrument *instrument;
    uint32_t account;
    uint32_t position; /* the one it acts on; RF_NONE until begin when it is new */
    uint32_t order;    /* its record */
    uint32_t leverage; /* of a new isolation */
    bool opened;       /* the position was opened for this order */
    bool isolated, market, reduce_only, trigger;
    bool adds_uncovered; /* section 4.2; found at begin */
    uint8_t side;
    rf_qty qty;
    rf_price price;     /* 0: market */
    rf_money given;     /* isolated_margin_amount, -1 = not given */
    rf_money give;      /* amend: money that the cancelled order gives back first */
    rf_money transfer;  /* T */
    rf_money amount;    /* what moves: T, or the amount given */
    rf_money before;    /* cross: available before the order */
    rf_price old_price; /* amend: the order as it was */
    rf_qty old_leaves;
    bool afforded; /* rf_cross_affords said so: the account's keys have been seen to */
    uint64_t saved_isolation, saved_age; /* counters, for undo */
    uint32_t saved_seats;
    rf_plan plan;
} rf_entry;

/* The ladder of refusals up to 226 and 216: everything that needs no look at the market. Fills the entry.
 * waiting: a leg that will be armed later (not refused for a price that is passed already). */
rf_error rf_entry_check(rf_engine *engine, const rf_order_params *params, bool waiting,
                        rf_entry *entry);
/* Prices, quantities and sizes: 213 308 415 314. valued_at: price of the minimum notional where there is no limit (0:
 * none yet, no minimum). Closing a position knows no minimum. */
rf_error rf_entry_check_size(const rf_instrument *instrument, rf_qty qty, rf_price price,
                             rf_price valued_at, bool closes);
/* Neither state nor margin mode nor a price far away can forbid an order of a cross position. */
static inline bool rf_is_plain_instrument(const rf_instrument *instrument)
{
    return instrument->plain && instrument->state == RF_STATE_OPEN && instrument->mark != 0 &&
           instrument->mark_time_ns != RF_FORGOTTEN_NS;
}
/* Surely none of these, nor 319, for an order of this size that adds so much to its position on such an instrument. */
static inline bool rf_is_plain_size(const rf_instrument *instrument, const rf_position *position,
                                    rf_qty qty, rf_qty added, rf_price price)
{
    const rf_instrument_config *config = &instrument->config;
    if (qty <= 0 || qty > instrument->qty_max || price <= 0 || price > instrument->mark_max)
        return false;
    return qty >= config->min_order_qty &&
           rf_position_reach(position) + added <= instrument->qty_max &&
           (config->max_order_qty == 0 || qty <= config->max_order_qty) &&
           (config->qty_tick == 1 || qty % config->qty_tick == 0) &&
           (config->price_tick == 1 || price % config->price_tick == 0) &&
           rf_notional(instrument->k, qty, price) >= config->min_notional;
}
/* An order of this side at this limit takes at the other side's best price (0: nobody is there). */
static inline bool rf_reaches(uint8_t side, rf_price best, rf_price limit)
{
    return best != 0 && !rf_is_better(side, best, limit);
}
/* 318 and the room in the pools for so many more orders. */
rf_error rf_entry_check_counts(const rf_engine *engine, const rf_entry *entry, uint32_t orders);
/* 207 1110 222 43005: what needs the mark and the best prices; reprices SMART_POST_ONLY. */
rf_error rf_entry_check_market(rf_engine *engine, rf_entry *entry);
/* Its limit reaches the best price of the other side. */
bool rf_entry_takes(const rf_entry *entry);
/* Opens the position if needed, takes the record, puts it into the own list. */
rf_error rf_entry_begin(rf_engine *engine, rf_entry *entry);
/* T or available, the plan, and every refusal that follows from them. */
rf_error rf_entry_judge(rf_engine *engine, rf_entry *entry, rf_result *result);
void rf_entry_undo(rf_engine *engine, rf_entry *entry);
/* Registers, transfers, trades, rests. */
void rf_entry_accept(rf_engine *engine, rf_entry *entry, rf_result *result);
/* The second half of accept, for orders that have their id: commits the plan and settles what becomes of the rest. */
void rf_entry_execute(rf_engine *engine, rf_entry *entry, rf_result *result);

#endif
