/* Snapshot files on a disk of which one call fails: what is told, and that nothing half-written has a name. */
#include "store/snapfile.h"

#include <errno.h>

#include "tests/unit/temporary.h"

enum { STATE_SIZE = 700000 }; /* more than two chunks, and nothing that could be compressed */

typedef enum call { NONE, OPEN, CLOSE, WRITE, TRUNCATE, SYNC, RENAME, SYNC_DIR, REMOVE } call;

static char dir[64];
static unsigned char state[STATE_SIZE], back[STATE_SIZE];
static rf_disk disk;
static unsigned failing; /* a bit for each call */
static size_t wanted;    /* bytes that `load` asks for */
static unsigned loads;

/* The number of the call is its error, so that a report says which of several it heard. */
static bool fails(call which, int *error)
{
    const bool now = (failing & 1u << which) != 0;
    if (now)
        *error = (int)which;
    return now;
}

static int open_file(void *context, const char *path, bool create, int *error)
{
    return fails(OPEN, error) ? -1 : rf_disk_files.open(context, path, create, error);
}

static int close_file(void *context, int file, int *error)
{
    const int closed = rf_disk_files.close(context, file, error);
    return fails(CLOSE, error) ? -1 : closed;
}

static int write_file(void *context, int file, uint64_t offset, const void *bytes, size_t size,
                      int *error)
{
    return fails(WRITE, error) ? -1
                               : rf_disk_files.write(context, file, offset, bytes, size, error);
}

static int truncate_file(void *context, int file, uint64_t size, int *error)
{
    return fails(TRUNCATE, error) ? -1 : rf_disk_files.truncate(context, file, size, error);
}

static int sync_file(void *context, int file, int *error)
{
    return fails(SYNC, error) ? -1 : rf_disk_files.sync(context, file, error);
}

static int rename_file(void *context, const char *from, const char *to, int *error)
{
    return fails(RENAME, error) ? -1 : rf_disk_files.rename(context, from, to, error);
}

static int sync_directory(void *context, const char *path, int *error)
{
    return fails(SYNC_DIR, error) ? -1 : rf_disk_files.sync_dir(context, path, error);
}

static int remove_file(void *context, const char *path, int *error)
{
    return fails(REMOVE, error) ? -1 : rf_disk_files.remove(context, path, error);
}

static int set_up(void **ignored)
{
    (void)ignored;
    uint64_t random = 1;
    temporary_make(dir);
    disk = rf_disk_files;
    disk.open = open_file;
    disk.close = close_file;
    disk.write = write_file;
    disk.truncate = truncate_file;
    disk.sync = sync_file;
    disk.rename = rename_file;
    disk.sync_dir = sync_directory;
    disk.remove = remove_file;
    failing = 0;
    wanted = STATE_SIZE;
    loads = 0;
    for (size_t i = 0; i < STATE_SIZE; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        state[i] = (unsigned char)(random >> 56);
    }
    return 0;
}

static int tear_down(void **ignored)
{
    (void)ignored;
    temporary_remove(dir);
    return 0;
}

/* In pieces of all sizes. */
static bool save(void *from, rf_snap_write write, void *context)
{
    const unsigned char *bytes = from;
    size_t size = 1;
    for (size_t at = 0; at < STATE_SIZE; at += size, size = size % 40000 * 3 + 1)
        if (!write(context, bytes + at, size < STATE_SIZE - at ? size : STATE_SIZE - at))
            return false;
    return true;
}

static bool load(void *to, rf_snap_read read, void *context)
{
    unsigned char *bytes = to;
    size_t size = 1;
    loads++;
    for (size_t at = 0; at < wanted; at += size, size = size % 30000 * 5 + 1)
        if (!read(context, bytes + at, size < wanted - at ? size : wanted - at))
            return false;
    return true;
}

static uint64_t newest(char error[256])
{
    uint64_t seq;
    memset(back, 0, sizeof back);
    assert_true(rf_snapfile_load(&disk, dir, UINT64_MAX, &seq, load, back, error));
    return seq;
}

static void there_and_back(void **ignored)
{
    (void)ignored;
    char error[256];
    assert_int_equal(newest(error), 0);
    assert_true(rf_snapfile_save(&disk, dir, 7, save, state, error));
    assert_string_equal(error, "");
    assert_int_equal(newest(error), 7);
    assert_memory_equal(back, state, STATE_SIZE);
    /* What an interrupted save left behind is longer than the next: nothing of it stays. */
    unsigned char *leftover = calloc(2, STATE_SIZE);
    temporary_write(dir, "snapshot.new", leftover, 2 * STATE_SIZE);
    free(leftover);
    assert_true(rf_snapfile_save(&disk, dir, 8, save, state, error));
    assert_int_equal(newest(error), 8);
    assert_string_equal(error, "");
}

static void who_asks_for_less_or_more(void **ignored)
{
    (void)ignored;
    char error[256];
    assert_true(rf_snapfile_save(&disk, dir, 7, save, state, error));
    wanted = STATE_SIZE - 1;
    assert_int_equal(newest(error), 0);
    assert_non_null(strstr(error, "snapshot-00000000000000000007: it holds more than the state"));
    wanted = STATE_SIZE;
    failing = 1u << CLOSE; /* of a file that was only read: nobody minds */
    assert_int_equal(newest(error), 7);
    failing = 1u << OPEN;
    assert_int_equal(newest(error), 0);
    assert_non_null(strstr(error, "it cannot be opened"));
}

/* Each call by itself, and with the close that follows: the first is the one that is told. */
static void failures_are_told(void **ignored)
{
    (void)ignored;
    static const call calls[] = {OPEN, CLOSE, WRITE, TRUNCATE, SYNC, RENAME, SYNC_DIR};
    char error[256];
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (unsigned also = 0; also <= 1u << CLOSE; also += 1u << CLOSE) {
            failing = 1u << calls[i] | also;
            const bool closes = also != 0 && (calls[i] == RENAME || calls[i] == SYNC_DIR);
            assert_false(rf_snapfile_save(&disk, dir, 9, save, state, error));
            assert_non_null(strstr(error, dir));
            assert_non_null(strstr(error, strerror((int)(closes ? CLOSE : calls[i]))));
            failing = 0;
            /* After a flush of the directory that failed the name may be there: it is whole. */
            assert_int_equal(newest(error), calls[i] == SYNC_DIR && !closes ? 9 : 0);
            temporary_remove(dir);
            temporary_make(dir);
        }
}

static void pruning(void **ignored)
{
    (void)ignored;
    char error[256];
    uint64_t *numbers;
    size_t count;
    for (uint64_t seq = 1; seq <= 5; seq++)
        assert_true(rf_snapfile_save(&disk, dir, seq, save, state, error));
    failing = 1u << REMOVE;
    assert_false(rf_snapfile_prune(&disk, dir, 2, UINT64_MAX, error));
    assert_non_null(strstr(error, strerror(REMOVE)));
    failing = 1u << SYNC_DIR;
    assert_false(rf_snapfile_prune(&disk, dir, 5, UINT64_MAX, error));
    assert_non_null(strstr(error, strerror(SYNC_DIR)));
    failing = 0;
    assert_true(rf_snapfile_prune(&disk, dir, 2, 2, error)); /* somebody goes on from 2 */
    assert_true(rf_snapfile_list(&disk, dir, &numbers, &count, error));
    assert_int_equal(count, 3);
    assert_int_equal(numbers[0], 2);
    assert_int_equal(numbers[1], 4);
    assert_int_equal(numbers[2], 5);
    free(numbers);
    loads = 0;
    assert_int_equal(newest(error), 5);
    assert_int_equal(loads, 1);
    /* A damaged newest is named, and the one before it is taken. */
    size_t size;
    unsigned char *bytes = temporary_read(dir, "snapshot-00000000000000000005", &size);
    bytes[size / 2] ^= 1;
    temporary_write(dir, "snapshot-00000000000000000005", bytes, size);
    free(bytes);
    assert_int_equal(newest(error), 4);
    assert_string_equal(error, "snapshot-00000000000000000005: it is damaged");
    uint64_t seq;
    assert_true(rf_snapfile_load(&disk, dir, 3, &seq, load, back, error));
    assert_int_equal(seq, 2);
    assert_true(rf_snapfile_load(&disk, "/nowhere/at/all", 3, &seq, load, back, error) == false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_for_less_or_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pruning, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
