/* Numbers that venues print in their documents, and that tests of public clients hold, reproduced
 * with the margin functions. Each row names its source; every expected number is the published one.
 *
 * How the rows are read (docs/margin.md, section 13):
 * - The functions know integers only, not what unit they count. A row chooses units so fine that
 * the rounding up of one unit cannot reach the last published digit.
 * - A published liquidation price is a rounded real number. Ours is the first unhealthy price on
 * the grid, one grid step beside it; both are compared at the published number of decimals.
 * - Other venues' rules are our formula with other parameters: without a fee reserve (f = 0) it is
 * Binance's, with f = taker it is the rule of Gate and OKX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arith.h"
#include "engine/instrument.h"
#include "engine/margin.h"

enum { DECIMALS_MAX = 18 };

static int64_t power_of_ten(int exponent)
{
    int64_t power = 1;
    for (int i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

/* "-12.5" with 2 decimals is -1250. More decimals than asked for fail the test: nothing is cut off
 * here. */
static int64_t units(const char *text, int decimals)
{
    const bool negative = *text == '-';
    int64_t value = 0;
    int after = -1; /* decimals seen; -1 before the point */
    for (const char *at = text + negative; *at != '\0'; at++) {
        if (*at == '.') {
            assert_int_equal(after, -1);
            after = 0;
            continue;
        }
        assert_in_range(*at, '0', '9');
        value = rf_add(rf_mul(value, 10), *at - '0');
        after += after >= 0;
    }
    after = after < 0 ? 0 : after;
    assert_in_range(after, 0, decimals);
    value = rf_mul(value, power_of_ten(decimals - after));
    return negative ? -value : value;
}

static int decimals_of(const char *text)
{
    const char *point = strchr(text, '.');
    return point ? (int)strlen(point + 1) : 0;
}

static int64_t e8(const char *text)
{
    return units(text, 8);
}

/* value counts 10^-decimals; text is the published number, half a unit of whose last digit is its
 * error. */
static void assert_rounds_to(const char *id, int64_t value, int decimals, const char *text)
{
    const int printed = decimals_of(text);
    assert_in_range(printed, 0, decimals);
    const int64_t step = power_of_ten(decimals - printed);
    const int64_t rounded = (int64_t)rf_div_down(value + step / 2, step);
    if (rounded != units(text, printed))
        print_error("%s: %lld of 10^-%d, published %s\n", id, (long long)value, decimals, text);
    assert_int_equal(rounded, units(text, printed));
}

/* ---- Crypto.com Exchange API v1: isolated positions
 * ---------------------------------------------------- */

/* SOLUSD and the like: 20x at most, taker 0.04 %, liquidation fee 0.5 %. */
static const rf_margin_params cdc = {.k = 1,
                                     .qty_unit = 100,
                                     .tick = 1,
                                     .taker = 40000,
                                     .liquidation_fee = 500000,
                                     .product_leverage = 20};

/* CDC-01: private/get-subaccount-balances, an isolated short without orders. */
static void cdc_01_isolated_balances(void **state)
{
    (void)state;
    const rf_exposure side = {.position = e8("10.962")};
    rf_requirement need;
    rf_margin_side(&cdc, 10, &side, &need);
    const int64_t balance = e8("8.96326705") + e8("-0.003") - need.fr;
    assert_int_equal(need.fr, e8("0.0591948"));
    assert_int_equal(balance, e8("8.90107225"));
    assert_int_equal(need.im, e8("1.0962"));
    assert_int_equal(need.mm, e8("0.27405"));
    assert_int_equal(balance - need.im - need.ol,
                     e8("7.80487225"));               /* available, and what can leave */
    assert_int_equal(10 * balance, e8("89.0107225")); /* position limit */
    assert_int_equal(rf_muldiv_down(need.notional, 1000000, balance),
                     1231537); /* effective leverage */
    rf_margin_side(&cdc, cdc.product_leverage, &side, &need);
    assert_int_equal(need.im, e8("0.5481")); /* of the position at the product's leverage */
}

/* CDC-02: user.positions, an isolated long of 0.03 SOL at mark 133.26. */
static void cdc_02_long_position(void **state)
{
    (void)state;
    const rf_exposure side = {.position = e8("3.9978")};
    rf_requirement need;
    rf_margin_side(&cdc, cdc.product_leverage, &side, &need);
    assert_int_equal(need.im, e8("0.19989"));
    assert_int_equal(need.mm, e8("0.099945"));
    assert_int_equal(e8("0.32003988") + need.fr,
                     e8("0.341628")); /* cash = margin balance + reserve */

    /* Prices with 10 decimals, quantity 2, money 14. */
    rf_margin_params fine = cdc;
    fine.k = 100;
    const int64_t cost = units("3.9978", 14), cash = units("0.341628", 14);
    const rf_price trigger = rf_liquidation_price(&fine, 3, cost, cash);
    assert_rounds_to("CDC-02", trigger, 10, "125.69348185");
    /* What the venue displays holds the reserve fixed at the present mark: no rate, and the margin
     * balance. */
    fine.taker = fine.liquidation_fee = 0;
    const rf_price display = rf_liquidation_price(&fine, 3, cost, units("0.32003988", 14));
    assert_rounds_to("CDC-02", display, 10, "125.7354");
    assert_int_equal(display / power_of_ten(8), units("125.73", 2)); /* cut off, as displayed */
}

/* CDC-03: user.account_risk, the same position and an open buy order of 1.3. */
static void cdc_03_position_and_order(void **state)
{
    (void)state;
    const rf_exposure side = {.position = e8("3.9978"), .orders = e8("1.3")};
    rf_requirement need;
    rf_margin_side(&cdc, 10, &side, &need);
    const int64_t balance = e8("0.55890812") - need.fr;
    assert_int_equal(need.fr, e8("0.02912812"));
    assert_int_equal(balance, e8("0.52978"));
    assert_int_equal(need.im, e8("0.52978"));
    assert_int_equal(balance - need.im - need.ol, 0);
    assert_int_equal(need.mm, e8("0.132445"));
    assert_int_equal(10 * balance, e8("5.2978"));
    assert_int_equal(rf_muldiv_down(e8("3.9978"), 100000000, balance), e8("7.54615123"));
    rf_margin_side(&cdc, cdc.product_leverage, &side, &need);
    assert_int_equal(need.im, e8("0.26489"));

    /* The displayed price holds the reserve and the order's maintenance fixed. */
    rf_margin_params fine = cdc;
    fine.k = 100;
    fine.taker = fine.liquidation_fee = 0;
    const int64_t cost = units("3.9978", 14);
    const int64_t order_mm = rf_margin_maintenance(&fine, units("1.3", 14), 1);
    const rf_price display = rf_liquidation_price(&fine, 3, cost, units("0.52978", 14) - order_mm);
    assert_rounds_to("CDC-03", display, 10, "119.6759");
    assert_int_equal(display / power_of_ten(8), units("119.67", 2));
    /* Our own is that of the position with its order cancelled: (3.9978 - 0.55890812) / (0.03 *
     * 0.9696). */
    fine.taker = cdc.taker;
    fine.liquidation_fee = cdc.liquidation_fee;
    const rf_price trigger = rf_liquidation_price(&fine, 3, cost, units("0.55890812", 14));
    assert_rounds_to("CDC-03", trigger, 10, "118.22373075");
}

/* CDC-04: between CDC-02 and CDC-03 lies one order; what moved from the main account tops up the
 * position too. */
static void cdc_04_transfer_at_placement(void **state)
{
    (void)state;
    const rf_exposure before = {.position = e8("3.9978")};
    const rf_exposure after = {.position = e8("3.9978"), .orders = e8("1.3")};
    rf_requirement without, with;
    rf_margin_side(&cdc, 10, &before, &without);
    rf_margin_side(&cdc, 10, &after, &with);
    const int64_t cash = e8("0.341628");
    assert_int_equal(cash - without.fr, e8("0.32003988"));
    assert_int_equal(without.im, e8("0.39978"));
    assert_int_equal(with.im + with.fr - without.im - without.fr, e8("0.13754"));
    assert_int_equal(without.im + without.fr - cash, e8("0.07974012"));
    const int64_t transfer = rf_max(0, with.im + with.fr + with.ol - cash);
    assert_int_equal(transfer, e8("0.21728012"));
    assert_int_equal(cash + transfer, e8("0.55890812"));
}

/* CDC-06 and CDC-07: older cross samples print both margins with the fee reserve in them. */
static void cdc_06_07_margins_with_reserve(void **state)
{
    (void)state;
    static const struct {
        const char *id, *value, *im, *mm;
        int64_t leverage;
        rf_rate maintenance, taker;
    } rows[] = {
        {"CDC-06", "2546.632", "64.684453", "44.311397", 50, 1200000, 40000},
        {"CDC-07", "1904.5", "29.21503", "21.59703", 100, 600000, 34000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const rf_margin_tier tier = {.maintenance = rows[i].maintenance,
                                     .max_leverage = rows[i].leverage};
        rf_margin_params params = cdc;
        params.taker = rows[i].taker;
        params.product_leverage = 1000;
        params.tiers = &tier;
        params.tiers_count = 1;
        const rf_exposure side = {.position = e8(rows[i].value), .qty = 1};
        rf_requirement need;
        rf_margin_side(&params, rows[i].leverage, &side, &need);
        assert_rounds_to(rows[i].id, need.im + need.fr, 8, rows[i].im);
        assert_rounds_to(rows[i].id, need.mm + need.fr, 8, rows[i].mm);
    }
}

/* CDC-10 to CDC-14: MR = min(1, max(1/MAL, 1/MPL, UMR * Q)), BTC with UMR 0.005 and 50x, account
 * 100x. */
static void cdc_10_to_14_margin_rate(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        int64_t quantity;
        const char *rate;
    } rows[] = {
        {"CDC-10", 1, "0.02"}, {"CDC-11", 4, "0.02"}, {"CDC-12", 10, "0.05"},
        {"CDC-13", 40, "0.2"}, {"CDC-14", 300, "1"},
    };
    const rf_margin_params btc = {
        .k = 1, .qty_unit = 10000, .tick = 1, .product_leverage = 50, .umr_e18 = 5000000000000000};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t notional = e8("50000") * rows[i].quantity;
        const rf_exposure side = {.position = notional, .qty = rows[i].quantity * btc.qty_unit};
        rf_requirement need;
        rf_margin_side(&btc, 100, &side, &need);
        assert_int_equal(need.im, rf_rate_up(notional, e8(rows[i].rate)));
        assert_int_equal(need.mm, rf_rate_up(notional, e8(rows[i].rate) / 2));
    }
}

/* ---- Liquidation prices of other venues -------------------------------------------------------- */

enum wallet_rule {
    WALLET_GIVEN,         /* wallet as printed */
    WALLET_LESS_ENTRY_MM, /* maintenance fixed at the entry value: taken off the wallet, no rate
                             remains */
};

typedef struct row {
    const char *id;
    const char *side_qty; /* signed quantity */
    const char *entry;
    const char *wallet;
    const char *maintenance; /* rate */
    const char *deduction;
    const char *fee; /* f */
    const char *published;
    int price_decimals, qty_decimals, spare_decimals; /* money counts 10^-(their sum) */
    enum wallet_rule rule;
} row;

static const row rows[] = {
    /* Binance FAQ b3c689c1f50a44cabb3a84e663b81d93; freqtrade test_liquidation_price_binance. 03
     * and 04 are cross: the wallet holds the other positions' unrealised profit less their
     * maintenance. */
    {"BIN-01", "3683.979", "1456.84", "1535443.01", "0.10", "135365", "0", "1114.78", 6, 3, 2,
     WALLET_GIVEN},
    {"BIN-02", "109.488", "32481.98", "1535443.01", "0.025", "16300", "0", "18778.73", 6, 3, 2,
     WALLET_GIVEN},
    {"BIN-03", "3683.979", "1456.84", "1407887.62856", "0.10", "135365", "0", "1153.26", 6, 3, 2,
     WALLET_GIVEN},
    {"BIN-04", "109.488", "32481.98", "730737.612", "0.025", "16300", "0", "26316.89", 6, 3, 2,
     WALLET_GIVEN},
    /* ccxt pull request 20003, GASUSDT; a positionRisk sample of DOGEUSDT. */
    {"BIN-05", "-1", "8.616", "1.57109202", "0.015", "0", "0", "10.03654386", 10, 0, 4,
     WALLET_GIVEN},
    {"BIN-06", "-32", "0.16395", "0.88304001", "0.005", "0", "0", "0.19059204", 10, 0, 4,
     WALLET_GIVEN},
    /* freqtrade test_get_liquidation_price: wallet = quantity * entry / leverage. */
    {"FT-01", "-1", "10", "2", "0.01", "0.01", "0", "11.89108911", 9, 1, 3, WALLET_GIVEN},
    {"FT-02", "-1", "10", "3.333333333333", "0.01", "0.01", "0", "13.21122112", 9, 1, 3,
     WALLET_GIVEN},
    {"FT-03", "-1", "8", "1.6", "0.01", "0.01", "0", "9.51485149", 9, 1, 3, WALLET_GIVEN},
    {"FT-04", "-0.6", "10", "1.2", "0.01", "0.01", "0", "11.89768977", 9, 1, 3, WALLET_GIVEN},
    {"FT-05", "1", "10", "2", "0.01", "0.01", "0", "8.07070707", 9, 1, 3, WALLET_GIVEN},
    {"FT-06", "1", "8", "1.6", "0.01", "0.01", "0", "6.45454545", 9, 1, 3, WALLET_GIVEN},
    {"FT-07", "1", "10", "3.333333333333", "0.01", "0.01", "0", "6.72390572", 9, 1, 3,
     WALLET_GIVEN},
    {"FT-08", "0.6", "10", "1.2", "0.01", "0.01", "0", "8.06397306", 9, 1, 3, WALLET_GIVEN},
    /* The same test, rule of Gate and OKX: the taker fee of the close counts. */
    {"FT-09", "-1", "10", "2", "0.01", "0", "0.0006", "11.87413418", 9, 1, 3, WALLET_GIVEN},
    {"FT-10", "-1", "10", "3.333333333333", "0.01", "0", "0.0006", "13.19348242", 9, 1, 3,
     WALLET_GIVEN},
    {"FT-11", "-1", "8", "1.6", "0.01", "0", "0.0006", "9.49930734", 9, 1, 3, WALLET_GIVEN},
    {"FT-12", "1", "10", "2", "0.01", "0", "0.0006", "8.08570851", 9, 1, 3, WALLET_GIVEN},
    {"FT-13", "1", "10", "3.333333333333", "0.01", "0", "0.0006", "6.73809043", 9, 1, 3,
     WALLET_GIVEN},
    /* The same test, Bybit's former rule: maintenance is counted at the entry price. */
    {"FT-14", "1", "10", "3.333333333333", "0.01", "0", "0", "6.76666667", 9, 1, 3,
     WALLET_LESS_ENTRY_MM},
    {"FT-15", "1", "10", "1", "0.01", "0", "0", "9.1", 9, 1, 3, WALLET_LESS_ENTRY_MM},
    {"FT-16", "-1", "10", "2", "0.01", "0", "0", "11.9", 9, 1, 3, WALLET_LESS_ENTRY_MM},
    {"FT-17", "-1", "10", "3.333333333333", "0.01", "0", "0", "13.233333", 9, 1, 3,
     WALLET_LESS_ENTRY_MM},
    /* Bybit's help: the wallet is 800 initial margin, 21.56 fee to close at 39,200 (BYB-02) and
     * 3,000 extra; the fee of the close is charged on what maintenance leaves, f = 0.00055 * (1 -
     * 0.005). */
    {"BYB-01", "1", "40000", "3821.56", "0.005", "0", "0.00054725", "36380.25", 6, 0, 4,
     WALLET_GIVEN},
};

static rf_price liquidation_price(const row *at)
{
    const int money = at->price_decimals + at->qty_decimals + at->spare_decimals;
    const rf_qty q = units(at->side_qty, at->qty_decimals);
    const int64_t k = power_of_ten(at->spare_decimals);
    const rf_money cost = q * units(at->entry, at->price_decimals) * k;
    rf_money wallet = units(at->wallet, money);
    rf_margin_tier tier = {.maintenance = e8(at->maintenance),
                           .deduction = units(at->deduction, money),
                           .max_leverage = 1000};
    rf_margin_params params = {.k = k,
                               .qty_unit = power_of_ten(at->qty_decimals),
                               .tick = 1,
                               .taker = e8(at->fee),
                               .product_leverage = 1000,
                               .tiers = &tier,
                               .tiers_count = 1};
    if (at->rule == WALLET_LESS_ENTRY_MM) {
        wallet -= rf_margin_maintenance(&params, rf_abs(cost), rf_abs(q));
        tier.maintenance = 0;
    }
    const rf_price price = rf_liquidation_price(&params, q, cost, wallet);
    /* The definition: unhealthy there, healthy one step nearer. */
    assert_true(rf_margin_unhealthy_at(&params, q, cost, wallet, price));
    assert_false(rf_margin_unhealthy_at(&params, q, cost, wallet, q > 0 ? price + 1 : price - 1));
    return price;
}

static void liquidation_prices_of_other_venues(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_rounds_to(rows[i].id, liquidation_price(&rows[i]), rows[i].price_decimals,
                         rows[i].published);
}

/* ---- Margin, fees and withdrawals of other venues
 * ------------------------------------------------------ */

/* Without fees and with room for any leverage: the plain notional / leverage of the textbooks. */
static const rf_margin_params plain = {.k = 1, .qty_unit = 1, .tick = 1, .product_leverage = 1000};

static rf_money initial(const char *notional, int64_t leverage)
{
    const rf_exposure side = {.position = e8(notional), .qty = 1};
    rf_requirement need;
    rf_margin_side(&plain, leverage, &side, &need);
    return need.im;
}

/* BIN-06: isolated margin = wallet + unrealised profit. */
static void bin_06_isolated_margin(void **state)
{
    (void)state;
    assert_int_equal(e8("0.88304001") + e8("-0.02269856"), e8("0.86034145"));
}

/* BIN-07: Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b, cost to open = initial margin + opening
 * loss. */
static void bin_07_cost_to_open(void **state)
{
    (void)state;
    const int64_t limit = e8("9253.30"), mark = e8("9259.84");
    static const char *const loss[] = {"0", "6.54"}, *const cost[] = {"462.665", "469.205"};
    for (int side = 0; side < 2; side++) {
        const int sign = side == 0 ? 1 : -1;
        const rf_exposure order = {
            .orders = limit, .loss = rf_max(0, sign * (limit - mark)), .qty = 1};
        rf_requirement need;
        rf_margin_side(&plain, 20, &order, &need);
        assert_int_equal(need.im, e8("462.665"));
        assert_int_equal(need.ol, e8(loss[side]));
        assert_int_equal(need.im + need.ol, e8(cost[side]));
    }
}

/* BIN-08: Binance FAQ 360038447311, the most that can be taken out; the numbers of BIN-05 at 15x.
 */
static void bin_08_max_removable(void **state)
{
    (void)state;
    const int64_t wallet = e8("1.57109202"), unrealized = -(e8("8.736") - e8("8.616"));
    const rf_margin_tier tier = {.maintenance = e8("0.015"), .max_leverage = 1000};
    rf_margin_params params = plain;
    params.tiers = &tier;
    params.tiers_count = 1;
    const rf_exposure side = {.position = e8("8.736"), .qty = 1};
    rf_requirement need;
    rf_margin_side(&params, 15, &side, &need);
    assert_int_equal(need.mm, e8("0.13104"));
    const int64_t available = wallet + unrealized - need.fr - need.ol - need.im;
    assert_int_equal(rf_max(0, rf_min(wallet, available)), e8("0.86869202"));
    assert_int_equal(rf_max(0, rf_min(wallet - need.mm, available)), e8("0.86869202")); /* theirs */
}

/* BYB-02: Bybit's help, maintenance with the fee to close at the bankruptcy price. */
static void byb_02_maintenance_with_fee(void **state)
{
    (void)state;
    const rf_margin_params exact = {
        .k = 1, .qty_unit = 1, .tick = 1, .taker = 55000, .product_leverage = 100};
    const rf_price bankruptcy = rf_deleverage_price(&exact, 1, e8("40000"), initial("40000", 50));
    assert_int_equal(bankruptcy, e8("39200"));
    const rf_exposure close = {.position = bankruptcy, .qty = 1};
    rf_requirement need;
    rf_margin_side(&exact, 50, &close, &need);
    assert_int_equal(need.fr, e8("21.56"));
    assert_int_equal(rf_margin_maintenance(&exact, e8("40000"), 1) + need.fr, e8("221.56"));
}

/* BYB-03: Bybit's help, bankruptcy prices at 50x. */
static void byb_03_bankruptcy(void **state)
{
    (void)state;
    assert_int_equal(rf_deleverage_price(&plain, 1, e8("60000"), initial("60000", 50)),
                     e8("58800"));
    assert_int_equal(rf_deleverage_price(&plain, 1, e8("10000"), initial("10000", 50)), e8("9800"));
    assert_int_equal(rf_bankruptcy_price(&plain, 1, e8("60000"), initial("60000", 50)),
                     e8("58800"));
}

/* BYB-04, BYB-05: order cost = initial margin + fee to open + fee to close at the bankruptcy price.
 */
static void byb_04_05_order_cost(void **state)
{
    (void)state;
    static const struct {
        const char *price;
        int64_t leverage;
        rf_rate taker;
        const char *im, *open_fee, *close_fee, *cost;
    } orders[] = {
        {"50000", 10, 55000, "5000", "27.5", "24.75", "5052.25"},
        {"10000", 50, 75000, "200", "7.5", "7.35", "214.85"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const int64_t value = e8(orders[i].price);
        const int64_t im = initial(orders[i].price, orders[i].leverage);
        const int64_t open_fee = rf_rate_up(value, orders[i].taker);
        const int64_t close_fee =
            rf_rate_up(rf_deleverage_price(&plain, 1, value, im), orders[i].taker);
        assert_int_equal(im, e8(orders[i].im));
        assert_int_equal(open_fee, e8(orders[i].open_fee));
        assert_int_equal(close_fee, e8(orders[i].close_fee));
        assert_int_equal(im + open_fee + close_fee, e8(orders[i].cost));
    }
}

/* FLP-01: Flipster's help 7352962731663, long 0.1 BTC at 30,000 with 10x; maintenance 1 % of the
 * entry value. */
static void flp_01_when_it_is_liquidated(void **state)
{
    (void)state;
    static const struct {
        const char *mark, *remaining;
        bool liquidated;
    } marks[] = {{"36000", "900", false}, {"28000", "100", false}, {"26000", "-100", true}};
    rf_margin_tier tier = {.maintenance = e8("0.01"), .max_leverage = 1000};
    rf_margin_params params = plain;
    params.k = 1000; /* prices with 4 decimals, quantity 1 */
    params.qty_unit = 10;
    params.tiers = &tier;
    params.tiers_count = 1;
    const rf_money im = initial("3000", 10), mm = rf_margin_maintenance(&params, e8("3000"), 1);
    assert_int_equal(im, e8("300"));
    assert_int_equal(mm, e8("30"));
    tier.maintenance = 0; /* fixed at the entry value: it comes off the wallet */
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const rf_price mark = units(marks[i].mark, 4);
        assert_int_equal(im + rf_notional(params.k, 1, mark) - e8("3000"), e8(marks[i].remaining));
        assert_int_equal(rf_margin_unhealthy_at(&params, 1, e8("3000"), im - mm, mark),
                         marks[i].liquidated);
    }
}

/* ORD-01: Orderly's formulas: an unsettled loss counts, an unsettled profit cannot be withdrawn.
 * Ours lets it, up to the cash: min(balance, available); theirs is min(balance - requirement,
 * available). */
static void ord_01_free_and_withdrawable(void **state)
{
    (void)state;
    static const struct {
        const char *unrealized, *free, *withdrawable, *ours;
    } orders[] = {{"-40", "40", "40", "40"}, {"40", "120", "80", "100"}};
    const rf_money balance = e8("100"), need = initial("200", 10);
    assert_int_equal(need, e8("20"));
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        const rf_money available = balance + e8(orders[i].unrealized) - need;
        assert_int_equal(available, e8(orders[i].free));
        assert_int_equal(rf_min(balance - need, available), e8(orders[i].withdrawable));
        assert_int_equal(rf_min(balance, available), e8(orders[i].ours));
    }
}

/* ---- Tier tables
 * ---------------------------------------------------------------------------------------- */

/* BIN-10: Binance FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46, level 5 of a coin-margined contract. */
static void bin_10_one_deduction(void **state)
{
    (void)state;
    const rf_margin_tier levels[] = {
        {.maintenance = e8("0.025"), .deduction = e8("0.56"), .max_leverage = 20},
        {.floor = e8("50"),
         .maintenance = e8("0.05"),
         .deduction = e8("1.81"),
         .max_leverage = 10}};
    rf_margin_params params = plain;
    params.tiers = levels;
    params.tiers_count = 2;
    /* The published deduction is the one that makes maintenance continuous over the floor. */
    const rf_money below = rf_margin_maintenance(&params, e8("49.9999998"), 1);
    const rf_money at = rf_margin_maintenance(&params, e8("50"), 1);
    assert_int_equal(at, e8("0.69"));
    assert_in_range(at - below, 0, 2);
}

/* BIN-09: freqtrade binance_leverage_tiers.json, BTC/USDT:USDT; the chain of maintenance amounts of a whole table. */
static void bin_09_chain_of_deductions(void **state)
{
    (void)state;
    static const struct {
        const char *floor, *maintenance, *published;
    } table[] = {
        {"0", "0.004", "0"},
        {"50000", "0.005", "50"},
        {"600000", "0.0065", "950"},
        {"3000000", "0.01", "11450"},
        {"12000000", "0.02", "131450"},
        {"70000000", "0.025", "481450"},
        {"100000000", "0.05", "2981450"},
        {"230000000", "0.1", "14481450"},
        {"480000000", "0.125", "26481450"},
        {"600000000", "0.15", "41481450"},
        {"800000000", "0.25", "121481450"},
        {"1200000000", "0.5", "421481450"},
    };
    enum { TIERS = sizeof table / sizeof table[0] };
    static rf_instrument instrument;
    instrument.config = (rf_instrument_config){
        .name = "BTCUSD-PERP",
        .base = "BTC",
        .index_name = "BTCUSD-INDEX",
        .price_decimals = 1,
        .qty_decimals = 3,
        .price_tick = 1,
        .qty_tick = 1,
        .max_leverage = 125,
        .taker_fee_rate = 40000,
        .price_band = RF_E8 / 10,
        .min_order_qty = 1,
        .fund_position_cap = -1,
        .tiers_count = TIERS,
    };
    for (size_t i = 0; i < TIERS; i++)
        instrument.config.tiers[i] = (rf_tier){.notional_floor = e8(table[i].floor),
                                               .maintenance_rate = e8(table[i].maintenance),
                                               .max_leverage = (uint32_t)(125 >> i) + 1};
    assert_true(rf_instrument_prepare(&instrument));
    for (size_t i = 0; i < TIERS; i++) {
        assert_int_equal(instrument.tiers[i].deduction, e8(table[i].published));
        if (i == 0)
            continue;
        /* Continuous: at the floor both tiers ask for the same. */
        const rf_money at = rf_margin_maintenance(&instrument.margin, e8(table[i].floor), 1);
        assert_int_equal(at, rf_rate_up(e8(table[i].floor), e8(table[i - 1].maintenance)) -
                                 e8(table[i - 1].published));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cdc_01_isolated_balances),
        cmocka_unit_test(cdc_02_long_position),
        cmocka_unit_test(cdc_03_position_and_order),
        cmocka_unit_test(cdc_04_transfer_at_placement),
        cmocka_unit_test(cdc_06_07_margins_with_reserve),
        cmocka_unit_test(cdc_10_to_14_margin_rate),
        cmocka_unit_test(liquidation_prices_of_other_venues),
        cmocka_unit_test(bin_06_isolated_margin),
        cmocka_unit_test(bin_07_cost_to_open),
        cmocka_unit_test(bin_08_max_removable),
        cmocka_unit_test(byb_02_maintenance_with_fee),
        cmocka_unit_test(byb_03_bankruptcy),
        cmocka_unit_test(byb_04_05_order_cost),
        cmocka_unit_test(flp_01_when_it_is_liquidated),
        cmocka_unit_test(ord_01_free_and_withdrawable),
        cmocka_unit_test(bin_09_chain_of_deductions),
        cmocka_unit_test(bin_10_one_deduction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
