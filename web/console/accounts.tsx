// One account as its trader sees it, and what support may do for it.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Balance, Order, Position } from "../shared/types";
import { StoryDialog } from "../shared/story";
import { Empty, Num, Percent, saying } from "../shared/ui";
import { act } from "./state";
import { Table } from "./table";

interface Account {
  account: { label?: string; uuid: string; suspended: boolean; create_time: number };
  balance: Balance;
  positions: Position[];
  open_orders: Order[];
  withdrawals: { id: string; currency: string; amount: string; create_time: number }[];
}

const found = signal<Account | null>(null);
const fault = signal<string | null>(null);
const story = signal<string | null>(null);
let asked = "";

async function look(name: string): Promise<void> {
  asked = name;
  fault.value = null;
  try {
    found.value = await call<Account>("operator/get-account", { account: name });
  } catch (error) {
    found.value = null;
    fault.value = saying(error);
  }
}

const again = (done: boolean): void => void (done && look(asked));

const scaleOf = (price: string): number => decimal.of(price).scale;

const POSITIONS = [
  { title: "Instrument", show: (row: Position) => <>{row.instrument_name} <span class={"badge " + (row.isolation_id ? "isolated" : "cross")}>{row.isolation_id ? <>Isolated <span data-field="leverage" data-value={row.leverage}>{decimal.plain(decimal.of(row.leverage))}×</span></> : "Cross"}</span></> },
  { title: "Quantity", show: (row: Position) => <Num value={row.quantity} signed colour field="quantity" /> },
  { title: "Entry", show: (row: Position) => <Num value={row.average_price} places={scaleOf(row.mark_price)} field="average_price" /> },
  { title: "Mark", show: (row: Position) => <Num value={row.mark_price} field="mark_price" /> },
  { title: "Liquidation", show: (row: Position) => (row.isolation_id ? <Num value={row.liquidation_price} field="liquidation_price" /> : <small>account’s ratio</small>) },
  { title: "Margin ratio", show: (row: Position) => <Percent value={row.margin_ratio} places={1} field="margin_ratio" /> },
  { title: "Inside the fence", show: (row: Position) => <Num value={row.isolated_cash_balance} places={2} field="isolated_cash_balance" /> },
  { title: "Unrealised", show: (row: Position) => <Num value={row.open_position_pnl} places={2} signed colour field="open_position_pnl" /> },
  { title: "", show: (row: Position) => row.isolation_id && <button type="button" class="small" onClick={() => (story.value = row.isolation_id!)}>Explain</button> },
];

const ORDERS = [
  { title: "Instrument", show: (row: Order) => row.instrument_name },
  { title: "Mode", text: true, show: (row: Order) => (row.isolation_id ? "Isolated" : "Cross") },
  { title: "Type", text: true, show: (row: Order) => row.order_type.toLowerCase().replace(/_/g, " ") },
  { title: "Side", text: true, show: (row: Order) => <span class={row.side === "BUY" ? "up" : "down"}>{row.side.toLowerCase()}</span> },
  { title: "Price", show: (row: Order) => <Num value={decimal.sign(decimal.of(row.limit_price)) ? row.limit_price : ""} field="limit_price" /> },
  { title: "Quantity", show: (row: Order) => <Num value={row.quantity} field="quantity" /> },
  { title: "Filled", show: (row: Order) => <Num value={row.cumulative_quantity} field="cumulative_quantity" /> },
];

function Adjust(props: { account: string }) {
  const [amount, setAmount] = useState("");
  const [currency, setCurrency] = useState("USD");
  const [reason, setReason] = useState("");
  const value = decimal.parse(amount.trim());
  const ready = value && decimal.sign(value) !== 0 && reason.trim().length > 0;
  return (
    <section class="panel" aria-label="Adjust">
      <h2>Adjust the balance <small>signed; a reason is needed and stays in the audit log</small></h2>
      <label class="text">Amount<input name="amount" inputMode="decimal" value={amount} onInput={(event) => setAmount(event.currentTarget.value)} /></label>
      <label class="text">Currency<input name="currency" value={currency} onInput={(event) => setCurrency(event.currentTarget.value)} /></label>
      <label class="text">Reason<input name="reason" value={reason} onInput={(event) => setReason(event.currentTarget.value)} /></label>
      {amount && !value && <p class="fault" role="alert">The amount is not a number.</p>}
      <button type="button" class="danger" disabled={!ready} onClick={() => void act("Adjusted.", "operator/adjust", { account: props.account, currency, amount, reason }).then((done) => { again(done); if (done) setAmount(""); })}>Adjust</button>
    </section>
  );
}

function Fees(props: { account: string }) {
  const [maker, setMaker] = useState("");
  const [taker, setTaker] = useState("");
  const both = decimal.parse(maker.trim()) && decimal.parse(taker.trim());
  return (
    <section class="panel" aria-label="Fees">
      <h2>Fee schedule <small>fractions; empty: the instrument's</small></h2>
      <label class="text">Maker<input name="maker" inputMode="decimal" value={maker} onInput={(event) => setMaker(event.currentTarget.value)} /></label>
      <label class="text">Taker<input name="taker" inputMode="decimal" value={taker} onInput={(event) => setTaker(event.currentTarget.value)} /></label>
      <button type="button" disabled={!both && !!(maker || taker)} onClick={() => void act("Fees set.", "operator/set-fee-schedule",
        { account: props.account, ...(both ? { maker_fee_rate: maker.trim(), taker_fee_rate: taker.trim() } : {}) }).then(again)}>{both ? "Set fees" : "Back to the instrument's"}</button>
    </section>
  );
}

export function Accounts() {
  const [name, setName] = useState(asked);
  const row = found.value;
  return (
    <>
      <form class="panel wide bar" onSubmit={(event) => { event.preventDefault(); void look(name.trim()); }}>
        <label class="text inline">Account (label or id)<input name="account" value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
        <button class="primary" disabled={!name.trim()}>Look up</button>
      </form>
      {fault.value && <p class="fault wide" role="alert">{fault.value}</p>}
      {!row ? <div class="panel wide"><Empty>Look up an account to see it as its trader sees it.</Empty></div> : (
        <>
          <section class="panel" aria-label="Balance">
            <div class="bar">
              <h2>{row.account.label ?? asked} {row.account.suspended && <span class="badge bad">suspended</span>}</h2>
              <button type="button" class="small" onClick={() => void act(row.account.suspended ? "Released." : "Suspended.", "operator/suspend-account", { account: asked, suspended: !row.account.suspended }).then(again)}>
                {row.account.suspended ? "Release" : "Suspend"}
              </button>
            </div>
            <dl>
              <div><dt>Margin balance</dt><dd><Num value={row.balance.total_margin_balance} places={2} field="total_margin_balance" /></dd></div>
              <div><dt>Available</dt><dd><Num value={row.balance.total_available_balance} places={2} field="total_available_balance" /></dd></div>
              <div><dt>Initial margin</dt><dd><Num value={row.balance.total_initial_margin} places={2} field="total_initial_margin" /></dd></div>
              <div><dt>Maintenance margin</dt><dd><Num value={row.balance.total_maintenance_margin} places={2} field="total_maintenance_margin" /></dd></div>
              <div><dt>Inside fences</dt><dd><Num value={row.balance.total_isolated_cash_balance} places={2} field="total_isolated_cash_balance" /></dd></div>
            </dl>
          </section>
          <Adjust account={asked} />
          <Fees account={asked} />
          <section class="panel wide" aria-label="Positions"><h2>Positions</h2><Table columns={POSITIONS} rows={row.positions} id={(one, at) => one.isolation_id ?? at} empty="No position." /></section>
          <section class="panel wide" aria-label="Open orders"><h2>Open orders</h2><Table columns={ORDERS} rows={row.open_orders} id={(one) => one.order_id} empty="No open order." /></section>
        </>
      )}
      {story.value && <StoryDialog method="operator/explain" id={story.value} onClose={() => (story.value = null)} />}
    </>
  );
}
