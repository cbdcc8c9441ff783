#include "venue/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "venue/registry_state.h"

/* ---- Rows and names -------------------------------------------------------------------------- */

/* Room for one more. */
static bool reserve(rf_rows *rows, size_t size)
{
    if (rows->count < rows->max)
        return true;
    uint32_t max = rows->max ? 2 * rows->max : 16;
    void *items = realloc(rows->items, max * size);
    if (!items)
        return false;
    rows->items = items;
    rows->max = max;
    return true;
}

/* Where a name stands, or the empty place where it would. `row_size`: the name is a row's first
 * member. */
static uint32_t *place_of(const rf_registry *registry, const rf_names *names, const rf_rows *rows,
                          size_t row_size, const char *name)
{
    uint32_t at = (uint32_t)rf_hash_text(name, strlen(name), registry->seed) & names->mask;
    for (; names->slots[at] != 0; at = (at + 1) & names->mask) {
        const char *other = (const char *)rows->items + (names->slots[at] - 1) * row_size;
        if (strcmp(other, name) == 0)
            break;
    }
    return &names->slots[at];
}

/* Room for one more name. */
static bool reserve_name(const rf_registry *registry, rf_names *names, const rf_rows *rows,
                         size_t row_size)
{
    if (names->slots && 2 * (rows->count + 1) <= names->mask)
        return true;
    rf_names wider = {.mask = names->slots ? 2 * names->mask + 1 : 63};
    wider.slots = calloc((size_t)wider.mask + 1, sizeof *wider.slots);
    if (!wider.slots)
        return false;
    for (uint32_t i = 0; i < rows->count; i++)
        *place_of(registry, &wider, rows, row_size, (const char *)rows->items + i * row_size) =
            i + 1;
    free(names->slots);
    *names = wider;
    return true;
}

/* Number of the row plus 1; 0. */
static uint32_t find_name(const rf_registry *registry, const rf_names *names, const rf_rows *rows,
                          size_t row_size, const char *name)
{
    return names->slots ? *place_of(registry, names, rows, row_size, name) : 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

rf_registry *rf_registry_open(void)
{
    return calloc(1, sizeof(rf_registry));
}

void rf_registry_close(rf_registry *registry)
{
    if (!registry)
        return;
    rf_rows *all[] = {&registry->keys,  &registry->users,   &registry->wallets,
                      &registry->notes, &registry->notices, &registry->day_limits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->items);
    free(registry->key_names.slots);
    free(registry->user_names.slots);
    free(registry);
}

void rf_registry_seed(rf_registry *registry, uint64_t seed)
{
    RF_CHECK(registry->keys.count == 0 && registry->users.count == 0);
    registry->seed = seed;
}

/* ---- Looking --------------------------------------------------------------------------------- */

const rf_api_key *rf_registry_key(const rf_registry *registry, const char *api_key)
{
    uint32_t number =
        find_name(registry, &registry->key_names, &registry->keys, sizeof(rf_api_key), api_key);
    return number ? rf_registry_key_at(registry, number - 1) : NULL;
}

uint32_t rf_registry_key_number(const rf_registry *registry, const rf_api_key *key)
{
    return (uint32_t)(key - (const rf_api_key *)registry->keys.items);
}

uint32_t rf_registry_keys_count(const rf_registry *registry)
{
    return registry->keys.count;
}

const rf_api_key *rf_registry_key_at(const rf_registry *registry, uint32_t number)
{
    return (const rf_api_key *)registry->keys.items + number;
}

const rf_user *rf_registry_user(const rf_registry *registry, const char *name)
{
    uint32_t number =
        find_name(registry, &registry->user_names, &registry->users, sizeof(rf_user), name);
    return number ? rf_registry_user_at(registry, number - 1) : NULL;
}

uint32_t rf_registry_users_count(const rf_registry *registry)
{
    return registry->users.count;
}

const rf_user *rf_registry_user_at(const rf_registry *registry, uint32_t number)
{
    return (const rf_user *)registry->users.items + number;
}

const rf_wallet *rf_registry_wallet(const rf_registry *registry, uint32_t account,
                                    uint32_t currency, const char *address, const char *tag)
{
    const rf_wallet *wallets = registry->wallets.items;
    for (uint32_t i = 0; i < registry->wallets.count; i++)
        if (wallets[i].account == account && wallets[i].currency == currency &&
            strcmp(wallets[i].address, address) == 0 && strcmp(wallets[i].tag, tag) == 0)
            return &wallets[i];
    return NULL;
}

uint32_t rf_registry_wallets_count(const rf_registry *registry)
{
    return registry->wallets.count;
}

const rf_wallet *rf_registry_wallet_at(const rf_registry *registry, uint32_t number)
{
    return (const rf_wallet *)registry->wallets.items + number;
}

/* Notes stand in the order of their ids. */
static rf_withdrawal_note *find_note(const rf_registry *registry, uint64_t id)
{
    rf_withdrawal_note *notes = registry->notes.items;
    uint32_t low = 0, high = registry->notes.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (notes[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < registry->notes.count && notes[low].id == id ? &notes[low] : NULL;
}

const rf_withdrawal_note *rf_registry_note(const rf_registry *registry, uint64_t withdrawal)
{
    return find_note(registry, withdrawal);
}

int64_t rf_registry_withdrawn(const rf_registry *registry, uint32_t account, uint32_t currency,
                              int64_t since_ns)
{
    const rf_withdrawal_note *notes = registry->notes.items;
    int64_t sum = 0;
    for (uint32_t i = registry->notes.count; i > 0 && notes[i - 1].create_time_ns >= since_ns; i--)
        if (notes[i - 1].account == account && notes[i - 1].currency == currency &&
            notes[i - 1].status != RF_WITHDRAWAL_REJECTED &&
            __builtin_add_overflow(sum, notes[i - 1].amount, &sum))
            return INT64_MAX;
    return sum;
}

static rf_day_limit *find_day_limit(const rf_registry *registry, uint32_t account,
                                    uint32_t currency)
{
    rf_day_limit *limits = registry->day_limits.items;
    for (uint32_t i = 0; i < registry->day_limits.count; i++)
        if (limits[i].account == account && limits[i].currency == currency)
            return &limits[i];
    return NULL;
}

int64_t rf_registry_day_limit(const rf_registry *registry, uint32_t account, uint32_t currency)
{
    const rf_day_limit *limit = find_day_limit(registry, account, currency);
    if (!limit)
        limit = find_day_limit(registry, 0, currency);
    return limit ? limit->amount : -1;
}

uint64_t rf_registry_notices_count(const rf_registry *registry)
{
    return registry->notices_count;
}

const rf_notice *rf_registry_notice(const rf_registry *registry, uint64_t ago)
{
    if (ago >= registry->notices.count)
        return NULL;
    return (const rf_notice *)registry->notices.items + (registry->notices.count - 1 - ago);
}

/* ---- Adding: each makes room and checks first, and changes nothing when `dry` or refused -------- */

static bool add_key(rf_registry *registry, const rf_api_key *key, bool dry)
{
    rf_rows *rows = &registry->keys;
    if (rows->count >= RF_KEYS_MAX || rf_registry_key(registry, key->key) ||
        !reserve(rows, sizeof *key) ||
        !reserve_name(registry, &registry->key_names, rows, sizeof *key))
        return false;
    if (dry)
        return true;
    ((rf_api_key *)rows->items)[rows->count] = *key;
    *place_of(registry, &registry->key_names, rows, sizeof *key, key->key) = ++rows->count;
    return true;
}

static bool revoke_key(rf_registry *registry, const char *name, bool dry)
{
    const rf_api_key *key = rf_registry_key(registry, name);
    if (!key || key->revoked)
        return false;
    if (!dry)
        ((rf_api_key *)registry->keys.items)[rf_registry_key_number(registry, key)].revoked = true;
    return true;
}

static bool put_user(rf_registry *registry, const rf_user *user, bool dry)
{
    rf_rows *rows = &registry->users;
    const rf_user *known = rf_registry_user(registry, user->name);
    if (known) {
        rf_user *changed = (rf_user *)rows->items + (known - (const rf_user *)rows->items);
        if (!dry) {
            uint32_t version = known->version + 1;
            *changed = *user;
            changed->version = version;
        }
        return true;
    }
    if (rows->count >= RF_USERS_MAX || !reserve(rows, sizeof *user) ||
        !reserve_name(registry, &registry->user_names, rows, sizeof *user))
        return false;
    if (dry)
        return true;
    ((rf_user *)rows->items)[rows->count] = *user;
    *place_of(registry, &registry->user_names, rows, sizeof *user, user->name) = ++rows->count;
    return true;
}

static bool add_wallet(rf_registry *registry, const rf_wallet *wallet, bool dry)
{
    rf_rows *rows = &registry->wallets;
    if (rows->count >= RF_WALLETS_MAX || !reserve(rows, sizeof *wallet) ||
        rf_registry_wallet(registry, wallet->account, wallet->currency, wallet->address,
                           wallet->tag))
        return false;
    if (!dry)
        ((rf_wallet *)rows->items)[rows->count++] = *wallet;
    return true;
}

static bool remove_wallet(rf_registry *registry, const rf_wallet *named, bool dry)
{
    rf_wallet *wallets = registry->wallets.items;
    const rf_wallet *found =
        rf_registry_wallet(registry, named->account, named->currency, named->address, named->tag);
    if (!found)
        return false;
    if (!dry) {
        uint32_t at = (uint32_t)(found - wallets);
        registry->wallets.count--;
        memmove(wallets + at, wallets + at + 1, (registry->wallets.count - at) * sizeof *wallets);
    }
    return true;
}

static bool set_txid(rf_registry *registry, const rf_withdrawal_note *named, bool dry)
{
    rf_withdrawal_note *note = find_note(registry, named->id);
    if (!note)
        return false;
    if (!dry)
        memcpy(note->txid, named->txid, sizeof note->txid);
    return true;
}

static bool set_day_limit(rf_registry *registry, const rf_day_limit *limit, bool dry)
{
    rf_rows *rows = &registry->day_limits;
    rf_day_limit *known = find_day_limit(registry, limit->account, limit->currency);
    if (!known && limit->amount < 0)
        return true;
    if (!known && (rows->count >= RF_DAY_LIMITS_MAX || !reserve(rows, sizeof *limit)))
        return false;
    if (dry)
        return true;
    if (known && limit->amount < 0)
        *known = ((rf_day_limit *)rows->items)[--rows->count];
    else if (known)
        *known = *limit;
    else
        ((rf_day_limit *)rows->items)[rows->count++] = *limit;
    return true;
}

static bool add_notice(rf_registry *registry, const rf_notice *notice, bool dry)
{
    rf_rows *rows = &registry->notices;
    if (!reserve(rows, sizeof *notice))
        return false;
    if (dry)
        return true;
    rf_notice *notices = rows->items;
    if (rows->count == RF_NOTICES_MAX)
        memmove(notices, notices + 1, --rows->count * sizeof *notices);
    notices[rows->count] = *notice;
    notices[rows->count++].id = ++registry->notices_count;
    return true;
}

static bool set_coming(rf_registry *registry, const rf_withdrawal_note *note, bool dry)
{
    if (note->account == 0 || !reserve(&registry->notes, sizeof *note))
        return false;
    if (!dry)
        registry->coming = *note;
    return true;
}

static bool change(rf_registry *registry, const void *bytes, size_t size, bool dry)
{
    rf_record record;
    if (!rf_record_read(bytes, size, &record))
        return false;
    switch ((rf_registry_kind)record.kind) {
    case RF_REGISTRY_KEY:
        return add_key(registry, &record.u.key, dry);
    case RF_REGISTRY_REVOKE:
        return revoke_key(registry, record.u.key.key, dry);
    case RF_REGISTRY_USER:
        return put_user(registry, &record.u.user, dry);
    case RF_REGISTRY_WALLET:
        return add_wallet(registry, &record.u.wallet, dry);
    case RF_REGISTRY_WALLET_REMOVED:
        return remove_wallet(registry, &record.u.wallet, dry);
    case RF_REGISTRY_NOTE:
        return set_coming(registry, &record.u.note, dry);
    case RF_REGISTRY_TXID:
        return set_txid(registry, &record.u.note, dry);
    case RF_REGISTRY_DAY_LIMIT:
        return set_day_limit(registry, &record.u.day_limit, dry);
    case RF_REGISTRY_NOTICE:
        return add_notice(registry, &record.u.notice, dry);
    }
    return false;
}

bool rf_registry_accepts(rf_registry *registry, const void *bytes, size_t size)
{
    return change(registry, bytes, size, true);
}

bool rf_registry_apply(rf_registry *registry, const void *bytes, size_t size)
{
    return change(registry, bytes, size, true) && change(registry, bytes, size, false);
}

/* ---- What the engine tells ------------------------------------------------------------------- */

/* Forgets what is decided among the oldest quarter; when nothing is, the oldest. */
static void make_room(rf_rows *rows)
{
    rf_withdrawal_note *notes = rows->items;
    uint32_t kept = 0, quarter = rows->count / 4;
    for (uint32_t i = 0; i < rows->count; i++)
        if (i >= quarter || notes[i].status == RF_WITHDRAWAL_PENDING)
            notes[kept++] = notes[i];
    if (kept == rows->count)
        memmove(notes, notes + 1, --kept * sizeof *notes);
    rows->count = kept;
}

/* A withdrawal that nobody announced (a script's) has a note without an address. */
static void on_requested(rf_registry *registry, const rf_event *event)
{
    rf_withdrawal_note note = {0};
    if (registry->coming.account == event->account && registry->coming.currency == event->currency)
        note = registry->coming;
    registry->coming = (rf_withdrawal_note){0};
    note.id = event->id;
    note.account = event->account;
    note.currency = event->currency;
    note.amount = event->amount;
    note.status = RF_WITHDRAWAL_PENDING;
    note.create_time_ns = note.update_time_ns = event->time_ns;
    rf_rows *rows = &registry->notes;
    if (rows->count == RF_WITHDRAWALS_NOTED_MAX)
        make_room(rows);
    RF_CHECK(reserve(rows, sizeof note)); /* without it a restart would know more than we do */
    ((rf_withdrawal_note *)rows->items)[rows->count++] = note;
}

static void on_decided(rf_registry *registry, const rf_event *event)
{
    rf_withdrawal_note *note = find_note(registry, event->id);
    if (!note)
        return;
    note->status = event->code == 1 ? RF_WITHDRAWAL_COMPLETED : RF_WITHDRAWAL_REJECTED;
    note->update_time_ns = event->time_ns;
}

void rf_registry_event(rf_registry *registry, const rf_event *event)
{
    if (event->kind == RF_EVENT_WITHDRAWAL_REQUESTED)
        on_requested(registry, event);
    else if (event->kind == RF_EVENT_WITHDRAWAL_DECIDED)
        on_decided(registry, event);
}

/* ---- Snapshot -------------------------------------------------------------------------------- */

typedef void (*visit)(rf_flow *flow, void *item);

#define VISIT(name, type)                               \
    static void visit_##name(rf_flow *flow, void *item) \
    {                                                   \
        rf_x_##name(flow, (type *)item);                \
    }
VISIT(key, rf_api_key)
VISIT(user, rf_user)
VISIT(wallet, rf_wallet)
VISIT(note, rf_withdrawal_note)
VISIT(day_limit, rf_day_limit)
VISIT(notice, rf_notice)
#undef VISIT

static void save_rows(rf_flow *flow, const rf_rows *rows, size_t size, visit each)
{
    uint32_t count = rows->count;
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count; i++)
        each(flow, (char *)rows->items + i * size);
}

bool rf_registry_save(const rf_registry *registry, rf_write write, void *context)
{
    rf_flow flow;
    rf_flow_start(&flow, write, NULL, context);
    uint8_t version = RF_REGISTRY_VERSION;
    uint64_t notices_count = registry->notices_count;
    rf_withdrawal_note coming = registry->coming;
    rf_flow_u8(&flow, &version);
    save_rows(&flow, &registry->keys, sizeof(rf_api_key), visit_key);
    save_rows(&flow, &registry->users, sizeof(rf_user), visit_user);
    save_rows(&flow, &registry->wallets, sizeof(rf_wallet), visit_wallet);
    save_rows(&flow, &registry->notes, sizeof(rf_withdrawal_note), visit_note);
    save_rows(&flow, &registry->day_limits, sizeof(rf_day_limit), visit_day_limit);
    save_rows(&flow, &registry->notices, sizeof(rf_notice), visit_notice);
    rf_flow_u64(&flow, &notices_count);
    rf_x_note(&flow, &coming);
    return rf_flow_finish(&flow);
}

/* Each thing goes in by the door that its record would take, so that it meets the same checks. */
static bool load_keys(rf_flow *flow, rf_registry *registry)
{
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_api_key key = {0};
        rf_x_key(flow, &key);
        rf_flow_want(flow, !flow->error && add_key(registry, &key, false),
                     "a key twice, or too many");
    }
    return !flow->error;
}

static bool load_users(rf_flow *flow, rf_registry *registry)
{
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_user user = {0};
        rf_x_user(flow, &user);
        rf_flow_want(flow,
                     !flow->error && !rf_registry_user(registry, user.name) &&
                         put_user(registry, &user, false),
                     "a user twice, or too many");
    }
    return !flow->error;
}

static bool load_wallets(rf_flow *flow, rf_registry *registry)
{
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_wallet wallet = {0};
        rf_x_wallet(flow, &wallet);
        rf_flow_want(flow, !flow->error && add_wallet(registry, &wallet, false),
                     "an address twice, or too many");
    }
    return !flow->error;
}

static bool load_notes(rf_flow *flow, rf_registry *registry)
{
    rf_rows *rows = &registry->notes;
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    rf_flow_want(flow, count <= RF_WITHDRAWALS_NOTED_MAX, "too many withdrawals");
    for (uint64_t i = 0, before = 0; i < count && !flow->error; i++) {
        rf_withdrawal_note note = {0};
        rf_x_note(flow, &note);
        rf_flow_want(flow, note.id > before, "withdrawals out of order");
        if (rf_flow_want(flow, reserve(rows, sizeof note), "out of memory"))
            ((rf_withdrawal_note *)rows->items)[rows->count++] = note;
        before = note.id;
    }
    return !flow->error;
}

static bool load_day_limits(rf_flow *flow, rf_registry *registry)
{
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_day_limit limit = {0};
        rf_x_day_limit(flow, &limit);
        rf_flow_want(flow,
                     !flow->error && limit.amount >= 0 &&
                         !find_day_limit(registry, limit.account, limit.currency) &&
                         set_day_limit(registry, &limit, false),
                     "a limit twice, or too many");
    }
    return !flow->error;
}

static bool load_notices(rf_flow *flow, rf_registry *registry)
{
    uint32_t count = 0;
    rf_flow_u32(flow, &count);
    rf_flow_want(flow, count <= RF_NOTICES_MAX, "too many notices");
    for (uint32_t i = 0; i < count && !flow->error; i++) {
        rf_notice notice = {0};
        rf_x_notice(flow, &notice);
        registry->notices_count = notice.id - 1; /* add_notice numbers it again */
        rf_flow_want(flow, !flow->error && notice.id > 0 && add_notice(registry, &notice, false),
                     "a notice without a number");
    }
    return !flow->error;
}

bool rf_registry_load(rf_registry *registry, rf_read read, void *context, const char **error)
{
    rf_flow flow;
    rf_flow_start(&flow, NULL, read, context);
    uint8_t version = 0;
    uint64_t notices_count = 0;
    rf_flow_u8(&flow, &version);
    rf_flow_want(&flow, version == RF_REGISTRY_VERSION, "a registry of another version");
    bool good = !flow.error && load_keys(&flow, registry) && load_users(&flow, registry) &&
                load_wallets(&flow, registry) && load_notes(&flow, registry) &&
                load_day_limits(&flow, registry) && load_notices(&flow, registry);
    if (good) {
        rf_flow_u64(&flow, &notices_count);
        rf_flow_want(&flow, notices_count == registry->notices_count, "notices are missing");
        rf_x_note(&flow, &registry->coming);
        good = rf_flow_finish(&flow);
    }
    *error = flow.error;
    return good;
}
