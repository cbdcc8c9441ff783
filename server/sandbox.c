#include "server/sandbox.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/arith.h"
#include "server/sandbox_state.h"

enum {
    TIMER_MS = 50,
    TIMER_FAST_MS = 5, /* for many calls a second: they come in small parts */
    RATE_FAST = 1000,
    PARAMS_SIZE = 2048,
    STEPS_MAX = 64, /* of the prices in one turn: a clock that is too fast for the machine lags */
    LOOK_MS = 1000,
    WARM_STEPS = 3,  /* of prices before the first customer, */
    WARM_CALLS = 50, /* and of makers and takers */
};
static const int64_t second_ns = 1000000000, step_length_ns = RF_SANDBOX_STEP_MS * 1000000LL;

/* ---- Calls ----------------------------------------------------------------------------------- */

static rf_error call(rf_sandbox *sandbox, rf_caller caller, const char *method, const char *format,
                     va_list arguments)
{
    char params[PARAMS_SIZE];
    int size = vsnprintf(params, sizeof params, format, arguments);
    RF_CHECK(size >= 0 && size < (int)sizeof params);
    rf_bytes_clear(&sandbox->answer);
    rf_error code =
        sandbox->options.call(sandbox->options.context, &caller, method, params, &sandbox->answer);
    if (!rf_json_parse(&sandbox->json, sandbox->answer.data, sandbox->answer.size))
        rf_json_parse(&sandbox->json, "{}", 2); /* an answer longer than any that is read here */
    return code;
}

rf_error sandbox_operate(rf_sandbox *sandbox, const char *method, const char *params, ...)
{
    va_list arguments;
    va_start(arguments, params);
    rf_error code = call(sandbox, (rf_caller){.door = RF_DOOR_OPERATOR}, method, params, arguments);
    va_end(arguments);
    return code;
}

rf_error sandbox_trade(rf_sandbox *sandbox, uint32_t account, const char *method,
                       const char *params, ...)
{
    va_list arguments;
    va_start(arguments, params);
    rf_error code = call(sandbox, (rf_caller){.door = RF_DOOR_PRIVATE, .account = account}, method,
                         params, arguments);
    va_end(arguments);
    sandbox->stats.calls++;
    sandbox->stats.refused += code != RF_ERR_OK;
    return code;
}

const char *sandbox_result(const rf_sandbox *sandbox, const char *key)
{
    const rf_json *json = &sandbox->json;
    uint32_t result = rf_json_member(json, 0, "result");
    uint32_t token = result ? rf_json_member(json, result, key) : 0;
    return token && json->tokens[token].kind == RF_JSON_STRING ? rf_json_text(json, token) : "";
}

sandbox_text sandbox_decimal(rf_wide value, unsigned decimals)
{
    sandbox_text text;
    rf_bytes bytes;
    rf_bytes_init(&bytes, text.bytes, sizeof text.bytes - 1, NULL);
    rf_bytes_decimal(&bytes, value, decimals);
    text.bytes[bytes.size] = '\0';
    return text;
}

/* ---- Prices ---------------------------------------------------------------------------------- */

static void step(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++) {
        sandbox_market *market = &sandbox->markets[i];
        rf_walk_step(&market->walk);
        if (!market->feed_off)
            sandbox_operate(sandbox, "operator/set-index-price",
                            "{\"index_name\":\"%s\",\"price\":\"%s\",\"source\":\"sandbox\"}",
                            market->listing->index,
                            sandbox_decimal(market->walk.price_e8, 8).bytes);
    }
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* The venue's clock runs by itself; what is faster or slower than that is added here. */
static void run_clock(rf_sandbox *sandbox, int64_t elapsed_ns)
{
    int64_t speed = sandbox->paused ? 0 : sandbox->speed;
    if (speed != 1)
        sandbox->options.shift(sandbox->options.context, elapsed_ns * (speed - 1));
    sandbox->step_ns = rf_min(sandbox->step_ns + elapsed_ns * speed, STEPS_MAX * step_length_ns);
}

void rf_sandbox_advance(rf_sandbox *sandbox, int64_t elapsed_ns)
{
    elapsed_ns = rf_min(elapsed_ns, second_ns);
    run_clock(sandbox, elapsed_ns);
    if (sandbox->paused)
        return;
    for (; sandbox->step_ns >= step_length_ns; sandbox->step_ns -= step_length_ns)
        step(sandbox);
    sandbox->look_ns -= elapsed_ns;
    if (sandbox->look_ns <= 0) {
        sandbox->look_ns = LOOK_MS * 1000000LL;
        sandbox_look(sandbox);
    }
    sandbox->credit += elapsed_ns * sandbox->options.rate;
    for (; sandbox->credit >= second_ns; sandbox->credit -= second_ns)
        sandbox_flow(sandbox);
}

static void on_timer(uv_timer_t *timer)
{
    rf_sandbox *sandbox = timer->data;
    uint64_t now_ns = uv_hrtime();
    int64_t elapsed_ns = (int64_t)(now_ns - sandbox->timer_ns);
    sandbox->timer_ns = now_ns;
    rf_sandbox_advance(sandbox, elapsed_ns);
    if (sandbox->options.turn)
        sandbox->options.turn(sandbox->options.context);
}

void rf_sandbox_start(rf_sandbox *sandbox, void *loop)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    RF_CHECK(timer && uv_timer_init(loop, timer) == 0);
    uint64_t every = sandbox->options.rate > RATE_FAST ? TIMER_FAST_MS : TIMER_MS;
    timer->data = sandbox;
    sandbox->timer = timer;
    sandbox->timer_ns = uv_hrtime();
    uv_timer_start(timer, on_timer, every, every);
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

void rf_sandbox_stop(rf_sandbox *sandbox)
{
    if (sandbox->timer)
        uv_close(sandbox->timer, on_closed);
    sandbox->timer = NULL;
}

/* ---- Price files ----------------------------------------------------------------------------- */

static sandbox_market *market_of(rf_sandbox *sandbox, const char *name, size_t size)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++) {
        const char *instrument = sandbox->markets[i].listing->instrument;
        if (strlen(instrument) == size && memcmp(instrument, name, size) == 0)
            return &sandbox->markets[i];
    }
    return NULL;
}

/* "ETHUSD-PERP=FILE"; a file without a name is the first instrument's. */
static bool read_prices(rf_sandbox *sandbox, const char *item)
{
    const char *equals = strchr(item, '=');
    sandbox_market *market =
        equals ? market_of(sandbox, item, (size_t)(equals - item)) : &sandbox->markets[0];
    if (!market || market->replays) {
        snprintf(sandbox->error, 512,
                 "sandbox: prices %s: no such instrument, or it is named twice", item);
        return false;
    }
    if (!rf_prices_read(&market->prices, equals ? equals + 1 : item)) {
        snprintf(sandbox->error, 512, "sandbox: %.480s", market->prices.error);
        return false;
    }
    market->replays = true;
    rf_walk_follow(&market->walk, &market->prices);
    return true;
}

static bool read_all_prices(rf_sandbox *sandbox)
{
    char item[1024];
    const char *rest = sandbox->options.prices ? sandbox->options.prices : "";
    while (*rest) {
        size_t size = strcspn(rest, ",");
        if (size >= sizeof item)
            return read_prices(sandbox, "(too long)");
        memcpy(item, rest, size);
        item[size] = '\0';
        rest += size + (rest[size] == ',');
        if (!read_prices(sandbox, item))
            return false;
    }
    return true;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void start_markets(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++) {
        sandbox_market *market = &sandbox->markets[i];
        market->listing = &sandbox_listings[i];
        market->spread_percent = 100;
        market->sweep = 2 * SANDBOX_LEVELS;
        rf_walk_start(&market->walk, rf_sandbox_random(&sandbox->random), market->listing->price_e8,
                      market->listing->sigma);
    }
}

/* The market goes on where it was left: where an index has a price, the walk begins there. */
static void go_on(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++) {
        rf_instrument_view view;
        sandbox_market *market = &sandbox->markets[i];
        int instrument =
            rf_find_instrument(sandbox->options.world->engine, market->listing->instrument);
        if (market->replays || instrument < 0 ||
            !rf_view_instrument(sandbox->options.world->engine, (uint32_t)instrument, &view) ||
            view.index_e8 <= 0)
            continue;
        market->walk.price_e8 = market->walk.anchor_e8 = view.index_e8;
    }
}

/* Prices and quotes are there before the first customer. */
static void warm_up(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < WARM_STEPS; i++)
        step(sandbox);
    sandbox_quote_all(sandbox);
    for (unsigned i = 0; i < WARM_CALLS; i++)
        sandbox_flow(sandbox);
}

static void drop_prices(rf_sandbox *sandbox)
{
    for (unsigned i = 0; i < SANDBOX_INSTRUMENTS; i++)
        if (sandbox->markets[i].replays)
            rf_prices_finish(&sandbox->markets[i].prices);
}

bool rf_sandbox_check(const char *prices, char error[512])
{
    rf_sandbox *sandbox = calloc(1, sizeof *sandbox);
    snprintf(error, 512, "%s", sandbox ? "" : "sandbox: out of memory");
    if (!sandbox)
        return false;
    sandbox->options.prices = prices;
    sandbox->error = error;
    start_markets(sandbox);
    bool good = read_all_prices(sandbox);
    drop_prices(sandbox);
    free(sandbox);
    return good;
}

rf_sandbox *rf_sandbox_open(const rf_sandbox_options *options, char error[512])
{
    rf_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox) {
        snprintf(error, 512, "sandbox: out of memory");
        return NULL;
    }
    sandbox->options = *options;
    sandbox->error = error;
    sandbox->random = options->seed;
    sandbox->speed = options->speed;
    rf_json_init(&sandbox->json, sandbox->tokens, SANDBOX_TOKENS, sandbox->text, SANDBOX_TEXT);
    rf_bytes_init(&sandbox->answer, NULL, 0, rf_world_grow);
    start_markets(sandbox);
    if (!read_all_prices(sandbox) || !sandbox_set_up(sandbox)) {
        rf_sandbox_close(sandbox);
        return NULL;
    }
    go_on(sandbox);
    options->world->api->servers[RF_SERVICE_SANDBOX] =
        (rf_server){.call = sandbox_serve, .context = sandbox};
    warm_up(sandbox);
    return sandbox;
}

void rf_sandbox_close(rf_sandbox *sandbox)
{
    if (!sandbox)
        return;
    sandbox->options.world->api->servers[RF_SERVICE_SANDBOX] = (rf_server){0};
    drop_prices(sandbox);
    free(sandbox->answer.data);
    free(sandbox);
}

rf_sandbox_stats rf_sandbox_statistics(const rf_sandbox *sandbox)
{
    return sandbox->stats;
}
