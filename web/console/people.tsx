// Who may come in: people of the pages, and the keys of bots, each of which can be shut out.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, type Params } from "../shared/api";
import { saying, Time } from "../shared/ui";
import { CallForm } from "./callform";
import { act } from "./state";
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
  { title: "Role", show: (row: User) => row.role.toLowerCase() },
  { title: "Account", show: (row: User) => row.account ?? "–" },
  { title: "One-time code", show: (row: User) => (row.totp ? "demanded" : "no") },
  { title: "Since", show: (row: User) => <Time ms={row.create_time} date /> },
];

const KEYS = [
  { title: "Label", show: (row: Key) => row.label || "–" },
  { title: "Account", show: (row: Key) => row.account ?? row.account_id },
  { title: "Key", show: (row: Key) => <code>{row.api_key}</code> },
  { title: "May", show: (row: Key) => row.scopes.join(", ") },
  { title: "From", show: (row: Key) => row.ip_list.join(", ") || "anywhere" },
  { title: "Since", show: (row: Key) => <Time ms={row.create_time} date /> },
  { title: "", show: (row: Key) => (row.revoked ? <span class="badge bad">revoked</span>
    : <button type="button" class="small" aria-label={`Revoke ${row.api_key}`} onClick={() => void change("Revoked: its connections are closed.", "operator/revoke-api-key", { api_key: row.api_key })}>Revoke</button>) },
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
      <CallForm title="A person for the console" button="Create" done="Created." method="operator/create-user" role after={() => void look()}
        inputs={[{ key: "name", title: "Name" }, { key: "password", title: "Password", secret: true }]} hint="Viewer looks; support also suspends, announces, rejects withdrawals and revokes keys; risk also changes parameters, states, prices and fees and approves withdrawals; admin does everything." />
      <CallForm title="A new password" button="Set" done="Set: his sessions have ended." method="operator/set-password"
        inputs={[{ key: "name", title: "Name" }, { key: "password", title: "Password", secret: true }]} />
    </>
  );
}
