#define _GNU_SOURCE /* memmem */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "venue/world.h"

enum {
    IN_SIZE = 1 << 16,
    IN_SIZE_MAX = 1 << 24,
    EVENTS = 256,
    PER_ADDRESS = 1000, /* connections from one address of the loopback: the server bounds them */
    HANDSHAKE_SIZE = 4096,
    MASK_SIZE = 4,
};

/* ---- Opening --------------------------------------------------------------------------------- */

static int connect_one(const rf_load_server *server, uint32_t number)
{
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    here.sin_addr.s_addr = htonl(0x7f000001U + number / PER_ADDRESS);
    there.sin_port = htons((uint16_t)server->port);
    inet_pton(AF_INET, server->host, &there.sin_addr);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0 ||
        connect(fd, (struct sockaddr *)&there, sizeof there) != 0)
        rf_load_fail("connect", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void upgrade(int fd, const char *path)
{
    char text[HANDSHAKE_SIZE];
    size_t size = 0;
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                          path);
    if (write(fd, text, (size_t)length) != length)
        rf_load_fail("upgrade", strerror(errno));
    /* Byte by byte: what comes behind the answer is not ours to take. */
    while (size + 1 < sizeof text && read(fd, text + size, 1) == 1) {
        text[++size] = '\0';
        if (size >= 4 && memcmp(text + size - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (!strstr(text, " 101 "))
        rf_load_fail("upgrade", text);
}

static void open_conn(rf_load *load, rf_load_conn *conn, uint32_t number, const char *path,
                      uint32_t window)
{
    *conn = (rf_load_conn){.http = !path, .number = number, .window = window};
    conn->fd = connect_one(load->server, number);
    if (path)
        upgrade(conn->fd, path);
    fcntl(conn->fd, F_SETFL, fcntl(conn->fd, F_GETFL) | O_NONBLOCK);
    conn->due_ns = calloc(window, sizeof *conn->due_ns);
    conn->in = malloc(IN_SIZE);
    conn->in_capacity = IN_SIZE;
    rf_bytes_init(&conn->out, NULL, 0, rf_world_grow);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (!conn->due_ns || !conn->in || epoll_ctl(load->epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        rf_load_fail("connection", strerror(errno));
}

void rf_load_open(rf_load *load, rf_load_server *server, uint32_t count, const char *path,
                  uint32_t window, size_t times_max)
{
    *load = (rf_load){.server = server, .conns_count = count, .times_max = times_max};
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->conns = calloc(count, sizeof *load->conns);
    load->times = malloc((times_max + 1) * sizeof *load->times);
    if (load->epoll < 0 || !load->conns || !load->times)
        rf_load_fail("connections", strerror(errno));
    for (uint32_t i = 0; i < count; i++)
        open_conn(load, &load->conns[i], i, path, window);
}

void rf_load_close(rf_load *load)
{
    for (uint32_t i = 0; i < load->conns_count; i++) {
        rf_load_conn *conn = &load->conns[i];
        if (!conn->gone)
            close(conn->fd);
        free(conn->due_ns);
        free(conn->in);
        free(conn->out.data);
    }
    close(load->epoll);
    free(load->conns);
    free(load->times);
}

/* ---- Sending --------------------------------------------------------------------------------- */

/* A client masks; with a key of zeros the text stays as it is. */
static void put_frame(rf_bytes *out, const char *text, size_t size)
{
    uint8_t head[8 + MASK_SIZE] = {0x81};
    size_t length = 2;
    if (size < 126) {
        head[1] = (uint8_t)(0x80 | size);
    } else {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(size >> 8);
        head[3] = (uint8_t)size;
        length = 4;
    }
    rf_bytes_add(out, head, length + MASK_SIZE);
    rf_bytes_add(out, text, size);
}

void rf_load_tell(rf_load_conn *conn, const char *text, size_t size)
{
    if (conn->http)
        rf_bytes_add(&conn->out, text, size);
    else
        put_frame(&conn->out, text, size);
}

void rf_load_say(rf_load_conn *conn, const char *text, size_t size, int64_t due_ns)
{
    conn->due_ns[conn->sent++ % conn->window] = due_ns;
    rf_load_tell(conn, text, size);
}

void rf_load_flush(rf_load_conn *conn)
{
    while (!conn->gone && conn->out_at < conn->out.size) {
        ssize_t sent =
            write(conn->fd, conn->out.data + conn->out_at, conn->out.size - conn->out_at);
        if (sent < 0 && errno != EINTR)
            return; /* a full socket: the next turn goes on */
        conn->out_at += sent > 0 ? (size_t)sent : 0;
    }
    conn->out_at = 0;
    rf_bytes_clear(&conn->out);
}

void rf_load_pause(rf_load *load, rf_load_conn *conn, bool paused)
{
    struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.ptr = conn};
    if (!conn->gone)
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

void rf_load_narrow(rf_load_conn *conn, int size)
{
    setsockopt(conn->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rf_load_request(const rf_load_account *account, const char *method, const char *params,
                     uint64_t id, rf_json *scratch, rf_bytes *out)
{
    char text[2048], body[2048], digits[24], nonce[24], signature[RF_SIGNATURE_TEXT];
    int size = snprintf(text, sizeof text, "{\"params\":%s}", params);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)id);
    snprintf(nonce, sizeof nonce, "%lld", (long long)wall_ms());
    if (!rf_json_parse(scratch, text, (size_t)size))
        rf_load_fail(method, scratch->error);
    const rf_signed_call what = {.method = method,
                                 .id = digits,
                                 .api_key = account->api_key,
                                 .nonce = nonce,
                                 .json = scratch,
                                 .params = rf_json_member(scratch, 0, "params")};
    if (!rf_sign(account->signer, &what, signature))
        rf_load_fail(method, "cannot be signed");
    size = snprintf(body, sizeof body,
                    "{\"id\":%s,\"method\":\"%s\",\"api_key\":\"%s\",\"sig\":\"%s\",\"nonce\":%s,"
                    "\"params\":%s}",
                    digits, method, account->api_key, signature, nonce, params);
    int head = snprintf(text, sizeof text,
                        "POST /exchange/v1/%s HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                        method, size);
    rf_bytes_add(out, text, (size_t)head);
    rf_bytes_add(out, body, (size_t)size);
}

void rf_load_sign_in(rf_load *load, rf_load_conn *conn, const rf_load_account *account)
{
    char text[1024], nonce[24], signature[RF_SIGNATURE_TEXT];
    rf_json none = {0};
    snprintf(nonce, sizeof nonce, "%lld", (long long)wall_ms());
    const rf_signed_call what = {.method = "public/auth",
                                 .id = nonce,
                                 .api_key = account->api_key,
                                 .nonce = nonce,
                                 .json = &none};
    if (!rf_sign(account->signer, &what, signature))
        rf_load_fail("public/auth", "cannot be signed");
    int size = snprintf(text, sizeof text,
                        "{\"id\":%s,\"method\":\"public/auth\",\"api_key\":\"%s\",\"sig\":\"%s\","
                        "\"nonce\":%s}",
                        nonce, account->api_key, signature, nonce);
    uint64_t refused = conn->refused;
    rf_load_say(conn, text, (size_t)size, rf_bench_now_ns());
    rf_load_flush(conn);
    while (conn->answered < conn->sent && !conn->gone)
        rf_load_poll(load, 100, NULL);
    if (conn->gone || conn->refused != refused)
        rf_load_fail("public/auth", "refused");
    load->times_count = 0;
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static void count_answer(rf_load *load, rf_load_conn *conn, const char *text, size_t size,
                         int64_t now_ns)
{
    static const char good[] = "\"code\":0";
    int64_t due_ns = conn->due_ns[conn->answered++ % conn->window];
    if (!memmem(text, size < 256 ? size : 256, good, sizeof good - 1))
        conn->refused++;
    if (load->times_count < load->times_max)
        load->times[load->times_count++] = now_ns - due_ns;
}

static bool starts(const char *text, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Answers have ids of ours; pushes have -1, heartbeats one of the server's. */
static void take_message(rf_load *load, rf_load_conn *conn, char *text, size_t size, int64_t now_ns)
{
    char reply[96];
    char *beat = memmem(text, size < 64 ? size : 64, "public/heartbeat", 16);
    if (beat) {
        long long id = 0;
        sscanf(text, "{\"id\":%lld", &id);
        int length = snprintf(reply, sizeof reply,
                              "{\"id\":%lld,\"method\":\"public/respond-heartbeat\"}", id);
        rf_load_tell(conn, reply, (size_t)length);
        return;
    }
    if (!starts(text, size, "{\"id\":-1")) {
        count_answer(load, conn, text, size, now_ns);
        return;
    }
    conn->pushed++;
    conn->push_bytes += size;
    if (conn->push)
        conn->push(conn, text, size);
}

/* The size of one whole frame at the front, 0 = it is not all there. */
static size_t frame_size(const uint8_t *at, size_t size, size_t *head)
{
    if (size < 2)
        return 0;
    uint64_t length = at[1] & 0x7f;
    *head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (size < *head)
        return 0;
    if (length >= 126) {
        length = 0;
        for (size_t i = 2; i < *head; i++)
            length = length << 8 | at[i];
    }
    return size - *head < length ? 0 : *head + (size_t)length;
}

static size_t take_frames(rf_load *load, rf_load_conn *conn, int64_t now_ns)
{
    size_t at = 0, head, size;
    while ((size = frame_size((uint8_t *)conn->in + at, conn->in_size - at, &head)) > 0) {
        uint8_t kind = (uint8_t)conn->in[at] & 0x0f;
        if (kind == 8)
            conn->gone = true;
        else if (kind == 1)
            take_message(load, conn, conn->in + at + head, size - head, now_ns);
        at += size;
    }
    return at;
}

static size_t take_responses(rf_load *load, rf_load_conn *conn, int64_t now_ns)
{
    size_t at = 0;
    for (;;) {
        char *start = conn->in + at;
        size_t size = conn->in_size - at;
        char *end = memmem(start, size, "\r\n\r\n", 4);
        char *length = end ? strcasestr(start, "content-length:") : NULL;
        if (!length || length > end)
            return at;
        size_t body = (size_t)strtoul(length + 15, NULL, 10), head = (size_t)(end + 4 - start);
        if (size < head + body)
            return at;
        count_answer(load, conn, end + 4, body, now_ns);
        at += head + body;
    }
}

static void lose(rf_load *load, rf_load_conn *conn)
{
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
    close(conn->fd);
    conn->gone = true;
}

static void receive(rf_load *load, rf_load_conn *conn)
{
    if (conn->in_size + 1 >= conn->in_capacity && conn->in_capacity < IN_SIZE_MAX) {
        conn->in = realloc(conn->in, conn->in_capacity *= 2);
        if (!conn->in)
            rf_load_fail("receive", "out of memory");
    }
    ssize_t size = read(conn->fd, conn->in + conn->in_size, conn->in_capacity - conn->in_size - 1);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        lose(load, conn);
        return;
    }
    if (size < 0)
        return;
    int64_t now_ns = rf_bench_now_ns();
    conn->in_size += (size_t)size;
    conn->in[conn->in_size] = '\0';
    size_t taken =
        conn->http ? take_responses(load, conn, now_ns) : take_frames(load, conn, now_ns);
    memmove(conn->in, conn->in + taken, conn->in_size - taken);
    conn->in_size -= taken;
}

void rf_load_poll(rf_load *load, int timeout_ms, void (*answered)(rf_load *, rf_load_conn *))
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(load->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        rf_load_conn *conn = events[i].data.ptr;
        uint64_t before = conn->answered;
        receive(load, conn);
        if (answered && conn->answered != before)
            answered(load, conn);
        if (conn->out.size > 0)
            rf_load_flush(conn);
    }
}

int64_t rf_load_percentile(rf_load *load, uint32_t per_mille)
{
    if (load->times_count == 0)
        return 0;
    qsort(load->times, load->times_count, sizeof *load->times, rf_bench_compare);
    size_t at = load->times_count * per_mille / 1000;
    return load->times[at < load->times_count ? at : load->times_count - 1];
}
