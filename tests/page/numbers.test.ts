// Each number on the page is the API's, after trades, after a lost connection and after the server's restart; an
// order that was under way when the line broke exists once; a second tab says the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { Desk, S } from "./desk";
import { compare, type Seen, seen, want, type Wanted } from "./figures";
import { chromiumPath, closeBrowser, type Json, logIn, open, Server, until, type Watched } from "./harness";

const server = new Server();
let watched: Watched;
let desk: Desk;
const skip = chromiumPath ? false : "SKIP no chromium";
const trader = (): ReturnType<Server["account"]> => server.account("trader");
/** What the venue told this page about liquidations, newest first. */
const told: Json[] = [];

before(async () => {
  if (skip) return;
  await server.start();
  watched = await open(server.ready.url);
  watched.page.on("websocket", (socket) => socket.on("framereceived", (frame) => {
    const { result } = JSON.parse(String(frame.payload)) as Json;
    if (result?.["channel"] === "x.liquidations") told.unshift(...[...(result["data"] as Json[])].reverse());
  }));
  // The socket of before stands already: another one tells the test what it tells the page.
  await watched.page.reload();
  await logIn(watched, trader());
  desk = new Desk(server, watched, "trader");
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

const ALL = { BOOK: "Order book and trades", FORM: "Order", ACCOUNT: "Account", TABLES: "Positions, orders and history", INFO: "About this market", HEAD: "Header" };
const BALANCE = ["total_margin_balance", "total_available_balance", "total_initial_margin", "total_maintenance_margin", "total_isolated_cash_balance"];
const ISOLATED = ["liquidation_price", "margin_ratio", "isolated_cash_balance", "leverage"];
const ROW = ["average_price", "mark_price", "market_value", "open_position_pnl", "adl_rank"];

/** Marks stand still while the rest of the market moves: then nothing of the account changes by itself. A mark that was
 * set grows old like any other and is set again, a tick up or down: the account is told of all that depends on it. */
async function pinMarks(): Promise<string[]> {
  const rows = (await server.must("operator/get-exposure"))["data"] as Json[];
  for (const row of rows) {
    const price = decimal.of(row["mark_price"] as string);
    const next = { units: price.units ^ 1n, scale: price.scale };
    await server.must("operator/set-mark-price", { instrument_name: row["instrument_name"], price: decimal.text(next, next.scale) });
  }
  return rows.map((row) => row["instrument_name"] as string);
}

const of = (row: Json, key: string): decimal.Decimal => decimal.of(row[key] as string);
const ratio = (part: decimal.Decimal, whole: decimal.Decimal, scale: number): string => decimal.text(decimal.div(part, whole, scale), scale);

async function wantAccount(wanted: Wanted): Promise<void> {
  const balance = (await server.result(trader(), "private/user-balance")).data[0] as Json;
  const rows = await desk.positions();
  want(wanted, ALL.ACCOUNT, balance, BALANCE);
  want(wanted, ALL.FORM, balance, ["total_available_balance"]);
  for (const row of balance["position_balances"] as Json[]) {
    want(wanted, `${ALL.ACCOUNT} / ${row["instrument_name"]}`, row, ["quantity"]);
    if (row["instrument_name"] === "USD") want(wanted, ALL.ACCOUNT, row, ["max_withdrawal_balance"]);
  }
  // The account's ratio is told on user.account_risk alone: with the reserve for fees, as the rows have it.
  const reserve = rows.filter((row) => !row["isolation_id"]).reduce<decimal.Decimal>((sum, row) => decimal.add(sum, of(row, "fee_reserve")), decimal.ZERO);
  const required = decimal.rescale(decimal.add(of(balance, "total_maintenance_margin"), reserve), 8);
  const equity = decimal.rescale(decimal.add(of(balance, "total_margin_balance"), reserve), 8);
  const score = decimal.text({ units: (required * 100_000_000n + equity - 1n) / equity, scale: 8 }, 8);
  wanted.set(`${ALL.ACCOUNT}: margin_ratio`, score);
  let waiting = decimal.ZERO;
  for (const row of balance["isolated_positions"] as Json[]) {
    want(wanted, `${ALL.ACCOUNT} / ${row["isolation_id"]}`, row, ["leverage", "isolated_cash_balance"]);
    if (row["instrument_name"] === S) want(wanted, ALL.FORM, row, ["leverage"]);
    if (decimal.sign(of(row, "quantity")) !== 0) continue;
    waiting = decimal.add(waiting, of(row, "isolated_cash_balance"));
    want(wanted, ALL.TABLES, row, [["waiting_margin", "isolated_cash_balance"]]);
  }
  wanted.set(`${ALL.ACCOUNT}: waiting_margin_sum`, decimal.text(waiting, 8));
  for (const row of rows) {
    const where = `${ALL.TABLES} / ${row["isolation_id"] || "cross-" + row["instrument_name"]}`;
    want(wanted, where, row, [...ROW, ...(row["isolation_id"] ? ISOLATED : ["initial_margin"])]);
    wanted.set(`${where}: quantity`, (row["quantity"] as string).replace("-", ""));
    if (!row["isolation_id"]) wanted.set(`${where}: margin_ratio`, score);
    const mark = of(row, "mark_price");
    wanted.set(`${where}: distance`, ratio(decimal.abs(decimal.sub(of(row, "liquidation_price"), mark)), mark, 6));
    wanted.set(`${where}: roe`, ratio(of(row, "open_position_pnl"), of(row, row["isolation_id"] ? "isolated_cash_balance" : "initial_margin"), 6));
  }
  for (const row of (await server.result(trader(), "private/x/get-position-results")).data as Json[])
    want(wanted, `${ALL.TABLES} / ${row["isolation_id"] || "cross-" + row["instrument_name"]}`, row, ["realized_pnl", "fees", ["funding_paid", "funding"]]);
}

async function wantMarket(wanted: Wanted): Promise<void> {
  const ticker = (await server.public("public/get-tickers", `instrument_name=${S}`)).data[0] as Json;
  want(wanted, ALL.HEAD, ticker, ["a", "h", "l", "c", "vv", "oi"].map((key) => ["ticker." + key, key] as const));
  want(wanted, ALL.BOOK, ticker, [["book.last", "a"]]);
  const row = ((await server.must("operator/get-exposure", { instrument_name: S }))["data"] as Json[])[0]!;
  want(wanted, ALL.HEAD, row, [["mark", "mark_price"], ["index", "index_price"], ["funding", "funding_rate"], ["estimate", "estimated_funding_rate"]]);
  want(wanted, ALL.BOOK, row, [["book.mark", "mark_price"]]);
  const risk = ((await server.public("public/get-risk-parameters")).instrument_config as Json[]).find((one) => one["symbol"] === S)!;
  want(wanted, ALL.INFO, risk, ["max_leverage", "maker_fee_rate", "taker_fee_rate", "liquidation_fee_rate", "price_band", "funding_cap_rate"]);
  for (const tier of risk["tiers"] as Json[]) want(wanted, `${ALL.INFO} / ${tier["min_notional"]}`, tier, ["min_notional", "imr", "mmr", "max_leverage"]);
  want(wanted, ALL.INFO, (await server.public("public/get-insurance", "instrument_name=USD&count=1")).data[0] as Json, [["insurance", "v"]]);
  told.slice(0, 50).forEach((one, at) => want(wanted, `${ALL.INFO} / ${at}`, one, ["q", "p", "to_insurance_fund", "uncovered_loss"]));
}

/** What the form says of the order that is typed: 0.05 more into the fence, at a price that takes what is there. */
async function wantForm(wanted: Wanted, price: string): Promise<void> {
  const held = (await desk.isolated())!;
  const preview = (await server.result(trader(), "private/x/preview-order", {
    instrument_name: S, side: "BUY", type: "LIMIT", quantity: "0.0500", price, time_in_force: "GOOD_TILL_CANCEL",
    exec_inst: ["ISOLATED_MARGIN"], isolation_id: held["isolation_id"],
  })) as Json;
  want(wanted, ALL.FORM, { best: await desk.best("asks") }, ["best"]);
  wanted.set(`${ALL.FORM}: quantity_value`, decimal.text(decimal.mul(decimal.of("0.05"), decimal.of(price)), 8));
  const where = "What this order would do";
  want(wanted, where, preview, ["required_margin", "fee", "est_liquidation_price", "max_loss", "max_order_quantity"]);
  want(wanted, where, preview["fill"] as Json, ["avg_price"]);
  const mark = decimal.of(await desk.mark());
  wanted.set(`${where}: slippage`, ratio(decimal.sub(of(preview["fill"] as Json, "avg_price"), mark), mark, 6));
}

/** Price, quantity and the sum from the best price on: row by row, as far as both know them. */
async function ladderAgrees(): Promise<void> {
  const book = (await server.public("public/get-book", `instrument_name=${S}&depth=50`)).data[0] as { bids: string[][]; asks: string[][] };
  for (const [label, levels] of [["Bids: offers to buy", book.bids], ["Asks: offers to sell", book.asks]] as const) {
    const rows = await watched.page.getByRole("listbox", { name: label }).locator("[data-price]").all();
    const shown = await Promise.all(rows.map(async (row) => (await row.locator("span").allInnerTexts()).map((cell) => cell.replace(/\u202f/g, ""))));
    if (label.startsWith("Asks")) shown.reverse();
    let sum = decimal.ZERO;
    const wanted = levels.slice(0, 12).map(([price, quantity]) => [price, quantity, decimal.text(sum = decimal.add(sum, decimal.of(quantity)), 4)]);
    assert.deepEqual(shown, wanted, label);
  }
}

async function tapeAgrees(): Promise<void> {
  const trades = (await server.public("public/get-trades", `instrument_name=${S}&count=10`)).data as Json[];
  const rows = (await watched.page.getByRole("table", { name: "Latest trades" }).locator(".level:not(.head)").all()).slice(0, trades.length);
  const shown = await Promise.all(rows.map(async (row) => (await row.locator("[role=cell]").allInnerTexts()).slice(0, 2).map((cell) => cell.replace(/\u202f/g, ""))));
  assert.deepEqual(shown, trades.slice(0, rows.length).map((one) => [one["p"], one["q"]]), "trades");
  assert.ok(rows.length > 0);
}

/** The market goes on for a moment and stands still, until what was on its way when it stopped is no difference. */
async function still(what: string, look: () => Promise<void>): Promise<void> {
  await until(what, async () => {
    await server.run();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await server.pause();
    await pinMarks();
    await until(what, async () => { await look(); return true; }, 2000);
    return true;
  }, 60_000);
  await server.run();
}

const PAST: [string, string, Json, string[]][] = [
  ["Order history", "private/get-order-history", {}, ["limit_price", "avg_price", "quantity", "cumulative_quantity", "cumulative_fee", "reason"]],
  ["Trades", "private/get-trades", {}, ["traded_price", "traded_quantity", "fees", "realized_pnl"]],
  ["Funding", "private/get-transactions", { journal_type: "FUNDING" }, ["transaction_qty"]],
  ["Transfers", "private/get-transactions", { journal_type: "SUBACCOUNT_TX" }, ["transaction_qty"]],
  ["Liquidations", "private/x/get-liquidations", {}, ["quantity", "mark_price", "equity", "required", "closed_quantity", "realized_pnl", "to_insurance_fund", "uncovered_loss"]],
  ["Closed positions", "private/x/get-closed-positions", {}, ["quantity", "entry_price", "exit_price", "realized_pnl", "fees", "funding", "net_pnl"]],
];
const ofTables = (all: Seen): Seen => ({ ...all, figures: all.figures.filter((one) => one.where.startsWith(ALL.TABLES)) });

/** The tables: nothing of them moves while the marks stand still. */
async function tablesAgree(): Promise<void> {
  const { page } = watched;
  for (const [name, method, params, fields] of PAST) {
    await desk.table(name);
    await until(name, async () => {
      const rows = (await server.result(trader(), method, { start_time: Date.now() - 7 * 86_400_000 + 5000, end_time: Date.now() + 1000, limit: 100, ...params })).data as Json[];
      assert.ok(rows.length > 0, "none");
      assert.equal(await page.locator(".tables tbody tr").count(), rows.length);
      const wanted: Wanted = new Map();
      rows.forEach((row, at) => want(wanted, `${ALL.TABLES} / ${at}`, row, fields));
      compare(ofTables(await seen(page)), wanted);
      if (name === "Funding" || name === "Transfers")
        assert.deepEqual(await page.locator(".tables tbody tr").evaluateAll((lines) => lines.map((line) => /[A-Z]+-PERP/.exec(line.textContent!)?.[0])),
          rows.map((row) => row["position_instrument_name"]), "instruments");
      return true;
    });
  }
  await desk.table("Open orders");
  await until("open orders", async () => {
    const rows = [...await desk.orders(), ...await desk.waiting()];
    const wanted: Wanted = new Map();
    for (const row of rows) want(wanted, `${ALL.TABLES} / ${row["order_id"]}`, row, ["limit_price", "ref_price", "quantity", "cumulative_quantity"]);
    const here = ofTables(await seen(page));
    compare(here, wanted);
    assert.equal(new Set(here.figures.map((one) => one.where)).size, rows.length);
    assert.equal(await page.getByRole("radio", { name: /^Open orders/ }).innerText(), rows.length ? `Open orders (${rows.length})` : "Open orders");
    return true;
  });
  await desk.table("Positions");
}

/** Page and API side by side. */
async function agrees(): Promise<void> {
  const { page } = watched;
  const pinned = await pinMarks();
  await tablesAgree();
  await desk.choose("Margin mode", "Isolated");
  await desk.choose("Side", "Buy / Long");
  await desk.type("LIMIT");
  const price = desk.part(await desk.mark(), 101);
  await desk.fill("price", price);
  await desk.fill("quantity", "0.05");
  await page.locator(".account details:not([open]) summary").click();
  const info = page.getByRole("region", { name: "About this market" });
  for (const [tab, wait] of [["Risk", ".tiers"], ["Insurance fund", "[data-field=insurance]"], ["Liquidations", told.length ? "tbody tr" : ".empty"]] as const) {
    await info.getByRole("radio", { name: tab }).click();
    await info.locator(wait).first().waitFor();
    await still(tab, async () => {
      const wanted: Wanted = new Map();
      await wantAccount(wanted);
      await wantMarket(wanted);
      await wantForm(wanted, price);
      await page.locator(".preview:not(.stale)").waitFor();
      const all = await seen(page);
      compare(all, wanted, ["funding_in"]);
      const rows = await desk.positions();
      assert.equal(await page.locator("table.positions tbody tr").count(), rows.length);
      if (tab !== "Risk") return;
      // Nothing that was looked for is hidden.
      for (const field of ["estimate", "index", "funding", "distance", "roe", "waiting_margin", "slippage", "best", "adl_rank", "max_withdrawal_balance"])
        assert.ok(all.figures.some((one) => one.field === field), field + " is not on the page");
      await ladderAgrees();
    });
  }
  await page.getByRole("radio", { name: "Trades", exact: true }).first().click();
  await still("the tape", tapeAgrees);
  await page.getByRole("radio", { name: "Book", exact: true }).click();
  await page.locator(".account details[open] summary").click();
  await desk.fill("price", "");
  await desk.fill("quantity", "");
  for (const name of pinned) await server.must("operator/clear-mark-price", { instrument_name: name });
  // The countdown is that of the venue's clock.
  await until("the countdown", async () => {
    const { server_ms } = await server.public("public/x/get-time");
    const left = 3600 - (Math.floor(server_ms / 1000) % 3600);
    return Math.abs(left - Number(await watched.field("funding_in"))) <= 1;
  });
}

test("after trades", { skip }, async () => {
  const order = (params: Json): Promise<Json> => server.result(trader(), "private/create-order", params);
  const fence = { exec_inst: ["ISOLATED_MARGIN"], leverage: "10" };
  await until("books", async () => (await Promise.all([S, "SOLUSD-PERP", "ETHUSD-PERP"].map(async (name) =>
    (await server.public("public/get-book", `instrument_name=${name}&depth=10`)).data[0].asks.length > 2))).every(Boolean));
  // Something is realised in both modes, and funding paid by both.
  await order({ instrument_name: S, side: "SELL", type: "MARKET", quantity: "0.02" });
  await order({ instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.02", ...fence });
  await server.must("operator/settle-funding", { instrument_name: S, rate: "0.0001" });
  await order({ instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.005" });
  await server.result(trader(), "private/close-position", { instrument_name: S, type: "MARKET", quantity: "0.01", isolation_id: (await desk.isolated())!["isolation_id"] });
  // A fence that only waits, one stop, one refusal on the record, and a fence that is liquidated.
  const bid = (await server.public("public/get-book", "instrument_name=ETHUSD-PERP&depth=10")).data[0].bids[0][0] as string;
  await order({ instrument_name: "ETHUSD-PERP", side: "BUY", type: "LIMIT", price: desk.part(bid, 96), quantity: "1", ...fence });
  await server.result(trader(), "private/advanced/create-order",
    { instrument_name: S, side: "BUY", type: "STOP_LOSS", quantity: "0.01", ref_price: desk.part(await desk.mark(), 110), ref_price_type: "MARK_PRICE" });
  const idle = { instrument_name: S, side: "BUY", type: "LIMIT", price: desk.part(await desk.mark(), 97), quantity: "0.01", time_in_force: "IMMEDIATE_OR_CANCEL" };
  assert.equal((await server.call(trader(), "private/create-order", idle))["code"], 43004);
  await order({ instrument_name: "SOLUSD-PERP", side: "BUY", type: "MARKET", quantity: "5", exec_inst: ["ISOLATED_MARGIN"], leverage: "20" });
  const doomed = (await desk.positions()).find((row) => row["instrument_name"] === "SOLUSD-PERP")!;
  const low = decimal.sub(decimal.of(doomed["liquidation_price"] as string), decimal.of("0.5"));
  await server.must("operator/set-mark-price", { instrument_name: "SOLUSD-PERP", price: decimal.text(low, 3) });
  await until("liquidated", async () => told.some((row) => row["kind"] === "END"));
  await server.must("operator/clear-mark-price", { instrument_name: "SOLUSD-PERP" });
  await agrees();
  const cross = ((await server.result(trader(), "private/x/get-position-results")).data as Json[]).find((row) => !row["isolation_id"])!;
  for (const name of ["realized_pnl", "fees", "funding"]) assert.notEqual(decimal.sign(decimal.of(cross[name])), 0, name);
});

test("after the connection was lost", { skip }, async () => {
  const { page } = watched;
  await watched.context.setOffline(true);
  await page.getByText("Connection lost").waitFor();
  assert.ok(await page.locator(".submit").isDisabled(), "no order without a connection");
  const bright = await page.locator(".num:not(.none), [role=option]").evaluateAll((all) =>
    all.filter((one) => one.checkVisibility() && Number(getComputedStyle(one).opacity) > 0.5).map((one) => one.textContent));
  assert.deepEqual(bright, [], "nothing that is old looks live");
  await page.evaluate(() => window.scrollTo(0, 0));
  await watched.shot("connection-lost");
  await server.result(trader(), "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.01" });
  await watched.context.setOffline(false);
  await page.getByText("Connection lost").waitFor({ state: "detached" });
  await agrees();
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
  const count = (await desk.orders()).length + (await desk.waiting()).length;
  await other.getByRole("radio", { name: `Open orders (${count})`, exact: true }).waitFor();
  await desk.table("Open orders");
  await watched.page.getByRole("button", { name: "Cancel", exact: true }).first().click();
  await other.getByRole("radio", { name: `Open orders (${count - 1})`, exact: true }).waitFor();
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
  await agrees();
  watched.clean([/WebSocket/, /Failed to load resource/, /net::ERR/]);
});
