#include "engine/account.h"

#include "engine/admit.h"
#include "engine/close.h"
#include "engine/cross.h"
#include "engine/map.h"
#include "engine/name.h"
#include "engine/position.h"
#include "engine/watch.h"

static rf_account *user(rf_engine *engine, uint32_t account)
{
    return account == RF_FUND || account >= engine->accounts_count ? NULL
                                                                   : &engine->accounts[account];
}

static void emit(rf_engine *engine, rf_event_kind kind, uint32_t account, uint32_t peer)
{
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.account = account;
    event.peer = peer;
    rf_emit(engine, &event);
}

/* ---- Labels ----------------------------------------------------------------------------------------- */

/* FNV-1a: labels are short, and nothing observable depends on where they stand. */
static uint32_t home_of_label(const char *label)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < RF_NAME_SIZE && label[i] != '\0'; i++)
        hash = (hash ^ (unsigned char)label[i]) * 16777619u;
    return hash;
}

static uint32_t home_by_label(const rf_engine *engine, uint32_t account)
{
    return home_of_label(engine->accounts[account].label);
}

void rf_account_file(rf_engine *engine, uint32_t account)
{
    rf_map_insert(engine, &engine->labels, account, home_by_label);
}

void rf_account_fetch_label(const rf_engine *engine, uint32_t account)
{
    const rf_map *map = &engine->labels;
    __builtin_prefetch(&map->slots[home_by_label(engine, account) & map->mask], 1, 3);
}

int64_t rf_find_account(const rf_engine *engine, const char *label)
{
    const rf_map *map = &engine->labels;
    uint32_t slot = home_of_label(label) & map->mask;
    for (; map->slots[slot] != RF_NONE; slot = (slot + 1) & map->mask)
        if (rf_name_same(engine->accounts[map->slots[slot]].label, label))
            return map->slots[slot];
    return -1;
}

/* Labels are names for scripts and logs: not empty, closed by a NUL, unique. */
static bool label_ok(const rf_engine *engine, const char label[RF_NAME_SIZE])
{
    if (label[0] == '\0' || label[RF_NAME_SIZE - 1] != '\0')
        return false;
    return rf_find_account(engine, label) < 0;
}

rf_error rf_account_create(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const uint32_t master = command->u.account.account;
    if (!label_ok(engine, command->u.account.label))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (master != 0 && (!user(engine, master) || engine->accounts[master].master != 0))
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST;
    if (engine->accounts_count == engine->limits.accounts_max)
        return RF_ERR_ERR_INTERNAL;
    const uint32_t number = engine->accounts_count++;
    rf_account *account = &engine->accounts[number];
    account->master = master;
    account->leverage = 100;
    account->create_time_ns = engine->now_ns;
    __builtin_memcpy(account->label, command->u.account.label, sizeof account->label);
    rf_account_file(engine, number);
    result->id = number;
    emit(engine, RF_EVENT_ACCOUNT_CREATED, number, master);
    return RF_ERR_OK;
}

static void set_flag(rf_account *account, uint16_t flag, bool on)
{
    account->flags = on ? account->flags | flag : account->flags & (uint16_t)~flag;
}

rf_error rf_account_suspend(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_account *account = user(engine, command->u.account.account);
    if (!account)
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST;
    set_flag(account, RF_ACCOUNT_SUSPENDED, command->u.account.suspended != 0);
    emit(engine, RF_EVENT_ACCOUNT_CHANGED, command->u.account.account, 0);
    return RF_ERR_OK;
}

/* The taker rate is part of every requirement: all keys of the account are laid anew. */
static void fees_changed(rf_engine *engine, uint32_t account)
{
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next)
        for (uint32_t mode = 0; mode < 2; mode++)
            if (engine->seats[seat].position[mode] != RF_NONE)
                rf_position_touch(engine, engine->seats[seat].position[mode]);
}

rf_error rf_account_set_fees(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_account *account = user(engine, command->u.account.account);
    const rf_rate maker = command->u.account.maker_fee_rate,
                  taker = command->u.account.taker_fee_rate;
    if (!account)
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST;
    /* A rebate may not exceed what the taker pays, or FEES would pay for trades. */
    if (!command->u.account.fees_reset &&
        (taker < 0 || taker > RF_E8 / 10 || maker > taker || maker < -taker))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    set_flag(account, RF_ACCOUNT_OWN_FEES, command->u.account.fees_reset == 0);
    account->maker_rate = command->u.account.fees_reset ? 0 : maker;
    account->taker_rate = command->u.account.fees_reset ? 0 : taker;
    fees_changed(engine, command->u.account.account);
    emit(engine, RF_EVENT_ACCOUNT_CHANGED, command->u.account.account, 0);
    return RF_ERR_OK;
}

/* A lower maximum raises initial margin: it must be there (an account below zero may still go up). */
rf_error rf_account_set_leverage(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_account *account = user(engine, command->u.account.account);
    const uint32_t leverage = command->u.account.leverage;
    if (!account)
        return RF_ERR_ACCOUNTS_DO_NOT_MATCH;
    if (leverage < 1 || leverage > 100)
        return RF_ERR_INVALID_LEVERAGE;
    const uint32_t before = account->leverage;
    const rf_money available = rf_cross_available(engine, command->u.account.account);
    account->leverage = leverage;
    const rf_money after = rf_cross_available(engine, command->u.account.account);
    if (after < 0 && after < available) {
        account->leverage = before;
        return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    }
    rf_watch_account(engine, command->u.account.account);
    emit(engine, RF_EVENT_ACCOUNT_CHANGED, command->u.account.account, 0);
    return RF_ERR_OK;
}

rf_error rf_account_set_stp(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    rf_account *account = user(engine, command->u.account.account);
    if (!account)
        return RF_ERR_ACCOUNTS_DO_NOT_MATCH;
    if (command->u.account.stp > RF_STP_BOTH ||
        command->u.account.stp_scope > RF_STP_SCOPE_FAMILY || command->u.account.stp_id > 32767)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    account->stp = command->u.account.stp;
    account->stp_scope = command->u.account.stp_scope;
    account->stp_id = command->u.account.stp_id;
    emit(engine, RF_EVENT_ACCOUNT_CHANGED, command->u.account.account, 0);
    return RF_ERR_OK;
}

/* ---- Countdown -------------------------------------------------------------------------------------- */

rf_error rf_account_set_cancel_after(rf_engine *engine, const rf_command *command,
                                     rf_result *result)
{
    (void)result;
    rf_account *account = user(engine, command->u.account.account);
    const int64_t timeout = command->u.account.timeout_ns;
    if (!account)
        return RF_ERR_ACCOUNTS_DO_NOT_MATCH;
    if (timeout < 0 || timeout > 24 * RF_HOUR_NS)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    account->cancel_timeout_ns = timeout;
    account->cancel_include_reduce_only = command->u.account.include_reduce_only != 0;
    account->cancel_after_ns = timeout == 0 ? 0 : engine->now_ns + timeout;
    if (account->cancel_after_ns != 0 &&
        (engine->next_deadline_ns == 0 || account->cancel_after_ns < engine->next_deadline_ns))
        engine->next_deadline_ns = account->cancel_after_ns;
    return RF_ERR_OK;
}

static uint32_t collect(rf_engine *engine, uint32_t position, bool reduce_only_too, uint32_t count)
{
    const rf_position *record = &engine->positions[position];
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t order = record->orders[side]; order != RF_NONE;
             order = engine->orders[order].own_next)
            if (reduce_only_too || (engine->orders[order].flags & RF_FLAG_REDUCE_ONLY) == 0)
                engine->scratch[count++] = order;
    return count;
}

static void cancel_resting(rf_engine *engine, uint32_t account)
{
    const bool all = engine->accounts[account].cancel_include_reduce_only != 0;
    uint32_t count = 0;
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next)
        for (uint32_t mode = 0; mode < 2; mode++)
            if (engine->seats[seat].position[mode] != RF_NONE)
                count = collect(engine, engine->seats[seat].position[mode], all, count);
    for (uint32_t i = 0; i < count; i++)
        if (engine->orders[engine->scratch[i]].state != RF_STATE_FREE)
            rf_close_order(engine, engine->scratch[i], RF_ERR_OK, true);
}

void rf_account_run_deadlines(rf_engine *engine)
{
    if (engine->next_deadline_ns == 0 || engine->now_ns < engine->next_deadline_ns)
        return;
    rf_time_ns next = 0;
    for (uint32_t i = 1; i < engine->accounts_count; i++) {
        rf_account *account = &engine->accounts[i];
        if (account->cancel_after_ns == 0)
            continue;
        if (account->cancel_after_ns <= engine->now_ns) {
            account->cancel_after_ns = 0;
            cancel_resting(engine, i);
        } else if (next == 0 || account->cancel_after_ns < next) {
            next = account->cancel_after_ns;
        }
    }
    engine->next_deadline_ns = next;
}
