#include "server/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "api/put.h"
#include "base/check.h"
#include "server/clock.h"
#include "server/door.h"
#include "server/harden.h"
#include "server/listen.h"
#include "server/note.h"
#include "server/notify.h"
#include "server/prices.h"
#include "server/registrar.h"
#include "server/sandbox.h"

enum {
    ERROR_SIZE = 512,
    PATH_SIZE = 512,
    BOUND_SIZE = 128,
    BEAT_MS = 10,
    DISK_FREE_MIN = 16 << 20, /* bytes: room for the last flush and a snapshot */
    STOP_MS_MAX = 5000,       /* longest wait for answers under way */
};

typedef struct server {
    const rf_config *config;
    uv_loop_t loop;
    uv_timer_t second, stop_wait;
    uv_signal_t terminate, interrupt;
    uv_timer_t beat;
    rf_sequencer *sequencer;
    rf_history *history;
    rf_vault *vault;
    rf_audit *audit;
    rf_registrar *registrar;
    rf_doors_parts parts;
    rf_phase phase;
    rf_doors *doors;
    rf_sandbox *sandbox;      /* NULL: there is none */
    rf_price_sources *prices; /* likewise */
    char operator_socket[PATH_SIZE];
    char url[BOUND_SIZE + 16], metrics_url[BOUND_SIZE + 16], console_url[BOUND_SIZE + 16];
    bool disk_full;
    bool gate_gone;  /* the loop has run out */
    int64_t stop_ns; /* asked to stop since; 0 = not */
    int64_t watchdog_ns, watchdog_last_ns;
    char error[ERROR_SIZE];
} server;

static bool fail(server *self, const char *what, const char *detail)
{
    snprintf(self->error, sizeof self->error, "%.200s: %.256s", what, detail);
    return false;
}

/* ---- The data directory ---------------------------------------------------------------------- */

static bool open_data(server *self)
{
    const char *dir = self->config->texts[RF_SETTING_data];
    if (dir[0] == '\0')
        return fail(self, "data", "a directory is needed (--data DIR; or --sandbox to try it)");
    if (strlen(dir) >= PATH_SIZE - 64)
        return fail(self, "data", "the path is too long");
    struct stat status;
    if (mkdir(dir, 0700) == 0)
        return true;
    if (errno == EEXIST && stat(dir, &status) == 0 && !S_ISDIR(status.st_mode))
        errno = ENOTDIR;
    return errno == EEXIST || fail(self, dir, strerror(errno));
}

static rf_limits read_limits(const rf_config *config)
{
    const int64_t *numbers = config->numbers;
    return (rf_limits){
        .accounts_max = (uint32_t)numbers[RF_SETTING_accounts],
        .instruments_max = (uint32_t)numbers[RF_SETTING_instruments],
        .positions_max = (uint32_t)numbers[RF_SETTING_positions],
        .orders_max = (uint32_t)numbers[RF_SETTING_orders],
        .recent_max = (uint32_t)numbers[RF_SETTING_recent_orders],
        .withdrawals_max = (uint32_t)numbers[RF_SETTING_withdrawals],
        .window_ticks = (uint32_t)numbers[RF_SETTING_window_ticks],
        .watch_buckets = (uint32_t)numbers[RF_SETTING_watch_buckets],
    };
}

/* ---- The sequencer --------------------------------------------------------------------------- */

static void on_taken(void *context)
{
    server *self = context;
    if (self->doors)
        rf_doors_taken(self->doors);
}

static void on_durable(void *context, uint64_t seq, int64_t flush_ns)
{
    server *self = context;
    rf_history_release(self->history, seq);
    if (self->doors && !self->gate_gone)
        rf_doors_durable(self->doors, seq, flush_ns);
}

/* What the history has not written can only be made from the journal. */
static uint64_t find_needed(void *context)
{
    server *self = context;
    return rf_history_written(self->history);
}

/* Nothing that was not durable may get out, so nothing more gets out at all. */
static void on_failed(void *context, const char *why)
{
    (void)context;
    RF_NOTE(RF_NOTE_ERROR, "halted", RF_NOTE_TEXT("why", why));
    _exit(1);
}

static void note_recovery(const rf_recovery *recovery)
{
    if (recovery->warning[0])
        RF_NOTE(RF_NOTE_WARNING, "recovery", RF_NOTE_TEXT("warning", recovery->warning));
    RF_NOTE(RF_NOTE_INFO, "recovered", RF_NOTE_NUMBER("snapshot_seq", recovery->snapshot_seq),
            RF_NOTE_NUMBER("records", recovery->records),
            RF_NOTE_NUMBER("last_seq", recovery->journal.last_seq));
}

/* The journal cannot reach back to more snapshots than there are. */
static int64_t keep_journal(const int64_t *numbers)
{
    int64_t journal = numbers[RF_SETTING_journal_keep];
    int64_t snapshots = numbers[RF_SETTING_snapshot_keep];
    return journal < snapshots ? journal : snapshots;
}

static bool make_sequencer(server *self)
{
    const int64_t *numbers = self->config->numbers;
    const rf_sequencer_options options = {
        .data = self->config->texts[RF_SETTING_data],
        .segment_size = (uint64_t)numbers[RF_SETTING_segment_size],
        .snapshot_every = (uint64_t)numbers[RF_SETTING_snapshot_every],
        .snapshot_keep = (unsigned)numbers[RF_SETTING_snapshot_keep],
        .journal_keep = (unsigned)keep_journal(numbers),
        .limits = read_limits(self->config),
    };
    const rf_sequencer_handler handler = {.context = self,
                                          .taken = on_taken,
                                          .durable = on_durable,
                                          .failed = on_failed,
                                          .needed = find_needed};
    self->sequencer = rf_sequencer_open(&self->loop, &options, &handler, self->error);
    return self->sequencer != NULL;
}

static bool open_history(server *self)
{
    char path[PATH_SIZE + 16], why[256];
    snprintf(path, sizeof path, "%s/history.db", self->config->texts[RF_SETTING_data]);
    self->history = rf_history_open(path, true, why);
    if (!self->history)
        return fail(self, path, why);
    return rf_history_attach(self->history, rf_sequencer_world(self->sequencer)) ||
           fail(self, path, "out of memory");
}

/* A history that is behind is made up for from the records that it has not seen. */
static bool recover(server *self)
{
    rf_recovery recovery;
    if (!rf_sequencer_recover(self->sequencer, rf_history_applied(self->history), &recovery,
                              self->error))
        return false;
    note_recovery(&recovery);
    rf_history_release(self->history, rf_sequencer_durable(self->sequencer));
    return true;
}

/* The key that seals secrets lies beside the data directory, never in it: whoever copies the one has
 * not got the other. */
static bool open_vault(server *self)
{
    char path[PATH_SIZE], why[256];
    const char *data = self->config->texts[RF_SETTING_data];
    const char *given = self->config->texts[RF_SETTING_key_file];
    size_t size = strlen(data);
    while (size > 1 && data[size - 1] == '/')
        size--;
    int length = given[0] ? snprintf(path, sizeof path, "%s", given)
                          : snprintf(path, sizeof path, "%.*s.key", (int)size, data);
    if (length >= (int)sizeof path)
        return fail(self, "key_file", "the path is too long");
    self->vault = rf_vault_open(path, why);
    if (!self->vault)
        snprintf(self->error, sizeof self->error, "%s", why); /* it names the file */
    return self->vault != NULL;
}

/* ---- Listeners ------------------------------------------------------------------------------- */

/* A password, a key or what a venue's numbers tell must not cross a network in clear. */
static bool check_address(server *self, const char *address)
{
    switch (rf_listen_reaches(address)) {
    case RF_LISTEN_NOWHERE:
        return fail(self, address, "not an address with its port, like 127.0.0.1:8080");
    case RF_LISTEN_LOOPBACK:
        return true;
    case RF_LISTEN_NETWORK:
        return self->config->texts[RF_SETTING_behind_proxy][0] != '\0' ||
               fail(self, address,
                    "not a loopback address: put a TLS proxy in front and name it in behind_proxy");
    }
    return false;
}

static bool check_proxies(server *self)
{
    const char *text = self->config->texts[RF_SETTING_behind_proxy];
    char proxy[RF_ADDRESS_MAX];
    unsigned count = 0;
    while (rf_config_item(self->config, RF_SETTING_behind_proxy, count, proxy, sizeof proxy)) {
        if (!rf_address_good(proxy))
            return fail(self, "behind_proxy takes addresses of proxies, like 127.0.0.1, not",
                        proxy);
        count++;
    }
    return count > 0 || text[0] == '\0' ||
           fail(self, "behind_proxy takes addresses of proxies, like 127.0.0.1, not", text);
}

static bool check_directory(server *self, const char *dir)
{
    struct stat status;
    if (dir[0] == '\0' || (stat(dir, &status) == 0 && S_ISDIR(status.st_mode)))
        return true;
    return fail(self, dir, "no such directory");
}

/* A file can be made only in a directory that is there; the data directory will be. */
static bool check_parent(server *self, const char *path)
{
    char dir[PATH_SIZE];
    const char *data = self->config->texts[RF_SETTING_data], *slash = strrchr(path, '/');
    struct stat status;
    size_t size = slash ? (size_t)(slash - path) : 0, data_size = strlen(data);
    if (path[0] == '\0' || size == 0 || size >= sizeof dir)
        return true;
    while (data_size > 1 && data[data_size - 1] == '/')
        data_size--;
    memcpy(dir, path, size);
    dir[size] = '\0';
    if (data_size == size && memcmp(dir, data, size) == 0)
        return true;
    if (stat(dir, &status) != 0)
        return fail(self, path, strerror(errno));
    return S_ISDIR(status.st_mode) || fail(self, path, strerror(ENOTDIR));
}

static bool check_files(server *self)
{
    const rf_config *config = self->config;
    const char *const *texts = (const char *const *)config->texts;
    const char *socket = texts[RF_SETTING_operator_socket];
    char why[ERROR_SIZE] = "";
    bool good = check_parent(self, texts[RF_SETTING_key_file]) && check_parent(self, socket) &&
                check_directory(self, texts[RF_SETTING_web_dir]);
    if (!good)
        return false;
    good =
        (!socket[0] || rf_listen_socket_good(socket, why)) &&
        (!texts[RF_SETTING_price_sources][0] ||
         rf_price_sources_check(texts[RF_SETTING_price_sources], why)) &&
        (!config->numbers[RF_SETTING_sandbox] || rf_sandbox_check(texts[RF_SETTING_prices], why));
    memcpy(self->error, why, sizeof why);
    return good;
}

/* Looked at before the data directory is touched: what is mistyped leaves nothing behind. */
static bool check_settings(server *self)
{
    const rf_setting addresses[] = {RF_SETTING_listen, RF_SETTING_console,
                                    RF_SETTING_metrics_listen};
    const char *level = self->config->texts[RF_SETTING_log_level];
    if (!rf_note_set_level(level)) {
        snprintf(self->error, sizeof self->error,
                 "log_level takes error, warning, info or debug, not \"%.200s\"", level);
        return false;
    }
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        const char *address = self->config->texts[addresses[i]];
        if ((address[0] || addresses[i] == RF_SETTING_listen) && !check_address(self, address))
            return false;
    }
    return check_proxies(self) && check_files(self);
}

static bool listen_at(server *self, const char *address, rf_listener listener,
                      char bound[BOUND_SIZE])
{
    if (!rf_gate_listen(self->doors->parts.gate, address, (int)listener, bound, self->error))
        return false;
    RF_NOTE(RF_NOTE_INFO, "listening", RF_NOTE_TEXT("address", bound));
    return true;
}

static bool listen_operator(server *self)
{
    char address[PATH_SIZE + 8], bound[BOUND_SIZE];
    const char *path = self->config->texts[RF_SETTING_operator_socket];
    int size = path[0] ? snprintf(self->operator_socket, PATH_SIZE, "%s", path)
                       : snprintf(self->operator_socket, PATH_SIZE, "%s/operator.sock",
                                  self->config->texts[RF_SETTING_data]);
    if (size >= PATH_SIZE)
        return fail(self, "operator_socket", "the path is too long");
    snprintf(address, sizeof address, "unix:%s", self->operator_socket);
    return listen_at(self, address, RF_LISTENER_OPERATOR, bound);
}

static bool listen_all(server *self)
{
    char bound[BOUND_SIZE];
    const char *address = self->config->texts[RF_SETTING_listen];
    const char *metrics = self->config->texts[RF_SETTING_metrics_listen];
    const char *console = self->config->texts[RF_SETTING_console];
    if (!listen_operator(self))
        return false;
    if (metrics[0]) {
        if (!listen_at(self, metrics, RF_LISTENER_METRICS, bound))
            return false;
        snprintf(self->metrics_url, sizeof self->metrics_url, "http://%s", bound);
    }
    if (console[0]) {
        if (!listen_at(self, console, RF_LISTENER_CONSOLE, bound))
            return false;
        snprintf(self->console_url, sizeof self->console_url, "http://%s", bound);
    }
    if (!listen_at(self, address, RF_LISTENER_API, bound))
        return false;
    snprintf(self->url, sizeof self->url, "http://%s", bound);
    return true;
}

/* ---- Callers inside: the sandbox, the price sources ------------------------------------------- */

static rf_error call_locally(void *context, const rf_caller *caller, const char *method,
                             const char *params_json, rf_bytes *answer)
{
    server *self = context;
    return rf_local_call(self->doors, caller, method, params_json, answer);
}

static void shift_clock(void *context, int64_t ns)
{
    server *self = context;
    rf_sequencer_shift(self->sequencer, ns);
}

static void turn(void *context)
{
    server *self = context;
    rf_doors_turn(self->doors);
}

static bool open_sandbox(server *self)
{
    const rf_config *config = self->config;
    if (!config->numbers[RF_SETTING_sandbox])
        return true;
    const rf_sandbox_options options = {
        .world = rf_sequencer_world(self->sequencer),
        .call = call_locally,
        .shift = shift_clock,
        .turn = turn,
        .context = self,
        .seed = (uint64_t)config->numbers[RF_SETTING_seed],
        .rate = (uint32_t)config->numbers[RF_SETTING_rate],
        .prices = config->texts[RF_SETTING_prices],
        .speed = (uint32_t)config->numbers[RF_SETTING_speed],
    };
    self->sandbox = rf_sandbox_open(&options, self->error);
    if (!self->sandbox)
        return false;
    rf_bytes demo;
    rf_bytes_init(&demo, self->doors->demo, sizeof self->doors->demo - 1, NULL);
    rf_put_open(&demo, NULL, '{');
    rf_sandbox_put_demo(self->sandbox, &demo);
    rf_put_close(&demo, '}');
    rf_sandbox_start(self->sandbox, &self->loop);
    rf_doors_turn(self->doors);
    return true;
}

static int64_t wall_ns(void *context)
{
    (void)context;
    return rf_clock_wall_ns();
}

static bool open_prices(server *self)
{
    const char *path = self->config->texts[RF_SETTING_price_sources];
    if (path[0] == '\0')
        return true;
    const rf_price_options options = {
        .path = path,
        .loop = &self->loop,
        .api = rf_sequencer_world(self->sequencer)->api,
        .call = call_locally,
        .turn = turn,
        .now_ns = wall_ns,
        .context = self,
    };
    self->prices = rf_price_sources_open(&options, self->error);
    self->doors->parts.prices = self->prices;
    return self->prices != NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* One line for programs: where it is. */
static void announce(const server *self)
{
    char memory[4096];
    rf_bytes line;
    rf_bytes_init(&line, memory, sizeof memory, NULL);
    rf_put_open(&line, NULL, '{');
    rf_put_text(&line, "url", self->url);
    rf_put_text(&line, "operator_socket", self->operator_socket);
    if (self->metrics_url[0])
        rf_put_text(&line, "metrics_url", self->metrics_url);
    if (self->console_url[0])
        rf_put_text(&line, "console_url", self->console_url);
    if (self->sandbox)
        rf_sandbox_put_accounts(self->sandbox, &line);
    rf_put_close(&line, '}');
    rf_bytes_char(&line, '\n');
    fwrite(line.data, 1, line.size, stdout);
    fflush(stdout);
    if (self->sandbox)
        rf_sandbox_print_guide(self->sandbox, self->url, self->operator_socket,
                               self->config->texts[RF_SETTING_data],
                               rf_pages_missing(self->parts.pages), stderr);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void close_all(server *self)
{
    rf_login_close(self->doors->parts.login);
    rf_gate_close(self->doors->parts.gate);
    rf_later_close(self->doors->later);
    rf_prehash_close(self->doors->prehash);
    uv_close((uv_handle_t *)&self->second, NULL);
    uv_close((uv_handle_t *)&self->beat, NULL);
    uv_close((uv_handle_t *)&self->stop_wait, NULL);
    uv_close((uv_handle_t *)&self->terminate, NULL);
    uv_close((uv_handle_t *)&self->interrupt, NULL);
}

/* Answers under way wait for the journal only: a few turns of the loop. */
static void on_stop_wait(uv_timer_t *timer)
{
    server *self = timer->data;
    const rf_sequencer_stats stats = rf_sequencer_statistics(self->sequencer);
    bool late = rf_clock_monotonic_ns() - self->stop_ns > (int64_t)STOP_MS_MAX * 1000000;
    bool busy = stats.durable < stats.appended || rf_doors_pending(self->doors) > 0;
    if (busy && !late)
        return;
    uv_timer_stop(timer);
    close_all(self);
}

static void begin_stop(server *self)
{
    rf_notify("STOPPING=1");
    self->stop_ns = rf_clock_monotonic_ns();
    rf_gate_stop_listening(self->doors->parts.gate);
    if (self->sandbox)
        rf_sandbox_stop(self->sandbox);
    if (self->prices)
        rf_price_sources_close(self->prices);
    rf_doors_stop(self->doors);
    rf_doors_turn(self->doors);
    uv_timer_start(&self->stop_wait, on_stop_wait, 10, 10);
}

static void on_signal(uv_signal_t *signal, int number)
{
    server *self = signal->data;
    if (self->stop_ns != 0)
        return;
    RF_NOTE(RF_NOTE_INFO, "stopping", RF_NOTE_NUMBER("signal", number));
    begin_stop(self);
}

/* ---- The run --------------------------------------------------------------------------------- */

/* A journal that runs out of space halts; it is better to have stopped before. */
static void look_at_disk(server *self)
{
    uint64_t space_free, space_total;
    int error;
    uint64_t percent = (uint64_t)self->config->numbers[RF_SETTING_reserve_percent];
    if (rf_disk_files.space(rf_disk_files.context, self->config->texts[RF_SETTING_data],
                            &space_free, &space_total, &error) != 0)
        return;
    rf_phase_disk(&self->phase, space_free / 128 < space_total / 128 * percent / 100);
    if (space_free >= DISK_FREE_MIN || self->stop_ns != 0)
        return;
    RF_NOTE(RF_NOTE_ERROR, "disk_full", RF_NOTE_NUMBER("free", space_free));
    self->disk_full = true;
    begin_stop(self);
}

static void on_second(uv_timer_t *timer)
{
    server *self = timer->data;
    int64_t now = rf_clock_monotonic_ns();
    rf_sequencer_tick(self->sequencer);
    look_at_disk(self);
    rf_phase_tick(&self->phase, rf_sequencer_world(self->sequencer)->engine);
    if (!rf_doors_tick(self->doors))
        on_failed(self, "the audit log cannot be written");
    rf_doors_turn(self->doors);
    if (self->watchdog_ns > 0 && now - self->watchdog_last_ns >= self->watchdog_ns / 2) {
        self->watchdog_last_ns = now;
        rf_notify("WATCHDOG=1");
    }
}

/* Channels with a beat of their own. */
static void on_beat(uv_timer_t *timer)
{
    server *self = timer->data;
    rf_feed_beat(self->doors->parts.feed, rf_doors_now(self->doors));
}

static void start_timers(server *self)
{
    RF_CHECK(uv_timer_init(&self->loop, &self->beat) == 0);
    self->beat.data = self;
    uv_timer_start(&self->beat, on_beat, BEAT_MS, BEAT_MS);
    RF_CHECK(uv_timer_init(&self->loop, &self->second) == 0);
    RF_CHECK(uv_timer_init(&self->loop, &self->stop_wait) == 0);
    RF_CHECK(uv_signal_init(&self->loop, &self->terminate) == 0);
    RF_CHECK(uv_signal_init(&self->loop, &self->interrupt) == 0);
    self->second.data = self->stop_wait.data = self;
    self->terminate.data = self->interrupt.data = self;
    uv_timer_start(&self->second, on_second, 1000, 1000);
    uv_signal_start(&self->terminate, on_signal, SIGTERM);
    uv_signal_start(&self->interrupt, on_signal, SIGINT);
    self->watchdog_ns = rf_notify_watchdog_ns();
}

/* What the doors lead to, but for what sends by the gate. */
static bool open_parts(server *self)
{
    const rf_config *config = self->config;
    const char *web_dir = config->texts[RF_SETTING_web_dir];
    rf_world *world = rf_sequencer_world(self->sequencer);
    rf_doors_parts *parts = &self->parts;
    parts->loop = &self->loop;
    parts->config = config;
    parts->sequencer = self->sequencer;
    parts->history = self->history;
    parts->audit = self->audit;
    parts->auth = rf_auth_open(world->registry, self->vault, rf_clock_wall_ns());
    parts->rates = rf_rate_open((uint32_t)config->numbers[RF_SETTING_rate_limits]);
    parts->pages = rf_pages_open(web_dir[0] ? web_dir : NULL);
    parts->phase = &self->phase;
    rf_phase_start(&self->phase, config, world->engine);
    if (parts->pages && rf_pages_missing(parts->pages))
        RF_NOTE(RF_NOTE_WARNING, "no_pages",
                RF_NOTE_TEXT("reason", rf_pages_missing(parts->pages)));
    return (parts->auth && parts->rates && parts->pages) || fail(self, "doors", "out of memory");
}

static bool open_registrar(server *self)
{
    int64_t hours = self->config->numbers[RF_SETTING_sandbox]
                        ? 0
                        : self->config->numbers[RF_SETTING_address_delay_hours];
    const rf_registrar_options options = {
        .world = rf_sequencer_world(self->sequencer),
        .vault = self->vault,
        .audit = self->audit,
        .address_delay_ns = hours * 3600 * 1000000000,
    };
    self->registrar = rf_registrar_open(&options);
    return self->registrar || fail(self, "registrar", "out of memory");
}

static bool open_audit(server *self)
{
    char path[PATH_SIZE + 16], why[256] = "";
    snprintf(path, sizeof path, "%s/audit.log", self->config->texts[RF_SETTING_data]);
    self->audit = rf_audit_open(path, why);
    if (!self->audit)
        return fail(self, path, why);
    if (why[0])
        RF_NOTE(RF_NOTE_WARNING, "audit", RF_NOTE_TEXT("why", why));
    return true;
}

static uint64_t last_seq(void *context)
{
    return rf_local_seq(context);
}

/* What sends by the gate: the log-in and the feed. */
static bool open_senders(server *self, rf_gate *gate)
{
    rf_world *world = rf_sequencer_world(self->sequencer);
    const rf_login_options options = {
        .loop = &self->loop,
        .gate = gate,
        .registry = world->registry,
        .vault = self->vault,
        .audit = self->audit,
        .secure = self->config->texts[RF_SETTING_behind_proxy][0] != '\0',
        .now_ns = wall_ns,
        .seq = last_seq,
        .context = self->doors,
    };
    self->doors->parts.login = rf_login_open(&options);
    self->doors->parts.feed = rf_feed_open(world, gate);
    return (self->doors->parts.login && self->doors->parts.feed) ||
           fail(self, "doors", "out of memory");
}

static bool open_doors(server *self)
{
    if (!open_parts(self))
        return false;
    self->doors = rf_doors_open(&self->parts);
    if (!self->doors)
        return fail(self, "doors", "out of memory");
    const rf_gate_handler handler = rf_doors_handler(self->doors);
    rf_gate *gate = self->doors->parts.gate = rf_gate_open(&self->loop, &handler);
    if (!gate)
        return fail(self, "gate", "out of memory");
    rf_gate_limits limits = rf_gate_limits_default();
    limits.queues_size = (size_t)self->config->numbers[RF_SETTING_queue_memory];
    rf_gate_set_limits(gate, &limits);
    rf_gate_release(gate, rf_sequencer_durable(self->sequencer));
    return open_senders(self, gate) && listen_all(self);
}

static void close_doors(server *self)
{
    const rf_doors_parts parts = self->doors->parts;
    rf_feed_close(parts.feed);
    rf_doors_close(self->doors);
    rf_auth_close(parts.auth);
    rf_rate_close(parts.rates);
    rf_pages_close(parts.pages);
}

static bool run(server *self)
{
    char why[ERROR_SIZE];
    start_timers(self);
    if (!rf_harden_calls())
        RF_NOTE(RF_NOTE_WARNING, "harden", RF_NOTE_TEXT("why", "no filter of system calls here"));
    announce(self);
    rf_notify("READY=1");
    uv_run(&self->loop, UV_RUN_DEFAULT);
    self->gate_gone = true;
    bool good = rf_sequencer_close(self->sequencer, why);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    if (!good)
        return fail(self, "the last snapshot", why);
    RF_NOTE(RF_NOTE_INFO, "stopped", RF_NOTE_NUMBER("seq", rf_sequencer_durable(self->sequencer)));
    return !self->disk_full || fail(self, self->config->texts[RF_SETTING_data], "the disk is full");
}

static bool start(server *self)
{
    return check_settings(self) && open_data(self) && open_vault(self) && make_sequencer(self) &&
           open_history(self) && recover(self) && open_audit(self) && open_registrar(self) &&
           open_doors(self) && open_sandbox(self) && open_prices(self);
}

static void finish(server *self)
{
    rf_sandbox_close(self->sandbox);
    rf_price_sources_free(self->prices);
    close_doors(self);
    rf_registrar_close(self->registrar);
    rf_audit_close(self->audit);
    rf_history_close(self->history);
    rf_sequencer_free(self->sequencer);
    rf_vault_close(self->vault);
    RF_CHECK(uv_loop_close(&self->loop) == 0);
    free(self);
}

int rf_serve(const rf_config *config)
{
    server *self = calloc(1, sizeof *self);
    if (!self)
        return 1;
    self->config = config;
    signal(SIGPIPE, SIG_IGN);
    rf_harden_memory();
    RF_CHECK(uv_loop_init(&self->loop) == 0);
    bool good = start(self) && run(self);
    if (!good)
        fprintf(stderr, "ringfence serve: %s\n", self->error);
    /* What did not come up is left to the end of the process. */
    if (good)
        finish(self);
    return good ? 0 : 1;
}
