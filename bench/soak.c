/* The sandbox under load, watched from outside: memory, connections, chains of book changes, the tape
 * against the history, invariants, and the journal re-run at the end. */
#define _GNU_SOURCE /* memmem */
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
    SUBSCRIPTION_SIZE = 2048,
    INSTRUMENT_BITS = 2, /* of a match of the tape: which it is of */
    HEAD_SIZE = 256,     /* what a message is about stands there */
    BEGIN_MS_MAX = 10000,
    /* The slow client: so small a window, and for so long of each period it reads nothing. */
    SLOW_BUFFER_SIZE = 128 * 1024,
    SLOW_PERIOD_S = 6,
    SLOW_PAUSE_S = 3,
    /* That memory may grow by in the second half. A minute is hardly longer than what the pools take
     * to fill; the allocator's own play is all that is left of a long run. */
    GROWTH_KB = 2048,
    GROWTH_SHORT_KB = 8192,
    SHORT_S = 240,
};

enum { INSTRUMENTS = 3, DEPTHS = 8 };
/* The first is everybody's, the others are for the slow client alone: more than the kernel holds. */
static const int depths[DEPTHS] = {50, 10, 20, 30, 40, 60, 80, 100};
static const char *const instruments[INSTRUMENTS] = {"BTCUSD-PERP", "ETHUSD-PERP", "SOLUSD-PERP"};

typedef struct soak {
    const rf_bench_options *options;
    rf_load_server server;
    rf_load load;
    uint32_t rate, clients, seconds;
    int64_t memory_kb[SECONDS_MAX];
    uint64_t broken_chains, repeated;
    uint64_t *matches; /* of the tape, as the first client saw it: match and instrument */
    size_t matches_count;
    uint64_t fell_behind;        /* books of the slow client that began anew */
    int64_t seq_first, seq_last; /* of the engine */
    bool failed;
} soak;

/* What a client remembers of a book, and of an instrument's trades: it began behind `from`, and has
 * since seen so many, up to `last`. */
typedef struct chain {
    uint64_t u, snapshots;
} chain;
typedef struct tape {
    uint64_t from, last, count;
    bool begun;
} tape;
typedef struct client {
    soak *all;
    bool keeps; /* what it sees is the tape that the others are compared with */
    chain books[INSTRUMENTS][DEPTHS];
    tape trades[INSTRUMENTS];
} client;

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

static bool has(const char *text, size_t size, const char *what)
{
    return memmem(text, size, what, strlen(what)) != NULL;
}

/* A change goes on where the one before ended; a fresh snapshot may come at any time. */
static void check_book(soak *self, chain *book, const char *text)
{
    bool has_u, has_pu;
    uint64_t u = number_behind(text, "\"u\":", &has_u);
    uint64_t pu = number_behind(text, "\"pu\":", &has_pu);
    if (!has_u)
        return;
    if (has_pu && pu != book->u)
        self->broken_chains++;
    book->snapshots += !has_pu;
    book->u = u;
}

static void take_trade(client *from, uint32_t instrument, uint64_t match)
{
    soak *self = from->all;
    tape *trades = &from->trades[instrument];
    if (match <= trades->last)
        self->repeated++;
    trades->last = match;
    trades->count++;
    if (from->keeps && self->matches_count < MATCHES_MAX)
        self->matches[self->matches_count++] = match << INSTRUMENT_BITS | instrument;
}

/* The first message of an instrument shows trades from before. */
static void take_trades(client *from, uint32_t instrument, const char *text)
{
    tape *trades = &from->trades[instrument];
    for (; (text = strstr(text, "\"m\":\"")); text++) {
        uint64_t match = strtoull(text + 5, NULL, 10);
        if (trades->begun)
            take_trade(from, instrument, match);
        else
            trades->from = trades->last = match;
    }
    trades->begun = true;
}

static void take_book(client *from, uint32_t instrument, const char *text)
{
    bool has_depth;
    uint64_t depth = number_behind(text, "\"depth\":", &has_depth);
    for (uint32_t i = 0; i < DEPTHS; i++)
        if (has_depth && (uint64_t)depths[i] == depth)
            check_book(from->all, &from->books[instrument][i], text);
}

static void take(rf_load_conn *conn, const char *text, size_t size)
{
    client *self = conn->user;
    size_t head = size < HEAD_SIZE ? size : HEAD_SIZE;
    char *end = (char *)(uintptr_t)text + size, kept = *end;
    *end = '\0'; /* the message is in the connection's own memory, and a byte lies behind it */
    for (uint32_t i = 0; i < INSTRUMENTS; i++) {
        if (!has(text, head, instruments[i]))
            continue;
        if (has(text, head, "\"channel\":\"trade\""))
            take_trades(self, i, text);
        else if (has(text, head, "\"channel\":\"book"))
            take_book(self, i, text);
    }
    *end = kept;
}

/* ---- What they ask for ------------------------------------------------------------------------- */

static void add_channel(char *text, const char *kind, const char *instrument, int depth)
{
    size_t size = strlen(text);
    char end[16] = "";
    if (depth > 0)
        snprintf(end, sizeof end, ".%d", depth);
    snprintf(text + size, SUBSCRIPTION_SIZE - size, "%s\"%s.%s%s\"",
             text[size - 1] == '[' ? "" : ",", kind, instrument, end);
}

static bool is_slow(const soak *self, uint32_t number)
{
    return self->clients > 2 && number + 1 == self->clients;
}

/* The first follows all trades; the last reads too little and asks for a lot; of those between half
 * follow a book and half an instrument without it. */
static void add_channels(const soak *self, uint32_t number, char *text, uint32_t instrument)
{
    static const char *const kinds[] = {"trade", "ticker", "candlestick.1m", "mark"};
    const char *name = instruments[instrument];
    bool slow = is_slow(self, number), book = slow || (number != 0 && number % 2 == 1);
    bool all = number == 0 || slow;
    if (!all && instrument != number % INSTRUMENTS)
        return;
    for (int i = 0; book && i < (slow ? DEPTHS : 1); i++)
        add_channel(text, "book", name, depths[i]);
    for (int i = 0; (slow || !book) && i < (number == 0 ? 1 : 4); i++)
        add_channel(text, kinds[i], name, 0);
}

static void subscribe(soak *self, uint32_t number)
{
    char text[SUBSCRIPTION_SIZE] = "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":[";
    rf_load_conn *conn = &self->load.conns[number];
    client *made = calloc(1, sizeof *made);
    if (!made)
        rf_load_fail("soak", "out of memory");
    *made = (client){.all = self, .keeps = number == 0};
    conn->user = made;
    conn->push = take;
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        add_channels(self, number, text, i);
    size_t size = strlen(text);
    snprintf(text + size, sizeof text - size,
             "],\"book_subscription_type\":\"SNAPSHOT_AND_UPDATE\","
             "\"book_update_frequency\":%d}}",
             number % 4 == 3 && !is_slow(self, number) ? 100 : 10);
    if (is_slow(self, number))
        rf_load_narrow(conn, SLOW_BUFFER_SIZE);
    rf_load_say(conn, text, strlen(text), rf_bench_now_ns());
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
        rf_load_pause(&self->load, &self->load.conns[self->clients - 1],
                      self->clients > 2 && second % SLOW_PERIOD_S < SLOW_PAUSE_S);
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
    if (self->repeated)
        blame(self, "trades that came twice or out of order", (long long)self->repeated);
}

/* Whoever follows an instrument saw each of its trades that the tape has, from where it began to the
 * end, and nothing else: slow or not. */
static void check_followers(soak *self)
{
    const client *first = self->load.conns[0].user;
    for (uint32_t i = 1; i < self->clients; i++)
        for (uint32_t instrument = 0; instrument < INSTRUMENTS; instrument++) {
            const client *follower = self->load.conns[i].user;
            const tape *trades = &follower->trades[instrument];
            uint64_t count = 0;
            for (size_t at = 0; trades->begun && at < self->matches_count; at++)
                count += (self->matches[at] & ((1U << INSTRUMENT_BITS) - 1)) == instrument &&
                         self->matches[at] >> INSTRUMENT_BITS > trades->from;
            if (trades->begun &&
                (count != trades->count || trades->last != first->trades[instrument].last))
                blame(self, "trades that a follower did not see",
                      (long long)(count - trades->count));
        }
}

/* It proves nothing unless it fell behind: then it was given whole books in place of changes. */
static void check_slow(soak *self)
{
    const client *slow = self->load.conns[self->clients - 1].user;
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        for (uint32_t depth = 0; depth < DEPTHS; depth++)
            self->fell_behind += slow->books[i][depth].snapshots > 1;
    if (self->clients > 2 && self->seconds >= SLOW_PERIOD_S && self->fell_behind == 0)
        blame(self, "the slow client never fell behind", 0);
}

static int64_t lowest(const soak *self, uint32_t from, uint32_t until)
{
    int64_t low = INT64_MAX;
    for (uint32_t i = from; i < until; i++)
        low = self->memory_kb[i] < low ? self->memory_kb[i] : low;
    return low;
}

static int64_t highest(const soak *self)
{
    int64_t high = 0;
    for (uint32_t i = 0; i < self->seconds; i++)
        high = self->memory_kb[i] > high ? self->memory_kb[i] : high;
    return high;
}

/* The first half fills pools and caches; in the second the floor may not rise. Above it lies what waits
 * for the disk or for a slow client at that moment, and goes again; what is lost never goes. */
static void find_floors(const soak *self, int64_t *before, int64_t *after)
{
    uint32_t quarter = (self->seconds + 3) / 4;
    *before = lowest(self, quarter, self->seconds / 2);
    *after = lowest(self, self->seconds - quarter, self->seconds);
}

static void check_memory(soak *self)
{
    int64_t before, after;
    find_floors(self, &before, &after);
    if (after > before + (self->seconds < SHORT_S ? GROWTH_SHORT_KB : GROWTH_KB))
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

/* Behind this match the tape has all instruments. */
static uint64_t begin_of_tape(const soak *self)
{
    const client *first = self->load.conns[0].user;
    uint64_t from = 0;
    for (uint32_t i = 0; i < INSTRUMENTS; i++)
        from = first->trades[i].from > from ? first->trades[i].from : from;
    return from;
}

/* Every trade that the tape saw is in the history, once as taker's and once as maker's row; what the
 * history has from where the tape began was seen, to the last. */
static void check_history(soak *self)
{
    char path[300];
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    size_t at = 0;
    uint64_t unseen = 0, missing = 0, single = 0, from = begin_of_tape(self);
    snprintf(path, sizeof path, "%s/history.db", self->server.dir);
    qsort(self->matches, self->matches_count, sizeof *self->matches, compare_ids);
    if (self->matches_count == 0 || sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ||
        sqlite3_prepare_v2(db,
                           "SELECT match_id, count(*) FROM trade WHERE match_id > ? "
                           "GROUP BY match_id ORDER BY match_id",
                           -1, &rows, NULL))
        rf_load_fail(path, db ? sqlite3_errmsg(db) : "no trades were seen");
    sqlite3_bind_int64(rows, 1, (int64_t)from);
    while (at < self->matches_count && self->matches[at] >> INSTRUMENT_BITS <= from)
        at++;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(rows, 0);
        single += sqlite3_column_int64(rows, 1) != 2;
        for (; at < self->matches_count && self->matches[at] >> INSTRUMENT_BITS < id; at++)
            missing++;
        if (at < self->matches_count && self->matches[at] >> INSTRUMENT_BITS == id)
            at++;
        else
            unseen++;
    }
    missing += self->matches_count - at;
    sqlite3_finalize(rows);
    sqlite3_close(db);
    if (missing)
        blame(self, "trades that subscribers saw and the history has not", (long long)missing);
    if (unseen)
        blame(self, "trades in the history that subscribers did not see", (long long)unseen);
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
    int64_t floor_kb, floor_end_kb;
    find_floors(self, &floor_kb, &floor_end_kb);
    for (uint32_t i = 0; i < self->clients; i++) {
        pushed += self->load.conns[i].pushed;
        bytes += self->load.conns[i].push_bytes;
    }
    printf(
        "{\"work\":\"soak\",\"seconds\":%u,\"clients\":%u,\"rate\":%u,\"commands_per_second\":%lld,"
        "\"trades\":%zu,\"messages_per_second\":%llu,\"bytes_per_second\":%llu,"
        "\"fell_behind\":%llu,"
        "\"memory_floor_kb\":%lld,\"memory_floor_end_kb\":%lld,\"memory_peak_kb\":%lld,"
        "\"cpu_percent\":%lld,\"flush_us\":%lld,"
        "\"ok\":%s}\n",
        self->seconds, self->clients, self->rate,
        (long long)(self->seq_last - self->seq_first) / self->seconds, self->matches_count,
        (unsigned long long)pushed / self->seconds, (unsigned long long)bytes / self->seconds,
        (unsigned long long)self->fell_behind, (long long)floor_kb, (long long)floor_end_kb,
        (long long)highest(self),
        (long long)rf_load_usage_now(&self->server).server_ns / 10000000 / self->seconds,
        (long long)rf_load_flush_us(&self->server), self->failed ? "false" : "true");
    fflush(stdout);
}

/* The tape begins before the others do, so that it has what they have. */
static void await_tape(soak *self)
{
    const client *first = self->load.conns[0].user;
    int64_t end_ns = rf_bench_now_ns() + BEGIN_MS_MAX * 1000000LL;
    bool begun = false;
    while (!begun && rf_bench_now_ns() < end_ns) {
        rf_load_poll(&self->load, 20, NULL);
        begun = true;
        for (uint32_t i = 0; i < INSTRUMENTS; i++)
            begun = begun && first->trades[i].begun;
    }
    if (!begun)
        rf_load_fail("soak", "the trades do not begin");
}

static void start(soak *self)
{
    char rate[24];
    snprintf(rate, sizeof rate, "%u", self->rate);
    const char *const serve[] = {"--sandbox", "--rate",           rate,      "--rate-limits",
                                 "off",       "--snapshot-every", "1000000", NULL};
    rf_load_start(&self->server, serve, NULL);
    rf_load_open(&self->load, &self->server, self->clients, "/exchange/v1/market", 4, 16);
    subscribe(self, 0);
    await_tape(self);
    for (uint32_t i = 1; i < self->clients; i++)
        subscribe(self, i);
}

/* Nothing new is traded; what was is read to the end, by the slow client too. */
static void calm(soak *self)
{
    uint64_t before = UINT64_MAX, seen = 0;
    rf_load_pause(&self->load, &self->load.conns[self->clients - 1], false);
    rf_load_operate(&self->server, "operator/sandbox-clock", "{\"paused\":true}");
    while (seen != before) {
        int64_t end_ns = rf_bench_now_ns() + 1000000000;
        while (rf_bench_now_ns() < end_ns)
            rf_load_poll(&self->load, 20, NULL);
        before = seen;
        seen = 0;
        for (uint32_t i = 0; i < self->clients; i++)
            for (uint32_t instrument = 0; instrument < INSTRUMENTS; instrument++)
                seen += ((client *)self->load.conns[i].user)->trades[instrument].count;
    }
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
    calm(&self);
    check_followers(&self);
    check_slow(&self);
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
