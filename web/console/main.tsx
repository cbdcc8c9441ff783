// The operator's console: the venue's risk on one screen, and what can be done about it.
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Choice, Confirmation, Notices } from "../shared/ui";
import { Accounts } from "./accounts";
import { Instruments } from "./instruments";
import { LogIn, logOut } from "./login";
import { Money } from "./money";
import { People } from "./people";
import { Overview } from "./overview";
import { Proof } from "./proof";
import { person, reachable, whoIsHere } from "./state";

const stored = localStorage.getItem("ringfence.theme");
const theme = signal<"dark" | "light">(stored === '"light"' ? "light" : "dark");
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem("ringfence.theme", JSON.stringify(theme.value));
});

type View = "overview" | "instruments" | "accounts" | "money" | "people" | "proof";
const VIEWS = [
  ["overview", "Risk"], ["instruments", "Instruments"], ["accounts", "Accounts"], ["money", "Money"], ["people", "People and keys"],
  ["proof", "Audit and proof"],
] as const;
const view = signal<View>("overview");
/** Who logs in begins with the risk. */
effect(() => {
  if (!person.value) view.value = "overview";
});

function Console() {
  if (person.value === undefined) return null;
  return (
    <>
      <header class="top">
        <h1>Ringfence console</h1>
        {person.value && <Choice label="View" options={VIEWS} value={view.value} onChange={(value) => (view.value = value)} />}
        <div class="session">
          <button type="button" class="quiet" aria-label="Change between dark and light" onClick={() => (theme.value = theme.value === "dark" ? "light" : "dark")}>
            {theme.value === "dark" ? "☾" : "☀"}
          </button>
          {person.value && (
            <>
              <span>{person.value.name} <small>{person.value.role.toLowerCase()}</small></span>
              <button type="button" class="quiet" onClick={() => void logOut()}>Log out</button>
            </>
          )}
        </div>
      </header>
      {!reachable.value && <div class="banner bad" role="alert">The venue does not answer. What stands below is old.</div>}
      <main class="console">
        {!person.value ? <LogIn />
          : view.value === "overview" ? <Overview />
          : view.value === "instruments" ? <Instruments />
          : view.value === "accounts" ? <Accounts />
          : view.value === "money" ? <Money />
          : view.value === "people" ? <People />
          : <Proof />}
      </main>
      <Confirmation />
      <Notices />
    </>
  );
}

render(<Console />, document.getElementById("app")!);
void whoIsHere();
