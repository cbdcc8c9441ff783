/* The sandbox on a bare world: prices, makers, takers and the crowd by calls alone, and its methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/handlers.h"
#include "server/sandbox.h"
#include "server/sandbox_price.h"
#include "venue/world.h"

static const int64_t second_ns = 1000000000;
static const int64_t start_ns = 1700000000000000000;

/* A venue without doors: what the sandbox is given instead of rf_local_call. */
typedef struct venue {
    rf_world world;
    int64_t now_ns, shifted_ns;
    rf_sandbox *sandbox;
    rf_json json;
    rf_json_token tokens[4096];
    char text[1 << 17];
    uint64_t strangers; /* calls that are neither public methods' nor those of known accounts */
    uint64_t codes[3];  /* answers: OK, refused orders, all other refusals */
} venue;

static rf_error call(void *context, const rf_caller *caller, const char *method,
                     const char *params_json, rf_bytes *answer)
{
    venue *self = context;
    char text[4096];
    if (strcmp(method, "operator/create-api-key") == 0 ||
        strcmp(method, "operator/create-user") == 0) { /* another service's */
        rf_bytes_text(answer, "{\"result\":{\"api_key\":\"key\",\"secret\":\"secret\"}}");
        return RF_ERR_OK;
    }
    int size = snprintf(text, sizeof text, "{\"params\":%s}", params_json);
    assert_true(size > 0 && size < (int)sizeof text);
    assert_true(rf_json_parse(&self->json, text, (size_t)size));
    const rf_request request = {.caller = *caller,
                                .time_ns = self->now_ns,
                                .id = -1,
                                .method = method,
                                .json = &self->json,
                                .params = rf_json_member(&self->json, 0, "params")};
    bool operates = strncmp(method, "operator/", 9) == 0;
    self->strangers += operates != (caller->door == RF_DOOR_OPERATOR);
    rf_error code = rf_api_call(self->world.api, &request, answer);
    self->codes[code == RF_ERR_OK ? 0 : strstr(method, "order") ? 1 : 2]++;
    return code;
}

static void shift(void *context, int64_t ns)
{
    venue *self = context;
    self->shifted_ns += ns;
}

static venue *open_venue(uint64_t seed, const char *prices, char error[512])
{
    venue *self = calloc(1, sizeof *self);
    assert_non_null(self);
    assert_true(rf_world_open(&self->world, &rf_world_limits, false));
    self->now_ns = start_ns;
    rf_json_init(&self->json, self->tokens, 4096, self->text, sizeof self->text);
    const rf_sandbox_options options = {.world = &self->world,
                                        .call = call,
                                        .shift = shift,
                                        .context = self,
                                        .seed = seed,
                                        .rate = 200,
                                        .prices = prices,
                                        .speed = 1};
    self->sandbox = rf_sandbox_open(&options, error);
    return self;
}

static void close_venue(venue *self)
{
    rf_sandbox_close(self->sandbox);
    rf_world_close(&self->world);
    free(self);
}

static void run(venue *self, int64_t seconds)
{
    for (int64_t i = 0; i < 20 * seconds; i++) {
        self->now_ns += second_ns / 20;
        rf_sandbox_advance(self->sandbox, second_ns / 20);
        rf_api_advance(self->world.api, self->now_ns + self->shifted_ns);
        if (self->shifted_ns > 0)
            self->now_ns += self->shifted_ns;
        self->shifted_ns = 0;
    }
}

static rf_error operate(venue *self, const char *method, const char *params)
{
    rf_bytes answer;
    rf_bytes_init(&answer, NULL, 0, rf_world_grow);
    rf_error code = call(self, &(rf_caller){.door = RF_DOOR_OPERATOR}, method, params, &answer);
    free(answer.data);
    return code;
}

static rf_instrument_view view(const venue *self, const char *name)
{
    rf_instrument_view found;
    int instrument = rf_find_instrument(self->world.engine, name);
    assert_true(instrument >= 0);
    assert_true(rf_view_instrument(self->world.engine, (uint32_t)instrument, &found));
    return found;
}

static void assert_sound(const venue *self)
{
    rf_invariant rows[32];
    size_t count = rf_engine_check(self->world.engine, rows, 32);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_true(rows[i].ok);
}

static const char *const names[] = {"BTCUSD-PERP", "ETHUSD-PERP", "SOLUSD-PERP"};

/* ---- Prices ---------------------------------------------------------------------------------- */

static void walks_of_a_seed_are_the_same(void **state)
{
    (void)state;
    rf_walk one, two, other;
    bool differs = false;
    rf_walk_start(&one, 7, 60000 * RF_E8, 100000);
    rf_walk_start(&two, 7, 60000 * RF_E8, 100000);
    rf_walk_start(&other, 8, 60000 * RF_E8, 100000);
    for (int i = 0; i < 10000; i++) {
        rf_walk_step(&one);
        rf_walk_step(&two);
        rf_walk_step(&other);
        assert_int_equal(one.price_e8, two.price_e8);
        differs = differs || one.price_e8 != other.price_e8;
    }
    assert_true(differs);
}

/* A day: it moves by percents, not by nothing and not to the end of the world; there are calm and wild
 * times. */
static void a_walk_is_alive_and_stays_near(void **state)
{
    (void)state;
    rf_walk walk;
    int64_t low = INT64_MAX, high = 0, calm = INT64_MAX, wild = 0;
    rf_walk_start(&walk, 1, 60000 * RF_E8, 100000);
    for (int i = 0; i < 345600; i++) {
        rf_walk_step(&walk);
        low = walk.price_e8 < low ? walk.price_e8 : low;
        high = walk.price_e8 > high ? walk.price_e8 : high;
        calm = walk.sigma < calm ? walk.sigma : calm;
        wild = walk.sigma > wild ? walk.sigma : wild;
    }
    assert_true(high - low > 60000 * RF_E8 / 100);
    assert_true(low > 30000 * RF_E8 && high < 120000 * RF_E8);
    assert_true(wild > 2 * calm);
}

static void a_slide_takes_its_time(void **state)
{
    (void)state;
    rf_walk walk;
    rf_walk_start(&walk, 1, 60000 * RF_E8, 0);
    rf_walk_slide(&walk, -10000000, 10);
    for (int i = 0; i < 5; i++)
        rf_walk_step(&walk);
    assert_in_range(walk.price_e8, 56500 * RF_E8, 57500 * RF_E8); /* a jump may come between */
    for (int i = 0; i < 20; i++)
        rf_walk_step(&walk);
    assert_in_range(walk.price_e8, 53500 * RF_E8, 54500 * RF_E8);
}

static void a_file_is_followed(void **state)
{
    (void)state;
    static const char csv[] = "time,open,high,low,close,volume\n"
                              "1700000000000,100,130,90,120,1\n"
                              "1700000060000,120,125,110,111,1\n";
    rf_prices prices;
    rf_walk walk;
    int64_t low = INT64_MAX, high = 0;
    assert_true(rf_prices_parse(&prices, "csv", (const unsigned char *)csv, sizeof csv - 1));
    rf_walk_start(&walk, 1, 60000 * RF_E8, 100000);
    rf_walk_follow(&walk, &prices);
    assert_int_equal(walk.price_e8, 100 * RF_E8);
    for (int i = 0; i < 239; i++) {
        rf_walk_step(&walk);
        low = walk.price_e8 < low ? walk.price_e8 : low;
        high = walk.price_e8 > high ? walk.price_e8 : high;
    }
    assert_int_equal(low, 90 * RF_E8);
    assert_int_equal(high, 130 * RF_E8);
    rf_walk_step(&walk);
    assert_non_null(walk.prices);
    for (int i = 0; i < 240; i++)
        rf_walk_step(&walk);
    assert_null(walk.prices); /* behind its end the walk goes on from there */
    assert_in_range(walk.price_e8, 100 * RF_E8, 125 * RF_E8);
    rf_prices_finish(&prices);
}

/* ---- The market ------------------------------------------------------------------------------ */

static void a_market_is_there_at_once(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    assert_non_null(self->sandbox);
    for (unsigned i = 0; i < 3; i++) {
        rf_instrument_view row = view(self, names[i]);
        assert_true(row.best_bid > 0 && row.best_ask > row.best_bid);
        assert_true(row.mark > 0);
        assert_int_equal(row.config.fund_unwind, 1);
        assert_true(row.config.tiers_count >= 4);
    }
    char line[4096];
    rf_bytes out;
    rf_bytes_init(&out, line, sizeof line - 1, NULL);
    rf_sandbox_put_accounts(self->sandbox, &out);
    line[out.size] = '\0';
    assert_non_null(strstr(line, "\"accounts\":[{\"account\":\"trader\",\"api_key\":\"key\""));
    assert_non_null(strstr(line, "\"account\":\"maker\""));
    close_venue(self);
}

static void it_trades_and_the_books_balance(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    run(self, 120);
    for (unsigned i = 0; i < 3; i++) {
        rf_level levels[64];
        rf_instrument_view row = view(self, names[i]);
        assert_true(row.last_price > 0 && row.open_interest > 0);
        assert_true(rf_view_book(self->world.engine, row.instrument, RF_BUY, levels, 64) >= 8);
        assert_true(rf_view_book(self->world.engine, row.instrument, RF_SELL, levels, 64) >= 8);
    }
    rf_sandbox_stats stats = rf_sandbox_statistics(self->sandbox);
    assert_in_range(stats.calls, 200 * 120, 200 * 120 + 1000);
    assert_true(stats.orders * 2 > stats.calls);
    assert_true(stats.refused * 10 < stats.calls); /* a market, not a string of errors */
    assert_int_equal(self->codes[2], 0);
    assert_int_equal(self->strangers, 0);
    assert_sound(self);
    close_venue(self);
}

static void the_same_seed_is_the_same_market(void **state)
{
    (void)state;
    rf_digest digests[3];
    char error[512] = "";
    for (unsigned i = 0; i < 3; i++) {
        venue *self = open_venue(i < 2 ? 5 : 6, NULL, error);
        run(self, 10);
        digests[i] = rf_engine_digest(self->world.engine);
        close_venue(self);
    }
    assert_true(digests[0].low == digests[1].low && digests[0].high == digests[1].high);
    assert_true(digests[0].low != digests[2].low);
}

static size_t liquidations(const venue *self)
{
    static rf_liquidation rows[256];
    return rf_market_liquidations(self->world.market, rows, 256);
}

static void a_crash_liquidates_the_crowd(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    run(self, 30);
    int64_t before = view(self, "BTCUSD-PERP").mark;
    assert_int_equal(
        operate(self, "operator/sandbox-crash", "{\"fraction\":\"0.1\",\"seconds\":10}"),
        RF_ERR_OK);
    run(self, 15);
    assert_in_range(view(self, "BTCUSD-PERP").mark, before * 85 / 100, before * 95 / 100);
    assert_true(liquidations(self) > 0);
    run(self, 30);
    assert_true(view(self, "BTCUSD-PERP").best_bid > 0); /* and the market is there afterwards */
    assert_sound(self);
    close_venue(self);
}

/* ---- Methods ----------------------------------------------------------------------------------
 * Parameters that are looked at here (docs/coverage.md): SANDBOX_CRASH.instrument_name,
 * SANDBOX_CRASH.fraction, SANDBOX_CRASH.seconds, SANDBOX_SPREAD.instrument_name, SANDBOX_SPREAD.factor,
 * SANDBOX_FEED.instrument_name, SANDBOX_FEED.state, SANDBOX_CLOCK.paused, SANDBOX_CLOCK.speed,
 * SANDBOX_CLOCK.forward_ms, SANDBOX_FAUCET.account, SANDBOX_FAUCET.currency, SANDBOX_FAUCET.amount. */

static void a_crash_of_one_leaves_the_others(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    int64_t one = view(self, "SOLUSD-PERP").index_e8, other = view(self, "ETHUSD-PERP").index_e8;
    operate(self, "operator/sandbox-crash",
            "{\"instrument_name\":\"SOLUSD-PERP\",\"fraction\":\"-0.5\",\"seconds\":0}");
    run(self, 1);
    assert_true(view(self, "SOLUSD-PERP").index_e8 > one * 13 / 10);
    assert_in_range(view(self, "ETHUSD-PERP").index_e8, other * 95 / 100, other * 105 / 100);
    assert_int_equal(operate(self, "operator/sandbox-crash", "{\"fraction\":\"1\"}"), 40004);
    assert_int_equal(
        operate(self, "operator/sandbox-crash", "{\"fraction\":\"0.1\",\"seconds\":-1}"), 40004);
    close_venue(self);
}

static void the_spread_widens(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    assert_int_equal(operate(self, "operator/sandbox-spread",
                             "{\"instrument_name\":\"ETHUSD-PERP\",\"factor\":\"50\"}"),
                     RF_ERR_OK);
    run(self, 20);
    rf_instrument_view wide = view(self, "ETHUSD-PERP"), narrow = view(self, "BTCUSD-PERP");
    assert_true((wide.best_ask - wide.best_bid) * 1000 > wide.mark);
    assert_true((narrow.best_ask - narrow.best_bid) * 1000 < narrow.mark);
    assert_int_equal(operate(self, "operator/sandbox-spread", "{\"factor\":\"0.05\"}"), 40004);
    assert_int_equal(operate(self, "operator/sandbox-spread", "{}"), 40004);
    close_venue(self);
}

static void an_outage_makes_marks_stale(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    operate(self, "operator/sandbox-feed",
            "{\"instrument_name\":\"BTCUSD-PERP\",\"state\":\"OFF\"}");
    run(self, 15);
    assert_true(view(self, "BTCUSD-PERP").mark_stale);
    assert_false(view(self, "ETHUSD-PERP").mark_stale);
    operate(self, "operator/sandbox-feed", "{\"state\":\"ON\"}");
    run(self, 2);
    assert_false(view(self, "BTCUSD-PERP").mark_stale);
    assert_int_equal(operate(self, "operator/sandbox-feed",
                             "{\"instrument_name\":\"XRPUSD-PERP\",\"state\":\"ON\"}"),
                     RF_ERR_INVALID_INSTRUMENT);
    close_venue(self);
}

static void the_clock_stands_runs_and_jumps(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    uint64_t calls = rf_sandbox_statistics(self->sandbox).calls;
    assert_int_equal(operate(self, "operator/sandbox-clock", "{\"paused\":true}"), RF_ERR_OK);
    rf_sandbox_advance(self->sandbox, second_ns);
    assert_int_equal(self->shifted_ns, -second_ns);
    assert_int_equal(rf_sandbox_statistics(self->sandbox).calls, calls);
    self->shifted_ns = 0;
    operate(self, "operator/sandbox-clock", "{\"paused\":false,\"speed\":60}");
    rf_sandbox_advance(self->sandbox, second_ns / 10);
    assert_int_equal(self->shifted_ns, second_ns / 10 * 59);
    self->shifted_ns = 0;
    operate(self, "operator/sandbox-clock", "{\"forward_ms\":3600000,\"speed\":1}");
    assert_int_equal(self->shifted_ns, 3600 * second_ns);
    assert_int_equal(operate(self, "operator/sandbox-clock", "{\"speed\":0}"), 40004);
    close_venue(self);
}

static int64_t cash(const venue *self, const char *label)
{
    rf_account_view account;
    assert_true(rf_view_account(self->world.engine,
                                (uint32_t)rf_find_account(self->world.engine, label), &account));
    return account.cash[0];
}

static void the_faucet_runs(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    rf_bytes answer;
    rf_bytes_init(&answer, NULL, 0, rf_world_grow);
    int64_t before = cash(self, "trader");
    const rf_caller trader = {.door = RF_DOOR_PRIVATE,
                              .account = (uint32_t)rf_find_account(self->world.engine, "trader")};
    assert_int_equal(call(self, &trader, "private/x/faucet", "{}", &answer), RF_ERR_OK);
    assert_int_equal(cash(self, "trader"), before + 10000 * RF_E8);
    assert_int_equal(
        operate(self, "operator/sandbox-faucet", "{\"account\":\"trader\",\"amount\":\"2.5\"}"),
        RF_ERR_OK);
    assert_int_equal(cash(self, "trader"), before + 10002 * RF_E8 + RF_E8 / 2);
    assert_int_equal(operate(self, "operator/sandbox-faucet",
                             "{\"account\":\"trader\",\"currency\":\"USDC\",\"amount\":\"1\"}"),
                     RF_ERR_OK);
    /* USDC is money of the USD bundle. */
    assert_int_equal(cash(self, "trader"), before + 10003 * RF_E8 + RF_E8 / 2);
    assert_int_equal(operate(self, "operator/sandbox-faucet", "{\"account\":\"nobody\"}"),
                     RF_ERR_ACCOUNT_DOES_NOT_EXIST);
    free(answer.data);
    close_venue(self);
}

static void elsewhere_there_is_no_sandbox(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, NULL, error);
    rf_sandbox_close(self->sandbox);
    self->sandbox = NULL;
    assert_int_equal(operate(self, "operator/sandbox-crash", "{\"fraction\":\"0.1\"}"),
                     RF_ERR_METHOD_NOT_FOUND);
    close_venue(self);
}

static void a_bad_price_file_is_said(void **state)
{
    (void)state;
    char error[512] = "";
    venue *self = open_venue(1, "/nonexistent.csv", error);
    assert_null(self->sandbox);
    assert_non_null(strstr(error, "nonexistent.csv"));
    close_venue(self);
    self = open_venue(1, "XRPUSD-PERP=a.csv", error);
    assert_null(self->sandbox);
    assert_non_null(strstr(error, "no such instrument"));
    close_venue(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_of_a_seed_are_the_same),
        cmocka_unit_test(a_walk_is_alive_and_stays_near),
        cmocka_unit_test(a_slide_takes_its_time),
        cmocka_unit_test(a_file_is_followed),
        cmocka_unit_test(a_market_is_there_at_once),
        cmocka_unit_test(it_trades_and_the_books_balance),
        cmocka_unit_test(the_same_seed_is_the_same_market),
        cmocka_unit_test(a_crash_liquidates_the_crowd),
        cmocka_unit_test(a_crash_of_one_leaves_the_others),
        cmocka_unit_test(the_spread_widens),
        cmocka_unit_test(an_outage_makes_marks_stale),
        cmocka_unit_test(the_clock_stands_runs_and_jumps),
        cmocka_unit_test(the_faucet_runs),
        cmocka_unit_test(elsewhere_there_is_no_sandbox),
        cmocka_unit_test(a_bad_price_file_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
