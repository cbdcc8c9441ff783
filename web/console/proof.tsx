// What can be proved: invariants, digest, and the log of everything an operator did.
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import { Empty, saying, Time } from "../shared/ui";
import { Table } from "./table";

interface Invariants {
  ok: boolean;
  invariants: { name: string; residual: string; ok: boolean }[];
}
interface Digest {
  seq: number;
  digest: string;
}
type Entry = Record<string, unknown>;

function Invariants() {
  const [rows, setRows] = useState<Invariants | null>(null);
  const [digest, setDigest] = useState<Digest | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const check = (): void => {
    setFault(null);
    Promise.all([call<Invariants>("operator/check-invariants"), call<Digest>("operator/get-state-digest")]).then(
      ([invariants, state]) => { setRows(invariants); setDigest(state); },
      (error: unknown) => setFault(saying(error)),
    );
  };
  useEffect(check, []);
  return (
    <section class="panel" aria-label="Invariants">
      <div class="bar"><h2>Invariants {rows && (rows.ok ? <span class="up">all hold</span> : <span class="down">broken</span>)}</h2><button type="button" class="small" onClick={check}>Check now</button></div>
      {fault && <p class="fault" role="alert">{fault}</p>}
      {rows && <Table rows={rows.invariants} id={(row) => row.name} empty="" columns={[
        { title: "Invariant", show: (row) => row.name }, { title: "Residual", show: (row) => row.residual },
        { title: "Holds", show: (row) => (row.ok ? <span class="up">yes</span> : <span class="down">no</span>) },
      ]} />}
      {digest && <p class="hint" data-test="replication">Replication: none, this is a single server. A standby can replay the journal and compare its digest with this one.</p>}
      {digest && <p class="hint">State after command {digest.seq}: <code data-field="digest">{digest.digest}</code></p>}
    </section>
  );
}

function Audit() {
  const [rows, setRows] = useState<Entry[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    call<{ data: Entry[] }>("operator/get-audit-log", {}).then((answer) => setRows(answer.data), (error: unknown) => setFault(saying(error)));
  }, []);
  const text = (row: Entry, key: string): string => (row[key] === undefined || row[key] === null ? "" : typeof row[key] === "object" ? JSON.stringify(row[key]) : String(row[key]));
  return (
    <section class="panel wide" aria-label="Audit log">
      <h2>Audit log <small>each line carries the hash of the one before</small></h2>
      {fault && <p class="fault" role="alert">{fault}</p>}
      {rows && rows.length === 0 && <Empty>Nothing has been done by hand yet.</Empty>}
      {rows && rows.length > 0 && <Table rows={rows} id={(_, at) => at} empty="" columns={[
        { title: "Time", show: (row) => <Time ms={Number(row["time"])} date /> },
        { title: "Who", show: (row) => text(row, "who") }, { title: "From", show: (row) => text(row, "from") },
        { title: "What", show: (row) => text(row, "what") }, { title: "Parameters", show: (row) => <code>{text(row, "params").slice(0, 160)}</code> },
        { title: "Code", show: (row) => text(row, "code") },
      ]} />}
    </section>
  );
}

export function Proof() {
  return <><Invariants /><Audit /></>;
}
