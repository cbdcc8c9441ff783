/* Asks the price sources: libcurl's multi interface on the loop, one question a source at a time. */
#include "server/prices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/decimal.h"
#include "server/note.h"
#include "server/prices_state.h"
#include "venue/world.h"

enum {
    BEAT_MS = 50,
    DOUBLINGS_MAX = 6, /* of the interval after failures */
    WAIT_MS_MAX = 3600 * 1000,
    MS = 1000000,
};

/* ---- An answer ------------------------------------------------------------------------------- */

/* Half an hour of the same failure is one line of the log. */
static void refuse(price_source *source, const char *why)
{
    source->failed++;
    source->failures++;
    if (strcmp(source->error, why) != 0)
        RF_NOTE(RF_NOTE_WARNING, "price_source", RF_NOTE_TEXT("source", source->name),
                RF_NOTE_TEXT("error", why));
    snprintf(source->error, sizeof source->error, "%s", why);
}

static const char *feed(price_source *source, int64_t price_e8)
{
    rf_price_sources *all = source->all;
    char params[288], price[RF_DECIMAL_TEXT_MAX + 1];
    price[rf_decimal_print(price, price_e8, 8)] = '\0';
    /* The file names the index on purpose: its instrument may come later. */
    snprintf(params, sizeof params,
             "{\"index_name\":\"%s\",\"price\":\"%s\",\"source\":\"%s\",\"create\":true}",
             source->index_name, price, source->name);
    rf_bytes_clear(&all->answer);
    rf_error code = all->options.call(all->options.context, &(rf_caller){.door = RF_DOOR_OPERATOR},
                                      "operator/set-index-price", params, &all->answer);
    return code == RF_ERR_OK ? NULL : rf_error_name(code);
}

/* A time that is far ahead is no better than an old one: it would never be stale. */
static const char *check_time(const price_source *source, const rf_price_quote *quote,
                              int64_t now_ns)
{
    if (source->stale_ms == 0 || quote->time_ms == 0)
        return NULL;
    if (now_ns / MS - quote->time_ms > source->stale_ms)
        return "the price is stale";
    return quote->time_ms - now_ns / MS > source->stale_ms ? "the price's time is ahead of ours"
                                                           : NULL;
}

/* The exchange's own words behind ours, as far as they are printable. */
static void add_words(const price_source *source, char text[PRICES_ERROR_SIZE])
{
    rf_json *json = &source->all->json;
    const char *words = rf_json_parse(json, source->body.data, source->body.size)
                            ? rf_price_adapter_words(json)
                            : NULL;
    size_t size = strlen(text);
    if (!words)
        return;
    snprintf(text + size, PRICES_ERROR_SIZE - size, ": %s", words);
    for (char *c = text + size; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static const char *take_body(price_source *source)
{
    rf_price_sources *all = source->all;
    rf_price_quote quote = {0};
    int64_t now_ns = all->options.now_ns(all->options.context);
    if (!rf_json_parse(&all->json, source->body.data, source->body.size))
        return "the answer is not JSON";
    const char *why = source->adapter->read(&all->json, source->symbol, &quote);
    if (!why)
        why = check_time(source, &quote, now_ns);
    if (!why)
        why = feed(source, quote.price_e8);
    if (why)
        return why;
    source->price_e8 = quote.price_e8;
    source->price_ns = now_ns;
    return NULL;
}

/* When to ask again: the interval, doubled with each failure in a row, and not before Retry-After. */
static void plan(price_source *source)
{
    curl_off_t after_s = 0;
    unsigned doublings = source->failures < DOUBLINGS_MAX ? source->failures : DOUBLINGS_MAX;
    int64_t wait_ms = source->interval_ms << doublings;
    curl_easy_getinfo(source->curl, CURLINFO_RETRY_AFTER, &after_s);
    if (after_s > WAIT_MS_MAX / 1000) /* it may say anything */
        after_s = WAIT_MS_MAX / 1000;
    if (after_s * 1000 > wait_ms)
        wait_ms = after_s * 1000;
    if (wait_ms > WAIT_MS_MAX)
        wait_ms = WAIT_MS_MAX;
    source->next_ms = uv_now(source->all->options.loop) + (uint64_t)wait_ms;
}

static void finish(price_source *source, CURLcode result)
{
    char text[PRICES_ERROR_SIZE];
    long status = 0;
    bool spoke = result == CURLE_OK; /* the exchange, not the network, says no */
    const char *why = NULL;
    curl_easy_getinfo(source->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_WRITE_ERROR)
        why = "the answer is too long";
    else if (result != CURLE_OK)
        why = curl_easy_strerror(result);
    else if (status >= 300 && status < 400)
        why = "a redirection, which is not followed";
    else if (status != 200) {
        snprintf(text, sizeof text, "HTTP %ld", status);
        why = text;
    } else
        why = take_body(source);
    source->busy = false;
    if (why) {
        if (why != text)
            snprintf(text, sizeof text, "%s", why);
        if (spoke)
            add_words(source, text);
        refuse(source, text);
    } else {
        source->taken++;
        source->failures = 0;
        source->error[0] = '\0';
    }
    plan(source);
}

static void reap(rf_price_sources *sources)
{
    CURLMsg *message;
    int left;
    bool any = false;
    while ((message = curl_multi_info_read(sources->multi, &left))) {
        price_source *source = NULL;
        CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&source);
        curl_multi_remove_handle(sources->multi, message->easy_handle);
        finish(source, result);
        any = true;
    }
    if (any && sources->options.turn)
        sources->options.turn(sources->options.context);
}

/* ---- A question ------------------------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    price_source *source = context;
    if (source->body.size + size * count > PRICES_BODY_MAX)
        return 0;
    rf_bytes_add(&source->body, data, size * count);
    return source->body.full ? 0 : size * count;
}

static bool prepare(price_source *source)
{
    CURL *curl = source->curl = curl_easy_init();
    rf_bytes_init(&source->body, malloc(PRICES_BODY_MAX), PRICES_BODY_MAX, NULL);
    if (!curl || !source->body.data)
        return false;
    curl_easy_setopt(curl, CURLOPT_URL, source->url);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, source);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)source->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)source->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ringfence");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, source);
    return true;
}

static void ask(price_source *source)
{
    source->asked++;
    source->busy = true;
    rf_bytes_clear(&source->body);
    RF_CHECK(curl_multi_add_handle(source->all->multi, source->curl) == CURLM_OK);
}

static void on_beat(uv_timer_t *timer)
{
    rf_price_sources *sources = timer->data;
    uint64_t now_ms = uv_now(sources->options.loop);
    for (unsigned i = 0; i < sources->count; i++)
        if (!sources->sources[i].busy && sources->sources[i].next_ms <= now_ms)
            ask(&sources->sources[i]);
}

/* ---- libcurl on the loop --------------------------------------------------------------------- */

/* One socket of libcurl's. */
typedef struct watched {
    uv_poll_t poll;
    rf_price_sources *sources;
    curl_socket_t socket;
} watched;

static void on_timeout(uv_timer_t *timer)
{
    rf_price_sources *sources = timer->data;
    int running;
    curl_multi_socket_action(sources->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(sources);
}

static int set_timeout(CURLM *multi, long ms, void *context)
{
    rf_price_sources *sources = context;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(sources->timeout);
    else
        uv_timer_start(sources->timeout, on_timeout, (uint64_t)ms, 0);
    return 0;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    watched *watch = poll->data;
    rf_price_sources *sources = watch->sources;
    int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(sources->multi, watch->socket, flags, &running);
    reap(sources);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int set_socket(CURL *curl, curl_socket_t socket, int what, void *context, void *known)
{
    rf_price_sources *sources = context;
    watched *watch = known;
    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            uv_close((uv_handle_t *)&watch->poll, free_watch);
        curl_multi_assign(sources->multi, socket, NULL);
        return 0;
    }
    if (!watch) {
        watch = calloc(1, sizeof *watch);
        RF_CHECK(watch && uv_poll_init_socket(sources->options.loop, &watch->poll, socket) == 0);
        watch->poll.data = watch;
        watch->sources = sources;
        watch->socket = socket;
        curl_multi_assign(sources->multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_ready);
    return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static uv_timer_t *open_timer(rf_price_sources *sources)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    RF_CHECK(timer && uv_timer_init(sources->options.loop, timer) == 0);
    timer->data = sources;
    return timer;
}

static bool start(rf_price_sources *sources)
{
    sources->multi = curl_multi_init();
    if (!sources->multi)
        return false;
    for (unsigned i = 0; i < sources->count; i++)
        if (!prepare(&sources->sources[i]))
            return false;
    curl_multi_setopt(sources->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(sources->multi, CURLMOPT_SOCKETDATA, sources);
    curl_multi_setopt(sources->multi, CURLMOPT_TIMERFUNCTION, set_timeout);
    curl_multi_setopt(sources->multi, CURLMOPT_TIMERDATA, sources);
    sources->timeout = open_timer(sources);
    sources->beat = open_timer(sources);
    uv_timer_start(sources->beat, on_beat, 0, BEAT_MS);
    return true;
}

bool rf_price_sources_check(const char *path, char error[512])
{
    rf_price_sources *sources = calloc(1, sizeof *sources);
    snprintf(error, 512, "%s", sources ? "" : "price sources: out of memory");
    if (!sources)
        return false;
    sources->options.path = path;
    sources->error = error;
    bool good = prices_read_config(sources);
    free(sources);
    return good;
}

rf_price_sources *rf_price_sources_open(const rf_price_options *options, char error[512])
{
    rf_price_sources *sources = calloc(1, sizeof *sources);
    snprintf(error, 512, "%s", sources ? "" : "price sources: out of memory");
    if (!sources)
        return NULL;
    sources->options = *options;
    sources->error = error;
    rf_json_init(&sources->json, sources->tokens, sizeof sources->tokens / sizeof *sources->tokens,
                 sources->text, sizeof sources->text);
    rf_bytes_init(&sources->answer, NULL, 0, rf_world_grow);
    if (!prices_read_config(sources) || !start(sources)) {
        if (!error[0])
            snprintf(error, 512, "price sources: out of memory");
        rf_price_sources_free(sources);
        return NULL;
    }
    options->api->servers[RF_SERVICE_PRICES] =
        (rf_server){.call = prices_serve, .context = sources};
    return sources;
}

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

void rf_price_sources_close(rf_price_sources *sources)
{
    uv_close((uv_handle_t *)sources->beat, free_timer);
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->sources[i].busy)
            curl_multi_remove_handle(sources->multi, sources->sources[i].curl);
        curl_easy_cleanup(sources->sources[i].curl);
        sources->sources[i].curl = NULL;
    }
    curl_multi_cleanup(sources->multi);
    sources->multi = NULL;
    uv_close((uv_handle_t *)sources->timeout, free_timer);
}

void rf_price_sources_free(rf_price_sources *sources)
{
    if (!sources)
        return;
    sources->options.api->servers[RF_SERVICE_PRICES] = (rf_server){0};
    for (unsigned i = 0; i < sources->count; i++) {
        curl_easy_cleanup(sources->sources[i].curl);
        free(sources->sources[i].body.data);
    }
    if (sources->multi)
        curl_multi_cleanup(sources->multi);
    free(sources->answer.data);
    free(sources);
}
