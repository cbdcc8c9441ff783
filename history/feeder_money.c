/* Lines of the ledger: what changed each account's money and positions (journal_type), and the
 * insurance fund's.
 *
 * Added up by account and isolation, the lines whose thing is a currency are its balance, those
 * whose thing is an instrument its position; tests hold the history to that. */
#include <stdlib.h>
#include <string.h>

#include "api/messages.h"
#include "base/check.h"
#include "history/feeder_state.h"

bool feeder_user_of(const rf_event *event, bool giver, feeder_user *user)
{
    uint8_t slot = giver ? event->slot_from : event->slot_to;
    uint8_t other = giver ? event->slot_to : event->slot_from;
    bool is_user = slot == RF_SLOT_MAIN || slot == RF_SLOT_ISOLATED;
    bool both = is_user && (other == RF_SLOT_MAIN || other == RF_SLOT_ISOLATED);
    /* Between two users the receiver is the event's account, the giver its peer and value. */
    if (both && giver)
        *user = (feeder_user){event->peer, (uint64_t)event->value, slot == RF_SLOT_ISOLATED};
    else
        *user = (feeder_user){event->account, slot == RF_SLOT_ISOLATED ? event->isolation_id : 0,
                              slot == RF_SLOT_ISOLATED};
    return is_user;
}

static void add_line(rf_feeder *feeder, const rf_event *event, rf_row_ledger line)
{
    bool known = line.instrument < 0 && rf_ledger_is_of_position(event);
    line.position_instrument = known ? (int64_t)event->instrument : -1;
    line.number = feeder_number(feeder);
    line.time_ns = event->time_ns;
    feeder_add(feeder, RF_TABLE_ledger, &line);
    rf_api *api = feeder->world->api;
    if (line.sub_type == RF_SUB_ISOLATED_MARGIN_TRANSFER && api->journal_id == 0)
        api->journal_id = line.number;
}

/* A line about money, without a trade. */
static rf_row_ledger money_line(uint32_t account, uint64_t isolation_id, rf_journal_type type,
                                int64_t amount)
{
    return (rf_row_ledger){.account = account,
                           .isolation_id = (int64_t)isolation_id,
                           .type = type,
                           .instrument = -1,
                           .qty = amount,
                           .cost = amount,
                           .taker = -1,
                           .side = -1};
}

static int64_t k_of(const rf_feeder *feeder, uint32_t instrument)
{
    rf_instrument_view view;
    return rf_view_instrument(feeder->world->engine, instrument, &view) ? view.k : 0;
}

/* ---- The insurance fund ---------------------------------------------------------------------- */

static void add_insurance(rf_feeder *feeder, const rf_event *event, rf_reason reason,
                          int64_t instrument, int64_t amount)
{
    if (amount == 0 || !feeder_room(feeder, (void **)&feeder->insurance, feeder->insurance_count,
                                    &feeder->insurance_max, sizeof *feeder->insurance))
        return;
    feeder->insurance[feeder->insurance_count++] = (rf_row_insurance){
        .number = feeder_number(feeder),
        .time_ns = event->time_ns,
        .kind = reason,
        .instrument = instrument,
        .amount = amount,
    };
}

/* The balance after each is known from the end: the last one leaves what the engine has now. */
void feeder_money_done(rf_feeder *feeder)
{
    rf_house_view house;
    if (feeder->insurance_count == 0)
        return;
    rf_view_house(feeder->world->engine, &house);
    int64_t balance = house.insurance[0];
    for (size_t i = feeder->insurance_count; i-- > 0;) {
        feeder->insurance[i].balance = balance;
        balance -= feeder->insurance[i].amount;
    }
    for (size_t i = 0; i < feeder->insurance_count; i++)
        feeder_add(feeder, RF_TABLE_insurance, &feeder->insurance[i]);
    feeder->insurance_count = 0;
}

/* ---- Trades ---------------------------------------------------------------------------------- */

static void feed_fill(rf_feeder *feeder, const rf_event *event)
{
    bool isolated = event->isolation_id != 0;
    int64_t sign = event->side == RF_BUY ? 1 : -1;
    if (event->account == 0) {
        add_insurance(feeder, event, RF_REASON_REALIZED_PNL, event->instrument,
                      event->realized - event->fee);
        return;
    }
    rf_row_ledger line =
        money_line(event->account, event->isolation_id, RF_JOURNAL_REALIZED_PNL, event->realized);
    line.order_id = (int64_t)event->order_id;
    line.match_id = (int64_t)event->id;
    line.taker = event->code;
    line.side = event->side;
    feeder_order_oid(feeder, event, line.client_oid);
    rf_row_ledger trade = line, fee = line;
    trade.type = RF_JOURNAL_TRADING;
    trade.currency = -1;
    trade.instrument = event->instrument;
    trade.qty = sign * event->qty;
    trade.cost = trade.qty * event->price * k_of(feeder, event->instrument);
    trade.realized = event->realized;
    add_line(feeder, event, trade);
    if (event->realized)
        add_line(feeder, event, line);
    fee.type = RF_JOURNAL_TRADE_FEE;
    fee.qty = fee.cost = -event->fee;
    if (event->fee)
        add_line(feeder, event, fee);
    feeder_cash_moved(feeder, event, event->account, isolated, event->realized - event->fee);
}

/* A position that left its owner without a trade: to the fund, against the other side, or at the
 * settlement price. */
static void feed_moved(rf_feeder *feeder, const rf_event *event)
{
    static const rf_journal_type types[] = {RF_JOURNAL_TRADING, RF_JOURNAL_INSURANCE_FUND,
                                            RF_JOURNAL_SOCIALIZED_LOSS, RF_JOURNAL_DELIST};
    static const rf_sub_type sub_types[] = {RF_SUB_NONE, RF_SUB_TAKEN_OVER, RF_SUB_DELEVERAGED,
                                            RF_SUB_SETTLEMENT_PRICE};
    if (event->account == 0) {
        add_insurance(feeder, event, RF_REASON_REALIZED_PNL, event->instrument, event->realized);
        return;
    }
    rf_row_ledger line =
        money_line(event->account, event->isolation_id, RF_JOURNAL_REALIZED_PNL, event->realized);
    line.sub_type = sub_types[event->code & 3];
    rf_row_ledger position = line;
    position.type = types[event->code & 3];
    position.currency = -1;
    position.instrument = event->instrument;
    position.qty = event->qty;
    position.cost =
        event->price ? event->qty * event->price * k_of(feeder, event->instrument) : -event->amount;
    position.realized = event->realized;
    add_line(feeder, event, position);
    if (event->realized)
        add_line(feeder, event, line);
    feeder_cash_moved(feeder, event, event->account, event->isolation_id != 0, event->realized);
}

static void feed_settled(rf_feeder *feeder, const rf_event *event)
{
    if (event->account == 0) {
        add_insurance(feeder, event, RF_REASON_SESSION_SETTLE, event->instrument, event->realized);
        return;
    }
    rf_row_ledger line =
        money_line(event->account, event->isolation_id, RF_JOURNAL_SESSION_SETTLE, event->realized);
    line.realized = event->realized;
    if (event->realized)
        add_line(feeder, event, line);
    feeder_cash_moved(feeder, event, event->account, event->isolation_id != 0, event->realized);
}

/* ---- The ledger's own events ----------------------------------------------------------------- */

/* What a line is called has one table, that of the messages to subscribers. */
void feeder_name_types(rf_feeder *feeder)
{
    const char *names = rf_params[RF_P_LEDGER_journal_type].values, *name;
    for (unsigned reason = 0; (name = rf_journal_type_name(reason)) != NULL; reason++) {
        RF_CHECK(reason < FEEDER_REASONS);
        feeder->types[reason] = (rf_journal_type)rf_choice(names, name);
    }
}

static void feed_side(rf_feeder *feeder, const rf_event *event, bool giver)
{
    feeder_user user;
    int64_t amount = giver ? -event->amount : event->amount;
    if (!feeder_user_of(event, giver, &user) || user.account == 0)
        return;
    rf_row_ledger line =
        money_line(user.account, user.isolation_id, feeder->types[event->reason], amount);
    line.currency = event->currency;
    line.cost = event->currency == 0 ? amount : 0;
    line.order_id = (int64_t)event->order_id;
    if (event->reason == RF_REASON_ISOLATED_TRANSFER)
        line.sub_type = RF_SUB_ISOLATED_MARGIN_TRANSFER;
    if (event->reason == RF_REASON_WITHDRAWAL && !giver)
        line.sub_type = RF_SUB_WITHDRAWAL_REJECTED;
    add_line(feeder, event, line);
    if (event->currency == 0)
        feeder_cash_moved(feeder, event, user.account, user.isolated, amount);
}

static void feed_deposit(rf_feeder *feeder, const rf_event *event)
{
    int64_t number = feeder_number(feeder);
    rf_row_transfer row = {.id = number,
                           .number = number,
                           .time_ns = event->time_ns,
                           .account = event->account,
                           .currency = event->currency,
                           .amount = event->amount,
                           .status = 1,
                           .update_time_ns = event->time_ns};
    feeder_add(feeder, RF_TABLE_transfer, &row);
}

static void feed_ledger(rf_feeder *feeder, const rf_event *event)
{
    feed_side(feeder, event, true);
    feed_side(feeder, event, false);
    if (event->currency != 0)
        return;
    int64_t in = event->slot_to == RF_SLOT_INSURANCE ? event->amount : 0;
    int64_t out = event->slot_from == RF_SLOT_INSURANCE ? event->amount : 0;
    add_insurance(feeder, event, (rf_reason)event->reason,
                  rf_ledger_is_of_position(event) ? event->instrument : -1, in - out);
}

/* Where it goes stands in the registry: the engine knows of money only. */
static void add_note(const rf_feeder *feeder, rf_row_transfer *row)
{
    const rf_withdrawal_note *note = rf_registry_note(feeder->world->registry, (uint64_t)row->id);
    if (!note)
        return;
    memcpy(row->address, note->address, sizeof row->address);
    memcpy(row->address_tag, note->tag, sizeof row->address_tag);
    memcpy(row->network, note->network, sizeof row->network);
    memcpy(row->client_wid, note->client_wid, sizeof row->client_wid);
    memcpy(row->txid, note->txid, sizeof row->txid);
}

/* The newest withdrawals are looked at again when the registry changes. */
static void remember_withdrawal(rf_feeder *feeder, const rf_row_transfer *row)
{
    uint64_t at = feeder->withdrawals_count;
    uint64_t oldest = at > FEEDER_WITHDRAWALS ? at - FEEDER_WITHDRAWALS : 0;
    while (at > oldest &&
           feeder->withdrawals[(at - 1) % FEEDER_WITHDRAWALS].id != (uint64_t)row->id)
        at--;
    if (at == oldest)
        at = ++feeder->withdrawals_count;
    feeder_withdrawal *kept = &feeder->withdrawals[(at - 1) % FEEDER_WITHDRAWALS];
    kept->id = (uint64_t)row->id;
    memcpy(kept->txid, row->txid, sizeof kept->txid);
}

static void put_withdrawal(rf_feeder *feeder, rf_row_transfer *row)
{
    add_note(feeder, row);
    remember_withdrawal(feeder, row);
    feeder_add(feeder, RF_TABLE_transfer, row);
}

static void feed_withdrawal(rf_feeder *feeder, const rf_event *event)
{
    bool decided = event->kind == RF_EVENT_WITHDRAWAL_DECIDED;
    rf_row_transfer row = {.kind = 1,
                           .id = (int64_t)event->id,
                           .number = feeder_number(feeder),
                           .time_ns = event->time_ns,
                           .account = event->account,
                           .currency = event->currency,
                           .amount = event->amount,
                           .status = !decided      ? RF_WITHDRAWAL_PENDING
                                     : event->code ? RF_WITHDRAWAL_COMPLETED
                                                   : RF_WITHDRAWAL_REJECTED,
                           .update_time_ns = event->time_ns};
    put_withdrawal(feeder, &row);
}

void feeder_notes_changed(rf_feeder *feeder)
{
    uint64_t count = feeder->withdrawals_count;
    for (uint64_t i = 0; i < count && i < FEEDER_WITHDRAWALS; i++) {
        const feeder_withdrawal *kept = &feeder->withdrawals[i];
        const rf_withdrawal_note *note = rf_registry_note(feeder->world->registry, kept->id);
        if (!note || strcmp(note->txid, kept->txid) == 0)
            continue;
        rf_row_transfer row = {.kind = 1,
                               .id = (int64_t)note->id,
                               .number = feeder_number(feeder),
                               .time_ns = note->create_time_ns,
                               .account = note->account,
                               .currency = note->currency,
                               .amount = note->amount,
                               .status = note->status,
                               .update_time_ns = note->update_time_ns};
        put_withdrawal(feeder, &row);
    }
}

static bool take_withdrawal(void *to, const void *row)
{
    remember_withdrawal(to, row);
    return true;
}

/* After a restart: those that the store has, the newest last. */
bool feeder_load_withdrawals(rf_feeder *feeder, rf_store *store, char error[256])
{
    rf_query query = {
        .table = RF_TABLE_transfer, .order = RF_C_transfer_number, .limit = FEEDER_WITHDRAWALS};
    rf_query_where(&query, RF_C_transfer_kind, RF_EQUAL, 1);
    if (!store->find(store, &query, take_withdrawal, feeder, error))
        return false;
    for (uint64_t i = 0, n = feeder->withdrawals_count; i < n / 2; i++) {
        feeder_withdrawal other = feeder->withdrawals[i];
        feeder->withdrawals[i] = feeder->withdrawals[n - 1 - i];
        feeder->withdrawals[n - 1 - i] = other;
    }
    return true;
}

void feeder_money_event(rf_feeder *feeder, const rf_event *event)
{
    if (event->kind == RF_EVENT_FILL)
        feed_fill(feeder, event);
    if (event->kind == RF_EVENT_POSITION_MOVED)
        feed_moved(feeder, event);
    if (event->kind == RF_EVENT_POSITION_SETTLED)
        feed_settled(feeder, event);
    if (event->kind == RF_EVENT_LEDGER)
        feed_ledger(feeder, event);
    if (event->kind == RF_EVENT_WITHDRAWAL_REQUESTED || event->kind == RF_EVENT_WITHDRAWAL_DECIDED)
        feed_withdrawal(feeder, event);
    if (event->kind == RF_EVENT_DEPOSITED)
        feed_deposit(feeder, event);
}
