"""Every method by its name, and one call from envelope to envelope."""
import hours
import orders as od
from calls_account import (
    adl_preview, change_account_leverage, change_leverage, change_settings, create_withdrawal, get_book,
    get_positions, isolated_limits, margin_transfer, subaccount_transfer, user_balance)
from calls_operator import OPERATOR
from calls_orders import (
    amend_order, amend_trigger, cancel_all, cancel_list, cancel_order, cancel_order_list, close_position,
    create_list, create_order, create_order_list, get_open_orders, get_order_detail, preview)
from money import Refused, forget, show
from params import NAMES, TYPES, Params

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
