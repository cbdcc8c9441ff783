/* The settings of `ringfence serve` (server/config.def): defaults, then the configuration file, then
 * options.
 *
 * Promise: what is not in the table is refused, with the file and the line; a value that its setting
 * does not take is refused likewise. Nothing is read a second time.
 *
 * May include: base. inih and getopt are seen by config.c only. */
#ifndef RF_SERVER_CONFIG_H
#define RF_SERVER_CONFIG_H

#include "base/types.h"

typedef enum rf_setting {
#define RF_SETTING(section, name, type, default, low, high, doc) RF_SETTING_##name,
#include "server/config.def"
#undef RF_SETTING
    RF_SETTINGS
} rf_setting;

typedef enum rf_setting_type {
    RF_SETTING_TEXT,
    RF_SETTING_LIST,
    RF_SETTING_COUNT,
    RF_SETTING_POWER,
    RF_SETTING_SIZE,
    RF_SETTING_SECONDS,
    RF_SETTING_FACTOR,
    RF_SETTING_SWITCH,
} rf_setting_type;

typedef struct rf_config {
    char *texts[RF_SETTINGS];     /* TEXT, and LIST with its commas */
    int64_t numbers[RF_SETTINGS]; /* of the other types; FACTOR off = 0, SWITCH 0 or 1 */
    bool given[RF_SETTINGS];
} rf_config;

typedef enum rf_config_answer {
    RF_CONFIG_GOOD,
    RF_CONFIG_HELP,
    RF_CONFIG_REFUSED
} rf_config_answer;

/* argv[0] is the verb. Options are the settings, --config FILE and --help. REFUSED: `error` says what
 * and where. */
rf_config_answer rf_config_read(rf_config *config, int argc, char **argv, char error[512]);
void rf_config_close(rf_config *config);
/* All settings for people to read: an option a paragraph, or a table of Markdown. */
void rf_config_print(bool markdown);

/* The n-th text of a LIST into the caller's memory, blanks around it taken off; false: there are not
 * so many, or it does not fit. */
bool rf_config_item(const rf_config *config, rf_setting setting, unsigned n, char *item,
                    size_t size);

#endif
