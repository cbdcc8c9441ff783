#include "tests/crash/fake_disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* ---- Calls --------------------------------------------------------------------------------------- */

static bool fails(fake_disk *disk, int *error)
{
    disk->calls++;
    if (disk->fails_at == 0 || disk->calls < disk->fails_at ||
        (!disk->full && disk->calls != disk->fails_at))
        return false;
    *error = disk->fails_with;
    return true;
}

/* Only what needs room fails on a full disk. */
static bool fails_for_room(fake_disk *disk, int *error)
{
    return fails(disk, error);
}

static bool fails_otherwise(fake_disk *disk, int *error)
{
    if (disk->full) {
        disk->calls++;
        return false;
    }
    return fails(disk, error);
}

static void point(fake_disk *disk, fake_point where)
{
    if (disk->on_point)
        disk->on_point(disk->context, where);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static fake_name *find_name(fake_name *names, const char *text)
{
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (strcmp(names[i].text, text) == 0)
            return &names[i];
    return NULL;
}

fake_file *fake_disk_find(fake_disk *disk, const char *name)
{
    const fake_name *row = find_name(disk->names, name);
    return row ? &disk->files[row->file] : NULL;
}

static void apply_change(fake_name *names, const fake_change *change)
{
    fake_name *from = change->from[0] ? find_name(names, change->from) : NULL;
    fake_name *to = change->to[0] ? find_name(names, change->to) : NULL;
    if (from)
        from->text[0] = '\0';
    if (change->to[0] == '\0')
        return;
    to = to ? to : find_name(names, "");
    RF_CHECK(to);
    memcpy(to->text, change->to, sizeof to->text);
    to->file = change->file;
}

static void change_names(fake_disk *disk, const char *from, const char *to, int file)
{
    RF_CHECK(disk->changes_count < FAKE_CHANGES_MAX);
    fake_change *change = &disk->changes[disk->changes_count++];
    *change = (fake_change){.file = file};
    snprintf(change->from, sizeof change->from, "%s", from);
    snprintf(change->to, sizeof change->to, "%s", to);
    apply_change(disk->names, change);
}

/* Nobody's any more: neither a name has it, nor could one have it after a crash. */
static bool is_free(const fake_disk *disk, int file)
{
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if ((disk->names[i].text[0] && disk->names[i].file == file) ||
            (disk->flushed_names[i].text[0] && disk->flushed_names[i].file == file))
            return false;
    for (uint32_t i = 0; i < disk->changes_count; i++)
        if (disk->changes[i].file == file)
            return false;
    return true;
}

static int open_file(void *context, const char *path, bool create, int *error)
{
    fake_disk *disk = context;
    if (fails_otherwise(disk, error))
        return -1;
    const fake_name *row = find_name(disk->names, base_name(path));
    if (row)
        return row->file;
    *error = ENOENT;
    if (!create)
        return -1;
    int file = 0;
    while (file < FAKE_FILES_MAX && !is_free(disk, file))
        file++;
    RF_CHECK(file < FAKE_FILES_MAX);
    disk->files[file].size = disk->files[file].flushed_size = disk->files[file].dirty = 0;
    disk->files[file].used = true;
    memset(disk->files[file].data, 0, sizeof disk->files[file].data);
    change_names(disk, "", base_name(path), file);
    point(disk, FAKE_CREATE);
    return file;
}

static int close_file(void *context, int file, int *error)
{
    (void)file;
    return fails_otherwise(context, error) ? -1 : 0;
}

static int64_t size_of_file(void *context, int file, int *error)
{
    fake_disk *disk = context;
    return fails_otherwise(disk, error) ? -1 : (int64_t)disk->files[file].size;
}

static int64_t read_file(void *context, int file, uint64_t offset, void *bytes, size_t size,
                         int *error)
{
    fake_disk *disk = context;
    const fake_file *from = &disk->files[file];
    if (fails_otherwise(disk, error))
        return -1;
    if (offset >= from->size)
        return 0;
    const size_t there = from->size - (size_t)offset, part = size < there ? size : there;
    memcpy(bytes, from->data + offset, part);
    return (int64_t)part;
}

static void make_dirty(fake_file *file, uint64_t from, uint64_t to)
{
    for (uint64_t sector = from / FAKE_SECTOR; sector * FAKE_SECTOR < to; sector++) {
        if (!(file->dirty >> sector & 1))
            memcpy(file->old + sector * FAKE_SECTOR, file->data + sector * FAKE_SECTOR,
                   FAKE_SECTOR);
        file->dirty |= 1u << sector;
    }
}

static void put(fake_file *file, uint64_t offset, const void *bytes, size_t size)
{
    RF_CHECK(offset + size <= sizeof file->data);
    make_dirty(file, offset, offset + size);
    if (bytes)
        memcpy(file->data + offset, bytes, size);
    else
        memset(file->data + offset, 0, size);
    if (offset + size > file->size)
        file->size = (uint32_t)(offset + size);
}

static int write_file(void *context, int file, uint64_t offset, const void *bytes, size_t size,
                      int *error)
{
    fake_disk *disk = context;
    if (fails_for_room(disk, error)) {
        put(&disk->files[file], offset, bytes, size / 2); /* a short write */
        return -1;
    }
    put(&disk->files[file], offset, bytes, size);
    point(disk, FAKE_WRITE);
    return 0;
}

static int reserve_file(void *context, int file, uint64_t size, int *error)
{
    fake_disk *disk = context;
    fake_file *to = &disk->files[file];
    if (fails_for_room(disk, error))
        return -1;
    if (size > to->size)
        put(to, to->size, NULL, size - to->size);
    point(disk, FAKE_RESERVE);
    return 0;
}

static int truncate_file(void *context, int file, uint64_t size, int *error)
{
    fake_disk *disk = context;
    if (fails_otherwise(disk, error))
        return -1;
    disk->files[file].size = (uint32_t)size;
    point(disk, FAKE_TRUNCATE);
    return 0;
}

static int sync_file(void *context, int file, int *error)
{
    fake_disk *disk = context;
    if (fails_for_room(disk, error))
        return -1;
    disk->files[file].dirty = 0;
    disk->files[file].flushed_size = disk->files[file].size;
    point(disk, FAKE_SYNC);
    return 0;
}

static int rename_file(void *context, const char *from, const char *to, int *error)
{
    fake_disk *disk = context;
    const fake_name *row = find_name(disk->names, base_name(from));
    if (fails_otherwise(disk, error))
        return -1;
    *error = ENOENT;
    if (!row)
        return -1;
    change_names(disk, base_name(from), base_name(to), row->file);
    point(disk, FAKE_RENAME);
    return 0;
}

static int remove_file(void *context, const char *path, int *error)
{
    fake_disk *disk = context;
    const fake_name *row = find_name(disk->names, base_name(path));
    if (fails_otherwise(disk, error))
        return -1;
    *error = ENOENT;
    if (!row)
        return -1;
    change_names(disk, base_name(path), "", row->file);
    point(disk, FAKE_REMOVE);
    return 0;
}

static int sync_dir(void *context, const char *dir, int *error)
{
    (void)dir;
    fake_disk *disk = context;
    if (fails_otherwise(disk, error))
        return -1;
    memcpy(disk->flushed_names, disk->names, sizeof disk->names);
    disk->changes_count = 0;
    point(disk, FAKE_SYNC_DIR);
    return 0;
}

static int list_dir(void *context, const char *dir, void (*each)(void *to, const char *name),
                    void *to, int *error)
{
    (void)dir;
    fake_disk *disk = context;
    if (fails_otherwise(disk, error))
        return -1;
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (disk->names[i].text[0])
            each(to, disk->names[i].text);
    return 0;
}

static int space_of(void *context, const char *dir, uint64_t *free_bytes, uint64_t *total,
                    int *error)
{
    (void)dir;
    *free_bytes = *total = 1 << 20;
    return fails_otherwise(context, error) ? -1 : 0;
}

const rf_disk fake_disk_calls = {
    .open = open_file,
    .close = close_file,
    .size = size_of_file,
    .read = read_file,
    .write = write_file,
    .reserve = reserve_file,
    .truncate = truncate_file,
    .sync = sync_file,
    .rename = rename_file,
    .remove = remove_file,
    .sync_dir = sync_dir,
    .list = list_dir,
    .space = space_of,
};

void fake_disk_start(fake_disk *disk)
{
    memset(disk, 0, sizeof *disk);
}

rf_disk fake_disk_of(fake_disk *disk)
{
    rf_disk calls = fake_disk_calls;
    calls.context = disk;
    return calls;
}

/* ---- Crash --------------------------------------------------------------------------------------- */

static const unsigned char *any_sector(const fake_disk *disk, uint64_t *random)
{
    for (int tries = 0; tries < 8; tries++) {
        const fake_file *file = &disk->files[fake_below(random, FAKE_FILES_MAX)];
        if (file->used && file->size >= FAKE_SECTOR)
            return file->data + fake_below(random, file->size / FAKE_SECTOR) * FAKE_SECTOR;
    }
    return disk->files[0].data;
}

/* data is what was written; what the disk makes of it. */
static fake_fate crash_sector(const fake_disk *disk, const fake_file *file, uint32_t sector,
                              unsigned char *data, uint64_t *random)
{
    const unsigned char *old = file->old + sector * FAKE_SECTOR;
    const fake_fate fate = (fake_fate)fake_below(random, FAKE_FATES);
    switch (fate) {
    case FAKE_KEPT:
    case FAKE_FATES:
        break;
    case FAKE_LOST:
        memcpy(data, old, FAKE_SECTOR);
        break;
    case FAKE_TORN: {
        const uint32_t cut = 8 * fake_below(random, FAKE_SECTOR / 8);
        if (fake_below(random, 2))
            memcpy(data, old, cut);
        else
            memcpy(data + cut, old + cut, FAKE_SECTOR - cut);
        break;
    }
    case FAKE_GARBLED:
        for (uint32_t i = 0; i < FAKE_SECTOR; i += 8) {
            const uint64_t word = fake_draw(random);
            memcpy(data + i, &word, 8);
        }
        break;
    case FAKE_RECYCLED:
        memcpy(data, any_sector(disk, random), FAKE_SECTOR);
        break;
    case FAKE_DUPLICATED: {
        const uint32_t other = sector > 0 ? sector - 1 : sector + 1;
        memcpy(data, file->data + other * FAKE_SECTOR, FAKE_SECTOR);
        break;
    }
    }
    return fate;
}

static void crash_file(fake_disk *disk, int number, fake_disk *after, uint64_t *random)
{
    fake_file *file = &disk->files[number], *to = &after->files[number];
    to->used = true;
    to->dirty = 0;
    to->size = fake_below(random, 2) ? file->size : file->flushed_size;
    to->flushed_size = to->size;
    /* Sometimes everything that was written has the same fate: nothing else finds out what is kept whole. */
    const uint32_t mode = fake_below(random, 4);
    memcpy(to->data, file->data, file->size > to->size ? file->size : to->size);
    if (mode == 0)
        return;
    for (uint32_t sector = 0; sector < FAKE_SECTORS_MAX; sector++)
        if (file->dirty >> sector & 1 && (mode != 1 || fake_below(random, 4) == 0))
            disk->fates[crash_sector(disk, file, sector, to->data + sector * FAKE_SECTOR,
                                     random)]++;
}

void fake_disk_crash(fake_disk *disk, fake_disk *after, uint64_t *random)
{
    const uint32_t kept = fake_below(random, disk->changes_count + 1);
    memcpy(after->names, disk->flushed_names, sizeof after->names);
    for (uint32_t i = 0; i < kept; i++)
        apply_change(after->names, &disk->changes[i]);
    disk->names_lost += disk->changes_count - kept;
    memcpy(after->flushed_names, after->names, sizeof after->names);
    after->changes_count = 0;
    after->on_point = NULL;
    after->calls = after->fails_at = 0;
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        after->files[i].used = false;
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (after->names[i].text[0])
            crash_file(disk, after->names[i].file, after, random);
}
