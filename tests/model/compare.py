#!/usr/bin/env python3
"""Runs random scripts through the real program and through the naive model and compares every answer.

    compare.py [--program CMD] [--calls N] [--seed N] [--length N] [--jobs N] [--by-value] [--keep DIR]
    compare.py --script FILE [--shrink]
    compare.py --self            without a program: coverage of the generator alone

Every answer is compared letter by letter (--by-value: decimal strings by value). Prints the first disagreements with a
little context, then what was covered. Exit status 1 on a disagreement or when something that must occur did not.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

import generate
from model import ScriptError, Session

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DECIMAL = re.compile(r"^-?\d+(\.\d+)?$")
REF = re.compile(r'"@(\d+)\.')

# Fields of the program's answers that the model does not have.
NOT_MODELLED = set("""account_id update_user_id order_date fee_instrument_name create_time update_time create_time_ns
    order_value maker_fee_rate taker_fee_rate leverage isolated_margin_amount attach_order_id attach_isolation_id
    update_timestamp_ms pos_initial_margin pos_maintenance_margin market_value target_leverage
    effective_leverage required_topup_for_leverage total_effective_leverage position_limit used_position_limit
    collateral_eligible haircut collateral_amount max_withdrawal_balance reserved_qty hourly_interest_rate
    total_position_im total_haircut total_collateral_value
    initial_margin maintenance_margin fee_reserve liquidation_price bankruptcy_price adl_rank
    is_liquidating journal_id u t fee network_id client_wid amount symbol currency address id required_margin""".split())

MUST = """
    order LIMIT cross|order LIMIT isolated|order MARKET cross|order MARKET isolated|order STOP_LOSS cross
    order STOP_LOSS isolated|order STOP_LIMIT cross|order STOP_LIMIT isolated|order TAKE_PROFIT cross
    order TAKE_PROFIT isolated|order TAKE_PROFIT_LIMIT cross|order TAKE_PROFIT_LIMIT isolated
    order with POST_ONLY|order with SMART_POST_ONLY|order with REDUCE_ONLY|order with ISOLATED_MARGIN
    order with IMMEDIATE_OR_CANCEL|order with FILL_OR_KILL|order with isolated_margin_amount
    order outcome ACTIVE|order outcome FILLED|order outcome CANCELED|order outcome PENDING
    list OCO|list OTO|list OTOCO|call amend cross|call amend isolated|call cancel cross|call cancel isolated
    call cancel-all|call cancel list|call close-position cross|call close-position isolated|call create-order-list
    call cancel-order-list|call credit|call debit|call leverage up|call leverage down|call leverage with add_margin
    call withdrawal|call subaccount transfer|event withdrawal approved|event withdrawal rejected
    event fill cross|event fill isolated|event partial close cross|event partial close isolated|event close cross
    event close isolated|event flip cross|event flip isolated|event maker rebate|event order transfer
    event isolation closed to zero|event sweep down to resting orders|event reduce-only order with nothing left
    event smart post-only repriced|event self-trade prevention M|event self-trade prevention T
    event self-trade prevention B|event rest cancelled 304|event rest cancelled 306|event rest cancelled 606
    event rest cancelled 43012|event rest cancelled 43004|event rest cancelled 1110|event rest cancelled 224
    event fired STOP_LOSS|event fired STOP_LIMIT|event fired TAKE_PROFIT|event fired TAKE_PROFIT_LIMIT
    event fired into a refusal|event list leg armed|event list leg dropped|event list leg cancelled by the other's fill
    event funding settled|event session settled|event session settlement skipped|event hour|event socialised loss
    event instrument settled
    event liquidation started isolated|event liquidation recovered isolated|event liquidation recovered isolated flat
    event liquidation closed in book isolated|event liquidation partly sold isolated
    event liquidation taken over isolated|event liquidation deleveraged isolated
    event liquidation nobody left isolated|event liquidation passes over an own order|event residual returned
    event liquidation started cross|event liquidation recovered cross|event liquidation slice
    event liquidation slice sold|event liquidation taken over cross|event liquidation deleveraged cross
    event liquidation stopped when healthy cross|event liquidation to the end cross
    event deleveraged isolated|event deleveraged cross|event uncovered loss isolated|event uncovered loss cross
    refusal 40002|refusal 40003|refusal 40004|refusal 40401|refusal 202|refusal 203|refusal 211|refusal 209
    refusal 208|refusal 309|refusal 623|refusal 619|refusal 220|refusal 218|refusal 221|refusal 219|refusal 230
    refusal 229|refusal 213|refusal 308|refusal 415|refusal 314|refusal 204|refusal 617|refusal 613|refusal 226
    refusal 316|refusal 212|refusal 201|refusal 216|refusal 207|refusal 1110|refusal 222|refusal 43005|refusal 312|refusal 313
    refusal 315|refusal 224|refusal 606|refusal 43004|refusal 43003|refusal 319|refusal 301|refusal 306|refusal 304
    refusal 43012|refusal 310|refusal 30024|refusal 206|refusal 212|refusal 215|refusal 318|refusal 401|refusal 614
"""
MUST = [name.strip() for name in MUST.replace("\n", "|").split("|") if name.strip()]


# Codes that a random script cannot be answered with, each with the reason and where it is tried instead.
EXEMPT = {
    0: "no refusal", 50001: "a bound of the installation: tests/unit", 605: "reserved: no call leads there (tests/unit/test_tables.c)",
    311: "a script's liquidation is over before its next call (tests/unit); orders that one cancels have it as their reason",
    307: "attach_order_id is not modelled (tests/scenario/methods/rare-refusals.jsonl)",
    317: "attach_isolation_id is not modelled (tests/scenario/methods/attached-triggers.jsonl)",
    40001: "a line that is not JSON ends a script; the wire: tests/api/codes.test.ts",
    40005: "time ranges are of history and market data, which are not modelled (tests/scenario/methods/rare-refusals.jsonl)",
    **{code: "the wire's: keys, nonces, rates, connections, phases (tests/api/codes.test.ts, tests/server)"
       for code in (40006, 40107, 40801, 42901, 40101, 40102, 40103, 40104, 411, 9010001)},
}


def unaccounted():
    """Codes of the published table that are neither demanded nor exempt, and exemptions that are wrong."""
    with open(os.path.join(ROOT, "engine/errors.def"), encoding="utf-8") as handle:
        table = {int(code) for code in re.findall(r"^RF_ERROR\(\w+, (\d+),", handle.read(), re.M)}
    demanded = {int(name.split()[1]) for name in MUST if name.startswith("refusal ")}
    return sorted((table ^ demanded ^ set(EXEMPT)) | (demanded & set(EXEMPT)))


# ---- Comparing ---------------------------------------------------------------------------------------


def same_decimal(a, b):
    if not (DECIMAL.match(a) and DECIMAL.match(b)):
        return False
    size = max(len(x.partition(".")[2]) for x in (a, b))

    def whole(x):
        sign = -1 if x.startswith("-") else 1
        left, _, right = x.lstrip("-").partition(".")
        return sign * int(left + right.ljust(size, "0"))

    return whole(a) == whole(b)


def differs(model, program, strict, path="result"):
    """None, or (path, the model's value, the program's)"""
    if isinstance(model, dict) and isinstance(program, dict):
        for key, value in model.items():
            if key == "account_id":
                continue
            if key not in program:
                return f"{path}.{key}", value, "(absent)"
            found = differs(value, program[key], strict, f"{path}.{key}")
            if found:
                return found
        for key, value in program.items():
            if key not in model and key not in NOT_MODELLED:
                return f"{path}.{key}", "(absent)", value
        return None
    if isinstance(model, list) and isinstance(program, list):
        if path.endswith("exec_inst"):
            return None if sorted(model) == sorted(program) else (path, model, program)
        if len(model) != len(program):
            return path + " (length)", model, program
        for index, (a, b) in enumerate(zip(model, program)):
            found = differs(a, b, strict, f"{path}.{index}")
            if found:
                return found
        return None
    if isinstance(model, str) and isinstance(program, str) and not strict and same_decimal(model, program):
        return None
    return None if model == program and type(model) is type(program) else (path, model, program)


def answers_differ(model, program, strict):
    if program is None:
        return "answer", model, "(none)"
    if model["code"] != program.get("code"):
        return "code", model["code"], program.get("code")
    if model["code"]:
        if model.get("message") != program.get("message"):
            return "message", model.get("message"), program.get("message")
        mine = (model.get("error_data") or {}).get("required_margin")
        its = (program.get("error_data") or {}).get("required_margin")
        if mine is not None or (its is not None and model["method"] == "private/create-order"):
            return differs(mine, its, strict, "error_data.required_margin")
        return None
    a, b = model.get("result"), program.get("result")
    if not a and not b:
        return None
    method = model["method"]
    if method.startswith("operator/") and not method.startswith("operator/get-"):
        keys = {"check-invariants": ["ok"]}.get(method[9:], [])
        return differs({k: a.get(k) for k in keys}, {k: (b or {}).get(k) for k in keys}, strict)
    if method == "private/x/preview-order":
        keys = [k for k in ("accepted", "required_margin") if k in a]
        return differs({k: a[k] for k in keys}, {k: b.get(k) for k in keys}, strict)
    if method == "private/x/isolated-limits":
        return differs(a, {k: b.get(k) for k in a}, strict)
    return differs(a, b, strict)


class Disagreement:
    def __init__(self, path, line, text, where, model, program):
        self.path, self.line, self.text, self.where, self.model, self.program = path, line, text, where, model, program

    def signature(self):
        return json.loads(self.text)["method"], re.sub(r"\d+", "N", self.where[0]), self.model["code"], (self.program or {}).get("code")

    def show(self):
        where, mine, its = self.where
        print(f"DISAGREE {self.path} line {self.line}: {where}: model {brief(mine)} program {brief(its)}")
        print("   call    " + brief(self.text))
        print("   model   " + brief(self.model))
        print("   program " + brief(self.program))


def brief(value):
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text if len(text) < 1200 else text[:1200] + "..."


def run_program(program, path):
    """-> {line: answer}, complaint"""
    done = subprocess.run(program + [path], capture_output=True, text=True, cwd=ROOT, timeout=300)
    answers = {}
    for text in done.stdout.splitlines():
        try:
            answer = json.loads(text)
        except ValueError:
            return answers, "not JSON: " + text[:200]
        answers[answer.get("id")] = answer
    complaint = "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr.strip()[-600:]}"
    return answers, complaint


def first_disagreement(lines, model_answers, program, path, strict):
    answers, complaint = run_program(program, path)
    for number, (text, mine) in enumerate(zip(lines, model_answers), 1):
        if mine is None:
            continue
        where = answers_differ(mine, answers.get(number), strict)
        if where:
            if number not in answers and complaint:
                where = (complaint, where[1], where[2])
            return Disagreement(path, number, text, where, mine, answers.get(number))
    return None


def model_answers(lines):
    session = Session()
    found = []
    for number, text in enumerate(lines, 1):
        found.append(session.line(number, text))
    return found, session


# ---- Shrinking ------------------------------------------------------------------------------------------


def with_times(lines):
    """Every line says its time, so that leaving lines out moves no other line in time."""
    now, out = 0, []
    for text in lines:
        if text.startswith("#"):
            out.append(text)
            continue
        step = json.loads(text)
        now = step.pop("t", now)
        out.append(json.dumps({"t": now, **step}, separators=(",", ":")))
    return out


def without(lines, gone):
    """Comments in place of these lines and of all that refer to them."""
    out = []
    gone = set(gone)
    for number, text in enumerate(lines, 1):
        if number not in gone and any(int(ref) in gone for ref in REF.findall(text)):
            gone.add(number)
        out.append("#" if number in gone else text)
    return out


def shrink(lines, program, strict, first):
    lines = with_times(lines[:first.line])
    folder = tempfile.mkdtemp(prefix="shrink-")
    path = os.path.join(folder, "script.jsonl")
    best = None

    def persists(candidate):
        nonlocal best
        with open(path, "w", encoding="utf-8") as handle:
            handle.write("\n".join(candidate) + "\n")
        try:
            mine, _ = model_answers(candidate)
        except ScriptError:
            return False
        found = first_disagreement(candidate, mine, program, path, strict)
        if found is None or found.signature() != first.signature():
            return False
        best = found
        return True

    if not persists(lines):
        return lines, first
    size = max(1, len(lines) // 2)
    while size:
        index = 0
        while True:
            live = [n for n, text in enumerate(lines, 1) if not text.startswith("#")]
            part = live[index:index + size]
            if not part:
                break
            candidate = without(lines, part)
            if persists(candidate):
                lines = candidate[:best.line]
            else:
                index += size
        size //= 2
    persists(lines)
    return lines, best


# ---- The run -----------------------------------------------------------------------------------------------


def one(job):
    seed, length, program, strict, keep = job
    script = generate.make(seed, length)
    path = os.path.join(keep, f"seed-{seed}.jsonl")
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("\n".join(script.lines) + "\n")
    found = first_disagreement(script.lines, script.answers, program, path, strict) if program else None
    bad = [n for n, a in enumerate(script.answers, 1)
           if a and a["method"] == "operator/check-invariants" and not a["result"]["ok"]]
    if found is None and not bad:
        os.remove(path)
    return found, script.calls, dict(script.w.seen), [(path, n) for n in bad]


def table(seen):
    missing = [name for name in MUST if not seen.get(name)]
    print("WHAT WAS COVERED (counted by the model)")
    for name in sorted(seen):
        print(f"{seen[name]:9d}  {name}")
    for name in missing:
        print(f"{0:9d}  {name}   MUST OCCUR")
    return missing


def main():
    ap = argparse.ArgumentParser(description="Compares the program with the naive model.")
    ap.add_argument("--program", default="build/ringfence replay")
    ap.add_argument("--calls", type=int, default=100000)
    ap.add_argument("--length", type=int, default=800, help="calls of one script")
    ap.add_argument("--seed", type=int, default=1, help="the first script's seed")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--by-value", action="store_false", dest="strict", help="compare decimals by value, not by letter")
    ap.add_argument("--keep", help="folder for the scripts that disagree")
    ap.add_argument("--show", type=int, default=1, help="how many disagreements to print")
    ap.add_argument("--self", action="store_true", dest="alone", help="no program, coverage only")
    ap.add_argument("--shrink", action="store_true", help="shorten the first script that disagrees")
    ap.add_argument("--partial", action="store_true", help="rows of the table may be empty: a short run")
    ap.add_argument("--script", help="compare this script instead")
    args = ap.parse_args()
    program = None if args.alone else shlex.split(args.program)
    if args.script:
        with open(args.script, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
        mine, _ = model_answers(lines)
        found = first_disagreement(lines, mine, program, os.path.abspath(args.script), args.strict)
        return report(found, lines, program, args)
    if unaccounted():
        sys.exit(f"compare: codes of engine/errors.def that are neither in MUST nor exempt, or both: {unaccounted()}")
    keep = args.keep or tempfile.mkdtemp(prefix="compare-")
    os.makedirs(keep, exist_ok=True)
    scripts = max(1, -(-args.calls // args.length))
    jobs = [(args.seed + n, args.length, program, args.strict, os.path.abspath(keep)) for n in range(scripts)]
    seen, calls, found, broken = collections.Counter(), 0, [], []
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for disagreement, count, covered, bad in pool.map(one, jobs):
            calls += count
            seen.update(covered)
            broken += bad
            if disagreement:
                found.append(disagreement)
                if len(found) <= args.show:
                    disagreement.show()
                    sys.stdout.flush()
    missing = table(seen)
    kinds = collections.Counter(d.signature() for d in found)
    for kind, times in kinds.most_common():
        print(f"DISAGREED {times} scripts: {kind}")
    for path, number in broken:
        print(f"MODEL BROKEN {path} line {number}: its own invariants do not hold")
    print(f"scripts={scripts} calls={calls} disagreeing_scripts={len(found)} missing={len(missing)}")
    if found and args.shrink:
        with open(found[0].path, encoding="utf-8") as handle:
            report(found[0], handle.read().splitlines(), program, args)
    return 1 if found or (missing and not args.partial) or broken else 0


def report(found, lines, program, args):
    if found is None:
        print("agree")
        return 0
    found.show()
    if args.shrink:
        lines, found = shrink(lines, program, args.strict, found)
        print(f"SHRUNK to {sum(not t.startswith('#') for t in lines)} calls: {found.path}")
        for number, text in enumerate(lines, 1):
            if not text.startswith("#"):
                print(f"{number:5d} {text}")
        found.show()
    return 1


if __name__ == "__main__":
    sys.exit(main())
