/* What a torn tail is. A batch of frames is written with one call and flushed; until then the disk may
 * keep any part of it, in any order. A frame says where in its batch it stands, and its batch was
 * begun only after the batch before was flushed. So if a frame is broken and a whole frame of a later
 * batch is found behind it, what broke had been flushed: damage. Otherwise it belongs to the last
 * batch, of which nobody was told anything: a torn tail. A new file is made only after the file
 * before was flushed: a file that breaks off before another one is damaged. */
#include "store/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/large_pages.h"

bool rf_store_complain(char error[256], const char *what, const char *file, int number)
{
    if (number != 0)
        snprintf(error, 256, "%s %.150s: %.60s", what, file, strerror(number));
    else
        snprintf(error, 256, "%s %.200s", what, file);
    return false;
}

typedef struct segment {
    char name[64];
    unsigned char *bytes;
    size_t size, room;
    rf_segment_head head;
    bool last;
} segment;

/* ---- Files --------------------------------------------------------------------------------------- */

/* At most so many bytes of it. */
static bool load(rf_reader *reader, segment *file, uint64_t number, size_t most)
{
    const rf_disk *disk = reader->options->disk;
    char path[RF_STORE_PATH_SIZE];
    int error = 0;
    rf_segment_name(file->name, number);
    snprintf(path, sizeof path, "%s/%s", reader->options->dir, file->name);
    const int handle = disk->open(disk->context, path, false, &error);
    if (handle < 0)
        return rf_store_complain(reader->report->error, "cannot open", file->name, error);
    int64_t size = disk->size(disk->context, handle, &error);
    size = size > 0 && (uint64_t)size > most ? (int64_t)most : size;
    if (size >= 0 && (size_t)size > file->room) {
        free(file->bytes);
        file->bytes = malloc((size_t)size);
        file->room = file->bytes ? (size_t)size : 0;
        error = file->bytes ? 0 : ENOMEM;
        rf_large_pages(file->bytes, file->room);
    }
    file->size = size < 0 ? 0 : (size_t)size;
    bool good = size >= 0 && error == 0 &&
                disk->read(disk->context, handle, 0, file->bytes, file->size, &error) == size;
    int ignored;
    disk->close(disk->context, handle, &ignored);
    return good ||
           rf_store_complain(reader->report->error, "cannot read", file->name, error ? error : EIO);
}

static bool damaged(rf_reader *reader, const segment *file, size_t offset, const char *why)
{
    snprintf(reader->report->error, sizeof reader->report->error,
             "%s is damaged at byte %zu, record %llu: %s", file->name, offset,
             (unsigned long long)reader->next_seq, why);
    reader->report->damaged_seq = reader->next_seq;
    reader->report->cut_offset = offset;
    snprintf(reader->report->cut_file, sizeof reader->report->cut_file, "%s", file->name);
    return false;
}

static bool check_head(rf_reader *reader, segment *file, uint64_t number, bool first)
{
    const uint64_t *identity = reader->options->identity, *own = file->head.head.identity;
    if (file->size >= RF_SEGMENT_HEAD_SIZE && rf_segment_head_foreign(file->bytes))
        return rf_store_complain(reader->report->error, "another version of the format wrote",
                                 file->name, 0);
    if (file->size < RF_SEGMENT_HEAD_SIZE || !rf_segment_head_read(&file->head, file->bytes) ||
        file->head.head.first_seq != number)
        return damaged(reader, file, 0, "it has no head");
    own = file->head.head.identity;
    if ((identity[0] != 0 || identity[1] != 0) && (identity[0] != own[0] || identity[1] != own[1]))
        return rf_store_complain(reader->report->error, "another venue wrote", file->name, 0);
    if (first) {
        reader->next_seq = number;
        reader->crc = file->head.previous;
        return true;
    }
    return file->head.previous == reader->crc ||
           damaged(reader, file, 0, "it does not follow the file before");
}

/* ---- Frames -------------------------------------------------------------------------------------- */

/* A whole frame that follows the last one. */
static bool next_frame(const rf_reader *reader, const segment *file, size_t at, uint32_t place,
                       rf_frame *frame)
{
    if (at >= file->size || !rf_frame_read(frame, file->bytes + at, file->size - at) ||
        frame->seq != reader->next_seq || frame->previous != reader->crc)
        return false;
    if (at == RF_SEGMENT_HEAD_SIZE)
        return true; /* a batch may go on in the next file */
    return frame->place == 0 ? at % RF_SECTOR_SIZE == 0 : frame->place == place + 1;
}

static size_t next_sector(size_t at)
{
    return (at + RF_SECTOR_SIZE - 1) & ~(size_t)(RF_SECTOR_SIZE - 1);
}

/* Is there a frame whose batch was begun when the missing one had been flushed? */
static bool is_flushed(const rf_reader *reader, const segment *file, size_t at)
{
    rf_frame frame;
    at = (at + RF_FRAME_ALIGNMENT - 1) & ~(size_t)(RF_FRAME_ALIGNMENT - 1);
    for (; at < file->size; at += RF_FRAME_ALIGNMENT)
        if (rf_frame_read(&frame, file->bytes + at, file->size - at) && frame.seq >= frame.place &&
            frame.seq - frame.place > reader->next_seq)
            return true;
    return false;
}

/* Nothing that follows begins at `at`: the end, a torn tail, or damage. */
static bool end_of_frames(rf_reader *reader, const segment *file, size_t at)
{
    const size_t rest = rf_skip_zeros(file->bytes, at, file->size);
    reader->end = at;
    if (rest == file->size)
        return true;
    if (!file->last || is_flushed(reader, file, at))
        return damaged(reader, file, at, "what follows had been flushed");
    size_t last = file->size;
    while (file->bytes[last - 1] == 0)
        last--;
    /* From the first byte that is not zero: the sector of what was flushed is not touched for it. */
    reader->report->cut_bytes = last - rest;
    reader->report->cut_offset = rest;
    snprintf(reader->report->cut_file, sizeof reader->report->cut_file, "%s", file->name);
    return true;
}

static bool deliver(rf_reader *reader, const segment *file, const rf_frame *frame)
{
    const rf_journal_options *options = reader->options;
    const rf_journal_head *head = &file->head.head;
    if (reader->after != RF_JOURNAL_OLDEST && frame->seq <= reader->after)
        return true;
    if (options->label && (options->label_size != head->label_size ||
                           memcmp(options->label, head->label, head->label_size) != 0)) {
        snprintf(reader->report->error, sizeof reader->report->error,
                 "record %llu in %s was made by other rules or limits",
                 (unsigned long long)frame->seq, file->name);
        return false;
    }
    if (reader->visit &&
        !reader->visit(reader->context, frame->seq, frame->kind, frame->bytes, frame->size))
        reader->stopped = true;
    return true;
}

static bool walk(rf_reader *reader, const segment *file)
{
    size_t at = RF_SEGMENT_HEAD_SIZE;
    uint32_t place = 0;
    rf_frame frame;
    while (!reader->stopped) {
        if (!next_frame(reader, file, at, place, &frame)) {
            const size_t sector = next_sector(at);
            if (rf_skip_zeros(file->bytes, at, sector < file->size ? sector : file->size) !=
                    sector ||
                !next_frame(reader, file, sector, place, &frame))
                return end_of_frames(reader, file, at);
            at = sector;
        }
        if (!deliver(reader, file, &frame))
            return false;
        reader->next_seq = frame.seq + 1;
        reader->crc = frame.crc;
        place = frame.place;
        at += frame.total;
    }
    return true;
}

/* ---- The whole ----------------------------------------------------------------------------------- */

/* The file that holds the record behind `after`, or the oldest. */
static size_t first_file(const rf_reader *reader)
{
    size_t first = 0;
    while (reader->after != RF_JOURNAL_OLDEST && first + 1 < reader->files.count &&
           reader->files.numbers[first + 1] <= reader->after + 1)
        first++;
    return first;
}

static bool walk_files(rf_reader *reader, segment *file)
{
    const size_t first = first_file(reader);
    for (size_t i = first; i < reader->files.count && !reader->stopped; i++) {
        const uint64_t number = reader->files.numbers[i];
        file->last = i + 1 == reader->files.count;
        if (!load(reader, file, number, SIZE_MAX))
            return false;
        if (i > first && number != reader->next_seq)
            return damaged(reader, file, 0, "records before it are missing");
        if (!check_head(reader, file, number, i == first) || !walk(reader, file))
            return false;
        reader->last_file = number;
        reader->last_size = file->size;
        reader->newest = file->head;
    }
    return true;
}

static bool check_range(rf_reader *reader)
{
    rf_store_report *report = reader->report;
    const uint64_t oldest = reader->files.count > 0 ? reader->files.numbers[0] : 1;
    if (reader->after == RF_JOURNAL_OLDEST || oldest <= reader->after + 1)
        return true;
    snprintf(report->error, sizeof report->error,
             "records %llu to %llu are not there: the oldest file begins with %llu",
             (unsigned long long)reader->after + 1, (unsigned long long)oldest - 1,
             (unsigned long long)oldest);
    return false;
}

static bool check_end(rf_reader *reader)
{
    rf_store_report *report = reader->report;
    if (reader->stopped || reader->after == RF_JOURNAL_OLDEST || reader->next_seq > reader->after)
        return true;
    snprintf(report->error, sizeof report->error,
             "the journal ends with record %llu, but there was a record %llu",
             (unsigned long long)reader->next_seq - 1, (unsigned long long)reader->after);
    return false;
}

bool rf_reader_run(rf_reader *reader)
{
    segment file = {0};
    int error = 0;
    *reader->report = (rf_store_report){0};
    reader->next_seq = 1;
    if (!rf_names_list(reader->options->disk, reader->options->dir, "journal-", &reader->files,
                       &error))
        return rf_store_complain(reader->report->error, "cannot list", reader->options->dir, error);
    bool good = check_range(reader) && walk_files(reader, &file) && check_end(reader);
    if (reader->next_seq > 1 && reader->files.count > 0) {
        const uint64_t oldest = reader->files.numbers[0];
        reader->report->first_seq = oldest < reader->next_seq ? oldest : 0;
        reader->report->last_seq = reader->next_seq - 1;
    }
    free(file.bytes);
    free(reader->files.numbers);
    reader->files = (rf_names){0};
    return good;
}

bool rf_journal_read(const rf_journal_options *options, uint64_t after, rf_journal_visit visit,
                     void *context, rf_store_report *report)
{
    rf_reader reader = {
        .options = options, .after = after, .visit = visit, .context = context, .report = report};
    return rf_reader_run(&reader);
}

bool rf_journal_look(const rf_journal_options *options, uint64_t seq, rf_journal_head *head,
                     rf_store_report *report)
{
    rf_reader reader = {.options = options, .after = seq - 1, .report = report};
    segment file = {0};
    int error = 0;
    *report = (rf_store_report){0};
    if (!rf_names_list(options->disk, options->dir, "journal-", &reader.files, &error))
        return rf_store_complain(report->error, "cannot list", options->dir, error);
    bool good = reader.files.count > 0;
    if (!good)
        rf_store_complain(report->error, "there is no journal in", options->dir, 0);
    const uint64_t number = good ? reader.files.numbers[first_file(&reader)] : 0;
    good = good && load(&reader, &file, number, RF_SEGMENT_HEAD_SIZE) &&
           check_head(&reader, &file, number, true);
    *head = file.head.head;
    free(file.bytes);
    free(reader.files.numbers);
    return good;
}
