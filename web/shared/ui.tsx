// Small pieces that both pages are made of.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import * as decimal from "./decimal";

/** A decimal text of the API for people, in its own decimals where no places are given; "–" where there is none. */
export function Num(props: { value: string | null | undefined; places?: number; signed?: boolean; colour?: boolean; field?: string }) {
  const { value } = props;
  if (value === null || value === undefined || value === "") return <span class="num none">–</span>;
  const number = decimal.of(value);
  const tone = props.colour ? [" down", "", " up"][decimal.sign(number) + 1]! : "";
  return (
    <span class={"num" + tone} data-field={props.field} data-value={value}>
      {decimal.show(number, props.places ?? number.scale, props.signed)}
    </span>
  );
}

/** How many there are. */
export function Count(props: { value: number; field: string }) {
  return <Num value={String(props.value)} places={0} field={props.field} />;
}

/** A fraction of the API ("0.0123") as percent. */
export function Percent(props: { value: string | null | undefined; places?: number; signed?: boolean; colour?: boolean; field?: string }) {
  if (!props.value) return <span class="num none">–</span>;
  const number = decimal.of(props.value);
  const tone = props.colour ? [" down", "", " up"][decimal.sign(number) + 1]! : "";
  const hundred = decimal.mul(number, decimal.of("100"));
  return (
    <span class={"num" + tone} data-field={props.field} data-value={props.value}>
      {decimal.show(hundred, props.places ?? 2, props.signed)}%
    </span>
  );
}

/** In UTC, as the chart and the funding hours are. */
export function Time(props: { ms: number; date?: boolean }) {
  const when = new Date(props.ms);
  const [day, rest] = when.toISOString().split("T");
  const clock = rest!.slice(0, 8);
  return <time dateTime={when.toISOString()} title={when.toLocaleString("en-GB") + " where you are"}>{props.date ? `${day} ${clock}` : clock}</time>;
}

let lastField = 0;

/** A labelled input for a decimal, with what is wrong with it beside it. */
export function NumberField(props: {
  label: string;
  value: string;
  onInput: (text: string) => void;
  fault?: string | undefined;
  suffix?: string | undefined;
  hint?: ComponentChildren;
  name?: string;
  disabled?: boolean;
}) {
  const id = useRef("f" + ++lastField).current;
  return (
    <div class={"field" + (props.fault ? " wrong" : "")}>
      <label for={id}>{props.label}</label>
      <div class="input">
        <input
          id={id} name={props.name} inputMode="decimal" autocomplete="off" spellcheck={false} value={props.value}
          disabled={props.disabled} aria-invalid={props.fault ? "true" : "false"}
          aria-describedby={props.fault ? id + "e" : undefined}
          onInput={(event) => props.onInput(event.currentTarget.value.replace(/[\s\u202f,]/g, ""))}
        />
        {props.suffix && <span class="suffix">{props.suffix}</span>}
      </div>
      {props.fault && <p class="fault" id={id + "e"} role="alert">{props.fault}</p>}
      {props.hint && <div class="hint">{props.hint}</div>}
    </div>
  );
}

export function Choice<T extends string>(props: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
  class?: string;
}) {
  return (
    <div class={"choice " + (props.class ?? "")} role="radiogroup" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button type="button" role="radio" aria-checked={value === props.value ? "true" : "false"} key={value}
          tabIndex={value === props.value ? 0 : -1} data-value={value}
          onClick={() => props.onChange(value)} onKeyDown={(event) => step(event, props)}>{text}</button>
      ))}
    </div>
  );
}

/** Arrow keys move inside a radio group, as people expect of one. */
function step<T extends string>(
  event: JSX.TargetedKeyboardEvent<HTMLButtonElement>,
  props: { options: readonly (readonly [T, string])[]; value: T; onChange: (value: T) => void },
): void {
  const forward = event.key === "ArrowRight" || event.key === "ArrowDown";
  const back = event.key === "ArrowLeft" || event.key === "ArrowUp";
  if (!forward && !back) return;
  event.preventDefault();
  const at = props.options.findIndex(([value]) => value === props.value);
  const next = (at + (forward ? 1 : props.options.length - 1)) % props.options.length;
  props.onChange(props.options[next]![0]);
  const group = event.currentTarget.parentElement!;
  (group.children[next] as HTMLElement).focus();
}

export function Check(props: { label: string; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="check">
      <input type="checkbox" checked={props.checked} disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)} />
      {props.label}
    </label>
  );
}

export function Select<T extends string>(props: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <label class="select">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value as T)}>
        {props.options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
    </label>
  );
}

/** A modal dialog: the browser's own, which keeps the focus inside and closes with Escape. It begins in its first field, and
 * Enter does what its button does. */
export function Dialog(props: { title: string; onClose: () => void; onSubmit?: () => void; children: ComponentChildren; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current!;
    dialog.showModal();
    // Not where it would bring up a keyboard over half of the screen.
    const first = matchMedia("(pointer: coarse)").matches ? null : dialog.querySelector<HTMLInputElement>(".body input:not([type=range], [type=checkbox])");
    first?.focus();
    first?.select();
    return () => dialog.close();
  }, []);
  const { onSubmit } = props;
  return (
    <dialog ref={ref} class={props.wide ? "wide" : ""} aria-label={props.title} onCancel={props.onClose}
      onClick={(event) => event.target === ref.current && props.onClose()}>
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={props.onClose}>✕</button>
      </header>
      {onSubmit
        ? <form class="body" onSubmit={(event) => { event.preventDefault(); onSubmit(); }}>{props.children}</form>
        : <div class="body">{props.children}</div>}
    </dialog>
  );
}

// ---- What cannot be undone is asked for once more -----------------------------------------------------------

interface Question {
  title: string;
  text: string;
  verb: string;
  act: () => void;
}
const question = signal<Question | null>(null);

export function confirm(title: string, text: string, verb: string, act: () => void): void {
  question.value = { title, text, verb, act };
}

export function Confirmation() {
  const asked = question.value;
  if (!asked) return null;
  const shut = (): void => void (question.value = null);
  return (
    <Dialog title={asked.title} onClose={shut}>
      <p>{asked.text}</p>
      <div class="buttons">
        <button type="button" onClick={shut}>Go back</button>
        <button type="button" class="danger" onClick={() => { shut(); asked.act(); }}>{asked.verb}</button>
      </div>
    </Dialog>
  );
}

// ---- Notices -----------------------------------------------------------------------------------------------

interface Notice {
  id: number;
  tone: "good" | "bad" | "plain";
  text: string;
}
const notices = signal<Notice[]>([]);
let lastNotice = 0;

export function tell(text: string, tone: Notice["tone"] = "plain"): void {
  const id = ++lastNotice;
  notices.value = [...notices.value, { id, tone, text }].slice(-4);
  window.setTimeout(() => (notices.value = notices.value.filter((one) => one.id !== id)), 7000);
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((one) => <p key={one.id} class={one.tone}>{one.text}</p>)}
    </div>
  );
}

export function saying(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function Empty(props: { children: ComponentChildren }) {
  return <p class="empty">{props.children}</p>;
}
