// The operator's console: who may come in and with what, keys, limits of withdrawals, price sources, tiers, and how far
// the server is.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { chromiumPath, closeBrowser, type Json, open, Server, until, type Watched } from "./harness";
import { Ticker } from "./source";

const server = new Server();
const ticker = new Ticker();
const home = mkdtempSync(join(tmpdir(), "ringfence-source-"));
let watched: Watched;
const S = "BTCUSD-PERP";
const skip = chromiumPath ? false : "SKIP no chromium";

before(async () => {
  if (skip) return;
  const file = join(home, "prices.ini");
  writeFileSync(file, `[played]\nadapter = binance\nsymbol = XRPUSDT\nindex_name = XRPUSD-INDEX\nurl = ${await ticker.listen()}\ninterval_ms = 200\ntimeout_ms = 1000\n`);
  await server.start(["--console", "127.0.0.1:0", "--price-sources", file]);
  await server.must("operator/create-user", { name: "olga", password: "a-long-password", role: "ADMIN" });
  await server.must("operator/create-user", { name: "rita", password: "a-long-password", role: "RISK" });
  watched = await open(server.ready.console_url!);
});
after(async () => {
  await closeBrowser();
  ticker.close();
  rmSync(home, { recursive: true, force: true });
  if (!skip) await server.finish();
});

async function tryToEnter(name: string, password: string, code = ""): Promise<void> {
  const form = watched.page.locator("form.login");
  await form.locator("input[name=name]").fill(name);
  await form.locator("input[name=password]").fill(password);
  await form.locator("input[name=totp]").fill(code);
  await form.getByRole("button", { name: "Log in" }).click();
}
const isIn = (): Promise<void> => watched.page.getByRole("region", { name: "Exposure" }).waitFor();
const isRefused = (): Promise<void> => watched.page.locator("form.login .fault").waitFor();
const leave = (): Promise<void> => watched.page.getByRole("button", { name: "Log out" }).click();
async function view(name: string): Promise<void> {
  await watched.page.getByRole("radiogroup", { name: "View" }).getByRole("radio", { name }).click();
}
/** What cannot be undone is asked for once more. */
const sure = (verb: string): Promise<void> => watched.page.locator("dialog").getByRole("button", { name: verb }).click();
const form = (name: string) => watched.page.getByRole("form", { name });

/** What an authenticator shows (RFC 6238, SHA-1, 30 s, six digits). */
function codeOf(secret: string, ms: number): string {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(ms / 30_000)));
  const hash = createHmac("sha1", key).update(step).digest();
  return String((hash.readUInt32BE(hash[19]! & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("another password: the old one opens nothing, and who was in is out", { skip }, async () => {
  const { page } = watched;
  await tryToEnter("rita", "a-long-password");
  await isIn();
  await server.must("operator/set-password", { name: "rita", password: "while-she-is-in-1" });
  // The console asks every two seconds; the next answer sends her to the log-in.
  await page.locator("form.login").waitFor();
  await tryToEnter("rita", "a-long-password");
  await isRefused();
  await tryToEnter("olga", "a-long-password");
  await isIn();
  await view("People and keys");
  await form("New password").locator("input[name=name]").fill("rita");
  await form("New password").locator("input[name=password]").fill("short");
  await form("New password").getByRole("button", { name: "Set" }).click();
  await page.locator(".notices .bad").first().waitFor();
  await form("New password").locator("input[name=password]").fill("the-new-password");
  await form("New password").getByRole("button", { name: "Set" }).click();
  await page.locator(".notices .good", { hasText: "every session" }).waitFor();
});

test("one-time codes: demanded, shown once, used, and no longer", { skip }, async () => {
  const { page } = watched;
  await page.getByRole("button", { name: "Demand codes of rita" }).click();
  const secret = (await page.locator("dialog [data-secret=Secret]").textContent())!;
  assert.match(secret, /^[A-Z2-7]{16,}$/);
  assert.ok((await page.locator("dialog [data-secret=Link]").textContent())!.includes(secret));
  await watched.shot("console-secret");
  await page.locator("dialog").getByRole("button", { name: "It is noted" }).click();
  await page.locator('tr[data-row="rita"]').getByText("demanded").waitFor();
  await leave();
  await tryToEnter("rita", "the-new-password");
  await isRefused();
  await tryToEnter("rita", "the-new-password", codeOf(secret, Date.now()));
  await isIn();
  await leave();
  await tryToEnter("olga", "a-long-password");
  await isIn();
  await view("People and keys");
  await page.getByRole("button", { name: "No codes for rita" }).click();
  await page.locator('tr[data-row="rita"]').getByText("no", { exact: true }).waitFor();
});

test("a key is made with its scopes and addresses; its secret, shown once, signs", { skip }, async () => {
  const { page } = watched;
  const key = form("New API key");
  await key.locator("input[name=account]").fill("trader2");
  await key.locator("input[name=label]").fill("paying-bot");
  await key.getByLabel("Withdraw").check();
  await key.locator(".fault", { hasText: "needs the addresses" }).waitFor();
  assert.ok(await key.getByRole("button", { name: "Make a key" }).isDisabled());
  await key.locator("input[name=ip_list]").fill("127.0.0.1, 10.0.0.0/8");
  await key.getByRole("button", { name: "Make a key" }).click();
  const api_key = (await page.locator("dialog [data-secret=Key]").textContent())!;
  const secret = (await page.locator("dialog [data-secret=Secret]").textContent())!;
  await page.locator("dialog").getByRole("button", { name: "It is noted" }).click();
  const row = page.locator(`tr[data-row="${api_key}"]`);
  await row.getByText("read, trade, withdraw").waitFor();
  await row.getByText("127.0.0.1, 10.0.0.0/8").waitFor();
  const balance = await server.result({ account: "trader2", api_key, secret, password: "" }, "private/user-balance");
  assert.equal((balance.data as Json[]).length, 1);
});

test("a limit of withdrawals holds; a withdrawal is rejected and its money is back; a transaction is noted", { skip }, async () => {
  const { page } = watched;
  const trader = server.account("trader");
  await server.call(trader, "private/x/add-withdrawal-address", { currency: "USD", address: "0xabc", network_id: "ETH", label: "mine" });
  const cash = async (): Promise<decimal.Decimal> => decimal.of((await server.result(trader, "private/user-balance")).data[0].total_cash_balance as string);
  const ask = (amount: string): Promise<Json> => server.call(trader, "private/create-withdrawal", { currency: "USD", amount, address: "0xabc" });
  await view("Money");
  const limit = form("Withdrawal limit");
  await limit.locator("input[name=account]").fill("trader");
  await limit.locator("input[name=currency]").fill("USD");
  await limit.locator("input[name=amount]").fill("40");
  await limit.getByRole("button", { name: "Set the limit" }).click();
  await page.locator(".notices .good", { hasText: "limit holds" }).waitFor();
  assert.notEqual((await ask("41"))["code"], 0, "more than the limit");
  const before = await cash();
  const first = await ask("30");
  assert.equal(first["code"], 0, JSON.stringify(first));
  assert.equal(decimal.compare(decimal.sub(before, await cash()), decimal.of("30")), 0);
  const waiting = page.getByRole("region", { name: "Withdrawals" });
  await waiting.getByRole("button", { name: "Reject" }).click();
  await sure("Reject it");
  await page.locator(".notices .good", { hasText: "the money is back" }).waitFor();
  await page.getByText("No withdrawal waits.").waitFor();
  assert.equal(decimal.compare(before, await cash()), 0);
  // Without an amount there is no limit any more.
  await limit.locator("input[name=account]").fill("trader");
  await limit.locator("input[name=currency]").fill("USD");
  await limit.getByRole("button", { name: "Set the limit" }).click();
  const second = await until("no limit", async () => {
    const answer = await ask("41");
    assert.equal(answer["code"], 0, JSON.stringify(answer));
    return answer["result"] as Json;
  });
  await waiting.locator(`tr[data-row="${second["id"]}"]`).getByRole("button", { name: "Approve" }).click();
  await sure("Approve it");
  await page.locator(".notices .good", { hasText: "Approved" }).waitFor();
  const note = form("Transaction of a withdrawal");
  await note.locator("input[name=id]").fill(String(second["id"]));
  await note.locator("input[name=txid]").fill("0xfeed");
  await note.getByRole("button", { name: "Note it" }).click();
  await until("the transaction", async () => ((await server.result(trader, "private/get-withdrawal-history")).withdrawal_list as Json[]).some((row) => row["txid"] === "0xfeed"));
});

test("a price source is shown with its age, its deviation and what is wrong with it", { skip }, async () => {
  const { page } = watched;
  await server.must("operator/create-instrument", { instrument_name: "XRPUSD-PERP", base_ccy: "XRP", price_tick_size: "0.0001", qty_tick_size: "1", mark_stale_ms: "2000" });
  const source = async (): Promise<Json> => ((await server.must("operator/get-price-sources"))["data"] as Json[])[0]!;
  await view("Risk");
  const row = page.getByRole("region", { name: "Price feeds" }).locator('tr[data-row="played"]');
  const shown = (field: string): Promise<string | null> => row.locator(`[data-field=${field}]`).getAttribute("data-value");
  await until("its price", async () => decimal.compare(decimal.of(await shown("source_price")), decimal.of("2.5")) === 0);
  await row.getByText("XRPUSDT for XRPUSD-INDEX").waitFor();
  ticker.price = "2.6";
  await until("its new price", async () => decimal.compare(decimal.of(await shown("source_price")), decimal.of((await source())["price"] as string)) === 0 && (await source())["price"] === "2.60000000");
  await until("the index is what it says", async () => decimal.sign(decimal.of(await shown("source_deviation"))) === 0);
  const exposure = page.getByRole("region", { name: "Exposure" }).locator('tr[data-row="XRPUSD-PERP"]');
  ticker.broken = true;
  await row.getByText("HTTP 500").waitFor();
  await exposure.getByText("stale").waitFor();
  await page.getByRole("region", { name: "Price feeds" }).getByText(/stale: .*XRPUSD-PERP/).waitFor();
  await watched.shot("console-sources");
  ticker.broken = false;
  await exposure.getByText("stale").waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Price feeds" }).getByText("every mark is fresh").waitFor();
});

test("risk shows what stands now, and tiers are changed with their impact", { skip }, async () => {
  const { page } = watched;
  await view("Instruments");
  await page.locator(`tr[data-row="${S}"]`).getByRole("button", { name: "Risk…" }).click();
  const risk = async (): Promise<Json> => ((await server.public("public/get-risk-parameters")).instrument_config as Json[]).find((row) => row["symbol"] === S)!;
  const now = await risk();
  for (const key of ["max_leverage", "taker_fee_rate", "price_band"]) {
    const input = page.locator(`dialog input[name=${key}]`);
    await until(key, async () => decimal.compare(decimal.of(await input.getAttribute("placeholder")), decimal.of(now[key] as string)) === 0);
  }
  await page.getByLabel("Change the tiers").check();
  assert.equal(await page.locator("dialog .tiers tbody tr").count(), (now["tiers"] as Json[]).length);
  await page.getByLabel("Maintenance rate, tier 1", { exact: true }).fill("0.0045");
  await page.getByRole("button", { name: "Show the impact" }).click();
  await page.getByRole("region", { name: "Impact" }).getByText("below maintenance").waitFor();
  await watched.shot("console-tiers");
  await page.getByRole("button", { name: "Apply the change" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const tiers = (await risk())["tiers"] as Json[];
  assert.equal(decimal.compare(decimal.of(tiers[0]!["mmr"] as string), decimal.of("0.0045")), 0);
  assert.equal(tiers.length, (now["tiers"] as Json[]).length);
});

test("replication and durability are the server's word", { skip }, async () => {
  const { page } = watched;
  await view("Audit and proof");
  const panel = page.getByRole("region", { name: "Replication and durability" });
  await panel.getByText("none: this is a single server").waitFor();
  const shown = async (field: string): Promise<number> => Number(await panel.locator(`[data-field=${field}]`).getAttribute("data-value"));
  // Held still: what is applied is what was applied, but for the lines of the operator's own calls.
  await server.pause();
  await until("page and server agree", async () => {
    const status = (await server.must("operator/get-status")) as Json;
    assert.equal(await panel.locator("[data-field=role]").getAttribute("data-value"), "primary");
    assert.equal(await panel.locator("[data-field=phase]").getAttribute("data-value"), status["phase"]);
    return (await shown("applied_seq")) === status["applied_seq"] && (await shown("durable_seq")) === status["journal"]["durable_seq"] &&
      (await shown("written_bytes")) === status["journal"]["written_bytes"] && (await shown("snapshot_seq")) === status["snapshot"]["seq"];
  });
  await server.run();
  await watched.shot("console-replication");
  watched.clean([/Failed to load resource/]);
});
