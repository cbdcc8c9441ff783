/* W8: fan-out. Every subscriber of a book is told of every change: the time from an order until the last
 * of them has it, and the messages a second. The next order waits until all have the one before. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/server.h"

enum {
    SUBSCRIBERS = 5000,
    SUBSCRIBERS_QUICK = 50,
    ORDERS = 200,
    ORDERS_QUICK = 20,
    PER_TURN = 256, /* subscriptions before answers are read */
    CHANGE_MS_MAX = 20000,
};

/* The change of the book that is on its way. */
typedef struct change {
    uint32_t *seen; /* of each subscriber: the last change that he had */
    uint32_t number, missing;
    uint64_t messages;
} change;

static void on_push(rf_load_conn *conn, const char *text, size_t size)
{
    change *now = conn->user;
    (void)text;
    (void)size;
    now->messages++;
    if (now->seen[conn->number] == now->number)
        return;
    now->seen[conn->number] = now->number;
    now->missing--;
}

/* Until all have what is on its way. */
static void await_all(rf_load *fans, const change *now)
{
    int64_t end_ns = rf_bench_now_ns() + CHANGE_MS_MAX * 1000000LL;
    while (now->missing > 0) {
        uint64_t refused;
        rf_load_poll(fans, 10, NULL);
        if (rf_bench_now_ns() < end_ns)
            continue;
        rf_served_answered(fans, &refused); /* says so if one was closed */
        rf_load_fail("fan-out", "a change of the book does not reach everybody");
    }
}

static void subscribe_all(rf_load *fans, change *now)
{
    static const char subscribe[] = "{\"id\":1,\"method\":\"subscribe\",\"params\":{\"channels\":["
                                    "\"book.BTCUSD-PERP.10\"],\"book_subscription_type\":"
                                    "\"SNAPSHOT_AND_UPDATE\",\"book_update_frequency\":10}}";
    now->number = 1;
    now->missing = fans->conns_count;
    for (uint32_t i = 0; i < fans->conns_count; i++) {
        fans->conns[i].user = now;
        fans->conns[i].push = on_push;
        rf_load_say(&fans->conns[i], subscribe, sizeof subscribe - 1, rf_bench_now_ns());
        rf_load_flush(&fans->conns[i]);
        if (i % PER_TURN == 0)
            rf_load_poll(fans, 0, NULL);
    }
    await_all(fans, now); /* the book as it is */
}

/* By turns at the front of the book, where all see it, and away again. */
static void say_change(rf_load_conn *trader)
{
    char text[384];
    unsigned long long number = trader->sent;
    int size =
        number % 2 == 0
            ? snprintf(text, sizeof text,
                       "{\"id\":%llu,\"method\":\"private/create-order\",\"params\":{"
                       "\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"LIMIT\","
                       "\"price\":\"49950\",\"quantity\":\"0.0010\",\"client_oid\":\"f-%llu\"}}",
                       number + 1, number / 2)
            : snprintf(text, sizeof text,
                       "{\"id\":%llu,\"method\":\"private/cancel-order\",\"params\":{"
                       "\"client_oid\":\"f-%llu\"}}",
                       number + 1, number / 2);
    rf_load_say(trader, text, (size_t)size, rf_bench_now_ns());
    rf_load_flush(trader);
}

static void run_changes(rf_served *self, rf_load *fans, rf_load *trader, change *now,
                        rf_served_figures *figures)
{
    const uint32_t orders = self->options->quick ? ORDERS_QUICK : ORDERS;
    const uint64_t before = now->messages;
    fans->times_count = 0;
    rf_load_usage since = rf_load_usage_now(&self->server);
    for (uint32_t i = 0; i < orders; i++) {
        int64_t start_ns = rf_bench_now_ns();
        now->number++;
        now->missing = fans->conns_count;
        say_change(trader->conns);
        await_all(fans, now);
        rf_load_poll(trader, 0, NULL);
        fans->times[fans->times_count++] = rf_bench_now_ns() - start_ns;
    }
    rf_served_run(self, fans, &since, now->messages - before, figures);
}

void rf_served_fan_out(rf_served *self)
{
    rf_load fans, trader;
    char members[128];
    rf_served_figures figures = {0};
    change now = {0};
    const uint32_t count = self->options->quick ? SUBSCRIBERS_QUICK : SUBSCRIBERS;
    rf_load_need_descriptors(count);
    rf_served_begin(self);
    now.seen = calloc(count, sizeof *now.seen);
    if (!now.seen)
        rf_load_fail("fan-out", "out of memory");
    rf_load_open(&fans, &self->server, count, "/exchange/v1/market", 2, ORDERS);
    subscribe_all(&fans, &now);
    rf_load_open(&trader, &self->server, 1, "/exchange/v1/user", 2, 2);
    rf_served_sign_in(self, &trader);
    for (uint32_t run = 0; run < self->options->runs; run++)
        run_changes(self, &fans, &trader, &now, &figures);
    rf_served_drain(&trader);
    rf_served_answered(&trader, &figures.refused);
    rf_load_close(&trader);
    rf_load_close(&fans);
    free(now.seen);
    snprintf(members, sizeof members, ",\"kind\":\"fan_out\",\"subscribers\":%u", count);
    rf_served_print_times(self, "W8", "messages_per_second", members, &figures);
    rf_served_print_costs(self, members, &figures);
}
