// What the dialogs share: which one is open, the position that it is about, and something to do with a button.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call } from "../../shared/api";
import * as decimal from "../../shared/decimal";
import type { Limits, Position } from "../../shared/types";
import { saying, tell } from "../../shared/ui";
import { balance, instruments, positions, reload } from "../state";

export type Opened =
  | { kind: "margin"; id: string }
  | { kind: "leverage"; id: string }
  | { kind: "close"; row: Position }
  | { kind: "reverse"; row: Position }
  | { kind: "tpsl"; row: Position };
export const opened = signal<Opened | null>(null);

export function open(what: Opened): void {
  opened.value = what;
}

export function shut(): void {
  opened.value = null;
}

/** The isolation as it is now: the account's list has it also while it holds no quantity. */
export function find(id: string): Position | undefined {
  return positions.value.find((row) => row.isolation_id === id) ??
    balance.value?.isolated_positions.find((row) => row.isolation_id === id);
}

export function placesOf(name: string): { price: number; qty: number; tick: string; lot: string; most: string } {
  const row = instruments.value.find((one) => one.symbol === name);
  return {
    price: row?.quote_decimals ?? 2, qty: row?.quantity_decimals ?? 4, tick: row?.price_tick_size ?? "0.01",
    lot: row?.qty_tick_size ?? "0.0001", most: row?.max_leverage ?? "50",
  };
}

/** Something to do with a button: busy while it runs, its refusal in words, shut when it worked. */
export function useAction(run: () => Promise<string>): { busy: boolean; fault: string | null; go: () => void } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const go = (): void => {
    setBusy(true);
    setFault(null);
    run().then(
      (said) => {
        tell(said, "good");
        void reload();
        shut();
      },
      (error: unknown) => {
        setFault(saying(error));
        setBusy(false);
      },
    );
  };
  return { busy, fault, go };
}

/** private/x/isolated-limits for these targets, asked again whenever they change; null: not known of these yet. */
export function useLimits(id: string, target: Record<string, string>): Limits | null {
  const [known, setKnown] = useState<{ key: string; limits: Limits } | null>(null);
  const key = JSON.stringify(target);
  useEffect(() => {
    let alive = true;
    const timer = window.setTimeout(() => {
      call<Limits>("private/x/isolated-limits", { isolation_id: id, ...target })
        .then((limits) => alive && setKnown({ key, limits }))
        .catch(() => alive && setKnown(null));
    }, 100);
    return () => {
      alive = false;
      window.clearTimeout(timer);
    };
  }, [id, key]);
  return known?.key === key ? known.limits : null;
}

export function checkAmount(text: string): { value: decimal.Decimal | null; fault: string | undefined } {
  if (text.trim() === "") return { value: null, fault: undefined };
  const value = decimal.parse(text.trim());
  if (!value) return { value: null, fault: "This is not a number." };
  if (decimal.sign(value) <= 0) return { value: null, fault: "It must be above zero." };
  if (value.scale > 8) return { value: null, fault: "At most 8 decimals." };
  return { value, fault: undefined };
}
