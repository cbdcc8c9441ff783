/* A random market for the engine: seeded commands, half of them hostile, with everything checked that a state, its
 * events and its snapshots can tell.
 *
 * Promise: the same seed gives the same commands on every machine. Nothing of the engine but its public header is
 * used, except where a file says why.
 *
 * May include: include/ringfence.h and C headers. */
#ifndef RF_TESTS_SIM_H
#define RF_TESTS_SIM_H

#include "include/ringfence.h"

enum {
    SIM_INSTRUMENTS = 8, /* four from the start, more as the run lists them */
    SIM_FOUNDERS = 4,
    SIM_ACCOUNTS = 16,
    SIM_CURRENCIES = RF_CURRENCIES_MAX,
    SIM_KNOWN = 64, /* identifiers of each kind that the draw remembers */
    SIM_ORDERS = 1024,
};

#define SIM_E8 100000000LL
#define SIM_SECOND_NS 1000000000LL

/* ---- Random numbers (xorshift64*) ------------------------------------------------------------------ */

typedef struct sim_random {
    uint64_t state;
} sim_random;

void sim_random_start(sim_random *random, uint64_t seed);
uint64_t sim_draw(sim_random *random);
/* 0 .. below - 1 */
uint32_t sim_below(sim_random *random, uint32_t below);
int64_t sim_between(sim_random *random, int64_t low, int64_t high);
bool sim_chance(sim_random *random, uint32_t in); /* one in so many */

/* ---- What the outside knows, rebuilt from events alone (mirror.c) ----------------------------------- */

typedef struct mirror_order {
    uint64_t id; /* 0 = free */
    uint64_t isolation_id;
    int64_t price, leaves;
    uint32_t account;
    uint16_t instrument, flags;
    uint8_t side, type;
    uint8_t rests; /* in the book; else armed, waiting or on its way */
    uint8_t unused[5];
    uint64_t amended; /* number of the command that changed it last */
} mirror_order;

typedef struct mirror_position {
    uint64_t isolation_id; /* of the isolation; 0 for cross, or none */
    int64_t q, cost, cost_user, wallet;
    bool exists;
} mirror_position;

typedef struct sim_mirror {
    int64_t main[SIM_ACCOUNTS][SIM_CURRENCIES];
    int64_t house[8][SIM_CURRENCIES]; /* by rf_slot_kind */
    int64_t clearing[SIM_INSTRUMENTS];
    mirror_position positions[SIM_ACCOUNTS][SIM_INSTRUMENTS][2];
    mirror_order orders[SIM_ORDERS];
    uint32_t orders_count;
    int64_t marks[SIM_INSTRUMENTS];
    uint32_t accounts, instruments;
    /* an isolation's liquidation in progress, for I4 */
    bool liquidating;
    uint32_t victim;
    uint64_t victim_isolation;
    uint16_t victim_instrument;
    bool victim_returns; /* its instrument's residual goes back to the user */
    int64_t victim_main[SIM_CURRENCIES],
        victim_wallets[SIM_INSTRUMENTS]; /* as they were at the start */
    uint64_t liquidations_watched;
    uint64_t insurance_dips; /* INSURANCE went below zero, for a reason that I9 allows */
} sim_mirror;

/* Names of the tables' rows, for people (cover.c). */
extern const char *const sim_command_names[RF_COMMAND_KINDS];
extern const char *const sim_event_names[RF_EVENT_KINDS];

/* ---- What happened (cover.c) ------------------------------------------------------------------------ */

typedef struct sim_cover {
    uint64_t commands, accepted[RF_COMMAND_KINDS], refused[RF_COMMAND_KINDS];
    uint64_t events[RF_EVENT_KINDS];
    uint64_t codes[128];   /* by row of errors.def */
    uint64_t reasons[128]; /* why a rest was cancelled */
    uint64_t order_types[6], order_isolated[2], order_flags[9];
    uint64_t flips, closed_in_book, taken_over, deleveraged, recovered, cross_liquidations,
        isolation_liquidations;
    uint64_t returned, partly_filled, hours, ticks_pending, snapshots, loads, damages, forged;
} sim_cover;

typedef struct sim_journal sim_journal;

typedef struct sim_run {
    rf_engine *engine;
    void *memory[2]; /* the second is the place that snapshots are loaded into */
    size_t size;
    uint32_t current;
    sim_random random;
    sim_random
        spare; /* what is drawn beside the commands: they are the same with and without snapshots */
    int64_t time_ns;
    uint64_t seed, number; /* of the command at work */
    sim_mirror mirror;
    sim_cover cover;
    sim_journal *journal; /* NULL: nowhere */
    uint64_t trace_from;  /* 0 = never */
    uint32_t steps;       /* liquidations of one command; 0 = the engine's own number */
    bool reload_pending;  /* between the commands of a liquidation that takes several, too */
    uint32_t burst, burst_account; /* orders still to come of somebody who floods the book */
    /* hashes over answers and events, to compare builds */
    uint64_t answers, events;
    /* identifiers that were given out */
    uint64_t known_orders[SIM_KNOWN], known_lists[SIM_KNOWN], known_withdrawals[SIM_KNOWN];
    uint32_t known_order_owner[SIM_KNOWN], known_list_owner[SIM_KNOWN];
    char known_oids[SIM_KNOWN][RF_CLIENT_OID_SIZE];
    uint32_t known_oid_owner[SIM_KNOWN];
    uint32_t orders_seen, lists_seen, withdrawals_seen, oids_seen;
    int64_t bases_e8[SIM_INSTRUMENTS]; /* prices wander around these */
    uint32_t indexes[SIM_INSTRUMENTS];
    rf_instrument_config configs[SIM_INSTRUMENTS];
    /* what a command may point to */
    rf_instrument_config config;
    rf_order_params legs[RF_LIST_LEGS_MAX + 2];
} sim_run;

/* Prints where the run is and what is wrong, and ends the program with status 1. */
_Noreturn void sim_fail(const sim_run *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Parts ------------------------------------------------------------------------------------------- */

extern const rf_limits sim_limits;
/* Every invariant, or the run ends. */
void sim_check(const sim_run *sim);
/* A fresh engine in the given half of the memory. */
rf_engine *sim_engine(sim_run *sim, uint32_t half);
/* Lists the currencies, instruments and accounts, and gives them money. */
void sim_found(sim_run *sim);
/* Applies one command and whatever it leaves pending; looks at the answer. */
rf_result sim_apply(sim_run *sim, const rf_command *command);
/* The next random command. Its pointers are good until the next call. */
rf_command sim_command(sim_run *sim);
/* Overwrites some fields with what nobody should send. */
void sim_spoil(sim_run *sim, rf_command *command);

void trace_command(const sim_run *sim, const rf_command *command);
void trace_result(const rf_result *result);
void trace_event(const rf_event *event);

void mirror_event(sim_run *sim, const rf_event *event);
/* Compares balances, positions, orders and books with the engine's views. */
void mirror_compare(const sim_run *sim);

void cover_command(sim_run *sim, const rf_command *command, const rf_result *result);
void cover_event(sim_run *sim, const rf_event *event);
void cover_print(const sim_run *sim);
/* Rows that must not be zero; prints those that are and returns how many. */
uint32_t cover_missing(const sim_run *sim);

/* A journal in an empty directory (journal.c). write: false, nothing happened, for what is no command. */
sim_journal *sim_journal_open(const sim_run *sim, const char *dir);
bool sim_journal_write(sim_run *sim, const rf_command *command);
void sim_journal_snapshot(sim_run *sim);
/* Everything once more from the directory, and compared. */
void sim_journal_close(sim_run *sim);

/* Saves, loads into the other half, compares the digests and goes on there. */
void sim_reload(sim_run *sim);
/* Damages copies of the present snapshot so many times; every one must be refused. */
void sim_damage(sim_run *sim, uint64_t times);
/* The same with checksums made to fit: refused, or loaded as what it says; never a crash. */
void sim_forge(sim_run *sim, uint64_t times);

#endif
