// Closing a position, whole or in part, at market or at a price; and turning it round.
import { useState } from "preact/hooks";
import { placeOnce } from "../../shared/api";
import * as decimal from "../../shared/decimal";
import type { Position } from "../../shared/types";
import { Choice, Dialog, Num, NumberField } from "../../shared/ui";
import { marks } from "../state";
import { checkAmount, placesOf, shut, useAction } from "./common";

function closing(row: Position): Record<string, unknown> {
  return { instrument_name: row.instrument_name, ...(row.isolation_id ? { isolation_id: row.isolation_id } : {}) };
}

export function CloseDialog(props: { row: Position }) {
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
    <Dialog title={`Close ${row.instrument_name} (${row.isolation_id ? "isolated" : "cross"})`} onClose={shut} onSubmit={action.go}>
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
      <button class="primary" disabled={!amount.value || above || !!step || !!offTick || (type === "LIMIT" && !typed.value) || action.busy}>Close position</button>
    </Dialog>
  );
}

export function ReverseDialog(props: { row: Position }) {
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
    <Dialog title={`Reverse ${row.instrument_name}`} onClose={shut} onSubmit={action.go}>
      <p>
        A market order over twice the size turns your {long ? "long" : "short"} of <Num value={decimal.text(size, places.qty)} field="quantity" /> into
        a {long ? "short" : "long"} of the same size. What the order cannot fill stays as it is.
      </p>
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button class="danger" disabled={action.busy}>Reverse at market</button>
    </Dialog>
  );
}
