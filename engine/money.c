/* The USD bundle and the collaterals: what goes into a main account, out of it, and between two of a family. */
#include "engine/account.h"
#include "engine/cross.h"
#include "engine/ledger.h"
#include "engine/mark.h"
#include "engine/position.h"
#include "engine/watch.h"

static bool known(const rf_engine *engine, uint32_t account)
{
    return account != RF_FUND && account < engine->accounts_count;
}

static bool amount_ok(rf_money amount)
{
    return amount > 0 && amount < RF_AMOUNT_MAX;
}

/* Ledger currency of a listed one: all members of the bundle are USD (0). */
static uint32_t ledger_currency(const rf_engine *engine, uint32_t currency)
{
    return engine->currencies[currency].kind == RF_CURRENCY_COLLATERAL ? currency : 0;
}

/* margin.md 2: "a deposit of x becomes floor(x * factor) USD", up to the cap on the units that the venue holds. */
static rf_error take_in(rf_engine *engine, uint32_t currency, int64_t units, rf_money *credited)
{
    rf_currency *record = &engine->currencies[currency];
    const bool collateral = record->kind == RF_CURRENCY_COLLATERAL;
    const uint32_t slot = ledger_currency(engine, currency);
    /* All money in the venue stays below 2^62, so no sum of balances can leave the number range. */
    if (units >= RF_AMOUNT_MAX - record->custody ||
        units >= RF_AMOUNT_MAX + engine->currencies[slot].world)
        return RF_ERR_MAX_AMOUNT_VIOLATED;
    if (!collateral && record->cap >= 0 && record->custody + units > record->cap)
        return RF_ERR_MAX_AMOUNT_VIOLATED;
    record->custody += units;
    *credited = collateral ? units : rf_rate_down(units, record->factor);
    return RF_ERR_OK;
}

static rf_error check_user(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    if (!known(engine, account))
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST;
    return currency < engine->currencies_count ? RF_ERR_OK : RF_ERR_INVALID_CURRENCY;
}

/* The ledger knows a member of the bundle as USD only; this says which coin came. */
static void emit_deposited(rf_engine *engine, const rf_command *command, rf_money credited)
{
    rf_event event = {0};
    event.kind = RF_EVENT_DEPOSITED;
    event.account = command->u.money.account;
    event.currency = (uint8_t)command->u.money.currency;
    event.amount = command->u.money.amount;
    event.value = credited;
    rf_emit(engine, &event);
}

rf_error rf_money_deposit(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    const uint32_t account = command->u.money.account, currency = command->u.money.currency;
    if (!amount_ok(command->u.money.amount))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    rf_money credited = 0;
    rf_error code = check_user(engine, account, currency);
    if (code == RF_ERR_OK)
        code = take_in(engine, currency, command->u.money.amount, &credited);
    if (code != RF_ERR_OK)
        return code;
    const uint32_t slot = ledger_currency(engine, currency);
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, slot), rf_slot_main(account, slot),
                   credited, RF_REASON_DEPOSIT, 0);
    emit_deposited(engine, command, credited);
    rf_watch_account(engine, account);
    return RF_ERR_OK;
}

/* By the operator's hand, signed, in a ledger currency; a debit takes no more cash than there is. */
rf_error rf_money_adjust(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    const uint32_t account = command->u.money.account, currency = command->u.money.currency;
    const rf_money amount = command->u.money.amount;
    if (amount <= -RF_AMOUNT_MAX || !amount_ok(amount < 0 ? -amount : amount))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    const rf_error code = check_user(engine, account, currency);
    if (code != RF_ERR_OK)
        return code;
    const uint32_t slot = ledger_currency(engine, currency);
    const rf_money cash = *rf_main(engine, account, slot);
    if (amount < 0 && cash + amount < 0)
        return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    if (amount > 0 && amount >= RF_AMOUNT_MAX + engine->currencies[slot].world)
        return RF_ERR_MAX_AMOUNT_VIOLATED;
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, slot), rf_slot_main(account, slot), amount,
                   RF_REASON_ADJUSTMENT, 0);
    rf_watch_account(engine, account);
    return RF_ERR_OK;
}

rf_error rf_money_fund_insurance(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    const uint32_t currency = command->u.money.currency;
    if (!amount_ok(command->u.money.amount))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (currency >= engine->currencies_count ||
        engine->currencies[currency].kind == RF_CURRENCY_COLLATERAL)
        return RF_ERR_INVALID_CURRENCY;
    rf_money credited = 0;
    const rf_error code = take_in(engine, currency, command->u.money.amount, &credited);
    if (code == RF_ERR_OK)
        rf_ledger_post(engine, rf_slot_house(RF_SLOT_WORLD, 0), rf_slot_house(RF_SLOT_INSURANCE, 0),
                       credited, RF_REASON_FUND_INSURANCE, 0);
    return code;
}

/* ---- Withdrawals ------------------------------------------------------------------------------------ */

/* Withdrawals freeze with the positions behind them: a state that trades nothing, or a mark that says nothing. */
static rf_error check_frozen(const rf_engine *engine, uint32_t account)
{
    for (uint32_t seat = engine->accounts[account].seats; seat != RF_NONE;
         seat = engine->seats[seat].account_next) {
        const uint32_t position = engine->seats[seat].position[0];
        if (position == RF_NONE || engine->positions[position].q == 0)
            continue;
        const rf_instrument *instrument = &engine->instruments[engine->seats[seat].instrument];
        if (instrument->state != RF_STATE_OPEN && instrument->state != RF_STATE_REDUCE_ONLY)
            return RF_ERR_INSTRUMENT_NOT_TRADABLE;
        if (rf_mark_stale(engine, instrument))
            return RF_ERR_STALE_MARK_PRICE;
    }
    return RF_ERR_OK;
}

static rf_error check_withdrawal(const rf_engine *engine, uint32_t account, uint32_t currency,
                                 int64_t units, rf_money debit)
{
    const rf_account *record = &engine->accounts[account];
    if ((record->flags & RF_ACCOUNT_SUSPENDED) != 0)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    if ((record->flags & RF_ACCOUNT_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    const rf_error code = check_frozen(engine, account);
    if (code != RF_ERR_OK)
        return code;
    if (units > engine->currencies[currency].custody)
        return RF_ERR_MAX_AMOUNT_VIOLATED;
    return debit <= rf_cross_withdrawable(engine, account, ledger_currency(engine, currency))
               ? RF_ERR_OK
               : RF_ERR_MAX_AMOUNT_VIOLATED;
}

static void emit(rf_engine *engine, rf_event_kind kind, const rf_withdrawal *withdrawal,
                 bool approved)
{
    rf_event event = {0};
    event.kind = (uint16_t)kind;
    event.account = withdrawal->account;
    event.currency = (uint8_t)withdrawal->currency;
    event.amount = withdrawal->amount;
    event.value = withdrawal->debit;
    event.id = withdrawal->id;
    event.code = approved;
    rf_emit(engine, &event);
}

static rf_withdrawal *find_withdrawal(rf_engine *engine, uint64_t id)
{
    for (uint32_t i = 0; i < engine->limits.withdrawals_max; i++)
        if (engine->withdrawals[i].id == id)
            return &engine->withdrawals[i];
    return NULL;
}

rf_error rf_money_request_withdrawal(rf_engine *engine, const rf_command *command,
                                     rf_result *result)
{
    const uint32_t account = command->u.money.account, currency = command->u.money.currency;
    const int64_t units = command->u.money.amount;
    if (!amount_ok(units) || !known(engine, account))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if (currency >= engine->currencies_count)
        return RF_ERR_INVALID_CURRENCY;
    rf_currency *record = &engine->currencies[currency];
    const rf_money debit =
        record->kind == RF_CURRENCY_COLLATERAL ? units : rf_rate_up(units, record->factor);
    const rf_error code = check_withdrawal(engine, account, currency, units, debit);
    if (code != RF_ERR_OK)
        return code;
    rf_withdrawal *withdrawal = find_withdrawal(engine, 0);
    if (!withdrawal) /* until the operators have decided about some */
        return RF_ERR_TOO_MANY_REQUESTS;
    *withdrawal =
        (rf_withdrawal){engine->next_withdrawal++, account, currency, units, debit, engine->now_ns};
    engine->withdrawals_used++;
    record->custody -= units;
    const uint32_t slot = ledger_currency(engine, currency);
    if (slot == 0)
        engine->accounts[account].withdrawing += debit;
    rf_ledger_post(engine, rf_slot_main(account, slot), rf_slot_house(RF_SLOT_WITHDRAWALS, slot),
                   debit, RF_REASON_WITHDRAWAL, 0);
    rf_watch_account(engine, account);
    emit(engine, RF_EVENT_WITHDRAWAL_REQUESTED, withdrawal, false);
    result->id = withdrawal->id;
    return RF_ERR_OK;
}

rf_error rf_money_decide_withdrawal(rf_engine *engine, const rf_command *command, rf_result *result)
{
    rf_withdrawal *withdrawal =
        command->u.money.id != 0 ? find_withdrawal(engine, command->u.money.id) : NULL;
    if (!withdrawal)
        return RF_ERR_NOT_FOUND;
    const bool approve = command->u.money.approve != 0;
    const uint32_t slot = ledger_currency(engine, withdrawal->currency);
    const rf_slot to =
        approve ? rf_slot_house(RF_SLOT_WORLD, slot) : rf_slot_main(withdrawal->account, slot);
    rf_ledger_post(engine, rf_slot_house(RF_SLOT_WITHDRAWALS, slot), to, withdrawal->debit,
                   RF_REASON_WITHDRAWAL, 0);
    if (!approve)
        engine->currencies[withdrawal->currency].custody += withdrawal->amount;
    if (slot == 0)
        engine->accounts[withdrawal->account].withdrawing -= withdrawal->debit;
    emit(engine, RF_EVENT_WITHDRAWAL_DECIDED, withdrawal, approve);
    result->id = withdrawal->id;
    rf_watch_account(engine, withdrawal->account);
    *withdrawal = (rf_withdrawal){0};
    engine->withdrawals_used--;
    return RF_ERR_OK;
}

/* ---- Between accounts of a family -------------------------------------------------------------------- */

static uint32_t root_of(const rf_engine *engine, uint32_t account)
{
    const uint32_t master = engine->accounts[account].master;
    return master != 0 ? master : account;
}

/* market.md: "a master moves money anywhere in its family, a sub only to its master". */
static rf_error check_family(const rf_engine *engine, uint32_t caller, uint32_t from, uint32_t to)
{
    if (!known(engine, caller))
        return RF_ERR_ACCOUNTS_DO_NOT_MATCH;
    if ((engine->accounts[caller].flags & RF_ACCOUNT_SUSPENDED) != 0)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    if (!known(engine, from) || !known(engine, to))
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST;
    if (from == to)
        return RF_ERR_INVALID_REQUEST;
    if (root_of(engine, from) != root_of(engine, caller) ||
        root_of(engine, to) != root_of(engine, caller))
        return RF_ERR_ACCOUNT_DOES_NOT_EXIST; /* a foreign one looks like none */
    const bool master = engine->accounts[caller].master == 0;
    if (!master && (from != caller || to != root_of(engine, caller)))
        return RF_ERR_ACCOUNTS_DO_NOT_MATCH;
    return RF_ERR_OK;
}

rf_error rf_money_transfer(rf_engine *engine, const rf_command *command, rf_result *result)
{
    (void)result;
    const uint32_t from = command->u.money.account, to = command->u.money.to,
                   currency = command->u.money.currency;
    const rf_money amount = command->u.money.amount;
    if (!amount_ok(amount))
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    rf_error code = check_family(engine, command->u.money.caller, from, to);
    if (code == RF_ERR_OK && currency >= engine->currencies_count)
        code = RF_ERR_INVALID_CURRENCY;
    if (code == RF_ERR_OK && (engine->accounts[from].flags & RF_ACCOUNT_LIQUIDATING) != 0)
        code = RF_ERR_POSITION_IS_IN_LIQUIDATION;
    if (code == RF_ERR_OK)
        code = check_frozen(engine, from);
    if (code != RF_ERR_OK)
        return code;
    const uint32_t slot = ledger_currency(engine, currency);
    if (amount > rf_cross_withdrawable(engine, from, slot))
        return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    rf_ledger_post(engine, rf_slot_main(from, slot), rf_slot_main(to, slot), amount,
                   RF_REASON_SUBACCOUNT, 0);
    rf_watch_account(engine, from);
    rf_watch_account(engine, to);
    return RF_ERR_OK;
}
