/* W2: orders of all kinds on one perpetual, every one margin-checked, both sides settled.
 *
 * The stream follows performance.md: half of the commands act on bids; every 512 commands each side is recounted
 * against half of the target; a short side gets new orders, a full one is mostly moved about. */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

typedef struct rf_open_order {
    uint64_t id;
    int64_t price;
    int64_t leaves, total;
    uint32_t account;
    uint8_t side;
} rf_open_order;

typedef struct rf_generator {
    rf_bench_world world;
    rf_bench_setup *setup;
    rf_bench_stream stream;
    uint64_t limit;
    uint64_t random;
    uint64_t target;
    uint64_t refused;
    bool mixed;            /* variant M */
    rf_open_order *orders; /* oldest first, with holes closed on the fly */
    uint64_t *places;      /* order id -> place in orders + 1 */
    uint64_t places_size;
    uint64_t orders_count;
    uint64_t side_count[2];
    bool is_short[2], far_short[2];
    int64_t last_price;
    uint64_t *isolations; /* per user, 0 = none */
} rf_generator;

/* ---- What the engine says is followed, so that commands name orders that exist -------------------------- */

static rf_open_order *find_order(rf_generator *generator, uint64_t id)
{
    return id < generator->places_size && generator->places[id] != 0
               ? &generator->orders[generator->places[id] - 1]
               : NULL;
}

static void drop_order(rf_generator *generator, uint64_t id)
{
    rf_open_order *order = find_order(generator, id);
    if (!order)
        return;
    generator->side_count[order->side]--;
    rf_open_order *last = &generator->orders[--generator->orders_count];
    generator->places[id] = 0;
    if (order != last) {
        *order = *last;
        generator->places[order->id] = (uint64_t)(order - generator->orders) + 1;
    }
}

static void add_order(rf_generator *generator, const rf_event *event)
{
    if (event->order_id >= generator->places_size)
        return;
    generator->orders[generator->orders_count] = (rf_open_order){
        event->order_id, event->price, event->leaves, event->leaves, event->account, event->side};
    generator->places[event->order_id] = ++generator->orders_count;
    generator->side_count[event->side]++;
}

static void follow_amended(rf_generator *generator, const rf_event *event)
{
    rf_open_order *order = find_order(generator, event->order_id);
    if (!order)
        return;
    order->total += event->leaves - order->leaves;
    order->price = event->price;
    order->leaves = event->leaves;
}

static void follow_fill(rf_generator *generator, const rf_event *event)
{
    rf_open_order *order = find_order(generator, event->order_id);
    generator->last_price = event->price;
    if (order)
        order->leaves = event->leaves;
}

static void follow(void *context, const rf_event *event)
{
    rf_generator *generator = context;
    if (event->kind == RF_EVENT_ORDER_OPENED)
        add_order(generator, event);
    else if (event->kind == RF_EVENT_ORDER_CLOSED)
        drop_order(generator, event->order_id);
    else if (event->kind == RF_EVENT_ORDER_AMENDED)
        follow_amended(generator, event);
    else if (event->kind == RF_EVENT_FILL)
        follow_fill(generator, event);
    else if (event->kind == RF_EVENT_ISOLATION_OPENED)
        generator->isolations[event->account] = event->isolation_id;
    else if (event->kind == RF_EVENT_ISOLATION_CLOSED)
        generator->isolations[event->account] = 0;
}

/* ---- Commands ------------------------------------------------------------------------------------------- */

static uint32_t below(rf_generator *generator, uint32_t bound)
{
    return rf_bench_below(&generator->random, bound);
}

static void record(rf_generator *generator, const rf_bench_command *small)
{
    rf_command command;
    rf_result result;
    generator->stream.commands[generator->stream.count++] = *small;
    rf_bench_expand(small, rf_bench_line(&generator->world, generator->stream.count - 1), &command);
    rf_engine_apply(generator->world.engine, &command, &result);
    generator->refused += result.code != RF_ERR_OK;
}

enum { PRICE_WIDTH = 10000 }; /* ticks: how far from the last trade new orders lie at most */

/* Around the last trade, on the passive side; the mean of four draws crowds it near the market. */
static int64_t new_price(rf_generator *generator, uint8_t side)
{
    const uint32_t width = PRICE_WIDTH;
    int64_t distance = 0;
    for (int i = 0; i < 4; i++)
        distance += below(generator, width);
    distance = distance / 4 * 2 - (int64_t)width;
    if ((distance > 0) == (side == RF_BUY))
        distance = -distance;
    const int64_t price = generator->last_price + distance;
    return price > 0 ? price : 1;
}

static void place(rf_generator *generator, uint8_t side, uint8_t tif, int64_t price, int64_t qty)
{
    rf_bench_command command = {
        .kind = RF_COMMAND_PLACE_ORDER, .side = side, .tif = tif, .price = price, .qty = qty};
    command.account = 1 + below(generator, generator->setup->users);
    if (generator->mixed && below(generator, 10) < 3) {
        command.flags = RF_BENCH_ISOLATED;
        command.id = generator->isolations[command.account];
        if (command.id == 0)
            command.leverage = 2 + (int32_t)below(generator, 99);
    }
    record(generator, &command);
}

static void place_resting(rf_generator *generator, uint8_t side)
{
    const int64_t size =
        1 + (int64_t)below(generator, 6) * below(generator, 6) * below(generator, 6);
    place(generator, side, RF_GTC, new_price(generator, side), size);
}

static void place_immediate(rf_generator *generator, uint8_t side)
{
    const bool fok = below(generator, 32) == 0;
    const uint32_t bound = fok ? 8 : 6;
    const int64_t size =
        1 + (int64_t)below(generator, bound) * below(generator, bound) * below(generator, bound);
    const int64_t reach = generator->setup->mark / 100;
    const int64_t price = generator->last_price + (side == RF_BUY ? reach : -reach);
    place(generator, side, fok ? RF_FOK : RF_IOC, price > 0 ? price : 1, size);
}

/* A random one of the oldest 512 of this side. */
static rf_open_order *pick(rf_generator *generator, uint8_t side)
{
    const uint64_t span = generator->orders_count < 512 ? generator->orders_count : 512;
    for (int tries = 0; tries < 16 && span > 0; tries++) {
        rf_open_order *order = &generator->orders[below(generator, (uint32_t)span)];
        if (order->side == side)
            return order;
    }
    return NULL;
}

static void change(rf_generator *generator, rf_command_kind kind, const rf_open_order *order,
                   int64_t price, int64_t qty)
{
    const rf_bench_command command = {.kind = (uint8_t)kind,
                                      .account = order->account,
                                      .id = order->id,
                                      .price = price,
                                      .qty = qty};
    record(generator, &command);
}

static void move(rf_generator *generator, const rf_open_order *order)
{
    int64_t step = (generator->last_price - order->price) / 100;
    if (step == 0)
        step = order->side == RF_BUY ? -1 : 1;
    const int64_t price = order->price + step > 0 ? order->price + step : 1;
    change(generator, RF_COMMAND_AMEND_ORDER, order, price, order->total);
}

static void move_margin(rf_generator *generator)
{
    const uint32_t account = 1 + below(generator, generator->setup->users);
    if (generator->isolations[account] == 0)
        return;
    const bool leverage = below(generator, 6) == 0;
    rf_bench_command command = {
        .kind = RF_COMMAND_MOVE_MARGIN, .account = account, .id = generator->isolations[account]};
    command.qty = (1 + (int64_t)below(generator, 1000)) * 1000000 * (below(generator, 2) ? 1 : -1);
    if (leverage) {
        command.kind = RF_COMMAND_SET_LEVERAGE;
        command.leverage = 2 + (int32_t)below(generator, 99);
        command.qty = -1;
    }
    record(generator, &command);
}

static void recount(rf_generator *generator)
{
    for (int side = 0; side < 2; side++) {
        generator->is_short[side] = generator->side_count[side] < generator->target / 2;
        generator->far_short[side] = generator->side_count[side] < generator->target / 4;
    }
}

static void next_command(rf_generator *generator)
{
    const uint8_t side = below(generator, 2) ? RF_SELL : RF_BUY;
    if (generator->mixed && below(generator, 100) < 6) {
        move_margin(generator);
        return;
    }
    const uint32_t q = generator->is_short[side]
                           ? below(generator, generator->far_short[side] ? 2 : 10)
                           : below(generator, 40);
    if (q < 2) {
        if (generator->is_short[side])
            place_resting(generator, side);
        else
            place_immediate(generator, side);
        return;
    }
    const rf_open_order *order = pick(generator, side);
    if (!order)
        place_resting(generator, side);
    else if (q == 2)
        change(generator, RF_COMMAND_CANCEL_ORDER, order, 0, 0);
    else if (q == 3 && order->leaves > 1)
        change(generator, RF_COMMAND_AMEND_ORDER, order, order->price,
               order->total - 1 - below(generator, (uint32_t)order->leaves - 1));
    else
        move(generator, order);
}

static rf_bench_setup setup_of(char variant, uint64_t count)
{
    const bool large = variant == 'L';
    rf_bench_setup setup = {.instruments = 1,
                            .users = large ? 500000 : 1000,
                            .cash = 1000000000000000,
                            .mark = 5000000,
                            .band = 50000000,
                            .max_leverage = 100,
                            .base = "BTC"};
    (void)count;
    if (large)
        setup.cash =
            8000000000000; /* 80,000 USD each: all money of a venue stays below 2^62 units */
    if (variant == 'M')
        setup.cash = 1000000000; /* 10 USD: about one order in twenty is too much */
    /* Pools as an operator would size them for so many users and orders. */
    setup.limits = (rf_limits){.accounts_max = setup.users + 2,
                               .instruments_max = 1,
                               .positions_max = 2 * setup.users + 1024,
                               .orders_max = large ? 500000 : 8192,
                               .recent_max = large ? 65536 : 4096,
                               .withdrawals_max = 16,
                               .window_ticks = 1 << 16,
                               .watch_buckets = 1 << 12};
    return setup;
}

rf_bench_stream rf_bench_margin_stream(char variant, uint64_t count, rf_bench_setup *setup,
                                       uint64_t *refused)
{
    *setup = setup_of(variant, count);
    const uint64_t target = variant == 'L' ? 200000 : 1000;
    rf_generator generator = {.setup = setup,
                              .limit = count + 2 * target,
                              .random = 42,
                              .target = target,
                              .mixed = variant == 'M',
                              .last_price = setup->mark};
    generator.places_size = generator.limit + 16;
    generator.stream.commands = calloc(generator.limit + 16, sizeof *generator.stream.commands);
    generator.orders = calloc(setup->limits.orders_max + 1, sizeof *generator.orders);
    generator.places = calloc(generator.places_size, sizeof *generator.places);
    generator.isolations = calloc(setup->users + 2, sizeof *generator.isolations);
    if (!generator.stream.commands || !generator.orders || !generator.places ||
        !generator.isolations) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    rf_bench_open(&generator.world, setup);
    rf_engine_set_sink(generator.world.engine, (rf_sink){follow, &generator});
    const uint64_t fill = target < count ? target : count;
    while (generator.stream.count < fill)
        place_resting(&generator, generator.stream.count & 1 ? RF_SELL : RF_BUY);
    for (uint64_t i = 0; generator.stream.count < fill + count && i < 2 * generator.limit; i++) {
        if (i % 512 == 0)
            recount(&generator);
        next_command(&generator);
    }
    *refused = generator.refused;
    rf_bench_close(&generator.world);
    free(generator.orders);
    free(generator.places);
    free(generator.isolations);
    return generator.stream;
}

/* ---- Measuring ------------------------------------------------------------------------------------------ */

/* Each command timed alone, the prefetch for those behind it outside the figures; the clock's own cost is in
 * them. */
static void service_times(const rf_bench_options *options, const char *work,
                          const rf_bench_setup *setup, const rf_bench_stream *stream)
{
    static rf_bench_batch batch;
    rf_bench_world world;
    rf_bench_open(&world, setup);
    int64_t *times = malloc(stream->count * sizeof *times);
    rf_result result;
    for (uint64_t at = 0; times && rf_bench_next(&world, stream, at, &batch); at += batch.count)
        for (uint32_t i = 0; i < batch.count; i++) {
            rf_engine_prefetch(world.engine, &batch.commands[i], batch.known - i);
            const int64_t start = rf_bench_now_ns();
            rf_engine_apply(world.engine, &batch.commands[i], &result);
            times[at + i] = rf_bench_now_ns() - start;
        }
    rf_bench_close(&world);
    if (!times)
        return;
    qsort(times, stream->count, sizeof *times, rf_bench_compare);
    int64_t p50 = times[stream->count / 2], p99 = times[stream->count / 100 * 99],
            p999 = times[stream->count / 1000 * 999];
    rf_bench_row(options, work, "service_p50_ns", "ns", &p50, 1);
    rf_bench_row(options, work, "service_p99_ns", "ns", &p99, 1);
    rf_bench_row(options, work, "service_p999_ns", "ns", &p999, 1);
    free(times);
}

static void measure(const rf_bench_options *options, char variant)
{
    char work[8] = "W2-?";
    work[3] = variant;
    const uint64_t count = options->commands != 0 ? options->commands
                           : options->quick       ? 50000
                                                  : 3000000;
    rf_bench_setup setup;
    uint64_t refused;
    rf_bench_stream stream = rf_bench_margin_stream(variant, count, &setup, &refused);
    int64_t rates[32], instructions[32];
    const uint32_t runs = options->runs < 32 ? options->runs : 32;
    bool counted = false;
    for (uint32_t run = 0; run < runs; run++) {
        rf_bench_world world;
        rf_bench_open(&world, &setup);
        counted = rf_bench_count_start();
        const int64_t ns = rf_bench_play(&world, &stream, variant == 'L');
        if (counted)
            instructions[run] = rf_bench_count_stop() / (int64_t)stream.count;
        rates[run] = (int64_t)(stream.count * 1000000000 / (uint64_t)ns);
        if (run + 1 == runs)
            rf_bench_digest(options, work, &world, refused, stream.count);
        rf_bench_close(&world);
    }
    rf_bench_row(options, work, "commands_per_second", "1/s", rates, runs);
    if (counted)
        rf_bench_row(options, work, "instructions_per_command", "1", instructions, runs);
    if (variant == 'L')
        service_times(options, work, &setup, &stream);
    free(stream.commands);
}

void rf_bench_margin(const rf_bench_options *options)
{
    measure(options, 'S');
    if (!options->quick)
        measure(options, 'L');
    measure(options, 'M');
}
