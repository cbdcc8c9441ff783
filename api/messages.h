/* What subscribers are told: the frame of a message, the rows that only messages have, and which
 * events concern which channel. Shared by replay --events (api/push.h) and the server's feed.
 *
 * A message is {"id":..,"method":"subscribe","code":0,"result":{"instrument_name":..,
 * "subscription":..,"channel":..,...,"data":[...]}} in exactly this order.
 *
 * May include: base, api, market/market.h, include/ringfence.h. */
#ifndef RF_API_MESSAGES_H
#define RF_API_MESSAGES_H

#include "api/call.h"

typedef enum rf_channel {
#define RF_CHANNEL(id, pattern, door, interval, doc) RF_CHANNEL_##id,
#include "api/channels.def"
#undef RF_CHANNEL
    RF_CHANNELS
} rf_channel;

/* ---- Frame ----------------------------------------------------------------------------------- */

/* Up to "channel"; instrument NULL: the key is left out. More keys of the result may follow. */
void rf_message_open(rf_bytes *out, int64_t id, const char *instrument, const char *subscription,
                     const char *channel);
void rf_message_data(rf_bytes *out); /* opens the rows */
/* Closes rows, result and message; label: whom a script calls the receiver, NULL = left out. */
void rf_message_close(rf_bytes *out, const char *label);

/* ---- Which events concern what --------------------------------------------------------------- */

bool rf_event_tells_order(const rf_event *event);
/* Fills and settlements move realised profit and fees without a ledger event of their own. */
bool rf_event_tells_balance(const rf_event *event);
bool rf_event_tells_positions(const rf_event *event);
/* Its kind on user.x.margin; NULL = it is not told there. */
const char *rf_event_margin_kind(const rf_event *event);

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The client_oid of the order behind an event; "" when there is none, or it is long finished. */
void rf_event_oid(const rf_engine *engine, const rf_event *event, char oid[RF_CLIENT_OID_SIZE + 1]);
/* Money that leaves has a minus here: "-1.02" was charged. The row has what get-trades has of one fill
 * by itself. */
void rf_encode_user_trade(rf_bytes *out, const rf_event *fill, const rf_instrument_config *config,
                          const char *oid);
/* A row of user.x.margin, with rf_event_margin_kind's kind. */
void rf_encode_margin_event(rf_bytes *out, const rf_event *event, const char *kind,
                            const rf_instrument_config *config);
/* What a move of money is called as journal_type, by its rf_reason; NULL behind the last one. */
const char *rf_journal_type_name(unsigned reason);
/* What the account is told of an event as rows of get-transactions, without their journal_id; none,
 * when the event did not move its money or position. */
/* Whether an event of the ledger is about a position on its instrument, not the account as a whole. */
bool rf_ledger_is_of_position(const rf_event *event);

void rf_encode_transactions(rf_bytes *out, const rf_engine *engine, uint32_t account,
                            const rf_event *event);
/* The row of user.account_risk; positions without what depends on the mark. */
void rf_encode_account_risk(rf_bytes *out, rf_api *api, uint32_t account);
void rf_encode_position_core(rf_bytes *out, const char *key, const rf_engine *engine,
                             const rf_position_view *position);
/* {"v":..,"t":..} */
void rf_encode_value(rf_bytes *out, int64_t value, unsigned decimals, int64_t time_ns);
/* [[price, quantity, orders], ...] */
void rf_encode_levels(rf_bytes *out, const char *key, const rf_level *levels, size_t count,
                      const rf_instrument_config *config);

#endif
