"""The operator's methods of cli.md."""
import hours
import shown
from money import E8, Refused, down, rollback, savepoint
from params import STATES, Params, fits
from world import Currency, Index, Instrument

INSTRUMENT_PARAMS = """base_ccy quote_ccy price_tick_size qty_tick_size max_leverage unit_margin_rate tiers
    maker_fee_rate taker_fee_rate liquidation_fee_rate price_band mark_stale_ms max_order_quantity
    min_order_quantity max_position_quantity fund_position_cap fund_unwind far_price_band min_notional residual
    margin_modes isolations_max funding_cap_rate settlement index_name""".split()


def decimals_of(text):
    return len(text.split(".")[1]) if "." in text else 0


def set_parameters(inst, p):
    def number(name, decimals, default=None):
        return p.number(name, decimals) if p.has(name) else default

    rates = {"maker_fee_rate": "maker_fee", "taker_fee_rate": "taker_fee", "liquidation_fee_rate": "liquidation_fee",
             "price_band": "price_band", "far_price_band": "far_band", "funding_cap_rate": "funding_cap"}
    for name, field in rates.items():
        if p.has(name):
            setattr(inst, field, p.number(name))
    quantities = {"max_order_quantity": "max_order", "min_order_quantity": "min_order",
                  "max_position_quantity": "max_position", "fund_position_cap": "fund_cap"}
    for name, field in quantities.items():
        if p.has(name):
            setattr(inst, field, p.number(name, inst.qd))
    if p.has("min_notional"):
        inst.min_notional = p.number("min_notional")
    if p.has("max_leverage"):
        inst.max_leverage = p.number("max_leverage", 0)
    if p.has("unit_margin_rate"):
        inst.umr = p.number("unit_margin_rate", 18)
    if p.has("mark_stale_ms"):
        inst.stale_ms = p.number("mark_stale_ms", 0)
    if p.has("isolations_max"):
        inst.isolations_max = p.number("isolations_max", 0)
    for name, field in (("residual", "residual"), ("margin_modes", "modes"), ("settlement", "settlement")):
        if p.has(name):
            setattr(inst, field, p.text(name))
    if p.has("tiers"):
        tiers, before, deduction = [], None, 0
        for row in p.list("tiers"):
            row = Params(row)
            tier = {"floor": row.number("notional_floor"), "rate": row.number("maintenance_rate"),
                    "max_leverage": row.number("max_leverage", 0)}
            if before is not None:
                deduction += down(tier["floor"] * (tier["rate"] - before["rate"]), E8)
            tier["deduction"] = deduction
            tiers.append(tier)
            before = tier
        inst.tiers = tuple(tiers)


def create_instrument(w, p):
    name = p.text("instrument_name")
    if any(i.name == name for i in w.instruments):
        raise Refused(40004)
    inst = Instrument(len(w.instruments), name)
    price_tick, qty_tick = p.text("price_tick_size"), p.text("qty_tick_size")
    inst.pd, inst.qd = decimals_of(price_tick), decimals_of(qty_tick)
    if inst.pd + inst.qd > 8:
        raise Refused(40004)
    inst.tick, inst.lot = p.number("price_tick_size", inst.pd), p.number("qty_tick_size", inst.qd)
    inst.k = 10 ** (8 - inst.pd - inst.qd)
    inst.max_leverage, inst.umr, inst.tiers = 50, 0, ()
    inst.maker_fee, inst.taker_fee, inst.liquidation_fee = 25000, 40000, 500000
    inst.price_band, inst.far_band, inst.funding_cap = 10**7, 0, 10**6
    inst.stale_ms, inst.max_order, inst.max_position, inst.min_notional = 0, 0, 0, 0
    inst.min_order, inst.fund_cap, inst.isolations_max = inst.lot, None, 100
    inst.residual, inst.modes, inst.settlement = "FUND", "BOTH", "HOURLY"
    inst.index_name = p.optional("index_name") or p.text("base_ccy") + "USD-INDEX"
    set_parameters(inst, p)
    w.instruments = w.instruments + (inst,)
    return {}


def listed(w, p):
    """An instrument that has not come to its end."""
    inst = w.instrument(p.text("instrument_name"))
    if inst.state == "SETTLED":
        raise Refused(206)
    return inst


def update_instrument(w, p):
    inst = listed(w, p)
    if any(p.has(name) for name in ("base_ccy", "price_tick_size", "qty_tick_size", "index_name")):
        raise Refused(40003)
    if p.flag("dry_run"):
        point = savepoint()
        set_parameters(inst, p)
        rollback(point)
        return {}
    set_parameters(inst, p)
    return {}


def set_state(w, p):
    name, state = p.text("instrument_name"), p.text("state")
    if state not in STATES:
        raise Refused(40004)
    inst = w.instrument(name)
    if inst.state == "SETTLED":
        raise Refused(206)
    if state == "SETTLED":
        text = p.decimal_text("settlement_price")
        price = inst.mark if text is None else fits(text, inst.pd)
        if not price or price <= 0:
            raise Refused(308)
        settle_finally(w, inst, price)
    inst.state = state
    return {}


def settle_finally(w, inst, price):
    """All orders go, every position is closed at this price."""
    waiting = [o for g in w.lists.values() for o in g.orders if o.status == "PENDING" and o.inst is inst]
    everybody = [h for h in list(w.crosses.values()) + list(w.isolations.values()) if h.inst is inst]
    for order in [o for h in everybody for o in h.orders + h.waiting] + waiting:
        if order.status in ("ACTIVE", "PENDING"):
            w.close_order(order, "CANCELED", 206)
    for holder in everybody:
        profit = holder.q * price * inst.k - holder.c
        w.realise(holder, hours.purse(w, holder), profit)
        holder.q = holder.c = holder.c0 = 0
        if holder.isolated:
            w.uncovered_loss(holder)
            w.end_isolation(holder)
    w.dirty = True
    w.note("event instrument settled")


def create_account(w, p):
    label = p.text("account")
    master = p.optional("master")
    if label in w.labels or label == "operator":
        raise Refused(40004)
    above = None
    if master is not None:
        if master not in w.labels:
            raise Refused(401)
        above = w.labels[master]
    return {"account_id": w.add_account(label, above).uuid}


def labelled(w, p):
    label = p.text("account")
    if label not in w.labels or label == "":
        raise Refused(401)
    return w.labels[label]


def create_currency(w, p):
    name, kind = p.text("currency"), p.text("kind")
    if name in w.currencies or kind not in ("USD_STABLE", "COLLATERAL"):
        raise Refused(40004)
    if kind == "USD_STABLE":
        factor = p.number("factor") if p.has("factor") else E8
        cap = p.number("cap") if p.has("cap") else None
        w.currencies.put(name, Currency(name, kind, factor, cap))
    else:
        haircut = p.number("haircut") if p.has("haircut") else 0
        cap = p.number("cap_usd") if p.has("cap_usd") else None
        w.currencies.put(name, Currency(name, kind, cap=cap, haircut=haircut))
    return {}


def currency_named(w, name):
    if name not in w.currencies:
        raise Refused(211)
    return w.currencies[name]


def bring_in(w, target, currency, amount):
    """From the world: members of the bundle become USD."""
    if currency.kind == "COLLATERAL":
        w.move(("WORLD", None), target, amount, currency.name)
        return
    if currency.cap is not None and currency.custody + amount > currency.cap:
        raise Refused(30024)
    currency.custody += amount
    w.move(("WORLD", None), target, down(amount * currency.factor, E8))


def deposit(w, p):
    amount, name = p.amount("amount"), p.text("currency")
    account = labelled(w, p)
    bring_in(w, ("MAIN", account.number), currency_named(w, name), amount)
    return {}


def adjust(w, p):
    amount, name = p.number("amount"), p.text("currency")
    if amount == 0:
        raise Refused(40004)
    account = labelled(w, p)
    currency = currency_named(w, name)
    unit = currency.name if currency.kind == "COLLATERAL" else "USD"
    w.move(("WORLD", None), ("MAIN", account.number), amount, unit)
    w.dirty = True
    return {}


def fund_insurance(w, p):
    amount, name = p.amount("amount"), p.text("currency")
    currency = currency_named(w, name)
    if currency.kind == "COLLATERAL":
        raise Refused(211)
    bring_in(w, ("INSURANCE", None), currency, amount)
    return {}


def set_index_price(w, p):
    source = p.optional("source") or "operator"
    price = p.decimal_text("price")
    if price is None:
        raise Refused(40004)
    price = fits(price, 8)
    if price is None or price <= 0:
        raise Refused(308)
    if p.has("index_name"):
        name = p.text("index_name")
    else:
        name = w.instrument(p.text("instrument_name")).index_name
    followed = {inst.index_name for inst in w.instruments}
    followed |= {c.name + "USD-INDEX" for c in w.currencies.values() if c.kind == "COLLATERAL"}
    if name not in w.indexes:
        if name not in followed and not p.flag("create"):
            raise Refused(209)
        w.indexes.put(name, Index(name))
    hours.set_index(w, w.indexes[name], source, price)
    return {}


def set_mark_price(w, p):
    text = p.decimal_text("price")
    if text is None:
        raise Refused(40004)
    inst = listed(w, p)
    price = fits(text, inst.pd)
    if price is None or price <= 0:
        raise Refused(308)
    hours.pin_mark(w, inst, price)
    return {}


def clear_mark_price(w, p):
    listed(w, p).pinned = False
    return {}


def set_funding_rate(w, p):
    rate = p.number("rate")
    listed(w, p).pinned_rate = rate
    return {}


def settle_funding(w, p):
    rate = p.number("rate") if p.has("rate") else None
    inst = listed(w, p)
    if rate is None:
        if inst.settlement == "MANUAL":
            raise Refused(40004)
        rate, inst.pinned_rate = (inst.rate if inst.pinned_rate is None else inst.pinned_rate), None
    hours.settle_funding(w, inst, rate)
    return {}


def settle_session(w, p):
    inst = listed(w, p)
    if not hours.skips_session(w, inst):
        w.new_session()
    hours.socialise(w, hours.settle_session(w, inst))
    return {}


def suspend_account(w, p):
    account = labelled(w, p)
    account.suspended = not p.has("suspended") or p.flag("suspended")
    return {}


def set_fee_schedule(w, p):
    account = labelled(w, p)
    given = p.has("maker_fee_rate"), p.has("taker_fee_rate")
    if given[0] != given[1]:
        raise Refused(40004)
    account.maker = p.number("maker_fee_rate") if given[0] else None
    account.taker = p.number("taker_fee_rate") if given[1] else None
    return {}


def decide_withdrawal(w, p, approve):
    number = p.text("id")
    if number not in w.withdrawals:
        raise Refused(40401)
    account, unit, debit, currency, amount = w.withdrawals[number]
    w.withdrawals.drop(number)
    target = ("WORLD", None) if approve else ("MAIN", account.number)
    if not approve:
        currency.custody += amount
    w.move(("WITHDRAWALS", None), target, debit, unit)
    w.note("event withdrawal " + ("approved" if approve else "rejected"))
    return {}


OPERATOR = {
    "create-instrument": (create_instrument, ["instrument_name"] + INSTRUMENT_PARAMS),
    "update-instrument": (update_instrument, ["instrument_name", "dry_run"] + INSTRUMENT_PARAMS),
    "set-instrument-state": (set_state, ["instrument_name", "state", "settlement_price", "price"]),
    "create-account": (create_account, ["account", "master"]),
    "create-currency": (create_currency, ["currency", "kind", "factor", "cap", "haircut", "cap_usd"]),
    "deposit": (deposit, ["account", "currency", "amount"]),
    "adjust": (adjust, ["account", "currency", "amount", "reason"]),
    "fund-insurance": (fund_insurance, ["currency", "amount"]),
    "set-index-price": (set_index_price, ["index_name", "instrument_name", "price", "source", "create"]),
    "set-mark-price": (set_mark_price, ["instrument_name", "price"]),
    "clear-mark-price": (clear_mark_price, ["instrument_name"]),
    "set-funding-rate": (set_funding_rate, ["instrument_name", "rate"]),
    "settle-funding": (settle_funding, ["instrument_name", "rate"]),
    "settle-session": (settle_session, ["instrument_name"]),
    "suspend-account": (suspend_account, ["account", "suspended"]),
    "set-fee-schedule": (set_fee_schedule, ["account", "maker_fee_rate", "taker_fee_rate"]),
    "approve-withdrawal": (lambda w, p: decide_withdrawal(w, p, True), ["id"]),
    "reject-withdrawal": (lambda w, p: decide_withdrawal(w, p, False), ["id"]),
    "get-house-balances": (lambda w, p: shown.house(w), []),
    "check-invariants": (lambda w, p: shown.invariants(w), []),
}
