/* The file of the price sources: server/prices.h shows it. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/prices_state.h"

static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

static bool fail(rf_price_sources *sources, const char *section, const char *name, const char *why)
{
    if (!sources->error[0])
        snprintf(sources->error, 512, "%s: [%s] %s: %s", sources->options.path, section, name, why);
    return false;
}

static price_source *source_of(rf_price_sources *sources, const char *section)
{
    for (unsigned i = 0; i < sources->count; i++)
        if (strcmp(sources->sources[i].name, section) == 0)
            return &sources->sources[i];
    if (sources->count == PRICES_MAX || strlen(section) >= RF_NAME_SIZE || section[0] == '\0' ||
        strspn(section, word) != strlen(section))
        return NULL;
    price_source *source = &sources->sources[sources->count++];
    source->all = sources;
    source->interval_ms = 1000;
    source->timeout_ms = 2000;
    source->stale_ms = 60000;
    snprintf(source->name, RF_NAME_SIZE, "%s", section);
    return source;
}

static bool keep_word(char *to, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || size >= RF_NAME_SIZE || strspn(value, word) != size)
        return false;
    memcpy(to, value, size + 1);
    return true;
}

static bool keep_number(int64_t *to, const char *value, long long low, long long high)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    *to = number;
    return value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 && number >= low &&
           number <= high;
}

static bool keep_url(price_source *source, const char *value)
{
    int size = snprintf(source->base_url, sizeof source->base_url, "%s", value);
    return (strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0) &&
           size < (int)sizeof source->base_url;
}

static int on_line(void *context, const char *section, const char *name, const char *value)
{
    rf_price_sources *sources = context;
    price_source *source = source_of(sources, section);
    bool good = false;
    if (!source)
        return fail(sources, section, name, "not the name of a source, or too many of them");
    if (strcmp(name, "adapter") == 0)
        good = (source->adapter = rf_price_adapter_find(value)) != NULL;
    else if (strcmp(name, "symbol") == 0)
        good = keep_word(source->symbol, value);
    else if (strcmp(name, "index_name") == 0)
        good = keep_word(source->index_name, value);
    else if (strcmp(name, "url") == 0)
        good = keep_url(source, value);
    else if (strcmp(name, "interval_ms") == 0)
        good = keep_number(&source->interval_ms, value, 100, 3600000);
    else if (strcmp(name, "timeout_ms") == 0)
        good = keep_number(&source->timeout_ms, value, 100, 60000);
    else if (strcmp(name, "stale_ms") == 0)
        good = keep_number(&source->stale_ms, value, 0, 86400000);
    else
        return fail(sources, section, name, "no such setting");
    return good || fail(sources, section, name, "not a value that it takes");
}

static bool complete(rf_price_sources *sources, price_source *source)
{
    if (!source->adapter || !source->symbol[0] || !source->index_name[0])
        return fail(sources, source->name, "adapter, symbol or index_name", "missing");
    const rf_price_adapter *adapter = source->adapter;
    const char *base = source->base_url[0] ? source->base_url : adapter->url;
    char url[PRICES_URL_SIZE];
    int size =
        snprintf(url, sizeof url, "%s%s%s%s", base, adapter->path, source->symbol, adapter->rest);
    memcpy(source->url, url, sizeof url);
    return size < (int)sizeof url || fail(sources, source->name, "url", "too long");
}

bool prices_read_config(rf_price_sources *sources)
{
    int line = ini_parse(sources->options.path, on_line, sources);
    if (line < 0)
        snprintf(sources->error, 512, "%.400s: %s", sources->options.path, strerror(errno));
    else if (line > 0 && !sources->error[0])
        snprintf(sources->error, 512, "%.400s: line %d is not \"name = value\"",
                 sources->options.path, line);
    for (unsigned i = 0; line == 0 && i < sources->count; i++)
        if (!complete(sources, &sources->sources[i]))
            return false;
    return line == 0;
}
