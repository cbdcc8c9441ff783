// Calls to the venue: the public API, unchanged. Private methods go with the log-in cookie.
import { words } from "./words";

export class Refusal extends Error {
  constructor(
    readonly method: string,
    readonly code: number,
    readonly label: string,
    readonly data: Record<string, string> = {},
  ) {
    super(words(code, label, data));
  }
}

/** The network failed, or what answered was not the venue. The call may or may not have been done. */
export class Unreachable extends Error {}

export type Params = Record<string, unknown>;

interface Envelope {
  id: number;
  method: string;
  code: number;
  message?: string;
  result?: unknown;
  error_data?: Record<string, string>;
}

let lastId = 0;

async function fetchEnvelope(path: string, init: RequestInit): Promise<Envelope> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Unreachable("The venue cannot be reached.");
  }
  try {
    return (await response.json()) as Envelope;
  } catch {
    throw new Unreachable(`The venue's answer could not be read (HTTP ${response.status}).`);
  }
}

/** Called when a private call says that nobody is logged in any more: the session ended, or the venue restarted. */
export const session = { ended: (): void => undefined };

function unwrap<T>(method: string, answer: Envelope): T {
  if (answer.code !== 0) throw new Refusal(method, answer.code, answer.message ?? "", answer.error_data);
  return answer.result as T;
}

export async function call<T>(method: string, params: Params = {}): Promise<T> {
  const base = "/exchange/v1/" + method;
  if (method.startsWith("public/")) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(params)) query.set(key, String(value));
    const suffix = query.toString() ? "?" + query.toString() : "";
    return unwrap(method, await fetchEnvelope(base + suffix, { method: "GET" }));
  }
  const body = JSON.stringify({ id: ++lastId, method, params, nonce: Date.now() });
  const headers = { "content-type": "application/json" };
  const answer = await fetchEnvelope(base, { method: "POST", body, headers });
  if (answer.code === 40101) session.ended();
  return unwrap(method, answer);
}

/** An order is sent again after a lost answer, under the same client_oid, so that it exists once. */
export async function placeOnce<T>(method: string, params: Params): Promise<T> {
  const once = { client_oid: newClientOid(), ...params, idempotent: true };
  for (let attempt = 0; ; attempt++) {
    try {
      return await call<T>(method, once);
    } catch (error) {
      if (!(error instanceof Unreachable) || attempt === 4) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300 << attempt));
    }
  }
}

export function newClientOid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "web-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** POST to a path of the server's own (log-in). */
export async function post<T>(path: string, body: Params): Promise<T> {
  const headers = { "content-type": "application/json" };
  return unwrap(path, await fetchEnvelope(path, { method: "POST", body: JSON.stringify(body), headers }));
}

export async function get<T>(path: string): Promise<T> {
  return unwrap(path, await fetchEnvelope(path, { method: "GET" }));
}
