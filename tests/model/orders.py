"""margin.md sections 4 and 5: admission, matching, amend, cancel, triggers and lists.

Everything is tried on the real state; a refusal puts every changed field back (money.py's undo log)."""
import margin
from money import E8, Refused, down, rollback, savepoint, up

MARKET_KINDS = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
REST_REASON = {"money": 306, "guard": 606, "stp": 43012, "304": 304, "reduced": 1110, "risk": 304}


def attempt(action):
    point = savepoint()
    try:
        return action()
    except Refused:
        rollback(point)
        raise


def next_order_id(w):
    w.last_order += 1
    return w.last_order


def is_market(order):
    return order.type in MARKET_KINDS


def reducible(holder, side):
    return abs(holder.q) if side * holder.q < 0 else 0


def resting_on(holder, side):
    return sum(o.leaves for o in holder.orders if o.side == side and not o.reduce_only)


def uncovered_with(holder, side, extra):
    return max(0, resting_on(holder, side) + extra - reducible(holder, side))


def family(account):
    return account.master if account.master is not None else account


def same_owner(taker, maker):
    """Self-trade prevention: the same account, or with scope M the same family."""
    if taker.stp_id != maker.stp_id:
        return False
    if taker.stp_scope == "M":
        return family(taker.account) is family(maker.account)
    return taker.account is maker.account


def would_take(inst, side, price):
    """Does this price meet the other side of the book, own orders included?"""
    return any(side * (maker.price - price) <= 0 for maker in inst.book(-side))


def crosses(order, maker, limit):
    return limit is None or order.side * (maker.price - limit) <= 0


def beyond_guard(inst, side, price):
    """margin.md 4.3: outside mark * (1 +- band)"""
    return side * price * E8 > side * inst.mark * (E8 + side * inst.price_band)


def limit_of(order):
    return None if is_market(order) else order.price


# ---- One fill --------------------------------------------------------------------------------------


def fill(w, taker, maker, qty):
    inst, price = taker.inst, maker.price
    notional = qty * price * inst.k
    for order, rate in ((maker, w.maker_rate(maker.account, inst)), (taker, w.taker_rate(taker.account, inst))):
        holder = order.holder
        had = holder.q
        w.change(holder, order.side, qty, price)
        fee = up(notional * rate, E8)
        w.move(w.purse(holder), ("FEES", None), fee)
        before = order.leaves
        order.filled += qty
        order.value += notional
        order.fee += fee
        order.earmark = down(order.earmark * order.leaves, before)
        w.touch(holder)
        where = "isolated" if holder.isolated else "cross"
        if had * holder.q < 0:
            w.note(f"event flip {where}")
        elif abs(holder.q) < abs(had):
            w.note(f"event {'close' if holder.q == 0 else 'partial close'} {where}")
        else:
            w.note(f"event fill {where}")
        if fee < 0:
            w.note("event maker rebate")
    if maker.leaves == 0:
        w.close_order(maker, "FILLED", 0)
    inst.last = price
    w.dirty = True


def drop(w, order, reason, returns):
    """Cancels an order inside a transaction; its money returns when the transaction is done."""
    w.close_order(order, "CANCELED", reason)
    returns.append((order.holder, order.earmark))


def release(w, holder, earmark):
    """margin.md 4.5: what a cancelled order gives back"""
    if not holder.isolated or not w.alive(holder) or holder.liquidating:
        return
    if holder.q == 0 and not any(not o.reduce_only for o in holder.orders):
        w.uncovered_loss(holder)
        w.end_isolation(holder)
        return
    w.transfer(holder, -min(earmark, w.removable(holder)))


def match(w, order, limit, check, returns, most=None, liquidation=False):
    """Walks the book. `check` looks at the state after a fill: a reason undoes the fill and stops the walk.
    -> (fills made, why it stopped: None = filled, "book", "guard", "stp", "money", "reduced", "risk")"""
    inst, side = order.inst, order.side
    made, skipped = 0, set()
    while order.leaves:
        if order.reduce_only and not reducible(order.holder, side):
            return made, "reduced"
        maker = next((o for o in inst.book(-side) if o.number not in skipped), None)
        if maker is None or not crosses(order, maker, limit):
            return made, "book"
        if liquidation and maker.account is order.account:
            w.note("event liquidation passes over an own order")
            skipped.add(maker.number)
            continue
        if not liquidation and is_market(order) and beyond_guard(inst, side, maker.price):
            return made, "guard"
        if not liquidation and same_owner(order, maker):
            w.note(f"event self-trade prevention {order.stp}")
            if order.stp != "T":
                drop(w, maker, 43012, returns)
            if order.stp != "M":
                return made, "stp"
            continue
        room = min(order.leaves, maker.leaves)
        if maker.reduce_only:
            room = min(room, reducible(maker.holder, maker.side))
        if order.reduce_only:
            room = min(room, reducible(order.holder, side))
        if room == 0:
            skipped.add(maker.number)
            continue
        if most is not None and made >= most:
            return made, "money"
        point, kept = savepoint(), len(returns)
        fill(w, order, maker, room)
        for other in w.list_filled(maker):
            w.note("event list leg cancelled by the other's fill")
            drop(w, other, 0, returns)
        why = check() if check is not None else None
        if why is not None:
            rollback(point)
            del returns[kept:]
            return made, why
        made += 1
    return made, None


def finish(w, returns):
    """The end of an order's transaction: money of cancelled orders, reduce-only orders with nothing left to
    reduce, isolations closed to zero."""
    for holder, earmark in returns:
        release(w, holder, earmark)
    touched, w.touched = w.touched, ()
    for holder in touched:
        if not w.alive(holder):
            continue
        for order in holder.orders:
            if order.reduce_only and not reducible(holder, order.side):
                w.note("event reduce-only order with nothing left")
                w.close_order(order, "CANCELED", 1110)
                if w.alive(holder):
                    release(w, holder, order.earmark)
        if not holder.isolated or not w.alive(holder) or holder.q != 0 or holder.liquidating:
            continue
        w.uncovered_loss(holder)
        if any(not o.reduce_only for o in holder.orders):
            w.note("event sweep down to resting orders")
            w.transfer(holder, -w.look(holder).removable)
        else:
            w.note("event isolation closed to zero")
            w.end_isolation(holder)


# ---- Admission ---------------------------------------------------------------------------------------


class Plan:
    """The walk as it would be if money were no matter."""


def nominal(w, order):
    inst, side, limit = order.inst, order.side, limit_of(order)
    plan = Plan()
    plan.total, plan.beyond, plan.stopped, plan.others, plan.crossing = 0, False, False, False, False
    positions = {}
    left = order.qty - order.filled

    def room_of(o):
        return max(0, -o.side * positions.get(o.holder, o.holder.q))

    for maker in inst.book(-side):
        own = same_owner(order, maker)
        plan.others = plan.others or not own
        if not crosses(order, maker, limit):
            break
        plan.crossing = True
        if left == 0 or plan.beyond or plan.stopped:
            continue
        if own:
            plan.beyond = beyond_guard(inst, side, maker.price)
            plan.stopped = order.stp != "M" and not plan.beyond
            continue
        room = min(left, maker.leaves)
        if maker.reduce_only:
            room = min(room, room_of(maker))
        if order.reduce_only:
            room = min(room, room_of(order))
        if room == 0:
            continue
        if beyond_guard(inst, side, maker.price):
            plan.beyond = True
            continue
        plan.total += room
        left -= room
        for o in (maker, order):
            positions[o.holder] = positions.get(o.holder, o.holder.q) + o.side * room
    return plan


def check_market(w, order, plan):
    """224, 606, 43004, 43003, 312/313, 315 in the order of errors.def"""
    inst, side = order.inst, order.side
    if not is_market(order):
        if plan.beyond:
            raise Refused(312 if side > 0 else 313)
        if inst.far_band and abs(order.price - inst.mark) * E8 > inst.mark * inst.far_band:
            raise Refused(315)
    else:
        if not inst.book(-side):
            raise Refused(224)
        if plan.total == 0 and plan.beyond:
            raise Refused(606)
    if order.tif == "IMMEDIATE_OR_CANCEL" and plan.total == 0 and not is_market(order):
        raise Refused(43004)
    if order.tif == "FILL_OR_KILL" and plan.total < order.leaves:
        raise Refused(43003)


def check_counts(w, order, adds):
    inst, holder, side = order.inst, order.holder, order.side
    if adds and inst.max_position:
        if max(0, side * holder.q) + uncovered_with(holder, side, order.leaves) > inst.max_position:
            raise Refused(319)
    if not is_market(order) and order.tif == "GOOD_TILL_CANCEL":
        check_order_count(w, order)


def open_orders(w, account):
    found = [o for holder in w.crosses_of(account) + w.isolations_of(account) for o in holder.orders + holder.waiting]
    for group in w.lists.values():
        if group.account is account:
            found += [o for o in group.orders if o.status == "PENDING" and o not in found]
    return sorted(found, key=lambda o: o.number)


def check_order_count(w, order):
    have = [o for o in open_orders(w, order.account) if o is not order]
    if len([o for o in have if o.inst is order.inst]) >= 200 or len(have) >= 1000:
        raise Refused(318)


def healthy(w, holder):
    """margin.md 4.4, after a fill"""
    if holder.isolated:
        return w.look(holder).healthy
    main = w.main(holder.account)
    return main.mb >= main.mm


def transfer_for(w, order, adds):
    """T of an order that is already in place."""
    if order.reduce_only or not adds:
        return 0
    return max(0, -w.look(order.holder).a)


def give(w, order, needed, amount, back=0):
    """Moves T, or the amount that was named, to the isolation. `back`: what an amend has just returned, so
    that only the net must be there."""
    iso = order.holder
    moved = needed if amount is None else amount
    order.needed = needed
    if moved < needed or (moved > back and moved > w.spendable(order.account)):
        raise Refused(306, required_margin=needed)
    w.transfer(iso, moved)
    order.earmark = moved
    if moved:
        w.note("event order transfer")


def market_transfer(w, order, adds, amount):
    """Isolated MARKET: whole matches while they are affordable. -> how many"""
    if order.reduce_only or not adds:
        give(w, order, 0, amount)
        return None
    budget = w.spendable(order.account)
    needs = []
    resting, cover = resting_on(order.holder, order.side), reducible(order.holder, order.side)

    def affordable():
        opens = max(0, resting + order.filled - cover) > max(0, resting - cover)
        needs.append(max(0, -w.look(order.holder).a) if opens else 0)
        return "money" if needs[-1] > max(0, budget) else None

    point = savepoint()
    made, why = match(w, order, None, affordable, [])
    rollback(point)
    if why == "money" and (made == 0 or order.tif == "FILL_OR_KILL"):
        raise Refused(306, required_margin=needs[-1])
    give(w, order, needs[made - 1] if made else 0, amount)
    return made if why == "money" else None


def cross_limit_money(w, order, before):
    """margin.md 4.10: the whole order is compared with what was there before"""
    point = savepoint()
    match(w, order, order.price, None, [])
    if order.tif != "GOOD_TILL_CANCEL":
        w.unbook(order)
    after = w.main(order.account).available
    rollback(point)
    if after < 0 and after < before:
        raise Refused(301 if before < 0 else 306)


def admit(w, order, amount=None, before=None, keep=None, back=0):
    """The whole of section 4 for an order whose parameters are sound and whose holder exists. Must run inside
    attempt(). `before`: the main account's available margin to compare with; `keep`: the book's side as it
    was, for an amend that keeps its place."""
    inst, holder, side = order.inst, order.holder, order.side
    account = order.account
    market = is_market(order)
    passive = order.post_only or order.smart
    if inst.state == "POST_ONLY" and not passive and inst.mark is not None:
        if market or order.tif != "GOOD_TILL_CANCEL" or nominal(w, order).crossing:
            raise Refused(309)
    if inst.mark is None:
        raise Refused(207)
    adds = not order.reduce_only and uncovered_with(holder, side, order.leaves) > uncovered_with(holder, side, 0)
    if order.reduce_only and not reducible(holder, side):
        raise Refused(1110)
    if inst.state == "REDUCE_ONLY" and adds:
        raise Refused(1110)
    if adds and w.stale(inst):
        raise Refused(222)
    if passive:
        go_passive(w, order)
    plan = nominal(w, order)
    check_market(w, order, plan)
    check_counts(w, order, adds)
    if before is None:
        before = w.main(account).available
    most = None
    if not market:
        holder.orders = holder.orders + (order,)
    if holder.isolated:
        if market:
            most = market_transfer(w, order, adds, amount)
        else:
            give(w, order, transfer_for(w, order, adds), amount, back)
    elif not market and adds:
        cross_limit_money(w, order, before)
    returns = []
    made, why = match(w, order, limit_of(order), rule_four(w, order, before), returns, most)
    for cancelled, earmark in returns:  # while the rest is still in place
        release(w, cancelled, earmark)
    returns = []
    settle_outcome(w, order, made, why, before, returns, keep)
    for other in w.list_filled(order) if made else ():
        w.note("event list leg cancelled by the other's fill")
        drop(w, other, 0, returns)
    finish(w, returns)


def rule_four(w, order, before):
    holder = order.holder
    state = {"q": holder.q}

    def check():
        had, state["q"] = state["q"], holder.q
        only_reduces = had * holder.q >= 0 and abs(holder.q) < abs(had)
        why = None
        if not holder.isolated and is_market(order) and not only_reduces:
            after = w.main(holder.account).available
            if after < 0 and after < before:
                why = "money"
        if why is None and not healthy(w, holder):
            why = "risk"
        if why is not None:
            state["q"] = had
        return why

    return check


def go_passive(w, order):
    """POST_ONLY is refused when it would take; SMART_POST_ONLY goes one tick behind the opposite best."""
    inst, side = order.inst, order.side
    if order.tif != "GOOD_TILL_CANCEL":
        raise Refused(43005)
    best = inst.book(-side)[:1]
    if best and crosses(order, best[0], order.price):
        if order.post_only:
            raise Refused(43005)
        order.price = best[0].price - side * inst.tick
        w.note("event smart post-only repriced")
        if order.price <= 0:
            raise Refused(308)


def settle_outcome(w, order, made, why, before, returns, keep):
    inst, holder, side = order.inst, order.holder, order.side
    if made == 0:
        if why == "money":
            raise Refused(301 if before < 0 else 306)
        if why == "risk":
            raise Refused(304)
        if why == "stp" and order.stp == "T" or why == "book" and is_market(order):
            raise Refused(43012)
    if order.tif == "FILL_OR_KILL" and why in ("risk", "money"):
        raise Refused(304 if why == "risk" else 301 if before < 0 else 306)
    if why is None:
        w.close_order(order, "FILLED", 0)
        return
    if why == "book" and not is_market(order) and order.tif == "GOOD_TILL_CANCEL":
        if holder.isolated and side * holder.q > 0:
            price = margin.liquidation_price(inst, w.taker_rate(order.account, inst), holder.q, holder.c, w.wallet(holder))
            if price and side * (order.price - price) < 0:
                raise Refused(310)
        order.status = "ACTIVE"
        if keep is not None:
            inst.set_book(side, keep)
        else:
            w.enbook(order)
        return
    if why == "book":
        reason = 224 if is_market(order) else 43004
    else:
        reason = REST_REASON[why]
    w.note(f"event rest cancelled {reason}")
    w.close_order(order, "CANCELED", reason)
    returns.append((holder, order.earmark))


# ---- Placing, amending, cancelling --------------------------------------------------------------------


def place(w, order, amount=None):
    """A new order with its parameters checked: takes an identifier and either waits or trades."""
    order.number = next_order_id(w)
    w.orders.put(order.number, order)
    if order.trigger:
        arm(w, order)
    else:
        admit(w, order, amount)


def arm(w, order):
    inst, holder, side = order.inst, order.holder, order.side
    if inst.mark is None:
        raise Refused(207)
    if order.reduce_only and not reducible(holder, side):
        raise Refused(1110)
    adds = not order.reduce_only and uncovered_with(holder, side, order.leaves) > uncovered_with(holder, side, 0)
    if inst.state == "REDUCE_ONLY" and adds:
        raise Refused(1110)
    check_order_count(w, order)
    order.status = "PENDING"
    holder.waiting = holder.waiting + (order,)


def cancel(w, order, reason=0):
    """By the user, or by the engine outside of matching."""
    w.close_order(order, "CANCELED", reason)
    if not order.trigger or order.triggered:
        release(w, order.holder, order.earmark)


def amend(w, order, price, qty):
    holder, inst = order.holder, order.inst
    before = w.main(order.account).available
    keep = inst.book(order.side) if price == order.price and qty < order.qty else None
    w.unbook(order)
    back = 0
    if holder.isolated:
        alone = holder.q == 0 and not any(not o.reduce_only for o in holder.orders)
        back = w.wallet(holder) if alone else min(order.earmark, w.removable(holder))
        w.transfer(holder, -back)
    order.price, order.qty, order.earmark = price, qty, 0
    admit(w, order, before=before, keep=keep, back=back)


# ---- Triggers -------------------------------------------------------------------------------------------


def reference(w, order):
    """The price a trigger looks at, in 1e-8; None = there is none."""
    inst = order.inst
    if order.ref_type == "INDEX_PRICE":
        index = w.indexes.get(inst.index_name)
        return index.price if index is not None else None
    price = inst.last if order.ref_type == "LAST_PRICE" else inst.mark
    return None if price is None else price * 10 ** (8 - inst.pd)


def upward(order):
    """BUY STOP_* and SELL TAKE_PROFIT_* fire when the reference is at or above the trigger price."""
    return (order.side > 0) == order.type.startswith("STOP")


def is_true(w, order):
    now = reference(w, order)
    if now is None:
        return False
    at = order.ref_price * 10 ** (8 - order.inst.pd)
    return now >= at if upward(order) else now <= at


def due(w):
    """The trigger that fires next, or None."""
    found = []
    holders = list(w.crosses.values()) + list(w.isolations.values())
    for holder in holders:
        for order in holder.waiting:
            if order.ref_type == "MARK_PRICE" and w.stale(order.inst):
                continue
            if is_true(w, order):
                away = abs(reference(w, order) - order.ref_price * 10 ** (8 - order.inst.pd))
                found.append((order.inst.number, away, order.number, order))
    return min(found)[-1] if found else None


def fire(w, order):
    holder = order.holder
    holder.waiting = tuple(o for o in holder.waiting if o is not order)
    order.triggered = True
    order.status = "ACTIVE"
    w.note(f"event fired {order.type}")

    def action():
        if order.inst.state in ("CANCEL_ONLY", "HALTED", "SETTLED"):
            raise Refused(208)
        admit(w, order)

    try:
        attempt(action)
    except Refused as error:
        w.touched = ()
        w.close_order(order, "REJECTED", error.code)
        w.note("event fired into a refusal")
