/* Amending: as if cancelled, then entered anew with the same id, in one transaction of which only the net moves
 * (margin.md 4.5). The order keeps its place in the queue when only its quantity falls. */
#include "engine/admit.h"
#include "engine/book.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/entry.h"
#include "engine/isolate.h"
#include "engine/mark.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/trigger.h"
#include "engine/watch.h"

typedef struct rf_amendment {
    uint32_t order;
    rf_price price;
    rf_qty qty; /* total, with what is filled */
    rf_qty leaves;
    rf_price ref_price;
    const char *new_oid;
} rf_amendment;

static bool unchanged(const rf_engine *engine, const rf_amendment *amendment)
{
    const rf_order *order = &engine->orders[amendment->order];
    const rf_order_cold *cold = &engine->orders_cold[amendment->order];
    const bool same_trigger = order->state == RF_STATE_RESTING || amendment->ref_price == 0 ||
                              amendment->ref_price == cold->params.ref_price;
    return amendment->price == order->price && amendment->qty == cold->filled_qty + order->leaves &&
           same_trigger;
}

/* amendment->order is what the command names, or RF_NONE. */
static rf_error find(rf_engine *engine, const rf_command *command, rf_amendment *amendment)
{
    const uint32_t account = command->u.change.account;
    amendment->price = command->u.change.price;
    amendment->qty = command->u.change.qty;
    amendment->ref_price = command->u.change.ref_price;
    amendment->new_oid = command->u.change.new_client_oid;
    if (amendment->order != RF_NONE && command->u.change.triggers_only &&
        engine->orders[amendment->order].state == RF_STATE_RESTING)
        amendment->order = RF_NONE; /* the advanced methods know triggers only */
    if (amendment->order != RF_NONE && unchanged(engine, amendment))
        return RF_ERR_INVALID_REQUEST;
    if ((engine->accounts[account].flags & RF_ACCOUNT_SUSPENDED) != 0)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    if (amendment->order == RF_NONE)
        return RF_ERR_INVALID_ORDERID;
    const rf_order *order = &engine->orders[amendment->order];
    if (engine->instruments[order->instrument].state >= RF_STATE_CANCEL_ONLY)
        return RF_ERR_INSTRUMENT_NOT_TRADABLE;
    return RF_ERR_OK;
}

static rf_error check(const rf_engine *engine, rf_amendment *amendment)
{
    const rf_order *order = &engine->orders[amendment->order];
    const rf_order_cold *cold = &engine->orders_cold[amendment->order];
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    const bool resting = order->state == RF_STATE_RESTING;
    if (amendment->qty <= cold->filled_qty)
        return RF_ERR_INVALID_ORDERQTY;
    amendment->leaves = amendment->qty - cold->filled_qty;
    const rf_error size = rf_entry_check_size(instrument, amendment->leaves, amendment->price,
                                              amendment->ref_price != 0 ? amendment->ref_price
                                              : resting                 ? instrument->mark
                                                                        : cold->params.ref_price,
                                              false);
    if (size == RF_ERR_OK && resting && amendment->price == 0)
        return RF_ERR_INVALID_PRICE;
    if (size != RF_ERR_OK)
        return size;
    if (amendment->new_oid[0] != 0 && rf_order_oid_used(engine, order->account, amendment->new_oid))
        return RF_ERR_DUPLICATE_CLORDID;
    return RF_ERR_OK;
}

static void fill_entry(rf_engine *engine, const rf_amendment *amendment, rf_entry *entry)
{
    const rf_order *order = &engine->orders[amendment->order];
    const rf_position *position = &engine->positions[order->position];
    *entry = (rf_entry){0};
    entry->params = &engine->orders_cold[amendment->order].params;
    entry->instrument = &engine->instruments[order->instrument];
    entry->account = order->account;
    entry->position = order->position;
    entry->order = amendment->order;
    entry->isolated = rf_is_isolated(position);
    entry->reduce_only = (order->flags & RF_FLAG_REDUCE_ONLY) != 0;
    entry->side = order->side;
    entry->qty = amendment->leaves;
    entry->price = amendment->price;
    entry->given = -1;
    entry->old_price = order->price;
    entry->old_leaves = order->leaves;
}

/* The order is out of its own list here: what would come back if it had been cancelled. */
static rf_money money_back(rf_engine *engine, const rf_entry *entry)
{
    if (!entry->isolated)
        return 0;
    const rf_position *position = &engine->positions[entry->position];
    if (position->q == 0 && position->opening_count == 0)
        return position->wallet;
    return rf_min(engine->orders[entry->order].earmark,
                  rf_isolate_max_removable(engine, entry->position));
}

static void set_order(rf_engine *engine, const rf_entry *entry, rf_price price, rf_qty leaves)
{
    engine->orders[entry->order].price = price;
    engine->orders[entry->order].leaves = leaves;
    rf_own_insert(engine, entry->order);
}

/* The order has its new values. keeps: its place in the queue. */
static void emit_amended(rf_engine *engine, uint32_t handle, rf_price old_price, rf_qty old_leaves,
                         bool keeps)
{
    const rf_order *order = &engine->orders[handle];
    rf_event event = {.kind = RF_EVENT_ORDER_AMENDED,
                      .instrument = order->instrument,
                      .account = order->account,
                      .order_id = order->id,
                      .isolation_id = engine->orders_cold[handle].isolation_id,
                      .price = order->price,
                      .qty = old_leaves,
                      .leaves = order->leaves,
                      .value = old_price,
                      .code = keeps,
                      .flags = order->flags,
                      .side = order->side,
                      .type = order->type};
    rf_emit(engine, &event);
}

static bool keeps_place(rf_price price, rf_qty leaves, rf_price old_price, rf_qty old_leaves)
{
    return price == old_price && leaves < old_leaves;
}

/* Accepted: the book follows. The own list holds the new values already. */
static void carry_out(rf_engine *engine, const rf_amendment *amendment, rf_entry *entry,
                      rf_result *result)
{
    rf_order *order = &engine->orders[entry->order];
    rf_order_cold *cold = &engine->orders_cold[entry->order];
    const bool keeps = keeps_place(entry->price, entry->qty, entry->old_price, entry->old_leaves);
    if (keeps) {
        rf_book_reduce(engine, entry->order, entry->old_leaves - entry->qty);
    } else {
        order->price = entry->old_price; /* the book finds the level by it */
        order->leaves = entry->old_leaves;
        rf_book_remove(engine, entry->order);
        order->price = entry->price;
        order->leaves = entry->qty;
        order->state = RF_STATE_TRIAL;
    }
    cold->params.price = entry->price;
    cold->params.qty = amendment->qty;
    cold->update_time_ns = engine->now_ns;
    if (amendment->new_oid[0] != 0)
        rf_order_rename(engine, entry->order, amendment->new_oid);
    __builtin_memcpy(result->client_oid, cold->params.client_oid, sizeof result->client_oid);
    emit_amended(engine, entry->order, entry->old_price, entry->old_leaves, keeps);
    if (!keeps) {
        rf_entry_execute(engine, entry, result);
        return;
    }
    if (entry->amount - entry->give != 0)
        rf_isolate_transfer(engine, entry->position, entry->amount - entry->give);
    order->earmark = entry->amount;
    if (entry->isolated)
        rf_position_touch(engine, entry->position);
    result->filled_qty = cold->filled_qty;
    result->filled_value = cold->filled_value;
    result->status = RF_ORDER_ACTIVE;
}

/* Whether an amendment is of the common kind: a cross order, on an instrument and an account without
 * special limits, that rests before and after and breaks no rule of price and size. Anything else,
 * whatever is wrong with it, is the general path's. */
static bool is_quiet(const rf_engine *engine, const rf_order *order, const rf_command *command,
                     rf_qty leaves)
{
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    const rf_price price = command->u.change.price;
    const uint32_t special = (order->flags & (RF_FLAG_ISOLATED | RF_FLAG_REDUCE_ONLY)) |
                             command->u.change.triggers_only |
                             (uint8_t)command->u.change.new_client_oid[0] |
                             engine->accounts[order->account].flags;
    if (special != 0 || order->state != RF_STATE_RESTING || !rf_is_plain_instrument(instrument))
        return false;
    return (price != order->price || leaves != order->leaves) &&
           rf_is_plain_size(instrument, &engine->positions[order->position], leaves,
                            leaves - order->leaves, price) &&
           !rf_reaches(order->side, rf_book_best_price(instrument, rf_opposite(order->side)),
                       price);
}

/* The common case without the general path's bookkeeping, if the owner surely has the money. False:
 * nothing was done. Whatever it accepts the general path accepts too. */
static bool amend_quietly(rf_engine *engine, uint32_t handle, const rf_command *command,
                          rf_result *result)
{
    const rf_order *order = &engine->orders[handle];
    rf_order_cold *cold = &engine->orders_cold[handle];
    const rf_price old_price = order->price, price = command->u.change.price;
    const rf_qty old_leaves = order->leaves, qty = command->u.change.qty;
    if (qty <= cold->filled_qty || !is_quiet(engine, order, command, qty - cold->filled_qty))
        return false;
    const rf_qty leaves = qty - cold->filled_qty;
    const rf_money added = rf_own_reprice(engine, handle, price, leaves);
    if (!rf_cross_affords(engine, order, added, leaves - old_leaves)) {
        rf_own_reprice(engine, handle, old_price, old_leaves);
        return false;
    }
    rf_book_move(engine, handle, old_price, old_leaves);
    cold->params.price = price;
    cold->params.qty = qty;
    cold->update_time_ns = engine->now_ns;
    result->order_id = order->id;
    result->filled_qty = cold->filled_qty;
    result->filled_value = cold->filled_value;
    result->status = RF_ORDER_ACTIVE;
    __builtin_memcpy(result->client_oid, cold->params.client_oid, sizeof result->client_oid);
    emit_amended(engine, handle, old_price, old_leaves,
                 keeps_place(price, leaves, old_price, old_leaves));
    return true;
}

static rf_error amend_resting(rf_engine *engine, const rf_amendment *amendment, rf_result *result)
{
    rf_entry entry;
    fill_entry(engine, amendment, &entry);
    const rf_position *position = &engine->positions[entry.position];
    if (entry.isolated && (position->flags & RF_POSITION_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    rf_own_remove(engine, entry.order);
    entry.give = money_back(engine, &entry);
    rf_error code = rf_entry_check_market(engine, &entry);
    set_order(engine, &entry, entry.price, entry.qty);
    if (code == RF_ERR_OK)
        code = rf_entry_judge(engine, &entry, result);
    if (code == RF_ERR_OK) {
        carry_out(engine, amendment, &entry, result);
        return RF_ERR_OK;
    }
    rf_own_remove(engine, entry.order);
    set_order(engine, &entry, entry.old_price, entry.old_leaves);
    return code;
}

/* A trigger reserves nothing: its values change in place. A price of 0 makes it a market order, a price a limit. */
static rf_error amend_trigger(rf_engine *engine, const rf_amendment *amendment, rf_result *result)
{
    rf_order *order = &engine->orders[amendment->order];
    rf_order_cold *cold = &engine->orders_cold[amendment->order];
    rf_order_params changed = cold->params;
    const bool stop = changed.type == RF_STOP_LOSS || changed.type == RF_STOP_LIMIT;
    changed.price = amendment->price;
    changed.qty = amendment->qty;
    changed.type = amendment->price == 0 ? (stop ? RF_STOP_LOSS : RF_TAKE_PROFIT)
                                         : (stop ? RF_STOP_LIMIT : RF_TAKE_PROFIT_LIMIT);
    if (amendment->ref_price != 0)
        changed.ref_price = amendment->ref_price;
    if (changed.ref_price <= 0 ||
        changed.ref_price > engine->instruments[order->instrument].mark_max ||
        (order->state == RF_STATE_ARMED && rf_trigger_already(engine, &changed)))
        return RF_ERR_INVALID_REF_PRICE;
    const bool armed = order->state == RF_STATE_ARMED;
    if (armed)
        rf_trigger_disarm(engine, amendment->order);
    cold->params = changed;
    cold->update_time_ns = engine->now_ns;
    order->price = changed.price;
    order->leaves = amendment->leaves;
    order->type = changed.type;
    if (armed)
        rf_trigger_arm(engine, amendment->order);
    if (amendment->new_oid[0] != 0)
        rf_order_rename(engine, amendment->order, amendment->new_oid);
    __builtin_memcpy(result->client_oid, cold->params.client_oid, sizeof result->client_oid);
    result->status = RF_ORDER_PENDING;
    rf_close_emit(engine, amendment->order, RF_EVENT_ORDER_ARMED, RF_ERR_OK);
    return RF_ERR_OK;
}

rf_error rf_admit_amend(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const uint32_t account = command->u.change.account;
    if (account == RF_FUND || account >= engine->accounts_count)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    rf_amendment amendment;
    amendment.order =
        rf_order_find(engine, account, command->u.change.order_id, command->u.change.client_oid);
    if (amendment.order != RF_NONE && amend_quietly(engine, amendment.order, command, result))
        return RF_ERR_OK;
    rf_error code = find(engine, command, &amendment);
    if (code == RF_ERR_OK)
        code = check(engine, &amendment);
    if (code != RF_ERR_OK)
        return code;
    result->order_id = engine->orders[amendment.order].id;
    result->isolation_id = engine->orders_cold[amendment.order].isolation_id;
    if (engine->orders[amendment.order].state == RF_STATE_RESTING)
        return amend_resting(engine, &amendment, result);
    return amend_trigger(engine, &amendment, result);
}
