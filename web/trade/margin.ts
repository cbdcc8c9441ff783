// The engine's own margin formulas (engine/margin.c as WebAssembly), for what-if and dialogs. What counts is always
// the server's preview; both use one source file, so they cannot disagree on a formula.
import { signal } from "@preact/signals";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Instrument, Position } from "../shared/types";
import { instruments, person } from "./state";

interface Exports {
  memory: WebAssembly.Memory;
  params(): number;
  ready(): void;
  liquidation_price(qty: bigint, cost: bigint, wallet: bigint): bigint;
  bankruptcy_price(qty: bigint, cost: bigint, wallet: bigint): bigint;
  required(qty: bigint, mark: bigint): bigint;
  initial_margin(qty: bigint, mark: bigint, leverage: bigint): bigint;
}

export interface Risk {
  symbol: string;
  max_leverage: string;
  unit_margin_rate: string;
  tiers: { min_notional: string; max_notional: string; imr: string; mmr: string; max_leverage: string }[];
  maker_fee_rate: string;
  taker_fee_rate: string;
  liquidation_fee_rate: string;
  funding_cap_rate: string;
  price_band: string;
  margin_modes: string;
}
export const risks = signal<Record<string, Risk>>({});
const takers = signal<Record<string, bigint>>({});
const engine = signal<Exports | null>(null);

const e8 = (text: string | undefined): bigint => decimal.rescale(decimal.of(text), 8);

export async function loadMargin(): Promise<void> {
  const [module, parameters] = await Promise.all([
    WebAssembly.instantiateStreaming(fetch("/margin.wasm")),
    call<{ instrument_config: Risk[] }>("public/get-risk-parameters"),
  ]);
  engine.value = module.instance.exports as unknown as Exports;
  risks.value = Object.fromEntries(parameters.instrument_config.map((row) => [row.symbol, row]));
}

/** The person's own taker rate: basis points with decimals, as text. */
export async function loadRates(): Promise<void> {
  if (!person.value) return;
  const rows = await Promise.all(instruments.value.map(async (row) => {
    const answer = await call<{ effective_taker_rate_bps: string }>("private/get-instrument-fee-rate", { instrument_name: row.symbol });
    const bps = decimal.of(answer.effective_taker_rate_bps);
    return [row.symbol, decimal.rescale(bps, 4)] as const;
  }));
  takers.value = Object.fromEntries(rows);
}

/** Parameters in the order that web/wasm/margin.c names; false while something is missing. */
function prepare(name: string): { machine: Exports; row: Instrument } | null {
  const machine = engine.value;
  const risk = risks.value[name];
  const row = instruments.value.find((one) => one.symbol === name);
  if (!machine || !risk || !row) return null;
  const tiers = risk.tiers.flatMap((tier) => [e8(tier.min_notional), e8(tier.mmr), 0n, BigInt(tier.max_leverage)]);
  const words = [
    decimal.power(8 - row.quote_decimals - row.quantity_decimals), decimal.power(row.quantity_decimals),
    decimal.rescale(decimal.of(row.price_tick_size), row.quote_decimals), takers.value[name] ?? e8(risk.taker_fee_rate),
    e8(risk.liquidation_fee_rate), BigInt(risk.max_leverage), decimal.rescale(decimal.of(risk.unit_margin_rate), 18),
    BigInt(risk.tiers.length), ...tiers,
  ];
  new BigInt64Array(machine.memory.buffer, machine.params(), words.length).set(words);
  machine.ready();
  return { machine, row };
}

/** The liquidation price of an isolation with this change of its margin, its orders cancelled; "" = none. */
export function liquidationPriceWith(position: Position, change: decimal.Decimal): string {
  const ready = prepare(position.instrument_name);
  if (!ready) return "";
  const { machine, row } = ready;
  const qty = decimal.rescale(decimal.of(position.quantity), row.quantity_decimals);
  const wallet = e8(position.isolated_cash_balance) + decimal.rescale(change, 8);
  const price = machine.liquidation_price(qty, e8(position.cost), wallet);
  return price > 0n ? decimal.text({ units: price, scale: row.quote_decimals }, row.quote_decimals) : "";
}

export interface Supposed {
  ratio: string | null;
  pnl: string;
  liquidated: boolean;
}

/** A row's margin ratio and profit if the mark were `mark`: orders left out, as a liquidation would. */
export function suppose(position: Position, mark: decimal.Decimal): Supposed | null {
  const ready = prepare(position.instrument_name);
  if (!ready) return null;
  const { machine, row } = ready;
  const qty = decimal.rescale(decimal.of(position.quantity), row.quantity_decimals);
  const price = decimal.rescale(mark, row.quote_decimals);
  const k = decimal.power(8 - row.quote_decimals - row.quantity_decimals);
  const value = qty * price * k;
  const required = machine.required(qty, price);
  const pnl = decimal.text({ units: value - e8(position.open_pos_cost), scale: 8 }, 8);
  if (!position.isolation_id) return { ratio: null, pnl, liquidated: false };
  const equity = e8(position.isolated_cash_balance) + value - e8(position.cost);
  const ratio = equity > 0n ? decimal.text({ units: (required * 100000000n + equity - 1n) / equity, scale: 8 }, 8) : null;
  return { ratio, pnl, liquidated: equity < required };
}

/** FR + MM of a cross position at this mark and its change of value: what the account's ratio is made of. */
export function crossShare(position: Position, mark: decimal.Decimal): { required: bigint; gain: bigint } | null {
  const ready = prepare(position.instrument_name);
  if (!ready) return null;
  const { machine, row } = ready;
  const qty = decimal.rescale(decimal.of(position.quantity), row.quantity_decimals);
  const price = decimal.rescale(mark, row.quote_decimals);
  const now = decimal.rescale(decimal.of(position.mark_price), row.quote_decimals);
  const k = decimal.power(8 - row.quote_decimals - row.quantity_decimals);
  return { required: machine.required(qty, price), gain: qty * (price - now) * k };
}
