/* A load on a real server: starts `ringfence serve` as a child in a directory of its own, sets a venue
 * up by the operators' socket, and drives connections, WebSocket or REST, from this one thread.
 *
 * Promise: the server is the program itself with its journal on a real disk; the time of a call is
 * from the moment it was due to the moment its answer was read.
 *
 * May include: base, api, server/sign.h. */
#ifndef RF_BENCH_LOAD_H
#define RF_BENCH_LOAD_H

#include <sys/types.h>

#include "api/json.h"
#include "base/bytes.h"
#include "server/sign.h"

enum {
    RF_LOAD_ACCOUNTS_MAX = 256,
    RF_LOAD_KEY_SIZE = 128,
};

typedef struct rf_load_account {
    char api_key[RF_LOAD_KEY_SIZE], secret[RF_LOAD_KEY_SIZE];
    rf_signer *signer;
} rf_load_account;

typedef struct rf_load_server {
    pid_t pid;
    char dir[256], socket[100], host[64];
    int port;
    rf_load_account accounts[RF_LOAD_ACCOUNTS_MAX];
    uint32_t accounts_count;
    /* The answer of the last call to the operators' socket. */
    rf_json json;
    rf_bytes answer;
} rf_load_server;

/* options: further arguments of serve, NULL at the end. under: a program that runs it, with its own
 * arguments behind blanks (a profiler's), or NULL. The process ends with a message on failure: a
 * benchmark without a server is none. */
void rf_load_start(rf_load_server *server, const char *const *options, const char *under);
int rf_load_end(rf_load_server *server);    /* SIGTERM; the exit status */
void rf_load_clean(rf_load_server *server); /* afterwards: the directory is gone */
/* One call by the operators' socket; the answer is in server->json. False: it was refused. */
bool rf_load_operate(rf_load_server *server, const char *method, const char *params);
/* BTCUSD-PERP at 50,000, and so many accounts with money and keys. */
void rf_load_venue(rf_load_server *server, uint32_t accounts);
/* What has been used since the beginning: of the clock, and of processors by all of the server, by its
 * loop's thread alone, and by this process. */
typedef struct rf_load_usage {
    int64_t wall_ns, server_ns, loop_ns, client_ns;
} rf_load_usage;
rf_load_usage rf_load_usage_now(const rf_load_server *server);
/* The process ends if the system does not allow so many connections. */
void rf_load_need_descriptors(uint32_t connections);
int64_t rf_load_memory_kb(const rf_load_server *server); /* resident */
/* A small write and its flush in the server's directory: the median of some. */
int64_t rf_load_flush_us(const rf_load_server *server);

/* ---- Connections ----------------------------------------------------------------------------- */

typedef struct rf_load_conn rf_load_conn;
struct rf_load_conn {
    int fd;
    bool http, gone;
    uint32_t number;
    uint64_t sent, answered, refused, pushed; /* messages */
    uint64_t push_bytes;
    int64_t *due_ns; /* of the calls under way: a ring of window */
    uint32_t window;
    rf_bytes out;
    size_t out_at;
    char *in;
    size_t in_size, in_capacity;
    void *user;
    /* A message that is not an answer; may be NULL. */
    void (*push)(rf_load_conn *conn, const char *text, size_t size);
};

typedef struct rf_load {
    rf_load_server *server;
    int epoll;
    rf_load_conn *conns;
    uint32_t conns_count;
    /* Times of answered calls, ns; what does not fit is not kept. */
    int64_t *times;
    size_t times_count, times_max;
} rf_load;

/* So many connections with room for `window` calls under way each. path NULL: REST; else a WebSocket. */
void rf_load_open(rf_load *load, rf_load_server *server, uint32_t count, const char *path,
                  uint32_t window, size_t times_max);
void rf_load_close(rf_load *load);
/* Signs a WebSocket in and waits for the answer. */
void rf_load_sign_in(rf_load *load, rf_load_conn *conn, const rf_load_account *account);
/* Puts one text message, or one whole HTTP request, behind what waits to be sent. A call: counted and
 * timed from due_ns on. */
void rf_load_say(rf_load_conn *conn, const char *text, size_t size, int64_t due_ns);
void rf_load_tell(rf_load_conn *conn, const char *text, size_t size); /* not a call */
/* A signed REST request for a call. */
void rf_load_request(const rf_load_account *account, const char *method, const char *params,
                     uint64_t id, rf_json *scratch, rf_bytes *out);
void rf_load_flush(rf_load_conn *conn);
void rf_load_pause(rf_load *load, rf_load_conn *conn, bool paused); /* reads nothing from it */
void rf_load_narrow(rf_load_conn *conn, int size); /* the kernel keeps no more for it */
/* Reads what has come, for at most timeout_ms; answered(conn) is called after each connection that
 * had answers. */
void rf_load_poll(rf_load *load, int timeout_ms, void (*answered)(rf_load *, rf_load_conn *));

int64_t rf_load_percentile(rf_load *load, uint32_t per_mille); /* sorts the times */

_Noreturn void rf_load_fail(const char *what, const char *detail);

#endif
