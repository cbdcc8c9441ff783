#include "engine/ledger.h"

rf_slot rf_slot_of_position(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    if (rf_is_isolated(record))
        return (rf_slot){RF_SLOT_ISOLATED, 0, position};
    if (record->account == RF_FUND)
        return rf_slot_house(RF_SLOT_INSURANCE, 0);
    return rf_slot_main(record->account, 0);
}

/* Where a slot's balance stands. Only this file writes through it. */
static rf_money *balance_of(rf_engine *engine, rf_slot slot)
{
    RF_CHECK(slot.kind <= RF_SLOT_CLEARING);
    rf_currency *currency = &engine->currencies[slot.currency];
    switch ((rf_slot_kind)slot.kind) {
    case RF_SLOT_MAIN:
        return rf_main(engine, slot.owner, slot.currency);
    case RF_SLOT_CLEARING:
        return &engine->instruments[slot.owner].clearing;
    case RF_SLOT_FEES:
        return &currency->fees;
    case RF_SLOT_ISOLATED:
        return &engine->positions[slot.owner].wallet;
    case RF_SLOT_INSURANCE:
        return &currency->insurance;
    case RF_SLOT_ROUNDING:
        return &currency->rounding;
    case RF_SLOT_WITHDRAWALS:
        return &currency->withdrawals;
    case RF_SLOT_WORLD:
        return &currency->world;
    }
    return NULL;
}

rf_money rf_ledger_balance(const rf_engine *engine, rf_slot slot)
{
    return *balance_of((rf_engine *)engine, slot); /* read only */
}

bool rf_ledger_has_room(const rf_engine *engine, rf_slot slot, rf_money amount)
{
    return rf_is_amount((rf_wide)rf_ledger_balance(engine, slot) + amount);
}

/* The order path looks at other currencies only where there are some. */
static void note_collateral(rf_engine *engine, uint32_t account)
{
    uint8_t holds = 0;
    for (uint32_t currency = 1; currency < RF_CURRENCIES_MAX; currency++)
        holds |= *rf_main(engine, account, currency) != 0;
    engine->accounts[account].holds_collateral = holds;
}

void rf_ledger_post_quiet(rf_engine *engine, rf_slot from, rf_slot to, rf_money amount)
{
    if (amount == 0)
        return;
    RF_CHECK(from.currency == to.currency && from.currency < RF_CURRENCIES_MAX);
    /* An isolation and the clearing of an instrument have no money but USD. */
    RF_CHECK(from.currency == 0 ||
             (from.kind != RF_SLOT_ISOLATED && from.kind != RF_SLOT_CLEARING));
    RF_CHECK(to.currency == 0 || (to.kind != RF_SLOT_ISOLATED && to.kind != RF_SLOT_CLEARING));
    rf_money *source = balance_of(engine, from), *target = balance_of(engine, to);
    *source = rf_sub(*source, amount);
    *target = rf_add(*target, amount);
    if (from.kind == RF_SLOT_MAIN)
        rf_room_forget(engine, from.owner);
    if (to.kind == RF_SLOT_MAIN) /* the amount may be negative */
        rf_room_forget(engine, to.owner);
    if (from.currency == 0)
        return;
    if (from.kind == RF_SLOT_MAIN)
        note_collateral(engine, from.owner);
    if (to.kind == RF_SLOT_MAIN)
        note_collateral(engine, to.owner);
}

void rf_ledger_post_fill(rf_engine *engine, uint32_t position, rf_money realized, rf_money fee)
{
    rf_money *clearing = &engine->instruments[engine->positions[position].instrument].clearing;
    rf_money *fees = &engine->currencies[0].fees;
    const rf_slot slot = rf_slot_of_position(engine, position);
    rf_money *own = balance_of(engine, slot);
    *clearing = rf_sub(*clearing, realized);
    *own = rf_sub(rf_add(*own, realized), fee);
    *fees = rf_add(*fees, fee);
    rf_session_realize(engine, slot, realized);
}

static bool is_user(rf_slot slot)
{
    return slot.kind == RF_SLOT_MAIN || slot.kind == RF_SLOT_ISOLATED;
}

static uint32_t account_of(const rf_engine *engine, rf_slot slot)
{
    if (slot.kind == RF_SLOT_ISOLATED)
        return engine->positions[slot.owner].account;
    return slot.kind == RF_SLOT_MAIN ? slot.owner : 0;
}

static uint64_t isolation_of(const rf_engine *engine, rf_slot slot)
{
    return slot.kind == RF_SLOT_ISOLATED ? engine->positions[slot.owner].id : 0;
}

static uint16_t instrument_of(const rf_engine *engine, rf_slot slot)
{
    if (slot.kind == RF_SLOT_ISOLATED)
        return engine->positions[slot.owner].instrument;
    return slot.kind == RF_SLOT_CLEARING ? (uint16_t)slot.owner : 0;
}

/* Between two users the receiver is the event's account and the giver its peer. */
static rf_event ledger_event(const rf_engine *engine, rf_slot from, rf_slot to, rf_money amount,
                             rf_reason reason, uint64_t order_id)
{
    const rf_slot user = is_user(to) ? to : from, other = is_user(to) ? from : to;
    rf_event event = {0};
    event.kind = RF_EVENT_LEDGER;
    event.account = account_of(engine, user);
    event.isolation_id = isolation_of(engine, user);
    event.instrument = instrument_of(
        engine, user.kind == RF_SLOT_ISOLATED || user.kind == RF_SLOT_CLEARING ? user : other);
    event.peer = other.kind == RF_SLOT_CLEARING ? other.owner : account_of(engine, other);
    event.slot_from = from.kind;
    event.slot_to = to.kind;
    event.currency = from.currency;
    event.amount = amount;
    event.reason = (uint8_t)reason;
    event.order_id = order_id;
    if (is_user(from) && is_user(to))
        event.value = (int64_t)isolation_of(engine, from);
    return event;
}

void rf_ledger_post(rf_engine *engine, rf_slot from, rf_slot to, rf_money amount, rf_reason reason,
                    uint64_t order_id)
{
    if (amount == 0)
        return;
    const rf_slot giver = amount > 0 ? from : to, receiver = amount > 0 ? to : from;
    const rf_money moved = rf_abs(amount);
    rf_ledger_post_quiet(engine, giver, receiver, moved);
    if (!engine->sink.event)
        return;
    rf_event event = ledger_event(engine, giver, receiver, moved, reason, order_id);
    rf_emit(engine, &event);
}

void rf_ledger_post_funding(rf_engine *engine, uint32_t position, rf_money amount)
{
    const rf_slot own = rf_slot_of_position(engine, position),
                  rounding = rf_slot_house(RF_SLOT_ROUNDING, 0);
    const rf_slot giver = amount > 0 ? rounding : own, receiver = amount > 0 ? own : rounding;
    const rf_money moved = rf_abs(amount);
    rf_ledger_post_quiet(engine, giver, receiver, moved);
    if (amount == 0 || !engine->sink.event)
        return;
    rf_event event = ledger_event(engine, giver, receiver, moved, RF_REASON_FUNDING, 0);
    event.instrument = engine->positions[position].instrument;
    rf_emit(engine, &event);
}
