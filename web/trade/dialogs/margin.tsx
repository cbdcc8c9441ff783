// Margin into the fence and out of it, by amount or by the liquidation price that is wanted.
import { useState } from "preact/hooks";
import { call } from "../../shared/api";
import * as decimal from "../../shared/decimal";
import type { Position } from "../../shared/types";
import { Choice, Dialog, Num, NumberField } from "../../shared/ui";
import { liquidationPriceWith } from "../margin";
import { balance } from "../state";
import { checkAmount, find, placesOf, shut, useAction, useLimits } from "./common";

export function MarginDialog(props: { id: string }) {
  const [direction, setDirection] = useState<"CREDIT" | "DEBIT">("CREDIT");
  const [amount, setAmount] = useState("");
  const row = find(props.id);
  const limits = useLimits(props.id, {});
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
    <Dialog title={`Margin of ${row.instrument_name}`} onClose={shut} onSubmit={action.go}>
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
      <TargetPrice id={props.id} places={places} use={(transfer) => {
        setDirection(decimal.sign(transfer) >= 0 ? "CREDIT" : "DEBIT");
        setAmount(decimal.plain(decimal.abs(transfer)));
      }} />
      {!add && <p class="hint">Removing margin brings the liquidation price nearer.</p>}
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button class="primary" disabled={!value || !!above || action.busy}>{add ? "Add margin" : "Remove margin"}</button>
    </Dialog>
  );
}

/** The transfer that brings the liquidation price there; with a target the server's topup_needed is signed. */
function TargetPrice(props: { id: string; places: { price: number; tick: string }; use: (transfer: decimal.Decimal) => void }) {
  const [target, setTarget] = useState("");
  const { value, fault } = checkAmount(target);
  const offTick = value && !decimal.isMultiple(value, decimal.of(props.places.tick)) ? `Steps of ${props.places.tick}.` : undefined;
  const wanted = value && !offTick ? decimal.plain(value) : "";
  const limits = useLimits(props.id, wanted ? { liquidation_price: wanted } : {});
  const known = wanted && limits?.transfer_possible !== undefined ? decimal.of(limits.topup_needed) : null;
  return (
    <details onKeyDown={(event) => {
      // Enter here means this price, not the amount above.
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      if (known && limits!.transfer_possible) props.use(known);
    }}>
      <summary>Set my liquidation price</summary>
      <NumberField label="Liquidation price wanted" name="target" value={target} suffix="USD" fault={fault ?? offTick} onInput={setTarget} />
      {known && (
        <p>
          {decimal.sign(known) >= 0 ? "Add " : "Remove "}
          <Num value={decimal.text(decimal.abs(known), 8)} places={8} field="target_transfer" /> USD
          {limits!.transfer_possible ? "." : decimal.sign(known) >= 0 ? ": more than is available." : ": more than can be removed."}{" "}
          <button type="button" class="link" disabled={!limits!.transfer_possible} onClick={() => props.use(known)}>Use</button>
        </p>
      )}
    </details>
  );
}

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
      <div><dt>Effective leverage after it</dt><dd>{effective ? <><Num value={effective} field="leverage_after" />×</> : <span class="num none">–</span>}</dd></div>
    </dl>
  );
}
