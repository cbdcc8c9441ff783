#include "engine/margin.h"

#include "base/arith.h"

#define E18 1000000000000000000LL

static const rf_margin_tier *tier_of(const rf_margin_params *params, rf_money notional)
{
    const rf_margin_tier *tier = params->tiers;
    for (uint32_t i = 1; i < params->tiers_count && notional >= params->tiers[i].floor; i++)
        tier = &params->tiers[i];
    return tier;
}

/* UMR * Q as a fraction: the numerator over 10^(18 + qd). At or above 1 the margin is the whole notional. */
static rf_uwide umr_times_qty(const rf_margin_params *params, rf_qty qty)
{
    return (rf_uwide)(uint64_t)params->umr_e18 * (uint64_t)qty;
}

static rf_uwide umr_one(const rf_margin_params *params)
{
    return (rf_uwide)E18 * (uint64_t)params->qty_unit;
}

/* ceil(N * x / (one * divisor)) for x < one <= 10^26: the product can pass 128 bits, so N is split. */
static rf_money umr_margin(rf_money notional, rf_uwide x, rf_uwide one, uint32_t divisor)
{
    const rf_uwide denominator = one * divisor;
    const uint64_t high = (uint64_t)notional >> 31, low = (uint64_t)notional & 0x7fffffff;
    const rf_uwide first = high * x;
    const rf_uwide rest = ((first % denominator) << 31) + low * x;
    return rf_narrow(
        (rf_wide)(((first / denominator) << 31) + (rest + denominator - 1) / denominator));
}

int64_t rf_margin_leverage_max(const rf_margin_params *params, rf_money notional)
{
    if (params->tiers_count == 0)
        return params->product_leverage;
    return rf_min(params->product_leverage, tier_of(params, notional)->max_leverage);
}

bool rf_margin_leverage_too_high(const rf_margin_params *params, int64_t leverage, rf_qty qty)
{
    if (params->umr_e18 == 0 || qty == 0)
        return false;
    const rf_uwide x = umr_times_qty(params, qty);
    return x > umr_one(params) /
                   (uint64_t)leverage; /* x is whole: x * L > one <=> x > floor(one / L) */
}

/* min(N, max(ceil(N/L), ceil(N/MPL), ceil(N*UMR*Q))); with tiers the tier's leverage stands in for UMR. */
static rf_money initial_margin(const rf_margin_params *params, int64_t leverage, rf_money notional,
                               rf_qty qty)
{
    if (notional == 0)
        return 0;
    const int64_t divisor = rf_min(leverage, rf_margin_leverage_max(params, notional));
    const rf_money plain = rf_div_up64(notional, divisor);
    if (params->umr_e18 == 0)
        return plain;
    const rf_uwide x = umr_times_qty(params, qty), one = umr_one(params);
    if (x >= one)
        return notional;
    if (x <= one / (uint64_t)divisor)
        return plain; /* UMR*Q <= 1/divisor, and rounding up keeps the order */
    return rf_min(notional, rf_max(plain, umr_margin(notional, x, one, 1)));
}

rf_money rf_margin_maintenance(const rf_margin_params *params, rf_money notional, rf_qty qty)
{
    if (notional == 0)
        return 0;
    if (params->tiers_count != 0) {
        const rf_margin_tier *tier = tier_of(params, notional);
        return rf_rate_up(notional, tier->maintenance) - tier->deduction;
    }
    const rf_money plain = rf_div_up64(notional, 2 * params->product_leverage);
    if (params->umr_e18 == 0)
        return plain;
    const rf_uwide x = umr_times_qty(params, qty), one = umr_one(params);
    if (x >= one)
        return rf_div_up64(notional, 2);
    if (x <= one / (uint64_t)params->product_leverage)
        return plain;
    return rf_min(rf_div_up64(notional, 2), rf_max(plain, umr_margin(notional, x, one, 2)));
}

/* FR: what closing the position and both ends of the orders will cost in fees. */
static rf_money fee_reserve(const rf_margin_params *params, const rf_exposure *exposure)
{
    rf_money reserve = 0;
    if (exposure->position != 0)
        reserve = rf_rate_up(exposure->position, params->taker + params->liquidation_fee);
    if (exposure->orders != 0) {
        const rf_uwide sum = (rf_uwide)(uint64_t)exposure->orders *
                                 (uint64_t)(2 * params->taker + params->liquidation_fee) +
                             (rf_uwide)(uint64_t)exposure->covered * (uint64_t)params->taker +
                             (RF_E8 - 1);
        reserve += (sum >> 64) == 0 ? (rf_money)((uint64_t)sum / RF_E8)
                                    : rf_narrow((rf_wide)(sum / RF_E8));
    }
    return reserve;
}

void rf_margin_side_initial(const rf_margin_params *params, int64_t leverage,
                            const rf_exposure *exposure, rf_requirement *requirement)
{
    requirement->notional = exposure->position + exposure->orders;
    requirement->im = initial_margin(params, leverage, requirement->notional, exposure->qty);
    requirement->fr = fee_reserve(params, exposure);
    requirement->ol = exposure->loss;
}

void rf_margin_side(const rf_margin_params *params, int64_t leverage, const rf_exposure *exposure,
                    rf_requirement *requirement)
{
    rf_margin_side_initial(params, leverage, exposure, requirement);
    requirement->mm = rf_margin_maintenance(params, requirement->notional, exposure->qty);
}

bool rf_margin_unhealthy_at(const rf_margin_params *params, rf_qty q, rf_money cost,
                            rf_money wallet, rf_price mark)
{
    const rf_qty size = q < 0 ? -q : q;
    const rf_wide notional = (rf_wide)size * mark * params->k;
    const rf_wide equity = (rf_wide)wallet + (q < 0 ? -notional : notional) - cost;
    if (notional >= (rf_wide)INT64_MAX / 2)
        return q < 0; /* beyond any mark that can be set a short is always lost, a long never */
    const rf_money n = (rf_money)notional;
    const rf_wide required = (rf_wide)rf_rate_up(n, params->taker + params->liquidation_fee) +
                             rf_margin_maintenance(params, n, size);
    return equity < required;
}

/* Maintenance as a rate in e18: near enough to start the exact search next to the boundary. */
static int64_t maintenance_rate_e18(const rf_margin_params *params, rf_qty size)
{
    const int64_t plain = (E18 + 2 * params->product_leverage - 1) / (2 * params->product_leverage);
    if (params->umr_e18 == 0)
        return plain;
    const rf_uwide half = umr_times_qty(params, size) / (uint64_t)params->qty_unit / 2;
    if (half >= (rf_uwide)(E18 / 2))
        return E18 / 2;
    return rf_max(plain, (int64_t)half);
}

/* The mark at which equity equals the requirement when nothing is rounded, toward zero:
 * (C - W - D) / (q * (1 - m - f)) for a long, (W + D - C) / (|q| * (1 + m + f)) for a short (margin.md 8). */
static rf_wide solve(const rf_margin_params *params, rf_qty q, rf_money cost, rf_money wallet,
                     int64_t rate_e18, rf_money deduction)
{
    const int64_t fees_e18 = (params->taker + params->liquidation_fee) * (E18 / RF_E8);
    const rf_wide per_price = (rf_wide)(q < 0 ? -q : q) * params->k;
    if (q > 0) {
        const rf_wide base = (rf_wide)cost - wallet - deduction;
        const int64_t share = E18 - rate_e18 - fees_e18;
        return base <= 0 ? 0 : base * E18 / (per_price * share);
    }
    const rf_wide base = -(rf_wide)cost + wallet + deduction;
    const rf_wide share = (rf_wide)E18 + rate_e18 + fees_e18;
    return base <= 0 ? 0 : base * E18 / (per_price * share);
}

/* per_price * share can pass 2^63 * 2^60; admitted sizes keep |q| * K below 2^62, so 2^122 at most. */
static rf_wide solve_start(const rf_margin_params *params, rf_qty q, rf_money cost, rf_money wallet)
{
    const rf_qty size = q < 0 ? -q : q;
    if (params->tiers_count == 0)
        return solve(params, q, cost, wallet, maintenance_rate_e18(params, size), 0);
    rf_wide price = 0;
    for (uint32_t i = 0; i < params->tiers_count; i++) {
        const rf_margin_tier *tier = &params->tiers[i];
        price = solve(params, q, cost, wallet, tier->maintenance * (E18 / RF_E8), tier->deduction);
        const rf_wide notional = price * size * params->k;
        if (i + 1 == params->tiers_count || notional < params->tiers[i + 1].floor)
            break;
    }
    return price;
}

/* The two roundings up in FR and MM move the boundary by less than three units of money. A step of one
 * price unit moves equity by |q| * K and the requirement by less, so starting this many prices on the
 * healthy side and walking to the first unhealthy mark is exact, also for dust. */
static rf_price healthy_margin(const rf_margin_params *params, rf_qty size)
{
    const rf_wide per_price = (rf_wide)size * params->k;
    return per_price >= 64 ? 2 : (rf_price)(2 + 64 / per_price);
}

rf_price rf_liquidation_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                              rf_money wallet)
{
    if (q == 0)
        return 0;
    const rf_qty size = q < 0 ? -q : q;
    const rf_wide start = solve_start(params, q, cost, wallet);
    if (start > RF_AMOUNT_MAX)
        return 0;
    const rf_price margin = healthy_margin(params, size);
    rf_price price = (rf_price)start;
    if (q > 0) {
        price += margin;
        while (rf_margin_unhealthy_at(params, q, cost, wallet, price))
            price++; /* a tier's edge can leave the start on the wrong side */
        while (price > 0 && !rf_margin_unhealthy_at(params, q, cost, wallet, price))
            price--;
        return price > 0 ? price : 0;
    }
    price = price > margin ? price - margin : 1;
    while (price > 1 && rf_margin_unhealthy_at(params, q, cost, wallet, price))
        price--;
    while (!rf_margin_unhealthy_at(params, q, cost, wallet, price))
        price++;
    return price;
}

rf_price rf_bankruptcy_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                             rf_money wallet)
{
    if (q == 0)
        return 0;
    const rf_qty size = q < 0 ? -q : q;
    const rf_wide per_price = (rf_wide)size * params->k;
    if (q > 0) {
        const rf_wide lost = ((rf_wide)cost - wallet) * RF_E8;
        return rf_narrow(rf_div_up(lost, per_price * (RF_E8 - params->taker) * params->tick) *
                         params->tick);
    }
    const rf_wide lost = (-(rf_wide)cost + wallet) * RF_E8;
    return rf_narrow(rf_div_down(lost, per_price * (RF_E8 + params->taker) * params->tick) *
                     params->tick);
}

rf_price rf_deleverage_price(const rf_margin_params *params, rf_qty q, rf_money cost,
                             rf_money wallet)
{
    if (q == 0)
        return 0;
    const rf_qty size = q < 0 ? -q : q;
    const rf_wide per_price = (rf_wide)size * params->k;
    if (q > 0)
        return rf_narrow(rf_div_up((rf_wide)cost - wallet, per_price));
    return rf_narrow(rf_div_down(-(rf_wide)cost + wallet, per_price));
}
