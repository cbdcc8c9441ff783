/* What subscribers are told about one call: its events turned into WebSocket messages.
 *
 * Promise: every message says the state after the call; an object that changed several times is
 * told once. The order is fixed: orders, trades, balances, positions and margin of the accounts in
 * the order in which the events name them, then books, trades, tickers, marks and funding rates by
 * instrument.
 *
 * May include: api/call.h. */
#ifndef RF_API_PUSH_H
#define RF_API_PUSH_H

#include "api/call.h"

/* How many words of scratch rf_push_messages needs for this many events. */
size_t rf_push_scratch(size_t events_count);
/* Appends one message a line. scratch is the caller's memory of rf_push_scratch(count) words. */
void rf_push_messages(rf_api *api, int64_t time_ns, const rf_event *events, size_t count,
                      uint32_t *scratch, rf_bytes *out);

#endif
