/* What a trade makes of a position's q and C (margin.md sections 1 and 5): the one place of this arithmetic.
 *
 * Promise: pure; the quantity that closes takes floor(|C| * dq / |q|) of the cost with it, the rest stays, so a
 * full close is exact.
 *
 * May include: engine/state.h. */
#ifndef RF_ENGINE_TRADE_H
#define RF_ENGINE_TRADE_H

#include "engine/state.h"

/* The share of C that qty of |q| carries, signed like C. 0 < qty <= |q|. */
static inline rf_money rf_cost_share(rf_money cost, rf_qty q, rf_qty qty)
{
    const rf_qty size = rf_size(q);
    if (qty == size)
        return cost;
    const rf_money share = rf_muldiv_down(cost < 0 ? -cost : cost, qty, size);
    return cost < 0 ? -share : share;
}

/* Trades qty at price: changes q and C, returns the realised profit of the part that closed. */
static inline rf_money rf_trade(rf_qty *q, rf_money *cost, int64_t k, uint8_t side, rf_qty qty,
                                rf_price price)
{
    const int sign = rf_sign(side);
    const bool closes = side == RF_BUY ? *q < 0 : *q > 0;
    const rf_qty closing = !closes ? 0 : rf_min(qty, rf_size(*q));
    rf_money realized = 0;
    if (closing != 0) {
        const rf_money removed = rf_cost_share(*cost, *q, closing);
        realized = -(sign * (closing * price * k) + removed);
        *cost -= removed;
    }
    *cost += sign * ((qty - closing) * price * k);
    *q += sign * qty;
    return realized;
}

#endif
