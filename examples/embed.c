/* The engine inside your own program: one isolated long, and what it takes to liquidate it.
 *
 *   cc embed.c $(pkg-config --cflags --libs ringfence) -o embed && ./embed
 */
#include <inttypes.h>
#include <ringfence.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define E8 ((int64_t)100000000)

static rf_engine *engine;

/* Applies one command and whatever work it leaves behind; a refusal ends this little program. */
static rf_result apply(rf_command command)
{
    rf_result result;
    rf_engine_apply(engine, &command, &result);
    if (result.code != RF_ERR_OK) {
        fprintf(stderr, "refused: %s\n", rf_error_name(result.code));
        exit(1);
    }
    const rf_command tick = {.kind = RF_COMMAND_TICK, .time_ns = command.time_ns};
    while (rf_engine_pending(engine)) {
        rf_result ignored;
        rf_engine_apply(engine, &tick, &ignored);
    }
    return result;
}

static void on_event(void *context, const rf_event *event)
{
    (void)context;
    if (event->kind == RF_EVENT_FILL && event->code == 1)
        printf("  filled: account %" PRIu32 ", price %" PRId64 ".%" PRId64 "\n", event->account,
               event->price / 10, event->price % 10);
    if (event->kind == RF_EVENT_LIQUIDATION_STARTED)
        printf("  liquidation of isolation %" PRIu64 " of account %" PRIu32 "\n",
               event->isolation_id, event->account);
}

static uint32_t open_account(const char *label, int64_t dollars)
{
    rf_command create = {.kind = RF_COMMAND_CREATE_ACCOUNT};
    strncpy(create.u.account.label, label, sizeof create.u.account.label - 1);
    const uint32_t account = (uint32_t)apply(create).id;
    rf_command deposit = {.kind = RF_COMMAND_DEPOSIT};
    deposit.u.money.account = account;
    deposit.u.money.currency = (uint32_t)rf_find_currency(engine, "USDC");
    deposit.u.money.amount = dollars * E8;
    apply(deposit);
    return account;
}

static uint16_t list_bitcoin(void)
{
    static const rf_instrument_config config = {
        .name = "BTCUSD-PERP",
        .base = "BTC",
        .index_name = "BTCUSD-INDEX",
        .price_decimals = 1,
        .qty_decimals = 4,
        .price_tick = 1,
        .qty_tick = 1,
        .max_leverage = 50,
        .maker_fee_rate = 25000,
        .taker_fee_rate = 40000,
        .liquidation_fee_rate = 500000,
        .price_band = E8 / 10,
        .min_order_qty = 1,
        .fund_position_cap = -1,
        .funding_cap_rate = E8 / 100,
        .isolations_max = RF_ISOLATIONS_PER_ACCOUNT,
    };
    rf_command list = {.kind = RF_COMMAND_CREATE_INSTRUMENT};
    list.u.instrument.config = &config;
    return (uint16_t)apply(list).id;
}

static void set_mark(uint16_t instrument, int64_t dollars)
{
    rf_command mark = {.kind = RF_COMMAND_SET_MARK_PRICE};
    mark.u.instrument.instrument = instrument;
    mark.u.instrument.price = dollars * 10;
    printf("mark %" PRId64 "\n", dollars);
    apply(mark);
}

static rf_command limit_order(uint32_t account, uint16_t instrument, rf_side side, int64_t dollars)
{
    rf_command place = {.kind = RF_COMMAND_PLACE_ORDER};
    place.u.order.account = account;
    place.u.order.instrument = instrument;
    place.u.order.side = (uint8_t)side;
    place.u.order.price = dollars * 10;
    place.u.order.qty = 10000; /* 1 BTC */
    place.u.order.isolated_margin = -1;
    return place;
}

int main(void)
{
    const rf_limits limits = {.accounts_max = 16,
                              .instruments_max = 2,
                              .positions_max = 64,
                              .orders_max = 256,
                              .recent_max = 256,
                              .withdrawals_max = 16,
                              .window_ticks = 4096,
                              .watch_buckets = 4096};
    const size_t size = rf_engine_size(&limits);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (size == 0 || !memory)
        return 1;
    memset(memory, 0, size);
    engine = rf_engine_init(memory, size, &limits);
    if (!engine)
        return 1;
    rf_engine_set_sink(engine, (rf_sink){on_event, NULL});

    const uint16_t btc = list_bitcoin();
    const uint32_t alice = open_account("alice", 20000), bob = open_account("bob", 200000);
    set_mark(btc, 50000);
    apply(limit_order(bob, btc, RF_SELL, 50000));
    rf_command buy = limit_order(alice, btc, RF_BUY, 50000);
    buy.u.order.flags = RF_FLAG_ISOLATED;
    buy.u.order.leverage = 10;
    const uint64_t isolation = apply(buy).isolation_id;

    rf_position_view position;
    if (!rf_view_isolation(engine, isolation, &position))
        return 1;
    printf("isolated margin %" PRId64 ".%08" PRId64 ", liquidated at %" PRId64 ".%" PRId64 "\n",
           position.wallet / E8, position.wallet % E8, position.liquidation_price / 10,
           position.liquidation_price % 10);
    set_mark(btc, 46000);
    set_mark(btc, 44000);
    if (rf_view_isolation(engine, isolation, &position))
        return 1; /* it should be gone */
    rf_account_view account;
    rf_view_account(engine, alice, &account);
    printf("isolation gone; the main account still has %" PRId64 ".%08" PRId64 "\n",
           account.cash[0] / E8, account.cash[0] % E8);
    const rf_digest digest = rf_engine_digest(engine);
    printf("digest %016" PRIx64 "%016" PRIx64 "\n", digest.high, digest.low);
    free(memory);
    return 0;
}
