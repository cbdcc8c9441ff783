/* HTTP: how the bytes are cut into reads makes no difference to what is read. The first byte says how they
 * are cut the second time. */
#include <string.h>

#include "server/http.h"
#include "tests/fuzz/fuzz.h"

typedef struct reading {
    uint64_t sum; /* of all that was read, in order */
    unsigned requests;
    int status; /* of the refusal, 0 = none */
} reading;

static void add(reading *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to->sum = (to->sum ^ (uint8_t)text[i]) * 1099511628211u;
    to->sum = (to->sum ^ 0x100) * 1099511628211u;
}

static void take(rf_http *http, reading *to)
{
    rf_header headers[RF_HEADERS_MAX];
    rf_http_request request;
    rf_http_take(http, headers, &request);
    MUST(request.body_size <= RF_BODY_SIZE_MAX && request.headers_count <= RF_HEADERS_MAX);
    MUST(request.body[request.body_size] == '\0');
    add(to, request.method, strlen(request.method));
    add(to, request.path, strlen(request.path));
    add(to, request.query, strlen(request.query));
    add(to, request.body, request.body_size);
    for (size_t i = 0; i < request.headers_count; i++) {
        add(to, headers[i].name, strlen(headers[i].name));
        add(to, headers[i].value, strlen(headers[i].value));
    }
    add(to, rf_http_keeps_alive(http) ? "+" : "-", 1);
    to->requests++;
}

static reading read_all(const char *bytes, size_t size, size_t step)
{
    reading told = {0};
    rf_http *http = rf_http_open();
    for (size_t at = 0; http && at < size && told.status == 0;) {
        size_t part = size - at < step ? size - at : step, used;
        char *copy = malloc(part); /* a read beyond its end is found */
        memcpy(copy, bytes + at, part);
        rf_http_kind kind = rf_http_feed(http, copy, part, &used);
        MUST(used <= part);
        at += used;
        if (kind == RF_HTTP_REFUSED)
            told.status = rf_http_status(http);
        if (kind == RF_HTTP_REQUEST || kind == RF_HTTP_UPGRADE) {
            take(http, &told);
            rf_http_next(http);
        } else {
            MUST(used == part || kind == RF_HTTP_REFUSED);
        }
        free(copy);
    }
    rf_http_close(http);
    MUST(told.status == 0 || (told.status >= 400 && told.status < 600));
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data + 1;
    reading whole = read_all(bytes, size - 1, size);
    reading pieces = read_all(bytes, size - 1, 1 + data[0] % 16);
    MUST(whole.requests == pieces.requests && whole.sum == pieces.sum);
    MUST(whole.status == pieces.status);
    return 0;
}
