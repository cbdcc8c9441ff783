/* Writing. Two buffers: one fills on the appending thread while the committing thread writes and flushes
 * the other. Who may touch what: `fill`, `last`, `crc` belong to the appending thread, all else to the
 * committing one, and `out` and `halted` are how they hand over.
 *
 * Files are made ahead under the name journal.spare, zero-filled in small steps after commits, and get
 * their head and their name when the first record for them comes: a named file always has a head. */
#include "store/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "store/reader.h"

enum { SPARE_STEP = 1 << 18, NO_FILE = -1 };

struct rf_journal {
    rf_journal_options options;
    char dir[RF_STORE_PATH_SIZE / 2];
    unsigned char label[RF_JOURNAL_LABEL_MAX];
    /* of the appending thread */
    rf_bytes fill;
    uint64_t last;  /* record */
    uint64_t begun; /* first record of the batch that fills */
    uint32_t crc;   /* of the last frame */
    /* of the committing thread */
    rf_bytes batch;
    uint64_t batch_last, durable;
    int file;
    uint64_t offset, size; /* of the file: where the next batch goes, how much there is */
    int spare;
    uint64_t spare_size;
    char error[256];
    /* of both */
    bool out, halted;
    uint64_t written; /* bytes */
};

static void path_of(const rf_journal *journal, const char *name, char path[RF_STORE_PATH_SIZE])
{
    snprintf(path, RF_STORE_PATH_SIZE, "%s/%s", journal->dir, name);
}

/* For good: what the disk holds after a failed write or flush is not known. */
static bool halt(rf_journal *journal, const char *what, int error)
{
    rf_store_complain(journal->error, what, journal->dir, error);
    __atomic_store_n(&journal->halted, true, __ATOMIC_RELEASE);
    return false;
}

static void close_file(rf_journal *journal, int *file)
{
    int ignored;
    if (*file != NO_FILE)
        journal->options.disk->close(journal->options.disk->context, *file, &ignored);
    *file = NO_FILE;
}

/* ---- Files --------------------------------------------------------------------------------------- */

/* A step towards the next file. A failure is nobody's concern before the file is needed. */
static bool grow_spare(rf_journal *journal, uint64_t size, int *error)
{
    const rf_disk *disk = journal->options.disk;
    char path[RF_STORE_PATH_SIZE];
    path_of(journal, "journal.spare", path);
    if (journal->spare == NO_FILE) {
        const int file = disk->open(disk->context, path, true, error);
        if (file < 0)
            return false;
        journal->spare = file;
        journal->spare_size = 0;
        /* An older one may hold anything. */
        if (disk->truncate(disk->context, file, 0, error) < 0)
            return false;
    }
    if (size <= journal->spare_size)
        return true;
    if (disk->reserve(disk->context, journal->spare, size, error) < 0)
        return false;
    journal->spare_size = size;
    return true;
}

static void prepare_spare(rf_journal *journal)
{
    int ignored;
    const uint64_t size = journal->options.segment_size;
    if (journal->offset < journal->size / 2 || journal->spare_size == size)
        return;
    const uint64_t wanted = journal->spare_size + SPARE_STEP;
    if (!grow_spare(journal, wanted < size ? wanted : size, &ignored))
        close_file(journal, &journal->spare);
    if (journal->spare == NO_FILE)
        journal->spare_size = 0;
}

/* The spare becomes the file that begins with this record. */
static bool next_file(rf_journal *journal, const rf_frame *first)
{
    const rf_disk *disk = journal->options.disk;
    unsigned char bytes[RF_SEGMENT_HEAD_SIZE];
    char from[RF_STORE_PATH_SIZE], to[RF_STORE_PATH_SIZE], name[64];
    rf_segment_head head = {.previous = first->previous};
    int error = 0;
    head.head.identity[0] = journal->options.identity[0];
    head.head.identity[1] = journal->options.identity[1];
    head.head.first_seq = first->seq;
    head.head.label_size = (uint32_t)journal->options.label_size;
    memcpy(head.head.label, journal->label, journal->options.label_size);
    rf_segment_head_write(&head, bytes);
    rf_segment_name(name, first->seq);
    path_of(journal, "journal.spare", from);
    path_of(journal, name, to);
    close_file(journal, &journal->file);
    if (!grow_spare(journal, journal->options.segment_size, &error))
        return halt(journal, "cannot make a file in", error);
    if (disk->write(disk->context, journal->spare, 0, bytes, sizeof bytes, &error) < 0 ||
        disk->sync(disk->context, journal->spare, &error) < 0 ||
        disk->rename(disk->context, from, to, &error) < 0 ||
        disk->sync_dir(disk->context, journal->dir, &error) < 0)
        return halt(journal, "cannot begin a file in", error);
    journal->file = journal->spare;
    journal->size = journal->spare_size;
    journal->offset = RF_SEGMENT_HEAD_SIZE;
    journal->spare = NO_FILE;
    journal->spare_size = 0;
    return true;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

/* What was torn becomes zero, so that nothing of it is ever taken for a record. */
static bool cut_tail(rf_journal *journal, const rf_store_report *report)
{
    const rf_disk *disk = journal->options.disk;
    int error = 0;
    if (report->cut_bytes == 0)
        return true;
    unsigned char *zeros = calloc(1, report->cut_bytes);
    const bool good = zeros &&
                      disk->write(disk->context, journal->file, report->cut_offset, zeros,
                                  report->cut_bytes, &error) == 0 &&
                      disk->sync(disk->context, journal->file, &error) == 0;
    free(zeros);
    return good || halt(journal, "cannot cut the torn tail in", error ? error : ENOMEM);
}

static bool same_label(const rf_journal *journal, const rf_segment_head *head)
{
    return head->head.label_size == journal->options.label_size &&
           memcmp(head->head.label, journal->label, head->head.label_size) == 0;
}

/* Goes on in the last file, unless it is of other rules or limits. */
static bool open_last(rf_journal *journal, const rf_reader *reader)
{
    const rf_disk *disk = journal->options.disk;
    char path[RF_STORE_PATH_SIZE], name[64];
    int error = 0;
    journal->last = journal->durable = reader->next_seq - 1;
    journal->crc = reader->crc;
    if (reader->last_file == 0)
        return true;
    if (journal->options.identity[0] == 0 && journal->options.identity[1] == 0)
        memcpy(journal->options.identity, reader->newest.head.identity,
               sizeof journal->options.identity);
    if (!journal->options.label) {
        journal->options.label_size = reader->newest.head.label_size;
        memcpy(journal->label, reader->newest.head.label, journal->options.label_size);
    }
    rf_segment_name(name, reader->last_file);
    path_of(journal, name, path);
    journal->file = disk->open(disk->context, path, false, &error);
    if (journal->file < 0) {
        journal->file = NO_FILE;
        return halt(journal, "cannot open the last file in", error);
    }
    journal->size = reader->last_size;
    journal->offset = (reader->end + RF_SECTOR_SIZE - 1) & ~(uint64_t)(RF_SECTOR_SIZE - 1);
    if (!cut_tail(journal, reader->report))
        return false;
    if (!same_label(journal, &reader->newest))
        close_file(journal, &journal->file);
    return true;
}

static bool grow(rf_bytes *bytes, size_t capacity)
{
    size_t wanted = bytes->capacity > 0 ? bytes->capacity : 1 << 16;
    while (wanted < capacity)
        wanted *= 2;
    char *data = realloc(bytes->data, wanted);
    if (!data)
        return false;
    bytes->data = data;
    bytes->capacity = wanted;
    return true;
}

static rf_journal *make(const rf_journal_options *options, rf_store_report *report)
{
    rf_journal *journal = NULL;
    const size_t length = strlen(options->dir);
    if (options->segment_size % RF_SEGMENT_HEAD_SIZE == 0 &&
        options->segment_size >= 2 * RF_SEGMENT_HEAD_SIZE &&
        options->label_size <= RF_JOURNAL_LABEL_MAX && length < sizeof journal->dir)
        journal = calloc(1, sizeof *journal);
    if (!journal) {
        rf_store_complain(report->error, "not possible with these sizes:", options->dir, 0);
        return NULL;
    }
    journal->options = *options;
    memcpy(journal->dir, options->dir, length + 1);
    if (options->label)
        memcpy(journal->label, options->label, options->label_size);
    journal->file = journal->spare = NO_FILE;
    rf_bytes_init(&journal->fill, NULL, 0, grow);
    rf_bytes_init(&journal->batch, NULL, 0, grow);
    return journal;
}

rf_journal *rf_journal_open(const rf_journal_options *options, uint64_t after,
                            rf_journal_visit visit, void *context, rf_store_report *report)
{
    rf_reader reader = {
        .options = options, .after = after, .visit = visit, .context = context, .report = report};
    if (!rf_reader_run(&reader))
        return NULL;
    if (reader.stopped) {
        snprintf(report->error, sizeof report->error, "record %llu was not taken",
                 (unsigned long long)reader.next_seq - 1);
        return NULL;
    }
    rf_journal *journal = make(options, report);
    if (journal && !open_last(journal, &reader)) {
        memcpy(report->error, journal->error, sizeof report->error);
        rf_journal_close(journal);
        return NULL;
    }
    return journal;
}

void rf_journal_close(rf_journal *journal)
{
    if (!journal)
        return;
    close_file(journal, &journal->file);
    close_file(journal, &journal->spare);
    free(journal->fill.data);
    free(journal->batch.data);
    free(journal);
}

/* ---- Appending ----------------------------------------------------------------------------------- */

uint64_t rf_journal_append(rf_journal *journal, unsigned kind, const void *bytes, size_t size)
{
    const size_t total = rf_frame_total(size), at = journal->fill.size;
    RF_CHECK(total <= journal->options.segment_size - RF_SEGMENT_HEAD_SIZE);
    if (at == 0)
        journal->begun = journal->last + 1;
    rf_frame frame = {.seq = ++journal->last,
                      .place = (uint32_t)(journal->last - journal->begun),
                      .kind = kind,
                      .previous = journal->crc,
                      .size = (uint32_t)size,
                      .bytes = bytes};
    /* Out of memory is found by the commit, before anybody was told anything. */
    if (total <= journal->fill.capacity - at || grow(&journal->fill, at + total)) {
        rf_frame_write(&frame, (unsigned char *)journal->fill.data + at);
        journal->fill.size = at + total;
    } else {
        journal->fill.full = true;
    }
    journal->crc = frame.crc;
    return journal->last;
}

uint64_t rf_journal_last(const rf_journal *journal)
{
    return journal->last;
}

bool rf_journal_take(rf_journal *journal)
{
    if (__atomic_load_n(&journal->out, __ATOMIC_ACQUIRE) ||
        __atomic_load_n(&journal->halted, __ATOMIC_ACQUIRE) ||
        (journal->fill.size == 0 && !journal->fill.full))
        return false;
    const rf_bytes taken = journal->fill;
    journal->fill = journal->batch;
    rf_bytes_clear(&journal->fill);
    journal->batch = taken;
    journal->batch_last = journal->last;
    __atomic_store_n(&journal->out, true, __ATOMIC_RELEASE);
    return true;
}

/* ---- Committing ---------------------------------------------------------------------------------- */

/* As many whole frames of the batch as there is room for; each was made here. */
static size_t fitting(const rf_journal *journal, size_t from, uint64_t room)
{
    const unsigned char *bytes = (const unsigned char *)journal->batch.data;
    size_t to = from;
    if (journal->batch.size - from <= room)
        return journal->batch.size - from;
    while (to < journal->batch.size) {
        rf_frame frame;
        RF_CHECK(rf_frame_read(&frame, bytes + to, journal->batch.size - to));
        if (to - from + frame.total > room)
            break;
        to += frame.total;
    }
    return to - from;
}

static bool write_frames(rf_journal *journal, size_t from, size_t size)
{
    const rf_disk *disk = journal->options.disk;
    int error = 0;
    if (size == 0)
        return true;
    if (disk->write(disk->context, journal->file, journal->offset, journal->batch.data + from, size,
                    &error) < 0)
        return halt(journal, "cannot write to a file in", error);
    if (disk->sync(disk->context, journal->file, &error) < 0)
        return halt(journal, "cannot flush a file in", error);
    __atomic_fetch_add(&journal->written, size, __ATOMIC_RELAXED);
    journal->offset =
        (journal->offset + size + RF_SECTOR_SIZE - 1) & ~(uint64_t)(RF_SECTOR_SIZE - 1);
    return true;
}

static bool write_batch(rf_journal *journal)
{
    const unsigned char *bytes = (const unsigned char *)journal->batch.data;
    for (size_t at = 0; at < journal->batch.size;) {
        const uint64_t room = journal->file == NO_FILE || journal->offset > journal->size
                                  ? 0
                                  : journal->size - journal->offset;
        const size_t size = fitting(journal, at, room);
        if (!write_frames(journal, at, size))
            return false;
        at += size;
        rf_frame frame;
        if (at < journal->batch.size) {
            RF_CHECK(rf_frame_read(&frame, bytes + at, journal->batch.size - at));
            if (!next_file(journal, &frame))
                return false;
        }
    }
    return true;
}

bool rf_journal_commit(rf_journal *journal, uint64_t *durable_seq)
{
    RF_CHECK(__atomic_load_n(&journal->out, __ATOMIC_ACQUIRE));
    *durable_seq = journal->durable;
    if (__atomic_load_n(&journal->halted, __ATOMIC_ACQUIRE))
        return false;
    if (journal->batch.full)
        return halt(journal, "no memory for the records of", ENOMEM);
    if (!write_batch(journal))
        return false;
    *durable_seq = journal->durable = journal->batch_last;
    prepare_spare(journal);
    __atomic_store_n(&journal->out, false, __ATOMIC_RELEASE);
    return true;
}

const char *rf_journal_error(const rf_journal *journal)
{
    return __atomic_load_n(&journal->halted, __ATOMIC_ACQUIRE) ? journal->error : "";
}

uint64_t rf_journal_written(const rf_journal *journal)
{
    return __atomic_load_n(&journal->written, __ATOMIC_RELAXED);
}

/* ---- Forgetting ---------------------------------------------------------------------------------- */

bool rf_journal_forget(rf_journal *journal, uint64_t seq)
{
    const rf_disk *disk = journal->options.disk;
    rf_names files;
    int error = 0;
    if (!rf_names_list(disk, journal->dir, "journal-", &files, &error))
        return false;
    bool good = true;
    /* The oldest first, so that no gap is left whenever it ends. */
    for (size_t i = 0; good && i + 1 < files.count && files.numbers[i + 1] <= seq + 1; i++) {
        char path[RF_STORE_PATH_SIZE], name[64];
        rf_segment_name(name, files.numbers[i]);
        path_of(journal, name, path);
        good = disk->remove(disk->context, path, &error) == 0 &&
               disk->sync_dir(disk->context, journal->dir, &error) == 0;
    }
    free(files.numbers);
    return good;
}
