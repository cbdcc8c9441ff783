// A small form for one call of the operator's.
import { useState } from "preact/hooks";
import * as decimal from "../shared/decimal";
import { Select } from "../shared/ui";
import { perform, type Row } from "./state";

interface Input {
  key: string;
  title: string;
  number?: boolean;
  secret?: boolean;
  optional?: boolean;
}

/** A small form for one call: every field that is not optional is needed; what is left empty is not sent. */
export function CallForm(props: { title: string; hint?: string; button: string; done: string; method: string; inputs: Input[]; fixed?: Row; role?: boolean; after?: (answer: Row | undefined) => void }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [role, setRole] = useState<"VIEWER" | "SUPPORT" | "RISK" | "ADMIN">("VIEWER");
  const bad = props.inputs.find((one) => one.number && values[one.key] && !decimal.parse(values[one.key]!.trim()));
  const ready = props.inputs.every((one) => one.optional || values[one.key]?.trim()) && !bad;
  const given = Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim()));
  const params = { ...props.fixed, ...given, ...(props.role ? { role } : {}) };
  const send = async (): Promise<void> => {
    const answer = await perform<Row | undefined>(props.done, props.method, params);
    if (answer === null) return;
    setValues({});
    props.after?.(answer);
  };
  return (
    <form class="panel" aria-label={props.title} onSubmit={(event) => { event.preventDefault(); void send(); }}>
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
