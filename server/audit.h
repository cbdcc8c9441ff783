/* The audit log: who did what, when, from where; one JSON object a line, each bound to the one
 * before it by a hash.
 *
 * Promise: a line that was changed, taken out or put in between is found by rf_audit_verify; so is
 * a log that was cut, when its last hash is known. Secrets never get in. Lines are written in whole
 * and flushed with rf_audit_flush.
 *
 *   {"n":1,"time":ms,"who":"uid:1000","from":"unix","what":"operator/adjust","params":{...},
 *    "code":0,"seq":17,"prev":"<64 hex>","hash":"<64 hex>"}
 * hash = BLAKE2b-256 (libsodium generichash) of the line up to and without ,"hash"; prev is the hash
 * of the line before, zeros for the first.
 *
 * May include: base, api, server/auth.h. libsodium is seen by audit.c only. */
#ifndef RF_SERVER_AUDIT_H
#define RF_SERVER_AUDIT_H

#include "server/auth.h"

typedef struct rf_audit rf_audit;

typedef struct rf_audit_report {
    uint64_t lines;  /* whole and bound */
    char head[65];   /* hash of the last one */
    char error[256]; /* what is wrong and in which line; "" = nothing */
} rf_audit_report;

/* Goes through the whole log. A file that does not exist has 0 lines. False: see report->error. */
bool rf_audit_verify(const char *path, rf_audit_report *report);

/* Goes on where the file ends; a torn last line is cut off and reported in `error`. NULL: `error`
 * says why (a broken chain is not gone on with). */
rf_audit *rf_audit_open(const char *path, char error[256]);
void rf_audit_close(rf_audit *audit); /* NULL is fine */

typedef struct rf_audit_line {
    int64_t time_ns;
    const rf_identity *who; /* NULL: nobody known */
    const char *name;       /* what a nobody called himself; NULL */
    const char *from;       /* address; NULL: who->address */
    const char *what;       /* method, "auth/login" */
    const rf_json *json;    /* parameters, secrets included: they are cut out here */
    uint32_t params;        /* 0 = none */
    rf_error code;
    uint64_t seq; /* of the journal's record that it led to, or the newest one then */
} rf_audit_line;

/* False: it could not be written (the disk is full): the caller must refuse what it would have
 * allowed. */
bool rf_audit_write(rf_audit *audit, const rf_audit_line *line);
/* To disk; called once a second and before the end. */
bool rf_audit_flush(rf_audit *audit);
/* Must the door write a line for this call? Every operator method that changes something or looks
 * at people; keys, addresses and withdrawals of accounts. */
bool rf_audit_wants(const rf_method *method);
uint64_t rf_audit_lines(const rf_audit *audit); /* there are in the log */
/* The newest lines, newest first, as they stand in the file, as an array's elements. */
void rf_audit_latest(const rf_audit *audit, unsigned count, rf_bytes *out);

#endif
