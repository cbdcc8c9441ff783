/* A server that knows nothing: it stands behind the gate and says back what it hears. The drivers in
 * this folder start it, and steer it by lines on its standard input.
 *
 *   gate_echo [NAME=NUMBER ...] ADDRESS...   NAME: a field of rf_gate_limits
 *
 * HTTP:       the body comes back (without one, the method, path and query). /after/N waits for record N,
 *             /held until "answer" is said, /big/N is N bytes long, /close ends the connection.
 * WebSocket:  at any path but /no. A text comes back; "@N text" waits for record N; "flood N SIZE" sends
 *             N texts; "join" receives what "tell" says; "end N" ends with code N.
 * stdin:      release N | answer N (the N-th held, from 0) | tell SIZE COUNT [RECORD] | stats | stop
 *             backlog: of all that joined | fault CALL N KIND | struck (tests/gate/faults.h) */
#define _GNU_SOURCE /* uv.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/gate.h"
#include "server/held.h"
#include "tests/gate/faults.h"

enum { HELD_MAX = 256, JOINED_MAX = 8192, LINE_MAX_SIZE = 256 };

static struct {
    rf_gate *gate;
    uv_loop_t loop;
    uv_pipe_t input;
    rf_ticket held[HELD_MAX];
    size_t held_count;
    rf_conn joined[JOINED_MAX];
    size_t joined_count;
    uint64_t opened, closed;
    char line[LINE_MAX_SIZE];
    size_t line_size;
    char large[1 << 20];
} echo;

static void on_opened(void *context, rf_conn conn)
{
    (void)context;
    (void)conn;
    echo.opened++;
}

static void on_gone(void *context, rf_conn conn)
{
    (void)context;
    echo.closed++;
    for (size_t i = 0; i < echo.joined_count; i++)
        if (echo.joined[i] == conn)
            echo.joined[i--] = echo.joined[--echo.joined_count];
}

static void answer_text(rf_ticket ticket, const char *text, size_t size, uint64_t barrier,
                        bool close)
{
    const rf_http_answer answer = {
        .status = 200,
        .content_type = "text/plain",
        .body = text,
        .body_size = size,
        .close = close,
    };
    rf_gate_answer(echo.gate, ticket, &answer, barrier);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void on_request(void *context, rf_conn conn, rf_ticket ticket,
                       const rf_http_request *request)
{
    char text[16384];
    (void)context;
    (void)conn;
    int size = snprintf(text, sizeof text, "%s %s%s%s", request->method, request->path,
                        *request->query ? " " : "", request->query);
    if (begins(request->path, "/held") && echo.held_count < HELD_MAX)
        echo.held[echo.held_count++] = ticket;
    else if (begins(request->path, "/big/"))
        answer_text(ticket, echo.large, strtoul(request->path + 5, NULL, 10), 0, false);
    else if (request->body_size > 0)
        answer_text(ticket, request->body, request->body_size, 0, false);
    else
        answer_text(ticket, text, (size_t)size,
                    begins(request->path, "/after/") ? strtoull(request->path + 7, NULL, 10) : 0,
                    begins(request->path, "/close"));
}

static int on_upgrade(void *context, rf_conn conn, const rf_http_request *request)
{
    (void)context;
    (void)conn;
    return strcmp(request->path, "/no") == 0 ? 401 : 101;
}

static void flood(rf_conn conn, const char *text)
{
    unsigned long count = 0, size = 0;
    sscanf(text, "flood %lu %lu", &count, &size);
    if (size > sizeof echo.large)
        size = sizeof echo.large;
    rf_frame *frame = rf_frame_new(echo.large, size);
    while (frame && count-- > 0)
        if (!rf_gate_send(echo.gate, conn, frame, 0))
            break;
    if (frame)
        rf_frame_drop(frame);
}

static void on_message(void *context, rf_conn conn, const char *text, size_t size)
{
    (void)context;
    if (begins(text, "flood "))
        flood(conn, text);
    else if (begins(text, "end "))
        rf_gate_end(echo.gate, conn, (uint16_t)strtoul(text + 4, NULL, 10), "as you say");
    else if (begins(text, "join") && echo.joined_count < JOINED_MAX)
        echo.joined[echo.joined_count++] = conn;
    else
        rf_gate_send_text(echo.gate, conn, text, size,
                          *text == '@' ? strtoull(text + 1, NULL, 10) : 0);
}

static void on_turn(void *context)
{
    (void)context;
}

/* ---- The steering ---------------------------------------------------------------------------- */

static void tell(size_t size, unsigned long count, uint64_t barrier)
{
    if (size > sizeof echo.large)
        size = sizeof echo.large;
    while (count-- > 0) {
        rf_frame *frame = rf_frame_new(echo.large, size);
        for (size_t i = 0; frame && i < echo.joined_count; i++)
            rf_gate_send(echo.gate, echo.joined[i], frame, barrier);
        if (frame)
            rf_frame_drop(frame);
    }
}

static void print_backlog(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < echo.joined_count; i++)
        bytes += rf_gate_backlog(echo.gate, echo.joined[i]);
    printf("%zu\n", bytes);
}

static void print_stats(void)
{
    rf_gate_stats stats = rf_gate_statistics(echo.gate);
    printf(
        "{\"accepted\":%llu,\"refused\":%llu,\"dropped\":%llu,\"requests\":%llu,\"messages\":%llu,"
        "\"bytes_in\":%llu,\"bytes_out\":%llu,\"connections\":%u,\"websockets\":%u,"
        "\"opened\":%llu,\"closed\":%llu,\"joined\":%zu,\"held\":%zu,\"crowded\":%s}\n",
        (unsigned long long)stats.accepted, (unsigned long long)stats.refused,
        (unsigned long long)stats.dropped, (unsigned long long)stats.requests,
        (unsigned long long)stats.messages, (unsigned long long)stats.bytes_in,
        (unsigned long long)stats.bytes_out, stats.connections, stats.websockets,
        (unsigned long long)echo.opened, (unsigned long long)echo.closed, echo.joined_count,
        rf_held_bytes(), rf_gate_is_crowded(echo.gate) ? "true" : "false");
}

static void stop(void)
{
    rf_gate_close(echo.gate);
    uv_close((uv_handle_t *)&echo.input, NULL);
}

/* False: the line asks for an answer of its own, which was given. */
static bool obey(const char *line)
{
    unsigned long a = 0, b = 0, c = 0;
    char call[16], kind[16];
    if (sscanf(line, "release %lu", &a) == 1)
        rf_gate_release(echo.gate, a);
    else if (sscanf(line, "answer %lu", &a) == 1 && a < echo.held_count)
        answer_text(echo.held[a], line, strlen(line), 0, false);
    else if (sscanf(line, "tell %lu %lu %lu", &a, &b, &c) >= 2)
        tell(a, b, c);
    else if (sscanf(line, "fault %15s %lu %15s", call, &a, kind) == 3)
        return faults_arm(call, a, kind);
    else if (strcmp(line, "stop") == 0)
        stop();
    else if (strcmp(line, "struck") == 0)
        return puts(faults_struck() ? "yes" : "no") == EOF;
    else if (strcmp(line, "backlog") == 0)
        return print_backlog(), false;
    else if (strcmp(line, "stats") == 0)
        return print_stats(), false;
    return true;
}

static void give_memory(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char memory[LINE_MAX_SIZE];
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(memory, sizeof memory);
}

static void on_input(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    (void)stream;
    if (got < 0) { /* the driver is gone */
        stop();
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (buffer->base[i] != '\n') {
            if (echo.line_size + 1 < sizeof echo.line)
                echo.line[echo.line_size++] = buffer->base[i];
            continue;
        }
        echo.line[echo.line_size] = '\0';
        echo.line_size = 0;
        if (obey(echo.line))
            puts("done");
        fflush(stdout);
    }
}

/* ---- The beginning --------------------------------------------------------------------------- */

static bool set_limit(rf_gate_limits *limits, const char *name, unsigned long value)
{
    const struct {
        const char *name;
        uint32_t *field;
    } rows[] = {
        {"header_ms", &limits->header_ms},
        {"body_ms", &limits->body_ms},
        {"idle_ms", &limits->idle_ms},
        {"message_ms", &limits->message_ms},
        {"linger_ms", &limits->linger_ms},
        {"stall_ms", &limits->stall_ms},
        {"tick_ms", &limits->tick_ms},
        {"connections", &limits->connections},
        {"connections_per_address", &limits->connections_per_address},
        {"connections_of_loopback", &limits->connections_of_loopback},
        {"pings_per_second", &limits->pings_per_second},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *rows[i].field = (uint32_t)value;
            return true;
        }
    if (strcmp(name, "queue_size") != 0 && strcmp(name, "queues_size") != 0)
        return false;
    *(name[5] == 's' ? &limits->queues_size : &limits->queue_size) = value;
    return true;
}

int main(int argc, char **argv)
{
    const rf_gate_handler handler = {
        .opened = on_opened,
        .request = on_request,
        .upgrade = on_upgrade,
        .message = on_message,
        .closed = on_gone,
        .turn = on_turn,
    };
    rf_gate_limits limits = rf_gate_limits_default();
    memset(echo.large, 'x', sizeof echo.large);
    uv_loop_init(&echo.loop);
    echo.gate = rf_gate_open(&echo.loop, &handler);
    for (int i = 1; i < argc; i++) {
        char bound[128], error[256], *equals = strchr(argv[i], '=');
        if (equals) {
            *equals = '\0';
            if (!set_limit(&limits, argv[i], strtoul(equals + 1, NULL, 10)))
                return fprintf(stderr, "no limit %s\n", argv[i]), 2;
            rf_gate_set_limits(echo.gate, &limits);
        } else if (rf_gate_listen(echo.gate, argv[i], i, bound, error))
            printf("%s\n", bound);
        else
            return fprintf(stderr, "%s\n", error), 2;
    }
    fflush(stdout);
    uv_pipe_init(&echo.loop, &echo.input, 0);
    if (uv_pipe_open(&echo.input, 0) != 0 ||
        uv_read_start((uv_stream_t *)&echo.input, give_memory, on_input) != 0)
        return 2;
    uv_run(&echo.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&echo.loop) == 0 ? 0 : 3;
}
