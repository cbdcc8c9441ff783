/* Asking for cache lines ahead of need. A pointer can be followed only when the line that holds it has come,
 * so a batch is gone through in rounds: each round reads what the round before asked for, and asks for what
 * that points to. Reads only what is safe to read at any time: a wrong guess costs a line, never an answer. */
#include "engine/book.h"
#include "engine/order.h"
#include "engine/state.h"

enum { ROUNDS = 4 };

static void fetch(const void *address)
{
    __builtin_prefetch(address, 1, 3);
}

static void fetch_all(const void *address, size_t size)
{
    for (size_t at = 0; at < size; at += 64)
        fetch((const char *)address + at);
}

/* account -> seat -> cross position, and the keys that stand with it. */
static void fetch_account(const rf_engine *engine, uint32_t account, uint32_t round)
{
    if (account >= engine->accounts_count)
        return;
    const rf_account *record = &engine->accounts[account];
    if (round == 0) {
        fetch_all(record, sizeof *record);
        fetch(&engine->balances[(size_t)account * RF_CURRENCIES_MAX]);
    } else if (round == 1) {
        fetch(&engine->seats[record->seats]);
    } else if (round == 2) {
        const uint32_t position = engine->seats[record->seats].position[0];
        fetch_all(&engine->positions[position], sizeof *engine->positions);
        fetch(&engine->nodes[RF_DOWN][position]);
        fetch(&engine->nodes[RF_UP][position]);
    }
}

/* map -> order -> its neighbours and both levels -> the last order of the level it goes to. */
static void fetch_order(const rf_engine *engine, uint64_t id, rf_price price, uint32_t round)
{
    if (round == 0) {
        rf_order_fetch_slot(engine, id);
        return;
    }
    const uint32_t handle = rf_order_guess(engine, id);
    if (handle == RF_NONE)
        return;
    const rf_order *order = &engine->orders[handle];
    if (round == 1) {
        fetch(order);
        fetch_all(&engine->orders_cold[handle], sizeof *engine->orders_cold);
    } else if (order->instrument < engine->instruments_count) {
        const rf_instrument *instrument = &engine->instruments[order->instrument];
        rf_book_fetch(engine, instrument, order->price, round == 3);
        rf_book_fetch(engine, instrument, price, round == 3);
        fetch(&engine->orders[order->level_prev]);
        fetch(&engine->orders[order->level_next]);
    }
}

static void fetch_command(const rf_engine *engine, const rf_command *command, uint32_t round)
{
    if (command->kind == RF_COMMAND_PLACE_ORDER) {
        const rf_order_params *order = &command->u.order;
        fetch_account(engine, order->account, round);
        if (round >= 2 && order->instrument < engine->instruments_count)
            rf_book_fetch(engine, &engine->instruments[order->instrument], order->price,
                          round == 3);
    } else if (command->kind == RF_COMMAND_AMEND_ORDER ||
               command->kind == RF_COMMAND_CANCEL_ORDER) {
        fetch_account(engine, command->u.change.account, round);
        fetch_order(engine, command->u.change.order_id, command->u.change.price, round);
    }
}

void rf_engine_prefetch(const rf_engine *engine, const rf_command *commands, uint32_t count)
{
    for (uint32_t round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < count; i++)
            fetch_command(engine, &commands[i], round);
}
