// The server with its market's socket at a pace of the test's own: everything passes through to the real server, but
// from `start` on what the market tells is made here, a book change, a ticker, a mark, an index and a trade in each beat.
import { createServer, type IncomingMessage, request, type Server as Http, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Json } from "./harness";

/** A text frame of a WebSocket server: not masked. */
function frame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, body.length])
    : body.length < 65536 ? Buffer.from([0x81, 126, body.length >> 8, body.length & 255])
    : Buffer.concat([Buffer.from([0x81, 127]), Buffer.from(BigUint64Array.of(BigInt(body.length)).buffer).reverse()]);
  return Buffer.concat([head, body]);
}

/** The first whole frame of a buffer: its bytes and its text. */
function firstFrame(data: Buffer): { size: number; text: string } | null {
  if (data.length < 2) return null;
  let size = data[1]! & 127;
  let at = 2;
  if (size === 126) {
    if (data.length < 4) return null;
    [size, at] = [data.readUInt16BE(2), 4];
  } else if (size === 127) {
    if (data.length < 10) return null;
    [size, at] = [Number(data.readBigUInt64BE(2)), 10];
  }
  return data.length < at + size ? null : { size: at + size, text: data.subarray(at, at + size).toString() };
}

export class Paced {
  url = "";
  beats = 0;
  last = "";
  private readonly http: Http = createServer((ask, answer) => this.pass(ask, answer));
  private client: Duplex | null = null;
  private timer: NodeJS.Timeout | null = null;
  private begun = false; // and what the real market tells is not passed on any more
  private readonly seen = new Map<string, Json>();
  private readonly book = { bids: new Map<string, string>(), asks: new Map<string, string>(), u: 0 };

  constructor(private readonly target: string, private readonly instrument: string) {
    this.http.on("upgrade", (ask: IncomingMessage, client: Duplex) => this.upgrade(ask, client));
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.http.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  close(): void {
    this.stop();
    this.http.closeAllConnections();
    this.http.close();
  }

  private headers(ask: IncomingMessage): Record<string, string | string[] | undefined> {
    const { host } = new URL(this.target);
    const { "sec-websocket-extensions": _, ...rest } = ask.headers;
    return { ...rest, host, ...(rest.origin ? { origin: this.target } : {}), ...(rest.referer ? { referer: this.target + "/" } : {}) };
  }

  private pass(ask: IncomingMessage, answer: ServerResponse): void {
    const { hostname, port } = new URL(this.target);
    const through = request({ host: hostname, port, method: ask.method, path: ask.url, headers: this.headers(ask) }, (got) => {
      answer.writeHead(got.statusCode!, got.headers);
      got.pipe(answer);
    });
    through.on("error", () => answer.destroy());
    ask.pipe(through);
  }

  private upgrade(ask: IncomingMessage, client: Duplex): void {
    const { hostname, port } = new URL(this.target);
    const server: Socket = connect(Number(port), hostname);
    const lines = Object.entries(this.headers(ask)).map(([name, value]) => `${name}: ${String(value)}`);
    server.write(`GET ${ask.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    client.pipe(server);
    for (const [end, other] of [[client, server], [server, client]] as const)
      end.on("error", () => other.destroy()).on("close", () => other.destroy());
    if (!ask.url!.startsWith("/exchange/v1/market")) {
      server.pipe(client);
      return;
    }
    this.client = client;
    let rest = Buffer.alloc(0);
    let open = false;
    server.on("data", (part: Buffer) => {
      rest = Buffer.concat([rest, part]);
      if (!open) {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        client.write(rest.subarray(0, end + 4));
        rest = rest.subarray(end + 4);
        open = true;
      }
      for (let one = firstFrame(rest); one; one = firstFrame(rest)) {
        if (!this.begun || !one.text.includes('"channel"')) client.write(rest.subarray(0, one.size));
        if (!this.begun) this.learn(one.text);
        rest = rest.subarray(one.size);
      }
    });
  }

  /** What was told last of each channel is the form of what is made later. */
  private learn(text: string): void {
    const message = text.startsWith("{") ? (JSON.parse(text) as Json) : {};
    const result = message["result"] as Json | undefined;
    if (!result?.["channel"] || result["instrument_name"] === undefined) return;
    const mine = result["instrument_name"] === this.instrument || result["channel"] === "index";
    if (!mine || !(result["data"] as Json[])[0]) return;
    this.seen.set(result["channel"] as string, message);
    const data = (result["data"] as Json[])[0]!;
    if (result["channel"] === "book") {
      this.book.bids = new Map((data["bids"] as string[][]).map((level) => [level[0]!, level[1]!]));
      this.book.asks = new Map((data["asks"] as string[][]).map((level) => [level[0]!, level[1]!]));
    }
    if (result["channel"] === "book.update")
      for (const side of ["bids", "asks"] as const)
        for (const [price, quantity] of (data["update"] as Json)[side] as string[][])
          if (Number(quantity) === 0) this.book[side].delete(price!);
          else this.book[side].set(price!, quantity!);
    if (data["u"] !== undefined) this.book.u = data["u"] as number;
  }

  private tell(channel: string, data: Json): void {
    const form = this.seen.get(channel);
    if (!form) throw new Error("the market told nothing on " + channel);
    const result = { ...(form["result"] as Json), data: [{ ...((form["result"] as Json)["data"] as Json[])[0], ...data }] };
    this.client!.write(frame(JSON.stringify({ ...form, result })));
  }

  /** Eight levels of each side get other quantities, the best ones go or come. */
  private change(): Json {
    const update: Json = {};
    for (const side of ["bids", "asks"] as const) {
      const prices = [...this.book[side].keys()].sort((a, b) => (side === "bids" ? Number(b) - Number(a) : Number(a) - Number(b)));
      update[side] = prices.slice(0, 8).map((price, at) => {
        const gone = at === 0 && this.beats % 2 === 1;
        return [price, gone ? "0.0000" : (0.01 + ((this.beats * 7 + at * 13) % 97) / 100).toFixed(4), gone ? "0" : "1"];
      });
      if (this.beats % 2 === 1) this.gone[side] = prices[0]!;
      else if (this.gone[side]) (update[side] as string[][]).unshift([this.gone[side], "0.0500", "1"]);
      for (const [price, quantity] of update[side] as string[][])
        if (Number(quantity) === 0) this.book[side].delete(price!);
        else this.book[side].set(price!, quantity!);
    }
    return update;
  }
  private readonly gone: Record<"bids" | "asks", string> = { bids: "", asks: "" };

  private beat(): void {
    const t = Date.now();
    const middle = Number([...this.book.asks.keys()][0]);
    this.last = (middle + ((this.beats * 3) % 41) / 10).toFixed(1);
    const update = this.change();
    this.tell("book.update", { update, pu: this.book.u, u: ++this.book.u, t });
    this.tell("ticker", { a: this.last, t });
    this.tell("mark", { v: this.last, t });
    this.tell("index", { v: this.last, t });
    this.tell("trade", { d: String(9e15 + this.beats), p: this.last, q: "0.0100", s: this.beats % 2 ? "BUY" : "SELL", t });
    this.tell("candlestick", { c: this.last });
    this.beats++;
  }

  start(beatsPerSecond: number): void {
    const begin = performance.now();
    this.begun = true;
    let next = 0;
    const go = (): void => {
      this.beat();
      this.timer = setTimeout(go, Math.max(0, begin + (1000 * ++next) / beatsPerSecond - performance.now()));
    };
    this.timer = setTimeout(go, 0);
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
