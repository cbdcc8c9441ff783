"""The state: currencies, instruments, accounts, positions, orders and the ledger. Loops over everything."""
import margin
from money import E8, Kept, Refused, Table, down, up

FEES, INSURANCE, ROUNDING, WORLD, WITHDRAWALS = "FEES", "INSURANCE", "ROUNDING", "WORLD", "WITHDRAWALS"
HOUR = 3600 * 1000


class Currency(Kept):
    """kind USD (the unit itself), USD_STABLE (a member of the bundle) or COLLATERAL."""

    def __init__(self, name, kind, factor=E8, cap=None, haircut=0):
        self.name, self.kind, self.factor, self.cap, self.haircut = name, kind, factor, cap, haircut
        self.custody = 0  # units that the venue holds of a member


class Index(Kept):
    def __init__(self, name):
        self.name, self.price = name, None
        self.sources = Table()


class Instrument(Kept):
    def __init__(self, number, name):
        self.number, self.name = number, name
        self.state = "OPEN"
        self.mark = None
        self.mark_time = 0
        self.pinned = False
        self.basis = 0
        self.basis_time = None
        self.last = None
        self.bids = ()
        self.asks = ()
        self.pinned_rate = None
        self.rate = 1250  # hourly, e8: interest alone, (0 + clamp(5,000 - 0)) / 4
        self.premium = 0
        self.premium_sum = 0
        self.premium_time = 0
        self.premium_update = None

    def book(self, side):
        return self.bids if side > 0 else self.asks

    def set_book(self, side, orders):
        if side > 0:
            self.bids = orders
        else:
            self.asks = orders


class Account(Kept):
    def __init__(self, number, label, master):
        self.number, self.label, self.master = number, label, master
        self.suspended = self.liquidating = False
        self.leverage = 100
        self.stp, self.stp_scope, self.stp_id = "M", "S", 0
        self.maker = self.taker = None  # own fee rates
        self.last_leverage = Table()  # by instrument
        self.oids = Table()  # client_oid -> order, the given ones

    @property
    def uuid(self):
        return f"00000000-0000-4000-8000-{self.number:012x}"


class Holder(Kept):
    """What owns a position and orders: an isolation, or one account's cross side of one instrument."""

    isolated = False

    def __init__(self, account, inst):
        self.account, self.inst = account, inst
        self.q = self.c = self.c0 = 0
        self.session_realised = 0  # since the last session settlement
        self.orders = ()   # resting
        self.waiting = ()  # triggers that are live
        self.liquidating = False


class Isolation(Holder):
    isolated = True

    def __init__(self, number, account, inst, leverage):
        super().__init__(account, inst)
        self.number, self.leverage = number, leverage
        self.put_in = self.taken_out = 0


class Order(Kept):
    def __init__(self, **fields):
        self.number = 0
        self.filled = self.value = self.fee = 0
        self.earmark = 0
        self.status = "NEW"
        self.reason = 0
        self.triggered = False
        self.list = None
        self.leg = 0
        for key, value in fields.items():
            setattr(self, key, value)

    @property
    def leaves(self):
        return self.qty - self.filled

    @property
    def inst(self):
        return self.holder.inst

    @property
    def account(self):
        return self.holder.account

    @property
    def trigger(self):
        return self.type not in ("LIMIT", "MARKET")


class OrderList(Kept):
    def __init__(self, number, account, kind, linked):
        self.number, self.account, self.kind, self.linked = number, account, kind, linked
        self.orders = ()


class Look:
    """An isolation or a main account, measured."""


class World(Kept):
    def __init__(self):
        self.now = 0
        self.currencies = Table()
        self.indexes = Table()
        self.instruments = ()
        self.accounts = ()
        self.labels = Table()
        self.isolations = Table()
        self.crosses = Table()  # (account number, instrument number) -> Holder
        self.orders = Table()
        self.lists = Table()
        self.withdrawals = Table()
        self.money = Table()  # (slot, owner, currency) -> units
        self.last_order = self.last_isolation = self.last_list = self.last_withdrawal = 0
        self.dirty = False  # a mark moved, something filled or settled
        self.touched = ()   # holders with fills in this call, in order
        self.seen = Table()  # what happened, for the coverage table
        for name, kind in (("USD", "USD"), ("USDC", "USD_STABLE"), ("USDT", "USD_STABLE")):
            self.currencies.put(name, Currency(name, kind))
        self.fund = self.add_account("", None)

    def note(self, what, times=1):
        self.seen.put(what, self.seen.get(what, 0) + times)

    # ---- Look-ups --------------------------------------------------------------------------------

    def add_account(self, label, master):
        account = Account(len(self.accounts), label, master)
        self.accounts = self.accounts + (account,)
        self.labels.put(label, account)
        return account

    def instrument(self, name):
        for inst in self.instruments:
            if inst.name == name:
                return inst
        raise Refused(209)

    def cross(self, account, inst):
        key = (account.number, inst.number)
        if key not in self.crosses:
            self.crosses.put(key, Holder(account, inst))
        return self.crosses[key]

    def crosses_of(self, account):
        found = []
        for inst in self.instruments:
            holder = self.crosses.get((account.number, inst.number))
            if holder is not None:
                found.append(holder)
        return found

    def isolations_of(self, account):
        return [iso for iso in self.isolations.values() if iso.account is account]

    def isolation_on(self, account, inst):
        for iso in self.isolations_of(account):
            if iso.inst is inst:
                return iso
        return None

    def taker_rate(self, account, inst):
        return inst.taker_fee if account.taker is None else account.taker

    def maker_rate(self, account, inst):
        return inst.maker_fee if account.maker is None else account.maker

    def stale(self, inst):
        return inst.stale_ms > 0 and inst.mark is not None and self.now - inst.mark_time > inst.stale_ms

    def frozen(self, inst):
        """No liquidation and no removal of margin."""
        return inst.mark is None or self.stale(inst) or inst.state not in ("OPEN", "REDUCE_ONLY")

    # ---- The ledger --------------------------------------------------------------------------------

    def balance(self, slot, owner=None, currency="USD"):
        return self.money.get((slot, owner, currency), 0)

    def move(self, source, target, amount, currency="USD"):
        """Slots are (kind, owner). The only place where money changes hands."""
        for (kind, owner), change in ((source, -amount), (target, amount)):
            key = (kind, owner, currency)
            total = self.money.get(key, 0) + change
            if abs(total) >= 2**62:
                raise Refused(605)
            self.money.put(key, total)

    def purse(self, holder):
        return ("ISOLATED", holder.number) if holder.isolated else ("MAIN", holder.account.number)

    def wallet(self, iso):
        return self.balance("ISOLATED", iso.number)

    def cash(self, account, currency="USD"):
        return self.balance("MAIN", account.number, currency)

    def transfer(self, iso, amount):
        """Main to isolation, or back when negative."""
        self.move(("MAIN", iso.account.number), ("ISOLATED", iso.number), amount)
        if amount >= 0:
            iso.put_in += amount
        else:
            iso.taken_out -= amount

    # ---- Measuring -----------------------------------------------------------------------------------

    def opening(self, holder):
        return [(o.side, o.price, o.leaves) for o in holder.orders if not o.reduce_only]

    def look(self, iso, leverage=None):
        """margin.md section 3"""
        inst, taker = iso.inst, self.taker_rate(iso.account, iso.inst)
        mark = inst.mark
        needs = margin.both_sides(inst, taker, iso.q, self.opening(iso), leverage or iso.leverage, mark)
        need = margin.binding(needs, True)
        look = Look()
        look.w = self.wallet(iso)
        look.u = iso.q * mark * inst.k - iso.c
        look.n, look.q, look.im, look.mm, look.fr, look.ol = need.n, need.q, need.im, need.mm, need.fr, need.ol
        look.mb = look.w + look.u - look.fr
        look.a = look.mb - look.ol - look.im
        look.required = max(side.fr + side.mm for side in needs)
        look.healthy = look.w + look.u >= look.required
        look.removable = max(0, min(look.w, look.a))
        return look

    def main(self, account):
        """margin.md section 10"""
        look = Look()
        look.collateral = look.haircut = 0
        for currency in self.currencies.values():
            have = self.cash(account, currency.name)
            if currency.kind == "USD":
                look.collateral += have
            elif currency.kind == "COLLATERAL" and have:
                index = self.indexes.get(currency.name + "USD-INDEX")
                price = index.price if index is not None and index.price else 0
                if have > 0:
                    value = down(have * price, E8)
                    if currency.cap is not None:
                        value = min(value, currency.cap)
                    look.collateral += value
                    look.haircut += up(value * currency.haircut, E8)
                else:
                    look.collateral -= up(-have * price, E8)
        look.u = look.fr = look.position_im = look.position_mm = look.value = look.n = 0
        look.parts = []
        for holder in self.crosses_of(account):
            inst = holder.inst
            opening = self.opening(holder)
            if holder.q == 0 and not opening:
                continue
            taker = self.taker_rate(account, inst)
            needs = margin.both_sides(inst, taker, holder.q, opening, account.leverage, inst.mark)
            need = margin.binding(needs, False)
            look.u += holder.q * inst.mark * inst.k - holder.c
            look.fr += need.fr
            look.position_im += need.im
            look.position_mm += need.mm
            look.n += need.n
            look.value += abs(holder.q) * inst.mark * inst.k
            look.parts.append((holder, need))
        look.im = look.position_im + look.haircut
        look.mm = look.position_mm + up(look.haircut, 2)
        look.mb = look.collateral + look.u - look.fr
        look.available = look.mb - look.im
        look.required = look.fr + look.mm
        look.healthy = look.collateral + look.u >= look.required
        return look

    def spendable(self, account):
        """What an isolation may be given."""
        return min(self.main(account).available, self.cash(account))

    def removable(self, iso):
        return 0 if self.frozen(iso.inst) else self.look(iso).removable

    # ---- Positions ------------------------------------------------------------------------------------

    def change(self, holder, side, qty, price):
        """margin.md section 5: one fill's effect on q, C and C0. -> realised"""
        k = holder.inst.k
        closing = min(qty, abs(holder.q)) if side * holder.q < 0 else 0
        realised = 0
        if closing:
            sign = 1 if holder.q > 0 else -1
            cost = down(abs(holder.c) * closing, abs(holder.q))
            user = down(abs(holder.c0) * closing, abs(holder.q))
            realised = sign * (closing * price * k - cost)
            holder.c -= sign * cost
            holder.c0 -= sign * user
            holder.q += side * closing
        opened = qty - closing
        if opened:
            holder.q += side * opened
            holder.c += side * opened * price * k
            holder.c0 += side * opened * price * k
        self.realise(holder, self.purse(holder), realised)
        return realised

    def realise(self, holder, purse, amount):
        """The only way by which results come to a purse."""
        self.move(("CLEARING", holder.inst.number), purse, amount)
        holder.session_realised += amount

    def new_session(self):
        """ "session = since last hourly settlement" (api.md 2.2): everybody's at once."""
        for holder in list(self.crosses.values()) + list(self.isolations.values()):
            holder.session_realised = 0

    def touch(self, holder):
        if holder not in self.touched:
            self.touched = self.touched + (holder,)

    def uncovered_loss(self, holder):
        """A flat owner's negative balance is paid by the fund."""
        have = self.balance(*self.purse(holder))
        if have < 0:
            self.move((INSURANCE, None), self.purse(holder), -have)
            self.note("event uncovered loss " + ("isolated" if holder.isolated else "cross"))

    def end_isolation(self, iso, target=None):
        """The wallet goes to main (or elsewhere), what is left of its orders dies."""
        for order in iso.orders + iso.waiting:
            self.close_order(order, "CANCELED", 1110)
        if iso.q != 0:
            raise AssertionError("an isolation with a position cannot end")
        have = self.wallet(iso)
        if target is None:
            self.transfer(iso, -have)
        else:
            self.move(("ISOLATED", iso.number), target, have)
        self.isolations.drop(iso.number)

    # ---- Orders ---------------------------------------------------------------------------------------

    def unbook(self, order):
        inst, holder = order.inst, order.holder
        inst.set_book(order.side, tuple(o for o in inst.book(order.side) if o is not order))
        holder.orders = tuple(o for o in holder.orders if o is not order)
        holder.waiting = tuple(o for o in holder.waiting if o is not order)

    def enbook(self, order):
        """Behind all orders of the same or a better price."""
        inst, s = order.inst, order.side
        better = tuple(o for o in inst.book(s) if s * o.price >= s * order.price)
        worse = tuple(o for o in inst.book(s) if s * o.price < s * order.price)
        inst.set_book(s, better + (order,) + worse)

    def close_order(self, order, status, reason):
        """Takes an order out of everything; the money of its earmark is the caller's business."""
        self.unbook(order)
        order.status, order.reason = status, reason
        if order.list is not None:
            self.list_changed(order)

    def list_changed(self, order):
        """OTO and OTOCO: what waits for the parent lives once it is filled, dies if it is not."""
        group = order.list
        if group.kind in ("OTO", "OTOCO") and order.leg == 1:
            for leg in group.orders[1:]:
                if leg.status != "PENDING" or leg in leg.holder.waiting:
                    continue
                if order.status == "FILLED" and leg.holder.inst.state != "SETTLED" and self.alive(leg.holder):
                    leg.holder.waiting = leg.holder.waiting + (leg,)
                    self.note("event list leg armed")
                elif order.status != "ACTIVE":
                    leg.status, leg.reason = "CANCELED", 0
                    self.note("event list leg dropped")

    def alive(self, holder):
        return not holder.isolated or holder.number in self.isolations

    def list_filled(self, order):
        """One fill, even a partial one, cancels the other leg. -> the orders to cancel"""
        group = order.list
        if group is None:
            return []
        if group.kind == "OCO" or (group.kind == "OTOCO" and group.linked and order.leg > 1):
            return [o for o in group.orders
                    if o is not order and o.status in ("ACTIVE", "PENDING") and not (group.kind == "OTOCO" and o.leg == 1)]
        return []
