// The page's WebAssembly and the engine answer the same for 100,000 random states: one source file, two compilers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { build, pages } from "./places";

interface Machine {
  memory: WebAssembly.Memory;
  params(): number;
  ready(): void;
  liquidation_price(qty: bigint, cost: bigint, wallet: bigint): bigint;
  bankruptcy_price(qty: bigint, cost: bigint, wallet: bigint): bigint;
  required(qty: bigint, mark: bigint): bigint;
  initial_margin(qty: bigint, mark: bigint, leverage: bigint): bigint;
}

test("margin.wasm and libringfence agree on 100,000 states", async () => {
  const { instance } = await WebAssembly.instantiate(readFileSync(`${pages}/margin.wasm`));
  const machine = instance.exports as unknown as Machine;
  const lines = execFileSync(`${build}/margin_states`, ["130000", "7"], { maxBuffer: 1 << 28, encoding: "utf8" }).trim().split("\n");
  assert.ok(lines.length >= 100_000, `only ${lines.length} states`);
  let liquidations = 0;
  let tiers = 0;
  for (const line of lines) {
    const [params = [], [q, cost, wallet, mark, leverage] = [], expected = []] = line.split(" | ").map((part) => part.split(" ").map(BigInt));
    new BigInt64Array(machine.memory.buffer, machine.params(), params.length).set(params);
    machine.ready();
    const got = [
      machine.liquidation_price(q!, cost!, wallet!), machine.bankruptcy_price(q!, cost!, wallet!),
      machine.required(q!, mark!), machine.initial_margin(q!, mark!, leverage!),
    ];
    if (got.some((value, at) => value !== expected[at])) assert.deepEqual(got, expected, line);
    if (got[0]! > 0n) liquidations++;
    if (params.length > 8) tiers++;
  }
  console.log(`states ${lines.length}, with a liquidation price ${liquidations}, with tiers ${tiers}`);
  assert.ok(liquidations > 10_000 && tiers > 10_000);
});
