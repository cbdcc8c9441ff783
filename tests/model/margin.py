"""margin.md sections 3, 8 and 10: what positions and orders require. Pure functions of whole numbers."""
from money import E8, E18, up, down


def tier_of(inst, notional):
    found = None
    for tier in inst.tiers:
        if tier["floor"] <= notional:
            found = tier
    return found


def initial(inst, n, q, leverage):
    if inst.tiers:
        top = min(inst.max_leverage, tier_of(inst, n)["max_leverage"])
        return min(n, max(up(n, leverage), up(n, top)))
    by_size = up(n * inst.umr * q, E18 * 10**inst.qd)
    return min(n, max(up(n, leverage), up(n, inst.max_leverage), by_size))


def maintenance(inst, n, q):
    if inst.tiers:
        tier = tier_of(inst, n)
        return up(n * tier["rate"], E8) - tier["deduction"]
    by_size = up(n * inst.umr * q, 2 * E18 * 10**inst.qd)
    return min(up(n, 2), max(up(n, 2 * inst.max_leverage), by_size))


class Need:
    """What one side requires."""

    __slots__ = ("n", "q", "im", "mm", "fr", "ol")


def side_need(inst, taker, q, orders, s, leverage, mark):
    """orders: (price, quantity) of that side's orders that are not reduce-only."""
    k = inst.k
    need = Need()
    position_n = max(0, s * q) * mark * k
    cover = max(0, -s * q)
    order_n = covered_n = loss = covered_loss = uncovered = covered = 0
    for price, quantity in sorted(orders, key=lambda o: -s * o[0]):
        inside = min(cover, quantity)
        cover -= inside
        outside = quantity - inside
        px = price if s > 0 else max(price, mark)
        worse = max(0, s * (price - mark))
        covered += inside
        covered_n += inside * px * k
        covered_loss += inside * worse * k
        uncovered += outside
        order_n += outside * px * k
        loss += outside * worse * k
    liq = inst.liquidation_fee
    reserve = order_n * (2 * taker + liq)
    if covered and uncovered:  # the side would flip the position
        reserve += covered_n * taker
        loss += covered_loss
    need.n = position_n + order_n
    need.q = max(0, s * q) + uncovered
    need.im = initial(inst, need.n, need.q, leverage)
    need.mm = maintenance(inst, need.n, need.q)
    need.fr = up(position_n * (taker + liq), E8) + up(reserve, E8)
    need.ol = loss
    return need


def both_sides(inst, taker, q, orders, leverage, mark):
    """orders: (side, price, quantity). -> what the buy side and the sell side require"""
    return [side_need(inst, taker, q, [(p, n) for side, p, n in orders if side == s], s, leverage, mark)
            for s in (1, -1)]


def binding(needs, with_loss):
    buy, sell = needs
    if with_loss:
        return sell if sell.im + sell.fr + sell.ol > buy.im + buy.fr + buy.ol else buy
    return sell if sell.im + sell.fr > buy.im + buy.fr else buy


# ---- Section 8, for a position alone -------------------------------------------------------------


def liquidates_at(inst, taker, q, cost, wallet, price):
    n = abs(q) * price * inst.k
    fr = up(n * (taker + inst.liquidation_fee), E8)
    return wallet + q * price * inst.k - cost < fr + maintenance(inst, n, abs(q))


def liquidation_price(inst, taker, q, cost, wallet):
    """The first mark that liquidates: the highest one for a long, the lowest one for a short. 0 = none."""
    if q == 0:
        return 0
    if q > 0:
        if not liquidates_at(inst, taker, q, cost, wallet, 1):
            return 0
        low, high = 1, 2
        while liquidates_at(inst, taker, q, cost, wallet, high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            if liquidates_at(inst, taker, q, cost, wallet, middle):
                low = middle
            else:
                high = middle
        return low
    if liquidates_at(inst, taker, q, cost, wallet, 1):
        return 1
    low, high = 1, 2
    while not liquidates_at(inst, taker, q, cost, wallet, high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if liquidates_at(inst, taker, q, cost, wallet, middle):
            high = middle
        else:
            low = middle
    return high


def price_of_value(inst, q, value, taker, step):
    """The price at which |q| is worth `value` after (long) or before (short) the taker's fee, rounded to
    `step` against the one who closes: up for a long, down for a short."""
    size = abs(q) * inst.k
    if q > 0:
        return up(value * E8, size * (E8 - taker) * step) * step
    return down(value * E8, size * (E8 + taker) * step) * step


def bankruptcy_price(inst, taker, q, cost, wallet):
    """On the tick, with the taker's fee; <= 0: none."""
    if q == 0:
        return 0
    value = cost - wallet if q > 0 else -cost + wallet
    return price_of_value(inst, q, value, taker, inst.tick)
