/* The journal on real files: what went in comes out, a torn tail is cut, damage is named. */
#include "store/journal.h"

#include "base/crc32c.h"
#include "tests/unit/temporary.h"

enum { SEGMENT = 16384 };

static char dir[64];

static rf_journal_options options(void)
{
    return (rf_journal_options){
        .disk = &rf_disk_files, .dir = dir, .segment_size = SEGMENT, .identity = {7, 9}};
}

static int set_up(void **state)
{
    (void)state;
    temporary_make(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temporary_remove(dir);
    return 0;
}

/* Record n is n's last digit, so many times. */
static size_t record(uint64_t seq, unsigned char bytes[700])
{
    const size_t size = 1 + seq * 37 % 699;
    memset(bytes, (int)('0' + seq % 10), size);
    return size;
}

typedef struct seen {
    uint64_t first, last, stop;
} seen;

static bool visit(void *context, uint64_t seq, unsigned kind, const void *bytes, size_t size)
{
    seen *all = context;
    unsigned char wanted[700];
    assert_int_equal(size, record(seq, wanted));
    assert_memory_equal(bytes, wanted, size);
    assert_int_equal(kind, 1 + seq % 3);
    assert_true(all->last == 0 || seq == all->last + 1);
    all->first = all->first ? all->first : seq;
    all->last = seq;
    return all->stop == 0 || seq < all->stop;
}

static void append(rf_journal *journal, uint64_t until)
{
    while (rf_journal_last(journal) < until) {
        unsigned char bytes[700];
        const uint64_t seq = rf_journal_last(journal) + 1;
        const size_t size = record(seq, bytes);
        assert_int_equal(rf_journal_append(journal, (unsigned)(1 + seq % 3), bytes, size), seq);
    }
}

static void commit(rf_journal *journal, uint64_t until)
{
    uint64_t durable = 0;
    append(journal, until);
    assert_true(rf_journal_take(journal));
    assert_false(rf_journal_take(journal));
    assert_true(rf_journal_commit(journal, &durable));
    assert_int_equal(durable, until);
    assert_string_equal(rf_journal_error(journal), "");
}

static rf_journal *open_at(uint64_t after, seen *all, rf_store_report *report)
{
    const rf_journal_options own = options();
    *all = (seen){0};
    return rf_journal_open(&own, after, visit, all, report);
}

static void write_records(uint64_t until, uint64_t step)
{
    seen all;
    rf_store_report report;
    rf_journal *journal = open_at(0, &all, &report);
    assert_non_null(journal);
    for (uint64_t seq = rf_journal_last(journal); seq < until;) {
        seq = seq + step < until ? seq + step : until;
        commit(journal, seq);
    }
    rf_journal_close(journal);
}

static void test_there_and_back(void **state)
{
    (void)state;
    seen all;
    rf_store_report report;
    const rf_journal_options own = options();
    rf_journal *journal = open_at(0, &all, &report);
    assert_non_null(journal);
    assert_false(rf_journal_take(journal)); /* nothing yet */
    assert_int_equal(report.first_seq + report.last_seq, 0);
    rf_journal_close(journal);
    write_records(500, 7);
    write_records(501, 1);
    write_records(1000, 200); /* batches longer than a file */
    for (uint64_t after = 0; after <= 1000; after += 125) {
        journal = open_at(after, &all, &report);
        assert_non_null(journal);
        assert_int_equal(all.last, after < 1000 ? 1000 : 0);
        assert_int_equal(all.first, after < 1000 ? after + 1 : 0);
        assert_int_equal(report.first_seq, 1);
        assert_int_equal(report.last_seq, 1000);
        assert_int_equal(report.cut_bytes, 0);
        rf_journal_close(journal);
    }
    all = (seen){.stop = 300};
    assert_true(rf_journal_read(&own, RF_JOURNAL_OLDEST, visit, &all, &report));
    assert_int_equal(all.last, 300);
    assert_null(open_at(1001, &all, &report));
    assert_string_equal(report.error,
                        "the journal ends with record 1000, but there was a record 1001");
}

/* Everything flipped, one byte at a time in the middle and one bit at the end. */
static void test_damage(void **state)
{
    (void)state;
    char name[64] = "journal-00000000000000000001";
    size_t size;
    seen all;
    rf_store_report report;
    const rf_journal_options own = options();
    write_records(20, 5);
    unsigned char *bytes = temporary_read(dir, name, &size);
    assert_int_equal(size, SEGMENT);
    size_t cut = 0, found = 0;
    for (size_t at = 0; at < size; at += 3) {
        bytes[at] ^= 16;
        temporary_write(dir, name, bytes, size);
        bytes[at] ^= 16;
        all = (seen){0};
        const bool good = rf_journal_read(&own, 0, visit, &all, &report);
        assert_true(!good || report.cut_bytes > 0);
        assert_true(good || strstr(report.error, "damaged at byte"));
        cut += good;
        found += !good;
        if (good)
            assert_true(all.last >= 15); /* the batches before the last are never cut */
    }
    assert_true(cut > 1000 && found > 1000);
    free(bytes);
}

static void test_a_torn_tail_is_cut_once(void **state)
{
    (void)state;
    char name[64] = "journal-00000000000000000001";
    size_t size;
    seen all;
    rf_store_report report;
    write_records(9, 3);
    unsigned char *bytes = temporary_read(dir, name, &size);
    size_t end = size;
    while (bytes[end - 1] == 0)
        end--;
    bytes[end - 1] ^= 1; /* the last record */
    temporary_write(dir, name, bytes, size);
    free(bytes);
    rf_journal *journal = open_at(0, &all, &report);
    assert_non_null(journal);
    assert_int_equal(all.last, 8);
    assert_true(report.cut_bytes > 0);
    assert_string_equal(report.cut_file, name);
    rf_journal_close(journal);
    journal = open_at(0, &all, &report);
    assert_int_equal(report.cut_bytes, 0);
    commit(journal, 12);
    rf_journal_close(journal);
    journal = open_at(0, &all, &report);
    assert_int_equal(all.last, 12);
    rf_journal_close(journal);
}

static void test_files_that_are_not_there(void **state)
{
    (void)state;
    seen all;
    rf_store_report report;
    char path[128];
    write_records(400, 10);
    rf_journal *journal = open_at(0, &all, &report);
    assert_non_null(journal);
    assert_true(rf_journal_forget(journal, 200));
    rf_journal_close(journal);
    assert_null(open_at(0, &all, &report));
    assert_non_null(strstr(report.error, "are not there"));
    const rf_journal_options own = options();
    all = (seen){0};
    assert_true(rf_journal_read(&own, RF_JOURNAL_OLDEST, visit, &all, &report));
    assert_true(all.first > 100 && all.first <= 201 && all.last == 400);
    assert_int_equal(report.first_seq, all.first);
    /* Forgetting everything keeps the last file. */
    journal = open_at(all.first - 1, &all, &report);
    assert_true(rf_journal_forget(journal, 10000));
    rf_journal_close(journal);
    all = (seen){0};
    assert_true(rf_journal_read(&own, RF_JOURNAL_OLDEST, visit, &all, &report));
    assert_int_equal(report.last_seq, 400);
    /* One in the middle. */
    temporary_remove(dir);
    temporary_make(dir);
    write_records(400, 10);
    rf_journal_head head;
    assert_true(rf_journal_look(&own, 150, &head, &report));
    assert_true(head.first_seq > 1 && head.first_seq <= 150);
    snprintf(path, sizeof path, "%s/journal-%020llu", dir, (unsigned long long)head.first_seq);
    assert_int_equal(unlink(path), 0);
    assert_null(open_at(0, &all, &report));
    assert_non_null(strstr(report.error, "records before it are missing"));
}

static void test_whose_and_of_what(void **state)
{
    (void)state;
    seen all = {0};
    rf_store_report report;
    rf_journal_options own = options();
    own.label = "first";
    own.label_size = 5;
    rf_journal *journal = rf_journal_open(&own, 0, visit, &all, &report);
    commit(journal, 3);
    rf_journal_close(journal);
    own.identity[1] = 10;
    assert_null(rf_journal_open(&own, 0, visit, &all, &report));
    assert_non_null(strstr(report.error, "another venue"));
    own.identity[0] = own.identity[1] = 0;
    own.label = "other";
    assert_null(rf_journal_open(&own, 0, visit, &all, &report));
    assert_non_null(strstr(report.error, "other rules or limits"));
    /* Behind a snapshot the label may change: a new file begins. */
    all = (seen){0};
    journal = rf_journal_open(&own, 3, visit, &all, &report);
    assert_non_null(journal);
    commit(journal, 4);
    rf_journal_close(journal);
    rf_journal_head head;
    assert_true(rf_journal_look(&own, 4, &head, &report));
    assert_int_equal(head.first_seq, 4);
    assert_int_equal(head.identity[1], 9);
    assert_memory_equal(head.label, "other", 5);
    assert_true(rf_journal_look(&own, 0, &head, &report));
    assert_memory_equal(head.label, "first", 5);
}

static void test_sizes(void **state)
{
    (void)state;
    rf_store_report report;
    rf_journal_options own = options();
    own.segment_size = 4096;
    assert_null(rf_journal_open(&own, 0, NULL, NULL, &report));
    own.segment_size = 16384 + 1;
    assert_null(rf_journal_open(&own, 0, NULL, NULL, &report));
    own.segment_size = SEGMENT;
    own.dir = "/nowhere/at/all";
    assert_null(rf_journal_open(&own, 0, NULL, NULL, &report));
    assert_non_null(strstr(report.error, "/nowhere/at/all: No such file"));
    int error = 0;
    const int lock = rf_disk_lock(dir, &error);
    assert_true(lock >= 0);
    assert_int_equal(rf_disk_lock(dir, &error), -1);
    close(lock);
}

/* The value of iSCSI's appendix, and the table agrees with the instruction. */
static void test_checksum(void **state)
{
    (void)state;
    unsigned char bytes[300];
    assert_int_equal(rf_crc32c(0, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, 32);
    assert_int_equal(rf_crc32c(0, bytes, 32), 0x8a9136aau);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i + 3 * i);
    for (size_t size = 0; size < sizeof bytes; size++) {
        const uint32_t whole = rf_crc32c(0, bytes, size);
        assert_int_equal(whole, rf_crc32c_by_table(0, bytes, size));
        assert_int_equal(
            whole, rf_crc32c(rf_crc32c(0, bytes, size / 3), bytes + size / 3, size - size / 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_torn_tail_is_cut_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_are_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whose_and_of_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
