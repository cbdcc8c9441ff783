// A WebSocket to the venue that keeps itself alive: heartbeats, reconnect with growing pauses, subscriptions made
// again. Messages are handed over in batches, one per animation frame, so that a busy market costs one update.
import { signal, type Signal } from "@preact/signals";

export type Link = "connecting" | "live" | "lost";

export interface Push {
  subscription: string;
  channel: string;
  instrument_name?: string;
  interval?: string;
  depth?: number;
  seq?: number;
  data: unknown[];
}

interface Message {
  id: number;
  method: string;
  code: number;
  message?: string;
  result?: Push;
}

/** Longer than the venue's heartbeat of 30 s: silence beyond it is a dead line. */
const SILENCE_MS = 40_000;
const RETRY_MS = [250, 500, 1000, 2000, 4000];

export class Socket {
  readonly link: Signal<Link> = signal("connecting");
  private socket: WebSocket | null = null;
  private channels = new Map<string, Record<string, unknown>>();
  private pending: Push[] = [];
  private frame = 0;
  private attempt = 0;
  private silence = 0;
  private closed = false;
  private nextId = 1;

  constructor(
    private readonly path: string,
    private readonly receive: (pushes: Push[]) => void,
    /** Called when a line is up again after having been lost: what was missed has to be asked for. */
    private readonly resync: () => void = () => undefined,
  ) {
    this.open();
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => this.drop());
  }

  subscribe(channel: string, options: Record<string, unknown> = {}): void {
    this.channels.set(channel, options);
    if (this.socket?.readyState === WebSocket.OPEN) this.request("subscribe", [channel], options);
  }

  unsubscribe(channel: string): void {
    if (!this.channels.delete(channel)) return;
    if (this.socket?.readyState === WebSocket.OPEN) this.request("unsubscribe", [channel], {});
  }

  close(): void {
    this.closed = true;
    this.socket?.close();
  }

  private open(): void {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const socket = new WebSocket(scheme + location.host + this.path);
    this.socket = socket;
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => socket === this.socket && this.read(String(event.data));
    socket.onclose = () => this.lost(socket);
  }

  private opened(): void {
    const again = this.attempt > 0;
    this.attempt = 0;
    this.hear();
    for (const [channel, options] of this.channels) this.request("subscribe", [channel], options);
    this.link.value = "live";
    if (again) this.resync();
  }

  /** A dead line does not answer the farewell either: what hangs on it is old now, not when the browser gives up waiting. */
  private drop(): void {
    const socket = this.socket;
    if (!socket) return;
    this.lost(socket);
    socket.close();
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    window.clearTimeout(this.silence);
    if (this.closed) return;
    this.link.value = "lost";
    const pause = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)]!;
    window.setTimeout(() => this.retryNow(), pause);
  }

  private retryNow(): void {
    if (!this.socket && !this.closed) this.open();
  }

  private hear(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => this.drop(), SILENCE_MS);
  }

  private request(method: string, channels: string[], options: Record<string, unknown>): void {
    const params = { channels, ...options };
    this.socket?.send(JSON.stringify({ id: this.nextId++, method, params, nonce: Date.now() }));
  }

  private read(text: string): void {
    this.hear();
    const message = JSON.parse(text) as Message;
    if (message.method === "public/heartbeat") {
      this.socket?.send(JSON.stringify({ id: message.id, method: "public/respond-heartbeat" }));
      return;
    }
    if (!message.result?.channel) return;
    this.pending.push(message.result);
    if (!this.frame) this.frame = window.setTimeout(() => this.deliver(), 0);
  }

  /** A hidden tab gets no animation frames, and must not pile up what it hears. */
  private deliver(): void {
    const hand = (): void => {
      this.frame = 0;
      const batch = this.pending;
      this.pending = [];
      this.receive(batch);
    };
    if (document.hidden) hand();
    else requestAnimationFrame(hand);
  }
}
