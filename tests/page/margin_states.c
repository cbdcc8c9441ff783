/* Random positions with what engine/margin.c says of each, one a line: the other half of margin.test.ts, which asks
 * the WebAssembly in the page the same.
 *
 *   margin_states COUNT SEED
 *
 * A line: the parameters (k qty_unit tick taker liquidation_fee product_leverage umr_e18 tiers_count tiers...), then
 * q C W mark L, then liquidation price, bankruptcy price, FR + MM at the mark, initial margin at L. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arith.h"
#include "engine/margin.h"

enum { TIERS = 4 };

static uint64_t state;

static int64_t draw(int64_t low, int64_t high)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return low + (int64_t)(z % (uint64_t)(high - low + 1));
}

/* Sizes that matter lie many powers of ten apart. */
static int64_t draw_wide(int digits)
{
    int64_t top = 1;
    for (int64_t i = draw(1, digits); i > 0; i--)
        top *= 10;
    return draw(1, top);
}

static uint32_t draw_tiers(rf_margin_tier tiers[TIERS])
{
    uint32_t count = draw(0, 1) ? (uint32_t)draw(1, TIERS) : 0;
    int64_t floor = 0, rate = 500000, deduction = 0, before = 0;
    for (uint32_t i = 0; i < count; i++) {
        deduction += (int64_t)((rf_wide)floor * (rate - before) / RF_E8);
        tiers[i] = (rf_margin_tier){floor, rate, deduction, 100 - 20 * (int64_t)i};
        before = rate;
        floor += draw(1, 1000) * 100 * RF_E8; /* whole hundreds: the deduction has no rest */
        rate += draw(1, 20) * 100000;
    }
    return count;
}

static rf_margin_params draw_params(rf_margin_tier tiers[TIERS])
{
    static const int64_t tens[] = {1, 10, 100, 1000, 10000, 100000};
    int64_t price_decimals = draw(0, 4), qty_decimals = draw(0, 4);
    int64_t k = 1;
    for (int64_t i = 8 - price_decimals - qty_decimals; i > 0; i--)
        k *= 10;
    rf_margin_params params = {
        .k = k,
        .qty_unit = tens[qty_decimals],
        .tick = draw(1, 50),
        .taker = draw(0, 100000),
        .liquidation_fee = draw(0, 1000000),
        .product_leverage = draw(1, 100),
        .tiers = tiers,
        .tiers_count = draw_tiers(tiers),
    };
    if (params.tiers_count == 0 && draw(0, 1))
        params.umr_e18 = draw_wide(15);
    return params;
}

static void print_state(void)
{
    rf_margin_tier tiers[TIERS];
    const rf_margin_params params = draw_params(tiers);
    int64_t size = draw_wide(7), mark = draw_wide(8), leverage = draw(1, params.product_leverage);
    int64_t q = draw(0, 1) ? size : -size;
    if ((rf_wide)params.k * size * mark > RF_AMOUNT_MAX / 4)
        return; /* beyond what admission lets in */
    int64_t notional = rf_notional(params.k, size, mark);
    int64_t entry = (int64_t)((rf_wide)notional * draw(800, 1200) / 1000);
    int64_t cost = q > 0 ? entry : -entry, wallet = entry / draw(1, 150) + draw(0, 100000);
    rf_exposure exposure = {.position = notional, .qty = size};
    rf_requirement at_product, at_leverage;
    rf_margin_side(&params, params.product_leverage, &exposure, &at_product);
    rf_margin_side(&params, leverage, &exposure, &at_leverage);
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %u",
           params.k, params.qty_unit, params.tick, params.taker, params.liquidation_fee,
           params.product_leverage, params.umr_e18, params.tiers_count);
    for (uint32_t i = 0; i < params.tiers_count; i++)
        printf(" %" PRId64 " %" PRId64 " 0 %" PRId64, tiers[i].floor, tiers[i].maintenance,
               tiers[i].max_leverage);
    printf(" | %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, q, cost, wallet, mark,
           leverage);
    printf(" | %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
           rf_liquidation_price(&params, q, cost, wallet),
           rf_bankruptcy_price(&params, q, cost, wallet), at_product.fr + at_product.mm,
           at_leverage.im);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (long i = 0; i < count; i++)
        print_state();
    return 0;
}
