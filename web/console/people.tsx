// Who may come in: people of the pages, and the keys of bots, each of which can be shut out.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call, type Params } from "../shared/api";
import { Check, confirm, Dialog, saying, Time } from "../shared/ui";
import { CallForm } from "./callform";
import { act, perform } from "./state";
import { Table } from "./table";

interface User {
  name: string;
  role: string;
  account?: string;
  totp: boolean;
  create_time: number;
}
interface Key {
  api_key: string;
  label: string;
  account?: string;
  account_id: string;
  scopes: string[];
  ip_list: string[];
  revoked: boolean;
  create_time: number;
}

const users = signal<User[]>([]);
const keys = signal<Key[]>([]);
const fault = signal<string | null>(null);

async function look(): Promise<void> {
  try {
    const [people, held] = await Promise.all([call<{ data: User[] }>("operator/list-users"), call<{ data: Key[] }>("operator/list-api-keys")]);
    users.value = people.data;
    keys.value = held.data;
    fault.value = null;
  } catch (error) {
    fault.value = saying(error);
  }
}

const change = async (done: string, method: string, params: Params): Promise<void> => {
  if (await act(done, method, params)) await look();
};

const USERS = [
  { title: "Name", show: (row: User) => row.name },
  { title: "Role", text: true, show: (row: User) => row.role.toLowerCase() },
  { title: "Account", text: true, show: (row: User) => row.account ?? "–" },
  { title: "One-time code", text: true, show: (row: User) => (row.totp ? "demanded" : "no") },
  { title: "Since", show: (row: User) => <Time ms={row.create_time} date /> },
  { title: "", show: (row: User) => (
    <button type="button" class="small" aria-label={(row.totp ? "No codes for " : "Demand codes of ") + row.name} onClick={() => void demandCodes(row)}>
      {row.totp ? "No longer" : "Demand codes"}
    </button>) },
];

/** What the venue shows once and keeps sealed: it is gone with the dialog. */
const secret = signal<{ title: string; rows: [string, string][] } | null>(null);

async function demandCodes(row: User): Promise<void> {
  const answer = await perform<{ totp_secret?: string }>(row.totp ? "No code is demanded any more." : "A code is demanded from now on.",
    "operator/enable-totp", { name: row.name, enabled: !row.totp });
  if (!answer) return;
  if (answer.totp_secret) secret.value = { title: `One-time codes of ${row.name}`, rows: [["Secret", answer.totp_secret], ["Link", link(row.name, answer.totp_secret)]] };
  await look();
}

const link = (name: string, key: string): string => `otpauth://totp/Ringfence:${encodeURIComponent(name)}?secret=${key}&issuer=Ringfence`;

function SecretDialog() {
  if (!secret.value) return null;
  return (
    <Dialog title={secret.value.title} onClose={() => (secret.value = null)}>
      <p>Shown this once: hand it over now. The venue keeps it sealed and cannot show it again.</p>
      <dl class="secret">
        {secret.value.rows.map(([label, text]) => <div key={label}><dt>{label}</dt><dd><code data-secret={label}>{text}</code></dd></div>)}
      </dl>
      <button type="button" class="primary" onClick={() => (secret.value = null)}>It is noted</button>
    </Dialog>
  );
}

/** Scopes and addresses are lists in the call, words between commas for people. */
function NewKey() {
  const [values, setValues] = useState({ account: "", label: "", ip_list: "" });
  const [trade, setTrade] = useState(true);
  const [withdraw, setWithdraw] = useState(false);
  const addresses = values.ip_list.split(/[\s,]+/).filter(Boolean);
  const lacks = withdraw && addresses.length === 0;
  const make = async (): Promise<void> => {
    const scopes = ["read", ...(trade ? ["trade"] : []), ...(withdraw ? ["withdraw"] : [])];
    const answer = await perform<{ api_key: string; secret: string }>("Made.", "operator/create-api-key", {
      account: values.account.trim(), scopes, ...(values.label.trim() ? { label: values.label.trim() } : {}), ...(addresses.length ? { ip_list: addresses } : {}),
    });
    if (!answer) return;
    secret.value = { title: `API key of ${values.account.trim()}`, rows: [["Key", answer.api_key], ["Secret", answer.secret]] };
    setValues({ account: "", label: "", ip_list: "" });
    await look();
  };
  const field = (key: keyof typeof values, title: string) => (
    <label class="text">{title}<input name={key} autocomplete="off" value={values[key]} onInput={(event) => setValues({ ...values, [key]: event.currentTarget.value })} /></label>
  );
  return (
    <form class="panel" aria-label="New API key" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <h2>New API key</h2>
      {field("account", "Account")}
      {field("label", "Label (optional)")}
      {field("ip_list", "May call from: addresses or networks, commas between them (optional)")}
      <div class="options"><Check label="Trade" checked={trade} onChange={setTrade} /> <Check label="Withdraw" checked={withdraw} onChange={setWithdraw} /></div>
      {lacks && <p class="fault" role="alert">A key that withdraws needs the addresses that it may call from.</p>}
      <button class="primary" disabled={!values.account.trim() || lacks}>Make a key</button>
    </form>
  );
}

function revoke(row: Key): void {
  confirm(`Revoke a key of ${row.account ?? row.account_id}`, `The key ${row.api_key}${row.label ? ` (${row.label})` : ""} never works again, and its connections are closed.`, "Revoke it",
    () => void change("Revoked: its connections are closed.", "operator/revoke-api-key", { api_key: row.api_key }));
}

const KEYS = [
  { title: "Label", show: (row: Key) => row.label || "–" },
  { title: "Account", text: true, show: (row: Key) => row.account ?? row.account_id },
  { title: "Key", text: true, show: (row: Key) => <code>{row.api_key}</code> },
  { title: "May", text: true, show: (row: Key) => row.scopes.join(", ") },
  { title: "From", text: true, show: (row: Key) => row.ip_list.join(", ") || "anywhere" },
  { title: "Since", show: (row: Key) => <Time ms={row.create_time} date /> },
  { title: "", show: (row: Key) => (row.revoked ? <span class="badge bad">revoked</span>
    : <button type="button" class="small" aria-label={`Revoke ${row.api_key}`} onClick={() => revoke(row)}>Revoke</button>) },
];

export function People() {
  useEffect(() => void look(), []);
  return (
    <>
      {fault.value && <p class="fault wide" role="alert">{fault.value}</p>}
      <section class="panel wide" aria-label="People">
        <div class="bar"><h2>People</h2><button type="button" class="small" onClick={() => void look()}>Look again</button></div>
        <Table columns={USERS} rows={users.value} id={(row) => row.name} empty="Nobody may log in yet." />
      </section>
      <section class="panel wide" aria-label="API keys">
        <h2>API keys <small>without their secrets</small></h2>
        <Table columns={KEYS} rows={keys.value} id={(row) => row.api_key} empty="There is no key." />
      </section>
      <CallForm title="New person" button="Create" done="Created." method="operator/create-user" role after={() => void look()}
        inputs={[{ key: "name", title: "Name" }, { key: "password", title: "Password", secret: true }]} hint="For the console. Viewer looks; support also suspends, announces, rejects withdrawals and revokes keys; risk also changes parameters, states, prices and fees and approves withdrawals; admin does everything." />
      <NewKey />
      <CallForm title="New password" button="Set" done="Set: every session of that person has ended." method="operator/set-password"
        inputs={[{ key: "name", title: "Name" }, { key: "password", title: "Password", secret: true }]} />
      <SecretDialog />
    </>
  );
}
