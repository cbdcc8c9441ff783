// Listing an instrument, changing its risk with the impact shown first, states, the kill switch, prices by hand.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import { Dialog, Num, Percent, saying, Select, tell } from "../shared/ui";
import { act, exposure, refresh, type Exposure, type Row } from "./state";
import { Table } from "./table";

const STATES = ["OPEN", "POST_ONLY", "REDUCE_ONLY", "CANCEL_ONLY", "HALTED"] as const;
type State = (typeof STATES)[number];
const MEANING: Record<State, string> = {
  OPEN: "everything", POST_ONLY: "only orders that rest", REDUCE_ONLY: "only orders that reduce a position",
  CANCEL_ONLY: "only cancelling and adding margin; no liquidation", HALTED: "only cancelling and adding margin; no liquidation",
};

type Opened = { kind: "new" } | { kind: "risk"; name: string } | { kind: "state"; name: string; state: State } | { kind: "kill" } | null;
const opened = signal<Opened>(null);
const shut = (): void => void (opened.value = null);

interface Field {
  key: string;
  title: string;
  hint?: string;
}

const LISTING: Field[] = [
  { key: "instrument_name", title: "Name", hint: "BTCUSD-PERP" }, { key: "base_ccy", title: "Base currency", hint: "BTC" },
  { key: "price_tick_size", title: "Price tick", hint: "0.5" }, { key: "qty_tick_size", title: "Quantity step", hint: "0.0001" },
];
const RISK: Field[] = [
  { key: "max_leverage", title: "Largest leverage" }, { key: "unit_margin_rate", title: "Unit margin rate" },
  { key: "maker_fee_rate", title: "Maker fee, fraction" }, { key: "taker_fee_rate", title: "Taker fee, fraction" },
  { key: "liquidation_fee_rate", title: "Liquidation fee, fraction" }, { key: "price_band", title: "Price band, fraction" },
  { key: "max_order_quantity", title: "Largest order" }, { key: "max_position_quantity", title: "Largest position" },
  { key: "mark_stale_ms", title: "Mark is stale after, ms (0 = never)" }, { key: "fund_position_cap", title: "Fund takes over at most" },
  { key: "funding_cap_rate", title: "Funding cap per hour, fraction" }, { key: "min_notional", title: "Smallest order, USD" },
];

/** Only plain decimals leave the form; names and modes go as they are. */
function wrong(key: string, text: string): string | undefined {
  if (text.trim() === "" || key === "instrument_name" || key === "base_ccy") return undefined;
  return decimal.parse(text.trim()) ? undefined : "This is not a plain decimal number.";
}

function Fields(props: { fields: Field[]; values: Record<string, string>; set: (key: string, text: string) => void }) {
  return (
    <div class="columns">
      {props.fields.map((field) => {
        const fault = wrong(field.key, props.values[field.key] ?? "");
        return (
          <label class="text" key={field.key}>{field.title}
            <input name={field.key} placeholder={field.hint} value={props.values[field.key] ?? ""} aria-invalid={fault ? "true" : "false"}
              onInput={(event) => props.set(field.key, event.currentTarget.value)} />
            {fault && <span class="fault" role="alert">{fault}</span>}
          </label>
        );
      })}
    </div>
  );
}

function given(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim() !== "").map(([key, text]) => [key, text.trim()]));
}

function ListDialog() {
  const [values, setValues] = useState<Record<string, string>>({});
  const set = (key: string, text: string): void => setValues({ ...values, [key]: text });
  const bad = Object.entries(values).some(([key, text]) => wrong(key, text));
  const ready = LISTING.every((field) => values[field.key]?.trim()) && !bad;
  return (
    <Dialog title="List an instrument" wide onClose={shut}>
      <Fields fields={[...LISTING, ...RISK]} values={values} set={set} />
      <p class="hint">What is left empty takes the venue's default. Trading begins when a mark price is there.</p>
      <button type="button" class="primary" disabled={!ready}
        onClick={() => void act("Listed.", "operator/create-instrument", { quote_ccy: "USD", ...given(values) }).then((done) => done && shut())}>List it</button>
    </Dialog>
  );
}

interface Impact {
  affected: number;
  accounts: { account: string; account_id: string; isolation_id?: string; shortfall: string }[];
}

/** The change is tried first: who would fall below maintenance is on the screen before the button works. */
function RiskDialog(props: { name: string }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [impact, setImpact] = useState<Impact | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const set = (key: string, text: string): void => {
    setValues({ ...values, [key]: text });
    setImpact(null);
  };
  const params = { instrument_name: props.name, ...given(values) };
  const bad = Object.entries(values).some(([key, text]) => wrong(key, text));
  const look = (): void => {
    setFault(null);
    call<Impact>("operator/update-instrument", { ...params, dry_run: true }).then(setImpact, (error: unknown) => setFault(saying(error)));
  };
  return (
    <Dialog title={`Risk of ${props.name}`} wide onClose={shut}>
      <Fields fields={RISK} values={values} set={set} />
      <p class="hint">Empty fields stay as they are.</p>
      {fault && <p class="fault" role="alert">{fault}</p>}
      {impact && (
        <section class="impact" aria-label="Impact">
          <p><strong>{impact.affected}</strong> {impact.affected === 1 ? "account or fence" : "accounts or fences"} would be below maintenance at once.</p>
          <Table rows={impact.accounts} id={(row, at) => row.account_id + at} empty="Nobody would be liquidated by this change."
            columns={[
              { title: "Account", show: (row) => row.account }, { title: "What", show: (row) => (row.isolation_id ? `isolation ${row.isolation_id}` : "cross") },
              { title: "Missing, USD", show: (row) => <Num value={row.shortfall} places={2} /> },
            ]} />
        </section>
      )}
      <button type="button" class={impact ? "" : "primary"} disabled={bad || Object.keys(given(values)).length === 0} onClick={look}>Show the impact</button>
      <button type="button" class="danger" disabled={!impact || bad}
        onClick={() => void act("Risk parameters changed.", "operator/update-instrument", params).then((done) => done && shut())}>Apply the change</button>
    </Dialog>
  );
}

function StateDialog(props: { name: string; state: State }) {
  return (
    <Dialog title={`${props.name}: ${props.state}`} onClose={shut}>
      <p>Allowed then: {MEANING[props.state]}. Cancelling is always allowed.</p>
      <button type="button" class={props.state === "OPEN" ? "primary" : "danger"}
        onClick={() => void act(`${props.name} is ${props.state} now.`, "operator/set-instrument-state", { instrument_name: props.name, state: props.state }).then((done) => done && shut())}>
        Set {props.state.toLowerCase().replace("_", " ")}
      </button>
    </Dialog>
  );
}

function KillDialog() {
  const halt = async (): Promise<void> => {
    for (const row of exposure.value)
      if (row.state !== "SETTLED") await call("operator/set-instrument-state", { instrument_name: row.instrument_name, state: "HALTED" });
    tell("Every instrument is halted.", "bad");
    await refresh();
    shut();
  };
  return (
    <Dialog title="Halt everything" onClose={shut}>
      <p>All instruments are halted: no new order, no liquidation. Users can still cancel and add margin. Opening again is one by one.</p>
      <button type="button" class="danger" onClick={() => void halt().catch((error: unknown) => tell(saying(error), "bad"))}>Halt all instruments</button>
    </Dialog>
  );
}

function MarkButton(props: { row: Exposure }) {
  const [price, setPrice] = useState("");
  const { row } = props;
  if (row.mark_pinned)
    return <button type="button" class="small" onClick={() => void act("The mark follows index and book again.", "operator/clear-mark-price", { instrument_name: row.instrument_name })}>Release mark</button>;
  return (
    <span class="withbuttons">
      <input class="short" aria-label={"Mark price to pin on " + row.instrument_name} inputMode="decimal" value={price} onInput={(event) => setPrice(event.currentTarget.value)} />
      <button type="button" class="small" disabled={!decimal.parse(price)} onClick={() => void act("Mark pinned.", "operator/set-mark-price", { instrument_name: row.instrument_name, price }).then(() => setPrice(""))}>Pin mark</button>
    </span>
  );
}

const columns = [
  { title: "Instrument", show: (row: Exposure) => row.instrument_name },
  { title: "State", show: (row: Exposure) => (
    <select aria-label={"State of " + row.instrument_name} value={row.state} onChange={(event) => {
      opened.value = { kind: "state", name: row.instrument_name, state: event.currentTarget.value as State };
      event.currentTarget.value = row.state;
    }}>
      {[...STATES, ...(row.state === "SETTLED" ? ["SETTLED"] : [])].map((state) => <option key={state} value={state}>{state.toLowerCase().replace("_", " ")}</option>)}
    </select>) },
  { title: "Mark", show: (row: Exposure) => <Num value={row.mark_price} places={2} /> },
  { title: "Index", show: (row: Exposure) => <Num value={row.index_price} places={2} /> },
  { title: "Funding / 1 h", show: (row: Exposure) => <Percent value={row.funding_rate} places={4} signed /> },
  { title: "By hand", show: (row: Exposure) => <MarkButton row={row} /> },
  { title: "", show: (row: Exposure) => <button type="button" class="small" onClick={() => (opened.value = { kind: "risk", name: row.instrument_name })}>Risk…</button> },
];

function Announce() {
  const [title, setTitle] = useState("");
  const [content, setContent] = useState("");
  const [category, setCategory] = useState<"system" | "list" | "delist">("system");
  return (
    <section class="panel" aria-label="Announcement">
      <h2>Announce</h2>
      <label class="text">Title<input name="title" value={title} onInput={(event) => setTitle(event.currentTarget.value)} /></label>
      <label class="text">Text<input name="content" value={content} onInput={(event) => setContent(event.currentTarget.value)} /></label>
      <Select label="Category" value={category} onChange={setCategory} options={[["system", "System"], ["list", "Listing"], ["delist", "Delisting"]] as const} />
      <button type="button" class="primary" disabled={!title.trim()} onClick={() => void act("Announced.", "operator/announce", { title, content, category } as Row).then((done) => done && setTitle(""))}>Publish</button>
    </section>
  );
}

export function Instruments() {
  const what = opened.value;
  return (
    <>
      <section class="panel wide" aria-label="Instruments">
        <div class="bar">
          <h2>Instruments</h2>
          <span class="withbuttons">
            <button type="button" class="primary" onClick={() => (opened.value = { kind: "new" })}>List an instrument</button>
            <button type="button" class="danger" onClick={() => (opened.value = { kind: "kill" })}>Halt everything</button>
          </span>
        </div>
        <Table columns={columns} rows={exposure.value} id={(row) => row.instrument_name} empty="No instrument is listed yet. Begin with List an instrument." />
      </section>
      <Announce />
      {what?.kind === "new" && <ListDialog />}
      {what?.kind === "risk" && <RiskDialog name={what.name} />}
      {what?.kind === "state" && <StateDialog name={what.name} state={what.state} />}
      {what?.kind === "kill" && <KillDialog />}
    </>
  );
}
