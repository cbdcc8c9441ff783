#!/usr/bin/env python3
"""The life of an isolated position, with nothing but Python's standard library.

    RINGFENCE_API_KEY=... RINGFENCE_API_SECRET=... python3 examples/python/isolated.py
"""
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("RINGFENCE_URL", "http://127.0.0.1:8080") + "/exchange/v1/"
KEY = os.environ.get("RINGFENCE_API_KEY")
SECRET = os.environ.get("RINGFENCE_API_SECRET")
if not KEY or not SECRET:
    sys.exit("set RINGFENCE_API_KEY and RINGFENCE_API_SECRET: `ringfence serve --sandbox` prints them")


class Refused(Exception):
    """The server said no; .code says why (docs/api.md)."""

    def __init__(self, answer):
        self.code = answer["code"]
        super().__init__(f"{answer['method']}: {answer['code']} {answer.get('message')} {answer.get('error_data', '')}")


def flatten(value):
    """The parameters as one text: keys in alphabetical order, each before its value. Numbers go as strings, so that
    nobody has to agree on how a float is written."""
    if isinstance(value, dict):
        return "".join(key + flatten(value[key]) for key in sorted(value))
    if isinstance(value, list):
        return "".join(flatten(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


last_nonce = 0


def call(method, **params):
    global last_nonce
    nonce = last_nonce = max(int(time.time() * 1000), last_nonce + 1)  # two calls in one millisecond are two calls
    payload = f"{method}{nonce}{KEY}{flatten(params)}{nonce}"
    sig = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    body = {"id": nonce, "method": method, "params": params, "api_key": KEY, "nonce": nonce, "sig": sig}
    request = urllib.request.Request(URL + method, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:  # a refusal has an HTTP status of its own, and a body like any answer
        answer = json.load(error)
    if answer["code"] != 0:
        raise Refused(answer)
    return answer.get("result")


def get(method, **query):
    with urllib.request.urlopen(URL + method + "?" + urllib.parse.urlencode(query), timeout=10) as response:
        return json.load(response)["result"]


def main():
    symbol = "BTCUSD-PERP"
    book = get("public/get-book", instrument_name=symbol, depth=1)["data"][0]
    print(f"best bid {book['bids'][0][0]}, best ask {book['asks'][0][0]}")

    order = call("private/create-order", instrument_name=symbol, side="BUY", type="MARKET", quantity="0.01",
                 exec_inst=["ISOLATED_MARGIN"], leverage="10")
    isolation = order["isolation_id"]
    print(f"isolation {isolation}: {order['status']} {order['cumulative_quantity']} at {order['avg_price']}")

    added = call("private/create-isolated-margin-transfer", isolation_id=isolation, direction="CREDIT", amount="20")
    print(f"added 20: margin {added['isolated_margin_balance']}, liquidation at {added['liquidation_price']}")

    try:
        call("private/create-isolated-margin-transfer", isolation_id=isolation, direction="DEBIT", amount="5000")
    except Refused as refusal:
        print(f"taking out 5000 is refused: {refusal}")

    for _ in range(3):
        rows = call("private/get-positions", isolation_id=isolation)["data"]
        if not rows:
            print("liquidated: all it could lose was what was put in")
            return
        row = rows[0]
        print(f"mark {row['mark_price']}, liquidation at {row['liquidation_price']}, margin ratio {row['margin_ratio']}")
        time.sleep(0.5)

    call("private/close-position", instrument_name=symbol, type="MARKET", isolation_id=isolation)
    print("closed")


if __name__ == "__main__":
    try:
        main()
    except Refused as refused:
        hint = "There is an isolated position on this market already: close it first." if refused.code == 617 else ""
        raise SystemExit(f"{refused}\n{hint}".rstrip())
