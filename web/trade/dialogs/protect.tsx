// Take profit and stop loss of a position that stands.
import { useState } from "preact/hooks";
import { placeOnce } from "../../shared/api";
import * as decimal from "../../shared/decimal";
import type { Position } from "../../shared/types";
import { Dialog, Num, NumberField } from "../../shared/ui";
import { marks } from "../state";
import { checkAmount, placesOf, shut, useAction } from "./common";

export function TpSlDialog(props: { row: Position }) {
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
    return "Take profit and stop loss are set.";
  });
  const wrong = check(profit) ?? check(loss);
  return (
    <Dialog title={`Take profit and stop loss of ${row.instrument_name}`} onClose={shut} onSubmit={action.go}>
      <p class="hint">Market orders that close the position when the mark price reaches these prices. <span>Mark now: <Num value={marks.value[row.instrument_name]} field="mark" /></span></p>
      <NumberField label={`Take profit ${long ? "above" : "below"} the mark`} name="takeProfit" value={profit} suffix="USD" fault={check(profit)} onInput={setProfit} />
      <NumberField label={`Stop loss ${long ? "below" : "above"} the mark`} name="stopLoss" value={loss} suffix="USD" fault={check(loss)} onInput={setLoss} />
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button class="primary" disabled={!!wrong || (!profit && !loss) || action.busy}>Set</button>
    </Dialog>
  );
}
