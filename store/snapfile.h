/* Snapshot files: a stream in one compressed file with a checksum, which appears under its name only
 * when it is whole.
 *
 * Promise: a file that is torn, cut, flipped or of another version is refused with a sentence, never
 * read as something else. Written as temporary file, flushed, renamed, directory flushed.
 *
 * May include: base, store. The compressor behind it is zstd, seen by snapfile.c only. */
#ifndef RF_STORE_SNAPFILE_H
#define RF_STORE_SNAPFILE_H

#include "store/disk.h"

typedef bool (*rf_snap_write)(void *context, const void *bytes, size_t size);
typedef bool (*rf_snap_read)(void *context, void *bytes, size_t size);

/* Writes snapshot-<seq>. `save` is called once with where to write. */
bool rf_snapfile_save(const rf_disk *disk, const char *dir, uint64_t seq,
                      bool (*save)(void *from, rf_snap_write write, void *context), void *from,
                      char error[256]);
/* Reads the newest whole one with seq <= until (UINT64_MAX = any); damaged ones are skipped and
 * named in `error`. *seq 0: there is none. `load` may be called more than once, for one file after
 * the other, and must start afresh each time. */
bool rf_snapfile_load(const rf_disk *disk, const char *dir, uint64_t until, uint64_t *seq,
                      bool (*load)(void *to, rf_snap_read read, void *context), void *to,
                      char error[256]);
/* The numbers of all there are, ascending; the caller frees them. */
bool rf_snapfile_list(const rf_disk *disk, const char *dir, uint64_t **numbers, size_t *count,
                      char error[256]);
/* Keeps the newest `keep`, and the newest that is not past `needed`: for who must go on from there
 * (a history that is behind). UINT64_MAX: nobody. */
bool rf_snapfile_prune(const rf_disk *disk, const char *dir, unsigned keep, uint64_t needed,
                       char error[256]);
/* The newest number that `keep` of them reach back to and that is not past `needed`: what lies before
 * it can be forgotten. 0: nothing can. */
uint64_t rf_snapfile_floor(const uint64_t *numbers, size_t count, unsigned keep, uint64_t needed);

#endif
