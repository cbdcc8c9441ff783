/* HTTP/1.1 requests in, heads of answers out.
 *
 * Promise: a request is handed out whole or not at all, its head and body within the limits of
 * server/limits.h; what is not a request is refused with a status. Nothing is guessed: a message whose
 * end could be read in two ways is refused.
 *
 * May include: base, server/gate.h, server/limits.h. llhttp is seen by http.c only. */
#ifndef RF_SERVER_HTTP_H
#define RF_SERVER_HTTP_H

#include "server/gate.h"
#include "server/limits.h"

typedef struct rf_http rf_http; /* the reader of one connection */

typedef enum rf_http_kind {
    RF_HTTP_MORE,     /* all bytes are taken, no request is complete */
    RF_HTTP_REQUEST,  /* ask rf_http_take for it, then rf_http_next */
    RF_HTTP_UPGRADE,  /* the same; it wants to become a WebSocket, and what follows is no HTTP */
    RF_HTTP_CONTINUE, /* "100 Continue" is waited for */
    RF_HTTP_REFUSED,  /* with `status`; feed nothing more */
} rf_http_kind;

typedef enum rf_http_phase { RF_HTTP_REST, RF_HTTP_IN_HEAD, RF_HTTP_IN_BODY } rf_http_phase;

rf_http *rf_http_open(void);                /* NULL: out of memory */
size_t rf_http_memory(const rf_http *http); /* that the request under way takes */
void rf_http_close(rf_http *http);
/* Reads up to the end of the first complete request; `used` is the number of bytes read. */
rf_http_kind rf_http_feed(rf_http *http, const char *bytes, size_t size, size_t *used);
int rf_http_status(const rf_http *http); /* of a refusal */
/* The request, borrowed until rf_http_next. */
void rf_http_take(rf_http *http, rf_header headers[RF_HEADERS_MAX], rf_http_request *request);
void rf_http_next(rf_http *http);
bool rf_http_keeps_alive(const rf_http *http); /* of the request that was read */
rf_http_phase rf_http_where(const rf_http *http);

enum { RF_HTTP_HEAD_MAX = 512, RF_HTTP_REFUSAL_MAX = 128 };

/* Status line and the headers that every answer has, without the further ones and without the empty
 * line. Returns the size. */
size_t rf_http_head(char head[RF_HTTP_HEAD_MAX], const rf_http_answer *answer, const char *date,
                    bool close);
/* The body of an answer that no handler gave: an envelope with a code, as clients expect. */
size_t rf_http_refusal(char body[RF_HTTP_REFUSAL_MAX], int status);

#endif
