// Open orders and the tables of the past, each with its CSV.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Order } from "../shared/types";
import { StoryDialog } from "../shared/story";
import { Choice, confirm, Empty, Num, saying, tell, Time } from "../shared/ui";
import { words } from "../shared/words";
import { historyStamp, orders, person } from "./state";
import { placesOf, Positions } from "./positions";
import { WhatIf } from "./whatif";

type Tab = "positions" | "orders" | "order-history" | "trades" | "funding" | "transfers" | "liquidations" | "closed";
const TABS: readonly (readonly [Tab, string])[] = [
  ["positions", "Positions"], ["orders", "Open orders"], ["order-history", "Order history"], ["trades", "Trades"],
  ["funding", "Funding"], ["transfers", "Transfers"], ["liquidations", "Liquidations"], ["closed", "Closed positions"],
];
export const tab = signal<Tab>("positions");

const TYPES: Record<string, string> = {
  LIMIT: "Limit", MARKET: "Market", STOP_LOSS: "Stop", STOP_LIMIT: "Stop limit", TAKE_PROFIT: "Take profit", TAKE_PROFIT_LIMIT: "Take profit limit",
};

function Mode(props: { id: string | undefined }) {
  return <span class={"badge " + (props.id ? "isolated" : "cross")}>{props.id ? "Isolated" : "Cross"}</span>;
}

function Side(props: { side: string }) {
  return <span class={props.side === "BUY" ? "up" : "down"}>{props.side === "BUY" ? "Buy" : "Sell"}</span>;
}

// ---- Open orders -------------------------------------------------------------------------------------------

async function attempt(done: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
    tell(done, "good");
  } catch (error) {
    tell(saying(error), "bad");
  }
}

const isAdvanced = (order: Order): boolean => order.status === "PENDING" || !!order.ref_price;
const base = (order: Order): string => (isAdvanced(order) ? "private/advanced/" : "private/");

function OpenOrder(props: { order: Order }) {
  const { order } = props;
  const places = placesOf(order.instrument_name);
  const [price, setPrice] = useState<string | null>(null);
  const [quantity, setQuantity] = useState("");
  const amend = (): void => {
    void attempt("Order changed.", () => call(base(order) + "amend-order", {
      order_id: order.order_id, new_price: price, new_quantity: quantity,
    }));
    setPrice(null);
  };
  const editing = price !== null;
  return (
    <tr data-order={order.order_id}>
      <th scope="row">{order.instrument_name} <Mode id={order.isolation_id} /></th>
      <td class="text" data-label="Type">{TYPES[order.order_type] ?? order.order_type}{order.exec_inst.includes("REDUCE_ONLY") ? ", reduce only" : ""}{order.exec_inst.includes("POST_ONLY") ? ", post only" : ""}</td>
      <td class="text" data-label="Side"><Side side={order.side} /></td>
      <td data-label="Price">{editing
        ? <input aria-label="New price" inputMode="decimal" value={price ?? ""} onInput={(event) => setPrice(event.currentTarget.value)} />
        : <Num value={decimal.sign(decimal.of(order.limit_price)) ? order.limit_price : ""} places={places.price} field="limit_price" />}</td>
      <td data-label="Trigger">{order.ref_price ? <><Num value={order.ref_price} places={places.price} field="ref_price" /> <small>{order.ref_price_type?.replace("_PRICE", "").toLowerCase()}</small></> : "–"}</td>
      <td data-label="Quantity">{editing
        ? <input aria-label="New quantity" inputMode="decimal" value={quantity} onInput={(event) => setQuantity(event.currentTarget.value)} />
        : <Num value={order.quantity} places={places.qty} field="quantity" />}</td>
      <td data-label="Filled"><Num value={order.cumulative_quantity} places={places.qty} field="cumulative_quantity" /></td>
      <td class="text" data-label="Placed"><Time ms={order.create_time} date /></td>
      <td class="actions">
        {editing ? (
          <>
            <button type="button" class="small" onClick={amend}>Save</button>
            <button type="button" class="small" onClick={() => setPrice(null)}>Keep</button>
          </>
        ) : (
          <>
            <button type="button" class="small" onClick={() => { setPrice(decimal.plain(decimal.of(order.limit_price))); setQuantity(decimal.plain(decimal.of(order.quantity))); }}>Change</button>
            <button type="button" class="small" onClick={() => void attempt("Order cancelled.", () => call(base(order) + "cancel-order", { order_id: order.order_id }))}>Cancel</button>
          </>
        )}
      </td>
    </tr>
  );
}

function cancelAll(): void {
  const count = orders.value.length;
  confirm("Cancel all orders", `${count === 1 ? "The one open order is" : `All ${count} open orders are`} cancelled, take profits and stop losses too.`, "Cancel all orders",
    () => void attempt("All orders cancelled.", () => call("private/advanced/cancel-all-orders", { type: "ALL" })));
}

function OpenOrders() {
  if (!person.value) return <Empty>Log in to see your orders.</Empty>;
  if (orders.value.length === 0) return <Empty>No open orders. A resting isolated order holds its margin inside the fence until it fills or is cancelled.</Empty>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Instrument</th><th scope="col" class="text">Type</th><th scope="col" class="text">Side</th><th scope="col">Price</th><th scope="col">Trigger</th>
            <th scope="col">Quantity</th><th scope="col">Filled</th><th scope="col" class="text">Placed</th>
            <th scope="col"><button type="button" class="small" onClick={cancelAll}>Cancel all</button></th>
          </tr>
        </thead>
        <tbody>{orders.value.map((order) => <OpenOrder order={order} key={order.order_id} />)}</tbody>
      </table>
    </div>
  );
}

// ---- The past ----------------------------------------------------------------------------------------------

type Row = Record<string, unknown>;
interface Column {
  title: string;
  key: string;
  /** Words stand at the left, numbers at the right. */
  words: boolean;
  show: (row: Row) => preact.ComponentChildren;
}

const text = (row: Row, key: string): string => (row[key] === undefined || row[key] === null ? "" : String(row[key]));
const column = (title: string, key: string, show?: (row: Row) => preact.ComponentChildren): Column =>
  ({ title, key, words: true, show: show ?? ((row) => text(row, key) || "–") });
const figure = (title: string, key: string, show: (row: Row) => preact.ComponentChildren): Column => ({ title, key, words: false, show });
const time = (title: string, key: string): Column => column(title, key, (row) => (row[key] ? <Time ms={Number(row[key])} date /> : "–"));
const money = (title: string, key: string, colour = false): Column =>
  figure(title, key, (row) => <Num value={text(row, key)} places={4} signed={colour} colour={colour} field={key} />);
const price = (title: string, key: string): Column =>
  figure(title, key, (row) => <Num value={text(row, key)} places={placesOf(text(row, "instrument_name")).price} field={key} />);
const qty = (title: string, key: string): Column =>
  figure(title, key, (row) => <Num value={text(row, key)} places={placesOf(text(row, "instrument_name")).qty} field={key} />);
const name = column("Instrument", "instrument_name", (row) => <>{text(row, "instrument_name")} <Mode id={text(row, "isolation_id") || undefined} /></>);
/** Money names its currency, and the instrument of the position that it belongs to beside it. */
const about = column("Instrument", "position_instrument_name", (row) => <>{text(row, "position_instrument_name") || "–"} <Mode id={text(row, "isolation_id") || undefined} /></>);
const side = column("Side", "side", (row) => (row["side"] ? <Side side={text(row, "side")} /> : "–"));

export const story = signal<string | null>(null);

interface Past {
  method: string;
  params: Record<string, unknown>;
  /** What the table is about, where its name does not say it. */
  note?: string;
  empty: string;
  columns: Column[];
}

const PAST: Partial<Record<Tab, Past>> = {
  "order-history": {
    method: "private/get-order-history", params: {}, empty: "No finished order in this time.",
    columns: [time("Finished", "update_time"), name, column("Type", "order_type", (row) => TYPES[text(row, "order_type")] ?? ""), side,
      price("Price", "limit_price"), price("Average", "avg_price"), qty("Quantity", "quantity"), qty("Filled", "cumulative_quantity"),
      money("Fee", "cumulative_fee"), column("Status", "status", (row) => (
        <span title={row["reason"] ? words(Number(row["reason"]), "") : ""}>{text(row, "status").toLowerCase()}{row["reason"] ? <> (<span data-field="reason" data-value={text(row, "reason")}>{text(row, "reason")}</span>)</> : ""}</span>))],
  },
  trades: {
    method: "private/get-trades", params: {}, empty: "No trade in this time.",
    columns: [time("Time", "create_time"), name, side, price("Price", "traded_price"), qty("Quantity", "traded_quantity"),
      money("Fee", "fees", true), money("Realised", "realized_pnl", true), column("Role", "taker_side", (row) => text(row, "taker_side").toLowerCase())],
  },
  funding: {
    method: "private/get-transactions", params: { journal_type: "FUNDING" }, empty: "No funding in this time. It is settled at every full hour.",
    columns: [time("Time", "event_timestamp_ms"), about, money("Paid or received", "transaction_qty", true)],
  },
  transfers: {
    method: "private/get-transactions", params: { journal_type: "SUBACCOUNT_TX" }, empty: "No transfer between the main account and a fence in this time.",
    columns: [time("Time", "event_timestamp_ms"), column("Where", "isolation_id", (row) => (row["isolation_id"] ? "Fence" : "Main account")), column("Instrument", "position_instrument_name"),
      money("Amount", "transaction_qty", true), column("Kind", "sub_type", (row) => text(row, "sub_type").toLowerCase().replace(/_/g, " "))],
  },
  liquidations: {
    method: "private/x/get-liquidations", params: {}, empty: "No liquidation in this time. May it stay so.",
    columns: [time("Began", "start_time"), name, qty("Quantity", "quantity"), price("Mark", "mark_price"), money("Equity", "equity"), money("Required", "required"), qty("Closed in the book", "closed_quantity"),
      money("Realised", "realized_pnl", true), money("To the insurance fund", "to_insurance_fund", true), money("Uncovered loss", "uncovered_loss"), column("Story", "id", (row) => <button type="button" class="small" onClick={() => (story.value = text(row, "isolation_id") || text(row, "liquidation_id"))}>Explain</button>)],
  },
  closed: {
    method: "private/x/get-closed-positions", params: {},
    note: "Isolated positions from their opening to their end. What a cross position realises goes to the main account trade by trade: see Trades.",
    empty: "No isolated position was closed in this time.",
    columns: [time("Closed", "close_time"), name, side, qty("Quantity", "quantity"), price("Entry", "entry_price"), price("Exit", "exit_price"),
      money("Realised", "realized_pnl", true), money("Fees", "fees", true), money("Funding", "funding", true), money("In all", "net_pnl", true),
      column("How", "how_closed", (row) => text(row, "how_closed").toLowerCase().replace(/_/g, " "))],
  },
};

const span = signal<"1" | "7" | "30">("7");
const DAY_MS = 86_400_000;

/** Pages of 100 until the window is told, at most ten of them on the screen. */
async function fetchPast(past: Past, days: number): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | undefined;
  const end = Date.now() + 1000;
  for (let page = 0; page < 10; page++) {
    const answer: { data: Row[]; next_cursor?: string } = await call(past.method, {
      start_time: end - days * DAY_MS, end_time: end, limit: 100, ...past.params, ...(cursor ? { cursor } : {}),
    });
    rows.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor || answer.data.length === 0) break;
  }
  return rows;
}

function download(title: string, columns: Column[], rows: Row[]): void {
  const quote = (value: string): string => (/[",\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  const keys = [...new Set([...columns.map((one) => one.key), ...rows.flatMap((row) => Object.keys(row))])].filter((key) => key !== "id");
  const lines = [keys.join(","), ...rows.map((row) => keys.map((key) => quote(text(row, key))).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = `${title}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function PastTable(props: { id: Tab; past: Past }) {
  const { past } = props;
  const [rows, setRows] = useState<Row[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const stamp = historyStamp.value;
  const days = span.value;
  useEffect(() => {
    let alive = true;
    const timer = window.setTimeout(() => {
      fetchPast(past, Number(days)).then(
        (answer) => { if (alive) { setRows(answer); setFault(null); } },
        (error: unknown) => alive && setFault(saying(error)),
      );
    }, 150);
    return () => { alive = false; window.clearTimeout(timer); };
  }, [past, stamp, days]);
  return (
    <>
      <div class="tablebar">
        <Choice label="Time" value={days} onChange={(value) => (span.value = value)} options={[["1", "1 day"], ["7", "7 days"], ["30", "30 days"]] as const} />
        <button type="button" class="small" disabled={!rows || rows.length === 0} onClick={() => download(props.id, past.columns, rows ?? [])}>Export CSV</button>
      </div>
      {past.note && <p class="hint">{past.note}</p>}
      {fault && <p class="fault" role="alert">{fault}</p>}
      {rows && rows.length === 0 && <Empty>{past.empty}</Empty>}
      {rows && rows.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table>
            <thead><tr>{past.columns.map((one) => <th scope="col" class={one.words ? "text" : ""} key={one.key}>{one.title}</th>)}</tr></thead>
            <tbody>{rows.map((row, at) => <tr key={at} data-row={at}>{past.columns.map((one) => <td class={one.words ? "text" : ""} key={one.key} data-label={one.title}>{one.show(row)}</td>)}</tr>)}</tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function Tables() {
  const past = PAST[tab.value];
  return (
    <section class="panel tables" aria-label="Positions, orders and history">
      <Choice label="Table" class="tabs" options={TABS.map(([id, title]) => [id, id === "orders" && orders.value.length ? `${title} (${orders.value.length})` : title] as const)}
        value={tab.value} onChange={(value) => (tab.value = value)} />
      {tab.value === "positions" ? <><WhatIf /><Positions /></>
        : tab.value === "orders" ? <OpenOrders />
        : person.value && past ? <PastTable id={tab.value} past={past} key={tab.value} />
        : <Empty>Log in to see this.</Empty>}
      {story.value && <StoryDialog method="private/x/explain-liquidation" id={story.value} onClose={() => (story.value = null)} />}
    </section>
  );
}
