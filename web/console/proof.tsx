// What can be proved: invariants, digest, and the log of everything an operator did.
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import * as decimal from "../shared/decimal";
import { Empty, Num, saying, Time } from "../shared/ui";
import { status } from "./state";
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

/** What must hold after every command (docs/invariants.md). */
const MEANING: Record<string, [string, string]> = {
  I1: ["Money is conserved", "all balances, fees, funds and the outside world add up to 0 in every currency"],
  I2: ["Every long has a short", "the quantities of an instrument add up to 0"],
  I3: ["Clearing matches cost", "what clearing holds and what positions cost add up to 0"],
  I5: ["One fence an account and instrument", "and it is empty when its position and orders are gone"],
  I6: ["Nobody spends what is not there", "what may leave is never more than is there, and never isolated money"],
  I7: ["The book is sound", "it does not cross, each level is the sum of its orders, no room is lost"],
  I8: ["Short cuts agree with the long way", "running sums and liquidation prices equal those made from nothing"],
};

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
    <section class="panel double" aria-label="Invariants">
      <div class="bar"><h2>Invariants {rows && (rows.ok ? <span class="up">all hold</span> : <span class="down">broken</span>)}</h2><button type="button" class="small" onClick={check}>Check now</button></div>
      {fault && <p class="fault" role="alert">{fault}</p>}
      {rows && <Table rows={rows.invariants} id={(row) => row.name} empty="" columns={[
        { title: "What must hold", show: (row) => <>{MEANING[row.name]?.[0] ?? row.name} <small>{row.name}: {MEANING[row.name]?.[1] ?? ""}</small></> },
        { title: "Off by", show: (row) => <Num value={row.residual} places={0} field="residual" /> },
        { title: "Holds", show: (row) => (row.ok ? <span class="up">yes</span> : <span class="down">no</span>) },
      ]} />}
      {digest && <p class="hint"><span>State after command <Num value={String(digest.seq)} places={0} field="seq" />: <code data-field="digest" data-value={digest.digest}>{digest.digest}</code></span></p>}
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
        { title: "Who", text: true, show: (row) => text(row, "who") }, { title: "From", text: true, show: (row) => text(row, "from") },
        { title: "What", text: true, show: (row) => text(row, "what") }, { title: "Parameters", text: true, show: (row) => <code>{text(row, "params").slice(0, 160)}</code> },
        { title: "Code", show: (row) => text(row, "code") },
      ]} />}
    </section>
  );
}

function Line(props: { label: string; field: string; value: number | string; note?: string }) {
  return (
    <div>
      <dt>{props.label}{props.note && <small> {props.note}</small>}</dt>
      <dd class="num" data-field={props.field} data-value={props.value}>{typeof props.value === "number" ? grouped(props.value) : props.value}</dd>
    </div>
  );
}

const grouped = (value: number): string => decimal.show(decimal.of(String(value)), 0);

/** One server takes the commands; what would be lost with its machine is what nobody follows. */
function Replication() {
  const now = status.value;
  if (!now) return null;
  const { journal, snapshot, history } = now;
  const behind = Math.max(0, now.applied_seq - history.written_seq);
  return (
    <section class="panel" aria-label="Replication and durability">
      <h2>Replication and durability</h2>
      <dl>
        <Line label="Role" field="role" value={now.role.toLowerCase()} />
        <Line label="Replicas" field="replicas" value={now.replicas.length === 0 ? "none: this is a single server" : String(now.replicas.length)} />
        <Line label="Phase" field="phase" value={now.phase} />
        <Line label="Applied" note="record of the journal" field="applied_seq" value={now.applied_seq} />
        <Line label="Durable" note="on disk; only such answers leave" field="durable_seq" value={journal.durable_seq} />
        <Line label="Waiting for the disk" field="waiting" value={Math.max(0, journal.appended_seq - journal.durable_seq)} />
        <Line label="Last flush, µs" field="last_flush_us" value={journal.last_flush_us} />
        <Line label="Journal, bytes since the start" field="written_bytes" value={journal.written_bytes} />
        <Line label="Newest snapshot" note="holds records up to" field="snapshot_seq" value={snapshot.seq} />
        <div><dt>Written</dt><dd>{snapshot.time ? <Time ms={snapshot.time} date /> : "none yet"}</dd></div>
        <Line label="Snapshots that failed" field="snapshots_failed" value={snapshot.failed} />
        <Line label="History is behind" note="records" field="history_behind" value={behind} />
      </dl>
      {history.error && <p class="fault" role="alert">{history.error}</p>}
      <p class="hint">Nobody follows this server: copy the data directory elsewhere, and ringfence verify replays it and compares the digest.</p>
    </section>
  );
}

export function Proof() {
  return <><Invariants /><Replication /><Audit /></>;
}
