// The order that is being typed: fields, what is wrong with each, and the parameters of the call.
import { computed, effect, signal } from "@preact/signals";
import { call, Refusal } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Decimal } from "../shared/decimal";
import type { Instrument, Preview } from "../shared/types";
import { balance, book, instrument, marks, person, positions, symbol } from "./state";

export type Kind = "LIMIT" | "MARKET" | "STOP_LOSS" | "STOP_LIMIT" | "TAKE_PROFIT" | "TAKE_PROFIT_LIMIT";
export const KINDS: [Kind, string][] = [
  ["LIMIT", "Limit"],
  ["MARKET", "Market"],
  ["STOP_LIMIT", "Stop limit"],
  ["STOP_LOSS", "Stop market"],
  ["TAKE_PROFIT_LIMIT", "Take profit limit"],
  ["TAKE_PROFIT", "Take profit market"],
];

export const side = signal<"BUY" | "SELL">("BUY");
export const mode = signal<"CROSS" | "ISOLATED">("ISOLATED");
export const kind = signal<Kind>("LIMIT");
export const price = signal("");
export const trigger = signal("");
export const triggerBy = signal<"MARK_PRICE" | "LAST_PRICE" | "INDEX_PRICE">("MARK_PRICE");
export const amount = signal("");
export const unit = signal<"COIN" | "USD">("COIN");
export const leverage = signal("10");
export const tif = signal<"GOOD_TILL_CANCEL" | "IMMEDIATE_OR_CANCEL" | "FILL_OR_KILL">("GOOD_TILL_CANCEL");
export const postOnly = signal(false);
export const reduceOnly = signal(false);
export const extraMargin = signal("");
export const attach = signal(false);
export const takeProfit = signal("");
export const stopLoss = signal("");

export const isTrigger = computed(() => kind.value !== "LIMIT" && kind.value !== "MARKET");
export const hasPrice = computed(() => kind.value === "LIMIT" || kind.value.endsWith("_LIMIT"));

/** The isolation of this instrument, which a further isolated order joins. */
export const isolation = computed(() =>
  balance.value?.isolated_positions.find((row) => row.instrument_name === symbol.value));

export type Field = "price" | "trigger" | "amount" | "leverage" | "extraMargin" | "takeProfit" | "stopLoss";
export type Faults = Partial<Record<Field, string>>;

// ---- Checking what was typed -------------------------------------------------------------------------------

function checkNumber(text: string, step: Decimal | null, name: string): string | null {
  const typed = text.trim();
  if (typed === "") return "";
  const value = decimal.parse(typed);
  if (!value) return `${name} is not a number (use digits and one point).`;
  if (decimal.sign(value) <= 0) return `${name} must be above zero.`;
  if (typed.replace(/\D/g, "").length > 18) return `${name} has too many digits.`;
  if (step && !decimal.isMultiple(value, step)) return `${name} goes in steps of ${decimal.plain(step)}.`;
  return null;
}

/** "" = empty: not yet wrong, but nothing to send either. */
function checkAll(row: Instrument): Partial<Record<Field, string | null>> {
  const tick = decimal.of(row.price_tick_size);
  const lot = decimal.of(row.qty_tick_size);
  const result: Partial<Record<Field, string | null>> = {};
  if (hasPrice.value) result.price = checkNumber(price.value, tick, "The price");
  if (isTrigger.value) result.trigger = checkNumber(trigger.value, tick, "The trigger price");
  result.amount = checkNumber(amount.value, unit.value === "COIN" ? lot : null, "The quantity");
  if (mode.value === "ISOLATED" && !isolation.value) {
    const typed = checkNumber(leverage.value, decimal.of("1"), "The leverage");
    const most = decimal.of(row.max_leverage);
    const high = !typed && decimal.compare(decimal.of(leverage.value), most) > 0;
    result.leverage = high ? `The leverage can be at most ${decimal.plain(most)}.` : typed;
  }
  if (mode.value === "ISOLATED" && extraMargin.value.trim())
    result.extraMargin = checkNumber(extraMargin.value, decimal.of("0.00000001"), "The margin");
  if (attach.value && takeProfit.value.trim())
    result.takeProfit = checkNumber(takeProfit.value, tick, "The take-profit price");
  if (attach.value && stopLoss.value.trim())
    result.stopLoss = checkNumber(stopLoss.value, tick, "The stop-loss price");
  return result;
}

const checks = computed(() => (instrument.value ? checkAll(instrument.value) : {}));
export const faults = computed<Faults>(() => {
  const result: Faults = {};
  for (const [field, said] of Object.entries(checks.value)) if (said) result[field as Field] = said;
  return result;
});
export const complete = computed(() =>
  instrument.value !== undefined && Object.values(checks.value).every((said) => said === null));

// ---- Quantity ----------------------------------------------------------------------------------------------

/** The price that a quantity in USD is converted at: the typed one, else the best opposite, else the mark. */
export const referencePrice = computed<Decimal>(() => {
  if (hasPrice.value && decimal.parse(price.value.trim())) return decimal.of(price.value.trim());
  const best = side.value === "BUY" ? book.value.asks[0] : book.value.bids[0];
  return decimal.of(best?.[0] ?? marks.value[symbol.value]);
});

export const quantity = computed<Decimal>(() => {
  const typed = decimal.parse(amount.value.trim());
  const row = instrument.value;
  if (!typed || !row) return decimal.ZERO;
  if (unit.value === "COIN") return typed;
  const coins = decimal.div(typed, referencePrice.value, row.quantity_decimals);
  return decimal.floorTo(coins, decimal.of(row.qty_tick_size));
});

// ---- The call ----------------------------------------------------------------------------------------------

function execInst(): string[] {
  const list: string[] = [];
  if (mode.value === "ISOLATED") list.push("ISOLATED_MARGIN");
  if (postOnly.value && kind.value === "LIMIT") list.push("POST_ONLY");
  if (reduceOnly.value) list.push("REDUCE_ONLY");
  return list;
}

export function orderParams(): Record<string, unknown> {
  const row = instrument.value!;
  const params: Record<string, unknown> = {
    instrument_name: row.symbol,
    side: side.value,
    type: kind.value,
    quantity: decimal.text(quantity.value, row.quantity_decimals),
    exec_inst: execInst(),
  };
  if (hasPrice.value) params["price"] = price.value.trim();
  if (isTrigger.value) {
    params["ref_price"] = trigger.value.trim();
    params["ref_price_type"] = triggerBy.value;
  } else if (kind.value === "LIMIT") params["time_in_force"] = tif.value;
  if (mode.value === "ISOLATED") {
    if (isolation.value) params["isolation_id"] = isolation.value.isolation_id;
    else params["leverage"] = decimal.plain(decimal.of(leverage.value.trim()));
    if (extraMargin.value.trim()) params["isolated_margin_amount"] = extraMargin.value.trim();
  }
  return params;
}

/** The legs that close what the order opens: triggers by mark, reduce-only, on the other side. */
export function attachedLegs(): Record<string, unknown>[] {
  const row = instrument.value!;
  const leg = (type: string, ref: string): Record<string, unknown> => ({
    instrument_name: row.symbol,
    side: side.value === "BUY" ? "SELL" : "BUY",
    type,
    quantity: decimal.text(quantity.value, row.quantity_decimals),
    ref_price: ref,
    ref_price_type: "MARK_PRICE",
    exec_inst: ["REDUCE_ONLY"],
  });
  const legs: Record<string, unknown>[] = [];
  if (attach.value && stopLoss.value.trim()) legs.push(leg("STOP_LOSS", stopLoss.value.trim()));
  if (attach.value && takeProfit.value.trim()) legs.push(leg("TAKE_PROFIT", takeProfit.value.trim()));
  return legs;
}

// ---- The preview: the server's word, asked for while typing ------------------------------------------------

export type PreviewState =
  | { kind: "none" }
  | { kind: "known"; preview: Preview; key: string }
  | { kind: "failed"; words: string; key: string };
export const preview = signal<PreviewState>({ kind: "none" });

export const previewKey = computed(() => (complete.value && person.value ? JSON.stringify(orderParams()) : ""));

/** What is shown was said of something else than what is typed now: until the answer is here it stays, dimmed. */
export const stale = computed(() => previewKey.value !== (preview.value.kind === "none" ? "" : preview.value.key));

let round = 0;
async function ask(key: string): Promise<void> {
  const mine = ++round;
  try {
    const answer = await call<Preview>("private/x/preview-order", JSON.parse(key) as Record<string, unknown>);
    if (mine === round) preview.value = { kind: "known", preview: answer, key };
  } catch (error) {
    const words = error instanceof Refusal || error instanceof Error ? error.message : String(error);
    if (mine === round) preview.value = { kind: "failed", words, key };
  }
}

/** Asked 120 ms after the last key, and again every second while the market moves under it. */
export function watchPreview(): void {
  let timer = 0;
  effect(() => {
    const key = previewKey.value;
    window.clearTimeout(timer);
    round++;
    if (!key) {
      preview.value = { kind: "none" };
      return;
    }
    const again = (pause: number): void => {
      timer = window.setTimeout(() => void ask(key).then(() => key === previewKey.peek() && again(1000)), pause);
    };
    again(120);
  });
}

/** Fills the amount with a part of the largest order that the server would accept. */
export async function usePercent(percent: number): Promise<void> {
  const row = instrument.value;
  if (!row || !person.value) return;
  if (reduceOnly.value) {
    const held = positions.value.find((one) => one.instrument_name === row.symbol &&
      (mode.value === "ISOLATED") === !!one.isolation_id);
    fill(decimal.abs(decimal.of(held?.quantity)), percent, row);
    return;
  }
  const probe = { ...orderParams(), quantity: row.qty_tick_size };
  try {
    const answer = await call<Preview>("private/x/preview-order", probe);
    fill(decimal.of(answer.max_order_quantity), percent, row);
  } catch {
    fill(decimal.ZERO, percent, row);
  }
}

function fill(most: Decimal, percent: number, row: Instrument): void {
  const part = decimal.div(decimal.mul(most, decimal.of(String(percent))), decimal.of("100"), row.quantity_decimals);
  unit.value = "COIN";
  amount.value = decimal.plain(decimal.floorTo(part, decimal.of(row.qty_tick_size)));
}
