/* Asking for cache lines ahead of need. A pointer can be followed only when the line that holds it has come,
 * so a command is looked at in stages while those before it are applied: each stage reads what the stage before
 * asked for, and asks for what that points to. A few lines at a time: of a whole batch asked for at once a
 * processor drops what it has no room for (docs/performance.md).
 * Reads only what is safe to read at any time: a wrong guess costs a line, never an answer. */
#include "engine/prefetch.h"

#include "engine/book.h"
#include "engine/order.h"

enum {
    STAGE = 6, /* commands between two stages: some hundred nanoseconds, a line is there by then */
    RECORDS_AHEAD = 8 /* so many records that were never used, or not for long, are kept at hand */
};

static void fetch_all(const void *address, size_t size)
{
    for (size_t at = 0; at < size; at += 64)
        rf_fetch((const char *)address + at);
}

static void fetch_position(const rf_engine *engine, uint32_t position)
{
    fetch_all(&engine->positions[position], sizeof *engine->positions);
    fetch_all(&engine->positions_cold[position], sizeof *engine->positions_cold);
    rf_fetch(&engine->nodes[RF_DOWN][position]);
    rf_fetch(&engine->nodes[RF_UP][position]);
}

static void fetch_owner(const rf_engine *engine, uint32_t account)
{
    fetch_all(&engine->accounts[account], sizeof *engine->accounts);
    rf_fetch(&engine->balances[(size_t)account * RF_CURRENCIES_MAX]);
}

void rf_prefetch_maker(const rf_engine *engine, const rf_order *maker)
{
    fetch_position(engine, maker->position);
    fetch_owner(engine, maker->account);
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

static void fetch_new_records(const rf_engine *engine)
{
    const uint32_t order = engine->orders_fresh + RECORDS_AHEAD,
                   position = engine->positions_fresh + RECORDS_AHEAD,
                   seat = engine->seats_used + RECORDS_AHEAD;
    if (engine->orders_free == RF_NONE && order <= engine->limits.orders_max) {
        rf_fetch(&engine->orders[order]);
        fetch_all(&engine->orders_cold[order], sizeof *engine->orders_cold);
    }
    if (position <= engine->limits.positions_max)
        fetch_position(engine, position);
    if (seat <= rf_seats_max(&engine->limits))
        rf_fetch(&engine->seats[seat]);
}

/* The places that orders will take which finish, and where the ids are filed that stand there now. */
static void fetch_recents(const rf_engine *engine)
{
    fetch_all(rf_recent_at(engine, engine->recents_count + RECORDS_AHEAD), sizeof(rf_recent));
    rf_order_fetch_slot(engine,
                        rf_recent_at(engine, engine->recents_count + RECORDS_AHEAD / 2)->hot.id);
}

static bool is_change(const rf_command *command)
{
    return command->kind == RF_COMMAND_AMEND_ORDER || command->kind == RF_COMMAND_CANCEL_ORDER;
}

/* account -> seat -> cross position, and the keys that stand with it. */
static void fetch_account(const rf_engine *engine, uint32_t account, uint32_t stage)
{
    if (account >= engine->accounts_count)
        return;
    const rf_account *record = &engine->accounts[account];
    if (stage == 0)
        fetch_owner(engine, account);
    else if (stage == 1)
        rf_fetch(&engine->seats[record->seats]);
    else if (stage == 2 && record->seats != RF_NONE)
        fetch_position(engine, engine->seats[record->seats].position[0]);
}

static void fetch_level(const rf_engine *engine, uint32_t instrument, rf_price price,
                        bool last_order)
{
    if (instrument < engine->instruments_count)
        rf_book_fetch(engine, &engine->instruments[instrument], price, last_order);
}

/* map -> order -> its neighbours and both levels -> the last order of the level it goes to. */
static void fetch_order(const rf_engine *engine, uint64_t id, rf_price price, uint32_t stage)
{
    if (stage == 0) {
        rf_order_fetch_slot(engine, id);
        return;
    }
    const uint32_t handle = rf_order_guess(engine, id);
    if (handle == RF_NONE)
        return;
    const rf_order *order = &engine->orders[handle];
    if (stage == 1) {
        rf_fetch(order);
        fetch_all(&engine->orders_cold[handle], sizeof *engine->orders_cold);
        return;
    }
    fetch_level(engine, order->instrument, order->price, stage == 3);
    fetch_level(engine, order->instrument, price, stage == 3);
    if (stage == 2) {
        rf_fetch(&engine->orders[order->level_prev]);
        rf_fetch(&engine->orders[order->level_next]);
    }
}

static void fetch_command(const rf_engine *engine, const rf_command *command, uint32_t stage)
{
    if (is_change(command)) {
        fetch_account(engine, command->u.change.account, stage);
        fetch_order(engine, command->u.change.order_id, command->u.change.price, stage);
    } else if (command->kind == RF_COMMAND_PLACE_ORDER) {
        fetch_account(engine, command->u.order.account, stage);
        if (stage >= 2)
            fetch_level(engine, command->u.order.instrument, command->u.order.price, stage == 3);
        if (stage == 0)
            fetch_new_records(engine);
    }
    if (stage == 0 && command->kind != RF_COMMAND_AMEND_ORDER)
        fetch_recents(engine);
}

void rf_engine_prefetch(const rf_engine *engine, const rf_command *commands, uint32_t count)
{
    for (uint32_t stage = 0; stage < 4; stage++) {
        const uint32_t place = (4 - stage) * STAGE;
        if (place < count)
            fetch_command(engine, &commands[place], stage);
    }
}
