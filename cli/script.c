#define _POSIX_C_SOURCE 200809L /* getline */

#include "cli/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api/method.h"
#include "base/decimal.h"

enum {
    REFERENCES_TEXT = 1 << 16, /* room for replaced strings in a line's text */
    ANSWER_TOKENS = 1 << 16,
    LINES_MAX = INT32_MAX,
};

#define NS_PER_MS 1000000

__attribute__((format(printf, 2, 3))) static bool fail(rf_script *script, const char *format, ...)
{
    va_list arguments;
    int size = script->line ? snprintf(script->error, sizeof script->error, "%s:%u: ", script->name,
                                       script->line)
                            : 0;
    va_start(arguments, format);
    vsnprintf(script->error + size, sizeof script->error - (size_t)size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Which lines are referred to ------------------------------------------------------------- */

static bool want(rf_script *script, uint32_t line)
{
    if (script->wanted_count == script->wanted_max) {
        size_t wanted = script->wanted_max ? 2 * script->wanted_max : 256;
        uint32_t *lines = realloc(script->wanted, wanted * sizeof *lines);
        if (!lines)
            return fail(script, "out of memory");
        script->wanted = lines;
        script->wanted_max = wanted;
    }
    script->wanted[script->wanted_count++] = line;
    return true;
}

static int compare_lines(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Looks through a whole file once for "@12. so that only those answers are kept. What it takes for
 * a reference by mistake costs a little memory and nothing else. */
static bool find_wanted(rf_script *script)
{
    ssize_t size;
    while ((size = getline(&script->buffer, &script->buffer_size, script->file)) >= 0) {
        for (char *at = script->buffer; (at = strstr(at, "\"@")) != NULL; at += 2) {
            unsigned long line = strtoul(at + 2, NULL, 10);
            if (line > 0 && line <= LINES_MAX && !want(script, (uint32_t)line))
                return false;
        }
    }
    if (script->wanted_count > 0)
        qsort(script->wanted, script->wanted_count, sizeof *script->wanted, compare_lines);
    else if (!want(script, 0))
        return false;
    rewind(script->file);
    return true;
}

static bool is_wanted(const rf_script *script, uint32_t line)
{
    return !script->wanted ||
           bsearch(&line, script->wanted, script->wanted_count, sizeof line, compare_lines);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool allocate(rf_json *json, uint32_t tokens_max, uint32_t text_max)
{
    rf_json_token *tokens = malloc(tokens_max * sizeof *tokens);
    char *text = malloc(text_max);
    rf_json_init(json, tokens, tokens_max, text, text_max);
    return tokens && text;
}

bool rf_script_open(rf_script *script, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    *script = (rf_script){.name = standard ? "standard input" : path};
    script->file = standard ? stdin : fopen(path, "r");
    if (!script->file)
        return fail(script, "%s: %s", path, strerror(errno));
    if (!allocate(&script->json, RF_JSON_TOKENS_MAX,
                  RF_JSON_TEXT_MAX + RF_JSON_TOKENS_MAX + REFERENCES_TEXT) ||
        !allocate(&script->answer, ANSWER_TOKENS, RF_JSON_TEXT_MAX + ANSWER_TOKENS))
        return fail(script, "out of memory");
    /* A pipe cannot be read twice, and whoever writes it may wait for answers in between. */
    if (fseek(script->file, 0, SEEK_END) != 0)
        return true;
    rewind(script->file);
    return find_wanted(script);
}

void rf_script_close(rf_script *script)
{
    if (script->file && script->file != stdin)
        fclose(script->file);
    for (size_t i = 0; i < script->results_count; i++)
        free(script->results[i].answer);
    free(script->results);
    free(script->wanted);
    free(script->buffer);
    free(script->json.tokens);
    free(script->json.text);
    free(script->answer.tokens);
    free(script->answer.text);
}

bool rf_script_remember(rf_script *script, const char *answer, size_t size)
{
    if (script->results_count == script->results_max) {
        size_t wanted = script->results_max ? 2 * script->results_max : 256;
        rf_script_result *results = realloc(script->results, wanted * sizeof *results);
        if (!results)
            return fail(script, "out of memory");
        script->results = results;
        script->results_max = wanted;
    }
    rf_script_result *result = &script->results[script->results_count++];
    *result = (rf_script_result){.line = script->line};
    if (!is_wanted(script, script->line))
        return true;
    result->answer = malloc(size + 1);
    if (!result->answer)
        return fail(script, "out of memory");
    memcpy(result->answer, answer, size);
    result->answer[size] = 0;
    return true;
}

/* ---- References ------------------------------------------------------------------------------ */

static int compare_result(const void *key, const void *row)
{
    uint32_t line = *(const uint32_t *)key, other = ((const rf_script_result *)row)->line;
    return (line > other) - (line < other);
}

/* "@12.data.0.order_id": the line and where the path begins. False: an ordinary string. */
static bool is_reference(const char *text, uint32_t *line, const char **path)
{
    char *end;
    if (text[0] != '@' || text[1] < '0' || text[1] > '9')
        return false;
    unsigned long number = strtoul(text + 1, &end, 10);
    *line = number <= LINES_MAX ? (uint32_t)number : 0;
    *path = end + 1;
    return *end == '.' && end[1];
}

/* The token a path leads to from the root of an answer's result; 0 when it leads nowhere. */
static uint32_t follow(const rf_json *answer, const char *path)
{
    uint32_t at = rf_json_member(answer, 0, "result");
    char part[64];
    while (at && *path) {
        size_t size = strcspn(path, ".");
        if (size == 0 || size >= sizeof part)
            return 0;
        memcpy(part, path, size);
        part[size] = 0;
        uint64_t position;
        bool is_number = rf_decimal_parse_id(part, size, &position) && position < UINT32_MAX;
        if (answer->tokens[at].kind == RF_JSON_ARRAY)
            at = is_number ? rf_json_element(answer, at, (uint32_t)position) : 0;
        else
            at = rf_json_member(answer, at, part);
        path += size + (path[size] == '.');
    }
    return at;
}

/* Replaces the string by the value that it stands for. A path that leads nowhere (the call was
 * refused, say) leaves the string as it is: the call then says what is wrong with it. */
static bool resolve(rf_script *script, uint32_t token)
{
    rf_json *json = &script->json;
    uint32_t line;
    const char *path;
    if (!is_reference(rf_json_text(json, token), &line, &path))
        return true;
    const rf_script_result *result = script->results
                                         ? bsearch(&line, script->results, script->results_count,
                                                   sizeof *script->results, compare_result)
                                         : NULL; /* no call has been answered yet */
    if (!result)
        return fail(script, "\"%.60s\" refers to a line that is no earlier call",
                    rf_json_text(json, token));
    uint32_t found =
        result->answer && rf_json_parse(&script->answer, result->answer, strlen(result->answer))
            ? follow(&script->answer, path)
            : 0;
    const rf_json_token *value = &script->answer.tokens[found];
    if (!found || value->kind == RF_JSON_ARRAY || value->kind == RF_JSON_OBJECT)
        return true;
    bool has_text = value->kind == RF_JSON_STRING || value->kind == RF_JSON_NUMBER;
    if (has_text && value->text_size + 1 > json->text_max - json->text_size)
        return fail(script, "too long");
    json->tokens[token].kind = value->kind;
    json->tokens[token].truth = value->truth;
    if (has_text) {
        json->tokens[token].text = json->text_size;
        json->tokens[token].text_size = value->text_size;
        memcpy(json->text + json->text_size, rf_json_text(&script->answer, found),
               value->text_size + 1);
        json->text_size += value->text_size + 1;
    }
    return true;
}

static bool resolve_all(rf_script *script, uint32_t object)
{
    for (uint32_t i = object; i < script->json.tokens[object].next; i++)
        if (script->json.tokens[i].kind == RF_JSON_STRING && !resolve(script, i))
            return false;
    return true;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static bool read_time(rf_script *script, uint32_t token)
{
    const rf_json *json = &script->json;
    int64_t ms;
    script->has_time = token != 0;
    if (!token)
        return true;
    bool good = json->tokens[token].kind == RF_JSON_NUMBER &&
                rf_decimal_parse(rf_json_text(json, token), json->tokens[token].text_size, 0,
                                 &ms) == RF_DECIMAL_OK &&
                ms >= 0 && ms <= INT64_MAX / NS_PER_MS;
    if (!good)
        return fail(script, "\"t\" is not a time in milliseconds");
    if (ms * NS_PER_MS < script->time_ns)
        return fail(script, "time goes back: \"t\" is smaller than before");
    script->time_ns = ms * NS_PER_MS;
    return true;
}

static bool read_text(rf_script *script, const char *name, const char **text)
{
    uint32_t token = rf_json_member(&script->json, 0, name);
    *text = NULL;
    if (!token)
        return true;
    if (script->json.tokens[token].kind != RF_JSON_STRING)
        return fail(script, "\"%s\" is not a string", name);
    *text = rf_json_text(&script->json, token);
    return true;
}

/* A misspelt key would be passed over in silence, and the call be another one. */
static bool check_keys(rf_script *script)
{
    const rf_json *json = &script->json;
    uint32_t at = 1;
    for (uint32_t i = 0; i < json->tokens[0].count; i++, at = json->tokens[at].next)
        if (rf_choice("t|as|method|params", rf_json_key(json, at)) < 0)
            return fail(script, "unknown key \"%.60s\": a call has t, as, method, params",
                        rf_json_key(json, at));
    return true;
}

static bool read_call(rf_script *script, size_t size)
{
    rf_json *json = &script->json;
    if (!rf_json_parse(json, script->text, size))
        return fail(script, "not a call: %s", json->error);
    if (json->tokens[0].kind != RF_JSON_OBJECT)
        return fail(script, "not a call: not an object");
    if (!check_keys(script))
        return false;
    if (!read_time(script, rf_json_member(json, 0, "t")) || !read_text(script, "as", &script->as) ||
        !read_text(script, "method", &script->method))
        return false;
    if (!script->method)
        return fail(script, "not a call: no \"method\"");
    script->params = rf_json_member(json, 0, "params");
    if (script->params && json->tokens[script->params].kind != RF_JSON_OBJECT)
        return fail(script, "\"params\" is not an object");
    return !script->params || resolve_all(script, script->params);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

rf_script_status rf_script_next(rf_script *script)
{
    for (;;) {
        ssize_t size = getline(&script->buffer, &script->buffer_size, script->file);
        if (size < 0)
            return ferror(script->file) ? fail(script, "%s: %s", script->name, strerror(errno)),
                   RF_SCRIPT_BAD        : RF_SCRIPT_END;
        if (script->line == LINES_MAX)
            return fail(script, "too many lines"), RF_SCRIPT_BAD;
        script->line++;
        while (size > 0 && is_blank(script->buffer[size - 1]))
            script->buffer[--size] = 0;
        char *text = script->buffer;
        while (is_blank(*text))
            text++;
        size -= text - script->buffer;
        script->text = text;
        if (*text == '#') {
            script->text = text + 1;
            return RF_SCRIPT_COMMENT;
        }
        if (size > 0)
            return read_call(script, (size_t)size) ? RF_SCRIPT_CALL : RF_SCRIPT_BAD;
    }
}
