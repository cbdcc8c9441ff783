// What a test does at the trading page, by the names that a person sees.
import assert from "node:assert/strict";
import * as decimal from "../../web/shared/decimal";
import { type Account, type Json, type Server, until, type Watched } from "./harness";

export const S = "BTCUSD-PERP";

export function same(a: string | null | undefined, b: string | null | undefined, what: string): void {
  assert.ok(a !== null && a !== undefined && b !== null && b !== undefined, `${what}: ${a} and ${b}`);
  assert.equal(decimal.compare(decimal.of(a), decimal.of(b)), 0, `${what}: page ${a}, API ${b}`);
}

export class Desk {
  constructor(readonly server: Server, readonly watched: Watched, private readonly name: string) {}

  /** Keys and passwords of a sandbox are new after each start. */
  get account(): Account {
    return this.server.account(this.name);
  }

  async fill(name: string, text: string): Promise<void> {
    await this.watched.page.locator(`.form input[name="${name}"]`).fill(text);
  }
  async choose(group: string, option: string): Promise<void> {
    await this.watched.page.getByRole("radiogroup", { name: group }).getByRole("radio", { name: option, exact: true }).click();
  }
  async type(kind: string): Promise<void> {
    await this.watched.page.getByLabel("Order type").selectOption(kind);
  }
  async table(name: string): Promise<void> {
    await this.watched.page.getByRole("radiogroup", { name: "Table" }).getByRole("radio", { name: new RegExp("^" + name) }).click();
  }
  /** The preview of what is typed now is on the screen. */
  async settled(): Promise<void> {
    await this.watched.page.locator(".preview:not(.stale)").waitFor();
  }
  async submit(): Promise<void> {
    await this.watched.page.locator(".submit").click();
  }
  async refused(code: number, words: string): Promise<void> {
    await this.watched.page.locator("[data-test=refusal]", { hasText: words }).filter({ hasText: `[${code}]` }).waitFor();
  }

  async positions(): Promise<Json[]> {
    return (await this.server.result(this.account, "private/get-positions")).data as Json[];
  }
  async isolated(): Promise<Json | undefined> {
    return (await this.positions()).find((row) => row["isolation_id"] && row["instrument_name"] === S);
  }
  async orders(): Promise<Json[]> {
    return (await this.server.result(this.account, "private/get-open-orders")).data as Json[];
  }
  async waiting(): Promise<Json[]> {
    return (await this.server.result(this.account, "private/advanced/get-open-orders")).data as Json[];
  }
  async best(side: "bids" | "asks"): Promise<string> {
    return (await this.server.public("public/get-book", `instrument_name=${S}&depth=10`)).data[0][side][0][0] as string;
  }
  async mark(): Promise<string> {
    return (await this.server.public("public/get-valuations", `instrument_name=${S}&valuation_type=mark_price&count=1`)).data[0].v as string;
  }
  /** So many percent of a price, on the tick. */
  part(price: string, percent: number): string {
    const product = decimal.div(decimal.mul(decimal.of(price), decimal.of(String(percent))), decimal.of("100"), 1);
    return decimal.text(decimal.floorTo(product, decimal.of("0.1")), 1);
  }
  async open(side: "BUY" | "SELL", quantity: string, leverage: string): Promise<Json> {
    await this.server.result(this.account, "private/create-order",
      { instrument_name: S, side, type: "MARKET", quantity, exec_inst: ["ISOLATED_MARGIN"], leverage });
    const row = await until("the position", () => this.isolated());
    await this.watched.page.locator(`tr[data-row="${row["isolation_id"]}"]`).waitFor();
    return row;
  }
  /** Nothing open, nothing held. */
  async clear(): Promise<void> {
    await this.server.result(this.account, "private/advanced/cancel-all-orders", { type: "ALL" });
    for (const row of await this.positions())
      await this.server.result(this.account, "private/close-position",
        { instrument_name: row["instrument_name"], type: "MARKET", ...(row["isolation_id"] ? { isolation_id: row["isolation_id"] } : {}) });
    await until("an empty account", async () => (await this.positions()).length === 0);
    await this.watched.page.locator("table.positions tbody tr").first().waitFor({ state: "detached" });
  }
}
