/* Every limit of the server, in one place (SECURITY.md S3, S9).
 *
 * May include: nothing. */
#ifndef RF_SERVER_LIMITS_H
#define RF_SERVER_LIMITS_H

enum {
    /* HTTP */
    RF_HEADER_SIZE_MAX = 8 * 1024, /* request line and headers: 431 */
    RF_HEADERS_MAX = 64,
    RF_BODY_SIZE_MAX = 64 * 1024, /* 413 */
    RF_PIPELINE_MAX = 64,         /* requests of a connection that wait for their answers */
    RF_HEADER_MS = 5000,
    RF_BODY_MS = 10000,
    RF_IDLE_MS = 60000,
    RF_LINGER_MS = 1000, /* for what a client still sends after its last answer */
    /* WebSocket */
    RF_MESSAGE_SIZE_MAX = 64 * 1024, /* 1009 */
    RF_MESSAGE_MS = 10000,           /* from a message's first byte to its last */
    RF_HEARTBEAT_MS = 30000,
    RF_HEARTBEAT_ANSWER_MS = 5000,
    RF_PINGS_PER_SECOND = 20,
    RF_SUBSCRIPTIONS_MAX = 400, /* of a connection: 40107 */
    /* Connections */
    RF_CONNECTIONS_MAX = 16384,
    RF_CONNECTIONS_PER_ADDRESS_MAX = 1024,
    RF_QUEUE_SIZE_MAX = 4 * 1024 * 1024, /* bytes that a connection may leave unread: dropped */
    RF_QUEUE_SIZE_SLOW = 256 * 1024,     /* left unread: states of the market are withheld */
    RF_QUEUE_SIZE_PAUSE = 1024 * 1024,   /* above it nothing more is read from the connection */
    /* What all connections together make the server hold, unless queue_memory says otherwise: above it
     * only what takes risk off is served, above twice as much the slowest are closed. */
    RF_QUEUES_SIZE_MAX = 256 * 1024 * 1024,
    RF_STALL_MS = 30000,      /* without a byte taken: dropped */
    RF_READ_SIZE = 64 * 1024, /* of one connection in one turn of the loop */
    RF_ACCEPTS_PER_TURN = 128,
    RF_TICK_MS = 100, /* how often deadlines are looked at */
};

#endif
