// Operators log in here; what they may do is their role's business, and the venue decides it.
import { useState } from "preact/hooks";
import { post } from "../shared/api";
import { saying, tell } from "../shared/ui";
import { begin, person, type Person } from "./state";

export async function logOut(): Promise<void> {
  try {
    await post("/auth/logout", {});
  } catch (error) {
    tell(saying(error), "bad");
  }
  person.value = null;
}

export function LogIn() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    setFault(null);
    try {
      person.value = await post<Person>("/auth/login", { name, password, ...(code ? { totp: code } : {}) });
      begin();
    } catch (error) {
      setFault(saying(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="panel login" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <h2>Operator log-in</h2>
      <label class="text">Name<input name="name" autocomplete="username" value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
      <label class="text">Password<input name="password" type="password" autocomplete="current-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
      <label class="text">Code of your authenticator, if you use one<input name="totp" inputMode="numeric" value={code} onInput={(event) => setCode(event.currentTarget.value)} /></label>
      {fault && <p class="fault" role="alert">{fault}</p>}
      <button class="primary" disabled={busy || !name || !password}>{busy ? "Checking…" : "Log in"}</button>
    </form>
  );
}
