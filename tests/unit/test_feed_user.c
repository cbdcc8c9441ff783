/* server/feed_user.c, feed_account.c, feed_ring.c: what users are told, and what those who come back. */
#include "tests/unit/feed_fixture.h"

static void orders_answer_with_those_that_are_open(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "49000", "0.5", ",\"client_oid\":\"mine\"");
    place(f, 2, "BUY", "48000", "0.5", "");
    subscribe(f, 1, 1, "user.order");
    const char *first = next(1);
    static const char head[] =
        "{\"id\":7,\"method\":\"subscribe\",\"code\":0,\"result\":{"
        "\"subscription\":\"user.order\",\"channel\":\"user.order\",\"seq\":";
    assert_memory_equal(first, head, sizeof head - 1);
    expect(f, first, "result.data", "1");
    expect(f, first, "result.data.0.client_oid", "mine");
    subscribe(f, 1, 1, "user.order.BTCUSD-PERP");
    expect(f, next(1), "result.instrument_name", "BTCUSD-PERP");
    /* Two commands, two states: nothing is thinned. */
    place(f, 2, "SELL", "49000", "0.2", "");
    place(f, 2, "SELL", "49000", "0.3", "");
    flush(f);
    for (int i = 0; i < 4; i++) {
        const char *change = next(1);
        expect(f, change, "id", "-1");
        expect(f, change, "result.instrument_name", "BTCUSD-PERP");
        expect(f, change, "result.channel", "user.order");
        expect(f, change, "result.data.0.cumulative_quantity", i < 2 ? "0.2000" : "0.5000");
        expect(f, change, "result.data.0.status", i < 2 ? "ACTIVE" : "FILLED");
    }
    assert_null(next(1));
    assert_int_equal(gate.conns[1].barrier, f->barrier);
}

static void trigger_orders_have_a_channel_in_two_spellings(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "48000", "0.5", "");
    subscribe(f, 1, 1, "user.advance.order");
    subscribe(f, 2, 1, "user.advanced.order.BTCUSD-PERP");
    const char *first = next(1);
    expect(f, first, "result.subscription", "user.advance.order");
    expect(f, first, "result.channel", "user.advance.order");
    expect(f, first, "result.data", "0");
    skip_all(2);
    place(f, 1, "BUY", "49000", "0.5", "");
    must(f, 1, "private/advanced/create-order",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"STOP_LIMIT\","
         "\"price\":\"51000\",\"ref_price\":\"51000\",\"quantity\":\"0.1\"}");
    flush(f);
    const char *change = next(1);
    expect(f, change, "result.channel", "user.advance.order");
    expect(f, change, "result.data.0.status", "PENDING");
    change = next(2);
    expect(f, change, "result.subscription", "user.advanced.order.BTCUSD-PERP");
    expect(f, change, "result.channel", "user.advanced.order");
    assert_int_equal(waiting(1) + waiting(2), 0);
}

/* Nobody hears of an instrument that he did not ask for; who asked for all hears of each apart. */
static void instruments_are_kept_apart(void **state)
{
    fixture *f = *state;
    must(f, 0, "operator/create-instrument",
         "{\"instrument_name\":\"ETHUSD-PERP\",\"base_ccy\":\"ETH\",\"quote_ccy\":\"USD\","
         "\"price_tick_size\":\"0.5\",\"qty_tick_size\":\"0.0001\",\"max_leverage\":\"50\","
         "\"maker_fee_rate\":\"0.0001\",\"taker_fee_rate\":\"0.0005\"}");
    must(f, 0, "operator/set-mark-price",
         "{\"instrument_name\":\"ETHUSD-PERP\",\"price\":\"2000\"}");
    subscribe(f, 1, MARKET, "trade.BTCUSD-PERP");
    subscribe(f, 1, MARKET, "settlement");
    subscribe(f, 2, 1, "user.order.BTCUSD-PERP");
    subscribe(f, 2, 1, "user.trade.BTCUSD-PERP");
    skip_all(1), skip_all(2);
    static const char order[] = "{\"instrument_name\":\"ETHUSD-PERP\",\"side\":\"%s\",\"type\":"
                                "\"LIMIT\",\"price\":\"2000\",\"quantity\":\"1\"}";
    char params[200];
    snprintf(params, sizeof params, order, "BUY");
    must(f, 1, "private/create-order", params);
    snprintf(params, sizeof params, order, "SELL");
    must(f, 2, "private/create-order", params);
    flush(f);
    assert_int_equal(waiting(1) + waiting(2), 0);
    subscribe(f, 2, 1, "user.order.ETHUSD-PERP");
    expect(f, next(2), "result.data", "0");
    must(f, 1, "private/create-order", params);
    must(f, 2, "private/create-order", params);
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"ETHUSD-PERP\"}");
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"BTCUSD-PERP\"}");
    flush(f);
    bool seen[2] = {false, false};
    for (const char *text; (text = next(1));) {
        bool ether = strcmp(field(f, text, "result.instrument_name"), "ETHUSD-PERP") == 0;
        bool settled = strcmp(field(f, text, "result.channel"), "settlement") == 0;
        expect(f, text, "result.data", "1");
        assert_true(settled || !ether);
        if (settled)
            expect(f, text, "result.data.0.v", ether ? "2000.0" : "50000.0");
        seen[ether] = seen[ether] || settled;
    }
    assert_true(seen[0] && seen[1]);
    expect(f, next(2), "result.subscription", "user.order.ETHUSD-PERP");
    for (const char *text; (text = next(2));)
        assert_null(strstr(text, "ETHUSD"));
}

static void trades_confirm_and_then_tell_each_fill(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.trade");
    const char *first = next(1);
    expect(f, first, "id", "7");
    expect(f, first, "result.data", "0");
    place(f, 1, "BUY", "50000", "0.3", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    expect(f, next(1), "result.data.0.traded_quantity", "0.1000");
    const char *second = next(1);
    expect(f, second, "result.data.0.traded_quantity", "0.2000");
    expect(f, second, "result.data.0.taker_side", "MAKER");
    expect(f, second, "result.channel", "user.trade");
    assert_null(next(1));
}

static void states_are_told_once_a_turn(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.balance");
    expect(f, next(1), "result.data.0.total_cash_balance", "100000.00000000");
    subscribe(f, 1, 1, "user.positions");
    expect(f, next(1), "result.data", "0");
    subscribe(f, 1, 1, "user.position_balance");
    expect(f, next(1), "result.data.0.balances.0.quantity", "100000.00000000");
    for (int i = 0; i < 3; i++) {
        place(f, 1, "BUY", "50000", "0.1", "");
        place(f, 2, "SELL", "50000", "0.1", "");
    }
    flush(f);
    expect(f, next(1), "result.channel", "user.balance");
    const char *positions = next(1);
    expect(f, positions, "result.channel", "user.positions");
    expect(f, positions, "result.data", "1");
    expect(f, positions, "result.data.0.quantity", "0.3000");
    const char *both = next(1);
    expect(f, both, "result.channel", "user.position_balance");
    expect(f, both, "result.data.0.positions.0.quantity", "0.3000");
    expect(f, both, "result.data.0.isolated_positions", "0");
    assert_null(next(1));
    place(f, 1, "BUY", "49000", "0.1", "");
    flush(f);
    expect(f, next(1), "result.channel", "user.balance"); /* what is available changed */
    assert_null(next(1));
}

static void a_closed_position_comes_once_more_with_zero(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.positions");
    subscribe(f, 2, 1, "user.position_balance");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 1, "BUY", "50000", "0.2", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    place(f, 2, "SELL", "50000", "0.3", "");
    flush(f);
    skip_all(1), skip_all(2);
    must(f, 1, "private/close-position",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"type\":\"LIMIT\",\"price\":\"50000\"}");
    place(f, 2, "BUY", "50000", "0.1", "");
    flush(f);
    const char *rows = next(1);
    expect(f, rows, "result.data", "2");
    expect(f, rows, "result.data.0.isolation_type", "ISOLATED_MARGIN");
    expect(f, rows, "result.data.0.quantity", "0.2000");
    expect(f, rows, "result.data.1.quantity", "0.0000");
    expect(f, rows, "result.data.1.isolation_id", "");
    char isolation[32];
    const char *both = next(2);
    expect(f, both, "result.data.0.positions.0.quantity", "0.0000");
    expect(f, both, "result.data.0.isolated_positions.0.positions.0.quantity", "0.2000");
    strcpy(isolation, field(f, both, "result.data.0.isolated_positions.0.isolation_id"));
    subscribe(f, 3, 1, "user.positions");
    expect(f, next(3), "result.data", "1"); /* a newcomer never saw it open */
    char params[200];
    snprintf(params, sizeof params,
             "{\"instrument_name\":\"BTCUSD-PERP\",\"type\":\"LIMIT\",\"price\":\"50000\","
             "\"isolation_id\":\"%s\"}",
             isolation);
    must(f, 1, "private/close-position", params);
    place(f, 2, "BUY", "50000", "0.2", "");
    flush(f);
    skip_all(3);
    while (waiting(1) > 1)
        next(1);
    rows = next(1);
    expect(f, rows, "result.data", "1");
    expect(f, rows, "result.data.0.quantity", "0.0000");
    expect(f, rows, "result.data.0.isolation_id", isolation);
    while (waiting(2) > 1)
        next(2);
    both = next(2);
    expect(f, both, "result.data.0.positions", "0");
    expect(f, both, "result.data.0.isolated_positions.0.isolation_id", isolation);
    expect(f, both, "result.data.0.isolated_positions.0.positions.0.quantity", "0.0000");
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    flush(f);
    expect(f, next(1), "result.data", "1"); /* told once */
}

static void risk_comes_every_two_seconds(void **state)
{
    fixture *f = *state;
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 2, "SELL", "50000", "0.1", "");
    subscribe(f, 1, 1, "user.account_risk");
    const char *risk = next(1);
    expect(f, risk, "result.account_id", "00000000-0000-4000-8000-000000000001");
    expect(f, risk, "result.data.0.total_borrow", "0.00000000");
    expect(f, risk, "result.data.0.positions.0.quantity", "0.1000");
    expect(f, risk, "result.data.0.balances.0.instrument_name", "USD");
    expect(f, risk, "result.data.0.isolated_positions", "0");
    beat(f, 1990);
    assert_int_equal(waiting(1), 0);
    beat(f, 10);
    beat(f, 10);
    assert_int_equal(waiting(1), 1);
}

/* A venue's clock that is held, or set back an hour, is no reason to be silent. */
static void beats_do_not_follow_the_venues_clock(void **state)
{
    static const char book[] = "{\"channels\":[\"book.BTCUSD-PERP\"],\"book_subscription_type\":"
                               "\"SNAPSHOT_AND_UPDATE\",\"book_update_frequency\":100}";
    fixture *f = *state;
    subscribe(f, 1, 1, "user.account_risk");
    assert_int_equal(ask(f, 2, (uint32_t)MARKET, 1, book), RF_ERR_OK);
    subscribe(f, 3, MARKET, "ticker.BTCUSD-PERP");
    flush(f);
    for (rf_conn conn = 1; conn <= 3; conn++)
        skip_all(conn);
    for (int round = 0; round < 2; round++) {
        int64_t held_ns = f->time_ns - round * 3600000 * MS;
        for (int second = 0; second < 4; second++) {
            place(f, 1, "BUY", "49000", "0.01", "");
            f->clock_ns += 1000 * MS;
            f->time_ns = held_ns;
            rf_feed_beat(f->feed, now(f));
            f->time_ns = START_NS; /* the engine's own never goes back */
            char at[24];
            snprintf(at, sizeof at, "%lld", (long long)(held_ns / MS));
            assert_int_equal(waiting(2), 1);
            expect(f, next(2), "result.data.0.t", at);
        }
        assert_int_equal(waiting(1), 2);
        assert_true(waiting(3) >= 4);
        skip_all(1);
        skip_all(3);
    }
}

static void must_rank(fixture *f, const char *rank)
{
    must(f, 1, "private/get-positions", "{}");
    char *answer = strdup(f->out.data);
    assert_non_null(answer);
    expect(f, answer, "result.data.0.adl_rank", rank);
    free(answer);
}

/* Finding the ranks walks over all positions: not for every push. */
static void ranks_may_be_a_second_old(void **state)
{
    fixture *f = *state;
    beat(f, 10);
    place(f, 1, "BUY", "50000", "0.1", "");
    place(f, 3, "SELL", "50000", "0.1", "");
    set_mark(f, "50100");
    must_rank(f, "5");
    place(f, 2, "BUY", "50000", "1", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"50\"");
    place(f, 3, "SELL", "50000", "1", "");
    f->time_ns += 999 * MS;
    set_mark(f, "50100");
    must_rank(f, "5");
    f->time_ns += MS;
    set_mark(f, "50100");
    must_rank(f, "1");
}

static void the_ledger_is_told_to_both_sides(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.transactions");
    expect(f, next(1), "result.data", "0");
    must(f, 0, "operator/deposit",
         "{\"account\":\"alice\",\"currency\":\"USDC\",\"amount\":\"5\"}");
    flush(f);
    const char *row = next(1);
    expect(f, row, "result.data.0.journal_type", "ONCHAIN_DEPOSIT");
    expect(f, row, "result.data.0.transaction_qty", "5.00000000");
    place(f, 1, "BUY", "50000", "0.2",
          ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\","
          "\"isolated_margin_amount\":\"1500\"");
    flush(f);
    row = next(1);
    expect(f, row, "result.data", "2");
    expect(f, row, "result.data.0.journal_type", "SUBACCOUNT_TX");
    expect(f, row, "result.data.0.sub_type", "ISOLATED_MARGIN_TRANSFER");
    expect(f, row, "result.data.0.transaction_qty", "-1500.00000000");
    expect(f, row, "result.data.0.isolation_id", "");
    expect(f, row, "result.data.1.transaction_qty", "1500.00000000");
    assert_string_not_equal(field(f, row, "result.data.1.isolation_id"), "");
    place(f, 2, "SELL", "50000", "0.2", "");
    flush(f);
    row = next(1);
    expect(f, row, "result.data", "2");
    expect(f, row, "result.data.0.journal_type", "TRADING");
    expect(f, row, "result.data.0.transaction_cost", "10000.00000000");
    expect(f, row, "result.data.0.taker_side", "MAKER");
    expect(f, row, "result.data.1.journal_type", "TRADE_FEE");
    expect(f, row, "result.data.1.transaction_qty", "-1.00000000");
    assert_null(next(1));
    must(f, 0, "operator/create-account", "{\"account\":\"child\",\"master\":\"alice\"}");
    subscribe(f, 2, 4, "user.transactions");
    skip_all(2);
    must(f, 1, "private/create-subaccount-transfer",
         "{\"from\":\"00000000-0000-4000-8000-000000000001\",\"to\":"
         "\"00000000-0000-4000-8000-000000000004\",\"currency\":\"USD\",\"amount\":\"7\"}");
    flush(f);
    expect(f, next(1), "result.data.0.transaction_qty", "-7.00000000");
    expect(f, next(2), "result.data.0.transaction_qty", "7.00000000");
    assert_int_equal(waiting(1) + waiting(2), 0);
    beat(f, 10);
    rf_feed_forget(f->feed, 2);
    beat(f, 301000); /* nobody listens for the child any more */
    must(f, 1, "private/create-subaccount-transfer",
         "{\"from\":\"00000000-0000-4000-8000-000000000001\",\"to\":"
         "\"00000000-0000-4000-8000-000000000004\",\"currency\":\"USD\",\"amount\":\"8\"}");
    flush(f);
    expect(f, next(1), "result.data.0.transaction_qty", "-8.00000000");
}

static void an_isolation_is_liquidated(fixture *f)
{
    place(f, 1, "BUY", "50000", "1", ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\"");
    place(f, 2, "SELL", "50000", "1", "");
    flush(f);
}

static void margin_warns_once_for_each_crossing(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.x.margin");
    expect(f, next(1), "result.data", "0");
    an_isolation_is_liquidated(f);
    skip_all(1);
    static const struct {
        const char *mark;
        bool warns;
    } rows[] = {{"46500", false}, {"45580", true},  {"45620", false},
                {"45580", false}, {"45750", false}, {"45580", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_mark(f, rows[i].mark);
        beat(f, 1000);
        assert_int_equal(waiting(1), rows[i].warns);
        if (!rows[i].warns)
            continue;
        const char *warning = next(1);
        expect(f, warning, "result.data.0.kind", "WARNING");
        assert_string_not_equal(field(f, warning, "result.data.0.isolation_id"), "");
        expect(f, warning, "result.data.0.instrument_name", "BTCUSD-PERP");
        assert_int_equal(strncmp(field(f, warning, "result.data.0.margin_ratio"), "0.8", 3), 0);
    }
    beat(f, 1000);
    assert_int_equal(waiting(1), 0);
}

static void a_cross_account_is_warned_too(void **state)
{
    fixture *f = *state;
    new_account(f, "dave");
    subscribe(f, 1, 4, "user.x.margin");
    place(f, 4, "BUY", "50000", "20", ""); /* a million on a tenth of it */
    place(f, 2, "SELL", "50000", "10", "");
    place(f, 3, "SELL", "50000", "10", "");
    beat(f, 1000);
    skip_all(1);
    set_mark(f, "45800");
    beat(f, 1000);
    const char *warning = next(1);
    assert_non_null(warning);
    expect(f, warning, "result.data.0.kind", "WARNING");
    expect(f, warning, "result.data.0.isolation_id", "");
    assert_null(next(1));
}

static void a_liquidation_is_told_to_its_owner_and_the_market(void **state)
{
    fixture *f = *state;
    subscribe(f, 1, 1, "user.x.margin");
    subscribe(f, 2, MARKET, "x.liquidations");
    subscribe(f, 3, MARKET, "x.liquidations.BTCUSD-PERP");
    expect(f, next(2), "result.subscription", "x.liquidations");
    an_isolation_is_liquidated(f);
    place(f, 2, "BUY", "45000", "0.6", "");
    flush(f);
    skip_all(1), skip_all(2), skip_all(3);
    set_mark(f, "45000");
    flush(f);
    const char *const kinds[] = {"LIQUIDATION_START", "LIQUIDATION_FILL"};
    for (size_t i = 0; i < 2; i++)
        expect(f, next(1), "result.data.0.kind", kinds[i]);
    bool ended = false;
    for (const char *text; (text = next(1));)
        ended = strcmp(field(f, text, "result.data.0.kind"), "LIQUIDATION_END") == 0 || ended;
    assert_true(ended);
    const char *all = next(2);
    expect(f, all, "result.instrument_name", "BTCUSD-PERP");
    expect(f, all, "result.data.0.kind", "START");
    expect(f, all, "result.data.0.q", "1.0000");
    expect(f, all, "result.data.1.kind", "FILL");
    expect(f, all, "result.data.1.q", "0.6000");
    assert_null(strstr(all, "account"));
    assert_null(strstr(all, "isolation_id"));
    expect(f, next(3), "result.subscription", "x.liquidations.BTCUSD-PERP");
}

/* ---- Coming back ----------------------------------------------------------------------------- */

static void since_seq_loses_and_doubles_nothing(void **state)
{
    fixture *f = *state;
    char seqs[40][32];
    subscribe(f, 1, 1, "user.order");
    subscribe(f, 2, 2, "user.order"); /* others' messages in between */
    strcpy(seqs[0], field(f, next(1), "result.seq"));
    for (int i = 1; i < 40; i++) {
        if (i == 20)
            rf_feed_forget(f->feed, 1); /* the rest is kept for who comes back */
        place(f, 1, "BUY", "49000", "0.1", "");
        place(f, 2, "BUY", "48000", "0.1", "");
        beat(f, 10);
        if (i < 20)
            strcpy(seqs[i], field(f, next(1), "result.seq"));
    }
    for (int from = 0; from < 20; from++) {
        char params[100];
        rf_conn conn = (rf_conn)(100 + from);
        snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}",
                 seqs[from]);
        assert_int_equal(ask(f, conn, 1, 1, params), RF_ERR_OK);
        next(conn);
        const char *first = next(conn);
        expect(f, first, "result.resumed", "true");
        expect(f, first, "result.seq", seqs[from]);
        expect(f, first, "result.data", "0");
        assert_int_equal(waiting(conn), 39 - from);
        for (int i = from + 1; i < 20; i++)
            expect(f, next(conn), "result.seq", seqs[i]);
    }
    place(f, 1, "BUY", "49000", "0.1", "");
    flush(f);
    for (int from = 0; from < 20; from++)
        assert_int_equal(waiting((rf_conn)(100 + from)), 20 + 1);
}

static void who_was_away_too_long_gets_a_snapshot(void **state)
{
    fixture *f = *state;
    char params[100];
    place(f, 1, "BUY", "49000", "0.1", "");
    assert_int_equal(ask(f, 1, 1, 1, "{\"channels\":[\"user.order\"],\"since_seq\":5}"), RF_ERR_OK);
    next(1);
    const char *first = next(1);
    expect(f, first, "result.resumed", "false");
    expect(f, first, "result.data", "1");
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}",
             field(f, first, "result.seq"));
    rf_feed_forget(f->feed, 1);
    beat(f, 299000);
    assert_int_equal(ask(f, 2, 1, 1, params), RF_ERR_OK);
    next(2);
    expect(f, next(2), "result.resumed", "true");
    rf_feed_forget(f->feed, 2);
    beat(f, 301000);
    assert_int_equal(ask(f, 3, 1, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "false");
    /* A state needs no resuming: it is told whole. */
    assert_int_equal(ask(f, 3, 1, 1, "{\"channels\":[\"user.balance\"],\"since_seq\":\"9\"}"),
                     RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.data.0.total_cash_balance", "100000.00000000");
}

/* Coming and going does not use up the places of those who are away. */
static void who_comes_back_lingers_no_more(void **state)
{
    fixture *f = *state;
    char params[100], seq[32];
    subscribe(f, 1, 2, "user.order");
    strcpy(seq, field(f, next(1), "result.seq"));
    rf_feed_forget(f->feed, 1);
    for (int i = 0; i < 17000; i++) {
        subscribe(f, 2, 1, "user.order");
        rf_feed_forget(f->feed, 2);
    }
    beat(f, 10);
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}", seq);
    assert_int_equal(ask(f, 3, 2, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "true");
}

static void the_ring_holds_65536_messages(void **state)
{
    fixture *f = *state;
    char params[100], seq[32];
    subscribe(f, 1, 1, "user.order");
    subscribe(f, 2, 2, "user.order");
    strcpy(seq, field(f, next(2), "result.seq"));
    place(f, 2, "BUY", "48000", "1", "");
    for (int i = 0; i < 65535; i++) {
        snprintf(params, sizeof params,
                 "{\"order_id\":\"1\",\"new_price\":\"48000\",\"new_quantity\":\"%d\"}", 2 + i % 2);
        must(f, 2, "private/amend-order", params);
        if (i % 1000 == 0)
            flush(f);
    }
    flush(f);
    snprintf(params, sizeof params, "{\"channels\":[\"user.order\"],\"since_seq\":%.20s}", seq);
    assert_int_equal(ask(f, 3, 2, 1, params), RF_ERR_OK);
    next(3);
    expect(f, next(3), "result.resumed", "true");
    assert_int_equal(waiting(3), 65536);
    must(f, 2, "private/amend-order",
         "{\"order_id\":\"1\",\"new_price\":\"48000\",\"new_quantity\":\"9\"}");
    flush(f);
    assert_int_equal(ask(f, 4, 2, 1, params), RF_ERR_OK);
    next(4);
    expect(f, next(4), "result.resumed", "false");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(orders_answer_with_those_that_are_open),
        TEST(trigger_orders_have_a_channel_in_two_spellings),
        TEST(instruments_are_kept_apart),
        TEST(trades_confirm_and_then_tell_each_fill),
        TEST(states_are_told_once_a_turn),
        TEST(a_closed_position_comes_once_more_with_zero),
        TEST(risk_comes_every_two_seconds),
        TEST(beats_do_not_follow_the_venues_clock),
        TEST(ranks_may_be_a_second_old),
        TEST(the_ledger_is_told_to_both_sides),
        TEST(margin_warns_once_for_each_crossing),
        TEST(a_cross_account_is_warned_too),
        TEST(a_liquidation_is_told_to_its_owner_and_the_market),
        TEST(since_seq_loses_and_doubles_nothing),
        TEST(who_was_away_too_long_gets_a_snapshot),
        TEST(who_comes_back_lingers_no_more),
        TEST(the_ring_holds_65536_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
