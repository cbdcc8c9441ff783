#include "engine/isolate.h"

#include "engine/cross.h"
#include "engine/ledger.h"
#include "engine/mark.h"
#include "engine/position.h"
#include "engine/watch.h"

uint32_t rf_isolate_find(const rf_engine *engine, uint32_t account, uint64_t isolation_id)
{
    const uint32_t position = rf_position_by_isolation(engine, isolation_id);
    if (position == RF_NONE || engine->positions[position].account != account)
        return RF_NONE;
    return position;
}

/* Q3 and 4(3) of the help page: "Transfer part of the margin back to your main account. The system will
 * calculate the maximum removable amount based on current balance and initial margin for this isolated
 * position and orders." */
rf_money rf_isolate_max_removable(const rf_engine *engine, uint32_t position)
{
    const rf_position *record = &engine->positions[position];
    const rf_instrument *instrument = &engine->instruments[record->instrument];
    if ((record->flags & RF_POSITION_LIQUIDATING) != 0 || rf_liquidation_frozen(engine, instrument))
        return 0;
    rf_assessment now;
    rf_position_assess(engine, record, &now);
    return rf_max(0, rf_min(record->wallet, now.available));
}

/* "Transfer the required margin into the isolated position." */
void rf_isolate_transfer(rf_engine *engine, uint32_t position, rf_money amount)
{
    rf_position *record = &engine->positions[position];
    rf_position_cold *cold = &engine->positions_cold[position];
    const rf_slot main = rf_slot_main(record->account, 0);
    const rf_slot fence = rf_slot_of_position(engine, position);
    if (amount > 0) {
        rf_ledger_post(engine, main, fence, amount, RF_REASON_ISOLATED_TRANSFER, 0);
        cold->put_in = rf_add(cold->put_in, amount);
    } else {
        rf_ledger_post(engine, fence, main, -amount, RF_REASON_ISOLATED_TRANSFER, 0);
        cold->taken_out = rf_add(cold->taken_out, -amount);
    }
    record->update_time_ns = engine->now_ns;
    engine->instruments[record->instrument].changes++;
    rf_position_touch(engine, position);
    rf_watch_account(engine, record->account);
}

static rf_error refuse_margin(rf_result *result, rf_money required)
{
    result->required_margin = required;
    result->has_required_margin = 1;
    return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
}

/* What every call on an isolation looks at first. */
static rf_error look_up(const rf_engine *engine, uint32_t account, uint64_t isolation_id,
                        uint32_t *position)
{
    if (account == RF_FUND || account >= engine->accounts_count)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    if ((engine->accounts[account].flags & RF_ACCOUNT_SUSPENDED) != 0)
        return RF_ERR_ACCOUNT_IS_SUSPENDED;
    *position = rf_isolate_find(engine, account, isolation_id);
    if (*position == RF_NONE)
        return RF_ERR_INVALID_ISOLATION_ID;
    if ((engine->positions[*position].flags & RF_POSITION_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    return RF_ERR_OK;
}

/* Whether main may give this much now: free of cross margin, in USD cash, and not in liquidation itself. */
static rf_error may_give(const rf_engine *engine, uint32_t account, rf_money amount)
{
    if ((engine->accounts[account].flags & RF_ACCOUNT_LIQUIDATING) != 0)
        return RF_ERR_POSITION_IS_IN_LIQUIDATION;
    if (!rf_cross_can_give(engine, account, amount))
        return RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE;
    return RF_ERR_OK;
}

static rf_error credit(rf_engine *engine, uint32_t position, rf_money amount, rf_result *result)
{
    const rf_error code = may_give(engine, engine->positions[position].account, amount);
    if (code == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
        return refuse_margin(result, amount);
    if (code != RF_ERR_OK)
        return code;
    rf_isolate_transfer(engine, position, amount);
    return RF_ERR_OK;
}

static rf_error debit(rf_engine *engine, uint32_t position, rf_money amount, rf_result *result)
{
    const rf_instrument *instrument = &engine->instruments[engine->positions[position].instrument];
    if (instrument->state != RF_STATE_OPEN && instrument->state != RF_STATE_REDUCE_ONLY)
        return RF_ERR_INSTRUMENT_NOT_TRADABLE;
    if (rf_mark_stale(engine, instrument))
        return RF_ERR_STALE_MARK_PRICE;
    const rf_money removable = rf_isolate_max_removable(engine, position);
    if (amount > removable) /* what has to stay */
        return refuse_margin(result, rf_max(0, engine->positions[position].wallet - removable));
    rf_isolate_transfer(engine, position, -amount);
    return RF_ERR_OK;
}

rf_error rf_isolate_move_margin(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const rf_money amount = command->u.isolation.amount;
    if (amount == 0 || amount >= RF_AMOUNT_MAX || amount <= -RF_AMOUNT_MAX)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    uint32_t position;
    const rf_error code =
        look_up(engine, command->u.isolation.account, command->u.isolation.isolation_id, &position);
    if (code != RF_ERR_OK)
        return code;
    result->isolation_id = engine->positions[position].id;
    return amount > 0 ? credit(engine, position, amount, result)
                      : debit(engine, position, -amount, result);
}

/* "Increase Leverage: The margin amount in the isolated position stays the same. Liquidation price stays
 * unchanged." A leverage that this size cannot reach is refused. */
rf_error rf_isolate_check_leverage(const rf_engine *engine, uint32_t position, uint32_t leverage)
{
    const rf_position *record = &engine->positions[position];
    rf_margin_params params;
    rf_position_params(engine, record, &params);
    if (leverage < 1 || leverage > rf_margin_leverage_max(&params, 0))
        return RF_ERR_INVALID_LEVERAGE;
    if (leverage <= record->leverage)
        return RF_ERR_OK;
    rf_assessment now;
    rf_position_assess_at(engine, record, engine->instruments[record->instrument].mark, leverage,
                          &now);
    if (rf_margin_leverage_too_high(&params, leverage, now.binding_qty) ||
        leverage > rf_margin_leverage_max(&params, now.binding.notional))
        return RF_ERR_INVALID_LEVERAGE;
    return RF_ERR_OK;
}

/* "The leverage change only takes effect after you successfully add enough margin." */
static rf_error settle_need(rf_engine *engine, uint32_t position, uint32_t leverage,
                            rf_money offered, rf_result *result)
{
    const rf_position *record = &engine->positions[position];
    rf_assessment now;
    rf_position_assess_at(engine, record, engine->instruments[record->instrument].mark, leverage,
                          &now);
    const rf_money need = leverage < record->leverage ? rf_max(0, -now.available) : 0;
    const rf_money amount = offered == -1 ? need : offered;
    if (amount < need)
        return refuse_margin(result, need);
    if (amount == 0)
        return RF_ERR_OK;
    const rf_error code = may_give(engine, record->account, amount);
    if (code == RF_ERR_INSUFFICIENT_AVAILABLE_BALANCE)
        return refuse_margin(result, need);
    if (code == RF_ERR_OK)
        rf_isolate_transfer(engine, position, amount);
    return code;
}

rf_error rf_isolate_set_leverage(rf_engine *engine, const rf_command *command, rf_result *result)
{
    const rf_money offered = command->u.isolation.amount;
    if (offered < -1 || offered >= RF_AMOUNT_MAX)
        return RF_ERR_MISSING_OR_INVALID_ARGUMENT;
    uint32_t position;
    rf_error code =
        look_up(engine, command->u.isolation.account, command->u.isolation.isolation_id, &position);
    if (code != RF_ERR_OK)
        return code;
    const uint32_t leverage = command->u.isolation.leverage;
    rf_position *record = &engine->positions[position];
    result->isolation_id = record->id;
    code = rf_isolate_check_leverage(engine, position, leverage);
    if (code == RF_ERR_OK)
        code = settle_need(engine, position, leverage, offered, result);
    if (code != RF_ERR_OK)
        return code;
    rf_event event = {0};
    event.kind = RF_EVENT_LEVERAGE_CHANGED;
    event.instrument = record->instrument;
    event.account = record->account;
    event.isolation_id = record->id;
    event.value = leverage;
    event.qty = record->leverage;
    rf_emit(engine, &event);
    record->leverage = leverage;
    engine->seats[engine->positions_cold[position].seat].last_leverage = leverage;
    rf_position_touch(engine, position);
    return RF_ERR_OK;
}
