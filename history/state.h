/* The history's own: what its parts share. Private to history/.
 *
 * May include: base, api, history. */
#ifndef RF_HISTORY_STATE_H
#define RF_HISTORY_STATE_H

#include <pthread.h>

#include "history/feeder.h"
#include "history/history.h"

typedef struct history_turn {
    struct history_turn *next;
    void (*turn)(void *context);
    void *context;
    uint64_t record; /* that must be written before */
} history_turn;

/* A batch that takes no more rows and waits for the journal, or for the worker. */
typedef struct history_sealed {
    struct history_sealed *next;
    uint64_t after; /* its rows are of later records than this */
    rf_batch batch;
} history_sealed;

struct rf_history {
    rf_store store; /* the worker's */
    rf_world *world;
    bool threaded, running, attached;
    uint64_t applied;           /* as found */
    size_t rows_wait, rows_max; /* RF_HISTORY_ROWS_WAIT and _MAX; tests change them */
    long room_ms;               /* the longest that one record waits for room */
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    uint64_t record;       /* of the last record */
    pthread_cond_t work;   /* for the worker */
    pthread_cond_t room;   /* for the feeder */
    rf_feeder *feeder;
    history_sealed *first, **last;
    history_turn *turns, **turns_last;
    size_t sealed_rows;
    uint64_t batched;      /* the last record of the last batch */
    uint64_t sealed_until; /* rows of records up to this are sealed */
    uint64_t released, written;
    bool closing, gave_up;
    char error[256]; /* "" = fine */
};

/* Unthreaded: everything so far into the store. */
void history_flush(rf_history *history);
/* False: the database does not have everything that was observed. In the worker. */
bool history_is_whole(rf_history *history);
rf_error history_serve(rf_call *call);

#endif
