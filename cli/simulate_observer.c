/* Rebuilds every user's money from the events alone, and counts what happened to whom. */
#include "cli/simulate.h"

#include "base/arith.h"

static rf_simulate_user *user_of(rf_simulate_world *world, uint32_t account)
{
    const bool is_user = account >= world->first_user && world->first_user > 0;
    return is_user ? &world->users[account - world->first_user] : NULL;
}

/* ---- Money ----------------------------------------------------------------------------------------------------- */

static void credit_main(rf_simulate_world *world, uint32_t account, int64_t amount)
{
    world->mains[account] = rf_add(world->mains[account], amount);
    world->users_total += amount;
    if (account == world->liquidating)
        world->touched_now = true;
}

static void credit_isolated(rf_simulate_world *world, uint32_t account, int64_t amount)
{
    rf_simulate_user *user = user_of(world, account);
    RF_CHECK(user != NULL);
    user->isolated = rf_add(user->isolated, amount);
    world->users_total += amount;
}

/* The cash of a position: W, or the main account. The fund's is a house slot, which the engine is asked for. */
static void credit_owner(rf_simulate_world *world, const rf_event *event, int64_t amount)
{
    if (event->isolation_id != 0)
        credit_isolated(world, event->account, amount);
    else if (event->account != 0)
        credit_main(world, event->account, amount);
}

static void credit_slot(rf_simulate_world *world, const rf_event *event, uint8_t slot,
                        int64_t amount)
{
    if (slot == RF_SLOT_MAIN)
        credit_main(world, event->account, amount);
    else if (slot == RF_SLOT_ISOLATED)
        credit_isolated(world, event->account, amount);
}

/* Both sides of a move between a main account and its isolation belong to the same account. */
static void see_ledger(rf_simulate_world *world, const rf_event *event)
{
    rf_simulate_result *result = world->result;
    rf_simulate_user *user = user_of(world, event->account);
    credit_slot(world, event, event->slot_from, -event->amount);
    credit_slot(world, event, event->slot_to, event->amount);
    if (event->reason == RF_REASON_ISOLATED_TRANSFER && event->slot_from == RF_SLOT_MAIN) {
        user->put_in = rf_add(user->put_in, event->amount);
        result->rows[user->row].put_in = rf_add(result->rows[user->row].put_in, event->amount);
    } else if (event->reason == RF_REASON_ISOLATED_TRANSFER && event->slot_to == RF_SLOT_MAIN) {
        user->back = rf_add(user->back, event->amount);
    } else if (event->reason == RF_REASON_UNCOVERED_LOSS) {
        result->uncovered = rf_add(result->uncovered, event->amount);
    } else if (event->reason == RF_REASON_SOCIALIZED_LOSS) {
        result->socialized = rf_add(result->socialized, event->amount);
    }
}

/* ---- Liquidations -------------------------------------------------------------------------------------------------- */

static void see_started(rf_simulate_world *world, const rf_event *event)
{
    if (event->isolation_id == 0) {
        world->moment->crosses++;
        world->cross = event->account;
        world->cross_moved = 0;
        return;
    }
    world->liquidating = event->account;
    world->touched_now = false;
    world->result->largest_shortfall = rf_max(world->result->largest_shortfall, -event->amount);
}

static void stop_watching(rf_simulate_world *world)
{
    world->result->main_touched += world->touched_now;
    world->touched_now = false;
    world->liquidating = 0;
}

static void count_outcome(rf_simulate_outcomes *outcomes, bool deleveraged, bool taken_over)
{
    if (deleveraged)
        outcomes->deleveraged++;
    else if (taken_over)
        outcomes->taken_over++;
    else
        outcomes->closed_in_book++;
}

static void see_isolation_ended(rf_simulate_world *world, const rf_event *event)
{
    rf_simulate_result *result = world->result;
    rf_simulate_user *user = user_of(world, event->account);
    rf_simulate_row *row = &result->rows[user->row];
    rf_simulate_outcomes *const all[] = {&row->outcomes, &result->isolated,
                                         &world->moment->isolations};
    stop_watching(world);
    user->liquidated = true;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        count_outcome(all[i], event->leaves > 0, event->value > 0);
    row->first_ms = row->first_ms ? row->first_ms : world->moment->time_ms;
    row->last_ms = world->moment->time_ms;
}

/* The event of a cross account tells of its last slice only; the moves of its position tell of all of them. */
static void see_ended(rf_simulate_world *world, const rf_event *event)
{
    if (event->isolation_id != 0)
        see_isolation_ended(world, event);
    else
        count_outcome(&world->result->cross, world->cross_moved & 2, world->cross_moved & 1);
}

static void see_recovered(rf_simulate_world *world, const rf_event *event)
{
    rf_simulate_result *result = world->result;
    if (event->isolation_id == 0) {
        result->cross.recovered++;
        return;
    }
    stop_watching(world);
    result->rows[user_of(world, event->account)->row].outcomes.recovered++;
    result->isolated.recovered++;
    world->moment->isolations.recovered++;
}

/* A position that went to the fund, or was closed by deleveraging: first the liquidated one, then who profits from the
 * other side. Each exchange is counted once. */
static void see_moved(rf_simulate_world *world, const rf_event *event)
{
    credit_owner(world, event, event->realized);
    if (event->account == world->cross && event->isolation_id == 0)
        world->cross_moved |= event->code;
    if (event->code != 2)
        return;
    world->second_of_pair = !world->second_of_pair;
    world->result->counterparties += !world->second_of_pair;
}

static void see(void *context, const rf_event *event)
{
    rf_simulate_world *world = context;
    world->result->events++;
    switch ((rf_event_kind)event->kind) {
    case RF_EVENT_LEDGER:
        see_ledger(world, event);
        return;
    case RF_EVENT_FILL:
        credit_owner(world, event, event->realized - event->fee);
        return;
    case RF_EVENT_POSITION_SETTLED:
        credit_owner(world, event, event->realized);
        return;
    case RF_EVENT_POSITION_MOVED:
        see_moved(world, event);
        return;
    case RF_EVENT_LIQUIDATION_STARTED:
        see_started(world, event);
        return;
    case RF_EVENT_LIQUIDATION_ENDED:
        see_ended(world, event);
        return;
    case RF_EVENT_LIQUIDATION_RECOVERED:
        see_recovered(world, event);
        return;
    case RF_EVENT_CURRENCY_CREATED:
    case RF_EVENT_INSTRUMENT_CREATED:
    case RF_EVENT_INSTRUMENT_CHANGED:
    case RF_EVENT_ACCOUNT_CREATED:
    case RF_EVENT_ACCOUNT_CHANGED:
    case RF_EVENT_ORDER_OPENED:
    case RF_EVENT_ORDER_ARMED:
    case RF_EVENT_ORDER_TRIGGERED:
    case RF_EVENT_ORDER_AMENDED:
    case RF_EVENT_ORDER_CLOSED:
    case RF_EVENT_ORDER_PLACED:
    case RF_EVENT_ISOLATION_OPENED:
    case RF_EVENT_ISOLATION_CLOSED:
    case RF_EVENT_LEVERAGE_CHANGED:
    case RF_EVENT_MARK_PRICE:
    case RF_EVENT_INDEX_PRICE:
    case RF_EVENT_FUNDING_SETTLED:
    case RF_EVENT_FUNDING_RATE:
    case RF_EVENT_SESSION_SETTLED:
    case RF_EVENT_LIST_CREATED:
    case RF_EVENT_LIST_ENDED:
    case RF_EVENT_WITHDRAWAL_REQUESTED:
    case RF_EVENT_WITHDRAWAL_DECIDED:
    case RF_EVENT_DEPOSITED:
    case RF_EVENT_SOCIALIZED_LOSS:
    case RF_EVENT_KINDS:
        return;
    }
}

rf_sink rf_simulate_observer(rf_simulate_world *world)
{
    return (rf_sink){see, world};
}
