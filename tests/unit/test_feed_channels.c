/* docs/websocket.md shows what each channel really sends: its second half is made here. With
 * RF_WRITE_DOCS set it is written instead of compared. */
#include "tests/unit/feed_fixture.h"

#include "api/messages.h"

typedef struct example {
    const char *pattern, *doc, *subscribed;
    int account;
    unsigned interval_ms;
} example;

enum { USER = 1, TOLD_MAX = 256 * 1024 };

/* A row of the table, and a name that it means. */
static example example_of(rf_channel channel)
{
    static const example rows[] = {
#define RF_CHANNEL(id, pattern, door, interval, doc) {pattern, doc, NULL, door, interval},
#include "api/channels.def"
#undef RF_CHANNEL
    };
    static const char *const names[] = {
        [RF_CHANNEL_BOOK] = "book.BTCUSD-PERP.10",
        [RF_CHANNEL_TICKER] = "ticker.BTCUSD-PERP",
        [RF_CHANNEL_TRADE] = "trade.BTCUSD-PERP",
        [RF_CHANNEL_CANDLE] = "candlestick.1m.BTCUSD-PERP",
        [RF_CHANNEL_INDEX] = "index.BTCUSD-INDEX",
        [RF_CHANNEL_MARK] = "mark.BTCUSD-PERP",
        [RF_CHANNEL_FUNDING] = "funding.BTCUSD-PERP",
        [RF_CHANNEL_ESTIMATE] = "estimatedfunding.BTCUSD-PERP",
        [RF_CHANNEL_SETTLEMENT] = "settlement",
        [RF_CHANNEL_LIQUIDATIONS] = "x.liquidations",
        [RF_CHANNEL_ORDER] = "user.order",
        [RF_CHANNEL_ADVANCED_ORDER] = "user.advanced.order",
        [RF_CHANNEL_USER_TRADE] = "user.trade",
        [RF_CHANNEL_TRANSACTIONS] = "user.transactions",
        [RF_CHANNEL_MARGIN] = "user.x.margin",
        [RF_CHANNEL_BALANCE] = "user.balance",
        [RF_CHANNEL_POSITIONS] = "user.positions",
        [RF_CHANNEL_POSITION_BALANCE] = "user.position_balance",
        [RF_CHANNEL_ACCOUNT_RISK] = "user.account_risk",
    };
    example row = rows[channel];
    row.subscribed = names[channel];
    return row;
}

/* Something of everything: orders, trades, an isolation that is warned and liquidated. */
static void play(fixture *f)
{
    place(f, 3, "BUY", "45000", "2", "");
    beat(f, 1000);
    place(f, 1, "BUY", "50000", "0.2",
          ",\"exec_inst\":[\"ISOLATED_MARGIN\"],\"leverage\":\"10\",\"client_oid\":\"mine\"");
    must(f, 1, "private/advanced/create-order",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"side\":\"BUY\",\"type\":\"STOP_LIMIT\","
         "\"price\":\"51000\",\"ref_price\":\"51000\",\"quantity\":\"0.1\"}");
    beat(f, 1000);
    place(f, 2, "SELL", "50000", "0.2", "");
    beat(f, 1000);
    must(f, 0, "operator/set-index-price", "{\"index_name\":\"BTCUSD-INDEX\",\"price\":\"49990\"}");
    must(f, 0, "operator/set-funding-rate",
         "{\"instrument_name\":\"BTCUSD-PERP\",\"rate\":\"0.0001\"}");
    set_mark(f, "45580");
    beat(f, 1000);
    must(f, 0, "operator/settle-session", "{\"instrument_name\":\"BTCUSD-PERP\"}");
    beat(f, 1000);
    set_mark(f, "45400");
    beat(f, 1000);
}

static bool has(const char *message, const char *what)
{
    return !what || strstr(message, what) != NULL;
}

/* The first message and one that came later: the first with what the channel is best known by. */
static void show(rf_bytes *out, rf_conn conn, rf_channel channel)
{
    static const char *const telling[RF_CHANNELS] = {
        [RF_CHANNEL_BOOK] = "book.update",          [RF_CHANNEL_USER_TRADE] = "TRADING",
        [RF_CHANNEL_TRANSACTIONS] = "TRADING",      [RF_CHANNEL_MARGIN] = "WARNING",
        [RF_CHANNEL_LIQUIDATIONS] = "FILL",         [RF_CHANNEL_CANDLE] = "\"o\"",
        [RF_CHANNEL_POSITIONS] = "isolation_id",    [RF_CHANNEL_POSITION_BALANCE] = "isolation_id",
        [RF_CHANNEL_ACCOUNT_RISK] = "isolation_id",
    };
    assert_non_null(next(conn)); /* the acknowledgement */
    const char *first = next(conn), *later = NULL;
    assert_non_null(first);
    rf_bytes_text(out, first);
    rf_bytes_char(out, '\n');
    for (const char *text; !later && (text = next(conn));)
        later = has(text, telling[channel]) ? text : NULL;
    if (!later && channel != RF_CHANNEL_ESTIMATE)
        fail_msg("nothing on %s", example_of(channel).pattern);
    if (later) {
        rf_bytes_text(out, later);
        rf_bytes_char(out, '\n');
    }
}

static void describe(rf_bytes *out, const example *row)
{
    rf_bytes_text(out, "\n### `");
    rf_bytes_text(out, row->pattern);
    rf_bytes_text(out, "`\n");
    rf_bytes_text(out, row->doc);
    if (row->interval_ms && row->account != USER) {
        rf_bytes_text(out, " At most every ");
        rf_bytes_id(out, row->interval_ms);
        rf_bytes_text(out, " ms.");
    }
    rf_bytes_text(out, "\n```json\n");
}

static void tell_all(fixture *f, rf_bytes *out)
{
    char params[200];
    for (unsigned channel = 0; channel < RF_CHANNELS; channel++) {
        example row = example_of((rf_channel)channel);
        snprintf(params, sizeof params,
                 "{\"channels\":[\"%s\"],\"book_subscription_type\":\"SNAPSHOT_AND_UPDATE\"}",
                 row.subscribed);
        assert_int_equal(ask(f, channel + 1, (uint32_t)row.account, 1, params), RF_ERR_OK);
    }
    play(f);
    for (unsigned channel = 0; channel < RF_CHANNELS; channel++) {
        example row = example_of((rf_channel)channel);
        describe(out, &row);
        show(out, channel + 1, (rf_channel)channel);
        rf_bytes_text(out, "```\n");
    }
    rf_bytes_char(out, 0);
    assert_false(out->full);
}

static FILE *open_document(const char *mode)
{
    FILE *file = fopen("../docs/websocket.md", mode);
    return file ? file : fopen("docs/websocket.md", mode);
}

static void the_document_shows_what_is_sent(void **state)
{
    static char document[TOLD_MAX];
    static const char heading[] = "## Channels\n";
    fixture *f = *state;
    rf_bytes out;
    rf_bytes_init(&out, NULL, 0, rf_world_grow);
    tell_all(f, &out);
    FILE *file = open_document("r");
    assert_non_null(file);
    document[fread(document, 1, sizeof document - 1, file)] = 0;
    fclose(file);
    char *shown = strstr(document, heading);
    assert_non_null(shown);
    shown += sizeof heading - 1;
    if (getenv("RF_WRITE_DOCS")) {
        file = open_document("w");
        assert_non_null(file);
        fwrite(document, 1, (size_t)(shown - document), file);
        fputs(out.data, file);
        fclose(file);
    } else if (strcmp(shown, out.data) != 0)
        fail_msg("docs/websocket.md is not what the feed sends: RF_WRITE_DOCS=1 %s",
                 "build/test_feed_channels");
    free(out.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        the_document_shows_what_is_sent, open_fixture, close_fixture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
