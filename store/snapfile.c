/* The file, byte by byte (integers little-endian):
 *
 *      0   8  magic "RFSNAPF1"; the last character is the format's version
 *      8   8  seq: the state after this record
 *     16   n  one zstd frame
 *   16+n   8  n
 *   24+n   8  bytes of the stream before compression
 *   32+n   4  0
 *   36+n   4  CRC-32C of everything before
 *
 * The checksum is looked at before anything is decompressed. */
#include "store/snapfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "store/reader.h"

enum {
    HEAD_SIZE = 16,
    TAIL_SIZE = 24,
    CHUNK = 1 << 18,
    LEVEL = -1 /* fast: it is flushed anyway */
};

static const char prefix[] = "snapshot-";
static const unsigned char magic[8] = {'R', 'F', 'S', 'N', 'A', 'P', 'F', '1'};

static void path_of(char path[RF_STORE_PATH_SIZE], const char *dir, uint64_t seq)
{
    snprintf(path, RF_STORE_PATH_SIZE, "%s/%s%020llu", dir, prefix, (unsigned long long)seq);
}

/* ---- Saving -------------------------------------------------------------------------------------- */

typedef struct writer {
    const rf_disk *disk;
    int file;
    uint64_t offset, raw;
    uint32_t crc;
    ZSTD_CCtx *zstd;
    unsigned char *in, *out;
    size_t in_used;
    int error;
} writer;

static bool write_out(writer *to, const void *bytes, size_t size)
{
    if (to->disk->write(to->disk->context, to->file, to->offset, bytes, size, &to->error) < 0)
        return false;
    to->crc = rf_crc32c(to->crc, bytes, size);
    to->offset += size;
    return true;
}

/* Compresses what was gathered. */
static bool compress(writer *to, ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {.src = to->in, .size = to->in_used};
    size_t rest;
    do {
        ZSTD_outBuffer out = {.dst = to->out, .size = CHUNK};
        rest = ZSTD_compressStream2(to->zstd, &out, &in, mode);
        if (ZSTD_isError(rest)) {
            to->error = ENOMEM;
            return false;
        }
        if (out.pos > 0 && !write_out(to, to->out, out.pos))
            return false;
    } while (mode == ZSTD_e_end ? rest != 0 : in.pos < in.size);
    to->in_used = 0;
    return true;
}

static bool take(void *context, const void *bytes, size_t size)
{
    writer *to = context;
    const unsigned char *from = bytes;
    to->raw += size;
    while (size > 0) {
        const size_t room = CHUNK - to->in_used, part = size < room ? size : room;
        memcpy(to->in + to->in_used, from, part);
        to->in_used += part;
        from += part;
        size -= part;
        if (to->in_used == CHUNK && !compress(to, ZSTD_e_continue))
            return false;
    }
    return true;
}

static bool write_file(writer *to, uint64_t seq,
                       bool (*save)(void *from, rf_snap_write write, void *context), void *from)
{
    unsigned char head[HEAD_SIZE], tail[TAIL_SIZE] = {0};
    memcpy(head, magic, sizeof magic);
    rf_store_le64(head + 8, seq);
    if (!write_out(to, head, sizeof head) || !save(from, take, to) || !compress(to, ZSTD_e_end))
        return false;
    rf_store_le64(tail, to->offset - HEAD_SIZE);
    rf_store_le64(tail + 8, to->raw);
    rf_store_le64(tail + 16, (uint64_t)rf_crc32c(to->crc, tail, 20) << 32);
    return write_out(to, tail, sizeof tail) &&
           to->disk->sync(to->disk->context, to->file, &to->error) == 0;
}

static bool publish(const writer *to, const char *dir, const char *temporary, uint64_t seq,
                    int *error)
{
    char path[RF_STORE_PATH_SIZE];
    path_of(path, dir, seq);
    return to->disk->rename(to->disk->context, temporary, path, error) == 0 &&
           to->disk->sync_dir(to->disk->context, dir, error) == 0;
}

bool rf_snapfile_save(const rf_disk *disk, const char *dir, uint64_t seq,
                      bool (*save)(void *from, rf_snap_write write, void *context), void *from,
                      char error[256])
{
    char temporary[RF_STORE_PATH_SIZE];
    writer to = {.disk = disk};
    int number = 0, ignored;
    error[0] = '\0';
    snprintf(temporary, sizeof temporary, "%s/snapshot.new", dir);
    to.file = disk->open(disk->context, temporary, true, &number);
    if (to.file < 0)
        return rf_store_complain(error, "cannot make a snapshot in", dir, number);
    to.zstd = ZSTD_createCCtx();
    to.in = malloc(CHUNK);
    to.out = malloc(CHUNK);
    bool good = to.zstd && to.in && to.out;
    if (good)
        ZSTD_CCtx_setParameter(to.zstd, ZSTD_c_compressionLevel, LEVEL);
    good = good && disk->truncate(disk->context, to.file, 0, &to.error) == 0 &&
           write_file(&to, seq, save, from);
    good = disk->close(disk->context, to.file, good ? &to.error : &ignored) == 0 && good;
    good = good && publish(&to, dir, temporary, seq, &to.error);
    if (!good)
        rf_store_complain(error, "cannot write a snapshot in", dir, to.error ? to.error : ENOMEM);
    ZSTD_freeCCtx(to.zstd);
    free(to.in);
    free(to.out);
    return good;
}

/* ---- Loading ------------------------------------------------------------------------------------- */

typedef struct loader {
    const rf_disk *disk;
    int file;
    uint64_t offset, end; /* of what is compressed */
    uint64_t raw;         /* bytes that must come of it */
    ZSTD_DCtx *zstd;
    unsigned char *in, *out;
    ZSTD_inBuffer source;
    size_t out_used, out_size;
} loader;

static bool read_at(const loader *from, uint64_t offset, void *bytes, size_t size)
{
    int ignored;
    return from->disk->read(from->disk->context, from->file, offset, bytes, size, &ignored) ==
           (int64_t)size;
}

static const char *check_sum(loader *from, uint64_t size)
{
    unsigned char tail[TAIL_SIZE];
    uint32_t crc = 0;
    for (uint64_t at = 0; at < size - 4;) {
        const uint64_t rest = size - 4 - at, part = rest < CHUNK ? rest : CHUNK;
        if (!read_at(from, at, from->in, (size_t)part))
            return "it cannot be read";
        crc = rf_crc32c(crc, from->in, (size_t)part);
        at += part;
    }
    if (!read_at(from, size - TAIL_SIZE, tail, sizeof tail))
        return "it cannot be read";
    if (rf_load_le64(tail + 16) != (uint64_t)crc << 32 ||
        rf_load_le64(tail) != size - HEAD_SIZE - TAIL_SIZE)
        return "it is damaged";
    from->offset = HEAD_SIZE;
    from->end = size - TAIL_SIZE;
    from->raw = rf_load_le64(tail + 8);
    return NULL;
}

/* NULL: the file is whole and of this number. */
static const char *check_file(loader *from, uint64_t seq)
{
    unsigned char head[HEAD_SIZE];
    int ignored;
    const int64_t size = from->disk->size(from->disk->context, from->file, &ignored);
    if (size < HEAD_SIZE + TAIL_SIZE || !read_at(from, 0, head, sizeof head))
        return "it is cut off";
    if (memcmp(head, magic, sizeof magic) != 0)
        return memcmp(head, magic, 7) == 0 ? "it is of another version" : "it is damaged";
    if (rf_load_le64(head + 8) != seq)
        return "it is of another record";
    return check_sum(from, (uint64_t)size);
}

/* The next bytes of the stream into `out`. */
static bool refill(loader *from)
{
    ZSTD_outBuffer out = {.dst = from->out, .size = CHUNK};
    while (out.pos == 0) {
        if (from->source.pos == from->source.size) {
            const uint64_t rest = from->end - from->offset, part = rest < CHUNK ? rest : CHUNK;
            if (part == 0 || !read_at(from, from->offset, from->in, (size_t)part))
                return false;
            from->offset += part;
            from->source = (ZSTD_inBuffer){.src = from->in, .size = (size_t)part};
        }
        if (ZSTD_isError(ZSTD_decompressStream(from->zstd, &out, &from->source)))
            return false;
    }
    from->out_used = 0;
    from->out_size = out.pos;
    return true;
}

static bool give(void *context, void *bytes, size_t size)
{
    loader *from = context;
    unsigned char *to = bytes;
    if (size > from->raw)
        return false;
    from->raw -= size;
    while (size > 0) {
        if (from->out_used == from->out_size && !refill(from))
            return false;
        const size_t there = from->out_size - from->out_used, part = size < there ? size : there;
        memcpy(to, from->out + from->out_used, part);
        from->out_used += part;
        to += part;
        size -= part;
    }
    return true;
}

/* NULL: loaded. */
static const char *load_file(const rf_disk *disk, const char *dir, uint64_t seq,
                             bool (*load)(void *to, rf_snap_read read, void *context), void *to)
{
    char path[RF_STORE_PATH_SIZE];
    loader from = {.disk = disk};
    int ignored;
    path_of(path, dir, seq);
    from.file = disk->open(disk->context, path, false, &ignored);
    if (from.file < 0)
        return "it cannot be opened";
    from.zstd = ZSTD_createDCtx();
    from.in = malloc(CHUNK);
    from.out = malloc(CHUNK);
    const char *wrong =
        from.zstd && from.in && from.out ? check_file(&from, seq) : "there is no memory for it";
    if (!wrong && !load(to, give, &from))
        wrong = "it does not fit these rules or limits";
    else if (!wrong && from.raw != 0)
        wrong = "it holds more than the state";
    ZSTD_freeDCtx(from.zstd);
    free(from.in);
    free(from.out);
    disk->close(disk->context, from.file, &ignored);
    return wrong;
}

bool rf_snapfile_load(const rf_disk *disk, const char *dir, uint64_t until, uint64_t *seq,
                      bool (*load)(void *to, rf_snap_read read, void *context), void *to,
                      char error[256])
{
    rf_names names;
    int number = 0;
    *seq = 0;
    error[0] = '\0';
    if (!rf_names_list(disk, dir, prefix, &names, &number))
        return rf_store_complain(error, "cannot list", dir, number);
    for (size_t i = names.count; i > 0 && *seq == 0; i--) {
        const uint64_t candidate = names.numbers[i - 1];
        if (candidate > until)
            continue;
        const char *wrong = load_file(disk, dir, candidate, load, to);
        const size_t used = strlen(error);
        if (!wrong)
            *seq = candidate;
        else
            snprintf(error + used, 256 - used, "%s%s%020llu: %s", used > 0 ? "; " : "", prefix,
                     (unsigned long long)candidate, wrong);
    }
    free(names.numbers);
    return true;
}

bool rf_snapfile_list(const rf_disk *disk, const char *dir, uint64_t **numbers, size_t *count,
                      char error[256])
{
    rf_names names;
    int number = 0;
    const bool good = rf_names_list(disk, dir, prefix, &names, &number);
    error[0] = '\0';
    *numbers = names.numbers;
    *count = names.count;
    return good || rf_store_complain(error, "cannot list", dir, number);
}

uint64_t rf_snapfile_floor(const uint64_t *numbers, size_t count, unsigned keep, uint64_t needed)
{
    size_t left = count < keep ? 0 : count - keep + 1; /* that may be the one */
    while (left > 0 && numbers[left - 1] > needed)
        left--;
    return left > 0 ? numbers[left - 1] : 0;
}

bool rf_snapfile_prune(const rf_disk *disk, const char *dir, unsigned keep, uint64_t needed,
                       char error[256])
{
    rf_names names;
    int number = 0;
    error[0] = '\0';
    if (!rf_names_list(disk, dir, prefix, &names, &number))
        return rf_store_complain(error, "cannot list", dir, number);
    const uint64_t wanted = rf_snapfile_floor(names.numbers, names.count, 1, needed);
    bool good = true;
    for (size_t i = 0; good && i + keep < names.count; i++) {
        char path[RF_STORE_PATH_SIZE];
        if (names.numbers[i] == wanted)
            continue;
        path_of(path, dir, names.numbers[i]);
        good = disk->remove(disk->context, path, &number) == 0;
    }
    good = good && disk->sync_dir(disk->context, dir, &number) == 0;
    free(names.numbers);
    return good || rf_store_complain(error, "cannot remove a snapshot in", dir, number);
}
