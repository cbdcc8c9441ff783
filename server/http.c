/* A request under construction is one run of bytes, each text with a NUL behind it:
 *
 *   url | name | value | name | value | ... | body
 *
 * The parser calls with pieces; what is complete is known by its offset. */
#include "server/http.h"

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/check.h"
#include "include/ringfence.h"
#include "server/held.h"

/* Memory that an ordinary request needs stays with the connection. */
enum { KEPT_MAX = 4096 };

typedef struct http_field {
    uint16_t name, value;
} http_field;

struct rf_http {
    llhttp_t parser;
    char *bytes;
    size_t size, capacity;
    size_t head_bytes; /* what counts against RF_HEADER_SIZE_MAX */
    size_t body;       /* where it begins */
    http_field fields[RF_HEADERS_MAX];
    uint16_t fields_count;
    bool in_field, begun, head_complete, complete;
    bool has_host, expects, told; /* "Expect: 100-continue"; it has been answered */
    bool upgrades, keeps_alive;
    int status;
};

static rf_http *of(llhttp_t *parser)
{
    return parser->data;
}

static int refuse(rf_http *http, int status)
{
    http->status = status;
    return HPE_USER;
}

/* ---- Collecting ------------------------------------------------------------------------------ */

static bool add(rf_http *http, const char *at, size_t size)
{
    if (size == 0)
        return true;
    if (http->size + size > http->capacity) {
        size_t capacity = http->capacity ? http->capacity : 1024;
        while (capacity < http->size + size)
            capacity *= 2;
        char *bytes = realloc(http->bytes, capacity);
        if (!bytes)
            return false;
        rf_held_more(capacity - http->capacity);
        http->bytes = bytes;
        http->capacity = capacity;
    }
    memcpy(http->bytes + http->size, at, size);
    http->size += size;
    return true;
}

/* A part of the head, which has a limit of its own. */
static int add_to_head(rf_http *http, const char *at, size_t size, int status_if_large)
{
    http->head_bytes += size;
    if (http->head_bytes > RF_HEADER_SIZE_MAX)
        return refuse(http, status_if_large);
    return http->head_complete || add(http, at, size) ? 0 : refuse(http, 503);
}

static int end_text(rf_http *http)
{
    return http->head_complete || add(http, "", 1) ? 0 : refuse(http, 503);
}

static int on_message_begin(llhttp_t *parser)
{
    of(parser)->begun = true;
    return 0;
}

static int on_method(llhttp_t *parser, const char *at, size_t size)
{
    (void)at;
    of(parser)->begun = true;
    of(parser)->head_bytes += size;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    return add_to_head(of(parser), at, size, 414);
}

static int on_url_complete(llhttp_t *parser)
{
    return end_text(of(parser));
}

static int on_header_field(llhttp_t *parser, const char *at, size_t size)
{
    rf_http *http = of(parser);
    if (!http->head_complete && !http->in_field) {
        if (http->fields_count == RF_HEADERS_MAX)
            return refuse(http, 431);
        http->in_field = true;
        http->fields[http->fields_count].name = (uint16_t)http->size;
    }
    size_t from = http->size;
    int result = add_to_head(http, at, size, 431);
    for (; result == 0 && from < http->size; from++)
        if (http->bytes[from] >= 'A' && http->bytes[from] <= 'Z')
            http->bytes[from] = (char)(http->bytes[from] + ('a' - 'A'));
    return result;
}

static int on_header_field_complete(llhttp_t *parser)
{
    rf_http *http = of(parser);
    int result = end_text(http);
    if (result == 0 && !http->head_complete)
        http->fields[http->fields_count].value = (uint16_t)http->size;
    return result;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t size)
{
    return add_to_head(of(parser), at, size, 431);
}

static int on_header_value_complete(llhttp_t *parser)
{
    rf_http *http = of(parser);
    if (http->head_complete) /* the trailer of a chunked body says nothing to us */
        return 0;
    http->fields_count++;
    http->in_field = false;
    return end_text(http);
}

/* Extensions of chunks are counted, lest they go on for ever. */
static int on_chunk_extension(llhttp_t *parser, const char *at, size_t size)
{
    return add_to_head(of(parser), at, size, 431);
}

static int judge_fields(rf_http *http)
{
    for (uint16_t i = 0; i < http->fields_count; i++) {
        const char *name = http->bytes + http->fields[i].name;
        const char *value = http->bytes + http->fields[i].value;
        if (strcmp(name, "host") == 0) {
            if (http->has_host)
                return 400;
            http->has_host = true;
        } else if (strcmp(name, "expect") == 0) {
            if (strcasecmp(value, "100-continue") != 0)
                return 417;
            http->expects = true;
        }
    }
    bool must_have_host = http->parser.http_major == 1 && http->parser.http_minor >= 1;
    return must_have_host && !http->has_host ? 400 : 0;
}

static bool is_websocket(const rf_http *http)
{
    if (!http->parser.upgrade || http->parser.method != HTTP_GET)
        return false;
    for (uint16_t i = 0; i < http->fields_count; i++)
        if (strcmp(http->bytes + http->fields[i].name, "upgrade") == 0)
            return strcasecmp(http->bytes + http->fields[i].value, "websocket") == 0;
    return false;
}

static int on_headers_complete(llhttp_t *parser)
{
    rf_http *http = of(parser);
    http->head_complete = true;
    http->body = http->size;
    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(http, 505), -1;
    if (parser->method == HTTP_CONNECT)
        return refuse(http, 405), -1;
    int status = judge_fields(http);
    bool has_length = (parser->flags & F_CONTENT_LENGTH) != 0;
    if (status == 0 && has_length && parser->content_length > RF_BODY_SIZE_MAX)
        status = 413;
    http->upgrades = is_websocket(http);
    bool has_body = (parser->flags & F_CHUNKED) || (has_length && parser->content_length > 0);
    if (status == 0 && http->upgrades && has_body)
        status = 400;
    if (!http->upgrades)
        parser->upgrade = 0; /* "Upgrade: h2c" and the like may be ignored */
    if (!has_body)
        http->expects = false;
    return status ? refuse(http, status), -1 : 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    rf_http *http = of(parser);
    if (http->size - http->body + size > RF_BODY_SIZE_MAX)
        return refuse(http, 413);
    http->expects = false; /* it did not wait */
    return add(http, at, size) ? 0 : refuse(http, 503);
}

static int on_message_complete(llhttp_t *parser)
{
    rf_http *http = of(parser);
    http->keeps_alive = llhttp_should_keep_alive(parser) != 0;
    if (!add(http, "", 1))
        return refuse(http, 503), -1;
    http->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_method = on_method,
    .on_url = on_url,
    .on_url_complete = on_url_complete,
    .on_header_field = on_header_field,
    .on_header_field_complete = on_header_field_complete,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- The reader ------------------------------------------------------------------------------ */

rf_http *rf_http_open(void)
{
    rf_http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    llhttp_init(&http->parser, HTTP_REQUEST, &settings);
    http->parser.data = http;
    return http;
}

static void forget_bytes(rf_http *http)
{
    rf_held_less(http->capacity);
    free(http->bytes);
    http->bytes = NULL;
    http->capacity = 0;
}

void rf_http_close(rf_http *http)
{
    if (!http)
        return;
    forget_bytes(http);
    free(http);
}

size_t rf_http_memory(const rf_http *http)
{
    return http->capacity;
}

static int status_of(llhttp_errno_t error)
{
    if (error == HPE_INVALID_TRANSFER_ENCODING)
        return 501;
    if (error == HPE_INVALID_VERSION)
        return 505;
    return 400;
}

rf_http_kind rf_http_feed(rf_http *http, const char *bytes, size_t size, size_t *used)
{
    if (size > 0)
        http->begun = true;
    llhttp_errno_t error = llhttp_execute(&http->parser, bytes, size);
    *used = size;
    if (error == HPE_OK) {
        bool asks = http->head_complete && http->expects && !http->told;
        http->told |= asks;
        return asks ? RF_HTTP_CONTINUE : RF_HTTP_MORE;
    }
    if (error == HPE_PAUSED && http->complete) {
        *used = (size_t)(llhttp_get_error_pos(&http->parser) - bytes);
        return http->upgrades ? RF_HTTP_UPGRADE : RF_HTTP_REQUEST;
    }
    if (http->status == 0)
        http->status = status_of(error);
    return RF_HTTP_REFUSED;
}

int rf_http_status(const rf_http *http)
{
    return http->status;
}

bool rf_http_keeps_alive(const rf_http *http)
{
    return http->keeps_alive;
}

rf_http_phase rf_http_where(const rf_http *http)
{
    if (http->head_complete)
        return RF_HTTP_IN_BODY;
    return http->begun ? RF_HTTP_IN_HEAD : RF_HTTP_REST;
}

void rf_http_next(rf_http *http)
{
    RF_CHECK(http->complete);
    if (http->capacity > KEPT_MAX)
        forget_bytes(http);
    http->size = http->head_bytes = http->body = 0;
    http->fields_count = 0;
    http->in_field = http->begun = http->head_complete = http->complete = false;
    http->has_host = http->expects = http->told = false;
    if (http->upgrades)
        llhttp_reset(&http->parser); /* refused: what follows is HTTP after all */
    else
        llhttp_resume(&http->parser);
    http->upgrades = false;
}

/* "http://host/path" is as good as "/path". */
static char *path_of(char *url)
{
    char *authority = strstr(url, "://");
    if (*url == '/' || !authority)
        return url;
    char *path = strchr(authority + 3, '/');
    return path ? path : url;
}

void rf_http_take(rf_http *http, rf_header headers[RF_HEADERS_MAX], rf_http_request *request)
{
    RF_CHECK(http->complete);
    for (uint16_t i = 0; i < http->fields_count; i++)
        headers[i] = (rf_header){.name = http->bytes + http->fields[i].name,
                                 .value = http->bytes + http->fields[i].value};
    char *path = path_of(http->bytes), *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    *request = (rf_http_request){
        .method = llhttp_method_name(http->parser.method),
        .path = path,
        .query = query ? query : "",
        .headers = headers,
        .headers_count = http->fields_count,
        .body = http->bytes + http->body,
        .body_size = http->size - 1 - http->body,
    };
}

const char *rf_http_header(const rf_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->headers_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "Other";
}

size_t rf_http_head(char head[RF_HTTP_HEAD_MAX], const rf_http_answer *answer, const char *date,
                    bool close)
{
    rf_bytes out;
    bool never_has_body = answer->status < 200 || answer->status == 204 || answer->status == 304;
    rf_bytes_init(&out, head, RF_HTTP_HEAD_MAX, NULL);
    rf_bytes_text(&out, "HTTP/1.1 ");
    rf_bytes_int(&out, answer->status);
    rf_bytes_char(&out, ' ');
    rf_bytes_text(&out, reason_of(answer->status));
    rf_bytes_text(&out, "\r\nDate: ");
    rf_bytes_text(&out, date);
    if (!never_has_body && answer->content_type) {
        rf_bytes_text(&out, "\r\nContent-Type: ");
        rf_bytes_text(&out, answer->content_type);
    }
    if (!never_has_body) {
        rf_bytes_text(&out, "\r\nContent-Length: ");
        rf_bytes_id(&out, answer->content_type ? answer->body_size : 0);
    }
    rf_bytes_text(&out, close ? "\r\nConnection: close\r\n" : "\r\n");
    RF_CHECK(!out.full);
    return out.size;
}

static rf_error code_of(int status)
{
    switch (status) {
    case 401:
        return RF_ERR_UNAUTHORIZED;
    case 403:
        return RF_ERR_USER_TIER_INVALID;
    case 404:
    case 405:
        return RF_ERR_METHOD_NOT_FOUND;
    case 408:
        return RF_ERR_REQUEST_TIMEOUT;
    case 429:
        return RF_ERR_TOO_MANY_REQUESTS;
    case 500:
        return RF_ERR_ERR_INTERNAL;
    case 503:
        return RF_ERR_SYSTEM_MAINTENANCE;
    default:
        return RF_ERR_BAD_REQUEST;
    }
}

size_t rf_http_refusal(char body[RF_HTTP_REFUSAL_MAX], int status)
{
    rf_error code = code_of(status);
    int size = snprintf(body, RF_HTTP_REFUSAL_MAX,
                        "{\"id\":-1,\"method\":\"ERROR\",\"code\":%d,\"message\":\"%s\"}",
                        (int)code, rf_error_name(code));
    RF_CHECK(size > 0 && size < RF_HTTP_REFUSAL_MAX);
    return (size_t)size;
}
