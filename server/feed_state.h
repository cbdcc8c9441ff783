/* What the feed remembers. Private to feed*.c.
 *
 * A channel is one text that somebody subscribed to (for a book also its speed; for a user channel
 * also the account). It hangs at its owner: an instrument, an index, an account, or "all
 * instruments". An event looks at its owner's `wanted` bits and is forgotten at once when nobody
 * asked.
 *
 * May include: server/feed.h, api/handlers.h, api/messages.h. */
#ifndef RF_SERVER_FEED_STATE_H
#define RF_SERVER_FEED_STATE_H

#include "api/handlers.h"
#include "api/messages.h"
#include "server/feed.h"
#include "server/limits.h"

#define NS_PER_MS 1000000LL

enum {
    FEED_DEPTH_MAX = 200,
    FEED_TRADES_FIRST = 50, /* of a new subscriber */
    FEED_BOOK_MS = 500,     /* between snapshots */
    FEED_QUIET_MS = 5000,   /* without a change: an empty one */
    FEED_WATCH_MS = 1000,   /* between looks at the margin of a subscriber when marks move */
    FEED_WORK_MAX = 500,    /* books of a speed that are told in one beat, and at most 200 more */
    FEED_RING = 65536,      /* user messages kept for since_seq */
    FEED_RING_BYTES = 128 * 1024 * 1024,
    FEED_LINGER_MS = 300000, /* a user channel without subscribers is still kept */
    FEED_LINGER_MAX = 16384,
    FEED_WARN_PERCENT = 80, /* margin ratio of a WARNING */
    FEED_CALM_PERCENT = 70, /* below it the next crossing warns again */
};

/* ---- Small structures ------------------------------------------------------------------------ */

/* A ring of links; a list is a link that stands for no element. */
typedef struct feed_link {
    struct feed_link *before, *after;
} feed_link;

void feed_list_init(feed_link *list);
bool feed_list_empty(const feed_link *list);
void feed_link_append(feed_link *list, feed_link *link); /* link is in no list */
void feed_link_remove(feed_link *link);                  /* it may be in none */

#define FEED_OF(type, field, link) ((type *)(void *)((char *)(link)-offsetof(type, field)))

/* A hash table of nodes inside of other structures. */
typedef struct feed_node {
    struct feed_node *next;
    uint64_t hash;
} feed_node;
typedef struct feed_table {
    feed_node **buckets;
    size_t size, count; /* size: a power of two or 0 */
} feed_table;

feed_node *feed_table_first(const feed_table *table, uint64_t hash);
feed_node *feed_table_next(const feed_node *node); /* of the same hash */
bool feed_table_add(feed_table *table, feed_node *node);
void feed_table_remove(feed_table *table, feed_node *node);
feed_node *feed_table_any(const feed_table *table); /* NULL: empty */

/* Remembers which keys came in one pass. */
typedef struct feed_seen {
    uint64_t *keys;
    size_t size;
} feed_seen;
bool feed_seen_start(feed_seen *seen, size_t count); /* room for so many; false: no memory */
bool feed_seen_first(feed_seen *seen, uint64_t key); /* key > 0 */

/* ---- Channels -------------------------------------------------------------------------------- */

typedef struct feed_channel feed_channel;
typedef struct feed_client feed_client;

typedef struct feed_member {
    feed_client *client;
    uint32_t at; /* in the client's slots */
    bool behind; /* changes were withheld */
} feed_member;
typedef struct feed_slot {
    feed_channel *channel;
    uint32_t at; /* in the channel's members */
} feed_slot;

struct feed_client {
    feed_node node;
    feed_link gone;
    rf_conn conn;
    feed_slot *slots;
    uint32_t count, max;
};

typedef enum feed_mode { FEED_SNAPSHOTS, FEED_DELTAS_10, FEED_DELTAS_100, FEED_MODES } feed_mode;
typedef enum feed_scope { FEED_ALL, FEED_INSTRUMENT, FEED_INDEX, FEED_ACCOUNT } feed_scope;

/* The name of a channel, understood. */
typedef struct feed_name {
    rf_channel kind;
    feed_mode mode; /* books */
    feed_scope scope;
    uint32_t owner; /* number of the instrument, index or account */
    int instrument; /* user channels: -1 = all */
    uint32_t depth;
    rf_timeframe timeframe;
} feed_name;

/* A position or margin that was told of. */
typedef struct feed_shown {
    uint64_t isolation_id; /* 0 = cross */
    uint32_t instrument, leverage;
} feed_shown;
typedef struct feed_shown_list {
    feed_shown *rows;
    size_t count, max;
} feed_shown_list;

struct feed_channel {
    feed_node node;
    uint64_t number; /* never used twice */
    feed_name name;
    feed_link sibling; /* at its owner */
    feed_link timer;   /* waits for due_ns, in the list of its beat */
    feed_link lagging; /* some member is behind */
    feed_member *members;
    uint32_t count, max, behind;
    int64_t due_ns, sent_ns; /* monotonic */
    bool waiting;            /* changed, and is in feed->waiting */
    bool told;               /* `value` was */
    int64_t value, bar_ns;
    uint64_t update;    /* book: the sequence that members stand at */
    uint64_t since_seq; /* user: everything behind it is in the ring */
    uint64_t marks_seen;
    feed_shown_list shown; /* positions; margin: who was warned */
    char text[];           /* as subscribed */
};

/* Both sides of a book as its subscribers of one speed know it. */
typedef struct feed_stream {
    feed_link link; /* of all streams of this speed */
    feed_link channels;
    uint32_t instrument;
    uint64_t update;
    int64_t time_ns; /* of the book */
    int64_t due_ns;  /* monotonic */
    size_t count[2];
    rf_level levels[2][FEED_DEPTH_MAX];
} feed_stream;

typedef struct feed_owner {
    feed_link lists[RF_CHANNELS]; /* channels by kind */
    feed_link dirty_link;
    uint32_t wanted, dirty; /* a bit for each kind */
    feed_scope scope;
    uint32_t number;
    feed_stream *streams[FEED_MODES];
    int64_t value, time_ns; /* of the last session settlement or index price seen */
} feed_owner;

#define FEED_BIT(kind) (1u << RF_CHANNEL_##kind)

/* ---- The feed -------------------------------------------------------------------------------- */

typedef struct feed_message {
    feed_channel *channel;
    rf_frame *frame;
    uint64_t seq;
    size_t size;
} feed_message;
typedef struct feed_kept {
    uint64_t seq, channel;
    rf_frame *frame;
    size_t size;
} feed_kept;
typedef struct feed_ring {
    feed_kept *rows;
    uint64_t first, next; /* row numbers */
    uint64_t lost_seq;    /* what was dropped, up to here */
    size_t bytes;
} feed_ring;
typedef struct feed_events {
    rf_event *rows;
    size_t count, max;
} feed_events;

struct rf_feed {
    rf_world *world;
    rf_gate *gate;
    feed_table clients, channels;
    uint64_t channels_ever;
    feed_owner **instruments, **indexes, **accounts;
    uint32_t instruments_max, indexes_max, accounts_max;
    feed_owner *all;
    feed_events user_events;   /* of the command under way */
    feed_events market_events; /* since the last flush */
    feed_link dirty;           /* owners */
    feed_link waiting;         /* channels that changed and whose interval is not over */
    feed_link lagging;
    feed_link snapshots, quiet, risks, watches; /* by when they are due */
    feed_link streams[FEED_MODES];
    feed_link lingering;
    uint32_t lingering_count;
    feed_link gone; /* clients that left while messages were being sent */
    bool sending, no_memory;
    feed_message *pending; /* user messages of the commands since the last flush */
    size_t pending_count, pending_max;
    feed_ring ring;
    uint64_t seq;   /* of the last user message */
    uint32_t work;  /* of the beat under way */
    uint64_t marks; /* moves of any mark */
    feed_seen seen;
    rf_bytes out;
    int64_t time_ns;  /* the venue's, for what is told */
    int64_t clock_ns; /* monotonic, for when it is told */
    uint64_t barrier;
};

/* feed_table.c */
feed_owner *feed_find_owner(const rf_feed *feed, feed_scope scope, uint32_t number);
feed_client *feed_find_client(const rf_feed *feed, rf_conn conn);
int feed_find_slot(const feed_client *client, const char *text);
/* The channel, a member of it, made when it is not there. NULL: out of memory. */
feed_channel *feed_join(rf_feed *feed, rf_conn conn, const char *text, const feed_name *name);
void feed_leave(rf_feed *feed, feed_client *client, uint32_t slot);
void feed_release_client(rf_feed *feed, feed_client *client); /* leaves everything, then frees it */
void feed_release_channel(rf_feed *feed, feed_channel *channel); /* nobody is in it */
feed_channel *feed_next_channel(const feed_link *list,
                                const feed_channel *channel); /* NULL: first, end */
void feed_clear(rf_feed *feed);

/* feed_name.c: false: no such channel at this door. */
bool feed_parse_name(const rf_feed *feed, const rf_subscriber *subscriber, const char *text,
                     feed_mode mode, feed_name *name);
const char *feed_kind_text(rf_channel kind, feed_mode mode); /* result.channel */
const char *feed_user_text(const feed_channel *channel);     /* the same, as it was spelled */
bool feed_is_user(rf_channel kind);
bool feed_is_kept(rf_channel kind);    /* its messages are events, not states */
bool feed_is_thinned(rf_channel kind); /* states of the market: the next says all that was missed */
int64_t feed_interval_ns(rf_channel kind);

/* feed_send.c: out to all members; slow members of channels that are thinned are passed over. */
void feed_send(rf_feed *feed, feed_channel *channel, const rf_bytes *text);
void feed_send_frame(rf_feed *feed, feed_channel *channel, rf_frame *frame);
void feed_send_one(rf_feed *feed, rf_conn conn, const rf_bytes *text);
void feed_catch_up(rf_feed *feed); /* members that were behind and can take it */
void feed_caught_up(feed_channel *channel, feed_member *member);
rf_bytes *feed_start(rf_feed *feed); /* the empty scratch of one message */

/* feed_ring.c */
void feed_push(rf_feed *feed, feed_channel *channel); /* what is in the scratch, to be sent */
void feed_send_pending(rf_feed *feed);
bool feed_resumes(const rf_feed *feed, const feed_channel *channel, uint64_t since_seq);
void feed_resume(rf_feed *feed, const feed_channel *channel, uint64_t since_seq, rf_conn conn);
void feed_ring_clear(rf_feed *feed);

/* feed_market.c, feed_book.c: the first message of a channel into the scratch; what changed. */
void feed_begin_market(rf_feed *feed, feed_channel *channel);
void feed_market_event(rf_feed *feed, const rf_event *event);
void feed_flush_market(rf_feed *feed, feed_owner *owner);
void feed_flush_waiting(rf_feed *feed);
void feed_begin_book(rf_feed *feed, feed_channel *channel);
bool feed_open_stream(rf_feed *feed, feed_owner *owner, feed_channel *channel);
void feed_refresh_stream(rf_feed *feed, feed_stream *stream);
void feed_freshen_book(rf_feed *feed, const feed_name *name);
void feed_beat_books(rf_feed *feed);
void feed_await(feed_link *list, feed_channel *channel, int64_t due_ns);

/* feed_user.c, feed_account.c */
void feed_user_event(rf_feed *feed, const rf_event *event);
void feed_user_applied(rf_feed *feed);
/* since: NULL when the client did not ask to resume. */
void feed_begin_user(rf_feed *feed, feed_channel *channel, int64_t id, const bool *resumed,
                     uint64_t since_seq);
void feed_open_user(rf_feed *feed, const feed_channel *channel, int64_t id, const char *instrument);
void feed_put_state(rf_feed *feed, feed_channel *channel);
void feed_flush_account(rf_feed *feed, feed_owner *owner);
void feed_beat_accounts(rf_feed *feed);
bool feed_keep_event(rf_feed *feed, feed_events *events, const rf_event *event);

#endif
