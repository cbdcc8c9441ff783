/* Reading a journal's files from the oldest that is needed to the end, with the decision what is a
 * torn tail and what is damage. Private to store/.
 *
 * May include: base, store. */
#ifndef RF_STORE_READER_H
#define RF_STORE_READER_H

#include "store/segment.h"

typedef struct rf_reader {
    const rf_journal_options *options;
    uint64_t after;
    rf_journal_visit visit; /* may be NULL */
    void *context;
    rf_store_report *report;
    rf_names files;
    bool stopped; /* by the visitor */
    /* Where the journal ends. */
    uint64_t next_seq;      /* that the next record gets */
    uint32_t crc;           /* of the last frame */
    uint64_t last_file;     /* number of its file, 0 = there is none */
    uint64_t last_size;     /* of that file */
    uint64_t end;           /* offset behind its last frame */
    rf_segment_head newest; /* head of that file */
} rf_reader;

/* False: see reader->report. */
bool rf_reader_run(rf_reader *reader);
/* Says what is wrong with a file. Always false. */
bool rf_store_complain(char error[256], const char *what, const char *file, int number);

#endif
