/* The sequencer: owns the world and its journal, gives every record its number and its time, and says
 * when a record is durable.
 *
 * Promise: a record is appended before it is applied. While one batch is written and flushed by a
 * worker, the next one fills; nothing waits for a timer. Time never goes back, whatever the clock
 * does. Snapshots are written by a child process from its copy of the memory and hold durable
 * records only. A failed write or flush halts for good: `failed` is called once and nothing is
 * released afterwards.
 *
 * Everything is called on the loop's thread.
 *
 * May include: base, store, venue. */
#ifndef RF_SERVER_SEQUENCER_H
#define RF_SERVER_SEQUENCER_H

#include <uv.h>

#include "venue/recover.h"
#include "venue/world.h"

typedef struct rf_sequencer rf_sequencer;

typedef struct rf_sequencer_options {
    const char *data; /* directory, exists */
    uint64_t segment_size;
    uint64_t snapshot_every; /* records */
    unsigned snapshot_keep;
    unsigned journal_keep; /* snapshots that the journal reaches back to; 0 = all of it is kept */
    rf_limits limits;
} rf_sequencer_options;

typedef struct rf_sequencer_handler {
    void *context;
    void (*taken)(void *context); /* a batch has been handed on; the next one begins */
    void (*durable)(void *context, uint64_t seq, int64_t flush_ns); /* that batch */
    void (*failed)(void *context, const char *why);                 /* once; the process must end */
    /* Records after this one are still wanted (by a history that is behind): no snapshot and no
     * journal file that leads to them goes. */
    uint64_t (*needed)(void *context);
} rf_sequencer_handler;

/* An empty world. Observers are set before rf_sequencer_recover. NULL: `error` says why. */
rf_sequencer *rf_sequencer_open(uv_loop_t *loop, const rf_sequencer_options *options,
                                const rf_sequencer_handler *handler, char error[512]);
/* Fills it from the data directory and starts the worker. `until` as in rf_recover; 0, a history that
 * begins anew, is raised to where a journal that was shortened begins. */
bool rf_sequencer_recover(rf_sequencer *sequencer, uint64_t until, rf_recovery *recovery,
                          char error[512]);
/* Waits for the worker, flushes what is left, writes a last snapshot. False: something was not
 * written. The loop runs once more afterwards, before rf_sequencer_free. */
bool rf_sequencer_close(rf_sequencer *sequencer, char error[512]);
void rf_sequencer_free(rf_sequencer *sequencer);

rf_world *rf_sequencer_world(rf_sequencer *sequencer);
/* The time of the next command: the clock's, or the last command's if that is later. */
int64_t rf_sequencer_now(const rf_sequencer *sequencer);
/* Moves the clock by so many ns from now on (a sandbox's; what was added stays added). */
void rf_sequencer_shift(rf_sequencer *sequencer, int64_t ns);
/* Time passes: what falls due is done. Once a second. */
void rf_sequencer_tick(rf_sequencer *sequencer);
/* After all input of a turn of the loop: hands the batch on. */
void rf_sequencer_turn(rf_sequencer *sequencer);

typedef struct rf_sequencer_stats {
    uint64_t appended, durable; /* numbers of records */
    uint64_t flushes, flush_ns; /* since the start */
    int64_t flush_last_ns, flush_max_ns;
    uint64_t snapshot_seq;   /* of the newest one */
    uint64_t snapshot_tried; /* of the last one that was begun */
    uint64_t snapshots_failed;
    uint64_t bytes_written;   /* of the journal, since the start */
    int64_t snapshot_time_ns; /* 0 = there is none */
    uint64_t checks;          /* of the invariants */
    int64_t check_last_ns;
} rf_sequencer_stats;
rf_sequencer_stats rf_sequencer_statistics(const rf_sequencer *sequencer);
/* Two of them that every answer asks for. */
uint64_t rf_sequencer_appended(const rf_sequencer *sequencer);
uint64_t rf_sequencer_durable(const rf_sequencer *sequencer);

#endif
