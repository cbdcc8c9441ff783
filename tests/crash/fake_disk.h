/* A disk in memory that can lose power: what was not flushed is then kept, lost, torn, garbled, replaced
 * by another sector of the disk, or by a neighbour, sector by sector; and names that were not flushed
 * are kept up to some point. It can also fail its n-th call.
 *
 * May include: store. */
#ifndef RF_TESTS_FAKE_DISK_H
#define RF_TESTS_FAKE_DISK_H

#include "store/disk.h"

enum {
    FAKE_SECTOR = 512,
    FAKE_SECTORS_MAX = 32,
    FAKE_FILES_MAX = 16,
    FAKE_NAME_SIZE = 40,
    FAKE_CHANGES_MAX = 16,
};

typedef enum fake_fate {
    FAKE_KEPT,
    FAKE_LOST,
    FAKE_TORN,
    FAKE_GARBLED,
    FAKE_RECYCLED,
    FAKE_DUPLICATED,
    FAKE_FATES,
} fake_fate;

/* The calls that change something, as places where power can fail: in the middle of them. */
typedef enum fake_point {
    FAKE_CREATE,
    FAKE_WRITE,
    FAKE_RESERVE,
    FAKE_TRUNCATE,
    FAKE_SYNC, /* done */
    FAKE_RENAME,
    FAKE_REMOVE,
    FAKE_SYNC_DIR, /* done */
    FAKE_POINTS,
} fake_point;

/* Old content is kept for sectors that were written since the last flush. */
typedef struct fake_file {
    bool used;
    uint32_t size, flushed_size;
    uint32_t dirty; /* a bit a sector */
    unsigned char data[FAKE_SECTORS_MAX * FAKE_SECTOR];
    unsigned char old[FAKE_SECTORS_MAX * FAKE_SECTOR];
} fake_file;

typedef struct fake_name {
    char text[FAKE_NAME_SIZE]; /* "" = free */
    int file;
} fake_name;

/* Of the directory, in order. */
typedef struct fake_change {
    char from[FAKE_NAME_SIZE], to[FAKE_NAME_SIZE]; /* to "": removed; from "": made */
    int file;
} fake_change;

typedef struct fake_disk {
    fake_file files[FAKE_FILES_MAX];
    fake_name names[FAKE_FILES_MAX], flushed_names[FAKE_FILES_MAX];
    fake_change changes[FAKE_CHANGES_MAX];
    uint32_t changes_count;
    /* Called in the middle of a call; NULL: nobody. */
    void (*on_point)(void *context, fake_point point);
    void *context;
    /* Calls so far, and the one that fails (0 = none) and all after it when `full`. */
    uint64_t calls, fails_at;
    int fails_with;
    bool full;
    uint64_t fates[FAKE_FATES];
    uint64_t names_lost;
} fake_disk;

extern const rf_disk fake_disk_calls; /* without context */
void fake_disk_start(fake_disk *disk);
rf_disk fake_disk_of(fake_disk *disk);
/* What a crash leaves of `disk`, in `after`: all of it flushed. */
void fake_disk_crash(fake_disk *disk, fake_disk *after, uint64_t *random);
/* NULL: no such file. */
fake_file *fake_disk_find(fake_disk *disk, const char *name);

static inline uint64_t fake_draw(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return *random * 0x2545f4914f6cdd1dULL;
}

static inline uint32_t fake_below(uint64_t *random, uint32_t below)
{
    return (uint32_t)((fake_draw(random) >> 32) * below >> 32);
}

#endif
