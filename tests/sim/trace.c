/* Prints commands, answers and events for whoever looks for the cause of a failure. */
#include <stdio.h>

#include "tests/sim/sim.h"

static void trace_order(const rf_order_params *order)
{
    printf(
        "   order account %u instrument %u side %u type %u tif %u flags %x price %lld qty %lld ref "
        "%lld/%u "
        "leverage %u isolation %llu margin %lld notional %lld stp %u/%u/%u attach %llu,%u,%llu\n",
        order->account, order->instrument, order->side, order->type, order->time_in_force,
        order->flags, (long long)order->price, (long long)order->qty, (long long)order->ref_price,
        order->ref_price_type, order->leverage, (unsigned long long)order->isolation_id,
        (long long)order->isolated_margin, (long long)order->notional, order->stp, order->stp_scope,
        order->stp_id, (unsigned long long)order->attach_order_id, order->attach_position,
        (unsigned long long)order->attach_isolation_id);
}

void trace_command(const sim_run *sim, const rf_command *command)
{
    const char *name =
        (uint32_t)command->kind < RF_COMMAND_KINDS ? sim_command_names[command->kind] : "?";
    printf("%llu %s at %lld\n", (unsigned long long)sim->number, name, (long long)command->time_ns);
    if (command->kind == RF_COMMAND_PLACE_ORDER)
        trace_order(&command->u.order);
    if (command->kind == RF_COMMAND_PLACE_LIST) {
        printf("   list of %u, contingency %u, linked %u\n", command->u.list.legs_count,
               command->u.list.contingency, command->u.list.linked);
        for (uint32_t i = 0; i < command->u.list.legs_count && i < RF_LIST_LEGS_MAX; i++)
            trace_order(&command->u.list.legs[i]);
    }
    if (command->kind == RF_COMMAND_AMEND_ORDER || command->kind == RF_COMMAND_CANCEL_ORDER ||
        command->kind == RF_COMMAND_CANCEL_ORDERS)
        printf("   account %u all %u order %llu price %lld qty %lld ref %lld instrument %d mode %d "
               "isolation %llu\n",
               command->u.change.account, command->u.change.all,
               (unsigned long long)command->u.change.order_id, (long long)command->u.change.price,
               (long long)command->u.change.qty, (long long)command->u.change.ref_price,
               command->u.change.instrument, command->u.change.mode,
               (unsigned long long)command->u.change.isolation_id);
    if (command->kind == RF_COMMAND_SET_MARK_PRICE ||
        command->kind == RF_COMMAND_SET_INSTRUMENT_STATE)
        printf("   instrument %u price %lld state %u\n", command->u.instrument.instrument,
               (long long)command->u.instrument.price, command->u.instrument.state);
}

void trace_result(const rf_result *result)
{
    printf(
        "   -> %s (%d) reason %d order %llu isolation %llu status %u filled %lld required %lld\n",
        rf_error_name(result->code), (int)result->code, (int)result->reason,
        (unsigned long long)result->order_id, (unsigned long long)result->isolation_id,
        (unsigned)result->status, (long long)result->filled_qty,
        (long long)result->required_margin);
}

void trace_event(const rf_event *event)
{
    printf("   * %s instrument %u account %u order %llu isolation %llu price %lld qty %lld amount "
           "%lld fee %lld "
           "realized %lld leaves %lld id %llu value %lld code %u flags %x side %u type %u slots "
           "%u>%u currency %u "
           "reason %u peer %u\n",
           event->kind < RF_EVENT_KINDS ? sim_event_names[event->kind] : "?", event->instrument,
           event->account, (unsigned long long)event->order_id,
           (unsigned long long)event->isolation_id, (long long)event->price, (long long)event->qty,
           (long long)event->amount, (long long)event->fee, (long long)event->realized,
           (long long)event->leaves, (unsigned long long)event->id, (long long)event->value,
           event->code, event->flags, event->side, event->type, event->slot_from, event->slot_to,
           event->currency, event->reason, event->peer);
}
