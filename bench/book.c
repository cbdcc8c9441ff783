/* W1: the book under five price paths: new orders, most of them cancelled later, some modified, some immediate.
 *
 * A million new orders; of each hundred 15 are immediate-or-cancel, 20 are modified once and 95 cancelled if they
 * still rest. Everything goes through admission and margin like any other order; that is what users get. */
#include "bench/bench.h"

#include <stdlib.h>

enum { CENTER = 5000000, WIDTH = 500 };

typedef enum rf_path { NORMAL, STATIC, SWING_25, SWING_40, FLASH_CRASH, PATHS } rf_path;

static const char *const path_names[PATHS] = {"normal", "static", "swing25", "swing40", "flash"};

/* Center of the market at step i of n, in ticks. */
static int64_t center_at(rf_path path, uint64_t i, uint64_t n, int64_t walk)
{
    const int64_t quarter = (int64_t)(i * 4 / n), phase = (int64_t)(i * 4 % n);
    const int64_t up = quarter % 2 == 0 ? phase : (int64_t)n - phase;
    switch (path) {
    case NORMAL:
        return CENTER + walk;
    case STATIC:
        return CENTER;
    case SWING_25:
        return CENTER + (int64_t)CENTER / 4 * up / (int64_t)n;
    case SWING_40:
        return CENTER + (int64_t)CENTER / 5 * 2 * up / (int64_t)n;
    case FLASH_CRASH:
        return i > n / 2 && i < n / 2 + n / 20 ? CENTER / 5 * 3 : CENTER;
    case PATHS:
        break;
    }
    return CENTER;
}

typedef struct rf_book_generator {
    rf_bench_stream stream;
    uint64_t random;
    uint64_t *open; /* ids that may rest still, in a ring */
    uint32_t *owner;
    int64_t *price;
    uint8_t *side;
    uint64_t head, tail, size;
} rf_book_generator;

static void push(rf_book_generator *generator, const rf_bench_command *command)
{
    generator->stream.commands[generator->stream.count++] = *command;
}

static void new_order(rf_book_generator *generator, uint64_t id, int64_t center, uint32_t users)
{
    rf_bench_command command = {.kind = RF_COMMAND_PLACE_ORDER};
    command.side = (uint8_t)rf_bench_below(&generator->random, 2);
    command.account = 1 + rf_bench_below(&generator->random, users);
    command.qty = 1 + rf_bench_below(&generator->random, 100);
    const bool immediate = rf_bench_below(&generator->random, 100) < 15;
    const int64_t offset = 1 + rf_bench_below(&generator->random, WIDTH);
    command.tif = immediate ? RF_IOC : RF_GTC;
    command.price = center + ((command.side == RF_BUY) != immediate ? -offset : offset);
    push(generator, &command);
    if (immediate)
        return;
    const uint64_t at = generator->head++ % generator->size;
    generator->open[at] = id;
    generator->owner[at] = command.account;
    generator->price[at] = command.price;
    generator->side[at] = command.side;
}

static void change_order(rf_book_generator *generator, uint64_t at, rf_command_kind kind)
{
    const uint64_t place = at % generator->size;
    rf_bench_command command = {
        .kind = (uint8_t)kind, .account = generator->owner[place], .id = generator->open[place]};
    if (kind == RF_COMMAND_AMEND_ORDER) {
        command.price = generator->price[place] + (generator->side[place] == RF_BUY ? -1 : 1);
        command.qty = 100;
    }
    push(generator, &command);
}

/* An immediate order that fills nothing uses up no id: the ids of the stream are found by a run of its own. */
static rf_bench_stream generate(rf_path path, uint64_t n, const rf_bench_setup *setup,
                                uint64_t *refused)
{
    rf_book_generator generator = {.random = 7, .size = 1 << 16};
    generator.stream.commands = calloc(n * 3 + 16, sizeof *generator.stream.commands);
    generator.open = calloc(generator.size, sizeof *generator.open);
    generator.owner = calloc(generator.size, sizeof *generator.owner);
    generator.price = calloc(generator.size, sizeof *generator.price);
    generator.side = calloc(generator.size, sizeof *generator.side);
    if (!generator.stream.commands || !generator.open || !generator.owner || !generator.price ||
        !generator.side)
        exit(1);
    rf_bench_world world;
    rf_bench_open(&world, setup);
    int64_t walk = 0;
    uint64_t next_id = 1, played = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i % 64 == 0)
            walk += (int64_t)rf_bench_below(&generator.random, 21) - 10;
        new_order(&generator, next_id, center_at(path, i, n, walk), setup->users);
        if (rf_bench_below(&generator.random, 100) < 20 && generator.head > generator.tail)
            change_order(
                &generator,
                generator.tail +
                    rf_bench_below(&generator.random, (uint32_t)(generator.head - generator.tail)),
                RF_COMMAND_AMEND_ORDER);
        if (generator.head - generator.tail >
            1000) { /* the oldest goes; one in twenty is left alone */
            if (rf_bench_below(&generator.random, 100) < 95)
                change_order(&generator, generator.tail, RF_COMMAND_CANCEL_ORDER);
            generator.tail++;
        }
        for (; played < generator.stream.count; played++) {
            rf_command command;
            rf_result result;
            rf_bench_expand(&generator.stream.commands[played], rf_bench_line(&world, played),
                            &command);
            rf_engine_apply(world.engine, &command, &result);
            *refused += result.code != RF_ERR_OK;
            next_id += command.kind == RF_COMMAND_PLACE_ORDER && result.code == RF_ERR_OK;
            if (command.kind == RF_COMMAND_PLACE_ORDER && command.u.order.time_in_force == RF_GTC &&
                result.code != RF_ERR_OK)
                generator.head--;
        }
    }
    rf_bench_close(&world);
    free(generator.open);
    free(generator.owner);
    free(generator.price);
    free(generator.side);
    return generator.stream;
}

static void measure(const rf_bench_options *options, rf_path path)
{
    const uint64_t n = options->commands != 0 ? options->commands
                       : options->quick       ? 20000
                                              : 1000000;
    const rf_bench_setup setup = {.limits = {.accounts_max = 1002,
                                             .instruments_max = 1,
                                             .positions_max = 4096,
                                             .orders_max = 1 << 18,
                                             .recent_max = 65536,
                                             .withdrawals_max = 16,
                                             .window_ticks = 1 << 22,
                                             .watch_buckets = 1 << 12},
                                  .instruments = 1,
                                  .users = 1000,
                                  .cash = 4000000000000000,
                                  .mark = CENTER,
                                  .band = 99000000,
                                  .max_leverage = 100,
                                  .base = "BTC"};
    char work[32];
    snprintf(work, sizeof work, "W1-%s", path_names[path]);
    uint64_t refused = 0;
    rf_bench_stream stream = generate(path, n, &setup, &refused);
    int64_t rates[32], instructions[32];
    const uint32_t runs = options->runs < 32 ? options->runs : 32;
    bool counted = false;
    for (uint32_t run = 0; run < runs; run++) {
        rf_bench_world world;
        rf_bench_open(&world, &setup);
        counted = rf_bench_count_start();
        const int64_t ns = rf_bench_play(&world, &stream, false);
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
    free(stream.commands);
}

void rf_bench_book(const rf_bench_options *options)
{
    for (rf_path path = NORMAL; path < PATHS; path++)
        measure(options, path);
}
