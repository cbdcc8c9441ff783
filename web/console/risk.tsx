// Risk parameters of an instrument: what stands now, what shall stand, and who would be below maintenance by it.
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import { Check, Count, Dialog, Num, saying } from "../shared/ui";
import { act, exposure } from "./state";
import { Table } from "./table";

export interface Field {
  key: string;
  title: string;
  hint?: string;
}

export const RISK: Field[] = [
  { key: "max_leverage", title: "Largest leverage" }, { key: "unit_margin_rate", title: "Unit margin rate" },
  { key: "maker_fee_rate", title: "Maker fee, fraction" }, { key: "taker_fee_rate", title: "Taker fee, fraction" },
  { key: "liquidation_fee_rate", title: "Liquidation fee, fraction" }, { key: "price_band", title: "Price band, fraction" },
  { key: "max_order_quantity", title: "Largest order" }, { key: "max_position_quantity", title: "Largest position" },
  { key: "mark_stale_ms", title: "Mark is stale after, ms (0 = never)" }, { key: "fund_position_cap", title: "Fund takes over at most" },
  { key: "funding_cap_rate", title: "Funding cap per hour, fraction" }, { key: "min_notional", title: "Smallest order, USD" },
];

/** Only plain decimals leave the form; names and modes go as they are. */
export function wrong(key: string, text: string): string | undefined {
  if (text.trim() === "" || key === "instrument_name" || key === "base_ccy") return undefined;
  return decimal.parse(text.trim()) ? undefined : "This is not a plain decimal number.";
}

export function Fields(props: { fields: Field[]; values: Record<string, string>; now?: Record<string, string>; set: (key: string, text: string) => void }) {
  return (
    <div class="columns">
      {props.fields.map((field) => {
        const fault = wrong(field.key, props.values[field.key] ?? "");
        const now = props.now?.[field.key];
        return (
          <label class="text" key={field.key}><span>{field.title}{now && <small> now {now}</small>}</span>
            <input name={field.key} placeholder={now ?? field.hint} value={props.values[field.key] ?? ""} aria-invalid={fault ? "true" : "false"}
              onInput={(event) => props.set(field.key, event.currentTarget.value)} />
            {fault && <span class="fault" role="alert">{fault}</span>}
          </label>
        );
      })}
    </div>
  );
}

export function given(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim() !== "").map(([key, text]) => [key, text.trim()]));
}

// ---- Tiers -------------------------------------------------------------------------------------------------

export interface Tier {
  notional_floor: string;
  maintenance_rate: string;
  max_leverage: string;
}
const TIER: [keyof Tier, string][] = [["notional_floor", "From, USD"], ["maintenance_rate", "Maintenance rate"], ["max_leverage", "Largest leverage"]];

const isWhole = (tier: Tier): boolean => TIER.every(([key]) => decimal.parse(tier[key].trim()));

function Tiers(props: { tiers: Tier[]; set: (tiers: Tier[]) => void }) {
  const { tiers, set } = props;
  const change = (at: number, key: keyof Tier, text: string): void => set(tiers.map((tier, place) => (place === at ? { ...tier, [key]: text } : tier)));
  return (
    <table class="tiers" aria-label="Tiers">
      <thead><tr>{TIER.map(([key, title]) => <th scope="col" key={key}>{title}</th>)}<th scope="col"><span class="hidden">Actions</span></th></tr></thead>
      <tbody>
        {tiers.map((tier, at) => (
          <tr key={at}>
            {TIER.map(([key, title]) => (
              <td key={key}><input class="short" aria-label={`${title}, tier ${at + 1}`} inputMode="decimal" value={tier[key]} aria-invalid={decimal.parse(tier[key].trim()) ? "false" : "true"}
                onInput={(event) => change(at, key, event.currentTarget.value)} /></td>
            ))}
            <td><button type="button" class="small" disabled={tiers.length === 1} aria-label={`Remove tier ${at + 1}`} onClick={() => set(tiers.filter((_, place) => place !== at))}>Remove</button></td>
          </tr>
        ))}
      </tbody>
      <tfoot><tr><td colSpan={4}><button type="button" class="small" onClick={() => set([...tiers, { notional_floor: "", maintenance_rate: "", max_leverage: "" }])}>Another tier</button></td></tr></tfoot>
    </table>
  );
}

// ---- The dialog --------------------------------------------------------------------------------------------

interface Impact {
  affected: number;
  accounts: { account: string; account_id: string; isolation_id?: string; shortfall: string }[];
}
interface Now {
  values: Record<string, string>;
  tiers: Tier[];
}

/** What stands, in the words of the call that changes it: -1 is "no limit", zeros at the end say nothing. */
async function lookUp(name: string): Promise<Now> {
  const answer = await call<{ instrument_config: Record<string, unknown>[] }>("public/get-risk-parameters");
  // Two of them are the operator's alone.
  const own = exposure.value.find((one) => one.instrument_name === name);
  const row: Record<string, unknown> = {
    ...answer.instrument_config.find((one) => one["symbol"] === name),
    ...(own ? { mark_stale_ms: own.mark_stale_ms, fund_position_cap: own.fund_position_cap ?? "-1" } : {}),
  };
  const plain = (value: unknown): string => (value === "-1" ? "no limit" : decimal.plain(decimal.of(String(value))));
  const values = Object.fromEntries(RISK.filter((field) => row[field.key] !== undefined).map((field) => [field.key, plain(row[field.key])]));
  const tiers = ((row["tiers"] ?? []) as Record<string, string>[]).map((tier) => ({
    notional_floor: plain(tier["min_notional"]), maintenance_rate: plain(tier["mmr"]), max_leverage: plain(tier["max_leverage"]),
  }));
  return { values, tiers };
}

/** The change is tried first: who would fall below maintenance is on the screen before the button works. */
export function RiskDialog(props: { name: string; onClose: () => void }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [now, setNow] = useState<Now>({ values: {}, tiers: [] });
  const [tiers, setTiers] = useState<Tier[] | null>(null);
  const [impact, setImpact] = useState<Impact | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => void lookUp(props.name).then(setNow, (error: unknown) => setFault(saying(error))), [props.name]);
  const change = (what: () => void): void => {
    what();
    setImpact(null);
  };
  const params = { instrument_name: props.name, ...given(values), ...(tiers ? { tiers } : {}) };
  const bad = Object.entries(values).some(([key, text]) => wrong(key, text)) || (tiers !== null && !tiers.every(isWhole));
  const none = Object.keys(given(values)).length === 0 && !tiers;
  const look = (): void => {
    setFault(null);
    call<Impact>("operator/update-instrument", { ...params, dry_run: true }).then(setImpact, (error: unknown) => setFault(saying(error)));
  };
  return (
    <Dialog title={`Risk of ${props.name}`} wide onClose={props.onClose}>
      <Fields fields={RISK} values={values} now={now.values} set={(key, text) => change(() => setValues({ ...values, [key]: text }))} />
      <p class="hint">Empty fields stay as they are.</p>
      {now.tiers.length > 0 && <Check label="Change the tiers" checked={tiers !== null} onChange={(on) => change(() => setTiers(on ? now.tiers : null))} />}
      {tiers && <Tiers tiers={tiers} set={(next) => change(() => setTiers(next))} />}
      {fault && <p class="fault" role="alert">{fault}</p>}
      {impact && (
        <section class="impact" aria-label="Impact">
          <p><strong><Count value={impact.affected} field="affected" /></strong> {impact.affected === 1 ? "account or fence" : "accounts or fences"} would be below maintenance at once.</p>
          <Table rows={impact.accounts} id={(row, at) => row.account_id + at} empty="Nobody would be liquidated by this change."
            columns={[
              { title: "Account", show: (row) => row.account }, { title: "What", text: true, show: (row) => (row.isolation_id ? `isolation ${row.isolation_id}` : "cross") },
              { title: "Missing, USD", show: (row) => <Num value={row.shortfall} places={2} field="shortfall" /> },
            ]} />
        </section>
      )}
      <div class="buttons">
        <button type="button" class={impact ? "" : "primary"} disabled={bad || none} onClick={look}>Show the impact</button>
        <button type="button" class="danger" disabled={!impact || bad}
          onClick={() => void act("Risk parameters changed.", "operator/update-instrument", params).then((done) => done && props.onClose())}>Apply the change</button>
      </div>
    </Dialog>
  );
}
