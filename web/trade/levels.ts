// One side of an order book as a sorted list.
import type { Level } from "../shared/types";

/** Prices are text with equal decimals, so that longer is larger and equal lengths compare as text. */
function comparePrices(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** One side with changes applied; `direction` 1 sorts ascending (asks), -1 descending (bids). */
export function applyLevels(levels: Level[], changes: Level[], direction: 1 | -1): Level[] {
  if (changes.length === 0) return levels;
  const result = levels.slice();
  for (const change of changes) {
    let low = 0;
    let high = result.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePrices(result[middle]![0], change[0]) * direction < 0) low = middle + 1;
      else high = middle;
    }
    const gone = /^0(\.0*)?$/.test(change[1]);
    const present = low < result.length && result[low]![0] === change[0];
    if (gone && present) result.splice(low, 1);
    else if (!gone) result.splice(low, present ? 1 : 0, change);
  }
  return result;
}
