/* From parameters to commands, seen through the dispatcher: aliases, numbers as numbers and as
 * strings, what is refused and in which order, and that the tables hold together. */
#include "tests/unit/small.h"

#include "api/args.h"
#include "api/call.h"

typedef struct world {
    void *market_memory;
    rf_engine *engine;
    rf_api *api;
    rf_position_view positions[16];
    rf_json json;
    rf_json_token tokens[512];
    char text[8192];
    char answer[65536];
    rf_bytes out;
    rf_command last; /* the last command that reached the engine */
    bool reached;
} world;

static void keep_command(void *context, rf_engine *engine, const rf_command *command,
                         rf_result *result)
{
    world *w = context;
    w->last = *command;
    w->reached = true;
    rf_engine_apply(engine, command, result);
}

static rf_error call(world *w, rf_door door, const char *method, const char *params)
{
    rf_request request = {
        .caller = {.door = door, .account = door == RF_DOOR_PRIVATE},
        .time_ns = 1000000,
        .id = 5,
        .method = method,
        .oid = "5",
        .json = &w->json,
        .params = 1,
    };
    char input[2048];
    size_t size = strlen(params);
    assert_true(size + 3 < sizeof input);
    input[0] = '[';
    memcpy(input + 1, params, size);
    memcpy(input + 1 + size, "]", 2);
    assert_true(rf_json_parse(&w->json, input, size + 2));
    rf_bytes_clear(&w->out);
    w->reached = false;
    rf_error code = rf_api_call(w->api, &request, &w->out);
    rf_bytes_char(&w->out, 0);
    assert_false(w->out.full);
    return code;
}

static rf_error place(world *w, const char *params)
{
    return call(w, RF_DOOR_PRIVATE, "private/create-order", params);
}

static void must(rf_error code)
{
    assert_int_equal(code, RF_ERR_OK);
}

static int open_world(void **state)
{
    static const rf_limits limits = SMALL_LIMITS;
    world *w = calloc(1, sizeof *w);
    w->engine = new_engine(&limits);
    w->api = calloc(1, sizeof *w->api);
    w->market_memory = calloc(1, rf_market_size(4, 64));
    rf_api_init(w->api, w->engine, rf_market_init(w->market_memory, 4, 64), w->positions, 16);
    w->api->apply = keep_command;
    w->api->apply_context = w;
    rf_json_init(&w->json, w->tokens, 512, w->text, sizeof w->text);
    rf_bytes_init(&w->out, w->answer, sizeof w->answer, NULL);
    must(call(w, RF_DOOR_OPERATOR, "operator/create-instrument",
              "{\"instrument_name\":\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"price_tick_size\":\"0."
              "5\",\"qty_tick_size\":\"0.0001\"}"));
    must(call(w, RF_DOOR_OPERATOR, "operator/create-account", "{\"account\":\"alice\"}"));
    must(call(w, RF_DOOR_OPERATOR, "operator/deposit",
              "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"20000\"}"));
    must(call(w, RF_DOOR_OPERATOR, "operator/set-mark-price",
              "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"50000\"}"));
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world *w = *state;
    free(w->engine);
    free(w->market_memory);
    free(w->api);
    free(w);
    return 0;
}

/* ---- Orders ---------------------------------------------------------------------------------- */

#define HEAD "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\","

static void an_order_becomes_integers(void **state)
{
    world *w = *state;
    must(place(w, HEAD "\"price\":\"49000.5\",\"quantity\":\"0.0100\",\"client_oid\":\"mine\","
                       "\"exec_inst\":[\"ISOLATED_MARGIN\",\"POST_ONLY\"],"
                       "\"leverage\":\"10.0\",\"isolated_margin_amount\":\"60\",\"stp_inst\":\"B\","
                       "\"stp_scope\":\"M\",\"stp_id\":7}"));
    const rf_order_params *order = &w->last.u.order;
    assert_int_equal(w->last.kind, RF_COMMAND_PLACE_ORDER);
    assert_int_equal(order->account, 1);
    assert_int_equal(order->price, 490005);
    assert_int_equal(order->qty, 100);
    assert_int_equal(order->leverage, 10);
    assert_int_equal(order->isolated_margin, 6000000000);
    assert_int_equal(order->flags, RF_FLAG_ISOLATED | RF_FLAG_POST_ONLY);
    assert_int_equal(order->stp, RF_STP_BOTH);
    assert_int_equal(order->stp_scope, RF_STP_SCOPE_FAMILY);
    assert_int_equal(order->stp_id, 7);
    assert_string_equal(order->client_oid, "mine");
    assert_non_null(strstr(
        w->answer,
        "\"client_oid\":\"mine\",\"order_id\":\"1\",\"isolation_id\":\"1\",\"status\":\"ACTIVE\""));
}

static void numbers_may_be_numbers(void **state)
{
    world *w = *state;
    must(place(
        w, HEAD
        "\"price\":49000.50,\"quantity\":0.01,\"leverage\":10,\"exec_inst\":\"ISOLATED_MARGIN\"}"));
    assert_int_equal(w->last.u.order.price, 490005);
    assert_int_equal(w->last.u.order.qty, 100);
    assert_int_equal(w->last.u.order.leverage, 10);
    assert_string_equal(w->last.u.order.client_oid, "5");
    assert_true(w->last.u.order.flags & RF_FLAG_OID_DEFAULTED);
}

static void aliases_count(void **state)
{
    world *w = *state;
    place(w, HEAD
          "\"price\":\"49000\",\"quantity\":\"0.01\",\"reduceOnly\":true,\"clientOrderId\":\"c\"}");
    assert_int_equal(w->last.u.order.flags, RF_FLAG_REDUCE_ONLY);
    assert_string_equal(w->last.u.order.client_oid, "c");
    must(place(
        w, HEAD
        "\"price\":\"49000\",\"quantity\":\"0.01\",\"postOnly\":\"true\",\"reduce_only\":false}"));
    assert_int_equal(w->last.u.order.flags, RF_FLAG_POST_ONLY | RF_FLAG_OID_DEFAULTED);
    must(call(w, RF_DOOR_PRIVATE, "private/create-order",
              "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"SELL\",\"type\":\"STOP_LOSS\","
              "\"quantity\":\"0.01\",\"trigger_price\":\"45000\"}"));
    assert_int_equal(w->last.u.order.ref_price, 450000);
    assert_int_equal(w->last.u.order.type, RF_STOP_LOSS);
}

static void unknown_parameters(void **state)
{
    world *w = *state;
    must(place(
        w, HEAD
        "\"price\":\"49000\",\"quantity\":\"0.01\",\"broker_id\":\"CCXT\",\"deep\":{\"a\":[1]}}"));
    rf_error code =
        call(w, RF_DOOR_OPERATOR, "operator/set-mark-price",
             "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"1\",\"colour\":\"red\"}");
    assert_int_equal(code, RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_non_null(strstr(w->answer, "\"error_data\":{\"param\":\"colour\"}"));
    assert_false(w->reached);
}

/* Each row breaks what the rows below it break too, so the answers must come in the order of
 * errors.def. */
static void the_smallest_row_is_answered(void **state)
{
    world *w = *state;
    static const struct {
        const char *params;
        rf_error code;
    } rows[] = {
        {"{\"side\":\"X\",\"type\":\"X\",\"price\":\"1e5\",\"quantity\":\"x\",\"leverage\":\"x\"}",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"{\"instrument_name\":\"NOPE\",\"side\":\"X\",\"type\":\"X\",\"price\":\"1e5\","
         "\"quantity\":\"x\",\"leverage\":\"x\"}",
         RF_ERR_INVALID_INSTRUMENT},
        {"{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"X\",\"type\":\"X\",\"price\":\"1e5\","
         "\"quantity\":\"x\",\"leverage\":\"x\"}",
         RF_ERR_INVALID_SIDE},
        {"{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"X\",\"price\":\"1e5\","
         "\"quantity\":\"x\",\"leverage\":\"x\"}",
         RF_ERR_INVALID_ORDTYPE},
        {HEAD "\"time_in_force\":\"X\",\"exec_inst\":[\"X\"],\"price\":\"1e5\",\"quantity\":\"x\","
              "\"leverage\":\"x\"}",
         RF_ERR_INVALID_TIF},
        {HEAD "\"exec_inst\":[\"X\"],\"price\":\"1e5\",\"quantity\":\"x\",\"leverage\":\"x\"}",
         RF_ERR_INVALID_EXECINST},
        {HEAD
         "\"exec_inst\":[\"POST_ONLY\",\"SMART_POST_ONLY\"],\"price\":\"1e5\",\"quantity\":\"x\"}",
         RF_ERR_INVALID_EXECINST},
        {HEAD "\"price\":\"1e5\",\"quantity\":\"x\",\"leverage\":\"x\",\"exec_inst\":[\"ISOLATED_"
              "MARGIN\"]}",
         RF_ERR_INVALID_ORDERQTY},
        {HEAD "\"price\":\"1e5\",\"quantity\":\"0.01\",\"leverage\":\"x\",\"exec_inst\":["
              "\"ISOLATED_MARGIN\"]}",
         RF_ERR_INVALID_PRICE},
        {HEAD "\"price\":\"49000\",\"quantity\":\"0.01\",\"leverage\":\"x\",\"exec_inst\":["
              "\"ISOLATED_MARGIN\"]}",
         RF_ERR_INVALID_LEVERAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rf_error code = place(w, rows[i].params);
        if (code != rows[i].code)
            fail_msg("row %zu: %d instead of %d", i, (int)code, (int)rows[i].code);
    }
}

/* What only the engine knows can come before what cannot be read. */
static void the_engine_sees_its_rows_first(void **state)
{
    world *w = *state;
    must(call(w, RF_DOOR_OPERATOR, "operator/set-instrument-state",
              "{\"instrument_name\":\"BTCUSD-PERP\",\"state\":\"HALTED\"}"));
    assert_int_equal(place(w, HEAD "\"price\":\"1e5\",\"quantity\":\"x\"}"),
                     RF_ERR_INSTRUMENT_NOT_TRADABLE);
    must(call(w, RF_DOOR_OPERATOR, "operator/suspend-account", "{\"account\":\"alice\"}"));
    assert_int_equal(place(w, HEAD "\"price\":\"1e5\",\"quantity\":\"x\"}"),
                     RF_ERR_ACCOUNT_IS_SUSPENDED);
    assert_int_equal(place(w, "{\"instrument_name\":\"NOPE\",\"side\":\"BUY\",\"type\":\"LIMIT\","
                              "\"price\":\"1\",\"quantity\":\"1\"}"),
                     RF_ERR_ACCOUNT_IS_SUSPENDED);
    uint64_t before = rf_engine_seq(w->engine);
    assert_int_equal(place(w, HEAD "\"quantity\":\"1\"}"), RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_true(rf_engine_seq(w->engine) == before);
}

static void leverage_is_whole(void **state)
{
    world *w = *state;
    static const char *const bad[] = {"\"10.5\"",        "\"0\"", "\"-1\"", "\"ten\"", "\"1e1\"",
                                      "\"99999999999\"", "true",  "[]",     "\"\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char params[256];
        params[0] = 0;
        strcat(strcat(strcat(params, HEAD "\"price\":\"49000\",\"quantity\":\"0.01\",\"exec_inst\":"
                                          "[\"ISOLATED_MARGIN\"],\"leverage\":"),
                      bad[i]),
               "}");
        assert_int_equal(place(w, params), RF_ERR_INVALID_LEVERAGE);
    }
}

static void client_names_are_bounded(void **state)
{
    world *w = *state;
    must(place(w, HEAD "\"price\":\"49000\",\"quantity\":\"0.01\",\"client_oid\":"
                       "\"123456789012345678901234567890123456\"}"));
    static const char *const bad[] = {"1234567890123456789012345678901234567", "", "a\\tb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char params[256];
        params[0] = 0;
        strcat(strcat(strcat(params,
                             HEAD "\"price\":\"49000\",\"quantity\":\"0.01\",\"client_oid\":\""),
                      bad[i]),
               "\"}");
        assert_int_equal(place(w, params), RF_ERR_MISSING_OR_INVALID_ARGUMENT);
        assert_false(w->reached);
    }
}

/* ---- Other methods --------------------------------------------------------------------------- */

static void margin_moves(void **state)
{
    world *w = *state;
    must(place(w, HEAD
               "\"price\":\"49000\",\"quantity\":\"0.01\",\"exec_inst\":[\"ISOLATED_MARGIN\"]}"));
    must(call(w, RF_DOOR_PRIVATE, "private/create-isolated-margin-transfer",
              "{\"isolation_id\":1,\"direction\":\"IN\",\"amount\":5}"));
    assert_int_equal(w->last.u.isolation.amount, 500000000);
    must(call(w, RF_DOOR_PRIVATE, "private/create-isolated-margin-transfer",
              "{\"isolation_id\":\"1\",\"direction\":\"OUT\",\"amount\":\"5.00\"}"));
    assert_int_equal(w->last.u.isolation.amount, -500000000);
    must(call(w, RF_DOOR_PRIVATE, "private/change-isolated-margin-leverage",
              "{\"isolation_id\":\"1\",\"leverage\":\"5\",\"add_margin\":\"AUTO\"}"));
    assert_int_equal(w->last.u.isolation.amount, -1);
    assert_int_equal(call(w, RF_DOOR_PRIVATE, "private/create-isolated-margin-transfer",
                          "{\"isolation_id\":\"x\",\"direction\":\"IN\",\"amount\":\"1\"}"),
                     RF_ERR_INVALID_ISOLATION_ID);
    assert_int_equal(call(w, RF_DOOR_PRIVATE, "private/create-isolated-margin-transfer",
                          "{\"isolation_id\":\"x\",\"direction\":\"UP\",\"amount\":\"1\"}"),
                     RF_ERR_MISSING_OR_INVALID_ARGUMENT);
    assert_int_equal(call(w, RF_DOOR_PRIVATE, "private/create-isolated-margin-transfer",
                          "{\"isolation_id\":\"0\",\"direction\":\"IN\",\"amount\":\"1\"}"),
                     RF_ERR_INVALID_ISOLATION_ID);
}

static void configurations(void **state)
{
    world *w = *state;
    static const struct {
        const char *more;
        rf_error code;
    } rows[] = {
        {"\"price_tick_size\":\"0.10\",\"qty_tick_size\":\"1\"", RF_ERR_OK},
        {"\"price_tick_size\":\"0\",\"qty_tick_size\":\"1\"", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"-1\",\"qty_tick_size\":\"1\"", RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1e-2\",\"qty_tick_size\":\"1\"",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"0.0001\",\"qty_tick_size\":\"0.00001\"",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1\",\"qty_tick_size\":\"1\",\"max_leverage\":\"1001\"",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1\",\"qty_tick_size\":\"1\",\"maker_fee_rate\":\"0.001\"",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1\",\"qty_tick_size\":\"1\",\"tiers\":[{\"notional_floor\":\"5\","
         "\"maintenance_rate\":\"0.01\",\"max_leverage\":10}]",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1\",\"qty_tick_size\":\"1\",\"tiers\":[{\"notional_floor\":\"0\","
         "\"maintenance_rate\":\"0.01\"}]",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
        {"\"price_tick_size\":\"1\",\"qty_tick_size\":\"1\",\"settlement\":\"DAILY\"",
         RF_ERR_MISSING_OR_INVALID_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char params[512];
        params[0] = 0;
        strcat(strcat(strcat(params, "{\"instrument_name\":\"ETHUSD-PERP\",\"base_ccy\":\"ETH\","),
                      rows[i].more),
               "}");
        rf_error code = call(w, RF_DOOR_OPERATOR, "operator/create-instrument", params);
        if (code != rows[i].code)
            fail_msg("row %zu: %d instead of %d", i, (int)code, (int)rows[i].code);
    }
    rf_instrument_view view;
    assert_true(rf_view_instrument(w->engine, 1, &view));
    assert_int_equal(view.config.price_decimals, 1);
    assert_int_equal(view.config.price_tick, 1);
    assert_string_equal(view.config.index_name, "ETHUSD-INDEX");
    assert_int_equal(view.config.min_order_qty, 1);
    assert_int_equal(view.config.fund_position_cap, -1);
}

static void doors(void **state)
{
    world *w = *state;
    assert_int_equal(call(w, RF_DOOR_PRIVATE, "operator/deposit", "{}"), RF_ERR_METHOD_NOT_FOUND);
    assert_int_equal(call(w, RF_DOOR_OPERATOR, "private/user-balance", "{}"),
                     RF_ERR_METHOD_NOT_FOUND);
    assert_int_equal(call(w, RF_DOOR_PUBLIC, "private/user-balance", "{}"), RF_ERR_UNAUTHORIZED);
    assert_int_equal(call(w, RF_DOOR_PUBLIC, "private/nothing", "{}"), RF_ERR_METHOD_NOT_FOUND);
    must(call(w, RF_DOOR_OPERATOR, "public/x/get-time", "{}"));
    assert_string_equal(
        w->answer,
        "{\"id\":5,\"method\":\"public/x/get-time\",\"code\":0,\"result\":{\"server_ms\":1}}");
}

/* Every method that needs something refuses an empty object with 40004, and every one survives
 * every kind of value in every parameter. */
static void every_parameter_of_every_method(void **state)
{
    world *w = *state;
    static const char *const values[] = {"null",    "true",
                                         "\"\"",    "\"x\"",
                                         "-1",      "0",
                                         "1e400",   "\"99999999999999999999\"",
                                         "[]",      "[{}]",
                                         "[[]]",    "{}",
                                         "[\"x\"]", "\"0.000000001\""};
    for (unsigned m = 0; m < RF_M_COUNT; m++) {
        const rf_method *method = &rf_methods[m];
        unsigned count;
        rf_param_id first = rf_params_of(method->params, &count);
        bool needs = false;
        for (unsigned p = 0; p < count; p++) {
            needs = needs || rf_params[(unsigned)first + p].required;
            for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                char params[256] = "{\"";
                strcat(strcat(strcat(strcat(params, rf_params[(unsigned)first + p].name), "\":"),
                              values[v]),
                       "}");
                call(w, method->door, method->name, params);
                assert_int_equal(w->answer[0], '{');
            }
        }
        rf_error code = call(w, method->door, method->name, "{}");
        if (needs)
            assert_int_equal(code, RF_ERR_MISSING_OR_INVALID_ARGUMENT);
        assert_ptr_equal(rf_method_find(method->name), method);
        assert_true(strlen(method->doc) > 10);
    }
}

static void tables_hold_together(void **state)
{
    (void)state;
    assert_int_equal(rf_choice("A|BC|D", "BC"), 1);
    assert_int_equal(rf_choice("A|BC|D", "B"), -1);
    assert_int_equal(rf_choice("", "x"), -1);
    assert_int_equal(rf_error_row(RF_ERR_OK), 0);
    assert_true(rf_error_row(RF_ERR_INVALID_SIDE) < rf_error_row(RF_ERR_INVALID_PRICE));
    for (unsigned i = 0; i < RF_P_COUNT; i++) {
        assert_true(strlen(rf_params[i].doc) > 0);
        bool lists = rf_params[i].type == RF_TYPE_ENUM || rf_params[i].type == RF_TYPE_ENUMS;
        if (lists)
            assert_true(strlen(rf_params[i].values) > 0);
    }
    for (unsigned s = 0; s < RF_SET_COUNT; s++) {
        unsigned count;
        rf_param_id first = rf_params_of((rf_param_set)s, &count);
        assert_true(count <= RF_ARGS_MAX);
        for (unsigned a = 0; a < count; a++)
            for (unsigned b = 0; b < a; b++)
                assert_string_not_equal(rf_params[(unsigned)first + a].name,
                                        rf_params[(unsigned)first + b].name);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_becomes_integers),
        TEST(numbers_may_be_numbers),
        TEST(aliases_count),
        TEST(unknown_parameters),
        TEST(the_smallest_row_is_answered),
        TEST(the_engine_sees_its_rows_first),
        TEST(leverage_is_whole),
        TEST(client_names_are_bounded),
        TEST(margin_moves),
        TEST(configurations),
        TEST(doors),
        TEST(every_parameter_of_every_method),
        TEST(tables_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
