// Leverage up: margin and liquidation price stay, the excess is named. Down: the missing margin is named and added.
import { useState } from "preact/hooks";
import { call } from "../../shared/api";
import * as decimal from "../../shared/decimal";
import { Dialog, Num, NumberField } from "../../shared/ui";
import { balance } from "../state";
import { find, placesOf, shut, useAction, useLimits } from "./common";

export function LeverageDialog(props: { id: string }) {
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
    <Dialog title={`Leverage of ${row.instrument_name}`} onClose={shut} onSubmit={action.go}>
      <NumberField label="Leverage" name="leverage" value={text} suffix="×" fault={fault} onInput={setText} />
      <input type="range" aria-label="Leverage" min={1} max={most} value={Number.isNaN(wanted) ? 1 : Math.min(most, wanted)} onInput={(event) => setText(event.currentTarget.value)} />
      {raises && !fault && (
        <p>Margin and liquidation price stay as they are. Then <Num value={limits?.max_removable} places={2} field="max_removable" /> USD could be removed.</p>
      )}
      {!raises && wanted !== now && !fault && (
        !limits ? <p>Asking the venue…</p>
          : missing
          ? <p>Missing margin: <Num value={limits?.topup_needed} field="topup_needed" /> USD. It is moved from the main account in the same step.</p>
          : <p>The margin inside the fence is enough for this leverage.</p>
      )}
      {short && <p class="fault" role="alert">The main account has less than that available.</p>}
      {action.fault && <p class="fault" role="alert">{action.fault}</p>}
      <button class="primary" disabled={!!fault || wanted === now || !limits || short || action.busy}>
        {missing && !raises ? "Add margin and set leverage" : "Set leverage"}
      </button>
    </Dialog>
  );
}
