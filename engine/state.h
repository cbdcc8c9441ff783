/* The engine's whole state: every record, pool and counter, and nothing that is not state.
 *
 * Promise: what is not in here (or derived from it on load, marked "derived") cannot influence an answer.
 * Handles are u32 indexes into pools; handle 0 is nobody (RF_NONE). Nothing observable depends on a handle,
 * a hash or the order of a free list: iteration that can be seen goes by id or along lists whose order is
 * saved. Money moves in ledger.c only.
 *
 * May include: base, include/ringfence.h, engine/margin.h. */
#ifndef RF_ENGINE_STATE_H
#define RF_ENGINE_STATE_H

#include "base/arith.h"
#include "base/types.h"
#include "engine/margin.h"
#include "include/ringfence.h"

enum {
    RF_FUND = 0, /* account number of the insurance fund */
    RF_STEP_BUDGET =
        4096, /* positions that one command's long work visits before it waits for a TICK */
    RF_LIQUIDATIONS_PER_STEP = 1024,
    RF_TRIGGERS_PER_STEP = 64,
};

/* Seats are kept for ever, so there are more of them than positions. */
static inline uint32_t rf_seats_max(const rf_limits *limits)
{
    return limits->positions_max + 4 * limits->accounts_max;
}

#define RF_HOUR_NS 3600000000000LL
#define RF_MINUTE_NS 60000000000LL

/* ---- Orders ------------------------------------------------------------------------------------ */

typedef enum rf_order_state {
    RF_STATE_FREE,
    RF_STATE_TRIAL,   /* in its position's list while admission looks at it */
    RF_STATE_RESTING, /* in the book */
    RF_STATE_ARMED,   /* waits for its trigger price */
    RF_STATE_WAITING, /* a leg that waits for its list's primary */
    RF_STATE_TAKING,  /* accepted without a trial: in no list while it trades */
} rf_order_state;

/* Hot: what matching and margin touch. 64 bytes, one cache line. */
typedef struct rf_order {
    uint64_t id;
    rf_price price; /* limit; 0: market (armed orders only) */
    rf_qty leaves;
    rf_money earmark; /* of isolated orders: how much goes back on cancel */
    uint32_t account;
    uint32_t position;
    uint32_t level_prev,
        level_next; /* FIFO at its price; armed orders: the instrument's list of triggers */
    uint32_t own_prev,
        own_next; /* the position's list of this side, best first; armed: its triggers */
    uint16_t instrument;
    uint16_t flags; /* rf_order_flag */
    uint8_t side, type, state;
    uint8_t unused;
} rf_order; /* a free one is linked by level_next */

_Static_assert(sizeof(rf_order) <= 64, "an order is one cache line");

/* Cold: what only answers and rare paths look at. Same handle as the hot record. */
typedef struct rf_order_cold {
    rf_qty filled_qty; /* first what a fill or an amendment writes: one line */
    rf_money filled_value, fee;
    rf_time_ns update_time_ns;
    uint32_t list;   /* handle of its list */
    uint32_t reason; /* rf_error */
    uint8_t leg;     /* 1.. */
    uint8_t status;  /* rf_order_status */
    uint8_t triggered;
    uint8_t contingency;  /* of its list, which may be over */
    uint32_t attached_to; /* order whose fill arms it (attach_order_id), handle */
    uint64_t isolation_id;
    rf_order_params params; /* as placed; price, qty, ref_price and client_oid as amended */
    uint64_t list_id;
    rf_rate maker_rate, taker_rate;
    rf_time_ns create_time_ns;
} rf_order_cold;

/* A finished order, remembered in a ring for its client_oid and for get-order-detail. */
typedef struct rf_recent {
    rf_order hot;
    rf_order_cold cold;
} rf_recent;

typedef struct rf_list {
    uint64_t id;
    uint32_t account;
    uint16_t instrument;
    uint8_t contingency, linked, legs_count, unused[3];
    uint32_t legs[RF_LIST_LEGS_MAX]; /* live order handles; finished legs are RF_NONE */
    uint32_t free_next;
} rf_list;

/* ---- Positions ----------------------------------------------------------------------------------- */

enum rf_position_flag {
    RF_POSITION_ISOLATED = 1 << 0,
    RF_POSITION_LIQUIDATING = 1 << 1, /* isolations; a cross account's flag is the account's */
    RF_POSITION_TOUCHED = 1 << 2,     /* in the list of positions to look at after this command */
    RF_POSITION_QUEUED = 1 << 3,      /* in the liquidation queue as it is now */
    RF_POSITION_CLOSED = 1 << 4, /* its quantity became 0 in this step: swept at the next look */
};

/* A cross position or an isolation, with its open orders. 128 bytes. It exists while it has a quantity or
 * an order (or, for an isolation, money). */
typedef struct rf_position {
    rf_qty q;
    rf_money cost;             /* C */
    rf_money cost_user;        /* C0 */
    rf_money wallet;           /* W; slot ISOLATED of the ledger; 0 for cross */
    rf_qty open_qty[2];        /* per side: leaves of resting orders that are not reduce-only */
    rf_money open_notional[2]; /* the same at their limits: sum of leaves * price * K */
    uint32_t orders[2];        /* per side: best-priced own order; reduce-only ones too */
    uint32_t triggers;         /* armed and waiting orders */
    uint32_t account;
    uint64_t id;                               /* isolation_id; 0 for cross */
    uint32_t instrument_prev, instrument_next; /* all positions of the instrument, oldest first */
    uint16_t instrument;
    uint16_t flags;         /* rf_position_flag */
    uint32_t leverage;      /* L; cross: unused */
    uint32_t orders_count;  /* resting, reduce-only ones too */
    uint32_t opening_count; /* resting and not reduce-only */
    rf_time_ns update_time_ns;
    uint64_t spare; /* whole cache lines; what an amendment changes is in the first */
} rf_position;

_Static_assert(sizeof(rf_position) == 128, "a position is two cache lines");

typedef struct rf_position_cold {
    rf_money put_in, taken_out; /* isolations: transfers from and to main */
    rf_money settled_value;     /* q * mark * K at the last session settlement */
    rf_time_ns create_time_ns;
    uint64_t age;            /* creation number over all positions, never reused */
    rf_money session_profit; /* U just settled (for socialised loss) */
    rf_qty flagged_qty;      /* |q| when its cross account was flagged: slices are quarters of it */
    uint32_t seat;
    uint32_t triggers_count;
    uint32_t adl_place; /* place in adl_heap; right when adl_heap[adl_place] says so (derived) */
    uint32_t session;   /* engine->session when session_realized was last added to (derived) */
    rf_money session_realized; /* of that session, isolations: read it by rf_fence_realized */
} rf_position_cold;

/* An account's place on an instrument; made at its first order there, kept for ever. */
typedef struct rf_seat {
    uint32_t account_next; /* next seat of the account, oldest first */
    uint32_t account;
    uint32_t position[2]; /* [0] cross, [1] isolation */
    uint16_t instrument;
    uint16_t unused;
    uint32_t last_leverage; /* L of the last isolation here, 0 = none yet */
} rf_seat;

/* ---- Liquidation index ------------------------------------------------------------------------- */

enum rf_direction {
    RF_DOWN = 0,
    RF_UP = 1
}; /* DOWN: fires when mark <= key; UP: when mark >= key */

typedef struct rf_watch_node {
    uint32_t prev, next; /* inside a bucket */
    rf_price key;        /* 0 = not watched */
} rf_watch_node;

/* All keys of one instrument and direction, in buckets of 2^shift price units (derived). */
typedef struct rf_watch {
    uint32_t *heads;   /* watch_buckets of them */
    uint64_t *bits[4]; /* bitmap over buckets, then over its words, ... */
    rf_price
        nearest; /* bound: no key is nearer to the mark (DOWN: greater, UP: less); 0/MAX = empty */
    uint32_t shift;
    uint32_t buckets;
} rf_watch;

/* ---- Book ---------------------------------------------------------------------------------------- */

typedef struct rf_book_level {
    rf_qty qty;
    uint32_t first, last;
    uint32_t count;
    uint32_t far_next; /* far levels only: next in the express lane (book.c), 0 = not in it */
} rf_book_level;

typedef struct rf_far_level {
    rf_book_level level;
    int64_t tick;
    uint32_t prev, next; /* best first; next of a free one: free list */
} rf_far_level;

enum { RF_BITMAP_DEPTH = 4 };

/* One flat window of price ticks for both sides, a bitmap per side, and sorted lists beyond it (derived). */
typedef struct rf_book {
    rf_book_level *levels;
    uint64_t *bits[2][RF_BITMAP_DEPTH];
    int64_t base; /* lowest tick of the window; tick t stands at levels[t & (window_ticks - 1)] */
    int64_t best[2];         /* tick of the best bid, ask; RF_NO_TICK = side empty */
    uint32_t far[2];         /* best far level of each side */
    uint32_t far_express[2]; /* best level of each side's express lane */
    uint32_t orders[2];
    rf_price tick; /* price_tick that the next two were made for: price / tick without a division */
    uint64_t tick_inverse;
    uint32_t tick_shift;
    uint32_t debt,
        debt_max; /* steps taken in far lists since the window was laid; laid anew above debt_max */
} rf_book;

#define RF_NO_TICK INT64_MIN

/* ---- Instruments and indexes --------------------------------------------------------------------- */

typedef struct rf_index_source {
    char name[RF_NAME_SIZE];
    int64_t price_e8;
    rf_time_ns time_ns;
} rf_index_source;

typedef struct rf_index {
    char name[RF_NAME_SIZE];
    rf_index_source sources[RF_INDEX_SOURCES_MAX];
    uint32_t sources_count, sources_used;
    int64_t price_e8;   /* 0 = none yet */
    rf_time_ns time_ns; /* of the youngest source used */
} rf_index;

/* Where a fifth of the deleveraging queue begins: the score and the tie rules of its first position. */
typedef struct rf_adl_cut {
    rf_wide score;
    uint32_t account, isolated;
} rf_adl_cut;

typedef struct rf_instrument {
    rf_instrument_config config;
    rf_margin_tier tiers[RF_TIERS_MAX];
    rf_margin_params margin; /* with the instrument's own taker rate (derived) */
    int64_t k;
    rf_price mark_max; /* largest mark that admission has made room for */
    bool plain; /* no far band, no largest position, no staleness but after a restart (derived) */
    rf_qty
        linear_max; /* up to this quantity, margin is one rate of the notional; -1: tiers (derived) */
    uint64_t fees_e32; /* both ends' fees and the liquidation's, 2^-32, rounded up (derived) */
    rf_qty qty_max;    /* position and open orders together: rf_instrument_qty_max (derived) */
    rf_rate
        reach; /* up to mark * (1 + reach), FR + MM stay below FR + IM of now (derived; watch.h) */
    uint16_t number;
    uint8_t state; /* rf_instrument_state */
    uint8_t mark_pinned;
    uint8_t moved; /* mark, state or index changed: look at the watches after the command */
    uint8_t rate_pinned;
    uint8_t kept; /* moved only for isolations that the liquidation queue still holds (derived) */
    uint8_t unused;
    uint32_t index;
    rf_price mark;           /* 0 = none yet */
    rf_time_ns mark_time_ns; /* of the input behind it; after recovery: long ago */
    int64_t basis_e8;        /* B, e8 price */
    rf_time_ns basis_time_ns;
    rf_price last_price;
    rf_money clearing; /* slot CLEARING */
    rf_qty longs;      /* open interest */
    uint32_t positions_first, positions_last;
    uint32_t triggers_first, triggers_last; /* armed orders, oldest first */
    rf_price trigger_low[3],
        trigger_high[3]; /* per rf_price_ref: conservative nearest ref_price; 0/MAX none */
    /* funding (market.md, Funding) */
    rf_rate funding_rate;        /* e8 per four hours, in force */
    rf_rate pinned_rate;         /* e8 per hour, next settlement only */
    rf_wide premium_sum;         /* premium e8 * ns over the running interval */
    rf_time_ns premium_time_ns;  /* up to when it is summed */
    rf_time_ns premium_start_ns; /* start of the interval's first sample */
    rf_rate premium_now;         /* e8 */
    rf_price settlement_price;   /* state SETTLED */
    rf_price settled_mark;       /* mark of the last session settlement */
    uint64_t changes;            /* bumped by what can change the deleveraging queue (derived) */
    rf_adl_cut adl_cuts[2][4];   /* per side, first in line first; of the command below (derived) */
    uint64_t adl_cuts_seq[2];    /* 0: never */
    rf_time_ns adl_cuts_time_ns[2];
    uint32_t adl_cuts_orders[2]; /* orders_used then: a preview has one more on trial */
    uint32_t adl_cuts_count[2];
    uint32_t
        queued; /* isolations in the liquidation queue, and the mark that ordered them (derived) */
    rf_price queued_mark;
    rf_book book;
    rf_watch watch[2];
} rf_instrument;

typedef struct rf_currency {
    char name[RF_NAME_SIZE];
    uint8_t kind; /* rf_currency_kind */
    uint8_t unused[3];
    uint32_t index; /* COLLATERAL: its index, 0-based; UINT32_MAX none */
    rf_rate factor, haircut;
    int64_t cap;     /* -1 none */
    int64_t custody; /* units held by the venue */
    int64_t
        watch_price; /* collateral: look at the holders at or below this index price (derived) */
    rf_money world, fees, insurance, rounding, withdrawals; /* house slots in this currency */
} rf_currency;

/* ---- Accounts -------------------------------------------------------------------------------------- */

enum rf_account_flag {
    RF_ACCOUNT_SUSPENDED = 1 << 0,
    RF_ACCOUNT_LIQUIDATING = 1 << 1,
    RF_ACCOUNT_OWN_FEES = 1 << 2,
    RF_ACCOUNT_TOUCHED = 1 << 3,
    RF_ACCOUNT_QUEUED = 1 << 4,
};

/* First what every order and every fill looks at: one cache line. */
typedef struct rf_account {
    uint32_t seats;    /* first seat */
    uint32_t leverage; /* MAL */
    uint16_t flags;
    uint16_t stp_id;
    uint8_t stp, stp_scope;
    uint8_t holds_collateral; /* some balance beside USD is not 0 (derived) */
    uint8_t unused;
    uint32_t orders_count;
    uint32_t session;       /* engine->session when session_realized was last added to (derived) */
    rf_money net_floor;     /* watch keys hold while at least this is available (derived) */
    uint64_t floor_version; /* marks_version when net_floor was counted; 0 = not valid (derived) */
    rf_money room; /* while net_floor is valid: available is above it by this at least; -1 = not
                      known (derived, cross.h) */
    rf_money session_realized; /* of that session: read it by rf_session_realized */
    rf_money usd;              /* slot MAIN, currency 0 */
    /* then the rest */
    uint32_t seats_last;
    uint32_t master; /* 0 = is a master */
    uint32_t isolations_count;
    uint32_t cancel_include_reduce_only;
    rf_rate maker_rate, taker_rate; /* with OWN_FEES */
    rf_time_ns cancel_after_ns;     /* deadline, 0 = off */
    rf_time_ns cancel_timeout_ns;
    rf_time_ns create_time_ns;
    rf_money withdrawing; /* USD waiting in withdrawals */
    char label[RF_NAME_SIZE];
    uint64_t spare[4]; /* whole cache lines */
} rf_account;

_Static_assert(sizeof(rf_account) == 192, "an account is three cache lines");

typedef struct rf_withdrawal {
    uint64_t id; /* 0 = free */
    uint32_t account, currency;
    int64_t amount, debit;
    rf_time_ns time_ns;
} rf_withdrawal;

/* ---- Work that outlives a command ------------------------------------------------------------------ */

typedef struct rf_queue_entry {
    rf_wide numerator;    /* MB - MM */
    rf_money denominator; /* N */
    int64_t rank;         /* their quotient, coarsely: most comparisons need no more */
    uint64_t id;          /* isolation_id, or account number */
    uint32_t handle;      /* position, or account number */
    uint16_t cross;
    uint16_t instrument; /* of an isolation */
} rf_queue_entry;

/* One step of a planned match: trade this much with the maker, or (qty 0) cancel it or pass it over. */
typedef struct rf_plan_step {
    uint32_t maker;
    uint32_t cancel; /* self-trade prevention cancels the maker */
    rf_qty qty;
} rf_plan_step;

typedef enum rf_hour_stage {
    RF_HOUR_IDLE,
    RF_HOUR_MARK,
    RF_HOUR_FUNDING,
    RF_HOUR_SETTLEMENT,
    RF_HOUR_SOCIALIZE,
    RF_HOUR_CLOSE, /* a SETTLED instrument: every order cancelled, every position closed */
    RF_HOUR_DONE,
} rf_hour_stage;

typedef struct rf_work {
    rf_time_ns target_ns;    /* time that the TICK wants to reach; 0 = no TICK in progress */
    rf_time_ns next_hour_ns; /* next boundary; 0 until the first command */
    uint32_t stage;          /* rf_hour_stage */
    uint32_t instrument;     /* cursor */
    uint32_t position;       /* cursor: next position handle (saved by isolation id/age) */
    uint32_t step;           /* phase inside a stage */
    rf_rate given_rate;      /* of an operator's settle-funding that is under way */
    rf_money loss, profit_sum, collected; /* socialised loss of this hour */
    uint8_t aftermath;                    /* liquidations or triggers are not finished */
    uint8_t marks;                        /* the final mark update of the TICK is still to come */
    uint8_t unused[2];
    uint32_t cross_account; /* flagged and being sold slice by slice; 0 = none */
} rf_work;

/* ---- The engine -------------------------------------------------------------------------------------- */

typedef struct rf_map {
    uint32_t *slots;
    uint32_t mask;
} rf_map; /* open addressing, derived */

struct rf_engine {
    rf_sink sink;
    rf_limits limits;
    uint64_t
        oid_seed; /* of the places in client_oids; not state: nothing that is seen depends on it */
    uint64_t seq;
    rf_time_ns now_ns; /* time that rules see: the command's, or the hour boundary at work */
    rf_time_ns command_time_ns;
    /* counters: the next identifiers */
    uint64_t next_order, next_isolation, next_list, next_match, next_withdrawal, next_age;
    uint32_t accounts_count, instruments_count, currencies_count, indexes_count;
    rf_account *accounts;
    rf_money *balances; /* slot MAIN beside USD: [account * RF_CURRENCIES_MAX + currency] */
    rf_instrument *instruments;
    rf_currency currencies[RF_CURRENCIES_MAX];
    rf_index *indexes; /* instruments_max + RF_CURRENCIES_MAX of them */
    rf_order *orders;
    rf_order_cold *orders_cold;
    uint32_t orders_free, orders_fresh, orders_used; /* free list, first never used, live ones */
    rf_position *positions;
    rf_position_cold *positions_cold;
    uint32_t positions_free, positions_fresh, positions_used;
    rf_watch_node *nodes[2]; /* [direction][position] */
    rf_seat *seats;
    uint32_t seats_used;
    rf_far_level *far_levels;
    uint32_t far_free, far_fresh;
    rf_list *lists;
    uint32_t lists_free, lists_fresh;
    rf_recent *recents;     /* ring */
    uint64_t recents_count; /* finished orders so far; the ring holds the last recent_max */
    rf_withdrawal *withdrawals;
    uint32_t withdrawals_used;
    rf_map order_ids;     /* id -> reference (see order.c) */
    rf_map client_oids;   /* (account, client_oid) -> reference */
    rf_map isolation_ids; /* id -> position */
    rf_map labels;        /* label -> account */
    uint32_t *touched;    /* positions to look at after this command */
    uint32_t touched_count;
    uint32_t *scratch;     /* handles; positions_max + orders_max of them */
    rf_queue_entry *queue; /* positions_max + accounts_max */
    uint32_t queue_count, queue_next;
    uint32_t
        queue_noted; /* accounts noted behind queue_count for the next round; 0 between commands */
    uint32_t queue_kept;      /* isolations that a suspended queue still holds, a heap (derived) */
    uint8_t queue_void;       /* some of the queue's isolations have changed or ended (derived) */
    rf_time_ns queue_time_ns; /* now_ns when it was suspended (derived) */
    uint32_t
        liquidations_per_step; /* RF_LIQUIDATIONS_PER_STEP; tests that suspend more often take fewer */
    rf_plan_step *plan;        /* orders_max of them; used inside one match only */
    uint32_t armed_count;      /* trigger orders waiting for their price (derived) */
    rf_time_ns
        next_deadline_ns; /* no account's cancel-after deadline is earlier; 0 = none (derived) */
    uint32_t *moved;      /* numbers of the instruments with moved = 1; each stands here once */
    uint32_t moved_count;
    uint64_t
        marks_version;   /* grows with all that net_floor depends on beside the account (derived) */
    uint32_t session;    /* session settlements since the start of the program (derived) */
    uint8_t time_passed; /* since the command before; set anew by each command (derived) */
    uint8_t look;        /* some instrument has moved = 1: look at the watches after this step */
    /* deleveraging queue, cached for (instrument, side, mark, changes): derived */
    uint32_t *adl_heap;
    rf_wide *adl_score;
    uint32_t adl_count, adl_instrument, adl_side;
    uint64_t adl_changes;
    rf_time_ns adl_rank_age_ns; /* rf_engine_set_rank_age */
    rf_price adl_mark;
    rf_work work;
};

/* ---- Small helpers that every module needs ----------------------------------------------------------- */

static inline int rf_sign(uint8_t side)
{
    return 1 - 2 * side;
}

/* Nearer to the market for orders of this side: a higher bid, a lower ask. Turning the bits over turns the order over;
 * no processor can guess a side. */
static inline bool rf_is_better(uint8_t side, rf_price price, rf_price than)
{
    const int64_t turn = -(int64_t)side;
    return (price ^ turn) > (than ^ turn);
}

static inline uint8_t rf_opposite(uint8_t side)
{
    return (uint8_t)(1 - side);
}

static inline rf_qty rf_size(rf_qty q)
{
    return q < 0 ? -q : q;
}

/* Side that the position stands on; flat counts as buy. */
static inline uint8_t rf_position_side(const rf_position *position)
{
    return position->q < 0 ? RF_SELL : RF_BUY;
}

/* What it and all its opening orders come to at most: no side's quantity is larger. */
static inline rf_qty rf_position_reach(const rf_position *position)
{
    return rf_size(position->q) + position->open_qty[RF_BUY] + position->open_qty[RF_SELL];
}

static inline bool rf_is_isolated(const rf_position *position)
{
    return (position->flags & RF_POSITION_ISOLATED) != 0;
}

static inline rf_instrument *rf_instrument_of(rf_engine *engine, const rf_position *position)
{
    return &engine->instruments[position->instrument];
}

/* Something of this instrument may be due: liquidations are looked for after this step. */
static inline void rf_moved(rf_engine *engine, rf_instrument *instrument)
{
    engine->look = 1;
    engine->marks_version++;
    instrument->kept = 0;
    if (instrument->moved)
        return;
    instrument->moved = 1;
    engine->moved[engine->moved_count++] = instrument->number;
}

static inline rf_money *rf_main(const rf_engine *engine, uint32_t account, uint32_t currency)
{
    return currency == 0 ? &engine->accounts[account].usd
                         : &engine->balances[(size_t)account * RF_CURRENCIES_MAX + currency];
}

/* Something may have taken from the account's available margin. */
static inline void rf_room_forget(rf_engine *engine, uint32_t account)
{
    engine->accounts[account].room = -1;
}

static inline void rf_emit(rf_engine *engine, rf_event *event)
{
    if (!engine->sink.event)
        return;
    event->seq = engine->seq;
    event->time_ns = engine->now_ns;
    engine->sink.event(engine->sink.context, event);
}

#endif
