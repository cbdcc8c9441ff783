/* venue/registry.h: records, look-ups, what the engine's events do, snapshots and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "tests/tape.h"
#include "venue/registry.h"

static tape reel, second;

static char memory[RF_REGISTRY_RECORD_MAX];
static rf_bytes record;

static rf_bytes *fresh(void)
{
    rf_bytes_init(&record, memory, sizeof memory, NULL);
    return &record;
}

static bool apply(rf_registry *registry)
{
    assert_false(record.full);
    bool accepted = rf_registry_accepts(registry, record.data, record.size);
    bool applied = rf_registry_apply(registry, record.data, record.size);
    assert_int_equal(accepted, applied);
    return applied;
}

static rf_api_key a_key(const char *name, uint32_t account)
{
    rf_api_key key = {.account = account, .scopes = RF_SCOPE_READ, .sealed_size = 3};
    snprintf(key.key, sizeof key.key, "%s", name);
    memcpy(key.sealed, "abc", 3);
    key.addresses_count = 1;
    strcpy(key.addresses[0], "10.0.0.0/8");
    return key;
}

static bool add_key(rf_registry *registry, const char *name, uint32_t account)
{
    rf_api_key key = a_key(name, account);
    rf_record_key(fresh(), &key);
    return apply(registry);
}

static rf_user a_user(const char *name, rf_role role, uint32_t account)
{
    rf_user user = {.role = (uint8_t)role, .account = account};
    snprintf(user.name, sizeof user.name, "%s", name);
    strcpy(user.password_hash, "$argon2id$");
    return user;
}

static bool put_user(rf_registry *registry, const rf_user *user)
{
    rf_record_user(fresh(), user);
    return apply(registry);
}

static rf_wallet a_wallet(uint32_t account, const char *address)
{
    rf_wallet wallet = {.account = account, .currency = 1, .usable_time_ns = 77};
    strcpy(wallet.address, address);
    return wallet;
}

static void keeps_keys(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    rf_registry_seed(registry, 99);
    assert_null(rf_registry_key(registry, "k0"));
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        assert_true(add_key(registry, name, (uint32_t)i + 1));
    }
    assert_false(add_key(registry, "k7", 9)); /* twice */
    const rf_api_key *key = rf_registry_key(registry, "k7");
    assert_non_null(key);
    assert_int_equal(key->account, 8);
    assert_int_equal(rf_registry_key_number(registry, key), 7);
    assert_string_equal(key->addresses[0], "10.0.0.0/8");
    assert_memory_equal(key->sealed, "abc", 3);
    assert_false(key->revoked);
    rf_record_revoke(fresh(), "k7");
    assert_true(apply(registry));
    assert_true(rf_registry_key(registry, "k7")->revoked);
    assert_false(apply(registry)); /* it is revoked already */
    rf_record_revoke(fresh(), "k300");
    assert_false(apply(registry));
    assert_int_equal(rf_registry_keys_count(registry), 300);
    rf_registry_close(registry);
}

static void refuses_keys_that_are_none(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    rf_api_key key = a_key("k", 1);
    key.scopes = 0;
    rf_record_key(fresh(), &key);
    assert_false(apply(registry));
    key.scopes = 8;
    rf_record_key(fresh(), &key);
    assert_false(apply(registry));
    key = a_key("", 1);
    rf_record_key(fresh(), &key);
    assert_false(apply(registry));
    key = a_key("k", 0);
    rf_record_key(fresh(), &key);
    assert_false(apply(registry));
    rf_registry_close(registry);
}

static void keeps_users(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    rf_user user = a_user("alice", RF_ROLE_TRADER, 3);
    assert_true(put_user(registry, &user));
    assert_int_equal(rf_registry_user(registry, "alice")->version, 0);
    strcpy(user.password_hash, "another");
    assert_true(put_user(registry, &user));
    assert_int_equal(rf_registry_users_count(registry), 1);
    assert_int_equal(rf_registry_user(registry, "alice")->version, 1);
    assert_string_equal(rf_registry_user(registry, "alice")->password_hash, "another");
    user = a_user("bob", RF_ROLE_TRADER, 0); /* a trader without an account */
    assert_false(put_user(registry, &user));
    user = a_user("bob", RF_ROLE_ADMIN, 3);
    assert_false(put_user(registry, &user));
    user = a_user("bob", RF_ROLE_NONE, 0);
    assert_false(put_user(registry, &user));
    user = a_user("bob", RF_ROLE_ADMIN, 0);
    assert_true(put_user(registry, &user));
    assert_null(rf_registry_user(registry, "carol"));
    rf_registry_close(registry);
}

static void keeps_addresses(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    rf_wallet wallet = a_wallet(1, "addr");
    rf_record_wallet(fresh(), &wallet);
    assert_true(apply(registry));
    assert_false(apply(registry));
    strcpy(wallet.tag, "7");
    rf_record_wallet(fresh(), &wallet);
    assert_true(apply(registry)); /* another tag is another place */
    assert_int_equal(rf_registry_wallet(registry, 1, 1, "addr", "")->usable_time_ns, 77);
    assert_null(rf_registry_wallet(registry, 2, 1, "addr", ""));
    assert_null(rf_registry_wallet(registry, 1, 0, "addr", ""));
    rf_record_wallet_removed(fresh(), &wallet);
    assert_true(apply(registry));
    assert_false(apply(registry));
    assert_null(rf_registry_wallet(registry, 1, 1, "addr", "7"));
    assert_non_null(rf_registry_wallet(registry, 1, 1, "addr", ""));
    rf_registry_close(registry);
}

static rf_event withdrawal_event(rf_event_kind kind, uint64_t id, int64_t amount, int64_t time_ns)
{
    return (rf_event){.kind = (uint16_t)kind,
                      .account = 1,
                      .currency = 1,
                      .id = id,
                      .amount = amount,
                      .time_ns = time_ns};
}

static void announce_withdrawal(rf_registry *registry, uint32_t account)
{
    rf_withdrawal_note note = {.account = account, .currency = 1};
    strcpy(note.address, "addr");
    strcpy(note.client_wid, "w1");
    rf_record_note(fresh(), &note);
    assert_true(apply(registry));
}

static void withdrawals_follow_the_engine(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    announce_withdrawal(registry, 1);
    assert_null(rf_registry_note(registry, 1));
    rf_event event = withdrawal_event(RF_EVENT_WITHDRAWAL_REQUESTED, 1, 500, 1000);
    rf_registry_event(registry, &event);
    const rf_withdrawal_note *note = rf_registry_note(registry, 1);
    assert_non_null(note);
    assert_string_equal(note->address, "addr");
    assert_string_equal(note->client_wid, "w1");
    assert_int_equal(note->amount, 500);
    assert_int_equal(note->status, RF_WITHDRAWAL_PENDING);
    /* What was announced for it is used up; what is another account's is not its. */
    announce_withdrawal(registry, 2);
    event = withdrawal_event(RF_EVENT_WITHDRAWAL_REQUESTED, 2, 70, 2000);
    rf_registry_event(registry, &event);
    assert_string_equal(rf_registry_note(registry, 2)->address, "");
    assert_int_equal(rf_registry_withdrawn(registry, 1, 1, 1000), 570);
    assert_int_equal(rf_registry_withdrawn(registry, 1, 1, 1001), 70);
    assert_int_equal(rf_registry_withdrawn(registry, 2, 1, 0), 0);
    event = withdrawal_event(RF_EVENT_WITHDRAWAL_DECIDED, 1, 500, 3000);
    event.code = 1;
    rf_registry_event(registry, &event);
    assert_int_equal(rf_registry_note(registry, 1)->status, RF_WITHDRAWAL_COMPLETED);
    assert_int_equal(rf_registry_note(registry, 1)->update_time_ns, 3000);
    event = withdrawal_event(RF_EVENT_WITHDRAWAL_DECIDED, 2, 70, 3000);
    rf_registry_event(registry, &event);
    assert_int_equal(rf_registry_note(registry, 2)->status, RF_WITHDRAWAL_REJECTED);
    assert_int_equal(rf_registry_withdrawn(registry, 1, 1, 0), 500); /* what was rejected is not */
    rf_record_txid(fresh(), 1, "0xabc");
    assert_true(apply(registry));
    assert_string_equal(rf_registry_note(registry, 1)->txid, "0xabc");
    rf_record_txid(fresh(), 3, "0xabc");
    assert_false(apply(registry));
    rf_registry_close(registry);
}

/* The bound: what is decided among the oldest goes, what waits stays. */
static void forgets_decided_withdrawals(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    for (uint64_t id = 1; id <= RF_WITHDRAWALS_NOTED_MAX + 1; id++) {
        rf_event event = withdrawal_event(RF_EVENT_WITHDRAWAL_REQUESTED, id, 1, (int64_t)id);
        rf_registry_event(registry, &event);
        if (id == 5)
            continue;
        event.kind = RF_EVENT_WITHDRAWAL_DECIDED;
        rf_registry_event(registry, &event);
    }
    assert_null(rf_registry_note(registry, 1));
    assert_non_null(rf_registry_note(registry, 5));
    assert_non_null(rf_registry_note(registry, RF_WITHDRAWALS_NOTED_MAX + 1));
    rf_registry_close(registry);
}

static void keeps_day_limits(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    assert_int_equal(rf_registry_day_limit(registry, 1, 1), -1);
    rf_record_day_limit(fresh(), &(rf_day_limit){.account = 0, .currency = 1, .amount = 10});
    assert_true(apply(registry));
    assert_int_equal(rf_registry_day_limit(registry, 1, 1), 10);
    rf_record_day_limit(fresh(), &(rf_day_limit){.account = 1, .currency = 1, .amount = 0});
    assert_true(apply(registry));
    assert_int_equal(rf_registry_day_limit(registry, 1, 1), 0);
    assert_int_equal(rf_registry_day_limit(registry, 1, 2), -1);
    rf_record_day_limit(fresh(), &(rf_day_limit){.account = 1, .currency = 1, .amount = -1});
    assert_true(apply(registry));
    assert_int_equal(rf_registry_day_limit(registry, 1, 1), 10);
    rf_record_day_limit(fresh(), &(rf_day_limit){.account = 1, .currency = 1, .amount = -2});
    assert_false(apply(registry));
    rf_registry_close(registry);
}

static void keeps_the_newest_notices(void **state)
{
    (void)state;
    rf_registry *registry = rf_registry_open();
    for (int i = 0; i < RF_NOTICES_MAX + 3; i++) {
        rf_notice notice = {.time_ns = i};
        snprintf(notice.title, sizeof notice.title, "n%d", i);
        rf_record_notice(fresh(), &notice);
        assert_true(apply(registry));
    }
    assert_int_equal(rf_registry_notices_count(registry), RF_NOTICES_MAX + 3);
    assert_int_equal(rf_registry_notice(registry, 0)->id, RF_NOTICES_MAX + 3);
    assert_string_equal(rf_registry_notice(registry, 0)->title, "n66");
    assert_string_equal(rf_registry_notice(registry, RF_NOTICES_MAX - 1)->title, "n3");
    assert_null(rf_registry_notice(registry, RF_NOTICES_MAX));
    rf_registry_close(registry);
}

/* One of everything. */
static rf_registry *filled(uint64_t seed)
{
    rf_registry *registry = rf_registry_open();
    rf_registry_seed(registry, seed);
    assert_true(add_key(registry, "k1", 1));
    assert_true(add_key(registry, "k2", 2));
    rf_record_revoke(fresh(), "k1");
    assert_true(apply(registry));
    rf_user user = a_user("alice", RF_ROLE_TRADER, 3);
    assert_true(put_user(registry, &user));
    assert_true(put_user(registry, &user));
    rf_wallet wallet = a_wallet(1, "addr");
    rf_record_wallet(fresh(), &wallet);
    assert_true(apply(registry));
    announce_withdrawal(registry, 1);
    rf_event event = withdrawal_event(RF_EVENT_WITHDRAWAL_REQUESTED, 4, 500, 1000);
    rf_registry_event(registry, &event);
    announce_withdrawal(registry, 1);
    rf_record_day_limit(fresh(), &(rf_day_limit){.account = 1, .currency = 1, .amount = 9});
    assert_true(apply(registry));
    for (int i = 0; i < RF_NOTICES_MAX + 1; i++) {
        rf_record_notice(fresh(), &(rf_notice){.title = "hello"});
        assert_true(apply(registry));
    }
    return registry;
}

static void save(const rf_registry *registry, tape *to)
{
    to->size = to->at = 0;
    assert_true(rf_registry_save(registry, tape_write, to));
}

static void snapshots_come_back(void **state)
{
    (void)state;
    const char *error = NULL;
    rf_registry *registry = filled(1), *copy = rf_registry_open();
    rf_registry_seed(copy, 2); /* the seed cannot be seen */
    save(registry, &reel);
    assert_true(rf_registry_load(copy, tape_read, &reel, &error));
    assert_null(error);
    save(copy, &second);
    assert_int_equal(reel.size, second.size);
    assert_memory_equal(reel.bytes, second.bytes, reel.size);
    assert_true(rf_registry_key(copy, "k1")->revoked);
    assert_int_equal(rf_registry_user(copy, "alice")->version, 1);
    assert_int_equal(rf_registry_notices_count(copy), RF_NOTICES_MAX + 1);
    /* What was announced is still coming. */
    rf_event event = withdrawal_event(RF_EVENT_WITHDRAWAL_REQUESTED, 5, 1, 2000);
    rf_registry_event(copy, &event);
    assert_string_equal(rf_registry_note(copy, 5)->address, "addr");
    rf_registry_close(registry);
    rf_registry_close(copy);
}

/* A stream that was cut is refused; one with a byte changed is refused or is another good one, and
 * never does harm. */
static void damaged_snapshots_do_no_harm(void **state)
{
    (void)state;
    const char *error = NULL;
    rf_registry *registry = filled(1);
    save(registry, &reel);
    size_t whole = reel.size;
    for (size_t size = 0; size < whole; size += 7) {
        rf_registry *copy = rf_registry_open();
        reel.size = size;
        reel.at = 0;
        assert_false(rf_registry_load(copy, tape_read, &reel, &error));
        assert_non_null(error);
        rf_registry_close(copy);
    }
    reel.size = whole;
    unsigned refused = 0;
    for (size_t at = 0; at < whole; at++) {
        rf_registry *copy = rf_registry_open();
        unsigned char kept = reel.bytes[at];
        reel.bytes[at] = (unsigned char)(kept ^ (1u << at % 8));
        reel.at = 0;
        if (!rf_registry_load(copy, tape_read, &reel, &error))
            refused++;
        reel.bytes[at] = kept;
        rf_registry_close(copy);
    }
    assert_true(refused > whole / 20);
    rf_registry_close(registry);
}

static void damaged_records_do_no_harm(void **state)
{
    (void)state;
    rf_user user = a_user("alice", RF_ROLE_TRADER, 3);
    rf_record_user(fresh(), &user);
    size_t whole = record.size;
    for (size_t size = 0; size < whole; size++) {
        rf_registry *registry = rf_registry_open();
        assert_false(rf_registry_apply(registry, record.data, size));
        assert_int_equal(rf_registry_users_count(registry), 0);
        rf_registry_close(registry);
    }
    rf_registry *registry = rf_registry_open();
    memory[whole] = 0;
    assert_false(rf_registry_apply(registry, record.data, whole + 1)); /* a byte too many */
    memory[4] = 2;                                                     /* another version */
    assert_false(rf_registry_apply(registry, record.data, whole));
    memory[4] = 1;
    memory[5] = 99; /* no such kind */
    assert_false(rf_registry_apply(registry, record.data, whole));
    memory[5] = 3;
    assert_true(rf_registry_apply(registry, record.data, whole));
    rf_registry_close(registry);
}

static void hashes_as_published(void **state)
{
    (void)state;
    /* SipHash-2-4 of the empty text and of 8 bytes under the key 0. */
    assert_int_equal(rf_hash_text("", 0, 0), 0x1e924b9d737700d7u);
    assert_true(rf_hash_text("a", 1, 0) != rf_hash_text("a", 1, 1));
    assert_true(rf_hash_text("abcdefgh", 8, 0) != rf_hash_text("abcdefg", 7, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_keys),
        cmocka_unit_test(refuses_keys_that_are_none),
        cmocka_unit_test(keeps_users),
        cmocka_unit_test(keeps_addresses),
        cmocka_unit_test(withdrawals_follow_the_engine),
        cmocka_unit_test(forgets_decided_withdrawals),
        cmocka_unit_test(keeps_day_limits),
        cmocka_unit_test(keeps_the_newest_notices),
        cmocka_unit_test(snapshots_come_back),
        cmocka_unit_test(damaged_snapshots_do_no_harm),
        cmocka_unit_test(damaged_records_do_no_harm),
        cmocka_unit_test(hashes_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
