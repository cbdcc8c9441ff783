/* W2-S as a replay script: the same commands through the other door must leave the same state. */
#include "bench/bench.h"

#include <stdlib.h>

static void put_price(FILE *out, const char *key, int64_t price)
{
    fprintf(out, "\"%s\":\"%lld.%02lld\"", key, (long long)(price / 100), (long long)(price % 100));
}

static void put_qty(FILE *out, const char *key, int64_t qty)
{
    fprintf(out, "\"%s\":\"%lld.%04lld\"", key, (long long)(qty / 10000), (long long)(qty % 10000));
}

static void put_world(FILE *out, const rf_bench_setup *setup)
{
    fprintf(
        out,
        "{\"t\":%lld,\"as\":\"operator\",\"method\":\"operator/"
        "create-instrument\",\"params\":{\"instrument_name\":"
        "\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"quote_ccy\":\"USD\",\"price_tick_size\":\"0.01\","
        "\"qty_tick_size\":"
        "\"0.0001\",\"max_leverage\":\"%u\",\"price_band\":\"0.5\",\"settlement\":\"MANUAL\"}}\n",
        RF_BENCH_TIME_MS, setup->max_leverage);
    fprintf(out, "{\"as\":\"operator\",\"method\":\"operator/"
                 "set-mark-price\",\"params\":{\"instrument_name\":\"BTCUSD-PERP\",");
    put_price(out, "price", setup->mark);
    fprintf(out, "}}\n");
    for (uint32_t i = 1; i <= setup->users; i++)
        fprintf(out,
                "{\"as\":\"operator\",\"method\":\"operator/"
                "create-account\",\"params\":{\"account\":\"u%u\"}}\n"
                "{\"as\":\"operator\",\"method\":\"operator/"
                "deposit\",\"params\":{\"account\":\"u%u\",\"currency\":"
                "\"USDC\",\"amount\":\"%lld\"}}\n",
                i, i, (long long)(setup->cash / 100000000));
}

static void put_order(FILE *out, const rf_bench_command *command)
{
    static const char *const tifs[] = {"GOOD_TILL_CANCEL", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"};
    fprintf(out,
            "private/"
            "create-order\",\"params\":{\"instrument_name\":\"BTCUSD-PERP\",\"type\":\"LIMIT\","
            "\"side\":\"%s\","
            "\"time_in_force\":\"%s\",",
            command->side == RF_BUY ? "BUY" : "SELL", tifs[command->tif]);
    put_price(out, "price", command->price);
    fprintf(out, ",");
    put_qty(out, "quantity", command->qty);
}

static void put_command(FILE *out, const rf_bench_command *command)
{
    fprintf(out, "{\"as\":\"u%u\",\"method\":\"", command->account);
    if (command->kind == RF_COMMAND_PLACE_ORDER) {
        put_order(out, command);
    } else if (command->kind == RF_COMMAND_AMEND_ORDER) {
        fprintf(out, "private/amend-order\",\"params\":{\"order_id\":\"%llu\",",
                (unsigned long long)command->id);
        put_price(out, "new_price", command->price);
        fprintf(out, ",");
        put_qty(out, "new_quantity", command->qty);
    } else {
        fprintf(out, "private/cancel-order\",\"params\":{\"order_id\":\"%llu\"",
                (unsigned long long)command->id);
    }
    fprintf(out, "}}\n");
}

bool rf_bench_script(const rf_bench_options *options, const rf_limits *limits)
{
    rf_bench_setup setup;
    uint64_t refused;
    rf_bench_stream stream = rf_bench_margin_stream(
        'S', options->commands != 0 ? options->commands : 20000, &setup, &refused);
    FILE *out = fopen(options->script, "w");
    if (!out) {
        perror(options->script);
        return false;
    }
    put_world(out, &setup);
    for (uint64_t i = 0; i < stream.count; i++)
        put_command(out, &stream.commands[i]);
    const bool written = fclose(out) == 0;
    setup.limits = *limits; /* capacities are part of a digest */
    rf_bench_world world;
    rf_bench_open(&world, &setup);
    rf_bench_play(&world, &stream, true);
    const rf_digest digest = rf_engine_digest(world.engine);
    printf("{\"seq\":%llu,\"digest\":\"%016llx%016llx\"}\n",
           (unsigned long long)rf_engine_seq(world.engine), (unsigned long long)digest.high,
           (unsigned long long)digest.low);
    rf_bench_close(&world);
    free(stream.commands);
    return written;
}
