/* The methods of RF_SERVICE_HISTORY: on the loop's thread what is asked is looked at and turned into
 * a job; the worker makes the answer. */
#include <stdlib.h>
#include <string.h>

#include "history/answer.h"

#define NS_PER_DAY 86400000000000LL
#define NS_PER_HOUR 3600000000000LL

enum { PAGE_MAX = 100, EXPORT_MAX = 10000, TRADES_DAYS_MAX = 7, TRANSFERS_DAYS = 90 };

/* ---- Jobs ------------------------------------------------------------------------------------ */

static void drop(void *work)
{
    history_job *job = work;
    free(job->samples);
    free(job);
}

static bool take_instrument(void *to, const void *row)
{
    history_answer *answer = to;
    if (answer->instruments_count < answer->instruments_max)
        memcpy(&answer->instruments[answer->instruments_count++], row, sizeof(rf_row_instrument));
    return true;
}

static bool take_currency(void *to, const void *row)
{
    history_answer *answer = to;
    if (answer->currencies_count < answer->currencies_max)
        memcpy(&answer->currencies[answer->currencies_count++], row, sizeof(rf_row_currency));
    return true;
}

bool history_find(history_answer *answer, const rf_query *query,
                  bool (*each)(void *to, const void *row), void *to)
{
    return answer->store->find(answer->store, query, each, to, answer->error);
}

static bool load_names(history_answer *answer)
{
    const rf_query instruments = {.table = RF_TABLE_instrument,
                                  .order = RF_C_instrument_instrument};
    const rf_query currencies = {.table = RF_TABLE_currency, .order = RF_C_currency_currency};
    answer->instruments_max = answer->job->history->world->limits.instruments_max;
    answer->currencies_max = RF_CURRENCIES_MAX;
    answer->instruments = calloc(answer->instruments_max, sizeof *answer->instruments);
    answer->currencies = calloc(answer->currencies_max, sizeof *answer->currencies);
    return answer->instruments && answer->currencies &&
           history_find(answer, &instruments, take_instrument, answer) &&
           history_find(answer, &currencies, take_currency, answer);
}

static rf_error run(void *work, rf_bytes *out)
{
    const history_job *job = work;
    history_answer answer = {.job = job, .store = &job->history->store, .out = out};
    history_flush(job->history);
    rf_error code = RF_ERR_SYSTEM_MAINTENANCE;
    if (history_is_whole(job->history) && load_names(&answer))
        code = job->answer(&answer);
    free(answer.instruments);
    free(answer.currencies);
    return code;
}

rf_error history_leave(rf_call *call, const history_job *job)
{
    history_job *left = malloc(sizeof *left);
    if (!left) {
        free(job->samples);
        return RF_ERR_ERR_INTERNAL;
    }
    *left = *job;
    left->history = call->api->servers[RF_SERVICE_HISTORY].context;
    call->job = (rf_job){.run = run, .drop = drop, .work = left};
    return RF_ERR_OK;
}

/* ---- Lists of an account's own ---------------------------------------------------------------- */

/* The sets of the lists begin with the same parameters (params.def, RF_HISTORY_PARAMS). */
typedef enum list_param {
    P_INSTRUMENT = RF_P_HISTORY_instrument_name - RF_P_HISTORY_first,
    P_START = RF_P_HISTORY_start_time - RF_P_HISTORY_first,
    P_END = RF_P_HISTORY_end_time - RF_P_HISTORY_first,
    P_LIMIT = RF_P_HISTORY_limit - RF_P_HISTORY_first,
    P_CURSOR = RF_P_HISTORY_cursor - RF_P_HISTORY_first,
    P_ISOLATION = RF_P_HISTORY_isolation_id - RF_P_HISTORY_first,
} list_param;

/* Columns of a table that the parameters filter by; RF_COLUMNS: it has none. */
typedef struct list_columns {
    rf_column_id time, account, instrument, isolation;
} list_columns;

static unsigned param_of(const rf_call *call, list_param param)
{
    return (unsigned)call->args.first + param;
}

static void decode_window(rf_call *call, int64_t days_max, const list_columns *columns,
                          rf_query *query)
{
    rf_args *args = &call->args;
    int64_t until = rf_arg_time_ns(args, param_of(call, P_END), call->time_ns + 1);
    int64_t from =
        rf_arg_time_ns(args, param_of(call, P_START), until > NS_PER_DAY ? until - NS_PER_DAY : 0);
    if (until < from)
        rf_args_refuse(args, RF_ERR_INVALID_DATE, "end_time");
    if (days_max && until - from > days_max * NS_PER_DAY)
        rf_args_refuse(args, RF_ERR_INVALID_DATE, "start_time");
    rf_query_where(query, columns->time, RF_FROM, from);
    rf_query_where(query, columns->time, RF_BELOW, until);
}

/* Window, page and filters of a list. */
static rf_error decode_list(rf_call *call, const list_columns *columns, int64_t days_max,
                            int64_t limit_max, history_job *job)
{
    rf_args *args = &call->args;
    rf_query *query = &job->query;
    rf_instrument_view view;
    query->table = job->shape->table;
    query->order = job->shape->number;
    job->limit = (uint32_t)rf_arg_int(args, param_of(call, P_LIMIT), limit_max, 1, limit_max);
    decode_window(call, days_max, columns, query);
    uint64_t cursor = rf_arg_id(args, param_of(call, P_CURSOR), 0);
    if (cursor > INT64_MAX)
        rf_args_refuse(args, RF_ERR_MISSING_OR_INVALID_ARGUMENT, "cursor");
    rf_query_where(query, query->order, RF_ABOVE, 0);
    if (cursor)
        rf_query_where(query, query->order, RF_BELOW, (int64_t)cursor);
    int instrument = rf_decode_instrument(call, args, param_of(call, P_INSTRUMENT), &view);
    if (instrument >= 0)
        rf_query_where(query, columns->instrument, RF_EQUAL, instrument);
    if (columns->isolation != RF_COLUMNS) {
        uint64_t isolation_id = rf_arg_id(args, param_of(call, P_ISOLATION), 0);
        bool given = rf_arg_given(args, param_of(call, P_ISOLATION));
        if (given && isolation_id == 0)
            rf_args_refuse(args, RF_ERR_INVALID_ISOLATION_ID, "isolation_id");
        if (given)
            rf_query_where(query, columns->isolation, RF_EQUAL, (int64_t)isolation_id);
    }
    if (columns->account != RF_COLUMNS)
        rf_query_where(query, columns->account, RF_EQUAL, call->account);
    return args->problem;
}

#define OWN_COLUMNS(table)                                                         \
    {                                                                              \
        RF_C_##table##_time_ns, RF_C_##table##_account, RF_C_##table##_instrument, \
            RF_C_##table##_isolation_id                                            \
    }
static const list_columns orders_columns = OWN_COLUMNS(orders), trade_columns = OWN_COLUMNS(trade),
                          ledger_columns = OWN_COLUMNS(ledger),
                          isolation_columns = OWN_COLUMNS(isolation),
                          liquidation_columns = OWN_COLUMNS(liquidation);
static const list_columns insurance_columns = {RF_C_insurance_time_ns, RF_COLUMNS,
                                               RF_C_insurance_instrument, RF_COLUMNS};

static rf_error serve_list(rf_call *call, const history_shape *shape, const list_columns *columns,
                           int64_t days_max)
{
    history_job job = {.answer = history_answer_list, .shape = shape};
    job.advanced = (call->method->flags & RF_METHOD_ADVANCED) != 0;
    rf_error code = decode_list(call, columns, days_max, PAGE_MAX, &job);
    return code ? code : history_leave(call, &job);
}

static rf_error serve_ledger(rf_call *call)
{
    history_job job = {.answer = history_answer_list, .shape = &history_ledger};
    int type = rf_arg_choice(&call->args, RF_P_LEDGER_journal_type, -1);
    rf_error code = decode_list(call, &ledger_columns, 0, PAGE_MAX, &job);
    if (type >= 0)
        rf_query_where(&job.query, RF_C_ledger_type, RF_EQUAL, type);
    return code ? code : history_leave(call, &job);
}

static rf_error serve_results(rf_call *call)
{
    history_job job = {.answer = history_answer_results, .account = call->account};
    return history_leave(call, &job);
}

/* ---- One order that the engine has forgotten -------------------------------------------------- */

static rf_error serve_order(rf_call *call)
{
    history_job job = {.answer = history_answer_order};
    uint64_t order_id = rf_arg_id(&call->args, RF_P_ORDER_KEY_order_id, 0);
    const char *oid = rf_arg_text(&call->args, RF_P_ORDER_KEY_client_oid, "");
    rf_query *query = &job.query;
    job.advanced = (call->method->flags & RF_METHOD_ADVANCED) != 0;
    query->table = RF_TABLE_orders;
    query->order = RF_C_orders_number;
    query->limit = 1;
    if (order_id > INT64_MAX || strlen(oid) >= RF_CLIENT_OID_SIZE)
        return RF_ERR_NOT_FOUND;
    rf_query_where(query, RF_C_orders_account, RF_EQUAL, call->account);
    if (order_id) {
        rf_query_where(query, RF_C_orders_order_id, RF_EQUAL, (int64_t)order_id);
    } else {
        rf_query_where(query, RF_C_orders_client_oid, RF_EQUAL, 0);
        memcpy(query->filters[query->filters_count - 1].text, oid, strlen(oid) + 1);
    }
    return history_leave(call, &job);
}

/* ---- Balances, deposits, withdrawals ----------------------------------------------------------- */

static rf_error serve_balances(rf_call *call)
{
    rf_args *args = &call->args;
    bool hours = rf_arg_choice(args, RF_P_BALANCES_timeframe, 1) == 0;
    int64_t limit_max = hours ? 120 : 30;
    int64_t end = rf_arg_time_ns(args, RF_P_BALANCES_end_time, call->time_ns + 1);
    history_job job = {.answer = history_answer_balances,
                       .step_ns = hours ? NS_PER_HOUR : NS_PER_DAY};
    job.limit = (uint32_t)rf_arg_int(args, RF_P_BALANCES_limit, limit_max, 1, limit_max);
    if (args->problem)
        return args->problem;
    /* An end that has not come yet has no balance. */
    end = end > call->time_ns + 1 ? call->time_ns + 1 : end;
    job.until = end > 0 ? (end - 1) / job.step_ns * job.step_ns : 0;
    job.query.table = RF_TABLE_balance;
    job.query.order = RF_C_balance_hour_ns;
    rf_query_where(&job.query, RF_C_balance_account, RF_EQUAL, call->account);
    rf_query_where(&job.query, RF_C_balance_hour_ns, RF_BELOW, job.until);
    return history_leave(call, &job);
}

static rf_error serve_transfers(rf_call *call, const history_shape *shape)
{
    rf_args *args = &call->args;
    history_job job = {.answer = history_answer_transfers, .shape = shape};
    rf_query *query = &job.query;
    int64_t until = rf_arg_time_ns(args, RF_P_TRANSFERS_end_ts, call->time_ns + 1);
    int64_t span = TRANSFERS_DAYS * NS_PER_DAY;
    int64_t from = rf_arg_time_ns(args, RF_P_TRANSFERS_start_ts, until > span ? until - span : 0);
    int currency = rf_arg_given(args, RF_P_TRANSFERS_currency)
                       ? rf_decode_currency(call, args, RF_P_TRANSFERS_currency)
                       : -1;
    int64_t status = rf_arg_int(args, RF_P_TRANSFERS_status, -1, 0, 6);
    job.limit = (uint32_t)rf_arg_int(args, RF_P_TRANSFERS_page_size, 20, 1, 200);
    query->skip = job.limit * (uint32_t)rf_arg_int(args, RF_P_TRANSFERS_page, 0, 0, 1000000);
    if (until < from)
        rf_args_refuse(args, RF_ERR_INVALID_DATE, "end_ts");
    if (args->problem)
        return args->problem;
    query->table = RF_TABLE_transfer;
    query->order = RF_C_transfer_number;
    query->limit = job.limit;
    rf_query_where(query, RF_C_transfer_account, RF_EQUAL, call->account);
    rf_query_where(query, RF_C_transfer_kind, RF_EQUAL, shape == &history_withdrawals);
    rf_query_where(query, RF_C_transfer_time_ns, RF_FROM, from);
    rf_query_where(query, RF_C_transfer_time_ns, RF_BELOW, until);
    if (currency >= 0)
        rf_query_where(query, RF_C_transfer_currency, RF_EQUAL, currency);
    if (status >= 0)
        rf_query_where(query, RF_C_transfer_status, RF_EQUAL, status);
    return history_leave(call, &job);
}

/* ---- The market beyond its rings --------------------------------------------------------------- */

/* The handlers in api/ have looked at the parameters already and found that a ring is too short. */
static rf_error serve_trades(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    history_job job = {.answer = history_answer_trades};
    rf_query *query = &job.query;
    int64_t until = rf_arg_time_ns(args, RF_P_TRADES_end_ts, call->time_ns + 1);
    query->table = RF_TABLE_trade;
    query->order = RF_C_trade_number;
    query->limit = (uint32_t)rf_arg_int(args, RF_P_TRADES_count, 25, 1, 150);
    int instrument = rf_decode_instrument(call, args, RF_P_TRADES_instrument_name, &view);
    rf_query_where(query, RF_C_trade_instrument, RF_EQUAL, instrument);
    rf_query_where(query, RF_C_trade_taker, RF_EQUAL, 1);
    rf_query_where(
        query, RF_C_trade_time_ns, RF_FROM,
        rf_arg_time_ns(args, RF_P_TRADES_start_ts, until > NS_PER_DAY ? until - NS_PER_DAY : 0));
    rf_query_where(query, RF_C_trade_time_ns, RF_BELOW, until);
    return history_leave(call, &job);
}

/* The longest stored bars that this timeframe is made of. */
static int64_t base_minutes(rf_timeframe timeframe)
{
    return timeframe < RF_BARS_1H ? 1 : timeframe < RF_BARS_1D ? 60 : 1440;
}

static rf_error serve_bars(rf_call *call)
{
    rf_args *args = &call->args;
    rf_instrument_view view;
    history_job job = {.answer = history_answer_bars};
    int64_t until = rf_arg_time_ns(args, RF_P_CANDLES_end_ts, call->time_ns + 1);
    job.timeframe =
        (rf_timeframe)rf_timeframe_find(rf_arg_text(args, RF_P_CANDLES_timeframe, "1m"));
    job.until = until > call->time_ns + 1 ? call->time_ns + 1 : until;
    job.from = rf_arg_time_ns(args, RF_P_CANDLES_start_ts, 0);
    job.limit = (uint32_t)rf_arg_int(args, RF_P_CANDLES_count, 25, 1, RF_ROWS_MAX);
    job.instrument =
        (uint32_t)rf_decode_instrument(call, args, RF_P_CANDLES_instrument_name, &view);
    job.query.table = RF_TABLE_candle;
    job.query.order = RF_C_candle_open_ns;
    rf_query_where(&job.query, RF_C_candle_instrument, RF_EQUAL, job.instrument);
    rf_query_where(&job.query, RF_C_candle_minutes, RF_EQUAL, base_minutes(job.timeframe));
    /* The last bar is shown whole, like the ring's. */
    rf_query_where(&job.query, RF_C_candle_open_ns, RF_BELOW,
                   rf_bar_next(job.timeframe, rf_bar_open(job.timeframe, job.until - 1)));
    return history_leave(call, &job);
}

static void query_series(history_job *job)
{
    rf_query *query = &job->query;
    if (job->series == RF_SERIES_FUNDING_HIST) {
        query->table = RF_TABLE_funding;
        query->order = RF_C_funding_number;
        query->limit = job->limit;
        rf_query_where(query, RF_C_funding_instrument, RF_EQUAL, job->instrument);
        rf_query_where(query, RF_C_funding_time_ns, RF_FROM, job->from);
        rf_query_where(query, RF_C_funding_time_ns, RF_BELOW, job->until);
        return;
    }
    bool rates = job->series == RF_SERIES_FUNDING || job->series == RF_SERIES_ESTIMATE;
    query->table = rates ? RF_TABLE_rate : RF_TABLE_valuation;
    query->order = rates ? RF_C_rate_hour_ns : RF_C_valuation_hour_ns;
    rf_query_where(query, rates ? RF_C_rate_instrument : RF_C_valuation_instrument, RF_EQUAL,
                   job->instrument);
}

/* Minutes out of the ring, then hours out of the store; settled rates are all in the store. */
static rf_error serve_series(rf_call *call)
{
    rf_args *args = &call->args;
    history_job job = {.answer = history_answer_series};
    job.limit = (uint32_t)rf_arg_int(args, RF_P_VALUATIONS_count, 25, 1, RF_ROWS_MAX);
    int instrument = rf_decode_series(call, &job.series, &job.from, &job.until);
    job.instrument = (uint32_t)instrument;
    strncpy(job.name, rf_arg_text(args, RF_P_VALUATIONS_instrument_name, ""), sizeof job.name - 1);
    if (job.series != RF_SERIES_FUNDING_HIST) {
        job.samples = calloc(job.limit, sizeof *job.samples);
        if (!job.samples)
            return RF_ERR_ERR_INTERNAL;
        job.samples_count = rf_market_series(call->api->market, job.instrument, job.series,
                                             job.from, job.until, job.samples, job.limit);
        int64_t since = rf_market_series_since(call->api->market, job.instrument, job.series);
        job.until = job.until < since ? job.until : since;
    }
    query_series(&job);
    return history_leave(call, &job);
}

/* ---- Export, stories ---------------------------------------------------------------------------- */

static rf_error serve_export(rf_call *call)
{
    static const struct {
        const history_shape *shape;
        const list_columns *columns;
    } rows[] = {{&history_orders, &orders_columns},
                {&history_trades, &trade_columns},
                {&history_ledger, &ledger_columns},
                {&history_positions, &isolation_columns},
                {&history_liquidations, &liquidation_columns}};
    int what = rf_arg_choice(&call->args, RF_P_EXPORT_what, 0);
    history_job job = {.answer = history_answer_export, .shape = rows[what].shape};
    rf_error code = decode_list(call, rows[what].columns, 0, EXPORT_MAX, &job);
    return code ? code : history_leave(call, &job);
}

static rf_error serve_story(rf_call *call)
{
    history_job job = {.answer = history_answer_story, .account = call->account};
    if (call->method->door == RF_DOOR_OPERATOR)
        job.account = 0;
    job.id = rf_arg_id(&call->args, RF_P_STORY_id, 0);
    return job.id > 0 && job.id <= INT64_MAX ? history_leave(call, &job) : RF_ERR_NOT_FOUND;
}

rf_error history_serve(rf_call *call)
{
    const rf_method_id method = rf_method_number(call->method);
    if (method == RF_M_GET_ORDER_HISTORY || method == RF_M_ADVANCED_ORDER_HISTORY)
        return serve_list(call, &history_orders, &orders_columns, 0);
    if (method == RF_M_GET_OWN_TRADES)
        return serve_list(call, &history_trades, &trade_columns, TRADES_DAYS_MAX);
    if (method == RF_M_GET_CLOSED_POSITIONS)
        return serve_list(call, &history_positions, &isolation_columns, 0);
    if (method == RF_M_GET_POSITION_RESULTS)
        return serve_results(call);
    if (method == RF_M_GET_OWN_LIQUIDATIONS)
        return serve_list(call, &history_liquidations, &liquidation_columns, 0);
    if (method == RF_M_GET_INSURANCE_EVENTS)
        return serve_list(call, &history_insurance, &insurance_columns, 0);
    if (method == RF_M_GET_TRANSACTIONS)
        return serve_ledger(call);
    if (method == RF_M_USER_BALANCE_HISTORY)
        return serve_balances(call);
    if (method == RF_M_GET_DEPOSIT_HISTORY)
        return serve_transfers(call, &history_deposits);
    if (method == RF_M_GET_WITHDRAWAL_HISTORY)
        return serve_transfers(call, &history_withdrawals);
    if (method == RF_M_GET_ORDER_DETAIL || method == RF_M_ADVANCED_DETAIL)
        return serve_order(call);
    if (method == RF_M_GET_TRADES)
        return serve_trades(call);
    if (method == RF_M_GET_CANDLESTICK)
        return serve_bars(call);
    if (method == RF_M_GET_VALUATIONS)
        return serve_series(call);
    if (method == RF_M_EXPORT)
        return serve_export(call);
    if (method == RF_M_EXPLAIN_LIQUIDATION || method == RF_M_EXPLAIN)
        return serve_story(call);
    return RF_ERR_METHOD_NOT_FOUND;
}
