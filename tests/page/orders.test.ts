// The order form and what waits: units, options, refusals in words, triggers, take profit and stop loss, reverse, the
// liquidation price that is wanted, and the book beside it. The market stands still.
import assert from "node:assert/strict";
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
  await until("a book with both sides", async () => {
    const book = await server.public("public/get-book", `instrument_name=${S}&depth=10`);
    return book.data[0].bids.length > 3 && book.data[0].asks.length > 3;
  });
  await server.pause();
  watched = await open(server.ready.url);
  await logIn(watched, server.account("trader"));
  desk = new Desk(server, watched, "trader");
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

test("a part of the largest order, and a quantity in USD", { skip }, async () => {
  const { page } = watched;
  await desk.choose("Margin mode", "Isolated");
  await desk.choose("Side", "Buy / Long");
  await desk.type("MARKET");
  await desk.fill("leverage", "10");
  await page.getByRole("button", { name: "50%", exact: true }).click();
  const typed = await until("the quantity", () => page.locator(".form input[name=quantity]").inputValue());
  const probe = await server.result(desk.account, "private/x/preview-order",
    { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.0001", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
  const half = decimal.div(decimal.of(probe.max_order_quantity as string), decimal.of("2"), 4);
  same(typed, decimal.text(half, 4), "half of the largest order");
  const price = desk.part(await desk.best("bids"), 96);
  await desk.type("LIMIT");
  await desk.fill("price", price);
  await desk.choose("Unit of the quantity", "USD");
  await desk.fill("quantity", "1000");
  const coins = decimal.text(decimal.div(decimal.of("1000"), decimal.of(price), 4), 4);
  await page.locator(".quantity .hint", { hasText: `${coins} BTC` }).waitFor();
  await desk.submit();
  const order = await until("the order", async () => (await desk.orders())[0]);
  same(order["quantity"] as string, coins, "the quantity of 1,000 USD, rounded down");
  await desk.choose("Unit of the quantity", "BTC");
  await desk.clear();
});

test("refusals say what to do: 306, 43003, 43004, 43005, 613, 617", { skip }, async () => {
  const { page } = watched;
  await desk.choose("Margin mode", "Isolated");
  await desk.type("LIMIT");
  await desk.fill("price", await desk.best("bids"));
  await desk.fill("quantity", "20");
  await page.locator(".preview .fault", { hasText: "Not enough available balance" }).filter({ hasText: "[306]" }).waitFor();
  await desk.submit();
  await desk.refused(306, "Not enough available balance");
  await watched.shot("refusal");
  await desk.choose("Margin mode", "Cross");
  await desk.fill("quantity", "0.01");
  await desk.fill("price", await desk.best("asks"));
  await page.getByLabel("Post only").check();
  await desk.submit();
  await desk.refused(43005, "it was not placed");
  await page.getByLabel("Post only").uncheck();
  await desk.fill("price", await desk.best("bids"));
  await page.getByLabel("Time in force").selectOption("IMMEDIATE_OR_CANCEL");
  await desk.submit();
  await desk.refused(43004, "nothing could be filled");
  await page.getByLabel("Time in force").selectOption("FILL_OR_KILL");
  await desk.fill("quantity", "1.5");
  await desk.submit();
  await desk.refused(43003, "could not fill all of it");
  await page.getByLabel("Time in force").selectOption("GOOD_TILL_CANCEL");
  assert.deepEqual(await desk.orders(), [], "nothing of it was placed");
  // Between the page's last look and its order another client opens the same fence.
  await desk.choose("Margin mode", "Isolated");
  await desk.type("MARKET");
  await desk.fill("quantity", "0.01");
  await desk.fill("leverage", "7");
  await page.route("**/exchange/v1/private/create-order", async (route) => {
    await server.result(desk.account, "private/create-order",
      { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.01", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
    await route.continue();
  });
  await desk.submit();
  await desk.refused(617, "the order joins it");
  await page.unroute("**/exchange/v1/private/create-order");
  // And closes it while a dialog is open.
  const row = (await desk.isolated())!;
  await page.getByRole("button", { name: "Add or remove margin of " + S }).first().click();
  await page.locator("dialog input[name=amount]").fill("5");
  await page.route("**/exchange/v1/private/create-isolated-margin-transfer", async (route) => {
    await server.result(desk.account, "private/close-position", { instrument_name: S, type: "MARKET", isolation_id: row["isolation_id"] });
    await route.continue();
  });
  await page.locator("dialog").getByRole("button", { name: "Add margin", exact: true }).click();
  await page.locator("dialog", { hasText: /does not exist any more|is closed/ }).waitFor();
  await page.unroute("**/exchange/v1/private/create-isolated-margin-transfer");
  await page.keyboard.press("Escape");
  await desk.clear();
});

test("stops and take profits wait for mark, last or index, and are shown so", { skip }, async () => {
  const { page } = watched;
  const mark = await desk.mark();
  await desk.choose("Margin mode", "Cross");
  await desk.choose("Side", "Buy / Long");
  const wanted = [["STOP_LIMIT", "LAST_PRICE", 103, "Stop limit", "last"], ["STOP_LOSS", "MARK_PRICE", 104, "Stop", "mark"],
    ["TAKE_PROFIT_LIMIT", "INDEX_PRICE", 97, "Take profit limit", "index"], ["TAKE_PROFIT", "MARK_PRICE", 96, "Take profit", "mark"]] as const;
  await desk.table("Open orders");
  for (const [type, by, percent, words, short] of wanted) {
    const trigger = desk.part(mark, percent);
    await desk.type(type);
    await desk.fill("trigger", trigger);
    await page.getByLabel("Triggered by").selectOption(by);
    if (type.endsWith("LIMIT")) await desk.fill("price", desk.part(mark, percent));
    await desk.fill("quantity", "0.01");
    await desk.submit();
    const order = await until(type, async () => (await desk.waiting()).find((one) => one["order_type"] === type));
    assert.equal(order["status"], "PENDING");
    assert.equal(order["ref_price_type"], by);
    same(order["ref_price"] as string, trigger, "trigger");
    const row = page.locator(`tr[data-order="${order["order_id"]}"]`);
    await row.getByText(words, { exact: true }).waitFor();
    await row.getByText(short, { exact: true }).waitFor();
  }
  await page.locator(".form input[name=trigger]").fill(mark);
  await desk.type("STOP_LOSS");
  await desk.fill("trigger", desk.part(mark, 90));
  await desk.fill("quantity", "0.01");
  await desk.submit();
  await desk.refused(229, "has been reached already");
  await watched.shot("triggers");
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.locator("dialog", { hasText: "All 4 open orders" }).getByRole("button", { name: "Cancel all orders" }).click();
  await until("none waits", async () => (await desk.waiting()).length === 0);
  await page.getByText("No open orders.").waitFor();
  await desk.table("Positions");
});

test("take profit and stop loss attached to an order, one and both", { skip }, async () => {
  const { page } = watched;
  const mark = await desk.mark();
  await desk.choose("Margin mode", "Cross");
  await desk.choose("Side", "Buy / Long");
  await desk.type("LIMIT");
  await page.getByLabel("Take profit / stop loss").check();
  for (const profit of ["", desk.part(mark, 103)]) {
    await desk.fill("price", await desk.best("asks"));
    await desk.fill("quantity", "0.01");
    await desk.fill("takeProfit", profit);
    await desk.fill("stopLoss", desk.part(mark, 97));
    await desk.submit();
    await page.locator(".notices .good", { hasText: "with its take profit and stop loss" }).first().waitFor();
    const legs = await until("the legs", async () => {
      const rows = await desk.waiting();
      return rows.length === (profit ? 2 : 1) ? rows : null;
    });
    same(legs.find((one) => one["order_type"] === "STOP_LOSS")!["ref_price"] as string, desk.part(mark, 97), "stop loss");
    if (profit) same(legs.find((one) => one["order_type"] === "TAKE_PROFIT")!["ref_price"] as string, profit, "take profit");
    await desk.clear();
  }
  await page.getByLabel("Take profit / stop loss").uncheck();
});

test("take profit and stop loss attached to a fresh isolated order guard its fence", { skip }, async () => {
  const { page } = watched;
  const mark = await desk.mark();
  await desk.choose("Margin mode", "Isolated");
  await desk.choose("Side", "Buy / Long");
  await desk.type("MARKET");
  await desk.fill("leverage", "10");
  await desk.fill("quantity", "0.01");
  await page.getByLabel("Take profit / stop loss").check();
  await desk.fill("takeProfit", desk.part(mark, 102));
  await desk.fill("stopLoss", desk.part(mark, 97));
  await desk.submit();
  await page.locator(".notices .good", { hasText: "with its take profit and stop loss" }).first().waitFor();
  const row = await until("the fence", () => desk.isolated());
  const legs = await until("both legs", async () => ((await desk.waiting()).length === 2 ? desk.waiting() : null));
  for (const [type, percent] of [["STOP_LOSS", 97], ["TAKE_PROFIT", 102]] as const) {
    const leg = legs.find((one) => one["order_type"] === type)!;
    assert.equal(leg["isolation_id"], row["isolation_id"], "it is of the same fence");
    same(leg["ref_price"] as string, desk.part(mark, percent), type);
  }
  await server.must("operator/set-mark-price", { instrument_name: S, price: desk.part(mark, 102.5) });
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).waitFor({ state: "detached" });
  assert.deepEqual(await desk.waiting(), [], "the stop loss died with it");
  await server.must("operator/set-mark-price", { instrument_name: S, price: mark });
  await page.getByLabel("Take profit / stop loss").uncheck();
  await desk.clear();
});

test("a close that would leave less than maintenance is refused in words: 304", { skip }, async () => {
  const { page } = watched;
  // A market of its own, where the only bid is far down.
  const name = "TSTUSD-PERP";
  await server.must("operator/create-instrument", { instrument_name: name, base_ccy: "TST", price_tick_size: "0.1", qty_tick_size: "0.01", settlement: "MANUAL" });
  await server.must("operator/set-mark-price", { instrument_name: name, price: "100" });
  const other = (side: string, price: string): Promise<Json> => server.result(server.account("trader2"), "private/create-order", { instrument_name: name, side, type: "LIMIT", price, quantity: "10" });
  await other("SELL", "100");
  await page.getByRole("combobox", { name: "Instrument" }).selectOption(name);
  await desk.choose("Margin mode", "Isolated");
  await desk.choose("Side", "Buy / Long");
  await desk.type("MARKET");
  await desk.fill("leverage", "50");
  await desk.fill("quantity", "10");
  await desk.settled();
  await desk.submit();
  const row = await until("the position", async () => (await desk.positions()).find((one) => one["instrument_name"] === name));
  await other("BUY", "95");
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).getByRole("button", { name: "Close" }).click();
  await page.locator("dialog input[name=quantity]").fill("5");
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).click();
  await page.locator("dialog .fault", { hasText: "[304]" }).waitFor();
  await watched.shot("refusal-304");
  await page.keyboard.press("Escape");
  same((await desk.positions()).find((one) => one["instrument_name"] === name)!["quantity"] as string, "10", "nothing was closed");
  await server.result(server.account("trader2"), "private/advanced/cancel-all-orders", { type: "ALL" });
  await server.result(server.account("trader2"), "private/create-order", { instrument_name: name, side: "BUY", type: "LIMIT", price: "99.5", quantity: "10" });
  await page.getByRole("combobox", { name: "Instrument" }).selectOption(S);
  await desk.clear();
});

test("take profit and stop loss of a position: the first that is reached closes it", { skip }, async () => {
  const { page } = watched;
  const mark = await desk.mark();
  const row = await desk.open("BUY", "0.02", "10");
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).getByRole("button", { name: "TP/SL" }).click();
  await page.locator("dialog input[name=takeProfit]").fill("1.23");
  await page.locator("dialog input[name=takeProfit]").fill(desk.part(mark, 102));
  await page.locator("dialog input[name=stopLoss]").fill(desk.part(mark, 98));
  await watched.shot("tpsl-dialog");
  await page.locator("dialog").getByRole("button", { name: "Set", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal((await desk.waiting()).length, 2);
  await server.must("operator/set-mark-price", { instrument_name: S, price: desk.part(mark, 102.5) });
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).waitFor({ state: "detached" });
  assert.equal(await desk.isolated(), undefined);
  await server.must("operator/set-mark-price", { instrument_name: S, price: mark });
  await desk.clear();
});

test("a position is reversed", { skip }, async () => {
  const { page } = watched;
  const row = await desk.open("BUY", "0.02", "10");
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).getByRole("button", { name: "Reverse" }).click();
  await page.locator("dialog").getByRole("button", { name: "Reverse at market" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const turned = await until("a short", async () => {
    const now = await desk.isolated();
    return now && String(now["quantity"]).startsWith("-") ? now : null;
  });
  same(turned["quantity"] as string, "-0.02", "the same size on the other side");
  await page.locator(`tr[data-row="${turned["isolation_id"]}"]`).getByText("Short").waitFor();
  // What was realised and paid since it was opened stands in its row.
  await until("realised, fees, funding", async () => {
    const [result] = (await server.result(desk.account, "private/x/get-position-results")).data as Json[];
    for (const [field, key] of [["realized_pnl", "realized_pnl"], ["fees", "fees"], ["funding_paid", "funding"]] as const)
      same(await watched.field(field, `tr[data-row="${turned["isolation_id"]}"]`), result![key] as string, key);
    return decimal.sign(decimal.of(result!["fees"] as string)) < 0;
  });
  await desk.clear();
});

test("the liquidation price that is wanted becomes the liquidation price", { skip }, async () => {
  const { page } = watched;
  const row = await desk.open("BUY", "0.02", "10");
  for (const [percent, verb, button] of [[85, "Add", "Add margin"], [88, "Remove", "Remove margin"]] as const) {
    const target = desk.part(row["average_price"] as string, percent);
    await page.getByRole("button", { name: "Add or remove margin of " + S }).first().click();
    await page.getByText("Set my liquidation price").click();
    await page.locator("dialog input[name=target]").fill(target);
    await page.locator("dialog p", { hasText: verb }).getByRole("button", { name: "Use" }).click();
    await page.locator("dialog").getByRole("button", { name: button, exact: true }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    const reached = (await desk.isolated())!["liquidation_price"] as string;
    const away = decimal.sub(decimal.of(target), decimal.of(reached));
    assert.ok(decimal.sign(away) >= 0 && decimal.compare(away, decimal.of("0.1")) <= 0, `wanted ${target}, is ${reached}`);
  }
  await desk.clear();
});

test("the book: groups add up, a click fills the price, depth is drawn", { skip }, async () => {
  const { page } = watched;
  // The ungrouped rows are the API's (numbers.test.ts); the groups are sums of them.
  const rows = async (label: string): Promise<[bigint, bigint][]> => {
    const texts = await page.getByRole("listbox", { name: label }).locator("[data-price]").allInnerTexts();
    const cells = texts.map((text) => text.replace(/\u202f/g, "").split(/\s+/));
    const list = cells.map(([price, quantity]) => [decimal.rescale(decimal.of(price), 1), decimal.rescale(decimal.of(quantity), 4)] as [bigint, bigint]);
    return label.startsWith("Asks") ? list.reverse() : list;
  };
  const grouped = async (label: string, step: string, right: (now: [bigint, bigint][]) => boolean): Promise<[bigint, bigint][]> => {
    await page.getByLabel("Group prices by").selectOption(step);
    return until("rows by " + step, async () => {
      const now = await rows(label);
      return now.length > 0 && right(now) ? now : null;
    });
  };
  const singles = (now: [bigint, bigint][]): boolean => now.some(([price]) => price % 100n !== 0n);
  const hundreds = (now: [bigint, bigint][]): boolean => now.every(([price]) => price % 100n === 0n);
  for (const [label, up] of [["Bids: offers to buy", false], ["Asks: offers to sell", true]] as const) {
    // What an earlier test took back may still be under way: both are of one book when the levels are the same before and after.
    const [single, groups] = await until("levels and groups of one book", async () => {
      const before = await grouped(label, "1", singles);
      const sums = await grouped(label, "100", hundreds);
      const after = await grouped(label, "1", singles);
      return String(before) === String(after) ? [before, sums] as const : null;
    });
    const key = (price: bigint): bigint => (up ? (price + 99n) / 100n : price / 100n) * 100n;
    const [best, sum] = groups[0]!;
    assert.equal(best, key(single[0]![0]), "a group never looks better than what is in it");
    const inside = single.filter(([price]) => key(price) === best);
    assert.ok(inside.length < single.length, "the group is whole");
    assert.equal(sum, inside.reduce((total, [, quantity]) => total + quantity, 0n));
    assert.ok(groups.every(([price]) => price % 100n === 0n));
  }
  await page.getByLabel("Group prices by").selectOption("1");
  await desk.type("MARKET");
  const third = page.getByRole("listbox", { name: "Bids: offers to buy" }).locator("[data-price]").nth(2);
  const price = await third.getAttribute("data-price");
  await third.click();
  assert.equal(await page.locator(".form input[name=price]").inputValue(), price);
  await page.getByRole("radio", { name: "Depth", exact: true }).click();
  // It is drawn with the frame after the one that it appears in.
  await until("the depth picture", () => page.locator("canvas.depth").evaluate((canvas: HTMLCanvasElement) =>
    canvas.width > 0 && canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0)));
  await page.getByRole("radio", { name: "Book", exact: true }).click();
  watched.clean([/Failed to load resource/]);
});
