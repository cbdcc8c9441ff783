"""Isolated margin, settings, wallet and what an account is shown."""
import liquidation
import margin
import orders as od
import shown
from calls_operator import currency_named
from calls_orders import largest_leverage, leverage_of, own_isolation, stp_group
from money import E8, E18, Refused, show, up


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
            raise Refused(306, required_margin=amount)
        w.transfer(iso, amount)
        w.note("call credit")
    else:
        if iso.inst.state not in ("OPEN", "REDUCE_ONLY"):
            raise Refused(208)
        if w.stale(iso.inst):
            raise Refused(222)
        if amount > w.removable(iso):  # what has to stay inside
            raise Refused(306, required_margin=max(0, w.wallet(iso) - w.removable(iso)))
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
    for holders in (w.crosses_of(account), w.isolations_of(account)):
        for holder in sorted(holders, key=lambda h: h.inst.number):
            if holder.q == 0 or (chosen is not None and holder.inst is not chosen):
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
