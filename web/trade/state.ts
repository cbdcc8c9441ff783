// What the trading page knows: one place, written by the sockets and by answers, read by the views.
import { batch, computed, effect, signal } from "@preact/signals";
import { call, get, session } from "../shared/api";
import { Socket, type Push } from "../shared/socket";
import { applyLevels } from "./levels";
import type {
  Balance, BalanceRow, BookDelta, BookSnapshot, Candle, Instrument, IsolatedRow, Level, Order, Position, Sample, Ticker, Trade,
} from "../shared/types";

// ---- Choices of the person, kept between visits ------------------------------------------------------------

function kept<T>(key: string, first: T) {
  const stored = localStorage.getItem("ringfence." + key);
  const value = signal<T>(stored === null ? first : (JSON.parse(stored) as T));
  effect(() => localStorage.setItem("ringfence." + key, JSON.stringify(value.value)));
  return value;
}

export const theme = kept<"dark" | "light">("theme", "dark");
export const symbol = kept<string>("symbol", "BTCUSD-PERP");
export const timeframe = kept<string>("timeframe", "1m");
export const bookStep = kept<number>("bookStep", 1);
export const pane = signal<"chart" | "book" | "trade" | "positions" | "account">("chart");

// ---- The market --------------------------------------------------------------------------------------------

export const instruments = signal<Instrument[]>([]);
export const instrument = computed(() => instruments.value.find((row) => row.symbol === symbol.value));
export const tickers = signal<Record<string, Ticker>>({});
export const marks = signal<Record<string, string>>({});
export const indexPrice = signal<string | null>(null);
export const fundingRate = signal<string | null>(null);
export const estimatedRate = signal<string | null>(null);
export const trades = signal<Trade[]>([]);
export const lastCandle = signal<Candle | null>(null);
export const liquidations = signal<LiquidationRow[]>([]);

/** A step of somebody's liquidation, newest first. */
export interface LiquidationRow {
  kind: "START" | "FILL" | "TAKEOVER" | "ADL" | "RECOVERED" | "END";
  i: string;
  isolated: boolean;
  s?: "BUY" | "SELL";
  q?: string;
  p?: string;
  to_insurance_fund?: string;
  uncovered_loss?: string;
  t: number;
}

export interface Book {
  bids: Level[];
  asks: Level[];
  u: number;
  t: number;
}
export const book = signal<Book>({ bids: [], asks: [], u: 0, t: 0 });

function bookMessage(push: Push): void {
  if (push.instrument_name !== symbol.value) return;
  if (push.channel === "book") {
    const data = push.data[0] as BookSnapshot;
    book.value = { bids: data.bids, asks: data.asks, u: data.u, t: data.t };
    return;
  }
  const delta = push.data[0] as BookDelta;
  if (delta.pu !== book.value.u) {
    // A gap: what is shown cannot be trusted until a new snapshot is here.
    book.value = { bids: [], asks: [], u: 0, t: 0 };
    market.subscribe(bookChannel(symbol.value), BOOK_OPTIONS);
    return;
  }
  book.value = {
    bids: applyLevels(book.value.bids, delta.update.bids, -1),
    asks: applyLevels(book.value.asks, delta.update.asks, 1),
    u: delta.u,
    t: delta.t,
  };
}

function tradeMessage(push: Push): void {
  if (push.instrument_name !== symbol.value) return;
  const fresh = (push.data as Trade[]).filter((trade) => !trades.value.some((known) => known.d === trade.d));
  // Their numbers go up: what was traded in one millisecond has an order too.
  fresh.sort((a, b) => b.t - a.t || b.d.length - a.d.length || (b.d > a.d ? 1 : -1));
  trades.value = [...fresh, ...trades.value].slice(0, 60);
}

function marketMessage(push: Push): void {
  const name = push.instrument_name ?? "";
  const sample = push.data[0] as Sample | undefined;
  switch (push.channel) {
    case "book":
    case "book.update":
      return bookMessage(push);
    case "trade":
      return tradeMessage(push);
    case "ticker":
      if (push.data[0]) tickers.value = { ...tickers.value, [name]: push.data[0] as Ticker };
      return;
    case "mark":
      if (sample) marks.value = { ...marks.value, [name]: sample.v };
      return;
    case "index":
      if (sample && name === instrument.value?.underlying_symbol) indexPrice.value = sample.v;
      return;
    case "funding":
      if (sample && name === symbol.value) fundingRate.value = sample.v;
      return;
    case "estimatedfunding":
      if (sample && name === symbol.value) estimatedRate.value = sample.v;
      return;
    case "candlestick":
      if (name === symbol.value && push.interval === timeframe.value && push.data.length)
        lastCandle.value = push.data[push.data.length - 1] as Candle;
      return;
    case "x.liquidations":
      liquidations.value = [...(push.data as LiquidationRow[]).slice().reverse(), ...liquidations.value].slice(0, 50);
      return;
  }
}

const BOOK_OPTIONS = { book_subscription_type: "SNAPSHOT_AND_UPDATE", book_update_frequency: 100 };
const bookChannel = (name: string): string => `book.${name}.50`;

function each(pushes: Push[], take: (push: Push) => void): void {
  batch(() => pushes.forEach(take));
}

export const market = new Socket("/exchange/v1/market", (pushes) => each(pushes, marketMessage));

/** Channels of the instrument that is looked at; the others' tickers and marks go on. */
function watch(name: string, frame: string): () => void {
  const row = instruments.peek().find((one) => one.symbol === name);
  const channels = [
    `trade.${name}`, `funding.${name}`, `estimatedfunding.${name}`, `candlestick.${frame}.${name}`,
    ...(row ? [`index.${row.underlying_symbol}`] : []),
  ];
  batch(() => {
    book.value = { bids: [], asks: [], u: 0, t: 0 };
    trades.value = [];
    lastCandle.value = null;
    indexPrice.value = fundingRate.value = estimatedRate.value = null;
  });
  market.subscribe(bookChannel(name), BOOK_OPTIONS);
  channels.forEach((channel) => market.subscribe(channel));
  return () => {
    market.unsubscribe(bookChannel(name));
    channels.forEach((channel) => market.unsubscribe(channel));
  };
}

// ---- The account -------------------------------------------------------------------------------------------

export interface Person {
  name: string;
  role: string;
  account: string;
}
/** undefined: not known yet; null: nobody is logged in. */
export const person = signal<Person | null | undefined>(undefined);
export const balance = signal<Balance | null>(null);
export const positions = signal<Position[]>([]);
export const orders = signal<Order[]>([]);
/** Goes up with every own trade or finished order: tables of history ask again. */
export const historyStamp = signal(0);
export let user: Socket | null = null;
const wasHere = kept<boolean>("session", false);
effect(() => {
  if (person.value !== undefined) wasHere.value = person.value !== null;
});

const OPEN = new Set(["ACTIVE", "NEW", "PENDING"]);

function orderMessage(push: Push): void {
  const changed = push.data as Order[];
  const known = new Map(orders.value.map((order) => [order.order_id, order]));
  for (const order of changed) {
    if (OPEN.has(order.status)) known.set(order.order_id, order);
    else known.delete(order.order_id);
  }
  orders.value = [...known.values()].sort((a, b) => b.create_time - a.create_time);
  historyStamp.value++;
}

/** The account at the mark prices of now: sent each second or so, whether or not anything was done. */
interface Risk extends Balance {
  margin_score: string;
  balances: BalanceRow[];
  positions: Position[];
  isolated_positions: (IsolatedRow & { positions: Position[] })[];
}

function riskMessage(risk: Risk): void {
  marginScore.value = risk.margin_score;
  if (balance.value) balance.value = { ...balance.value, ...risk, position_balances: risk.balances };
  const rows = [...risk.positions, ...risk.isolated_positions.flatMap((row) => row.positions)];
  positions.value = rows.filter(isOpen);
}

const isOpen = (row: Position): boolean => !/^-?0(\.0*)?$/.test(row.quantity);

function userMessage(push: Push): void {
  switch (push.channel) {
    case "user.order":
    case "user.advance.order":
      return orderMessage(push);
    case "user.balance":
      balance.value = (push.data[0] as Balance | undefined) ?? balance.value;
      return;
    case "user.positions":
      positions.value = (push.data as Position[]).filter(isOpen);
      return;
    case "user.account_risk":
      if (push.data[0]) riskMessage(push.data[0] as Risk);
      return;
    case "user.trade":
      notice.value?.("trade", push.data);
      historyStamp.value++;
      return;
    case "user.x.margin":
      push.data.forEach((event) => notice.value?.("margin", event));
      historyStamp.value++;
      return;
  }
}

/** Who shows notifications; set by the view. */
export const notice = signal<((kind: "trade" | "margin", what: unknown) => void) | null>(null);

/** Everything of the account afresh: after log-in, after an outage. */
export async function reload(): Promise<void> {
  const [balances, rows, open, waiting] = await Promise.all([
    call<{ data: Balance[] }>("private/user-balance"),
    call<{ data: Position[] }>("private/get-positions"),
    call<{ data: Order[] }>("private/get-open-orders"),
    call<{ data: Order[] }>("private/advanced/get-open-orders"),
  ]);
  const all = new Map([...open.data, ...waiting.data].map((order) => [order.order_id, order]));
  batch(() => {
    balance.value = balances.data[0] ?? null;
    positions.value = rows.data;
    orders.value = [...all.values()].sort((a, b) => b.create_time - a.create_time);
    historyStamp.value++;
  });
}

export function connectUser(): void {
  user?.close();
  user = new Socket("/exchange/v1/user", (pushes) => each(pushes, userMessage), () => void reload().catch(() => undefined));
  ["user.order", "user.advance.order", "user.balance", "user.positions", "user.account_risk", "user.trade", "user.x.margin"]
    .forEach((channel) => user!.subscribe(channel));
  userLink.value = user.link.value;
  user.link.subscribe((link) => (userLink.value = link));
}
export const userLink = signal<"connecting" | "live" | "lost">("connecting");

export function forgetUser(): void {
  user?.close();
  user = null;
  batch(() => {
    person.value = null;
    balance.value = null;
    positions.value = [];
    orders.value = [];
  });
}

session.ended = () => {
  if (!person.peek()) return;
  forgetUser();
  ended.value = true;
};
/** The log-in ended by itself; the view says so. */
export const ended = signal(false);

/** The account's margin ratio in cross margin: what is required over what stands behind it. "" = not told yet. */
export const marginScore = signal("");

// ---- Beginning ---------------------------------------------------------------------------------------------

export const fault = signal<string | null>(null);

const INSTRUMENTS_MS = 5000;

/** States change and instruments are listed while the page is open; what did not change stays the same object. */
async function askInstruments(): Promise<void> {
  const { data } = await call<{ data: Instrument[] }>("public/get-instruments");
  if (JSON.stringify(data) === JSON.stringify(instruments.peek())) return;
  for (const row of data) {
    if (instruments.peek().some((one) => one.symbol === row.symbol)) continue;
    market.subscribe(`ticker.${row.symbol}`);
    market.subscribe(`mark.${row.symbol}`);
  }
  instruments.value = data;
}

export async function start(): Promise<void> {
  await askInstruments();
  window.setInterval(() => void askInstruments().catch(() => undefined), INSTRUMENTS_MS);
  if (!instrument.value && instruments.value[0]) symbol.value = instruments.value[0].symbol;
  market.subscribe("x.liquidations");
  effect(() => watch(symbol.value, timeframe.value));
  // The cookie cannot be seen from here: whether somebody was logged in is remembered beside it.
  if (!wasHere.peek()) {
    person.value = null;
    return;
  }
  try {
    const here = await get<Person | null>("/auth/session");
    if (here?.name) {
      person.value = here;
      await reload();
      connectUser();
    } else person.value = null;
  } catch {
    person.value = null;
  }
}
