"""margin.md sections 9, 10 and 11: liquidations, the insurance fund, deleveraging."""
import margin
from money import E8, down, up
from orders import finish, match, next_order_id
from world import Order

FUND = ("INSURANCE", None)


def run(w):
    """A line of everybody who is not frozen and not healthy; then look again, until nobody is left."""
    if not w.dirty:
        return
    while True:
        line = unhealthy(w)
        if not line:
            break
        for isolated, thing in line:
            if isolated:
                if w.alive(thing) and not w.look(thing).healthy:
                    liquidate_isolation(w, thing)
            elif not w.main(thing).healthy:
                liquidate_account(w, thing)
    w.dirty = False


class Ratio:
    """(MB - MM) / N, compared without a division."""

    def __init__(self, top, bottom):
        self.top, self.bottom = (top, bottom) if bottom else (top * 10**30, 1)

    def __lt__(self, other):
        return self.top * other.bottom < other.top * self.bottom

    def __eq__(self, other):
        return self.top * other.bottom == other.top * self.bottom


def unhealthy(w):
    """Everybody in need: isolations first, then accounts, the worst first."""
    isolations, accounts = [], []
    for iso in w.isolations.values():
        if not w.frozen(iso.inst):
            look = w.look(iso)
            if not look.healthy:
                isolations.append((Ratio(look.mb - look.mm, look.n), iso.number, iso))
    for account in w.accounts[1:]:
        if not account_frozen(w, account):
            look = w.main(account)
            if not look.healthy and (look.parts or look.collateral < 0):
                accounts.append((Ratio(look.mb - look.mm, look.n), account.number, account))
    return ([(True, row[-1]) for row in sorted(isolations, key=lambda row: row[:2])] +
            [(False, row[-1]) for row in sorted(accounts, key=lambda row: row[:2])])


def account_frozen(w, account):
    return any(holder.q and w.frozen(holder.inst) for holder in w.crosses_of(account))


# ---- What both have in common ------------------------------------------------------------------------


def sell(w, holder, qty, limit):
    """One reduce-only immediate-or-cancel LIQUIDATION order. -> (quantity, notional, fees) filled"""
    order = Order(account_label=holder.account.label, holder=holder, side=-1 if holder.q > 0 else 1, type="LIMIT",
                  tif="IMMEDIATE_OR_CANCEL", price=max(0, limit), qty=qty, reduce_only=True, post_only=False, smart=False,
                  stp="M", stp_scope="S", stp_id=0, client_oid="", exec_inst=("REDUCE_ONLY", "LIQUIDATION") + (("ISOLATED_MARGIN",) if holder.isolated else ()),
                  ref_price=0, ref_type="")
    order.number = next_order_id(w)
    w.orders.put(order.number, order)
    returns = []
    was = holder.liquidating
    holder.liquidating = True
    match(w, order, limit if limit > 0 or order.side > 0 else 1, None, returns, liquidation=True)
    order.status = "CANCELED" if order.leaves else "FILLED"
    order.reason = 43004 if order.leaves else 0
    finish(w, returns)
    holder.liquidating = was
    return order.filled, order.value, order.fee


def fund_of(w, inst):
    return w.cross(w.fund, inst)


def fund_may_take(w, inst, q, c, money):
    """Would its equity still cover maintenance with this position and this money, and the cap be kept?"""
    mine = fund_of(w, inst)
    if inst.fund_cap is not None and abs(mine.q + q) > inst.fund_cap:
        return False
    equity = w.balance(*FUND) + money
    needed = 0
    for holder in w.crosses_of(w.fund):
        i = holder.inst
        have, cost = holder.q, holder.c
        if i is inst:
            have, cost = have + q, cost + c
        if i.mark is None:
            continue
        equity += have * i.mark * i.k - cost
        n = abs(have) * i.mark * i.k
        needed += margin.maintenance(i, n, abs(have))
    return equity >= needed


def fund_takes(w, inst, q, c):
    """q and C add up; what C is left at q = 0 is realised."""
    mine = fund_of(w, inst)
    mine.q += q
    mine.c += c
    if mine.q == 0:
        w.move(("CLEARING", inst.number), FUND, -mine.c)
        mine.c = 0


def equity_of(w, holder):
    if holder.isolated:
        return w.wallet(holder) + holder.q * holder.inst.mark * holder.inst.k - holder.c
    main = w.main(holder.account)
    return main.collateral + main.u


def score(w, holder):
    inst = holder.inst
    u = holder.q * inst.mark * inst.k - holder.c
    n = abs(holder.q) * inst.mark * inst.k
    pnl = down(u * E8, abs(holder.c) or 1)
    lev = down(n * E8, max(1, equity_of(w, holder)))
    return pnl * lev if u > 0 else down(pnl * E8, lev or 1)


def queue(w, inst, side, skip):
    """Positions of that side, first to be deleveraged first. `skip`: the account in need."""
    found = []
    for holder in list(w.crosses.values()) + list(w.isolations.values()):
        if holder.inst is not inst or holder.q * side <= 0 or holder.account in (w.fund, skip):
            continue
        fine = w.look(holder).healthy if holder.isolated else w.main(holder.account).healthy
        if not fine or holder.liquidating or (not holder.isolated and holder.account.liquidating):
            continue
        found.append((-score(w, holder), holder.account.number, holder.isolated, holder))
    return [row[-1] for row in sorted(found, key=lambda row: row[:3])]


def deleverage(w, holder, qty, price):
    """The other side gives up at most what it has, at this price, without fees. -> what is left over"""
    inst, side = holder.inst, 1 if holder.q > 0 else -1
    for other in queue(w, inst, -side, holder.account):
        part = min(qty, abs(other.q))
        if part == 0:
            break
        w.note("event deleveraged " + ("isolated" if other.isolated else "cross"))
        w.change(holder, -side, part, price)
        w.change(other, side, part, price)
        w.touch(other)
        qty -= part
    finish(w, [])
    return qty


# ---- Section 9 -----------------------------------------------------------------------------------------


def liquidate_isolation(w, iso):
    inst = iso.inst
    iso.liquidating = True
    w.note("event liquidation started isolated")
    for order in sorted(iso.orders + iso.waiting, key=lambda o: o.number):
        w.close_order(order, "CANCELED", 311)
    if w.look(iso).healthy:
        iso.liquidating = False
        w.note("event liquidation recovered isolated" + (" flat" if iso.q == 0 else ""))
        if iso.q == 0:
            w.end_isolation(iso)
        return
    if iso.q == 0:
        w.uncovered_loss(iso)
        w.end_isolation(iso)
        return
    taker = w.taker_rate(iso.account, inst)
    limit = margin.bankruptcy_price(inst, taker, iso.q, iso.c, w.wallet(iso))
    filled, notional, _ = sell(w, iso, abs(iso.q), limit)
    if iso.q == 0:
        w.note("event liquidation closed in book isolated")
        w.uncovered_loss(iso)
        left = w.wallet(iso)
        fee = min(up(notional * inst.liquidation_fee, E8), left)
        w.move(("ISOLATED", iso.number), FUND, fee)
        if inst.residual == "RETURN":
            w.note("event residual returned")
            w.end_isolation(iso)
        else:
            w.end_isolation(iso, FUND)
        return
    if filled:
        w.note("event liquidation partly sold isolated")
    if fund_may_take(w, inst, iso.q, iso.c, w.wallet(iso)):
        w.note("event liquidation taken over isolated")
        hand_over(w, iso)
        return
    size = abs(iso.q) * inst.k
    if iso.q > 0:
        price = up(iso.c - w.wallet(iso), size)
    else:
        price = down(-iso.c + w.wallet(iso), size)
    price = max(0, price)
    w.note("event liquidation deleveraged isolated")
    left = deleverage(w, iso, abs(iso.q), price)
    if left:
        w.note("event liquidation nobody left isolated")
        hand_over(w, iso)
    else:
        w.uncovered_loss(iso)
        w.end_isolation(iso, FUND)


def hand_over(w, iso):
    """The position with its exact C and W to the fund."""
    fund_takes(w, iso.inst, iso.q, iso.c)
    iso.q = iso.c = iso.c0 = 0
    w.end_isolation(iso, FUND)


# ---- Section 10 -----------------------------------------------------------------------------------------


def liquidate_account(w, account):
    account.liquidating = True
    w.note("event liquidation started cross")
    for holder in w.crosses_of(account):
        for order in sorted(holder.orders + holder.waiting, key=lambda o: o.number):
            w.close_order(order, "CANCELED", 311)
    if w.main(account).healthy:
        w.note("event liquidation recovered cross")
        account.liquidating = False
        return
    sizes = {holder: abs(holder.q) for holder in w.crosses_of(account)}
    while True:
        look = w.main(account)
        open_ones = [(part, need) for part, need in look.parts if part.q]
        if not open_ones:
            break
        if slices_of_one(w, account, pick(open_ones), sizes):
            w.note("event liquidation stopped when healthy cross")
            account.liquidating = False
            return
    account.liquidating = False
    w.note("event liquidation to the end cross")
    have = w.main(account).collateral
    if have < 0:
        w.note("event uncovered loss cross")
        w.move(FUND, ("MAIN", account.number), -have)


def pick(rows):
    """The largest maintenance; ties: the older instrument."""
    return min(rows, key=lambda row: (-row[1].mm, row[0].inst.number))[0]


def slices_of_one(w, account, holder, sizes):
    """Slice after slice until the position is gone (False) or the account is healthy by a tenth (True)."""
    inst = holder.inst
    lot = inst.lot
    piece = up(sizes[holder], 4 * lot) * lot
    while holder.q:
        one_slice(w, account, holder, min(piece, abs(holder.q)))
        look = w.main(account)
        if 10 * look.mb >= 11 * look.mm and any(part.q for part, _ in look.parts):
            return True
    return False


def one_slice(w, account, holder, piece):
    inst = holder.inst
    taker = w.taker_rate(account, inst)
    look = w.main(account)
    equity = look.collateral - look.haircut + look.u
    needs = [(part, need.mm) for part, need in look.parts if part.q]
    total = sum(mm for _, mm in needs)
    mine = next(mm for part, mm in needs if part is holder)
    share = down(equity * mine, total)
    q, size = holder.q, abs(holder.q)
    at_mark = size * inst.mark * inst.k
    value = at_mark - share if q > 0 else at_mark + share
    limit = margin.price_of_value(inst, q, value, taker, inst.tick)
    w.note("event liquidation slice")
    filled, notional, fees = sell(w, holder, piece, limit)
    if filled:
        w.note("event liquidation slice sold")
        lost = filled * inst.mark * inst.k - notional
        lost = (lost if q > 0 else -lost) + fees
        room = down(share * filled, size) - lost
        fee = max(0, min(up(notional * inst.liquidation_fee, E8), room))
        w.move(("MAIN", account.number), FUND, fee)
    rest = piece - filled
    if not rest:
        return
    sign = 1 if q > 0 else -1
    price = max(0, up(value, size * inst.k) if q > 0 else down(value, size * inst.k))
    if fund_may_take(w, inst, sign * rest, sign * rest * price * inst.k, 0):
        w.note("event liquidation taken over cross")
        to_fund(w, holder, rest, price)
        return
    w.note("event liquidation deleveraged cross")
    left = deleverage(w, holder, rest, price)
    if left:
        w.note("event liquidation nobody left cross")
        to_fund(w, holder, left, price)


def to_fund(w, holder, qty, price):
    sign = 1 if holder.q > 0 else -1
    w.change(holder, -sign, qty, price)
    fund_takes(w, holder.inst, sign * qty, sign * qty * price * holder.inst.k)
    w.touch(holder)
    finish(w, [])


# ---- What users are shown --------------------------------------------------------------------------------


def rank(w, holder):
    """1..5: the fifth of the queue, by quantity, in which the position begins; 5 = first in line."""
    if holder.q == 0 or holder.inst.mark is None:
        return 0
    line = queue(w, holder.inst, 1 if holder.q > 0 else -1, None)
    total = sum(abs(h.q) for h in line)
    before = 0
    for h in line:
        if h is holder:
            return 5 - 5 * before // total
        before += abs(h.q)
    return 0


def would_lose(w, holder):
    """What the position would give up if the largest losing position of the other side were deleveraged now."""
    inst, side = holder.inst, 1 if holder.q > 0 else -1
    losers = [h for h in list(w.crosses.values()) + list(w.isolations.values())
              if h.inst is inst and h.q * side < 0 and h.account not in (w.fund, holder.account) and h.q * inst.mark * inst.k - h.c < 0]
    if not losers:
        return 0
    largest = min(losers, key=lambda h: (-abs(h.q), h.account.number, h.isolated))
    need = abs(largest.q)
    for other in queue(w, inst, side, largest.account):
        part = min(need, abs(other.q))
        if other is holder:
            return part
        need -= part
    return 0
