"""The methods of cli.md and api.md: parameters in, state changed, answer out."""
import hours
import liquidation
import margin
import orders as od
import shown
from money import E8, E18, Refused, down, forget, read, rollback, savepoint, show, up
from world import Currency, Index, Instrument, Isolation, Order, OrderList

NAMES = {
    40001: "BAD_REQUEST", 40002: "METHOD_NOT_FOUND", 40003: "INVALID_REQUEST", 40004: "MISSING_OR_INVALID_ARGUMENT",
    40401: "NOT_FOUND", 40101: "UNAUTHORIZED", 40104: "USER_TIER_INVALID", 202: "ACCOUNT_IS_SUSPENDED",
    203: "ACCOUNTS_DO_NOT_MATCH", 401: "ACCOUNT_DOES_NOT_EXIST", 211: "INVALID_CURRENCY", 209: "INVALID_INSTRUMENT",
    208: "INSTRUMENT_NOT_TRADABLE", 309: "MARKET_IS_NOT_OPEN", 623: "INSTRUMENT_MUST_USE_ISOLATED_MARGIN",
    619: "UNSUPPORTED_OPERATION_ON_ISOLATED_POSITION", 220: "INVALID_SIDE", 218: "INVALID_ORDTYPE", 221: "INVALID_TIF",
    219: "INVALID_EXECINST", 230: "INVALID_REF_PRICE_TYPE", 229: "INVALID_REF_PRICE", 213: "INVALID_ORDERQTY",
    308: "INVALID_PRICE", 415: "BELOW_MIN_ORDER_SIZE", 314: "EXCEEDS_MAX_ORDER_SIZE", 204: "DUPLICATE_CLORDID",
    617: "DUPLICATED_INSTRUMENT_ORDER_FOR_ISOLATED_MARGIN", 614: "EXCEEDS_ISOLATED_POSITION_LIMIT",
    613: "INVALID_ISOLATION_ID", 311: "POSITION_IS_IN_LIQUIDATION", 226: "INVALID_LEVERAGE", 316: "NO_ACTIVE_ORDER",
    212: "INVALID_ORDERID", 201: "NO_POSITION", 317: "POSITION_NO_EXIST", 216: "INVALID_POSITION_QTY",
    207: "NO_MARK_PRICE", 1110: "REDUCE_ONLY_REJECTED", 222: "STALE_MARK_PRICE", 43005: "POST_ONLY_REJ",
    312: "ORDER_PRICE_GREATER_THAN_LIMITUPPRICE", 313: "ORDER_PRICE_LESS_THAN_LIMITDOWNPRICE",
    315: "FAR_AWAY_LIMIT_PRICE", 224: "REJ_BY_MATCHING_ENGINE", 606: "EXCEED_ALLOWED_SLIPPAGE",
    43004: "IMMEDIATE_OR_CANCEL", 43003: "FILL_OR_KILL", 319: "EXCEEDS_MAX_POSITION_SIZE",
    318: "EXCEEDS_MAX_ALLOWED_ORDERS", 301: "ACCOUNT_IS_IN_MARGIN_CALL", 306: "INSUFFICIENT_AVAILABLE_BALANCE",
    304: "ORDER_WILL_LEAD_TO_IMMEDIATE_LIQUIDATION", 43012: "SELF_TRADE_PREVENTION",
    310: "ORDER_PRICE_BEYOND_LIQUIDATION_PRICE", 30024: "MAX_AMOUNT_VIOLATED", 605: "INVALID_MARGIN_CALC",
}
TYPES = ("LIMIT", "MARKET", "STOP_LOSS", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LIMIT_KINDS = ("LIMIT", "STOP_LIMIT", "TAKE_PROFIT_LIMIT")
TIFS = ("GOOD_TILL_CANCEL", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL")
EXEC_INSTS = ("POST_ONLY", "SMART_POST_ONLY", "REDUCE_ONLY", "ISOLATED_MARGIN", "MARGIN_ORDER")
STATES = ("OPEN", "POST_ONLY", "REDUCE_ONLY", "CANCEL_ONLY", "HALTED", "SETTLED")
CLOSED = ("CANCEL_ONLY", "HALTED", "SETTLED")


def fits(text, decimals):
    """None when it is no decimal, or has too many decimals."""
    try:
        return read(text, decimals)
    except ValueError:
        return None


class Params:
    def __init__(self, params):
        if not isinstance(params, dict):
            raise Refused(40004)
        self.all = params

    def has(self, name):
        return self.all.get(name) is not None

    def text(self, name, default=None):
        value = self.all.get(name, default)
        if not isinstance(value, str):
            raise Refused(40004)
        return value

    def optional(self, name):
        return self.text(name) if self.has(name) else None

    def flag(self, name):
        return self.all.get(name) in (True, "true")

    def number(self, name, decimals=8):
        """A decimal that must be there and fit."""
        try:
            value = read(self.text(name), decimals)
        except ValueError:
            raise Refused(40004) from None
        if value is None:
            raise Refused(40004)
        return value

    def amount(self, name):
        value = self.number(name)
        if value <= 0:
            raise Refused(40004)
        return value

    def decimal_text(self, name):
        """A decimal whose form and fit are judged later; None when absent."""
        if not self.has(name):
            return None
        value = self.all[name]
        return value if isinstance(value, str) else "malformed"

    def list(self, name):
        value = self.all.get(name)
        if not isinstance(value, list):
            raise Refused(40004)
        return value


# ---- Operator ------------------------------------------------------------------------------------------

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


def update_instrument(w, p):
    inst = w.instrument(p.text("instrument_name"))
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
            w.close_order(order, "CANCELED", 0)
    for holder in everybody:
        profit = holder.q * price * inst.k - holder.c
        w.move(("CLEARING", inst.number), hours.purse(w, holder), profit)
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
    if name not in w.indexes:
        w.indexes.put(name, Index(name))
    hours.set_index(w, w.indexes[name], source, price)
    return {}


def set_mark_price(w, p):
    text = p.decimal_text("price")
    if text is None:
        raise Refused(40004)
    inst = w.instrument(p.text("instrument_name"))
    price = fits(text, inst.pd)
    if price is None or price <= 0:
        raise Refused(308)
    hours.pin_mark(w, inst, price)
    return {}


def clear_mark_price(w, p):
    w.instrument(p.text("instrument_name")).pinned = False
    return {}


def set_funding_rate(w, p):
    rate = p.number("rate")
    w.instrument(p.text("instrument_name")).pinned_rate = rate
    return {}


def settle_funding(w, p):
    rate = p.number("rate") if p.has("rate") else None
    inst = w.instrument(p.text("instrument_name"))
    if rate is None:
        if inst.settlement == "MANUAL":
            raise Refused(40004)
        rate, inst.pinned_rate = (inst.rate if inst.pinned_rate is None else inst.pinned_rate), None
    hours.settle_funding(w, inst, rate)
    return {}


def settle_session(w, p):
    inst = w.instrument(p.text("instrument_name"))
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
    "set-index-price": (set_index_price, ["index_name", "instrument_name", "price", "source"]),
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


# ---- Orders ----------------------------------------------------------------------------------------------


def leverage_of(text, top):
    """An integer 1..top; "10.0" is one."""
    try:
        value = read(text, 0)
    except ValueError:
        raise Refused(226) from None
    if value is None or not 1 <= value <= top:
        raise Refused(226)
    return value


def largest_leverage(inst):
    if inst.tiers:
        return min(inst.max_leverage, max(tier["max_leverage"] for tier in inst.tiers))
    return inst.max_leverage


def own_isolation(w, account, text):
    found = w.isolations.get(int(text)) if text.isdigit() else None
    if found is None or found.account is not account:
        raise Refused(613)
    return found


def exec_list(p):
    given = p.all.get("exec_inst")
    if given is None:
        given = []
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not all(isinstance(x, str) for x in given):
        raise Refused(40004)
    given = list(given)
    for alias, name in (("reduceOnly", "REDUCE_ONLY"), ("reduce_only", "REDUCE_ONLY"), ("postOnly", "POST_ONLY"),
                        ("post_only", "POST_ONLY")):
        if p.flag(alias) and name not in given:
            given.append(name)
    return given


def build_order(w, account, p, line, kinds=TYPES, parent=None):
    """Checks parameters in the order of errors.def. -> (order, isolated margin amount). The parent of a list
    hands its isolation down. The new isolation, if any, exists afterwards."""
    raw = {name: p.text(name) for name in ("instrument_name", "side", "type")}
    texts = {name: p.decimal_text(name) for name in ("price", "quantity", "ref_price", "notional")}
    if texts["ref_price"] is None:
        texts["ref_price"] = p.decimal_text("trigger_price")
    if texts["quantity"] is None and texts["notional"] is None:
        raise Refused(40004)
    if texts["price"] is None and raw["type"] in LIMIT_KINDS:
        raise Refused(40004)
    amount = p.amount("isolated_margin_amount") if p.has("isolated_margin_amount") else None
    oid = p.optional("client_oid") or p.optional("clientOrderId")
    if oid is not None and len(oid) > 36:
        raise Refused(40004)
    marks = exec_list(p)
    isolation_text = p.optional("isolation_id")
    for name, choices in (("stp_inst", "MTB"), ("stp_scope", "MSD")):
        if p.has(name) and (len(p.text(name)) != 1 or p.text(name) not in choices):
            raise Refused(40004)
    if texts["ref_price"] is not None and raw["type"] in ("LIMIT", "MARKET"):
        raise Refused(40003)
    if account.suspended:
        raise Refused(202)
    inst = w.instrument(raw["instrument_name"])
    if inst.state in CLOSED:
        raise Refused(208)
    isolated = "ISOLATED_MARGIN" in marks or isolation_text is not None or (parent is not None and parent.isolated)
    reduce_only = "REDUCE_ONLY" in marks
    trigger = raw["type"] in TYPES and raw["type"] not in ("LIMIT", "MARKET")
    if inst.state == "POST_ONLY" and always_takes(p, raw["type"], marks):
        raise Refused(309)
    if inst.modes == "ISOLATED" and not isolated:
        raise Refused(623)
    if isolated and (inst.modes == "CROSS" or (trigger and not reduce_only)):
        raise Refused(619)
    if raw["side"] not in ("BUY", "SELL"):
        raise Refused(220)
    if raw["type"] not in kinds:
        raise Refused(218)
    tif = p.optional("time_in_force") or "GOOD_TILL_CANCEL"
    if tif not in TIFS:
        raise Refused(221)
    if any(x not in EXEC_INSTS for x in marks) or ("POST_ONLY" in marks and "SMART_POST_ONLY" in marks):
        raise Refused(219)
    if raw["type"] in od.MARKET_KINDS and ("POST_ONLY" in marks or "SMART_POST_ONLY" in marks):
        raise Refused(219)
    ref_type = p.optional("ref_price_type") or "MARK_PRICE"
    ref_price = 0
    side = 1 if raw["side"] == "BUY" else -1
    if trigger:
        if ref_type not in ("MARK_PRICE", "INDEX_PRICE", "LAST_PRICE"):
            raise Refused(230)
        ref_price = 0 if texts["ref_price"] is None else fits(texts["ref_price"], inst.pd)
        if not ref_price or ref_price <= 0 or ref_price % inst.tick:
            raise Refused(229)
    order = Order(account_label=account.label, holder=None, side=side, type=raw["type"], tif=tif, price=0, qty=0,
                  reduce_only=reduce_only, post_only="POST_ONLY" in marks, smart="SMART_POST_ONLY" in marks,
                  stp=p.optional("stp_inst") or account.stp, stp_scope=p.optional("stp_scope") or account.stp_scope,
                  client_oid=oid if oid is not None else str(line), ref_price=ref_price,
                  ref_type=ref_type, exec_inst=(), stp_id=stp_group(p, account))
    probe = od.Plan()
    if trigger and parent is None:
        probe.inst, probe.side, probe.type, probe.ref_price, probe.ref_type = inst, side, order.type, ref_price, ref_type
        if od.is_true(w, probe):
            raise Refused(229)
    if inst.state == "POST_ONLY" and order.type == "LIMIT" and not (order.post_only or order.smart):
        price = fits(texts["price"], inst.pd)
        if price is not None and od.would_take(inst, side, price):
            raise Refused(309)
    check_size(w, inst, order, texts)
    if oid is not None and oid in account.oids:
        raise Refused(204)
    order.holder = find_holder(w, account, inst, p, isolated, isolation_text, parent)
    order.exec_inst = tuple(x for x in EXEC_INSTS if x in marks or (x == "ISOLATED_MARGIN" and isolated))
    if oid is not None:
        account.oids.put(oid, order)
    return order, amount


def stp_group(p, account):
    if not p.has("stp_id"):
        return account.stp_id
    group = p.number("stp_id", 0)
    if not 0 <= group <= 32767:
        raise Refused(40004)
    return group


def always_takes(p, kind, marks):
    if "POST_ONLY" in marks or "SMART_POST_ONLY" in marks:
        return False
    return kind == "MARKET" or kind == "LIMIT" and p.optional("time_in_force") in TIFS[1:]


def check_size(w, inst, order, texts):
    market = order.type in od.MARKET_KINDS
    if texts["quantity"] is not None:
        qty = fits(texts["quantity"], inst.qd)
    else:
        if inst.mark is None:
            raise Refused(207)
        notional = fits(texts["notional"], 8)
        qty = down(notional, inst.mark * inst.k * inst.lot) * inst.lot if notional and notional > 0 else None
    if qty is None or qty <= 0 or qty % inst.lot:
        raise Refused(213)
    price = 0
    if not market:
        price = fits(texts["price"], inst.pd)
        if price is None or price <= 0 or price % inst.tick:
            raise Refused(308)
    at = price if not market else (order.ref_price or inst.mark or 0)
    if qty < inst.min_order or (at and qty * at * inst.k < inst.min_notional):
        raise Refused(415)
    if inst.max_order and qty > inst.max_order:
        raise Refused(314)
    if qty * max(at, inst.mark or 0) * inst.k >= 2**62:
        raise Refused(605)
    order.qty, order.price = qty, price


def find_holder(w, account, inst, p, isolated, isolation_text, parent):
    if not isolated:
        return w.cross(account, inst)
    leverage = p.optional("leverage")
    if parent is not None:
        return parent
    if isolation_text is not None:
        iso = own_isolation(w, account, isolation_text)
        if iso.inst is not inst:
            raise Refused(613)
        if iso.liquidating:
            raise Refused(311)
        if leverage is not None and leverage_of(leverage, largest_leverage(inst)) != iso.leverage:
            raise Refused(226)
        return iso
    if w.isolation_on(account, inst) is not None:
        raise Refused(617)
    if len(w.isolations_of(account)) >= inst.isolations_max:
        raise Refused(614)
    top = largest_leverage(inst)
    chosen = leverage_of(leverage, top) if leverage is not None else min(top, account.last_leverage.get(inst.number, top))
    w.last_isolation += 1
    iso = Isolation(w.last_isolation, account, inst, chosen)
    w.isolations.put(iso.number, iso)
    account.last_leverage.put(inst.number, chosen)
    return iso


def kind_of(order):
    return f"{order.type} {'isolated' if order.holder.isolated else 'cross'}"


def note_order(w, order):
    w.note("order " + kind_of(order))
    for mark in order.exec_inst:
        w.note("order with " + mark)
    if order.tif != "GOOD_TILL_CANCEL":
        w.note("order with " + order.tif)
    w.note("order outcome " + order.status)


def create_order(w, account, p, line, kinds=TYPES):
    def action():
        order, amount = build_order(w, account, p, line, kinds)
        if amount is not None and order.holder.isolated:
            w.note("order with isolated_margin_amount")
        od.place(w, order, amount)
        return order

    order = od.attempt(action)
    note_order(w, order)
    return shown.order_answer(order)


def preview(w, account, p, line):
    point = savepoint()
    answer = {"accepted": True, "code": 0, "message": "NO_ERROR"}
    try:
        order, amount = build_order(w, account, p, line)
        od.place(w, order, amount)
        answer["required_margin"] = show(getattr(order, "needed", 0))
        holder = order.holder
        answer["fee"] = show(order.fee)
        if holder.isolated and w.alive(holder):
            look = w.look(holder)
            answer["initial_margin"], answer["maintenance_margin"] = show(look.im), show(look.mm)
            answer["liquidation_price"] = shown.liquidation_text(w, holder)
            answer["bankruptcy_price"] = shown.bankruptcy_text(w, holder)
            answer["isolation_id"] = str(holder.number)
    except Refused as error:
        answer.update(accepted=False, code=error.code, message=NAMES[error.code])
        if "required_margin" in error.data:
            answer["required_margin"] = show(error.data["required_margin"])
    rollback(point)
    return answer


def order_of(w, account, p, oid_name="client_oid"):
    """The live order that is meant, or 316."""
    number = p.optional("order_id")
    oid = p.optional(oid_name)
    if number is None and oid is None:
        raise Refused(40004)
    if number is not None:
        if not number.isdigit():
            raise Refused(212)
        return w.orders.get(int(number))
    return account.oids.get(oid)


def live_order(w, account, p, oid_name="client_oid"):
    order = order_of(w, account, p, oid_name)
    if order is None or order.account is not account or order.status not in ("ACTIVE", "PENDING"):
        raise Refused(316)
    return order


def amend_order(w, account, p, line):
    texts = {name: p.decimal_text(name) for name in ("new_price", "new_quantity")}
    if None in texts.values():
        raise Refused(40004)
    if account.suspended:
        order_of(w, account, p, "orig_client_oid")
        raise Refused(202)
    order = live_order(w, account, p, "orig_client_oid")
    if order.trigger and not order.triggered:
        raise Refused(316)
    inst = order.inst
    price, qty = fits(texts["new_price"], inst.pd), fits(texts["new_quantity"], inst.qd)
    if price == order.price and qty == order.qty:
        raise Refused(40003)
    if inst.state in CLOSED:
        raise Refused(208)
    if qty is None or qty <= order.filled or qty % inst.lot:
        raise Refused(213)
    if price is None or price <= 0 or price % inst.tick:
        raise Refused(308)
    left = qty - order.filled
    if left < inst.min_order or left * price * inst.k < inst.min_notional:
        raise Refused(415)
    if inst.max_order and left > inst.max_order:
        raise Refused(314)
    if order.holder.liquidating:
        raise Refused(311)
    od.attempt(lambda: od.amend(w, order, price, qty))
    new_oid = p.optional("client_oid")
    if new_oid is not None:
        if order.client_oid in account.oids:
            account.oids.drop(order.client_oid)
        order.client_oid = new_oid
        account.oids.put(new_oid, order)
    w.note("call amend " + ("isolated" if order.holder.isolated else "cross"))
    w.note("amend outcome " + order.status)
    return {"client_oid": order.client_oid, "order_id": str(order.number)}


def amend_trigger(w, account, p, line):
    texts = {name: p.decimal_text(name) for name in ("new_price", "new_quantity")}
    ref_text = p.decimal_text("new_ref_price")
    if None in texts.values():
        raise Refused(40004)
    if account.suspended:
        raise Refused(202)
    order = live_order(w, account, p)
    if not order.trigger or order.triggered:
        raise Refused(316)
    inst = order.inst
    if inst.state in CLOSED:
        raise Refused(208)
    kind = "STOP" if order.type.startswith("STOP") else "TAKE_PROFIT"
    market = fits(texts["new_price"], inst.pd) == 0
    new = {"quantity": texts["new_quantity"], "price": texts["new_price"]}

    def action():
        order.type = {"STOP": ("STOP_LIMIT", "STOP_LOSS"), "TAKE_PROFIT": ("TAKE_PROFIT_LIMIT", "TAKE_PROFIT")}[kind][market]
        if ref_text is not None:
            order.ref_price = fits(ref_text, inst.pd)
            if not order.ref_price or order.ref_price <= 0 or order.ref_price % inst.tick or od.is_true(w, order):
                raise Refused(229)
        check_size(w, inst, order, new)

    od.attempt(action)
    return {"client_oid": order.client_oid, "order_id": str(order.number)}


def cancel_order(w, account, p, line, triggers_only=False):
    order = live_order(w, account, p)
    if triggers_only and not order.trigger and order.list is None:
        raise Refused(316)
    od.cancel(w, order)
    w.note("call cancel " + ("isolated" if order.holder.isolated else "cross"))
    return {"client_oid": order.client_oid, "order_id": str(order.number)}


def cancel_all(w, account, p, line):
    kind = p.optional("type") or "ALL"
    name, isolation = p.optional("instrument_name"), p.optional("isolation_id")
    mode = p.optional("position_type")
    if kind not in ("LIMIT", "TRIGGER", "ALL") or mode not in (None, "CROSS_MARGIN", "ISOLATED_MARGIN"):
        raise Refused(40004)
    if mode is not None and kind != "ALL":
        raise Refused(40003)
    if mode is not None and name is None:
        raise Refused(40004)
    inst = w.instrument(name) if name is not None else None
    for order in sorted(od.open_orders(w, account), key=lambda o: (o.status != "PENDING", -o.side, -o.side * o.price, o.number)):
        waits = order.trigger and not order.triggered
        if order.status not in ("ACTIVE", "PENDING") or (inst is not None and order.inst is not inst):
            continue
        if kind != "ALL" and waits != (kind == "TRIGGER"):
            continue
        holder = order.holder
        if isolation is not None and not (holder.isolated and str(holder.number) == isolation):
            continue
        if mode is not None and holder.isolated != (mode == "ISOLATED_MARGIN"):
            continue
        od.cancel(w, order)
    w.note("call cancel-all")
    return {}


def close_position(w, account, p, line):
    name, kind = p.text("instrument_name"), p.text("type")
    texts = {n: p.decimal_text(n) for n in ("price", "quantity")}
    if kind == "LIMIT" and texts["price"] is None:
        raise Refused(40004)
    isolation = p.optional("isolation_id")
    oid = p.optional("client_oid")
    if account.suspended:
        raise Refused(202)
    inst = w.instrument(name)
    if inst.state in CLOSED:
        raise Refused(208)
    if inst.state == "POST_ONLY" and kind == "MARKET":
        raise Refused(309)
    if inst.modes == "ISOLATED" and isolation is None:
        raise Refused(623)
    if inst.modes == "CROSS" and isolation is not None:
        raise Refused(619)
    if kind not in ("LIMIT", "MARKET"):
        raise Refused(218)
    qty = None
    if texts["quantity"] is not None:
        qty = fits(texts["quantity"], inst.qd)
        if qty is None or qty <= 0 or qty % inst.lot:
            raise Refused(213)
    price = 0
    if kind == "LIMIT":
        price = fits(texts["price"], inst.pd)
        if price is None or price <= 0 or price % inst.tick:
            raise Refused(308)
    if oid is not None and oid in account.oids:
        raise Refused(204)
    if isolation is not None:
        holder = own_isolation(w, account, isolation)
        if holder.inst is not inst:
            raise Refused(613)
    else:
        holder = w.cross(account, inst)
    if holder.q == 0:
        raise Refused(201)
    if inst.state == "POST_ONLY":
        side = -1 if holder.q > 0 else 1
        if od.would_take(inst, side, price):
            raise Refused(309)
    if qty is not None and qty > abs(holder.q):
        raise Refused(216)
    marks = ("REDUCE_ONLY", "ISOLATED_MARGIN") if isolation is not None else ("REDUCE_ONLY",)
    order = Order(account_label=account.label, holder=holder, side=-1 if holder.q > 0 else 1, type=kind,
                  tif="GOOD_TILL_CANCEL", price=price, qty=qty or abs(holder.q), reduce_only=True, post_only=False,
                  smart=False, stp=account.stp, stp_scope=account.stp_scope, stp_id=account.stp_id,
                  client_oid=oid if oid is not None else str(line), ref_price=0, ref_type="", exec_inst=marks)

    def action():
        if oid is not None:
            account.oids.put(oid, order)
        od.place(w, order)

    od.attempt(action)
    w.note("call close-position " + ("isolated" if holder.isolated else "cross"))
    return shown.order_answer(order)


def create_order_list(w, account, p, line):
    items = p.list("order_list")
    if not 1 <= len(items) <= 10 or p.text("contingency_type") != "LIST":
        raise Refused(40004)
    rows = []
    for index, item in enumerate(items):
        row = {"index": index}
        try:
            row["code"] = 0
            row.update(create_order(w, account, Params(item), line))
            hours.settle_down(w)
        except Refused as error:
            row.update(code=error.code, message=NAMES[error.code])
        rows.append(row)
    w.note("call create-order-list")
    return rows


def cancel_order_list(w, account, p, line):
    items = p.list("order_list")
    if not 1 <= len(items) <= 10 or p.text("contingency_type") != "LIST":
        raise Refused(40004)
    rows = []
    for index, item in enumerate(items):
        try:
            cancel_order(w, account, Params(item), line)
            rows.append({"index": index, "code": 0})
        except Refused as error:
            rows.append({"index": index, "code": error.code, "message": NAMES[error.code]})
    w.note("call cancel-order-list")
    return rows


def create_list(w, account, p, line, kind):
    items = [Params(item) for item in p.list("order_list")]
    if len(items) != (3 if kind == "OTOCO" else 2):
        raise Refused(40004)

    def action():
        w.last_list += 1
        group = OrderList(w.last_list, account, kind, p.flag("linked"))
        w.lists.put(group.number, group)
        legs, amount = [], None
        for number, item in enumerate(items, 1):
            later = kind != "OCO" and number > 1
            allowed = TYPES[2:] if later or (kind == "OCO" and number == 2) else (
                ("LIMIT",) if kind == "OCO" else ("LIMIT", "MARKET"))
            parent = legs[0].holder if later else None
            leg, given = build_order(w, account, item, line, allowed, parent)
            if number == 1:
                amount = given
            leg.list, leg.leg, leg.number = group, number, od.next_order_id(w)
            w.orders.put(leg.number, leg)
            legs.append(leg)
        group.orders = tuple(legs)
        if kind == "OCO":
            od.arm(w, legs[1])
        else:
            for leg in legs[1:]:
                leg.status = "PENDING"
        od.admit(w, legs[0], amount)
        return group

    group = od.attempt(action)
    w.note(f"list {kind}")
    for leg in group.orders:
        note_order(w, leg)
    return {"list_id": str(group.number)}


def cancel_list(w, account, p, line, kind):
    number = p.text("list_id")
    group = w.lists.get(int(number)) if number.isdigit() else None
    if group is None or group.account is not account or group.kind != kind:
        raise Refused(40401)
    live = [o for o in group.orders if o.status in ("ACTIVE", "PENDING")]
    if not live:
        raise Refused(40401)
    for order in live:
        if order.status in ("ACTIVE", "PENDING"):
            od.cancel(w, order)
    w.note("call cancel list")
    return {}


def get_open_orders(w, account, p, line, advanced=False):
    name, isolation = p.optional("instrument_name"), p.optional("isolation_id")
    inst = w.instrument(name) if name is not None else None
    rows = []
    for order in od.open_orders(w, account):
        waits = order.trigger and not order.triggered
        if waits and not advanced or advanced and not waits and order.list is None:
            continue
        if inst is not None and order.inst is not inst:
            continue
        if isolation is not None and not (order.holder.isolated and str(order.holder.number) == isolation):
            continue
        rows.append(shown.order_row(order, advanced))
    return {"data": rows}


def get_order_detail(w, account, p, line, advanced=False):
    order = order_of(w, account, p)
    if order is None or order.account is not account:
        raise Refused(40401)
    return shown.order_row(order, advanced)


# ---- Isolated margin, account, wallet ---------------------------------------------------------------------


def margin_transfer(w, account, p, line):
    number, direction, amount = p.text("isolation_id"), p.text("direction"), p.amount("amount")
    if direction not in ("CREDIT", "DEBIT", "IN", "OUT"):
        raise Refused(40004)
    if account.suspended:
        raise Refused(202)
    iso = own_isolation(w, account, number)
    if iso.liquidating:
        raise Refused(311)
    if direction in ("CREDIT", "IN"):
        if amount > w.spendable(account):
            raise Refused(306)
        w.transfer(iso, amount)
        w.note("call credit")
    else:
        if iso.inst.state not in ("OPEN", "REDUCE_ONLY"):
            raise Refused(208)
        if w.stale(iso.inst):
            raise Refused(222)
        if amount > w.removable(iso):
            raise Refused(306)
        w.transfer(iso, -amount)
        w.note("call debit")
    return shown.isolation_answer(w, iso)


def check_leverage_up(inst, look, new):
    if inst.tiers:
        if new > margin.tier_of(inst, look.n)["max_leverage"]:
            raise Refused(226)
    elif new * inst.umr * look.q > E18 * 10**inst.qd:
        raise Refused(226)


def change_leverage(w, account, p, line):
    number, text, add = p.text("isolation_id"), p.text("leverage"), p.optional("add_margin")
    given = 0
    if add is not None and add != "AUTO":
        given = p.amount("add_margin")
    if account.suspended:
        raise Refused(202)
    iso = own_isolation(w, account, number)
    if iso.liquidating:
        raise Refused(311)
    inst = iso.inst
    new = leverage_of(text, largest_leverage(inst))
    look = w.look(iso, new)
    needed = 0
    if new > iso.leverage:
        check_leverage_up(inst, look, new)
        w.note("call leverage up")
    elif new < iso.leverage:
        needed = max(0, -look.a)
        w.note("call leverage down")
    moved = needed if add == "AUTO" else given
    if moved < needed or (moved > 0 and moved > w.spendable(account)):
        raise Refused(306, required_margin=needed)
    if moved:
        w.note("call leverage with add_margin")
    w.transfer(iso, moved)
    iso.leverage = new
    account.last_leverage.put(inst.number, new)
    return shown.isolation_answer(w, iso)


def change_account_leverage(w, account, p, line):
    text, owner = p.text("leverage"), p.optional("account_id")
    if owner is not None and owner != account.uuid:
        raise Refused(203)
    set_account_leverage(w, account, leverage_of(text, 100))
    return {}


def set_account_leverage(w, account, leverage):
    """Not below what the account can bear."""
    before = w.main(account).available

    def action():
        account.leverage = leverage
        after = w.main(account).available
        if after < 0 and after < before:
            raise Refused(306)

    od.attempt(action)


def change_settings(w, account, p, line):
    scope, inst = p.optional("stp_scope"), p.optional("stp_inst")
    if scope not in (None, "M", "S", "D") or inst not in (None, "M", "T", "B"):
        raise Refused(40004)
    if scope in ("M", "S") and inst is None:
        raise Refused(40004)
    leverage = leverage_of(p.text("leverage"), 50) if p.has("leverage") else None
    account.stp_id = stp_group(p, account)
    if scope == "D":
        account.stp, account.stp_scope = "M", "S"
    elif scope is not None:
        account.stp, account.stp_scope = inst, scope
    if leverage is not None:
        set_account_leverage(w, account, leverage)
    return {}


def check_frozen(w, account):
    """No money leaves while a position cannot be judged."""
    held = [holder.inst for holder in w.crosses_of(account) if holder.q]
    if any(inst.state not in ("OPEN", "REDUCE_ONLY") for inst in held):
        raise Refused(208)
    if any(w.stale(inst) for inst in held):
        raise Refused(222)


def create_withdrawal(w, account, p, line):
    name, amount = p.text("currency"), p.amount("amount")
    address = p.text("address")
    if account.suspended:
        raise Refused(202)
    currency = currency_named(w, name)
    collateral = currency.kind == "COLLATERAL"
    unit = name if collateral else "USD"
    debit = amount if collateral else up(amount * currency.factor, E8)
    check_frozen(w, account)

    def action():
        if debit > w.cash(account, unit) or (not collateral and amount > currency.custody):
            raise Refused(30024)
        if not collateral:
            currency.custody -= amount
        w.move(("MAIN", account.number), ("WITHDRAWALS", None), debit, unit)
        if w.main(account).available < 0:
            raise Refused(30024)

    od.attempt(action)
    w.last_withdrawal += 1
    number = str(w.last_withdrawal)
    w.withdrawals.put(number, (account, unit, debit, currency, amount))
    w.note("call withdrawal")
    return {"id": number, "amount": show(amount), "symbol": name, "currency": name, "address": address}


def subaccount_transfer(w, account, p, line):
    source, target = p.text("from"), p.text("to")
    name, amount = p.text("currency"), p.amount("amount")
    if account.suspended:
        raise Refused(202)
    both = [next((a for a in w.accounts[1:] if a.uuid == uuid), None) for uuid in (source, target)]
    if None in both or any(od.family(a) is not od.family(account) for a in both):
        raise Refused(401)
    giver, taker = both
    if account.master is None:
        fine = all(od.family(a) is account for a in both)
    else:
        fine = giver is account and taker is account.master
    if not fine:
        raise Refused(203)
    currency = currency_named(w, name)
    unit = name if currency.kind == "COLLATERAL" else "USD"
    check_frozen(w, giver)

    def action():
        if amount > w.cash(giver, unit):
            raise Refused(306)
        w.move(("MAIN", giver.number), ("MAIN", taker.number), amount, unit)
        if w.main(giver).available < 0:
            raise Refused(306)

    od.attempt(action)
    w.note("call subaccount transfer")
    return {}


def user_balance(w, account, p, line):
    return {"data": [shown.balance_row(w, account)]}


def get_positions(w, account, p, line):
    name, isolation = p.optional("instrument_name"), p.optional("isolation_id")
    chosen = w.instrument(name) if name is not None else None
    rows = []
    for inst in w.instruments:
        if chosen is not None and inst is not chosen:
            continue
        holders = [h for h in w.crosses_of(account) if h.inst is inst]
        holders += [h for h in w.isolations_of(account) if h.inst is inst]
        for holder in holders:
            if holder.q == 0:
                continue
            if isolation is not None and not (holder.isolated and str(holder.number) == isolation):
                continue
            rows.append(shown.position_row(w, holder))
    return {"data": rows}


def isolated_limits(w, account, p, line):
    iso = own_isolation(w, account, p.text("isolation_id"))
    inst = iso.inst
    answer = {"max_removable": show(w.removable(iso))}
    if p.has("liquidation_price"):
        answer["topup_needed"] = show(wallet_for(w, iso, p.number("liquidation_price", inst.pd)) - w.wallet(iso))
    elif p.has("leverage"):
        new = leverage_of(p.text("leverage"), largest_leverage(inst))
        if new > iso.leverage:
            check_leverage_up(inst, w.look(iso, new), new)
        answer["topup_needed"] = show(max(0, -w.look(iso, new).a) if new < iso.leverage else 0)
    return answer


def wallet_for(w, iso, price):
    """The smallest W that is still healthy at this mark, orders cancelled."""
    inst, q = iso.inst, iso.q
    n = abs(q) * price * inst.k
    fr = up(n * (w.taker_rate(iso.account, inst) + inst.liquidation_fee), E8)
    return fr + margin.maintenance(inst, n, abs(q)) - (q * price * inst.k - iso.c)


def adl_preview(w, account, p, line):
    name, isolation = p.optional("instrument_name"), p.optional("isolation_id")
    chosen = w.instrument(name) if name is not None else None
    rows = []
    for holder in [h for i in w.instruments for h in w.crosses_of(account) + w.isolations_of(account) if h.inst is i]:
        if not holder.q or (chosen is not None and holder.inst is not chosen):
            continue
        if isolation is not None and not (holder.isolated and str(holder.number) == isolation):
            continue
        row = {"instrument_name": holder.inst.name, "quantity": show(holder.q, holder.inst.qd), "adl_rank": shown.rank_text(w, holder),
               "deleveraged_quantity": show(liquidation.would_lose(w, holder), holder.inst.qd)}
        if holder.isolated:
            row["isolation_id"] = str(holder.number)
        rows.append(row)
    return {"data": rows}


def get_book(w, p):
    name = p.text("instrument_name")
    depth = p.number("depth", 0) if p.has("depth") else 50
    inst = w.instrument(name)
    return {"instrument_name": name, "depth": depth,
            "data": [{"bids": shown.book_side(inst, 1, depth), "asks": shown.book_side(inst, -1, depth), "t": w.now}]}


PRIVATE = {
    "create-order": create_order,
    "advanced/create-order": lambda w, a, p, n: create_order(w, a, p, n, TYPES[2:]),
    "amend-order": amend_order,
    "advanced/amend-order": amend_trigger,
    "cancel-order": cancel_order,
    "advanced/cancel-order": lambda w, a, p, n: cancel_order(w, a, p, n, True),
    "cancel-all-orders": cancel_all,
    "advanced/cancel-all-orders": cancel_all,
    "close-position": close_position,
    "create-order-list": create_order_list,
    "cancel-order-list": cancel_order_list,
    "advanced/create-oco": lambda w, a, p, n: create_list(w, a, p, n, "OCO"),
    "advanced/create-oto": lambda w, a, p, n: create_list(w, a, p, n, "OTO"),
    "advanced/create-otoco": lambda w, a, p, n: create_list(w, a, p, n, "OTOCO"),
    "advanced/cancel-oco": lambda w, a, p, n: cancel_list(w, a, p, n, "OCO"),
    "advanced/cancel-oto": lambda w, a, p, n: cancel_list(w, a, p, n, "OTO"),
    "advanced/cancel-otoco": lambda w, a, p, n: cancel_list(w, a, p, n, "OTOCO"),
    "get-open-orders": get_open_orders,
    "advanced/get-open-orders": lambda w, a, p, n: get_open_orders(w, a, p, n, True),
    "get-order-detail": get_order_detail,
    "advanced/get-order-detail": lambda w, a, p, n: get_order_detail(w, a, p, n, True),
    "create-isolated-margin-transfer": margin_transfer,
    "change-isolated-margin-leverage": change_leverage,
    "change-account-leverage": change_account_leverage,
    "change-account-settings": change_settings,
    "create-withdrawal": create_withdrawal,
    "create-subaccount-transfer": subaccount_transfer,
    "user-balance": user_balance,
    "get-positions": get_positions,
    "x/preview-order": preview,
    "x/isolated-limits": isolated_limits,
    "x/adl-preview": adl_preview,
}
PUBLIC = {"get-book": get_book}
READS = ("get-", "user-balance", "x/", "check-invariants")


def call(w, line, who, method, params):
    """-> the answer envelope"""
    answer = {"id": line, "method": method}
    try:
        result = dispatch(w, line, who, method, params)
        answer["code"] = 0
        if method in ("private/cancel-order", "private/advanced/cancel-order"):
            answer["message"] = "NO_ERROR"
        answer["result"] = result
        w.note("method " + method)
    except Refused as error:
        answer["code"] = error.code
        answer["message"] = NAMES.get(error.code, str(error.code))
        if "required_margin" in error.data:
            answer["error_data"] = {"required_margin": show(error.data["required_margin"])}
        w.note(f"refusal {error.code}")
    forget()
    return answer


def dispatch(w, line, who, method, params):
    area, _, name = method.partition("/")
    if area == "operator" and name in OPERATOR:
        if who != "operator":
            raise Refused(40002)
        action, known = OPERATOR[name]
        p = Params(params)
        if any(key not in known for key in p.all):
            raise Refused(40004)
        result = od.attempt(lambda: action(w, p))
    elif area == "private" and name in PRIVATE:
        if who not in w.labels or not who:
            raise Refused(40101)
        result = PRIVATE[name](w, w.labels[who], Params(params), line)
    elif area == "public" and name in PUBLIC:
        result = PUBLIC[name](w, Params(params))
    else:
        raise Refused(40002)
    if not name.startswith(READS):
        hours.settle_down(w)
    return result
