/* What the server tells its operator: one line of logfmt on the standard error for each thing that
 * happened.
 *
 *   time=2026-11-25T01:30:00.123Z level=info event=listening address=127.0.0.1:8080
 *
 * Promise: whatever a value holds, a line stays a line and a field a field. Secrets are never
 * passed here.
 *
 * May include: base. */
#ifndef RF_SERVER_NOTE_H
#define RF_SERVER_NOTE_H

#include "base/types.h"

typedef enum rf_note_level {
    RF_NOTE_ERROR,
    RF_NOTE_WARNING,
    RF_NOTE_INFO,
    RF_NOTE_DEBUG
} rf_note_level;

typedef struct rf_note_field {
    const char *key;  /* NULL ends the fields */
    const char *text; /* NULL: it is the number */
    int64_t number;
} rf_note_field;

/* False: not a level's name. */
bool rf_note_set_level(const char *name);
void rf_note_fields(rf_note_level level, const char *event, const rf_note_field *fields);

#define RF_NOTE_TEXT(key, text) \
    {                           \
        (key), (text), 0        \
    }
#define RF_NOTE_NUMBER(key, number)    \
    {                                  \
        (key), NULL, (int64_t)(number) \
    }
/* RF_NOTE(RF_NOTE_INFO, "listening", RF_NOTE_TEXT("address", bound)); */
#define RF_NOTE(level, event, ...) \
    rf_note_fields(level, event, (const rf_note_field[]){__VA_ARGS__, {NULL, NULL, 0}})

#endif
