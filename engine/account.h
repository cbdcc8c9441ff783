/* Accounts and the money of main accounts: opening, settings, deposits, withdrawals, transfers.
 *
 * Promise: margin.md section 2. Each is a double entry with WORLD, WITHDRAWALS or another main account; isolated
 * money is never touched here.
 *
 * May include: engine/state.h, ledger, cross, position, watch. */
#ifndef RF_ENGINE_ACCOUNT_H
#define RF_ENGINE_ACCOUNT_H

#include "engine/state.h"

/* Files an account under its label. For load too; fetch asks for where that is, ahead of need. */
void rf_account_file(rf_engine *engine, uint32_t account);
void rf_account_fetch_label(const rf_engine *engine, uint32_t account);
rf_error rf_account_create(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_account_suspend(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_account_set_fees(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_account_set_leverage(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_account_set_stp(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_account_set_cancel_after(rf_engine *engine, const rf_command *command,
                                     rf_result *result);
/* Cancels what is due at engine->now_ns. */
void rf_account_run_deadlines(rf_engine *engine);

rf_error rf_money_deposit(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_money_adjust(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_money_fund_insurance(rf_engine *engine, const rf_command *command, rf_result *result);
rf_error rf_money_request_withdrawal(rf_engine *engine, const rf_command *command,
                                     rf_result *result);
rf_error rf_money_decide_withdrawal(rf_engine *engine, const rf_command *command,
                                    rf_result *result);
rf_error rf_money_transfer(rf_engine *engine, const rf_command *command, rf_result *result);

#endif
