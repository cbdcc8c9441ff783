// What stands behind the market: risk tiers, the insurance fund, liquidations of others.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../shared/api";
import type { Sample } from "../shared/types";
import { Choice, Empty, Num, Percent, Time } from "../shared/ui";
import { risks } from "./margin";
import { placesOf } from "./positions";
import { liquidations, symbol, theme, type LiquidationRow } from "./state";

const view = signal<"tiers" | "fund" | "liquidations">("tiers");

function Tiers() {
  const risk = risks.value[symbol.value];
  if (!risk) return <Empty>The risk parameters are not here yet.</Empty>;
  return (
    <div class="tiers">
      <dl>
        <div><dt>Largest leverage</dt><dd><span class="num" data-field="max_leverage" data-value={risk.max_leverage}>{risk.max_leverage}×</span></dd></div>
        <div><dt>Maker / taker fee</dt><dd><Percent value={risk.maker_fee_rate} places={3} field="maker_fee_rate" /> / <Percent value={risk.taker_fee_rate} places={3} field="taker_fee_rate" /></dd></div>
        <div><dt>Liquidation fee</dt><dd><Percent value={risk.liquidation_fee_rate} places={2} field="liquidation_fee_rate" /></dd></div>
        <div><dt>Price band</dt><dd>± <Percent value={risk.price_band} places={1} field="price_band" /></dd></div>
        <div><dt>Funding cap per hour</dt><dd><Percent value={risk.funding_cap_rate} places={2} field="funding_cap_rate" /></dd></div>
      </dl>
      {risk.tiers.length > 0 ? (
        <table>
          <thead><tr><th scope="col">From, USD</th><th scope="col">Initial</th><th scope="col">Maintenance</th><th scope="col">Leverage</th></tr></thead>
          <tbody>
            {risk.tiers.map((tier) => (
              <tr key={tier.min_notional} data-row={tier.min_notional}>
                <td><Num value={tier.min_notional} places={0} field="min_notional" /></td><td><Percent value={tier.imr} field="imr" /></td><td><Percent value={tier.mmr} field="mmr" /></td>
                <td><span class="num" data-field="max_leverage" data-value={tier.max_leverage}>{tier.max_leverage}×</span></td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : <p class="hint">Maintenance is half of the initial margin at the largest leverage; larger sizes need more.</p>}
    </div>
  );
}

function drawLine(canvas: HTMLCanvasElement, rows: Sample[]): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio, ratio);
  const points = [...rows].reverse().map((row) => [row.t, Number(row.v)] as const);
  if (points.length < 2) return;
  const values = points.map((point) => point[1]);
  const low = Math.min(...values), high = Math.max(...values);
  const from = points[0]![0], to = points[points.length - 1]![0];
  pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--accent");
  pen.lineWidth = 1.5;
  pen.beginPath();
  points.forEach(([t, v], at) => {
    const x = ((t - from) / (to - from || 1)) * width;
    const y = height - 6 - ((v - low) / (high - low || 1)) * (height - 12);
    if (at === 0) pen.moveTo(x, y);
    else pen.lineTo(x, y);
  });
  pen.stroke();
}

function Fund() {
  const [rows, setRows] = useState<Sample[]>([]);
  const ref = useRef<HTMLCanvasElement>(null);
  const tone = theme.value;
  useEffect(() => {
    const ask = (): void => void call<{ data: Sample[] }>("public/get-insurance", { instrument_name: "USD", count: 300 })
      .then((answer) => setRows(answer.data)).catch(() => undefined);
    ask();
    const timer = window.setInterval(ask, 15_000);
    return () => window.clearInterval(timer);
  }, []);
  useEffect(() => { if (ref.current) drawLine(ref.current, rows); }, [rows, tone]);
  return (
    <div class="fund">
      <p>The insurance fund holds <Num value={rows[0]?.v} places={2} field="insurance" /> USD. It receives what a liquidation leaves and pays what one cannot.</p>
      {rows.length > 1 ? <canvas ref={ref} role="img" aria-label="Balance of the insurance fund over time" /> : <Empty>Its history begins now.</Empty>}
    </div>
  );
}

const STEP: Record<LiquidationRow["kind"], string> = {
  START: "began", FILL: "closed in the book", TAKEOVER: "taken over by the fund", ADL: "deleveraged", RECOVERED: "recovered", END: "ended",
};

function Liquidations() {
  if (liquidations.value.length === 0) return <Empty>No liquidation since you opened the page. When somebody's position is liquidated, each step of it stands here.</Empty>;
  return (
    <div class="scroll tall" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th><th scope="col" class="text">Instrument</th><th scope="col" class="text">Step</th><th scope="col">Quantity</th>
            <th scope="col">Price</th><th scope="col">To the fund</th><th scope="col">Uncovered loss</th>
          </tr>
        </thead>
        <tbody>
          {liquidations.value.map((row, at) => {
            const places = placesOf(row.i);
            return (
              <tr key={at} data-row={at}>
                <td><Time ms={row.t} /></td>
                <td class="text">{row.i} <span class={"badge " + (row.isolated ? "isolated" : "cross")}>{row.isolated ? "Isolated" : "Cross"}</span></td>
                <td class="text">{STEP[row.kind]}</td>
                <td class={row.s === "BUY" ? "up" : row.s === "SELL" ? "down" : ""}><Num value={row.q} places={places.qty} field="q" /></td>
                <td><Num value={row.p} places={places.price} field="p" /></td>
                <td><Num value={row.to_insurance_fund} places={2} field="to_insurance_fund" /></td>
                <td><Num value={row.uncovered_loss} places={2} field="uncovered_loss" /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function MarketInfo() {
  return (
    <section class="panel info" aria-label="About this market">
      <Choice label="What to show" class="tabs" value={view.value} onChange={(value) => (view.value = value)}
        options={[["tiers", "Risk"], ["fund", "Insurance fund"], ["liquidations", "Liquidations"]] as const} />
      {view.value === "tiers" ? <Tiers /> : view.value === "fund" ? <Fund /> : <Liquidations />}
    </section>
  );
}
