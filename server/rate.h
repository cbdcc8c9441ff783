/* Rate limits (api/methods.def): token buckets per key and method, per address and method, and a budget
 * per second for a WebSocket; and what is served when the server is overloaded.
 *
 * Promise: memory is bounded. A bucket that is full again is forgotten at no loss; should there be
 * more busy buckets than room, the one that is nearest to full is forgotten, in its owner's favour.
 *
 * The clock is the monotonic one: whoever sets the machine's clock gives nobody more, and locks nobody out.
 *
 * Overload: calls whose answers wait for the journal, and those of this turn of the loop, are
 * `waiting`. From overload_waiting (server/config.def) on only the reserved lane is served (server/lane.h).
 * Others are answered 42901. From twice as many on nobody is.
 *
 * May include: base, api. */
#ifndef RF_SERVER_RATE_H
#define RF_SERVER_RATE_H

#include "api/json.h"
#include "api/method.h"

enum {
    RF_RATE_BUCKETS = 1 << 16,
    RF_RATE_USER_SOCKET = 150, /* a second, per connection */
    RF_RATE_MARKET_SOCKET = 100,
};

typedef struct rf_rates rf_rates;

/* Multiplies every limit; 0 = off: all is allowed. NULL: out of memory. */
rf_rates *rf_rate_open(uint32_t factor);
void rf_rate_close(rf_rates *rates);

typedef struct rf_rate_answer {
    bool allowed;              /* false: 42901 */
    uint32_t limit, remaining; /* limit 0: there is none */
    int64_t reset_ms;          /* until the bucket is full again */
    int64_t retry_after_ms;    /* of a refusal */
} rf_rate_answer;

/* By the quota of its row. who: of a private method the api_key's text, of a page's session its user's
 * name; of a public method the address. */
rf_rate_answer rf_rate_method(rf_rates *rates, const char *who, const rf_method *method,
                              int64_t now_ns);

/* A WebSocket's budget lives with the connection; {0} at first. */
typedef struct rf_rate_second {
    int64_t second;
    uint32_t used;
} rf_rate_second;
rf_rate_answer rf_rate_message(const rf_rates *rates, rf_rate_second *budget, bool market,
                               int64_t now_ns);

/* May a call be served with so many calls waiting? reserved: server/lane.h; most: overload_waiting. */
bool rf_rate_admits(bool reserved, uint64_t waiting, uint64_t most);

#endif
