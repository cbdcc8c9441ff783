// Exact decimals. Prices, quantities and money come as text, are integers of a power of ten here, and go out as
// text. No number of the venue ever becomes a float, except where a picture is drawn.

/** units / 10^scale */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

const PLAIN = /^(-?)(\d*)(?:\.(\d*))?$/;

const powers: bigint[] = [1n];
export function power(exponent: number): bigint {
  while (powers.length <= exponent) powers.push(powers[powers.length - 1]! * 10n);
  return powers[exponent]!;
}

/** null: not a plain decimal ("1e5", "", ".", "1,5" are not). */
export function parse(text: string): Decimal | null {
  const match = PLAIN.exec(text);
  if (!match) return null;
  const whole = match[2] ?? "";
  const fraction = match[3] ?? "";
  if (whole === "" && fraction === "") return null;
  const units = BigInt(whole + fraction);
  return { units: match[1] ? -units : units, scale: fraction.length };
}

/** Text of the API, which is well formed; "" and null (no such value) give zero. */
export function of(text: string | null | undefined): Decimal {
  return (text && parse(text)) || ZERO;
}

export function rescale(value: Decimal, scale: number): bigint {
  if (scale >= value.scale) return value.units * power(scale - value.scale);
  return value.units / power(value.scale - scale);
}

function align(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [rescale(a, scale), rescale(b, scale), scale];
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b);
  return { units: x + y, scale };
}

export function sub(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b);
  return { units: x - y, scale };
}

export function mul(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/** a / b cut after `scale` places, toward zero; zero when b is zero. */
export function div(a: Decimal, b: Decimal, scale: number): Decimal {
  if (b.units === 0n) return ZERO;
  return { units: (a.units * power(scale + b.scale)) / (b.units * power(a.scale)), scale };
}

export function compare(a: Decimal, b: Decimal): number {
  const [x, y] = align(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

export function sign(a: Decimal): number {
  return a.units < 0n ? -1 : a.units > 0n ? 1 : 0;
}

export function abs(a: Decimal): Decimal {
  return a.units < 0n ? { units: -a.units, scale: a.scale } : a;
}

export function negate(a: Decimal): Decimal {
  return { units: -a.units, scale: a.scale };
}

/** The largest multiple of step not above |a|, with a's sign. */
export function floorTo(a: Decimal, step: Decimal): Decimal {
  const [x, y, scale] = align(a, step);
  if (y === 0n) return a;
  return { units: (x / y) * y, scale };
}

export function isMultiple(a: Decimal, step: Decimal): boolean {
  const [x, y] = align(a, step);
  return y === 0n || x % y === 0n;
}

/** Plain text with exactly `places` decimals, cut toward zero. */
export function text(value: Decimal, places: number): string {
  const units = rescale(value, places);
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = places > 0 ? "." + digits.slice(digits.length - places) : "";
  return (units < 0n ? "-" : "") + whole + fraction;
}

/** Plain text without trailing zeros: what an input field shows. */
export function plain(value: Decimal): string {
  const full = text(value, value.scale);
  return full.includes(".") ? full.replace(/\.?0+$/, "") : full;
}

/** Digits of the API for people: thousands apart by a thin space. */
export function spaced(digits: string): string {
  const point = digits.indexOf(".");
  let result = digits;
  for (let at = (point < 0 ? digits.length : point) - 3; at > 0; at -= 3) result = result.slice(0, at) + "\u202f" + result.slice(at);
  return result;
}

/** For people: thousands apart, a real minus sign. */
export function show(value: Decimal, places: number, signed = false): string {
  const raw = text(value, places);
  const negative = raw.startsWith("-");
  const body = spaced(negative ? raw.slice(1) : raw);
  const zero = /^[0.\u202f]*$/.test(body);
  if (negative && !zero) return "\u2212" + body;
  return signed && !zero ? "+" + body : body;
}

/** For drawing only. */
export function toNumber(value: Decimal): number {
  return Number(text(value, value.scale));
}
