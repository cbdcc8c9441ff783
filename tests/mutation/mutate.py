#!/usr/bin/env python3
"""Changes one place of the source at a time and asks whether a test notices (R15).

    mutate.py [--count N] [--seed N] [--scratch DIR] [--minutes N] [FILE or FOLDER ...]
    mutate.py --again LOG          the survivors that an earlier run printed, wherever their lines stand now

FILE is a source of engine/, store/, api/, venue/, history/ or server/; a folder stands for its sources. Without
one: those of the engine and the store that differ from the branch main, and all of these two when none does.
Everything happens in a copy of the tracked files (DIR, build/mutation by default), built once and then again for
each change. A change is killed when one of its folder's steps fails, or does not end (steps(), below: of ./test
what can notice, at small sizes). The last lines list what survived, with file, line and change, and count by
folder. Exit status 0 when nothing survived, 1 else.

A change is of an operator, a constant, a condition, or takes a statement out. Not changed: what RF_CHECK and
static assertions say (they are tests themselves), and what only asks the processor to fetch early.
"""
import argparse, os, random, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# ---- What can be changed ------------------------------------------------------------------------------------

SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "+", "+=": "-=", "-=": "+=", "++": "--", "--": "++",
    "true": "false", "false": "true",
}
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|//.*|/\*.*?\*/|[A-Za-z_]\w*|0[xX][0-9a-fA-F]+\w*|\d+\w*'
                   r'|<<=|>>=|->|\+\+|--|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|<<|>>|[-+*/%&|^~!<>=?:;,.(){}\[\]]')
CALL = re.compile(r"^    +(?:[a-z_][\w>.\-\[\]]*(?:\([^;]*\)| [-+|&]?= [^;]*)|[a-z_][\w>.\-\[\]]*(?:\+\+|--));$")
DECLARES = re.compile(r"^\s+(?:const |static |struct |enum |unsigned |u?int\d*_t |size_t |bool |char |rf_\w+ )+\**\w+")
NOT_HERE = re.compile(r"RF_CHECK|_Static_assert|prefetch|PREFETCH|^\s*#|^\s*case |RF_API|^typedef|^enum|^\s+[A-Z_0-9]+ = ")
OPERAND = re.compile(r"[\w)\]]$")


def code_lines(text):
    """(number, line) of the lines inside functions, without comments that span lines."""
    comment = macro = inside = False
    for number, line in enumerate(text.split("\n")):
        if comment:
            comment = "*/" not in line
            continue
        if line.lstrip().startswith("/*") and "*/" not in line:
            comment = True
            continue
        was_macro, macro = macro, line.endswith("\\")
        if line == "{":
            inside = True
        elif line == "}":
            inside = False
        elif inside and not was_macro and not macro and not NOT_HERE.search(line):
            yield number, line


def changes_of(line):
    """(what, new line) for each change of one line."""
    if CALL.match(line) and not DECLARES.match(line):
        yield "taken out", line[:len(line) - len(line.lstrip())] + ";"
    condition = re.match(r"^(\s*(?:\} else )?(?:if|while) )\((.*)\)( \{)?$", line)
    if condition and line.count("(") == line.count(")"):
        yield "negated", f"{condition[1]}(!({condition[2]})){condition[3] or ''}"
    before = ""
    for match in TOKEN.finditer(line):
        token, at = match[0], match.start()
        binary = bool(OPERAND.search(before)) and before != "return"
        before = token
        new = None
        if token in ("+", "-", "*", "<", ">") and not (binary and line[at - 1:at] == " " and line[match.end():match.end() + 1] == " "):
            continue
        if token in SWAPS:
            new = SWAPS[token]
        elif re.fullmatch(r"\d+", token):
            new = {"0": "1", "1": "0"}.get(token, str(int(token) + 1))
        if new is not None:
            yield f"{token} -> {new}", line[:at] + new + line[match.end():]


def changes_in(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for number, line in code_lines(text):
        for what, new in changes_of(line):
            yield number, line, what, new


# ---- Whether a test notices -----------------------------------------------------------------------------------

SLOW = ("feed", "keep", "kill", "phase", "prices")  # of tests/server: they wait for clocks

class Workshop:
    """A copy of the tree with a build of its own."""

    def __init__(self, scratch):
        self.tree = os.path.join(scratch, "tree")
        self.limits = {}
        shutil.rmtree(self.tree, ignore_errors=True)
        os.makedirs(self.tree)
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in names.split("\0")[:-1]:
            os.makedirs(os.path.dirname(os.path.join(self.tree, name)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), os.path.join(self.tree, name), follow_symlinks=False)
        packages = os.path.join(ROOT, "tests/api/node_modules")
        if os.path.isdir(packages):
            os.symlink(packages, os.path.join(self.tree, "tests/api/node_modules"))
        self.must(["meson", "setup", "build", "-Doptimization=1", "-Dwerror=false", "-Dweb=disabled", "-Ddebug=false"])
        self.must(["ninja", "-C", "build"])

    def prove(self, names):
        """A step that fails without any change would kill everything, and say nothing. How long it takes without
        one says when it will not end with one: the machine may have other work."""
        for name in {name.split("/")[0]: name for name in names}.values():
            for step, command, seconds in self.steps(name):
                began = time.monotonic()
                self.must(command, 10 * seconds)
                self.limits[name.split("/")[0], step] = max(seconds, 5 * (time.monotonic() - began))

    def must(self, command, seconds=1800):
        if not self.run(command, seconds):
            sys.exit(f"mutate: {' '.join(command)} fails without any change")

    def run(self, command, seconds):
        """Whether it ended well, and in time."""
        child = subprocess.Popen(command, cwd=self.tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            return child.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            return False

    def steps(self, name):
        """(name, command, seconds), the quickest first."""
        folder = name.split("/")[0]
        scenarios = ["python3", "tests/scenario/run.py", "--jobs", "1", "--events", "--quiet", "--program", "build/ringfence replay --check"]
        unit = ["meson", "test", "-C", "build", "--no-rebuild", "--suite", "unit", "--suite", "conformance", "--num-processes", "1"]
        if folder == "engine":
            yield "ninja", ["ninja", "-C", "build", "ringfence", "rf_sim"], 600
            yield "sim", ["build/rf_sim", "--commands", "60000", "--seed", "1", "--rebuild=100", "--snapshot-every", "5000",
                          "--damage", "100", "--forge", "100", "--partial", "--quiet"], 120
            yield "scenarios", scenarios, 180
            yield "conformance", ["python3", "tests/scenario/run.py", "--jobs", "1", "--quiet", "tests/conformance"], 60
            yield "model", ["python3", "tests/model/compare.py", "--program", "build/ringfence replay", "--calls", "10000",
                            "--seed", "1", "--jobs", "1", "--partial"], 180
            yield "promises", ["python3", "tests/model/promises.py", "--program", "build/ringfence replay", "--calls", "3000",
                               "--seed", "1"], 180
        elif folder == "store":
            yield "ninja", ["ninja", "-C", "build", "ringfence", "rf_crash"], 600
            yield "crash", ["build/rf_crash", "20000", "1"], 180
        else:
            yield "ninja", ["ninja", "-C", "build", "ringfence"], 600
            if folder != "server":
                yield "scenarios", scenarios, 180
        yield "ninja all", ["ninja", "-C", "build"], 600
        yield "unit", unit, 400
        if folder in ("engine", "store", "venue"):
            yield "journal", ["tests/crash/journal.sh", "build"], 400
        if folder in ("engine", "store"):
            return
        yield "reference", ["node", "tests/reference.mjs"], 60
        yield "server", self.server(lambda test: test not in SLOW), 400
        if folder == "server":
            yield "gate", ["python3", "tests/gate/gate.py", "--program", "build/gate_echo"], 120
            yield "faults", ["python3", "tests/gate/faults.py", "--program", "build/gate_echo"], 120
            yield "abuse", ["python3", "tests/gate/abuse.py", "--server", "real", "--program", "build/ringfence", "--cases", "500"], 120
        yield "api", ["tests/api/run.sh", "build", *(f"{test}.test.ts" for test in ("ccxt", "client", "codes", "openapi", "views"))], 500
        yield "server, the slow", self.server(lambda test: test in SLOW), 500

    def server(self, chosen):
        names = sorted(name for name in os.listdir(os.path.join(self.tree, "tests/server")) if name.endswith(".test.mjs"))
        return ["env", f"RINGFENCE={self.tree}/build/ringfence", "node", "--test",
                *(f"tests/server/{name}" for name in names if chosen(name.split(".")[0]))]

    def judge(self, name):
        """The step that noticed; '' when none did; None when it does not compile."""
        for step, command, seconds in self.steps(name):
            if not self.run(command, self.limits.get((name.split("/")[0], step), seconds)):
                return None if step == "ninja" else step
        return ""

    def try_change(self, name, number, new):
        path = os.path.join(self.tree, name)
        with open(path, encoding="utf-8") as file:
            whole = file.read()
        lines = whole.split("\n")
        lines[number] = new
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            return self.judge(name)
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(whole)


# ---- All of it ------------------------------------------------------------------------------------------------

FOLDERS = ("engine", "store", "api", "venue", "history", "server")


def sources(named):
    def listed(*command):
        out = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True).stdout.split()
        return [name for name in out if re.fullmatch(rf"({'|'.join(FOLDERS)})/\w+\.c", name) and name != "engine/prefetch.c"]
    if named:
        return [name for word in named for name in (listed("ls-files", word) if os.path.isdir(os.path.join(ROOT, word)) else [word])]
    pair = ("engine", "store")
    return listed("diff", "--name-only", "main...HEAD", "--", *pair) or listed("ls-files", *pair)


def survivors_of(log):
    """The changes of an earlier run that nothing noticed: by what they change, not by number of line."""
    with open(log, encoding="utf-8") as file:
        rows = re.findall(r"^SURVIVED +(\S+?):\d+: (.*?): (.*)$", file.read(), re.M)
    found = []
    for name, what, line in rows:
        same = [(name, *change) for change in changes_in(os.path.join(ROOT, name)) if (change[2], change[1].strip()) == (what, line)]
        print(f"{name}: {what}: {line}" + ("" if same else ": is not there any more"))
        found += same
    return found


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=0)
    parser.add_argument("--scratch", default=os.path.join(ROOT, "build", "mutation"))
    parser.add_argument("--again")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.again:
        every = survivors_of(options.again)
    else:
        every = [(name, *change) for name in sources(options.files) for change in changes_in(os.path.join(ROOT, name))]
        random.Random(options.seed).shuffle(every)
    print(f"{len(every)} changes are possible, {min(options.count, len(every))} are tried, seed {options.seed}", flush=True)
    shop = Workshop(options.scratch)
    shop.prove([name for name, *_ in every])
    end = time.monotonic() + options.minutes * 60 if options.minutes else None
    killed, survived, tried, folders = {}, [], 0, {}
    for name, number, line, what, new in every:
        if tried == options.count or (end and time.monotonic() > end):
            break
        noticed = shop.try_change(name, number, new)
        if noticed is None:
            continue
        tried += 1
        where = f"{name}:{number + 1}: {what}: {line.strip()}"
        print(f"{'killed by ' + noticed if noticed else 'SURVIVED':22} {where}", flush=True)
        count = folders.setdefault(name.split("/")[0], [0, 0])
        count[0] += 1
        if noticed:
            count[1] += 1
            killed[noticed] = killed.get(noticed, 0) + 1
        else:
            survived.append(where)
    print("\nsurvived:" if survived else "\nnothing survived")
    for where in survived:
        print("  " + where)
    for folder, (number, noticed) in sorted(folders.items()):
        print(f"{folder}/: {noticed} of {number} killed, {100 * noticed // number} %")
    by_step = ", ".join(f"{count} by {step}" for step, count in killed.items())
    print(f"{tried} changes, {tried - len(survived)} killed ({by_step}), {len(survived)} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
