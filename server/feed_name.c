/* Names of channels: api/channels.def understood. */
#include <string.h>

#include "base/decimal.h"
#include "server/feed_state.h"

typedef struct channel_row {
    const char *head; /* the pattern up to its first part that varies */
    size_t head_size;
    bool user;
    int64_t interval_ms;
} channel_row;

enum { MARKET = false, USER = true };

static const char other_spelling[] = "user.advance.order";

/* The fixed words of a pattern end before '{' or before ".{" or "[". */
static size_t fixed_size(const char *pattern)
{
    return strcspn(pattern, "{[");
}

static channel_row row_of(rf_channel kind)
{
    static const struct {
        const char *pattern;
        bool user;
        int64_t interval_ms;
    } rows[] = {
#define RF_CHANNEL(id, pattern, door, interval, doc) {pattern, door, interval},
#include "api/channels.def"
#undef RF_CHANNEL
    };
    return (channel_row){
        .head = rows[kind].pattern,
        .head_size = fixed_size(rows[kind].pattern),
        .user = rows[kind].user,
        .interval_ms = rows[kind].interval_ms,
    };
}

bool feed_is_user(rf_channel kind)
{
    return row_of(kind).user;
}

int64_t feed_interval_ns(rf_channel kind)
{
    return row_of(kind).interval_ms * NS_PER_MS;
}

bool feed_is_thinned(rf_channel kind)
{
    return !feed_is_user(kind) && (kind == RF_CHANNEL_BOOK || feed_interval_ns(kind) > 0);
}

bool feed_is_kept(rf_channel kind)
{
    return kind == RF_CHANNEL_ORDER || kind == RF_CHANNEL_ADVANCED_ORDER ||
           kind == RF_CHANNEL_USER_TRADE || kind == RF_CHANNEL_TRANSACTIONS ||
           kind == RF_CHANNEL_MARGIN;
}

const char *feed_user_text(const feed_channel *channel)
{
    bool other = strncmp(channel->text, other_spelling, sizeof other_spelling - 1) == 0;
    return other ? other_spelling : feed_kind_text(channel->name.kind, FEED_SNAPSHOTS);
}

const char *feed_kind_text(rf_channel kind, feed_mode mode)
{
    static const char *const names[] = {
        [RF_CHANNEL_BOOK] = "book",
        [RF_CHANNEL_TICKER] = "ticker",
        [RF_CHANNEL_TRADE] = "trade",
        [RF_CHANNEL_CANDLE] = "candlestick",
        [RF_CHANNEL_INDEX] = "index",
        [RF_CHANNEL_MARK] = "mark",
        [RF_CHANNEL_FUNDING] = "funding",
        [RF_CHANNEL_ESTIMATE] = "estimatedfunding",
        [RF_CHANNEL_SETTLEMENT] = "settlement",
        [RF_CHANNEL_LIQUIDATIONS] = "x.liquidations",
        [RF_CHANNEL_ORDER] = "user.order",
        [RF_CHANNEL_ADVANCED_ORDER] = "user.advanced.order",
        [RF_CHANNEL_USER_TRADE] = "user.trade",
        [RF_CHANNEL_TRANSACTIONS] = "user.transactions",
        [RF_CHANNEL_MARGIN] = "user.x.margin",
        [RF_CHANNEL_BALANCE] = "user.balance",
        [RF_CHANNEL_POSITIONS] = "user.positions",
        [RF_CHANNEL_POSITION_BALANCE] = "user.position_balance",
        [RF_CHANNEL_ACCOUNT_RISK] = "user.account_risk",
    };
    return kind == RF_CHANNEL_BOOK && mode != FEED_SNAPSHOTS ? "book.update" : names[kind];
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* "{inst}" or "{inst}.{depth}": a name may contain dots, so the whole is tried first. */
static bool parse_book(const rf_feed *feed, const char *rest, feed_name *name)
{
    char instrument[RF_NAME_SIZE];
    name->depth = 50;
    int found = rf_find_instrument(feed->world->engine, rest);
    const char *dot = strrchr(rest, '.');
    if (found < 0 && dot && (size_t)(dot - rest) < sizeof instrument) {
        uint64_t depth;
        memcpy(instrument, rest, (size_t)(dot - rest));
        instrument[dot - rest] = 0;
        /* One spelling for a depth: other ones would be channels of their own. */
        if (dot[1] == '0' || !rf_decimal_parse_id(dot + 1, strlen(dot + 1), &depth) || depth < 1 ||
            depth > FEED_DEPTH_MAX)
            return false;
        name->depth = (uint32_t)depth;
        found = rf_find_instrument(feed->world->engine, instrument);
    }
    name->owner = (uint32_t)found;
    return found >= 0;
}

static bool parse_candle(const rf_feed *feed, const char *rest, feed_name *name)
{
    char text[8];
    size_t size = strcspn(rest, ".");
    if (size >= sizeof text || rest[size] != '.')
        return false;
    memcpy(text, rest, size);
    text[size] = 0;
    int timeframe = rf_timeframe_find(text);
    int found = rf_find_instrument(feed->world->engine, rest + size + 1);
    name->timeframe = (rf_timeframe)timeframe;
    name->owner = (uint32_t)found;
    return timeframe >= 0 && found >= 0;
}

static bool parse_owner(const rf_feed *feed, const char *rest, feed_name *name)
{
    int found = name->scope == FEED_INDEX ? rf_find_index(feed->world->engine, rest)
                                          : rf_find_instrument(feed->world->engine, rest);
    name->owner = (uint32_t)found;
    return found >= 0;
}

/* The part behind the fixed words; NULL: these are not the fixed words of this row. "" stands for a
 * part in brackets that was left out. */
static const char *rest_of(const channel_row *row, const char *text)
{
    if (strncmp(text, row->head, row->head_size) != 0)
        return NULL;
    const char *rest = text + row->head_size;
    if (row->head[row->head_size] != '[')
        return rest;
    if (*rest == 0)
        return rest;
    return rest[0] == '.' && rest[1] ? rest + 1 : NULL;
}

static bool parse_market(const rf_feed *feed, const char *rest, feed_name *name)
{
    bool may_be_all = name->kind == RF_CHANNEL_SETTLEMENT || name->kind == RF_CHANNEL_LIQUIDATIONS;
    if (may_be_all && *rest == 0)
        return true;
    name->scope = name->kind == RF_CHANNEL_INDEX ? FEED_INDEX : FEED_INSTRUMENT;
    if (name->kind == RF_CHANNEL_BOOK)
        return parse_book(feed, rest, name);
    if (name->kind == RF_CHANNEL_CANDLE)
        return parse_candle(feed, rest, name);
    return parse_owner(feed, rest, name);
}

static bool parse_user(const rf_feed *feed, const channel_row *row, const char *rest,
                       feed_name *name)
{
    if (*rest == 0)
        return true;
    if (row->head[row->head_size] != '[')
        return false;
    name->instrument = rf_find_instrument(feed->world->engine, rest);
    return name->instrument >= 0;
}

bool feed_parse_name(const rf_feed *feed, const rf_subscriber *subscriber, const char *text,
                     feed_mode mode, feed_name *name)
{
    char respelled[96] = "user.advanced.order";
    if (strncmp(text, other_spelling, sizeof other_spelling - 1) == 0 && strlen(text) < 64) {
        strcat(respelled, text + sizeof other_spelling - 1);
        text = respelled;
    }
    for (unsigned kind = 0; kind < RF_CHANNELS; kind++) {
        channel_row row = row_of((rf_channel)kind);
        const char *rest = row.user == !subscriber->market ? rest_of(&row, text) : NULL;
        *name = (feed_name){.kind = (rf_channel)kind, .instrument = -1};
        if (!rest)
            continue;
        if (kind == RF_CHANNEL_BOOK)
            name->mode = mode;
        if (row.user) {
            name->scope = FEED_ACCOUNT;
            name->owner = subscriber->account;
        }
        if (row.user ? parse_user(feed, &row, rest, name) : parse_market(feed, rest, name))
            return true;
    }
    return false;
}
