/* Who calls? API keys and their signatures, what a caller may do, and from where.
 *
 * Checks, in this order, the first that fails is the answer: key known and not revoked, signature
 * (40101; both cost the same work), nonce within 60 s (40102), the signature seen before on a call
 * that changes something (40006), the key's list of addresses (40103), its scopes (40104; a key that
 * may read but not trade is answered 411 on methods that place orders or move margin).
 *
 * Promise: an unknown key costs what a wrong signature costs. Memory is bounded: signatures are
 * remembered as long as their nonce is good (server/seen.h), and when those of a second are as many as
 * may be (RF_SEEN_MAX) signed calls that change something are refused 42901 until the second is over,
 * but for the last eighth of it, which is for the reserved lane (server/rate.h).
 *
 * May include: base, api, venue, server/seen.h, server/sign.h, server/vault.h. */
#ifndef RF_SERVER_AUTH_H
#define RF_SERVER_AUTH_H

#include "api/method.h"
#include "server/seen.h"
#include "server/sign.h"
#include "server/vault.h"
#include "venue/registry.h"

enum {
    RF_ADDRESS_MAX = 64,
};

/* Who calls, as the door found out. {0} may do nothing. Handlers find it in request->identity
 * (api/call.h). */
typedef struct rf_identity {
    uint32_t account;             /* of PRIVATE methods; 0 = none */
    uint32_t scopes;              /* rf_scope */
    rf_role role;                 /* of OPERATOR methods; a key's is NONE */
    char api_key[RF_KEY_SIZE];    /* "" = by a session or by the socket */
    char user[RF_USER_SIZE];      /* who logged in; of a socket's peer "uid:1000"; "" = a key */
    char address[RF_ADDRESS_MAX]; /* where from */
    uint64_t session;             /* of a page, 0 = none: server/login.h */
    bool page;                    /* by a session's cookie: TOTP where it is demanded */
    bool addresses_listed;        /* the key is bound to addresses: withdrawals demand it */
} rf_identity;

typedef struct rf_credentials {
    rf_signed_call call;     /* api_key and nonce NULL = not there */
    const char *sig;         /* NULL = not there */
    const char *address;     /* of the client */
    const rf_method *method; /* NULL: public/auth, which reads */
    bool reserved;           /* of the reserved lane: server/rate.h */
    int64_t time_ns;         /* the wall clock */
} rf_credentials;

typedef struct rf_auth rf_auth;

/* Both are borrowed. since_ns: the wall clock now. What was signed before it may have been done by
 * another process that remembered it, so a change is refused (40102); told apart only for as long as
 * its nonce could be good. NULL: out of memory. */
rf_auth *rf_auth_open(const rf_registry *registry, const rf_vault *vault, int64_t since_ns);
void rf_auth_close(rf_auth *auth);

/* A signed call. OK: *identity is set. */
rf_error rf_auth_check(rf_auth *auth, const rf_credentials *credentials, rf_identity *identity);
/* What somebody who is known already may do: a WebSocket after public/auth, a page's session, an
 * operator. Looks at the key anew: one that was revoked meanwhile is 40101. */
rf_error rf_auth_permit(const rf_auth *auth, const rf_identity *identity, const rf_method *method);

/* The key of an identity is not revoked; true for those without one. */
bool rf_auth_known(const rf_auth *auth, const rf_identity *identity);
/* The smallest role that may call an operator method (docs/operations.md has the table). */
rf_role rf_auth_role(const rf_method *method);
/* The identity of a peer of the operators' Unix socket: the server's own user is ADMIN, others
 * nobody. */
rf_identity rf_auth_peer(int64_t uid);

/* True when `address` is `rule` or lies in the network "address/bits". IPv4 inside IPv6 is IPv4. */
bool rf_address_matches(const char *rule, const char *address);
/* True for what rf_address_matches understands. */
bool rf_address_good(const char *rule);

#endif
