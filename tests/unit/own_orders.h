/* Random orders of one position, outside of any book: what sums over them are held against.
 *
 * May include: engine_fixture.h, engine/order.h, engine/position.h. */
#ifndef RF_TESTS_OWN_ORDERS_H
#define RF_TESTS_OWN_ORDERS_H

#include "tests/unit/engine_fixture.h"

#include "engine/order.h"
#include "engine/position.h"

enum { OWN_ORDERS_MAX = 24 };

typedef struct own_orders {
    uint32_t handles[OWN_ORDERS_MAX];
    uint32_t count;
} own_orders;

static inline void add_order(rf_engine *engine, own_orders *own, uint32_t position,
                             fixture_random *random, rf_price mark, uint16_t flags)
{
    const uint32_t handle = rf_order_take(engine);
    rf_order *order = &engine->orders[handle];
    const rf_position *record = &engine->positions[position];
    order->account = record->account;
    order->position = position;
    order->instrument = record->instrument;
    order->flags = flags;
    order->side = (uint8_t)fixture_range(random, 0, 1);
    order->price = rf_max(5, mark / 5 * 5 + 5 * fixture_range(random, -mark / 25, mark / 25));
    order->leaves = fixture_range(random, 1, 30000);
    rf_own_insert(engine, handle);
    own->handles[own->count++] = handle;
}

static inline void remove_order(rf_engine *engine, own_orders *own, uint32_t place)
{
    rf_own_remove(engine, own->handles[place]);
    rf_order_give_back(engine, own->handles[place]);
    own->handles[place] = own->handles[--own->count];
}

#endif
