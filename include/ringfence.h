/* libringfence: an exact, deterministic margin and matching engine for perpetual futures.
 *
 * Read this first:
 *   - The engine is a function: state x command -> state x events. It reads no clock, makes no system
 *     call, allocates nothing after rf_engine_init and uses no float. The same commands give the same
 *     events, state and digest on every machine and compiler.
 *   - One engine belongs to one thread. Nothing here is thread-safe.
 *   - Long work (an hourly settlement, a queue of liquidations) is cut into steps. After every
 *     rf_engine_apply, while rf_engine_pending says so, apply RF_COMMAND_TICK with the same time before
 *     the next client command. A driver that forgets is answered RF_ERR_ERR_INTERNAL.
 *   - Money is int64 in 1e-8 USD, a price is an integer of 10^-price_decimals, a quantity an integer of
 *     10^-qty_decimals of its instrument, a rate is e8. Nothing is ever rounded without saying so.
 *   - What a caller can get wrong comes back as an error code and changes nothing. What only a bug in
 *     the engine can cause stops the program (RF_CHECK), in production too.
 *
 * Formulas and rules: docs/margin.md. Tables: engine/command.def, engine/event.def, engine/errors.def. */
#ifndef RINGFENCE_H
#define RINGFENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RF_API __attribute__((visibility("default")))
#else
#define RF_API
#endif

/* ---- Bounds ---------------------------------------------------------------------------------- */

enum {
    RF_NAME_SIZE = 32,       /* names with their closing NUL */
    RF_CLIENT_OID_SIZE = 40, /* at most 36 bytes and a closing NUL, padded with NUL */
    RF_CURRENCIES_MAX = 16,  /* USD is currency 0 */
    RF_TIERS_MAX = 24,
    RF_INDEX_SOURCES_MAX = 8,
    RF_LIST_LEGS_MAX = 3,
    RF_ORDERS_PER_INSTRUMENT = 200, /* of one account; above: 318 */
    RF_ORDERS_PER_ACCOUNT = 1000,
    RF_ISOLATIONS_PER_ACCOUNT = 100, /* above: 614 */
    RF_RULES_VERSION = 2, /* written into snapshots; changes whenever an answer can change */
};

typedef struct rf_limits {
    uint32_t accounts_max; /* including the insurance fund, account 0 */
    uint32_t instruments_max;
    uint32_t positions_max;   /* cross positions and isolations together */
    uint32_t orders_max;      /* resting and waiting orders of everybody */
    uint32_t recent_max;      /* finished orders whose client_oid and outcome are remembered */
    uint32_t withdrawals_max; /* requests waiting for a decision */
    uint32_t window_ticks;  /* flat part of a book, in price ticks: a power of two, 4,096 to 2^22 */
    uint32_t watch_buckets; /* liquidation index, per instrument and direction: a power of two */
} rf_limits;

/* ---- Enumerations (values are stored in journals: append, never renumber) -------------------- */

typedef enum rf_error {
#define RF_ERROR(name, code, http, when) RF_ERR_##name = code,
#include "engine/errors.def"
#undef RF_ERROR
} rf_error;

typedef enum rf_side { RF_BUY = 0, RF_SELL = 1 } rf_side;

typedef enum rf_order_type {
    RF_LIMIT,
    RF_MARKET,
    RF_STOP_LOSS,
    RF_STOP_LIMIT,
    RF_TAKE_PROFIT,
    RF_TAKE_PROFIT_LIMIT,
} rf_order_type;

typedef enum rf_time_in_force { RF_GTC, RF_IOC, RF_FOK } rf_time_in_force;

typedef enum rf_price_ref { RF_REF_MARK, RF_REF_INDEX, RF_REF_LAST } rf_price_ref;

/* ACTIVE rests or is partly filled; PENDING waits for its trigger or its parent. */
typedef enum rf_order_status {
    RF_ORDER_ACTIVE,
    RF_ORDER_PENDING,
    RF_ORDER_FILLED,
    RF_ORDER_CANCELED,
    RF_ORDER_REJECTED,
    RF_ORDER_EXPIRED,
} rf_order_status;

enum rf_order_flag {
    RF_FLAG_POST_ONLY = 1 << 0,
    RF_FLAG_SMART_POST_ONLY = 1 << 1,
    RF_FLAG_REDUCE_ONLY = 1 << 2,
    RF_FLAG_ISOLATED = 1 << 3,
    RF_FLAG_LIQUIDATION = 1 << 4, /* set by the engine only */
    RF_FLAG_CLOSE = 1 << 5,       /* close-position: quantity 0 means all of it */
    RF_FLAG_OID_DEFAULTED =
        1 << 6,                /* client_oid came from the nonce: not checked, not remembered */
    RF_FLAG_NOTIONAL = 1 << 7, /* quantity is to be computed from notional (market buy) */
    RF_FLAG_PREVIEW = 1 << 8,  /* set by rf_preview_order only */
};

typedef enum rf_stp { RF_STP_DEFAULT, RF_STP_MAKER, RF_STP_TAKER, RF_STP_BOTH } rf_stp;
typedef enum rf_stp_scope {
    RF_STP_SCOPE_DEFAULT,
    RF_STP_SCOPE_ACCOUNT,
    RF_STP_SCOPE_FAMILY
} rf_stp_scope;

typedef enum rf_contingency {
    RF_LIST_NONE,
    RF_LIST_OCO,
    RF_LIST_OTO,
    RF_LIST_OTOCO
} rf_contingency;

typedef enum rf_instrument_state {
    RF_STATE_OPEN,
    RF_STATE_POST_ONLY,
    RF_STATE_REDUCE_ONLY,
    RF_STATE_CANCEL_ONLY,
    RF_STATE_HALTED,
    RF_STATE_SETTLED,
} rf_instrument_state;

typedef enum rf_residual { RF_RESIDUAL_FUND, RF_RESIDUAL_RETURN } rf_residual;
typedef enum rf_margin_modes { RF_MODES_BOTH, RF_MODES_CROSS, RF_MODES_ISOLATED } rf_margin_modes;
typedef enum rf_settlement { RF_SETTLEMENT_HOURLY, RF_SETTLEMENT_MANUAL } rf_settlement;
typedef enum rf_currency_kind {
    RF_CURRENCY_USD,
    RF_CURRENCY_USD_STABLE,
    RF_CURRENCY_COLLATERAL
} rf_currency_kind;

/* ---- Parameters ------------------------------------------------------------------------------ */

typedef struct rf_tier {
    int64_t notional_floor;   /* e8 USD; the first tier's is 0, then ascending */
    int64_t maintenance_rate; /* e8 */
    uint32_t max_leverage;
    uint32_t unused;
} rf_tier;

typedef struct rf_instrument_config {
    char name[RF_NAME_SIZE];
    char base[RF_NAME_SIZE];
    char index_name[RF_NAME_SIZE];
    uint8_t price_decimals, qty_decimals; /* their sum is at most 8 */
    int64_t price_tick;                   /* in 10^-price_decimals, > 0 */
    int64_t qty_tick;                     /* in 10^-qty_decimals, > 0 */
    uint32_t max_leverage;                /* MPL, 1..1000 */
    uint32_t tiers_count;                 /* 0: unit_margin_rate_e18 rules */
    int64_t unit_margin_rate_e18;         /* UMR per unit of base, 18 decimals */
    rf_tier tiers[RF_TIERS_MAX];
    int64_t maker_fee_rate; /* e8, negative = rebate, not above the taker's */
    int64_t taker_fee_rate;
    int64_t liquidation_fee_rate;
    int64_t price_band;     /* e8 fraction of mark that a taker may reach */
    int64_t far_price_band; /* e8, 0 = none */
    int64_t mark_stale_ns;  /* 0 = never */
    int64_t max_order_qty;  /* 0 = none */
    int64_t min_order_qty;
    int64_t max_position_qty;  /* 0 = none */
    int64_t fund_position_cap; /* quantity, -1 = none */
    int64_t min_notional;      /* e8 USD */
    int64_t funding_cap_rate;  /* e8 per hour */
    uint32_t isolations_max;   /* per account over all instruments */
    uint8_t fund_unwind;       /* 0 OFF, 1 ON */
    uint8_t residual;          /* rf_residual */
    uint8_t margin_modes;      /* rf_margin_modes */
    uint8_t settlement;        /* rf_settlement */
} rf_instrument_config;

typedef struct rf_order_params {
    uint32_t account;
    uint16_t instrument;
    uint16_t flags;         /* rf_order_flag */
    uint8_t side;           /* rf_side */
    uint8_t type;           /* rf_order_type */
    uint8_t time_in_force;  /* rf_time_in_force */
    uint8_t ref_price_type; /* rf_price_ref, triggers only */
    uint8_t stp, stp_scope; /* RF_STP_DEFAULT: the account's setting */
    uint16_t stp_id;
    uint32_t leverage; /* 0 = not given; otherwise 1.. ; UINT32_MAX = malformed (answered 226) */
    uint32_t unused;
    int64_t price; /* 0 for market orders */
    int64_t qty;
    int64_t ref_price;
    int64_t notional;        /* e8, with RF_FLAG_NOTIONAL */
    uint64_t isolation_id;   /* 0 = not given */
    int64_t isolated_margin; /* e8; -1 = not given */
    uint64_t attach_order_id;
    uint64_t attach_isolation_id; /* with attach_position */
    uint8_t attach_position; /* 1: to the position of attach_isolation_id, 0 = the cross position */
    uint8_t reserved[7];
    char client_oid[RF_CLIENT_OID_SIZE];
} rf_order_params;

/* ---- Commands -------------------------------------------------------------------------------- */

typedef enum rf_command_kind {
#define RF_COMMAND(name, fields, doc) RF_COMMAND_##name,
#include "engine/command.def"
#undef RF_COMMAND
    RF_COMMAND_KINDS
} rf_command_kind;

typedef struct rf_command {
    rf_command_kind kind;
    uint32_t unused;
    int64_t time_ns; /* never less than the time of the command before */
    union {
        rf_order_params order; /* PLACE_ORDER */
        struct {
            uint32_t account;
            uint32_t all;       /* CANCEL_ORDERS: 0 limit orders, 1 triggers, 2 both */
            uint64_t order_id;  /* 0: by client_oid */
            int64_t price, qty; /* AMEND_ORDER: new values; qty is the total with what is filled */
            int64_t ref_price;  /* AMEND_ORDER of a trigger, 0 = unchanged */
            int32_t instrument; /* CANCEL_ORDERS: -1 = all */
            int32_t mode;       /* CANCEL_ORDERS: -1 both, 0 cross, 1 isolated */
            uint64_t isolation_id; /* CANCEL_ORDERS: 0 = any */
            uint8_t triggers_only; /* cancel and amend through the advanced methods */
            uint8_t reserved[7];
            char client_oid[RF_CLIENT_OID_SIZE];
            char new_client_oid[RF_CLIENT_OID_SIZE]; /* AMEND_ORDER, "" = keep */
        } change;                                    /* AMEND_ORDER, CANCEL_ORDER, CANCEL_ORDERS */
        struct {
            const rf_order_params *legs; /* read during apply only */
            uint32_t legs_count;
            uint32_t contingency; /* rf_contingency */
            uint32_t account;
            uint32_t linked;  /* OTOCO: a fill of one leg cancels the other */
            uint64_t list_id; /* CANCEL_LIST */
        } list;               /* PLACE_LIST, CANCEL_LIST */
        struct {
            uint32_t account;
            uint32_t leverage; /* SET_LEVERAGE */
            uint64_t isolation_id;
            int64_t
                amount; /* MOVE_MARGIN: > 0 main to isolation, < 0 back. SET_LEVERAGE: margin to add with it, 0 none, -1 AUTO */
        } isolation;    /* MOVE_MARGIN, SET_LEVERAGE */
        struct {
            uint32_t account; /* TRANSFER: from */
            uint32_t to;      /* TRANSFER: to */
            uint32_t caller;  /* TRANSFER: who asks */
            uint32_t currency;
            int64_t amount; /* e8 units; ADJUST: signed */
            uint64_t id;    /* DECIDE_WITHDRAWAL */
            uint32_t approve;
            uint32_t unused;
        } money; /* DEPOSIT, ADJUST, TRANSFER, REQUEST_WITHDRAWAL, DECIDE_WITHDRAWAL, FUND_INSURANCE */
        struct {
            uint32_t account;  /* CREATE_ACCOUNT: the master, 0 = none */
            uint32_t leverage; /* SET_ACCOUNT_LEVERAGE */
            uint16_t stp_id;
            uint8_t stp, stp_scope;
            uint32_t suspended;
            int64_t maker_fee_rate, taker_fee_rate; /* SET_FEES */
            uint32_t fees_reset;                    /* SET_FEES: back to the instrument's */
            uint32_t include_reduce_only;           /* SET_CANCEL_AFTER */
            int64_t timeout_ns;                     /* SET_CANCEL_AFTER, 0 = off */
            char label[RF_NAME_SIZE];
        } account; /* CREATE_ACCOUNT, SET_ACCOUNT_LEVERAGE, SET_STP, SUSPEND_ACCOUNT, SET_FEES, SET_CANCEL_AFTER */
        struct {
            const rf_instrument_config
                *config; /* CREATE_, UPDATE_INSTRUMENT: whole new configuration */
            uint32_t instrument;
            uint32_t state; /* rf_instrument_state */
            int64_t price;  /* SET_MARK_PRICE; SET_INSTRUMENT_STATE: settlement price */
            int64_t rate;   /* SET_FUNDING_RATE, SETTLE_FUNDING */
            uint32_t rate_given;
            uint32_t dry_run;
        } instrument;
        struct {
            uint32_t index; /* SET_INDEX_PRICE; UINT32_MAX: create it under name */
            uint32_t unused;
            int64_t price_e8; /* an index has 8 decimals */
            char source[RF_NAME_SIZE];
            char name[RF_NAME_SIZE];
        } index;
        struct {
            char name[RF_NAME_SIZE];
            uint32_t kind; /* rf_currency_kind */
            uint32_t unused;
            int64_t factor;  /* e8, USD_STABLE */
            int64_t cap;     /* e8 units (USD_STABLE) or USD (COLLATERAL), -1 = none */
            int64_t haircut; /* e8, COLLATERAL */
        } currency;
    } u;
} rf_command;

/* A command as bytes, for journals and wires, and back: little-endian, versioned, one frame for one
 * command (engine/frame.c draws it). encode answers the length; 0: it does not fit, or a field has a
 * value that no command can have. decode answers false for everything that encode never writes;
 * what the command points to is in room. */
enum { RF_COMMAND_BYTES_MAX = 1024 };
typedef struct rf_command_room {
    rf_order_params legs[RF_LIST_LEGS_MAX];
    rf_instrument_config config;
} rf_command_room;
RF_API size_t rf_command_encode(const rf_command *command, void *bytes, size_t size);
RF_API bool rf_command_decode(const void *bytes, size_t size, rf_command *command,
                              rf_command_room *room);

/* What a command answers. Fields that a kind does not use are 0. */
typedef struct rf_result {
    rf_error code;
    rf_error reason; /* why an accepted order's rest was cancelled, else 0 */
    uint64_t order_id, isolation_id, list_id,
        id; /* id: account, instrument, index, currency, withdrawal */
    rf_order_status status;
    uint32_t legs_count;
    int64_t filled_qty;
    int64_t filled_value;    /* e8, sum of quantity times price */
    int64_t required_margin; /* e8: T of an order, need of a leverage change, DEBIT: what stays */
    uint8_t has_required_margin; /* the refusal names it */
    uint8_t reserved[7];
    uint64_t leg_ids[RF_LIST_LEGS_MAX];
    char client_oid[RF_CLIENT_OID_SIZE];
} rf_result;

/* ---- Events ---------------------------------------------------------------------------------- */

typedef enum rf_event_kind {
#define RF_EVENT(name, doc) RF_EVENT_##name,
#include "engine/event.def"
#undef RF_EVENT
    RF_EVENT_KINDS
} rf_event_kind;

/* Slots of the ledger: every move of money is a double entry between two of them. */
typedef enum rf_slot_kind {
    RF_SLOT_WORLD,
    RF_SLOT_MAIN,     /* owner = account */
    RF_SLOT_ISOLATED, /* owner = isolation_id */
    RF_SLOT_FEES,
    RF_SLOT_INSURANCE,
    RF_SLOT_ROUNDING,
    RF_SLOT_WITHDRAWALS,
    RF_SLOT_CLEARING, /* owner = instrument */
} rf_slot_kind;

typedef enum rf_reason {
    RF_REASON_DEPOSIT,
    RF_REASON_WITHDRAWAL,
    RF_REASON_ADJUSTMENT,
    RF_REASON_SUBACCOUNT,
    RF_REASON_ISOLATED_TRANSFER,
    RF_REASON_REALIZED_PNL,
    RF_REASON_FEE,
    RF_REASON_LIQUIDATION_FEE,
    RF_REASON_INSURANCE,      /* what a liquidation leaves, to the fund */
    RF_REASON_UNCOVERED_LOSS, /* what the fund pays */
    RF_REASON_FUNDING,
    RF_REASON_SESSION_SETTLE,
    RF_REASON_SOCIALIZED_LOSS,
    RF_REASON_FUND_INSURANCE,
} rf_reason;

/* 120 bytes. Which fields an event fills stands in engine/event.def. */
typedef struct rf_event {
    uint16_t kind; /* rf_event_kind */
    uint16_t instrument;
    uint32_t account;
    uint64_t seq; /* of the command that caused it */
    int64_t time_ns;
    uint64_t order_id;
    uint64_t isolation_id; /* 0 = cross */
    int64_t price;
    int64_t qty;      /* signed where it is a position's change */
    int64_t amount;   /* e8 */
    int64_t fee;      /* e8, > 0 paid */
    int64_t realized; /* e8 */
    int64_t leaves;   /* what is left of the order */
    uint64_t id;      /* match, list, withdrawal */
    int64_t value;    /* second price, quantity or amount, see event.def */
    uint32_t code;    /* rf_error, or the kind's own small number */
    uint16_t flags;   /* rf_order_flag */
    uint8_t side, type;
    uint8_t slot_from, slot_to; /* LEDGER: rf_slot_kind */
    uint8_t currency;
    uint8_t reason; /* rf_reason */
    uint32_t peer;  /* LEDGER: account or instrument of the other slot */
} rf_event;

typedef struct rf_sink {
    void (*event)(void *context,
                  const rf_event *event); /* the event is valid during the call only */
    void *context;
} rf_sink;

/* ---- Life ------------------------------------------------------------------------------------ */

typedef struct rf_engine rf_engine;

/* Bytes of memory that an engine of these limits needs; 0 when a limit is out of range. */
RF_API size_t rf_engine_size(const rf_limits *limits);
/* Starts an empty engine in the caller's memory, which must be zeroed (calloc, mmap), 64-byte aligned
 * and stay until the caller frees it. Currencies USD, USDC and USDT exist. NULL when size is too small. */
RF_API rf_engine *rf_engine_init(void *memory, size_t size, const rf_limits *limits);
/* Before the first command or load: a random number that nobody outside can know, so that nobody can
 * choose client_oids whose look-up is slow. Not part of the state: answers, events, snapshots and
 * digest are the same with every seed. 0, as at first, where the callers are trusted (scripts). */
RF_API void rf_engine_seed(rf_engine *engine, uint64_t seed);
RF_API void rf_engine_set_sink(rf_engine *engine, rf_sink sink); /* {0}: events are dropped */
/* How old the cut-offs behind adl_rank may be: finding them takes a walk over all positions of the
 * instrument. 0, as at first: those of this very state. Not part of the state. */
RF_API void rf_engine_set_rank_age(rf_engine *engine, int64_t age_ns);
/* Applies one command whole or not at all. The answer is result->code. */
RF_API void rf_engine_apply(rf_engine *engine, const rf_command *command, rf_result *result);
/* True while a settlement or a liquidation is not finished: apply TICKs before anything else. */
RF_API bool rf_engine_pending(const rf_engine *engine);
RF_API uint64_t rf_engine_seq(const rf_engine *engine); /* commands applied, refused ones too */
RF_API int64_t rf_engine_time_ns(const rf_engine *engine);
/* Before each apply: all commands in hand, the one to be applied first. Asks the processor for what
 * those a little behind it will touch, so that memory is waited for while others are applied.
 * Changes nothing; worth it where the state does not fit the caches. Fewer than 17 commands gain less. */
RF_API void rf_engine_prefetch(const rf_engine *engine, const rf_command *commands, uint32_t count);

/* Snapshots. The stream is canonical (objects by id, little-endian, no handles), so the digest of equal
 * states is equal. load needs a freshly initialised engine and answers false, with *error a static
 * sentence, for a stream that is damaged, of another rules_version or too big for the limits. */
typedef bool (*rf_write)(void *context, const void *bytes, size_t size);
typedef bool (*rf_read)(void *context, void *bytes, size_t size);
RF_API bool rf_engine_save(const rf_engine *engine, rf_write write, void *context);
RF_API bool rf_engine_load(rf_engine *engine, rf_read read, void *context, const char **error);
typedef struct rf_digest {
    uint64_t high, low;
} rf_digest;
RF_API rf_digest rf_engine_digest(const rf_engine *engine);

/* Invariants of docs/invariants.md. Fills at most count rows and returns how many there are. */
typedef struct rf_invariant {
    const char *name; /* "I1" */
    bool ok;
    int64_t residual; /* 0 when ok */
} rf_invariant;
RF_API size_t rf_engine_check(const rf_engine *engine, rf_invariant *rows, size_t count);

/* ---- Reading the state (never changes it) ------------------------------------------------------ */

RF_API const char *rf_error_name(rf_error code); /* "INSUFFICIENT_AVAILABLE_BALANCE" */
RF_API int rf_error_http(rf_error code);         /* HTTP status */

typedef struct rf_currency_view {
    char name[RF_NAME_SIZE];
    rf_currency_kind kind;
    int64_t factor, cap, haircut;
    int64_t custody;  /* units that the venue holds, e8 */
    int64_t index_e8; /* last index price, 0 = none */
    bool index_stale;
} rf_currency_view;

typedef struct rf_instrument_view {
    rf_instrument_config config;
    uint16_t instrument;
    rf_instrument_state state;
    uint32_t index;
    int64_t k;    /* 10^(8 - price_decimals - qty_decimals) */
    int64_t mark; /* 0 = none */
    int64_t mark_time_ns;
    bool mark_pinned, mark_stale;
    int64_t index_e8, index_time_ns;
    int64_t last_price; /* 0 = no trade yet */
    int64_t best_bid, best_ask;
    int64_t open_interest;  /* sum of longs */
    int64_t funding_rate;   /* e8 per hour, that settles next */
    int64_t estimated_rate; /* e8 per hour, of the next interval */
    int64_t settlement_price;
} rf_instrument_view;

typedef struct rf_account_view {
    uint32_t account, master; /* master 0: this is one itself */
    char label[RF_NAME_SIZE];
    bool suspended, is_liquidating;
    uint32_t leverage; /* MAL */
    rf_stp stp;
    rf_stp_scope stp_scope;
    uint16_t stp_id;
    bool own_fees;
    int64_t maker_fee_rate, taker_fee_rate;
    int64_t cash[RF_CURRENCIES_MAX];
    int64_t available; /* signed */
    int64_t margin_balance, initial_margin, position_im, haircut, maintenance_margin, fee_reserve;
    int64_t collateral; /* value before haircut, negative balances in full */
    int64_t unrealized; /* session: sum of U */
    int64_t session_realized;
    int64_t position_value; /* sum of |q| mark */
    int64_t order_value;    /* open orders' exposure that counts */
    int64_t isolated_cash;  /* sum of W */
    int64_t reserved;       /* of currency 0, waiting in withdrawals */
    uint32_t positions, isolations, orders;
    int64_t create_time_ns;
} rf_account_view;

/* A cross position or an isolation; names are margin.md's. */
typedef struct rf_position_view {
    uint32_t account;
    uint16_t instrument;
    bool isolated, is_liquidating;
    uint64_t isolation_id;
    uint32_t leverage;       /* L; cross: the effective maximum */
    int64_t qty;             /* q */
    int64_t cost, cost_user; /* C, C0 */
    int64_t wallet;          /* W; 0 for cross */
    int64_t mark;
    int64_t unrealized;      /* U */
    int64_t unrealized_user; /* q * mark * K - C0 */
    int64_t margin_balance, initial_margin, maintenance_margin, fee_reserve, opening_loss;
    int64_t position_im, position_mm; /* of the position alone, without orders */
    int64_t health_required;          /* FR + MM of the side where it is largest */
    int64_t available;                /* A, signed; 0 for cross */
    int64_t max_removable;
    int64_t liquidation_price, bankruptcy_price; /* 0 = none */
    int64_t max_loss;
    int64_t value;                 /* |q| * mark * K */
    int64_t last_settlement_value; /* q * mark * K at the last session settlement */
    int64_t session_realized;      /* isolations: since the last settlement, without fees */
    uint32_t adl_rank;             /* 1..5, 0 = no position */
    uint32_t orders;
    int64_t update_time_ns;
} rf_position_view;

typedef struct rf_order_view {
    rf_order_params params; /* as placed; price and qty as amended */
    uint64_t order_id, isolation_id, list_id;
    rf_contingency contingency;
    uint32_t leg; /* 1.. in its list */
    rf_order_status status;
    rf_error reason;
    int64_t leaves, filled_qty, filled_value, fee;
    int64_t maker_fee_rate, taker_fee_rate;
    int64_t earmark;
    int64_t create_time_ns, update_time_ns;
    bool triggered;
} rf_order_view;

typedef struct rf_level {
    int64_t price, qty;
    uint32_t orders;
    uint32_t unused;
} rf_level;

typedef struct rf_house_view {
    int64_t world[RF_CURRENCIES_MAX], fees[RF_CURRENCIES_MAX], insurance[RF_CURRENCIES_MAX];
    int64_t rounding[RF_CURRENCIES_MAX], withdrawals[RF_CURRENCIES_MAX];
    int64_t fund_equity; /* INSURANCE + U of the fund's positions */
} rf_house_view;

typedef struct rf_withdrawal_view {
    uint64_t id;
    uint32_t account, currency;
    int64_t amount, debit; /* units asked for; what left the balance */
    int64_t time_ns;
} rf_withdrawal_view;

/* Look-ups; false or -1: no such thing. */
RF_API int rf_find_instrument(const rf_engine *engine, const char *name);
RF_API int rf_find_currency(const rf_engine *engine, const char *name);
RF_API int rf_find_index(const rf_engine *engine, const char *name);
RF_API int64_t rf_find_account(const rf_engine *engine, const char *label); /* -1, else 1.. */
RF_API uint32_t rf_instruments_count(const rf_engine *engine);
RF_API uint32_t rf_currencies_count(const rf_engine *engine);
RF_API uint32_t rf_accounts_count(const rf_engine *engine); /* numbers 0..count-1; 0 is the fund */

RF_API bool rf_view_currency(const rf_engine *engine, uint32_t currency, rf_currency_view *view);
RF_API bool rf_view_instrument(const rf_engine *engine, uint32_t instrument,
                               rf_instrument_view *view);
RF_API bool rf_view_account(const rf_engine *engine, uint32_t account, rf_account_view *view);
RF_API void rf_view_house(const rf_engine *engine, rf_house_view *view);
RF_API int64_t rf_view_clearing(const rf_engine *engine, uint32_t instrument);
/* At most this can leave the main account in this currency now (units). */
RF_API int64_t rf_withdrawable(const rf_engine *engine, uint32_t account, uint32_t currency);
/* All positions and isolations of an account: the cross ones by instrument, then the isolations. Flat
 * ones too: an isolation exists from its first order on. Returns how many there are; fills at most
 * max. */
RF_API size_t rf_view_positions(const rf_engine *engine, uint32_t account, rf_position_view *views,
                                size_t max);
RF_API bool rf_view_isolation(const rf_engine *engine, uint64_t isolation_id,
                              rf_position_view *view);
/* Open orders by order_id (resting and waiting). Same manner. instrument -1 = all. */
RF_API size_t rf_view_orders(const rf_engine *engine, uint32_t account, int instrument,
                             rf_order_view *views, size_t max);
/* Of an open list of the account; NONE: there is none. */
RF_API rf_contingency rf_view_list(const rf_engine *engine, uint32_t account, uint64_t list_id);
/* One order, open or recently finished; order_id 0: by client_oid. */
RF_API bool rf_view_order(const rf_engine *engine, uint32_t account, uint64_t order_id,
                          const char *client_oid, rf_order_view *view);
/* Best prices first. */
RF_API size_t rf_view_book(const rf_engine *engine, uint32_t instrument, rf_side side,
                           rf_level *levels, size_t max);
RF_API size_t rf_view_withdrawals(const rf_engine *engine, rf_withdrawal_view *views, size_t max);
/* Positions of one instrument in canonical order, for exposure lists: cursor 0 starts, 0 ends. */
RF_API uint64_t rf_next_position(const rf_engine *engine, uint32_t instrument, uint64_t cursor,
                                 rf_position_view *view);

/* private/x/preview-order: the real admission on the real state, which it leaves as it was. */
typedef struct rf_preview {
    rf_result result; /* what the order would be answered */
    int64_t filled_qty, filled_value, worst_price, fee;
    int64_t required_margin, main_before, main_after; /* available of the main account */
    rf_position_view after; /* the position or isolation it would act on, afterwards */
    int64_t max_loss;
    int64_t max_order_qty; /* largest quantity that would be accepted with all else equal */
} rf_preview;
RF_API void rf_preview_order(rf_engine *engine, const rf_order_params *order, rf_preview *preview);

/* private/x/isolated-limits. What it promises is accepted if it is the next call. */
typedef struct rf_isolated_limits {
    int64_t max_removable;
    uint32_t min_leverage; /* reachable now without adding margin */
    uint32_t max_leverage;
    int64_t topup_needed; /* for the target leverage, 0 when none is asked */
    int64_t transfer;     /* for the target liquidation price: > 0 add, < 0 remove */
    bool transfer_possible;
    int64_t liquidation_price_after;
} rf_isolated_limits;
/* leverage 0 and price 0: no target. False: no such isolation of this account. */
RF_API bool rf_view_limits(const rf_engine *engine, uint32_t account, uint64_t isolation_id,
                           uint32_t leverage, int64_t liquidation_price,
                           rf_isolated_limits *limits);

/* private/x/adl-preview: rank and what would be deleveraged now (margin.md section 11). */
RF_API int64_t rf_adl_preview(const rf_engine *engine, uint32_t account, uint32_t instrument,
                              uint64_t isolation_id, uint32_t *rank);

/* UPDATE_INSTRUMENT with dry_run: who would be below maintenance afterwards. */
typedef struct rf_impact {
    uint32_t account;
    uint32_t unused;
    uint64_t isolation_id;
    int64_t shortfall;
} rf_impact;
RF_API size_t rf_view_impact(const rf_engine *engine, uint32_t instrument,
                             const rf_instrument_config *config, rf_impact *rows, size_t max);

#endif
