/* The bytes of a journal's file: its head and its frames. Private to store/; docs/journal.md draws
 * every byte.
 *
 * Promise: what these functions accept was written by them: every bit is under a checksum. They
 * touch no file.
 *
 * May include: base, store. */
#ifndef RF_STORE_SEGMENT_H
#define RF_STORE_SEGMENT_H

#include "store/journal.h"

enum {
    RF_SECTOR_SIZE =
        512, /* a batch begins on a boundary of it: what was flushed is never touched */
    RF_SEGMENT_HEAD_SIZE = 4096,
    RF_FRAME_HEAD_SIZE = 32,
    RF_FRAME_ALIGNMENT = 8,
    RF_STORE_PATH_SIZE = 4096,
};

typedef struct rf_frame {
    uint64_t seq;
    uint32_t place; /* in its batch: everything before the batch was flushed when it was written */
    uint32_t kind;
    uint32_t previous, crc; /* checksums of the frame before and of this one */
    uint32_t size;          /* of the record */
    const unsigned char *bytes;
    size_t total; /* with head and padding */
} rf_frame;

size_t rf_frame_total(size_t size);
/* Into rf_frame_total(frame->size) bytes; sets total and crc. */
void rf_frame_write(rf_frame *frame, unsigned char *at);
/* False: there is no whole frame here. */
bool rf_frame_read(rf_frame *frame, const unsigned char *at, size_t available);

typedef struct rf_segment_head {
    rf_journal_head head;
    uint32_t previous; /* checksum of the last frame of the file before */
} rf_segment_head;

void rf_segment_head_write(const rf_segment_head *head, unsigned char at[RF_SEGMENT_HEAD_SIZE]);
bool rf_segment_head_read(rf_segment_head *head, const unsigned char at[RF_SEGMENT_HEAD_SIZE]);
/* A whole head of another version of the format: nothing that is damaged, and nothing to be cut. */
bool rf_segment_head_foreign(const unsigned char at[RF_SEGMENT_HEAD_SIZE]);

/* journal-00000000000000000001 and back; 0: another name. */
void rf_segment_name(char name[64], uint64_t first_seq);
uint64_t rf_segment_first(const char *name);

/* The first byte from here on that is not zero, or size. */
size_t rf_skip_zeros(const unsigned char *bytes, size_t from, size_t size);

/* Numbers of files with this prefix and 20 digits behind it, ascending. count is set; NULL: out of
 * memory or the directory cannot be read (*error). The caller frees it. */
typedef struct rf_names {
    uint64_t *numbers;
    size_t count;
} rf_names;
bool rf_names_list(const rf_disk *disk, const char *dir, const char *prefix, rf_names *names,
                   int *error);

#endif
