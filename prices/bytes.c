#include "prices/prices.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

/* A kline file of a year's minutes unpacks to about 60 MB. More than this is not a price file. */
#define SIZE_MAX_BYTES ((size_t)1 << 30)

__attribute__((format(printf, 3, 4))) static bool fail(char *error, size_t size, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return false;
}

/* Room for at least one more chunk behind size, and for a NUL. */
static bool grow(rf_prices_bytes *out, size_t *room, size_t chunk)
{
    if (*room - out->size > chunk)
        return true;
    size_t larger = *room * 2 + chunk + 1;
    unsigned char *bytes = realloc(out->bytes, larger);
    if (!bytes)
        return false;
    out->bytes = bytes;
    *room = larger;
    return true;
}

static bool read_stream(rf_prices_bytes *out, FILE *file, const char *path, char *error,
                        size_t error_size)
{
    enum { CHUNK = 1 << 16 };
    size_t room = 0, got;
    do {
        if (!grow(out, &room, CHUNK))
            return fail(error, error_size, "%s: out of memory", path);
        got = fread(out->bytes + out->size, 1, CHUNK, file);
        out->size += got;
        if (out->size > SIZE_MAX_BYTES)
            return fail(error, error_size, "%s: larger than 1 GiB", path);
    } while (got > 0);
    if (ferror(file))
        return fail(error, error_size, "%s: %s", path, strerror(errno));
    out->bytes[out->size] = '\0';
    return true;
}

static void drop(rf_prices_bytes *out)
{
    free(out->bytes);
    *out = (rf_prices_bytes){0};
}

/* ---- gzip
 * ------------------------------------------------------------------------------------------- */

/* Inflates one member after the other until the input ends. */
static int inflate_all(z_stream *stream, rf_prices_bytes *out)
{
    enum { CHUNK = 1 << 18 };
    size_t room = 0;
    for (;;) {
        if (!grow(out, &room, CHUNK))
            return Z_MEM_ERROR;
        stream->next_out = out->bytes + out->size;
        stream->avail_out = CHUNK;
        int status = inflate(stream, Z_NO_FLUSH);
        out->size += CHUNK - stream->avail_out;
        if (out->size > SIZE_MAX_BYTES)
            return Z_MEM_ERROR;
        if (status == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return Z_OK;
            status = inflateReset(stream);
        }
        if (status != Z_OK)
            return status;
        if (stream->avail_in == 0 && stream->avail_out > 0)
            return Z_BUF_ERROR; /* the input ended inside a member */
    }
}

static bool unpack_gzip(rf_prices_bytes *out, const char *name, const unsigned char *bytes,
                        size_t size, char *error, size_t error_size)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return fail(error, error_size, "%s: out of memory", name);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    int status = inflate_all(&stream, out);
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR)
        return fail(error, error_size, "%s: unpacks to more than 1 GiB", name);
    if (status != Z_OK)
        return fail(error, error_size, "%s: damaged gzip: %s", name,
                    status == Z_BUF_ERROR ? "it ends too early"
                                          : "its contents or checksum are wrong");
    out->bytes[out->size] = '\0';
    return true;
}

/* ---- zip
 * -------------------------------------------------------------------------------------------- */

/* The archive's only file; folders do not count. */
static bool find_entry(zip_t *archive, zip_uint64_t *entry, zip_stat_t *stat)
{
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    int found = 0;
    for (zip_uint64_t i = 0; i < (zip_uint64_t)entries; i++) {
        zip_stat_t one;
        if (zip_stat_index(archive, i, 0, &one) != 0 || !(one.valid & ZIP_STAT_NAME) ||
            !(one.valid & ZIP_STAT_SIZE))
            return false;
        if (one.name[0] == '\0' || one.name[strlen(one.name) - 1] == '/')
            continue;
        *entry = i;
        *stat = one;
        found++;
    }
    return found == 1;
}

static bool read_entry(rf_prices_bytes *out, zip_t *archive, zip_uint64_t entry, zip_uint64_t size)
{
    zip_file_t *file = zip_fopen_index(archive, entry, 0);
    if (!file)
        return false;
    out->bytes = malloc((size_t)size + 1);
    bool fine = out->bytes != NULL;
    while (fine && out->size < size) {
        zip_int64_t got = zip_fread(file, out->bytes + out->size, size - out->size);
        fine = got > 0;
        out->size += fine ? (size_t)got : 0;
    }
    /* The checksum is looked at when the end is read, so one more byte is asked for. */
    unsigned char beyond;
    fine = fine && zip_fread(file, &beyond, 1) == 0;
    if (fine)
        out->bytes[out->size] = '\0';
    return zip_fclose(file) == 0 && fine;
}

static bool unpack_zip(rf_prices_bytes *out, const char *name, const unsigned char *bytes,
                       size_t size, char *error, size_t error_size)
{
    zip_uint64_t entry = 0;
    zip_stat_t stat;
    zip_error_t fault;
    zip_error_init(&fault);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &fault);
    zip_t *archive =
        source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &fault) : NULL;
    zip_error_fini(&fault);
    if (!archive) {
        zip_source_free(source);
        return fail(error, error_size, "%s: damaged zip", name);
    }
    bool fine = true;
    if (!find_entry(archive, &entry, &stat))
        fine = fail(error, error_size, "%s: a zip of prices holds exactly one file", name);
    else if (stat.size > SIZE_MAX_BYTES)
        fine = fail(error, error_size, "%s: unpacks to more than 1 GiB", name);
    else if (!read_entry(out, archive, entry, stat.size))
        fine = fail(error, error_size, "%s: damaged zip: its contents or checksum are wrong", name);
    zip_discard(archive);
    return fine;
}

/* ---- Doors
 * ------------------------------------------------------------------------------------------ */

bool rf_prices_unpack(rf_prices_bytes *out, const char *name, const unsigned char *bytes,
                      size_t size, char *error, size_t error_size)
{
    bool fine = true;
    *out = (rf_prices_bytes){0};
    if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
        fine = unpack_gzip(out, name, bytes, size, error, error_size);
    } else if (size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) {
        fine = unpack_zip(out, name, bytes, size, error, error_size);
    } else {
        out->bytes = malloc(size + 1);
        if (!out->bytes)
            return fail(error, error_size, "%s: out of memory", name);
        memcpy(out->bytes, bytes, size);
        out->bytes[size] = '\0';
        out->size = size;
    }
    if (!fine)
        drop(out);
    return fine;
}

bool rf_prices_load(rf_prices_bytes *out, const char *path, char *error, size_t error_size)
{
    rf_prices_bytes raw = {0};
    *out = (rf_prices_bytes){0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(error, error_size, "%s: %s", path, strerror(errno));
    bool fine = read_stream(&raw, file, path, error, error_size);
    fclose(file);
    fine = fine && rf_prices_unpack(out, path, raw.bytes, raw.size, error, error_size);
    drop(&raw);
    return fine;
}
