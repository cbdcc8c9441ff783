/* Views of an account: its money, its positions and isolations, its orders. */
#include "engine/view.h"

#include "engine/cross.h"
#include "engine/ledger.h"
#include "engine/list.h"
#include "engine/name.h"
#include "engine/order.h"
#include "engine/position.h"
#include "engine/sort.h"

static void settings_of(const rf_engine *engine, const rf_account *account, rf_account_view *view)
{
    rf_name_copy(view->label, account->label);
    view->master = account->master;
    view->suspended = (account->flags & RF_ACCOUNT_SUSPENDED) != 0;
    view->is_liquidating = (account->flags & RF_ACCOUNT_LIQUIDATING) != 0;
    view->own_fees = (account->flags & RF_ACCOUNT_OWN_FEES) != 0;
    view->leverage = account->leverage;
    view->stp = (rf_stp)account->stp;
    view->stp_scope = (rf_stp_scope)account->stp_scope;
    view->stp_id = account->stp_id;
    view->maker_fee_rate = account->maker_rate;
    view->taker_fee_rate = account->taker_rate;
    view->session_realized = rf_session_realized(engine, account);
    view->reserved = account->withdrawing;
    view->orders = account->orders_count;
    view->create_time_ns = account->create_time_ns;
}

static void cross_of(const rf_engine *engine, uint32_t account, rf_account_view *view)
{
    rf_cross cross;
    rf_cross_assess(engine, account, &cross);
    view->available = cross.available;
    view->margin_balance = cross.margin_balance;
    view->initial_margin = cross.initial_margin;
    view->position_im = cross.position_im;
    view->haircut = cross.haircut;
    view->maintenance_margin = cross.maintenance_margin;
    view->fee_reserve = cross.fee_reserve;
    view->collateral = cross.collateral;
    view->unrealized = cross.unrealized;
}

/* What counts of the orders of one cross position: the uncovered ones of the side that binds. */
static void add_cross_position(const rf_engine *engine, const rf_position *position,
                               rf_account_view *view)
{
    const rf_instrument *instrument = &engine->instruments[position->instrument];
    view->positions += position->q != 0;
    if (instrument->mark == 0)
        return;
    rf_assessment assessment;
    rf_exposure exposure;
    rf_position_assess(engine, position, &assessment);
    rf_position_exposure(engine, position, assessment.binding_side, instrument->mark, &exposure);
    const rf_money value = rf_notional(instrument->k, rf_size(position->q), instrument->mark);
    view->position_value = rf_saturate((rf_wide)view->position_value + value);
    view->order_value = rf_saturate((rf_wide)view->order_value + exposure.orders);
}

bool rf_view_account(const rf_engine *engine, uint32_t account, rf_account_view *view)
{
    if (account >= engine->accounts_count)
        return false;
    *view = (rf_account_view){.account = account};
    settings_of(engine, &engine->accounts[account], view);
    for (uint32_t currency = 0; currency < engine->currencies_count; currency++)
        view->cash[currency] = *rf_main(engine, account, currency);
    cross_of(engine, account, view);
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t *positions = engine->seats[seat].position;
        if (positions[0] != RF_NONE)
            add_cross_position(engine, &engine->positions[positions[0]], view);
        if (positions[1] != RF_NONE) {
            view->isolations++;
            view->isolated_cash =
                rf_saturate((rf_wide)view->isolated_cash + engine->positions[positions[1]].wallet);
        }
    }
    return true;
}

int64_t rf_withdrawable(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    if (account >= engine->accounts_count || currency >= engine->currencies_count)
        return 0;
    return rf_cross_withdrawable(engine, account, currency);
}

/* The account's seat with the smallest instrument not below this one; NULL. */
static const rf_seat *seat_from(const rf_engine *engine, uint32_t account, uint32_t instrument)
{
    const rf_seat *found = NULL;
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const rf_seat *seat = &engine->seats[i];
        if (seat->instrument >= instrument && (!found || seat->instrument < found->instrument))
            found = seat;
    }
    return found;
}

size_t rf_view_positions(const rf_engine *engine, uint32_t account, rf_position_view *views,
                         size_t max)
{
    if (account >= engine->accounts_count)
        return 0;
    size_t count = 0;
    for (uint32_t isolated = 0; isolated < 2; isolated++) {
        for (const rf_seat *seat = seat_from(engine, account, 0); seat;
             seat = seat_from(engine, account, seat->instrument + 1u)) {
            if (seat->position[isolated] == RF_NONE)
                continue;
            if (count < max)
                rf_view_fill_position(engine, seat->position[isolated], &views[count]);
            count++;
        }
    }
    return count;
}

/* ---- Orders --------------------------------------------------------------------------------------- */

void rf_view_fill_order(const rf_order *order, const rf_order_cold *cold, rf_order_view *view)
{
    *view = (rf_order_view){
        .params = cold->params,
        .order_id = order->id,
        .isolation_id = cold->isolation_id,
        .list_id = cold->list_id,
        .contingency = (rf_contingency)cold->contingency,
        .leg = cold->leg,
        .status = (rf_order_status)cold->status,
        .reason = (rf_error)cold->reason,
        .leaves = order->leaves,
        .filled_qty = cold->filled_qty,
        .filled_value = cold->filled_value,
        .fee = cold->fee,
        .maker_fee_rate = cold->maker_rate,
        .taker_fee_rate = cold->taker_rate,
        .earmark = order->earmark,
        .create_time_ns = cold->create_time_ns,
        .update_time_ns = cold->update_time_ns,
        .triggered = cold->triggered != 0,
    };
}

rf_contingency rf_view_list(const rf_engine *engine, uint32_t account, uint64_t list_id)
{
    const uint32_t list = rf_list_find(engine, account, list_id);
    return list == RF_NONE ? RF_LIST_NONE : (rf_contingency)engine->lists[list].contingency;
}

static size_t collect(const rf_engine *engine, uint32_t first, size_t count)
{
    for (uint32_t order = first; order != RF_NONE; order = engine->orders[order].own_next)
        engine->scratch[count++] = order;
    return count;
}

size_t rf_view_orders(const rf_engine *engine, uint32_t account, int instrument,
                      rf_order_view *views, size_t max)
{
    if (account >= engine->accounts_count)
        return 0;
    size_t count = 0;
    for (uint32_t i = engine->accounts[account].seats; i != RF_NONE;
         i = engine->seats[i].account_next) {
        const rf_seat *seat = &engine->seats[i];
        if (instrument >= 0 && seat->instrument != (uint32_t)instrument)
            continue;
        for (uint32_t isolated = 0; isolated < 2; isolated++) {
            if (seat->position[isolated] == RF_NONE)
                continue;
            const rf_position *position = &engine->positions[seat->position[isolated]];
            count = collect(engine, position->orders[RF_BUY], count);
            count = collect(engine, position->orders[RF_SELL], count);
            count = collect(engine, position->triggers, count);
        }
    }
    rf_sort_handles((rf_sort_pool){engine->orders, sizeof *engine->orders}, engine->scratch, count);
    for (size_t i = 0; i < count && i < max; i++) {
        const uint32_t order = engine->scratch[i];
        rf_view_fill_order(&engine->orders[order], &engine->orders_cold[order], &views[i]);
    }
    return count;
}

bool rf_view_order(const rf_engine *engine, uint32_t account, uint64_t order_id,
                   const char *client_oid, rf_order_view *view)
{
    if (account >= engine->accounts_count)
        return false;
    const uint32_t order = rf_order_find(engine, account, order_id, client_oid);
    if (order != RF_NONE) {
        rf_view_fill_order(&engine->orders[order], &engine->orders_cold[order], view);
        return true;
    }
    const rf_recent *recent = rf_order_find_recent(engine, account, order_id, client_oid);
    if (!recent)
        return false;
    rf_view_fill_order(&recent->hot, &recent->cold, view);
    view->leaves = 0;
    return true;
}
