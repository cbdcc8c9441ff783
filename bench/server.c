/* W3, W6 and W8: the whole server under load, from its socket to the disk and back.
 *
 * The load is orders that rest and are taken back: each client places one and cancels the one before, by
 * turns, so that books, margin and journal work and nothing piles up. One call in flight is one slot of
 * a client's window; the windows of all clients together are what the row says as `window`. */
#include "bench/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS_MAX = 64,
    WINDOW = 1024, /* calls under way of all clients together */
    RUN_MS = 3000,
    RUN_QUICK_MS = 300,
    WARM_MS = 300,
};

static const char *const serve_options[] = {"--rate-limits",   "off",      "--snapshot-every",
                                            "1000000000",      "--orders", "262144",
                                            "--recent-orders", "262144",   NULL};

/* ---- Figures --------------------------------------------------------------------------------- */

void rf_served_begin(rf_served *self)
{
    self->flush_us = rf_load_flush_us(&self->server);
    if (getloadavg(&self->machine, 1) != 1)
        self->machine = 0;
}

void rf_served_run(rf_served *self, rf_load *load, const rf_load_usage *since, uint64_t calls,
                   rf_served_figures *figures)
{
    rf_load_usage now = rf_load_usage_now(&self->server);
    int64_t count = calls ? (int64_t)calls : 1;
    uint32_t run = figures->runs++;
    figures->rate[run] = (int64_t)calls * 1000000000 / (now.wall_ns - since->wall_ns);
    figures->server_ns[run] = (now.server_ns - since->server_ns) / count;
    figures->loop_ns[run] = (now.loop_ns - since->loop_ns) / count;
    figures->client_ns[run] = (now.client_ns - since->client_ns) / count;
    figures->p50_us[run] = rf_load_percentile(load, 500) / 1000;
    figures->p99_us[run] = rf_load_percentile(load, 990) / 1000;
}

static void put_members(const rf_served *self, const char *members,
                        const rf_served_figures *figures, char all[RF_SERVED_MEMBERS])
{
    snprintf(all, RF_SERVED_MEMBERS, "%s,\"flush_us\":%lld,\"load\":%.2f,\"refused\":%llu", members,
             (long long)self->flush_us, self->machine, (unsigned long long)figures->refused);
}

void rf_served_print_times(const rf_served *self, const char *work, const char *rate,
                           const char *members, rf_served_figures *figures)
{
    char all[RF_SERVED_MEMBERS];
    put_members(self, members, figures, all);
    rf_bench_row_of(self->options, work, rate, "1/s", all, figures->rate, figures->runs);
    rf_bench_row_of(self->options, work, "p50_us", "us", all, figures->p50_us, figures->runs);
    rf_bench_row_of(self->options, work, "p99_us", "us", all, figures->p99_us, figures->runs);
}

void rf_served_print_costs(const rf_served *self, const char *members, rf_served_figures *figures)
{
    char all[RF_SERVED_MEMBERS];
    const struct {
        const char *metric;
        int64_t *values;
    } rows[] = {{"server_cpu_us_per_request", figures->server_ns},
                {"loop_cpu_us_per_request", figures->loop_ns},
                {"client_cpu_us_per_request", figures->client_ns}};
    put_members(self, members, figures, all);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        rf_bench_us_row(self->options, "W8", rows[i].metric, all, rows[i].values, figures->runs);
}

/* ---- Orders over a WebSocket ----------------------------------------------------------------- */

static unsigned part; /* of the benchmark */

static void put_oid(rf_bytes *text, const rf_load_conn *conn, uint64_t order)
{
    rf_bytes_text(text, "\"client_oid\":\"");
    rf_bytes_id(text, part);
    rf_bytes_char(text, '-');
    rf_bytes_id(text, conn->number);
    rf_bytes_char(text, '-');
    rf_bytes_id(text, order);
    rf_bytes_text(text, "\"}}");
}

static void put_order(rf_bytes *text, uint64_t order)
{
    bool buys = order % 2 == 1;
    rf_bytes_text(text, ",\"method\":\"private/create-order\",\"params\":{\"instrument_name\":"
                        "\"BTCUSD-PERP\",\"side\":\"");
    rf_bytes_text(text, buys ? "BUY" : "SELL");
    rf_bytes_text(text, "\",\"type\":\"LIMIT\",\"quantity\":\"0.0010\",\"price\":\"");
    rf_bytes_id(text, buys ? 49900 - order % 64 : 50100 + order % 64);
    rf_bytes_text(text, "\",");
}

void rf_served_say_order(rf_load_conn *conn, int64_t due_ns)
{
    char memory[384];
    rf_bytes text;
    rf_bytes_init(&text, memory, sizeof memory, NULL);
    rf_bytes_text(&text, "{\"id\":");
    rf_bytes_id(&text, conn->sent + 1);
    if (conn->sent % 2 == 0)
        put_order(&text, conn->sent / 2);
    else
        rf_bytes_text(&text, ",\"method\":\"private/cancel-order\",\"params\":{");
    put_oid(&text, conn, conn->sent / 2);
    rf_load_say(conn, text.data, text.size, due_ns);
}

static void refill(rf_load *load, rf_load_conn *conn)
{
    (void)load;
    int64_t now_ns = rf_bench_now_ns();
    while (conn->sent - conn->answered < conn->window)
        rf_served_say_order(conn, now_ns);
}

uint64_t rf_served_answered(const rf_load *load, uint64_t *refused)
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

void rf_served_sign_in(rf_served *self, rf_load *load)
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

void rf_served_drain(rf_load *load)
{
    uint64_t refused, sent = 0;
    for (uint32_t i = 0; i < load->conns_count; i++)
        sent += load->conns[i].sent;
    for (int64_t end = rf_bench_now_ns() + 5000000000;
         rf_served_answered(load, &refused) < sent && rf_bench_now_ns() < end;)
        rf_load_poll(load, 10, NULL);
}

static int64_t run_ms(const rf_served *self)
{
    return self->options->quick ? RUN_QUICK_MS : RUN_MS;
}

static void measure(rf_served *self, rf_load *load, rf_served_figures *figures)
{
    uint64_t refused;
    run_until(load, rf_bench_now_ns() + (int64_t)WARM_MS * 1000000, refill);
    load->times_count = 0;
    uint64_t before = rf_served_answered(load, &refused);
    rf_load_usage since = rf_load_usage_now(&self->server);
    run_until(load, since.wall_ns + run_ms(self) * 1000000, refill);
    uint64_t calls = rf_served_answered(load, &figures->refused) - before;
    rf_served_run(self, load, &since, calls, figures);
}

/* W6 is how many become durable and how fast, W8 what one costs. */
static void bench_sockets(rf_served *self, uint32_t clients, uint32_t window)
{
    rf_load load;
    char members[128];
    rf_served_figures figures = {0};
    rf_served_begin(self);
    rf_load_open(&load, &self->server, clients, "/exchange/v1/user", window / clients,
                 RF_SERVED_TIMES_MAX);
    rf_served_sign_in(self, &load);
    for (uint32_t i = 0; i < clients; i++) {
        refill(&load, &load.conns[i]);
        rf_load_flush(&load.conns[i]);
    }
    for (uint32_t run = 0; run < self->options->runs; run++)
        measure(self, &load, &figures);
    rf_served_drain(&load);
    rf_load_close(&load);
    snprintf(members, sizeof members, ",\"clients\":%u,\"window\":%u", clients, window);
    rf_served_print_times(self, "W6", "acked_per_second", members, &figures);
    snprintf(members, sizeof members, ",\"kind\":\"websocket\",\"clients\":%u,\"window\":%u",
             clients, window);
    rf_served_print_costs(self, members, &figures);
}

/* ---- W3: at a fixed rate, from the moment an order was due ------------------------------------- */

static void print_w3(const rf_served *self, rf_load *load, int64_t rate)
{
    char members[128];
    static const struct {
        const char *metric;
        uint32_t per_mille;
    } rows[] = {{"p50_ns", 500}, {"p99_ns", 990}, {"p999_ns", 999}, {"max_ns", 1000}};
    snprintf(members, sizeof members, ",\"rate\":%lld,\"flush_us\":%lld,\"load\":%.2f",
             (long long)rate, (long long)self->flush_us, self->machine);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = rf_load_percentile(load, rows[i].per_mille);
        rf_bench_row_of(self->options, "W3", rows[i].metric, "ns", members, &value, 1);
    }
}

static void bench_open_loop(rf_served *self, int64_t rate)
{
    rf_load load;
    uint32_t clients = 8;
    rf_served_begin(self);
    rf_load_open(&load, &self->server, clients, "/exchange/v1/user", 65536, RF_SERVED_TIMES_MAX);
    rf_served_sign_in(self, &load);
    int64_t start_ns = rf_bench_now_ns(), due = 0, all = rate * run_ms(self) / 1000;
    while (due < all) {
        int64_t now_ns = rf_bench_now_ns();
        for (; due < all && start_ns + due * 1000000000 / rate <= now_ns; due++)
            rf_served_say_order(&load.conns[due % clients], start_ns + due * 1000000000 / rate);
        for (uint32_t i = 0; i < clients; i++)
            rf_load_flush(&load.conns[i]);
        rf_load_poll(&load, 0, NULL);
    }
    rf_served_drain(&load);
    print_w3(self, &load, rate);
    rf_load_close(&load);
}

/* ---- All of it --------------------------------------------------------------------------------- */

static bool wants(const rf_served *self, const char *what)
{
    return !self->options->only || strcmp(self->options->only, what) == 0;
}

static void bench_parts(rf_served *self)
{
    static const uint32_t clients[] = {1, 8, 64}, connections[] = {16, 64};
    static const int64_t rates[] = {10000, 50000, 100000, 200000};
    const uint32_t window = self->options->window ? self->options->window : WINDOW;
    for (size_t i = 0; wants(self, "socket") && i < sizeof clients / sizeof *clients; i++)
        bench_sockets(self, clients[i], window);
    for (size_t i = 0; wants(self, "rate") && i < sizeof rates / sizeof *rates; i++)
        bench_open_loop(self, rates[i]);
    for (size_t i = 0; wants(self, "rest") && i < sizeof connections / sizeof *connections; i++)
        rf_served_rest(self, connections[i]);
    if (wants(self, "fan-out"))
        rf_served_fan_out(self);
}

void rf_bench_server(const rf_bench_options *options)
{
    static rf_served self;
    self.options = options;
    rf_load_start(&self.server, serve_options, options->under);
    rf_load_venue(&self.server, CLIENTS_MAX);
    bench_parts(&self);
    if (rf_load_end(&self.server) != 0)
        rf_load_fail("serve", "it did not end well");
    rf_load_clean(&self.server);
}
