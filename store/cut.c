/* By hand, when the journal is damaged and there is no better copy of it. Each step leaves a journal
 * that is damaged at the same place or is cut: it can be tried again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reader.h"

typedef struct cutter {
    const rf_journal_options *options;
    rf_store_report *report;
    uint64_t number; /* of the file where it begins */
} cutter;

static void path_of(const cutter *cut, const char *name, const char *end,
                    char path[RF_STORE_PATH_SIZE])
{
    snprintf(path, RF_STORE_PATH_SIZE, "%s/%s%s", cut->options->dir, name, end);
}

/* An earlier cut is never overwritten. */
static bool is_free(const cutter *cut, const char *name)
{
    const rf_disk *disk = cut->options->disk;
    char path[RF_STORE_PATH_SIZE];
    int error = 0;
    path_of(cut, name, ".cut", path);
    const int file = disk->open(disk->context, path, false, &error);
    if (file < 0)
        return true;
    disk->close(disk->context, file, &error);
    return rf_store_complain(cut->report->error, "an earlier cut is in the way:", path, 0);
}

static bool set_aside(const cutter *cut, const char *name)
{
    const rf_disk *disk = cut->options->disk;
    char from[RF_STORE_PATH_SIZE], to[RF_STORE_PATH_SIZE];
    int error = 0;
    path_of(cut, name, "", from);
    path_of(cut, name, ".cut", to);
    if (!is_free(cut, name))
        return false;
    return disk->rename(disk->context, from, to, &error) == 0 ||
           rf_store_complain(cut->report->error, "cannot rename", name, error);
}

/* Files of this kind with numbers above `above`, the newest first. */
static bool set_all_aside(const cutter *cut, const char *prefix, uint64_t above)
{
    const rf_disk *disk = cut->options->disk;
    rf_names names;
    int error = 0;
    if (!rf_names_list(disk, cut->options->dir, prefix, &names, &error))
        return rf_store_complain(cut->report->error, "cannot list", cut->options->dir, error);
    bool good = true;
    for (size_t i = names.count; good && i > 0 && names.numbers[i - 1] > above; i--) {
        char name[64];
        snprintf(name, sizeof name, "%s%020llu", prefix, (unsigned long long)names.numbers[i - 1]);
        good = set_aside(cut, name);
    }
    free(names.numbers);
    return good;
}

static bool copy_and_clear(const cutter *cut, int from, int to, int *error)
{
    const rf_disk *disk = cut->options->disk;
    const uint64_t offset = cut->report->cut_offset;
    const int64_t size = disk->size(disk->context, from, error);
    if (size < (int64_t)offset)
        return false;
    const size_t length = (size_t)size - offset;
    unsigned char *bytes = calloc(1, length + 1);
    bool good = bytes &&
                disk->read(disk->context, from, offset, bytes, length, error) == (int64_t)length &&
                disk->write(disk->context, to, 0, bytes, length, error) == 0 &&
                disk->sync(disk->context, to, error) == 0 &&
                disk->sync_dir(disk->context, cut->options->dir, error) == 0;
    if (good) {
        memset(bytes, 0, length);
        good = disk->write(disk->context, from, offset, bytes, length, error) == 0 &&
               disk->sync(disk->context, from, error) == 0;
    }
    free(bytes);
    return good;
}

static bool cut_file(const cutter *cut)
{
    const rf_disk *disk = cut->options->disk;
    char path[RF_STORE_PATH_SIZE], aside[RF_STORE_PATH_SIZE];
    int error = 0, ignored;
    if (cut->report->cut_offset < RF_SEGMENT_HEAD_SIZE)
        return set_aside(cut, cut->report->cut_file);
    if (!is_free(cut, cut->report->cut_file))
        return false;
    path_of(cut, cut->report->cut_file, "", path);
    path_of(cut, cut->report->cut_file, ".cut", aside);
    const int from = disk->open(disk->context, path, false, &error);
    const int to = from < 0 ? -1 : disk->open(disk->context, aside, true, &error);
    const bool good = to >= 0 && copy_and_clear(cut, from, to, &error);
    if (from >= 0)
        disk->close(disk->context, from, &ignored);
    if (to >= 0)
        disk->close(disk->context, to, &ignored);
    return good || rf_store_complain(cut->report->error, "cannot cut", cut->report->cut_file,
                                     error ? error : EIO);
}

bool rf_journal_cut(const rf_journal_options *options, rf_store_report *report)
{
    if (rf_journal_read(options, RF_JOURNAL_OLDEST, NULL, NULL, report) && report->cut_bytes == 0)
        return true;
    if (report->cut_file[0] == '\0')
        return false; /* nothing that a cut would help */
    report->error[0] = '\0';
    cutter cut = {
        .options = options, .report = report, .number = rf_segment_first(report->cut_file)};
    int error = 0;
    if (report->damaged_seq != 0 && (!set_all_aside(&cut, "snapshot-", report->damaged_seq - 1) ||
                                     !set_all_aside(&cut, "journal-", cut.number)))
        return false;
    if (!cut_file(&cut))
        return false;
    return options->disk->sync_dir(options->disk->context, options->dir, &error) == 0 ||
           rf_store_complain(report->error, "cannot flush", options->dir, error);
}
