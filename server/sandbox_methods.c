/* The sandbox's own methods: what happens to its market is in the operator's hands. */
#include "api/put.h"
#include "base/arith.h"
#include "server/sandbox_state.h"

enum {
    SPEED_MAX = 3600,
    SECONDS_MAX = 3600,
    DAYS_MAX = 366, /* that the clock jumps at once */
    FAUCET_USD = 10000,
};

static rf_sandbox *of(const rf_call *call)
{
    return call->api->servers[RF_SERVICE_SANDBOX].context;
}

/* From first to last - 1: the markets that a call is about. False: it names one that is not the
 * sandbox's (209). */
static bool pick(rf_call *call, unsigned param, unsigned *first, unsigned *last)
{
    rf_instrument_view view;
    *first = 0;
    *last = SANDBOX_INSTRUMENTS;
    if (!rf_arg_given(&call->args, param))
        return true;
    int instrument = rf_decode_instrument(call, &call->args, param, &view);
    for (unsigned i = 0; instrument >= 0 && i < SANDBOX_INSTRUMENTS; i++) {
        if (rf_find_instrument(call->engine, sandbox_listings[i].instrument) != instrument)
            continue;
        *first = i;
        *last = i + 1;
        return true;
    }
    return rf_args_refuse(&call->args, RF_ERR_INVALID_INSTRUMENT, "instrument_name");
}

static rf_error crash(rf_call *call)
{
    rf_args *args = &call->args;
    unsigned first, last;
    int64_t fraction = rf_arg_within(args, RF_P_SANDBOX_CRASH_fraction, 8, 0, -RF_E8, RF_E8 - 1);
    int64_t seconds = rf_arg_int(args, RF_P_SANDBOX_CRASH_seconds, 10, 0, SECONDS_MAX);
    if (!pick(call, RF_P_SANDBOX_CRASH_instrument_name, &first, &last) || args->problem)
        return args->problem;
    for (unsigned i = first; i < last; i++)
        rf_walk_slide(&of(call)->markets[i].walk, -fraction, seconds * 1000 / RF_SANDBOX_STEP_MS);
    return RF_ERR_OK;
}

static rf_error spread(rf_call *call)
{
    rf_args *args = &call->args;
    unsigned first, last;
    int64_t percent = rf_arg_within(args, RF_P_SANDBOX_SPREAD_factor, 2, 100, 10, 100000);
    if (!pick(call, RF_P_SANDBOX_SPREAD_instrument_name, &first, &last) || args->problem)
        return args->problem;
    for (unsigned i = first; i < last; i++)
        of(call)->markets[i].spread_percent = percent;
    return RF_ERR_OK;
}

static rf_error feed(rf_call *call)
{
    rf_args *args = &call->args;
    unsigned first, last;
    bool off = rf_arg_choice(args, RF_P_SANDBOX_FEED_state, 0) == 1;
    if (!pick(call, RF_P_SANDBOX_FEED_instrument_name, &first, &last) || args->problem)
        return args->problem;
    for (unsigned i = first; i < last; i++)
        of(call)->markets[i].feed_off = off;
    return RF_ERR_OK;
}

/* A jump happens with the next command: time does not pass inside a call. */
static rf_error clock_of(rf_call *call)
{
    rf_args *args = &call->args;
    rf_sandbox *sandbox = of(call);
    bool paused = rf_arg_bool(args, RF_P_SANDBOX_CLOCK_paused, sandbox->paused);
    int64_t speed = rf_arg_int(args, RF_P_SANDBOX_CLOCK_speed, sandbox->speed, 1, SPEED_MAX);
    int64_t forward_ms =
        rf_arg_int(args, RF_P_SANDBOX_CLOCK_forward_ms, 0, 0, (int64_t)DAYS_MAX * 86400000);
    if (args->problem)
        return args->problem;
    sandbox->paused = paused;
    sandbox->speed = speed;
    if (forward_ms > 0)
        sandbox->options.shift(sandbox->options.context, forward_ms * 1000000);
    rf_put_open(call->out, NULL, '{');
    rf_put_int(call->out, "time_ms", call->time_ns / 1000000 + forward_ms);
    rf_put_bool(call->out, "paused", paused);
    rf_put_int(call->out, "speed", speed);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static rf_error pay(rf_call *call, uint32_t account, uint32_t currency, int64_t amount_e8)
{
    rf_command command = {.kind = RF_COMMAND_DEPOSIT};
    command.u.money.account = account;
    command.u.money.currency = currency;
    command.u.money.amount = amount_e8;
    rf_error code = rf_call_apply(call, &command);
    if (code != RF_ERR_OK)
        return code;
    rf_put_open(call->out, NULL, '{');
    rf_put_account(call->out, "account_id", account);
    rf_put_money(call->out, "amount", amount_e8);
    rf_put_close(call->out, '}');
    return RF_ERR_OK;
}

static rf_error faucet(rf_call *call)
{
    rf_args *args = &call->args;
    int64_t account = rf_decode_account(call, args, RF_P_SANDBOX_FAUCET_account);
    int currency = 0;
    if (rf_arg_given(args, RF_P_SANDBOX_FAUCET_currency))
        currency = rf_decode_currency(call, args, RF_P_SANDBOX_FAUCET_currency);
    int64_t amount = rf_arg_positive(args, RF_P_SANDBOX_FAUCET_amount, 8, FAUCET_USD * RF_E8);
    if (args->problem)
        return args->problem;
    return pay(call, (uint32_t)account, (uint32_t)currency, amount);
}

rf_error sandbox_serve(rf_call *call)
{
    switch ((int)rf_method_number(call->method)) {
    case RF_M_SANDBOX_CRASH:
        return crash(call);
    case RF_M_SANDBOX_SPREAD:
        return spread(call);
    case RF_M_SANDBOX_FEED:
        return feed(call);
    case RF_M_SANDBOX_CLOCK:
        return clock_of(call);
    case RF_M_SANDBOX_FAUCET:
        return faucet(call);
    case RF_M_FAUCET:
        return pay(call, call->account, 0, FAUCET_USD * RF_E8);
    default:
        return RF_ERR_METHOD_NOT_FOUND;
    }
}
