/* The history: its rows add up to what the engine has, are the same however they were made, and lose
 * nothing when the database fails or the program is killed. */
#include "tests/unit/history_dump.h"
#include "tests/unit/history_market.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/messages.h"
#include "history/feeder_state.h"
#include "history/state.h"

enum { STEPS = 4000 };

/* ---- A world with a history -------------------------------------------------------------------- */

typedef struct venue {
    rf_world world;
    rf_history *history;
    test_market market;
    seen_events seen;
} venue;

static void seen_in_world(void *context, const rf_event *event)
{
    see_event(context, event);
}

static void open_venue(venue *place, const char *path, bool threaded)
{
    char error[256];
    *place = (venue){0};
    assert_true(rf_world_open(&place->world, &market_limits, false));
    rf_world_observe(&place->world, (rf_observer){seen_in_world, NULL, &place->seen});
    place->history = rf_history_open(path, threaded, error);
    if (!place->history)
        fail_msg("%s", error);
    assert_true(rf_history_attach(place->history, &place->world));
}

static void close_venue(venue *place)
{
    rf_history_close(place->history);
    rf_world_close(&place->world);
}

static void play(venue *place, uint64_t seed, unsigned steps)
{
    start_market(&place->market, &place->world, seed);
    for (unsigned i = 0; i < steps; i++)
        go_on(&place->market);
}

static void reference(uint64_t seed, unsigned steps, dump *into)
{
    venue *place = calloc(1, sizeof *place);
    open_venue(place, NULL, false);
    play(place, seed, steps);
    history_flush(place->history);
    dump_store(&place->history->store, into);
    close_venue(place);
    free(place);
}

/* ---- Sums -------------------------------------------------------------------------------------- */

/* What the lines of the ledger add up to. */
typedef struct ledger_sums {
    int64_t main[MARKET_ACCOUNTS + 1], isolated[MARKET_ACCOUNTS + 1];
    int64_t cross[MARKET_ACCOUNTS + 1][MARKET_INSTRUMENTS];
    int64_t fenced[MARKET_ACCOUNTS + 1][MARKET_INSTRUMENTS];
    int64_t last_number;
    size_t trades, by_type[32];
} ledger_sums;

static bool add_line_up(void *to, const void *from)
{
    ledger_sums *sums = to;
    const rf_row_ledger *row = from;
    assert_true(row->number > sums->last_number);
    assert_in_range(row->account, 1, MARKET_ACCOUNTS);
    sums->last_number = row->number;
    sums->by_type[row->type]++;
    if (row->instrument < 0)
        (row->isolation_id ? sums->isolated : sums->main)[row->account] += row->qty;
    else
        (row->isolation_id ? sums->fenced : sums->cross)[row->account][row->instrument] += row->qty;
    return true;
}

static void find(venue *place, rf_table table, bool (*each)(void *to, const void *row), void *to)
{
    char error[256];
    rf_query query = {.table = table, .order = rf_tables[table].first, .ascending = true};
    assert_true(place->history->store.find(&place->history->store, &query, each, to, error));
}

static void check_account(venue *place, const ledger_sums *sums, uint32_t account)
{
    rf_account_view view;
    rf_position_view rows[2 * MARKET_INSTRUMENTS];
    int64_t cross[MARKET_INSTRUMENTS] = {0}, fenced[MARKET_INSTRUMENTS] = {0};
    assert_true(rf_view_account(place->world.engine, account, &view));
    assert_int_equal(sums->main[account], view.cash[0]);
    assert_int_equal(sums->isolated[account], view.isolated_cash);
    size_t count = rf_view_positions(place->world.engine, account, rows, 2 * MARKET_INSTRUMENTS);
    for (size_t i = 0; i < count; i++)
        (rows[i].isolated ? fenced : cross)[rows[i].instrument] = rows[i].qty;
    for (unsigned i = 0; i < MARKET_INSTRUMENTS; i++) {
        assert_int_equal(sums->cross[account][i], cross[i]);
        assert_int_equal(sums->fenced[account][i], fenced[i]);
    }
}

/* Deposits and all that followed are the balance now, the trades the position: to the last unit. */
static void lines_add_up(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    ledger_sums *sums = calloc(1, sizeof *sums);
    open_venue(place, NULL, false);
    play(place, 21, STEPS);
    history_flush(place->history);
    find(place, RF_TABLE_ledger, add_line_up, sums);
    for (uint32_t i = 1; i <= MARKET_ACCOUNTS; i++)
        check_account(place, sums, i);
    /* The run had what matters in it. */
    static const unsigned wanted[] = {
        RF_JOURNAL_TRADING,         RF_JOURNAL_TRADE_FEE,          RF_JOURNAL_REALIZED_PNL,
        RF_JOURNAL_ONCHAIN_DEPOSIT, RF_JOURNAL_ONCHAIN_WITHDRAWAL, RF_JOURNAL_FUNDING,
        RF_JOURNAL_INSURANCE_FUND,  RF_JOURNAL_LIQUIDATION_FEE,    RF_JOURNAL_SESSION_SETTLE,
        RF_JOURNAL_UNCOVERED_LOSS,  RF_JOURNAL_SOCIALIZED_LOSS,    RF_JOURNAL_SUBACCOUNT_TX,
        RF_JOURNAL_ADMIN_ADJUSTMENT};
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (sums->by_type[wanted[i]] == 0)
            fail_msg("no line of journal type %u", wanted[i]);
    free(sums);
    close_venue(place);
    free(place);
}

/* ---- Tables against events and views ------------------------------------------------------------ */

typedef struct table_sums {
    venue *place;
    size_t rows, takers, open, ended;
    int64_t insurance, last_balance;
    uint64_t last_match;
    int64_t volumes[3];
} table_sums;

typedef struct holding_sums {
    unsigned open[MARKET_ACCOUNTS + 1][MARKET_INSTRUMENTS];
    int64_t realized[MARKET_ACCOUNTS + 1], fees[MARKET_ACCOUNTS + 1], funding[MARKET_ACCOUNTS + 1];
    size_t ended;
} holding_sums;

static bool see_trade(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_trade *row = from;
    sums->rows++;
    sums->takers += row->taker == 1;
    assert_true(row->match_index < row->match_count);
    /* The maker first, the taker right behind: a trade is two rows. */
    if (row->taker)
        assert_int_equal(row->match_id, sums->last_match);
    sums->last_match = (uint64_t)row->match_id;
    return true;
}

static bool see_order(void *to, const void *from)
{
    const rf_row_orders *row = from;
    table_sums *sums = to;
    sums->rows++;
    assert_true(row->filled_qty <= row->qty);
    assert_true(row->status == RF_ORDER_FILLED || row->status == RF_ORDER_CANCELED ||
                row->status == RF_ORDER_REJECTED || row->status == RF_ORDER_EXPIRED);
    return true;
}

static bool see_isolation(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_isolation *row = from;
    sums->rows++;
    if (row->number == 0) {
        sums->open++;
        return true;
    }
    /* What came back is what was put in and what happened to it. */
    assert_int_equal(row->bought_qty, row->sold_qty);
    assert_int_equal(row->sold_value - row->bought_value, row->realized);
    assert_int_equal(row->taken_out - row->put_in, row->realized - row->fees + row->funding -
                                                       row->liquidation_fee - row->to_fund +
                                                       row->uncovered - row->socialized);
    return true;
}

static bool see_holding(void *to, const void *from)
{
    holding_sums *sums = to;
    const rf_row_holding *row = from;
    sums->open[row->account][row->instrument] += row->number == 0;
    sums->ended += row->number != 0;
    sums->realized[row->account] += row->realized;
    sums->fees[row->account] += row->fees;
    sums->funding[row->account] += row->funding;
    assert_true(row->opened_ns > 0 && (row->number == 0) == (row->time_ns == 0));
    assert_true(row->number == 0 || row->number >= row->opened);
    return true;
}

/* Lines of main accounts: what cross positions realised, paid and received. */
static bool add_cross_up(void *to, const void *from)
{
    holding_sums *sums = to;
    const rf_row_ledger *row = from;
    if (row->isolation_id || row->instrument >= 0)
        return true;
    if (row->type == RF_JOURNAL_REALIZED_PNL || row->type == RF_JOURNAL_SESSION_SETTLE)
        sums->realized[row->account] -= row->qty;
    if (row->type == RF_JOURNAL_TRADE_FEE)
        sums->fees[row->account] += row->qty;
    if (row->type == RF_JOURNAL_FUNDING)
        sums->funding[row->account] -= row->qty;
    return true;
}

/* A row for each time that a cross position left zero; what they sum up is in the ledger. */
static void holdings_are_from_flat_to_flat(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    holding_sums *sums = calloc(1, sizeof *sums);
    open_venue(place, NULL, false);
    play(place, 23, STEPS);
    history_flush(place->history);
    find(place, RF_TABLE_holding, see_holding, sums);
    find(place, RF_TABLE_ledger, add_cross_up, sums);
    for (uint32_t account = 1; account <= MARKET_ACCOUNTS; account++) {
        rf_position_view at[2 * MARKET_INSTRUMENTS];
        unsigned open[MARKET_INSTRUMENTS] = {0};
        size_t count = rf_view_positions(place->world.engine, account, at, 2 * MARKET_INSTRUMENTS);
        for (size_t i = 0; i < count; i++)
            open[at[i].instrument] += !at[i].isolated && at[i].qty != 0;
        for (unsigned i = 0; i < MARKET_INSTRUMENTS; i++)
            assert_int_equal(sums->open[account][i], open[i]);
        assert_int_equal(sums->realized[account], 0);
        assert_int_equal(sums->fees[account], 0);
        assert_int_equal(sums->funding[account], 0);
    }
    assert_true(sums->ended > 20);
    free(sums);
    close_venue(place);
    free(place);
}

static bool see_liquidation(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_liquidation *row = from;
    sums->rows++;
    sums->ended += row->ended_ns != 0;
    assert_true(row->equity < row->required);
    if (row->isolation_id && row->ended_ns && !row->recovered)
        assert_int_equal(row->closed_qty + row->taken_over + row->deleveraged,
                         row->qty < 0 ? -row->qty : row->qty);
    return true;
}

static bool see_insurance(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_insurance *row = from;
    sums->insurance += row->amount;
    assert_int_equal(row->balance, sums->insurance);
    return true;
}

static bool see_candle(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_candle *row = from;
    assert_true(row->low <= row->open && row->low <= row->close && row->low > 0);
    assert_true(row->high >= row->open && row->high >= row->close);
    sums->volumes[row->minutes == 1 ? 0 : row->minutes == 60 ? 1 : 2] += row->volume;
    return true;
}

/* At the start of an isolation's liquidation the numbers are the engine's: W + U is exact, and
 * without orders FR + MM too. */
static bool see_state(void *to, const void *from)
{
    table_sums *sums = to;
    const rf_row_state *row = from;
    sums->rows += row->stage == 1;
    if (row->stage == 1 && row->qty != 0) {
        assert_true(row->wallet + row->unrealized < row->fee_reserve + row->maintenance_margin);
        assert_true(row->qty > 0
                        ? row->mark <= row->liquidation_price
                        : row->liquidation_price > 0 && row->mark >= row->liquidation_price);
    }
    return true;
}

static void tables_are_what_was_told(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    rf_house_view house;
    open_venue(place, NULL, false);
    play(place, 12, STEPS);
    history_flush(place->history);
    const uint32_t *told = place->seen.count;
    table_sums sums = {.place = place};
    find(place, RF_TABLE_trade, see_trade, &sums);
    assert_int_equal(sums.rows, told[RF_EVENT_FILL]);
    assert_int_equal(2 * sums.takers, sums.rows);
    sums = (table_sums){.place = place};
    find(place, RF_TABLE_orders, see_order, &sums);
    assert_int_equal(sums.rows, told[RF_EVENT_ORDER_CLOSED]);
    sums = (table_sums){.place = place};
    find(place, RF_TABLE_isolation, see_isolation, &sums);
    assert_int_equal(sums.rows, told[RF_EVENT_ISOLATION_OPENED]);
    assert_int_equal(sums.rows - sums.open, told[RF_EVENT_ISOLATION_CLOSED]);
    sums = (table_sums){.place = place};
    find(place, RF_TABLE_liquidation, see_liquidation, &sums);
    assert_int_equal(sums.rows, told[RF_EVENT_LIQUIDATION_STARTED]);
    assert_int_equal(sums.ended,
                     told[RF_EVENT_LIQUIDATION_ENDED] + told[RF_EVENT_LIQUIDATION_RECOVERED]);
    assert_true(sums.rows > 20);
    sums = (table_sums){.place = place};
    find(place, RF_TABLE_insurance, see_insurance, &sums);
    rf_view_house(place->world.engine, &house);
    assert_int_equal(sums.insurance, house.insurance[0]);
    find(place, RF_TABLE_candle, see_candle, &sums);
    assert_true(sums.volumes[0] > 0);
    assert_int_equal(sums.volumes[0], sums.volumes[1]);
    assert_int_equal(sums.volumes[0], sums.volumes[2]);
    find(place, RF_TABLE_state, see_state, &sums);
    assert_true(sums.rows > 20);
    close_venue(place);
    free(place);
}

/* ---- What subscribers are told, and what is asked for later ------------------------------------- */

/* Lines of one account as short texts: what user.transactions pushed, or get-transactions answers. */
typedef struct told_lines {
    rf_world *world;
    char (*lines)[200];
    size_t count;
} told_lines;

enum { LINES_MAX = 20000 };

/* Appends the values of the keys that matter, of each row in the text. */
static void take_lines(told_lines *told, const char *text)
{
    static const char *const keys[] = {
        "journal_type", "sub_type", "transaction_qty", "transaction_cost",
        "realized_pnl", "order_id", "trade_id",        "event_timestamp_ns",
        "taker_side",   "side",     "instrument_name", "isolation_id"};
    for (const char *row = strstr(text, "{\"account_id\""); row;
         row = strstr(row + 1, "{\"account_id\"")) {
        char *line = told->lines[told->count++];
        size_t size = 0, end = strcspn(row, "}");
        assert_true(told->count < LINES_MAX);
        for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
            char wanted[40];
            snprintf(wanted, sizeof wanted, "\"%s\":\"", keys[i]);
            const char *value = strstr(row, wanted);
            if (value && value < row + end) {
                value += strlen(wanted);
                size += (size_t)snprintf(line + size, 200 - size, "%.*s ",
                                         (int)strcspn(value, "\""), value);
            }
        }
    }
}

static void tell_line(void *context, const rf_event *event)
{
    told_lines *told = context;
    static char text[20000];
    rf_bytes out;
    rf_bytes_init(&out, text, sizeof text - 1, NULL);
    if (event->account != 1 && event->peer != 1)
        return;
    if (event->account != 1 && event->kind != RF_EVENT_LEDGER)
        return;
    rf_encode_transactions(&out, told->world->engine, 1, event);
    text[out.size] = 0;
    take_lines(told, text);
}

static void ask_all(venue *place, told_lines *told)
{
    static char answer[200000];
    char params[128];
    const char *cursor = "";
    do {
        snprintf(params, sizeof params, "{\"start_time\":1%s%.*s}", *cursor ? ",\"cursor\":" : "",
                 (int)strspn(cursor, "0123456789"), cursor);
        assert_int_equal(ask(&place->world, 1, place->market.time_ns, "private/get-transactions",
                             params, answer, sizeof answer),
                         RF_ERR_OK);
        take_lines(told, answer);
        cursor = strstr(answer, "\"next_cursor\":\"");
        cursor = cursor ? cursor + strlen("\"next_cursor\":\"") : "";
    } while (*cursor);
}

/* Line for line the same, and paging loses none, though many stand at one moment. */
static void told_and_asked_are_the_same(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    told_lines told = {.world = &place->world}, asked = {.world = &place->world};
    told.lines = calloc(LINES_MAX, sizeof *told.lines);
    asked.lines = calloc(LINES_MAX, sizeof *asked.lines);
    open_venue(place, NULL, false);
    rf_world_observe(&place->world, (rf_observer){tell_line, NULL, &told});
    play(place, 21, STEPS);
    ask_all(place, &asked);
    assert_true(told.count > 500);
    assert_int_equal(asked.count, told.count);
    for (size_t i = 0; i < told.count; i++)
        assert_string_equal(asked.lines[told.count - 1 - i], told.lines[i]);
    free(told.lines);
    free(asked.lines);
    close_venue(place);
    free(place);
}

/* ---- The same rows however they are made --------------------------------------------------------- */

static void batches_do_not_matter(void **state)
{
    (void)state;
    dump one, other;
    venue *place = calloc(1, sizeof *place);
    reference(13, STEPS, &one);
    open_venue(place, NULL, false);
    start_market(&place->market, &place->world, 13);
    for (unsigned i = 0; i < STEPS; i++) {
        go_on(&place->market);
        if (i % 7 == 0)
            history_flush(place->history);
    }
    history_flush(place->history);
    dump_store(&place->history->store, &other);
    assert_true(one.rows > 10000);
    assert_same(&one, &other);
    close_venue(place);
    free(place);
    free(one.text.data);
    free(other.text.data);
}

/* A directory of its own for each test. */
static void new_path(char path[128])
{
    char dir[] = "/tmp/history-XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(path, 128, "%s/history.db", dir);
}

static void remove_path(const char *path)
{
    char name[160];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    *strrchr(strcpy(name, path), '/') = 0;
    rmdir(name);
}

/* Killed again and again while a worker writes; each start makes what is missing anew from the
 * records, and passes over what is there. */
static void killed_and_continued(void **state)
{
    (void)state;
    char path[128];
    dump one, other;
    venue *place = calloc(1, sizeof *place);
    new_path(path);
    for (unsigned life = 1; life <= 3; life++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            open_venue(place, path, true);
            play(place, 14, life * STEPS / 4);
            while (rf_history_written(place->history) <= rf_history_applied(place->history))
                nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            _exit(0); /* in the middle of what the worker writes next */
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    open_venue(place, path, true);
    assert_true(rf_history_applied(place->history) > 0);
    assert_true(rf_history_applied(place->history) < 4 * STEPS);
    play(place, 14, STEPS);
    close_venue(place);
    open_venue(place, path, false);
    dump_store(&place->history->store, &other);
    close_venue(place);
    reference(14, STEPS, &one);
    assert_same(&one, &other);
    free(one.text.data);
    free(other.text.data);
    free(place);
    remove_path(path);
}

/* Records without rows count too: a start behind a clean stop has nothing to make up for. */
static void quiet_records_are_noted(void **state)
{
    (void)state;
    char path[128];
    struct stat about;
    venue *place = calloc(1, sizeof *place);
    new_path(path);
    for (unsigned threaded = 0; threaded < 2; threaded++) {
        open_venue(place, path, threaded);
        start_market(&place->market, &place->world, 15);
        rf_command tick = {.kind = RF_COMMAND_TICK};
        for (unsigned i = 0; i < 10 + 10 * threaded; i++)
            give(&place->market, &tick);
        uint64_t record = place->world.record;
        close_venue(place);
        open_venue(place, path, false);
        assert_int_equal(rf_history_applied(place->history), record);
        close_venue(place);
    }
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    free(place);
    remove_path(path);
}

/* ---- Order and waiting ---------------------------------------------------------------------------- */

typedef struct question {
    venue *place;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    size_t rows;
    bool done;
} question;

static bool count_row(void *to, const void *row)
{
    (void)row;
    ((question *)to)->rows++;
    return true;
}

static void ask_for_orders(void *context)
{
    question *asked = context;
    pthread_mutex_lock(&asked->mutex);
    find(asked->place, RF_TABLE_orders, count_row, asked);
    asked->done = true;
    pthread_cond_signal(&asked->answered);
    pthread_mutex_unlock(&asked->mutex);
}

static void wait_for_answer(question *asked)
{
    pthread_mutex_lock(&asked->mutex);
    while (!asked->done)
        pthread_cond_wait(&asked->answered, &asked->mutex);
    pthread_mutex_unlock(&asked->mutex);
}

/* A question sees every record that was observed before it. */
static void questions_see_what_was_observed(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    open_venue(place, NULL, true);
    start_market(&place->market, &place->world, 15);
    for (unsigned i = 0; i < 40; i++) {
        question asked = {place, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
        for (unsigned step = 0; step < 25; step++)
            go_on(&place->market);
        rf_history_ask(place->history, ask_for_orders, &asked);
        wait_for_answer(&asked);
        assert_int_equal(asked.rows, place->seen.count[RF_EVENT_ORDER_CLOSED]);
    }
    close_venue(place);
    free(place);
}

static size_t orders_in_store(venue *place)
{
    question asked = {.place = place};
    find(place, RF_TABLE_orders, count_row, &asked);
    return asked.rows;
}

/* No row of a record that the journal has not: a history must never be ahead of it. */
static void rows_wait_for_the_journal(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    open_venue(place, NULL, false);
    start_market(&place->market, &place->world, 16);
    rf_history_release(place->history, place->world.record);
    history_flush(place->history);
    uint64_t released = place->world.record;
    for (unsigned i = 0; i < 200; i++)
        go_on(&place->market);
    size_t before = orders_in_store(place);
    history_flush(place->history);
    assert_int_equal(orders_in_store(place), before);
    assert_int_equal(rf_history_written(place->history), released);
    assert_true(rf_history_behind(place->history) > 0);
    rf_history_release(place->history, place->world.record);
    history_flush(place->history);
    assert_int_equal(orders_in_store(place), place->seen.count[RF_EVENT_ORDER_CLOSED]);
    assert_int_equal(rf_history_written(place->history), place->world.record);
    assert_int_equal(rf_history_behind(place->history), 0);
    close_venue(place);
    free(place);
}

/* ---- A database that fails ------------------------------------------------------------------------- */

static rf_store real;
static unsigned calls_left; /* until one fails; then all do */

static bool works(char error[256])
{
    if (calls_left == 0)
        snprintf(error, 256, "history: disk full");
    else
        calls_left--;
    return calls_left > 0;
}

static bool failing_begin(rf_store *store, char error[256])
{
    return works(error) && real.begin(store, error);
}
static bool failing_put(rf_store *store, rf_table table, const void *row, char error[256])
{
    return works(error) && real.put(store, table, row, error);
}
static bool failing_commit(rf_store *store, uint64_t applied, char error[256])
{
    return works(error) && real.commit(store, applied, error);
}

static void make_failing(rf_history *history, unsigned calls)
{
    real = history->store;
    calls_left = calls;
    history->store.begin = failing_begin;
    history->store.put = failing_put;
    history->store.commit = failing_commit;
}

/* The n-th call of the database fails, for every n of a batch: the venue goes on, nothing of the
 * batch stays, questions are answered 9010001, and once it works again all rows are there, once. */
static void every_call_may_fail(void **state)
{
    (void)state;
    dump one;
    reference(17, 300, &one);
    for (unsigned calls = 1; calls < 1200; calls += calls < 40 ? 1 : 97) {
        venue *place = calloc(1, sizeof *place);
        dump other;
        char error[256], answer[512];
        open_venue(place, NULL, false);
        make_failing(place->history, calls);
        start_market(&place->market, &place->world, 17);
        for (unsigned i = 0; i < 300; i++) {
            go_on(&place->market);
            if (i % 50 == 0)
                history_flush(place->history);
        }
        assert_true(rf_history_failed(place->history, error));
        assert_string_equal(error, "history: disk full");
        rf_bytes out;
        rf_bytes_init(&out, answer, sizeof answer, NULL);
        const rf_request request = {.caller = {RF_DOOR_PRIVATE, 1},
                                    .time_ns = place->market.time_ns,
                                    .id = 1,
                                    .method = "private/get-trades"};
        assert_int_equal(rf_api_call(place->world.api, &request, &out), RF_ERR_SYSTEM_MAINTENANCE);
        calls_left = UINT32_MAX;
        history_flush(place->history);
        assert_false(rf_history_failed(place->history, error));
        dump_store(&place->history->store, &other);
        assert_same(&one, &other);
        free(other.text.data);
        close_venue(place);
        free(place);
    }
    free(one.text.data);
}

/* A worker that begins a batch only once more rows wait than may, or nothing more comes: however fast
 * either thread runs, the venue gets ahead of it. */
static struct {
    const rf_history *history;
    bool fed;           /* nothing more comes */
    unsigned overtaken; /* batches begun with too many rows waiting */
} lazy;

static bool lazy_begin(rf_store *store, char error[256])
{
    bool many = false;
    while (!many && !__atomic_load_n(&lazy.fed, __ATOMIC_ACQUIRE)) {
        many = rf_history_behind(lazy.history) > lazy.history->rows_wait;
        if (!many)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    lazy.overtaken += many;
    return real.begin(store, error);
}

/* A worker that cannot keep up slows the venue down; memory stays bounded and nothing is lost. */
static void a_slow_database_slows_the_venue(void **state)
{
    (void)state;
    dump one, other;
    size_t most = 0;
    venue *place = calloc(1, sizeof *place);
    reference(18, STEPS, &one);
    open_venue(place, NULL, true);
    pthread_mutex_lock(&place->history->mutex);
    lazy.history = place->history;
    lazy.fed = false;
    lazy.overtaken = 0;
    real = place->history->store;
    place->history->store.begin = lazy_begin;
    place->history->rows_wait = 6000;
    place->history->room_ms = 3600000; /* for ever */
    pthread_mutex_unlock(&place->history->mutex);
    start_market(&place->market, &place->world, 18);
    for (unsigned i = 0; i < STEPS; i++) {
        go_on(&place->market);
        size_t behind = rf_history_behind(place->history);
        most = behind > most ? behind : most;
    }
    __atomic_store_n(&lazy.fed, true, __ATOMIC_RELEASE);
    /* It is looked at after each record: one record's rows more can have come. */
    assert_in_range(most, 1, 6000 + 1000);
    question asked = {.place = place, .mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_cond_init(&asked.answered, NULL);
    rf_history_ask(place->history, ask_for_orders, &asked);
    wait_for_answer(&asked);
    assert_true(lazy.overtaken > 0);
    dump_store(&place->history->store, &other); /* nothing is left that the worker could write */
    assert_same(&one, &other);
    close_venue(place);
    free(place);
    free(one.text.data);
    free(other.text.data);
}

/* One that fails for too long is given up: memory is let go, and the next start goes on from what was
 * written. */
static void a_database_that_fails_for_long_is_given_up(void **state)
{
    (void)state;
    char error[256];
    venue *place = calloc(1, sizeof *place);
    open_venue(place, NULL, false);
    make_failing(place->history, 3000);
    place->history->rows_max = 9000;
    place->history->threaded = true; /* rows wait, as they would behind a worker */
    play(place, 19, STEPS);
    place->history->threaded = false;
    calls_left = UINT32_MAX;
    history_flush(place->history);
    assert_true(rf_history_failed(place->history, error));
    assert_string_equal(error, "history: more rows wait than memory shall hold");
    assert_int_equal(rf_history_behind(place->history), 0);
    assert_true(rf_history_written(place->history) < place->world.record);
    /* It keeps nothing for later either. */
    for (unsigned i = 0; i < 50; i++)
        go_on(&place->market);
    history_flush(place->history);
    assert_null(place->history->first);
    close_venue(place);
    free(place);
}

/* Rows of any kind are worth a batch: a flush leaves none behind. */
static void flushes_leave_nothing(void **state)
{
    (void)state;
    venue *place = calloc(1, sizeof *place);
    open_venue(place, NULL, false);
    start_market(&place->market, &place->world, 27);
    for (unsigned i = 0; i < 500; i++) {
        go_on(&place->market);
        history_flush(place->history);
        const rf_feeder *feeder = place->history->feeder;
        assert_int_equal(feeder->batch.count, 0);
        assert_int_equal(feeder->dirty_count, 0);
        assert_int_equal(feeder->changed.count, 0);
    }
    close_venue(place);
    free(place);
}

/* The version stands in the file's header (SQLite's user_version, big-endian at byte 60). */
static void set_version(const char *path, uint8_t version)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 63, SEEK_SET), 0);
    assert_int_equal(fputc(version, file), version);
    assert_int_equal(fclose(file), 0);
}

/* A file of another schema is derived data: it is emptied and made anew. */
static void another_schema_is_made_anew(void **state)
{
    (void)state;
    char path[128], error[256];
    rf_store store;
    rf_row_currency row = {.currency = 3, .name = "XYZ"};
    new_path(path);
    assert_true(rf_sqlite_open(&store, path, error));
    assert_true(store.begin(&store, error) && store.put(&store, RF_TABLE_currency, &row, error) &&
                store.commit(&store, 77, error));
    store.close(&store);
    assert_true(rf_sqlite_open(&store, path, error));
    assert_int_equal(store.applied, 77);
    store.close(&store);
    set_version(path, 99);
    assert_true(rf_sqlite_open(&store, path, error));
    assert_int_equal(store.applied, 0);
    dump empty;
    dump_store(&store, &empty);
    assert_int_equal(empty.rows, 0);
    free(empty.text.data);
    store.close(&store);
    remove_path(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_add_up),
        cmocka_unit_test(tables_are_what_was_told),
        cmocka_unit_test(holdings_are_from_flat_to_flat),
        cmocka_unit_test(told_and_asked_are_the_same),
        cmocka_unit_test(batches_do_not_matter),
        cmocka_unit_test(killed_and_continued),
        cmocka_unit_test(quiet_records_are_noted),
        cmocka_unit_test(questions_see_what_was_observed),
        cmocka_unit_test(rows_wait_for_the_journal),
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(a_slow_database_slows_the_venue),
        cmocka_unit_test(a_database_that_fails_for_long_is_given_up),
        cmocka_unit_test(flushes_leave_nothing),
        cmocka_unit_test(another_schema_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
