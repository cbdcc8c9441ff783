/* The engine's margin formulas for the page: engine/margin.c behind a few functions that JavaScript can
 * call with whole numbers (BigInt). No libc, no heap, no float.
 *
 * The page writes an instrument's parameters into rf_page_params() once, then asks about positions. */
#include "engine/margin.h"
#include "base/arith.h"
#include "base/check.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { TIERS_MAX = 24, FIELDS = 8, TIER_FIELDS = 4 };

/* k, qty_unit, tick, taker, liquidation_fee, product_leverage, umr_e18, tiers_count; then for each
 * tier floor, maintenance, deduction (filled in by rf_page_ready), max_leverage. */
static int64_t words[FIELDS + TIERS_MAX * TIER_FIELDS];
static rf_margin_tier tiers[TIERS_MAX];
static rf_margin_params params;

_Noreturn void rf_check_failed(const char *condition, const char *file, int line)
{
    (void)condition, (void)file, (void)line;
    __builtin_trap();
}

EXPORT("params") int64_t *rf_page_params(void);
EXPORT("ready") void rf_page_ready(void);
EXPORT("liquidation_price")
int64_t rf_page_liquidation_price(int64_t qty, int64_t cost, int64_t wallet);
EXPORT("bankruptcy_price")
int64_t rf_page_bankruptcy_price(int64_t qty, int64_t cost, int64_t wallet);
EXPORT("required") int64_t rf_page_required(int64_t qty, int64_t mark);
EXPORT("initial_margin")
int64_t rf_page_initial_margin(int64_t qty, int64_t mark, int64_t leverage);

int64_t *rf_page_params(void)
{
    return words;
}

/* The parameters are in place: the deductions that make maintenance continuous over the floors are
 * formed here, as the engine forms them when it lists an instrument. */
void rf_page_ready(void)
{
    int64_t count = rf_min(rf_max(words[7], 0), TIERS_MAX), deduction = 0, before = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t *row = words + FIELDS + i * TIER_FIELDS;
        deduction += rf_narrow((rf_wide)row[0] * (row[1] - before) / RF_E8);
        before = row[1];
        tiers[i] = (rf_margin_tier){
            .floor = row[0], .maintenance = row[1], .deduction = deduction, .max_leverage = row[3]};
    }
    params = (rf_margin_params){
        .k = words[0],
        .qty_unit = words[1],
        .tick = words[2],
        .taker = words[3],
        .liquidation_fee = words[4],
        .product_leverage = words[5],
        .umr_e18 = words[6],
        .tiers = tiers,
        .tiers_count = (uint32_t)count,
    };
}

int64_t rf_page_liquidation_price(int64_t qty, int64_t cost, int64_t wallet)
{
    return rf_liquidation_price(&params, qty, cost, wallet);
}

int64_t rf_page_bankruptcy_price(int64_t qty, int64_t cost, int64_t wallet)
{
    return rf_bankruptcy_price(&params, qty, cost, wallet);
}

static rf_requirement require(int64_t qty, int64_t mark, int64_t leverage)
{
    const int64_t size = qty < 0 ? -qty : qty;
    const rf_exposure exposure = {.position = rf_notional(params.k, size, mark), .qty = size};
    rf_requirement requirement;
    rf_margin_side(&params, leverage, &exposure, &requirement);
    return requirement;
}

/* FR + MM of the position alone: liquidation when W + U is below it. */
int64_t rf_page_required(int64_t qty, int64_t mark)
{
    const rf_requirement requirement = require(qty, mark, params.product_leverage);
    return requirement.fr + requirement.mm;
}

int64_t rf_page_initial_margin(int64_t qty, int64_t mark, int64_t leverage)
{
    return require(qty, mark, leverage).im;
}
