// A small form for one call of the operator's.
import { useState } from "preact/hooks";
import * as decimal from "../shared/decimal";
import { Select } from "../shared/ui";
import { act, type Row } from "./state";

interface Input {
  key: string;
  title: string;
  number?: boolean;
  secret?: boolean;
}

/** A small form for one call: every field is needed. */
export function CallForm(props: { title: string; hint?: string; button: string; done: string; method: string; inputs: Input[]; fixed?: Row; role?: boolean; after?: () => void }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [role, setRole] = useState<"VIEWER" | "SUPPORT" | "RISK" | "ADMIN">("VIEWER");
  const bad = props.inputs.find((one) => one.number && values[one.key] && !decimal.parse(values[one.key]!.trim()));
  const ready = props.inputs.every((one) => values[one.key]?.trim()) && !bad;
  const params = { ...props.fixed, ...values, ...(props.role ? { role } : {}) };
  return (
    <form class="panel" aria-label={props.title} onSubmit={(event) => { event.preventDefault(); void act(props.done, props.method, params).then((done) => { if (done) { setValues({}); props.after?.(); } }); }}>
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
