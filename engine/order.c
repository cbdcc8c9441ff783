/* Both identifier maps hold references: the handle of a live order, or RECENT | place in the
 * ring for a finished one. An order keeps its slots when it finishes; only the reference in them
 * changes. */
#include "engine/order.h"

#include "engine/map.h"
#include "engine/prefetch.h"

#define RECENT (1u << 31)

/* ---- Keys of references ---------------------------------------------------------------------- */

static const rf_order *hot_of(const rf_engine *engine, uint32_t reference)
{
    return reference & RECENT ? &engine->recents[reference & ~RECENT].hot
                              : &engine->orders[reference];
}

static const rf_order_cold *cold_of(const rf_engine *engine, uint32_t reference)
{
    return reference & RECENT ? &engine->recents[reference & ~RECENT].cold
                              : &engine->orders_cold[reference];
}

static uint32_t home_by_id(const rf_engine *engine, uint32_t reference)
{
    return rf_map_home_of_id(hot_of(engine, reference)->id);
}

typedef struct oid {
    uint64_t words[RF_CLIENT_OID_SIZE / 8];
} oid;

static oid oid_load(const char padded[RF_CLIENT_OID_SIZE])
{
    oid key;
    __builtin_memcpy(&key, padded, sizeof key);
    return key;
}

/* From any C string: what is behind its end does not count. */
static oid oid_of_string(const char *text)
{
    char padded[RF_CLIENT_OID_SIZE] = {0};
    for (size_t i = 0; i + 1 < sizeof padded && text[i] != '\0'; i++)
        padded[i] = text[i];
    return oid_load(padded);
}

static bool oid_equal(const oid *a, const oid *b)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < RF_CLIENT_OID_SIZE / 8; i++)
        difference |= a->words[i] ^ b->words[i];
    return difference == 0;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    const rf_uwide product = (rf_uwide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Three independent multiplications; the constants are arbitrary odd ones. The seed is in both
 * factors of each: who does not know it can neither make a factor 0 nor choose texts that meet. */
static uint32_t home_of_oid(uint64_t seed, uint32_t account, const oid *key)
{
    const uint64_t turned = seed << 32 | seed >> 32;
    const uint64_t a = fold(key->words[0] ^ 0x9e3779b97f4a7c15u ^ seed,
                            key->words[1] ^ 0xc2b2ae3d27d4eb4fu ^ turned);
    const uint64_t b = fold(key->words[2] ^ 0x165667b19e3779f9u ^ seed,
                            key->words[3] ^ 0xd6e8feb86659fd93u ^ turned);
    const uint64_t c =
        fold(key->words[4] ^ 0xa0761d6478bd642fu ^ seed, account ^ 0xe7037ed1a0b428dbu ^ turned);
    const uint64_t mixed = fold(a + b, c ^ 0x8ebc6af09c88c6e3u);
    return (uint32_t)(mixed ^ mixed >> 32);
}

static uint32_t home_by_oid(const rf_engine *engine, uint32_t reference)
{
    const oid key = oid_load(cold_of(engine, reference)->params.client_oid);
    return home_of_oid(engine->oid_seed, hot_of(engine, reference)->account, &key);
}

/* A client_oid that the nonce stood in for, or none at all, is not in the map. */
static bool has_oid(const rf_order *hot, const rf_order_cold *cold)
{
    return (hot->flags & RF_FLAG_OID_DEFAULTED) == 0 && cold->params.client_oid[0] != '\0';
}

/* ---- Looking up ------------------------------------------------------------------------------ */

/* Slot of the reference with this id; NULL. */
static uint32_t *slot_of_id(const rf_engine *engine, uint64_t id)
{
    const rf_map *map = &engine->order_ids;
    uint32_t slot = rf_map_home_of_id(id) & map->mask;
    for (uint32_t distance = 0; map->slots[slot] != 0; distance++) {
        const uint64_t other = hot_of(engine, map->slots[slot])->id;
        if (other == id)
            return &map->slots[slot];
        if (((slot - rf_map_home_of_id(other)) & map->mask) < distance)
            return NULL;
        slot = (slot + 1) & map->mask;
    }
    return NULL;
}

static uint32_t *slot_of_oid(const rf_engine *engine, uint32_t account, const oid *key)
{
    const rf_map *map = &engine->client_oids;
    uint32_t slot = home_of_oid(engine->oid_seed, account, key) & map->mask;
    for (uint32_t distance = 0; map->slots[slot] != 0; distance++) {
        const uint32_t reference = map->slots[slot];
        const oid other = oid_load(cold_of(engine, reference)->params.client_oid);
        const uint32_t other_account = hot_of(engine, reference)->account;
        if (other_account == account && oid_equal(&other, key))
            return &map->slots[slot];
        if (((slot - home_of_oid(engine->oid_seed, other_account, &other)) & map->mask) < distance)
            return NULL;
        slot = (slot + 1) & map->mask;
    }
    return NULL;
}

/* Reference of the account's order by id, or by client_oid when id is 0; 0. */
static uint32_t reference_of(const rf_engine *engine, uint32_t account, uint64_t id,
                             const char *client_oid)
{
    const uint32_t *slot = NULL;
    if (id != 0) {
        slot = slot_of_id(engine, id);
    } else if (client_oid && client_oid[0] != '\0') {
        const oid key = oid_of_string(client_oid);
        slot = slot_of_oid(engine, account, &key);
    }
    return slot && hot_of(engine, *slot)->account == account ? *slot : 0;
}

uint32_t rf_order_find(const rf_engine *engine, uint32_t account, uint64_t id,
                       const char *client_oid)
{
    /* A live order stands at the home of its id, nearly always. */
    const uint32_t likely = engine->order_ids.slots[rf_map_home_of_id(id) & engine->order_ids.mask];
    if ((likely & RECENT) == 0 && id != 0 && engine->orders[likely].id == id)
        return engine->orders[likely].account == account ? likely : RF_NONE;
    const uint32_t reference = reference_of(engine, account, id, client_oid);
    return reference & RECENT ? RF_NONE : reference;
}

rf_recent *rf_order_find_recent(const rf_engine *engine, uint32_t account, uint64_t id,
                                const char *client_oid)
{
    const uint32_t reference = reference_of(engine, account, id, client_oid);
    return reference & RECENT ? &engine->recents[reference & ~RECENT] : NULL;
}

void rf_order_fetch_slot(const rf_engine *engine, uint64_t id)
{
    const rf_map *map = &engine->order_ids;
    rf_fetch(&map->slots[rf_map_home_of_id(id) & map->mask]);
}

uint32_t rf_order_guess(const rf_engine *engine, uint64_t id)
{
    const uint32_t reference =
        engine->order_ids.slots[rf_map_home_of_id(id) & engine->order_ids.mask];
    return reference & RECENT ? RF_NONE : reference;
}

bool rf_order_id_used(const rf_engine *engine, uint64_t id)
{
    return slot_of_id(engine, id) != NULL;
}

bool rf_order_oid_used(const rf_engine *engine, uint32_t account, const char *client_oid)
{
    return reference_of(engine, account, 0, client_oid) != 0;
}

/* ---- Filing ---------------------------------------------------------------------------------- */

static void forget_oid(rf_engine *engine, const rf_order *hot, const rf_order_cold *cold)
{
    if (!has_oid(hot, cold))
        return;
    const oid key = oid_load(cold->params.client_oid);
    const uint32_t *slot = slot_of_oid(engine, hot->account, &key);
    RF_CHECK(slot);
    rf_map_remove_slot(engine, &engine->client_oids, (uint32_t)(slot - engine->client_oids.slots),
                       home_by_oid);
}

/* The oldest finished order makes room in the ring: both maps lose it. */
static void forget_recent(rf_engine *engine, uint32_t place)
{
    const rf_recent *recent = &engine->recents[place];
    forget_oid(engine, &recent->hot, &recent->cold);
    rf_map *map = &engine->order_ids;
    const uint32_t home = rf_map_home_of_id(recent->hot.id);
    rf_map_remove_slot(engine, map, rf_map_slot_of(map, home, RECENT | place), home_by_id);
}

void rf_order_file(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_map_insert(engine, &engine->order_ids, order, home_by_id);
    if (has_oid(hot, &engine->orders_cold[order]))
        rf_map_insert(engine, &engine->client_oids, order, home_by_oid);
    engine->accounts[hot->account].orders_count++;
}

void rf_recent_file(rf_engine *engine, uint64_t number)
{
    const uint32_t place = (uint32_t)(number % engine->limits.recent_max);
    const rf_recent *recent = &engine->recents[place];
    rf_map_insert(engine, &engine->order_ids, RECENT | place, home_by_id);
    if (has_oid(&recent->hot, &recent->cold))
        rf_map_insert(engine, &engine->client_oids, RECENT | place, home_by_oid);
}

void rf_order_rename(rf_engine *engine, uint32_t order, const char *client_oid)
{
    rf_order *hot = &engine->orders[order];
    rf_order_cold *cold = &engine->orders_cold[order];
    const oid key = oid_of_string(client_oid);
    forget_oid(engine, hot, cold);
    __builtin_memcpy(cold->params.client_oid, &key, sizeof key);
    hot->flags &= (uint16_t)~RF_FLAG_OID_DEFAULTED;
    cold->params.flags &= (uint16_t)~RF_FLAG_OID_DEFAULTED;
    if (has_oid(hot, cold))
        rf_map_insert(engine, &engine->client_oids, order, home_by_oid);
}

/* ---- Life of a record ------------------------------------------------------------------------ */

/* A free record with whatever stood in it before; RF_NONE: pool full. */
static uint32_t take(rf_engine *engine)
{
    uint32_t order = engine->orders_free;
    if (order != RF_NONE)
        engine->orders_free = engine->orders[order].level_next;
    else if (engine->orders_fresh <= engine->limits.orders_max)
        order = engine->orders_fresh++;
    else
        return RF_NONE;
    engine->orders_used++;
    return order;
}

uint32_t rf_order_take(rf_engine *engine)
{
    const uint32_t order = take(engine);
    if (order == RF_NONE)
        return RF_NONE;
    engine->orders[order] = (rf_order){.state = RF_STATE_TRIAL};
    engine->orders_cold[order] = (rf_order_cold){0};
    return order;
}

uint32_t rf_order_make(rf_engine *engine, const rf_order_params *params, uint32_t position)
{
    const uint32_t order = take(engine);
    RF_CHECK(order != RF_NONE);
    engine->orders[order] = (rf_order){.id = engine->next_order++,
                                       .price = params->price,
                                       .leaves = params->qty,
                                       .account = params->account,
                                       .position = position,
                                       .instrument = params->instrument,
                                       .flags = params->flags,
                                       .side = params->side,
                                       .type = params->type,
                                       .state = RF_STATE_TAKING};
    const rf_instrument_config *config = &engine->instruments[params->instrument].config;
    rf_order_cold *cold = &engine->orders_cold[order];
    __builtin_memset(cold, 0, offsetof(rf_order_cold, params));
    cold->params = *params;
    cold->params.leverage = 0; /* of isolations only */
    cold->list_id = 0;
    cold->maker_rate = config->maker_fee_rate;
    cold->taker_rate = config->taker_fee_rate;
    cold->create_time_ns = cold->update_time_ns = engine->now_ns;
    rf_order_file(engine, order);
    return order;
}

static void set_free(rf_engine *engine, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    hot->state = RF_STATE_FREE;
    hot->id = 0;
    hot->level_next = engine->orders_free;
    engine->orders_free = order;
    engine->orders_used--;
}

void rf_order_give_back(rf_engine *engine, uint32_t order)
{
    RF_CHECK(engine->orders[order].state != RF_STATE_FREE && engine->orders[order].id == 0);
    set_free(engine, order);
}

void rf_order_register(rf_engine *engine, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    RF_CHECK(hot->state == RF_STATE_TRIAL && hot->id == 0);
    hot->id = engine->next_order++;
    engine->orders_cold[order].create_time_ns = engine->orders_cold[order].update_time_ns =
        engine->now_ns;
    rf_order_file(engine, order);
}

void rf_order_finish(rf_engine *engine, uint32_t order, rf_order_status status, rf_error reason)
{
    rf_order *hot = &engine->orders[order];
    rf_order_cold *cold = &engine->orders_cold[order];
    rf_prefetch_recents(engine);
    RF_CHECK(hot->state != RF_STATE_FREE && hot->id != 0);
    cold->status = (uint8_t)status;
    cold->reason = reason;
    cold->update_time_ns = engine->now_ns;
    const uint32_t place = (uint32_t)(engine->recents_count++ % engine->limits.recent_max);
    rf_recent *recent = &engine->recents[place];
    if (recent->hot.id != 0)
        forget_recent(engine, place);
    rf_map *ids = &engine->order_ids, *oids = &engine->client_oids;
    ids->slots[rf_map_slot_of(ids, rf_map_home_of_id(hot->id), order)] = RECENT | place;
    if (has_oid(hot, cold))
        oids->slots[rf_map_slot_of(oids, home_by_oid(engine, order), order)] = RECENT | place;
    recent->hot = *hot;
    recent->cold = *cold;
    engine->accounts[hot->account].orders_count--;
    set_free(engine, order);
}

/* ---- A position's own lists ------------------------------------------------------------------ */

/* By id; an order that has none yet (0) is the youngest. */
static bool armed_before(const rf_order *listed, const rf_order *added)
{
    return listed->id - 1 <= added->id - 1;
}

static bool own_before(const rf_order *listed, const rf_order *added)
{
    if (listed->price != added->price)
        return rf_is_better(listed->side, listed->price, added->price);
    return armed_before(listed, added);
}

/* Puts the order between prev and next of one of its position's lists. */
static void own_link(rf_engine *engine, uint32_t *head, uint32_t order, uint32_t prev,
                     uint32_t next)
{
    uint32_t *before = prev != RF_NONE ? &engine->orders[prev].own_next : head;
    engine->orders[order].own_prev = prev;
    engine->orders[order].own_next = next;
    *before = order;
    if (next != RF_NONE)
        engine->orders[next].own_prev = order;
}

static void own_unlink(rf_engine *engine, uint32_t *head, uint32_t order)
{
    rf_order *hot = &engine->orders[order];
    const uint32_t prev = hot->own_prev, next = hot->own_next;
    uint32_t *before = prev != RF_NONE ? &engine->orders[prev].own_next : head;
    *before = next;
    if (next != RF_NONE)
        engine->orders[next].own_prev = prev;
    hot->own_prev = hot->own_next = RF_NONE;
}

static void count_open(const rf_engine *engine, rf_position *position, const rf_order *hot,
                       rf_qty qty)
{
    const int64_t k = engine->instruments[hot->instrument].k;
    const rf_money notional = rf_mul(rf_mul(qty, hot->price), k);
    position->open_qty[hot->side] = rf_add(position->open_qty[hot->side], qty);
    position->open_notional[hot->side] = rf_add(position->open_notional[hot->side], notional);
}

/* Where its price and id want it. */
static void own_place(rf_engine *engine, rf_position *position, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    uint32_t prev = RF_NONE, next = position->orders[hot->side];
    while (next != RF_NONE && own_before(&engine->orders[next], hot)) {
        prev = next;
        next = engine->orders[next].own_next;
    }
    own_link(engine, &position->orders[hot->side], order, prev, next);
}

void rf_own_insert(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_position *position = &engine->positions[hot->position];
    own_place(engine, position, order);
    position->orders_count++;
    if ((hot->flags & RF_FLAG_REDUCE_ONLY) != 0)
        return;
    position->opening_count++;
    count_open(engine, position, hot, hot->leaves);
}

void rf_own_remove(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_position *position = &engine->positions[hot->position];
    own_unlink(engine, &position->orders[hot->side], order);
    position->orders_count--;
    if ((hot->flags & RF_FLAG_REDUCE_ONLY) != 0)
        return;
    position->opening_count--;
    count_open(engine, position, hot, -hot->leaves);
}

/* Between these neighbours it stands right at its new price, too. */
static bool own_fits(const rf_engine *engine, const rf_order *hot)
{
    return (hot->own_prev == RF_NONE || own_before(&engine->orders[hot->own_prev], hot)) &&
           (hot->own_next == RF_NONE || !own_before(&engine->orders[hot->own_next], hot));
}

rf_money rf_own_reprice(rf_engine *engine, uint32_t order, rf_price price, rf_qty leaves)
{
    rf_order *hot = &engine->orders[order];
    rf_position *position = &engine->positions[hot->position];
    /* Both are admitted sizes (qty_max, mark_max): neither product nor sum can leave the range. */
    const int64_t k = engine->instruments[hot->instrument].k;
    rf_money added = 0;
    if ((hot->flags & RF_FLAG_REDUCE_ONLY) == 0) {
        added = rf_notional(k, leaves, price) - rf_notional(k, hot->leaves, hot->price);
        position->open_qty[hot->side] += leaves - hot->leaves;
        position->open_notional[hot->side] += added;
    }
    hot->price = price;
    hot->leaves = leaves;
    if (!own_fits(engine, hot)) {
        own_unlink(engine, &position->orders[hot->side], order);
        own_place(engine, position, order);
    }
    return added;
}

void rf_own_reduce(rf_engine *engine, uint32_t order, rf_qty by)
{
    rf_order *hot = &engine->orders[order];
    RF_CHECK(by >= 0 && by <= hot->leaves);
    if ((hot->flags & RF_FLAG_REDUCE_ONLY) == 0)
        count_open(engine, &engine->positions[hot->position], hot, -by);
    if (hot->earmark != 0)
        hot->earmark = rf_muldiv_down(hot->earmark, hot->leaves - by, hot->leaves);
    hot->leaves -= by;
}

void rf_armed_insert(rf_engine *engine, uint32_t order)
{
    const rf_order *hot = &engine->orders[order];
    rf_position *position = &engine->positions[hot->position];
    uint32_t prev = RF_NONE, next = position->triggers;
    while (next != RF_NONE && armed_before(&engine->orders[next], hot)) {
        prev = next;
        next = engine->orders[next].own_next;
    }
    own_link(engine, &position->triggers, order, prev, next);
    engine->positions_cold[hot->position].triggers_count++;
}

void rf_armed_remove(rf_engine *engine, uint32_t order)
{
    const uint32_t position = engine->orders[order].position;
    own_unlink(engine, &engine->positions[position].triggers, order);
    engine->positions_cold[position].triggers_count--;
}
