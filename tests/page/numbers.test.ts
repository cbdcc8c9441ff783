// Each number on the page is the API's, after trades, after a lost connection and after the server's restart; an
// order that was under way when the line broke exists once; a second tab says the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { chromiumPath, closeBrowser, type Json, logIn, open, Server, until, type Watched } from "./harness";

const server = new Server();
let watched: Watched;
const S = "BTCUSD-PERP";
const skip = chromiumPath ? false : "SKIP no chromium";
const trader = (): ReturnType<Server["account"]> => server.account("trader");

before(async () => {
  if (skip) return;
  await server.start();
  watched = await open(server.ready.url);
  await logIn(watched, trader());
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

const BALANCE = ["total_margin_balance", "total_available_balance", "total_initial_margin", "total_maintenance_margin", "total_isolated_cash_balance"];

function equal(shown: string | null, wanted: unknown, what: string): void {
  if (shown === null || decimal.compare(decimal.of(shown), decimal.of(String(wanted ?? ""))) !== 0)
    throw new Error(`${what}: page ${shown}, API ${String(wanted)}`);
}

/** Marks stand still while the rest of the market moves: then nothing of the account changes by itself. */
async function pinMarks(): Promise<string[]> {
  const rows = (await server.must("operator/get-exposure"))["data"] as Json[];
  for (const row of rows) await server.must("operator/set-mark-price", { instrument_name: row["instrument_name"], price: row["mark_price"] });
  return rows.map((row) => row["instrument_name"] as string);
}

/** Page and API side by side; tried again while a message is on its way. */
async function agrees(page: Watched): Promise<void> {
  const pinned = await pinMarks();
  await until("account and positions agree", async () => {
    const balance = (await server.result(trader(), "private/user-balance")).data[0] as Json;
    for (const field of BALANCE) equal(await page.field(field, ".account"), balance[field], field);
    const usd = (balance["position_balances"] as Json[]).find((row) => row["instrument_name"] === "USD");
    equal(await page.field("max_withdrawal_balance", ".account"), usd?.["max_withdrawal_balance"], "withdrawable");
    const rows = (await server.result(trader(), "private/get-positions")).data as Json[];
    for (const row of rows) {
      const key = row["isolation_id"] ?? "cross-" + row["instrument_name"];
      const fields = ["average_price", "mark_price", "market_value", "open_position_pnl", ...(row["isolation_id"] ? ["liquidation_price", "margin_ratio", "isolated_cash_balance"] : [])];
      for (const field of fields) equal(await page.field(field, `tr[data-row="${key}"]`), row[field], `${key} ${field}`);
    }
    assert.equal(await page.page.locator("table.positions tbody tr").count(), rows.length);
    const results = (await server.result(trader(), "private/x/get-position-results")).data as Json[];
    assert.equal(results.length, rows.length);
    for (const row of results) {
      const key = row["isolation_id"] ?? "cross-" + row["instrument_name"];
      for (const [field, name] of [["realized_pnl", "realized_pnl"], ["fees", "fees"], ["funding_paid", "funding"]] as const)
        equal(await page.field(field, `tr[data-row="${key}"]`), row[name], `${key} ${field}`);
    }
    return true;
  });
  // What is told at a beat of its own may be on its way when the market stops: then it goes on for a moment.
  await until("the market agrees", async () => {
    await server.run();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.pause();
    await until("the market as it stands", marketAgrees, 600);
    return true;
  }, 60_000);
  await server.run();
  for (const name of pinned) await server.must("operator/clear-mark-price", { instrument_name: name });

  async function marketAgrees(): Promise<boolean> {
    const ticker = (await server.public("public/get-tickers", `instrument_name=${S}`)).data[0] as Json;
    for (const field of ["a", "h", "l", "c", "vv", "oi"]) equal(await page.field("ticker." + field), ticker[field], "ticker " + field);
    const mark = (await server.public("public/get-valuations", `instrument_name=${S}&valuation_type=mark_price&count=1`)).data[0] as Json;
    equal(await page.field("mark"), mark["v"], "mark");
    const book = (await server.public("public/get-book", `instrument_name=${S}&depth=10`)).data[0] as { bids: string[][]; asks: string[][] };
    for (const [label, levels] of [["Bids: offers to buy", book.bids], ["Asks: offers to sell", [...book.asks].reverse()]] as const) {
      const shown = await page.page.getByRole("listbox", { name: label }).locator("[data-price]").allInnerTexts();
      const prices = shown.map((text) => text.split(/\s+/)[0]);
      const wanted = label.startsWith("Bids") ? prices.slice(0, levels.length) : prices.slice(-levels.length);
      assert.deepEqual(wanted, levels.slice(0, wanted.length).map((level) => level[0]), label);
    }
    return true;
  }
}

test("after trades", { skip }, async () => {
  // Something is realised in both modes, and funding paid by both, before the page is looked at.
  await server.result(trader(), "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.02" });
  await server.result(trader(), "private/create-order", { instrument_name: S, side: "SELL", type: "MARKET", quantity: "0.01", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
  await server.must("operator/settle-funding", { instrument_name: S, rate: "0.0001" });
  await server.result(trader(), "private/create-order", { instrument_name: S, side: "SELL", type: "MARKET", quantity: "0.005" });
  await agrees(watched);
  const cross = ((await server.result(trader(), "private/x/get-position-results")).data as Json[]).find((row) => !row["isolation_id"])!;
  for (const name of ["realized_pnl", "fees", "funding"]) assert.notEqual(decimal.sign(decimal.of(cross[name])), 0, name);
});

test("after the connection was lost", { skip }, async () => {
  const { page } = watched;
  await watched.context.setOffline(true);
  await page.getByText("Connection lost").waitFor();
  assert.ok(await page.locator(".submit").isDisabled(), "no order without a connection");
  await watched.shot("connection-lost");
  await server.result(trader(), "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.01" });
  await watched.context.setOffline(false);
  await page.getByText("Connection lost").waitFor({ state: "detached" });
  await agrees(watched);
});

test("an answer that is lost does not make a second order", { skip }, async () => {
  const { page } = watched;
  await server.pause();
  let lost = 0;
  // The order reaches the venue; its first answer does not reach the page.
  await page.route("**/exchange/v1/private/create-order", async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    return route.abort("connectionreset");
  });
  const open = async (): Promise<number> => ((await server.result(trader(), "private/get-open-orders")).data as Json[]).length;
  const count = await open();
  const best = (await server.public("public/get-book", `instrument_name=${S}&depth=10`)).data[0].bids[0][0] as string;
  const low = decimal.floorTo(decimal.div(decimal.mul(decimal.of(best), decimal.of("96")), decimal.of("100"), 1), decimal.of("0.5"));
  await page.getByRole("radiogroup", { name: "Margin mode" }).getByRole("radio", { name: "Cross" }).click();
  await page.locator(".form input[name=price]").fill(decimal.plain(low));
  await page.locator(".form input[name=quantity]").fill("0.01");
  await page.locator(".submit").click();
  await page.locator(".notices p", { hasText: "Order placed" }).waitFor();
  assert.ok(lost >= 2, "the page sent it again");
  assert.equal(await open(), count + 1);
  await page.unroute("**/exchange/v1/private/create-order");
  await server.run();
});

test("a second tab stays the same as the first", { skip }, async () => {
  const other = await watched.context.newPage();
  await other.goto(server.ready.url);
  await other.getByRole("radio", { name: /^Open orders \(1\)/ }).waitFor();
  await watched.page.getByRole("radio", { name: /^Open orders/ }).click();
  await watched.page.getByRole("button", { name: "Cancel", exact: true }).click();
  await other.getByRole("radio", { name: "Open orders", exact: true }).waitFor();
  await watched.page.getByRole("radio", { name: "Positions", exact: true }).first().click();
  await other.close();
});

test("after the server was killed and came back", { skip }, async () => {
  await server.stop("SIGKILL");
  await watched.page.getByText("Connection lost").waitFor();
  await server.start();
  await watched.page.getByText("Connection lost").waitFor({ state: "detached" });
  // Log-ins do not outlive the server: the page asks again rather than showing what is old.
  await watched.page.getByText("Your log-in has ended.").waitFor();
  await logIn(watched, trader());
  await agrees(watched);
  watched.clean([/WebSocket/, /Failed to load resource/, /net::ERR/]);
});
