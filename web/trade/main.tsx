// The trading page: its parts put together, shortcuts, notifications.
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { get } from "../shared/api";
import * as decimal from "../shared/decimal";
import { Choice, Confirmation, Notices, saying, tell } from "../shared/ui";
import { Account } from "./account";
import { Book } from "./book";
import { Chart } from "./chart";
import { watchTime } from "./clock";
import { Dialogs } from "./dialogs";
import * as draft from "./draft";
import { Banner, Header } from "./header";
import { LoginDialog, loginOpen, type Demo } from "./login";
import { loadMargin, loadRates } from "./margin";
import { MarketInfo } from "./marketinfo";
import { OrderForm } from "./orderform";
import { fault, notice, pane, person, start, theme } from "./state";
import { watchResults } from "./results";
import { tab, Tables } from "./tables";

const demo = signal<Demo | null>(null);

const PANES = [["chart", "Chart"], ["book", "Book"], ["trade", "Trade"], ["positions", "Positions"], ["account", "Account"]] as const;

function Page() {
  return (
    <>
      <a class="skip" href="#order">To the order form</a>
      <Header />
      <Banner />
      {fault.value && <div class="banner bad" role="alert">{fault.value}</div>}
      {demo.value && person.value === null && (
        <div class="banner demo" role="status">
          A live sandbox market: nothing here is real money.
          <button type="button" class="primary" onClick={() => (loginOpen.value = true)}>Try it with a demo account</button>
        </div>
      )}
      <main class="grid" data-pane={pane.value}>
        <Chart />
        <Book />
        <div class="column" id="order">
          <OrderForm />
          <Account />
        </div>
        <Tables />
        <MarketInfo />
      </main>
      <nav aria-label="Parts of the page">
        <Choice label="Part of the page" class="panes" options={PANES} value={pane.value} onChange={(value) => (pane.value = value)} />
      </nav>
      <Dialogs />
      <LoginDialog demo={demo.value} />
      <Confirmation />
      <Notices />
    </>
  );
}

// ---- Shortcuts: single letters outside of fields -------------------------------------------------------------

const SHORTCUTS: Record<string, () => void> = {
  b: () => (draft.side.value = "BUY"),
  s: () => (draft.side.value = "SELL"),
  i: () => (draft.mode.value = "ISOLATED"),
  c: () => (draft.mode.value = "CROSS"),
  l: () => (draft.kind.value = "LIMIT"),
  m: () => (draft.kind.value = "MARKET"),
  q: () => document.querySelector<HTMLInputElement>("input[name=quantity]")?.focus(),
  p: () => (tab.value = "positions"),
  o: () => (tab.value = "orders"),
  t: () => (theme.value = theme.value === "dark" ? "light" : "dark"),
};

document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
  if (document.querySelector("dialog[open]")) return;
  const action = SHORTCUTS[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

// ---- Notifications -------------------------------------------------------------------------------------------

interface MarginEvent {
  kind: string;
  instrument_name?: string;
  margin_ratio?: string;
}
interface OwnTrade {
  side: string;
  traded_quantity: string;
  traded_price: string;
  instrument_name: string;
}

const MARGIN_WORDS: Record<string, [string, "good" | "bad" | "plain"]> = {
  WARNING: ["is near its liquidation. Add margin or reduce it.", "bad"],
  LIQUIDATION_START: ["is being liquidated.", "bad"],
  LIQUIDATION_END: ["was liquidated. See Liquidations for the account of it.", "bad"],
  LIQUIDATION_RECOVERED: ["has recovered; the liquidation ended.", "good"],
  ADL: ["was reduced by deleveraging.", "bad"],
};

/** The fills of one message, one line for each instrument and side, at their average price. */
function traded(trades: OwnTrade[]): void {
  const groups = new Map<string, OwnTrade[]>();
  for (const trade of trades) {
    const key = trade.side + trade.instrument_name;
    groups.set(key, [...(groups.get(key) ?? []), trade]);
  }
  for (const fills of groups.values()) {
    const { side, instrument_name: name, traded_price: price } = fills[0]!;
    const quantity = fills.reduce((sum, one) => decimal.add(sum, decimal.of(one.traded_quantity)), decimal.ZERO);
    const value = fills.reduce((sum, one) => decimal.add(sum, decimal.mul(decimal.of(one.traded_quantity), decimal.of(one.traded_price))), decimal.ZERO);
    const average = decimal.show(decimal.div(value, quantity, decimal.of(price).scale), decimal.of(price).scale);
    const many = fills.length > 1 ? ` on average, in ${fills.length} fills` : "";
    tell(`${side === "BUY" ? "Bought" : "Sold"} ${decimal.plain(quantity)} ${name} at ${average}${many}`, "plain");
  }
}

notice.value = (kind, what) => {
  if (kind === "trade") {
    traded(what as OwnTrade[]);
    return;
  }
  const event = what as MarginEvent;
  const words = MARGIN_WORDS[event.kind];
  if (words) tell(`${event.instrument_name ?? "Your account"} ${words[0]}`, words[1]);
};

// ---- Beginning -----------------------------------------------------------------------------------------------

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});
render(<Page />, document.getElementById("app")!);
start().then(
  () => {
    watchTime();
    draft.watchPreview();
    watchResults();
    loadMargin().catch((error: unknown) => tell("What-if is not available: " + saying(error), "bad"));
    effect(() => void (person.value && loadRates().catch(() => undefined)));
  },
  (error: unknown) => (fault.value = saying(error) + " Reload the page to try again."),
);
get<Demo>("/auth/demo").then((answer) => (demo.value = answer.accounts?.length ? answer : null)).catch(() => undefined);
