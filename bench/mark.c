/* W4: the mark moves over N isolated positions, or N cross accounts; k of the isolations are liquidated. W5: bytes
 * per object.
 *
 * The positions are longs of one lot each against one rich short, at liquidation prices spread below the mark. They
 * lie in memory in the order of these prices ("sorted"), which caches like, or anywhere ("scattered"), as in life.
 * "index" is the engine's tick; "scan" checks every position's equation at the new mark, as a naive engine would. */
#include "bench/bench.h"

#include "engine/state.h" /* for the naive scan and the sizes of the records */

#include <stdlib.h>

enum { MARK = 5000000, QTY = 100 }; /* 0.01 BTC each */

typedef struct rf_fences {
    uint32_t n, instruments;
    uint64_t liquidated; /* counted from events */
} rf_fences;

static void count_liquidations(void *context, const rf_event *event)
{
    rf_fences *fences = context;
    fences->liquidated += event->kind == RF_EVENT_LIQUIDATION_ENDED;
}

static rf_bench_setup setup_of(uint32_t n, uint32_t instruments)
{
    return (rf_bench_setup){.limits = {.accounts_max = n + 16,
                                       .instruments_max = instruments,
                                       .positions_max = n + 4096,
                                       .orders_max = 4096,
                                       .recent_max = 4096,
                                       .withdrawals_max = 16,
                                       .window_ticks = 1 << 16,
                                       .watch_buckets = 1 << 16},
                            .instruments = instruments,
                            .users = n + 1,
                            .cash = 60000000000,
                            .mark = MARK,
                            .band = 50000000,
                            .max_leverage = 100,
                            .base = "BTC"};
}

static void apply(rf_engine *engine, const rf_command *command)
{
    rf_result result;
    rf_engine_apply(engine, command, &result);
    if (result.code != RF_ERR_OK) {
        fprintf(stderr, "bench: refused %s\n", rf_error_name(result.code));
        exit(1);
    }
    const rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command->time_ns};
    while (rf_engine_pending(engine))
        rf_engine_apply(engine, &tick, &result);
}

static void order(rf_engine *engine, uint32_t account, uint32_t instrument, uint8_t side,
                  int64_t qty, bool isolated, int64_t margin)
{
    rf_command command = {.kind = RF_COMMAND_PLACE_ORDER, .time_ns = RF_BENCH_TIME_MS * 1000000};
    command.u.order.account = account;
    command.u.order.instrument = (uint16_t)instrument;
    command.u.order.side = side;
    command.u.order.price = MARK;
    command.u.order.qty = qty;
    command.u.order.flags = RF_FLAG_OID_DEFAULTED | (isolated ? RF_FLAG_ISOLATED : 0);
    command.u.order.leverage = isolated ? 100 : 0;
    command.u.order.isolated_margin = margin;
    apply(engine, &command);
}

typedef enum population { SORTED, SCATTERED, CROSS } population;

static const char *const population_names[] = {"sorted", "scattered", "cross"};

/* Position i has margin for a fall of about 2 % plus its place's parts of n of another 60 %; a cross account has the
 * cash that all have. */
static void build(rf_bench_world *world, uint32_t n, uint32_t instruments, population who)
{
    const uint64_t stride = who == SCATTERED ? 48271 : 1; /* a prime that divides no n */
    const uint32_t rich = n + 1;
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT, .time_ns = RF_BENCH_TIME_MS * 1000000};
    deposit.u.money.account = rich;
    deposit.u.money.currency = 1;
    deposit.u.money.amount = 1000000000000000000; /* ten billion USD */
    apply(world->engine, &deposit);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t instrument = i % instruments;
        order(world->engine, rich, instrument, RF_SELL, QTY, false, -1);
        const int64_t value = (int64_t)MARK * QTY * 100; /* e8: price 2 decimals, quantity 4 */
        const int64_t margin = value / 40 + value / 5 * 3 / n * (n - (int64_t)(i * stride % n));
        order(world->engine, 1 + i, instrument, RF_BUY, QTY, who != CROSS,
              who == CROSS ? -1 : margin);
    }
}

static void set_mark(rf_engine *engine, uint32_t instrument, int64_t price)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE, .time_ns = RF_BENCH_TIME_MS * 1000000};
    command.u.instrument.instrument = instrument;
    command.u.instrument.price = price;
    apply(engine, &command);
}

static void row(const rf_bench_options *options, const char *metric, const char *unit, uint32_t n,
                uint32_t k, uint32_t instruments, const char *method, population who,
                int64_t *values, uint32_t count)
{
    char members[160];
    snprintf(members, sizeof members,
             ",\"n\":%u,\"k\":%u,\"instruments\":%u,\"method\":\"%s\",\"positions\":\"%s\"", n, k,
             instruments, method, population_names[who]);
    rf_bench_row_of(options, "W4", metric, unit, members, values, count);
}

/* Ticks that liquidate nobody: up and down by a tick around the mark. */
static int64_t quiet_ticks(rf_bench_world *world, uint32_t instruments, uint32_t ticks,
                           int64_t *instructions)
{
    rf_command command = {.kind = RF_COMMAND_SET_MARK_PRICE, .time_ns = RF_BENCH_TIME_MS * 1000000};
    rf_result result;
    const bool counted = rf_bench_count_start();
    const int64_t start = rf_bench_now_ns();
    for (uint32_t i = 0; i < ticks; i++) {
        command.u.instrument.instrument = i % instruments;
        command.u.instrument.price = MARK + (i & 1);
        rf_engine_apply(world->engine, &command, &result);
    }
    const int64_t ns = rf_bench_now_ns() - start;
    *instructions = counted ? rf_bench_count_stop() / ticks : 0;
    return ns / ticks;
}

/* What a naive engine does at each tick: every position's equation, with the engine's own formula and records. */
static int64_t scan_tick(const rf_bench_world *world, int64_t mark, uint32_t *unhealthy)
{
    const rf_engine *engine = world->engine;
    const rf_instrument *instrument = &engine->instruments[0];
    const int64_t start = rf_bench_now_ns();
    for (uint32_t p = instrument->positions_first; p != RF_NONE;
         p = engine->positions[p].instrument_next) {
        const rf_position *position = &engine->positions[p];
        if (position->id != 0)
            *unhealthy += rf_margin_unhealthy_at(&instrument->margin, position->q, position->cost,
                                                 position->wallet, mark);
    }
    return rf_bench_now_ns() - start;
}

static void measure_quiet(const rf_bench_options *options, uint32_t n, uint32_t instruments,
                          population who, int64_t *per_tick)
{
    const rf_bench_setup setup = setup_of(n, instruments);
    rf_bench_world world;
    rf_bench_open(&world, &setup);
    build(&world, n, instruments, who);
    int64_t times[32], instructions[32];
    const uint32_t runs = options->runs < 32 ? options->runs : 32;
    for (uint32_t run = 0; run < runs; run++)
        times[run] =
            quiet_ticks(&world, instruments, options->quick ? 10000 : 1000000, &instructions[run]);
    row(options, "ns_per_tick", "ns", n, 0, instruments, "index", who, times, runs);
    if (instructions[0] != 0)
        row(options, "instructions_per_tick", "1", n, 0, instruments, "index", who, instructions,
            runs);
    *per_tick = instructions[runs / 2];
    uint32_t unhealthy = 0;
    const bool scanned = instruments == 1 && who != CROSS;
    for (uint32_t run = 0; scanned && run < runs; run++)
        times[run] = scan_tick(&world, MARK - run, &unhealthy);
    if (scanned)
        row(options, "ns_per_tick", "ns", n, unhealthy, 1, "scan", who, times, runs);
    rf_bench_close(&world);
}

/* Falls far enough for about k of n to be liquidated, into the book or onto the fund. Nanoseconds each; how many in
 * *liquidated. */
static int64_t crash(uint32_t n, uint32_t k, bool book, population who, uint32_t *liquidated)
{
    const rf_bench_setup setup = setup_of(n, 1);
    rf_bench_world world;
    rf_bench_open(&world, &setup);
    build(&world, n, 1, who);
    rf_command fund = {.kind = RF_COMMAND_FUND_INSURANCE, .time_ns = RF_BENCH_TIME_MS * 1000000};
    fund.u.money.currency = 1;
    fund.u.money.amount = 100000000000000000; /* a billion USD */
    apply(world.engine, &fund);
    const int64_t fall = (int64_t)MARK * 15 / 1000 + (int64_t)MARK / 10 * 6 * k / n;
    if (book) {
        rf_command command = {.kind = RF_COMMAND_PLACE_ORDER,
                              .time_ns = RF_BENCH_TIME_MS * 1000000};
        command.u.order.account = n + 1;
        command.u.order.price = MARK - fall;
        command.u.order.qty = (int64_t)QTY * n;
        command.u.order.flags = RF_FLAG_OID_DEFAULTED;
        command.u.order.isolated_margin = -1;
        apply(world.engine, &command);
    }
    rf_fences fences = {.n = n};
    rf_engine_set_sink(world.engine, (rf_sink){count_liquidations, &fences});
    const int64_t start = rf_bench_now_ns();
    set_mark(world.engine, 0, MARK - fall);
    const int64_t ns = rf_bench_now_ns() - start;
    rf_bench_close(&world);
    *liquidated = (uint32_t)fences.liquidated;
    return fences.liquidated == 0 ? 0 : ns / (int64_t)fences.liquidated;
}

static void measure_crash(const rf_bench_options *options, uint32_t n, uint32_t k, bool book,
                          population who)
{
    const uint32_t runs = options->runs < 32 ? options->runs : 32;
    int64_t times[32];
    uint32_t liquidated = 0;
    for (uint32_t run = 0; run < runs; run++)
        times[run] = crash(n, k, book, who, &liquidated);
    row(options, "ns_per_liquidation", "ns", n, liquidated, 1, book ? "book" : "fund", who, times,
        runs);
}

void rf_bench_mark(const rf_bench_options *options)
{
    const uint32_t sizes[3] = {10000, 100000, options->quick ? 100000 : 1000000};
    int64_t per_tick[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        measure_quiet(options, sizes[i], 1, SORTED, &per_tick[i]);
        measure_quiet(options, sizes[i], 100, SORTED, &(int64_t){0});
    }
    measure_quiet(options, sizes[2], 1, CROSS, &(int64_t){0});
    measure_quiet(options, sizes[2], 100, CROSS, &(int64_t){0});
    if (per_tick[0] != 0) {
        int64_t ratio = per_tick[2] * 100 / per_tick[0];
        rf_bench_row(options, "W4", "instruction_ratio_1e6_1e4", "1/100", &ratio, 1);
    }
    const uint32_t ks[3] = {1, 100, 10000};
    for (uint32_t i = 0; i < 3; i++)
        for (population who = SORTED; who <= SCATTERED; who++) {
            measure_crash(options, sizes[1], ks[i], false, who);
            measure_crash(options, sizes[1], ks[i], true, who);
        }
}

/* The records that the order path touches, and the arena's growth per object with everything that belongs to it. */
void rf_bench_memory(const rf_bench_options *options)
{
    const rf_limits base = {.accounts_max = 1 << 16,
                            .instruments_max = 1,
                            .positions_max = 1 << 16,
                            .orders_max = 1 << 16,
                            .recent_max = 1 << 10,
                            .withdrawals_max = 16,
                            .window_ticks = 1 << 12,
                            .watch_buckets = 1 << 10};
    rf_limits more[3] = {base, base, base};
    more[0].orders_max *= 2;
    more[1].positions_max *= 2;
    more[2].accounts_max *= 2;
    static const char *const metrics[3] = {"bytes_per_order", "bytes_per_isolation",
                                           "bytes_per_account"};
    int64_t hot[3] = {sizeof(rf_order), sizeof(rf_position), sizeof(rf_account)};
    for (uint32_t i = 0; i < 3; i++) {
        int64_t all = (int64_t)((rf_engine_size(&more[i]) - rf_engine_size(&base)) >> 16);
        rf_bench_row_of(options, "W5", metrics[i], "B", ",\"of\":\"hot record\"", &hot[i], 1);
        rf_bench_row_of(options, "W5", metrics[i], "B",
                        ",\"of\":\"everything: hot, cold, maps, lists, queues\"", &all, 1);
    }
}
