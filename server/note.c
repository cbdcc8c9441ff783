#include "server/note.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

enum { LINE_SIZE = 4096 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static rf_note_level loudest = RF_NOTE_INFO;

bool rf_note_set_level(const char *name)
{
    for (int i = RF_NOTE_ERROR; i <= RF_NOTE_DEBUG; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            loudest = (rf_note_level)i;
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f)
            return false;
    return text[0] != '\0';
}

static void add_text(rf_bytes *line, const char *text)
{
    if (is_plain(text)) {
        rf_bytes_text(line, text);
        return;
    }
    rf_bytes_char(line, '"');
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\') {
            rf_bytes_char(line, '\\');
            rf_bytes_char(line, *c);
        } else if (byte < ' ' || byte == 0x7f) {
            rf_bytes_text(line, "\\x");
            rf_bytes_hex(line, byte, 2);
        } else {
            rf_bytes_char(line, *c);
        }
    }
    rf_bytes_char(line, '"');
}

static void add_time(rf_bytes *line)
{
    struct timespec now;
    struct tm parts;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t size = strftime(text, sizeof text, "time=%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + size, sizeof text - size, ".%03dZ", (int)(now.tv_nsec / 1000000));
    rf_bytes_text(line, text);
}

void rf_note_fields(rf_note_level level, const char *event, const rf_note_field *fields)
{
    char memory[LINE_SIZE];
    rf_bytes line;
    if (level > loudest)
        return;
    rf_bytes_init(&line, memory, sizeof memory - 1, NULL); /* one byte for the end of the line */
    add_time(&line);
    rf_bytes_text(&line, " level=");
    rf_bytes_text(&line, level_names[level]);
    rf_bytes_text(&line, " event=");
    rf_bytes_text(&line, event);
    for (const rf_note_field *field = fields; field->key; field++) {
        rf_bytes_char(&line, ' ');
        rf_bytes_text(&line, field->key);
        rf_bytes_char(&line, '=');
        if (field->text)
            add_text(&line, field->text);
        else
            rf_bytes_int(&line, field->number);
    }
    line.data[line.size] = '\n';
    fwrite(line.data, 1, line.size + 1, stderr);
}
