// The whole life of an isolated position on the trading page, by mouse and by keyboard, against a live sandbox whose
// market is held still where numbers are compared to the last digit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { violations } from "./axe";
import * as decimal from "../../web/shared/decimal";
import type { Locator } from "playwright-core";
import { chromiumPath, closeBrowser, type Json, open, Server, until, type Watched } from "./harness";

const server = new Server();
let watched: Watched;
const S = "BTCUSD-PERP";
const trader = (): ReturnType<Server["account"]> => server.account("trader");
const skip = chromiumPath ? false : "SKIP no chromium";

before(async () => {
  if (skip) return;
  await server.start();
  await until("a book with both sides", async () => {
    const book = await server.public("public/get-book", `instrument_name=${S}&depth=10`);
    return book.data[0].bids.length > 3 && book.data[0].asks.length > 3;
  });
  watched = await open(server.ready.url);
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

const same = (a: string | null | undefined, b: string | null | undefined, what: string): void => {
  assert.ok(a !== null && a !== undefined && b !== null && b !== undefined, `${what}: ${a} and ${b}`);
  assert.equal(decimal.compare(decimal.of(a), decimal.of(b)), 0, `${what}: page ${a}, API ${b}`);
};

async function isolated(): Promise<Json | undefined> {
  const rows = (await server.result(trader(), "private/get-positions")).data as Json[];
  return rows.find((row) => row["isolation_id"] && row["instrument_name"] === S);
}

async function balance(): Promise<Json> {
  return (await server.result(trader(), "private/user-balance")).data[0] as Json;
}

/** Every number of the isolated row on the page is the API's. */
async function rowAgrees(): Promise<void> {
  await until("the row shows what the API says", async () => {
    const row = await isolated();
    if (!row) return false;
    for (const field of ["quantity", "average_price", "isolated_cash_balance", "liquidation_price", "margin_ratio", "mark_price", "open_position_pnl"]) {
      const shown = await watched.field(field, `tr[data-row="${row["isolation_id"]}"]`);
      const wanted = field === "quantity" ? String(row[field]).replace("-", "") : String(row[field]);
      if (shown === null || decimal.compare(decimal.of(shown), decimal.of(wanted)) !== 0)
        throw new Error(`${field}: page ${shown}, API ${wanted}`);
    }
    return true;
  });
}

async function fill(name: string, text: string): Promise<void> {
  await watched.page.locator(`.form input[name="${name}"]`).fill(text);
}

async function choose(group: string, option: string): Promise<void> {
  await watched.page.getByRole("radiogroup", { name: group }).getByRole("radio", { name: option, exact: true }).click();
}

async function table(name: string): Promise<void> {
  await watched.page.getByRole("radiogroup", { name: "Table" }).getByRole("radio", { name }).click();
}

async function settled(): Promise<void> {
  await watched.page.locator(".preview:not(.stale)").waitFor();
}

test("the first visit is a live market, the demo account one click away", { skip }, async () => {
  const { page } = watched;
  await page.getByRole("listbox", { name: "Bids: offers to buy" }).locator("[data-price]").first().waitFor();
  await watched.shot("first-visit");
  await page.getByRole("button", { name: "Try it with a demo account" }).click();
  await page.getByRole("button", { name: "Enter as trader", exact: true }).click();
  await page.getByText("Available", { exact: true }).first().waitFor();
  same(await until("the balance", () => watched.field("total_margin_balance")), (await balance())["total_margin_balance"], "margin balance");
});

test("what is wrong is said beside the field, and not sent", { skip }, async () => {
  const { page } = watched;
  await choose("Margin mode", "Isolated");
  for (const [text, words] of [["1e5", "not a number"], ["0", "above zero"], ["0.00001", "steps"], ["-1", "above zero"], ["0x10", "not a number"], ["1.2.3", "not a number"], ["twenty", "not a number"], ["9".repeat(30), "too many digits"]] as const) {
    await fill("quantity", text);
    await page.locator(".form .field.wrong .fault", { hasText: words }).waitFor();
    assert.ok(await page.locator(".submit").isDisabled(), text);
  }
  // Pasted with its grouping it is still that number; half-typed it is not sent yet.
  await fill("quantity", " 1,234.5 ");
  assert.equal(await page.locator('.form input[name="quantity"]').inputValue(), "1234.5");
  for (const half of [".", "1.", "-"]) {
    await fill("quantity", half);
    assert.ok(await page.locator(".submit").isDisabled(), half);
  }
  await fill("quantity", "");
  await fill("leverage", "1000");
  await page.locator(".form .fault", { hasText: "at most" }).waitFor();
  await fill("leverage", "10");
});

test("an isolated order is previewed, and comes out to the last digit", { skip }, async () => {
  const { page } = watched;
  await server.pause();
  await page.getByLabel("Order type").selectOption("MARKET");
  await choose("Side", "Buy / Long");
  await fill("quantity", "0.05");
  await settled();
  // On a busy machine the mark may take a last step while the market comes to rest: what is read is what holds now.
  const order = { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.0500", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" };
  const shown = await until("the venue's preview", async () => {
    const said = {
      margin: await watched.field("required_margin"), fee: await watched.field("fee"), price: await watched.field("avg_price"),
      liquidation: await watched.field("est_liquidation_price"), loss: await watched.field("max_loss", ".preview"),
    };
    const preview = (await server.result(trader(), "private/x/preview-order", order)) as Json;
    same(said.margin, preview["required_margin"], "margin");
    same(said.liquidation, preview["est_liquidation_price"], "liquidation price");
    return said;
  });
  await watched.shot("order-form");
  await page.locator(".submit").click();
  const row = await until("the position", isolated);
  same(shown.price, row["average_price"], "average fill");
  same(shown.liquidation, row["liquidation_price"], "liquidation price");
  same(shown.loss, row["max_loss"], "the most you can lose");
  const trades = (await server.result(trader(), "private/get-trades", { instrument_name: S })).data as Json[];
  const fees = trades.reduce<decimal.Decimal>((sum, one) => decimal.sub(sum, decimal.of(one["fees"])), decimal.ZERO);
  same(shown.fee, decimal.text(fees, 8), "fee");
  // What was ring-fenced is what is inside now and what the fee took from it.
  const inside = decimal.add(decimal.of(row["isolated_cash_balance"]), fees);
  same(shown.margin, decimal.text(inside, 8), "margin ring-fenced");
  await rowAgrees();
  await watched.shot("position");
});

test("a second order joins the same fence", { skip }, async () => {
  const { page } = watched;
  const before = await isolated();
  await page.getByText("Joins your isolated position").waitFor();
  await fill("quantity", "0.01");
  await settled();
  await page.locator(".submit").click();
  await until("more of it", async () => {
    const row = await isolated();
    return row && decimal.compare(decimal.of(row["quantity"]), decimal.of("0.06")) === 0 && row["isolation_id"] === before!["isolation_id"];
  });
  await rowAgrees();
});

test("margin is added, and the maximum removed", { skip }, async () => {
  const { page } = watched;
  const open = (): Promise<void> => page.getByRole("button", { name: "Add or remove margin of " + S }).first().click();
  const start = await isolated();
  await open();
  await page.locator("dialog input[name=amount]").fill("100");
  const after = await until("the price after it", async () => watched.field("liquidation_after", "dialog"));
  await page.locator("dialog").getByRole("button", { name: "Add margin", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const more = await until("the margin", async () => {
    const row = await isolated();
    return row && row["isolated_cash_balance"] !== start!["isolated_cash_balance"] ? row : null;
  });
  same(decimal.text(decimal.sub(decimal.of(more["isolated_cash_balance"]), decimal.of(start!["isolated_cash_balance"])), 8), "100", "added");
  same(after, more["liquidation_price"], "the liquidation price that the page foretold");
  await rowAgrees();
  await open();
  await page.locator("dialog").getByRole("radio", { name: "Remove" }).click();
  await page.locator("dialog").getByRole("button", { name: "Maximum" }).click();
  await until("an amount", async () => (await page.locator("dialog input[name=amount]").inputValue()) !== "");
  const most = await page.locator("dialog input[name=amount]").inputValue();
  same(most, (await isolated())!["max_removable_margin"], "the maximum");
  await watched.shot("margin-dialog");
  await page.locator("dialog").getByRole("button", { name: "Remove margin", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  same((await isolated())!["max_removable_margin"], "0", "nothing more can leave");
  await rowAgrees();
});

test("leverage up leaves margin and liquidation price; leverage down names the missing margin and adds it", { skip }, async () => {
  const { page } = watched;
  const open = (): Promise<void> => page.getByRole("button", { name: "Change leverage of " + S }).first().click();
  const start = (await isolated())!;
  await open();
  await page.locator("dialog input[name=leverage]").fill("20");
  await page.locator("dialog").getByRole("button", { name: "Set leverage", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const up = (await isolated())!;
  assert.equal(Number(up["leverage"]), 20);
  same(up["isolated_cash_balance"], start["isolated_cash_balance"], "margin");
  same(up["liquidation_price"], start["liquidation_price"], "liquidation price");
  await open();
  await page.locator("dialog input[name=leverage]").fill("5");
  const missing = await until("the missing margin", () => watched.field("topup_needed", "dialog"));
  await watched.shot("leverage-dialog");
  await page.locator("dialog").getByRole("button", { name: "Add margin and set leverage", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const down = (await isolated())!;
  assert.equal(Number(down["leverage"]), 5);
  same(decimal.text(decimal.sub(decimal.of(down["isolated_cash_balance"]), decimal.of(up["isolated_cash_balance"])), 8), missing, "what was added");
  await rowAgrees();
});

test("cross short and isolated long stand side by side", { skip }, async () => {
  const { page } = watched;
  await choose("Margin mode", "Cross");
  await choose("Side", "Sell / Short");
  await fill("quantity", "0.02");
  await settled();
  await page.locator(".submit").click();
  await page.locator(`tr[data-row="cross-${S}"]`).waitFor();
  assert.equal(await page.locator(`tr[data-mode="isolated"]`).count(), 1);
  await page.locator(`tr[data-row="cross-${S}"]`).getByText("account’s ratio").waitFor();
  await watched.shot("cross-and-isolated");
  // A close at a price rests; at market it is done.
  await page.locator(`tr[data-row="cross-${S}"]`).getByRole("button", { name: "Close" }).click();
  await page.locator("dialog").getByRole("radio", { name: "Limit" }).click();
  const away = decimal.floorTo(decimal.div(decimal.mul(decimal.of((await server.public("public/get-book", `instrument_name=${S}&depth=10`)).data[0].bids[0][0] as string), decimal.of("97")), decimal.of("100"), 1), decimal.of("0.5"));
  await page.locator("dialog input[name=price]").fill(decimal.plain(away));
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  const resting = await until("the close that rests", async () => ((await server.result(trader(), "private/get-open-orders")).data as Json[])[0]);
  assert.equal(resting["side"], "BUY");
  assert.ok((resting["exec_inst"] as string[]).includes("REDUCE_ONLY"));
  await server.result(trader(), "private/cancel-order", { order_id: resting["order_id"] });
  await page.locator(`tr[data-row="cross-${S}"]`).getByRole("button", { name: "Close" }).click();
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).click();
  await page.locator(`tr[data-row="cross-${S}"]`).waitFor({ state: "detached" });
});

test("a part closed keeps the margin inside; the rest closed brings it back, by keyboard", { skip }, async () => {
  const { page } = watched;
  const start = (await isolated())!;
  const row = page.locator(`tr[data-row="${start["isolation_id"]}"]`);
  await row.getByRole("button", { name: "Close" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog input[name=quantity]").fill("0.03");
  await page.locator("dialog input[name=quantity]").press("Tab");
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  const half = await until("half of it", async () => {
    const now = await isolated();
    return now && decimal.compare(decimal.of(now["quantity"]), decimal.of("0.03")) === 0 ? now : null;
  });
  const realised = decimal.sub(decimal.of(half["isolated_cash_balance"]), decimal.of(start["isolated_cash_balance"]));
  assert.ok(decimal.compare(decimal.abs(realised), decimal.of("100")) < 0, "the margin stays inside but for profit and fee");
  await rowAgrees();
  const outside = decimal.of((await balance())["total_available_balance"]);
  await row.getByRole("button", { name: "Close" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).focus();
  await page.keyboard.press("Enter");
  await row.waitFor({ state: "detached" });
  const back = decimal.sub(decimal.of((await balance())["total_available_balance"]), outside);
  assert.ok(decimal.compare(back, decimal.of("1")) > 0, "the margin is back in the main account");
  assert.equal(decimal.sign(decimal.of((await balance())["total_isolated_cash_balance"])), 0);
  watched.clean();
});

test("an order placed with the keyboard alone", { skip }, async () => {
  const { page } = watched;
  await page.locator("body").press("i");
  await page.locator("body").press("b");
  await page.locator("body").press("l");
  const best = (await server.public("public/get-book", `instrument_name=${S}&depth=10`)).data[0].bids[0][0] as string;
  const low = decimal.floorTo(decimal.div(decimal.mul(decimal.of(best), decimal.of("95")), decimal.of("100"), 1), decimal.of("0.5"));
  await page.locator(".form input[name=price]").focus();
  await page.keyboard.type(decimal.plain(low));
  await page.locator(".form input[name=quantity]").focus();
  await page.keyboard.type("0.01");
  await settled();
  await page.keyboard.press("Enter");
  await until("the order", async () => (await server.result(trader(), "private/get-open-orders")).data.length === 1);
  const held = (await balance())["total_isolated_cash_balance"] as string;
  same(await until("margin of resting orders", () => watched.field("waiting_margin")), held, "margin held by the resting order");
  await page.getByRole("radio", { name: /^Open orders/ }).click();
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByLabel("New quantity").fill("0.02");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await until("the change", async () => decimal.compare(decimal.of((await server.result(trader(), "private/get-open-orders")).data[0].quantity), decimal.of("0.02")) === 0);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await until("no order", async () => (await server.result(trader(), "private/get-open-orders")).data.length === 0);
  same((await balance())["total_isolated_cash_balance"], "0", "the margin came back");
  watched.clean();
});

/** Tab until it is there, as somebody without a mouse does. */
async function reach(target: Locator): Promise<void> {
  const here = (): Promise<boolean> => target.evaluate((one) => one === document.activeElement);
  for (let presses = 0; presses < 150; presses++) {
    if (await here()) return;
    await watched.page.keyboard.press("Tab");
  }
  assert.fail(`no Tab leads to ${target}`);
}

test("the whole life of a fence by keyboard alone", { skip }, async () => {
  const { page } = watched;
  const keys = page.keyboard;
  const dialog = page.locator("dialog");
  const quantity = async (): Promise<string> => decimal.plain(decimal.of((await isolated())?.["quantity"] as string | undefined));
  const gone = async (): Promise<void> => dialog.waitFor({ state: "detached" });
  const inField = (name: string): Promise<void> => page.locator(`dialog input[name=${name}]:focus`).waitFor();
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  for (const key of "pibm") await keys.press(key);
  for (const [text, sum] of [["0.05", "0.05"], ["0.01", "0.06"]] as const) {
    await keys.press("q");
    await keys.type(text);
    await settled();
    await keys.press("Enter");
    await until("bought", async () => (await quantity()) === sum);
    await page.locator(`.form input[name=quantity]:focus`).evaluate((one: HTMLInputElement) => one.blur());
  }
  const row = page.locator("tr[data-mode=isolated]");
  const margin = row.getByRole("button", { name: "Add or remove margin of " + S });
  const inside = async (): Promise<decimal.Decimal> => decimal.of((await isolated())!["isolated_cash_balance"] as string);
  const start = await inside();
  await reach(margin);
  await keys.press("Enter");
  await inField("amount");
  await keys.type("50");
  await keys.press("Enter");
  await gone();
  assert.equal(decimal.compare(decimal.sub(await inside(), start), decimal.of("50")), 0, "added");
  // Where one was is where one is again.
  assert.ok(await margin.evaluate((one) => one === document.activeElement), "the focus is back at its button");
  await keys.press("Enter");
  await inField("amount");
  await keys.press("Shift+Tab");
  await reach(dialog.getByRole("radio", { name: "Add" }));
  await keys.press("ArrowRight");
  await reach(dialog.getByRole("button", { name: "Maximum" }));
  await page.locator("dialog [data-field=most]").waitFor();
  await keys.press("Enter");
  await reach(page.locator("dialog input[name=amount]"));
  assert.notEqual(await page.locator("dialog input[name=amount]").inputValue(), "");
  await keys.press("Enter");
  await gone();
  same((await isolated())!["max_removable_margin"], "0", "nothing more can leave");
  const leverage = row.getByRole("button", { name: "Change leverage of " + S });
  for (const wanted of ["20", "5"]) {
    await reach(leverage);
    await keys.press("Enter");
    await inField("leverage");
    await keys.type(wanted);
    await dialog.getByRole("button", { name: wanted === "20" ? "Set leverage" : "Add margin and set leverage", exact: true }).and(page.locator(":enabled")).waitFor();
    await keys.press("Enter");
    await gone();
    assert.equal(String((await isolated())!["leverage"]), wanted);
  }
  for (const [part, rest] of [["0.02", "0.04"], ["", "0"]] as const) {
    await reach(row.getByRole("button", { name: "Close" }));
    await keys.press("Enter");
    await inField("quantity");
    if (part) await keys.type(part);
    await keys.press("Enter");
    await gone();
    await until("closed", async () => (await quantity()) === rest);
  }
  await row.waitFor({ state: "detached" });
  same((await balance())["total_isolated_cash_balance"], "0", "nothing is left inside");
  watched.clean();
});

test("a crash liquidates the fence, nothing else, and the page explains it", { skip }, async () => {
  const { page } = watched;
  await page.getByRole("radio", { name: /^Positions/ }).click();
  await choose("Margin mode", "Isolated");
  await choose("Side", "Buy / Long");
  await page.getByLabel("Order type").selectOption("MARKET");
  await fill("leverage", "50");
  await fill("quantity", "0.05");
  await settled();
  await page.locator(".submit").click();
  const row = await until("the position", isolated);
  // Something of every kind stands in the tables.
  await server.must("operator/settle-funding", { instrument_name: S, rate: "0.0001" });
  const outside = await balance();
  await server.run();
  await server.must("operator/sandbox-crash", { instrument_name: S, fraction: "0.08", seconds: 3 });
  await page.locator(`tr[data-row="${row["isolation_id"]}"]`).waitFor({ state: "detached", timeout: 60_000 });
  const end = await balance();
  same(end["total_cash_balance"], outside["total_cash_balance"], "the main account's cash");
  await page.locator(".notices p", { hasText: "liquidat" }).first().waitFor();
  await table("Liquidations");
  await page.getByRole("button", { name: "Explain" }).first().click();
  const story = page.locator("dialog .story");
  await until("the story", async () => ((await story.textContent()) ?? "").length > 200);
  assert.deepEqual(await violations(watched, "dialog"), []);
  await watched.shot("explain-liquidation");
  await page.keyboard.press("Escape");
  for (const tab of ["Order history", "Trades", "Funding", "Transfers", "Liquidations", "Closed positions"]) {
    await table(tab);
    assert.equal(await page.locator(".tables .fault").count(), 0, tab);
    const rows = page.locator(".tables tbody tr");
    await rows.first().waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const file = await download;
    assert.match(file.suggestedFilename(), /\.csv$/);
    assert.equal(readFileSync(await file.path(), "utf8").trim().split("\n").length - 1, await rows.count(), tab);
  }
  watched.clean();
});
