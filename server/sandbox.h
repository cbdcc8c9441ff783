/* The sandbox: a market that needs no help from outside, to try the server on.
 *
 * Promise: it is a set of ordinary customers and one operator. Prices, makers, takers and the crowd act
 * by calls (rf_local_call) alone, like anybody's; no part of the engine, of the market feeds or of the
 * doors knows of it. Its random numbers come from one seed and no float is in it.
 *
 * Accounts: trader and trader2 for people, maker and taker, and a crowd with high leverage that is
 * liquidated now and then.
 *
 * Called on the loop's thread.
 *
 * May include: base, api, venue. */
#ifndef RF_SERVER_SANDBOX_H
#define RF_SERVER_SANDBOX_H

#include <stdio.h>

#include "venue/world.h"

typedef struct rf_sandbox rf_sandbox;

typedef struct rf_sandbox_options {
    rf_world *world;
    /* How it calls: rf_local_call with its doors as context. */
    rf_error (*call)(void *context, const rf_caller *caller, const char *method,
                     const char *params_json, rf_bytes *answer);
    /* Moves the venue's clock by so much from now on. */
    void (*shift)(void *context, int64_t ns);
    void (*turn)(void *context); /* after the timer's calls; may be NULL */
    void *context;
    uint64_t seed;
    uint32_t rate;      /* calls a second of makers, takers and crowd */
    const char *prices; /* "[INSTRUMENT=]FILE,..." to be replayed; NULL or "": random walks */
    uint32_t speed;     /* of the clock; 1 = real time */
} rf_sandbox_options;

/* Are these files of prices that a sandbox can follow? False: `error` says why not. */
bool rf_sandbox_check(const char *prices, char error[512]);
/* Lists what is missing (currencies, instruments, accounts, money), makes fresh keys and passwords, and
 * puts itself into world->api->servers[RF_SERVICE_SANDBOX]. NULL: `error` says why. */
rf_sandbox *rf_sandbox_open(const rf_sandbox_options *options, char error[512]);
void rf_sandbox_close(rf_sandbox *sandbox); /* NULL is fine */

/* Starts its timer on a uv_loop_t, and stops it; the loop runs once more before rf_sandbox_close. */
void rf_sandbox_start(rf_sandbox *sandbox, void *loop);
void rf_sandbox_stop(rf_sandbox *sandbox);
/* What the timer does: so much time has passed. */
void rf_sandbox_advance(rf_sandbox *sandbox, int64_t elapsed_ns);

/* Appends the member "accounts" of the first line of `serve --sandbox`. */
void rf_sandbox_put_accounts(const rf_sandbox *sandbox, rf_bytes *out);
/* Appends the member "accounts" of what GET /auth/demo answers: names and passwords of those who are there
 * for people. A sandbox is open to whoever can reach it. */
void rf_sandbox_put_demo(const rf_sandbox *sandbox, rf_bytes *out);
/* What a person can try, with commands that work as they stand. no_pages: why there are none; NULL: there
 * are. */
void rf_sandbox_print_guide(const rf_sandbox *sandbox, const char *url, const char *operator_socket,
                            const char *data, const char *no_pages, FILE *out);

typedef struct rf_sandbox_stats {
    uint64_t calls, refused; /* of makers, takers and crowd */
    uint64_t orders;         /* calls that placed or changed an order, refused ones too */
} rf_sandbox_stats;
rf_sandbox_stats rf_sandbox_statistics(const rf_sandbox *sandbox);

#endif
