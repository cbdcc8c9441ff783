/* What waits to be sent: order, barriers, answers out of turn, partial writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/held.h"
#include "server/outbox.h"

/* What may leave, as text; `take` bytes of it are sent. */
static const char *leaves(rf_outbox *outbox, uint64_t durable_seq, size_t take)
{
    static char text[65536];
    struct iovec parts[64];
    size_t size = 0;
    int count = rf_outbox_gather(outbox, durable_seq, parts, 64);
    for (int i = 0; i < count; i++) {
        memcpy(text + size, parts[i].iov_base, parts[i].iov_len);
        size += parts[i].iov_len;
    }
    text[size] = '\0';
    rf_outbox_sent(outbox, take < size ? take : size);
    return text;
}

static void put(rf_outbox *outbox, const char *text, uint64_t barrier)
{
    assert_true(rf_outbox_copy(outbox, "", 0, text, strlen(text), barrier));
}

static rf_frame *frame_of(const char *text)
{
    rf_frame *frame = rf_frame_alloc(strlen(text));
    memcpy(frame->data, text, strlen(text));
    frame->size = frame->capacity;
    return frame;
}

static void answer(rf_outbox *outbox, rf_item *item, const char *text)
{
    memcpy(rf_outbox_fill(outbox, item, strlen(text), 0), text, strlen(text));
}

static void waits_for_its_record(void **state)
{
    rf_outbox outbox = {0};
    (void)state;
    put(&outbox, "a", 1);
    put(&outbox, "b", 2);
    put(&outbox, "c", 1); /* free, but behind b */
    assert_string_equal(leaves(&outbox, 0, 0), "");
    assert_false(rf_outbox_ready(&outbox, 0));
    assert_string_equal(leaves(&outbox, 1, 9), "a");
    assert_false(rf_outbox_ready(&outbox, 1));
    assert_string_equal(leaves(&outbox, 2, 9), "bc");
    assert_int_equal(outbox.cost, 0);
    rf_outbox_finish(&outbox);
}

static void answers_keep_their_places(void **state)
{
    rf_outbox outbox = {0};
    (void)state;
    for (uint64_t ticket = 1; ticket <= 20; ticket++)
        assert_true(rf_outbox_expect(&outbox, ticket, false));
    put(&outbox, "z", 0);
    assert_int_equal(outbox.unanswered, 20);
    for (uint64_t ticket = 20; ticket >= 1; ticket--) {
        const char text[] = {(char)('a' + ticket - 1), '\0'};
        assert_string_equal(leaves(&outbox, 99, 0), "");
        answer(&outbox, rf_outbox_find(&outbox, ticket), text);
        assert_null(rf_outbox_find(&outbox, ticket));
    }
    assert_null(rf_outbox_find(&outbox, 21));
    assert_string_equal(leaves(&outbox, 0, 3), "abcdefghijklmnopqrstz");
    assert_string_equal(leaves(&outbox, 0, 99), "defghijklmnopqrstz");
    assert_int_equal(outbox.cost, 0);
    rf_outbox_finish(&outbox);
}

static void what_stands_behind_the_last_is_cut(void **state)
{
    rf_outbox outbox = {0};
    (void)state;
    assert_true(rf_outbox_expect(&outbox, 1, false));
    put(&outbox, "gone", 0);
    assert_true(rf_outbox_expect(&outbox, 2, false));
    rf_item *item = rf_outbox_find(&outbox, 1);
    assert_false(rf_outbox_is_last(&outbox, item));
    rf_outbox_cut(&outbox, item);
    assert_true(rf_outbox_is_last(&outbox, item));
    assert_int_equal(outbox.unanswered, 1);
    answer(&outbox, item, "stays");
    assert_string_equal(leaves(&outbox, 0, 99), "stays");
    rf_outbox_finish(&outbox);
}

static void frames_are_shared(void **state)
{
    rf_outbox first = {0}, second = {0};
    rf_frame *frame = frame_of("shared");
    (void)state;
    assert_true(rf_outbox_add(&first, frame, 0));
    assert_true(rf_outbox_add(&second, frame, 0));
    assert_int_equal(frame->holders, 3);
    assert_string_equal(leaves(&first, 0, 2), "shared");
    assert_string_equal(leaves(&first, 0, 99), "ared");
    assert_int_equal(frame->holders, 2);
    rf_outbox_finish(&second); /* unsent: let go all the same */
    assert_int_equal(frame->holders, 1);
    rf_frame_let_go(frame);
    rf_outbox_finish(&first);
}

/* Random pieces, barriers and partial writes: what leaves is what went in, never early. */
static void nothing_is_lost_or_early(void **state)
{
    rf_outbox outbox = {0};
    char written[200000], sent[200000];
    size_t written_size = 0, sent_size = 0, free_size = 0;
    uint64_t durable = 0, seq = 0;
    static char piece[20000];
    (void)state;
    srand(7);
    while (written_size < 150000) {
        size_t size = 1 + (size_t)(rand() % (rand() % 40 ? 300 : 19000));
        for (size_t i = 0; i < size; i++)
            piece[i] = (char)('!' + (written_size + i) % 90);
        seq += (uint64_t)(rand() % 2);
        assert_true(
            rf_outbox_copy(&outbox, piece, size / 3, piece + size / 3, size - size / 3, seq));
        memcpy(written + written_size, piece, size);
        written_size += size;
        if (rand() % 4 == 0)
            durable = seq;
        if (seq <= durable) /* what depends on a record that is durable already may go at once */
            free_size = written_size;
        struct iovec parts[4];
        int count = rf_outbox_gather(&outbox, durable, parts, 4);
        size_t left = (size_t)(rand() % 700), taken = 0;
        for (int i = 0; i < count && left > taken; i++) {
            size_t part = left - taken < parts[i].iov_len ? left - taken : parts[i].iov_len;
            memcpy(sent + sent_size + taken, parts[i].iov_base, part);
            taken += part;
        }
        rf_outbox_sent(&outbox, taken);
        sent_size += taken;
        assert_true(sent_size <= free_size);
        assert_memory_equal(sent, written, sent_size);
    }
    rf_outbox_finish(&outbox);
}

/* What several wait for counts once, and all of it is given back. */
static void the_sum_is_what_waits(void **state)
{
    rf_outbox one = {0}, two = {0};
    (void)state;
    assert_int_equal(rf_held_bytes(), 0); /* after all the tests before */
    rf_frame *frame = rf_frame_alloc(10000);
    frame->size = frame->capacity;
    assert_int_equal(rf_held_bytes(), 0); /* nobody waits for it */
    assert_true(rf_outbox_add(&one, frame, 1));
    size_t alone = rf_held_bytes();
    assert_in_range(alone, 10000, 11000);
    assert_true(rf_outbox_add(&two, frame, 1));
    assert_true(rf_outbox_add(&two, frame, 1));
    assert_in_range(rf_held_bytes(), alone, alone + 1000);
    rf_frame_let_go(frame);
    rf_outbox_finish(&one);
    assert_in_range(rf_held_bytes(), 10000, 11000);
    leaves(&two, 1, 15000);
    assert_in_range(rf_held_bytes(), 10000, 11000);
    leaves(&two, 1, 15000);
    assert_in_range(rf_held_bytes(), 0, 1000);
    assert_true(rf_outbox_expect(&one, 1, false));
    assert_non_null(rf_outbox_fill(&one, rf_outbox_find(&one, 1), 20000, 1));
    assert_in_range(rf_held_bytes(), 20000, 22000);
    rf_outbox_finish(&one);
    rf_outbox_finish(&two);
    assert_int_equal(rf_held_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_its_record),
        cmocka_unit_test(answers_keep_their_places),
        cmocka_unit_test(what_stands_behind_the_last_is_cut),
        cmocka_unit_test(frames_are_shared),
        cmocka_unit_test(nothing_is_lost_or_early),
        cmocka_unit_test(the_sum_is_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
