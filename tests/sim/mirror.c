/* The venue as somebody sees it who has nothing but the events: balances, positions, open orders (I11). On the
 * way, what only events can tell: whom a liquidation touches (I4) and what takes INSURANCE below zero (I9). */
#include <string.h>

#include "tests/sim/sim.h"

/* ---- Where money stands ------------------------------------------------------------------------------ */

static mirror_position *position_of(sim_run *sim, uint32_t account, uint32_t instrument,
                                    bool isolated)
{
    if (account >= SIM_ACCOUNTS || instrument >= SIM_INSTRUMENTS)
        sim_fail(sim, "an event names account %u, instrument %u", account, instrument);
    return &sim->mirror.positions[account][instrument][isolated];
}

static mirror_position *owner_of(sim_run *sim, const rf_event *event)
{
    mirror_position *position =
        position_of(sim, event->account, event->instrument, event->isolation_id != 0);
    if (event->isolation_id != 0 &&
        (!position->exists || position->isolation_id != event->isolation_id))
        sim_fail(sim, "an event of kind %u names isolation %llu, which does not exist", event->kind,
                 (unsigned long long)event->isolation_id);
    return position;
}

/* Where profit, loss and fees of the event's owner go. */
static int64_t *cash_of(sim_run *sim, const rf_event *event)
{
    if (event->isolation_id != 0)
        return &owner_of(sim, event)->wallet;
    if (event->account == 0)
        return &sim->mirror.house[RF_SLOT_INSURANCE][0];
    return &sim->mirror.main[event->account][0];
}

static bool is_user(uint8_t slot)
{
    return slot == RF_SLOT_MAIN || slot == RF_SLOT_ISOLATED;
}

typedef struct slot_owner {
    uint32_t account;
    uint64_t isolation_id;
} slot_owner;

/* Between two users the receiver is the event's owner, the giver its peer and value. */
static slot_owner owner_of_slot(const rf_event *event, bool from)
{
    if (from && is_user(event->slot_to) && is_user(event->slot_from))
        return (slot_owner){event->peer, (uint64_t)event->value};
    return (slot_owner){event->account, event->isolation_id};
}

static int64_t *balance_of(sim_run *sim, const rf_event *event, bool from)
{
    const uint8_t slot = from ? event->slot_from : event->slot_to;
    const slot_owner owner = owner_of_slot(event, from);
    if (event->currency >= SIM_CURRENCIES || slot > RF_SLOT_CLEARING)
        sim_fail(sim, "a ledger event names slot %u, currency %u", slot, event->currency);
    if (slot == RF_SLOT_CLEARING)
        return &sim->mirror.clearing[event->instrument];
    if (slot == RF_SLOT_ISOLATED) {
        mirror_position *isolation = position_of(sim, owner.account, event->instrument, true);
        if (!isolation->exists || isolation->isolation_id != owner.isolation_id)
            sim_fail(sim, "money moves at isolation %llu of account %u, which does not exist",
                     (unsigned long long)owner.isolation_id, owner.account);
        return &isolation->wallet;
    }
    if (slot == RF_SLOT_MAIN)
        return &sim->mirror.main[owner.account][event->currency];
    return &sim->mirror.house[slot][event->currency];
}

/* I9: the fund's own result, funding, and what it pays for others may take it below zero; nothing else. */
static void watch_insurance(sim_run *sim, int64_t before, bool allowed)
{
    const int64_t after = sim->mirror.house[RF_SLOT_INSURANCE][0];
    if (after >= 0 || after >= before)
        return;
    if (!allowed)
        sim_fail(sim, "I9: INSURANCE went from %lld to %lld", (long long)before, (long long)after);
    sim->mirror.insurance_dips++;
}

/* ---- I4: whom the liquidation of an isolation touches ------------------------------------------------- */

static void start_victim(sim_run *sim, const rf_event *event)
{
    sim_mirror *mirror = &sim->mirror;
    if (mirror->liquidating)
        sim_fail(sim, "a liquidation starts inside another");
    if (event->isolation_id == 0)
        return;
    mirror->liquidating = true;
    mirror->victim = event->account;
    mirror->victim_isolation = event->isolation_id;
    mirror->victim_instrument = event->instrument;
    rf_instrument_view view;
    mirror->victim_returns = rf_view_instrument(sim->engine, event->instrument, &view) &&
                             view.config.residual == RF_RESIDUAL_RETURN;
    memcpy(mirror->victim_main, mirror->main[event->account], sizeof mirror->victim_main);
    for (uint32_t i = 0; i < SIM_INSTRUMENTS; i++)
        mirror->victim_wallets[i] = mirror->positions[event->account][i][1].wallet;
}

static void end_victim(sim_run *sim, const rf_event *event)
{
    sim_mirror *mirror = &sim->mirror;
    if (event->isolation_id == 0)
        return;
    if (!mirror->liquidating || event->isolation_id != mirror->victim_isolation)
        sim_fail(sim, "a liquidation ends that did not start");
    mirror->liquidating = false;
    mirror->liquidations_watched++;
    for (uint32_t currency = 0; currency < SIM_CURRENCIES; currency++) {
        const int64_t before = mirror->victim_main[currency],
                      after = mirror->main[mirror->victim][currency];
        if (after < before || (after > before && (!mirror->victim_returns || currency != 0)))
            sim_fail(sim, "I4: the main account of %u went from %lld to %lld", mirror->victim,
                     (long long)before, (long long)after);
    }
    for (uint32_t i = 0; i < SIM_INSTRUMENTS; i++) {
        if (i != mirror->victim_instrument &&
            mirror->positions[mirror->victim][i][1].wallet != mirror->victim_wallets[i])
            sim_fail(sim, "I4: another isolation of account %u was touched", mirror->victim);
    }
}

static bool is_victim(const sim_run *sim, uint32_t account, uint64_t isolation_id)
{
    return account == sim->mirror.victim && isolation_id == sim->mirror.victim_isolation;
}

static void watch_post(sim_run *sim, const rf_event *event)
{
    if (!sim->mirror.liquidating)
        return;
    for (uint32_t from = 0; from < 2; from++) {
        const uint8_t slot = from ? event->slot_from : event->slot_to;
        const slot_owner owner = owner_of_slot(event, from != 0);
        if (slot == RF_SLOT_WORLD || slot == RF_SLOT_WITHDRAWALS)
            sim_fail(sim, "I4: a liquidation posts to slot %u", slot);
        if (!is_user(slot) || owner.account != sim->mirror.victim ||
            (slot == RF_SLOT_ISOLATED && is_victim(sim, owner.account, owner.isolation_id)))
            continue;
        if (slot != RF_SLOT_MAIN || from || !sim->mirror.victim_returns)
            sim_fail(sim, "I4: the liquidation of isolation %llu posts to its own account",
                     (unsigned long long)sim->mirror.victim_isolation);
    }
}

static void watch_trade(sim_run *sim, const rf_event *event)
{
    if (sim->mirror.liquidating && event->account == sim->mirror.victim &&
        !is_victim(sim, event->account, event->isolation_id))
        sim_fail(sim, "I4: the liquidation of isolation %llu trades with its own account",
                 (unsigned long long)sim->mirror.victim_isolation);
}

/* ---- Orders -------------------------------------------------------------------------------------------- */

static mirror_order *find_order(sim_run *sim, uint64_t id)
{
    for (uint32_t i = 0, at = (uint32_t)(id % SIM_ORDERS); i < SIM_ORDERS;
         i++, at = (at + 1) % SIM_ORDERS) {
        if (sim->mirror.orders[at].id == id)
            return &sim->mirror.orders[at];
    }
    return NULL;
}

static mirror_order *order_of(sim_run *sim, const rf_event *event)
{
    mirror_order *order = find_order(sim, event->order_id);
    if (!order)
        sim_fail(sim, "an event of kind %u names order %llu, which is not open", event->kind,
                 (unsigned long long)event->order_id);
    if (order->account != event->account || order->instrument != event->instrument ||
        order->isolation_id != event->isolation_id || order->side != event->side)
        sim_fail(sim, "an event of kind %u names order %llu with another owner", event->kind,
                 (unsigned long long)event->order_id);
    return order;
}

static void remember_order(sim_run *sim, const rf_event *event)
{
    const uint32_t place = sim->orders_seen++ % SIM_KNOWN;
    sim->known_orders[place] = event->order_id;
    sim->known_order_owner[place] = event->account;
}

static mirror_order *make_order(sim_run *sim, const rf_event *event)
{
    uint32_t at = (uint32_t)(event->order_id % SIM_ORDERS);
    if (sim->mirror.orders_count >= SIM_ORDERS)
        sim_fail(sim, "more orders are open than the pool holds");
    while (sim->mirror.orders[at].id != 0)
        at = (at + 1) % SIM_ORDERS;
    sim->mirror.orders_count++;
    remember_order(sim, event);
    mirror_order *order = &sim->mirror.orders[at];
    *order = (mirror_order){.id = event->order_id,
                            .isolation_id = event->isolation_id,
                            .account = event->account,
                            .instrument = event->instrument,
                            .side = event->side};
    return order;
}

static void on_order(sim_run *sim, const rf_event *event)
{
    mirror_order *order = find_order(sim, event->order_id);
    if (!order)
        order = make_order(sim, event);
    order = order_of(sim, event);
    order->price = event->price;
    order->type = event->type;
    order->flags = event->flags;
    if (event->kind != RF_EVENT_ORDER_TRIGGERED)
        order->leaves = event->kind == RF_EVENT_ORDER_AMENDED ? event->leaves : event->qty;
    if (event->kind == RF_EVENT_ORDER_AMENDED)
        order->amended = sim->number;
    else
        order->rests = event->kind == RF_EVENT_ORDER_OPENED;
}

static void on_closed(sim_run *sim, const rf_event *event)
{
    mirror_order *order = order_of(sim, event);
    /* One that was amended across the book left it then, and says so by resting no more. */
    const bool left_before = order->rests && order->amended == sim->number && event->leaves == 0;
    if (!left_before && event->leaves != (order->rests ? order->leaves : 0))
        sim_fail(sim, "order %llu leaves the book with %lld, it had %lld",
                 (unsigned long long)order->id, (long long)event->leaves, (long long)order->leaves);
    order->id = 0;
    sim->mirror.orders_count--;
}

/* ---- Positions ------------------------------------------------------------------------------------------ */

static void count_flip(sim_run *sim, int64_t before, int64_t after)
{
    sim->cover.flips += (before > 0 && after < 0) || (before < 0 && after > 0);
}

/* Profit comes out of CLEARING, which stays the sum of costs with the other sign. */
static void realize(sim_run *sim, const rf_event *event)
{
    *cash_of(sim, event) += event->realized;
    sim->mirror.clearing[event->instrument] -= event->realized;
}

static void on_fill(sim_run *sim, const rf_event *event)
{
    mirror_order *order = order_of(sim, event);
    mirror_position *position = owner_of(sim, event);
    const int64_t before = position->q, insurance = sim->mirror.house[RF_SLOT_INSURANCE][0];
    watch_trade(sim, event);
    if (order->leaves - event->qty != event->leaves)
        sim_fail(sim, "order %llu had %lld, %lld of it traded, %lld are left",
                 (unsigned long long)order->id, (long long)order->leaves, (long long)event->qty,
                 (long long)event->leaves);
    order->leaves = event->leaves;
    position->q += event->side == RF_BUY ? event->qty : -event->qty;
    position->cost = event->amount;
    position->cost_user = event->value;
    realize(sim, event);
    *cash_of(sim, event) -= event->fee;
    sim->mirror.house[RF_SLOT_FEES][0] += event->fee;
    count_flip(sim, before, position->q);
    watch_insurance(sim, insurance, event->account == 0);
}

static void on_moved(sim_run *sim, const rf_event *event)
{
    mirror_position *giver = owner_of(sim, event);
    const int64_t insurance = sim->mirror.house[RF_SLOT_INSURANCE][0];
    watch_trade(sim, event);
    giver->q += event->qty;
    giver->cost -= event->amount;
    giver->cost_user = event->value;
    realize(sim, event);
    if (event->code == 1) {
        mirror_position *fund = position_of(sim, 0, event->instrument, false);
        fund->q -= event->qty;
        fund->cost += event->amount + event->realized;
        /* What cost is left at zero was realised: a ledger event says so. */
        if (fund->q == 0)
            fund->cost = 0;
    }
    watch_insurance(sim, insurance, event->account == 0);
}

static void on_settled(sim_run *sim, const rf_event *event)
{
    const int64_t insurance = sim->mirror.house[RF_SLOT_INSURANCE][0];
    owner_of(sim, event)->cost = event->amount;
    realize(sim, event);
    watch_insurance(sim, insurance, event->account == 0);
}

static void on_ledger(sim_run *sim, const rf_event *event)
{
    const int64_t insurance = sim->mirror.house[RF_SLOT_INSURANCE][0];
    if (event->amount <= 0)
        sim_fail(sim, "a ledger event moves %lld", (long long)event->amount);
    watch_post(sim, event);
    *balance_of(sim, event, true) -= event->amount;
    *balance_of(sim, event, false) += event->amount;
    watch_insurance(
        sim, insurance,
        event->reason == RF_REASON_UNCOVERED_LOSS || event->reason == RF_REASON_FUNDING ||
            event->reason == RF_REASON_REALIZED_PNL || event->reason == RF_REASON_SESSION_SETTLE);
}

static void on_isolation_opened(sim_run *sim, const rf_event *event)
{
    mirror_position *isolation = position_of(sim, event->account, event->instrument, true);
    if (isolation->exists)
        sim_fail(sim, "account %u has two isolations on instrument %u", event->account,
                 event->instrument);
    *isolation = (mirror_position){.isolation_id = event->isolation_id, .exists = true};
}

static void on_isolation_closed(sim_run *sim, const rf_event *event)
{
    mirror_position *isolation = owner_of(sim, event);
    if (isolation->q != 0 || isolation->wallet != 0 || isolation->cost != 0)
        sim_fail(sim, "isolation %llu ends with q %lld, W %lld, C %lld",
                 (unsigned long long)event->isolation_id, (long long)isolation->q,
                 (long long)isolation->wallet, (long long)isolation->cost);
    *isolation = (mirror_position){0};
}

void mirror_event(sim_run *sim, const rf_event *event)
{
    switch ((rf_event_kind)event->kind) {
    case RF_EVENT_INSTRUMENT_CREATED:
        sim->mirror.instruments++;
        break;
    case RF_EVENT_ACCOUNT_CREATED:
        sim->mirror.accounts = event->account + 1;
        break;
    case RF_EVENT_ORDER_PLACED:
    case RF_EVENT_ORDER_OPENED:
    case RF_EVENT_ORDER_ARMED:
    case RF_EVENT_ORDER_TRIGGERED:
    case RF_EVENT_ORDER_AMENDED:
        on_order(sim, event);
        break;
    case RF_EVENT_ORDER_CLOSED:
        on_closed(sim, event);
        break;
    case RF_EVENT_FILL:
        on_fill(sim, event);
        break;
    case RF_EVENT_POSITION_MOVED:
        on_moved(sim, event);
        break;
    case RF_EVENT_POSITION_SETTLED:
        on_settled(sim, event);
        break;
    case RF_EVENT_LEDGER:
        on_ledger(sim, event);
        break;
    case RF_EVENT_ISOLATION_OPENED:
        on_isolation_opened(sim, event);
        break;
    case RF_EVENT_ISOLATION_CLOSED:
        on_isolation_closed(sim, event);
        break;
    case RF_EVENT_LIQUIDATION_STARTED:
        start_victim(sim, event);
        break;
    case RF_EVENT_LIQUIDATION_RECOVERED:
    case RF_EVENT_LIQUIDATION_ENDED:
        end_victim(sim, event);
        break;
    case RF_EVENT_MARK_PRICE:
        sim->mirror.marks[event->instrument] = event->price;
        break;
    case RF_EVENT_LIST_CREATED:
        sim->known_lists[sim->lists_seen % SIM_KNOWN] = event->id;
        sim->known_list_owner[sim->lists_seen++ % SIM_KNOWN] = event->account;
        break;
    case RF_EVENT_WITHDRAWAL_REQUESTED:
        sim->known_withdrawals[sim->withdrawals_seen++ % SIM_KNOWN] = event->id;
        break;
    case RF_EVENT_CURRENCY_CREATED:
    case RF_EVENT_INSTRUMENT_CHANGED:
    case RF_EVENT_ACCOUNT_CHANGED:
    case RF_EVENT_LEVERAGE_CHANGED:
    case RF_EVENT_INDEX_PRICE:
    case RF_EVENT_FUNDING_SETTLED:
    case RF_EVENT_FUNDING_RATE:
    case RF_EVENT_SESSION_SETTLED:
    case RF_EVENT_LIST_ENDED:
    case RF_EVENT_WITHDRAWAL_DECIDED:
    case RF_EVENT_DEPOSITED:
    case RF_EVENT_SOCIALIZED_LOSS:
    case RF_EVENT_KINDS:
        break;
    }
}

/* ---- Comparing with the engine's views --------------------------------------------------------------------- */

static void same(const sim_run *sim, const char *what, uint32_t of, int64_t rebuilt, int64_t seen)
{
    if (rebuilt != seen)
        sim_fail(sim, "I11: %s of %u is %lld by the events, %lld by the engine", what, of,
                 (long long)rebuilt, (long long)seen);
}

static void compare_money(const sim_run *sim)
{
    rf_house_view house;
    rf_view_house(sim->engine, &house);
    for (uint32_t i = 0; i < SIM_CURRENCIES; i++) {
        same(sim, "WORLD", i, sim->mirror.house[RF_SLOT_WORLD][i], house.world[i]);
        same(sim, "FEES", i, sim->mirror.house[RF_SLOT_FEES][i], house.fees[i]);
        same(sim, "INSURANCE", i, sim->mirror.house[RF_SLOT_INSURANCE][i], house.insurance[i]);
        same(sim, "ROUNDING", i, sim->mirror.house[RF_SLOT_ROUNDING][i], house.rounding[i]);
        same(sim, "WITHDRAWALS", i, sim->mirror.house[RF_SLOT_WITHDRAWALS][i],
             house.withdrawals[i]);
    }
    for (uint32_t i = 0; i < rf_instruments_count(sim->engine); i++)
        same(sim, "CLEARING", i, sim->mirror.clearing[i], rf_view_clearing(sim->engine, i));
    for (uint32_t account = 1; account < rf_accounts_count(sim->engine); account++) {
        rf_account_view view;
        rf_view_account(sim->engine, account, &view);
        for (uint32_t i = 0; i < SIM_CURRENCIES; i++)
            same(sim, "cash", account, sim->mirror.main[account][i], view.cash[i]);
    }
}

static void compare_positions(const sim_run *sim, uint32_t account)
{
    rf_position_view views[2 * SIM_INSTRUMENTS];
    const size_t count = rf_view_positions(sim->engine, account, views, 2 * SIM_INSTRUMENTS);
    uint32_t seen = 0, open = 0;
    for (size_t i = 0; i < count; i++) {
        const rf_position_view *view = &views[i];
        const mirror_position *position =
            &sim->mirror.positions[account][view->instrument][view->isolated];
        same(sim, "q", account, position->q, view->qty);
        same(sim, "C", account, position->cost, view->cost);
        if (account != 0) /* the fund's own entry is nobody's business */
            same(sim, "C0", account, position->cost_user, view->cost_user);
        same(sim, "W", account, position->wallet, view->wallet);
        same(sim, "isolation id", account, (int64_t)position->isolation_id,
             (int64_t)view->isolation_id);
        if (i > 0 && (view->isolated < views[i - 1].isolated ||
                      (view->isolated == views[i - 1].isolated &&
                       view->instrument <= views[i - 1].instrument)))
            sim_fail(sim, "positions of account %u do not stand in order", account);
        seen += view->isolated || view->qty != 0;
    }
    for (uint32_t i = 0; i < SIM_INSTRUMENTS; i++) {
        open += sim->mirror.positions[account][i][0].q != 0;
        open += sim->mirror.positions[account][i][1].exists;
    }
    same(sim, "number of positions", account, open, seen);
}

static uint32_t compare_orders(sim_run *sim, uint32_t account)
{
    static rf_order_view views[SIM_ORDERS];
    const size_t count = rf_view_orders(sim->engine, account, -1, views, SIM_ORDERS);
    for (size_t i = 0; i < count; i++) {
        const rf_order_view *view = &views[i];
        const mirror_order *order = find_order(sim, view->order_id);
        if (!order || order->account != account)
            sim_fail(sim, "I11: order %llu is open, no event said so",
                     (unsigned long long)view->order_id);
        same(sim, "price of an order", account, order->price, view->params.price);
        same(sim, "rest of an order", account, order->leaves, view->leaves);
        same(sim, "side of an order", account, order->side, view->params.side);
        same(sim, "isolation of an order", account, (int64_t)order->isolation_id,
             (int64_t)view->isolation_id);
        same(sim, "state of an order", account, order->rests, view->status == RF_ORDER_ACTIVE);
        if (i > 0 && view->order_id <= views[i - 1].order_id)
            sim_fail(sim, "orders of account %u do not stand by id", account);
    }
    return (uint32_t)count;
}

static void compare_book(const sim_run *sim, uint32_t instrument, rf_side side)
{
    rf_level levels[SIM_ORDERS];
    const size_t count = rf_view_book(sim->engine, instrument, side, levels, SIM_ORDERS);
    int64_t total = 0, shown = 0;
    for (uint32_t i = 0; i < SIM_ORDERS; i++) {
        const mirror_order *order = &sim->mirror.orders[i];
        if (order->id == 0 || !order->rests || order->instrument != instrument ||
            order->side != side)
            continue;
        total += order->leaves;
        for (size_t j = 0; j < count; j++) {
            if (levels[j].price == order->price) {
                levels[j].qty -= order->leaves;
                levels[j].orders--;
            }
        }
    }
    for (size_t j = 0; j < count; j++) {
        same(sim, "what is too much at a level", instrument, 0, levels[j].qty);
        same(sim, "orders too many at a level", instrument, 0, levels[j].orders);
        if (j > 0 && (side == RF_BUY) != (levels[j].price < levels[j - 1].price))
            sim_fail(sim, "the book of instrument %u does not stand best first", instrument);
    }
    rf_view_book(sim->engine, instrument, side, levels, SIM_ORDERS);
    for (size_t j = 0; j < count; j++)
        shown += levels[j].qty;
    same(sim, "quantity in the book", instrument, total, shown);
}

void mirror_compare(const sim_run *state)
{
    sim_run *sim = (struct sim_run *)state; /* looking an order up changes nothing */
    uint32_t orders = 0;
    compare_money(sim);
    for (uint32_t account = 0; account < rf_accounts_count(sim->engine); account++) {
        compare_positions(sim, account);
        orders += compare_orders(sim, account);
    }
    same(sim, "number of open orders", 0, sim->mirror.orders_count, orders);
    for (uint32_t i = 0; i < rf_instruments_count(sim->engine); i++) {
        compare_book(sim, i, RF_BUY);
        compare_book(sim, i, RF_SELL);
    }
}
