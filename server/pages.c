#include "server/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* input is not written to */
#include <zlib.h>

#include "server/assets.h"

/* S7. The hash is that of the one style element that the chart library makes for its attribution
 * link; a test in a browser fails when a new version of it differs. */
#define CHART_STYLE_HASH "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"
#define SECURITY_HEADERS                                                                  \
    "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; " \
    "style-src 'self' " CHART_STYLE_HASH "; img-src 'self'; connect-src 'self'; "         \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                     \
    "X-Content-Type-Options: nosniff\r\n"                                                 \
    "Referrer-Policy: no-referrer\r\n"                                                    \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                         \
    "Vary: Accept-Encoding\r\n"

enum { FILE_SIZE_MAX = 8 << 20, FILES_MAX = 64 };

typedef struct page_file {
    const rf_asset *asset;
    char *plain; /* unpacked when first asked for without gzip */
} page_file;

struct rf_pages {
    const char *web_dir;
    page_file files[FILES_MAX];
    size_t files_count;
};

rf_pages *rf_pages_open(const char *web_dir)
{
    rf_pages *pages = calloc(1, sizeof *pages);
    if (!pages)
        return NULL;
    pages->web_dir = web_dir;
    for (size_t i = 0; i < rf_assets_count && i < FILES_MAX; i++)
        pages->files[pages->files_count++].asset = &rf_assets[i];
    return pages;
}

void rf_pages_close(rf_pages *pages)
{
    if (!pages)
        return;
    for (size_t i = 0; i < pages->files_count; i++)
        free(pages->files[i].plain);
    free(pages);
}

const char *rf_pages_missing(const rf_pages *pages)
{
    return pages->web_dir ? NULL : rf_assets_missing;
}

/* The trading page is every file but the console's own, and the other way round. */
static const char *file_of(rf_page page, const char *path)
{
    bool root = strcmp(path, "/") == 0;
    if (root)
        return page == RF_PAGE_CONSOLE ? "/console.html" : "/index.html";
    bool of_console = strncmp(path, "/console.", 9) == 0;
    bool of_trade = strncmp(path, "/trade.", 7) == 0 || strcmp(path, "/index.html") == 0;
    return (page == RF_PAGE_CONSOLE ? of_trade : of_console) ? NULL : path;
}

static page_file *find(rf_pages *pages, const char *path)
{
    for (size_t i = 0; i < pages->files_count; i++)
        if (strcmp(pages->files[i].asset->path, path) == 0)
            return &pages->files[i];
    return NULL;
}

/* gzip's own bytes, unpacked; NULL: out of memory. */
static char *unpack(const rf_asset *asset)
{
    char *plain = malloc(asset->size + 1);
    z_stream stream = {.next_in = asset->gzip,
                       .avail_in = (unsigned)(asset->gzip_end - asset->gzip),
                       .next_out = (unsigned char *)plain,
                       .avail_out = (unsigned)asset->size};
    if (!plain || inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        free(plain);
        return NULL;
    }
    int end = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (end == Z_STREAM_END)
        return plain;
    free(plain);
    return NULL;
}

static bool answer_embedded(page_file *file, rf_gate *gate, rf_ticket ticket,
                            const rf_http_request *request)
{
    const rf_asset *asset = file->asset;
    const char *known = rf_http_header(request, "if-none-match");
    const char *accepts = rf_http_header(request, "accept-encoding");
    bool packed = accepts && strstr(accepts, "gzip");
    bool forever = strncmp(asset->path, "/chunk-", 7) == 0; /* named by its content */
    char headers[1024];
    snprintf(headers, sizeof headers, SECURITY_HEADERS "ETag: %s\r\nCache-Control: %s\r\n%s",
             asset->etag, forever ? "public, max-age=31536000, immutable" : "no-cache",
             packed ? "Content-Encoding: gzip\r\n" : "");
    rf_http_answer answer = {
        .status = 200, .content_type = asset->content_type, .headers = headers};
    if (known && strstr(known, asset->etag)) {
        answer.status = 304;
        answer.content_type = NULL;
    } else if (packed) {
        answer.body = (const char *)asset->gzip;
        answer.body_size = (size_t)(asset->gzip_end - asset->gzip);
    } else {
        if (!file->plain)
            file->plain = unpack(asset);
        if (!file->plain)
            return false;
        answer.body = file->plain;
        answer.body_size = asset->size;
    }
    rf_gate_answer(gate, ticket, &answer, 0);
    return true;
}

/* ---- From a directory, while somebody works on the pages ---------------------------------------- */

static const char *type_of(const char *path)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
        {".wasm", "application/wasm"},
    };
    const char *end = strrchr(path, '.');
    for (size_t i = 0; end && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].end, end) == 0)
            return types[i].type;
    return NULL;
}

/* A plain name in the directory itself: no further slash, no "..". */
static bool is_plain_name(const char *path)
{
    return path[0] == '/' && !strchr(path + 1, '/') && !strstr(path, "..");
}

static bool answer_file(const char *dir, const char *path, rf_gate *gate, rf_ticket ticket)
{
    char name[1024];
    const char *type = type_of(path);
    if (!type || !is_plain_name(path) ||
        snprintf(name, sizeof name, "%s%s", dir, path) >= (int)sizeof name)
        return false;
    FILE *file = fopen(name, "rb");
    if (!file)
        return false;
    char *bytes = malloc(FILE_SIZE_MAX);
    size_t size = bytes ? fread(bytes, 1, FILE_SIZE_MAX, file) : 0;
    fclose(file);
    const rf_http_answer answer = {.status = 200,
                                   .content_type = type,
                                   .headers = SECURITY_HEADERS "Cache-Control: no-store\r\n",
                                   .body = bytes,
                                   .body_size = size};
    if (bytes)
        rf_gate_answer(gate, ticket, &answer, 0);
    free(bytes);
    return bytes != NULL;
}

/* Who looks for the page is told why there is none. */
static bool answer_missing(const rf_pages *pages, rf_gate *gate, rf_ticket ticket)
{
    char text[256];
    int size =
        snprintf(text, sizeof text,
                 "This program has no pages: %s.\nThe API is here: /exchange/v1/, described at "
                 "/openapi/.\n",
                 rf_pages_missing(pages));
    const rf_http_answer answer = {.status = 404,
                                   .content_type = "text/plain; charset=utf-8",
                                   .headers = SECURITY_HEADERS "Cache-Control: no-store\r\n",
                                   .body = text,
                                   .body_size = (size_t)size};
    rf_gate_answer(gate, ticket, &answer, 0);
    return true;
}

bool rf_pages_answer(rf_pages *pages, rf_gate *gate, rf_ticket ticket, rf_page page,
                     const rf_http_request *request)
{
    const char *path = file_of(page, request->path);
    if (!path || (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0))
        return false;
    if (pages->web_dir)
        return answer_file(pages->web_dir, path, gate, ticket);
    page_file *file = find(pages, path);
    if (!file && rf_pages_missing(pages) && strcmp(request->path, "/") == 0)
        return answer_missing(pages, gate, ticket);
    return file && answer_embedded(file, gate, ticket, request);
}
