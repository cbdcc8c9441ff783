/* The simulator's own eyes: what its observer makes of events, also of such that a sound engine never sends, and that
 * the report draws what it is given. */
#include "cli/report.h"
#include "cli/simulate.h"
#include "prices/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { FIRST = 7, USERS = 3, ACCOUNTS = FIRST + USERS };

typedef struct stage {
    rf_simulate_options options;
    rf_simulate_result result;
    rf_simulate_world world;
    rf_simulate_user users[USERS];
    int64_t mains[ACCOUNTS];
    rf_simulate_moment moment;
    rf_sink sink;
} stage;

static int set_up(void **state)
{
    stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->result.options = &s->options;
    s->result.rows_count = 2;
    s->world = (rf_simulate_world){.options = &s->options,
                                   .result = &s->result,
                                   .users = s->users,
                                   .mains = s->mains,
                                   .first_user = FIRST,
                                   .accounts_count = ACCOUNTS,
                                   .moment = &s->moment};
    s->moment.time_ms = 1584009720000;
    s->users[1].row = 1;
    s->sink = rf_simulate_observer(&s->world);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void see(stage *s, rf_event event)
{
    s->sink.event(s->sink.context, &event);
}

static void move(stage *s, uint32_t account, uint64_t isolation, rf_slot_kind from, rf_slot_kind to,
                 int64_t amount, rf_reason reason)
{
    see(s, (rf_event){.kind = RF_EVENT_LEDGER,
                      .account = account,
                      .isolation_id = isolation,
                      .slot_from = (uint8_t)from,
                      .slot_to = (uint8_t)to,
                      .amount = amount,
                      .reason = (uint8_t)reason});
}

static void started(stage *s, uint32_t account, uint64_t isolation, int64_t equity)
{
    see(s, (rf_event){.kind = RF_EVENT_LIQUIDATION_STARTED,
                      .account = account,
                      .isolation_id = isolation,
                      .amount = equity});
}

static void ended(stage *s, uint32_t account, uint64_t isolation, int64_t taken,
                  int64_t deleveraged)
{
    see(s, (rf_event){.kind = RF_EVENT_LIQUIDATION_ENDED,
                      .account = account,
                      .isolation_id = isolation,
                      .value = taken,
                      .leaves = deleveraged});
}

/* ---- Money ---------------------------------------------------------------------------------------------------- */

static void test_money_follows_the_events(void **state)
{
    stage *s = *state;
    move(s, FIRST, 0, RF_SLOT_WORLD, RF_SLOT_MAIN, 1000, RF_REASON_DEPOSIT);
    assert_int_equal(s->mains[FIRST], 1000);
    assert_true(s->world.users_total == 1000);
    move(s, FIRST, 5, RF_SLOT_MAIN, RF_SLOT_ISOLATED, 300, RF_REASON_ISOLATED_TRANSFER);
    assert_int_equal(s->mains[FIRST], 700);
    assert_int_equal(s->users[0].isolated, 300);
    assert_int_equal(s->users[0].put_in, 300);
    assert_true(s->world.users_total == 1000);
    see(s,
        (rf_event){
            .kind = RF_EVENT_FILL, .account = FIRST, .isolation_id = 5, .realized = -20, .fee = 3});
    assert_int_equal(s->users[0].isolated, 277);
    see(s, (rf_event){.kind = RF_EVENT_FILL, .account = FIRST, .realized = 11, .fee = -1});
    assert_int_equal(s->mains[FIRST], 712);
    see(s, (rf_event){.kind = RF_EVENT_POSITION_SETTLED,
                      .account = FIRST,
                      .isolation_id = 5,
                      .realized = 23});
    assert_int_equal(s->users[0].isolated, 300);
    move(s, FIRST, 5, RF_SLOT_ISOLATED, RF_SLOT_MAIN, 100, RF_REASON_ISOLATED_TRANSFER);
    assert_int_equal(s->users[0].back, 100);
    assert_int_equal(s->mains[FIRST], 812);
    assert_true(s->world.users_total == 1012);
    /* The fund's own fills are no user's money. */
    see(s, (rf_event){.kind = RF_EVENT_FILL, .account = 0, .realized = 50, .fee = 1});
    assert_true(s->world.users_total == 1012);
    assert_int_equal(s->result.rows[0].put_in, 300);
}

static void test_what_the_fund_pays(void **state)
{
    stage *s = *state;
    move(s, FIRST, 5, RF_SLOT_INSURANCE, RF_SLOT_ISOLATED, 40, RF_REASON_UNCOVERED_LOSS);
    move(s, FIRST, 0, RF_SLOT_MAIN, RF_SLOT_INSURANCE, 15, RF_REASON_SOCIALIZED_LOSS);
    assert_int_equal(s->result.uncovered, 40);
    assert_int_equal(s->result.socialized, 15);
}

/* ---- The fence ------------------------------------------------------------------------------------------------- */

static void test_liquidation_inside_the_fence(void **state)
{
    stage *s = *state;
    started(s, FIRST, 5, 10);
    move(s, FIRST, 5, RF_SLOT_ISOLATED, RF_SLOT_INSURANCE, 10, RF_REASON_INSURANCE);
    move(s, FIRST + 1, 0, RF_SLOT_CLEARING, RF_SLOT_MAIN, 10,
         RF_REASON_REALIZED_PNL); /* somebody else's main */
    ended(s, FIRST, 5, 0, 0);
    move(s, FIRST, 0, RF_SLOT_WORLD, RF_SLOT_MAIN, 10, RF_REASON_DEPOSIT); /* afterwards */
    assert_int_equal(s->result.main_touched, 0);
    assert_true(rf_simulate_sound(&s->result));
}

static void test_touched_main_is_seen(void **state)
{
    stage *s = *state;
    started(s, FIRST, 5, 10);
    move(s, FIRST, 0, RF_SLOT_MAIN, RF_SLOT_INSURANCE, 1, RF_REASON_UNCOVERED_LOSS);
    move(s, FIRST, 0, RF_SLOT_MAIN, RF_SLOT_INSURANCE, 1, RF_REASON_UNCOVERED_LOSS);
    ended(s, FIRST, 5, 0, 0);
    assert_int_equal(s->result.main_touched, 1); /* an account, however often */
    assert_false(rf_simulate_sound(&s->result));
}

static void test_touched_by_a_fill_or_a_move_is_seen(void **state)
{
    stage *s = *state;
    started(s, FIRST, 5, 10);
    see(s, (rf_event){.kind = RF_EVENT_FILL, .account = FIRST, .realized = 1});
    ended(s, FIRST, 5, 0, 0);
    started(s, FIRST + 1, 6, 10);
    see(s, (rf_event){
               .kind = RF_EVENT_POSITION_MOVED, .account = FIRST + 1, .realized = 1, .code = 2});
    see(s, (rf_event){
               .kind = RF_EVENT_LIQUIDATION_RECOVERED, .account = FIRST + 1, .isolation_id = 6});
    assert_int_equal(s->result.main_touched, 2);
}

static void test_cross_liquidation_may_touch_main(void **state)
{
    stage *s = *state;
    started(s, FIRST, 0, -5);
    move(s, FIRST, 0, RF_SLOT_MAIN, RF_SLOT_INSURANCE, 1, RF_REASON_LIQUIDATION_FEE);
    ended(s, FIRST, 0, 0, 0);
    assert_int_equal(s->result.main_touched, 0);
    assert_int_equal(s->result.largest_shortfall, 0); /* of isolations only */
    assert_int_equal(s->result.cross.closed_in_book, 1);
    assert_int_equal(s->moment.crosses, 1);
}

static void test_sound(void **state)
{
    stage *s = *state;
    assert_true(rf_simulate_sound(&s->result));
    s->result.conservation_residual = 1;
    assert_false(rf_simulate_sound(&s->result));
    s->result.conservation_residual = 0;
    s->result.lost_more = 1;
    assert_false(rf_simulate_sound(&s->result));
    s->result.lost_more = 0;
    s->result.rebuilt_wrong = 1;
    assert_false(rf_simulate_sound(&s->result));
    s->result.rebuilt_wrong = 0;
    strcpy(s->result.broken, "I3");
    assert_false(rf_simulate_sound(&s->result));
}

/* ---- Outcomes ---------------------------------------------------------------------------------------------------- */

static void test_each_liquidation_counts_once_as_its_worst(void **state)
{
    stage *s = *state;
    for (uint64_t i = 0; i < 3; i++) {
        started(s, FIRST + (uint32_t)i, 5 + i, -(int64_t)i * 100);
        ended(s, FIRST + (uint32_t)i, 5 + i, i > 0, i > 1);
    }
    const rf_simulate_outcomes *all = &s->result.isolated;
    assert_int_equal(all->closed_in_book, 1);
    assert_int_equal(all->taken_over, 1);
    assert_int_equal(all->deleveraged, 1);
    assert_int_equal(rf_simulate_liquidations(all), 3);
    assert_int_equal(rf_simulate_liquidations(&s->result.rows[0].outcomes), 2);
    assert_int_equal(rf_simulate_liquidations(&s->result.rows[1].outcomes), 1);
    assert_int_equal(s->moment.isolations.taken_over, 1);
    assert_int_equal(s->result.largest_shortfall, 200);
    assert_int_equal(s->result.rows[1].first_ms, 1584009720000);
    assert_true(s->users[0].liquidated && s->users[2].liquidated);
}

static void test_cross_outcome_is_the_worst_of_its_slices(void **state)
{
    stage *s = *state;
    started(s, FIRST, 0, 10);
    see(s, (rf_event){.kind = RF_EVENT_POSITION_MOVED, .account = FIRST, .code = 1});
    ended(s, FIRST, 0, 0, 0); /* the last slice went into the book */
    started(s, FIRST + 1, 0, 10);
    see(s, (rf_event){.kind = RF_EVENT_POSITION_MOVED, .account = FIRST + 1, .code = 2});
    see(s,
        (rf_event){
            .kind = RF_EVENT_POSITION_MOVED, .account = FIRST + 2, .isolation_id = 9, .code = 2});
    ended(s, FIRST + 1, 0, 0, 0);
    started(s, FIRST, 0, 10);
    see(s, (rf_event){.kind = RF_EVENT_LIQUIDATION_RECOVERED, .account = FIRST});
    assert_int_equal(s->result.cross.taken_over, 1);
    assert_int_equal(s->result.cross.deleveraged, 1);
    assert_int_equal(s->result.cross.recovered, 1);
    assert_int_equal(s->result.counterparties, 1);
}

/* ---- Report ------------------------------------------------------------------------------------------------------- */

static int64_t dollars(int64_t amount)
{
    return amount * RF_E8;
}

/* The page as text; the caller frees it. */
static char *page_of(const rf_simulate_result *result)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    rf_report_write(file, result);
    assert_int_equal(ferror(file), 0);
    const long size = ftell(file);
    assert_true(size > 0);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

static void test_report_draws_what_it_is_given(void **state)
{
    stage *s = *state;
    rf_simulate_moment moments[3] = {
        {.time_ms = 1584009600000, .low = dollars(90), .high = dollars(110), .close = dollars(100)},
        {.time_ms = 1584009660000, .low = dollars(40), .high = dollars(100), .close = dollars(50)},
        {.time_ms = 1584009720000, .low = dollars(50), .high = dollars(60), .close = dollars(60)}};
    rf_simulate_fund fund[3] = {
        {.time_ms = 1584009600000, .low = dollars(1000), .end = dollars(1000)},
        {.time_ms = 1584009660000, .low = dollars(-500), .end = dollars(20)},
        {.time_ms = 1584009720000, .low = dollars(20), .end = dollars(30)}};
    moments[1].isolations =
        (rf_simulate_outcomes){.closed_in_book = 7, .taken_over = 2, .deleveraged = 1};
    s->options.paths[0] = "folder/a<b&c.csv";
    s->result.series[0] = (rf_simulate_series){"XBTUSD", moments, 3};
    s->result.series_count = 1;
    s->result.fund = fund;
    s->result.fund_count = 3;
    s->result.fund_low = dollars(-500);
    s->result.fund_low_ms = 1584009660000;
    s->result.rows[0] = (rf_simulate_row){
        .leverage = 10, .positions = 20, .put_in = dollars(200), .loss = dollars(50)};
    s->result.rows[1] = (rf_simulate_row){.leverage = 100, .positions = 20};
    char *page = page_of(&s->result);
    assert_int_equal(times(page, "<svg "), 3);
    assert_int_equal(times(page, "</svg>"), 3);
    assert_int_equal(times(page, "<rect class=\"book\""), 1);
    assert_int_equal(times(page, "<rect class=\"fund\""), 1);
    assert_int_equal(times(page, "<rect class=\"adl\""), 1);
    assert_int_equal(
        times(page, "10 liquidated, price down to 40. In the book 7, to the fund 2, deleveraged 1"),
        1);
    assert_int_equal(times(page, "lowest: -$500, 2020-03-12 10:41"), 1);
    assert_int_equal(times(page, "$50 of $200, 0 of 20 liquidated"), 1);
    assert_int_equal(times(page, "a&#60;b&#38;c.csv"), 1);
    assert_int_equal(times(page, "folder/"), 0);
    /* Three closes of 100, 50 and 60 between the lines of 40 and 120, which are 240 units apart. */
    assert_int_equal(times(page, "<polyline class=\"price\" points=\"76,72 512,222 948,192 \"/>"),
                     1);
    free(page);
}

static void test_report_of_a_single_bar(void **state)
{
    stage *s = *state;
    rf_simulate_moment moment = {.time_ms = 1584009600000, .low = 1, .high = 1, .close = 1};
    rf_simulate_fund fund = {.time_ms = 1584009600000};
    s->options.paths[0] = "a.csv";
    s->result.series[0] = (rf_simulate_series){"A", &moment, 1};
    s->result.series_count = 1;
    s->result.fund = &fund;
    s->result.fund_count = 1;
    char *page = page_of(&s->result);
    assert_int_equal(times(page, "<svg "), 3);
    assert_non_null(strstr(page, "</html>"));
    free(page);
}

static void test_short_dollars(void **state)
{
    char text[RF_NUMBER_TEXT_SIZE];
    (void)state;
    assert_string_equal(rf_report_short_usd(text, 0), "$0");
    assert_string_equal(rf_report_short_usd(text, dollars(9160)), "$9,160");
    assert_string_equal(rf_report_short_usd(text, -dollars(250000)), "-$250 k");
    assert_string_equal(rf_report_short_usd(text, dollars(1250000)), "$1.25 M");
    assert_string_equal(rf_report_short_usd(text, dollars(3000000000)), "$3 B");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_money_follows_the_events),
        TEST(test_what_the_fund_pays),
        TEST(test_liquidation_inside_the_fence),
        TEST(test_touched_main_is_seen),
        TEST(test_touched_by_a_fill_or_a_move_is_seen),
        TEST(test_cross_liquidation_may_touch_main),
        TEST(test_sound),
        TEST(test_each_liquidation_counts_once_as_its_worst),
        TEST(test_cross_outcome_is_the_worst_of_its_slices),
        TEST(test_report_draws_what_it_is_given),
        TEST(test_report_of_a_single_bar),
        TEST(test_short_dollars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
