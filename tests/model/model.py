#!/usr/bin/env python3
"""The naive second engine: answers a replay script like the real program, from the specification alone.

    model.py SCRIPT      a script of cli.md section 2; one answer envelope a line
"""
import json
import re
import sys

import calls
import hours
from money import forget
from world import World

REF = re.compile(r"^@(\d+)\.(.+)$")


class Number(str):
    """A number of the script, kept as it was written."""


class ScriptError(Exception):
    pass


def resolve(value, results):
    """Puts earlier answers' fields in place of "@line.path"."""
    if isinstance(value, dict):
        return {key: resolve(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
    match = REF.match(value) if isinstance(value, str) else None
    if not match:
        return value
    node = results.get(int(match[1]))
    for part in match[2].split("."):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return value
    return str(node) if isinstance(node, int) and not isinstance(node, bool) else node


class Session:
    """One run: a world and the answers so far."""

    def __init__(self):
        self.world = World()
        forget()
        self.results = {}

    def line(self, number, text):
        """-> the answer, or None for a comment"""
        if not text.strip() or text.startswith("#"):
            return None
        try:
            step = json.loads(text, parse_int=Number, parse_float=Number)
        except ValueError:
            raise ScriptError(f"line {number}: not JSON") from None
        if not isinstance(step, dict) or not isinstance(step.get("method"), str):
            raise ScriptError(f"line {number}: not a call")
        if "t" in step:
            now = int(step["t"])
            if now < self.world.now:
                raise ScriptError(f"line {number}: time goes back")
            hours.advance(self.world, now)
            forget()
        params = resolve(step.get("params", {}), self.results)
        answer = calls.call(self.world, number, step.get("as", ""), step["method"], params)
        if "result" in answer:
            self.results[number] = answer["result"]
        return answer


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    session = Session()
    with open(sys.argv[1], encoding="utf-8") as handle:
        for number, text in enumerate(handle, 1):
            try:
                answer = session.line(number, text.rstrip("\n"))
            except ScriptError as error:
                sys.stdout.flush()
                sys.exit(str(error))
            if answer is not None:
                print(json.dumps(answer, separators=(",", ":")))


if __name__ == "__main__":
    main()
