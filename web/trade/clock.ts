// The venue's time. A sandbox can run faster than this computer's clock, stand still or jump, and the computer's clock can be
// wrong: the venue is asked every few seconds, and its pace is that of its last two answers.
import { signal } from "@preact/signals";
import { call } from "../shared/api";

const ASK_MS = 3000;
const SHOW_MS = 250;

let venue = 0;
let here = 0;
let pace = 1;

/** 0 until the venue has told it. */
export const venueTime = signal(0);

function tick(): void {
  if (here) venueTime.value = Math.floor((venue + pace * (performance.now() - here)) / 1000) * 1000;
}

async function ask(): Promise<void> {
  const sent = performance.now();
  const { server_ms: told } = await call<{ server_ms: number }>("public/x/get-time");
  const now = (sent + performance.now()) / 2;
  const seen = here ? (told - venue) / (now - here) : 1;
  // How long an answer takes differs from one to the next: so much off is not another pace.
  pace = Math.abs(seen - 1) < 0.1 ? 1 : seen;
  [venue, here] = [told, now];
  tick();
}

export function watchTime(): void {
  const again = (): void => void ask().catch(() => undefined);
  again();
  window.setInterval(again, ASK_MS);
  window.setInterval(tick, SHOW_MS);
}
