/* A world with a feed on a gate that only writes down what is sent.
 *
 * Promise: the functions of server/gate.h that the feed calls are those below, whatever the real ones
 * do; every call is checked for code 0 by whoever makes it.
 *
 * May include: server/feed.h, cmocka.h. Included by one file of a program. */
#ifndef RF_TESTS_FEED_FIXTURE_H
#define RF_TESTS_FEED_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/feed.h"
#include "server/limits.h"

#define START_NS 1700000000000000000LL
#define MS 1000000LL

enum { CONNS = 6000 };

/* ---- The gate -------------------------------------------------------------------------------- */

struct rf_frame {
    size_t held, size;
    char text[];
};

typedef struct fake_conn {
    rf_frame **frames;
    size_t count, max, read;
    size_t backlog;
    uint64_t barrier; /* of the last one */
    bool breaks;      /* the next message is one too many */
    bool ended;
} fake_conn;

static struct {
    fake_conn conns[CONNS];
    size_t frames, frames_ever; /* alive; made */
    rf_feed *feed;
} gate;

rf_frame *rf_frame_new(const char *text, size_t size)
{
    rf_frame *frame = malloc(sizeof *frame + size + 1);
    assert_non_null(frame);
    frame->held = 1;
    frame->size = size;
    memcpy(frame->text, text, size);
    frame->text[size] = 0;
    gate.frames++;
    gate.frames_ever++;
    return frame;
}

void rf_frame_drop(rf_frame *frame)
{
    if (--frame->held > 0)
        return;
    gate.frames--;
    free(frame);
}

bool rf_gate_send(rf_gate *ignored, rf_conn conn, rf_frame *frame, uint64_t barrier)
{
    (void)ignored;
    fake_conn *to = &gate.conns[conn];
    if (to->ended)
        return false;
    if (to->breaks) {
        to->ended = true;
        rf_feed_forget(gate.feed, conn); /* as a gate does that closes at once */
        return false;
    }
    if (to->count == to->max) {
        to->max = to->max ? 2 * to->max : 16;
        to->frames = realloc(to->frames, to->max * sizeof(rf_frame *));
        assert_non_null(to->frames);
    }
    frame->held++;
    to->frames[to->count++] = frame;
    assert_true(barrier >= to->barrier);
    to->barrier = barrier;
    return true;
}

void rf_gate_end(rf_gate *ignored, rf_conn conn, uint16_t code, const char *reason)
{
    (void)ignored, (void)code, (void)reason;
    gate.conns[conn].ended = true;
}

size_t rf_gate_backlog(const rf_gate *ignored, rf_conn conn)
{
    (void)ignored;
    return gate.conns[conn].backlog;
}

/* The next message that was not looked at; NULL: none. */
static inline const char *next(rf_conn conn)
{
    fake_conn *from = &gate.conns[conn];
    return from->read < from->count ? from->frames[from->read++]->text : NULL;
}

static inline size_t waiting(rf_conn conn)
{
    return gate.conns[conn].count - gate.conns[conn].read;
}

static inline void skip_all(rf_conn conn)
{
    gate.conns[conn].read = gate.conns[conn].count;
}

/* ---- The world ------------------------------------------------------------------------------- */

typedef struct fixture {
    rf_world world;
    rf_feed *feed;
    int64_t time_ns, clock_ns;
    uint64_t barrier;
    rf_json json;
    rf_json_token tokens[RF_JSON_TOKENS_MAX];
    char text[RF_JSON_TEXT_MAX];
    rf_bytes out;
    char problem[160], found[4096];
} fixture;

static inline uint32_t parse(fixture *f, const char *text)
{
    char *wrapped = malloc(strlen(text) + 3);
    if (!wrapped)
        abort();
    sprintf(wrapped, "[%s]", text);
    if (!rf_json_parse(&f->json, wrapped, strlen(wrapped)))
        fail_msg("%s: %s", f->json.error, text);
    free(wrapped);
    return 1;
}

/* account 0: the operator. */
static inline rf_error call(fixture *f, uint32_t account, const char *method, const char *params)
{
    rf_request request = {
        .caller = {.door = account ? RF_DOOR_PRIVATE : RF_DOOR_OPERATOR, .account = account},
        .time_ns = f->time_ns,
        .id = 1,
        .method = method,
        .oid = "1",
        .json = &f->json,
        .params = parse(f, params),
    };
    rf_bytes_clear(&f->out);
    rf_error code = rf_api_call(f->world.api, &request, &f->out);
    rf_bytes_char(&f->out, 0);
    f->barrier++;
    return code;
}

static inline void must(fixture *f, uint32_t account, const char *method, const char *params)
{
    if (call(f, account, method, params) != RF_ERR_OK)
        fail_msg("%s %s: %s", method, params, f->out.data);
}

/* The text at "result.data.0.u" of a JSON text; "" when it is not there. */
static inline const char *field(fixture *f, const char *text, const char *path)
{
    uint32_t at = parse(f, text);
    char part[64];
    while (*path && at) {
        size_t size = strcspn(path, ".");
        memcpy(part, path, size);
        part[size] = 0;
        path += size + (path[size] == '.');
        at = f->json.tokens[at].kind == RF_JSON_ARRAY
                 ? rf_json_element(&f->json, at, (uint32_t)atoi(part))
                 : rf_json_member(&f->json, at, part);
    }
    if (!at)
        return "";
    const rf_json_token *token = &f->json.tokens[at];
    if (token->kind == RF_JSON_ARRAY || token->kind == RF_JSON_OBJECT)
        snprintf(f->found, sizeof f->found, "%u", token->count);
    else if (token->kind == RF_JSON_BOOL)
        snprintf(f->found, sizeof f->found, "%s", token->truth ? "true" : "false");
    else
        snprintf(f->found, sizeof f->found, "%s", rf_json_text(&f->json, at));
    return f->found;
}

#define expect(f, text, path, wanted) assert_string_equal(field(f, text, path), wanted)

static inline rf_moment now(const fixture *f)
{
    return (rf_moment){f->time_ns, f->clock_ns, f->barrier};
}

static inline rf_error ask(fixture *f, rf_conn conn, uint32_t account, int64_t id,
                           const char *params)
{
    rf_subscriber who = {.conn = conn, .market = account == UINT32_MAX, .account = account};
    if (who.market)
        who.account = 0;
    uint32_t token = parse(f, params);
    return rf_feed_subscribe(f->feed, &who, &f->json, token, id, now(f), f->problem);
}

enum { MARKET = -1 }; /* for `account`: came in at the market's door */

static inline void subscribe(fixture *f, rf_conn conn, int account, const char *channel)
{
    char params[512];
    fake_conn *to = &gate.conns[conn];
    size_t before = to->count;
    snprintf(params, sizeof params, "{\"channels\":[\"%s\"]}", channel);
    if (ask(f, conn, (uint32_t)account, 7, params) != RF_ERR_OK)
        fail_msg("%s: %s", channel, f->problem);
    assert_string_equal(to->frames[before]->text, "{\"id\":7,\"method\":\"subscribe\",\"code\":0}");
    to->read += to->read == before; /* else it waits behind what was not looked at */
}

static inline void unsubscribe(fixture *f, rf_conn conn, int account, const char *channel)
{
    rf_subscriber who = {.conn = conn, .market = account < 0, .account = (uint32_t)account};
    char params[512];
    snprintf(params, sizeof params, "{\"channels\":[\"%s\"]}", channel);
    uint32_t token = parse(f, params);
    assert_int_equal(rf_feed_unsubscribe(f->feed, &who, &f->json, token, 8, f->barrier, f->problem),
                     RF_ERR_OK);
}

static inline void flush(fixture *f)
{
    rf_feed_flush(f->feed, now(f));
}

static inline void set_time(fixture *f, int64_t time_ns)
{
    f->clock_ns += time_ns - f->time_ns;
    f->time_ns = time_ns;
}

static inline void beat(fixture *f, int64_t ms)
{
    set_time(f, f->time_ns + ms * MS);
    rf_feed_beat(f->feed, now(f));
}

static inline void new_account(fixture *f, const char *label)
{
    char params[160];
    snprintf(params, sizeof params, "{\"account\":\"%s\"}", label);
    must(f, 0, "operator/create-account", params);
    snprintf(params, sizeof params,
             "{\"account\":\"%s\",\"currency\":\"USDC\",\"amount\":\"100000\"}", label);
    must(f, 0, "operator/deposit", params);
}

static inline void place(fixture *f, uint32_t account, const char *side, const char *price,
                         const char *quantity, const char *more)
{
    char params[512];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"%s\",\"type\":\"LIMIT\",\"price\":"
             "\"%s\",\"quantity\":\"%s\"%s}",
             side, price, quantity, more);
    must(f, account, "private/create-order", params);
}

static inline void set_mark(fixture *f, const char *price)
{
    char params[160];
    snprintf(params, sizeof params, "{\"instrument_name\":\"BTCUSD-PERP\",\"price\":\"%s\"}",
             price);
    must(f, 0, "operator/set-mark-price", params);
}

/* Accounts 1, 2 and 3 are alice, bob and carol. */
static int open_fixture(void **state)
{
    static const rf_limits limits = {.accounts_max = 16,
                                     .instruments_max = 4,
                                     .positions_max = 64,
                                     .orders_max = 4096,
                                     .recent_max = 4096,
                                     .withdrawals_max = 8,
                                     .window_ticks = 4096,
                                     .watch_buckets = 64};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memset(&gate, 0, sizeof gate);
    rf_json_init(&f->json, f->tokens, RF_JSON_TOKENS_MAX, f->text, RF_JSON_TEXT_MAX);
    rf_bytes_init(&f->out, NULL, 0, rf_world_grow);
    assert_true(rf_world_open(&f->world, &limits, false));
    f->time_ns = START_NS;
    f->clock_ns = 3600000 * MS; /* the machine is up for an hour */
    f->feed = gate.feed = rf_feed_open(&f->world, NULL);
    assert_non_null(f->feed);
    must(f, 0, "operator/create-instrument",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"base_ccy\":\"BTC\",\"quote_ccy\":\"USD\","
         "\"price_tick_size\":\"0.5\",\"qty_tick_size\":\"0.0001\",\"max_leverage\":\"50\","
         "\"maker_fee_rate\":\"0.0001\",\"taker_fee_rate\":\"0.0005\",\"settlement\":\"MANUAL\","
         "\"index_name\":\"BTCUSD-INDEX\"}");
    new_account(f, "alice");
    new_account(f, "bob");
    new_account(f, "carol");
    must(f, 0, "operator/set-index-price", "{\"index_name\":\"BTCUSD-INDEX\",\"price\":\"50000\"}");
    set_mark(f, "50000");
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    rf_feed_close(f->feed);
    rf_world_close(&f->world);
    for (size_t i = 0; i < CONNS; i++) {
        for (size_t at = 0; at < gate.conns[i].count; at++)
            rf_frame_drop(gate.conns[i].frames[at]);
        free(gate.conns[i].frames);
    }
    assert_int_equal(gate.frames, 0);
    free(f->out.data);
    free(f);
    return 0;
}

#endif
