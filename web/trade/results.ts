// What open positions have realised, paid and received since they were opened (cross: last flat). The history keeps the sums;
// they are asked for after each event of the account, and now and then for the funding.
import { effect, signal } from "@preact/signals";
import { call } from "../shared/api";
import { historyStamp, person } from "./state";

/** A position's name on the page: one per instrument and mode. */
export function rowKey(row: { isolation_id?: string | null | undefined; instrument_name: string }): string {
  return row.isolation_id || "cross-" + row.instrument_name;
}

export interface Result {
  isolation_id?: string;
  instrument_name: string;
  realized_pnl: string;
  fees: string;
  funding: string;
}
export const results = signal<Record<string, Result>>({});

const PAUSE_MS = 200;
const AGAIN_MS = 15_000;

async function ask(): Promise<void> {
  const answer = await call<{ data: Result[] }>("private/x/get-position-results");
  results.value = Object.fromEntries(answer.data.map((row) => [rowKey(row), row]));
}

export function watchResults(): void {
  let timer = 0;
  const again = (pause: number): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void ask().catch(() => undefined).then(() => again(AGAIN_MS)), pause);
  };
  effect(() => {
    void historyStamp.value;
    window.clearTimeout(timer);
    if (person.value) again(PAUSE_MS);
    else results.value = {};
  });
}
