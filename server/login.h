/* Log-in of pages: POST /auth/login {"name","password"[,"totp"]}, POST /auth/logout, GET
 * /auth/session; and the sessions that follow.
 *
 * Promise: passwords are checked by libuv's threads, never on the loop. 5 tries in 15 minutes per
 * name and per address; a name that does not exist costs what a wrong password costs. A session's
 * id has 256 random bits and is kept as its hash. It ends after RF_SESSION_IDLE_MS without a
 * request, RF_SESSION_MS after log-in, at log-out, and when its user's password, role or TOTP
 * changes. The cookie is HttpOnly and SameSite=Strict; behind TLS it is Secure under a __Host- name.
 *
 * May include: all of server. */
#ifndef RF_SERVER_LOGIN_H
#define RF_SERVER_LOGIN_H

#include "server/audit.h"
#include "server/auth.h"
#include "server/gate.h"
#include "server/password.h"
#include "server/totp.h"

enum {
    RF_SESSION_MS = 12 * 3600 * 1000,
    RF_SESSION_IDLE_MS = 30 * 60 * 1000,
    RF_SESSIONS_MAX = 4096, /* the one that was used longest ago makes room */
    RF_TRIES_MAX = 5,
    RF_TRIES_MS = 15 * 60 * 1000,
    RF_LOGINS_WAITING_MAX = 8, /* passwords being checked; further ones are answered 42901 */
};

typedef struct rf_login rf_login;

typedef struct rf_login_options {
    void *loop; /* uv_loop_t */
    rf_gate *gate;
    const rf_registry *registry;
    const rf_vault *vault;
    rf_audit *audit;                  /* may be NULL */
    bool secure;                      /* behind TLS: Secure cookies, __Host- name, https origins */
    int64_t (*now_ns)(void *context); /* the wall clock: codes, the audit log */
    uint64_t (*seq)(void *context);   /* the journal's newest record, for the audit log */
    void *context;
} rf_login_options;

rf_login *rf_login_open(const rf_login_options *options); /* NULL: out of memory */
/* Stops; done once the loop has run out. */
void rf_login_close(rf_login *login);

/* Answers a request whose path begins with /auth/ (at once, or when the password is checked).
 * console: it came in by the operators' listener: roles from VIEWER on; else TRADER. */
void rf_login_request(rf_login *login, rf_ticket ticket, const rf_http_request *request,
                      const char *address, bool console);

/* The session that a request's cookie names. OK: *identity is set. 40101: no session, or one of the
 * other listener. 40104: the request changes something (POST) or opens a WebSocket (`upgrade`), and
 * its Origin is not this host. Without a cookie of ours: 40101 and nothing else. */
rf_error rf_login_identify(rf_login *login, const rf_http_request *request, const char *address,
                           bool console, bool upgrade, rf_identity *identity);
/* The session behind an identity (page) is still there: asked for each message of a WebSocket that
 * was opened with a cookie (`used`: it is no longer idle then), and now and then for those that only
 * listen. */
bool rf_login_alive(rf_login *login, const rf_identity *identity, bool used);

#endif
