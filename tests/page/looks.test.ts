// How the pages look and load: budgets of size and time, CSP, axe-core, the accessibility tree, dark, light and phone.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Locator, Page } from "playwright-core";
import { chromiumPath, closeBrowser, logIn, open, save, Server, until, type Watched } from "./harness";
import { violations } from "./axe";
import { Paced } from "./paced";
import { pages } from "./places";

const server = new Server();
let watched: Watched;
const skip = chromiumPath ? false : "SKIP no chromium";

before(async () => {
  if (skip) return;
  await server.start();
  watched = await open(server.ready.url);
  await watched.page.getByRole("listbox", { name: "Bids: offers to buy" }).locator("[data-price]").first().waitFor();
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

test("budgets: bytes on the wire", () => {
  const size = (name: string): number => gzipSync(readFileSync(`${pages}/${name}`), { level: 9 }).length;
  const text = (name: string): string => readFileSync(`${pages}/${name}`, "utf8");
  const chunks = readdirSync(pages).filter((name) => name.startsWith("chunk-"));
  const chart = chunks.find((name) => text(name).includes("tv-attr-logo"))!;
  // What the page's script imports at once is its own; the chart and the plot are fetched later.
  const imported = (name: string): string[] => [...text(name).matchAll(/(?:from|import)\s*"\.\/(chunk-[^"]+)"/g)].map((match) => match[1]!);
  const own = new Set<string>(["trade.js"]);
  for (const name of own) imported(name).forEach((one) => own.add(one));
  own.delete(chart);
  const script = [...own].reduce((sum, name) => sum + size(name), 0);
  const sizes = { script, css: size("trade.css"), chart: size(chart), wasm: size("margin.wasm") };
  const all = sizes.script + sizes.css + sizes.chart + sizes.wasm + size("index.html");
  console.log("bytes, gzip:", JSON.stringify({ ...sizes, all }));
  assert.ok(sizes.script <= 40 * 1024, `script ${sizes.script}`);
  assert.ok(sizes.css <= 6 * 1024, `css ${sizes.css}`);
  assert.ok(sizes.chart <= 62 * 1024, `chart ${sizes.chart}`);
  assert.ok(sizes.wasm <= 8 * 1024, `wasm ${sizes.wasm}`);
  assert.ok(all <= 120 * 1024, `all ${all}`);
});

test("budgets: first paint", { skip }, async () => {
  const paint = await watched.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1);
  console.log(`first paint ${Math.round(paint)} ms`);
  assert.ok(paint >= 0 && paint < 5000, `first paint after ${paint} ms`);
});

/** The share of the main thread over some seconds: its own time, what other programs take is no work of the page's. */
async function share(page: Watched, seconds: number): Promise<number> {
  const session = await page.context.newCDPSession(page.page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async (): Promise<number> => (await session.send("Performance.getMetrics")).metrics.find((one) => one.name === "TaskDuration")!.value;
  const [start, from] = [await busy(), performance.now()];
  await page.page.waitForTimeout(seconds * 1000);
  const result = (1000 * ((await busy()) - start)) / (performance.now() - from);
  await session.detach();
  return result;
}

test("budgets: the main thread at 20 updates a second, and nothing moves by itself", { skip }, async () => {
  const trader = server.account("trader");
  const paced = new Paced(server.ready.url, "BTCUSD-PERP");
  await paced.listen();
  const seen = await open(paced.url);
  try {
    await logIn(seen, trader);
    await server.result(trader, "private/create-order",
      { instrument_name: "BTCUSD-PERP", side: "BUY", type: "MARKET", quantity: "0.02", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
    await seen.page.locator("tr[data-mode=isolated] [data-field=fees]").waitFor();
    await seen.page.locator(".chart canvas").first().waitFor();
    // An order is being typed: its preview is asked for again each second.
    await seen.page.locator(".form .hint button", { hasText: "Best" }).click();
    await seen.page.locator(".form input[name=quantity]").fill("0.01");
    paced.start(20);
    await until("the pace is on the page", async () => (await seen.field("ticker.a")) === paced.last);
    await seen.page.locator(".preview:not(.stale) [data-field=max_loss]").waitFor();
    await seen.page.evaluate(() => {
      interface Shift { value: number; sources: { node: Node | null }[] }
      const moved: [number, string][] = [];
      Object.assign(window, { moved });
      const name = (node: Node | null): string => (node as Element | null)?.outerHTML?.slice(0, 60) ?? node?.textContent ?? "";
      new PerformanceObserver((list) => (list.getEntries() as unknown as Shift[]).forEach((one) => moved.push([one.value, one.sources.map((source) => name(source.node)).join()]))).observe({ type: "layout-shift" });
    });
    const shares: number[] = [];
    do {
      const [beats, from] = [paced.beats, performance.now()];
      shares.push(await share(seen, 5));
      const pace = (1000 * (paced.beats - beats)) / (performance.now() - from);
      assert.ok(Math.abs(pace - 20) < 1, `${pace} updates a second`);
    } while (shares.at(-1)! > 0.25 && shares.length < 3);
    console.log(`main thread at 20 updates a second: ${shares.map((one) => (one * 100).toFixed(1)).join(", ")} %`);
    assert.ok(Math.min(...shares) <= 0.25, `main thread busy ${shares}`);
    paced.stop();
    await until("the last of it", async () => (await seen.field("ticker.a")) === paced.last && (await seen.field("mark")) === paced.last);
    const moved = await seen.page.evaluate(() => (window as unknown as { moved: [number, string][] }).moved);
    const sum = moved.reduce((total, one) => total + one[0], 0);
    assert.ok(sum < 0.01, `the layout shifted by ${sum}: ${moved.slice(0, 5).join("; ")}`);
    seen.clean();
  } finally {
    await seen.context.close();
    paced.close();
    for (const row of (await server.result(trader, "private/get-positions")).data as { isolation_id: string }[])
      await server.result(trader, "private/close-position", { instrument_name: "BTCUSD-PERP", type: "MARKET", isolation_id: row.isolation_id });
  }
});

test("headers: CSP without unsafe-inline, ETag, gzip, no versions", { skip }, async () => {
  const answer = await fetch(server.ready.url + "/");
  const csp = answer.headers.get("content-security-policy") ?? "";
  assert.match(csp, /default-src 'none'/);
  assert.match(csp, /frame-ancestors 'none'/);
  assert.doesNotMatch(csp, /unsafe-inline|unsafe-eval(?!')|\*/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.headers.get("server"), null);
  const etag = answer.headers.get("etag")!;
  assert.equal((await fetch(server.ready.url + "/", { headers: { "if-none-match": etag } })).status, 304);
  for (const path of ["/../etc/passwd", "/%2e%2e/etc/passwd", "/trade.js.map", "/console.js", "/nothing"]) assert.equal((await fetch(server.ready.url + path)).status, 404, path);
});

test("axe-core finds nothing: dark, light, a dialog, a phone", { skip }, async () => {
  const { page } = watched;
  assert.deepEqual(await violations(watched), []);
  await watched.shot("dark");
  await page.getByRole("button", { name: "Change between dark and light" }).click();
  assert.deepEqual(await violations(watched), []);
  await watched.shot("light");
  await page.getByRole("button", { name: "Change between dark and light" }).click();
  await logIn(watched, server.account("trader"));
  await server.result(server.account("trader"), "private/create-order",
    { instrument_name: "BTCUSD-PERP", side: "BUY", type: "MARKET", quantity: "0.02", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
  await page.getByRole("button", { name: "Add or remove margin of BTCUSD-PERP" }).first().click();
  await page.locator("dialog dl").first().waitFor();
  assert.deepEqual(await violations(watched), []);
  await page.keyboard.press("Escape");
  await watched.shot("dark-with-position");
});

test("390 px: watching, adding margin and closing work; nothing overflows", { skip }, async () => {
  const phone = await open(server.ready.url, { width: 390, height: 844 });
  await logIn(phone, server.account("trader"));
  const { page } = phone;
  for (const pane of ["Chart", "Book", "Trade", "Positions", "Account"]) {
    await page.getByRole("radiogroup", { name: "Part of the page" }).getByRole("radio", { name: pane }).click();
    await page.locator(`main[data-pane=${pane.toLowerCase()}]`).waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `${pane} is ${wide} px wide`);
    assert.deepEqual(await violations(phone), [], pane);
    await phone.shot("phone-" + pane.toLowerCase());
  }
  await page.getByRole("radiogroup", { name: "Part of the page" }).getByRole("radio", { name: "Positions" }).click();
  await page.getByRole("button", { name: "Add or remove margin of BTCUSD-PERP" }).last().click();
  await page.locator("dialog input[name=amount]").fill("10");
  await page.locator("dialog").getByRole("button", { name: "Add margin", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Close", exact: true }).first().click();
  await page.locator("dialog").getByRole("button", { name: "Close position", exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await until("closed", async () => ((await server.result(server.account("trader"), "private/get-positions")).data as unknown[]).length === 0);
  phone.clean();
});

/** Where a dialog's button is, its title. */
const DIALOGS: [string, (row: Locator, page: Page) => Locator, string][] = [
  ["Positions", (row) => row.getByRole("button", { name: "Add or remove margin of BTCUSD-PERP" }), "Margin of"],
  ["Positions", (row) => row.getByRole("button", { name: "Change leverage of BTCUSD-PERP" }), "Leverage of"],
  ["Positions", (row) => row.getByRole("button", { name: "Close" }), "Close BTCUSD-PERP"],
  ["Positions", (row) => row.getByRole("button", { name: "TP/SL" }), "Take profit and stop loss"],
  ["Positions", (row) => row.getByRole("button", { name: "Reverse" }), "Reverse BTCUSD-PERP"],
  ["Open orders", (_, page) => page.getByRole("button", { name: "Cancel all" }), "Cancel all orders"],
];

test("every dialog, in light and on a phone: axe-core finds nothing, nothing overflows", { skip }, async () => {
  const trader = server.account("trader");
  await server.result(trader, "private/create-order",
    { instrument_name: "BTCUSD-PERP", side: "BUY", type: "MARKET", quantity: "0.02", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
  const low = Math.floor(Number((await server.public("public/get-tickers", "instrument_name=BTCUSD-PERP")).data[0].a) * 0.96);
  await server.result(trader, "private/create-order", { instrument_name: "BTCUSD-PERP", side: "BUY", type: "LIMIT", price: String(low), quantity: "0.01" });
  const phone = await open(server.ready.url, { width: 390, height: 844 });
  await phone.page.getByRole("button", { name: "Log in", exact: true }).first().click();
  await phone.page.locator("dialog input[name=password]").waitFor();
  assert.deepEqual(await violations(phone, "dialog"), [], "Log in");
  await phone.shot("phone-login");
  await phone.page.keyboard.press("Escape");
  await logIn(phone, trader);
  await phone.page.getByRole("radiogroup", { name: "Part of the page" }).getByRole("radio", { name: "Positions" }).click();
  await watched.page.getByRole("button", { name: "Change between dark and light" }).click();
  for (const seen of [watched, phone]) {
    const { page } = seen;
    for (const [table, button, title] of DIALOGS) {
      await page.getByRole("radiogroup", { name: "Table" }).getByRole("radio", { name: new RegExp("^" + table) }).click();
      await button(page.locator("tr[data-mode=isolated]"), page).click();
      await page.locator("dialog h2", { hasText: title }).waitFor();
      assert.deepEqual(await violations(seen, "dialog"), [], title);
      const wide = await page.locator("dialog .body").evaluate((body) => [body.scrollWidth - body.clientWidth, document.documentElement.scrollWidth - innerWidth]);
      assert.deepEqual(wide, [0, 0], `${title} overflows`);
      await seen.shot(`${seen === phone ? "phone" : "light"}-${title.split(" ")[0]!.toLowerCase()}`);
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
    }
    await page.getByRole("radiogroup", { name: "Table" }).getByRole("radio", { name: /^Positions/ }).click();
  }
  await watched.shot("light-with-position");
  await watched.page.getByRole("button", { name: "Change between dark and light" }).click();
  phone.clean();
  await server.result(trader, "private/advanced/cancel-all-orders", { type: "ALL" });
  for (const row of (await server.result(trader, "private/get-positions")).data as { isolation_id: string }[])
    await server.result(trader, "private/close-position", { instrument_name: "BTCUSD-PERP", type: "MARKET", isolation_id: row.isolation_id });
});

test("the accessibility tree names everything that can be done", { skip }, async () => {
  // What the phone closed has left this page too.
  await watched.page.locator("table.positions tbody tr").first().waitFor({ state: "detached" });
  const tree = await watched.page.locator("body").ariaSnapshot();
  save("accessibility.txt", tree);
  for (const name of ["Margin mode", "Side", "Order type", "Leverage", "Quantity", "Bids: offers to buy", "Asks: offers to sell", "Table", "Chart", "Account"])
    assert.ok(tree.includes(name), name + " is not in the accessibility tree");
  // The names of what can be operated, without the numbers that move: the golden file.
  const golden = [...new Set([...tree.matchAll(/- (button|radio|radiogroup|textbox|slider|combobox|checkbox|listbox|region|tab)\b[^"\n]*"([^"\n]*)"/g)]
    .map((match) => `${match[1]} ${match[2]}`.replace(/[-−+]?[\d\u202f][\d\u202f.,]*/g, "#")))].join("\n") + "\n";
  save("accessibility-names.txt", golden);
  const known = readFileSync(new URL("../../tests/page/accessibility.txt", import.meta.url), "utf8");
  assert.equal(golden, known, "the tree changed: look at it, then copy accessibility-names.txt over tests/page/accessibility.txt");
  watched.clean();
});

/** docs/shots/trade.png and phone.png: an hour of market, two positions side by side. */
test("pictures for the documents", { skip }, async () => {
  const trader = server.account("trader");
  await server.must("operator/sandbox-clock", { speed: 600 });
  await until("some candles", async () => (await server.public("public/get-candlestick", "instrument_name=BTCUSD-PERP&timeframe=1m&count=60")).data.length >= 50, 90_000);
  await server.must("operator/sandbox-clock", { speed: 1 });
  await server.result(trader, "private/create-order",
    { instrument_name: "BTCUSD-PERP", side: "BUY", type: "MARKET", quantity: "0.02", exec_inst: ["ISOLATED_MARGIN"], leverage: "10" });
  await server.result(trader, "private/create-order", { instrument_name: "BTCUSD-PERP", side: "SELL", type: "MARKET", quantity: "0.05" });
  for (const [name, width, height] of [["trade", 1440, 900], ["phone", 390, 844]] as const) {
    const seen = await open(server.ready.url, { width, height });
    await logIn(seen, trader);
    await seen.page.getByRole("radiogroup", { name: "Length of a candle" }).getByRole("radio", { name: "1m", exact: true }).click();
    if (name === "phone") await seen.page.getByRole("radiogroup", { name: "Part of the page" }).getByRole("radio", { name: "Positions" }).click();
    else {
      await seen.page.locator(".form .hint button", { hasText: "Best" }).click();
      await seen.page.locator(".form input[name=quantity]").fill("0.05");
    }
    await seen.page.locator("tr[data-mode=isolated] [data-field=fees]").waitFor();
    await seen.page.waitForTimeout(700);
    await seen.picture(name);
    seen.clean();
  }
});
