// What axe-core finds wrong with a page: empty when people with other means than eyes and a mouse can use it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Watched } from "./harness";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function violations(page: Watched, within = "html"): Promise<unknown[]> {
  const session = await page.context.newCDPSession(page.page);
  // The debugger's own door: the page's CSP lets no script of ours in, and stays as it is.
  await session.send("Runtime.evaluate", { expression: axe });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document.querySelector("${within}"), {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.target.join(' ') + ' ' + n.failureSummary).slice(0, 3)])))`,
    awaitPromise: true, returnByValue: true,
  });
  return JSON.parse(String(result.value)) as unknown[];
}
