// The operator's console: list, change risk with the impact shown, halt, resume, approve, look up, explain, the fund.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as decimal from "../../web/shared/decimal";
import { violations } from "./axe";
import { compare, seen, want, type Wanted } from "./figures";
import { chromiumPath, closeBrowser, type Json, open, Server, until, type Watched } from "./harness";

const server = new Server();
let watched: Watched;
const S = "BTCUSD-PERP";
const skip = chromiumPath ? false : "SKIP no chromium";

before(async () => {
  if (skip) return;
  await server.start(["--console", "127.0.0.1:0"]);
  await server.must("operator/create-user", { name: "olga", password: "a-long-password", role: "ADMIN" });
  await server.must("operator/create-user", { name: "vera", password: "a-long-password", role: "VIEWER" });
  watched = await open(server.ready.console_url!);
});
after(async () => {
  await closeBrowser();
  if (!skip) await server.finish();
});

async function enter(name: string): Promise<void> {
  const { page } = watched;
  const form = page.locator("form.login");
  await form.locator("input[name=name]").fill(name);
  await form.locator("input[name=password]").fill("a-long-password");
  await form.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("region", { name: "Exposure" }).waitFor();
}

async function view(name: string): Promise<void> {
  await watched.page.getByRole("radiogroup", { name: "View" }).getByRole("radio", { name }).click();
}

async function exposure(): Promise<Json> {
  return ((await server.must("operator/get-exposure", { instrument_name: S }))["data"] as Json[])[0]!;
}

test("a viewer sees and may do nothing", { skip }, async () => {
  await enter("vera");
  await watched.shot("console-viewer");
  await view("Money");
  const form = watched.page.getByRole("form", { name: "Pay into the insurance fund" });
  await form.locator("input[name=currency]").fill("USDC");
  await form.locator("input[name=amount]").fill("5");
  await form.getByRole("button").click();
  await watched.page.locator(".notices .bad", { hasText: "40104" }).waitFor();
  // Who may come in is not for a viewer's eyes; a number by hand is not for his hands.
  await view("People and keys");
  await watched.page.locator(".fault", { hasText: "You may not do this. [40104]" }).waitFor();
  await view("Instruments");
  await watched.page.getByRole("button", { name: "Halt everything" }).click();
  await watched.page.locator("dialog .danger").click();
  await watched.page.locator(".notices .bad", { hasText: "40104" }).first().waitFor();
  await watched.page.keyboard.press("Escape");
  assert.equal((await exposure())["state"], "OPEN");
  await watched.page.getByRole("button", { name: "Log out" }).click();
});

test("an instrument is listed, its risk changed with the impact shown, halted and opened", { skip }, async () => {
  const { page } = watched;
  await enter("olga");
  await view("Instruments");
  await page.getByRole("button", { name: "List an instrument" }).click();
  for (const [key, text] of [["instrument_name", "XRPUSD-PERP"], ["base_ccy", "XRP"], ["price_tick_size", "0.0001"], ["qty_tick_size", "1"]] as const)
    await page.locator(`dialog input[name=${key}]`).fill(text);
  await page.locator("dialog input[name=max_leverage]").fill("2e1");
  await page.locator("dialog .fault").waitFor();
  await page.locator("dialog input[name=max_leverage]").fill("20");
  await page.getByRole("button", { name: "List it" }).click();
  await page.locator('tr[data-row="XRPUSD-PERP"]').waitFor();
  const position = await server.result(server.account("trader"), "private/create-order",
    { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.02", exec_inst: ["ISOLATED_MARGIN"], leverage: "50" });
  // Held still, so that what the page was told is what the test is told.
  await server.pause();
  await page.locator(`tr[data-row="${S}"]`).getByRole("button", { name: "Risk…" }).click();
  await page.locator("dialog input[name=max_leverage]").fill("10");
  assert.ok(await page.getByRole("button", { name: "Apply the change" }).isDisabled(), "not before the impact was seen");
  await page.getByRole("button", { name: "Show the impact" }).click();
  const impact = page.getByRole("region", { name: "Impact" });
  await impact.getByText("below maintenance").waitFor();
  await watched.shot("console-impact");
  const said = (await server.must("operator/update-instrument", { instrument_name: S, max_leverage: "10", dry_run: true }))["affected"] as number;
  assert.equal(await impact.locator("strong").first().innerText(), String(said));
  await server.run();
  await page.keyboard.press("Escape");
  assert.ok(position);
  await page.getByLabel("State of " + S).selectOption("HALTED");
  await page.getByRole("button", { name: "Set halted" }).click();
  await until("halted", async () => (await exposure())["state"] === "HALTED");
  const refused = await server.call(server.account("trader"), "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.01" });
  assert.equal(refused["code"], 208);
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.getByLabel("State of " + S).selectOption("OPEN");
  await page.getByRole("button", { name: "Set open" }).click();
  await until("open", async () => (await exposure())["state"] === "OPEN");
});

test("everything is halted at once, and opened again one by one", { skip }, async () => {
  const { page } = watched;
  await page.getByRole("button", { name: "Halt everything" }).click();
  await page.locator("dialog .danger").click();
  const states = async (): Promise<string[]> => ((await server.must("operator/get-exposure"))["data"] as Json[]).map((row) => row["state"] as string);
  await until("all halted", async () => (await states()).every((state) => state === "HALTED"));
  await page.locator("dialog").waitFor({ state: "detached" });
  for (const row of (await server.must("operator/get-exposure"))["data"] as Json[]) {
    await page.getByLabel("State of " + row["instrument_name"]).selectOption("OPEN");
    await page.getByRole("button", { name: "Set open" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
  }
  await until("all open", async () => (await states()).every((state) => state === "OPEN"));
});

test("an announcement goes out; a mark is pinned and released", { skip }, async () => {
  const { page } = watched;
  const form = page.getByRole("region", { name: "Announcement" });
  await form.locator("input[name=title]").fill("Maintenance tonight");
  await form.locator("input[name=content]").fill("Between two and three.");
  await form.getByRole("button", { name: "Publish" }).click();
  await until("the announcement", async () => JSON.stringify(await server.public("public/get-announcements")).includes("Maintenance tonight"));
  const mark = (await exposure())["mark_price"] as string;
  await page.getByLabel("Mark price to pin on " + S).fill(decimal.plain(decimal.of(mark)));
  await page.locator(`tr[data-row="${S}"]`).getByRole("button", { name: "Pin mark" }).click();
  await until("pinned", async () => (await exposure())["mark_pinned"] === true);
  await page.locator(`tr[data-row="${S}"]`).getByRole("button", { name: "Release mark" }).click();
  await until("released", async () => (await exposure())["mark_pinned"] === false);
});

test("an account is adjusted with a reason, given its own fees, suspended and released", { skip }, async () => {
  const { page } = watched;
  const trader2 = (): ReturnType<Server["account"]> => server.account("trader2");
  const cash = async (): Promise<decimal.Decimal> => decimal.of((await server.result(trader2(), "private/user-balance")).data[0].total_cash_balance as string);
  await view("Accounts");
  await page.getByLabel("Account (label or id)").fill("trader2");
  await page.getByRole("button", { name: "Look up" }).click();
  const adjust = page.getByRole("region", { name: "Adjust" });
  const before = await cash();
  await adjust.locator("input[name=amount]").fill("-12.5");
  assert.ok(await adjust.getByRole("button").isDisabled(), "not without a reason");
  await adjust.locator("input[name=reason]").fill("a fee that was missed");
  await adjust.getByRole("button").click();
  await until("adjusted", async () => decimal.compare(decimal.sub(before, await cash()), decimal.of("12.5")) === 0);
  const fees = page.getByRole("region", { name: "Fees" });
  await fees.locator("input[name=maker]").fill("0.0001");
  await fees.locator("input[name=taker]").fill("0.0002");
  await fees.getByRole("button", { name: "Set fees" }).click();
  const bps = async (): Promise<string> => (await server.result(trader2(), "private/get-instrument-fee-rate", { instrument_name: S })).effective_taker_rate_bps as string;
  await until("its own fees", async () => decimal.compare(decimal.of(await bps()), decimal.of("2")) === 0);
  await page.getByRole("button", { name: "Suspend" }).click();
  await until("suspended", async () => (await server.call(trader2(), "private/create-order", { instrument_name: S, side: "BUY", type: "MARKET", quantity: "0.01" }))["code"] === 202);
  await page.getByRole("button", { name: "Release" }).click();
  await until("released", async () => (await server.must("operator/get-account", { account: "trader2" }))["account"].suspended === false);
});

test("a key is revoked, a person made", { skip }, async () => {
  const { page } = watched;
  const key = (await server.must("operator/create-api-key", { account: "trader2", label: "bot" }))["api_key"] as string;
  await view("People and keys");
  await page.getByRole("button", { name: "Revoke " + key }).click();
  await page.locator("dialog").getByRole("button", { name: "Revoke it" }).click();
  await page.locator(`tr[data-row="${key}"]`).getByText("revoked").waitFor();
  const rows = (await server.must("operator/list-api-keys", { account: "trader2" }))["data"] as Json[];
  assert.equal(rows.find((row) => row["api_key"] === key)!["revoked"], true);
  const form = page.getByRole("form", { name: "New person" });
  await form.locator("input[name=name]").fill("rita");
  await form.locator("input[name=password]").fill("a-long-password");
  await form.getByLabel("Role").selectOption("RISK");
  await form.getByRole("button", { name: "Create" }).click();
  await page.getByRole("region", { name: "People" }).locator('tr[data-row="rita"]').waitFor();
  await watched.shot("console-people");
});

test("a withdrawal is approved", { skip }, async () => {
  const { page } = watched;
  const trader = server.account("trader");
  await server.call(trader, "private/x/add-withdrawal-address", { currency: "USD", address: "0xabc", network_id: "ETH", label: "mine" });
  const asked = await server.call(trader, "private/create-withdrawal", { currency: "USD", amount: "25", address: "0xabc" });
  assert.equal(asked["code"], 0, JSON.stringify(asked));
  await view("Money");
  await page.getByRole("region", { name: "Withdrawals" }).getByRole("button", { name: "Approve" }).click();
  await page.locator("dialog").getByText("25.00000000 USD of trader to 0xabc.").waitFor();
  await watched.shot("console-approve");
  await page.locator("dialog").getByRole("button", { name: "Approve it" }).click();
  await page.locator(".notices .good", { hasText: "Approved" }).waitFor();
  await page.getByText("No withdrawal waits.").waitFor();
});

test("an account is looked up as its trader sees it; a liquidation explained; the fund pays", { skip }, async () => {
  const { page } = watched;
  await view("Accounts");
  await page.getByLabel("Account (label or id)").fill("trader");
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByRole("region", { name: "Balance" }).waitFor();
  const before = await server.must("operator/get-house-balances");
  await server.must("operator/sandbox-crash", { instrument_name: S, fraction: "0.10", seconds: 3 });
  await until("the liquidation", async () => ((await server.must("operator/get-liquidations"))["data"] as Json[]).some((row) => row["kind"] === "ISOLATED" && row["status"] === "DONE"), 60_000);
  await view("Risk");
  await page.getByRole("region", { name: "Liquidations" }).getByRole("button", { name: "Explain" }).first().click();
  await until("the story", async () => ((await page.locator("dialog .story").textContent()) ?? "").length > 200);
  await page.keyboard.press("Escape");
  await until("the fund on the page is the fund", async () => {
    const house = await server.must("operator/get-house-balances");
    const shown = await watched.field("INSURANCE");
    return shown !== null && decimal.compare(decimal.of(shown), decimal.of(house["INSURANCE"] as string)) === 0 && house["INSURANCE"] !== before["INSURANCE"];
  });
  const newest = (await server.public("public/x/get-insurance-events", "limit=1")).data[0] as Json;
  await page.getByRole("region", { name: "Flows of the fund" }).locator(`tr[data-row="${newest["event_id"]}"]`).waitFor();
  await until("what the fund took over", async () => {
    const shown = await page.getByRole("region", { name: "Positions of the fund" }).locator(`tr[data-row="${S}"] [data-field=fund_quantity]`).getAttribute("data-value");
    return decimal.compare(decimal.of(shown), decimal.of((await exposure())["fund_quantity"] as string)) === 0;
  });
  await page.getByRole("region", { name: "Price feeds" }).getByText("every mark is fresh").waitFor();
  await watched.shot("console");
  await page.locator(".notices p").first().waitFor({ state: "detached", timeout: 10_000 });
  await page.evaluate(() => window.scrollTo(0, 0));
  await watched.picture("console");
});

const many = async (method: string, params: Json = {}): Promise<Json[]> => (await server.must(method, params))["data"] as Json[];

/** What the operator's methods say, under the names of the console. */
async function wanted(): Promise<Wanted> {
  const all: Wanted = new Map();
  for (const row of await many("operator/get-exposure")) {
    const name = row["instrument_name"] as string;
    want(all, `Exposure / ${name}`, row, ["mark_price", "open_interest", "position_value", "positions", "isolations", "within_1_percent", "within_2_percent", "within_5_percent", "liquidating", "funding_rate"]);
    want(all, `Positions of the fund / ${name}`, row, ["fund_quantity", "fund_position_cap"]);
    want(all, `Instruments / ${name}`, row, ["mark_price", "index_price", "funding_rate"]);
  }
  want(all, "Insurance fund", await server.must("operator/get-house-balances"), ["INSURANCE", "fund_equity", "FEES", "WITHDRAWALS"]);
  for (const row of (await server.public("public/x/get-insurance-events", "limit=30")).data as Json[])
    want(all, `Flows of the fund / ${row["event_id"]}`, row, [["fund_event", "amount"], "balance"]);
  const liquidations = await many("operator/get-liquidations", { count: 50 });
  liquidations.forEach((row, at) => want(all, `Liquidations / ${row["isolation_id"] ?? row["account_id"]}${at}`, row,
    ["quantity", "mark_price", "closed_quantity", "taken_over_quantity", "deleveraged_quantity", "to_insurance_fund", "uncovered_loss"]));
  all.set("Liquidations: running", String(liquidations.filter((row) => row["status"] === "RUNNING").length));
  for (const row of await many("operator/get-withdrawals")) want(all, `Withdrawals / ${row["id"]}`, row, ["amount"]);
  const account = await server.must("operator/get-account", { account: "trader" });
  want(all, "Balance", account["balance"] as Json, ["total_margin_balance", "total_available_balance", "total_initial_margin", "total_maintenance_margin", "total_isolated_cash_balance"]);
  (account["positions"] as Json[]).forEach((row, at) => want(all, `Positions / ${row["isolation_id"] ?? at}`, row,
    ["leverage", "quantity", "average_price", "mark_price", "liquidation_price", "margin_ratio", "isolated_cash_balance", "open_position_pnl"]));
  for (const row of account["open_orders"] as Json[]) want(all, `Open orders / ${row["order_id"]}`, row, ["limit_price", "quantity", "cumulative_quantity"]);
  return all;
}

/** Held still: the console asks every two seconds, and what it was told is what the test is told. */
async function agrees(): Promise<void> {
  const { page } = watched;
  await server.pause();
  for (const [name, region] of [["Risk", "Exposure"], ["Instruments", "Instruments"], ["Money", "Withdrawals"], ["Accounts", "Balance"]] as const) {
    await view(name);
    if (name === "Accounts") {
      await page.getByLabel("Account (label or id)").fill("trader");
      await page.getByRole("button", { name: "Look up" }).click();
    }
    await page.getByRole("region", { name: region, exact: true }).waitFor();
    await until(name, async () => {
      const all = await seen(page);
      compare(all, await wanted());
      assert.ok(all.figures.length > 0);
      return true;
    });
  }
  await server.run();
}

test("each number of the console is the API's: after trades, after an outage, after a restart", { skip }, async () => {
  const { page } = watched;
  const trader = (): ReturnType<Server["account"]> => server.account("trader");
  const order = (params: Json): Promise<Json> => server.result(trader(), "private/create-order", { instrument_name: S, side: "BUY", ...params });
  const { mark_price } = await exposure();
  const low = decimal.floorTo(decimal.div(decimal.mul(decimal.of(mark_price as string), decimal.of("97")), decimal.of("100"), 1), decimal.of("0.5"));
  await order({ type: "MARKET", quantity: "0.01" });
  await order({ type: "MARKET", quantity: "0.01", exec_inst: ["ISOLATED_MARGIN"], leverage: "5" });
  await order({ type: "LIMIT", quantity: "0.01", price: decimal.text(low, 1) });
  assert.equal((await server.call(trader(), "private/create-withdrawal", { currency: "USD", amount: "12", address: "0xabc" }))["code"], 0);
  await agrees();
  await watched.shot("console-account");
  // The account's stories are told here as well.
  await page.getByRole("region", { name: "Positions", exact: true }).getByRole("button", { name: "Explain" }).first().click();
  await page.locator("dialog .story li").first().waitFor();
  assert.deepEqual(await violations(watched, "dialog"), [], "a story");
  await page.keyboard.press("Escape");
  await watched.context.setOffline(true);
  await page.getByText("The venue does not answer.").waitFor();
  await order({ type: "MARKET", quantity: "0.02" });
  await watched.context.setOffline(false);
  await page.getByText("The venue does not answer.").waitFor({ state: "detached" });
  await agrees();
  const before = server.ready.console_url!;
  await server.stop("SIGKILL");
  await page.getByText("The venue does not answer.").waitFor();
  await server.start(["--console", new URL(before).host]);
  await page.locator("form.login").waitFor();
  await enter("olga");
  await agrees();
});

test("the newer dialogs and the light theme have nothing that axe-core finds", { skip }, async () => {
  const { page } = watched;
  await page.getByRole("button", { name: "Change between dark and light" }).click();
  for (const name of ["Risk", "Instruments", "Accounts", "Money", "People and keys", "Audit and proof"]) {
    await view(name);
    assert.deepEqual(await violations(watched), [], `${name}, light`);
  }
  await watched.shot("console-light");
  const dialogs: [string, string, () => Promise<void>][] = [
    ["Instruments", "List an instrument", () => page.getByRole("button", { name: "List an instrument" }).click()],
    ["Instruments", "Risk of", () => page.locator(`tr[data-row="${S}"]`).getByRole("button", { name: "Risk…" }).click()],
    ["Instruments", "POST_ONLY", async () => void (await page.getByLabel("State of " + S).selectOption("POST_ONLY"))],
    ["Instruments", "Halt everything", () => page.getByRole("button", { name: "Halt everything" }).click()],
    ["Money", "Approve withdrawal", () => page.getByRole("region", { name: "Withdrawals" }).getByRole("button", { name: "Approve" }).click()],
    ["Money", "Reject withdrawal", () => page.getByRole("region", { name: "Withdrawals" }).getByRole("button", { name: "Reject" }).click()],
    ["People and keys", "Revoke a key", () => page.getByRole("button", { name: /^Revoke / }).first().click()],
    ["People and keys", "One-time codes", () => page.getByRole("button", { name: "Demand codes of rita" }).click()],
  ];
  for (const light of [true, false]) {
    for (const [where, title, press] of light ? dialogs : dialogs.slice(0, -1)) {
      await view(where);
      await press();
      await page.locator("dialog h2", { hasText: title }).waitFor();
      assert.deepEqual(await violations(watched, "dialog"), [], `${title}, ${light ? "light" : "dark"}`);
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
    }
    if (light) await page.getByRole("button", { name: "Change between dark and light" }).click();
  }
});

test("audit log, invariants and digest", { skip }, async () => {
  const { page } = watched;
  await view("Audit and proof");
  await page.getByText("all hold").waitFor();
  await page.getByRole("region", { name: "Audit log" }).getByText("operator/set-instrument-state").first().waitFor();
  for (const name of ["Risk", "Instruments", "Accounts", "Money", "People and keys", "Audit and proof"]) {
    await view(name);
    assert.deepEqual(await violations(watched), [], name);
  }
  await watched.shot("console-proof");
  watched.clean([/Failed to load resource/, /net::ERR/]);
});
