#!/usr/bin/env python3
"""What a preview or a limit promises must be what the next call is answered.

    promises.py [--program CMD] [--calls N] [--seed N]

Plays random scripts (generate.py) through the program and, on the way,
  - previews orders just before they are placed: accepted or not, the code, the fills, and for an isolated order the
    position, its liquidation price and its money afterwards;
  - asks a preview for the largest order: that much is accepted, one lot more is not;
  - asks isolated-limits and does it: removes the maximum, takes the smallest leverage, a leverage with the margin it
    says is needed, a liquidation price with the transfer it says.
Prints how often each was put to the test; exit status 1 on a broken promise or one that was never tested.
"""
import argparse, collections, decimal, json, os, random, re, shlex, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import generate

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REF = re.compile(r'"@(\d+)\.')
D = decimal.Decimal
STANDS_ABOVE = (202, 208, 222, 311)  # suspended, state, stale, liquidation: what no limit speaks of


class Player:
    """The program behind a pipe: one call, one answer."""

    def __init__(self, program):
        self.process = subprocess.Popen(program + ["-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.lines = 0
        self.place = {}

    def call(self, text):
        self.lines += 1
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def moved(self, text):
        """A line of the original script: its references move along."""
        return REF.sub(lambda m: '"@%d.' % self.place.get(int(m[1]), int(m[1])), text)

    def play(self, number, text):
        answer = self.call(self.moved(text))
        self.place[number] = self.lines
        return answer

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


class Promises:
    def __init__(self, player, dice):
        self.player, self.dice = player, dice
        self.tested, self.broken = collections.Counter(), []
        self.lots = {}

    def ask(self, account, method, **params):
        return self.player.call(json.dumps({"as": account, "method": method, "params": params}))

    def hold(self, what, fine, *told):
        self.tested[what] += 1
        if not fine:
            self.broken.append("%s: %s" % (what, " | ".join(json.dumps(t)[:420] for t in told)))

    def isolations(self, account):
        return self.ask(account, "private/user-balance").get("result", {}).get("data", [{}])[0].get("isolated_positions", [])

    def isolation(self, account, isolation_id):
        return next((row for row in self.isolations(account) if row["isolation_id"] == isolation_id), None)

    # ---- orders

    def order(self, number, text, call):
        preview = self.player.call(self.player.moved(text.replace('"private/create-order"', '"private/x/preview-order"')))
        if preview["code"] == 0:
            self.largest(call, preview["result"])
        answer = self.player.play(number, text)
        if preview["code"] != 0:
            self.hold("a preview that is refused", preview["code"] == answer["code"], call, preview, answer)
            return answer
        said = preview["result"]
        self.hold("accepted or refused", said["accepted"] == (answer["code"] == 0) and
                  (said["accepted"] or said["code"] == answer["code"]), call, preview, answer)
        if said["accepted"] and answer["code"] == 0 and call["params"].get("type") in ("LIMIT", "MARKET"):
            done = answer["result"]
            self.hold("fills", D(said["fill"]["quantity"]) == D(done["cumulative_quantity"]) and
                      D(said["fill"]["avg_price"]) == D(done["avg_price"]), call, preview, answer)
            self.after(call, said, done)
        elif answer["code"] == 306 and "required_margin" in answer.get("error_data", {}):
            self.hold("required margin of a refusal", D(said["required_margin"]) == D(answer["error_data"]["required_margin"]),
                      call, preview, answer)
        return answer

    def after(self, call, said, done):
        row = self.isolation(call["as"], done["isolation_id"]) if "isolation_id" in done else None
        # Where the order set off more than itself (a liquidation, a trigger, a sweep) the position has moved on.
        if row is None or D(row["quantity"]) != D(said["position_after"]["quantity"]) or D(row["quantity"]) == 0:
            return
        self.hold("liquidation price after", row["liquidation_price"] == said["liquidation_price"], call, said, row)
        self.hold("most it can lose", D(row["max_loss"]) == D(said["max_loss"]), call, said, row)

    def largest(self, call, said):
        params = call["params"]
        most, lot = D(said["max_order_quantity"]), self.lots.get(params.get("instrument_name"))
        if lot is None or params.get("type") != "LIMIT" or params.get("time_in_force", "GOOD_TILL_CANCEL") != "GOOD_TILL_CANCEL":
            return
        if any(isinstance(v, str) and v.startswith("@") for v in params.values()) or most == 0:
            return
        there = self.ask(call["as"], "private/x/preview-order", **dict(params, quantity=str(most)))
        more = self.ask(call["as"], "private/x/preview-order", **dict(params, quantity=str(most + lot)))
        if there.get("code") == 0 and more.get("code") == 0 and there["result"]["code"] != 204:
            self.hold("the largest order", there["result"]["accepted"] and not more["result"]["accepted"], call, said, there, more)

    # ---- limits of an isolation

    def limits(self, account):
        rows = [row for row in self.isolations(account) if row["quantity"] and D(row["quantity"]) != 0]
        if not rows:
            return
        row = self.dice.choice(rows)
        self.dice.choice((self.remove, self.smallest, self.lower, self.price))(account, row)

    def query(self, account, row, **target):
        answer = self.ask(account, "private/x/isolated-limits", isolation_id=row["isolation_id"], **target)
        return answer["result"] if answer["code"] == 0 else None

    def remove(self, account, row):
        said = self.query(account, row)
        if said is None or D(said["max_removable"]) == 0:
            return
        answer = self.ask(account, "private/create-isolated-margin-transfer", isolation_id=row["isolation_id"],
                          direction="DEBIT", amount=said["max_removable"])
        if answer["code"] in STANDS_ABOVE:
            return
        self.hold("the maximum can be removed", answer["code"] == 0, said, answer)

    def leverage(self, account, row, leverage, **more):
        return self.ask(account, "private/change-isolated-margin-leverage", isolation_id=row["isolation_id"],
                        leverage=str(leverage), **more)

    def smallest(self, account, row):
        said = self.query(account, row)
        if said is None:
            return
        answer = self.leverage(account, row, said["min_leverage"])
        if answer["code"] in STANDS_ABOVE:
            return
        self.hold("the smallest leverage is accepted", answer["code"] == 0, said, answer)
        if int(said["min_leverage"]) > 1:
            answer = self.leverage(account, row, int(said["min_leverage"]) - 1)
            self.hold("a smaller one needs money", answer["code"] == 306, said, answer)

    def lower(self, account, row):
        target = max(1, int(row["leverage"]) // 2)
        said = self.query(account, row, leverage=str(target))
        if said is None or D(said["topup_needed"]) == 0:
            return
        answer = self.leverage(account, row, target, add_margin=said["topup_needed"])
        poor = answer["code"] == 306 or answer["code"] in STANDS_ABOVE
        self.hold("a leverage with the margin it needs", answer["code"] == 0 or poor, said, answer)
        if answer["code"] == 0:
            self.hold("liquidation price after it", answer["result"]["liquidation_price"] == said["liquidation_price_after"],
                      said, answer)

    def price(self, account, row):
        if not row["liquidation_price"]:
            return
        target = (D(row["liquidation_price"]) + D(row["mark_price"])) / 2
        target = target.quantize(D(row["mark_price"]), rounding=decimal.ROUND_DOWN)
        said = self.query(account, row, liquidation_price=str(target))
        if said is None or not said["transfer_possible"] or D(said["topup_needed"]) == 0:
            return
        move = D(said["topup_needed"])
        answer = self.ask(account, "private/create-isolated-margin-transfer", isolation_id=row["isolation_id"],
                          direction="CREDIT" if move > 0 else "DEBIT", amount=str(abs(move)))
        if answer["code"] in STANDS_ABOVE:
            return
        self.hold("the transfer for a liquidation price", answer["code"] == 0, said, answer)
        if answer["code"] == 0:
            self.hold("that liquidation price", answer["result"]["liquidation_price"] == said["liquidation_price_after"],
                      said, answer)


MUST = ("accepted or refused", "fills", "liquidation price after", "most it can lose", "required margin of a refusal",
        "the largest order", "the maximum can be removed", "the smallest leverage is accepted", "a smaller one needs money",
        "a leverage with the margin it needs", "liquidation price after it", "the transfer for a liquidation price",
        "that liquidation price")


def run(seed, calls, program):
    dice = random.Random(seed)
    player = Player(program)
    promises = Promises(player, dice)
    for number, text in enumerate(generate.make(seed, calls).lines, 1):
        try:
            call = json.loads(text)
        except ValueError:
            continue  # a comment
        method, params = call.get("method"), call.get("params")
        if method == "operator/create-instrument" and "qty_tick_size" in (params or {}):
            promises.lots[params["instrument_name"]] = D(params["qty_tick_size"])
        if method == "private/create-order" and isinstance(params, dict):
            promises.order(number, text, call)
            if dice.random() < 0.3:
                promises.limits(call.get("as"))
        else:
            player.play(number, text)
    status = player.end()
    if status != 0:
        promises.broken.append("the program ended with status %d" % status)
    return promises


def main():
    ap = argparse.ArgumentParser(description="Previews and limits against the next call.")
    ap.add_argument("--program", default="build/ringfence replay")
    ap.add_argument("--calls", type=int, default=20000)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    tested, broken = collections.Counter(), []
    for seed in range(args.seed, args.seed + max(1, args.calls // 800)):
        promises = run(seed, 800, shlex.split(args.program))
        tested += promises.tested
        broken += ["seed %d: %s" % (seed, text) for text in promises.broken]
    for what in sorted(set(tested) | set(MUST)):
        print("%8d  %s%s" % (tested[what], what, "   NEVER TESTED" if what in MUST and not tested[what] else ""))
    for text in broken[:10]:
        print("BROKEN", text)
    print("promises tested=%d broken=%d" % (sum(tested.values()), len(broken)))
    return 1 if broken or any(not tested[what] for what in MUST) else 0


if __name__ == "__main__":
    sys.exit(main())
