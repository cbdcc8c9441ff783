// Every code that the venue can answer with has a sentence of its own, and the code stands behind it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { words } from "../../web/shared/words";

test("every code of the engine has words", () => {
  const table = readFileSync(new URL("../../engine/errors.def", import.meta.url), "utf8");
  const rows = [...table.matchAll(/^RF_ERROR\((\w+), (\d+),/gm)].filter((row) => row[2] !== "0");
  assert.ok(rows.length > 60);
  for (const [, label, code] of rows) {
    const said = words(Number(code), "FALL_BACK");
    assert.doesNotMatch(said, /fall back/, `${code} ${label} has no words`);
    assert.ok(said.endsWith(`[${code}]`), said);
  }
});

test("what is needed and which parameter is meant is said too", () => {
  assert.match(words(306, "", { required_margin: "1234.5" }), /1\D234\.50 USD.*\[306\]/);
  assert.match(words(40004, "", { param: "price" }), /\(price\) \[40004\]/);
  assert.equal(words(77777, "SOME_NEW_CODE"), "some new code. [77777]");
});
