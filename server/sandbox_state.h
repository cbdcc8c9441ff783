/* What the files of the sandbox share (sandbox*.c).
 *
 * May include: all of server. */
#ifndef RF_SERVER_SANDBOX_STATE_H
#define RF_SERVER_SANDBOX_STATE_H

#include "api/handlers.h"
#include "server/sandbox.h"
#include "server/sandbox_price.h"

enum {
    SANDBOX_INSTRUMENTS = 3,
    SANDBOX_LEVELS = 14, /* of a side, quoted by the maker */
    SANDBOX_CROWD = 12,
    SANDBOX_PEOPLE = 4,   /* trader, trader2, maker, taker */
    SANDBOX_SECRET = 256, /* texts of keys and passwords, with their NUL */
    SANDBOX_TOKENS = 4096,
    SANDBOX_TEXT = 1 << 17,
};

/* What is listed. */
typedef struct sandbox_listing {
    const char *instrument, *base, *index;
    int64_t price_e8;         /* at first */
    int64_t sigma;            /* of a step, in 1e-9 */
    uint32_t price_decimals;  /* a tick is one of the last one */
    uint32_t qty_decimals;    /* a lot likewise */
    uint32_t max_leverage;    /* of the crowd, too */
    const char *config;       /* further members of operator/create-instrument */
    int64_t unit_notional_e8; /* what makers and takers deal in */
} sandbox_listing;

extern const sandbox_listing sandbox_listings[SANDBOX_INSTRUMENTS];

/* A quote of the maker: one order that follows the price. */
typedef struct sandbox_quote {
    uint64_t order_id; /* 0 = none */
    int64_t qty_left;
} sandbox_quote;

typedef struct sandbox_market {
    const sandbox_listing *listing;
    rf_walk walk;
    rf_prices prices; /* of a replay */
    bool replays;
    bool feed_off;
    int64_t spread_percent; /* 100 = as usual */
    sandbox_quote quotes[2][SANDBOX_LEVELS];
    int64_t quoted_e8; /* the price of the sweep before: which side has to step aside first */
    uint32_t sweep;    /* the next quote of this sweep */
    bool rises;
    int64_t maker_qty, taker_qty; /* positions, in lots */
} sandbox_market;

typedef struct sandbox_person {
    char account[RF_NAME_SIZE];
    uint32_t number;
    char api_key[SANDBOX_SECRET], secret[SANDBOX_SECRET], password[SANDBOX_SECRET];
} sandbox_person;

/* One of the crowd: at most one isolation at a time. */
typedef struct sandbox_gambler {
    uint32_t account;
    char label[RF_NAME_SIZE];
    uint32_t market;
    uint64_t isolation_id; /* 0 = out of the market */
} sandbox_gambler;

struct rf_sandbox {
    rf_sandbox_options options;
    uint64_t random;
    sandbox_market markets[SANDBOX_INSTRUMENTS];
    sandbox_person people[SANDBOX_PEOPLE];
    sandbox_gambler crowd[SANDBOX_CROWD];
    rf_sandbox_stats stats;
    /* Clock. */
    bool paused;
    int64_t speed;
    int64_t step_ns;   /* the market's time since the last step of its prices */
    int64_t credit;    /* calls times 1e9 that are due */
    int64_t look_ns;   /* until the maker looks at its positions again */
    uint32_t turn;     /* whose quotes are next */
    void *timer;       /* uv_timer_t */
    uint64_t timer_ns; /* when it last came */
    char *error;       /* while it opens */
    /* Scratch. */
    rf_json json;
    rf_bytes answer;
    rf_json_token tokens[SANDBOX_TOKENS];
    char text[SANDBOX_TEXT];
};

typedef enum sandbox_role {
    SANDBOX_TRADER,
    SANDBOX_TRADER2,
    SANDBOX_MAKER,
    SANDBOX_TAKER
} sandbox_role;

/* One call; the answer is parsed into sandbox->json. params is a format of an object. */
rf_error sandbox_operate(rf_sandbox *sandbox, const char *method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));
rf_error sandbox_trade(rf_sandbox *sandbox, uint32_t account, const char *method,
                       const char *params, ...) __attribute__((format(printf, 4, 5)));
/* A text member of the answer's result; "" = none. */
const char *sandbox_result(const rf_sandbox *sandbox, const char *key);
/* value / 10^decimals as text. */
typedef struct sandbox_text {
    char bytes[48];
} sandbox_text;
sandbox_text sandbox_decimal(rf_wide value, unsigned decimals);

/* The venue: currencies, instruments, accounts, money (sandbox_setup.c). */
bool sandbox_set_up(rf_sandbox *sandbox);
/* One call of a maker, a taker or of the crowd (sandbox_flow.c, sandbox_crowd.c). */
void sandbox_flow(rf_sandbox *sandbox);
void sandbox_gamble(rf_sandbox *sandbox);
/* Places every quote, at first. */
void sandbox_quote_all(rf_sandbox *sandbox);
/* The maker looks at its positions. */
void sandbox_look(rf_sandbox *sandbox);
/* The methods (sandbox_methods.c). */
rf_error sandbox_serve(rf_call *call);
/* notional / price in lots, at least one. */
int64_t sandbox_lots(const sandbox_market *market, int64_t notional_e8);

#endif
