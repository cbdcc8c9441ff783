// Money that comes and goes by the operator's hand: withdrawals to decide, deposits, the fund, accounts and people.
import { useState } from "preact/hooks";
import * as decimal from "../shared/decimal";
import { Num, Select, Time } from "../shared/ui";
import { act, withdrawals, type Row } from "./state";
import { Table } from "./table";

const text = (row: Row, key: string): string => (row[key] === undefined || row[key] === null ? "" : String(row[key]));

const WAITING = [
  { title: "Asked", show: (row: Row) => (row["create_time"] ? <Time ms={Number(row["create_time"])} date /> : "–") },
  { title: "Account", show: (row: Row) => text(row, "account") || text(row, "account_id") },
  { title: "Amount", show: (row: Row) => <><Num value={text(row, "amount")} places={4} /> {text(row, "currency")}</> },
  { title: "To", show: (row: Row) => text(row, "address") || "–" },
  { title: "Network", show: (row: Row) => text(row, "network_id") || "–" },
  { title: "", show: (row: Row) => (
    <span class="withbuttons">
      <button type="button" class="small" onClick={() => void act("Approved: paid out.", "operator/approve-withdrawal", { id: text(row, "id") })}>Approve</button>
      <button type="button" class="small" onClick={() => void act("Rejected: the money is back.", "operator/reject-withdrawal", { id: text(row, "id") })}>Reject</button>
    </span>) },
];

interface Input {
  key: string;
  title: string;
  number?: boolean;
  secret?: boolean;
}

/** A small form for one call: every field is needed. */
function CallForm(props: { title: string; hint?: string; button: string; done: string; method: string; inputs: Input[]; fixed?: Row; role?: boolean }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [role, setRole] = useState<"VIEWER" | "SUPPORT" | "RISK" | "ADMIN">("VIEWER");
  const bad = props.inputs.find((one) => one.number && values[one.key] && !decimal.parse(values[one.key]!.trim()));
  const ready = props.inputs.every((one) => values[one.key]?.trim()) && !bad;
  const params = { ...props.fixed, ...values, ...(props.role ? { role } : {}) };
  return (
    <form class="panel" aria-label={props.title} onSubmit={(event) => { event.preventDefault(); void act(props.done, props.method, params).then((done) => done && setValues({})); }}>
      <h2>{props.title}</h2>
      {props.inputs.map((one) => (
        <label class="text" key={one.key}>{one.title}
          <input name={one.key} type={one.secret ? "password" : "text"} autocomplete="off" inputMode={one.number ? "decimal" : "text"} value={values[one.key] ?? ""}
            onInput={(event) => setValues({ ...values, [one.key]: event.currentTarget.value })} />
        </label>
      ))}
      {props.role && <Select label="Role" value={role} onChange={setRole} options={[["VIEWER", "Viewer"], ["SUPPORT", "Support"], ["RISK", "Risk"], ["ADMIN", "Admin"]] as const} />}
      {bad && <p class="fault" role="alert">{bad.title} is not a number.</p>}
      {props.hint && <p class="hint">{props.hint}</p>}
      <button class="primary" disabled={!ready}>{props.button}</button>
    </form>
  );
}

export function Money() {
  return (
    <>
      <section class="panel wide" aria-label="Withdrawals">
        <h2>Withdrawals to decide</h2>
        <Table columns={WAITING} rows={withdrawals.value} id={(row, at) => text(row, "id") || at} empty="No withdrawal waits." />
      </section>
      <CallForm title="Credit a deposit" button="Credit" done="Credited." method="operator/deposit"
        inputs={[{ key: "account", title: "Account" }, { key: "currency", title: "Currency" }, { key: "amount", title: "Amount", number: true }]} />
      <CallForm title="Pay into the insurance fund" button="Pay in" done="Paid in." method="operator/fund-insurance"
        inputs={[{ key: "currency", title: "Currency" }, { key: "amount", title: "Amount", number: true }]} />
      <CallForm title="Open an account" button="Open" done="Opened." method="operator/create-account" inputs={[{ key: "account", title: "Label" }]} />
      <CallForm title="A person for the console" button="Create" done="Created." method="operator/create-user" role
        inputs={[{ key: "name", title: "Name" }, { key: "password", title: "Password", secret: true }]} hint="Viewer looks, support also explains and releases, risk also changes parameters, admin does everything." />
    </>
  );
}
