/* The journal: an append-only run of records in files of fixed length (docs/journal.md draws every
 * byte). It stores bytes and knows nothing of what they mean.
 *
 * Promise: what rf_journal_commit answered true for survives power loss. What a damaged file holds
 * is never handed out: a torn tail behind the last flush is cut and reported; damage before it is an
 * error that names file and offset. After a failed write or flush the journal is halted for good.
 *
 * Threads: one thread appends and takes; one other may commit at the same time.
 *
 * May include: base, store. */
#ifndef RF_STORE_JOURNAL_H
#define RF_STORE_JOURNAL_H

#include "store/disk.h"

enum {
    RF_RECORD_SIZE_MAX = 1 << 16, /* bytes of one record */
    RF_JOURNAL_LABEL_MAX = 256,
};
#define RF_JOURNAL_OLDEST UINT64_MAX /* as `after`: from the oldest record that is there */

typedef struct rf_journal_options {
    const rf_disk *disk;
    const char *dir;       /* exists */
    uint64_t segment_size; /* bytes of a file, a multiple of 4,096 from 8,192 on */
    /* Of the venue: files of another one are refused; 0, 0 = take what is there. */
    uint64_t identity[2];
    /* What made the records (rules and limits, say): each file carries it, a file with another one
     * is followed by a new file, and records of another one are not handed out. NULL = whatever. */
    const void *label;
    size_t label_size;
} rf_journal_options;

typedef struct rf_store_report {
    char error[256];    /* why not, in words with file and offset; "" = all is well */
    uint64_t first_seq; /* of the oldest record kept, 0 = none */
    uint64_t last_seq;  /* of the newest, 0 = none */
    uint64_t cut_bytes; /* of a torn tail */
    char cut_file[64];  /* where it, or the damage, begins */
    uint64_t cut_offset;
    uint64_t damaged_seq; /* the record that is damaged, 0 = none */
} rf_store_report;

/* A record on its way out; false stops the reading. */
typedef bool (*rf_journal_visit)(void *context, uint64_t seq, unsigned kind, const void *bytes,
                                 size_t size);

typedef struct rf_journal rf_journal;

/* Opens or creates. Visits every record with seq > after in order (visit may be NULL). NULL: see
 * report. It is an error when the record after `after` is older than the oldest that is there, or
 * when the journal ends before it. */
rf_journal *rf_journal_open(const rf_journal_options *options, uint64_t after,
                            rf_journal_visit visit, void *context, rf_store_report *report);
/* The same without being able to write, for verify, explain and dump: nothing is cut or created. */
bool rf_journal_read(const rf_journal_options *options, uint64_t after, rf_journal_visit visit,
                     void *context, rf_store_report *report);
void rf_journal_close(rf_journal *journal);

/* What the file that holds record `seq` says about itself. False: see report. */
typedef struct rf_journal_head {
    uint64_t identity[2], first_seq;
    uint32_t label_size;
    unsigned char label[RF_JOURNAL_LABEL_MAX];
} rf_journal_head;
bool rf_journal_look(const rf_journal_options *options, uint64_t seq, rf_journal_head *head,
                     rf_store_report *report);

/* Takes away what rf_journal_read finds torn or damaged, and everything behind it, snapshots of later
 * records too: files as FILE.cut, a part of a file into FILE.cut. What was cut was perhaps
 * acknowledged. Nobody may have the journal open. `report` is what was found. False: report->error says
 * why it could not be done; true without cut_file: there was nothing to cut. */
bool rf_journal_cut(const rf_journal_options *options, rf_store_report *report);

/* Appends in memory; answers the record's number: 1, 2, ... */
uint64_t rf_journal_append(rf_journal *journal, unsigned kind, const void *bytes, size_t size);
uint64_t rf_journal_last(const rf_journal *journal); /* number of the last one appended */

/* Moves everything appended since the last take into the hands of the committing thread; false: there
 * is nothing, or the batch before is still out. */
bool rf_journal_take(rf_journal *journal);
/* In the committing thread: writes and flushes the batch that was taken. False: halted, see error. */
bool rf_journal_commit(rf_journal *journal, uint64_t *durable_seq);
const char *rf_journal_error(const rf_journal *journal); /* "" = healthy */

/* Bytes written since it was opened; any thread may ask. */
uint64_t rf_journal_written(const rf_journal *journal);

/* Removes whole files that hold only records up to seq. */
bool rf_journal_forget(rf_journal *journal, uint64_t seq);

#endif
