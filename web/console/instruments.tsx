// Listing an instrument, states, the kill switch, prices by hand.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import { Dialog, Num, Percent, saying, Select, tell } from "../shared/ui";
import { act, exposure, refresh, type Exposure, type Row } from "./state";
import { Fields, given, RISK, RiskDialog, wrong, type Field } from "./risk";
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

const LISTING: Field[] = [
  { key: "instrument_name", title: "Name", hint: "BTCUSD-PERP" }, { key: "base_ccy", title: "Base currency", hint: "BTC" },
  { key: "price_tick_size", title: "Price tick", hint: "0.5" }, { key: "qty_tick_size", title: "Quantity step", hint: "0.0001" },
];

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
    shut();
    await refresh();
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
  { title: "State", text: true, show: (row: Exposure) => (
    <select aria-label={"State of " + row.instrument_name} value={row.state} onChange={(event) => {
      opened.value = { kind: "state", name: row.instrument_name, state: event.currentTarget.value as State };
      event.currentTarget.value = row.state;
    }}>
      {[...STATES, ...(row.state === "SETTLED" ? ["SETTLED"] : [])].map((state) => <option key={state} value={state}>{state.toLowerCase().replace("_", " ")}</option>)}
    </select>) },
  { title: "Mark", show: (row: Exposure) => <Num value={decimal.sign(decimal.of(row.mark_price)) ? row.mark_price : ""} field="mark_price" /> },
  { title: "Index", show: (row: Exposure) => <Num value={decimal.sign(decimal.of(row.index_price)) ? row.index_price : ""} places={decimal.of(row.mark_price).scale} field="index_price" /> },
  { title: "Funding / 1 h", show: (row: Exposure) => <Percent value={row.funding_rate} places={4} signed field="funding_rate" /> },
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
      {what?.kind === "risk" && <RiskDialog name={what.name} onClose={shut} />}
      {what?.kind === "state" && <StateDialog name={what.name} state={what.state} />}
      {what?.kind === "kill" && <KillDialog />}
    </>
  );
}
