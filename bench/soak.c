/* The sandbox under load, watched from outside: memory, connections, chains of book changes, the tape
 * against the history, invariants, and the journal re-run at the end. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/load.h"

enum {
    RATE = 20000,
    CLIENTS = 200,
    SECONDS = 60,
    SECONDS_MAX = 7200,
    MATCHES_MAX = 1 << 25,
    UNSEEN_SHARE = 50,
    SUBSCRIPTION_SIZE = 256,
    GROWTH_KB = 8192, /* that memory may grow by in the second half, beside GROWTH_PERCENT */
    GROWTH_PERCENT = 5,
};

enum { INSTRUMENTS = 3 };
static const char *const instruments[INSTRUMENTS] = {"BTCUSD-PERP", "ETHUSD-PERP", "SOLUSD-PERP"};

typedef struct soak {
    const rf_bench_options *options;
    rf_load_server server;
    rf_load load;
    uint32_t rate, clients, seconds;
    int64_t memory_kb[SECONDS_MAX];
    uint64_t broken_chains;
    uint64_t *matches; /* of the tape, as the first client saw it */
    size_t matches_count;
    uint64_t tape_from;
    int64_t seq_first, seq_last; /* of the engine */
    bool failed;
} soak;

/* What a client remembers of its book. */
typedef struct chain {
    soak *all;
    uint64_t u;
    bool known;
} chain;

static void blame(soak *self, const char *what, long long value)
{
    fprintf(stderr, "soak: %s: %lld\n", what, value);
    self->failed = true;
}

/* ---- What clients see -------------------------------------------------------------------------- */

static uint64_t number_behind(const char *text, const char *key, bool *found)
{
    const char *at = strstr(text, key);
    *found = at != NULL;
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* A change goes on where the one before ended; a fresh snapshot may come at any time. */
static void check_book(rf_load_conn *conn, const char *text, size_t size)
{
    chain *book = conn->user;
    bool has_u, has_pu;
    char *end = (char *)(uintptr_t)text + size, kept = *end;
    *end = '\0'; /* the message is in the connection's own memory, and a byte lies behind it */
    uint64_t u = number_behind(text, "\"u\":", &has_u);
    uint64_t pu = number_behind(text, "\"pu\":", &has_pu);
    *end = kept;
    if (!has_u)
        return;
    if (has_pu && book->known && pu != book->u)
        book->all->broken_chains++;
    book->u = u;
    book->known = true;
}

/* The first message of each instrument shows trades from before: the tape begins behind them. */
static void keep_tape(rf_load_conn *conn, const char *text, size_t size)
{
    soak *self = ((chain *)conn->user)->all;
    bool old = conn->pushed <= INSTRUMENTS;
    const char *end = text + size;
    while ((text = memchr(text, 'm', (size_t)(end - text))) && end - text > 4) {
        if (memcmp(text - 1, "\"m\":\"", 5) == 0) {
            uint64_t id = strtoull(text + 4, NULL, 10);
            if (old)
                self->tape_from = id > self->tape_from ? id : self->tape_from;
            else if (id > self->tape_from && self->matches_count < MATCHES_MAX)
                self->matches[self->matches_count++] = id;
        }
        text++;
    }
}

static void subscribe(soak *self, uint32_t number)
{
    char text[SUBSCRIPTION_SIZE];
    rf_load_conn *conn = &self->load.conns[number];
    const char *name = instruments[number % 3];
    int size;
    chain *book = calloc(1, sizeof *book);
    if (!book)
        rf_load_fail("soak", "out of memory");
    book->all = self;
    conn->user = book;
    if (number == 0) {
        conn->push = keep_tape;
        size = snprintf(text, sizeof text,
                        "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":[\"trade.%s\","
                        "\"trade.%s\",\"trade.%s\"]}}",
                        instruments[0], instruments[1], instruments[2]);
    } else if (number % 2 == 1) {
        conn->push = check_book;
        size =
            snprintf(text, sizeof text,
                     "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":[\"book.%s.50\"],"
                     "\"book_subscription_type\":\"SNAPSHOT_AND_UPDATE\","
                     "\"book_update_frequency\":%d}}",
                     name, number % 4 == 1 ? 10 : 100);
    } else {
        size =
            snprintf(text, sizeof text,
                     "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":[\"ticker.%s\","
                     "\"trade.%s\",\"candlestick.1m.%s\",\"mark.%s\"]}}",
                     name, name, name, name);
    }
    rf_load_say(conn, text, (size_t)size, rf_bench_now_ns());
    rf_load_flush(conn);
}

/* ---- The run ----------------------------------------------------------------------------------- */

static int64_t engine_seq(soak *self)
{
    if (!rf_load_operate(&self->server, "operator/get-state-digest", "{}"))
        rf_load_fail("operator/get-state-digest", self->server.answer.data);
    uint32_t result = rf_json_member(&self->server.json, 0, "result");
    uint32_t seq = rf_json_member(&self->server.json, result, "seq");
    return strtoll(rf_json_text(&self->server.json, seq), NULL, 10);
}

static void watch(soak *self)
{
    int64_t start_ns = rf_bench_now_ns();
    self->seq_first = engine_seq(self);
    for (uint32_t second = 0; second < self->seconds; second++) {
        while (rf_bench_now_ns() < start_ns + (int64_t)(second + 1) * 1000000000)
            rf_load_poll(&self->load, 20, NULL);
        self->memory_kb[second] = rf_load_memory_kb(&self->server);
    }
    self->seq_last = engine_seq(self);
}

static void check_connections(soak *self)
{
    for (uint32_t i = 0; i < self->clients; i++) {
        const rf_load_conn *conn = &self->load.conns[i];
        if (conn->gone)
            blame(self, "a connection was dropped, number", i);
        if (conn->refused || conn->pushed == 0)
            blame(self, "a subscription was refused or silent, number", i);
    }
    if (self->broken_chains)
        blame(self, "book changes that do not follow the one before",
              (long long)self->broken_chains);
}

static int64_t highest(const soak *self, uint32_t from, uint32_t until)
{
    int64_t high = 0;
    for (uint32_t i = from; i < until; i++)
        high = self->memory_kb[i] > high ? self->memory_kb[i] : high;
    return high;
}

/* The first half fills pools and caches; in the second nothing may grow. */
static void check_memory(soak *self)
{
    uint32_t half = self->seconds / 2;
    int64_t before = highest(self, half / 2, half), after = highest(self, half, self->seconds);
    if (after > before + before * GROWTH_PERCENT / 100 + GROWTH_KB)
        blame(self, "memory grew in the second half, kB", after - before);
}

static void check_invariants(soak *self)
{
    bool good = rf_load_operate(&self->server, "operator/check-invariants", "{}");
    uint32_t result = rf_json_member(&self->server.json, 0, "result");
    uint32_t ok = good ? rf_json_member(&self->server.json, result, "ok") : 0;
    if (!ok || !self->server.json.tokens[ok].truth)
        blame(self, "an invariant is broken", 0);
}

/* ---- Afterwards -------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Every trade that a subscriber saw is in the history, once as taker's and once as maker's row; what
 * the history has between the first and the last of them was seen. */
static void check_history(soak *self)
{
    char path[300];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    size_t at = 0;
    uint64_t unseen = 0, missing = 0, single = 0;
    snprintf(path, sizeof path, "%s/history.db", self->server.dir);
    qsort(self->matches, self->matches_count, sizeof *self->matches, compare_ids);
    if (self->matches_count == 0 || sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ||
        sqlite3_prepare_v2(db,
                           "SELECT match_id, count(*) FROM trade WHERE match_id BETWEEN ? AND ? "
                           "GROUP BY match_id ORDER BY match_id",
                           -1, &rows, NULL))
        rf_load_fail(path, db ? sqlite3_errmsg(db) : "no trades were seen");
    sqlite3_bind_int64(rows, 1, (int64_t)self->matches[0]);
    sqlite3_bind_int64(rows, 2, (int64_t)self->matches[self->matches_count - 1]);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(rows, 0);
        single += sqlite3_column_int64(rows, 1) != 2;
        for (; at < self->matches_count && self->matches[at] < id; at++)
            missing++;
        if (at < self->matches_count && self->matches[at] == id)
            at++;
        else
            unseen++;
    }
    missing += self->matches_count - at;
    sqlite3_finalize(rows);
    sqlite3_close(db);
    if (missing)
        blame(self, "trades that subscribers saw and the history has not", (long long)missing);
    /* A subscriber that is behind is shown the last trades again in place of those it missed; where the
     * generator has to share its processor that happens. More than one in fifty is something else. */
    if (unseen * UNSEEN_SHARE > self->matches_count)
        blame(self, "trades in the history that subscribers did not see", (long long)unseen);
    else if (unseen)
        fprintf(stderr, "soak: note: %llu trades were withheld from a subscriber that was behind\n",
                (unsigned long long)unseen);
    if (single)
        blame(self, "trades without two sides in the history", (long long)single);
}

/* The journal run again, compared with the snapshot that the server wrote when it stopped. */
static void check_journal(soak *self)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execl("/proc/self/exe", "ringfence", "verify", self->server.dir, (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        blame(self, "verify says that the journal and the state differ", status);
}

static void print(const soak *self)
{
    uint64_t pushed = 0, bytes = 0;
    for (uint32_t i = 0; i < self->clients; i++) {
        pushed += self->load.conns[i].pushed;
        bytes += self->load.conns[i].push_bytes;
    }
    printf(
        "{\"work\":\"soak\",\"seconds\":%u,\"clients\":%u,\"rate\":%u,\"commands_per_second\":%lld,"
        "\"trades\":%zu,\"messages_per_second\":%llu,\"bytes_per_second\":%llu,"
        "\"memory_half_kb\":%lld,\"memory_end_kb\":%lld,\"cpu_percent\":%lld,\"flush_us\":%lld,"
        "\"ok\":%s}\n",
        self->seconds, self->clients, self->rate,
        (long long)(self->seq_last - self->seq_first) / self->seconds, self->matches_count,
        (unsigned long long)pushed / self->seconds, (unsigned long long)bytes / self->seconds,
        (long long)self->memory_kb[self->seconds / 2],
        (long long)self->memory_kb[self->seconds - 1],
        (long long)rf_load_cpu_us(&self->server) / 10000 / self->seconds,
        (long long)rf_load_flush_us(&self->server), self->failed ? "false" : "true");
    fflush(stdout);
}

static void start(soak *self)
{
    char rate[24];
    snprintf(rate, sizeof rate, "%u", self->rate);
    const char *const serve[] = {"--sandbox", "--rate",           rate,      "--rate-limits",
                                 "off",       "--snapshot-every", "1000000", NULL};
    rf_load_start(&self->server, serve);
    rf_load_open(&self->load, &self->server, self->clients, "/exchange/v1/market", 4, 16);
    for (uint32_t i = 0; i < self->clients; i++)
        subscribe(self, i);
}

bool rf_bench_soak(const rf_bench_options *options)
{
    static soak self;
    self.options = options;
    self.rate = options->rate ? options->rate : RATE;
    self.clients = options->clients ? options->clients : CLIENTS;
    self.seconds = options->seconds ? options->seconds : SECONDS;
    self.matches = malloc(MATCHES_MAX * sizeof *self.matches);
    if (!self.matches)
        rf_load_fail("soak", "out of memory");
    start(&self);
    watch(&self);
    check_connections(&self);
    check_memory(&self);
    check_invariants(&self);
    /* Half of what was asked for is not a soak at this rate. */
    if ((self.seq_last - self.seq_first) * 10 < (int64_t)self.rate * self.seconds * 8)
        blame(&self, "commands a second, much less than asked for",
              (self.seq_last - self.seq_first) / self.seconds);
    int64_t end = rf_bench_now_ns();
    rf_load_operate(&self.server, "operator/sandbox-clock", "{\"paused\":true}");
    while (rf_bench_now_ns() < end + 1000000000)
        rf_load_poll(&self.load, 20, NULL);
    print(&self);
    if (rf_load_end(&self.server) != 0)
        blame(&self, "the server did not end well", 0);
    check_history(&self);
    check_journal(&self);
    for (uint32_t i = 0; i < self.clients; i++)
        free(self.load.conns[i].user);
    rf_load_close(&self.load);
    rf_load_clean(&self.server);
    free(self.matches);
    return !self.failed;
}
