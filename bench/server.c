/* W3, W6 and W8: the whole server under load, from its socket to the disk and back.
 *
 * The load is orders that rest and are taken back: each client places one and cancels the one before, by
 * turns, so that books, margin and journal work and nothing piles up. One call in flight is one slot of
 * a client's window; the windows of all clients together are what the row says as `window`. */
#include "bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "venue/world.h"

enum {
    CLIENTS_MAX = 64,
    WINDOW = 1024, /* calls under way of all clients together */
    RUN_MS = 3000,
    RUN_QUICK_MS = 300,
    WARM_MS = 300,
    TIMES_MAX = 4000000,
    REQUESTS = 120000, /* signed before the clock starts */
    REQUESTS_QUICK = 3000,
    SUBSCRIBERS = 5000,
    SUBSCRIBERS_QUICK = 50,
    FAN_ORDERS = 200,
    SCRATCH_TOKENS = 256,
    SCRATCH_TEXT = 4096,
};

static const char *const serve_options[] = {"--rate-limits",   "off",      "--snapshot-every",
                                            "1000000000",      "--orders", "262144",
                                            "--recent-orders", "262144",   NULL};

typedef struct bench {
    const rf_bench_options *options;
    rf_load_server server;
    int64_t flush_us;
} bench;

/* ---- Orders over a WebSocket ----------------------------------------------------------------- */

static unsigned part; /* of the benchmark: no two parts give an order the same name */

/* Even numbers place an order, odd ones cancel it. */
static void say_order(rf_load_conn *conn, int64_t due_ns)
{
    char text[384];
    uint64_t number = conn->sent, order = number / 2;
    int size;
    if (number % 2 == 0)
        size = snprintf(text, sizeof text,
                        "{\"id\":%llu,\"method\":\"private/create-order\",\"params\":{"
                        "\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"%s\",\"type\":\"LIMIT\","
                        "\"price\":\"%u\",\"quantity\":\"0.0010\",\"client_oid\":\"%u-%u-%llu\"}}",
                        (unsigned long long)number + 1, order % 2 ? "BUY" : "SELL",
                        order % 2 ? 49900 - (unsigned)(order % 64) : 50100 + (unsigned)(order % 64),
                        part, conn->number, (unsigned long long)order);
    else
        size =
            snprintf(text, sizeof text,
                     "{\"id\":%llu,\"method\":\"private/cancel-order\",\"params\":{"
                     "\"client_oid\":\"%u-%u-%llu\"}}",
                     (unsigned long long)number + 1, part, conn->number, (unsigned long long)order);
    rf_load_say(conn, text, (size_t)size, due_ns);
}

static void refill(rf_load *load, rf_load_conn *conn)
{
    (void)load;
    int64_t now_ns = rf_bench_now_ns();
    while (conn->sent - conn->answered < conn->window)
        say_order(conn, now_ns);
}

static uint64_t answered(const rf_load *load, uint64_t *refused)
{
    uint64_t sum = 0;
    *refused = 0;
    for (uint32_t i = 0; i < load->conns_count; i++) {
        sum += load->conns[i].answered;
        *refused += load->conns[i].refused;
        if (load->conns[i].gone)
            rf_load_fail("load", "the server closed a connection");
    }
    return sum;
}

static void sign_in_all(bench *self, rf_load *load)
{
    part++;
    for (uint32_t i = 0; i < load->conns_count; i++)
        rf_load_sign_in(load, &load->conns[i], &self->server.accounts[i]);
    for (uint32_t i = 0; i < load->conns_count; i++)
        load->conns[i].sent = load->conns[i].answered = 0;
}

static void run_until(rf_load *load, int64_t end_ns, void (*on)(rf_load *, rf_load_conn *))
{
    while (rf_bench_now_ns() < end_ns)
        rf_load_poll(load, 10, on);
}

/* Nothing that is under way may reach into the next run. */
static void drain(rf_load *load)
{
    uint64_t refused, sent = 0;
    for (uint32_t i = 0; i < load->conns_count; i++)
        sent += load->conns[i].sent;
    for (int64_t end = rf_bench_now_ns() + 5000000000;
         answered(load, &refused) < sent && rf_bench_now_ns() < end;)
        rf_load_poll(load, 10, NULL);
}

static int64_t run_ms(const bench *self)
{
    return self->options->quick ? RUN_QUICK_MS : RUN_MS;
}

typedef struct figures {
    int64_t rate[31], p50_us[31], p99_us[31], cpu_ns[31];
    uint32_t runs;
    uint64_t refused;
} figures;

static void measure(bench *self, rf_load *load, figures *sums)
{
    uint64_t refused;
    run_until(load, rf_bench_now_ns() + (int64_t)WARM_MS * 1000000, refill);
    load->times_count = 0;
    uint64_t before = answered(load, &refused);
    int64_t cpu_us = rf_load_cpu_us(&self->server), start_ns = rf_bench_now_ns();
    run_until(load, start_ns + run_ms(self) * 1000000, refill);
    int64_t ns = rf_bench_now_ns() - start_ns;
    int64_t count = (int64_t)(answered(load, &sums->refused) - before);
    uint32_t run = sums->runs++;
    sums->rate[run] = count * 1000000000 / ns;
    sums->cpu_ns[run] = (rf_load_cpu_us(&self->server) - cpu_us) * 1000 / (count ? count : 1);
    sums->p50_us[run] = rf_load_percentile(load, 500) / 1000;
    sums->p99_us[run] = rf_load_percentile(load, 990) / 1000;
}

static void print_w6(bench *self, figures *sums, uint32_t clients, uint32_t window)
{
    char members[160];
    const rf_bench_options *options = self->options;
    snprintf(members, sizeof members,
             ",\"clients\":%u,\"window\":%u,\"flush_us\":%lld,\"refused\":%llu", clients, window,
             (long long)self->flush_us, (unsigned long long)sums->refused);
    rf_bench_row_of(options, "W6", "acked_per_second", "1/s", members, sums->rate, sums->runs);
    rf_bench_row_of(options, "W6", "p50_us", "us", members, sums->p50_us, sums->runs);
    rf_bench_row_of(options, "W6", "p99_us", "us", members, sums->p99_us, sums->runs);
    rf_bench_row_of(options, "W6", "server_cpu_ns_per_order", "ns", members, sums->cpu_ns,
                    sums->runs);
}

static void bench_sockets(bench *self, uint32_t clients, uint32_t window)
{
    rf_load load;
    figures sums = {0};
    rf_load_open(&load, &self->server, clients, "/exchange/v1/user", window / clients, TIMES_MAX);
    sign_in_all(self, &load);
    for (uint32_t i = 0; i < clients; i++) {
        refill(&load, &load.conns[i]);
        rf_load_flush(&load.conns[i]);
    }
    for (uint32_t run = 0; run < self->options->runs; run++)
        measure(self, &load, &sums);
    drain(&load);
    rf_load_close(&load);
    print_w6(self, &sums, clients, window);
}

/* ---- W3: at a fixed rate, from the moment an order was due ------------------------------------- */

static void bench_open_loop(bench *self, int64_t rate)
{
    rf_load load;
    char members[96];
    uint32_t clients = 8;
    static const struct {
        const char *metric;
        uint32_t per_mille;
    } rows[] = {{"p50_ns", 500}, {"p99_ns", 990}, {"p999_ns", 999}, {"max_ns", 1000}};
    rf_load_open(&load, &self->server, clients, "/exchange/v1/user", 65536, TIMES_MAX);
    sign_in_all(self, &load);
    int64_t start_ns = rf_bench_now_ns(), due = 0, all = rate * run_ms(self) / 1000;
    while (due < all) {
        int64_t now_ns = rf_bench_now_ns();
        for (; due < all && start_ns + due * 1000000000 / rate <= now_ns; due++)
            say_order(&load.conns[due % clients], start_ns + due * 1000000000 / rate);
        for (uint32_t i = 0; i < clients; i++)
            rf_load_flush(&load.conns[i]);
        rf_load_poll(&load, 0, NULL);
    }
    drain(&load);
    snprintf(members, sizeof members, ",\"rate\":%lld,\"flush_us\":%lld", (long long)rate,
             (long long)self->flush_us);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = rf_load_percentile(&load, rows[i].per_mille);
        rf_bench_row_of(self->options, "W3", rows[i].metric, "ns", members, &value, 1);
    }
    rf_load_close(&load);
}

/* ---- W8: signed REST --------------------------------------------------------------------------- */

typedef struct rest {
    rf_bytes *requests; /* of each connection, one behind the other */
    size_t *starts;     /* where each begins, and where the last one ends */
    uint32_t each;
} rest;

static rest *resting; /* of the run under way */

static void next_request(rf_load *load, rf_load_conn *conn)
{
    (void)load;
    if (conn->sent == resting->each || conn->sent > conn->answered)
        return;
    const size_t *at = resting->starts + conn->number * ((size_t)resting->each + 1) + conn->sent;
    rf_load_say(conn, resting->requests[conn->number].data + at[0], at[1] - at[0],
                rf_bench_now_ns());
}

/* All requests are made and signed before the clock starts: the client's share of the work of a
 * signature is not the server's. */
static void sign_requests(bench *self, rest *all, uint32_t clients, uint32_t each)
{
    static rf_json_token tokens[SCRATCH_TOKENS];
    static char text[SCRATCH_TEXT];
    rf_json scratch;
    rf_json_init(&scratch, tokens, SCRATCH_TOKENS, text, sizeof text);
    *all = (rest){.requests = calloc(clients, sizeof(rf_bytes)),
                  .starts = calloc((size_t)clients * (each + 1), sizeof(size_t)),
                  .each = each};
    if (!all->requests || !all->starts)
        rf_load_fail("requests", "out of memory");
    for (uint32_t c = 0; c < clients; c++) {
        rf_bytes *out = &all->requests[c];
        size_t *starts = all->starts + c * ((size_t)each + 1);
        rf_bytes_init(out, NULL, 0, rf_world_grow);
        for (uint32_t i = 0; i < each; i++) {
            char params[256];
            if (i % 2 == 0)
                snprintf(params, sizeof params,
                         "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\","
                         "\"price\":\"%u\",\"quantity\":\"0.0010\",\"client_oid\":\"r%u-%u-%u\"}",
                         49900 - i % 64, clients, c, i / 2);
            else
                snprintf(params, sizeof params, "{\"client_oid\":\"r%u-%u-%u\"}", clients, c,
                         i / 2);
            rf_load_request(&self->server.accounts[c],
                            i % 2 == 0 ? "private/create-order" : "private/cancel-order", params,
                            (uint64_t)c * each + i + 1, &scratch, out);
            starts[i + 1] = out->size;
        }
    }
}

static void free_requests(rest *all, uint32_t clients)
{
    for (uint32_t c = 0; c < clients; c++)
        free(all->requests[c].data);
    free(all->requests);
    free(all->starts);
}

static void bench_rest(bench *self, uint32_t clients)
{
    rf_load load;
    rest all;
    char members[200];
    uint64_t refused, total = self->options->quick ? REQUESTS_QUICK : REQUESTS;
    uint32_t each = (uint32_t)total / clients;
    sign_requests(self, &all, clients, each);
    resting = &all;
    rf_load_open(&load, &self->server, clients, NULL, 1, TIMES_MAX);
    int64_t cpu_us = rf_load_cpu_us(&self->server), start_ns = rf_bench_now_ns();
    for (uint32_t i = 0; i < clients; i++) {
        next_request(&load, &load.conns[i]);
        rf_load_flush(&load.conns[i]);
    }
    total = (uint64_t)each * clients;
    while (answered(&load, &refused) < total)
        rf_load_poll(&load, 1000, next_request);
    int64_t ns = rf_bench_now_ns() - start_ns;
    int64_t rate = (int64_t)total * 1000000000 / ns;
    int64_t cpu_ns = (rf_load_cpu_us(&self->server) - cpu_us) * 1000 / (int64_t)total;
    int64_t p50 = rf_load_percentile(&load, 500) / 1000,
            p99 = rf_load_percentile(&load, 990) / 1000;
    snprintf(members, sizeof members,
             ",\"kind\":\"rest\",\"clients\":%u,\"flush_us\":%lld,\"flush_bound\":%s,"
             "\"refused\":%llu,\"signed_before\":true",
             clients, (long long)self->flush_us, self->flush_us > 200 ? "true" : "false",
             (unsigned long long)refused);
    rf_bench_row_of(self->options, "W8", "requests_per_second", "1/s", members, &rate, 1);
    rf_bench_row_of(self->options, "W8", "server_cpu_ns_per_request", "ns", members, &cpu_ns, 1);
    rf_bench_row_of(self->options, "W8", "p50_us", "us", members, &p50, 1);
    rf_bench_row_of(self->options, "W8", "p99_us", "us", members, &p99, 1);
    rf_load_close(&load);
    free_requests(&all, clients);
}

/* ---- W8: fan-out ----------------------------------------------------------------------------- */

/* Every subscriber of the book is told of every change: the time from an order until the last of them
 * has it, and the messages a second. */
static void bench_fan_out(bench *self)
{
    static const char subscribe[] = "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":["
                                    "\"book.BTCUSD-PERP.10\"],\"book_subscription_type\":"
                                    "\"SNAPSHOT_AND_UPDATE\",\"book_update_frequency\":10}}";
    rf_load fans, trader;
    char members[128];
    uint32_t count = self->options->quick ? SUBSCRIBERS_QUICK : SUBSCRIBERS;
    uint64_t pushed = 0, refused;
    rf_load_open(&fans, &self->server, count, "/exchange/v1/market", 2, 16);
    for (uint32_t i = 0; i < count; i++) {
        rf_load_say(&fans.conns[i], subscribe, sizeof subscribe - 1, rf_bench_now_ns());
        rf_load_flush(&fans.conns[i]);
        if (i % 256 == 0)
            rf_load_poll(&fans, 0, NULL);
    }
    run_until(&fans, rf_bench_now_ns() + 1000000000, NULL);
    for (uint32_t i = 0; i < count; i++)
        fans.conns[i].pushed = 0;
    rf_load_open(&trader, &self->server, 1, "/exchange/v1/user", 64, 64);
    sign_in_all(self, &trader);
    int64_t cpu_us = rf_load_cpu_us(&self->server), start_ns = rf_bench_now_ns();
    for (unsigned i = 0; i < FAN_ORDERS; i++) {
        say_order(trader.conns, rf_bench_now_ns());
        rf_load_flush(trader.conns);
        rf_load_poll(&trader, 1, NULL);
        for (int64_t until = start_ns + (int64_t)(i + 1) * 10000000; rf_bench_now_ns() < until;)
            rf_load_poll(&fans, 1, NULL);
    }
    int64_t ns = rf_bench_now_ns() - start_ns;
    run_until(&fans, rf_bench_now_ns() + 300000000, NULL);
    drain(&trader);
    answered(&fans, &refused);
    for (uint32_t i = 0; i < count; i++)
        pushed += fans.conns[i].pushed;
    int64_t rate = (int64_t)pushed * 1000000000 / ns;
    int64_t cpu_ns = (rf_load_cpu_us(&self->server) - cpu_us) * 1000 / (int64_t)(pushed | 1);
    snprintf(members, sizeof members, ",\"kind\":\"fan_out\",\"subscribers\":%u,\"messages\":%llu",
             count, (unsigned long long)pushed);
    rf_bench_row_of(self->options, "W8", "messages_per_second", "1/s", members, &rate, 1);
    rf_bench_row_of(self->options, "W8", "server_cpu_ns_per_message", "ns", members, &cpu_ns, 1);
    rf_load_close(&trader);
    rf_load_close(&fans);
}

void rf_bench_server(const rf_bench_options *options)
{
    static const uint32_t clients[] = {1, 8, 64}, connections[] = {16, 64};
    static const int64_t rates[] = {10000, 50000, 100000, 200000};
    static bench self;
    self.options = options;
    rf_load_start(&self.server, serve_options);
    rf_load_venue(&self.server, CLIENTS_MAX);
    self.flush_us = rf_load_flush_us(&self.server);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        bench_sockets(&self, clients[i], options->window ? options->window : WINDOW);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        bench_open_loop(&self, rates[i]);
    for (size_t i = 0; i < sizeof connections / sizeof *connections; i++)
        bench_rest(&self, connections[i]);
    bench_fan_out(&self);
    if (rf_load_end(&self.server) != 0)
        rf_load_fail("serve", "it did not end well");
    rf_load_clean(&self.server);
}
