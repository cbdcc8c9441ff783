// A real server in sandbox mode and Debian's chromium, for one test file.
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, shots } from "./places";
import { small } from "./png";

export type Json = Record<string, any>;

export interface Account {
  account: string;
  api_key: string;
  secret: string;
  password: string;
}

interface Ready {
  url: string;
  operator_socket: string;
  console_url?: string;
  accounts: Account[];
}

/** One HTTP call; socketPath for the operator's Unix socket. */
function http(options: { url?: string; socketPath?: string; path: string; body?: string }): Promise<Json> {
  return new Promise((resolve, reject) => {
    const base = options.url ? new URL(options.url) : undefined;
    const call = request({
      ...(options.socketPath ? { socketPath: options.socketPath } : { host: base!.hostname, port: base!.port }),
      path: options.path, method: options.body === undefined ? "GET" : "POST",
      headers: options.body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(options.body) },
    }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => (text += part));
      answer.on("end", () => {
        try {
          resolve(JSON.parse(text) as Json);
        } catch {
          reject(new Error(`${options.path}: not JSON: ${text.slice(0, 200)}`));
        }
      });
    });
    call.on("error", reject);
    call.end(options.body);
  });
}

function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(flat).join("");
  if (value && typeof value === "object")
    return Object.keys(value).sort().map((key) => key + flat((value as Json)[key])).join("");
  return String(value);
}

export class Server {
  private process!: ChildProcess;
  ready!: Ready;
  private id = 0;
  readonly data = mkdtempSync(join(tmpdir(), "ringfence-page-"));
  stderr = "";

  async start(options: string[] = []): Promise<void> {
    const again = this.ready ? new URL(this.ready.url).host : "127.0.0.1:0";
    const args = ["serve", "--sandbox", "--listen", again, "--data", this.data, "--rate-limits", "off", ...options];
    this.process = spawn(join(build, "ringfence"), args, { stdio: ["ignore", "pipe", "pipe"] });
    this.process.stderr!.on("data", (part: Buffer) => (this.stderr = (this.stderr + part.toString()).slice(-20_000)));
    this.ready = await new Promise<Ready>((resolve, reject) => {
      let text = "";
      const limit = setTimeout(() => reject(new Error("the server did not start: " + this.stderr)), 60_000);
      this.process.stdout!.on("data", (part: Buffer) => {
        text += part.toString();
        const end = text.indexOf("\n");
        if (end < 0) return;
        clearTimeout(limit);
        resolve(JSON.parse(text.slice(0, end)) as Ready);
      });
      this.process.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${this.stderr}`)));
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await ended;
  }

  async finish(): Promise<void> {
    await this.stop();
    rmSync(this.data, { recursive: true, force: true });
  }

  account(name: string): Account {
    const row = this.ready.accounts.find((one) => one.account === name);
    assert.ok(row, `no account ${name} in the sandbox`);
    return row;
  }

  async operator(method: string, params: Json = {}): Promise<Json> {
    const body = JSON.stringify({ id: ++this.id, method, params, nonce: Date.now() });
    return http({ socketPath: this.ready.operator_socket, path: "/exchange/v1/" + method, body });
  }

  /** A call that has to work. */
  async must(method: string, params: Json = {}): Promise<Json> {
    const answer = await this.operator(method, params);
    assert.equal(answer["code"], 0, `${method} ${JSON.stringify(params)}: ${JSON.stringify(answer)}`);
    return answer["result"] as Json;
  }

  async call(account: Account, method: string, params: Json = {}): Promise<Json> {
    const id = ++this.id;
    const nonce = Date.now();
    const sig = createHmac("sha256", account.secret).update(method + id + account.api_key + flat(params) + nonce).digest("hex");
    const body = JSON.stringify({ id, method, api_key: account.api_key, params, nonce, sig });
    return http({ url: this.ready.url, path: "/exchange/v1/" + method, body });
  }

  async result(account: Account, method: string, params: Json = {}): Promise<any> {
    const answer = await this.call(account, method, params);
    assert.equal(answer["code"], 0, `${method} ${JSON.stringify(params)}: ${JSON.stringify(answer)}`);
    return answer["result"];
  }

  async public(method: string, query = ""): Promise<any> {
    const answer = await http({ url: this.ready.url, path: `/exchange/v1/${method}${query ? "?" + query : ""}` });
    assert.equal(answer["code"], 0, JSON.stringify(answer));
    return answer["result"];
  }

  /** The market stands still: prices, makers and takers rest until `run`. What they had sent before is done as well. */
  async pause(): Promise<void> {
    await this.must("operator/sandbox-clock", { paused: true });
    const done = async (): Promise<number> => (await this.must("operator/get-status"))["engine_seq"] as number;
    for (let before = -1, now = await done(); now !== before; ) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 50));
      now = await done();
    }
  }
  run(): Promise<Json> {
    return this.must("operator/sandbox-clock", { paused: false });
  }
}

export const chromiumPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export class Watched {
  readonly problems: string[] = [];
  constructor(readonly page: Page, readonly context: BrowserContext, private readonly origin: string) {
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push("console: " + message.text());
    });
    page.on("pageerror", (error) => this.problems.push("error: " + error.message));
    page.on("request", (sent) => {
      const url = new URL(sent.url());
      if (url.host !== new URL(this.origin).host && !/^(data|blob):/.test(url.protocol)) this.problems.push("foreign host: " + url.href);
    });
  }

  /** Nothing in the console, no other host; what a test provoked is taken out by `expected`. */
  clean(expected: RegExp[] = []): void {
    assert.deepEqual(this.problems.filter((one) => !expected.some((known) => known.test(one))), []);
  }

  /** What the page says of a field, raw as it came from the API. */
  async field(name: string, within = "body"): Promise<string | null> {
    return this.page.locator(`${within} [data-field="${name}"]`).first().getAttribute("data-value");
  }

  /** A picture for docs/shots: build/shots/docs-NAME.png is copied there by hand when it should change. */
  async picture(name: string): Promise<void> {
    writeFileSync(join(shots, `docs-${name}.png`), small(await this.page.screenshot()));
  }

  async shot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(shots, name + ".png") });
  }
}

const WAIT_MS = 20_000;

let browser: Browser | undefined;

export async function open(url: string, options: { width?: number; height?: number } = {}): Promise<Watched> {
  browser ??= await chromium.launch({
    executablePath: chromiumPath!,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"],
  });
  const context = await browser.newContext({ viewport: { width: options.width ?? 1440, height: options.height ?? 900 }, locale: "en-GB" });
  const page = await context.newPage();
  // A machine that is slow is no fault of the page: a wait that ends early costs nothing.
  context.setDefaultTimeout(WAIT_MS);
  const watched = new Watched(page, context, url);
  await page.goto(url);
  return watched;
}

export async function logIn(watched: Watched, account: Account): Promise<void> {
  const { page } = watched;
  await page.getByRole("button", { name: "Log in", exact: true }).first().click();
  await page.locator("dialog input[name=name]").fill(account.account);
  await page.locator("dialog input[name=password]").fill(account.password);
  await page.locator("dialog form").getByRole("button", { name: "Log in" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

/** Waits until it is so, with the last words of what was seen. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false>, ms = WAIT_MS): Promise<T> {
  const end = Date.now() + ms;
  let seen: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms (${String(seen)})`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function save(name: string, text: string): void {
  writeFileSync(join(shots, name), text);
}
