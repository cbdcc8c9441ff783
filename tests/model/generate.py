#!/usr/bin/env python3
"""Makes random replay scripts in which everything really happens.

    generate.py --seed N --calls N > script

The script is made while the naive model answers it, so that marks can be sent exactly to somebody's
liquidation price and bids exactly to somebody's bankruptcy price. The same seed gives the same script.
"""
import argparse
import json
import random
import sys

import margin
from model import Session
from money import show
from world import HOUR

START = 1700000000000

HOSTILE = [
    ("private/create-order", {"side": "HOLD"}), ("private/create-order", {"type": "FOO"}),
    ("private/create-order", {"time_in_force": "SOON"}), ("private/create-order", {"exec_inst": ["FAST"]}),
    ("private/create-order", {"exec_inst": ["POST_ONLY", "SMART_POST_ONLY"]}),
    ("private/create-order", {"quantity": "0"}), ("private/create-order", {"quantity": "-1"}),
    ("private/create-order", {"quantity": "0.0123456"}), ("private/create-order", {"quantity": "x"}),
    ("private/create-order", {"price": "0"}), ("private/create-order", {"price": "-3"}),
    ("private/create-order", {"price": "100.0000001"}), ("private/create-order", {"price": "none"}),
    ("private/create-order", {"price": None}), ("private/create-order", {"quantity": None}),
    ("private/create-order", {"instrument_name": None}), ("private/create-order", {"side": None}),
    ("private/create-order", {"instrument_name": "NOPE-PERP"}),
    ("private/create-order", {"exec_inst": ["ISOLATED_MARGIN"], "isolation_id": None, "leverage": "10000"}),
    ("private/create-order", {"exec_inst": ["ISOLATED_MARGIN"], "isolation_id": None, "leverage": "ten"}),
    ("private/create-order", {"exec_inst": ["ISOLATED_MARGIN"], "isolation_id": None, "leverage": "0"}),
    ("private/create-order", {"isolation_id": "999999"}),
    ("private/create-order", {"isolated_margin_amount": "0", "exec_inst": ["ISOLATED_MARGIN"]}),
    ("private/create-order", {"client_oid": "x" * 37}),
    ("private/create-order", {"type": "STOP_LOSS"}),
    ("private/create-order", {"type": "STOP_LOSS", "ref_price": "1", "ref_price_type": "MOON"}),
    ("private/create-order", {"type": "STOP_LOSS", "ref_price": "0"}),
    ("private/create-order", {"exec_inst": ["POST_ONLY"], "time_in_force": "IMMEDIATE_OR_CANCEL"}),
    ("private/create-isolated-margin-transfer", {"isolation_id": "999999", "direction": "CREDIT", "amount": "1"}),
    ("private/create-isolated-margin-transfer", {"isolation_id": "1", "direction": "SIDEWAYS", "amount": "1"}),
    ("private/create-isolated-margin-transfer", {"isolation_id": "1", "direction": "CREDIT", "amount": "-1"}),
    ("private/create-isolated-margin-transfer", {"isolation_id": "1", "direction": "CREDIT", "amount": "0.000000001"}),
    ("private/change-isolated-margin-leverage", {"isolation_id": "999999", "leverage": "2"}),
    ("private/cancel-all-orders", {"isolation_id": "999999"}),
    ("private/create-order", {"isolation_id": "one", "exec_inst": ["ISOLATED_MARGIN"]}),
    ("private/cancel-order", {"order_id": "999999"}), ("private/amend-order", {"order_id": "999999", "new_price": "1", "new_quantity": "1"}),
    ("private/amend-order", {"order_id": "1"}), ("private/get-order-detail", {"order_id": "999999"}),
    ("private/create-withdrawal", {"currency": "DOGE", "amount": "1", "address": "a"}),
    ("private/create-withdrawal", {"currency": "USDC", "amount": "999999999", "address": "a"}),
    ("private/change-account-leverage", {"leverage": "10", "account_id": "00000000-0000-4000-8000-000000000001"}),
    ("private/no-such-method", {}), ("public/nothing", {}), ("private/change-account-leverage", {"leverage": "101"}),
    ("private/cancel-order", {"order_id": "x1"}), ("private/amend-order", {"order_id": "", "new_price": "1", "new_quantity": "1"}),
    ("private/create-order", {"fee_instrument_name": "DOGE"}), ("private/create-order", {"fee_instrument_name": "USDT"}),
    ("private/create-subaccount-transfer", {"from": "00000000-0000-4000-8000-000000000002", "to": "nobody", "currency": "USD", "amount": "1"}),
    ("operator/deposit", {"account": "nobody", "currency": "USD", "amount": "1"}),
    ("operator/deposit", {"account": "a0", "currency": "DOGE", "amount": "1"}),
    ("operator/set-mark-price", {"instrument_name": "NOPE", "price": "1"}),
    ("operator/set-mark-price", {"instrument_name": "BTCUSD-PERP", "price": "0"}),
    ("operator/set-mark-price", {"instrument_name": "BTCUSD-PERP", "price": "50000", "colour": "red"}),
    ("operator/approve-withdrawal", {"id": "999999"}),
    ("operator/set-index-price", {"index_name": "BTCUSD-INDX", "price": "1"}),
]


class Script:
    def __init__(self, seed, calls):
        self.random = random.Random(seed)
        self.wanted = calls
        self.lines = []
        self.answers = []  # the model's, None for a comment
        self.session = Session()
        self.w = self.session.world
        self.now = START
        self.refs = {}  # ("order", number) -> "@line.path"
        self.calls = 0
        self.pending_t = True
        self.indexed = set()  # instruments whose mark follows an index

    # ---- Writing -----------------------------------------------------------------------------------

    def call(self, who, method, **params):
        step = {}
        if self.pending_t:
            step["t"] = self.now
            self.pending_t = False
        if who:
            step["as"] = who
        step["method"] = method
        step["params"] = {k: v for k, v in params.items() if v is not None}
        text = json.dumps(step, separators=(",", ":"))
        self.lines.append(text)
        number = len(self.lines)
        answer = self.session.line(number, text)
        self.answers.append(answer)
        self.calls += 1
        self.remember(number, answer)
        return answer

    def comment(self, text):
        self.lines.append("# " + text)
        self.answers.append(None)

    def remember(self, number, answer):
        result = answer.get("result")
        rows = result if isinstance(result, list) else [result]
        for index, row in enumerate(rows):
            path = f"@{number}." if row is result else f"@{number}.{index}."
            if isinstance(row, dict) and answer["method"].startswith("private/") and "/x/" not in answer["method"]:
                for name, kind in (("order_id", "order"), ("isolation_id", "isolation"), ("list_id", "list")):
                    if name in row:
                        self.refs.setdefault((kind, row[name]), path + name)

    def ref(self, kind, number):
        text = str(number)
        if self.random.random() < 0.8:
            return self.refs.get((kind, text), text)
        return text

    def tick(self, ms):
        self.now += ms
        self.pending_t = True

    # ---- Choosing ------------------------------------------------------------------------------------

    def chance(self, p):
        return self.random.random() < p

    def pick(self, items):
        items = list(items)
        return self.random.choice(items) if items else None

    def trader(self):
        return self.pick([a for a in self.w.accounts[1:] if a.label != "mm"])

    def anybody(self):
        return self.pick(self.w.accounts[1:])

    def inst(self):
        return self.pick([i for i in self.w.instruments if i.mark])

    def on_tick(self, inst, price):
        return max(inst.tick, int(price) // inst.tick * inst.tick)

    def price(self, inst, value):
        return show(self.on_tick(inst, value), inst.pd)

    def near(self, inst, width):
        return inst.mark * (1 + self.random.uniform(-width, width))

    def qty(self, inst, lots):
        return show(max(1, lots) * inst.lot, inst.qd)

    def lots_for(self, account, inst):
        """A size that the account can more or less afford."""
        cash = max(10**8, self.w.cash(account))
        leverage = self.random.choice([1, 3, 8, 20, 40])
        most = cash * leverage // (inst.mark * inst.k * inst.lot)
        return self.random.randint(1, max(1, min(int(most), 400)))

    # ---- The world -------------------------------------------------------------------------------------

    def begin(self):
        r = self.random
        manual = self.pick(["HOURLY", "MANUAL"])
        maker = self.pick(["0.00025", "-0.0001", "0.0004", "0"])
        common = {"quote_ccy": "USD", "settlement": manual}
        self.call("operator", "operator/create-instrument", instrument_name="BTCUSD-PERP", base_ccy="BTC",
                  price_tick_size="0.5", qty_tick_size="0.001", max_leverage="50", maker_fee_rate=maker,
                  taker_fee_rate="0.0004", liquidation_fee_rate="0.005", **common,
                  unit_margin_rate=self.pick([None, "0.005", "0.013"]), max_position_quantity=self.pick([None, "3"]))
        tiers = [{"notional_floor": "0", "maintenance_rate": "0.01", "max_leverage": "40"},
                 {"notional_floor": "5000", "maintenance_rate": "0.02", "max_leverage": "25"},
                 {"notional_floor": "40000", "maintenance_rate": "0.05", "max_leverage": "10"}]
        self.call("operator", "operator/create-instrument", instrument_name="ETHUSD-PERP", base_ccy="ETH",
                  price_tick_size="0.1", qty_tick_size="0.01", max_leverage="40", tiers=tiers, residual="RETURN",
                  mark_stale_ms="30000", maker_fee_rate="0.0002", taker_fee_rate="0.0006", price_band="0.05",
                  far_price_band="0.6", min_order_quantity="0.02", max_order_quantity="300",
                  fund_position_cap=self.pick([None, "2", "20"]), **common)
        if self.chance(0.8):
            self.call("operator", "operator/create-instrument", instrument_name="SOLUSD-PERP", base_ccy="SOL",
                      price_tick_size="0.01", qty_tick_size="0.1", max_leverage="20", unit_margin_rate="0.0003",
                      margin_modes=self.pick(["ISOLATED", "BOTH", "CROSS"]), maker_fee_rate="0.0001",
                      isolations_max=self.pick([None, "2"]),
                      taker_fee_rate="0.0005", liquidation_fee_rate=self.pick(["0.002", "0.01"]),
                      min_notional="5", **common)
        self.call("operator", "operator/create-currency", currency="GOLD", kind="COLLATERAL", haircut="0.15", cap_usd="30000")
        self.call("operator", "operator/create-currency", currency="PYUSD", kind="USD_STABLE", factor="0.99", cap="5000")
        self.call("operator", "operator/set-index-price", index_name="GOLDUSD-INDEX", price="2000.25")
        if self.chance(0.7):
            self.call("operator", "operator/fund-insurance", currency="USDC", amount=self.pick(["50", "1000", "100000"]))
        self.call("operator", "operator/create-account", account="mm")
        self.call("operator", "operator/deposit", account="mm", currency="USDC", amount="5000000")
        for number in range(r.randint(5, 9)):
            label = f"a{number}"
            master = "a0" if number in (1, 2) else None
            self.call("operator", "operator/create-account", account=label, master=master)
            amount = self.pick(["600", "2500.5", "9000", "30000", "120.12345678"])
            self.call("operator", "operator/deposit", account=label, currency=self.pick(["USDC", "USDT", "USD"]), amount=amount)
            if number in (2, 3):
                self.call("operator", "operator/deposit", account=label, currency="GOLD", amount=self.pick(["0.5", "3", "20.1234"]))
            if number == 4:
                self.call("operator", "operator/deposit", account=label, currency="PYUSD", amount="1000.33333333")
            if number == 3:
                self.call("operator", "operator/set-fee-schedule", account=label, maker_fee_rate="-0.00005", taker_fee_rate="0.00033")
            if self.chance(0.3):
                self.call(label, "private/change-account-settings", stp_scope=self.pick("MS"), stp_inst=self.pick("MTB"))
            if self.chance(0.25):
                self.call(label, "private/change-account-leverage", leverage=self.pick(["5", "20", "30.0"]))
        self.hostile_before_marks()
        for name, price in (("BTCUSD-PERP", "50000"), ("ETHUSD-PERP", "2000"), ("SOLUSD-PERP", "100")):
            if name == "SOLUSD-PERP" and self.chance(0.5):
                self.indexed.add(name)
                self.call("operator", "operator/set-index-price", index_name="SOLUSD-INDEX", price=price)
            elif any(i.name == name for i in self.w.instruments):
                self.call("operator", "operator/set-mark-price", instrument_name=name, price=price)
        for inst in self.w.instruments:
            self.quote(inst)

    def hostile_before_marks(self):
        self.call("mm", "private/create-order", instrument_name="BTCUSD-PERP", side="BUY", type="LIMIT", price="50000", quantity="1")

    def quote(self, inst):
        """The market maker's two sides."""
        margin_modes = inst.modes
        for side, sign in (("BUY", -1), ("SELL", 1)):
            for _ in range(self.random.randint(1, 3)):
                away = self.random.choice([0.0005, 0.002, 0.01, 0.03])
                self.order("mm", inst, side, "LIMIT", inst.mark * (1 + sign * away * self.random.random()),
                           self.random.randint(1, 120), margin_modes == "ISOLATED" or
                           (margin_modes == "BOTH" and self.chance(0.1)))

    # ---- Orders ----------------------------------------------------------------------------------------

    def order(self, label, inst, side, kind, price, lots, isolated, **more):
        account = self.w.labels[label]
        params = {"instrument_name": inst.name, "side": side, "type": kind, "quantity": self.qty(inst, lots)}
        if kind in ("LIMIT", "STOP_LIMIT", "TAKE_PROFIT_LIMIT"):
            params["price"] = self.price(inst, price)
        marks = list(more.pop("marks", ()))
        if isolated:
            iso = self.w.isolation_on(account, inst)
            if iso is not None:
                if not self.chance(0.03):
                    params["isolation_id"] = self.ref("isolation", iso.number)
                if self.chance(0.05):
                    params["leverage"] = self.pick(["3", str(iso.leverage)])
            else:
                params["leverage"] = self.pick([None, "1", "2", "5", "10", "20", str(inst.max_leverage)])
            if iso is None or self.chance(0.5):
                marks.append("ISOLATED_MARGIN")
            if self.chance(0.08):
                params["isolated_margin_amount"] = self.pick(["1", "50", "700.12345678", "5000"])
        if marks:
            params["exec_inst"] = marks
        if self.chance(0.08):
            params["client_oid"] = f"{label}-{self.random.randint(1, 60)}"
        params.update(more)
        return self.call(label, "private/create-order", **params)

    def random_order(self):
        account, inst = self.anybody(), self.inst()
        side = self.pick(["BUY", "SELL"])
        sign = 1 if side == "BUY" else -1
        isolated = inst.modes == "ISOLATED" or (inst.modes == "BOTH" and self.chance(0.65)) or self.chance(0.03)
        if inst.modes == "ISOLATED" and self.chance(0.05):
            isolated = False
        marks, more = [], {}
        kind = self.random.choices(["LIMIT", "MARKET"], [7, 3])[0]
        style = self.random.choices(["rest", "cross", "far", "post"], [4, 5, 1, 1])[0]
        away = self.random.random() ** 2 * 0.03
        price = inst.mark * (1 - sign * away) if style != "cross" else inst.mark * (1 + sign * away)
        if style == "far":
            price = inst.mark * (1 - sign * self.random.uniform(0.05, 0.75))
        if style == "post":
            marks.append(self.pick(["POST_ONLY", "SMART_POST_ONLY"]))
        elif self.chance(0.2):
            more["time_in_force"] = self.pick(["IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "GOOD_TILL_CANCEL"])
        if self.chance(0.12):
            marks.append("REDUCE_ONLY")
        if self.chance(0.06):
            more.update(stp_inst=self.pick("MTB"), stp_scope=self.pick("MS"))
        self.order(account.label, inst, side, kind, price, self.lots_for(account, inst), isolated, marks=marks, **more)

    def reduce(self):
        """Something against an existing position."""
        holder = self.position()
        if holder is None:
            return self.random_order()
        inst, side = holder.inst, "SELL" if holder.q > 0 else "BUY"
        sign = -1 if holder.q > 0 else 1
        size = abs(holder.q) // inst.lot
        lots = self.random.choice([1, size // 2, size, size, size + 1, size * 2])
        marks = ["REDUCE_ONLY"] if self.chance(0.4) else []
        if self.chance(0.25):
            kind = self.pick(["LIMIT", "MARKET"])
            params = {"instrument_name": inst.name, "type": kind}
            if kind == "LIMIT":
                params["price"] = self.price(inst, inst.mark * (1 + sign * self.random.uniform(-0.01, 0.01)))
            if self.chance(0.4):
                params["quantity"] = self.qty(inst, lots)
            if holder.isolated:
                params["isolation_id"] = self.ref("isolation", holder.number)
            return self.call(holder.account.label, "private/close-position", **params)
        kind = self.pick(["LIMIT", "MARKET"])
        price = inst.mark * (1 + sign * self.random.uniform(-0.01, 0.02))
        return self.order(holder.account.label, inst, side, kind, price, lots, holder.isolated, marks=marks)

    def position(self, isolated=None):
        holders = list(self.w.crosses.values()) + list(self.w.isolations.values())
        return self.pick([h for h in holders if h.q and h.account is not self.w.fund and h.account.label != "mm"
                          and (isolated is None or h.isolated == isolated)])

    def trigger(self):
        holder = self.position()
        advanced = self.pick(["private/create-order", "private/advanced/create-order"])
        kind = self.pick(["STOP_LOSS", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"])
        if holder is None or self.chance(0.25):
            account, inst, side, isolated = self.trader(), self.inst(), self.pick(["BUY", "SELL"]), False
            lots, marks = self.lots_for(account, inst), []
        else:
            account, inst, isolated = holder.account, holder.inst, holder.isolated
            side = "SELL" if holder.q > 0 else "BUY"
            lots, marks = max(1, abs(holder.q) // inst.lot // self.pick([1, 2])), ["REDUCE_ONLY"]
            if self.chance(0.05):
                marks = []
        up = (side == "BUY") == kind.startswith("STOP")
        if self.chance(0.06):
            up = not up
        at = inst.mark * (1 + (1 if up else -1) * self.random.uniform(0.0005, 0.03))
        params = {"instrument_name": inst.name, "side": side, "type": kind, "quantity": self.qty(inst, lots),
                  "ref_price": self.price(inst, at), "ref_price_type": self.pick([None, "MARK_PRICE", "LAST_PRICE", "MARK_PRICE"])}
        if kind.endswith("LIMIT"):
            params["price"] = self.price(inst, at * (1 + self.random.uniform(-0.01, 0.01)))
        if isolated:
            params["isolation_id"] = self.ref("isolation", self.w.isolation_on(account, inst).number)
        if marks:
            params["exec_inst"] = marks
        self.call(account.label, advanced, **params)

    def contingent(self):
        kind = self.pick(["oco", "oto", "otoco"])
        holder = self.position()
        if kind == "oco":
            if holder is None:
                return self.random_order()
            inst, label = holder.inst, holder.account.label
            sign = 1 if holder.q > 0 else -1
            side = "SELL" if sign > 0 else "BUY"
            base = {"instrument_name": inst.name, "side": side, "quantity": show(abs(holder.q), inst.qd), "exec_inst": ["REDUCE_ONLY"]}
            if holder.isolated:
                base["isolation_id"] = self.ref("isolation", holder.number)
            first = dict(base, type="LIMIT", price=self.price(inst, inst.mark * (1 + sign * self.random.uniform(-0.001, 0.03))))
            stop = dict(base, type="STOP_LOSS", ref_price=self.price(inst, inst.mark * (1 - sign * self.random.uniform(0.001, 0.03))))
            legs = [first, stop]
        else:
            account, inst = self.trader(), self.inst()
            label = account.label
            side, sign = self.pick([("BUY", 1), ("SELL", -1)])
            other = "SELL" if sign > 0 else "BUY"
            quantity = self.qty(inst, self.lots_for(account, inst))
            first = {"instrument_name": inst.name, "side": side, "type": self.pick(["LIMIT", "LIMIT", "MARKET"]), "quantity": quantity}
            if first["type"] == "LIMIT":
                first["price"] = self.price(inst, inst.mark * (1 + sign * self.random.uniform(-0.01, 0.01)))
            isolated = inst.modes == "ISOLATED" or (inst.modes == "BOTH" and self.chance(0.5))
            iso = self.w.isolation_on(account, inst)
            if isolated and iso is None:
                first.update(exec_inst=["ISOLATED_MARGIN"], leverage=self.pick(["2", "10", None]))
                if first["leverage"] is None:
                    del first["leverage"]
            elif isolated:
                first["isolation_id"] = self.ref("isolation", iso.number)
            low = self.price(inst, inst.mark * (1 - sign * self.random.uniform(0.002, 0.04)))
            high = self.price(inst, inst.mark * (1 + sign * self.random.uniform(0.002, 0.04)))
            stop = {"instrument_name": inst.name, "side": other, "type": "STOP_LOSS", "quantity": quantity, "ref_price": low, "exec_inst": ["REDUCE_ONLY"]}
            take = dict(stop, type="TAKE_PROFIT", ref_price=high)
            legs = [first, stop] if kind == "oto" else [first, stop, take]
        extra = {"linked": True} if kind == "otoco" and self.chance(0.3) else {}
        self.call(label, f"private/advanced/create-{kind}", order_list=legs, **extra)

    def open_order(self, waits=None):
        import orders as od
        found = [o for a in self.w.accounts[1:] for o in od.open_orders(self.w, a)]
        if waits is not None:
            found = [o for o in found if (o.status == "PENDING") == waits]
        return self.pick(found)

    def cancel(self):
        order = self.open_order()
        if order is None:
            return
        label = order.account.label
        roll = self.random.random()
        if roll < 0.5:
            method = "private/cancel-order"
            if order.status == "PENDING" and self.chance(0.5):
                method = "private/advanced/cancel-order"
            self.call(label, method, order_id=self.ref("order", order.number))
        elif roll < 0.6 and order.list is not None:
            self.call(label, f"private/advanced/cancel-{order.list.kind.lower()}", list_id=self.ref("list", order.list.number))
        elif roll < 0.75:
            self.call(label, "private/cancel-all-orders", instrument_name=order.inst.name,
                      type=self.pick([None, "LIMIT", "TRIGGER", "ALL"]))
        elif roll < 0.85 and order.holder.isolated:
            self.call(label, "private/cancel-all-orders", isolation_id=self.ref("isolation", order.holder.number))
        elif roll < 0.95:
            self.call(label, "private/cancel-order-list", contingency_type="LIST",
                      order_list=[{"order_id": self.ref("order", order.number)}, {"order_id": "999999"}])
        else:
            self.call(self.trader().label, "private/cancel-order", order_id=self.ref("order", order.number))

    def amend(self):
        order = self.open_order(False)
        if order is None:
            return
        inst = order.inst
        filled = order.filled // inst.lot
        total = order.qty // inst.lot
        lots = self.pick([total, total - 1, total + 1, total * 2, filled + 1, filled, total * 20])
        price = self.pick([order.price, order.price, self.near(inst, 0.02), order.price + inst.tick, self.near(inst, 0.2)])
        self.call(order.account.label, "private/amend-order", order_id=self.ref("order", order.number),
                  new_price=self.price(inst, price), new_quantity=self.qty(inst, lots))

    def batch(self):
        account, inst = self.trader(), self.inst()
        rows = []
        for _ in range(self.random.randint(1, 4)):
            rows.append({"instrument_name": inst.name, "side": self.pick(["BUY", "SELL"]), "type": "LIMIT",
                         "price": self.price(inst, self.near(inst, 0.02)), "quantity": self.qty(inst, self.lots_for(account, inst))})
        if inst.modes == "ISOLATED" or self.chance(0.3):
            iso = self.w.isolation_on(account, inst)
            for row in rows:
                if iso is not None:
                    row["isolation_id"] = self.ref("isolation", iso.number)
                else:
                    row["exec_inst"] = ["ISOLATED_MARGIN"]
        self.call(account.label, "private/create-order-list", contingency_type="LIST", order_list=rows)

    # ---- Margin and money ------------------------------------------------------------------------------

    def isolation(self):
        return self.pick(self.w.isolations.values())

    def transfer(self):
        iso = self.isolation()
        if iso is None:
            return
        w, label = self.w, iso.account.label
        direction = self.pick(["CREDIT", "DEBIT", "IN", "OUT"])
        top = w.spendable(iso.account) if direction in ("CREDIT", "IN") else w.look(iso).removable
        amount = self.pick([top, top + 1, top // 2, top // 3, 100000000, 1])
        self.call(label, "private/create-isolated-margin-transfer", isolation_id=self.ref("isolation", iso.number),
                  direction=direction, amount=show(max(1, amount)))

    def leverage(self):
        iso = self.isolation()
        if iso is None:
            return
        new = self.pick([1, 2, 3, 5, 8, 10, 20, 25, 40, iso.inst.max_leverage, iso.leverage, iso.inst.max_leverage + 1])
        add = None
        if self.chance(0.5):
            needed = max(0, -self.w.look(iso, min(new, iso.inst.max_leverage)).a)
            add = self.pick(["AUTO", "AUTO", show(max(1, needed)), show(needed + 12345), "1"])
        self.call(iso.account.label, "private/change-isolated-margin-leverage", isolation_id=self.ref("isolation", iso.number),
                  leverage=str(new), add_margin=add)

    def money(self):
        account = self.trader()
        roll = self.random.random()
        if roll < 0.35:
            self.call("operator", "operator/deposit", account=account.label,
                      currency=self.pick(["USDC", "USDT", "GOLD", "PYUSD"]), amount=self.pick(["1", "500", "0.33333333", "2000"]))
        elif roll < 0.6 and self.everything_open():
            top = max(1, min(self.w.main(account).available, self.w.cash(account)))
            amount = self.pick([top, top + 1, top // 2 + 1, 10**8])
            answer = self.call(account.label, "private/create-withdrawal", currency="USDC", amount=show(amount), address="addr")
            if answer["code"] == 0 and self.chance(0.7):
                self.call("operator", self.pick(["operator/approve-withdrawal", "operator/reject-withdrawal"]),
                          id=f"@{len(self.lines)}.id")
        elif roll < 0.85 and self.everything_open():
            a0, a1 = self.w.labels["a0"], self.w.labels["a1"]
            giver, taker = self.pick([(a0, a1), (a1, a0)])
            who = self.pick(["a0", "a0", giver.label, "a3"])
            top = max(1, min(self.w.main(giver).available, self.w.cash(giver)))
            self.call(who, "private/create-subaccount-transfer", **{"from": giver.uuid, "to": taker.uuid},
                      currency="USD", amount=show(self.pick([top, top + 1, top // 3 + 1])))
        elif roll < 0.95:
            self.call("operator", "operator/adjust", account=account.label, currency="USD", amount=self.pick(["25", "3.00000001"]), reason="test")
        else:
            self.call(account.label, "private/change-account-leverage", leverage=self.pick(["3", "50", "100"]))

    def everything_open(self):
        return all(i.state == "OPEN" and not self.w.stale(i) for i in self.w.instruments)

    # ---- Marks and time ------------------------------------------------------------------------------------

    def set_mark(self, inst, price):
        if inst.name in self.indexed:
            self.call("operator", "operator/set-index-price", index_name=inst.index_name, price=show(max(1, int(price)), inst.pd),
                      source=self.pick(["operator", "operator", "operator", "b"]))
            return
        self.call("operator", "operator/set-mark-price", instrument_name=inst.name, price=show(max(1, int(price)), inst.pd))

    def step_mark(self):
        inst = self.inst()
        self.set_mark(inst, self.near(inst, self.random.choice([0.001, 0.004, 0.02])))

    def crash(self):
        """Sends a mark to the liquidation price of somebody, with or without somebody to buy."""
        holder = self.position(True) if self.chance(0.7) else self.position(False)
        if holder is None:
            return self.random_order()
        inst, w = holder.inst, self.w
        sign = 1 if holder.q > 0 else -1
        if holder.isolated:
            taker = w.taker_rate(holder.account, inst)
            target = margin.liquidation_price(inst, taker, holder.q, holder.c, w.wallet(holder))
            target = target or inst.mark
            limit = margin.bankruptcy_price(inst, taker, holder.q, holder.c, w.wallet(holder))
        else:
            look = w.main(holder.account)
            spare = look.collateral + look.u - look.required
            target = inst.mark - sign * (abs(spare) // max(1, abs(holder.q) * inst.k) + self.random.randint(0, 3))
            limit = target - sign * inst.mark // 200
        if not inst.mark // 4 < target < inst.mark * 3:
            target = inst.mark - sign * inst.mark // 5
        buyers = self.random.choice(["none", "all", "part", "own", "below"])
        size = abs(holder.q) // inst.lot
        side = "BUY" if sign > 0 else "SELL"
        if limit <= 0 or not inst.mark // 4 < limit < inst.mark * 3:
            buyers = "none"
        if buyers in ("all", "part", "below"):
            price = {"all": (target + limit) // 2, "part": limit, "below": limit - sign * 2 * inst.tick}[buyers]
            lots = size if buyers == "all" else max(1, size // 2)
            self.order("mm", inst, side, "LIMIT", price + (inst.tick - 1 if sign < 0 else 0), lots, inst.modes == "ISOLATED")
        elif buyers == "own":
            self.order(holder.account.label, inst, side, "LIMIT", (target + limit) // 2, 1, not holder.isolated and inst.modes == "BOTH")
        for price in self.pick([[target], [target + sign, target], [target + 1, target - 1], [target - sign * inst.mark // 50]]):
            if price > 0:
                self.set_mark(inst, price)

    def honour(self):
        """A resting reduce-only order far below bankruptcy, then somebody who takes it."""
        holder = self.position()
        if holder is None or holder.inst.state != "OPEN":
            return self.random_order()
        inst, sign = holder.inst, 1 if holder.q > 0 else -1
        price = self.on_tick(inst, inst.mark * (1 - sign * self.random.uniform(0.02, 0.045)))
        side, other = ("SELL", "BUY") if sign > 0 else ("BUY", "SELL")
        self.clear_bids(inst, sign, price)
        self.order(holder.account.label, inst, side, "LIMIT", price, abs(holder.q) // inst.lot, holder.isolated, marks=["REDUCE_ONLY"])
        self.order("mm", inst, other, "LIMIT", price, abs(holder.q) // inst.lot, inst.modes == "ISOLATED")

    def clear_bids(self, inst, sign, price):
        """Takes away what would be met before `price`."""
        for order in list(inst.book(sign)):
            if sign * (order.price - price) >= 0:
                self.call(order.account.label, "private/cancel-order", order_id=self.ref("order", order.number))

    def bad_close(self):
        """Closing at a price that the margin does not bear: the first fill, or a later one."""
        holder = self.position()
        if holder is None or holder.inst.state != "OPEN":
            return self.random_order()
        inst, sign = holder.inst, 1 if holder.q > 0 else -1
        side, other = ("SELL", "BUY") if sign > 0 else ("BUY", "SELL")
        if holder.isolated and self.chance(0.7):
            taker = self.w.taker_rate(holder.account, inst)
            edge = margin.liquidation_price(inst, taker, holder.q, holder.c, self.w.wallet(holder))
            edge += sign * (1 + inst.mark // self.random.choice([10**6, 500, 100]))
            if inst.mark // 4 < edge < inst.mark * 3:
                self.set_mark(inst, edge)
            if holder.q == 0:
                return None
        bad = self.on_tick(inst, inst.mark * (1 - sign * self.random.uniform(0.02, 0.045)))
        self.clear_bids(inst, sign, bad)
        size = abs(holder.q) // inst.lot
        isolated = inst.modes == "ISOLATED"
        if self.chance(0.6):
            self.order("mm", inst, other, "LIMIT", inst.mark, max(1, size // 3), isolated)
        self.order("mm", inst, other, "LIMIT", bad, max(1, size), isolated)
        self.order(holder.account.label, inst, side, self.pick(["LIMIT", "MARKET"]), bad, max(1, size // self.pick([1, 1, 2])),
                   holder.isolated, marks=self.pick([[], ["REDUCE_ONLY"]]),
                   time_in_force=self.pick([None, None, "FILL_OR_KILL", "IMMEDIATE_OR_CANCEL"]))

    def beyond(self):
        """Orders beyond the guard, and orders that would take them."""
        inst = self.inst()
        band = inst.price_band / 10**8
        side, other, sign = self.pick([("BUY", "SELL", 1), ("SELL", "BUY", -1)])
        isolated = inst.modes == "ISOLATED"
        price = self.on_tick(inst, inst.mark * (1 + sign * (band + 0.004)))
        self.order("mm", inst, other, "LIMIT", price, self.random.randint(1, 9), isolated)
        self.order(self.trader().label, inst, side, self.pick(["LIMIT", "LIMIT", "MARKET"]), price + sign * inst.tick,
                   self.random.randint(1, 400), isolated)

    def own_side(self):
        """An order on the position's own side around the liquidation price."""
        holder = self.position(True)
        if holder is None:
            return self.random_order()
        inst, w, sign = holder.inst, self.w, 1 if holder.q > 0 else -1
        taker = w.taker_rate(holder.account, inst)
        price = margin.liquidation_price(inst, taker, holder.q, holder.c, w.wallet(holder)) or inst.mark
        price += -sign * self.random.choice([-1, 0, 1, 2, 30]) * inst.tick
        price = max(inst.mark // 4, min(inst.mark * 3, price))
        self.order(holder.account.label, inst, "BUY" if sign > 0 else "SELL", "LIMIT", price, self.random.choice([1, 2, 20]), True)

    def limits_of_size(self):
        inst = self.inst()
        isolated = inst.modes == "ISOLATED"
        top = inst.max_position or inst.max_order or 1000 * inst.lot
        self.order(self.pick(["mm", self.trader().label]), inst, self.pick(["BUY", "SELL"]), "LIMIT", inst.mark,
                   top // inst.lot + self.random.choice([0, 1]), isolated)

    def many_orders(self):
        """One more than an account may have on an instrument."""
        inst = self.w.instruments[0]
        row = {"instrument_name": inst.name, "side": "BUY", "type": "LIMIT", "price": self.price(inst, inst.mark * 0.7), "quantity": self.qty(inst, 1)}
        for _ in range(20):
            self.call("mm", "private/create-order-list", contingency_type="LIST", order_list=[row] * 10)
        self.call("mm", "private/create-order", **row)
        self.call("mm", "private/cancel-all-orders", instrument_name=inst.name)

    def delist(self):
        """The end of an instrument, and what is asked of it afterwards."""
        inst = self.inst()
        if inst is None or inst.state == "SETTLED":
            return
        price = self.pick([None, self.near(inst, 0.01), self.near(inst, 0.05)])
        self.call("operator", "operator/set-instrument-state", instrument_name=inst.name, state="SETTLED",
                  settlement_price=None if price is None else show(int(price), inst.pd))
        self.everything()
        name = inst.name
        for method, params in (("set-instrument-state", {"state": "OPEN"}), ("set-mark-price", {"price": "50"}), ("clear-mark-price", {}),
                               ("settle-funding", {"rate": "0.001"}), ("settle-session", {}), ("set-funding-rate", {"rate": "0.001"}),
                               ("update-instrument", {"max_leverage": "10"})):
            if self.chance(0.4):
                self.call("operator", "operator/" + method, instrument_name=name, **params)

    def nothing_to_close(self):
        account, inst = self.trader(), self.inst()
        iso = self.w.isolation_on(account, inst)
        self.call(account.label, "private/close-position", instrument_name=inst.name, type="MARKET",
                  isolation_id=self.ref("isolation", iso.number) if iso is not None and self.chance(0.5) else None)

    def settle(self):
        inst = self.inst()
        roll = self.random.random()
        if roll < 0.5:
            self.call("operator", "operator/settle-funding", instrument_name=inst.name,
                      rate=self.pick(["0.0001", "-0.0003", "0.00000001", "0.02", "-0.05", "0"]) if self.chance(0.95) or
                      inst.settlement == "HOURLY" else None)
        elif not self.w.stale(inst):
            self.call("operator", "operator/settle-session", instrument_name=inst.name)

    def time(self):
        roll = self.random.random()
        if roll < 0.75:
            self.tick(self.random.choice([1, 500, 1000, 7000, 20000, 29999, 30001]))
            if self.chance(0.3):
                self.refresh()
            return
        if self.chance(0.6):
            for inst in self.w.instruments:
                if self.chance(0.7):
                    self.call("operator", "operator/set-funding-rate", instrument_name=inst.name,
                              rate=self.pick(["0.0002", "-0.0001", "0.00015", "0.03"]))
        boundary = (self.now // HOUR + 1) * HOUR
        self.tick(self.random.choice([boundary - self.now - 1, boundary - self.now, boundary - self.now + 1234,
                                      boundary - self.now + HOUR * self.random.randint(0, 5)]))
        self.refresh()

    def refresh(self):
        """Fresh marks, as a feed would send them."""
        for inst in self.w.instruments:
            if inst.stale_ms and inst.mark:
                self.set_mark(inst, self.near(inst, 0.001))

    def states(self):
        """A while in another state, then a fresh mark."""
        inst = self.inst()
        if inst.state != "OPEN":
            return
        state = self.pick(["POST_ONLY", "REDUCE_ONLY", "CANCEL_ONLY", "HALTED"])
        self.call("operator", "operator/set-instrument-state", instrument_name=inst.name, state=state)
        for _ in range(self.random.randint(2, 8)):
            self.pick([self.random_order, self.reduce, self.cancel, self.amend, self.transfer, self.read])()
        self.call("operator", "operator/set-instrument-state", instrument_name=inst.name, state="OPEN")
        self.set_mark(inst, inst.mark)

    def suspend(self):
        account = self.trader()
        self.call("operator", "operator/suspend-account", account=account.label)
        for _ in range(self.random.randint(1, 3)):
            inst = self.inst()
            self.order(account.label, inst, "BUY", "LIMIT", inst.mark, 2, False)
        self.call("operator", "operator/suspend-account", account=account.label, suspended=False)

    def gold(self):
        self.call("operator", "operator/set-index-price", index_name="GOLDUSD-INDEX", price=self.pick(["2000.25", "1990", "2400.12345678", "1500"]))

    def hostile(self):
        method, changes = self.pick(HOSTILE)
        account, inst = self.trader(), self.inst()
        params = {}
        if method == "private/create-order":
            params = {"instrument_name": inst.name, "side": "BUY", "type": "LIMIT", "price": self.price(inst, inst.mark),
                      "quantity": self.qty(inst, 5)}
        params.update(changes)
        if params.get("type", "").startswith("STOP") and "price" in params:
            del params["price"]
        who = "operator" if method.startswith("operator/") else account.label
        self.call(who, method, **params)

    # ---- Reading -------------------------------------------------------------------------------------------

    def read(self):
        account, inst = self.anybody(), self.inst()
        self.random.choice([
            lambda: self.call(account.label, "private/user-balance"),
            lambda: self.call(account.label, "private/get-positions"),
            lambda: self.call(account.label, "private/get-open-orders"),
            lambda: self.call(account.label, "private/advanced/get-open-orders"),
            lambda: self.call("operator", "operator/get-house-balances"),
            lambda: self.call(None, "public/get-book", instrument_name=inst.name, depth=str(self.random.randint(1, 50))),
            self.detail,
            self.limits,
            self.preview,
        ])()

    def detail(self):
        if self.w.last_order:
            order = self.w.orders.get(self.random.randint(1, self.w.last_order))
            if order is not None:
                self.call(order.account.label, self.pick(["private/get-order-detail", "private/advanced/get-order-detail"]),
                          order_id=self.ref("order", order.number))

    def limits(self):
        iso = self.isolation()
        if iso is not None:
            self.call(iso.account.label, "private/x/isolated-limits", isolation_id=self.ref("isolation", iso.number),
                      leverage=self.pick([None, "1", "5", "20"]))
        holder = self.position()
        if holder is not None:
            self.call(holder.account.label, "private/x/adl-preview", instrument_name=holder.inst.name,
                      isolation_id=self.ref("isolation", holder.number) if holder.isolated else None)

    def preview(self):
        account, inst = self.trader(), self.inst()
        isolated = inst.modes != "CROSS" and self.chance(0.8)
        params = {"instrument_name": inst.name, "side": self.pick(["BUY", "SELL"]), "type": self.pick(["LIMIT", "MARKET"]),
                  "quantity": self.qty(inst, self.lots_for(account, inst)), "price": self.price(inst, self.near(inst, 0.02))}
        if params["type"] == "MARKET":
            del params["price"]
        if isolated:
            iso = self.w.isolation_on(account, inst)
            if iso is None:
                params.update(exec_inst=["ISOLATED_MARGIN"], leverage=self.pick(["5", "10", "20"]))
            else:
                params["isolation_id"] = self.ref("isolation", iso.number)
        self.call(account.label, "private/x/preview-order", **params)

    def everything(self):
        for account in self.w.accounts[1:]:
            self.call(account.label, "private/user-balance")
            self.call(account.label, "private/get-positions")
            self.call(account.label, "private/get-open-orders")
            self.call(account.label, "private/advanced/get-open-orders")
        for inst in self.w.instruments:
            self.call(None, "public/get-book", instrument_name=inst.name)
        self.call("operator", "operator/get-house-balances")
        self.call("operator", "operator/check-invariants")

    # ---- The mix ---------------------------------------------------------------------------------------------

    def run(self):
        self.begin()
        actions = [(self.random_order, 30), (self.reduce, 10), (self.trigger, 6), (self.contingent, 5), (self.cancel, 9),
                   (self.amend, 9), (self.batch, 2), (self.transfer, 6), (self.leverage, 5), (self.money, 4),
                   (self.step_mark, 8), (self.crash, 6), (self.honour, 2), (self.settle, 3), (self.bad_close, 2.5),
                   (self.beyond, 1.5), (self.own_side, 1.5), (self.limits_of_size, 1), (self.nothing_to_close, 0.7), (self.time, 6), (self.states, 1),
                   (self.suspend, 0.4), (self.gold, 0.7), (self.hostile, 5), (self.quote_some, 4)]
        names, weights = zip(*actions)
        next_dump = 120
        ends_at = self.wanted * 0.9 if self.chance(0.3) else None
        if self.chance(0.04):
            self.many_orders()
        while self.calls < self.wanted:
            self.random.choices(names, weights)[0]()
            if self.chance(0.45):
                self.read()
            if ends_at is not None and self.calls > ends_at:
                ends_at = None
                self.delist()
            if self.calls >= next_dump:
                self.everything()
                next_dump = self.calls + self.random.randint(90, 220)
        self.everything()

    def quote_some(self):
        inst = self.inst()
        if inst.state == "OPEN":
            self.quote(inst)


def make(seed, calls):
    script = Script(seed, calls)
    script.run()
    return script


def main():
    ap = argparse.ArgumentParser(description="Makes a random replay script.")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--calls", type=int, default=700)
    args = ap.parse_args()
    script = make(args.seed, args.calls)
    sys.stdout.write("\n".join(script.lines) + "\n")


if __name__ == "__main__":
    main()
