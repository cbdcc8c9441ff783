"""cli.md section 4 and api.md section 2: how the state is shown."""
import liquidation
import margin
from money import E8, show, up


def price_text(inst, price):
    return show(price, inst.pd)


def per_unit(value, qty, qd):
    """A value divided by a quantity, 8 decimals, toward zero."""
    return show(abs(value) * 10**qd // abs(qty)) if qty else show(0)


def position_row(w, holder):
    inst = holder.inst
    mark = inst.mark or 0
    value = holder.q * mark * inst.k
    row = {
        "account_id": holder.account.uuid,
        "instrument_name": inst.name,
        "type": "PERPETUAL_SWAP",
        "quantity": show(holder.q, inst.qd),
        "cost": show(holder.c),
        "open_pos_cost": show(holder.c0),
        "open_position_pnl": show(value - holder.c0),
        "session_pnl": show(value - holder.c),
        "session_unrealized_pnl": show(value - holder.c),
        "average_price": per_unit(holder.c0, holder.q, inst.qd),
        "mark_price": price_text(inst, mark),
    }
    if holder.isolated:
        row.update(isolation_fields(w, holder))
    else:
        row["adl_rank"] = rank_text(w, holder)
        row["is_liquidating"] = holder.account.liquidating
    return row


def rank_text(w, holder):
    place = liquidation.rank(w, holder)
    return str(place) if place else ""


def liquidation_text(w, iso):
    taker = w.taker_rate(iso.account, iso.inst)
    price = margin.liquidation_price(iso.inst, taker, iso.q, iso.c, w.wallet(iso))
    return price_text(iso.inst, price) if price > 0 else ""


def bankruptcy_text(w, iso):
    taker = w.taker_rate(iso.account, iso.inst)
    price = margin.bankruptcy_price(iso.inst, taker, iso.q, iso.c, w.wallet(iso))
    return price_text(iso.inst, price) if price > 0 else ""


def isolation_fields(w, iso):
    look = w.look(iso)
    equity = look.w + look.u
    return {
        "isolation_id": str(iso.number),
        "isolation_type": "ISOLATED_MARGIN",
        "leverage": str(iso.leverage),
        "isolated_cash_balance": show(look.w),
        "isolated_margin_balance": show(look.mb),
        "initial_margin": show(look.im),
        "maintenance_margin": show(look.mm),
        "fee_reserve": show(look.fr),
        "opening_loss": show(look.ol),
        "available_margin": show(look.a),
        "max_removable_margin": show(w.removable(iso)),
        "liquidation_price": liquidation_text(w, iso),
        "bankruptcy_price": bankruptcy_text(w, iso),
        "margin_ratio": show(up(look.required * E8, equity)) if equity > 0 else "",
        "max_loss": show(iso.put_in - iso.taken_out),
        "position_limit": show(iso.leverage * look.mb),
        "total_session_realized_pnl": show(iso.session_realised),
        "adl_rank": rank_text(w, iso),
        "is_liquidating": iso.liquidating,
    }


def isolation_row(w, iso):
    look = w.look(iso)
    row = position_row(w, iso)
    del row["account_id"], row["type"], row["session_unrealized_pnl"]
    row.update({
        "total_cash_balance": show(look.w),
        "total_session_unrealized_pnl": show(look.u),
        "total_position_cost": show(abs(iso.q) * (iso.inst.mark or 0) * iso.inst.k),
        "total_margin_balance": show(look.mb),
        "total_initial_margin": show(look.im),
        "total_maintenance_margin": show(look.mm),
        "total_available_balance": show(max(0, look.a)),
        "max_withdrawal_balance": show(w.removable(iso)),
        "position_balances": [{"instrument_name": "USD", "quantity": show(look.w),
                               "max_withdrawal_balance": show(w.removable(iso))}],
    })
    return row


def withdrawable(w, account):
    if liquidation.account_frozen(w, account):
        return 0
    return max(0, min(w.main(account).available, w.cash(account)))


def balance_row(w, account):
    look = w.main(account)
    isolations = w.isolations_of(account)
    balances = []
    for currency in w.currencies.values():
        have = w.cash(account, currency.name)
        if currency.kind == "USD":
            balances.append({"instrument_name": "USD", "quantity": show(have),
                             "max_withdrawal_balance": show(withdrawable(w, account))})
        elif currency.kind == "COLLATERAL" and have:
            balances.append({"instrument_name": currency.name, "quantity": show(have)})
    return {
        "instrument_name": "USD",
        "total_available_balance": show(look.available),
        "total_margin_balance": show(look.mb),
        "total_initial_margin": show(look.im),
        "total_position_im": show(look.position_im),
        "total_haircut": show(look.haircut),
        "total_maintenance_margin": show(look.mm),
        "total_position_cost": show(look.value),
        "total_cash_balance": show(w.cash(account)),
        "total_collateral_value": show(look.collateral),
        "total_session_unrealized_pnl": show(look.u),
        "total_session_realized_pnl": show(sum(holder.session_realised for holder in w.crosses_of(account))),
        "is_liquidating": account.liquidating,
        "total_isolated_cash_balance": show(sum(w.wallet(iso) for iso in isolations)),
        "position_balances": balances,
        "isolated_positions": [isolation_row(w, iso) for iso in sorted(isolations, key=lambda i: i.inst.number)],
    }


def order_row(order, advanced):
    inst, holder = order.inst, order.holder
    row = {
        "account_id": order.account.uuid,
        "order_id": str(order.number),
        "client_oid": order.client_oid,
        "order_type": order.type,
        "time_in_force": order.tif,
        "side": "BUY" if order.side > 0 else "SELL",
        "exec_inst": list(order.exec_inst),
        "quantity": show(order.qty, inst.qd),
        "limit_price": price_text(inst, order.price),
        "avg_price": per_unit(order.value, order.filled, inst.qd),
        "cumulative_quantity": show(order.filled, inst.qd),
        "cumulative_value": show(order.value),
        "cumulative_fee": show(order.fee),
        "status": order.status,
        "instrument_name": inst.name,
    }
    if order.reason:
        row["reason"] = order.reason
    if holder.isolated:
        row["isolation_id"] = str(holder.number)
        row["isolation_type"] = "ISOLATED_MARGIN"
    if order.trigger:
        row["ref_price"] = price_text(inst, order.ref_price)
        row["ref_price_type"] = order.ref_type
    if advanced and order.list is not None:
        row["list_id"] = str(order.list.number)
        row["contingency_type"] = order.list.kind
        row["leg_id"] = str(order.leg)
    return row


def order_answer(order):
    answer = {"client_oid": order.client_oid, "order_id": str(order.number)}
    if order.holder.isolated:
        answer["isolation_id"] = str(order.holder.number)
    answer["status"] = order.status
    answer["cumulative_quantity"] = show(order.filled, order.inst.qd)
    answer["avg_price"] = per_unit(order.value, order.filled, order.inst.qd)
    if order.reason:
        answer["reason"] = order.reason
    return answer


def book_side(inst, side, depth):
    levels = []
    for order in inst.book(side):
        if levels and levels[-1][0] == order.price:
            levels[-1][1] += order.leaves
            levels[-1][2] += 1
        elif len(levels) < depth:
            levels.append([order.price, order.leaves, 1])
        else:
            break
    return [[price_text(inst, p), show(q, inst.qd), str(n)] for p, q, n in levels]


def isolation_answer(w, iso):
    look = w.look(iso)
    return {
        "isolation_id": str(iso.number),
        "isolated_cash_balance": show(look.w),
        "isolated_margin_balance": show(look.mb),
        "leverage": str(iso.leverage),
        "liquidation_price": liquidation_text(w, iso),
        "max_removable_margin": show(w.removable(iso)),
        "total_available_balance": show(w.main(iso.account).available),
        "main_available_balance": show(w.main(iso.account).available),
    }


def house(w):
    answer = {name: show(w.balance(name)) for name in ("WORLD", "FEES", "INSURANCE", "ROUNDING", "WITHDRAWALS")}
    answer["CLEARING"] = {inst.name: show(w.balance("CLEARING", inst.number)) for inst in w.instruments}
    answer["fund_equity"] = show(w.balance("INSURANCE") + sum(
        h.q * h.inst.mark * h.inst.k - h.c for h in w.crosses_of(w.fund) if h.inst.mark))
    others = {}
    for currency in w.currencies.values():
        if currency.kind == "COLLATERAL":
            others[currency.name] = {name: show(w.balance(name, None, currency.name))
                                     for name in ("WORLD", "FEES", "INSURANCE", "ROUNDING", "WITHDRAWALS")}
    if others:
        answer["currencies"] = others
    return answer


def invariants(w):
    rows = []
    total = {}
    for (_, _, currency), amount in w.money.items():
        total[currency] = total.get(currency, 0) + amount
    rows.append(("I1", sum(abs(v) for v in total.values())))
    everybody = list(w.crosses.values()) + list(w.isolations.values())
    rows.append(("I2", sum(abs(sum(h.q for h in everybody if h.inst is i)) for i in w.instruments)))
    rows.append(("I3", sum(abs(w.balance("CLEARING", i.number) + sum(h.c for h in everybody if h.inst is i))
                           for i in w.instruments)))
    pairs = [(iso.account.number, iso.inst.number) for iso in w.isolations.values()]
    live = {iso.number for iso in w.isolations.values()}
    dead = sum(abs(v) for (kind, owner, _), v in w.money.items() if kind == "ISOLATED" and owner not in live)
    rows.append(("I5", len(pairs) - len(set(pairs)) + dead))
    crossed = [i for i in w.instruments if i.bids and i.asks and i.bids[0].price >= i.asks[0].price]
    rows.append(("crossed books", len(crossed)))
    empty = [iso for iso in w.isolations.values() if not iso.q and not any(not o.reduce_only for o in iso.orders)]
    rows.append(("empty isolations", len(empty)))
    return {"ok": all(v == 0 for _, v in rows),
            "invariants": [{"name": n, "residual": str(v), "ok": v == 0} for n, v in rows]}
