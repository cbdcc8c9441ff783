/* The verb call: signs one call, sends it to a server, prints the answer. */
#include "cli/options.h"
#include "cli/verbs.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/method.h"
#include "api/put.h"
#include "cli/credentials.h"
#include "server/sign.h"
#include "venue/world.h"

static const char help_text[] =
    "usage: ringfence call METHOD [JSON|-] [options]\n"
    "\n"
    "Sends one call to a server and prints its answer on one line. JSON is the object of "
    "parameters, - reads it from\n"
    "the standard input. The exit status is 0 when the answer's code is 0, 1 when it is another "
    "one or none came, 2\n"
    "when the command line is wrong.\n"
    "\n"
    "  ringfence call public/get-tickers\n"
    "  ringfence call private/user-balance\n"
    "  ringfence call private/create-order '{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\","
    "\"type\":\"MARKET\",\"quantity\":\"0.01\"}'\n"
    "  ringfence call operator/check-invariants --socket DIR/operator.sock\n"
    "\n"
    "options:\n"
    "  --url URL            of the server, default the variable RINGFENCE_URL or "
    "http://127.0.0.1:8080\n"
    "  --socket PATH        of the operators' socket; there nothing is signed\n"
    "  --credentials FILE   key and secret: lines \"api_key = ...\" and \"api_secret = ...\", or "
    "one JSON object with\n"
    "                       these names; nobody else may be able to read it. Default: the "
    "variables\n"
    "                       RINGFENCE_API_KEY and RINGFENCE_API_SECRET\n"
    "  --timeout SECONDS    until an answer must have come, default 10\n";

enum { ANSWER_MAX = 64 << 20, TIMEOUT_SECONDS_MAX = 3600 };

typedef struct call_options {
    const char *method, *params, *url, *socket, *credentials;
    long timeout;
} call_options;

typedef struct call {
    const call_options *options;
    rf_json json; /* {"params":{...}} */
    uint32_t params;
    rf_bytes text, url, body, answer;
    rf_key_pair credentials;
    char error[512];
} call;

static bool fail(call *self, const char *text, const char *detail)
{
    snprintf(self->error, sizeof self->error, "%.100s%.380s", text, detail);
    return false;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

static bool read_stdin(rf_bytes *text)
{
    char buffer[4096];
    size_t size;
    while ((size = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        rf_bytes_add(text, buffer, size);
    return !ferror(stdin) && !text->full;
}

/* The root of a text is nobody's parameter: it becomes a member. */
static bool read_params(call *self)
{
    rf_json_token *tokens = malloc(RF_JSON_TOKENS_MAX * sizeof *tokens);
    char *text = malloc(RF_JSON_TEXT_MAX + RF_JSON_TOKENS_MAX);
    if (!tokens || !text) {
        free(tokens);
        free(text);
        return fail(self, "out of memory", "");
    }
    rf_json_init(&self->json, tokens, RF_JSON_TOKENS_MAX, text,
                 RF_JSON_TEXT_MAX + RF_JSON_TOKENS_MAX);
    rf_bytes_text(&self->text, "{\"params\":");
    if (strcmp(self->options->params, "-") != 0)
        rf_bytes_text(&self->text, self->options->params);
    else if (!read_stdin(&self->text))
        return fail(self, "the standard input cannot be read", "");
    rf_bytes_char(&self->text, '}');
    if (!rf_json_parse(&self->json, self->text.data, self->text.size))
        return fail(self, "the parameters cannot be read: ", self->json.error);
    self->params = rf_json_member(&self->json, 0, "params");
    if (self->json.tokens[self->params].kind != RF_JSON_OBJECT || self->json.tokens[0].count != 1)
        return fail(self, "the parameters are not one JSON object", "");
    return true;
}

/* A query has room for plain values only. */
static bool fits_query(const call *self)
{
    const rf_json *json = &self->json;
    uint32_t token = self->params + 1;
    for (uint32_t i = 0; i < json->tokens[self->params].count; i++, token++)
        if (json->tokens[token].kind == RF_JSON_ARRAY || json->tokens[token].kind == RF_JSON_OBJECT)
            return false;
    return true;
}

/* ---- The request ----------------------------------------------------------------------------- */

static void put_quoted(rf_bytes *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c != '\0' && strchr("-_.~", c))) {
            rf_bytes_char(out, (char)c);
            continue;
        }
        rf_bytes_char(out, '%');
        rf_bytes_hex(out, c, 2);
    }
}

static void put_query(call *self)
{
    const rf_json *json = &self->json;
    uint32_t token = self->params + 1;
    char mark = '?';
    for (uint32_t i = 0; i < json->tokens[self->params].count; i++, token++) {
        const rf_json_token *value = &json->tokens[token];
        if (value->kind == RF_JSON_NULL)
            continue;
        rf_bytes_char(&self->url, mark);
        put_quoted(&self->url, rf_json_key(json, token), value->key_size);
        rf_bytes_char(&self->url, '=');
        if (value->kind == RF_JSON_BOOL)
            rf_bytes_text(&self->url, value->truth ? "true" : "false");
        else
            put_quoted(&self->url, rf_json_text(json, token), value->text_size);
        mark = '&';
    }
}

static void put_url(call *self)
{
    const char *base = self->options->socket ? "http://localhost" : self->options->url;
    size_t size = strlen(base);
    while (size > 0 && base[size - 1] == '/')
        size--;
    rf_bytes_add(&self->url, base, size);
    rf_bytes_text(&self->url, "/exchange/v1/");
    rf_bytes_text(&self->url, self->options->method);
}

static bool sign(call *self, const char *id, char signature[RF_SIGNATURE_TEXT])
{
    const rf_key_pair *credentials = &self->credentials;
    const rf_signed_call what = {.method = self->options->method,
                                 .id = id,
                                 .api_key = credentials->api_key,
                                 .nonce = id,
                                 .json = &self->json,
                                 .params = self->params};
    rf_signer *signer = rf_signer_open(credentials->secret, strlen(credentials->secret));
    bool good = signer && rf_sign(signer, &what, signature);
    rf_signer_close(signer);
    return good || fail(self, "the parameters cannot be signed: too deep or too long", "");
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The parameters go out as they came in: a signature is over their raw digits. */
static bool put_body(call *self, bool signs)
{
    static const char before[] = "{\"params\":";
    char signature[RF_SIGNATURE_TEXT], id[24];
    snprintf(id, sizeof id, "%lld", (long long)now_ms());
    if (signs && !sign(self, id, signature))
        return false;
    rf_put_open(&self->body, NULL, '{');
    rf_put_text(&self->body, "id", id);
    rf_put_text(&self->body, "method", self->options->method);
    if (signs) {
        rf_put_text(&self->body, "api_key", self->credentials.api_key);
        rf_put_text(&self->body, "sig", signature);
    }
    rf_put_text(&self->body, "nonce", id);
    rf_bytes_text(&self->body, ",\"params\":");
    rf_bytes_add(&self->body, self->text.data + sizeof before - 1,
                 self->text.size - (sizeof before - 1) - 1);
    rf_put_close(&self->body, '}');
    return true;
}

static bool prepare(call *self, bool *post)
{
    const char *method = self->options->method;
    bool signs = !self->options->socket && strncmp(method, "private/", 8) == 0;
    if (strspn(method, "abcdefghijklmnopqrstuvwxyz0123456789-/") != strlen(method))
        return fail(self, "not the name of a method: ", method);
    if (!self->options->socket && strncmp(method, "operator/", 9) == 0)
        return fail(self, method, " is served on the operators' socket only: --socket PATH");
    if (!read_params(self))
        return false;
    put_url(self);
    *post = strncmp(method, "public/", 7) != 0 || !fits_query(self);
    if (!*post)
        put_query(self);
    if (signs && !rf_key_pair_read(&self->credentials, self->options->credentials, self->error,
                                   sizeof self->error))
        return false;
    bool good = !*post || put_body(self, signs);
    rf_bytes_char(&self->url, '\0');
    return good && (!self->url.full && !self->body.full ? true : fail(self, "out of memory", ""));
}

/* ---- Sending --------------------------------------------------------------------------------- */

static size_t take(char *data, size_t size, size_t count, void *context)
{
    rf_bytes *answer = context;
    if (answer->size + size * count > ANSWER_MAX)
        return 0;
    rf_bytes_add(answer, data, size * count);
    return answer->full ? 0 : size * count;
}

static CURLcode transfer(call *self, CURL *curl, bool post)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!headers)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(curl, CURLOPT_URL, self->url.data);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, self->options->timeout);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ringfence");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &self->answer);
    if (self->options->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, self->options->socket);
    if (post) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)self->body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, self->body.data);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    return code;
}

/* The code of an answer envelope; -1: it is none. */
static int64_t answer_code(call *self)
{
    int64_t code = -1;
    rf_json json;
    size_t size = self->answer.size, tokens_max = size / 2 + 16;
    rf_json_token *tokens = malloc(tokens_max * sizeof *tokens);
    char *text = malloc(size + tokens_max + 1);
    if (tokens && text && tokens_max < UINT32_MAX) {
        rf_json_init(&json, tokens, (uint32_t)tokens_max, text, (uint32_t)(size + tokens_max + 1));
        uint32_t token =
            rf_json_parse(&json, self->answer.data, size) ? rf_json_member(&json, 0, "code") : 0;
        if (token && json.tokens[token].kind == RF_JSON_NUMBER)
            code = strtoll(rf_json_text(&json, token), NULL, 10);
    }
    free(tokens);
    free(text);
    return code;
}

static bool perform(call *self, bool post, int64_t *code)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    if (!curl)
        return fail(self, "out of memory", "");
    CURLcode result = transfer(self, curl, post);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    const char *where = self->options->socket ? self->options->socket : self->options->url;
    if (result != CURLE_OK) {
        snprintf(self->error, sizeof self->error, "no answer from %.200s: %.200s", where,
                 curl_easy_strerror(result));
        return false;
    }
    *code = answer_code(self);
    if (*code >= 0)
        return true;
    snprintf(self->error, sizeof self->error,
             "%.200s answered HTTP %ld, and not as a Ringfence server does", where, status);
    return false;
}

static int run(const call_options *options)
{
    bool post;
    int64_t code = -1;
    call *self = calloc(1, sizeof *self);
    if (!self)
        return 1;
    self->options = options;
    rf_bytes *all[] = {&self->text, &self->url, &self->body, &self->answer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        rf_bytes_init(all[i], NULL, 0, rf_world_grow);
    bool ready = prepare(self, &post);
    if (ready && perform(self, post, &code)) {
        fwrite(self->answer.data, 1, self->answer.size, stdout);
        putchar('\n');
    } else {
        fprintf(stderr, "ringfence call: %s\n", self->error);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->data);
    free(self->json.tokens);
    free(self->json.text);
    free(self);
    return !ready ? 2 : code == 0 ? 0 : 1;
}

int rf_cli_call(int argc, char **argv)
{
    static const struct option longs[] = {{"url", required_argument, NULL, 'u'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"credentials", required_argument, NULL, 'c'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    static const rf_verb verb = {"call", help_text, longs};
    const char *url = getenv("RINGFENCE_URL");
    call_options options = {.params = "{}", .timeout = 10};
    options.url = url && url[0] ? url : "http://127.0.0.1:8080";
    int option, status = -1;
    while ((option = rf_next_option(&verb, argc, argv, &status)) != -1) {
        char *end = NULL;
        if (option == 'u')
            options.url = optarg;
        else if (option == 's')
            options.socket = optarg;
        else if (option == 'c')
            options.credentials = optarg;
        else if ((options.timeout = strtol(optarg, &end, 10)) < 1 || *end != '\0' ||
                 options.timeout > TIMEOUT_SECONDS_MAX) {
            fprintf(stderr, "ringfence call: --timeout is a number of seconds from 1 to %d\n",
                    TIMEOUT_SECONDS_MAX);
            return 2;
        }
    }
    if (status >= 0)
        return status;
    if (optind == argc || argc - optind > 2)
        return rf_wrong_usage(&verb, "a method and perhaps its parameters are needed", "");
    options.method = argv[optind];
    if (optind + 1 < argc)
        options.params = argv[optind + 1];
    return run(&options);
}
