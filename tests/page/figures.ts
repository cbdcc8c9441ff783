// Every number that a page shows, read from the screen: where it stands, which field it says it is, and whether its digits
// are that field's. What has digits and names no field is found too.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import * as decimal from "../../web/shared/decimal";

export interface Figure {
  /** The region and, in a table or a list, its row. */
  where: string;
  field: string;
  value: string;
  text: string;
}

export interface Seen {
  figures: Figure[];
  /** Digits that no field stands behind. */
  strays: string[];
}

/** Names, choices, titles, times and pictures have digits that are no figures of the venue; the ladder and the tape are
 * rows of one call each and are compared as such. */
const NOT_FIGURES = "[data-field], time, option, label, summary, code, h1, h2, thead, .figure .label, .level, .chart, .notices, .percents, " +
  ".hint .link, [role=radiogroup], .u-hz, td.text, .name, .who";

export async function seen(page: Page): Promise<Seen> {
  return page.evaluate((not) => {
    const figures: Figure[] = [];
    for (const one of document.querySelectorAll<HTMLElement>("[data-field]")) {
      if (!one.checkVisibility()) continue;
      const region = one.closest("[aria-label]:is(section, dialog, form), header, dialog")!;
      const row = one.closest<HTMLElement>("[data-row], [data-order]");
      const names = [region.getAttribute("aria-label") ?? "Header", row?.dataset["row"] ?? row?.dataset["order"] ?? ""];
      figures.push({ where: names.filter(Boolean).join(" / "), field: one.dataset["field"]!, value: one.dataset["value"] ?? "", text: one.classList.contains("adl") ? String(one.querySelectorAll(".on").length) : one.textContent ?? "" });
    }
    const strays: string[] = [];
    const walk = document.createTreeWalker(document.querySelector("#app")!, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const parent = node.parentElement!;
      if (/\d/.test(node.textContent ?? "") && parent.checkVisibility() && !parent.closest(not))
        strays.push(`${parent.closest("[aria-label]")?.getAttribute("aria-label") ?? ""}: ${node.textContent}`);
    }
    return { figures, strays };
  }, NOT_FIGURES);
}

/** The digits on the screen are the field's, cut to the places that are shown. */
export function readsAs(figure: Figure): void {
  const told = figure.text.replace(/[\u202f+×µ]/g, "").replace("\u2212", "-").replace("−", "-").trim();
  const percent = told.endsWith("%");
  const digits = decimal.parse(told.replace("%", ""));
  assert.ok(digits, `${figure.where}: ${figure.field} reads ${figure.text}`);
  const value = percent ? decimal.mul(decimal.of(figure.value), decimal.of("100")) : decimal.of(figure.value);
  const shown = decimal.text(digits, digits.scale);
  const cut = decimal.text(value, digits.scale);
  // Side stands in words beside some quantities.
  assert.ok([cut, cut.replace(/^-/, "")].includes(shown) || /^-?[0.]*$/.test(cut) && /^-?[0.]*$/.test(shown), `${figure.where}: ${figure.field} is ${figure.value} and reads ${figure.text}`);
}

export type Wanted = Map<string, string>;

/** Each figure is what the API says of it; one that nothing is known of is a failure as well, and so is a stray digit. */
export function compare(told: Seen, wanted: Wanted, elsewhere: string[] = []): void {
  assert.deepEqual(told.strays, [], "digits without a field");
  for (const figure of told.figures) {
    if (elsewhere.includes(figure.field)) continue;
    const name = `${figure.where}: ${figure.field}`;
    const value = wanted.get(name);
    assert.ok(value !== undefined, `nothing is known of ${name} (${figure.text})`);
    const [a, b] = [decimal.parse(figure.value), decimal.parse(value)];
    assert.ok(a && b ? decimal.compare(a, b) === 0 : figure.value === value, `${name}: page ${figure.value}, API ${value}`);
    if (a) readsAs(figure);
  }
}

/** Fields of one row under their own names, or under the page's: [field of the page, field of the API]. */
export function want(wanted: Wanted, where: string, row: Record<string, unknown>, fields: (string | readonly [string, string])[]): void {
  for (const one of fields) {
    const [field, key] = typeof one === "string" ? [one, one] : one;
    if (row[key] !== undefined && row[key] !== null && row[key] !== "") wanted.set(`${where}: ${field}`, String(row[key]));
  }
}
