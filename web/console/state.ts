// What the console knows: asked of the venue every two seconds, and after everything the operator does.
import { batch, effect, signal } from "@preact/signals";
import { call, get, session, type Params } from "../shared/api";
import { saying, tell } from "../shared/ui";

export interface Exposure {
  instrument_name: string;
  state: string;
  mark_price: string;
  mark_stale: boolean;
  mark_pinned: boolean;
  mark_stale_ms: number;
  index_price: string;
  open_interest: string;
  long_quantity: string;
  short_quantity: string;
  cross_long_quantity: string;
  cross_short_quantity: string;
  fund_quantity: string;
  fund_position_cap: string | null;
  positions: number;
  isolations: number;
  liquidating: number;
  position_value: string;
  funding_rate: string;
  estimated_funding_rate: string;
  within_1_percent?: string;
  within_2_percent?: string;
  within_5_percent?: string;
}

export interface House {
  WORLD: string;
  FEES: string;
  INSURANCE: string;
  ROUNDING: string;
  WITHDRAWALS: string;
  CLEARING: Record<string, string>;
  fund_equity: string;
}

export interface Liquidation {
  account: string;
  account_id: string;
  kind: string;
  start_time: number;
  status: string;
  isolation_id?: string;
  instrument_name?: string;
  mark_price?: string;
  quantity?: string;
  closed_quantity?: string;
  taken_over_quantity?: string;
  deleveraged_quantity?: string;
  equity: string;
  required: string;
  to_insurance_fund: string;
  uncovered_loss: string;
}

export interface Person {
  name: string;
  role: string;
}

export type Row = Record<string, unknown>;

export const person = signal<Person | null | undefined>(undefined);
export const exposure = signal<Exposure[]>([]);
export const house = signal<House | null>(null);
export const liquidations = signal<Liquidation[]>([]);
export const withdrawals = signal<Row[]>([]);
export const sources = signal<Source[]>([]);
export interface FundEvent {
  event_id: string;
  kind: string;
  instrument_name?: string;
  amount: string;
  balance: string;
  t: number;
}

export interface Source {
  source: string;
  adapter: string;
  symbol: string;
  index_name: string;
  price?: string;
  age_ms?: number;
  deviation?: string;
  last_error: string;
  asked: number;
  taken: number;
  failed: number;
}

/** operator/get-status: who follows this server, and how far it is from the command to the disk. */
export interface Status {
  role: string;
  replicas: unknown[];
  phase: string;
  applied_seq: number;
  engine_seq: number;
  journal: { appended_seq: number; durable_seq: number; written_bytes: number; last_flush_us: number };
  snapshot: { seq: number; time?: number; failed: number };
  history: { written_seq: number; rows_waiting: number; error: string };
}
export const status = signal<Status | null>(null);

export const fundEvents = signal<FundEvent[]>([]);
export const fundHistory = signal<{ t: number; v: string }[]>([]);
export const reachable = signal(true);
/** Methods that this venue or this role does not offer are asked once. */
const refused = new Set<string>();

async function ask<T>(method: string, params: Params, take: (answer: T) => void): Promise<void> {
  if (refused.has(method)) return;
  try {
    take(await call<T>(method, params));
  } catch (error) {
    const code = (error as { code?: number }).code;
    if (code === undefined) throw error;
    if (code === 40002 || code === 40104) refused.add(method);
  }
}

interface Data<T> {
  data: T[];
}

export async function refresh(): Promise<void> {
  try {
    await Promise.all([
      ask<Data<Exposure>>("operator/get-exposure", {}, (answer) => (exposure.value = answer.data)),
      ask<House>("operator/get-house-balances", {}, (answer) => (house.value = answer)),
      ask<Data<Liquidation>>("operator/get-liquidations", { count: 50 }, (answer) => (liquidations.value = answer.data)),
      ask<Data<Row>>("operator/get-withdrawals", {}, (answer) => (withdrawals.value = answer.data)),
      ask<Data<FundEvent>>("public/x/get-insurance-events", { limit: 30 }, (answer) => (fundEvents.value = answer.data)),
      ask<Data<Source>>("operator/get-price-sources", {}, (answer) => (sources.value = answer.data)),
      ask<Status>("operator/get-status", {}, (answer) => (status.value = answer)),
      ask<Data<{ t: number; v: string }>>("public/get-insurance", { instrument_name: "USD", count: 300 }, (answer) => (fundHistory.value = answer.data)),
    ]);
    reachable.value = true;
  } catch {
    reachable.value = false;
  }
}

/** Does something, says how it went, shows what it changed, and hands on the answer (many have none); null: it was refused. */
export async function perform<T>(done: string, method: string, params: Params): Promise<T | null> {
  try {
    const answer = await call<T>(method, params);
    tell(done, "good");
    void refresh();
    return answer;
  } catch (error) {
    tell(saying(error), "bad");
    return null;
  }
}

export async function act(done: string, method: string, params: Params): Promise<boolean> {
  return (await perform(done, method, params)) !== null;
}

let timer = 0;
export function begin(): void {
  window.clearInterval(timer);
  refused.clear();
  void refresh();
  timer = window.setInterval(() => person.value && void refresh(), 2000);
}

/** The cookie cannot be seen from here: whether somebody was logged in is remembered beside it. */
const HERE = "ringfence.console";
effect(() => {
  if (person.value) localStorage.setItem(HERE, "1");
  else if (person.value === null) localStorage.removeItem(HERE);
});

export async function whoIsHere(): Promise<void> {
  if (!localStorage.getItem(HERE)) {
    person.value = null;
    return;
  }
  try {
    const here = await get<Person | null>("/auth/session");
    batch(() => (person.value = here?.name ? here : null));
  } catch {
    person.value = null;
  }
  if (person.value) begin();
}

session.ended = () => void (person.value = null);
