// What can be done to a position: margin in and out, leverage, close, reverse, take profit and stop loss. Each dialog
// shows the server's numbers for what is about to be done, and says a refusal in words.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call, placeOnce } from "../shared/api";
import * as decimal from "../shared/decimal";
import type { Limits, Position } from "../shared/types";
import { Choice, Dialog, Num, NumberField, saying, tell } from "../shared/ui";
import { balance, instruments, marks, positions, reload } from "./state";

type Opened =
  | { kind: "margin"; id: string }
  | { kind: "leverage"; id: string }
  | { kind: "close"; row: Position }
  | { kind: "reverse"; row: Position }
  | { kind: "tpsl"; row: Position };
const opened = signal<Opened | null>(null);

export function open(what: Opened): void {
  opened.value = what;
}

function shut(): void {
  opened.value = null;
}

/** The isolation as it is now: the account's list has it also while it holds no quantity. */
function find(id: string): Position | undefined {
  return positions.value.find((row) => row.isolation_id === id) ??
    balance.value?.isolated_positions.find((row) => row.isolation_id === id);
}

function placesOf(name: string): { price: number; qty: number; tick: string; lot: string; most: string } {
  const row = instruments.value.find((one) => one.symbol === name);
  return {
    price: row?.quote_decimals ?? 2, qty: row?.quantity_decimals ?? 4, tick: row?.price_tick_size ?? "0.01",
    lot: row?.qty_tick_size ?? "0.0001", most: row?.max_leverage ?? "50",
  };
}

/** Something to do with a button: busy while it runs, its refusal in words, shut when it worked. */
function useAction(run: () => Promise<string>): { busy: boolean; fault: string | null; go: () => void } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const go = (): void => {
    setBusy(true);
    setFault(null);
    run().then(
      (said) => {
        tell(said, "good");
        void reload();
        shut();
      },
      (error: unknown) => {
        setFault(saying(error));
        setBusy(false);
      },
    );
  };
  return { busy, fault, go };
}

/** private/x/isolated-limits for these targets, asked again whenever they change. */
function useLimits(id: string, target: Record<string, string>): Limits | null {
  const [limits, setLimits] = useState<Limits | null>(null);
  const key = JSON.stringify(target);
  useEffect(() => {
    let alive = true;
    const timer = window.setTimeout(() => {
      call<Limits>("private/x/isolated-limits", { isolation_id: id, ...target })
        .then((answer) => alive && setLimits(answer))
        .catch(() => alive && setLimits(null));
    }, 100);
    return () => {
      alive = false;
      window.clearTimeout(timer);
    };
  }, [id, key]);
  return limits;
}

function checkAmount(text: string): { value: decimal.Decimal | null; fault: string | undefined } {
  if (text.trim() === "") return { value: null, fault: undefined };
  const value = decimal.parse(text.trim());
  if (!value) return { value: null, fault: "This is not a number." };
  if (decimal.sign(value) <= 0) return { value: null, fault: "It must be above zero." };
  if (value.scale > 8) return { value: null, fault: "At most 8 decimals." };
  return { value, fault: undefined };
}

// ---- Margin ------------------------------------------------------------------------------------------------

function MarginDialog(props: { id: string }) {
  const [direction, setDirection] = useState<"CREDIT" | "DEBIT">("CREDIT");
  const [amount, setAmount] = useState("");
  const [target, setTarget] = useState("");
  const row = find(props.id);
  const limits = useLimits(props.id, target && decimal.parse(target) ? { liquidation_price: target } : {});
  const { value, fault } = checkAmount(amount);
  const add = direction === "CREDIT";
  const action = useAction(async () => {
    await call("private/create-isolated-margin-transfer", { isolation_id: props.id, direction, amount: decimal.plain(value!) });
    return add ? "Margin added." : "Margin moved back to the main account.";
  });
  if (!row) return <Dialog title="Margin" onClose={shut}><p>This isolated position is closed; its margin is back in the main account.</p></Dialog>;
  const places = placesOf(row.instrument_name);
  const most = add ? balance.value?.total_available_balance : limits?.max_removable ?? row.max_removable_margin;
  const above = value && most !== undefined && decimal.compare(value, decimal.of(most)) > 0;
  return (
    <Dialog title={`Margin of ${row.instrument_name}`} onClose={shut}>
      <Choice label="Direction" value={direction} onChange={setDirection} options={[["CREDIT", "Add"], ["DEBIT", "Remove"]] as const} />
      <dl>
        <div><dt>Inside the fence now</dt><dd><Num value={row.isolated_cash_balance} places={2} field="isolated_cash_balance" /> USD</dd></div>
        <div><dt>Liquidation price now</dt><dd><Num value={row.liquidation_price} places={places.price} field="liquidation_price" /></dd></div>
        <div><dt>{add ? "Available in the main account" : "Can be removed now"}</dt>
          <dd><Num value={most} places={8} field="most" /> USD <button type="button" class="link" onClick={() => most && setAmount(decimal.plain(decimal.of(most)))}>Maximum</button></dd></div>
      </dl>
      <NumberField label="Amount" name="amount" value={amount} suffix="USD" onInput={setAmount}
        fault={fault ?? (above ? (add ? "More than is available in the main account." : "More than can be removed.") : undefined)} />
      <After row={row} change={value && !above ? (add ? value : decimal.negate(value)) : null} places={places} />
      <details>
        <summary>Set my liquidation price</summary>
        <NumberField label="Liquidation price wanted" name="target" value={target} suffix="USD" onInput={setTarget} />
        {limits?.transfer !== undefined && target && (
          <p>
            {decimal.sign(decimal.of(limits.transfer)) >= 0 ? "Add " : "Remove "}
            <Num value={decimal.text(decimal.abs(decimal.of(limits.transfer)), 8)} places={8} /> USD
            {limits.transfer_possible === false ? ": not possible now." : "."}{" "}
            <button type="button" class="link" disabled={limits.transfer_possible === false} onClick={() => {
              const transfer = decimal.of(limits.transfer);
              setDirection(decimal.sign(transfer) >= 0 ? "CREDIT" : "DEBIT");
              setAmount(decimal.plain(decimal.abs(transfer)));
            }}>Use</button>
          </p>
        )}
      </details>
      {!add && <p class="hint">Removing margin brings the liquidation price nearer.</p>}
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button type="button" class="primary" disabled={!value || !!above || action.busy} onClick={action.go}>{add ? "Add margin" : "Remove margin"}</button>
    </Dialog>
  );
}

import { liquidationPriceWith } from "./margin";

/** What the engine's own formula says of the position with this much more (or less) margin. */
function After(props: { row: Position; change: decimal.Decimal | null; places: { price: number } }) {
  const { row, change } = props;
  const price = change ? liquidationPriceWith(row, change) : null;
  const margin = change ? decimal.add(decimal.of(row.isolated_cash_balance), change) : null;
  const equity = margin ? decimal.add(margin, decimal.of(row.open_position_pnl)) : null;
  const value = decimal.abs(decimal.of(row.market_value));
  const effective = equity && decimal.sign(equity) > 0 ? decimal.text(decimal.div(value, equity, 2), 2) : null;
  return (
    <dl>
      <div><dt>Liquidation price after it</dt><dd><Num value={price} places={props.places.price} field="liquidation_after" /></dd></div>
      <div><dt>Effective leverage after it</dt><dd>{effective ? <span class="num">{effective}×</span> : <span class="num none">–</span>}</dd></div>
    </dl>
  );
}

// ---- Leverage ----------------------------------------------------------------------------------------------

function LeverageDialog(props: { id: string }) {
  const row = find(props.id);
  const now = Number(decimal.plain(decimal.of(row?.leverage)));
  const [text, setText] = useState(String(now || 1));
  const wanted = /^\d+$/.test(text) ? Number(text) : NaN;
  const places = placesOf(row?.instrument_name ?? "");
  const most = Number(places.most);
  const fault = !Number.isInteger(wanted) || wanted < 1 ? "Leverage is a whole number from 1 on."
    : wanted > most ? `The leverage can be at most ${most}.` : undefined;
  const limits = useLimits(props.id, fault || wanted === now ? {} : { leverage: text });
  const needed = decimal.of(limits?.topup_needed);
  const missing = decimal.sign(needed) > 0;
  const action = useAction(async () => {
    const params = { isolation_id: props.id, leverage: text, ...(missing ? { add_margin: "AUTO" } : {}) };
    await call("private/change-isolated-margin-leverage", params);
    return `Leverage is ${wanted}× now.`;
  });
  if (!row) return <Dialog title="Leverage" onClose={shut}><p>This isolated position is closed.</p></Dialog>;
  const raises = wanted > now;
  const short = missing && decimal.compare(needed, decimal.of(balance.value?.total_available_balance)) > 0;
  return (
    <Dialog title={`Leverage of ${row.instrument_name}`} onClose={shut}>
      <NumberField label="Leverage" name="leverage" value={text} suffix="×" fault={fault} onInput={setText} />
      <input type="range" aria-label="Leverage" min={1} max={most} value={Number.isNaN(wanted) ? 1 : Math.min(most, wanted)} onInput={(event) => setText(event.currentTarget.value)} />
      {raises && !fault && (
        <p>Margin and liquidation price stay as they are. Then <Num value={limits?.max_removable} places={2} /> USD could be removed.</p>
      )}
      {!raises && wanted !== now && !fault && (
        missing
          ? <p>Missing margin: <Num value={limits?.topup_needed} places={8} field="topup_needed" /> USD. It is moved from the main account in the same step.</p>
          : <p>The margin inside the fence is enough for this leverage.</p>
      )}
      {short && <p class="fault" role="alert">The main account has less than that available.</p>}
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button type="button" class="primary" disabled={!!fault || wanted === now || short || action.busy} onClick={action.go}>
        {missing && !raises ? "Add margin and set leverage" : "Set leverage"}
      </button>
    </Dialog>
  );
}

// ---- Close, reverse ----------------------------------------------------------------------------------------

function closing(row: Position): Record<string, unknown> {
  return { instrument_name: row.instrument_name, ...(row.isolation_id ? { isolation_id: row.isolation_id } : {}) };
}

function CloseDialog(props: { row: Position }) {
  const { row } = props;
  const places = placesOf(row.instrument_name);
  const whole = row.quantity.replace("-", "");
  const [type, setType] = useState<"MARKET" | "LIMIT">("MARKET");
  const [quantity, setQuantity] = useState(decimal.plain(decimal.of(whole)));
  const [price, setPrice] = useState(marks.value[row.instrument_name] ?? "");
  const amount = checkAmount(quantity);
  const typed = checkAmount(price);
  const size = amount.value ?? decimal.ZERO;
  const above = decimal.compare(size, decimal.of(whole)) > 0;
  const all = decimal.compare(size, decimal.of(whole)) === 0;
  const step = !decimal.isMultiple(size, decimal.of(places.lot)) ? `Steps of ${places.lot}.` : undefined;
  const offTick = type === "LIMIT" && typed.value && !decimal.isMultiple(typed.value, decimal.of(places.tick)) ? `Steps of ${places.tick}.` : undefined;
  const action = useAction(async () => {
    const params = { ...closing(row), type, ...(all ? {} : { quantity }), ...(type === "LIMIT" ? { price } : {}) };
    await placeOnce("private/close-position", params);
    return type === "MARKET" ? "Closing order sent." : "Closing order placed.";
  });
  return (
    <Dialog title={`Close ${row.instrument_name} (${row.isolation_id ? "isolated" : "cross"})`} onClose={shut}>
      <Choice label="Order type" value={type} onChange={setType} options={[["MARKET", "Market"], ["LIMIT", "Limit"]] as const} />
      <NumberField label="Quantity" name="quantity" value={quantity} onInput={setQuantity}
        fault={amount.fault ?? step ?? (above ? "More than the position." : undefined)}
        hint={[25, 50, 75, 100].map((part) => (
          <button type="button" class="link" key={part} onClick={() => {
            const piece = decimal.div(decimal.mul(decimal.of(whole), decimal.of(String(part))), decimal.of("100"), places.qty);
            setQuantity(part === 100 ? decimal.plain(decimal.of(whole)) : decimal.plain(decimal.floorTo(piece, decimal.of(places.lot))));
          }}>{part}%</button>
        ))} />
      {type === "LIMIT" && <NumberField label="Price" name="price" value={price} suffix="USD" fault={typed.fault ?? offTick} onInput={setPrice} />}
      <p class="hint">
        {row.isolation_id
          ? all ? "A full close brings the remaining margin and the profit back to the main account."
            : "A part closed leaves the margin inside the fence. You can remove the excess afterwards."
          : "Profit or loss goes to the main account."}
      </p>
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button type="button" class="primary" disabled={!amount.value || above || !!step || !!offTick || (type === "LIMIT" && !typed.value) || action.busy} onClick={action.go}>Close position</button>
    </Dialog>
  );
}

function ReverseDialog(props: { row: Position }) {
  const { row } = props;
  const long = !row.quantity.startsWith("-");
  const size = decimal.abs(decimal.of(row.quantity));
  const places = placesOf(row.instrument_name);
  const action = useAction(async () => {
    const params = {
      instrument_name: row.instrument_name, side: long ? "SELL" : "BUY", type: "MARKET",
      quantity: decimal.text(decimal.mul(size, decimal.of("2")), places.qty),
      exec_inst: row.isolation_id ? ["ISOLATED_MARGIN"] : [], ...(row.isolation_id ? { isolation_id: row.isolation_id } : {}),
    };
    await placeOnce("private/create-order", params);
    return "Reversing order sent.";
  });
  return (
    <Dialog title={`Reverse ${row.instrument_name}`} onClose={shut}>
      <p>
        A market order over twice the size turns your {long ? "long" : "short"} of {decimal.plain(size)} into a {long ? "short" : "long"} of
        the same size. What the order cannot fill stays as it is.
      </p>
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button type="button" class="danger" disabled={action.busy} onClick={action.go}>Reverse at market</button>
    </Dialog>
  );
}

// ---- Take profit and stop loss of a position ---------------------------------------------------------------

function TpSlDialog(props: { row: Position }) {
  const { row } = props;
  const places = placesOf(row.instrument_name);
  const [profit, setProfit] = useState("");
  const [loss, setLoss] = useState("");
  const check = (text: string): string | undefined => {
    const { value, fault } = checkAmount(text);
    return fault ?? (value && !decimal.isMultiple(value, decimal.of(places.tick)) ? `Steps of ${places.tick}.` : undefined);
  };
  const long = !row.quantity.startsWith("-");
  const order = (type: string, ref: string): Promise<unknown> => placeOnce("private/advanced/create-order", {
    instrument_name: row.instrument_name, side: long ? "SELL" : "BUY", type, quantity: row.quantity.replace("-", ""),
    ref_price: ref, ref_price_type: "MARK_PRICE", exec_inst: ["REDUCE_ONLY"], attach_isolation_id: row.isolation_id ?? "0",
  });
  const action = useAction(async () => {
    if (profit) await order("TAKE_PROFIT", profit);
    if (loss) await order("STOP_LOSS", loss);
    return "Set.";
  });
  const wrong = check(profit) ?? check(loss);
  return (
    <Dialog title={`Take profit and stop loss of ${row.instrument_name}`} onClose={shut}>
      <p class="hint">Market orders that close the position when the mark price reaches these prices. Mark now: {marks.value[row.instrument_name]}</p>
      <NumberField label={`Take profit ${long ? "above" : "below"} the mark`} name="takeProfit" value={profit} suffix="USD" fault={check(profit)} onInput={setProfit} />
      <NumberField label={`Stop loss ${long ? "below" : "above"} the mark`} name="stopLoss" value={loss} suffix="USD" fault={check(loss)} onInput={setLoss} />
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button type="button" class="primary" disabled={!!wrong || (!profit && !loss) || action.busy} onClick={action.go}>Set</button>
    </Dialog>
  );
}

export function Dialogs() {
  const what = opened.value;
  if (!what) return null;
  switch (what.kind) {
    case "margin":
      return <MarginDialog id={what.id} key={what.id} />;
    case "leverage":
      return <LeverageDialog id={what.id} key={what.id} />;
    case "close":
      return <CloseDialog row={what.row} />;
    case "reverse":
      return <ReverseDialog row={what.row} />;
    case "tpsl":
      return <TpSlDialog row={what.row} />;
  }
}
