/* A script and its answers for people to read: `ringfence replay --story`. "## " lines are
 * headings, other comments are text; each call becomes a sentence, its answer another.
 *
 * May include: api/json.h, base, cli/script.h. */
#ifndef RF_CLI_STORY_H
#define RF_CLI_STORY_H

#include "api/json.h"
#include "cli/script.h"

typedef enum rf_story_last {
    RF_STORY_NOTHING,
    RF_STORY_HEADING,
    RF_STORY_TEXT,
    RF_STORY_CALL
} rf_story_last;

typedef struct rf_story {
    rf_json answer;
    rf_story_last last; /* what was printed last, for the blank lines */
} rf_story;

/* False: out of memory. */
bool rf_story_open(rf_story *story);
void rf_story_close(rf_story *story);
void rf_story_comment(rf_story *story, const char *text);
/* The call that the script has read, and its answer. */
void rf_story_call(rf_story *story, const rf_script *script, const char *answer, size_t size);

#endif
