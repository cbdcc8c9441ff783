#define _POSIX_C_SOURCE 200809L /* getline, pread, ftruncate */
#include "server/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/put.h"

enum {
    HEX = 64, /* digits of a hash */
    AUDIT_LINE_MAX = 16384,
    TAIL_MAX = 262144, /* bytes that rf_audit_latest looks back */
    /* ,"hash":"<64>"} and before it ,"prev":"<64>" */
    HASH_SIZE = 9 + HEX + 2,
    PREV_SIZE = 9 + HEX + 1,
};

struct rf_audit {
    int file;
    uint64_t lines;
    char head[HEX + 1];
    bool dirty;
    char line[AUDIT_LINE_MAX];
};

static void hash_text(const char *text, size_t size, char hex[HEX + 1])
{
    unsigned char sum[32];
    crypto_generichash(sum, sizeof sum, (const unsigned char *)text, size, NULL, 0);
    sodium_bin2hex(hex, HEX + 1, sum, sizeof sum);
}

/* ---- Verifying ------------------------------------------------------------------------------- */

static bool wrong(rf_audit_report *report, const char *what)
{
    snprintf(report->error, sizeof report->error, "line %llu: %s",
             (unsigned long long)report->lines + 1, what);
    return false;
}

/* A line without its end of line against what came before. */
static bool check_line(const char *line, size_t size, rf_audit_report *report)
{
    char number[32], hash[HEX + 1];
    if (size < HASH_SIZE + PREV_SIZE || memcmp(line + size - 2, "\"}", 2) != 0 ||
        memcmp(line + size - HASH_SIZE, ",\"hash\":\"", 9) != 0 ||
        memcmp(line + size - HASH_SIZE - PREV_SIZE, ",\"prev\":\"", 9) != 0)
        return wrong(report, "not a line of an audit log");
    snprintf(number, sizeof number, "{\"n\":%llu,", (unsigned long long)report->lines + 1);
    if (strncmp(line, number, strlen(number)) != 0)
        return wrong(report, "a line is missing or out of order");
    if (memcmp(line + size - HASH_SIZE - PREV_SIZE + 9, report->head, HEX) != 0)
        return wrong(report, "not bound to the line before it");
    hash_text(line, size - HASH_SIZE, hash);
    if (memcmp(line + size - HASH_SIZE + 9, hash, HEX) != 0)
        return wrong(report, "was changed");
    memcpy(report->head, hash, sizeof hash);
    report->lines++;
    return true;
}

/* *torn: bytes behind the last end of line. */
static bool check_file(FILE *file, rf_audit_report *report, size_t *torn)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    bool good = true;
    *torn = 0;
    while (good && (size = getline(&line, &room, file)) > 0) {
        if (line[size - 1] != '\n') {
            *torn = (size_t)size;
            break;
        }
        good = check_line(line, (size_t)size - 1, report);
    }
    free(line);
    return good;
}

static bool verify(const char *path, rf_audit_report *report, size_t *torn)
{
    *report = (rf_audit_report){0};
    *torn = 0;
    memset(report->head, '0', HEX);
    FILE *file = fopen(path, "r");
    if (!file && errno == ENOENT)
        return true;
    if (!file) {
        snprintf(report->error, sizeof report->error, "%.200s: %s", path, strerror(errno));
        return false;
    }
    bool good = check_file(file, report, torn);
    fclose(file);
    return good;
}

bool rf_audit_verify(const char *path, rf_audit_report *report)
{
    size_t torn;
    return verify(path, report, &torn) && (torn == 0 || wrong(report, "is torn"));
}

/* ---- Life ------------------------------------------------------------------------------------ */

rf_audit *rf_audit_open(const char *path, char error[256])
{
    rf_audit_report report;
    size_t torn;
    *error = '\0';
    if (!verify(path, &report, &torn)) {
        snprintf(error, 256, "%.255s", report.error);
        return NULL;
    }
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat about;
    rf_audit *audit = file < 0 ? NULL : calloc(1, sizeof *audit);
    if (!audit || fstat(file, &about) != 0 ||
        (torn > 0 && ftruncate(file, about.st_size - (off_t)torn) != 0)) {
        snprintf(error, 256, "%.200s: %s", path, strerror(errno));
        if (file >= 0)
            close(file);
        free(audit);
        return NULL;
    }
    if (torn > 0)
        snprintf(error, 256, "%.190s: %zu bytes of a torn line were cut off", path, torn);
    audit->file = file;
    audit->lines = report.lines;
    memcpy(audit->head, report.head, sizeof audit->head);
    return audit;
}

void rf_audit_close(rf_audit *audit)
{
    if (!audit)
        return;
    rf_audit_flush(audit);
    close(audit->file);
    free(audit);
}

bool rf_audit_flush(rf_audit *audit)
{
    if (!audit->dirty)
        return true;
    audit->dirty = false;
    return fdatasync(audit->file) == 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool is_secret(const char *name)
{
    static const char *const names[] = {"password", "secret", "totp", "totp_secret", "code"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void put_scalar(rf_bytes *out, const rf_json *json, uint32_t at, const char *key)
{
    const rf_json_token *token = &json->tokens[at];
    switch ((rf_json_kind)token->kind) {
    case RF_JSON_NULL:
        rf_put_null(out, key);
        return;
    case RF_JSON_BOOL:
        rf_put_bool(out, key, token->truth != 0);
        return;
    case RF_JSON_NUMBER: /* its digits as a string: no reader can round them */
    case RF_JSON_STRING:
        rf_put_text(out, key, rf_json_text(json, at));
        return;
    case RF_JSON_ARRAY:
    case RF_JSON_OBJECT:
        return;
    }
}

/* Tokens stand in the order of the text: each container ends where its `next` says. Names of members
 * may need escapes and are written as texts would be. */
static void put_params(rf_bytes *out, const rf_json *json, uint32_t params)
{
    struct {
        uint32_t end;
        char bracket;
    } open[RF_JSON_DEPTH_MAX];
    uint32_t depth = 0, end = json->tokens[params].next;
    for (uint32_t at = params; at < end; at++) {
        const rf_json_token *token = &json->tokens[at];
        char key[64] = "";
        bool named = depth > 0 && open[depth - 1].bracket == '}';
        if (named) {
            rf_bytes name;
            rf_bytes_init(&name, key, sizeof key - 1, NULL);
            rf_put_escaped(&name, rf_json_key(json, at), token->key_size);
            key[name.size] = '\0';
        }
        const char *shown = at == params ? "params" : named ? key : NULL;
        bool object = token->kind == RF_JSON_OBJECT;
        if (named && is_secret(key)) {
            rf_put_text(out, shown, "(cut out)");
            at = token->next - 1;
        } else if (object || token->kind == RF_JSON_ARRAY) {
            rf_put_open(out, shown, object ? '{' : '[');
            open[depth].end = token->next;
            open[depth++].bracket = object ? '}' : ']';
        } else {
            put_scalar(out, json, at, shown);
        }
        while (depth > 0 && open[depth - 1].end == at + 1)
            rf_put_close(out, open[--depth].bracket);
    }
}

static const char *name_of(const rf_audit_line *line)
{
    if (line->who && line->who->user[0])
        return line->who->user;
    if (line->who && line->who->api_key[0])
        return line->who->api_key;
    return line->name ? line->name : "";
}

static void put_line(rf_bytes *out, const rf_audit *audit, const rf_audit_line *line, bool params)
{
    const char *from = line->from ? line->from : line->who ? line->who->address : "";
    rf_put_open(out, NULL, '{');
    rf_put_int(out, "n", (int64_t)audit->lines + 1);
    rf_put_int(out, "time", line->time_ns / 1000000);
    rf_put_text(out, "who", name_of(line));
    rf_put_text(out, "from", from);
    rf_put_text(out, "what", line->what);
    if (params && line->params)
        put_params(out, line->json, line->params);
    else if (line->params)
        rf_put_text(out, "params", "(too long)");
    rf_put_int(out, "code", (int64_t)line->code);
    rf_put_int(out, "seq", (int64_t)line->seq);
    rf_put_text(out, "prev", audit->head);
}

bool rf_audit_write(rf_audit *audit, const rf_audit_line *line)
{
    char hash[HEX + 1];
    rf_bytes out;
    rf_bytes_init(&out, audit->line, sizeof audit->line - HASH_SIZE - 1, NULL);
    put_line(&out, audit, line, true);
    if (out.full) {
        rf_bytes_cut(&out, 0);
        put_line(&out, audit, line, false);
    }
    hash_text(out.data, out.size, hash);
    out.capacity = sizeof audit->line;
    rf_put_text(&out, "hash", hash);
    rf_put_close(&out, '}');
    rf_bytes_char(&out, '\n');
    ssize_t written = out.full ? -1 : write(audit->file, out.data, out.size);
    if (written != (ssize_t)out.size) {
        /* Half a line would break the chain. */
        struct stat about;
        if (written > 0 && fstat(audit->file, &about) == 0 &&
            ftruncate(audit->file, about.st_size - written) != 0)
            return false;
        return false;
    }
    memcpy(audit->head, hash, sizeof hash);
    audit->lines++;
    audit->dirty = true;
    return true;
}

uint64_t rf_audit_lines(const rf_audit *audit)
{
    return audit->lines;
}

bool rf_audit_wants(const rf_method *method)
{
    static const rf_method_id accounts[] = {
        RF_M_CREATE_WITHDRAWAL, RF_M_OWN_CREATE_KEY, RF_M_OWN_REVOKE_KEY,
        RF_M_ADD_ADDRESS,       RF_M_REMOVE_ADDRESS,
    };
    if (method->door == RF_DOOR_OPERATOR)
        return (method->flags & RF_METHOD_CHANGE) != 0;
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (accounts[i] == rf_method_number(method))
            return true;
    return false;
}

/* ---- Reading back ---------------------------------------------------------------------------- */

void rf_audit_latest(const rf_audit *audit, unsigned count, rf_bytes *out)
{
    struct stat about;
    char *tail = malloc(TAIL_MAX);
    if (!tail || fstat(audit->file, &about) != 0) {
        free(tail);
        return;
    }
    off_t from = about.st_size > TAIL_MAX ? about.st_size - TAIL_MAX : 0;
    ssize_t size = pread(audit->file, tail, TAIL_MAX, from);
    /* From the end: the bytes between two ends of line; the first one may be cut and is left out. */
    for (ssize_t end = size - 1; end > 0 && count > 0; count--) {
        ssize_t start = end;
        while (start > 0 && tail[start - 1] != '\n')
            start--;
        if (start == 0 && from > 0)
            break;
        if (out->size > 0 && out->data[out->size - 1] != '[')
            rf_bytes_char(out, ',');
        rf_bytes_add(out, tail + start, (size_t)(end - start));
        end = start - 1;
    }
    free(tail);
}
