#include "store/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/little_endian.h"

#define FRAME_MAGIC 0x31724652u /* "RFr1" */

enum { HEAD_CRC_AT = RF_SEGMENT_HEAD_SIZE - 4 };

static const unsigned char head_magic[8] = {'R', 'F', 'J', 'R', 'N', 'L', '0', '1'};

/* ---- Frames -------------------------------------------------------------------------------------- */

size_t rf_frame_total(size_t size)
{
    return RF_FRAME_HEAD_SIZE +
           ((size + RF_FRAME_ALIGNMENT - 1) & ~(size_t)(RF_FRAME_ALIGNMENT - 1));
}

/* Of all its bytes but the checksum's own, the padding among them. */
static uint32_t crc_of(const unsigned char *at, size_t total)
{
    return rf_crc32c(rf_crc32c(0, at, 28), at + RF_FRAME_HEAD_SIZE, total - RF_FRAME_HEAD_SIZE);
}

void rf_frame_write(rf_frame *frame, unsigned char *at)
{
    RF_CHECK(frame->size >= 1 && frame->size <= RF_RECORD_SIZE_MAX);
    frame->total = rf_frame_total(frame->size);
    rf_store_le32(at, FRAME_MAGIC);
    rf_store_le32(at + 4, frame->size);
    rf_store_le64(at + 8, frame->seq);
    rf_store_le32(at + 16, frame->place);
    rf_store_le32(at + 20, frame->kind);
    rf_store_le32(at + 24, frame->previous);
    memset(at + frame->total - RF_FRAME_ALIGNMENT, 0, RF_FRAME_ALIGNMENT);
    memcpy(at + RF_FRAME_HEAD_SIZE, frame->bytes, frame->size);
    frame->crc = crc_of(at, frame->total);
    rf_store_le32(at + 28, frame->crc);
}

bool rf_frame_read(rf_frame *frame, const unsigned char *at, size_t available)
{
    if (available < RF_FRAME_HEAD_SIZE || rf_load_le32(at) != FRAME_MAGIC)
        return false;
    frame->size = rf_load_le32(at + 4);
    if (frame->size < 1 || frame->size > RF_RECORD_SIZE_MAX)
        return false;
    frame->total = rf_frame_total(frame->size);
    if (frame->total > available)
        return false;
    frame->seq = rf_load_le64(at + 8);
    frame->place = rf_load_le32(at + 16);
    frame->kind = rf_load_le32(at + 20);
    frame->previous = rf_load_le32(at + 24);
    frame->crc = rf_load_le32(at + 28);
    frame->bytes = at + RF_FRAME_HEAD_SIZE;
    return crc_of(at, frame->total) == frame->crc;
}

/* ---- Heads --------------------------------------------------------------------------------------- */

void rf_segment_head_write(const rf_segment_head *head, unsigned char at[RF_SEGMENT_HEAD_SIZE])
{
    RF_CHECK(head->head.label_size <= RF_JOURNAL_LABEL_MAX);
    memset(at, 0, RF_SEGMENT_HEAD_SIZE);
    memcpy(at, head_magic, sizeof head_magic);
    rf_store_le64(at + 8, head->head.identity[0]);
    rf_store_le64(at + 16, head->head.identity[1]);
    rf_store_le64(at + 24, head->head.first_seq);
    rf_store_le32(at + 32, head->previous);
    rf_store_le32(at + 36, head->head.label_size);
    memcpy(at + 40, head->head.label, head->head.label_size);
    rf_store_le32(at + HEAD_CRC_AT, rf_crc32c(0, at, HEAD_CRC_AT));
}

bool rf_segment_head_read(rf_segment_head *head, const unsigned char at[RF_SEGMENT_HEAD_SIZE])
{
    *head = (rf_segment_head){0};
    if (memcmp(at, head_magic, sizeof head_magic) != 0 ||
        rf_load_le32(at + HEAD_CRC_AT) != rf_crc32c(0, at, HEAD_CRC_AT))
        return false;
    head->head.identity[0] = rf_load_le64(at + 8);
    head->head.identity[1] = rf_load_le64(at + 16);
    head->head.first_seq = rf_load_le64(at + 24);
    head->previous = rf_load_le32(at + 32);
    head->head.label_size = rf_load_le32(at + 36);
    if (head->head.label_size > RF_JOURNAL_LABEL_MAX)
        return false;
    memcpy(head->head.label, at + 40, head->head.label_size);
    return true;
}

/* Its last two characters are the version; every version keeps the head's size and checksum. */
bool rf_segment_head_foreign(const unsigned char at[RF_SEGMENT_HEAD_SIZE])
{
    return memcmp(at, head_magic, sizeof head_magic - 2) == 0 &&
           memcmp(at, head_magic, sizeof head_magic) != 0 &&
           rf_load_le32(at + HEAD_CRC_AT) == rf_crc32c(0, at, HEAD_CRC_AT);
}

/* ---- Names --------------------------------------------------------------------------------------- */

static const char segment_prefix[] = "journal-";

void rf_segment_name(char name[64], uint64_t first_seq)
{
    snprintf(name, 64, "%s%020llu", segment_prefix, (unsigned long long)first_seq);
}

/* 20 digits behind the prefix and nothing else; 0: not that. */
static uint64_t number_of(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0 || strlen(name) != length + 20)
        return 0;
    uint64_t number = 0;
    for (const char *digit = name + length; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number > (UINT64_MAX - 9) / 10)
            return 0;
        number = 10 * number + (uint64_t)(*digit - '0');
    }
    return number;
}

uint64_t rf_segment_first(const char *name)
{
    return number_of(name, segment_prefix);
}

size_t rf_skip_zeros(const unsigned char *bytes, size_t from, size_t size)
{
    static const unsigned char zeros[4096];
    while (size - from >= sizeof zeros && memcmp(bytes + from, zeros, sizeof zeros) == 0)
        from += sizeof zeros;
    while (from < size && bytes[from] == 0)
        from++;
    return from;
}

typedef struct collector {
    const char *prefix;
    rf_names *names;
    bool out_of_memory;
} collector;

static void collect(void *context, const char *name)
{
    collector *all = context;
    const uint64_t number = number_of(name, all->prefix);
    if (number == 0)
        return;
    uint64_t *numbers =
        realloc(all->names->numbers, (all->names->count + 1) * sizeof *all->names->numbers);
    if (!numbers) {
        all->out_of_memory = true;
        return;
    }
    size_t at = all->names->count++;
    all->names->numbers = numbers;
    for (; at > 0 && numbers[at - 1] > number; at--)
        numbers[at] = numbers[at - 1];
    numbers[at] = number;
}

bool rf_names_list(const rf_disk *disk, const char *dir, const char *prefix, rf_names *names,
                   int *error)
{
    collector all = {.prefix = prefix, .names = names};
    *names = (rf_names){0};
    if (disk->list(disk->context, dir, collect, &all, error) == 0 && !all.out_of_memory)
        return true;
    if (all.out_of_memory)
        *error = ENOMEM;
    free(names->numbers);
    *names = (rf_names){0};
    return false;
}
