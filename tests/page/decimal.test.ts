// Exact decimals and the order book of the page, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { applyLevels } from "../../web/trade/levels";
import type { Level } from "../../web/shared/types";

const of = decimal.of;

test("what is not a plain decimal is refused", () => {
  for (const text of ["", ".", "-", "1e5", "1,5", "0x10", "NaN", "Infinity", "1.2.3", "--1", "1 000", "+1", "１"])
    assert.equal(decimal.parse(text), null, text);
  for (const text of ["0", "-0", "1.", ".5", "-12.50", "000.1"]) assert.notEqual(decimal.parse(text), null, text);
});

test("arithmetic keeps every digit", () => {
  assert.equal(decimal.text(decimal.add(of("0.1"), of("0.2")), 8), "0.30000000");
  assert.equal(decimal.text(decimal.sub(of("1"), of("0.00000001")), 8), "0.99999999");
  assert.equal(decimal.text(decimal.mul(of("92233720368.54775807"), of("3")), 8), "276701161105.64327421");
  assert.equal(decimal.text(decimal.div(of("1"), of("3"), 8), 8), "0.33333333");
  assert.equal(decimal.text(decimal.div(of("-1"), of("3"), 8), 8), "-0.33333333");
  assert.equal(decimal.text(decimal.div(of("1"), of("0"), 8), 2), "0.00");
  assert.equal(decimal.compare(of("1.10"), of("1.1")), 0);
  assert.equal(decimal.compare(of("-2"), of("1")), -1);
});

test("steps and people's formats", () => {
  assert.equal(decimal.text(decimal.floorTo(of("1.2349"), of("0.0005")), 4), "1.2345");
  assert.equal(decimal.isMultiple(of("50000.5"), of("0.5")), true);
  assert.equal(decimal.isMultiple(of("50000.3"), of("0.5")), false);
  assert.equal(decimal.show(of("-1234567.891"), 2), "\u22121\u202f234\u202f567.89");
  assert.equal(decimal.show(of("0.004"), 2, true), "0.00");
  assert.equal(decimal.show(of("12.3"), 1, true), "+12.3");
  assert.equal(decimal.plain(of("10.500")), "10.5");
  assert.equal(decimal.plain(of("100")), "100");
});

test("changes of a book keep it sorted, and a level of zero goes away", () => {
  let bids: Level[] = [["100.0", "1", "1"], ["99.5", "2", "1"]];
  bids = applyLevels(bids, [["99.9", "3", "1"], ["100.0", "0", "0"], ["99.0", "0.0000", "0"]], -1);
  assert.deepEqual(bids.map((level) => level[0]), ["99.9", "99.5"]);
  bids = applyLevels(bids, [["1000.0", "1", "1"]], -1);
  assert.equal(bids[0]![0], "1000.0");
  let asks: Level[] = [["9.5", "1", "1"], ["10.0", "1", "1"]];
  asks = applyLevels(asks, [["9.9", "1", "1"], ["10.0", "5", "2"]], 1);
  assert.deepEqual(asks, [["9.5", "1", "1"], ["9.9", "1", "1"], ["10.0", "5", "2"]]);
});

test("random changes give the same book as a map", () => {
  let seed = 5;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  let asks: Level[] = [];
  const truth = new Map<string, Level>();
  for (let round = 0; round < 20_000; round++) {
    const level: Level = [(90 + random(200) / 10).toFixed(1), String(random(4)), "1"];
    asks = applyLevels(asks, [level], 1);
    if (level[1] === "0") truth.delete(level[0]);
    else truth.set(level[0], level);
  }
  const sorted = [...truth.values()].sort((a, b) => Number(a[0]) - Number(b[0]));
  assert.deepEqual(asks, sorted);
});
