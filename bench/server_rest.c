/* W8: signed REST, one request at a time on each connection. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/server.h"
#include "venue/world.h"

enum {
    REQUESTS = 60000, /* of a run, signed before the clock starts */
    REQUESTS_QUICK = 3000,
    SCRATCH_TOKENS = 256,
    SCRATCH_TEXT = 4096,
};

typedef struct rest {
    rf_bytes *requests; /* of each connection, one behind the other */
    size_t *starts;     /* where each begins, and where the last one ends */
    uint32_t clients, each;
} rest;

static rest *resting;  /* of the run under way */
static unsigned turns; /* runs so far: no two give an order the same name */

static void next_request(rf_load *load, rf_load_conn *conn)
{
    (void)load;
    if (conn->sent == resting->each || conn->sent > conn->answered)
        return;
    const size_t *at = resting->starts + conn->number * ((size_t)resting->each + 1) + conn->sent;
    rf_load_say(conn, resting->requests[conn->number].data + at[0], at[1] - at[0],
                rf_bench_now_ns());
}

/* Even ones place an order that rests, odd ones cancel it. */
static void sign_one(rf_served *self, rest *all, uint32_t client, uint32_t number, rf_json *scratch)
{
    char params[256];
    bool places = number % 2 == 0;
    if (places)
        snprintf(params, sizeof params,
                 "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\","
                 "\"price\":\"%u\",\"quantity\":\"0.0010\",\"client_oid\":\"r%u-%u-%u\"}",
                 49900 - number % 64, turns, client, number / 2);
    else
        snprintf(params, sizeof params, "{\"client_oid\":\"r%u-%u-%u\"}", turns, client,
                 number / 2);
    rf_load_request(&self->server.accounts[client],
                    places ? "private/create-order" : "private/cancel-order", params,
                    (uint64_t)client * all->each + number + 1, scratch, &all->requests[client]);
}

/* All requests are made and signed before the clock starts: the client's share of the work of a
 * signature is not the server's. */
static void sign_all(rf_served *self, rest *all)
{
    static rf_json_token tokens[SCRATCH_TOKENS];
    static char text[SCRATCH_TEXT];
    rf_json scratch;
    rf_json_init(&scratch, tokens, SCRATCH_TOKENS, text, sizeof text);
    turns++;
    for (uint32_t client = 0; client < all->clients; client++) {
        size_t *starts = all->starts + client * ((size_t)all->each + 1);
        rf_bytes_clear(&all->requests[client]);
        for (uint32_t i = 0; i < all->each; i++) {
            sign_one(self, all, client, i, &scratch);
            starts[i + 1] = all->requests[client].size;
        }
    }
}

static void open_requests(const rf_bench_options *options, uint32_t clients, rest *all)
{
    uint64_t total = options->quick ? REQUESTS_QUICK : REQUESTS;
    total = options->commands ? options->commands : total;
    *all = (rest){.clients = clients, .each = (uint32_t)(total / clients)};
    all->requests = calloc(clients, sizeof(rf_bytes));
    all->starts = calloc((size_t)clients * (all->each + 1), sizeof(size_t));
    if (!all->requests || !all->starts)
        rf_load_fail("requests", "out of memory");
    for (uint32_t i = 0; i < clients; i++)
        rf_bytes_init(&all->requests[i], NULL, 0, rf_world_grow);
}

static void close_requests(rest *all)
{
    for (uint32_t i = 0; i < all->clients; i++)
        free(all->requests[i].data);
    free(all->requests);
    free(all->starts);
}

static void run_requests(rf_served *self, rest *all, rf_served_figures *figures)
{
    rf_load load;
    uint64_t refused = 0, total = (uint64_t)all->each * all->clients;
    sign_all(self, all);
    rf_load_open(&load, &self->server, all->clients, NULL, 1, RF_SERVED_TIMES_MAX);
    rf_load_usage since = rf_load_usage_now(&self->server);
    for (uint32_t i = 0; i < all->clients; i++) {
        next_request(&load, &load.conns[i]);
        rf_load_flush(&load.conns[i]);
    }
    while (rf_served_answered(&load, &refused) < total)
        rf_load_poll(&load, 1000, next_request);
    rf_served_run(self, &load, &since, total, figures);
    figures->refused += refused;
    rf_load_close(&load);
}

void rf_served_rest(rf_served *self, uint32_t clients)
{
    rest all;
    char members[128];
    rf_served_figures figures = {0};
    open_requests(self->options, clients, &all);
    resting = &all;
    rf_served_begin(self);
    for (uint32_t run = 0; run < self->options->runs; run++)
        run_requests(self, &all, &figures);
    close_requests(&all);
    snprintf(members, sizeof members,
             ",\"kind\":\"rest\",\"clients\":%u,\"signed_before\":true,\"flush_bound\":%s", clients,
             self->flush_us > 200 ? "true" : "false");
    rf_served_print_times(self, "W8", "requests_per_second", members, &figures);
    rf_served_print_costs(self, members, &figures);
}
