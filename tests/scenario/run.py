#!/usr/bin/env python3
"""Runs scenario scripts through a program that speaks the replay vocabulary and checks the answers.

    run.py [--program CMD] [--jobs N] [--events] [-q] [NAME ...]

NAME is a scenario file, a folder, or a name relative to this folder, with or without ".jsonl"; without a
name everything here runs. CMD gets the script's path as its last argument ("build/ringfence replay" by
default) and prints one answer envelope a line, id = the line's number.

A scenario is a replay script. Comment lines right after a call say what its answer must contain:
    #= {...}   the answer contains this object: objects by the keys given, arrays of the same length and
               element by element, strings literally or, when both are decimals, by value; null = absent
    #! {...}   the same, written for refusals
    #~ CHANNEL {...}   with --events only: a message on CHANNEL pushed by this call has a data row like this
A string "@12.isolation_id" inside an expectation is that field of line 12's result. A line before a call:
    #?         the next call may have any code (else a call without expectation must have code 0)
    #exit N    anywhere: the program must end with status N (default 0)
"""
import argparse, concurrent.futures, decimal, json, os, re, shlex, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REF = re.compile(r"^@(\d+)\.(.+)$")
DEC = re.compile(r"^-?\d+(\.\d+)?$")


def short(value):
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= 1500 else text[:1500] + "..."


def field(answers, ref):
    """The value a "@line.path" names, or the string itself."""
    match = REF.match(ref)
    if not match:
        return ref
    node = answers.get(int(match[1]), {}).get("result")
    for part in match[2].split("."):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return ref
    return node


def differs(want, got, answers, path=""):
    """None when `got` contains `want`, else the path of the first difference with both values."""
    if isinstance(want, str):
        want = field(answers, want)
    where = path or "answer"
    if isinstance(want, dict):
        if not isinstance(got, dict):
            return where, want, got
        for key, value in want.items():
            sub = differs(value, got.get(key), answers, f"{path}.{key}" if path else key)
            if sub:
                return sub
        return None
    if isinstance(want, list):
        if not isinstance(got, list):
            return where, want, got
        if len(want) != len(got):
            return where + " (length)", want, got
        for index, value in enumerate(want):
            sub = differs(value, got[index], answers, f"{path}.{index}" if path else str(index))
            if sub:
                return sub
        return None
    if isinstance(want, str) and isinstance(got, str):
        if want == got:
            return None
        if DEC.match(want) and DEC.match(got) and decimal.Decimal(want) == decimal.Decimal(got):
            return None
        return where, want, got
    if type(want) is not type(got) or want != got:
        return where, want, got
    return None


def parse(path):
    """-> [(line number, call or None, [(line, mark, expectation)], lenient)], expected exit status"""
    steps, status, lenient = [], 0, False
    with open(path, encoding="utf-8") as handle:
        for number, text in enumerate(handle, 1):
            text = text.rstrip("\n")
            if text[:3] in ("#= ", "#! ", "#~ "):
                if not steps:
                    raise ValueError(f"line {number}: expectation before any call")
                body, channel = text[3:], None
                if text[1] == "~":
                    channel, _, body = body.partition(" ")
                steps[-1][2].append((number, channel or text[1], json.loads(body or "{}")))
            elif text.startswith("#?"):
                lenient = True
            elif text.startswith("#exit "):
                status = int(text[6:])
            elif text and not text.startswith("#"):
                steps.append((number, text, [], lenient))
                lenient = False
    return steps, status


def run(path, program, events):
    """-> (failures, number of expectations checked)"""
    try:
        steps, status = parse(path)
    except ValueError as error:
        return [(0, "a readable scenario", str(error))], 0
    wanted = sum(len(step[2]) for step in steps) + (status != 0)
    if wanted == 0:
        return [(0, "at least one expectation", "none in the file")], 0
    command = program + (["--events"] if events else []) + [path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [(0, "a program that runs", str(error))], 0
    answers, pushed, last = {}, {}, 0
    for text in done.stdout.splitlines():
        if not text.strip():
            continue
        try:
            answer = json.loads(text)
        except ValueError:
            return [(last, "JSON answers", text[:200])], 0
        if answer.get("method") == "subscribe":
            pushed.setdefault(last, []).append(answer)
        else:
            last = answer.get("id", 0)
            answers[last] = answer
    failures, checked = [], 0
    if done.returncode != status:
        tail = done.stderr.strip().splitlines()[-1:] or [""]
        failures.append((last, f"exit status {status}", f"{done.returncode} {tail[0][:300]}"))
    elif status:
        checked += 1
    for number, _, expectations, lenient in steps:
        answer = answers.get(number)
        if answer is None:
            if expectations or status == 0:
                failures.append((number, "an answer", "none"))
            continue
        plain = [item for item in expectations if item[1] in "=!"]
        if not plain and not lenient and answer.get("code") != 0:
            failures.append((number, "code 0", short(answer)))
        for line, mark, want in expectations:
            if mark in "=!":
                checked += 1
                bad = differs(want, answer, answers)
                if bad:
                    failures.append((line, f"{bad[0]} = {short(bad[1])}", f"{short(bad[2])} in {short(answer)}"))
            elif events:
                checked += 1
                rows = []
                for push in pushed.get(number, []):
                    result = push.get("result") or {}
                    if mark in (result.get("channel"), result.get("subscription")):
                        rows += result.get("data") or []
                if not any(differs(want, row, answers) is None for row in rows):
                    failures.append((line, f"{mark} {short(want)}", short(rows)))
    return failures, checked


def find(names):
    found = []
    for name in names or [HERE]:
        for path in (name, name + ".jsonl", os.path.join(HERE, name), os.path.join(HERE, name + ".jsonl")):
            if os.path.isdir(path):
                for folder, _, files in os.walk(path):
                    found += [os.path.join(folder, f) for f in files if f.endswith(".jsonl")]
                break
            if os.path.isfile(path):
                found.append(path)
                break
        else:
            sys.exit(f"no scenario {name}")
    return sorted(set(os.path.abspath(path) for path in found))


def main():
    ap = argparse.ArgumentParser(description="Runs the scenarios of this folder.")
    ap.add_argument("--program", default="build/ringfence replay")
    ap.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    ap.add_argument("--events", action="store_true", help="also check the #~ lines")
    ap.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    program = shlex.split(args.program)
    paths = find(args.names)
    passed = failed = checked = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for path, (failures, count) in zip(paths, pool.map(lambda p: run(p, program, args.events), paths)):
            name = os.path.relpath(path, HERE)
            name = name[:-6] if name.endswith(".jsonl") else name
            checked += count
            if failures:
                failed += 1
                for line, want, got in failures:
                    print(f"FAIL {name} line {line}: expected {want} got {got}")
            else:
                passed += 1
                if not args.quiet:
                    print(f"PASS {name}")
    print(f"expectations checked={checked}")
    print(f"passed={passed} failed={failed}")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
