/* The operating system's files behind the table. */
#define _POSIX_C_SOURCE 200809L
#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ZEROS = 1 << 16 };

static int failed(int *error)
{
    *error = errno;
    return -1;
}

static int answer(int result, int *error)
{
    return result < 0 ? failed(error) : result;
}

static int open_file(void *context, const char *path, bool create, int *error)
{
    (void)context;
    return answer(open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600), error);
}

static int close_file(void *context, int file, int *error)
{
    (void)context;
    return answer(close(file), error);
}

static int64_t size_of_file(void *context, int file, int *error)
{
    (void)context;
    struct stat status;
    if (fstat(file, &status) < 0)
        return failed(error);
    return (int64_t)status.st_size;
}

/* As much as there is, up to size. */
static int64_t read_file(void *context, int file, uint64_t offset, void *bytes, size_t size,
                         int *error)
{
    (void)context;
    size_t done = 0;
    while (done < size) {
        const ssize_t count =
            pread(file, (char *)bytes + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return failed(error);
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (int64_t)done;
}

static int write_file(void *context, int file, uint64_t offset, const void *bytes, size_t size,
                      int *error)
{
    (void)context;
    size_t done = 0;
    while (done < size) {
        const ssize_t count =
            pwrite(file, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return failed(error);
        done += (size_t)count;
    }
    return 0;
}

/* Written, not only promised: what is flushed later then needs no change of the file's layout. */
static int reserve_file(void *context, int file, uint64_t size, int *error)
{
    static const char zeros[ZEROS];
    const int64_t there = size_of_file(context, file, error);
    if (there < 0)
        return -1;
    for (uint64_t at = (uint64_t)there; at < size;) {
        const uint64_t rest = size - at, chunk = rest < ZEROS ? rest : ZEROS;
        if (write_file(context, file, at, zeros, (size_t)chunk, error) < 0)
            return -1;
        at += chunk;
    }
    return 0;
}

static int truncate_file(void *context, int file, uint64_t size, int *error)
{
    (void)context;
    return answer(ftruncate(file, (off_t)size), error);
}

/* Never tried again by a caller: after a failure the kernel may have dropped what was dirty. */
static int sync_file(void *context, int file, int *error)
{
    (void)context;
    return answer(fdatasync(file), error);
}

static int rename_file(void *context, const char *from, const char *to, int *error)
{
    (void)context;
    return answer(rename(from, to), error);
}

static int remove_file(void *context, const char *path, int *error)
{
    (void)context;
    return answer(unlink(path), error);
}

static int sync_dir(void *context, const char *dir, int *error)
{
    (void)context;
    const int file = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return failed(error);
    const int result = answer(fsync(file), error);
    close(file);
    return result;
}

static int list_dir(void *context, const char *dir, void (*each)(void *to, const char *name),
                    void *to, int *error)
{
    (void)context;
    DIR *stream = opendir(dir);
    if (!stream)
        return failed(error);
    errno = 0;
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        each(to, entry->d_name);
    const int result = errno == 0 ? 0 : failed(error);
    closedir(stream);
    return result;
}

static int space_of_dir(void *context, const char *dir, uint64_t *free_bytes, uint64_t *total,
                        int *error)
{
    (void)context;
    struct statvfs status;
    if (statvfs(dir, &status) < 0)
        return failed(error);
    *free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    *total = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}

const rf_disk rf_disk_files = {
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
    .space = space_of_dir,
};

int rf_disk_lock(const char *dir, int *error)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/lock", dir);
    if (length < 0 || length >= (int)sizeof path) {
        *error = ENAMETOOLONG;
        return -1;
    }
    const int file = open_file(NULL, path, true, error);
    if (file < 0)
        return -1;
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        return file;
    failed(error);
    close(file);
    return -1;
}
