// What if the mark moved? Drag it, and every row says what would become of it.
import { computed, signal } from "@preact/signals";
import * as decimal from "../shared/decimal";
import { Num, Percent } from "../shared/ui";
import { crossShare, suppose } from "./margin";
import { RatioBar } from "./positions";
import { rowKey } from "./results";
import { balance, instrument, marks, positions, symbol } from "./state";

export const whatIf = signal(false);
/** Thousandths of the mark, up or down. */
const move = signal(0);

const supposedMark = computed(() => {
  const mark = decimal.of(marks.value[symbol.value]);
  const factor = decimal.of(String(1000 + move.value));
  const places = instrument.value?.quote_decimals ?? 2;
  const product = decimal.div(decimal.mul(mark, factor), decimal.of("1000"), places);
  return decimal.floorTo(product, decimal.of(instrument.value?.price_tick_size));
});

/** The account's ratio with its cross positions of this instrument at the supposed mark: maintenance and fee reserve
 * over the equity. The totals of the API leave the reserve out on both sides; the rows have it. */
const crossRatio = computed(() => {
  const row = balance.value;
  if (!row) return null;
  let required = decimal.rescale(decimal.of(row.total_maintenance_margin), 8);
  let equity = decimal.rescale(decimal.of(row.total_margin_balance), 8);
  for (const position of positions.value) {
    if (position.isolation_id) continue;
    const reserve = decimal.rescale(decimal.of(position.fee_reserve), 8);
    required += reserve;
    equity += reserve;
    if (position.instrument_name !== symbol.value) continue;
    const share = crossShare(position, supposedMark.value);
    const present = crossShare(position, decimal.of(position.mark_price));
    if (!share || !present) return null;
    required += share.required - present.required;
    equity += share.gain;
  }
  if (equity <= 0n) return "1";
  return decimal.text({ units: (required * 100000000n + equity - 1n) / equity, scale: 8 }, 8);
});

export function WhatIf() {
  if (!whatIf.value) return null;
  const places = instrument.value?.quote_decimals ?? 2;
  const rows = positions.value;
  return (
    <section class="whatif" aria-label="What if the mark price moved">
      <div class="slide">
        <label>
          If the mark of {symbol.value} were <strong><Num value={decimal.text(supposedMark.value, places)} field="supposed_mark" /></strong>{" "}
          (<Percent value={decimal.text({ units: BigInt(move.value), scale: 3 }, 3)} places={1} signed field="move" />)
          <input type="range" min={-500} max={500} step={1} value={move.value} onInput={(event) => (move.value = Number(event.currentTarget.value))} />
        </label>
        <button type="button" class="small" onClick={() => (move.value = 0)}>Back to now</button>
        <button type="button" class="small" aria-label="Close what if" onClick={() => (whatIf.value = false)}>✕</button>
      </div>
      {rows.length === 0 && <p class="hint">You hold no position.</p>}
      {rows.map((row) => {
        const then = suppose(row, row.instrument_name === symbol.value ? supposedMark.value : decimal.of(row.mark_price));
        if (!then) return null;
        return (
          <p key={rowKey(row)} data-row={rowKey(row)}>
            <span class="name">{row.instrument_name}<span class={"badge " + (row.isolation_id ? "isolated" : "cross")}>{row.isolation_id ? "Isolated" : "Cross"}</span></span>
            {then.liquidated ? <strong class="down">would be liquidated: the most you lose is what is inside the fence</strong>
              : <RatioBar ratio={row.isolation_id ? then.ratio : crossRatio.value} label="Margin ratio then" />}
            <span>profit <Num value={then.pnl} places={2} signed colour field="profit" /></span>
          </p>
        );
      })}
    </section>
  );
}
