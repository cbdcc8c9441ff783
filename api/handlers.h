/* What the handlers of methods.def share: those in api/, and those of services (api/call.h).
 *
 * A handler appends the value of "result" to call->out and returns OK, or returns why not; what it
 * wrote is dropped then. One that writes nothing answers without a result.
 *
 * May include: api. */
#ifndef RF_API_HANDLERS_H
#define RF_API_HANDLERS_H

#include "api/args.h"
#include "api/call.h"

struct rf_call {
    rf_api *api;
    rf_engine *engine;
    const rf_method *method;
    const rf_request *request;
    rf_args args;
    rf_bytes *out;
    uint32_t account;
    int64_t time_ns;
    rf_job job; /* left by a handler that answers OK: the result comes from it */
    /* The first line of the ledger about margin that the command moved; 0: none. */
    int64_t journal_id;
    /* For error_data: */
    rf_result result;
    const char *client_oid;
    char did_you_mean[RF_NAME_SIZE];
    int problem_index; /* of the order in order_list that args.problem is about; -1: the call's own */
};

#define RF_METHOD(id, name, door, flags, params, handler, doc) \
    rf_error rf_handle_##handler(rf_call *call);
#include "api/methods.def"
#undef RF_METHOD

/* Hands the call to the service that its row names; 40002 when nobody is there. */
rf_error rf_handle_serve(rf_call *call);
/* A handler of the engine or the market that finds its memory too short: the history, if it is
 * there, answers the call instead. */
bool rf_call_has_history(const rf_call *call);
rf_error rf_call_history(rf_call *call);

/* Applies a command at the call's time and ticks until nothing is pending. The result stays in
 * call->result. */
rf_error rf_call_apply(rf_call *call, rf_command *command);

/* ---- Decoding (decode.c, decode_order.c, decode_config.c) ------------------------------------ */

/* The instrument of a parameter, or -1 with a problem noted (209). Absent: -1 without one. */
int rf_decode_instrument(rf_call *call, rf_args *args, unsigned param, rf_instrument_view *view);
/* The currency, or -1 and 211. */
int rf_decode_currency(rf_call *call, rf_args *args, unsigned param);
/* An operator's account by label or account_id; -1 and 401. */
int64_t rf_decode_account(rf_call *call, rf_args *args, unsigned param);
/* account_id back to the number: 00000000-0000-4000-8000-<12 hex digits>; -1. */
int64_t rf_decode_account_id(const rf_engine *engine, const char *text);
/* A client_oid into the fixed field; 40004 when too long or not printable. */
void rf_decode_oid(rf_args *args, unsigned param, char oid[RF_CLIENT_OID_SIZE]);
/* What is noted against the call's own parameters, with what the account's state says before it
 * (202). */
rf_error rf_decode_problem(rf_call *call, const rf_args *args);

/* An order from a bound set ORDER. The answer is the first rule that it breaks, or OK; a problem
 * that the engine would see first is asked of the engine. */
rf_error rf_decode_order(rf_call *call, rf_args *args, rf_order_params *order);
rf_error rf_decode_close(rf_call *call, rf_order_params *order);

/* Instrument, series and range of get-valuations; the answer is the instrument, or -1 and a problem. */
int rf_decode_series(rf_call *call, rf_series *series, int64_t *from, int64_t *until);

typedef enum rf_config_set { RF_CONFIG_NEW, RF_CONFIG_CHANGED } rf_config_set;
/* Overwrites in *config what is given. */
void rf_decode_config(rf_call *call, rf_config_set set, rf_instrument_config *config);

/* ---- Encoding (encode*.c) -------------------------------------------------------------------- */

/* Name of an instrument or currency for good numbers; "" otherwise. */
const char *rf_instrument_name(const rf_engine *engine, uint32_t instrument,
                               rf_instrument_view *view);
void rf_put_account(rf_bytes *out, const char *key, uint32_t account);
/* "2021-02-17", in UTC. */
void rf_put_date(rf_bytes *out, const char *key, int64_t time_ns);
void rf_put_ms(rf_bytes *out, const char *key, int64_t time_ns);
/* value * 10^qty_decimals / qty in e8, toward zero; 0 for qty 0. */
rf_wide rf_average_price(rf_wide value, int64_t qty, unsigned qty_decimals);
/* numerator / denominator in e8, rounded up; the denominator is above 0. */
rf_wide rf_ratio_up(rf_wide numerator, rf_wide denominator);

const char *rf_side_name(unsigned side);
const char *rf_order_type_name(unsigned type);
const char *rf_order_status_name(unsigned status);
const char *rf_instrument_state_name(unsigned state);

/* One object each, as an element of an array (key NULL) or a member. */
void rf_encode_order(rf_bytes *out, const char *key, const rf_engine *engine,
                     const rf_order_view *order, bool advanced);
/* The same, of an instrument whose name, decimals and k are known. */
void rf_encode_order_of(rf_bytes *out, const char *key, const rf_instrument_view *instrument,
                        const rf_order_view *order, bool advanced);
/* As a subscriber is told of a change: with its time. */
void rf_encode_order_update(rf_bytes *out, const rf_instrument_view *instrument,
                            const rf_order_view *order, bool advanced);
void rf_encode_position(rf_bytes *out, const char *key, const rf_engine *engine,
                        const rf_position_view *position);
void rf_encode_balance(rf_bytes *out, const char *key, rf_api *api, uint32_t account,
                       const char *uuid_key);
/* The answer to margin moves and leverage changes. */
void rf_encode_isolation_answer(rf_call *call, uint64_t isolation_id);
void rf_encode_ticker(rf_call *call, rf_bytes *out, const rf_instrument_view *view);
void rf_encode_bar(rf_bytes *out, const rf_bar *bar, const rf_instrument_config *config);
const char *rf_timeframe_name(rf_timeframe timeframe); /* "1D" */
int rf_timeframe_find(const char *name);               /* old spellings too; -1 */
void rf_encode_trade(rf_bytes *out, const rf_trade *trade, const rf_instrument_config *config);
void rf_encode_account(rf_bytes *out, const char *key, const rf_account_view *view);
/* Members of an order's answer, without the brackets. */
void rf_encode_order_answer(rf_call *call, const rf_order_params *order);

#endif
