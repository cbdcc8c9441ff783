/* Asking for cache lines ahead of need. Reads only what is safe to read at any time: a wrong guess costs a line,
 * never an answer. A driver calls it once for each command of a batch, and once more shortly before the command:
 * the first call fetches what the command names, the second what that points to. */
#include "engine/book.h"
#include "engine/order.h"
#include "engine/state.h"

static void fetch(const void *address)
{
    __builtin_prefetch(address, 1, 3);
}

static void fetch_two(const void *address)
{
    fetch(address);
    fetch((const char *)address + 64);
}

static void fetch_account(const rf_engine *engine, uint32_t account)
{
    if (account >= engine->accounts_count)
        return;
    const rf_account *record = &engine->accounts[account];
    fetch_two(record);
    fetch(&engine->balances[(size_t)account * RF_CURRENCIES_MAX]);
    const uint32_t seat = record->seats;
    fetch(&engine->seats[seat]);
    const uint32_t position = engine->seats[seat].position[0];
    fetch_two(&engine->positions[position]);
    fetch(&engine->positions_cold[position]);
    fetch(&engine->nodes[RF_DOWN][position]);
    fetch(&engine->nodes[RF_UP][position]);
}

static void fetch_order(const rf_engine *engine, uint64_t id, rf_price price)
{
    const uint32_t handle = rf_order_guess(engine, id);
    if (handle == RF_NONE)
        return;
    const rf_order *order = &engine->orders[handle];
    const char *cold = (const char *)&engine->orders_cold[handle];
    fetch(order);
    for (uint32_t line = 0; line < sizeof(rf_order_cold); line += 64)
        fetch(cold + line);
    if (order->instrument >= engine->instruments_count)
        return;
    const rf_instrument *instrument = &engine->instruments[order->instrument];
    rf_book_fetch(engine, instrument, order->price);
    rf_book_fetch(engine, instrument, price);
    fetch(&engine->orders[order->level_prev]);
    fetch(&engine->orders[order->level_next]);
}

void rf_engine_prefetch(const rf_engine *engine, const rf_command *command)
{
    if (command->kind == RF_COMMAND_PLACE_ORDER) {
        const rf_order_params *order = &command->u.order;
        fetch_account(engine, order->account);
        if (order->instrument < engine->instruments_count)
            rf_book_fetch(engine, &engine->instruments[order->instrument], order->price);
    } else if (command->kind == RF_COMMAND_AMEND_ORDER ||
               command->kind == RF_COMMAND_CANCEL_ORDER) {
        fetch_account(engine, command->u.change.account);
        fetch_order(engine, command->u.change.order_id, command->u.change.price);
    }
}
