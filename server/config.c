#include "server/config.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/decimal.h"

typedef struct setting {
    const char *section, *name, *absent, *doc;
    rf_setting_type type;
    int64_t low, high;
} setting;

static const setting settings[RF_SETTINGS] = {
#define RF_SETTING(section, name, type, default, low, high, doc) \
    {#section, #name, default, doc, RF_SETTING_##type, low, high},
#include "server/config.def"
#undef RF_SETTING
};

enum { OPTION_SIZE = 64, CONFIG = RF_SETTINGS, HELP, MARKDOWN, OPTIONS };

/* The name of an option: the setting's with - for _. */
static void option_name(const setting *row, char name[OPTION_SIZE])
{
    snprintf(name, OPTION_SIZE, "%s", row->name);
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = '-';
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool read_number(const setting *row, const char *text, size_t size, int64_t scale,
                        int64_t *number)
{
    uint64_t value;
    if (!rf_decimal_parse_id(text, size, &value) || value > (uint64_t)(INT64_MAX / scale))
        return false;
    *number = (int64_t)value * scale;
    return *number >= row->low && *number <= row->high;
}

static bool read_size(const setting *row, const char *text, int64_t *number)
{
    static const char units[] = "KMG";
    size_t size = strlen(text);
    const char *unit = size > 0 ? strchr(units, text[size - 1]) : NULL;
    if (!unit || !*unit)
        return read_number(row, text, size, 1, number);
    return read_number(row, text, size - 1, (int64_t)1024 << (10 * (unit - units)), number);
}

static bool read_switch(const char *text, int64_t *number)
{
    *number = strcmp(text, "on") == 0;
    return *number == 1 || strcmp(text, "off") == 0;
}

static bool keep_text(rf_config *config, rf_setting at, const char *text, bool more)
{
    const char *before = more && config->texts[at] ? config->texts[at] : "";
    size_t size = strlen(before) + strlen(text) + 2;
    char *whole = malloc(size);
    if (!whole)
        return false;
    snprintf(whole, size, "%s%s%s", before, before[0] ? "," : "", text);
    free(config->texts[at]);
    config->texts[at] = whole;
    return true;
}

static bool take_value(rf_config *config, rf_setting at, const char *text)
{
    const setting *row = &settings[at];
    bool more = config->given[at];
    int64_t *number = &config->numbers[at];
    config->given[at] = true;
    switch (row->type) {
    case RF_SETTING_TEXT:
        return keep_text(config, at, text, false);
    case RF_SETTING_LIST:
        return keep_text(config, at, text, more);
    case RF_SETTING_COUNT:
    case RF_SETTING_SECONDS:
        return read_number(row, text, strlen(text), 1, number);
    case RF_SETTING_POWER:
        return read_number(row, text, strlen(text), 1, number) && (*number & (*number - 1)) == 0;
    case RF_SETTING_SIZE:
        return read_size(row, text, number);
    case RF_SETTING_FACTOR:
        if (strcmp(text, "off") != 0)
            return read_number(row, text, strlen(text), 1, number);
        *number = 0;
        return true;
    case RF_SETTING_SWITCH:
        return read_switch(text, number);
    }
    return false;
}

static void describe_values(const setting *row, char text[96])
{
    text[0] = '\0';
    switch (row->type) {
    case RF_SETTING_TEXT:
    case RF_SETTING_LIST:
        return;
    case RF_SETTING_COUNT:
    case RF_SETTING_SECONDS:
        snprintf(text, 96, "a whole number%s from %lld to %lld",
                 row->type == RF_SETTING_SECONDS ? " of seconds" : "", (long long)row->low,
                 (long long)row->high);
        return;
    case RF_SETTING_POWER:
        snprintf(text, 96, "a power of two from %lld to %lld", (long long)row->low,
                 (long long)row->high);
        return;
    case RF_SETTING_SIZE:
        snprintf(text, 96, "bytes from %lld to %lld, or a number with K, M or G",
                 (long long)row->low, (long long)row->high);
        return;
    case RF_SETTING_FACTOR:
        snprintf(text, 96, "off, or a whole number from %lld to %lld", (long long)row->low,
                 (long long)row->high);
        return;
    case RF_SETTING_SWITCH:
        snprintf(text, 96, "on or off");
        return;
    }
}

static bool refuse_value(const char *where, rf_setting at, const char *text, char error[512])
{
    char values[96];
    describe_values(&settings[at], values);
    snprintf(error, 512, "%s: %s takes %s, not \"%s\"", where, settings[at].name, values, text);
    return false;
}

static void take_default(rf_config *config, rf_setting at)
{
    RF_CHECK(take_value(config, at, settings[at].absent));
    config->given[at] = false;
}

/* ---- The file -------------------------------------------------------------------------------- */

typedef struct file_state {
    rf_config *config;
    const char *path;
    FILE *file;
    int line; /* being read */
    char *error;
    bool given[RF_SETTINGS]; /* in this file */
    bool refused;
} file_state;

/* Debian's inih does not tell lines: it is handed one at a time, so they can be counted. */
static char *next_line(char *text, int size, void *context)
{
    file_state *state = context;
    state->line++;
    return fgets(text, size, state->file);
}

static int find_setting(const char *section, const char *name)
{
    for (int i = 0; i < RF_SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0 && strcmp(settings[i].section, section) == 0)
            return i;
    return -1;
}

/* Names are unique over all sections, so the right one can be told. */
static void refuse_name(const char *where, const char *section, const char *name, char error[512])
{
    for (int i = 0; i < RF_SETTINGS; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        snprintf(error, 512, "%s: %s stands under [%s], not %s%s%s", where, name,
                 settings[i].section, section[0] ? "[" : "", section[0] ? section : "before it",
                 section[0] ? "]" : "");
        return;
    }
    snprintf(error, 512, "%s: unknown setting \"%s\" in [%s]", where, name, section);
}

/* The answer is inih's: 0 is an error. */
static int take_line(void *context, const char *section, const char *name, const char *value)
{
    file_state *state = context;
    char where[320];
    if (state->refused)
        return 0;
    int at = find_setting(section, name);
    snprintf(where, sizeof where, "%s:%d", state->path, state->line);
    if (at < 0) {
        refuse_name(where, section, name, state->error);
        state->refused = true;
        return 0;
    }
    if (state->config->given[at] && !state->given[at])
        return 1; /* an option said it already */
    if (state->given[at] && settings[at].type != RF_SETTING_LIST) {
        snprintf(state->error, 512, "%s: %s is set twice", where, name);
        state->refused = true;
        return 0;
    }
    state->given[at] = true;
    if (take_value(state->config, (rf_setting)at, value))
        return 1;
    refuse_value(where, (rf_setting)at, value, state->error);
    state->refused = true;
    return 0;
}

static bool read_file(rf_config *config, const char *path, char error[512])
{
    file_state state = {.config = config, .path = path, .error = error, .file = fopen(path, "r")};
    if (!state.file) {
        snprintf(error, 512, "%s: %s", path, strerror(errno));
        return false;
    }
    int wrong = ini_parse_stream(next_line, &state, take_line, &state);
    bool broken = ferror(state.file) != 0; /* a directory opens, and cannot be read */
    fclose(state.file);
    if (broken && !state.refused) {
        snprintf(error, 512, "%s: cannot be read", path);
        return false;
    }
    if (wrong && !state.refused)
        snprintf(error, 512, "%s:%d: not a [section] and not \"name = value\"", path, wrong);
    return wrong == 0;
}

/* ---- Options --------------------------------------------------------------------------------- */

typedef struct options {
    char names[RF_SETTINGS][OPTION_SIZE];
    struct option rows[OPTIONS + 1];
    const char *file;
} options;

static void list_options(options *all)
{
    *all = (options){0};
    for (int i = 0; i < RF_SETTINGS; i++) {
        bool is_switch = settings[i].type == RF_SETTING_SWITCH;
        option_name(&settings[i], all->names[i]);
        all->rows[i] = (struct option){all->names[i],
                                       is_switch ? optional_argument : required_argument, NULL, 0};
    }
    all->rows[CONFIG] = (struct option){"config", required_argument, NULL, 0};
    all->rows[HELP] = (struct option){"help", no_argument, NULL, 0};
    all->rows[MARKDOWN] = (struct option){"help-markdown", no_argument, NULL, 0};
}

static rf_config_answer take_option(rf_config *config, options *all, int row, char error[512])
{
    char where[OPTION_SIZE + 4];
    if (row == HELP || row == MARKDOWN) {
        rf_config_print(row == MARKDOWN);
        return RF_CONFIG_HELP;
    }
    if (row == CONFIG) {
        all->file = optarg;
        return RF_CONFIG_GOOD;
    }
    snprintf(where, sizeof where, "--%s", all->names[row]);
    const char *text = optarg ? optarg : "on";
    if (take_value(config, (rf_setting)row, text))
        return RF_CONFIG_GOOD;
    refuse_value(where, (rf_setting)row, text, error);
    return RF_CONFIG_REFUSED;
}

static rf_config_answer read_options(rf_config *config, options *all, int argc, char **argv,
                                     char error[512])
{
    int row = 0, choice;
    opterr = 0;
    optind = 1;
    while ((choice = getopt_long(argc, argv, ":", all->rows, &row)) != -1) {
        if (choice != 0) {
            snprintf(error, 512, "%s %s (see ringfence help serve)",
                     choice == ':' ? "a value is missing:" : "unknown option", argv[optind - 1]);
            return RF_CONFIG_REFUSED;
        }
        rf_config_answer answer = take_option(config, all, row, error);
        if (answer != RF_CONFIG_GOOD)
            return answer;
    }
    if (optind < argc) {
        snprintf(error, 512, "unknown argument \"%s\" (see ringfence help serve)", argv[optind]);
        return RF_CONFIG_REFUSED;
    }
    return RF_CONFIG_GOOD;
}

rf_config_answer rf_config_read(rf_config *config, int argc, char **argv, char error[512])
{
    options all;
    *config = (rf_config){0};
    list_options(&all);
    for (int i = 0; i < RF_SETTINGS; i++)
        take_default(config, (rf_setting)i);
    rf_config_answer answer = read_options(config, &all, argc, argv, error);
    if (answer == RF_CONFIG_GOOD && all.file && !read_file(config, all.file, error))
        return RF_CONFIG_REFUSED;
    return answer;
}

void rf_config_close(rf_config *config)
{
    for (int i = 0; i < RF_SETTINGS; i++)
        free(config->texts[i]);
    *config = (rf_config){0};
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_options(void)
{
    puts("usage: ringfence serve [options]\n\nRuns the exchange.\n\n"
         "  --config FILE\n      Settings from a file of lines \"name = value\" under [section].");
    for (int i = 0; i < RF_SETTINGS; i++) {
        const setting *row = &settings[i];
        char name[OPTION_SIZE], values[96];
        option_name(row, name);
        describe_values(row, values);
        printf("\n  --%s VALUE  [%s]", name, row->section);
        if (row->absent[0])
            printf("  default %s", row->absent);
        printf("\n      %s", row->doc);
        if (values[0])
            printf(" Takes %s.", values);
        putchar('\n');
    }
}

static void print_markdown(void)
{
    const char *section = "";
    for (int i = 0; i < RF_SETTINGS; i++) {
        const setting *row = &settings[i];
        char name[OPTION_SIZE], values[96];
        option_name(row, name);
        describe_values(row, values);
        if (strcmp(section, row->section) != 0)
            printf("\n## [%s]\n\n| setting | option | default | takes | what it does |\n"
                   "|---|---|---|---|---|\n",
                   row->section);
        section = row->section;
        printf("| `%s` | `--%s` | %s%s%s | %s | %s |\n", row->name, name, row->absent[0] ? "`" : "",
               row->absent, row->absent[0] ? "`" : "",
               values[0]                      ? values
               : row->type == RF_SETTING_LIST ? "texts, with commas"
                                              : "text",
               row->doc);
    }
}

void rf_config_print(bool markdown)
{
    if (markdown)
        print_markdown();
    else
        print_options();
}

bool rf_config_item(const rf_config *config, rf_setting at, unsigned n, char *item, size_t size)
{
    const char *text = config->texts[at];
    for (; text; n--) {
        size_t blanks = strspn(text, " \t");
        size_t length = strcspn(text + blanks, ",");
        if (n == 0) {
            while (length > 0 && strchr(" \t", text[blanks + length - 1]))
                length--;
            if (length == 0 || length >= size)
                return false;
            memcpy(item, text + blanks, length);
            item[length] = '\0';
            return true;
        }
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return false;
}
