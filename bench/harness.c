#define _GNU_SOURCE /* syscall, MAP_ANONYMOUS */
#include "bench/bench.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- World ------------------------------------------------------------------------------------------ */

/* Reads what a subscriber would read, so that no compiler can leave the events out. */
static void take_event(void *context, const rf_event *event)
{
    rf_bench_world *world = context;
    world->events++;
    world->event_hash =
        (world->event_hash ^ (uint64_t)event->kind ^ event->order_id ^ (uint64_t)event->price) *
        0x9e3779b97f4a7c15u;
}

static void must(void *engine, const rf_command *command)
{
    rf_result result;
    rf_engine_apply(engine, command, &result);
    if (result.code == RF_ERR_OK)
        return;
    fprintf(stderr, "bench: the world refuses command %d: %s\n", (int)command->kind,
            rf_error_name(result.code));
    exit(1);
}

static void list_instrument(const rf_bench_setup *setup, uint32_t number, rf_bench_apply apply,
                            void *context)
{
    rf_instrument_config config = {
        .price_decimals = 2,
        .qty_decimals = 4,
        .price_tick = 1,
        .qty_tick = 1,
        .max_leverage = setup->max_leverage,
        .maker_fee_rate = 25000,
        .taker_fee_rate = 40000,
        .liquidation_fee_rate = 500000,
        .price_band = setup->band,
        .min_order_qty = 1,
        .fund_position_cap = -1,
        .funding_cap_rate = 1000000,
        .isolations_max = 100,
        .settlement = RF_SETTLEMENT_MANUAL,
    };
    snprintf(config.base, sizeof config.base, "%.8s%.0u", setup->base, number);
    snprintf(config.name, sizeof config.name, "%.8s%.0uUSD-PERP", setup->base, number);
    snprintf(config.index_name, sizeof config.index_name, "%.8s%.0uUSD-INDEX", setup->base, number);
    rf_command command = {.kind = RF_COMMAND_CREATE_INSTRUMENT,
                          .time_ns = RF_BENCH_TIME_MS * 1000000};
    command.u.instrument.config = &config;
    apply(context, &command);
    command =
        (rf_command){.kind = RF_COMMAND_SET_MARK_PRICE, .time_ns = RF_BENCH_TIME_MS * 1000000};
    command.u.instrument.instrument = number;
    command.u.instrument.price = setup->mark;
    apply(context, &command);
}

static void open_accounts(const rf_bench_setup *setup, rf_bench_apply apply, void *context)
{
    for (uint32_t i = 0; i < setup->users; i++) {
        rf_command command = {.kind = RF_COMMAND_CREATE_ACCOUNT,
                              .time_ns = RF_BENCH_TIME_MS * 1000000};
        snprintf(command.u.account.label, sizeof command.u.account.label, "u%u", i + 1);
        apply(context, &command);
        command = (rf_command){.kind = RF_COMMAND_DEPOSIT, .time_ns = RF_BENCH_TIME_MS * 1000000};
        command.u.money.account = i + 1;
        command.u.money.currency = 1;
        command.u.money.amount = setup->cash;
        apply(context, &command);
    }
}

void rf_bench_found(const rf_bench_setup *setup, rf_bench_apply apply, void *context)
{
    for (uint32_t i = 0; i < setup->instruments; i++)
        list_instrument(setup, i, apply, context);
    open_accounts(setup, apply, context);
}

void rf_bench_open(rf_bench_world *world, const rf_bench_setup *setup)
{
    *world = (rf_bench_world){.setup = setup};
    world->size = rf_engine_size(&setup->limits);
    world->memory = mmap(NULL, world->size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (world->size == 0 || world->memory == MAP_FAILED) {
        fprintf(stderr, "bench: no memory for %zu bytes\n", world->size);
        exit(1);
    }
    madvise(world->memory, world->size, MADV_HUGEPAGE);
    for (size_t at = 0; at < world->size;
         at += 4096) /* as after a warm start: no page comes late */
        ((volatile unsigned char *)world->memory)[at] = 0;
    world->engine = rf_engine_init(world->memory, world->size, &setup->limits);
    rf_engine_set_sink(world->engine, (rf_sink){take_event, world});
    rf_bench_found(setup, must, world->engine);
}

void rf_bench_close(rf_bench_world *world)
{
    munmap(world->memory, world->size);
}

void rf_bench_digest(const rf_bench_options *options, const char *work, const rf_bench_world *world,
                     uint64_t refused, uint64_t count)
{
    const rf_digest digest = rf_engine_digest(world->engine);
    fprintf(options->json ? stderr : stdout,
            "# %s: %llu commands, %llu refused, %llu events, seq %llu, digest %016llx%016llx\n",
            work, (unsigned long long)count, (unsigned long long)refused,
            (unsigned long long)world->events, (unsigned long long)rf_engine_seq(world->engine),
            (unsigned long long)digest.high, (unsigned long long)digest.low);
}

uint64_t rf_bench_line(const rf_bench_world *world, uint64_t number)
{
    return 2 + 2 * (uint64_t)world->setup->users + number + 1;
}

static void put_number(char *text, uint64_t value)
{
    char digits[20];
    uint32_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0)
        *text++ = digits[--count];
}

static void expand_order(const rf_bench_command *small, rf_order_params *order)
{
    order->account = small->account;
    order->side = small->side;
    order->type = RF_LIMIT;
    order->time_in_force = small->tif;
    order->flags = RF_FLAG_OID_DEFAULTED;
    if (small->flags & RF_BENCH_ISOLATED)
        order->flags |= RF_FLAG_ISOLATED;
    order->leverage = (uint32_t)small->leverage;
    order->price = small->price;
    order->qty = small->qty;
    order->isolation_id = small->id;
    order->isolated_margin = -1;
}

void rf_bench_expand(const rf_bench_command *small, uint64_t number, rf_command *command)
{
    memset(command, 0, sizeof *command);
    command->kind = small->kind;
    command->time_ns = RF_BENCH_TIME_MS * 1000000;
    if (small->kind == RF_COMMAND_PLACE_ORDER) {
        expand_order(small, &command->u.order);
        put_number(command->u.order.client_oid, number);
    } else if (small->kind == RF_COMMAND_MOVE_MARGIN || small->kind == RF_COMMAND_SET_LEVERAGE) {
        command->u.isolation.account = small->account;
        command->u.isolation.isolation_id = small->id;
        command->u.isolation.leverage = (uint32_t)small->leverage;
        command->u.isolation.amount = small->qty;
    } else {
        command->u.change.account = small->account;
        command->u.change.order_id = small->id;
        command->u.change.price = small->price;
        command->u.change.qty = small->qty;
        command->u.change.instrument = -1;
        command->u.change.mode = -1;
    }
}

static int counter = -1; /* of instructions; -1: none */

static void count_on(bool on)
{
    if (counter >= 0)
        ioctl(counter, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

bool rf_bench_next(const rf_bench_world *world, const rf_bench_stream *stream, uint64_t at,
                   rf_bench_batch *batch)
{
    const uint64_t left = at < stream->count ? stream->count - at : 0;
    batch->count = left < RF_BENCH_BATCH ? (uint32_t)left : RF_BENCH_BATCH;
    batch->known = left < RF_BENCH_KNOWN ? (uint32_t)left : RF_BENCH_KNOWN;
    for (uint32_t i = 0; i < batch->known; i++)
        rf_bench_expand(&stream->commands[at + i], rf_bench_line(world, at + i),
                        &batch->commands[i]);
    return batch->count != 0;
}

/* What is measured, and what make bench-instructions counts: the engine, its sink and this loop. */
__attribute__((noinline)) static void play_batch(rf_engine *engine, const rf_bench_batch *batch,
                                                 bool prefetch)
{
    rf_result result;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (prefetch)
            rf_engine_prefetch(engine, &batch->commands[i], batch->known - i);
        rf_engine_apply(engine, &batch->commands[i], &result);
    }
}

int64_t rf_bench_play(rf_bench_world *world, const rf_bench_stream *stream, bool prefetch)
{
    static rf_bench_batch batch;
    int64_t ns = 0;
    count_on(false);
    for (uint64_t at = 0; rf_bench_next(world, stream, at, &batch); at += batch.count) {
        count_on(true);
        const int64_t start = rf_bench_now_ns();
        play_batch(world->engine, &batch, prefetch);
        ns += rf_bench_now_ns() - start;
        count_on(false);
    }
    return ns;
}

/* ---- Numbers ---------------------------------------------------------------------------------------- */

uint64_t rf_bench_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t rf_bench_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((rf_bench_random(state) >> 32) * bound >> 32);
}

int64_t rf_bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int rf_bench_compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool rf_bench_count_start(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .disabled = 1,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    if (counter < 0)
        counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    if (counter < 0)
        return false;
    ioctl(counter, PERF_EVENT_IOC_RESET, 0);
    return ioctl(counter, PERF_EVENT_IOC_ENABLE, 0) == 0;
}

int64_t rf_bench_count_stop(void)
{
    int64_t value = 0;
    ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
    return read(counter, &value, sizeof value) == sizeof value ? value : 0;
}

/* ---- Rows ------------------------------------------------------------------------------------------- */

void rf_bench_row_of(const rf_bench_options *options, const char *work, const char *metric,
                     const char *unit, const char *members, int64_t *values, uint32_t count)
{
    qsort(values, count, sizeof *values, rf_bench_compare);
    const long long median = values[count / 2], low = values[0], high = values[count - 1];
    if (options->json)
        printf("{\"work\":\"%s\",\"metric\":\"%s\",\"value\":%lld,\"unit\":\"%s\",\"runs\":%u,"
               "\"min\":%lld,"
               "\"max\":%lld%s}\n",
               work, metric, median, unit, count, low, high, members);
    else
        printf("%-16s %-26s %14lld %-6s (%lld .. %lld, %u runs)%s%s\n", work, metric, median, unit,
               low, high, count, members[0] != '\0' ? "  " : "",
               members[0] != '\0' ? members + 1 : "");
    fflush(stdout);
}

void rf_bench_row(const rf_bench_options *options, const char *work, const char *metric,
                  const char *unit, int64_t *values, uint32_t count)
{
    rf_bench_row_of(options, work, metric, unit, "", values, count);
}

/* Nanoseconds in another unit, six digits of a second or three of a microsecond behind the point. */
static void print_decimals(const rf_bench_options *options, const char *work, const char *metric,
                           const char *unit, const char *members, int64_t *values, uint32_t count)
{
    char text[3][32];
    const bool seconds = unit[0] == 's';
    const int64_t whole = seconds ? 1000000000 : 1000, part = seconds ? 1000 : 1;
    qsort(values, count, sizeof *values, rf_bench_compare);
    const int64_t chosen[3] = {values[count / 2], values[0], values[count - 1]};
    for (int i = 0; i < 3; i++)
        snprintf(text[i], sizeof text[i], "%lld.%0*lld", (long long)(chosen[i] / whole),
                 seconds ? 6 : 3, (long long)(chosen[i] % whole / part));
    if (options->json)
        printf("{\"work\":\"%s\",\"metric\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"runs\":%u,"
               "\"min\":%s,\"max\":%s%s}\n",
               work, metric, text[0], unit, count, text[1], text[2], members);
    else
        printf("%-16s %-36s %10s %s (%s .. %s, %u runs)  %s\n", work, metric, text[0], unit,
               text[1], text[2], count, members[0] != '\0' ? members + 1 : "");
    fflush(stdout);
}

void rf_bench_seconds_row(const rf_bench_options *options, const char *work, const char *metric,
                          const char *members, int64_t *values, uint32_t count)
{
    print_decimals(options, work, metric, "s", members, values, count);
}

void rf_bench_us_row(const rf_bench_options *options, const char *work, const char *metric,
                     const char *members, int64_t *values, uint32_t count)
{
    print_decimals(options, work, metric, "us", members, values, count);
}

static void read_line(const char *path, const char *key, char *line, size_t size)
{
    FILE *file = fopen(path, "r");
    const size_t length = strlen(key);
    line[0] = '\0';
    while (file && fgets(line, (int)size, file) && strncmp(line, key, length) != 0)
        line[0] = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

void rf_bench_header(const rf_bench_options *options)
{
    char model[256], load[128], *name;
    struct utsname host;
    read_line("/proc/cpuinfo", "model name", model, sizeof model);
    read_line("/proc/loadavg", "", load, sizeof load);
    name = strchr(model, ':');
    if (uname(&host) != 0)
        host.release[0] = host.machine[0] = '\0';
    fprintf(options->json ? stderr : stdout,
            "# %s,%s, %ld cores, Linux %s, load %s; instructions:u %s\n", host.machine,
            name ? name + 1 : " unknown", sysconf(_SC_NPROCESSORS_ONLN), host.release, load,
            rf_bench_count_start() ? "counted" : "not counted here (see make bench-instructions)");
}
