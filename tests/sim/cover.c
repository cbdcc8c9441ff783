/* What a run covered, as tables; and the rows that must not be empty. */
#include <stdio.h>

#include "tests/sim/sim.h"

/* ---- Names ------------------------------------------------------------------------------------------------ */

const char *const sim_command_names[RF_COMMAND_KINDS] = {
#define RF_COMMAND(name, fields, doc) #name,
#include "engine/command.def"
#undef RF_COMMAND
};

const char *const sim_event_names[RF_EVENT_KINDS] = {
#define RF_EVENT(name, doc) #name,
#include "engine/event.def"
#undef RF_EVENT
};

static const rf_error error_codes[] = {
#define RF_ERROR(name, code, http, when) RF_ERR_##name,
#include "engine/errors.def"
#undef RF_ERROR
};

static const char *const type_names[] = {"LIMIT",      "MARKET",      "STOP_LOSS",
                                         "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"};
static const char *const flag_names[] = {"POST_ONLY",     "SMART_POST_ONLY", "REDUCE_ONLY",
                                         "ISOLATED",      "LIQUIDATION",     "CLOSE",
                                         "OID_DEFAULTED", "NOTIONAL",        "PREVIEW"};

enum { ERRORS = sizeof error_codes / sizeof error_codes[0] };

static uint32_t row_of(const sim_run *sim, rf_error code)
{
    for (uint32_t i = 0; i < ERRORS; i++) {
        if (error_codes[i] == code)
            return i;
    }
    sim_fail(sim, "an answer carries %d, which errors.def does not know", (int)code);
}

/* ---- Counting --------------------------------------------------------------------------------------------- */

static void cover_order(sim_run *sim, const rf_order_params *order)
{
    sim->cover.order_types[order->type]++;
    sim->cover.order_isolated[(order->flags & RF_FLAG_ISOLATED) != 0 || order->isolation_id != 0]++;
    for (uint32_t bit = 0; bit < 9; bit++)
        sim->cover.order_flags[bit] += (order->flags >> bit) & 1u;
}

/* What the draw must know of what was listed under a spoiled configuration. */
static void learn_instrument(sim_run *sim, uint64_t number)
{
    rf_instrument_view view;
    if (number >= SIM_INSTRUMENTS || !rf_view_instrument(sim->engine, (uint32_t)number, &view))
        sim_fail(sim, "an instrument was created that is not there");
    sim->configs[number] = view.config;
    sim->indexes[number] = view.index;
    if (sim->bases_e8[number] == 0)
        sim->bases_e8[number] = 100 * SIM_E8;
}

void cover_command(sim_run *sim, const rf_command *command, const rf_result *result)
{
    const uint32_t row = row_of(sim, result->code);
    sim->cover.commands++;
    sim->cover.codes[row]++;
    if ((uint32_t)command->kind >= RF_COMMAND_KINDS) {
        if (result->code == RF_ERR_OK)
            sim_fail(sim, "a command of no kind was accepted");
        return;
    }
    if (result->code != RF_ERR_OK) {
        sim->cover.refused[command->kind]++;
        return;
    }
    sim->cover.accepted[command->kind]++;
    if (result->reason != RF_ERR_OK)
        sim->cover.reasons[row_of(sim, result->reason)]++;
    if (command->kind == RF_COMMAND_PLACE_ORDER) {
        cover_order(sim, &command->u.order);
        sim->cover.partly_filled += result->filled_qty > 0 && result->status == RF_ORDER_ACTIVE;
    } else if (command->kind == RF_COMMAND_CREATE_INSTRUMENT) {
        learn_instrument(sim, result->id);
    }
}

void cover_event(sim_run *sim, const rf_event *event)
{
    sim_cover *cover = &sim->cover;
    if (event->kind >= RF_EVENT_KINDS)
        sim_fail(sim, "an event of kind %u", event->kind);
    cover->events[event->kind]++;
    if (event->kind == RF_EVENT_ORDER_CLOSED)
        cover->reasons[row_of(sim, (rf_error)event->code)]++;
    cover->recovered += event->kind == RF_EVENT_LIQUIDATION_RECOVERED;
    cover->hours += event->kind == RF_EVENT_SESSION_SETTLED;
    if (event->kind != RF_EVENT_LIQUIDATION_ENDED)
        return;
    cover->closed_in_book += event->qty != 0;
    cover->taken_over += event->value != 0;
    cover->deleveraged += event->leaves != 0;
    if (event->isolation_id == 0)
        cover->cross_liquidations++;
    else
        cover->isolation_liquidations++;
}

/* ---- Printing --------------------------------------------------------------------------------------------- */

static void row(const char *name, uint64_t count)
{
    printf("  %-48s %12llu\n", name, (unsigned long long)count);
}

static void print_commands(const sim_cover *cover)
{
    printf("commands                                               accepted      refused\n");
    for (uint32_t i = 0; i < RF_COMMAND_KINDS; i++)
        printf("  %-48s %12llu %12llu\n", sim_command_names[i],
               (unsigned long long)cover->accepted[i], (unsigned long long)cover->refused[i]);
    printf("orders accepted\n");
    for (uint32_t i = 0; i < 6; i++)
        row(type_names[i], cover->order_types[i]);
    row("cross", cover->order_isolated[0]);
    row("isolated", cover->order_isolated[1]);
    for (uint32_t i = 0; i < 9; i++)
        row(flag_names[i], cover->order_flags[i]);
}

static void print_outcomes(const sim_run *sim)
{
    const sim_cover *cover = &sim->cover;
    printf("outcomes\n");
    row("partly filled, the rest rests", cover->partly_filled);
    row("flips", cover->flips);
    row("liquidations of isolations ended", cover->isolation_liquidations);
    row("liquidations of isolations watched for I4", sim->mirror.liquidations_watched);
    row("liquidations of cross accounts ended", cover->cross_liquidations);
    row("closed in the book", cover->closed_in_book);
    row("taken over by the fund", cover->taken_over);
    row("deleveraged", cover->deleveraged);
    row("recovered", cover->recovered);
    row("INSURANCE below zero, for a reason that I9 allows", sim->mirror.insurance_dips);
    row("instruments settled at an hour", cover->hours);
    row("ticks for pending work", cover->ticks_pending);
    row("snapshots loaded", cover->loads);
    row("damaged snapshots refused", cover->damages);
    row("forged snapshots tried", cover->forged);
}

void cover_print(const sim_run *sim)
{
    const sim_cover *cover = &sim->cover;
    print_commands(cover);
    printf("events\n");
    for (uint32_t i = 0; i < RF_EVENT_KINDS; i++)
        row(sim_event_names[i], cover->events[i]);
    printf("answers, and reasons of closed orders\n");
    for (uint32_t i = 0; i < ERRORS; i++) {
        if (cover->codes[i] != 0 || cover->reasons[i] != 0)
            printf("  %-48s %12llu %12llu\n", rf_error_name(error_codes[i]),
                   (unsigned long long)cover->codes[i], (unsigned long long)cover->reasons[i]);
    }
    print_outcomes(sim);
}

/* ---- What must have happened ------------------------------------------------------------------------------ */

static uint32_t missing(const char *what, const char *name, uint64_t count)
{
    if (count != 0)
        return 0;
    printf("never happened: %s %s\n", what, name);
    return 1;
}

/* Refusals that the engine itself can answer; the others belong to the layers in front of it. */
static const rf_error reachable[] = {
    RF_ERR_MISSING_OR_INVALID_ARGUMENT,
    RF_ERR_NOT_FOUND,
    RF_ERR_ACCOUNT_IS_SUSPENDED,
    RF_ERR_ACCOUNT_DOES_NOT_EXIST,
    RF_ERR_INVALID_CURRENCY,
    RF_ERR_INVALID_INSTRUMENT,
    RF_ERR_INSTRUMENT_NOT_TRADABLE,
    RF_ERR_MARKET_IS_NOT_OPEN,
    RF_ERR_INSTRUMENT_MUST_USE_ISOLATED_MARGIN,
    RF_ERR_UNSUPPORTED_OPERATION_ON_ISOLATED_POSITION,
    RF_ERR_INVALID_SIDE,
    RF_ERR_INVALID_ORDTYPE,
    RF_ERR_INVALID_TIF,
    RF_ERR_INVALID_EXECINST,
    RF_ERR_INVALID_REF_PRICE_TYPE,
    RF_ERR_INVALID_REF_PRICE,
    RF_ERR_INVALID_ORDERQTY,
    RF_ERR_INVALID_PRICE,
    RF_ERR_BELOW_MIN_ORDER_SIZE,
    RF_ERR_EXCEEDS_MAX_ORDER_SIZE,
    RF_ERR_DUPLICATE_CLORDID,
    RF_ERR_DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN,
    RF_ERR_EXCEEDS_ISOLATED_POSITION_LIMIT,
    RF_ERR_INVALID_ISOLATION_ID,
    RF_ERR_INVALID_LEVERAGE,
    RF_ERR_NO_ACTIVE_ORDER,
    RF_ERR_INVALID_ORDERID,
    RF_ERR_NO_POSITION,
    RF_ERR_NO_MARK_PRICE,
    RF_ERR_REDUCE_ONLY_REJECTED,
    RF_ERR_STALE_MARK_PRICE,
    RF_ERR_POST_ONLY_REJ,
    RF_ERR_ORDER_PRICE_GREATER_THAN_LIMITUPPRICE,
    RF_ERR_ORDER_PRICE_LESS_THAN_LIMITDOWNPRICE,
    RF_ERR_FAR_AWAY_LIMIT_PRICE,
    RF_ERR_REJ_BY_MATCHING_ENGINE,
    RF_ERR_EXCEED_ALLOWED_SLIPPAGE,
    RF_ERR_IMMEDIATE_OR_CANCEL,
    RF_ERR_FILL_OR_KILL,
    RF_ERR_EXCEEDS_MAX_POSITION_SIZE,
    RF_ERR_ACCOUNT_IS_IN_MARGIN_CALL,
    RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE,
    RF_ERR_ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION,
    RF_ERR_SELF_TRADE_PREVENTION,
    RF_ERR_ORDER_PRICE_BEYOND_LIQUIDATION_PRICE,
    RF_ERR_MAX_AMOUNT_VIOLATED,
    RF_ERR_METHOD_NOT_FOUND,
    RF_ERR_INVALID_REQUEST,
    RF_ERR_ACCOUNTS_DO_NOT_MATCH,
    RF_ERR_INSTRUMENT_EXPIRED,
    RF_ERR_INVALID_ORDSTATUS,
    RF_ERR_POSITION_NO_EXIST,
    RF_ERR_INVALID_POSITION_QTY,
    RF_ERR_ERR_INTERNAL,
    RF_ERR_EXCEEDS_MAX_ALLOWED_ORDERS,
};

static uint32_t missing_outcomes(const sim_run *sim)
{
    const sim_cover *cover = &sim->cover;
    uint32_t count = 0;
    count += missing("outcome", "flip", cover->flips);
    count += missing("outcome", "order partly filled, the rest rests", cover->partly_filled);
    count += missing("outcome", "liquidation of an isolation", sim->mirror.liquidations_watched);
    count += missing("outcome", "liquidation of a cross account", cover->cross_liquidations);
    count += missing("outcome", "liquidation closed in the book", cover->closed_in_book);
    count += missing("outcome", "takeover by the fund", cover->taken_over);
    count += missing("outcome", "deleveraging", cover->deleveraged);
    count += missing("outcome", "recovery", cover->recovered);
    count += missing("outcome", "hourly settlement", cover->hours);
    return count;
}

uint32_t cover_missing(const sim_run *sim)
{
    const sim_cover *cover = &sim->cover;
    uint32_t count = missing_outcomes(sim);
    for (uint32_t i = 0; i < RF_COMMAND_KINDS; i++)
        count += missing("command", sim_command_names[i], cover->accepted[i]);
    for (uint32_t i = 0; i < RF_EVENT_KINDS; i++)
        count += missing("event", sim_event_names[i], cover->events[i]);
    for (uint32_t i = 0; i < 6; i++)
        count += missing("order", type_names[i], cover->order_types[i]);
    for (uint32_t i = 0; i < sizeof reachable / sizeof reachable[0]; i++)
        count += missing("refusal", rf_error_name(reachable[i]),
                         cover->codes[row_of(sim, reachable[i])]);
    return count;
}
