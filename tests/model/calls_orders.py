"""Orders, lists and triggers: the methods of api.md, parameters in, state changed, answer out."""
import hours
import orders as od
import shown
from money import Refused, down, read, rollback, savepoint, show
from params import CLOSED, EXEC_INSTS, LIMIT_KINDS, NAMES, TIFS, TYPES, Params, fits
from world import Isolation, Order, OrderList


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
    if p.has("fee_instrument_name") and p.text("fee_instrument_name") not in ("USD", "USDT", "USDC", "EUR"):
        raise Refused(215)
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


def live_order(w, account, p, oid_name="client_oid", unknown=316):
    order = order_of(w, account, p, oid_name)
    if order is None or order.account is not account or order.status not in ("ACTIVE", "PENDING"):
        raise Refused(unknown)
    return order


def amend_order(w, account, p, line):
    texts = {name: p.decimal_text(name) for name in ("new_price", "new_quantity")}
    if None in texts.values():
        raise Refused(40004)
    if account.suspended:
        order_of(w, account, p, "orig_client_oid")
        raise Refused(202)
    order = live_order(w, account, p, "orig_client_oid", 212)
    if order.trigger and not order.triggered:
        raise Refused(212)
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
    order = live_order(w, account, p, unknown=212)
    if not order.trigger or order.triggered:
        raise Refused(212)
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
    if isolation is not None:
        found = w.isolations.get(int(isolation)) if isolation.isdigit() else None
        if found is None or found.account is not account or inst not in (None, found.inst):
            raise Refused(202 if account.suspended else 613)
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
        raise Refused(212)
    live = [o for o in group.orders if o.status in ("ACTIVE", "PENDING")]
    if not live:
        raise Refused(212)
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
