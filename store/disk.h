/* The few things that the store asks of a file system, as a table, so that a test can lose, tear and
 * fill what a real one keeps.
 *
 * Promise: nothing else in store/ touches a file. Handles are small numbers; -1 with *error set to
 * an errno value is a failure; a short write is a failure with ENOSPC or EIO. A read
 * answers how much there was.
 *
 * May include: base. */
#ifndef RF_STORE_DISK_H
#define RF_STORE_DISK_H

#include "base/types.h"

typedef struct rf_disk {
    void *context;
    int (*open)(void *context, const char *path, bool create, int *error); /* read and write */
    int (*close)(void *context, int file, int *error);
    int64_t (*size)(void *context, int file, int *error);
    int64_t (*read)(void *context, int file, uint64_t offset, void *bytes, size_t size, int *error);
    int (*write)(void *context, int file, uint64_t offset, const void *bytes, size_t size,
                 int *error);
    int (*reserve)(void *context, int file, uint64_t size, int *error); /* zero-filled up to size */
    int (*truncate)(void *context, int file, uint64_t size, int *error);
    int (*sync)(void *context, int file, int *error); /* data and what is needed to find it */
    int (*rename)(void *context, const char *from, const char *to, int *error);
    int (*remove)(void *context, const char *path, int *error);
    int (*sync_dir)(void *context, const char *dir, int *error);
    /* Names in a directory, one call each, in no order. */
    int (*list)(void *context, const char *dir, void (*each)(void *to, const char *name), void *to,
                int *error);
    /* Bytes that can still be written, and of how many. */
    int (*space)(void *context, const char *dir, uint64_t *free, uint64_t *total, int *error);
} rf_disk;

/* The operating system's files. */
extern const rf_disk rf_disk_files;

/* Takes a directory for this process alone (its file `lock`), until the process ends or closes the
 * handle it gets. -1: somebody has it (EWOULDBLOCK), or it cannot be had. */
int rf_disk_lock(const char *dir, int *error);

#endif
