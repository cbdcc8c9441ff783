/* Scripts of calls: one JSON object a line, "#" lines are comments (docs: "Scripts for replay").
 *
 * Promise: a line is read, checked and its references ("@12.path") replaced before anybody acts on
 * it; what is wrong with it comes back as one sentence with the line's number in it.
 *
 * May include: api/json.h, api/method.h, base. */
#ifndef RF_CLI_SCRIPT_H
#define RF_CLI_SCRIPT_H

#include <stdio.h>

#include "api/json.h"

typedef enum rf_script_status {
    RF_SCRIPT_CALL,
    RF_SCRIPT_COMMENT, /* text is the line behind "#" */
    RF_SCRIPT_END,
    RF_SCRIPT_BAD, /* error says why */
} rf_script_status;

typedef struct rf_script_result {
    uint32_t line;
    char *answer; /* NULL: not kept */
} rf_script_result;

typedef struct rf_script {
    FILE *file;
    const char *name;
    uint32_t line; /* number of the line read last */
    char *buffer;  /* the line */
    size_t buffer_size;
    const char *text;
    /* Of a call: */
    bool has_time;
    int64_t time_ns;
    const char *as, *method; /* NULL: absent */
    uint32_t params;         /* token, 0 = absent */
    rf_json json;
    rf_json answer;
    /* Answers that later lines refer to, by line number. */
    rf_script_result *results;
    size_t results_count, results_max;
    uint32_t *wanted; /* line numbers, ascending; NULL: unknown, keep everything */
    size_t wanted_count, wanted_max;
    char error[256];
} rf_script;

/* "-" is standard input. False: error. */
bool rf_script_open(rf_script *script, const char *path);
void rf_script_close(rf_script *script);
rf_script_status rf_script_next(rf_script *script);
/* The answer to the line read last, for later references. False: out of memory. */
bool rf_script_remember(rf_script *script, const char *answer, size_t size);

#endif
