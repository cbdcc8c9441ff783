"""market.md: index, mark, premium; margin.md 7: funding, session settlement, socialised loss; time."""
import liquidation
from money import E8, down, median, to_zero, up
from orders import due, fire
from world import HOUR

MINUTE = 60 * 1000
FUND = ("INSURANCE", None)


# ---- Prices ----------------------------------------------------------------------------------------


def set_index(w, index, source, price):
    index.sources.put(source, price)
    middle = middle_of(index.sources.values())
    kept = [p for p in index.sources.values() if abs(p - middle) * 100 <= 3 * middle]
    if not kept:  # fewer than min_sources, which is 1
        return
    index.price = middle_of(kept)
    w.dirty = True
    for inst in w.instruments:
        if inst.index_name == index.name:
            update_mark(w, inst, True)


def middle_of(prices):
    prices = sorted(prices)
    half = len(prices) // 2
    return prices[half] if len(prices) % 2 else (prices[half - 1] + prices[half]) // 2


def update_mark(w, inst, fresh):
    """`fresh`: the index has just been told; otherwise time has only passed."""
    index = w.indexes.get(inst.index_name)
    if index is None or index.price is None:
        return
    i = index.price
    scale = 10 ** (8 - inst.pd)
    m = i
    if inst.bids and inst.asks:
        m = (inst.bids[0].price + inst.asks[0].price) * scale // 2
    passed = 0 if inst.basis_time is None else w.now - inst.basis_time
    sample_premium(w, inst, down((m - i) * E8, i))
    inst.basis += to_zero((m - i - inst.basis) * min(passed, MINUTE), MINUTE)
    inst.basis_time = w.now
    if inst.pinned:
        return
    price = median([i, i + inst.basis, m])
    price = max(i - down(i, 100), min(i + down(i, 100), price))
    inst.mark = down(price, scale)
    if fresh:
        inst.mark_time = w.now
    w.dirty = True


def sample_premium(w, inst, premium):
    if inst.premium_update is not None:
        passed = w.now - inst.premium_update
        inst.premium_sum += inst.premium * passed
        inst.premium_time += passed
    inst.premium = premium
    inst.premium_update = w.now


def new_rate(w, inst):
    """Fixed for the next four hours from the average premium of the last four."""
    sample_premium(w, inst, inst.premium)
    average = to_zero(inst.premium_sum, inst.premium_time) if inst.premium_time else 0
    inst.premium_sum = inst.premium_time = 0
    rate = average + max(-50000, min(50000, 5000 - average))
    inst.rate = to_zero(rate, 4)


def pin_mark(w, inst, price):
    inst.mark, inst.mark_time, inst.pinned = price, w.now, True
    w.dirty = True


# ---- Settlement --------------------------------------------------------------------------------------


def holders_on(w, inst):
    everybody = list(w.crosses.values()) + list(w.isolations.values())
    return [h for h in everybody if h.inst is inst and h.q]


def purse(w, holder):
    return FUND if holder.account is w.fund else w.purse(holder)


def settle_funding(w, inst, rate):
    if inst.mark is None:
        return
    rate = max(-inst.funding_cap, min(inst.funding_cap, rate))
    for holder in holders_on(w, inst):
        n = abs(holder.q) * inst.mark * inst.k
        pays = (holder.q > 0) == (rate > 0)
        if pays:
            w.move(purse(w, holder), ("ROUNDING", None), up(n * abs(rate), E8))
        else:
            w.move(("ROUNDING", None), purse(w, holder), down(n * abs(rate), E8))
    w.note("event funding settled")
    w.dirty = True


def skips_session(w, inst):
    return inst.mark is None or w.stale(inst)


def settle_session(w, inst):
    """-> [(holder, profit)] of the positive ones; a stale mark settles nothing"""
    if skips_session(w, inst):
        w.note("event session settlement skipped")
        return []
    profits = []
    for holder in holders_on(w, inst):
        value = holder.q * inst.mark * inst.k
        profit = value - holder.c
        w.move(("CLEARING", inst.number), purse(w, holder), profit)
        holder.c = value
        if profit > 0 and holder.account is not w.fund:
            profits.append((holder, profit))
    w.note("event session settled")
    w.dirty = True
    return profits


def socialise(w, profits):
    loss = -w.balance(*FUND)
    total = sum(profit for _, profit in profits)
    if loss <= 0 or total == 0:
        return
    w.note("event socialised loss")
    for holder, profit in profits:
        w.move(w.purse(holder), FUND, min(profit, up(loss * profit, total)))


# ---- Time ----------------------------------------------------------------------------------------------


def settle_down(w):
    """What a command causes: liquidations, then triggers one by one, each with its own consequences."""
    liquidation.run(w)
    while True:
        order = due(w)
        if order is None:
            return
        fire(w, order)
        liquidation.run(w)


def hour(w):
    for inst in w.instruments:
        update_mark(w, inst, False)
    settle_down(w)
    profits = []
    for inst in w.instruments:
        if inst.settlement == "HOURLY" and inst.state != "SETTLED":
            rate, inst.pinned_rate = (inst.rate if inst.pinned_rate is None else inst.pinned_rate), None
            settle_funding(w, inst, rate)
            profits += settle_session(w, inst)
            w.note("event hour")
    w.new_session()
    socialise(w, profits)
    if w.now // HOUR % 4 == 0:
        for inst in w.instruments:
            new_rate(w, inst)
    settle_down(w)


def advance(w, now):
    """A jump of time runs each hour boundary in order, then one update."""
    if now == w.now:
        return
    if w.instruments:
        boundary = (w.now // HOUR + 1) * HOUR
        while boundary <= now:
            w.now = boundary
            hour(w)
            boundary += HOUR
        if w.now != now:  # an hour has its own update
            w.now = now
            for inst in w.instruments:
                update_mark(w, inst, False)
            settle_down(w)
    w.now = now
