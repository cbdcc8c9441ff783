// Risk at a glance: exposure by instrument, what is near liquidation, the queue and tape of liquidations, the fund, and
// whether prices can be trusted.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as decimal from "../shared/decimal";
import { StoryDialog } from "../shared/story";
import { Count, Num, Percent, Time } from "../shared/ui";
import {
  exposure, fundEvents, fundHistory, house, liquidations, sources, type Exposure, type FundEvent, type Liquidation, type Source,
} from "./state";
import { Table } from "./table";

const explained = signal<string | null>(null);

const EXPOSURE = [
  { title: "Instrument", text: true, show: (row: Exposure) => row.instrument_name },
  { title: "State", text: true, show: (row: Exposure) => <span class={"state " + row.state.toLowerCase()}>{row.state.toLowerCase().replace("_", " ")}</span> },
  { title: "Mark", show: (row: Exposure) => <><Num value={decimal.sign(decimal.of(row.mark_price)) ? row.mark_price : ""} field="mark_price" />{row.mark_stale && <span class="badge bad">stale</span>}{row.mark_pinned && <span class="badge">pinned</span>}</> },
  { title: "Open interest", show: (row: Exposure) => <Num value={row.open_interest} field="open_interest" /> },
  { title: "Value, USD", show: (row: Exposure) => <Num value={row.position_value} places={0} field="position_value" /> },
  { title: "Positions", show: (row: Exposure) => <Count value={row.positions} field="positions" /> },
  { title: "Isolated", show: (row: Exposure) => <Count value={row.isolations} field="isolations" /> },
  { title: "Within 1 %", show: (row: Exposure) => <Num value={row.within_1_percent} places={0} field="within_1_percent" /> },
  { title: "Within 2 %", show: (row: Exposure) => <Num value={row.within_2_percent} places={0} field="within_2_percent" /> },
  { title: "Within 5 %", show: (row: Exposure) => <Num value={row.within_5_percent} places={0} field="within_5_percent" /> },
  { title: "In liquidation", show: (row: Exposure) => <Count value={row.liquidating} field="liquidating" /> },
  { title: "Funding / 1 h", show: (row: Exposure) => <Percent value={row.funding_rate} places={4} signed field="funding_rate" /> },
];

const TAPE = [
  { title: "Began", show: (row: Liquidation) => <Time ms={row.start_time} date /> },
  { title: "Account", text: true, show: (row: Liquidation) => row.account },
  { title: "What", text: true, show: (row: Liquidation) => (row.kind === "ISOLATED" ? `${row.instrument_name} isolated` : "Cross account") },
  { title: "Quantity", show: (row: Liquidation) => <Num value={row.quantity} field="quantity" /> },
  { title: "Mark", show: (row: Liquidation) => <Num value={row.mark_price} field="mark_price" /> },
  { title: "Closed in book", show: (row: Liquidation) => <Num value={row.closed_quantity} field="closed_quantity" /> },
  { title: "Taken over", show: (row: Liquidation) => <Num value={row.taken_over_quantity} field="taken_over_quantity" /> },
  { title: "Deleveraged", show: (row: Liquidation) => <Num value={row.deleveraged_quantity} field="deleveraged_quantity" /> },
  { title: "To the fund", show: (row: Liquidation) => <Num value={row.to_insurance_fund} places={2} field="to_insurance_fund" /> },
  { title: "Uncovered", show: (row: Liquidation) => <Num value={row.uncovered_loss} places={2} field="uncovered_loss" /> },
  { title: "State", text: true, show: (row: Liquidation) => row.status.toLowerCase() },
  { title: "", show: (row: Liquidation) => row.isolation_id && <button type="button" class="small" onClick={() => (explained.value = row.isolation_id!)}>Explain</button> },
];

/** The fund over time. The plotting library is fetched when it is needed. */
function FundPlot() {
  const host = useRef<HTMLDivElement>(null);
  const rows = fundHistory.value;
  const last = rows[0]?.t ?? 0;
  useEffect(() => {
    let plot: { destroy(): void } | undefined;
    let gone = false;
    void import("uplot").then(({ default: UPlot }) => {
      if (gone || !host.current || rows.length < 2) return;
      const points = [...rows].reverse();
      const style = getComputedStyle(host.current);
      const axis = { stroke: style.getPropertyValue("--dim"), grid: { stroke: style.getPropertyValue("--line") } };
      plot = new UPlot({
        width: host.current.clientWidth, height: 160, legend: { show: false }, axes: [axis, { ...axis, size: 70 }],
        series: [{}, { stroke: style.getPropertyValue("--accent"), width: 1.5 }],
      }, [points.map((row) => row.t / 1000), points.map((row) => Number(row.v))], host.current);
    });
    return () => { gone = true; plot?.destroy(); };
  }, [last]);
  return <div class="plot" ref={host} role="img" aria-label="Balance of the insurance fund over time" />;
}

function Fund() {
  const row = house.value;
  if (!row) return null;
  const short = decimal.sign(decimal.of(row.INSURANCE)) < 0;
  return (
    <section class="panel" aria-label="Insurance fund">
      <h2>Insurance fund</h2>
      <dl>
        <div><dt>Balance</dt><dd class={short ? "down" : ""}><Num value={row.INSURANCE} places={2} field="INSURANCE" /> USD</dd></div>
        <div><dt>With its positions at mark</dt><dd><Num value={row.fund_equity} places={2} field="fund_equity" /> USD</dd></div>
        <div><dt>Fees earned</dt><dd><Num value={row.FEES} places={2} field="FEES" /> USD</dd></div>
        <div><dt>Waiting withdrawals</dt><dd><Num value={row.WITHDRAWALS} places={2} field="WITHDRAWALS" /> USD</dd></div>
      </dl>
      {fundHistory.value.length > 1 && <FundPlot />}
    </section>
  );
}

const FLOW: Record<string, string> = {
  PAID_IN: "paid in", LIQUIDATION_FEE: "liquidation fee", LIQUIDATION_REMAINDER: "what a liquidation left", UNCOVERED_LOSS: "uncovered loss",
  REALIZED_PNL: "result of positions taken over", SOCIALIZED_LOSS: "share of a loss given to the traders",
};

const FLOWS = [
  { title: "Time", show: (row: FundEvent) => <Time ms={row.t} date /> },
  { title: "Why", text: true, show: (row: FundEvent) => FLOW[row.kind] ?? row.kind.toLowerCase().replace(/_/g, " ") },
  { title: "Instrument", text: true, show: (row: FundEvent) => row.instrument_name ?? "–" },
  { title: "Amount, USD", show: (row: FundEvent) => <Num value={row.amount} places={2} signed colour field="fund_event" /> },
  { title: "Balance then", show: (row: FundEvent) => <Num value={row.balance} places={2} field="balance" /> },
];

const HELD = [
  { title: "Instrument", text: true, show: (row: Exposure) => row.instrument_name },
  { title: "Taken over", show: (row: Exposure) => <Num value={row.fund_quantity} signed colour field="fund_quantity" /> },
  { title: "At most", show: (row: Exposure) => (row.fund_position_cap === null ? "no limit" : <Num value={row.fund_position_cap} field="fund_position_cap" />) },
];

/** Money in and out of the fund, and the positions that nobody else took. */
function FundBook() {
  return (
    <>
      <section class="panel" aria-label="Positions of the fund">
        <h2>Positions taken over <small>what no book took</small></h2>
        <Table columns={HELD} rows={exposure.value} id={(row) => row.instrument_name} empty="No instrument is listed yet." />
      </section>
      <section class="panel double tall" aria-label="Flows of the fund">
        <h2>Flows of the fund <small>newest first, a day back</small></h2>
        <Table columns={FLOWS} rows={fundEvents.value} id={(row) => row.event_id} empty="Nothing has come in or gone out." />
      </section>
    </>
  );
}

const SOURCES = [
  { title: "Source", show: (row: Source) => <>{row.source} <small>{row.symbol} for {row.index_name}</small></> },
  { title: "Price", show: (row: Source) => <Num value={row.price} places={4} field="source_price" /> },
  { title: "Age", show: (row: Source) => (row.age_ms === undefined ? "–" : <><Num value={decimal.text({ units: BigInt(row.age_ms), scale: 3 }, 3)} places={1} field="age" /> s</>) },
  { title: "Off the index", show: (row: Source) => <Percent value={row.deviation} places={3} signed field="source_deviation" /> },
  { title: "Taken / failed", show: (row: Source) => <><Count value={row.taken} field="taken" /> / <Count value={row.failed} field="failed" /></> },
  { title: "Last error", text: true, show: (row: Source) => row.last_error || "–" },
];

function Feeds() {
  const stale = exposure.value.filter((row) => row.mark_stale);
  return (
    <section class="panel double" aria-label="Price feeds">
      <h2>Price feeds {stale.length > 0
        ? <span class="down">stale: {stale.map((row) => row.instrument_name).join(", ")}</span>
        : exposure.value.length > 0 && <span class="up">every mark is fresh</span>}</h2>
      <Table rows={sources.value} id={(row) => row.source} columns={SOURCES}
        empty="No price source is configured (--price-sources): prices come by operator/set-index-price or by hand." />
      <p class="hint">The index is the median of its sources. One that is too old is left out, then those more than three percent off the median.
        Without a price the mark goes stale: nobody is liquidated on it, triggers by mark wait, and nothing that adds risk is taken.</p>
    </section>
  );
}

export function Overview() {
  const running = liquidations.value.filter((row) => row.status === "RUNNING");
  return (
    <>
      <section class="panel wide" aria-label="Exposure">
        <h2>Exposure <small>notional within 1, 2 and 5 % of its liquidation price</small></h2>
        <Table columns={EXPOSURE} rows={exposure.value} id={(row) => row.instrument_name} empty="No instrument is listed yet." />
      </section>
      <Fund />
      <FundBook />
      <Feeds />
      <section class="panel wide" aria-label="Liquidations">
        <h2>Liquidations <small><Count value={running.length} field="running" /> under way</small></h2>
        <Table columns={TAPE} rows={liquidations.value} id={(row, at) => (row.isolation_id ?? row.account_id) + at} empty="No liquidation yet." />
      </section>
      {explained.value && <StoryDialog method="operator/explain" id={explained.value} onClose={() => (explained.value = null)} />}
    </>
  );
}
