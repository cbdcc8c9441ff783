/* Asking for cache lines ahead of need. A pointer can be followed only when the line that holds it has come,
 * so a command is looked at in stages while those before it are applied: each stage reads what the stage before
 * asked for, and asks for what that points to. A few lines at a time, and only those that this kind of command
 * touches: of what is asked for at once a processor drops what it has no room for, and what waits long is gone from
 * the first cache before it is used.
 * Reads only what is safe to read at any time: a wrong guess costs a line, never an answer. */
#include "engine/prefetch.h"

#include "engine/book.h"
#include "engine/map.h"
#include "engine/order.h"

enum {
    STAGE = 4, /* commands between two stages: some hundred nanoseconds, a line is there by then */
    RECORDS_AHEAD = 8 /* so many records that were never used, or not for long, are kept at hand */
};

static void fetch_all(const void *address, size_t size)
{
    for (size_t at = 0; at < size; at += 64)
        rf_fetch((const char *)address + at);
}

/* What a fill may change beside the position itself: where its keys stand. */
static void fetch_keys(const rf_engine *engine, uint32_t position)
{
    rf_fetch(&engine->nodes[RF_DOWN][position]);
    rf_fetch(&engine->nodes[RF_UP][position]);
}

static void fetch_position(const rf_engine *engine, uint32_t position)
{
    fetch_all(&engine->positions[position], sizeof *engine->positions);
}

static void fetch_order(const rf_engine *engine, uint32_t order)
{
    rf_fetch(&engine->orders[order]);
    fetch_all(&engine->orders_cold[order], sizeof *engine->orders_cold);
}

void rf_prefetch_maker(const rf_engine *engine, const rf_order *maker)
{
    fetch_position(engine, maker->position);
    fetch_keys(engine, maker->position);
    rf_fetch(&engine->accounts[maker->account]);
    fetch_all(&engine->orders_cold[maker - engine->orders], sizeof *engine->orders_cold);
    rf_order_fetch_slot(engine, maker->id);
}

void rf_prefetch_keys(const rf_engine *engine, uint32_t position)
{
    for (uint32_t direction = RF_DOWN; direction <= RF_UP; direction++) {
        const rf_watch_node *nodes = engine->nodes[direction];
        rf_fetch(&nodes[nodes[position].prev]);
        rf_fetch(&nodes[nodes[position].next]);
    }
}

void rf_prefetch_position(const rf_engine *engine, uint32_t position)
{
    fetch_position(engine, position);
    fetch_all(&engine->positions_cold[position], sizeof *engine->positions_cold);
    rf_fetch(&engine->nodes[RF_DOWN][position]);
    rf_fetch(&engine->nodes[RF_UP][position]);
}

void rf_prefetch_end(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const rf_map *map = &engine->isolation_ids;
    rf_fetch(&engine->positions[record->instrument_prev].instrument_next);
    rf_fetch(&engine->positions[record->instrument_next].instrument_prev);
    rf_fetch(&engine->seats[engine->positions_cold[position].seat]);
    rf_fetch(&engine->accounts[record->account].flags);
    rf_fetch(&engine->accounts[record->account].isolations_count);
    rf_fetch(&map->slots[rf_map_home_of_id(record->id) & map->mask]);
    rf_prefetch_keys(engine, position);
}

void rf_prefetch_recents(const rf_engine *engine)
{
    fetch_all(rf_recent_at(engine, engine->recents_count + RECORDS_AHEAD), sizeof(rf_recent));
    rf_order_fetch_slot(engine,
                        rf_recent_at(engine, engine->recents_count + RECORDS_AHEAD / 2)->hot.id);
}

/* ---- Stages ---------------------------------------------------------------------------------- */

static bool is_change(const rf_command *command)
{
    return command->kind == RF_COMMAND_AMEND_ORDER || command->kind == RF_COMMAND_CANCEL_ORDER;
}

static bool is_order(const rf_engine *engine, const rf_command *command)
{
    return command->kind == RF_COMMAND_PLACE_ORDER &&
           command->u.order.account < engine->accounts_count &&
           command->u.order.instrument < engine->instruments_count;
}

/* Of an order that will trade: who it will most likely trade with, one further down the queue at each stage, for who
 * stands behind an order is known only when its line has come; and all that a trade with the one before touches. */
static void fetch_maker(const rf_engine *engine, const rf_order_params *params, uint32_t stage)
{
    if (params->time_in_force == RF_GTC || params->side > RF_SELL)
        return;
    uint32_t maker = rf_book_guess_best(engine, &engine->instruments[params->instrument],
                                        rf_opposite(params->side)),
             before = RF_NONE;
    for (uint32_t i = 0; i < stage && maker != RF_NONE; i++) {
        before = maker;
        maker = engine->orders[maker].level_next;
    }
    rf_fetch(&engine->orders[maker]);
    if (before != RF_NONE)
        rf_prefetch_maker(engine, &engine->orders[before]);
}

/* The position on the account's first seat: most accounts have no other. */
static uint32_t first_position(const rf_engine *engine, const rf_order_params *params)
{
    const uint32_t seat = engine->accounts[params->account].seats;
    return engine->seats[seat].position[(params->flags & RF_FLAG_ISOLATED) != 0];
}

static void fetch_new_records(const rf_engine *engine)
{
    const uint32_t order = engine->orders_fresh + RECORDS_AHEAD,
                   position = engine->positions_fresh + RECORDS_AHEAD,
                   seat = engine->seats_used + RECORDS_AHEAD;
    if (engine->orders_free == RF_NONE && order <= engine->limits.orders_max)
        fetch_order(engine, order);
    if (position <= engine->limits.positions_max) {
        fetch_position(engine, position);
        fetch_all(&engine->positions_cold[position], sizeof *engine->positions_cold);
    }
    if (seat <= rf_seats_max(&engine->limits))
        rf_fetch(&engine->seats[seat]);
}

/* What the command names. */
static void fetch_named(const rf_engine *engine, const rf_command *command)
{
    if (is_change(command)) {
        rf_order_fetch_slot(engine, command->u.change.order_id);
        if (command->u.change.account < engine->accounts_count)
            rf_fetch(&engine->accounts[command->u.change.account]);
    } else if (is_order(engine, command)) {
        rf_fetch(&engine->accounts[command->u.order.account]);
        fetch_maker(engine, &command->u.order, 0);
        fetch_new_records(engine);
    }
}

/* The order; of a new one the owner's seat, and the level where it will stand. */
static void fetch_found(const rf_engine *engine, const rf_command *command)
{
    if (is_change(command)) {
        fetch_order(engine, rf_order_guess(engine, command->u.change.order_id));
    } else if (is_order(engine, command)) {
        const rf_order_params *params = &command->u.order;
        rf_fetch(&engine->seats[engine->accounts[params->account].seats]);
        rf_book_fetch(engine, &engine->instruments[params->instrument], params->price);
        fetch_maker(engine, params, 1);
    }
}

/* The levels that an order leaves and comes to (a cancellation: 0, to none), its neighbours, its position. */
static void fetch_around(const rf_engine *engine, const rf_order *order, rf_price price)
{
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    rf_book_fetch(engine, instrument, order->price);
    if (price != 0)
        rf_book_fetch(engine, instrument, price);
    rf_fetch(&engine->orders[order->level_prev]);
    rf_fetch(&engine->orders[order->level_next]);
    fetch_position(engine, order->position);
}

static void fetch_linked(const rf_engine *engine, const rf_command *command)
{
    if (is_change(command)) {
        const uint32_t order = rf_order_guess(engine, command->u.change.order_id);
        fetch_around(engine, &engine->orders[order], command->u.change.price);
    } else if (is_order(engine, command)) {
        const rf_order_params *params = &command->u.order;
        fetch_position(engine, first_position(engine, params));
        rf_fetch(&engine->orders[rf_book_guess_last(
            engine, &engine->instruments[params->instrument], params->price)]);
        fetch_maker(engine, params, 2);
    }
}

/* The last order of the level that an amendment goes to; what a trade touches on either side. */
static void fetch_last(const rf_engine *engine, const rf_command *command)
{
    if (command->kind == RF_COMMAND_AMEND_ORDER) {
        const uint32_t order = rf_order_guess(engine, command->u.change.order_id);
        rf_fetch(&engine->orders[rf_book_guess_last(
            engine, &engine->instruments[engine->orders[order].instrument],
            command->u.change.price)]);
    } else if (is_order(engine, command)) {
        const rf_order_params *params = &command->u.order;
        fetch_keys(engine, first_position(engine, params));
        fetch_maker(engine, params, 3);
    }
}

void rf_engine_prefetch(const rf_engine *engine, const rf_command *commands, uint32_t count)
{
    if (count > 4 * STAGE)
        fetch_named(engine, &commands[4 * STAGE]);
    if (count > 3 * STAGE)
        fetch_found(engine, &commands[3 * STAGE]);
    if (count > 2 * STAGE)
        fetch_linked(engine, &commands[2 * STAGE]);
    if (count > STAGE)
        fetch_last(engine, &commands[STAGE]);
}
