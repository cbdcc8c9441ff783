/* Orders by id and client_oid, live and finished, against a plain table of everything that was
 * ever placed. */
#include "tests/unit/engine_fixture.h"

#include "engine/order.h"
#include "engine/position.h"

#include <stdio.h>

enum { PLACED = 60000, OID_KINDS = 3 };

typedef enum fate { LIVE, FINISHED, FORGOTTEN } fate;

typedef struct placed {
    uint32_t handle, account;
    uint64_t id;
    uint64_t finished; /* number in the order of finishing */
    fate fate;
    char oid[RF_CLIENT_OID_SIZE];
    bool defaulted;
} placed;

typedef struct placed_table {
    rf_engine *engine;
    placed *rows;
    uint32_t count, live;
    uint64_t finished;
} placed_table;

static void set_oid(char *oid, const char *kind, uint32_t number)
{
    memset(oid, 0, RF_CLIENT_OID_SIZE);
    snprintf(oid, RF_CLIENT_OID_SIZE, "%s-%u", kind, number);
}

static void place(placed_table *table, fixture_random *random)
{
    placed *row = &table->rows[table->count];
    const uint32_t handle = rf_order_take(table->engine);
    assert_int_not_equal(handle, RF_NONE);
    rf_order *order = &table->engine->orders[handle];
    rf_order_cold *cold = &table->engine->orders_cold[handle];
    assert_int_equal(order->state, RF_STATE_TRIAL);
    assert_true(order->id == 0 && cold->params.client_oid[0] == '\0' && cold->list == RF_NONE);
    const uint32_t kind = (uint32_t)fixture_range(random, 0, OID_KINDS - 1);
    *row = (placed){.handle = handle, .account = (uint32_t)fixture_range(random, 1, 3)};
    /* Defaulted ones collide with each other and with given ones on purpose. */
    if (kind == 0)
        set_oid(row->oid, "given", table->count);
    if (kind == 1)
        set_oid(row->oid, "given", (uint32_t)fixture_range(random, 0, table->count));
    row->defaulted = kind == 1;
    order->account = row->account;
    order->flags = row->defaulted ? RF_FLAG_OID_DEFAULTED : 0;
    memcpy(cold->params.client_oid, row->oid, sizeof row->oid);
    rf_order_register(table->engine, handle);
    row->id = order->id;
    assert_true(table->count == 0 || row->id == row[-1].id + 1);
    table->count++;
    table->live++;
}

static void finish(placed_table *table, placed *row)
{
    rf_order_finish(table->engine, row->handle, RF_ORDER_CANCELED, RF_ERR_FILL_OR_KILL);
    row->fate = FINISHED;
    row->finished = table->finished++;
    table->live--;
}

static void check_row(const placed_table *table, const placed *row, bool by_oid)
{
    const bool remembered =
        row->fate == FINISHED && table->finished - row->finished <= FIXTURE_RECENTS;
    const uint64_t id = by_oid ? 0 : row->id;
    const bool filed = !by_oid || (!row->defaulted && row->oid[0] != '\0');
    const uint32_t live = rf_order_find(table->engine, row->account, id, row->oid);
    const rf_recent *recent = rf_order_find_recent(table->engine, row->account, id, row->oid);
    if (by_oid && !filed)
        return; /* another order can carry the same one */
    assert_int_equal(live, row->fate == LIVE ? row->handle : RF_NONE);
    assert_int_equal(recent != NULL, remembered);
    if (remembered) {
        assert_true(recent->hot.id == row->id && recent->hot.account == row->account);
        assert_int_equal(recent->cold.status, RF_ORDER_CANCELED);
        assert_int_equal(recent->cold.reason, RF_ERR_FILL_OR_KILL);
        assert_memory_equal(recent->cold.params.client_oid, row->oid, sizeof row->oid);
    }
    assert_int_equal(rf_order_find(table->engine, row->account + 1, id, row->oid), RF_NONE);
    if (by_oid)
        assert_int_equal(rf_order_oid_used(table->engine, row->account, row->oid),
                         row->fate == LIVE || remembered);
}

/* An old order now and then, mostly the youngest: old ones stay long among the many that come
 * and go. */
static placed *some_live(const placed_table *table, fixture_random *random)
{
    for (;;) {
        const uint32_t reach = fixture_range(random, 0, 19) == 0 ? table->count : 200;
        const uint32_t low = table->count > reach ? table->count - reach : 0;
        placed *row = &table->rows[fixture_range(random, low, table->count - 1)];
        if (row->fate == LIVE)
            return row;
    }
}

static bool young_live(const placed_table *table)
{
    for (uint32_t i = table->count; i > 0 && i + 200 > table->count; i--)
        if (table->rows[i - 1].fate == LIVE)
            return true;
    return false;
}

static void found_while_remembered(void **state)
{
    (void)state;
    placed_table table = {.engine = fixture_engine(), .rows = calloc(PLACED, sizeof(placed))};
    fixture_random random = {71};
    while (table.count < PLACED) {
        place(&table, &random);
        while (table.live > 3000 || (young_live(&table) && fixture_range(&random, 0, 99) < 45))
            finish(&table, some_live(&table, &random));
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t low = (i & 1) != 0 || table.count < 1200 ? 0 : table.count - 1200;
            check_row(&table, &table.rows[fixture_range(&random, low, table.count - 1)], i >= 2);
        }
    }
    for (uint32_t i = 0; i < table.count; i++) {
        check_row(&table, &table.rows[i], false);
        check_row(&table, &table.rows[i], true);
    }
    uint32_t counted = 0;
    for (uint32_t account = 0; account < FIXTURE_ACCOUNTS; account++)
        counted += table.engine->accounts[account].orders_count;
    assert_int_equal(counted, table.live);
    assert_int_equal(table.engine->orders_used, table.live);
    free(table.rows);
    fixture_free(table.engine);
}

/* Slots of both maps that are taken: what is live and what is remembered, nothing else stays
 * behind. */
static uint32_t taken(const rf_map *map)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= map->mask; i++)
        count += map->slots[i] != 0;
    return count;
}

/* Longest way from home to a live order's slot. */
static uint32_t longest_probe(const rf_engine *engine)
{
    const rf_map *map = &engine->order_ids;
    uint32_t longest = 0;
    for (uint32_t i = 0; i <= map->mask; i++) {
        const uint32_t reference = map->slots[i];
        if (reference == 0)
            continue;
        const uint64_t id = (reference >> 31) != 0 ? engine->recents[reference & 0x7fffffff].hot.id
                                                   : engine->orders[reference].id;
        const uint32_t distance = (i - (uint32_t)(id << 1)) & map->mask;
        longest = distance > longest ? distance : longest;
    }
    return longest;
}

static void maps_keep_nothing_behind(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    uint32_t old[500];
    for (uint32_t i = 0; i < 500; i++) { /* these stay */
        old[i] = rf_order_take(engine);
        engine->orders[old[i]].account = 1;
        rf_order_register(engine, old[i]);
    }
    for (uint32_t i = 0; i < 200000; i++) { /* and ids go round the map many times */
        const uint32_t handle = rf_order_take(engine);
        engine->orders[handle].account = 1;
        set_oid(engine->orders_cold[handle].params.client_oid, "oid", i);
        rf_order_register(engine, handle);
        rf_order_finish(engine, handle, RF_ORDER_FILLED, RF_ERR_OK);
        if (i % 1000 == 0)
            assert_true(longest_probe(engine) <= 64);
    }
    assert_int_equal(taken(&engine->order_ids), 500 + FIXTURE_RECENTS);
    assert_int_equal(taken(&engine->client_oids), FIXTURE_RECENTS);
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(rf_order_find(engine, 1, i + 1, NULL), old[i]);
    fixture_free(engine);
}

static void renamed_orders(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    const uint32_t given = rf_order_take(engine);
    const uint32_t defaulted = rf_order_take(engine);
    engine->orders[given].account = engine->orders[defaulted].account = 2;
    set_oid(engine->orders_cold[given].params.client_oid, "a", 1);
    set_oid(engine->orders_cold[defaulted].params.client_oid, "a", 1);
    engine->orders[defaulted].flags = engine->orders_cold[defaulted].params.flags =
        RF_FLAG_OID_DEFAULTED;
    rf_order_register(engine, given);
    rf_order_register(engine, defaulted);
    assert_int_equal(rf_order_find(engine, 2, 0, "a-1"), given);
    assert_int_equal(rf_order_find(engine, 3, 0, "a-1"), RF_NONE);
    rf_order_rename(engine, given, "b");
    assert_false(rf_order_oid_used(engine, 2, "a-1"));
    assert_int_equal(rf_order_find(engine, 2, 0, "b"), given);
    rf_order_rename(engine, defaulted, "a-1");
    assert_int_equal(rf_order_find(engine, 2, 0, "a-1"), defaulted);
    assert_int_equal(engine->orders[defaulted].flags & RF_FLAG_OID_DEFAULTED, 0);
    assert_string_equal(engine->orders_cold[defaulted].params.client_oid, "a-1");
    rf_order_finish(engine, given, RF_ORDER_EXPIRED, RF_ERR_OK);
    assert_true(rf_order_oid_used(engine, 2, "b"));
    assert_int_equal(rf_order_find(engine, 2, 0, "b"), RF_NONE);
    assert_non_null(rf_order_find_recent(engine, 2, 0, "b"));
    assert_int_equal(rf_order_find(engine, 2, 0, ""), RF_NONE);
    assert_int_equal(rf_order_find(engine, 2, 99, "a-1"), RF_NONE);
    fixture_free(engine);
}

static void pool_ends_and_goes_on(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    for (uint32_t i = 0; i < FIXTURE_ORDERS; i++)
        assert_int_not_equal(rf_order_take(engine), RF_NONE);
    assert_int_equal(rf_order_take(engine), RF_NONE);
    assert_int_equal(engine->orders_used, FIXTURE_ORDERS);
    rf_order_give_back(engine, 17);
    assert_int_equal(rf_order_take(engine), 17);
    assert_int_equal(rf_order_take(engine), RF_NONE);
    fixture_free(engine);
}

/* Equal prices stand by id, one on trial last; triggers by id. */
static void own_lists_have_one_order(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    const uint32_t position = rf_position_open(engine, 1, 0, false, 0);
    uint32_t handles[4];
    for (uint32_t i = 0; i < 4; i++) {
        handles[i] = rf_order_take(engine);
        engine->orders[handles[i]].account = 1;
        engine->orders[handles[i]].position = position;
        engine->orders[handles[i]].price = 100;
        engine->orders[handles[i]].leaves = 10;
        if (i < 3)
            rf_order_register(engine, handles[i]);
    }
    const uint32_t inserted[4] = {2, 3, 0, 1};
    for (uint32_t i = 0; i < 4; i++)
        rf_own_insert(engine, handles[inserted[i]]);
    uint32_t next = engine->positions[position].orders[RF_BUY];
    for (uint32_t i = 0; i < 4; i++, next = engine->orders[next].own_next)
        assert_int_equal(next, handles[i]);
    for (uint32_t i = 0; i < 4; i++)
        rf_own_remove(engine, handles[i]);
    assert_int_equal(engine->positions[position].open_qty[RF_BUY], 0);
    const uint32_t armed[3] = {1, 2, 0};
    for (uint32_t i = 0; i < 3; i++)
        rf_armed_insert(engine, handles[armed[i]]);
    next = engine->positions[position].triggers;
    for (uint32_t i = 0; i < 3; i++, next = engine->orders[next].own_next)
        assert_int_equal(next, handles[i]);
    assert_int_equal(engine->positions_cold[position].triggers_count, 3);
    rf_armed_remove(engine, handles[1]);
    assert_int_equal(engine->orders[handles[0]].own_next, handles[2]);
    assert_int_equal(engine->positions_cold[position].triggers_count, 2);
    fixture_free(engine);
}

/* What load does: records with their ids, remembered ones by number. */
static void filed_again(void **state)
{
    (void)state;
    rf_engine *engine = fixture_engine();
    const uint32_t handle = rf_order_take(engine);
    engine->orders[handle].id = 1234567890123;
    engine->orders[handle].account = 4;
    rf_order_file(engine, handle);
    assert_int_equal(rf_order_find(engine, 4, 1234567890123, NULL), handle);
    assert_int_equal(engine->accounts[4].orders_count, 1);
    const uint64_t number = 3 * FIXTURE_RECENTS + 7;
    rf_recent *recent = rf_recent_at(engine, number);
    recent->hot.id = 77777777777;
    recent->hot.account = 4;
    set_oid(recent->cold.params.client_oid, "old", 1);
    engine->recents_count = number + 1;
    rf_recent_file(engine, number);
    assert_ptr_equal(rf_order_find_recent(engine, 4, 77777777777, NULL), recent);
    assert_ptr_equal(rf_order_find_recent(engine, 4, 0, "old-1"), recent);
    for (uint32_t i = 0; i < FIXTURE_RECENTS; i++) { /* until its place is needed again */
        const uint32_t other = rf_order_take(engine);
        rf_order_register(engine, other);
        rf_order_finish(engine, other, RF_ORDER_FILLED, RF_ERR_OK);
        assert_int_equal(rf_order_oid_used(engine, 4, "old-1"), i + 1 < FIXTURE_RECENTS);
    }
    assert_null(rf_order_find_recent(engine, 4, 77777777777, NULL));
    fixture_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_while_remembered),   cmocka_unit_test(maps_keep_nothing_behind),
        cmocka_unit_test(renamed_orders),           cmocka_unit_test(pool_ends_and_goes_on),
        cmocka_unit_test(own_lists_have_one_order), cmocka_unit_test(filed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
