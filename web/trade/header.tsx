// The line over everything: which instrument, its prices, and who is here.
import { computed } from "@preact/signals";
import * as decimal from "../shared/decimal";
import { Num, Percent } from "../shared/ui";
import { venueTime } from "./clock";
import { loginOpen, logOut } from "./login";
import {
  ended, estimatedRate, fundingRate, indexPrice, instrument, instruments, market, marks, person, symbol, theme, tickers, user, userLink,
} from "./state";

/** Seconds: funding settles at every full hour of the venue. */
const untilFunding = computed(() => 3600 - ((venueTime.value / 1000) % 3600));

function Countdown() {
  if (!venueTime.value) return <span class="num none">–</span>;
  const left = untilFunding.value;
  const part = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return <span class="num" data-field="funding_in" data-value={left}>{part(left / 60)}:{part(left % 60)}</span>;
}

function Figure(props: { label: string; children: preact.ComponentChildren; title?: string }) {
  return (
    <div class="figure" title={props.title}>
      <span class="label">{props.label}</span>
      <span class="value">{props.children}</span>
    </div>
  );
}

export function Header() {
  const row = instrument.value;
  const ticker = tickers.value[symbol.value];
  const places = row?.quote_decimals ?? 2;
  const direction = ticker?.c ? decimal.sign(decimal.of(ticker.c)) : 0;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Ringfence">
        <svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" /><circle cx="12" cy="12" r="3.5" /></svg>
        <span>Ringfence</span>
      </a>
      <h1 class="hidden">Trade {symbol.value}</h1>
      <label class="instrument">
        <span class="hidden">Instrument</span>
        <select value={symbol.value} onChange={(event) => (symbol.value = event.currentTarget.value)}>
          {instruments.value.map((one) => <option key={one.symbol} value={one.symbol}>{one.symbol}</option>)}
        </select>
      </label>
      <div class={"last " + ["down", "", "up"][direction + 1]}>
        <Num value={ticker?.a} places={places} field="ticker.a" />
      </div>
      <div class="figures" role="group" aria-label="Figures of the market" tabIndex={0}>
        <Figure label="Mark" title="Margin and liquidation are reckoned at this price">
          <Num value={marks.value[symbol.value]} places={places} field="mark" />
        </Figure>
        <Figure label="Index"><Num value={indexPrice.value} places={places} field="index" /></Figure>
        <Figure label="Funding / 1 h" title="Of the hour that settles next; then the estimate of the interval after it">
          <Percent value={fundingRate.value} places={4} signed field="funding" /> <span class="dim">in <Countdown />, next </span><Percent value={estimatedRate.value} places={4} signed field="estimate" />
        </Figure>
        <Figure label="24 h"><Percent value={ticker?.c} signed colour field="ticker.c" /></Figure>
        <Figure label="24 h high / low">
          <Num value={ticker?.h} places={places} field="ticker.h" /> / <Num value={ticker?.l} places={places} field="ticker.l" />
        </Figure>
        <Figure label="24 h volume"><Num value={ticker?.vv} places={0} field="ticker.vv" /> USD</Figure>
        <Figure label="Open interest"><Num value={ticker?.oi} places={row?.quantity_decimals ?? 4} field="ticker.oi" /> {row?.base_ccy}</Figure>
      </div>
      <div class="session">
        <button type="button" class="quiet" title="Dark or light (T)" aria-label="Change between dark and light"
          onClick={() => (theme.value = theme.value === "dark" ? "light" : "dark")}>{theme.value === "dark" ? "☾" : "☀"}</button>
        {person.value ? (
          <>
            <span class="who">{person.value.name}</span>
            <button type="button" class="quiet" onClick={() => void logOut()}>Log out</button>
          </>
        ) : (
          <button type="button" class="primary" onClick={() => (loginOpen.value = true)}>Log in</button>
        )}
      </div>
    </header>
  );
}

const STATES: Record<string, string> = {
  POST_ONLY: "takes only orders that rest (post-only) now.",
  REDUCE_ONLY: "takes only orders that reduce a position now.",
  CANCEL_ONLY: "takes no new orders now. Cancelling and adding margin still work; nobody is liquidated.",
  HALTED: "is halted. Cancelling and adding margin still work; nobody is liquidated.",
  SETTLED: "has been settled: its positions are closed at the settlement price.",
};

/** What is lost is said loudly, and what is shown meanwhile is marked as old by the style of `body.lost`. */
export function Banner() {
  const lost = market.link.value !== "live" || (person.value && user && userLink.value !== "live");
  document.body.classList.toggle("lost", !!lost);
  const row = instrument.value;
  return (
    <>
      {lost && (
        <div class="banner bad" role="alert">
          {market.link.value === "connecting" ? "Connecting to the venue…" : "Connection lost. Prices and positions below are old; connecting again…"}
        </div>
      )}
      {ended.value && !person.value && (
        <div class="banner" role="alert">Your log-in has ended. <button type="button" class="link" onClick={() => (loginOpen.value = true)}>Log in again</button></div>
      )}
      {row && STATES[row.state] && <div class="banner state" role="status">{row.symbol} {STATES[row.state]}</div>}
    </>
  );
}
