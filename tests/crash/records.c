#include <stdlib.h>
#include <string.h>

#include "tests/crash/crash.h"

/* Some records say what others say: only the chain tells them apart. */
size_t crash_record(uint64_t seq, uint32_t seed, unsigned char bytes[RECORD_SIZE])
{
    uint64_t random = seed % 5 == 0 ? 77 : (seq << 32 | seed) + 1;
    const size_t size =
        seed % 7 == 0 ? 1 + fake_below(&random, RECORD_SIZE) : 1 + fake_below(&random, 90);
    const uint64_t word = fake_draw(&random);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(word >> (i % 8 * 8)) ^ (unsigned char)i;
    return size;
}

bool crash_is_record(const crash_sent *sent, uint64_t seq, unsigned kind, const void *bytes,
                     size_t size)
{
    unsigned char wanted[RECORD_SIZE];
    return seq >= 1 && seq <= sent->last && kind == 1 + seq % 2 &&
           crash_record(seq, sent->seeds[seq], wanted) == size && memcmp(wanted, bytes, size) == 0;
}

void crash_append(rf_journal *journal, crash_sent *sent, uint64_t *random)
{
    unsigned char bytes[RECORD_SIZE];
    const uint64_t seq = ++sent->last;
    if (seq >= RECORDS_MAX)
        crash_fail("too many records");
    sent->seeds[seq] = (uint32_t)fake_draw(random);
    const size_t size = crash_record(seq, sent->seeds[seq], bytes);
    if (rf_journal_append(journal, (unsigned)(1 + seq % 2), bytes, size) != seq)
        crash_fail("record %llu got another number", (unsigned long long)seq);
}

bool crash_see(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    crash_visit *visit = context;
    if (!crash_is_record(visit->sent, seq, kind, bytes, size) ||
        (visit->last != 0 && seq != visit->last + 1))
        visit->wrong = true;
    visit->first = visit->first ? visit->first : seq;
    visit->last = seq;
    return true;
}

rf_journal_options crash_options(const rf_disk *disk)
{
    return (rf_journal_options){.disk = disk,
                                .dir = "d",
                                .segment_size = 8192,
                                .identity = {3, 4},
                                .label = "crash",
                                .label_size = 5};
}

bool crash_commit(rf_journal *journal, crash_sent *sent)
{
    uint64_t durable = 0;
    if (!rf_journal_take(journal))
        return rf_journal_error(journal)[0] == '\0';
    const bool good = rf_journal_commit(journal, &durable);
    if (good && durable != sent->last)
        crash_fail("record %llu was acknowledged, not %llu", (unsigned long long)durable,
                   (unsigned long long)sent->last);
    if (good)
        sent->acked = durable;
    return good;
}
