/* Subscriptions: the market channels and the user channels of the WebSocket.
 *
 * Promise: a subscriber sees a snapshot, then every change, without a gap; one that is too slow for
 * the market's states (books, tickers, candles, prices) gets a fresh one in the place of those it
 * missed; events (trades, settlements, liquidations, all channels of users) are never thinned: the
 * gate drops a connection that cannot take them. Messages say the state after a command, and carry the
 * record that they depend on as their barrier.
 *
 * May include: base, api, market, venue, server/gate.h, server/limits.h. */
#ifndef RF_SERVER_FEED_H
#define RF_SERVER_FEED_H

#include "server/gate.h"
#include "venue/world.h"

typedef struct rf_feed rf_feed;

/* Observes the world from now on. NULL: out of memory. */
rf_feed *rf_feed_open(rf_world *world, rf_gate *gate);
void rf_feed_close(rf_feed *feed);

/* When it is. What is told carries the venue's time, which a sandbox may hold or an operating system
 * set; beats and intervals go by the clock that neither can. */
typedef struct rf_moment {
    int64_t time_ns;  /* the venue's */
    int64_t clock_ns; /* monotonic */
    uint64_t barrier; /* the journal's newest record */
} rf_moment;

typedef struct rf_subscriber {
    rf_conn conn;
    bool market;      /* came in at /market: market channels; else user channels */
    uint32_t account; /* of a user connection, 0 = not signed in */
} rf_subscriber;

/* subscribe and unsubscribe as they came: params holds channels and options. Sends the
 * acknowledgement (id -1: none was given) and what the channel begins with. The answer is OK or why
 * not: 40004, 40101, 40107; then nothing was sent and `problem` has the words. */
rf_error rf_feed_subscribe(rf_feed *feed, const rf_subscriber *subscriber, const rf_json *json,
                           uint32_t params, int64_t id, rf_moment now, char problem[160]);
rf_error rf_feed_unsubscribe(rf_feed *feed, const rf_subscriber *subscriber, const rf_json *json,
                             uint32_t params, int64_t id, uint64_t barrier, char problem[160]);
/* How many channels the connection has. */
uint32_t rf_feed_subscriptions(const rf_feed *feed, rf_conn conn);
void rf_feed_forget(rf_feed *feed, rf_conn conn); /* the connection is gone */

/* Sends what the commands since the last call changed: once per turn of the loop. */
void rf_feed_flush(rf_feed *feed, rf_moment now);
/* Channels with a beat of their own (book snapshots, account risk): every 10 ms or later. */
void rf_feed_beat(rf_feed *feed, rf_moment now);

#endif
