/* WebSocket frames (RFC 6455): reads what a client sends, writes what a server sends.
 *
 * Promise: what the standard forbids is found and named by its close code - a frame that is not
 * masked, a reserved bit or opcode, a length in more bytes than it needs, a control frame that is long
 * or in pieces, text that is not UTF-8 - and nothing larger than RF_MESSAGE_SIZE_MAX is ever kept.
 * A text that came whole is handed out where it lies, without a copy.
 *
 * May include: base, server/limits.h. Knows nothing of sockets. */
#ifndef RF_SERVER_WEBSOCKET_H
#define RF_SERVER_WEBSOCKET_H

#include "base/types.h"

enum {
    RF_WEBSOCKET_HEAD_MAX = 10, /* of a frame that a server sends */
    RF_WEBSOCKET_CONTROL_MAX = 125,
    RF_WEBSOCKET_ACCEPT_SIZE = 28,
};

enum {
    RF_WEBSOCKET_TEXT = 1,
    RF_WEBSOCKET_BINARY = 2,
    RF_WEBSOCKET_CLOSE = 8,
    RF_WEBSOCKET_PING = 9,
    RF_WEBSOCKET_PONG = 10,
};

enum { /* close codes */
       RF_CLOSE_NORMAL = 1000,
       RF_CLOSE_PROTOCOL = 1002,
       RF_CLOSE_UNSUPPORTED = 1003,
       RF_CLOSE_NONE = 1005, /* the client's close frame named none; never sent */
       RF_CLOSE_NOT_TEXT = 1007,
       RF_CLOSE_POLICY = 1008,
       RF_CLOSE_TOO_LARGE = 1009,
       RF_CLOSE_INTERNAL = 1011,
       RF_CLOSE_TRY_LATER = 1013,
};

typedef struct rf_websocket {
    uint8_t head[14];
    uint8_t head_size, control_size;
    uint8_t control[RF_WEBSOCKET_CONTROL_MAX];
    bool in_payload, in_message; /* within a frame's payload; between the pieces of a message */
    uint64_t at, left;           /* bytes of the payload seen, and to come */
    char *text;                  /* a message that came in pieces */
    size_t text_size, text_capacity;
} rf_websocket;

typedef enum rf_websocket_kind {
    RF_WEBSOCKET_MORE, /* all bytes are taken, nothing is complete */
    RF_WEBSOCKET_GOT_TEXT,
    RF_WEBSOCKET_GOT_PING,
    RF_WEBSOCKET_GOT_PONG,
    RF_WEBSOCKET_GOT_CLOSE,
    RF_WEBSOCKET_BROKEN, /* the connection must end with `code`; feed nothing more */
} rf_websocket_kind;

typedef struct rf_websocket_event {
    rf_websocket_kind kind;
    char *text; /* one byte behind it may be overwritten for a while */
    size_t size;
    uint16_t code;
} rf_websocket_event;

void rf_websocket_finish(rf_websocket *websocket); /* {0} initialises */
/* Reads up to the end of the first complete frame; returns the number of bytes read. The bytes are
 * unmasked in place; the event borrows them, or the reader's memory, until the next call. */
size_t rf_websocket_feed(rf_websocket *websocket, char *bytes, size_t size,
                         rf_websocket_event *event);
/* Part of a frame or of a message has come. */
bool rf_websocket_waits(const rf_websocket *websocket);

/* The head of a whole frame; returns its size. */
size_t rf_websocket_head(char head[RF_WEBSOCKET_HEAD_MAX], unsigned opcode, size_t size);
/* May stand in a close frame that goes over the wire. */
bool rf_websocket_code_is_valid(unsigned code);
/* The answer to a Sec-WebSocket-Key. False: it is not one. */
bool rf_websocket_accept(const char *key, char accept[RF_WEBSOCKET_ACCEPT_SIZE + 1]);

#endif
