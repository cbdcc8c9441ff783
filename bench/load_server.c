#define _GNU_SOURCE /* nftw */
#include "bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "venue/world.h"

enum {
    OPTIONS_MAX = 40,
    LINE_SIZE = 16384,
    TOKENS_MAX = 1 << 16,
    TEXT_MAX = 1 << 22,
    FLUSHES = 33,
    FLUSH_SIZE = 4096,
    DESCRIPTORS_OWN = 64, /* beside its connections */
};

void rf_load_fail(const char *what, const char *detail)
{
    fprintf(stderr, "bench server: %s: %s\n", what, detail);
    exit(1);
}

/* ---- The child ------------------------------------------------------------------------------- */

/* A profiler's words. It is given the program by its path. */
static unsigned put_under(char **arguments, const char *under, char *program, size_t size)
{
    unsigned count = 0;
    ssize_t length = readlink("/proc/self/exe", program, size - 1);
    program[length > 0 ? length : 0] = '\0';
    for (char *word = under ? strtok(strdup(under), " ") : NULL; word && count < OPTIONS_MAX / 2;
         word = strtok(NULL, " "))
        arguments[count++] = word;
    arguments[count++] = program;
    return count;
}

static _Noreturn void become_server(const rf_load_server *server, const char *const *options,
                                    const char *under, int out)
{
    const char *const words[] = {"serve",       "--data",      server->dir, "--listen",
                                 "127.0.0.1:0", "--log-level", "warning"};
    char *arguments[OPTIONS_MAX] = {0}, program[PATH_MAX];
    unsigned count = put_under(arguments, under, program, sizeof program);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        arguments[count++] = (char *)(uintptr_t)words[i];
    for (; *options && count + 1 < OPTIONS_MAX; options++)
        arguments[count++] = (char *)(uintptr_t)*options;
    char log[300];
    snprintf(log, sizeof log, "%s/serve.log", server->dir);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDERR_FILENO);
    execvp(arguments[0], arguments);
    _exit(127);
}

static const char *text_of(const rf_load_server *server, uint32_t object, const char *key)
{
    uint32_t token = rf_json_member(&server->json, object, key);
    return token ? rf_json_text(&server->json, token) : "";
}

/* The keys of a sandbox's accounts, if it is one. */
static void take_accounts(rf_load_server *server)
{
    uint32_t list = rf_json_member(&server->json, 0, "accounts");
    for (uint32_t i = 0; list && i < server->json.tokens[list].count; i++) {
        uint32_t row = rf_json_element(&server->json, list, i);
        rf_load_account *account = &server->accounts[server->accounts_count++];
        snprintf(account->api_key, RF_LOAD_KEY_SIZE, "%s", text_of(server, row, "api_key"));
        snprintf(account->secret, RF_LOAD_KEY_SIZE, "%s", text_of(server, row, "secret"));
        account->signer = rf_signer_open(account->secret, strlen(account->secret));
    }
}

/* What the server said, when there is no other way to know what went wrong. */
static void show_log(const rf_load_server *server)
{
    char path[300], line[1024];
    snprintf(path, sizeof path, "%s/serve.log", server->dir);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        fputs(line, stderr);
    if (file)
        fclose(file);
}

static void read_first_line(rf_load_server *server, int in)
{
    char line[LINE_SIZE];
    FILE *file = fdopen(in, "r");
    if (!file || !fgets(line, sizeof line, file)) {
        show_log(server);
        rf_load_fail("serve", "it ended without a word on its standard output");
    }
    if (!rf_json_parse(&server->json, line, strlen(line)))
        rf_load_fail("serve", line);
    const char *url = text_of(server, 0, "url");
    if (sscanf(url, "http://%63[^:]:%d", server->host, &server->port) != 2)
        rf_load_fail("serve: no url", line);
    snprintf(server->socket, sizeof server->socket, "%s", text_of(server, 0, "operator_socket"));
    take_accounts(server);
    /* The pipe stays open, or the server would find nobody there. */
}

/* A connection is a descriptor here and one there: as many as the system lets us have. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void rf_load_need_descriptors(uint32_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < (rlim_t)connections + DESCRIPTORS_OWN)
        rf_load_fail("descriptors", "the system allows too few (ulimit -Hn)");
}

void rf_load_start(rf_load_server *server, const char *const *options, const char *under)
{
    const char *base = getenv("TMPDIR");
    int pipes[2];
    *server = (rf_load_server){0};
    rf_json_init(&server->json, malloc(TOKENS_MAX * sizeof(rf_json_token)), TOKENS_MAX,
                 malloc(TEXT_MAX), TEXT_MAX);
    rf_bytes_init(&server->answer, NULL, 0, rf_world_grow);
    snprintf(server->dir, sizeof server->dir, "%s/ringfence-bench-XXXXXX", base ? base : "/tmp");
    if (!server->json.tokens || !server->json.text || !mkdtemp(server->dir) || pipe(pipes) != 0)
        rf_load_fail("the server's directory", strerror(errno));
    raise_descriptors();
    server->pid = fork();
    if (server->pid < 0)
        rf_load_fail("fork", strerror(errno));
    if (server->pid == 0) {
        close(pipes[0]);
        become_server(server, options, under, pipes[1]);
    }
    close(pipes[1]);
    read_first_line(server, pipes[0]);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

int rf_load_end(rf_load_server *server)
{
    int status = -1;
    kill(server->pid, SIGTERM);
    waitpid(server->pid, &status, 0);
    if (status != 0)
        show_log(server);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void rf_load_clean(rf_load_server *server)
{
    char key[300];
    nftw(server->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    snprintf(key, sizeof key, "%s.key", server->dir);
    unlink(key);
    for (uint32_t i = 0; i < server->accounts_count; i++)
        rf_signer_close(server->accounts[i].signer);
    free(server->json.tokens);
    free(server->json.text);
    free(server->answer.data);
}

/* ---- The operators' socket ------------------------------------------------------------------- */

static int connect_operator(const rf_load_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->socket);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        rf_load_fail(server->socket, strerror(errno));
    return fd;
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(fd, bytes, size);
        if (sent <= 0)
            rf_load_fail("the operators' socket", strerror(errno));
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void receive_all(rf_load_server *server, int fd)
{
    char buffer[65536];
    ssize_t size;
    rf_bytes_clear(&server->answer);
    while ((size = read(fd, buffer, sizeof buffer)) > 0)
        rf_bytes_add(&server->answer, buffer, (size_t)size);
    rf_bytes_char(&server->answer, '\0');
}

bool rf_load_operate(rf_load_server *server, const char *method, const char *params)
{
    char head[512];
    char *body = NULL;
    int size = asprintf(&body, "{\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    int fd = connect_operator(server);
    if (size < 0)
        rf_load_fail(method, "out of memory");
    snprintf(head, sizeof head,
             "POST /exchange/v1/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
             method, size);
    send_all(fd, head, strlen(head));
    send_all(fd, body, (size_t)size);
    receive_all(server, fd);
    close(fd);
    free(body);
    const char *answer = strstr(server->answer.data, "\r\n\r\n");
    if (!answer || !rf_json_parse(&server->json, answer + 4, strlen(answer + 4)))
        rf_load_fail(method, server->answer.data);
    uint32_t code = rf_json_member(&server->json, 0, "code");
    return code && strcmp(rf_json_text(&server->json, code), "0") == 0;
}

static void must(rf_load_server *server, const char *method, const char *params)
{
    if (!rf_load_operate(server, method, params))
        rf_load_fail(method, strstr(server->answer.data, "\r\n\r\n") + 4);
}

static void open_account(rf_load_server *server)
{
    char params[256];
    rf_load_account *account = &server->accounts[server->accounts_count++];
    snprintf(params, sizeof params, "{\"account\":\"load-%u\"}", server->accounts_count);
    must(server, "operator/create-account", params);
    snprintf(params, sizeof params,
             "{\"account\":\"load-%u\",\"currency\":\"USD\",\"amount\":\"10000000\"}",
             server->accounts_count);
    must(server, "operator/deposit", params);
    snprintf(params, sizeof params, "{\"account\":\"load-%u\",\"scopes\":[\"read\",\"trade\"]}",
             server->accounts_count);
    must(server, "operator/create-api-key", params);
    uint32_t result = rf_json_member(&server->json, 0, "result");
    snprintf(account->api_key, RF_LOAD_KEY_SIZE, "%s", text_of(server, result, "api_key"));
    snprintf(account->secret, RF_LOAD_KEY_SIZE, "%s", text_of(server, result, "secret"));
    account->signer = rf_signer_open(account->secret, strlen(account->secret));
}

void rf_load_venue(rf_load_server *server, uint32_t accounts)
{
    must(server, "operator/create-instrument",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"price_tick_size\":\"0.5\","
         "\"qty_tick_size\":\"0.0001\",\"max_leverage\":50,\"unit_margin_rate\":\"0.005\"}");
    must(server, "operator/set-index-price",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"50000\"}");
    while (server->accounts_count < accounts)
        open_account(server);
}

/* ---- What it uses ---------------------------------------------------------------------------- */

static int64_t read_clock(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        rf_load_fail("clock", strerror(errno));
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The first thread has the number of the process. */
static int64_t loop_ns(const rf_load_server *server)
{
    char path[64];
    long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)server->pid, (int)server->pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%lld", &ns) != 1)
        rf_load_fail(path, "cannot be read");
    fclose(file);
    return ns;
}

rf_load_usage rf_load_usage_now(const rf_load_server *server)
{
    clockid_t clock;
    if (clock_getcpuclockid(server->pid, &clock) != 0)
        rf_load_fail("serve", "its clock cannot be read");
    return (rf_load_usage){.wall_ns = read_clock(CLOCK_MONOTONIC),
                           .server_ns = read_clock(clock),
                           .loop_ns = loop_ns(server),
                           .client_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

int64_t rf_load_memory_kb(const rf_load_server *server)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1)
        rf_load_fail(path, "cannot be read");
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int64_t rf_load_flush_us(const rf_load_server *server)
{
    char path[300], bytes[FLUSH_SIZE] = "flush";
    int64_t times[FLUSHES];
    snprintf(path, sizeof path, "%s/flush", server->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)FLUSH_SIZE * FLUSHES) != 0 || fsync(fd) != 0)
        rf_load_fail(path, strerror(errno));
    for (int i = 0; i < FLUSHES; i++) {
        int64_t start = rf_bench_now_ns();
        if (pwrite(fd, bytes, sizeof bytes, (off_t)FLUSH_SIZE * i) != FLUSH_SIZE ||
            fdatasync(fd) != 0)
            rf_load_fail(path, strerror(errno));
        times[i] = (rf_bench_now_ns() - start) / 1000;
    }
    close(fd);
    unlink(path);
    qsort(times, FLUSHES, sizeof *times, rf_bench_compare);
    return times[FLUSHES / 2];
}
