#!/usr/bin/env python3
"""Checks docs/coverage.md against the tables of the source: what exists has a test that is named there.

    coverage.py             every method, parameter, event, code, command and numbered rule of margin has its row, no
                            row is for something that is gone, and each named test exists and mentions the thing
    coverage.py --bite      also takes each parameter out of the scenario that guards it, and the scenario must
                            then fail (needs build/ringfence, or --program CMD)
    coverage.py --propose   writes docs/coverage.md anew: keeps rows that still hold, fills the others from the tests

Test paths in the table are relative to tests/. A scenario guards a method by calling it, a parameter by giving it, a
code by expecting it, a rule by carrying its number; a program guards an event, code or command by its C name, a channel
by subscribing to it.
"""
import argparse, concurrent.futures, glob, json, os, re, shlex, subprocess, sys, tempfile

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)
DOC = os.path.join(ROOT, "docs", "coverage.md")
sys.path.insert(0, os.path.join(TESTS, "scenario"))
import run as scenario_runner  # noqa: E402  the runner's idea of a scenario is the only one

# Rules that margin.md numbers; the sections without numbers count as one rule each.
RULES = (["3"] + [f"4.{n}" for n in range(1, 11)] + ["5", "6", "7", "8", "9"] + [f"9.{n}" for n in range(1, 8)]
         + ["10"] + [f"10.{n}" for n in range(1, 5)])

# Which call makes the engine see which command (api/*.c); a time in a script makes TICKs.
COMMAND_METHODS = {
    "CREATE_CURRENCY": ["operator/create-currency"], "CREATE_INSTRUMENT": ["operator/create-instrument"],
    "UPDATE_INSTRUMENT": ["operator/update-instrument"], "SET_INSTRUMENT_STATE": ["operator/set-instrument-state"],
    "CREATE_ACCOUNT": ["operator/create-account"], "SUSPEND_ACCOUNT": ["operator/suspend-account"],
    "SET_FEES": ["operator/set-fee-schedule"], "DEPOSIT": ["operator/deposit"], "ADJUST": ["operator/adjust"],
    "REQUEST_WITHDRAWAL": ["private/create-withdrawal"],
    "DECIDE_WITHDRAWAL": ["operator/approve-withdrawal", "operator/reject-withdrawal"],
    "TRANSFER": ["private/create-subaccount-transfer"], "FUND_INSURANCE": ["operator/fund-insurance"],
    "SET_INDEX_PRICE": ["operator/set-index-price"], "SET_MARK_PRICE": ["operator/set-mark-price"],
    "CLEAR_MARK_PRICE": ["operator/clear-mark-price"], "SET_FUNDING_RATE": ["operator/set-funding-rate"],
    "SETTLE_FUNDING": ["operator/settle-funding"], "SETTLE_SESSION": ["operator/settle-session"],
    "PLACE_ORDER": ["private/create-order", "private/close-position", "private/advanced/create-order"],
    "AMEND_ORDER": ["private/amend-order", "private/advanced/amend-order"],
    "CANCEL_ORDER": ["private/cancel-order", "private/advanced/cancel-order"],
    "CANCEL_ORDERS": ["private/cancel-all-orders", "private/advanced/cancel-all-orders"],
    "PLACE_LIST": ["private/advanced/create-oco", "private/advanced/create-oto", "private/advanced/create-otoco"],
    "CANCEL_LIST": ["private/advanced/cancel-oco", "private/advanced/cancel-oto", "private/advanced/cancel-otoco"],
    "MOVE_MARGIN": ["private/create-isolated-margin-transfer"],
    "SET_LEVERAGE": ["private/change-isolated-margin-leverage"],
    "SET_ACCOUNT_LEVERAGE": ["private/change-account-leverage", "private/change-account-settings"],
    "SET_STP": ["private/change-account-settings"], "SET_CANCEL_AFTER": ["private/x/set-cancel-after"],
}


# Tests that start a server: only they can hold a setting.
SETTING_TESTS = ("server/",)


# ---- The tables of the source ------------------------------------------------------------------------------

def expand(path, *macros):
    """The rows of an X-macro table, as the compiler sees them."""
    command = ["cc", "-E", "-P", "-xc", "-I", ROOT] + ["-D" + macro for macro in macros]
    text = subprocess.run(command + [os.path.join(ROOT, path)], capture_output=True, text=True, check=True).stdout
    # A row may be spread over lines: each begins with an @ and ends where the next one begins.
    return [" ".join(row.split()) for row in text.split("@ROW")[1:]]


class Table:
    def __init__(self):
        self.methods, self.sets = {}, {}
        for row in expand("api/methods.def",
                          "RF_METHOD(id,name,door,flags,params,handler,doc)=@ROW name params"):
            name, params = row.split()
            self.methods[json.loads(name)] = params
        self.aliases = {}
        for row in expand("api/params.def", "RF_PARAMS(set)=",
                          "RF_PARAM(set,name,type,need,bad,values,aliases,doc)=@ROW set name aliases"):
            params, name, aliases = row.split()
            self.sets.setdefault(params, []).append(name)
            for alias in filter(None, json.loads(aliases).split("|")):
                self.aliases[params, alias] = name
        self.events = expand("engine/event.def", "RF_EVENT(name,doc)=@ROW name")
        self.commands = expand("engine/command.def", "RF_COMMAND(name,fields,doc)=@ROW name")
        self.channels = [json.loads(row) for row in expand("api/channels.def",
                                                           "RF_CHANNEL(id,pattern,door,interval,doc)=@ROW pattern")]
        self.settings = expand("server/config.def",
                               "RF_SETTING(section,name,type,default,low,high,doc)=@ROW name")
        self.codes = dict(row.split() for row in expand("engine/errors.def",
                                                       "RF_ERROR(name,code,http,when)=@ROW name code"))

    def wanted(self):
        """-> {chapter: [key]}, in the order of the document."""
        return {
            "Methods": list(self.methods),
            "Parameters": [f"{params}.{name}" for params, names in self.sets.items() for name in names],
            "Events": self.events,
            "Codes": list(self.codes),
            "Commands": self.commands,
            "Channels": self.channels,
            "Settings": self.settings,
            "Rules": RULES,
        }


# ---- What a test mentions ----------------------------------------------------------------------------------

class Scenario:
    """The facts of one scenario file: what it calls, gives, expects and cites."""

    def __init__(self, path, table):
        self.path = path
        self.methods, self.params, self.codes = {}, set(), set()
        self.time_moves = False
        self.rules = set(re.findall(r"^#.*\bmargin(?:\.md)? (\d+(?:\.\d+)?)", self.text(), re.M))
        number = re.match(r"(\d+)(?:\.(\d+))?-", os.path.basename(path))
        if number and os.sep + "rules" + os.sep in path:
            self.rules.add(str(int(number[1])) + (f".{number[2]}" if number[2] else ""))
        try:
            steps, _ = scenario_runner.parse(path)
        except ValueError:
            return
        times = set()
        for _, text, expectations, _ in steps:
            for _, mark, want in expectations:
                self.codes.update(codes_in(want) if mark in "=!" else [])
            try:
                call = json.loads(text)
            except ValueError:
                continue
            if not isinstance(call, dict) or not isinstance(call.get("method"), str):
                continue
            if "t" in call:
                times.add(call["t"])
            method = call["method"]
            self.methods[method] = self.methods.get(method, False) or bool(expectations)
            for place in places(call.get("params"), table.methods.get(method)):
                self.params.update((place[0], table.aliases.get((place[0], name), name)) for name in place[1])
        self.time_moves = len(times) > 1

    def text(self):
        with open(self.path, encoding="utf-8") as handle:
            return handle.read()


def codes_in(want):
    """What an expectation says of codes: of the call, of its parts, and why an order ended."""
    if isinstance(want, list):
        return {code for element in want for code in codes_in(element)}
    if not isinstance(want, dict):
        return set()
    own = {int(want[key]) for key in ("code", "reason") if str(want.get(key, "")).isdigit()}
    return own | codes_in(list(want.values()))


def places(params, params_set):
    """The objects of a call that hold parameters, each with the set it is of."""
    if not isinstance(params, dict) or params_set is None:
        return
    yield params_set, params
    for name, inner in (("order_list", "ORDER"), ("tiers", "TIER")):
        for element in params.get(name) if isinstance(params.get(name), list) else []:
            if isinstance(element, dict):
                yield ("ORDER_KEY" if params_set == "ORDER_LIST" and "side" not in element else inner), element


class Tests:
    def __init__(self, table):
        self.table = table
        self.scenarios, self.programs = {}, {}
        for path in sorted(glob.glob(os.path.join(TESTS, "scenario", "**", "*.jsonl"), recursive=True)):
            self.scenarios[os.path.relpath(path, TESTS)] = Scenario(path, table)
        for pattern in ("**/*.c", "**/*.py", "**/*.sh", "server/*.mjs"):
            for path in sorted(glob.glob(os.path.join(TESTS, pattern), recursive=True)):
                with open(path, encoding="utf-8") as handle:
                    self.programs[os.path.relpath(path, TESTS)] = handle.read()
        self.programs.pop(os.path.relpath(os.path.abspath(__file__), TESTS), None)

    def mentions(self, chapter, key, test):
        if test in self.programs:
            if chapter == "Settings" and not test.startswith(SETTING_TESTS):
                return False
            if chapter == "Channels" and "subscribe" not in self.programs[test]:
                return False
            return re.search(self.pattern(chapter, key), self.programs[test]) is not None
        scenario = self.scenarios[test]
        if chapter == "Methods":
            return key in scenario.methods
        if chapter == "Parameters":
            return tuple(key.split(".", 1)) in scenario.params
        if chapter == "Codes":
            return int(self.table.codes[key]) in scenario.codes
        if chapter == "Commands":
            if key == "TICK":
                return scenario.time_moves
            return any(method in scenario.methods for method in COMMAND_METHODS.get(key, []))
        if chapter == "Rules":
            return key in scenario.rules
        return False

    @staticmethod
    def pattern(chapter, key):
        if chapter == "Settings":
            # As an option in quotes, or as a line of a configuration file.
            option = key.replace("_", "-")
            return rf"['\"]--{option}['\"]|\s--{option}\s|(?:\\n|[\"'])\s*{key} = "
        prefix = {"Events": "RF_EVENT_", "Codes": "RF_ERR_", "Commands": "RF_COMMAND_"}.get(chapter)
        if prefix:
            return rf"\b{prefix}{key}\b"
        if chapter == "Channels":
            # The fixed words, as a program subscribes to them: in quotes, or behind the quote of a JSON text.
            words = re.match(r"[^{[]*", key)[0]
            return rf'"{re.escape(words)}' + ("" if words.endswith(".") else r'[".\\]')
        if chapter == "Parameters":
            return rf"\bRF_P_{key.replace('.', '_')}\b|\b{re.escape(key)}\b"
        return re.escape(key) + (r"\b" if chapter == "Methods" else r"(?![\d.])")

    def propose(self, chapter, key):
        """The most telling tests: few other things in them, a call whose answer is looked at, a name that fits."""
        found = [test for test in self.scenarios if self.mentions(chapter, key, test)]
        if chapter == "Rules":
            return [test for test in found if os.sep + "rules" + os.sep in test] or found
        if chapter == "Methods":
            # A call without expectation must answer code 0, which bites too; one with says more.
            found = [test for test in found if self.scenarios[test].methods[key]] or found
        if chapter == "Codes":
            code = self.table.codes[key]
            found.sort(key=lambda test: (code not in os.path.basename(test), len(self.scenarios[test].codes)))
        else:
            word = key.split(".")[-1].split("/")[-1].replace("_", "-")
            found.sort(key=lambda test: (word not in test, len(self.scenarios[test].methods)
                                         + len(self.scenarios[test].params)))
        # What no script can reach is a program's: events, and methods of a server (Methods, Parameters by SET.name).
        programs = [test for test in self.programs if chapter != "Rules" and self.mentions(chapter, key, test)]
        # Better one that makes it happen than one that lists it.
        programs.sort(key=lambda test: "tables" in test or "channels" in test)
        return (found or programs)[:1]


# ---- The document ------------------------------------------------------------------------------------------

ROW = re.compile(r"^\| `([^`]+)`[^|]*\|([^|]*)\|$")


def read_doc():
    """-> {chapter: {key: [test]}}; a missing document is an empty one."""
    rows, chapter = {}, None
    if not os.path.exists(DOC):
        return rows
    with open(DOC, encoding="utf-8") as handle:
        for text in handle:
            if text.startswith("## "):
                chapter = text[3:].strip()
                rows[chapter] = {}
            match = ROW.match(text.rstrip("\n"))
            if match and chapter:
                if match[1] in rows[chapter]:
                    sys.exit(f"docs/coverage.md: two rows for {match[1]}")
                rows[chapter][match[1]] = re.findall(r"[^\s,]+", match[2])
    return rows


INTRO = """# Coverage

One row for each thing that the product promises, and the test that fails when it is removed. `tests/coverage.py` checks that no row
is missing or empty and that each test really mentions the thing; with `--bite` it takes every parameter out of its scenario and
wants it to fail. `tests/coverage.py --propose` fills rows that are missing. Paths are relative to `tests/`.

"""
ABOUT = {
    "Methods": "Rows of api/methods.def. The test calls the method and looks at the answer.",
    "Parameters": "Rows of api/params.def, by set of parameters. The test gives the parameter, and fails without it.",
    "Events": "Rows of engine/event.def. The test waits for the event and looks into it.",
    "Codes": "Rows of engine/errors.def. A scenario expects the code. Codes that only a server can answer are held by the test of the table.",
    "Commands": "Rows of engine/command.def.",
    "Channels": "Rows of api/channels.def. The program subscribes and looks at what comes; docs/websocket.md shows a real message of each (tests/unit/test_feed_channels.c).",
    "Settings": "Rows of server/config.def. A test starts the server with the setting, and looks at what it does.",
    "Rules": "Numbered rules of margin.md (a section without numbers is one rule).",
}


def label(table, chapter, key):
    return f"`{key}` {table.codes[key]}" if chapter == "Codes" else f"`{key}`"


def write_doc(table, tests, old):
    empty = 0
    with open(DOC, "w", encoding="utf-8") as handle:
        handle.write(INTRO)
        for chapter, keys in table.wanted().items():
            handle.write(f"## {chapter}\n\n{ABOUT[chapter]}\n\n| | test |\n|---|---|\n")
            for key in keys:
                kept = [test for test in old.get(chapter, {}).get(key, [])
                        if (test in tests.scenarios or test in tests.programs) and tests.mentions(chapter, key, test)]
                named = kept or tests.propose(chapter, key)
                if not named:
                    empty += 1
                    print(f"no test: {chapter} {key}")
                handle.write(f"| {label(table, chapter, key)} | {', '.join(named)} |\n")
            handle.write("\n")
    print(f"docs/coverage.md written, {empty} rows empty")
    return empty == 0


def check(table, tests, rows):
    bad, good = [], 0
    for chapter, keys in table.wanted().items():
        have = rows.get(chapter, {})
        bad += [f"{chapter} {key}: no row" for key in keys if key not in have]
        bad += [f"{chapter} {key}: a row for what does not exist" for key in have if key not in keys]
        for key in keys:
            named = have.get(key, [])
            if key in have and not named:
                bad.append(f"{chapter} {key}: the row is empty")
            for test in named:
                if test not in tests.scenarios and test not in tests.programs:
                    bad.append(f"{chapter} {key}: no such test: {test}")
                elif not tests.mentions(chapter, key, test):
                    bad.append(f"{chapter} {key}: {test} does not mention it")
                else:
                    good += 1
    for text in bad:
        print("FAIL " + text)
    print(f"{good} tests named in {sum(len(keys) for keys in table.wanted().values())} rows, {len(bad)} faults")
    return not bad


# ---- Does the test fail without the parameter? -----------------------------------------------------------

def without(table, text, params, name):
    """The scenario's text with one parameter taken out of every call that has it."""
    lines = []
    for line in text.split("\n"):
        try:
            call = json.loads(line) if line.startswith("{") else None
        except ValueError:
            call = None
        if isinstance(call, dict):
            for place, values in list(places(call.get("params"), table.methods.get(call.get("method")))):
                for given in [given for given in values if place == params
                              and table.aliases.get((place, given), given) == name]:
                    del values[given]
                    line = None
            line = line or json.dumps(call)
        lines.append(line)
    return "\n".join(lines)


def bites(table, tests, program, key, test):
    params, name = key.split(".", 1)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as handle:
        handle.write(without(table, tests.scenarios[test].text(), params, name))
        handle.flush()
        failures, _ = scenario_runner.run(handle.name, program, False)
    return bool(failures)


def check_bites(table, tests, rows, program):
    pairs = [(key, [test for test in named if test in tests.scenarios])
             for key, named in rows.get("Parameters", {}).items()]
    pairs = [(key, named) for key, named in pairs if named]

    def one(pair):
        key, named = pair
        return any(bites(table, tests, program, key, test) for test in named)

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (key, named), fails in zip(pairs, pool.map(one, pairs)):
            if not fails:
                bad += 1
                print(f"FAIL Parameters {key}: {', '.join(named)} passes without it")
    print(f"{len(pairs)} parameters taken out, {bad} not missed")
    return bad == 0 and bool(pairs)


def repair(table, tests, rows, program):
    """For rows whose test does not bite: the first scenario that does."""
    for key, named in rows.get("Parameters", {}).items():
        if any(test in tests.programs or bites(table, tests, program, key, test) for test in named):
            continue
        for test in tests.scenarios:
            if tests.mentions("Parameters", key, test) and bites(table, tests, program, key, test):
                rows["Parameters"][key] = [test]
                break


def main():
    ap = argparse.ArgumentParser(description="Checks docs/coverage.md.")
    ap.add_argument("--propose", action="store_true", help="write docs/coverage.md anew")
    ap.add_argument("--bite", action="store_true", help="take each parameter out of its scenario")
    ap.add_argument("--program", default=os.path.join(ROOT, "build", "ringfence") + " replay")
    args = ap.parse_args()
    table = Table()
    tests = Tests(table)
    rows = read_doc()
    program = shlex.split(args.program)
    if args.propose:
        if args.bite:
            repair(table, tests, rows, program)
        return 0 if write_doc(table, tests, rows) else 1
    fine = check(table, tests, rows)
    if args.bite:
        fine = check_bites(table, tests, rows, program) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
