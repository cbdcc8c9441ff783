// Log-in and log-out. In a sandbox the demo account is one click away.
import { signal } from "@preact/signals";
import { post, Refusal } from "../shared/api";
import { Dialog, saying, tell } from "../shared/ui";
import { connectUser, ended, forgetUser, person, reload, type Person } from "./state";

export const loginOpen = signal(false);
const name = signal("");
const password = signal("");
const code = signal("");
const fault = signal<string | null>(null);
const busy = signal(false);

async function logIn(who: string, secret: string, totp: string): Promise<void> {
  busy.value = true;
  fault.value = null;
  try {
    const session = await post<Person>("/auth/login", { name: who, password: secret, ...(totp ? { totp } : {}) });
    person.value = session;
    password.value = code.value = "";
    loginOpen.value = ended.value = false;
    await reload();
    connectUser();
  } catch (error) {
    const wrong = error instanceof Refusal && error.code === 40101;
    fault.value = wrong ? "The name, the password or the code is not right." : saying(error);
  } finally {
    busy.value = false;
  }
}

export async function logOut(): Promise<void> {
  try {
    await post("/auth/logout", {});
  } catch {
    tell("The venue did not answer; you are logged out on this page.", "bad");
  }
  forgetUser();
}

export function LoginDialog(props: { demo: Demo | null }) {
  if (!loginOpen.value) return null;
  const { demo } = props;
  return (
    <Dialog title="Log in" onClose={() => (loginOpen.value = false)}>
      {demo && (
        <div class="demo">
          <p>This is a sandbox: the market is made by machines and the money is not real.</p>
          {demo.accounts.map((one) => (
            <button type="button" key={one.name} class="primary" disabled={busy.value}
              onClick={() => void logIn(one.name, one.password, "")}>Enter as {one.name}</button>
          ))}
        </div>
      )}
      <form onSubmit={(event) => { event.preventDefault(); void logIn(name.value, password.value, code.value); }}>
        <label class="text">Name
          <input name="name" autocomplete="username" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        </label>
        <label class="text">Password
          <input name="password" type="password" autocomplete="current-password" value={password.value}
            onInput={(event) => (password.value = event.currentTarget.value)} />
        </label>
        <label class="text">Code of your authenticator, if you use one
          <input name="totp" inputMode="numeric" autocomplete="one-time-code" value={code.value}
            onInput={(event) => (code.value = event.currentTarget.value)} />
        </label>
        {fault.value && <p class="fault" role="alert">{fault.value}</p>}
        <button class="primary" disabled={busy.value || !name.value || !password.value}>{busy.value ? "Checking…" : "Log in"}</button>
      </form>
    </Dialog>
  );
}

export interface Demo {
  accounts: { name: string; password: string }[];
}
