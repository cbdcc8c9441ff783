// The order book with grouping and depth bars, the depth picture, and the latest trades.
import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as decimal from "../shared/decimal";
import type { Level } from "../shared/types";
import { Choice, Num, Time } from "../shared/ui";
import * as draft from "./draft";
import { book, bookStep, instrument, marks, symbol, theme, tickers, trades } from "./state";

const ROWS = 12;
const view = signal<"book" | "depth" | "trades">("book");

interface Row {
  price: string;
  quantity: string;
  total: string;
  share: number;
}

/** Levels put together in steps of `step` ticks: bids downward, asks upward, so that a group never looks better. */
export function group(levels: Level[], tick: decimal.Decimal, step: number, up: boolean): Level[] {
  if (step === 1) return levels;
  const width = tick.units * BigInt(step);
  const groups: [bigint, bigint, number][] = [];
  let scale = 0;
  for (const [price, quantity] of levels) {
    const units = decimal.rescale(decimal.of(price), tick.scale);
    const key = up ? ((units + width - 1n) / width) * width : (units / width) * width;
    const amount = decimal.of(quantity);
    scale = amount.scale;
    const last = groups[groups.length - 1];
    if (last && last[0] === key) last[1] += amount.units;
    else groups.push([key, amount.units, scale]);
  }
  return groups.map(([key, units, places]) => [
    decimal.text({ units: key, scale: tick.scale }, tick.scale), decimal.text({ units, scale: places }, places), "0",
  ]);
}

function ladder(levels: Level[], places: number): Row[] {
  let total = decimal.ZERO;
  const rows = levels.slice(0, ROWS).map(([price, quantity]) => {
    total = decimal.add(total, decimal.of(quantity));
    return { price, quantity, total: decimal.text(total, places), share: 0 };
  });
  const whole = decimal.toNumber(total) || 1;
  rows.forEach((row) => (row.share = Number(row.total) / whole));
  return rows;
}

const sides = computed(() => {
  const row = instrument.value;
  if (!row) return { asks: [] as Row[], bids: [] as Row[] };
  const tick = decimal.of(row.price_tick_size);
  const places = row.quantity_decimals;
  return {
    asks: ladder(group(book.value.asks, tick, bookStep.value, true), places),
    bids: ladder(group(book.value.bids, tick, bookStep.value, false), places),
  };
});

function pick(price: string): void {
  draft.price.value = price;
  if (!draft.hasPrice.value) draft.kind.value = "LIMIT";
}

/** The level that the arrow keys are on, by its price: it stays with the price while the book moves. */
const marked = { ask: signal(""), bid: signal("") };

/** One tab stop for the whole side: the arrow keys move, Enter takes the price. Rows have fixed places, and prices go
 * through them: nothing on the screen moves when a level comes or goes. */
function Side(props: { rows: Row[]; kind: "ask" | "bid"; label: string }) {
  const { kind } = props;
  const rows = kind === "ask" ? [...props.rows].reverse() : props.rows;
  const above = kind === "ask" ? ROWS - rows.length : 0;
  return (
    <div class={"side " + kind} role="listbox" aria-label={props.label} tabIndex={0} onKeyDown={(event) => move(event, kind, rows)}>
      {Array.from({ length: ROWS }, (_, at) => <Level key={at} row={rows[at - above]} kind={kind} />)}
    </div>
  );
}

function Level(props: { row: Row | undefined; kind: "ask" | "bid" }) {
  const { row } = props;
  if (!row) return <div class="level blank" />;
  const on = marked[props.kind].value === row.price;
  return (
    <div class="level" role="option" aria-selected={on ? "true" : "false"} data-price={row.price} onClick={() => pick(row.price)}
      style={{ backgroundSize: `${(row.share * 100).toFixed(1)}% calc(100% - 2px)` }}>
      <span class="price">{decimal.spaced(row.price)}</span>
      <span>{decimal.spaced(row.quantity)}</span>
      <span class="dim">{decimal.spaced(row.total)}</span>
    </div>
  );
}

function move(event: preact.JSX.TargetedKeyboardEvent<HTMLDivElement>, kind: "ask" | "bid", rows: Row[]): void {
  const at = rows.findIndex((row) => row.price === marked[kind].value);
  if (event.key === "Enter" && at >= 0) return pick(rows[at]!.price);
  const next = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : at;
  if (next === at || !rows[next]) return;
  event.preventDefault();
  marked[kind].value = rows[next]!.price;
}

function Ladder() {
  const row = instrument.value;
  const last = tickers.value[symbol.value]?.a;
  const { asks, bids } = sides.value;
  return (
    <div class="ladder">
      <div class="level head"><span>Price</span><span>Quantity</span><span>Total</span></div>
      <Side rows={asks} kind="ask" label="Asks: offers to sell" />
      <div class="middle">
        <strong title="Last price"><Num value={last} field="book.last" /></strong>
        <span class="dim">mark <Num value={marks.value[symbol.value]} field="book.mark" /></span>
        <label class="grouping">
          <span class="hidden">Group prices by</span>
          <select value={String(bookStep.value)} onChange={(event) => (bookStep.value = Number(event.currentTarget.value))}>
            {[1, 2, 5, 10, 50, 100].map((step) => (
              <option key={step} value={String(step)}>
                {row ? decimal.plain(decimal.mul(decimal.of(row.price_tick_size), decimal.of(String(step)))) : step}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Side rows={bids} kind="bid" label="Bids: offers to buy" />
    </div>
  );
}

// ---- Depth: drawn, not laid out ----------------------------------------------------------------------------

function drawDepth(canvas: HTMLCanvasElement): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d")!;
  const style = getComputedStyle(canvas);
  pen.scale(ratio, ratio);
  const cumulate = (levels: Level[]): [number, number][] => {
    let total = 0;
    return levels.map(([price, quantity]) => [Number(price), (total += Number(quantity))]);
  };
  const bids = cumulate(book.value.bids);
  const asks = cumulate(book.value.asks);
  const low = bids[bids.length - 1]?.[0] ?? 0;
  const high = asks[asks.length - 1]?.[0] ?? 1;
  const most = Math.max(bids[bids.length - 1]?.[1] ?? 0, asks[asks.length - 1]?.[1] ?? 0, 1e-9);
  const x = (price: number): number => ((price - low) / (high - low || 1)) * width;
  const y = (total: number): number => height - (total / most) * (height - 12);
  const area = (points: [number, number][], colour: string): void => {
    if (points.length === 0) return;
    pen.beginPath();
    pen.moveTo(x(points[0]![0]), height);
    let before = height;
    for (const [price, total] of points) {
      pen.lineTo(x(price), before);
      pen.lineTo(x(price), (before = y(total)));
    }
    pen.strokeStyle = pen.fillStyle = colour;
    pen.stroke();
    pen.lineTo(x(points[points.length - 1]![0]), height);
    pen.globalAlpha = 0.18;
    pen.fill();
    pen.globalAlpha = 1;
  };
  area(bids, style.getPropertyValue("--up"));
  area(asks, style.getPropertyValue("--down"));
}

function Depth() {
  const ref = useRef<HTMLCanvasElement>(null);
  const { u } = book.value;
  const tone = theme.value;
  useEffect(() => {
    if (ref.current) drawDepth(ref.current);
  }, [u, tone]);
  return <canvas class="depth" ref={ref} role="img" aria-label="Depth of the order book" />;
}

function Tape() {
  return (
    <div class="tape" role="table" aria-label="Latest trades">
      <div class="level head" role="row"><span role="columnheader">Price</span><span role="columnheader">Quantity</span><span role="columnheader">Time</span></div>
      {trades.value.map((trade) => (
        <div class={"level " + (trade.s === "BUY" ? "up" : "down")} role="row" key={trade.d}>
          <span class="price" role="cell">{decimal.spaced(trade.p)}</span><span role="cell">{decimal.spaced(trade.q)}</span><span class="dim" role="cell"><Time ms={trade.t} /></span>
        </div>
      ))}
    </div>
  );
}

export function Book() {
  return (
    <section class="panel book" aria-label="Order book and trades">
      <Choice label="What to show" class="tabs" value={view.value} onChange={(value) => (view.value = value)}
        options={[["book", "Book"], ["depth", "Depth"], ["trades", "Trades"]] as const} />
      {view.value === "book" ? <Ladder /> : view.value === "depth" ? <Depth /> : <Tape />}
    </section>
  );
}
