// What a trader watches: candles, what stands behind the market, what-if, warnings, a halt, the theme, exports.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { Desk, S, same } from "./desk";
import { chromiumPath, closeBrowser, type Json, logIn, open, Server, until, type Watched } from "./harness";

const server = new Server();
let watched: Watched;
let desk: Desk;
const skip = chromiumPath ? false : "SKIP no chromium";

before(async () => {
  if (skip) return;
  await server.start();
  watched = await open(server.ready.url);
  await logIn(watched, server.account("trader"));
  desk = new Desk(server, watched, "trader");
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

test("another length of candles is asked for, drawn and followed", { skip }, async () => {
  const { page } = watched;
  await page.locator(".chart canvas").first().waitFor();
  const asked = page.waitForRequest((sent) => sent.url().includes("get-candlestick") && sent.url().includes("timeframe=1h"));
  await desk.choose("Length of a candle", "1h");
  await asked;
  await page.reload();
  await page.locator(".chart canvas").first().waitFor();
  assert.equal(await page.getByRole("radio", { name: "1h", exact: true }).getAttribute("aria-checked"), "true");
});

test("risk tiers and the insurance fund are the venue's", { skip }, async () => {
  const { page } = watched;
  const risk = ((await server.public("public/get-risk-parameters")).instrument_config as Json[]).find((row) => row["symbol"] === S)!;
  const rows = page.locator(".tiers tbody tr");
  await until("the tiers", async () => (await rows.count()) === (risk["tiers"] as Json[]).length);
  for (const [at, tier] of (risk["tiers"] as Json[]).entries()) {
    const shown = await rows.nth(at).locator("[data-value]").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("data-value")));
    assert.deepEqual(shown, [tier["min_notional"], tier["imr"], tier["mmr"], tier["max_leverage"]]);
  }
  await page.getByRole("radio", { name: "Insurance fund" }).click();
  await until("the fund", async () => {
    const newest = (await server.public("public/get-insurance", "instrument_name=USD&count=1")).data[0] as Json;
    same(await watched.field("insurance"), newest["v"] as string, "insurance fund");
    return true;
  });
});

test("what if: the ratio at a mark is the ratio that the venue has there", { skip }, async () => {
  const { page } = watched;
  const mark = await desk.mark();
  await server.must("operator/set-mark-price", { instrument_name: S, price: mark });
  const row = await desk.open("BUY", "0.02", "10");
  await server.result(desk.account, "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.5" });
  await page.locator(`tr[data-row="cross-${S}"]`).waitFor();
  await page.getByRole("button", { name: "What if…" }).click();
  const panel = page.getByRole("region", { name: "What if the mark price moved" });
  await panel.locator("input[type=range]").fill("-30");
  const then = await panel.locator("strong").first().innerText();
  const ratio = await panel.locator("p", { hasText: "Isolated" }).locator("[data-field=margin_ratio]").getAttribute("data-value");
  const cross = await panel.locator("p", { hasText: "Cross" }).locator("[data-field=margin_ratio]").getAttribute("data-value");
  await watched.shot("what-if");
  await server.must("operator/set-mark-price", { instrument_name: S, price: then.replace(/[^\d.]/g, "") });
  const there = (await desk.isolated())!;
  assert.equal(there["isolation_id"], row["isolation_id"]);
  same(ratio, there["margin_ratio"] as string, "the isolation's ratio");
  await until("the account's ratio", async () => {
    const shown = await page.locator(".account [data-field=margin_ratio]").first().getAttribute("data-value");
    return (await watched.field("mark")) === there["mark_price"] && decimal.compare(decimal.of(shown), decimal.of(cross)) === 0;
  });
  await panel.getByRole("button", { name: "Close what if" }).click();
  await server.must("operator/set-mark-price", { instrument_name: S, price: mark });
});

test("a fence that comes near its liquidation is told of", { skip }, async () => {
  const { page } = watched;
  const row = (await desk.isolated())!;
  const near = decimal.add(decimal.of(row["liquidation_price"] as string), decimal.of("30"));
  await server.must("operator/set-mark-price", { instrument_name: S, price: decimal.text(near, 1) });
  await page.locator(".notices .bad", { hasText: "near its liquidation" }).waitFor();
  await page.locator(`tr[data-row="${row["isolation_id"]}"] .ratio.danger`).waitFor();
  await watched.shot("warning");
  await server.must("operator/set-mark-price", { instrument_name: S, price: row["mark_price"] });
});

test("a halt is said on the open page, its orders refused in words, its end too", { skip }, async () => {
  const { page } = watched;
  await server.must("operator/set-instrument-state", { instrument_name: S, state: "HALTED" });
  await page.locator(".banner.state", { hasText: "is halted" }).waitFor();
  await desk.choose("Margin mode", "Cross");
  await desk.type("MARKET");
  await desk.fill("quantity", "0.01");
  await desk.submit();
  await desk.refused(208, "not open for new orders");
  await watched.shot("halted");
  await server.must("operator/set-instrument-state", { instrument_name: S, state: "REDUCE_ONLY" });
  await page.locator(".banner.state", { hasText: "only orders that reduce" }).waitFor();
  await server.must("operator/set-instrument-state", { instrument_name: S, state: "OPEN" });
  await page.locator(".banner.state").waitFor({ state: "detached" });
});

test("an export holds the rows of the table, digit for digit", { skip }, async () => {
  const { page } = watched;
  await desk.table("Trades");
  await page.locator(".tables tbody tr").first().waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  const lines = readFileSync(await (await download).path(), "utf8").trim().split("\n");
  const names = lines[0]!.split(",");
  const rows = (await server.result(desk.account, "private/get-trades", {})).data as Json[];
  assert.equal(lines.length - 1, rows.length);
  for (const [at, row] of rows.entries()) {
    const cells = lines[at + 1]!.split(",");
    for (const key of ["instrument_name", "side", "traded_price", "traded_quantity", "fees", "realized_pnl"])
      assert.equal(cells[names.indexOf(key)], String(row[key]), `${key} of row ${at}`);
  }
  await desk.table("Positions");
});

test("the countdown to funding is the venue's, when its clock jumps and when it stands still", { skip }, async () => {
  const { page } = watched;
  const left = async (): Promise<number> => 3600 - (Math.floor((await server.public("public/x/get-time")).server_ms / 1000) % 3600);
  const shown = async (): Promise<number> => Number(await watched.field("funding_in"));
  await server.must("operator/sandbox-clock", { forward_ms: 700_000 });
  await until("the jump", async () => Math.abs((await shown()) - (await left())) <= 1);
  await server.pause();
  await until("the stand", async () => (await shown()) === (await left()));
  // Nor does it go on by itself between two answers.
  await page.waitForResponse((answer) => answer.url().includes("get-time"));
  await until("still", async () => (await shown()) === (await left()));
  const text = await page.locator("[data-field=funding_in]").innerText();
  const seconds = await left();
  assert.equal(text, [seconds / 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":"));
  await server.run();
});

test("dark or light is kept", { skip }, async () => {
  const { page } = watched;
  await page.locator("body").press("t");
  await page.reload();
  await page.locator(".top").waitFor();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "light");
  await page.locator("body").press("t");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});

test("an order among too many requests is there or refused in words, never both", { skip }, async () => {
  const { page } = watched;
  await server.must("operator/clear-mark-price", { instrument_name: S });
  await server.stop();
  await server.start(["--rate-limits", "1"]);
  await until("a fresh mark", async () => !((await server.must("operator/get-exposure", { instrument_name: S }))["data"] as Json[])[0]!["mark_stale"]);
  await page.getByText("Your log-in has ended.").waitFor();
  await logIn(watched, desk.account);
  await desk.choose("Margin mode", "Cross");
  await desk.type("LIMIT");
  const price = desk.part(await desk.mark(), 96);
  for (let placed = false, attempt = 0; !placed || attempt < 2; attempt++) {
    await desk.fill("price", price);
    await desk.fill("quantity", "0.01");
    await page.locator(".submit:enabled").waitFor();
    const count = (await desk.orders()).length;
    // The first time a hundred others go with it: far more than may be sent in a tenth of a second.
    await page.evaluate((crowd) => {
      const params = { instrument_name: "BTCUSD-PERP", side: "BUY", type: "LIMIT", price: "1", quantity: "0.01" };
      for (let id = 1; id <= crowd; id++)
        void fetch("/exchange/v1/private/create-order", {
          method: "POST", headers: { "content-type": "application/json" },
          body: JSON.stringify({ id, method: "private/create-order", params, nonce: Date.now() }),
        });
      document.querySelector<HTMLButtonElement>(".submit")!.click();
    }, attempt === 0 ? 100 : 0);
    await page.locator(".submit", { hasText: "Buy" }).waitFor();
    const said = (await page.locator("[data-test=refusal]").allInnerTexts()).join();
    if (said) assert.match(said, /Too many requests: wait a moment\. \[42901\]/);
    placed = !said;
    assert.equal((await desk.orders()).length, count + (placed ? 1 : 0));
    assert.ok(attempt < 5, "never placed");
    await page.waitForTimeout(500);
  }
  watched.clean([/WebSocket/, /Failed to load resource/, /net::ERR/]);
});
